//! Completions and manual pages, made from the command tree; reads no files.

use std::ffi::OsString;

use clap::{Command, ValueEnum};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};

use crate::api::auth_configs::AuthConfig;
use crate::backend::Backend;
use crate::catalog;
use crate::domain::time::Clock;
use crate::error::{HubError, codes};
use crate::hub::accounts;

use super::context::{Context, SystemClock};
use super::globals::Globals;
use super::settings::{Environment, Settings};
use super::tree;

/// The variable through which a shell asks for completions.
const ASKED: &str = "COMPLETE";
/// Ids offered at most: a shell can't show more usefully.
const MOST: usize = 200;

/// A shell with completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash
    Bash,
    /// Zsh
    Zsh,
    /// fish
    Fish,
    /// `PowerShell`
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
            Self::Bash => &Bash,
            Self::Zsh => &Zsh,
            Self::Fish => &Fish,
            Self::Powershell => &Powershell,
            Self::Elvish => &Elvish,
        }
    }
}

/// Answers a shell that asks for completions; tells whether one did.
pub(super) fn complete_if_asked() -> bool {
    #[expect(clippy::disallowed_methods, reason = "the shell's question is asked this way")]
    let asked = std::env::var_os(ASKED).is_some_and(|value| !value.is_empty());
    asked && {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let folder = std::env::current_dir().ok();
        // A shell that can't be answered shows no completions, which is all that can be done.
        clap_complete::CompleteEnv::with_factory(tree::command)
            .var(ASKED)
            .try_complete(arguments, folder.as_deref())
            .unwrap_or(true)
    }
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
        .map_err(|error| {
            HubError::new(&codes::INTERNAL, "the script can't be made").source(error)
        })?;
    String::from_utf8(script)
        .map_err(|error| HubError::new(&codes::INTERNAL, "the script is no text").source(error))
}

/// The tree with every group built.
pub fn whole_tree() -> Command {
    let mut root = tree::command();
    root.build();
    root
}

/// The manual pages: file name and text.
///
/// # Errors
/// When a page can't be written as text.
pub fn man_pages() -> Result<Vec<(String, String)>, HubError> {
    let mut pages = Vec::new();
    collect(&whole_tree(), "hubctl", &mut pages)?;
    Ok(pages)
}

fn collect(
    command: &Command,
    name: &str,
    pages: &mut Vec<(String, String)>,
) -> Result<(), HubError> {
    let failed = |error: std::io::Error| {
        HubError::new(&codes::INTERNAL, "a manual page can't be made").source(error)
    };
    let page = clap_mangen::Man::new(
        command.clone().name(name.to_owned()).bin_name(name.replace('-', " ")),
    )
    .title(name)
    .manual("hubctl")
    .source(concat!("hubctl ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    page.render(&mut text).map_err(failed)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    pages.push((format!("{name}.1"), text));
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help" || name == "hubctl")
    {
        collect(sub, &format!("{name}-{}", sub.get_name()), pages)?;
    }
    Ok(())
}

/// Keys of the catalog's connectors.
pub(super) fn connectors() -> ArgValueCandidates {
    ArgValueCandidates::new(catalog_keys)
}

fn catalog_keys() -> Vec<CompletionCandidate> {
    let keys = catalog::index().iter();
    keys.map(|entry| CompletionCandidate::new(entry.key).help(Some(entry.name.into()))).collect()
}

/// Connector keys, and ids of the project's auth configs.
pub(super) fn targets() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let mut all = catalog_keys();
        all.extend(config_ids());
        all
    })
}

/// Connector keys that are set up, names and ids of auth configs.
pub(super) fn set_up_targets() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let configs = set_up();
        let mut keys: Vec<&str> = configs.iter().map(|c| c.connector_key.as_str()).collect();
        keys.dedup();
        let keys = keys.into_iter().map(CompletionCandidate::new);
        let named = configs.iter().map(|config| {
            CompletionCandidate::new(&config.name).help(Some(config.id.clone().into()))
        });
        keys.chain(named).chain(configs.iter().map(config_candidate)).collect()
    })
}

/// Ids of the project's auth configs.
pub(super) fn auth_configs() -> ArgValueCandidates {
    ArgValueCandidates::new(config_ids)
}

fn config_ids() -> Vec<CompletionCandidate> {
    set_up().iter().map(config_candidate).collect()
}

fn config_candidate(config: &AuthConfig) -> CompletionCandidate {
    CompletionCandidate::new(&config.id).help(Some(config.name.clone().into()))
}

fn set_up() -> Vec<AuthConfig> {
    let mut found = Vec::new();
    _ = with_backend(async |backend| {
        backend
            .auth_configs(&crate::hub::auth_configs::Filter::default(), |config| {
                found.push(config.clone());
                Ok(flow(found.len()))
            })
            .await
    });
    found
}

/// Ids of linked accounts, the newest first.
pub(super) fn accounts() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let mut found = Vec::new();
        let filter = accounts::Filter { descending: true, ..accounts::Filter::default() };
        _ = with_backend(async |backend| {
            backend
                .accounts(&filter, |account| {
                    let help = format!("{} of {}", account.provider, account.origin_owner_name);
                    let candidate = CompletionCandidate::new(account.id.as_ref());
                    found.push(candidate.help(Some(help.into())));
                    Ok(flow(found.len()))
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
        _ = with_backend(async |backend| {
            let all = backend.projects().await?;
            found.extend(all.into_iter().map(|project| CompletionCandidate::new(project.name)));
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

fn flow(found: usize) -> std::ops::ControlFlow<()> {
    if found < MOST {
        std::ops::ControlFlow::Continue(())
    } else {
        std::ops::ControlFlow::Break(())
    }
}

/// Runs a read on the store that the environment names; a completion that fails is silent.
fn with_backend(read: impl AsyncFnOnce(&Backend) -> Result<(), HubError>) -> Result<(), HubError> {
    use clap::FromArgMatches;
    let matches = tree::command()
        .subcommand_required(false)
        .arg_required_else_help(false)
        .try_get_matches_from(["hubctl"])
        .map_err(|error| HubError::new(&codes::USAGE, error.to_string()))?;
    let globals = Globals::from_arg_matches(&matches)
        .map_err(|error| HubError::new(&codes::USAGE, error.to_string()))?;
    let settings = Settings::merge(&globals, &Environment::read(), SystemClock.now())?;
    let context = Context::new(globals, settings)?;
    context.block_on(async { read(&context.backend().await?).await })
}
