//! Where a tree does not have the shape of a connector, and how to say so.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::connector::near::did_you_mean;
use crate::domain::connector::request::{Captured, OAuth1Flow, TokenCall};
use crate::domain::connector::signing::{Authorization, Jwt, Mtls, Signature};
use crate::domain::connector::support::{Notice, Support};
use crate::domain::connector::validate::Finding;
use crate::domain::connector::{AuthMethod, Connector, Field, Verify};
use crate::domain::words::escaped;

/// Every part that does not have its shape; the innermost place is told.
pub(super) fn shape(value: &Value) -> Vec<Finding> {
    let mut found = Vec::new();
    if !value.is_object() {
        return vec![Finding::error("", "is not an object with the members of a connector")];
    }
    let methods = value.get("auth").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (number, auth) in methods.iter().enumerate() {
        method(auth, &format!("auth[{number}]"), &mut found);
    }
    let before = found.len();
    light_calls(value, "", &mut found);
    fits::<Support>(value, "support", "", &mut found);
    if found.len() > before {
        return found;
    }
    // The methods have been looked at one by one.
    let mut head = value.clone();
    if let Some(auth) = head.get_mut("auth").filter(|auth| auth.is_array()) {
        *auth = Value::Array(Vec::new());
    }
    if let Err(error) = serde_json::from_value::<Connector>(head) {
        found.push(Finding::error("", friendly(&error.to_string())));
    }
    found
}

fn method(auth: &Value, place: &str, found: &mut Vec<Finding>) {
    let before = found.len();
    for form in ["config_fields", "setup_fields"] {
        each::<Field>(auth, form, place, found);
    }
    each::<Captured>(auth, "captured", place, found);
    each::<Notice>(auth, "notices", place, found);
    fits::<Authorization>(auth, "authorization", place, found);
    fits::<Jwt>(auth, "jwt", place, found);
    fits::<Signature>(auth, "signature", place, found);
    fits::<Mtls>(auth, "mtls", place, found);
    light_calls(auth, place, found);
    fits::<Support>(auth, "support", place, found);
    if auth.pointer("/token_request/request_token_url").is_some() {
        fits::<OAuth1Flow>(auth, "token_request", place, found);
    } else {
        fits::<TokenCall>(auth, "token_request", place, found);
    }
    if found.len() == before {
        one::<AuthMethod>(auth, place, found);
    }
}

/// One light call, or several.
fn light_calls(parent: &Value, place: &str, found: &mut Vec<Finding>) {
    match parent.get("verify") {
        Some(Value::Array(calls)) => {
            let dot = if place.is_empty() { "" } else { "." };
            for (number, call) in calls.iter().enumerate() {
                one::<Verify>(call, &format!("{place}{dot}verify[{number}]"), found);
            }
        }
        _ => fits::<Verify>(parent, "verify", place, found),
    }
}

fn each<T: DeserializeOwned>(parent: &Value, member: &str, place: &str, found: &mut Vec<Finding>) {
    let items = parent.get(member).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (number, item) in items.iter().enumerate() {
        one::<T>(item, &format!("{place}.{member}[{number}]"), found);
    }
}

fn fits<T: DeserializeOwned>(parent: &Value, member: &str, place: &str, found: &mut Vec<Finding>) {
    let dot = if place.is_empty() { "" } else { "." };
    if let Some(part) = parent.get(member).filter(|part| !part.is_null()) {
        one::<T>(part, &format!("{place}{dot}{member}"), found);
    }
}

fn one<T: DeserializeOwned>(value: &Value, place: &str, found: &mut Vec<Finding>) {
    // A reference can be read from, so nothing large is copied for a part that fits.
    if let Err(error) = T::deserialize(value) {
        found.push(Finding::error(place, friendly(&error.to_string())));
    }
}

/// The parser's words as a sentence about a member, short and without control characters.
pub(super) fn friendly(message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let said = match quoted.as_slice() {
        [name, known @ ..] if message.starts_with("unknown field ") => {
            format!("has an unknown member `{name}`{}", did_you_mean(name, known.iter().copied()))
        }
        [name, known @ ..] if message.starts_with("unknown variant ") => {
            let near = did_you_mean(name, known.iter().copied());
            format!("has the value `{name}`, which is none of {}{near}", known.join(", "))
        }
        [name, ..] if message.starts_with("missing field ") => format!("`{name}` is missing"),
        _ => message.to_owned(),
    };
    let mut short = escaped(&said, 400);
    // What was escaped for the sake of control characters need not make quotes ugly.
    for (ugly, plain) in [("\\\"", "\""), ("\\'", "'")] {
        short = short.replace(ugly, plain);
    }
    short
}
