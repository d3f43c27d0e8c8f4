//! What waits to be done, over all projects, by the indexes that the work itself is found with.

use crate::domain::time::Timestamp;

use super::{Result, Row, Tx};

/// Rows that are counted at most: more is too many in any case.
pub const MOST_COUNTED: i64 = 100_000;

/// Work that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// How much of it there is, at most [`MOST_COUNTED`].
    pub count: i64,
    /// Since when the oldest of it has been due.
    pub since: Option<Timestamp>,
}

/// Deliveries to webhooks that are enabled.
pub async fn deliveries(tx: &mut Tx, now: Timestamp) -> Result<Waiting> {
    let sql = "select (select count(*) from (select 1 from webhooks w \
               join webhook_deliveries d on d.webhook = w.number and d.next_at <= ?1 \
               where w.disabled_at is null limit ?2) counted), \
               (select min(due) from (select (select min(d.next_at) from webhook_deliveries d \
               where d.webhook = w.number and d.next_at <= ?1) as due \
               from webhooks w where w.disabled_at is null) oldest)";
    waiting(tx, sql, now).await
}

/// Accounts whose tokens are due for a refresh.
pub async fn refreshes(tx: &mut Tx, now: Timestamp) -> Result<Waiting> {
    let sql = "select count(*), min(due) from (select c.refresh_after as due \
               from account_credentials c where c.refresh_after <= ?1 and exists (select 1 \
               from accounts a where a.project = c.project and a.id = c.account \
               and a.hold is null and a.status = 'active') \
               order by c.refresh_after, c.account limit ?2) waiting";
    waiting(tx, sql, now).await
}

async fn waiting(tx: &mut Tx, sql: &str, now: Timestamp) -> Result<Waiting> {
    let params = [now.into(), MOST_COUNTED.into()];
    let read = |row: &Row<'_>| Ok(Waiting { count: row.int(0)?, since: row.opt_time(1)? });
    Ok(tx.optional(sql, &params, read).await?.unwrap_or_default())
}
