//! `hubctl auth`: the API key of a profile.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::ValueEnum;
use zeroize::Zeroizing;

use crate::cli::context::Context;
use crate::cli::credentials::{self, Given, Keeper};
use crate::cli::input::Targets;
use crate::cli::output::WriteResult;
use crate::cli::prompt;
use crate::cli::settings::config::Values;
use crate::cli::settings::edit::edit;
use crate::cli::settings::table::{self, Setting};
use crate::cli::settings::{KeySource, Origin, Place, Remote};
use crate::cli::tree::Run;
use crate::domain::origin::{is_loopback, web_address};
use crate::domain::project::DEFAULT_PROJECT;
use crate::error::{HubError, codes};
use crate::hub::private_file::read_handed;

use super::{Batch, nothing_to_do};

mod asking;
mod status;

use asking::project_of;

pub(in crate::cli) use status::{Status, StatusRow};

/// Longest input that is read for a key, in bytes.
const INPUT_LIMIT: u32 = 16_384;

/// Where a key is to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Store {
    /// Where the profile keeps it already, otherwise in the keyring
    Auto,
    /// The system keyring
    Keyring,
    /// A file of the profile, open to nobody else
    File,
    /// Nowhere: the key is only checked
    None,
}

/// Keep an API key for the profile in use
///
/// The key is typed unseen, or read from a file or standard input. It is kept in the system
/// keyring, or in a file if --store asks for that, and is sent to the hub and for the project that
/// it was given for only; where no project is named, that is the one that the hub says the key is
/// of. A profile that is not there is made. Undo with `hubctl auth logout`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Login {
    /// Read the key from standard input
    #[arg(long, conflicts_with = "key_file")]
    key_stdin: bool,

    /// Read the key from a file that is open to nobody else
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    key_file: Option<PathBuf>,

    /// Where to keep the key
    #[arg(long, value_name = "PLACE", default_value = "auto")]
    store: Store,

    /// Don't ask the hub whether the key works
    #[arg(long)]
    no_verify: bool,
}

impl Run for Login {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check_writes(false)?;
        let settings = &context.settings;
        let profile = &settings.sources.profile;
        let remote = remote(context)?;
        credentials::check_name(profile)?;
        let nothing = Values::new();
        let said = settings.sources.values().unwrap_or(&nothing);
        // What the profile is not for is refused before the key is asked for.
        news(profile, said, remote, settings.project.as_str())?;
        if remote.api_url.scheme() == "http" && !is_loopback(&remote.api_url) {
            let url = &remote.api_url;
            context.output.warn(format_args!("{url} is not encrypted: others can read the key"));
        }
        let given = self.key(context, remote)?;
        if given.trimmed {
            context.output.note("white space around the key was taken away");
        }
        let told = match self.no_verify {
            true => None,
            false => project_of(context, remote, &given.key, profile).await?,
        };
        let is_unknown = told.is_none() && settings.named_project().is_none();
        // Where nobody named a project, it is the key's own.
        let binding = settings.binding(remote, told.as_ref().unwrap_or(&settings.project));
        let news = news(profile, said, remote, binding.project.as_str())?;
        let before = Keeper::named(said.get("key").map(String::as_str));
        let keeper = match self.store {
            Store::Auto => Some(before.unwrap_or(Keeper::Keyring)),
            Store::Keyring => Some(Keeper::Keyring),
            Store::File => Some(Keeper::File),
            Store::None => None,
        };
        let dry_run = context.globals.dry_run;
        if !dry_run {
            if let Some(keeper) = keeper {
                credentials::keep(settings, profile, keeper, &given.key, &binding)?;
            }
            if let Some(old) = before.filter(|old| Some(*old) != keeper)
                && let Err(error) = credentials::forget(settings, profile, old)
            {
                let place = old.word();
                context.output.warn(format_args!("the old key stays in the {place}: {error}"));
            }
        }
        edit(&settings.sources.config_path(), dry_run, |editor| {
            for (setting, value) in &news {
                editor.set(profile, setting, value)?;
            }
            let word = keeper.map_or("none", Keeper::word);
            match table::in_profile("key").filter(|_| said.get("key").is_none_or(|k| k != word)) {
                Some(setting) => editor.set(profile, setting, word),
                None => Ok(()),
            }
        })?;
        let mut result = WriteResult::new("login", format!("profile/{profile}"), true);
        result.dry_run = dry_run;
        result.human = sentence(profile, remote, keeper, dry_run);
        context.output.writes(&[result])?;
        if is_unknown && keeper.is_some() && !dry_run {
            let project = &binding.project;
            context.output.note(format_args!(
                "nobody said whose the key is: it is kept for project `{project}`; with --project \
                 NAME it is kept for another one"
            ));
        }
        let becomes_remote = news.iter().any(|(setting, _)| setting.key == "api_url");
        if becomes_remote && !dry_run {
            let url = &remote.api_url;
            context.output.note(format_args!(
                "commands with profile `{profile}` act on {url} from now on; a local store is \
                 reached with --state PATH"
            ));
        }
        if let KeySource::Environment(_) | KeySource::File(_) = remote.key {
            let name = credentials::source_name(&remote.key);
            context.output.warn(format_args!("{name} is set, and is used instead of the key kept"));
        }
        Ok(())
    }
}

