//! The columns of `account_credentials` that keep tokens fresh: who is at it, and how it went.

use crate::domain::account::Status;
use crate::domain::ids::{AccountId, AuthConfigId, ProjectNumber};
use crate::domain::refresh::latest_lease;
use crate::domain::time::Timestamp;
use crate::store::driver::to_json;
use crate::store::{Param, Result, Row, Tx};

use super::{Credentials, TokenLife};

/// What is known of an account's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// Counts how often the credentials were replaced.
    pub version: i64,
    /// When that was last.
    pub updated_at: Timestamp,
    /// When the token ends, if it is known.
    pub expires_at: Option<Timestamp>,
    /// When the worker tries next.
    pub refresh_after: Option<Timestamp>,
    /// Failures since the last success.
    pub failures: u32,
    /// When the first of them was.
    pub failing_since: Option<Timestamp>,
    /// The last of them, as JSON.
    pub failure: Option<String>,
    /// Until when somebody refreshes.
    pub lease_until: Timestamp,
    /// Counts those who did: only the last one may write.
    pub fence: i64,
    /// When a provider was asked for new tokens whose answer is not known.
    pub asked_at: Option<Timestamp>,
    /// When a call's 401 last made the hub ask about credentials that nothing renews.
    pub doubted_at: Option<Timestamp>,
}

/// What is known of an account's tokens.
pub async fn freshness(
    tx: &mut Tx,
    project: ProjectNumber,
    id: &AccountId,
) -> Result<Option<Freshness>> {
    let sql = "select version, updated_at, token_expires_at, refresh_after, failures, \
               failing_since, failure, lease_until, lease_fence, asked_at, doubted_at \
               from account_credentials where project = ?1 and account = ?2";
    tx.optional(sql, &[project.into(), id.into()], read).await
}

/// The credentials of an account, and what is known of its tokens.
pub async fn credentials(
    tx: &mut Tx,
    project: ProjectNumber,
    id: &AccountId,
) -> Result<Option<(Credentials, Freshness)>> {
    let sql = "select version, updated_at, token_expires_at, refresh_after, failures, \
               failing_since, failure, lease_until, lease_fence, asked_at, doubted_at, sealed \
               from account_credentials where project = ?1 and account = ?2";
    tx.optional(sql, &[project.into(), id.into()], |row| {
        let fresh = read(row)?;
        let (version, updated_at) = (fresh.version, fresh.updated_at);
        Ok((Credentials { version, sealed: row.bytes(11)?.to_owned(), updated_at }, fresh))
    })
    .await
}

fn read(row: &Row<'_>) -> Result<Freshness> {
    Ok(Freshness {
        version: row.int(0)?,
        updated_at: row.time(1)?,
        expires_at: row.opt_time(2)?,
        refresh_after: row.opt_time(3)?,
        failures: u32::try_from(row.int(4)?).unwrap_or(u32::MAX),
        failing_since: row.opt_time(5)?,
        failure: row.opt_text(6)?.map(str::to_owned),
        lease_until: row.time(7)?,
        fence: row.int(8)?,
        asked_at: row.opt_time(9)?,
        doubted_at: row.opt_time(10)?,
    })
}

