//! Merges flags, environment and profile into plain values; opens no store and no keyring.

pub(super) mod config;
pub(super) mod edit;
mod environment;
mod place;
mod sources;
mod state;
pub(super) mod table;

use std::fmt;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use url::Url;

use crate::domain::origin::{KeyBinding, Origin as WebOrigin, web_address};
use crate::domain::project::{DEFAULT_PROJECT, ProjectName};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::env;
use crate::error::{HubError, codes};
use crate::hub::keyring::KeyringAccess;
use crate::hub::keysource::KeySources;
use crate::server::Notify;
use crate::{net, provider};

use super::globals::Globals;
use super::output::{Format, OutputOptions};

pub(super) use environment::Environment;
pub(super) use place::{Place, key_alone};
pub(super) use sources::{DEFAULT_PROFILE, Origin, Reading, Sources};
pub(super) use state::State;

/// A store, and where its master key may be.
#[derive(Debug)]
pub(super) struct Local {
    /// The store.
    pub state: State,
    /// Where the master key may be.
    pub keys: KeySources,
    /// Whether anybody named the store.
    pub is_named: bool,
}

impl Local {
    /// The store's file, where there is none yet; a database is not asked.
    pub(super) fn missing(&self) -> Option<&Path> {
        match &self.state {
            State::File(path) => {
                Some(path.as_path()).filter(|path| !path.try_exists().unwrap_or(true))
            }
            State::Postgres(_) => None,
        }
    }
}

/// Where the key of a hub comes from. None of these has been opened yet.
#[derive(Debug, Clone)]
pub(super) enum KeySource {
    /// The environment holds it.
    Environment(Secret),
    /// The environment names a file with it.
    File(PathBuf),
    /// The keyring keeps it for the profile.
    Keyring,
    /// The profile's own key file.
    ProfileFile,
    /// Nowhere.
    Nowhere,
}

/// How to reach a hub.
#[derive(Clone)]
pub(super) struct Network {
    /// Longest time that one request may take.
    pub timeout: Duration,
    /// How often a request is sent again, where that is safe.
    pub retries: u32,
    /// Longest time to wait in all for a hub that says to slow down.
    pub max_wait: Duration,
    /// Requests at the same time.
    pub concurrency: u32,
    /// PEM certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// What names them, in words.
    pub ca_from: Option<String>,
    /// Proxy for `https://`, as the environment spells it.
    pub https_proxy: Option<String>,
    /// Proxy for `http://`, as the environment spells it.
    pub http_proxy: Option<String>,
    /// Hosts that need no proxy, comma-separated.
    pub no_proxy: Option<String>,
}

/// Proxies are left out: their addresses may have passwords.
impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("timeout", &self.timeout)
            .field("retries", &self.retries)
            .field("max_wait", &self.max_wait)
            .field("concurrency", &self.concurrency)
            .field("ca_file", &self.ca_file)
            .finish_non_exhaustive()
    }
}

/// A hub that is reached over HTTP.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    /// Its address, checked: `http` or `https`, host, port and path.
    pub api_url: Url,
    /// Where its key comes from.
    pub key: KeySource,
    /// How to reach it.
    pub network: Network,
}

impl Remote {
    /// An address to look at once, without a key, for so long.
    pub(super) fn glance(api_url: &Url, timeout: Duration) -> Self {
        let network = Network {
            timeout,
            retries: 0,
            max_wait: Duration::ZERO,
            concurrency: 1,
            ca_file: None,
            ca_from: None,
            https_proxy: None,
            http_proxy: None,
            no_proxy: None,
        };
        Self { api_url: api_url.clone(), key: KeySource::Nowhere, network }
    }
}

/// Everything that decides how a command acts.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an answer of its own")]
pub(super) struct Settings {
    /// What it was merged from.
    pub sources: Sources,
    /// Where to act.
    pub place: Place,
    /// What says so.
    pub place_origin: Origin,
    /// The profile in use, if writes there need its name.
    pub protected: Option<String>,
    /// The project.
    pub project: ProjectName,
    /// Whether anybody named the project: a hub elsewhere knows the one of its key.
    pub is_project_named: bool,
    /// Where end users reach the hub.
    pub public_url: Url,
    /// What says so.
    pub public_url_origin: Origin,
    /// How providers are reached.
    pub providers: provider::Options,
    /// Origins of the applications that embed the hub's page.
    pub app_origins: Vec<WebOrigin>,
    /// How the keyring is reached.
    pub keyring: KeyringAccess,
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
    /// Whether the terminal draws over what it shows.
    pub may_redraw: bool,
    /// Errors as JSON.
    pub json_errors: bool,
    /// Whom a server tells how it is.
    pub notify: Notify,
}

