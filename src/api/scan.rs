//! Looks through text eight bytes at a time: a list of a million rows is looked through a byte at
//! a time otherwise, which takes longer than writing it.

/// One in each byte.
const ONES: u64 = u64::from_le_bytes([1; 8]);
/// The highest bit of each byte.
const HIGH: u64 = ONES << 7;

/// Whether every byte is visible ASCII or a space.
#[inline]
#[must_use]
pub fn is_visible_ascii(text: &[u8]) -> bool {
    has_none(text, |word| (word & HIGH) | below_space(word) | is(word, 0x7f))
}

/// Whether a JSON string can have the text as it is.
#[inline]
#[must_use]
pub fn is_json_literal(text: &[u8]) -> bool {
    has_none(text, |word| below_space(word) | is(word, b'"') | is(word, b'\\'))
}

#[expect(clippy::inline_always, reason = "the test of a word is a few instructions")]
#[inline(always)]
fn has_none(text: &[u8], find: impl Fn(u64) -> u64) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let mut found = words.iter().fold(0, |found, word| found | find(u64::from_le_bytes(*word)));
    if !rest.is_empty() {
        // The last eight bytes once more, or a short text between spaces.
        let last = text.last_chunk::<8>().copied().unwrap_or_else(|| {
            let mut short = [b' '; 8];
            short.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            short
        });
        found |= find(u64::from_le_bytes(last));
    }
    found == 0
}

/// Not zero if a byte is a control sign. Only bytes above one that is may be taken for one.
#[inline]
const fn below_space(word: u64) -> u64 {
    word.wrapping_sub(ONES * 0x20) & !word & HIGH
}

/// Not zero if a byte is this one.
#[inline]
const fn is(word: u64, byte: u8) -> u64 {
    let zero = word ^ (ONES * byte as u64);
    zero.wrapping_sub(ONES) & !zero & HIGH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{is_json_literal, is_visible_ascii};

    fn same(text: &[u8]) {
        let visible = text.iter().all(|byte| matches!(byte, b' '..=b'~'));
        assert_eq!(is_visible_ascii(text), visible, "{text:?}");
        let literal = !text.iter().any(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\'));
        assert_eq!(is_json_literal(text), literal, "{text:?}");
    }

    #[test]
    fn every_byte_is_seen_at_every_place() {
        for length in 0..40 {
            let plain = vec![b'a'; length];
            same(&plain);
            for at in 0..length {
                for byte in 0..=255 {
                    let mut text = plain.clone();
                    text[at] = byte;
                    same(&text);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_alike(text in prop::collection::vec(any::<u8>(), 0..64)) {
            same(&text);
        }
    }
}
