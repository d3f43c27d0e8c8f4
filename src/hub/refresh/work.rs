//! The worker's part: what is due in all projects.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::runtime::Handle;
use tokio::select;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::domain::caller::Caller;
use crate::domain::credentials::Tokens;
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::Hub;
use crate::store::accounts::refresh::{self, Due, Freshness, Search};

use super::once::{self, Done, Keys, Lease, Renewal};
use super::{Ways, load_among};

/// Refreshes that go on at the same time, in all and at one provider: one that is slow to answer
/// leaves room for the others.
const AT_ONCE: usize = 128;
const AT_ONE_PROVIDER: usize = 64;
/// Accounts that share a transaction: each adds to the time that it takes where the database is
/// far away.
const TOGETHER: usize = 16;
/// Batches of leases that are taken at the same time: while one is committed, the next is read, if
/// there are enough for a transaction.
const BATCHES: usize = 2;
/// Accounts that are looked up at once.
const PAGE: usize = 256;
/// How long to wait before looking again for accounts of other providers.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// At least so many times as long as looking took, so that it is a small share of the work.
const LOOKING_SHARE: u32 = 20;

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
pub async fn round(hub: &Hub, limit: usize, go_on: impl Fn() -> bool) -> Result<Round, HubError> {
    let mut window = Window::new(hub);
    // What comes while others are being written shares the next transaction.
    let (mut begin, mut settle) = (Background::new(), Background::new());
    loop {
        let is_worth_it = window.ended_since >= TOGETHER && begin.0.len() < BATCHES;
        if begin.is_over() || is_worth_it {
            window.ended_since = 0;
            let next = window.next_of_all(limit, &go_on).await?;
            if !next.is_empty() {
                begin.set_out(hub, begin_all(hub.clone(), next, window.ended.0.clone()));
            }
        }
        if settle.is_over() && !window.answered.is_empty() {
            settle.set_out(hub, settle_all(hub.clone(), std::mem::take(&mut window.answered)));
        }
        if window.running() == 0 && settle.is_over() {
            return Ok(window.done);
        }
        select! {
            done = begin.end() => done?,
            done = settle.end() => done?.into_iter().for_each(|outcome| window.count(outcome)),
            () = window.wait() => {}
        }
    }
}

/// Work that is brought to its end where whoever waits for it goes away.
struct Background<T>(FuturesUnordered<JoinHandle<T>>);

impl<T: Send + 'static> Background<T> {
    fn new() -> Self {
        Self(FuturesUnordered::new())
    }

    fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    fn set_out(&self, hub: &Hub, work: impl Future<Output = T> + Send + 'static) {
        self.0.push(hub.detached(work));
    }

    /// Waits until some of it ends; for ever where there is nothing to wait for.
    async fn end(&mut self) -> Result<T, HubError> {
        let Some(done) = self.0.next().await else { return pending().await };
        done.map_err(HubError::internal("a round of refreshes was broken off"))
    }
}

/// A lease under which new tokens are to be written, and these.
type Answer = (Box<Lease>, Tokens);

/// What became of a refresh that was begun.
enum Ended {
    /// There are new tokens.
    Answered(Answer),
    /// Whether it went well; `None` where somebody else is at it.
    Over(Option<bool>),
}

/// An account's connector, and what became of its refresh.
type Word = (String, Ended);

struct Window {
    hub: Hub,
    /// Refreshes that go on, by provider.
    at: BTreeMap<String, usize>,
    /// How many have ended since others were begun.
    ended_since: usize,
    /// What those that go on tell.
    ended: (UnboundedSender<Word>, UnboundedReceiver<Word>),
    /// New tokens that are to be written.
    answered: Vec<Answer>,
    /// Accounts that are due.
    queue: VecDeque<Due>,
    /// Accounts that were begun: none is begun twice in a round.
    begun: HashSet<AccountId>,
    /// Connectors that were full when it was last looked, and behind which account to look on.
    without: Vec<String>,
    place: Option<(Timestamp, AccountId)>,
    /// The last time that there was nothing more to be found.
    end: Option<End>,
    done: Round,
}

/// The end of what is due.
struct End {
    /// Connectors whose accounts were not looked at.
    without: Vec<String>,
    /// From when on it is worth looking again.
    again: Instant,
}

impl Window {
    fn new(hub: &Hub) -> Self {
        Self {
            hub: hub.clone(),
            at: BTreeMap::new(),
            ended_since: 0,
            ended: unbounded_channel(),
            answered: Vec::new(),
            queue: VecDeque::new(),
            begun: HashSet::new(),
            without: Vec::new(),
            place: None,
            end: None,
            done: Round::default(),
        }
    }

    fn running(&self) -> usize {
        self.at.values().sum()
    }

    fn has_room(&self, provider: &str) -> bool {
        self.at.get(provider).is_none_or(|count| *count < AT_ONE_PROVIDER)
    }

    /// Takes those for which there is room.
    async fn next_of_all(
        &mut self,
        limit: usize,
        go_on: &impl Fn() -> bool,
    ) -> Result<Vec<Due>, HubError> {
        let mut next = Vec::new();
        while self.running() < AT_ONCE && self.begun.len() < limit && go_on() {
            match self.next() {
                Some(due) => next.push(due),
                None if self.look().await? => {}
                None => break,
            }
        }
        Ok(next)
    }

