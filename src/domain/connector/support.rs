//! Help that a definition carries: links, guides, banners, environments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::AuthMethod;

/// Where help is found.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Support {
    /// An address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// What is found there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Guides in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guides: Option<Guides>,
}

/// Guides for the two sorts of readers.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guides {
    /// For end users who link an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<WrittenGuide>,
    /// For administrators who register an application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<WrittenGuide>,
}

/// A guide as its author wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenGuide {
    /// What to mind first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// Its sections.
    #[serde(default)]
    pub sections: Vec<Section>,
}

/// A section, or a step of one (which has no steps of its own).
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Its heading.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Its text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub content: String,
    /// Points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<String>,
    /// A picture's address and what it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// For which scopes it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applicable_scopes: Vec<String>,
    /// Whether the scopes are listed in it.
    #[serde(default, skip_serializing_if = "super::field::is_false")]
    pub display_scopes: bool,
    /// Its steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Self>,
}

impl Section {
    /// The scopes to tell beside it: those that it holds for, else those of the method where they
    /// are to be listed in it.
    #[must_use]
    pub fn scopes<'a>(&'a self, method: &'a AuthMethod) -> Vec<&'a str> {
        if !self.applicable_scopes.is_empty() || !self.display_scopes {
            return self.applicable_scopes.iter().map(String::as_str).collect();
        }
        let (default, required) = (&method.default_scopes, &method.required_scopes);
        let more = required.iter().filter(|scope| !default.contains(scope));
        default.iter().chain(more).map(String::as_str).collect()
    }

    /// It and its steps.
    pub fn with_steps(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.steps)
    }
}

/// A picture.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Its address; it is linked to, and never fetched for a page.
    pub src: String,
    /// What it shows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alt: String,
}

/// A banner of a form.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Its key.
    pub key: String,
    /// On which form it stands.
    pub form: Form,
    /// How it is meant.
    #[serde(rename = "type")]
    pub kind: NoticeKind,
    /// Its text.
    pub description: String,
    /// Before or after the fields.
    #[serde(default)]
    pub position: Position,
    /// The field before which it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<String>,
}

/// One of the two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The end user's.
    Config,
    /// The administrator's.
    Setup,
}

/// How a banner is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Mind this.
    Warning,
    /// Good to know.
    Info,
}

/// Where a banner stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Before the first field.
    #[default]
    Top,
    /// After the last field.
    Bottom,
}

/// One of the vendor's environments.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Its key, such as `production`.
    pub key: String,
    /// Its name for people.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Section;
    use crate::domain::connector::AuthMethod;

    #[test]
    fn a_section_tells_its_own_scopes_or_those_of_the_method() {
        let method: AuthMethod = serde_json::from_value(json!({
            "key": "m", "type": "custom", "label": "M", "authorization": {"type": "none"},
            "default_scopes": ["read"], "required_scopes": ["read", "write"],
        }))
        .unwrap();
        for (section, wanted) in [
            (json!({}), &[][..]),
            (json!({"applicable_scopes": ["admin"]}), &["admin"]),
            (json!({"applicable_scopes": ["admin"], "display_scopes": true}), &["admin"]),
            (json!({"display_scopes": true}), &["read", "write"]),
        ] {
            let section: Section = serde_json::from_value(section).unwrap();
            assert_eq!(section.scopes(&method), wanted, "{section:?}");
        }
    }
}
