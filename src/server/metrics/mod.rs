//! What the hub counts about itself, and its text for Prometheus.
//!
//! Labels are route patterns, known methods and statuses, so that no client can add series.

mod process;
mod text;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};

use crate::domain::time::Timestamp;
use crate::hub::backlog::Backlog;
use crate::hub::logs::Logs;
use crate::hub::tallies::{Tallies, Tally};
use crate::store::Gauges;

use text::Page;

/// Upper bounds of the classes of durations, in microseconds, as Prometheus writes them.
const CLASSES: &[(u64, &str)] = &[
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (5_000_000, "5"),
    (10_000_000, "10"),
    (30_000_000, "30"),
];
/// Routes times methods that are counted apart; the table of routes is far smaller.
const SERIES_LIMIT: usize = 1_000;
/// Stands for every path that has no route.
pub(super) const UNMATCHED: &str = "unmatched";

/// Name of a metric, its kind, what it means, and how to read it.
macro_rules! counters {
    ($($field:ident: $name:literal, $kind:literal, $help:literal;)*) => {
        /// Numbers without labels.
        #[derive(Debug, Default)]
        pub(super) struct Counts {
            $(#[doc = $help] pub(super) $field: AtomicU64,)*
        }

        impl Counts {
            fn write(&self, page: &mut Page) {
                $(page.single($name, $kind, $help, self.$field.load(Ordering::Relaxed));)*
            }
        }
    };
}

counters! {
    in_flight: "hubctl_http_requests_in_flight", "gauge", "Requests that are being answered.";
    panics: "hubctl_http_panics_total", "counter", "Requests whose handler panicked.";
    timeouts: "hubctl_http_timeouts_total", "counter", "Requests that took too long.";
    rate_limited: "hubctl_http_rate_limited_total", "counter", "Requests refused because their key or link sent too many.";
    bad_credentials: "hubctl_http_bad_credentials_total", "counter", "Requests whose key, token or login state was not accepted.";
    connections: "hubctl_connections", "gauge", "Open connections.";
    connections_max: "hubctl_connections_max", "gauge", "Most of them at once: beyond, health checks alone are served.";
    connections_accepted: "hubctl_connections_accepted_total", "counter", "Connections accepted so far.";
    connections_overflow: "hubctl_connections_overflow_total", "counter", "Connections beyond the limit, served health checks only.";
    accept_errors: "hubctl_accept_errors_total", "counter", "Times the system had no room for a connection.";
    tls_failures: "hubctl_tls_handshake_failures_total", "counter", "TLS handshakes that failed or took too long.";
    tls_reloads: "hubctl_tls_reloads_total", "counter", "Times a changed certificate was taken in.";
    tls_stale: "hubctl_tls_certificate_stale", "gauge", "Whether the certificate's files are no good, so that the old one is in use.";
    tls_reload_failures: "hubctl_tls_reload_failures_total", "counter", "Times the certificate's files were no good, and the old one stayed.";
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    pub(super) counts: Counts,
    /// Whether whoever asked last was told that the hub is not ready.
    pub(super) is_unready: AtomicBool,
    /// When the certificate in use ends, in seconds since 1970; zero where there is none.
    certificate_ends: AtomicI64,
    routes: RwLock<HashMap<RouteKey, Arc<Timings>>>,
    /// What was due when it was last looked at, and when that was.
    pub(super) backlog: tokio::sync::Mutex<Option<(Instant, Option<Backlog>)>>,
}

type RouteKey = (Arc<str>, &'static str);

/// Requests of one route and method.
#[derive(Debug)]
struct Timings {
    classes: [AtomicU64; CLASSES.len() + 1],
    sum_us: AtomicU64,
    /// By status, 100 to 599.
    statuses: RwLock<HashMap<u16, AtomicU64>>,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            classes: [const { AtomicU64::new(0) }; CLASSES.len() + 1],
            sum_us: AtomicU64::new(0),
            statuses: RwLock::default(),
        }
    }
}

impl Timings {
    fn add(&self, status: StatusCode, took: Duration) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let class = CLASSES.partition_point(|(most, _)| *most < took_us);
        self.classes[class].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(took_us, Ordering::Relaxed);
        let status = status.as_u16();
        let known = self.statuses.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = known.get(&status) {
            count.fetch_add(1, Ordering::Relaxed);
            return;
        }
        drop(known);
        let mut all = self.statuses.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(status).or_default().fetch_add(1, Ordering::Relaxed);
    }
}

