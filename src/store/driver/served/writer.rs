//! The one connection that writes: who has it, who waits for it, and the thread that commits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::super::sqlite;
use super::place::Place;
use super::{WAIT_LIMIT, raw};
use crate::store::{Result, StoreError};

/// Writers that may wait for their turn.
const QUEUE: usize = 1_024;
/// Transactions that share a commit at most.
const GROUP: usize = 128;
/// How long a group takes in transactions at most.
const GROUP_LIMIT: Duration = Duration::from_millis(10);
/// How often the thread looks whether the file is still where it was.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the server writes without a pause, and how long that pause is: other processes get
/// their turn in it. SQLite has no queue for them.
const STRETCH: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(2);
/// How long what kept one writer from writing is taken to keep the next one from it as well.
const BELIEVED: Duration = Duration::from_secs(2);

/// Who writes, and who waits for it.
pub(super) struct Writer {
    state: Mutex<State>,
    thread: Sender<Order>,
    pub(super) commits: AtomicU64,
    pub(super) transactions: AtomicU64,
    trouble: Mutex<Option<Trouble>>,
}

/// What keeps writers from writing, and until when that is believed.
struct Trouble {
    error: StoreError,
    until: Instant,
}

#[derive(Default)]
pub(super) struct State {
    /// The connection, when nobody has it.
    pub(super) idle: Option<Connection>,
    pub(super) waiting: VecDeque<oneshot::Sender<Result<Turn>>>,
    /// Whether there is a connection, idle or not, or the thread makes one.
    pub(super) is_open: bool,
}

/// What the thread is asked to do; it answers through the queue of those that wait.
pub(super) enum Order {
    /// Begin a group for those that wait, with the connection or a new one.
    Begin(Option<Connection>),
    /// Commit the group, then begin the next one if somebody waits.
    Commit(Connection, Group),
}

/// Those that will be told what became of the commit.
pub(super) struct Group {
    began: Instant,
    pub(super) members: Vec<oneshot::Sender<Result<()>>>,
    /// Keys were written in it: they are worth nothing before it is committed.
    pub(super) has_new_keys: bool,
}

impl Group {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), members: Vec::new(), has_new_keys: false }
    }

    pub(super) fn tell(self, outcome: &Result<()>) {
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
pub(super) struct Turn {
    pub(super) held: Option<(Connection, Group)>,
    pub(super) writer: Arc<Writer>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some((connection, group)) = self.held.take() {
            Writer::pass_on(&self.writer, connection, group);
        }
    }
}

