//! The log of calls on the wire (contract section 7): the platform's own shapes, and the row that
//! `hubctl logs` shows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::request_log::Entry;
use crate::domain::time::Timestamp;
use crate::hub::logs::{Detail, Exchange, StepDetail};

/// A page of a list that is followed by `next` (KP-12).
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Paged<T> {
    /// The rows of this page; there may be fewer than asked for on any page.
    pub data: Vec<T>,
    /// What to ask for the next page with; null on the last one.
    pub next: Option<String>,
}

/// An answer about one thing.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct One<T> {
    /// The thing.
    pub data: T,
}

/// The address of a call, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct LogUrl {
    /// The whole of it.
    pub url: Option<String>,
    /// Its host.
    pub hostname: Option<String>,
    /// Its path.
    pub path: Option<String>,
    /// Its parameters.
    pub query_params: Option<BTreeMap<String, String>>,
}

/// What was sent.
#[derive(Debug, Clone, PartialEq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct LogRequest {
    /// Id of the request.
    pub id: Option<String>,
    /// The method, in lower case.
    pub method: Option<String>,
    /// Headers, those with a secret in them without it.
    pub headers: Option<BTreeMap<String, String>>,
    /// The address.
    pub url: Option<LogUrl>,
    /// The body, without its secrets.
    pub body: Option<Value>,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct LogResponse {
    /// The status.
    pub status_code: Option<u16>,
    /// Headers, those with a secret in them without it.
    pub headers: Option<BTreeMap<String, String>>,
    /// The body, without its secrets.
    pub body: Option<Value>,
    /// Always empty: this hub maps no fields.
    pub custom_mapping_errors: Option<Vec<Map<String, Value>>>,
    /// What providers answered where they refused.
    pub provider_errors: Option<Vec<Map<String, Value>>>,
}

/// A call of the hub to a provider.
#[derive(Debug, Clone, PartialEq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct StepLog {
    /// Its id.
    pub id: Option<String>,
    /// The request that it belongs to.
    pub request_id: Option<String>,
    /// The account that it was for.
    pub account_id: Option<String>,
    /// The project.
    pub project_id: Option<String>,
    /// When it began.
    pub start_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// The method, in lower case.
    pub http_method: Option<String>,
    /// The path.
    pub path: Option<String>,
    /// The address, without anything secret.
    pub url: Option<String>,
    /// The status; 0 where there was no answer.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub duration: Option<i64>,
    /// Whether it succeeded.
    pub success: Option<bool>,
    /// The connector.
    pub provider: Option<String>,
    /// Which service of the provider; always null on this hub.
    pub service: Option<String>,
    /// What it was about.
    pub resource: Option<String>,
    /// A part of that; always null on this hub.
    pub child_resource: Option<String>,
    /// A part of the part; always null on this hub.
    pub sub_resource: Option<String>,
    /// What it was for.
    pub action: Option<String>,
    /// Whether nobody waited for it.
    pub is_worker: Option<bool>,
    /// What went wrong, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What was sent, where it is kept and asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<LogRequest>,
    /// What was answered, where it is kept and asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<LogResponse>,
}

/// A call, as the platform's lists show it; with steps and bodies where they were asked for.
#[derive(Debug, Clone, PartialEq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestLog {
    /// Id of the request (KP-13).
    pub request_id: Option<String>,
    /// When it began.
    pub event_datetime: Option<Timestamp>,
    /// When it began.
    pub start_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// The account that it concerned.
    pub account_id: Option<String>,
    /// The project.
    pub project_id: Option<String>,
    /// The connector.
    pub provider: Option<String>,
    /// Which service of the provider; always null on this hub.
    pub service: Option<String>,
    /// The method, in lower case.
    pub http_method: Option<String>,
    /// The path.
    pub path: Option<String>,
    /// The address, without anything secret.
    pub url: Option<String>,
    /// What it was about, such as `accounts`.
    pub resource: Option<String>,
    /// A part of that; always null on this hub.
    pub child_resource: Option<String>,
    /// A part of the part; always null on this hub.
    pub sub_resource: Option<String>,
    /// What was done, such as `list`.
    pub action: Option<String>,
    /// The status.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub duration: Option<i64>,
    /// Whether it succeeded.
    pub success: Option<bool>,
    /// Whether nobody waited for it.
    pub is_worker: Option<bool>,
    /// Where it came from, such as `API`; `SESSION` for an end user.
    pub source_type: Option<String>,
    /// The name of the key.
    pub source_value: Option<String>,
    /// The id of the key, or of the end user's session.
    pub source_id: Option<String>,
    /// The address that it was sent from.
    pub source_ip: Option<String>,
    /// The code of what went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The calls to providers that it led to, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_requests: Option<Vec<StepLog>>,
    /// What was sent, where it is kept and asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<LogRequest>,
    /// What was answered, where it is kept and asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<LogResponse>,
}

