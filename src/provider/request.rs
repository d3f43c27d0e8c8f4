//! A request to a provider before it is sent, and what comes back.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use crate::domain::provider_failure::{Class, ProviderFailure};

/// A request to a provider.
#[derive(Clone)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The address with its query.
    pub url: Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as far as it is known before it is sent.
    pub body: Option<Bytes>,
}

/// Addresses, headers and bodies are left out: they have keys.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl Request {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: None }
    }

    /// Sets a header in place of others of its name. Control characters are refused: a value can't
    /// begin another header (threat 21).
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), ProviderFailure> {
        let (name, value) = header(name, value)?;
        self.headers.insert(name, value);
        Ok(())
    }

    /// Sets a header unless there is one of its name.
    pub(super) fn set_default(&mut self, name: &str, value: &str) -> Result<(), ProviderFailure> {
        let (name, value) = header(name, value)?;
        self.headers.entry(name).or_insert(value);
        Ok(())
    }

    /// The type of the body without its parameters, in lower case.
    pub(super) fn content_type(&self) -> Option<String> {
        let value = self.headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?;
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }
}

/// Whether a request without a body says so by its length, as servers may insist on where the method
/// lets them expect one (RFC 9110, section 8.6).
pub(super) fn is_length_due(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), ProviderFailure> {
    let bad = || {
        let text = format!("the header `{name}` would have characters that no header can carry");
        ProviderFailure::new(Class::Configuration, text)
    };
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
    let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad())?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

#[cfg(test)]
mod tests {
    use super::{Method, Request};

    #[test]
    fn threat_21_a_value_with_a_line_end_is_no_header() {
        let mut request = Request::new(Method::GET, "https://a.example".parse().unwrap());
        for bad in ["a\r\nX: y", "a\nb", "a\0"] {
            assert!(request.set("authorization", bad).is_err());
        }
        assert!(request.set("bad name", "x").is_err());
        request.set("x-a", "1").unwrap();
        request.set_default("X-A", "2").unwrap();
        assert_eq!(request.headers["x-a"], "1");
        assert!(!format!("{:?}", request.headers).contains('1'));
    }
}
