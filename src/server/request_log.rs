//! The request log: what of a call goes into it, and who writes it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use crate::api::proxy::ACCOUNT;
use crate::api::{END_USER_OPERATIONS, OPERATIONS};
use crate::domain::ids::ProjectNumber;
use crate::domain::proxy::is_safe;
use crate::domain::request_log::redact::{Redactor, SEEN_LIMIT};
use crate::domain::request_log::{PROXY, is_success};
use crate::domain::time::Timestamp;
use crate::hub::Hub;
use crate::hub::logs::{BATCH, Call, Exchange, Scope, prune_round};

use super::copied::Copied;
use super::respond::Failure;
use super::{AppState, page};

/// How long rows wait for others to be written with.
const GATHER: Duration = Duration::from_millis(50);
/// How long to wait before rows that could not be written are tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How often it is looked up what projects want of their logs, which another process may change.
const LEARN_EVERY: Duration = Duration::from_secs(2);
/// How often expired rows are taken away, and in how many short transactions at most.
const PRUNE_EVERY: Duration = Duration::from_mins(1);
const PRUNE_BATCHES: u32 = 200;

/// The status of a call whose client went away before it was answered, as proxies log it; nobody
/// is ever sent it.
pub(super) const CUT_OFF: u16 = 499;
/// What is said of such a call.
const BROKEN_OFF: &str = "the client went away before it was answered";

/// Calls that read the log are not in it: whoever follows it would follow himself.
const NOT_LOGGED: &[&str] = &["platform.requests.", "logs."];
/// Paths of calls that go through to a provider.
const FOR_PROVIDERS: &[&str] = &["/unified/"];
/// Routes of the pages behind a link, whose addresses are secrets.
const PAGES: &str = "/connect/";

/// What went wrong, where that is told by a page, which has no words for programs.
#[derive(Debug, Clone)]
pub(super) struct Because(pub(super) String);

/// What is known of a request before it is answered.
pub(super) struct Asked {
    method: String,
    target: String,
    /// The account that a header names, of a call that goes through to a provider.
    account: Option<String>,
    headers: Option<HeaderMap>,
    body: Option<Taken>,
}

/// The bytes of a body, as far as they have passed.
type Taken = Arc<Mutex<Vec<u8>>>;

impl Asked {
    /// Takes down what is needed later; headers and body only where some project keeps them.
    pub(super) fn of(request: &mut Request, state: &AppState) -> Self {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let mut asked = Self {
            method: request.method().as_str().chars().take(16).collect(),
            target: target.to_owned(),
            account: None,
            headers: None,
            body: None,
        };
        if is_for_provider(target) {
            let account = request.headers().get(ACCOUNT).and_then(|account| account.to_str().ok());
            asked.account = account.map(|account| account.trim().to_owned());
        }
        if state.hub.logs().keeps_any_bodies() {
            let taken = Taken::default();
            let copy = Arc::clone(&taken);
            let body = std::mem::replace(request.body_mut(), Body::empty());
            *request.body_mut() = Body::new(body.map_frame(move |frame| {
                if let Some(data) = frame.data_ref() {
                    let mut bytes = copy.lock().unwrap_or_else(PoisonError::into_inner);
                    let room = (SEEN_LIMIT + 1).saturating_sub(bytes.len());
                    bytes.extend_from_slice(&data[..room.min(data.len())]);
                }
                frame
            }));
            (asked.headers, asked.body) = (Some(request.headers().clone()), Some(taken));
        }
        asked
    }
}

fn is_for_provider(target: &str) -> bool {
    FOR_PROVIDERS.iter().any(|prefix| target.starts_with(prefix))
}

/// Where a call comes from, in the wire's words.
pub(super) fn source_type(headers: &HeaderMap) -> &'static str {
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    if agent.starts_with("speakeasy-sdk/") { "SDK" } else { "API" }
}

