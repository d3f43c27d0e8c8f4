//! Posts to receivers of webhooks: bounded in time and size, to public addresses, without
//! following anybody elsewhere. It decides nothing about what they answer.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::Options;
use crate::error::HubError;
use crate::net;
use crate::net::guard::{Guard, Guarded};

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
    options: Options,
    plain: OnceLock<reqwest::Client>,
    tls: OnceLock<reqwest::Client>,
}

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Its status.
    pub status: u16,
    /// Seconds that it asks to wait.
    pub retry_after_s: Option<i64>,
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
    pub fn new(options: Options) -> Self {
        Self { options, plain: OnceLock::new(), tls: OnceLock::new() }
    }

    /// Whether something may be sent to an address, as far as it can be seen without looking its
    /// name up.
    ///
    /// # Errors
    /// [`Blocked`]
    pub fn check(&self, url: &Url) -> Result<(), Blocked> {
        self.guard().check(url).map_err(|refused| Blocked(refused.to_string()))
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
        self.check(url).map_err(|blocked| blocked.to_string())?;
        let client = self.client(url).map_err(|error| error.message().to_owned())?;
        let mut request = client
            .post(url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body);
        for (name, value) in headers {
            request = request.header(HeaderName::from_static(name), value);
        }
        let until = Instant::now() + LIMIT;
        let late = || format!("no answer within {} s", LIMIT.as_secs());
        let mut response = match timeout_at(until, request.send()).await {
            Ok(sent) => sent.map_err(told)?,
            Err(_) => return Err(late()),
        };
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after_s = retry_after.and_then(|text| text.trim().parse().ok());
        let mut answer = Vec::new();
        // The status says it all: what is cut off, late or too long is left.
        while answer.len() < LONGEST_ANSWER
            && let Ok(Ok(Some(chunk))) = timeout_at(until, response.chunk()).await
        {
            let room = LONGEST_ANSWER - answer.len();
            answer.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        answer.truncate(KEPT);
        let answer = (!answer.is_empty()).then(|| cleaned(&String::from_utf8_lossy(&answer), KEPT));
        Ok(Posted { status, retry_after_s, answer })
    }

    fn guard(&self) -> Guard {
        Guard::new(self.options.allowed.clone())
    }

    fn client(&self, url: &Url) -> Result<&reqwest::Client, HubError> {
        let needs_tls = url.scheme() == "https";
        let slot = if needs_tls { &self.tls } else { &self.plain };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let net = &self.options.net;
        let proxies = [&net.https_proxy, &net.http_proxy].into_iter().flatten();
        let exempt = proxies.filter_map(|address| host_of(address)).collect();
        let resolver = Guarded::new(self.guard(), !needs_tls, exempt, net.resolver.clone());
        let options = net::Options {
            needs_tls,
            gzip: false,
            resolver: Some(Arc::new(resolver)),
            ..net.clone()
        };
        let client = net::client(&options)?;
        Ok(slot.get_or_init(|| client))
    }
}

/// The host of a proxy's address.
fn host_of(address: &str) -> Option<String> {
    let full = if address.contains("://") { address } else { &format!("http://{address}") };
    full.parse::<Url>().ok()?.host_str().map(str::to_owned)
}

/// Text that somebody else wrote, bounded and in one line.
fn cleaned(text: &str, most: usize) -> String {
    let plain = text.chars().map(|c| if is_sound(c) { c } else { ' ' });
    let line: String = plain.take(most).collect();
    line.trim().to_owned()
}

/// Neither a control character nor one that turns the direction of text round.
fn is_sound(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The cause of a failure in words; addresses may have secrets and are left out.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let what = if error.is_connect() { "can't connect" } else { "the connection broke" };
    let mut cause: &dyn std::error::Error = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cleaned(&format!("{what}: {cause}"), LONGEST_ERROR)
}

#[cfg(test)]
mod tests {
    use super::{KEPT, cleaned};

    #[test]
    fn threat_36_answers_are_kept_without_signs_of_a_terminal() {
        assert_eq!(cleaned("a\u{1b}[2J\r\n\u{202e}b\u{7}", KEPT), "a [2J   b");
        assert_eq!(cleaned(&"x".repeat(5_000), KEPT).len(), KEPT);
    }
}
