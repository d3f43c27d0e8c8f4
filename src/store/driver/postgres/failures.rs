//! What PostgreSQL reports, and what that is for the store.

use tokio_postgres::error::SqlState;

use crate::store::{StoreError, Told};

fn lost(error: &tokio_postgres::Error) -> Told {
    Told::new(chain(error), "see whether the server runs, then run the command again")
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(code) = error.code() else {
            return Self::Unreachable(lost(&error));
        };
        match *code {
            SqlState::UNIQUE_VIOLATION => Self::Duplicate,
            SqlState::READ_ONLY_SQL_TRANSACTION => Self::read_only_database(),
            SqlState::DISK_FULL | SqlState::OUT_OF_MEMORY => Self::Full,
            SqlState::QUERY_CANCELED => Self::Ended(Told::new(
                format!("the store's database ended a statement: {}", chain(&error)),
                "run the command again; see what limits a statement with: show statement_timeout",
            )),
            SqlState::LOCK_NOT_AVAILABLE
            | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
            | SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_DEADLOCK_DETECTED => Self::Busy,
            SqlState::INSUFFICIENT_PRIVILEGE => Self::Unreadable(Told::new(
                chain(&error),
                "grant the user of the address all rights on the database and its schema",
            )),
            SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::IDLE_SESSION_TIMEOUT
            | SqlState::CANNOT_CONNECT_NOW => Self::Unreachable(lost(&error)),
            _ => Self::Other(chain(&error)),
        }
    }
}