fn sentence(profile: &str, remote: &Remote, keeper: Option<Keeper>, dry_run: bool) -> String {
    let url = &remote.api_url;
    let place = match keeper {
        Some(Keeper::Keyring) => "the key is in the system keyring",
        Some(Keeper::File) => "the key is in a file beside the configuration",
        None => "the key is kept nowhere",
    };
    match (dry_run, keeper) {
        (true, _) => format!("Would keep a key for {url} in profile {profile}."),
        (false, Some(_)) => format!("Logged in to {url} with profile {profile}; {place}."),
        (false, None) => format!("Profile {profile} acts on {url}; {place}."),
    }
}

fn remote(context: &Context) -> Result<&Remote, HubError> {
    match &context.settings.place {
        Place::Remote(remote) => Ok(remote),
        Place::Local(_) | Place::KeyAlone(_) => Err(no_hub(context)),
        Place::Nowhere(why) => Err(why.refusal()),
    }
}

/// Why there is no hub to log in to: the profile has none, or what names a store is stronger.
fn no_hub(context: &Context) -> HubError {
    let sources = &context.settings.sources;
    let (name, said) = (&sources.profile, sources.values());
    let own = said.and_then(|values| values.get("api_url")).map(String::as_str);
    let login = format!("hubctl auth login -P {name}");
    let state = table::in_profile("state")
        .and_then(|state| sources.pick_os(&context.globals, state))
        .map(|picked| picked.origin);
    let (text, hint) = match state {
        Some(origin @ (Origin::Flag(what) | Origin::Environment(what))) => {
            let text = format!(
                "{what} names a local store, which needs no API key, and is stronger than profile \
                 `{name}`"
            );
            let hint = match (origin, own) {
                (Origin::Flag(_), Some(_)) => login,
                (_, Some(_)) => format!("unset {what}; {login}"),
                (_, None) => format!("{login} --api-url https://api.stackone.com"),
            };
            (text, hint)
        }
        _ => (
            format!("profile `{name}` acts on a local store, which needs no API key"),
            format!("{login} --api-url {}", own.unwrap_or("https://api.stackone.com")),
        ),
    };
    HubError::new(&codes::USAGE, text).hint(hint)
}

/// What the profile has to be told of: address and project, as far as it does not have them.
fn news(
    profile: &str,
    said: &Values,
    remote: &Remote,
    project: &str,
) -> Result<Vec<(&'static Setting, String)>, HubError> {
    let other = |what: &str| {
        let text = format!("profile `{profile}` is for {what}");
        Err(HubError::new(&codes::PROFILE_EXISTS, text).hint(format!(
            "make another one: hubctl auth login -P NAME --api-url {}",
            remote.api_url
        )))
    };
    let mut news = Vec::new();
    let mut add = |key, value: String| {
        news.extend(table::in_profile(key).map(|setting| (setting, value)));
    };
    if said.contains_key("state") {
        return other("a local store");
    }
    match said.get("api_url") {
        Some(url) if web_address(url).ok().as_ref() != Some(&remote.api_url) => return other(url),
        Some(_) => {}
        None => add("api_url", remote.api_url.to_string()),
    }
    match said.get("project") {
        Some(own) if own != project => return other(&format!("project `{own}`")),
        None if project != DEFAULT_PROJECT => add("project", project.to_owned()),
        _ => {}
    }
    Ok(news)
}

