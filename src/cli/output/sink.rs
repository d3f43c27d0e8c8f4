//! Where bytes go: standard output or error without the library's line buffering, or memory.
//!
//! A closed pipe is remembered and otherwise no error: who reads has had enough.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::{HubError, codes};

/// Bytes kept in memory instead of being written, for tests and embedding.
#[derive(Debug, Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// What was written so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

#[derive(Debug)]
enum Target {
    File(File),
    Memory(Captured),
}

/// One of the two streams of a process.
#[derive(Debug)]
pub(super) struct Sink {
    target: Target,
    broken: AtomicBool,
}

impl Sink {
    pub(super) fn stdout() -> Result<Self, HubError> {
        duplicate(&io::stdout()).map(Self::file).map_err(|error| failed("standard output", error))
    }

    pub(super) fn stderr() -> Result<Self, HubError> {
        duplicate(&io::stderr()).map(Self::file).map_err(|error| failed("standard error", error))
    }

    pub(super) fn file(file: File) -> Self {
        Self { target: Target::File(file), broken: AtomicBool::new(false) }
    }

    pub(super) fn memory(captured: Captured) -> Self {
        Self { target: Target::Memory(captured), broken: AtomicBool::new(false) }
    }

    /// Whether the other end was closed.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Whether the other end is closed, or will be within this time: a pipe that nothing is written
    /// to does not tell otherwise.
    #[cfg(unix)]
    pub(super) fn closes_within(&self, time: Duration) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let Target::File(file) = &self.target else { return self.waits(time) };
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        let limit = Timespec { tv_sec: seconds, tv_nsec: i64::from(time.subsec_nanos()) };
        // Nothing is asked for: what ends a stream is always told.
        let mut watched = [PollFd::new(file, PollFlags::empty())];
        let woken = poll(&mut watched, Some(&limit));
        let is_closed = watched[0].revents().intersects(PollFlags::ERR | PollFlags::HUP);
        match woken {
            Ok(0) => {}
            Ok(_) if is_closed => self.broken.store(true, Ordering::Relaxed),
            _ => return self.waits(time),
        }
        self.is_broken()
    }

    /// The same where only a write tells.
    #[cfg(not(unix))]
    pub(super) fn closes_within(&self, time: Duration) -> bool {
        self.waits(time)
    }

    fn waits(&self, time: Duration) -> bool {
        #[expect(clippy::disallowed_methods, reason = "looking again after a while was asked for")]
        std::thread::sleep(time);
        self.is_broken()
    }

    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), HubError> {
        if self.is_broken() {
            return Ok(());
        }
        let result = match &self.target {
            Target::File(file) => write_all(file, bytes),
            Target::Memory(captured) => {
                let mut memory = captured.0.lock().unwrap_or_else(PoisonError::into_inner);
                memory.extend_from_slice(bytes);
                Ok(())
            }
        };
        self.judge(result)
    }

    /// Copies the file from its start; the kernel does it where it can.
    pub(super) fn copy_from(&self, file: &mut File) -> Result<(), HubError> {
        file.seek(SeekFrom::Start(0)).map_err(|error| failed("a temporary file", error))?;
        let result = match &self.target {
            Target::File(out) => io::copy(file, &mut &*out).map(drop),
            Target::Memory(captured) => {
                let mut memory = captured.0.lock().unwrap_or_else(PoisonError::into_inner);
                file.read_to_end(&mut memory).map(drop)
            }
        };
        self.judge(result)
    }

    fn judge(&self, result: io::Result<()>) -> Result<(), HubError> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.broken.store(true, Ordering::Relaxed);
                Ok(())
            }
            other => other.map_err(|error| failed("standard output", error)),
        }
    }
}

/// Writes everything, waiting where the stream was set not to block.
fn write_all(mut file: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(unix)]
fn duplicate(stream: &impl std::os::fd::AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn duplicate(stream: &impl std::os::windows::io::AsHandle) -> io::Result<File> {
    stream.as_handle().try_clone_to_owned().map(File::from)
}

/// The refusal of the system to take what was written.
pub(super) fn failed(what: &str, error: io::Error) -> HubError {
    let reason = error.to_string();
    let reason = reason.split(" (os error").next().unwrap_or_default().to_owned();
    HubError::new(&codes::OUTPUT_FAILED, format!("cannot write to {what}: {reason}")).source(error)
}
