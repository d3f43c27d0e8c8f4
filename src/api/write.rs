//! What a write answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The outcome of a write for one target.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Written<T> {
    /// Kind and id of the target, such as `auth_config/0199…`.
    pub resource: String,
    /// Whether anything is different now.
    pub changed: bool,
    /// Whether it was only tried.
    pub dry_run: bool,
    /// Linked accounts that changed with it.
    pub affected_accounts: u64,
    /// The record of it.
    pub operation_id: Option<String>,
    /// The target before.
    pub before: Option<T>,
    /// The target after.
    pub after: Option<T>,
}
