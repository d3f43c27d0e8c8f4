//! The order of sending: fair among webhooks, one event of a thing after the other, and never more
//! at once than a receiver, or this process, should bear.
//!
//! A webhook with something to send has a lane: some deliveries in hand, and a width, which is how
//! many attempts may be on their way at once. It begins with one, doubles with each success and
//! falls back to one with a failure, so that a receiver that hangs holds one place only. The store
//! is asked in one stretch of work after the other, beside the attempts: while one is committed,
//! results gather for the next. Each stretch is short beside a lease, however much there is to do:
//! between two of them leases are renewed, results written down, and lanes that were opened begin.

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::task::JoinError;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::Hub;

use super::lane::{IN_HAND, IN_HAND_FAILING, Lane};
use super::outbox::{self, Endpoint, Job, Report};

/// Attempts on their way at once.
const MOST: usize = 128;
/// Those to receivers that fail, all together.
const MOST_FAILING: usize = 48;
/// Lanes at once.
const LANES: usize = 4_096;
/// Lanes that are opened, and lanes that get more deliveries, in one stretch.
const IN_A_STRETCH: usize = 64;
/// How often it is looked for what is due, and for what other processes wrote.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long it waits at least from one look to the next, while events are committed all the time.
/// Where a look keeps writers waiting it is longer.
const BREATH: Duration = Duration::from_millis(10);
const LONG_BREATH: Duration = Duration::from_millis(100);
/// How often leases are renewed.
const RENEW_EVERY: Duration = Duration::from_secs(3);
/// How often deliveries of long ago are removed.
const TIDY_EVERY: Duration = Duration::from_mins(10);
/// How long a lane without work keeps its lease.
const IDLE: Duration = Duration::from_secs(2);
/// How often it is told that the store fails.
const TOLD_EVERY: Duration = Duration::from_mins(1);
/// How long a webhook that is damaged is passed over.
const PASSED_OVER: Duration = Duration::from_mins(1);

/// What the store is asked in one stretch.
#[derive(Default)]
struct Order {
    results: Vec<Report>,
    look: bool,
    tidy: bool,
    /// Whether what is due may lie ahead.
    bring_forward: bool,
    renew: Vec<i64>,
    release: Vec<i64>,
    /// Lanes to look at again, each with its version, and those that want more.
    check: Vec<(i64, i64)>,
    fetch: Vec<(Arc<Endpoint>, (i64, i64), i64)>,
    taken: HashSet<i64>,
    passed_over: HashSet<i64>,
}

/// What it answered.
#[derive(Default)]
struct Answer {
    /// Webhooks and deliveries.
    settled: Vec<(i64, i64)>,
    /// Results that could not be written down.
    unsettled: Vec<Report>,
    due: Vec<i64>,
    opened: Vec<Endpoint>,
    changed: Vec<Endpoint>,
    lost: Vec<i64>,
    /// Webhooks whose address and secrets can't be opened.
    damaged: Vec<i64>,
    fetched: Vec<(i64, Vec<Job>, i64)>,
    looked: bool,
    /// Whether the look has to go on, and the removal of deliveries of long ago.
    look_on: bool,
    tidy_on: bool,
    failed: Option<HubError>,
}

async fn carry_out(hub: &Hub, owner: &str, mut order: Order) -> Answer {
    let mut answer = Answer::default();
    let results = std::mem::take(&mut order.results);
    if !results.is_empty() {
        match outbox::settle(hub, &results).await {
            Ok(()) => {
                let settled = results.iter().map(|report| (report.webhook, report.done.number));
                answer.settled = settled.collect();
            }
            Err(error) => {
                answer.unsettled = results;
                answer.failed = Some(error);
                return answer;
            }
        }
    }
    if let Err(error) = ask(hub, owner, order, &mut answer).await {
        answer.failed = Some(error);
    }
    answer
}

