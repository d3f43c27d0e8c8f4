//! JSON that is shown as it is written: a number may be longer than any type holds.

use std::borrow::Borrow;

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use serde_saphyr::Tagged;

use crate::api::cut::{Members, Parts};
use crate::error::HubError;

use super::json::{Style, laid_out, unserializable};
use super::record::Cell;
use super::suggest;

/// Digits of which an `f64` holds any.
const HELD_DIGITS: usize = 15;

/// The parts of a document.
pub(super) fn parts(json: &RawValue) -> Result<Parts<'_>, HubError> {
    Parts::of(json).map_err(|error| unserializable(error.into()))
}

/// JSON text as a document.
pub(super) fn document(text: String) -> Result<Box<RawValue>, HubError> {
    RawValue::from_string(text).map_err(|error| unserializable(error.into()))
}

/// An array of these.
pub(super) fn array(items: &[impl Borrow<str>]) -> String {
    format!("[{}]", items.join(","))
}

/// The elements of an array as they are written.
pub(super) fn texts<'a>(items: &[&'a RawValue]) -> Vec<&'a str> {
    items.iter().map(|item| item.get()).collect()
}

/// The document with only these keys, in its own order. Of an array each member is narrowed, and
/// one may lack a key that another has.
pub(super) fn narrowed(json: &RawValue, names: &[String]) -> Result<String, HubError> {
    let whole = parts(json)?;
    let rows: Vec<&RawValue> = match &whole {
        Parts::Array(items) => items.clone(),
        _ => vec![json],
    };
    let cut = rows.iter().map(|row| parts(row)).collect::<Result<Vec<_>, _>>()?;
    let mut known: Vec<&str> = Vec::new();
    for (name, _) in cut.iter().flat_map(members) {
        if !known.contains(&name.as_str()) {
            known.push(name);
        }
    }
    let is_known = |name: &&String| known.contains(&name.trim());
    if let Some(name) = names.iter().find(|name| !is_known(name))
        && !known.is_empty()
    {
        return Err(suggest::unknown("field", name, &known));
    }
    let kept: Vec<String> = cut.iter().map(|row| kept(row, names)).collect();
    Ok(match whole {
        Parts::Array(_) => array(&kept),
        _ => kept.concat(),
    })
}

fn members<'a, 'b>(parts: &'b Parts<'a>) -> &'b [(String, &'a RawValue)] {
    match parts {
        Parts::Object(Members(members)) => members,
        Parts::Array(_) | Parts::Single(_) => &[],
    }
}

fn kept(parts: &Parts<'_>, names: &[String]) -> String {
    match parts {
        Parts::Object(Members(members)) => {
            let kept =
                members.iter().filter(|(key, _)| names.iter().any(|name| name.trim() == key));
            let kept: Vec<String> = kept
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), value.get()))
                .collect();
            format!("{{{}}}", kept.join(","))
        }
        Parts::Array(items) => array(&texts(items)),
        Parts::Single(value) => value.get().to_owned(),
    }
}

/// A value as a line shows it: text as it is, nothing for null, anything nested as JSON.
pub(super) fn cell_of(json: &RawValue) -> Cell<'_> {
    match json.get() {
        "null" => Cell::Empty,
        text => match serde_json::from_str::<String>(text) {
            Ok(text) => Cell::from(text),
            Err(_) => Cell::from(laid_out(text, Style::Compact)),
        },
    }
}

/// A document for other formats than JSON.
pub(super) struct Written<'a>(pub(super) &'a RawValue);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Parts::of(self.0).map_err(S::Error::custom)? {
            Parts::Array(items) => serializer.collect_seq(items.into_iter().map(Written)),
            Parts::Object(Members(members)) => serializer
                .collect_map(members.into_iter().map(|(key, value)| (key, Written(value)))),
            Parts::Single(value) => {
                let text = value.get();
                if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
                    return number(text, serializer);
                }
                let word: Value = serde_json::from_str(text).map_err(S::Error::custom)?;
                word.serialize(serializer)
            }
        }
    }
}

/// A number by the type that holds it, and otherwise as text that is marked as one.
fn number<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if let Ok(whole) = text.parse::<i128>()
        && whole.to_string() == text
    {
        return serializer.serialize_i128(whole);
    }
    match text.parse::<f64>() {
        Ok(number) if is_held(number, text) => serializer.serialize_f64(number),
        _ => {
            let kind = if text.contains(['.', 'e', 'E']) { "float" } else { "int" };
            Tagged(text, Some(format!("tag:yaml.org,2002:{kind}"))).serialize(serializer)
        }
    }
}

/// Whether a number is the one that is written.
fn is_held(number: f64, text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.chars().filter(char::is_ascii_digit).skip_while(|digit| *digit == '0');
    match digits.count() {
        0 => true,
        count => number.is_normal() && (count <= HELD_DIGITS || number.to_string() == text),
    }
}
