//! Pages of the log in the order of time. However many rows there are, a page takes few steps.
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
use crate::store::{Param, Result, StoreError, Tx};

use super::filter::{Cursor, Filter, Order, Page, Sort};
use super::orders::{grouped, sorted};
use super::{Table, Wanted, read};

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
/// Rows behind the one that a reader has seen of which it is asked when they began.
const NEXT: i64 = 1_000;

/// One list of an index.
pub(super) struct Strand {
    account: Option<String>,
    pub(super) provider: Option<String>,
    pub(super) outcome: Outcome,
}

/// The values of a column that occur, found by as many steps as there are values.
pub(super) async fn values<T>(
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

pub(super) async fn strands(tx: &mut Tx, wanted: Wanted<'_>) -> Result<Vec<Strand>> {
    let Wanted { table, project, filter, .. } = wanted;
    let mut found = Vec::new();
    let outcome = |row: &crate::store::Row<'_>| Ok(Outcome::from_row(row.int(0)?));
    let mut add = |all: Vec<Outcome>, account: Option<&String>, provider: Option<&String>| {
        found.extend(all.into_iter().filter(|outcome| filter.wants(*outcome)).map(|outcome| {
            Strand { account: account.cloned(), provider: provider.cloned(), outcome }
        }));
    };
    // A value that is asked for twice is one list all the same.
    let accounts: BTreeSet<&String> = filter.accounts.iter().collect();
    let named: BTreeSet<&String> = filter.providers.iter().collect();
    for account in accounts.iter().copied() {
        let params = [project.into(), account.into()];
        let text = |row: &crate::store::Row<'_>| Ok(row.text(0)?.to_owned());
        let providers = values(tx, table, "provider", OF_ACCOUNT, &params, text).await?;
        for provider in providers {
            if !named.is_empty() && !named.contains(&&provider) {
                continue;
            }
            let params = [project.into(), account.into(), (&provider).into()];
            let within = OF_ACCOUNT_AND_PROVIDER;
            let all = values(tx, table, "outcome", within, &params, outcome).await?;
            add(all, Some(account), Some(&provider));
        }
    }
    if accounts.is_empty() {
        for provider in named.iter().copied() {
            let params = [project.into(), provider.into()];
            let all = values(tx, table, "outcome", OF_PROVIDER, &params, outcome).await?;
            add(all, None, Some(provider));
        }
        if named.is_empty() {
            let all = values(tx, table, "outcome", "", &[project.into()], outcome).await?;
            add(all, None, None);
        }
    }
    Ok(found)
}

/// Bounds of a walk in the order of time.
#[derive(Clone, Copy)]
pub(super) struct Walk {
    descending: bool,
    /// Instants from and to which, both included.
    pub(super) from: i64,
    pub(super) to: i64,
    /// The row before the first one wanted.
    edge: (i64, i64),
    pub(super) after: i64,
}

impl Walk {
    /// The first `count` rows of all strands: when each began, and its number.
    async fn first(
        self,
        tx: &mut Tx,
        wanted: Wanted<'_>,
        strands: &[Strand],
        count: usize,
    ) -> Result<Vec<(i64, i64)>> {
        let Wanted { table, project, .. } = wanted;
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
async fn by_numbers(tx: &mut Tx, wanted: Wanted<'_>, numbers: &[(i64, i64)]) -> Result<Vec<Entry>> {
    let Wanted { table, project, .. } = wanted;
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
    let wanted = Wanted { table, project, filter, order, size };
    if !filter.request_ids.is_empty() {
        return of_requests(tx, wanted, behind).await;
    }
    match order.sort {
        Sort::Time => {}
        Sort::Status | Sort::Provider => return grouped(tx, wanted, behind).await,
        Sort::Service | Sort::Duration => return sorted(tx, wanted, behind).await,
    }
    let walk = walk(tx, wanted, behind).await?;
    let strands = strands(tx, wanted).await?;
    let mut page = Gathered::new(wanted);
    let full = page.gather(tx, walk, &strands).await?;
    Ok(full.unwrap_or(Page { rows: page.rows, next: None }))
}

/// A page while its rows are looked for.
pub(super) struct Gathered<'a> {
    wanted: Wanted<'a>,
    pub(super) rows: Vec<Entry>,
    /// Only rows without a connector, of which there is no index.
    pub(super) is_unnamed: bool,
    looked_at: usize,
}

impl<'a> Gathered<'a> {
    pub(super) const fn new(wanted: Wanted<'a>) -> Self {
        Self { wanted, rows: Vec::new(), is_unnamed: false, looked_at: 0 }
    }

    /// Adds what fits of these strands, in the order of time. The page, once it is full or enough
    /// rows were looked at.
    pub(super) async fn gather(
        &mut self,
        tx: &mut Tx,
        mut walk: Walk,
        strands: &[Strand],
    ) -> Result<Option<Page>> {
        let Wanted { filter, order: Order { sort, .. }, size, .. } = self.wanted;
        let is_indexed = filter.is_indexed() && !self.is_unnamed;
        let chunk = if is_indexed { size + 1 } else { CHUNK.max(size + 1) };
        loop {
            let found = walk.first(tx, self.wanted, strands, chunk).await?;
            let is_last = found.len() < chunk;
            for some in found.chunks(size + 1) {
                for entry in by_numbers(tx, self.wanted, some).await? {
                    let mut cursor = Cursor::behind(&entry, sort);
                    if self.is_unnamed {
                        // Rows on the way that have one are in other groups.
                        cursor.text.clear();
                    }
                    if filter.fits(&entry) && !(self.is_unnamed && entry.provider.is_some()) {
                        if self.rows.len() == size {
                            let next = self.rows.last().map(|last| Cursor::behind(last, sort));
                            return Ok(Some(Page { rows: std::mem::take(&mut self.rows), next }));
                        }
                        self.rows.push(entry);
                    }
                    self.looked_at += 1;
                    if self.looked_at >= LOOKED_AT && !is_indexed {
                        let rows = std::mem::take(&mut self.rows);
                        return Ok(Some(Page { rows, next: Some(cursor) }));
                    }
                }
            }
            match found.last() {
                Some(last) if !is_last => walk.edge = *last,
                _ => return Ok(None),
            }
        }
    }
}

pub(super) async fn walk(tx: &mut Tx, wanted: Wanted<'_>, behind: Option<&Cursor>) -> Result<Walk> {
    let Wanted { table, project, filter, order, .. } = wanted;
    let mut from = filter.since.map_or(i64::MIN, Timestamp::as_millis);
    let to = filter.until.map_or(i64::MAX, Timestamp::as_millis);
    if let Some(after) = filter.after
        && let Some(began) = super::began(tx, project, table, after).await?
    {
        let mut first = began.plus_seconds(-LATEST_S);
        // The clock may have gone back since, or that of another machine be behind.
        if let Some(next) = super::earliest_behind(tx, table, after, NEXT).await? {
            first = first.min(next);
        }
        from = from.max(first.as_millis());
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
async fn of_requests(tx: &mut Tx, wanted: Wanted<'_>, behind: Option<&Cursor>) -> Result<Page> {
    let Wanted { table, project, filter, order, size } = wanted;
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
    Ok(cut(keyed.into_iter().map(|(_, entry)| entry).take(size + 1).collect(), wanted))
}

/// The page of these rows, of which there may be one too many.
pub(super) fn cut(mut rows: Vec<Entry>, wanted: Wanted<'_>) -> Page {
    let Wanted { order, size, .. } = wanted;
    let has_more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| has_more).map(|last| Cursor::behind(last, order.sort));
    Page { rows, next }
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