/// The id of the operation behind a route: resource and verb.
fn operation(route: &str, method: &str) -> Option<&'static str> {
    let own = OPERATIONS.iter().find(|row| row.path == route && row.method == method);
    let of_users = || {
        let mut all = END_USER_OPERATIONS.iter().filter(|row| row.method == method);
        all.find(|row| row.path == route || row.old_path().is_some_and(|old| old == route))
    };
    let of_pages = || page::CALLS.iter().find(|row| row.0 == method && row.1 == route);
    own.map(|row| row.id)
        .or_else(|| of_users().map(|row| row.id))
        .or_else(|| of_pages().map(|row| row.2))
}

/// The value of a part of the path that the route names.
fn named<'t>(route: &str, target: &'t str, before: &str) -> Option<&'t str> {
    let path = target.split('?').next().unwrap_or_default();
    let mut parts = route.split('/').zip(path.split('/'));
    parts.find(|(known, _)| *known == before)?;
    let (known, value) = parts.next()?;
    known.starts_with('{').then_some(value)
}

/// Whose call it is and the id of its operation; none where it is not logged.
fn logged(
    scope: &Scope,
    asked: &Asked,
    route: &str,
    is_fine: bool,
) -> Option<(ProjectNumber, &'static str)> {
    let is_look = is_fine && is_safe(&asked.method);
    let project = scope.project().filter(|_| scope.is_logged(is_look))?;
    let id = operation(route, &asked.method).unwrap_or_default();
    let is_reader = NOT_LOGGED.iter().any(|prefix| id.starts_with(prefix)) && !scope.has_steps();
    (!is_reader).then_some((project, id))
}

/// Whether headers and bodies of a call are kept.
fn keeps(state: &AppState, scope: &Scope, project: ProjectNumber, status: u16) -> bool {
    !scope.is_end_users() && state.hub.logs().keeps(project, scope.telling_status(status))
}

/// What is told of the address: all of it, or of an end user's call as much as is no secret.
fn told<'a>(scope: &Scope, asked: &'a Asked, route: &'a str) -> &'a str {
    match scope.is_end_users() {
        true if route.starts_with(PAGES) => route,
        true => asked.target.split('?').next().unwrap_or_default(),
        false => &asked.target,
    }
}

/// Puts a call that was answered into the log, if it was somebody's.
pub(super) async fn answered(
    state: &AppState,
    scope: &Arc<Scope>,
    asked: Asked,
    route: &str,
    response: Response,
    took: Duration,
) -> Response {
    let status = response.status().as_u16();
    let error = reason(&response);
    let is_fine = is_success(status) && error.is_none();
    let Some((project, id)) = logged(scope, &asked, route, is_fine) else { return response };
    let mut end = End::after(state, took, status, error);
    if asked.headers.is_none() || !keeps(state, scope, project, status) {
        log(state, scope, &asked, (route, id), end);
        return response;
    }
    let (parts, body) = response.into_parts();
    let is_whole = body.size_hint().exact().is_some_and(|length| length <= SEEN_LIMIT as u64);
    if is_whole {
        let bytes = body.collect().await.map(http_body_util::Collected::to_bytes);
        let bytes: Bytes = bytes.unwrap_or_default();
        end.exchange = exchange(state, scope, &asked, (status, &parts.headers), Came::of(&bytes));
        log(state, scope, &asked, (route, id), end);
        return Response::from_parts(parts, Body::from(bytes));
    }
    if !is_passed_on(id) {
        end.exchange = exchange(state, scope, &asked, (status, &parts.headers), Came::List);
        log(state, scope, &asked, (route, id), end);
        return Response::from_parts(parts, body);
    }
    // What a provider answers is not held back, and its row comes when it has passed.
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length = length.and_then(|length| length.parse().ok());
    let (state, scope, route) = (state.clone(), Arc::clone(scope), route.to_owned());
    let headers = parts.headers.clone();
    let tell = move |copy: Vec<u8>| {
        let exchange = exchange(&state, &scope, &asked, (status, &headers), Came::of(&copy));
        log(&state, &scope, &asked, (route.as_str(), id), End { exchange, ..end });
    };
    Response::from_parts(parts, Body::new(Copied::new(body, length, SEEN_LIMIT, tell)))
}

