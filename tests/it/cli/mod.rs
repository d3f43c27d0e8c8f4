//! The command line as its users meet it: the built binary, in a process of its own.

mod bad_input;
mod contract;
mod orders;
mod stores;
mod terminal;
