//! The file of `--trace`: each exchange as one line of JSON, without secrets (`hide`).

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};
use url::Url;
use zeroize::Zeroizing;

use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::hub::private_file;

use super::keys::Scrubber;

mod hide;

use hide::{Secrets, cleaned, redact, shown_headers, shown_url};

/// How much of a body is kept, in bytes.
const KEPT: usize = 256 << 10;
/// How much of a text that is no JSON is shown, in characters.
const SHOWN: usize = 2_000;
/// Secrets of earlier exchanges that are looked for in later ones.
const REMEMBERED: usize = 256;

/// The open file, and what was secret so far: a hub may repeat it later.
pub(super) struct Trace(Mutex<(File, Secrets)>);

impl Trace {
    /// Opens the file, for the user alone; what is in it stays.
    pub(super) fn open(path: &Path) -> Result<Self, HubError> {
        private_file::append_private(path).map(|file| Self(Mutex::new((file, Vec::new()))))
    }

    /// Adds an exchange.
    pub(super) fn write(
        &self,
        exchange: Exchange,
        ended: Timestamp,
        error: Option<&HubError>,
        scrubber: &Scrubber,
    ) -> Result<(), HubError> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, remembered) = &mut *open;
        let mut line = exchange.told(ended, error, scrubber, remembered).to_string();
        line.push('\n');
        file.write_all(line.as_bytes()).map_err(|error| {
            HubError::new(
                &codes::TRACE_FAILED,
                format!("the trace can't be written: {}", error.kind()),
            )
            .source(error)
        })
    }
}

/// One request and what came of it.
pub(super) struct Exchange {
    began: Timestamp,
    method: String,
    url: Url,
    sent_headers: HeaderMap,
    sent: Option<Body>,
    answer: Option<(u16, HeaderMap)>,
    received: Body,
}

/// The beginning of a body, and how long the whole is.
#[derive(Default)]
struct Body {
    kept: Zeroizing<Vec<u8>>,
    length: u64,
}

impl Body {
    fn add(&mut self, bytes: &[u8]) {
        let room = KEPT.saturating_sub(self.kept.len()).min(bytes.len());
        self.kept.extend_from_slice(&bytes[..room]);
        self.length += bytes.len() as u64;
    }
}

impl Exchange {
    pub(super) fn begin(
        began: Timestamp,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: Option<&[u8]>,
    ) -> Self {
        let sent = body.map(|bytes| {
            let mut body = Body::default();
            body.add(bytes);
            body
        });
        Self {
            began,
            method: method.to_string(),
            url: url.clone(),
            sent_headers: headers.clone(),
            sent,
            answer: None,
            received: Body::default(),
        }
    }

    pub(super) fn answered(&mut self, status: u16, headers: &HeaderMap) {
        self.answer = Some((status, headers.clone()));
    }

    pub(super) fn received(&mut self, bytes: &[u8]) {
        self.received.add(bytes);
    }

    /// The record without secrets.
    fn told(
        self,
        ended: Timestamp,
        error: Option<&HubError>,
        scrubber: &Scrubber,
        remembered: &mut Secrets,
    ) -> Value {
        let mut secrets = remembered.clone();
        let sent = self.sent.as_ref().map(|body| shown(body, &self.sent_headers, &mut secrets));
        let none = HeaderMap::new();
        let (status, headers) = self
            .answer
            .as_ref()
            .map_or((None, &none), |(status, headers)| (Some(*status), headers));
        let received = shown(&self.received, headers, &mut secrets);
        let response = status.map(|status| {
            json!({
                "status": status,
                "headers": shown_headers(headers, &mut secrets),
                "body": received,
            })
        });
        let record = json!({
            "at": self.began.to_string(),
            "duration_ms": ended.millis_since(self.began),
            "method": self.method,
            "url": shown_url(&self.url, &mut secrets),
            "request": {
                "headers": shown_headers(&self.sent_headers, &mut secrets),
                "body": sent,
            },
            "response": response,
            "error": error.map(|error| json!({
                "code": error.code().name,
                "message": error.message(),
            })),
        });
        let scrubber = scrubber.with(&secrets);
        for secret in secrets.split_off(remembered.len()) {
            if !remembered.contains(&secret) {
                remembered.push(secret);
            }
        }
        let oldest = remembered.len().saturating_sub(REMEMBERED);
        remembered.drain(..oldest);
        cleaned(scrubber.clean_value(record))
    }
}

fn shown(body: &Body, headers: &HeaderMap, secrets: &mut Secrets) -> Value {
    let kept = body.kept.as_slice();
    if body.length == 0 {
        return Value::Null;
    }
    if body.length == kept.len() as u64
        && let Ok(value) = serde_json::from_slice::<Value>(kept)
    {
        return redact(value, secrets);
    }
    // The rows of a long list that are whole.
    let rows = kept.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let rows = rows.map(|row| row.strip_suffix(b",").unwrap_or(row));
    let rows: Vec<Value> = rows
        .filter(|row| row.starts_with(b"{"))
        .filter_map(|row| serde_json::from_slice(row).ok())
        .map(|row| redact(row, secrets))
        .collect();
    if !rows.is_empty() {
        return json!({ "bytes": body.length, "beginning": rows });
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    // Names and values can't be told apart in what is neither JSON nor a page for people.
    let is_page = kind.starts_with("text/html") || kind.starts_with("text/plain");
    if !is_page {
        return json!({ "bytes": body.length });
    }
    let text: String = String::from_utf8_lossy(kept).chars().take(SHOWN).collect();
    json!({ "bytes": body.length, "text": text })
}

#[cfg(test)]
mod tests {
    use reqwest::Method;
    use reqwest::header::HeaderMap;
    use serde_json::json;

    use super::{Exchange, KEPT};
    use crate::client::keys::Scrubber;
    use crate::domain::secret::Secret;
    use crate::domain::time::Timestamp;

    #[test]
    fn of_a_long_list_the_beginning_is_kept() {
        let row = json!({"id": "1", "token": "planted session token"}).to_string();
        let list = format!("[\n{}\n]\n", vec![row; 20_000].join(",\n"));
        assert!(list.len() > KEPT * 2);
        let (now, none) = (Timestamp::from_millis(1_780_315_200_000), HeaderMap::new());
        let url = "https://hub.example.com/accounts".parse().unwrap();
        let mut exchange = Exchange::begin(now, &Method::GET, &url, &none, None);
        exchange.answered(200, &none);
        for piece in list.as_bytes().chunks(1000) {
            exchange.received(piece);
        }
        let scrubber = Scrubber::new(&Secret::new("planted-api-key-0123456789"));
        let record = exchange.told(now, None, &scrubber, &mut Vec::new());
        let body = &record["response"]["body"];
        assert_eq!(body["bytes"], list.len());
        assert!(body["beginning"].as_array().unwrap().len() > 100);
        let text = record.to_string();
        assert!(text.len() < KEPT * 2 && !text.contains("planted"), "{}", text.len());
    }
}
