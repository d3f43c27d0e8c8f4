//! A body that is passed on, and of which a copy is made on the way.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// Who is told what passed.
type Tell = Box<dyn FnOnce(Vec<u8>) + Send>;

/// A body on its way. What passed is told once: when it has ended or is given up, or as soon as
/// there is more of it than is copied.
pub(super) struct Copied {
    body: Body,
    /// Its length, where that is known.
    length: Option<u64>,
    /// How much of it is copied, in bytes; one byte more shows that there is more.
    most: usize,
    copy: Vec<u8>,
    tell: Option<Tell>,
}

impl Copied {
    pub(super) fn new(
        body: Body,
        length: Option<u64>,
        most: usize,
        tell: impl FnOnce(Vec<u8>) + Send + 'static,
    ) -> Self {
        Self { body, length, most, copy: Vec::new(), tell: Some(Box::new(tell)) }
    }

    fn take(&mut self, data: &[u8]) {
        if self.tell.is_none() {
            return;
        }
        let room = (self.most + 1).saturating_sub(self.copy.len());
        self.copy.extend_from_slice(&data[..room.min(data.len())]);
        let is_all = self.length.is_some_and(|length| self.copy.len() as u64 >= length);
        if is_all || self.copy.len() > self.most {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Some(tell) = self.tell.take() {
            tell(std::mem::take(&mut self.copy));
        }
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        self.end();
    }
}

impl http_body::Body for Copied {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.take(data);
                }
            }
            Poll::Ready(_) => self.end(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use futures_util::stream;
    use http_body_util::BodyExt as _;

    use super::*;

    /// A body of these pieces, each copied up to 4 bytes.
    fn copied(
        pieces: &'static [&'static str],
        length: Option<u64>,
    ) -> (Copied, std::sync::mpsc::Receiver<Vec<u8>>) {
        let (told, hears) = channel();
        let pieces = pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from(*piece)));
        let tell = move |copy| told.send(copy).unwrap();
        (Copied::new(Body::from_stream(stream::iter(pieces)), length, 4, tell), hears)
    }

    fn passes(body: Copied) -> Bytes {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(body.collect()).unwrap().to_bytes()
    }

    #[test]
    fn what_passes_is_told_once_and_nothing_is_held_back() {
        let cases: [(&[&str], Option<u64>, &str); 5] = [
            (&["ab", "cd"], None, "abcd"),
            (&["ab", "cd"], Some(4), "abcd"),
            (&["ab", "cd", "ef"], None, "abcde"),
            (&["abcdefgh"], Some(8), "abcde"),
            (&[], None, ""),
        ];
        for (pieces, length, copy) in cases {
            let (body, hears) = copied(pieces, length);
            assert_eq!(passes(body), pieces.concat());
            assert_eq!(hears.iter().collect::<Vec<_>>(), [copy.as_bytes()]);
        }
    }

    #[test]
    fn what_is_given_up_is_told_as_far_as_it_came() {
        let (mut body, hears) = copied(&["ab", "cd"], None);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(body.frame()).unwrap().unwrap();
        assert!(hears.try_recv().is_err());
        drop(body);
        assert_eq!(hears.recv().unwrap(), b"ab");
    }
}
