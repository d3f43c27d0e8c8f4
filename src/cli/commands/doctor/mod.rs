//! `hubctl doctor`: looks at everything that commands need, and says what is wrong with it.

use clap::ValueEnum;

use crate::api::check::Check;
use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::context::Context;
use crate::cli::settings::Place;
use crate::cli::tree::Run;
use crate::client::is_untrusted;
use crate::domain::check::CheckState;
use crate::domain::ids::AccountId;
use crate::domain::words::counted;
use crate::error::{Code, HubError, Kind, codes};
use crate::hub::accounts::Ask;

use super::config::explained;
use super::meta::all_of;

mod content;
mod local;
mod way;

/// Why what is in the hub was not looked at.
const NO_WAY: &str = "there is no way to the hub";

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
        if is_of_the_way(&error) {
            failed.message.push_str(ON_THE_WAY);
        }
        if let Some(hint) = instead(&error) {
            failed.hint = Some(hint.to_owned());
        }
        self.checks.push(failed);
        self.failure.get_or_insert(error);
    }

    pub(super) fn skip(&mut self, check: &'static str, because: &str) {
        self.add(check, CheckState::Skipped, format!("not looked at: {because}"));
    }
}

/// What may be wrong with the way to a hub, beside the address.
const ON_THE_WAY: &str = "; a firewall on the way has to let it through, and --cacert FILE names \
                          another authority to trust";

/// Whether the way to the hub failed, or what answers there is none: not where only its certificate
/// is not trusted, nor where the hub itself fails.
fn is_of_the_way(error: &HubError) -> bool {
    let known = [&codes::REMOTE_UNREACHABLE, &codes::REMOTE_BAD_ANSWER];
    known.iter().any(|known| known.name == error.code().name) && !is_untrusted(error)
}

/// What helps against errors whose own hint leads to this command, or who have none.
fn instead(error: &HubError) -> Option<&'static str> {
    // It shows what names this address.
    let address = "hubctl config explain api_url";
    if is_of_the_way(error) {
        return Some(address);
    }
    let is = |known: &&Code| known.name == error.code().name;
    let key = "it is wrong, has expired or was disabled: hubctl auth login stores another one";
    let hints = [
        (&codes::REMOTE_FAILED, address),
        (&codes::KEY_INVALID, key),
        (&codes::REMOTE_KEY_REFUSED, key),
        (&codes::REMOTE_FORBIDDEN, "use a key with more scopes: hubctl auth login"),
        (&codes::REMOTE_UNSUPPORTED, "a newer hubctl there may offer it"),
    ];
    hints.iter().find(|(code, _)| is(code)).map(|(_, hint)| *hint)
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
            Place::Local(local) => local::store(context, local, &mut found).await.ok_or(NO_WAY),
            Place::Remote(remote) => way::hub(context, remote, &mut found).await,
            // The same refusal that every command on the hub would meet.
            Place::KeyAlone(_) | Place::Nowhere(_) => match context.backend().await {
                Ok(backend) => Ok(There { project: backend.project().to_owned(), backend }),
                Err(error) => {
                    found.fail("place", error);
                    Err(NO_WAY)
                }
            },
        };
        match &there {
            Ok(there) => content::content(there, &mut found).await,
            Err(why) => found.skip("content", why),
        }
        let ended = ended(&found.checks, found.failure.as_ref());
        show(context, found.checks)?;
        ended
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
    let ended = ended(&checks, failure.as_ref());
    show(context, checks)?;
    ended
}

fn show(context: &Context, checks: Vec<Check>) -> Result<(), HubError> {
    if context.output.is_human() {
        return context.output.text(&context.output.timed(&told(&checks)));
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

/// The exit status of the first check that failed. Each was told already, so they are counted.
pub(super) fn ended(checks: &[Check], first: Option<&HubError>) -> Result<(), HubError> {
    let Some(first) = first else { return Ok(()) };
    let failed = checks.iter().filter(|check| check.status == CheckState::Failed).count();
    Err(HubError::new(first.code(), format!("{} failed", counted(failed, "check"))))
}

fn configuration(context: &Context, found: &mut Findings, all: bool) {
    let sources = &context.settings.sources;
    let name = &sources.profile;
    let text = match sources.folders() {
        Ok(_) => {
            let path = sources.config_path();
            let file = if path.exists() { "" } else { " (there is no such file yet)" };
            format!("profile {name} of {}{file}", path.display())
        }
        Err(none) => format!("profile {name}: {none}"),
    };
    found.ok("configuration", text);
    for row in explained(context) {
        if all || row.source.is_some() {
            let value = row.shown("unset");
            let from = row.source.as_deref().unwrap_or("built in");
            found.ok("setting", format!("{} = {value}, from {from}", row.key));
        }
    }
}
