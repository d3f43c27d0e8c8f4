//! A transaction, whichever database it is in.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::sync::watch;

use super::driver::{postgres, served, sqlite};
use super::error::AGAIN;
use super::{Param, Result, Row, StoreError, Told};

pub(super) enum Inner {
    Sqlite(sqlite::Tx),
    Served(served::Tx),
    Postgres(postgres::Tx),
}

/// What has to be taken back where a transaction is not committed.
struct Undo(Vec<Box<dyn FnOnce() + Send>>);

impl Drop for Undo {
    fn drop(&mut self) {
        self.0.drain(..).rev().for_each(|undo| undo());
    }
}

/// What a transaction is begun for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Reading, or writing what is committed.
    Work,
    /// Reading single rows.
    Look,
    /// Seeing what a write would do.
    Rehearsal,
}

/// A transaction; dropped without [`Tx::commit`] it leaves no trace.
pub struct Tx {
    /// Dropped first: it runs while the transaction still keeps others away.
    undo: Undo,
    pub(super) inner: Inner,
    pub(super) purpose: Purpose,
    pub(super) has_new_keys: bool,
    failed: bool,
    /// Told of after the commit, if there are events in it.
    bell: Arc<watch::Sender<u64>>,
    pub(super) has_events: bool,
}

impl Tx {
    pub(super) fn new(inner: Inner, bell: &Arc<watch::Sender<u64>>) -> Self {
        // Writers that share a commit see what the others wrote, before it is durable.
        let has_new_keys = matches!(&inner, Inner::Served(tx) if tx.sees_new_keys());
        Self {
            undo: Undo(Vec::new()),
            inner,
            purpose: Purpose::Work,
            has_new_keys,
            failed: false,
            bell: Arc::clone(bell),
            has_events: false,
        }
    }

    /// Whether it was begun to see what would happen.
    pub const fn is_rehearsal(&self) -> bool {
        matches!(self.purpose, Purpose::Rehearsal)
    }

    /// Whether keys were written in it: they are worth nothing before it is committed.
    pub const fn has_new_keys(&self) -> bool {
        self.has_new_keys
    }

    /// Whether this is the transaction that makes the store, which no other process can be in.
    pub const fn is_making_the_store(&self) -> bool {
        match &self.inner {
            Inner::Sqlite(tx) => tx.is_making(),
            Inner::Served(_) | Inner::Postgres(_) => false,
        }
    }

    /// Lets its commit wake whoever waits for events: there is something to send.
    pub const fn wakes_senders(&mut self) {
        self.has_events = true;
    }

    /// Runs `undo` if the transaction ends without an attempt to commit, and while it still keeps
    /// other writers away: for what was made outside of the store on its behalf.
    pub fn or_else_undo(&mut self, undo: impl FnOnce() + Send + 'static) {
        self.undo.0.push(Box::new(undo));
    }

    /// Makes what was written durable and visible.
    ///
    /// # Errors
    /// When the store refuses, when a statement of the transaction failed before, or when it is a
    /// rehearsal; then nothing was written.
    pub async fn commit(mut self) -> Result<()> {
        if self.failed || self.is_rehearsal() {
            let text = "a transaction that failed or rehearses can't be committed";
            return Err(StoreError::Other(text.to_owned()));
        }
        // A commit that fails may have happened all the same; then all that it needs must be there.
        self.undo.0.clear();
        match self.inner {
            Inner::Sqlite(tx) => tx.commit(),
            Inner::Served(tx) => tx.commit(self.has_new_keys).await,
            Inner::Postgres(tx) => tx.commit().await,
        }?;
        if self.has_events {
            self.bell.send_modify(|count| *count += 1);
        }
        Ok(())
    }

    /// Runs a statement and returns how many rows it touched.
    pub async fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        // Without a transaction it would be there at once and for good.
        if self.purpose == Purpose::Look {
            return Err(StoreError::ReadOnly(Told::new("a look writes nothing", AGAIN)));
        }
        let done = match &mut self.inner {
            Inner::Sqlite(tx) => tx.execute(sql, params),
            Inner::Served(tx) => tx.execute(sql, params),
            Inner::Postgres(tx) => tx.execute(sql, params).await,
        };
        self.failed |= done.is_err();
        done
    }

    /// Runs a statement that is for one row, as it was when it was read.
    ///
    /// # Errors
    /// [`StoreError::Stale`] where that row is not there any more.
    pub async fn execute_one(&mut self, sql: &str, params: &[Param<'_>]) -> Result<()> {
        if self.execute(sql, params).await? == 1 { Ok(()) } else { Err(StoreError::Stale) }
    }

    /// The condition that a column has one of the texts of a JSON list in a placeholder: a list of
    /// any length in one statement, for which an index can be used.
    pub(crate) fn is_one_of(&self, column: &str, placeholder: usize) -> String {
        let list = format!("?{placeholder}");
        match &self.inner {
            Inner::Sqlite(_) | Inner::Served(_) => {
                format!("{column} in (select value from json_each({list}))")
            }
            Inner::Postgres(_) => {
                format!(
                    "{column} = any (array(select json_array_elements_text({list}::text::json)))"
                )
            }
        }
    }

    /// The same for a column of numbers.
    pub(crate) fn is_one_of_numbers(&self, column: &str, placeholder: usize) -> String {
        let list = format!("?{placeholder}");
        match &self.inner {
            Inner::Sqlite(_) | Inner::Served(_) => {
                format!("{column} in (select value from json_each({list}))")
            }
            Inner::Postgres(_) => format!(
                "{column} = any (array(select value::bigint from \
                 json_array_elements_text({list}::text::json)))"
            ),
        }
    }

    /// Whether a query that is joined to another may refer to the rows of that one.
    pub(crate) const fn joins_laterally(&self) -> bool {
        matches!(self.inner, Inner::Postgres(_))
    }

    /// Shows each row of a query to `each`, one at a time, until it breaks.
    pub async fn scan<E, F>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        each: F,
    ) -> std::result::Result<(), E>
    where
        E: From<StoreError>,
        F: FnMut(&Row<'_>) -> std::result::Result<ControlFlow<()>, E>,
    {
        let done = match &mut self.inner {
            Inner::Sqlite(tx) => tx.scan(sql, params, each),
            Inner::Served(tx) => tx.scan(sql, params, each),
            Inner::Postgres(tx) => tx.scan(sql, params, each).await,
        };
        self.failed |= done.is_err();
        done
    }

    /// All rows of a query, for results that are small by nature.
    pub async fn all<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        map: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.scan(sql, params, |row| {
            found.push(map(row)?);
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })
        .await?;
        Ok(found)
    }

    /// The first row of a query, if it has one.
    pub async fn optional<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        map: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut found = None;
        self.scan(sql, params, |row| {
            found = Some(map(row)?);
            Ok::<_, StoreError>(ControlFlow::Break(()))
        })
        .await?;
        Ok(found)
    }

    /// How the database goes about a query, a line for each step.
    pub async fn plan(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<String>> {
        let (explain, column) = match &self.inner {
            Inner::Sqlite(_) | Inner::Served(_) => ("explain query plan", 3),
            Inner::Postgres(_) => ("explain", 0),
        };
        self.all(&format!("{explain} {sql}"), params, |row| Ok(row.text(column)?.to_owned())).await
    }

    /// The one number that a query answers.
    pub async fn number(&mut self, sql: &str, params: &[Param<'_>]) -> Result<i64> {
        Ok(self.optional(sql, params, |row| row.int(0)).await?.unwrap_or(0))
    }
}
