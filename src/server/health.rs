//! How the hub is: for load balancers, service managers and Prometheus.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;
use tokio::time::timeout;

use crate::domain::caller::Permission;
use crate::error::{HubError, codes};
use crate::hub::backlog::{self, Backlog};

use super::AppState;
use super::caller::Authenticated;
use super::respond::{Failure, reply};
use super::router::causes;

/// Where the process says that it is alive.
pub(super) const ALIVE: &str = "/healthz";
/// Where it says that it can work.
pub(super) const READY: &str = "/readyz";
/// What it counts.
pub(super) const METRICS: &str = "/metrics";
/// How long the store may take for a sign of life.
const STORE_LIMIT: Duration = Duration::from_secs(2);
/// How old the numbers of what is due may be.
const BACKLOG_EVERY: Duration = Duration::from_secs(15);

/// Health, for everybody, and numbers, for administrators.
pub(super) fn routes() -> Router<AppState> {
    health().route(METRICS, get(metrics_for))
}

/// Both for everybody, for an address of their own.
pub(super) fn own_routes() -> Router<AppState> {
    health().route(METRICS, get(metrics))
}

fn health() -> Router<AppState> {
    Router::new().route(ALIVE, get(alive)).route(READY, get(ready))
}

async fn alive() -> Response {
    reply(StatusCode::OK, json!({ "status": "ok" }))
}

/// Whether it is asked for again and again by a machine.
pub(super) fn is_probe(route: &str) -> bool {
    [ALIVE, READY, METRICS].contains(&route)
}

fn not_ready(text: &'static str) -> HubError {
    HubError::new(&codes::NOT_READY, text)
}

async fn ready(State(state): State<AppState>) -> Result<Response, Failure> {
    if state.stop().is_stopping() {
        return Err(not_ready("the hub is stopping").into());
    }
    let asked = match timeout(STORE_LIMIT, state.hub.store().ping()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(not_ready("the store can't be used").source(error)),
        Err(_) => Err(not_ready("the store does not answer")),
    };
    let was_ready = !state.metrics().is_unready.swap(asked.is_err(), Ordering::Relaxed);
    match &asked {
        Err(error) if was_ready => {
            let (code, cause) = (error.code().name, causes(error));
            tracing::error!(target: "hubctl::serve", code, cause, "not ready: {error}");
        }
        Ok(()) if !was_ready => tracing::info!(target: "hubctl::serve", "ready again"),
        _ => {}
    }
    asked?;
    // Whoever makes links on the store elsewhere can compare it with the address of theirs.
    let public_url = state.hub.public_url().as_str();
    Ok(reply(StatusCode::OK, json!({ "status": "ready", "public_url": public_url })))
}

async fn metrics_for(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
) -> Result<Response, Failure> {
    let needed = Permission::Administer;
    if !caller.may(needed) {
        let text = format!("this needs the scope `{}`", needed.as_str());
        return Err(HubError::new(&codes::FORBIDDEN, text).into());
    }
    Ok(metrics(State(state)).await)
}

async fn metrics(State(state): State<AppState>) -> Response {
    let dropped = state.log_lines_dropped();
    let backlog = backlog(&state).await;
    let (hub, metrics) = (&state.hub, state.metrics());
    let store = (&hub.store().gauges(), backlog);
    let page = metrics.page(store, dropped, hub.logs(), hub.tallies());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response()
}

/// What is due, looked at from time to time: whoever reads the numbers often does not load the store.
async fn backlog(state: &AppState) -> Option<Backlog> {
    let mut last = state.metrics().backlog.lock().await;
    if let Some((at, known)) = &*last
        && at.elapsed() < BACKLOG_EVERY
    {
        return *known;
    }
    let asked = timeout(STORE_LIMIT, backlog::backlog(&state.hub)).await;
    let found = asked.ok().and_then(Result::ok);
    *last = Some((Instant::now(), found));
    found
}
