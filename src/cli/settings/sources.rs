//! Where values come from: one rule for all settings, and the origin of each value.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::cli::globals::Globals;
use crate::env;
use crate::error::{Code, HubError, codes};

use super::config::{self, Config, Values};
use super::environment::Environment;
use super::table::{SETTINGS, Setting};

/// The profile where nothing names one.
pub(in crate::cli) const DEFAULT_PROFILE: &str = "default";

/// What said a value, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) enum Origin {
    /// A flag of this name.
    Flag(&'static str),
    /// An environment variable of this name.
    Environment(&'static str),
    /// The profile in use.
    Profile,
    /// Nothing: it is built in.
    BuiltIn,
}

impl Origin {
    /// One word for it.
    pub(in crate::cli) const fn word(self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Environment(_) => "environment",
            Self::Profile => "profile",
            Self::BuiltIn => "built-in",
        }
    }

    /// How strong it is; the strongest is 0.
    pub(super) const fn rank(self) -> u8 {
        match self {
            Self::Flag(_) => 0,
            Self::Environment(_) => 1,
            Self::Profile => 2,
            Self::BuiltIn => 3,
        }
    }
}

/// A value and what said it.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Picked<'a, T: ?Sized> {
    /// The value.
    pub(in crate::cli) value: &'a T,
    /// What said it.
    pub(in crate::cli) origin: Origin,
}

/// How much of the configuration a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Reading {
    /// All of it.
    Whole,
    /// The profile in use may be missing: the command may be the one that makes it.
    ProfileMayLack,
    /// File, profile and values may all be wrong: the command is there to see and correct them.
    Lenient,
}

/// The folders of hubctl's files.
#[derive(Debug)]
pub(in crate::cli) struct Folders {
    /// Settings and key files of profiles.
    pub(in crate::cli) config: PathBuf,
    /// The store.
    pub(in crate::cli) data: PathBuf,
}

impl Folders {
    /// None where the user has no home.
    fn of(env: &Environment) -> Option<Self> {
        if let Some(folder) = env.os(env::CONFIG_DIR) {
            let folder = PathBuf::from(folder);
            return Some(Self { config: folder.clone(), data: folder });
        }
        let folders = directories::ProjectDirs::from("", "", "hubctl")?;
        let (config, data) = (folders.config_dir().to_owned(), folders.data_dir().to_owned());
        Some(Self { config, data })
    }
}

/// The error where a file must be read or written, and there is no folder for it.
pub(super) fn no_home() -> HubError {
    let text = "there is no home folder to keep files in";
    HubError::new(&codes::CONFIG_INVALID, text).hint(format!("set {} to a folder", env::CONFIG_DIR))
}

/// Everything that settings are merged from, but the flags.
#[derive(Debug)]
pub(in crate::cli) struct Sources {
    pub(super) env: Environment,
    pub(super) folders: Option<Folders>,
    /// What the configuration file says.
    pub(in crate::cli) config: Config,
    reading: Reading,
    /// Name of the profile in use.
    pub(in crate::cli) profile: String,
    /// What chose it.
    pub(in crate::cli) profile_origin: Origin,
}

impl Sources {
    /// Reads the configuration file and chooses the profile.
    pub(super) fn gather(
        globals: &Globals,
        env: Environment,
        reading: Reading,
    ) -> Result<Self, HubError> {
        let folders = Folders::of(&env);
        let config = match &folders {
            Some(folders) => config::read(&config::path_in(&folders.config)),
            // Other commands may find all that they need elsewhere.
            None if reading == Reading::Whole => Ok(Config::default()),
            None => return Err(no_home()),
        };
        let config = match config {
            Err(_) if reading == Reading::Lenient => Config::default(),
            read => read?,
        };
        let named = globals.profile.as_deref().map(|name| (name, Origin::Flag("--profile")));
        let named = match named {
            None => env.text(env::PROFILE)?.map(|name| (name, Origin::Environment(env::PROFILE))),
            named => named,
        };
        let named = named.or(config.profile.as_deref().map(|name| (name, Origin::Profile)));
        let (name, origin) = named.unwrap_or((DEFAULT_PROFILE, Origin::BuiltIn));
        let (profile, profile_origin) = (name.to_owned(), origin);
        let sources = Self { env, folders, config, reading, profile, profile_origin };
        if reading == Reading::Whole {
            sources.check_profile()?;
        }
        sources.check()?;
        Ok(sources)
    }

    /// Whether the command is there to correct what is wrong.
    pub(super) fn is_lenient(&self) -> bool {
        self.reading == Reading::Lenient
    }

    /// Where files are.
    ///
    /// # Errors
    /// Where the user has no home.
    pub(in crate::cli) fn folders(&self) -> Result<&Folders, HubError> {
        self.folders.as_ref().ok_or_else(no_home)
    }

    /// The configuration file. Where the user has no home this is its name alone, for messages:
    /// whoever reads or writes it has ended before.
    pub(in crate::cli) fn config_path(&self) -> PathBuf {
        let folder = self.folders.as_ref().map(|folders| folders.config.as_path());
        config::path_in(folder.unwrap_or(Path::new("")))
    }

    /// What the configuration file says by now.
    ///
    /// # Errors
    /// Where it can't be read.
    pub(in crate::cli) fn read_config(&self) -> Result<Config, HubError> {
        config::read(&config::path_in(&self.folders()?.config))
    }

