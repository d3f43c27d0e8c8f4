//! Calls that a person writes: `hubctl api`.

use std::collections::HashSet;

use reqwest::Method;
use reqwest::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName,
    HeaderValue, PROXY_AUTHORIZATION, TRANSFER_ENCODING,
};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;
use zeroize::Zeroizing;

use crate::api::Operation;
use crate::api::requests::Query;
use crate::error::{HubError, codes};

use super::Client;
use super::page::{MOST_PAGES, Page};
use super::parts::request_id;
use super::problem::{self, Refused};
use super::send::{Answer, Call};

/// Rows on a page where nobody says.
const PAGE_SIZE: usize = 25;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A call.
#[derive(Debug, Clone)]
pub struct Raw {
    /// The method, in any case.
    pub method: String,
    /// A path below the API's root, or a whole address of the same hub.
    pub path: String,
    /// Parameters to add to those of the path.
    pub query: Vec<(String, String)>,
    /// Headers beside those that are always sent.
    pub headers: Vec<(String, String)>,
    /// The body, as JSON unless a header says otherwise.
    pub body: Option<Zeroizing<Vec<u8>>>,
}

/// An answer of any status.
#[derive(Debug)]
pub struct RawAnswer {
    /// The status.
    pub status: u16,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// What the status means, where it is no success.
    pub error: Option<HubError>,
}

/// What names a row.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

/// The id of a row as it is written: a text or a number.
fn id_of(row: &RawValue) -> Option<&str> {
    let row = Some(row.get()).filter(|text| text.starts_with('{'))?;
    let id = serde_json::from_str::<Named<'_>>(row).ok()?.id?.get();
    id.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit()).then_some(id)
}

/// What a row is told apart by: its id, or else the whole of it.
fn identity(row: &RawValue) -> &str {
    id_of(row).unwrap_or_else(|| row.get())
}

impl Client {
    /// Sends a call, and answers whatever came back. Only reads are sent again, and what is passed
    /// on to a provider with an `Idempotency-Key`.
    ///
    /// # Errors
    /// `usage.bad_value` for what can't be sent, or as the way to the hub reports.
    pub async fn raw(&self, raw: &Raw) -> Result<RawAnswer, HubError> {
        let call = self.raw_call(raw)?;
        let asked = format!("{} {}", call.method, call.url.path());
        let is_write = !call.is_safe;
        let answer = self.any_status(call).await?;
        Ok(self.raw_answer(answer, &asked, is_write))
    }

    /// Asks for page after page, and answers one array of all rows. A refusal is answered as it
    /// is.
    ///
    /// # Errors
    /// As [`Client::raw`]; `usage.bad_value` where the answer is no list, and `remote.bad_answer`
    /// where the list goes on at a place where it has been.
    pub async fn raw_pages(&self, raw: &Raw) -> Result<RawAnswer, HubError> {
        if !raw.method.eq_ignore_ascii_case("GET") {
            return Err(bad("only GET goes with --paginate"));
        }
        let mut raw = raw.clone();
        let asked = Query::parse(self.raw_call(&raw)?.url.query().unwrap_or_default());
        // What can't be read is for the hub to refuse.
        let given = |name: &str| asked.count(name).ok().flatten();
        let size = given("page_size").and_then(|size| usize::try_from(size).ok());
        let size = size.unwrap_or(PAGE_SIZE);
        // Page 0 is the first one too.
        let mut page = given("page").unwrap_or(1).max(1);
        let (mut rows, mut seen) = (Vec::new(), HashSet::<String>::new());
        let mut cursors: HashSet<String> =
            asked.text("next").map(str::to_owned).into_iter().collect();
        for _ in 0..MOST_PAGES {
            let answer = self.raw(&raw).await?;
            if answer.error.is_some() {
                return Ok(answer);
            }
            let list = Page::read(&answer.body).map_err(|_| {
                problem::bad_answer(&self.origin, "answered with something else than JSON")
            })?;
            let Some(Page { rows: found, next, .. }) = list else {
                return Err(bad("the answer is no list").hint("leave --paginate out"));
            };
            let (count, before) = (found.len(), rows.len());
            // A hub that does not know pages answers the same rows again.
            let is_again = next.is_none() && found.iter().all(|row| seen.contains(identity(row)));
            for row in found {
                let is_new = seen.insert(identity(row).to_owned());
                // Two rows that are the same are two, where no id says otherwise.
                if is_new || (id_of(row).is_none() && !is_again) {
                    rows.push(row.get().to_owned());
                }
            }
            let goes_on = match next {
                Some(Value::String(next)) if !next.is_empty() => {
                    if !cursors.insert(next.clone()) {
                        break;
                    }
                    replace(&mut raw.query, "next", next);
                    // A page without rows need not be the last one.
                    true
                }
                Some(_) => false,
                None => {
                    page += 1;
                    replace(&mut raw.query, "page", page.to_string());
                    count >= size.min(PAGE_SIZE) && rows.len() > before
                }
            };
            if !goes_on {
                let body = format!("[{}]\n", rows.join(",")).into_bytes();
                return Ok(RawAnswer { body, ..answer });
            }
        }
        Err(problem::bad_answer(&self.origin, "has a list without end"))
    }

