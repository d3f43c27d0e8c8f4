//! The rules of the contract through the hub's functions, on both databases. Each test begins with
//! the number of its rule.

mod accounts;
mod auth_configs;
mod batch;
mod brands;
mod deleting;
mod disabling;
#[cfg(unix)]
mod events;
mod expiry;
mod exposure;
mod guards;
#[cfg(unix)]
mod guesses;
mod isolation;
mod keys;
mod linking;
mod log_outcomes;
mod log_size;
mod receivers;
pub(crate) mod request_logs;
mod secrets;
mod sessions;
mod tallies;
mod webhooks;
