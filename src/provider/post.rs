//! Posts to receivers of webhooks: bounded in time and size, to public addresses, without
//! following anybody elsewhere. It decides nothing about what they answer.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::Options;
use super::clients::Clients;
use crate::domain::words::one_line;

/// Longest time that a receiver may take, from the name to the end of its answer.
const LIMIT: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read; the rest is left.
const LONGEST_ANSWER: usize = 16 << 10;
/// Bytes of an answer that are kept.
const KEPT: usize = 1 << 10;
/// Characters of an error that are kept.
const LONGEST_ERROR: usize = 200;

/// What posts to receivers.
#[derive(Debug)]
pub struct Poster {
    clients: Clients,
}

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Its status.
    pub status: u16,
    /// How long it asks to wait, as `Retry-After` says it.
    pub retry_after: Option<String>,
    /// The beginning of its answer, as text without control characters.
    pub answer: Option<String>,
}

/// Why nothing is sent to an address (threat 18).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Blocked(pub String);

impl Poster {
    /// What posts this way; clients are made at the first post.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self { clients: Clients::new(options, false) }
    }

    /// Whether something may be sent to an address, as far as it can be seen without looking its
    /// name up.
    ///
    /// # Errors
    /// [`Blocked`]
    pub fn check(&self, url: &Url) -> Result<(), Blocked> {
        self.clients.guard.check(url).map_err(|refused| Blocked(refused.to_string()))
    }

    /// Posts a body of JSON with these headers.
    ///
    /// # Errors
    /// Why there is no answer, in words.
    pub async fn post(
        &self,
        url: &Url,
        headers: &[(&'static str, String)],
        body: Bytes,
    ) -> Result<Posted, String> {
        let until = Instant::now() + LIMIT;
        let late = || format!("no answer within {} s", LIMIT.as_secs());
        let checked = timeout_at(until, self.clients.check(url)).await.map_err(|_| late())?;
        checked.map_err(|failure| failure.message)?;
        let client = self.clients.client(url, None).map_err(|failure| failure.message)?;
        let mut request = client
            .post(url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body);
        for (name, value) in headers {
            request = request.header(HeaderName::from_static(name), value);
        }
        let mut response = match timeout_at(until, request.send()).await {
            Ok(sent) => sent.map_err(told)?,
            Err(_) => return Err(late()),
        };
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.map(str::to_owned);
        let mut answer = Vec::new();
        // The status says it all: what is cut off, late or too long is left.
        while answer.len() < LONGEST_ANSWER
            && let Ok(Ok(Some(chunk))) = timeout_at(until, response.chunk()).await
        {
            let room = LONGEST_ANSWER - answer.len();
            answer.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        answer.truncate(KEPT);
        let answer = one_line(&String::from_utf8_lossy(&answer), KEPT);
        Ok(Posted { status, retry_after, answer })
    }
}

/// The cause of a failure in words; addresses may have secrets and are left out.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let what = if error.is_connect() { "can't connect" } else { "the connection broke" };
    let mut cause: &dyn std::error::Error = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    one_line(&format!("{what}: {cause}"), LONGEST_ERROR).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use reqwest::dns::{Addrs, Name, Resolve, Resolving};
    use tokio::io::{AsyncBufReadExt as _, BufReader};

    use super::{Options, Poster};
    use crate::net;

    /// Every name is a machine of this network.
    struct Inside;

    impl Resolve for Inside {
        fn resolve(&self, _: Name) -> Resolving {
            let found = SocketAddr::from(([10, 0, 0, 7], 0));
            Box::pin(async move { Ok(Box::new(std::iter::once(found)) as Addrs) })
        }
    }

    #[tokio::test]
    async fn threat_18_a_name_of_this_network_is_not_posted_to_through_a_proxy() {
        let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", proxy.local_addr().unwrap());
        let net = net::Options {
            https_proxy: Some(address),
            resolver: Some(Arc::new(Inside)),
            ..net::Options::default()
        };
        let poster = Poster::new(&Options { net, ..Options::default() });
        let url = "https://hooks.acme.example/in".parse().unwrap();
        let refused = poster.post(&url, &[], "{}".into()).await.unwrap_err();
        assert!(refused.contains("10.0.0.7 is not a public address"), "{refused}");
        proxy.set_nonblocking(true).unwrap();
        assert!(proxy.accept().is_err(), "the proxy was called");
    }

    /// Knows the machine of the proxy, which is of this network, and one that is public.
    struct Known;

    impl Resolve for Known {
        fn resolve(&self, name: Name) -> Resolving {
            let found = match name.as_str() {
                "proxy.acme.example" => Some([127, 0, 0, 1]),
                "hooks.acme.example" => Some([8, 8, 8, 8]),
                _ => None,
            };
            Box::pin(async move {
                let found = SocketAddr::from((found.ok_or("it is not known")?, 0));
                Ok(Box::new(std::iter::once(found)) as Addrs)
            })
        }
    }

    /// What posts through the proxy at a port of this machine.
    fn behind_a_proxy(port: u16, no_proxy: Option<&str>, allowed: &[&str]) -> Poster {
        let roots = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/server/testdata/one.pem");
        let net = net::Options {
            https_proxy: Some(format!("http://Proxy.acme.example:{port}")),
            no_proxy: no_proxy.map(str::to_owned),
            ca_file: Some(roots.into()),
            resolver: Some(Arc::new(Known)),
            ..net::Options::default()
        };
        let allowed = allowed.iter().map(|net| net.parse().unwrap()).collect();
        Poster::new(&Options { allowed, net, ..Options::default() })
    }

    #[tokio::test]
    async fn threat_18_the_machine_of_the_proxy_is_posted_to_only_where_its_network_is_named() {
        let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        proxy.set_nonblocking(true).unwrap();
        let port = proxy.local_addr().unwrap().port();
        for no_proxy in [None, Some("proxy.acme.example"), Some("*")] {
            let poster = behind_a_proxy(port, no_proxy, &[]);
            for (host, why) in [
                ("proxy.acme.example", "127.0.0.1 is not a public address"),
                ("PROXY.Acme.example", "127.0.0.1 is not a public address"),
                ("proxy.acme.example.", "no machine is known by the name"),
            ] {
                let url = format!("https://{host}:{port}/admin").parse().unwrap();
                let refused = poster.post(&url, &[], "{}".into()).await.unwrap_err();
                assert!(refused.contains(why), "{host}, {no_proxy:?}: {refused}");
            }
        }
        assert!(proxy.accept().is_err(), "the proxy was called");
        let proxy = tokio::net::TcpListener::from_std(proxy).unwrap();
        let named: [(&[&str], &str); 2] =
            [(&[], "hooks.acme.example"), (&["127.0.0.0/8"], "proxy.acme.example")];
        for (allowed, host) in named {
            let poster = behind_a_proxy(port, None, allowed);
            let url = format!("https://{host}/in").parse().unwrap();
            let asked = async {
                let mut line = String::new();
                let (stream, _) = proxy.accept().await.unwrap();
                BufReader::new(stream).read_line(&mut line).await.unwrap();
                line
            };
            tokio::select! {
                line = asked => assert!(line.starts_with(&format!("CONNECT {host}:443 ")), "{line}"),
                posted = poster.post(&url, &[], "{}".into()) => panic!("{host}: {posted:?}"),
            }
        }
    }
}
