//! Changing auth configs: enable, disable, make default, edit, delete.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::account::{self, Account, Status};
use crate::domain::auth_config::{self, AuthConfig, Decided, VersionOwner, VersionPin};
use crate::domain::caller::{Caller, Permission};
use crate::domain::connector::values::{Editor, FieldProblem, Mode};
use crate::domain::connector::{AuthMethod, Connector, reach};
use crate::domain::credentials::Values;
use crate::domain::event::EventKind;
use crate::domain::refusal::Touch;
use crate::domain::time::Timestamp;
use crate::domain::words::counted;
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::accounts::event_data;
use crate::hub::connectors::{self, Resolved};
use crate::hub::oauth_apps;
use crate::hub::refresh;
use crate::hub::write::{Guard, Outcome, Record};
use crate::store::accounts::refresh::Whose;
use crate::store::auth_configs::{self, Sealed};
use crate::store::{StoreError, Tx, accounts, events};

use super::add::{self, IfExists, New};
use super::{Given, Target, View, bad_fields, find, find_one, resource, snapshot, view};

/// Accounts in one step of a mass change.
const STEP: i64 = 500;

/// Enables what `target` names; a connector that is not set up is set up first, with its first
/// method that needs nothing from the administrator (AC-19, AC-22).
///
/// # Errors
/// `auth_config.not_found`, `connector.needs_setup`, `guard.too_many_affected`.
pub async fn enable(
    hub: &Hub,
    caller: &Caller,
    target: &str,
    guard: Guard,
) -> Result<Vec<Outcome<View>>, HubError> {
    switch(hub, caller, target, guard, true).await
}

/// Disables what `target` names; its accounts become `inactive` (AC-14, AC-15, AC-22).
///
/// # Errors
/// `auth_config.not_found`, `guard.too_many_affected`.
pub async fn disable(
    hub: &Hub,
    caller: &Caller,
    target: &str,
    guard: Guard,
) -> Result<Vec<Outcome<View>>, HubError> {
    switch(hub, caller, target, guard, false).await
}

async fn switch(
    hub: &Hub,
    caller: &Caller,
    target: &str,
    guard: Guard,
    on: bool,
) -> Result<Vec<Outcome<View>>, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    let mut tx = hub.begin(guard).await?;
    let found = find(&mut tx, caller, target).await;
    // What is not set up yet is looked for in the catalog.
    let found = found.map_err(|error| match on {
        true if error.code().name == codes::AUTH_CONFIG_UNKNOWN.name => {
            error.hint(connectors::search(target))
        }
        _ => error,
    });
    let outcomes = match found? {
        Target::Configs(configs) => {
            let mut outcomes = Vec::with_capacity(configs.len());
            for config in configs {
                outcomes.push(switch_one(hub, &mut tx, caller, config, on).await?);
            }
            outcomes
        }
        Target::NotSetUp(connector) if on => {
            let new = New {
                connector,
                method: None,
                name: None,
                values: Given::new(),
                make_default: false,
                pin: None,
                if_exists: IfExists::Fail,
            };
            vec![add::add_in(hub, &mut tx, caller, new).await?]
        }
        Target::NotSetUp(connector) => {
            let text = format!("connector `{connector}` is not set up in this project");
            return Err(HubError::new(&codes::AUTH_CONFIG_UNKNOWN, text)
                .hint("hubctl connectors list --enabled"));
        }
    };
    let affected = outcomes.iter().map(|outcome| outcome.affected).sum();
    guard.check(affected, if on { Touch::Activate } else { Touch::Deactivate })?;
    guard.finish(tx).await?;
    Ok(outcomes)
}

async fn switch_one(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    config: AuthConfig,
    on: bool,
) -> Result<Outcome<View>, HubError> {
    let now = hub.clock.now();
    let before = config.clone();
    let decided = if on { config.enable(now) } else { config.disable(now) };
    if !decided.changed {
        return Ok(Outcome::unchanged(view(hub, tx, caller, before).await?));
    }
    let affected = follow(hub, tx, caller, &decided.after, now).await?;
    let (kind, action) = if on {
        (EventKind::AuthConfigEnabled, "enable")
    } else {
        (EventKind::AuthConfigDisabled, "disable")
    };
    keep(hub, tx, caller, before, decided, None, Noted { kind, action, affected }).await
}

