//! Reads files of owners, from which links are made: CSV with named columns. What the values mean
//! is left to others.

use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

use crate::cli::input;
use crate::error::{HubError, codes};

/// Longest field of the file, in bytes.
const FIELD_LIMIT: usize = 64 << 10;

/// What some programs begin a file with: it is no part of the first field.
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
const NOT_CLOSED: &str = "a quotation mark is not closed on its line";

/// Where a look at the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// At the beginning of a field.
    Start,
    /// In a field that no quotation mark opened: one within it is text.
    Plain,
    /// In a field that a quotation mark opened.
    Quoted,
    /// Behind a mark in such a field: it has ended, unless another mark follows.
    Closed,
}

impl At {
    /// Where it is behind this byte, or what is wrong with it.
    fn behind(self, byte: u8) -> Result<Self, &'static str> {
        Ok(match (self, byte) {
            (Self::Quoted, b'\n' | b'\r') => return Err(NOT_CLOSED),
            (Self::Quoted, b'"') => Self::Closed,
            (Self::Quoted, _) | (Self::Start | Self::Closed, b'"') => Self::Quoted,
            (_, b',' | b'\n' | b'\r') => Self::Start,
            (Self::Closed, _) => {
                return Err("a field goes on behind the quotation mark that closes it");
            }
            (Self::Start | Self::Plain, _) => Self::Plain,
        })
    }
}

/// Refuses quotation marks that the reader would make something else of than was meant: it takes
/// one that is never closed for a field up to the next mark or the end of the file, and with it the
/// owners of all lines between. No column has values of several lines, so that each mark has to be
/// closed on its line.
///
/// # Errors
/// When it can't be read, a mark is open at the end of a line, or a field goes on behind its end.
pub fn whole(mut file: impl Read + Seek, path: &Path) -> Result<(), HubError> {
    rewind(&mut file, path)?;
    let mut reader = BufReader::new(file);
    let (mut at, mut line, mut count, mut before) = (At::Start, 1_u64, 0_usize, 0);
    let bad = |line: u64, why: &str| {
        let text = format!("{} line {line}: {why}", path.display());
        HubError::new(&codes::BAD_VALUE, text)
            .hint("write a quotation mark within a field twice, and the field in quotation marks")
    };
    loop {
        let bytes = reader.fill_buf().map_err(input::unreadable(path.display()))?;
        if bytes.is_empty() {
            break;
        }
        for byte in bytes.iter().copied() {
            let is_mark = BYTE_ORDER_MARK.get(count) == Some(&byte);
            count = count.saturating_add(1);
            if is_mark {
                continue;
            }
            at = at.behind(byte).map_err(|why| bad(line, why))?;
            let is_end = byte == b'\r' || (byte == b'\n' && before != b'\r');
            line += u64::from(is_end);
            before = byte;
        }
        let length = bytes.len();
        reader.consume(length);
    }
    if at == At::Quoted { Err(bad(line, NOT_CLOSED)) } else { Ok(()) }
}

fn rewind(file: &mut impl Seek, path: &Path) -> Result<(), HubError> {
    file.rewind().map_err(|error| {
        let text = format!("{} can't be read twice: {error}", path.display());
        HubError::new(&codes::INPUT_UNREADABLE, text)
            .hint("pipe it into `hubctl link create --from -`")
    })
}

/// Where each column is.
#[derive(Debug, Clone)]
pub struct Header {
    /// Id of the owner.
    pub owner_id: usize,
    /// Name of the owner.
    pub owner_name: Option<usize>,
    /// The person who links.
    pub username: Option<usize>,
    /// Connector key.
    pub provider: Option<usize>,
    /// Label of the account.
    pub label: Option<usize>,
}

impl Header {
    const COLUMNS: [&'static str; 5] =
        ["origin_owner_id", "origin_owner_name", "origin_username", "provider", "label"];

    fn read(names: &csv::StringRecord, path: &Path) -> Result<Self, HubError> {
        let bad = |text: String| {
            HubError::new(&codes::BAD_VALUE, text)
                .hint(format!("the first line names the columns: {}", Self::COLUMNS.join(",")))
        };
        let names: Vec<String> = names
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
            .collect();
        if let Some(name) = names.iter().find(|name| !Self::COLUMNS.contains(&name.as_str())) {
            let shown: String = name.chars().take(40).collect();
            return Err(bad(format!("{} has an unknown column `{shown}`", path.display())));
        }
        let at = |name: &str| names.iter().position(|known| known == name);
        if let Some(twice) = names.iter().enumerate().find(|(index, name)| at(name) != Some(*index))
        {
            return Err(bad(format!("{} has the column `{}` twice", path.display(), twice.1)));
        }
        let owner_id = at(Self::COLUMNS[0])
            .ok_or_else(|| bad(format!("{} has no column origin_owner_id", path.display())))?;
        Ok(Self {
            owner_id,
            owner_name: at(Self::COLUMNS[1]),
            username: at(Self::COLUMNS[2]),
            provider: at(Self::COLUMNS[3]),
            label: at(Self::COLUMNS[4]),
        })
    }
}

/// The lines of the file, one at a time.
pub struct Lines<'f, R> {
    reader: csv::Reader<BufReader<&'f mut R>>,
    /// Where each column is.
    pub header: Header,
    path: &'f Path,
    /// Whether lines end with a carriage return, which the reader takes for the whole end.
    ends_early: bool,
    /// Number of the line of the file at which the record read last begins.
    pub line: u64,
}

