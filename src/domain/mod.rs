//! The rules, as pure functions: no database, network, clock, randomness, environment or logging.

pub mod secret;
pub mod time;
pub mod token;
