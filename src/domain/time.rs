//! Instants and the clock that gives them; the system clock itself is read at the edge.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant: whole milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The text is not an instant with an offset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time such as 2026-06-01T09:00:00Z")]
pub struct BadTimestamp(String);

impl Timestamp {
    /// From milliseconds since the epoch; values outside the years 0 to 9999 are clamped. The last
    /// instant lies 26 hours before the end of 9999, so that it can be shown at any offset.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(-62_167_219_200_000, 253_402_207_200_000))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The instant `seconds` later.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_millis(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Whole milliseconds from `earlier` to this instant; negative if it lies before.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// RFC 3339 in UTC with milliseconds. A list writes two of them for each of a million rows.
    #[inline]
    fn rfc3339(self) -> Rfc3339 {
        const DAY: i64 = 86_400_000;
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let (year, month, day) = civil(self.0.div_euclid(DAY));
        let millis = u32::try_from(self.0.rem_euclid(DAY)).unwrap_or_default();
        let mut put = |at: usize, number: u32| {
            text[at] = b'0' + (number / 10 % 10) as u8;
            text[at + 1] = b'0' + (number % 10) as u8;
        };
        put(0, year / 100);
        put(2, year % 100);
        put(5, month);
        put(8, day);
        put(11, millis / 3_600_000);
        put(14, millis / 60_000 % 60);
        put(17, millis / 1000 % 60);
        put(20, millis / 10 % 100);
        text[22] = b'0' + (millis % 10) as u8;
        Rfc3339(text)
    }

    /// Writes RFC 3339 in UTC with milliseconds.
    ///
    /// # Errors
    /// When `out` refuses the text.
    pub fn write_rfc3339(self, out: &mut impl fmt::Write) -> fmt::Result {
        out.write_str(self.rfc3339().as_str())
    }
}

/// Year, month and day of a day counted from 1970, within the years 0 to 9999.
///
/// Years are taken to begin in March, so that a leap day is the last one of a year, and are counted
/// from 400 before the year 0, so that nothing is negative.
#[inline]
fn civil(day: i64) -> (u32, u32, u32) {
    const FIRST: i64 = 719_468 + CYCLE as i64;
    const CYCLE: u32 = 146_097;
    let day = u32::try_from(day + FIRST).unwrap_or_default();
    let (cycle, day) = (day / CYCLE, day % CYCLE);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (next, month) = if month < 10 { (0, month + 3) } else { (1, month - 9) };
    (cycle * 400 + year + next - 400, month, day)
}

/// An instant as ASCII text.
struct Rfc3339([u8; 24]);

impl Rfc3339 {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_rfc3339(f)
    }
}

impl FromStr for Timestamp {
    type Err = BadTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let instant: jiff::Timestamp = text.parse().map_err(|_| BadTimestamp(text.to_owned()))?;
        Ok(Self::from_millis(instant.as_millisecond()))
    }
}

impl Serialize for Timestamp {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.rfc3339().as_str())
    }
}

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Where the present comes from.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that shows `at`.
    #[must_use]
    pub const fn at(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.as_millis()))
    }

    /// Moves the clock forward, or back.
    pub fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds.saturating_mul(1000), Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn prints_milliseconds_in_utc_and_reads_any_offset() {
        let at = Timestamp::from_millis(1_780_304_400_125);
        assert_eq!(at.to_string(), "2026-06-01T09:00:00.125Z");
        assert_eq!("2026-06-01T11:00:00.125+02:00".parse(), Ok(at));
        assert!("2026-06-01T11:00:00".parse::<Timestamp>().is_err());
        assert!("".parse::<Timestamp>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn prints_what_jiff_prints(millis in -62_167_219_200_000_i64..=253_402_207_200_000) {
            let instant = jiff::Timestamp::from_millisecond(millis).unwrap();
            let expected = format!("{instant:.3}");
            proptest::prop_assert_eq!(Timestamp::from_millis(millis).to_string(), expected);
        }
    }

    #[test]
    fn the_edges_of_the_calendar_are_clamped() {
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), "9999-12-30T22:00:00.000Z");
        assert!(Timestamp::from_millis(i64::MIN).to_string().starts_with("0000-01-01"));
    }
}
