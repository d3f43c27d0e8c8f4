//! Connect sessions, as administrators see them.

use axum::extract::Path;

use crate::api::requests::connect_sessions::{NewBatch, NewConnectSession, filter};
use crate::domain::ids::SessionId;
use crate::domain::number::whole;
use crate::error::{HubError, codes};
use crate::hub::connect_sessions::BatchItem;
use crate::server::body::JsonBody;

use super::rows::{self, Turn, rows};
use super::{Answer, Door, Params, created, named, ok};

/// Most sessions in one step of a batch.
const BATCH_LIMIT: usize = 1_000;

/// A session's number, in any spelling: SDKs that know only floats ask for `1.0` (contract section
/// 3.2).
pub(super) fn id(text: &str) -> Result<SessionId, HubError> {
    let number = whole::<i64>(text).map(|number| number.to_string());
    named(number.as_deref().unwrap_or(text), &codes::SESSION_UNKNOWN)
}

pub(super) async fn create(
    Door(hub): Door,
    Params(query): Params,
    JsonBody(new): JsonBody<NewConnectSession>,
) -> Answer {
    created(hub.create_session(new.try_into()?, query.guard()?).await?)
}

pub(super) async fn get(Door(hub): Door, Path(session): Path<String>) -> Answer {
    ok(hub.session(id(&session)?).await?)
}

pub(super) async fn create_batch(
    Door(hub): Door,
    Params(query): Params,
    JsonBody(batch): JsonBody<NewBatch>,
) -> Answer {
    if !(1..=BATCH_LIMIT).contains(&batch.items.len()) {
        let text = format!("items: give 1 to {BATCH_LIMIT} of them");
        return Err(HubError::new(&codes::SESSION_INVALID, text).into());
    }
    let items = batch.items.into_iter().map(BatchItem::try_from).collect::<Result<_, _>>()?;
    created(hub.create_sessions(items, query.guard()?).await?)
}

pub(super) async fn list(Door(hub): Door, Params(query): Params, turn: Turn) -> Answer {
    let filter = filter(&query)?;
    rows(turn, async move |sink: rows::Sink| {
        hub.sessions(filter, |session| sink.push(session)).await
    })
    .await
}

pub(super) async fn revoke(
    Door(hub): Door,
    Path(session): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.revoke_session(id(&session)?, query.guard()?).await?)
}
