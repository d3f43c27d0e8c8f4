//! `hubctl doctor`: looks at everything that commands need, and says what is wrong with it.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::api::accounts::Account;
use crate::api::check::Check;
use crate::api::platform::Capabilities;
use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::context::{Context, SystemClock};
use crate::cli::credentials;
use crate::cli::settings::{Place, Remote};
use crate::cli::tree::Run;
use crate::client::Verified;
use crate::domain::account::Status;
use crate::domain::caller::Permission;
use crate::domain::check::CheckState;
use crate::domain::ids::AccountId;
use crate::domain::time::Clock;
use crate::domain::words::counted;
use crate::error::{HubError, Kind, codes};
use crate::hub::accounts::{Ask, Filter};
use crate::hub::auth_configs;

use super::config::explained;
use super::meta::all_of;

/// How far apart two clocks may be: signatures of webhooks allow for five minutes.
const SKEW_LIMIT: Duration = Duration::from_mins(1);
/// How long an end user's address is given to answer.
const GLANCE: Duration = Duration::from_secs(2);

/// Check the configuration, the way to the hub, and what is in it
///
/// Looks and changes nothing. The exit status is that of the first check that failed, or 0.
///
/// `hubctl doctor account ID` checks one account instead: what it stands on, its credentials, how
/// long its tokens last, whether the provider accepts them now, how the latest calls went, and
/// whether webhooks were told. Unlike `hubctl accounts test` it changes no status; a token that has
/// ended is renewed, as by any call.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Doctor {
    /// Check this alone
    #[arg(value_enum, requires = "id")]
    subject: Option<Subject>,

    /// Id of the account
    #[arg(requires = "subject", add = assets::accounts())]
    id: Option<AccountId>,

    /// Do not ask the account's provider
    #[arg(long, requires = "id")]
    offline: bool,

    /// Show every setting and what decides it as well
    #[arg(long, conflicts_with = "subject")]
    settings: bool,
}

/// What can be checked alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// One linked account
    Account,
}

/// A hub that can be asked.
struct There {
    backend: Backend,
    project: String,
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) checks: Vec<Check>,
    pub(super) failure: Option<HubError>,
}

impl Findings {
    fn add(&mut self, check: &'static str, status: CheckState, message: impl Into<String>) {
        self.checks.push(Check::new(check, status, message));
    }

    pub(super) fn ok(&mut self, check: &'static str, message: impl Into<String>) {
        self.add(check, CheckState::Ok, message);
    }

    pub(super) fn warn(
        &mut self,
        check: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.add(check, CheckState::Warning, message);
        if let Some(check) = self.checks.last_mut() {
            check.hint = Some(hint.into());
        }
    }

    pub(super) fn fail(&mut self, check: &'static str, error: HubError) {
        let mut failed = Check::failed(check, &error);
        failed.hint = failed.hint.and_then(|hint| beside_doctor(&hint));
        self.checks.push(failed);
        self.failure.get_or_insert(error);
    }

    pub(super) fn skip(&mut self, check: &'static str, because: &str) {
        self.add(check, CheckState::Skipped, format!("not looked at: {because}"));
    }
}

/// What a hint names beside this command, which leads nowhere from here.
fn beside_doctor(hint: &str) -> Option<String> {
    let rest: Vec<&str> =
        hint.split("; ").filter(|part| !part.starts_with("hubctl doctor")).collect();
    (!rest.is_empty()).then(|| rest.join("; "))
}

impl Run for Doctor {
    const SERVES: bool = true;

    async fn run(self, context: &Context) -> Result<(), HubError> {
        if let Some(id) = &self.id {
            return account(context, id, self.offline).await;
        }
        let mut found = Findings::default();
        configuration(context, &mut found, self.settings);
        let there = match &context.settings.place {
            Place::Local(_) => store(context, &mut found).await,
            Place::Remote(remote) => hub(context, remote, &mut found).await,
            // The same refusal that every command on the hub would meet.
            Place::KeyAlone(_) => match context.backend().await {
                Ok(backend) => Some(There { project: backend.project().to_owned(), backend }),
                Err(error) => {
                    found.fail("place", error);
                    None
                }
            },
        };
        match &there {
            Some(there) => content(there, &mut found).await,
            None => found.skip("content", "there is no way to the hub"),
        }
        show(context, found.checks)?;
        found.failure.map_or(Ok(()), |error| Err(reported(&error)))
    }
}

