//! What is being answered: the call, or the errand of the hub's own, that steps belong to.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use crate::domain::caller::{Actor, Caller};
use crate::domain::ids::{AccountId, ProjectNumber};
use crate::domain::names::ConnectorKey;
use crate::domain::provider_reason;
use crate::domain::request_log::redact::Redactor;
use crate::domain::request_log::{
    Entry, Kind, Method, Outcome, PROXY, Source, is_success, step_resource,
};
use crate::domain::secret::Secret;
use crate::error::HubError;
use crate::hub::Hub;
use crate::store::request_logs::Table;

use super::{Call, Errand, Exchange, Step, Waiting, lock};

tokio::task_local! {
    static CURRENT: Arc<Scope>;
}

/// Longest id of a request.
const ID_LIMIT: usize = 64;
/// Where the calls of commands come from, in the word of the log.
pub const COMMAND: &str = "CLI";
/// Where the calls of end users come from.
pub const SESSION: &str = "SESSION";
/// What an errand is said to have answered where no provider did.
const DONE: u16 = 200;
const NOT_DONE: u16 = 500;

/// Whose call it is.
#[derive(Debug, Clone)]
struct Who {
    project: ProjectNumber,
    source: Source,
    rows: Rows,
}

/// Which calls of somebody are rows of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// All of them.
    All,
    /// Those that called providers: a command's on a store of its own.
    WithSteps,
    /// Those that called providers, changed something or failed: an end user's, whose page looks
    /// again and again at what it may show.
    NoLooks,
}

#[derive(Debug, Default)]
struct About {
    account: Option<String>,
    provider: Option<String>,
}

/// A call to the hub while it is answered, or an errand of the hub's own.
#[derive(Debug, Default)]
pub struct Scope {
    request_id: OnceLock<String>,
    who: OnceLock<Who>,
    about: Mutex<About>,
    /// What its steps were made with, where headers and bodies are kept of anything.
    secrets: Mutex<Vec<Secret>>,
    steps: AtomicU32,
    last_status: AtomicU16,
    /// That of the latest answer that was to be passed on; 0 where there was none.
    passed: AtomicU16,
    is_worker: bool,
    /// The address that it was sent from, where whose it is turns out later.
    ip: OnceLock<String>,
    /// It changes something, although its method does not say so.
    has_changed: AtomicBool,
    early: Mutex<Early>,
}

/// Steps of no account yet, and what came after them: they wait until the call ends, which may have
/// made the account that they were for.
#[derive(Debug, Default)]
struct Early {
    rows: Vec<Waiting>,
    /// The call has ended; steps of work that goes on behind it wait no more.
    is_over: bool,
}

impl Scope {
    /// That of a request of this id.
    #[must_use]
    pub fn of_request(id: &str) -> Arc<Self> {
        let scope = Self::default();
        _ = scope.request_id.set(id.chars().take(ID_LIMIT).collect());
        Arc::new(scope)
    }

    /// That of what is being answered here; none where nothing is.
    #[must_use]
    pub fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Does the work within the scope: steps on the way belong to it. Work that is handed to
    /// another task needs `within` there.
    pub async fn within<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// Does something with that of what is being answered here, if there is one.
    pub(in crate::hub) fn here(tell: impl FnOnce(&Self)) {
        if let Some(scope) = Self::current() {
            tell(&scope);
        }
    }

    /// Says whose call it is. A call of nobody is not logged.
    fn belongs_to(&self, project: ProjectNumber, source: Source, rows: Rows) {
        // A call has one caller.
        _ = self.who.set(Who { project, source, rows });
    }

    /// Says that it is a caller's.
    pub fn belongs_to_caller(&self, caller: &Caller, kind: &str, ip: Option<String>) {
        self.belongs_to(caller.project(), source(caller, kind, ip), Rows::All);
    }

    /// Says that it is a command's on a store of its own.
    pub fn belongs_to_command(&self, caller: &Caller) {
        self.belongs_to(caller.project(), source(caller, COMMAND, None), Rows::WithSteps);
    }

    /// Says from where it was sent, for who learns later whose it is.
    pub fn comes_from(&self, ip: String) {
        _ = self.ip.set(ip);
    }

