//! `hubctl config`: the settings of profiles, and where each value comes from.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::assets;
use crate::cli::context::Context;
use crate::cli::credentials;
use crate::cli::output::{Cell, Column, Record, WriteResult};
use crate::cli::settings::config;
use crate::cli::settings::edit::edit;
use crate::cli::settings::table::{self, Form, SETTINGS, Setting};
use crate::cli::settings::{DEFAULT_PROFILE, Origin, Place};
use crate::cli::tree::Run;
use crate::env;
use crate::error::{HubError, codes};

use super::meta::all_of;

/// A setting of the configuration file.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Setting")]
pub(in crate::cli) struct SettingRow {
    /// Its place in the file, such as `profiles.default.project`.
    key: String,
    /// Its value; a password in it is shown as `***`.
    value: String,
}

impl Record for SettingRow {
    const COLUMNS: &'static [Column] = &[Column::new("key", "KEY"), Column::new("value", "VALUE")];
    const FIELDS: &'static [&'static str] = &["key", "value"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.key)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([Cell::from(self.key.as_str()), Cell::from(self.value.as_str())]);
    }
}

/// The setting that a command names.
enum Named<'a> {
    /// The profile to use where nothing else names one.
    Choice,
    /// A setting of a profile.
    Of(&'a str, &'static Setting),
}

impl<'a> Named<'a> {
    /// Understands `profile`, `KEY` of the profile in use, and `profiles.NAME.KEY`.
    fn parse(key: &'a str, profile: &'a str) -> Result<Self, HubError> {
        if key == "profile" {
            return Ok(Self::Choice);
        }
        let (profile, name) = match key.strip_prefix("profiles.") {
            // A name may have dots of its own; a setting is found from the end.
            Some(rest) => SETTINGS
                .iter()
                .filter_map(|setting| {
                    let name = rest.strip_suffix(setting.key)?.strip_suffix('.')?;
                    Some((name, setting.key))
                })
                .find(|(name, _)| !name.is_empty())
                .or_else(|| rest.split_once('.'))
                .unwrap_or((profile, rest)),
            None => (profile, key),
        };
        let setting = table::in_profile(name).ok_or_else(|| unknown(name))?;
        Ok(Self::Of(profile, setting))
    }

    fn path(&self) -> String {
        match self {
            Self::Choice => "profile".to_owned(),
            Self::Of(profile, setting) => format!("profiles.{profile}.{}", setting.key),
        }
    }
}

fn unknown(name: &str) -> HubError {
    let shown: String = name.chars().take(80).collect();
    HubError::new(&codes::SETTING_UNKNOWN, format!("there is no setting `{shown}`"))
        .hint(table::near(name))
}

/// List what the configuration file says
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {}

impl Run for List {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let file = context.settings.sources.read_config()?;
        let choice = file
            .profile
            .iter()
            .map(|name| SettingRow { key: "profile".to_owned(), value: name.clone() });
        let rows = file.profiles.iter().flat_map(|(profile, values)| {
            values.iter().map(move |(key, value)| SettingRow {
                key: format!("profiles.{profile}.{key}"),
                value: shown(key, value),
            })
        });
        all_of(context, choice.chain(rows))
    }
}

fn shown(key: &str, value: &str) -> String {
    let form = table::in_profile(key).map_or(Form::Text, |setting| setting.form);
    form.shown(value).into_owned()
}

/// Show one setting as the configuration file has it
///
/// KEY is a setting of the profile in use, `profiles.NAME.KEY`, or `profile`. A value that flags
/// or environment give is not shown; `hubctl config explain` shows what holds.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Get {
    /// Name of the setting
    #[arg(add = assets::settings())]
    key: String,
}

/// The value of one setting.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "SettingValue")]
pub(in crate::cli) struct ValueRow {
    /// Its place in the file, such as `profiles.default.project`.
    key: String,
    /// Its value; a password in it is shown as `***`.
    value: String,
}

impl Record for ValueRow {
    // In a pipe the value stands alone, for `$(hubctl config get KEY)`.
    const COLUMNS: &'static [Column] = &[Column::new("value", "VALUE"), Column::wide("key", "KEY")];
    const FIELDS: &'static [&'static str] = &["key", "value"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.key)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([Cell::from(self.value.as_str()), Cell::from(self.key.as_str())]);
    }
}

impl Run for Get {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let file = context.settings.sources.read_config()?;
        let named = Named::parse(&self.key, &context.settings.sources.profile)?;
        let value = match &named {
            Named::Choice => file.profile.clone(),
            Named::Of(profile, setting) => {
                let values = file.profiles.get(*profile);
                values.and_then(|values| values.get(setting.key)).map(|v| shown(setting.key, v))
            }
        };
        let key = named.path();
        let value = value.ok_or_else(|| {
            HubError::new(&codes::SETTING_UNSET, format!("`{key}` is not in the file"))
                .hint(format!("hubctl config explain {}", self.key))
        })?;
        let lines = [("Setting", key.clone()), ("Value", value.clone())];
        context.output.item(&ValueRow { key, value }, Some(&lines))
    }
}

