//! The integration tests: one binary, so that it is linked once.
#![cfg(test)]

mod concurrency;
#[cfg(target_os = "linux")]
mod keyring;
#[cfg(unix)]
mod postgres;
mod rules;
mod store;
mod support;
