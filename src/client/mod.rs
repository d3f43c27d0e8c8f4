//! The hub over HTTP: one method per operation, as `local` has them, and the one way to send.
//!
//! It speaks to two kinds of hub: a hubctl hub, which offers everything, and the vendor's own
//! platform, which offers some of it (`vendor`). It prints nothing and reads no settings.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use reqwest::header::HeaderValue;
use tokio::sync::Semaphore;
use url::Url;

use crate::domain::origin;
use crate::domain::secret::Secret;
use crate::domain::time::Clock;
use crate::error::{HubError, codes};
use crate::hub::random::Random;
use crate::net;

mod calls;
mod keys;
mod lines;
mod page;
mod parts;
mod problem;
mod raw;
mod retry;
mod seen;
mod send;
mod stream;
mod trace;
mod vendor;
mod verify;

pub use raw::{Raw, RawAnswer};
pub use retry::FIRST_PAUSE;
pub use seen::{Seen, Tls};
pub use verify::Verified;

use keys::Scrubber;
use retry::Policy;
use trace::Trace;

/// A hub in this process, which answers requests as a server would.
pub type Inside =
    Box<dyn Fn(http::Request<Vec<u8>>) -> BoxFuture<'static, http::Response<Bytes>> + Send + Sync>;

/// Everything that a client is made of.
pub struct Options {
    /// The root of the hub's API: scheme, host, port and perhaps a path.
    pub api_url: Url,
    /// The key.
    pub key: Secret,
    /// The project that the key has to belong to, where one was named.
    pub project: Option<String>,
    /// Whether it is the vendor's own platform; decided by the host where nobody says.
    pub vendor: Option<bool>,
    /// Longest time for one answer, and for the next bytes of a list.
    pub timeout: Duration,
    /// How often to send again what failed on the way, where that is safe.
    pub retries: u32,
    /// Longest time to wait in all where the hub says to slow down.
    pub max_wait: Duration,
    /// First pause before something is sent again; see [`FIRST_PAUSE`].
    pub first_pause: Duration,
    /// Requests at the same time.
    pub concurrency: usize,
    /// PEM file of the certificates to trust, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// What names that file, in words.
    pub ca_from: Option<String>,
    /// Proxy for `https://`.
    pub https_proxy: Option<String>,
    /// Proxy for `http://`.
    pub http_proxy: Option<String>,
    /// Hosts that are reached without a proxy, comma-separated.
    pub no_proxy: Option<String>,
    /// Answers in this process, and nothing goes over a network.
    pub inside: Option<Inside>,
    /// File to which every exchange is added, without secrets.
    pub trace: Option<PathBuf>,
    /// Tells what time it is.
    pub clock: Arc<dyn Clock>,
    /// Where request ids and the jitter of pauses come from.
    pub random: Arc<dyn Random>,
}

impl Options {
    /// The usual ones for a hub and a key.
    #[must_use]
    pub fn new(api_url: Url, key: Secret, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            api_url,
            key,
            project: None,
            vendor: None,
            timeout: Duration::from_secs(30),
            retries: 3,
            max_wait: Duration::from_mins(1),
            first_pause: FIRST_PAUSE,
            concurrency: 4,
            ca_file: None,
            ca_from: None,
            https_proxy: None,
            http_proxy: None,
            no_proxy: None,
            inside: None,
            trace: None,
            clock,
            random,
        }
    }
}

