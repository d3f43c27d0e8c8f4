//! `hubctl serve`: the hub over HTTP. Binds, routes, and stops without cutting anybody off.

mod body;
mod caller;
mod connection;
mod copied;
mod deliveries;
mod health;
mod limits;
mod listen;
mod log;
mod metrics;
mod notify;
mod options;
mod page;
mod pages;
mod pictures;
mod request_log;
mod respond;
mod router;
pub mod routes;
mod signals;
mod site;
mod source;
mod stop;
mod stream;
mod system;
mod taking;
mod tls;
mod worker;

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::sync::Notify as Wake;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout, timeout_at};
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::domain::ids::{KeyNumber, SessionId};
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::api_keys::touch_used;
use crate::local::Local;

pub use body::{BODY_LIMIT, ENVELOPE_LIMIT, JsonBody, OptionalJsonBody};
pub use log::{Log, LogFormat, LogLevel, LogOptions};
pub use notify::Notify;
pub use options::Options;
pub use respond::{Failure, rate_limited, reply, status};
pub use router::{RequestId, router};
pub use signals::{Signal, Signals};
pub use stop::Stop;
pub use system::raise_open_files;
pub use tls::TlsFiles;

use limits::{Count, Limits, Lists, Submission};
use listen::{Door, Open};
use metrics::Metrics;
use pages::Pages;
use tls::Tls;

/// How long idle connections stay open after the hub was told to stop: an answer given in this
/// time tells its client to send no more, so that nothing is sent to a closed door.
const FAREWELL: Duration = Duration::from_millis(300);
/// How often limits forget the quiet ones.
const TIDY_EVERY: Duration = Duration::from_mins(1);
/// How often certificate files are looked at.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(10);
/// How often it is noted which keys were used, and how long that may take.
const USES_EVERY: Duration = Duration::from_secs(5);
const USES_LIMIT: Duration = Duration::from_secs(30);
/// What a longer grace is cut down to; the clock of the system has an end.
const LONGEST_GRACE: Duration = Duration::from_hours(24 * 365);
/// How much of the grace is kept, at most, for what is to be written when all are answered.
const LAST_WORK: Duration = Duration::from_secs(5);
/// Connections to the address of the metrics.
const METRICS_CONNECTIONS: usize = 64;

/// What every handler can reach.
#[derive(Clone)]
pub struct AppState {
    /// The hub.
    pub hub: Arc<Hub>,
    shared: Arc<Shared>,
}

struct Shared {
    metrics: Metrics,
    limits: Limits,
    pages: Pages,
    trusted_proxies: Vec<IpNet>,
    request_limit: Duration,
    stop: Stop,
    log: Option<Log>,
    /// Keys whose use is to be noted.
    used: Mutex<HashSet<KeyNumber>>,
}

impl AppState {
    /// The state of a hub that is served with these options.
    #[must_use]
    pub fn new(hub: Arc<Hub>, options: &Options, stop: Stop, log: Option<Log>) -> Self {
        let shared = Shared {
            metrics: Metrics::of(options.max_connections),
            limits: Limits::new(options.rate_limit),
            pages: Pages::default(),
            trusted_proxies: options.trusted_proxies.clone(),
            request_limit: options.request_limit,
            stop,
            log,
            used: Mutex::default(),
        };
        Self { hub, shared: Arc::new(shared) }
    }

    fn pages(&self) -> &Pages {
        &self.shared.pages
    }

    fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    fn stop(&self) -> &Stop {
        &self.shared.stop
    }

    fn request_limit(&self) -> Duration {
        self.shared.request_limit
    }

    fn log_lines_dropped(&self) -> u64 {
        self.shared.log.as_ref().map_or(0, Log::dropped)
    }

    fn lists(&self) -> &Lists {
        self.shared.limits.lists()
    }

