//! An error on the wire (contract section 2): the vendor's members first, then additions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::proxy::ProviderError;

/// The body of every answer that is not a success.
#[derive(Debug, Clone, JsonSchema, Serialize, Deserialize)]
pub struct Problem {
    /// The status, once more.
    #[serde(rename = "statusCode")]
    pub status_code: u16,
    /// What is wrong, for people.
    pub message: String,
    /// When it was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(extend("format" = "date-time"))]
    pub timestamp: String,
    /// The vendor's name for it, where there is one.
    #[serde(rename = "errorCode", default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// One line for each value that is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// Stable code, as `hubctl explain-error` takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The request, as the hub's log knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What a provider answered, where that is the cause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provider_errors: Vec<ProviderError>,
    /// Machine-readable details.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Value>,
}