impl Settings {
    /// Merges everything: flag over environment over profile over built-in.
    ///
    /// # Errors
    /// Values of the wrong form, an unreadable configuration file, an unknown profile, or one that
    /// a flag names and a variable overrules.
    pub(super) fn merge(
        globals: &Globals,
        env: Environment,
        now: Timestamp,
        reading: Reading,
    ) -> Result<Self, HubError> {
        let sources = Sources::gather(globals, env, reading)?;
        let pick = |setting| sources.pick(globals, setting);
        let text = |setting| Ok::<_, HubError>(pick(setting)?.map(|picked| picked.value));
        let is_on = |setting| Ok::<_, HubError>(text(setting)?.is_some_and(|text| text == "true"));
        let keyring = keyring(&sources.env);
        let (place, place_origin) = place::place(globals, &sources, &keyring)?;
        let project = pick(&table::PROJECT)?;
        let is_project_named =
            project.as_ref().is_some_and(|picked| picked.origin != Origin::BuiltIn);
        let project = project.map_or(DEFAULT_PROJECT, |picked| picked.value);
        let project = project.parse().map_err(bad_value)?;
        let public_url = pick(&table::PUBLIC_URL_OF)?;
        let public_url_origin = public_url.as_ref().map_or(Origin::BuiltIn, |picked| picked.origin);
        let public_url = public_url.map_or(table::PUBLIC_URL, |picked| picked.value);
        let public_url = web_address(public_url).map_err(bad_value)?;
        let app_origins = text(&table::APP_ORIGINS)?.unwrap_or_default();
        let app_origins = table::origins(app_origins).map_err(bad_value)?;
        let providers = providers(globals, &sources)?;
        let is_profiles_own = matches!(place_origin, Origin::Profile | Origin::BuiltIn)
            || place::is_named_by(&sources, &place);
        let protected = is_profiles_own && is_on(&table::PROTECTED)?;
        let protected = protected.then(|| sources.profile.clone());
        let owner_id = text(&table::ORIGIN_OWNER_ID)?.map(String::from);
        let owner_name = text(&table::ORIGIN_OWNER_NAME)?.map(String::from);
        let require_owner = is_on(&table::REQUIRE_OWNER)?;
        let output = output(globals, &sources, now)?;
        let machine = output.jq.is_some() || output.format.is_some_and(Format::is_machine);
        let terminals = std::io::stdin().is_terminal() && output.stderr_is_terminal;
        let env = &sources.env;
        let silent = globals.no_input || env.is_set(env::NO_INPUT) || env.is_set(env::CI);
        let json_errors = machine || env.wants_json_errors();
        sources.check_flags(globals)?;
        let settings = Self {
            place,
            place_origin,
            protected,
            project,
            is_project_named,
            public_url,
            public_url_origin,
            providers,
            app_origins,
            keyring,
            owner_id,
            owner_name,
            require_owner,
            may_ask: terminals && !silent && !machine,
            may_redraw: !env.is_dumb(),
            json_errors,
            output,
            notify: notify(env),
            sources,
        };
        match settings.overruled() {
            Some(refusal) if reading == Reading::Whole => Err(refusal),
            _ => Ok(settings),
        }
    }

    /// Whether anybody said where end users reach the hub.
    pub(super) fn is_public_url_given(&self) -> bool {
        self.public_url_origin != Origin::BuiltIn
    }

    /// How to say that end users reach the hub elsewhere; a variable is stronger than the file.
    pub(super) fn to_name_public_url(&self, word: &str) -> String {
        match self.public_url_origin {
            Origin::Environment(name) => format!("export {name}={word}"),
            Origin::Flag(_) | Origin::Profile | Origin::BuiltIn => {
                format!("hubctl config set {} {word}", table::PUBLIC_URL_OF.key)
            }
        }
    }

