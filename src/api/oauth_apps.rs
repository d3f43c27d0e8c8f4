//! The hub's own applications at providers, on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::{connectors, oauth_apps as hub};

use super::requests::SecretText;

/// The hub's own application at a provider; its secret is never in it.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct OAuthApp {
    /// The connector.
    pub connector_key: String,
    /// The application's id.
    pub client_id: String,
    /// How many auth configs use it, since they have none of their own.
    #[serde(default)]
    pub auth_configs: u64,
    /// When it was set first.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl From<&hub::OAuthApp> for OAuthApp {
    fn from(app: &hub::OAuthApp) -> Self {
        Self {
            connector_key: app.connector.to_string(),
            client_id: app.client_id.clone(),
            auth_configs: app.auth_configs,
            created_at: app.created_at,
            updated_at: app.updated_at,
        }
    }
}

/// What is asked for of one.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct NewOAuthApp {
    /// The application's id.
    pub client_id: String,
    /// Its secret.
    #[schemars(with = "String")]
    pub client_secret: SecretText,
}

impl NewOAuthApp {
    /// What is asked of the hub for a connector.
    ///
    /// # Errors
    /// `connector.not_found` for what can't be a connector's key.
    pub fn for_connector(self, key: &str) -> Result<hub::New, HubError> {
        let connector =
            key.parse().map_err(|_| connectors::unknown(&key.escape_debug().to_string()))?;
        Ok(hub::New {
            connector,
            client_id: self.client_id,
            client_secret: self.client_secret.into(),
        })
    }
}

impl From<&hub::New> for NewOAuthApp {
    fn from(new: &hub::New) -> Self {
        Self { client_id: new.client_id.clone(), client_secret: new.client_secret.clone().into() }
    }
}
