//! Calls that a definition describes: the light call, the token call, and looked-up values.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::expression::Expression;
use super::field::is_false;
use super::template::Template;
use crate::domain::credentials::Values;

/// The light calls of a connector or of a method: one, or several that are made in their order.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LightCalls {
    /// One.
    One(Box<Verify>),
    /// Several.
    Several(Vec<Verify>),
}

impl LightCalls {
    /// All of them.
    #[must_use]
    pub fn as_slice(&self) -> &[Verify] {
        match self {
            Self::One(call) => std::slice::from_ref(call),
            Self::Several(calls) => calls,
        }
    }
}

/// The light call that shows that credentials work.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// Its HTTP method.
    pub method: HttpMethod,
    /// A path below the root of the API (joined with one slash), or a whole address.
    pub path: Template,
    /// The status that means yes; any 2xx where not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_status: Option<u16>,
    /// Further headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Template>,
    /// The members of its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Map<String, Value>>,
    /// How the body is written; JSON where not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// What the answer must hold: some vendors answer a bad key with status 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_json: Option<ExpectJson>,
    /// Whether a failure is only noted (OA-18).
    #[serde(default, skip_serializing_if = "is_false")]
    pub optional: bool,
    /// With which values it is made; with all where not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Expression>,
}

impl Verify {
    /// Whether it is to be made with these values.
    #[must_use]
    pub fn applies(&self, values: &Values) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.holds(values))
    }
}

/// What an answer must hold.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectJson {
    /// A dotted path; numbers index lists.
    pub path: String,
    /// The value there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// Whether there must be something, or must not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// Whether there must be something other than null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_null: Option<bool>,
}

/// The HTTP methods that definitions use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
}

impl HttpMethod {
    /// The method's name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
        }
    }
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
pub enum ContentType {
    /// JSON.
    #[serde(rename = "application/json")]
    Json,
    /// A form.
    #[serde(rename = "application/x-www-form-urlencoded")]
    Form,
}

/// A value learnt while linking.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Captured {
    /// The name under which templates use it.
    pub key: String,
    /// Where it comes from.
    pub from: CaptureFrom,
    /// Where it is: a dotted path in an answer, or a member of the callback's query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The call that tells it, for a lookup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<HttpMethod>,
    /// The address of that call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Template>,
    /// Headers of that call, in place of the method's own signing where they set the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Template>,
}

/// Where a captured value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureFrom {
    /// The answer of the token end point.
    TokenResponse,
    /// The query of the callback.
    CallbackQuery,
    /// A call with the new token.
    Lookup,
    /// The answer that carries the OAuth 1.0a access token.
    #[serde(rename = "oauth1_access_token")]
    OAuth1AccessToken,
}

/// A token call that is no standard grant.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TokenRequest {
    /// One call whose answer has the token.
    Call(Box<TokenCall>),
    /// The three steps of OAuth 1.0a.
    OAuth1(OAuth1Flow),
}

/// One call whose answer has the token.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenCall {
    /// Its HTTP method.
    pub method: HttpMethod,
    /// Its address.
    pub url: Template,
    /// How its body is written; JSON where not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// Further headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Template>,
    /// The members of its body.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub body: Map<String, Value>,
    /// Its Basic header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<UserPassword>,
    /// Where the token is in the answer; empty if the whole body is the token.
    pub token_path: String,
    /// Where its life in seconds is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_path: Option<String>,
    /// An assertion to make and sign, which fills `${saml_assertion}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saml_assertion: Option<SamlAssertion>,
}

/// A user and a password.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserPassword {
    /// The user.
    pub username: Template,
    /// The password.
    pub password: Template,
}

/// A SAML 2.0 bearer assertion.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamlAssertion {
    /// Who makes it.
    pub issuer: Template,
    /// For which user.
    pub name_id: Template,
    /// For whom it is.
    pub audience: Template,
    /// Where it is posted.
    pub recipient: Template,
    /// Further attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Template>,
    /// The key that signs it (PEM).
    pub private_key: Template,
}

/// The three steps of OAuth 1.0a.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth1Flow {
    /// Where the temporary token is fetched.
    pub request_token_url: Template,
    /// Where the end user is sent.
    pub authorization_url: Template,
    /// Where the lasting token is fetched.
    pub access_token_url: Template,
    /// Parameters of the authorization address.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub authorization_params: BTreeMap<String, Template>,
}
