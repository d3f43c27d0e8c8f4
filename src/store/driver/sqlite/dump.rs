//! A store that went through an SQL dump, which leaves its marks out.

use std::path::Path;

use rusqlite::Connection;

use super::APPLICATION_ID;
use crate::domain::words::shell_word;
use crate::store::{Result, StoreError, Told};

/// The schema of a store, by its tables alone.
const SCHEMA: &str = "select max(number) from migrations where exists \
     (select 1 from migrations where number = 1 and name = '0001_base')";

/// Refuses such a store, and says how it gets its marks back.
pub(super) fn refuse(connection: &Connection, path: &Path) -> Result<()> {
    let found: Option<i64> = connection.query_row(SCHEMA, [], |row| row.get(0)).ok().flatten();
    let Some(schema) = found else { return Ok(()) };
    let path = path.display().to_string();
    let hint = format!(
        "set them with: sqlite3 {} 'pragma application_id = {APPLICATION_ID}; pragma user_version \
         = {schema}'",
        shell_word(&path)
    );
    let text = format!("{path} comes from an SQL dump, which has no marks of a store");
    Err(StoreError::Unreadable(Told::new(text, hint)))
}
