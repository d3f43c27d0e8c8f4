//! Auth configs of the platform: it lists them and changes their version pins (contract section 5).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use serde_json::Value;

use crate::api::auth_configs::{AuthConfig, AuthConfigDetail};
use crate::api::requests::Query;
use crate::api::requests::auth_configs::NewPin;
use crate::api::write::Written;
use crate::catalog;
use crate::client::{Client, problem};
use crate::domain::connector::guide::callback_url;
use crate::domain::names::ConnectorKey;
use crate::error::HubError;
use crate::hub::auth_configs::{self as hub, Edit, Filter, Seen};
use crate::hub::write::Guard;

use super::wire::{VendorAuthConfig, VendorPin};
use super::{all_pages, is_absent, unsupported};

pub(in crate::client) async fn list(
    client: &Client,
    filter: &Filter,
    mut each: impl FnMut(&AuthConfig) -> Result<ControlFlow<()>, HubError>,
) -> Result<(), HubError> {
    let mut query = Query::default();
    query.push_opt("enabled", filter.enabled);
    query.push_opt("connector_key", filter.connector.as_ref());
    for config in all(client, &query).await? {
        let seen = Seen {
            is_enabled: config.active,
            connector: &config.connector_key,
            connector_name: &config.connector_label,
            name: &config.name,
            categories: &config.categories,
        };
        // Asked for above, and kept to here also where the platform does not.
        if filter.fits(seen) && each(&config)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// All of them, by connector and age; under the newer name, or else under the older one.
async fn all(client: &Client, query: &Query) -> Result<Vec<AuthConfig>, HubError> {
    let rows = match all_pages(client, "platform.connector_profiles.list", query).await {
        Err(error) if is_absent(&error) => {
            all_pages(client, "platform.auth_configs.list", query).await?
        }
        rows => rows?,
    };
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        all.push(read(client, row)?);
    }
    all.sort_by(|a, b| {
        let key = |config: &AuthConfig| (config.connector_key.clone(), config.created_at);
        key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
    });
    Ok(all)
}

fn read(client: &Client, row: Value) -> Result<AuthConfig, HubError> {
    let found: VendorAuthConfig = serde_json::from_value(row).map_err(|_| {
        let what = "answered with an auth config that this version does not understand";
        problem::bad_answer(&client.origin, what)
    })?;
    let label = found.connector_label.unwrap_or_else(|| {
        let entry = catalog::find_entry(&found.connector_key);
        entry.map_or_else(|| found.connector_key.clone(), |entry| entry.name.to_owned())
    });
    let categories = found.categories.unwrap_or_default();
    Ok(AuthConfig {
        name: found.name.unwrap_or_else(|| found.id.clone()),
        id: found.id,
        connector_key: found.connector_key,
        connector_label: label,
        authentication_config_key: found.authentication_config_key.unwrap_or_default(),
        authentication_config_label: found.authentication_config_label.unwrap_or_default(),
        active: found.active,
        default: found.default,
        categories: categories.iter().filter_map(|name| name.parse().ok()).collect(),
        logo_url: found.logo_url.unwrap_or_default(),
        release_stage: found.release_stage.unwrap_or_else(|| "ga".to_owned()).into(),
        connector_version: found.connector_version,
        connector_pinned_version: found.connector_pinned_version,
        connector_owner: found.connector_owner,
        environment: found.environment,
        created_at: found.created_at,
        updated_at: found.updated_at,
    })
}

/// What a text names there: an id, a connector's key, or a name.
pub(in crate::client) async fn target(
    client: &Client,
    text: &str,
) -> Result<Option<Vec<AuthConfig>>, HubError> {
    let configs = all(client, &Query::default()).await?;
    let rules: [fn(&AuthConfig) -> &str; 3] =
        [|config| &config.id, |config| &config.connector_key, |config| &config.name];
    for rule in rules {
        let found: Vec<_> = configs.iter().filter(|config| rule(config) == text).cloned().collect();
        if !found.is_empty() {
            return Ok(Some(found));
        }
    }
    match catalog::find_entry(text) {
        Some(_) => Ok(None),
        None => Err(hub::unknown(text)),
    }
}

pub(in crate::client) async fn get(
    client: &Client,
    text: &str,
) -> Result<AuthConfigDetail, HubError> {
    match target(client, text).await? {
        Some(mut found) if found.len() == 1 => Ok(detail(client, found.remove(0))),
        Some(found) => {
            let found = found.iter();
            Err(hub::several(text, found.map(|config| (config.id.as_str(), config.name.as_str()))))
        }
        None => match text.parse::<ConnectorKey>() {
            Ok(key) => Err(hub::not_set_up(&key)),
            Err(_) => Err(hub::unknown(text)),
        },
    }
}

/// Sets or removes the version pin. Whatever else an edit changes is refused before anything is
/// sent.
pub(in crate::client) async fn edit(
    client: &Client,
    target: &str,
    edit: Edit,
    guard: Guard,
) -> Result<Written<AuthConfigDetail>, HubError> {
    if edit.name.is_some() || !edit.values.is_empty() {
        return Err(unsupported("auth_configs.update"));
    }
    let before = get(client, target).await?;
    let pin = edit.pin.map(|pin| pin.map(|pin| pin.as_str().to_owned()));
    let pin = pin.filter(|pin| *pin != before.connector_pinned_version);
    let mut after = before.clone();
    if let Some(pin) = &pin {
        after.connector_pinned_version = match pin {
            Some(pin) if !guard.dry_run => Some(set_pin(client, &before.id, pin).await?),
            pin => pin.clone(),
        };
        if pin.is_none() && !guard.dry_run {
            let id = "platform.connector_profiles.delete_pin";
            client.whole(client.call(id, &[&before.id])?).await?;
        }
        // Which version a pin leads to is the platform's to say.
        after.connector_version = None;
    }
    Ok(Written {
        resource: format!("auth_config/{}", before.id),
        changed: pin.is_some(),
        dry_run: guard.dry_run,
        affected_accounts: 0,
        operation_id: None,
        before: Some(before),
        after: Some(after),
        revoked: Vec::new(),
        warnings: Vec::new(),
    })
}

/// Sets a pin; what the platform made of it.
async fn set_pin(client: &Client, id: &str, pin: &str) -> Result<String, HubError> {
    let body = NewPin { pinned_version: pin.to_owned(), owner: None };
    let call = client.call("platform.connector_profiles.set_pin", &[id])?.json(&body)?;
    let set: VendorPin = client.json(call).await?;
    Ok(set.pinned_version)
}

fn detail(client: &Client, plain: AuthConfig) -> AuthConfigDetail {
    let connector = plain.connector_key.parse::<ConnectorKey>().ok();
    let logs_in = connector.as_ref().and_then(catalog::get).is_some_and(|connector| {
        let method = |m: &&_| {
            let method: &crate::domain::connector::AuthMethod = m;
            method.key.as_str() == plain.authentication_config_key
        };
        connector.auth.iter().find(method).is_some_and(|method| method.kind.is_oauth2())
    });
    let callback =
        connector.filter(|_| logs_in).map(|key| callback_url(client.api_url.as_str(), &key));
    AuthConfigDetail {
        id: plain.id,
        name: plain.name,
        connector_key: plain.connector_key,
        connector_label: plain.connector_label,
        authentication_config_key: plain.authentication_config_key,
        authentication_config_label: plain.authentication_config_label,
        active: plain.active,
        default: plain.default,
        categories: plain.categories,
        callback_url: callback,
        setup_information: BTreeMap::new(),
        secrets: BTreeSet::new(),
        uses_oauth_app: false,
        linked_accounts: None,
        disabled_at: None,
        logo_url: plain.logo_url,
        release_stage: plain.release_stage,
        connector_version: plain.connector_version,
        connector_pinned_version: plain.connector_pinned_version,
        connector_owner: plain.connector_owner,
        environment: plain.environment,
        created_at: plain.created_at,
        updated_at: plain.updated_at,
    }
}
