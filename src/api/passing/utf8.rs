//! Whether bytes that come in pieces are UTF-8.

use super::Broken;

/// What a character that is split between two pieces leaves behind.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Utf8 {
    begun: [u8; 4],
    length: usize,
}

impl Utf8 {
    /// Looks at the next piece.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), Broken> {
        let mut rest = piece;
        while self.length > 0 {
            let Some((byte, after)) = rest.split_first() else { return Ok(()) };
            self.begun[self.length] = *byte;
            self.length += 1;
            rest = after;
            match std::str::from_utf8(&self.begun[..self.length]) {
                Ok(_) => self.length = 0,
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(Broken),
            }
        }
        match std::str::from_utf8(rest) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_none() => {
                let begun = &rest[error.valid_up_to()..];
                self.begun[..begun.len()].copy_from_slice(begun);
                self.length = begun.len();
                Ok(())
            }
            Err(_) => Err(Broken),
        }
    }

    /// Looks at the end.
    pub(super) const fn finish(self) -> Result<(), Broken> {
        if self.length == 0 { Ok(()) } else { Err(Broken) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Utf8;

    fn is_text(pieces: &[&[u8]]) -> bool {
        let mut text = Utf8::default();
        pieces.iter().all(|piece| text.push(piece).is_ok()) && text.finish().is_ok()
    }

    proptest! {
        #[test]
        fn pieces_are_judged_as_the_whole(
            text in prop_oneof![any::<String>().prop_map(String::into_bytes),
                                prop::collection::vec(any::<u8>(), 0..24)],
            size in 1_usize..5,
        ) {
            let pieces: Vec<&[u8]> = text.chunks(size).collect();
            prop_assert_eq!(is_text(&pieces), std::str::from_utf8(&text).is_ok());
        }
    }
}
