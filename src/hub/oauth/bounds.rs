//! What attempts may take up: how many a session has, and how long they stay.

use std::time::Duration;

use tokio::time::sleep;

use crate::domain::attempt::{FINISHING_S, Fate, KEPT_LIMIT, KEPT_S, OPEN_LIMIT, make_room};
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::end_user::EndUser;
use crate::store::Tx;
use crate::store::attempts::{self, prune};

use super::failed;

/// Attempts of a session that are looked at when it gets another one: all that it can have, and
/// some where a version before kept more.
const LOOKED_AT: usize = 2 * (KEPT_LIMIT + OPEN_LIMIT);
/// Attempts that end, and that go, in one transaction, and transactions of one round.
const BATCH: i64 = 100;
const STEPS: usize = 100;
/// How long writers are let in between two of them.
const PAUSE: Duration = Duration::from_millis(10);

/// Makes room for one more attempt of the session: whoever holds a link can make as many as they
/// like. What is superseded can't be come back to, as any that is over.
pub(super) async fn bound(hub: &Hub, tx: &mut Tx, user: &EndUser) -> Result<(), HubError> {
    let (project, session) = (user.caller.project(), user.session.id);
    let now = hub.clock.now();
    let most = i64::try_from(LOOKED_AT).unwrap_or(i64::MAX);
    let newest = attempts::newest(tx, project, session, most).await?;
    let (numbers, all): (Vec<_>, Vec<_>) = newest.into_iter().unzip();
    for (number, fate) in numbers.into_iter().zip(make_room(&all, now)) {
        match fate {
            Fate::Stays => {}
            Fate::Superseded => {
                let text = "other logins of the session were begun since";
                let state = failed(&HubError::new(&codes::ATTEMPT_OVER, text));
                attempts::settle(tx, project, number, &state, now).await?;
            }
            Fate::Goes => attempts::remove(tx, project, number).await?,
        }
    }
    Ok(())
}

/// One round: destroys what logins of all projects kept that nobody came back from, forgets attempts
/// that ended long ago, and returns how many there were. A writer waits for one short transaction at
/// most.
pub async fn round(hub: &Hub) -> Result<u64, HubError> {
    let mut done = 0;
    for _ in 0..STEPS {
        let now = hub.clock.now();
        if next_due(hub).await?.is_none_or(|due| due > now) {
            break;
        }
        let mut tx = hub.store.begin_write().await?;
        // Who came back at the last moment is let finish.
        done += prune::expire(&mut tx, now.plus_seconds(-FINISHING_S), BATCH).await?;
        done += prune::remove(&mut tx, now.plus_seconds(-KEPT_S), BATCH).await?;
        tx.commit().await?;
        sleep(PAUSE).await;
    }
    Ok(done)
}

/// When [`round`] should run next.
pub async fn next_due(hub: &Hub) -> Result<Option<Timestamp>, HubError> {
    let mut tx = hub.store.begin_look().await?;
    let [pending, any] = prune::next_ends(&mut tx).await?;
    let ends = pending.map(|end| end.plus_seconds(FINISHING_S));
    let goes = any.map(|end| end.plus_seconds(KEPT_S));
    Ok(ends.into_iter().chain(goes).min())
}
