//! Commands about hubctl itself: its commands, errors, answers, completions, manual.

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::assets::{self, Shell};
use crate::cli::context::Context;
use crate::cli::exit::{EXIT_CODES, ExitCode};
use crate::cli::manual;
use crate::cli::output::{Cell, Column, Record};
use crate::cli::tree::Run;
use crate::env;
use crate::error::{Code, HubError, codes};

/// Writes all of a short list.
pub(super) fn all_of<R: Record>(
    context: &Context,
    rows: impl IntoIterator<Item = R>,
) -> Result<(), HubError> {
    let mut list = context.output.list_of::<R>()?;
    for row in rows {
        if list.push(&row)?.is_break() {
            break;
        }
    }
    list.finish(|_| None).map(drop)
}

/// Explain an error code
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ExplainError {
    /// The code, such as `confirm.required`; without one, all are listed
    #[arg(add = assets::error_codes())]
    code: Option<String>,
}

/// An error code.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "ErrorCode")]
pub(in crate::cli) struct CodeRow {
    /// Stable dotted code.
    code: &'static str,
    /// The exit status that goes with it.
    exit_code: u8,
    /// What is the case.
    meaning: &'static str,
    /// What to do.
    remedy: &'static str,
}

impl From<&'static Code> for CodeRow {
    fn from(code: &'static Code) -> Self {
        let exit_code = crate::cli::exit::exit_code(&HubError::new(code, ""));
        Self { code: code.name, exit_code, meaning: code.meaning, remedy: code.remedy }
    }
}

impl Record for CodeRow {
    const COLUMNS: &'static [Column] = &[
        Column::new("code", "CODE"),
        Column::new("exit_code", "EXIT"),
        Column::new("meaning", "MEANING").wraps(),
        Column::wide("remedy", "REMEDY"),
    ];
    const FIELDS: &'static [&'static str] = &["code", "exit_code", "meaning", "remedy"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.code)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(self.code),
            Cell::Number(self.exit_code.into()),
            Cell::from(self.meaning),
            Cell::from(self.remedy),
        ]);
    }
}

impl Run for ExplainError {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let Some(name) = self.code else {
            return all_of(context, codes::ALL.iter().copied().map(CodeRow::from));
        };
        let code = codes::find(name.trim()).ok_or_else(|| {
            let shown: String = name.chars().take(80).collect();
            HubError::new(&codes::BAD_VALUE, format!("there is no error code `{shown}`"))
                .hint("hubctl explain-error")
        })?;
        let row = CodeRow::from(code);
        let lines = [
            ("Code", row.code.to_owned()),
            ("Exit status", row.exit_code.to_string()),
            ("Meaning", row.meaning.to_owned()),
            ("What to do", row.remedy.to_owned()),
        ];
        context.output.item(&row, Some(&lines))
    }
}

/// Print a shell's completion script
///
/// The script asks hubctl for connector keys, config names and account ids as you type.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Completion {
    /// The shell
    shell: Shell,
}

impl Run for Completion {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.text(&assets::completion(self.shell)?)
    }
}

/// Print the manual page, or write all pages into a folder
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Man {
    /// Write one page per command into this folder
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    out: Option<PathBuf>,
}

impl Run for Man {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let pages = manual::pages()?;
        let Some(folder) = self.out else {
            let main = pages.iter().find(|(name, _)| name == "hubctl.1");
            return context.output.text(main.map_or("", |(_, text)| text));
        };
        let failed = |error: io::Error| {
            let text = format!("can't write to {}: {error}", folder.display());
            HubError::new(&codes::OUTPUT_FAILED, text)
        };
        std::fs::create_dir_all(&folder).map_err(|error| {
            let text = format!("can't make the folder {}: {error}", folder.display());
            HubError::new(&codes::BAD_VALUE, text)
        })?;
        for (name, text) in &pages {
            write_page(&folder, name, text).map_err(failed)?;
        }
        context.output.remark(format_args!("{} pages in {}", pages.len(), folder.display()));
        Ok(())
    }
}

/// Puts a page in the place of whatever has its name: a link that lies there is not followed.
fn write_page(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let mut page = tempfile::Builder::new();
    page.prefix(".hubctl-");
    // Pages are for everybody, as far as the umask lets them.
    #[cfg(unix)]
    page.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut page = page.tempfile_in(folder)?;
    page.write_all(text.as_bytes())?;
    page.persist(folder.join(name))?;
    Ok(())
}

/// Print the version
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Version {}

/// The version.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Version")]
pub(in crate::cli) struct VersionRow {
    /// Name of the program.
    name: &'static str,
    /// Its version.
    version: &'static str,
    /// Version of the contract that these answers keep.
    contract: u32,
}

