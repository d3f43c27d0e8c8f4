//! Takes a list apart while it arrives: one JSON array with one element a line.
//!
//! A list is complete only where its closing bracket came: anything cut off is an error. A hub
//! that writes its array otherwise is understood as well, but then the whole of it is kept until
//! its end.

use std::ops::ControlFlow;

use super::page::Page;

/// Longest element, in bytes.
const LONGEST_LINE: usize = 4 << 20;
/// Longest list that is not one element a line, in bytes.
const LONGEST_WHOLE: usize = 32 << 20;

/// Why a list can't be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// It ended before its closing bracket.
    CutOff,
    /// It is no list of JSON values.
    Malformed,
    /// It, or one element, is longer than any should be.
    TooLong,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the opening bracket.
    Begin,
    /// An element or the closing bracket comes next.
    First,
    /// After a comma: an element comes next.
    Element,
    /// After an element without a comma: the closing bracket comes next.
    Last,
    /// After the closing bracket.
    End,
    /// The list is not one element a line.
    Whole,
}

/// A list that is arriving.
#[derive(Debug)]
pub(super) struct Lines {
    rest: Vec<u8>,
    state: State,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self { rest: Vec::new(), state: State::Begin }
    }

    /// Takes the next bytes and shows each element that is whole to `each`.
    pub(super) fn push<E: From<Broken>>(
        &mut self,
        bytes: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<ControlFlow<()>, E>,
    ) -> Result<ControlFlow<()>, E> {
        let mut bytes = bytes;
        while self.state != State::Whole {
            let Some(at) = bytes.iter().position(|byte| *byte == b'\n') else { break };
            let (line, after) = (&bytes[..at], &bytes[at + 1..]);
            bytes = after;
            let flow = if self.rest.is_empty() {
                self.line(line, each)?
            } else {
                self.rest.extend_from_slice(line);
                let whole = std::mem::take(&mut self.rest);
                let flow = self.line(&whole, each)?;
                if self.state != State::Whole {
                    // The buffer is used again.
                    self.rest = whole;
                    self.rest.clear();
                }
                flow
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        self.rest.extend_from_slice(bytes);
        let most = match self.state {
            // Nobody knows yet which of the two it is.
            State::Whole | State::Begin => LONGEST_WHOLE,
            _ => LONGEST_LINE,
        };
        if self.rest.len() > most {
            return Err(Broken::TooLong.into());
        }
        Ok(ControlFlow::Continue(()))
    }

    fn line<E: From<Broken>>(
        &mut self,
        line: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<ControlFlow<()>, E>,
    ) -> Result<ControlFlow<()>, E> {
        let text = line.trim_ascii();
        let go_on = Ok(ControlFlow::Continue(()));
        self.state = match (self.state, text) {
            // Newlines may precede an answer.
            (state, b"") => state,
            (State::Begin, b"[") => State::First,
            (State::Begin, _) => {
                self.rest.extend_from_slice(line);
                self.rest.push(b'\n');
                State::Whole
            }
            (State::First | State::Last, b"]") => State::End,
            // The array of a hub that spreads an element over several lines.
            (State::First, element) if !is_whole(element) => {
                self.rest.extend_from_slice(b"[\n");
                self.rest.extend_from_slice(line);
                self.rest.push(b'\n');
                State::Whole
            }
            (State::First | State::Element, element) => {
                let (element, next) = match element.strip_suffix(b",") {
                    Some(element) => (element, State::Element),
                    None => (element, State::Last),
                };
                self.state = next;
                return each(element);
            }
            _ => return Err(Broken::Malformed.into()),
        };
        go_on
    }

    /// Ends the list: shows what is left of it, or says that something is missing.
    pub(super) fn finish<E: From<Broken>>(
        mut self,
        each: &mut impl FnMut(&[u8]) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let rest = std::mem::take(&mut self.rest);
        match self.state {
            State::Begin | State::Whole => whole(&rest, each),
            _ => {
                // The last line need not end.
                if self.line(&rest, each)?.is_break() {
                    return Ok(());
                }
                match self.state {
                    State::End => Ok(()),
                    State::Whole => whole(&self.rest, each),
                    _ => Err(Broken::CutOff.into()),
                }
            }
        }
    }
}

fn is_whole(element: &[u8]) -> bool {
    let element = element.strip_suffix(b",").unwrap_or(element);
    serde_json::from_slice::<serde::de::IgnoredAny>(element).is_ok()
}

fn whole<E: From<Broken>>(
    bytes: &[u8],
    each: &mut impl FnMut(&[u8]) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let page = Page::read(bytes)
        .map_err(|error| if error.is_eof() { Broken::CutOff } else { Broken::Malformed })?;
    for row in page.ok_or(Broken::Malformed)?.rows {
        if each(row.get().as_bytes())?.is_break() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Broken, LONGEST_LINE, Lines};

    impl From<serde_json::Error> for Broken {
        fn from(_: serde_json::Error) -> Self {
            Self::Malformed
        }
    }

    /// What a list of these bytes, in pieces of this size, is read as.
    fn read(bytes: &[u8], step: usize) -> Result<Vec<Value>, Broken> {
        let mut found = Vec::new();
        let mut each = |element: &[u8]| {
            found.push(serde_json::from_slice(element)?);
            Ok::<_, Broken>(ControlFlow::Continue(()))
        };
        let mut lines = Lines::new();
        for piece in bytes.chunks(step) {
            _ = lines.push(piece, &mut each)?;
        }
        lines.finish(&mut each)?;
        Ok(found)
    }

    fn written(elements: &[Value]) -> String {
        let lines: Vec<String> = elements.iter().map(ToString::to_string).collect();
        format!("[\n{}{}]\n", lines.join(",\n"), if lines.is_empty() { "" } else { "\n" })
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            // Brackets and line ends inside texts must not count.
            "[\\[\\]{},\"\\\\\n a-zä]{0,12}".prop_map(Value::from),
        ];
        prop::collection::btree_map("[a-z\\]\\[]{1,4}", leaf, 0..4)
            .prop_map(|all| Value::Object(all.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn a_list_is_what_was_written(
            all in prop::collection::vec(value(), 0..8), step in 1..40_usize, flat: bool,
        ) {
            let text = if flat { Value::Array(all.clone()).to_string() } else { written(&all) };
            prop_assert_eq!(read(text.as_bytes(), step), Ok(all));
        }

        #[test]
        fn a_list_cut_off_at_any_byte_is_never_complete(
            all in prop::collection::vec(value(), 0..5), step in 1..40_usize, flat: bool,
        ) {
            let text = if flat { Value::Array(all.clone()).to_string() } else { written(&all) };
            let whole = text.trim_end().len();
            for end in 0..whole {
                prop_assert!(read(&text.as_bytes()[..end], step).is_err(), "{:?}", &text.as_bytes()[..end]);
            }
        }
    }

    #[test]
    fn lists_of_other_hubs_are_understood() {
        for text in ["[]", "[\n]\n", "[\n]", "\n\n[]", "{\"data\":[]}", "[\n\n]\n"] {
            assert_eq!(read(text.as_bytes(), 3), Ok(Vec::new()), "{text:?}");
        }
        let two = vec![json!({"a": 1}), json!({"a": 2})];
        let pretty = serde_json::to_string_pretty(&json!({"data": two, "page": 1})).unwrap();
        let bare = serde_json::to_string_pretty(&json!(two)).unwrap();
        let mixed = "[\n{\"a\":1},{\"a\":2}]";
        for text in [
            "[{\"a\":1},\n{\"a\":2}]",
            "[\r\n{\"a\":1},\r\n{\"a\":2}\r\n]\r\n",
            &pretty,
            &bare,
            mixed,
        ] {
            assert_eq!(read(text.as_bytes(), 7), Ok(two.clone()), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in [
            "[\n{}\n{}\n]",
            "[\n{},\n]",
            "[\n{}\n]\n]",
            "[\n]\n{}",
            "{}",
            "null",
            "<html>\n</html>",
            "[\n{},\n{}]\n",
            "[\n{}\n",
            "[",
            "",
        ] {
            assert!(read(text.as_bytes(), 5).is_err(), "{text:?}");
        }
    }

    #[test]
    fn threat_22_an_element_without_end_is_cut() {
        let mut lines = Lines::new();
        let mut each = |_: &[u8]| Ok::<_, Broken>(ControlFlow::Continue(()));
        _ = lines.push(b"[\n\"", &mut each).unwrap();
        let piece = vec![b'a'; 1 << 20];
        let mut pushed = 0;
        let error = loop {
            match lines.push(&piece, &mut each) {
                Ok(_) => pushed += piece.len(),
                Err(error) => break error,
            }
            assert!(pushed <= LONGEST_LINE);
        };
        assert_eq!(error, Broken::TooLong);
    }
}
