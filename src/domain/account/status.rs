//! The words that an account object shows: its status, why it has it, and what it is for.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// What the account object shows as its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Status {
    /// Usable (AT-2).
    Active,
    /// Its auth config is disabled (AT-3).
    Inactive,
    /// Paused by an administrator (AT-4).
    Suspended,
    /// Put away by an administrator.
    Archived,
    /// Its credentials ran out.
    Expired,
    /// Its credentials are refused (AT-5).
    Error,
}

impl Status {
    /// All of them, as the wire spells them.
    pub const ALL: [Self; 6] =
        [Self::Active, Self::Inactive, Self::Suspended, Self::Archived, Self::Expired, Self::Error];

    /// The wire's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Suspended => "suspended",
            Self::Archived => "archived",
            Self::Expired => "expired",
            Self::Error => "error",
        }
    }
}

/// The text is not a status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a status: use active, inactive, suspended, archived, expired or error")]
pub struct BadStatus(String);

impl FromStr for Status {
    type Err = BadStatus;

    fn from_str(text: &str) -> Result<Self, BadStatus> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| BadStatus(text.chars().take(40).collect()))
    }
}

/// What kind of use an account is for (CS-33).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountType {
    /// Real data.
    #[default]
    Production,
    /// A sandbox.
    Test,
}

impl AccountType {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Production, Self::Test];

    /// The wire's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Test => "test",
        }
    }
}

/// The text is not an account type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an account type: use production or test")]
pub struct BadType(String);

impl FromStr for AccountType {
    type Err = BadType;

    fn from_str(text: &str) -> Result<Self, BadType> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| BadType(text.chars().take(40).collect()))
    }
}

/// Why an account has its status (AT-10).
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct StatusReason {
    /// Since when.
    pub timestamp: Timestamp,
    /// Stable code.
    pub code: Option<String>,
    /// Words for people.
    pub description: Option<String>,
}

/// Code of the reason that a disabled auth config leaves on its accounts.
pub const REASON_DISABLED: &str = "auth_config_disabled";
/// Code of the reason that an administrator's pause leaves.
pub const REASON_SUSPENDED: &str = "suspended_by_administrator";

/// The reason that a disabled auth config leaves.
#[must_use]
pub fn disabled_reason(since: Timestamp) -> StatusReason {
    StatusReason {
        timestamp: since,
        code: Some(REASON_DISABLED.to_owned()),
        description: Some("the auth config is disabled".to_owned()),
    }
}

pub(super) fn is_hold_reason(reason: &StatusReason) -> bool {
    reason.code.as_deref() == Some(REASON_SUSPENDED)
}
