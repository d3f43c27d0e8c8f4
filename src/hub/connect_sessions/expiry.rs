//! Telling of sessions whose life ended before an account was linked with them.
//!
//! Each project has a place in the order in which its sessions end; a round moves it and writes the
//! events in one transaction, while nobody else writes. So each session is told of once, however
//! many hubs are at it, and none is passed over that was still being stored. A session that already
//! ends behind that place when it is made, since a clock went back, is told of by a mark of its own.

use crate::domain::connect_session::{ConnectSession, EXPIRY_LAG_S, State};
use crate::domain::event::{Event, EventKind};
use crate::domain::ids::ProjectNumber;
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::Hub;
use crate::store::{connect_sessions, events, session_expiry};

use super::facts;

/// Projects in one round, and sessions of one project in one transaction and in one round.
const PROJECTS: i64 = 64;
const SESSIONS: usize = 500;
const STEPS: usize = 20;
/// How often it is looked at least, in seconds: another process may have made a short-lived one.
const LOOK_EVERY_S: i64 = 5;

/// One round: emits `session.expired` for the sessions of all projects that ended unused, and
/// returns for how many.
///
/// A login that had begun before may still link an account (CS-29); `session.used` then follows.
pub async fn round(hub: &Hub) -> Result<u64, HubError> {
    let upto = hub.clock.now().plus_seconds(-EXPIRY_LAG_S);
    let mut tx = hub.store.begin_look().await?;
    let due = session_expiry::due(&mut tx, upto, PROJECTS).await?;
    drop(tx);
    let mut told = 0;
    for project in due {
        for _ in 0..STEPS {
            let (looked_at, expired) = step(hub, project, upto).await?;
            told += expired;
            if looked_at < SESSIONS {
                break;
            }
        }
    }
    Ok(told)
}

/// Looks at the next sessions of a project: how many there were, and how many of them expired.
async fn step(
    hub: &Hub,
    project: ProjectNumber,
    upto: Timestamp,
) -> Result<(usize, u64), HubError> {
    // Alone: a session that is being stored or linked is waited for.
    let mut tx = hub.store.begin_write().await?;
    let place = session_expiry::place(&mut tx, project).await?;
    let most = i64::try_from(SESSIONS).unwrap_or(i64::MAX);
    let ended = connect_sessions::ended(&mut tx, project, place, upto, most).await?;
    let late = connect_sessions::ended_late(&mut tx, project, upto, most).await?;
    // Another hub was faster, or the project is gone.
    if ended.is_empty() && late.is_empty() {
        return Ok((0, 0));
    }
    let now = hub.clock.now();
    let is_unused = |session: &&ConnectSession| session.state(upto) == State::Expired;
    let unused = ended.iter().chain(&late).filter(is_unused);
    let expired: Result<Vec<Event>, HubError> =
        unused.map(|session| event(hub, session, now)).collect();
    let expired = expired?;
    events::append(&mut tx, project, &expired).await?;
    if let Some(last) = ended.last() {
        session_expiry::advance(&mut tx, project, (last.expires_at, last.id)).await?;
    }
    if !late.is_empty() {
        connect_sessions::set_looked_at(&mut tx, project, &late).await?;
    }
    tx.commit().await?;
    Ok((ended.len().max(late.len()), u64::try_from(expired.len()).unwrap_or(u64::MAX)))
}

/// It happened when the session ended, however late it is told of.
fn event(hub: &Hub, session: &ConnectSession, now: Timestamp) -> Result<Event, HubError> {
    Ok(Event {
        id: hub.random.uuid_v7(now)?.into(),
        kind: EventKind::SessionExpired,
        subject: session.id.to_string(),
        at: session.expires_at,
        data: Some(facts(session)),
    })
}

/// When [`round`] should run next, at the latest.
pub async fn next_due(hub: &Hub) -> Result<Option<Timestamp>, HubError> {
    let mut tx = hub.store.begin_look().await?;
    let next = session_expiry::next_end(&mut tx).await?;
    let look = hub.clock.now().plus_seconds(LOOK_EVERY_S);
    Ok(Some(next.map_or(look, |end| look.min(end.plus_seconds(EXPIRY_LAG_S)))))
}
