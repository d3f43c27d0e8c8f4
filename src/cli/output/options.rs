//! What decides the form of an answer. All of it is handed in: nothing here asks the system.

use std::fmt;
use std::str::FromStr;

use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};

use super::suggest;

/// A form in which an answer can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Aligned columns without lines.
    Table,
    /// A table with every column and absolute times.
    Wide,
    /// One JSON document, written only when whole.
    Json,
    /// One JSON value a line, as they come.
    Jsonl,
    /// One YAML document, written only when whole.
    Yaml,
    /// RFC 4180 with a header.
    Csv,
    /// Tab-separated, no header, tabs and line ends escaped.
    Tsv,
    /// Values alone: tab-separated for lists, one a line for a single thing.
    Value,
    /// Ids alone, one a line.
    Id,
}

impl Format {
    /// Every format, in the order of the help text.
    pub const ALL: [Self; 9] = [
        Self::Table,
        Self::Wide,
        Self::Json,
        Self::Jsonl,
        Self::Yaml,
        Self::Csv,
        Self::Tsv,
        Self::Value,
        Self::Id,
    ];

    /// The name that `--output` takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Wide => "wide",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Yaml => "yaml",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Value => "value",
            Self::Id => "id",
        }
    }

    /// Whether it is a document for programs: errors are JSON then, and nothing is asked.
    #[must_use]
    pub const fn is_machine(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl | Self::Yaml)
    }

    /// Whether it has columns.
    pub(super) const fn is_tabular(self) -> bool {
        matches!(self, Self::Table | Self::Wide | Self::Csv | Self::Tsv | Self::Value)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = HubError;

    fn from_str(text: &str) -> Result<Self, HubError> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            HubError::new(&codes::BAD_VALUE, format!("there is no output format `{text}`"))
                .hint(suggest::hint(text, &Self::ALL.map(Self::name)))
        })
    }
}

/// How answers are to be written.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own or a fact")]
pub struct OutputOptions {
    /// `--output`; `None` follows the terminal.
    pub format: Option<Format>,
    /// Whether the environment or the profile says `format`, and no flag.
    pub is_usual_format: bool,
    /// `--fields`: API keys.
    pub fields: Option<Vec<String>>,
    /// `--columns`: column names.
    pub columns: Option<Vec<String>>,
    /// `--jq`.
    pub jq: Option<String>,
    /// `--no-header`.
    pub no_header: bool,
    /// `--limit`.
    pub limit: Option<u64>,
    /// `--all`: no cap on a terminal.
    pub all: bool,
    /// `--quiet`: no notes.
    pub quiet: bool,
    /// Whether standard output may be coloured.
    pub color: bool,
    /// Whether standard error may be coloured.
    pub color_err: bool,
    /// `--utc`: absolute times for people in UTC instead of the local zone.
    pub utc: bool,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// Columns of the terminal, where known.
    pub width: Option<u16>,
    /// The present, for relative times.
    pub now: Timestamp,
}

impl OutputOptions {
    /// Options of a plain pipe at the instant given.
    #[must_use]
    pub const fn pipe(now: Timestamp) -> Self {
        Self {
            format: None,
            is_usual_format: false,
            fields: None,
            columns: None,
            jq: None,
            no_header: false,
            limit: None,
            all: false,
            quiet: false,
            color: false,
            color_err: false,
            utc: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            width: None,
            now,
        }
    }
}
