//! Keeps a document until it is whole: in memory while it is small, then in an unnamed file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use crate::error::HubError;

use super::sink::{Sink, failed};

/// What is kept in memory at most before a file takes over.
pub(super) const MEMORY: usize = 4 << 20;
/// What is gathered between two writes to the file.
const CHUNK: usize = 256 << 10;

/// A document in the making.
#[derive(Debug)]
pub(super) struct Spool {
    /// Appended to directly; `settle` follows each record.
    pub(super) buffer: Vec<u8>,
    file: Option<File>,
}

impl Spool {
    pub(super) fn new() -> Self {
        Self { buffer: Vec::new(), file: None }
    }

    /// Moves the memory to the file if it is more than may stay.
    #[inline]
    pub(super) fn settle(&mut self) -> Result<(), HubError> {
        match self.buffer.len() {
            length if length >= MEMORY => self.spill(),
            length if length >= CHUNK && self.buffer.capacity() < MEMORY => {
                // All at once from here: doubling would end at twice as much.
                self.buffer.reserve_exact(MEMORY + CHUNK - length);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    #[cold]
    fn spill(&mut self) -> Result<(), HubError> {
        let fail = |error| failed("a temporary file", error);
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile().map_err(fail)?),
        };
        file.write_all(&self.buffer).map_err(fail)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes everything out.
    pub(super) fn finish(mut self, sink: &Sink) -> Result<(), HubError> {
        if self.file.is_some() && !self.buffer.is_empty() {
            self.spill()?;
        }
        match &mut self.file {
            Some(file) => sink.copy_from(file),
            None => sink.write(&self.buffer),
        }
    }

    /// Everything in memory, for what needs the whole document at once.
    pub(super) fn into_bytes(mut self) -> Result<Vec<u8>, HubError> {
        if let Some(mut file) = self.file.take() {
            let mut whole = Vec::new();
            file.seek(SeekFrom::Start(0))
                .and_then(|_| file.read_to_end(&mut whole))
                .map_err(|error| failed("a temporary file", error))?;
            whole.append(&mut self.buffer);
            return Ok(whole);
        }
        Ok(self.buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sink::{Captured, Sink};
    use super::{CHUNK, MEMORY, Spool};

    #[test]
    fn a_large_document_keeps_little_in_memory_and_comes_out_whole() {
        let mut spool = Spool::new();
        let record = [b'x'; 1000];
        for _ in 0..20_000 {
            spool.buffer.extend_from_slice(&record);
            spool.settle().unwrap();
            assert!(spool.buffer.len() < MEMORY);
        }
        assert!(spool.file.is_some());
        assert!(spool.buffer.capacity() <= MEMORY + 2 * CHUNK);
        let captured = Captured::default();
        spool.finish(&Sink::memory(captured.clone())).unwrap();
        assert_eq!(captured.text().len(), 20_000_000);
    }

    #[test]
    fn a_small_document_needs_no_file() {
        let mut spool = Spool::new();
        spool.buffer.extend_from_slice(b"{}\n");
        spool.settle().unwrap();
        assert!(spool.file.is_none());
        assert_eq!(spool.into_bytes().unwrap(), b"{}\n");
    }
}
