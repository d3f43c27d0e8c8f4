//! What sends deliveries needs of their tables; it works for all projects.

use crate::domain::time::Timestamp;
use crate::domain::webhook::schedule::Verdict;
use crate::store::rows::{parts, values};
use crate::store::{Param, Result, Tx};

use super::small;

/// Results in one step.
const BATCH: usize = 64;

/// Behind which event deliveries are made next, and the last event there is. Where no webhook
/// wants any, both are the same.
pub async fn position(tx: &mut Tx) -> Result<(i64, i64)> {
    let sql = "select c.seq, (select coalesce(max(seq), 0) from events), \
               (select min(since_seq) from webhooks where disabled_at is null) \
               from webhook_cursor c";
    let found = tx.optional(sql, &[], |row| {
        let (done, last) = (row.int(0)?, row.int(1)?);
        Ok((row.opt_int(2)?.map_or(last, |first| done.max(first)), last))
    });
    Ok(found.await?.unwrap_or_default())
}

/// Makes deliveries of the next events, at most of so many, for every webhook that wants them
/// (WH-5), and returns whether there may be more. Nobody else may write meanwhile: what is passed
/// over is never looked at again.
pub async fn fan_out(tx: &mut Tx, most: i64, now: Timestamp) -> Result<bool> {
    let (from, last) = position(tx).await?;
    let upto = tx
        .number(
            "select coalesce(max(seq), 0) from \
             (select seq from events where seq > ?1 order by seq limit ?2) next",
            &[from.into(), most.into()],
        )
        .await?;
    if upto <= from {
        return Ok(false);
    }
    let sql = "insert into webhook_deliveries \
               (project, webhook, event_seq, event, kind, subject, state, next_at, created_at) \
               select e.project, w.number, e.seq, e.id, e.kind, e.subject, 'pending', \
               cast(?3 as bigint), cast(?3 as bigint) \
               from events e join webhooks w on w.project = e.project \
               where e.seq > ?1 and e.seq <= ?2 and w.disabled_at is null \
               and w.since_seq < e.seq and w.events like '% ' || e.kind || ' %' \
               order by e.seq, w.number \
               on conflict (webhook, event_seq) do nothing";
    tx.execute(sql, &[from.into(), upto.into(), now.into()]).await?;
    tx.execute("update webhook_cursor set seq = ?1 where one = 1", &[upto.into()]).await?;
    Ok(upto < last)
}

/// A delivery that is due.
#[derive(Debug, Clone)]
pub struct Due {
    /// Its number.
    pub number: i64,
    /// Id of the event.
    pub event: String,
    /// What happened.
    pub kind: String,
    /// Id of what it happened to.
    pub subject: String,
    /// Attempts in all.
    pub attempts: u32,
    /// Attempts of this schedule.
    pub tries: u32,
    /// Which schedule this is.
    pub schedule: i64,
    /// Since when it is due.
    pub next_at: i64,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// The event's facts, as JSON.
    pub data: Option<String>,
    /// What was sent before.
    pub body: Option<Vec<u8>>,
}

/// The deliveries of a webhook that are due, in their order, behind `after` (when due, number).
pub async fn due(
    tx: &mut Tx,
    webhook: i64,
    after: (i64, i64),
    most: i64,
    now: Timestamp,
) -> Result<Vec<Due>> {
    let sql = "select d.number, d.event, d.kind, d.subject, d.attempts, d.tries, d.next_at, e.at, \
               e.data, b.body, d.schedule from webhook_deliveries d \
               left join events e on e.seq = d.event_seq \
               left join webhook_bodies b on b.delivery = d.number \
               where d.webhook = ?1 and d.next_at <= ?2 and (d.next_at, d.number) > (?3, ?4) \
               order by d.next_at, d.number limit ?5";
    let params = [webhook.into(), now.into(), after.0.into(), after.1.into(), most.into()];
    tx.all(sql, &params, |row| {
        Ok(Due {
            number: row.int(0)?,
            event: row.text(1)?.to_owned(),
            kind: row.text(2)?.to_owned(),
            subject: row.text(3)?.to_owned(),
            attempts: small(row.int(4)?)?,
            tries: small(row.int(5)?)?,
            schedule: row.int(10)?,
            next_at: row.int(6)?,
            at: row.opt_time(7)?,
            data: row.opt_text(8)?.map(str::to_owned),
            body: row.opt_bytes(9)?.map(<[u8]>::to_owned),
        })
    })
    .await
}

/// Makes deliveries due that lie ahead although nothing was tried of them yet, or later than at
/// `latest`; of webhooks that are enabled.
pub async fn bring_forward(tx: &mut Tx, now: Timestamp, latest: Timestamp) -> Result<()> {
    let sql = "update webhook_deliveries set next_at = ?1 \
               where webhook in (select number from webhooks where disabled_at is null) \
               and next_at > ?1 and (tries = 0 or next_at > ?2)";
    tx.execute(sql, &[now.into(), latest.into()]).await?;
    Ok(())
}

/// Keeps what is sent for the first time; what is kept already stays.
pub async fn keep_bodies(tx: &mut Tx, bodies: &[(i64, &[u8])]) -> Result<()> {
    for batch in parts(bodies) {
        let sql = format!(
            "insert into webhook_bodies (delivery, body) values {} on conflict do nothing",
            values(batch.len(), 2)
        );
        let params: Vec<Param<'_>> =
            batch.iter().flat_map(|(number, body)| [(*number).into(), (*body).into()]).collect();
        tx.execute(&sql, &params).await?;
    }
    Ok(())
}

