//! Completions, made from the command tree and the store; writes no files.

mod bash;
mod targets;
mod words;

use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches, ValueEnum};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{Elvish, EnvCompleter, Fish, Powershell, Shells, Zsh};

use crate::backend::Backend;
use crate::domain::time::Clock;
use crate::error::{HubError, codes};
use crate::hub::{accounts, connect_sessions};

use super::context::{Context, SystemClock};
use super::globals::Globals;
use super::output::{Format, clean_line};
use super::settings::table::{self, Form, SETTINGS};
use super::settings::{Environment, Reading, Settings};
use super::tree;

pub(super) use targets::{
    auth_configs, auth_methods, connectors, oauth_apps, own_connectors, set_up_fields,
    set_up_targets, targets,
};
pub(super) use words::{
    STATUS_IS, account_types, auth_kinds, conditions, helped, log_bodies, log_kinds,
    logged_methods, methods, oauth_app_fields, orders, session_states, statuses,
};

/// The variable through which a shell asks for completions.
const ASKED: &str = "COMPLETE";
/// Ids offered at most: a shell can't show more usefully.
const MOST: usize = 200;
/// Accounts looked at for those: someone waits for the key to answer.
const LOOKED_AT: usize = 20_000;
/// How long a completion waits for a store that others have locked, or that is elsewhere.
const PATIENCE: Duration = Duration::from_millis(100);
/// Flags that say where a command acts.
const WHERE: [&str; 5] = ["--state", "--api-url", "--project", "--profile", "-P"];

/// A shell with completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash
    Bash,
    /// Zsh
    Zsh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
    /// Elvish
    Elvish,
}

impl Shell {
    /// All of them, with the name of the file that their script is kept in.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Bash, "hubctl.bash"),
        (Self::Zsh, "_hubctl"),
        (Self::Fish, "hubctl.fish"),
        (Self::Powershell, "_hubctl.ps1"),
        (Self::Elvish, "hubctl.elv"),
    ];

    fn completer(self) -> &'static dyn EnvCompleter {
        match self {
            Self::Bash => &bash::WholeWords,
            Self::Zsh => &Zsh,
            Self::Fish => &Fish,
            Self::Powershell => &Powershell,
            Self::Elvish => &Elvish,
        }
    }
}

/// Answers a shell that asks for completions; tells whether one did.
pub(super) fn complete_if_asked() -> bool {
    asked_by().is_some() && {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let folder = std::env::current_dir().ok();
        // A shell that can't be answered shows no completions, which is all that can be done.
        clap_complete::CompleteEnv::with_factory(tree::command)
            .var(ASKED)
            .shells(Shells(&Shell::ALL.map(|(shell, _)| shell.completer())))
            .try_complete(arguments, folder.as_deref())
            .unwrap_or(true)
    }
}

/// The name of the shell that asks, where one does. It is kept, since the variable is taken away
/// before a completer runs.
fn asked_by() -> Option<&'static OsStr> {
    static NAME: OnceLock<Option<OsString>> = OnceLock::new();
    NAME.get_or_init(|| handed_over(ASKED)).as_deref()
}

/// What a shell hands over in a variable, where that is not empty.
fn handed_over(name: &str) -> Option<OsString> {
    #[expect(clippy::disallowed_methods, reason = "the shell's question is asked this way")]
    let value = std::env::var_os(name);
    value.filter(|value| !value.is_empty())
}

/// The words of the line that a shell asks about, as far as they are text.
fn line_of_shell() -> impl Iterator<Item = String> {
    std::env::args_os().filter_map(|word| word.into_string().ok())
}

/// The words of that line behind this one.
fn words_behind(word: &str) -> Vec<String> {
    line_of_shell().skip_while(|other| other != word).skip(1).collect()
}

/// A value to offer, with what it is in words that may be anybody's: shells show them as they come.
fn told(value: impl Into<OsString>, help: &str) -> CompletionCandidate {
    CompletionCandidate::new(value).help(Some(clean_line(help).into_owned().into()))
}

/// Whether this is the shell that asks.
fn asking(shell: Shell) -> bool {
    asked_by().and_then(OsStr::to_str).is_some_and(|name| shell.completer().is(name))
}

