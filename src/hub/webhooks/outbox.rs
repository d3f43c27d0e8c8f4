//! From events to attempts: single steps, each in a transaction of its own or none. What orders
//! them is in `sender`.
//!
//! Whoever sends for a webhook holds its lease, so that no other process does. A process that dies
//! leaves it to run out: what it had in hand is sent again (at least once).

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;
use url::Url;

use crate::domain::caller::Caller;
use crate::domain::event::{Event, EventKind};
use crate::domain::ids::{EventId, WebhookId};
use crate::domain::provider_reason::wait_s;
use crate::domain::time::Timestamp;
use crate::domain::webhook::payload::{self, Told};
use crate::domain::webhook::schedule::{
    Attempted, Verdict, goes_on_from, has_failed_too_long, judge, latest_try,
};
use crate::domain::webhook::signature::{
    SIGNATURE, STANDARD_ID, STANDARD_SIGNATURE, STANDARD_TIMESTAMP,
};
use crate::domain::webhook::{Secrets, Webhook, WhyDisabled};
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::provider::post::Posted;
use crate::store::deliveries::outbox::{self as rows, Done};
use crate::store::webhooks::Term;
use crate::store::{Tx, events, webhooks};

use super::{Hidden, facts};

/// Events that are looked at in one transaction.
const EVENTS: i64 = 2_000;
/// How long a lease holds, in seconds.
const LEASE_S: i64 = 10;
/// How long ended deliveries are kept, in seconds: 30 days.
const KEPT_S: i64 = 30 * 86_400;
/// How long a trial may take, in seconds: its process has ended long before.
const TRIAL_S: i64 = 300;
/// Old deliveries that are removed at once.
const FORGOTTEN: i64 = 1_000;

/// A webhook to send for, with what that needs.
#[derive(Debug, Clone)]
pub struct Endpoint {
    caller: Caller,
    url: Url,
    secrets: Secrets,
    id: WebhookId,
    /// The webhook's number.
    pub number: i64,
    /// The version of the webhook that this is.
    pub version: i64,
    /// Whether its receiver fails since some time.
    pub is_failing: bool,
}

impl Endpoint {
    pub(super) fn new(caller: Caller, webhook: &Webhook, hidden: Hidden) -> Result<Self, HubError> {
        let broken = || HubError::new(&codes::SEAL_BROKEN, "a webhook's address is damaged");
        Ok(Self {
            caller,
            url: hidden.url.expose().parse().map_err(|_| broken())?,
            secrets: hidden.secrets,
            id: webhook.id.clone(),
            number: webhook.number,
            version: webhook.version,
            is_failing: webhook.failing_since.is_some(),
        })
    }

    /// Project, webhook and its host, for the log: the rest of an address may be secret.
    pub(super) fn names(&self) -> (&str, &WebhookId, Option<&str>) {
        (self.caller.project_name(), &self.id, self.url.host_str())
    }
}

/// A delivery in hand, with the bytes to send.
#[derive(Debug, Clone)]
pub struct Job {
    /// The delivery's number.
    pub number: i64,
    /// Id of what the event is about: its events are sent one after the other.
    pub subject: String,
    /// Where it stands among those that are due: when, and its number.
    pub place: (i64, i64),
    event: String,
    attempt: u32,
    tries: u32,
    schedule: i64,
    body: Bytes,
}

impl Job {
    /// A first attempt that nothing waits for.
    pub(super) fn once(number: i64, event: &EventId, subject: &str, body: Vec<u8>) -> Self {
        Self {
            number,
            subject: subject.to_owned(),
            place: (0, number),
            event: event.to_string(),
            attempt: 1,
            tries: 1,
            schedule: 0,
            body: body.into(),
        }
    }
}

/// What an attempt came to, and for which version of which webhook it was made.
#[derive(Debug, Clone)]
pub struct Report {
    /// The webhook's number.
    pub webhook: i64,
    /// Its version when the attempt began.
    pub version: i64,
    /// What it came to.
    pub done: Done,
}

impl Done {
    /// What is tried once is not tried again.
    pub(super) fn given_up_if_failed(mut self) -> Self {
        if self.verdict != Verdict::Delivered {
            self.verdict = Verdict::GivenUp;
        }
        self
    }
}

/// A lease that is taken now. Clocks of two machines may differ by as much as a lease holds: one that
/// ends later still was taken before a clock was set right.
fn term(now: Timestamp) -> Term {
    Term { now, until: now.plus_seconds(LEASE_S), latest: now.plus_seconds(2 * LEASE_S) }
}

