//! A form with what is known: which of its fields are asked, with which values they start, and what
//! was filled in (HB-7 to HB-11).
//!
//! A field may depend on values that anybody may see, of the set-up or of the form itself; what may
//! stand in its condition and in its computed value is a rule of `validate`.

use std::collections::{BTreeMap, BTreeSet};

use super::field::Field;
use super::template::{Part, Template, parts};
use super::values::{Checked, FieldProblem, Mode, check_value, check_values, tidy};
use super::{AuthMethod, Connector, paste};
use crate::domain::credentials::Values;
use crate::domain::secret::Secret;

/// The name under which presets know a session's token for providers that start actions (HB-19).
pub const SHOWN_TOKEN: &str = "external_trigger_token";

impl Field {
    /// Whether its condition holds; one without a condition always applies.
    #[must_use]
    pub fn applies(&self, known: &Values) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.holds(known))
    }

    /// Whether nobody may give it another value than its preset.
    #[must_use]
    pub const fn is_fixed(&self) -> bool {
        self.read_only || self.hidden
    }

    /// Whether somebody must give it a value, as long as it applies.
    #[must_use]
    pub const fn is_needed(&self) -> bool {
        self.required && !self.hidden && self.default.is_none() && self.computed.is_none()
    }

    /// Whether its preset follows from other values.
    #[must_use]
    pub fn is_computed(&self) -> bool {
        !self.sources().is_empty()
    }

    /// The values that its preset follows from.
    #[must_use]
    pub fn sources(&self) -> BTreeSet<&str> {
        let mut names = self.computed.as_ref().map(|it| it.names()).unwrap_or_default();
        let pieces = self.default.as_deref().map(parts).unwrap_or_default();
        names.extend(pieces.into_iter().filter_map(|piece| match piece {
            Part::Value { name, .. } => Some(name),
            Part::Text(_) | Part::Broken(_) => None,
        }));
        names
    }

    /// The value where none is given; none where it can't be known.
    #[must_use]
    pub fn preset(&self, known: &Values) -> Option<String> {
        let filled = match (&self.computed, &self.default) {
            (Some(computed), _) => computed.value(known),
            (None, Some(default)) => known.fill(&Template::new(default.as_str())).ok(),
            (None, None) => None,
        };
        filled.filter(|text| !text.is_empty())
    }

    /// The preset where it fits what the field allows.
    #[must_use]
    pub fn fitting_preset(&self, known: &Values) -> Option<String> {
        let one = self.settled(known);
        let preset = one.default.clone()?;
        check_value(&one, &preset).is_ok().then_some(preset)
    }

    /// The same with its preset worked out, for a form that is shown or checked.
    fn settled(&self, known: &Values) -> Self {
        let default = self.preset(known);
        Self { default, computed: None, condition: None, ..self.clone() }
    }
}

/// The fields to ask for, with their presets filled in: none that is hidden or does not apply. Where
/// that depends on what the form itself asks for, a field is asked and need not be filled in.
#[must_use]
pub fn asked(fields: &[Field], shown: &Values) -> Vec<Field> {
    let open = open(fields);
    let is_open = |names: BTreeSet<&str>| names.iter().any(|name| open.contains(name));
    let known = worked_out(fields, shown);
    let mut asked = Vec::new();
    for field in fields {
        let waits = field.condition.as_ref().is_some_and(|it| is_open(it.names()));
        if !waits && !field.applies(&known) {
            continue;
        }
        let mut settled = field.settled(&known);
        // What would be shown of it may be another value once the form is filled in.
        let is_later = field.is_fixed() && is_open(field.sources());
        if !field.hidden && !is_later {
            settled.required = field.required && !waits;
            asked.push(settled);
        }
    }
    asked
}

/// What is known with all presets: a field may depend on one that stands behind it.
#[must_use]
pub fn worked_out(fields: &[Field], start: &Values) -> Values {
    let mut known = start.clone();
    // What follows from other values is right once nothing changes any more.
    for _ in fields {
        let before = known.clone();
        for field in fields.iter().filter(|field| !field.is_secret()) {
            let own = || start.get(&field.key).map(str::to_owned);
            let keeps_own = !field.hidden && !field.is_computed();
            let value = if !field.applies(&known) {
                None
            } else if field.is_fixed() {
                field.preset(&known).or_else(|| own().filter(|_| keeps_own))
            } else {
                own().or_else(|| field.preset(&known))
            };
            match value {
                Some(text) => known.insert(field.key.clone(), Secret::new(text)),
                None => known.remove(&field.key),
            }
        }
        if known == before {
            break;
        }
    }
    known
}

