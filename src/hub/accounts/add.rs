//! Linking an account from credentials at hand.

use crate::domain::account::{self, Account, Link, Owner, Said};
use crate::domain::auth_config::AuthConfig;
use crate::domain::caller::{Caller, Permission};
use crate::domain::connector::values::{Mode, check_values};
use crate::domain::connector::{AuthMethod, Field};
use crate::domain::event::EventKind;
use crate::domain::ids::{AuthConfigId, OperationId};
use crate::domain::names::ConnectorKey;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::auth_configs::{Given, bad_fields};
use crate::hub::connectors;
use crate::hub::sealing::Spot;
use crate::hub::write::{Guard, Record};
use crate::store::accounts::{self, Credentials};
use crate::store::{Tx, auth_configs};

use super::{Tags, View, event_data, resource, snapshot, view};

/// What an administrator hands over.
#[derive(Debug, Clone)]
pub struct New {
    /// The connector.
    pub provider: ConnectorKey,
    /// The auth config; without it the connector's default.
    pub auth_config: Option<AuthConfigId>,
    /// Whose account it is.
    pub owner: Owner,
    /// Label, tags, type.
    pub tags: Tags,
    /// Values for the method's fields.
    pub values: Given,
    /// Make a new account even where the owner has one of this connector (CS-10).
    pub multiple: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Added {
    /// The account.
    pub view: View,
    /// Whether it is new; otherwise the owner's account got new credentials (CS-6).
    pub created: bool,
    /// The record of it.
    pub operation: OperationId,
}

/// Links an account from credentials at hand (CS-5, CS-6, CS-10).
///
/// The values are checked against the connector's fields; the provider is not asked.
///
/// # Errors
/// `connector.not_found`, `connector.not_enabled`, `auth_config.mismatch`, `fields.invalid`,
/// `session.invalid`.
pub async fn add(hub: &Hub, caller: &Caller, new: New, guard: Guard) -> Result<Added, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    check(&new)?;
    let mut tx = hub.begin(guard).await?;
    let config = config_of(&mut tx, caller, &new).await?;
    let pin = config.pin.as_ref();
    let resolved = connectors::resolve(&mut tx, caller, &config.connector, pin).await?;
    let connector = resolved.ok_or_else(|| connectors::unknown(new.provider.as_str()))?.connector;
    let method = connector.auth_method(&config.method).ok_or_else(|| {
        let text = format!("method `{}` is not in the connector any more", config.method);
        HubError::new(&codes::AUTH_METHOD_UNKNOWN, text)
    })?;
    let checked = check_values(&fields(method)?, &new.values, Mode::New).map_err(|problems| {
        bad_fields(&problems)
            .hint(format!("hubctl connectors guide {} --for end-user", connector.key))
    })?;
    let now = hub.clock.now();
    let project = caller.project();
    let known = accounts::of_owner(&mut tx, project, &new.owner.id, &new.provider).await?;
    let known = known
        .into_iter()
        .find(|known| !new.multiple && account::same_link(known, &new.owner.id, &new.provider));
    let link = Link {
        owner: new.owner,
        label: new.tags.label,
        metadata: new.tags.metadata,
        kind: new.tags.kind,
        setup: checked.public,
        verified_at: None,
    };
    let created = known.is_none();
    let before = known.clone();
    let account = match known {
        Some(known) => {
            let account = known.relink(&config, link, now);
            accounts::save(&mut tx, project, &account).await?;
            account
        }
        None => {
            let id = hub.random.uuid_v7(now)?.into();
            let account = account::link_new(id, &config, link, now);
            accounts::insert(&mut tx, project, &account).await?;
            account
        }
    };
    keep_credentials(hub, &mut tx, caller, &account, &checked.secret, now).await?;
    let operation = note(hub, &mut tx, caller, before.as_ref(), &account, now).await?;
    let view = view(&mut tx, caller, account).await?;
    guard.check(u64::from(!created))?;
    guard.finish(tx).await?;
    Ok(Added { view, created, operation })
}

async fn keep_credentials(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    account: &Account,
    secrets: &Given,
    now: Timestamp,
) -> Result<(), HubError> {
    let stored = accounts::credentials(tx, caller.project(), &account.id).await?;
    let version = stored.map_or(1, |stored| stored.version + 1);
    let id = account.id.as_str();
    let spot = Spot { table: "account_credentials", id, field: "credentials", version };
    let sealed = hub.seal(tx, caller, spot, secrets).await?;
    let credentials = Credentials { version, sealed, updated_at: now };
    Ok(accounts::save_credentials(tx, caller.project(), &account.id, &credentials).await?)
}

async fn note(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    before: Option<&Account>,
    account: &Account,
    now: Timestamp,
) -> Result<OperationId, HubError> {
    let kind = match before {
        Some(_) => EventKind::AccountUpdated,
        None => EventKind::AccountCreated,
    };
    let data = Some(event_data(account));
    hub.emit(tx, caller, kind, account.id.as_str(), now, data).await?;
    let record = Record {
        action: if before.is_some() { "relink" } else { "add" },
        resource: resource(account),
        affected: u64::from(before.is_some()),
        before: before.map(snapshot),
        after: Some(snapshot(account)),
    };
    hub.record(tx, caller, now, record).await
}

fn check(new: &New) -> Result<(), HubError> {
    let said = Said::of(&new.owner, new.tags.label.as_ref(), new.tags.metadata.as_ref());
    let problems = said.problems();
    if problems.is_empty() { Ok(()) } else { Err(Refusal::Invalid(problems).into()) }
}

async fn config_of(tx: &mut Tx, caller: &Caller, new: &New) -> Result<AuthConfig, HubError> {
    let project = caller.project();
    let found = match &new.auth_config {
        Some(id) => Some(super::auth_config(tx, caller, id).await?),
        None => {
            let all = auth_configs::of_connector(tx, project, &new.provider).await?;
            all.into_iter().find(|config| config.is_default)
        }
    };
    match found {
        Some(config) if config.connector != new.provider => {
            let actual = config.connector;
            Err(Refusal::WrongConnector { named: new.provider.clone(), actual }.into())
        }
        Some(config) if !config.is_enabled() => {
            Err(Refusal::Disabled { connector: config.connector, auth_config: config.id }.into())
        }
        Some(config) => Ok(config),
        None => match connectors::resolve(tx, caller, &new.provider, None).await? {
            Some(_) => Err(Refusal::NotSetUp { connector: new.provider.clone() }.into()),
            None => Err(connectors::unknown(new.provider.as_str())),
        },
    }
}

/// The fields of a method for somebody who has the credentials at hand: where an end user would
/// log in at the provider, the tokens of an earlier login take that step's place.
fn fields(method: &AuthMethod) -> Result<Vec<Field>, HubError> {
    if let Some(reason) = &method.unavailable {
        let text = format!("method `{}` can't be used: {reason}", method.key);
        return Err(HubError::new(&codes::AUTH_METHOD_UNKNOWN, text));
    }
    let mut fields = method.config_fields.clone();
    if method.needs_browser() {
        let has = |fields: &[Field], key: &str| fields.iter().any(|field| field.key == key);
        for (key, label) in [("access_token", "Access token"), ("refresh_token", "Refresh token")] {
            if !has(&fields, key) {
                let mut field = Field::optional_secret(key, label);
                field.required = key == "access_token";
                fields.push(field);
            }
        }
    }
    Ok(fields)
}
