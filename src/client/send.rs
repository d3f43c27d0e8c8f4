//! The one way to send: key, request id, time-outs, attempts, and errors out of answers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};
use url::Url;
use zeroize::Zeroizing;

use crate::api::proxy::PROVIDER_STATUS;
use crate::api::requests::Query;
use crate::api::{Operation, Origin};
use crate::error::{HubError, codes};
use crate::net;

use super::Client;
use super::parts::{REQUEST_ID, request_id, segment};
use super::problem::{self, Refused};
use super::retry::{Outcome, Spent, retry_after};
use super::trace::Exchange;

/// Longest answer that is kept whole, in bytes.
pub(super) const LONGEST_ANSWER: usize = 32 << 20;
/// Longest answer to a refused call that is looked at, in bytes.
const LONGEST_REFUSAL: usize = 64 << 10;
/// How long a body that is sent piece by piece may take.
const UPLOAD_LIMIT: Duration = Duration::from_hours(1);
/// Redirects within the hub that a read follows.
const MOST_REDIRECTS: u32 = 3;

/// A request, as often as it may have to be sent.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Zeroizing<Vec<u8>>>,
    /// A body that can be sent once only, instead of the other.
    upload: Mutex<Option<reqwest::Body>>,
    /// Whether it changes nothing, or a provider sees to it that it does so once.
    pub(super) is_safe: bool,
    is_extension: bool,
    is_patient: bool,
}

/// An answer with a status below 300, or any for a raw call.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// What to do with the body of an answer.
pub(super) enum Begun {
    Whole(Answer),
    Stream(Box<Response>, Option<Box<Exchange>>),
}

/// What came of an attempt.
enum Step {
    Done(Begun),
    /// It goes on at another address within the hub.
    GoOn(Url),
    Failed(Failed),
}

/// An attempt that failed: how, what becomes of it if it was the last one, and what it asked for.
struct Failed {
    outcome: Outcome,
    error: HubError,
    wait_s: Option<u64>,
    /// The answer itself, where any answer is wanted.
    answer: Option<Answer>,
}

impl Failed {
    fn new(outcome: Outcome, error: HubError) -> Self {
        Self { outcome, error, wait_s: None, answer: None }
    }
}

/// What is wanted of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The whole of a success.
    Whole,
    /// A success that is read while it arrives.
    Stream,
    /// The whole of it, whatever its status.
    Any,
    /// What a provider answered, whatever its status, read while it arrives.
    Passed,
}

impl Call {
    /// A request that no table knows.
    pub(super) fn raw(method: Method, url: Url, headers: HeaderMap) -> Self {
        let is_safe = matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
        Self {
            method,
            url,
            headers,
            body: None,
            upload: Mutex::new(None),
            is_safe,
            is_extension: false,
            is_patient: true,
        }
    }

    /// Sends this body, and therefore once.
    pub(super) fn upload(mut self, body: reqwest::Body) -> Self {
        self.upload = Mutex::new(Some(body));
        self.impatient()
    }

    /// Says whether it changes nothing, where its method does not tell.
    pub(super) fn safe(mut self, is_safe: bool) -> Self {
        self.is_safe = is_safe;
        self
    }

    pub(super) fn query(mut self, query: &Query) -> Self {
        if !query.is_empty() {
            self.url.set_query(Some(&query.to_text()));
        }
        // A rehearsal changes nothing.
        self.is_safe |= query.flag("dry_run").unwrap_or(false);
        self
    }

    pub(super) fn json(mut self, body: &impl Serialize) -> Result<Self, HubError> {
        let bytes =
            serde_json::to_vec(body).map_err(HubError::internal("a request can't be written"))?;
        self.body = Some(Zeroizing::new(bytes));
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(self)
    }

    /// Tries once: for a look at how things stand.
    pub(super) fn impatient(mut self) -> Self {
        self.is_patient = false;
        self
    }

    fn asked(&self) -> String {
        format!("{} {}", self.method, self.url.path())
    }
}

