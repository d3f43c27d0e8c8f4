//! What every request passes: an id, limits, a guard against panics, a line in the log; no handler.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state, map_request};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HOST,
    HeaderMap, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use http::{Extensions, Method, StatusCode, Version};
use http_body::Body as _;
use tokio::time::timeout;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate as _, SizeAbove};

use crate::api::end_user;
use crate::api::projects::WANTED_PROJECT;
use crate::domain::caller::{ActingKey, Caller};
use crate::error::{HubError, codes};
use crate::hub::logs::Scope;

pub(super) use super::caller::Authenticated;

use super::body::{BODY_LIMIT, Drained, ENVELOPE_LIMIT, check_length};
use super::metrics::{Entered, UNMATCHED, count};
use super::page::FORM;
use super::request_log::{Asked, CUT_OFF};
use super::respond::{Failure, shape};
use super::{AppState, health, request_log};

/// The header in which a request is named: by the hub in its answer, and by the client for itself.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest name of a client's own that is written to the log.
const NAME_LIMIT: usize = 64;
/// Longest address of a request, in bytes: a filter of some 400 ids. Beside the longest headers, it
/// fills what is kept of a request's head.
const ADDRESS_LIMIT: usize = 16_384;
/// Longest sum of all headers, in bytes, and most of them.
const HEADERS_LIMIT: usize = 16_384;
const HEADER_COUNT: usize = 100;
/// Answers shorter than this are not compressed, in bytes.
const COMPRESS_ABOVE: u64 = 1_024;

/// The route whose body holds what is sent to a provider.
const ENVELOPE: &str = "/unified/proxy";
/// The route whose bodies are passed through as they come, and so may have any length.
const STREAMED: &str = "/admin/accounts/{id}/proxy";
/// How long such a request may take until its answer begins; one that stands still ends sooner.
const STREAM_LIMIT: Duration = Duration::from_hours(1);

/// What a request is called, in the log and to whoever asks. It is always the hub's own: who could
/// choose it could put another's call out of sight behind one of theirs, or add steps to it (KP-13).
#[derive(Debug, Clone)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A new one.
    pub(super) fn new(state: &AppState) -> Self {
        let made = state.hub.new_id().map(|id| id.to_string());
        Self(made.unwrap_or_else(|_| "unnamed".to_owned()).into())
    }
}

/// What the client calls its request, where that is harmless in a log.
fn clients_name(headers: &HeaderMap) -> Option<String> {
    let fine = |name: &&str| {
        let fine = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
        (1..=NAME_LIMIT).contains(&name.len()) && name.bytes().all(fine)
    };
    let given = headers.get(REQUEST_ID).and_then(|name| name.to_str().ok()).filter(fine);
    given.map(str::to_owned)
}

/// Where the layer that knows the caller leaves whose key it is, for the log.
#[derive(Debug, Clone, Default)]
pub(super) struct SeenKey(Arc<OnceLock<Caller>>);

impl SeenKey {
    fn key(&self) -> Option<&ActingKey> {
        self.0.get().and_then(Caller::key)
    }

    pub(super) fn number(&self) -> Option<i64> {
        self.key().map(|key| key.number.0)
    }

    /// The id as `keys list` shows it.
    fn id(&self) -> Option<&str> {
        self.key().map(|key| key.id.as_str())
    }

    fn project(&self) -> Option<&str> {
        self.0.get().map(Caller::project_name)
    }

    pub(super) fn set(&self, caller: &Caller) {
        // A request has one key.
        _ = self.0.set(caller.clone());
    }
}

/// Marks an answer that may be compressed.
#[derive(Debug, Clone, Copy)]
struct Compressible;

/// The whole service: the routes within the layers, with health beside them.
pub fn router(state: AppState, routes: Router<AppState>) -> Router {
    wrap(state, routes.merge(health::routes()))
}

/// The service of an address of its own for health and numbers.
pub(super) fn own_router(state: AppState) -> Router {
    wrap(state, health::own_routes())
}

fn wrap(state: AppState, routes: Router<AppState>) -> Router {
    let marked = |_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions| {
        extensions.get::<Compressible>().is_some()
    };
    let compress =
        CompressionLayer::new().compress_when(SizeAbove::new(COMPRESS_ABOVE).and(marked));
    routes
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(state.clone(), pass))
        .layer(compress)
        .layer(map_request(never_unacceptable))
        .with_state(state)
}