    /// Why nothing acts here, where a variable overrules the profile that a flag names.
    pub(super) fn overruled(&self) -> Option<HubError> {
        place::overruled(&self.sources, &self.place, self.place_origin)
    }

    /// Refuses what every command on a hub refuses, for those that may begin without a place.
    ///
    /// # Errors
    /// When the chosen profile is not there, a variable overrules it, an API key stands alone, or
    /// there is no place at all.
    pub(super) fn check_place(&self) -> Result<(), HubError> {
        self.sources.check_profile()?;
        match (self.overruled(), &self.place) {
            (Some(refusal), _) => Err(refusal),
            (None, Place::KeyAlone(_)) => Err(key_alone()),
            (None, Place::Nowhere(why)) => Err(why.refusal()),
            (None, Place::Local(_) | Place::Remote(_)) => Ok(()),
        }
    }

    /// The store, for commands that work on one only.
    ///
    /// # Errors
    /// When the settings name a hub elsewhere, or nothing.
    pub(super) fn local(&self) -> Result<&Local, HubError> {
        match &self.place {
            Place::Nowhere(why) => Err(why.refusal()),
            Place::Local(local) | Place::KeyAlone(local) => Ok(local),
            Place::Remote(remote) => {
                let (url, name) = (&remote.api_url, &self.sources.profile);
                let text = format!("profile `{name}` acts on {url}, and this needs a local store");
                Err(HubError::new(&codes::USAGE, text).hint("name the store with --state PATH"))
            }
        }
    }

    /// The project, where it was named.
    pub(super) fn named_project(&self) -> Option<String> {
        self.is_project_named.then(|| self.project.to_string())
    }

    /// What a key that is stored for this hub is bound to: the project that was named, or else the
    /// key's `own`.
    pub(super) fn binding(&self, remote: &Remote, own: &ProjectName) -> KeyBinding {
        let project = if self.is_project_named { &self.project } else { own };
        KeyBinding { origin: WebOrigin::of(&remote.api_url), project: project.clone() }
    }
}

fn bad_value(error: impl fmt::Display) -> HubError {
    HubError::new(&codes::BAD_VALUE, error.to_string())
}

/// Whom a server tells how it is, as systemd names it.
fn notify(env: &Environment) -> Notify {
    let number = |name| env.os(name).and_then(|text| text.to_str()?.parse::<u64>().ok());
    let is_ours = number(env::WATCHDOG_PID).is_none_or(|pid| pid == u64::from(std::process::id()));
    let every = number(env::WATCHDOG_USEC).filter(|micros| is_ours && *micros > 1);
    Notify {
        socket: env.os(env::NOTIFY_SOCKET).map(Into::into),
        watchdog: every.map(|micros| Duration::from_micros(micros / 2)),
    }
}

fn key_source(globals: &Globals, sources: &Sources) -> Result<KeySource, HubError> {
    if let Some(key) = sources.env.text(env::API_KEY)? {
        return Ok(KeySource::Environment(Secret::new(key)));
    }
    if let Some(path) = sources.env.os(env::API_KEY_FILE) {
        return Ok(KeySource::File(path.into()));
    }
    Ok(match sources.pick(globals, &table::KEY)?.map(|picked| picked.value) {
        Some("keyring") => KeySource::Keyring,
        Some("file") => KeySource::ProfileFile,
        _ => KeySource::Nowhere,
    })
}

fn network(globals: &Globals, sources: &Sources) -> Result<Network, HubError> {
    let count = |setting: &table::Setting| {
        let Some(picked) = sources.pick(globals, setting)? else { return Ok(0) };
        let number = setting.form.count(picked.value);
        number.map_err(|why| sources.bad(setting, picked.origin, &why))
    };
    let duration = |setting: &table::Setting| {
        let Some(picked) = sources.pick(globals, setting)? else { return Ok(Duration::ZERO) };
        let duration = setting.form.duration(picked.value);
        duration.map_err(|why| sources.bad(setting, picked.origin, &why))
    };
    let text = |setting| {
        let picked = sources.pick(globals, setting)?;
        Ok::<_, HubError>(picked.map(|picked| picked.value.to_owned()))
    };
    let (ca_file, ca_from) = roots(globals, sources).unzip();
    Ok(Network {
        timeout: duration(&table::HTTP_TIMEOUT)?,
        retries: count(&table::RETRIES)?,
        max_wait: duration(&table::MAX_WAIT)?,
        concurrency: count(&table::CONCURRENCY)?,
        ca_file,
        ca_from,
        https_proxy: text(&table::HTTPS_PROXY)?,
        http_proxy: text(&table::HTTP_PROXY)?,
        no_proxy: text(&table::NO_PROXY)?,
    })
}