    fn raw_call(&self, raw: &Raw) -> Result<Call, HubError> {
        let method: Method =
            raw.method.to_ascii_uppercase().parse().map_err(|_| {
                bad("the method is not one").hint("GET, POST, PUT, PATCH or DELETE")
            })?;
        let url = self.raw_url(raw)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &raw.headers {
            let (name, value) = header(name, value)?;
            headers.append(name, value);
        }
        if raw.body.is_some() && !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let mut call = Call::raw(method, url, headers);
        call.body.clone_from(&raw.body);
        Ok(if self.is_once(&call) { call.safe(true) } else { call })
    }

    /// Whether somebody sees to it that a write is done once. A hub keeps no `Idempotency-Key`
    /// itself: it passes one on to the provider that is called, in one operation.
    fn is_once(&self, call: &Call) -> bool {
        let root = self.api_url.path().trim_end_matches('/');
        let path = call.url.path().strip_prefix(root);
        let passed_on = Operation::find("accounts.proxy").zip(path);
        call.headers.contains_key(IDEMPOTENCY_KEY)
            && passed_on
                .is_some_and(|(operation, path)| operation.is_called_by(call.method.as_str(), path))
    }

    /// Threat 17: the key goes to the configured hub and nowhere else.
    fn raw_url(&self, raw: &Raw) -> Result<Url, HubError> {
        let path = raw.path.as_str();
        let whole = path.split_once("://").is_some_and(|(scheme, _)| {
            scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        });
        let text = if whole {
            path.to_owned()
        } else {
            format!("{}/{}", self.root, path.trim_start_matches('/'))
        };
        let mut url: Url = text.parse().map_err(|_| bad("the path is not one"))?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        if url.origin() != self.api_url.origin() || has_user {
            let text = format!("calls go to {} only, and the key with them", self.origin);
            return Err(HubError::new(&codes::BAD_VALUE, text)
                .hint("give the path alone, such as /accounts"));
        }
        url.set_fragment(None);
        for (name, value) in &raw.query {
            let kept: Vec<(String, String)> = url
                .query_pairs()
                .filter(|(found, _)| !is_of_paging(name) || found != name)
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect();
            url.query_pairs_mut().clear().extend_pairs(kept).append_pair(name, value);
        }
        Ok(url)
    }

    fn raw_answer(&self, answer: Answer, asked: &str, is_write: bool) -> RawAnswer {
        let error = (answer.status >= 300).then(|| {
            let refused = Refused {
                origin: &self.origin,
                asked,
                is_extension: false,
                is_write,
                status: answer.status,
                request_id: request_id(&answer.headers),
                body: &answer.body,
            };
            problem::error(&refused, &self.scrubber)
        });
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = answer.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
        let Answer { status, mut body, .. } = answer;
        RawAnswer { status, headers, body: std::mem::take(&mut *body), error }
    }
}

fn is_of_paging(name: &str) -> bool {
    matches!(name, "page" | "next")
}

fn replace(query: &mut Vec<(String, String)>, name: &str, value: String) {
    query.retain(|(found, _)| found != name);
    query.push((name.to_owned(), value));
}

fn bad(text: &'static str) -> HubError {
    HubError::new(&codes::BAD_VALUE, text)
}

pub(super) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), HubError> {
    let name: HeaderName =
        name.trim().parse().map_err(|_| bad("the name of a header is not one"))?;
    let own = [
        AUTHORIZATION,
        CONNECTION,
        CONTENT_LENGTH,
        COOKIE,
        HOST,
        PROXY_AUTHORIZATION,
        TRANSFER_ENCODING,
    ];
    if own.contains(&name) {
        let text = format!("the header {name} is not for you to set");
        return Err(HubError::new(&codes::BAD_VALUE, text).hint("the profile's key is always sent"));
    }
    let value = HeaderValue::from_str(value.trim())
        .map_err(|_| bad("the value of a header has a line end or other controls in it"))?;
    Ok((name, value))
}