    /// Counts a request of a key (KP-5), whose use is noted later (KP-2).
    fn count_use(&self, key: KeyNumber) -> Result<(), HubError> {
        if let Err(wait_s) = self.shared.limits.request(key.0) {
            metrics::count(&self.metrics().counts.rate_limited);
            return Err(rate_limited("too many requests with this key", wait_s));
        }
        self.used().insert(key);
        Ok(())
    }

    /// Counts what somebody with a link sends in; to be held until it is answered.
    fn submission(&self, session: SessionId) -> Result<Submission, HubError> {
        self.sent_in(session, Count::Submissions)
    }

    /// The same by one of its counts.
    fn sent_in(&self, session: SessionId, count: Count) -> Result<Submission, HubError> {
        self.shared.limits.sent_in(session, count).map_err(|wait_s| {
            metrics::count(&self.metrics().counts.rate_limited);
            rate_limited("too many attempts with this link", wait_s)
        })
    }

    fn used(&self) -> MutexGuard<'_, HashSet<KeyNumber>> {
        self.shared.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the uses since the last time.
    async fn note_uses(&self) {
        let used: Vec<KeyNumber> = std::mem::take(&mut *self.used()).into_iter().collect();
        if used.is_empty() {
            return;
        }
        let told = match timeout(USES_LIMIT, touch_used(&self.hub, &used)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(late) => late.to_string(),
        };
        tracing::warn!(target: "hubctl::serve", "the use of keys was not noted: {told}");
    }

    /// Where a request comes from, seen through the proxies that are trusted.
    #[must_use]
    pub fn source(&self, peer: IpAddr, headers: &http::HeaderMap) -> IpAddr {
        source::source(peer, headers, &self.shared.trusted_proxies)
    }

    /// Takes note of a wrong key, token or state from an address (threat 8).
    ///
    /// # Errors
    /// `rate.limited` where there were too many: answer that instead of what was wrong.
    pub fn wrong_guess(&self, source: IpAddr) -> Result<(), HubError> {
        metrics::count(&self.metrics().counts.bad_credentials);
        let counted = self.shared.limits.wrong_guess(source);
        counted.map_err(|wait_s| rate_limited("too many wrong keys from this address", wait_s))
    }
}

/// How a hub ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everybody had an answer.
    Answered,
    /// Somebody took longer than allowed and was cut off.
    Late,
    /// It was told to end at once.
    Cut,
    /// Something that it does by itself had ended before.
    Failed,
}

/// A hub that listens and does not answer yet.
pub struct Server {
    state: AppState,
    doors: Vec<Door>,
    tls: Option<Arc<Tls>>,
    reload: Arc<Wake>,
    options: Options,
}

impl Server {
    /// Takes the addresses and reads the certificate.
    ///
    /// # Errors
    /// `server.cannot_listen`, `server.tls_invalid`
    pub async fn bind(
        state: AppState,
        options: Options,
        routes: Router<AppState>,
    ) -> Result<Self, HubError> {
        let listener = listen("--listen", options.listen).await?;
        Self::on(listener, state, options, routes).await
    }

    /// The same on an address that was taken before, for a hub whose own address names its port.
    ///
    /// # Errors
    /// As for [`Server::bind`].
    pub async fn on(
        listener: TcpListener,
        state: AppState,
        options: Options,
        routes: Router<AppState>,
    ) -> Result<Self, HubError> {
        let tls = options.tls.clone().map(|files| Tls::load(files, state.hub.now()));
        let tls = tls.transpose()?.map(Arc::new);
        state.metrics().certificate_ends(tls.as_deref().and_then(Tls::ends_at));
        let mut doors = vec![Door::new(
            listener,
            tls.clone(),
            router(state.clone(), routes),
            options.max_connections,
            Open::UntilStop,
            &options,
        )];
        if let Some(address) = options.metrics_listen {
            let listener = listen("--metrics-listen", address).await?;
            let service = router::own_router(state.clone());
            let most = METRICS_CONNECTIONS.min(options.overflow);
            doors.push(Door::new(listener, None, service, most, Open::UntilEnd, &options));
        }
        Ok(Self { state, doors, tls, reload: Arc::default(), options })
    }