impl Record for VersionRow {
    const COLUMNS: &'static [Column] =
        &[Column::new("name", "NAME"), Column::new("version", "VERSION")];
    const FIELDS: &'static [&'static str] = &["name", "version", "contract"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.version)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([Cell::from(self.name), Cell::from(self.version)]);
    }
}

impl Run for Version {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let version = env!("CARGO_PKG_VERSION");
        if context.output.is_machine() {
            return context.output.item(&VersionRow { name: "hubctl", version, contract: 1 }, None);
        }
        context.output.text(&format!("hubctl {version}"))
    }
}

/// Show help on a command or a topic: exit-codes, environment, output
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Help {
    /// A command, or one of exit-codes, environment and output
    #[arg(value_name = "COMMAND|TOPIC", add = assets::helped())]
    words: Vec<String>,
}

/// What there is help on beside the commands.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) enum Topic {
    /// Exit statuses.
    ExitCodes,
    /// Environment variables.
    Environment,
    /// Forms of answers.
    Output,
}

impl Topic {
    /// All of them.
    pub(in crate::cli) const ALL: [Self; 3] = [Self::ExitCodes, Self::Environment, Self::Output];

    /// The topic as one word.
    pub(in crate::cli) const fn as_str(self) -> &'static str {
        match self {
            Self::ExitCodes => "exit-codes",
            Self::Environment => "environment",
            Self::Output => "output",
        }
    }

    fn of(words: &[String]) -> Option<Self> {
        let [word] = words else { return None };
        Self::ALL.into_iter().find(|topic| topic.as_str() == word)
    }
}

#[derive(Debug, Serialize)]
struct ExitRow {
    code: u8,
    name: &'static str,
    when: &'static str,
}

impl Record for ExitRow {
    const COLUMNS: &'static [Column] = &[
        Column::new("code", "CODE"),
        Column::new("name", "NAME"),
        Column::new("when", "WHEN").wraps(),
    ];
    const FIELDS: &'static [&'static str] = &["code", "name", "when"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Owned(self.code.to_string())
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([Cell::Number(self.code.into()), Cell::from(self.name), Cell::from(self.when)]);
    }
}

#[derive(Debug, Serialize)]
struct VariableRow {
    name: &'static str,
    meaning: &'static str,
}

impl Record for VariableRow {
    const COLUMNS: &'static [Column] =
        &[Column::new("name", "NAME"), Column::new("meaning", "MEANING").wraps()];
    const FIELDS: &'static [&'static str] = &["name", "meaning"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.name)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([Cell::from(self.name), Cell::from(self.meaning)]);
    }
}

/// What a script needs to know of the output.
pub(in crate::cli) const OUTPUT_HELP: &str = "\
Results go to standard output; notes, questions and errors go to standard error.

On a terminal lists are tables, with relative times and at most 50 rows unless --all.
In a pipe they are tab-separated values without a header, with whole values and UTC times.
--output (-o) chooses table, wide, json, jsonl, yaml, csv, tsv, value or id.
--json is -o json. --fields A,B narrows any format to fields of the JSON answer.
--columns A,B chooses columns of tables, TSV and CSV. --jq EXPR filters the JSON answer.

A JSON answer is written whole or not at all; JSON Lines, TSV and CSV are streamed.
A list is one array, one thing is one object. `hubctl schema TYPE` prints the JSON Schema.
A write answers an object with action, resource, changed, dry_run, affected_accounts,
operation_id, before and after; for several targets an array of these with ok and error.
A create answers the created object itself.

Errors are `error[code]: message` and `hint: command`. With a machine format, or with
HUBCTL_ERROR_FORMAT=json, they are one line of JSON: {\"error\":{\"code\":...}}.
";

impl Run for Help {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let output = &context.output;
        match Topic::of(&self.words) {
            Some(Topic::ExitCodes) => {
                let row =
                    |row: &ExitCode| ExitRow { code: row.code, name: row.name, when: row.when };
                all_of(context, EXIT_CODES.iter().map(row))
            }
            Some(Topic::Environment) => {
                let row =
                    |row: &env::Variable| VariableRow { name: row.name, meaning: row.meaning };
                all_of(context, env::ALL.iter().map(row))
            }
            Some(Topic::Output) => output.text(OUTPUT_HELP),
            None => {
                let mut command = assets::whole_tree();
                for word in &self.words {
                    let Some(next) = command.find_subcommand(word) else {
                        let shown: String = word.chars().take(40).collect();
                        return Err(HubError::new(
                            &codes::USAGE,
                            format!("no command or topic `{shown}`"),
                        )
                        .hint("hubctl --help"));
                    };
                    command = next.clone();
                }
                output.text(&command.render_long_help().to_string())
            }
        }
    }
}
