//! Calls that are passed on to providers: in words of JSON, and as they are.

use std::collections::{HashMap, VecDeque};
use std::io;

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::api::passing::{self, Form, Passing};
use crate::api::proxy::{Came, Pass, PassBody, Passed, ProviderError, ProxyCall, Sent};
use crate::domain::ids::AccountId;
use crate::domain::proxy::METHODS;
use crate::domain::request_log::PROXY;
use crate::domain::words::escaped;
use crate::error::{HubError, codes};
use crate::hub::proxy::{self, Answer, Body, Call, Upload, caller_headers};

use super::Local;

/// How much of a body is judged before anything of it is passed on, in bytes.
const JUDGED: usize = 1 << 20;
/// The longest refusal that is told twice, in bytes.
const RAW_LIMIT: usize = 64 << 10;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: &str = "application/x-www-form-urlencoded";

/// An answer in words of JSON.
pub enum Told {
    /// All of it.
    Whole(Vec<u8>),
    /// Piece by piece; it breaks off where the provider's answer does.
    Streamed(Sent),
}

impl Local {
    /// `platform.proxy`
    pub async fn proxy(&self, account: &AccountId, asked: ProxyCall) -> Result<Told, HubError> {
        let (hub, caller) = self.parts();
        let mut answer = proxy::pass(hub, caller, account, call_of(asked)?).await?;
        let (mut held, mut length) = (VecDeque::new(), 0);
        while let Some(piece) = answer.body.next().await? {
            length += piece.len();
            held.push_back(piece);
            if length > JUDGED {
                return Ok(Told::Streamed(streamed(answer, held)));
            }
        }
        Ok(Told::Whole(whole(&answer, &Vec::from(held).concat())))
    }

    /// `accounts.proxy` as a command, which the log tells as one.
    pub async fn pass(&self, account: &AccountId, pass: Pass) -> Result<Passed, HubError> {
        self.as_command(PROXY, self.forward(account, pass)).await
    }

    /// `accounts.proxy`
    pub async fn forward(&self, account: &AccountId, pass: Pass) -> Result<Passed, HubError> {
        let body = match pass.body {
            PassBody::Empty => Upload::Empty,
            PassBody::Whole(mut bytes) => Upload::Whole(std::mem::take(&mut *bytes).into()),
            PassBody::Streamed { pieces, length } => Upload::Streamed { pieces, length },
        };
        let given = pass.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let headers = caller_headers(given).map_err(|bad| bad_value(bad.to_string()))?;
        let call =
            Call { method: method(&pass.method)?, base: None, path: pass.path, headers, body };
        let (hub, caller) = self.parts();
        let answer = proxy::pass(hub, caller, account, call).await?;
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = answer.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
        Ok(Passed { status: answer.status, headers, body: pieces(answer.body) })
    }
}

fn bad_value(text: impl Into<std::borrow::Cow<'static, str>>) -> HubError {
    HubError::new(&codes::BAD_VALUE, text)
}

/// The error of a member of the call, which is named apart from what is wrong with it (CS-27).
fn bad_field(field: &str, message: &str) -> HubError {
    bad_value(format!("{field}: {message}")).detail(json!({ "field": field, "message": message }))
}

fn pieces(body: Body) -> Came {
    Box::pin(futures_util::stream::unfold(Some(body), |state| async move {
        let mut body = state?;
        match body.next().await {
            Ok(Some(piece)) => Some((Ok(piece), Some(body))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    }))
}

/// A method that can be passed on.
fn method(text: &str) -> Result<Method, HubError> {
    let text = text.to_ascii_uppercase();
    let known = METHODS.contains(&text.as_str());
    text.parse()
        .ok()
        .filter(|_| known)
        .ok_or_else(|| bad_value("the method can't be passed on").hint(METHODS.join(", ")))
}

fn call_of(asked: ProxyCall) -> Result<Call, HubError> {
    let method = method(asked.method.as_deref().unwrap_or("get"))?;
    let mut given = Vec::new();
    for (name, value) in asked.headers.unwrap_or_default() {
        match value {
            Value::Null => {}
            Value::String(text) => given.push((name, text)),
            Value::Bool(_) | Value::Number(_) => given.push((name, value.to_string())),
            Value::Array(_) | Value::Object(_) => {
                let name = escaped(&name, 64);
                return Err(bad_field(
                    &format!("headers.{name}"),
                    "the value of a header is a text",
                ));
            }
        }
    }
    let given = given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut headers =
        caller_headers(given).map_err(|bad| bad_field("headers", &bad.to_string()))?;
    let body = match asked.body {
        None => Upload::Empty,
        Some(body) => Upload::Whole(written(&body, &mut headers)?.into()),
    };
    Ok(Call { method, base: asked.url, path: asked.path.unwrap_or_default(), headers, body })
}

/// The body as its content type wants it; a number of it may be longer than any type holds.
fn written(body: &RawValue, headers: &mut HeaderMap) -> Result<Vec<u8>, HubError> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    let is_json = kind.is_empty() || kind == "application/json" || kind.ends_with("+json");
    let text = "the body is not valid JSON: its `body` can't be read";
    let unfit = |_| HubError::new(&codes::BODY_INVALID, text);
    let read: Value = serde_json::from_str(body.get()).map_err(unfit)?;
    match read {
        Value::String(text) if !is_json => Ok(text.into_bytes()),
        Value::Object(fields) if kind == FORM => {
            // Both keep the last of several members of one name.
            let texts: HashMap<String, &RawValue> =
                serde_json::from_str(body.get()).map_err(unfit)?;
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in &fields {
                match value {
                    Value::Null => {}
                    Value::String(text) => _ = form.append_pair(name, text),
                    Value::Array(_) | Value::Object(_) => {
                        return Err(bad_field(&format!("body.{name}"), "can't be part of a form"));
                    }
                    Value::Bool(_) | Value::Number(_) => {
                        let text = texts.get(name).map_or("", |value| value.get());
                        form.append_pair(name, text);
                    }
                }
            }
            Ok(form.finish().into_bytes())
        }
        _ => {
            headers.entry(CONTENT_TYPE).or_insert(JSON);
            Ok(body.get().as_bytes().to_vec())
        }
    }
}

/// Headers as a map, in lower case; those of one name are joined (RFC 9110, section 5.3).
fn told(headers: &HeaderMap) -> Map<String, Value> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut told = Map::new();
    for name in headers.keys() {
        let all: Vec<String> = headers.get_all(name).iter().map(text).collect();
        told.insert(name.to_string(), all.join(", ").into());
    }
    told
}