/// The file of certificates to trust, and what names it, in words.
fn roots(globals: &Globals, sources: &Sources) -> Option<(PathBuf, String)> {
    let picked = sources.pick_os(globals, &table::CACERT)?;
    let is_in_profile = sources.values().is_some_and(|said| said.contains_key(table::CACERT.key));
    let from = match picked.origin {
        Origin::Environment(name) if is_in_profile => {
            format!("{name}, which is stronger than the profile's cacert")
        }
        Origin::Flag(name) | Origin::Environment(name) => name.to_owned(),
        Origin::Profile | Origin::BuiltIn => format!("profile `{}`", sources.profile),
    };
    Some((picked.value.into(), from))
}

/// How providers are reached: as a hub elsewhere is, and with the networks that are allowed.
fn providers(globals: &Globals, sources: &Sources) -> Result<provider::Options, HubError> {
    let text = |setting| {
        let picked = sources.pick(globals, setting)?;
        Ok::<_, HubError>(picked.map(|picked| picked.value.to_owned()))
    };
    let allowed = text(&table::ALLOW_TARGETS)?.unwrap_or_default();
    let (ca_file, ca_from) = roots(globals, sources).unzip();
    let net = net::Options {
        ca_file,
        ca_from,
        https_proxy: text(&table::HTTPS_PROXY)?,
        http_proxy: text(&table::HTTP_PROXY)?,
        no_proxy: text(&table::NO_PROXY)?,
        ..net::Options::default()
    };
    let allowed = table::networks(&allowed).map_err(bad_value)?;
    Ok(provider::Options { allowed, net, ..provider::Options::default() })
}

fn keyring(env: &Environment) -> KeyringAccess {
    KeyringAccess {
        bus_address: env.os(env::DBUS_SESSION_BUS_ADDRESS).map(Into::into),
        runtime_dir: env.os(env::XDG_RUNTIME_DIR).map(PathBuf::from),
        disabled: false,
        limit: KeyringAccess::LIMIT,
    }
}

/// None where the key of a database would be in the user's home, and there is none.
fn keys(sources: &Sources, state: &State, keyring: &KeyringAccess) -> Option<KeySources> {
    let file = sources.env.os(env::MASTER_KEY_FILE).map(PathBuf::from);
    let beside = match state {
        State::File(path) => state::key_file(path),
        State::Postgres(url) => {
            let digest = Sha256::digest(without_password(url));
            let name: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
            let name = format!("postgres-{name}.key");
            match (&sources.folders, &file) {
                (Some(folders), _) => folders.data.join(name),
                (None, Some(file)) => file.with_file_name(name),
                (None, None) => return None,
            }
        }
    };
    Some(KeySources { file, keyring: keyring.clone(), beside })
}

/// A changed password does not make another database.
fn without_password(url: &str) -> String {
    let Ok(mut parsed) = url.parse::<Url>() else { return url.to_owned() };
    _ = parsed.set_password(None);
    parsed.to_string()
}

fn output(globals: &Globals, sources: &Sources, now: Timestamp) -> Result<OutputOptions, HubError> {
    let format = if globals.json {
        Some(Format::Json)
    } else if globals.jq.is_some() && globals.output.is_none() {
        None
    } else {
        let named = sources.pick(globals, &table::OUTPUT)?;
        named.map(|picked| picked.value.parse()).transpose()?
    };
    let is_usual_format = format.is_some() && !globals.json && globals.output.is_none();
    let env = &sources.env;
    let stdout_is_terminal = std::io::stdout().is_terminal();
    let stderr_is_terminal = std::io::stderr().is_terminal();
    let width = terminal_size::terminal_size().map(|(width, _)| width.0);
    let columns = env.os(env::COLUMNS).and_then(|text| text.to_str()?.parse().ok());
    let names = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    Ok(OutputOptions {
        format,
        is_usual_format,
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