/// Checks one account. An account that is not there is a check that failed.
async fn account(context: &Context, id: &AccountId, offline: bool) -> Result<(), HubError> {
    let ask = if offline { Ask::Nobody } else { Ask::Provider };
    let backend = context.backend().await?;
    let checks = match backend.check_account(id, ask).await {
        Err(error) if error.code().kind == Kind::NotFound => vec![Check::failed("account", &error)],
        answer => answer?,
    };
    let failed = checks.iter().find(|check| check.status == CheckState::Failed);
    let failure = failed.map(|check| {
        let code = check.code.as_deref().and_then(codes::find).unwrap_or(&codes::INTERNAL);
        HubError::new(code, check.message.clone())
    });
    show(context, checks)?;
    failure.map_or(Ok(()), |error| Err(reported(&error)))
}

fn show(context: &Context, checks: Vec<Check>) -> Result<(), HubError> {
    if context.output.is_human() {
        return context.output.text(&told(&checks));
    }
    all_of(context, checks)
}

/// For people: a line each, whole, with what helps below it.
pub(super) fn told(checks: &[Check]) -> String {
    let mut out = String::new();
    for Check { check, status, message, hint, .. } in checks {
        out.push_str(&format!("{:<8} {check}: {message}\n", status.as_str()));
        if let Some(hint) = hint {
            out.push_str(&format!("         {hint}\n"));
        }
    }
    out
}

/// The exit status of a failure that was told already.
pub(super) fn reported(error: &HubError) -> HubError {
    HubError::new(error.code(), format!("a check failed: {}", error.message()))
}

fn configuration(context: &Context, found: &mut Findings, all: bool) {
    let sources = &context.settings.sources;
    let path = sources.config_path();
    let name = &sources.profile;
    let file = if path.exists() { "" } else { " (there is no such file yet)" };
    found.ok("configuration", format!("profile {name} of {}{file}", path.display()));
    for row in explained(context) {
        if all || row.source.is_some() {
            let value = row.shown("unset");
            let from = row.source.as_deref().unwrap_or("built in");
            found.ok("setting", format!("{} = {value}, from {from}", row.key));
        }
    }
}

/// A store of one's own, its keys, and whether a hub serves it.
async fn store(context: &Context, found: &mut Findings) -> Option<There> {
    let backend = match context.backend().await {
        Ok(backend) => backend,
        Err(error) => {
            found.fail("store", error);
            return None;
        }
    };
    if let Backend::Local(local) = &backend {
        let name = local.store_name();
        match context.settings.local() {
            Ok(place) if place.missing().is_none() => found.ok("store", name),
            Ok(place) if !place.is_named => {
                found.ok("store", format!("{name} (there is no such store yet)"));
            }
            _ => {
                let hint = "is the path the one you mean? the first write makes a store there";
                found.warn("store", format!("there is no store {name} yet"), hint);
            }
        }
        match local.keys_work().await {
            Ok(true) => found.ok("master key", "it opens what the store keeps sealed"),
            Ok(false) => found.ok("master key", "none yet: it is made when it is first needed"),
            Err(error) => found.fail("master key", error),
        }
    }
    let url = backend.public_url().clone();
    match context.client_of(&Remote::glance(&url, GLANCE), &credentials::none_needed()) {
        Ok(client) => match client.answers().await {
            Ok(()) => found.ok("public address", format!("a hub answers at {url}")),
            Err(error) => {
                let text = format!("nothing answers at {url}: {}", error.message());
                let hint = "hubctl serve, or set public_url: end users open links there";
                found.warn("public address", text, hint);
            }
        },
        Err(error) => found.fail("public address", error),
    }
    Some(There { project: backend.project().to_owned(), backend })
}

