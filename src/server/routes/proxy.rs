//! Calls that are passed on to providers.

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::TryStreamExt;
use http::StatusCode;
use http::header::{
    CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Limited};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::api::proxy::{self, Pass, PassBody, Passed, ProxyCall};
use crate::error::{HubError, codes};
use crate::local::Told;
use crate::server::AppState;
use crate::server::body::Envelope;
use crate::server::respond::FromProvider;

use super::accounts::id;
use super::{Answer, Door};

/// Bodies up to this length are held, so that a call can be sent a second time, in bytes.
const HELD: u64 = 64 << 10;

/// Headers of the caller that are for the hub alone.
const FOR_THE_HUB: [&str; 4] = [proxy::ACCOUNT, proxy::METHOD, proxy::PATH, "x-request-id"];

fn bad(text: &'static str) -> HubError {
    HubError::new(&codes::BAD_VALUE, text)
}

fn given<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, HubError> {
    let value = headers.get(name).map(|value| value.to_str());
    value.transpose().map_err(|_| bad("a header has characters that are not ASCII"))
}

/// What the vendor's clients ask (contract section 8.1).
pub(super) async fn unified(
    Door(hub): Door,
    headers: HeaderMap,
    Envelope(asked): Envelope<ProxyCall>,
) -> Answer {
    let account = given(&headers, proxy::ACCOUNT)?.map(str::trim).filter(|text| !text.is_empty());
    let account = account.ok_or_else(|| {
        bad("the header x-account-id is missing").hint("it names the account that is called")
    })?;
    let body = match hub.proxy(&id(account)?, asked).await? {
        Told::Whole(text) => Body::from(text),
        Told::Streamed(pieces) => Body::from_stream(pieces),
    };
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response())
}

/// Bodies as they are, both ways.
pub(super) async fn raw(
    State(state): State<AppState>,
    Door(hub): Door,
    Path(account): Path<String>,
    request: Request,
) -> Answer {
    let account = id(&account)?;
    let (parts, body) = request.into_parts();
    let method = given(&parts.headers, proxy::METHOD)?.unwrap_or("GET").to_ascii_uppercase();
    let path = given(&parts.headers, proxy::PATH)?.unwrap_or_default().to_owned();
    let passed = |name: &HeaderName| !FOR_THE_HUB.contains(&name.as_str());
    let mut headers = Vec::new();
    for (name, value) in parts.headers.iter().filter(|(name, _)| passed(name)) {
        let text = value.to_str().map(str::to_owned);
        // A value that is not ASCII is the caller's own affair, and no text here.
        let Ok(text) = text else { return Err(bad("a header is not ASCII").into()) };
        headers.push((name.to_string(), text));
    }
    let is_bodiless = method == "HEAD";
    let pass = Pass { method, path, headers, body: upload(&state, &parts.headers, body).await? };
    answer(hub.forward(&account, pass).await?, is_bodiless)
}

/// The caller's body: held where it is short, so that it can be sent twice. As it comes before
/// anything is sent, it may take no longer than any request (threat 37).
async fn upload(state: &AppState, headers: &HeaderMap, body: Body) -> Result<PassBody, HubError> {
    if body.is_end_stream() {
        return Ok(PassBody::Empty);
    }
    let length = given(headers, CONTENT_LENGTH.as_str())?.and_then(|text| text.parse().ok());
    let broken = |_| HubError::new(&codes::BODY_INVALID, "the body broke off");
    if length.is_some_and(|length| length <= HELD) {
        let limit = usize::try_from(HELD).unwrap_or(usize::MAX);
        let held = timeout(state.request_limit(), Limited::new(body, limit).collect()).await;
        let late = |_| HubError::new(&codes::REQUEST_TIMED_OUT, "the body took too long");
        let held = held.map_err(late)?.map_err(broken)?;
        return Ok(PassBody::Whole(Zeroizing::new(held.to_bytes().to_vec())));
    }
    let pieces = TryStreamExt::map_err(body.into_data_stream(), std::io::Error::other);
    Ok(PassBody::Streamed { pieces: Box::pin(pieces), length })
}

#[expect(clippy::unnecessary_wraps, reason = "every handler ends with it")]
fn answer(passed: Passed, is_bodiless: bool) -> Answer {
    let status = StatusCode::from_u16(passed.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = Response::new(Body::from_stream(passed.body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in &passed.headers {
        let pair = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value));
        let (Ok(name), Ok(value)) = pair else { continue };
        // Nothing of a provider's may look as if the hub had put it beside its own.
        if name.as_str().starts_with(proxy::BESIDE) {
            continue;
        }
        if proxy::ON_ALL_ANSWERS.contains(&name.as_str()) {
            let beside = HeaderName::try_from(format!("{}{name}", proxy::BESIDE));
            headers.extend(beside.ok().map(|beside| (beside, value.clone())));
        }
        headers.append(name, value);
    }
    // The length of a body that is not there.
    if is_bodiless || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        headers.remove(CONTENT_LENGTH);
    }
    // What a provider sends is no page of the hub, whoever opens it.
    let nothing = HeaderValue::from_static("default-src 'none'; sandbox");
    headers.insert(CONTENT_SECURITY_POLICY, nothing);
    headers.insert(HeaderName::from_static(proxy::PROVIDER_STATUS), passed.status.into());
    response.extensions_mut().insert(FromProvider);
    Ok(response)
}
