//! Failures in words: of connections, of answers, of values that are missing.

use std::error::Error;
use std::io;
use std::time::Duration;

use http::HeaderMap;
use rustls::CertificateError;
use serde_json::Value;
use url::Url;

use super::{Target, watch};
use crate::domain::connector::address::BadAddress;
use crate::domain::connector::filling::Missing;
use crate::domain::connector::{AuthMethod, Template};
use crate::domain::credentials::{ACCESS_TOKEN, Values};
use crate::domain::oauth::answer::is_html;
use crate::domain::oauth::refusal;
use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::provider_reason;
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::net::guard::{NameUnknown, Refused};

/// No client can be made.
pub(super) fn no_client(error: &HubError) -> ProviderFailure {
    ProviderFailure::new(Class::Configuration, error.to_string())
        .with_code(Some(error.code().name.to_owned()))
}

/// The address may not be called.
pub(super) fn blocked(url: &Url, refused: &Refused) -> ProviderFailure {
    let host = url.host_str().unwrap_or_default();
    ProviderFailure::new(Class::Blocked, format!("`{host}` is not called: {refused}")).of_host(host)
}

/// Nothing is known under the name in the address.
pub(super) fn unknown_name(url: &Url) -> ProviderFailure {
    let host = url.host_str().unwrap_or_default();
    let text = format!("no machine is known by the name `{host}`");
    ProviderFailure::new(Class::Transient, text)
        .with_code(Some(codes::PROVIDER_HOST_UNKNOWN.name.to_owned()))
}

/// Nothing came in time.
pub(super) fn too_slow(url: &Url, limit: Duration) -> ProviderFailure {
    let host = url.host_str().unwrap_or_default();
    let text = format!("`{host}` did not answer within {} s", limit.as_secs_f32().ceil());
    ProviderFailure::new(Class::Transient, text)
}

/// The answer does not end.
pub(super) fn too_large(url: &Url, limit: usize) -> ProviderFailure {
    let host = url.host_str().unwrap_or_default();
    let text = format!("the answer of `{host}` is larger than {} KiB", limit >> 10);
    ProviderFailure::new(Class::BadAnswer, text)
}

/// A call that came to no answer. The error's own text is never shown: it has the address, in which
/// there may be a key.
pub(super) fn transport(url: &Url, error: &reqwest::Error) -> ProviderFailure {
    let host = url.host_str().unwrap_or_default();
    if let Some(refused) = find::<Refused>(error) {
        return blocked(url, refused);
    }
    if find::<NameUnknown>(error).is_some() {
        return unknown_name(url);
    }
    let text = if let Some(tls) = find::<rustls::Error>(error) {
        match tls {
            rustls::Error::InvalidCertificate(error) => {
                let why = untrusted(error).map(|why| format!(": {why}")).unwrap_or_default();
                format!("the certificate of `{host}` can't be trusted{why}")
            }
            _ => format!("`{host}` does not speak TLS as it should"),
        }
    } else if error.is_timeout() {
        format!("`{host}` did not answer in time")
    } else if error.is_connect() {
        format!("`{host}` can't be reached")
    } else if error.is_body() || error.is_decode() {
        format!("the answer of `{host}` broke off or can't be read")
    } else {
        format!("the connection to `{host}` broke off")
    };
    ProviderFailure::new(Class::Transient, text)
}

/// Why a certificate can't be trusted, where the words tell what to do about it.
fn untrusted(error: &CertificateError) -> Option<&'static str> {
    Some(match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "by the hub's clock it is not valid yet"
        }
        CertificateError::UnknownIssuer => {
            "it is signed by itself or by an authority that the hub does not know"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name"
        }
        CertificateError::Revoked => "it was revoked",
        _ => return None,
    })
}

/// The first cause of a kind; input errors hide theirs.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| find::<T>(inner)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// A value that a call needs is not there.
pub(super) fn missing(method: &AuthMethod, missing: &Missing) -> ProviderFailure {
    let name = &missing.0;
    let learnt = name == ACCESS_TOKEN || method.captured.iter().any(|item| item.key == *name);
    if learnt {
        let text = format!("the account has no `{name}`: it must be linked again");
        return ProviderFailure::new(Class::Refused, text);
    }
    ProviderFailure::new(Class::Configuration, format!("there is no value for `{name}`"))
}

/// An address that can't be made.
pub(super) fn address(method: &AuthMethod, bad: BadAddress) -> ProviderFailure {
    match bad {
        BadAddress::Missing(name) => missing(method, &Missing(name)),
        BadAddress::NotOne => ProviderFailure::new(Class::Configuration, bad.to_string()),
        BadAddress::Plain(ref host) => {
            ProviderFailure::new(Class::Blocked, bad.to_string()).of_host(host)
        }
        other => ProviderFailure::new(Class::Foreign, other.to_string()),
    }
}