    /// Says that it is an end user's, with their session as its source.
    pub(in crate::hub) fn belongs_to_end_user(&self, caller: &Caller) {
        let source = source(caller, SESSION, self.ip.get().cloned());
        self.belongs_to(caller.project(), source, Rows::NoLooks);
    }

    /// Whether it is an end user's. What they type and which link they have is nobody else's: of
    /// such a call neither query nor headers nor bodies are kept, and of a page its route alone.
    #[must_use]
    pub fn is_end_users(&self) -> bool {
        self.who.get().is_some_and(|who| who.rows == Rows::NoLooks)
    }

    /// Says that it changes something, although its method does not say so.
    pub(in crate::hub) fn changes(&self) {
        self.has_changed.store(true, Ordering::Relaxed);
    }

    /// Whether it is to be logged; `is_look` tells of one that went well and by its method changed
    /// nothing.
    #[must_use]
    pub fn is_logged(&self, is_look: bool) -> bool {
        let Some(who) = self.who.get() else { return false };
        let has_changed = || !is_look || self.has_changed.load(Ordering::Relaxed);
        match who.rows {
            Rows::All => true,
            Rows::WithSteps => self.has_steps(),
            Rows::NoLooks => self.has_steps() || has_changed(),
        }
    }

    /// The project whose call it is.
    #[must_use]
    pub fn project(&self) -> Option<ProjectNumber> {
        self.who.get().map(|who| who.project)
    }

    /// Says which account or connector it concerns, where its path does not.
    pub fn concerns(&self, account: Option<&AccountId>, provider: Option<&ConnectorKey>) {
        let mut about = lock(&self.about);
        if let Some(account) = account {
            about.account = Some(account.to_string());
        }
        if let Some(provider) = provider {
            about.provider = Some(provider.to_string());
        }
    }

    /// Takes note of secrets that a provider may repeat in what is answered.
    fn knows(&self, secrets: &[&Secret]) {
        let mut known = lock(&self.secrets);
        for secret in secrets {
            if !known.contains(secret) {
                known.push((*secret).clone());
            }
        }
    }

    /// Takes secrets out of what is kept of it: those of its steps too (SE-5).
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        Redactor::knowing(lock(&self.secrets).iter())
    }

    /// Whether providers were called for it.
    #[must_use]
    pub fn has_steps(&self) -> bool {
        self.steps.load(Ordering::Relaxed) > 0
    }

    /// What decides whether headers and bodies of a call are kept: its status, or that of the last
    /// provider's answer where that is a failure which the call passed on (KP-10, KP-14).
    #[must_use]
    pub fn telling_status(&self, status: u16) -> u16 {
        let last = self.last_status.load(Ordering::Relaxed);
        let is_passed_on = is_success(status) && self.has_steps() && !is_success(last);
        if is_passed_on { last } else { status }
    }

    /// The status of a call that passes on what a provider answers: its own, or that of the answer
    /// where that is a failure (KP-14).
    fn passed_on(&self, status: u16) -> u16 {
        let passed = self.passed.load(Ordering::Relaxed);
        let is_theirs = is_success(status) && passed != 0 && !is_success(passed);
        if is_theirs { passed } else { status }
    }

    /// By which id the log of a project will have what is being answered here; none where it is not
    /// logged there.
    pub(in crate::hub) fn logged_id(hub: &Hub, project: ProjectNumber) -> Option<String> {
        let scope = Self::current().filter(|scope| scope.project() == Some(project))?;
        scope.is_logged(false).then(|| scope.id(hub).to_owned())
    }

    /// Keeps a step back until the call ends, or hands it back where that is not needed.
    fn hold(&self, step: Waiting) -> Option<Waiting> {
        let mut early = lock(&self.early);
        let is_settled = step.entry.account.is_some() && early.rows.is_empty();
        if early.is_over || is_settled {
            return Some(step);
        }
        early.rows.push(step);
        None
    }

    /// The steps that were kept back, for a call that has ended: those of a link that went well are
    /// found by its account (KP-11).
    fn let_go(&self, call: &Entry) -> Vec<Waiting> {
        let mut early = lock(&self.early);
        early.is_over = true;
        let mut rows = std::mem::take(&mut early.rows);
        if call.outcome.is_success() {
            for row in rows.iter_mut().filter(|row| row.entry.account.is_none()) {
                row.entry.account.clone_from(&call.account);
            }
        }
        rows
    }

    fn id(&self, hub: &Hub) -> &str {
        self.request_id
            .get_or_init(|| hub.new_id().map_or_else(|_| "unnamed".to_owned(), |id| id.to_string()))
    }
}

