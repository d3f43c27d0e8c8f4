//! Reads values from arguments, files and standard input, and times and durations from words.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use ipnet::IpNet;
use serde_json::{Map, Value};

use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::hub::auth_configs::IfExists;
use crate::hub::write::IfThere;

/// Largest value read from a file or standard input, in bytes.
const VALUE_LIMIT: u64 = 1 << 20;
/// Longest line of a list of targets, in bytes.
const LINE_LIMIT: u64 = 4096;
/// Longest wait that can be asked for, in seconds.
const LONGEST_WAIT_S: i64 = 86_400;

/// Values given with `--set`.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// The values by name.
    pub(super) given: BTreeMap<String, Secret>,
    /// Names of those that stood on the command line itself.
    pub(super) literal: Vec<String>,
}

/// Reads a network, or an address that stands for itself alone.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let single = || Some(IpNet::from(text.parse::<std::net::IpAddr>().ok()?));
    text.parse().ok().or_else(single).ok_or_else(|| {
        format!("`{text}` is no network: use 10.0.0.0/8, 2001:db8::/32 or an address")
    })
}

/// Reads `K=V`, `K=@FILE` and `K=-`.
pub(super) fn values(sets: &[String]) -> Result<Values, HubError> {
    let mut values = Values::default();
    let mut stdin_taken = false;
    for set in sets {
        let Some((key, value)) = set.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            // It is not shown: a secret given without its name looks the same.
            let text = match set.starts_with('=') {
                true => "a --set has no name before its `=`",
                false => "a --set has no `=` between name and value",
            };
            return Err(HubError::new(&codes::BAD_VALUE, text)
                .hint("--set KEY=VALUE, --set KEY=@FILE, or --set KEY=- for standard input"));
        };
        let secret = match value {
            "-" if stdin_taken => {
                let text = "standard input can give the value of one --set only";
                return Err(HubError::new(&codes::BAD_VALUE, text).hint("use --set KEY=@FILE"));
            }
            "-" => {
                stdin_taken = true;
                stdin_value(key)?
            }
            _ => match value.strip_prefix('@') {
                Some(path) => file_value(Path::new(path))?,
                None => {
                    values.literal.push(key.to_owned());
                    Secret::new(value)
                }
            },
        };
        if values.given.insert(key.to_owned(), secret).is_some() {
            return Err(HubError::new(&codes::BAD_VALUE, format!("--set {key} is given twice")));
        }
    }
    Ok(values)
}

fn stdin_value(key: &str) -> Result<Secret, HubError> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let text = format!("--set {key}=- reads standard input, and that is the terminal");
        return Err(HubError::new(&codes::INPUT_NEEDED, text)
            .hint(format!("hubctl ... --set {key}=- < FILE")));
    }
    text_of(stdin.lock(), "standard input").map(Secret::new)
}

/// The text in a file, which may be a secret.
pub(super) fn file_value(path: &Path) -> Result<Secret, HubError> {
    text_of(open(path)?, &path.display().to_string()).map(Secret::new)
}

/// The bytes of a file, or of standard input for `-`, just as they are.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, HubError> {
    if path != Path::new("-") {
        return bytes_of(open(path)?, &path.display().to_string());
    }
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let text = "standard input is read, and that is the terminal";
        return Err(HubError::new(&codes::INPUT_NEEDED, text).hint("name a file"));
    }
    bytes_of(stdin.lock(), "standard input")
}

/// Opens a file that was named on the command line.
pub(super) fn open(path: &Path) -> Result<File, HubError> {
    let unreadable = unreadable(path.display());
    let file = File::open(path).map_err(&unreadable)?;
    if file.metadata().map_err(&unreadable)?.is_dir() {
        let text = format!("{} is a folder", path.display());
        return Err(HubError::new(&codes::INPUT_UNREADABLE, text));
    }
    Ok(file)
}

/// The error of a source that can't be read.
pub(super) fn unreadable(name: impl Display) -> impl Fn(io::Error) -> HubError {
    move |error| HubError::new(&codes::INPUT_UNREADABLE, format!("can't read {name}: {error}"))
}