/// Whether the end user's own values are part of the address, so that a wrong one may be theirs.
pub(super) fn has_own_address(method: &AuthMethod, template: &str) -> bool {
    let names = Template::new(template);
    names.names().any(|name| method.fields().any(|field| field.key == name))
}

/// What is told of a provider that wants to be asked again.
const WAIT: &str = "the provider asks to wait";
/// What is told of a provider that does not accept credentials.
const REFUSED: &str = "the provider refuses the credentials";

/// The failure that an answer tells which came with the status of a good one, but does not hold
/// what it should.
pub(super) fn denial(status: u16, json: &Value) -> ProviderFailure {
    let (code, words) = (provider_reason::code(json), provider_reason::reason(json));
    let (class, text) = match refusal::may_pass(code.as_deref(), words.as_deref()) {
        true => (Class::Transient, WAIT),
        false => (Class::Refused, REFUSED),
    };
    let text = words.map_or_else(|| text.to_owned(), |words| format!("{text}: {words}"));
    ProviderFailure::new(class, text).with_status(status).with_code(code)
}

/// The failure that an answer of an API tells by its status. `own_address` says that values of the
/// account are part of the address.
pub(super) fn answer(status: u16, body: &[u8], own_address: bool) -> ProviderFailure {
    let json = serde_json::from_slice(body).unwrap_or_default();
    let words = provider_reason::reason(&json).or_else(|| plain_words(body));
    let code = provider_reason::code(&json);
    let where_to = "check the subdomain, the company or the account that is part of it";
    // What refuses credentials by its status often counts the attempts in its words.
    let told = words.as_deref().filter(|_| status != 401);
    let (class, text) = match status {
        429 => (Class::Transient, WAIT.to_owned()),
        408 | 425 | 500.. => {
            (Class::Transient, format!("the provider has a problem of its own ({status})"))
        }
        400..=499 if refusal::may_pass(code.as_deref(), told) => {
            (Class::Transient, WAIT.to_owned())
        }
        401 => (Class::Refused, REFUSED.to_owned()),
        // A bill, a conflict, a lock or a law stands in the way, whoever calls.
        402 | 409 | 423 | 451 => {
            (Class::Transient, format!("the provider can't do this at present ({status})"))
        }
        403 => (Class::Refused, "the credentials lack a permission that this needs".to_owned()),
        404 | 410 if own_address => {
            (Class::Refused, format!("nothing was found at this address: {where_to}"))
        }
        404 | 405 | 410 | 415 => {
            (Class::Configuration, format!("the provider does not know this call ({status})"))
        }
        300..=399 if own_address => (
            Class::Refused,
            format!("the address leads elsewhere, which is not followed: {where_to}"),
        ),
        300..=399 => {
            (Class::BadAnswer, "the provider leads elsewhere, which is not followed".to_owned())
        }
        200..=299 => {
            (Class::BadAnswer, format!("the provider answered with an unexpected {status}"))
        }
        _ => (Class::Refused, format!("the provider refuses the call ({status})")),
    };
    let text = words
        .filter(|words| *words != text)
        .map_or_else(|| text.clone(), |words| format!("{text}: {words}"));
    let is_elsewhere = match status {
        300..=399 => own_address,
        404 | 410 => own_address && is_html(body),
        _ => false,
    };
    let failure = ProviderFailure::new(class, text).with_status(status).with_code(code);
    failure.elsewhere(is_elsewhere)
}

/// A short text that is no page.
fn plain_words(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let plain = !is_html(body) && !text.starts_with(['{', '[']) && text.len() <= 200;
    provider_reason::clean(text).filter(|_| plain)
}

/// The failure that the answer to the latest call was found to be, taken note of where somebody
/// watches; with when the provider wants to be asked again.
pub(super) fn judged(
    failure: ProviderFailure,
    headers: &HeaderMap,
    now: Timestamp,
) -> ProviderFailure {
    watch::judge(&failure);
    with_wait(failure, headers, now)
}

/// When the provider wants to be asked again, if it says so and the failure is of that sort.
pub(super) fn with_wait(
    failure: ProviderFailure,
    headers: &HeaderMap,
    now: Timestamp,
) -> ProviderFailure {
    if failure.class != Class::Transient {
        return failure;
    }
    let header = headers.get("retry-after").and_then(|value| value.to_str().ok());
    let retry_at = header.and_then(|text| provider_reason::retry_at(text, now));
    failure.retry_at(retry_at)
}

/// The failure of a target's call as it may be shown. What a provider says repeats no value of the
/// request; without an answer the words are the hub's own, and what they name, such as the host, is
/// told unless it is secret.
pub(super) fn told(failure: ProviderFailure, target: Target<'_>) -> ProviderFailure {
    match failure.status {
        Some(_) => shown(failure, target.values),
        None => shown(failure, &target.method.secrets_of(target.values)),
    }
}

