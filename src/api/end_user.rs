//! What end users' browsers are sent: the vendor's hub API (contract sections 9 and 10).
//!
//! Its component fails in odd ways on members that are missing or null where it expects none, so
//! every member is either always there or left out altogether.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::account::Account;
use crate::domain::connector::field::{FieldOption, Format};
use crate::domain::connector::support::{Form as OnForm, Notice, NoticeKind, Position};
use crate::domain::connector::{AuthKind, Field, FieldKind};
use crate::domain::secret::Secret;
use crate::hub::auth_configs::Given;
use crate::hub::end_user::{Choice, Form};
use crate::hub::oauth::{Attempt, AttemptState};

/// What stands for a stored secret; it reveals no character (SE-2).
pub const SECRET_PLACEHOLDER: &str = "__secretvalue:**redacted**";

/// `GET /hub/settings`
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Settings {
    /// What the component may use.
    pub enabled_features: Vec<&'static str>,
    /// The account that is edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing_account_id: Option<String>,
}

impl Settings {
    /// The settings of a session that edits this account, or none.
    #[must_use]
    pub fn new(account: Option<&Account>) -> Self {
        Self {
            enabled_features: vec!["hub_link_account_release"],
            existing_account_id: account.map(|account| account.id.to_string()),
        }
    }
}

/// `GET /hub/connectors`
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Integrations {
    /// What can be picked.
    pub integrations: Vec<Integration>,
    /// What a provider is handed so that it can start actions (AC-51, HB-19).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_trigger_token: Option<String>,
}

/// A connector that can be picked.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Integration {
    /// Always true: what is disabled is not listed (AC-11).
    pub active: bool,
    /// Its name.
    pub name: String,
    /// Its key.
    pub provider: String,
    /// Its category.
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of its definition.
    pub version: String,
    /// The auth config's id, for every later call.
    pub integration_id: String,
    /// A picture.
    pub logo_url: String,
}

impl From<&Choice> for Integration {
    fn from(choice: &Choice) -> Self {
        let connector = &choice.connector;
        let drawn = || Logo::of(connector.key.as_str(), &connector.name).data_url();
        Self {
            active: true,
            name: connector.name.clone(),
            provider: connector.key.to_string(),
            kind: connector.categories.first().map(ToString::to_string).unwrap_or_default(),
            version: connector.version.clone(),
            integration_id: choice.config.id.to_string(),
            logo_url: choice.logo_url.clone().unwrap_or_else(drawn),
        }
    }
}

/// A sign drawn from a name: nothing is fetched from a third party to show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// One or two letters.
    pub letters: String,
    /// Which of the [`Logo::COLORS`].
    pub color: usize,
}

impl Logo {
    /// Colours on which white letters are read well (a contrast of 4.5 at least).
    pub const COLORS: [&'static str; 8] =
        ["#3b5bdb", "#7048e8", "#9c36b5", "#c2255c", "#c92a2a", "#a6470b", "#2b7a3d", "#0b7285"];

    /// The sign of a connector; its key chooses the colour, so that it stays the same.
    #[must_use]
    pub fn of(key: &str, name: &str) -> Self {
        let hash = key.bytes().fold(0_usize, |sum, byte| (sum * 31 + usize::from(byte)) % 65_521);
        let mut words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let first = words.next().unwrap_or(key);
        let mut letters: String = first.chars().take(1).flat_map(char::to_uppercase).collect();
        let second = match words.next() {
            Some(word) => word.chars().next(),
            // `BambooHR` is known as BH.
            None => first.chars().skip(1).find(|c| c.is_uppercase()),
        };
        letters.extend(second.into_iter().flat_map(char::to_uppercase));
        Self { letters, color: hash % Self::COLORS.len() }
    }

    /// The sign as an address that holds the whole picture.
    #[must_use]
    pub fn data_url(&self) -> String {
        let color = Self::COLORS.get(self.color).copied().unwrap_or_default();
        // Letters and digits of any script: nothing that could end the text of a picture.
        let letters = &self.letters;
        let drawn = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 40 40'>\
             <rect width='40' height='40' rx='9' fill='{color}'/><text x='20' y='26' fill='#fff' \
             font-family='sans-serif' font-size='17' text-anchor='middle'>{letters}</text></svg>"
        );
        let bytes = drawn.bytes().map(|byte| match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b' '
            | b'\''
            | b'/'
            | b':'
            | b'.'
            | b'='
            | b'-'
            | b',' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        });
        format!("data:image/svg+xml,{}", bytes.collect::<String>())
    }
}