/// What an attempt came to.
#[derive(Debug, Clone)]
pub struct Done {
    /// The delivery.
    pub number: i64,
    /// Which attempt it was, in all and of this schedule.
    pub attempt: u32,
    /// See `attempt`.
    pub tries: u32,
    /// The schedule in which it was made.
    pub schedule: i64,
    /// When it began.
    pub at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How long it took.
    pub duration_ms: i64,
    /// The receiver's status.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// The beginning of the answer.
    pub answer: Option<String>,
    /// What becomes of the delivery.
    pub verdict: Verdict,
}

/// Writes down what attempts came to. Deliveries that are gone by now are passed over.
pub async fn settle(tx: &mut Tx, all: &[Done]) -> Result<()> {
    for done in all.chunks(BATCH) {
        let delivered: Vec<i64> = done
            .iter()
            .filter(|one| one.verdict == Verdict::Delivered)
            .map(|one| one.number)
            .collect();
        if let Some(first) = done.iter().find(|one| one.verdict == Verdict::Delivered) {
            let sql = format!(
                "update webhook_deliveries set state = 'delivered', attempts = attempts + 1, \
                 tries = tries + 1, next_at = null, done_at = ?1, last_status = 200, \
                 last_error = null where state = 'pending' and {}",
                tx.is_one_of_numbers("number", 2)
            );
            let list = format!("{delivered:?}");
            tx.execute(&sql, &[first.ended_at.into(), (&list).into()]).await?;
        }
        // Few receivers answer a success with another status than 200.
        for one in done.iter().filter(|one| !is_plain(one)) {
            unusual(tx, one).await?;
        }
        note(tx, done).await?;
    }
    Ok(())
}

fn is_plain(done: &Done) -> bool {
    done.verdict == Verdict::Delivered && done.status == Some(200)
}

async fn unusual(tx: &mut Tx, done: &Done) -> Result<()> {
    let status = done.status.map(i64::from);
    if done.verdict == Verdict::Delivered {
        let sql = "update webhook_deliveries set last_status = ?1 where number = ?2";
        tx.execute(sql, &[status.into(), done.number.into()]).await?;
        return Ok(());
    }
    let (state, next_at, done_at) = match done.verdict {
        Verdict::Again(at) => ("pending", Some(at), None),
        _ => ("failed", None, Some(done.ended_at)),
    };
    // What was settled by somebody else in between stays as it is, and what was asked for anew keeps
    // its new schedule.
    let sql = "update webhook_deliveries set attempts = ?2, last_status = ?6, last_error = ?7, \
               state = case when schedule = ?9 then ?1 else state end, \
               tries = case when schedule = ?9 then ?3 else tries end, \
               next_at = case when schedule = ?9 then ?4 else next_at end, \
               done_at = case when schedule = ?9 then ?5 else done_at end \
               where number = ?8 and attempts < ?2 and state = 'pending'";
    let params = [
        state.into(),
        i64::from(done.attempt).into(),
        i64::from(done.tries).into(),
        next_at.into(),
        done_at.into(),
        status.into(),
        done.error.as_ref().into(),
        done.number.into(),
        done.schedule.into(),
    ];
    tx.execute(sql, &params).await?;
    Ok(())
}

/// Writes down the attempts themselves, of deliveries that are still there.
async fn note(tx: &mut Tx, done: &[Done]) -> Result<()> {
    const COLUMNS: usize = 7;
    let numbers: Vec<i64> = done.iter().map(|one| one.number).collect();
    let sql = format!(
        "select number from webhook_deliveries where {}",
        tx.is_one_of_numbers("number", 1)
    );
    let list = format!("{numbers:?}");
    let there = tx.all(&sql, &[(&list).into()], |row| row.int(0)).await?;
    let done: Vec<&Done> = done.iter().filter(|one| there.contains(&one.number)).collect();
    for part in parts(&done) {
        let sql = format!(
            "insert into webhook_attempts \
             (delivery, number, at, duration_ms, status, error, answer) \
             values {} on conflict do nothing",
            values(part.len(), COLUMNS)
        );
        let mut params: Vec<Param<'_>> = Vec::with_capacity(part.len() * COLUMNS);
        for one in part {
            let row: [Param<'_>; COLUMNS] = [
                one.number.into(),
                i64::from(one.attempt).into(),
                one.at.into(),
                one.duration_ms.into(),
                one.status.map(i64::from).into(),
                one.error.as_ref().into(),
                one.answer.as_ref().into(),
            ];
            params.extend(row);
        }
        tx.execute(&sql, &params).await?;
    }
    Ok(())
}

/// Removes deliveries that ended before an instant, at most so many; returns how many.
pub async fn forget(tx: &mut Tx, before: Timestamp, most: i64) -> Result<u64> {
    let sql = "delete from webhook_deliveries where number in \
               (select number from webhook_deliveries where done_at < ?1 \
                order by done_at limit ?2)";
    tx.execute(sql, &[before.into(), most.into()]).await
}

/// Gives up trials that were made before an instant and are not settled: nothing else ends them.
pub async fn give_up_trials(tx: &mut Tx, before: Timestamp, now: Timestamp) -> Result<u64> {
    // By webhook, so that the index of their events finds those of no event.
    let sql = "update webhook_deliveries set state = 'failed', done_at = ?1, \
               last_error = 'nobody saw what came of it' \
               where webhook in (select number from webhooks) and event_seq is null \
               and state = 'pending' and next_at is null and created_at < ?2";
    tx.execute(sql, &[now.into(), before.into()]).await
}
