//! Lists that go on for as long as rows come: parts of one list, each shown at once.

use std::time::Duration;

use crate::error::HubError;

use super::Output;
use super::list::{List, ListSummary};
use super::options::Format;
use super::record::Record;
use super::table::FirstWidths;

/// A list without an end of its own. It has one header, below which the columns of all parts stand,
/// `--limit` counts over all of them, and a terminal gets every row as well: one that was left out
/// would not come again.
#[derive(Debug)]
pub struct Endless<'o> {
    output: &'o Output,
    left: Option<u64>,
    is_begun: bool,
    widths: FirstWidths,
}

impl Output {
    /// Begins a list that goes on.
    #[must_use]
    pub fn endless(&self) -> Endless<'_> {
        let widths = FirstWidths::default();
        Endless { output: self, left: self.options.limit, is_begun: false, widths }
    }

    /// Whether the reader of standard output has closed it, also where nothing was written since.
    pub fn is_abandoned(&self) -> bool {
        self.stdout.closes_within(Duration::ZERO)
    }
}

impl<'o> Endless<'o> {
    /// How many rows are still wanted, where that is limited.
    #[must_use]
    pub const fn left(&self) -> Option<u64> {
        self.left
    }

    /// Whether nothing more is wanted: as many rows were shown as are, or nobody reads them.
    pub fn is_over(&self) -> bool {
        self.left == Some(0) || self.output.is_broken()
    }

    /// The next part; what became of it is told to [`Endless::wrote`].
    ///
    /// # Errors
    /// As [`Output::list_of`].
    pub fn part<R: Record>(&mut self) -> Result<List<'o>, HubError> {
        let format = self.output.endless_format();
        let is_begun = match format {
            // The header of a table comes with the first rows, whichever part has them.
            Format::Table | Format::Wide => self.widths.get().is_some(),
            _ => self.is_begun,
        };
        let header = !self.output.options.no_header && !is_begun;
        let list = self.output.list_in::<R>(format, header)?;
        self.is_begun = true;
        Ok(list.of_at_most(self.left).of_part(&self.widths))
    }

    /// Counts the rows of a part that was written.
    pub fn wrote(&mut self, part: ListSummary) {
        self.left = self.left.map(|left| left.saturating_sub(part.rows));
    }

    /// Waits until it is time to look for more, but no longer than somebody reads.
    pub fn rest(&self, time: Duration) {
        if !self.is_over() {
            self.output.stdout.closes_within(time);
        }
    }
}
