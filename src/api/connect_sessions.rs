//! Connect sessions on the wire (contract section 3).

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::account::AccountType;
use crate::domain::attempt::{Attempt, AttemptState};
use crate::domain::connect_session::{ConnectSession as Session, State};
use crate::domain::connector::Category;
use crate::domain::time::Timestamp;
use crate::hub::connect_sessions::{Created, Seen};

use super::open;

/// The organisation of every project of a hub of one's own.
const ORGANIZATION: &str = "local";

/// The newest login at a provider within a session (contract section 3.5).
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct ConnectionAttempt {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
    /// `pending`, `authenticated`, `error`, `cancelled` or `expired`.
    pub status: Option<Cow<'static, str>>,
    /// After a success, the id of the account.
    pub account_secure_id: Option<String>,
    /// After a failure, the provider's code or the hub's.
    pub oauth_error_code: Option<String>,
    /// After a failure, words for people.
    pub oauth_error_description: Option<String>,
}

impl From<&Attempt> for ConnectionAttempt {
    fn from(attempt: &Attempt) -> Self {
        let (code, description) = match &attempt.state {
            AttemptState::Failed { code, description } => (Some(code), description.as_ref()),
            _ => (None, None),
        };
        let account = match &attempt.state {
            AttemptState::Authenticated { account } => Some(account.to_string()),
            _ => None,
        };
        Self {
            id: attempt.id.to_string(),
            created_at: Some(attempt.created_at),
            updated_at: Some(attempt.updated_at),
            status: Some(attempt.state.as_str().into()),
            account_secure_id: account,
            oauth_error_code: code.cloned(),
            oauth_error_description: description.cloned(),
        }
    }
}

/// A connect session; its token is never in it (CS-4).
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct ConnectSession {
    /// Its number.
    pub id: i64,
    /// The organisation.
    pub organization_id: String,
    /// The project.
    pub project_id: String,
    /// Categories that limit the choice.
    #[serde(default, deserialize_with = "open::some_categories")]
    pub categories: Option<Vec<Category>>,
    /// The connector.
    pub provider: Option<String>,
    /// Whose account is to be linked.
    pub origin_owner_id: String,
    /// Their name.
    pub origin_owner_name: String,
    /// The person who links.
    pub origin_username: Option<String>,
    /// The account to edit.
    pub account_id: Option<String>,
    /// The auth config in use (CS-36).
    pub integration_id: Option<String>,
    /// The same under its newer name.
    pub connector_profile_id: Option<String>,
    /// Label for the account.
    pub label: Option<String>,
    /// Tags.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// Production or test.
    #[serde(rename = "type")]
    #[schemars(with = "AccountType")]
    pub kind: Cow<'static, str>,
    /// Whether a new account is made in any case.
    #[serde(default)]
    pub multiple: bool,
    /// What providers are handed so that they can start actions; in the answer of the create
    /// only.
    pub external_trigger_token: Option<String>,
    /// The newest login at a provider within it (CS-37).
    #[serde(default)]
    pub latest_connection_attempt: Option<ConnectionAttempt>,
    /// `pending`, `linked`, `expired` or `revoked`.
    #[schemars(with = "State")]
    pub status: Cow<'static, str>,
    /// The account that its latest success linked.
    pub linked_account_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its token stops working; the vendor does not tell.
    pub expires_at: Option<Timestamp>,
}

impl ConnectSession {
    /// The wire form of a session of a project, as it stands at `now`.
    #[must_use]
    pub fn new(session: &Session, project: &str, now: Timestamp) -> Self {
        let auth_config = session.auth_config.as_ref().map(ToString::to_string);
        let categories = &session.categories;
        Self {
            id: session.id.get(),
            organization_id: ORGANIZATION.to_owned(),
            project_id: project.to_owned(),
            categories: (!categories.is_empty()).then(|| categories.clone()),
            provider: session.provider.as_ref().map(ToString::to_string),
            origin_owner_id: session.owner.id.clone(),
            origin_owner_name: session.owner.name.clone(),
            origin_username: session.owner.username.clone(),
            account_id: session.account.as_ref().map(ToString::to_string),
            integration_id: auth_config.clone(),
            connector_profile_id: auth_config,
            label: session.label.clone(),
            metadata: session.metadata.clone(),
            kind: session.kind.unwrap_or_default().as_str().into(),
            multiple: session.multiple,
            external_trigger_token: None,
            latest_connection_attempt: None,
            status: session.state(now).as_str().into(),
            linked_account_id: session.linked_account.as_ref().map(ToString::to_string),
            created_at: session.created_at,
            expires_at: Some(session.expires_at),
        }
    }

