//! `hubctl connectors`.

mod own;
mod read;
mod write;

pub(in crate::cli) use own::{Forget, Import, Lint};
pub(in crate::cli) use read::{Available, Get, Guide, List, Open, category_parser};
pub(in crate::cli) use write::{Add, Delete, Disable, Edit, Enable, MakeDefault};
