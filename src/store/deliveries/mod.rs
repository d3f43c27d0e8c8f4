//! Tables `webhook_deliveries`, `webhook_bodies` and `webhook_attempts`, as administrators see
//! them; what sends is in `outbox`.

use std::ops::ControlFlow;

use crate::domain::ids::{DeliveryId, ProjectNumber, WebhookId};
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Attempt, Delivery, DeliveryState};

use super::events::ABOUT_ACCOUNTS;
use super::{Param, Result, Row, StoreError, Tx};

pub mod outbox;

const COLUMNS: &str = "select d.number, w.id, d.event, d.kind, d.subject, d.state, d.attempts, \
                       d.next_at, d.created_at, d.done_at, d.last_status, d.last_error \
                       from webhook_deliveries d join webhooks w on w.number = d.webhook";

fn small<T: TryFrom<i64>>(number: i64) -> Result<T> {
    T::try_from(number).map_err(|_| StoreError::Damaged("a number is out of range".to_owned()))
}

fn read(row: &Row<'_>) -> Result<Delivery> {
    Ok(Delivery {
        id: DeliveryId::from_row(row.int(0)?),
        webhook: row.parsed(1)?,
        event: row.parsed(2)?,
        kind: row.text(3)?.to_owned(),
        subject: row.text(4)?.to_owned(),
        state: row.parsed(5)?,
        attempts: small(row.int(6)?)?,
        next_at: row.opt_time(7)?,
        created_at: row.time(8)?,
        done_at: row.opt_time(9)?,
        last_status: row.opt_int(10)?.map(small).transpose()?,
        last_error: row.opt_text(11)?.map(str::to_owned),
    })
}

/// Which deliveries.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this webhook.
    pub webhook: Option<WebhookId>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Made at or after this instant.
    pub since: Option<Timestamp>,
    /// At most so many.
    pub limit: Option<u64>,
}

/// How far numbers may be out of the order of their times, in seconds: they are given by one
/// database, but the clocks are those of several machines.
const SLACK_S: i64 = 600;

fn select(project: ProjectNumber, filter: &Filter) -> (String, Vec<Param<'_>>) {
    let mut sql = format!("{COLUMNS} where d.project = ?1");
    let mut params: Vec<Param<'_>> = vec![project.into()];
    if let Some(webhook) = &filter.webhook {
        params.push(webhook.as_str().into());
        sql.push_str(&format!(" and w.id = ?{}", params.len()));
    }
    if let Some(state) = filter.state {
        params.push(state.as_str().into());
        sql.push_str(&format!(" and d.state = ?{}", params.len()));
    }
    if let Some(since) = filter.since {
        params.push(since.into());
        params.push(since.plus_seconds(-SLACK_S).into());
        let (at, before) = (params.len() - 1, params.len());
        // Numbers grow with time: what is older is not even looked at.
        sql.push_str(&format!(
            " and d.created_at >= ?{at} and d.number > coalesce((select e.number \
             from webhook_deliveries e where e.project = ?1 and e.created_at < ?{before} \
             order by e.number desc limit 1), 0)"
        ));
    }
    sql.push_str(" order by d.number desc");
    if let Some(limit) = filter.limit {
        params.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        sql.push_str(&format!(" limit ?{}", params.len()));
    }
    (sql, params)
}

/// Shows the project's deliveries that fit to `each`, the newest first.
pub async fn scan<E: From<StoreError>>(
    tx: &mut Tx,
    project: ProjectNumber,
    filter: &Filter,
    mut each: impl FnMut(Delivery) -> std::result::Result<ControlFlow<()>, E>,
) -> std::result::Result<(), E> {
    let (sql, params) = select(project, filter);
    tx.scan(&sql, &params, |row| each(read(row)?)).await
}

/// How the database goes about a listing, a line for each step.
pub async fn plan(tx: &mut Tx, project: ProjectNumber, filter: &Filter) -> Result<Vec<String>> {
    let (sql, params) = select(project, filter);
    tx.plan(&sql, &params).await
}

/// The delivery of this number.
pub async fn by_id(
    tx: &mut Tx,
    project: ProjectNumber,
    id: DeliveryId,
) -> Result<Option<Delivery>> {
    let sql = format!("{COLUMNS} where d.project = ?1 and d.number = ?2");
    tx.optional(&sql, &[project.into(), id.get().into()], read).await
}

/// Its attempts, in their order.
pub async fn attempts(tx: &mut Tx, project: ProjectNumber, id: DeliveryId) -> Result<Vec<Attempt>> {
    let sql = "select a.number, a.at, a.duration_ms, a.status, a.error, a.answer \
               from webhook_attempts a join webhook_deliveries d on d.number = a.delivery \
               where d.project = ?1 and a.delivery = ?2 order by a.number";
    tx.all(sql, &[project.into(), id.get().into()], |row| {
        Ok(Attempt {
            number: small(row.int(0)?)?,
            at: row.time(1)?,
            duration_ms: row.int(2)?,
            status: row.opt_int(3)?.map(small).transpose()?,
            error: row.opt_text(4)?.map(str::to_owned),
            answer: row.opt_text(5)?.map(str::to_owned),
        })
    })
    .await
}

