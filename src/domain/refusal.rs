//! Every way in which a rule says no, as data; words for people are made further up.

use super::caller::Permissions;
use super::connector::exposure::Exposure;
use super::ids::{AccountId, AuthConfigId, WebhookId};
use super::names::{AuthMethodKey, ConnectorKey};
use super::time::Timestamp;

/// A rule's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// AC-24: accounts are linked through the auth config.
    HasAccounts {
        /// How many.
        accounts: u64,
    },
    /// AC-25: it is the default and has siblings; one of them could take over.
    IsDefault {
        /// A sibling that could be made the default first.
        sibling: AuthConfigId,
    },
    /// AC-12: the connector has no auth config in the project.
    NotSetUp {
        /// The connector.
        connector: ConnectorKey,
    },
    /// AC-12, CS-19: the auth config in question is disabled.
    Disabled {
        /// The connector.
        connector: ConnectorKey,
        /// Its disabled auth config.
        auth_config: AuthConfigId,
    },
    /// CS-17: the auth config is of another connector.
    WrongConnector {
        /// What the caller named.
        named: ConnectorKey,
        /// What the auth config belongs to.
        actual: ConnectorKey,
    },
    /// AT-18: an account's credentials are of another method than the auth config's.
    OtherMethod {
        /// The account.
        account: AccountId,
        /// The method of its credentials.
        own: AuthMethodKey,
        /// The method of the auth config named.
        named: AuthMethodKey,
        /// That auth config.
        auth_config: AuthConfigId,
    },
    /// AT-18: an account's credentials would go where they never went (threat 14).
    Elsewhere {
        /// The account.
        account: AccountId,
        /// Where they would go: scheme, host and port.
        origin: String,
        /// The auth config named.
        auth_config: AuthConfigId,
    },
    /// Another definition would take stored secrets where they never went, or show them (threats 12,
    /// 14), and the caller may not let it.
    Exposes {
        /// The connector.
        connector: ConnectorKey,
        /// What it would do with them.
        exposure: Exposure,
    },
    /// Values of a request are missing or wrong; all of them are listed.
    Invalid(Vec<Problem>),
    /// The same of a request for a connect session.
    SessionInvalid(Vec<Problem>),
    /// A value for a new API key can't be accepted.
    KeyInvalid(Problem),
    /// A new API key could do more than its maker.
    ScopesExceeded {
        /// What the maker lacks.
        lacking: Permissions,
    },
    /// A new API key would work longer than its maker.
    OutlivesMaker {
        /// When its maker stops working.
        end: Timestamp,
        /// How long that is from now, in whole seconds.
        left_s: i64,
    },
    /// A value for a webhook can't be accepted.
    WebhookInvalid(Problem),
    /// There is no next secret that could become the active one.
    NoNextSecret,
    /// A next secret waits to become the active one, and another one would take its place.
    NextSecretWaits {
        /// The webhook.
        webhook: WebhookId,
        /// When it was made.
        since: Timestamp,
    },
    /// The former secret still signs, and would not any more beside a next one.
    FormerSecretSigns {
        /// The webhook.
        webhook: WebhookId,
        /// When the active one took its place.
        since: Timestamp,
    },
    /// The webhook is disabled, so that nothing is sent to it (WH-7).
    WebhookDisabled,
    /// The account is archived: it can't be paused, resumed or linked again (AT-6).
    Archived,
    /// More accounts than the caller's limit would be touched.
    TooMany {
        /// How many.
        affected: u64,
        /// What would become of them.
        touch: Touch,
        /// The caller's limit.
        limit: u64,
    },
}

/// What a write does to linked accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// AC-14: they become inactive.
    Deactivate,
    /// AC-19: they become active again.
    Activate,
    /// They carry other values.
    Update,
    /// They get new credentials.
    Relink,
    /// AT-4: they are paused.
    Suspend,
    /// AT-4: their pause ends.
    Resume,
    /// Their provider is asked whether it accepts their credentials.
    Test,
    /// Their tokens are renewed.
    Refresh,
    /// They are called as another definition of their connector says.
    Redefine,
    /// They are gone.
    Delete,
}

/// One value that can't be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The value's name on the wire.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl Problem {
    /// A problem of the field.
    pub fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }
}
