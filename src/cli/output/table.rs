//! Tables without lines. The first rows are laid out together and settle the widths; the rest
//! is written at once with those widths, so that a table of any length needs the same memory.

use std::borrow::Cow;

use comfy_table::{ColumnConstraint, ContentArrangement, TableStyle, Width};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::clean;
use super::record::Cell;
use super::rows::Look;

/// Rows that settle the widths.
const FIRST: usize = 1000;
/// Between two columns.
const GAP: usize = 2;
/// A longer value does not widen its column for all rows, unless a terminal cuts it anyway.
const WIDEST: usize = 400;
/// A column is not cut to less than this.
const NARROWEST: usize = 6;
const SPACES: &str = "                                                                ";

/// How a table is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawing {
    /// Columns of the terminal; `None` cuts nothing.
    pub(super) width: Option<usize>,
    pub(super) color: bool,
    pub(super) header: bool,
}

/// A table in the making.
#[derive(Debug)]
pub(super) struct Table {
    headers: Vec<Cow<'static, str>>,
    /// The column that is never cut.
    key: usize,
    drawing: Drawing,
    rows: Vec<Vec<Slot>>,
    /// Known once the first rows are out.
    widths: Option<Vec<usize>>,
}

#[derive(Debug, Default)]
struct Slot {
    text: String,
    width: usize,
    tone: Option<Tone>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Good,
    Bad,
    Held,
}

impl Tone {
    #[inline]
    fn of(cell: &Cell<'_>) -> Option<Self> {
        let Cell::Status(word) = cell else { return None };
        match word.as_ref() {
            "active" | "enabled" | "authenticated" | "delivered" | "ok" => Some(Self::Good),
            "error" | "failed" => Some(Self::Bad),
            "inactive" | "suspended" | "expired" | "disabled" | "archived" | "revoked" => {
                Some(Self::Held)
            }
            _ => None,
        }
    }

    const fn style(self) -> anstyle::Style {
        let color = match self {
            Self::Good => anstyle::AnsiColor::Green,
            Self::Bad => anstyle::AnsiColor::Red,
            Self::Held => anstyle::AnsiColor::Yellow,
        };
        color.on_default()
    }
}

impl Table {
    pub(super) fn new(headers: Vec<Cow<'static, str>>, names: &[&str], drawing: Drawing) -> Self {
        let key = names.iter().position(|name| *name == "id").unwrap_or(0);
        Self { headers, key, drawing, rows: Vec::new(), widths: None }
    }

    /// Whether the widths are known, so that rows can be written at once.
    pub(super) const fn is_laid_out(&self) -> bool {
        self.widths.is_some()
    }

    /// Begins a row that is kept; true for as long as another one may follow.
    pub(super) fn begin(&mut self) {
        self.rows.push(Vec::with_capacity(self.headers.len()));
    }

    /// Adds a cell to the row begun last.
    pub(super) fn keep(&mut self, look: &Look<'_>, cell: &Cell<'_>) {
        let mut slot = Slot { tone: Tone::of(cell), ..Slot::default() };
        let plain = look.push(&mut slot.text, cell);
        slot.width = if plain { slot.text.len() } else { slot.text.width() };
        if let Some(row) = self.rows.last_mut() {
            row.push(slot);
        }
    }

