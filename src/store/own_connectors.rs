//! Table `own_connectors`: connectors that a project imported.

use std::collections::BTreeSet;

use crate::domain::ids::ProjectNumber;
use crate::domain::names::ConnectorKey;
use crate::domain::time::Timestamp;

use super::{Result, Row, Tx};

/// An imported connector's definition as its JSON text.
pub struct OwnConnector {
    /// Its key.
    pub key: ConnectorKey,
    /// Its version.
    pub version: String,
    /// The definition.
    pub definition: String,
    /// When it was imported.
    pub created_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<OwnConnector> {
    Ok(OwnConnector {
        key: row.parsed(0)?,
        version: row.text(1)?.to_owned(),
        definition: row.text(2)?.to_owned(),
        created_at: row.time(3)?,
    })
}

const COLUMNS: &str = "select key, version, definition, created_at from own_connectors";

/// All versions of a connector.
pub async fn by_key(
    tx: &mut Tx,
    project: ProjectNumber,
    key: &ConnectorKey,
) -> Result<Vec<OwnConnector>> {
    let sql = format!("{COLUMNS} where project = ?1 and key = ?2");
    tx.all(&sql, &[project.into(), key.as_str().into()], read).await
}

/// The keys of a project's own connectors.
pub async fn keys(tx: &mut Tx, project: ProjectNumber) -> Result<BTreeSet<ConnectorKey>> {
    let sql = "select distinct key from own_connectors where project = ?1";
    let keys = tx.all(sql, &[project.into()], |row| row.parsed(0)).await?;
    Ok(keys.into_iter().collect())
}

/// All of a project, by key.
pub async fn list(tx: &mut Tx, project: ProjectNumber) -> Result<Vec<OwnConnector>> {
    let sql = format!("{COLUMNS} where project = ?1 order by key, version");
    tx.all(&sql, &[project.into()], read).await
}

/// Adds or replaces one version; tells whether its text changed.
pub async fn save(tx: &mut Tx, project: ProjectNumber, own: &OwnConnector) -> Result<bool> {
    let sql = "insert into own_connectors (project, key, version, definition, created_at) \
               values (?1, ?2, ?3, ?4, ?5) on conflict (project, key, version) do update \
               set definition = excluded.definition, created_at = excluded.created_at \
               where own_connectors.definition <> excluded.definition";
    let params = [
        project.into(),
        own.key.as_str().into(),
        (&own.version).into(),
        (&own.definition).into(),
        own.created_at.into(),
    ];
    Ok(tx.execute(sql, &params).await? > 0)
}

/// Removes all versions of a connector.
pub async fn delete(tx: &mut Tx, project: ProjectNumber, key: &ConnectorKey) -> Result<u64> {
    let sql = "delete from own_connectors where project = ?1 and key = ?2";
    tx.execute(sql, &[project.into(), key.as_str().into()]).await
}
