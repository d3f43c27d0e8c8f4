//! Which fields or columns an answer shows, settled before any row is read.

use std::borrow::Cow;

use serde_json::Value;

use crate::error::{HubError, codes};

use super::json::unserializable;
use super::mask::{Mask, Masked};
use super::options::{Format, OutputOptions};
use super::record::{Cell, Column, Fit, Record, recycle};
use super::suggest;

/// How a column takes part where a terminal has no room for all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) fit: Fit,
    /// It may be left out, the lowest first.
    pub(super) spare: Option<u8>,
}

impl Room {
    pub(super) const fn is_cut(self) -> bool {
        matches!(self.fit, Fit::Cut)
    }

    pub(super) const fn wraps(self) -> bool {
        matches!(self.fit, Fit::Wraps)
    }
}

/// What stays of each record.
#[derive(Debug)]
pub(super) struct Selection {
    /// For documents; `None` keeps everything.
    pub(super) mask: Option<Mask>,
    /// For tables.
    picked: Picked,
}

#[derive(Debug)]
enum Picked {
    /// Positions in the record's own columns.
    Columns(&'static [Column], Vec<usize>),
    /// Positions in the record's fields, in the order asked for.
    Fields(&'static [&'static str], Vec<usize>, Mask),
}

impl Selection {
    /// Looks up what was asked for.
    pub(super) fn of<R: Record>(options: &OutputOptions, format: Format) -> Result<Self, HubError> {
        let fields = options.fields.as_deref().map(|names| positions(names, "field", R::FIELDS));
        let fields = fields.transpose()?;
        let mask = fields.as_ref().map(|fields| Mask::new(R::FIELDS, fields));
        let picked = match (&options.columns, fields) {
            (Some(names), _) => {
                let known: Vec<&str> = R::COLUMNS.iter().map(|column| column.name).collect();
                Picked::Columns(R::COLUMNS, positions(names, "column", &known)?)
            }
            (None, Some(fields)) => {
                let mask = Mask::new(R::FIELDS, &fields);
                Picked::Fields(R::FIELDS, fields, mask)
            }
            (None, None) => {
                let shown = |at: &usize| {
                    format == Format::Wide || R::COLUMNS.get(*at).is_some_and(|c| !c.wide)
                };
                Picked::Columns(R::COLUMNS, (0..R::COLUMNS.len()).filter(shown).collect())
            }
        };
        if options.columns.is_some() && !format.is_tabular() {
            return Err(HubError::new(&codes::USAGE, format!("{format} has no columns to choose"))
                .hint("name fields of the answer with --fields"));
        }
        Ok(Self { mask, picked })
    }

    /// Names of the columns shown, as a CSV header has them.
    pub(super) fn names(&self) -> Vec<&'static str> {
        match &self.picked {
            Picked::Columns(columns, at) => each(columns, at).map(|column| column.name).collect(),
            Picked::Fields(fields, at, _) => each(fields, at).copied().collect(),
        }
    }

    /// Headers of the columns shown, as a table has them.
    pub(super) fn headers(&self) -> Vec<Cow<'static, str>> {
        match &self.picked {
            Picked::Columns(columns, at) => {
                each(columns, at).map(|column| Cow::Borrowed(column.header)).collect()
            }
            Picked::Fields(fields, at, _) => {
                each(fields, at).map(|field| Cow::Owned(field.to_uppercase())).collect()
            }
        }
    }

    /// How the columns shown share a terminal; `spares` lets some of them be left out.
    pub(super) fn rooms(&self, spares: bool) -> Vec<Room> {
        match &self.picked {
            Picked::Columns(columns, at) => each(columns, at)
                .map(|column| Room { fit: column.fit, spare: column.spare.filter(|_| spares) })
                .collect(),
            Picked::Fields(fields, at, _) => each(fields, at)
                .map(|field| {
                    let fit = if field.ends_with("_id") { Fit::Whole } else { Fit::Cut };
                    Room { fit, spare: None }
                })
                .collect(),
        }
    }

    /// Hands over the record's cells in the order shown.
    #[inline]
    pub(super) fn cells<R: Record>(
        &self,
        record: &R,
        scratch: &mut Vec<Cell<'static>>,
        mut take: impl FnMut(usize, &Cell<'_>),
    ) -> Result<(), HubError> {
        match &self.picked {
            Picked::Columns(_, positions) => {
                let mut cells = recycle(std::mem::take(scratch));
                record.cells(&mut cells);
                debug_assert_eq!(cells.len(), R::COLUMNS.len(), "a cell for each column");
                for (column, at) in positions.iter().enumerate() {
                    take(column, cells.get(*at).unwrap_or(&Cell::Empty));
                }
                *scratch = recycle(cells);
            }
            Picked::Fields(fields, positions, mask) => {
                let value = serde_json::to_value(Masked { value: record, mask });
                let value = value.map_err(|error| unserializable(error.into()))?;
                for (column, field) in each(fields, positions).enumerate() {
                    take(column, &cell_of(value.get(*field)));
                }
            }
        }
        Ok(())
    }
}

fn each<'a, T>(all: &'a [T], positions: &'a [usize]) -> impl Iterator<Item = &'a T> {
    positions.iter().filter_map(|at| all.get(*at))
}

fn positions(names: &[String], what: &str, known: &[&str]) -> Result<Vec<usize>, HubError> {
    let position = |name: &String| {
        let at = known.iter().position(|known| known.eq_ignore_ascii_case(name.trim()));
        at.ok_or_else(|| suggest::unknown(what, name, known))
    };
    names.iter().map(position).collect()
}

/// A JSON value as a table shows it: text as it is, anything nested as JSON.
fn cell_of(value: Option<&Value>) -> Cell<'_> {
    match value {
        None | Some(Value::Null) => Cell::Empty,
        Some(Value::String(text)) => Cell::from(text.as_str()),
        Some(Value::Bool(value)) => Cell::Bool(*value),
        Some(other) => other.as_i64().map_or_else(|| Cell::from(other.to_string()), Cell::Number),
    }
}