/// Makes deliveries of the events that were committed since the last time; true where there may
/// be more of them.
pub(super) async fn fan_out(hub: &Hub) -> Result<bool, HubError> {
    let mut tx = hub.store.begin_look().await?;
    let (done, last) = rows::position(&mut tx).await?;
    drop(tx);
    if done >= last {
        return Ok(false);
    }
    // Alone: an event whose place is passed over before it is committed would be lost.
    let mut tx = hub.store.begin_write().await?;
    let more = rows::fan_out(&mut tx, EVENTS, hub.clock.now()).await?;
    tx.commit().await?;
    Ok(more)
}

/// Makes deliveries of all events that were committed, in a transaction that keeps writers away.
pub(super) async fn fan_out_in(tx: &mut Tx, now: Timestamp) -> Result<(), HubError> {
    while rows::fan_out(tx, EVENTS, now).await? {}
    Ok(())
}

/// Numbers of the webhooks that have something to send and that nobody else sends for.
pub(super) async fn due(hub: &Hub, owner: &str) -> Result<Vec<i64>, HubError> {
    let mut tx = hub.store.begin_look().await?;
    Ok(webhooks::due(&mut tx, owner, term(hub.clock.now())).await?)
}

/// Takes the lease of a webhook; `None` where somebody else has it, or where nothing can be sent
/// for it, see [`load`].
pub(super) async fn take(
    hub: &Hub,
    owner: &str,
    number: i64,
    damaged: &mut Vec<i64>,
) -> Result<Option<Endpoint>, HubError> {
    let term = term(hub.clock.now());
    let mut tx = hub.store.begin_append().await?;
    if !webhooks::lease(&mut tx, number, owner, term).await? {
        return Ok(None);
    }
    tx.commit().await?;
    let endpoint = load(hub, number, damaged).await?;
    if endpoint.is_none() {
        release(hub, owner, &[number]).await?;
    }
    Ok(endpoint)
}

/// What is needed to send for a webhook; `None` where it is gone, disabled or damaged. One whose
/// address and secrets can't be opened is told of in the log, and holds up no other.
async fn load(
    hub: &Hub,
    number: i64,
    damaged: &mut Vec<i64>,
) -> Result<Option<Endpoint>, HubError> {
    match opened(hub, number).await {
        Err(error) if error.code().name == codes::SEAL_BROKEN.name => {
            tracing::error!(target: "hubctl::webhooks", number, "a webhook is passed over: {error}");
            damaged.push(number);
            Ok(None)
        }
        loaded => loaded,
    }
}

async fn opened(hub: &Hub, number: i64) -> Result<Option<Endpoint>, HubError> {
    let mut tx = hub.store.begin_read().await?;
    let Some(target) = webhooks::target(&mut tx, number).await? else { return Ok(None) };
    if target.webhook.disabled.is_some() {
        return Ok(None);
    }
    let caller = Caller::local(target.project, target.project_name);
    let hidden = super::open(hub, &mut tx, &caller, &target.webhook, &target.sealed).await?;
    Endpoint::new(caller, &target.webhook, hidden).map(Some)
}

/// Looks at webhooks that are sent for, each with its version: those that changed, as they are now,
/// and the numbers of those that are gone, disabled, damaged or somebody else's.
pub(super) async fn check(
    hub: &Hub,
    owner: &str,
    all: &[(i64, i64)],
    damaged: &mut Vec<i64>,
) -> Result<(Vec<Endpoint>, Vec<i64>), HubError> {
    let numbers: Vec<i64> = all.iter().map(|(number, _)| *number).collect();
    let mut tx = hub.store.begin_look().await?;
    let held = webhooks::held(&mut tx, owner, &numbers).await?;
    drop(tx);
    let (mut changed, mut lost) = (Vec::new(), Vec::new());
    for known in all {
        match held.iter().find(|(number, _)| *number == known.0) {
            Some(now) if now == known => {}
            Some((number, _)) => match load(hub, *number, damaged).await? {
                Some(endpoint) => changed.push(endpoint),
                None => lost.push(*number),
            },
            None => lost.push(known.0),
        }
    }
    Ok((changed, lost))
}

/// Holds the leases for longer; answers those that are lost.
pub(super) async fn renew(hub: &Hub, owner: &str, all: &[i64]) -> Result<Vec<i64>, HubError> {
    let term = term(hub.clock.now());
    let mut tx = hub.store.begin_append().await?;
    let mut lost = Vec::new();
    for number in all {
        if !webhooks::lease(&mut tx, *number, owner, term).await? {
            lost.push(*number);
        }
    }
    tx.commit().await?;
    Ok(lost)
}

