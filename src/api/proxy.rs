//! Calls that are passed on to providers (contract section 8.1), and the hub's own way for bodies
//! that are passed as they are.

use std::fmt;
use std::io;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::api::projects::WANTED_PROJECT;
use crate::domain::proxy::is_safe;
use crate::error::HubError;

/// The header in which data calls name their account (AT-27).
pub const ACCOUNT: &str = "x-account-id";
/// Headers of a call that is passed as it is: the provider's method, and path with query.
pub const METHOD: &str = "x-proxy-method";
/// See [`METHOD`].
pub const PATH: &str = "x-proxy-path";
/// The header that tells a provider's answer from one of the hub's own.
pub const PROVIDER_STATUS: &str = "x-hubctl-provider-status";

/// What is in front of the name of a provider's header where the hub has one of that name on all of
/// its answers: both reach whoever called.
pub const BESIDE: &str = "x-hubctl-provider-";
/// Those names.
pub const ON_ALL_ANSWERS: [&str; 5] = [
    "cache-control",
    "content-security-policy",
    "x-content-type-options",
    WANTED_PROJECT,
    "x-request-id",
];

/// A call in words of JSON.
#[derive(Debug, Clone, Default, JsonSchema, Serialize, Deserialize)]
pub struct ProxyCall {
    /// A base address of the connector's own, instead of the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The method, in any case; `get` if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path below the base address, with its query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Headers for the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<Map<String, Value>>,
    /// The body: JSON; a form where the content type is one, and as it is where it is a text of
    /// another type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    pub body: Option<Box<RawValue>>,
}

/// What the provider answered.
#[derive(Debug, Clone, JsonSchema, Serialize, Deserialize)]
pub struct ProxyAnswer {
    /// The provider's status.
    pub status: u16,
    /// The provider's headers, in lower case; several of one name are joined by commas.
    #[serde(default)]
    pub headers: Option<Map<String, Value>>,
    /// `base64` where `data` is text that stands for bytes; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_encoding: Option<String>,
    /// The body: a JSON value, a text, bytes in Base64, or null where there is none.
    #[serde(default)]
    pub data: Value,
    /// What the provider refused, where it did.
    #[serde(default)]
    pub provider_errors: Option<Vec<ProviderError>>,
}

/// A provider's refusal (contract section 2.1).
#[derive(Debug, Clone, JsonSchema, Serialize, Deserialize)]
pub struct ProviderError {
    /// The provider's status.
    pub status: Option<u16>,
    /// What was called, without its query; null in an error of the hub's own.
    pub url: Option<String>,
    /// The provider's words, where they are a JSON object that is not too long; in an error of the
    /// hub's own their `code` alone.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub raw: Option<Box<RawValue>>,
    /// Always null: in an answer of the proxy the headers are beside it.
    pub headers: Option<Map<String, Value>>,
}

/// Pieces of a body that is sent.
pub type Sent = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;
/// Pieces of a body that comes back. One that ends with an error is not whole.
pub type Came = Pin<Box<dyn Stream<Item = Result<Bytes, HubError>> + Send>>;

/// The body of a call that is passed as it is.
pub enum PassBody {
    /// None.
    Empty,
    /// All of it.
    Whole(Zeroizing<Vec<u8>>),
    /// Piece by piece.
    Streamed {
        /// The pieces.
        pieces: Sent,
        /// Their length together, where it is known.
        length: Option<u64>,
    },
}

/// A call that is passed as it is.
pub struct Pass {
    /// The method, in upper case.
    pub method: String,
    /// The path below the root of the provider's API, with its query.
    pub path: String,
    /// Headers for the provider.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: PassBody,
}

impl Pass {
    /// Whether it may be sent twice: it changes nothing, or the provider does it once.
    #[must_use]
    pub fn may_repeat(&self) -> bool {
        let is_key = |name: &str| name.eq_ignore_ascii_case("idempotency-key");
        is_safe(&self.method) || self.headers.iter().any(|(name, _)| is_key(name))
    }
}

/// Headers and body may have secrets, and the path may.
impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").field("method", &self.method).finish_non_exhaustive()
    }
}

/// A provider's answer that is passed as it is.
pub struct Passed {
    /// The provider's status.
    pub status: u16,
    /// The provider's headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Came,
}

impl Passed {
    /// A header's value; `name` is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passed").field("status", &self.status).finish_non_exhaustive()
    }
}
