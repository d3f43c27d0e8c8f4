//! Takes secrets out of what is logged (SE-5, threat 32): by the names of headers, parameters and
//! members, by the forms of this hub's own tokens, and by the values that a call was made with.

use serde_json::{Map, Value};
use url::Url;

use crate::domain::secret::Secret;
use crate::domain::secret::forms::Forms;
use crate::domain::webhook::without_values;

/// What stands in place of a secret.
pub const REDACTED: &str = "**redacted**";
/// Longest body that is kept, in bytes.
pub const BODY_LIMIT: usize = 64 << 10;
/// Longest body that is looked at; of a longer one nothing is kept, because what is cut off can't
/// be understood.
pub const SEEN_LIMIT: usize = 1 << 20;
/// Longest address, path or text that is kept, in bytes.
pub const TEXT_LIMIT: usize = 2_048;
/// Shorter values are not looked for: they are words as well.
const SHORTEST: usize = 6;

/// Parts of names that say that a value is secret.
const SECRET_PARTS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "signingkey",
    "credential",
    "authorization",
    "assertion",
    "signature",
    "cookie",
    "session",
    "bearer",
    "otp",
    "pwd",
    "authlink",
    "authkey",
    "connectionstring",
];
/// Names that have such a part and are no secret.
const PLAIN_NAMES: &[&str] =
    &["tokentype", "tokenurl", "tokenendpoint", "sessionid", "sessions", "connectsessionid"];
/// Members whose every value is taken out, whatever it is called: a connector's fields.
const SECRET_GROUPS: &[&str] = &["credentials", "secrets", "values"];
/// Parameters of addresses and forms that are secret there only.
const SECRET_PARAMETERS: &[&str] = &["code", "key", "sig", "state", "appid", "auth", "sid"];
/// Headers that are secret although their names have no such part.
const SECRET_HEADERS: &[&str] = &["wwwauthenticate", "location", "referer"];
/// Headers and members that are an address, or a part of one that may have a query.
const ADDRESSES: &[&str] = &["url", "path", "xproxypath"];
/// Members whose own members are headers.
const HEADERS: &str = "headers";

/// A name in lower case, letters and digits only: `X-Api_Key` is `xapikey`.
fn normal(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether what has this name is a secret, wherever it occurs.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let name = normal(name);
    !PLAIN_NAMES.contains(&name.as_str()) && SECRET_PARTS.iter().any(|part| name.contains(part))
}

/// Whether a member of a document that has this name is a secret, or is made of nothing else.
#[must_use]
pub fn is_secret_member(name: &str) -> bool {
    is_secret_name(name) || SECRET_GROUPS.contains(&normal(name).as_str())
}

/// Whether a parameter of an address or a form that has this name is a secret.
#[must_use]
pub fn is_secret_parameter(name: &str) -> bool {
    is_secret_name(name) || SECRET_PARAMETERS.contains(&normal(name).as_str())
}

/// Whether a header that has this name is a secret.
#[must_use]
pub fn is_secret_header(name: &str) -> bool {
    let plain = normal(name);
    let has_key = plain.ends_with("key") || plain.contains("auth") || plain.contains("session");
    has_key || is_secret_name(name) || SECRET_HEADERS.contains(&plain.as_str())
}

/// Whether a header or a member that has this name is an address, or a part of one.
#[must_use]
pub fn is_address(name: &str) -> bool {
    ADDRESSES.contains(&normal(name).as_str())
}

/// Takes out what must not be logged. It knows the secrets of the account that a call is for.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    forms: Forms,
}

impl Redactor {
    /// One that knows these values.
    #[must_use]
    pub fn knowing<'a, S: IntoIterator<Item = &'a Secret>>(secrets: S) -> Self {
        let texts = secrets.into_iter().map(Secret::expose);
        Self { forms: Forms::of(texts.filter(|text| text.len() >= SHORTEST)) }
    }

