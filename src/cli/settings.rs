//! Merges flags, environment and profile into plain values; opens no store and no keyring.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::Url;

use crate::domain::project::{DEFAULT_PROJECT, ProjectName};
use crate::domain::time::Timestamp;
use crate::env;
use crate::error::{HubError, codes};
use crate::hub::keyring::KeyringAccess;
use crate::hub::keysource::KeySources;
use crate::hub::private_file;
use crate::server::Notify;

use super::globals::{ColorChoice, Globals};
use super::output::{Format, OutputOptions};

/// Longest configuration file, in bytes.
const CONFIG_LIMIT: u32 = 1 << 20;
/// Where end users reach a hub of one's own, unless the profile says otherwise.
const PUBLIC_URL: &str = "http://127.0.0.1:4780";

/// The environment of this process, read once.
#[derive(Debug, Default)]
pub(super) struct Environment(BTreeMap<&'static str, OsString>);

impl Environment {
    /// Reads the variables that hubctl knows.
    pub(super) fn read() -> Self {
        let read = |variable: &env::Variable| {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads them")]
            let value = std::env::var_os(variable.name)?;
            (!value.is_empty()).then_some((variable.name, value))
        };
        Self(env::ALL.iter().filter_map(read).collect())
    }

    fn os(&self, name: &str) -> Option<&OsString> {
        self.0.get(name)
    }

    fn text(&self, name: &str) -> Result<Option<&str>, HubError> {
        let Some(value) = self.os(name) else { return Ok(None) };
        let text = value.to_str();
        text.map(Some).ok_or_else(|| {
            HubError::new(&codes::BAD_VALUE, format!("the value of {name} is not valid UTF-8"))
        })
    }

    fn is_set(&self, name: &str) -> bool {
        self.os(name).is_some()
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.os(name).is_some_and(|found| found == value)
    }

    /// Whether errors are JSON even where the output is not.
    pub(super) fn wants_json_errors(&self) -> bool {
        self.is(env::ERROR_FORMAT, "json")
    }

    /// Whether the output format of the environment is one for machines.
    pub(super) fn wants_machine_output(&self) -> bool {
        self.os(env::OUTPUT)
            .and_then(|text| text.to_str()?.parse::<Format>().ok())
            .is_some_and(Format::is_machine)
    }

    /// Whether a stream may have colours.
    pub(super) fn color(&self, choice: ColorChoice, is_terminal: bool) -> bool {
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if self.is_set(env::NO_COLOR) => false,
            ColorChoice::Auto if self.is_set(env::CLICOLOR_FORCE) => {
                !self.is(env::CLICOLOR_FORCE, "0")
            }
            ColorChoice::Auto => {
                is_terminal && !self.is(env::CLICOLOR, "0") && !self.is(env::TERM, "dumb")
            }
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ConfigFile {
    profile: Option<String>,
    profiles: BTreeMap<String, Profile>,
}

/// A saved place to act.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Profile {
    state: Option<String>,
    project: Option<String>,
    public_url: Option<String>,
    output: Option<String>,
    origin_owner_id: Option<String>,
    origin_owner_name: Option<String>,
    session: SessionDefaults,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SessionDefaults {
    require_owner: bool,
}

/// Where the state is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// An SQLite file.
    File(PathBuf),
    /// A PostgreSQL database.
    Postgres(String),
}

/// Everything that decides how a command acts.
#[derive(Debug)]
pub(super) struct Settings {
    /// The store.
    pub state: State,
    /// Where the master key may be.
    pub keys: KeySources,
    /// The project.
    pub project: ProjectName,
    /// Where end users reach the hub.
    pub public_url: Url,
    /// Origin owner of the environment or profile.
    pub owner_id: Option<String>,
    /// Name of that owner.
    pub owner_name: Option<String>,
    /// Refuse to make up an owner.
    pub require_owner: bool,
    /// How to write answers.
    pub output: OutputOptions,
    /// Whether questions may be asked.
    pub may_ask: bool,
    /// Errors as JSON.
    pub json_errors: bool,
    /// Whom a server tells how it is.
    pub notify: Notify,
}

impl Settings {
    /// Merges everything: flag over environment over profile over built-in.
    ///
    /// # Errors
    /// Values of the wrong form, an unreadable configuration file, an unknown profile.
    pub(super) fn merge(
        globals: &Globals,
        env: &Environment,
        now: Timestamp,
    ) -> Result<Self, HubError> {
        let folders = Folders::of(env)?;
        let profile = profile(globals, env, &folders)?;
        let state = state(globals, env, &profile, &folders);
        let keys = keys(env, &state, &folders);
        let project =
            first(globals.project.as_deref(), env.text(env::PROJECT)?, profile.project.as_deref());
        let project = project.unwrap_or(DEFAULT_PROJECT);
        let project = project.parse().map_err(bad_value)?;
        let public_url = profile.public_url.as_deref().unwrap_or(PUBLIC_URL);
        let output = output(globals, env, &profile, now)?;
        let machine = output.jq.is_some() || output.format.is_some_and(Format::is_machine);
        let terminals = std::io::stdin().is_terminal() && output.stderr_is_terminal;
        let silent = globals.no_input || env.is_set(env::NO_INPUT) || env.is_set(env::CI);
        Ok(Self {
            state,
            keys,
            project,
            public_url: public_url_of(public_url)?,
            owner_id: first(
                None,
                env.text(env::ORIGIN_OWNER_ID)?,
                profile.origin_owner_id.as_deref(),
            )
            .map(str::to_owned),
            owner_name: first(
                None,
                env.text(env::ORIGIN_OWNER_NAME)?,
                profile.origin_owner_name.as_deref(),
            )
            .map(str::to_owned),
            require_owner: profile.session.require_owner,
            may_ask: terminals && !silent && !machine,
            json_errors: machine || env.wants_json_errors(),
            output,
            notify: notify(env),
        })
    }
}

fn first<'a>(
    flag: Option<&'a str>,
    env: Option<&'a str>,
    profile: Option<&'a str>,
) -> Option<&'a str> {
    flag.or(env).or(profile)
}

