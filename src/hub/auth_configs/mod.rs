//! Operations on auth configs.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::{Value, json};

use crate::catalog;
use crate::domain::auth_config::{AuthConfig, VersionPin};
use crate::domain::caller::{Caller, Permission};
use crate::domain::connector::{AuthKind, AuthMethod, Category, Field, ReleaseStage, guide};
use crate::domain::ids::AuthConfigId;
use crate::domain::names::ConnectorKey;
use crate::error::{HubError, codes};
use crate::store::{Tx, accounts, auth_configs};

use super::Hub;
use super::connectors::{self, Resolved};
use super::oauth_apps;

mod add;
mod change;
mod impact;

pub use crate::domain::connector::field::TRIGGER_TOKEN;
pub(super) use add::bad_fields;
pub use add::{BadIfExists, IfExists, New, add, add_command};
pub use change::{Edit, delete, disable, edit, enable, hidden, make_default};
pub use impact::{Action, BadAction, Impact, impact};

/// An auth config with the facts of its connector that people want to see beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The auth config.
    pub config: AuthConfig,
    /// The connector's name.
    pub connector_name: String,
    /// The connector's categories.
    pub categories: Vec<Category>,
    /// The method's name.
    pub method_label: String,
    /// The connector version in use.
    pub connector_version: String,
    /// Whether the connector is the project's own.
    pub own: bool,
    /// How ripe the connector is.
    pub release_stage: ReleaseStage,
    /// The callback address to register with the vendor, for a login in the browser (AC-39).
    pub callback_url: Option<String>,
    /// Where its logo is.
    pub logo_url: String,
    /// Whether it uses the hub's own OAuth application, since it has none (AC-41); not told in
    /// lists.
    pub uses_oauth_app: bool,
}

fn views(hub: &Hub, config: AuthConfig, resolved: Option<&Resolved>) -> View {
    let key = config.connector.as_str();
    let logo_url = logo_url(hub, key);
    let callback = || guide::callback_url(hub.public_url.as_str(), &config.connector);
    if let Some(Resolved { connector, own }) = resolved {
        let method = connector.auth_method(&config.method);
        let is_login = method.is_some_and(AuthMethod::needs_browser);
        return View {
            connector_name: connector.name.clone(),
            categories: connector.categories.clone(),
            method_label: method.map_or_else(|| config.method.to_string(), |m| m.label.clone()),
            connector_version: connector.version.clone(),
            own: *own,
            release_stage: connector.release_stage,
            callback_url: is_login.then(callback),
            logo_url,
            uses_oauth_app: false,
            config,
        };
    }
    let entry = catalog::find_entry(key);
    let method = entry
        .and_then(|entry| entry.auth.iter().find(|method| method.key == config.method.as_str()));
    View {
        connector_name: entry.map_or_else(|| key.to_owned(), |entry| entry.name.to_owned()),
        categories: entry.map(|entry| entry.categories.to_vec()).unwrap_or_default(),
        method_label: method.map_or_else(|| config.method.to_string(), |m| m.label.to_owned()),
        connector_version: connectors::BUILT_IN_VERSION.to_owned(),
        own: false,
        release_stage: ReleaseStage::Ga,
        callback_url: method
            .is_some_and(|method| method.kind == AuthKind::OAuth2AuthorizationCode)
            .then(callback),
        logo_url,
        uses_oauth_app: false,
        config,
    }
}

/// Where a connector's logo is.
pub fn logo_url(hub: &Hub, key: &str) -> String {
    address(hub, &format!("logos/{key}.svg"))
}

/// An address below the hub's public one.
pub(super) fn address(hub: &Hub, path: &str) -> String {
    format!("{}/{path}", hub.public_url.as_str().trim_end_matches('/'))
}

/// The auth config with its connector's facts; an own connector's are read from the store.
pub(super) async fn view(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    config: AuthConfig,
) -> Result<View, HubError> {
    let pin = config.pin.as_ref();
    let found = connectors::resolve_own(tx, caller, &config.connector, pin).await?;
    let built_in = if found.is_some() { None } else { catalog::get(&config.connector) };
    let connector = found.as_ref().map(|found| &found.connector).or(built_in.as_ref());
    let uses_oauth_app = connector.is_some_and(|connector| {
        let method = connector.auth_method(&config.method);
        method.is_some_and(|method| oauth_apps::is_used_by(&config, connector, method))
    });
    Ok(View { uses_oauth_app, ..views(hub, config, found.as_ref()) })
}

