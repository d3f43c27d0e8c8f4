//! The OAuth 2.0 server: RFC 6749 with PKCE (RFC 7636, S256 alone), revocation (RFC 7009), and its
//! description (RFC 8414).

mod authorize;
mod token;

use axum::Json;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use subtle::ConstantTimeEq as _;

use super::{CLIENT_SECRET, World};

pub(super) use authorize::{answer, ask};
pub(super) use token::token;

/// Longest client id.
const CLIENT_LIMIT: usize = 100;

/// Members of a form.
type Members = Vec<(String, String)>;

/// A refusal in the words of RFC 6749.
#[derive(Debug, Clone, Copy)]
struct Refusal {
    status: StatusCode,
    error: &'static str,
    description: &'static str,
}

const fn refusal(error: &'static str, description: &'static str) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, error, description }
}

const BAD_CLIENT: Refusal = Refusal {
    status: StatusCode::UNAUTHORIZED,
    error: "invalid_client",
    description: "the client id is malformed, or the secret is not the right one",
};
const FAILED: Refusal = Refusal {
    status: StatusCode::INTERNAL_SERVER_ERROR,
    error: "server_error",
    description: "there are no random bytes",
};

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "error_description": self.description });
        let mut response = (self.status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = http::HeaderValue::from_static("Basic realm=\"sample\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// The one value of a member; twice is as wrong as the standard has it.
fn member<'a>(members: &'a Members, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = members.iter().filter(|(key, value)| key == name && !value.is_empty());
    let first = values.next().map(|(_, value)| value.as_str());
    match values.next() {
        Some(_) => Err(refusal("invalid_request", "a parameter stands twice")),
        None => Ok(first),
    }
}

fn is_client(id: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !id.is_empty() && id.len() <= CLIENT_LIMIT && id.chars().all(fine)
}

/// The client that a request proves to be from, by a Basic header or by members of the form.
fn client(headers: &HeaderMap, members: &Members) -> Result<String, Refusal> {
    let (named, given) = (member(members, "client_id")?, member(members, "client_secret")?);
    let (id, secret) = match headers.get(AUTHORIZATION) {
        Some(header) => {
            let (id, secret) = basic(header.as_bytes()).ok_or(BAD_CLIENT)?;
            if given.is_some() {
                let why = "the client proves itself in two ways";
                return Err(refusal("invalid_request", why));
            }
            if named.is_some_and(|named| named != id) {
                return Err(BAD_CLIENT);
            }
            (id, secret)
        }
        None => {
            let (Some(id), Some(secret)) = (named, given) else { return Err(BAD_CLIENT) };
            (id.to_owned(), secret.to_owned())
        }
    };
    let is_right = bool::from(secret.as_bytes().ct_eq(CLIENT_SECRET.as_bytes()));
    if is_client(&id) && is_right { Ok(id) } else { Err(BAD_CLIENT) }
}

/// User and password of a Basic header; each is written as in a form (RFC 6749, 2.3.1).
fn basic(header: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(header).ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    let whole = format!("x={}", text.replace('&', "%26"));
    let mut pairs = url::form_urlencoded::parse(whole.as_bytes());
    pairs.next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// What clients can find out by themselves.
pub(super) async fn metadata(State(world): State<World>) -> Response {
    let issuer = world.issuer();
    let at = |path: &str| format!("{issuer}{path}");
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": at("/oauth/authorize"),
        "token_endpoint": at("/oauth/token"),
        "revocation_endpoint": at("/oauth/revoke"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "authorization_response_iss_parameter_supported": true,
    }))
    .into_response()
}

/// RFC 7009: a token that is unknown is as good as revoked; a refresh token takes all of its grant
/// along.
pub(super) async fn revoke(
    State(world): State<World>,
    headers: HeaderMap,
    Form(members): Form<Members>,
) -> Response {
    let revoked = || {
        let client = client(&headers, &members)?;
        let token = member(&members, "token")?;
        let token = token.ok_or(refusal("invalid_request", "there is no token"))?;
        let mut grants = world.grants();
        if let Some(refresh) = grants.refresh.get(token)
            && refresh.grant.client == client
        {
            refresh.grant.end();
        }
        if grants.access.get(token).is_some_and(|access| access.grant.client == client) {
            grants.access.take(token);
        }
        Ok(())
    };
    match revoked() {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refusal) => Refusal::into_response(refusal),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use http::HeaderMap;
    use http::header::AUTHORIZATION;

    use super::{Members, client, member};

    fn members(pairs: &[(&str, &str)]) -> Members {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn basic(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = format!("Basic {}", STANDARD.encode(text));
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        headers
    }

    #[test]
    fn a_client_proves_itself_in_one_way() {
        let none = HeaderMap::new();
        let posted = members(&[("client_id", "app"), ("client_secret", "sample-secret")]);
        assert_eq!(client(&none, &posted).unwrap(), "app");
        assert_eq!(client(&basic("app:sample-secret"), &Members::new()).unwrap(), "app");
        assert_eq!(client(&basic("a%2Db:sample%2Dsecret"), &Members::new()).unwrap(), "a-b");
        for (headers, members, error) in [
            (none.clone(), members(&[("client_id", "app")]), "invalid_client"),
            (
                none.clone(),
                members(&[("client_id", "app"), ("client_secret", "x")]),
                "invalid_client",
            ),
            (basic("app:x"), Members::new(), "invalid_client"),
            (basic("app:sample-secret"), members(&[("client_id", "other")]), "invalid_client"),
            (basic("app:sample-secret"), posted, "invalid_request"),
            (basic("a b:sample-secret"), Members::new(), "invalid_client"),
            (basic("nothing"), Members::new(), "invalid_client"),
        ] {
            assert_eq!(client(&headers, &members).unwrap_err().error, error, "{members:?}");
        }
    }

    #[test]
    fn a_member_stands_once() {
        let twice = members(&[("a", "1"), ("a", "2"), ("b", ""), ("c", "3")]);
        assert!(member(&twice, "a").is_err());
        assert_eq!((member(&twice, "b").unwrap(), member(&twice, "c").unwrap()), (None, Some("3")));
    }
}