async fn ask(hub: &Hub, owner: &str, order: Order, answer: &mut Answer) -> Result<(), HubError> {
    outbox::release(hub, owner, &order.release).await?;
    if !order.renew.is_empty() {
        answer.lost = outbox::renew(hub, owner, &order.renew).await?;
    }
    if order.look {
        answer.look_on = outbox::fan_out(hub).await?;
        if order.bring_forward {
            outbox::bring_forward(hub).await?;
        }
        if !order.check.is_empty() {
            let (changed, lost) =
                outbox::check(hub, owner, &order.check, &mut answer.damaged).await?;
            // One that is disabled and soon enabled again need not wait for the lease to run out.
            outbox::release(hub, owner, &lost).await?;
            answer.changed = changed;
            answer.lost.extend(lost);
        }
        answer.due = outbox::due(hub, owner).await?;
        let room = LANES.saturating_sub(order.taken.len());
        let mut new = answer.due.clone();
        new.retain(|number| !order.taken.contains(number) && !order.passed_over.contains(number));
        new.truncate(room);
        answer.look_on |= new.len() > IN_A_STRETCH;
        new.truncate(IN_A_STRETCH);
        for number in new {
            if let Some(endpoint) = outbox::take(hub, owner, number, &mut answer.damaged).await? {
                let most = if endpoint.is_failing { IN_HAND_FAILING } else { IN_HAND };
                let jobs = outbox::fetch(hub, &endpoint, (0, 0), most).await?;
                answer.fetched.push((number, jobs, most));
                answer.opened.push(endpoint);
            }
        }
        answer.looked = true;
    }
    for (endpoint, after, most) in order.fetch {
        let jobs = outbox::fetch(hub, &endpoint, after, most).await?;
        answer.fetched.push((endpoint.number, jobs, most));
    }
    if order.tidy {
        answer.tidy_on = outbox::forget_old(hub).await?;
    }
    Ok(())
}

/// An attempt that came to its end.
struct Landed {
    report: Report,
    subject: String,
    /// Whether the receiver was known to fail when it began.
    failing: bool,
}

/// Begins something on any thread; it goes on no longer than the sender.
fn begin<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> AbortOnDropHandle<T> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

/// What it came to. Its panic is the sender's; where the program ends there is nothing.
fn ended<T>(result: Result<T, JoinError>) -> Option<T> {
    match result.map_err(JoinError::try_into_panic) {
        Ok(value) => Some(value),
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_)) => None,
    }
}

/// When it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// There is nothing to send at this moment.
    Idle,
    /// It is told to.
    Stopped,
}

struct Sender<'h> {
    hub: &'h Hub,
    owner: String,
    lanes: BTreeMap<i64, Lane>,
    /// Webhooks that are damaged, and until when each is passed over: others are not to wait behind
    /// them at each look, and each is told of once in that time.
    passed_over: BTreeMap<i64, Instant>,
    flights: FuturesUnordered<AbortOnDropHandle<Landed>>,
    work: Option<AbortOnDropHandle<Answer>>,
    results: Vec<Report>,
    /// Attempts on their way to receivers that fail.
    flying_failing: usize,
    look: bool,
    /// Whether the last look came after everything that is known.
    looked: bool,
    last_look: Instant,
    /// What the clock showed then.
    looked_at: Timestamp,
    /// The lane after which the next attempt is begun, and that after which the next deliveries are
    /// fetched.
    turn: i64,
    fetch_turn: i64,
    renewed: Instant,
    tidied: Option<Instant>,
    /// Not before then, since the store failed.
    patience: Option<Instant>,
    /// When that was last told of.
    told: Option<Instant>,
    sent: u64,
}

/// Sends everything that is due, once, and answers how many attempts that took.
pub async fn round(hub: &Hub) -> Result<u64, HubError> {
    let mut sender = Sender::new(hub)?;
    sender.run(Until::Idle, std::future::pending()).await?;
    let all: Vec<i64> = sender.lanes.keys().copied().collect();
    outbox::release(hub, &sender.owner, &all).await?;
    Ok(sender.sent)
}

/// Sends what is due, as soon as it is, until it is told to stop; then what is on its way is
/// waited for.
pub async fn run(hub: &Hub, stop: impl Future<Output = ()>) {
    let mut sender = match Sender::new(hub) {
        Ok(sender) => sender,
        Err(error) => {
            tracing::error!(target: "hubctl::webhooks", "nothing is sent: {error}");
            return;
        }
    };
    // It only tells of what the store says, and goes on.
    _ = sender.run(Until::Stopped, stop).await;
    let all: Vec<i64> = sender.lanes.keys().copied().collect();
    if let Err(error) = outbox::release(hub, &sender.owner, &all).await {
        tracing::warn!(target: "hubctl::webhooks", "leases run out by themselves: {error}");
    }
}

