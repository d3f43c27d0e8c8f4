//! A caller's request, signed and sent to the provider, with bodies streamed both ways.
//!
//! Memory stays the same however long the bodies are; time is bounded by silence, not by the whole,
//! since a large body may rightly take long.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http::Method;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::request::{self, Request};
use super::sign::{Gaps, identity, needs_body};
use super::{Provider, Target, failures};
use crate::domain::connector::address::{self, BadAddress};
use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::time::Timestamp;
use crate::domain::words::escaped;

/// The largest body that is held, for schemes that sign it.
pub const MAX_SIGNED_BODY_BYTES: usize = 8 << 20;

/// Headers that belong to one connection, or to whoever makes it (RFC 9110, section 7.6.1).
const OF_CONNECTION: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "expect",
];

/// Headers of a caller that would speak for the hub or the account, or make the call another one
/// than the one whose right was checked: of another method, path or host.
const OF_CALLER: [&str; 22] = [
    "accept-encoding",
    "authorization",
    "content-length",
    "cookie",
    "forwarded",
    "host",
    "origin",
    "referer",
    "via",
    "x-host",
    "x-http-host-override",
    "x-http-method",
    "x-http-method-override",
    "x-method",
    "x-method-override",
    "x-original-host",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-override-url",
    "x-real-ip",
    "x-rewrite-url",
];

/// Where a caller wants a request to go.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// Below the root of the API, with its query.
    Path(&'a str),
    /// A whole address, which must be the connector's own.
    Whole(&'a str),
}

/// Pieces of a body.
pub type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// A body to send.
pub enum Upload {
    /// None.
    Empty,
    /// All of it.
    Whole(Bytes),
    /// Piece by piece.
    Streamed {
        /// The pieces.
        pieces: Pieces,
        /// Their length together, where it is known.
        length: Option<u64>,
    },
}

/// A caller's request.
pub struct Forward<'a> {
    /// The HTTP method.
    pub method: Method,
    /// Where it goes.
    pub place: Place<'a>,
    /// The caller's headers; see [`caller_headers`].
    pub headers: HeaderMap,
    /// The body.
    pub body: Upload,
}

/// What came back; its body is still on the way.
pub struct Received {
    /// The status.
    pub status: u16,
    /// The headers, without those of the connection; a body is unpacked, and then its length is not
    /// told.
    pub headers: HeaderMap,
    /// The body.
    pub body: Download,
}

/// A body that is on the way.
pub struct Download {
    response: reqwest::Response,
    url: Url,
    limit: Duration,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Download {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// When nothing comes for too long, or the connection breaks off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ProviderFailure> {
        match tokio::time::timeout(self.limit, self.response.chunk()).await {
            Ok(piece) => piece.map_err(|error| failures::transport(&self.url, &error)),
            Err(_) => Err(failures::too_slow(&self.url, self.limit)),
        }
    }

    /// All of it, if it is no larger than `limit` bytes.
    ///
    /// # Errors
    /// As [`Download::next`]; when it is larger.
    pub async fn whole(mut self, limit: usize) -> Result<Bytes, ProviderFailure> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.next().await? {
            if all.len() + piece.len() > limit {
                return Err(failures::too_large(&self.url, limit));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    /// The pieces, as they come.
    #[must_use]
    pub fn into_pieces(self) -> Pieces {
        Box::pin(futures_util::stream::unfold(Some(self), |state| async move {
            let mut body = state?;
            match body.next().await {
                Ok(Some(piece)) => Some((Ok(piece), Some(body))),
                Ok(None) => None,
                Err(failure) => Some((Err(io::Error::other(failure)), None)),
            }
        }))
    }
}

/// A header that a caller may not send: its name or value is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a header, or its value has characters that no header can carry")]
pub struct BadHeader(pub String);

/// Headers as a caller wrote them (threat 21).
///
/// # Errors
/// When one would be another header, or several.
pub fn caller_headers<'a>(
    given: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<HeaderMap, BadHeader> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let shown = || BadHeader(escaped(name, 64));
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| shown())?;
        headers.append(parsed, HeaderValue::from_str(value).map_err(|_| shown())?);
    }
    Ok(headers)
}

/// The caller's headers that are passed on: none of the connection, none that speaks for the hub.
fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let named = connection_names(headers);
    let dropped = |name: &str| {
        // Many programs take both spellings for one name.
        let spelt = name.replace('_', "-");
        OF_CALLER.contains(&spelt.as_str())
            || OF_CONNECTION.contains(&spelt.as_str())
            || spelt.starts_with("proxy-")
            || spelt.starts_with("x-forwarded-")
            || spelt.starts_with("x-hubctl-")
            || named.iter().any(|other| other == name)
    };
    let kept = headers.iter().filter(|(name, _)| !dropped(name.as_str()));
    let mut passed = HeaderMap::new();
    for (name, value) in kept {
        passed.append(name.clone(), value.clone());
    }
    passed
}

