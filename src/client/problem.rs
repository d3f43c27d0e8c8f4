//! Answers that are errors, and calls that never got an answer, as hubctl's own errors.
//!
//! A hubctl hub names the code, so that a command ends as it would on a local store. Any other hub
//! is understood by its status (contract section 2).

use std::error::Error as _;
use std::io;

use serde_json::{Value, json};

use crate::domain::proxy;
use crate::error::{Code, HubError, Kind, codes};

use super::keys::Scrubber;
use super::lines::Broken;

/// Longest text of an answer that is repeated in a message, in characters.
const EXCERPT: usize = 300;

/// What to do where nobody that is trusted vouches for the hub.
pub(super) const TRUST: &str = "trust its authority with --cacert FILE";
/// What to do where a proxy asks who calls.
const PROXY_LOGIN: &str =
    "give its user name and password in the proxy's address: http://USER:PASSWORD@HOST:PORT";

/// What to do where nobody knows whether a write was done.
const LOOK: &str =
    "look with list or get before repeating the command; hubctl doctor checks the connection";

/// An answer that is no success.
pub(super) struct Refused<'a> {
    /// Where it came from: scheme, host and port.
    pub(super) origin: &'a str,
    /// What was asked for: method and path.
    pub(super) asked: &'a str,
    /// Whether it is an operation that only a hubctl hub has.
    pub(super) is_extension: bool,
    /// Whether it may not be sent twice.
    pub(super) is_write: bool,
    pub(super) status: u16,
    /// From the header.
    pub(super) request_id: Option<String>,
    pub(super) body: &'a [u8],
}