/// Change a setting of a profile
///
/// Comments and the order of the file stay. KEY is a setting of the profile in use, or
/// `profiles.NAME.KEY`; `hubctl profile create` makes a profile. An API key is no setting: `hubctl
/// auth login` keeps it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Set {
    /// Name of the setting
    #[arg(add = assets::settings())]
    key: String,

    /// Its new value
    #[arg(allow_hyphen_values = true, add = assets::setting_values())]
    value: String,
}

impl Run for Set {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check_writes(false)?;
        let sources = &context.settings.sources;
        let path = sources.config_path();
        let named = Named::parse(&self.key, &sources.profile)?;
        let trial = context.globals.dry_run;
        let ((), changed) = match &named {
            Named::Choice => edit(&path, trial, |editor| {
                if !editor.before.profiles.contains_key(&self.value) {
                    return Err(editor.before.unknown(&self.value, &path));
                }
                editor.choose(Some(&self.value));
                Ok(())
            })?,
            Named::Of(profile, setting) => {
                setting.form.check(&self.value).map_err(|why| {
                    HubError::new(&codes::BAD_VALUE, format!("{}: {why}", setting.key))
                })?;
                let value = setting.form.kept(&self.value)?;
                edit(&path, trial, |editor| {
                    let values = editor.before.profiles.get(*profile);
                    match values {
                        Some(values) => check_pair(profile, setting, values)?,
                        // It is in use where nothing names one, and nobody has to make it.
                        None if *profile == DEFAULT_PROFILE => {}
                        None => return Err(no_such_profile(profile, &editor.before, &path)),
                    }
                    let old = values.and_then(|values| values.get(setting.key));
                    if old.is_some_and(|old| *old == value) {
                        return Ok(());
                    }
                    editor.set(profile, setting, &value)
                })?
            }
        };
        written(context, "set", &named, changed, "Set")
    }
}

/// A profile that came with its first setting would act on the local store, whatever was meant.
fn no_such_profile(profile: &str, file: &config::Config, path: &std::path::Path) -> HubError {
    match credentials::check_name(profile) {
        Ok(()) => {
            let hint = format!("hubctl profile create {profile} --api-url URL # or --local");
            file.missing(profile, path).hint(hint)
        }
        Err(bad) => bad,
    }
}

/// A profile acts at one place.
fn check_pair(profile: &str, setting: &Setting, values: &config::Values) -> Result<(), HubError> {
    let other = match setting.key {
        "state" => "api_url",
        "api_url" => "state",
        _ => return Ok(()),
    };
    if !values.contains_key(other) {
        return Ok(());
    }
    let text = format!("profile `{profile}` has {other}, and a profile acts at one place");
    Err(HubError::new(&codes::PROFILE_EXISTS, text)
        .hint(format!("hubctl config unset {other} -P {profile}")))
}

/// Take a setting out of a profile
///
/// What holds then is the built-in value. KEY is as for `hubctl config set`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Unset {
    /// Name of the setting
    #[arg(add = assets::settings())]
    key: String,
}

impl Run for Unset {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check_writes(false)?;
        let sources = &context.settings.sources;
        let named = Named::parse(&self.key, &sources.profile)?;
        let ((), changed) = edit(&sources.config_path(), context.globals.dry_run, |editor| {
            match &named {
                Named::Choice => editor.choose(None),
                Named::Of(profile, setting) => editor.unset(profile, setting),
            }
            Ok(())
        })?;
        written(context, "unset", &named, changed, "Unset")
    }
}

fn written(
    context: &Context,
    action: &'static str,
    named: &Named<'_>,
    changed: bool,
    word: &str,
) -> Result<(), HubError> {
    let path = named.path();
    let mut result = WriteResult::new(action, format!("setting/{path}"), changed);
    result.dry_run = context.globals.dry_run;
    result.human = match (changed, result.dry_run) {
        (true, true) => format!("Would {} {path}.", word.to_lowercase()),
        (true, false) => format!("{word} {path}."),
        (false, _) => format!("Nothing to do for {path}."),
    };
    context.output.writes(&[result])
}

/// Show where the configuration file is
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Path {}

/// The configuration file.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "ConfigFile")]
pub(in crate::cli) struct FileRow {
    /// Its path.
    path: String,
    /// Whether there is one.
    exists: bool,
}

impl Record for FileRow {
    const COLUMNS: &'static [Column] =
        &[Column::new("path", "PATH"), Column::wide("exists", "EXISTS")];
    const FIELDS: &'static [&'static str] = &["path", "exists"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.path)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([Cell::from(self.path.as_str()), Cell::from(self.exists)]);
    }
}

impl Run for Path {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let path = context.settings.sources.config_path();
        let exists = path.symlink_metadata().is_ok();
        let row = FileRow { path: path.display().to_string(), exists };
        let told = if exists { "" } else { " (not there yet)" };
        context.output.item(&row, Some(&[("File", format!("{}{told}", row.path))]))
    }
}

