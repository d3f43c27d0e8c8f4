//! Writes answers: data to standard output in the form asked for, everything else to standard
//! error. Commands hand over records and never format; nothing here decides or asks.

mod clean;
mod document;
mod endless;
mod item;
mod jq;
mod json;
mod list;
mod mask;
mod options;
mod pieces;
mod record;
mod rows;
mod select;
mod sink;
mod spool;
mod suggest;
mod table;
mod when;
mod width;
mod writes;
mod written;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};

pub use clean::line as clean_line;
pub use endless::Endless;
pub use jq::THREAD as JQ_THREAD;
pub use list::{List, ListSummary};
pub use options::{Format, OutputOptions};
pub use pieces::Pieces;
pub use record::{Cell, Column, Fit, Record};
pub use sink::Captured;
pub(super) use suggest::hint as near_names;
pub(super) use width::fitted;
pub(super) use writes::OneOfMany;
#[cfg(test)]
pub(super) use writes::Single;
pub use writes::{Aside, WriteResult};

use clean::Lines;
use rows::Look;
use select::Selection;
use sink::Sink;
use when::{Times, When};

/// Finished JSON text with every risky character as `\\uXXXX`: the same value.
#[must_use]
pub fn json_safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    clean::push_json_escaped(&mut out, text);
    out
}

/// The two streams of a command and how to write to them.
#[derive(Debug)]
pub struct Output {
    options: OutputOptions,
    when: When,
    stdout: Sink,
    stderr: Sink,
}

impl Output {
    /// Writes to the streams of this process.
    ///
    /// # Errors
    /// When flags contradict each other or the `--jq` expression does not compile.
    pub fn new(options: OutputOptions) -> Result<Self, HubError> {
        Self::with(options, Sink::stdout()?, Sink::stderr()?)
    }

    /// Writes to memory: standard output and standard error.
    ///
    /// # Errors
    /// As `new`.
    pub fn captured(options: OutputOptions) -> Result<(Self, Captured, Captured), HubError> {
        let (stdout, stderr) = (Captured::default(), Captured::default());
        let sinks = (Sink::memory(stdout.clone()), Sink::memory(stderr.clone()));
        Ok((Self::with(options, sinks.0, sinks.1)?, stdout, stderr))
    }

    fn with(options: OutputOptions, stdout: Sink, stderr: Sink) -> Result<Self, HubError> {
        if let Some(expression) = &options.jq {
            if let Some(format) = options.format.filter(|format| *format != Format::Json) {
                return Err(HubError::new(
                    &codes::USAGE,
                    format!("--jq works on JSON and can't be used with `--output {format}`"),
                )
                .hint("leave --output out"));
            }
            jq::check(expression)?;
        }
        let when = When::new(options.now, options.utc);
        Ok(Self { options, when, stdout, stderr })
    }

    /// What was asked for.
    pub const fn options(&self) -> &OutputOptions {
        &self.options
    }

    /// Whether programs read the answer: errors are JSON then, and nothing may be asked.
    pub fn is_machine(&self) -> bool {
        self.options.jq.is_some() || self.options.format.is_some_and(Format::is_machine)
    }

    /// Whether a person reads standard output in the form made for people.
    pub fn is_human(&self) -> bool {
        self.options.stdout_is_terminal
            && self.options.jq.is_none()
            && matches!(self.options.format, None | Some(Format::Table | Format::Wide))
    }

    /// Whether the reader of standard output has closed it: there is no use in going on reading.
    pub fn is_broken(&self) -> bool {
        self.stdout.is_broken()
    }

    /// Whether an id or value alone was asked for with `--output`, or `None` for what the
    /// terminal decides.
    pub const fn format(&self) -> Option<Format> {
        self.options.format
    }

    /// The form of a list, or of a single thing where it has no card.
    pub(in crate::cli) fn list_format(&self) -> Format {
        match self.options.format {
            _ if self.options.jq.is_some() => Format::Json,
            Some(format) => format,
            None if self.options.stdout_is_terminal => Format::Table,
            None => Format::Tsv,
        }
    }

    /// Whether a flag asks for one whole document.
    pub(in crate::cli) fn is_document_asked_for(&self) -> bool {
        let is_document = matches!(self.options.format, Some(Format::Json | Format::Yaml));
        is_document && !self.options.is_usual_format
    }

    /// The form of a list that goes on. What never ends is no document, and the one that environment
    /// or profile prefer is written as JSON Lines.
    pub(in crate::cli) fn endless_format(&self) -> Format {
        match self.list_format() {
            Format::Json | Format::Yaml if self.options.is_usual_format => Format::Jsonl,
            format => format,
        }
    }

    /// Checks `--fields` and `--columns` against the record, for commands that do their work
    /// before they know what they will answer.
    ///
    /// # Errors
    /// When a field or column is unknown.
    pub fn check<R: Record>(&self) -> Result<(), HubError> {
        Selection::of::<R>(&self.options, self.list_format()).map(drop)
    }