/// The error of a refused call. Texts of the other side are rid of what must not be repeated.
pub(super) fn error(refused: &Refused<'_>, scrubber: &Scrubber) -> HubError {
    let body = serde_json::from_slice::<Value>(refused.body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(|text| scrubber.clean(text));
    let request_id = text("request_id").or_else(|| refused.request_id.clone());
    let named = text("code");
    // To be too slow for a hub elsewhere is not what `timed out` means of a command.
    let known = named.as_deref().and_then(codes::find).filter(|code| code.kind != Kind::TimedOut);
    let error = match known {
        _ if lacks_route(refused, named.as_deref()) => unsupported_here(refused),
        Some(code) => own(code, &body, scrubber),
        None => foreign(refused, named, &body, scrubber),
    };
    error.answered(refused.status, request_id)
}

/// The same error as on a local store.
fn own(code: &'static Code, body: &Value, scrubber: &Scrubber) -> HubError {
    let said = |name: &str| body.get(name).and_then(Value::as_str);
    let text = |name: &str| said(name).map(|text| unbroken(&scrubber.clean(text)));
    let message = text("message").unwrap_or_else(|| code.meaning.to_owned());
    let error = HubError::new(code, message);
    let error = match text("hint") {
        Some(hint) => error.hint(hint),
        None => error,
    };
    let details = body.get("details").and_then(Value::as_array).into_iter().flatten();
    details.fold(error, |error, detail| error.detail(scrubber.clean_value(detail.clone())))
}

/// A hub of one's own that is older than the operation, or no hubctl hub at all.
fn lacks_route(refused: &Refused<'_>, code: Option<&str>) -> bool {
    let no_route = [None, Some("request.unknown_route"), Some("request.method_not_allowed")];
    refused.is_extension && matches!(refused.status, 404 | 405) && no_route.contains(&code)
}

fn unsupported_here(refused: &Refused<'_>) -> HubError {
    let Refused { origin, asked, .. } = refused;
    let text = format!("the hub at {origin} does not offer {asked}");
    // What a proxy made of a slash in a name leads to nothing that is there.
    let hint = match asked.to_ascii_lowercase().contains("%2f") {
        true => {
            "use the id in place of the name; a proxy there has to leave %2F in addresses alone"
        }
        false => "hubctl doctor shows what this hub offers; a newer hubctl there may offer more",
    };
    HubError::new(&codes::REMOTE_UNSUPPORTED, text).hint(hint)
}

fn foreign(
    refused: &Refused<'_>,
    named: Option<String>,
    body: &Value,
    scrubber: &Scrubber,
) -> HubError {
    let status = refused.status;
    let (code, hint) = of_status(status);
    let said = body.get("message").and_then(|message| match message {
        Value::String(text) => Some(text.clone()),
        // Some frameworks answer a list of messages.
        Value::Array(all) => {
            Some(all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "))
        }
        _ => None,
    });
    let said = said.filter(|text| !text.trim().is_empty()).or_else(|| excerpt(refused.body));
    let origin = refused.origin;
    let told = match said {
        Some(said) => {
            let said = unbroken(&shortened(&scrubber.clean(&said)));
            format!("{origin} answered {status}: {said}")
        }
        None => format!("{origin} answered {status} to {}", refused.asked),
    };
    let is_unclear = refused.is_write && proxy::is_unclear(status);
    let error = HubError::new(code, perhaps(told, is_unclear));
    let error = match hint {
        Some(hint) => error.hint(hint),
        None => error,
    };
    let error = perhaps_done(error, is_unclear);
    let lines = body.get("errors").and_then(Value::as_array).into_iter().flatten();
    let error = lines.fold(error, |error, line| error.detail(scrubber.clean_value(line.clone())));
    let error_code = body.get("errorCode").and_then(Value::as_str).map(|text| scrubber.clean(text));
    match named.or(error_code) {
        Some(code) => error.detail(json!({ "code": shortened(&code) })),
        None => error,
    }
}

/// Words of the other side on one line: a further one would look like one of hubctl's own
/// (threat 36).
fn unbroken(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

/// What a status means where nothing else is known.
fn of_status(status: u16) -> (&'static Code, Option<&'static str>) {
    match status {
        400 | 405 | 406 | 411 | 413..=417 | 431 => (&codes::REMOTE_INVALID, None),
        401 => (&codes::REMOTE_KEY_REFUSED, Some("hubctl doctor; hubctl auth login")),
        403 => (&codes::REMOTE_FORBIDDEN, Some("hubctl doctor")),
        404 | 410 => (&codes::REMOTE_NOT_FOUND, None),
        409 | 412 | 422 => (&codes::REMOTE_CONFLICT, None),
        429 => (&codes::REMOTE_RATE_LIMITED, Some("wait a while, or raise --max-wait")),
        501 => (&codes::REMOTE_UNSUPPORTED, None),
        407 => (&codes::REMOTE_FAILED, Some(PROXY_LOGIN)),
        408 | 425 | 500.. => (&codes::REMOTE_FAILED, Some("hubctl doctor")),
        _ => (&codes::REMOTE_BAD_ANSWER, Some("hubctl doctor")),
    }
}

/// The beginning of a body that is no JSON, on one line and without tags.
fn excerpt(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let trimmed = text.trim_start();
    if trimmed.starts_with(['{', '[']) {
        return None;
    }
    let mut out = String::new();
    let mut in_tag = false;
    for c in trimmed.chars() {
        match c {
            '<' => in_tag = true,
            '>' => {
                in_tag = false;
                out.push(' ');
            }
            c if !in_tag => out.push(c),
            _ => {}
        }
    }
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    (!words.is_empty()).then_some(words)
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= EXCERPT {
        return text.to_owned();
    }
    text.chars().take(EXCERPT).chain(['…']).collect()
}

/// A hub that says to slow down for too long.
pub(super) fn too_long(error: &HubError, wait_s: Option<u64>, max_wait_s: u64) -> HubError {
    let text = match wait_s {
        Some(wait) => {
            format!("{error}; it asks to wait {wait} s, and --max-wait is {max_wait_s} s")
        }
        None => format!("{error}; it still does after {max_wait_s} s (--max-wait)"),
    };
    let code = error.code();
    let told = HubError::new(code, text).hint("wait that long, or raise --max-wait");
    let told = error.details().iter().cloned().fold(told, HubError::detail);
    match error.http_status() {
        Some(status) => told.answered(status, error.request_id().map(str::to_owned)),
        None => told,
    }
}

/// A call that got no answer. Whether a write was done is not known unless it was never sent.
pub(super) fn unreachable(origin: &str, error: &reqwest::Error, is_write: bool) -> HubError {
    let cause = cause(error);
    let told = |text: String| HubError::new(&codes::REMOTE_UNREACHABLE, text);
    let failed = if let Some(tls) = find::<rustls::Error>(error) {
        let told = told(format!("no secure connection to {origin}: {tls}"));
        match tls {
            rustls::Error::InvalidCertificate(_) => told.hint(TRUST),
            _ => told.hint("hubctl doctor; is it https:// there?"),
        }
    } else if error.is_connect() && error.is_timeout() {
        told(format!("{origin} can't be reached in time")).hint("hubctl doctor")
    } else if let Some((why, hint)) = refused_by_proxy(&cause) {
        told(format!("{origin} can't be reached: {why}")).hint(hint)
    } else if error.is_connect() {
        told(format!("{origin} can't be reached: {cause}")).hint("hubctl doctor")
    } else {
        broken(origin, &cause, is_write)
    };
    let failed = failed.source(cause);
    if error.is_connect() { failed.unsent() } else { failed }
}

/// What a proxy that makes no connection says, which the HTTP library has in its own words only.
fn refused_by_proxy(cause: &str) -> Option<(&'static str, &'static str)> {
    match cause.strip_prefix("tunnel error: ")? {
        "proxy authorization required" => {
            Some(("the proxy wants a user name and password", PROXY_LOGIN))
        }
        _ => Some((
            "the proxy makes no connection to it",
            "if it is to be reached without one, add its host to NO_PROXY; hubctl doctor",
        )),
    }
}

/// A connection that ended before the answer did.
pub(super) fn broken(origin: &str, cause: &str, is_write: bool) -> HubError {
    let text = format!("the connection to {origin} broke: {cause}");
    unclear(text, is_write)
}

/// A call that took too long.
pub(super) fn timed_out(origin: &str, limit_s: u64, is_write: bool) -> HubError {
    let text = format!("{origin} did not answer within {limit_s} s (--http-timeout)");
    unclear(text, is_write)
}

fn unclear(text: String, is_write: bool) -> HubError {
    let error = HubError::new(&codes::REMOTE_UNREACHABLE, perhaps(text, is_write));
    perhaps_done(error.hint("hubctl doctor"), is_write)
}

fn perhaps(text: String, is_write: bool) -> String {
    if is_write { format!("{text}; the change may have been made all the same") } else { text }
}

/// The error of a call after which nobody knows whether a write was done.
pub(super) fn perhaps_done(error: HubError, is_write: bool) -> HubError {
    if is_write { error.hint(LOOK).outcome_unknown() } else { error }
}

/// A list that is not whole.
pub(super) fn bad_list(origin: &str, broken: &Broken) -> HubError {
    bad_answer(
        origin,
        match broken {
            Broken::CutOff => "ended in the middle of a list",
            Broken::Malformed => "did not answer with a list",
            Broken::TooLong => "answered more than a list has",
        },
    )
}

/// An answer that no hub gives.
pub(super) fn bad_answer(origin: &str, what: &str) -> HubError {
    HubError::new(&codes::REMOTE_BAD_ANSWER, format!("{origin} {what}")).hint("hubctl doctor")
}

/// An answer that sends elsewhere.
pub(super) fn redirected(origin: &str, status: u16, to: Option<&str>) -> HubError {
    let error = match to {
        Some(to) => {
            let text = format!("{origin} redirects to {to}, and the key is not sent there");
            HubError::new(&codes::REMOTE_REDIRECTED, text)
                .hint(format!("if that is the hub, use --api-url {to}"))
        }
        None => {
            let text = format!("{origin} redirects in a way that can't be followed");
            HubError::new(&codes::REMOTE_REDIRECTED, text).hint("hubctl doctor")
        }
    };
    error.answered(status, None)
}

/// The innermost cause in words. The outer ones repeat addresses.
fn cause(error: &reqwest::Error) -> String {
    let mut last = None;
    let mut next = error.source();
    while let Some(source) = next {
        last = Some(source);
        next = source.source();
    }
    match last {
        Some(last) => last.to_string(),
        None => "no answer".to_owned(),
    }
}

/// The cause of this type. An I/O error hides what it wraps from `source`.
fn find<'a, T: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a T> {
    if let Some(found) = error.downcast_ref::<T>() {
        return Some(found);
    }
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => find(inner),
        None => find(error.source()?),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Refused, error};
    use crate::cli::exit::exit_code;
    use crate::client::keys::Scrubber;
    use crate::domain::secret::Secret;
    use crate::error::{HubError, Kind, codes};

    const KEY: &str = "v1.local.7_abcdefghijklmnop";

    fn told(status: u16, is_extension: bool, body: &[u8]) -> HubError {
        let refused = Refused {
            origin: "https://hub.example.com",
            asked: "GET /x",
            is_extension,
            is_write: false,
            status,
            request_id: Some("r-header".to_owned()),
            body,
        };
        error(&refused, &Scrubber::new(&Secret::new(KEY)))
    }

    #[test]
    fn a_named_code_is_the_same_error_as_on_a_local_store() {
        for code in codes::ALL.iter().filter(|code| code.kind != Kind::TimedOut) {
            let local = HubError::new(code, "no such thing")
                .hint("hubctl doctor")
                .detail(json!({"field": "a", "message": "b"}));
            let body = json!({
                "statusCode": 409,
                "message": local.message(),
                "timestamp": "2026-06-01T12:00:00.000Z",
                "code": code.name,
                "hint": local.hint_text(),
                "request_id": "r-body",
                "details": local.details(),
            });
            let remote = told(409, true, body.to_string().as_bytes());
            assert_eq!(exit_code(&remote), exit_code(&local), "{}", code.name);
            assert_eq!(remote.code().name, code.name);
            assert_eq!(remote.message(), local.message());
            assert_eq!(remote.hint_text(), local.hint_text());
            assert_eq!(remote.details(), local.details());
            assert_eq!((remote.http_status(), remote.request_id()), (Some(409), Some("r-body")));
        }
    }

    #[test]
    fn a_status_alone_decides_where_no_code_is_given() {
        for (status, exit) in [
            (400, 2),
            (401, 4),
            (403, 5),
            (404, 3),
            (408, 10),
            (409, 6),
            (412, 6),
            (422, 6),
            (429, 9),
            (500, 10),
            (501, 14),
            (502, 10),
            (503, 10),
            (504, 10),
            (599, 10),
        ] {
            let body = json!({"statusCode": status, "message": "because", "timestamp": "x"});
            let error = told(status, false, body.to_string().as_bytes());
            assert_eq!(exit_code(&error), exit, "{status}");
            assert_eq!(
                error.message(),
                format!("https://hub.example.com answered {status}: because")
            );
            assert_eq!((error.http_status(), error.request_id()), (Some(status), Some("r-header")));
        }
    }

    #[test]
    fn an_operation_that_the_hub_does_not_have_is_unsupported() {
        for body in [
            "",
            "<html>404</html>",
            r#"{"message":"Cannot GET"}"#,
            r#"{"code":"request.unknown_route"}"#,
        ] {
            let error = told(404, true, body.as_bytes());
            assert_eq!(
                (error.code().name, exit_code(&error)),
                ("remote.unsupported", 14),
                "{body}"
            );
            assert_ne!(told(404, false, body.as_bytes()).code().name, "remote.unsupported");
        }
        let missing = told(404, true, br#"{"code":"account.not_found","message":"x"}"#);
        assert_eq!(missing.code().name, "account.not_found");
        let newer = told(404, true, br#"{"code":"gadget.not_found","message":"no gadget"}"#);
        assert_eq!((newer.code().name, exit_code(&newer)), ("remote.not_found", 3));
        assert_eq!(newer.details(), [json!({"code": "gadget.not_found"})]);
    }

    #[test]
    fn a_slash_that_a_proxy_unwrapped_is_told_apart_from_an_older_hub() {
        let hint = |asked| {
            let origin = "https://hub.example.com";
            let (body, request_id) = (&br#"{"code":"request.unknown_route"}"#[..], None);
            let (is_extension, is_write, status) = (true, false, 404);
            let refused =
                Refused { origin, asked, is_extension, is_write, status, request_id, body };
            let error = error(&refused, &Scrubber::new(&Secret::new(KEY)));
            assert_eq!(error.code().name, "remote.unsupported");
            error.hint_text().unwrap_or_default().to_owned()
        };
        assert!(hint("GET /admin/auth_configs/US%20%2F%20EU").contains("leave %2F"));
        assert!(hint("GET /admin/auth_configs/US").contains("a newer hubctl"));
    }

    #[test]
    fn pages_of_proxies_become_one_short_line() {
        let page = format!("<html><head><title>502 Bad\nGateway</title>{}", "x ".repeat(3000));
        let error = told(502, true, page.as_bytes());
        assert!(error.message().contains("answered 502: 502 Bad Gateway x x"), "{error}");
        assert!(error.message().len() < 400 && !error.message().contains('<'), "{error}");
        assert_eq!(
            told(502, true, b"{\"a\":").message(),
            "https://hub.example.com answered 502 to GET /x"
        );
    }

    #[test]
    fn threat_32_a_key_that_is_sent_back_is_not_repeated() {
        let body = json!({
            "message": format!("bad key {KEY}"),
            "errors": [format!("{KEY} is bad")],
            "errorCode": KEY,
            "request_id": KEY,
        });
        for text in [
            body.to_string(),
            format!("<p>{KEY}</p>"),
            json!({"code": "auth.forbidden", "message": KEY, "hint": KEY, "details": [{"a": KEY}]})
                .to_string(),
        ] {
            let error = told(401, false, text.as_bytes());
            let shown = format!("{error:?} {:?}", error.request_id());
            assert!(!shown.contains(KEY), "{shown}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            Just(Value::from("account.not_found")),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map(
                    "code|message|hint|details|errors|errorCode|request_id|[a-z]{1,3}",
                    inner,
                    0..5,
                )
                .prop_map(|all| Value::Object(all.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_refusal_is_an_error_with_a_code(
            status in 300..700_u16, is_extension: bool, body in any_json(), cut in 0..200_usize,
        ) {
            let text = body.to_string();
            for body in [text.as_bytes(), &text.as_bytes()[..cut.min(text.len())]] {
                let error = told(status, is_extension, body);
                prop_assert!(codes::find(error.code().name).is_some());
                prop_assert!(!error.message().is_empty() || body.windows(7).any(|w| w == b"message"));
                prop_assert_eq!(error.http_status(), Some(status));
            }
        }

        #[test]
        fn bytes_that_are_nothing_are_no_trouble(body in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(exit_code(&told(418, false, &body)), 10);
        }
    }
}
