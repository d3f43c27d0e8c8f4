//! Commands that look at the log of calls.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::time::Duration;

use crate::api::request_logs::{LogRow, RequestLog, StepLog};
use crate::api::requests::request_logs::{Include, StatusRange};
use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::context::{Context, SystemClock};
use crate::cli::input;
use crate::cli::tree::Run;
use crate::domain::ids::AccountId;
use crate::domain::names::ConnectorKey;
use crate::domain::request_log::{Bodies, Kind, Method};
use crate::domain::time::{Clock, Timestamp};
use crate::domain::words::counted;
use crate::error::{HubError, codes};
use crate::hub::logs::{Filter, SESSION};

use super::outlasting::Outlasting;

/// How often a log that is followed is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How far a look goes back where the hub does not number its rows: one comes into the log when
/// it is answered, with the time at which it was asked.
const OVERLAP_S: i64 = 60;

/// Which calls.
#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Narrowed {
    /// Only calls with this status: 404, 4xx, `>=400`; can be given several times
    #[arg(long, value_name = "STATUS")]
    status: Vec<StatusRange>,

    /// Only calls that failed, whatever their status: a page that tells an end user of a login that
    /// failed is answered with 200
    #[arg(long)]
    failed: bool,

    /// Only calls with this method; can be given several times
    #[arg(long, value_name = "METHOD", add = assets::logged_methods())]
    method: Vec<Method>,

    /// Only calls that concerned a provider (request), or only those to the hub itself (platform)
    #[arg(long, value_name = "KIND", add = assets::log_kinds())]
    kind: Option<Kind>,

    /// Only calls since: 1h, 7d, a time, or a Unix time
    #[arg(long, value_name = "DURATION|TIME")]
    since: Option<String>,

    /// Only calls until: 1h (ago), a time, or a Unix time
    #[arg(long, value_name = "DURATION|TIME")]
    until: Option<String>,
}

impl Narrowed {
    fn filter(self, context: &Context) -> Result<Filter, HubError> {
        let at =
            |text: Option<String>| text.map(|text| input::since(&text, context.now())).transpose();
        Ok(Filter {
            kind: self.kind,
            methods: self.method,
            statuses: self.status.into_iter().map(|range| range.0).collect(),
            success: self.failed.then_some(false),
            since: at(self.since)?,
            until: at(self.until)?,
            ..Filter::default()
        })
    }
}

/// Which calls, whomever they concerned.
#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Chosen {
    /// Only calls that concerned this account; can be given several times
    #[arg(long, value_name = "ID", add = assets::accounts())]
    account: Vec<AccountId>,

    /// Only calls that concerned this connector; can be given several times
    #[arg(long, value_name = "CONNECTOR", add = assets::connectors())]
    provider: Vec<ConnectorKey>,

    #[command(flatten)]
    narrowed: Narrowed,
}

impl Chosen {
    fn filter(self, context: &Context) -> Result<Filter, HubError> {
        Ok(Filter {
            accounts: self.account.iter().map(ToString::to_string).collect(),
            providers: self.provider.iter().map(ToString::to_string).collect(),
            ..self.narrowed.filter(context)?
        })
    }
}

/// List calls to the hub, the newest first
///
/// Each call of an API key is a row, and so is what an end user did or failed to do, and what the
/// hub did on its own or for a command where it called providers. Filters combine: a call is shown
/// if it fits all of them. Nothing secret is in the log; headers and bodies only where
/// `hubctl projects update --log-bodies` says so.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    chosen: Chosen,
}

impl Run for List {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let filter = self.chosen.filter(context)?;
        let backend = context.backend().await?;
        show(context, &backend, &filter).await
    }
}

async fn show(context: &Context, backend: &Backend, filter: &Filter) -> Result<(), HubError> {
    let mut list = context.output.list_of::<LogRow>()?;
    let mut failed = None;
    backend
        .logs(filter, true, |row| {
            if !row.success {
                failed.get_or_insert_with(|| row.request_id.clone());
            }
            list.push(row)
        })
        .await?;
    list.finish(|summary| {
        let calls = counted(summary.rows, "call");
        match (summary.rows, failed) {
            (0, _) => Some(format!("no calls in the log of {} fit", backend.project())),
            (_, Some(id)) => Some(format!("{calls}; for the latest failure: hubctl logs get {id}")),
            (_, None) => Some(calls),
        }
    })
    .map(drop)
}

/// List the calls that concerned a connector, the newest first
///
/// An auth config's id or name stands for its connector.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct OfConnector {
    /// Connector key, auth config id, or auth config name
    #[arg(value_parser = input::target, add = assets::targets())]
    target: String,

    #[command(flatten)]
    narrowed: Narrowed,
}

