//! What a record tells about itself so that every format can show it.

use std::borrow::Cow;

use serde::Serialize;

use crate::domain::time::Timestamp;

/// What becomes of the values of a column where a terminal has no room for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// They are cut.
    Cut,
    /// They are never cut: part of an id is of no use.
    Whole,
    /// They are never cut, and seldom wider than this.
    Words(usize),
    /// They go on in further lines. It is the last column that can do so; any other is cut.
    Wraps,
}

/// One column of the human and the tabular formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// As `--columns` and a CSV header name it.
    pub name: &'static str,
    /// As a table's header shows it.
    pub header: &'static str,
    /// Shown by `-o wide` only, or when `--columns` names it.
    pub wide: bool,
    /// How it takes part where a terminal has no room for all.
    pub fit: Fit,
    /// Left out where a terminal has no room for all, the lowest rank first.
    pub spare: Option<u8>,
}

impl Column {
    /// A column that is always shown.
    #[must_use]
    pub const fn new(name: &'static str, header: &'static str) -> Self {
        Self { name, header, wide: false, fit: Fit::Cut, spare: None }
    }

    /// A column that `-o wide` adds.
    #[must_use]
    pub const fn wide(name: &'static str, header: &'static str) -> Self {
        Self { wide: true, ..Self::new(name, header) }
    }

    /// The same, never cut.
    #[must_use]
    pub const fn whole(self) -> Self {
        Self { fit: Fit::Whole, ..self }
    }

    /// The same for words that are never cut, and seldom wider than this.
    #[must_use]
    pub const fn words(self, usual: usize) -> Self {
        Self { fit: Fit::Words(usual), ..self }
    }

    /// The same for sentences, which go on in further lines.
    #[must_use]
    pub const fn wraps(self) -> Self {
        Self { fit: Fit::Wraps, ..self }
    }

    /// The same, left out where a terminal has no room; the lowest rank goes first.
    #[must_use]
    pub const fn spare(self, rank: u8) -> Self {
        Self { spare: Some(rank), ..self }
    }
}

/// One thing that a command answers with; its serialised form is the API's own.
///
/// Records may borrow from a database row: they are shown one by one and never kept.
pub trait Record: Serialize {
    /// Columns, in the order shown.
    const COLUMNS: &'static [Column];
    /// Every key that the record serialises, in order.
    const FIELDS: &'static [&'static str];

    /// What `-o id` prints.
    fn id(&self) -> Cow<'_, str>;

    /// Appends one cell for each of `COLUMNS`.
    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>);
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing.
    Empty,
    /// Text, from wherever: it is cleaned when shown.
    Text(Cow<'a, str>),
    /// A number.
    Number(i64),
    /// `true` or `false`.
    Bool(bool),
    /// An instant: relative on a terminal, RFC 3339 elsewhere.
    Time(Timestamp),
    /// A word that may be coloured by its meaning.
    Status(Cow<'a, str>),
}

impl<'a> Cell<'a> {
    /// Text that may be missing.
    #[must_use]
    pub fn opt(text: Option<&'a str>) -> Self {
        text.map_or(Self::Empty, |text| Self::Text(Cow::Borrowed(text)))
    }

    /// An instant that may be missing.
    #[must_use]
    pub fn opt_time(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Empty, Self::Time)
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Cell<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Timestamp> for Cell<'_> {
    fn from(at: Timestamp) -> Self {
        Self::Time(at)
    }
}

/// Empties a row of cells and gives its memory to a row of another lifetime.
pub(super) fn recycle<'b>(mut cells: Vec<Cell<'_>>) -> Vec<Cell<'b>> {
    cells.clear();
    // Nothing is left to convert; collecting in place keeps the allocation.
    cells.into_iter().map(|_| Cell::Empty).collect()
}
