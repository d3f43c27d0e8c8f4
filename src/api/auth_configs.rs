//! Auth configs on the wire (contract section 5); the wire also calls them connector profiles.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::auth_config::{VersionOwner, VersionPin};
use crate::domain::connector::{Category, ReleaseStage};
use crate::domain::time::Timestamp;
use crate::hub::auth_configs::{Detail, Impact as Touched, View};

use super::open;

/// An auth config as lists show it: no secret, no field value (AC-37).
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct AuthConfig {
    /// Its id, also `integration_id` and `connector_profile_id` elsewhere.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The connector.
    pub connector_key: String,
    /// The connector's name.
    pub connector_label: String,
    /// The authentication method.
    #[serde(default)]
    pub authentication_config_key: String,
    /// The method's name.
    #[serde(default)]
    pub authentication_config_label: String,
    /// Whether it is enabled.
    pub active: bool,
    /// Whether sessions that name none use it.
    pub default: bool,
    /// The connector's categories.
    #[serde(default, deserialize_with = "open::categories")]
    pub categories: Vec<Category>,
    /// Where the connector's logo is.
    pub logo_url: String,
    /// How ripe the connector is.
    #[schemars(with = "ReleaseStage")]
    pub release_stage: Cow<'static, str>,
    /// The connector version in use.
    pub connector_version: Option<String>,
    /// The version pin.
    pub connector_pinned_version: Option<String>,
    /// `stackone` for a built-in connector, `project` for an own one.
    #[schemars(extend("enum" = ["stackone", "project", null]))]
    pub connector_owner: Option<String>,
    /// The vendor's environment.
    pub environment: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl From<&View> for AuthConfig {
    fn from(view: &View) -> Self {
        let config = &view.config;
        Self {
            id: config.id.to_string(),
            name: config.name.clone(),
            connector_key: config.connector.to_string(),
            connector_label: view.connector_name.clone(),
            authentication_config_key: config.method.to_string(),
            authentication_config_label: view.method_label.clone(),
            active: config.is_enabled(),
            default: config.is_default,
            categories: view.categories.clone(),
            logo_url: view.logo_url.clone(),
            release_stage: view.release_stage.as_str().into(),
            connector_version: Some(view.connector_version.clone()),
            connector_pinned_version: config
                .pin
                .as_ref()
                .map(|pin| VersionPin::as_str(pin).to_owned()),
            connector_owner: Some(VersionOwner::of(view.own).as_str().to_owned()),
            environment: None,
            created_at: config.created_at,
            updated_at: config.updated_at,
        }
    }
}

/// An auth config with what only its administrator needs: values, names of secrets, callback.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct AuthConfigDetail {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The connector.
    pub connector_key: String,
    /// The connector's name.
    pub connector_label: String,
    /// The authentication method.
    #[serde(default)]
    pub authentication_config_key: String,
    /// The method's name.
    #[serde(default)]
    pub authentication_config_label: String,
    /// Whether it is enabled.
    pub active: bool,
    /// Whether sessions that name none use it.
    pub default: bool,
    /// The connector's categories.
    #[serde(default, deserialize_with = "open::categories")]
    pub categories: Vec<Category>,
    /// The callback address to register with the vendor (AC-39).
    pub callback_url: Option<String>,
    /// Set-up values that are not secret.
    #[serde(default)]
    pub setup_information: BTreeMap<String, String>,
    /// Names of the set-up values that are stored sealed.
    #[serde(default)]
    pub secrets: BTreeSet<String>,
    /// Whether it uses the hub's own OAuth application, since it has none of its own (AC-41).
    #[serde(default)]
    pub uses_oauth_app: bool,
    /// How many accounts are linked through it.
    pub linked_accounts: Option<u64>,
    /// Since when it is disabled.
    pub disabled_at: Option<Timestamp>,
    /// Where the connector's logo is.
    pub logo_url: String,
    /// How ripe the connector is.
    #[schemars(with = "ReleaseStage")]
    pub release_stage: Cow<'static, str>,
    /// The connector version in use.
    pub connector_version: Option<String>,
    /// The version pin.
    pub connector_pinned_version: Option<String>,
    /// `stackone` for a built-in connector, `project` for an own one.
    #[schemars(extend("enum" = ["stackone", "project", null]))]
    pub connector_owner: Option<String>,
    /// The vendor's environment.
    pub environment: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl From<&View> for AuthConfigDetail {
    fn from(view: &View) -> Self {
        let plain = AuthConfig::from(view);
        Self {
            id: plain.id,
            name: plain.name,
            connector_key: plain.connector_key,
            connector_label: plain.connector_label,
            authentication_config_key: plain.authentication_config_key,
            authentication_config_label: plain.authentication_config_label,
            active: plain.active,
            default: plain.default,
            categories: plain.categories,
            callback_url: view.callback_url.clone(),
            setup_information: view.config.setup.clone(),
            secrets: view.config.secrets.clone(),
            uses_oauth_app: view.uses_oauth_app,
            linked_accounts: None,
            disabled_at: view.config.disabled_at,
            logo_url: plain.logo_url,
            release_stage: plain.release_stage,
            connector_version: plain.connector_version,
            connector_pinned_version: plain.connector_pinned_version,
            connector_owner: plain.connector_owner,
            environment: plain.environment,
            created_at: plain.created_at,
            updated_at: plain.updated_at,
        }
    }
}

impl From<&Detail> for AuthConfigDetail {
    fn from(detail: &Detail) -> Self {
        Self { linked_accounts: Some(detail.accounts), ..Self::from(&detail.view) }
    }
}

/// What a change would touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Impact {
    /// Linked accounts.
    pub affected_accounts: u64,
    /// Connect sessions that wait for a first success and would lose it, or link through another
    /// auth config.
    pub open_sessions: u64,
}

impl From<Touched> for Impact {
    fn from(impact: Touched) -> Self {
        Self { affected_accounts: impact.accounts, open_sessions: impact.sessions }
    }
}
