//! Lists: records come one by one and are written, or gathered where the form needs it.

use std::ops::ControlFlow;

use crate::error::HubError;

use super::json::{self, Style};
use super::mask::Masked;
use super::options::Format;
use super::record::{Cell, Record};
use super::select::Selection;
use super::spool::Spool;
use super::table::{Drawing, FirstWidths, Line, Table};
use super::{Output, document, jq, rows};

/// Rows that a terminal gets unless more are asked for.
const SCREENFUL: u64 = 50;
/// Bytes gathered between two writes of a form that streams.
const CHUNK: usize = 64 << 10;

/// What a list came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListSummary {
    /// Rows written.
    pub rows: u64,
    /// Whether there is at least one more.
    pub more: bool,
}

/// A list being written; without `finish` a document is not written at all.
#[derive(Debug)]
#[must_use = "a list is written by `finish`"]
pub struct List<'o> {
    output: &'o Output,
    selection: Selection,
    form: Form,
    scratch: Vec<Cell<'static>>,
    out: String,
    rows: u64,
    most: Option<u64>,
    capped: bool,
    more: bool,
}

#[derive(Debug)]
enum Form {
    Json(Spool, Style),
    Yaml(Spool),
    JsonLines(Vec<u8>, Style),
    Table(Table),
    Csv,
    Tsv,
    Value,
    Id,
}

impl Output {
    /// Begins a list of records of this shape.
    ///
    /// # Errors
    /// When `--fields` or `--columns` name something that the record does not have.
    pub fn list_of<R: Record>(&self) -> Result<List<'_>, HubError> {
        self.list_in::<R>(self.list_format(), !self.options.no_header)
    }

    /// Begins a list for other programs: JSON Lines where no flag asks for a format, and never
    /// capped.
    ///
    /// # Errors
    /// As [`Output::list_of`].
    pub fn export_of<R: Record>(&self) -> Result<List<'_>, HubError> {
        let list = self.list_in::<R>(self.export_format(), !self.options.no_header)?;
        Ok(list.of_at_most(self.options.limit))
    }

    /// The form of a list for other programs.
    pub(in crate::cli) fn export_format(&self) -> Format {
        let is_asked_for = self.options.format.is_some() && !self.options.is_usual_format;
        if is_asked_for || self.options.jq.is_some() { self.list_format() } else { Format::Jsonl }
    }

    pub(super) fn list_in<R: Record>(
        &self,
        format: Format,
        header: bool,
    ) -> Result<List<'_>, HubError> {
        let selection = Selection::of::<R>(&self.options, format)?;
        let terminal = self.options.stdout_is_terminal;
        let mut out = String::new();
        let form = match format {
            Format::Json => {
                let piped = self.options.jq.is_some() || !terminal;
                let style = if piped { Style::Compact } else { Style::Pretty(1) };
                Form::Json(Spool::new(), style)
            }
            Format::Yaml => Form::Yaml(Spool::new()),
            Format::Jsonl => Form::JsonLines(Vec::new(), Style::of_line(terminal)),
            Format::Table | Format::Wide => {
                // What is asked for whole is not cut, whatever becomes of its lines.
                let width = self.options.width.filter(|_| terminal && format == Format::Table);
                let drawing =
                    Drawing { width: width.map(usize::from), color: self.options.color, header };
                // Who names the columns, or asks for all, gets them.
                let rooms =
                    selection.rooms(format == Format::Table && self.options.columns.is_none());
                Form::Table(Table::new(selection.headers(), &selection.names(), rooms, drawing))
            }
            Format::Csv => {
                if header {
                    push_csv_header(&mut out, &selection.names());
                }
                Form::Csv
            }
            Format::Tsv => Form::Tsv,
            Format::Value => Form::Value,
            Format::Id => Form::Id,
        };
        let human = terminal && matches!(format, Format::Table | Format::Wide);
        let capped = human && !self.options.all && self.options.limit.is_none();
        let most = if capped { Some(SCREENFUL) } else { self.options.limit };
        let scratch = Vec::with_capacity(R::COLUMNS.len());
        Ok(List { output: self, selection, form, scratch, out, rows: 0, most, capped, more: false })
    }
}

