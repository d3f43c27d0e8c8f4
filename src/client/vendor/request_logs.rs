//! The platform's log of calls: two lists, which are shown as one.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use crate::api::request_logs::{LogRow, One, Paged, RequestLog};
use crate::api::requests::Query;
use crate::api::requests::request_logs::{Include, to_query};
use crate::client::page::MOST_PAGES;
use crate::client::{Client, problem};
use crate::domain::request_log::{Kind, is_success};
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::logs::{self, Filter};

use super::{PAGE_SIZE, absent_as};

/// One of the two lists, as far as it was read.
struct Source<'c> {
    client: &'c Client,
    kind: Kind,
    query: Query,
    next: Option<String>,
    rows: VecDeque<LogRow>,
    pages: u64,
    is_done: bool,
}

impl Source<'_> {
    /// Reads on until there is a row, or the end.
    async fn fill(&mut self) -> Result<(), HubError> {
        while self.rows.is_empty() && !self.is_done {
            let id = match self.kind {
                Kind::Request => "platform.requests.logs",
                Kind::Platform => "platform.requests.platform_logs",
            };
            let mut query = self.query.clone();
            query.push("page_size", PAGE_SIZE);
            query.push_opt("next", self.next.as_ref());
            let call = self.client.call(id, &[])?.query(&query);
            let page: Paged<RequestLog> = self.client.json(call).await?;
            let next = page.next.filter(|next| !next.is_empty());
            self.pages += 1;
            if next.is_some() && (next == self.next || self.pages >= MOST_PAGES) {
                let what = "has a list without end";
                return Err(problem::bad_answer(&self.client.origin, what));
            }
            self.is_done = next.is_none();
            self.next = next;
            self.rows.extend(page.data.into_iter().map(|log| row(log, self.kind)));
        }
        Ok(())
    }
}

fn row(log: RequestLog, kind: Kind) -> LogRow {
    let status = log.status.unwrap_or(0);
    LogRow {
        request_id: log.request_id.unwrap_or_default(),
        number: None,
        kind: kind.as_str().to_owned(),
        event_datetime: log.event_datetime.or(log.start_time),
        http_method: log.http_method.unwrap_or_default().to_ascii_lowercase(),
        path: log.path.unwrap_or_default(),
        url: log.url,
        status,
        success: log.success.unwrap_or_else(|| is_success(status)),
        duration: log.duration,
        provider: log.provider,
        account_id: log.account_id,
        resource: log.resource,
        action: log.action,
        source_type: log.source_type,
        source_value: log.source_value,
        source_id: log.source_id,
        source_ip: log.source_ip,
        is_worker: log.is_worker.unwrap_or(false),
        error: log.error,
    }
}

/// The calls that fit. The platform knows single statuses only; ranges are applied here, and so
/// are all other filters once more.
pub(in crate::client) async fn list(
    client: &Client,
    filter: &Filter,
    descending: bool,
    mut each: impl FnMut(&LogRow) -> Result<ControlFlow<()>, HubError>,
) -> Result<(), HubError> {
    let mut query = to_query(filter);
    let are_single = filter.statuses.iter().all(|range| range.start() == range.end());
    if are_single && !filter.statuses.is_empty() {
        let texts: Vec<String> =
            filter.statuses.iter().map(|range| range.start().to_string()).collect();
        query.push("status_codes", texts.join(","));
    }
    query.push("order_by", "eventDatetime");
    query.push("order_direction", if descending { "desc" } else { "asc" });
    let kinds = match filter.kind {
        Some(kind) => vec![kind],
        // Its own list does not know connectors.
        None if filter.providers.is_empty() => vec![Kind::Request, Kind::Platform],
        None => vec![Kind::Request],
    };
    let mut sources: Vec<Source<'_>> = kinds
        .into_iter()
        .map(|kind| Source {
            client,
            kind,
            query: query.clone(),
            next: None,
            rows: VecDeque::new(),
            pages: 0,
            is_done: false,
        })
        .collect();
    loop {
        for source in &mut sources {
            source.fill().await?;
        }
        let at = |source: &Source<'_>| {
            let first = source.rows.front()?;
            Some(first.event_datetime.unwrap_or(Timestamp::from_millis(0)))
        };
        let heads = sources.iter().enumerate().filter_map(|(index, one)| Some((at(one)?, index)));
        let next = match descending {
            // Of two at the same time, the first list's.
            true => heads.min_by_key(|(at, index)| (std::cmp::Reverse(*at), *index)),
            false => heads.min(),
        };
        let Some((_, index)) = next else { return Ok(()) };
        let Some(row) = sources.get_mut(index).and_then(|source| source.rows.pop_front()) else {
            return Ok(());
        };
        if fits(&row, filter) && each(&row)?.is_break() {
            return Ok(());
        }
    }
}

fn fits(row: &LogRow, filter: &Filter) -> bool {
    fn one_of(wanted: &[String], found: Option<&String>) -> bool {
        wanted.is_empty() || found.is_some_and(|found| wanted.contains(found))
    }
    let method = |wanted: &crate::domain::request_log::Method| wanted.as_str() == row.http_method;
    one_of(&filter.accounts, row.account_id.as_ref())
        && one_of(&filter.providers, row.provider.as_ref())
        && one_of(&filter.request_ids, Some(&row.request_id))
        && (filter.methods.is_empty() || filter.methods.iter().any(method))
        && (filter.statuses.is_empty()
            || filter.statuses.iter().any(|range| range.contains(&row.status)))
        && filter.success.is_none_or(|wanted| wanted == row.success)
        && filter.since.is_none_or(|since| row.event_datetime.is_none_or(|at| at >= since))
        && filter.until.is_none_or(|until| row.event_datetime.is_none_or(|at| at <= until))
}

/// One call; steps and bodies are asked for one after the other, as the platform has it.
pub(in crate::client) async fn get(
    client: &Client,
    request: &str,
    include: Include,
) -> Result<RequestLog, HubError> {
    let mut words = include.words();
    if words.is_empty() {
        words.push("");
    }
    let mut whole: Option<RequestLog> = None;
    for word in words {
        let mut query = Query::default();
        query.push_opt("include", Some(word).filter(|word| !word.is_empty()));
        let call = client.call("platform.requests.get", &[request])?.query(&query);
        let found: One<RequestLog> =
            client.json(call).await.map_err(|error| absent_as(error, || logs::unknown(request)))?;
        let RequestLog { step_requests, request, response, .. } = &found.data;
        match &mut whole {
            None => whole = Some(found.data),
            Some(log) => {
                log.step_requests = log.step_requests.take().or_else(|| step_requests.clone());
                log.request = log.request.take().or_else(|| request.clone());
                log.response = log.response.take().or_else(|| response.clone());
            }
        }
    }
    Ok(whole.unwrap_or_default())
}
