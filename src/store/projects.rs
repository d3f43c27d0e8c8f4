//! Table `projects`.

use crate::domain::ids::ProjectNumber;
use crate::domain::project::{Project, ProjectName};
use crate::domain::time::Timestamp;

use super::{Result, Row, Tx};

const COLUMNS: &str = "select number, name, created_at, allow_ips, app_origins from projects";

fn read(row: &Row<'_>) -> Result<Project> {
    Ok(Project {
        number: ProjectNumber(row.int(0)?),
        name: row.parsed(1)?,
        created_at: row.time(2)?,
        allowlist: row.parsed(3)?,
        app_origins: row.parsed(4)?,
    })
}

/// The project of this number.
pub async fn by_number(tx: &mut Tx, number: ProjectNumber) -> Result<Option<Project>> {
    tx.optional(&format!("{COLUMNS} where number = ?1"), &[number.into()], read).await
}

/// The project of this name.
pub async fn by_name(tx: &mut Tx, name: &ProjectName) -> Result<Option<Project>> {
    tx.optional(&format!("{COLUMNS} where name = ?1"), &[name.as_str().into()], read).await
}

/// All projects, by name.
pub async fn list(tx: &mut Tx) -> Result<Vec<Project>> {
    tx.all(&format!("{COLUMNS} order by name"), &[], read).await
}

/// Adds a project.
pub async fn insert(tx: &mut Tx, name: &ProjectName, now: Timestamp) -> Result<Option<Project>> {
    let sql = "insert into projects (name, created_at) values (?1, ?2) \
               on conflict (name) do nothing returning number, name, created_at, allow_ips, app_origins";
    tx.optional(sql, &[name.as_str().into(), now.into()], read).await
}

/// Keeps a project's settings: where its keys may be used from, and which applications embed its
/// page.
pub async fn save(tx: &mut Tx, project: &Project) -> Result<()> {
    let sql = "update projects set allow_ips = ?1, app_origins = ?2 where number = ?3";
    let (entries, origins) = (project.allowlist.to_string(), project.app_origins.to_string());
    tx.execute(sql, &[(&entries).into(), (&origins).into(), project.number.into()]).await?;
    Ok(())
}

/// Removes a project and everything in it.
pub async fn delete(tx: &mut Tx, project: ProjectNumber) -> Result<()> {
    tx.execute("delete from data_keys where project = ?1", &[project.into()]).await?;
    tx.execute("delete from projects where number = ?1", &[project.into()]).await?;
    Ok(())
}

/// How many linked accounts a project has.
pub async fn count_accounts(tx: &mut Tx, project: ProjectNumber) -> Result<u64> {
    let sql = "select count(*) from accounts where project = ?1";
    Ok(u64::try_from(tx.number(sql, &[project.into()]).await?).unwrap_or(0))
}
