//! The hub's own applications at providers, for auth configs that bring none (AC-41).

use std::collections::BTreeMap;

use crate::domain::auth_config::AuthConfig;
use crate::domain::caller::Caller;
use crate::domain::connector::{AuthMethod, Field};
use crate::domain::credentials::Values;
use crate::domain::names::ConnectorKey;
use crate::domain::secret::Secret;
use crate::error::HubError;
use crate::store::Tx;
use crate::store::oauth_apps::{self, Stored};

use super::Hub;
use super::sealing::Spot;

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
pub(super) fn is_used_by(config: &AuthConfig, method: &AuthMethod) -> bool {
    let has = |field: &Field| {
        config.setup.contains_key(&field.key) || config.secrets.contains(&field.key)
    };
    client_fields(method).is_some_and(|(id, secret)| {
        id.required && id.default.is_none() && !has(id) && !secret.is_some_and(has)
    })
}

/// Adds the hub's own application to the set-up of an auth config that uses it.
pub(super) async fn complete(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    config: &AuthConfig,
    method: &AuthMethod,
    setup: &mut Values,
) -> Result<(), HubError> {
    if !is_used_by(config, method) {
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
