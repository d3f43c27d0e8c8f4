//! Table `connect_sessions`.

use std::ops::ControlFlow;

use crate::domain::account::Owner;
use crate::domain::attempt::Attempt;
use crate::domain::connect_session::{ConnectSession, State};
use crate::domain::ids::{AccountId, ProjectNumber, SessionId};
use crate::domain::names::ConnectorKey;
use crate::domain::time::Timestamp;

use super::driver::to_json;
use super::{Param, Result, Row, StoreError, Tx, attempts};

/// A session of an account has the type that its account has now, and its auth config unless one was
/// named: an administrator may change both while a link is out (AT-16, AT-18). One for which no type
/// was asked has none.
const COLUMNS: &str = "select id, owner_id, owner_name, username, provider, \
                       coalesce(auth_config, (select a.auth_config from accounts a \
                       where a.project = connect_sessions.project \
                       and a.id = connect_sessions.account)), \
                       categories, account, label, metadata, multiple, \
                       coalesce((select a.kind from accounts a \
                       where a.project = connect_sessions.project \
                       and a.id = connect_sessions.account), \
                       case when untyped = 1 then null else kind end), \
                       created_at, expires_at, revoked_at, linked_account from connect_sessions";
/// How many they are.
const COLUMN_COUNT: usize = 16;

fn read(row: &Row<'_>) -> Result<ConnectSession> {
    let own = |text: &str| text.to_owned();
    Ok(ConnectSession {
        id: SessionId::from_row(row.int(0)?),
        owner: Owner {
            id: row.text(1)?.to_owned(),
            name: row.text(2)?.to_owned(),
            username: row.opt_text(3)?.map(own),
        },
        provider: row.opt_parsed(4)?,
        auth_config: row.opt_parsed(5)?,
        categories: row.json(6)?,
        account: row.opt_parsed(7)?,
        label: row.opt_text(8)?.map(own),
        metadata: row.json(9)?,
        multiple: row.int(10)? == 1,
        kind: row.opt_parsed(11)?,
        created_at: row.time(12)?,
        expires_at: row.time(13)?,
        revoked_at: row.opt_time(14)?,
        linked_account: row.opt_parsed(15)?,
    })
}

/// Adds a session and returns its number. One of an account without an auth config follows what the
/// account is linked through.
pub async fn insert(
    tx: &mut Tx,
    project: ProjectNumber,
    session: &ConnectSession,
    token_hash: &[u8],
    batch_key: Option<&[u8]>,
) -> Result<SessionId> {
    let sql = "insert into connect_sessions (project, token_hash, owner_id, owner_name, username, \
               provider, auth_config, categories, account, label, metadata, multiple, kind, \
               created_at, expires_at, batch_key, untyped, late) \
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
               (select 1 from session_expiry where project = ?1 and at >= ?15)) returning id";
    let (categories, metadata) = (to_json(&session.categories)?, to_json(&session.metadata)?);
    let params = [
        project.into(),
        token_hash.into(),
        (&session.owner.id).into(),
        (&session.owner.name).into(),
        session.owner.username.as_ref().into(),
        session.provider.as_ref().map(ConnectorKey::as_str).into(),
        session.auth_config.as_ref().into(),
        (&categories).into(),
        session.account.as_ref().into(),
        session.label.as_ref().into(),
        (&metadata).into(),
        session.multiple.into(),
        session.kind.unwrap_or_default().as_str().into(),
        session.created_at.into(),
        session.expires_at.into(),
        batch_key.into(),
        session.kind.is_none().into(),
    ];
    Ok(SessionId::from_row(tx.number(sql, &params).await?))
}

/// The session of this number.
pub async fn by_id(
    tx: &mut Tx,
    project: ProjectNumber,
    id: SessionId,
) -> Result<Option<ConnectSession>> {
    let sql = format!("{COLUMNS} where project = ?1 and id = ?2");
    tx.optional(&sql, &[project.into(), id.get().into()], read).await
}

/// The session that a batch made for this key.
pub async fn by_batch_key(
    tx: &mut Tx,
    project: ProjectNumber,
    batch_key: &[u8],
) -> Result<Option<ConnectSession>> {
    let sql = format!("{COLUMNS} where project = ?1 and batch_key = ?2");
    tx.optional(&sql, &[project.into(), batch_key.into()], read).await
}

/// Frees the batch key of a session that is over, so that another one can take it.
pub async fn release_batch_key(tx: &mut Tx, project: ProjectNumber, id: SessionId) -> Result<()> {
    let sql = "update connect_sessions set batch_key = null where project = ?1 and id = ?2";
    tx.execute(sql, &[project.into(), id.get().into()]).await?;
    Ok(())
}

/// Which sessions to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Only those that wait for a first success at this instant.
    pub pending_at: Option<Timestamp>,
    /// Only those that expire before this instant.
    pub expires_before: Option<Timestamp>,
    /// Only those that stand so at this instant.
    pub state_at: Option<(State, Timestamp)>,
    /// Only those for this connector.
    pub provider: Option<&'a ConnectorKey>,
    /// Only those of this owner.
    pub owner_id: Option<&'a str>,
}