/// Whether an operation passes on what a provider answers.
fn is_passed_on(id: &str) -> bool {
    id.rsplit('.').next() == Some(PROXY)
}

/// Why it is what it is, by a code.
pub(super) fn reason(response: &Response) -> Option<String> {
    let extensions = response.extensions();
    let failure = extensions.get::<Failure>().map(|failure| failure.error().code().name.to_owned());
    failure.or_else(|| extensions.get::<Because>().map(|because| because.0.clone()))
}

/// Puts a call into the log whose client went away before it was answered, if it was somebody's: a
/// provider may have been called all the same.
pub(super) fn cut_off(state: &AppState, scope: &Scope, asked: &Asked, route: &str, took: Duration) {
    let Some((project, id)) = logged(scope, asked, route, false) else { return };
    let kept = keeps(state, scope, project, CUT_OFF);
    let headers = asked.headers.as_ref().filter(|_| kept);
    let exchange = headers.map(|headers| sent(state, &scope.redactor(), asked, headers));
    let end = End::after(state, took, CUT_OFF, Some(BROKEN_OFF.to_owned()));
    log(state, scope, asked, (route, id), End { exchange, ..end });
}

/// How a call ended.
struct End {
    /// When it began.
    at: Timestamp,
    duration_ms: i64,
    status: u16,
    error: Option<String>,
    exchange: Option<Exchange>,
}

impl End {
    /// That of a call that is answered now.
    fn after(state: &AppState, took: Duration, status: u16, error: Option<String>) -> Self {
        let duration_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        let began = state.hub.now().as_millis().saturating_sub(duration_ms);
        let at = Timestamp::from_millis(began);
        Self { at, duration_ms, status, error, exchange: None }
    }
}

fn log(state: &AppState, scope: &Scope, asked: &Asked, (route, id): (&str, &str), end: End) {
    let hub = &state.hub;
    let mut words = id.rsplit('.');
    let (action, resource) = (words.next().filter(|word| !word.is_empty()), words.next());
    // What is passed on concerns the provider's things, whichever door it came through.
    let resource = if action == Some(PROXY) { action } else { resource };
    // The hub API names auth configs where others name connectors.
    let provider = named(route, &asked.target, "connectors")
        .or_else(|| named(route, &asked.target, "meta"))
        .filter(|_| !scope.is_end_users());
    hub.log_call(
        scope,
        &Call {
            at: Some(end.at),
            duration_ms: end.duration_ms,
            method: &asked.method,
            status: end.status,
            target: told(scope, asked, route),
            account: named(route, &asked.target, "accounts").or(asked.account.as_deref()),
            provider,
            resource,
            action,
            error: end.error.as_deref(),
            exchange: end.exchange,
            is_for_provider: is_for_provider(&asked.target),
        },
    );
}

fn shown(redactor: &Redactor, headers: &HeaderMap) -> Vec<(String, String)> {
    redactor.headers(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}

fn kind(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok())
}

/// Headers and body of a call as far as they came, without any answer.
fn sent(state: &AppState, redactor: &Redactor, asked: &Asked, headers: &HeaderMap) -> Exchange {
    let body = asked
        .body
        .as_ref()
        .map(|taken| std::mem::take(&mut *taken.lock().unwrap_or_else(PoisonError::into_inner)));
    let base = state.hub.public_url().as_str().trim_end_matches('/');
    Exchange {
        method: asked.method.clone(),
        url: redactor.text(&format!("{base}{}", redactor.path_and_query(&asked.target))),
        request_headers: shown(redactor, headers),
        request_body: redactor.body(kind(headers), &body.unwrap_or_default(), true),
        ..Exchange::default()
    }
}

