//! Where a hub keeps its state: one seam over SQLite and PostgreSQL.
//!
//! The files of this folder hold the SQL of one table each, and no rules. Placeholders are written
//! `?1`; instants are milliseconds; flags are 0 or 1; every query names the project that it is
//! limited to.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::sync::watch;

pub mod accounts;
pub mod api_keys;
pub mod attempts;
pub mod auth_configs;
pub mod connect_sessions;
pub mod deliveries;
pub mod driver;
mod error;
pub mod events;
mod integrity;
pub mod keys;
mod migrate;
pub mod oauth_apps;
pub mod operations;
pub mod own_connectors;
pub mod project_logos;
pub mod projects;
pub mod request_logs;
pub mod sealed;
pub mod session_expiry;
pub mod webhooks;

pub use driver::{Param, Row};
pub use error::{StoreError, Told};

use driver::{postgres, served, sqlite};

/// What the functions here answer.
pub type Result<T> = std::result::Result<T, StoreError>;

enum Db {
    Sqlite(sqlite::Database),
    Served(Box<served::Pool>),
    Postgres(Box<postgres::Database>),
}

/// A store, opened when it is first used.
pub struct Store {
    db: Db,
    /// Counts commits of this process that have events in them.
    bell: Arc<watch::Sender<u64>>,
}

impl Store {
    /// A store in one SQLite file, made by the first write.
    pub fn sqlite(path: impl Into<std::path::PathBuf>) -> Self {
        Self::on(Db::Sqlite(sqlite::Database::new(path.into())))
    }

    /// A store in a PostgreSQL database.
    ///
    /// # Errors
    /// When the URL can't be understood.
    pub fn postgres(url: &str) -> Result<Self> {
        Ok(Self::on(Db::Postgres(Box::new(postgres::Database::new(url)?))))
    }

    fn on(db: Db) -> Self {
        Self { db, bell: Arc::new(watch::Sender::new(0)) }
    }