    /// Where it listens: for everybody, then for the metrics.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.doors.iter().filter_map(Door::address).collect()
    }

    /// The same, looking at its certificate again whenever this wakes it; also for what came before.
    #[must_use]
    pub fn reloaded_by(self, reload: Arc<Wake>) -> Self {
        Self { reload, ..self }
    }

    /// Answers until it is told to stop.
    pub async fn run(self) -> Outcome {
        let Self { state, doors, tls, reload, options } = self;
        system::keep_freed_memory();
        let stop = state.stop().clone();
        let connections = TaskTracker::new();
        let chores = TaskTracker::new();
        // Doors that stay open, and connections through them.
        let watchers = TaskTracker::new();
        tokio::select! {
            () = request_log::learn(&state.hub) => {}
            () = stop.stopping() => {}
        }
        for door in doors {
            let (of_door, behind) = match door.open() {
                Open::UntilStop => (&chores, &connections),
                Open::UntilEnd => (&watchers, &watchers),
            };
            of_door.spawn(listen::accept(door, state.clone(), behind.clone()));
        }
        let work = stop.watched("chores", chores_of(state.clone(), tls, reload));
        let noting = stop.watched("use of keys", note_uses_of(state.clone()));
        let sending = deliveries::send(Arc::clone(&state.hub), stop.clone());
        let mut sending = stop.watched("webhooks", sending);
        let log_writer = stop.watched("request log", request_log::write(state.clone()));
        let worker = worker::work(Arc::clone(&state.hub), stop.clone());
        let mut worker = stop.watched("worker", worker);
        let watchdog = options.notify.watchdog.map(|every| watch(options.notify.clone(), every));
        let watchdog = watchdog.map(tokio::spawn);
        options.notify.send("READY=1");
        stop.stopping().await;
        options.notify.send("STOPPING=1");
        if !options.drain_delay.is_zero() {
            let delay_s = options.drain_delay.as_secs();
            tracing::info!(target: "hubctl::serve", delay_s, "not ready any more");
            tokio::select! {
                () = sleep(options.drain_delay) => {}
                () = stop.cut() => {}
            }
        }
        stop.shut();
        // One deadline for all that is left; those who are being answered get most of it.
        let grace = options.grace.min(LONGEST_GRACE);
        let deadline = Instant::now() + grace;
        let last_answer = deadline - LAST_WORK.min(grace / 4);
        chores.close();
        connections.close();
        // Doors close first: who comes later is refused by the system and tries elsewhere.
        chores.wait().await;
        tracing::info!(target: "hubctl::serve", "stopping");
        tokio::select! {
            () = connections.wait() => {}
            () = sleep_until(last_answer.min(Instant::now() + FAREWELL)) => {}
            () = stop.cut() => {}
        }
        stop.drain();
        let mut outcome = tokio::select! {
            // Cut off, connections end as well: that is no answer.
            biased;
            () = stop.cut() => Outcome::Cut,
            done = timeout_at(last_answer, connections.wait()) => match done {
                Ok(()) => Outcome::Answered,
                Err(_) => Outcome::Late,
            },
        };
        if outcome != Outcome::Answered {
            let left = connections.len();
            tracing::warn!(target: "hubctl::serve", left, "connections are cut off");
        }
        stop.close();
        connections.wait().await;
        // What it has begun may hold the only copy of a new token; what is not sent by then is sent
        // once more by whoever takes over. Rows of the log are written meanwhile.
        let renewals = async {
            _ = (&mut worker).await;
            state.hub.settled().await;
        };
        let rest = async { tokio::join!(renewals, &mut sending, state.note_uses()) };
        tokio::select! {
            biased;
            () = stop.cut() => outcome = Outcome::Cut,
            _ = timeout_at(deadline, rest) => {}
        }
        for task in [&work, &noting, &worker, &sending, &log_writer] {
            task.abort();
        }
        let left = deadline.saturating_duration_since(Instant::now());
        tokio::select! {
            () = request_log::finish(&state, left) => {}
            // A store that is well needs less for them.
            () = async { stop.cut().await; sleep(FAREWELL).await } => outcome = Outcome::Cut,
        }
        stop.now();
        watchers.close();
        watchers.wait().await;
        if let Some(watchdog) = watchdog {
            watchdog.abort();
        }
        let has_failed = stop.has_failed() && outcome != Outcome::Cut;
        if has_failed { Outcome::Failed } else { outcome }
    }
}

