//! A project's own connectors: importing them, and forgetting them. Both may change how accounts
//! are called that are linked already, and where stored secrets go.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::exposure::{App, of_config, used};
use super::{Resolved, Summary, definition, resolve, version_order};
use crate::catalog;
use crate::domain::auth_config::AuthConfig;
use crate::domain::caller::{Caller, Permission};
use crate::domain::connector::Connector;
use crate::domain::connector::exposure::{Exposure, may_expose};
use crate::domain::connector::validate::{self, Severity};
use crate::domain::names::ConnectorKey;
use crate::domain::refusal::Touch;
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::linking::method_of;
use crate::hub::logs::Scope;
use crate::hub::refresh::mended;
use crate::hub::write::{Guard, Outcome, Record};
use crate::store::accounts::refresh::Whose;
use crate::store::own_connectors::{self, OwnConnector};
use crate::store::{Tx, accounts, auth_configs};

/// What became of a connector, and of what is stored for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Redefined {
    /// The change.
    pub outcome: Outcome<Summary>,
    /// What calls do with stored secrets from now on, and did not before.
    pub exposure: Exposure,
}

/// What the auth configs of a connector use of it.
struct Used(Vec<(AuthConfig, Option<Arc<Connector>>)>);

impl Used {
    /// By each auth config, with its pin.
    async fn by_all(tx: &mut Tx, caller: &Caller, key: &ConnectorKey) -> Result<Self, HubError> {
        let mut all = Vec::new();
        for config in auth_configs::of_connector(tx, caller.project(), key).await? {
            let found = resolve(tx, caller, key, config.pin.as_ref()).await?;
            all.push((config, found.map(|Resolved { connector, .. }| connector)));
        }
        Ok(Self(all))
    }

    /// The first auth config that has no definition or method to be used.
    fn lacking(&self) -> Option<&AuthConfig> {
        let lacks = |found: &Option<Arc<Connector>>, config: &AuthConfig| {
            found.as_ref().is_none_or(|connector| method_of(connector, config).is_err())
        };
        self.0.iter().find(|(config, found)| lacks(found, config)).map(|(config, _)| config)
    }

    /// Takes note of those whose accounts are called in another way than before, or not at all any
    /// more; how many accounts these are. A new version of each: what providers still say of the
    /// former definition counts for nothing, and what failed by it is asked for again.
    async fn note_changed(
        &self,
        before: &Self,
        tx: &mut Tx,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<u64, HubError> {
        let (project, mut affected) = (caller.project(), 0);
        for ((config, to), (_, from)) in self.0.iter().zip(&before.0) {
            if to.as_deref().map(|to| calls(to, config))
                != from.as_deref().map(|from| calls(from, config))
            {
                affected += accounts::count_of_config(tx, project, &config.id).await?;
                auth_configs::save(tx, project, config, None).await?;
                mended(tx, project, Whose::AuthConfig(&config.id), now).await?;
            }
        }
        Ok(affected)
    }

    /// What is done with secrets that are stored for them, and was not before.
    async fn exposure(
        &self,
        before: &Self,
        tx: &mut Tx,
        caller: &Caller,
    ) -> Result<Exposure, HubError> {
        let mut all = Exposure::default();
        for ((config, now), (_, then)) in self.0.iter().zip(&before.0) {
            let both = (used(then.as_ref(), config), used(now.as_ref(), config));
            all.extend(of_config(tx, caller, config, both).await?);
        }
        Ok(all)
    }
}

/// What of a definition the calls of an auth config's accounts are made from.
fn calls<'c>(connector: &'c Connector, config: &AuthConfig) -> impl PartialEq + use<'c> {
    let method = connector.auth_method(&config.method);
    (method, &connector.base_url, &connector.headers, &connector.verify)
}

/// Refuses definitions that break the rules of their format (threat 35).
fn check_definitions(connectors: &[Connector]) -> Result<(), HubError> {
    let mut details = Vec::new();
    for connector in connectors {
        let findings = validate::check(connector);
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
        details.extend(errors.map(|finding| {
            let place = format!("{} {}", connector.key, finding.place);
            json!({ "field": place.trim_end(), "message": finding.message })
        }));
    }
    if details.is_empty() {
        return Ok(());
    }
    let text = format!("{} of the connectors' rules are broken", details.len());
    let error = HubError::new(&codes::CONNECTOR_INVALID, text);
    Err(details.into_iter().fold(error, HubError::detail))
}

/// The facts of a version for the record, with where it newly takes stored secrets.
fn facts(version: &str, exposure: &Exposure) -> Value {
    let mut facts = json!({ "version": version });
    if let Some(facts) = facts.as_object_mut().filter(|_| !exposure.is_empty()) {
        facts.insert("sends_secrets_to".to_owned(), json!(exposure.origins));
        facts.insert("shows_secrets".to_owned(), json!(exposure.shown));
    }
    facts
}

/// Imports own connectors, all or none; each is the newest of its key and version afterwards.
///
/// # Errors
/// `connector.invalid_file`, `guard.too_many_affected`; `auth.forbidden` where stored secrets would
/// go elsewhere, or could be seen, and the caller may not let them.
pub async fn import(
    hub: &Hub,
    caller: &Caller,
    connectors: &[Connector],
    guard: Guard,
) -> Result<Vec<Redefined>, HubError> {
    hub.require(caller, Permission::ConnectorsWrite)?;
    check_definitions(connectors)?;
    keep(hub, caller, connectors, guard).await
}