impl List<'_> {
    /// The same with as many rows as this, and all where nothing is said, on a terminal too.
    pub(super) fn of_at_most(self, most: Option<u64>) -> Self {
        Self { most, capped: false, ..self }
    }

    /// The same as one part of several, which all have the same columns.
    pub(super) fn of_part(mut self, widths: &FirstWidths) -> Self {
        if let Form::Table(table) = &mut self.form {
            table.part_of = Some(FirstWidths::clone(widths));
        }
        self
    }

    /// Rows worth reading: the most that are shown and one, which tells that there are more.
    pub fn wanted(&self) -> Option<u64> {
        self.most.map(|most| most.saturating_add(1))
    }

    /// Adds a record; `Break` says that no further one is wanted.
    #[inline]
    pub fn push<R: Record>(&mut self, record: &R) -> Result<ControlFlow<()>, HubError> {
        if self.most.is_some_and(|most| self.rows >= most) {
            self.more = true;
            return Ok(ControlFlow::Break(()));
        }
        self.write(record)?;
        self.rows += 1;
        if self.out.len() >= CHUNK {
            self.drain()?;
        }
        let broken = self.output.is_broken();
        Ok(if broken { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Adds a record that no limit holds back.
    pub(super) fn push_only<R: Record>(&mut self, record: &R) -> Result<(), HubError> {
        self.write(record)?;
        self.rows += 1;
        Ok(())
    }

    #[inline]
    fn write<R: Record>(&mut self, record: &R) -> Result<(), HubError> {
        let mask = self.selection.mask.as_ref();
        match &mut self.form {
            Form::Json(spool, style) => {
                let pretty = matches!(style, Style::Pretty(_));
                let lead: &[u8] = match (self.rows, pretty) {
                    (0, false) => b"[\n",
                    (0, true) => b"[\n  ",
                    (_, false) => b",\n",
                    (_, true) => b",\n  ",
                };
                spool.buffer.extend_from_slice(lead);
                match mask {
                    Some(mask) => {
                        json::write(&mut spool.buffer, &Masked { value: record, mask }, *style)?;
                    }
                    None => json::write(&mut spool.buffer, record, *style)?,
                }
                spool.settle()
            }
            Form::Yaml(spool) => {
                match mask {
                    Some(mask) => {
                        document::push_yaml(&mut spool.buffer, &[Masked { value: record, mask }])?;
                    }
                    None => document::push_yaml(&mut spool.buffer, &[record])?,
                }
                spool.settle()
            }
            Form::JsonLines(buffer, style) => {
                match mask {
                    Some(mask) => json::write(buffer, &Masked { value: record, mask }, *style)?,
                    None => json::write(buffer, record, *style)?,
                }
                buffer.push(b'\n');
                if buffer.len() >= CHUNK {
                    self.output.stdout.write(buffer)?;
                    buffer.clear();
                }
                Ok(())
            }
            _ => self.write_row(record),
        }
    }

    #[inline]
    fn write_row<R: Record>(&mut self, record: &R) -> Result<(), HubError> {
        let look = self.output.look(self.output.list_format());
        let out = &mut self.out;
        match &mut self.form {
            Form::Table(table) if table.is_laid_out() => {
                let mut line = Line::default();
                self.selection.cells(record, &mut self.scratch, |at, cell| {
                    table.stream(out, &mut line, &look, at, cell);
                })?;
                line.end(out);
            }
            Form::Table(table) => {
                table.begin();
                self.selection.cells(record, &mut self.scratch, |_, cell| {
                    table.keep(&look, cell);
                })?;
                if table.is_full() {
                    table.lay_out(out);
                }
            }
            Form::Csv => {
                self.selection.cells(record, &mut self.scratch, |at, cell| {
                    if at > 0 {
                        out.push(',');
                    }
                    look.push_csv(out, cell);
                })?;
                out.push('\n');
            }
            Form::Id => {
                super::clean::push(out, &record.id(), look.lines);
                out.push('\n');
            }
            _ => {
                self.selection.cells(record, &mut self.scratch, |at, cell| {
                    if at > 0 {
                        out.push('\t');
                    }
                    look.push(out, cell);
                })?;
                out.push('\n');
            }
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), HubError> {
        self.output.stdout.write(self.out.as_bytes())?;
        self.out.clear();
        Ok(())
    }

    /// Writes what there is of a form that streams, for lists that wait for further rows.
    pub fn flush(&mut self) -> Result<(), HubError> {
        match &mut self.form {
            Form::Table(table) => table.lay_out(&mut self.out),
            Form::JsonLines(buffer, _) => {
                self.output.stdout.write(buffer)?;
                buffer.clear();
            }
            _ => {}
        }
        self.drain()
    }

    /// Writes the rest. On a terminal, the line that `footer` gives follows a table on standard
    /// error, and another one says so if there are more rows than shown.
    pub fn finish(
        mut self,
        footer: impl FnOnce(&ListSummary) -> Option<String>,
    ) -> Result<ListSummary, HubError> {
        self.flush()?;
        let Self { output, form, rows, more, capped, .. } = self;
        // A list that goes on ends where it is told to.
        let is_part = matches!(&form, Form::Table(table) if table.is_part());
        match form {
            Form::Json(mut spool, _) => {
                spool.buffer.extend_from_slice(if rows == 0 { b"[]\n" } else { b"\n]\n" });
                match &output.options.jq {
                    Some(expression) => {
                        let terminal = output.options.stdout_is_terminal;
                        jq::run(expression, spool.into_bytes()?, terminal)?
                            .finish(&output.stdout)?;
                    }
                    None => spool.finish(&output.stdout)?,
                }
            }
            Form::Yaml(mut spool) => {
                if rows == 0 {
                    spool.buffer.extend_from_slice(b"[]\n");
                }
                document::finish_yaml(spool, output)?;
            }
            _ => {}
        }
        let summary = ListSummary { rows, more };
        if output.is_human() {
            if let Some(line) = footer(&summary) {
                output.remark(line);
            }
            if more && capped {
                output.note(format_args!(
                    "only the first {rows} are shown; --all shows every row, --limit N the first N"
                ));
            } else if more && !is_part {
                output.note(format_args!(
                    "only the first {rows} are shown; --all in place of --limit shows every row"
                ));
            }
        }
        Ok(summary)
    }
}

/// Appends the header of a CSV file.
fn push_csv_header(out: &mut String, names: &[&str]) {
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        let start = out.len();
        out.push_str(name);
        rows::quote(out, start);
    }
    out.push('\n');
}