/// Takes the lease on an account's tokens, and notes that the provider is about to be asked; the
/// fence under which the outcome may be written, or `None` where somebody else has the lease or
/// has had it since `seen` was read.
pub async fn claim(
    tx: &mut Tx,
    project: ProjectNumber,
    id: &AccountId,
    seen: &Freshness,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<i64>> {
    let sql = "update account_credentials set lease_until = ?1, lease_fence = lease_fence + 1, \
               asked_at = ?2 where project = ?3 and account = ?4 and version = ?5 \
               and lease_fence = ?6 and lease_until <= ?2 returning lease_fence";
    let params = [
        until.into(),
        now.into(),
        project.into(),
        id.into(),
        seen.version.into(),
        seen.fence.into(),
    ];
    tx.optional(sql, &params, |row| row.int(0)).await
}

/// Notes that a provider is about to be asked because of a call's 401; false where somebody else
/// asks, or the credentials were replaced, since `seen` was read.
pub async fn doubt(
    tx: &mut Tx,
    project: ProjectNumber,
    id: &AccountId,
    seen: &Freshness,
    now: Timestamp,
) -> Result<bool> {
    let sql = "update account_credentials set doubted_at = ?1 where project = ?2 \
               and account = ?3 and version = ?4 and coalesce(doubted_at, 0) = ?5";
    let params = [
        now.into(),
        project.into(),
        id.into(),
        seen.version.into(),
        seen.doubted_at.map_or(0, Timestamp::as_millis).into(),
    ];
    Ok(tx.execute(sql, &params).await? == 1)
}

/// Ends the lease that was seen at `until`, where it would last for longer and nobody has taken or
/// ended it since.
pub async fn shorten(
    tx: &mut Tx,
    project: ProjectNumber,
    id: &AccountId,
    seen: &Freshness,
    until: Timestamp,
) -> Result<()> {
    let sql = "update account_credentials set lease_until = ?1 where project = ?2 \
               and account = ?3 and lease_fence = ?4 and lease_until > ?1";
    tx.execute(sql, &[until.into(), project.into(), id.into(), seen.fence.into()]).await?;
    Ok(())
}

/// Writes new tokens, all in one row; false for a holder whose lease was taken over, whose account
/// is gone (threats 24, 25), or whose account has one of the statuses `not_of`.
pub async fn renew(
    tx: &mut Tx,
    project: ProjectNumber,
    id: &AccountId,
    fence: i64,
    credentials: &Credentials,
    life: TokenLife,
    not_of: &[Status],
) -> Result<bool> {
    let mut sql = String::from(
        "update account_credentials set version = ?1, sealed = ?2, updated_at = ?3, \
         token_expires_at = ?4, refresh_after = ?5, failures = 0, failing_since = null, \
         failure = null, asked_at = null, doubted_at = null, lease_until = 0 \
         where project = ?6 and account = ?7 and lease_fence = ?8 and version = ?9 \
         and exists (select 1 from accounts where project = ?6 and id = ?7",
    );
    let mut params = vec![
        credentials.version.into(),
        credentials.sealed.as_slice().into(),
        credentials.updated_at.into(),
        life.expires_at.into(),
        life.refresh_after.into(),
        project.into(),
        id.into(),
        fence.into(),
        (credentials.version - 1).into(),
    ];
    for status in not_of {
        params.push(status.as_str().into());
        sql.push_str(&format!(" and status <> ?{}", params.len()));
    }
    sql.push(')');
    Ok(tx.execute(&sql, &params).await? == 1)
}

/// Sets other values beside the same tokens: what is known of failures is forgotten, and a refresh
/// that is under way goes on.
pub async fn edit(
    tx: &mut Tx,
    project: ProjectNumber,
    id: &AccountId,
    version: i64,
    sealed: &[u8],
) -> Result<()> {
    let sql = "update account_credentials set version = ?1, sealed = ?2, failures = 0, \
               failing_since = null, failure = null where project = ?3 and account = ?4";
    tx.execute(sql, &[version.into(), sealed.into(), project.into(), id.into()]).await?;
    Ok(())
}

/// How a refresh failed.
pub struct Failed<'a> {
    /// Failures in a row, with this one.
    pub failures: u32,
    /// When the first of them was.
    pub since: Timestamp,
    /// How, as JSON.
    pub failure: &'a str,
    /// Whether the provider answered, so that nothing of it can be lost.
    pub answered: bool,
    /// When the worker tries again; `None` where it does not.
    pub refresh_after: Option<Timestamp>,
}

/// Notes a failure and gives the lease back; false for a holder whose lease was taken over.
pub async fn fail(
    tx: &mut Tx,
    project: ProjectNumber,
    id: &AccountId,
    fence: i64,
    failed: &Failed<'_>,
) -> Result<bool> {
    let sql = "update account_credentials set failures = ?1, failing_since = ?2, failure = ?3, \
               asked_at = case when cast(?4 as bigint) = 1 then null else asked_at end, \
               refresh_after = ?5, lease_until = 0 \
               where project = ?6 and account = ?7 and lease_fence = ?8";
    let params = [
        i64::from(failed.failures).into(),
        failed.since.into(),
        failed.failure.into(),
        failed.answered.into(),
        failed.refresh_after.into(),
        project.into(),
        id.into(),
        fence.into(),
    ];
    Ok(tx.execute(sql, &params).await? == 1)
}

