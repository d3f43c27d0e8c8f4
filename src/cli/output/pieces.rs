//! A text that arrives piece by piece, and is written as it comes.

use crate::error::HubError;

use super::{Output, clean};

/// A text of which not all is there yet.
#[derive(Debug)]
pub struct Pieces<'o> {
    output: &'o Output,
    /// The beginning of a character, of which the rest comes with the next piece.
    rest: Vec<u8>,
    /// Whether the line that was written last has no end.
    is_open: bool,
}

impl Output {
    /// Bytes as they are, for programs; a terminal gets them as one text, with a line end.
    pub fn pieces(&self) -> Pieces<'_> {
        Pieces { output: self, rest: Vec::new(), is_open: false }
    }
}

impl Pieces<'_> {
    /// Writes the next piece.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), HubError> {
        if !self.output.options.stdout_is_terminal {
            return self.output.stdout.write(piece);
        }
        self.rest.extend_from_slice(piece);
        self.show(self.rest.len() - unfinished(&self.rest))
    }

    /// Writes what is left, and the end of the last line.
    pub fn finish(mut self) -> Result<(), HubError> {
        self.show(self.rest.len())?;
        if self.is_open { self.output.stdout.write(b"\n") } else { Ok(()) }
    }

    /// Writes so many bytes as text.
    fn show(&mut self, count: usize) -> Result<(), HubError> {
        let Some(last) = count.checked_sub(1) else { return Ok(()) };
        self.is_open = self.rest.get(last) != Some(&b'\n');
        let bytes: Vec<u8> = self.rest.drain(..count).collect();
        let text = String::from_utf8_lossy(&bytes);
        self.output.stdout.write(clean::lines(&text).as_bytes())
    }
}

/// How many bytes at the end are the beginning of a character.
fn unfinished(bytes: &[u8]) -> usize {
    let is_begun = |count: &usize| {
        let end = &bytes[bytes.len() - count..];
        let read = std::str::from_utf8(end);
        read.is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (1..=bytes.len().min(3)).find(is_begun).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::unfinished;
    use crate::cli::output::{Output, OutputOptions};
    use crate::domain::time::Timestamp;

    fn written(bytes: &[u8], step: usize, is_terminal: bool) -> String {
        let pipe = OutputOptions::pipe(Timestamp::from_millis(0));
        let options = OutputOptions { stdout_is_terminal: is_terminal, ..pipe };
        let (output, stdout, _) = Output::captured(options).unwrap();
        let mut pieces = output.pieces();
        for piece in bytes.chunks(step) {
            pieces.push(piece).unwrap();
        }
        pieces.finish().unwrap();
        stdout.text()
    }

    #[test]
    fn a_terminal_gets_one_text_however_it_is_cut() {
        let text = "Zażółć\n日本 𝒳 \x1b[2J end";
        for step in 1..text.len() {
            let shown = "Zażółć\n日本 𝒳 \\u{1b}[2J end\n";
            assert_eq!(written(text.as_bytes(), step, true), shown, "{step}");
            assert_eq!(written(b"one\n", step, true), "one\n");
            assert_eq!(written("a\u{e9}".as_bytes(), step, false), "a\u{e9}");
            // What is no text at all is marked once for each byte.
            assert_eq!(written(b"\xff\xfea\xe6\x97", step, true), "\u{fffd}\u{fffd}a\u{fffd}\n");
        }
        assert_eq!(written(b"", 1, true), "");
    }

    #[test]
    fn only_a_character_that_may_still_end_is_kept_back() {
        for (bytes, expected) in [
            (&b""[..], 0),
            (b"a", 0),
            (b"\xc3", 1),
            (b"a\xe6\x97", 2),
            (b"\xf0\x9d\x92", 3),
            (b"\xe6\x97\xa5", 0),
            (b"\xff", 0),
            (b"\x97\x97\x97", 0),
            (b"\xc3a", 0),
        ] {
            assert_eq!(unfinished(bytes), expected, "{bytes:?}");
        }
    }
}
