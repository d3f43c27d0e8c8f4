//! What a write answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hub::accounts::Revocation;

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
    /// What the provider made of the tokens of an account that was deleted (AT-20).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<Revoked>,
    /// What it did that may not have been meant (AC-10).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What a provider made of a token that it was asked to forget.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Revoked {
    /// `access_token` or `refresh_token`.
    pub token: String,
    /// Whether the provider confirmed it.
    pub revoked: bool,
    /// Why not.
    pub reason: Option<String>,
}

impl From<Revocation> for Revoked {
    fn from(revocation: Revocation) -> Self {
        let reason = revocation.outcome.err();
        Self { token: revocation.token.to_owned(), revoked: reason.is_none(), reason }
    }
}
