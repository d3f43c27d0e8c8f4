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

    /// Appends the instant as a sentence has it.
    pub(super) fn push_moment(&self, out: &mut String, at: Timestamp) {
        self.push(out, at, Times::Relative);
        out.push_str(" (");
        self.push(out, at, Times::Absolute);
        out.push(')');
    }

    /// Appends a text whose instants programs read: "at 2026-11-22T04:30:00.000Z" is said as a
    /// sentence has it, and one without that word by date and time alone.
    pub(super) fn push_timed(&self, out: &mut String, text: &str) {
        let mut rest = text;
        while let Some((before, at, after)) = first_instant(rest) {
            match before.strip_suffix("at ").filter(|before| before.ends_with(' ')) {
                Some(before) => {
                    out.push_str(before);
                    self.push_moment(out, at);
                }
                None => {
                    out.push_str(before);
                    self.push(out, at, Times::Absolute);
                }
            }
            rest = after;
        }
        out.push_str(rest);
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

/// The first instant of a text that is written as [`Times::Exact`] writes it, and what stands on
/// both sides of it.
fn first_instant(text: &str) -> Option<(&str, Timestamp, &str)> {
    const FORM: &str = "0000-00-00T00:00:00.000Z";
    let fits = |(byte, form): (u8, u8)| match form {
        b'0' => byte.is_ascii_digit(),
        sign => byte == sign,
    };
    text.match_indices('T').find_map(|(place, _)| {
        let start = place.checked_sub("0000-00-00".len())?;
        let end = start + FORM.len();
        let piece = text.get(start..end)?;
        let is_instant = piece.bytes().zip(FORM.bytes()).all(fits);
        let at = piece.parse::<Timestamp>().ok().filter(|_| is_instant)?;
        Some((&text[..start], at, &text[end..]))
    })
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
    fn instants_in_a_text_of_the_hub_are_told_as_people_read_them() {
        let when = When::new(Timestamp::from_millis(1_780_304_400_000), true);
        let timed = |text: &str| {
            let mut out = String::new();
            when.push_timed(&mut out, text);
            out
        };
        let text = "it ended at 2026-06-01T08:57:00.125Z; next try at 2026-06-01T09:30:00.000Z";
        let told = "it ended 2 min ago (2026-06-01 08:57 UTC); next try in 30 min \
                    (2026-06-01 09:30 UTC)";
        assert_eq!(timed(text), told);
        let text = "valid until 2026-06-01T10:00:00.000Z";
        assert_eq!(timed(text), "valid until 2026-06-01 10:00 UTC");
        assert_eq!(timed("that 2026-06-01T10:00:00.000Z"), "that 2026-06-01 10:00 UTC");
        for other in ["", "T", "T\u{e9}T", "2026-06-01T09:00:00Z", "9999-99-99T99:99:99.999Z"] {
            assert_eq!(timed(other), other);
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
