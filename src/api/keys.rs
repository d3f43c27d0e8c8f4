//! API keys on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::api_key::{self, NewKey, State};
use crate::domain::caller::Permission;
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::hub::api_keys::{Created, Seen};

/// An API key; its text is never in it (KP-2).
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Key {
    /// Its id.
    pub id: String,
    /// Its name, which never changes.
    pub name: String,
    /// The project that it is for.
    pub project_id: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// `active`, `disabled` or `expired`.
    #[schemars(with = "State")]
    pub status: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working; null if it does not expire.
    pub expires_at: Option<Timestamp>,
    /// Since when it is disabled.
    pub disabled_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl Key {
    /// The wire form of a key of a project that was looked at.
    #[must_use]
    pub fn seen(seen: &Seen, project: &str) -> Self {
        let Seen { key, now } = seen;
        Self::new(key, project, *now)
    }

    fn new(key: &api_key::ApiKey, project: &str, now: Timestamp) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.to_string(),
            project_id: project.to_owned(),
            scopes: key.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            status: key.state(now).as_str().to_owned(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            disabled_at: key.disabled_at,
            last_used_at: key.last_used_at,
        }
    }
}

/// A new API key: the object and its text, which is shown this once (KP-2).
#[derive(Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct CreatedKey {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The project that it is for.
    pub project_id: String,
    /// The key itself, in the answer of the create only.
    pub key: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Always `active`.
    #[schemars(with = "State")]
    pub status: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working; null if it does not expire.
    pub expires_at: Option<Timestamp>,
}

impl std::fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("CreatedKey");
        out.field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl CreatedKey {
    /// The wire form of a new key of a project.
    #[must_use]
    pub fn new(created: &Created, project: &str) -> Self {
        let key = Key::new(&created.key, project, created.key.created_at);
        Self {
            id: key.id,
            name: key.name,
            project_id: key.project_id,
            key: created.token.text().expose().to_owned(),
            scopes: key.scopes,
            status: key.status,
            created_at: key.created_at,
            expires_at: key.expires_at,
        }
    }
}

/// What is asked for of a new key.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct CreateKey {
    /// Its name.
    pub name: String,
    /// What it may do; without it the usual scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Life in seconds; without it the key does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i64>,
}

impl From<&NewKey> for CreateKey {
    fn from(new: &NewKey) -> Self {
        let names = |scopes: crate::domain::caller::Permissions| {
            scopes.iter().map(|scope| scope.as_str().to_owned()).collect()
        };
        Self {
            name: new.name.to_string(),
            scopes: new.scopes.map(names),
            expires_in: new.expires_in_s,
        }
    }
}

impl TryFrom<CreateKey> for NewKey {
    type Error = HubError;

    fn try_from(asked: CreateKey) -> Result<Self, HubError> {
        let bad = |text: String| HubError::new(&codes::API_KEY_INVALID, text);
        let scopes = asked.scopes.map(|scopes| {
            scopes.iter().map(|scope| scope.parse::<Permission>()).collect::<Result<_, _>>()
        });
        Ok(Self {
            name: asked.name.parse().map_err(|error| bad(format!("name: {error}")))?,
            scopes: scopes.transpose().map_err(|error| bad(format!("scopes: {error}")))?,
            expires_in_s: asked.expires_in,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<NewKey, HubError> {
        serde_json::from_str::<CreateKey>(json).unwrap().try_into()
    }

    #[test]
    fn a_request_is_read_back_as_it_was_written() {
        let full = r#"{"name":"ci","scopes":["admin","platform:read"],"expires_in":60,"new":1}"#;
        for text in [full, r#"{"name":"ci"}"#, r#"{"name":"ci","scopes":[]}"#] {
            let new = read(text).unwrap();
            let written = serde_json::to_string(&CreateKey::from(&new)).unwrap();
            assert_eq!(read(&written).unwrap(), new);
        }
        assert_eq!(read(r#"{"name":"ci"}"#).unwrap().scopes, None);
    }

    #[test]
    fn names_and_scopes_that_are_none_are_told() {
        for (text, told) in [
            (r#"{"name":"a b"}"#, "name: `a b` is not"),
            (r#"{"name":"ci","scopes":["root"]}"#, "scopes: `root` is not a scope"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.code().name, "api_key.invalid");
            assert!(error.message().starts_with(told), "{error}");
        }
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let text = r#"{"id":"i","name":"ci","project_id":"p","key":"v1.local.1_s3cret","scopes":[],
            "status":"active","created_at":"2026-06-01T09:00:00Z","expires_at":null,"later":1}"#;
        let key: CreatedKey = serde_json::from_str(text).unwrap();
        assert!(!format!("{key:?}").contains("s3cret"));
    }
}