/// Imports the definition of a provider on this machine: it keeps the rules of all, and then its
/// addresses that begin with `root` are moved to `address`. Calls there are refused all the same,
/// unless the operator allows the network.
///
/// # Errors
/// As [`import`]; `connector.invalid_file` also for an address that others reach as well.
pub async fn import_on_loopback(
    hub: &Hub,
    caller: &Caller,
    connector: &Connector,
    (root, address): (&str, SocketAddr),
    guard: Guard,
) -> Result<Vec<Redefined>, HubError> {
    hub.require(caller, Permission::ConnectorsWrite)?;
    check_definitions(std::slice::from_ref(connector))?;
    let moved = connector.on_loopback(root, address).ok_or_else(|| {
        HubError::new(&codes::CONNECTOR_INVALID, format!("{address} is not on this machine"))
    })?;
    keep(hub, caller, &[moved], guard).await
}

async fn keep(
    hub: &Hub,
    caller: &Caller,
    connectors: &[Connector],
    guard: Guard,
) -> Result<Vec<Redefined>, HubError> {
    // The row of an import that is one connector's is found by it (KP-11).
    if let [connector] = connectors {
        Scope::here(|scope| scope.concerns(None, Some(&connector.key)));
    }
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let mut done = Vec::with_capacity(connectors.len());
    for connector in connectors {
        let known = own_connectors::by_key(&mut tx, caller.project(), &connector.key).await?;
        let used = Used::by_all(&mut tx, caller, &connector.key).await?;
        let former = known.iter().find(|own| own.version == connector.version);
        let former = former.map(definition).transpose()?;
        let before = former.as_deref().map(Summary::from);
        let after = Summary::from(connector);
        let app = App::find(&mut tx, caller, &connector.key).await?;
        let row = OwnConnector {
            key: connector.key.clone(),
            version: connector.version.clone(),
            definition: serde_json::to_string(connector)
                .map_err(HubError::internal("a connector can't be written"))?,
            created_at: now,
        };
        let changed = own_connectors::save(&mut tx, caller.project(), &row).await?;
        let uses = Used::by_all(&mut tx, caller, &connector.key).await?;
        let affected = uses.note_changed(&used, &mut tx, caller, now).await?;
        let mut exposure = uses.exposure(&used, &mut tx, caller).await?;
        if let Some(app) = app {
            exposure.extend(app.and(former).exposure(connector));
        }
        may_expose(&exposure, &connector.key, caller)?;
        let operation = if changed {
            let record = Record {
                action: "import",
                resource: format!("connector/{}", connector.key),
                affected,
                before: None,
                after: Some(facts(&connector.version, &exposure)),
            };
            Some(hub.record(&mut tx, caller, now, record).await?)
        } else {
            None
        };
        let outcome = Outcome { before, after: Some(after), changed, affected, operation };
        done.push(Redefined { outcome, exposure });
    }
    let affected = done.iter().map(|done| done.outcome.affected).sum();
    guard.check(affected, Touch::Redefine)?;
    guard.finish(tx).await?;
    Ok(done)
}

/// Forgets an own connector with all its versions; a built-in one of the same key shows again.
///
/// # Errors
/// `connector.not_found`; `connector.in_use` where no version is left that fits an auth config's
/// pin, or none with its method; `guard.too_many_affected`; `auth.forbidden` as for [`import`].
pub async fn forget(
    hub: &Hub,
    caller: &Caller,
    key: &ConnectorKey,
    guard: Guard,
) -> Result<Redefined, HubError> {
    hub.require(caller, Permission::ConnectorsWrite)?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let known = own_connectors::by_key(&mut tx, caller.project(), key).await?;
    let Some(newest) = known.iter().max_by_key(|own| version_order(&own.version)) else {
        let text = format!("`{key}` is not one of this project's own connectors");
        return Err(HubError::new(&codes::CONNECTOR_UNKNOWN, text)
            .hint("hubctl connectors available --json --jq '.[]|select(.own).key'"));
    };
    let before = Summary::from(definition(newest)?.as_ref());
    let used = Used::by_all(&mut tx, caller, key).await?;
    let app = App::find(&mut tx, caller, key).await?;
    own_connectors::delete(&mut tx, caller.project(), key).await?;
    let uses = Used::by_all(&mut tx, caller, key).await?;
    if let Some(config) = uses.lacking() {
        let text = format!("auth config `{}` uses own connector `{key}`", config.name);
        return Err(HubError::new(&codes::CONNECTOR_IN_USE, text)
            .hint(format!("hubctl connectors delete {}", config.id)));
    }
    let affected = uses.note_changed(&used, &mut tx, caller, now).await?;
    guard.check(affected, Touch::Redefine)?;
    let mut exposure = uses.exposure(&used, &mut tx, caller).await?;
    let left = resolve(&mut tx, caller, key, None).await?;
    if let (Some(app), Some(Resolved { connector, .. })) = (app, &left) {
        exposure.extend(app.exposure(connector));
    }
    may_expose(&exposure, key, caller)?;
    let record = Record {
        action: "forget",
        resource: format!("connector/{key}"),
        affected,
        before: Some(json!({ "version": before.version })),
        after: left
            .filter(|_| !exposure.is_empty())
            .map(|left| facts(&left.connector.version, &exposure)),
    };
    let operation = Some(hub.record(&mut tx, caller, now, record).await?);
    guard.finish(tx).await?;
    let after = catalog::find_entry(key.as_str()).and_then(Summary::built_in);
    let outcome = Outcome { before: Some(before), after, changed: true, affected, operation };
    Ok(Redefined { outcome, exposure })
}
