//! Rules for every text of a connector: size, depth, control characters, headers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{MAX_DEPTH, MAX_TEXT_BYTES, Report};
use crate::domain::connector::Connector;
use crate::domain::connector::template::Template;

/// Headers that only the HTTP client may set.
const OWN_HEADERS: [&str; 12] = [
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Every text of the connector, by way of its written form so that no member can be forgotten.
pub(super) fn check(connector: &Connector, found: &mut Report) {
    match serde_json::to_value(connector) {
        Ok(value) => walk(&value, "", 0, found),
        Err(error) => found.error("", format!("can't be written: {error}")),
    }
}

fn walk(value: &Value, place: &str, depth: usize, found: &mut Report) {
    if depth > MAX_DEPTH {
        found.error(place, format!("is nested deeper than {MAX_DEPTH}"));
        return;
    }
    match value {
        Value::String(text) => one(text, place, found),
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                walk(item, &format!("{place}[{number}]"), depth + 1, found);
            }
        }
        Value::Object(members) => {
            for (name, item) in members {
                let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                one(name, &place, found);
                walk(item, &place, depth + 1, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn one(text: &str, place: &str, found: &mut Report) {
    if text.len() > MAX_TEXT_BYTES {
        found.error(place, format!("is longer than {MAX_TEXT_BYTES} bytes"));
    }
    if text.chars().any(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || turns_text(c)) {
        found.error(place, "has control characters");
    }
}

/// Characters that make text read differently from what it says.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Names and values of headers.
pub(super) fn headers(headers: &BTreeMap<String, Template>, place: &str, found: &mut Report) {
    for (name, value) in headers {
        let place = format!("{place}.{name}");
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            found.error(&place, "is not the name of a header");
        }
        if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            found.error(&place, "is a header that only the HTTP client sets");
        }
        if value.as_str().chars().any(char::is_control) {
            found.error(&place, "has control characters");
        }
    }
}
