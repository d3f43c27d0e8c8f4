//! One way to link an account: its fields, its OAuth addresses, and how calls are signed.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::field::{Field, is_false};
use super::request::{Captured, ContentType, LightCalls, TokenRequest};
use super::signing::{Authorization, Jwt, Mtls, Signature};
use super::support::{Environment, Notice, Support};
use super::template::Template;
use crate::domain::credentials::{ACCESS_TOKEN, ID_TOKEN, REFRESH_TOKEN, Values};
use crate::domain::names::AuthMethodKey;
use crate::domain::request_log::redact::is_secret_name;
use crate::domain::secret::Secret;

/// One way to link an account.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthMethod {
    /// Its key, unique within the connector.
    pub key: AuthMethodKey,
    /// What sort of method it is.
    #[serde(rename = "type")]
    pub kind: AuthKind,
    /// Its name for people.
    pub label: String,
    /// What the end user fills in.
    #[serde(default)]
    pub config_fields: Vec<Field>,
    /// What the administrator fills in.
    #[serde(default)]
    pub setup_fields: Vec<Field>,
    /// How calls are signed.
    pub authorization: Authorization,
    /// OAuth: where the end user is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_url: Option<Template>,
    /// OAuth: parameters of that address beyond the standard ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub authorization_params: BTreeMap<String, Template>,
    /// OAuth: a callback address in place of the hub's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<Template>,
    /// OAuth: the token end point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_url: Option<Template>,
    /// OAuth: where refresh tokens are redeemed, if not at `token_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_url: Option<Template>,
    /// OAuth: where tokens are revoked (RFC 7009); the client shows who it is as at `token_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_url: Option<Template>,
    /// OAuth: how the client shows who it is at the token end point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_auth_method: Option<TokenAuth>,
    /// OAuth: how it shows that where a refresh token is redeemed, if not as at `token_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_auth_method: Option<TokenAuth>,
    /// OAuth: members of the token call; one of a standard name replaces the standard one. Where a
    /// refresh token is redeemed they are sent along, but for `grant_type` and `refresh_token`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub token_extra: BTreeMap<String, Template>,
    /// OAuth: members of the call that redeems a refresh token; one of a name that is there already
    /// replaces that one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refresh_extra: BTreeMap<String, Template>,
    /// OAuth: how the token call is written; a form where not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_content_type: Option<ContentType>,
    /// OAuth: further headers of the token call.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub token_headers: BTreeMap<String, Template>,
    /// OAuth: where the access token is in the answer, if not at `access_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_path: Option<String>,
    /// OAuth: where the refresh token is in the answer, if not at `refresh_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token_path: Option<String>,
    /// OAuth: token types accepted beyond `Bearer`, whatever their case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept_token_types: Vec<String>,
    /// OAuth: the life of an access token in seconds where the answer does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_expires_in: Option<u64>,
    /// OAuth: the life of a refresh token in seconds where the answer does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token_expires_in: Option<u64>,
    /// OAuth: the issuer that the callback must name, where it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// OAuth: whether the vendor documents PKCE with S256.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pkce: bool,
    /// OAuth: what stands between two scopes; a space where not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_separator: Option<String>,
    /// OAuth: scopes asked for unless the administrator fills in others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub default_scopes: Vec<String>,
    /// Scopes without which the connector does not work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_scopes: Vec<String>,
    /// OAuth: whether a refresh-token grant exists.
    #[serde(default, skip_serializing_if = "is_false")]
    pub refresh: bool,
    /// Values learnt while linking.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captured: Vec<Captured>,
    /// The whole token call, where it is no standard grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_request: Option<TokenRequest>,
    /// A token to make and sign, which fills `${jwt}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<Jwt>,
    /// How each call is signed, for an authorization of type `signature`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// The client certificate of token calls and API calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtls: Option<Mtls>,
    /// Replaces the connector's root of the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<Template>,
    /// Replaces the connector's light calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<LightCalls>,
    /// Why this method has no light call, though the connector may have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_reason: Option<String>,
    /// Banners of the two forms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// Where help is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<Support>,
    /// Which of the vendor's environments it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Oddities that a caller must know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Why it can't be used: its file asks for something that hubctl can't do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
}

/// What sort of method it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// One static key.
    ApiKey,
    /// A user and a password.
    Basic,
    /// A static bearer token.
    Bearer,
    /// OAuth with a login in the browser.
    #[serde(rename = "oauth2_authorization_code")]
    OAuth2AuthorizationCode,
    /// OAuth without a user.
    #[serde(rename = "oauth2_client_credentials")]
    OAuth2ClientCredentials,
    /// Anything else.
    Custom,
}

/// How a client shows who it is at the token end point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenAuth {
    /// By a Basic header.
    Basic,
    /// By members of the body.
    Post,
}

/// A text that is no kind of method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "use one of api_key, basic, bearer, oauth2_authorization_code, oauth2_client_credentials, custom"
)]
pub struct BadAuthKind;

