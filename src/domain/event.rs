//! What happened, as data; rows of it are written in the transaction that caused them.

use serde_json::Value;

use super::ids::EventId;
use super::time::Timestamp;

/// The kinds of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A new account was linked (WH-1).
    AccountCreated,
    /// An account changed in a way its object shows (WH-2, WH-10).
    AccountUpdated,
    /// A provider refuses an account's credentials (AT-5).
    AccountError,
    /// An account was removed (WH-3).
    AccountDeleted,
    /// An auth config was set up.
    AuthConfigCreated,
    /// An auth config's name, fields or pin changed.
    AuthConfigUpdated,
    /// An auth config was enabled.
    AuthConfigEnabled,
    /// An auth config was disabled.
    AuthConfigDisabled,
    /// An auth config became its connector's default.
    AuthConfigDefaultChanged,
    /// An auth config was removed.
    AuthConfigDeleted,
    /// An API key was made.
    KeyCreated,
    /// An API key was disabled.
    KeyDisabled,
    /// An API key was enabled again.
    KeyEnabled,
    /// An API key was removed.
    KeyDeleted,
}

impl EventKind {
    /// The kind's name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountCreated => "account.created",
            Self::AccountUpdated => "account.updated",
            Self::AccountError => "account.error",
            Self::AccountDeleted => "account.deleted",
            Self::AuthConfigCreated => "auth_config.created",
            Self::AuthConfigUpdated => "auth_config.updated",
            Self::AuthConfigEnabled => "auth_config.enabled",
            Self::AuthConfigDisabled => "auth_config.disabled",
            Self::AuthConfigDefaultChanged => "auth_config.default_changed",
            Self::AuthConfigDeleted => "auth_config.deleted",
            Self::KeyCreated => "key.created",
            Self::KeyDisabled => "key.disabled",
            Self::KeyEnabled => "key.enabled",
            Self::KeyDeleted => "key.deleted",
        }
    }
}

/// An event, ready to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// Id of the account, auth config or API key that it happened to.
    pub subject: String,
    /// When.
    pub at: Timestamp,
    /// Facts that can't be looked up later, never a secret.
    pub data: Option<Value>,
}
