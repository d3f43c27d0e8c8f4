//! The hub's own applications at providers.

use axum::extract::Path;

use crate::api::oauth_apps::NewOAuthApp;
use crate::error::codes;
use crate::server::body::JsonBody;

use super::rows::list_of;
use super::{Answer, Door, Params, named, ok};

pub(super) async fn list(Door(hub): Door) -> Answer {
    list_of(&hub.oauth_apps().await?)
}

pub(super) async fn set(
    Door(hub): Door,
    Path(key): Path<String>,
    Params(query): Params,
    JsonBody(new): JsonBody<NewOAuthApp>,
) -> Answer {
    ok(hub.set_oauth_app(new.for_connector(&key)?, query.guard()?).await?)
}

pub(super) async fn delete(
    Door(hub): Door,
    Path(key): Path<String>,
    Params(query): Params,
) -> Answer {
    let connector = named(&key, &codes::OAUTH_APP_UNKNOWN)?;
    ok(hub.delete_oauth_app(&connector, query.guard()?).await?)
}