/// Keys of the fields whose values are not known before the form is filled in.
fn open(fields: &[Field]) -> BTreeSet<&str> {
    let entered = fields.iter().filter(|field| !field.is_fixed());
    let mut open: BTreeSet<&str> = entered.map(|field| field.key.as_str()).collect();
    // What follows from them is not known either.
    loop {
        let before = open.len();
        for field in fields {
            let condition = field.condition.as_ref().map(|it| it.names()).unwrap_or_default();
            if field.sources().union(&condition).any(|name| open.contains(name)) {
                open.insert(&field.key);
            }
        }
        if open.len() == before {
            return open;
        }
    }
}

/// Checks what was filled in, with what is known besides, such as the set-up and what is stored and
/// may be shown. A field that does not apply is neither required nor kept, and one that is hidden or
/// can't be changed has the value that follows.
///
/// # Errors
/// As [`check_values`].
pub fn check_form(
    fields: &[Field],
    known: &Values,
    given: &BTreeMap<String, Secret>,
    mode: Mode<'_>,
) -> Result<Checked, Vec<FieldProblem>> {
    check(None, fields, known, given, mode)
}

/// The same for a form of this method, whose definition says more of what people paste into it.
///
/// # Errors
/// As [`check_values`], and for key files and private keys that no call can use.
pub fn check_filled(
    connector: &Connector,
    method: &AuthMethod,
    fields: &[Field],
    known: &Values,
    given: &BTreeMap<String, Secret>,
    mode: Mode<'_>,
) -> Result<Checked, Vec<FieldProblem>> {
    let given = paste::parts_of_hosts(connector, fields, given);
    check(Some(method), fields, known, &given, mode)
}

fn check(
    method: Option<&AuthMethod>,
    fields: &[Field],
    known: &Values,
    given: &BTreeMap<String, Secret>,
    mode: Mode<'_>,
) -> Result<Checked, Vec<FieldProblem>> {
    let (mut known, mut given) = (known.clone(), given.clone());
    for field in fields.iter().filter(|field| !field.is_fixed() && !field.is_secret()) {
        if let Some(value) = given.get(&field.key) {
            known.insert(field.key.clone(), Secret::new(tidy(field, value.expose())));
        }
    }
    let known = worked_out(fields, &known);
    let (mut settled, mut gone) = (Vec::with_capacity(fields.len()), BTreeSet::new());
    for field in fields {
        let key = &field.key;
        if !field.applies(&known) {
            given.remove(key);
            gone.insert(key.clone());
            continue;
        }
        let one = field.settled(&known);
        if field.hidden || (field.read_only && field.is_computed()) {
            match &one.default {
                Some(preset) if field.hidden || !given.contains_key(key) => {
                    given.insert(key.clone(), Secret::new(preset.as_str()));
                }
                Some(_) => {}
                None => {
                    given.remove(key);
                    gone.insert(key.clone());
                }
            }
        }
        settled.push(one);
    }
    // What is stored of a field that comes to nothing does not stand for its value.
    let kept: BTreeSet<String>;
    let of_what_stays = match mode {
        Mode::Edit { stored, by } => {
            kept = stored.difference(&gone).cloned().collect();
            Mode::Edit { stored: &kept, by }
        }
        Mode::New => Mode::New,
    };
    let checked = check_values(&settled, &given, of_what_stays);
    let pasted = method.map(|method| paste::problems(method, &settled, &given));
    let mut checked = with_problems(&settled, checked, pasted.unwrap_or_default())?;
    if let Mode::Edit { stored, .. } = mode {
        checked.cleared.extend(gone.into_iter().filter(|key| stored.contains(key)));
    }
    Ok(checked)
}

/// What was checked, or all problems in the order of the fields, of each field the first.
fn with_problems(
    fields: &[Field],
    checked: Result<Checked, Vec<FieldProblem>>,
    more: Vec<FieldProblem>,
) -> Result<Checked, Vec<FieldProblem>> {
    let mut problems = match checked {
        Ok(checked) if more.is_empty() => return Ok(checked),
        Ok(_) => Vec::new(),
        Err(problems) => problems,
    };
    for problem in more {
        if !problems.iter().any(|told| told.field == problem.field) {
            problems.push(problem);
        }
    }
    let place = |problem: &FieldProblem| fields.iter().position(|it| it.key == problem.field);
    problems.sort_by_key(|problem| place(problem).unwrap_or(usize::MAX));
    Err(problems)
}

#[cfg(test)]
mod tests;
