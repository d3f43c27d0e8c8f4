//! Linking: which account a link updates, and what it makes of it (CS-5 to CS-10, AT-7, AT-8).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::status::{disabled_reason, is_hold_reason};
use super::{Account, AccountType, Owner, Status};
use crate::domain::auth_config::AuthConfig;
use crate::domain::ids::AccountId;
use crate::domain::names::ConnectorKey;
use crate::domain::time::Timestamp;

/// CS-8: decides which existing account a new link updates. The key is owner id, connector and
/// project; the caller has limited `candidates` to the project.
///
/// An archived account is never taken: new credentials would go into something that stays put
/// away, and whoever links would get nothing that works (AT-6, AT-7). They get a new account, as
/// after a delete (AT-23).
#[must_use]
pub fn same_link(candidate: &Account, owner_id: &str, provider: &ConnectorKey) -> bool {
    !candidate.is_archived() && candidate.is_of(owner_id) && candidate.provider == *provider
}

/// What a successful link brings.
#[derive(Debug, Clone)]
pub struct Link {
    /// Whose it is.
    pub owner: Owner,
    /// Label, if one was given (CS-31).
    pub label: Option<String>,
    /// Tags, if given.
    pub metadata: Option<Map<String, Value>>,
    /// Production or test, if given (CS-33).
    pub kind: Option<AccountType>,
    /// Values that are not secret.
    pub setup: BTreeMap<String, String>,
    /// When the provider accepted the credentials, if it was asked.
    pub verified_at: Option<Timestamp>,
}

/// CS-5: a new account, `active` (AT-2), or `inactive` where its auth config is disabled.
#[must_use]
pub fn link_new(id: AccountId, config: &AuthConfig, link: Link, now: Timestamp) -> Account {
    let account = Account {
        id,
        provider: config.connector.clone(),
        auth_config: config.id.clone(),
        owner: link.owner,
        label: link.label,
        kind: link.kind.unwrap_or_default(),
        status: Status::Active,
        hold: None,
        reasons: Vec::new(),
        setup: link.setup,
        metadata: link.metadata.unwrap_or_default(),
        verified_at: link.verified_at,
        created_at: now,
        updated_at: now,
        version: 0,
    };
    account.settle(config)
}

impl Account {
    /// CS-12, CS-41, HB-14: whether it is this owner's. An account that is named by its id is asked
    /// this anew each time: an administrator may have given it to another owner since the session or
    /// the login began.
    #[must_use]
    pub fn is_of(&self, owner_id: &str) -> bool {
        self.owner.id == owner_id
    }

    /// CS-6, AT-7, AT-8: new credentials for this account. It keeps its id and an administrator's
    /// hold; reasons are cleared. The owner is the link's, which never comes from a browser
    /// (CS-41).
    #[must_use]
    pub fn relink(self, config: &AuthConfig, link: Link, now: Timestamp) -> Self {
        let reasons = self.reasons.into_iter().filter(is_hold_reason).collect();
        let account = Self {
            auth_config: config.id.clone(),
            owner: self.owner.told_anew(link.owner),
            label: link.label.or(self.label),
            metadata: link.metadata.unwrap_or(self.metadata),
            kind: link.kind.unwrap_or(self.kind),
            status: Status::Active,
            reasons,
            setup: link.setup,
            verified_at: link.verified_at,
            updated_at: now,
            ..self
        };
        account.settle(config)
    }

    fn settle(mut self, config: &AuthConfig) -> Self {
        if let Some(since) = config.disabled_at {
            self.status = Status::Inactive;
            self.reasons.push(disabled_reason(since));
        }
        self
    }
}