    /// Whether enough rows are kept to settle the widths.
    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= FIRST
    }

    /// Settles the widths and appends the header and the rows kept.
    pub(super) fn lay_out(&mut self, out: &mut String) {
        let mut rows = std::mem::take(&mut self.rows);
        if rows.is_empty() || self.is_laid_out() {
            return;
        }
        let widths = self.settle(&rows);
        let cut = self.drawing.width.is_some();
        for row in &mut rows {
            for (at, slot) in row.iter_mut().enumerate() {
                if cut && slot.width > widths[at] {
                    slot.width = shorten(&mut slot.text, 0, widths[at]);
                }
            }
        }
        let header: Vec<String> = self
            .headers
            .iter()
            .zip(&widths)
            .map(|(header, width)| fitted(header, *width))
            .collect();
        let overfull =
            rows.iter().any(|row| row.iter().zip(&widths).any(|(slot, width)| slot.width > *width));
        if overfull {
            self.by_hand(out, &header, &rows, &widths);
        } else {
            self.by_table(out, header, &rows, &widths);
        }
        self.widths = Some(widths);
    }

    fn settle(&self, rows: &[Vec<Slot>]) -> Vec<usize> {
        let mut widths: Vec<usize> = self.headers.iter().map(|header| header.width()).collect();
        for row in rows {
            for (width, slot) in widths.iter_mut().zip(row) {
                if slot.width <= WIDEST {
                    *width = slot.width.max(*width);
                }
            }
        }
        if let Some(terminal) = self.drawing.width {
            // The key is never cut, however long.
            if let Some(width) = widths.get_mut(self.key) {
                let longest = rows.iter().filter_map(|row| row.get(self.key)).map(|s| s.width);
                *width = longest.max().unwrap_or(0).max(*width).min(usize::from(u16::MAX / 2));
            }
            shrink(&mut widths, self.key, terminal);
        }
        widths
    }

    fn by_table(
        &self,
        out: &mut String,
        header: Vec<String>,
        rows: &[Vec<Slot>],
        widths: &[usize],
    ) {
        let mut table = comfy_table::Table::new();
        table.load_style(TableStyle::new()).force_no_tty();
        table.set_content_arrangement(ContentArrangement::Disabled);
        if self.drawing.header {
            table.set_header(header);
        }
        for row in rows {
            table.add_row(row.iter().map(|slot| slot.text.as_str()));
        }
        for (at, width) in widths.iter().enumerate() {
            let gap = if at + 1 < widths.len() { GAP } else { 0 };
            let Some(column) = table.column_mut(at) else { continue };
            column.set_padding((0, u16::try_from(gap).unwrap_or(0)));
            let whole = u16::try_from(width + gap).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(whole)));
        }
        let mut rows = rows.iter();
        let mut is_header = self.drawing.header;
        for line in table.lines() {
            let row = if is_header { None } else { rows.next() };
            is_header = false;
            let line = line.trim_end_matches(' ');
            match row {
                Some(row) if self.drawing.color => paint(out, line, row, widths),
                _ => out.push_str(line),
            }
            out.push('\n');
        }
    }

    /// The same layout for rows of which some are wider than their columns.
    fn by_hand(&self, out: &mut String, header: &[String], rows: &[Vec<Slot>], widths: &[usize]) {
        if self.drawing.header {
            let mut line = Line::default();
            for (text, width) in header.iter().zip(widths) {
                line.place(out, text, text.width(), *width, None);
            }
            line.end(out);
        }
        for row in rows {
            let mut line = Line::default();
            for (slot, width) in row.iter().zip(widths) {
                let tone = slot.tone.filter(|_| self.drawing.color);
                line.place(out, &slot.text, slot.width, *width, tone);
            }
            line.end(out);
        }
    }

    /// Writes one cell of a row at once; the widths are known.
    #[inline]
    pub(super) fn stream(
        &self,
        out: &mut String,
        line: &mut Line,
        look: &Look<'_>,
        at: usize,
        cell: &Cell<'_>,
    ) {
        let column = self.widths.as_ref().and_then(|widths| widths.get(at)).copied().unwrap_or(0);
        line.indent(out);
        let tone = Tone::of(cell).filter(|_| self.drawing.color);
        if let Some(tone) = tone {
            push_display(out, tone.style().render());
        }
        let start = out.len();
        let plain = look.push(out, cell);
        let mut width = out.len() - start;
        if !plain {
            width = out.get(start..).unwrap_or_default().width();
        }
        if width > column && self.drawing.width.is_some() && at != self.key {
            width = shorten(out, start, column);
        }
        if let Some(tone) = tone {
            push_display(out, tone.style().render_reset());
        }
        line.owe(width, column);
    }
}

/// Where a row being written stands: spaces are owed until something follows them.
#[derive(Debug, Default)]
pub(super) struct Line {
    owed: usize,
}

impl Line {
    #[inline]
    fn indent(&mut self, out: &mut String) {
        let mut left = std::mem::take(&mut self.owed);
        while left > 0 {
            let now = left.min(SPACES.len());
            out.push_str(&SPACES[..now]);
            left -= now;
        }
    }

    #[inline]
    fn owe(&mut self, width: usize, column: usize) {
        self.owed = column.saturating_sub(width) + GAP;
    }

    fn place(
        &mut self,
        out: &mut String,
        text: &str,
        width: usize,
        column: usize,
        tone: Option<Tone>,
    ) {
        self.indent(out);
        push_toned(out, text, tone);
        self.owe(width, column);
    }

    /// Ends the row: what is owed is dropped, so that no line ends in spaces.
    pub(super) fn end(mut self, out: &mut String) {
        self.owed = 0;
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    }
}

/// Appends a finished line with colours around its status words.
fn paint(out: &mut String, line: &str, row: &[Slot], widths: &[usize]) {
    let mut from = 0;
    let mut cell = 0;
    for (slot, width) in row.iter().zip(widths) {
        let end = cell + slot.text.len();
        if let (Some(tone), Some(before), Some(text)) =
            (slot.tone, line.get(from..cell), line.get(cell..end))
        {
            out.push_str(before);
            push_toned(out, text, Some(tone));
            from = end;
        }
        cell = end + width.saturating_sub(slot.width) + GAP;
    }
    out.push_str(line.get(from..).unwrap_or_default());
}

fn push_toned(out: &mut String, text: &str, tone: Option<Tone>) {
    let Some(tone) = tone else { return out.push_str(text) };
    push_display(out, tone.style().render());
    out.push_str(text);
    push_display(out, tone.style().render_reset());
}

fn push_display(out: &mut String, what: impl std::fmt::Display) {
    use std::fmt::Write as _;
    _ = write!(out, "{what}");
}

/// Takes width from the widest columns until the row fits; the key keeps its own.
fn shrink(widths: &mut [usize], key: usize, terminal: usize) {
    let gaps = widths.len().saturating_sub(1) * GAP;
    loop {
        let total = widths.iter().sum::<usize>() + gaps;
        let widest = widths
            .iter_mut()
            .enumerate()
            .filter(|(at, width)| *at != key && **width > NARROWEST)
            .max_by_key(|(at, width)| (**width, usize::MAX - at));
        match widest {
            Some((_, width)) if total > terminal => *width -= 1,
            _ => return,
        }
    }
}

/// Cuts the text from `start` on to the width, "…" included; answers its new width.
fn shorten(out: &mut String, start: usize, width: usize) -> usize {
    let text = out.get(start..).unwrap_or_default();
    let (mut used, mut end) = (0, text.len());
    for (at, c) in text.char_indices() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > width {
            end = at;
            break;
        }
        used += wide;
    }
    out.truncate(start + end);
    out.push('…');
    used + 1
}

fn fitted(text: &str, width: usize) -> String {
    let mut text = clean::line(text).into_owned();
    if text.width() > width {
        shorten(&mut text, 0, width);
    }
    text
}
