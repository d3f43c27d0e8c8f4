//! What a login at a provider brings back, and where the browser may go then. Where it is sent at
//! first is [`super::oauth::login`]'s.

use url::Url;

use super::connector::AuthMethod;
use super::connector::request::TokenRequest;
use super::origin::Origin;
use super::provider_reason;
use super::secret::Secret;
use super::words::one_line;

/// Longest return address that is looked at, in bytes.
const LONGEST_RETURN: usize = 2_000;
/// Longest error code of a provider's that is kept, in characters.
const LONGEST_CODE: usize = 80;

/// Where a login may return to: an address whose origin is registered (OA-11, threat 7).
#[must_use]
pub fn return_address(text: &str, origins: &[Origin]) -> Option<Url> {
    // The parser forgives these, and then the address is not what it looks like.
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    if text.len() > LONGEST_RETURN || text.contains(odd) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "https" | "http")
        && url.username().is_empty()
        && url.password().is_none()
        && url.host().is_some();
    (plain && origins.contains(&Origin::of(&url))).then_some(url)
}

/// What a provider's page sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A code to exchange; for OAuth 1.0a the verifier.
    Code(Secret),
    /// It failed there (OA-6).
    Failed {
        /// The provider's code.
        code: String,
        /// The provider's words.
        description: Option<String>,
    },
    /// The answer names another issuer (threat 6).
    WrongIssuer,
    /// Nothing that can be understood.
    Malformed,
}

/// The one value of this name; `None` where there is none, or more than one.
#[must_use]
pub fn single<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut found = query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let first = found.next().filter(|value| !value.is_empty());
    if found.next().is_some() { None } else { first }
}

/// Whether the answer names another issuer than the one that was asked (RFC 9207). One that the
/// method does not name is taken for its own, unless it is that of a method that logs in elsewhere:
/// all methods of a connector share one callback (AC-40), which no other connector's answer reaches.
fn is_foreign(method: &AuthMethod, all: &[AuthMethod], query: &[(String, String)]) -> bool {
    let mut named = query.iter().filter(|(key, _)| key == "iss").peekable();
    if named.peek().is_none() {
        return false;
    }
    if let Some(issuer) = &method.issuer {
        return single(query, "iss") != Some(issuer.as_str());
    }
    let elsewhere = all.iter().filter(|one| one.authorization_url != method.authorization_url);
    let others: Vec<&String> = elsewhere.filter_map(|one| one.issuer.as_ref()).collect();
    named.any(|(_, issuer)| others.contains(&issuer))
}

/// Reads what came back; `all` are the methods of the connector, and `request_token` is the one of
/// OAuth 1.0a that the login began with.
#[must_use]
pub fn answer(
    method: &AuthMethod,
    all: &[AuthMethod],
    query: &[(String, String)],
    request_token: Option<&str>,
) -> Answer {
    if is_foreign(method, all, query) {
        return Answer::WrongIssuer;
    }
    if let Some(code) = query.iter().find(|(key, _)| key == "error").map(|(_, value)| value) {
        let words = query.iter().find(|(key, _)| key == "error_description");
        let description = words.and_then(|(_, value)| provider_reason::clean(value));
        let code = one_line(code, LONGEST_CODE).unwrap_or_else(|| "error".to_owned());
        return Answer::Failed { code, description };
    }
    let is_oauth1 = matches!(method.token_request, Some(TokenRequest::OAuth1(_)));
    let name = if is_oauth1 { "oauth_verifier" } else { "code" };
    // Who says no there sends the token back under this name, often without any other.
    if is_oauth1 && request_token.is_some() && single(query, "denied") == request_token {
        return Answer::Failed { code: "access_denied".to_owned(), description: None };
    }
    if is_oauth1 && (request_token.is_none() || single(query, "oauth_token") != request_token) {
        return Answer::Malformed;
    }
    match single(query, name) {
        Some(code) => Answer::Code(Secret::new(code)),
        None => Answer::Malformed,
    }
}

#[cfg(test)]
mod tests;
