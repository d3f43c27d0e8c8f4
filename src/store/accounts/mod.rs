//! Tables `accounts` and `account_credentials`.

use crate::domain::account::{Account, Owner, Status, StatusReason};
use crate::domain::ids::{AccountId, AuthConfigId, ProjectNumber};
use crate::domain::names::ConnectorKey;
use crate::domain::time::Timestamp;

use super::driver::to_json;
use super::{Result, Row, StoreError, Tx};

mod list;
pub mod refresh;

pub use list::{BadSort, Filter, Sort, Usability, Whole, plan, scan, scan_whole};

const COLUMNS: &str = "id, provider, auth_config, owner_id, owner_name, username, label, kind, \
                       status, hold, reasons, setup, metadata, verified_at, created_at, \
                       updated_at, version";

fn read(row: &Row<'_>) -> Result<Account> {
    let own = |text: &str| text.to_owned();
    Ok(Account {
        id: row.parsed(0)?,
        provider: row.parsed(1)?,
        auth_config: row.parsed(2)?,
        owner: Owner {
            id: row.text(3)?.to_owned(),
            name: row.text(4)?.to_owned(),
            username: row.opt_text(5)?.map(own),
        },
        label: row.opt_text(6)?.map(own),
        kind: row.parsed(7)?,
        status: row.parsed(8)?,
        hold: row.opt_parsed(9)?,
        reasons: row.json(10)?,
        setup: row.json(11)?,
        metadata: row.json(12)?,
        verified_at: row.opt_time(13)?,
        created_at: row.time(14)?,
        updated_at: row.time(15)?,
        version: row.int(16)?,
    })
}

/// The account of this id.
pub async fn by_id(tx: &mut Tx, project: ProjectNumber, id: &AccountId) -> Result<Option<Account>> {
    let sql = format!("select {COLUMNS} from accounts where project = ?1 and id = ?2");
    tx.optional(&sql, &[project.into(), id.into()], read).await
}

/// Accounts of an owner and connector, the newest first: candidates for
/// [`crate::domain::account::same_link`].
pub async fn of_owner(
    tx: &mut Tx,
    project: ProjectNumber,
    owner_id: &str,
    provider: &ConnectorKey,
) -> Result<Vec<Account>> {
    let sql = format!(
        "select {COLUMNS} from accounts where project = ?1 and owner_id = ?2 and provider = ?3 \
         order by id desc"
    );
    tx.all(&sql, &[project.into(), owner_id.into(), provider.as_str().into()], read).await
}

/// How many accounts are linked through an auth config.
pub async fn count_of_config(
    tx: &mut Tx,
    project: ProjectNumber,
    auth_config: &AuthConfigId,
) -> Result<u64> {
    let sql = "select count(*) from accounts where project = ?1 and auth_config = ?2";
    count(tx.number(sql, &[project.into(), auth_config.into()]).await?)
}

/// How many accounts of an auth config are (or are not) `inactive` apart from a hold.
pub async fn count_inactive(
    tx: &mut Tx,
    project: ProjectNumber,
    auth_config: &AuthConfigId,
    inactive: bool,
) -> Result<u64> {
    let sign = if inactive { "=" } else { "<>" };
    let sql = format!(
        "select count(*) from accounts where project = ?1 and auth_config = ?2 \
         and status {sign} 'inactive'"
    );
    count(tx.number(&sql, &[project.into(), auth_config.into()]).await?)
}

fn count(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| StoreError::Damaged("a count is negative".to_owned()))
}

/// The next accounts of an auth config whose status is (or is not) `inactive`, at most `limit`,
/// in the order of their ids.
pub async fn next_of_config(
    tx: &mut Tx,
    project: ProjectNumber,
    auth_config: &AuthConfigId,
    inactive: bool,
    after: Option<&AccountId>,
    limit: i64,
) -> Result<Vec<Account>> {
    let sign = if inactive { "=" } else { "<>" };
    let sql = format!(
        "select {COLUMNS} from accounts where project = ?1 and auth_config = ?2 \
         and status {sign} 'inactive' and id > ?3 order by id limit ?4"
    );
    let after = after.map_or("", AccountId::as_str);
    let params = [project.into(), auth_config.into(), after.into(), limit.into()];
    tx.all(&sql, &params, read).await
}

/// Adds an account.
pub async fn insert(tx: &mut Tx, project: ProjectNumber, account: &Account) -> Result<()> {
    let sql = format!(
        "insert into accounts (project, {COLUMNS}) values \
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
    );
    let (reasons, setup) = (to_json(&account.reasons)?, to_json(&account.setup)?);
    let metadata = to_json(&account.metadata)?;
    let params = [
        project.into(),
        (&account.id).into(),
        account.provider.as_str().into(),
        (&account.auth_config).into(),
        (&account.owner.id).into(),
        (&account.owner.name).into(),
        account.owner.username.as_ref().into(),
        account.label.as_ref().into(),
        account.kind.as_str().into(),
        account.status.as_str().into(),
        account.hold.map(Status::as_str).into(),
        (&reasons).into(),
        (&setup).into(),
        (&metadata).into(),
        account.verified_at.into(),
        account.created_at.into(),
        account.updated_at.into(),
        account.version.into(),
    ];
    tx.execute(&sql, &params).await?;
    Ok(())
}

