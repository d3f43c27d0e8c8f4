//! Linked accounts: statuses, holds, and why an account can't be used (rules AT-*, AC-14 to 21).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::auth_config::AuthConfig;
use super::ids::{AccountId, AuthConfigId};
use super::names::{AuthMethodKey, ConnectorKey};
use super::refusal::{Problem, Refusal};
use super::time::Timestamp;

mod link;
mod owner;
mod status;
mod usability;

use status::is_hold_reason;

pub use link::{Link, link_new, same_link};
pub use owner::{METADATA_LIMIT, Owner, Said, TEXT_LIMIT, check_metadata};
pub use status::{
    AccountType, BadStatus, BadType, REASON_DISABLED, REASON_SUSPENDED, Status, StatusReason,
    disabled_reason,
};
pub use usability::{FailedRefresh, NoToken, REFRESH_FAILING, Unusable};

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
    /// What is stored of its tokens, where that was read and they could not be renewed.
    pub failing: Option<Failing<'a>>,
}

/// What is stored of tokens that could not be renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failing<'a> {
    /// Since when.
    pub since: Timestamp,
    /// How it failed last, as it is stored.
    pub failure: &'a str,
    /// When the token ends, if it is known.
    pub expires_at: Option<Timestamp>,
    /// When the hub tries next by itself.
    pub next_try: Option<Timestamp>,
}

/// What a rule made of an account.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The account after the change.
    pub after: Account,
    /// Whether its object changed.
    pub changed: bool,
}

impl Account {
    /// Whether its provider refuses its credentials, so that calls wait for others (AT-5).
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.status, Status::Error | Status::Expired)
    }

    /// Whether an administrator put it away.
    #[must_use]
    pub fn is_archived(&self) -> bool {
        self.hold == Some(Status::Archived)
    }

    /// The status that the account object shows.
    #[must_use]
    pub fn shown_status(&self) -> Status {
        self.hold.unwrap_or(self.status)
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
        after.owner.id = update.owner_id.unwrap_or(after.owner.id);
        after.owner.name = update.owner_name.unwrap_or(after.owner.name);
        after.owner.username = update.username.unwrap_or(after.owner.username);
        if after == self {
            return Decided { after: self, changed: false };
        }
        Decided { after: Self { updated_at: now, ..after }, changed: true }
    }

    /// An account stays with its connector; naming that one changes nothing.
    ///
    /// # Errors
    /// [`Refusal::Invalid`].
    pub fn stays_with(&self, named: &ConnectorKey) -> Result<(), Refusal> {
        if *named == self.provider {
            return Ok(());
        }
        let message = format!("can't be changed: the account is of `{}`", self.provider);
        Err(Refusal::Invalid(vec![Problem::new("provider", message)]))
    }

    /// AT-15: what no change makes different may be named as it is, and changes nothing.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with all that differs.
    pub fn stays_so(&self, method: &AuthMethodKey, named: &Fixed) -> Result<(), Refusal> {
        let (method, status) = (method.as_str(), self.shown_status().as_str());
        let all = [
            (
                "authentication_config_key",
                named.method.as_deref().is_none_or(|key| key == method),
                format!("can't be changed: the account's credentials are of `{method}`"),
            ),
            (
                "environment",
                named.environment.as_deref().is_none_or(str::is_empty),
                "can't be set: accounts have none here".to_owned(),
            ),
            (
                "shared",
                named.shared != Some(true),
                "can't be set: accounts are not shared here".to_owned(),
            ),
            (
                "status",
                named.status.as_deref().is_none_or(|named| named == status),
                format!("can't be changed so: it is `{status}`; suspend or resume the account"),
            ),
        ];
        let wrong = all.into_iter().filter(|(_, is_so, _)| !is_so);
        let problems: Vec<Problem> =
            wrong.map(|(field, _, message)| Problem::new(field, message)).collect();
        if problems.is_empty() { Ok(()) } else { Err(Refusal::Invalid(problems)) }
    }

    /// AT-18: moves it from its auth config to another one of its connector and follows that one's
    /// state. The method stays, since credentials are of one method (AC-47). An error stays as well,
    /// and nothing is verified any more: what the provider says of the credentials there is not
    /// known.
    ///
    /// # Errors
    /// [`Refusal::WrongConnector`] (AT-17), [`Refusal::OtherMethod`].
    pub fn move_to(
        self,
        from: &AuthConfig,
        config: &AuthConfig,
        now: Timestamp,
    ) -> Result<Decided, Refusal> {
        if config.connector != self.provider {
            return Err(Refusal::WrongConnector {
                named: self.provider,
                actual: config.connector.clone(),
            });
        }
        if config.id == self.auth_config {
            return Ok(Decided { after: self, changed: false });
        }
        if config.method != from.method {
            return Err(Refusal::OtherMethod {
                account: self.id,
                own: from.method.clone(),
                named: config.method.clone(),
                auth_config: config.id.clone(),
            });
        }
        let auth_config = config.id.clone();
        let moved = Self { auth_config, verified_at: None, updated_at: now, ..self };
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
    /// The owner's id: whose link updates the account from then on (CS-8).
    pub owner_id: Option<String>,
    /// The owner's name.
    pub owner_name: Option<String>,
    /// The user name; `Some(None)` clears it.
    pub username: Option<Option<String>>,
}

/// What a change names of an account although no change makes it different (contract section 4.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fixed {
    /// The method of its credentials.
    pub method: Option<String>,
    /// The vendor's environment.
    pub environment: Option<String>,
    /// Whether it is shared.
    pub shared: Option<bool>,
    /// The status shown.
    pub status: Option<String>,
}

#[cfg(test)]
mod tests;
