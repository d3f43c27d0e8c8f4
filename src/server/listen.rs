//! Accepts connections, as many as are allowed, and a few more that may only ask how the hub is.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::metrics::count;
use super::tls::Tls;
use super::{AppState, Options, Stop, connection};

/// How long to wait before accepting again where the system has no room for a connection.
const ROOM_WAIT: Duration = Duration::from_millis(100);
/// How often it is told that it has none.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// An address that is listened on.
pub(super) struct Door {
    listener: TcpListener,
    behind: Behind,
}

/// Until when a door is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    /// Until the hub is told to stop: who comes later tries elsewhere.
    UntilStop,
    /// Until it has ended, so that it can be watched meanwhile.
    UntilEnd,
}

/// What connections through a door find; it outlives the door.
pub(super) struct Behind {
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) service: Router,
    pub(super) header_limit: Duration,
    open: Open,
    places: Arc<Semaphore>,
    /// Connections beyond the limit. The oldest of them makes room for a newcomer, so that slow
    /// ones can't keep out whoever asks at once.
    overflow: Mutex<VecDeque<CancellationToken>>,
    most_overflow: usize,
}

/// What a connection may do.
pub(super) enum Place {
    /// Everything.
    Full(#[expect(dead_code, reason = "held until the connection ends")] OwnedSemaphorePermit),
    /// Ask how the hub is, until the token says that the place is needed.
    Overflow(CancellationToken),
}

impl Door {
    pub(super) fn new(
        listener: TcpListener,
        tls: Option<Arc<Tls>>,
        service: Router,
        most: usize,
        open: Open,
        options: &Options,
    ) -> Self {
        let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        let Options { header_limit, overflow: most_overflow, .. } = *options;
        let overflow = Mutex::default();
        let behind = Behind { tls, service, header_limit, open, places, overflow, most_overflow };
        Self { listener, behind }
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    pub(super) fn open(&self) -> Open {
        self.behind.open
    }
}

impl Behind {
    /// When nobody is let in any more.
    async fn shut(&self, stop: &Stop) {
        match self.open {
            Open::UntilStop => stop.shutting().await,
            Open::UntilEnd => stop.cut().await,
        }
    }

    /// When connections end as soon as nothing is being answered on them.
    pub(super) async fn draining(&self, stop: &Stop) {
        match self.open {
            Open::UntilStop => stop.draining().await,
            Open::UntilEnd => stop.cut().await,
        }
    }

    /// When what is still being answered is cut off.
    pub(super) async fn closing(&self, stop: &Stop) {
        match self.open {
            Open::UntilStop => stop.closing().await,
            Open::UntilEnd => stop.cut().await,
        }
    }

    fn place(&self, state: &AppState) -> Place {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Place::Full(permit);
        }
        count(&state.metrics().counts.connections_overflow);
        let token = CancellationToken::new();
        let mut overflow = self.overflow.lock().unwrap_or_else(PoisonError::into_inner);
        overflow.push_back(token.clone());
        if overflow.len() > self.most_overflow
            && let Some(oldest) = overflow.pop_front()
        {
            oldest.cancel();
        }
        Place::Overflow(token)
    }
}

/// Accepts until the door is to be closed.
pub(super) async fn accept(door: Door, state: AppState, connections: TaskTracker) {
    // The door itself is closed at the end of this, with connections still open behind it.
    let Door { listener, behind } = door;
    let behind = Arc::new(behind);
    let start = |(stream, peer): (TcpStream, SocketAddr)| {
        count(&state.metrics().counts.connections_accepted);
        let place = behind.place(&state);
        let (behind, state) = (Arc::clone(&behind), state.clone());
        connections.spawn(connection::serve(stream, peer, place, behind, state));
    };
    let stop = state.stop();
    let (mut failures, mut told): (u64, Option<Instant>) = (0, None);
    loop {
        let accepted = tokio::select! {
            biased;
            () = behind.shut(stop) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(accepted) => start(accepted),
            // The client went away before it was greeted.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                count(&state.metrics().counts.accept_errors);
                failures += 1;
                if told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
                    tracing::error!(
                        target: "hubctl::serve", %error, failures, "can't accept connections"
                    );
                    (failures, told) = (0, Some(Instant::now()));
                }
                sleep(ROOM_WAIT).await;
            }
        }
    }
    // The system has accepted these already; closing the door would cut them off.
    while let Some(Ok(accepted)) = listener.accept().now_or_never() {
        start(accepted);
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