/// A hub elsewhere: the key, the way, and what both sides think of each other.
async fn hub(context: &Context, remote: &Remote, found: &mut Findings) -> Option<There> {
    let source = credentials::source_name(&remote.key);
    let key = match credentials::find(&context.settings, remote) {
        Ok(key) => key,
        Err(error) => {
            found.fail("API key", error);
            return None;
        }
    };
    match key.trimmed {
        true => {
            let text = format!("the key from {source} was copied with white space around it");
            found.warn("API key", text, "store it again: hubctl auth login");
        }
        false => found.ok("API key", format!("found: {source}")),
    }
    proxies(remote, found);
    let client = match context.client_of(remote, &key.key) {
        Ok(client) => client,
        Err(error) => {
            found.fail("connection", error);
            return None;
        }
    };
    let began = Instant::now();
    let asked_at = SystemClock.now();
    let verified = match client.verify().await {
        Ok(verified) => verified,
        Err(error) => {
            let kind = error.code().kind;
            let is_refused = matches!(kind, Kind::Unauthenticated | Kind::Forbidden);
            found.fail(if is_refused { "API key" } else { "connection" }, error);
            if let Some(failed) = found.checks.last_mut().filter(|_| !is_refused) {
                let origin = "hubctl config explain api_url, which shows what names this address";
                failed.hint.get_or_insert_with(|| origin.to_owned());
            }
            return None;
        }
    };
    let took = began.elapsed();
    let how = if remote.api_url.scheme() == "https" { "over TLS" } else { "without TLS" };
    let text = format!("{} answered {how} in {} ms", remote.api_url, took.as_millis());
    let is_far = !crate::domain::origin::is_loopback(&remote.api_url);
    if remote.api_url.scheme() == "http" && is_far {
        found.warn("connection", text, "use an https:// address: the key can be read on the way");
    } else {
        found.ok("connection", text);
    }
    let project = match verified {
        Verified::Platform => {
            found.ok("hub", "the vendor's platform, or a hub that speaks its API only");
            String::new()
        }
        Verified::Hub(capabilities) => {
            let half = i64::try_from(took.as_millis() / 2).unwrap_or(i64::MAX);
            let skew = capabilities.time.millis_since(asked_at).saturating_sub(half);
            about(&capabilities, skew, found);
            capabilities.project
        }
    };
    Some(There { backend: Backend::remote(client), project })
}

fn proxies(remote: &Remote, found: &mut Findings) {
    let network = &remote.network;
    let is_https = remote.api_url.scheme() == "https";
    let proxy = if is_https { &network.https_proxy } else { &network.http_proxy };
    if proxy.is_some() {
        let text = "the environment names a proxy for this address";
        found.warn("proxy", text, "if it is not wanted for this hub, add its host to NO_PROXY");
    }
    if let Some(file) = &network.ca_file {
        found.ok("certificates", format!("only those of {} are trusted", file.display()));
    }
}

fn about(capabilities: &Capabilities, skew_ms: i64, found: &mut Findings) {
    let Capabilities { server, version, project, scopes, .. } = capabilities;
    let own = env!("CARGO_PKG_VERSION");
    let text = format!("{server} {version}, project {project}");
    match version == own {
        true => found.ok("hub", text),
        false => found.warn("hub", text, format!("this is hubctl {own}; use the same version")),
    }
    let wanted = [Permission::PlatformRead, Permission::PlatformWrite];
    let lacking: Vec<&str> = wanted
        .iter()
        .map(|scope| scope.as_str())
        .filter(|scope| !scopes.iter().any(|found| found == scope))
        .collect();
    match lacking.is_empty() {
        true => found.ok("scopes", scopes.join(" ")),
        false => {
            let text = format!("the key lacks {}", lacking.join(" and "));
            found.warn("scopes", text, "use a key that has it: hubctl keys create NAME --scope S");
        }
    }
    let limit = i64::try_from(SKEW_LIMIT.as_millis()).unwrap_or(i64::MAX);
    let seconds = skew_ms.abs() / 1000;
    match skew_ms.abs() > limit {
        true => {
            let text =
                format!("the hub's clock differs by {}", counted(seconds.unsigned_abs(), "second"));
            found.warn("clock", text, "set both clocks by a time server");
        }
        false => found.ok("clock", format!("the hub's clock differs by {} ms", skew_ms.abs())),
    }
}