/// AC-14, AC-19: the accounts follow their auth config, page by page, each with its event.
async fn follow(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    config: &AuthConfig,
    now: Timestamp,
) -> Result<u64, HubError> {
    let on = config.is_enabled();
    let project = caller.project();
    let (status, reasons) = match config.disabled_at {
        Some(since) => (Status::Inactive, vec![account::disabled_reason(since)]),
        None => (Status::Active, Vec::new()),
    };
    let mut affected = 0;
    let mut last = None;
    loop {
        let after = last.as_ref();
        let page = accounts::next_of_config(tx, project, &config.id, on, after, STEP).await?;
        let (Some(first), Some(end)) = (page.first(), page.last()) else { break };
        let range = (&first.id, &end.id);
        accounts::set_status(tx, project, &config.id, range, status, &reasons, now).await?;
        for held in page.iter().filter(|account| account.hold.is_some()) {
            let decide = if on { Account::config_enabled } else { Account::config_disabled };
            accounts::save(tx, project, &decide(held.clone(), now).after).await?;
        }
        let mut changed = Vec::with_capacity(page.len());
        for account in &page {
            let (id, data) = (account.id.as_str(), Some(event_data(account)));
            changed.push(hub.event(caller, EventKind::AccountUpdated, id, now, data)?);
        }
        events::append(tx, project, &changed).await?;
        affected += page.len() as u64;
        last = Some(end.id.clone());
    }
    Ok(affected)
}

/// Makes the auth config that `target` names its connector's default (AC-7 to AC-10).
///
/// # Errors
/// `auth_config.not_found`, `target.ambiguous`.
pub async fn make_default(
    hub: &Hub,
    caller: &Caller,
    target: &str,
    guard: Guard,
) -> Result<Outcome<View>, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    let mut tx = hub.begin(guard).await?;
    let config = find_one(&mut tx, caller, target).await?;
    let outcome = make_default_in(hub, &mut tx, caller, config).await?;
    guard.finish(tx).await?;
    Ok(outcome)
}

/// AC-10: what is told of a default that is disabled.
#[must_use]
pub fn hidden(view: &View) -> Option<String> {
    let config = &view.config;
    config.hides_its_connector().then(|| {
        format!(
            "it is disabled, so {} is not on the hub page until: hubctl connectors enable {}",
            config.connector, config.id
        )
    })
}

async fn make_default_in(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    config: AuthConfig,
) -> Result<Outcome<View>, HubError> {
    let siblings = auth_configs::of_connector(tx, caller.project(), &config.connector).await?;
    let before = config.clone();
    let decided = config.make_default(&siblings, hub.clock.now());
    if !decided.changed {
        return Ok(Outcome::unchanged(view(hub, tx, caller, before).await?));
    }
    let (kind, action) = DEFAULT_MOVED;
    let noted = Noted { kind, action, affected: 0 };
    keep(hub, tx, caller, before, decided, None, noted).await
}

/// The event and the action of a default that moves without any other change.
const DEFAULT_MOVED: (EventKind, &str) = (EventKind::AuthConfigDefaultChanged, "make-default");

/// What an edit changes; the rest stays.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// New name.
    pub name: Option<String>,
    /// Set-up values to replace; an empty one clears an optional value.
    pub values: Given,
    /// New pin; `Some(None)` removes it.
    pub pin: Option<Option<VersionPin>>,
    /// Whose version the pin has to lead to, if that is asked for.
    pub pin_owner: Option<VersionOwner>,
}

/// Edits the auth config that `target` names; secrets that are not given stay (AC-38), but not for
/// another host. What was refused for want of the edit is asked for anew (OA-14).
///
/// # Errors
/// `auth_config.not_found`, `target.ambiguous`, `fields.invalid`, `auth_config.exists`;
/// `connector.not_found` where no version fits the pin, `usage.bad_value` where one of another owner
/// does; `auth.forbidden` where that version would have stored secrets go elsewhere, and the caller
/// may not let them.
pub async fn edit(
    hub: &Hub,
    caller: &Caller,
    target: &str,
    edit: Edit,
    guard: Guard,
) -> Result<Outcome<View>, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    let mut tx = hub.begin(guard).await?;
    let config = find_one(&mut tx, caller, target).await?;
    let outcome = edit_in(hub, &mut tx, caller, config, edit, false).await?;
    guard.finish(tx).await?;
    Ok(outcome)
}

