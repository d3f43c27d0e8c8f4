//! What an administrator and an end user have to do for a connector, as facts to be printed.

use schemars::JsonSchema;
use serde::Serialize;

use super::field::{Field, FieldKind};
use super::support::{Form, Notice, WrittenGuide};
use super::{AuthKind, AuthMethod, Confidence, Connector};
use crate::domain::names::{AuthMethodKey, ConnectorKey};

/// Whom a guide is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// Who sets the connector up.
    Admin,
    /// Who links an account.
    EndUser,
}

/// The text names nobody whom a guide is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use admin or end-user")]
pub struct BadAudience;

impl Audience {
    /// The wire's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::EndUser => "end-user",
        }
    }
}

impl std::str::FromStr for Audience {
    type Err = BadAudience;

    fn from_str(text: &str) -> Result<Self, BadAudience> {
        [Self::Admin, Self::EndUser]
            .into_iter()
            .find(|whom| whom.as_str() == text)
            .ok_or(BadAudience)
    }
}

/// What to do for a connector.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
pub struct Guide<'a> {
    /// The connector.
    pub connector: &'a ConnectorKey,
    /// Its name for people.
    pub name: &'a str,
    /// Whom it is for.
    pub audience: Audience,
    /// The vendor's own reference.
    pub docs_url: Option<&'a str>,
    /// A written guide elsewhere.
    pub support_link: Option<&'a str>,
    /// How sure the facts are.
    pub confidence: Option<Confidence>,
    /// Oddities.
    pub notes: Option<&'a str>,
    /// The ways to do it, the most usual first.
    pub methods: Vec<MethodGuide<'a>>,
    /// What the reader may fill in with any of them (AC-51).
    pub any_method: Vec<FieldGuide<'a>>,
}

/// What to do for one method.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
pub struct MethodGuide<'a> {
    /// The method.
    pub key: &'a AuthMethodKey,
    /// Its name for people.
    pub label: &'a str,
    /// What sort of method it is.
    #[serde(rename = "type")]
    pub kind: AuthKind,
    /// Whether the administrator must fill something in.
    pub needs_setup: bool,
    /// Whether linking needs a login in the browser.
    pub needs_browser: bool,
    /// What the reader has to register with the vendor.
    pub register: Option<Registration<'a>>,
    /// What the reader fills in.
    pub fields: Vec<FieldGuide<'a>>,
    /// Banners of the form.
    pub notices: Vec<&'a Notice>,
    /// Its author's guide, section by section.
    pub written: Option<&'a WrittenGuide>,
    /// Oddities.
    pub notes: Option<&'a str>,
    /// Why credentials can't be tried, if so.
    pub unverified: Option<&'a str>,
    /// Why it can't be used, if so.
    pub unavailable: Option<&'a str>,
}

/// What is to be registered with the vendor.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Registration<'a> {
    /// What sort of thing is registered.
    pub what: &'static str,
    /// The address to enter there as callback (redirect URI).
    pub callback_url: Option<String>,
    /// Scopes asked for unless others are set.
    pub default_scopes: &'a [String],
    /// Scopes without which the connector does not work.
    pub required_scopes: &'a [String],
    /// Whether the hub sends PKCE.
    pub pkce: bool,
}

/// One field and where its value comes from.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct FieldGuide<'a> {
    /// Its key, for `--set`.
    pub key: &'a str,
    /// Its name for people.
    pub label: &'a str,
    /// What sort of input it is.
    #[serde(rename = "type")]
    pub kind: FieldKind,
    /// Whether it must be filled in.
    pub required: bool,
    /// With which other values it is asked, if not with all.
    pub condition: Option<String>,
    /// Whether it must be kept secret.
    pub secret: bool,
    /// An example or a hint.
    pub placeholder: Option<&'a str>,
    /// Where the value comes from, or what it is for.
    pub description: Option<&'a str>,
    /// What can be chosen.
    pub options: Vec<&'a str>,
    /// What is shown for each of them.
    pub option_labels: Vec<&'a str>,
    /// The value where none is given.
    pub default: Option<&'a str>,
}