    /// A text of any kind: known values and this hub's own tokens are taken out, control
    /// characters too, and what is too long is cut.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let clean: String = self.scrubbed(text).chars().filter(|c| !c.is_control()).collect();
        cut(clean, TEXT_LIMIT)
    }

    fn scrubbed(&self, text: &str) -> String {
        without_own_tokens(&self.forms.hidden(text, REDACTED))
    }

    /// An address: user info, fragment and secret parameters are taken out.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let Ok(mut parsed) = Url::parse(url) else { return self.path_and_query(url) };
        _ = parsed.set_username("");
        _ = parsed.set_password(None);
        parsed.set_fragment(None);
        let query = parsed.query().map(|query| self.form(query));
        parsed.set_query(query.as_deref());
        self.text(parsed.as_str())
    }

    /// A path that may have a query.
    #[must_use]
    pub fn path_and_query(&self, text: &str) -> String {
        let text = text.split('#').next().unwrap_or_default();
        match text.split_once('?') {
            Some((path, query)) => self.text(&format!("{path}?{}", self.form(query))),
            None => self.text(text),
        }
    }

    /// A path alone.
    #[must_use]
    pub fn path(&self, text: &str) -> String {
        let end = text.find(['?', '#']).unwrap_or(text.len());
        self.text(&text[..end])
    }

    /// Parameters of an address or a form.
    #[must_use]
    pub fn form(&self, text: &str) -> String {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            let value = match is_secret_parameter(&name) && !value.is_empty() {
                true => REDACTED.to_owned(),
                false => self.scrubbed(&value),
            };
            out.append_pair(&self.scrubbed(&name), &value);
        }
        out.finish().replace("**redacted**", REDACTED)
    }

    /// Headers in their order, those with a secret in them without it.
    pub fn headers<'a>(
        &self,
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for (name, value) in headers {
            let value = match (is_secret_header(name), std::str::from_utf8(value)) {
                (true, _) => REDACTED.to_owned(),
                (false, Ok(value)) if is_address(name) => self.url(value),
                (false, Ok(value)) => self.text(value),
                (false, Err(_)) => format!("{} bytes", value.len()),
            };
            out.push((self.text(&name.to_ascii_lowercase()), value));
        }
        out
    }

    /// A body, as its type says that it is to be read. `asked` tells that it was sent, and not
    /// answered: a `code` is secret on the way there only.
    #[must_use]
    pub fn body(&self, content_type: Option<&str>, body: &[u8], asked: bool) -> Value {
        if body.is_empty() {
            return Value::Null;
        }
        let length = body.len();
        if length > SEEN_LIMIT {
            return Value::String(format!("{length} bytes, too many to be kept"));
        }
        let kind = content_type.unwrap_or_default().to_ascii_lowercase();
        let Ok(text) = std::str::from_utf8(body) else {
            return Value::String(format!("{length} bytes that are not text"));
        };
        if kind.contains("x-www-form-urlencoded") {
            return Value::String(cut(self.form(text), BODY_LIMIT));
        }
        if let Ok(mut value) = serde_json::from_str::<Value>(text) {
            self.value(&mut value, asked, false);
            let written = value.to_string();
            return match written.len() > BODY_LIMIT {
                true => Value::String(cut(written, BODY_LIMIT)),
                false => value,
            };
        }
        if kind.contains("json") || kind.starts_with("multipart/") {
            return Value::String(format!("{length} bytes that can't be taken apart"));
        }
        Value::String(cut(self.scrubbed(text), BODY_LIMIT))
    }

    fn value(&self, value: &mut Value, asked: bool, is_secret: bool) {
        match value {
            Value::Bool(_) | Value::Number(_) if !is_secret => {}
            Value::String(text) if !is_secret => *text = self.scrubbed(text),
            Value::Array(all) => {
                for one in all {
                    self.value(one, asked, is_secret);
                }
            }
            Value::Object(members) => {
                self.members(members, |name, member| {
                    let plain = normal(name);
                    let is_secret = is_secret
                        || is_secret_member(name)
                        || (asked && SECRET_PARAMETERS.contains(&plain.as_str()));
                    match member {
                        // Where a webhook leads to.
                        Value::String(text) if !is_secret && asked && plain == "url" => {
                            *text = self.url(&without_values(&self.scrubbed(text)));
                        }
                        Value::String(text) if !is_secret && is_address(name) => {
                            *text = self.url(text);
                        }
                        Value::Object(headers) if !is_secret && plain == HEADERS => {
                            self.members(headers, |name, value| {
                                self.value(value, asked, is_secret_header(name));
                            });
                        }
                        other => self.value(other, asked, is_secret),
                    }
                });
            }
            Value::Null => {}
            secret => *secret = Value::String(REDACTED.to_owned()),
        }
    }

    /// Does something with each member, and takes secrets out of its name.
    fn members(&self, members: &mut Map<String, Value>, mut each: impl FnMut(&str, &mut Value)) {
        for (name, mut member) in std::mem::take(members) {
            each(&name, &mut member);
            members.insert(self.scrubbed(&name), member);
        }
    }
}

