//! The command line as its users meet it: the built binary, in a process of its own.

mod contract;
mod orders;