/// The guide to a connector; `public_url` is where the hub is reached from outside.
#[must_use]
pub fn guide<'a>(connector: &'a Connector, audience: Audience, public_url: &str) -> Guide<'a> {
    Guide {
        connector: &connector.key,
        name: &connector.name,
        audience,
        docs_url: connector.docs_url.as_deref(),
        support_link: connector.support.as_ref().and_then(|support| support.link.as_deref()),
        confidence: connector.confidence,
        notes: connector.notes.as_deref(),
        methods: connector
            .auth
            .iter()
            .map(|auth| method(connector, auth, audience, public_url))
            .collect(),
        any_method: match audience {
            Audience::Admin => vec![field(Field::trigger_token())],
            Audience::EndUser => Vec::new(),
        },
    }
}

/// The callback address of a connector's OAuth logins.
#[must_use]
pub fn callback_url(public_url: &str, key: &ConnectorKey) -> String {
    format!("{}/connect/oauth2/{key}/callback", public_url.trim_end_matches('/'))
}

fn method<'a>(
    connector: &'a Connector,
    auth: &'a AuthMethod,
    audience: Audience,
    public_url: &str,
) -> MethodGuide<'a> {
    let (fields, form) = match audience {
        Audience::Admin => (&auth.setup_fields, Form::Setup),
        Audience::EndUser => (&auth.config_fields, Form::Config),
    };
    let guides = [auth.support.as_ref(), connector.support.as_ref()];
    let mut guides = guides.into_iter().flatten().filter_map(|support| support.guides.as_ref());
    let reason = || auth.verify_reason.as_deref().or(connector.verify_reason.as_deref());
    MethodGuide {
        key: &auth.key,
        label: &auth.label,
        kind: auth.kind,
        needs_setup: auth.needs_setup(),
        needs_browser: auth.needs_browser(),
        register: registration(connector, auth, audience, public_url),
        fields: fields.iter().filter(|field| !field.hidden).map(field).collect(),
        notices: auth.notices.iter().filter(|notice| notice.form == form).collect(),
        written: guides.find_map(|guides| match audience {
            Audience::Admin => guides.setup.as_ref(),
            Audience::EndUser => guides.config.as_ref(),
        }),
        notes: auth.notes.as_deref(),
        unverified: if connector.verify_for(auth).is_empty() { reason() } else { None },
        unavailable: auth.unavailable.as_deref(),
    }
}

/// What a reader registers: the OAuth client is that of the one who fills its id in.
#[must_use]
pub fn registration<'a>(
    connector: &'a Connector,
    auth: &'a AuthMethod,
    audience: Audience,
    public_url: &str,
) -> Option<Registration<'a>> {
    let callback = || match &auth.redirect_uri {
        Some(other) => other.as_str().to_owned(),
        None => callback_url(public_url, &connector.key),
    };
    let is_end_users = auth.client_id_field().is_some_and(|id| auth.config_fields.contains(id));
    let has_client = is_end_users == (audience == Audience::EndUser);
    let what = if has_client && auth.needs_browser() {
        "an OAuth application"
    } else if audience == Audience::Admin && auth.needs_setup() {
        "credentials of a partner or of the application"
    } else if has_client && is_end_users && auth.kind == AuthKind::OAuth2ClientCredentials {
        "an OAuth client"
    } else {
        return None;
    };
    let scopes = |scopes: &'a [String]| if has_client { scopes } else { &[] };
    Some(Registration {
        what,
        callback_url: (has_client && auth.needs_browser()).then(callback),
        default_scopes: scopes(&auth.default_scopes),
        required_scopes: scopes(&auth.required_scopes),
        pkce: auth.pkce,
    })
}