    /// The wire form of a session that was looked at.
    #[must_use]
    pub fn seen(seen: &Seen, project: &str) -> Self {
        Self {
            latest_connection_attempt: seen.attempt.as_ref().map(ConnectionAttempt::from),
            ..Self::new(&seen.session, project, seen.now)
        }
    }
}

/// A new session: the object, its token and its link, which are shown this once (CS-3).
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct CreatedSession {
    /// Its number.
    pub id: i64,
    /// The organisation.
    pub organization_id: String,
    /// The project.
    pub project_id: String,
    /// The token.
    pub token: String,
    /// The address of its page.
    pub auth_link_url: String,
    /// Categories that limit the choice.
    #[serde(default, deserialize_with = "open::some_categories")]
    pub categories: Option<Vec<Category>>,
    /// The connector.
    pub provider: Option<String>,
    /// Whose account is to be linked.
    pub origin_owner_id: String,
    /// Their name.
    pub origin_owner_name: String,
    /// The person who links.
    pub origin_username: Option<String>,
    /// The account to edit.
    pub account_id: Option<String>,
    /// The auth config in use.
    pub integration_id: Option<String>,
    /// The same under its newer name.
    pub connector_profile_id: Option<String>,
    /// Label for the account.
    pub label: Option<String>,
    /// Tags.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// Production or test.
    #[serde(rename = "type")]
    #[schemars(with = "AccountType")]
    pub kind: Cow<'static, str>,
    /// Whether a new account is made in any case.
    #[serde(default)]
    pub multiple: bool,
    /// What providers are handed so that they can start actions.
    pub external_trigger_token: Option<String>,
    /// Always null: nothing was tried yet.
    pub latest_connection_attempt: Option<Value>,
    /// Always `pending`, or `linked` where a repeated batch finds it so.
    #[schemars(with = "State")]
    pub status: Cow<'static, str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its token stops working.
    pub expires_at: Timestamp,
}

/// A session of a batch.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Batched {
    /// Whether it is new.
    pub created: bool,
    /// The session.
    pub session: CreatedSession,
    /// The account that its latest success linked.
    pub linked_account_id: Option<String>,
}

impl Batched {
    /// The wire form of a session of a batch.
    #[must_use]
    pub fn new(made: &Created, created: bool, project: &str) -> Self {
        let linked_account_id = made.session.linked_account.as_ref().map(ToString::to_string);
        Self { created, session: CreatedSession::new(made, project), linked_account_id }
    }
}

impl CreatedSession {
    /// The wire form of a new session of a project.
    #[must_use]
    pub fn new(created: &Created, project: &str) -> Self {
        let session = ConnectSession::new(&created.session, project, created.session.created_at);
        let trigger = created.external_trigger_token.as_ref();
        Self {
            id: session.id,
            organization_id: session.organization_id,
            project_id: session.project_id,
            token: created.token.text().expose().to_owned(),
            auth_link_url: created.auth_link_url.expose().to_owned(),
            categories: session.categories,
            provider: session.provider,
            origin_owner_id: session.origin_owner_id,
            origin_owner_name: session.origin_owner_name,
            origin_username: session.origin_username,
            account_id: session.account_id,
            integration_id: session.integration_id,
            connector_profile_id: session.connector_profile_id,
            label: session.label,
            metadata: session.metadata,
            kind: session.kind,
            multiple: session.multiple,
            external_trigger_token: trigger.map(|token| token.expose().to_owned()),
            latest_connection_attempt: None,
            status: session.status,
            created_at: session.created_at,
            expires_at: created.session.expires_at,
        }
    }
}