impl Run for OfConnector {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let mut filter = self.narrowed.filter(context)?;
        let backend = context.backend().await?;
        let found = backend.target(&self.target).await?.unwrap_or_default();
        let key = found.first().map_or(self.target, |config| config.connector_key.clone());
        filter.providers = vec![key];
        show(context, &backend, &filter).await
    }
}

/// List the calls that concerned an account, the newest first
///
/// A deleted account's calls stay in the log for as long as the project keeps it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct OfAccount {
    /// Id of the account
    #[arg(add = assets::accounts())]
    id: AccountId,

    #[command(flatten)]
    narrowed: Narrowed,
}

impl Run for OfAccount {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let mut filter = self.narrowed.filter(context)?;
        filter.accounts = vec![self.id.to_string()];
        let backend = context.backend().await?;
        show(context, &backend, &filter).await
    }
}

/// Show one call with the calls to providers that it led to
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Get {
    /// Id of the request, as errors and `hubctl logs list` tell it
    #[arg(value_name = "REQUEST_ID", value_parser = input::target)]
    request: String,

    /// Show headers and bodies too, where the project keeps them
    #[arg(long)]
    bodies: bool,
}

impl Run for Get {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check::<RequestLog>()?;
        let backend = context.backend().await?;
        let include = Include { steps: true, bodies: self.bodies };
        let log = backend.log(&self.request, include).await?;
        if self.bodies && log.request.is_none() && !context.output.is_machine() {
            let why = why_none(&backend, &log).await;
            context.output.note(format_args!("no headers and bodies were kept of this call{why}"));
        }
        context.output.item(&log, Some(&card(context, &log)))
    }
}

/// Why headers and bodies were not kept, or what keeps them of calls to come.
async fn why_none(backend: &Backend, log: &RequestLog) -> String {
    if !matches!(log.source_type.as_deref(), Some("API" | "SDK") | None) {
        return ": they are kept of calls with an API key alone".to_owned();
    }
    let name = backend.project_name().await;
    let kept = match &name {
        Some(name) => backend.get_project(name).await.ok(),
        None => None,
    };
    let bodies = kept.and_then(|project| project.log_bodies.parse::<Bodies>().ok());
    if bodies.is_some_and(|bodies| bodies.keeps(log.status.unwrap_or(0))) {
        return "; the project keeps those of calls like it now".to_owned();
    }
    let wanted = if log.success == Some(false) { Bodies::Errors } else { Bodies::All };
    let wanted = wanted.as_str();
    let project = name.map_or_else(|| "NAME".to_owned(), |name| name.to_string());
    format!("; to keep them from now on: hubctl projects update {project} --log-bodies {wanted}")
}

fn card(context: &Context, log: &RequestLog) -> Vec<(&'static str, String)> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let method = text(&log.http_method).to_ascii_uppercase();
    let mut lines = vec![
        ("Request", text(&log.request_id)),
        ("Call", format!("{method} {}", text(&log.path))),
        ("Status", outcome(log.status, log.error.as_deref())),
    ];
    lines.extend(log.event_datetime.map(|at| ("Time", context.output.moment(at))));
    lines.extend(log.duration.map(|took| ("Took", format!("{took} ms"))));
    lines.extend(log.account_id.clone().map(|id| ("Account", id)));
    lines.extend(log.provider.clone().map(|key| ("Connector", key)));
    let source = [&log.source_type, &log.source_value, &log.source_ip];
    let source: Vec<&str> = source.into_iter().filter_map(|part| part.as_deref()).collect();
    lines.push(("From", source.join(", ")));
    let is_end_users = log.source_type.as_deref() == Some(SESSION);
    lines.extend(log.source_id.clone().filter(|_| is_end_users).map(|id| ("Session", id)));
    let mut title = "Steps";
    for step in log.step_requests.iter().flatten() {
        lines.push((std::mem::take(&mut title), told(step)));
        lines.extend(bodies(step.request.as_ref(), step.response.as_ref()));
    }
    lines.extend(bodies(log.request.as_ref(), log.response.as_ref()));
    lines
}

fn outcome(status: Option<u16>, error: Option<&str>) -> String {
    let status = match status {
        Some(0) => "no answer".to_owned(),
        Some(status) => status.to_string(),
        None => "unknown".to_owned(),
    };
    error.map_or_else(|| status.clone(), |error| format!("{status}, {error}"))
}

fn told(step: &StepLog) -> String {
    let method = step.http_method.as_deref().unwrap_or_default().to_ascii_uppercase();
    let url = step.url.as_deref().unwrap_or_default();
    let took = step.duration.unwrap_or(0);
    let action = step.action.as_ref().map(|action| format!("{action}: ")).unwrap_or_default();
    format!("{action}{method} {url}  {} ({took} ms)", outcome(step.status, step.error.as_deref()))
}

