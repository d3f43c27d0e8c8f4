//! The only place that knows database drivers: values in, rows out.

use crate::domain::ids::{AccountId, AuthConfigId, ProjectNumber};
use crate::domain::time::Timestamp;

use super::{Result, StoreError};

#[cfg(unix)]
mod access;
mod making;
pub(super) mod postgres;
pub(super) mod served;
pub(super) mod sqlite;
mod tls;

/// A value for a placeholder.
#[derive(Debug, Clone, Copy)]
pub enum Param<'a> {
    /// SQL null.
    Null,
    /// A whole number, a flag (0 or 1) or an instant.
    Int(i64),
    /// A text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl From<i64> for Param<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Param<'_> {
    fn from(flag: bool) -> Self {
        Self::Int(i64::from(flag))
    }
}

impl From<Timestamp> for Param<'_> {
    fn from(at: Timestamp) -> Self {
        Self::Int(at.as_millis())
    }
}

impl From<ProjectNumber> for Param<'_> {
    fn from(project: ProjectNumber) -> Self {
        Self::Int(project.0)
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<&'a AccountId> for Param<'a> {
    fn from(id: &'a AccountId) -> Self {
        Self::Text(id.as_str())
    }
}

impl<'a> From<&'a AuthConfigId> for Param<'a> {
    fn from(id: &'a AuthConfigId) -> Self {
        Self::Text(id.as_str())
    }
}

impl<T: Into<Self>> From<Option<T>> for Param<'_> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A row of an answer, valid while it is shown.
pub enum Row<'a> {
    /// From SQLite.
    Sqlite(&'a rusqlite::Row<'a>),
    /// From PostgreSQL.
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// The text in a column that is never null.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where the column holds something else.
    #[inline]
    pub fn text(&self, column: usize) -> Result<&str> {
        self.opt_text(column)?.ok_or_else(|| damaged(column, "a text"))
    }

    /// The text in a column, or none.
    ///
    /// # Errors
    /// As [`Row::text`].
    #[inline]
    pub fn opt_text(&self, column: usize) -> Result<Option<&str>> {
        match self {
            Self::Sqlite(row) => {
                let value = row.get_ref(column).map_err(|_| damaged(column, "there"))?;
                value.as_str_or_null().map_err(|_| damaged(column, "a text"))
            }
            Self::Postgres(row) => row.try_get(column).map_err(|_| damaged(column, "a text")),
        }
    }

    /// The number in a column that is never null.
    ///
    /// # Errors
    /// As [`Row::text`].
    #[inline]
    pub fn int(&self, column: usize) -> Result<i64> {
        self.opt_int(column)?.ok_or_else(|| damaged(column, "a number"))
    }

    /// The number in a column, or none.
    ///
    /// # Errors
    /// As [`Row::text`].
    #[inline]
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        match self {
            Self::Sqlite(row) => {
                let value = row.get_ref(column).map_err(|_| damaged(column, "there"))?;
                value.as_i64_or_null().map_err(|_| damaged(column, "a number"))
            }
            Self::Postgres(row) => row.try_get(column).map_err(|_| damaged(column, "a number")),
        }
    }

    /// The bytes in a column that is never null.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn bytes(&self, column: usize) -> Result<&[u8]> {
        self.opt_bytes(column)?.ok_or_else(|| damaged(column, "bytes"))
    }

    /// The bytes in a column, or none.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn opt_bytes(&self, column: usize) -> Result<Option<&[u8]>> {
        match self {
            Self::Sqlite(row) => {
                let value = row.get_ref(column).map_err(|_| damaged(column, "there"))?;
                value.as_bytes_or_null().map_err(|_| damaged(column, "bytes"))
            }
            Self::Postgres(row) => row.try_get(column).map_err(|_| damaged(column, "bytes")),
        }
    }

    /// The instant in a column that is never null.
    ///
    /// # Errors
    /// As [`Row::text`].
    #[inline]
    pub fn time(&self, column: usize) -> Result<Timestamp> {
        self.int(column).map(Timestamp::from_millis)
    }

    /// The instant in a column, or none.
    ///
    /// # Errors
    /// As [`Row::text`].
    #[inline]
    pub fn opt_time(&self, column: usize) -> Result<Option<Timestamp>> {
        Ok(self.opt_int(column)?.map(Timestamp::from_millis))
    }

    /// A text that a domain type checks.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where the type refuses it.
    pub fn parsed<T: std::str::FromStr>(&self, column: usize) -> Result<T> {
        self.text(column)?.parse().map_err(|_| damaged(column, "of its form"))
    }

    /// A text that a domain type checks, or none.
    ///
    /// # Errors
    /// As [`Row::parsed`].
    pub fn opt_parsed<T: std::str::FromStr>(&self, column: usize) -> Result<Option<T>> {
        let text = self.opt_text(column)?;
        text.map(|text| text.parse().map_err(|_| damaged(column, "of its form"))).transpose()
    }

    /// A JSON text.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where it is not the JSON expected.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: usize) -> Result<T> {
        serde_json::from_str(self.text(column)?).map_err(|_| damaged(column, "JSON"))
    }
}

#[cold]
fn damaged(column: usize, expected: &str) -> StoreError {
    StoreError::Damaged(format!("column {column} of a row is not {expected}"))
}

/// JSON text of a value made of texts, maps and lists only.
pub(super) fn to_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Other(error.to_string()))
}
