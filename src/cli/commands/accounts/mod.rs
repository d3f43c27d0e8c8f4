//! `hubctl accounts`.

mod read;
mod relink;
mod watch;
mod write;

pub(super) use read::account_card;
pub(in crate::cli) use read::{Explain, Export, Get, List};
pub(in crate::cli) use relink::Relink;
pub(in crate::cli) use watch::DELETED;
pub(in crate::cli) use write::{Add, Delete, Refresh, Resume, Suspend, Test, Update};