/// One of the names that are known; a client may send any.
fn method_name(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.iter().find(|name| **name == method.as_str()).copied().unwrap_or("other")
}

/// Counts up now, and down when it is dropped.
#[derive(Debug)]
pub(super) struct Entered<'a>(&'a AtomicU64);

impl<'a> Entered<'a> {
    pub(super) fn new(gauge: &'a AtomicU64) -> Self {
        gauge.fetch_add(1, Ordering::Relaxed);
        Self(gauge)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Metrics {
    /// Counts an answered request.
    pub(super) fn answered(
        &self,
        route: &str,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        let method = method_name(method);
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        // The key borrows nothing, and a pattern is short: looking through a handful of rows of
        // one method is no dearer than making an owned key to ask for.
        let known = routes.get(&(route, method) as &dyn Key).map(Arc::clone);
        drop(routes);
        let timings = known.unwrap_or_else(|| self.series(route, method));
        timings.add(status, took);
    }

    fn series(&self, route: &str, method: &'static str) -> Arc<Timings> {
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let route = if routes.len() < SERIES_LIMIT { route } else { UNMATCHED };
        Arc::clone(routes.entry((Arc::from(route), method)).or_default())
    }

    /// Takes note of when the certificate in use ends, if that is known.
    pub(super) fn certificate_ends(&self, at: Option<Timestamp>) {
        let at_s = at.map_or(0, |at| at.as_millis().div_euclid(1000));
        self.certificate_ends.store(at_s, Ordering::Relaxed);
    }

    /// Those of a server that takes so many connections at once.
    pub(super) fn of(max_connections: usize) -> Self {
        let metrics = Self::default();
        let most = u64::try_from(max_connections).unwrap_or(u64::MAX);
        metrics.counts.connections_max.store(most, Ordering::Relaxed);
        metrics
    }

    /// Takes note of whether the certificate in use is not that of its files.
    pub(super) fn certificate_is_stale(&self, is_stale: bool) {
        self.counts.tls_stale.store(u64::from(is_stale), Ordering::Relaxed);
    }

    /// The page that Prometheus reads.
    pub(super) fn page(
        &self,
        (store, backlog): (&Gauges, Option<Backlog>),
        lines_dropped: u64,
        logs: &Logs,
        tallies: &Tallies,
    ) -> String {
        let mut page = Page::default();
        page.header("hubctl_build_info", "gauge", "The version that runs.");
        page.row("hubctl_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        self.write_routes(&mut page);
        self.counts.write(&mut page);
        let ends = self.certificate_ends.load(Ordering::Relaxed);
        if ends != 0 {
            let help = "When the certificate in use ends, in seconds since 1970.";
            page.single("hubctl_tls_certificate_expires_timestamp_seconds", "gauge", help, ends);
        }
        write_tallies(&mut page, tallies);
        let dropped = "Log lines that were dropped because standard error did not take them.";
        page.single("hubctl_log_lines_dropped_total", "counter", dropped, lines_dropped);
        let lost = "Rows of the request log, or bodies of them, lost because too many waited.";
        page.single("hubctl_request_logs_lost_total", "counter", lost, logs.lost());
        let waiting = "Rows of the request log that wait to be written.";
        page.single("hubctl_request_logs_waiting", "gauge", waiting, logs.waiting());
        write_store(&mut page, store);
        if let Some(backlog) = backlog {
            write_backlog(&mut page, &backlog);
        }
        process::write(&mut page);
        page.finish()
    }

    fn write_routes(&self, page: &mut Page) {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let mut sorted: Vec<_> = routes.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(b.0));
        let name = "hubctl_http_requests_total";
        page.header(name, "counter", "Requests answered.");
        for ((route, method), timings) in &sorted {
            let statuses = timings.statuses.read().unwrap_or_else(PoisonError::into_inner);
            let mut statuses: Vec<_> = statuses.iter().collect();
            statuses.sort_by_key(|(status, _)| **status);
            for (status, count) in statuses {
                let status = status.to_string();
                let labels = [("route", &**route), ("method", method), ("status", &status)];
                page.row(name, &labels, count.load(Ordering::Relaxed));
            }
        }
        let name = "hubctl_http_request_duration_seconds";
        page.header(name, "histogram", "Time from a request's headers to its answer's.");
        for ((route, method), timings) in &sorted {
            let labels = [("route", &**route), ("method", *method)];
            let mut sum = 0;
            let bounds = CLASSES.iter().map(|(_, bound)| *bound).chain(["+Inf"]);
            for (bound, class) in bounds.zip(&timings.classes) {
                sum += class.load(Ordering::Relaxed);
                let labels = [labels[0], labels[1], ("le", bound)];
                page.row(&format!("{name}_bucket"), &labels, sum);
            }
            let seconds = Duration::from_micros(timings.sum_us.load(Ordering::Relaxed));
            page.row(&format!("{name}_sum"), &labels, seconds.as_secs_f64());
            page.row(&format!("{name}_count"), &labels, sum);
        }
    }
}

fn write_tallies(page: &mut Page, tallies: &Tallies) {
    let name = "hubctl_webhook_attempts_total";
    let help = "Attempts to tell a webhook of an event, by what became of the delivery.";
    write_tally(page, (name, help), "outcome", &tallies.attempts);
    let name = "hubctl_webhooks_disabled_total";
    let help = "Webhooks disabled because their receiver was gone or failed for days.";
    write_tally(page, (name, help), "reason", &tallies.disabled);
    let name = "hubctl_token_refreshes_total";
    let help = "Refreshes for which a provider was asked: ok, or how they failed.";
    write_tally(page, (name, help), "outcome", &tallies.refreshes);
    let name = "hubctl_provider_calls_total";
    let help = "Calls to providers, by the class of the answer's status; none where none came.";
    write_tally(page, (name, help), "status", &tallies.calls);
}

fn write_tally<const N: usize>(
    page: &mut Page,
    (name, help): (&str, &str),
    label: &str,
    tally: &Tally<N>,
) {
    page.header(name, "counter", help);
    for (word, count) in tally.rows() {
        page.row(name, &[(label, word)], count);
    }
}

fn write_store(page: &mut Page, store: &Gauges) {
    for (name, help, value) in [
        ("hubctl_store_connections", "Connections to the store.", store.connections),
        ("hubctl_store_connections_max", "Most of them at once.", store.most),
        ("hubctl_store_connections_idle", "Those that nobody uses.", store.idle),
        ("hubctl_store_waiting", "Requests that wait for the store.", store.waiting),
    ] {
        page.single(name, "gauge", help, value);
    }
    let Some((commits, transactions)) = store.commits else { return };
    let help = "Commits to the store's disk.";
    page.single("hubctl_store_commits_total", "counter", help, commits);
    let help = "Writing transactions that these commits made durable.";
    page.single("hubctl_store_transactions_total", "counter", help, transactions);
}

/// What is due on the store, which all that serve it tell alike.
fn write_backlog(page: &mut Page, backlog: &Backlog) {
    let help = "Deliveries to enabled webhooks that are due; 100000 stands for more as well.";
    page.single("hubctl_webhook_deliveries_due", "gauge", help, backlog.deliveries.count);
    let help = "How long the oldest of them has been due.";
    let oldest = backlog.deliveries.oldest_s;
    page.single("hubctl_webhook_deliveries_due_oldest_seconds", "gauge", help, oldest);
    let help = "Accounts whose tokens are due for a refresh; 100000 stands for more as well.";
    page.single("hubctl_token_refreshes_due", "gauge", help, backlog.refreshes.count);
    let help = "How long the oldest of them has been due.";
    let oldest = backlog.refreshes.oldest_s;
    page.single("hubctl_token_refreshes_due_oldest_seconds", "gauge", help, oldest);
}

/// Lets the table be asked with borrowed texts.
trait Key {
    fn parts(&self) -> (&str, &str);
}

impl Key for RouteKey {
    fn parts(&self) -> (&str, &str) {
        (&self.0, self.1)
    }
}

impl Key for (&str, &str) {
    fn parts(&self) -> (&str, &str) {
        *self
    }
}

impl<'a> std::borrow::Borrow<dyn Key + 'a> for RouteKey {
    fn borrow(&self) -> &(dyn Key + 'a) {
        self
    }
}

impl PartialEq for dyn Key + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for dyn Key + '_ {}

impl std::hash::Hash for dyn Key + '_ {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::backlog::Due;

    fn shown(metrics: &Metrics) -> String {
        metrics.page((&Gauges::default(), None), 0, &Logs::default(), &Tallies::default())
    }

    #[test]
    fn a_certificate_has_an_end_only_where_there_is_one() {
        let metrics = Metrics::default();
        let name = "hubctl_tls_certificate_expires_timestamp_seconds";
        assert!(!shown(&metrics).contains(name));
        metrics.certificate_ends(Some(Timestamp::from_millis(1_780_315_200_999)));
        assert!(shown(&metrics).contains(&format!("\n{name} 1780315200\n")));
    }

    #[test]
    fn what_is_to_be_watched_is_there_before_it_happens() {
        let page = shown(&Metrics::default());
        for line in [
            r#"hubctl_webhook_attempts_total{outcome="given_up"} 0"#,
            r#"hubctl_webhooks_disabled_total{reason="failing"} 0"#,
            r#"hubctl_token_refreshes_total{outcome="refused"} 0"#,
            r#"hubctl_provider_calls_total{status="5xx"} 0"#,
            "hubctl_tls_reload_failures_total 0",
        ] {
            assert!(page.lines().any(|told| told == line), "no {line} in\n{page}");
        }
    }

    #[test]
    fn a_backlog_is_shown_where_the_store_tells_it() {
        let page = |backlog| {
            let (store, metrics) = (Gauges::default(), Metrics::default());
            metrics.page((&store, backlog), 0, &Logs::default(), &Tallies::default())
        };
        assert!(!page(None).contains("_due"));
        let deliveries = Due { count: 3, oldest_s: 1.5 };
        let told = page(Some(Backlog { deliveries, ..Backlog::default() }));
        for line in [
            "hubctl_webhook_deliveries_due 3",
            "hubctl_webhook_deliveries_due_oldest_seconds 1.5",
            "hubctl_token_refreshes_due 0",
            "hubctl_token_refreshes_due_oldest_seconds 0",
        ] {
            assert!(told.lines().any(|told| told == line), "no {line} in\n{told}");
        }
    }

    #[test]
    fn commits_are_shown_only_where_they_are_counted() {
        let page = |commits| {
            let store = Gauges { most: 16, commits, ..Gauges::default() };
            Metrics::default().page((&store, None), 0, &Logs::default(), &Tallies::default())
        };
        assert!(page(None).contains("\nhubctl_store_connections_max 16\n"));
        assert!(!page(None).contains("hubctl_store_commits_total"));
        assert!(page(Some((2, 5))).contains("\nhubctl_store_commits_total 2\n"));
        assert!(page(Some((2, 5))).contains("\nhubctl_store_transactions_total 5\n"));
    }

    #[test]
    fn durations_fall_into_their_classes_and_sum_up() {
        let metrics = Metrics::default();
        for micros in [500, 501, 40_000_000] {
            let took = Duration::from_micros(micros);
            metrics.answered("/accounts/{id}", &Method::GET, StatusCode::OK, took);
        }
        let page = shown(&metrics);
        let has = |line: &str| assert!(page.lines().any(|l| l == line), "no {line} in\n{page}");
        let labels = r#"route="/accounts/{id}",method="GET""#;
        has(&format!("hubctl_http_requests_total{{{labels},status=\"200\"}} 3"));
        let bucket = "hubctl_http_request_duration_seconds_bucket";
        has(&format!("{bucket}{{{labels},le=\"0.0005\"}} 1"));
        has(&format!("{bucket}{{{labels},le=\"0.001\"}} 2"));
        has(&format!("{bucket}{{{labels},le=\"30\"}} 2"));
        has(&format!("{bucket}{{{labels},le=\"+Inf\"}} 3"));
        has(&format!("hubctl_http_request_duration_seconds_sum{{{labels}}} 40.001001"));
    }

    #[test]
    fn no_client_can_add_series_without_end() {
        let metrics = Metrics::default();
        let any = Method::from_bytes(b"BREW").unwrap();
        for number in 0..5_000 {
            let route = format!("/{number}");
            metrics.answered(&route, &any, StatusCode::OK, Duration::ZERO);
        }
        assert!(metrics.routes.read().unwrap().len() <= SERIES_LIMIT + 1);
        assert!(shown(&metrics).contains(r#"method="other""#));
    }
}
