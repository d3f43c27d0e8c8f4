//! Linking an account from credentials at hand.

use crate::domain::account::{Owner, Said};
use crate::domain::auth_config::AuthConfig;
use crate::domain::caller::{Caller, Permission};
use crate::domain::connector::form::check_form;
use crate::domain::connector::values::{Checked, Mode};
use crate::domain::ids::{AuthConfigId, OperationId};
use crate::domain::names::ConnectorKey;
use crate::domain::refusal::{Refusal, Touch};
use crate::error::HubError;
use crate::hub::Hub;
use crate::hub::auth_configs::{Given, bad_fields};
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
    /// Ask the provider whether the credentials work before they are stored.
    pub verify: bool,
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
/// The values are checked against the connector's fields and, unless that is not wanted, at the
/// provider; a dry run asks nobody.
///
/// # Errors
/// `connector.not_found`, `connector.not_enabled`, `auth_config.mismatch`, `fields.invalid`,
/// `usage.bad_value`; `provider.refused`, `provider.misconfigured`, `provider.unreachable`, and
/// then nothing is stored.
pub async fn add(hub: &Hub, caller: &Caller, new: New, guard: Guard) -> Result<Added, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    check(&new)?;
    let mut tx = match guard.dry_run {
        true => hub.store.begin_rehearsal().await?,
        false => hub.store.begin_read().await?,
    };
    let config = config_of(&mut tx, caller, &new).await?;
    let way = linking::way(hub, &mut tx, caller, config).await?;
    drop(tx);
    let checked = check_form(&fields_at_hand(&way), &way.known(None), &new.values, Mode::New);
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
    let holder = Holder {
        owner: new.owner,
        label: new.tags.label,
        metadata: new.tags.metadata,
        kind: new.tags.kind,
        account: None,
        multiple: new.multiple,
        is_told: false,
    };
    let mut tx = hub.begin(guard).await?;
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
    Ok(Added { view, created, operation })
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
