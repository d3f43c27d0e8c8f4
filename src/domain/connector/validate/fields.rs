//! Rules for the fields of a method.

use std::collections::BTreeMap;

use super::Report;
use crate::domain::connector::field::{Field, FieldKind};
use crate::domain::connector::pattern;
use crate::domain::connector::template::{RESERVED, is_name};

/// Checks a form's fields and adds them to those known by key.
pub(super) fn check<'a>(
    fields: &'a [Field],
    place: &str,
    known: &mut BTreeMap<&'a str, &'a Field>,
    found: &mut Report,
) {
    for (number, field) in fields.iter().enumerate() {
        let place = format!("{place}[{number}]");
        let key = field.key.as_str();
        if !is_name(key) {
            found.error(format!("{place}.key"), "is not 1 to 64 letters, digits, `_` and `-`");
        }
        if RESERVED.contains(&key) {
            found.error(format!("{place}.key"), format!("`{key}` is a reserved name"));
        }
        if known.insert(key, field).is_some() {
            found.error(format!("{place}.key"), format!("`{key}` stands twice"));
        }
        if field.label.trim().is_empty() {
            found.error(format!("{place}.label"), "is empty");
        }
        if field.kind == FieldKind::Password && !field.secret {
            found.error(format!("{place}.secret"), "must be true for a password");
        }
        options(field, &place, found);
        value_rules(field, &place, found);
    }
}

fn options(field: &Field, place: &str, found: &mut Report) {
    let place = format!("{place}.options");
    match (field.kind == FieldKind::Select, field.options.is_empty()) {
        (true, true) => found.error(place, "is needed for a select"),
        (false, false) => found.error(place, "is for a select only"),
        _ => {
            let twice = |number: usize| {
                let value = &field.options[number].value;
                field.options[..number].iter().any(|other| other.value == *value)
            };
            if (0..field.options.len()).any(twice) {
                found.error(place, "has a value twice");
            }
        }
    }
}

fn value_rules(field: &Field, place: &str, found: &mut Report) {
    let default = field.default.as_deref();
    if field.is_secret() && default.is_some() {
        found.error(format!("{place}.default"), "a secret can't have a default");
    }
    let inside = |value: &str| field.options.iter().any(|option| option.value == value);
    if field.kind == FieldKind::Select && default.is_some_and(|value| !inside(value)) {
        found.error(format!("{place}.default"), "is not among the options");
    }
    match field.pattern.as_deref().map(pattern::compile) {
        Some(Err(why)) => found.error(format!("{place}.pattern"), why),
        Some(Ok(regex)) if default.is_some_and(|value| !regex.is_match(value)) => {
            found.error(format!("{place}.default"), "does not fit the pattern");
        }
        _ => {}
    }
    if field.read_only && field.required && default.is_none() && !field.is_secret() {
        found.error(
            format!("{place}.read_only"),
            "a required field that can't be changed needs a default",
        );
    }
}
