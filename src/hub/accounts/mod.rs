//! Operations on linked accounts.

use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use crate::domain::account::{Account, AccountType, Decided, Fixed, Said, Update, check_metadata};
use crate::domain::auth_config::AuthConfig;
use crate::domain::caller::{Caller, Permission};
use crate::domain::event::EventKind;
use crate::domain::ids::{AccountId, AuthConfigId};
use crate::domain::names::ConnectorKey;
use crate::domain::refusal::{Refusal, Touch};
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::store::accounts::refresh::Whose;
use crate::store::{StoreError, Tx, accounts, auth_configs};

pub use crate::store::accounts::{BadSort, Filter, Sort, Usability};

use super::Hub;
use super::auth_configs::Given;
use super::connectors::{self, Summary};
use super::refresh;
use super::write::{Guard, Outcome, Record};

mod add;
mod check;
mod doubt;
mod edit;
mod explain;
mod failures;
mod list;
mod method;
mod prove;
mod remove;
mod tokens;

pub(super) use doubt::doubt;
pub(super) use method::unusable;

pub use add::{Added, New, add};
pub use check::{Ask, Checked, check};
pub use explain::{Explanation, Finding, explain};
pub use list::{list, list_views};
pub use prove::{refresh_now, test};
pub use remove::{Removed, delete};

pub use crate::provider::Revocation;

/// An account with the facts of its connector.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The account.
    pub account: Account,
    /// Its auth config's name.
    pub auth_config_name: String,
    /// When its credentials were last replaced.
    pub credentials_at: Option<Timestamp>,
}

/// The error for an id that no account of the project has.
#[must_use]
pub fn unknown(id: &str) -> HubError {
    HubError::new(&codes::ACCOUNT_UNKNOWN, format!("no linked account `{id}`"))
        .hint("hubctl accounts list")
}

/// The error for an id that no account of the project has: it may be their owner's.
async fn taken_for_an_owner(
    tx: &mut Tx,
    caller: &Caller,
    id: &AccountId,
) -> Result<HubError, HubError> {
    let owner_id = Some(id.to_string());
    let theirs = Filter { owner_id, limit: Some(1), brief: true, ..Filter::default() };
    let mut any = false;
    accounts::scan(tx, caller.project(), &theirs, |_| {
        any = true;
        Ok::<_, StoreError>(ControlFlow::Break(()))
    })
    .await?;
    let error = unknown(id.as_str());
    Ok(match any {
        true => error.hint(format!("hubctl accounts list --origin-owner-id {id}")),
        false => error,
    })
}

async fn load(tx: &mut Tx, caller: &Caller, id: &AccountId) -> Result<Account, HubError> {
    match accounts::by_id(tx, caller.project(), id).await? {
        Some(found) => Ok(found),
        None => Err(taken_for_an_owner(tx, caller, id).await?),
    }
}

/// The account of this id while it is this owner's; for anybody else there is none (HB-14).
pub(super) async fn owned_by(
    tx: &mut Tx,
    caller: &Caller,
    id: &AccountId,
    owner_id: &str,
) -> Result<Account, HubError> {
    let found = accounts::by_id(tx, caller.project(), id).await?;
    found.filter(|account| account.is_of(owner_id)).ok_or_else(|| unknown(id.as_str()))
}

pub(super) async fn view(tx: &mut Tx, caller: &Caller, account: Account) -> Result<View, HubError> {
    let project = caller.project();
    let config = auth_configs::by_id(tx, project, &account.auth_config).await?;
    let credentials = accounts::credentials(tx, project, &account.id).await?;
    Ok(View {
        auth_config_name: config.map(|config| config.name).unwrap_or_default(),
        credentials_at: credentials.map(|credentials| credentials.updated_at),
        account,
    })
}

/// One account without what stands beside it in the store, and its connector if that is one of the
/// project's own.
///
/// # Errors
/// `account.not_found` (AT-13).
pub async fn get_plain(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
) -> Result<(Account, Option<Summary>), HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    let mut tx = hub.store.begin_look().await?;
    let account = load(&mut tx, caller, id).await?;
    let own = connectors::resolve_own(&mut tx, caller, &account.provider, None).await?;
    Ok((account, own.map(|own| own.summary())))
}