/// What `Connection` names belongs to the connection too.
fn connection_names(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all("connection").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

impl Provider {
    /// Signs a caller's request and sends it. The caller can't choose another host, nor speak for
    /// the account (threats 17, 18, 20, 21). A provider's refusal is an answer, not a failure.
    ///
    /// # Errors
    /// [`Class::Foreign`] for an address that is not the connector's, [`Class::Blocked`] for one
    /// that may not be called, both with zero connections; as for any call else.
    pub async fn send(
        &self,
        target: Target<'_>,
        forward: Forward<'_>,
        now: Timestamp,
    ) -> Result<Received, ProviderFailure> {
        let outcome = self.send_signed(target, forward, now).await;
        outcome.map_err(|failure| failures::told(failure, target))
    }

    async fn send_signed(
        &self,
        target: Target<'_>,
        forward: Forward<'_>,
        now: Timestamp,
    ) -> Result<Received, ProviderFailure> {
        let Forward { method, place, headers, body } = forward;
        let url = self.place(target, place)?;
        let limit = self.options.silence_limit;
        let checked = tokio::time::timeout(limit, self.clients.check(&url)).await;
        checked.map_err(|_| failures::too_slow(&url, limit))??;
        let mut request = Request { method, url, headers: passed_on(&headers), body: None };
        let mut upload = body;
        if needs_body(target.method) {
            request.body = held(upload, limit).await?;
            upload = Upload::Empty;
        }
        let filling = self.filling(target, now)?;
        self.sign_with(&filling, target, &mut request, Gaps::Fail, now)?;
        let identity = identity(&filling)?;
        let client = self.clients.client(&request.url, identity.as_ref())?;
        let url = request.url.clone();
        if let Some(held) = request.body {
            upload = Upload::Whole(held);
        }
        let moved = Arc::new(AtomicU64::new(0));
        let is_length_due = request::is_length_due(&request.method);
        let mut sending = client.request(request.method, request.url).headers(request.headers);
        sending = match upload {
            Upload::Empty if is_length_due => sending.header(CONTENT_LENGTH, 0),
            Upload::Empty => sending,
            Upload::Whole(bytes) => sending.body(bytes),
            Upload::Streamed { pieces, length } => {
                if let Some(length) = length {
                    sending = sending.header(CONTENT_LENGTH, length);
                }
                let moved = Arc::clone(&moved);
                sending.body(reqwest::Body::wrap_stream(pieces.inspect(move |_| {
                    moved.fetch_add(1, Ordering::Relaxed);
                })))
            }
        };
        let sent = sending.send();
        tokio::pin!(sent);
        let mut before = 0;
        let mut response = loop {
            match tokio::time::timeout(limit, &mut sent).await {
                Ok(outcome) => {
                    break outcome.map_err(|error| {
                        failures::transport(&url, &error).sent(!error.is_connect())
                    })?;
                }
                Err(_) => {
                    let moved = moved.load(Ordering::Relaxed);
                    if moved == before {
                        return Err(failures::too_slow(&url, limit).sent(true));
                    }
                    before = moved;
                }
            }
        };
        let mut headers = std::mem::take(response.headers_mut());
        for name in connection_names(&headers) {
            headers.remove(name);
        }
        for name in OF_CONNECTION {
            headers.remove(name);
        }
        let status = response.status().as_u16();
        Ok(Received { status, headers, body: Download { response, url, limit } })
    }

    /// The address that a caller means, before it is signed: it has nothing of the credentials.
    ///
    /// # Errors
    /// [`Class::Foreign`] for one that is not the connector's (threat 17), or as values are missing.
    pub fn address(&self, target: Target<'_>, place: Place<'_>) -> Result<Url, ProviderFailure> {
        self.place(target, place).map_err(|failure| failures::told(failure, target))
    }

    /// The address that a caller means, which must be the connector's.
    fn place(&self, target: Target<'_>, place: Place<'_>) -> Result<Url, ProviderFailure> {
        let outside = |why| failures::address(target.method, BadAddress::Outside(why));
        match place {
            Place::Path(path) => {
                let root = self.root(target)?;
                let url = address::below(&root, path)
                    .map_err(|bad| failures::address(target.method, bad))?;
                if address::same_origin(&root, &url) {
                    Ok(url)
                } else {
                    Err(outside("the path leads to another host"))
                }
            }
            Place::Whole(text) => {
                let strange = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
                let url = Url::parse(text).ok().filter(|_| !text.contains(strange));
                let url = url.ok_or_else(|| outside("this is not an address"))?;
                if self.belongs(target, &url) {
                    Ok(url)
                } else {
                    Err(outside("this address is not the connector's"))
                }
            }
        }
    }
}

/// A body that has to be signed, held as a whole; its next piece may take no longer than the limit.
async fn held(upload: Upload, limit: Duration) -> Result<Option<Bytes>, ProviderFailure> {
    let too_large = || {
        let text = format!(
            "calls of this connector are signed over their body, which may have {} MiB at most",
            MAX_SIGNED_BODY_BYTES >> 20
        );
        ProviderFailure::new(Class::Configuration, text)
    };
    let mut pieces = match upload {
        Upload::Empty => return Ok(None),
        Upload::Whole(bytes) if bytes.len() > MAX_SIGNED_BODY_BYTES => return Err(too_large()),
        Upload::Whole(bytes) => return Ok(Some(bytes)),
        Upload::Streamed { pieces, .. } => pieces,
    };
    let mut all = BytesMut::new();
    let broken = |text: &str| ProviderFailure::new(Class::Transient, text);
    loop {
        let piece = tokio::time::timeout(limit, pieces.next()).await;
        let piece = piece.map_err(|_| broken("the caller's body stood still"))?;
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|_| broken("the caller's body broke off"))?;
        if all.len() + piece.len() > MAX_SIGNED_BODY_BYTES {
            return Err(too_large());
        }
        all.extend_from_slice(&piece);
    }
    Ok(Some(all.freeze()))
}