/// A hub that is reached over HTTP.
pub struct Client {
    api_url: Url,
    /// The API's root without a slash at its end.
    root: String,
    /// The hub in messages: scheme, host and port, and the proxy on the way there.
    origin: String,
    wanted_project: Option<String>,
    is_vendor: bool,
    authorization: HeaderValue,
    scrubber: Scrubber,
    timeout: Duration,
    policy: Policy,
    at_once: usize,
    slots: Semaphore,
    net: net::Options,
    http: OnceLock<reqwest::Client>,
    inside: Option<Inside>,
    trace: Option<Trace>,
    notes: Mutex<Vec<String>>,
    seen: Mutex<Seen>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("api_url", &self.api_url.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client; nothing is sent, and no certificate is loaded, before something is asked.
    ///
    /// # Errors
    /// `remote.key_malformed`, `usage.bad_value` for an address that is not one of a hub, or as
    /// the file of the trace is refused.
    pub fn new(options: Options) -> Result<Self, HubError> {
        let api_url = options.api_url;
        check_address(&api_url)?;
        keys::check(&options.key)?;
        let host = api_url.host_str().unwrap_or_default().to_owned();
        let is_vendor = options.vendor.unwrap_or_else(|| vendor::is_vendors(&host));
        let scrubber = Scrubber::new(&options.key);
        let trace = options.trace.as_deref().map(Trace::open).transpose()?;
        let at_once = options.concurrency.clamp(1, 64);
        let net = net::Options {
            connect_timeout: Some(options.timeout),
            ca_file: options.ca_file,
            ca_from: options.ca_from,
            https_proxy: options.https_proxy,
            http_proxy: options.http_proxy,
            no_proxy: options.no_proxy,
            needs_tls: api_url.scheme() == "https",
            // On one machine it costs more than it saves.
            gzip: !origin::is_loopback(&api_url),
            resolver: None,
            identity: None,
            tells_tls: true,
        };
        let origin = api_url.origin().ascii_serialization();
        let proxy = net.proxy_of(&api_url).filter(|_| options.inside.is_none());
        let origin = match proxy {
            Some(proxy) => format!("{origin} (through the proxy {proxy})"),
            None => origin,
        };
        Ok(Self {
            root: api_url.as_str().trim_end_matches('/').to_owned(),
            origin,
            wanted_project: options.project,
            is_vendor,
            authorization: keys::authorization(&options.key)?,
            scrubber,
            timeout: options.timeout,
            policy: Policy {
                retries: options.retries,
                max_wait: options.max_wait,
                first_pause: options.first_pause,
            },
            at_once,
            slots: Semaphore::new(at_once),
            net,
            http: OnceLock::new(),
            inside: options.inside,
            trace,
            notes: Mutex::new(Vec::new()),
            seen: Mutex::new(Seen::default()),
            clock: options.clock,
            random: options.random,
            api_url,
        })
    }

    /// The root of the hub's API.
    #[must_use]
    pub fn api_url(&self) -> &Url {
        &self.api_url
    }

    /// The proxy that calls go through, without its user name and password; none where they go past
    /// it.
    #[must_use]
    pub fn proxy(&self) -> Option<String> {
        self.net.proxy_of(&self.api_url)
    }

    /// Whether it is the vendor's own platform.
    #[must_use]
    pub fn is_vendor(&self) -> bool {
        self.is_vendor
    }

    /// How many requests may be on their way at the same time.
    #[must_use]
    pub fn at_once(&self) -> usize {
        self.at_once
    }

    /// The project, where one was named.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        self.wanted_project.as_deref()
    }

    /// Facts for standard error that came up on the way.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, note: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// The error of a call that got no answer. Where nobody that is trusted vouches for the hub, it
    /// says who is trusted, and why.
    fn unreachable(&self, error: &reqwest::Error, is_write: bool) -> HubError {
        let error = problem::unreachable(&self.origin, error, is_write);
        match is_untrusted(&error) {
            true => error.hint(format!("{}; {}", problem::TRUST, self.net.roots())),
            false => error,
        }
    }

    /// Says whether a command that calls these operations can work here, before anything is sent:
    /// each write that it makes, or else at least one of its reads, has to be offered.
    ///
    /// # Errors
    /// `remote.unsupported` with the place where it is done instead.
    pub fn offers(&self, operations: &[&str]) -> Result<(), HubError> {
        if self.is_vendor { vendor::offers(operations) } else { Ok(()) }
    }
}

/// Whether the way to a hub failed since nobody that is trusted vouches for it.
#[must_use]
pub fn is_untrusted(error: &HubError) -> bool {
    error.hint_text().is_some_and(|hint| hint.starts_with(problem::TRUST))
}

fn check_address(url: &Url) -> Result<(), HubError> {
    let Some(why) = origin::fault(url) else { return Ok(()) };
    Err(HubError::new(&codes::BAD_VALUE, format!("the address of the hub {why}"))
        .hint("write it as https://hub.example.com"))
}