/// The script that makes a shell ask.
///
/// # Errors
/// When it can't be written as text.
pub fn completion(shell: Shell) -> Result<String, HubError> {
    let mut script = Vec::new();
    shell
        .completer()
        .write_registration(ASKED, "hubctl", "hubctl", "hubctl", &mut script)
        .map_err(HubError::internal("the script can't be made"))?;
    String::from_utf8(script).map_err(HubError::internal("the script is no text"))
}

/// The tree with every group built.
pub fn whole_tree() -> Command {
    let mut root = tree::command();
    root.build();
    root
}

/// Ids of linked accounts that begin with what was typed, the newest first.
pub(super) fn accounts() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let Some(typed) = typed.to_str() else { return Vec::new() };
        let (mut found, mut seen) = (Vec::new(), 0);
        let filter = accounts::Filter { descending: true, ..accounts::Filter::default() };
        _ = with_backend(async |backend| {
            backend
                .accounts(&filter, |account| {
                    seen += 1;
                    if account.id.starts_with(typed) {
                        let help = format!("{} of {}", account.provider, account.origin_owner_name);
                        found.push(told(account.id.as_ref(), &help));
                    }
                    Ok(if seen < LOOKED_AT { flow(found.len()) } else { ControlFlow::Break(()) })
                })
                .await
        });
        found
    })
}

/// Numbers of connect sessions that begin with what was typed, the newest first.
pub(super) fn sessions() -> ArgValueCompleter {
    sessions_that(|_| true)
}

/// The same of those that are not over.
pub(super) fn open_sessions() -> ArgValueCompleter {
    sessions_that(|status| matches!(status, "pending" | "linked"))
}

fn sessions_that(fit: impl Fn(&str) -> bool + Send + Sync + 'static) -> ArgValueCompleter {
    ArgValueCompleter::new(move |typed: &OsStr| {
        let Some(typed) = typed.to_str() else { return Vec::new() };
        let (mut found, mut seen) = (Vec::new(), 0);
        _ = with_backend(async |backend| {
            backend
                .sessions(connect_sessions::Filter::default(), |session| {
                    seen += 1;
                    let id = session.id.to_string();
                    if id.starts_with(typed) && fit(&session.status) {
                        let provider = session.provider.as_deref().unwrap_or("any connector");
                        let (owner, status) = (&session.origin_owner_name, &session.status);
                        found.push(told(id, &format!("{provider} for {owner}, {status}")));
                    }
                    Ok(if seen < LOOKED_AT { flow(found.len()) } else { ControlFlow::Break(()) })
                })
                .await
        });
        found
    })
}

/// Names of the projects.
pub(super) fn projects() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let mut found = Vec::new();
        let read = async |backend: &Backend| {
            let all = backend.projects().await?;
            found.extend(all.into_iter().map(|project| CompletionCandidate::new(project.name)));
            Ok::<_, HubError>(())
        };
        // The project on the line may be the one whose name is typed.
        _ = globals_of(chosen(std::env::args_os()))
            .and_then(|globals| with_backend_of(Globals { project: None, ..globals }, read));
        found
    })
}

/// Names of the profiles.
pub(super) fn profiles() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let read = || {
            let env = Environment::read();
            let globals = globals_of([OsString::from("hubctl")])?;
            let settings = Settings::merge(&globals, env, SystemClock.now(), Reading::Lenient)?;
            Ok::<_, HubError>(settings.sources.config)
        };
        let config = read().unwrap_or_default();
        config.profiles.into_keys().map(CompletionCandidate::new).collect()
    })
}

/// Names of settings that a profile may have.
pub(super) fn settings() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let known = SETTINGS.iter().filter(|setting| setting.in_profile);
        known.map(|setting| told(setting.key, setting.meaning)).collect()
    })
}

/// Values of the setting that stands on the line behind `set`, where it has only these.
pub(super) fn setting_values() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let setting = words_behind("set").iter().find_map(|word| table::in_profile(word));
        let values = match setting.map(|setting| setting.form) {
            Some(Form::Switch) => vec!["true", "false"],
            Some(Form::Word(words)) => words.to_vec(),
            Some(Form::Output) => Format::ALL.map(Format::name).to_vec(),
            _ => Vec::new(),
        };
        values.into_iter().map(CompletionCandidate::new).collect()
    })
}

