//! The command line as its users meet it: the built binary, in a process of its own.

mod bad_input;
mod contract;
mod doctor;
mod keys;
mod links;
mod orders;
mod output;
mod own;
mod profiles;
mod secrets;
mod stores;
mod terminal;
mod waiting;
