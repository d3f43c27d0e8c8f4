//! What happened, as data; rows of it are written in the transaction that caused them.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::caller::{Caller, Permission};
use super::ids::EventId;
use super::time::Timestamp;
use super::words::escaped;

/// The text is no kind of event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of event: use one such as account.created")]
pub struct BadEventKind(String);

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $ident:ident = $name:literal;)*) => {
        /// The kinds of event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $($(#[doc = $doc])+ $ident,)*
        }

        impl EventKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$ident),*];
            /// Their names on the wire, in the same order.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The kind's name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$ident => $name,)*
                }
            }
        }

        impl FromStr for EventKind {
            type Err = BadEventKind;

            fn from_str(text: &str) -> Result<Self, BadEventKind> {
                match text {
                    $($name => Ok(Self::$ident),)*
                    _ => Err(BadEventKind(escaped(text, 40))),
                }
            }
        }
    };
}

kinds! {
    /// A new account was linked (WH-1).
    AccountCreated = "account.created";
    /// An account changed in a way its object shows (WH-2, WH-10).
    AccountUpdated = "account.updated";
    /// An account was removed (WH-3).
    AccountDeleted = "account.deleted";
    /// An account's credentials stopped working (AT-5).
    AccountError = "account.error";
    /// An auth config was set up.
    AuthConfigCreated = "auth_config.created";
    /// An auth config's name, fields or pin changed.
    AuthConfigUpdated = "auth_config.updated";
    /// An auth config was enabled.
    AuthConfigEnabled = "auth_config.enabled";
    /// An auth config was disabled.
    AuthConfigDisabled = "auth_config.disabled";
    /// An auth config became its connector's default.
    AuthConfigDefaultChanged = "auth_config.default_changed";
    /// An auth config was removed.
    AuthConfigDeleted = "auth_config.deleted";
    /// An API key was made.
    KeyCreated = "key.created";
    /// An API key was disabled.
    KeyDisabled = "key.disabled";
    /// An API key was enabled again.
    KeyEnabled = "key.enabled";
    /// An API key was removed.
    KeyDeleted = "key.deleted";
    /// A connect session was created.
    SessionCreated = "session.created";
    /// An account was linked with a connect session.
    SessionUsed = "session.used";
    /// A connect session's life ended before an account was linked with it, and nobody revoked it.
    SessionExpired = "session.expired";
    /// A connect session was ended by an administrator.
    SessionRevoked = "session.revoked";
    /// A webhook was made.
    WebhookCreated = "webhook.created";
    /// A webhook's address, events or secret changed, or it was enabled again.
    WebhookUpdated = "webhook.updated";
    /// A webhook was disabled, by an administrator or because its receiver fails.
    WebhookDisabled = "webhook.disabled";
    /// A webhook was removed.
    WebhookDeleted = "webhook.deleted";
}

/// Who did it, among the facts of an event; webhooks are not told (WH-4).
pub const ACTOR: &str = "actor";

impl EventKind {
    /// Whether its facts say who did it.
    #[must_use]
    pub fn names_actor(self) -> bool {
        matches!(self.record_type(), "account" | "auth_config")
    }

    /// What kind of thing it happens to, as `record_type` names it.
    #[must_use]
    pub fn record_type(self) -> &'static str {
        let name = self.as_str();
        name.split_once('.').map_or(name, |(thing, _)| thing)
    }

    /// The right that seeing it needs: that of the list of such things.
    #[must_use]
    pub fn permission(self) -> Permission {
        match self.record_type() {
            "key" | "webhook" => Permission::Administer,
            _ => Permission::PlatformRead,
        }
    }

    /// The kinds that a caller sees; none where that is all of them.
    #[must_use]
    pub fn seen_by(caller: &Caller) -> Option<Vec<Self>> {
        let may = |kind: &Self| caller.may(kind.permission());
        let seen: Vec<Self> = Self::ALL.iter().copied().filter(may).collect();
        (seen.len() < Self::ALL.len()).then_some(seen)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An event, ready to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// Id of the account, auth config, session, webhook or API key that it happened to.
    pub subject: String,
    /// When.
    pub at: Timestamp,
    /// Facts that can't be looked up later, never a secret.
    pub data: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::{Caller, EventKind, Permission};
    use crate::domain::caller::ActingKey;
    use crate::domain::ids::{KeyNumber, ProjectNumber};

    #[test]
    fn names_are_read_back_and_begin_with_what_they_are_about() {
        for (kind, name) in EventKind::ALL.iter().zip(EventKind::NAMES) {
            assert_eq!(name.parse(), Ok(*kind));
            assert_eq!(kind.as_str(), *name);
            assert!(name.starts_with(&format!("{}.", kind.record_type())), "{name}");
        }
        for bad in ["", "account", "account.", "Account.created", "account.created ", "\u{1b}[2J"] {
            let error = bad.parse::<EventKind>().unwrap_err().to_string();
            assert!(!error.contains('\u{1b}'), "{error}");
        }
    }

    #[test]
    fn threat_14_who_may_not_list_keys_sees_no_events_of_them() {
        let key = |scopes: &str| {
            let (id, name) = ("k".parse().unwrap(), "ci".parse().unwrap());
            let scopes = scopes.parse().unwrap();
            let key = ActingKey { number: KeyNumber(7), id, name, scopes, expires_at: None };
            Caller::with_key(key, ProjectNumber(1), "default".to_owned())
        };
        let seen = EventKind::seen_by(&key("platform:read")).unwrap();
        let things: std::collections::BTreeSet<&str> =
            seen.iter().map(|kind| kind.record_type()).collect();
        assert_eq!(things.into_iter().collect::<Vec<_>>(), ["account", "auth_config", "session"]);
        assert_eq!(EventKind::seen_by(&key("platform:read admin")), None);
        assert_eq!(EventKind::KeyCreated.permission(), Permission::Administer);
    }
}
