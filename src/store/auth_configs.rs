//! Table `auth_configs`.

use std::ops::ControlFlow;

use crate::domain::auth_config::AuthConfig;
use crate::domain::ids::{AuthConfigId, ProjectNumber};
use crate::domain::names::ConnectorKey;

use super::driver::to_json;
use super::{Result, Row, StoreError, Tx};

const COLUMNS: &str = "select id, connector, method, name, is_default, disabled_at, pin, setup, \
                       secrets, created_at, updated_at, version from auth_configs";

fn read(row: &Row<'_>) -> Result<AuthConfig> {
    Ok(AuthConfig {
        id: row.parsed(0)?,
        connector: row.parsed(1)?,
        method: row.parsed(2)?,
        name: row.text(3)?.to_owned(),
        is_default: row.int(4)? == 1,
        disabled_at: row.opt_time(5)?,
        pin: row.opt_parsed(6)?,
        setup: row.json(7)?,
        secrets: row.json(8)?,
        created_at: row.time(9)?,
        updated_at: row.time(10)?,
        version: row.int(11)?,
    })
}

/// The auth config of this id.
pub async fn by_id(
    tx: &mut Tx,
    project: ProjectNumber,
    id: &AuthConfigId,
) -> Result<Option<AuthConfig>> {
    let sql = format!("{COLUMNS} where project = ?1 and id = ?2");
    tx.optional(&sql, &[project.into(), id.into()], read).await
}

/// The auth config of this name.
pub async fn by_name(
    tx: &mut Tx,
    project: ProjectNumber,
    name: &str,
) -> Result<Option<AuthConfig>> {
    let sql = format!("{COLUMNS} where project = ?1 and name = ?2");
    tx.optional(&sql, &[project.into(), name.into()], read).await
}

/// All auth configs of a connector, the oldest first.
pub async fn of_connector(
    tx: &mut Tx,
    project: ProjectNumber,
    connector: &ConnectorKey,
) -> Result<Vec<AuthConfig>> {
    let sql = format!("{COLUMNS} where project = ?1 and connector = ?2 order by id");
    tx.all(&sql, &[project.into(), connector.as_str().into()], read).await
}

/// Shows each auth config of the project to `each`, by connector and age.
pub async fn scan<E: From<StoreError>>(
    tx: &mut Tx,
    project: ProjectNumber,
    mut each: impl FnMut(AuthConfig) -> std::result::Result<ControlFlow<()>, E>,
) -> std::result::Result<(), E> {
    let sql = format!("{COLUMNS} where project = ?1 order by connector, id");
    tx.scan(&sql, &[project.into()], |row| each(read(row)?)).await
}

/// The secrets of an auth config as stored.
pub struct Sealed {
    /// The sealed values.
    pub bytes: Vec<u8>,
    /// Counts how often they were sealed anew; part of what they are bound to.
    pub version: i64,
}

/// Adds an auth config; `sealed` holds its secrets.
///
/// # Errors
/// [`StoreError::Duplicate`] where its name, or its default flag, is taken.
pub async fn insert(
    tx: &mut Tx,
    project: ProjectNumber,
    config: &AuthConfig,
    sealed: Option<&Sealed>,
) -> Result<()> {
    let sql = "insert into auth_configs (project, id, connector, method, name, is_default, \
               disabled_at, pin, setup, secrets, sealed, sealed_version, created_at, updated_at, \
               version) \
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    let (setup, secrets) = (to_json(&config.setup)?, to_json(&config.secrets)?);
    let params = [
        project.into(),
        (&config.id).into(),
        config.connector.as_str().into(),
        config.method.as_str().into(),
        (&config.name).into(),
        config.is_default.into(),
        config.disabled_at.into(),
        config.pin.as_ref().map(super::super::domain::auth_config::VersionPin::as_str).into(),
        (&setup).into(),
        (&secrets).into(),
        sealed.map(|sealed| sealed.bytes.as_slice()).into(),
        sealed.map_or(0, |sealed| sealed.version).into(),
        config.created_at.into(),
        config.updated_at.into(),
        config.version.into(),
    ];
    tx.execute(sql, &params).await?;
    Ok(())
}

/// Saves a changed auth config; its secrets stay as they are unless `sealed` is given.
///
/// # Errors
/// [`StoreError::Stale`] where it changed since it was read.
pub async fn save(
    tx: &mut Tx,
    project: ProjectNumber,
    config: &AuthConfig,
    sealed: Option<&Sealed>,
) -> Result<()> {
    let sql = "update auth_configs set name = ?1, is_default = ?2, disabled_at = ?3, pin = ?4, \
               setup = ?5, secrets = ?6, sealed = coalesce(?7, sealed), \
               sealed_version = coalesce(?8, sealed_version), updated_at = ?9, \
               version = version + 1 where project = ?10 and id = ?11 and version = ?12";
    let (setup, secrets) = (to_json(&config.setup)?, to_json(&config.secrets)?);
    let params = [
        (&config.name).into(),
        config.is_default.into(),
        config.disabled_at.into(),
        config.pin.as_ref().map(super::super::domain::auth_config::VersionPin::as_str).into(),
        (&setup).into(),
        (&secrets).into(),
        sealed.map(|sealed| sealed.bytes.as_slice()).into(),
        sealed.map(|sealed| sealed.version).into(),
        config.updated_at.into(),
        project.into(),
        (&config.id).into(),
        config.version.into(),
    ];
    tx.execute_one(sql, &params).await
}

/// The sealed secrets, if it has some.
pub async fn sealed(
    tx: &mut Tx,
    project: ProjectNumber,
    id: &AuthConfigId,
) -> Result<Option<Sealed>> {
    let sql = "select sealed, sealed_version from auth_configs where project = ?1 and id = ?2";
    let params = [project.into(), id.into()];
    let found = tx.optional(sql, &params, |row| {
        let version = row.int(1)?;
        Ok(row.opt_bytes(0)?.map(|bytes| Sealed { bytes: bytes.to_owned(), version }))
    });
    Ok(found.await?.flatten())
}

/// Removes an auth config.
///
/// # Errors
/// [`StoreError::Stale`] where it changed since it was read.
pub async fn delete(tx: &mut Tx, project: ProjectNumber, config: &AuthConfig) -> Result<()> {
    let sql = "delete from auth_configs where project = ?1 and id = ?2 and version = ?3";
    let params = [project.into(), (&config.id).into(), config.version.into()];
    tx.execute_one(sql, &params).await
}
