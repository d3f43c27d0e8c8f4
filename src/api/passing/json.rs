//! Whether bytes that come in pieces are one JSON document (RFC 8259), without holding it.

use super::Broken;
use super::utf8::Utf8;

/// Deepest nesting that is passed on: a level costs a byte here, and most readers far more.
const MOST_DEPTH: usize = 4_096;

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A value; `close` where the array may end instead.
    Value { close: bool },
    /// A name; `close` where the object may end instead.
    Name { close: bool },
    /// The colon behind a name.
    Colon,
    /// A comma or the end of what the value is in.
    After,
    /// More of a text.
    Text { is_name: bool },
    /// What a backslash escapes.
    Escape { is_name: bool },
    /// Hexadecimal digits that are still to come.
    Hex { is_name: bool, left: u8 },
    /// More of a number.
    Number(Number),
    /// The rest of `true`, `false` or `null`.
    Word(&'static [u8]),
}

/// Where in a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

impl Number {
    const fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus | Self::Whole, b'0'..=b'9') => Self::Whole,
            (Self::Zero | Self::Whole, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Self::Exponent,
            (Self::Exponent, b'+' | b'-') => Self::Sign,
            (Self::Exponent | Self::Sign | Self::Power, b'0'..=b'9') => Self::Power,
            _ => return None,
        })
    }

    const fn is_whole(self) -> bool {
        matches!(self, Self::Zero | Self::Whole | Self::Fraction | Self::Power)
    }
}

/// A document that is being looked at.
#[derive(Debug)]
pub(super) struct Json {
    state: State,
    /// What the place is in, the innermost last: whether it is an object.
    within: Vec<bool>,
    text: Utf8,
}

impl Default for Json {
    fn default() -> Self {
        Self { state: State::Value { close: false }, within: Vec::new(), text: Utf8::default() }
    }
}

