//! Transactions that share one connection and one commit: many small appends at once cost one
//! flush of the log instead of one each, and their statements travel together.
//!
//! A group takes members until one of them is ready to commit; the next group has another
//! connection. Nothing of a group is kept unless all of its members commit: one that fails or
//! goes away after it wrote takes the others with it, and they are told to go on alone. Where the
//! commit gets no answer they are told that instead, since nobody knows what became of it.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Poll;

use deadpool_postgres::Object;
use tokio::sync::{Notify, oneshot};

use super::trust::{ANSWER_LIMIT, TURN_LIMIT, Trust};
use super::{BEGIN_APPEND, answered};
use crate::store::{Result, StoreError};

/// Most members of a group.
const MOST_MEMBERS: usize = 128;

/// The group that takes members now, if there is one.
#[derive(Default)]
pub(super) struct Groups(tokio::sync::Mutex<Weak<Group>>);

/// Members that share a connection.
pub(super) struct Group {
    connection: Object,
    trust: Arc<Trust>,
    state: Mutex<State>,
    /// Told when the last member has settled.
    settled: Notify,
}

#[derive(Default)]
struct State {
    /// Members that joined.
    joined: usize,
    /// Members that are still at work.
    active: usize,
    /// Whether it takes no more.
    closed: bool,
    /// Whether nothing of it may be kept.
    failed: bool,
    /// Those who wait for the commit.
    waiting: Vec<oneshot::Sender<Result<()>>>,
}

/// One transaction of a group.
pub(super) struct Member {
    group: Arc<Group>,
    wrote: bool,
    settled: bool,
}

impl Groups {
    /// Joins the group that takes members, or begins one on a connection that `connect` gives.
    pub(super) async fn join<C>(
        &self,
        trust: &Arc<Trust>,
        connect: impl FnOnce() -> C,
    ) -> Result<Member>
    where
        C: Future<Output = Result<Object>>,
    {
        let mut current = self.0.lock().await;
        if let Some(member) = current.upgrade().and_then(|group| group.join()) {
            return Ok(member);
        }
        let group = Group::begin(connect().await?, Arc::clone(trust)).await;
        let member = group.join().ok_or(StoreError::Shared)?;
        *current = Arc::downgrade(&group);
        Ok(member)
    }
}

impl Group {
    async fn begin(connection: Object, trust: Arc<Trust>) -> Arc<Self> {
        let (state, settled) = (Mutex::default(), Notify::new());
        let group = Arc::new(Self { connection, trust, state, settled });
        let mut begin = Box::pin({
            let group = Arc::clone(&group);
            async move {
                let begun = answered(&group.connection, BEGIN_APPEND);
                group.trust.within(TURN_LIMIT, begun).await.is_ok()
            }
        });
        // Sent before the first statement of a member can be; nobody waits for the answer alone.
        let begun = poll_fn(|context| Poll::Ready(begin.as_mut().poll(context))).await;
        // A task of its own, so that a group ends whoever of its members goes away.
        tokio::spawn({
            let group = Arc::clone(&group);
            async move {
                let begun = match begun {
                    Poll::Ready(begun) => begun,
                    Poll::Pending => begin.await,
                };
                // Every member settles, if only by being dropped.
                group.settled.notified().await;
                group.end(begun).await;
            }
        });
        group
    }

    async fn end(&self, begun: bool) {
        let (is_kept, waiting) = {
            let mut state = self.state();
            (begun && !state.failed, std::mem::take(&mut state.waiting))
        };
        // Of a commit it has to be known whether it happened.
        let ended = if is_kept {
            answered(&self.connection, "commit").await.map_err(|error| match error {
                unknown @ StoreError::Unreachable(_) => unknown,
                _ => StoreError::Shared,
            })
        } else {
            // Where it gets no answer, the server does the same by itself.
            let rollback = answered(&self.connection, "rollback");
            _ = self.trust.within(ANSWER_LIMIT, rollback).await;
            Err(StoreError::Shared)
        };
        for member in waiting {
            // Who has gone away needs no answer.
            _ = member.send(ended.clone());
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(self: &Arc<Self>) -> Option<Member> {
        let mut state = self.state();
        if state.closed || state.failed || state.joined == MOST_MEMBERS {
            return None;
        }
        state.joined += 1;
        state.active += 1;
        Some(Member { group: Arc::clone(self), wrote: false, settled: false })
    }

    /// Counts a member out; the last one lets the group end.
    fn settle(&self, state: &mut State) {
        state.closed = true;
        state.active -= 1;
        if state.active == 0 {
            self.settled.notify_one();
        }
    }
}

impl Member {
    /// The connection, for one more statement.
    pub(super) fn connection(&self) -> &Object {
        &self.group.connection
    }

    /// Notes that something was written.
    pub(super) fn note_write(&mut self) {
        self.wrote = true;
    }

    /// What a failed statement means: on the server, the transaction of all is over.
    pub(super) fn failed(&self) -> StoreError {
        self.group.state().failed = true;
        StoreError::Shared
    }

    /// Waits until all members are ready and the group is durable.
    ///
    /// # Errors
    /// [`StoreError::Shared`] where nothing of it is kept; [`StoreError::Unreachable`] where that
    /// is not known.
    pub(super) async fn commit(&mut self) -> Result<()> {
        let (sender, wait) = oneshot::channel();
        {
            let mut state = self.group.state();
            state.waiting.push(sender);
            self.settled = true;
            self.group.settle(&mut state);
        }
        let gone = || StoreError::Other("nobody has told how the commit ended".to_owned());
        wait.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let mut state = self.group.state();
        // A statement that is still on its way may be a write, too.
        state.failed |= self.wrote;
        self.group.settle(&mut state);
    }
}
