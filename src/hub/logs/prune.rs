//! Takes expired rows away (KP-9), and those of projects that are no more.

use std::time::Duration;

use crate::error::HubError;
use crate::hub::Hub;
use crate::store::request_logs;

/// Rows of a table that go in one transaction.
const BATCH: i64 = 500;
/// How long writers are let in between two of them.
const PAUSE: Duration = Duration::from_millis(10);

/// What a round came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Transactions that took something away.
    pub batches: u32,
    /// Whether there is more to take away.
    pub more: bool,
}

/// Takes away what has to go, in at most so many short transactions, with a pause after each: a
/// writer waits for one of them at most. To be called now and then, sooner where there is more.
pub async fn prune_round(hub: &Hub, most: u32) -> Result<Pruned, HubError> {
    let mut pruned = Pruned::default();
    let full = |deleted: u64| i64::try_from(deleted).is_ok_and(|deleted| deleted >= BATCH);
    let orphans = {
        let mut tx = hub.store.begin_look().await?;
        request_logs::orphans(&mut tx).await?
    };
    let mut projects = orphans.into_iter();
    let mut project = projects.next();
    while pruned.batches < most {
        let mut tx = hub.store.begin_append().await?;
        let deleted = match project {
            Some(number) => request_logs::delete_of_project(&mut tx, number, BATCH).await?,
            None => request_logs::delete_expired(&mut tx, hub.now(), BATCH).await?,
        };
        if deleted > 0 {
            tx.commit().await?;
            pruned.batches += 1;
            tokio::time::sleep(PAUSE).await;
        } else {
            drop(tx);
        }
        match (project, full(deleted)) {
            (_, true) => {}
            (Some(_), false) => project = projects.next(),
            (None, false) => return Ok(pruned),
        }
    }
    pruned.more = true;
    Ok(pruned)
}