impl<'f, R: Read + Seek> Lines<'f, R> {
    /// Begins at the beginning of the file, which `path` names in messages.
    ///
    /// # Errors
    /// When it can't be read from its beginning, or the first line names other columns.
    pub fn of(file: &'f mut R, path: &'f Path) -> Result<Self, HubError> {
        rewind(file, path)?;
        let mut reader = csv::ReaderBuilder::new().from_reader(BufReader::new(file));
        let header = reader.headers().map_err(|error| unreadable(path, &error))?;
        let header = Header::read(header, path)?;
        let ends_early = reader.position().line() == 1;
        Ok(Self { reader, header, path, ends_early, line: 1 })
    }

    /// The next line's cells.
    ///
    /// # Errors
    /// When the line has another number of cells, is not UTF-8, or has too long a cell.
    pub fn read(&mut self) -> Result<Option<Vec<String>>, HubError> {
        let mut record = csv::StringRecord::new();
        let more = self.reader.read_record(&mut record);
        if !more.map_err(|error| unreadable(self.path, &error))? {
            return Ok(None);
        }
        // The record's own position is that of empty lines before it.
        let after = record.position().map_or(0, csv::Position::line);
        let last = self.reader.position().line() - u64::from(!self.ends_early);
        let within = record.iter().map(|field| field.matches('\n').count() as u64).sum();
        self.line = last.saturating_sub(within).max(after);
        if record.iter().any(|field| field.len() > FIELD_LIMIT) {
            let text = format!("{} line {}: a field is too long", self.path.display(), self.line);
            return Err(HubError::new(&codes::BAD_VALUE, text));
        }
        Ok(Some(record.iter().map(str::to_owned).collect()))
    }
}

fn unreadable(path: &Path, error: &csv::Error) -> HubError {
    HubError::new(&codes::INPUT_UNREADABLE, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn rows(text: &[u8]) -> Result<Vec<Vec<String>>, HubError> {
        let mut file = Cursor::new(text);
        whole(&mut file, Path::new("f.csv"))?;
        let mut lines = Lines::of(&mut file, Path::new("f.csv"))?;
        let mut rows = Vec::new();
        while let Some(row) = lines.read()? {
            rows.push(row);
        }
        Ok(rows)
    }

    #[test]
    fn columns_come_in_any_order_and_a_byte_order_mark_is_no_part_of_a_name() {
        let text = "\u{feff}origin_owner_name,origin_owner_id\nAcme,a-1\n\"B, Inc\",b-2\n";
        assert_eq!(rows(text.as_bytes()).unwrap(), [["Acme", "a-1"], ["B, Inc", "b-2"]]);
    }

    #[test]
    fn a_missing_unknown_or_double_column_is_refused() {
        for header in
            ["origin_owner_name", "origin_owner_id,foo", "origin_owner_id,origin_owner_id", ""]
        {
            assert!(rows(format!("{header}\na,b\n").as_bytes()).is_err(), "{header:?}");
        }
    }

    #[test]
    fn a_quotation_mark_that_is_open_at_the_end_is_refused() {
        assert!(rows(b"origin_owner_id\n\"a\n").is_err());
        assert_eq!(rows(b"origin_owner_id\n\"a \"\"b\"\"\"\n").unwrap(), [["a \"b\""]]);
    }

    #[test]
    fn a_quotation_mark_takes_no_other_lines_into_its_field() {
        for (text, told) in [
            ("a,\"Acme\nb,Beta\ne,5\" Tools\nf,Foo\n", "line 2: a quotation mark is not closed"),
            ("a,\"Acme\nb,\"Beta\n", "line 2: a quotation mark is not closed"),
            ("a,x\r\nb,\"two\r\nlines\"\r\n", "line 3: a quotation mark is not closed"),
            ("a,x\rb,\"two\rlines\"\r", "line 3: a quotation mark is not closed"),
            ("a,x\n\nb,\"5\" Tools\n", "line 4: a field goes on behind"),
            ("a,x\nb,\"y", "line 3: a quotation mark is not closed"),
        ] {
            let text = format!("\u{feff}\"origin_owner_id\",label\n{text}");
            let error = rows(text.as_bytes()).unwrap_err();
            assert!(error.message().contains(told), "{error}");
        }
        // Within a field that no mark opened it is text, as the reader takes it.
        let text = "origin_owner_id,label\na,5\" Tools\n\"b\",\"\"\r\n\"c\",\"d\"";
        assert_eq!(rows(text.as_bytes()).unwrap(), [["a", "5\" Tools"], ["b", ""], ["c", "d"]]);
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_as_csv_is_read_back(cells in proptest::collection::vec("[^\\r\\n\0]{1,30}", 1..20)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["origin_owner_id", "label"]).unwrap();
            for cell in &cells {
                writer.write_record([cell, ""]).unwrap();
            }
            let read = rows(&writer.into_inner().unwrap()).unwrap();
            let first: Vec<_> = read.into_iter().map(|mut row| row.swap_remove(0)).collect();
            proptest::prop_assert_eq!(first, cells);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            _ = rows(&bytes);
            let mut with_header = b"origin_owner_id,label\n".to_vec();
            with_header.extend(&bytes);
            _ = rows(&with_header);
        }
    }
}