/// A call to the platform itself, as its list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct PlatformLog {
    /// Id of the request.
    pub request_id: Option<String>,
    /// When it began.
    pub event_datetime: Option<Timestamp>,
    /// When it began.
    pub start_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// The account that it concerned.
    pub account_id: Option<String>,
    /// The project.
    pub project_id: Option<String>,
    /// What kind of call it was.
    pub category: Option<String>,
    /// The method, in lower case.
    pub http_method: Option<String>,
    /// The path.
    pub path: Option<String>,
    /// The address, without anything secret.
    pub url: Option<String>,
    /// What it was about, such as `accounts`.
    pub resource: Option<String>,
    /// A part of that; always null on this hub.
    pub child_resource: Option<String>,
    /// A part of the part; always null on this hub.
    pub sub_resource: Option<String>,
    /// What was done, such as `list`.
    pub action: Option<String>,
    /// The status.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub duration: Option<i64>,
    /// Whether it succeeded.
    pub success: Option<bool>,
    /// Where it came from, such as `API`; `SESSION` for an end user.
    pub source_type: Option<String>,
    /// The name of the key.
    pub source_value: Option<String>,
    /// The id of the key, or of the end user's session.
    pub source_id: Option<String>,
    /// The address that it was sent from.
    pub source_ip: Option<String>,
    /// The code of what went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A call, as `hubctl logs` shows it: those of both lists, in one shape.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct LogRow {
    /// Id of the request.
    pub request_id: String,
    /// Its number, by which a log is followed; none on a hub that has none.
    #[serde(default)]
    pub number: Option<i64>,
    /// `request` where it concerned a provider, else `platform`.
    #[serde(default)]
    pub kind: String,
    /// When it began.
    pub event_datetime: Option<Timestamp>,
    /// The method, in lower case.
    #[serde(default)]
    pub http_method: String,
    /// The path.
    #[serde(default)]
    pub path: String,
    /// The address, without anything secret.
    #[serde(default)]
    pub url: Option<String>,
    /// The status; 0 where there was no answer.
    #[serde(default)]
    pub status: u16,
    /// Whether it succeeded.
    #[serde(default)]
    pub success: bool,
    /// How long it took, in milliseconds.
    pub duration: Option<i64>,
    /// The connector.
    pub provider: Option<String>,
    /// The account that it concerned.
    pub account_id: Option<String>,
    /// What it was about, such as `accounts`.
    pub resource: Option<String>,
    /// What was done, such as `list`.
    pub action: Option<String>,
    /// Where it came from, such as `API`; `SESSION` for an end user.
    pub source_type: Option<String>,
    /// The name of the key.
    pub source_value: Option<String>,
    /// The id of the key, or of the end user's session.
    pub source_id: Option<String>,
    /// The address that it was sent from.
    pub source_ip: Option<String>,
    /// Whether nobody waited for it.
    #[serde(default)]
    pub is_worker: bool,
    /// The code of what went wrong.
    pub error: Option<String>,
}

fn end(entry: &Entry) -> Timestamp {
    Timestamp::from_millis(entry.at.as_millis().saturating_add(entry.duration_ms))
}

impl From<&Entry> for LogRow {
    fn from(entry: &Entry) -> Self {
        let status = entry.outcome.status();
        Self {
            request_id: entry.request_id.clone(),
            number: Some(entry.number),
            kind: entry.outcome.kind().as_str().to_owned(),
            event_datetime: Some(entry.at),
            http_method: entry.outcome.method().as_str().to_owned(),
            path: entry.path.clone(),
            url: Some(entry.url.clone()),
            status,
            success: entry.outcome.is_success(),
            duration: Some(entry.duration_ms),
            provider: entry.provider.clone(),
            account_id: entry.account.clone(),
            resource: entry.resource.clone(),
            action: entry.action.clone(),
            source_type: Some(entry.source.kind.clone()),
            source_value: entry.source.value.clone(),
            source_id: entry.source.id.clone(),
            source_ip: entry.source.ip.clone(),
            is_worker: entry.is_worker,
            error: entry.error.clone(),
        }
    }
}

impl RequestLog {
    /// The wire form of a call in a project.
    #[must_use]
    pub fn new(entry: &Entry, project: &str) -> Self {
        let status = entry.outcome.status();
        Self {
            request_id: Some(entry.request_id.clone()),
            event_datetime: Some(entry.at),
            start_time: Some(entry.at),
            end_time: Some(end(entry)),
            account_id: entry.account.clone(),
            project_id: Some(project.to_owned()),
            provider: entry.provider.clone(),
            service: entry.service.clone(),
            http_method: Some(entry.outcome.method().as_str().to_owned()),
            path: Some(entry.path.clone()),
            url: Some(entry.url.clone()),
            resource: entry.resource.clone(),
            child_resource: entry.child_resource.clone(),
            sub_resource: entry.sub_resource.clone(),
            action: entry.action.clone(),
            status: Some(status),
            duration: Some(entry.duration_ms),
            success: Some(entry.outcome.is_success()),
            is_worker: Some(entry.is_worker),
            source_type: Some(entry.source.kind.clone()),
            source_value: entry.source.value.clone(),
            source_id: entry.source.id.clone(),
            source_ip: entry.source.ip.clone(),
            error: entry.error.clone(),
            ..Self::default()
        }
    }