/// Notes why tokens can't be renewed although nobody was asked, and when the worker tries again;
/// false where somebody is at it, or something has changed since `seen` was read.
pub async fn put_off(
    tx: &mut Tx,
    project: ProjectNumber,
    id: &AccountId,
    seen: &Freshness,
    now: Timestamp,
    failed: &Failed<'_>,
) -> Result<bool> {
    let sql = "update account_credentials set failures = ?1, failing_since = ?2, failure = ?3, \
               refresh_after = ?4 where project = ?5 and account = ?6 and version = ?7 \
               and lease_fence = ?8 and lease_until <= ?9";
    let params = [
        i64::from(failed.failures).into(),
        failed.since.into(),
        failed.failure.into(),
        failed.refresh_after.into(),
        project.into(),
        id.into(),
        seen.version.into(),
        seen.fence.into(),
        now.into(),
    ];
    Ok(tx.execute(sql, &params).await? == 1)
}

/// Whose tokens are meant.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// Those of an account.
    Account(&'a AccountId),
    /// Those of all accounts of an auth config.
    AuthConfig(&'a AuthConfigId),
}

/// Forgets failures whose JSON has one of the `marks` in it; the worker tries at `now`.
pub async fn forget_failures(
    tx: &mut Tx,
    project: ProjectNumber,
    whose: Whose<'_>,
    marks: &[String],
    now: Timestamp,
) -> Result<()> {
    let (whose, id): (&str, Param<'_>) = match whose {
        Whose::Account(id) => ("?3", id.into()),
        Whose::AuthConfig(id) => {
            ("select id from accounts where project = ?2 and auth_config = ?3", id.into())
        }
    };
    let patterns: Vec<String> = marks.iter().map(|mark| format!("%{mark}%")).collect();
    let mut params = vec![now.into(), project.into(), id];
    let mut has_mark = Vec::with_capacity(patterns.len());
    for pattern in &patterns {
        params.push(pattern.into());
        has_mark.push(format!("failure like ?{}", params.len()));
    }
    let sql = format!(
        "update account_credentials set failures = 0, failing_since = null, failure = null, \
         refresh_after = ?1 where project = ?2 and account in ({whose}) and ({})",
        has_mark.join(" or ")
    );
    tx.execute(&sql, &params).await?;
    Ok(())
}

/// Failures that are looked at for one that has a mark.
const LOOKED_AT: i64 = 20;

/// Failures of refreshes, as JSON, that accounts of an auth config have and that have `mark` in
/// them; some of them, where there are many.
pub async fn failures_of(
    tx: &mut Tx,
    project: ProjectNumber,
    auth_config: &AuthConfigId,
    mark: &str,
) -> Result<Vec<String>> {
    let sql = "select c.failure from account_credentials c where c.project = ?1 \
               and c.failing_since is not null and c.failure like ?3 and exists (select 1 \
               from accounts a where a.project = c.project and a.id = c.account \
               and a.auth_config = ?2) limit ?4";
    let pattern = format!("%{mark}%");
    let params = [project.into(), auth_config.into(), (&pattern).into(), LOOKED_AT.into()];
    tx.all(sql, &params, |row| Ok(row.text(0)?.to_owned())).await
}

/// Whether there is an account in the project whose tokens could not be renewed.
pub async fn any_failing(tx: &mut Tx, project: ProjectNumber) -> Result<bool> {
    let sql = "select failing_since from account_credentials where project = ?1 \
               and failing_since is not null limit 1";
    Ok(tx.optional(sql, &[project.into()], |row| row.int(0)).await?.is_some())
}

/// Gives a lease back without a word of how it went; `asked_at` is when a provider was asked whose
/// answer is not known.
pub async fn release(
    tx: &mut Tx,
    project: ProjectNumber,
    id: &AccountId,
    fence: i64,
    asked_at: Option<Timestamp>,
) -> Result<()> {
    let sql = "update account_credentials set lease_until = 0, asked_at = ?1 \
               where project = ?2 and account = ?3 and lease_fence = ?4";
    tx.execute(sql, &[asked_at.into(), project.into(), id.into(), fence.into()]).await?;
    Ok(())
}

/// An account whose tokens are due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its project.
    pub project: ProjectNumber,
    /// The project's name.
    pub project_name: String,
    /// The account.
    pub account: AccountId,
    /// Its connector.
    pub provider: String,
    /// Since when they are.
    pub since: Timestamp,
}

