//! When a request is sent again, and after how long: pure decisions.
//!
//! Sent again is what changes nothing: reads, rehearsals, and writes that a provider does once
//! because of their `Idempotency-Key`. Any other write is sent again only where the hub can't have
//! acted on it: the connection was never made, or the answer was 429.

use std::time::Duration;

use crate::error::Code;

/// First pause between two attempts.
pub const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause that is not the hub's own wish.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long to go on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// How often to send again after a failure; 0 is never, whatever the failure.
    pub(super) retries: u32,
    /// Longest time to wait in all.
    pub(super) max_wait: Duration,
    /// First pause of the back-off.
    pub(super) first_pause: Duration,
}

/// What became of an attempt that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// No connection: nothing was sent.
    NotSent,
    /// The connection broke, or time ran out, and nobody knows what was done.
    Broken,
    /// An answer with this status, and the seconds that it asks to wait.
    Status(u16, Option<u64>),
    /// The hub's word on a provider that failed: the hub has waited for it, and asked again where
    /// that helps.
    Provider,
}

impl Outcome {
    /// That of an answer, by its status, what it asks to wait, and the error that it tells.
    pub(super) fn answered(status: u16, wait_s: Option<u64>, code: &Code) -> Self {
        if code.is_of_provider() { Self::Provider } else { Self::Status(status, wait_s) }
    }
}

/// What has been tried so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    /// Failed attempts so far, this one not counted.
    pub(super) failures: u32,
    /// Time spent in pauses.
    pub(super) waited: Duration,
}

impl Policy {
    /// How long to pause before the next attempt, or `None` to give up. `jitter` is from 0 to 255.
    pub(super) fn next(
        &self,
        safe: bool,
        outcome: Outcome,
        spent: Spent,
        jitter: u8,
    ) -> Option<Duration> {
        let told = match outcome {
            Outcome::NotSent => None,
            Outcome::Broken if safe => None,
            Outcome::Status(429, after) => after,
            Outcome::Status(408 | 502..=504, after) if safe => after,
            _ => return None,
        };
        let is_limit = matches!(outcome, Outcome::Status(429, _));
        // Being told to slow down is no failure: only the waiting time ends that.
        if self.retries == 0 || !is_limit && spent.failures >= self.retries {
            return None;
        }
        let pause = match told {
            Some(seconds) => Duration::from_secs(seconds),
            None => self.back_off(spent.failures, jitter),
        };
        // A hub that says "now" all the time is still asked a finite number of times.
        let pause = pause.max(self.first_pause / 4);
        (spent.waited.saturating_add(pause) <= self.max_wait).then_some(pause)
    }

    /// Doubles each time, and is three quarters to five quarters of that.
    fn back_off(&self, failures: u32, jitter: u8) -> Duration {
        let whole = self.first_pause.saturating_mul(1 << failures.min(16)).min(LONGEST_PAUSE);
        whole * 3 / 4 + whole / 2 * u32::from(jitter) / 255
    }
}

/// The seconds of a `Retry-After` header: a number, or a date that is compared with `now_ms`,
/// milliseconds since 1970.
pub(super) fn retry_after(text: &str, now_ms: i64) -> Option<u64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    let left = date.timestamp().as_millisecond().saturating_sub(now_ms);
    Some(u64::try_from(left).map_or(0, |left| left.div_ceil(1000)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Outcome, Policy, Spent, retry_after};

    const POLICY: Policy = Policy {
        retries: 3,
        max_wait: Duration::from_mins(1),
        first_pause: Duration::from_millis(500),
    };

    fn next(safe: bool, outcome: Outcome) -> Option<Duration> {
        POLICY.next(safe, outcome, Spent::default(), 0)
    }

    #[test]
    fn a_write_is_repeated_only_where_nothing_can_have_been_done() {
        for outcome in [Outcome::NotSent, Outcome::Status(429, None)] {
            assert!(next(false, outcome).is_some(), "{outcome:?}");
        }
        let unclear = [408, 500, 502, 503, 504].map(|status| Outcome::Status(status, None));
        for outcome in unclear.into_iter().chain([Outcome::Broken]) {
            assert_eq!(next(false, outcome), None, "{outcome:?}");
        }
    }

    #[test]
    fn a_read_is_repeated_after_what_passes() {
        for status in [408, 429, 502, 503, 504] {
            assert!(next(true, Outcome::Status(status, None)).is_some(), "{status}");
        }
        assert_eq!(next(true, Outcome::Provider), None);
        for status in [400, 401, 403, 404, 409, 422, 500, 501] {
            assert_eq!(next(true, Outcome::Status(status, Some(1))), None, "{status}");
        }
    }

    #[test]
    fn retry_after_is_kept_to_and_bounded() {
        let told = |seconds| next(true, Outcome::Status(429, Some(seconds)));
        assert_eq!(told(7), Some(Duration::from_secs(7)));
        assert_eq!(told(60), Some(Duration::from_mins(1)));
        assert_eq!(told(61), None);
        assert_eq!(told(u64::MAX), None);
        assert!(told(0) > Some(Duration::ZERO));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        // 2026-06-01T12:00:00Z.
        let now = 1_780_315_200_000;
        assert_eq!(retry_after("17", now), Some(17));
        assert_eq!(retry_after(" 0 ", now), Some(0));
        assert_eq!(retry_after("Mon, 01 Jun 2026 12:00:30 GMT", now), Some(30));
        assert_eq!(retry_after("Mon, 01 Jun 2026 11:00:00 GMT", now), Some(0));
        assert_eq!(retry_after("soon", now), None);
        assert_eq!(retry_after("-1", now), None);
    }

    proptest! {
        #[test]
        fn every_request_ends(
            retries in 0..6_u32,
            max_wait in 0..120_u64,
            safe: bool,
            answers in prop::collection::vec((0..7_usize, prop::option::of(0..200_u64), any::<u8>()), 2000),
        ) {
            let policy = Policy { retries, max_wait: Duration::from_secs(max_wait), ..POLICY };
            let mut spent = Spent::default();
            let mut sent = 0;
            for (kind, after, jitter) in answers {
                sent += 1;
                let outcome = match kind {
                    0 => Outcome::NotSent,
                    1 => Outcome::Broken,
                    at => Outcome::Status([408, 429, 502, 503, 504][at - 2], after),
                };
                let Some(pause) = policy.next(safe, outcome, spent, jitter) else { break };
                prop_assert!(pause > Duration::ZERO);
                spent.waited += pause;
                spent.failures += 1;
            }
            prop_assert!(spent.waited <= policy.max_wait);
            prop_assert!(sent <= 1 + max_wait * 8, "{sent}");
            prop_assert!(retries > 0 || sent == 1);
        }
    }
}