impl Login {
    fn key(&self, context: &Context, remote: &Remote) -> Result<Given, HubError> {
        if let Some(path) = &self.key_file {
            let shown = path.display().to_string();
            let content = read_handed(path, INPUT_LIMIT, &codes::INPUT_UNREADABLE)?;
            let content = content.ok_or_else(|| {
                HubError::new(&codes::INPUT_UNREADABLE, format!("there is no file {shown}"))
            })?;
            return credentials::parse(text_of(&content, &shown)?, &shown);
        }
        if self.key_stdin {
            return from_stdin();
        }
        let typed = context.ask.password(&format!("API key for {}", remote.api_url), || {
            prompt::input_needed(
                "the API key is missing",
                "hubctl auth login --key-stdin < FILE, or --key-file PATH",
            )
        });
        credentials::parse(&Zeroizing::new(typed?), "the terminal")
    }
}

fn from_stdin() -> Result<Given, HubError> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let text = "--key-stdin reads standard input, and that is the terminal";
        return Err(HubError::new(&codes::INPUT_NEEDED, text).hint("leave --key-stdin out"));
    }
    // The buffer never grows: a move would leave a copy of the key behind.
    let mut content = Zeroizing::new(Vec::with_capacity(INPUT_LIMIT as usize + 1));
    let read = stdin.lock().take(u64::from(INPUT_LIMIT) + 1).read_to_end(&mut content);
    read.map_err(|error| {
        HubError::new(&codes::INPUT_UNREADABLE, "standard input can't be read").source(error)
    })?;
    credentials::parse(text_of(&content, "standard input")?, "standard input")
}

fn text_of<'c>(content: &'c [u8], from: &str) -> Result<&'c str, HubError> {
    std::str::from_utf8(content)
        .map_err(|_| HubError::new(&codes::INPUT_UNREADABLE, format!("{from} is not valid UTF-8")))
}

/// Forget the API key kept for the profile in use
///
/// The key itself goes on working: delete it on the hub if nothing else uses it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Logout {
    /// Forget the keys of all profiles
    #[arg(long)]
    all: bool,
}

impl Run for Logout {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let sources = &context.settings.sources;
        let file = sources.read_config()?;
        let names: Vec<String> = if self.all {
            let has_key = |(name, values): (&String, &Values)| {
                Keeper::named(values.get("key").map(String::as_str)).map(|_| name.clone())
            };
            file.profiles.iter().filter_map(has_key).collect()
        } else {
            vec![sources.profile.clone()]
        };
        if names.is_empty() {
            return nothing_to_do(context, "no profile keeps a key");
        }
        let targets = if self.all { Targets::listed(names) } else { Targets::from(names) };
        let mut batch = Batch::new(context, "profile", "logout", &targets, "hubctl auth logout")?;
        for name in targets.iter() {
            let outcome = match file.profiles.get(name) {
                Some(values) => logout(context, name, values).map(|result| vec![result]),
                None => Err(file.unknown(name, &sources.config_path())),
            };
            if batch.add(name, outcome).is_break() {
                break;
            }
        }
        batch.finish_without_notes()
    }
}

fn logout(context: &Context, name: &str, values: &Values) -> Result<WriteResult, HubError> {
    let (settings, dry_run) = (&context.settings, context.globals.dry_run);
    let keeper = Keeper::named(values.get("key").map(String::as_str));
    if let Some(keeper) = keeper {
        if !dry_run {
            credentials::forget(settings, name, keeper)?;
        }
        edit(&settings.sources.config_path(), dry_run, |editor| {
            if let Some(setting) = table::in_profile("key") {
                editor.unset(name, setting);
            }
            Ok(())
        })?;
    }
    let mut result = WriteResult::new("logout", format!("profile/{name}"), keeper.is_some());
    result.dry_run = dry_run;
    result.human = match (keeper, dry_run) {
        (None, _) => format!("No key is kept for profile {name}."),
        (Some(_), true) => format!("Would forget the key of profile {name}."),
        (Some(_), false) => format!("Forgot the key of profile {name}."),
    };
    Ok(result)
}
