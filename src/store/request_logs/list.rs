//! Pages of the log. However many rows there are, a page in the order of time takes few steps.
//!
//! Rows of one outcome, and of one account or connector, are a list in an index, in the order of
//! time. A project has few outcomes, and so a filter of any kind is a choice of few such lists:
//! the page is the newest of the first rows of each. What the indices don't have (sources,
//! resources) is looked for in the rows, and a page ends where too many were looked at.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::domain::ids::ProjectNumber;
use crate::domain::request_log::{Entry, Outcome};
use crate::domain::time::Timestamp;
use crate::store::driver::to_json;
use crate::store::{Param, Result, StoreError, Tx};

use super::filter::{Cursor, Filter, Order, Page, Sort};
use super::{Table, read};

/// Rows that one page looks at where the indices don't say whether they fit.
const LOOKED_AT: usize = 5_000;
/// Rows that are looked at in one go.
const CHUNK: usize = 1_000;
/// Rows that one statement reads by their numbers.
const BY_NUMBER: usize = 32;
/// Rows of one request id that are looked at.
const OF_REQUEST: i64 = 1_000;
/// How long before the row that a reader has seen another one can have begun that becomes visible
/// after it, in seconds: a request takes no longer.
const LATEST_S: i64 = 600;

/// One list of an index.
struct Strand {
    account: Option<String>,
    provider: Option<String>,
    outcome: Outcome,
}

