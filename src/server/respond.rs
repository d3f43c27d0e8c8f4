//! Errors as answers: the only place that knows HTTP statuses, and the contract's error body.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::api::compact;
use crate::api::problem::Problem;
use crate::api::proxy::ProviderError;
use crate::domain::time::Timestamp;
use crate::error::{Code, HubError, Kind, codes};

use super::AppState;
use super::router::RequestId;

/// The content type of answers.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Most answers have fewer bytes.
const USUAL_BYTES: usize = 1_024;
/// Seconds after which a request that took too long may be sent again, as the vendor has it.
const RETRY_SLOW_S: u64 = 60;
/// Seconds after which a busy hub is worth another try.
const RETRY_BUSY_S: u64 = 1;
/// Bytes of an error's details in an answer, as JSON, and bytes of its message.
const DETAILS_LIMIT: usize = 16_384;
const MESSAGE_LIMIT: usize = 2_048;
/// Member of an error's details that says after how many seconds the same call may succeed.
const RETRY_AFTER_S: &str = "retry_after_s";

/// An error on its way out of a route; its body is written by the layer that knows the request.
#[derive(Debug, Clone)]
pub struct Failure(Arc<HubError>);

/// Marks an answer that is a provider's: whatever its status, it is passed on as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct FromProvider;

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        Self(Arc::new(error))
    }
}