impl<'h> Sender<'h> {
    fn new(hub: &'h Hub) -> Result<Self, HubError> {
        let looked_at = hub.clock.now();
        let owner = hub.random.uuid_v7(looked_at)?.to_string();
        Ok(Self {
            hub,
            owner,
            lanes: BTreeMap::new(),
            passed_over: BTreeMap::new(),
            flights: FuturesUnordered::new(),
            work: None,
            results: Vec::new(),
            flying_failing: 0,
            look: true,
            looked: false,
            last_look: Instant::now(),
            looked_at,
            turn: 0,
            fetch_turn: 0,
            renewed: Instant::now(),
            tidied: None,
            patience: None,
            told: None,
            sent: 0,
        })
    }

    async fn run(&mut self, until: Until, stop: impl Future<Output = ()>) -> Result<(), HubError> {
        let mut committed = self.hub.store().events_committed();
        let mut stop = std::pin::pin!(stop);
        let (mut stopping, mut bell_works) = (false, true);
        let mut rewound = Instant::now();
        let mut look_at = rewound + LOOK_EVERY;
        let breath = if self.hub.store().commits_out_of_order() { LONG_BREATH } else { BREATH };
        loop {
            if !stopping {
                self.start();
            }
            self.order(stopping);
            let nothing = self.flights.is_empty() && self.work.is_none() && self.results.is_empty();
            let idle = self.looked && self.lanes.values().all(Lane::is_idle);
            if nothing && (stopping || until == Until::Idle && idle) {
                return Ok(());
            }
            let work = self.work.as_mut();
            tokio::select! {
                Some(result) = self.flights.next(), if !self.flights.is_empty() => {
                    self.land(result);
                    // All that have landed by now are written down together.
                    while let Some(Some(result)) = self.flights.next().now_or_never() {
                        self.land(result);
                    }
                }
                answer = async { match work { Some(work) => work.await, None => std::future::pending().await } } => {
                    self.work = None;
                    let failed = self.apply(ended(answer).unwrap_or_default());
                    if let (Some(error), Until::Idle) = (failed, until) {
                        return Err(error);
                    }
                }
                () = &mut stop, if !stopping => stopping = true,
                rung = committed.changed(), if bell_works && !stopping => {
                    bell_works = rung.is_ok();
                    self.looked = false;
                    look_at = look_at.min(self.last_look + breath);
                }
                () = sleep_until(look_at) => {
                    look_at = Instant::now() + LOOK_EVERY;
                    self.look = true;
                    if rewound.elapsed() >= LOOK_EVERY {
                        rewound = Instant::now();
                        // Clocks differ: what became due behind the place is found from the start.
                        self.lanes.values_mut().for_each(|lane| lane.after = (0, 0));
                    }
                }
            }
        }
    }

    /// Begins attempts, one lane after the other.
    fn start(&mut self) {
        while self.flights.len() < MOST {
            let Some((endpoint, job, failing)) = self.next() else { return };
            let hub = self.hub.clone();
            self.turn = endpoint.number;
            self.sent += 1;
            self.flying_failing += usize::from(failing);
            self.flights.push(begin(async move {
                let done = outbox::send(&hub, &endpoint, &job).await;
                let report = Report { webhook: endpoint.number, version: endpoint.version, done };
                Landed { report, subject: job.subject, failing }
            }));
        }
    }

    /// The next attempt of the next lane that has one.
    fn next(&mut self) -> Option<(Arc<Endpoint>, Job, bool)> {
        let room = self.flying_failing < MOST_FAILING;
        let behind = (Bound::Excluded(self.turn), Bound::Unbounded);
        let up_to = (Bound::Unbounded, Bound::Included(self.turn));
        for part in [behind, up_to] {
            for lane in self.lanes.range_mut(part).map(|(_, lane)| lane) {
                if (room || !lane.failing)
                    && let Some(job) = lane.next()
                {
                    return Some((Arc::clone(&lane.endpoint), job, lane.failing));
                }
            }
        }
        None
    }

    fn land(&mut self, result: Result<Landed, JoinError>) {
        let Some(landed) = ended(result) else { return };
        self.flying_failing -= usize::from(landed.failing);
        self.hub.tallies.attempt(landed.report.done.verdict);
        if let Some(lane) = self.lanes.get_mut(&landed.report.webhook) {
            lane.landed(&landed.subject, &landed.report.done);
        }
        self.results.push(landed.report);
    }

