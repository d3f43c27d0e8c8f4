//! What a provider says about a failure: found in its answer, cut, cleaned, and rid of secrets.

use serde_json::Value;

use super::credentials::Values;
use super::secret::forms::Forms;
use super::time::Timestamp;
use super::words::one_line;

/// The longest reason that is shown, in characters.
pub const MAX_REASON: usize = 300;
/// The longest reason that is looked at, in characters: of a value that is cut off, the rest could
/// not be hidden.
const MAX_SEEN: usize = 64 << 10;
/// Values shorter than this are no secrets worth hiding, and would blot out common words.
const MIN_HIDDEN: usize = 4;
/// What stands in place of a value.
pub const HIDDEN: &str = "***";
/// The longest wait that a provider can ask for, in seconds.
const MAX_WAIT_S: i64 = 86_400;

/// Where vendors put words for people, the most telling first.
const PLACES: [&str; 24] = [
    "error_description",
    "error.message",
    "error.error_description",
    "error.description",
    "error.detail",
    "errors.0.message",
    "errors.0.detail",
    "errors.0.title",
    "errors.0.description",
    "errors.0.error",
    "errors.0",
    "message",
    "detail",
    "Message",
    "error_message",
    "errorMessage",
    "fault.faultstring",
    "message_detail.message",
    "0.message",
    "meta.message",
    "title",
    "reason",
    "description",
    "error",
];

/// Where vendors put a code for programs.
const CODES: [&str; 15] = [
    "error",
    "error.code",
    "error.type",
    "error.errors.0.reason",
    "error.status",
    "errors.0.code",
    "errors.0.errorType",
    "errors.0.extensions.code",
    "error_code",
    "errorCode",
    "code",
    "status",
    "0.errorCode",
    "fault.detail.errorcode",
    "type",
];

/// The value at a dotted path, in which numbers index lists.
#[must_use]
pub fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').filter(|step| !step.is_empty()).try_fold(value, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        Value::Object(members) => members.get(step),
        _ => None,
    })
}

/// The provider's words for people, if it has any: in one line, and not yet cut to be shown.
#[must_use]
pub fn reason(answer: &Value) -> Option<String> {
    PLACES
        .iter()
        .find_map(|place| at(answer, place)?.as_str())
        .and_then(|text| one_line(text, MAX_SEEN))
}

/// The provider's code for programs: a short word without spaces.
#[must_use]
pub fn code(answer: &Value) -> Option<String> {
    let fine = |text: &&str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
        !text.is_empty() && text.len() <= 100 && text.chars().all(plain)
    };
    CODES.iter().find_map(|place| at(answer, place)?.as_str().filter(fine)).map(str::to_owned)
}

/// A provider's words as they may be kept and shown; `None` where nothing is left.
#[must_use]
pub fn clean(text: &str) -> Option<String> {
    one_line(text, MAX_REASON)
}

/// The forms of every value of four or more characters.
#[must_use]
pub fn forms(values: &Values) -> Forms {
    let texts = values.secrets().map(|value| value.expose().trim());
    Forms::of(texts.filter(|text| text.chars().count() >= MIN_HIDDEN))
}

/// The text with every value of four or more characters hidden, in whatever form.
#[must_use]
pub fn without_values(text: &str, values: &Values) -> String {
    forms(values).hidden(text, HIDDEN).into_owned()
}

/// When a provider wants to be asked again: seconds, or a date of HTTP (RFC 9110).
#[must_use]
pub fn retry_at(header: &str, now: Timestamp) -> Option<Timestamp> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<i64>() {
        return (seconds >= 0).then(|| now.plus_seconds(seconds.min(MAX_WAIT_S)));
    }
    let date = jiff::fmt::rfc2822::parse(header).ok()?;
    let at = Timestamp::from_millis(date.timestamp().as_millisecond());
    (at > now).then(|| at.min(now.plus_seconds(MAX_WAIT_S)))
}

