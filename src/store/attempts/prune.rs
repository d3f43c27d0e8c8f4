//! What goes: what logins kept that nobody came back from, and attempts that ended long ago. Few at a
//! time, so that nobody who writes has to wait. It is the store's business as a whole, whatever the
//! project.

use crate::domain::attempt::FINISHING_S;
use crate::domain::time::Timestamp;
use crate::store::{Result, Row, Tx};

/// It ended when its time was over, however late that is written down (OA-9).
const EXPIRE: &str = "update connection_attempts set status = 'expired', sealed = null, \
                      updated_at = case when claimed_at is null then expires_at \
                      else claimed_at + ?1 end \
                      where number in (select number from connection_attempts \
                      where status = 'pending' and expires_at <= ?2 order by expires_at limit ?3)";
const REMOVE: &str = "delete from connection_attempts where number in \
                      (select number from connection_attempts where expires_at <= ?1 \
                      order by expires_at limit ?2)";
const NEXT_PENDING: &str = "select expires_at from connection_attempts where status = 'pending' \
                            order by expires_at limit 1";
const NEXT: &str = "select expires_at from connection_attempts order by expires_at limit 1";

/// Ends pending attempts whose life was over at `upto` and destroys what their logins kept, at most
/// so many; tells how many there were.
pub async fn expire(tx: &mut Tx, upto: Timestamp, most: i64) -> Result<u64> {
    let finishing_ms = FINISHING_S * 1000;
    tx.execute(EXPIRE, &[finishing_ms.into(), upto.into(), most.into()]).await
}

/// Removes attempts whose life was over at `upto`, at most so many; tells how many there were.
pub async fn remove(tx: &mut Tx, upto: Timestamp, most: i64) -> Result<u64> {
    tx.execute(REMOVE, &[upto.into(), most.into()]).await
}

/// When the life of the first pending attempt ends, and of the first of all.
pub async fn next_ends(tx: &mut Tx) -> Result<[Option<Timestamp>; 2]> {
    let end = |row: &Row<'_>| row.time(0);
    Ok([tx.optional(NEXT_PENDING, &[], end).await?, tx.optional(NEXT, &[], end).await?])
}

/// How the database looks for what goes, and for what goes next: pending attempts, then all.
pub async fn plans(tx: &mut Tx) -> Result<[String; 4]> {
    let one = || 1_i64.into();
    let plans = [
        tx.plan(EXPIRE, &[one(), one(), one()]).await?,
        tx.plan(NEXT_PENDING, &[]).await?,
        tx.plan(REMOVE, &[one(), one()]).await?,
        tx.plan(NEXT, &[]).await?,
    ];
    Ok(plans.map(|plan| plan.join("\n")))
}
