//! What a hub has done since it began, in numbers; how they are shown is the server's.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::provider_failure::Class;
use crate::domain::webhook::WhyDisabled;
use crate::domain::webhook::schedule::Verdict;

/// Numbers that only grow, each with the word that it is counted by.
#[derive(Debug)]
pub struct Tally<const N: usize> {
    words: [&'static str; N],
    counts: [AtomicU64; N],
}

impl<const N: usize> Tally<N> {
    const fn of(words: [&'static str; N]) -> Self {
        Self { words, counts: [const { AtomicU64::new(0) }; N] }
    }

    /// One more of those that are counted by this word.
    fn add(&self, word: &str) {
        let known = self.words.iter().position(|known| *known == word);
        if let Some(count) = known.and_then(|place| self.counts.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Each word with its number, those that were never counted too: what is to be watched is
    /// there before it happens.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        self.words.iter().copied().zip(counts)
    }
}

/// What is counted.
#[derive(Debug)]
pub struct Tallies {
    /// Attempts to tell a webhook of an event, by what became of the delivery.
    pub attempts: Tally<4>,
    /// Webhooks that the hub itself disabled, by the reason.
    pub disabled: Tally<2>,
    /// Refreshes for which a provider was asked, by what they came to.
    pub refreshes: Tally<{ 1 + Class::ALL.len() }>,
    /// Calls to providers, by what they answered.
    pub calls: Tally<6>,
}

impl Default for Tallies {
    fn default() -> Self {
        let mut refreshes = ["ok"; 1 + Class::ALL.len()];
        for (word, class) in refreshes.iter_mut().skip(1).zip(Class::ALL) {
            *word = class.as_str();
        }
        Self {
            attempts: Tally::of(["delivered", "failed", "given_up", "gone"]),
            disabled: Tally::of([WhyDisabled::Gone.as_str(), WhyDisabled::Failing.as_str()]),
            refreshes: Tally::of(refreshes),
            calls: Tally::of(["2xx", "3xx", "4xx", "429", "5xx", "none"]),
        }
    }
}

impl Tallies {
    pub(super) fn attempt(&self, verdict: Verdict) {
        self.attempts.add(match verdict {
            Verdict::Delivered => "delivered",
            Verdict::Again(_) => "failed",
            Verdict::GivenUp => "given_up",
            Verdict::Gone => "gone",
        });
    }

    pub(super) fn disabled(&self, why: WhyDisabled) {
        self.disabled.add(why.as_str());
    }

    /// A refresh, and what kind of failure it was if it failed.
    pub(super) fn refresh(&self, failed: Option<Class>) {
        self.refreshes.add(failed.map_or("ok", Class::as_str));
    }

    /// A call with the status of its answer, if there was one.
    pub(super) fn call(&self, status: Option<u16>) {
        self.calls.add(match status {
            None => "none",
            Some(429) => "429",
            Some(300..=399) => "3xx",
            Some(400..=499) => "4xx",
            Some(500..) => "5xx",
            Some(_) => "2xx",
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn sum<const N: usize>(tally: &Tally<N>) -> u64 {
        tally.rows().map(|(_, count)| count).sum()
    }

    #[test]
    fn whatever_happens_has_a_word_that_it_is_counted_by() {
        let tallies = Tallies::default();
        let again = Verdict::Again(Timestamp::from_millis(0));
        for verdict in [Verdict::Delivered, again, Verdict::GivenUp, Verdict::Gone] {
            tallies.attempt(verdict);
        }
        for why in [WhyDisabled::Gone, WhyDisabled::Failing] {
            tallies.disabled(why);
        }
        for failed in Class::ALL.into_iter().map(Some).chain([None]) {
            tallies.refresh(failed);
        }
        for status in [None, Some(204), Some(302), Some(404), Some(429), Some(503)] {
            tallies.call(status);
        }
        assert!(tallies.attempts.rows().all(|(_, count)| count == 1), "{tallies:?}");
        assert!(tallies.disabled.rows().all(|(_, count)| count == 1), "{tallies:?}");
        assert!(tallies.refreshes.rows().all(|(_, count)| count == 1), "{tallies:?}");
        assert!(tallies.calls.rows().all(|(_, count)| count == 1), "{tallies:?}");
        // What an administrator disables is no news to anybody.
        tallies.disabled(WhyDisabled::Asked);
        assert_eq!(sum(&tallies.disabled), 2);
    }
}
