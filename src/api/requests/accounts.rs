//! What is asked of linked accounts (contract section 4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::account::{AccountType, Fixed, Owner, Update};
use crate::error::HubError;
use crate::hub::accounts::{Changes, Filter, New, Sort, Tags, Usability};
use crate::hub::auth_configs::IfExists;

use super::{Query, Values, auth_config, bad_value, checked, cleared, of_given, parse, to_given};

/// An account to link from credentials at hand.
#[derive(Debug, Clone, PartialEq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
#[schemars(extend("required" = ["provider", "origin_owner_id", "origin_owner_name"]))]
pub struct NewAccount {
    /// The connector.
    pub provider: Option<String>,
    /// The auth config; where none is given, that of an account that is there already, else the
    /// connector's default.
    pub integration_id: Option<String>,
    /// The same under its newer name.
    pub connector_profile_id: Option<String>,
    /// Whose account it is.
    pub origin_owner_id: Option<String>,
    /// Their name.
    pub origin_owner_name: Option<String>,
    /// The person who links.
    pub origin_username: Option<String>,
    /// Label.
    pub label: Option<String>,
    /// Tags; absent leaves those of an account that is there already.
    pub metadata: Option<Map<String, Value>>,
    /// `production` or `test`; absent leaves that of an account that is there already, and is
    /// `production` for a new one.
    #[serde(rename = "type")]
    #[schemars(with = "Option<AccountType>")]
    pub kind: Option<String>,
    /// Values of the method's fields.
    pub credentials: Values,
    /// Make a new account even where the owner has one of this connector (CS-10).
    pub multiple: Option<bool>,
    /// What to do where the owner has one of this connector: `update`, which is the default, gives
    /// it these credentials, `skip` leaves it as it is and `fail` refuses.
    #[schemars(with = "Option<IfExists>")]
    pub if_exists: Option<String>,
    /// Whether the provider is asked before anything is stored; absent is yes.
    pub verify: Option<bool>,
}

impl From<&New> for NewAccount {
    fn from(new: &New) -> Self {
        Self {
            provider: Some(new.provider.to_string()),
            integration_id: new.auth_config.as_ref().map(ToString::to_string),
            connector_profile_id: None,
            origin_owner_id: Some(new.owner.id.clone()),
            origin_owner_name: Some(new.owner.name.clone()),
            origin_username: new.owner.username.clone(),
            label: new.tags.label.clone(),
            metadata: new.tags.metadata.clone(),
            kind: new.tags.kind.map(|kind| kind.as_str().to_owned()),
            credentials: of_given(&new.values),
            multiple: Some(new.multiple),
            if_exists: Some(new.if_exists.as_str().to_owned()),
            verify: Some(new.verify),
        }
    }
}

impl TryFrom<NewAccount> for New {
    type Error = HubError;

    fn try_from(asked: NewAccount) -> Result<Self, HubError> {
        let mut problems = Vec::new();
        let provider = asked.provider.as_deref().or(Some(""));
        let provider = parse("provider", provider, &mut problems);
        let kind = parse("type", asked.kind.as_deref(), &mut problems);
        let if_exists = parse("if_exists", asked.if_exists.as_deref(), &mut problems);
        let auth_config = auth_config(
            asked.integration_id.as_deref(),
            asked.connector_profile_id.as_deref(),
            &mut problems,
        );
        let new = provider.map(|provider| Self {
            provider,
            auth_config,
            owner: Owner {
                id: asked.origin_owner_id.unwrap_or_default(),
                name: asked.origin_owner_name.unwrap_or_default(),
                username: asked.origin_username,
            },
            tags: Tags { label: asked.label, metadata: asked.metadata, kind },
            values: to_given(asked.credentials),
            multiple: asked.multiple.unwrap_or(false),
            if_exists: if_exists.unwrap_or(IfExists::Update),
            verify: asked.verify.unwrap_or(true),
        });
        checked(new, problems)
    }
}

/// Changes of an account; what is absent stays, and null clears (AT-15).
#[derive(Debug, Clone, PartialEq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangeAccount {
    /// Label.
    #[serde(deserialize_with = "cleared", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub label: Option<Option<String>>,
    /// Tags to set; a tag that is null is removed, and null for all of them removes all.
    #[serde(deserialize_with = "cleared", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub metadata: Option<Option<Map<String, Value>>>,
    /// `production` or `test` (AT-16).
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<AccountType>")]
    pub kind: Option<String>,
    /// The connector, which can't be changed: any other one is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin_owner_id: Option<String>,
    /// The owner's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin_owner_name: Option<String>,
    /// The person who linked it.
    #[serde(deserialize_with = "cleared", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub origin_username: Option<Option<String>>,
    /// Another auth config of the same connector (AT-18).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_id: Option<String>,
    /// The same under its newer name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connector_profile_id: Option<String>,
    /// New values of the method's fields; those that are absent stay as they are, and an empty one
    /// clears an optional value. The provider is asked whether they work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Values>,
    /// The same for values that are secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Values>,
    /// The same for values that may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setup_information: Option<Values>,
    /// The method, which can't be changed: any other one is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_config_key: Option<String>,
    /// The vendor's environment; accounts have none here, and any is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Whether it is shared; no account is here, and true is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<bool>,
    /// The status, which other calls change: any other one is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