/// Saves a changed account.
///
/// # Errors
/// [`StoreError::Stale`] where it changed since it was read.
pub async fn save(tx: &mut Tx, project: ProjectNumber, account: &Account) -> Result<()> {
    let sql = "update accounts set auth_config = ?1, owner_name = ?2, username = ?3, label = ?4, \
               kind = ?5, status = ?6, hold = ?7, reasons = ?8, setup = ?9, metadata = ?10, \
               verified_at = ?11, updated_at = ?12, owner_id = ?16, version = version + 1 \
               where project = ?13 and id = ?14 and version = ?15";
    let (reasons, setup) = (to_json(&account.reasons)?, to_json(&account.setup)?);
    let metadata = to_json(&account.metadata)?;
    let params = [
        (&account.auth_config).into(),
        (&account.owner.name).into(),
        account.owner.username.as_ref().into(),
        account.label.as_ref().into(),
        account.kind.as_str().into(),
        account.status.as_str().into(),
        account.hold.map(Status::as_str).into(),
        (&reasons).into(),
        (&setup).into(),
        (&metadata).into(),
        account.verified_at.into(),
        account.updated_at.into(),
        project.into(),
        (&account.id).into(),
        account.version.into(),
        (&account.owner.id).into(),
    ];
    tx.execute_one(sql, &params).await
}

/// Sets the status of the accounts named, which must have no hold and lie in one auth config's
/// page of [`next_of_config`]: the same end for each, in one statement.
pub async fn set_status(
    tx: &mut Tx,
    project: ProjectNumber,
    auth_config: &AuthConfigId,
    range: (&AccountId, &AccountId),
    status: Status,
    reasons: &[StatusReason],
    now: Timestamp,
) -> Result<u64> {
    let sql = "update accounts set status = ?1, reasons = ?2, updated_at = ?3, \
               version = version + 1 where project = ?4 and auth_config = ?5 \
               and id >= ?6 and id <= ?7 and hold is null and status <> ?1";
    let reasons = to_json(&reasons)?;
    let params = [
        status.as_str().into(),
        (&reasons).into(),
        now.into(),
        project.into(),
        auth_config.into(),
        range.0.into(),
        range.1.into(),
    ];
    tx.execute(sql, &params).await
}

/// Removes an account with its credentials (AT-21).
///
/// # Errors
/// [`StoreError::Stale`] where it changed since it was read.
pub async fn delete(tx: &mut Tx, project: ProjectNumber, account: &Account) -> Result<()> {
    let sql = "delete from accounts where project = ?1 and id = ?2 and version = ?3";
    let params = [project.into(), (&account.id).into(), account.version.into()];
    tx.execute_one(sql, &params).await
}

/// Credentials as stored: sealed, with the number that their seal is bound to.
pub struct Credentials {
    /// Counts how often they were replaced.
    pub version: i64,
    /// The sealed values.
    pub sealed: Vec<u8>,
    /// When they were last replaced.
    pub updated_at: Timestamp,
}

/// The credentials of an account.
pub async fn credentials(
    tx: &mut Tx,
    project: ProjectNumber,
    id: &AccountId,
) -> Result<Option<Credentials>> {
    let sql = "select version, sealed, updated_at from account_credentials \
               where project = ?1 and account = ?2";
    tx.optional(sql, &[project.into(), id.into()], |row| {
        Ok(Credentials {
            version: row.int(0)?,
            sealed: row.bytes(1)?.to_owned(),
            updated_at: row.time(2)?,
        })
    })
    .await
}

/// How long the token among credentials lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenLife {
    /// When it ends, if it is known.
    pub expires_at: Option<Timestamp>,
    /// When the worker renews it.
    pub refresh_after: Option<Timestamp>,
}

/// Sets the credentials of an account from outside of a refresh: what is known of earlier ones is
/// forgotten, and a refresh of theirs that is under way comes too late.
pub async fn save_credentials(
    tx: &mut Tx,
    project: ProjectNumber,
    id: &AccountId,
    credentials: &Credentials,
    life: TokenLife,
) -> Result<()> {
    let sql = "insert into account_credentials (project, account, version, sealed, updated_at, \
               token_expires_at, refresh_after) \
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict (project, account) do update \
               set version = excluded.version, sealed = excluded.sealed, \
               updated_at = excluded.updated_at, token_expires_at = excluded.token_expires_at, \
               refresh_after = excluded.refresh_after, failures = 0, failing_since = null, \
               failure = null, asked_at = null, doubted_at = null, lease_until = 0, \
               lease_fence = account_credentials.lease_fence + 1";
    let params = [
        project.into(),
        id.into(),
        credentials.version.into(),
        credentials.sealed.as_slice().into(),
        credentials.updated_at.into(),
        life.expires_at.into(),
        life.refresh_after.into(),
    ];
    tx.execute(sql, &params).await?;
    Ok(())
}

/// The connector of an account, whose id may be none at all.
pub async fn provider_of(
    tx: &mut Tx,
    project: ProjectNumber,
    account: &str,
) -> Result<Option<String>> {
    let sql = "select provider from accounts where project = ?1 and id = ?2";
    tx.optional(sql, &[project.into(), account.into()], |row| Ok(row.text(0)?.to_owned())).await
}
