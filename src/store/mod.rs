//! Where a hub keeps its state: one seam over SQLite and PostgreSQL.
//!
//! The files of this folder hold the SQL of one table each, and no rules. Placeholders are written
//! `?1`; instants are milliseconds; flags are 0 or 1; every query names the project that it is
//! limited to.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::watch;

pub mod accounts;
pub mod api_keys;
pub mod attempts;
pub mod auth_configs;
pub mod backlog;
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
mod rows;
pub mod sealed;
pub mod session_expiry;
mod transaction;
pub mod webhooks;

pub use driver::{Param, Row};
pub use error::{StoreError, Told};
pub use transaction::Tx;

use driver::{postgres, served, sqlite};
use transaction::{Inner, Purpose};

/// Whether the system has told this process that a file of it may not grow any further: set by
/// whoever is told. A write that fails then fails as on a full disk.
pub static IS_FILE_LIMIT_MET: AtomicBool = AtomicBool::new(false);

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

    /// The same store for a glance: nothing is made or migrated, and the lock of a file is not waited
    /// for longer than this.
    #[must_use]
    pub fn for_a_glance(self, patience: std::time::Duration) -> Self {
        Self {
            db: match self.db {
                Db::Sqlite(db) => Db::Sqlite(db.for_a_glance(patience)),
                Db::Postgres(db) => Db::Postgres(Box::new(db.for_a_glance())),
                other @ Db::Served(_) => other,
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

    /// Asks the store for a sign of life, and whether it takes writes: a database says so, and a file
    /// that a server writes to takes them until one fails. Then one that leaves no trace is tried, but
    /// not at once.
    ///
    /// # Errors
    /// As [`Store::begin_read`], [`StoreError::ReadOnly`], and as the last write failed.
    pub async fn ping(&self) -> Result<()> {
        if let Db::Served(db) = &self.db {
            db.look()?;
            if db.wants_a_trial()? {
                self.try_to_write().await?;
                db.trial_went_well();
            }
        }
        let mut tx = self.begin_read().await?;
        let is_read_only = match &tx.inner {
            Inner::Sqlite(_) | Inner::Served(_) => "select cast(0 as bigint)",
            Inner::Postgres(_) => postgres::IS_READ_ONLY,
        };
        match tx.number(is_read_only, &[]).await? {
            0 => Ok(()),
            1 => Err(StoreError::read_only_database()),
            _ => Err(StoreError::no_right_to_write()),
        }
    }

    /// Writes a row and takes it back. The page that it was on is written, unlike what has changed
    /// nothing.
    async fn try_to_write(&self) -> Result<()> {
        let mut tx = self.begin_write().await?;
        tx.execute("insert into store (key, value) values ('trial', '')", &[]).await?;
        tx.execute("delete from store where key = 'trial'", &[]).await?;
        tx.commit().await
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

    /// Whether a database was found without a store in it; whoever reads it sees an empty one.
    pub fn is_missing(&self) -> bool {
        matches!(&self.db, Db::Postgres(db) if db.is_missing())
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
                Db::Postgres(db) => if_there(db, db.begin_read()).await?,
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
                Db::Postgres(db) => if_there(db, db.begin_look()).await?,
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
    /// nothing of it is there, and it is done again with [`Store::begin_append`].
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

    /// Begins a writing transaction that will not be committed; a store that is not there yet stays
    /// away.
    ///
    /// # Errors
    /// As [`Store::begin_write`].
    pub async fn begin_rehearsal(&self) -> Result<Tx> {
        let mut tx = Tx::new(
            match &self.db {
                Db::Sqlite(db) => Inner::Sqlite(db.begin_rehearsal()?),
                Db::Served(db) => Inner::Served(db.begin_write().await?),
                Db::Postgres(db) => if_there(db, db.begin_write()).await?,
            },
            &self.bell,
        );
        tx.purpose = Purpose::Rehearsal;
        Ok(tx)
    }
}

/// A transaction in a database; one in an empty store where there is none.
async fn if_there(
    db: &postgres::Database,
    begin: impl Future<Output = Result<postgres::Tx>>,
) -> Result<Inner> {
    match db.is_there().await? {
        true => Ok(Inner::Postgres(begin.await?)),
        false => Ok(Inner::Sqlite(sqlite::Database::nothing()?)),
    }
}

/// How the connections to a store are used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gauges {
    /// Connections that are open or may be.
    pub connections: u64,
    /// Most of them at once.
    pub most: u64,
    /// Those that nobody uses.
    pub idle: u64,
    /// Those who wait for one.
    pub waiting: u64,
    /// Commits so far, and the writing transactions that shared them, where they are counted.
    pub commits: Option<(u64, u64)>,
}