    /// Takes the first one whose provider has room.
    fn next(&mut self) -> Option<Due> {
        loop {
            let at = self.queue.iter().position(|due| self.has_room(&due.provider))?;
            let due = self.queue.remove(at)?;
            if self.begun.insert(due.account.clone()) {
                *self.at.entry(due.provider.clone()).or_default() += 1;
                return Some(due);
            }
        }
    }

    /// Looks for more that could be begun; false where there is nothing, or was nothing a moment
    /// ago.
    async fn look(&mut self) -> Result<bool, HubError> {
        let full: Vec<String> = self.at.keys().filter(|key| !self.has_room(key)).cloned().collect();
        let began = Instant::now();
        let is_vain = |end: &End| {
            began < end.again && end.without.iter().all(|provider| full.contains(provider))
        };
        if self.end.as_ref().is_some_and(is_vain) {
            return Ok(false);
        }
        if full != self.without {
            (self.without, self.place) = (full, None);
        }
        let without: Vec<&str> = self.without.iter().map(String::as_str).collect();
        let mut tx = self.hub.store.begin_look().await?;
        let (now, after) = (self.hub.clock.now(), self.place.as_ref());
        let search = Search { now, after, without: &without, limit: PAGE };
        let found = refresh::due(&mut tx, &search).await?;
        drop(tx);
        self.place = found.last().map(|last| (last.since, last.account.clone()));
        if found.len() < PAGE {
            self.place = None;
            // Many accounts of a connector that is full are passed over one by one.
            let rest = LOOK_AGAIN.max(began.elapsed() * LOOKING_SHARE);
            self.end = Some(End { without: self.without.clone(), again: Instant::now() + rest });
        }
        let any = !found.is_empty();
        self.queue.extend(found);
        Ok(any)
    }

    /// Waits until a refresh tells something, and takes what others have told by then.
    async fn wait(&mut self) {
        // Accounts of other providers may become due while these go on.
        let Ok(Some(first)) = timeout(LOOK_AGAIN, self.ended.1.recv()).await else { return };
        self.note(first);
        while let Ok(word) = self.ended.1.try_recv() {
            self.note(word);
        }
    }

    fn note(&mut self, (provider, ended): Word) {
        if let Some(count) = self.at.get_mut(&provider) {
            *count -= 1;
        }
        self.ended_since += 1;
        match ended {
            Ended::Answered(answer) => self.answered.push(answer),
            Ended::Over(outcome) => self.count(outcome),
        }
    }

    const fn count(&mut self, outcome: Option<bool>) {
        match outcome {
            Some(true) => self.done.refreshed += 1,
            Some(false) => self.done.failed += 1,
            None => {}
        }
    }
}

/// Answers that have come are written where the worker is stopped, too: each may hold the only
/// next refresh token.
impl Drop for Window {
    fn drop(&mut self) {
        let mut left = std::mem::take(&mut self.answered);
        self.ended.1.close();
        while let Ok((_, ended)) = self.ended.1.try_recv() {
            if let Ended::Answered(answer) = ended {
                left.push(answer);
            }
        }
        if !left.is_empty() && Handle::try_current().is_ok() {
            let hub = self.hub.clone();
            self.hub.detached(async move {
                for (lease, tokens) in left {
                    seen(&lease, once::keep(&hub, &lease, &tokens).await);
                }
            });
        }
    }
}

/// Takes leases and asks the providers.
async fn begin_all(hub: Hub, mut next: Vec<Due>, to: UnboundedSender<Word>) {
    // Whoever locks rows of several accounts does so in one order.
    next.sort_unstable_by(|a, b| a.account.cmp(&b.account));
    let claimed = join_all(next.chunks(TOGETHER).map(async |part| {
        claim(&hub, part).await.unwrap_or_else(|error| {
            let (code, accounts) = (error.code().name, part.len());
            tracing::warn!(
                target: "hubctl::refresh", code, accounts, cause = %error, "refreshes can't begin"
            );
            part.iter().map(|_| Err(Some(false))).collect()
        })
    }));
    let claimed = claimed.await.into_iter().flatten();
    let mut leases = Vec::with_capacity(next.len());
    for (due, claimed) in next.into_iter().zip(claimed) {
        match claimed {
            Ok(lease) => leases.push((due.provider, lease)),
            Err(outcome) => _ = to.send((due.provider, Ended::Over(outcome))),
        }
    }
    // One task for several costs less than one for each, and does not use one core alone.
    let mut leases = leases.into_iter();
    while leases.len() > 0 {
        let part: Vec<_> = leases.by_ref().take(TOGETHER).collect();
        hub.detached(ask_all(hub.clone(), part, to.clone()));
    }
}

