//! How many columns a text takes on a terminal, and how it is brought to fewer.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::clean;

/// The columns that a terminal gives a text.
///
/// Some pairs of Arabic letters count as one column within a text, and a terminal still gives each
/// letter its own.
pub(super) fn columns(text: &str) -> usize {
    if text.chars().any(is_arabic) {
        return text.chars().map(|c| c.width().unwrap_or(0)).sum();
    }
    text.width()
}

const fn is_arabic(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{870}'..='\u{8ff}')
}

/// Cuts the text from `start` on to the width, "…" included; answers its new width.
pub(super) fn shorten(out: &mut String, start: usize, width: usize) -> usize {
    let text = out.get(start..).unwrap_or_default();
    let (mut used, mut end) = (0, text.len());
    for (at, c) in text.char_indices() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > width {
            end = at;
            break;
        }
        used += wide;
    }
    out.truncate(start + end);
    out.push('…');
    used + 1
}

/// Breaks the text from `start` on into lines of the width, each behind the first indented. A word
/// that is wider stays whole.
pub(super) fn wrap(out: &mut String, start: usize, width: usize, indent: usize) {
    let text = out.split_off(start);
    let mut used = 0;
    for (at, word) in text.split(' ').enumerate() {
        let wide = columns(word);
        if at > 0 && used + 1 + wide > width {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            used = 0;
        } else if at > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += wide;
    }
}

/// The text as one harmless line of at most this width.
pub(in crate::cli) fn fitted(text: &str, width: usize) -> String {
    let mut text = clean::line(text).into_owned();
    if columns(&text) > width {
        shorten(&mut text, 0, width);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{columns, fitted, wrap};

    #[test]
    fn a_terminal_gives_each_arabic_letter_its_own_column() {
        assert_eq!(columns("لا"), 2);
        assert_eq!(columns("شركة الاتصالات السعودية"), 23);
        for (text, expected) in [("Acme", 4), ("日本", 4), ("é", 1), ("e\u{301}", 1), ("", 0)] {
            assert_eq!(columns(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_is_cut_to_whole_characters() {
        assert_eq!(fitted("Acme", 4), "Acme");
        assert_eq!(fitted("Acme\u{202e} Ltd", 8), "Acme\\u{…");
        assert_eq!(fitted("日本語", 4), "日…");
    }

    #[test]
    fn lines_break_between_words_and_stay_below_each_other() {
        let wrapped = |text: &str, width: usize| {
            let mut out = "A  ".to_owned();
            wrap(&mut out, 3, width, 3);
            assert_eq!(out, "A  ", "nothing is made of nothing");
            out.push_str(text);
            wrap(&mut out, 3, width, 3);
            out
        };
        assert_eq!(wrapped("one two three", 7), "A  one two\n   three");
        assert_eq!(wrapped("one two three", 13), "A  one two three");
        assert_eq!(wrapped("https://example.com a b", 5), "A  https://example.com\n   a b");
    }
}