/// Takes the secret part out of what looks like a token of this hub or a key of a hub like it:
/// `hcs_7_…` and `v1.local.7_…`.
fn without_own_tokens(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let next = ["hcs_", "v1."].iter().filter_map(|start| Some((rest.find(start)?, *start)));
        let Some((at, start)) = next.min() else { break };
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let is_word = !before.ends_with(is_part);
        let dot = |c: char| is_part(c) || (start == "v1." && c == '.');
        let end = found.find(|c| !dot(c)).unwrap_or(found.len());
        let (token, behind) = found.split_at(end);
        // `v1.2` is a version; `v1.eu1.` and what follows is a key.
        let is_token = match start {
            "v1." => token.matches('.').count() >= 2 && token.len() >= 14,
            _ => token.len() >= 12,
        };
        if is_word && is_token {
            out.push_str(start);
            out.push_str(REDACTED);
        } else {
            out.push_str(token);
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// The beginning of a text, and a mark where it was longer.
fn cut(mut text: String, limit: usize) -> String {
    const MARK: &str = "…";
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit - MARK.len()));
        text.push_str(MARK);
    }
    text
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use serde_json::json;

    use super::*;
    use crate::domain::secret::forms::forms_of;

    const PLANTED: &str = "planted/+secret?=x";

    fn redactor() -> Redactor {
        Redactor::knowing(&[Secret::new(PLANTED)])
    }

    /// Every form in which the planted secret could be found again.
    fn traces() -> Vec<String> {
        let mut all = forms_of(PLANTED);
        all.push(STANDARD.encode(format!("{PLANTED}:")));
        all
    }

    #[track_caller]
    fn is_clean(text: &str) {
        for trace in traces() {
            assert!(!text.contains(&trace), "{trace} in {text}");
        }
    }

    #[test]
    fn threat_32_a_known_secret_is_found_plain_encoded_and_in_base64_at_any_place() {
        for before in ["", "a", "ab", "abc:", "user@example.com:"] {
            for after in ["", ":", "-x", "zzz"] {
                let around = format!("{before}{PLANTED}{after}");
                let encoded: String =
                    url::form_urlencoded::byte_serialize(around.as_bytes()).collect();
                for text in [
                    around.clone(),
                    encoded,
                    STANDARD.encode(&around),
                    URL_SAFE.encode(&around),
                    format!("Basic {}", STANDARD.encode(&around)),
                    Value::String(around.clone()).to_string(),
                ] {
                    let seen = redactor().text(&text);
                    assert!(seen.contains(REDACTED), "{text} became {seen}");
                    is_clean(&seen);
                }
            }
        }
    }

    #[test]
    fn threat_32_addresses_lose_user_info_fragment_and_secret_parameters() {
        let seen = Redactor::default().url(
            "https://user:pass@api.example/a?page=2&api_key=k1&Access-Token=k2&code=k3&key=k4#k5",
        );
        assert_eq!(
            seen,
            "https://api.example/a?page=2&api_key=**redacted**&Access-Token=**redacted**\
             &code=**redacted**&key=**redacted**"
        );
        let seen = redactor().url(&format!("https://api.example/{PLANTED}/b?q={PLANTED}"));
        is_clean(&seen);
        assert_eq!(
            Redactor::default().path_and_query("/a?token=x&b=1"),
            "/a?token=**redacted**&b=1"
        );
        assert_eq!(Redactor::default().path("/a/b?token=x"), "/a/b");
    }

    #[test]
    fn threat_32_headers_with_a_secret_are_named_without_it() {
        let headers: [(&str, &[u8]); 8] = [
            ("Authorization", b"Bearer abcdef"),
            ("Cookie", b"a=b"),
            ("Set-Cookie", b"a=b"),
            ("X-Api-Key", b"k"),
            ("x-hub-session-token", b"k"),
            ("X-Amz-Security-Token", b"k"),
            ("Content-Type", b"text/plain"),
            ("X-Odd", b"\xff\xfe"),
        ];
        let seen = Redactor::default().headers(headers);
        let secret = seen.iter().filter(|(_, value)| value == REDACTED).count();
        assert_eq!(secret, 6, "{seen:?}");
        assert!(seen.contains(&("content-type".to_owned(), "text/plain".to_owned())));
        assert!(seen.contains(&("x-odd".to_owned(), "2 bytes".to_owned())));
    }

    #[test]
    fn threat_32_members_of_bodies_are_judged_by_their_names() {
        let body = json!({
            "origin_owner_id": "acme", "password": "p1", "nested": [{"clientSecret": "p2"}],
            "credentials": {"subdomain": "p3", "n": 5}, "code": "p4", "access_token": {"x": "p5"},
            "token_type": "bearer", "note": PLANTED, "expires_in": 60,
        });
        let seen = redactor().body(Some("application/json"), body.to_string().as_bytes(), true);
        let text = seen.to_string();
        for secret in ["p1", "p2", "p3", "p4", "p5"] {
            assert!(!text.contains(&format!("\"{secret}\"")), "{text}");
        }
        is_clean(&text);
        assert_eq!(seen["origin_owner_id"], "acme");
        assert_eq!((&seen["token_type"], &seen["expires_in"]), (&json!("bearer"), &json!(60)));
        // An answer's code says what is wrong.
        let answer = Redactor::default().body(None, br#"{"code":"auth.missing"}"#, false);
        assert_eq!(answer["code"], "auth.missing");
        let form = "grant_type=refresh_token&refresh_token=p6&code=p7&page=1";
        let kind = Some("application/x-www-form-urlencoded; charset=utf-8");
        let seen = Redactor::default().body(kind, form.as_bytes(), true);
        let text = seen.as_str().unwrap();
        assert!(!text.contains("p6") && !text.contains("p7") && text.contains("page=1"), "{text}");
    }

    #[test]
    fn threat_32_a_call_to_pass_on_is_judged_as_the_call_that_it_is() {
        let body = json!({
            "path": "/a?apikey=p1&page=2", "url": "https://me:p2@api.example/b?code=p3#p4",
            "headers": {"X-Auth-Thing": "p5", "Cookie": "p6", "Accept": "text/plain"},
            "method": "get",
        });
        let seen = Redactor::default().body(None, body.to_string().as_bytes(), true);
        assert_eq!(
            seen,
            json!({
                "path": "/a?apikey=**redacted**&page=2",
                "url": "https://api.example/b?code=**redacted**",
                "headers": {"X-Auth-Thing": REDACTED, "Cookie": REDACTED, "Accept": "text/plain"},
                "method": "get",
            })
        );
        let headers: [(&str, &[u8]); 1] = [("X-Proxy-Path", b"/a?apikey=p1&page=2")];
        let seen = Redactor::default().headers(headers);
        assert_eq!(seen[0].1, "/a?apikey=**redacted**&page=2");
    }

    #[test]
    fn threat_32_where_a_webhook_leads_to_is_kept_without_the_values_of_its_query() {
        let body = json!({ "url": "https://app.example/hooks?t=planted&x=planted", "events": [] });
        let seen = Redactor::default().body(None, body.to_string().as_bytes(), true);
        assert_eq!(seen["url"], "https://app.example/hooks?t=***&x=***");
        let secret = json!({ "url": format!("https://app.example/{PLANTED}/hooks") });
        let seen = redactor().body(None, secret.to_string().as_bytes(), true);
        is_clean(&seen.to_string());
        // What answers tell of addresses is nobody's receiver.
        let seen = Redactor::default().body(None, br#"{"url":"https://a.example/?page=2"}"#, false);
        assert_eq!(seen["url"], "https://a.example/?page=2");
    }

    #[test]
    fn threat_32_tokens_and_keys_of_the_hub_are_known_by_their_form() {
        let token = "hcs_90211_abcdefghijklmnopqrstuvwxyz0123456789_-A";
        let key = "v1.local.7_abcdefghijklmnopqrstuvwxyz0123456789_-A";
        let text = format!("/connect/{token}?x=1 and {key}, v1.2 and hcs_");
        let seen = Redactor::default().text(&text);
        assert_eq!(seen, "/connect/hcs_**redacted**?x=1 and v1.**redacted**, v1.2 and hcs_");
    }

    #[test]
    fn bodies_are_bounded_and_what_is_no_text_is_told_by_its_size() {
        let plain = Redactor::default();
        assert_eq!(plain.body(None, b"", true), Value::Null);
        assert_eq!(plain.body(None, &[0xff; 9], true), "9 bytes that are not text");
        let long = plain.body(Some("text/plain"), &vec![b'a'; BODY_LIMIT + 1], true);
        assert_eq!(long.as_str().unwrap().len(), BODY_LIMIT);
        let json = json!({ "a": "x".repeat(BODY_LIMIT) }).to_string();
        assert!(plain.body(None, json.as_bytes(), true).as_str().unwrap().len() <= BODY_LIMIT);
        let endless = plain.body(None, &vec![b'a'; SEEN_LIMIT + 1], true);
        assert_eq!(endless, format!("{} bytes, too many to be kept", SEEN_LIMIT + 1));
        // A document that is cut off can't be searched by names.
        let broken = plain.body(Some("application/json"), br#"{"password":"p"#, true);
        assert!(!broken.to_string().contains("\"p"), "{broken}");
    }

    #[test]
    fn control_characters_and_endless_texts_do_not_reach_the_log() {
        let seen = Redactor::default().text("a\u{1b}[2Jb\n");
        assert_eq!(seen, "a[2Jb");
        assert!(Redactor::default().text(&"ä".repeat(TEXT_LIMIT)).len() <= TEXT_LIMIT);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_a_panic_or_lets_the_secret_through(
            before in "\\PC{0,20}", after in "\\PC{0,20}", kind in "json|form|plain|",
        ) {
            let text = format!("{before}{PLANTED}{after}");
            let seen = redactor();
            for shown in [
                seen.text(&text), seen.url(&text), seen.path_and_query(&text), seen.form(&text),
                seen.body(Some(&kind), text.as_bytes(), true).to_string(),
            ] {
                proptest::prop_assert!(!shown.contains(PLANTED), "{}", shown);
            }
        }
    }
}