/// What is seen of an answer's body.
#[derive(Clone, Copy)]
enum Came<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// More than is kept.
    More,
    /// Rows that are still being read.
    List,
}

impl<'a> Came<'a> {
    fn of(copy: &'a [u8]) -> Self {
        if copy.len() > SEEN_LIMIT { Self::More } else { Self::Whole(copy) }
    }
}

/// Headers and bodies of a call that was answered; none where those that came were not taken down.
fn exchange(
    state: &AppState,
    scope: &Scope,
    asked: &Asked,
    (status, headers): (u16, &HeaderMap),
    came: Came<'_>,
) -> Option<Exchange> {
    let redactor = scope.redactor();
    let response_body = match came {
        Came::Whole(bytes) => redactor.body(kind(headers), bytes, false),
        Came::More => Value::String(format!("more than {SEEN_LIMIT} bytes, too many to be kept")),
        Came::List => Value::String("a list that is not kept".to_owned()),
    };
    Some(Exchange {
        status: Some(status),
        response_headers: shown(&redactor, headers),
        response_body,
        ..sent(state, &redactor, asked, asked.headers.as_ref()?)
    })
}

/// Learns what projects keep of their calls; before the first one is answered, and now and then.
pub(super) async fn learn(hub: &Hub) {
    if let Err(error) = hub.learn_what_logs_keep().await {
        tracing::warn!(target: "hubctl::logs", "what projects keep in their logs: {error}");
    }
}

/// Writes rows soon after they came, many at once, for as long as the hub runs.
pub(super) async fn write(state: AppState) {
    let hub = &state.hub;
    let [mut relearn, mut prune] = [LEARN_EVERY, PRUNE_EVERY].map(|every| {
        let mut chore = interval_at(Instant::now() + every, every);
        chore.set_missed_tick_behavior(MissedTickBehavior::Delay);
        chore
    });
    loop {
        tokio::select! {
            () = hub.logs().woken() => {}
            _ = relearn.tick() => {
                learn(hub).await;
                continue;
            }
            _ = prune.tick() => {
                match prune_round(hub, PRUNE_BATCHES).await {
                    Ok(pruned) if pruned.more => prune.reset_immediately(),
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(target: "hubctl::logs", "the log was not pruned: {error}");
                    }
                }
                continue;
            }
        }
        if hub.logs().waiting() < BATCH {
            tokio::select! {
                () = sleep(GATHER) => {}
                () = hub.logs().woken() => {}
            }
        }
        while let Err(error) = hub.flush_logs().await {
            tracing::warn!(target: "hubctl::logs", "rows of the request log wait: {error}");
            sleep(AGAIN).await;
        }
    }
}

/// Writes what is left when the hub ends, and waits for what is being written, for so long at most.
pub(super) async fn finish(state: &AppState, within: Duration) {
    let told = match timeout(within, state.hub.flush_logs()).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(late) => late.to_string(),
    };
    let left = state.hub.logs().waiting();
    tracing::warn!(target: "hubctl::logs", left, "rows of the request log are lost: {told}");
}

#[cfg(test)]
mod tests {
    use super::{named, operation};

    #[test]
    fn what_a_path_names_is_found_by_its_route() {
        let target = "/admin/accounts/a-1/suspend?dry_run=true";
        assert_eq!(named("/admin/accounts/{id}/suspend", target, "accounts"), Some("a-1"));
        assert_eq!(named("/accounts", "/accounts?x=1", "accounts"), None);
        assert_eq!(operation("/accounts/{id}", "PATCH"), Some("platform.accounts.update"));
        let old = "/connect_sessions/connection_attempts";
        assert_eq!(operation(old, "POST"), Some("hub.attempts.create"));
        assert_eq!(operation("/connect/{token}", "GET"), Some("connect.pages.open"));
        assert!(operation("unmatched", "GET").is_none());
    }
}
