//! The worker's part: what is due in all projects.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::domain::caller::Caller;
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::Hub;
use crate::store::accounts::refresh::{self, Due, Freshness, Search};

use super::load;
use super::once::{self, Done};

/// Refreshes that go on at the same time, in all and at one provider: one that is slow to answer
/// leaves room for the others.
const AT_ONCE: usize = 64;
const AT_ONE_PROVIDER: usize = 32;
/// Accounts that are looked up at once.
const PAGE: usize = 256;
/// How long to wait before looking again for accounts of other providers.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What one round of the worker did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Accounts refreshed.
    pub refreshed: u64,
    /// Accounts whose refresh failed.
    pub failed: u64,
}

/// One round of the worker: refreshes accounts of all projects whose tokens end soon, until none
/// is due, `limit` were begun, or `go_on` says no; what has begun then is brought to its end.
/// Replicas share the work.
///
/// # Errors
/// As the store reports them.
pub async fn round(hub: &Hub, limit: usize, go_on: impl Fn() -> bool) -> Result<Round, HubError> {
    let mut window = Window::default();
    loop {
        while window.running.len() < AT_ONCE && window.begun.len() < limit && go_on() {
            if !window.begin_next(hub) && !window.look(hub).await? {
                break;
            }
        }
        if window.running.is_empty() {
            return Ok(window.done);
        }
        // Accounts of other providers may become due while these go on.
        if let Ok(Some(ended)) = timeout(LOOK_AGAIN, window.running.next()).await {
            window.note(ended);
        }
    }
}

/// Whose refresh ended, and whether it went well; `None` where somebody else is at it.
type Ended = (String, Option<bool>);

#[derive(Default)]
struct Window {
    running: FuturesUnordered<std::pin::Pin<Box<dyn Future<Output = Ended> + Send>>>,
    /// How many of them, by provider.
    at: BTreeMap<String, usize>,
    /// Accounts that are due.
    queue: VecDeque<Due>,
    /// Accounts that were begun: none is begun twice in a round.
    begun: HashSet<AccountId>,
    /// Behind which account to look.
    place: Option<(Timestamp, AccountId)>,
    /// When there was nothing more to be found.
    looked: Option<Instant>,
    done: Round,
}

impl Window {
    fn has_room(&self, provider: &str) -> bool {
        self.at.get(provider).is_none_or(|count| *count < AT_ONE_PROVIDER)
    }

    /// Begins the first one whose provider has room; false where there is none.
    fn begin_next(&mut self, hub: &Hub) -> bool {
        let Some(at) = self.queue.iter().position(|due| self.has_room(&due.provider)) else {
            return false;
        };
        let Some(due) = self.queue.remove(at) else { return false };
        if self.begun.insert(due.account.clone()) {
            let provider = due.provider.clone();
            *self.at.entry(provider.clone()).or_default() += 1;
            let task = one(hub.clone(), due);
            self.running.push(Box::pin(async move { (provider, outcome(task).await) }));
        }
        true
    }

    /// Looks for more that could be begun; false where there is nothing, or was nothing a moment
    /// ago.
    async fn look(&mut self, hub: &Hub) -> Result<bool, HubError> {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK_AGAIN) {
            return Ok(false);
        }
        let full: Vec<&str> =
            self.at.keys().filter(|key| !self.has_room(key)).map(String::as_str).collect();
        let mut tx = hub.store.begin_look().await?;
        let (now, after) = (hub.clock.now(), self.place.as_ref());
        let search = Search { now, after, without: &full, limit: PAGE };
        let found = refresh::due(&mut tx, &search).await?;
        drop(tx);
        if found.len() < PAGE {
            self.looked = Some(Instant::now());
        }
        if let Some(last) = found.last() {
            self.place = Some((last.since, last.account.clone()));
        }
        let any = !found.is_empty();
        self.queue.extend(found);
        Ok(any)
    }

    fn note(&mut self, (provider, outcome): Ended) {
        if let Some(count) = self.at.get_mut(&provider) {
            *count -= 1;
        }
        match outcome {
            Some(true) => self.done.refreshed += 1,
            Some(false) => self.done.failed += 1,
            None => {}
        }
    }
}

/// It goes on where the worker is stopped: the answer may hold the only next refresh token.
fn one(hub: Hub, due: Due) -> JoinHandle<Result<Done, HubError>> {
    tokio::spawn(async move {
        let now = hub.clock.now();
        let caller = Caller::hub(due.project, due.project_name);
        let mut tx = hub.store.begin_read().await?;
        let stored = load(&hub, &mut tx, &caller, &due.account).await?;
        drop(tx);
        // Another hub may have been faster since the list was made.
        let is_due = |fresh: &Freshness| fresh.refresh_after.is_some_and(|due| due <= now);
        if !stored.fresh.as_ref().is_some_and(is_due) {
            return Ok(Done::NotOurs);
        }
        once::refresh(&hub, &caller, stored).await
    })
}

/// Whether it went well; `None` where somebody else is at it.
async fn outcome(task: JoinHandle<Result<Done, HubError>>) -> Option<bool> {
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