/// One account.
///
/// # Errors
/// `account.not_found` (AT-13).
pub async fn get(hub: &Hub, caller: &Caller, id: &AccountId) -> Result<View, HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    let mut tx = hub.store.begin_read().await?;
    let account = load(&mut tx, caller, id).await?;
    view(&mut tx, caller, account).await
}

/// What an update changes; what is `None` stays (AT-15).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Label, tags, type, owner and names.
    pub update: Update,
    /// The connector as the caller knows it; it can't be another one.
    pub provider: Option<ConnectorKey>,
    /// What else can't be changed, as the caller knows it.
    pub fixed: Fixed,
    /// Another auth config of the same connector (AT-18).
    pub auth_config: Option<AuthConfigId>,
    /// New values for fields; those that are not given stay (AC-38, SE-4). The provider is asked
    /// whether they work.
    pub credentials: Given,
    /// Store them without asking it.
    pub no_verify: bool,
}

/// Changes what an account carries, and the values of its fields (AT-15 to AT-19).
///
/// # Errors
/// `account.not_found`, `auth_config.not_found`, `auth_config.mismatch`, `usage.bad_value`;
/// `account.state` for an auth config of another method, or one whose calls go elsewhere;
/// `fields.invalid`, `provider.refused`, `provider.misconfigured`, `provider.unreachable`, and then
/// nothing is changed but a token that had ended.
pub async fn update(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
    changes: Changes,
    guard: Guard,
) -> Result<Outcome<View>, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    check_update(&changes.update)?;
    if let Some(named) = &changes.provider {
        // Before anything is sent to a provider: it may be for another one. Nothing changes it
        // later on.
        let mut tx = hub.store.begin_read().await?;
        load(&mut tx, caller, id).await?.stays_with(named)?;
    }
    if changes.fixed != Fixed::default() {
        let mut tx = hub.store.begin_read().await?;
        let account = load(&mut tx, caller, id).await?;
        let config = auth_config(&mut tx, caller, &account.auth_config).await?;
        account.stays_so(&config.method, &changes.fixed)?;
    }
    let edit = match changes.credentials.is_empty() {
        true => None,
        false => edit::prepare(hub, caller, id, &changes, guard).await?,
    };
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let before = load(&mut tx, caller, id).await?;
    let before = view(&mut tx, caller, before).await?;
    let current = match edit {
        Some(edit) => edit::store(hub, &mut tx, caller, before.account.clone(), edit).await?,
        None => before.account.clone(),
    };
    let has_new_credentials = current != before.account;
    let mut decided = current.update(changes.update, now);
    if let Some(metadata) = check_metadata(&decided.after.metadata) {
        return Err(Refusal::Invalid(vec![metadata]).into());
    }
    if let Some(config) = changes.auth_config {
        let config = auth_config(&mut tx, caller, &config).await?;
        let from = auth_config(&mut tx, caller, &decided.after.auth_config).await?;
        let (kept, id) = (decided.after.clone(), config.id.clone());
        let moved = decided.after.move_to(&from, &config, now)?;
        if let Some(origin) = method::led_astray(&mut tx, caller, &kept, (&from, &config)).await? {
            return Err(Refusal::Elsewhere { account: kept.id, origin, auth_config: id }.into());
        }
        if moved.changed {
            refresh::mended(&mut tx, caller.project(), Whose::Account(&kept.id), now).await?;
        }
        decided = Decided { changed: decided.changed || moved.changed, ..moved };
    }
    decided.changed |= has_new_credentials;
    let outcome = keep(hub, &mut tx, caller, before, decided, "update", now).await?;
    guard.check(outcome.affected, Touch::Update)?;
    guard.finish(tx).await?;
    Ok(outcome)
}

pub(super) async fn auth_config(
    tx: &mut Tx,
    caller: &Caller,
    id: &AuthConfigId,
) -> Result<AuthConfig, HubError> {
    let found = auth_configs::by_id(tx, caller.project(), id).await?;
    found.ok_or_else(|| {
        HubError::new(&codes::AUTH_CONFIG_UNKNOWN, format!("no auth config `{id}`"))
            .hint("hubctl connectors list")
    })
}

