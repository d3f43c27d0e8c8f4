//! Table `session_expiry`: up to where it was told of each project's sessions that they ended.

use crate::domain::ids::{ProjectNumber, SessionId};
use crate::domain::time::Timestamp;

use super::{Result, Tx};

/// A place among a project's sessions, in the order in which they end.
pub type Place = (Timestamp, SessionId);

/// Sessions behind their project's place. Both bounds are there: the first is what an index is
/// entered by, the second tells sessions apart that end at the same instant.
const BEHIND: &str = "s.project = p.number and s.expires_at >= coalesce(c.at, 0) \
                      and (s.expires_at, s.id) > (coalesce(c.at, 0), coalesce(c.session, 0)) \
                      and s.late is null";
/// Sessions that ended before their project's place when they were made, since a clock went back.
const LATE: &str = "s.project = p.number and s.late = 1";

fn due_query() -> String {
    format!(
        "select p.number from projects p \
         left join session_expiry c on c.project = p.number where exists \
         (select 1 from connect_sessions s where {BEHIND} and s.expires_at <= ?1) or exists \
         (select 1 from connect_sessions s where {LATE} and s.expires_at <= ?1) \
         order by p.number limit ?2"
    )
}

fn next_query() -> String {
    format!(
        "select min(next) from (select (select s.expires_at from connect_sessions s \
         where {BEHIND} order by s.expires_at limit 1) as next \
         from projects p left join session_expiry c on c.project = p.number union all \
         select (select s.expires_at from connect_sessions s where {LATE} \
         order by s.expires_at limit 1) from projects p) ends"
    )
}

/// Projects that have sessions which ended at `upto` or before and were not looked at, at most so
/// many: the worker of the hub serves all projects, and acts in each as in that one alone.
pub async fn due(tx: &mut Tx, upto: Timestamp, most: i64) -> Result<Vec<ProjectNumber>> {
    let params = [upto.into(), most.into()];
    tx.all(&due_query(), &params, |row| Ok(ProjectNumber(row.int(0)?))).await
}

/// When the next session of any project ends that was not looked at.
pub async fn next_end(tx: &mut Tx) -> Result<Option<Timestamp>> {
    Ok(tx.optional(&next_query(), &[], |row| row.opt_time(0)).await?.flatten())
}

/// Up to where a project's sessions were looked at.
pub async fn place(tx: &mut Tx, project: ProjectNumber) -> Result<Place> {
    let sql = "select at, session from session_expiry where project = ?1";
    let found = tx
        .optional(sql, &[project.into()], |row| {
            Ok((row.time(0)?, SessionId::from_row(row.int(1)?)))
        })
        .await?;
    Ok(found.unwrap_or((Timestamp::from_millis(0), SessionId::from_row(0))))
}

/// Moves a project's place.
pub async fn advance(tx: &mut Tx, project: ProjectNumber, to: Place) -> Result<()> {
    let sql = "insert into session_expiry (project, at, session) values (?1, ?2, ?3) \
               on conflict (project) do update set at = excluded.at, session = excluded.session";
    tx.execute(sql, &[project.into(), to.0.into(), to.1.get().into()]).await?;
    Ok(())
}

/// How the database looks for what is due and for what comes next.
pub async fn plans(tx: &mut Tx) -> Result<[String; 2]> {
    let due = tx.plan(&due_query(), &[1_i64.into(), 1_i64.into()]).await?;
    let next = tx.plan(&next_query(), &[]).await?;
    Ok([due.join("\n"), next.join("\n")])
}
