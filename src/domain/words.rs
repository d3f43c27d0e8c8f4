//! Words that messages to people are made of; the messages stand where they are made.

use std::borrow::Cow;

/// A count and its noun: `1 linked account`, `12 linked accounts`.
#[must_use]
pub fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// A value as one word of a command that is shown to be pasted into a shell.
#[must_use]
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

/// Whether the character could act on a terminal or deceive a reader: controls, bidirectional
/// marks and overrides, invisible characters, line and paragraph separators, tags.
#[must_use]
pub fn is_risky(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'
        | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The first `most` characters of a text that may hold anything, with controls, quotes and
/// backslashes as escapes.
#[must_use]
pub fn escaped(text: &str, most: usize) -> String {
    text.chars().take(most).flat_map(char::escape_debug).collect()
}

/// Words that somebody else wrote as one line of at most `most` characters, nothing risky in it;
/// `None` where nothing is left (threat 36).
#[must_use]
pub fn one_line(text: &str, most: usize) -> Option<String> {
    // Far more than is shown is never looked at.
    let seen = text.chars().take(most.saturating_mul(8));
    let spaced: String = seen.map(|c| if is_risky(c) { ' ' } else { c }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().nth(most).is_none() {
        return (!line.is_empty()).then_some(line);
    }
    let cut: String = line.chars().take(most.saturating_sub(1)).collect();
    Some(format!("{}…", cut.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::{counted, one_line, shell_word};

    #[test]
    fn threat_36_words_of_others_are_one_short_line_without_signs_of_a_terminal() {
        let evil = "a\u{1b}[31mb\r\n\tc\u{202e}d\u{7}";
        assert_eq!(one_line(evil, 300).as_deref(), Some("a [31mb c d"));
        assert_eq!(one_line(" \n ", 300), None);
        let whole = "é".repeat(300);
        assert_eq!(one_line(&whole, 300).as_deref(), Some(whole.as_str()));
        let long = one_line(&"é".repeat(5000), 300).unwrap();
        assert_eq!(long.chars().count(), 300);
        assert!(long.ends_with('…'), "{long}");
    }

    #[test]
    fn one_thing_is_not_told_as_many() {
        assert_eq!(counted(0_u64, "target"), "0 targets");
        assert_eq!(counted(1_u64, "linked account"), "1 linked account");
        assert_eq!(counted(2_usize, "linked account"), "2 linked accounts");
    }

    #[test]
    fn a_word_stays_one_word_in_a_shell() {
        for (text, word) in [
            ("bamboohr", "bamboohr"),
            ("", "''"),
            ("two words", "'two words'"),
            ("it's", r"'it'\''s'"),
            ("$(rm -r x)", "'$(rm -r x)'"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }
}