/// Which accounts are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// Due by then.
    pub now: Timestamp,
    /// Behind this place: since when, and which account.
    pub after: Option<&'a (Timestamp, AccountId)>,
    /// Of none of these connectors.
    pub without: &'a [&'a str],
    /// At most so many.
    pub limit: usize,
}

/// `without` is the search's, as JSON.
fn due_query<'a>(tx: &Tx, search: &Search<'a>, without: &'a str) -> (String, Vec<Param<'a>>) {
    // Only accounts that may be called are kept fresh; the rest is when it may be called again.
    let mut sql = String::from(
        "select c.project, p.name, c.account, a.provider, c.refresh_after \
         from account_credentials c \
         join accounts a on a.project = c.project and a.id = c.account \
         join projects p on p.number = c.project \
         where c.refresh_after is not null and a.hold is null and a.status = 'active' \
         and c.refresh_after <= ?1 and (c.lease_until <= ?1 or c.lease_until > ?3)",
    );
    let limit = i64::try_from(search.limit).unwrap_or(i64::MAX);
    let mut params = vec![search.now.into(), limit.into(), latest_lease(search.now).into()];
    if let Some((since, account)) = search.after {
        params.push((*since).into());
        params.push(account.into());
        sql.push_str(" and (c.refresh_after, c.account) > (?4, ?5)");
    }
    if !search.without.is_empty() {
        params.push(without.into());
        sql.push_str(&format!(" and not ({})", tx.is_one_of("a.provider", params.len())));
    }
    sql.push_str(" order by c.refresh_after, c.account limit ?2");
    (sql, params)
}

/// The accounts of all projects whose tokens are due and that nobody is at, those that are due for
/// the longest time first: the worker of the hub serves all projects, and acts in each as in that
/// one alone.
pub async fn due(tx: &mut Tx, search: &Search<'_>) -> Result<Vec<Due>> {
    let without = to_json(&search.without)?;
    let (sql, params) = due_query(tx, search, &without);
    tx.all(&sql, &params, |row| {
        Ok(Due {
            project: ProjectNumber(row.int(0)?),
            project_name: row.text(1)?.to_owned(),
            account: row.parsed(2)?,
            provider: row.text(3)?.to_owned(),
            since: row.time(4)?,
        })
    })
    .await
}

/// How the database goes about [`due`].
pub async fn due_plan(tx: &mut Tx, search: &Search<'_>) -> Result<Vec<String>> {
    let without = to_json(&search.without)?;
    let (sql, params) = due_query(tx, search, &without);
    tx.plan(&sql, &params).await
}

/// Leased rows that [`next_due`] looks at.
const LEASED: usize = 256;

/// A lease may hold a row back, but none of those behind it: those that are due before the first row
/// without one are ready at the end of their leases. Each part reads the index in its order, so that
/// nobody takes it for a search of the whole table.
fn next_due_query() -> String {
    let known = "c.refresh_after is not null and exists (select 1 from accounts a \
                 where a.project = c.project and a.id = c.account and a.hold is null \
                 and a.status = 'active')";
    let (end, order) = (i64::MAX, "order by c.refresh_after, c.account");
    format!(
        "with free as (select c.refresh_after as due from account_credentials c \
         where c.lease_until <= c.refresh_after and {known} {order} limit 1) \
         select min(due) from (select due from free union all select due from (\
         select c.lease_until as due from account_credentials c \
         where c.lease_until > c.refresh_after \
         and c.refresh_after < coalesce((select due from free), {end}) and {known} \
         {order} limit {LEASED}) leased) either"
    )
}

/// When the next tokens of any project are due and nobody is at them.
pub async fn next_due(tx: &mut Tx) -> Result<Option<Timestamp>> {
    let due = tx.optional(&next_due_query(), &[], |row| row.opt_time(0)).await?;
    Ok(due.flatten())
}

/// How the database goes about [`next_due`].
pub async fn next_due_plan(tx: &mut Tx) -> Result<Vec<String>> {
    tx.plan(&next_due_query(), &[]).await
}
