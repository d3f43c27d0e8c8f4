//! Auth configs, which the vendor's API only lists.

use axum::extract::Path;
use serde_json::json;

use crate::api::requests::auth_configs::{EditAuthConfig, NewAuthConfig, filter};
use crate::error::{HubError, codes};
use crate::hub::auth_configs::Action;
use crate::server::body::JsonBody;

use super::rows::{self, Turn, rows};
use super::{Answer, Door, Params, created, ok};

pub(super) async fn list(Door(hub): Door, Params(query): Params, turn: Turn) -> Answer {
    let filter = filter(&query)?;
    rows(turn, async move |sink: rows::Sink| {
        hub.auth_configs(&filter, |config| sink.push(config)).await
    })
    .await
}

pub(super) async fn target(Door(hub): Door, Path(target): Path<String>) -> Answer {
    ok(json!({ "auth_configs": hub.target(&target).await? }))
}

pub(super) async fn get(Door(hub): Door, Path(target): Path<String>) -> Answer {
    ok(hub.auth_config(&target).await?)
}

pub(super) async fn create(
    Door(hub): Door,
    Params(query): Params,
    JsonBody(new): JsonBody<NewAuthConfig>,
) -> Answer {
    created(hub.add_auth_config(new.try_into()?, query.guard()?).await?)
}

pub(super) async fn update(
    Door(hub): Door,
    Path(target): Path<String>,
    Params(query): Params,
    JsonBody(edit): JsonBody<EditAuthConfig>,
) -> Answer {
    ok(hub.edit_auth_config(&target, edit.try_into()?, query.guard()?).await?)
}

pub(super) async fn impact(
    Door(hub): Door,
    Path(target): Path<String>,
    Params(query): Params,
) -> Answer {
    let action: Action = query
        .one("action")?
        .ok_or_else(|| HubError::new(&codes::BAD_VALUE, "action: say which one is meant"))?;
    ok(hub.impact(&target, action).await?)
}

pub(super) async fn enable(
    Door(hub): Door,
    Path(target): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.enable(&target, query.guard()?).await?)
}

pub(super) async fn disable(
    Door(hub): Door,
    Path(target): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.disable(&target, query.guard()?).await?)
}

pub(super) async fn make_default(
    Door(hub): Door,
    Path(target): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.make_default(&target, query.guard()?).await?)
}

pub(super) async fn delete(
    Door(hub): Door,
    Path(target): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.delete_auth_config(&target, query.guard()?).await?)
}
