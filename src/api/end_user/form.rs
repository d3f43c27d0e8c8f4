//! The form of a connector, as the vendor's component knows it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::connector::field::{FieldOption, Format};
use crate::domain::connector::support::{Form as OnForm, Notice, NoticeKind, Position};
use crate::domain::connector::values::misfit;
use crate::domain::connector::{AuthKind, Field, FieldKind};
use crate::hub::end_user::Form;

use super::Logo;

/// `GET /hub/connectors/{integration_id}`
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
pub struct ConnectorForm {
    /// What is asked.
    pub config: Config,
    /// Nothing as yet; the component wants the members.
    pub hub_settings: Value,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// The connector.
    pub key: String,
    /// Its name.
    pub name: String,
    /// `oauth2` or `custom`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// How tokens are got; never null (HB-5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<&'static str>,
    /// The fields.
    pub config_fields: Vec<ConfigField>,
    /// Banners.
    pub config_notices: Vec<ConfigNotice>,
    /// Pictures.
    pub assets: Value,
    /// Where help is found.
    pub support: Option<Help>,
}

/// Where help is found.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Help {
    /// An address.
    pub link: Option<String>,
    /// What is found there.
    pub description: Option<String>,
}

/// A field as the component knows it (connector format, 6.2).
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigField {
    /// Its name.
    pub key: String,
    /// What sort of input it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its name for people.
    pub label: String,
    /// Whether it may not be left empty.
    pub required: bool,
    /// Whether it can't be changed.
    pub read_only: bool,
    /// Whether it is a secret; anything but false counts as one.
    pub secret: bool,
    /// What stands in the empty input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What is shown beside it on request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tooltip: Option<String>,
    /// What can be chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<FieldOption>>,
    /// The value that it starts with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What the component checks before it sends; the hub checks again (HB-8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
}

/// A check that browsers can do.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Validation {
    /// Always `html-pattern`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// A regular expression.
    pub pattern: String,
    /// What to say; without it the component shows the expression.
    pub error: String,
}

/// A banner.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ConfigNotice {
    /// Its key.
    pub key: String,
    /// `warning` or `info`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its text.
    pub description: String,
    /// `top` or `bottom`.
    pub position: &'static str,
    /// The field before which it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchor: Option<String>,
}

impl From<&Form> for ConnectorForm {
    fn from(form: &Form) -> Self {
        let (connector, method) = (&form.connector, &form.method);
        let grant_type = match method.kind {
            // OAuth 1.0a as well: what matters to the component is that a window has to be opened.
            _ if form.needs_browser() => Some("authorization_code"),
            AuthKind::OAuth2ClientCredentials => Some("client_credentials"),
            _ => None,
        };
        let notices = method.notices.iter().filter(|notice| notice.form == OnForm::Config);
        let help = [method.support.as_ref(), connector.support.as_ref()];
        let mut help = help.into_iter().flatten();
        let drawn = || Logo::of(connector.key.as_str(), &connector.name).data_url();
        let config = Config {
            key: connector.key.to_string(),
            name: connector.name.clone(),
            kind: if grant_type.is_some() { "oauth2" } else { "custom" },
            grant_type,
            config_fields: form.fields.iter().map(|field| config_field(form, field)).collect(),
            config_notices: notices.map(ConfigNotice::from).collect(),
            assets: json!({ "icon": connector.icon.clone().unwrap_or_else(drawn) }),
            support: help.find(|help| help.link.is_some() || help.description.is_some()).map(
                |help| Help { link: help.link.clone(), description: help.description.clone() },
            ),
        };
        let hub_settings = json!({ "configured_webhook_events": {}, "project_settings": {} });
        Self { config, hub_settings }
    }
}

fn config_field(form: &Form, field: &Field) -> ConfigField {
    let secret = field.is_secret();
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    // In edit mode what stands for a stored secret would be held against the pattern.
    let validation = if secret && form.account.is_some() { None } else { validation(field) };
    ConfigField {
        key: field.key.clone(),
        kind: match field.kind {
            FieldKind::Text => "text",
            FieldKind::Password => "password",
            FieldKind::Number => "number",
            FieldKind::Select => "select",
            FieldKind::TextArea => "text_area",
        },
        label: field.label.clone(),
        required: field.required,
        read_only: field.read_only,
        secret,
        placeholder: text(&field.placeholder),
        description: field.description.clone(),
        tooltip: field.tooltip.clone(),
        options: (field.kind == FieldKind::Select).then(|| field.options.clone()),
        value: field.default.clone().filter(|_| !secret),
        validation,
    }
}

/// What a browser can hold a value against before it is sent.
pub fn validation(field: &Field) -> Option<Validation> {
    if field.kind == FieldKind::Select {
        return None;
    }
    let pattern = match (&field.pattern, field.format) {
        (Some(pattern), _) => pattern.as_str(),
        (None, Some(format)) => format_pattern(format),
        (None, None) => return None,
    };
    is_for_browsers(pattern).then(|| Validation {
        kind: "html-pattern",
        pattern: pattern.to_owned(),
        error: misfit(field),
    })
}

/// The expression by which the vendor's component knows a format (connector format, 6.1).
const fn format_pattern(format: Format) -> &'static str {
    match format {
        Format::Email => r"^[^\s@]+@(?=[^\s@]+\.[^\s@])[^\s@]+$",
        Format::Url => r"^https?://[^\s/?#]+[^\s]*$",
        Format::Uri => r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s]+$",
        Format::Uuid => r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
        Format::Date => r"^\d{4}-\d{2}-\d{2}$",
        Format::Datetime => r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})?$",
    }
}

/// Whether an expression means the same to a browser. What browsers don't know, they would refuse
/// good values for; the hub alone checks those.
fn is_for_browsers(pattern: &str) -> bool {
    let foreign =
        ["(?i", "(?s", "(?m", "(?x", "(?u", "(?U", "(?R", "(?-", "(?P", "[[:", "&&", "--"];
    let escapes = [r"\A", r"\z", r"\p", r"\P", r"\x{", r"\u{", r"\<", r"\>", r"\a", r"\Q"];
    !foreign.iter().chain(&escapes).any(|text| pattern.contains(text))
}

impl From<&Notice> for ConfigNotice {
    fn from(notice: &Notice) -> Self {
        Self {
            key: notice.key.clone(),
            kind: match notice.kind {
                NoticeKind::Warning => "warning",
                NoticeKind::Info => "info",
            },
            description: notice.description.clone(),
            position: match notice.position {
                Position::Top => "top",
                Position::Bottom => "bottom",
            },
            anchor: notice.anchor.clone(),
        }
    }
}
