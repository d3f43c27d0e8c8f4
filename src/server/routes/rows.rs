//! Lists of any length in bounded memory: one JSON array with an element on each line, written
//! while its rows are read. An array that has no end was cut off.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http_body::{Body as HttpBody, Frame};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::api::compact;
use crate::error::{HubError, codes};
use crate::server::AppState;
use crate::server::limits::{self, SlowLists};
use crate::server::respond::{Failure, JSON};
use crate::server::router::SeenKey;

use super::Answer;

/// Bytes that are gathered before they are sent.
const CHUNK: usize = 32 << 10;
/// Chunks that wait for a slow reader; the next row waits with them.
const WAITING: usize = 4;

/// How long lists wait for their clients (threats 22 and 37): a list that is half read holds a
/// transaction of the store open, and a connection that is alive does not say that its client reads.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// Every list, at one time; only some of them longer.
    all: Duration,
    /// Those few, at one time.
    slow: Duration,
    /// A list as a whole, so that none is read in drops for ever.
    whole: Duration,
}

const PATIENCE: Patience = Patience {
    all: Duration::from_secs(5),
    slow: Duration::from_secs(30),
    whole: Duration::from_mins(10),
};

/// The turn of a list; to be taken after the caller is known.
pub(super) struct Turn {
    turn: limits::Turn,
    slow: Arc<SlowLists>,
}

impl FromRequestParts<AppState> for Turn {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failure> {
        let key = parts.extensions.get::<SeenKey>().and_then(SeenKey::number);
        let turn =
            state.lists().turn(key.unwrap_or_default()).await.ok_or_else(|| {
                HubError::new(&codes::LISTS_BUSY, "too many lists are being read")
            })?;
        Ok(Self { turn, slow: state.lists().slow() })
    }
}

/// Chunks on their way, counted, so that the thread that reads rows can wait for room.
struct Room {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    slow: Arc<SlowLists>,
    patience: Patience,
}

#[derive(Default)]
struct Waiting {
    chunks: usize,
    /// How long its client was waited for so far.
    waited: Duration,
    /// Nobody reads any more.
    gone: bool,
}

impl Room {
    fn new(slow: Arc<SlowLists>) -> Self {
        Self { waiting: Mutex::default(), changed: Condvar::new(), slow, patience: PATIENCE }
    }

    /// Waits for room; false when nobody reads any more.
    ///
    /// # Errors
    /// When the client is slow, and so are too many others, or it takes nothing for too long: rows
    /// that are half read hold a connection to the store.
    fn enter(&self) -> Result<bool, HubError> {
        let Patience { all, slow, whole } = self.patience;
        let mut guard = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if is_full(&mut guard) {
            let began = Instant::now();
            let left = whole.saturating_sub(guard.waited);
            let mut late;
            (guard, late) = self.wait(guard, all.min(left));
            if late && let Some(_place) = self.slow.enter() {
                (guard, late) = self.wait(guard, slow.min(left).saturating_sub(all));
            }
            if late {
                return Err(HubError::new(&codes::LIST_TOO_SLOW, "the list is read too slowly"));
            }
            guard.waited += began.elapsed();
        }
        guard.chunks += 1;
        Ok(!guard.gone)
    }

    /// Waits for so long at most; whether there is no room then.
    fn wait<'g>(
        &self,
        guard: MutexGuard<'g, Waiting>,
        most: Duration,
    ) -> (MutexGuard<'g, Waiting>, bool) {
        let waited = self.changed.wait_timeout_while(guard, most, is_full);
        let (guard, late) = waited.unwrap_or_else(PoisonError::into_inner);
        (guard, late.timed_out())
    }

    fn change(&self, change: impl FnOnce(&mut Waiting)) {
        change(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }
}

fn is_full(waiting: &mut Waiting) -> bool {
    waiting.chunks >= WAITING && !waiting.gone
}

type Chunk = Result<Bytes, HubError>;

/// Where rows are written.
#[derive(Clone)]
pub(super) struct Sink(Arc<Inner>);

struct Inner {
    buffer: Mutex<Buffer>,
    chunks: mpsc::UnboundedSender<Chunk>,
    room: Arc<Room>,
}

#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    begun: bool,
}

impl Sink {
    /// Writes a row; breaks off when nobody reads any more.
    ///
    /// # Errors
    /// When the row can't be written as JSON.
    pub(super) fn push(&self, row: &impl Serialize) -> Result<ControlFlow<()>, HubError> {
        let mut buffer = self.0.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        element(&mut buffer, row)?;
        if buffer.bytes.len() < CHUNK {
            return Ok(ControlFlow::Continue(()));
        }
        let full = std::mem::replace(&mut buffer.bytes, Vec::with_capacity(CHUNK + CHUNK / 4));
        Ok(match self.send(full)? {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        })
    }

    fn send(&self, bytes: Vec<u8>) -> Result<bool, HubError> {
        Ok(self.0.room.enter()? && self.0.chunks.send(Ok(bytes.into())).is_ok())
    }

    /// Ends the array, or leaves it without an end.
    fn finish(&self, result: Result<(), HubError>) {
        let mut buffer = self.0.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = result.map(|()| {
            let mut rest = std::mem::take(&mut *buffer);
            end(&mut rest);
            self.0.chunks.send(Ok(rest.bytes.into()))
        });
        if let Err(error) = sent {
            // Nobody is there to be told when this fails.
            let _ = self.0.chunks.send(Err(error));
        }
    }
}

/// An array that is written row by row.
#[derive(Default)]
pub(super) struct Array {
    buffer: Buffer,
    rows: u64,
}

