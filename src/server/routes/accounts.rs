//! Linked accounts, as administrators see them.

use axum::extract::Path;

use crate::api::requests::accounts::{ChangeAccount, DETAILS, NO_VERIFY, NewAccount, filter};
use crate::domain::ids::AccountId;
use crate::error::{HubError, codes};
use crate::hub::accounts::{Ask, Changes};
use crate::server::body::JsonBody;

use super::rows::{self, Turn, rows};
use super::{Answer, Door, Params, created_or_there, named, ok};

pub(super) fn id(text: &str) -> Result<AccountId, HubError> {
    named(text, &codes::ACCOUNT_UNKNOWN)
}

pub(super) async fn list(Door(hub): Door, Params(query): Params, turn: Turn) -> Answer {
    let filter = filter(&query)?;
    if query.flag(DETAILS)? {
        return rows(turn, async move |sink: rows::Sink| {
            hub.account_details(&filter, |account| sink.push(account)).await
        })
        .await;
    }
    rows(turn, async move |sink: rows::Sink| {
        hub.accounts(&filter, |account| sink.push(account)).await
    })
    .await
}

pub(super) async fn get(Door(hub): Door, Path(account): Path<String>) -> Answer {
    ok(hub.account(&id(&account)?).await?)
}

pub(super) async fn explain(Door(hub): Door, Path(account): Path<String>) -> Answer {
    ok(hub.explain(&id(&account)?).await?)
}

pub(super) async fn check(
    Door(hub): Door,
    Path(account): Path<String>,
    Params(query): Params,
) -> Answer {
    let ask = if query.flag("offline")? { Ask::Nobody } else { Ask::Provider };
    ok(hub.check_account(&id(&account)?, ask).await?)
}

pub(super) async fn create(
    Door(hub): Door,
    Params(query): Params,
    JsonBody(new): JsonBody<NewAccount>,
) -> Answer {
    created_or_there(hub.add_account(new.try_into()?, query.guard()?).await?)
}

pub(super) async fn update(
    Door(hub): Door,
    Path(account): Path<String>,
    Params(query): Params,
    JsonBody(changes): JsonBody<ChangeAccount>,
) -> Answer {
    let no_verify = query.flag(NO_VERIFY)?;
    let changes = Changes { no_verify, ..Changes::try_from(changes)? };
    ok(hub.update_account(&id(&account)?, changes, query.guard()?).await?)
}

pub(super) async fn suspend(
    Door(hub): Door,
    Path(account): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.suspend(&id(&account)?, query.guard()?).await?)
}

pub(super) async fn resume(
    Door(hub): Door,
    Path(account): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.resume(&id(&account)?, query.guard()?).await?)
}

pub(super) async fn delete(
    Door(hub): Door,
    Path(account): Path<String>,
    Params(query): Params,
) -> Answer {
    let keep_remote = query.flag("keep_remote")?;
    ok(hub.delete_account(&id(&account)?, keep_remote, query.guard()?).await?)
}

pub(super) async fn test(
    Door(hub): Door,
    Path(account): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.test_account(&id(&account)?, query.guard()?).await?)
}

pub(super) async fn refresh(
    Door(hub): Door,
    Path(account): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.refresh_account(&id(&account)?, query.guard()?).await?)
}
