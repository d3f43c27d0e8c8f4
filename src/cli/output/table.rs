//! Tables without lines. The first rows are laid out together and settle the widths; the rest
//! is written at once with those widths, so that a table of any length needs the same memory.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use comfy_table::{ColumnConstraint, ContentArrangement, TableStyle, Width};
use unicode_width::UnicodeWidthStr;

use super::record::{Cell, Fit};
use super::rows::Look;
use super::select::Room;
use super::width::{columns, fitted, shorten, wrap};

/// Rows that settle the widths.
const FIRST: usize = 1000;
/// Between two columns.
const GAP: usize = 2;
/// A longer value does not widen its column for all rows, unless a terminal cuts it anyway.
const WIDEST: usize = 400;
/// A column is not cut to less than this.
const NARROWEST: usize = 6;
/// Of a text that is cut, this much has to be left, or a column that can be spared is left out.
const LEGIBLE: usize = 10;
/// Sentences are not broken into narrower lines than this.
const NARROWEST_LINES: usize = 20;
/// How wide most ids are.
const ID: usize = 36;
const SPACES: &str = "                                                                ";

/// The widths that the first rows of a list settle for all of its parts.
pub(super) type FirstWidths = Arc<OnceLock<Vec<usize>>>;

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
    rooms: Vec<Room>,
    drawing: Drawing,
    rows: Vec<Vec<Slot>>,
    /// Known once the first rows are out.
    widths: Option<Vec<usize>>,
    /// Where the cells of a row stand; nowhere if their column is left out.
    places: Vec<Option<usize>>,
    /// The list that this is one part of. The other parts have the same columns, so that what is
    /// in the rows may not decide which are left out.
    pub(super) part_of: Option<FirstWidths>,
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
    pub(super) fn new(
        headers: Vec<Cow<'static, str>>,
        names: &[&str],
        mut rooms: Vec<Room>,
        drawing: Drawing,
    ) -> Self {
        let id = names.iter().position(|name| *name == "id");
        // Below further lines of any other column, the columns behind it would not go on.
        let last = rooms.len().saturating_sub(1);
        for room in rooms.iter_mut().take(last).filter(|room| room.wraps()) {
            room.fit = Fit::Cut;
        }
        // Something has to tell the rows apart.
        let is_whole = |room: &Room| room.fit == Fit::Whole;
        let key = id.or_else(|| rooms.iter().position(is_whole)).unwrap_or(0);
        if let Some(room) = rooms.get_mut(key).filter(|room| room.is_cut()) {
            room.fit = Fit::Whole;
        }
        let places = (0..headers.len()).map(Some).collect();
        Self { headers, rooms, drawing, rows: Vec::new(), widths: None, places, part_of: None }
    }

    /// Whether other parts of the same list go on below.
    pub(super) const fn is_part(&self) -> bool {
        self.part_of.is_some()
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
        slot.width = if plain { slot.text.len() } else { columns(&slot.text) };
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
        self.leave_out(&mut rows);
        let widths = self.settle(&rows);
        if let Some(list) = &self.part_of {
            _ = list.set(widths.clone());
        }
        let is_cut = |room: &Room| self.drawing.width.is_some() && !room.wraps();
        for row in &mut rows {
            for ((slot, width), room) in row.iter_mut().zip(&widths).zip(&self.rooms) {
                if slot.width > *width && is_cut(room) {
                    slot.width = shorten(&mut slot.text, 0, *width);
                }
            }
        }
        let header: Vec<String> = self
            .headers
            .iter()
            .zip(&widths)
            .map(|(header, width)| fitted(header, *width))
            .collect();
        // The library would break what is wider, and counts some texts otherwise.
        let is_odd =
            |(slot, width): (&Slot, &usize)| slot.width > *width || slot.width != slot.text.width();
        if rows.iter().any(|row| row.iter().zip(&widths).any(is_odd)) {
            self.by_hand(out, &header, &rows, &widths);
        } else {
            self.by_table(out, header, &rows, &widths);
        }
        self.widths = Some(widths);
    }

    /// Leaves out columns that can be spared for as long as the others have no room.
    fn leave_out(&mut self, rows: &mut [Vec<Slot>]) {
        let Some(terminal) = self.drawing.width else { return };
        let wanted = self.wanted(rows);
        let mut shown = vec![true; wanted.len()];
        let fits = |shown: &[bool]| {
            let widths = wanted.iter().zip(shown).filter(|(_, shown)| **shown);
            let (count, total) =
                widths.fold((0, 0), |(count, total), (width, _)| (count + 1, total + width));
            total + gaps(count) <= terminal
        };
        let rank = |at: usize| Some((self.rooms.get(at)?.spare?, at));
        let mut spare: Vec<(u8, usize)> = (0..wanted.len()).filter_map(rank).collect();
        spare.sort_unstable();
        let mut left_out = Vec::new();
        for (_, at) in spare {
            if fits(&shown) {
                break;
            }
            shown[at] = false;
            left_out.push(at);
        }
        // What went before a wider one may have room again.
        for at in left_out.into_iter().rev() {
            shown[at] = true;
            shown[at] = fits(&shown);
        }
        let mut next = 0;
        for (place, shown) in self.places.iter_mut().zip(&shown) {
            *place = shown.then_some(next);
            next += usize::from(*shown);
        }
        retain(&mut self.headers, &shown);
        retain(&mut self.rooms, &shown);
        for row in rows {
            retain(row, &shown);
        }
    }

    /// How wide each column has to be at least, so that it says something.
    fn wanted(&self, rows: &[Vec<Slot>]) -> Vec<usize> {
        let natural = self.natural(rows);
        let wanted = natural.into_iter().zip(&self.rooms).map(|(width, room)| {
            match (room.fit, self.is_part()) {
                (Fit::Whole, true) => width.max(ID),
                (Fit::Words(usual), true) => width.max(usual),
                (Fit::Whole | Fit::Words(_), false) => width,
                (Fit::Cut, true) => LEGIBLE,
                (Fit::Cut, false) => width.min(LEGIBLE),
                (Fit::Wraps, _) => width.min(NARROWEST_LINES),
            }
        });
        wanted.collect()
    }

    /// How wide each column would be if there were room.
    fn natural(&self, rows: &[Vec<Slot>]) -> Vec<usize> {
        let on_terminal = self.drawing.width.is_some();
        // What later parts will have as a rule need not break out of its column.
        let usual = |room: &Room| match room.fit {
            Fit::Words(usual) if on_terminal && self.is_part() => usual,
            _ => 0,
        };
        let headers = self.headers.iter().zip(&self.rooms);
        let mut widths: Vec<usize> =
            headers.map(|(header, room)| columns(header).max(usual(room))).collect();
        for row in rows {
            for ((width, slot), room) in widths.iter_mut().zip(row).zip(&self.rooms) {
                // What is never cut is as wide as it is.
                if slot.width <= WIDEST || !room.is_cut() && on_terminal {
                    *width = slot.width.max(*width).min(usize::from(u16::MAX / 2));
                }
            }
        }
        widths
    }

    fn settle(&self, rows: &[Vec<Slot>]) -> Vec<usize> {
        let mut widths = self.natural(rows);
        let first = self.part_of.as_ref().and_then(|list| list.get());
        let first = first.filter(|first| first.len() == widths.len());
        for (width, first) in widths.iter_mut().zip(first.into_iter().flatten()) {
            *width = (*width).max(*first);
        }
        if let Some(terminal) = self.drawing.width {
            shrink(&mut widths, &self.rooms, terminal);
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
                line.place(out, text, columns(text), *width, None);
            }
            line.end(out);
        }
        for row in rows {
            let mut line = Line::default();
            for (at, (slot, width)) in row.iter().zip(widths).enumerate() {
                let is_wrapped = slot.width > *width && self.is_wrapped(at);
                let tone = slot.tone.filter(|_| self.drawing.color && !is_wrapped);
                line.place(out, &slot.text, slot.width, *width, tone);
                if is_wrapped {
                    let start = out.len() - slot.text.len();
                    wrap(out, start, *width, before(widths, at));
                }
            }
            line.end(out);
        }
    }

    fn is_cut(&self, at: usize) -> bool {
        self.rooms.get(at).is_some_and(|room| room.is_cut())
    }

    fn is_wrapped(&self, at: usize) -> bool {
        self.drawing.width.is_some() && self.rooms.get(at).is_some_and(|room| room.wraps())
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
        let Some(at) = self.places.get(at).copied().flatten() else { return };
        let widths = self.widths.as_deref().unwrap_or_default();
        let column = widths.get(at).copied().unwrap_or(0);
        line.indent(out);
        let tone = Tone::of(cell).filter(|_| self.drawing.color);
        if let Some(tone) = tone {
            push_display(out, tone.style().render());
        }
        let start = out.len();
        let plain = look.push(out, cell);
        let mut width = out.len() - start;
        if !plain {
            width = columns(out.get(start..).unwrap_or_default());
        }
        if width > column && self.is_wrapped(at) {
            wrap(out, start, column, before(widths, at));
        } else if width > column && self.drawing.width.is_some() && self.is_cut(at) {
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

/// What stands between so many columns.
const fn gaps(columns: usize) -> usize {
    columns.saturating_sub(1) * GAP
}

/// Where a column begins.
fn before(widths: &[usize], at: usize) -> usize {
    widths.iter().take(at).map(|width| width + GAP).sum()
}

/// Keeps what is shown.
fn retain<T>(all: &mut Vec<T>, shown: &[bool]) {
    let mut shown = shown.iter();
    all.retain(|_| shown.next().copied().unwrap_or(true));
}

/// Takes width from what goes on in further lines, then from the widest columns that are cut, until
/// the row fits.
fn shrink(widths: &mut [usize], rooms: &[Room], terminal: usize) {
    let gaps = gaps(widths.len());
    let over = (widths.iter().sum::<usize>() + gaps).saturating_sub(terminal);
    for (width, _) in widths.iter_mut().zip(rooms).filter(|(_, room)| room.wraps()) {
        *width -= over.min(width.saturating_sub(NARROWEST_LINES));
    }
    let is_cut = |at: usize| rooms.get(at).is_some_and(|room| room.is_cut());
    loop {
        let total = widths.iter().sum::<usize>() + gaps;
        let widest = widths
            .iter_mut()
            .enumerate()
            .filter(|(at, width)| is_cut(*at) && **width > NARROWEST)
            .max_by_key(|(at, width)| (**width, usize::MAX - at));
        match widest {
            Some((_, width)) if total > terminal => *width -= 1,
            _ => return,
        }
    }
}
