//! Names that people and files give to things: parsed once, by the same code everywhere.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::words::escaped;

/// The longest key.
pub const MAX_KEY_LEN: usize = 64;

/// A text that is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not a {what}: use 1 to 64 of {allowed}")]
pub struct BadKey {
    shown: String,
    what: &'static str,
    allowed: &'static str,
}

impl BadKey {
    fn new(text: &str, what: &'static str, allowed: &'static str) -> Self {
        // What was typed may hold control characters or be very long.
        Self { shown: escaped(text, MAX_KEY_LEN), what, allowed }
    }
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:literal, $fine:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The text of the key.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadKey;

            fn from_str(text: &str) -> Result<Self, BadKey> {
                let fine: fn(u8) -> bool = $fine;
                if text.is_empty() || text.len() > MAX_KEY_LEN || !text.bytes().all(fine) {
                    return Err(BadKey::new(text, $what, $allowed));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_KEY_LEN })
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

key! {
    /// The key of a connector, such as `bamboohr`; the wire also calls it provider.
    ConnectorKey, "connector key", "a-z, 0-9, `-` and `_`",
    |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-')
}

key! {
    /// The key of one authentication method of a connector, such as `oauth2`.
    AuthMethodKey, "key of an authentication method", "letters, digits, `-` and `_`",
    |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::{AuthMethodKey, ConnectorKey};

    #[test]
    fn a_connector_key_is_short_lower_case_ascii() {
        for fine in ["bamboohr", "15five", "my-own_one", "a"] {
            assert_eq!(
                fine.parse::<ConnectorKey>().map(|key| key.to_string()),
                Ok(fine.to_owned())
            );
        }
        let long = "a".repeat(65);
        for bad in ["", "BambooHR", "bamboo hr", "bambôo", "../etc", "a\n", long.as_str()] {
            assert!(bad.parse::<ConnectorKey>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_method_key_keeps_its_case() {
        assert!("apiKey".parse::<AuthMethodKey>().is_ok());
        assert!("api.key".parse::<AuthMethodKey>().is_err());
    }

    #[test]
    fn threat_36_a_refused_key_is_shown_escaped() {
        let error = "\u{1b}[2J".parse::<ConnectorKey>().unwrap_err().to_string();
        assert!(!error.contains('\u{1b}'), "{error}");
    }

    #[test]
    fn keys_are_checked_when_read_from_json() {
        assert!(serde_json::from_str::<ConnectorKey>("\"acme\"").is_ok());
        assert!(serde_json::from_str::<ConnectorKey>("\"Acme\"").is_err());
    }
}
