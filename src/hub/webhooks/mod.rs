//! Operations on webhooks: which there are, and how they stand.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::domain::caller::{Caller, Permission};
use crate::domain::event::EventKind;
use crate::domain::ids::{OperationId, WebhookId};
use crate::domain::refusal::{Problem, Refusal};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::webhook::signature::{SECRET_BYTES, SigningSecret};
use crate::domain::webhook::{Address, Rotation, Secrets, Webhook, WhyDisabled};
use crate::error::{HubError, codes};
use crate::store::webhooks::{self, Sealed};
use crate::store::{StoreError, Tx};

use super::Hub;
use super::refuse::allow;
use super::sealing::Spot;
use super::write::{Guard, IfThere, Outcome, Record};

pub mod deliveries;
mod lane;
pub mod outbox;
pub mod sender;

pub use sender::round;

/// Webhooks of a project at most: each is asked for at every event.
const MOST: usize = 200;

/// What is asked for of a new webhook.
#[derive(Debug, Clone)]
pub struct New {
    /// Where deliveries go.
    pub url: Address,
    /// What it is told of.
    pub events: BTreeSet<EventKind>,
    /// A secret that its receiver has already; otherwise one is made.
    pub secret: Option<SigningSecret>,
    /// What to do where deliveries go to this address already; otherwise there are two webhooks.
    pub if_there: Option<IfThere>,
}

/// What a change of a webhook changes; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Where deliveries go.
    pub url: Option<Address>,
    /// What it is told of.
    pub events: Option<BTreeSet<EventKind>>,
}

/// A webhook and the secret that was made for it, which is shown this once (SE-8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithSecret {
    /// The webhook.
    pub webhook: Webhook,
    /// The secret, where one was made.
    pub secret: Option<SigningSecret>,
    /// Whether anything was made or changed.
    pub changed: bool,
}

fn unknown(id: &WebhookId) -> HubError {
    HubError::new(&codes::WEBHOOK_UNKNOWN, format!("no webhook `{id}`"))
        .hint("hubctl webhooks list")
}

fn exists(known: &Webhook) -> HubError {
    let text = format!("webhook {} sends to this address already", known.id);
    HubError::new(&codes::WEBHOOK_EXISTS, text).hint(format!("hubctl webhooks get {}", known.id))
}

async fn find(tx: &mut Tx, caller: &Caller, id: &WebhookId) -> Result<Webhook, HubError> {
    webhooks::by_id(tx, caller.project(), id).await?.ok_or_else(|| unknown(id))
}

/// The facts of a webhook, for records and events.
fn facts(webhook: &Webhook) -> Value {
    json!({
        "url": webhook.url,
        "events": webhook.events.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
        "disabled_at": webhook.disabled.map(|(at, _)| at),
        "disabled_reason": webhook.disabled.map(|(_, why)| why.as_str()),
    })
}

/// What a webhook keeps sealed.
struct Hidden {
    url: Secret,
    secrets: Secrets,
}

fn spot(webhook: &Webhook, version: i64) -> Spot<'_> {
    Spot { table: "webhooks", id: webhook.id.as_str(), field: "secrets", version }
}

async fn seal(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    webhook: &Webhook,
    hidden: &Hidden,
    version: i64,
) -> Result<Sealed, HubError> {
    let Hidden { url, secrets } = hidden;
    let mut values = BTreeMap::from([
        ("url".to_owned(), url.clone()),
        ("active".to_owned(), secrets.active.text().clone()),
    ]);
    for (name, secret) in [("next", &secrets.next), ("previous", &secrets.previous)] {
        values.extend(secret.as_ref().map(|secret| (name.to_owned(), secret.text().clone())));
    }
    let bytes = hub.seal(tx, caller, spot(webhook, version), &values).await?;
    Ok(Sealed { bytes, version })
}