impl From<&Changes> for ChangeAccount {
    fn from(changes: &Changes) -> Self {
        let update = &changes.update;
        let tags = update.metadata.iter();
        let tags: Map<_, _> =
            tags.map(|(key, value)| (key.clone(), value.clone().unwrap_or_default())).collect();
        Self {
            label: update.label.clone(),
            metadata: match (update.clear_metadata, tags.is_empty()) {
                (true, _) => Some(None),
                (false, true) => None,
                (false, false) => Some(Some(tags)),
            },
            kind: update.kind.map(|kind| kind.as_str().to_owned()),
            provider: changes.provider.as_ref().map(ToString::to_string),
            origin_owner_id: update.owner_id.clone(),
            origin_owner_name: update.owner_name.clone(),
            origin_username: update.username.clone(),
            integration_id: changes.auth_config.as_ref().map(ToString::to_string),
            connector_profile_id: None,
            credentials: (!changes.credentials.is_empty()).then(|| of_given(&changes.credentials)),
            secrets: None,
            setup_information: None,
            authentication_config_key: changes.fixed.method.clone(),
            environment: changes.fixed.environment.clone(),
            shared: changes.fixed.shared,
            status: changes.fixed.status.clone(),
        }
    }
}

impl TryFrom<ChangeAccount> for Changes {
    type Error = HubError;

    fn try_from(asked: ChangeAccount) -> Result<Self, HubError> {
        let mut problems = Vec::new();
        let tags = asked.metadata.clone().flatten().unwrap_or_default().into_iter();
        let given = [asked.setup_information, asked.secrets, asked.credentials];
        let changes = Self {
            credentials: given.into_iter().flatten().flat_map(to_given).collect(),
            update: Update {
                label: asked.label,
                clear_metadata: asked.metadata == Some(None),
                metadata: tags
                    .map(|(key, value)| (key, Some(value).filter(|v| !v.is_null())))
                    .collect(),
                kind: parse("type", asked.kind.as_deref(), &mut problems),
                owner_id: asked.origin_owner_id,
                owner_name: asked.origin_owner_name,
                username: asked.origin_username,
            },
            provider: parse("provider", asked.provider.as_deref(), &mut problems),
            fixed: Fixed {
                method: asked.authentication_config_key,
                environment: asked.environment,
                shared: asked.shared,
                status: asked.status,
            },
            auth_config: auth_config(
                asked.integration_id.as_deref(),
                asked.connector_profile_id.as_deref(),
                &mut problems,
            ),
            no_verify: false,
        };
        checked(Some(changes), problems)
    }
}

/// The parameter by which a list has everything of each account.
pub const DETAILS: &str = "details";
/// The parameter by which new values of an account are stored without asking its provider.
pub const NO_VERIFY: &str = "no_verify";

/// Which accounts to list, as query parameters.
#[must_use]
pub fn to_query(filter: &Filter) -> Query {
    let mut query = Query::default();
    query.push_all("providers", &filter.providers);
    query.push_opt("provider", filter.provider.as_ref());
    query.push_all("status", filter.statuses.iter().map(|status| status.as_str()));
    query.push_texts("origin_owner_ids", &filter.owner_ids);
    query.push_opt("origin_owner_id", filter.owner_id.as_ref());
    query.push_all("account_ids", &filter.ids);
    query.push_all("integration_ids", &filter.auth_configs);
    query.push_opt("type", filter.kind.map(AccountType::as_str));
    query.push_opt("updated_since", filter.updated_since);
    query.push_opt("after", filter.after.as_ref());
    let turned = if filter.descending { "-" } else { "" };
    if filter.descending || filter.sort != Sort::default() {
        query.push("sort", format_args!("{turned}{}", filter.sort.as_str()));
    }
    if filter.brief {
        query.push("brief", true);
    }
    if filter.without_reasons {
        query.push("without_reasons", true);
    }
    match filter.usability {
        Usability::Untold => {}
        Usability::Told => query.push("usability", true),
        Usability::Unusable => query.push("unusable", true),
    }
    query
}

/// Which accounts to list (AT-12), in all the spellings of the contract. What is one value there is
/// a filter of its own, and has no commas that part anything. Who is named by nothing is nobody, and
/// not everybody.
///
/// # Errors
/// `usage.bad_value` naming the parameter.
pub fn filter(query: &Query) -> Result<Filter, HubError> {
    let order = query.text("sort").map(Sort::with_direction).transpose();
    let (sort, descending) = order.map_err(|error| bad_value("sort", error))?.unwrap_or_default();
    Ok(Filter {
        providers: query.all("providers")?,
        provider: query.one("provider")?,
        statuses: query.all("status")?,
        owner_ids: query.filled(&["origin_owner_ids"], query.texts("origin_owner_ids"))?,
        owner_id: query.whose("origin_owner_id")?.map(str::to_owned),
        ids: query.filled(&["account_ids"], query.all("account_ids")?)?,
        auth_configs: query.all("integration_ids")?,
        kind: query.one("type")?,
        updated_since: query.since("updated_since")?,
        after: query.one("after")?,
        sort,
        descending,
        offset: 0,
        limit: None,
        brief: query.flag("brief")?,
        without_reasons: query.flag("without_reasons")?,
        usability: match (query.flag("unusable")?, query.flag("usability")?) {
            (true, _) => Usability::Unusable,
            (false, true) => Usability::Told,
            (false, false) => Usability::Untold,
        },
    })
}
