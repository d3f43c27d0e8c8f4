//! The command line as its users meet it: the built binary, in a process of its own.

mod answers;
mod at_once;
mod bad_input;
mod bad_values;
mod brand;
mod contract;
mod customers;
mod doctor;
mod explaining;
mod following;
mod hints;
mod interrupts;
mod key_projects;
mod keys;
mod links;
mod orders;
mod output;
mod own;
mod profiles;
mod proxies;
mod secrets;
mod stores;
mod terminal;
mod waiting;
mod webhooks;
