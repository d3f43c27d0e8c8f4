//! The rules, as pure functions: no database, network, clock, randomness, environment or logging.

pub mod connector;
pub mod names;
pub mod secret;
pub mod time;