/// Reads the whole of a source that is no longer than `most` bytes.
pub(super) fn read(
    source: impl Read,
    bytes: &mut Vec<u8>,
    name: &str,
    most: u64,
) -> Result<(), HubError> {
    source.take(most + 1).read_to_end(bytes).map_err(unreadable(name))?;
    if bytes.len() as u64 > most {
        let text = format!("{name} is larger than {most} bytes");
        return Err(HubError::new(&codes::INPUT_UNREADABLE, text));
    }
    Ok(())
}

/// A text without the mark that some systems write before any UTF-8.
pub(super) fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Reads a text of bounded size; the mark before it and one line end at its end are not part of it.
fn text_of(source: impl Read, name: &str) -> Result<String, HubError> {
    let mut text = String::from_utf8(bytes_of(source, name)?).map_err(|_| {
        HubError::new(&codes::INPUT_UNREADABLE, format!("{name} is not valid UTF-8"))
    })?;
    if unmarked(&text).len() < text.len() {
        // In place: the text may be a secret, and a copy would stay behind.
        _ = text.remove(0);
    }
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

fn bytes_of(source: impl Read, name: &str) -> Result<Vec<u8>, HubError> {
    let mut bytes = Vec::new();
    read(source, &mut bytes, name, VALUE_LIMIT)?;
    Ok(bytes)
}

/// What a command is to be done to.
#[derive(Debug, Default)]
pub(super) struct Targets {
    names: Vec<String>,
    /// Whether a list names them and not the line: it may well name one, or none.
    pub(super) are_listed: bool,
}

impl Targets {
    /// Those of a list.
    pub(super) fn listed(names: Vec<String>) -> Self {
        Self { names, are_listed: true }
    }

    /// Whether the answer is an array: that is for the line to say, and not for what a list holds.
    pub(super) fn are_many(&self) -> bool {
        self.are_listed || self.names.len() != 1
    }
}

impl From<Vec<String>> for Targets {
    fn from(names: Vec<String>) -> Self {
        Self { names, are_listed: false }
    }
}

impl std::ops::Deref for Targets {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.names
    }
}

/// Reads what names a thing: nothing is named by what an address of a hub elsewhere can't hold.
pub(super) fn target(text: &str) -> Result<String, String> {
    match text {
        "" | "." | ".." => Err(format!("`{text}` can't name anything")),
        _ => Ok(text.to_owned()),
    }
}

/// Targets from arguments; `-` stands for the lines of standard input.
pub(super) fn targets(given: &[String]) -> Result<Targets, HubError> {
    let (mut targets, mut are_listed) = (Vec::new(), false);
    for target in given {
        if target != "-" {
            targets.push(target.clone());
            continue;
        }
        are_listed = true;
        let stdin = io::stdin();
        if stdin.is_terminal() {
            let text = "`-` reads targets from standard input, and that is the terminal";
            return Err(HubError::new(&codes::INPUT_NEEDED, text));
        }
        let mut lines = BufReader::new(stdin.lock());
        loop {
            let mut line = Vec::new();
            let read = lines.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line);
            let count = read.map_err(unreadable("standard input"))?;
            if count == 0 {
                break;
            }
            // What is cut off would be taken for a target of its own.
            if count as u64 == LINE_LIMIT && !line.ends_with(b"\n") {
                let text = format!("standard input has a line of more than {LINE_LIMIT} bytes");
                return Err(HubError::new(&codes::INPUT_UNREADABLE, text).hint("one target a line"));
            }
            let line = String::from_utf8(line).map_err(|_| {
                HubError::new(&codes::INPUT_UNREADABLE, "standard input is not valid UTF-8")
            })?;
            let name = unmarked(&line).trim();
            if !name.is_empty() {
                targets.push(name.to_owned());
            }
        }
    }
    for name in &targets {
        target(name).map_err(|why| HubError::new(&codes::BAD_VALUE, why))?;
    }
    let mut seen = std::collections::HashSet::new();
    targets.retain(|target: &String| seen.insert(target.clone()));
    Ok(Targets { names: targets, are_listed })
}