/// The whole seconds until then, at least as long as it wants.
#[must_use]
pub fn wait_s(header: &str, now: Timestamp) -> Option<i64> {
    let at = retry_at(header, now)?;
    Some((at.as_millis() - now.as_millis() + 999).div_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Timestamp, Values, at, code, reason, retry_at, wait_s, without_values};
    use crate::domain::oauth::token_call::basic;
    use crate::domain::secret::Secret;

    #[test]
    fn reasons_are_found_where_vendors_put_them() {
        for (answer, expected) in [
            (json!({"error": "invalid_grant", "error_description": "expired"}), "expired"),
            (json!({"error": {"message": "no key", "code": 401}}), "no key"),
            (json!({"errors": [{"message": "bad", "code": "E1"}]}), "bad"),
            (json!({"errors": ["first", "second"]}), "first"),
            (json!({"errors": [{"detail": "d", "title": "t"}]}), "d"),
            (json!({"title": "Unauthorized", "detail": "token is old"}), "token is old"),
            (json!([{"message": "Session expired", "errorCode": "INVALID"}]), "Session expired"),
            (json!({"ok": false, "error": "invalid_auth"}), "invalid_auth"),
        ] {
            assert_eq!(reason(&answer).as_deref(), Some(expected), "{answer}");
        }
        assert_eq!(reason(&json!({"a": 1})), None);
        assert_eq!(reason(&json!({"message": {"x": 1}, "title": ""})), None);
    }

    #[test]
    fn codes_are_words() {
        assert_eq!(code(&json!({"error": "invalid_grant"})).as_deref(), Some("invalid_grant"));
        assert_eq!(code(&json!({"error": {"code": "E-1"}})).as_deref(), Some("E-1"));
        assert_eq!(code(&json!({"error": "some words", "code": "X"})).as_deref(), Some("X"));
        assert_eq!(code(&json!({"error": "<b>"})), None);
        let deep = json!({"error": {"code": 403, "status": "PERMISSION_DENIED",
            "errors": [{"domain": "usageLimits", "reason": "userRateLimitExceeded"}]}});
        assert_eq!(code(&deep).as_deref(), Some("userRateLimitExceeded"));
    }

    #[test]
    fn a_dotted_path_walks_lists_and_objects() {
        let value = json!({"a": [{"b": 5}]});
        assert_eq!(at(&value, "a.0.b"), Some(&json!(5)));
        assert_eq!(at(&value, "a.1.b"), None);
        assert_eq!(at(&value, "a.b"), None);
        assert_eq!(at(&json!([7]), "0"), Some(&json!(7)));
    }

    #[test]
    fn threat_32_values_of_the_request_are_not_echoed() {
        let mut values = Values::default();
        values.insert("key", Secret::new("hunter2/x"));
        values.insert("longer", Secret::new("hunter2/xyz"));
        values.insert("short", Secret::new("abc"));
        let shown = without_values("bad key hunter2/xyz or hunter2/x or hunter2%2Fx, abc", &values);
        assert_eq!(shown, "bad key *** or *** or ***, abc");
    }

    #[test]
    fn threat_32_values_of_a_basic_header_are_not_echoed() {
        let mut values = Values::default();
        values.insert("user", Secret::new("user"));
        values.insert("password", Secret::new("SuperSecret99\n"));
        for (password, trace) in [("SuperSecret99", "U3VwZXJTZWNyZXQ5O"), ("", "dXNlc")] {
            for user in ["", "u", "us", "user"] {
                let header = basic(user, password);
                let shown = without_values(&format!("bad: {}", header.expose()), &values);
                for part in [trace, "TdXBlclNlY3JldDk5", "N1cGVyU2VjcmV0OT", "U3VwZXJTZWNyZXQ5"] {
                    assert!(!shown.contains(part), "{shown}");
                }
                assert!(shown.starts_with("bad: Basic "), "{shown}");
            }
        }
        let hex = "53757065725365637265743939";
        assert_eq!(without_values(&format!("0x{hex}"), &values), "0x***");
    }

    #[test]
    fn a_wait_is_told_in_seconds_or_as_a_date() {
        let now: Timestamp = "2026-06-01T09:00:00Z".parse().unwrap();
        assert_eq!(retry_at("30", now), Some(now.plus_seconds(30)));
        assert_eq!(retry_at("Mon, 01 Jun 2026 09:01:00 GMT", now), Some(now.plus_seconds(60)));
        assert_eq!(retry_at("Mon, 01 Jun 2020 09:01:00 GMT", now), None);
        assert_eq!(retry_at("99999999999", now), Some(now.plus_seconds(86_400)));
        assert_eq!(wait_s("Mon, 01 Jun 2026 09:01:00 GMT", now), Some(60));
        assert_eq!(retry_at("-1", now), None);
        assert_eq!(retry_at("soon", now), None);
    }
}