/// Takes the address that a flag names.
///
/// # Errors
/// `server.cannot_listen`
pub async fn listen(flag: &str, address: SocketAddr) -> Result<TcpListener, HubError> {
    TcpListener::bind(address).await.map_err(|error| {
        let failed = |text: String| HubError::new(&codes::LISTEN_FAILED, text);
        match error.kind() {
            std::io::ErrorKind::AddrInUse => failed(format!("{address} is in use already"))
                .hint(format!("stop what listens there, or choose another address with {flag}")),
            _ => failed(format!("can't listen on {address}: {error}")),
        }
    })
}

/// What has to be done now and then, and waits for nobody.
async fn chores_of(state: AppState, tls: Option<Arc<Tls>>, reload: Arc<Wake>) {
    let [mut tidy, mut files] = [TIDY_EVERY, CERTIFICATES_EVERY].map(interval);
    for chore in [&mut tidy, &mut files] {
        chore.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    loop {
        let is_asked = tokio::select! {
            _ = tidy.tick() => { state.shared.limits.tidy(); continue; }
            _ = files.tick() => false,
            () = reload.notified() => true,
        };
        let Some(tls) = tls.clone() else {
            if is_asked {
                tracing::info!(target: "hubctl::serve", "there is no certificate to take in");
            }
            continue;
        };
        let now = state.hub.now();
        let files = Arc::clone(&tls);
        let reloaded = tokio::task::spawn_blocking(move || files.reload(now)).await;
        state.metrics().certificate_is_stale(tls.is_stale());
        match reloaded {
            Ok(Ok(true)) => {
                state.metrics().certificate_ends(tls.ends_at());
                metrics::count(&state.metrics().counts.tls_reloads);
                tracing::info!(target: "hubctl::serve", "took in a new certificate");
            }
            Ok(Err(error)) => {
                metrics::count(&state.metrics().counts.tls_reload_failures);
                tracing::error!(target: "hubctl::serve", "keeping the old certificate: {error}");
            }
            Ok(Ok(false)) if is_asked && tls.is_stale() => {
                let text = "the certificate's files are still no good: keeping the old one";
                tracing::error!(target: "hubctl::serve", "{text}");
            }
            Ok(Ok(false)) if is_asked => {
                tracing::info!(target: "hubctl::serve", "the certificate is as it was");
            }
            Ok(Ok(false)) | Err(_) => {}
        }
    }
}

/// Notes the uses of keys now and then, apart from all else: the store may let it wait.
async fn note_uses_of(state: AppState) {
    let mut uses = interval(USES_EVERY);
    uses.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        uses.tick().await;
        state.note_uses().await;
    }
}

async fn watch(notify: Notify, every: Duration) {
    let mut beat = interval(every);
    loop {
        beat.tick().await;
        notify.send("WATCHDOG=1");
    }
}

/// Answers a request of this very process, as the store's administrator, without a network.
pub async fn answer(local: &Local, request: http::Request<Vec<u8>>) -> http::Response<Bytes> {
    let options = Options::at(SocketAddr::from(([127, 0, 0, 1], 0)));
    let (hub, caller) = local.shared();
    let state = AppState::new(hub, &options, Stop::default(), None);
    let mut request = request.map(Body::from);
    request.extensions_mut().insert(caller::Known(caller));
    let response = match router(state.clone(), routes::routes()).oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    request_log::finish(&state, options.grace).await;
    let (parts, body) = response.into_parts();
    // A list that broke off comes without its end, as over a network.
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    http::Response::from_parts(parts, body)
}
