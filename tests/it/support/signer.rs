//! A provider that speaks OAuth 1.0a (RFC 5849): the three steps, and calls that have to be signed.
//! It works signatures out by itself, and takes no word twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha1::{Digest as _, Sha1};

use super::http::{Asked, FakeHub, Reply};

/// The application that it knows.
pub(crate) const CONSUMER: (&str, &str) = ("the hub/+1", "planted-consumer&secret %");

#[derive(Default)]
struct State {
    /// Secrets of temporary tokens, with where to go back to, and the verifier once allowed.
    temporary: BTreeMap<String, (String, String, Option<String>)>,
    /// Secrets of lasting tokens.
    lasting: BTreeMap<String, String>,
    nonces: BTreeSet<String>,
    /// Why calls were refused.
    refused: Vec<String>,
    count: u64,
}

/// The provider.
pub(crate) struct Signer {
    state: Arc<Mutex<State>>,
    pub(crate) server: FakeHub,
}

impl Signer {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let own = Arc::clone(&state);
        let server = FakeHub::start(move |asked, _| answer(&mut own.lock().unwrap(), asked));
        Self { state, server }
    }

    /// Why calls were refused so far.
    pub(crate) fn refused(&self) -> Vec<String> {
        self.state.lock().unwrap().refused.clone()
    }

    /// Takes all lasting tokens back.
    pub(crate) fn forget(&self) {
        self.state.lock().unwrap().lasting.clear();
    }

    /// Tokens and secrets that it gave out.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let temporary = state.temporary.values().map(|(secret, ..)| secret.clone());
        let lasting =
            state.lasting.iter().flat_map(|(token, secret)| [token.clone(), secret.clone()]);
        temporary.chain(lasting).collect()
    }
}

/// The connector; `root` is where it is.
pub(crate) fn connector(root: &str) -> hubctl::domain::connector::Connector {
    serde_json::from_value(json!({
        "key": "signed", "name": "Signed board", "categories": ["ticketing"],
        "base_url": format!("{root}/api"),
        "verify": {"method": "GET", "path": "/me?fields=name&x=a%20b", "expect_status": 200},
        "auth": [{
            "key": "oauth1", "type": "custom", "label": "OAuth 1.0a",
            "setup_fields": [
                {"key": "consumer_key", "label": "API key", "type": "text", "required": true},
                {"key": "consumer_secret", "label": "API secret", "type": "password",
                 "required": true, "secret": true},
            ],
            "authorization": {
                "type": "oauth1", "consumer_key": "${consumer_key}",
                "consumer_secret": "${consumer_secret}", "token": "${oauth_token}",
                "token_secret": "${oauth_token_secret}", "signature_method": "HMAC-SHA1",
            },
            "captured": [
                {"key": "oauth_token", "from": "oauth1_access_token"},
                {"key": "oauth_token_secret", "from": "oauth1_access_token"},
            ],
            "token_request": {
                "request_token_url": format!("{root}/request_token"),
                "authorization_url": format!("{root}/authorize"),
                "access_token_url": format!("{root}/access_token?again=1"),
                "authorization_params": {"name": "hubctl"},
            },
        }],
    }))
    .unwrap()
}

fn answer(state: &mut State, asked: &Asked) -> Reply {
    let answered = match asked.route().as_str() {
        "POST /request_token" => request_token(state, asked),
        "GET /authorize" => return authorize(state, asked),
        "POST /access_token" => access_token(state, asked),
        route if route.contains(" /api/") => called(state, asked),
        _ => return Reply::json(404, &json!({})),
    };
    answered.unwrap_or_else(|why| {
        state.refused.push(format!("{}: {why}", asked.route()));
        Reply::text(401, "text/plain", why)
    })
}

fn request_token(state: &mut State, asked: &Asked) -> Result<Reply, &'static str> {
    let members = members(asked)?;
    let callback = members.get("oauth_callback").ok_or("no callback")?.clone();
    signed(state, asked, &members, "")?;
    state.count += 1;
    let (token, secret) = (format!("tmp/{}", state.count), format!("planted-tmp&{}", state.count));
    state.temporary.insert(token.clone(), (secret.clone(), callback, None));
    let body = [("oauth_token", &token), ("oauth_token_secret", &secret)]
        .map(|(name, value)| format!("{name}={}", encoded(value)));
    let body = format!("{}&oauth_callback_confirmed=true", body.join("&"));
    Ok(Reply::text(200, "application/x-www-form-urlencoded", body))
}

