//! API keys of the project.

use axum::extract::Path;

use crate::api::keys::CreateKey;
use crate::server::body::JsonBody;

use super::rows::list_of;
use super::{Answer, Door, Params, created, ok};

pub(super) async fn list(Door(hub): Door) -> Answer {
    list_of(&hub.keys().await?)
}

pub(super) async fn get(Door(hub): Door, Path(key): Path<String>) -> Answer {
    ok(hub.key(&key).await?)
}

pub(super) async fn create(
    Door(hub): Door,
    Params(query): Params,
    JsonBody(new): JsonBody<CreateKey>,
) -> Answer {
    created(hub.create_key(new.try_into()?, query.guard()?).await?)
}

pub(super) async fn disable(
    Door(hub): Door,
    Path(key): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.disable_key(&key, query.guard()?).await?)
}

pub(super) async fn enable(
    Door(hub): Door,
    Path(key): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.enable_key(&key, query.guard()?).await?)
}

pub(super) async fn delete(
    Door(hub): Door,
    Path(key): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.delete_key(&key, query.guard()?).await?)
}
