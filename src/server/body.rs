//! Bodies of requests: JSON of bounded size and depth, whatever the client sends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use futures_util::StreamExt as _;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::error::{HubError, codes};

use super::AppState;
use super::respond::Failure;

/// Longest body, in bytes.
pub const BODY_LIMIT: usize = 1 << 20;
/// The same of a body that holds another one: what is sent to a provider, as JSON.
pub const ENVELOPE_LIMIT: usize = 4 << 20;
/// How many bytes of a body are taken that nobody wants, with those that were read; fewer of one
/// that does not say how long it is, since it may have no end. And for how long.
const DISCARDED: usize = 8 << 20;
const DISCARDED_UNSAID: usize = ENVELOPE_LIMIT + BODY_LIMIT;
const DISCARD_FOR: Duration = Duration::from_millis(500);

/// The JSON body of a request. Fields that `T` does not know are ignored, as the contract wants.
#[derive(Debug, Clone, Copy)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for JsonBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, Failure> {
        read(request, BODY_LIMIT).await.map(Self)
    }
}

/// The JSON body of a request that holds what is sent to a provider.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<AppState> for Envelope<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, Failure> {
        read(request, ENVELOPE_LIMIT).await.map(Self)
    }
}

async fn read<T: DeserializeOwned>(request: Request, limit: usize) -> Result<T, Failure> {
    if !is_json(request.headers()) {
        return Err(not_json().into());
    }
    let bytes = held(request, limit).await?;
    Ok(parse(&bytes)?)
}

async fn held(request: Request, limit: usize) -> Result<Bytes, Failure> {
    let body = to_bytes(request.into_body(), limit).await;
    body.map_err(|error| unreadable(error, limit))
}

/// The JSON body of a request, or none where it has no body at all.
#[derive(Debug, Clone, Copy)]
pub struct OptionalJsonBody<T>(pub Option<T>);

impl<T: DeserializeOwned> FromRequest<AppState> for OptionalJsonBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, Failure> {
        let is_json = is_json(request.headers());
        let bytes = held(request, BODY_LIMIT).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        if !is_json {
            return Err(not_json().into());
        }
        Ok(Self(Some(parse(&bytes)?)))
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, HubError> {
    let bad = |text: &'static str| HubError::new(&codes::BODY_INVALID, text);
    // The parser looks at the letters of what it keeps alone.
    let text = std::str::from_utf8(bytes)
        .map_err(|_| bad("the body is not valid JSON: it is no UTF-8"))?;
    // It would also fill an object from an array, by the order of its members.
    if text.trim_ascii_start().starts_with('[') {
        return Err(bad("the body is not of the form needed: expected an object"));
    }
    if has_nul(text) {
        return Err(bad("the body has a NUL character, which no text can have here"));
    }
    serde_json::from_str(text).map_err(|error| unfit(&error))
}

/// Whether a string of a JSON text has a NUL character, which can only be there as an escape.
/// PostgreSQL can't even be asked for one.
fn has_nul(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, escape)) = rest.split_once('\\') {
        if escape.starts_with("u0000") {
            return true;
        }
        // What is escaped may be a backslash itself.
        let mut after = escape.chars();
        after.next();
        rest = after.as_str();
    }
    false
}

/// What is wrong with a body, in words that repeat none of its values: they may be secrets that
/// stand in the wrong place (SE-5).
pub(super) fn unfit(error: &serde_json::Error) -> HubError {
    let told = error.to_string();
    let text = match error.classify() {
        serde_json::error::Category::Data => "the body is not of the form needed",
        _ => "the body is not valid JSON",
    };
    // "invalid type: string \"…\", expected a map at line 1 column 2"
    let told = match told.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => told,
    };
    HubError::new(&codes::BODY_INVALID, format!("{text}: {told}"))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    let is = |text: &str| kind.eq_ignore_ascii_case(text);
    is("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}

fn unreadable(error: axum::Error, limit: usize) -> Failure {
    let inner = error.into_inner();
    let is_long = inner.downcast_ref::<LengthLimitError>().is_some();
    if is_long { too_long(limit) } else { broken() }.into()
}

fn not_json() -> HubError {
    HubError::new(&codes::BODY_NOT_JSON, "the body has to be JSON")
}

fn broken() -> HubError {
    HubError::new(&codes::BODY_INVALID, "the body broke off")
}

fn too_long(limit: usize) -> HubError {
    let text = format!("the body is longer than {limit} bytes");
    let error = HubError::new(&codes::REQUEST_TOO_LARGE, text);
    match limit {
        ENVELOPE_LIMIT => error.hint(
            "POST /admin/accounts/{id}/proxy passes bodies of any length on as they are; so does \
             hubctl request --input FILE",
        ),
        _ => error,
    }
}

/// A body whose rest is taken, within bounds and while the answer goes out, where nobody reads it
/// to its end: a connection that is closed with bytes unread loses the answer on its way.
#[derive(Debug)]
pub(super) struct Drained {
    body: Body,
    is_over: bool,
    /// Bytes that may still be taken.
    left: usize,
}

impl Drained {
    pub(super) fn new(body: Body) -> Self {
        let is_said = body.size_hint().exact().is_some();
        let left = if is_said { DISCARDED } else { DISCARDED_UNSAID };
        Self { body, is_over: false, left }
    }
}

impl http_body::Body for Drained {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                self.left = self.left.saturating_sub(length);
            }
            _ => self.is_over = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        if self.is_over || self.body.is_end_stream() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let (mut pieces, mut left) = (std::mem::take(&mut self.body).into_data_stream(), self.left);
        let until = Instant::now() + DISCARD_FOR;
        runtime.spawn(async move {
            while left > 0
                && let Ok(Some(Ok(piece))) = timeout_at(until, pieces.next()).await
            {
                left = left.saturating_sub(piece.len());
            }
        });
    }
}

/// Refuses a body that says of itself that it is too long, before any of it is kept.
pub(super) fn check_length(headers: &HeaderMap, limit: usize) -> Result<(), HubError> {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    match length.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > limit as u64 => Err(too_long(limit)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::{has_nul, parse};

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Asked {
        name: Option<String>,
    }

    fn read(bytes: &[u8]) -> Result<Option<String>, String> {
        parse::<Asked>(bytes).map(|asked| asked.name).map_err(|error| error.to_string())
    }

    #[test]
    fn only_objects_of_whole_letters_are_bodies() {
        assert_eq!(read(br#" {"name":"a","new":[1]}"#), Ok(Some("a".to_owned())));
        let bad: [&[u8]; 6] =
            [b"[]", b" [\"a\"]", b"", b"{", b"{\"new\":\"\xff\"}", br#"{"new":"\u0000"}"#];
        for bad in bad {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn se_5_a_refusal_repeats_no_value() {
        let told = read(br#"{"name":["planted, expected"]}"#).unwrap_err();
        assert!(told.contains(": expected a string at line 1"), "{told}");
        assert!(!told.contains("planted"), "{told}");
        let told = read(br#"{"name":{"planted":1}}"#).unwrap_err();
        assert!(!told.contains("planted"), "{told}");
    }

    #[test]
    fn nul_is_found_behind_whole_escapes_only() {
        for text in [r#""\u0000""#, r#""a\\\u0000""#, r#""\n\u0000""#] {
            assert!(has_nul(text), "{text}");
        }
        for text in ["", "\\", r#""\\u0000""#, r#""\u0001\\\\u0000""#] {
            assert!(!has_nul(text), "{text}");
        }
    }
}
