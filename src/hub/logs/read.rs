//! Reads the log.

use std::ops::ControlFlow;

use crate::domain::caller::{Caller, Permission};
use crate::domain::request_log::Entry;
use crate::domain::words::escaped;
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::store::Tx;
use crate::store::request_logs::{self, Cursor, Filter, Order, Page, Table};

use super::Exchange;
use super::write::spot;

/// Most steps of one request that are shown.
const STEPS: i64 = 500;

/// A call with all that is kept of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// The call.
    pub entry: Entry,
    /// Its headers and bodies, where they are kept and asked for.
    pub exchange: Option<Exchange>,
    /// The calls to providers that it led to, where they are asked for.
    pub steps: Option<Vec<StepDetail>>,
}

/// A call to a provider with all that is kept of it.
#[derive(Debug, Clone, PartialEq)]
pub struct StepDetail {
    /// The call.
    pub entry: Entry,
    /// Its headers and bodies, where they are kept and asked for.
    pub exchange: Option<Exchange>,
}

/// Writes what waits, so that a caller sees its own calls. Where that is not possible, what is
/// written is still worth showing.
async fn settle(hub: &Hub) {
    if let Err(error) = hub.flush_logs().await {
        tracing::warn!(target: "hubctl::logs", "rows of the request log wait: {error}");
    }
}

/// A page of one of the two lists (KP-11, KP-12).
pub async fn page(
    hub: &Hub,
    caller: &Caller,
    list: Table,
    filter: &Filter,
    order: Order,
    behind: Option<&Cursor>,
    size: usize,
) -> Result<Page, HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    settle(hub).await;
    let mut tx = hub.store.begin_read().await?;
    let project = caller.project();
    Ok(request_logs::page(&mut tx, list, project, filter, order, behind, size).await?)
}

/// Shows each call that fits to `each`: all of one state of the log, in the order of time.
pub async fn scan(
    hub: &Hub,
    caller: &Caller,
    filter: &Filter,
    descending: bool,
    each: impl FnMut(&Entry) -> Result<ControlFlow<()>, HubError>,
) -> Result<(), HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    settle(hub).await;
    let mut tx = hub.store.begin_read().await?;
    request_logs::scan(&mut tx, Table::Logs, caller.project(), filter, descending, each).await
}

/// The call of this request id (KP-13), with its steps and bodies where they are wanted.
///
/// # Errors
/// `log.not_found`.
pub async fn get(
    hub: &Hub,
    caller: &Caller,
    request_id: &str,
    with_steps: bool,
    with_bodies: bool,
) -> Result<Detail, HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    settle(hub).await;
    let mut tx = hub.store.begin_read().await?;
    let project = caller.project();
    let entry = request_logs::by_request(&mut tx, project, request_id).await?;
    let entry = entry.ok_or_else(|| unknown(request_id))?;
    let exchange = match with_bodies {
        true => kept(hub, &mut tx, Table::Logs, &entry).await?,
        false => None,
    };
    let mut steps = with_steps.then(Vec::new);
    if let Some(steps) = &mut steps {
        for entry in request_logs::steps_of(&mut tx, project, request_id, STEPS).await? {
            let exchange = match with_bodies {
                true => kept(hub, &mut tx, Table::Steps, &entry).await?,
                false => None,
            };
            steps.push(StepDetail { entry, exchange });
        }
    }
    Ok(Detail { entry, exchange, steps })
}

/// The error for an id that no call of the project has.
#[must_use]
pub fn unknown(request_id: &str) -> HubError {
    let shown = escaped(request_id, 80);
    HubError::new(&codes::LOG_UNKNOWN, format!("no request `{shown}` in the log"))
        .hint("hubctl logs list")
}

async fn kept(
    hub: &Hub,
    tx: &mut Tx,
    table: Table,
    entry: &Entry,
) -> Result<Option<Exchange>, HubError> {
    let sealed = request_logs::body(tx, entry.project, table, entry.number).await?;
    let Some(sealed) = sealed else { return Ok(None) };
    let id = entry.number.to_string();
    let plain = hub.open_text(tx, entry.project, spot(table, &id), &sealed).await?;
    let read = serde_json::from_slice(&plain).map_err(|_| {
        HubError::new(&codes::SEAL_BROKEN, "a sealed value does not hold what it should")
    })?;
    Ok(Some(read))
}
