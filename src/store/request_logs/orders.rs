//! Pages of the log in other orders than that of time.
//!
//! Statuses and connectors are in the indices: each is a choice of lists there, and one comes after
//! the other. Durations are in none, and the database sorts all that fits.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::store::driver::to_json;
use crate::store::{Param, Result, StoreError, Tx};

use super::filter::{Cursor, Filter, Page, Sort};
use super::list::{Gathered, Strand, cut, strands, values, walk};
use super::{Wanted, read};

const NAMED: &str = " and provider <> ''";

/// Rows of one place in the order: a status, or a connector.
struct Group {
    key: (String, i64),
    /// None where they are to be looked for once the group is reached.
    strands: Option<Vec<Strand>>,
}

/// Statuses, or connectors, one after the other, and the rows of each in the order of time.
pub(super) async fn grouped(
    tx: &mut Tx,
    wanted: Wanted<'_>,
    behind: Option<&Cursor>,
) -> Result<Page> {
    let Wanted { filter, order, .. } = wanted;
    let mut groups = groups(tx, wanted).await?;
    if order.descending {
        groups.reverse();
    }
    let edge = behind.map(|cursor| (cursor.text.clone(), cursor.value));
    let is_before = |key: &(String, i64)| {
        edge.as_ref().is_some_and(|edge| if order.descending { key > edge } else { key < edge })
    };
    let mut page = Gathered::new(wanted);
    for group in groups.into_iter().filter(|group| !is_before(&group.key)) {
        let behind = behind.filter(|_| edge.as_ref() == Some(&group.key));
        let walk = walk(tx, wanted, behind).await?;
        let name = &group.key.0;
        page.is_unnamed = group.strands.is_none() && name.is_empty();
        let strands = match group.strands {
            Some(strands) => strands,
            None if name.is_empty() => strands(tx, wanted).await?,
            None => {
                let of_one = Filter { providers: vec![name.clone()], ..filter.clone() };
                strands(tx, Wanted { filter: &of_one, ..wanted }).await?
            }
        };
        if let Some(full) = page.gather(tx, walk, &strands).await? {
            return Ok(full);
        }
    }
    Ok(Page { rows: page.rows, next: None })
}

/// The groups in the order of their keys.
async fn groups(tx: &mut Tx, wanted: Wanted<'_>) -> Result<Vec<Group>> {
    let Wanted { table, project, filter, order, .. } = wanted;
    let is_of_any = filter.accounts.is_empty() && filter.providers.is_empty();
    if order.sort == Sort::Provider && is_of_any {
        let text = |row: &crate::store::Row<'_>| Ok(row.text(0)?.to_owned());
        let mut names = values(tx, table, "provider", NAMED, &[project.into()], text).await?;
        names.push(String::new());
        // As texts here are compared, whatever the database thinks of letters.
        names.sort_unstable();
        return Ok(names.into_iter().map(|name| Group { key: (name, 0), strands: None }).collect());
    }
    let mut found: BTreeMap<(String, i64), Vec<Strand>> = BTreeMap::new();
    for strand in strands(tx, wanted).await? {
        let key = match order.sort {
            Sort::Provider => (strand.provider.clone().unwrap_or_default(), 0),
            _ => (String::new(), i64::from(strand.outcome.status())),
        };
        found.entry(key).or_default().push(strand);
    }
    Ok(found.into_iter().map(|(key, strands)| Group { key, strands: Some(strands) }).collect())
}

/// Any other order: the database sorts what fits.
pub(super) async fn sorted(
    tx: &mut Tx,
    wanted: Wanted<'_>,
    behind: Option<&Cursor>,
) -> Result<Page> {
    let Wanted { table, project, filter, order, size } = wanted;
    let walk = walk(tx, wanted, None).await?;
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
    Ok(cut(rows, wanted))
}
