//! Table `events`: rows written in the transaction that caused them.

use crate::domain::event::Event;
use crate::domain::ids::ProjectNumber;

use super::driver::to_json;
use super::{Param, Result, Tx};

/// Rows in one statement.
const BATCH: usize = 100;

/// Appends events in their order.
pub async fn append(tx: &mut Tx, project: ProjectNumber, events: &[Event]) -> Result<()> {
    for batch in events.chunks(BATCH) {
        let mut sql =
            String::from("insert into events (project, id, kind, subject, at, data) values ");
        let mut data = Vec::with_capacity(batch.len());
        for event in batch {
            data.push(event.data.as_ref().map(to_json).transpose()?);
        }
        let mut params: Vec<Param<'_>> = Vec::with_capacity(batch.len() * 6);
        for (index, (event, data)) in batch.iter().zip(&data).enumerate() {
            let first = index * 6 + 1;
            let numbers: Vec<String> =
                (first..first + 6).map(|number| format!("?{number}")).collect();
            sql.push_str(if index == 0 { "(" } else { ", (" });
            sql.push_str(&numbers.join(", "));
            sql.push(')');
            let row: [Param<'_>; 6] = [
                project.into(),
                event.id.as_str().into(),
                event.kind.as_str().into(),
                (&event.subject).into(),
                event.at.into(),
                data.as_ref().into(),
            ];
            params.extend(row);
        }
        tx.execute(&sql, &params).await?;
    }
    Ok(())
}

/// How many events of a subject there are, for tests and `accounts explain`.
pub async fn count(tx: &mut Tx, project: ProjectNumber, subject: &str) -> Result<i64> {
    let sql = "select count(*) from events where project = ?1 and subject = ?2";
    tx.number(sql, &[project.into(), subject.into()]).await
}