/// Reads `K=V` tags.
pub(super) fn metadata(given: &[String]) -> Result<Map<String, Value>, HubError> {
    let mut tags = Map::new();
    for pair in given {
        let Some((key, value)) = pair.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            let shown: String = pair.chars().take(40).collect();
            return Err(HubError::new(&codes::BAD_VALUE, format!("`{shown}` is not KEY=VALUE"))
                .hint("--metadata plan=gold"));
        };
        if tags.insert(key.to_owned(), Value::from(value)).is_some() {
            let shown: String = key.chars().take(40).collect();
            return Err(HubError::new(
                &codes::BAD_VALUE,
                format!("--metadata {shown} is given twice"),
            ));
        }
    }
    Ok(tags)
}

/// What to do where the thing to make is there already.
pub(super) fn if_there() -> impl TypedValueParser<Value = IfThere> {
    let known = [
        PossibleValue::new(IfThere::Fail.as_str()).help("End with exit status 6"),
        PossibleValue::new(IfThere::Skip.as_str()).help("Leave it as it is"),
    ];
    PossibleValuesParser::new(known).try_map(|text| text.parse::<IfThere>())
}

/// The same where it can be brought to what is asked for.
pub(super) fn if_exists() -> impl TypedValueParser<Value = IfExists> {
    let known = [
        PossibleValue::new(IfExists::Fail.as_str()).help("End with exit status 6"),
        PossibleValue::new(IfExists::Skip.as_str()).help("Leave it as it is"),
        PossibleValue::new(IfExists::Update.as_str()).help("Bring it to what is asked for"),
    ];
    PossibleValuesParser::new(known).try_map(|text| text.parse::<IfExists>())
}

/// Reads an id or a name.
pub(super) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, HubError> {
    text.parse().map_err(|error| HubError::new(&codes::BAD_VALUE, format!("{error}")))
}

/// Reads a duration: whole seconds, or words such as `30m`, `24h`, `1h 30m` or `7d`.
pub(super) fn duration_s(text: &str) -> Result<i64, String> {
    let bad = || format!("`{text}` is not a duration: use 1800, 30m, 24h or 7d");
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_err(|_| bad());
    }
    let span: jiff::Span = text.parse().map_err(|_| bad())?;
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    let total = span.total((jiff::Unit::Second, days)).map_err(|_| bad())?;
    if total.fract() != 0.0 || !(0.0..=9e15).contains(&total) {
        return Err(bad());
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within bounds, as just seen")]
    Ok(total as i64)
}

/// Reads how long to wait for something: at least so many seconds, and at most a day.
pub(super) fn wait(text: &str, least_s: i64) -> Result<Duration, String> {
    let seconds = duration_s(text)?;
    let fine = (least_s..=LONGEST_WAIT_S).contains(&seconds);
    let seconds = fine.then(|| u64::try_from(seconds).ok()).flatten();
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| format!("`{text}` is not a duration from {least_s} seconds to a day"))
}

/// Reads an instant: RFC 3339, a Unix time, or how long ago.
pub(super) fn since(text: &str, now: Timestamp) -> Result<Timestamp, HubError> {
    if let Some(at) = text.parse().ok().or_else(|| unix_time(text)) {
        return Ok(at);
    }
    match duration_s(text) {
        Ok(seconds) => Ok(now.plus_seconds(-seconds)),
        Err(_) => {
            let shown: String = text.chars().take(40).collect();
            let text = format!("`{shown}` is neither a duration nor a time");
            Err(HubError::new(&codes::BAD_VALUE, text).hint("24h, 7d or 2026-06-01T00:00:00Z"))
        }
    }
}

