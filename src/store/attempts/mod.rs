//! Table `connection_attempts`.

use crate::domain::attempt::{Attempt, AttemptState, FINISHING_S};
use crate::domain::ids::{AttemptId, AuthConfigId, ProjectNumber, SessionId};
use crate::domain::time::Timestamp;

use super::{Result, Row, StoreError, Tx};

pub mod prune;

/// What tells how an attempt stands.
const ATTEMPT: &str = "number, id, auth_config, status, account, error_code, error_description, \
                       created_at, updated_at, expires_at, claimed_at";
/// What a login needs besides; it may be large.
const LOGIN: &str = "project, session, state_hash, binding_hash, sealed, sealed_version";

/// An attempt as stored.
#[derive(Clone)]
pub struct Stored {
    /// Its number, which its state carries.
    pub number: i64,
    /// Its project.
    pub project: ProjectNumber,
    /// Its session.
    pub session: SessionId,
    /// The attempt.
    pub attempt: Attempt,
    /// Keyed hash of the state; empty before a login began.
    pub state_hash: Vec<u8>,
    /// Keyed hash of what the browser must bring.
    pub binding_hash: Vec<u8>,
    /// What the login needs when it comes back, sealed.
    pub sealed: Vec<u8>,
    /// Counts how often a login began; part of what the seal is bound to.
    pub sealed_version: i64,
}

/// The number of an attempt, and the attempt.
fn read_attempt(row: &Row<'_>) -> Result<(i64, Attempt)> {
    read_from(row, 0)
}

/// The same, where what tells of it begins with this column.
fn read_from(row: &Row<'_>, first: usize) -> Result<(i64, Attempt)> {
    let own = |text: &str| text.to_owned();
    let state = match row.text(first + 3)? {
        "pending" => AttemptState::Pending,
        "authenticated" => AttemptState::Authenticated { account: row.parsed(first + 4)? },
        "error" => AttemptState::Failed {
            code: row.opt_text(first + 5)?.unwrap_or_default().to_owned(),
            description: row.opt_text(first + 6)?.map(own),
        },
        "cancelled" => AttemptState::Cancelled,
        "expired" => AttemptState::Expired,
        _ => return Err(StoreError::Damaged("an attempt's status".to_owned())),
    };
    let attempt = Attempt {
        id: row.parsed(first + 1)?,
        auth_config: row.opt_parsed(first + 2)?,
        state,
        created_at: row.time(first + 7)?,
        updated_at: row.time(first + 8)?,
        expires_at: row.time(first + 9)?,
        claimed_at: row.opt_time(first + 10)?,
    };
    Ok((row.int(first)?, attempt))
}

/// What tells of an attempt, by names that no session's columns have.
const BESIDE: &str = "attempt_number, attempt_id, attempt_auth_config, attempt_status, \
                      attempt_account, attempt_error_code, attempt_error_description, \
                      attempt_created_at, attempt_updated_at, attempt_expires_at, \
                      attempt_claimed_at";
const RENAMED: &str = "select number as attempt_number, id as attempt_id, \
                       auth_config as attempt_auth_config, status as attempt_status, \
                       account as attempt_account, error_code as attempt_error_code, \
                       error_description as attempt_error_description, \
                       created_at as attempt_created_at, updated_at as attempt_updated_at, \
                       expires_at as attempt_expires_at, claimed_at as attempt_claimed_at \
                       from connection_attempts";
const OF_SESSION: &str = "project = connect_sessions.project and session = connect_sessions.id";

/// Has a query of sessions show the newest attempt of each behind its own columns (CS-38): found by
/// index for one session after the other, so that the first are shown before the last are read.
/// PostgreSQL would read all attempts and sort all sessions for what SQLite does row by row.
pub(super) fn beside(tx: &Tx, sessions: &str) -> String {
    let newest = match tx.joins_laterally() {
        true => format!(
            "lateral ({RENAMED} where {OF_SESSION} order by number desc limit 1) attempts on true"
        ),
        false => format!(
            "({RENAMED}) attempts on attempt_number = \
             (select max(number) from connection_attempts where {OF_SESSION})"
        ),
    };
    let from = " from connect_sessions";
    format!("{}, {BESIDE}{from} left join {newest}", sessions.trim_end_matches(from))
}

/// The attempt that [`beside`] has shown behind so many columns, if the session has one.
pub(super) fn read_beside(row: &Row<'_>, columns: usize) -> Result<Option<Attempt>> {
    match row.opt_int(columns)? {
        Some(_) => Ok(Some(read_from(row, columns)?.1)),
        None => Ok(None),
    }
}

fn read(row: &Row<'_>) -> Result<Stored> {
    let bytes = |column| Ok::<_, StoreError>(row.opt_bytes(column)?.unwrap_or_default().to_owned());
    let (number, attempt) = read_attempt(row)?;
    Ok(Stored {
        number,
        project: ProjectNumber(row.int(11)?),
        session: SessionId::from_row(row.int(12)?),
        attempt,
        state_hash: bytes(13)?,
        binding_hash: bytes(14)?,
        sealed: bytes(15)?,
        sealed_version: row.int(16)?,
    })
}

/// Adds a pending attempt and returns its number.
pub async fn insert(
    tx: &mut Tx,
    project: ProjectNumber,
    session: SessionId,
    attempt: &Attempt,
) -> Result<i64> {
    let sql = "insert into connection_attempts \
               (project, session, id, status, created_at, updated_at, expires_at) \
               values (?1, ?2, ?3, 'pending', ?4, ?5, ?6) returning number";
    let params = [
        project.into(),
        session.get().into(),
        attempt.id.as_str().into(),
        attempt.created_at.into(),
        attempt.updated_at.into(),
        attempt.expires_at.into(),
    ];
    tx.number(sql, &params).await
}

