//! Calls that the vendor's platform passes on (contract section 8.1): bodies are JSON there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::TryStreamExt as _;
use http::header::HeaderValue;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::api::proxy::{ACCOUNT, Pass, PassBody, Passed};
use crate::client::Client;
use crate::domain::ids::AccountId;
use crate::error::{HubError, codes};

/// Largest body that is put into JSON, in bytes.
const LARGEST_BODY: usize = 32 << 20;

/// A call, whose body is sent as it is written: a number may be longer than any type holds.
#[derive(Serialize)]
struct Asked {
    method: String,
    path: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    headers: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
}

/// What the provider answered, its body as it came.
#[derive(Deserialize)]
struct Answered {
    status: u16,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    data_encoding: Option<String>,
    #[serde(default)]
    data: Option<Box<RawValue>>,
}

impl Answered {
    fn body(&self) -> Vec<u8> {
        let Some(data) = &self.data else { return Vec::new() };
        let is_binary = self.data_encoding.as_deref() == Some("base64");
        match serde_json::from_str::<String>(data.get()) {
            Ok(text) if is_binary => STANDARD.decode(&text).unwrap_or(text.into_bytes()),
            Ok(text) => text.into_bytes(),
            // It is no text.
            Err(_) => data.get().as_bytes().to_vec(),
        }
    }
}

pub(in crate::client) async fn pass(
    client: &Client,
    account: &AccountId,
    pass: Pass,
) -> Result<Passed, HubError> {
    let safe = pass.may_repeat();
    let Pass { method, path, headers, body } = pass;
    if !matches!(method.as_str(), "GET" | "POST" | "PUT" | "PATCH" | "DELETE") {
        let text = format!("StackOne's platform does not pass {method} on; nothing was sent");
        return Err(
            HubError::new(&codes::REMOTE_UNSUPPORTED, text).hint("GET, POST, PUT, PATCH or DELETE")
        );
    }
    let headers: Map<String, Value> =
        headers.into_iter().map(|(name, value)| (name, value.into())).collect();
    let (method, body) = (method.to_ascii_lowercase(), value(body).await?);
    let asked = Asked { method, path, headers, body };
    let mut call = client.call("platform.proxy", &[])?.json(&asked)?.safe(safe);
    let name = HeaderValue::from_str(account.as_str()).map_err(|error| {
        HubError::new(&codes::BAD_VALUE, "the account's id is none").source(error)
    })?;
    call.headers.insert(ACCOUNT, name);
    let answer: Answered = client.json(call).await?;
    let body = answer.body();
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let headers = answer.headers.unwrap_or_default();
    let headers = headers.into_iter().map(|(name, value)| (name, text(value))).collect();
    let body = Box::pin(futures_util::stream::iter([Ok(body.into())]));
    Ok(Passed { status: answer.status, headers, body })
}

/// The body as the platform takes it: a JSON value, or text.
async fn value(body: PassBody) -> Result<Option<Box<RawValue>>, HubError> {
    let bytes = match body {
        PassBody::Empty => return Ok(None),
        PassBody::Whole(bytes) => bytes,
        PassBody::Streamed { mut pieces, .. } => {
            let broken = |error| {
                HubError::new(&codes::INPUT_UNREADABLE, "the body can't be read").source(error)
            };
            let mut all = Zeroizing::new(Vec::new());
            while let Some(piece) = pieces.try_next().await.map_err(broken)? {
                if all.len() + piece.len() > LARGEST_BODY {
                    let text = format!("the body is larger than {LARGEST_BODY} bytes");
                    return Err(HubError::new(&codes::INPUT_UNREADABLE, text));
                }
                all.extend_from_slice(&piece);
            }
            all
        }
    };
    if let Ok(value) = serde_json::from_slice(&bytes) {
        return Ok(Some(value));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        HubError::new(&codes::BAD_VALUE, "StackOne's platform takes JSON and text, and no bytes")
    })?;
    to_raw_value(text).map(Some).map_err(HubError::internal("a request can't be written"))
}