    /// The same with steps and bodies.
    #[must_use]
    pub fn detail(detail: &Detail, project: &str) -> Self {
        let mut log = Self::new(&detail.entry, project);
        let steps = detail.steps.as_ref();
        log.step_requests =
            steps.map(|steps| steps.iter().map(|step| StepLog::detail(step, project)).collect());
        if let Some(exchange) = &detail.exchange {
            let id = &detail.entry.request_id;
            (log.request, log.response) = exchanged(exchange, id, steps.map_or(&[], Vec::as_slice));
        }
        log
    }
}

impl PlatformLog {
    /// The wire form of a call in a project.
    #[must_use]
    pub fn new(entry: &Entry, project: &str) -> Self {
        let log = RequestLog::new(entry, project);
        Self {
            request_id: log.request_id,
            event_datetime: log.event_datetime,
            start_time: log.start_time,
            end_time: log.end_time,
            account_id: log.account_id,
            project_id: log.project_id,
            category: entry.category.clone(),
            http_method: log.http_method,
            path: log.path,
            url: log.url,
            resource: log.resource,
            child_resource: log.child_resource,
            sub_resource: log.sub_resource,
            action: log.action,
            status: log.status,
            duration: log.duration,
            success: log.success,
            source_type: log.source_type,
            source_value: log.source_value,
            source_id: log.source_id,
            source_ip: log.source_ip,
            error: log.error,
        }
    }
}

impl StepLog {
    /// The wire form of a step in a project.
    #[must_use]
    pub fn new(entry: &Entry, project: &str) -> Self {
        let log = RequestLog::new(entry, project);
        Self {
            id: Some(entry.number.to_string()),
            request_id: log.request_id,
            account_id: log.account_id,
            project_id: log.project_id,
            start_time: log.start_time,
            end_time: log.end_time,
            http_method: log.http_method,
            path: log.path,
            url: log.url,
            status: log.status,
            duration: log.duration,
            success: log.success,
            provider: log.provider,
            service: log.service,
            resource: log.resource,
            child_resource: log.child_resource,
            sub_resource: log.sub_resource,
            action: log.action,
            is_worker: log.is_worker,
            error: log.error,
            ..Self::default()
        }
    }

    fn detail(step: &StepDetail, project: &str) -> Self {
        let mut log = Self::new(&step.entry, project);
        if let Some(exchange) = &step.exchange {
            (log.request, log.response) = exchanged(exchange, &step.entry.request_id, &[]);
        }
        log
    }
}

fn exchanged(
    exchange: &Exchange,
    id: &str,
    steps: &[StepDetail],
) -> (Option<LogRequest>, Option<LogResponse>) {
    let headers = |all: &[(String, String)]| {
        let mut map: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in all {
            let place = map.entry(name.clone()).or_default();
            if !place.is_empty() {
                place.push_str(", ");
            }
            place.push_str(value);
        }
        Some(map)
    };
    let body = |body: &Value| Some(body.clone()).filter(|body| !body.is_null());
    let parsed = url::Url::parse(&exchange.url).ok();
    let parts = parsed.as_ref();
    let url = LogUrl {
        url: Some(exchange.url.clone()),
        hostname: parts.and_then(|url| url.host_str()).map(str::to_owned),
        path: parts.map(|url| url.path().to_owned()),
        query_params: parts.map(|url| url.query_pairs().into_owned().collect()),
    };
    let refused = steps.iter().filter(|step| !step.entry.outcome.is_success());
    let provider_errors = refused.map(|step| {
        let mut error = Map::new();
        error.insert("status".to_owned(), step.entry.outcome.status().into());
        error.insert("url".to_owned(), step.entry.url.clone().into());
        let raw = step.exchange.as_ref().map(|exchange| exchange.response_body.clone());
        error.insert("raw".to_owned(), raw.unwrap_or(Value::Null));
        error
    });
    let request = LogRequest {
        id: Some(id.to_owned()),
        method: Some(exchange.method.to_ascii_lowercase()),
        headers: headers(&exchange.request_headers),
        url: Some(url),
        body: body(&exchange.request_body),
    };
    let response = exchange.status.map(|status| LogResponse {
        status_code: Some(status),
        headers: headers(&exchange.response_headers),
        body: body(&exchange.response_body),
        custom_mapping_errors: Some(Vec::new()),
        provider_errors: Some(provider_errors.collect()),
    });
    (Some(request), response)
}
