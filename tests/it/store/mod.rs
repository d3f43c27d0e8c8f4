//! The storage contract: the same on both databases, and what a SQLite file may meet.

mod contract;
#[cfg(unix)]
mod files;
mod first_use;
#[cfg(unix)]
mod groups;
#[cfg(unix)]
mod hanging;
mod plans;
mod served;
#[cfg(unix)]
mod servers;
