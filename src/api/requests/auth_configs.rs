//! What is asked of auth configs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::auth_config::VersionOwner;
use crate::error::HubError;
use crate::hub::auth_configs::{Edit, Filter, IfExists, New};

use super::{Query, Values, checked, cleared, of_given, parse, to_given};

/// An auth config that is asked for.
#[derive(Debug, Clone, PartialEq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
#[schemars(extend("required" = ["connector_key"]))]
pub struct NewAuthConfig {
    /// The connector.
    pub connector_key: Option<String>,
    /// The authentication method; the first one that needs nothing more where none is given.
    pub authentication_config_key: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Set-up values, secrets among them.
    pub values: Values,
    /// Whether it shall become the default (AC-4).
    pub default: Option<bool>,
    /// Version pin (AC-45).
    pub connector_pinned_version: Option<String>,
    /// `fail`, `skip` or `update`: what to do where it is there already.
    #[schemars(with = "Option<IfExists>")]
    pub if_exists: Option<String>,
}

impl From<&New> for NewAuthConfig {
    fn from(new: &New) -> Self {
        Self {
            connector_key: Some(new.connector.to_string()),
            authentication_config_key: new.method.as_ref().map(ToString::to_string),
            name: new.name.clone(),
            values: of_given(&new.values),
            default: Some(new.make_default),
            connector_pinned_version: new.pin.as_ref().map(|pin| pin.as_str().to_owned()),
            if_exists: Some(new.if_exists.as_str().to_owned()),
        }
    }
}

impl TryFrom<NewAuthConfig> for New {
    type Error = HubError;

    fn try_from(asked: NewAuthConfig) -> Result<Self, HubError> {
        let mut problems = Vec::new();
        let connector = asked.connector_key.as_deref().or(Some(""));
        let method = asked.authentication_config_key.as_deref();
        let pin = asked.connector_pinned_version.as_deref();
        let method = parse("authentication_config_key", method, &mut problems);
        let pin = parse("connector_pinned_version", pin, &mut problems);
        let if_exists = parse("if_exists", asked.if_exists.as_deref(), &mut problems);
        let connector = parse("connector_key", connector, &mut problems);
        let new = connector.map(|connector| Self {
            connector,
            method,
            name: asked.name,
            values: to_given(asked.values),
            make_default: asked.default.unwrap_or(false),
            pin,
            if_exists: if_exists.unwrap_or(IfExists::Fail),
        });
        checked(new, problems)
    }
}

/// Changes of an auth config; what is absent stays (AC-38).
#[derive(Debug, Clone, PartialEq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct EditAuthConfig {
    /// New name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Set-up values to replace; an empty one clears an optional value.
    pub values: Values,
    /// New version pin; null removes it.
    #[serde(deserialize_with = "cleared", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub connector_pinned_version: Option<Option<String>>,
}

impl From<&Edit> for EditAuthConfig {
    fn from(edit: &Edit) -> Self {
        let text = |pin: &crate::domain::auth_config::VersionPin| pin.as_str().to_owned();
        Self {
            name: edit.name.clone(),
            values: of_given(&edit.values),
            connector_pinned_version: edit.pin.as_ref().map(|pin| pin.as_ref().map(text)),
        }
    }
}

impl TryFrom<EditAuthConfig> for Edit {
    type Error = HubError;

    fn try_from(asked: EditAuthConfig) -> Result<Self, HubError> {
        let mut problems = Vec::new();
        let pin = asked
            .connector_pinned_version
            .map(|pin| parse("connector_pinned_version", pin.as_deref(), &mut problems));
        let edit = Self { name: asked.name, values: to_given(asked.values), pin, pin_owner: None };
        checked(Some(edit), problems)
    }
}

/// A version pin that is asked for (contract section 5.2).
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct NewPin {
    /// The pin (AC-45).
    pub pinned_version: String,
    /// Whose version it is to lead to; one that leads to another's is refused.
    #[serde(default)]
    #[schemars(with = "Option<VersionOwner>")]
    pub owner: Option<String>,
}

impl TryFrom<NewPin> for Edit {
    type Error = HubError;

    fn try_from(asked: NewPin) -> Result<Self, HubError> {
        let mut problems = Vec::new();
        let pin = parse("pinned_version", Some(&asked.pinned_version), &mut problems);
        let pin_owner = parse("owner", asked.owner.as_deref(), &mut problems);
        checked(Some(Self { pin: Some(pin), pin_owner, ..Self::default() }), problems)
    }
}

/// Which auth configs to list, as query parameters.
#[must_use]
pub fn to_query(filter: &Filter) -> Query {
    let mut query = Query::default();
    query.push_opt("enabled", filter.enabled);
    query.push_opt("connector_key", filter.connector.as_ref());
    query.push_all("categories", &filter.categories);
    query.push_opt("search", filter.search.as_deref());
    query
}

/// Which auth configs to list (AC-43).
///
/// # Errors
/// `usage.bad_value` naming the parameter.
pub fn filter(query: &Query) -> Result<Filter, HubError> {
    Ok(Filter {
        enabled: query.one("enabled")?,
        categories: query.all("categories")?,
        search: query.text("search").map(str::to_owned),
        connector: query.one("connector_key")?,
    })
}