fn content_type(answer: &Answer) -> Option<&str> {
    answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok())
}

/// Everything up to the value of `data`.
fn beginning(answer: &Answer, form: Form) -> Vec<u8> {
    let headers = Value::Object(told(&answer.headers));
    let encoding = if form == Form::Base64 { "\"data_encoding\":\"base64\"," } else { "" };
    format!("{{\"status\":{},\"headers\":{headers},{encoding}\"data\":", answer.status).into_bytes()
}

/// Everything after it.
fn end(answer: &Answer, raw: Option<Box<RawValue>>) -> Vec<u8> {
    let errors = (answer.status >= 400).then(|| {
        let url = Some(answer.url.clone());
        [ProviderError { status: Some(answer.status), url, raw, headers: None }]
    });
    let errors = serde_json::to_string(&errors).unwrap_or_else(|_| "null".to_owned());
    format!(",\"provider_errors\":{errors}}}").into_bytes()
}

fn whole(answer: &Answer, body: &[u8]) -> Vec<u8> {
    let (form, data) = passing::whole(content_type(answer), body);
    let short = answer.status >= 400 && form == Form::Json && data.len() <= RAW_LIMIT;
    let raw = short.then(|| serde_json::from_slice::<Box<RawValue>>(&data).ok()).flatten();
    let raw = raw.filter(|raw| raw.get().starts_with('{'));
    let mut text = beginning(answer, form);
    text.extend_from_slice(&data);
    text.extend(end(answer, raw));
    text
}

/// A body that is written while it comes.
struct Writing {
    answer: Answer,
    passing: Passing,
    /// What was written and not yet given.
    first: Option<Vec<u8>>,
    /// What has come and was not yet written.
    held: VecDeque<Bytes>,
}

fn streamed(answer: Answer, mut held: VecDeque<Bytes>) -> Sent {
    let form = passing::form(content_type(&answer), &held);
    if let Some(piece) = held.front_mut().filter(|_| form != Form::Base64) {
        *piece = piece.slice_ref(passing::unmarked(piece));
    }
    let first = Some(beginning(&answer, form));
    let writing = Writing { answer, passing: Passing::new(form), first, held };
    Box::pin(futures_util::stream::unfold(Some(writing), |writing| async move {
        Some(writing?.next().await)
    }))
}

