//! The command line: what comes in as arguments and goes out as text.

pub mod exit;
pub mod output;
pub mod prompt;