/// The attempt of this id, within a session.
pub async fn by_id(
    tx: &mut Tx,
    project: ProjectNumber,
    session: SessionId,
    id: &AttemptId,
) -> Result<Option<Stored>> {
    let sql = format!(
        "select {ATTEMPT}, {LOGIN} from connection_attempts \
         where project = ?1 and session = ?2 and id = ?3"
    );
    tx.optional(&sql, &[project.into(), session.get().into(), id.as_str().into()], read).await
}

/// The attempt of this number, in whatever project it is: the state that names it is checked next.
pub async fn by_number(tx: &mut Tx, number: i64) -> Result<Option<Stored>> {
    let sql = format!("select {ATTEMPT}, {LOGIN} from connection_attempts where number = ?1");
    tx.optional(&sql, &[number.into()], read).await
}

/// The newest attempt of a session (CS-38).
pub async fn latest(
    tx: &mut Tx,
    project: ProjectNumber,
    session: SessionId,
) -> Result<Option<Attempt>> {
    Ok(newest(tx, project, session, 1).await?.pop().map(|(_, attempt)| attempt))
}

/// The newest attempts of a session with their numbers, the newest first, at most so many.
pub async fn newest(
    tx: &mut Tx,
    project: ProjectNumber,
    session: SessionId,
    most: i64,
) -> Result<Vec<(i64, Attempt)>> {
    let sql = format!(
        "select {ATTEMPT} from connection_attempts where project = ?1 and session = ?2 \
         order by project, session, number desc limit ?3"
    );
    tx.all(&sql, &[project.into(), session.get().into(), most.into()], read_attempt).await
}

/// Forgets an attempt.
pub async fn remove(tx: &mut Tx, project: ProjectNumber, number: i64) -> Result<()> {
    let sql = "delete from connection_attempts where project = ?1 and number = ?2";
    tx.execute(sql, &[project.into(), number.into()]).await?;
    Ok(())
}

/// What a login that begins keeps.
pub struct Began<'a> {
    /// The auth config.
    pub auth_config: &'a AuthConfigId,
    /// Keyed hash of the state.
    pub state_hash: &'a [u8],
    /// Keyed hash of what the browser must bring.
    pub binding_hash: &'a [u8],
    /// What the login needs when it comes back, sealed.
    pub sealed: &'a [u8],
    /// What the seal is bound to.
    pub sealed_version: i64,
}

/// Keeps what a login needs; a state given out before is worth nothing any more.
///
/// # Errors
/// [`StoreError::Stale`] where the attempt is not open.
pub async fn begin(
    tx: &mut Tx,
    project: ProjectNumber,
    number: i64,
    began: &Began<'_>,
    now: Timestamp,
) -> Result<()> {
    let sql = "update connection_attempts set auth_config = ?1, state_hash = ?2, \
               binding_hash = ?3, sealed = ?4, sealed_version = ?5, updated_at = ?6 \
               where project = ?7 and number = ?8 and status = 'pending' \
               and claimed_at is null and expires_at > ?6";
    let params = [
        began.auth_config.into(),
        began.state_hash.into(),
        began.binding_hash.into(),
        began.sealed.into(),
        began.sealed_version.into(),
        now.into(),
        project.into(),
        number.into(),
    ];
    tx.execute_one(sql, &params).await
}

/// Takes an attempt whose end user came back: true for exactly one of those who try (threat 2).
pub async fn claim(
    tx: &mut Tx,
    project: ProjectNumber,
    stored: &Stored,
    now: Timestamp,
) -> Result<bool> {
    let sql = "update connection_attempts set claimed_at = ?1, updated_at = ?1 \
               where project = ?2 and number = ?3 and status = 'pending' \
               and claimed_at is null and expires_at > ?1 and sealed_version = ?4";
    let params = [now.into(), project.into(), stored.number.into(), stored.sealed_version.into()];
    Ok(tx.execute(sql, &params).await? == 1)
}

/// Ends a pending attempt and destroys what its login kept; false where it has ended before
/// (OA-4): one whose end user came back too long ago has expired.
pub async fn settle(
    tx: &mut Tx,
    project: ProjectNumber,
    number: i64,
    state: &AttemptState,
    now: Timestamp,
) -> Result<bool> {
    let sql = "update connection_attempts set status = ?1, account = ?2, error_code = ?3, \
               error_description = ?4, updated_at = ?5, sealed = null \
               where project = ?6 and number = ?7 and status = 'pending' \
               and (?1 = 'expired' or claimed_at > ?8 \
               or (?1 <> 'authenticated' and claimed_at is null))";
    let (account, code, description) = match state {
        AttemptState::Authenticated { account } => (Some(account), None, None),
        AttemptState::Failed { code, description } => (None, Some(code), description.as_ref()),
        AttemptState::Pending | AttemptState::Cancelled | AttemptState::Expired => {
            (None, None, None)
        }
    };
    let params = [
        state.as_str().into(),
        account.into(),
        code.into(),
        description.into(),
        now.into(),
        project.into(),
        number.into(),
        now.plus_seconds(-FINISHING_S).into(),
    ];
    Ok(tx.execute(sql, &params).await? == 1)
}
