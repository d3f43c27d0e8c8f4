//! Table `webhooks`, and who sends for which of them.

use std::collections::BTreeSet;

use crate::domain::event::EventKind;
use crate::domain::ids::{ProjectNumber, WebhookId};
use crate::domain::time::Timestamp;
use crate::domain::webhook::Webhook;

use super::{Param, Result, Row, Tx};

const COLUMNS: &str = "select w.number, w.id, w.url, w.events, w.disabled_at, w.disabled_why, \
                       w.failing_since, w.next_secret_at, w.previous_secret_at, w.created_at, \
                       w.updated_at, w.version";

fn read(row: &Row<'_>) -> Result<Webhook> {
    let why = row.opt_parsed(5)?;
    Ok(Webhook {
        number: row.int(0)?,
        id: row.parsed(1)?,
        url: row.text(2)?.to_owned(),
        // Kinds that a later version knows are kept by it and passed over here.
        events: row.text(3)?.split(' ').filter_map(|name| name.parse().ok()).collect(),
        disabled: row.opt_time(4)?.zip(why),
        failing_since: row.opt_time(6)?,
        next_secret_at: row.opt_time(7)?,
        previous_secret_at: row.opt_time(8)?,
        created_at: row.time(9)?,
        updated_at: row.time(10)?,
        version: row.int(11)?,
    })
}

/// Each name between two spaces, so that a whole one can be searched for.
fn names(events: &BTreeSet<EventKind>) -> String {
    let names: Vec<&str> = events.iter().map(|kind| kind.as_str()).collect();
    format!(" {} ", names.join(" "))
}

/// An address and signing secrets, sealed for a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What they are sealed for.
    pub version: i64,
}

/// Adds a webhook and returns its number. It gets the events from now on.
pub async fn insert(
    tx: &mut Tx,
    project: ProjectNumber,
    webhook: &Webhook,
    sealed: &Sealed,
) -> Result<i64> {
    let sql = "insert into webhooks (project, id, url, events, sealed, sealed_version, since_seq, \
               created_at, updated_at, version) values (?1, ?2, ?3, ?4, ?5, ?6, \
               (select coalesce(max(seq), 0) from events), ?7, ?8, ?9) returning number";
    let events = names(&webhook.events);
    let params = [
        project.into(),
        webhook.id.as_str().into(),
        (&webhook.url).into(),
        (&events).into(),
        sealed.bytes.as_slice().into(),
        sealed.version.into(),
        webhook.created_at.into(),
        webhook.updated_at.into(),
        webhook.version.into(),
    ];
    tx.number(sql, &params).await
}

/// The project's webhooks, the oldest first.
pub async fn list(tx: &mut Tx, project: ProjectNumber) -> Result<Vec<Webhook>> {
    let sql = format!("{COLUMNS} from webhooks w where w.project = ?1 order by w.number");
    tx.all(&sql, &[project.into()], read).await
}

/// The webhook of this id.
pub async fn by_id(tx: &mut Tx, project: ProjectNumber, id: &WebhookId) -> Result<Option<Webhook>> {
    let sql = format!("{COLUMNS} from webhooks w where w.project = ?1 and w.id = ?2");
    tx.optional(&sql, &[project.into(), id.as_str().into()], read).await
}

/// Its address and secrets.
pub async fn sealed(tx: &mut Tx, project: ProjectNumber, number: i64) -> Result<Option<Sealed>> {
    let sql = "select sealed, sealed_version from webhooks where project = ?1 and number = ?2";
    tx.optional(sql, &[project.into(), number.into()], |row| {
        Ok(Sealed { bytes: row.bytes(0)?.to_owned(), version: row.int(1)? })
    })
    .await
}

/// Saves a changed webhook, with what is sealed where that changed.
///
/// # Errors
/// [`super::StoreError::Stale`] where it changed since it was read.
pub async fn save(
    tx: &mut Tx,
    project: ProjectNumber,
    webhook: &Webhook,
    sealed: Option<&Sealed>,
) -> Result<()> {
    let sql = "update webhooks set url = ?1, events = ?2, disabled_at = ?3, disabled_why = ?4, \
               failing_since = ?5, next_secret_at = ?6, previous_secret_at = ?7, \
               updated_at = ?8, version = version + 1 \
               where project = ?9 and number = ?10 and version = ?11";
    let events = names(&webhook.events);
    let params = [
        (&webhook.url).into(),
        (&events).into(),
        webhook.disabled.map(|(at, _)| at).into(),
        webhook.disabled.map(|(_, why)| why.as_str()).into(),
        webhook.failing_since.into(),
        webhook.next_secret_at.into(),
        webhook.previous_secret_at.into(),
        webhook.updated_at.into(),
        project.into(),
        webhook.number.into(),
        webhook.version.into(),
    ];
    tx.execute_one(sql, &params).await?;
    if let Some(sealed) = sealed {
        let sql = "update webhooks set sealed = ?1, sealed_version = ?2 \
                   where project = ?3 and number = ?4";
        let params: [Param<'_>; 4] = [
            sealed.bytes.as_slice().into(),
            sealed.version.into(),
            project.into(),
            webhook.number.into(),
        ];
        tx.execute(sql, &params).await?;
    }
    Ok(())
}

/// Lets a webhook get events from now on only (WH-7).
pub async fn begin_now(tx: &mut Tx, project: ProjectNumber, number: i64) -> Result<()> {
    let sql = "update webhooks set since_seq = (select coalesce(max(seq), 0) from events) \
               where project = ?1 and number = ?2";
    tx.execute(sql, &[project.into(), number.into()]).await?;
    Ok(())
}

