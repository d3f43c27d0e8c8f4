//! The hub's own applications at providers, for auth configs that bring none (AC-41).

use std::collections::BTreeMap;

use serde_json::json;

use crate::domain::auth_config::AuthConfig;
use crate::domain::caller::{Caller, Permission};
use crate::domain::connector::{AuthMethod, Connector, Field, reach};
use crate::domain::credentials::Values;
use crate::domain::ids::OperationId;
use crate::domain::names::ConnectorKey;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::words::counted;
use crate::error::{HubError, codes};
use crate::store::accounts::refresh::Whose;
use crate::store::oauth_apps::{self, Stored};
use crate::store::{Tx, auth_configs};

use super::Hub;
use super::auth_configs::Given;
use super::connectors;
use super::refresh;
use super::sealing::Spot;
use super::write::{Guard, Outcome, Record};

/// Name of the secret among what is sealed.
const SECRET: &str = "client_secret";

fn spot(connector: &ConnectorKey, version: i64) -> Spot<'_> {
    Spot { table: "oauth_apps", id: connector.as_str(), field: SECRET, version }
}

async fn secret(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    app: &Stored,
) -> Result<Option<Secret>, HubError> {
    let spot = spot(&app.connector, app.sealed_version);
    Ok(hub.open(tx, caller, spot, &app.sealed).await?.remove(SECRET))
}

/// The fields of a method that an application of the hub's can stand for: those of the OAuth
/// client, where they are the administrator's to fill in.
pub(super) fn client_fields(method: &AuthMethod) -> Option<(&Field, Option<&Field>)> {
    let is_setup = |field: &&Field| method.setup_fields.iter().any(|own| own.key == field.key);
    let id = method.client_id_field().filter(is_setup)?;
    Some((id, method.client_secret_field().filter(is_setup)))
}

/// Whether an auth config was set up without a client of its own, so that it uses the hub's.
pub(super) fn is_used_by(config: &AuthConfig, connector: &Connector, method: &AuthMethod) -> bool {
    let has = |field: &Field| {
        config.setup.contains_key(&field.key) || config.secrets.contains(&field.key)
    };
    let mut known = Values::default();
    known.extend_public(&config.setup);
    client_fields(method).is_some_and(|(id, secret)| {
        id.is_needed() && id.applies(&known) && !has(id) && !secret.is_some_and(has)
    }) && may_serve(connector, method, &config.setup)
}

/// Whether the hub's application may stand for the client of a set-up: its secret goes where the
/// definition says, never to a host that whoever sets the connector up has filled in (threat 14).
pub(super) fn may_serve(
    connector: &Connector,
    method: &AuthMethod,
    setup: &BTreeMap<String, String>,
) -> bool {
    let plain = reach::of_setup(method, &BTreeMap::new());
    reach::added(connector, method, &plain, &reach::of_setup(method, setup)).is_none()
}

/// Adds the hub's own application to the set-up of an auth config that uses it.
pub(super) async fn complete(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    config: &AuthConfig,
    (connector, method): (&Connector, &AuthMethod),
    setup: &mut Values,
) -> Result<(), HubError> {
    if !is_used_by(config, connector, method) {
        return Ok(());
    }
    let Some((id, secret_field)) = client_fields(method) else { return Ok(()) };
    let found = oauth_apps::by_connector(tx, caller.project(), &config.connector).await?;
    let Some(app) = found else { return Ok(()) };
    if let (Some(field), Some(secret)) = (secret_field, secret(hub, tx, caller, &app).await?) {
        setup.insert(field.key.clone(), secret);
    }
    setup.extend(BTreeMap::from([(id.key.clone(), Secret::new(app.client_id))]));
    Ok(())
}

/// One of them, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthApp {
    /// The connector.
    pub connector: ConnectorKey,
    /// The application's id.
    pub client_id: String,
    /// How many auth configs use it.
    pub auth_configs: u64,
    /// When it was set first.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The auth configs that use the hub's application for a connector.
async fn users(
    tx: &mut Tx,
    caller: &Caller,
    key: &ConnectorKey,
) -> Result<Vec<AuthConfig>, HubError> {
    let mut users = Vec::new();
    for config in auth_configs::of_connector(tx, caller.project(), key).await? {
        let found = connectors::resolve(tx, caller, key, config.pin.as_ref()).await?;
        let Some(connector) = found.map(|found| found.connector) else { continue };
        let method = connector.auth_method(&config.method);
        if method.is_some_and(|method| is_used_by(&config, &connector, method)) {
            users.push(config);
        }
    }
    Ok(users)
}

async fn shown(tx: &mut Tx, caller: &Caller, app: Stored) -> Result<OAuthApp, HubError> {
    let used = users(tx, caller, &app.connector).await?.len();
    Ok(OAuthApp {
        connector: app.connector,
        client_id: app.client_id,
        auth_configs: used as u64,
        created_at: app.created_at,
        updated_at: app.updated_at,
    })
}

/// The project's applications, by connector.
pub async fn list(hub: &Hub, caller: &Caller) -> Result<Vec<OAuthApp>, HubError> {
    hub.require(caller, Permission::Administer)?;
    let mut tx = hub.store.begin_read().await?;
    let mut all = Vec::new();
    for app in oauth_apps::list(&mut tx, caller.project()).await? {
        all.push(shown(&mut tx, caller, app).await?);
    }
    Ok(all)
}

/// What an administrator hands over.
#[derive(Debug, Clone)]
pub struct New {
    /// The connector.
    pub connector: ConnectorKey,
    /// The application's id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
}

