//! What is asked of connect sessions (contract section 3.1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::account::{AccountType, Owner};
use crate::domain::connect_session::{DEFAULT_LIFE_S, NewSession, State};
use crate::domain::refusal::Refusal;
use crate::domain::secret::Secret;
use crate::error::HubError;
use crate::hub::connect_sessions::{BatchItem, Filter};

use super::number::Whole;
use super::{Query, SecretText, auth_config, bad_value, parse};

/// A connect session that is asked for. Keys of older and undocumented generations
/// (`provider_version`, `shared`, `relink`, `scopes`) are ignored.
#[derive(Debug, Clone, PartialEq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
#[schemars(extend("required" = ["origin_owner_id", "origin_owner_name"]))]
pub struct NewConnectSession {
    /// Whose account is to be linked (CS-2).
    pub origin_owner_id: Option<String>,
    /// Their name.
    pub origin_owner_name: Option<String>,
    /// The person who links.
    pub origin_username: Option<String>,
    /// The connector (CS-20).
    pub provider: Option<String>,
    /// The auth config (CS-14).
    pub integration_id: Option<String>,
    /// The same under its newer name.
    pub connector_profile_id: Option<String>,
    /// Categories that limit the choice (CS-22).
    pub categories: Option<Vec<String>>,
    /// The account to edit (CS-12).
    pub account_id: Option<String>,
    /// Life in seconds (CS-25).
    #[schemars(with = "Option<i64>")]
    pub expires_in: Option<Whole>,
    /// Tags (CS-32).
    pub metadata: Option<Map<String, Value>>,
    /// Make a new account in any case (CS-10).
    pub multiple: Option<bool>,
    /// Label for the account (CS-31).
    pub label: Option<String>,
    /// `production` or `test` (CS-33); absent leaves that of an account that is there, and is
    /// `production` for a new one.
    #[serde(rename = "type")]
    #[schemars(with = "Option<AccountType>")]
    pub kind: Option<String>,
}

impl From<&NewSession> for NewConnectSession {
    fn from(new: &NewSession) -> Self {
        let categories = new.categories.iter().map(ToString::to_string).collect::<Vec<_>>();
        Self {
            origin_owner_id: Some(new.owner.id.clone()),
            origin_owner_name: Some(new.owner.name.clone()),
            origin_username: new.owner.username.clone(),
            provider: new.provider.as_ref().map(ToString::to_string),
            integration_id: new.auth_config.as_ref().map(ToString::to_string),
            connector_profile_id: None,
            categories: (!categories.is_empty()).then_some(categories),
            account_id: new.account.as_ref().map(ToString::to_string),
            expires_in: Some(new.expires_in_s.into()),
            metadata: (!new.metadata.is_empty()).then(|| new.metadata.clone()),
            multiple: Some(new.multiple),
            label: new.label.clone(),
            kind: new.kind.map(|kind| kind.as_str().to_owned()),
        }
    }
}

impl TryFrom<NewConnectSession> for NewSession {
    type Error = HubError;

    fn try_from(asked: NewConnectSession) -> Result<Self, HubError> {
        let mut problems = Vec::new();
        let categories = asked.categories.unwrap_or_default();
        let categories = categories
            .iter()
            .filter_map(|name| parse("categories", Some(name), &mut problems))
            .collect();
        let life = asked.expires_in.and_then(|life| life.read("expires_in", &mut problems));
        let new = Self {
            owner: Owner {
                id: asked.origin_owner_id.unwrap_or_default(),
                name: asked.origin_owner_name.unwrap_or_default(),
                username: asked.origin_username,
            },
            provider: parse("provider", asked.provider.as_deref(), &mut problems),
            auth_config: auth_config(
                asked.integration_id.as_deref(),
                asked.connector_profile_id.as_deref(),
                &mut problems,
            ),
            categories,
            account: parse("account_id", asked.account_id.as_deref(), &mut problems),
            expires_in_s: life.unwrap_or(DEFAULT_LIFE_S),
            label: asked.label,
            metadata: asked.metadata.unwrap_or_default(),
            multiple: asked.multiple.unwrap_or(false),
            kind: parse("type", asked.kind.as_deref(), &mut problems),
        };
        if problems.is_empty() { Ok(new) } else { Err(Refusal::SessionInvalid(problems).into()) }
    }
}

/// A token of which the session is asked for (CS-40).
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Authenticate {
    /// The token.
    pub token: SecretText,
}

impl From<Authenticate> for Secret {
    fn from(asked: Authenticate) -> Self {
        asked.token.into()
    }
}

/// The sessions of one step of a batch.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct NewBatch {
    /// The sessions, 1 to 1,000 of them.
    #[schemars(length(min = 1, max = 1000))]
    pub items: Vec<NewBatchItem>,
}

/// One session of a batch.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct NewBatchItem {
    /// Which of several equal ones it is, from 0.
    #[serde(default)]
    pub occurrence: u64,
    /// What is asked for.
    pub session: NewConnectSession,
}

impl From<&BatchItem> for NewBatchItem {
    fn from(item: &BatchItem) -> Self {
        Self { occurrence: item.occurrence, session: (&item.new).into() }
    }
}

impl TryFrom<NewBatchItem> for BatchItem {
    type Error = HubError;

    fn try_from(item: NewBatchItem) -> Result<Self, HubError> {
        Ok(Self { new: item.session.try_into()?, occurrence: item.occurrence })
    }
}

/// Which sessions to list, as query parameters.
#[must_use]
pub fn to_query(filter: &Filter) -> Query {
    let mut query = Query::default();
    if filter.pending {
        query.push("pending", true);
    }
    if filter.failed {
        query.push("failed", true);
    }
    query.push_opt("expiring_in", filter.expiring_in_s);
    query.push_opt("status", filter.state.map(State::as_str));
    query.push_opt("provider", filter.provider.as_ref());
    query.push_opt("origin_owner_id", filter.owner_id.as_ref());
    query
}

/// Which sessions to list.
///
/// # Errors
/// `usage.bad_value` naming the parameter.
pub fn filter(query: &Query) -> Result<Filter, HubError> {
    let expiring_in_s = query.one("expiring_in")?;
    if expiring_in_s.is_some_and(|seconds: i64| seconds < 0) {
        return Err(bad_value("expiring_in", "use 0 seconds or more"));
    }
    Ok(Filter {
        pending: query.flag("pending")?,
        expiring_in_s,
        state: query.one("status")?,
        provider: query.one("provider")?,
        owner_id: query.whose("origin_owner_id")?.map(str::to_owned),
        failed: query.flag("failed")?,
    })
}
