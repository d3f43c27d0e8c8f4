//! Cells as text, and rows of the formats that need no layout.

use std::fmt::Write as _;

use super::clean::{self, Lines};
use super::record::Cell;
use super::when::{Times, When};

/// How cells are turned into text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) when: &'a When,
    pub(super) times: Times,
    pub(super) lines: Lines,
}

impl Look<'_> {
    /// Appends the cell; answers whether it is plain, so that its width is its length.
    #[inline]
    pub(super) fn push(&self, out: &mut String, cell: &Cell<'_>) -> bool {
        match cell {
            Cell::Empty => {}
            Cell::Text(text) | Cell::Status(text) => return clean::push(out, text, self.lines),
            Cell::Number(number) => _ = write!(out, "{number}"),
            Cell::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Cell::Time(at) => self.when.push(out, *at, self.times),
        }
        true
    }

    /// Appends the cell as RFC 4180 wants it, harmless to a spreadsheet.
    pub(super) fn push_csv(&self, out: &mut String, cell: &Cell<'_>) {
        let start = out.len();
        if let Cell::Text(text) | Cell::Status(text) = cell
            && text.starts_with(['=', '+', '-', '@', '\t', '\r'])
        {
            out.push('\'');
        }
        self.push(out, cell);
        quote(out, start);
    }
}

/// Quotes the field that begins at `start`, if it needs it.
pub(super) fn quote(out: &mut String, start: usize) {
    let field = out.get(start..).unwrap_or_default();
    let needs = field.bytes().any(|byte| matches!(byte, b'"' | b',' | b'\n' | b'\r' | b'\t'))
        || field.starts_with(' ')
        || field.ends_with(' ');
    if needs {
        let quoted = field.replace('"', "\"\"");
        out.truncate(start);
        out.push('"');
        out.push_str(&quoted);
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::Look;
    use crate::cli::output::clean::Lines;
    use crate::cli::output::record::Cell;
    use crate::cli::output::when::{Times, When};
    use crate::domain::time::Timestamp;
    use crate::domain::words::is_risky;
    use proptest::prelude::*;

    fn csv_row(texts: &[String]) -> String {
        let when = When::new(Timestamp::from_millis(0), true);
        let look = Look { when: &when, times: Times::Exact, lines: Lines::Keep };
        let mut out = String::new();
        for (at, text) in texts.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            look.push_csv(&mut out, &Cell::from(text.as_str()));
        }
        out.push('\n');
        out
    }

    #[test]
    fn a_spreadsheet_sees_no_formula() {
        let texts = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "fine", "a,\"b\""];
        let row = csv_row(&texts.map(str::to_owned));
        assert_eq!(row, "'=1+1,'+1,'-1,'@x,\"'\t=1\",'\\r=1,fine,\"a,\"\"b\"\"\"\n");
        let when = When::new(Timestamp::from_millis(0), true);
        let look = Look { when: &when, times: Times::Exact, lines: Lines::Keep };
        let mut out = String::new();
        look.push_csv(&mut out, &Cell::Number(-5));
        assert_eq!(out, "-5");
    }

    proptest! {
        #[test]
        fn a_csv_reader_gets_back_what_went_in(
            texts in prop::collection::vec(any::<String>(), 2..6)
        ) {
            let mut texts = texts;
            for text in &mut texts {
                text.retain(|c| !is_risky(c) || "\n\t".contains(c));
            }
            let row = csv_row(&texts);
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).from_reader(row.as_bytes());
            let read = reader.records().next().unwrap().unwrap();
            prop_assert_eq!(read.len(), texts.len());
            for (read, text) in read.iter().zip(&texts) {
                let guarded = text.starts_with(['=', '+', '-', '@', '\t']);
                prop_assert_eq!(read.strip_prefix('\'').filter(|_| guarded).unwrap_or(read), text);
            }
        }
    }
}
