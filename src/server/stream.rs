//! A connection's bytes: plain or TLS, with the time-outs that the HTTP library does not have.
//!
//! The library answers what is no HTTP at all, or has headers without end, with a status and
//! nothing else. Such an answer is replaced here by one with the contract's body.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::server::TlsStream;

use super::taking::Taking;

/// How long a client may take nothing of an answer.
pub(super) const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// What connection and requests know of one another.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Whether a request has arrived.
    pub(super) has_asked: AtomicBool,
    /// Requests so far.
    pub(super) requests: AtomicU32,
    /// Answers over HTTP/2.
    pub(super) taking: Arc<Taking>,
}

/// The two kinds.
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Writes the answer to what could not be understood, from its status.
pub(super) type Malformed = Arc<dyn Fn(u16) -> Vec<u8> + Send + Sync>;

/// A connection's bytes.
pub(super) struct Stream {
    wire: Wire,
    activity: Arc<Activity>,
    /// Ends a connection that has not asked anything by then.
    first: Option<Pin<Box<Sleep>>>,
    stall: Option<Pin<Box<Sleep>>>,
    malformed: Malformed,
    /// An answer that takes the place of the library's: its bytes, those written, and the length
    /// of what it replaces.
    instead: Option<(Vec<u8>, usize, usize)>,
}

impl Stream {
    pub(super) fn new(
        wire: Wire,
        activity: Arc<Activity>,
        first_limit: Duration,
        malformed: Malformed,
    ) -> Self {
        let first = Some(Box::pin(sleep_until(Instant::now() + first_limit)));
        Self { wire, activity, first, stall: None, malformed, instead: None }
    }

    fn wire(&mut self) -> Pin<&mut (dyn Both + '_)> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream),
            Wire::Tls(stream) => Pin::new(&mut **stream),
        }
    }

    /// Lets an operation that waits for the client wait no longer than the limit.
    fn bounded<T>(
        &mut self,
        context: &mut Context<'_>,
        done: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.stall = None;
            return done;
        }
        let stall =
            self.stall.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + WRITE_LIMIT)));
        ready!(stall.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn write_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<usize>>> {
        while let Some((bytes, done, replaced)) = self.instead.take() {
            if done == bytes.len() {
                return Poll::Ready(Ok(Some(replaced)));
            }
            let written = self.wire().poll_write(context, &bytes[done..]);
            let written = self.bounded(context, written);
            let now = match &written {
                Poll::Ready(Ok(count)) => done + count,
                _ => done,
            };
            self.instead = Some((bytes, now, replaced));
            if ready!(written)? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(None))
    }
}

trait Both: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Both for T {}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let read = this.wire().poll_read(context, buffer);
        if this.first.is_some() && this.activity.has_asked.load(Ordering::Relaxed) {
            this.first = None;
        }
        if read.is_pending()
            && let Some(first) = &mut this.first
        {
            ready!(first.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.instead.is_none()
            && let Some(status) = bare_refusal(bytes)
        {
            this.instead = Some(((this.malformed)(status), 0, bytes.len()));
        }
        if let Some(replaced) = ready!(this.write_instead(context))? {
            return Poll::Ready(Ok(replaced));
        }
        let done = this.wire().poll_write(context, bytes);
        this.bounded(context, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // What the library writes by itself comes in one part.
        if let [only] = parts {
            return self.poll_write(context, only);
        }
        let this = &mut *self;
        let done = this.wire().poll_write_vectored(context, parts);
        this.bounded(context, done)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.wire {
            Wire::Plain(stream) => stream.is_write_vectored(),
            Wire::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = self.wire().poll_flush(context);
        self.bounded(context, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = self.wire().poll_shutdown(context);
        self.bounded(context, done)
    }
}

/// The status of an answer that the library made by itself: a head alone, without the request id
/// that every answer of the hub has.
fn bare_refusal(bytes: &[u8]) -> Option<u16> {
    if !bytes.starts_with(b"HTTP/1.1 4") || !bytes.ends_with(b"\r\n\r\n") || bytes.len() > 512 {
        return None;
    }
    let head = std::str::from_utf8(bytes).ok()?;
    if head.contains("\r\nx-request-id:") || !head.contains("\r\ncontent-length: 0\r\n") {
        return None;
    }
    head.get(9..12)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::bare_refusal;

    #[test]
    fn only_the_librarys_own_refusals_are_replaced() {
        let bare = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\
                    content-length: 0\r\ndate: x\r\n\r\n";
        assert_eq!(bare_refusal(bare.as_bytes()), Some(431));
        let ours = bare.replace("date", "x-request-id");
        assert_eq!(bare_refusal(ours.as_bytes()), None);
        assert_eq!(bare_refusal(bare.replace("431", "204").as_bytes()), None);
        assert_eq!(bare_refusal(b"HTTP/1.1 4"), None);
    }
}
