//! `hubctl profile`: saved places to act.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::assets;
use crate::cli::context::Context;
use crate::cli::credentials::{self, Keeper};
use crate::cli::input;
use crate::cli::output::{Cell, Column, Record, WriteResult};
use crate::cli::settings::config::Values;
use crate::cli::settings::edit::edit;
use crate::cli::settings::table::{self, Form};
use crate::cli::settings::{DEFAULT_PROFILE, Origin};
use crate::cli::tree::Run;
use crate::domain::project::DEFAULT_PROJECT;
use crate::error::{HubError, codes};

use super::meta::all_of;
use super::{Batch, consent};

/// A profile.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Profile")]
pub(in crate::cli) struct ProfileRow {
    /// Its name.
    name: String,
    /// Whether it is the one in use.
    current: bool,
    /// Where it acts: `local` or `remote`.
    place: &'static str,
    /// Address of the hub, for a remote one.
    api_url: Option<String>,
    /// The store, for a local one; none is the built-in place. A password is shown as `***`.
    state: Option<String>,
    /// Its project.
    project: String,
    /// Whether every write needs its name.
    protected: bool,
    /// Where its API key is kept: `keyring`, `file` or `none`.
    key: String,
}

impl ProfileRow {
    fn new(name: &str, values: &Values, current: &str) -> Self {
        let text = |key: &str| values.get(key).cloned();
        let state = text("state").map(|state| Form::Store.shown(&state).into_owned());
        Self {
            name: name.to_owned(),
            current: name == current,
            place: if values.contains_key("api_url") { "remote" } else { "local" },
            api_url: text("api_url"),
            state,
            project: text("project").unwrap_or_else(|| DEFAULT_PROJECT.to_owned()),
            protected: values.get("protected").is_some_and(|on| on == "true"),
            key: text("key").unwrap_or_else(|| "none".to_owned()),
        }
    }

    fn acts_on(&self) -> &str {
        self.api_url.as_deref().or(self.state.as_deref()).unwrap_or("the local store")
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![
            ("Profile", self.name.clone()),
            ("Acts on", self.acts_on().to_owned()),
            ("Project", self.project.clone()),
        ];
        if self.place == "remote" {
            lines.push(("API key", self.key.clone()));
        }
        if self.protected {
            lines.push(("Protected", format!("writes need --confirm {}", self.name)));
        }
        lines
    }
}

impl Record for ProfileRow {
    const COLUMNS: &'static [Column] = &[
        Column::new("name", "NAME"),
        Column::new("current", "CURRENT"),
        Column::new("acts_on", "ACTS ON"),
        Column::new("project", "PROJECT"),
        Column::new("protected", "PROTECTED"),
        Column::wide("key", "KEY"),
    ];
    const FIELDS: &'static [&'static str] =
        &["name", "current", "place", "api_url", "state", "project", "protected", "key"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let word = |on: bool, word: &'static str| if on { Cell::from(word) } else { Cell::Empty };
        out.extend([
            Cell::from(self.name.as_str()),
            word(self.current, "current"),
            Cell::from(self.acts_on()),
            Cell::from(self.project.as_str()),
            word(self.protected, "protected"),
            Cell::from(self.key.as_str()),
        ]);
    }
}

/// List the profiles
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {}

impl Run for List {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let current = &context.settings.sources.profile;
        let profiles = context.settings.sources.read_config()?.profiles;
        let rows = profiles.iter().map(|(name, values)| ProfileRow::new(name, values, current));
        all_of(context, rows)
    }
}

/// Show a profile, or the one in use
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Get {
    /// Name of the profile
    #[arg(add = assets::profiles())]
    name: Option<String>,
}

impl Run for Get {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let sources = &context.settings.sources;
        let file = context.settings.sources.read_config()?;
        let name = self.name.as_ref().unwrap_or(&sources.profile);
        let nothing = Values::new();
        let is_built_in = self.name.is_none() && sources.profile_origin == Origin::BuiltIn;
        let values = file.profiles.get(name).or(is_built_in.then_some(&nothing));
        let values = values.ok_or_else(|| file.missing(name, &sources.config_path()))?;
        let row = ProfileRow::new(name, values, &sources.profile);
        context.output.item(&row, Some(&row.card()))
    }
}

/// Create a profile
///
/// It acts on a hub elsewhere (--api-url), on the local store (--local), or on another store
/// (--state). Its project and the options of requests are those given as flags. It is used with
/// -P NAME, or by default after `hubctl profile use NAME`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Create {
    /// Name: 1 to 63 letters, digits, `-` and `_`
    name: String,

    /// Act on the local store
    #[arg(long, conflicts_with = "api_url")]
    local: bool,

    /// Ask for the profile's name before every write
    #[arg(long)]
    protected: bool,
}

