//! What happened in a project: lists of it, and waiting for more.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::domain::caller::{Caller, Permission};
use crate::domain::event::EventKind;
use crate::domain::ids::{EventId, ProjectNumber};
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::store::Tx;
use crate::store::events::{self, Filter as Rows};

pub use crate::store::events::Listed;

use super::Hub;

/// Events of one answer while new ones are waited for.
const MOST: u64 = 500;
/// How often it is looked for events that another process has written.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Which events to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// About this account.
    pub account: Option<String>,
    /// Of these kinds; none means all.
    pub kinds: Vec<EventKind>,
    /// That happened at or after this instant.
    pub since: Option<Timestamp>,
    /// Behind this event.
    pub after: Option<EventId>,
    /// At most so many.
    pub limit: Option<u64>,
}

fn unknown(id: &EventId) -> HubError {
    HubError::new(&codes::EVENT_UNKNOWN, format!("no event `{id}`")).hint("hubctl events list")
}

/// The events that fit and that the caller may see: none of things that it may not list, where no
/// kinds are named (threat 14).
///
/// # Errors
/// `auth.forbidden`, also for a kind that is named.
fn admitted(hub: &Hub, caller: &Caller, filter: &Filter) -> Result<Filter, HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    for kind in &filter.kinds {
        hub.require(caller, kind.permission())?;
    }
    let mut filter = filter.clone();
    // What is about an account is of no other kind.
    if filter.kinds.is_empty() && filter.account.is_none() {
        filter.kinds = EventKind::seen_by(caller).unwrap_or_default();
    }
    Ok(filter)
}

/// Shows the project's events that fit to `each`, the oldest first. None comes in before one of
/// them later on, so that the last one is a place to go on from; writers may be waited for.
///
/// # Errors
/// `event.not_found` for `after`; as the store or `each` reports them.
pub async fn list(
    hub: &Hub,
    caller: &Caller,
    filter: &Filter,
    each: impl FnMut(&Listed<'_>) -> Result<ControlFlow<()>, HubError>,
) -> Result<(), HubError> {
    let filter = &admitted(hub, caller, filter)?;
    let mut tx = hub.store.begin_read().await?;
    let project = caller.project();
    let after = match &filter.after {
        Some(id) => {
            let place = events::place(&mut tx, project, id).await?;
            Some(place.ok_or_else(|| unknown(id))?)
        }
        None => None,
    };
    let mut upto = None;
    if hub.store.commits_out_of_order() {
        drop(tx);
        upto = Some(settled(hub, project, after.unwrap_or(0)).await?);
        tx = hub.store.begin_read().await?;
    }
    events::scan(&mut tx, project, &Rows { upto, ..rows(filter, after) }, each).await
}

fn rows(filter: &Filter, after: Option<i64>) -> Rows {
    Rows {
        account: filter.account.clone(),
        kinds: filter.kinds.clone(),
        since: filter.since,
        after,
        upto: None,
        limit: filter.limit,
    }
}

/// Where whoever follows the events stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Before the first event.
    Beginning,
    /// Behind an event.
    After(EventId),
    /// Behind all that there are.
    End,
}

/// Shows events behind a place to `each`, and answers the place behind what it looked at. Where
/// there are none that fit, it waits for some, at most so long.
///
/// # Errors
/// `event.not_found` for a place; as the store or `each` reports them.
pub async fn follow(
    hub: &Hub,
    caller: &Caller,
    place: &Place,
    filter: &Filter,
    wait: Duration,
    mut each: impl FnMut(&Listed<'_>) -> Result<(), HubError>,
) -> Result<Place, HubError> {
    let filter = &admitted(hub, caller, filter)?;
    let project = caller.project();
    // Rung also by what is committed before the first look.
    let mut committed = hub.store.events_committed();
    let mut tx = hub.store.begin_read().await?;
    let mut from = match place {
        Place::Beginning => 0,
        Place::After(id) => {
            events::place(&mut tx, project, id).await?.ok_or_else(|| unknown(id))?
        }
        Place::End => {
            drop(tx);
            let upto = settled(hub, project, 0).await?;
            let mut tx = hub.store.begin_read().await?;
            let last = events::last(&mut tx, project, upto).await?;
            return Ok(last.map_or(Place::Beginning, |(_, id)| Place::After(id)));
        }
    };
    drop(tx);
    let (mut now_at, mut waited) = (place.clone(), Duration::ZERO);
    loop {
        let upto = settled(hub, project, from).await?;
        if upto > from {
            let mut tx = hub.store.begin_read().await?;
            let rows = Rows { upto: Some(upto), limit: Some(MOST), ..rows(filter, Some(from)) };
            let (mut found, mut last) = (0, None);
            events::scan(&mut tx, project, &rows, |event| {
                (found, last) = (found + 1, Some((event.seq, event.id.to_owned())));
                each(event)?;
                Ok::<_, HubError>(ControlFlow::Continue(()))
            })
            .await?;
            // Everything was looked at, unless there was more than one answer holds.
            let reached = match last {
                Some((seq, id)) if found == MOST => Some((seq, id.parse().ok())),
                _ => events::last(&mut tx, project, upto).await?.map(|(seq, id)| (seq, Some(id))),
            };
            if let Some((seq, Some(id))) = reached
                && seq > from
            {
                (from, now_at) = (seq, Place::After(id));
            }
            if found > 0 {
                return Ok(now_at);
            }
        }
        if waited >= wait {
            return Ok(now_at);
        }
        let pause = LOOK_EVERY.min(wait.saturating_sub(waited));
        // Whoever is gone does not ring any more; then time alone counts.
        _ = tokio::time::timeout(pause, committed.changed()).await;
        waited += pause;
    }
}

/// A place up to which no event of the project can come any more, at least that of its last one if
/// that is behind `from`. Where transactions commit in another order than that of their rows,
/// writers are waited for, unless the project has nothing new.
async fn settled(hub: &Hub, project: ProjectNumber, from: i64) -> Result<i64, HubError> {
    let mut tx = hub.store.begin_look().await?;
    let last = last_place(&mut tx, project).await?;
    drop(tx);
    if last <= from || !hub.store.commits_out_of_order() {
        return Ok(last);
    }
    // Nobody writes while this is held, so that all that began before it are done.
    let mut tx = hub.store.begin_write().await?;
    last_place(&mut tx, project).await
}

async fn last_place(tx: &mut Tx, project: ProjectNumber) -> Result<i64, HubError> {
    Ok(events::last(tx, project, i64::MAX).await?.map_or(0, |(place, _)| place))
}
