//! How a hub is served.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::{Notify, TlsFiles};

/// Connections beyond the limit.
const OVERFLOW: usize = 128;
/// Open files that are kept for all but full connections, where there are enough: the store, calls
/// to providers and receivers, the overflow of both doors, and the metrics.
const OTHER_FILES: usize = 512;

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
    /// How many are beyond them at once.
    pub overflow: usize,
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
            overflow: OVERFLOW,
            drain_delay: Duration::ZERO,
            grace: Duration::from_secs(30),
            request_limit: Duration::from_secs(30),
            header_limit: Duration::from_secs(15),
            notify: Notify::default(),
        }
    }

    /// Lets in no more than so many open files have room for: without a file left, even health
    /// would not be answered.
    pub fn keep_within(&mut self, files: u64) {
        let files = usize::try_from(files).unwrap_or(usize::MAX);
        self.overflow = OVERFLOW.min(files / 16);
        let most = files.saturating_sub(OTHER_FILES).max(files / 4);
        if most < self.max_connections {
            let wanted = self.max_connections;
            tracing::warn!(
                target: "hubctl::serve",
                "{most} connections at once instead of {wanted}: the system allows {files} open files"
            );
            self.max_connections = most;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{OVERFLOW, Options};

    #[test]
    fn connections_leave_files_for_all_else() {
        let within = |files, wanted| {
            let mut options = Options::at(([127, 0, 0, 1], 0).into());
            options.max_connections = wanted;
            options.keep_within(files);
            (options.max_connections, options.overflow)
        };
        assert_eq!(within(u64::MAX, 1_024), (1_024, OVERFLOW));
        assert_eq!(within(65_536, 100_000), (65_024, OVERFLOW));
        assert_eq!(within(2_048, 1_024), (1_024, OVERFLOW));
        assert_eq!(within(1_024, 1_024), (512, 64));
        assert_eq!(within(64, 1_024), (16, 4));
        assert_eq!(within(64, 8), (8, 4));
    }
}