impl Failure {
    /// What went wrong.
    #[must_use]
    pub fn error(&self) -> &HubError {
        &self.0
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = status(&self.0).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The status of an error. Unconfirmed ones follow the contract's proposals (AC-13, KP-8).
#[must_use]
pub fn status(error: &HubError) -> StatusCode {
    let is = |code: &Code| error.code().name == code.name;
    match error.code().kind {
        _ if is(&codes::METHOD_REFUSED) => StatusCode::METHOD_NOT_ALLOWED,
        _ if is(&codes::REQUEST_TOO_LARGE) => StatusCode::PAYLOAD_TOO_LARGE,
        _ if is(&codes::HEADERS_TOO_LARGE) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        _ if is(&codes::BODY_NOT_JSON) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        _ if is(&codes::STORE_BUSY) || is(&codes::STORE_UNREACHABLE) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ if is(&codes::OVERLOADED) || is(&codes::NOT_READY) || is(&codes::LISTS_BUSY) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        // A 429 of the hub's own is about its caller's key, and makes clients wait and send again.
        _ if is(&codes::PROVIDER_RATE_LIMITED) => StatusCode::BAD_GATEWAY,
        Kind::Invalid | Kind::NotReady | Kind::NotConfirmed => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::TimedOut => StatusCode::REQUEST_TIMEOUT,
        Kind::Conflict | Kind::Partial => StatusCode::CONFLICT,
        Kind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Precondition => StatusCode::PRECONDITION_FAILED,
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unsupported => StatusCode::NOT_IMPLEMENTED,
        Kind::Unreachable => StatusCode::BAD_GATEWAY,
        Kind::Failure | Kind::LocalState | Kind::Interrupted | Kind::Terminated => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

/// The error of a limit, with the seconds to wait.
#[must_use]
pub fn rate_limited(message: &'static str, wait_s: u64) -> HubError {
    HubError::new(&codes::RATE_LIMITED, message).detail(json!({ RETRY_AFTER_S: wait_s }))
}

/// Gives an answer the contract's error body: one from a [`Failure`], and any other error that has
/// no body for programs or people.
pub(super) fn shape(response: &mut Response, request_id: &str, now: Timestamp) {
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        let status = status(failure.error());
        write(response, failure.error(), status, request_id, now);
        // For the line in the log.
        response.extensions_mut().insert(failure);
        return;
    }
    if response.extensions().get::<FromProvider>().is_some() {
        return;
    }
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let content = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if is_error && content.is_none_or(|content| content.starts_with(b"text/plain")) {
        write(response, &of_status(status), status, request_id, now);
    }
}

/// What a bare status means.
fn of_status(status: StatusCode) -> HubError {
    let (code, text) = match status {
        StatusCode::NOT_FOUND => (&codes::ROUTE_UNKNOWN, "nothing is here"),
        StatusCode::METHOD_NOT_ALLOWED => (&codes::METHOD_REFUSED, "not with this method"),
        StatusCode::REQUEST_TIMEOUT => (&codes::REQUEST_TIMED_OUT, "the request took too long"),
        StatusCode::PAYLOAD_TOO_LARGE => (&codes::REQUEST_TOO_LARGE, "the request is too large"),
        StatusCode::URI_TOO_LONG | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            (&codes::HEADERS_TOO_LARGE, "the headers or the address are too long")
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (&codes::BODY_NOT_JSON, "the body has to be JSON"),
        StatusCode::UNAUTHORIZED => (&codes::CREDENTIALS_MISSING, "an API key is needed"),
        other if other.is_client_error() => (&codes::BAD_VALUE, "the request is malformed"),
        _ => (&codes::INTERNAL, "the hub failed"),
    };
    HubError::new(code, text)
}

fn write(
    response: &mut Response,
    error: &HubError,
    status: StatusCode,
    request_id: &str,
    now: Timestamp,
) {
    let problem = problem(error, status, request_id, now);
    let text = serde_json::to_vec(&problem).unwrap_or_default();
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    advise(headers, error, status);
    *response.status_mut() = status;
    *response.body_mut() = Body::from(text);
}

fn advise(headers: &mut HeaderMap, error: &HubError, status: StatusCode) {
    let wait = match status {
        StatusCode::REQUEST_TIMEOUT => Some(RETRY_SLOW_S),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Some(RETRY_BUSY_S),
        _ => None,
    };
    let told = error.details().iter().find_map(|detail| detail.get(RETRY_AFTER_S)?.as_u64());
    if let Some(wait) = told.or(wait) {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait));
    }
    // A challenge makes browsers ask for a name and a password, and a session's token is neither.
    let is_session = error.code().name == codes::SESSION_TOKEN_INVALID.name;
    if status == StatusCode::UNAUTHORIZED && !is_session {
        let challenge = HeaderValue::from_static("Basic realm=\"hubctl\", charset=\"UTF-8\"");
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
}

/// As many details as an answer has room for: a request can be wrong in thousands of places.
fn bounded(details: &[Value]) -> &[Value] {
    let mut room = DETAILS_LIMIT;
    let fits = |detail: &&Value| {
        let length = detail.to_string().len();
        let fits = length <= room;
        room = room.saturating_sub(length);
        fits
    };
    &details[..details.iter().take_while(fits).count()]
}

/// The beginning of a message, up to its limit.
fn shortened(message: &str) -> &str {
    &message[..message.floor_char_boundary(MESSAGE_LIMIT)]
}

fn problem(
    error: &HubError,
    status: StatusCode,
    request_id: &str,
    timestamp: Timestamp,
) -> Problem {
    let code = error.code();
    // Paths, addresses and texts of databases stay in the log. What is told of a provider is
    // written for whoever called it.
    let is_internal =
        status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED && !code.is_of_provider();
    let line = |detail: &Value| {
        let message = detail.get("message")?.as_str()?;
        Some(match detail.get("field").and_then(Value::as_str) {
            Some(field) => format!("{field}: {message}"),
            None => message.to_owned(),
        })
    };
    let details = if is_internal { &[] } else { bounded(error.details()) };
    let errors: Vec<String> = details
        .iter()
        .filter_map(|detail| detail.as_str().map(str::to_owned).or_else(|| line(detail)))
        .collect();
    let is_validation = status == StatusCode::BAD_REQUEST && code.kind == Kind::Invalid;
    Problem {
        status_code: status.as_u16(),
        message: if is_internal { code.meaning } else { shortened(error.message()) }.to_owned(),
        timestamp: timestamp.to_string(),
        error_code: vendor_code(error, is_validation).map(str::to_owned),
        errors,
        code: Some(code.name.to_owned()),
        hint: error.hint_text().filter(|_| !is_internal).map(str::to_owned),
        request_id: Some(request_id.to_owned()),
        provider_errors: error.details().iter().filter_map(provider_error).collect(),
        details: details.to_vec(),
    }
}

/// The answer of a provider that led to the error: its status and its code. More of it, such as an
/// address or a body, may hold secrets.
fn provider_error(detail: &Value) -> Option<ProviderError> {
    let status = u16::try_from(detail.get("provider_status")?.as_u64()?).ok()?;
    let code = detail.get("provider_code").filter(|code| code.is_string());
    let raw = code.and_then(|code| to_raw_value(&json!({ "code": code })).ok());
    Some(ProviderError { status: Some(status), url: None, raw, headers: None })
}

/// The vendor's name for an error, where it has one (contract section 2.2).
fn vendor_code(error: &HubError, is_validation: bool) -> Option<&'static str> {
    if error.code().name != codes::ACCOUNT_NOT_USABLE.name {
        return is_validation.then_some("ValidationError");
    }
    let status = error.details().iter().find_map(|detail| detail.get("status")?.as_str());
    Some(match status? {
        "inactive" => "AccountIntegrationInactiveError",
        "expired" => "AccountExpiredCredentialsError",
        "error" => "AccountInvalidCredentialsError",
        "suspended" => "AccountSuspendedError",
        _ => return None,
    })
}

/// The whole answer, as bytes of HTTP/1.1, to what the HTTP library refused by itself.
pub(super) fn bare(status: u16, state: &AppState) -> Vec<u8> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let (error, id) = (of_status(status), RequestId::new(state));
    let problem = problem(&error, status, id.as_str(), state.hub.now());
    let body = serde_json::to_string(&problem).unwrap_or_default();
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\nx-request-id: {}\r\n\
         content-length: {}\r\n\r\n{body}",
        id.as_str(),
        body.len(),
    )
    .into_bytes()
}

