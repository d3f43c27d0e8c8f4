//! Tables `store` and `data_keys`: facts about the store itself, and wrapped keys.

use crate::domain::ids::ProjectNumber;

use super::{Result, Row, StoreError, Tx};

/// A key as stored: wrapped by the master key.
pub struct WrappedKey {
    /// Its number within project and purpose.
    pub number: i64,
    /// Fingerprint of the master key that wraps it.
    pub master_key: String,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
    /// The same key, wrapped by the master key that is to follow.
    pub next: Option<Vec<u8>>,
}

/// A wrapped key, and where it lies.
pub struct Placed {
    /// The project; 0 for a key of the whole store.
    pub project: ProjectNumber,
    /// What it is for.
    pub purpose: String,
    /// The key.
    pub key: WrappedKey,
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

/// Keeps this value under `key`, in the place of an older one.
pub async fn set_fact(tx: &mut Tx, key: &str, value: &str) -> Result<()> {
    let sql = "insert into store (key, value) values (?1, ?2) \
               on conflict (key) do update set value = excluded.value";
    tx.execute(sql, &[key.into(), value.into()]).await?;
    Ok(())
}

/// Forgets what is kept under `key`.
pub async fn drop_fact(tx: &mut Tx, key: &str) -> Result<()> {
    tx.execute("delete from store where key = ?1", &[key.into()]).await?;
    Ok(())
}

/// All wrapped keys of a project and purpose, the newest last.
pub async fn wrapped(
    tx: &mut Tx,
    project: ProjectNumber,
    purpose: &str,
) -> Result<Vec<WrappedKey>> {
    let sql = "select number, master_key, wrapped, next_wrapped from data_keys \
               where project = ?1 and purpose = ?2 order by number";
    tx.all(sql, &[project.into(), purpose.into()], |row| read(row, 0)).await
}

fn read(row: &Row<'_>, first: usize) -> Result<WrappedKey> {
    Ok(WrappedKey {
        number: row.int(first)?,
        master_key: row.text(first + 1)?.to_owned(),
        wrapped: row.bytes(first + 2)?.to_owned(),
        next: row.opt_bytes(first + 3)?.map(<[u8]>::to_owned),
    })
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

const PLACED: &str = "select project, purpose, number, master_key, wrapped, next_wrapped \
                      from data_keys";
/// What the rotation to a master key has not reached yet.
const UNREACHED: &str = "master_key <> ?1 and (next_master_key is null or next_master_key <> ?1)";

fn read_placed(row: &Row<'_>) -> Result<Placed> {
    Ok(Placed {
        project: ProjectNumber(row.int(0)?),
        purpose: row.text(1)?.to_owned(),
        key: read(row, 2)?,
    })
}

/// Keys of all projects, since a master key is the whole store's, that are not wrapped by this
/// master key, neither now nor next.
pub async fn unreached(tx: &mut Tx, master: &str, limit: i64) -> Result<Vec<Placed>> {
    let sql = format!("{PLACED} where {UNREACHED} order by project, purpose, number limit ?2");
    tx.all(&sql, &[master.into(), limit.into()], read_placed).await
}

/// The keys of all projects, and those of the store itself.
pub async fn all(tx: &mut Tx) -> Result<Vec<Placed>> {
    tx.all(&format!("{PLACED} order by project, purpose, number"), &[], read_placed).await
}

/// How many keys the rotation to this master key has not reached yet.
pub async fn count_unreached(tx: &mut Tx, master: &str) -> Result<u64> {
    let sql = format!("select count(*) from data_keys where {UNREACHED}");
    Ok(u64::try_from(tx.number(&sql, &[master.into()]).await?).unwrap_or(0))
}

/// How many wrapped keys all projects and the store itself have.
pub async fn count(tx: &mut Tx) -> Result<u64> {
    let count = tx.number("select count(*) from data_keys", &[]).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Keys of all projects that this master key wraps next.
pub async fn reached(tx: &mut Tx, master: &str) -> Result<Vec<Placed>> {
    let sql = format!("{PLACED} where next_master_key = ?1");
    tx.all(&sql, &[master.into()], read_placed).await
}

/// Keys of all projects that this master key wraps now.
pub async fn wrapped_by(tx: &mut Tx, master: &str) -> Result<Vec<Placed>> {
    let sql = format!("{PLACED} where master_key = ?1");
    tx.all(&sql, &[master.into()], read_placed).await
}

/// Keeps a key as the next master key wraps it, beside how it is wrapped now.
pub async fn set_next(tx: &mut Tx, placed: &Placed, master: &str, wrapped: &[u8]) -> Result<()> {
    wrap(tx, "next_master_key = ?1, next_wrapped = ?2", placed, master, wrapped).await
}

/// Replaces how a key is wrapped.
pub async fn set_wrapped(tx: &mut Tx, placed: &Placed, master: &str, wrapped: &[u8]) -> Result<()> {
    wrap(tx, "master_key = ?1, wrapped = ?2", placed, master, wrapped).await
}

async fn wrap(
    tx: &mut Tx,
    columns: &str,
    placed: &Placed,
    master: &str,
    wrapped: &[u8],
) -> Result<()> {
    let sql = format!(
        "update data_keys set {columns} where project = ?3 and purpose = ?4 and number = ?5"
    );
    let (project, number) = (placed.project, placed.key.number);
    let place = [project.into(), (&placed.purpose).into(), number.into()];
    let params = [master.into(), wrapped.into(), place[0], place[1], place[2]];
    tx.execute(&sql, &params).await?;
    Ok(())
}

/// Puts what this master key wraps next in the place of what is there, for all projects at once.
pub async fn switch_to(tx: &mut Tx, master: &str) -> Result<()> {
    let sql = "update data_keys set master_key = next_master_key, wrapped = next_wrapped, \
               next_master_key = null, next_wrapped = null where next_master_key = ?1";
    tx.execute(sql, &[master.into()]).await?;
    Ok(())
}

/// Forgets every next wrapping, of all projects.
pub async fn drop_next(tx: &mut Tx) -> Result<()> {
    let sql = "update data_keys set next_master_key = null, next_wrapped = null \
               where next_master_key is not null";
    tx.execute(sql, &[]).await?;
    Ok(())
}

/// The data keys of a project.
pub struct Numbers {
    /// The project.
    pub project: ProjectNumber,
    /// The number of the one that seals.
    pub newest: u32,
    /// How many there are.
    pub count: u64,
}

/// The data keys of all projects: whoever replaces them does it in all.
pub async fn numbers(tx: &mut Tx, purpose: &str) -> Result<Vec<Numbers>> {
    let sql = "select project, max(number), count(*) from data_keys where purpose = ?1 \
               group by project order by project";
    tx.all(sql, &[purpose.into()], |row| {
        Ok(Numbers {
            project: ProjectNumber(row.int(0)?),
            newest: u32::try_from(row.int(1)?)
                .map_err(|_| StoreError::Damaged("a data key's number".to_owned()))?,
            count: u64::try_from(row.int(2)?).unwrap_or(0),
        })
    })
    .await
}

/// The number of the newest key of a project and purpose; 0 where there is none.
pub async fn newest(tx: &mut Tx, project: ProjectNumber, purpose: &str) -> Result<i64> {
    let sql = "select coalesce(max(number), 0) from data_keys where project = ?1 and purpose = ?2";
    tx.number(sql, &[project.into(), purpose.into()]).await
}

/// Deletes the keys of a project and purpose before this number; says how many.
pub async fn delete_before(
    tx: &mut Tx,
    project: ProjectNumber,
    purpose: &str,
    number: u32,
) -> Result<u64> {
    let sql = "delete from data_keys where project = ?1 and purpose = ?2 and number < ?3";
    tx.execute(sql, &[project.into(), purpose.into(), i64::from(number).into()]).await
}