impl AuthKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::ApiKey,
        Self::Basic,
        Self::Bearer,
        Self::OAuth2AuthorizationCode,
        Self::OAuth2ClientCredentials,
        Self::Custom,
    ];

    /// The text of the kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Basic => "basic",
            Self::Bearer => "bearer",
            Self::OAuth2AuthorizationCode => "oauth2_authorization_code",
            Self::OAuth2ClientCredentials => "oauth2_client_credentials",
            Self::Custom => "custom",
        }
    }

    /// Whether it is one of the two OAuth kinds.
    #[must_use]
    pub const fn is_oauth2(self) -> bool {
        matches!(self, Self::OAuth2AuthorizationCode | Self::OAuth2ClientCredentials)
    }
}

impl fmt::Display for AuthKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AuthKind {
    type Err = BadAuthKind;

    fn from_str(text: &str) -> Result<Self, BadAuthKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(BadAuthKind)
    }
}

impl AuthMethod {
    /// Whether the administrator must fill something in.
    #[must_use]
    pub fn needs_setup(&self) -> bool {
        let nothing = Values::default();
        self.setup_fields.iter().any(|field| field.is_needed() && field.applies(&nothing))
    }

    /// Whether linking needs a login in the browser (OA-1; OAuth 1.0a too).
    #[must_use]
    pub fn needs_browser(&self) -> bool {
        self.kind == AuthKind::OAuth2AuthorizationCode
            || matches!(self.token_request, Some(TokenRequest::OAuth1(_)))
    }

    /// Whether linking obtains tokens, so that the provider has accepted what was entered.
    #[must_use]
    pub fn gets_tokens(&self) -> bool {
        self.needs_browser()
            || self.kind == AuthKind::OAuth2ClientCredentials
            || self.token_request.is_some()
    }

    /// The fields of both forms.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.setup_fields.iter().chain(&self.config_fields)
    }

    /// What calls are signed with and nobody may see (SE-5); values that anybody may see stay
    /// behind, since addresses have them.
    #[must_use]
    pub fn secrets_of(&self, values: &Values) -> Values {
        let fields = self.fields().filter(|field| field.is_secret()).map(|field| &field.key);
        let captured = self.captured.iter().map(|item| &item.key);
        let names = fields.chain(captured.filter(|key| is_secret_name(key))).map(String::as_str);
        let mut secrets = Values::default();
        for name in names.chain([ACCESS_TOKEN, REFRESH_TOKEN, ID_TOKEN]) {
            if let Some(value) = values.get(name) {
                secrets.insert(name, Secret::new(value));
            }
        }
        secrets
    }

    /// How the client shows who it is where a refresh token is redeemed.
    #[must_use]
    pub fn refresh_auth(&self) -> Option<TokenAuth> {
        self.refresh_auth_method.or(self.token_auth_method)
    }

    /// The field that holds the OAuth client's id.
    #[must_use]
    pub fn client_id_field(&self) -> Option<&Field> {
        self.field_named(&["client_id", "clientId"])
    }

    /// The field that holds the OAuth client's secret.
    #[must_use]
    pub fn client_secret_field(&self) -> Option<&Field> {
        self.field_named(&["client_secret", "clientSecret"])
    }

    /// The field whose value replaces the default scopes.
    #[must_use]
    pub fn scopes_field(&self) -> Option<&Field> {
        self.field_named(&["scopes", "scope"])
    }

    /// What stands between two scopes.
    #[must_use]
    pub fn scope_separator(&self) -> &str {
        self.scope_separator.as_deref().unwrap_or(" ")
    }

    fn field_named(&self, keys: &[&str]) -> Option<&Field> {
        self.fields().find(|field| keys.contains(&field.key.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{AuthKind, AuthMethod};
    use crate::domain::credentials::Values;
    use crate::domain::secret::Secret;

    #[test]
    fn se_5_secrets_are_fields_tokens_and_what_was_captured_under_the_name_of_one() {
        let method: AuthMethod = serde_json::from_value(json!({
            "key": "oauth2", "type": "oauth2_authorization_code", "label": "OAuth",
            "authorization": {"type": "bearer", "token": "${access_token}"},
            "config_fields": [
                {"key": "subdomain", "label": "Subdomain", "type": "text"},
                {"key": "pin", "label": "Pin", "type": "password"},
            ],
            "captured": [
                {"key": "rest_url", "from": "token_response", "path": "url"},
                {"key": "rest_token", "from": "token_response", "path": "token"},
            ],
        }))
        .unwrap();
        let mut values = Values::default();
        for name in ["subdomain", "pin", "rest_url", "rest_token", "access_token", "other"] {
            values.insert(name, Secret::new(name));
        }
        let secrets = method.secrets_of(&values);
        let names: Vec<&str> = secrets.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["access_token", "pin", "rest_token"]);
    }

    #[test]
    fn every_kind_has_one_text_everywhere() {
        for kind in AuthKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
