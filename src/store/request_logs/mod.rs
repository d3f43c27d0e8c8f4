//! Tables `request_logs`, `request_steps` and `request_bodies`: the log of calls.

use std::sync::LazyLock;

use crate::domain::ids::ProjectNumber;
use crate::domain::request_log::{Entry, Outcome, Source};
use crate::domain::time::Timestamp;

use super::{Param, Result, Row, StoreError, Tx};

mod filter;
mod list;
mod orders;
mod prune;

pub use filter::{BadSort, Cursor, Filter, Order, Page, Sort};
pub use list::{page, scan};
pub use prune::{delete_expired, delete_of_project, orphans};

/// Which of the two tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// Calls to the hub, and what it does on its own.
    Logs,
    /// Calls of the hub to providers.
    Steps,
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Self::Logs => "request_logs",
            Self::Steps => "request_steps",
        }
    }

    /// The columns; a step has neither category nor most of a source.
    const fn columns(self) -> &'static str {
        match self {
            Self::Logs => {
                "id, project, at, duration_ms, request_id, outcome, path, url, account, provider, \
                 service, resource, child_resource, sub_resource, action, source_ip, is_worker, \
                 error, source_type, source_value, source_id, category"
            }
            Self::Steps => {
                "id, project, at, duration_ms, request_id, outcome, path, url, account, provider, \
                 service, resource, child_resource, sub_resource, action, source_ip, is_worker, error"
            }
        }
    }

    const fn is_step(self) -> bool {
        matches!(self, Self::Steps)
    }
}

/// What is asked for: which rows, in what order, and how many on a page.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    table: Table,
    project: ProjectNumber,
    filter: &'a Filter,
    order: Order,
    size: usize,
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn read(table: Table, row: &Row<'_>) -> Result<Entry> {
    let text = |column| Ok::<_, StoreError>(row.opt_text(column)?.map(str::to_owned));
    let mut source = Source { ip: text(15)?, ..Source::default() };
    let mut category = None;
    if table == Table::Logs {
        row.text(18)?.clone_into(&mut source.kind);
        (source.value, source.id, category) = (text(19)?, text(20)?, text(21)?);
    }
    Ok(Entry {
        number: row.int(0)?,
        project: ProjectNumber(row.int(1)?),
        at: row.time(2)?,
        duration_ms: row.int(3)?,
        request_id: row.text(4)?.to_owned(),
        outcome: Outcome::from_row(row.int(5)?),
        path: row.text(6)?.to_owned(),
        url: row.text(7)?.to_owned(),
        account: some(row.text(8)?),
        provider: some(row.text(9)?),
        service: text(10)?,
        resource: text(11)?,
        child_resource: text(12)?,
        sub_resource: text(13)?,
        action: text(14)?,
        source,
        category,
        is_worker: row.int(16)? != 0,
        error: text(17)?,
    })
}

/// Takes so many numbers for rows and answers the first. Whoever has taken some keeps others from
/// it until its transaction ends, so that numbers become visible in their order.
pub async fn take_numbers(tx: &mut Tx, count: i64) -> Result<i64> {
    let sql = "update log_numbers set last = last + ?1 where only_row = 1 returning last";
    Ok(tx.number(sql, &[count.into()]).await? - count + 1)
}

/// Whether a row is there under the number that it has, of an attempt to write it before. Whoever
/// has taken numbers since sees all that became of that.
pub async fn is_there(tx: &mut Tx, table: Table, entry: &Entry) -> Result<bool> {
    let sql = format!(
        "select id from {} where project = ?1 and id = ?2 and request_id = ?3",
        table.name()
    );
    let params = [entry.project.into(), entry.number.into(), (&entry.request_id).into()];
    Ok(tx.optional(&sql, &params, |row| row.int(0)).await?.is_some())
}

