//! How the provider behaves: a tester chooses it by words in a client id, an API key, or the
//! parameter `sample` of a call.

use std::time::Duration;

/// Something that the provider does otherwise than usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Access tokens live for five seconds.
    Short,
    /// A refresh token stays the same.
    NoRotation,
    /// A login is allowed without asking.
    Auto,
    /// A login is denied without asking.
    Deny,
    /// The person took the access back: nothing is refreshed, and keys are refused.
    Revoked,
    /// Calls are answered late.
    Slow,
    /// Calls are answered with 429.
    Limited,
    /// Calls are answered with 500.
    Broken,
    /// The token end point answers late.
    TokenSlow,
    /// The token end point answers with 429.
    TokenLimited,
    /// The token end point answers with 500.
    TokenBroken,
}

const WORDS: &[(&str, Word)] = &[
    ("short", Word::Short),
    ("norotation", Word::NoRotation),
    ("auto", Word::Auto),
    ("deny", Word::Deny),
    ("revoked", Word::Revoked),
    ("slow", Word::Slow),
    ("limited", Word::Limited),
    ("broken", Word::Broken),
    ("token_slow", Word::TokenSlow),
    ("token_limited", Word::TokenLimited),
    ("token_broken", Word::TokenBroken),
];

/// How late a slow answer is.
pub(super) const SLOW: Duration = Duration::from_secs(3);
/// When somebody who was told to slow down may come again, in seconds.
pub(super) const RETRY_AFTER_S: &str = "2";

/// Life of an access token, in seconds.
const LIFE_S: i64 = 3_600;
const SHORT_LIFE_S: i64 = 5;

/// What a name asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Behaviour(Vec<Word>);

impl Behaviour {
    /// Reads the words of a name, such as `app-short-norotation`; others have no meaning.
    pub(super) fn of(name: &str) -> Self {
        let known = |part: &str| WORDS.iter().find(|(word, _)| *word == part).map(|row| row.1);
        Self(name.split(['-', '.', ',']).filter_map(known).collect())
    }

    /// Both.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(super) fn is(&self, word: Word) -> bool {
        self.0.contains(&word)
    }

    pub(super) fn token_life_s(&self) -> i64 {
        if self.is(Word::Short) { SHORT_LIFE_S } else { LIFE_S }
    }
}

#[cfg(test)]
mod tests {
    use super::{Behaviour, WORDS, Word};

    #[test]
    fn words_of_a_name_choose_and_others_mean_nothing() {
        assert_eq!(Behaviour::of("sample-app"), Behaviour::default());
        let short = Behaviour::of("sample-short-norotation");
        assert!(short.is(Word::Short) && short.is(Word::NoRotation) && !short.is(Word::Deny));
        assert_eq!((short.token_life_s(), Behaviour::of("shorter").token_life_s()), (5, 3_600));
        let both = short.and(Behaviour::of("token_slow"));
        assert!(both.is(Word::TokenSlow) && !both.is(Word::Slow));
        for (name, word) in WORDS {
            assert!(Behaviour::of(&format!("x-{name}.y")).is(*word), "{name}");
        }
    }
}
