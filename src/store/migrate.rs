//! The schema's history: files applied in order, the same numbers and names in both dialects.

use sha2::{Digest, Sha256};

/// The two dialects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// One step; never changed once released.
pub(super) struct Migration {
    pub(super) number: i64,
    pub(super) name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

impl Migration {
    pub(super) const fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }

    pub(super) fn checksum(&self, dialect: Dialect) -> String {
        let digest = Sha256::digest(self.text(dialect));
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

macro_rules! migrations {
    ($($number:literal $name:literal;)*) => {
        const MIGRATIONS: &[Migration] = &[$(Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("migrations/postgres/", $name, ".sql")),
        }),*];
    };
}

migrations! {
    1 "0001_base";
    2 "0002_api_keys";
    3 "0003_linking";
    4 "0004_webhooks";
    5 "0005_request_logs";
    6 "0006_rotation";
    7 "0007_events";
    8 "0008_brands";
    9 "0009_due";
    10 "0010_attempts";
    11 "0011_sessions";
    12 "0012_texts";
    13 "0013_deliveries";
    14 "0014_failing";
    15 "0015_requests";
    16 "0016_types";
}

/// Number of the latest step.
pub(super) const LATEST: i64 = MIGRATIONS[MIGRATIONS.len() - 1].number;

/// Records an applied step.
pub(super) const RECORD: &str =
    "insert into migrations (number, name, checksum) values (?1, ?2, ?3)";

/// The steps that a store of schema `version` lacks.
pub(super) fn after(version: i64) -> impl Iterator<Item = &'static Migration> {
    MIGRATIONS.iter().filter(move |migration| migration.number > version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_in_their_order_and_named_after_their_number() {
        assert!(MIGRATIONS.is_sorted_by(|a, b| a.number < b.number));
        for migration in MIGRATIONS {
            assert!(migration.name.starts_with(&format!("{:04}_", migration.number)));
        }
    }
}