/// The page where its user says yes or no.
fn authorize(state: &mut State, asked: &Asked) -> Reply {
    let token = asked.param("oauth_token").unwrap_or_default();
    let Some((_, callback, verifier)) = state.temporary.get_mut(&token) else {
        return Reply::text(400, "text/plain", "unknown token");
    };
    let back = |more: String| {
        let joint = if callback.contains('?') { '&' } else { '?' };
        format!("{callback}{joint}{more}")
    };
    match asked.param("answer").as_deref() {
        Some("yes") => {
            let word = format!("verifier+{}", token.len());
            *verifier = Some(word.clone());
            let more = format!("oauth_token={}&oauth_verifier={}", encoded(&token), encoded(&word));
            Reply::text(302, "text/plain", "").header("location", back(more))
        }
        Some(_) => {
            let more = format!("denied={}", encoded(&token));
            Reply::text(302, "text/plain", "").header("location", back(more))
        }
        None => {
            let link = |answer: &str| {
                format!("/authorize?oauth_token={}&answer={answer}", encoded(&token))
            };
            let html = format!(
                "<!doctype html><html lang=en><title>Allow</title><h1>Allow</h1>\
                 <a id=yes href=\"{}\">Yes</a> <a id=no href=\"{}\">No</a>",
                link("yes").replace('&', "&amp;"),
                link("no").replace('&', "&amp;")
            );
            Reply::text(200, "text/html", html)
        }
    }
}

fn access_token(state: &mut State, asked: &Asked) -> Result<Reply, &'static str> {
    let members = members(asked)?;
    let token = members.get("oauth_token").ok_or("no token")?;
    let (secret, _, verifier) = state.temporary.get(token).cloned().ok_or("unknown token")?;
    signed(state, asked, &members, &secret)?;
    if verifier.is_none() || members.get("oauth_verifier") != verifier.as_ref() {
        return Err("not allowed by the user");
    }
    state.temporary.remove(token);
    state.count += 1;
    let (token, secret) = (format!("key+{}", state.count), format!("planted-key&{}", state.count));
    state.lasting.insert(token.clone(), secret.clone());
    let body = format!("oauth_token={}&oauth_token_secret={}", encoded(&token), encoded(&secret));
    Ok(Reply::text(200, "text/html; charset=utf-8", body))
}

fn called(state: &mut State, asked: &Asked) -> Result<Reply, &'static str> {
    let members = members(asked)?;
    let token = members.get("oauth_token").ok_or("no token")?;
    let secret = state.lasting.get(token).cloned().ok_or("unknown token")?;
    signed(state, asked, &members, &secret)?;
    Ok(Reply::json(200, &json!({"name": "Board", "path": asked.path})))
}

/// The members of the Authorization header, decoded.
fn members(asked: &Asked) -> Result<BTreeMap<String, String>, &'static str> {
    let header = asked.header("authorization").strip_prefix("OAuth ").ok_or("no OAuth header")?;
    let mut members = BTreeMap::new();
    for part in header.split(',') {
        let (name, value) = part.trim().split_once('=').ok_or("a broken member")?;
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let value = decoded(value.ok_or("a member without quotes")?);
        if members.insert(name.to_owned(), value).is_some() {
            return Err("a member twice");
        }
    }
    Ok(members)
}

/// Checks who signed, when, and what (RFC 5849, section 3.2).
fn signed(
    state: &mut State,
    asked: &Asked,
    members: &BTreeMap<String, String>,
    token_secret: &str,
) -> Result<(), &'static str> {
    let get = |name: &str| members.get(name).map(String::as_str).unwrap_or_default();
    if get("oauth_consumer_key") != CONSUMER.0 {
        return Err("unknown application");
    }
    if get("oauth_signature_method") != "HMAC-SHA1" || get("oauth_version") != "1.0" {
        return Err("another method");
    }
    if get("oauth_timestamp").parse::<u64>().is_err() {
        return Err("no time");
    }
    if get("oauth_nonce").len() < 8 || !state.nonces.insert(get("oauth_nonce").to_owned()) {
        return Err("a nonce twice");
    }
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let mut pairs: Vec<(String, String)> = members
        .iter()
        .filter(|(name, _)| *name != "oauth_signature" && *name != "realm")
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((encoded(decoded(name)), encoded(decoded(value))));
    }
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let place = format!("http://{}{path}", asked.header("host").to_lowercase());
    let text = [asked.method.as_str(), &place, &pairs.join("&")].map(encoded).join("&");
    let key = format!("{}&{}", encoded(CONSUMER.1), encoded(token_secret));
    let wanted = STANDARD.encode(mac(key.as_bytes(), text.as_bytes()));
    if wanted == get("oauth_signature") { Ok(()) } else { Err("a wrong signature") }
}

/// HMAC-SHA1 (RFC 2104).
fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    if key.len() > 64 {
        block[..20].copy_from_slice(&Sha1::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha1::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha1::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

fn encoded(text: impl AsRef<str>) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.as_ref().bytes().map(one).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let hex: Vec<u8> = bytes.by_ref().take(2).collect();
                out.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
            }
            byte => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn the_mac_is_that_of_the_rfc() {
    // RFC 2202, cases 1, 2 and 6.
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(hex(mac(&[0x0b; 20], b"Hi There")), "b617318655057264e28bc0b6fb378c8ef146be00");
    let what = mac(b"Jefe", b"what do ya want for nothing?");
    assert_eq!(hex(what), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    let long = mac(&[0xaa; 80], b"Test Using Larger Than Block-Size Key - Hash Key First");
    assert_eq!(hex(long), "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}
