//! The catalog, and the project's own connectors.

use axum::extract::Path;

use crate::api::requests::connectors::{ImportConnectors, filter};
use crate::domain::connector::guide::Audience;
use crate::domain::names::ConnectorKey;
use crate::error::{HubError, codes};
use crate::server::body::JsonBody;

use super::rows::list_of;
use super::{Answer, Door, Params, named, ok};

pub(super) fn key(text: &str) -> Result<ConnectorKey, HubError> {
    named(text, &codes::CONNECTOR_UNKNOWN)
}

pub(super) async fn list(Door(hub): Door, Params(query): Params) -> Answer {
    list_of(&hub.connectors(&filter(&query)?).await?)
}

pub(super) async fn get(Door(hub): Door, Path(connector): Path<String>) -> Answer {
    ok(hub.connector(&key(&connector)?).await?)
}

pub(super) async fn guide(
    Door(hub): Door,
    Path(connector): Path<String>,
    Params(query): Params,
) -> Answer {
    let audience = query.one("for")?.unwrap_or(Audience::Admin);
    ok(hub.guide(&key(&connector)?, audience).await?)
}

pub(super) async fn import(
    Door(hub): Door,
    Params(query): Params,
    JsonBody(asked): JsonBody<ImportConnectors>,
) -> Answer {
    ok(hub.import_connectors(&asked.connectors, query.guard()?).await?)
}

pub(super) async fn forget(
    Door(hub): Door,
    Path(connector): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.forget_connector(&key(&connector)?, query.guard()?).await?)
}
