//! The catalog as a project sees it: built-in connectors, and its own, which win over them.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::catalog;
use crate::domain::auth_config::VersionPin;
use crate::domain::caller::{Caller, Permission};
use crate::domain::connector::{AuthKind, Category, Connector, ReleaseStage};
use crate::domain::names::ConnectorKey;
use crate::domain::search;
use crate::domain::words::shell_word;
use crate::error::{HubError, codes};
use crate::store::own_connectors::{self, OwnConnector};
use crate::store::{Tx, auth_configs};

use super::Hub;

mod exposure;
mod own;

pub(super) use exposure::{may_have_app, may_use, of_account};
pub use own::{Redefined, forget, import, import_on_loopback};

/// One authentication method in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodSummary {
    /// Its key.
    pub key: String,
    /// Its name for people.
    pub label: String,
    /// What sort of method it is.
    pub kind: AuthKind,
    /// Whether the administrator must fill in something first.
    pub needs_setup: bool,
}

/// A connector in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its key.
    pub key: ConnectorKey,
    /// Its name.
    pub name: String,
    /// What sort of system it is.
    pub categories: Vec<Category>,
    /// The version that is used without a pin.
    pub version: String,
    /// How ripe it is.
    pub release_stage: ReleaseStage,
    /// Whether the project imported it.
    pub own: bool,
    /// Whether it is of the set that is known best.
    pub core: bool,
    /// How accounts are linked.
    pub auth: Vec<MethodSummary>,
}

impl From<&Connector> for Summary {
    fn from(connector: &Connector) -> Self {
        let auth = connector.auth.iter().map(|method| MethodSummary {
            key: method.key.to_string(),
            label: method.label.clone(),
            kind: method.kind,
            needs_setup: method.needs_setup(),
        });
        Self {
            key: connector.key.clone(),
            name: connector.name.clone(),
            categories: connector.categories.clone(),
            version: connector.version.clone(),
            release_stage: connector.release_stage,
            own: true,
            core: connector.core,
            auth: auth.collect(),
        }
    }
}

impl Summary {
    fn built_in(entry: &'static catalog::Entry) -> Option<Self> {
        let auth = entry.auth.iter().map(|method| MethodSummary {
            key: method.key.to_owned(),
            label: method.label.to_owned(),
            kind: method.kind,
            needs_setup: method.needs_setup,
        });
        Some(Self {
            key: entry.key.parse().ok()?,
            name: entry.name.to_owned(),
            categories: entry.categories.to_vec(),
            version: BUILT_IN_VERSION.to_owned(),
            release_stage: ReleaseStage::Ga,
            own: false,
            core: entry.core,
            auth: auth.collect(),
        })
    }
}

/// Version of every built-in connector.
pub(super) const BUILT_IN_VERSION: &str = "1.0.0";

/// Which connectors to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// At least one of these categories.
    pub categories: Vec<Category>,
    /// These words in key or name, however they are written.
    pub search: Option<String>,
    /// A method of this kind, or a method of this key.
    pub auth: Option<String>,
}

impl Filter {
    fn fits(&self, summary: &Summary) -> bool {
        let category = self.categories.is_empty()
            || self.categories.iter().any(|wanted| summary.categories.contains(wanted));
        let named = [summary.key.as_str(), summary.name.as_str()];
        let search = self.search.as_deref().is_none_or(|text| search::finds(text, &named));
        let auth = self
            .auth
            .as_deref()
            .is_none_or(|wanted| summary.auth.iter().any(|method| fits_auth(method, wanted)));
        category && search && auth
    }
}

fn fits_auth(method: &MethodSummary, wanted: &str) -> bool {
    method.kind.as_str() == wanted
        || method.key == wanted
        || wanted == "oauth2" && method.kind.is_oauth2()
}

/// The built-in connectors that fit, by key.
pub fn built_in(filter: &Filter) -> impl Iterator<Item = Summary> {
    catalog::index().iter().filter_map(Summary::built_in).filter(|summary| filter.fits(summary))
}