/// Takes the leases of several accounts; for each of them, or what stands in the way.
async fn claim(hub: &Hub, next: &[Due]) -> Result<Vec<Result<Box<Lease>, Option<bool>>>, HubError> {
    let now = hub.clock.now();
    // Another hub may have been faster since the list was made.
    let is_due = |fresh: &Freshness| fresh.refresh_after.is_some_and(|due| due <= now);
    let (mut ways, mut claimed) = (Ways::default(), Vec::with_capacity(next.len()));
    let mut tx = hub.store.begin_append().await?;
    for due in next {
        let caller = Caller::hub(due.project, due.project_name.clone());
        claimed.push(match load_among(hub, &mut tx, &caller, &due.account, &mut ways).await {
            Ok(stored) if stored.fresh.as_ref().is_some_and(is_due) => {
                once::claim(hub, &mut tx, &caller, stored).await?.map(Box::new).ok_or(None)
            }
            Ok(_) => Err(None),
            Err(error) => {
                // What may pass by itself is tried again soon.
                if !error.retryable()
                    && let fresh = refresh::freshness(&mut tx, due.project, &due.account).await?
                    && let Some(fresh) = fresh.filter(is_due)
                {
                    once::put_off(hub, &mut tx, due.project, &due.account, &fresh, &error).await?;
                }
                tell((due.project_name.as_str(), &due.account, due.provider.as_str()), &error);
                Err(Some(false))
            }
        });
    }
    tx.commit().await?;
    Ok(claimed)
}

/// Asks for each of several accounts at the same time, and tells how it went as soon as it is known.
async fn ask_all(hub: Hub, leases: Vec<(String, Box<Lease>)>, to: UnboundedSender<Word>) {
    let asked = leases.into_iter().map(|(provider, lease)| ask(&hub, provider, lease, &to));
    asked.collect::<FuturesUnordered<_>>().collect::<()>().await;
}

async fn ask(hub: &Hub, provider: String, lease: Box<Lease>, to: &UnboundedSender<Word>) {
    let work = AssertUnwindSafe(async {
        match once::ask(hub, &lease).await {
            Ok(tokens) => Ended::Answered((lease, tokens)),
            Err(unrenewed) => {
                let done = Box::pin(once::refuse(hub, &lease, unrenewed)).await;
                Ended::Over(seen(&lease, done))
            }
        }
    });
    let ended = work.catch_unwind().await.unwrap_or(Ended::Over(Some(false)));
    // Where the worker was stopped meanwhile, nobody else writes them.
    if let Err(SendError((_, Ended::Answered((lease, tokens))))) = to.send((provider, ended)) {
        seen(&lease, Box::pin(once::keep(hub, &lease, &tokens)).await);
    }
}

/// Writes new tokens, as many as have come; how it went with each.
async fn settle_all(hub: Hub, mut answered: Vec<Answer>) -> Vec<Option<bool>> {
    answered.sort_unstable_by(|a, b| a.0.account().cmp(b.0.account()));
    join_all(answered.chunks(TOGETHER).map(async |part| {
        // What can't be written with the others may be written alone.
        let written = keep(&hub, part).await.unwrap_or_default();
        let mut outcomes = Vec::with_capacity(part.len());
        for (number, (lease, tokens)) in part.iter().enumerate() {
            outcomes.push(match written.get(number) {
                Some(true) => Some(true),
                _ => seen(lease, Box::pin(once::keep(&hub, lease, tokens)).await),
            });
        }
        outcomes
    }))
    .await
    .concat()
}

/// Writes tokens in one transaction; which of them were written.
async fn keep(hub: &Hub, answered: &[Answer]) -> Result<Vec<bool>, HubError> {
    if answered.len() < 2 {
        return Ok(Vec::new());
    }
    let renewals = answered.iter().map(|(lease, tokens)| (Renewal::of(hub, lease, tokens), lease));
    let renewals: Vec<_> = renewals.collect();
    let (mut keys, mut written) = (Keys::default(), Vec::with_capacity(answered.len()));
    let mut tx = hub.store.begin_append().await?;
    for (renewal, lease) in &renewals {
        written.push(renewal.write_along(hub, &mut tx, &mut keys, lease).await?);
    }
    tx.commit().await?;
    Ok(written)
}

/// Whether it went well; `None` where somebody else is at it.
fn seen(lease: &Lease, done: Result<Done, HubError>) -> Option<bool> {
    match done {
        Ok(Done::Renewed) => Some(true),
        Ok(Done::NotOurs) => None,
        Err(error) => {
            tell(lease.names(), &error);
            Some(false)
        }
    }
}

/// Names the project, the account and the connector. What a provider has said is a field: a line is
/// found by its message.
fn tell((project, account, provider): (&str, &AccountId, &str), error: &HubError) {
    let code = error.code().name;
    let mut details = error.details().iter();
    let provider_status = details.find_map(|detail| detail.get("provider_status")?.as_u64());
    tracing::warn!(
        target: "hubctl::refresh", project, account = account.as_str(), provider, code,
        provider_status, cause = %error, "a refresh failed"
    );
}

/// When [`round`] should run next, at the latest.
pub async fn next_due(hub: &Hub) -> Result<Option<Timestamp>, HubError> {
    let mut tx = hub.store.begin_look().await?;
    Ok(refresh::next_due(&mut tx).await?)
}
