//! The worker's part: what is due in all projects.

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::domain::caller::Caller;
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::Hub;
use crate::store::accounts::refresh::{self, Due, Freshness};

use super::once::{self, Done};

/// Refreshes that go on at the same time.
const AT_ONCE: usize = 16;

/// What one round of the worker did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Accounts refreshed.
    pub refreshed: u64,
    /// Accounts whose refresh failed.
    pub failed: u64,
}

/// One round of the worker: refreshes accounts of all projects whose tokens end soon, at most
/// `limit`, some at once. Replicas share the work.
///
/// # Errors
/// As the store reports them.
pub async fn round(hub: &Hub, limit: usize) -> Result<Round, HubError> {
    let mut tx = hub.store.begin_read().await?;
    let due = refresh::due(&mut tx, hub.clock.now(), limit).await?;
    drop(tx);
    let tries = due.into_iter().map(|due| one(hub.clone(), due));
    let outcomes: Vec<Option<bool>> = stream::iter(tries).buffer_unordered(AT_ONCE).collect().await;
    let count = |wanted| outcomes.iter().filter(|outcome| **outcome == Some(wanted)).count() as u64;
    Ok(Round { refreshed: count(true), failed: count(false) })
}

/// Whether it went well; `None` where somebody else is at it.
async fn one(hub: Hub, due: Due) -> Option<bool> {
    // It goes on where the worker is stopped: the answer may hold the only next refresh token.
    let task = tokio::spawn(async move {
        let now = hub.clock.now();
        let caller = Caller::hub(due.project, due.project_name);
        let mut tx = hub.store.begin_look().await?;
        let fresh = refresh::freshness(&mut tx, due.project, &due.account).await?;
        drop(tx);
        // Another hub may have been faster since the list was made.
        let is_due = |fresh: &Freshness| fresh.refresh_after.is_some_and(|due| due <= now);
        let Some(fresh) = fresh.filter(is_due) else { return Ok(Done::NotOurs) };
        once::refresh(&hub, &caller, &due.account, fresh.version).await
    });
    match task.await {
        Ok(Ok(Done::Renewed)) => Some(true),
        Ok(Ok(Done::NotOurs)) => None,
        Ok(Err(error)) => {
            tracing::warn!(target: "hubctl::refresh", code = error.code().name, "{error}");
            Some(false)
        }
        Err(_) => Some(false),
    }
}

/// When [`round`] should run next, at the latest.
///
/// # Errors
/// As the store reports them.
pub async fn next_due(hub: &Hub) -> Result<Option<Timestamp>, HubError> {
    let mut tx = hub.store.begin_look().await?;
    Ok(refresh::next_due(&mut tx).await?)
}
