//! Answers over HTTP/2, and whether their client takes them.
//!
//! A client can leave single answers where they are while its connection stays alive, which no
//! time-out of bytes notices.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

/// Longest piece of an answer, in bytes: one that is taken at all is taken soon.
const PIECE: usize = 16 * 1024;

/// What of a connection's answers is there for its client to take.
#[derive(Debug, Default)]
pub(super) struct Taking {
    /// Answers that have more, and pieces that are on their way.
    waiting: AtomicUsize,
    /// How often one of them was taken.
    taken: AtomicU64,
}

impl Taking {
    /// How far the client has come; none where nothing waits for it.
    pub(super) fn progress(&self) -> Option<u64> {
        let is_waiting = self.waiting.load(Ordering::Relaxed) > 0;
        is_waiting.then(|| self.taken.load(Ordering::Relaxed))
    }
}

/// One that waits, until it is dropped.
struct Waiting(Arc<Taking>);

impl Waiting {
    fn new(taking: &Arc<Taking>) -> Self {
        taking.waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(taking))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.taken.fetch_add(1, Ordering::Relaxed);
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A piece on its way: the HTTP library drops it once the client has let it through.
struct Piece {
    bytes: Bytes,
    _waiting: Waiting,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body that tells whether the client takes it.
struct Watched {
    body: Body,
    rest: Bytes,
    taking: Arc<Taking>,
    waiting: Option<Waiting>,
}

/// The same body, watched.
pub(super) fn watched(body: Body, taking: &Arc<Taking>) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let (taking, waiting) = (Arc::clone(taking), Some(Waiting::new(taking)));
    Body::new(Watched { body, rest: Bytes::new(), taking, waiting })
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        // More is wanted, whether or not there is room for it yet: while it is made, nobody waits
        // for the client on its account. Pieces that are on their way count for themselves.
        this.waiting = None;
        if this.rest.is_empty() {
            let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(context)?) else {
                return Poll::Ready(None);
            };
            match frame.into_data() {
                Ok(data) => this.rest = data,
                Err(other) => return Poll::Ready(Some(Ok(other))),
            }
        }
        this.waiting = Some(Waiting::new(&this.taking));
        let bytes = this.rest.split_to(this.rest.len().min(PIECE));
        let piece = Piece { bytes, _waiting: Waiting::new(&this.taking) };
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http_body_util::BodyExt as _;

    use super::*;

    #[test]
    fn a_body_waits_for_its_client_until_the_last_piece_is_let_through() {
        let taking: Arc<Taking> = Arc::default();
        assert_eq!(taking.progress(), None);
        let mut body = watched(Body::from(vec![b'x'; 40_000]), &taking);
        assert_eq!(body.size_hint().exact(), Some(40_000));
        assert_eq!(taking.progress(), Some(0));
        let mut pieces = Vec::new();
        while let Some(frame) = body.frame().now_or_never().unwrap() {
            pieces.push(frame.unwrap().into_data().unwrap());
            let left = 40_000 - pieces.iter().map(Bytes::len).sum::<usize>();
            assert_eq!(body.size_hint().exact(), Some(left as u64));
        }
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [16_384, 16_384, 7_232]);
        drop(body);
        while let Some(piece) = pieces.pop() {
            let before = taking.progress();
            assert!(before.is_some(), "a piece that is held is waited for");
            drop(piece);
            assert_ne!(taking.progress(), before);
        }
        assert_eq!(taking.progress(), None);
        assert!(watched(Body::empty(), &taking).is_end_stream());
        assert_eq!(taking.progress(), None);
    }

    #[test]
    fn a_client_is_not_waited_for_while_the_answer_is_still_made() {
        let taking: Arc<Taking> = Arc::default();
        let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let mut body = watched(Body::from_stream(never), &taking);
        assert!(body.frame().now_or_never().is_none());
        assert_eq!(taking.progress(), None);
    }
}
