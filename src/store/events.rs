//! Table `events`: rows written in the transaction that caused them.

use std::ops::ControlFlow;

use crate::domain::event::{Event, EventKind};
use crate::domain::ids::{EventId, ProjectNumber};
use crate::domain::time::Timestamp;

use super::driver::to_json;
use super::rows::{parts, values};
use super::{Param, Result, StoreError, Tx};

/// Appends events in their order.
pub async fn append(tx: &mut Tx, project: ProjectNumber, events: &[Event]) -> Result<()> {
    tx.has_events |= !events.is_empty();
    for batch in parts(events) {
        let sql = format!(
            "insert into events (project, id, kind, subject, at, data) values {}",
            values(batch.len(), 6)
        );
        let mut data = Vec::with_capacity(batch.len());
        for event in batch {
            data.push(event.data.as_ref().map(to_json).transpose()?);
        }
        let mut params: Vec<Param<'_>> = Vec::with_capacity(batch.len() * 6);
        for (event, data) in batch.iter().zip(&data) {
            let row: [Param<'_>; 6] = [
                project.into(),
                event.id.as_str().into(),
                event.kind.as_str().into(),
                (&event.subject).into(),
                event.at.into(),
                data.as_ref().into(),
            ];
            params.extend(row);
        }
        tx.execute(&sql, &params).await?;
    }
    Ok(())
}

/// How many events of a subject there are, for tests and `accounts explain`.
pub async fn count(tx: &mut Tx, project: ProjectNumber, subject: &str) -> Result<i64> {
    let sql = "select count(*) from events where project = ?1 and subject = ?2";
    tx.number(sql, &[project.into(), subject.into()]).await
}

/// Which events to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// About this account.
    pub account: Option<String>,
    /// Of these kinds; none means all.
    pub kinds: Vec<EventKind>,
    /// That happened at or after this instant.
    pub since: Option<Timestamp>,
    /// Behind this place.
    pub after: Option<i64>,
    /// Up to this place.
    pub upto: Option<i64>,
    /// At most so many.
    pub limit: Option<u64>,
}

/// An event as its row has it.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// Its place among all events.
    pub seq: i64,
    /// Its id.
    pub id: &'a str,
    /// What happened.
    pub kind: &'a str,
    /// Id of what it happened to.
    pub subject: &'a str,
    /// When.
    pub at: Timestamp,
    /// Its facts, as JSON.
    pub data: Option<&'a str>,
}

/// How far the ids of events may lag behind their times: they are made before the commit, and by
/// the clocks of several machines.
const SLACK_S: i64 = 600;

/// Events about accounts, in the words of the index that holds no others.
pub const ABOUT_ACCOUNTS: &str = "substr(kind, 1, 8) = 'account.'";

/// Shows the project's events that fit to `each`, in the order in which they were committed.
pub async fn scan<E: From<StoreError>>(
    tx: &mut Tx,
    project: ProjectNumber,
    filter: &Filter,
    mut each: impl FnMut(&Listed<'_>) -> std::result::Result<ControlFlow<()>, E>,
) -> std::result::Result<(), E> {
    let texts = Texts::of(filter)?;
    let (sql, params) = select(tx, project, filter, &texts);
    tx.scan(&sql, &params, |row| {
        each(&Listed {
            seq: row.int(0)?,
            id: row.text(1)?,
            kind: row.text(2)?,
            subject: row.text(3)?,
            at: row.time(4)?,
            data: row.opt_text(5)?,
        })
    })
    .await
}

/// How the database goes about a listing, a line for each step.
pub async fn plan(tx: &mut Tx, project: ProjectNumber, filter: &Filter) -> Result<Vec<String>> {
    let texts = Texts::of(filter)?;
    let (sql, params) = select(tx, project, filter, &texts);
    tx.plan(&sql, &params).await
}

/// How it finds the project's last event.
pub async fn plan_of_last(tx: &mut Tx, project: ProjectNumber) -> Result<Vec<String>> {
    tx.plan(LAST, &[project.into(), i64::MAX.into()]).await
}

/// What a listing's parameters borrow from.
struct Texts {
    kinds: String,
    first_id: Option<String>,
}

impl Texts {
    fn of(filter: &Filter) -> Result<Self> {
        let kinds: Vec<&str> = filter.kinds.iter().map(|kind| kind.as_str()).collect();
        let first_id = filter.since.map(|since| first_id(since.plus_seconds(-SLACK_S)));
        Ok(Self { kinds: to_json(&kinds)?, first_id })
    }
}

fn select<'a>(
    tx: &Tx,
    project: ProjectNumber,
    filter: &'a Filter,
    texts: &'a Texts,
) -> (String, Vec<Param<'a>>) {
    let mut sql =
        "select seq, id, kind, subject, at, data from events where project = ?1".to_owned();
    let mut params: Vec<Param<'a>> = vec![project.into()];
    if let Some(account) = &filter.account {
        params.push(account.into());
        sql.push_str(&format!(" and subject = ?{} and {ABOUT_ACCOUNTS}", params.len()));
    }
    if !filter.kinds.is_empty() {
        params.push((&texts.kinds).into());
        sql.push_str(&format!(" and {}", tx.is_one_of("kind", params.len())));
    }
    if let (Some(since), Some(first_id)) = (filter.since, &texts.first_id) {
        params.extend([Param::from(since), first_id.into()]);
        let (at, id) = (params.len() - 1, params.len());
        sql.push_str(&format!(
            " and at >= ?{at} and seq >= (select seq from events \
             where project = ?1 and id >= ?{id} order by id limit 1)"
        ));
    }
    for (place, sign) in [(filter.after, ">"), (filter.upto, "<=")] {
        if let Some(place) = place {
            params.push(place.into());
            sql.push_str(&format!(" and seq {sign} ?{}", params.len()));
        }
    }
    sql.push_str(" order by seq");
    if let Some(limit) = filter.limit {
        params.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        sql.push_str(&format!(" limit ?{}", params.len()));
    }
    (sql, params)
}

/// The least id that an event of this instant may have: ids begin with their milliseconds.
fn first_id(at: Timestamp) -> String {
    let hex = format!("{:012x}", at.as_millis().max(0));
    format!("{}-{}", &hex[..8], &hex[8..])
}

/// The latest event of one kind about one account: its id and when it happened.
pub async fn latest_of(
    tx: &mut Tx,
    project: ProjectNumber,
    subject: &str,
    kind: EventKind,
) -> Result<Option<(EventId, Timestamp)>> {
    let sql = format!(
        "select id, at from events where project = ?1 and subject = ?2 and kind = ?3 \
         and {ABOUT_ACCOUNTS} order by seq desc limit 1"
    );
    let params = [project.into(), subject.into(), kind.as_str().into()];
    tx.optional(&sql, &params, |row| Ok((row.parsed(0)?, row.time(1)?))).await
}

/// The place of an event.
pub async fn place(tx: &mut Tx, project: ProjectNumber, id: &EventId) -> Result<Option<i64>> {
    let sql = "select seq from events where project = ?1 and id = ?2";
    tx.optional(sql, &[project.into(), id.as_str().into()], |row| row.int(0)).await
}

const LAST: &str = "select seq, id from events where project = ?1 and seq <= ?2 \
                    order by seq desc limit 1";

/// The project's last event up to a place: its place and id.
pub async fn last(
    tx: &mut Tx,
    project: ProjectNumber,
    upto: i64,
) -> Result<Option<(i64, EventId)>> {
    tx.optional(LAST, &[project.into(), upto.into()], |row| Ok((row.int(0)?, row.parsed(1)?))).await
}
