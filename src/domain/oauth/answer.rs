//! Reading what a token end point answers. What is not plainly a token is refused whole (threat 23).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::refusal;
use crate::domain::connector::AuthMethod;
use crate::domain::connector::address::query_pairs;
use crate::domain::connector::request::{CaptureFrom, TokenCall};
use crate::domain::credentials::{ID_TOKEN, Tokens};
use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::provider_reason::at;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// The longest token in bytes.
const MAX_TOKEN_BYTES: usize = 64 << 10;
/// No token lives longer than a century, in seconds.
const MAX_LIFE_S: f64 = 3_155_760_000.0;
/// An instant from here on is told in milliseconds: as seconds it would be in the year 5138.
const FIRST_IN_MILLIS: f64 = 1e11;
/// How long a token lasts whose life is told as zero, in seconds: less than this is left of it.
const LAST_S: i64 = 1;
/// Token types that every hub takes; one maker of API gateways writes the last.
const TYPES: [&str; 3] = ["bearer", "dpop", "bearertoken"];

/// Reads the answer of a standard grant.
///
/// # Errors
/// The provider's refusal, or [`Class::BadAnswer`].
pub fn standard(
    method: &AuthMethod,
    status: u16,
    body: &[u8],
    users_own: bool,
    now: Timestamp,
) -> Result<Tokens, ProviderFailure> {
    let answer = parsed(status, body)?;
    if let Some(failure) = refusal::read(status, &answer, users_own) {
        return Err(failure);
    }
    let found = [method.token_path.as_deref(), Some("access_token")];
    let place = found.into_iter().flatten().find(|path| at(&answer, path).is_some_and(is_filled));
    let place = place.ok_or_else(|| bad(status, "it holds no access token"))?;
    let access_token = token(status, at(&answer, place))?;
    // What is said about a token stands beside it.
    let beside = place.rsplit_once('.').and_then(|(parent, _)| at(&answer, parent));
    check_type(method, status, beside.unwrap_or(&answer))?;
    let near = |name: &str| {
        let found = [beside, Some(&answer)].into_iter().flatten();
        found.filter_map(|of| of.get(name)).find(|found| is_filled(found))
    };
    let refresh = [method.refresh_token_path.as_deref(), Some("refresh_token")];
    let refresh = refresh.into_iter().flatten().find_map(|path| filled_at(&answer, path));
    let refresh = refresh.or_else(|| near("refresh_token"));
    let refresh_token = refresh.map(|found| token(status, Some(found))).transpose()?;
    let expires_in = life(status, near("expires_in"))?;
    let refresh_in =
        ["refresh_token_expires_in", "x_refresh_token_expires_in", "refresh_expires_in"];
    // Zero is how some vendors write that it does not end.
    let refresh_in = life(status, refresh_in.into_iter().find_map(near))?.filter(|s| *s > 0);
    let mut captured = captured(method, &answer);
    if let Some(Value::String(id_token)) = near(ID_TOKEN) {
        captured.entry(ID_TOKEN.to_owned()).or_insert_with(|| Secret::new(id_token.as_str()));
    }
    let ends_at = near("expires_at").and_then(|value| instant(value, now));
    Ok(Tokens {
        access_token,
        refresh_token,
        expires_at: end(method, expires_in, ends_at, now),
        refresh_expires_at: refresh_in
            .map(|seconds| now.plus_seconds(seconds))
            .or_else(|| method.refresh_token_expires_in.and_then(|s| after(now, s))),
        scope: near("scope").and_then(scope),
        captured,
    })
}