/// What a support page would ask about: connectors that end users don't see, fields that are not
/// the expected ones, addresses that are shut out, accounts in trouble.
async fn content(there: &There, found: &mut Findings) {
    let backend = &there.backend;
    if let Err(error) = connectors(backend, found).await {
        found.fail("connectors", error);
    }
    if let Err(error) = accounts(backend, found).await {
        found.fail("accounts", error);
    }
    if let Err(error) = keys(there, found).await
        && !matches!(error.code().kind, Kind::Forbidden | Kind::Unsupported)
    {
        found.fail("API keys", error);
    }
}

async fn connectors(backend: &Backend, found: &mut Findings) -> Result<(), HubError> {
    let mut enabled = 0_u64;
    let (mut hidden, mut several) = (Vec::new(), Vec::<(String, u64)>::new());
    let filter = auth_configs::Filter::default();
    backend
        .auth_configs(&filter, |config| {
            enabled += u64::from(config.active);
            if config.default && !config.active {
                hidden.push(config.connector_key.clone());
            }
            match several.iter_mut().find(|(key, _)| *key == config.connector_key) {
                Some((_, count)) => *count += 1,
                None => several.push((config.connector_key.clone(), 1)),
            }
            Ok(ControlFlow::Continue(()))
        })
        .await?;
    match enabled {
        0 => {
            let text = "no connector is enabled, so end users have nothing to choose from";
            found.warn("connectors", text, "hubctl connectors enable CONNECTOR");
        }
        _ => found.ok("connectors", format!("{} enabled", counted(enabled, "auth config"))),
    }
    if let Some(first) = hidden.first() {
        let text = format!("end users don't see {}: the default is disabled", hidden.join(", "));
        let hint = format!("hubctl connectors enable {first}, or make another config the default");
        found.warn("hidden connectors", text, hint);
    }
    several.retain(|(_, count)| *count > 1);
    if !several.is_empty() {
        let keys: Vec<&str> = several.iter().map(|(key, _)| key.as_str()).collect();
        let text = format!(
            "{} have several auth configs: the default's fields are asked for",
            keys.join(", ")
        );
        found.warn("fields", text, "name another one with --auth-config when you make a session");
    }
    Ok(())
}

async fn accounts(backend: &Backend, found: &mut Findings) -> Result<(), HubError> {
    let filter = Filter { statuses: vec![Status::Error, Status::Expired], ..Filter::default() };
    let (mut troubled, mut first) = (0_u64, None);
    let each = |account: &Account<'_>| {
        troubled += 1;
        first.get_or_insert_with(|| account.id.to_string());
        Ok(ControlFlow::Continue(()))
    };
    backend.accounts(&filter, each).await?;
    match first {
        None => found.ok("accounts", "none has lost its credentials"),
        Some(id) => {
            let text = format!("{} lost their credentials", counted(troubled, "account"));
            found.warn("accounts", text, format!("hubctl accounts explain {id}"));
        }
    }
    Ok(())
}

async fn keys(there: &There, found: &mut Findings) -> Result<(), HubError> {
    let all = there.backend.keys().await?;
    let usable = all.iter().filter(|key| key.status == "active").count() as u64;
    match (usable, all.first()) {
        (0, None) => {
            let text = "the project has none, so nothing can call its API";
            found.warn("API keys", text, "hubctl keys create NAME");
        }
        (0, Some(_)) => {
            let text = "all of the project are disabled or expired";
            found.warn("API keys", text, "hubctl keys list");
        }
        _ => found.ok("API keys", format!("{} active", counted(usable, "key"))),
    }
    let Ok(name) = there.project.parse() else { return Ok(()) };
    let project = there.backend.get_project(&name).await?;
    if !project.ip_allowlist.is_empty() {
        let text = format!("keys work from {} only", project.ip_allowlist.join(", "));
        let hint =
            "a caller that is refused from elsewhere: hubctl projects update NAME --allow-ip";
        found.warn("allowed addresses", text, hint);
    }
    Ok(())
}
