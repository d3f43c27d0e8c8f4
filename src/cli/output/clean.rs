//! Makes text from elsewhere harmless to a terminal: nothing that moves the cursor, changes
//! colours, sets a title or reorders what is read gets through; it shows as `\u{1b}` instead.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::api::scan::is_visible_ascii;
use crate::domain::words::is_risky;

/// How line ends and the escape sign itself are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// One line: a tab shows as `\t`, a line end as `\n`.
    Escape,
    /// As `Escape`, and a backslash is doubled, so that the text can be read back exactly.
    Reversible,
    /// Tabs and line ends stay.
    Keep,
}

/// Whether every byte is visible ASCII or a space: nothing to clean, one column a byte.
#[inline]
#[must_use]
pub(super) fn is_plain(text: &str) -> bool {
    is_visible_ascii(text.as_bytes())
}

fn needs(text: &str, lines: Lines) -> bool {
    if is_plain(text) {
        return lines == Lines::Reversible && text.contains('\\');
    }
    text.chars().any(|c| match c {
        '\n' | '\t' => lines != Lines::Keep,
        '\\' => lines == Lines::Reversible,
        _ => is_risky(c),
    })
}

/// Appends the text, cleaned; answers whether it is plain, so that its width is its length.
#[inline]
pub(super) fn push(out: &mut String, text: &str, lines: Lines) -> bool {
    let plain = is_plain(text);
    if plain && lines != Lines::Reversible || !needs(text, lines) {
        out.push_str(text);
        return plain;
    }
    for c in text.chars() {
        match c {
            '\n' | '\t' if lines == Lines::Keep => out.push(c),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\\' if lines == Lines::Reversible => out.push_str("\\\\"),
            _ if is_risky(c) => _ = write!(out, "\\u{{{:x}}}", u32::from(c)),
            _ => out.push(c),
        }
    }
    false
}

/// The text as one harmless line.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    cleaned(text, Lines::Escape)
}

/// The text made harmless, its lines kept.
#[must_use]
pub(super) fn lines(text: &str) -> Cow<'_, str> {
    cleaned(text, Lines::Keep)
}

fn cleaned(text: &str, lines: Lines) -> Cow<'_, str> {
    if !needs(text, lines) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    push(&mut out, text, lines);
    Cow::Owned(out)
}

/// Appends finished JSON or YAML text with risky characters as `\uXXXX`; tabs and line ends stay.
///
/// In JSON such a character can only stand inside a string, where this is the same value.
pub(super) fn push_json_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        if is_risky(c) && !matches!(c, '\n' | '\t') {
            for unit in c.encode_utf16(&mut [0; 2]) {
                _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, is_plain, line, lines, push, push_json_escaped};
    use crate::domain::words::is_risky;
    use proptest::prelude::*;

    fn unescape(text: &str) -> String {
        let mut out = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            match chars.next().unwrap() {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                '\\' => out.push('\\'),
                'u' => {
                    let code: String = chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                    out.push(char::from_u32(u32::from_str_radix(&code, 16).unwrap()).unwrap());
                }
                other => panic!("\\{other}"),
            }
        }
        out
    }

    #[test]
    fn escape_sequences_become_visible() {
        assert_eq!(line("a\x1b[31mred\x07"), "a\\u{1b}[31mred\\u{7}");
        assert_eq!(line("one\ntwo\tthree\r"), "one\\ntwo\\tthree\\r");
        assert_eq!(line("\u{9b}2J\u{202e}moc.\u{2066}"), "\\u{9b}2J\\u{202e}moc.\\u{2066}");
        assert_eq!(line("Zażółć 日本 C:\\x"), "Zażółć 日本 C:\\x");
        assert_eq!(lines("one\ntwo\x1b"), "one\ntwo\\u{1b}");
    }

    #[test]
    fn finished_json_keeps_its_value() {
        let mut out = String::new();
        push_json_escaped(&mut out, "{\n\"a\u{9b}\u{e0041}\u{7f}\": 1}");
        assert_eq!(out, "{\n\"a\\u009b\\udb40\\udc41\\u007f\": 1}");
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["a\u{9b}\u{e0041}\u{7f}"], 1);
    }

    proptest! {
        #[test]
        fn nothing_risky_gets_through(text in any::<String>()) {
            prop_assert!(!line(&text).chars().any(is_risky));
            prop_assert!(!lines(&text).chars().any(|c| is_risky(c) && !"\n\t".contains(c)));
        }

        #[test]
        fn harmless_text_stays_as_it_is(text in "[ -~à-öΑ-Ω]*") {
            prop_assert_eq!(line(&text), text.as_str());
            prop_assert_eq!(is_plain(&text), text.is_ascii());
        }

        #[test]
        fn the_reversible_form_can_be_read_back(text in any::<String>()) {
            let mut out = String::new();
            push(&mut out, &text, Lines::Reversible);
            prop_assert_eq!(unescape(&out), text);
        }
    }
}
