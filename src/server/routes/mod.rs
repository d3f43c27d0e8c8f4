//! Routes: one for each operation of the table. Extract, call, wrap.

use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::response::Response;
use axum::routing::{MethodRouter, any, delete, get, patch, post, put};
use http::StatusCode;
use http::request::Parts;

use crate::api::OPERATIONS;
use crate::api::requests::Query;
use crate::error::{Code, HubError, codes};
use crate::local::Local;

use super::AppState;
use super::respond::{Failure, reply};
use super::router::Authenticated;

mod accounts;
mod auth_configs;
mod connect_sessions;
mod connectors;
mod end_user;
mod events;
mod generation;
mod hub;
mod keys;
mod oauth_apps;
mod platform;
mod projects;
mod proxy;
mod request_logs;
mod rows;
mod webhooks;

type Answer = Result<Response, Failure>;

/// The hub, for the caller whose key came with the request.
struct Door(Local);

impl FromRequestParts<AppState> for Door {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failure> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, state).await?;
        Ok(Self(Local::of(Arc::clone(&state.hub), caller)))
    }
}

/// What stands behind `?` in the address.
struct Params(Query);

impl FromRequestParts<AppState> for Params {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Failure> {
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        // No stored text has one, and PostgreSQL can't even be asked for it.
        if query.has_nul() {
            let text = "a query parameter has a NUL character";
            return Err(HubError::new(&codes::BAD_VALUE, text).into());
        }
        Ok(Self(query))
    }
}

/// Parts of the vendor's API that this hub does not have; a client is told so, not that it is lost.
/// What it has below one of them wins.
const OUT_OF_SCOPE: &[&str] = &[
    "/actions",
    "/actions/{*rest}",
    "/logs",
    "/logs/{*rest}",
    "/mcp",
    "/unified/{*rest}",
    "/v2/{*rest}",
    "/webhooks/{id}/events",
];
/// Below what it has there, nothing is.
const NOTHING: &[&str] = &["/unified/proxy/", "/unified/proxy/{*rest}"];

/// Every operation that has a handler, at its place.
pub fn routes() -> Router<AppState> {
    let router = OUT_OF_SCOPE
        .iter()
        .fold(Router::new(), |router, path| router.route(path, any(out_of_scope)));
    let router =
        NOTHING.iter().fold(router, |router, path| router.route(path, any(StatusCode::NOT_FOUND)));
    let router = router.route("/openapi.json", get(hub::description));
    let router = router.merge(end_user::routes()).merge(super::page::routes());
    let router = router.merge(super::pictures::routes());
    OPERATIONS.iter().fold(router, |router, operation| match handler(operation.id) {
        Some(handler) => router.route(operation.path, handler),
        None => router,
    })
}

async fn out_of_scope(_: Door) -> Failure {
    HubError::new(&codes::OUT_OF_SCOPE, "this hub does not have this operation").into()
}