pub(super) async fn edit_in(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    before: AuthConfig,
    edit: Edit,
    make_default: bool,
) -> Result<Outcome<View>, HubError> {
    let now = hub.clock.now();
    let pin = edit.pin.clone().unwrap_or_else(|| before.pin.clone());
    let resolved = connectors::resolve(tx, caller, &before.connector, pin.as_ref()).await?;
    let Resolved { connector, own } =
        resolved.ok_or_else(|| connectors::unfit(&before.connector, pin.as_ref()))?;
    if let (Some(owner), Some(pin)) = (edit.pin_owner, &pin) {
        owner.allows(pin, &connector.version, VersionOwner::of(own))?;
    }
    let method = connector.auth_method(&before.method).ok_or_else(|| {
        let text = format!("method `{}` is not in the connector any more", before.method);
        HubError::new(&codes::AUTH_METHOD_UNKNOWN, text)
    })?;
    if pin != before.pin {
        connectors::may_use(tx, caller, &before, (&connector, method)).await?;
    }
    let stored: BTreeSet<String> = before.setup.keys().chain(&before.secrets).cloned().collect();
    let has_app = oauth_apps::is_used_by(&before, &connector, method);
    let mode = Mode::Edit { stored: &stored, by: Editor::Administrator };
    let mut known = Values::default();
    known.extend_public(&before.setup);
    let checked = add::check(&connector, method, (&known, &edit.values), mode, has_app)?;
    let fields = method.setup_fields.iter().map(|field| field.key.as_str());
    let is_left = |key: &&str| before.secrets.contains(*key) && checked.leaves(key);
    let left: Vec<&str> = fields.filter(is_left).collect();
    let mut values = before.setup.clone();
    let stays = |key: &String| !checked.cleared.contains(key);
    values.retain(|key, _| stays(key));
    values.extend(checked.public);
    stays_in_reach(tx, caller, &before, (&connector, method), (&values, left.as_slice())).await?;
    let drops = !before.secrets.iter().all(stays);
    let sealed = auth_configs::sealed(tx, caller.project(), &before.id).await?;
    let sealed_version = sealed.as_ref().map_or(0, |sealed| sealed.version);
    let mut secrets = match &sealed {
        Some(sealed) if !checked.secret.is_empty() || drops => {
            hub.open(tx, caller, add::spot(&before, sealed.version), &sealed.bytes).await?
        }
        _ => Given::new(),
    };
    let replaced =
        drops || checked.secret.iter().any(|(key, value)| secrets.get(key) != Some(value));
    let kept = before.secrets.iter().filter(|key| stays(key));
    let names = kept.chain(checked.secret.keys()).cloned().collect();
    secrets.retain(|key, _| stays(key));
    secrets.extend(checked.secret);
    let name = edit.name.map(|name| auth_config::check_name(&name)).transpose();
    let name = name.map_err(|problem| {
        HubError::new(&codes::BAD_VALUE, format!("--name {}", problem.message))
    })?;
    let asked = auth_config::Edit {
        name,
        pin: edit.pin,
        setup: values,
        secrets: names,
        secrets_replaced: replaced,
    };
    let mut decided = before.clone().edit(asked, now);
    let (kind, action) = match decided.changed {
        true => (EventKind::AuthConfigUpdated, "edit"),
        false => DEFAULT_MOVED,
    };
    if make_default {
        let siblings = auth_configs::of_connector(tx, caller.project(), &before.connector).await?;
        let after = decided.after.make_default(&siblings, now);
        decided = Decided { changed: decided.changed || after.changed, ..after };
    }
    if !decided.changed {
        return Ok(Outcome::unchanged(view(hub, tx, caller, before).await?));
    }
    let sealed = if replaced {
        let version = sealed_version + 1;
        let bytes = hub.seal(tx, caller, add::spot(&before, version), &secrets).await?;
        Some(Sealed { bytes, version })
    } else {
        None
    };
    let noted = Noted { kind, action, affected: 0 };
    keep(hub, tx, caller, before, decided, sealed, noted).await
}