async fn open(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    webhook: &Webhook,
    sealed: &Sealed,
) -> Result<Hidden, HubError> {
    let broken = || HubError::new(&codes::SEAL_BROKEN, "a webhook's secrets are incomplete");
    let spot = spot(webhook, sealed.version);
    let mut values = hub.open(tx, caller, spot, &sealed.bytes).await?;
    let mut secret = |name: &str| {
        values.remove(name).map(SigningSecret::parse).transpose().map_err(|_| broken())
    };
    let (active, next, previous) = (secret("active")?, secret("next")?, secret("previous")?);
    let secrets = Secrets { active: active.ok_or_else(broken)?, next, previous };
    Ok(Hidden { url: values.remove("url").ok_or_else(broken)?, secrets })
}

async fn opened(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    webhook: &Webhook,
) -> Result<(Hidden, i64), HubError> {
    let sealed = webhooks::sealed(tx, caller.project(), webhook.number).await?;
    let sealed = sealed.ok_or_else(|| unknown(&webhook.id))?;
    let hidden = open(hub, tx, caller, webhook, &sealed).await?;
    Ok((hidden, sealed.version))
}

fn mint(hub: &Hub) -> Result<SigningSecret, HubError> {
    let mut random = Zeroizing::new([0; SECRET_BYTES]);
    hub.random.fill(random.as_mut_slice())?;
    Ok(SigningSecret::mint(&random))
}

/// Threat 18: refuses addresses that nothing is sent to.
fn check_address(hub: &Hub, url: &Address) -> Result<(), HubError> {
    hub.poster.check(url.url()).map_err(|blocked| {
        HubError::new(&codes::WEBHOOK_BLOCKED, format!("url: {blocked}"))
            .hint(allow(url.url().host_str()))
    })
}

fn check_events(events: &BTreeSet<EventKind>) -> Result<(), HubError> {
    if events.is_empty() {
        let problem = Problem::new("events", "at least one is needed");
        return Err(Refusal::WebhookInvalid(problem).into());
    }
    Ok(())
}

/// The webhook whose deliveries go to this very address, hidden values included.
async fn to_address(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    all: &[Webhook],
    url: &Address,
) -> Result<Option<Webhook>, HubError> {
    let shown = url.shown();
    for webhook in all.iter().filter(|webhook| webhook.url == shown) {
        let (hidden, _) = opened(hub, tx, caller, webhook).await?;
        if hidden.url == url.to_secret() {
            return Ok(Some(webhook.clone()));
        }
    }
    Ok(None)
}

