//! Texts with `${name}` placeholders: what they name, and filling them in.
//!
//! Who may use which name is a rule of `validate`; encoding a value for the place where it lands
//! is left to the caller, who alone knows the place.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text in which `${name}` stands for a field, a captured value, or one of the reserved names, and
/// `${name|form}` for the same written as a place wants it (see [`Form`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template(String);

/// Names that stand for what the hub makes itself, so no field may have them.
pub const RESERVED: [&str; 3] = ["access_token", "jwt", "saml_assertion"];

/// How a value is written where it stands: some systems want one name in two spellings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `lower-hyphens`: lower case, with `-` for `_`, as host names have it.
    LowerHyphens,
    /// `UPPER_UNDERSCORES`: upper case, with `_` for `-`.
    UpperUnderscores,
}

impl Form {
    fn of(name: &str) -> Option<Self> {
        match name {
            "lower-hyphens" => Some(Self::LowerHyphens),
            "UPPER_UNDERSCORES" => Some(Self::UpperUnderscores),
            _ => None,
        }
    }

    /// The value, written so.
    #[must_use]
    pub fn write(self, value: &str) -> String {
        match self {
            Self::LowerHyphens => value.to_lowercase().replace('_', "-"),
            Self::UpperUnderscores => value.to_uppercase().replace('-', "_"),
        }
    }

    /// The value as it is where no form is asked for.
    #[must_use]
    pub fn written(form: Option<Self>, value: String) -> String {
        match form {
            Some(form) => form.write(&value),
            None => value,
        }
    }
}

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Text that stands for itself.
    Text(&'a str),
    /// A placeholder.
    Value {
        /// The name between the braces.
        name: &'a str,
        /// A member of the value, which then is JSON; only where the template is nothing else.
        member: Option<&'a str>,
        /// How the value is written.
        form: Option<Form>,
    },
    /// A `${` that no placeholder follows.
    Broken(&'a str),
}

/// A name for which no value is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no value for `{0}`")]
pub struct MissingValue(pub String);

impl Template {
    /// Wraps a text; whether its placeholders are fine is for the validator to say.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The pieces in their order.
    #[must_use]
    pub fn parts(&self) -> Vec<Part<'_>> {
        parts(&self.0)
    }

    /// The names that it uses.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts().into_iter().filter_map(|part| match part {
            Part::Value { name, .. } => Some(name),
            Part::Text(_) | Part::Broken(_) => None,
        })
    }

    /// Fills every placeholder with what `value` gives for a name and its member.
    ///
    /// # Errors
    /// When `value` has nothing for a name.
    pub fn fill(
        &self,
        mut value: impl FnMut(&str, Option<&str>) -> Option<String>,
    ) -> Result<String, MissingValue> {
        let mut filled = String::with_capacity(self.0.len());
        for part in self.parts() {
            match part {
                Part::Text(text) | Part::Broken(text) => filled.push_str(text),
                Part::Value { name, member, form } => {
                    let found = value(name, member);
                    let found = found.ok_or_else(|| MissingValue(name.to_owned()))?;
                    filled.push_str(&Form::written(form, found));
                }
            }
        }
        Ok(filled)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether the text may name a field or a captured value.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !text.is_empty() && text.len() <= 64 && text.bytes().all(fine)
}

/// The pieces of any text.
#[must_use]
pub fn parts(text: &str) -> Vec<Part<'_>> {
    if let Some((name, member)) = whole_member(text) {
        return vec![Part::Value { name, member: Some(member), form: None }];
    }
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if start > 0 {
            found.push(Part::Text(&rest[..start]));
        }
        let inner = &rest[start + 2..];
        match inner.find('}').and_then(|end| Some((named(&inner[..end])?, end))) {
            Some(((name, form), end)) => {
                found.push(Part::Value { name, member: None, form });
                rest = &inner[end + 1..];
            }
            None => {
                found.push(Part::Broken(&rest[start..start + 2]));
                rest = inner;
            }
        }
    }
    if !rest.is_empty() {
        found.push(Part::Text(rest));
    }
    found
}

/// What stands between the braces: a name, and after `|` a form.
fn named(text: &str) -> Option<(&str, Option<Form>)> {
    let (name, form) = match text.split_once('|') {
        Some((name, form)) => (name, Some(Form::of(form)?)),
        None => (text, None),
    };
    is_name(name).then_some((name, form))
}

/// `${name}.member` as a whole; within a longer text the dot is a plain dot, as in a host.
fn whole_member(text: &str) -> Option<(&str, &str)> {
    let (name, member) = text.strip_prefix("${")?.split_once("}.")?;
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name(name) && !member.is_empty() && plain(member)).then_some((name, member))
}

#[cfg(test)]
mod tests {
    use super::{Form, MissingValue, Part, Template, parts};

    #[test]
    fn placeholders_are_found_among_text() {
        assert_eq!(
            parts("https://${portal}.example.com/${id}"),
            [
                Part::Text("https://"),
                Part::Value { name: "portal", member: None, form: None },
                Part::Text(".example.com/"),
                Part::Value { name: "id", member: None, form: None },
            ]
        );
        assert_eq!(parts("${a"), [Part::Broken("${"), Part::Text("a")]);
        assert_eq!(parts("${a b}"), [Part::Broken("${"), Part::Text("a b}")]);
        assert!(parts("").is_empty());
    }

    #[test]
    fn a_member_is_read_only_where_the_placeholder_stands_alone() {
        let member = Part::Value { name: "account", member: Some("private_key"), form: None };
        assert_eq!(parts("${account}.private_key"), [member]);
        assert!(!parts("x${account}.private_key").contains(&member));
    }

    #[test]
    fn a_value_is_written_in_the_form_that_its_place_wants() {
        let form = Some(Form::LowerHyphens);
        let host = parts("https://${id|lower-hyphens}.example");
        assert_eq!(host[1], Part::Value { name: "id", member: None, form });
        for given in ["1234567_SB1", "1234567-sb1", "1234567_sb1"] {
            let filled = |text: &str| Template::new(text).fill(|_, _| Some(given.to_owned()));
            assert_eq!(filled("${id|lower-hyphens}.example").as_deref(), Ok("1234567-sb1.example"));
            assert_eq!(filled("${id|UPPER_UNDERSCORES}").as_deref(), Ok("1234567_SB1"));
            assert_eq!(filled("${id}").as_deref(), Ok(given));
        }
        for bad in ["${id|}", "${|lower-hyphens}", "${id|upper}", "${id | lower-hyphens}"] {
            assert_eq!(parts(bad)[0], Part::Broken("${"), "{bad}");
        }
        assert_eq!(parts("${id|lower-hyphens|UPPER_UNDERSCORES}")[0], Part::Broken("${"));
    }

    #[test]
    fn filling_needs_every_value() {
        let template = Template::new("Bearer ${token}");
        let filled = template.fill(|name, _| (name == "token").then(|| "abc".to_owned()));
        assert_eq!(filled.as_deref(), Ok("Bearer abc"));
        assert_eq!(template.fill(|_, _| None), Err(MissingValue("token".to_owned())));
    }
}
