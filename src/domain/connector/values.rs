//! Whether the values given for a form's fields are complete and of the right form.
//!
//! A message never holds the value of a secret, since it ends up in logs and answers.

use std::collections::{BTreeMap, BTreeSet};

use super::field::{Field, FieldKind, Format};
use super::near::did_you_mean;
use super::pattern;
use crate::domain::secret::Secret;
use crate::domain::words::{escaped, is_risky};

mod format;

/// The largest value of a field of one line.
pub const MAX_VALUE_BYTES: usize = 64 << 10;
/// The largest value of a field of several lines.
pub const MAX_TEXT_AREA_BYTES: usize = 256 << 10;

/// What stands for a stored secret in a form (SE-2).
const PLACEHOLDER: &str = "__secretvalue:**redacted**";

/// Whether the form is filled in for the first time.
#[derive(Debug, Clone, Copy)]
pub enum Mode<'a> {
    /// Everything that is required must be given or have a default.
    New,
    /// What is not given stays as it is stored (AC-38, HB-10).
    Edit {
        /// Keys that have a stored value.
        stored: &'a BTreeSet<String>,
        /// Who edits.
        by: Editor,
    },
}

/// Who edits what is stored: it decides what an empty secret means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Editor {
    /// Somebody at a page, where a secret that nobody touched comes as an empty input.
    EndUser,
    /// Somebody who names what shall change: an empty value takes the stored one away.
    Administrator,
}

/// Values that fit their fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Values that may be shown.
    pub public: BTreeMap<String, String>,
    /// Values to seal.
    pub secret: BTreeMap<String, Secret>,
    /// Edit only: keys whose stored value was emptied on purpose.
    pub cleared: BTreeSet<String>,
}

impl Checked {
    /// Whether what is stored under this key stays as it is.
    #[must_use]
    pub fn leaves(&self, key: &str) -> bool {
        !(self.public.contains_key(key)
            || self.secret.contains_key(key)
            || self.cleared.contains(key))
    }
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldProblem {
    /// The key of the field, as given.
    pub field: String,
    /// What is wrong, without the value of a secret.
    pub message: String,
}

/// Checks all values against all fields, which are as they stand; the problems come in the order of
/// the fields. [`super::form::check_form`] says how they stand.
///
/// # Errors
/// Everything that is wrong, at once.
pub(super) fn check_values(
    fields: &[Field],
    given: &BTreeMap<String, Secret>,
    mode: Mode<'_>,
) -> Result<Checked, Vec<FieldProblem>> {
    let mut checked = Checked::default();
    let mut problems = Vec::new();
    for field in fields {
        if let Err(message) = check_field(field, given.get(&field.key), mode, &mut checked) {
            problems.push(FieldProblem { field: field.key.clone(), message });
        }
    }
    for key in given.keys().filter(|key| !fields.iter().any(|field| field.key == **key)) {
        let near = did_you_mean(key, fields.iter().map(|field| field.key.as_str()));
        let field = escaped(key, 64);
        problems.push(FieldProblem { field, message: format!("is not a field here{near}") });
    }
    if problems.is_empty() { Ok(checked) } else { Err(problems) }
}

fn check_field(
    field: &Field,
    given: Option<&Secret>,
    mode: Mode<'_>,
    checked: &mut Checked,
) -> Result<(), String> {
    let given = given.and_then(|given| entered(field, given));
    let stored = matches!(mode, Mode::Edit { stored, .. } if stored.contains(&field.key));
    let untouched = field.is_secret() && matches!(mode, Mode::Edit { by: Editor::EndUser, .. });
    let value = match given {
        Some("") if stored && untouched => return Ok(()),
        Some("") if stored && !field.required => {
            checked.cleared.insert(field.key.clone());
            return Ok(());
        }
        None if stored => return Ok(()),
        Some("") | None => match field.default.as_deref() {
            Some(default) => default,
            None if field.required => return Err("is required".to_owned()),
            None => return Ok(()),
        },
        Some(text) => text,
    };
    check_value(field, value)?;
    if field.is_secret() {
        checked.secret.insert(field.key.clone(), Secret::new(value));
    } else {
        checked.public.insert(field.key.clone(), value.to_owned());
    }
    Ok(())
}

/// What was filled in, tidied; HB-11: what stands for a stored secret is no value.
pub(super) fn entered<'a>(field: &Field, given: &'a Secret) -> Option<&'a str> {
    let text = tidy(field, given.expose());
    (!(field.is_secret() && text.starts_with(PLACEHOLDER))).then_some(text)
}