/// Reads the answer of a login call.
///
/// # Errors
/// The provider's refusal, or [`Class::BadAnswer`].
pub fn of_call(
    method: &AuthMethod,
    call: &TokenCall,
    status: u16,
    body: &[u8],
    users_own: bool,
    now: Timestamp,
) -> Result<Tokens, ProviderFailure> {
    let fine = (200..300).contains(&status);
    let answer = match parsed(status, body) {
        Ok(answer) => answer,
        // The whole body may be the token, which is plain text then.
        Err(_) if fine && call.token_path.is_empty() => {
            Value::String(String::from_utf8_lossy(body).trim().to_owned())
        }
        Err(failure) => return Err(failure),
    };
    let found = if call.token_path.is_empty() {
        answer.as_str().map(|_| &answer)
    } else {
        at(&answer, &call.token_path)
    };
    let refused = refusal::read(status, &answer, users_own);
    if let Some(failure) = refused.filter(|_| !fine || found.is_none()) {
        return Err(failure);
    }
    let access_token = token(status, found)?;
    let expires_in = call.expires_in_path.as_deref().and_then(|path| at(&answer, path));
    let refresh = method.refresh_token_path.as_deref().and_then(|path| filled_at(&answer, path));
    let expires_in = life(status, expires_in)?;
    Ok(Tokens {
        access_token,
        refresh_token: refresh.map(|found| token(status, Some(found))).transpose()?,
        expires_at: end(method, expires_in, None, now),
        refresh_expires_at: None,
        scope: None,
        captured: captured(method, &answer),
    })
}

/// Reads a form of OAuth 1.0a: the token and its secret.
///
/// # Errors
/// The provider's refusal, or [`Class::BadAnswer`].
pub fn oauth1(status: u16, body: &[u8]) -> Result<(Secret, Secret), ProviderFailure> {
    let text = String::from_utf8_lossy(body);
    if !(200..300).contains(&status) {
        let answer = serde_json::from_slice(body).unwrap_or_else(
            |_| serde_json::json!({ "message": if is_html(body) { "" } else { text.as_ref() } }),
        );
        let failure = refusal::read(status, &answer, false);
        return Err(failure.unwrap_or_else(|| bad(status, "it is no answer of OAuth 1.0a")));
    }
    let members = query_pairs(text.trim());
    let member = |name: &str| {
        let found = members.iter().find(|(other, _)| other == name);
        let value = found.map(|(_, value)| Value::String(value.clone()));
        token(status, value.as_ref())
    };
    Ok((member("oauth_token")?, member("oauth_token_secret")?))
}

/// The scopes of a token, which some write as a list.
fn scope(found: &Value) -> Option<String> {
    match found {
        Value::Array(all) => {
            let all: Option<Vec<&str>> = all.iter().map(Value::as_str).collect();
            all.map(|all| all.join(" "))
        }
        other => other.as_str().map(str::to_owned),
    }
}

/// The values that the answer tells beside the token.
fn captured(method: &AuthMethod, answer: &Value) -> BTreeMap<String, Secret> {
    let told = method.captured.iter().filter(|item| item.from == CaptureFrom::TokenResponse);
    told.filter_map(|item| {
        let value = as_text(at(answer, item.path.as_deref()?)?)?;
        Some((item.key.clone(), Secret::new(value)))
    })
    .collect()
}

/// A value as a template uses it: objects as JSON.
#[must_use]
pub fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() || text.len() > MAX_TOKEN_BYTES => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// JSON, or a form as some vendors still answer.
fn parsed(status: u16, body: &[u8]) -> Result<Value, ProviderFailure> {
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        return Ok(value);
    }
    let text = std::str::from_utf8(body).unwrap_or_default().trim();
    let form = !text.is_empty()
        && !is_html(body)
        && text.split('&').all(|pair| pair.contains('='))
        && !text.contains(char::is_whitespace)
        && !text.starts_with(['{', '[', '"']);
    if form {
        let members = query_pairs(text).into_iter().map(|(name, value)| (name, value.into()));
        return Ok(Value::Object(members.collect::<Map<_, _>>()));
    }
    if (200..300).contains(&status) {
        let what = if is_html(body) { "it is a page, not data" } else { "it is not JSON" };
        return Err(bad(status, what));
    }
    // A refusal in words of no known form is still told by its status.
    Ok(Value::Null)
}

/// Whether the body is a page for people.
#[must_use]
pub fn is_html(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'<')
}

/// Whether an answer is an HTML document: it begins as one, or is said to be one and begins with a
/// tag.
#[must_use]
pub fn is_page(content_type: Option<&str>, body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    let begins = |start: &[u8]| {
        body.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
    };
    let kind = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    let is_tagged = match body {
        [b'<', next, ..] => next.is_ascii_alphabetic() || *next == b'!',
        _ => false,
    };
    begins(b"<!doctype html")
        || begins(b"<html")
        || (is_tagged && kind.trim().eq_ignore_ascii_case("text/html"))
}