fn field(field: &Field) -> FieldGuide<'_> {
    FieldGuide {
        key: &field.key,
        label: &field.label,
        kind: field.kind,
        required: field.is_needed(),
        condition: field.condition.as_ref().map(ToString::to_string),
        secret: field.is_secret(),
        placeholder: Some(field.placeholder.as_str()).filter(|text| !text.is_empty()),
        description: field.description.as_deref().or(field.tooltip.as_deref()),
        options: field.options.iter().map(|option| option.value.as_str()).collect(),
        option_labels: field.options.iter().map(|option| option.label.as_str()).collect(),
        default: field.default.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Audience, guide};
    use crate::domain::connector::field::TRIGGER_TOKEN;
    use crate::domain::connector::{AuthKind, Connector, Field};

    fn acme() -> Connector {
        serde_json::from_value(serde_json::json!({
            "key": "acme", "name": "Acme", "base_url": "https://api.acme.example",
            "docs_url": "https://docs.acme.example",
            "auth": [
                {"key": "oauth2", "type": "oauth2_authorization_code", "label": "OAuth 2.0",
                 "default_scopes": ["read"],
                 "setup_fields": [
                    {"key": "client_id", "label": "Client ID", "type": "text", "required": true}
                 ],
                 "authorization": {"type": "bearer", "token": "${access_token}"}},
                {"key": "api_key", "type": "api_key", "label": "API key",
                 "config_fields": [
                    {"key": "api_key", "label": "API key", "type": "password", "required": true,
                     "placeholder": "Paste the API key"}
                 ],
                 "authorization": {"type": "bearer", "token": "${api_key}"}}
            ]
        }))
        .unwrap()
    }

    #[test]
    fn an_administrator_learns_the_callback_address_and_the_scopes() {
        let acme = acme();
        let guide = guide(&acme, Audience::Admin, "https://hub.example/");
        let register = guide.methods[0].register.as_ref().unwrap();
        let wanted = "https://hub.example/connect/oauth2/acme/callback";
        assert_eq!(register.callback_url.as_deref(), Some(wanted));
        assert_eq!(register.default_scopes, ["read"]);
        assert_eq!(guide.methods[0].fields[0].key, "client_id");
        assert!(guide.methods[1].register.is_none());
        assert!(guide.methods[1].fields.is_empty());
    }

    #[test]
    fn whoever_fills_in_the_client_learns_the_callback_address_and_the_scopes() {
        let mut acme = acme();
        let told = |acme: &Connector, whom| {
            let guide = guide(acme, whom, "https://hub.example");
            let told = guide.methods[0].register.as_ref();
            told.map(|told| (told.callback_url.is_some(), told.default_scopes.to_vec()))
        };
        let (login, alone) =
            (Some((true, vec!["read".to_owned()])), Some((false, vec!["read".to_owned()])));
        assert_eq!(told(&acme, Audience::Admin), login);
        assert_eq!(told(&acme, Audience::EndUser), None);
        let method = &mut acme.auth[0];
        method.config_fields = std::mem::take(&mut method.setup_fields);
        assert_eq!(told(&acme, Audience::Admin), None);
        assert_eq!(told(&acme, Audience::EndUser), login);
        acme.auth[0].kind = AuthKind::OAuth2ClientCredentials;
        assert_eq!(told(&acme, Audience::EndUser), alone);
        // A client of the end user's is no business of an administrator who has to fill in more.
        let partner =
            Field { required: true, ..Field::optional_secret("partner_id", "Partner ID") };
        acme.auth[0].setup_fields.push(partner);
        assert_eq!(told(&acme, Audience::Admin), Some((false, Vec::new())));
        assert_eq!(told(&acme, Audience::EndUser), alone);
    }

    #[test]
    fn ac_51_an_administrator_learns_of_the_trigger_token_and_an_end_user_does_not() {
        let acme = acme();
        let told = guide(&acme, Audience::Admin, "https://hub.example");
        let field = &told.any_method[0];
        assert_eq!((field.key, field.required, field.secret), (TRIGGER_TOKEN, false, true));
        assert!(field.description.is_some());
        let told = guide(&acme, Audience::EndUser, "https://hub.example");
        assert!(told.any_method.is_empty());
    }

    #[test]
    fn an_end_user_learns_which_fields_and_which_are_secret() {
        let acme = acme();
        let guide = guide(&acme, Audience::EndUser, "https://hub.example");
        assert!(guide.methods[0].fields.is_empty() && guide.methods[0].needs_browser);
        let field = &guide.methods[1].fields[0];
        assert!(field.secret && field.required);
        assert_eq!(field.placeholder, Some("Paste the API key"));
    }
}
