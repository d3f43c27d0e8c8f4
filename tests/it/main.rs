//! The integration tests: one binary, so that it is linked once.
#![cfg(test)]

#[cfg(unix)]
mod api;
mod assets;
#[cfg(unix)]
mod browser;
#[cfg(unix)]
mod cli;
mod client;
#[cfg(unix)]
mod completion;
mod concurrency;
#[cfg(unix)]
mod docs;
mod guards;
#[cfg(target_os = "linux")]
mod keyring;
mod linking;
#[cfg(unix)]
mod parity;
#[cfg(unix)]
mod postgres;
mod provider;
#[cfg(unix)]
mod proxy;
mod rotation;
mod rules;
#[cfg(unix)]
mod sample;
mod schemas;
#[cfg(unix)]
mod server;
mod store;
mod support;
