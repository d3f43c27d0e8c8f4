//! What all tables keep sealed, seen alike: rows by their key, for sealing them anew.
//!
//! A row's `version` is bound into its seal and stays what it is; a row that somebody else wrote
//! since it was read is left alone.

use crate::domain::ids::ProjectNumber;

use super::{Param, Result, Tx};

/// A table with sealed values.
pub struct Table {
    /// Its name, which is bound into each seal.
    pub name: &'static str,
    /// The field of a row, which is as well.
    field: &'static str,
    /// The field of rows whose `part` is 1.
    other_field: &'static str,
    /// The column that tells rows of a project apart, and the one that tells its parts apart.
    key: &'static str,
    part: &'static str,
    version: &'static str,
}

impl Table {
    /// The field that a row's value is.
    pub fn field_of(&self, at: &At) -> &'static str {
        if at.part == 1 { self.other_field } else { self.field }
    }
}

/// A column that a table does not have.
const NONE: &str = "cast(0 as bigint)";

const fn table(name: &'static str, field: &'static str, key: &'static str) -> Table {
    Table { name, field, other_field: field, key, part: NONE, version: "sealed_version" }
}

/// Every table with sealed values.
pub const TABLES: &[Table] = &[
    Table { version: "version", ..table("account_credentials", "credentials", "account") },
    table("auth_configs", "setup", "id"),
    table("connection_attempts", "login", "id"),
    table("oauth_apps", "client_secret", "connector"),
    table("webhooks", "secrets", "id"),
    Table {
        other_field: "step",
        part: "is_step",
        version: NONE,
        ..table("request_bodies", "request", "log")
    },
];

/// The key of a row: a text, or a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// As most tables have.
    Text(String),
    /// As rows of the log have.
    Number(i64),
}

impl Key {
    fn param(&self) -> Param<'_> {
        match self {
            Self::Text(text) => text.into(),
            Self::Number(number) => (*number).into(),
        }
    }

    /// The key as it is bound into the seal.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// Where a row is in its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// Its key.
    pub key: Key,
    /// Its part.
    pub part: i64,
}

/// A sealed value and where it lies.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// Where.
    pub at: At,
    /// The version that is bound into it.
    pub version: i64,
    /// The value.
    pub bytes: Vec<u8>,
}

/// A place before every row of a table.
fn start(table: &Table) -> At {
    let is_number = table.key == "log";
    let key = if is_number { Key::Number(i64::MIN) } else { Key::Text(String::new()) };
    At { key, part: -1 }
}

/// The number of its data key stands in the second to fifth byte of a sealed value.
const OTHER_KEY: &str = "sealed is not null and substr(sealed, 2, 4) <> ?2";

/// Values of a project that another data key than `newest` seals, in the order of their keys.
pub async fn behind(
    tx: &mut Tx,
    project: ProjectNumber,
    table: &Table,
    newest: u32,
    after: Option<&At>,
    limit: i64,
) -> Result<Vec<Sealed>> {
    page(tx, project, table, &newest.to_be_bytes(), after, limit).await
}

/// All sealed values of a project, in the order of their keys.
pub async fn all(
    tx: &mut Tx,
    project: ProjectNumber,
    table: &Table,
    after: Option<&At>,
    limit: i64,
) -> Result<Vec<Sealed>> {
    // No value has this where the number of its key stands.
    page(tx, project, table, &[], after, limit).await
}

async fn page(
    tx: &mut Tx,
    project: ProjectNumber,
    table: &Table,
    but: &[u8],
    after: Option<&At>,
    limit: i64,
) -> Result<Vec<Sealed>> {
    let Table { name, key, part, version, .. } = table;
    let begin = start(table);
    let after = after.unwrap_or(&begin);
    // One order that the table's index has.
    let order = if *part == NONE { (*key).to_owned() } else { format!("{key}, {part}") };
    let sql = format!(
        "select {key}, {part}, {version}, sealed from {name} \
         where project = ?1 and {OTHER_KEY} and {key} >= ?3 and ({key} > ?3 or {part} > ?4) \
         order by {order} limit ?5"
    );
    let params = [project.into(), but.into(), after.key.param(), after.part.into(), limit.into()];
    let is_number = matches!(begin.key, Key::Number(_));
    tx.all(&sql, &params, |row| {
        let key = match is_number {
            true => Key::Number(row.int(0)?),
            false => Key::Text(row.text(0)?.to_owned()),
        };
        let (at, version) = (At { key, part: row.int(1)? }, row.int(2)?);
        Ok(Sealed { at, version, bytes: row.bytes(3)?.to_owned() })
    })
    .await
}

/// How many values of a project another data key than `newest` seals.
pub async fn count_behind(tx: &mut Tx, project: ProjectNumber, newest: u32) -> Result<u64> {
    let number = newest.to_be_bytes();
    let mut count = 0;
    for Table { name, .. } in TABLES {
        let sql = format!("select count(*) from {name} where project = ?1 and {OTHER_KEY}");
        let found = tx.number(&sql, &[project.into(), number.as_slice().into()]).await?;
        count += u64::try_from(found).unwrap_or(0);
    }
    Ok(count)
}

/// Puts a value that was sealed anew in the place of the one that was read; false where somebody
/// else wrote it since.
pub async fn replace(
    tx: &mut Tx,
    project: ProjectNumber,
    table: &Table,
    old: &Sealed,
    new: &[u8],
) -> Result<bool> {
    let Table { name, key, part, version, .. } = table;
    let sql = format!(
        "update {name} set sealed = ?1 where project = ?2 and {key} = ?3 \
         and {part} = ?4 and {version} = ?5 and sealed = ?6"
    );
    let params = [
        new.into(),
        project.into(),
        old.at.key.param(),
        old.at.part.into(),
        old.version.into(),
        old.bytes.as_slice().into(),
    ];
    Ok(tx.execute(&sql, &params).await? == 1)
}
