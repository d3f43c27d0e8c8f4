//! SQLite for a server: a bounded pool of readers, and writers that share commits.
//!
//! All writing goes through one connection. Who has it runs a transaction within the group's, as
//! a savepoint, and hands it to the next one that waits. When nobody does, or the group is large
//! enough, a thread of its own commits for all of them at once, and only then are they answered.

mod place;
mod raw;
mod writer;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::{Param, Row, sqlite};
use crate::store::{Gauges, Result, StoreError};

use place::Place;
use writer::{Group, Order, Turn, Writer, gone};

/// How long a reader waits for a connection, and a writer for its turn.
const WAIT_LIMIT: Duration = Duration::from_secs(20);
/// Readers at once, if no more are kept: a list is read as fast as its client takes it.
const READERS: usize = 64;
/// A database file as a server uses it.
pub(in crate::store) struct Pool {
    file: Arc<sqlite::Database>,
    place: Arc<Place>,
    readers: Arc<Readers>,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    writer: Arc<Writer>,
}

/// Connections that nobody reads with at the moment.
struct Readers {
    idle: Mutex<Vec<Connection>>,
    keep: usize,
}

impl Pool {
    /// `keep` connections stay open for readers, each with its pages in memory.
    pub(in crate::store) fn new(file: sqlite::Database, keep: usize) -> Self {
        let file = Arc::new(file.for_server());
        let place = Arc::new(Place::new(file.path()));
        let writer = Writer::start(Arc::clone(&file), Arc::clone(&place));
        let readers = Arc::new(Readers { idle: Mutex::default(), keep });
        let places = Arc::new(Semaphore::new(keep.max(READERS)));
        Self { file, place, readers, places, waiting: AtomicUsize::new(0), writer }
    }

    pub(in crate::store) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(in crate::store) fn is_new(&self) -> bool {
        self.file.is_new()
    }

    pub(in crate::store) fn gauges(&self) -> Gauges {
        let idle = self.readers.idle().len();
        let most = self.readers.keep.max(READERS);
        let reading = most - self.places.available_permits();
        let writer = self.writer.state();
        let waiting = writer.waiting.len() + self.waiting.load(Ordering::Relaxed);
        let rests = usize::from(writer.idle.is_some());
        Gauges {
            connections: (idle + reading + usize::from(writer.is_open)) as u64,
            // And the one that writes.
            most: most as u64 + 1,
            idle: (idle + rests) as u64,
            waiting: waiting as u64,
            commits: Some((
                self.writer.commits.load(Ordering::Relaxed),
                self.writer.transactions.load(Ordering::Relaxed),
            )),
        }
    }

    /// Looks whether the file is still where it was; the thread that writes does so every second.
    pub(in crate::store) fn look(&self) -> Result<()> {
        self.place.look()
    }

    /// Whether it is time to see if writers can write again, where something keeps them from it.
    ///
    /// # Errors
    /// What keeps them from it, before that time.
    pub(in crate::store) fn wants_a_trial(&self) -> Result<bool> {
        self.writer.wants_a_trial()
    }

    /// Called when something was written to see whether writers can.
    pub(in crate::store) fn trial_went_well(&self) {
        self.writer.is_well();
    }

    pub(in crate::store) async fn begin_read(&self) -> Result<Tx> {
        self.read(true).await
    }

    /// Each query is a transaction of its own, which saves the statements around it.
    pub(in crate::store) async fn begin_look(&self) -> Result<Tx> {
        self.read(false).await
    }

    async fn read(&self, as_one: bool) -> Result<Tx> {
        self.place.check()?;
        let place = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => place,
            Err(_) => {
                let _waiting = Waiting::new(&self.waiting);
                let place = timeout(WAIT_LIMIT, Arc::clone(&self.places).acquire_owned());
                let place = place.await.map_err(|_| StoreError::Busy)?;
                place.map_err(|error| StoreError::Other(error.to_string()))?
            }
        };
        let idle = self.readers.idle().pop();
        let (connection, keep) = match idle {
            Some(connection) => (connection, true),
            None => self.open_reader()?,
        };
        if as_one {
            raw::run_kept(&connection, "begin")?;
        }
        let home = keep.then(|| Arc::clone(&self.readers));
        Ok(Tx::Read(ReadTx { tx: Some(sqlite::Tx::lent(connection)), home, _place: place }))
    }

    /// A connection, and whether it may be kept. Nothing but the file that is in use is opened, and
    /// one that is gone is not taken for an empty store.
    fn open_reader(&self) -> Result<(Connection, bool)> {
        self.place.look()?;
        let opened = self.file.open_reader_to_keep()?;
        let (_, is_kept) = &opened;
        let looked = if *is_kept { self.place.opened() } else { self.place.look() };
        looked.map(|()| opened)
    }

    pub(in crate::store) async fn begin_write(&self) -> Result<Tx> {
        self.place.check()?;
        let turn = self.writer.turn().await?;
        Ok(Tx::Write(WriteTx::begin(turn)?))
    }
}

