//! Single things: a card on a terminal, a row or a document elsewhere.

use crate::error::HubError;

use super::Output;
use super::clean::{self, Lines};
use super::options::Format;
use super::record::{Cell, Record};
use super::rows::Look;
use super::select::Selection;
use super::when::Times;
use super::width::columns;

impl Output {
    /// Writes one record. A terminal shows `human` as lines of key and value, or all columns if
    /// there is none; a key left empty continues the value above.
    ///
    /// # Errors
    /// When `--fields` or `--columns` name something unknown, or it can't be written.
    pub fn item<R: Record>(
        &self,
        record: &R,
        human: Option<&[(&str, String)]>,
    ) -> Result<(), HubError> {
        let format = self.list_format();
        let card = self.is_human() && self.options.format.is_none();
        // A card has room for the columns that a table leaves out.
        let selection =
            Selection::of::<R>(&self.options, if card { Format::Wide } else { format })?;
        match format {
            Format::Json | Format::Jsonl | Format::Yaml => self.masked(record, &selection, format),
            Format::Table if card => {
                let narrowed = self.options.fields.is_some() || self.options.columns.is_some();
                match human.filter(|_| !narrowed) {
                    Some(lines) => self.card(lines),
                    None => self.card_of(record, &selection),
                }
            }
            Format::Value => self.values(record, &selection),
            _ => {
                let mut list = self.list_of::<R>()?;
                list.push_only(record)?;
                list.finish(|_| None).map(drop)
            }
        }
    }

    fn card(&self, lines: &[(&str, String)]) -> Result<(), HubError> {
        let width = lines.iter().map(|(key, _)| columns(key)).max().unwrap_or(0);
        let mut out = String::new();
        for (key, value) in lines {
            out.push_str(&clean::line(key));
            out.extend(std::iter::repeat_n(' ', width.saturating_sub(columns(key)) + 2));
            clean::push(&mut out, value, Lines::Escape);
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
        }
        self.stdout.write(out.as_bytes())
    }

    fn card_of<R: Record>(&self, record: &R, selection: &Selection) -> Result<(), HubError> {
        let names = selection.names();
        let look = Look { when: &self.when, times: Times::Relative, lines: Lines::Escape };
        let mut lines = Vec::with_capacity(names.len());
        selection.cells(record, &mut Vec::new(), |at, cell| {
            let mut value = String::new();
            match cell {
                Cell::Time(at) => value = self.moment(*at),
                other => _ = look.push(&mut value, other),
            }
            lines.push((titled(names.get(at).copied().unwrap_or_default()), value));
        })?;
        let lines: Vec<(&str, String)> =
            lines.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        self.card(&lines)
    }

    /// One value a line, so that `read` takes them one by one.
    fn values<R: Record>(&self, record: &R, selection: &Selection) -> Result<(), HubError> {
        let look = self.look(Format::Value);
        let mut out = String::new();
        selection.cells(record, &mut Vec::new(), |_, cell| {
            look.push(&mut out, cell);
            out.push('\n');
        })?;
        self.stdout.write(out.as_bytes())
    }
}

/// "`origin_owner_id`" as "Origin owner id".
fn titled(name: &str) -> String {
    let mut out = name.replace('_', " ");
    if let Some(first) = out.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    out
}