impl Writer {
    pub(super) fn start(file: Arc<sqlite::Database>, place: Arc<Place>) -> Arc<Self> {
        let (thread, orders) = channel();
        let writer = Arc::new(Self {
            state: Mutex::default(),
            thread,
            commits: AtomicU64::new(0),
            transactions: AtomicU64::new(0),
            trouble: Mutex::default(),
        });
        // The thread ends when the store is dropped.
        let weak = Arc::downgrade(&writer);
        let work = move || write(&file, &place, &weak, &orders);
        let spawned = std::thread::Builder::new().name("store-writer".to_owned()).spawn(work);
        // Without a thread the orders have no receiver, and every writer is told so.
        drop(spawned);
        writer
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a failure that the next writer would meet as well. Another process is in the
    /// way only for a writer that has waited for it.
    fn note(&self, error: &StoreError) {
        // What the system refuses comes as any of these.
        let lasts = matches!(
            error,
            StoreError::Full
                | StoreError::ReadOnly(_)
                | StoreError::Unreadable(_)
                | StoreError::Busy
        );
        if lasts {
            let until = Instant::now() + BELIEVED;
            *self.trouble() = Some(Trouble { error: error.clone(), until });
        }
    }

    /// The same, unless the file is not where it was: whoever asks looks for that at once.
    fn note_at(&self, place: &Place, error: &StoreError) {
        if place.check().is_ok() {
            self.note(error);
        }
    }

    /// Whether it is time to see if writers can write again; false where nothing keeps them from it.
    /// One of those who ask at once is told so.
    ///
    /// # Errors
    /// What keeps them from it, before that time.
    pub(super) fn wants_a_trial(&self) -> Result<bool> {
        let mut trouble = self.trouble();
        let Some(known) = trouble.as_mut() else { return Ok(false) };
        let now = Instant::now();
        if now < known.until {
            return Err(known.error.clone());
        }
        known.until = now + BELIEVED;
        Ok(true)
    }

    /// Called when a trial went well. A commit says less: it may have had nothing to write.
    pub(super) fn is_well(&self) {
        *self.trouble() = None;
    }

    pub(super) fn order(&self, order: Order) {
        if self.thread.send(order).is_err() {
            let waiting = std::mem::take(&mut self.state().waiting);
            for waiter in waiting {
                _ = waiter.send(Err(gone()));
            }
        }
    }

    /// Waits for the connection.
    pub(super) async fn turn(self: &Arc<Self>) -> Result<Turn> {
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
        match raw::begin_at_once(&connection) {
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
                self.note(&error);
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
    pub(super) fn pass_on(this: &Arc<Self>, connection: Connection, group: Group) {
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
        if group.members.is_empty() && raw::roll_back(&connection) {
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
    pub(super) fn rest(&self, connection: Connection) {
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

pub(super) fn gone() -> StoreError {
    StoreError::Other("the thread that writes is gone".to_owned())
}

/// The thread: opens, waits for other processes, commits, and looks after the file.
fn write(
    file: &sqlite::Database,
    place: &Place,
    writer: &std::sync::Weak<Writer>,
    orders: &Receiver<Order>,
) {
    let mut working_since = Instant::now();
    let mut looked_at = Instant::now();
    loop {
        let order = orders.recv_timeout(LOOK_EVERY);
        if looked_at.elapsed() >= LOOK_EVERY {
            // Everybody asks for the outcome before work begins, and before it is kept.
            _ = place.look();
            looked_at = Instant::now();
        }
        let order = match order {
            Ok(order) => order,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let Some(writer) = writer.upgrade() else { return };
        let connection = match order {
            Order::Begin(connection) => connection,
            Order::Commit(connection, group) => {
                let outcome = place.check().and_then(|()| raw::commit(&connection));
                match &outcome {
                    Ok(()) => {
                        writer.commits.fetch_add(1, Ordering::Relaxed);
                        let count = group.members.len() as u64;
                        writer.transactions.fetch_add(count, Ordering::Relaxed);
                    }
                    Err(error) => writer.note_at(place, error),
                }
                let is_sound = outcome.is_ok() || raw::roll_back(&connection);
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
        let opened = match connection {
            Some(connection) => place.check().map(|()| connection),
            None => open(file, place),
        };
        let begun =
            opened.and_then(|connection| raw::begin_patiently(&connection).map(|()| connection));
        match begun {
            Ok(connection) => {
                let Some((connection, _)) = writer.hand_over(connection, Group::new()) else {
                    continue;
                };
                if raw::roll_back(&connection) {
                    writer.rest(connection);
                } else {
                    writer.state().is_open = false;
                }
            }
            Err(error) => {
                writer.note_at(place, &error);
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

/// Where another file took the place of the one in use, nothing is made or migrated.
fn open(file: &sqlite::Database, place: &Place) -> Result<Connection> {
    place.look()?;
    let connection = file.open_prepared()?;
    place.opened().map(|()| connection)
}

#[cfg(test)]
mod tests {
    use super::{AtomicU64, Mutex, StoreError, Writer, channel};
    use crate::store::Told;

    fn writer() -> Writer {
        Writer {
            state: Mutex::default(),
            thread: channel().0,
            commits: AtomicU64::new(0),
            transactions: AtomicU64::new(0),
            trouble: Mutex::default(),
        }
    }

    #[test]
    fn a_write_that_failed_is_told_until_a_trial_goes_well() {
        let told = || Told::new("disk I/O error", "check the disk");
        for (error, is_kept) in [
            (StoreError::Full, true),
            (StoreError::ReadOnly(told()), true),
            (StoreError::Unreadable(told()), true),
            (StoreError::Busy, true),
            (StoreError::Duplicate, false),
        ] {
            let writer = writer();
            writer.note(&error);
            assert_eq!(writer.wants_a_trial().is_err(), is_kept, "{error:?}");
            writer.is_well();
            assert!(matches!(writer.wants_a_trial(), Ok(false)), "{error:?}");
        }
    }
}