fn bad(status: u16, why: &str) -> ProviderFailure {
    let message = format!("the provider's answer can't be used: {why}");
    ProviderFailure::new(Class::BadAnswer, message).with_status(status)
}

/// A token: one word of printable characters.
fn token(status: u16, found: Option<&Value>) -> Result<Secret, ProviderFailure> {
    let text = match found {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        None | Some(Value::Null) => return Err(bad(status, "it holds no token")),
        Some(_) => return Err(bad(status, "its token is no text")),
    };
    let fine = |c: char| !c.is_control() && !c.is_whitespace();
    if text.is_empty() || text.starts_with('<') || !text.chars().all(fine) {
        return Err(bad(status, "its token is empty or no single word"));
    }
    if text.len() > MAX_TOKEN_BYTES {
        return Err(bad(status, "its token is longer than any token"));
    }
    Ok(Secret::new(text))
}

fn check_type(method: &AuthMethod, status: u16, beside: &Value) -> Result<(), ProviderFailure> {
    let given = match beside.get("token_type") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::String(text)) if text.is_empty() => return Ok(()),
        Some(Value::String(text)) => text,
        Some(_) => return Err(bad(status, "its token type is no text")),
    };
    let known = TYPES.into_iter().chain(method.accept_token_types.iter().map(String::as_str));
    if known.into_iter().any(|known| known.eq_ignore_ascii_case(given)) {
        return Ok(());
    }
    Err(bad(status, "its token is of a type that the connector does not use"))
}

/// Whether there is more at a place than nothing, which leaves it to the next one.
fn is_filled(found: &Value) -> bool {
    match found {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        _ => true,
    }
}

fn filled_at<'a>(answer: &'a Value, path: &str) -> Option<&'a Value> {
    at(answer, path).filter(|found| is_filled(found))
}

/// A number, which may be written as text.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A life in whole seconds; `None` where nobody says.
fn life(status: u16, found: Option<&Value>) -> Result<Option<i64>, ProviderFailure> {
    let Some(found) = found.filter(|found| is_filled(found)) else { return Ok(None) };
    let seconds = number(found).filter(|seconds| (0.0..=MAX_LIFE_S).contains(seconds));
    let wrong = || bad(status, "the life of its token is no sensible number of seconds");
    seconds.map(whole).ok_or_else(wrong).map(Some)
}

#[expect(clippy::cast_possible_truncation, reason = "within bounds, and whole units are meant")]
const fn whole(number: f64) -> i64 {
    number as i64
}

/// When an access token ends. A life of zero has passed: who gives out the same token until its end
/// counts it down to that (OA-13). Only where nothing could renew it, zero is one more way to write
/// that it does not end.
fn end(
    method: &AuthMethod,
    life: Option<i64>,
    ends_at: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    let is_renewed = method.refresh || !method.needs_browser();
    let has_passed = (life == Some(0) && is_renewed).then_some(LAST_S);
    life.filter(|seconds| *seconds > 0)
        .map(|seconds| now.plus_seconds(seconds))
        .or(ends_at)
        .or_else(|| has_passed.map(|seconds| now.plus_seconds(seconds)))
        .or_else(|| method.token_expires_in.and_then(|s| after(now, s)))
}

fn after(now: Timestamp, seconds: u64) -> Option<Timestamp> {
    Some(now.plus_seconds(i64::try_from(seconds).ok()?))
}

/// An instant in seconds or milliseconds since 1970, or as text. One that is farther off than any
/// token lives says nothing.
fn instant(value: &Value, now: Timestamp) -> Option<Timestamp> {
    let at = match number(value) {
        Some(seconds) if !(1.0..=FIRST_IN_MILLIS * 1e3).contains(&seconds) => return None,
        Some(millis) if millis >= FIRST_IN_MILLIS => Timestamp::from_millis(whole(millis)),
        Some(seconds) => Timestamp::from_millis(whole(seconds * 1e3)),
        None => value.as_str()?.trim().parse().ok()?,
    };
    (at <= now.plus_seconds(whole(MAX_LIFE_S))).then_some(at)
}

#[cfg(test)]
mod tests;