/// Removes a webhook and its deliveries.
pub async fn delete(tx: &mut Tx, project: ProjectNumber, number: i64) -> Result<()> {
    let sql = "delete from webhooks where project = ?1 and number = ?2";
    tx.execute(sql, &[project.into(), number.into()]).await?;
    Ok(())
}

/// A webhook of any project, as whoever sends for it needs it.
#[derive(Debug, Clone)]
pub struct Target {
    /// The webhook.
    pub webhook: Webhook,
    /// Its project.
    pub project: ProjectNumber,
    /// The project's name.
    pub project_name: String,
    /// Its address and secrets.
    pub sealed: Sealed,
}

/// The webhook of this number.
pub async fn target(tx: &mut Tx, number: i64) -> Result<Option<Target>> {
    let sql = format!(
        "{COLUMNS}, w.project, p.name, w.sealed, w.sealed_version \
         from webhooks w join projects p on p.number = w.project where w.number = ?1"
    );
    tx.optional(&sql, &[number.into()], |row| {
        Ok(Target {
            webhook: read(row)?,
            project: ProjectNumber(row.int(12)?),
            project_name: row.text(13)?.to_owned(),
            sealed: Sealed { bytes: row.bytes(14)?.to_owned(), version: row.int(15)? },
        })
    })
    .await
}

/// The time of a lease that is taken.
#[derive(Debug, Clone, Copy)]
pub struct Term {
    /// When it is taken.
    pub now: Timestamp,
    /// Until when it holds.
    pub until: Timestamp,
    /// One that ends later was taken while a clock was ahead, and holds nothing.
    pub latest: Timestamp,
}

/// Enabled webhooks of all projects that have something to send and that nobody else sends for.
pub async fn due(tx: &mut Tx, owner: &str, term: Term) -> Result<Vec<i64>> {
    let sql = "select w.number from webhooks w where w.disabled_at is null \
               and (w.lease_owner is null or w.lease_owner = ?1 \
                    or w.lease_until <= ?2 or w.lease_until > ?3) \
               and exists (select 1 from webhook_deliveries d \
                           where d.webhook = w.number and d.next_at <= ?2) \
               order by w.number";
    let params = [owner.into(), term.now.into(), term.latest.into()];
    tx.all(sql, &params, |row| row.int(0)).await
}

/// Takes the right to send for a webhook for some time; false where another one has it.
pub async fn lease(tx: &mut Tx, number: i64, owner: &str, term: Term) -> Result<bool> {
    let sql = "update webhooks set lease_owner = ?1, lease_until = ?2 \
               where number = ?3 and disabled_at is null \
               and (lease_owner is null or lease_owner = ?1 \
                    or lease_until <= ?4 or lease_until > ?5)";
    let params =
        [owner.into(), term.until.into(), number.into(), term.now.into(), term.latest.into()];
    Ok(tx.execute(sql, &params).await? > 0)
}

/// Gives the right back.
pub async fn release(tx: &mut Tx, number: i64, owner: &str) -> Result<()> {
    let sql = "update webhooks set lease_owner = null, lease_until = null \
               where number = ?1 and lease_owner = ?2";
    tx.execute(sql, &[number.into(), owner.into()]).await?;
    Ok(())
}

/// Which of these webhooks are enabled and leased by `owner`, with their versions.
pub async fn held(tx: &mut Tx, owner: &str, numbers: &[i64]) -> Result<Vec<(i64, i64)>> {
    let sql = format!(
        "select number, version from webhooks \
         where lease_owner = ?1 and disabled_at is null and {}",
        tx.is_one_of_numbers("number", 2)
    );
    let list = format!("{numbers:?}");
    let params = [owner.into(), (&list).into()];
    tx.all(&sql, &params, |row| Ok((row.int(0)?, row.int(1)?))).await
}

/// Whether a webhook that is enabled was changed since this version of it.
pub async fn was_changed(tx: &mut Tx, number: i64, version: i64) -> Result<bool> {
    let sql = "select version from webhooks where number = ?1 and disabled_at is null";
    let present = tx.optional(sql, &[number.into()], |row| row.int(0)).await?;
    Ok(present.is_some_and(|present| present != version))
}

/// Notes that the receiver of a webhook of this version failed at an instant, and answers since when
/// it fails; `None` where the webhook was changed since. Failures before `goes_on_from` are over.
pub async fn failing(
    tx: &mut Tx,
    number: i64,
    version: i64,
    failed_at: Timestamp,
    goes_on_from: Timestamp,
) -> Result<Option<Timestamp>> {
    let sql = "update webhooks set failed_at = ?1, failing_since = \
               case when failed_at < ?4 then ?1 else coalesce(failing_since, ?1) end \
               where number = ?2 and version = ?3 returning failing_since";
    let params = [failed_at.into(), number.into(), version.into(), goes_on_from.into()];
    tx.optional(sql, &params, |row| row.time(0)).await
}

/// Notes that the receiver of a webhook of this version works.
pub async fn works(tx: &mut Tx, number: i64, version: i64) -> Result<()> {
    let sql = "update webhooks set failing_since = null \
               where number = ?1 and version = ?2 and failing_since is not null";
    tx.execute(sql, &[number.into(), version.into()]).await?;
    Ok(())
}