/// A JSON answer with its status.
pub fn reply(status: StatusCode, answer: impl Serialize) -> Response {
    let mut text = Vec::with_capacity(USUAL_BYTES);
    match compact::write(&mut text, &answer) {
        Ok(()) => (status, [(CONTENT_TYPE, JSON)], text).into_response(),
        Err(error) => {
            let failure = HubError::new(&codes::INTERNAL, "an answer can't be written");
            Failure::from(failure.source(error)).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaped(error: HubError) -> (u16, HeaderMap, Value) {
        let mut response = Failure::from(error).into_response();
        shape(&mut response, "r-1", Timestamp::from_millis(1_780_315_200_000));
        let (parts, body) = response.into_parts();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let bytes = runtime.block_on(axum::body::to_bytes(body, 65_536)).unwrap();
        (parts.status.as_u16(), parts.headers, serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn a_refusal_has_the_contracts_members_and_ours() {
        let error = HubError::new(&codes::FIELDS_INVALID, "1 field is wrong")
            .hint("look at the guide")
            .detail(json!({"field": "api_key", "message": "is missing"}));
        let (status, _, body) = shaped(error);
        assert_eq!(status, 400);
        let expected = json!({
            "statusCode": 400,
            "message": "1 field is wrong",
            "timestamp": "2026-06-01T12:00:00.000Z",
            "errorCode": "ValidationError",
            "errors": ["api_key: is missing"],
            "code": "fields.invalid",
            "hint": "look at the guide",
            "request_id": "r-1",
            "details": [{"field": "api_key", "message": "is missing"}],
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn ac_16_an_account_that_may_not_be_called_is_told_in_the_vendors_words() {
        for (status, name) in [
            ("inactive", json!("AccountIntegrationInactiveError")),
            ("expired", json!("AccountExpiredCredentialsError")),
            ("error", json!("AccountInvalidCredentialsError")),
            ("suspended", json!("AccountSuspendedError")),
            ("archived", Value::Null),
        ] {
            let error = HubError::new(&codes::ACCOUNT_NOT_USABLE, "no");
            let (number, _, body) = shaped(error.detail(json!({ "status": status })));
            assert_eq!((number, &body["errorCode"]), (412, &name), "{body}");
        }
    }

    #[test]
    fn a_refusal_of_thousands_of_values_is_bounded() {
        let error = HubError::new(&codes::FIELDS_INVALID, "ä".repeat(50_000));
        let detail = json!({"field": "categories", "message": "is none"});
        let error = (0..10_000).fold(error, |error, _| error.detail(detail.clone()));
        let (_, _, body) = shaped(error);
        assert!(body.to_string().len() < 40_000);
        assert!(body["details"].as_array().unwrap().len() > 100);
    }

    #[test]
    fn nothing_internal_leaves_the_hub() {
        let text = "/var/lib/hub/secret-place.db: connection of 10.1.2.3";
        for code in codes::ALL {
            let error = HubError::new(code, text)
                .hint(text)
                .detail(json!(text))
                .source(std::io::Error::other("cause-of-it"));
            let (status, headers, body) = shaped(error);
            assert_eq!(body["statusCode"], status);
            assert_eq!(headers[CONTENT_TYPE], "application/json");
            assert!(!body.to_string().contains("cause-of-it"), "{body}");
            if status >= 500 && status != 501 && !code.is_of_provider() {
                assert!(!body.to_string().contains("secret-place"), "{}: {body}", code.name);
            }
        }
    }

    #[test]
    fn a_providers_answer_is_told_by_status_and_code_alone() {
        let of = |code, status: Option<u16>, named: Option<&str>| {
            let detail = json!({ "provider_status": status, "provider_code": named });
            let (status, _, body) = shaped(HubError::new(code, "no").detail(detail));
            (status, body["provider_errors"].clone())
        };
        let told = |status: u16, raw: Value| json!([{ "status": status, "url": null, "raw": raw, "headers": null }]);
        let refused = of(&codes::PROVIDER_REFUSED, Some(401), Some("invalid_grant"));
        assert_eq!(refused, (422, told(401, json!({ "code": "invalid_grant" }))));
        let bad = of(&codes::PROVIDER_BAD_ANSWER, Some(302), None);
        assert_eq!(bad, (502, told(302, Value::Null)));
        // Without an answer there is nothing to tell.
        assert_eq!(of(&codes::PROVIDER_UNREACHABLE, None, None), (502, Value::Null));
    }

    #[test]
    fn what_a_provider_said_is_told_whatever_the_status() {
        for code in [
            &codes::PROVIDER_UNREACHABLE,
            &codes::PROVIDER_HOST_UNKNOWN,
            &codes::PROVIDER_RATE_LIMITED,
            &codes::PROVIDER_BAD_ANSWER,
        ] {
            let detail = json!({"provider_status": 429, "retry_at": "2026-06-01T12:01:00.000Z"});
            let error = HubError::new(code, "the provider asks to wait: used up");
            let (status, headers, body) = shaped(error.hint("later").detail(detail.clone()));
            assert_eq!((status, &body["code"]), (502, &json!(code.name)));
            assert_eq!(body["message"], "the provider asks to wait: used up");
            assert_eq!((&body["hint"], &body["details"]), (&json!("later"), &json!([detail])));
            // It is not the caller who is to slow down.
            assert!(!headers.contains_key(RETRY_AFTER), "{}", code.name);
        }
    }

    #[test]
    fn limits_say_when_to_come_back() {
        let (status, headers, _) = shaped(rate_limited("slow down", 17));
        assert_eq!((status, headers[RETRY_AFTER].to_str().unwrap()), (429, "17"));
        let (status, headers, _) = shaped(HubError::new(&codes::REQUEST_TIMED_OUT, "late"));
        assert_eq!((status, headers[RETRY_AFTER].to_str().unwrap()), (408, "60"));
        let (status, headers, _) = shaped(HubError::new(&codes::STORE_BUSY, "busy"));
        assert_eq!((status, headers[RETRY_AFTER].to_str().unwrap()), (503, "1"));
        let (status, headers, _) = shaped(HubError::new(&codes::CREDENTIALS_MISSING, "who"));
        assert_eq!(status, 401);
        assert!(headers.contains_key(WWW_AUTHENTICATE));
    }
}
