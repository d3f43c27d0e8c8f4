//! Keeps a document until it is whole: in memory while it is small, then in an unnamed file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use crate::error::{HubError, codes};

use super::sink::{Sink, failed};

/// What is kept in memory before a file takes over, and between two writes to it. It fits into a
/// processor's own cache, where it is made and written faster than in main memory.
pub(super) const MEMORY: usize = 512 << 10;
/// What a record may go beyond that before memory is asked for.
const SLACK: usize = 64 << 10;

/// A document in the making.
#[derive(Debug)]
pub(super) struct Spool {
    /// Appended to directly; `settle` follows each record.
    pub(super) buffer: Vec<u8>,
    spill: Option<Spill>,
}

/// Writes to the file while the next part of the document is made.
#[derive(Debug)]
struct Spill {
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    writer: JoinHandle<io::Result<File>>,
}

impl Spool {
    pub(super) fn new() -> Self {
        Self { buffer: Vec::new(), spill: None }
    }

    /// Moves the memory to the file if it is more than may stay.
    #[inline]
    pub(super) fn settle(&mut self) -> Result<(), HubError> {
        match self.buffer.len() {
            length if length >= MEMORY => self.spill(),
            length if length >= MEMORY / 2 && self.buffer.capacity() < MEMORY => {
                // All at once from here: doubling would end at twice as much.
                self.buffer.reserve_exact(MEMORY + SLACK - length);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    #[cold]
    fn spill(&mut self) -> Result<(), HubError> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill::new().map_err(unkept)?),
        };
        let next = spill.empty.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.buffer, next);
        if spill.full.send(full).is_err() {
            // The writer has ended, which it does before its time only with an error.
            self.close()?;
        }
        Ok(())
    }

    /// The file with all that was spilt, if any was.
    fn close(&mut self) -> Result<Option<File>, HubError> {
        self.spill.take().map(Spill::close).transpose()
    }

    /// Writes everything out.
    pub(super) fn finish(mut self, sink: &Sink) -> Result<(), HubError> {
        if self.spill.is_some() && !self.buffer.is_empty() {
            self.spill()?;
        }
        match self.close()? {
            Some(mut file) => sink.copy_from(&mut file),
            None => sink.write(&self.buffer),
        }
    }

    /// Everything in memory, for what needs the whole document at once.
    pub(super) fn into_bytes(mut self) -> Result<Vec<u8>, HubError> {
        if let Some(mut file) = self.close()? {
            let mut whole = Vec::new();
            file.seek(SeekFrom::Start(0))
                .and_then(|_| file.read_to_end(&mut whole))
                .map_err(unkept)?;
            whole.append(&mut self.buffer);
            return Ok(whole);
        }
        Ok(self.buffer)
    }
}

impl Spill {
    fn new() -> io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        // One part waits while one is written and one is made.
        let (full, parts) = sync_channel::<Vec<u8>>(1);
        let (back, empty) = channel();
        let writer = Builder::new().name("spool".to_owned()).spawn(move || {
            for mut part in parts {
                file.write_all(&part)?;
                part.clear();
                // Nobody waits for the last ones.
                _ = back.send(part);
            }
            Ok(file)
        })?;
        Ok(Self { full, empty, writer })
    }

    fn close(self) -> Result<File, HubError> {
        drop(self.full);
        match self.writer.join() {
            Ok(written) => written.map_err(unkept),
            Err(_) => Err(HubError::new(&codes::INTERNAL, "the answer could not be kept")),
        }
    }
}

fn unkept(error: io::Error) -> HubError {
    failed("a temporary file", error)
}

#[cfg(test)]
mod tests {
    use super::super::sink::{Captured, Sink};
    use super::{MEMORY, SLACK, Spool};

    #[test]
    fn a_large_document_keeps_little_in_memory_and_comes_out_whole() {
        let mut spool = Spool::new();
        let record = [b'x'; 1000];
        for _ in 0..20_000 {
            spool.buffer.extend_from_slice(&record);
            spool.settle().unwrap();
            assert!(spool.buffer.len() < MEMORY);
        }
        assert!(spool.spill.is_some());
        assert!(spool.buffer.capacity() <= MEMORY + SLACK);
        let captured = Captured::default();
        spool.finish(&Sink::memory(captured.clone())).unwrap();
        assert_eq!(captured.text().len(), 20_000_000);
    }

    #[test]
    fn a_small_document_needs_no_file() {
        let mut spool = Spool::new();
        spool.buffer.extend_from_slice(b"{}\n");
        spool.settle().unwrap();
        assert!(spool.spill.is_none());
        assert_eq!(spool.into_bytes().unwrap(), b"{}\n");
    }
}