/// Explain where each value comes from
///
/// A flag wins over an environment variable, that over the profile, that over the built-in value.
/// `place` is where commands act: what the stronger of `state` and `api_url` names. Give this
/// command the same flags as the one that surprised you. Keys are never shown, and the keyring is
/// not opened.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Explain {
    /// Name of one setting; without it all are explained
    #[arg(add = assets::settings())]
    key: Option<String>,
}

/// A value that holds, and what says so.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "ExplainedSetting")]
pub(in crate::cli) struct ExplainRow {
    /// Name of the setting.
    pub(super) key: &'static str,
    /// The value that holds; none if nothing says one. A password in it is shown as `***`.
    pub(super) value: Option<String>,
    /// What says it: `flag`, `environment`, `profile` or `built-in`.
    pub(super) origin: &'static str,
    /// The flag, the variable, or the place in the file.
    pub(super) source: Option<String>,
    /// What it decides.
    pub(super) meaning: &'static str,
}

impl ExplainRow {
    /// The value in words; `unset` stands for none. What has a source and no value is a secret.
    pub(super) fn shown<'r>(&'r self, unset: &'r str) -> &'r str {
        let is_secret = self.source.is_some();
        self.value.as_deref().unwrap_or(if is_secret { "set, never shown" } else { unset })
    }
}

impl Record for ExplainRow {
    const COLUMNS: &'static [Column] = &[
        Column::new("key", "KEY"),
        Column::new("value", "VALUE"),
        Column::new("origin", "ORIGIN"),
        Column::new("source", "SOURCE"),
        Column::wide("meaning", "MEANING"),
    ];
    const FIELDS: &'static [&'static str] = &["key", "value", "origin", "source", "meaning"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.key)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(self.key),
            Cell::opt(self.value.as_deref()),
            Cell::from(self.origin),
            Cell::opt(self.source.as_deref()),
            Cell::from(self.meaning),
        ]);
    }
}

/// Every value that holds, and what says so.
pub(in crate::cli) fn explained(context: &Context) -> Vec<ExplainRow> {
    let settings = &context.settings;
    let sources = &settings.sources;
    let source = |origin, key: &str| match origin {
        Origin::Flag(name) | Origin::Environment(name) => Some(name.to_owned()),
        Origin::Profile => {
            let (path, name) = (sources.config_path(), &sources.profile);
            Some(format!("{}: profiles.{name}.{key}", path.display()))
        }
        Origin::BuiltIn => None,
    };
    let profile = ExplainRow {
        key: "profile",
        value: Some(sources.profile.clone()),
        origin: sources.profile_origin.word(),
        source: match sources.profile_origin {
            Origin::Profile => Some(format!("{}: profile", sources.config_path().display())),
            origin => source(origin, ""),
        },
        meaning: "The profile in use.",
    };
    let named_by = match &settings.place {
        Place::Local(_) | Place::KeyAlone(_) | Place::Nowhere(_) => "state",
        Place::Remote(_) => "api_url",
    };
    let place = ExplainRow {
        key: "place",
        value: Some(settings.place.shown()),
        origin: settings.place_origin.word(),
        source: source(settings.place_origin, named_by),
        meaning: "Where commands act: what the stronger of state and api_url names.",
    };
    let setting = |setting: &Setting| {
        let picked = sources.pick_os(&context.globals, setting);
        let origin = picked.as_ref().map_or(Origin::BuiltIn, |picked| picked.origin);
        ExplainRow {
            key: setting.key,
            value: picked
                .map(|picked| setting.form.shown(&picked.value.to_string_lossy()).into_owned()),
            origin: origin.word(),
            source: source(origin, setting.key),
            meaning: setting.meaning,
        }
    };
    let mut rows = vec![profile, place];
    rows.extend(SETTINGS.iter().map(setting));
    rows.push(api_key(context));
    rows
}

/// Where the API key comes from; never the key.
fn api_key(context: &Context) -> ExplainRow {
    let source = match &context.settings.place {
        Place::Local(_) | Place::KeyAlone(_) | Place::Nowhere(_) => None,
        Place::Remote(remote) => Some(credentials::source_name(&remote.key)),
    };
    let origin = match source {
        Some(env::API_KEY | env::API_KEY_FILE) => "environment",
        Some("keyring" | "file") => "profile",
        _ => "built-in",
    };
    ExplainRow {
        key: "api_key",
        value: None,
        origin,
        source: source.filter(|name| *name != "none").map(str::to_owned),
        meaning: "Where the API key of the hub comes from; it is never shown.",
    }
}

impl Run for Explain {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        // A file that can't be read explains nothing.
        context.settings.sources.read_config()?;
        if let Some(refusal) = context.settings.overruled() {
            context.output.warn(format_args!("commands refuse this: {refusal}"));
        }
        let rows = explained(context);
        let Some(key) = self.key else { return all_of(context, rows) };
        let row = rows.into_iter().find(|row| row.key == key).ok_or_else(|| unknown(&key))?;
        let lines = [
            ("Setting", row.key.to_owned()),
            ("Value", row.shown("none").to_owned()),
            ("Origin", row.origin.to_owned()),
            ("Source", row.source.clone().unwrap_or_default()),
            ("Meaning", row.meaning.to_owned()),
        ];
        context.output.item(&row, Some(&lines))
    }
}