fn check_update(update: &Update) -> Result<(), HubError> {
    let said = Said {
        owner_id: update.owner_id.as_deref(),
        owner_name: update.owner_name.as_deref(),
        username: update.username.as_ref().and_then(Option::as_deref),
        label: update.label.as_ref().and_then(Option::as_deref),
        ..Said::default()
    };
    let problems = said.problems();
    if problems.is_empty() { Ok(()) } else { Err(Refusal::Invalid(problems).into()) }
}

/// Pauses an account: no calls, credentials kept (AT-4).
///
/// # Errors
/// `account.not_found`, `account.state`.
pub async fn suspend(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
    guard: Guard,
) -> Result<Outcome<View>, HubError> {
    hold(hub, caller, id, guard, ("suspend", Touch::Suspend), Account::suspend).await
}

/// Ends a pause (AT-4, AT-9).
///
/// # Errors
/// `account.not_found`, `account.state`.
pub async fn resume(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
    guard: Guard,
) -> Result<Outcome<View>, HubError> {
    hold(hub, caller, id, guard, ("resume", Touch::Resume), Account::resume).await
}

async fn hold(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
    guard: Guard,
    (action, touch): (&'static str, Touch),
    rule: fn(Account, Timestamp) -> Result<Decided, Refusal>,
) -> Result<Outcome<View>, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let before = load(&mut tx, caller, id).await?;
    let decided = rule(before.clone(), now)?;
    let before = view(&mut tx, caller, before).await?;
    let outcome = keep(hub, &mut tx, caller, before, decided, action, now).await?;
    guard.check(outcome.affected, touch)?;
    guard.finish(tx).await?;
    Ok(outcome)
}

/// Saves what was decided, with its event and its record. What was there before is what was seen
/// before anything was written.
async fn keep(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    before: View,
    decided: Decided,
    action: &'static str,
    now: Timestamp,
) -> Result<Outcome<View>, HubError> {
    if !decided.changed {
        return Ok(Outcome::unchanged(before));
    }
    let after = decided.after;
    accounts::save(tx, caller.project(), &after).await?;
    let data = Some(event_data(&after));
    hub.emit(tx, caller, EventKind::AccountUpdated, after.id.as_str(), now, data).await?;
    let record = Record {
        action,
        resource: resource(&after),
        affected: 1,
        before: Some(snapshot(&before.account)),
        after: Some(snapshot(&after)),
    };
    let operation = Some(hub.record(tx, caller, now, record).await?);
    let after = Some(view(tx, caller, after).await?);
    Ok(Outcome { before: Some(before), after, changed: true, affected: 1, operation })
}

fn resource(account: &Account) -> String {
    format!("account/{}", account.id)
}

/// What a webhook needs of an account that may be gone by then (WH-4).
pub(super) fn event_data(account: &Account) -> Value {
    json!({
        "provider": account.provider,
        "origin_owner_id": account.owner.id,
        "origin_owner_name": account.owner.name,
        "origin_username": account.owner.username,
        "setup_information": account.setup,
    })
}

/// The same with why it stopped working, which nobody can look up once it works again. Webhooks are
/// told what their contract lists, and no more.
pub(super) fn error_data(account: &Account) -> Value {
    let mut data = event_data(account);
    if let Some(facts) = data.as_object_mut() {
        facts.insert("status_reasons".to_owned(), json!(account.reasons));
    }
    data
}

/// An account as the record of operations keeps it, without credentials.
fn snapshot(account: &Account) -> Value {
    json!({
        "provider": account.provider,
        "auth_config": account.auth_config,
        "origin_owner_id": account.owner.id,
        "origin_owner_name": account.owner.name,
        "origin_username": account.owner.username,
        "label": account.label,
        "type": account.kind.as_str(),
        "status": account.shown_status().as_str(),
        "metadata": account.metadata,
    })
}

/// What a new account carries besides its credentials.
#[derive(Debug, Clone, Default)]
pub struct Tags {
    /// Label.
    pub label: Option<String>,
    /// Free tags; `None` leaves those of an account that is there already.
    pub metadata: Option<Map<String, Value>>,
    /// Production or test; `None` leaves that of an account that is there already.
    pub kind: Option<AccountType>,
}