fn bad_value(error: impl std::fmt::Display) -> HubError {
    HubError::new(&codes::BAD_VALUE, error.to_string())
}

/// Whom a server tells how it is, as systemd names it.
fn notify(env: &Environment) -> Notify {
    let number = |name| env.os(name).and_then(|text| text.to_str()?.parse::<u64>().ok());
    let is_ours = number(env::WATCHDOG_PID).is_none_or(|pid| pid == u64::from(std::process::id()));
    let every = number(env::WATCHDOG_USEC).filter(|micros| is_ours && *micros > 1);
    Notify {
        socket: env.os(env::NOTIFY_SOCKET).cloned(),
        watchdog: every.map(|micros| Duration::from_micros(micros / 2)),
    }
}

/// Reads the address where end users reach the hub.
///
/// # Errors
/// `config.invalid`
pub(super) fn public_url_of(text: &str) -> Result<Url, HubError> {
    let bad = |why: &str| {
        HubError::new(&codes::CONFIG_INVALID, format!("public_url `{text}` {why}"))
            .hint("write it as https://hub.example.com")
    };
    let url: Url = text.parse().map_err(|_| bad("is not a URL"))?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    match url.scheme() {
        "http" | "https" if plain && url.host().is_some() => Ok(url),
        "http" | "https" => Err(bad("may have host, port and path only")),
        _ => Err(bad("must begin with http:// or https://")),
    }
}

struct Folders {
    config: PathBuf,
    data: PathBuf,
}

impl Folders {
    fn of(env: &Environment) -> Result<Self, HubError> {
        if let Some(folder) = env.os(env::CONFIG_DIR) {
            let folder = PathBuf::from(folder);
            return Ok(Self { config: folder.clone(), data: folder });
        }
        let Some(folders) = directories::ProjectDirs::from("", "", "hubctl") else {
            let text = "there is no home folder to keep files in";
            return Err(HubError::new(&codes::CONFIG_INVALID, text)
                .hint(format!("set {} to a folder", env::CONFIG_DIR)));
        };
        let (config, data) = (folders.config_dir().to_owned(), folders.data_dir().to_owned());
        Ok(Self { config, data })
    }
}

fn profile(globals: &Globals, env: &Environment, folders: &Folders) -> Result<Profile, HubError> {
    let path = folders.config.join("config.toml");
    let file = config_file(&path)?;
    let named = first(globals.profile.as_deref(), env.text(env::PROFILE)?, file.profile.as_deref());
    let Some(name) = named else {
        let default = file.profiles.get("default").cloned().unwrap_or_default();
        return well_formed(default, "default", &path);
    };
    let found = file.profiles.get(name).cloned().ok_or_else(|| {
        let known: Vec<&str> = file.profiles.keys().map(String::as_str).collect();
        let text = format!("no profile `{name}` in {}", path.display());
        let error = HubError::new(&codes::PROFILE_UNKNOWN, text);
        if known.is_empty() {
            error.hint("leave --profile out to use the local store")
        } else {
            error.hint(format!("known profiles: {}", known.join(", ")))
        }
    })?;
    well_formed(found, name, &path)
}