/// Sets the hub's own application for a connector. Auth configs that were added without a client of
/// their own use it from then on, and what was refused for want of it is asked for anew (OA-14).
///
/// # Errors
/// `connector.not_found`; `fields.invalid` where a value is empty or the connector has no login
/// with a client.
pub async fn set(
    hub: &Hub,
    caller: &Caller,
    new: New,
    guard: Guard,
) -> Result<Outcome<OAuthApp>, HubError> {
    hub.require(caller, Permission::Administer)?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let project = caller.project();
    let found = connectors::resolve(&mut tx, caller, &new.connector, None).await?;
    let found = found.ok_or_else(|| connectors::unknown(new.connector.as_str()))?;
    let takes = found.connector.auth.iter().any(|method| client_fields(method).is_some());
    let bad = |text: String| Err(HubError::new(&codes::FIELDS_INVALID, text));
    if !takes {
        return bad(format!("connector `{}` has no login with a client id", new.connector));
    }
    let (client_id, secret) = (new.client_id.trim(), new.client_secret.expose().trim());
    let is_odd = |text: &str| text.is_empty() || text.len() > 4_096 || text.contains('\0');
    if is_odd(client_id) || is_odd(secret) {
        return bad("client id and client secret must have 1 to 4096 bytes".to_owned());
    }
    let known = oauth_apps::by_connector(&mut tx, project, &new.connector).await?;
    let secrets = BTreeMap::from([(SECRET.to_owned(), Secret::new(secret))]);
    let version = known.as_ref().map_or(1, |known| known.sealed_version + 1);
    let sealed = hub.seal(&mut tx, caller, spot(&new.connector, version), &secrets).await?;
    let app = Stored {
        connector: new.connector.clone(),
        client_id: client_id.to_owned(),
        sealed,
        sealed_version: version,
        created_at: known.as_ref().map_or(now, |known| known.created_at),
        updated_at: now,
    };
    oauth_apps::save(&mut tx, project, &app).await?;
    for config in users(&mut tx, caller, &new.connector).await? {
        // A new version of each: what providers still say of the former client is of another one.
        auth_configs::save(&mut tx, project, &config, None).await?;
        refresh::mended(&mut tx, project, Whose::AuthConfig(&config.id), now).await?;
    }
    let before = match known {
        Some(known) => Some(shown(&mut tx, caller, known).await?),
        None => None,
    };
    let after = shown(&mut tx, caller, app).await?;
    let operation = record(hub, &mut tx, caller, "set", before.as_ref(), Some(&after)).await?;
    guard.finish(tx).await?;
    Ok(Outcome { before, after: Some(after), changed: true, affected: 0, operation })
}

/// Removes the hub's own application for a connector.
///
/// # Errors
/// `oauth_app.not_found`; `oauth_app.in_use` where auth configs have no other.
pub async fn delete(
    hub: &Hub,
    caller: &Caller,
    connector: &ConnectorKey,
    guard: Guard,
) -> Result<Outcome<OAuthApp>, HubError> {
    hub.require(caller, Permission::Administer)?;
    let mut tx = hub.begin(guard).await?;
    let project = caller.project();
    let found = oauth_apps::by_connector(&mut tx, project, connector).await?;
    let found = found.ok_or_else(|| {
        let text = format!("no OAuth application is set for `{connector}`");
        HubError::new(&codes::OAUTH_APP_UNKNOWN, text).hint("hubctl oauth-apps list")
    })?;
    let before = shown(&mut tx, caller, found).await?;
    if before.auth_configs > 0 {
        let count = counted(before.auth_configs, "auth config");
        let text = format!("{count} of `{connector}` would be left without a client");
        return Err(HubError::new(&codes::OAUTH_APP_IN_USE, text)
            .hint(format!("hubctl connectors list --search {connector}")));
    }
    oauth_apps::delete(&mut tx, project, connector).await?;
    let operation = record(hub, &mut tx, caller, "delete", Some(&before), None).await?;
    guard.finish(tx).await?;
    Ok(Outcome { before: Some(before), after: None, changed: true, affected: 0, operation })
}

async fn record(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    action: &str,
    before: Option<&OAuthApp>,
    after: Option<&OAuthApp>,
) -> Result<Option<OperationId>, HubError> {
    let Some(app) = after.or(before) else { return Ok(None) };
    let facts = |app: &OAuthApp| json!({ "client_id": app.client_id });
    let record = Record {
        action,
        resource: format!("oauth_app/{}", app.connector),
        affected: 0,
        before: before.map(facts),
        after: after.map(facts),
    };
    hub.record(tx, caller, hub.clock.now(), record).await.map(Some)
}

/// Whether the hub has an application of its own for a connector.
pub(super) async fn is_set(
    tx: &mut Tx,
    caller: &Caller,
    connector: &ConnectorKey,
) -> Result<bool, HubError> {
    Ok(oauth_apps::by_connector(tx, caller.project(), connector).await?.is_some())
}

/// The fields of a form where the hub's own application stands for a client that is not given.
pub(super) fn without_client(method: &AuthMethod, fields: Vec<Field>, given: &Given) -> Vec<Field> {
    let Some((id, secret)) = client_fields(method) else { return fields };
    let keys = [Some(&id.key), secret.map(|secret| &secret.key)];
    let is_given = |key: &String| given.get(key).is_some_and(|value| !value.expose().is_empty());
    // Half a client is a mistake, not a wish for the hub's.
    if keys.into_iter().flatten().any(is_given) {
        return fields;
    }
    let ease = |field: Field| match keys.contains(&Some(&field.key)) {
        true => Field { required: false, ..field },
        false => field,
    };
    fields.into_iter().map(ease).collect()
}
