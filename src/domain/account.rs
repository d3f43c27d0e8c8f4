//! Linked accounts: statuses, holds, and why an account can't be used (rules AT-*, AC-14 to 21).

use std::collections::BTreeMap;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::auth_config::AuthConfig;
use super::ids::{AccountId, AuthConfigId};
use super::names::ConnectorKey;
use super::refusal::Refusal;
use super::time::Timestamp;

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
        match text {
            "production" => Ok(Self::Production),
            "test" => Ok(Self::Test),
            _ => Err(BadType(text.chars().take(40).collect())),
        }
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

/// Who in the caller's own system an account belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The caller's id of the customer, compared exactly (CS-9).
    pub id: String,
    /// Name for people; data, not part of the match (CS-8).
    pub name: String,
    /// The person who links, if known.
    pub username: Option<String>,
}

/// A linked account; its credentials are sealed elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The connector.
    pub provider: ConnectorKey,
    /// The auth config that it was linked through (AT-25).
    pub auth_config: AuthConfigId,
    /// Whose it is.
    pub owner: Owner,
    /// Free label.
    pub label: Option<String>,
    /// Production or test.
    pub kind: AccountType,
    /// Status apart from an administrator's hold: active, inactive, expired or error.
    pub status: Status,
    /// An administrator's hold: suspended or archived. It survives disable and enable (AC-19..21).
    pub hold: Option<Status>,
    /// Why.
    pub reasons: Vec<StatusReason>,
    /// Values that are not secret (SE-3, AT-26).
    pub setup: BTreeMap<String, String>,
    /// Free key/value tags (CS-32).
    pub metadata: Map<String, Value>,
    /// When the credentials last passed the connector's light request.
    pub verified_at: Option<Timestamp>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When its object last changed (AT-19).
    pub updated_at: Timestamp,
    /// Counts changes; a save with an old number is refused.
    pub version: i64,
}

/// An account as a list shows it, borrowed from the row that it is read from.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// Its id.
    pub id: &'a str,
    /// The connector.
    pub provider: &'a str,
    /// Its auth config.
    pub auth_config: &'a str,
    /// The owner's id.
    pub owner_id: &'a str,
    /// The owner's name.
    pub owner_name: &'a str,
    /// The user name.
    pub username: Option<&'a str>,
    /// The label.
    pub label: Option<&'a str>,
    /// `production` or `test`.
    pub kind: &'a str,
    /// The status shown.
    pub status: &'a str,
    /// Why, as a JSON list.
    pub reasons: &'a str,
    /// Values that are not secret, as a JSON object.
    pub setup: &'a str,
    /// When the credentials were last proven.
    pub verified_at: Option<Timestamp>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a rule made of an account.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The account after the change.
    pub after: Account,
    /// Whether its object changed.
    pub changed: bool,
}