fn bodies(
    request: Option<&crate::api::request_logs::LogRequest>,
    response: Option<&crate::api::request_logs::LogResponse>,
) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let sent = request.map(|sent| (&sent.headers, &sent.body));
    let answered = response.map(|answered| (&answered.headers, &answered.body));
    for (part, mut title, mut body_title) in
        [(sent, "Sent", "Body"), (answered, "Answered", "Body")]
    {
        let Some((headers, body)) = part else { continue };
        for (name, value) in headers.iter().flatten() {
            lines.push((std::mem::take(&mut title), format!("{name}: {value}")));
        }
        if let Some(body) = body {
            let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
            lines.push((std::mem::take(&mut body_title), text));
        }
    }
    lines
}

/// Show calls as they come, until Ctrl-C
///
/// Looks every second, and goes on when a hub that was away is back. JSON Lines (-o jsonl) have the
/// number of each row: --after goes on behind the last one seen, so that nothing is missed in
/// between. With --limit it ends after so many.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Tail {
    #[command(flatten)]
    chosen: Chosen,

    /// How many earlier calls to show first
    #[arg(long, value_name = "N", default_value_t = 10)]
    lines: u32,

    /// Go on behind the row of this number
    #[arg(long, value_name = "NUMBER", conflicts_with = "lines")]
    after: Option<u32>,
}

impl Run for Tail {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        if context.output.is_document_asked_for() {
            let text = "a log that is followed never ends, and this format is one whole document";
            return Err(HubError::new(&codes::USAGE, text).hint("use -o jsonl"));
        }
        let mut tail = Followed {
            filter: self.chosen.filter(context)?,
            after: self.after.map(i64::from),
            seen: HashMap::new(),
            since: context.now().plus_seconds(-OVERLAP_S),
        };
        let backend = context.backend().await?;
        let (mut rows, mut looks) = (context.output.endless(), Outlasting::default());
        let mut list = rows.part::<LogRow>()?;
        if tail.after.is_none() {
            let count = u64::from(self.lines).min(rows.left().unwrap_or(u64::MAX));
            let first = tail.first(&backend, usize::try_from(count).unwrap_or(0)).await;
            for row in looks.follow(context, first)?.into_iter().flatten() {
                _ = list.push(&row)?;
            }
        }
        rows.wrote(list.finish(|_| None)?);
        while !rows.is_over() {
            let mut list = rows.part::<LogRow>()?;
            let looked = tail.look(&backend, |row| list.push(row)).await;
            // What came before a failure is not asked for again.
            rows.wrote(list.finish(|_| None)?);
            looks.follow(context, looked)?;
            rows.rest(LOOK_EVERY);
        }
        Ok(())
    }
}

/// A log that is followed: by the numbers of its rows, or where it has none by their time.
struct Followed {
    filter: Filter,
    after: Option<i64>,
    seen: HashMap<(String, String), Timestamp>,
    since: Timestamp,
}

impl Followed {
    /// Whether a row is one that was not shown before.
    fn is_new(&mut self, row: &LogRow) -> bool {
        if let Some(number) = row.number {
            self.after = self.after.max(Some(number));
            return true;
        }
        let at = row.event_datetime.unwrap_or(self.since);
        self.seen.insert((row.request_id.clone(), row.path.clone()), at).is_none()
    }

    /// The latest rows, the oldest of them first.
    async fn first(&mut self, backend: &Backend, count: usize) -> Result<Vec<LogRow>, HubError> {
        let mut rows = VecDeque::new();
        let filter = self.filter.clone();
        backend
            .logs(&filter, true, |row| {
                self.is_new(row);
                let is_recent = row.event_datetime.is_none_or(|at| at >= self.since);
                if rows.len() < count {
                    rows.push_front(row.clone());
                }
                // Rows without numbers are told apart by having been seen.
                let goes_on = rows.len() < count || (is_recent && row.number.is_none());
                Ok(if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            })
            .await?;
        Ok(rows.into())
    }

    /// What came since the last look.
    async fn look(
        &mut self,
        backend: &Backend,
        mut each: impl FnMut(&LogRow) -> Result<ControlFlow<()>, HubError>,
    ) -> Result<(), HubError> {
        let next = SystemClock.now().plus_seconds(-OVERLAP_S);
        let mut filter = Filter { after: self.after, ..self.filter.clone() };
        if self.after.is_none() {
            filter.since = filter.since.max(Some(self.since));
        }
        let is_numbered = self.after.is_some();
        backend
            .logs(&filter, false, |row| {
                if self.is_new(row) { each(row) } else { Ok(ControlFlow::Continue(())) }
            })
            .await?;
        if !is_numbered {
            self.since = next;
            self.seen.retain(|_, at| *at >= next);
        }
        Ok(())
    }
}
