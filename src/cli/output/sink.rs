//! Where bytes go: standard output or error without the library's line buffering, or memory.
//!
//! A closed pipe is remembered and otherwise no error: who reads has had enough.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
