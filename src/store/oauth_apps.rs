//! Table `oauth_apps`.

use crate::domain::ids::ProjectNumber;
use crate::domain::names::ConnectorKey;
use crate::domain::time::Timestamp;

use super::{Result, Row, Tx};

const COLUMNS: &str = "select connector, client_id, sealed, sealed_version, created_at, updated_at \
                       from oauth_apps";

/// The hub's own application at a provider, as stored.
pub struct Stored {
    /// The connector.
    pub connector: ConnectorKey,
    /// The application's id, which is no secret.
    pub client_id: String,
    /// Its secret, sealed.
    pub sealed: Vec<u8>,
    /// What the seal is bound to.
    pub sealed_version: i64,
    /// When it was set first.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<Stored> {
    Ok(Stored {
        connector: row.parsed(0)?,
        client_id: row.text(1)?.to_owned(),
        sealed: row.bytes(2)?.to_owned(),
        sealed_version: row.int(3)?,
        created_at: row.time(4)?,
        updated_at: row.time(5)?,
    })
}

/// All of a project, by connector.
pub async fn list(tx: &mut Tx, project: ProjectNumber) -> Result<Vec<Stored>> {
    let sql = format!("{COLUMNS} where project = ?1 order by connector");
    tx.all(&sql, &[project.into()], read).await
}

/// The one for a connector.
pub async fn by_connector(
    tx: &mut Tx,
    project: ProjectNumber,
    connector: &ConnectorKey,
) -> Result<Option<Stored>> {
    let sql = format!("{COLUMNS} where project = ?1 and connector = ?2");
    tx.optional(&sql, &[project.into(), connector.as_str().into()], read).await
}

/// Sets the one for a connector.
pub async fn save(tx: &mut Tx, project: ProjectNumber, app: &Stored) -> Result<()> {
    let sql = "insert into oauth_apps (project, connector, client_id, sealed, sealed_version, \
               created_at, updated_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
               on conflict (project, connector) do update set client_id = excluded.client_id, \
               sealed = excluded.sealed, sealed_version = excluded.sealed_version, \
               updated_at = excluded.updated_at";
    let params = [
        project.into(),
        app.connector.as_str().into(),
        (&app.client_id).into(),
        app.sealed.as_slice().into(),
        app.sealed_version.into(),
        app.created_at.into(),
        app.updated_at.into(),
    ];
    tx.execute(sql, &params).await?;
    Ok(())
}

/// Removes the one for a connector.
pub async fn delete(tx: &mut Tx, project: ProjectNumber, connector: &ConnectorKey) -> Result<()> {
    let sql = "delete from oauth_apps where project = ?1 and connector = ?2";
    tx.execute(sql, &[project.into(), connector.as_str().into()]).await?;
    Ok(())
}