    /// What changes whenever events are committed in this process.
    pub fn events_committed(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    /// The same store for a glance: nothing is made or migrated, and a lock is not waited for
    /// longer than this.
    #[must_use]
    pub fn for_a_glance(self, patience: std::time::Duration) -> Self {
        Self {
            db: match self.db {
                Db::Sqlite(db) => Db::Sqlite(db.for_a_glance(patience)),
                other @ (Db::Served(_) | Db::Postgres(_)) => other,
            },
            bell: self.bell,
        }
    }

    /// The same store for a server: connections are kept, `readers` of them for reading, and writers
    /// share commits.
    #[must_use]
    pub fn for_server(self, readers: usize) -> Self {
        Self {
            db: match self.db {
                Db::Sqlite(db) => Db::Served(Box::new(served::Pool::new(db, readers))),
                other @ (Db::Served(_) | Db::Postgres(_)) => other,
            },
            bell: self.bell,
        }
    }

    /// Whether rows get their numbers in another order than that in which they are committed.
    pub(crate) fn commits_out_of_order(&self) -> bool {
        matches!(self.db, Db::Postgres(_))
    }

    /// How its connections are used; all zero where nobody counts.
    pub fn gauges(&self) -> Gauges {
        match &self.db {
            Db::Sqlite(_) => Gauges::default(),
            Db::Served(db) => db.gauges(),
            Db::Postgres(db) => db.gauges(),
        }
    }

    /// Makes the store if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// As [`Store::begin_write`].
    pub async fn prepare(&self) -> Result<()> {
        self.begin_write().await?.commit().await
    }

    /// Asks the store for a sign of life.
    ///
    /// # Errors
    /// As [`Store::begin_read`].
    pub async fn ping(&self) -> Result<()> {
        self.begin_read().await?.number("select cast(1 as bigint)", &[]).await.map(drop)
    }

    /// A name for people: the path, or the address without a password.
    pub fn name(&self) -> String {
        match &self.db {
            Db::Sqlite(db) => db.path().display().to_string(),
            Db::Served(db) => db.path().display().to_string(),
            Db::Postgres(db) => db.name().to_owned(),
        }
    }

    /// Whether this process made the store.
    pub fn is_new(&self) -> bool {
        match &self.db {
            Db::Sqlite(db) => db.is_new(),
            Db::Served(db) => db.is_new(),
            Db::Postgres(db) => db.is_new(),
        }
    }

    /// Begins a transaction that sees one state of the store and changes nothing.
    ///
    /// # Errors
    /// When the store can't be opened.
    pub async fn begin_read(&self) -> Result<Tx> {
        Ok(Tx::new(
            match &self.db {
                Db::Sqlite(db) => Inner::Sqlite(db.begin_read()?),
                Db::Served(db) => Inner::Served(db.begin_read().await?),
                Db::Postgres(db) => Inner::Postgres(db.begin_read().await?),
            },
            &self.bell,
        ))
    }

    /// Begins a look at single rows: each query sees a state of the store of its own, and nothing
    /// may be written. Where the database is elsewhere it costs less than [`Store::begin_read`].
    ///
    /// # Errors
    /// When the store can't be opened.
    pub async fn begin_look(&self) -> Result<Tx> {
        let mut tx = Tx::new(
            match &self.db {
                Db::Sqlite(db) => Inner::Sqlite(db.begin_read()?),
                Db::Served(db) => Inner::Served(db.begin_look().await?),
                Db::Postgres(db) => Inner::Postgres(db.begin_look().await?),
            },
            &self.bell,
        );
        tx.purpose = Purpose::Look;
        Ok(tx)
    }

    /// Begins a transaction that may write; writers wait for one another.
    ///
    /// # Errors
    /// When the store can't be opened or written, or stays locked past the time-out.
    pub async fn begin_write(&self) -> Result<Tx> {
        Ok(Tx::new(
            match &self.db {
                Db::Sqlite(db) => Inner::Sqlite(db.begin_write()?),
                Db::Served(db) => Inner::Served(db.begin_write().await?),
                Db::Postgres(db) => Inner::Postgres(db.begin_write().await?),
            },
            &self.bell,
        ))
    }

    /// Begins a transaction that adds rows on which no other writer's decision hangs. Where the
    /// database can do it, such writers don't wait for one another, only for other ones.
    ///
    /// # Errors
    /// As [`Store::begin_write`].
    pub async fn begin_append(&self) -> Result<Tx> {
        Ok(Tx::new(
            match &self.db {
                Db::Sqlite(db) => Inner::Sqlite(db.begin_write()?),
                Db::Served(db) => Inner::Served(db.begin_write().await?),
                Db::Postgres(db) => Inner::Postgres(db.begin_append().await?),
            },
            &self.bell,
        ))
    }

    /// Begins an append that may share its commit with others, which is faster where many come at
    /// once. It fails with [`StoreError::Shared`] where another one's failure takes it along; then
    /// it is done again with [`Store::begin_append`].
    ///
    /// # Errors
    /// As [`Store::begin_write`].
    pub async fn begin_shared(&self) -> Result<Tx> {
        Ok(Tx::new(
            match &self.db {
                Db::Sqlite(db) => Inner::Sqlite(db.begin_write()?),
                Db::Served(db) => Inner::Served(db.begin_write().await?),
                Db::Postgres(db) => Inner::Postgres(db.begin_shared().await?),
            },
            &self.bell,
        ))
    }

    /// Begins a writing transaction that will not be committed; a file that is not there yet stays
    /// away.
    ///
    /// # Errors
    /// As [`Store::begin_write`].
    pub async fn begin_rehearsal(&self) -> Result<Tx> {
        let mut tx = Tx::new(
            match &self.db {
                Db::Sqlite(db) => Inner::Sqlite(db.begin_rehearsal()?),
                Db::Served(db) => Inner::Served(db.begin_write().await?),
                Db::Postgres(db) => Inner::Postgres(db.begin_write().await?),
            },
            &self.bell,
        );
        tx.purpose = Purpose::Rehearsal;
        Ok(tx)
    }
}

/// How the connections to a store are used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gauges {
    /// Connections that are open or may be.
    pub connections: u64,
    /// Those that nobody uses.
    pub idle: u64,
    /// Those who wait for one.
    pub waiting: u64,
    /// Commits so far.
    pub commits: u64,
    /// Writing transactions that shared them.
    pub transactions: u64,
}

enum Inner {
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
enum Purpose {
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
    inner: Inner,
    purpose: Purpose,
    has_new_keys: bool,
    failed: bool,
    /// Told of after the commit, if there are events in it.
    bell: Arc<watch::Sender<u64>>,
    has_events: bool,
}

impl Tx {
    fn new(inner: Inner, bell: &Arc<watch::Sender<u64>>) -> Self {
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
    ///
    /// # Errors
    /// As the store reports them.
    pub async fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        // Without a transaction it would be there at once and for good.
        if self.purpose == Purpose::Look {
            return Err(StoreError::ReadOnly);
        }
        let done = match &mut self.inner {
            Inner::Sqlite(tx) => tx.execute(sql, params),
            Inner::Served(tx) => tx.execute(sql, params),
            Inner::Postgres(tx) => tx.execute(sql, params).await,
        };
        self.failed |= done.is_err();
        done
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

    /// Shows each row of a query to `each`, one at a time, until it breaks.
    ///
    /// # Errors
    /// As the store or `each` reports them.
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
    ///
    /// # Errors
    /// As the store or `map` reports them.
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
    ///
    /// # Errors
    /// As the store or `map` reports them.
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
    ///
    /// # Errors
    /// As the store reports them.
    pub async fn plan(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<String>> {
        let (explain, column) = match &self.inner {
            Inner::Sqlite(_) | Inner::Served(_) => ("explain query plan", 3),
            Inner::Postgres(_) => ("explain", 0),
        };
        self.all(&format!("{explain} {sql}"), params, |row| Ok(row.text(column)?.to_owned())).await
    }

    /// The one number that a query answers.
    ///
    /// # Errors
    /// As the store reports them.
    pub async fn number(&mut self, sql: &str, params: &[Param<'_>]) -> Result<i64> {
        Ok(self.optional(sql, params, |row| row.int(0)).await?.unwrap_or(0))
    }
}
