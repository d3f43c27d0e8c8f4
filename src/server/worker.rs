//! What a served hub does by itself: rounds of what is due, until it stops. No decisions.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::connect_sessions::expiry;
use crate::hub::{Hub, refresh};

use super::stop::Stop;

/// How long it sleeps at most: another hub on the store may have made something due.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// How long it sleeps at least, so that what can't be done now does not keep it busy.
const SHORTEST_SLEEP: Duration = Duration::from_millis(500);
/// Accounts in one round.
const ACCOUNTS: usize = 64;

type Running<'a> = Pin<Box<dyn Future<Output = Result<Option<Timestamp>, HubError>> + Send + 'a>>;

/// One kind of work.
struct Work {
    name: &'static str,
    /// Does what is due and tells when to come back.
    round: for<'a> fn(&'a Hub) -> Running<'a>,
}

const ALL: &[Work] = &[
    Work {
        name: "refresh",
        round: |hub| {
            Box::pin(async move {
                refresh::round(hub, ACCOUNTS).await?;
                refresh::next_due(hub).await
            })
        },
    },
    Work {
        name: "session expiry",
        round: |hub| {
            Box::pin(async move {
                expiry::round(hub).await?;
                expiry::next_due(hub).await
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
        let mut nap = LONGEST_SLEEP;
        match (work.round)(hub).await {
            Ok(Some(due)) => {
                let left = due.millis_since(hub.now()).max(0);
                nap = nap.min(Duration::from_millis(left.unsigned_abs()));
            }
            Ok(None) => {}
            Err(error) => {
                let code = error.code().name;
                tracing::warn!(target: "hubctl::worker", work = work.name, code, "{error}");
            }
        }
        tokio::select! {
            () = stop.stopping() => {}
            () = sleep(nap.max(SHORTEST_SLEEP)) => {}
        }
    }
}
