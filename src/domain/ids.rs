//! Ids as newtypes, checked once at the edge; none is made here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// The text does not have the form of an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}")]
pub struct BadId {
    what: &'static str,
    text: String,
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident, $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<uuid::Uuid> for $name {
            fn from(id: uuid::Uuid) -> Self {
                Self(id.to_string())
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                if is_id(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    let text = text.chars().take(80).collect();
                    Err(BadId { what: $what, text })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

text_ids! {
    /// Id of an auth config; the wire also calls it `integration_id` and `connector_profile_id`.
    AuthConfigId, "an auth config id";
    /// Id of a linked account.
    AccountId, "an account id";
    /// Id of a connection attempt.
    AttemptId, "an attempt id";
    /// Id of an API key; it is no secret.
    ApiKeyId, "an API key's id";
    /// Id of an event.
    EventId, "an event id";
    /// Id of a recorded administrator's operation.
    OperationId, "an operation id";
    /// Id of a webhook.
    WebhookId, "a webhook id";
}

impl AccountId {
    /// Whether it has the form of the ids that are made here, which sort in the order of creation.
    /// Ids of other hubs may have any.
    #[must_use]
    pub fn is_in_order(&self) -> bool {
        uuid::Uuid::try_parse(&self.0).is_ok_and(|id| id.to_string() == self.0)
    }
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident, $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(i64);

        impl $name {
            /// The number of a stored row.
            #[must_use]
            pub const fn from_row(number: i64) -> Self {
                Self(number)
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                match text.parse() {
                    Ok(number) if digits && number > 0 => Ok(Self(number)),
                    _ => Err(BadId { what: $what, text: text.chars().take(80).collect() }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

numbers! {
    /// Number of a connect session.
    SessionId, "a session number";
    /// Number of a webhook's delivery.
    DeliveryId, "a delivery's number";
}

/// Number by which the store refers to a project; people see its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProjectNumber(pub i64);

/// Number of an API key's row, which the key's text carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyNumber(pub i64);

#[cfg(test)]
mod tests {
    use super::{AccountId, SessionId};

    #[test]
    fn ids_of_other_hubs_are_accepted_and_nothing_that_could_steer_a_path_or_a_terminal() {
        for fine in ["45355976281015164504", "V1StGXR8_Z5jdHi6B-myT", "0199c2d4-7c1e-7000-8000-0"] {
            assert!(fine.parse::<AccountId>().is_ok(), "{fine}");
        }
        for bad in ["", "a/b", "a b", "..", "a\u{1b}[2J", "ä", &"a".repeat(65)] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_ids_that_are_made_here_have_an_order() {
        let is_in_order = |text: &str| text.parse::<AccountId>().unwrap().is_in_order();
        assert!(is_in_order("0199c2d4-7c1e-7000-8000-0123456789ab"));
        for other in [
            "nope",
            "45355976281015164504",
            "0199c2d47c1e700080000123456789ab",
            "0199C2D4-7C1E-7000-8000-0123456789AB",
        ] {
            assert!(!is_in_order(other), "{other}");
        }
    }

    #[test]
    fn session_numbers_are_positive_digits() {
        assert_eq!("90211".parse::<SessionId>().map(SessionId::get), Ok(90211));
        for bad in ["", "0", "-1", "+1", "1.0", "99999999999999999999", " 1"] {
            assert!(bad.parse::<SessionId>().is_err(), "{bad:?}");
        }
    }
}
