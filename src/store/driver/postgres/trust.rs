//! Which connections are trusted: a server that hangs keeps them open and never answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use deadpool_postgres::{Metrics, Object};
use tokio::time::timeout;

use crate::store::{Result, StoreError, Told};

/// How long the server may take for what waits for nobody else.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// The same for a writer, who may first wait for others for as long as `lock_timeout` says.
pub(super) const TURN_LIMIT: Duration = Duration::from_secs(30);
/// Connections that looks share.
const LOOKS: usize = 2;

/// Remembers when a connection last gave no answer: what hangs rarely hangs alone, so that no
/// connection made before is used again.
pub(super) struct Trust {
    born: Instant,
    /// Milliseconds from `born`; 0 is never.
    lost: AtomicU64,
    silence: Told,
}

impl Trust {
    /// `silence` is what people are told where no answer came.
    pub(super) fn new(silence: Told) -> Self {
        Self { born: Instant::now(), lost: AtomicU64::new(0), silence }
    }

    /// Whether a connection may be used.
    pub(super) fn covers(&self, connection: &Metrics) -> bool {
        let lost = self.lost.load(Ordering::Relaxed);
        lost == 0 || connection.created.duration_since(self.born) > Duration::from_millis(lost)
    }

    /// Waits for the server's answer, and no longer than the limit.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] where none came; then all connections of now are given up.
    pub(super) async fn within<T, E: From<StoreError>>(
        &self,
        limit: Duration,
        answer: impl Future<Output = std::result::Result<T, E>>,
    ) -> std::result::Result<T, E> {
        match timeout(limit, answer).await {
            Ok(answer) => answer,
            Err(_) => {
                let now = self.born.elapsed().as_millis();
                self.lost.store(u64::try_from(now).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
                Err(E::from(StoreError::Unreachable(self.silence.clone())))
            }
        }
    }
}

/// Connections for looks, each used by many at once.
#[derive(Default)]
pub(super) struct Looks {
    connections: [tokio::sync::Mutex<Option<Arc<Object>>>; LOOKS],
    next: AtomicUsize,
}

impl Looks {
    pub(super) async fn get<C>(
        &self,
        trust: &Trust,
        connect: impl FnOnce() -> C,
    ) -> Result<Arc<Object>>
    where
        C: Future<Output = Result<Object>>,
    {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % LOOKS;
        let mut place = self.connections[turn].lock().await;
        let is_of_use = |connection: &&Arc<Object>| {
            !connection.is_closed() && trust.covers(Object::metrics(connection))
        };
        if let Some(connection) = place.as_ref().filter(is_of_use) {
            return Ok(Arc::clone(connection));
        }
        // Its place in the pool may be needed for the next one.
        *place = None;
        let connection = Arc::new(connect().await?);
        *place = Some(Arc::clone(&connection));
        Ok(connection)
    }
}