/// Pasted keys often carry a space, a line end or a sign that nobody sees, which no vendor means.
/// The lines of a text area stay as they are where there is anything to see.
pub(super) fn tidy<'a>(field: &Field, text: &'a str) -> &'a str {
    let unseen = |c: char| c.is_whitespace() || is_invisible(c);
    if field.kind == FieldKind::TextArea && !text.chars().all(unseen) {
        return text.trim_matches(is_invisible);
    }
    text.trim_matches(unseen)
}

/// Whether nobody sees the sign, such as a byte order mark or a soft hyphen.
fn is_invisible(c: char) -> bool {
    is_risky(c) && !c.is_control()
}

/// Whether it is a quote as word processors put around what they quote; passwords may hold one.
fn is_curly(c: char) -> bool {
    matches!(c, '\u{2018}'..='\u{201f}')
}

/// What is wrong with a secret of one line that a program changed on its way here.
fn spoilt(text: &str) -> Option<&'static str> {
    if text.contains(is_invisible) {
        Some("has an invisible sign in it: copy it once more from where it was made")
    } else if text.starts_with(is_curly) && text.ends_with(is_curly) {
        Some("stands in curly quotes: copy what is between them")
    } else {
        None
    }
}

pub(super) fn check_value(field: &Field, value: &str) -> Result<(), String> {
    let area = field.kind == FieldKind::TextArea;
    let limit = if area { MAX_TEXT_AREA_BYTES } else { MAX_VALUE_BYTES };
    if value.len() > limit {
        return Err(format!("is longer than {limit} bytes"));
    }
    // A private key is pasted with its lines into a password field too.
    let lines = area || field.kind == FieldKind::Password;
    let allowed = |c: char| lines && matches!(c, '\n' | '\r' | '\t');
    if value.chars().any(|c| c.is_control() && !allowed(c)) {
        return Err("has control characters".to_owned());
    }
    let is_line = !matches!(field.kind, FieldKind::TextArea | FieldKind::Select);
    if let Some(why) = spoilt(value).filter(|_| is_line && field.is_secret()) {
        return Err(why.to_owned());
    }
    if field.read_only
        && !field.is_secret()
        && let Some(default) = field.default.as_deref().filter(|default| *default != value)
    {
        return Err(format!("can't be changed from `{default}`"));
    }
    match field.kind {
        FieldKind::Select if !field.options.iter().any(|option| option.value == value) => {
            return Err(not_an_option(field, value));
        }
        FieldKind::Number if !value.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Err("is not a number of digits".to_owned());
        }
        _ => {}
    }
    if field.format.is_some_and(|format| !format::fits(format, value)) {
        return Err(misfit(field));
    }
    if let Some(text) = &field.pattern {
        let regex = pattern::compile(text).map_err(|why| format!("has a pattern that {why}"))?;
        if !regex.is_match(value) {
            return Err(misfit(field));
        }
    }
    Ok(())
}

/// What to say of a value that does not have the form that the field needs: words, since few can
/// read an expression. What stands in the empty input is an example where it has that form.
#[must_use]
pub fn misfit(field: &Field) -> String {
    let example = field.placeholder.as_str();
    let fits = |text: &str| pattern::compile(text).is_ok_and(|regex| regex.is_match(example));
    match (&field.pattern_error, field.format, &field.pattern) {
        (Some(said), _, _) => said.clone(),
        (None, Some(format), _) => format!("is not {}", wanted(format)),
        (None, None, Some(text)) if !example.is_empty() && fits(text) => {
            format!("does not have the form needed, such as {example}")
        }
        _ => "does not have the form needed".to_owned(),
    }
}

fn not_an_option(field: &Field, value: &str) -> String {
    let known = || field.options.iter().map(|option| option.value.as_str());
    let near = if field.is_secret() { String::new() } else { did_you_mean(value, known()) };
    let shown: Vec<&str> = known().take(12).collect();
    let more = if field.options.len() > shown.len() { ", ..." } else { "" };
    format!("is none of {}{more}{near}", shown.join(", "))
}

const fn wanted(format: Format) -> &'static str {
    match format {
        Format::Email => "an e-mail address",
        Format::Url => "an address such as https://acme.example",
        Format::Uri => "a URI such as urn:acme:1",
        Format::Uuid => "a UUID",
        Format::Date => "a date such as 2026-06-01",
        Format::Datetime => "a time such as 2026-06-01T09:00:00Z",
    }
}

#[cfg(test)]
mod tests;