/// Takes the refusal of an answer as it is out of the encodings that a client takes: whoever takes no
/// other gets one as it is all the same (RFC 9110, 12.5.3), and no 406 for what was done.
async fn never_unacceptable(mut request: Request) -> Request {
    let headers = request.headers_mut();
    let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
    let members: Vec<&str> = lists.flat_map(|list| list.split(',')).collect();
    let kept: Vec<&str> = members.iter().copied().filter(|member| !refuses_plain(member)).collect();
    if kept.len() < members.len() {
        match HeaderValue::try_from(kept.join(",")) {
            Ok(list) if !kept.is_empty() => _ = headers.insert(ACCEPT_ENCODING, list),
            _ => _ = headers.remove(ACCEPT_ENCODING),
        }
    }
    request
}

/// Whether a member of a list of encodings gives an answer as it is the weight 0.
fn refuses_plain(member: &str) -> bool {
    let Some((name, weight)) = member.split_once(';') else { return false };
    let weight = weight.trim().trim_start_matches(['q', 'Q']).trim_start_matches('=');
    ["*", "identity"].iter().any(|plain| name.trim().eq_ignore_ascii_case(plain))
        && weight.parse().is_ok_and(|weight: f32| weight <= 0.0)
}

async fn pass(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let _in_flight = Entered::new(&state.metrics().counts.in_flight);
    let (id, clients_name) = (RequestId::new(&state), clients_name(request.headers()));
    let key = SeenKey::default();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let version = request.version();
    let wanted = request.headers().get(WANTED_PROJECT).cloned();
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(key.clone());
    let is_streamed = path.as_ref().is_some_and(|path| path.as_str() == STREAMED);
    let is_envelope = path.as_ref().is_some_and(|path| path.as_str() == ENVELOPE);
    let is_form = path.as_ref().is_some_and(|path| path.as_str() == FORM);
    let limit = if is_streamed { STREAM_LIMIT } else { state.request_limit() };
    if !request.body().is_end_stream() {
        let body = std::mem::take(request.body_mut());
        *request.body_mut() = Body::new(Drained::new(body));
    }
    let scope = Scope::of_request(id.as_str());
    request.extensions_mut().insert(Arc::clone(&scope));
    let asked = Some(Asked::of(&mut request, &state));
    let is_of_hub_api = end_user::is_of_hub_api(request.uri().path());
    let method = request.method().clone();
    let mut open = Open { state: &state, scope, id, clients_name, key, method, path, began, asked };
    let longest = match (is_streamed || is_form, is_envelope) {
        (true, _) => None,
        (_, true) => Some(ENVELOPE_LIMIT),
        _ => Some(BODY_LIMIT),
    };
    let mut response = match check(&request, longest) {
        Ok(()) => {
            let answer = guarded(&state, limit, next.run(request));
            Arc::clone(&open.scope).within(answer).await
        }
        Err(refusal) => {
            drop(request);
            Failure::from(refusal).into_response()
        }
    };
    shape(&mut response, open.id.as_str(), state.hub.now());
    dress(&mut response, &open.id, &open.method, version, &state);
    if let Some(wanted) = wanted {
        // Whoever named a project is told that it was looked at.
        response.headers_mut().insert(WANTED_PROJECT, wanted);
    }
    if is_of_hub_api {
        // HB-16: pages read also what is refused before it gets to a route.
        let any = HeaderValue::from_static("*");
        response.headers_mut().entry(ACCESS_CONTROL_ALLOW_ORIGIN).or_insert(any);
    }
    open.answered(response).await
}

/// A request that is being answered. Where nobody waits for that to its end, it is counted and
/// logged as cut off.
struct Open<'s> {
    state: &'s AppState,
    scope: Arc<Scope>,
    id: RequestId,
    clients_name: Option<String>,
    key: SeenKey,
    method: Method,
    path: Option<MatchedPath>,
    began: Instant,
    /// Until it is told of.
    asked: Option<Asked>,
}