impl Json {
    /// Looks at the next piece.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), Broken> {
        self.text.push(piece)?;
        let mut at = 0;
        while let Some(byte) = piece.get(at) {
            if let State::Text { .. } = self.state {
                // Most of a document is text.
                let plain = |byte: &u8| *byte >= b' ' && !matches!(byte, b'"' | b'\\');
                at += piece[at..].iter().take_while(|byte| plain(byte)).count();
                let Some(byte) = piece.get(at) else { break };
                self.byte(*byte)?;
            } else {
                self.byte(*byte)?;
            }
            at += 1;
        }
        Ok(())
    }

    /// Looks at the end.
    pub(super) fn finish(self) -> Result<(), Broken> {
        let ended = match self.state {
            State::After => true,
            State::Number(number) => number.is_whole(),
            _ => false,
        };
        if ended && self.within.is_empty() { self.text.finish() } else { Err(Broken) }
    }

    fn byte(&mut self, byte: u8) -> Result<(), Broken> {
        let is_space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.state = match self.state {
            State::Number(number) => match number.after(byte) {
                Some(number) => State::Number(number),
                None if number.is_whole() => {
                    self.state = State::After;
                    return self.byte(byte);
                }
                None => return Err(Broken),
            },
            State::Text { is_name } => match byte {
                b'"' if is_name => State::Colon,
                b'"' => State::After,
                b'\\' => State::Escape { is_name },
                b' '.. => State::Text { is_name },
                _ => return Err(Broken),
            },
            State::Escape { is_name } => match byte {
                b'u' => State::Hex { is_name, left: 4 },
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => State::Text { is_name },
                _ => return Err(Broken),
            },
            State::Hex { is_name, left } if byte.is_ascii_hexdigit() => match left {
                1 => State::Text { is_name },
                left => State::Hex { is_name, left: left - 1 },
            },
            State::Word(rest) => match rest.split_first() {
                Some((next, [])) if *next == byte => State::After,
                Some((next, rest)) if *next == byte => State::Word(rest),
                _ => return Err(Broken),
            },
            state if is_space && !matches!(state, State::Hex { .. }) => state,
            State::Value { close } => self.value(byte, close)?,
            State::Name { close } => match byte {
                b'"' => State::Text { is_name: true },
                b'}' if close => self.close(true)?,
                _ => return Err(Broken),
            },
            State::Colon if byte == b':' => State::Value { close: false },
            State::After => match (byte, self.within.last()) {
                (b',', Some(true)) => State::Name { close: false },
                (b',', Some(false)) => State::Value { close: false },
                (b'}', _) => self.close(true)?,
                (b']', _) => self.close(false)?,
                _ => return Err(Broken),
            },
            State::Hex { .. } | State::Colon => return Err(Broken),
        };
        Ok(())
    }

    fn value(&mut self, byte: u8, close: bool) -> Result<State, Broken> {
        Ok(match byte {
            b'{' | b'[' if self.within.len() >= MOST_DEPTH => return Err(Broken),
            b'{' => {
                self.within.push(true);
                State::Name { close: true }
            }
            b'[' => {
                self.within.push(false);
                State::Value { close: true }
            }
            b']' if close => self.close(false)?,
            b'"' => State::Text { is_name: false },
            b'-' => State::Number(Number::Minus),
            b'0' => State::Number(Number::Zero),
            b'1'..=b'9' => State::Number(Number::Whole),
            b't' => State::Word(b"rue"),
            b'f' => State::Word(b"alse"),
            b'n' => State::Word(b"ull"),
            _ => return Err(Broken),
        })
    }

    fn close(&mut self, is_object: bool) -> Result<State, Broken> {
        if self.within.pop() == Some(is_object) { Ok(State::After) } else { Err(Broken) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Json, MOST_DEPTH};

    fn is_json(text: &[u8], size: usize) -> bool {
        let mut json = Json::default();
        text.chunks(size).all(|piece| json.push(piece).is_ok()) && json.finish().is_ok()
    }

    fn same(text: &[u8]) {
        // Lone halves of a pair of surrogates are text to the grammar, and none to the library.
        let expected = serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
            && std::str::from_utf8(text).is_ok();
        for size in [1, 2, 3, 7, 1_000] {
            let shown = String::from_utf8_lossy(text);
            assert_eq!(is_json(text, size), expected, "{shown} in pieces of {size}");
        }
    }

    #[test]
    fn documents_and_what_is_none_are_told_apart() {
        for text in [
            "",
            " ",
            "null",
            " true ",
            "false",
            "nul",
            "nulll",
            "tru e",
            "0",
            "-0",
            "01",
            "1.",
            "1.5",
            ".5",
            "-",
            "1e",
            "1e5",
            "1E+5",
            "1e-",
            "1.5e-3",
            "1 2",
            "\"\"",
            "\"a",
            "\"\\n\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12ab\"",
            "\"\\u 12ab\"",
            "\"a\nb\"",
            "[]",
            "[ ]",
            "[1]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1,2]",
            "[[]]",
            "[}",
            "{}",
            "{ }",
            "{\"a\":1}",
            "{\"a\" : [ 1 , {} ] }",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{a:1}",
            "{1:2}",
            "{\"a\":1 \"b\":2}",
            "{\"a\":1,\"b\":null}",
            "{]",
            "]",
            "}",
            "\u{feff}1",
            "[\"é\"]",
            "é",
            "1\0",
            "[1]x",
        ] {
            same(text.as_bytes());
        }
        same(b"[\"\xff\"]");
        same(b"[\"\xc3\"]");
    }

    #[test]
    fn threat_22_depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(is_json(nested(MOST_DEPTH).as_bytes(), 100));
        assert!(!is_json(nested(MOST_DEPTH + 1).as_bytes(), 100));
    }

    proptest! {
        #[test]
        fn any_text_is_judged_as_the_library_judges_it(
            text in r#"[\[\]{}:,"\\ntrue0-9.eE+ é-]{0,24}"#
        ) {
            same(text.as_bytes());
        }
    }
}
