//! Who asks: from a request's headers to a caller; checks no permission.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::api::projects::{WANTED_PROJECT, check_wanted};
use crate::domain::caller::Caller;
use crate::domain::secret::Secret;
use crate::error::{HubError, Kind, codes};
use crate::hub::api_keys::authenticate;
use crate::hub::logs::Scope;

use super::AppState;
use super::metrics::count;
use super::request_log::source_type;
use super::respond::Failure;
use super::router::SeenKey;
use super::site::no_foreign_change;

/// Longest Authorization header, in bytes.
const HEADER_LIMIT: usize = 2_048;
/// Names under which clients put keys into addresses (threat 15).
const KEY_NAMES: &[&str] = &[
    "key",
    "apikey",
    "api_key",
    "api-key",
    "x-api-key",
    "access_token",
    "authorization",
    "secret",
    "password",
];

/// The variants of Base64 that clients send.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A caller that the process itself vouches for.
#[derive(Debug, Clone)]
pub(super) struct Known(pub(super) Caller);

/// The holder of the key that came with the request, who has not sent too many.
#[derive(Debug, Clone)]
pub(super) struct Authenticated(pub(super) Caller);

impl FromRequestParts<AppState> for Authenticated {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failure> {
        // Only this process can put one there; nothing that comes over a network can.
        if let Some(Known(caller)) = parts.extensions.get::<Known>() {
            if let Some(scope) = parts.extensions.get::<Arc<Scope>>() {
                scope.belongs_to_command(caller);
            }
            return Ok(Self(caller.clone()));
        }
        no_key_in_query(parts.uri.query())?;
        let source = source_of(parts, state);
        let known = match presented(&parts.headers) {
            Ok(key) => authenticate(&state.hub, key.expose(), source).await,
            Err(error) => Err(error),
        };
        let caller = match known {
            Ok(caller) => caller,
            Err(error) => return Err(Source(source).refused(error, state).into()),
        };
        if let Some(scope) = parts.extensions.get::<Arc<Scope>>() {
            let kind = source_type(&parts.headers);
            scope.belongs_to_caller(&caller, kind, source.map(|ip| ip.to_string()));
        }
        if let Some(key) = caller.key() {
            if let Some(seen) = parts.extensions.get::<SeenKey>() {
                seen.set(&caller);
            }
            state.count_use(key.number)?;
        }
        no_foreign_change(&parts.method, &parts.headers, state.hub.public_url())?;
        if let Some(wanted) = parts.headers.get(WANTED_PROJECT) {
            check_wanted(&String::from_utf8_lossy(wanted.as_bytes()), caller.project_name())?;
        }
        Ok(Self(caller))
    }
}

fn source_of(parts: &Parts, state: &AppState) -> Option<IpAddr> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(state.source(peer.0.ip(), &parts.headers))
}

/// Where a request comes from, for routes that take a secret which could be guessed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source(Option<IpAddr>);

impl FromRequestParts<AppState> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let source = source_of(parts, state);
        if let (Some(ip), Some(scope)) = (source, parts.extensions.get::<Arc<Scope>>()) {
            scope.comes_from(ip.to_string());
        }
        Ok(Self(source))
    }
}

impl Source {
    /// The address.
    pub(super) const fn address(self) -> Option<IpAddr> {
        self.0
    }

    /// Counts a refused secret as a guess (threat 8), and answers what the client is to be told.
    /// Who sends none has not guessed.
    pub(super) fn refused(self, error: HubError, state: &AppState) -> HubError {
        if error.code().kind != Kind::Unauthenticated {
            return error;
        }
        if error.code().name != codes::CREDENTIALS_MISSING.name {
            return self.guessed(error, state);
        }
        count(&state.metrics().counts.bad_credentials);
        error
    }

    /// Counts what was sent as a guess, and answers what the client is to be told: this error, as
    /// long as it has not guessed too often.
    pub(super) fn guessed(self, error: HubError, state: &AppState) -> HubError {
        let Some(source) = self.0 else {
            count(&state.metrics().counts.bad_credentials);
            return error;
        };
        state.wrong_guess(source).err().unwrap_or(error)
    }
}

