//! What happened in the project.

use crate::api::events::{filter, followed, place};
use crate::error::{HubError, codes};

use super::rows::{self, Turn, rows};
use super::{Answer, Door, Params, ok};

/// Longest time that a request waits for events, in seconds.
const LONGEST_WAIT_S: u64 = 25;

pub(super) async fn list(Door(hub): Door, Params(query): Params, turn: Turn) -> Answer {
    let filter = filter(&query)?;
    rows(turn, async move |sink: rows::Sink| hub.events(&filter, |event| sink.push(event)).await)
        .await
}

pub(super) async fn follow(Door(hub): Door, Params(query): Params) -> Answer {
    let wait_s = query.one::<u64>("wait")?.unwrap_or(0);
    if wait_s > LONGEST_WAIT_S {
        let text = format!("wait: use 0 to {LONGEST_WAIT_S}");
        return Err(HubError::new(&codes::BAD_VALUE, text).into());
    }
    ok(hub.follow(&place(&query)?, &followed(&query)?, wait_s).await?)
}
