//! Linked accounts on the wire (contract section 4).

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::account::{self as domain, AccountType, Listed, Status, StatusReason};
use crate::domain::connector::Category;
use crate::domain::time::Timestamp;
use crate::hub::accounts::{Explanation as Explained, Finding as Found, View};
use crate::hub::refresh::Note;

use super::{JsonText, open};

/// A linked account; it borrows from the row that it is read from.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Account<'a> {
    /// Its id.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// The connector.
    pub provider: Cow<'a, str>,
    /// The connector's name.
    pub provider_name: Option<Cow<'a, str>>,
    /// Whose it is.
    pub origin_owner_id: Cow<'a, str>,
    /// Their name.
    pub origin_owner_name: Cow<'a, str>,
    /// The person who linked it.
    pub origin_username: Option<Cow<'a, str>>,
    /// `active`, `inactive`, `suspended`, `archived`, `expired` or `error`.
    #[schemars(with = "Status")]
    pub status: Cow<'a, str>,
    /// Why.
    #[schemars(with = "Vec<StatusReason>")]
    #[serde(default)]
    pub status_reasons: JsonText<'a>,
    /// Why it can't be used, in lists that tell it: also where its status does not say so. Absent
    /// where it can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusable: Option<Unusable>,
    /// Label.
    pub label: Option<Cow<'a, str>>,
    /// Values that are not secret (AT-26).
    #[schemars(with = "Map<String, Value>")]
    #[serde(default)]
    pub setup_information: JsonText<'a>,
    /// `production` or `test`.
    #[serde(rename = "type")]
    #[schemars(with = "AccountType")]
    pub kind: Cow<'a, str>,
    /// The connector's categories.
    #[serde(default, deserialize_with = "open::categories_cow")]
    pub categories: Cow<'a, [Category]>,
    /// The auth config.
    #[serde(default)]
    pub integration_id: Cow<'a, str>,
    /// The same under its newer name.
    #[serde(default)]
    pub connector_profile_id: Cow<'a, str>,
    /// Whether the provider has accepted the credentials.
    #[serde(default)]
    pub verified: bool,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl<'a> Account<'a> {
    /// The wire form of a row, with its connector's name and categories.
    #[must_use]
    #[inline]
    pub fn new(row: &Listed<'a>, name: Option<&'a str>, categories: &'a [Category]) -> Self {
        Self {
            id: Cow::Borrowed(row.id),
            provider: Cow::Borrowed(row.provider),
            provider_name: name.map(Cow::Borrowed),
            origin_owner_id: Cow::Borrowed(row.owner_id),
            origin_owner_name: Cow::Borrowed(row.owner_name),
            origin_username: row.username.map(Cow::Borrowed),
            status: Cow::Borrowed(row.status),
            status_reasons: JsonText(Cow::Borrowed(row.reasons)),
            unusable: None,
            label: row.label.map(Cow::Borrowed),
            setup_information: JsonText(Cow::Borrowed(row.setup)),
            kind: Cow::Borrowed(row.kind),
            categories: Cow::Borrowed(categories),
            integration_id: Cow::Borrowed(row.auth_config),
            connector_profile_id: Cow::Borrowed(row.auth_config),
            verified: row.verified_at.is_some(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl Account<'static> {
    /// The wire form of an account, with its connector's name and categories.
    #[must_use]
    pub fn of(account: &domain::Account, name: Option<&str>, categories: &[Category]) -> Self {
        let setup: Map<String, Value> =
            account.setup.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
        let auth_config = account.auth_config.to_string();
        Self {
            id: account.id.to_string().into(),
            provider: account.provider.to_string().into(),
            provider_name: name.map(|name| name.to_owned().into()),
            origin_owner_id: account.owner.id.clone().into(),
            origin_owner_name: account.owner.name.clone().into(),
            origin_username: account.owner.username.clone().map(Cow::Owned),
            status: account.shown_status().as_str().into(),
            status_reasons: JsonText::of(&account.reasons),
            unusable: None,
            label: account.label.clone().map(Cow::Owned),
            setup_information: JsonText::of(&setup),
            kind: account.kind.as_str().into(),
            categories: categories.to_vec().into(),
            integration_id: auth_config.clone().into(),
            connector_profile_id: auth_config.into(),
            verified: account.verified_at.is_some(),
            created_at: account.created_at,
            updated_at: account.updated_at,
        }
    }
}

impl From<AccountDetail> for Account<'static> {
    fn from(detail: AccountDetail) -> Self {
        Self {
            id: detail.id.into(),
            provider: detail.provider.into(),
            provider_name: detail.provider_name.map(Cow::Owned),
            origin_owner_id: detail.origin_owner_id.into(),
            origin_owner_name: detail.origin_owner_name.into(),
            origin_username: detail.origin_username.map(Cow::Owned),
            status: detail.status,
            status_reasons: JsonText::of(&detail.status_reasons),
            unusable: None,
            label: detail.label.map(Cow::Owned),
            setup_information: JsonText::of(&detail.setup_information),
            kind: detail.kind,
            categories: detail.categories.into(),
            integration_id: detail.integration_id.into(),
            connector_profile_id: detail.connector_profile_id.into(),
            verified: detail.verified,
            created_at: detail.created_at,
            updated_at: detail.updated_at,
        }
    }
}

impl Account<'_> {
    /// Whether somebody should look at it: it can't be used, and no administrator wanted that.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        match self.unusable {
            // A hub that tells nothing of it may still have the status.
            None if self.status == Status::Active.as_str() => false,
            _ => self.status.parse().is_ok_and(Status::needs_attention),
        }
    }
}

