//! `hubctl connectors`.

mod own;
mod read;
mod write;

pub(in crate::cli) use own::{Forget, Found, Import, Lint};
pub(in crate::cli) use read::{Address, Available, Get, Guide, List, Open, category_parser};
pub(in crate::cli) use write::{Add, Delete, Disable, Edit, Enable, MakeDefault};