/// The values of a column that occur, found by as many steps as there are values.
async fn values<T>(
    tx: &mut Tx,
    table: Table,
    column: &str,
    within: &str,
    params: &[Param<'_>],
    map: impl Fn(&crate::store::Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let table = table.name();
    let sql = format!(
        "with recursive found (n) as (\
           select min({column}) from {table} where project = ?1{within} \
           union all \
           select (select min({column}) from {table} where project = ?1{within} \
                   and {column} > found.n) from found where found.n is not null) \
         select n from found where n is not null"
    );
    tx.all(&sql, params, map).await
}

const OF_ACCOUNT: &str = " and account = ?2 and account <> ''";
const OF_ACCOUNT_AND_PROVIDER: &str = " and account = ?2 and account <> '' and provider = ?3";
const OF_PROVIDER: &str = " and provider = ?2 and provider <> ''";

async fn strands(
    tx: &mut Tx,
    table: Table,
    project: ProjectNumber,
    filter: &Filter,
) -> Result<Vec<Strand>> {
    let mut found = Vec::new();
    let outcome = |row: &crate::store::Row<'_>| Ok(Outcome::from_row(row.int(0)?));
    let mut add = |all: Vec<Outcome>, account: Option<&String>, provider: Option<&String>| {
        found.extend(all.into_iter().filter(|outcome| filter.wants(*outcome)).map(|outcome| {
            Strand { account: account.cloned(), provider: provider.cloned(), outcome }
        }));
    };
    // A value that is asked for twice is one list all the same.
    let accounts: BTreeSet<&String> = filter.accounts.iter().collect();
    let wanted: BTreeSet<&String> = filter.providers.iter().collect();
    for account in accounts.iter().copied() {
        let params = [project.into(), account.into()];
        let text = |row: &crate::store::Row<'_>| Ok(row.text(0)?.to_owned());
        let providers = values(tx, table, "provider", OF_ACCOUNT, &params, text).await?;
        for provider in providers {
            if !wanted.is_empty() && !wanted.contains(&&provider) {
                continue;
            }
            let params = [project.into(), account.into(), (&provider).into()];
            let within = OF_ACCOUNT_AND_PROVIDER;
            let all = values(tx, table, "outcome", within, &params, outcome).await?;
            add(all, Some(account), Some(&provider));
        }
    }
    if accounts.is_empty() {
        for provider in wanted.iter().copied() {
            let params = [project.into(), provider.into()];
            let all = values(tx, table, "outcome", OF_PROVIDER, &params, outcome).await?;
            add(all, None, Some(provider));
        }
        if wanted.is_empty() {
            let all = values(tx, table, "outcome", "", &[project.into()], outcome).await?;
            add(all, None, None);
        }
    }
    Ok(found)
}

/// Bounds of a walk in the order of time.
#[derive(Clone, Copy)]
struct Walk {
    descending: bool,
    /// Instants from and to which, both included.
    from: i64,
    to: i64,
    /// The row before the first one wanted.
    edge: (i64, i64),
    after: i64,
}

impl Walk {
    /// The first `count` rows of all strands: when each began, and its number.
    async fn first(
        self,
        tx: &mut Tx,
        table: Table,
        project: ProjectNumber,
        strands: &[Strand],
        count: usize,
    ) -> Result<Vec<(i64, i64)>> {
        let mut best: Vec<(i64, i64)> = Vec::new();
        let limit = i64::try_from(count).unwrap_or(i64::MAX);
        for strand in strands {
            let (mut from, mut to) = (self.from, self.to);
            // Signs keep databases from beginning at the edge where a bound lies nearer.
            match self.descending {
                true => to = to.min(self.edge.0),
                false => from = from.max(self.edge.0),
            }
            match best.get(count - 1) {
                // Whatever lies behind the last of those that were found is not wanted.
                Some((at, _)) if self.descending => from = from.max(*at),
                Some((at, _)) => to = to.min(*at),
                None => {}
            }
            let (near, order) = match self.descending {
                true => ("(+at < ?5 or +id < ?6)", "at desc, id desc"),
                false => ("(+at > ?5 or +id > ?6)", "at, id"),
            };
            let mut params: Vec<Param<'_>> = vec![
                project.into(),
                strand.outcome.get().into(),
                from.into(),
                to.into(),
                self.edge.0.into(),
                self.edge.1.into(),
                self.after.into(),
                limit.into(),
            ];
            let within = match (&strand.account, &strand.provider) {
                (Some(account), provider) => {
                    params.push(provider.as_deref().unwrap_or_default().into());
                    params.push(account.into());
                    " and account = ?10 and account <> '' and provider = ?9"
                }
                (None, Some(provider)) => {
                    params.push(provider.into());
                    " and provider = ?9 and provider <> ''"
                }
                (None, None) => "",
            };
            let sql = format!(
                "select at, id from {} where project = ?1{within} and outcome = ?2 \
                 and at >= ?3 and at <= ?4 and {near} and +id > ?7 order by {order} limit ?8",
                table.name()
            );
            best.extend(tx.all(&sql, &params, |row| Ok((row.int(0)?, row.int(1)?))).await?);
            match self.descending {
                true => best.sort_unstable_by(|a, b| b.cmp(a)),
                false => best.sort_unstable(),
            }
            best.truncate(count);
        }
        Ok(best)
    }
}

/// The rows of these numbers, in this order.
async fn by_numbers(
    tx: &mut Tx,
    table: Table,
    project: ProjectNumber,
    numbers: &[(i64, i64)],
) -> Result<Vec<Entry>> {
    // The sign keeps databases from reading the whole project to find a few numbers in it.
    let places: Vec<String> = (2..BY_NUMBER + 2).map(|number| format!("?{number}")).collect();
    let sql = format!(
        "select {} from {} where +project = ?1 and id in ({})",
        table.columns(),
        table.name(),
        places.join(", ")
    );
    let mut found = Vec::with_capacity(numbers.len());
    for some in numbers.chunks(BY_NUMBER) {
        let mut params: Vec<Param<'_>> = vec![project.into()];
        params.extend(some.iter().map(|(_, number)| Param::from(*number)));
        // One text for any count: a number that no row has fills up.
        params.resize(BY_NUMBER + 1, Param::Int(0));
        let mut rows = tx.all(&sql, &params, |row| read(table, row)).await?;
        let place = |entry: &Entry| some.iter().position(|(_, number)| *number == entry.number);
        rows.sort_by_key(place);
        found.append(&mut rows);
    }
    Ok(found)
}

/// The page of `size` rows that begins behind the cursor.
pub async fn page(
    tx: &mut Tx,
    table: Table,
    project: ProjectNumber,
    filter: &Filter,
    order: Order,
    behind: Option<&Cursor>,
    size: usize,
) -> Result<Page> {
    if !filter.request_ids.is_empty() {
        return of_requests(tx, table, project, filter, order, behind, size).await;
    }
    if order.sort != Sort::Time {
        return sorted(tx, table, project, filter, order, behind, size).await;
    }
    let mut walk = walk(tx, table, project, filter, order, behind).await?;
    let strands = strands(tx, table, project, filter).await?;
    let chunk = if filter.is_indexed() { size + 1 } else { CHUNK.max(size + 1) };
    let (mut rows, mut looked_at) = (Vec::new(), 0);
    loop {
        let found = walk.first(tx, table, project, &strands, chunk).await?;
        let is_last = found.len() < chunk;
        for some in found.chunks(size + 1) {
            for entry in by_numbers(tx, table, project, some).await? {
                let cursor = Cursor::behind(&entry, order.sort);
                if filter.fits(&entry) {
                    if rows.len() == size {
                        let next = rows.last().map(|last| Cursor::behind(last, order.sort));
                        return Ok(Page { rows, next });
                    }
                    rows.push(entry);
                }
                looked_at += 1;
                if looked_at >= LOOKED_AT && !filter.is_indexed() {
                    return Ok(Page { rows, next: Some(cursor) });
                }
            }
        }
        match found.last() {
            Some(last) if !is_last => walk.edge = *last,
            _ => return Ok(Page { rows, next: None }),
        }
    }
}

async fn walk(
    tx: &mut Tx,
    table: Table,
    project: ProjectNumber,
    filter: &Filter,
    order: Order,
    behind: Option<&Cursor>,
) -> Result<Walk> {
    let mut from = filter.since.map_or(i64::MIN, Timestamp::as_millis);
    let to = filter.until.map_or(i64::MAX, Timestamp::as_millis);
    if let Some(after) = filter.after
        && let Some(began) = super::began(tx, project, table, after).await?
    {
        from = from.max(began.plus_seconds(-LATEST_S).as_millis());
    }
    let edge = match behind {
        Some(cursor) => (cursor.at.as_millis(), cursor.number),
        None if order.descending => (i64::MAX, i64::MAX),
        None => (i64::MIN, 0),
    };
    let after = filter.after.unwrap_or(0);
    Ok(Walk { descending: order.descending, from, to, edge, after })
}

/// Rows of single requests.
async fn of_requests(
    tx: &mut Tx,
    table: Table,
    project: ProjectNumber,
    filter: &Filter,
    order: Order,
    behind: Option<&Cursor>,
    size: usize,
) -> Result<Page> {
    let sql = format!(
        "select {} from {} where project = ?1 and request_id = ?2 order by at desc, id desc limit ?3",
        table.columns(),
        table.name()
    );
    let mut all = Vec::new();
    for request in &filter.request_ids {
        let params = [project.into(), request.into(), OF_REQUEST.into()];
        all.append(&mut tx.all(&sql, &params, |row| read(table, row)).await?);
    }
    all.retain(|entry| filter.fits(entry));
    let key =
        |cursor: &Cursor| (cursor.text.clone(), cursor.value, cursor.at.as_millis(), cursor.number);
    let mut keyed: Vec<_> =
        all.into_iter().map(|entry| (key(&Cursor::behind(&entry, order.sort)), entry)).collect();
    keyed.sort_by(|(a, _), (b, _)| if order.descending { b.cmp(a) } else { a.cmp(b) });
    keyed.dedup_by(|(a, _), (b, _)| a.3 == b.3);
    if let Some(edge) = behind.map(key) {
        keyed.retain(|(key, _)| if order.descending { *key < edge } else { *key > edge });
    }
    Ok(cut(keyed.into_iter().map(|(_, entry)| entry).take(size + 1).collect(), order.sort, size))
}

/// The page of these rows, of which there may be one too many.
fn cut(mut rows: Vec<Entry>, sort: Sort, size: usize) -> Page {
    let has_more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| has_more).map(|last| Cursor::behind(last, sort));
    Page { rows, next }
}

