//! Help that a definition carries: links, guides, banners, environments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// A picture.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Its address.
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
