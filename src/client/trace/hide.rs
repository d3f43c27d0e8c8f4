//! What a trace hides: secrets by the name under which they travel, then by their value wherever
//! else they stand, then by the form that hubctl's own tokens and keys have.

use std::sync::OnceLock;

use regex::Regex;
use reqwest::header::{HeaderMap, LOCATION};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use crate::client::keys::REDACTED;
use crate::domain::request_log::redact::{
    is_address, is_secret_header, is_secret_member, is_secret_parameter,
};
use crate::domain::webhook::without_values;

/// What goes by the name of `key` is mostly a connector's; an API key is longer.
const LONGEST_NAME: usize = 24;

/// What was found to be secret.
pub(super) type Secrets = Vec<Zeroizing<String>>;

/// Whether what has this name in a document is never shown.
fn is_secret(name: &str, value: &Value) -> bool {
    match name.to_ascii_lowercase().as_str() {
        "key" => {
            value.as_str().is_none_or(|text| text.len() > LONGEST_NAME || text.starts_with("v1."))
        }
        "code_verifier" => true,
        // What is asked for, one of many.
        "session" => !value.is_object(),
        name => is_secret_member(name),
    }
}

/// Puts a mark in the place of every secret, and keeps them so that they go elsewhere, too.
pub(super) fn redact(value: Value, secrets: &mut Secrets) -> Value {
    match value {
        Value::Object(all) => all
            .into_iter()
            .map(|(name, value)| {
                let shown = redact_member(&name, value, secrets);
                (name, shown)
            })
            .collect(),
        Value::Array(all) => all.into_iter().map(|value| redact(value, secrets)).collect(),
        other => other,
    }
}

fn redact_member(name: &str, value: Value, secrets: &mut Secrets) -> Value {
    if !value.is_null() && is_secret(name, &value) {
        take(&value, secrets);
        return REDACTED.into();
    }
    match value {
        // Where a webhook leads to.
        Value::String(url) if name == "url" => shown_text(without_values(&url), secrets).into(),
        Value::String(path) if is_address(name) => shown_address(&path, secrets).into(),
        // Those of a call that is passed on, or of its answer.
        Value::Object(headers) if name == "headers" => headers
            .into_iter()
            .map(|(name, value)| {
                let shown: Value = match value {
                    Value::String(text) => shown_header(&name, &text, secrets).into(),
                    other => redact_member(&name, other, secrets),
                };
                (name, shown)
            })
            .collect(),
        other => redact(other, secrets),
    }
}

fn take(value: &Value, secrets: &mut Secrets) {
    match value {
        // A header says so of something that is secret.
        Value::String(text) if matches!(text.as_str(), "true" | "false") => {}
        Value::String(text) => secrets.push(Zeroizing::new(text.clone())),
        Value::Array(all) => all.iter().for_each(|value| take(value, secrets)),
        Value::Object(all) => all.values().for_each(|value| take(value, secrets)),
        _ => {}
    }
}

pub(super) fn shown_headers(headers: &HeaderMap, secrets: &mut Secrets) -> Value {
    let mut all = Map::new();
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes());
        let shown = shown_header(name.as_str(), &text, secrets);
        let before = all.get(name.as_str()).and_then(Value::as_str);
        let shown = before.map(|before| format!("{before}, {shown}")).unwrap_or(shown);
        all.insert(name.as_str().to_owned(), shown.into());
    }
    Value::Object(all)
}

fn shown_header(name: &str, text: &str, secrets: &mut Secrets) -> String {
    // Where an answer leads to is worth to be seen.
    if is_address(name) || name.eq_ignore_ascii_case(LOCATION.as_str()) {
        return shown_address(text, secrets);
    }
    if is_secret_header(name) {
        take(&text.into(), secrets);
        return REDACTED.to_owned();
    }
    shown_text(text.to_owned(), secrets)
}

/// A text that may be an address.
fn shown_text(text: String, secrets: &mut Secrets) -> String {
    match text.parse::<Url>() {
        Ok(url) if url.has_host() => shown_url(&url, secrets),
        _ => text,
    }
}

/// An address, or what of one begins with its path.
fn shown_address(text: &str, secrets: &mut Secrets) -> String {
    match text.parse::<Url>() {
        Ok(url) if url.has_host() => shown_url(&url, secrets),
        _ => {
            let text = text.split('#').next().unwrap_or_default();
            match text.split_once('?') {
                Some((path, query)) => format!("{path}?{}", shown_query(query, secrets)),
                None => text.to_owned(),
            }
        }
    }
}