impl Open<'_> {
    fn route(&self) -> &str {
        self.path.as_ref().map_or(UNMATCHED, MatchedPath::as_str)
    }

    async fn answered(&mut self, response: Response) -> Response {
        let took = self.began.elapsed();
        let Some(asked) = self.asked.take() else { return response };
        let code = request_log::reason(&response);
        let failure = response.extensions().get::<Failure>();
        self.tell(response.status(), failure, code.as_deref(), took);
        request_log::answered(self.state, &self.scope, asked, self.route(), response, took).await
    }

    /// Counts it, and writes one line: neither its address nor its headers, which may hold secrets.
    /// Probes come all the time: only what becomes of them is told, in `health`.
    fn tell(
        &self,
        status: StatusCode,
        failure: Option<&Failure>,
        code: Option<&str>,
        took: Duration,
    ) {
        let (request_id, route, method) = (self.id.as_str(), self.route(), self.method.as_str());
        self.state.metrics().answered(route, &self.method, status, took);
        // Numbers that are refused, or fail, are told as anything else.
        let is_probe = health::is_probe(route) && (route != health::METRICS || status.is_success());
        if status.is_server_error()
            && status != StatusCode::NOT_IMPLEMENTED
            && !is_probe
            && let Some(failure) = failure
        {
            let (error, cause) = (failure.error(), causes(failure.error()));
            if error.code().is_of_provider() {
                // A line is found by its message, and what a provider says is none.
                tracing::error!(
                    target: "hubctl::request", request_id, code, cause = %error, "a provider failed"
                );
            } else {
                tracing::error!(target: "hubctl::request", request_id, code, cause, "{error}");
            }
        }
        let duration_ms = (took.as_secs_f64() * 1e6).round() / 1e3;
        let (key_id, project, status) = (self.key.id(), self.key.project(), status.as_u16());
        let method = if method.len() <= 16 { method } else { "other" };
        let client_request_id = self.clients_name.as_deref();
        if is_probe {
            tracing::debug!(
                target: "hubctl::request", method, route, status, duration_ms, request_id, "probe"
            );
        } else {
            tracing::info!(
                target: "hubctl::request", method, route, status, duration_ms, request_id,
                client_request_id, key_id, project, code, "request"
            );
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let Some(asked) = self.asked.take() else { return };
        let took = self.began.elapsed();
        let status = StatusCode::from_u16(CUT_OFF).unwrap_or(StatusCode::REQUEST_TIMEOUT);
        self.tell(status, None, None, took);
        request_log::cut_off(self.state, &self.scope, &asked, self.route(), took);
    }
}

/// What is refused before anybody looks at it; `longest` is the bound of its body, if it has one.
fn check(request: &Request, longest: Option<usize>) -> Result<(), HubError> {
    let headers = request.headers();
    let too_large = |text: String| Err(HubError::new(&codes::HEADERS_TOO_LARGE, text));
    if request.uri().path_and_query().is_some_and(|path| path.as_str().len() > ADDRESS_LIMIT) {
        return too_large(format!(
            "the address is longer than {ADDRESS_LIMIT} bytes: ask for fewer at once"
        ));
    }
    if request.uri().path().contains("%00") {
        // Nothing has a name with a NUL character, and PostgreSQL can't even be asked for it.
        return Err(HubError::new(&codes::ROUTE_UNKNOWN, "nothing is here"));
    }
    let length: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if length > HEADERS_LIMIT || headers.len() > HEADER_COUNT {
        return too_large("the headers are too long or too many".to_owned());
    }
    let comes_by_wire = request.extensions().get::<ConnectInfo<SocketAddr>>().is_some();
    let is_1_1 = request.version() == Version::HTTP_11;
    if comes_by_wire && is_1_1 && headers.get_all(HOST).iter().count() != 1 {
        // RFC 9112, 3.2: what stands in front may take it for another host's.
        let text = "a request of HTTP/1.1 needs one Host header";
        return Err(HubError::new(&codes::BAD_VALUE, text));
    }
    longest.map_or(Ok(()), |limit| check_length(headers, limit))
}

/// Bounds the time of a handler, and turns its panic into an answer. Where the panic was is in the
/// log alone, where the hook has put it.
async fn guarded(
    state: &AppState,
    limit: Duration,
    answer: impl Future<Output = Response>,
) -> Response {
    let counts = &state.metrics().counts;
    let bounded = timeout(limit, answer);
    let failure = match AssertUnwindSafe(bounded).catch_unwind().await {
        Ok(Ok(response)) => return response,
        Ok(Err(_)) => {
            count(&counts.timeouts);
            HubError::new(&codes::REQUEST_TIMED_OUT, "the request took too long")
        }
        Err(_) => {
            count(&counts.panics);
            HubError::new(&codes::INTERNAL, "the handler panicked")
        }
    };
    Failure::from(failure).into_response()
}

fn dress(
    response: &mut Response,
    id: &RequestId,
    method: &Method,
    version: Version,
    state: &AppState,
) {
    let is_json = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    // A secret beside text that somebody else chose can be guessed from compressed lengths.
    // Secrets are shown by what creates them alone, and nothing is created by GET.
    if is_json && *method == Method::GET && response.status() == StatusCode::OK {
        response.extensions_mut().insert(Compressible);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if state.stop().is_stopping() && version < Version::HTTP_2 {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

pub(super) fn causes(error: &HubError) -> Option<String> {
    let mut cause = std::error::Error::source(error)?;
    let mut text = cause.to_string();
    while let Some(next) = cause.source() {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::STREAMED;
    use crate::api::Operation;

    #[test]
    fn the_route_without_a_limit_is_that_of_the_proxy() {
        assert_eq!(Operation::find("accounts.proxy").unwrap().path, STREAMED);
    }
}