    /// What the profile in use says, if it is there.
    pub(in crate::cli) fn values(&self) -> Option<&Values> {
        self.config.profiles.get(&self.profile)
    }

    /// Whether the profile that was chosen is there; the one that nothing chose need not be.
    pub(super) fn check_profile(&self) -> Result<(), HubError> {
        match self.values().is_some() || self.profile_origin == Origin::BuiltIn {
            true => Ok(()),
            false => Err(self.config.unknown(&self.profile, &self.config_path())),
        }
    }

    /// A value of the wrong form is told with the place where it stands.
    fn check(&self) -> Result<(), HubError> {
        if self.is_lenient() {
            return Ok(());
        }
        for (key, text) in self.values().into_iter().flatten() {
            let checked = super::table::in_profile(key).map(|setting| setting.form.check(text));
            if let Some(Err(why)) = checked {
                return Err(self.invalid(key, &why));
            }
        }
        Ok(())
    }

    fn invalid(&self, key: &str, why: &str) -> HubError {
        let (path, name) = (self.config_path(), &self.profile);
        let text = format!("{} profile `{name}`, {key}: {why}", path.display());
        HubError::new(&codes::CONFIG_INVALID, text)
            .hint(format!("hubctl config set {key} VALUE -P {name}"))
    }

    /// The error of a value that was picked and is not of the form that it needs.
    pub(super) fn bad(&self, setting: &Setting, origin: Origin, why: &str) -> HubError {
        match origin {
            Origin::Flag(name) | Origin::Environment(name) => {
                HubError::new(&codes::BAD_VALUE, format!("{name}: {why}"))
            }
            Origin::Profile => self.invalid(setting.key, why),
            Origin::BuiltIn => HubError::new(&codes::INTERNAL, format!("{}: {why}", setting.key)),
        }
    }

    /// Looks at flags of the command line that nothing needed so far: a wrong one is an error also
    /// where it decides nothing.
    pub(super) fn check_flags(&self, globals: &Globals) -> Result<(), HubError> {
        for setting in SETTINGS {
            let Some(flag) = setting.flag else { continue };
            let Some(value) = (flag.given)(globals).and_then(OsStr::to_str) else { continue };
            let checked = setting.form.check(value);
            checked.map_err(|why| self.bad(setting, Origin::Flag(flag.name), &why))?;
        }
        Ok(())
    }

    /// The value of a setting: flag over environment over profile over what is built in.
    pub(in crate::cli) fn pick_os<'a>(
        &'a self,
        globals: &'a Globals,
        setting: &Setting,
    ) -> Option<Picked<'a, OsStr>> {
        let picked = |value: &'a OsStr, origin| Picked { value, origin };
        if let Some(flag) = setting.flag
            && let Some(value) = (flag.given)(globals)
        {
            return Some(picked(value, Origin::Flag(flag.name)));
        }
        for name in setting.variables {
            if let Some(value) = self.env.os(name) {
                return Some(picked(value, Origin::Environment(name)));
            }
        }
        let said = self.values().filter(|_| setting.in_profile);
        if let Some(value) = said.and_then(|values| values.get(setting.key)) {
            return Some(picked(value.as_ref(), Origin::Profile));
        }
        setting.built_in.map(|value| picked(value.as_ref(), Origin::BuiltIn))
    }

    /// The same as text of the right form.
    pub(in crate::cli) fn pick<'a>(
        &'a self,
        globals: &'a Globals,
        setting: &Setting,
    ) -> Result<Option<Picked<'a, str>>, HubError> {
        let Some(picked) = self.pick_os(globals, setting) else { return Ok(None) };
        let bad = |why: &str| self.bad(setting, picked.origin, why);
        let value = picked.value.to_str().ok_or_else(|| bad("is not valid UTF-8"))?;
        match setting.form.check(value) {
            Ok(()) => Ok(Some(Picked { value, origin: picked.origin })),
            // Who is about to correct it must not be stopped by it.
            Err(_) if picked.origin == Origin::Profile && self.is_lenient() => {
                Ok(setting.built_in.map(|value| Picked { value, origin: Origin::BuiltIn }))
            }
            Err(why) => Err(bad(&why)),
        }
    }
}

impl Config {
    /// The error for a profile to act with that is not there.
    pub(in crate::cli) fn unknown(&self, name: &str, path: &Path) -> HubError {
        let hint = "leave --profile out to use the local store";
        self.absent(&codes::PROFILE_MISSING, name, path, hint)
    }

    /// The error for a profile that a command is about, and is not there.
    pub(in crate::cli) fn missing(&self, name: &str, path: &Path) -> HubError {
        self.absent(&codes::PROFILE_MISSING, name, path, "hubctl profile create NAME")
    }

    /// `hint` is for a file without any profile.
    fn absent(&self, code: &'static Code, name: &str, path: &Path, hint: &'static str) -> HubError {
        let shown: String = name.chars().take(80).collect();
        let error = HubError::new(code, format!("no profile `{shown}` in {}", path.display()));
        let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
        if known.is_empty() {
            error.hint(hint)
        } else {
            error.hint(format!("known profiles: {}", known.join(", ")))
        }
    }
}
