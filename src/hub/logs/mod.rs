//! The log of calls (KP-9 to KP-13): who is called by whom, written a little later than it happens
//! and never at the cost of the call itself.
//!
//! Whatever answers a call opens a [`Scope`] around its work; whatever calls a provider tells of it
//! with [`Hub::log_step`], wherever it is. Rows wait in a bounded queue, and are counted and
//! dropped where it is full.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{Mutex as Turn, Notify};

use crate::domain::ids::ProjectNumber;
use crate::domain::request_log::{Bodies, Entry, Keeping};
use crate::store::request_logs::Table;

use super::Hub;

mod calls;
mod parts;
mod prune;
mod read;
mod scope;
mod write;

pub(super) use calls::Purpose;
pub use parts::{Call, Errand, Seen, Step};
pub use prune::{Pruned, prune_round};
pub use read::{Detail, StepDetail, get, page, scan, unknown};
pub use scope::{COMMAND, SESSION, Scope};

pub use crate::store::request_logs::{BadSort, Cursor, Filter, Order, Page, Sort, Table as List};

/// Rows that may wait to be written.
pub const QUEUE: usize = 8_192;
/// Rows at which the writer does not wait for more.
pub const BATCH: usize = 256;
/// Bytes of headers and bodies that may wait with them.
const WAITING_BYTES: usize = 32 << 20;
/// Accounts whose connectors are remembered.
const PROVIDERS: usize = 10_000;

/// Headers and bodies of a call, without anything secret and of bounded size.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Exchange {
    /// The method, as it was sent.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// Headers that were sent.
    pub request_headers: Vec<(String, String)>,
    /// What was sent; null for nothing.
    pub request_body: Value,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Headers of the answer.
    pub response_headers: Vec<(String, String)>,
    /// The answer; null for nothing.
    pub response_body: Value,
}

/// A row on its way.
#[derive(Debug)]
struct Waiting {
    table: Table,
    entry: Entry,
    /// The [`Exchange`] as JSON.
    exchange: Option<String>,
    /// The status that decides whether that is kept.
    telling: u16,
}

#[derive(Debug, Default)]
struct Queue {
    rows: VecDeque<Waiting>,
    bytes: usize,
}

/// The log of a hub in this process.
#[derive(Debug)]
pub struct Logs {
    queue: Mutex<Queue>,
    room: usize,
    lost: AtomicU64,
    /// Told when rows wait.
    wake: Notify,
    /// Who writes rows.
    turn: Arc<Turn<()>>,
    /// Which projects keep bodies, as far as this process knows.
    bodies: Mutex<HashMap<i64, Bodies>>,
    keeps_any: AtomicBool,
    /// Connectors of accounts; an account never has another one.
    providers: Mutex<HashMap<(i64, String), String>>,
}

impl Default for Logs {
    fn default() -> Self {
        Self::with_room(QUEUE)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Logs {
    /// A log in which so many rows may wait.
    #[must_use]
    pub fn with_room(room: usize) -> Self {
        Self {
            queue: Mutex::default(),
            room,
            lost: AtomicU64::new(0),
            wake: Notify::new(),
            turn: Arc::default(),
            bodies: Mutex::default(),
            keeps_any: AtomicBool::new(false),
            providers: Mutex::default(),
        }
    }

    fn push(&self, mut waiting: Waiting) {
        let mut queue = lock(&self.queue);
        if queue.rows.len() >= self.room {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let length = waiting.exchange.as_ref().map_or(0, String::len);
        if queue.bytes + length > WAITING_BYTES {
            // The row itself is worth more than its bodies.
            self.lost.fetch_add(1, Ordering::Relaxed);
            waiting.exchange = None;
        }
        queue.bytes += waiting.exchange.as_ref().map_or(0, String::len);
        queue.rows.push_back(waiting);
        let count = queue.rows.len();
        drop(queue);
        if count == 1 || count == BATCH {
            self.wake.notify_one();
        }
    }

    fn take(&self, most: usize) -> Vec<Waiting> {
        let mut queue = lock(&self.queue);
        let count = queue.rows.len().min(most);
        let taken: Vec<Waiting> = queue.rows.drain(..count).collect();
        let length: usize = taken.iter().filter_map(|row| Some(row.exchange.as_ref()?.len())).sum();
        queue.bytes -= length;
        taken
    }

    /// Puts rows back in front that could not be written; those for which there is no room are
    /// lost.
    fn put_back(&self, rows: Vec<Waiting>) {
        let mut queue = lock(&self.queue);
        for row in rows.into_iter().rev() {
            if queue.rows.len() >= self.room {
                self.lost.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            queue.bytes += row.exchange.as_ref().map_or(0, String::len);
            queue.rows.push_front(row);
        }
    }

    /// Rows, or bodies of rows, that were lost because too many waited.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Rows that wait to be written.
    #[must_use]
    pub fn waiting(&self) -> usize {
        lock(&self.queue).rows.len()
    }

    /// Rows that came while others were written are told of once more: they were not the first.
    fn wake_for_rest(&self) {
        if self.waiting() > 0 {
            self.wake.notify_one();
        }
    }

    /// Waits until rows are there to be written, or enough of them to write at once.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Whether any project keeps bodies, so that it is worth having a look at them.
    #[must_use]
    pub fn keeps_any_bodies(&self) -> bool {
        self.keeps_any.load(Ordering::Relaxed)
    }

    /// Whether a project keeps headers and bodies of a call with this status.
    #[must_use]
    pub fn keeps(&self, project: ProjectNumber, status: u16) -> bool {
        self.keeps_any_bodies()
            && lock(&self.bodies).get(&project.0).is_some_and(|bodies| bodies.keeps(status))
    }

    /// Takes note of what a project wants.
    pub(super) fn set_keeping(&self, project: ProjectNumber, keeping: Keeping) {
        let mut bodies = lock(&self.bodies);
        match keeping.bodies {
            Bodies::Off => bodies.remove(&project.0),
            some => bodies.insert(project.0, some),
        };
        self.keeps_any.store(!bodies.is_empty(), Ordering::Relaxed);
    }

    /// Takes note of what all projects want.
    fn set_all(&self, all: impl IntoIterator<Item = (ProjectNumber, Keeping)>) {
        let mut bodies = lock(&self.bodies);
        *bodies = all.into_iter().map(|(project, keeping)| (project.0, keeping.bodies)).collect();
        self.keeps_any.store(!bodies.is_empty(), Ordering::Relaxed);
    }

    fn provider_of(&self, project: ProjectNumber, account: &str) -> Option<String> {
        lock(&self.providers).get(&(project.0, account.to_owned())).cloned()
    }

    fn remember_provider(&self, project: ProjectNumber, account: &str, provider: &str) {
        let mut known = lock(&self.providers);
        if known.len() >= PROVIDERS {
            known.clear();
        }
        known.insert((project.0, account.to_owned()), provider.to_owned());
    }
}

impl Hub {
    /// The log of calls.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }
}