/// Gives leases back.
pub(super) async fn release(hub: &Hub, owner: &str, all: &[i64]) -> Result<(), HubError> {
    if all.is_empty() {
        return Ok(());
    }
    let mut tx = hub.store.begin_append().await?;
    for number in all {
        webhooks::release(&mut tx, *number, owner).await?;
    }
    Ok(tx.commit().await?)
}

/// Makes due what should be and lies ahead, since a clock went back.
pub(super) async fn bring_forward(hub: &Hub) -> Result<(), HubError> {
    let mut tx = hub.store.begin_append().await?;
    let now = hub.clock.now();
    rows::bring_forward(&mut tx, now, latest_try(now)).await?;
    Ok(tx.commit().await?)
}

/// The deliveries of a webhook that are due, in their order, behind a place. What is sent for the
/// first time is put into bytes and kept, before anybody sees any of it: a repetition has the same
/// signature.
pub(super) async fn fetch(
    hub: &Hub,
    endpoint: &Endpoint,
    after: (i64, i64),
    most: i64,
) -> Result<Vec<Job>, HubError> {
    let now = hub.clock.now();
    let mut tx = hub.store.begin_look().await?;
    let due = rows::due(&mut tx, endpoint.number, after, most, now).await?;
    drop(tx);
    let project = endpoint.caller.project_name();
    let mut made = Vec::new();
    let mut jobs = Vec::with_capacity(due.len());
    for row in due {
        let body = match row.body {
            Some(kept) => Bytes::from(kept),
            None => {
                let data: Option<Value> =
                    row.data.as_deref().map(serde_json::from_str).transpose().unwrap_or(None);
                let (event, subject) = (&row.kind, &row.subject);
                let at = row.at.unwrap_or(now);
                let told = Told { project, event, at, subject, data: data.as_ref() };
                let body = Bytes::from(payload::body(&told, now));
                made.push((row.number, body.clone()));
                body
            }
        };
        jobs.push(Job {
            number: row.number,
            subject: row.subject,
            place: (row.next_at, row.number),
            event: row.event,
            attempt: row.attempts + 1,
            tries: row.tries + 1,
            schedule: row.schedule,
            body,
        });
    }
    if !made.is_empty() {
        let mut tx = hub.store.begin_append().await?;
        let bodies: Vec<(i64, &[u8])> =
            made.iter().map(|(number, body)| (*number, body.as_ref())).collect();
        rows::keep_bodies(&mut tx, &bodies).await?;
        tx.commit().await?;
    }
    Ok(jobs)
}

/// One attempt. Nothing is stored, and no transaction is open.
pub(super) async fn send(hub: &Hub, endpoint: &Endpoint, job: &Job) -> Done {
    let at = hub.clock.now();
    let began = Instant::now();
    let at_s = at.as_millis().div_euclid(1000);
    let standard = endpoint.secrets.all();
    let standard: Vec<String> =
        standard.map(|secret| secret.sign_standard(&job.event, at_s, &job.body)).collect();
    let headers = [
        (SIGNATURE, endpoint.secrets.active.sign(&job.body)),
        (STANDARD_ID, job.event.clone()),
        (STANDARD_TIMESTAMP, at_s.to_string()),
        (STANDARD_SIGNATURE, standard.join(" ")),
    ];
    let posted = hub.poster.post(&endpoint.url, &headers, job.body.clone()).await;
    let ended_at = hub.clock.now();
    let duration_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    let (attempted, status, error, answer) = match posted {
        Ok(Posted { status, retry_after, answer }) => {
            let retry_after = retry_after.as_deref();
            let retry_after_s = retry_after.and_then(|text| wait_s(text, ended_at));
            let error = match status {
                200..=299 => None,
                300..=399 => Some("the receiver redirects, which is not followed".to_owned()),
                _ => Some(format!("the receiver answered {status}")),
            };
            (Attempted::Answered { status, retry_after_s }, Some(status), error, answer)
        }
        Err(error) => (Attempted::Unanswered, None, Some(error), None),
    };
    Done {
        number: job.number,
        attempt: job.attempt,
        tries: job.tries,
        schedule: job.schedule,
        at,
        ended_at,
        duration_ms,
        status,
        error,
        answer,
        verdict: judge(&attempted, job.tries, ended_at),
    }
}