#[rustfmt::skip]
fn handler(id: &str) -> Option<MethodRouter<AppState>> {
    Some(match id {
        "platform.connect_sessions.create" => post(platform::create_session),
        "platform.connect_sessions.authenticate" => post(platform::authenticate),
        "platform.connect_sessions.get" => get(platform::session),
        "platform.accounts.list" => get(platform::accounts),
        "platform.accounts.get" => get(platform::account),
        "platform.accounts.update" => patch(platform::update_account),
        "platform.accounts.delete" => delete(platform::delete_account),
        "platform.accounts.meta" => get(platform::account_meta),
        "platform.auth_configs.list" | "platform.connector_profiles.list" => {
            get(platform::auth_configs)
        }
        "platform.connector_profiles.versions" => get(platform::versions),
        "platform.connector_profiles.get_pin" => get(platform::pin),
        "platform.connector_profiles.set_pin" => put(platform::set_pin),
        "platform.connector_profiles.delete_pin" => delete(platform::delete_pin),
        "platform.connectors.list_meta" => get(platform::connector_metas),
        "platform.connectors.get_meta" => get(platform::connector_meta),
        "platform.proxy" => post(proxy::unified),
        "platform.requests.logs" => get(request_logs::logs),
        "platform.requests.steps" => get(request_logs::steps),
        "platform.requests.get" => get(request_logs::log),
        "platform.requests.platform_logs" => get(request_logs::platform_logs),
        "logs.list" => get(request_logs::list),
        "capabilities.get" => get(hub::capabilities),
        "auth_configs.list" => get(auth_configs::list),
        "auth_configs.target" => get(auth_configs::target),
        "auth_configs.get" => get(auth_configs::get),
        "auth_configs.create" => post(auth_configs::create),
        "auth_configs.update" => patch(auth_configs::update),
        "auth_configs.impact" => get(auth_configs::impact),
        "auth_configs.enable" => post(auth_configs::enable),
        "auth_configs.disable" => post(auth_configs::disable),
        "auth_configs.make_default" => post(auth_configs::make_default),
        "auth_configs.delete" => delete(auth_configs::delete),
        "connectors.list" => get(connectors::list),
        "connectors.get" => get(connectors::get),
        "connectors.guide" => get(connectors::guide),
        "connectors.import" => put(connectors::import),
        "connectors.forget" => delete(connectors::forget),
        "connect_sessions.create" => post(connect_sessions::create),
        "connect_sessions.create_batch" => post(connect_sessions::create_batch),
        "connect_sessions.get" => get(connect_sessions::get),
        "connect_sessions.list" => get(connect_sessions::list),
        "connect_sessions.revoke" => post(connect_sessions::revoke),
        "accounts.list" => get(accounts::list),
        "accounts.get" => get(accounts::get),
        "accounts.explain" => get(accounts::explain),
        "accounts.check" => get(accounts::check),
        "accounts.create" => post(accounts::create),
        "accounts.update" => patch(accounts::update),
        "accounts.suspend" => post(accounts::suspend),
        "accounts.resume" => post(accounts::resume),
        "accounts.test" => post(accounts::test),
        "accounts.refresh" => post(accounts::refresh),
        "accounts.delete" => delete(accounts::delete),
        "accounts.proxy" => post(proxy::raw),
        "projects.list" => get(projects::list),
        "projects.get" => get(projects::get),
        "projects.impact" => get(projects::impact),
        "projects.create" => post(projects::create),
        "projects.update" => patch(projects::update),
        "projects.delete" => delete(projects::delete),
        "oauth_apps.list" => get(oauth_apps::list),
        "oauth_apps.set" => put(oauth_apps::set),
        "oauth_apps.delete" => delete(oauth_apps::delete),
        "keys.list" => get(keys::list),
        "keys.get" => get(keys::get),
        "keys.create" => post(keys::create),
        "keys.disable" => post(keys::disable),
        "keys.enable" => post(keys::enable),
        "keys.delete" => delete(keys::delete),
        "events.list" => get(events::list),
        "events.follow" => get(events::follow),
        "webhooks.list" => get(webhooks::list),
        "webhooks.get" => get(webhooks::get),
        "webhooks.create" => post(webhooks::create),
        "webhooks.update" => patch(webhooks::update),
        "webhooks.enable" => post(webhooks::enable),
        "webhooks.disable" => post(webhooks::disable),
        "webhooks.delete" => delete(webhooks::delete),
        "webhooks.rotate_secret" => post(webhooks::rotate_secret),
        "webhooks.test" => post(webhooks::test),
        "deliveries.list" => get(webhooks::deliveries),
        "deliveries.get" => get(webhooks::delivery),
        "deliveries.redeliver" => post(webhooks::redeliver),
        "deliveries.redeliver_failed" => post(webhooks::redeliver_failed),
        _ => return None,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "every handler ends with it")]
fn ok(answer: impl serde::Serialize) -> Answer {
    Ok(reply(StatusCode::OK, answer))
}

#[expect(clippy::unnecessary_wraps, reason = "every handler ends with it")]
fn created(answer: impl serde::Serialize) -> Answer {
    Ok(reply(StatusCode::CREATED, answer))
}

/// The answer to a create that may find what it should make.
fn created_or_there((answer, is_new): (impl serde::Serialize, bool)) -> Answer {
    if is_new { created(answer) } else { ok(answer) }
}

/// A name in the path; one of the wrong form names nothing, like any other that is not there.
fn named<T: FromStr<Err: std::fmt::Display>>(
    text: &str,
    unknown: &'static Code,
) -> Result<T, HubError> {
    text.parse().map_err(|error: T::Err| HubError::new(unknown, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::{OPERATIONS, handler, routes};

    #[test]
    fn every_operation_has_a_route() {
        let without: Vec<_> =
            OPERATIONS.iter().map(|row| row.id).filter(|id| handler(id).is_none()).collect();
        assert!(without.is_empty(), "{without:?}");
        assert!(handler("nothing.at_all").is_none());
        let _ = routes();
    }
}
