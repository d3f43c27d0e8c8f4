//! The vendor's platform API, where it answers otherwise than the hub's own (contract sections 3
//! to 6).

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Map, Value};

use crate::api::accounts::Account;
use crate::api::platform::NewPin;
use crate::api::requests::accounts::{ChangeAccount, filter};
use crate::api::requests::connect_sessions::{Authenticate, NewConnectSession};
use crate::api::requests::{Paging, auth_configs as asked};
use crate::error::{HubError, codes};
use crate::hub::accounts::{Filter, Sort};
use crate::hub::write::Guard;
use crate::server::AppState;
use crate::server::body::{JsonBody, unfit};
use crate::server::caller::Source;
use crate::server::pages::Page;

use super::accounts::id;
use super::connect_sessions::id as session_id;
use super::connectors::key;
use super::generation::Generation;
use super::{Answer, Door, Params, created, named, ok};

pub(super) async fn create_session(
    Door(hub): Door,
    generation: Generation,
    JsonBody(new): JsonBody<NewConnectSession>,
) -> Answer {
    let session = hub.create_session(new.try_into()?, Guard::default()).await?;
    created(generation.session(&session)?)
}

pub(super) async fn authenticate(
    State(state): State<AppState>,
    Door(hub): Door,
    source: Source,
    generation: Generation,
    JsonBody(asked): JsonBody<Authenticate>,
) -> Answer {
    let found = hub.session_of_token(&asked.into()).await;
    let session = found.map_err(|error| source.refused(error, &state))?;
    created(generation.session(&session)?)
}

pub(super) async fn session(
    Door(hub): Door,
    generation: Generation,
    Path(session): Path<String>,
) -> Answer {
    ok(generation.session(&hub.session(session_id(&session)?).await?)?)
}

/// A page is found by the row before it, where an earlier answer told it; otherwise rows are
/// counted, and the one before the page is read with it.
pub(super) async fn accounts(
    State(state): State<AppState>,
    Door(hub): Door,
    Params(query): Params,
) -> Answer {
    let (filter, paging) = (filter(&query)?, Paging::of(&query)?);
    let (size, number) = (paging.page_size, paging.page);
    if filter.sort != Sort::default() || filter.descending || filter.after.is_some() {
        return ok(hub.account_page(&filter, paging.offset(), size).await?);
    }
    let (now, pages) = (state.hub.now(), state.pages());
    let page = |number| Page {
        project: hub.caller().project(),
        key: hub.caller().key().map_or(0, |key| key.number.0),
        asked: query.without("page").to_text(),
        number,
    };
    let rows = match pages.before(&page(number), now) {
        _ if number == 1 => hub.account_page(&filter, 0, size).await?,
        Some(before) => {
            let filter = Filter { after: Some(before), ..filter };
            hub.account_page(&filter, 0, size).await?
        }
        None => {
            let mut rows = hub.account_page(&filter, paging.offset() - 1, size + 1).await?;
            let before = (!rows.is_empty()).then(|| rows.remove(0));
            if let Some(Ok(before)) = before.map(|row| row.id.parse()) {
                pages.remember(page(number), before, now);
            }
            rows
        }
    };
    if rows.len() as u64 == size
        && let Some(Ok(last)) = rows.last().map(|row| row.id.parse())
    {
        pages.remember(page(number + 1), last, now);
    }
    ok(rows)
}

pub(super) async fn account(Door(hub): Door, Path(account): Path<String>) -> Answer {
    ok(hub.plain_account(&id(&account)?).await?)
}

/// Keys of the vendor's schema that change credentials: that takes a session here, whose page
/// proves them at the provider.
const BY_SESSION: &[&str] = &["credentials", "secrets", "setup_information"];

pub(super) async fn update_account(
    Door(hub): Door,
    Path(account): Path<String>,
    JsonBody(asked): JsonBody<Map<String, Value>>,
) -> Answer {
    let id = id(&account)?;
    if let Some(key) = BY_SESSION.iter().find(|key| asked.get(**key).is_some_and(|v| !v.is_null()))
    {
        let text = format!("{key}: credentials are replaced by a connect session");
        return Err(HubError::new(&codes::BAD_VALUE, text)
            .hint("POST /connect_sessions with this account_id")
            .into());
    }
    let changes: ChangeAccount =
        serde_json::from_value(Value::Object(asked)).map_err(|error| unfit(&error))?;
    let written = hub.update_account(&id, changes.try_into()?, Guard::default()).await?;
    ok(written.after.map(Account::from))
}

/// AT-20: the deleted account is the answer.
pub(super) async fn delete_account(Door(hub): Door, Path(account): Path<String>) -> Answer {
    let written = hub.delete_account(&id(&account)?, Guard::default()).await?;
    ok(written.before.map(Account::from))
}

pub(super) async fn account_meta(Door(hub): Door, Path(account): Path<String>) -> Answer {
    ok(hub.account_meta(&id(&account)?).await?)
}

pub(super) async fn auth_configs(Door(hub): Door, Params(query): Params) -> Answer {
    ok(hub.auth_config_page(&asked::filter(&query)?, Paging::of(&query)?).await?)
}

pub(super) async fn versions(Door(hub): Door, Path(id): Path<String>) -> Answer {
    ok(hub.connector_versions(&id).await?)
}

pub(super) async fn pin(Door(hub): Door, Path(id): Path<String>) -> Answer {
    ok(hub.pin(&id).await?)
}

pub(super) async fn set_pin(
    Door(hub): Door,
    Path(id): Path<String>,
    JsonBody(asked): JsonBody<NewPin>,
) -> Answer {
    let pin = named(&asked.pinned_version, &codes::BAD_VALUE)?;
    ok(hub.set_pin(&id, Some(pin)).await?)
}

pub(super) async fn delete_pin(Door(hub): Door, Path(id): Path<String>) -> Answer {
    hub.set_pin(&id, None).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn connector_metas(Door(hub): Door, Params(query): Params) -> Answer {
    let include: Vec<String> = query.all("include")?;
    let has = |name: &str| include.iter().any(|member| member == name);
    ok(hub.connector_metas(has("inactive"), has("resources")).await?)
}

pub(super) async fn connector_meta(
    Door(hub): Door,
    Path(provider): Path<String>,
    Params(query): Params,
) -> Answer {
    let include: Vec<String> = query.all("include")?;
    let resources = include.iter().any(|member| member == "resources");
    ok(hub.connector_meta(&key(&provider)?, resources).await?)
}
