//! Rules for the fields of a method.

use std::collections::BTreeMap;

use super::Report;
use crate::domain::connector::AuthMethod;
use crate::domain::connector::expression::Expression;
use crate::domain::connector::field::{Field, FieldKind};
use crate::domain::connector::form::SHOWN_TOKEN;
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
    if field.is_secret() && field.default.is_some() {
        found.error(format!("{place}.default"), "a secret can't have a default");
    }
    if field.computed.is_some() && (field.is_secret() || field.default.is_some()) {
        found.error(format!("{place}.computed"), "is not for a secret, nor beside a default");
    }
    if field.hidden && field.is_secret() {
        found.error(format!("{place}.hidden"), "a secret must be asked for");
    }
    // What a template comes to is looked at when it is filled in.
    let default = field.default.as_deref().filter(|_| !field.is_computed());
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
    let has_preset = field.default.is_some() || field.computed.is_some();
    if field.is_fixed() && field.required && !has_preset && !field.is_secret() {
        found.error(
            format!("{place}.read_only"),
            "a required field that can't be changed needs a default",
        );
    }
}

/// What fields depend on may be shown, and is known by then: a set-up is filled in before any form
/// of an end user's, who would otherwise decide what the administrator's values are.
pub(super) fn dependencies(auth: &AuthMethod, place: &str, found: &mut Report) {
    let all = || auth.setup_fields.iter().chain(&auth.config_fields);
    let setup = auth.setup_fields.len();
    for (number, field) in all().enumerate() {
        let is_setup = number < setup;
        let (form, at, many) = match is_setup {
            true => ("setup_fields", number, setup),
            false => ("config_fields", number - setup, usize::MAX),
        };
        let readable = |name: &str| {
            let mut others = all().take(many).filter(|other| other.key != field.key);
            name == SHOWN_TOKEN || others.any(|other| other.key == name && !other.is_secret())
        };
        let of = |expression: &Option<Expression>| -> Vec<String> {
            let names = expression.as_ref().map(Expression::names).unwrap_or_default();
            names.into_iter().map(str::to_owned).collect()
        };
        let default = field.sources().into_iter().filter(|_| is_setup && field.computed.is_none());
        for (member, names) in [
            ("condition", of(&field.condition)),
            ("computed", of(&field.computed)),
            ("default", default.map(str::to_owned).collect()),
        ] {
            if let Some(name) = names.iter().find(|name| !readable(name)) {
                found.error(
                    format!("{place}.{form}[{at}].{member}"),
                    format!("uses `${{{name}}}`, which is no other field that may be shown here"),
                );
            }
        }
    }
}