/// `GET /hub/accounts/{id}`
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EditedAccount {
    /// Its id.
    pub secure_id: String,
    /// Its connector.
    pub provider: String,
    /// Values that are not secret (SE-3).
    pub setup_information: BTreeMap<String, String>,
    /// What stands for each stored secret (SE-2).
    pub secrets: BTreeMap<String, String>,
    /// The version of the connector's definition.
    pub version: String,
    /// Its auth config.
    pub integration_id: String,
}

impl EditedAccount {
    /// An account with the form by which it is edited.
    #[must_use]
    pub fn new(account: &Account, form: &Form) -> Self {
        let hidden = |key: &String| (key.clone(), SECRET_PLACEHOLDER.to_owned());
        Self {
            secure_id: account.id.to_string(),
            provider: account.provider.to_string(),
            setup_information: account.setup.clone(),
            secrets: form.stored_secrets.iter().map(hidden).collect(),
            version: form.connector.version.clone(),
            integration_id: account.auth_config.to_string(),
        }
    }
}

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
    /// What to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
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

fn validation(field: &Field) -> Option<Validation> {
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
        error: field.pattern_error.clone(),
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

/// `POST /hub/accounts` and `PATCH /hub/accounts/{id}`: whose account it is, is not for the browser
/// to say (CS-41).
#[derive(Debug, Clone, JsonSchema, Deserialize)]
pub struct Submission {
    /// The auth config.
    pub integration_id: String,
    /// What was filled in; texts, or numbers (HB-18).
    #[serde(default)]
    pub credentials: BTreeMap<String, Filled>,
}

/// A value of a form, which may be a secret.
#[derive(Clone, PartialEq, JsonSchema, Deserialize)]
#[serde(untagged)]
pub enum Filled {
    /// A text.
    Text(String),
    /// A number.
    Number(serde_json::Number),
    /// Yes or no.
    Flag(bool),
    /// Nothing, which is as good as not sent.
    Nothing(()),
}

impl std::fmt::Debug for Filled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Filled(..)")
    }
}

impl Submission {
    /// The values that are there.
    #[must_use]
    pub fn values(self) -> Given {
        let text = |filled| match filled {
            Filled::Text(text) => Some(Secret::new(text)),
            Filled::Number(number) => Some(Secret::new(number.to_string())),
            Filled::Flag(flag) => Some(Secret::new(flag.to_string())),
            Filled::Nothing(()) => None,
        };
        let values = self.credentials.into_iter();
        values.filter_map(|(key, filled)| Some((key, text(filled)?))).collect()
    }
}

/// What a submission made.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Linked {
    /// The account.
    pub id: String,
    /// Its connector.
    pub provider: String,
}

impl From<&Account> for Linked {
    fn from(account: &Account) -> Self {
        Self { id: account.id.to_string(), provider: account.provider.to_string() }
    }
}

/// `POST /hub/connection_attempts`
#[derive(Clone, Default, JsonSchema, Deserialize)]
#[serde(default)]
pub struct NewAttempt {
    /// The session's token; releases before 1.3.3 send it here alone.
    pub token: Option<String>,
}

impl std::fmt::Debug for NewAttempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewAttempt(..)")
    }
}

/// A new attempt.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct CreatedAttempt {
    /// Its id.
    pub id: String,
}

impl From<&Attempt> for CreatedAttempt {
    fn from(attempt: &Attempt) -> Self {
        Self { id: attempt.id.to_string() }
    }
}

/// `GET /hub/connection_attempts/{id}`
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct AttemptStatus {
    /// `pending`, `authenticated`, `error`, `cancelled` or `expired`.
    pub status: &'static str,
    /// The account, after a success (OA-5).
    pub account: Option<AccountRef>,
    /// What went wrong.
    pub error: Option<AttemptError>,
}