/// Adds a row, which goes at `expires_at`.
pub async fn insert(tx: &mut Tx, table: Table, entry: &Entry, expires_at: Timestamp) -> Result<()> {
    let account = entry.account.as_deref().unwrap_or_default();
    let provider = entry.provider.as_deref().unwrap_or_default();
    let mut params: Vec<Param<'_>> = vec![
        entry.number.into(),
        entry.project.into(),
        entry.at.into(),
        entry.duration_ms.into(),
        (&entry.request_id).into(),
        entry.outcome.get().into(),
        (&entry.path).into(),
        (&entry.url).into(),
        account.into(),
        provider.into(),
        entry.service.as_ref().into(),
        entry.resource.as_ref().into(),
        entry.child_resource.as_ref().into(),
        entry.sub_resource.as_ref().into(),
        entry.action.as_ref().into(),
        entry.source.ip.as_ref().into(),
        entry.is_worker.into(),
        entry.error.as_ref().into(),
    ];
    if table == Table::Logs {
        let more: [Param<'_>; 4] = [
            (&entry.source.kind).into(),
            entry.source.value.as_ref().into(),
            entry.source.id.as_ref().into(),
            entry.category.as_ref().into(),
        ];
        params.extend(more);
    }
    params.push(expires_at.into());
    tx.execute(insertion(table), &params).await?;
    Ok(())
}

/// The statement that adds a row: there is one for each call.
fn insertion(table: Table) -> &'static str {
    fn of(table: Table) -> String {
        let columns = table.columns();
        let count = columns.split(',').count() + 1;
        let places: Vec<String> = (1..=count).map(|number| format!("?{number}")).collect();
        let (name, places) = (table.name(), places.join(", "));
        format!("insert into {name} ({columns}, expires_at) values ({places})")
    }
    static LOGS: LazyLock<String> = LazyLock::new(|| of(Table::Logs));
    static STEPS: LazyLock<String> = LazyLock::new(|| of(Table::Steps));
    match table {
        Table::Logs => &LOGS,
        Table::Steps => &STEPS,
    }
}

/// Adds the sealed headers and bodies of a row.
pub async fn insert_body(
    tx: &mut Tx,
    project: ProjectNumber,
    table: Table,
    number: i64,
    sealed: &[u8],
    expires_at: Timestamp,
) -> Result<()> {
    let sql = "insert into request_bodies (project, log, is_step, sealed, expires_at) \
               values (?1, ?2, ?3, ?4, ?5)";
    let params =
        [project.into(), number.into(), table.is_step().into(), sealed.into(), expires_at.into()];
    tx.execute(sql, &params).await?;
    Ok(())
}

/// The sealed headers and bodies of a row, where they were kept.
pub async fn body(
    tx: &mut Tx,
    project: ProjectNumber,
    table: Table,
    number: i64,
) -> Result<Option<Vec<u8>>> {
    let sql = "select sealed from request_bodies where project = ?1 and log = ?2 and is_step = ?3";
    let params = [project.into(), number.into(), table.is_step().into()];
    tx.optional(sql, &params, |row| Ok(row.bytes(0)?.to_vec())).await
}

/// The row of a request. Of versions that let clients choose the id, the latest one of it.
pub async fn by_request(
    tx: &mut Tx,
    project: ProjectNumber,
    request_id: &str,
) -> Result<Option<Entry>> {
    let sql = format!(
        "select {} from request_logs where project = ?1 and request_id = ?2 \
         order by at desc, id desc limit 1",
        Table::Logs.columns()
    );
    tx.optional(&sql, &[project.into(), request_id.into()], |row| read(Table::Logs, row)).await
}

/// The steps of a request in the order in which they began, at most so many.
pub async fn steps_of(
    tx: &mut Tx,
    project: ProjectNumber,
    request_id: &str,
    limit: i64,
) -> Result<Vec<Entry>> {
    let sql = format!(
        "select {} from request_steps where project = ?1 and request_id = ?2 \
         order by at, id limit ?3",
        Table::Steps.columns()
    );
    tx.all(&sql, &[project.into(), request_id.into(), limit.into()], |row| read(Table::Steps, row))
        .await
}

/// When the row of this number began, for who goes on from it.
pub async fn began(
    tx: &mut Tx,
    project: ProjectNumber,
    table: Table,
    number: i64,
) -> Result<Option<Timestamp>> {
    let sql = format!("select at from {} where project = ?1 and id = ?2", table.name());
    tx.optional(&sql, &[project.into(), number.into()], |row| row.time(0)).await
}

/// When the earliest began of the rows behind a number, among the first so many of any project.
pub async fn earliest_behind(
    tx: &mut Tx,
    table: Table,
    number: i64,
    most: i64,
) -> Result<Option<Timestamp>> {
    let sql = format!(
        "select min(at) from (select at from {} where id > ?1 order by id limit ?2) next",
        table.name()
    );
    Ok(tx.optional(&sql, &[number.into(), most.into()], |row| row.opt_time(0)).await?.flatten())
}
