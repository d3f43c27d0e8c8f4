//! Table `projects`.

use crate::domain::brand::{Brand, Color, DisplayName, Edit, LogoMark};
use crate::domain::ids::ProjectNumber;
use crate::domain::project::{Project, ProjectName};
use crate::domain::request_log::{Keeping, Retention};
use crate::domain::time::Timestamp;

use super::{Result, Row, StoreError, Tx};

const COLUMNS: &str = "select number, name, created_at, allow_ips, app_origins, log_bodies, \
                       log_retention_days, display_name, accent_color, logo from projects";

fn read(row: &Row<'_>) -> Result<Project> {
    Ok(Project {
        number: ProjectNumber(row.int(0)?),
        name: row.parsed(1)?,
        created_at: row.time(2)?,
        allowlist: row.parsed(3)?,
        app_origins: row.parsed(4)?,
        keeping: read_keeping(row, 5)?,
        brand: read_brand(row, 7)?,
    })
}

/// Each is empty where it is absent.
fn read_brand(row: &Row<'_>, first: usize) -> Result<Brand> {
    let name: Edit<DisplayName> = row.parsed(first)?;
    let accent: Edit<Color> = row.parsed(first + 1)?;
    let logo: Edit<LogoMark> = row.parsed(first + 2)?;
    Ok(Brand { name: name.over(None), accent: accent.over(None), logo: logo.over(None) })
}

fn read_keeping(row: &Row<'_>, first: usize) -> Result<Keeping> {
    let days = u64::try_from(row.int(first + 1)?).unwrap_or(0);
    let retention = Retention::days(days)
        .map_err(|_| StoreError::Damaged("a project's retention of its log".to_owned()))?;
    Ok(Keeping { bodies: row.parsed(first)?, retention })
}

/// What a project wants of its log.
pub async fn keeping(tx: &mut Tx, project: ProjectNumber) -> Result<Option<Keeping>> {
    let sql = "select log_bodies, log_retention_days from projects where number = ?1";
    tx.optional(sql, &[project.into()], |row| read_keeping(row, 0)).await
}

/// The projects that keep bodies, and which.
pub async fn keeping_bodies(tx: &mut Tx) -> Result<Vec<(ProjectNumber, Keeping)>> {
    let sql = "select number, log_bodies, log_retention_days from projects \
               where log_bodies <> 'off'";
    tx.all(sql, &[], |row| Ok((ProjectNumber(row.int(0)?), read_keeping(row, 1)?))).await
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
               on conflict (name) do nothing returning number, name, created_at, allow_ips, \
               app_origins, log_bodies, log_retention_days, display_name, accent_color, logo";
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

/// Keeps what a project wants of its log (KP-9, KP-10).
pub async fn set_keeping(tx: &mut Tx, project: &Project) -> Result<()> {
    let sql = "update projects set log_bodies = ?1, log_retention_days = ?2 where number = ?3";
    let Keeping { bodies, retention } = project.keeping;
    let days = i64::from(retention.as_days());
    tx.execute(sql, &[bodies.as_str().into(), days.into(), project.number.into()]).await?;
    Ok(())
}

/// Keeps how a project's page looks, without the picture of its logo.
pub async fn set_brand(tx: &mut Tx, project: &Project) -> Result<()> {
    let sql = "update projects set display_name = ?1, accent_color = ?2, logo = ?3 \
               where number = ?4";
    let Brand { name, accent, logo } = &project.brand;
    let name = name.as_ref().map_or("", DisplayName::as_str);
    let accent = accent.map(|accent| accent.to_string()).unwrap_or_default();
    let logo = logo.as_ref().map(ToString::to_string).unwrap_or_default();
    let params = [name.into(), (&accent).into(), (&logo).into(), project.number.into()];
    tx.execute(sql, &params).await?;
    Ok(())
}

/// Removes a project and everything in it; its log, which may be long, goes when the log is
/// pruned, and nobody sees it before.
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
