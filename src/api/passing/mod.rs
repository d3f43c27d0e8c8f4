//! A provider's body as a JSON value, made while it passes: a document as it is, text as a string,
//! anything else as a Base64 string. No more than a piece is held.

mod json;
mod utf8;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use json::Json;
use utf8::Utf8;

/// What was begun can't be ended: half of it would be taken for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider's answer is not what it says it is")]
pub struct Broken;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As the document that it is.
    Json,
    /// As a string.
    Text,
    /// As a Base64 string.
    Base64,
}

/// What its type says that a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Json,
    Text,
    /// Text of one byte a character (ISO 8859-1).
    Latin1,
    Binary,
    Nothing,
}

/// Types that are text, beside `text/…` and those that end with `+xml` or `+json`.
const TEXTS: [&str; 11] = [
    "application/xml",
    "application/javascript",
    "application/x-javascript",
    "application/ecmascript",
    "application/x-www-form-urlencoded",
    "application/x-ndjson",
    "application/jsonl",
    "application/yaml",
    "application/x-yaml",
    "application/graphql",
    "application/sql",
];

fn said(content_type: Option<&str>) -> Said {
    let Some(content_type) = content_type else { return Said::Nothing };
    let mut parts = content_type.split(';');
    let kind = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let value = value.trim().trim_matches('"').to_ascii_lowercase();
        name.trim().eq_ignore_ascii_case("charset").then_some(value)
    });
    let is_json = kind == "application/json" || kind == "text/json" || kind.ends_with("+json");
    let is_text =
        kind.starts_with("text/") || kind.ends_with("+xml") || TEXTS.contains(&kind.as_str());
    match charset.as_deref() {
        _ if kind.is_empty() => Said::Nothing,
        _ if !is_json && !is_text => Said::Binary,
        None | Some("utf-8" | "utf8" | "us-ascii" | "ascii") => {
            if is_json {
                Said::Json
            } else {
                Said::Text
            }
        }
        Some("iso-8859-1" | "latin1") => Said::Latin1,
        Some(_) => Said::Binary,
    }
}

/// Without the mark that some vendors put before UTF-8, and which no JSON document has.
#[must_use]
pub fn unmarked(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Whether bytes that nobody named look like text to be read.
fn looks_like_text(bytes: &[u8]) -> bool {
    let odd = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    std::str::from_utf8(bytes).is_ok() && !bytes.iter().any(odd)
}

/// A body that is at hand, as a JSON value. What is not what its type says is told as what it is.
#[must_use]
pub fn whole(content_type: Option<&str>, bytes: &[u8]) -> (Form, Vec<u8>) {
    let written = |form: Form| {
        let bytes = if form == Form::Base64 { bytes } else { unmarked(bytes) };
        let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 2);
        let mut passing = Passing::new(form);
        let done = passing.push(bytes, &mut out).and_then(|()| passing.finish(&mut out));
        done.ok().map(|()| (form, out))
    };
    let base64 = || written(Form::Base64).unwrap_or((Form::Base64, b"null".to_vec()));
    let is_empty = unmarked(bytes).iter().all(u8::is_ascii_whitespace);
    match said(content_type) {
        _ if bytes.is_empty() => (Form::Json, b"null".to_vec()),
        Said::Json if is_empty => (Form::Json, b"null".to_vec()),
        Said::Json => written(Form::Json).or_else(|| written(Form::Text)).unwrap_or_else(base64),
        Said::Text => written(Form::Text).unwrap_or_else(base64),
        Said::Latin1 => {
            let text: String = bytes.iter().copied().map(char::from).collect();
            whole(Some("text/plain"), text.as_bytes())
        }
        Said::Nothing if looks_like_text(bytes) => {
            let first = unmarked(bytes).trim_ascii_start().first();
            let document = matches!(first, Some(b'{' | b'['));
            let document = document.then(|| written(Form::Json)).flatten();
            document.or_else(|| written(Form::Text)).unwrap_or_else(base64)
        }
        Said::Binary | Said::Nothing => base64(),
    }
}