impl Readers {
    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A transaction of its own: reading, or within a group.
pub(in crate::store) enum Tx {
    Read(ReadTx),
    Write(WriteTx),
}

impl Tx {
    fn inner(&mut self) -> Result<&mut sqlite::Tx> {
        match self {
            Self::Read(ReadTx { tx, .. }) | Self::Write(WriteTx { tx, .. }) => {
                tx.as_mut().ok_or_else(gone)
            }
        }
    }

    /// Whether keys that another one of its group wrote are not durable yet.
    pub(in crate::store) fn sees_new_keys(&self) -> bool {
        match self {
            Self::Read(_) => false,
            Self::Write(write) => write.group.as_ref().is_some_and(|group| group.has_new_keys),
        }
    }

    pub(in crate::store) async fn commit(self, has_new_keys: bool) -> Result<()> {
        match self {
            // There is nothing to keep.
            Self::Read(_) => Ok(()),
            Self::Write(write) => {
                // Nothing of the transaction may be held while the group's commit is waited for.
                let wait = write.join(has_new_keys)?;
                wait.await.unwrap_or_else(|_| Err(gone()))
            }
        }
    }

    pub(in crate::store) fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        self.inner()?.execute(sql, params)
    }

    pub(in crate::store) fn scan<E, F>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        each: F,
    ) -> std::result::Result<(), E>
    where
        E: From<StoreError>,
        F: FnMut(&Row<'_>) -> std::result::Result<ControlFlow<()>, E>,
    {
        self.inner()?.scan(sql, params, each)
    }
}

/// A reader's transaction.
pub(in crate::store) struct ReadTx {
    tx: Option<sqlite::Tx>,
    /// Where the connection goes, if it may be used again.
    home: Option<Arc<Readers>>,
    _place: OwnedSemaphorePermit,
}

impl Drop for ReadTx {
    fn drop(&mut self) {
        let Some(connection) = self.tx.take().and_then(sqlite::Tx::take_back) else { return };
        let Some(home) = self.home.take() else { return };
        if raw::roll_back(&connection) {
            let mut idle = home.idle();
            if idle.len() < home.keep {
                idle.push(connection);
            }
        }
    }
}

/// One writer's part of a group.
pub(in crate::store) struct WriteTx {
    tx: Option<sqlite::Tx>,
    group: Option<Group>,
    /// Whether there is something in the group's transaction that stays if this part is taken back.
    is_savepoint: bool,
    writer: Arc<Writer>,
}

impl WriteTx {
    fn begin(mut turn: Turn) -> Result<Self> {
        let (connection, group) = turn.held.take().ok_or_else(gone)?;
        // Savepoints keep copies of the pages that are written after them.
        let is_savepoint = !group.members.is_empty();
        if is_savepoint && let Err(error) = raw::run_kept(&connection, "savepoint part") {
            turn.held = Some((connection, group));
            return Err(error);
        }
        let (tx, group) = (Some(sqlite::Tx::lent(connection)), Some(group));
        Ok(Self { tx, group, is_savepoint, writer: Arc::clone(&turn.writer) })
    }

    /// Keeps what was written as part of the group.
    fn join(mut self, has_new_keys: bool) -> Result<oneshot::Receiver<Result<()>>> {
        let (sender, wait) = oneshot::channel();
        if self.is_savepoint
            && let Some(tx) = &self.tx
        {
            raw::run_kept(tx.connection()?, "release part")?;
        }
        let held = self.tx.take().and_then(sqlite::Tx::take_back).zip(self.group.take());
        let (connection, mut group) = held.ok_or_else(gone)?;
        group.members.push(sender);
        group.has_new_keys |= has_new_keys;
        Writer::pass_on(&self.writer, connection, group);
        Ok(wait)
    }
}

impl Drop for WriteTx {
    fn drop(&mut self) {
        let Some(connection) = self.tx.take().and_then(sqlite::Tx::take_back) else { return };
        let group = self.group.take().unwrap_or_else(Group::new);
        let undone = self.is_savepoint
            && raw::run_kept(&connection, "rollback to part")
                .and_then(|()| raw::run_kept(&connection, "release part"))
                .is_ok();
        if undone {
            Writer::pass_on(&self.writer, connection, group);
            return;
        }
        // The first of a group has the transaction for itself. On some failures, such as a full
        // disk, SQLite takes the whole group back.
        let lost = "the transaction was taken back because another one of its group failed";
        group.tell(&Err(StoreError::Other(lost.to_owned())));
        if raw::roll_back(&connection) {
            self.writer.rest(connection);
        } else {
            drop(connection);
            self.writer.order(Order::Begin(None));
        }
    }
}
