//! The vendor's platform API, where it answers otherwise than the hub's own (contract sections 3
//! to 6).

use std::ops::ControlFlow;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;

use crate::api::accounts::Account;
use crate::api::requests::Paging;
use crate::api::requests::accounts::{ChangeAccount, filter};
use crate::api::requests::auth_configs::{self as asked, NewPin};
use crate::api::requests::connect_sessions::{Authenticate, NewConnectSession};
use crate::hub::accounts::Sort;
use crate::hub::auth_configs::Edit;
use crate::hub::write::Guard;
use crate::server::AppState;
use crate::server::body::JsonBody;
use crate::server::caller::Source;
use crate::server::pages::Page;

use super::accounts::id;
use super::connect_sessions::id as session_id;
use super::connectors::key;
use super::generation::Generation;
use super::rows::Array;
use super::{Answer, Door, Params, created, ok};

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
    let (mut filter, paging) = (filter(&query)?, Paging::of(&query)?);
    let (size, number) = (paging.page_size, paging.page);
    let is_numbered =
        filter.sort == Sort::default() && !filter.descending && filter.after.is_none();
    let (now, pages) = (state.hub.now(), state.pages());
    let page = |number| Page {
        project: hub.caller().project(),
        key: hub.caller().key().map_or(0, |key| key.number.0),
        asked: query.without("page").to_text(),
        number,
    };
    (filter.offset, filter.limit) = (paging.offset(), Some(size));
    let mut skips_one = false;
    if is_numbered && number > 1 {
        match pages.before(&page(number), now) {
            Some(before) => (filter.offset, filter.after) = (0, Some(before)),
            None => {
                (filter.offset, filter.limit) = (filter.offset - 1, Some(size + 1));
                skips_one = true;
            }
        }
    }
    let (mut array, mut before, mut last) = (Array::default(), None, None);
    hub.accounts(&filter, |account| {
        if skips_one {
            skips_one = false;
            before = account.id.parse().ok();
            return Ok(ControlFlow::Continue(()));
        }
        array.push(account)?;
        if array.rows() == size {
            last = account.id.parse().ok();
        }
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    if is_numbered {
        // Who asks for a page has got the one before it.
        pages.left(&page(number - 1));
        if let Some(before) = before {
            pages.remember(page(number), before, now);
        }
        match last {
            Some(last) => pages.remember(page(number + 1), last, now),
            // A page that is not full is the last one.
            None => pages.left(&page(number)),
        }
    }
    Ok(array.answer())
}

pub(super) async fn account(Door(hub): Door, Path(account): Path<String>) -> Answer {
    ok(hub.plain_account(&id(&account)?).await?)
}

pub(super) async fn update_account(
    Door(hub): Door,
    Path(account): Path<String>,
    JsonBody(changes): JsonBody<ChangeAccount>,
) -> Answer {
    let written = hub.update_account(&id(&account)?, changes.try_into()?, Guard::default()).await?;
    ok(written.after.map(Account::from))
}

/// AT-20: the deleted account is the answer.
pub(super) async fn delete_account(
    Door(hub): Door,
    Path(account): Path<String>,
    Params(query): Params,
) -> Answer {
    let keep_remote = query.flag("keep_remote")?;
    let written = hub.delete_account(&id(&account)?, keep_remote, Guard::default()).await?;
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
    ok(hub.set_pin(&id, asked.try_into()?).await?)
}

pub(super) async fn delete_pin(Door(hub): Door, Path(id): Path<String>) -> Answer {
    hub.set_pin(&id, Edit { pin: Some(None), ..Edit::default() }).await?;
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
