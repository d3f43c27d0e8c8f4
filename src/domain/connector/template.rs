//! Texts with `${name}` placeholders: what they name, and filling them in.
//!
//! Who may use which name is a rule of `validate`; encoding a value for the place where it lands
//! is left to the caller, who alone knows the place.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text in which `${name}` stands for a field, a captured value, or one of the reserved names.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template(String);

/// Names that stand for what the hub makes itself, so no field may have them.
pub const RESERVED: [&str; 3] = ["access_token", "jwt", "saml_assertion"];

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
                Part::Value { name, member } => {
                    let found = value(name, member);
                    filled.push_str(&found.ok_or_else(|| MissingValue(name.to_owned()))?);
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
        return vec![Part::Value { name, member: Some(member) }];
    }
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if start > 0 {
            found.push(Part::Text(&rest[..start]));
        }
        let inner = &rest[start + 2..];
        match inner.find('}').map(|end| (&inner[..end], end)) {
            Some((name, end)) if is_name(name) => {
                found.push(Part::Value { name, member: None });
                rest = &inner[end + 1..];
            }
            _ => {
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

/// `${name}.member` as a whole; within a longer text the dot is a plain dot, as in a host.
fn whole_member(text: &str) -> Option<(&str, &str)> {
    let (name, member) = text.strip_prefix("${")?.split_once("}.")?;
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name(name) && !member.is_empty() && plain(member)).then_some((name, member))
}

#[cfg(test)]
mod tests {
    use super::{MissingValue, Part, Template, parts};

    #[test]
    fn placeholders_are_found_among_text() {
        assert_eq!(
            parts("https://${portal}.example.com/${id}"),
            [
                Part::Text("https://"),
                Part::Value { name: "portal", member: None },
                Part::Text(".example.com/"),
                Part::Value { name: "id", member: None },
            ]
        );
        assert_eq!(parts("${a"), [Part::Broken("${"), Part::Text("a")]);
        assert_eq!(parts("${a b}"), [Part::Broken("${"), Part::Text("a b}")]);
        assert!(parts("").is_empty());
    }

    #[test]
    fn a_member_is_read_only_where_the_placeholder_stands_alone() {
        let member = Part::Value { name: "account", member: Some("private_key") };
        assert_eq!(parts("${account}.private_key"), [member]);
        assert!(!parts("x${account}.private_key").contains(&member));
    }

    #[test]
    fn filling_needs_every_value() {
        let template = Template::new("Bearer ${token}");
        let filled = template.fill(|name, _| (name == "token").then(|| "abc".to_owned()));
        assert_eq!(filled.as_deref(), Ok("Bearer abc"));
        assert_eq!(template.fill(|_, _| None), Err(MissingValue("token".to_owned())));
    }
}
