//! Bodies of requests: JSON of bounded size and depth, whatever the client sends.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;

use crate::error::{HubError, codes};

use super::AppState;
use super::respond::Failure;

/// Longest body, in bytes.
pub const BODY_LIMIT: usize = 1 << 20;

/// The JSON body of a request. Fields that `T` does not know are ignored, as the contract wants.
#[derive(Debug, Clone, Copy)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for JsonBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, Failure> {
        if !is_json(request.headers()) {
            return Err(HubError::new(&codes::BODY_NOT_JSON, "the body has to be JSON").into());
        }
        let bytes = to_bytes(request.into_body(), BODY_LIMIT).await.map_err(unreadable)?;
        Ok(Self(parse(&bytes)?))
    }
}

/// The JSON body of a request, or none where it has no body at all.
#[derive(Debug, Clone, Copy)]
pub struct OptionalJsonBody<T>(pub Option<T>);

impl<T: DeserializeOwned> FromRequest<AppState> for OptionalJsonBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, Failure> {
        let is_json = is_json(request.headers());
        let bytes = to_bytes(request.into_body(), BODY_LIMIT).await.map_err(unreadable)?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        if !is_json {
            return Err(HubError::new(&codes::BODY_NOT_JSON, "the body has to be JSON").into());
        }
        Ok(Self(Some(parse(&bytes)?)))
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, HubError> {
    serde_json::from_slice(bytes).map_err(|error| unfit(&error))
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

fn unreadable(error: axum::Error) -> Failure {
    let inner = error.into_inner();
    let is_long = inner.downcast_ref::<LengthLimitError>().is_some();
    if is_long { too_long() } else { broken() }.into()
}

fn broken() -> HubError {
    HubError::new(&codes::BODY_INVALID, "the body broke off")
}

fn too_long() -> HubError {
    let text = format!("the body is longer than {BODY_LIMIT} bytes");
    HubError::new(&codes::REQUEST_TOO_LARGE, text)
}

/// Refuses a body that says of itself that it is too long, before any of it is read.
pub(super) fn check_length(headers: &HeaderMap) -> Result<(), HubError> {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    match length.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > BODY_LIMIT as u64 => Err(too_long()),
        _ => Ok(()),
    }
}