/// How a body is written of which only the beginning is known, in pieces.
#[must_use]
pub fn form(content_type: Option<&str>, beginning: impl IntoIterator<Item: AsRef<[u8]>>) -> Form {
    let mut text = Utf8::default();
    let is_text = beginning.into_iter().all(|piece| text.push(piece.as_ref()).is_ok());
    match said(content_type) {
        Said::Json => Form::Json,
        Said::Text if is_text => Form::Text,
        _ => Form::Base64,
    }
}

/// A body on its way.
#[derive(Debug)]
pub struct Passing {
    body: Body,
    begun: bool,
}

#[derive(Debug)]
enum Body {
    Json(Box<Json>),
    Text(Utf8),
    /// Up to two bytes that wait for a third.
    Base64([u8; 2], usize),
}

impl Passing {
    /// One that is written in this form.
    #[must_use]
    pub fn new(form: Form) -> Self {
        let body = match form {
            Form::Json => Body::Json(Box::default()),
            Form::Text => Body::Text(Utf8::default()),
            Form::Base64 => Body::Base64([0; 2], 0),
        };
        Self { body, begun: false }
    }

    /// Writes the next piece.
    ///
    /// # Errors
    /// When it is not what the form says.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        let first = !std::mem::replace(&mut self.begun, true);
        match &mut self.body {
            Body::Json(json) => {
                json.push(piece)?;
                out.extend_from_slice(piece);
            }
            Body::Text(text) => {
                text.push(piece)?;
                if first {
                    out.push(b'"');
                }
                escape(piece, out);
            }
            Body::Base64(waiting, count) => {
                if first {
                    out.push(b'"');
                }
                encode(waiting, count, piece, out);
            }
        }
        Ok(())
    }

    /// Writes the end.
    ///
    /// # Errors
    /// When the body ended before it was whole.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), Broken> {
        match self.body {
            Body::Json(json) => return json.finish(),
            Body::Text(text) => text.finish()?,
            Body::Base64(waiting, count) => append(&waiting[..count], out),
        }
        out.extend_from_slice(if self.begun { b"\"" } else { b"\"\"" });
        Ok(())
    }
}

fn append(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
}

fn encode(waiting: &mut [u8; 2], count: &mut usize, piece: &[u8], out: &mut Vec<u8>) {
    let mut piece = piece;
    if *count > 0 {
        let missing = (3 - *count).min(piece.len());
        let (head, rest) = piece.split_at(missing);
        let three: Vec<u8> = waiting[..*count].iter().chain(head).copied().collect();
        piece = rest;
        if three.len() < 3 {
            waiting[..three.len()].copy_from_slice(&three);
            *count = three.len();
            return;
        }
        append(&three, out);
    }
    let (threes, rest) = piece.split_at(piece.len() - piece.len() % 3);
    append(threes, out);
    waiting[..rest.len()].copy_from_slice(rest);
    *count = rest.len();
}

