//! What goes: expired rows, and those of projects that are no more. Few at a time, so that nobody
//! who writes has to wait. Expiry is the store's business as a whole, whatever the project.

use crate::domain::ids::ProjectNumber;
use crate::domain::time::Timestamp;
use crate::store::{Result, Tx};

/// Removes at most so many expired rows of each table, and tells how many went in the fullest one.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp, most: i64) -> Result<u64> {
    let mut deleted = 0;
    for table in ["request_logs", "request_steps"] {
        let sql = format!(
            "delete from {table} where id in (select id from {table} where expires_at <= ?1 \
             order by expires_at limit ?2)"
        );
        deleted = deleted.max(tx.execute(&sql, &[now.into(), most.into()]).await?);
    }
    let sql = "delete from request_bodies where (project, log, is_step) in \
               (select project, log, is_step from request_bodies where expires_at <= ?1 \
                order by expires_at limit ?2)";
    Ok(deleted.max(tx.execute(sql, &[now.into(), most.into()]).await?))
}

/// Projects that have rows and are no more.
pub async fn orphans(tx: &mut Tx) -> Result<Vec<ProjectNumber>> {
    let mut found = Vec::new();
    for table in ["request_logs", "request_steps", "request_bodies"] {
        let sql = format!(
            "with recursive found (n) as (\
               select min(project) from {table} \
               union all \
               select (select min(project) from {table} where project > found.n) from found \
               where found.n is not null) \
             select n from found where n is not null \
             and not exists (select 1 from projects where number = found.n)"
        );
        found.extend(tx.all(&sql, &[], |row| row.int(0)).await?);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found.into_iter().map(ProjectNumber).collect())
}

/// Removes at most so many rows of a project from each table, and tells how many went in the
/// fullest one.
pub async fn delete_of_project(tx: &mut Tx, project: ProjectNumber, most: i64) -> Result<u64> {
    let mut deleted = 0;
    for table in ["request_logs", "request_steps"] {
        let sql = format!(
            "delete from {table} where id in \
             (select id from {table} where project = ?1 limit ?2)"
        );
        deleted = deleted.max(tx.execute(&sql, &[project.into(), most.into()]).await?);
    }
    let sql = "delete from request_bodies where project = ?1 and (log, is_step) in \
               (select log, is_step from request_bodies where project = ?1 limit ?2)";
    Ok(deleted.max(tx.execute(sql, &[project.into(), most.into()]).await?))
}
