//! What several tests need; it says nothing about how hubctl behaves.

pub(crate) mod command;
#[cfg(unix)]
pub(crate) mod postgres;