/// Makes a webhook, which gets the events from now on. Answers it, and whether it is new.
///
/// # Errors
/// `webhook.invalid`, `webhook.blocked`, `webhook.exists` where that is asked for.
pub async fn create(
    hub: &Hub,
    caller: &Caller,
    new: New,
    guard: Guard,
) -> Result<(WithSecret, bool), HubError> {
    hub.require(caller, Permission::Administer)?;
    check_address(hub, &new.url)?;
    check_events(&new.events)?;
    let now = hub.clock.now();
    let mut webhook = Webhook {
        number: 0,
        id: hub.random.uuid_v7(now)?.into(),
        url: new.url.shown(),
        events: new.events,
        disabled: None,
        failing_since: None,
        next_secret_at: None,
        previous_secret_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let (secret, made) = match new.secret {
        Some(known) => (known, None),
        None => {
            let made = mint(hub)?;
            (made.clone(), Some(made))
        }
    };
    let mut tx = hub.begin(guard).await?;
    let all = webhooks::list(&mut tx, caller.project()).await?;
    if let Some(if_there) = new.if_there
        && let Some(webhook) = to_address(hub, &mut tx, caller, &all, &new.url).await?
    {
        return match if_there {
            IfThere::Fail => Err(exists(&webhook)),
            IfThere::Skip => Ok((WithSecret { webhook, secret: None, changed: false }, false)),
        };
    }
    if all.len() >= MOST {
        let text = format!("a project has at most {MOST} webhooks");
        return Err(HubError::new(&codes::WEBHOOK_STATE, text));
    }
    let hidden = Hidden { url: new.url.to_secret(), secrets: Secrets::of(secret) };
    let sealed = seal(hub, &mut tx, caller, &webhook, &hidden, 1).await?;
    webhook.number = webhooks::insert(&mut tx, caller.project(), &webhook, &sealed).await?;
    let kind = EventKind::WebhookCreated;
    write_down(hub, &mut tx, caller, now, (kind, "create"), (None, Some(&webhook))).await?;
    guard.finish(tx).await?;
    Ok((WithSecret { webhook, secret: made, changed: true }, true))
}

/// Records a change, and tells of it in an event.
async fn write_down(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    now: Timestamp,
    (kind, action): (EventKind, &str),
    (before, after): (Option<&Webhook>, Option<&Webhook>),
) -> Result<Option<OperationId>, HubError> {
    let Some(webhook) = after.or(before) else { return Ok(None) };
    let record = Record {
        action,
        resource: format!("webhook/{}", webhook.id),
        affected: 0,
        before: before.map(facts),
        after: after.map(facts),
    };
    let operation = hub.record(tx, caller, now, record).await?;
    hub.emit(tx, caller, kind, webhook.id.as_str(), now, Some(facts(webhook))).await?;
    Ok(Some(operation))
}

/// The project's webhooks, the oldest first.
pub async fn list(hub: &Hub, caller: &Caller) -> Result<Vec<Webhook>, HubError> {
    hub.require(caller, Permission::Administer)?;
    let mut tx = hub.store.begin_read().await?;
    Ok(webhooks::list(&mut tx, caller.project()).await?)
}

/// The webhook of this id.
///
/// # Errors
/// `webhook.not_found`.
pub async fn get(hub: &Hub, caller: &Caller, id: &WebhookId) -> Result<Webhook, HubError> {
    hub.require(caller, Permission::Administer)?;
    let mut tx = hub.store.begin_read().await?;
    find(&mut tx, caller, id).await
}

/// Changes where deliveries go and what is told. Deliveries on their way go to the new address.
///
/// # Errors
/// `webhook.not_found`, `webhook.invalid`, `webhook.blocked`.
pub async fn update(
    hub: &Hub,
    caller: &Caller,
    id: &WebhookId,
    changes: Changes,
    guard: Guard,
) -> Result<Outcome<Webhook>, HubError> {
    hub.require(caller, Permission::Administer)?;
    changes.url.as_ref().map_or(Ok(()), |url| check_address(hub, url))?;
    changes.events.as_ref().map_or(Ok(()), check_events)?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let before = find(&mut tx, caller, id).await?;
    let mut after = before.clone();
    let mut sealed = None;
    if let Some(url) = changes.url {
        let (mut hidden, version) = opened(hub, &mut tx, caller, &before).await?;
        if hidden.url != url.to_secret() {
            hidden.url = url.to_secret();
            after = before.moved_to(url.shown());
            sealed = Some(seal(hub, &mut tx, caller, &before, &hidden, version + 1).await?);
        }
    }
    after.events = changes.events.unwrap_or(after.events);
    if sealed.is_none() && after == before {
        return Ok(Outcome::unchanged(before));
    }
    after.updated_at = now;
    if after.events != before.events {
        // What happened before is for whoever was subscribed then (WH-5).
        outbox::fan_out_in(&mut tx, now).await?;
    }
    let done = (EventKind::WebhookUpdated, "update");
    keep(hub, tx, caller, (before, after), sealed, done, guard).await
}

/// Saves a change with its record and event, and ends the transaction.
async fn keep(
    hub: &Hub,
    mut tx: Tx,
    caller: &Caller,
    (before, mut after): (Webhook, Webhook),
    sealed: Option<Sealed>,
    done: (EventKind, &str),
    guard: Guard,
) -> Result<Outcome<Webhook>, HubError> {
    webhooks::save(&mut tx, caller.project(), &after, sealed.as_ref()).await?;
    after.version += 1;
    let now = after.updated_at;
    let operation =
        write_down(hub, &mut tx, caller, now, done, (Some(&before), Some(&after))).await?;
    guard.finish(tx).await?;
    let (before, after) = (Some(before), Some(after));
    Ok(Outcome { before, after, changed: true, affected: 0, operation })
}

/// Stops deliveries (WH-7). What is on its way waits; what happens meanwhile is not told later.
///
/// # Errors
/// `webhook.not_found`.
pub async fn disable(
    hub: &Hub,
    caller: &Caller,
    id: &WebhookId,
    guard: Guard,
) -> Result<Outcome<Webhook>, HubError> {
    hub.require(caller, Permission::Administer)?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let before = find(&mut tx, caller, id).await?;
    let Some(after) = before.disable(WhyDisabled::Asked, now) else {
        return Ok(Outcome::unchanged(before));
    };
    // What happened before is on its way, whenever the next look would have come.
    outbox::fan_out_in(&mut tx, now).await?;
    let done = (EventKind::WebhookDisabled, "disable");
    keep(hub, tx, caller, (before, after), None, done, guard).await
}

/// Resumes deliveries (WH-7).
///
/// # Errors
/// `webhook.not_found`.
pub async fn enable(
    hub: &Hub,
    caller: &Caller,
    id: &WebhookId,
    guard: Guard,
) -> Result<Outcome<Webhook>, HubError> {
    hub.require(caller, Permission::Administer)?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let before = find(&mut tx, caller, id).await?;
    let Some(after) = before.enable(now) else { return Ok(Outcome::unchanged(before)) };
    webhooks::begin_now(&mut tx, caller.project(), before.number).await?;
    let done = (EventKind::WebhookUpdated, "enable");
    keep(hub, tx, caller, (before, after), None, done, guard).await
}

/// Removes a webhook with its deliveries, for good.
///
/// # Errors
/// `webhook.not_found`.
pub async fn delete(
    hub: &Hub,
    caller: &Caller,
    id: &WebhookId,
    guard: Guard,
) -> Result<Outcome<Webhook>, HubError> {
    hub.require(caller, Permission::Administer)?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let before = find(&mut tx, caller, id).await?;
    webhooks::delete(&mut tx, caller.project(), before.number).await?;
    let done = (EventKind::WebhookDeleted, "delete");
    let operation = write_down(hub, &mut tx, caller, now, done, (Some(&before), None)).await?;
    guard.finish(tx).await?;
    Ok(Outcome { before: Some(before), after: None, changed: true, affected: 0, operation })
}

/// Takes a step of replacing a webhook's secret; the answer of a step that makes one has it.
///
/// # Errors
/// `webhook.not_found`, `webhook.state` where there is no next secret to activate, or a change
/// begins before the one before has come to its end.
pub async fn rotate(
    hub: &Hub,
    caller: &Caller,
    id: &WebhookId,
    step: Rotation,
    guard: Guard,
) -> Result<WithSecret, HubError> {
    hub.require(caller, Permission::Administer)?;
    let now = hub.clock.now();
    let made = step.makes_one().then(|| mint(hub)).transpose()?;
    let mut tx = hub.begin(guard).await?;
    let before = find(&mut tx, caller, id).await?;
    before.may_take(step)?;
    let (mut hidden, version) = opened(hub, &mut tx, caller, &before).await?;
    let former = hidden.secrets.clone();
    hidden.secrets = former.clone().rotate(step, made.clone())?;
    if hidden.secrets == former {
        return Ok(WithSecret { webhook: before, secret: None, changed: false });
    }
    let since = |secret: &Option<SigningSecret>, known: &Option<SigningSecret>, at| match secret {
        Some(_) if secret == known => at,
        Some(_) => Some(now),
        None => None,
    };
    let after = Webhook {
        next_secret_at: since(&hidden.secrets.next, &former.next, before.next_secret_at),
        previous_secret_at: since(
            &hidden.secrets.previous,
            &former.previous,
            before.previous_secret_at,
        ),
        updated_at: now,
        ..before.clone()
    };
    let sealed = seal(hub, &mut tx, caller, &before, &hidden, version + 1).await?;
    let done = (EventKind::WebhookUpdated, "rotate-secret");
    let kept = keep(hub, tx, caller, (before, after), Some(sealed), done, guard).await?;
    let webhook = kept.after.ok_or(StoreError::Stale)?;
    Ok(WithSecret { webhook, secret: made, changed: true })
}