/// Which auth configs to list (AC-43).
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only enabled or only disabled ones.
    pub enabled: Option<bool>,
    /// At least one of these categories.
    pub categories: Vec<Category>,
    /// This text in connector key, connector name or config name, whatever its case.
    pub search: Option<String>,
    /// Only those of this connector.
    pub connector: Option<ConnectorKey>,
}

/// What a filter looks at.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Whether it is enabled.
    pub is_enabled: bool,
    /// The connector.
    pub connector: &'a str,
    /// The connector's name.
    pub connector_name: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The connector's categories.
    pub categories: &'a [Category],
}

impl Filter {
    /// Whether an auth config is among those asked for (AC-43).
    #[must_use]
    pub fn fits(&self, seen: Seen<'_>) -> bool {
        let contains = |text: &str, part: &str| text.to_lowercase().contains(part);
        self.enabled.is_none_or(|enabled| seen.is_enabled == enabled)
            && self.connector.as_ref().is_none_or(|key| seen.connector == key.as_str())
            && (self.categories.is_empty()
                || self.categories.iter().any(|wanted| seen.categories.contains(wanted)))
            && self.search.as_deref().is_none_or(|text| {
                let text = text.to_lowercase();
                contains(seen.connector, &text)
                    || contains(seen.connector_name, &text)
                    || contains(seen.name, &text)
            })
    }
}

impl View {
    fn seen(&self) -> Seen<'_> {
        Seen {
            is_enabled: self.config.is_enabled(),
            connector: self.config.connector.as_str(),
            connector_name: &self.connector_name,
            name: &self.config.name,
            categories: &self.categories,
        }
    }
}

/// Shows the project's auth configs to `each`, by connector and age.
pub async fn list(
    hub: &Hub,
    caller: &Caller,
    filter: &Filter,
    mut each: impl FnMut(&View) -> Result<ControlFlow<()>, HubError>,
) -> Result<(), HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    let mut tx = hub.store.begin_read().await?;
    let own = connectors::all_own(&mut tx, caller).await?;
    auth_configs::scan(&mut tx, caller.project(), |config| {
        let resolved = connectors::pick_own(&own, &config.connector, config.pin.as_ref());
        let view = views(hub, config, resolved);
        if filter.fits(view.seen()) { each(&view) } else { Ok(ControlFlow::Continue(())) }
    })
    .await
}

