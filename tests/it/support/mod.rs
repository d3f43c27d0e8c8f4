//! What several tests need; it says nothing about how hubctl behaves.

pub(crate) mod asked;
pub(crate) mod authority;
#[cfg(unix)]
pub(crate) mod cli;
pub(crate) mod command;
#[cfg(unix)]
pub(crate) mod customer;
#[cfg(unix)]
pub(crate) mod forward;
#[cfg(unix)]
pub(crate) mod frames;
#[cfg(unix)]
pub(crate) mod hooks;
pub(crate) mod http;
pub(crate) mod hub;
#[cfg(unix)]
pub(crate) mod nearby;
#[cfg(unix)]
pub(crate) mod npm;
#[cfg(unix)]
pub(crate) mod postgres;
#[cfg(unix)]
pub(crate) mod relay;
#[cfg(unix)]
pub(crate) mod serving;
pub(crate) mod signer;

/// The secret part of a session's token or an API key; it may have a `_` of its own.
pub(crate) fn secret_part(text: &str) -> &str {
    text.trim_start_matches("hcs_").split_once('_').unwrap().1
}