/// Writes text as the inside of a JSON string.
fn escape(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len());
    let mut rest = text;
    loop {
        let plain = |byte: &u8| *byte >= b' ' && !matches!(byte, b'"' | b'\\');
        let count = rest.iter().take_while(|byte| plain(byte)).count();
        let (run, after) = rest.split_at(count);
        out.extend_from_slice(run);
        let Some((byte, after)) = after.split_first() else { return };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Broken, Form, Passing, STANDARD, form, whole};

    fn value(content_type: Option<&str>, bytes: &[u8]) -> (Form, Value) {
        let (form, text) = whole(content_type, bytes);
        (form, serde_json::from_slice(&text).unwrap())
    }

    #[test]
    fn kp_14_every_kind_of_body_is_a_json_value() {
        let json = Some("application/json; charset=utf-8");
        for (kind, bytes, expected) in [
            (json, &b"{\"a\":[1,2]}"[..], (Form::Json, json!({"a": [1, 2]}))),
            (json, b"\xef\xbb\xbf[1]", (Form::Json, json!([1]))),
            (json, b"", (Form::Json, Value::Null)),
            (json, b" \n", (Form::Json, Value::Null)),
            (json, b"{\"a\":", (Form::Text, json!("{\"a\":"))),
            (json, b"\xff\x00", (Form::Base64, json!("/wA="))),
            (Some("application/vnd.api+json"), b"7", (Form::Json, json!(7))),
            (Some("text/plain"), b"a\"\\\n\x01", (Form::Text, json!("a\"\\\n\u{1}"))),
            (Some("text/csv"), b"", (Form::Json, Value::Null)),
            (Some("text/html"), b"\xff", (Form::Base64, json!("/w=="))),
            (Some("text/plain; charset=ISO-8859-1"), b"caf\xe9", (Form::Text, json!("café"))),
            (Some("text/plain; charset=\"shift_jis\""), b"abc", (Form::Base64, json!("YWJj"))),
            (Some("application/xml"), b"<a/>", (Form::Text, json!("<a/>"))),
            (Some("image/png"), b"\x89PNG", (Form::Base64, json!("iVBORw=="))),
            (Some("application/octet-stream"), b"text", (Form::Base64, json!("dGV4dA=="))),
            (None, b"{\"a\":1}", (Form::Json, json!({"a": 1}))),
            (None, b"{\"a\":1", (Form::Text, json!("{\"a\":1"))),
            (None, b"hello", (Form::Text, json!("hello"))),
            (None, b"\x00\x01", (Form::Base64, json!("AAE="))),
        ] {
            let shown = String::from_utf8_lossy(bytes);
            assert_eq!(value(kind, bytes), expected, "{kind:?} {shown}");
        }
    }

    #[test]
    fn a_long_body_is_written_by_its_type_and_its_beginning() {
        let of = |kind, pieces: &[&'static [u8]]| form(kind, pieces);
        assert_eq!(of(Some("application/json"), &[b"["]), Form::Json);
        assert_eq!(of(Some("text/plain"), &[b"\xc3", b"\xa9"]), Form::Text);
        // The beginning may end within a character.
        assert_eq!(of(Some("text/plain"), &[b"a\xc3"]), Form::Text);
        assert_eq!(of(Some("text/plain"), &[b"a", b"\xff"]), Form::Base64);
        assert_eq!(of(None, &[b"[1]"]), Form::Base64);
        assert_eq!(of(Some("text/plain; charset=latin1"), &[b"a"]), Form::Base64);
    }

    #[test]
    fn what_breaks_off_is_not_ended() {
        for (form, bytes) in [(Form::Json, &b"[1,"[..]), (Form::Text, b"a\xc3")] {
            let (mut passing, mut out) = (Passing::new(form), Vec::new());
            passing.push(bytes, &mut out).unwrap();
            assert_eq!(passing.finish(&mut out), Err(Broken));
            assert!(serde_json::from_slice::<Value>(&out).is_err());
        }
    }

    proptest! {
        #[test]
        fn pieces_come_out_as_the_whole(
            text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..40), size in 1_usize..9,
        ) {
            for (form, body) in [(Form::Text, text.as_bytes()), (Form::Base64, &bytes[..])] {
                let (mut passing, mut out) = (Passing::new(form), Vec::new());
                for piece in body.chunks(size) {
                    passing.push(piece, &mut out).unwrap();
                }
                passing.finish(&mut out).unwrap();
                let read: String = serde_json::from_slice(&out).unwrap();
                let expected = match form {
                    Form::Text => text.clone(),
                    _ => STANDARD.encode(&bytes),
                };
                prop_assert_eq!(read, expected);
            }
        }
    }
}
