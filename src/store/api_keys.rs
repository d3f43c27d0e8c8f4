//! Table `api_keys`.

use crate::domain::allowlist::Allowlist;
use crate::domain::api_key::ApiKey;
use crate::domain::ids::{KeyNumber, ProjectNumber};
use crate::domain::time::Timestamp;

use super::{Param, Result, Row, Tx};

const COLUMNS: &str = "select k.number, k.id, k.name, k.scopes, k.created_at, k.expires_at, \
                       k.disabled_at, k.last_used_at";

fn read(row: &Row<'_>) -> Result<ApiKey> {
    Ok(ApiKey {
        number: KeyNumber(row.int(0)?),
        id: row.parsed(1)?,
        name: row.parsed(2)?,
        scopes: row.parsed(3)?,
        created_at: row.time(4)?,
        expires_at: row.opt_time(5)?,
        disabled_at: row.opt_time(6)?,
        last_used_at: row.opt_time(7)?,
    })
}

/// Adds a key and returns its number; `None` if the project has one of this name.
pub async fn insert(
    tx: &mut Tx,
    project: ProjectNumber,
    key: &ApiKey,
    hash: &[u8],
) -> Result<Option<KeyNumber>> {
    let sql = "insert into api_keys \
               (project, id, name, key_hash, scopes, created_at, expires_at, disabled_at) \
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
               on conflict (project, name) do nothing returning number";
    let scopes = key.scopes.to_string();
    let params = [
        project.into(),
        key.id.as_str().into(),
        key.name.as_str().into(),
        hash.into(),
        (&scopes).into(),
        key.created_at.into(),
        key.expires_at.into(),
        key.disabled_at.into(),
    ];
    tx.optional(sql, &params, |row| Ok(KeyNumber(row.int(0)?))).await
}

/// The project's keys, by name.
pub async fn list(tx: &mut Tx, project: ProjectNumber) -> Result<Vec<ApiKey>> {
    let sql = format!("{COLUMNS} from api_keys k where k.project = ?1 order by k.name");
    tx.all(&sql, &[project.into()], read).await
}

/// The key of this id or name: an id never looks like a name.
pub async fn by_id_or_name(
    tx: &mut Tx,
    project: ProjectNumber,
    text: &str,
) -> Result<Option<ApiKey>> {
    let sql =
        format!("{COLUMNS} from api_keys k where k.project = ?1 and (k.id = ?2 or k.name = ?2)");
    tx.optional(&sql, &[project.into(), text.into()], read).await
}

/// Keeps since when a key is disabled.
pub async fn set_disabled(tx: &mut Tx, project: ProjectNumber, key: &ApiKey) -> Result<()> {
    let sql = "update api_keys set disabled_at = ?1 where project = ?2 and number = ?3";
    let params = [key.disabled_at.into(), project.into(), key.number.0.into()];
    tx.execute(sql, &params).await?;
    Ok(())
}

/// Removes a key.
pub async fn delete(tx: &mut Tx, project: ProjectNumber, number: KeyNumber) -> Result<()> {
    let sql = "delete from api_keys where project = ?1 and number = ?2";
    tx.execute(sql, &[project.into(), number.0.into()]).await?;
    Ok(())
}

/// Whether any project has a key.
pub async fn any(tx: &mut Tx) -> Result<bool> {
    let found = tx.optional("select number from api_keys limit 1", &[], |row| row.int(0)).await?;
    Ok(found.is_some())
}

/// A key as it is found by its number, with what is needed to decide about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The key.
    pub key: ApiKey,
    /// Its project.
    pub project: ProjectNumber,
    /// The project's name.
    pub project_name: String,
    /// The keyed hash of its text's secret part.
    pub hash: Vec<u8>,
    /// Where the project's keys may be used from.
    pub allowlist: Allowlist,
}

fn by_number_sql() -> String {
    format!(
        "{COLUMNS}, k.project, p.name, k.key_hash, p.allow_ips \
         from api_keys k join projects p on p.number = k.project where k.number = ?1"
    )
}

/// The key of this number, in whatever project it is: the text that names it is checked next.
pub async fn by_number(tx: &mut Tx, number: KeyNumber) -> Result<Option<Found>> {
    tx.optional(&by_number_sql(), &[number.0.into()], |row| {
        Ok(Found {
            key: read(row)?,
            project: ProjectNumber(row.int(8)?),
            project_name: row.text(9)?.to_owned(),
            hash: row.bytes(10)?.to_owned(),
            allowlist: row.parsed(11)?,
        })
    })
    .await
}

/// How the database goes about [`by_number`].
pub async fn plan(tx: &mut Tx, number: KeyNumber) -> Result<Vec<String>> {
    tx.plan(&by_number_sql(), &[number.0.into()]).await
}

/// Which of these keys have no use noted since the instant given.
pub async fn unused_since(
    tx: &mut Tx,
    numbers: &[KeyNumber],
    since: Timestamp,
) -> Result<Vec<KeyNumber>> {
    let sql = "select number from api_keys \
               where number = ?1 and (last_used_at is null or last_used_at <= ?2)";
    let mut found = Vec::new();
    for number in numbers {
        let params: [Param<'_>; 2] = [number.0.into(), since.into()];
        found.extend(tx.optional(sql, &params, |row| Ok(KeyNumber(row.int(0)?))).await?);
    }
    Ok(found)
}

/// Notes that a key was used; never earlier than is known already.
pub async fn touch(tx: &mut Tx, number: KeyNumber, at: Timestamp) -> Result<()> {
    let sql = "update api_keys set last_used_at = ?1 \
               where number = ?2 and (last_used_at is null or last_used_at < ?1)";
    tx.execute(sql, &[at.into(), number.0.into()]).await?;
    Ok(())
}