/// An account, by its id.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct AccountRef {
    /// The id.
    pub id: String,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct AttemptError {
    /// In one word.
    pub code: String,
    /// In more.
    pub description: Option<String>,
}

impl From<&Attempt> for AttemptStatus {
    fn from(attempt: &Attempt) -> Self {
        let status = |status| Self { status, account: None, error: None };
        match &attempt.state {
            AttemptState::Pending => status("pending"),
            AttemptState::Authenticated { account } => Self {
                account: Some(AccountRef { id: account.to_string() }),
                ..status("authenticated")
            },
            AttemptState::Failed { code, description } => Self {
                error: Some(AttemptError { code: code.clone(), description: description.clone() }),
                ..status("error")
            },
            AttemptState::Cancelled => status("cancelled"),
            AttemptState::Expired => status("expired"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::connector::Connector;
    use std::collections::BTreeSet;

    fn form(method: &str, editing: bool) -> Form {
        let connector: Connector = serde_json::from_value(json!({
            "key": "acme", "name": "Acme HR", "base_url": "https://api.acme.example",
            "support": {"link": "https://help.acme.example"},
            "auth": [
                {"key": "api_key", "type": "api_key", "label": "API key",
                 "config_fields": [
                    {"key": "api_key", "label": "API key", "type": "password", "required": true,
                     "pattern": "^k-", "pattern_error": "begins with k-"},
                    {"key": "mail", "label": "Mail", "type": "text", "format": "email"},
                    {"key": "odd", "label": "Odd", "type": "text", "pattern": "(?i)^x"},
                    {"key": "where", "label": "Where", "type": "select", "default": "eu",
                     "options": [{"value": "eu", "label": "Europe"}]},
                    {"key": "count", "label": "Count", "type": "number", "read_only": true}
                 ],
                 "notices": [
                    {"key": "n", "form": "config", "type": "warning", "description": "Mind this",
                     "anchor": "where"},
                    {"key": "s", "form": "setup", "type": "info", "description": "Not shown"}
                 ],
                 "authorization": {"type": "bearer", "token": "${api_key}"}},
                {"key": "oauth2", "type": "oauth2_authorization_code", "label": "OAuth 2.0",
                 "authorization": {"type": "bearer", "token": "${access_token}"}},
                {"key": "client", "type": "oauth2_client_credentials", "label": "Client",
                 "authorization": {"type": "bearer", "token": "${access_token}"}}
            ]
        }))
        .unwrap();
        let method = connector.auth_method(&method.parse().unwrap()).unwrap().clone();
        let stored = if editing { &["api_key".to_owned()][..] } else { &[] };
        let config = crate::domain::auth_config::create(
            &[],
            crate::domain::auth_config::NewAuthConfig {
                id: "c".parse().unwrap(),
                connector: connector.key.clone(),
                method: method.key.clone(),
                name: "c".to_owned(),
                make_default: true,
                pin: None,
                setup: BTreeMap::new(),
                secrets: BTreeSet::new(),
            },
            crate::domain::time::Timestamp::from_millis(0),
        );
        Form {
            config: config.after,
            fields: method.config_fields.clone(),
            connector,
            method,
            account: editing.then(|| "a".parse().unwrap()),
            stored_secrets: stored.iter().cloned().collect(),
            external_trigger_token: None,
        }
    }

    fn sent(method: &str, editing: bool) -> Value {
        serde_json::to_value(ConnectorForm::from(&form(method, editing))).unwrap()
    }

    #[test]
    fn hb_5_a_grant_is_named_or_left_out_and_never_null() {
        let config = |method| sent(method, false)["config"].clone();
        assert_eq!(config("api_key")["type"], "custom");
        assert!(!config("api_key").as_object().unwrap().contains_key("grantType"));
        let oauth = config("oauth2");
        let got = (&oauth["type"], &oauth["grantType"]);
        assert_eq!(got, (&json!("oauth2"), &json!("authorization_code")));
        assert_eq!(config("client")["grantType"], "client_credentials");
        assert!(!oauth.as_object().unwrap().contains_key("authentication"));
        assert_eq!(oauth["configFields"], json!([]));
    }

    #[test]
    fn hb_6_every_field_says_what_it_is() {
        let sent = sent("api_key", false);
        let fields = sent["config"]["configFields"].as_array().unwrap().clone();
        for field in &fields {
            for member in ["secret", "required", "readOnly"] {
                assert!(field[member].is_boolean(), "{field}");
            }
            assert!(field["type"].is_string() && field["label"].is_string(), "{field}");
        }
        let expected = json!({"type": "html-pattern", "pattern": "^k-", "error": "begins with k-"});
        assert_eq!(fields[0]["validation"], expected);
        assert_eq!(fields[1]["validation"]["type"], "html-pattern");
        assert!(fields[2].get("validation").is_none(), "browsers don't know it");
        assert_eq!(fields[3]["options"], json!([{"value": "eu", "label": "Europe"}]));
        assert_eq!(fields[3]["value"], "eu");
        assert_eq!(fields[4]["readOnly"], true);
        let notices = &sent["config"]["configNotices"];
        assert_eq!(notices.as_array().unwrap().len(), 1, "{notices}");
        assert_eq!(notices[0]["anchor"], "where");
    }

    #[test]
    fn threat_12_a_stored_secret_is_a_fixed_mark_that_nothing_is_held_against() {
        let form = form("api_key", true);
        let sent = serde_json::to_value(ConnectorForm::from(&form)).unwrap();
        let fields = &sent["config"]["configFields"];
        assert!(fields[0].get("validation").is_none() && fields[0].get("value").is_none());
        assert!(fields[1].get("validation").is_some());
        assert_eq!(SECRET_PLACEHOLDER, "__secretvalue:**redacted**");
    }

    #[test]
    fn a_submission_is_texts_whatever_json_it_comes_as() {
        let text = r#"{"integration_id": "c", "origin_owner_id": "other",
                       "credentials": {"a": "x", "n": 5, "f": true, "nothing": null}}"#;
        let submission: Submission = serde_json::from_str(text).unwrap();
        assert!(!format!("{submission:?}").contains('x'));
        let values = submission.values();
        let texts: Vec<_> = values.iter().map(|(k, v)| (k.as_str(), v.expose())).collect();
        assert_eq!(texts, [("a", "x"), ("f", "true"), ("n", "5")]);
    }

    #[test]
    fn a_sign_is_drawn_from_the_name() {
        for (name, letters) in [
            ("BambooHR", "BH"),
            ("Google Drive", "GD"),
            ("Slack", "S"),
            ("360Learning", "3L"),
            ("<b>x", "BX"),
            ("", "K"),
        ] {
            assert_eq!(Logo::of("key", name).letters, letters, "{name}");
        }
        let url = Logo::of("key", "<Ä \"&").data_url();
        assert!(url.starts_with("data:image/svg+xml,%3Csvg"), "{url}");
        assert!(!url.contains(['<', '"', '&', '#']), "{url}");
        assert_eq!(Logo::of("hubspot", "A").color, Logo::of("hubspot", "B").color);
    }

    #[test]
    fn an_attempt_is_told_in_the_components_words() {
        let attempt = |state| Attempt {
            id: "t".parse().unwrap(),
            auth_config: None,
            state,
            created_at: crate::domain::time::Timestamp::from_millis(0),
            updated_at: crate::domain::time::Timestamp::from_millis(0),
        };
        let told = |state| serde_json::to_value(AttemptStatus::from(&attempt(state))).unwrap();
        let pending = json!({"status": "pending", "account": null, "error": null});
        assert_eq!(told(AttemptState::Pending), pending);
        let done = told(AttemptState::Authenticated { account: "a".parse().unwrap() });
        assert_eq!(done["account"], json!({"id": "a"}));
        let failed = AttemptState::Failed { code: "access_denied".to_owned(), description: None };
        let error = json!({"code": "access_denied", "description": null});
        assert_eq!(told(failed)["error"], error);
    }
}
