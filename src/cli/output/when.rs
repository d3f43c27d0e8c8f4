//! Instants as people read them.

use std::fmt::Write as _;
use std::sync::OnceLock;

use jiff::tz::TimeZone;

use crate::domain::time::Timestamp;

/// How an instant is shown in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// "2 min ago".
    Relative,
    /// "2026-11-22 04:30 UTC".
    Absolute,
    /// RFC 3339 in UTC with milliseconds.
    Exact,
}

/// The present and the zone of the person reading.
#[derive(Debug)]
pub(super) struct When {
    now: Timestamp,
    utc: bool,
    zone: OnceLock<TimeZone>,
}

impl When {
    pub(super) const fn new(now: Timestamp, utc: bool) -> Self {
        Self { now, utc, zone: OnceLock::new() }
    }

    /// Appends the instant.
    pub(super) fn push(&self, out: &mut String, at: Timestamp, times: Times) {
        match times {
            Times::Relative => push_relative(out, at, self.now),
            Times::Absolute => self.push_absolute(out, at),
            Times::Exact => _ = at.write_rfc3339(out),
        }
    }

    fn push_absolute(&self, out: &mut String, at: Timestamp) {
        let zone =
            self.zone.get_or_init(|| if self.utc { TimeZone::UTC } else { TimeZone::system() });
        match jiff::Timestamp::from_millisecond(at.as_millis()) {
            Ok(instant) => {
                let local = instant.to_zoned(zone.clone());
                _ = write!(out, "{}", local.strftime("%Y-%m-%d %H:%M %Z"));
            }
            // The last hours of the year 9999 are beyond what zones are computed for.
            Err(_) => out.push_str("9999-12-31"),
        }
    }
}

/// Appends "2 min ago" or "in 30 min".
fn push_relative(out: &mut String, at: Timestamp, now: Timestamp) {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let millis = at.millis_since(now);
    let ahead = millis > 0;
    // What lies ahead is rounded, so that half an hour given a moment ago still reads as one.
    let seconds = if ahead { millis.saturating_add(500) / 1000 } else { -(millis / 1000) };
    let rounded = |unit: i64| if ahead { (seconds + unit / 2) / unit } else { seconds / unit };
    let (count, unit) = match seconds {
        0..5 => return out.push_str("now"),
        5..MINUTE => (seconds, "s"),
        MINUTE..HOUR => (rounded(MINUTE), "min"),
        HOUR..DAY => (rounded(HOUR), "h"),
        s if s < 60 * DAY => (rounded(DAY), "d"),
        s if s < 730 * DAY => (rounded(30 * DAY), "months"),
        _ => (rounded(365 * DAY), "years"),
    };
    _ = if ahead { write!(out, "in {count} {unit}") } else { write!(out, "{count} {unit} ago") };
}

#[cfg(test)]
mod tests {
    use super::{Times, When};
    use crate::domain::time::Timestamp;

    fn relative(seconds: i64) -> String {
        let now = Timestamp::from_millis(1_780_304_400_000);
        let mut out = String::new();
        When::new(now, true).push(&mut out, now.plus_seconds(seconds), Times::Relative);
        out
    }

    #[test]
    fn relative_times_read_as_people_speak() {
        let cases = [
            (0, "now"),
            (-4, "now"),
            (-59, "59 s ago"),
            (-120, "2 min ago"),
            (-3 * 3600 - 1800, "3 h ago"),
            (-5 * 86_400, "5 d ago"),
            (-90 * 86_400, "3 months ago"),
            (-800 * 86_400, "2 years ago"),
            (1799, "in 30 min"),
            (86_399, "in 24 h"),
            (30 * 86_400, "in 30 d"),
        ];
        for (seconds, text) in cases {
            assert_eq!(relative(seconds), text);
        }
    }

    #[test]
    fn absolute_times_name_their_zone_and_the_edges_do_not_fail() {
        let now = Timestamp::from_millis(1_780_304_400_000);
        let when = When::new(now, true);
        let mut out = String::new();
        when.push(&mut out, now, Times::Absolute);
        assert_eq!(out, "2026-06-01 09:00 UTC");
        for edge in [i64::MIN, i64::MAX] {
            for times in [Times::Relative, Times::Absolute] {
                let mut out = String::new();
                when.push(&mut out, Timestamp::from_millis(edge), times);
                assert!(!out.is_empty(), "{edge} {times:?}");
            }
        }
    }
}
