//! The fields that administrators and end users fill in.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::expression::Expression;

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts of the file")]
pub struct Field {
    /// Its name in forms, in stored credentials and in templates.
    pub key: String,
    /// Its name for people.
    pub label: String,
    /// What sort of input it is.
    #[serde(rename = "type")]
    pub kind: FieldKind,
    /// Whether it may not be left empty.
    #[serde(default)]
    pub required: bool,
    /// Whether it is marked as a secret; ask [`Field::is_secret`] instead.
    #[serde(default)]
    pub secret: bool,
    /// Whether it is shown but can't be changed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub read_only: bool,
    /// Whether it is not shown, so that it only ever has its preset.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hidden: bool,
    /// With which other values it is asked; with all where not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Expression>,
    /// What stands in the empty input.
    #[serde(default)]
    pub placeholder: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What is shown beside it on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tooltip: Option<String>,
    /// A regular expression that must match somewhere in the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// What to say when pattern or format do not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern_error: Option<String>,
    /// A well-known form that the value must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// What can be chosen, for a select.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<FieldOption>,
    /// The value where none is given: a template of what may be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The same where it takes more than filling a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed: Option<Expression>,
    /// Whether its value tells which remote account this is.
    #[serde(default, skip_serializing_if = "is_false")]
    pub identifies_account: bool,
}

/// What sort of input a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// A line of text.
    Text,
    /// A line that is not shown.
    Password,
    /// Digits.
    Number,
    /// One of several.
    Select,
    /// Several lines.
    TextArea,
}

/// A well-known form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// An e-mail address.
    Email,
    /// An http or https address.
    Url,
    /// Any URI.
    Uri,
    /// A UUID.
    Uuid,
    /// `YYYY-MM-DD`.
    Date,
    /// `YYYY-MM-DDThh:mm:ss`, with or without fraction and zone.
    Datetime,
}

/// A choice of a select.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldOption {
    /// What is stored.
    pub value: String,
    /// What is shown.
    pub label: String,
}

/// Set-up key under which any auth config may keep the token that providers are handed so that
/// they can start actions (AC-51, HB-19).
pub const TRIGGER_TOKEN: &str = "external-trigger-token";

static TRIGGER_FIELD: LazyLock<Field> = LazyLock::new(|| {
    let what = "the token that sessions hand to the connector so that it can start actions";
    let field = Field::optional_secret(TRIGGER_TOKEN, "External trigger token");
    Field { description: Some(what.to_owned()), ..field }
});

impl Field {
    /// AC-51: the field that the administrator may fill in whatever the method.
    #[must_use]
    pub fn trigger_token() -> &'static Self {
        &TRIGGER_FIELD
    }

    /// A one-line secret that may be left empty.
    #[must_use]
    pub fn optional_secret(key: &str, label: &str) -> Self {
        Self {
            key: key.to_owned(),
            label: label.to_owned(),
            kind: FieldKind::Password,
            required: false,
            secret: true,
            read_only: false,
            hidden: false,
            condition: None,
            placeholder: String::new(),
            description: None,
            tooltip: None,
            pattern: None,
            pattern_error: None,
            format: None,
            options: Vec::new(),
            default: None,
            computed: None,
            identifies_account: false,
        }
    }

    /// The same where its value is not its user's to give: they need not know it, and it is kept as
    /// a secret whatever the file says of it.
    #[must_use]
    pub fn withheld(self) -> Self {
        let (required, secret, hidden) = (false, true, false);
        let (default, computed, condition) = (None, None, None);
        Self { required, secret, hidden, condition, default, computed, ..self }
    }

    /// Whether the value must be kept secret: marked so, or a password (SE-7).
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.secret || self.kind == FieldKind::Password
    }
}

/// For members that are left out when they are false.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::Field;

    #[test]
    fn se_7_a_password_is_secret_even_when_not_marked() {
        let field = |kind: &str, secret: bool| -> Field {
            let value =
                serde_json::json!({"key": "k", "label": "K", "type": kind, "secret": secret});
            serde_json::from_value(value).unwrap()
        };
        assert!(field("password", false).is_secret());
        assert!(field("text", true).is_secret());
        assert!(!field("text", false).is_secret());
    }
}
