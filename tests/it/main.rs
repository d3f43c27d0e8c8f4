//! The integration tests: one binary, so that it is linked once.
#![cfg(test)]

#[cfg(unix)]
mod docs;
#[cfg(target_os = "linux")]
mod keyring;
#[cfg(unix)]
mod postgres;
mod support;