/// The catalog, by key.
pub async fn available(
    hub: &Hub,
    caller: &Caller,
    filter: &Filter,
) -> Result<Vec<Summary>, HubError> {
    hub.require(caller, Permission::ConnectorsRead)?;
    let own = own(hub, caller).await?;
    let mut all: Vec<Summary> = built_in(filter)
        .filter(|summary| !own.iter().any(|own| own.key == summary.key))
        .chain(own.iter().filter(|summary| filter.fits(summary)).cloned())
        .collect();
    all.sort_by(|a, b| a.key.as_str().cmp(b.key.as_str()));
    Ok(all)
}

/// Keys of the connectors that have an enabled auth config.
pub async fn enabled(hub: &Hub, caller: &Caller) -> Result<BTreeSet<ConnectorKey>, HubError> {
    hub.require(caller, Permission::ConnectorsRead)?;
    let mut tx = hub.store.begin_read().await?;
    let mut keys = BTreeSet::new();
    auth_configs::scan(&mut tx, caller.project(), |config| {
        if config.is_enabled() {
            keys.insert(config.connector);
        }
        Ok::<_, HubError>(ControlFlow::Continue(()))
    })
    .await?;
    Ok(keys)
}

/// The project's own connectors, one line per key. Needs no right: the answer of every change of an
/// account names its connector.
pub async fn own(hub: &Hub, caller: &Caller) -> Result<Vec<Summary>, HubError> {
    let mut tx = hub.store.begin_read().await?;
    let all = all_own(&mut tx, caller).await?;
    let newest = all.iter().filter(|own| {
        let key = &own.connector.key;
        pick_own(&all, key, None).is_some_and(|picked| std::ptr::eq(picked, *own))
    });
    Ok(newest.map(|own| Summary::from(own.connector.as_ref())).collect())
}

/// Every version of every own connector of the project.
pub(super) async fn all_own(tx: &mut Tx, caller: &Caller) -> Result<Vec<Resolved>, HubError> {
    let rows = own_connectors::list(tx, caller.project()).await?;
    rows.iter().map(|row| Ok(Resolved { connector: definition(row)?, own: true })).collect()
}

/// The newest own version that fits the pin.
pub(super) fn pick_own<'a>(
    all: &'a [Resolved],
    key: &ConnectorKey,
    pin: Option<&VersionPin>,
) -> Option<&'a Resolved> {
    all.iter()
        .filter(|own| own.connector.key == *key)
        .filter(|own| pin.is_none_or(|pin| pin.fits(&own.connector.version)))
        .max_by_key(|own| version_order(&own.connector.version))
}

fn definition(own: &OwnConnector) -> Result<Arc<Connector>, HubError> {
    catalog::parsed(&own.definition).map_err(|error| {
        let text = format!("own connector `{}` {} can't be read", own.key, own.version);
        HubError::new(&codes::STORE_UNREADABLE, text).source(error)
    })
}

fn version_order(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

/// A definition and whose it is.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The definition.
    pub connector: Arc<Connector>,
    /// Whether the project imported it.
    pub own: bool,
}

impl Resolved {
    /// The connector as lists show it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary { own: self.own, ..Summary::from(self.connector.as_ref()) }
    }
}

/// AC-46: the definition that a project uses for a key: the newest own one that fits the pin, else
/// the built-in one.
pub(super) async fn resolve(
    tx: &mut Tx,
    caller: &Caller,
    key: &ConnectorKey,
    pin: Option<&VersionPin>,
) -> Result<Option<Resolved>, HubError> {
    if let Some(own) = resolve_own(tx, caller, key, pin).await? {
        return Ok(Some(own));
    }
    let built_in =
        catalog::get(key).filter(|connector| pin.is_none_or(|pin| pin.fits(&connector.version)));
    Ok(built_in.map(|connector| Resolved { connector, own: false }))
}

/// What a list of things to pick shows of a connector.
pub(super) struct Pick {
    pub(super) summary: Summary,
    pub(super) logo_url: Option<String>,
    /// The methods that can be used.
    usable: Vec<String>,
}

impl Pick {
    /// Whether accounts can be linked by this method.
    pub(super) fn can_use(&self, method: &str) -> bool {
        self.usable.iter().any(|usable| usable == method)
    }
}

