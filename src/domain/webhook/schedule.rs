//! When a delivery is tried again, and when a receiver has failed for too long (WH-9).

use crate::domain::time::Timestamp;

/// Seconds from a failed attempt to the next one, by how many were made.
const RETRY_AFTER_S: [i64; 7] = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];
/// Longest time that a receiver may ask for with `Retry-After`, in seconds.
const LONGEST_WAIT_S: i64 = 86_400;
/// A receiver that fails for so long is disabled, in seconds: five days.
const FAILING_LIMIT_S: i64 = 5 * 86_400;
/// How long an attempt that failed is gone on from, in seconds: two days. The schedule has no longer
/// pause, and so nothing was tried in between.
const GONE_ON_FROM_S: i64 = 2 * LONGEST_WAIT_S;
/// The status by which a receiver says that it is gone for good.
const GONE: u16 = 410;

/// Attempts of a delivery at most.
pub const MOST_ATTEMPTS: u32 = 8;

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempted {
    /// The receiver answered.
    Answered {
        /// Its status.
        status: u16,
        /// Seconds that it asks to wait.
        retry_after_s: Option<i64>,
    },
    /// There was no answer.
    Unanswered,
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is delivered.
    Delivered,
    /// It is tried again at this instant.
    Again(Timestamp),
    /// It is given up.
    GivenUp,
    /// It is given up, and its webhook is disabled: the receiver says that it is gone.
    Gone,
}

impl Verdict {
    /// The same where the webhook was changed during the attempt, the `tries`-th, which ended at
    /// `now`: who is gone may not be its receiver any more, and has failed like any other.
    #[must_use]
    pub fn of_former_receiver(self, tries: u32, now: Timestamp) -> Self {
        match self {
            Self::Gone => judge(&Attempted::Unanswered, tries, now),
            other => other,
        }
    }
}

/// What becomes of a delivery after its `tries`-th attempt, which ended at `now`.
#[must_use]
pub fn judge(attempted: &Attempted, tries: u32, now: Timestamp) -> Verdict {
    let wait_s = match attempted {
        Attempted::Answered { status: 200..=299, .. } => return Verdict::Delivered,
        Attempted::Answered { status: GONE, .. } => return Verdict::Gone,
        Attempted::Answered { retry_after_s, .. } => retry_after_s.unwrap_or(0),
        Attempted::Unanswered => 0,
    };
    let made = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
    match RETRY_AFTER_S.get(made) {
        Some(pause) => Verdict::Again(now.plus_seconds((*pause).max(wait_s.min(LONGEST_WAIT_S)))),
        None => Verdict::GivenUp,
    }
}

/// Since when an attempt must have failed last, so that one which fails at this instant goes on from
/// it: a receiver does not fail while it is asked nothing.
#[must_use]
pub fn goes_on_from(failed_at: Timestamp) -> Timestamp {
    failed_at.plus_seconds(-GONE_ON_FROM_S)
}

/// When the next attempt is at the latest, of all that failed by this instant.
#[must_use]
pub fn latest_try(now: Timestamp) -> Timestamp {
    now.plus_seconds(LONGEST_WAIT_S)
}

/// Whether a receiver that fails since this instant has failed for too long.
#[must_use]
pub fn has_failed_too_long(failing_since: Timestamp, now: Timestamp) -> bool {
    now.millis_since(failing_since) >= FAILING_LIMIT_S * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Attempted {
        Attempted::Answered { status, retry_after_s: None }
    }

    #[test]
    fn wh_9_attempts_follow_the_schedule_and_end() {
        let now = Timestamp::from_millis(0);
        let pauses = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];
        for failed in [answered(500), answered(302), answered(404), Attempted::Unanswered] {
            for (made, pause) in (1..).zip(pauses) {
                assert_eq!(judge(&failed, made, now), Verdict::Again(now.plus_seconds(pause)));
            }
            assert_eq!(judge(&failed, MOST_ATTEMPTS, now), Verdict::GivenUp);
            assert_eq!(judge(&failed, u32::MAX, now), Verdict::GivenUp);
        }
    }

    #[test]
    fn wh_9_two_hundreds_are_success_and_410_is_the_end() {
        let now = Timestamp::from_millis(0);
        for status in [200, 201, 204, 299] {
            assert_eq!(judge(&answered(status), 1, now), Verdict::Delivered);
        }
        assert_eq!(judge(&answered(410), 1, now), Verdict::Gone);
        for status in [199, 300, 301, 409, 411, 599] {
            assert!(matches!(judge(&answered(status), 1, now), Verdict::Again(_)), "{status}");
        }
    }

    #[test]
    fn wh_9_a_former_receiver_that_is_gone_has_failed_like_any_other() {
        let now = Timestamp::from_millis(0);
        let gone = Verdict::Gone;
        assert_eq!(gone.of_former_receiver(1, now), Verdict::Again(now.plus_seconds(5)));
        assert_eq!(gone.of_former_receiver(MOST_ATTEMPTS, now), Verdict::GivenUp);
        for other in [Verdict::Delivered, Verdict::Again(now), Verdict::GivenUp] {
            assert_eq!(other.of_former_receiver(1, now), other);
        }
    }

    #[test]
    fn wh_9_a_receiver_may_ask_for_more_time_within_bounds() {
        let now = Timestamp::from_millis(0);
        for (asked, pause) in [(60, 60), (1, 5), (-7, 5), (i64::MAX, 86_400)] {
            let busy = Attempted::Answered { status: 429, retry_after_s: Some(asked) };
            assert_eq!(judge(&busy, 1, now), Verdict::Again(now.plus_seconds(pause)), "{asked}");
        }
    }

    #[test]
    fn wh_9_five_days_are_too_long() {
        let since = Timestamp::from_millis(0);
        assert!(!has_failed_too_long(since, since.plus_seconds(5 * 86_400 - 1)));
        assert!(has_failed_too_long(since, since.plus_seconds(5 * 86_400)));
    }

    #[test]
    fn wh_9_failures_go_on_from_one_another_through_any_pause_of_the_schedule() {
        let failed_at = Timestamp::from_millis(0);
        for pause in RETRY_AFTER_S.into_iter().chain([LONGEST_WAIT_S]) {
            assert!(failed_at >= goes_on_from(failed_at.plus_seconds(pause)), "{pause}");
        }
        assert!(failed_at < goes_on_from(failed_at.plus_seconds(3 * 86_400)));
    }
}
