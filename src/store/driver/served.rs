//! SQLite for a server: a bounded pool of readers, and writers that share commits.
//!
//! All writing goes through one connection. Who has it runs a transaction within the group's, as
//! a savepoint, and hands it to the next one that waits. When nobody does, or the group is large
//! enough, a thread of its own commits for all of them at once, and only then are they answered.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::{Param, Row, sqlite};
use crate::store::{Gauges, Result, StoreError};

/// How long a reader waits for a connection, and a writer for its turn.
const WAIT_LIMIT: Duration = Duration::from_secs(20);
/// Readers at once, if no more are kept: a list is read as fast as its client takes it.
const READERS: usize = 64;
/// Writers that may wait for their turn.
const QUEUE: usize = 1_024;
/// Transactions that share a commit at most.
const GROUP: usize = 128;
/// How long a group takes in transactions at most.
const GROUP_LIMIT: Duration = Duration::from_millis(10);
/// How long the server writes without a pause, and how long that pause is: other processes get
/// their turn in it. SQLite has no queue for them.
const STRETCH: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(2);

/// A database file as a server uses it.
pub(in crate::store) struct Pool {
    file: Arc<sqlite::Database>,
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
        let writer = Writer::start(Arc::clone(&file));
        let readers = Arc::new(Readers { idle: Mutex::default(), keep });
        let places = Arc::new(Semaphore::new(keep.max(READERS)));
        Self { file, readers, places, waiting: AtomicUsize::new(0), writer }
    }

    pub(in crate::store) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(in crate::store) fn is_new(&self) -> bool {
        self.file.is_new()
    }

    pub(in crate::store) fn gauges(&self) -> Gauges {
        let idle = self.readers.idle().len();
        let reading = self.readers.keep.max(READERS) - self.places.available_permits();
        let writer = self.writer.state();
        let waiting = writer.waiting.len() + self.waiting.load(Ordering::Relaxed);
        let rests = usize::from(writer.idle.is_some());
        Gauges {
            connections: (idle + reading + usize::from(writer.is_open)) as u64,
            idle: (idle + rests) as u64,
            waiting: waiting as u64,
            commits: self.writer.commits.load(Ordering::Relaxed),
            transactions: self.writer.transactions.load(Ordering::Relaxed),
        }
    }

    pub(in crate::store) async fn begin_read(&self) -> Result<Tx> {
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
            None => self.file.open_reader_to_keep()?,
        };
        sqlite::run_kept(&connection, "begin")?;
        let home = keep.then(|| Arc::clone(&self.readers));
        Ok(Tx::Read(ReadTx { tx: Some(sqlite::Tx::lent(connection)), home, _place: place }))
    }

    pub(in crate::store) async fn begin_write(&self) -> Result<Tx> {
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

/// Who writes, and who waits for it.
struct Writer {
    state: Mutex<State>,
    thread: Sender<Order>,
    commits: AtomicU64,
    transactions: AtomicU64,
}

#[derive(Default)]
struct State {
    /// The connection, when nobody has it.
    idle: Option<Connection>,
    waiting: VecDeque<oneshot::Sender<Result<Turn>>>,
    /// Whether there is a connection, idle or not, or the thread makes one.
    is_open: bool,
}

/// What the thread is asked to do; it answers through the queue of those that wait.
enum Order {
    /// Begin a group for those that wait, with the connection or a new one.
    Begin(Option<Connection>),
    /// Commit the group, then begin the next one if somebody waits.
    Commit(Connection, Group),
}

/// Those that will be told what became of the commit.
struct Group {
    began: Instant,
    members: Vec<oneshot::Sender<Result<()>>>,
    /// Keys were written in it: they are worth nothing before it is committed.
    has_new_keys: bool,
}

impl Group {
    fn new() -> Self {
        Self { began: Instant::now(), members: Vec::new(), has_new_keys: false }
    }

    fn tell(self, outcome: &Result<()>) {
        for member in self.members {
            // A request that was given up does not listen any more.
            _ = member.send(outcome.clone());
        }
    }
}

/// What a writer hears at first.
enum Asked {
    Given(Turn),
    Later(oneshot::Receiver<Result<Turn>>),
}

/// The connection within a group's transaction. Dropped, it goes to whoever is next.
struct Turn {
    held: Option<(Connection, Group)>,
    writer: Arc<Writer>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some((connection, group)) = self.held.take() {
            Writer::pass_on(&self.writer, connection, group);
        }
    }
}