#[cfg(test)]
mod tests {
    use super::{HeaderMap, caller_headers, passed_on};

    fn headers(given: &[(&str, &str)]) -> HeaderMap {
        caller_headers(given.iter().copied()).unwrap()
    }

    #[test]
    fn threat_21_headers_of_the_hub_and_of_the_connection_are_dropped() {
        let given = headers(&[
            ("Authorization", "Bearer stolen"),
            ("Cookie", "a=b"),
            ("Host", "evil.example"),
            ("Proxy-Authorization", "x"),
            ("Proxy-Anything", "x"),
            ("Connection", "close, X-Secret"),
            ("X-Secret", "x"),
            ("Keep-Alive", "x"),
            ("TE", "trailers"),
            ("Trailer", "x"),
            ("Transfer-Encoding", "chunked"),
            ("Upgrade", "h2c"),
            ("Expect", "100-continue"),
            ("Content-Length", "5"),
            ("Accept-Encoding", "br"),
            ("X-Forwarded-For", "10.0.0.1"),
            ("Accept", "text/csv"),
            ("X-Own", "1"),
            ("X-Own", "2"),
        ]);
        let passed = passed_on(&given);
        let mut names: Vec<_> = passed.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "x-own", "x-own"]);
    }

    #[test]
    fn threat_14_threat_21_no_header_makes_a_call_another_one() {
        let given = headers(&[
            ("X-HTTP-Method-Override", "DELETE"),
            ("X-HTTP-Method", "DELETE"),
            ("X-Method-Override", "DELETE"),
            ("X-Method", "DELETE"),
            ("X_HTTP_Method_Override", "DELETE"),
            ("X-Original-Method", "DELETE"),
            ("X-Original-URL", "/admin"),
            ("X-Original-URI", "/admin"),
            ("X-Original-Host", "evil.example"),
            ("X-Rewrite-URL", "/admin"),
            ("X-Override-URL", "/admin"),
            ("X-HTTP-Host-Override", "evil.example"),
            ("X-Host", "evil.example"),
            ("X_Forwarded_Host", "evil.example"),
            ("X-Hubctl-Project", "live"),
            ("X-Methodical", "1"),
        ]);
        let passed = passed_on(&given);
        assert_eq!(passed.keys().collect::<Vec<_>>(), ["x-methodical"]);
    }

    #[test]
    fn threat_21_a_header_can_not_hold_another() {
        for (name, value) in [
            ("x", "a\r\nHost: b"),
            ("x", "a\nb"),
            ("x\r\nhost", "a"),
            ("x y", "a"),
            ("", "a"),
            ("x:", "a"),
        ] {
            assert!(caller_headers([(name, value)]).is_err(), "{name:?} {value:?}");
        }
    }
}