/// A value of the wrong form is told with the place where it stands.
fn well_formed(profile: Profile, name: &str, path: &Path) -> Result<Profile, HubError> {
    let bad = |what: &str, error: String| {
        let text = format!("{} profile `{name}`, {what}: {error}", path.display());
        HubError::new(&codes::CONFIG_INVALID, text)
    };
    if let Some(Err(error)) = profile.project.as_deref().map(str::parse::<ProjectName>) {
        return Err(bad("project", error.to_string()));
    }
    if let Some(Err(error)) = profile.output.as_deref().map(str::parse::<Format>) {
        return Err(bad("output", error.to_string()));
    }
    Ok(profile)
}

fn config_file(path: &Path) -> Result<ConfigFile, HubError> {
    // A look at the folder entry is all that most commands need. A link that leads nowhere is
    // something, and refused below as every link is.
    let absent = [std::io::ErrorKind::NotFound, std::io::ErrorKind::NotADirectory];
    if path.symlink_metadata().is_err_and(|error| absent.contains(&error.kind())) {
        return Ok(ConfigFile::default());
    }
    let invalid = |text: String| HubError::new(&codes::CONFIG_INVALID, text);
    let bytes = private_file::read_private(path, CONFIG_LIMIT, &codes::CONFIG_INVALID)?;
    let bytes = bytes.unwrap_or_default();
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| invalid(format!("{} is not valid UTF-8", path.display())))?;
    toml::from_str(text).map_err(|error| {
        let message = error.message().to_owned();
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        invalid(format!("{} line {line}: {message}", path.display()))
    })
}

fn state(globals: &Globals, env: &Environment, profile: &Profile, folders: &Folders) -> State {
    if let Some(flag) = &globals.state {
        return state_of(flag);
    }
    if let Some(value) = env.os(env::STATE) {
        // A path need not be UTF-8; a URL is.
        return value.to_str().map_or_else(|| State::File(value.into()), state_of);
    }
    match &profile.state {
        Some(text) => state_of(text),
        None => State::File(folders.data.join("hubctl.db")),
    }
}

fn state_of(text: &str) -> State {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        State::Postgres(text.to_owned())
    } else {
        State::File(text.into())
    }
}

fn keys(env: &Environment, state: &State, folders: &Folders) -> KeySources {
    let beside = match state {
        State::File(path) => path.with_extension("key"),
        State::Postgres(url) => {
            let digest = Sha256::digest(without_password(url));
            let name: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
            folders.data.join(format!("postgres-{name}.key"))
        }
    };
    let keyring = KeyringAccess {
        bus_address: env.os(env::DBUS_SESSION_BUS_ADDRESS).cloned(),
        runtime_dir: env.os(env::XDG_RUNTIME_DIR).map(PathBuf::from),
        disabled: false,
        limit: KeyringAccess::LIMIT,
    };
    KeySources { file: env.os(env::MASTER_KEY_FILE).map(PathBuf::from), keyring, beside }
}

/// A changed password does not make another database.
fn without_password(url: &str) -> String {
    let Ok(mut parsed) = url.parse::<Url>() else { return url.to_owned() };
    _ = parsed.set_password(None);
    parsed.to_string()
}

fn output(
    globals: &Globals,
    env: &Environment,
    profile: &Profile,
    now: Timestamp,
) -> Result<OutputOptions, HubError> {
    let format = if globals.json {
        Some(Format::Json)
    } else {
        let named = first(None, env.text(env::OUTPUT)?, profile.output.as_deref());
        match globals.output {
            Some(format) => Some(format),
            None if globals.jq.is_some() => None,
            None => named.map(str::parse).transpose()?,
        }
    };
    let stdout_is_terminal = std::io::stdout().is_terminal();
    let stderr_is_terminal = std::io::stderr().is_terminal();
    let width = terminal_size::terminal_size().map(|(width, _)| width.0);
    let columns = env.os(env::COLUMNS).and_then(|text| text.to_str()?.parse().ok());
    let names = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    Ok(OutputOptions {
        format,
        fields: names(&globals.fields),
        columns: names(&globals.columns),
        jq: globals.jq.clone(),
        no_header: globals.no_header,
        limit: globals.limit,
        all: globals.all,
        quiet: globals.quiet,
        color: env.color(globals.color, stdout_is_terminal),
        color_err: env.color(globals.color, stderr_is_terminal),
        utc: globals.utc,
        stdout_is_terminal,
        stderr_is_terminal,
        width: columns.or(width),
        now,
    })
}
