//! What the vendor answers: every key may be missing or null, enums are open (contract sections 3
//! to 5).

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::api::accounts::{Account, AccountDetail, Unusable};
use crate::api::connect_sessions::ConnectionAttempt;
use crate::catalog;
use crate::domain::account::{self as domain, StatusReason};
use crate::domain::connector::Category;
use crate::domain::time::Timestamp;

/// An account. Later generations use other names for some keys.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct VendorAccount {
    pub(super) id: Id,
    #[serde(alias = "connector")]
    pub(super) provider: String,
    provider_name: Option<String>,
    #[serde(alias = "owner_id")]
    pub(super) origin_owner_id: String,
    #[serde(default, alias = "owner_name")]
    origin_owner_name: Option<String>,
    origin_username: Option<String>,
    pub(super) status: String,
    status_reasons: Option<Vec<Reason>>,
    label: Option<Value>,
    setup_information: Option<Map<String, Value>>,
    metadata: Option<Map<String, Value>>,
    #[serde(rename = "type")]
    kind: Option<String>,
    categories: Option<Vec<String>>,
    integration_id: Option<String>,
    connector_profile_id: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

/// An id, which some generations write as a number.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Id {
    Text(String),
    Number(serde_json::Number),
}

impl Id {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Reason {
    timestamp: Timestamp,
    code: Option<String>,
    description: Option<String>,
}

impl VendorAccount {
    /// `production` where nothing is said, as the contract's default is.
    pub(super) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or("production")
    }

    fn label(&self) -> Option<String> {
        match self.label.as_ref()? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    fn name(&self) -> Option<String> {
        let built_in = || catalog::find_entry(&self.provider).map(|entry| entry.name.to_owned());
        self.provider_name.clone().or_else(built_in)
    }

    fn categories(&self) -> Vec<Category> {
        match &self.categories {
            Some(names) => names.iter().filter_map(|name| name.parse().ok()).collect(),
            None => {
                let entry = catalog::find_entry(&self.provider);
                entry.map(|entry| entry.categories.to_vec()).unwrap_or_default()
            }
        }
    }

    fn auth_config(&self) -> String {
        let id = self.integration_id.as_ref().or(self.connector_profile_id.as_ref());
        id.cloned().unwrap_or_default()
    }

    fn reasons(&self) -> Vec<StatusReason> {
        let reasons = self.status_reasons.iter().flatten();
        reasons
            .map(|reason| StatusReason {
                timestamp: reason.timestamp,
                code: reason.code.clone(),
                description: reason.description.clone(),
            })
            .collect()
    }

    /// Why it can't be used, as far as its status tells: of tokens nothing is known.
    fn unusable(&self) -> Option<Unusable> {
        let status = self.status.parse().ok()?;
        let found = domain::Unusable::of(status, &self.reasons(), None, self.updated_at);
        found.map(Unusable::from)
    }

    /// As lists show it.
    pub(super) fn listed(&self) -> Account<'static> {
        Account { unusable: self.unusable(), ..Account::from(self.detail()) }
    }

    /// As it is shown alone.
    pub(super) fn detail(&self) -> AccountDetail {
        AccountDetail {
            id: self.id.text(),
            provider: self.provider.clone(),
            provider_name: self.name(),
            origin_owner_id: self.origin_owner_id.clone(),
            origin_owner_name: self.origin_owner_name.clone().unwrap_or_default(),
            origin_username: self.origin_username.clone(),
            status: self.status.clone().into(),
            status_reasons: self.reasons(),
            label: self.label(),
            setup_information: self.setup_information.clone().unwrap_or_default(),
            kind: self.kind().to_owned().into(),
            categories: self.categories(),
            metadata: self.metadata.clone().unwrap_or_default(),
            integration_id: self.auth_config(),
            connector_profile_id: self.auth_config(),
            auth_config_name: String::new(),
            verified: self.status == "active",
            verified_at: None,
            credentials_updated_at: None,
            created_at: self.created_at,
            updated_at: self.updated_at,
            created: None,
        }
    }
}

/// A connect session.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct VendorSession {
    pub(super) id: Id,
    pub(super) organization_id: Option<Id>,
    pub(super) project_id: Option<Id>,
    pub(super) token: Option<String>,
    pub(super) auth_link_url: Option<String>,
    pub(super) categories: Option<Vec<String>>,
    pub(super) provider: Option<String>,
    pub(super) origin_owner_id: String,
    pub(super) origin_owner_name: String,
    pub(super) origin_username: Option<String>,
    pub(super) account_id: Option<String>,
    pub(super) integration_id: Option<String>,
    pub(super) connector_profile_id: Option<String>,
    pub(super) label: Option<String>,
    pub(super) metadata: Option<Map<String, Value>>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) external_trigger_token: Option<String>,
    pub(super) latest_connection_attempt: Option<ConnectionAttempt>,
    pub(super) created_at: Timestamp,
}

/// An auth config, also called a connector profile.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct VendorAuthConfig {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) connector_key: String,
    pub(super) connector_label: Option<String>,
    pub(super) authentication_config_key: Option<String>,
    pub(super) authentication_config_label: Option<String>,
    #[serde(default)]
    pub(super) active: bool,
    #[serde(default)]
    pub(super) default: bool,
    pub(super) categories: Option<Vec<String>>,
    pub(super) logo_url: Option<String>,
    pub(super) release_stage: Option<String>,
    pub(super) connector_version: Option<String>,
    pub(super) connector_pinned_version: Option<String>,
    pub(super) connector_owner: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

/// The version pin of an auth config.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct VendorPin {
    pub(super) pinned_version: String,
}
