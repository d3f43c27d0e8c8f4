//! What several tests need; it says nothing about how hubctl behaves.

#[cfg(unix)]
pub(crate) mod cli;
#[cfg(unix)]
pub(crate) mod postgres;