impl Writer {
    fn start(file: Arc<sqlite::Database>) -> Arc<Self> {
        let (thread, orders) = channel();
        let writer = Arc::new(Self {
            state: Mutex::default(),
            thread,
            commits: AtomicU64::new(0),
            transactions: AtomicU64::new(0),
        });
        // The thread ends when the store is dropped.
        let weak = Arc::downgrade(&writer);
        let work = move || write(&file, &weak, &orders);
        let spawned = std::thread::Builder::new().name("store-writer".to_owned()).spawn(work);
        // Without a thread the orders have no receiver, and every writer is told so.
        drop(spawned);
        writer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self, order: Order) {
        if self.thread.send(order).is_err() {
            let waiting = std::mem::take(&mut self.state().waiting);
            for waiter in waiting {
                _ = waiter.send(Err(gone()));
            }
        }
    }

    /// Waits for the connection.
    async fn turn(self: &Arc<Self>) -> Result<Turn> {
        let wait = match self.ask()? {
            Asked::Given(turn) => return Ok(turn),
            Asked::Later(wait) => wait,
        };
        match timeout(WAIT_LIMIT, wait).await {
            Ok(Ok(turn)) => turn,
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(StoreError::Busy),
        }
    }

    fn ask(self: &Arc<Self>) -> Result<Asked> {
        let mut state = self.state();
        let at_once = if state.waiting.is_empty() { state.idle.take() } else { None };
        let Some(connection) = at_once else {
            let wait = Self::queue(&mut state)?;
            let is_first = !std::mem::replace(&mut state.is_open, true);
            drop(state);
            if is_first {
                self.order(Order::Begin(None));
            }
            return Ok(Asked::Later(wait));
        };
        drop(state);
        // Only another process can be in the way; the thread waits for that.
        match sqlite::begin_at_once(&connection) {
            Ok(true) => {
                let held = Some((connection, Group::new()));
                Ok(Asked::Given(Turn { held, writer: Arc::clone(self) }))
            }
            Ok(false) => {
                let wait = Self::queue(&mut self.state());
                self.rest(connection);
                wait.map(Asked::Later)
            }
            Err(error) => {
                self.order(Order::Begin(None));
                Err(error)
            }
        }
    }

    fn queue(state: &mut State) -> Result<oneshot::Receiver<Result<Turn>>> {
        if state.waiting.len() >= QUEUE {
            return Err(StoreError::Busy);
        }
        let (sender, wait) = oneshot::channel();
        state.waiting.push_back(sender);
        Ok(wait)
    }

    /// Gives the connection to the next one that waits; otherwise the group is over.
    fn pass_on(this: &Arc<Self>, connection: Connection, group: Group) {
        let may_grow = group.members.len() < GROUP && group.began.elapsed() < GROUP_LIMIT;
        let held = if may_grow {
            match this.hand_over(connection, group) {
                Some(held) => held,
                None => return,
            }
        } else {
            (connection, group)
        };
        let (connection, group) = held;
        if group.members.is_empty() && sqlite::roll_back(&connection) {
            this.rest(connection);
        } else {
            this.order(Order::Commit(connection, group));
        }
    }

    /// Hands the open group over; answers it back if nobody waits.
    fn hand_over(
        self: &Arc<Self>,
        connection: Connection,
        group: Group,
    ) -> Option<(Connection, Group)> {
        let mut turn = Turn { held: Some((connection, group)), writer: Arc::clone(self) };
        loop {
            let next = self.state().waiting.pop_front();
            let Some(next) = next else { return turn.held.take() };
            match next.send(Ok(turn)) {
                // Whoever waited has given up.
                Err(Ok(back)) => turn = back,
                Ok(()) | Err(Err(_)) => return None,
            }
        }
    }

