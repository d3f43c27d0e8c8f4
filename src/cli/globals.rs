//! The flags that every command takes.

use std::path::PathBuf;

use clap::ValueEnum;

use super::assets;
use super::output::Format;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Flags that every command takes, before or after its name.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Globals {
    /// Profile of the configuration file to use
    #[arg(short = 'P', long, global = true, value_name = "NAME", add = assets::profiles())]
    pub profile: Option<String>,

    /// Project to act in [default: default]
    #[arg(long, global = true, value_name = "NAME", add = assets::projects())]
    pub project: Option<String>,

    /// The store: a path of an SQLite file or a postgres:// URL
    #[arg(long, global = true, value_name = "PATH|URL", value_hint = clap::ValueHint::FilePath)]
    pub state: Option<String>,

    /// Address of the hub to act on, instead of a local store
    #[arg(long, global = true, value_name = "URL", value_hint = clap::ValueHint::Url)]
    pub api_url: Option<String>,

    /// Output format [default: table on a terminal, tsv in a pipe]
    #[arg(short, long, global = true, value_name = "FORMAT", value_parser = format_parser())]
    pub output: Option<Format>,

    /// Write JSON with every field
    #[arg(long, global = true, conflicts_with = "output")]
    pub json: bool,

    /// Fields to show, by their JSON names, comma-separated
    #[arg(long, global = true, value_name = "A,B", value_delimiter = ',')]
    pub fields: Vec<String>,

    /// Columns to show in tables, TSV and CSV, comma-separated
    #[arg(long, global = true, value_name = "A,B", value_delimiter = ',')]
    pub columns: Vec<String>,

    /// Filter the JSON answer with a jq expression
    #[arg(long, global = true, value_name = "EXPR")]
    pub jq: Option<String>,

    /// Leave the header of tables and CSV out
    #[arg(long, global = true)]
    pub no_header: bool,

    /// At most so many rows
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true)]
    pub limit: Option<u64>,

    /// All rows, also on a terminal (which shows 50 otherwise)
    #[arg(long, global = true)]
    pub all: bool,

    /// No notes on standard error
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Show causes of errors
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,

    /// Show absolute times in UTC instead of the local zone
    #[arg(long, global = true)]
    pub utc: bool,

    /// Never ask anything; fail where an answer is needed
    #[arg(long, global = true)]
    pub no_input: bool,

    /// Consent to what the command would ask for
    #[arg(short, long, global = true)]
    pub yes: bool,

    /// Show what would change and change nothing
    #[arg(short = 'n', long, global = true)]
    pub dry_run: bool,

    /// Fail instead of touching more than so many linked accounts
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true)]
    pub max_affected: Option<u64>,

    /// Consent to a write with a protected profile, by its name
    #[arg(long, global = true, value_name = "PROFILE", add = assets::profiles())]
    pub confirm: Option<String>,

    /// Longest time that one request to a hub may take [default: 30s]
    #[arg(long, global = true, value_name = "DURATION", allow_negative_numbers = true)]
    pub http_timeout: Option<String>,

    /// How often a failed request is sent again, where that is safe [default: 3]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true)]
    pub retries: Option<String>,

    /// Longest time to wait for a hub that says to slow down [default: 60s]
    #[arg(long, global = true, value_name = "DURATION", allow_negative_numbers = true)]
    pub max_wait: Option<String>,

    /// Requests to a hub at the same time [default: 4]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true)]
    pub concurrency: Option<String>,

    /// Add every exchange with a hub to this file, without secrets
    #[arg(long, global = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub trace: Option<PathBuf>,

    /// PEM certificates to trust instead of the system's
    #[arg(long, global = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub cacert: Option<PathBuf>,
}

fn format_parser() -> impl clap::builder::TypedValueParser<Value = Format> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| name.parse::<Format>())
}
