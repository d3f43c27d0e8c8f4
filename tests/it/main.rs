//! The integration tests: one binary, so that it is linked once.
#![cfg(test)]

#[cfg(target_os = "linux")]
mod keyring;
#[cfg(unix)]
mod postgres;
#[cfg(unix)]
mod cli;
mod support;
