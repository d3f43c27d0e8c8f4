//! Parts of requests and answers that need care: segments of a path, the id of a request.

use reqwest::header::{HeaderMap, HeaderName};

use crate::error::{HubError, codes};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Writes a value into a path, so that it is one segment whatever is in it.
pub(super) fn segment(value: &str) -> Result<String, HubError> {
    if matches!(value, "" | "." | "..") {
        let text = format!("`{value}` can't be named to a hub elsewhere");
        return Err(HubError::new(&codes::BAD_VALUE, text).hint("use the id"));
    }
    let text: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    Ok(text.replace('+', "%20"))
}

/// The id under which the hub knows a request.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let text: String = text.chars().take(128).filter(|c| fine(*c)).collect();
    (!text.is_empty()).then_some(text)
}