impl Run for Create {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check::<ProfileRow>()?;
        let (name, globals) = (&self.name, &context.globals);
        credentials::check_name(name)?;
        if !self.local && globals.api_url.is_none() && globals.state.is_none() {
            let text = "nothing says where the profile acts";
            return Err(HubError::new(&codes::USAGE, text).hint(format!(
                "hubctl profile create {name} --api-url https://api.stackone.com # or --local"
            )));
        }
        let sources = &context.settings.sources;
        let path = sources.config_path();
        let edited = edit(&path, globals.dry_run, |editor| {
            if editor.before.profiles.contains_key(name) {
                let text = format!("there is a profile `{name}` already");
                return Err(HubError::new(&codes::PROFILE_EXISTS, text)
                    .hint(format!("hubctl config set KEY VALUE -P {name}")));
            }
            editor.make_profile(name)?;
            let mut values = Values::new();
            for setting in table::SETTINGS.iter().filter(|setting| setting.in_profile) {
                // The format of this answer is not the profile's.
                let given = sources.pick(globals, setting)?;
                let given = given.filter(|picked| matches!(picked.origin, Origin::Flag(_)));
                if let Some(picked) = given.filter(|_| setting.key != "output") {
                    let value = setting.form.kept(picked.value)?;
                    editor.set(name, setting, &value)?;
                    values.insert(setting.key, value.into_owned());
                }
            }
            if let Some(protected) = table::in_profile("protected").filter(|_| self.protected) {
                editor.set(name, protected, "true")?;
                values.insert(protected.key, "true".to_owned());
            }
            Ok(values)
        });
        let (values, _) = edited?;
        let row = ProfileRow::new(name, &values, &sources.profile);
        if globals.dry_run {
            context.output.trial("dry run: nothing was made");
        }
        let word = if globals.dry_run { "Would create" } else { "Created" };
        let mut lines = row.card();
        lines[0] = (word, format!("profile {name}"));
        context.output.item(&row, Some(&lines))?;
        if row.place == "remote" && !globals.dry_run {
            context.output.note(format_args!("give it a key: hubctl auth login -P {name}"));
        }
        Ok(())
    }
}

/// Choose the profile that is used by default
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Use {
    /// Name of the profile
    #[arg(add = assets::profiles())]
    name: String,
}

impl Run for Use {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check_writes(false)?;
        let (name, sources) = (&self.name, &context.settings.sources);
        let path = sources.config_path();
        let (row, changed) = edit(&path, context.globals.dry_run, |editor| {
            let values = editor.before.profiles.get(name);
            let values = values.ok_or_else(|| editor.before.missing(name, &path))?;
            let row = ProfileRow::new(name, values, name);
            if editor.before.profile.as_deref() != Some(name) {
                editor.choose(Some(name));
            }
            Ok(row)
        })?;
        let mut result = WriteResult::new("use", format!("profile/{name}"), changed);
        result.dry_run = context.globals.dry_run;
        let word = if result.dry_run { "Would use" } else { "Using" };
        result.human = format!("{word} profile {name}, which acts on {}.", row.acts_on());
        context.output.writes(&[result])?;
        if let Origin::Environment(variable) = sources.profile_origin
            && sources.profile != *name
        {
            context.output.warn(format_args!(
                "{variable} names profile `{}`, and is stronger",
                sources.profile
            ));
        }
        for setting in ["state", "api_url"].into_iter().filter_map(table::in_profile) {
            let picked = sources.pick_os(&context.globals, setting);
            if let Some(Origin::Environment(variable)) = picked.map(|picked| picked.origin) {
                context.output.warn(format_args!(
                    "{variable} is set, and is stronger than any profile: commands act there"
                ));
            }
        }
        Ok(())
    }
}

/// Delete profiles, with the API keys kept for them
///
/// The hubs and stores that they act on stay as they are, and so do the keys on a hub.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Delete {
    /// Names of the profiles; `-` reads them from standard input
    #[arg(value_name = "NAME", add = assets::profiles())]
    names: Vec<String>,
}

impl Run for Delete {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.names)?;
        let mut batch =
            Batch::new(context, "profile", "delete", &targets, "hubctl profile delete NAME")?;
        for name in targets.iter() {
            let outcome = delete(context, name).map(|result| vec![result]);
            if batch.add(name, outcome).is_break() {
                break;
            }
        }
        batch.finish_without_notes()
    }
}

fn delete(context: &Context, name: &str) -> Result<WriteResult, HubError> {
    let settings = &context.settings;
    let (path, dry_run) = (settings.sources.config_path(), context.globals.dry_run);
    let file = settings.sources.read_config()?;
    let values = file.profiles.get(name).ok_or_else(|| file.missing(name, &path))?;
    let keeper = Keeper::named(values.get("key").map(String::as_str));
    let row = ProfileRow::new(name, values, &settings.sources.profile);
    let with = if keeper.is_some() { " and the API key kept for it" } else { "" };
    let what = format!("deleting profile {name}{with} leaves {} as it is", row.acts_on());
    consent(context, &what, 0, "Delete")?;
    if let Some(keeper) = keeper.filter(|_| !dry_run) {
        credentials::forget(settings, name, keeper)?;
    }
    let ((), changed) = edit(&path, dry_run, |editor| {
        editor.remove_profile(name);
        Ok(())
    })?;
    let mut result = WriteResult::new("delete", format!("profile/{name}"), changed);
    result.dry_run = dry_run;
    let word = if dry_run { "Would delete" } else { "Deleted" };
    result.human = format!("{word} profile {name}{with}.");
    if file.profile.as_deref() == Some(name) && !dry_run {
        context
            .output
            .note(format_args!("it was the one used by default; now that is `{DEFAULT_PROFILE}`"));
    }
    Ok(result)
}
