//! Linking an account from credentials at hand.

use crate::domain::account::{Account, Owner, Said};
use crate::domain::auth_config::AuthConfig;
use crate::domain::caller::{Caller, Permission};
use crate::domain::connect_session::serving;
use crate::domain::connector::form::check_filled;
use crate::domain::connector::values::{Checked, Mode};
use crate::domain::ids::{AuthConfigId, OperationId};
use crate::domain::names::ConnectorKey;
use crate::domain::refusal::{Refusal, Touch};
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::auth_configs::{Given, IfExists, bad_fields};
use crate::hub::connectors;
use crate::hub::linking::{self, Filled, Holder, Linked, Proof};
use crate::hub::write::{Guard, Record};
use crate::store::{Tx, auth_configs};

use super::prove::fields_at_hand;
use super::{Tags, View, resource, snapshot, view};

/// What an administrator hands over.
#[derive(Debug, Clone)]
pub struct New {
    /// The connector.
    pub provider: ConnectorKey,
    /// The auth config; without it what serves the owner (CS-15).
    pub auth_config: Option<AuthConfigId>,
    /// Whose account it is.
    pub owner: Owner,
    /// Label, tags, type.
    pub tags: Tags,
    /// Values for the method's fields.
    pub values: Given,
    /// Make a new account even where the owner has one of this connector (CS-10).
    pub multiple: bool,
    /// What to do where the owner has one of this connector, and `multiple` is not asked for.
    pub if_exists: IfExists,
    /// Ask the provider whether the credentials work before they are stored.
    pub verify: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Added {
    /// The account.
    pub view: View,
    /// Whether it is new; otherwise the owner's account got new credentials (CS-6), or was passed
    /// over.
    pub created: bool,
    /// The record of it, if anything changed.
    pub operation: Option<OperationId>,
}

/// Links an account from credentials at hand (CS-5, CS-6, CS-10).
///
/// The values are checked against the connector's fields and, unless that is not wanted, at the
/// provider; a dry run asks nobody. Nor is anybody asked where the owner's account stays as it is:
/// what is at hand may be older than what is stored, and a token works once.
///
/// # Errors
/// `account.exists`, `connector.not_found`, `connector.not_enabled`, `auth_config.mismatch`,
/// `fields.invalid`, `usage.bad_value`; `provider.refused`, `provider.misconfigured`,
/// `provider.unreachable`, and then nothing is stored.
pub async fn add(hub: &Hub, caller: &Caller, new: New, guard: Guard) -> Result<Added, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    check(&new)?;
    let mut tx = match guard.dry_run {
        true => hub.store.begin_rehearsal().await?,
        false => hub.store.begin_read().await?,
    };
    let holder = holder(&new);
    if let Some(left) = left(&mut tx, caller, &new, &holder).await? {
        return Ok(left);
    }
    let config = config_of(&mut tx, caller, &new, &holder).await?;
    let way = linking::way(hub, &mut tx, caller, config).await?;
    drop(tx);
    let (fields, known) = (fields_at_hand(&way), way.known(None));
    let (connector, method) = (&way.connector, &way.method);
    let checked = check_filled(connector, method, &fields, &known, &new.values, Mode::New);
    let checked = checked.map_err(|problems| {
        bad_fields(&problems)
            .hint(format!("hubctl connectors guide {} --for end-user", way.connector.key))
    })?;
    let filled = Filled { checked, ..Filled::default() };
    let proof = if new.verify && !guard.dry_run {
        let Checked { public, secret, .. } = &filled.checked;
        linking::prove(hub, caller, &way, None, way.values_with(public, secret)).await?
    } else {
        Proof::default()
    };
    let mut tx = hub.begin(guard).await?;
    // It may have been linked while the provider was asked.
    if let Some(left) = left(&mut tx, caller, &new, &holder).await? {
        return Ok(left);
    }
    let Linked { before, after } =
        linking::store(hub, &mut tx, caller, &way, holder, &filled, &proof).await?;
    let created = before.is_none();
    let record = Record {
        action: if created { "add" } else { "relink" },
        resource: resource(&after),
        affected: u64::from(!created),
        before: before.as_ref().map(snapshot),
        after: Some(snapshot(&after)),
    };
    let operation = hub.record(&mut tx, caller, hub.clock.now(), record).await?;
    let view = view(&mut tx, caller, after).await?;
    guard.check(u64::from(!created), Touch::Relink)?;
    guard.finish(tx).await?;
    Ok(Added { view, created, operation: Some(operation) })
}

fn check(new: &New) -> Result<(), HubError> {
    let said = Said::of(&new.owner, new.tags.label.as_ref(), new.tags.metadata.as_ref());
    let problems = said.problems();
    if problems.is_empty() { Ok(()) } else { Err(Refusal::Invalid(problems).into()) }
}

fn holder(new: &New) -> Holder {
    Holder {
        owner: new.owner.clone(),
        label: new.tags.label.clone(),
        metadata: new.tags.metadata.clone(),
        kind: new.tags.kind,
        account: None,
        multiple: new.multiple,
        is_told: false,
    }
}

/// The owner's account where it is there and stays as it is.
///
/// # Errors
/// `account.exists` where there should be none.
async fn left(
    tx: &mut Tx,
    caller: &Caller,
    new: &New,
    holder: &Holder,
) -> Result<Option<Added>, HubError> {
    if new.if_exists == IfExists::Update {
        return Ok(None);
    }
    let Some(known) = holder.known(tx, caller, &new.provider).await? else { return Ok(None) };
    if new.if_exists == IfExists::Fail {
        return Err(exists(&known));
    }
    let view = view(tx, caller, known).await?;
    Ok(Some(Added { view, created: false, operation: None }))
}

fn exists(known: &Account) -> HubError {
    let text = format!("the owner has an account of {} already: {}", known.provider, known.id);
    HubError::new(&codes::ACCOUNT_EXISTS, text)
        .hint("give --if-exists skip, or --if-exists update, or --multiple for a second one")
}

async fn config_of(
    tx: &mut Tx,
    caller: &Caller,
    new: &New,
    holder: &Holder,
) -> Result<AuthConfig, HubError> {
    let project = caller.project();
    let found = match &new.auth_config {
        Some(id) => Some(super::auth_config(tx, caller, id).await?),
        None => {
            let all = auth_configs::of_connector(tx, project, &new.provider).await?;
            // Whose account is known matters only where there is something to choose.
            let known = match all.len() > 1 {
                true => holder.known(tx, caller, &new.provider).await?,
                false => None,
            };
            serving(&all, known.as_ref()).cloned()
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