/// How a call ended: one with an error failed, whatever its status says.
fn outcome(kind: Kind, status: u16, method: &str, error: Option<&str>) -> Outcome {
    let outcome = Outcome::new(kind, status, Method::named(method));
    if error.is_some() { outcome.failed() } else { outcome }
}

fn source(caller: &Caller, kind: &str, ip: Option<String>) -> Source {
    let (value, id) = match caller.actor() {
        Actor::Key(key) => (Some(key.name.to_string()), Some(key.id.to_string())),
        Actor::EndUser(session) => (None, Some(session.to_string())),
        Actor::LocalAdministrator | Actor::Hub => (None, None),
    };
    Source { kind: kind.to_owned(), value, id, ip }
}

impl Hub {
    /// Logs a call that was answered, unless nobody is known to have made it.
    pub fn log_call(&self, scope: &Scope, call: &Call<'_>) {
        let Some(who) = scope.who.get() else { return };
        let redactor = Redactor::default();
        let about = lock(&scope.about);
        let path = redactor.path(call.target);
        let base = self.public_url.as_str().trim_end_matches('/');
        let owned = |text: Option<&str>| text.map(|text| redactor.text(text));
        let is_request = call.is_for_provider || scope.has_steps();
        let kind = if is_request { Kind::Request } else { Kind::Platform };
        let account = about.account.clone().or_else(|| {
            // Anything may stand in a path.
            Some(call.account?.parse::<AccountId>().ok()?.to_string())
        });
        let provider = about
            .provider
            .clone()
            .or_else(|| Some(call.provider?.parse::<ConnectorKey>().ok()?.to_string()));
        drop(about);
        let status = match call.action {
            Some(PROXY) => scope.passed_on(call.status),
            _ => call.status,
        };
        let entry = Entry {
            number: 0,
            project: who.project,
            at: call.at.unwrap_or_else(|| self.now()),
            duration_ms: call.duration_ms,
            request_id: scope.id(self).to_owned(),
            outcome: outcome(kind, status, call.method, call.error),
            url: redactor.text(&format!("{base}{}", redactor.path_and_query(call.target))),
            path,
            account,
            provider,
            service: None,
            resource: owned(call.resource),
            child_resource: None,
            sub_resource: None,
            action: owned(call.action),
            source: who.source.clone(),
            category: (!is_request).then(|| owned(call.resource)).flatten(),
            is_worker: scope.is_worker,
            error: owned(call.error),
        };
        let telling = scope.telling_status(call.status);
        for step in scope.let_go(&entry) {
            self.logs.push(step);
        }
        self.logs.push(row(Table::Logs, entry, call.exchange.as_ref(), telling));
    }