/// CS-8: decides which existing account a new link updates. The key is owner id, connector and
/// project; the caller has limited `candidates` to the project.
#[must_use]
pub fn same_link(candidate: &Account, owner_id: &str, provider: &ConnectorKey) -> bool {
    candidate.owner.id == owner_id && candidate.provider == *provider
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
    /// Production or test.
    pub kind: AccountType,
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
        kind: link.kind,
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
    /// The status that the account object shows.
    #[must_use]
    pub fn shown_status(&self) -> Status {
        self.hold.unwrap_or(self.status)
    }

    /// CS-6, AT-7, AT-8: new credentials for this account. It keeps its id and an administrator's
    /// hold; reasons are cleared.
    #[must_use]
    pub fn relink(self, config: &AuthConfig, link: Link, now: Timestamp) -> Self {
        let reasons = self.reasons.into_iter().filter(is_hold_reason).collect();
        let account = Self {
            auth_config: config.id.clone(),
            owner: Owner { username: link.owner.username.or(self.owner.username), ..link.owner },
            label: link.label.or(self.label),
            metadata: link.metadata.unwrap_or(self.metadata),
            kind: link.kind,
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

    /// AT-4, AT-9: an administrator pauses it, whatever its status; credentials stay.
    ///
    /// # Errors
    /// [`Refusal::Archived`].
    pub fn suspend(self, now: Timestamp) -> Result<Decided, Refusal> {
        match self.hold {
            Some(Status::Archived) => Err(Refusal::Archived),
            Some(_) => Ok(Decided { after: self, changed: false }),
            None => {
                let mut after = self;
                after.hold = Some(Status::Suspended);
                after.reasons.push(StatusReason {
                    timestamp: now,
                    code: Some(REASON_SUSPENDED.to_owned()),
                    description: Some("paused by an administrator".to_owned()),
                });
                after.updated_at = now;
                Ok(Decided { after, changed: true })
            }
        }
    }

    /// AT-4, AT-9: ends the pause; where the auth config is disabled, `inactive` shows again.
    ///
    /// # Errors
    /// [`Refusal::Archived`].
    pub fn resume(self, now: Timestamp) -> Result<Decided, Refusal> {
        match self.hold {
            Some(Status::Archived) => Err(Refusal::Archived),
            None => Ok(Decided { after: self, changed: false }),
            Some(_) => {
                let mut after = self;
                after.hold = None;
                after.reasons.retain(|reason| !is_hold_reason(reason));
                after.updated_at = now;
                Ok(Decided { after, changed: true })
            }
        }
    }

    /// AC-14: what disabling its auth config does to it.
    #[must_use]
    pub fn config_disabled(self, now: Timestamp) -> Decided {
        if self.status == Status::Inactive {
            return Decided { after: self, changed: false };
        }
        let mut reasons: Vec<StatusReason> =
            self.reasons.into_iter().filter(is_hold_reason).collect();
        reasons.push(disabled_reason(now));
        let after = Self { status: Status::Inactive, reasons, updated_at: now, ..self };
        Decided { after, changed: true }
    }

    /// AC-19, AC-20: what enabling its auth config does to it: `active`, whatever it was before
    /// the disable; a hold stays.
    #[must_use]
    pub fn config_enabled(self, now: Timestamp) -> Decided {
        if self.status != Status::Inactive {
            return Decided { after: self, changed: false };
        }
        let reasons = self.reasons.into_iter().filter(is_hold_reason).collect();
        let after = Self { status: Status::Active, reasons, updated_at: now, ..self };
        Decided { after, changed: true }
    }

    /// AT-15: changes the given keys only; `Some(None)` clears one.
    #[must_use]
    pub fn update(self, update: Update, now: Timestamp) -> Decided {
        let mut after = self.clone();
        if let Some(label) = update.label {
            after.label = label;
        }
        if update.clear_metadata {
            after.metadata.clear();
        }
        for (key, value) in update.metadata {
            match value {
                Some(value) => after.metadata.insert(key, value),
                None => after.metadata.shift_remove(&key),
            };
        }
        after.kind = update.kind.unwrap_or(after.kind);
        after.owner.name = update.owner_name.unwrap_or(after.owner.name);
        after.owner.username = update.username.unwrap_or(after.owner.username);
        if after == self {
            return Decided { after: self, changed: false };
        }
        Decided { after: Self { updated_at: now, ..after }, changed: true }
    }

    /// AT-18: moves it to another auth config of its connector and follows that one's state.
    ///
    /// # Errors
    /// [`Refusal::WrongConnector`] (AT-17).
    pub fn move_to(self, config: &AuthConfig, now: Timestamp) -> Result<Decided, Refusal> {
        if config.connector != self.provider {
            return Err(Refusal::WrongConnector {
                named: self.provider,
                actual: config.connector.clone(),
            });
        }
        if config.id == self.auth_config {
            return Ok(Decided { after: self, changed: false });
        }
        let moved = Self { auth_config: config.id.clone(), updated_at: now, ..self };
        let settled = if config.is_enabled() {
            moved.config_enabled(now).after
        } else {
            moved.config_disabled(now).after
        };
        Ok(Decided { after: Self { updated_at: now, ..settled }, changed: true })
    }
}

/// What an update changes; `None` leaves a key alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Update {
    /// Label; `Some(None)` clears it.
    pub label: Option<Option<String>>,
    /// Remove the tags that are there first (AT-15).
    pub clear_metadata: bool,
    /// Tags to set, or with `None` to remove.
    pub metadata: Vec<(String, Option<Value>)>,
    /// Production or test (AT-16).
    pub kind: Option<AccountType>,
    /// The owner's name.
    pub owner_name: Option<String>,
    /// The user name; `Some(None)` clears it.
    pub username: Option<Option<String>>,
}

/// The reason that a disabled auth config leaves.
#[must_use]
pub fn disabled_reason(since: Timestamp) -> StatusReason {
    StatusReason {
        timestamp: since,
        code: Some(REASON_DISABLED.to_owned()),
        description: Some("the auth config is disabled".to_owned()),
    }
}

fn is_hold_reason(reason: &StatusReason) -> bool {
    reason.code.as_deref() == Some(REASON_SUSPENDED)
}

#[cfg(test)]
mod tests {
    use super::super::auth_config::{NewAuthConfig, create};
    use super::*;
    use std::collections::BTreeSet;

    const T: fn(i64) -> Timestamp = Timestamp::from_millis;

    fn config(id: &str, connector: &str) -> AuthConfig {
        let new = NewAuthConfig {
            id: id.parse().unwrap(),
            connector: connector.parse().unwrap(),
            method: "api_key".parse().unwrap(),
            name: id.to_owned(),
            make_default: true,
            pin: None,
            setup: BTreeMap::new(),
            secrets: BTreeSet::new(),
        };
        create(&[], new, T(1)).after
    }

    fn link() -> Link {
        Link {
            owner: Owner { id: "acme-7".into(), name: "Acme".into(), username: None },
            label: None,
            metadata: None,
            kind: AccountType::Production,
            setup: BTreeMap::new(),
            verified_at: None,
        }
    }

    fn account() -> Account {
        link_new("acc".parse().unwrap(), &config("cfg", "bamboohr"), link(), T(2))
    }

    #[test]
    fn at_2_a_fresh_link_is_active() {
        assert_eq!(account().shown_status(), Status::Active);
    }

    #[test]
    fn cs_8_owner_id_and_provider_decide_and_the_name_does_not() {
        let known = account();
        assert!(same_link(&known, "acme-7", &"bamboohr".parse().unwrap()));
        assert!(!same_link(&known, "Acme-7", &"bamboohr".parse().unwrap()), "CS-9: exact");
        assert!(!same_link(&known, "acme-7", &"hibob".parse().unwrap()));
    }

    #[test]
    fn ac_14_ac_19_disable_and_enable_set_every_status_bluntly() {
        let mut failed = account();
        failed.status = Status::Error;
        let off = failed.config_disabled(T(3));
        assert!(off.changed);
        assert_eq!(off.after.shown_status(), Status::Inactive);
        assert_eq!(off.after.reasons[0].code.as_deref(), Some(REASON_DISABLED));
        let on = off.after.config_enabled(T(4));
        assert_eq!((on.changed, on.after.shown_status()), (true, Status::Active));
        assert_eq!(on.after.reasons, []);
    }

    #[test]
    fn ac_19_to_21_an_administrators_hold_survives_disable_and_enable() {
        let held = account().suspend(T(3)).unwrap().after;
        let off = held.config_disabled(T(4)).after;
        assert_eq!(off.shown_status(), Status::Suspended);
        let on = off.config_enabled(T(5)).after;
        assert_eq!(on.shown_status(), Status::Suspended);
        assert_eq!(on.resume(T(6)).unwrap().after.shown_status(), Status::Active);
    }

    #[test]
    fn at_9_resuming_under_a_disabled_config_gives_inactive() {
        let off = account().config_disabled(T(3)).after.suspend(T(4)).unwrap();
        assert!(off.changed, "suspending an inactive account is allowed");
        let resumed = off.after.resume(T(5)).unwrap().after;
        assert_eq!(resumed.shown_status(), Status::Inactive);
        assert_eq!(resumed.reasons.len(), 1);
    }

    #[test]
    fn at_7_at_8_relinking_cures_an_error_but_not_a_disabled_config() {
        let mut failed = account();
        failed.status = Status::Error;
        let config = config("cfg", "bamboohr");
        let cured = failed.clone().relink(&config, link(), T(9));
        assert_eq!((cured.shown_status(), cured.id.as_str()), (Status::Active, "acc"));
        let disabled = config.disable(T(8)).after;
        assert_eq!(failed.relink(&disabled, link(), T(9)).shown_status(), Status::Inactive);
    }

    #[test]
    fn at_15_at_19_update_touches_only_what_is_given() {
        let update = Update {
            label: Some(Some("EU".into())),
            metadata: vec![("plan".into(), Some("gold".into()))],
            ..Update::default()
        };
        let first = account().update(update.clone(), T(7));
        assert!(first.changed);
        assert_eq!((first.after.label.as_deref(), first.after.updated_at), (Some("EU"), T(7)));
        assert!(!first.after.clone().update(update, T(8)).changed, "the same again");
        let cleared = Update {
            label: Some(None),
            metadata: vec![("plan".into(), None)],
            ..Update::default()
        };
        let after = first.after.update(cleared, T(9)).after;
        assert_eq!((after.label, after.metadata.len()), (None, 0));
    }

    #[test]
    fn at_17_at_18_an_account_moves_only_within_its_connector() {
        let to_other = account().move_to(&config("x", "hibob"), T(5));
        assert!(matches!(to_other, Err(Refusal::WrongConnector { .. })));
        let disabled = config("two", "bamboohr").disable(T(4)).after;
        let moved = account().move_to(&disabled, T(5)).unwrap().after;
        assert_eq!(moved.shown_status(), Status::Inactive);
        assert_eq!(moved.auth_config.as_str(), "two");
        let back = moved.move_to(&config("cfg", "bamboohr"), T(6)).unwrap().after;
        assert_eq!(back.shown_status(), Status::Active);
    }
}