    /// Whether a list in this form has none of these fields, and none of the columns that are made
    /// of them, so that they need not even be read.
    pub(in crate::cli) fn leaves_out<R: Record>(
        &self,
        format: Format,
        fields: &[&str],
        columns: &[&str],
    ) -> bool {
        let is_one =
            |all: &[&str], name: &str| all.iter().any(|one| one.eq_ignore_ascii_case(name.trim()));
        let OutputOptions { fields: shown, columns: chosen, .. } = &self.options;
        match (chosen, shown) {
            (Some(chosen), _) => !chosen.iter().any(|name| is_one(columns, name)),
            (None, Some(shown)) => !shown.iter().any(|name| is_one(fields, name)),
            (None, None) if format.is_tabular() => {
                let mut shown = R::COLUMNS.iter().filter(|c| format == Format::Wide || !c.wide);
                !shown.any(|column| is_one(columns, column.name))
            }
            (None, None) => format == Format::Id,
        }
    }

    fn look(&self, format: Format) -> Look<'_> {
        let terminal = self.options.stdout_is_terminal;
        let (times, lines) = match format {
            Format::Table if terminal => (Times::Relative, Lines::Escape),
            Format::Wide if terminal => (Times::Absolute, Lines::Escape),
            Format::Csv => (Times::Exact, Lines::Keep),
            Format::Tsv => (Times::Exact, Lines::Reversible),
            _ => (Times::Exact, Lines::Escape),
        };
        Look { when: &self.when, times, lines }
    }

    /// An instant for a sentence: "in 30 min (2026-11-22 04:30 UTC)".
    pub fn moment(&self, at: Timestamp) -> String {
        let mut out = String::new();
        self.when.push_moment(&mut out, at);
        out
    }

    /// Since when something is so: "since 3 h ago (…)", or "just now (…)".
    pub fn since(&self, at: Timestamp) -> String {
        let moment = self.moment(at);
        match moment.strip_prefix("now ") {
            Some(rest) => format!("just now {rest}"),
            None => format!("since {moment}"),
        }
    }

    /// A text of the hub, which programs read as well, with its instants as people read them.
    pub fn timed(&self, text: &str) -> String {
        let mut out = String::new();
        self.when.push_timed(&mut out, text);
        out
    }

    /// Plain text such as a token or a page of help, with a line end.
    pub fn text(&self, text: &str) -> Result<(), HubError> {
        let mut out = clean::lines(text).into_owned();
        if !out.ends_with('\n') {
            out.push('\n');
        }
        self.stdout.write(out.as_bytes())
    }

    /// Bytes as they are, for programs; a terminal gets them as text.
    pub fn bytes(&self, bytes: &[u8]) -> Result<(), HubError> {
        if self.options.stdout_is_terminal {
            return self.text(&String::from_utf8_lossy(bytes));
        }
        self.stdout.write(bytes)
    }

    /// Tells something by the way, on standard error; `--quiet` silences it.
    pub fn note(&self, text: impl fmt::Display) {
        if !self.options.quiet {
            self.aside("note", None, &text);
        }
    }

    /// Tells of a dry run, on standard error and with `--quiet` as well: what it answers looks like
    /// what was made, and a secret in it opens nothing.
    pub fn trial(&self, text: impl fmt::Display) {
        self.aside("note", None, &text);
    }

    /// Warns on standard error.
    pub fn warn(&self, text: impl fmt::Display) {
        self.aside("warning", Some(anstyle::AnsiColor::Yellow), &text);
    }

    /// A line on standard error without a word in front; `--quiet` silences it.
    pub fn remark(&self, text: impl fmt::Display) {
        if !self.options.quiet {
            self.complain(&format!("{}\n", clean::lines(&text.to_string())));
        }
    }

    /// A picture of dark blocks on light ground, for people: where a person reads the answer, else
    /// on standard error. With colours it brings its own, since a dark terminal shows it inverted.
    ///
    /// # Errors
    /// When standard output does not take it.
    pub(in crate::cli) fn picture(&self, picture: &str) -> Result<(), HubError> {
        let is_answer = self.is_human();
        let has_color = if is_answer { self.options.color } else { self.options.color_err };
        let paper = anstyle::AnsiColor::Black.on(anstyle::AnsiColor::BrightWhite);
        let mut text = String::with_capacity(picture.len() * 2);
        for line in picture.lines() {
            match has_color {
                true => text.push_str(&format!("{paper}{line}{paper:#}\n")),
                false => text.push_str(&format!("{line}\n")),
            }
        }
        if is_answer {
            return self.stdout.write(text.as_bytes());
        }
        if !self.options.quiet {
            self.complain(&text);
        }
        Ok(())
    }

    /// What went wrong with a part of the work, on standard error, in the words of `cli::exit`.
    pub(in crate::cli) fn failure(&self, text: &str) {
        self.complain(text);
    }

    fn aside(&self, word: &str, color: Option<anstyle::AnsiColor>, text: &dyn fmt::Display) {
        let text = text.to_string();
        // What is told of others may have line ends, and is still one line.
        let text = clean::line(&text);
        match color.filter(|_| self.options.color_err) {
            Some(color) => {
                let style = color.on_default().bold();
                self.complain(&format!("{style}{word}:{style:#} {text}\n"));
            }
            None => self.complain(&format!("{word}: {text}\n")),
        }
    }

    /// Nobody can be told that standard error does not work.
    fn complain(&self, text: &str) {
        _ = self.stderr.write(text.as_bytes());
    }
}