impl Writing {
    /// The next piece, and what comes after it.
    async fn next(mut self) -> (io::Result<Bytes>, Option<Self>) {
        if let Some(first) = self.first.take() {
            return (Ok(first.into()), Some(self));
        }
        loop {
            let mut out = Vec::new();
            let piece = match self.held.pop_front() {
                Some(piece) => Ok(Some(piece)),
                None => self.answer.body.next().await,
            };
            match piece {
                Err(error) => return (Err(io::Error::other(error)), None),
                Ok(Some(piece)) => match self.passing.push(&piece, &mut out) {
                    Err(broken) => return (Err(io::Error::other(broken)), None),
                    Ok(()) if out.is_empty() => {}
                    Ok(()) => return (Ok(out.into()), Some(self)),
                },
                Ok(None) => {
                    let Self { answer, passing, .. } = self;
                    if let Err(broken) = passing.finish(&mut out) {
                        return (Err(io::Error::other(broken)), None);
                    }
                    out.extend(end(&answer, None));
                    return (Ok(out.into()), None);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{FORM, HubError, ProxyCall, Upload, call_of, told};

    fn call(asked: Value) -> Result<(String, Vec<u8>), HubError> {
        let asked: ProxyCall = serde_json::from_value(asked).unwrap();
        let call = call_of(asked)?;
        let kind = call.headers.get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        let body = match call.body {
            Upload::Whole(bytes) => bytes.to_vec(),
            _ => Vec::new(),
        };
        Ok((format!("{} {} {kind:?}", call.method, call.path), body))
    }

    #[test]
    fn a_body_is_written_as_its_type_wants_it() {
        let form = json!({"Content-Type": "application/x-www-form-urlencoded"});
        let xml = json!({"content-type": "text/xml; charset=utf-8"});
        for (asked, expected, body) in [
            (json!({}), "GET  None", ""),
            (json!({"path": "/a", "body": null}), "GET /a None", ""),
            (
                json!({"method": "post", "body": {"a": 1}}),
                "POST  Some(\"application/json\")",
                r#"{"a":1}"#,
            ),
            (json!({"method": "put", "body": "x"}), "PUT  Some(\"application/json\")", "\"x\""),
            (
                json!({"method": "post", "headers": form, "body": {"a": "b c", "n": 1, "x": null}}),
                "POST  Some(\"application/x-www-form-urlencoded\")",
                "a=b+c&n=1",
            ),
            (
                json!({"method": "PATCH", "headers": xml, "body": "<a/>"}),
                "PATCH  Some(\"text/xml; charset=utf-8\")",
                "<a/>",
            ),
        ] {
            let (line, sent) = call(asked).unwrap();
            assert_eq!((line.as_str(), sent.as_slice()), (expected, body.as_bytes()));
        }
    }

    #[test]
    fn a_number_is_sent_as_it_is_written() {
        let sent = |kind: &str, body: &str| {
            let asked = r#"{"method":"post","headers":{"content-type":"KIND"},"body":BODY}"#;
            let asked = asked.replace("KIND", kind).replace("BODY", body);
            let Upload::Whole(bytes) = call_of(serde_json::from_str(&asked).unwrap())?.body else {
                panic!("{asked}")
            };
            Ok::<_, HubError>(String::from_utf8_lossy(&bytes).into_owned())
        };
        let body = r#"{"id": 45355976281015164504, "n": 1.50, "is": true}"#;
        assert_eq!(sent("application/json", body).unwrap(), body);
        assert_eq!(sent(FORM, body).unwrap(), "id=45355976281015164504&n=1.50&is=true");
        let twice = r#"{"a": 1.0, "b": "x", "a": 2.50, "b": null}"#;
        assert_eq!(sent(FORM, twice).unwrap(), "a=2.50", "the last of a name counts");
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for unfit in [r#""\ud800""#, deep.as_str()] {
            let error = sent("application/json", unfit).unwrap_err();
            assert_eq!(error.code().name, "request.bad_body", "{unfit}");
        }
    }

    #[test]
    fn a_header_that_is_a_number_is_sent_as_its_text_and_what_is_none_is_named() {
        let asked: ProxyCall =
            serde_json::from_str(r#"{"headers": {"X-N": 1, "X-T": true, "X-Nil": null}}"#).unwrap();
        let call = call_of(asked).unwrap();
        assert_eq!(call.headers["x-n"], "1");
        assert_eq!(call.headers["x-t"], "true");
        assert!(!call.headers.contains_key("x-nil"));
        for (asked, field) in [
            (json!({"headers": {"x-n": ["a"]}}), "headers.x-n"),
            (json!({"headers": {"x n": 1}}), "headers"),
            (json!({"headers": {"Content-Type": FORM}, "body": {"a": [1]}}), "body.a"),
        ] {
            let asked: ProxyCall = serde_json::from_value(asked).unwrap();
            let error = call_of(asked).err().unwrap();
            assert_eq!(error.details()[0]["field"], field);
            assert!(error.message().starts_with(&format!("{field}: ")), "{}", error.message());
        }
    }

    #[test]
    fn threat_21_what_no_header_can_carry_is_refused() {
        for asked in [
            json!({"headers": {"x": "a\r\nHost: b"}}),
            json!({"headers": {"x\n": "a"}}),
            json!({"headers": {"x": ["a"]}}),
            json!({"method": "CONNECT"}),
            json!({"method": "get\r\n"}),
            json!({"method": "post", "headers": {"content-type": "application/x-www-form-urlencoded"},
                   "body": {"a": [1]}}),
        ] {
            assert_eq!(call(asked).unwrap_err().code().name, "usage.bad_value");
        }
    }

    #[test]
    fn headers_of_one_name_are_joined() {
        let mut headers = http::HeaderMap::new();
        headers.append("Link", "a".parse().unwrap());
        headers.append("link", "b".parse().unwrap());
        let mut expected = Map::new();
        expected.insert("link".to_owned(), "a, b".into());
        assert_eq!(told(&headers), expected);
    }
}
