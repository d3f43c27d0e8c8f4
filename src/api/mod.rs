//! The wire: what requests and answers look like, and the one table of operations.
//!
//! Additive changes only; `--json` prints exactly these types.

pub mod accounts;
pub mod auth_configs;
pub mod check;
pub mod compact;
pub mod connect_sessions;
pub mod connectors;
pub mod cut;
pub mod end_user;
pub mod events;
mod json_text;
pub mod keys;
pub mod oauth_apps;
mod open;
pub mod openapi;
mod operations;
pub mod passing;
pub mod platform;
pub mod problem;
pub mod projects;
pub mod proxy;
pub mod request_logs;
pub mod requests;
pub mod scan;
pub mod schema;
pub mod webhooks;
pub mod write;

pub use end_user::{END_USER_OPERATIONS, EndUserOperation};
pub use json_text::JsonText;
pub use operations::{OPERATIONS, Operation, Origin};
