//! Operations on deliveries: what was sent, sending it again, and trials.

use std::ops::ControlFlow;

use crate::domain::caller::{Caller, Permission};
use crate::domain::ids::{DeliveryId, EventId, OperationId, WebhookId};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::webhook::payload::{self, TRIAL, Told};
use crate::domain::webhook::{Attempt, Delivery};
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::write::{Guard, Outcome, Record};
use crate::store::deliveries::{self, Trial, outbox as rows};
use crate::store::{Tx, webhooks};

pub use crate::store::deliveries::Filter;

use super::outbox::{self, Endpoint, Job};

/// A delivery with its attempts and what is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// The delivery.
    pub delivery: Delivery,
    /// Its attempts, in their order.
    pub attempts: Vec<Attempt>,
    /// What is sent, once it is known.
    pub body: Option<Vec<u8>>,
}

fn unknown(id: DeliveryId) -> HubError {
    HubError::new(&codes::DELIVERY_UNKNOWN, format!("no delivery {id}"))
        .hint("hubctl webhooks deliveries")
}

/// Shows the project's deliveries that fit to `each`, the newest first.
///
/// # Errors
/// `webhook.not_found`; as the store or `each` reports them.
pub async fn list(
    hub: &Hub,
    caller: &Caller,
    filter: &Filter,
    each: impl FnMut(Delivery) -> Result<ControlFlow<()>, HubError>,
) -> Result<(), HubError> {
    hub.require(caller, Permission::Administer)?;
    let mut tx = hub.store.begin_read().await?;
    if let Some(webhook) = &filter.webhook {
        super::find(&mut tx, caller, webhook).await?;
    }
    deliveries::scan(&mut tx, caller.project(), filter, each).await
}

/// The delivery of this number.
///
/// # Errors
/// `webhook.delivery_not_found`.
pub async fn get(hub: &Hub, caller: &Caller, id: DeliveryId) -> Result<Detail, HubError> {
    hub.require(caller, Permission::Administer)?;
    let mut tx = hub.store.begin_read().await?;
    detail(&mut tx, caller, id).await
}

async fn detail(tx: &mut Tx, caller: &Caller, id: DeliveryId) -> Result<Detail, HubError> {
    let project = caller.project();
    let delivery = deliveries::by_id(tx, project, id).await?.ok_or_else(|| unknown(id))?;
    let attempts = deliveries::attempts(tx, project, id).await?;
    let body = deliveries::body(tx, project, id).await?;
    Ok(Detail { delivery, attempts, body })
}

/// Sends a delivery again, at the beginning of its schedule and with the same body.
///
/// # Errors
/// `webhook.delivery_not_found`, `webhook.state` where its webhook is disabled.
pub async fn redeliver(
    hub: &Hub,
    caller: &Caller,
    id: DeliveryId,
    guard: Guard,
) -> Result<Outcome<Delivery>, HubError> {
    hub.require(caller, Permission::Administer)?;
    let now = hub.clock.now();
    let project = caller.project();
    let mut tx = hub.begin(guard).await?;
    let found = deliveries::by_id(&mut tx, project, id).await?;
    let before = found.ok_or_else(|| unknown(id))?;
    if super::find(&mut tx, caller, &before.webhook).await?.disabled.is_some() {
        return Err(HubError::from(Refusal::WebhookDisabled)
            .hint(format!("hubctl webhooks enable {}", before.webhook)));
    }
    deliveries::again(&mut tx, project, id, now).await?;
    let after = deliveries::by_id(&mut tx, project, id).await?;
    let operation = record(hub, &mut tx, caller, now, format!("delivery/{id}")).await?;
    tx.wakes_senders();
    guard.finish(tx).await?;
    let (before, operation) = (Some(before), Some(operation));
    Ok(Outcome { before, after, changed: true, affected: 0, operation })
}

/// Sends again what was given up since an instant, of one or all enabled webhooks; answers how
/// many deliveries that are.
///
/// # Errors
/// `webhook.not_found`, `webhook.state` where the webhook named is disabled.
pub async fn redeliver_since(
    hub: &Hub,
    caller: &Caller,
    webhook: Option<&WebhookId>,
    since: Timestamp,
    guard: Guard,
) -> Result<u64, HubError> {
    hub.require(caller, Permission::Administer)?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    if let Some(id) = webhook
        && super::find(&mut tx, caller, id).await?.disabled.is_some()
    {
        return Err(
            HubError::from(Refusal::WebhookDisabled).hint(format!("hubctl webhooks enable {id}"))
        );
    }
    let count = deliveries::again_since(&mut tx, caller.project(), webhook, since, now).await?;
    if count > 0 {
        let resource = webhook.map_or_else(|| "webhooks".to_owned(), |id| format!("webhook/{id}"));
        record(hub, &mut tx, caller, now, resource).await?;
        tx.wakes_senders();
    }
    guard.finish(tx).await?;
    Ok(count)
}

async fn record(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    now: Timestamp,
    resource: String,
) -> Result<OperationId, HubError> {
    let record = Record { action: "redeliver", resource, affected: 0, before: None, after: None };
    hub.record(tx, caller, now, record).await
}

/// Sends a trial to a webhook, once and at once, and answers what came of it. A disabled webhook
/// can be tried as well; a dry run sends nothing. Where whoever asked goes away, the trial is brought
/// to its end all the same.
///
/// # Errors
/// `webhook.not_found`.
pub async fn test(
    hub: &Hub,
    caller: &Caller,
    id: &WebhookId,
    guard: Guard,
) -> Result<Detail, HubError> {
    hub.require(caller, Permission::Administer)?;
    let now = hub.clock.now();
    let project = caller.project();
    let event: EventId = hub.random.uuid_v7(now)?.into();
    let mut tx = hub.begin(guard).await?;
    let webhook = super::find(&mut tx, caller, id).await?;
    let (hidden, _) = super::opened(hub, &mut tx, caller, &webhook).await?;
    let subject = id.as_str();
    let trial = Trial { webhook: webhook.number, event: event.as_str(), kind: TRIAL, subject };
    let delivery = deliveries::insert_trial(&mut tx, project, trial, now).await?;
    let told = Told { project: caller.project_name(), event: TRIAL, at: now, subject, data: None };
    let body = payload::body(&told, now);
    rows::keep_bodies(&mut tx, &[(delivery.get(), &body)]).await?;
    if guard.dry_run {
        return detail(&mut tx, caller, delivery).await;
    }
    tx.commit().await?;
    let endpoint = Endpoint::new(caller.clone(), &webhook, hidden)?;
    let job = Job::once(delivery.get(), &event, subject, body);
    let own = hub.clone();
    let task = hub.detached(async move {
        let done = outbox::send(&own, &endpoint, &job).await;
        let mut tx = own.store.begin_append().await?;
        rows::settle(&mut tx, &[done.given_up_if_failed()]).await?;
        tx.commit().await
    });
    task.await.map_err(HubError::internal("the trial was broken off"))??;
    let mut tx = hub.store.begin_read().await?;
    // Whoever deletes the webhook in between leaves nothing to show.
    if webhooks::by_id(&mut tx, project, id).await?.is_none() {
        return Err(super::unknown(id));
    }
    detail(&mut tx, caller, delivery).await
}
