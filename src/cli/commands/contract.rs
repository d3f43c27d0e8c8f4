//! What scripts and agents build on: the commands with their arguments, and the types of answers.

use std::borrow::Cow;

use clap::ArgAction;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::assets;
use crate::cli::context::Context;
use crate::cli::output::{Cell, Column, Record};
use crate::cli::schemas;
use crate::cli::tree::{self, Effect, Run};
use crate::error::{HubError, codes};

use super::meta::all_of;

/// List every command with what it does to the state
///
/// The JSON answer names each command's arguments, the operations that it calls, and the types of
/// its answers, which `hubctl schema` describes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Commands {
    /// List the flags that every command takes instead
    #[arg(long)]
    global: bool,
}

/// A command.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Command")]
pub(in crate::cli) struct CommandRow {
    /// Its words, after `hubctl`.
    command: String,
    /// What it does, in a line.
    about: String,
    /// What it does to the state; `destructive` asks for consent, which `--yes` gives.
    effect: Effect,
    /// Operations of the hub that it calls.
    operations: &'static [&'static str],
    /// Types of its JSON answer, with `[]` for an array; more than one where the arguments
    /// decide. Empty: it answers text.
    answers: &'static [&'static str],
    /// Other words for it.
    aliases: Vec<String>,
    /// Its own arguments; `hubctl commands --global` lists those of every command.
    arguments: Vec<Argument>,
}

/// What an argument is.
#[derive(Debug, Clone, Copy, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum ArgumentKind {
    /// A word at its place.
    Positional,
    /// A flag with a value.
    Option,
    /// A flag alone.
    Flag,
}

/// An argument of a command.
#[derive(Debug, JsonSchema, Serialize)]
pub(in crate::cli) struct Argument {
    /// Its long flag, or the name of a positional.
    name: String,
    /// Its short flag.
    short: Option<String>,
    /// What it is.
    kind: ArgumentKind,
    /// What it does, in a line.
    help: String,
    /// Whether the command fails without it.
    required: bool,
    /// Whether it may be given more than once.
    multiple: bool,
    /// What stands for its value in the help.
    value: Option<String>,
    /// The values that it takes, where they are known beforehand.
    values: Vec<String>,
    /// The value where none is given.
    default: Option<String>,
}

impl Record for CommandRow {
    const COLUMNS: &'static [Column] = &[
        Column::new("command", "COMMAND"),
        Column::new("effect", "EFFECT"),
        Column::new("about", "ABOUT").wraps(),
    ];
    const FIELDS: &'static [&'static str] =
        &["command", "about", "effect", "operations", "answers", "aliases", "arguments"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.command)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(self.command.as_str()),
            Cell::from(self.effect.as_str()),
            Cell::from(self.about.as_str()),
        ]);
    }
}

impl Record for Argument {
    const COLUMNS: &'static [Column] = &[
        Column::new("name", "NAME"),
        Column::new("value", "VALUE"),
        Column::new("default", "DEFAULT"),
        Column::new("help", "HELP").wraps(),
        Column::wide("values", "VALUES"),
    ];
    const FIELDS: &'static [&'static str] =
        &["name", "short", "kind", "help", "required", "multiple", "value", "values", "default"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(self.name.as_str()),
            Cell::opt(self.value.as_deref()),
            Cell::opt(self.default.as_deref()),
            Cell::from(self.help.as_str()),
            Cell::from(self.values.join(",")),
        ]);
    }
}

impl Run for Commands {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let root = assets::whole_tree();
        let arguments = |command: &clap::Command, global: bool| -> Vec<Argument> {
            let of_tree = |argument: &&clap::Arg| {
                argument.is_global_set() == global
                    && !matches!(argument.get_id().as_str(), "help" | "version")
            };
            command.get_arguments().filter(of_tree).map(argument).collect()
        };
        if self.global {
            return all_of(context, arguments(&root, true));
        }
        let mut rows = Vec::new();
        tree::for_each_leaf(|words, effect, operations| {
            let mut aliases = vec![String::new()];
            let found = words.iter().try_fold(&root, |command, word| {
                let next = command.find_subcommand(word)?;
                let names: Vec<&str> =
                    std::iter::once(*word).chain(next.get_visible_aliases()).collect();
                let longer = |before: &String| {
                    let longer = names.iter().map(|name| format!("{before} {name}"));
                    longer.map(|text| text.trim_start().to_owned()).collect::<Vec<_>>()
                };
                aliases = aliases.iter().flat_map(longer).collect();
                Some(next)
            });
            let Some(command) = found else { return };
            let name = words.join(" ");
            rows.push(CommandRow {
                about: command.get_about().map(ToString::to_string).unwrap_or_default(),
                effect,
                operations,
                answers: schemas::answers(&name).unwrap_or_default(),
                // The first is the command itself.
                aliases: aliases.split_off(1),
                arguments: arguments(command, false),
                command: name,
            });
        });
        all_of(context, rows)
    }
}

fn argument(argument: &clap::Arg) -> Argument {
    let takes_value = argument.get_action().takes_values();
    let (name, kind) = match argument.get_long() {
        Some(long) if takes_value => (format!("--{long}"), ArgumentKind::Option),
        Some(long) => (format!("--{long}"), ArgumentKind::Flag),
        None => (argument.get_id().to_string(), ArgumentKind::Positional),
    };
    let default = argument.get_default_values().first();
    let value = argument.get_value_names().and_then(|names| names.first());
    let values = argument.get_possible_values();
    Argument {
        name,
        kind,
        short: argument.get_short().map(|letter| format!("-{letter}")),
        help: argument.get_help().map(ToString::to_string).unwrap_or_default(),
        required: argument.is_required_set(),
        multiple: matches!(argument.get_action(), ArgAction::Append | ArgAction::Count),
        value: value.filter(|_| takes_value).map(ToString::to_string),
        values: values
            .iter()
            .filter(|_| takes_value)
            .map(|value| value.get_name().to_owned())
            .collect(),
        default: default.filter(|_| takes_value).map(|value| value.to_string_lossy().into_owned()),
    }
}

/// Print the JSON Schema of an answer
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Schema {
    /// Name of the type, as --list shows it
    #[arg(value_name = "TYPE", required_unless_present = "list", add = assets::types())]
    name: Option<String>,

    /// List the types
    #[arg(long, conflicts_with = "name")]
    list: bool,
}

/// A type of answer.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Type")]
pub(in crate::cli) struct TypeRow {
    /// Its name, for `hubctl schema`.
    name: &'static str,
    /// What it describes.
    about: &'static str,
}

impl Record for TypeRow {
    const COLUMNS: &'static [Column] =
        &[Column::new("name", "NAME"), Column::new("about", "ABOUT").wraps()];
    const FIELDS: &'static [&'static str] = &["name", "about"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.name)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([Cell::from(self.name), Cell::from(self.about)]);
    }
}

impl Run for Schema {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let Some(name) = self.name else {
            let rows = schemas::all().map(|row| TypeRow { name: row.name, about: row.about });
            return all_of(context, rows);
        };
        let found = schemas::all().find(|row| row.name == name.trim()).ok_or_else(|| {
            let shown: String = name.chars().take(80).collect();
            HubError::new(&codes::BAD_VALUE, format!("there is no type `{shown}`"))
                .hint("hubctl schema --list")
        })?;
        context.output.value(&found.schema())
    }
}