/// The same choice as [`resolve`] makes, for one of many: no built-in definition is read, since the
/// index has all of this. `own` are the keys that the project has definitions of.
pub(super) async fn pick(
    tx: &mut Tx,
    caller: &Caller,
    own: &BTreeSet<ConnectorKey>,
    key: &ConnectorKey,
    pin: Option<&VersionPin>,
) -> Result<Option<Pick>, HubError> {
    if own.contains(key)
        && let Some(found) = resolve_own(tx, caller, key, pin).await?
    {
        let methods = found.connector.auth.iter();
        let usable = methods.filter(|method| method.unavailable.is_none());
        let usable = usable.map(|method| method.key.to_string()).collect();
        let logo_url = found.connector.icon.clone();
        return Ok(Some(Pick { summary: found.summary(), logo_url, usable }));
    }
    let fits = pin.is_none_or(|pin| pin.fits(BUILT_IN_VERSION));
    let entry = catalog::find_entry(key.as_str()).filter(|_| fits);
    let Some((entry, summary)) = entry.and_then(|entry| Some((entry, Summary::built_in(entry)?)))
    else {
        return Ok(None);
    };
    let usable = entry.auth.iter().filter(|method| method.usable);
    let usable = usable.map(|method| method.key.to_owned()).collect();
    Ok(Some(Pick { summary, logo_url: entry.icon.map(str::to_owned), usable }))
}

/// The newest own version of a key that fits the pin.
pub(super) async fn resolve_own(
    tx: &mut Tx,
    caller: &Caller,
    key: &ConnectorKey,
    pin: Option<&VersionPin>,
) -> Result<Option<Resolved>, HubError> {
    let rows = own_connectors::by_key(tx, caller.project(), key).await?;
    let newest = rows
        .iter()
        .filter(|own| pin.is_none_or(|pin| pin.fits(&own.version)))
        .max_by_key(|own| version_order(&own.version));
    newest.map(|own| Ok(Resolved { connector: definition(own)?, own: true })).transpose()
}

/// The definition of a key, or an error that names near ones.
///
/// # Errors
/// `connector.not_found`.
pub async fn get(hub: &Hub, caller: &Caller, key: &ConnectorKey) -> Result<Resolved, HubError> {
    hub.require(caller, Permission::ConnectorsRead)?;
    let mut tx = hub.store.begin_read().await?;
    let found = resolve(&mut tx, caller, key, None).await?;
    found.ok_or_else(|| unknown(key.as_str()))
}

/// The error for a key of which no version fits the pin.
pub(super) fn unfit(key: &ConnectorKey, pin: Option<&VersionPin>) -> HubError {
    let Some(pin) = pin else { return unknown(key.as_str()) };
    let text = format!("connector `{key}` has no version that fits `{}`", pin.as_str());
    HubError::new(&codes::CONNECTOR_UNKNOWN, text).hint(format!("hubctl connectors get {key}"))
}

/// The error for a key that nothing fits.
#[must_use]
pub fn unknown(text: &str) -> HubError {
    let shown: String = text.chars().take(80).collect();
    HubError::new(&codes::CONNECTOR_UNKNOWN, format!("no connector `{shown}`")).hint(search(&shown))
}

/// How to find a connector whose key was not right: near keys, and the search for what was typed.
pub(super) fn search(text: &str) -> String {
    let shown: String = text.chars().take(80).collect();
    let command = format!("hubctl connectors available --search {}", shell_word(&shown));
    match catalog::suggest(text).as_slice() {
        [] => command,
        near => format!("did you mean `{}`? See {command}", near.join("` or `")),
    }
}

/// A version of a connector that an auth config could use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The version.
    pub version: String,
    /// Whether it is built in; otherwise the project imported it.
    pub built_in: bool,
}

/// Every version of a connector that the project could use, the newest own one first (AC-46).
pub(super) async fn versions(
    tx: &mut Tx,
    caller: &Caller,
    key: &ConnectorKey,
) -> Result<Vec<Version>, HubError> {
    let rows = own_connectors::by_key(tx, caller.project(), key).await?;
    let mut all: Vec<_> =
        rows.into_iter().map(|own| Version { version: own.version, built_in: false }).collect();
    all.sort_by_cached_key(|own| std::cmp::Reverse(version_order(&own.version)));
    let built_in = catalog::get(key);
    all.extend(built_in.map(|known| Version { version: known.version.clone(), built_in: true }));
    Ok(all)
}