impl Client {
    /// A call of an operation; `values` fill the path's parameters in their order. An extension
    /// that the vendor's platform does not offer is refused there.
    pub(super) fn call(&self, id: &str, values: &[&str]) -> Result<Call, HubError> {
        let wrong = |text: &str| HubError::new(&codes::INTERNAL, format!("{id}: {text}"));
        let operation = Operation::find(id).ok_or_else(|| wrong("no such operation"))?;
        if operation.origin == Origin::Extension {
            self.offers(&[operation.id])?;
        }
        let mut path = String::new();
        let mut values = values.iter();
        for part in operation.path.split('/').skip(1) {
            path.push('/');
            if part.starts_with('{') {
                path.push_str(&segment(values.next().ok_or_else(|| wrong("a value is missing"))?)?);
            } else {
                path.push_str(part);
            }
        }
        let url = format!("{}{path}", self.root).parse().map_err(|_| wrong("no address"))?;
        let method: Method = operation.method.parse().map_err(|_| wrong("no method"))?;
        let mut call = Call::raw(method, url, HeaderMap::new());
        call.is_extension = operation.origin == Origin::Extension;
        Ok(call)
    }

    /// Sends and reads the answer as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, HubError> {
        self.json_and_status(call).await.map(|(answer, _)| answer)
    }

    /// The same with the status.
    pub(super) async fn json_and_status<T: DeserializeOwned>(
        &self,
        call: Call,
    ) -> Result<(T, u16), HubError> {
        let (asked, is_write) = (call.asked(), !call.is_safe);
        let answer = self.whole(call).await?;
        let read = self.read(&answer, &asked).map(|value| (value, answer.status));
        read.map_err(|error| problem::perhaps_done(error, is_write))
    }

    pub(super) fn read<T: DeserializeOwned>(
        &self,
        answer: &Answer,
        asked: &str,
    ) -> Result<T, HubError> {
        serde_json::from_slice(&answer.body).map_err(|error| {
            let content = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let what = match content {
                Some(kind) if !kind.contains("json") => {
                    let kind = self.scrubber.clean(&kind.chars().take(80).collect::<String>());
                    format!("answered {asked} with {kind}, and not with JSON")
                }
                _ if error.is_eof() => format!("answered {asked} with a text that is cut off"),
                _ => format!("answered {asked} in a form that this version does not understand"),
            };
            // The reader's own words may repeat values.
            let place = format!("at line {}, column {}", error.line(), error.column());
            problem::bad_answer(&self.origin, &what)
                .answered(answer.status, request_id(&answer.headers))
                .source(place)
        })
    }

    /// Sends and reads the answer whole.
    pub(super) async fn whole(&self, call: Call) -> Result<Answer, HubError> {
        match self.begin(call, Wanted::Whole).await? {
            Begun::Whole(answer) => Ok(answer),
            Begun::Stream(..) => Err(HubError::new(&codes::INTERNAL, "an answer was not read")),
        }
    }

    /// Sends and reads the answer whole, whatever its status is.
    pub(super) async fn any_status(&self, call: Call) -> Result<Answer, HubError> {
        match self.begin(call, Wanted::Any).await? {
            Begun::Whole(answer) => Ok(answer),
            Begun::Stream(..) => Err(HubError::new(&codes::INTERNAL, "an answer was not read")),
        }
    }

    /// Sends until there is an answer, or no attempt is left.
    pub(super) async fn begin(&self, mut call: Call, wanted: Wanted) -> Result<Begun, HubError> {
        let http = self.http()?;
        let mut spent = Spent::default();
        let mut redirects = 0;
        loop {
            let failed = match self.attempt(http, &call, wanted).await? {
                Step::Done(begun) => return Ok(begun),
                Step::GoOn(url) if redirects < MOST_REDIRECTS => {
                    redirects += 1;
                    call.url = url;
                    continue;
                }
                Step::GoOn(_) => return Err(problem::redirected(&self.origin, 302, None)),
                Step::Failed(failed) => failed,
            };
            let mut jitter = [0];
            self.random.fill(&mut jitter)?;
            let pause = self.policy.next(call.is_safe, failed.outcome, spent, jitter[0]);
            let Some(pause) = pause.filter(|_| call.is_patient) else {
                return match failed.answer {
                    Some(answer) => Ok(Begun::Whole(answer)),
                    None => Err(self.last(failed, spent)),
                };
            };
            tokio::time::sleep(pause).await;
            spent.waited += pause;
            spent.failures += 1;
        }
    }

    /// The error that a command ends with.
    fn last(&self, failed: Failed, spent: Spent) -> HubError {
        let limit = self.policy.max_wait;
        if !matches!(failed.outcome, Outcome::Status(429, _)) || self.policy.retries == 0 {
            return failed.error;
        }
        let left = limit.saturating_sub(spent.waited);
        let too_long = failed.wait_s.filter(|wait| Duration::from_secs(*wait) > left);
        problem::too_long(&failed.error, too_long, limit.as_secs())
    }

    fn http(&self) -> Result<&reqwest::Client, HubError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = net::client(&self.net)?;
        Ok(self.http.get_or_init(|| http))
    }

    /// One attempt; an error ends them all.
    async fn attempt(
        &self,
        http: &reqwest::Client,
        call: &Call,
        wanted: Wanted,
    ) -> Result<Step, HubError> {
        let slot = self.slots.acquire().await;
        let _slot = slot.map_err(HubError::internal("no request can be sent"))?;
        let headers = self.headers(call)?;
        let mut exchange = self.trace.as_ref().map(|_| {
            let body = call.body.as_ref().map(|body| body.as_slice());
            Exchange::begin(self.clock.now(), &call.method, &call.url, &headers, body)
        });
        let mut request = http.request(call.method.clone(), call.url.clone()).headers(headers);
        if let Some(body) = &call.body {
            request = request.body(body.to_vec());
        }
        let mut limit = self.timeout;
        let upload = call.upload.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(body) = upload {
            request = request.body(body);
            // The answer begins when all of it has arrived, which may rightly take long.
            limit = limit.max(UPLOAD_LIMIT);
        }
        let until = Instant::now() + limit;
        let mut response = match timeout_at(until, self.answer(request)).await {
            Ok(Ok(response)) => response,
            failed => {
                let failed = self.not_answered(failed.ok().and_then(Result::err), !call.is_safe);
                self.finish(exchange, Some(&failed.error));
                return Ok(Step::Failed(failed));
            }
        };
        let status = response.status();
        self.note_unchecked_project(&response);
        if !call.is_patient {
            self.look_at(&response);
        }
        if let Some(exchange) = &mut exchange {
            exchange.answered(status.as_u16(), response.headers());
        }
        if wanted == Wanted::Passed && response.headers().contains_key(PROVIDER_STATUS) {
            let exchange = exchange.map(Box::new);
            return Ok(Step::Done(Begun::Stream(Box::new(response), exchange)));
        }
        if status.is_redirection() && wanted != Wanted::Any {
            let target = self.redirect(call, &response);
            self.finish(exchange, target.as_ref().err());
            return target.map(Step::GoOn);
        }
        if status.is_success() && wanted == Wanted::Stream {
            let exchange = exchange.map(Box::new);
            return Ok(Step::Done(Begun::Stream(Box::new(response), exchange)));
        }
        let step = self.whole_answer(call, &mut response, &mut exchange, wanted, until).await;
        let error = match &step {
            Step::Failed(failed) => Some(&failed.error),
            _ => None,
        };
        self.finish(exchange, error);
        Ok(step)
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Response, reqwest::Error> {
        let Some(inside) = &self.inside else { return request.send().await };
        let asked = request.build()?;
        let body = asked.body().and_then(|body| body.as_bytes()).unwrap_or_default().to_vec();
        let mut request = http::Request::new(body);
        *request.method_mut() = asked.method().clone();
        // An address that was read once is read again.
        *request.uri_mut() = asked.url().as_str().parse().unwrap_or_default();
        *request.headers_mut() = asked.headers().clone();
        Ok(inside(request).await.into())
    }

    fn headers(&self, call: &Call) -> Result<HeaderMap, HubError> {
        let mut headers = call.headers.clone();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        self.name_project(&mut headers);
        let id = self.random.uuid_v7(self.clock.now())?.to_string();
        if let Ok(id) = HeaderValue::from_str(&id) {
            headers.entry(REQUEST_ID).or_insert(id);
        }
        Ok(headers)
    }

    /// Without an error, it was time that ran out.
    fn not_answered(&self, error: Option<reqwest::Error>, is_write: bool) -> Failed {
        let Some(error) = error else {
            let told = problem::timed_out(&self.origin, self.timeout.as_secs(), is_write);
            return Failed::new(Outcome::Broken, told);
        };
        let outcome = if error.is_connect() { Outcome::NotSent } else { Outcome::Broken };
        Failed::new(outcome, self.unreachable(&error.without_url(), is_write))
    }

    async fn whole_answer(
        &self,
        call: &Call,
        response: &mut Response,
        exchange: &mut Option<Exchange>,
        wanted: Wanted,
        until: Instant,
    ) -> Step {
        let status = response.status();
        let is_wanted = status.is_success() || wanted == Wanted::Any;
        let most = if is_wanted { LONGEST_ANSWER } else { LONGEST_REFUSAL };
        let read = self.body(response, exchange, until, most, !call.is_safe).await;
        let body = match read {
            Ok(body) => body,
            Err(error) if is_wanted => return Step::Failed(Failed::new(Outcome::Broken, error)),
            // The status says enough where the rest of a refusal is lost or too long.
            Err(_) => Zeroizing::default(),
        };
        let mut failed = None;
        if !status.is_success() {
            failed = Some(self.refused(call, response, &body));
        }
        let answer = is_wanted.then(|| {
            let headers = std::mem::take(response.headers_mut());
            Answer { status: status.as_u16(), headers, body }
        });
        match (failed, answer) {
            (Some(failed), answer) if answer.is_none() || waits(status.as_u16()) => {
                Step::Failed(Failed { answer, ..failed })
            }
            (Some(failed), None) => Step::Failed(failed),
            (_, Some(answer)) => Step::Done(Begun::Whole(answer)),
            (None, None) => Step::Failed(Failed::new(
                Outcome::Broken,
                problem::bad_answer(&self.origin, "gave no answer"),
            )),
        }
    }

    fn refused(&self, call: &Call, response: &Response, body: &[u8]) -> Failed {
        let status = response.status().as_u16();
        let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait_s = after.and_then(|text| retry_after(text, self.clock.now().as_millis()));
        let refused = Refused {
            origin: &self.origin,
            asked: &call.asked(),
            is_extension: call.is_extension,
            is_write: !call.is_safe,
            status,
            request_id: request_id(response.headers()),
            body,
        };
        let error = problem::error(&refused, &self.scrubber);
        let outcome = Outcome::answered(status, wait_s, error.code());
        Failed { outcome, error, wait_s, answer: None }
    }

    /// Where a read goes on: within the hub, or nowhere.
    fn redirect(&self, call: &Call, response: &Response) -> Result<Url, HubError> {
        let status = response.status().as_u16();
        let to = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let to = to.and_then(|to| call.url.join(to).ok());
        let Some(to) = to else { return Err(problem::redirected(&self.origin, status, None)) };
        if to.origin() != self.api_url.origin() {
            let origin = to.origin().ascii_serialization();
            return Err(problem::redirected(&self.origin, status, Some(&origin)));
        }
        if call.method != Method::GET {
            return Err(problem::redirected(&self.origin, status, None));
        }
        Ok(to)
    }

    async fn body(
        &self,
        response: &mut Response,
        exchange: &mut Option<Exchange>,
        until: Instant,
        most: usize,
        is_write: bool,
    ) -> Result<Zeroizing<Vec<u8>>, HubError> {
        let mut body = Zeroizing::new(Vec::new());
        loop {
            let bytes = match timeout_at(until, response.chunk()).await {
                Ok(Ok(Some(bytes))) => bytes,
                Ok(Ok(None)) => return Ok(body),
                Ok(Err(error)) => return Err(self.unreachable(&error.without_url(), is_write)),
                Err(_) => {
                    return Err(problem::timed_out(&self.origin, self.timeout.as_secs(), is_write));
                }
            };
            if let Some(exchange) = exchange {
                exchange.received(&bytes);
            }
            if body.len() + bytes.len() > most {
                let error = problem::bad_answer(&self.origin, "answered more than any answer has");
                return Err(problem::perhaps_done(error, is_write));
            }
            body.extend_from_slice(&bytes);
        }
    }

    pub(super) fn finish(&self, exchange: Option<Exchange>, error: Option<&HubError>) {
        let (Some(trace), Some(exchange)) = (&self.trace, exchange) else { return };
        let ended = self.clock.now();
        if let Err(error) = trace.write(exchange, ended, error, &self.scrubber) {
            self.note(format!("the trace is not complete: {error}"));
        }
    }
}

/// Statuses after which a raw call is sent again, too.
fn waits(status: u16) -> bool {
    matches!(status, 408 | 429 | 502..=504)
}