/// The auth configs of a connector; `None` for who may read connectors and no auth configs.
pub async fn of_connector(
    hub: &Hub,
    caller: &Caller,
    key: &ConnectorKey,
) -> Result<Option<Vec<View>>, HubError> {
    if !caller.may(Permission::PlatformRead) {
        return Ok(None);
    }
    let filter = Filter { connector: Some(key.clone()), ..Filter::default() };
    let mut found = Vec::new();
    list(hub, caller, &filter, |view| {
        found.push(view.clone());
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    Ok(Some(found))
}

/// What a target on the command line or in a path names.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target {
    /// One or more auth configs.
    Configs(Vec<AuthConfig>),
    /// A connector that is known but not set up.
    NotSetUp(ConnectorKey),
}

/// Finds what `text` names: an auth config's id, a connector's key, or an auth config's name.
pub(super) async fn find(tx: &mut Tx, caller: &Caller, text: &str) -> Result<Target, HubError> {
    let project = caller.project();
    if let Ok(id) = text.parse::<AuthConfigId>()
        && let Some(config) = auth_configs::by_id(tx, project, &id).await?
    {
        return Ok(Target::Configs(vec![config]));
    }
    let key = text.parse::<ConnectorKey>().ok();
    if let Some(key) = &key {
        let configs = auth_configs::of_connector(tx, project, key).await?;
        if !configs.is_empty() {
            return Ok(Target::Configs(configs));
        }
    }
    if let Some(config) = auth_configs::by_name(tx, project, text).await? {
        return Ok(Target::Configs(vec![config]));
    }
    match key {
        Some(key) if connectors::resolve(tx, caller, &key, None).await?.is_some() => {
            Ok(Target::NotSetUp(key))
        }
        _ => Err(unknown(text)),
    }
}

/// The error for a text that names nothing.
#[must_use]
pub fn unknown(text: &str) -> HubError {
    let shown: String = text.chars().take(80).collect();
    let text_is_near = catalog::suggest(text).first().copied();
    let message = format!("`{shown}` is no auth config id, connector key or name here");
    let error = HubError::new(&codes::AUTH_CONFIG_UNKNOWN, message);
    match text_is_near {
        Some(near) => error.hint(format!("did you mean `{near}`? See `hubctl connectors list`")),
        None => error.hint("hubctl connectors list"),
    }
}

/// The one auth config that `text` names.
pub(super) async fn find_one(
    tx: &mut Tx,
    caller: &Caller,
    text: &str,
) -> Result<AuthConfig, HubError> {
    match find(tx, caller, text).await? {
        Target::NotSetUp(key) => Err(not_set_up(&key)),
        Target::Configs(mut configs) if configs.len() == 1 => Ok(configs.remove(0)),
        Target::Configs(configs) => {
            let configs = configs.iter();
            Err(several(text, configs.map(|config| (config.id.as_str(), config.name.as_str()))))
        }
    }
}

/// The error for a connector without auth config, where one is needed.
#[must_use]
pub fn not_set_up(key: &ConnectorKey) -> HubError {
    let message = format!("connector `{key}` is not set up in this project");
    HubError::new(&codes::AUTH_CONFIG_UNKNOWN, message)
        .hint(format!("hubctl connectors enable {key}"))
}

/// The error for a text that names several auth configs, given by id and name, where one is
/// needed.
#[must_use]
pub fn several<'a>(
    text: &str,
    found: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> HubError {
    let listed: Vec<String> = found.clone().map(|(id, name)| format!("{id} ({name})")).collect();
    let message = format!("`{text}` has several auth configs: {}", listed.join(", "));
    let error = HubError::new(&codes::AMBIGUOUS_TARGET, message).hint("use one of the ids");
    found.fold(error, |error, (id, name)| error.detail(json!({ "id": id, "name": name })))
}

/// What `text` names: its auth configs, or `None` for a connector that is not set up.
///
/// # Errors
/// `auth_config.not_found`.
pub async fn target(hub: &Hub, caller: &Caller, text: &str) -> Result<Option<Vec<View>>, HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    let mut tx = hub.store.begin_read().await?;
    let Target::Configs(configs) = find(&mut tx, caller, text).await? else { return Ok(None) };
    let mut views = Vec::with_capacity(configs.len());
    for config in configs {
        views.push(view(hub, &mut tx, caller, config).await?);
    }
    Ok(Some(views))
}

/// An auth config and how much hangs on it (AC-50).
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// The auth config.
    pub view: View,
    /// Linked accounts.
    pub accounts: u64,
}

/// The one auth config that `text` names.
///
/// # Errors
/// `auth_config.not_found` or `target.ambiguous`.
pub async fn get(hub: &Hub, caller: &Caller, text: &str) -> Result<Detail, HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    let mut tx = hub.store.begin_read().await?;
    let config = find_one(&mut tx, caller, text).await?;
    let accounts = accounts::count_of_config(&mut tx, caller.project(), &config.id).await?;
    Ok(Detail { view: view(hub, &mut tx, caller, config).await?, accounts })
}

/// Every connector version that the auth config could be pinned to, and the auth config.
///
/// # Errors
/// `auth_config.not_found`, `target.ambiguous`.
pub async fn versions(
    hub: &Hub,
    caller: &Caller,
    text: &str,
) -> Result<(AuthConfig, Vec<connectors::Version>), HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    let mut tx = hub.store.begin_read().await?;
    let config = find_one(&mut tx, caller, text).await?;
    let versions = connectors::versions(&mut tx, caller, &config.connector).await?;
    Ok((config, versions))
}

/// The fields that the administrator may fill in for a method.
fn setup_fields(method: &AuthMethod) -> Vec<Field> {
    let mut fields = method.setup_fields.clone();
    if !fields.iter().any(|field| field.key == TRIGGER_TOKEN) {
        fields.push(Field::trigger_token().clone());
    }
    fields
}

/// A config as the record of operations keeps it: names of secrets, never values.
fn snapshot(config: &AuthConfig) -> Value {
    json!({
        "name": config.name,
        "connector": config.connector,
        "method": config.method,
        "default": config.is_default,
        "enabled": config.is_enabled(),
        "pin": config.pin.as_ref().map(VersionPin::as_str),
        "setup": config.setup,
        "secrets": config.secrets,
    })
}

fn resource(config: &AuthConfig) -> String {
    format!("auth_config/{}", config.id)
}

/// Values as given on the command line or in a request.
pub type Given = BTreeMap<String, crate::domain::secret::Secret>;
