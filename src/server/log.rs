//! The log: lines on standard error, written by a thread of their own.
//!
//! A reader that does not read must not stop the hub, so lines wait in a bounded queue, and are
//! counted and dropped where it is full.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::error::{HubError, crash};

/// Lines that may wait.
const QUEUE: usize = 4_096;
/// Longest line, in bytes; what is longer is cut.
const LINE_LIMIT: usize = 16_384;
/// Bytes that are written at once.
const CHUNK: usize = 65_536;
/// How long the end of the program waits for the last lines.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what will.
    Warn,
    /// And every request.
    Info,
    /// And what the hub does about it.
    Debug,
    /// Everything.
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions {
    /// How lines look.
    pub format: LogFormat,
    /// How much is told.
    pub level: LogLevel,
    /// Whether lines may have colours.
    pub color: bool,
}

enum Message {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

/// The log of this process; keep it until the end.
#[derive(Debug, Clone)]
pub struct Log {
    lines: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Log {
    /// Takes over the log of this process and the reports of panics.
    ///
    /// # Errors
    /// When the thread can't be started, or another log is there already.
    pub fn start(options: LogOptions) -> Result<Self, HubError> {
        let text = "the log can't be started";
        let (lines, queue) = sync_channel(QUEUE);
        let log = Self { lines, dropped: Arc::default() };
        let dropped = Arc::clone(&log.dropped);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_lines(&queue, io::stderr(), &dropped))
            .map_err(HubError::internal(text))?;
        let level = LevelFilter::from(options.level);
        let filter = tracing_subscriber::filter::Targets::new()
            .with_target("hubctl", level)
            // Libraries below tell too much of what is normal on the open network.
            .with_default(level.min(LevelFilter::WARN));
        let base = tracing_subscriber::registry().with(filter);
        let layer = tracing_subscriber::fmt::layer().with_writer(log.clone());
        match options.format {
            LogFormat::Json => tracing::subscriber::set_global_default(
                base.with(layer.json().flatten_event(true).with_current_span(false)),
            ),
            LogFormat::Text => {
                tracing::subscriber::set_global_default(base.with(layer.with_ansi(options.color)))
            }
        }
        .map_err(HubError::internal(text))?;
        report_panics();
        Ok(log)
    }

    /// How many lines were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until every line is written, but not for ever.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.lines.try_send(Message::Flush(done)).is_ok() {
            _ = wait.recv_timeout(FLUSH_LIMIT);
        }
    }
}

/// A panic is told once, in the log alone.
fn report_panics() {
    std::panic::set_hook(Box::new(|info| {
        let (place, text) = (crash::place(info), crash::text(info.payload()));
        tracing::error!(target: "hubctl::panic", place, "panicked: {text}");
    }));
}

fn write_lines(queue: &Receiver<Message>, mut to: impl Write, dropped: &AtomicU64) {
    let mut chunk = Vec::with_capacity(CHUNK);
    while let Ok(first) = queue.recv() {
        let (mut flushed, mut lines) = (Vec::new(), 0);
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Line(line) => {
                    chunk.extend_from_slice(&line);
                    lines += 1;
                }
                Message::Flush(done) => flushed.push(done),
            }
            next = if chunk.len() < CHUNK { queue.try_recv().ok() } else { None };
        }
        // That standard error does not work can be told by the number alone.
        if to.write_all(&chunk).is_err() {
            dropped.fetch_add(lines, Ordering::Relaxed);
        }
        chunk.clear();
        for done in flushed {
            _ = done.send(());
        }
    }
}

/// One line on its way.
#[derive(Debug)]
pub struct Line<'a> {
    log: &'a Log,
    text: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = LINE_LIMIT.saturating_sub(self.text.len());
        self.text.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let mut text = std::mem::take(&mut self.text);
        if text.is_empty() {
            return;
        }
        if text.last() != Some(&b'\n') {
            text.push(b'\n');
        }
        if self.log.lines.try_send(Message::Line(text)).is_err() {
            self.log.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { log: self, text: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::{AtomicU64, Message, Write, io, sync_channel, write_lines};

    /// Nobody reads there any more.
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_standard_error_does_not_take_are_counted() {
        let dropped = |to: &mut dyn Write| {
            let (lines, queue) = sync_channel(3);
            for _ in 0..3 {
                lines.send(Message::Line(b"x\n".to_vec())).unwrap();
            }
            drop(lines);
            let dropped = AtomicU64::new(0);
            write_lines(&queue, to, &dropped);
            dropped.into_inner()
        };
        assert_eq!(dropped(&mut Closed), 3);
        let mut taken = Vec::new();
        assert_eq!(dropped(&mut taken), 0);
        assert_eq!(taken, b"x\nx\nx\n");
    }
}