    /// Leaves the connection for the next writer, unless one has come in between.
    fn rest(&self, connection: Connection) {
        let mut state = self.state();
        if state.waiting.is_empty() {
            state.idle = Some(connection);
            state.is_open = true;
        } else {
            drop(state);
            self.order(Order::Begin(Some(connection)));
        }
    }
}

fn gone() -> StoreError {
    StoreError::Other("the thread that writes is gone".to_owned())
}

/// The thread: opens, waits for other processes, commits.
fn write(file: &sqlite::Database, writer: &std::sync::Weak<Writer>, orders: &Receiver<Order>) {
    let mut working_since = Instant::now();
    while let Ok(order) = orders.recv() {
        let Some(writer) = writer.upgrade() else { return };
        let connection = match order {
            Order::Begin(connection) => connection,
            Order::Commit(connection, group) => {
                let outcome = sqlite::commit(&connection);
                writer.commits.fetch_add(1, Ordering::Relaxed);
                let count = group.members.len() as u64;
                writer.transactions.fetch_add(count, Ordering::Relaxed);
                let is_sound = outcome.is_ok() || sqlite::roll_back(&connection);
                group.tell(&outcome);
                if is_sound && writer.state().waiting.is_empty() {
                    working_since = Instant::now();
                    writer.rest(connection);
                    continue;
                }
                // A connection that can't even roll back is not used again.
                is_sound.then_some(connection)
            }
        };
        if working_since.elapsed() > STRETCH {
            std::thread::park_timeout(PAUSE);
            working_since = Instant::now();
        }
        let begun = match connection {
            Some(connection) => sqlite::begin_patiently(&connection).map(|()| connection),
            None => file
                .open_prepared()
                .and_then(|connection| sqlite::begin_patiently(&connection).map(|()| connection)),
        };
        match begun {
            Ok(connection) => {
                let Some((connection, _)) = writer.hand_over(connection, Group::new()) else {
                    continue;
                };
                if sqlite::roll_back(&connection) {
                    writer.rest(connection);
                } else {
                    writer.state().is_open = false;
                }
            }
            Err(error) => {
                let waiting = {
                    let mut state = writer.state();
                    state.is_open = false;
                    std::mem::take(&mut state.waiting)
                };
                for waiter in waiting {
                    _ = waiter.send(Err(error.clone()));
                }
            }
        }
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
        if sqlite::roll_back(&connection) {
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
    writer: Arc<Writer>,
}

impl WriteTx {
    fn begin(mut turn: Turn) -> Result<Self> {
        let (connection, group) = turn.held.take().ok_or_else(gone)?;
        if let Err(error) = sqlite::run_kept(&connection, "savepoint part") {
            turn.held = Some((connection, group));
            return Err(error);
        }
        let (tx, group) = (Some(sqlite::Tx::lent(connection)), Some(group));
        Ok(Self { tx, group, writer: Arc::clone(&turn.writer) })
    }

    /// Keeps what was written as part of the group.
    fn join(mut self, has_new_keys: bool) -> Result<oneshot::Receiver<Result<()>>> {
        let (sender, wait) = oneshot::channel();
        if let Some(tx) = &self.tx {
            tx.run_kept("release part")?;
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
        let undone = sqlite::run_kept(&connection, "rollback to part")
            .and_then(|()| sqlite::run_kept(&connection, "release part"));
        if undone.is_ok() {
            Writer::pass_on(&self.writer, connection, group);
            return;
        }
        // On some failures, such as a full disk, SQLite takes the whole group back.
        let lost = "the transaction was taken back because another one of its group failed";
        group.tell(&Err(StoreError::Other(lost.to_owned())));
        if sqlite::roll_back(&connection) {
            self.writer.rest(connection);
        } else {
            drop(connection);
            self.writer.order(Order::Begin(None));
        }
    }
}
