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

#[cfg(test)]
mod tests {
    use super::{counted, shell_word};

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