impl Array {
    /// Writes a row.
    ///
    /// # Errors
    /// When the row can't be written as JSON.
    pub(super) fn push(&mut self, row: &impl Serialize) -> Result<(), HubError> {
        self.rows += 1;
        element(&mut self.buffer, row)
    }

    /// How many rows it has.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// The answer.
    pub(super) fn answer(mut self) -> Response {
        end(&mut self.buffer);
        ([(CONTENT_TYPE, JSON)], self.buffer.bytes).into_response()
    }
}

fn element(buffer: &mut Buffer, row: &impl Serialize) -> Result<(), HubError> {
    if !buffer.begun {
        buffer.bytes.reserve(CHUNK);
    }
    buffer.bytes.extend_from_slice(if buffer.begun { b",\n" } else { b"[\n" });
    buffer.begun = true;
    compact::write(&mut buffer.bytes, row).map_err(HubError::internal("a row can't be written"))
}

fn end(buffer: &mut Buffer) {
    buffer.bytes.extend_from_slice(if buffer.begun { b"\n]\n" } else { b"[]\n" });
}

/// The body of a list that is still being read.
struct Chunks {
    first: Option<Bytes>,
    rest: mpsc::UnboundedReceiver<Chunk>,
    room: Arc<Room>,
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = HubError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HubError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        self.rest.poll_recv(context).map(|chunk| {
            self.room.change(|waiting| waiting.chunks = waiting.chunks.saturating_sub(1));
            chunk.map(|chunk| chunk.map(Frame::data))
        })
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        self.room.change(|waiting| waiting.gone = true);
    }
}

async fn drive<R>(
    turn: limits::Turn,
    read: R,
    chunks: mpsc::UnboundedSender<Chunk>,
    room: Arc<Room>,
) where
    R: AsyncFnOnce(Sink) -> Result<(), HubError>,
{
    let sink = Sink(Arc::new(Inner { buffer: Mutex::default(), chunks, room }));
    let result = read(sink.clone()).await;
    // The store is free again; what is left waits in memory.
    drop(turn);
    sink.finish(result);
}

/// Answers with rows that are at hand, in the same form.
pub(super) fn list_of<T: Serialize>(all: &[T]) -> Answer {
    let mut array = Array::default();
    all.iter().try_for_each(|row| array.push(row))?;
    Ok(array.answer())
}

/// Answers with the rows that `read` pushes. What goes wrong before the first chunk is an ordinary
/// error; later the connection breaks off, since the status is on its way already.
pub(super) async fn rows<R>(Turn { turn, slow }: Turn, read: R) -> Answer
where
    R: AsyncFnOnce(Sink) -> Result<(), HubError> + Send + 'static,
{
    let (sender, mut rest) = mpsc::unbounded_channel();
    let room = Arc::new(Room::new(slow));
    let handle = tokio::runtime::Handle::current();
    let other = Arc::clone(&room);
    // Reading rows blocks: the file is read, and a slow reader is waited for.
    tokio::task::spawn_blocking(move || handle.block_on(drive(turn, read, sender, other)));
    let first = match rest.recv().await {
        Some(Ok(first)) => first,
        Some(Err(error)) => return Err(error.into()),
        None => return Err(HubError::new(&codes::INTERNAL, "a list ended early").into()),
    };
    room.change(|waiting| waiting.chunks = waiting.chunks.saturating_sub(1));
    let body = Body::new(Chunks { first: Some(first), rest, room });
    Ok(([(CONTENT_TYPE, JSON)], body).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list with no room left, whose client reads nothing.
    fn stalled(patience: Patience) -> Room {
        let room = Room { patience, ..Room::new(Arc::default()) };
        for _ in 0..WAITING {
            assert!(room.enter().unwrap());
        }
        room
    }

    fn too_slow(entered: Result<bool, HubError>) {
        assert_eq!(entered.unwrap_err().code().name, codes::LIST_TOO_SLOW.name);
    }

    const MOMENT: Duration = Duration::from_millis(1);
    const AGES: Duration = Duration::from_hours(1);

    #[test]
    fn threat_37_a_list_whose_client_takes_nothing_is_broken_off() {
        let room = stalled(Patience { all: MOMENT, slow: 2 * MOMENT, whole: AGES });
        too_slow(room.enter());
        assert!(room.slow.enter().is_some(), "its place is free again");
    }

    #[test]
    fn threat_37_a_list_that_is_read_in_drops_is_broken_off_in_the_end() {
        let room = stalled(Patience { all: AGES, slow: AGES, whole: 500 * MOMENT });
        let (mut entered, began) = (0, Instant::now());
        let last = std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                // A client that takes a chunk whenever it has kept the list waiting for a moment.
                while began.elapsed() < AGES && !room.waiting.lock().unwrap().gone {
                    std::thread::park_timeout(MOMENT);
                    room.change(|waiting| waiting.chunks = waiting.chunks.min(WAITING - 1));
                }
            });
            let last = loop {
                match room.enter() {
                    Ok(_) => entered += 1,
                    refused => break refused,
                }
            };
            room.change(|waiting| waiting.gone = true);
            reading.join().unwrap();
            last
        });
        too_slow(last);
        assert!(entered > 0, "it was waited for at first");
    }

    #[test]
    fn a_list_whose_client_went_away_is_not_waited_for() {
        let room = stalled(Patience { all: AGES, slow: AGES, whole: AGES });
        room.change(|waiting| waiting.gone = true);
        assert!(!room.enter().unwrap());
    }
}