    /// Logs a call to a provider, as a step of what is being answered here. Where nothing is, it
    /// is logged as an errand of its own.
    pub fn log_step(&self, project: ProjectNumber, step: &Step<'_>) {
        let scope = Scope::current().filter(|scope| scope.project() == Some(project));
        let is_alone = scope.is_none();
        let scope = scope.unwrap_or_else(|| {
            let scope = Scope { is_worker: true, ..Scope::default() };
            let source = Source { kind: "INTERNAL".to_owned(), ..Source::default() };
            scope.belongs_to(project, source, Rows::All);
            Arc::new(scope)
        });
        scope.steps.fetch_add(1, Ordering::Relaxed);
        scope.last_status.store(step.status.unwrap_or(0), Ordering::Relaxed);
        if step.action == PROXY {
            scope.passed.store(step.status.unwrap_or(0), Ordering::Relaxed);
        }
        scope.concerns(step.account, step.provider);
        if self.logs.keeps_any_bodies() {
            scope.knows(&step.secrets);
        }
        let redactor = Redactor::knowing(step.secrets.iter().copied());
        let status = step.status.unwrap_or(0);
        let at = step.at.unwrap_or_else(|| self.now());
        let url = redactor.url(step.url);
        let path =
            url::Url::parse(&url).map_or_else(|_| String::new(), |url| url.path().to_owned());
        let source = scope.who.get().map(|who| who.source.clone()).unwrap_or_default();
        let entry = Entry {
            number: 0,
            project,
            at,
            duration_ms: step.duration_ms,
            request_id: scope.id(self).to_owned(),
            outcome: outcome(Kind::Request, status, step.method, step.error),
            path: redactor.text(&path),
            url: url.clone(),
            account: step.account.map(ToString::to_string),
            provider: step.provider.map(ToString::to_string),
            service: None,
            resource: Some(step_resource(step.action).to_owned()),
            child_resource: None,
            sub_resource: None,
            action: Some(redactor.text(step.action)),
            source: Source { ip: source.ip, ..Source::default() },
            category: None,
            is_worker: scope.is_worker,
            // Words of a provider are cut after its caller's secrets are out of them.
            error: step.error.and_then(|error| provider_reason::clean(&redactor.text(error))),
        };
        let kept = self.logs.keeps(project, status);
        let exchange = step.seen.as_ref().filter(|_| kept).map(|seen| {
            let body = |headers: &[(&str, &[u8])], body: &[u8], asked| {
                let kind =
                    headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
                let kind = kind.and_then(|(_, value)| std::str::from_utf8(value).ok());
                redactor.body(kind, body, asked)
            };
            Exchange {
                method: redactor.text(step.method),
                url,
                request_headers: redactor.headers(seen.request_headers.iter().copied()),
                request_body: body(&seen.request_headers, seen.request_body, true),
                status: step.status,
                response_headers: redactor.headers(seen.response_headers.iter().copied()),
                response_body: body(&seen.response_headers, seen.response_body, false),
            }
        });
        let error = entry.error.clone();
        let step_row = row(Table::Steps, entry, exchange.as_ref(), status);
        if let Some(settled) = scope.hold(step_row) {
            self.logs.push(settled);
        }
        if is_alone {
            let target = format!("/{}", step.action);
            self.log_call(
                &scope,
                &Call {
                    at: Some(at),
                    duration_ms: step.duration_ms,
                    method: step.method,
                    status,
                    target: &target,
                    resource: Some(step_resource(step.action)),
                    action: Some(step.action),
                    error: error.as_deref(),
                    ..Call::default()
                },
            );
        }
    }

    /// Does work that no request asks for. It is a row of the log where providers were called on
    /// the way. Its status is that of the last one's answer where it failed, or where it passes that
    /// on.
    ///
    /// # Errors
    /// As the work fails.
    pub async fn log_errand<T>(
        &self,
        project: ProjectNumber,
        errand: Errand<'_>,
        work: impl Future<Output = Result<T, HubError>>,
    ) -> Result<T, HubError> {
        let (at, began) = (self.now(), Instant::now());
        let scope = Scope { is_worker: errand.is_worker, ..Scope::default() };
        let source = Source { kind: errand.source.to_owned(), ..Source::default() };
        scope.belongs_to(project, source, Rows::WithSteps);
        scope.concerns(errand.account, errand.provider);
        let scope = Arc::new(scope);
        let done = Arc::clone(&scope).within(work).await;
        if scope.has_steps() {
            let last = scope.last_status.load(Ordering::Relaxed);
            let passed = scope.passed.load(Ordering::Relaxed);
            let status = match &done {
                Ok(_) if errand.action == PROXY && passed != 0 => passed,
                Ok(_) => DONE,
                // What leads elsewhere is no success for who wanted something.
                Err(_) if last != 0 && !(200..300).contains(&last) => last,
                Err(_) => NOT_DONE,
            };
            self.log_call(
                &scope,
                &Call {
                    at: Some(at),
                    duration_ms: i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX),
                    method: "post",
                    status,
                    target: &format!("/{}", errand.action),
                    resource: Some(PROXY).filter(|proxy| errand.action == *proxy),
                    action: Some(errand.action),
                    error: done.as_ref().err().map(|error| error.code().name),
                    ..Call::default()
                },
            );
        }
        done
    }
}

fn row(table: Table, entry: Entry, exchange: Option<&Exchange>, telling: u16) -> Waiting {
    // A map of texts is always writable.
    let exchange = exchange.and_then(|exchange| serde_json::to_string(exchange).ok());
    Waiting { table, entry, exchange, telling }
}
