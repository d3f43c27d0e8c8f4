//! Tables `store` and `data_keys`: facts about the store itself, and wrapped keys.

use crate::domain::ids::ProjectNumber;

use super::{Result, Tx};

/// A key as stored: wrapped by the master key.
pub struct WrappedKey {
    /// Its number within project and purpose.
    pub number: i64,
    /// Fingerprint of the master key that wraps it.
    pub master_key: String,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

/// The value that the store keeps under `key`.
pub async fn fact(tx: &mut Tx, key: &str) -> Result<Option<String>> {
    let sql = "select value from store where key = ?1";
    tx.optional(sql, &[key.into()], |row| Ok(row.text(0)?.to_owned())).await
}

/// Keeps the first value written under `key`, and returns it.
pub async fn first_fact(tx: &mut Tx, key: &str, value: &str) -> Result<String> {
    let sql = "insert into store (key, value) values (?1, ?2) on conflict (key) do nothing";
    tx.has_new_keys |= tx.execute(sql, &[key.into(), value.into()]).await? > 0;
    Ok(fact(tx, key).await?.unwrap_or_else(|| value.to_owned()))
}

/// All wrapped keys of a project and purpose, the newest last.
pub async fn wrapped(
    tx: &mut Tx,
    project: ProjectNumber,
    purpose: &str,
) -> Result<Vec<WrappedKey>> {
    let sql = "select number, master_key, wrapped from data_keys \
               where project = ?1 and purpose = ?2 order by number";
    tx.all(sql, &[project.into(), purpose.into()], |row| {
        Ok(WrappedKey {
            number: row.int(0)?,
            master_key: row.text(1)?.to_owned(),
            wrapped: row.bytes(2)?.to_owned(),
        })
    })
    .await
}

/// Adds a wrapped key; where another process added one of the same number first, that one stays.
pub async fn add_wrapped(
    tx: &mut Tx,
    project: ProjectNumber,
    purpose: &str,
    key: &WrappedKey,
) -> Result<()> {
    let sql = "insert into data_keys (project, purpose, number, master_key, wrapped) \
               values (?1, ?2, ?3, ?4, ?5) on conflict do nothing";
    let params = [
        project.into(),
        purpose.into(),
        key.number.into(),
        (&key.master_key).into(),
        key.wrapped.as_slice().into(),
    ];
    tx.has_new_keys |= tx.execute(sql, &params).await? > 0;
    Ok(())
}
