//! How calls are signed: the authorization of a method, tokens that the hub makes, signatures.

pub mod aws4;
pub mod hmacs;
pub mod oauth1;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::field::is_false;
use super::template::Template;

/// How calls are signed.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(try_from = "flat::Authorization", into = "flat::Authorization")]
pub struct Authorization {
    /// The scheme.
    pub scheme: Scheme,
    /// Headers that carry credentials; one whose value comes out empty is left out.
    pub header: BTreeMap<String, Template>,
    /// Query members that carry credentials; one whose value comes out empty is left out.
    pub query: BTreeMap<String, Template>,
}

/// A scheme of signing.
#[derive(Debug, Clone, PartialEq)]
pub enum Scheme {
    /// Nothing is added.
    None,
    /// `Authorization: Basic`.
    Basic {
        /// The user; may come out empty.
        username: Template,
        /// The password; may come out empty.
        password: Template,
    },
    /// `Authorization: Bearer`.
    Bearer {
        /// The token.
        token: Template,
        /// Whether the header has the bare token, without the word.
        bare: bool,
    },
    /// Only the headers of [`Authorization::header`].
    Header,
    /// Only the members of [`Authorization::query`].
    Query,
    /// Members put in every body.
    Body(Map<String, Value>),
    /// OAuth 1.0a.
    OAuth1(OAuth1),
    /// As [`Signature`] says.
    Signature,
}

/// What signs a call by OAuth 1.0a.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth1 {
    /// The application's key.
    pub consumer_key: Template,
    /// The application's secret.
    pub consumer_secret: Template,
    /// The account's token.
    pub token: Template,
    /// The account's token secret.
    pub token_secret: Template,
    /// The algorithm.
    pub signature_method: OAuth1Signature,
    /// The realm of the header.
    pub realm: Option<Template>,
}

/// The algorithms of OAuth 1.0a.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
pub enum OAuth1Signature {
    /// HMAC with SHA-1.
    #[default]
    #[serde(rename = "HMAC-SHA1")]
    HmacSha1,
    /// HMAC with SHA-256.
    #[serde(rename = "HMAC-SHA256")]
    HmacSha256,
}

/// A token that the hub makes and signs.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// The algorithm.
    pub alg: JwtAlgorithm,
    /// The shared secret, for HS256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Template>,
    /// The private key (PEM), for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<Template>,
    /// Further members of the header.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub header: Map<String, Value>,
    /// The claims, beside `iat` and `exp`.
    pub claims: Map<String, Value>,
    /// Its life in seconds.
    pub expires_in: u32,
}

/// The algorithms of made tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// RSA-PSS with SHA-256.
    Ps256,
    /// ECDSA P-256 with SHA-256.
    Es256,
}

/// A client certificate.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mtls {
    /// The certificate (PEM).
    pub certificate: Template,
    /// Its key (PEM).
    pub private_key: Template,
}

/// How each call is signed, where no common scheme does.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(tag = "scheme", deny_unknown_fields)]
pub enum Signature {
    /// An HMAC over the lines of the call, carried as the password of a Basic header.
    #[serde(rename = "duo_hmac_sha1")]
    DuoHmacSha1 {
        /// The lines, in order: `date`, `method`, `host`, `path`, `params`.
        string_to_sign: Vec<String>,
        /// What stands between the lines.
        joiner: String,
        /// The header that carries the date.
        date_header: String,
        /// How the date is written.
        date_format: String,
        /// The user of the Basic header.
        username: Template,
        /// The key of the HMAC.
        secret: Template,
        /// How the HMAC is written.
        encoding: String,
        /// How it travels.
        carried_as: String,
    },
    /// AWS Signature Version 4.
    #[serde(rename = "aws4")]
    Aws4 {
        /// The service that is called.
        service: String,
        /// The region.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<Template>,
        /// The key's id.
        access_key_id: Template,
        /// The key.
        secret_access_key: Template,
        /// The token of a temporary key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session_token: Option<Template>,
    },
    /// An HMAC over method, path, date and body.
    #[serde(rename = "hmac")]
    Hmac {
        /// The hash.
        #[serde(default = "sha256")]
        algorithm: String,
        /// The header that carries it.
        #[serde(default = "x_signature")]
        header_name: String,
        /// What stands before it in the header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prefix: Option<String>,
        /// How the date is written: `iso8601` or `rfc2822`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        date_format: Option<String>,
        /// Whether the host is signed too.
        #[serde(default, skip_serializing_if = "is_false")]
        include_host: bool,
        /// Whether a hash of the body is signed too.
        #[serde(default = "yes")]
        include_body_hash: bool,
        /// `header`, or `basic` for the password of a Basic header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output_format: Option<String>,
        /// The user of the Basic header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username: Option<Template>,
        /// The key of the HMAC.
        secret: Template,
    },
}

fn sha256() -> String {
    "sha256".to_owned()
}

fn x_signature() -> String {
    "X-Signature".to_owned()
}

const fn yes() -> bool {
    true
}

/// The form in files: one flat object with a type.
mod flat;