/// Whether what is stored goes nowhere else with a new set-up: neither the set-up's own secrets
/// that are left in it, nor what accounts are called with (threat 14).
///
/// # Errors
/// `fields.invalid`.
async fn stays_in_reach(
    tx: &mut Tx,
    caller: &Caller,
    before: &AuthConfig,
    (connector, method): (&Connector, &AuthMethod),
    (setup, left): (&BTreeMap<String, String>, &[&str]),
) -> Result<(), HubError> {
    let old = reach::of_setup(method, &before.setup);
    let new = reach::of_setup(method, setup);
    reach::may_keep(connector, method, (&old, &new), left)
        .map_err(|problems| bad_fields(&problems))?;
    let Some(origin) = reach::moved(connector, method, &old, &new) else { return Ok(()) };
    let accounts = accounts::count_of_config(tx, caller.project(), &before.id).await?;
    if accounts == 0 {
        return Ok(());
    }
    let message = format!(
        "would send what {} of this auth config are called with to {origin}: add another auth \
         config for it",
        counted(accounts, "linked account")
    );
    let leads = |key: &&String| {
        let mut one = before.setup.clone();
        one.remove(*key);
        one.extend(setup.get_key_value(*key).map(|(key, value)| (key.clone(), value.clone())));
        reach::added(connector, method, &old, &reach::of_setup(method, &one)).is_some()
    };
    let keys: BTreeSet<&String> = before.setup.keys().chain(setup.keys()).collect();
    let keys = keys.into_iter().filter(leads).cloned();
    let problems: Vec<FieldProblem> =
        keys.map(|field| FieldProblem { field, message: message.clone() }).collect();
    Err(bad_fields(&problems))
}

/// Deletes the auth config that `target` names (AC-24 to AC-28).
///
/// # Errors
/// `auth_config.not_found`, `target.ambiguous`, `auth_config.has_accounts`,
/// `auth_config.is_default`.
pub async fn delete(
    hub: &Hub,
    caller: &Caller,
    target: &str,
    guard: Guard,
) -> Result<Outcome<View>, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let config = find_one(&mut tx, caller, target).await?;
    let siblings = auth_configs::of_connector(&mut tx, caller.project(), &config.connector).await?;
    let accounts = accounts::count_of_config(&mut tx, caller.project(), &config.id).await?;
    config.may_delete(&siblings, accounts).map_err(|refusal| {
        let error = HubError::from(refusal);
        if accounts > 0 {
            error.hint(format!("hubctl accounts list --provider {}", config.connector))
        } else {
            error
        }
    })?;
    auth_configs::delete(&mut tx, caller.project(), &config).await?;
    let (kind, id) = (EventKind::AuthConfigDeleted, config.id.as_str());
    hub.emit(&mut tx, caller, kind, id, now, Some(snapshot(&config))).await?;
    let record = Record {
        action: "delete",
        resource: resource(&config),
        affected: 0,
        before: Some(snapshot(&config)),
        after: None,
    };
    let operation = Some(hub.record(&mut tx, caller, now, record).await?);
    let before = Some(view(hub, &mut tx, caller, config).await?);
    guard.finish(tx).await?;
    Ok(Outcome { before, after: None, changed: true, affected: 0, operation })
}

struct Noted {
    kind: EventKind,
    action: &'static str,
    affected: u64,
}

/// Saves what was decided, with its event and its record, and tells of a default that moves with
/// it.
async fn keep(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    before: AuthConfig,
    decided: Decided,
    sealed: Option<Sealed>,
    noted: Noted,
) -> Result<Outcome<View>, HubError> {
    let project = caller.project();
    if let Some(former) = &decided.loses_default {
        auth_configs::save(tx, project, former, None).await?;
    }
    let after = decided.after;
    let saved = auth_configs::save(tx, project, &after, sealed.as_ref()).await;
    saved.map_err(|error| match error {
        StoreError::Duplicate => add::exists(&after),
        other => other.into(),
    })?;
    if sealed.is_some() || after.setup != before.setup || after.pin != before.pin {
        refresh::mended(tx, project, Whose::AuthConfig(&after.id), after.updated_at).await?;
    }
    hub.emit(tx, caller, noted.kind, after.id.as_str(), after.updated_at, None).await?;
    let (moved, _) = DEFAULT_MOVED;
    if after.is_default && !before.is_default && noted.kind != moved {
        hub.emit(tx, caller, moved, after.id.as_str(), after.updated_at, None).await?;
    }
    let record = Record {
        action: noted.action,
        resource: resource(&after),
        affected: noted.affected,
        before: Some(snapshot(&before)),
        after: Some(snapshot(&after)),
    };
    let operation = Some(hub.record(tx, caller, after.updated_at, record).await?);
    let before = view(hub, tx, caller, before).await?;
    let after = view(hub, tx, caller, after).await?;
    Ok(Outcome {
        before: Some(before),
        after: Some(after),
        changed: true,
        affected: noted.affected,
        operation,
    })
}