pub(super) fn shown_url(url: &Url, secrets: &mut Secrets) -> String {
    let mut shown = url.clone();
    let query = url.query().map(|query| shown_query(query, secrets));
    shown.set_query(query.as_deref());
    shown.set_fragment(None);
    if url.password().is_some() {
        _ = shown.set_password(Some("redacted"));
    }
    shown.to_string().replace("%5Bredacted%5D", REDACTED)
}

fn shown_query(query: &str, secrets: &mut Secrets) -> String {
    let mut shown = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if value.is_empty() || !is_secret_parameter(&name) {
            shown.append_pair(&name, &value);
            continue;
        }
        shown.append_pair(&name, REDACTED);
        // A short key may be a connector's name, which is no secret elsewhere.
        if name != "key" || value.len() > LONGEST_NAME {
            take(&value.into(), secrets);
        }
    }
    shown.finish().replace("%5Bredacted%5D", REDACTED)
}

/// Tokens and keys of hubctl's own form, wherever they stand.
pub(super) fn cleaned(value: Value) -> Value {
    static FORM: OnceLock<Option<Regex>> = OnceLock::new();
    let form = FORM.get_or_init(|| {
        Regex::new(r"hcs_[A-Za-z0-9_-]{8,}|\bv1\.[a-z0-9]+\.[A-Za-z0-9_-]{8,}").ok()
    });
    match (value, form) {
        (Value::String(text), Some(form)) => form.replace_all(&text, REDACTED).into_owned().into(),
        (Value::Array(all), _) => all.into_iter().map(cleaned).collect(),
        (Value::Object(all), _) => {
            all.into_iter().map(|(name, value)| (name, cleaned(value))).collect()
        }
        (other, _) => other,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use reqwest::Method;
    use reqwest::header::{HeaderMap, HeaderValue};
    use serde_json::{Value, json};

    use crate::client::keys::{Scrubber, authorization};
    use crate::client::trace::Exchange;
    use crate::domain::secret::Secret;
    use crate::domain::time::Timestamp;

    const KEY: &str = "planted-api-key-0123456789";
    const PLANTED: &[&str] = &[
        KEY,
        "planted session token",
        "hcs_17_plantedplantedplanted",
        "planted/client+secret",
        "planted \"provider\" password",
        "v1.local.3_plantedplantedplanted",
        "planted-in-the-query",
    ];

    fn told(sent: &Value, status: u16, received: &[u8], kind: &str) -> Value {
        let key = Secret::new(KEY);
        let mut headers = HeaderMap::new();
        headers.insert("authorization", authorization(&key).unwrap());
        headers.insert("x-hub-session-token", HeaderValue::from_static("planted session token"));
        let url = "https://hub.example.com/admin/x?page=2&token=planted-in-the-query&search=planted-in-the-query";
        let body = sent.to_string();
        let now = Timestamp::from_millis(1_780_315_200_000);
        let mut exchange = Exchange::begin(
            now,
            &Method::POST,
            &url.parse().unwrap(),
            &headers,
            Some(body.as_bytes()),
        );
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_str(kind).unwrap());
        headers.insert(
            "location",
            HeaderValue::from_static("https://hub.example.com/?key=planted-in-the-query-and-long"),
        );
        exchange.answered(status, &headers);
        for piece in received.chunks(1000) {
            exchange.received(piece);
        }
        exchange.told(now.plus_seconds(1), None, &Scrubber::new(&key), &mut Vec::new())
    }

    #[track_caller]
    fn hides_everything(record: &Value) {
        let text = record.to_string();
        for secret in PLANTED {
            let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let json = Value::from(*secret).to_string();
            for form in [
                *secret,
                json.trim_matches('"'),
                &STANDARD.encode(secret),
                &form,
                &STANDARD.encode(format!("{secret}:")),
            ] {
                assert!(!text.contains(form), "{form} is in {text}");
            }
        }
        assert!(!text.to_lowercase().contains("planted"), "{text}");
    }

    #[test]
    fn threat_32_no_secret_of_an_exchange_is_in_the_trace() {
        let sent = json!({
            "provider": "hubspot",
            "origin_owner_id": "acme-7",
            "credentials": {"password": "planted \"provider\" password"},
            "values": {"client_secret": "planted/client+secret", "nested": ["planted/client+secret"]},
            "token": "planted session token",
        });
        let received = json!({
            "id": 7,
            "token": "hcs_17_plantedplantedplanted",
            "auth_link_url": "https://hub.example.com/connect/hcs_17_plantedplantedplanted",
            "key": "v1.local.3_plantedplantedplanted",
            "message": "planted \"provider\" password was refused, so was planted%2Fclient%2Bsecret",
            "note": STANDARD.encode("planted session token"),
            "label": "shown",
        });
        let record = told(&sent, 201, received.to_string().as_bytes(), "application/json");
        hides_everything(&record);
        assert_eq!(record["response"]["status"], 201);
        assert_eq!(record["response"]["body"]["label"], "shown");
        assert_eq!(record["request"]["body"]["origin_owner_id"], "acme-7");
        assert_eq!(record["request"]["headers"]["authorization"], "[redacted]");
        assert!(record["url"].as_str().unwrap().contains("page=2&token=[redacted]"), "{record}");
        assert_eq!(record["duration_ms"], 1000);
    }

    #[test]
    fn threat_32_bodies_that_can_not_be_read_hide_their_secrets_as_well() {
        let cut = br#"{"token": "planted session token", "a": "#;
        let form = b"token=planted+session+token";
        let page = format!("<html>{KEY} v1.local.3_plantedplantedplanted</html>");
        for (received, kind) in [
            (&cut[..], "application/json"),
            (form, "application/x-www-form-urlencoded"),
            (page.as_bytes(), "text/html"),
        ] {
            hides_everything(&told(&json!({}), 500, received, kind));
        }
    }

    #[test]
    fn threat_32_where_a_webhook_leads_to_is_told_without_the_values_of_its_query() {
        let sent = json!({ "url": "https://me:planted@app.example/hooks?t=planted&planted" });
        let record = told(&sent, 201, b"{}", "application/json");
        hides_everything(&record);
        let url = record["request"]["body"]["url"].as_str().unwrap();
        assert!(url.contains("@app.example/hooks?t=***&***"), "{url}");
    }

    #[test]
    fn threat_32_a_call_to_a_provider_is_told_without_its_secrets() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-proxy-path", "/ok?api_key=planted-1&page=2&token=planted-2#planted-3"),
            ("x-auth-key", "planted-4"),
            ("referer", "https://app.example/planted-5"),
            ("x-account-id", "a-7"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let body = json!({
            "path": "/a?sig=planted-6&limit=1",
            "headers": {
                "X-Api-Key": "planted-7", "Location": "/b?code=planted-8", "Accept": "text/plain",
            },
            "body": {"password": "planted-9", "note": "planted-9 planted-4"},
        });
        let url = "https://hub.example.com/unified/proxy?code=planted-10#planted-11";
        let (body, now) = (body.to_string(), Timestamp::from_millis(1_780_315_200_000));
        let body = Some(body.as_bytes());
        let exchange = Exchange::begin(now, &Method::POST, &url.parse().unwrap(), &headers, body);
        let scrubber = Scrubber::new(&Secret::new(KEY));
        let record = exchange.told(now, None, &scrubber, &mut Vec::new());
        hides_everything(&record);
        assert_eq!(record["url"], "https://hub.example.com/unified/proxy?code=[redacted]");
        let headers = &record["request"]["headers"];
        assert_eq!(headers["x-proxy-path"], "/ok?api_key=[redacted]&page=2&token=[redacted]");
        assert_eq!(
            (&headers["x-account-id"], &headers["x-auth-key"]),
            (&json!("a-7"), &json!("[redacted]"))
        );
        let body = &record["request"]["body"];
        assert_eq!(body["path"], "/a?sig=[redacted]&limit=1");
        assert_eq!(body["headers"]["Location"], "/b?code=[redacted]");
        assert_eq!(body["headers"]["Accept"], "text/plain");
    }

    #[test]
    fn connectors_keep_their_keys() {
        let list = json!([{"key": "hubspot", "authentication": [{"key": "private_app"}]}]);
        let record = told(&json!({}), 200, list.to_string().as_bytes(), "application/json");
        assert_eq!(record["response"]["body"], list);
    }
}
