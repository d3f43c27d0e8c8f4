//! `hubctl accounts`.

mod read;
mod write;

pub(in crate::cli) use read::{Explain, Export, Get, List};
pub(in crate::cli) use write::{Add, Delete, Refresh, Resume, Suspend, Test, Update};