fn select<'a>(
    columns: &str,
    project: ProjectNumber,
    filter: Filter<'a>,
) -> (String, Vec<Param<'a>>) {
    let mut sql = format!("{columns} where project = ?1");
    let mut params: Vec<Param<'a>> = vec![project.into()];
    let pending = filter.pending_at.map(|now| (State::Pending, now));
    for (state, now) in pending.into_iter().chain(filter.state_at) {
        let end = match state {
            State::Revoked => {
                sql.push_str(" and revoked_at is not null");
                continue;
            }
            State::Linked => {
                sql.push_str(" and revoked_at is null and linked_account is not null");
                continue;
            }
            State::Pending => ">",
            State::Expired => "<=",
        };
        params.push(now.into());
        sql.push_str(" and revoked_at is null and linked_account is null");
        sql.push_str(&format!(" and expires_at {end} ?{}", params.len()));
    }
    if let Some(end) = filter.expires_before {
        params.push(end.into());
        sql.push_str(&format!(" and expires_at <= ?{}", params.len()));
    }
    if let Some(provider) = filter.provider {
        params.push(provider.as_str().into());
        sql.push_str(&format!(" and provider = ?{}", params.len()));
    }
    if let Some(owner_id) = filter.owner_id {
        params.push(owner_id.into());
        sql.push_str(&format!(" and owner_id = ?{}", params.len()));
    }
    sql.push_str(" order by id desc");
    (sql, params)
}

/// Shows each session that fits to `each`, the newest first. What they are narrowed by has no index
/// of its own: each would be one more to write wherever a session is made.
pub async fn scan<E: From<StoreError>>(
    tx: &mut Tx,
    project: ProjectNumber,
    filter: Filter<'_>,
    mut each: impl FnMut(ConnectSession) -> std::result::Result<ControlFlow<()>, E>,
) -> std::result::Result<(), E> {
    let (sql, params) = select(COLUMNS, project, filter);
    tx.scan(&sql, &params, |row| each(read(row)?)).await
}

/// The same with the newest attempt of each.
pub async fn scan_with_attempts<E: From<StoreError>>(
    tx: &mut Tx,
    project: ProjectNumber,
    filter: Filter<'_>,
    mut each: impl FnMut(ConnectSession, Option<Attempt>) -> std::result::Result<ControlFlow<()>, E>,
) -> std::result::Result<(), E> {
    let (sql, params) = select(&attempts::beside(tx, COLUMNS), project, filter);
    tx.scan(&sql, &params, |row| each(read(row)?, attempts::read_beside(row, COLUMN_COUNT)?)).await
}

/// The project's sessions that end at `upto` or before, in the order of their ends, behind a place
/// (end, number), at most so many.
pub async fn ended(
    tx: &mut Tx,
    project: ProjectNumber,
    after: (Timestamp, SessionId),
    upto: Timestamp,
    most: i64,
) -> Result<Vec<ConnectSession>> {
    let sql = format!(
        "{COLUMNS} where project = ?1 and expires_at >= ?2 and (expires_at, id) > (?2, ?3) \
         and expires_at <= ?4 and late is null order by expires_at, id limit ?5"
    );
    let params = [project.into(), after.0.into(), after.1.get().into(), upto.into(), most.into()];
    tx.all(&sql, &params, read).await
}

/// Those that end at `upto` or before, and ended behind their project's place when they were made,
/// at most so many.
pub async fn ended_late(
    tx: &mut Tx,
    project: ProjectNumber,
    upto: Timestamp,
    most: i64,
) -> Result<Vec<ConnectSession>> {
    let sql = format!(
        "{COLUMNS} where project = ?1 and late = 1 and expires_at <= ?2 \
         order by expires_at, id limit ?3"
    );
    tx.all(&sql, &[project.into(), upto.into(), most.into()], read).await
}

/// Notes that these were looked at.
pub async fn set_looked_at(
    tx: &mut Tx,
    project: ProjectNumber,
    late: &[ConnectSession],
) -> Result<()> {
    let sql = format!(
        "update connect_sessions set late = 0 where project = ?1 and {}",
        tx.is_one_of_numbers("id", 2)
    );
    let ids: Vec<i64> = late.iter().map(|session| session.id.get()).collect();
    let list = format!("{ids:?}");
    tx.execute(&sql, &[project.into(), (&list).into()]).await?;
    Ok(())
}

/// Ends a session.
pub async fn revoke(
    tx: &mut Tx,
    project: ProjectNumber,
    id: SessionId,
    now: Timestamp,
) -> Result<bool> {
    let sql = "update connect_sessions set revoked_at = ?1 \
               where project = ?2 and id = ?3 and revoked_at is null";
    Ok(tx.execute(sql, &[now.into(), project.into(), id.get().into()]).await? == 1)
}

/// Notes the account that a session linked, unless the session was revoked; false where it was.
pub async fn set_linked(
    tx: &mut Tx,
    project: ProjectNumber,
    id: SessionId,
    account: &AccountId,
) -> Result<bool> {
    let sql = "update connect_sessions set linked_account = ?1 \
               where project = ?2 and id = ?3 and revoked_at is null";
    Ok(tx.execute(sql, &[account.into(), project.into(), id.get().into()]).await? == 1)
}

/// The project, token hash and session of this number, in whatever project it is: the token that
/// names it is checked next.
pub async fn by_token_row(
    tx: &mut Tx,
    id: SessionId,
) -> Result<Option<(ProjectNumber, Vec<u8>, ConnectSession)>> {
    let sql = format!(
        "{}, project, token_hash from connect_sessions where id = ?1",
        COLUMNS.trim_end_matches(" from connect_sessions")
    );
    tx.optional(&sql, &[id.get().into()], |row| {
        Ok((ProjectNumber(row.int(16)?), row.bytes(17)?.to_owned(), read(row)?))
    })
    .await
}
