//! The log of calls (contract section 7).

use axum::extract::Path;

use crate::api::request_logs::One;
use crate::api::requests::request_logs::{Include, listed};

use super::rows::{self, Turn, rows};
use super::{Answer, Door, Params, ok};

pub(super) async fn logs(Door(hub): Door, Params(query): Params) -> Answer {
    ok(hub.request_log_page(&query).await?)
}

pub(super) async fn steps(Door(hub): Door, Params(query): Params) -> Answer {
    ok(hub.step_log_page(&query).await?)
}

pub(super) async fn platform_logs(Door(hub): Door, Params(query): Params) -> Answer {
    ok(hub.platform_log_page(&query).await?)
}

pub(super) async fn log(
    Door(hub): Door,
    Path(request): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(One { data: hub.log(&request, Include::of(&query)?).await? })
}

/// All that fits, as far as the client reads.
pub(super) async fn list(Door(hub): Door, Params(query): Params, turn: Turn) -> Answer {
    let (filter, descending) = listed(&query)?;
    rows(turn, async move |sink: rows::Sink| {
        hub.logs(&filter, descending, |row| sink.push(row)).await
    })
    .await
}