/// Why an account can't be used.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Unusable {
    /// Stable code.
    pub code: String,
    /// What is the case.
    pub cause: String,
    /// Since when, if it is known.
    pub since: Option<Timestamp>,
}

impl From<domain::Unusable> for Unusable {
    fn from(unusable: domain::Unusable) -> Self {
        let domain::Unusable { code, cause, since } = unusable;
        Self { code, cause, since }
    }
}

/// A linked account with what only an administrator sees: tags, auth config, credential dates.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct AccountDetail {
    /// Its id.
    pub id: String,
    /// The connector.
    pub provider: String,
    /// The connector's name.
    pub provider_name: Option<String>,
    /// Whose it is.
    pub origin_owner_id: String,
    /// Their name.
    pub origin_owner_name: String,
    /// The person who linked it.
    pub origin_username: Option<String>,
    /// `active`, `inactive`, `suspended`, `archived`, `expired` or `error`.
    #[schemars(with = "Status")]
    pub status: Cow<'static, str>,
    /// Why.
    #[serde(default)]
    pub status_reasons: Vec<StatusReason>,
    /// Label.
    pub label: Option<String>,
    /// Values that are not secret.
    #[serde(default)]
    pub setup_information: Map<String, Value>,
    /// `production` or `test`.
    #[serde(rename = "type")]
    #[schemars(with = "AccountType")]
    pub kind: Cow<'static, str>,
    /// The connector's categories.
    #[serde(default, deserialize_with = "open::categories")]
    pub categories: Vec<Category>,
    /// Tags.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// The auth config.
    #[serde(default)]
    pub integration_id: String,
    /// The same under its newer name.
    #[serde(default)]
    pub connector_profile_id: String,
    /// The auth config's name.
    #[serde(default)]
    pub auth_config_name: String,
    /// Whether the provider has accepted the credentials.
    #[serde(default)]
    pub verified: bool,
    /// When it last did.
    pub verified_at: Option<Timestamp>,
    /// When the credentials were last replaced.
    pub credentials_updated_at: Option<Timestamp>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Whether it is new, or was there before; in the answer of the create only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<bool>,
}