/// Names of the project's API keys.
pub(super) fn keys() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let mut found = Vec::new();
        _ = with_backend(async |backend| {
            let all = backend.keys().await?;
            found.extend(all.iter().map(|key| told(&key.name, &key.status)));
            Ok(())
        });
        found
    })
}

/// Ids of the project's webhooks.
pub(super) fn webhooks() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let mut found = Vec::new();
        _ = with_backend(async |backend| {
            let all = backend.webhooks().await?;
            found.extend(all.iter().map(|one| told(&one.id, &one.url)));
            Ok(())
        });
        found
    })
}

/// Codes of errors.
pub(super) fn error_codes() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        codes::ALL.iter().map(|code| CompletionCandidate::new(code.name)).collect()
    })
}

/// Names of types of answers.
pub(super) fn types() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let all = super::schemas::all();
        all.map(|row| told(row.name, row.about)).collect()
    })
}

fn flow(found: usize) -> ControlFlow<()> {
    if found < MOST { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// Runs a read on the store that the command line and the environment name; a completion that
/// fails is silent, and one that would take long is none.
fn with_backend(read: impl AsyncFnOnce(&Backend) -> Result<(), HubError>) -> Result<(), HubError> {
    with_backend_of(globals_of(chosen(std::env::args_os()))?, read)
}

fn with_backend_of(
    globals: Globals,
    read: impl AsyncFnOnce(&Backend) -> Result<(), HubError>,
) -> Result<(), HubError> {
    let settings =
        Settings::merge(&globals, Environment::read(), SystemClock.now(), Reading::Whole)?;
    let context = Context::new(globals, settings)?;
    context.block_on(false, false, async {
        let reading = async { read(&context.glance(PATIENCE).await?).await };
        // Only a database elsewhere can keep the runtime waiting, and only then are there timers.
        if context.is_in_a_file() {
            return reading.await;
        }
        let limited = tokio::time::timeout(PATIENCE, reading).await;
        limited.unwrap_or_else(|_| Err(HubError::new(&codes::INTERNAL, "too slow to complete")))
    })
}

fn globals_of(line: impl IntoIterator<Item = OsString>) -> Result<Globals, HubError> {
    let usage = |error: clap::Error| HubError::new(&codes::USAGE, error.to_string());
    let parser = Globals::augment_args(Command::new("hubctl"));
    let matches = parser.try_get_matches_from(line).map_err(usage)?;
    Globals::from_arg_matches(&matches).map_err(usage)
}

/// The flags on the line so far that say where a command acts, as a command line of their own.
/// The line comes after `--`, and need not make sense yet.
fn chosen(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut line = arguments.into_iter().skip_while(|argument| argument != "--").skip(1);
    let mut chosen: Vec<OsString> = line.next().into_iter().collect();
    let mut line = line.peekable();
    while let Some(word) = line.next() {
        let Some(text) = word.to_str() else { continue };
        let is_whole = |flag: &&str| {
            text.strip_prefix(*flag).is_some_and(|rest| rest.starts_with('=') && rest.len() > 1)
        };
        if WHERE.contains(&text) {
            // Bash takes `--state=x` for three words.
            _ = line.next_if(|next| next == "=");
            if let Some(value) = line.next() {
                chosen.extend([word, value]);
            }
        } else if WHERE.iter().any(is_whole) {
            chosen.push(word);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn flags_that_say_where_are_found_on_an_unfinished_line() {
        let line = "hubctl -- hubctl --state /x accounts --project = p get --json -P q --profile";
        assert_eq!(
            chosen(line.split(' ').map(Into::into)),
            ["hubctl", "--state", "/x", "--project", "p", "-P", "q"]
        );
        let line = "hubctl -- hubctl --state=/x accounts get 01";
        assert_eq!(chosen(line.split(' ').map(Into::into)), ["hubctl", "--state=/x"]);
    }
}