/// Any other order: the database sorts what fits.
async fn sorted(
    tx: &mut Tx,
    table: Table,
    project: ProjectNumber,
    filter: &Filter,
    order: Order,
    behind: Option<&Cursor>,
    size: usize,
) -> Result<Page> {
    let walk = walk(tx, table, project, filter, Order { sort: Sort::Time, ..order }, None).await?;
    let column = order.sort.column();
    let mut params: Vec<Param<'_>> =
        vec![project.into(), walk.from.into(), walk.to.into(), walk.after.into()];
    let mut sql = format!(
        "select {} from {} where project = ?1 and at >= ?2 and at <= ?3 and id > ?4",
        table.columns(),
        table.name()
    );
    let lists = [("account", &filter.accounts), ("provider", &filter.providers)];
    let lists = lists.into_iter().filter(|(_, values)| !values.is_empty());
    let lists: Vec<(&str, String)> =
        lists.map(|(name, values)| Ok((name, to_json(values)?))).collect::<Result<_>>()?;
    for (name, list) in &lists {
        params.push(list.into());
        let is_wanted = tx.is_one_of(name, params.len());
        sql.push_str(&format!(" and {name} <> '' and {is_wanted}"));
    }
    let sign = if order.descending { '<' } else { '>' };
    if let Some(cursor) = behind {
        let first = params.len() + 1;
        params.push(match order.sort.is_text() {
            true => (&cursor.text).into(),
            false => cursor.value.into(),
        });
        params.extend([Param::from(cursor.at), cursor.number.into()]);
        let (value, at, number) = (first, first + 1, first + 2);
        sql.push_str(&format!(
            " and ({column} {sign} ?{value} or ({column} = ?{value} and \
             (at {sign} ?{at} or (at = ?{at} and id {sign} ?{number}))))"
        ));
    }
    let word = if order.descending { " desc" } else { "" };
    sql.push_str(&format!(" order by {column}{word}, at{word}, id{word}"));
    let mut rows = Vec::new();
    tx.scan(&sql, &params, |row| {
        let entry = read(table, row)?;
        if filter.fits(&entry) {
            rows.push(entry);
        }
        let goes_on = rows.len() <= size;
        Ok::<_, StoreError>(if goes_on {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        })
    })
    .await?;
    Ok(cut(rows, order.sort, size))
}

/// Shows every row that fits to `each`, in the order of time, until it breaks.
pub async fn scan<E: From<StoreError>>(
    tx: &mut Tx,
    table: Table,
    project: ProjectNumber,
    filter: &Filter,
    descending: bool,
    mut each: impl FnMut(&Entry) -> std::result::Result<ControlFlow<()>, E>,
) -> std::result::Result<(), E> {
    let order = Order { sort: Sort::Time, descending };
    let (mut behind, mut size) = (None, 100);
    loop {
        let page = page(tx, table, project, filter, order, behind.as_ref(), size).await?;
        for entry in &page.rows {
            if each(entry)?.is_break() {
                return Ok(());
            }
        }
        behind = page.next;
        if behind.is_none() {
            return Ok(());
        }
        // Whoever wants a few gets them soon, and whoever wants all does not look for each strand
        // anew too often.
        size = CHUNK;
    }
}
