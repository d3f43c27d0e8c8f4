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
use serde_json::json;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::domain::words::escaped;
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
/// Characters of the names that lead to what is wrong.
const LONGEST_PATH: usize = 200;

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
    serde_json::from_str(text).map_err(|error| unfit(&error, &place_of::<T>(text)))
}

/// Where a text is not of the form of a type: the names that lead there, none at its root. Only what
/// was refused is read for it, a second time.
fn place_of<T: DeserializeOwned>(text: &str) -> String {
    let mut from = serde_json::Deserializer::from_str(text);
    let read: Result<T, _> = serde_path_to_error::deserialize(&mut from);
    let path = match &read {
        Err(error) if error.path().iter().next().is_some() => error.path().to_string(),
        _ => String::new(),
    };
    // Names may come from the client.
    escaped(&path, LONGEST_PATH)
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

/// What is wrong with a body, and at which path, in words that repeat none of its values: they may
/// be secrets that stand in the wrong place (SE-5).
fn unfit(error: &serde_json::Error, path: &str) -> HubError {
    let told = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let (told, place) = match told.strip_suffix(&place) {
        Some(told) => (told, place.as_str()),
        None => (told.as_str(), ""),
    };
    if error.classify() != serde_json::error::Category::Data {
        let text = format!("the body is not valid JSON: {told}{place}");
        return HubError::new(&codes::BODY_INVALID, text);
    }
    let missing = told.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let (path, message) = match missing {
        Some(field) if path.is_empty() => (field.to_owned(), "is required".to_owned()),
        Some(field) => (format!("{path}.{field}"), "is required".to_owned()),
        None => (path.to_owned(), wanted(told)),
    };
    let (text, detail) = match path.is_empty() {
        true => (message.clone(), json!({ "message": message })),
        false => (format!("{path}: {message}"), json!({ "field": path, "message": message })),
    };
    let text = format!("the body is not of the form needed: {text}{place}");
    HubError::new(&codes::BODY_INVALID, text).detail(detail)
}

/// What was expected, as `invalid type: string "…", expected a string` tells it, without names of
/// types that only this program knows.
fn wanted(told: &str) -> String {
    if told.starts_with("data did not match any variant") {
        return "has none of the forms that fit here".to_owned();
    }
    let Some((_, expected)) = told.rsplit_once(", expected ") else { return told.to_owned() };
    let expected = match expected {
        "a map" => "an object",
        "a sequence" => "an array",
        "u8" | "u16" | "u32" | "u64" | "i64" | "usize" => "a whole number",
        _ if expected.starts_with("struct ") || expected.contains("tagged enum ") => "an object",
        other => other,
    };
    format!("expected {expected}")
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
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

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

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only what can't be read is looked at")]
    struct Nested {
        inner: Vec<Inner>,
        #[serde(default)]
        tags: BTreeMap<String, String>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "as above")]
    struct Inner {
        name: String,
        count: Option<u64>,
    }

    #[test]
    fn cs_23_what_has_the_wrong_type_is_named() {
        for (text, told) in [
            (r#"{"inner":[{"name":5}]}"#, "inner[0].name: expected a string"),
            (r#"{"inner":[{"name":"a"},{}]}"#, "inner[1].name: is required"),
            (r#"{"inner":[{"name":"a","count":"b"}]}"#, "inner[0].count: expected a whole number"),
            (r#"{"inner":[7]}"#, "inner[0]: expected an object"),
            (r#"{"inner":{}}"#, "inner: expected an array"),
            (r#"{"inner":[],"tags":{"a\nb":1}}"#, r"tags.a\nb: expected a string"),
            (r#"{"inner":[],"tags":null}"#, "tags: expected an object"),
            ("{}", "inner: is required"),
            ("null", "expected an object"),
        ] {
            let error = parse::<Nested>(text.as_bytes()).unwrap_err();
            let expected = format!("the body is not of the form needed: {told} at line 1 column");
            assert!(error.message().starts_with(&expected), "{}", error.message());
            let detail = match told.split_once(": ") {
                Some((field, message)) => json!({ "field": field, "message": message }),
                None => json!({ "message": told }),
            };
            assert_eq!(error.details(), [detail], "{text}");
        }
        let broken = parse::<Nested>(b"{").unwrap_err();
        assert!(broken.message().starts_with("the body is not valid JSON: "), "{broken}");
        assert!(broken.details().is_empty());
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
