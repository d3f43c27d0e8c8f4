//! The program that a webhook tells: it takes deliveries over HTTP and checks their signatures.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver as Inbox, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::context::SystemClock;
use crate::cli::interrupts;
use crate::domain::time::Clock as _;
use crate::domain::webhook::signature::{Claims, SigningSecret, verify};
use crate::error::{HubError, codes};

use super::stage::failed;

/// Longest time that a delivery may take to come.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is asked whether the demo is to stop.
const BEAT: Duration = Duration::from_millis(20);
/// Longest time for a request to come whole, and the longest one.
const READ_PATIENCE: Duration = Duration::from_secs(5);
const LONGEST: u64 = 64 * 1024;

/// A receiver of deliveries; it ends when this is dropped.
pub(super) struct Receiver {
    /// Where it listens.
    pub(super) url: String,
    inbox: Inbox<String>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Listens on a free port of this host.
    pub(super) fn start(host: &str, secret: SigningSecret) -> Result<Self, HubError> {
        let cant = |error: io::Error| failed("no receiver for webhooks").source(error);
        let listener = TcpListener::bind((host, 0)).map_err(cant)?;
        let address = listener.local_addr().map_err(cant)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, inbox) = channel();
        let own = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if own.load(Ordering::Relaxed) {
                    return;
                }
                // Whoever breaks off is no delivery.
                _ = stream.and_then(|stream| take(&stream, &secret, &sender));
            }
        });
        Ok(Self { url: format!("http://{address}/hooks"), inbox, stop, thread: Some(thread) })
    }

    /// What the next delivery told.
    pub(super) fn next(&self) -> Result<String, HubError> {
        let until = Instant::now() + PATIENCE;
        loop {
            if interrupts::asked_to_stop() {
                return Err(HubError::new(&codes::INTERRUPTED, "stopped"));
            }
            match self.inbox.recv_timeout(BEAT) {
                Ok(told) => return Ok(told),
                Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
                Err(_) => return Err(failed("no delivery came")),
            }
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // It waits for a caller.
        let address = self.url.trim_start_matches("http://").trim_end_matches("/hooks");
        if TcpStream::connect(address).is_ok()
            && let Some(thread) = self.thread.take()
        {
            _ = thread.join();
        }
    }
}

/// Takes one delivery.
fn take(stream: &TcpStream, secret: &SigningSecret, sender: &Sender<String>) -> io::Result<()> {
    stream.set_read_timeout(Some(READ_PATIENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?).take(LONGEST);
    let (mut claims, mut length) = (Claims::default(), 0);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        claims.header(name, value);
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    let fits = verify(std::slice::from_ref(secret), &claims, &body, SystemClock.now()).is_ok();
    let status = if fits { "200 OK" } else { "400 Bad Request" };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let mut back = stream;
    back.write_all(answer.as_bytes())?;
    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |key: &str| told.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let signed = if fits { "the signature fits" } else { "the signature does not fit" };
    _ = sender.send(format!("{} of {}; {signed}", text("event"), text("record_id")));
    Ok(())
}
