//! What a served hub does by itself: rounds of what is due, until it stops. No decisions.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::connect_sessions::expiry;
use crate::hub::oauth::bounds;
use crate::hub::{Hub, refresh};

use super::stop::Stop;

/// How long it sleeps at most: another hub on the store may have made something due.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// How long it sleeps at least after a round that got nothing done, so that what can't be done now
/// does not keep it busy.
const SHORTEST_SLEEP: Duration = Duration::from_millis(500);
/// Accounts in one round.
const ACCOUNTS: usize = 4_096;

/// Whether a round got anything done, and when the next thing is due.
type Rested = Result<(bool, Option<Timestamp>), HubError>;
type Running<'a> = Pin<Box<dyn Future<Output = Rested> + Send + 'a>>;

/// One kind of work.
struct Work {
    name: &'static str,
    /// Does what is due and tells when to come back.
    round: for<'a> fn(&'a Hub, &'a Stop) -> Running<'a>,
}

const ALL: &[Work] = &[
    Work {
        name: "refresh",
        round: |hub, stop| {
            Box::pin(async move {
                let done = refresh::round(hub, ACCOUNTS, || !stop.is_stopping()).await?;
                // What failed may fail again at once.
                Ok((done.refreshed > 0, refresh::next_due(hub).await?))
            })
        },
    },
    Work {
        name: "session expiry",
        round: |hub, _| {
            Box::pin(async move {
                let told = expiry::round(hub).await?;
                Ok((told > 0, expiry::next_due(hub).await?))
            })
        },
    },
    Work {
        name: "connection attempts",
        round: |hub, _| {
            Box::pin(async move {
                let gone = bounds::round(hub).await?;
                Ok((gone > 0, bounds::next_due(hub).await?))
            })
        },
    },
];

/// Works until the hub is told to stop. What has begun then is brought to its end. Each kind of
/// work has its own rounds: a provider that is slow to answer delays no other kind.
pub(super) async fn work(hub: Arc<Hub>, stop: Stop) {
    join_all(ALL.iter().map(|work| rounds(&hub, work, &stop))).await;
}

async fn rounds(hub: &Hub, work: &Work, stop: &Stop) {
    while !stop.is_stopping() {
        let (mut nap, mut shortest) = (LONGEST_SLEEP, SHORTEST_SLEEP);
        match (work.round)(hub, stop).await {
            Ok((did, due)) => {
                if let Some(due) = due {
                    let left = due.millis_since(hub.now()).max(0);
                    nap = nap.min(Duration::from_millis(left.unsigned_abs()));
                }
                if did {
                    shortest = Duration::ZERO;
                }
            }
            Err(error) => {
                let code = error.code().name;
                tracing::warn!(target: "hubctl::worker", work = work.name, code, "{error}");
            }
        }
        tokio::select! {
            () = stop.stopping() => {}
            () = sleep(nap.max(shortest)) => {}
        }
    }
}