/// The key that a request presents, in any spelling that the contract tolerates (section 1):
/// `Basic` of `key:`, of `:key` and of the bare key, and `Bearer key`.
///
/// # Errors
/// `auth.missing` where there is none, or none that can be understood.
pub(super) fn presented(headers: &HeaderMap) -> Result<Secret, HubError> {
    let missing = |text: &'static str| HubError::new(&codes::CREDENTIALS_MISSING, text);
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let value = all.next().ok_or_else(|| missing("an API key is needed"))?;
    if all.next().is_some() {
        return Err(missing("more than one Authorization header"));
    }
    if value.len() > HEADER_LIMIT {
        return Err(missing("the Authorization header is too long"));
    }
    let value = value.to_str().map_err(|_| missing("the Authorization header is not text"))?;
    let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value, ""));
    let rest = rest.trim();
    let key = if scheme.eq_ignore_ascii_case("bearer") {
        Some(rest.to_owned())
    } else if scheme.eq_ignore_ascii_case("basic") {
        basic(rest)
    } else {
        return Err(missing("the Authorization header has to be Basic or Bearer"));
    };
    let key = key.filter(|key| !key.is_empty());
    key.map(Secret::new).ok_or_else(|| missing("the Authorization header has no API key"))
}

fn basic(encoded: &str) -> Option<String> {
    let decoded = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
    match decoded.split_once(':') {
        None => Some(decoded),
        Some((user, "")) => Some(user.to_owned()),
        Some(("", password)) => Some(password.to_owned()),
        // Nobody knows which of the two is meant.
        Some(_) => None,
    }
}

/// Refuses keys in the address, where logs and histories keep them (threat 15).
///
/// # Errors
/// `auth.key_in_query`
pub(super) fn no_key_in_query(query: Option<&str>) -> Result<(), HubError> {
    let Some(query) = query else { return Ok(()) };
    let names = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
    for name in names {
        if KEY_NAMES.iter().any(|known| name.eq_ignore_ascii_case(known)) {
            let text = "a key does not belong in the address of a request";
            return Err(HubError::new(&codes::KEY_IN_QUERY, text)
                .hint("send it in the Authorization header, and replace the key"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

    use super::*;

    fn seen(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        presented(&headers).ok().map(|key| key.expose().to_owned())
    }

    #[test]
    fn kp_4_every_spelling_of_the_contract_is_understood() {
        let key = "v1.eu1.abc123xyz";
        let encoded = |text: String| STANDARD.encode(text);
        let spellings = [
            "Basic djEuZXUxLmFiYzEyM3h5ejo=".to_owned(),
            "Basic djEuZXUxLmFiYzEyM3h5eg==".to_owned(),
            format!("basic {}", encoded(format!("{key}:"))),
            format!("BASIC {}", encoded(format!(":{key}"))),
            format!("Basic  {}", STANDARD_NO_PAD.encode(key)),
            format!("Bearer {key}"),
            format!("bearer {key}"),
        ];
        for spelling in spellings {
            assert_eq!(seen(&spelling).as_deref(), Some(key), "{spelling}");
        }
    }

    #[test]
    fn anything_else_is_no_key() {
        let both = format!("Basic {}", STANDARD.encode("a:b"));
        let long = format!("Bearer {}", "x".repeat(HEADER_LIMIT));
        for bad in ["", "Basic", "Basic ", "Basic Og==", "Basic !!", "Digest x", &both, &long] {
            assert_eq!(seen(bad), None, "{bad}");
        }
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, "Bearer a".parse().unwrap());
        headers.append(AUTHORIZATION, "Bearer b".parse().unwrap());
        assert!(presented(&headers).is_err());
    }

    #[test]
    fn threat_15_a_key_in_the_query_is_refused() {
        for query in ["api_key=v1.x", "page=1&API-Key=x", "%61pi_key=x", "access_token=", "key"] {
            let error = no_key_in_query(Some(query)).unwrap_err();
            assert_eq!(error.code().name, "auth.key_in_query", "{query}");
        }
        for query in [None, Some(""), Some("page=2&providers=a&next=key&auth=oauth2")] {
            assert!(no_key_in_query(query).is_ok());
        }
    }
}