/// The failure as it may be shown: one line, cut, without any of the values. A host that has one is
/// not named.
pub(super) fn shown(mut failure: ProviderFailure, values: &Values) -> ProviderFailure {
    let hidden = provider_reason::without_values(&failure.message, values);
    failure.message = provider_reason::clean(&hidden).unwrap_or_default();
    failure.code = failure.code.map(|code| provider_reason::without_values(&code, values));
    failure.host =
        failure.host.filter(|host| provider_reason::without_values(host, values) == *host);
    failure
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{CertificateError, Class, ProviderFailure, Values, answer, shown, untrusted};
    use crate::domain::secret::Secret;

    #[test]
    fn a_status_tells_what_a_failure_means() {
        for (status, own, class) in [
            (401, false, Class::Refused),
            (403, false, Class::Refused),
            (400, false, Class::Refused),
            (404, true, Class::Refused),
            (404, false, Class::Configuration),
            (302, true, Class::Refused),
            (302, false, Class::BadAnswer),
            (204, false, Class::BadAnswer),
            (429, false, Class::Transient),
            (500, false, Class::Transient),
            (599, true, Class::Transient),
        ] {
            assert_eq!(answer(status, b"", own).class, class, "{status}");
        }
    }

    #[test]
    fn an_outage_may_lead_an_own_address_elsewhere() {
        for (status, body, own, is) in [
            (302, "", true, true),
            (302, "", false, false),
            (404, "<h1>Back soon</h1>", true, true),
            (410, "<h1>Back soon</h1>", true, true),
            (404, "<h1>Back soon</h1>", false, false),
            (404, r#"{"error":"no such company"}"#, true, false),
            (404, "", true, false),
            (401, "<h1>Sign in</h1>", true, false),
        ] {
            let failure = answer(status, body.as_bytes(), own);
            assert_eq!(failure.is_elsewhere, is, "{status} {body} {own}");
        }
    }

    #[test]
    fn the_providers_words_are_told_and_pages_are_not() {
        let told = answer(401, br#"{"error":{"message":"key is revoked"}}"#, false);
        assert_eq!(told.message, "the provider refuses the credentials: key is revoked");
        let page = answer(401, b"<html><body>Sign in</body></html>", false);
        assert_eq!(page.message, "the provider refuses the credentials");
        let text = answer(401, b"Bad credentials", false);
        assert!(text.message.ends_with(": Bad credentials"), "{}", text.message);
    }

    #[test]
    fn a_certificate_that_can_not_be_trusted_is_told_with_the_cause() {
        let others = [
            CertificateError::Expired,
            CertificateError::NotValidYet,
            CertificateError::UnknownIssuer,
            CertificateError::NotValidForName,
            CertificateError::Revoked,
        ];
        let told: BTreeSet<_> = others.iter().filter_map(untrusted).collect();
        assert_eq!(told.len(), others.len(), "{told:?}");
        assert_eq!(untrusted(&CertificateError::BadEncoding), None);
    }

    #[test]
    fn threat_32_a_failure_does_not_echo_the_request() {
        let mut values = Values::default();
        values.insert("api_key", Secret::new("hunter2"));
        let body = br#"{"error":"key hunter2 is wrong","code":"hunter2"}"#;
        let failure = shown(answer(401, body, false), &values);
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
        assert!(failure.message.contains("key *** is wrong"), "{}", failure.message);
    }

    #[test]
    fn threat_32_a_host_that_is_secret_is_not_named() {
        let host = "10.11.12.13";
        let failure = || {
            let text = format!("`{host}` is not called: its network is not public");
            ProviderFailure::new(Class::Blocked, text).of_host(host)
        };
        let mut values = Values::default();
        assert_eq!(shown(failure(), &values).host.as_deref(), Some(host));
        values.insert("key", Secret::new(host));
        let shown = shown(failure(), &values);
        assert!(!format!("{shown:?}").contains(host), "{shown:?}");
        assert_eq!(shown.host, None);
    }

    #[test]
    fn threat_32_no_part_of_a_value_is_left_where_a_reason_is_cut() {
        let mut values = Values::default();
        let token = "planted-token-".repeat(40);
        values.insert("access_token", Secret::new(token.as_str()));
        for before in [0, 200, 290] {
            let words = format!("{} {token} is no token", "x".repeat(before));
            let body = serde_json::json!({ "message": words }).to_string();
            let failure = shown(answer(401, body.as_bytes(), false), &values);
            assert!(!failure.message.contains("plan"), "{}", failure.message);
            assert!(failure.message.chars().count() <= 300, "{}", failure.message);
        }
    }
}
