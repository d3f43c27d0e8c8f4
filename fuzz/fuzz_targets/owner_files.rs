//! No bytes make the reader of owner files panic, and each line has a cell for each column.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use hubctl::cli::owners::{Lines, whole};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (mut file, path) = (Cursor::new(bytes), Path::new("fuzz.csv"));
    _ = whole(&mut file, path);
    let Ok(mut lines) = Lines::of(&mut file, path) else { return };
    let owner = lines.header.owner_id;
    while let Ok(Some(cells)) = lines.read() {
        assert!(owner < cells.len());
    }
});
