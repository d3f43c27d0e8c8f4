//! What the hub has to do and has not done yet: what an operator wants to be woken for.

use std::time::Duration;

use crate::error::HubError;
use crate::store::backlog::{self, Waiting};

use super::Hub;

/// Work that is due, over all projects of the store.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backlog {
    /// Deliveries to webhooks.
    pub deliveries: Due,
    /// Refreshes of tokens.
    pub refreshes: Due,
}

/// Work of one sort.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Due {
    /// How much of it there is; what is more than a hundred thousand is not counted.
    pub count: i64,
    /// How long the oldest of it has waited, in seconds; zero where there is none.
    pub oldest_s: f64,
}

/// What is due now.
///
/// # Errors
/// As the store reports them.
pub async fn backlog(hub: &Hub) -> Result<Backlog, HubError> {
    let now = hub.clock.now();
    let due = |waiting: Waiting| Due {
        count: waiting.count,
        oldest_s: waiting.since.map_or(0.0, |since| seconds(now.millis_since(since))),
    };
    let mut tx = hub.store.begin_read().await?;
    Ok(Backlog {
        deliveries: due(backlog::deliveries(&mut tx, now).await?),
        refreshes: due(backlog::refreshes(&mut tx, now).await?),
    })
}

fn seconds(millis: i64) -> f64 {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0)).as_secs_f64()
}