/// A whole number that is too long for a duration that somebody means: seconds since 1970, or
/// milliseconds.
fn unix_time(text: &str) -> Option<Timestamp> {
    let number: i64 = text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))?;
    match text.len() {
        9..=11 => Some(Timestamp::from_millis(number * 1000)),
        12..=14 => Some(Timestamp::from_millis(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_words_with_days_of_24_hours() {
        let fine = [("1800", 1800), ("30m", 1800), ("1h 30m", 5400), ("7d", 604_800), ("90s", 90)];
        for (text, seconds) in fine {
            assert_eq!(duration_s(text), Ok(seconds), "{text}");
        }
        for bad in ["", "-5m", "1.5", "abc", "1 month", "99999999999999999999", "0.5s"] {
            assert!(duration_s(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_long_number_is_a_unix_time_and_a_short_one_is_how_long_ago() {
        let now = Timestamp::from_millis(1_780_000_000_000);
        let read = |text: &str| since(text, now).unwrap().as_millis();
        for (text, millis) in [
            ("1764000000", 1_764_000_000_000),
            ("999999999", 999_999_999_000),
            ("99999999999", 99_999_999_999_000),
            ("1764000000123", 1_764_000_000_123),
            ("999999999999", 999_999_999_999),
            ("99999999999999", 99_999_999_999_999),
            ("3600", 1_779_996_400_000),
            ("99999999", 1_680_000_001_000),
            ("24h", 1_779_913_600_000),
        ] {
            assert_eq!(read(text), millis, "{text}");
        }
        for bad in ["-1764000000", "+1764000000", "1764000000.5"] {
            assert!(since(bad, now).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_no_path_can_hold_is_no_target() {
        for bad in ["", ".", ".."] {
            assert!(target(bad).is_err(), "{bad:?}");
            assert!(targets(&["a".to_owned(), bad.to_owned()]).is_err(), "{bad:?}");
        }
        assert_eq!(target("..."), Ok("...".to_owned()));
    }

    #[test]
    fn waits_last_a_day_at_most() {
        assert_eq!(wait("1d", 1), Ok(Duration::from_hours(24)));
        assert_eq!((wait("0", 0), wait("1s", 1)), (Ok(Duration::ZERO), Ok(Duration::from_secs(1))));
        for bad in ["0", "86401", "9223372036854775807", "x"] {
            assert!(wait(bad, 1).is_err(), "{bad}");
        }
    }

    #[test]
    fn threat_32_a_value_without_its_name_is_not_repeated() {
        for given in ["hunter2", "=hunter2"] {
            let error = values(&[given.to_owned()]).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn durations_of_any_text_are_whole_seconds_or_refused(text in "\\PC{0,30}|[0-9]{0,25}[smhdwy ]{0,3}|-?[0-9.e]{1,9}[smhd]?") {
            if let Ok(seconds) = duration_s(&text) {
                assert!(seconds >= 0, "{text}: {seconds}");
            }
            _ = since(&text, Timestamp::from_millis(0));
        }

        #[test]
        fn a_number_of_seconds_is_itself(seconds in 0..=i64::MAX) {
            assert_eq!(duration_s(&seconds.to_string()), Ok(seconds));
        }

        #[test]
        fn instants_are_read_as_they_are_written(millis in -62_000_000_000_000..253_000_000_000_000_i64) {
            let at = Timestamp::from_millis(millis);
            assert_eq!(since(&at.to_string(), Timestamp::from_millis(0)).unwrap(), at);
        }

        #[test]
        fn a_set_keeps_name_and_value_apart_at_the_first_equals_sign(key in "[^=\0]{1,20}", value in "[^-@][^\0]{0,40}|") {
            let read = values(&[format!("{key}={value}")]).unwrap();
            assert_eq!(read.given[&key].expose(), value);
        }

        #[test]
        fn no_set_and_no_tag_makes_a_panic(text in "\\PC{0,40}") {
            if !text.contains("=-") && !text.contains("=@") {
                assert_eq!(values(std::slice::from_ref(&text)).is_ok(), text.find('=').is_some_and(|at| at > 0));
            }
            assert_eq!(metadata(std::slice::from_ref(&text)).is_ok(), text.find('=').is_some_and(|at| at > 0));
        }

        #[test]
        fn targets_come_once_each_in_their_order(given in proptest::collection::vec("[a-c]{1,2}", 0..12)) {
            let read = targets(&given).unwrap();
            let mut expected = Vec::new();
            for target in given {
                if !expected.contains(&target) {
                    expected.push(target);
                }
            }
            assert_eq!(*read, *expected);
        }
    }

    #[test]
    fn a_value_needs_a_name_and_each_name_comes_once() {
        let sets =
            |sets: &[&str]| values(&sets.iter().map(ToString::to_string).collect::<Vec<_>>());
        let read = sets(&["a=1", "b=x=y", "c="]).unwrap();
        assert_eq!(read.given["b"].expose(), "x=y");
        assert_eq!(read.literal, ["a", "b", "c"]);
        for bad in [&["a"][..], &["=1"], &["a=1", "a=2"], &["a=@/nonexistent"]] {
            assert!(sets(bad).is_err(), "{bad:?}");
        }
    }
}
