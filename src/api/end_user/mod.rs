//! What end users' browsers are sent: the vendor's hub API (contract sections 9 and 10).
//!
//! Its component fails in odd ways on members that are missing or null where it expects none, so
//! every member is either always there or left out altogether.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::account::Account;
use crate::domain::secret::Secret;
use crate::hub::auth_configs::Given;
use crate::hub::end_user::{Choice, Form};
use crate::hub::oauth::{Attempt, AttemptState};

mod form;
mod logo;
mod operations;
#[cfg(test)]
mod tests;

pub use form::{Config, ConfigField, ConfigNotice, ConnectorForm, Help, Validation, validation};
pub use logo::Logo;
pub use operations::{END_USER_OPERATIONS, EndUserOperation, is_of_hub_api, meant};

/// What stands for a stored secret; it reveals no character (SE-2).
pub const SECRET_PLACEHOLDER: &str = "__secretvalue:**redacted**";

/// `GET /hub/settings`
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Settings {
    /// What the component may use.
    pub enabled_features: Vec<&'static str>,
    /// The account that is edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing_account_id: Option<String>,
}

impl Settings {
    /// The settings of a session that edits this account, or none.
    #[must_use]
    pub fn new(account: Option<&Account>) -> Self {
        Self {
            enabled_features: vec!["hub_link_account_release"],
            existing_account_id: account.map(|account| account.id.to_string()),
        }
    }
}

/// `GET /hub/connectors`
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Integrations {
    /// What can be picked.
    pub integrations: Vec<Integration>,
    /// What a provider is handed so that it can start actions (AC-51, HB-19).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_trigger_token: Option<String>,
}

/// A connector that can be picked.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Integration {
    /// Always true: what is disabled is not listed (AC-11).
    pub active: bool,
    /// Its name.
    pub name: String,
    /// Its key.
    pub provider: String,
    /// Its category.
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of its definition.
    pub version: String,
    /// The auth config's id, for every later call.
    pub integration_id: String,
    /// A picture.
    pub logo_url: String,
}

impl From<&Choice> for Integration {
    fn from(choice: &Choice) -> Self {
        let connector = &choice.connector;
        let drawn = || Logo::of(connector.key.as_str(), &connector.name).data_url();
        Self {
            active: true,
            name: connector.name.clone(),
            provider: connector.key.to_string(),
            kind: connector.categories.first().map(ToString::to_string).unwrap_or_default(),
            version: connector.version.clone(),
            integration_id: choice.config.id.to_string(),
            logo_url: choice.logo_url.clone().unwrap_or_else(drawn),
        }
    }
}

/// `GET /hub/accounts/{id}`
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EditedAccount {
    /// Its id.
    pub secure_id: String,
    /// Its connector.
    pub provider: String,
    /// Values that are not secret (SE-3).
    pub setup_information: BTreeMap<String, String>,
    /// What stands for each stored secret (SE-2).
    pub secrets: BTreeMap<String, String>,
    /// The version of the connector's definition.
    pub version: String,
    /// The auth config by which it is edited.
    pub integration_id: String,
}

impl EditedAccount {
    /// An account with the form by which it is edited.
    #[must_use]
    pub fn new(account: &Account, form: &Form) -> Self {
        let hidden = |key: &String| (key.clone(), SECRET_PLACEHOLDER.to_owned());
        Self {
            secure_id: account.id.to_string(),
            provider: account.provider.to_string(),
            setup_information: account.setup.clone(),
            secrets: form.stored_secrets.iter().map(hidden).collect(),
            version: form.connector.version.clone(),
            integration_id: form.config.id.to_string(),
        }
    }
}

/// `POST /hub/accounts` and `PATCH /hub/accounts/{id}`: whose account it is, is not for the browser
/// to say (CS-41).
#[derive(Debug, Clone, JsonSchema, Deserialize)]
pub struct Submission {
    /// The auth config.
    pub integration_id: String,
    /// What was filled in; texts, or numbers (HB-18).
    #[serde(default)]
    pub credentials: BTreeMap<String, Filled>,
}

/// A value of a form, which may be a secret.
#[derive(Clone, PartialEq, JsonSchema, Deserialize)]
#[serde(untagged, expecting = "expected a string, a number, true or false")]
pub enum Filled {
    /// A text.
    Text(String),
    /// A number.
    Number(serde_json::Number),
    /// Yes or no.
    Flag(bool),
    /// Nothing, which is as good as not sent.
    Nothing(()),
}

impl std::fmt::Debug for Filled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Filled(..)")
    }
}

impl Submission {
    /// The values that are there.
    #[must_use]
    pub fn values(self) -> Given {
        let text = |filled| match filled {
            Filled::Text(text) => Some(Secret::new(text)),
            Filled::Number(number) => Some(Secret::new(number.to_string())),
            Filled::Flag(flag) => Some(Secret::new(flag.to_string())),
            Filled::Nothing(()) => None,
        };
        let values = self.credentials.into_iter();
        values.filter_map(|(key, filled)| Some((key, text(filled)?))).collect()
    }
}

/// What a submission made.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Linked {
    /// The account.
    pub id: String,
    /// Its connector.
    pub provider: String,
}

impl From<&Account> for Linked {
    fn from(account: &Account) -> Self {
        Self { id: account.id.to_string(), provider: account.provider.to_string() }
    }
}

/// `POST /hub/connection_attempts`
#[derive(Clone, Default, JsonSchema, Deserialize)]
#[serde(default)]
pub struct NewAttempt {
    /// The session's token, the same as in the header; releases before 1.3.3 send it here alone.
    pub token: Option<String>,
}

impl std::fmt::Debug for NewAttempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewAttempt(..)")
    }
}

/// A new attempt.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct CreatedAttempt {
    /// Its id.
    pub id: String,
}

impl From<&Attempt> for CreatedAttempt {
    fn from(attempt: &Attempt) -> Self {
        Self { id: attempt.id.to_string() }
    }
}

/// `GET /hub/connection_attempts/{id}`
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct AttemptStatus {
    /// `pending`, `authenticated`, `error`, `cancelled` or `expired`.
    pub status: &'static str,
    /// The account, after a success (OA-5).
    pub account: Option<AccountRef>,
    /// What went wrong.
    pub error: Option<AttemptError>,
}

/// An account, by its id.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct AccountRef {
    /// The id.
    pub id: String,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct AttemptError {
    /// In one word.
    pub code: String,
    /// In more.
    pub description: Option<String>,
}

impl From<&Attempt> for AttemptStatus {
    fn from(attempt: &Attempt) -> Self {
        let status = |status| Self { status, account: None, error: None };
        match &attempt.state {
            AttemptState::Pending => status("pending"),
            AttemptState::Authenticated { account } => Self {
                account: Some(AccountRef { id: account.to_string() }),
                ..status("authenticated")
            },
            AttemptState::Failed { code, description } => Self {
                error: Some(AttemptError { code: code.clone(), description: description.clone() }),
                ..status("error")
            },
            AttemptState::Cancelled => status("cancelled"),
            AttemptState::Expired => status("expired"),
        }
    }
}