/// Writes down what attempts came to, and disables webhooks whose receivers are gone or have failed
/// for too long. What was sent for a webhook before it was changed says nothing of its receiver now.
pub(super) async fn settle(hub: &Hub, all: &[Report]) -> Result<(), HubError> {
    let now = hub.clock.now();
    if all.iter().all(|report| report.done.verdict != Verdict::Gone) {
        let mut tx = hub.store.begin_append().await?;
        if write_down(&mut tx, all, now).await?.is_empty() {
            return Ok(tx.commit().await?);
        }
    }
    // Nobody may change a webhook between what its receiver said and its end, and neither is kept
    // without the other: what is given up for a receiver that is gone is not sent to the next one.
    let mut tx = hub.store.begin_write().await?;
    let mut disabled = Vec::new();
    for (webhook, why) in write_down(&mut tx, all, now).await? {
        let done = disable(hub, &mut tx, webhook, why, now).await?;
        disabled.extend(done.map(|names| (names, why)));
    }
    tx.commit().await?;
    for ((project, webhook), why) in disabled {
        hub.tallies.disabled(why);
        let why = why.as_str();
        tracing::warn!(target: "hubctl::webhooks", project, %webhook, why, "a webhook was disabled");
    }
    Ok(())
}

/// Writes down what attempts came to, and answers which webhooks, each with its version, are to be
/// disabled.
async fn write_down(
    tx: &mut Tx,
    all: &[Report],
    now: Timestamp,
) -> Result<Vec<((i64, i64), WhyDisabled)>, HubError> {
    let mut done = Vec::with_capacity(all.len());
    for report in all {
        let (webhook, version, mut one) = (report.webhook, report.version, report.done.clone());
        if one.verdict == Verdict::Gone && webhooks::was_changed(tx, webhook, version).await? {
            one.verdict = one.verdict.of_former_receiver(one.tries, one.ended_at);
        }
        done.push(one);
    }
    rows::settle(tx, &done).await?;
    let mut by_webhook: BTreeMap<(i64, i64), Vec<&Done>> = BTreeMap::new();
    for report in all {
        by_webhook.entry((report.webhook, report.version)).or_default().push(&report.done);
    }
    let mut ending = Vec::new();
    for ((webhook, version), done) in by_webhook {
        let came_to = |verdict| done.iter().any(|one| one.verdict == verdict);
        let mut since = None;
        if came_to(Verdict::Delivered) {
            webhooks::works(tx, webhook, version).await?;
        } else if let Some(first) = done.iter().map(|one| one.at).min() {
            let goes_on_from = goes_on_from(first);
            since = webhooks::failing(tx, webhook, version, first, goes_on_from).await?;
        }
        // One 410 is the end, whatever others of the same time came to.
        if came_to(Verdict::Gone) {
            ending.push(((webhook, version), WhyDisabled::Gone));
        } else if since.is_some_and(|since| has_failed_too_long(since, now)) {
            ending.push(((webhook, version), WhyDisabled::Failing));
        }
    }
    Ok(ending)
}

/// Disables a webhook of this number and version on behalf of its receiver, with an event that
/// others may be told of, in a transaction that keeps writers away. Its project and id; `None` where
/// somebody changed it meanwhile.
async fn disable(
    hub: &Hub,
    tx: &mut Tx,
    (number, version): (i64, i64),
    why: WhyDisabled,
    now: Timestamp,
) -> Result<Option<(String, WebhookId)>, HubError> {
    let Some(target) = webhooks::target(tx, number).await? else { return Ok(None) };
    // Whoever changed or enabled it in between has said that it works.
    if target.webhook.version != version {
        return Ok(None);
    }
    let Some(after) = target.webhook.disable(why, now) else { return Ok(None) };
    // What happened before is on its way, whenever the next look would have come (WH-7).
    fan_out_in(tx, now).await?;
    webhooks::save(tx, target.project, &after, None).await?;
    let event = Event {
        id: hub.random.uuid_v7(now)?.into(),
        kind: EventKind::WebhookDisabled,
        subject: after.id.to_string(),
        at: now,
        data: Some(facts(&after)),
    };
    events::append(tx, target.project, &[event]).await?;
    Ok(Some((target.project_name, after.id)))
}

/// Removes deliveries that ended long ago, some at a time; true where there may be more. Trials whose
/// process did not live to see their end are given up.
pub(super) async fn forget_old(hub: &Hub) -> Result<bool, HubError> {
    let now = hub.clock.now();
    let mut tx = hub.store.begin_append().await?;
    rows::give_up_trials(&mut tx, now.plus_seconds(-TRIAL_S), now).await?;
    let count = rows::forget(&mut tx, now.plus_seconds(-KEPT_S), FORGOTTEN).await?;
    tx.commit().await?;
    Ok(count >= u64::try_from(FORGOTTEN).unwrap_or(u64::MAX))
}
