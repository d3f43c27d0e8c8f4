//! HTTP/2: a client that behaves, and one that sends exactly the frames that a test wants.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::Request;
use tokio::time::timeout;

use super::serving::{Answer, PATIENCE};

/// One connection of a client that keeps to the protocol; copies share it.
#[derive(Clone)]
pub(crate) struct Multiplexed(SendRequest<Bytes>);

/// A request that is under way.
pub(crate) struct Under {
    response: ResponseFuture,
    pub(crate) body: SendStream<Bytes>,
}

impl Multiplexed {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self::with(address, &Builder::new()).await
    }

    /// A client that takes so many bytes of each answer and no more.
    pub(crate) async fn taking(address: SocketAddr, bytes: u32) -> Self {
        Self::with(address, Builder::new().initial_window_size(bytes)).await
    }

    async fn with(address: SocketAddr, builder: &Builder) -> Self {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (client, connection) = builder.handshake(stream).await.unwrap();
        // It answers pings for as long as the server keeps the connection.
        tokio::spawn(connection);
        Self(client)
    }

    /// Sends the head of a request, and leaves its body open where `is_whole` does not end it.
    pub(crate) async fn begin(
        &self,
        request: Request<()>,
        is_whole: bool,
    ) -> Result<Under, h2::Error> {
        let ready = timeout(PATIENCE, self.0.clone().ready()).await.expect("no stream is free");
        let (response, body) = ready?.send_request(request, is_whole)?;
        Ok(Under { response, body })
    }

    pub(crate) async fn ask(&self, request: Request<()>) -> Result<Answer, h2::Error> {
        self.begin(request, true).await?.answer().await
    }

    /// Sends a request with its body.
    pub(crate) async fn send(
        &self,
        request: Request<()>,
        body: impl Into<Bytes>,
    ) -> Result<Answer, h2::Error> {
        let mut under = self.begin(request, false).await?;
        // Who is refused early need not be rid of it all.
        _ = under.body.send_data(body.into(), true);
        under.answer().await
    }
}

impl Under {
    /// The head of the answer, with its body to be read or not.
    pub(crate) async fn head(self) -> Result<http::Response<RecvStream>, h2::Error> {
        timeout(PATIENCE, self.response).await.expect("no answer came")
    }

    pub(crate) async fn answer(self) -> Result<Answer, h2::Error> {
        let (parts, mut stream) = self.head().await?.into_parts();
        let mut body = Vec::new();
        while let Some(piece) = timeout(PATIENCE, stream.data()).await.expect("it has no end") {
            let piece = piece?;
            stream.flow_control().release_capacity(piece.len())?;
            body.extend_from_slice(&piece);
        }
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        let headers: BTreeMap<String, String> = parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect();
        Ok(Answer { status: parts.status.as_u16(), headers, body })
    }
}

/// Kinds of frames.
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RESET: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;
/// Flags of frames.
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// A frame.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The reason of a reset stream, or the number that a payload begins with.
    pub(crate) fn number(&self) -> u32 {
        u32::from_be_bytes(self.payload[..4].try_into().unwrap())
    }

    /// The value of a setting.
    pub(crate) fn setting(&self, id: u16) -> Option<u32> {
        let rows = self.payload.chunks_exact(6);
        let mut rows = rows.filter(|row| row[..2] == id.to_be_bytes());
        rows.next().map(|row| u32::from_be_bytes(row[2..].try_into().unwrap()))
    }
}

/// The bytes of a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The head of a request, compressed by nothing but the table that every client has.
pub(crate) fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    // `:scheme: http` is number 6, `:authority` 1, `:path` 4 and `:method` 2.
    let mut block = vec![0x86];
    for (name, value) in [(1, "hub"), (4, path), (2, method)] {
        block.push(name);
        text(&mut block, value);
    }
    for (name, value) in headers {
        block.push(0);
        text(&mut block, name);
        text(&mut block, value);
    }
    block
}

/// A text as it is, with its length before it.
pub(crate) fn text(block: &mut Vec<u8>, value: &str) {
    match u8::try_from(value.len()) {
        Ok(length) if length < 127 => block.push(length),
        _ => {
            block.push(127);
            let mut rest = value.len() - 127;
            while rest > 127 {
                block.push(u8::try_from(rest % 128).unwrap() | 128);
                rest /= 128;
            }
            block.push(u8::try_from(rest).unwrap());
        }
    }
    block.extend_from_slice(value.as_bytes());
}

/// One connection, frame by frame.
pub(crate) struct Raw(TcpStream);

impl Raw {
    /// Greets the server and answers its settings.
    pub(crate) fn to(address: SocketAddr) -> (Self, Frame) {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut raw = Self(stream);
        raw.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        raw.send(&frame(SETTINGS, 0, 0, &[])).unwrap();
        let settings = raw.until(|frame| frame.kind == SETTINGS);
        (raw, settings)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// The next frame; settings and pings are answered.
    pub(crate) fn next(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head)?;
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
        let mut payload = vec![0; usize::try_from(number(&head[..3])).unwrap()];
        self.0.read_exact(&mut payload)?;
        let (kind, flags, stream) = (head[3], head[4], number(&head[5..]));
        if matches!(kind, SETTINGS | PING) && flags & ACK == 0 {
            let answer: &[u8] = if kind == PING { &payload } else { &[] };
            self.send(&frame(kind, ACK, 0, answer))?;
        }
        Ok(Frame { kind, flags, stream, payload })
    }

    /// Reads on to a frame that fits.
    #[track_caller]
    pub(crate) fn until(&mut self, fits: impl Fn(&Frame) -> bool) -> Frame {
        loop {
            let frame = self.next().unwrap();
            let is_ack = frame.kind == SETTINGS && frame.flags & ACK != 0;
            if !is_ack && fits(&frame) {
                return frame;
            }
        }
    }

    /// Waits for the server to close the connection: its reason, where that still arrives.
    #[track_caller]
    pub(crate) fn end(&mut self) -> Option<u32> {
        let mut reason = None;
        loop {
            match self.next() {
                Ok(frame) if frame.kind == GOAWAY => {
                    reason = frame.payload[4..8].try_into().ok().map(u32::from_be_bytes);
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => panic!("it stays"),
                Err(_) => return reason,
            }
        }
    }
}