    /// Gives the store something to do, where it has nothing and there is something.
    fn order(&mut self, stopping: bool) {
        let now = Instant::now();
        if self.work.is_some() || self.patience.is_some_and(|until| now < until) {
            return;
        }
        let mut order = Order { results: std::mem::take(&mut self.results), ..Order::default() };
        if !self.lanes.is_empty() && now.duration_since(self.renewed) >= RENEW_EVERY {
            self.renewed = now;
            order.renew = self.lanes.keys().copied().collect();
        }
        if !stopping {
            self.more(&mut order, now);
        }
        let idle = order.results.is_empty()
            && order.renew.is_empty()
            && order.release.is_empty()
            && order.fetch.is_empty()
            && !order.look
            && !order.tidy;
        if !idle {
            let (hub, owner) = (self.hub.clone(), self.owner.clone());
            self.work = Some(begin(async move { carry_out(&hub, &owner, order).await }));
        }
    }

    fn more(&mut self, order: &mut Order, now: Instant) {
        order.look = std::mem::take(&mut self.look);
        order.tidy = order.look && self.tidied.is_none_or(|at| now.duration_since(at) > TIDY_EVERY);
        if order.look {
            self.last_look = now;
            let before = std::mem::replace(&mut self.looked_at, self.hub.clock.now());
            // Now and then all the same: the clock of another machine may have gone back.
            order.bring_forward = order.tidy || self.looked_at < before;
        }
        if order.tidy {
            self.tidied = Some(now);
        }
        for (number, lane) in &mut self.lanes {
            if !lane.is_idle() {
                lane.idle_since = now;
            } else if now.duration_since(lane.idle_since) > IDLE {
                order.release.push(*number);
            }
        }
        for number in &order.release {
            self.lanes.remove(number);
        }
        let behind = self.lanes.range((Bound::Excluded(self.fetch_turn), Bound::Unbounded));
        let around = behind.chain(self.lanes.range(..=self.fetch_turn));
        let wanting = around.filter_map(|(number, lane)| Some((*number, lane, lane.wants()?)));
        for (number, lane, most) in wanting.take(IN_A_STRETCH) {
            order.fetch.push((Arc::clone(&lane.endpoint), lane.after, most));
            self.fetch_turn = number;
        }
        if order.look {
            let version = |lane: &Lane| (lane.endpoint.number, lane.endpoint.version);
            order.check = self.lanes.values().map(version).collect();
            self.passed_over.retain(|_, until| now < *until);
            order.passed_over = self.passed_over.keys().copied().collect();
        }
        order.taken = self.lanes.keys().copied().collect();
    }

    fn apply(&mut self, answer: Answer) -> Option<HubError> {
        for (number, delivery) in answer.settled {
            if let Some(lane) = self.lanes.get_mut(&number) {
                lane.held.remove(&delivery);
            }
        }
        for endpoint in answer.opened {
            self.lanes.insert(endpoint.number, Lane::new(Arc::new(endpoint)));
        }
        for endpoint in answer.changed {
            if let Some(lane) = self.lanes.get_mut(&endpoint.number) {
                lane.endpoint = Arc::new(endpoint);
            }
        }
        for number in answer.due {
            if let Some(lane) = self.lanes.get_mut(&number) {
                lane.more = true;
            }
        }
        for (number, jobs, asked) in answer.fetched {
            if let Some(lane) = self.lanes.get_mut(&number) {
                lane.takes(jobs, asked);
            }
        }
        for number in answer.lost {
            self.lanes.remove(&number);
        }
        let until = Instant::now() + PASSED_OVER;
        self.passed_over.extend(answer.damaged.into_iter().map(|number| (number, until)));
        self.looked |= answer.looked;
        if answer.look_on {
            (self.look, self.looked) = (true, false);
        }
        if answer.tidy_on {
            self.tidied = None;
        }
        if answer.failed.is_some() {
            // Nothing is lost: it is written down, or sent, once more.
            self.results.extend(answer.unsettled);
            (self.look, self.looked) = (true, false);
            self.patience = Some(Instant::now() + LOOK_EVERY);
            let is_due = self.told.is_none_or(|at| at.elapsed() >= TOLD_EVERY);
            if let Some(error) = answer.failed.as_ref().filter(|_| is_due) {
                self.told = Some(Instant::now());
                tracing::warn!(target: "hubctl::webhooks", "the store is asked again soon: {error}");
            }
        }
        answer.failed
    }
}