impl AccountDetail {
    /// The wire form of an account, with its connector's name and categories.
    #[must_use]
    pub fn new(view: &View, name: Option<&str>, categories: &[Category]) -> Self {
        let account = &view.account;
        let setup = account.setup.iter();
        Self {
            id: account.id.to_string(),
            provider: account.provider.to_string(),
            provider_name: name.map(str::to_owned),
            origin_owner_id: account.owner.id.clone(),
            origin_owner_name: account.owner.name.clone(),
            origin_username: account.owner.username.clone(),
            status: account.shown_status().as_str().into(),
            status_reasons: account.reasons.clone(),
            label: account.label.clone(),
            setup_information: setup
                .map(|(key, value)| (key.clone(), value.as_str().into()))
                .collect(),
            kind: account.kind.as_str().into(),
            categories: categories.to_vec(),
            metadata: account.metadata.clone(),
            integration_id: account.auth_config.to_string(),
            connector_profile_id: account.auth_config.to_string(),
            auth_config_name: view.auth_config_name.clone(),
            verified: account.verified_at.is_some(),
            verified_at: account.verified_at,
            credentials_updated_at: view.credentials_at,
            created_at: account.created_at,
            updated_at: account.updated_at,
            created: None,
        }
    }
}

/// Why an account is or is not usable.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Explanation {
    /// The account.
    pub account: AccountDetail,
    /// Whether calls through it are possible.
    pub usable: bool,
    /// What stands in the way first, then what deserves a look.
    pub findings: Vec<Finding>,
    /// What its tokens are like, where they end or are renewed.
    #[serde(default)]
    pub token: Option<TokenState>,
}

/// What an account's tokens are like.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct TokenState {
    /// When the access token ends, if it is known.
    pub expires_at: Option<Timestamp>,
    /// When the credentials were last replaced.
    pub renewed_at: Timestamp,
    /// How often renewing failed since then.
    pub failures: u32,
    /// Since when it fails.
    pub failing_since: Option<Timestamp>,
    /// How it failed last.
    pub last_error: Option<String>,
    /// When the hub renews it next, or tries again.
    pub next_try_at: Option<Timestamp>,
}

impl From<Note> for TokenState {
    fn from(note: Note) -> Self {
        let (failing_since, last_error) = note.failing.unzip();
        Self {
            expires_at: note.expires_at,
            renewed_at: note.renewed_at,
            failures: note.failures,
            failing_since,
            last_error,
            next_try_at: note.next_try,
        }
    }
}

/// One cause or remark.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Finding {
    /// Stable code.
    pub code: String,
    /// Whether it stands in the way of calls.
    pub blocking: bool,
    /// What is the case.
    pub cause: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The operation that led to it.
    pub operation_id: Option<String>,
    /// The call that did it, where the log has it.
    #[serde(default)]
    pub request_id: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// The event that told of it.
    #[serde(default)]
    pub event_id: Option<String>,
    /// The command that helps.
    pub command: Option<String>,
}

impl Explanation {
    /// The wire form, with the connector's name and categories.
    #[must_use]
    pub fn new(explained: Explained, name: Option<&str>, categories: &[Category]) -> Self {
        Self {
            account: AccountDetail::new(&explained.view, name, categories),
            usable: explained.usable,
            findings: explained.findings.into_iter().map(Finding::from).collect(),
            token: explained.token.map(TokenState::from),
        }
    }
}

impl From<Found> for Finding {
    fn from(found: Found) -> Self {
        let (operation_id, request_id, actor) = match found.operation {
            Some(done) => (Some(done.id.to_string()), done.request, Some(done.actor)),
            None => (None, None, None),
        };
        Self {
            code: found.code,
            blocking: found.blocking,
            cause: found.cause,
            since: found.since,
            operation_id,
            request_id,
            actor,
            event_id: found.event.map(|event| event.to_string()),
            command: found.command,
        }
    }
}