/// What is sent, if it was sent before.
pub async fn body(tx: &mut Tx, project: ProjectNumber, id: DeliveryId) -> Result<Option<Vec<u8>>> {
    let sql = "select b.body from webhook_bodies b \
               join webhook_deliveries d on d.number = b.delivery \
               where d.project = ?1 and d.number = ?2";
    tx.optional(sql, &[project.into(), id.get().into()], |row| Ok(row.bytes(0)?.to_owned())).await
}

/// Puts a delivery at the beginning of its schedule again; its body stays.
pub async fn again(
    tx: &mut Tx,
    project: ProjectNumber,
    id: DeliveryId,
    now: Timestamp,
) -> Result<()> {
    let sql = "update webhook_deliveries set state = 'pending', tries = 0, next_at = ?1, \
               done_at = null, schedule = schedule + 1 where project = ?2 and number = ?3";
    tx.execute(sql, &[now.into(), project.into(), id.get().into()]).await?;
    Ok(())
}

/// The same for all that were given up since an instant, of webhooks that are enabled.
pub async fn again_since(
    tx: &mut Tx,
    project: ProjectNumber,
    webhook: Option<&WebhookId>,
    since: Timestamp,
    now: Timestamp,
) -> Result<u64> {
    let mut sql = "update webhook_deliveries set state = 'pending', tries = 0, next_at = ?1, \
                   done_at = null, schedule = schedule + 1 where project = ?2 \
                   and state = 'failed' and done_at >= ?3 and event_seq is not null \
                   and webhook in (select number from webhooks \
                   where project = ?2 and disabled_at is null"
        .to_owned();
    let mut params: Vec<Param<'_>> = vec![now.into(), project.into(), since.into()];
    if let Some(webhook) = webhook {
        params.push(webhook.as_str().into());
        sql.push_str(" and id = ?4");
    }
    sql.push(')');
    tx.execute(&sql, &params).await
}

/// A trial: a delivery of no event, which is sent once and at once.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'a> {
    /// The webhook's number.
    pub webhook: i64,
    /// An id like an event's.
    pub event: &'a str,
    /// What it says that happened.
    pub kind: &'a str,
    /// Id of what it says it happened to.
    pub subject: &'a str,
}

/// Adds a trial and returns its number. Nothing else sends it.
pub async fn insert_trial(
    tx: &mut Tx,
    project: ProjectNumber,
    trial: Trial<'_>,
    now: Timestamp,
) -> Result<DeliveryId> {
    let sql = "insert into webhook_deliveries \
               (project, webhook, event, kind, subject, state, created_at) \
               values (?1, ?2, ?3, ?4, ?5, 'pending', ?6) returning number";
    let params = [
        project.into(),
        trial.webhook.into(),
        trial.event.into(),
        trial.kind.into(),
        trial.subject.into(),
        now.into(),
    ];
    Ok(DeliveryId::from_row(tx.number(sql, &params).await?))
}

/// A delivery that did not arrive, and the webhook it was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The webhook.
    pub webhook: WebhookId,
    /// Its address, without what may be secret.
    pub url: String,
    /// Whether nothing is sent to it any more.
    pub is_disabled: bool,
    /// The delivery.
    pub id: DeliveryId,
    /// Whether it was given up; else it is tried again.
    pub is_given_up: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// The receiver's last status.
    pub last_status: Option<u16>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// Deliveries of the latest events about one account, at most of so many events, that failed so far;
/// by webhook, the latest first.
pub async fn undelivered(
    tx: &mut Tx,
    project: ProjectNumber,
    account: &str,
    events: i64,
) -> Result<Vec<Undelivered>> {
    let sql = format!(
        "select w.id, w.url, w.disabled_at, d.number, d.state, d.created_at, \
               d.last_status, d.last_error \
               from (select seq from events where project = ?1 and subject = ?2 \
               and {ABOUT_ACCOUNTS} order by seq desc limit ?3) e \
               cross join webhooks w join webhook_deliveries d \
               on d.webhook = w.number and d.event_seq = e.seq \
               where w.project = ?1 and d.state <> 'delivered' and d.last_error is not null \
               order by w.number, d.number desc"
    );
    tx.all(&sql, &[project.into(), account.into(), events.into()], |row| {
        Ok(Undelivered {
            webhook: row.parsed(0)?,
            url: row.text(1)?.to_owned(),
            is_disabled: row.opt_time(2)?.is_some(),
            id: DeliveryId::from_row(row.int(3)?),
            is_given_up: row.text(4)? == DeliveryState::Failed.as_str(),
            created_at: row.time(5)?,
            last_status: row.opt_int(6)?.map(small).transpose()?,
            last_error: row.opt_text(7)?.map(str::to_owned),
        })
    })
    .await
}
