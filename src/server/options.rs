//! How a hub is served.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::{Notify, TlsFiles};

/// How a hub is served.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 is any free one.
    pub listen: SocketAddr,
    /// Where to listen for `/metrics` and health alone.
    pub metrics_listen: Option<SocketAddr>,
    /// TLS, if the hub itself does it.
    pub tls: Option<TlsFiles>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Requests a minute and key; 0 is no limit.
    pub rate_limit: u32,
    /// Connections at once; beyond them only health is answered.
    pub max_connections: usize,
    /// How long newcomers are still let in after the hub was told to stop, while it says that it is
    /// not ready: whoever sends them hears of that only later.
    pub drain_delay: Duration,
    /// How long the hub may take after that. A part of it is kept for what is written when requests
    /// are over.
    pub grace: Duration,
    /// How long a request may take as a whole.
    pub request_limit: Duration,
    /// How long a client may take for the headers of a request.
    pub header_limit: Duration,
    /// Who is told how the hub is.
    pub notify: Notify,
}

impl Options {
    /// The usual ones, at an address.
    #[must_use]
    pub fn at(listen: SocketAddr) -> Self {
        Self {
            listen,
            metrics_listen: None,
            tls: None,
            trusted_proxies: Vec::new(),
            rate_limit: 1_000,
            max_connections: 1_024,
            drain_delay: Duration::ZERO,
            grace: Duration::from_secs(30),
            request_limit: Duration::from_secs(30),
            header_limit: Duration::from_secs(15),
            notify: Notify::default(),
        }
    }
}
