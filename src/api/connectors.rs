//! Connectors of the catalog on the wire.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth_configs::AuthConfig;
use crate::domain::connector::{AuthKind, AuthMethod, Category, Confidence, ReleaseStage};
use crate::hub::connectors::{Resolved, Summary};

use super::open;

/// A connector as lists show it.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Connector {
    /// Its key; the wire also says `provider`.
    pub key: String,
    /// Its name.
    pub name: String,
    /// What sort of system it is.
    #[serde(default, deserialize_with = "open::categories")]
    pub categories: Vec<Category>,
    /// The version that is used without a pin.
    pub version: String,
    /// How ripe it is.
    pub release_stage: ReleaseStage,
    /// Whether the project imported it.
    pub own: bool,
    /// How accounts are linked.
    pub authentication: Vec<Method>,
}

/// An authentication method of a connector.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Method {
    /// Its key, for `--auth`.
    pub key: String,
    /// Its name.
    pub label: String,
    /// What sort of method it is.
    #[serde(rename = "type")]
    pub kind: AuthKind,
    /// Whether the administrator must fill in something first.
    pub needs_setup: bool,
}

impl From<Summary> for Connector {
    fn from(summary: Summary) -> Self {
        let method = |method: crate::hub::connectors::MethodSummary| Method {
            key: method.key,
            label: method.label,
            kind: method.kind,
            needs_setup: method.needs_setup,
        };
        Self {
            key: summary.key.to_string(),
            name: summary.name,
            categories: summary.categories,
            version: summary.version,
            release_stage: summary.release_stage,
            own: summary.own,
            authentication: summary.auth.into_iter().map(method).collect(),
        }
    }
}

/// Everything that is known of a connector.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct ConnectorDetail {
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// What sort of system it is.
    #[serde(default, deserialize_with = "open::categories")]
    pub categories: Vec<Category>,
    /// The version.
    pub version: String,
    /// How ripe it is.
    pub release_stage: ReleaseStage,
    /// Whether the project imported it.
    pub own: bool,
    /// What it is, in a sentence.
    pub description: Option<String>,
    /// The vendor's own reference.
    pub docs_url: Option<String>,
    /// The root of its API.
    pub base_url: String,
    /// Calls a second that the vendor allows.
    pub rate_limit: Option<f64>,
    /// How sure the facts are.
    pub confidence: Option<Confidence>,
    /// Oddities.
    pub notes: Option<String>,
    /// How accounts are linked, with every field.
    pub authentication: Vec<AuthMethod>,
    /// How it is set up in the project; absent for who may not read auth configs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<AuthConfig>")]
    pub auth_configs: Option<Vec<AuthConfig>>,
}

impl ConnectorDetail {
    /// The wire form of a definition and the auth configs that use it, where they may be seen.
    #[must_use]
    pub fn new(resolved: Resolved, auth_configs: Option<Vec<AuthConfig>>) -> Self {
        let Resolved { connector, own } = resolved;
        let connector = Arc::unwrap_or_clone(connector);
        Self {
            key: connector.key.to_string(),
            authentication: connector.auth,
            auth_configs,
            name: connector.name,
            categories: connector.categories,
            version: connector.version,
            release_stage: connector.release_stage,
            own,
            description: connector.description,
            docs_url: connector.docs_url,
            base_url: connector.base_url.as_str().to_owned(),
            rate_limit: connector.rate_limit,
            confidence: connector.confidence,
            notes: connector.notes,
        }
    }
}
