//! What a store may report, and the error that it becomes for people.

use std::fmt;

use crate::error::{HubError, codes};

/// What a database says, and what its reader can do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    message: String,
    hint: String,
}

impl Told {
    /// A message and what to type next.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// A store's failure.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The file or database can't be opened.
    #[error("can't open the store: {0}")]
    Unreadable(Told),
    /// What is there is not a hubctl store.
    #[error("{0} is not a hubctl store")]
    NotAStore(String),
    /// Pages or rows are damaged.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// Others may read the file, its path is a symbolic link, or it has several names.
    #[error("{0}")]
    Permissions(Told),
    /// It can be read but not written.
    #[error("{0}")]
    ReadOnly(Told),
    /// No room left.
    #[error("no room left on the store's disk")]
    Full,
    /// Locked by another process for too long.
    #[error("the store is in use by another process")]
    Busy,
    /// The database ended a statement that took too long for it.
    #[error("{0}")]
    Ended(Told),
    /// Written by a later version.
    #[error("the store has schema {found}, this version knows {known}")]
    Newer {
        /// The store's schema number.
        found: i64,
        /// The latest that this version knows.
        known: i64,
    },
    /// A row of the same key is there already.
    #[error("a row of the same key exists")]
    Duplicate,
    /// The row changed since it was read.
    #[error("the row changed in between")]
    Stale,
    /// Another transaction that shares the commit failed; on its own this one may work.
    #[error("another write failed along with this one")]
    Shared,
    /// The database server does not answer.
    #[error("{0}")]
    Unreachable(Told),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// What to do about a failure that is not the user's.
pub(super) const AGAIN: &str = "run the command again";
const ANOTHER: &str = "name another store with --state PATH or HUBCTL_STATE";

impl StoreError {
    /// A file that can be read but not written.
    pub(super) fn read_only_file() -> Self {
        let hint = format!("make the file, its folder and its disk writable to you, or {ANOTHER}");
        Self::ReadOnly(Told::new("the store can't be written", hint))
    }

    /// A database that can be read but not written.
    pub(super) fn read_only_database() -> Self {
        let hint = "name the primary server if this is a standby; otherwise see what sets it with: \
                    show default_transaction_read_only";
        Self::ReadOnly(Told::new("the store's database takes no writes", hint))
    }

    /// A database that others may write.
    pub(super) fn no_right_to_write() -> Self {
        let hint = "grant the user of the address all rights on the store's tables";
        Self::ReadOnly(Told::new("the store's database lets this user write nothing", hint))
    }

    fn hint(&self) -> String {
        match self {
            Self::Unreadable(told)
            | Self::Permissions(told)
            | Self::ReadOnly(told)
            | Self::Ended(told)
            | Self::Unreachable(told) => told.hint.clone(),
            Self::NotAStore(_) => ANOTHER.to_owned(),
            Self::Damaged(_) => format!("bring it back from a backup, or {ANOTHER}"),
            Self::Full => {
                "make room (df -h and ulimit -f show how much there is), then run the command \
                 again"
                    .to_owned()
            }
            Self::Busy => {
                "wait for the other process to end, then run the command again".to_owned()
            }
            Self::Newer { .. } => {
                format!("use the hubctl that wrote it or a later one, or {ANOTHER}")
            }
            Self::Duplicate | Self::Stale | Self::Shared => AGAIN.to_owned(),
            Self::Other(_) => "run the command again with -v to see the cause".to_owned(),
        }
    }
}

impl From<StoreError> for HubError {
    fn from(error: StoreError) -> Self {
        let (text, hint) = (error.to_string(), error.hint());
        let code = match &error {
            StoreError::Unreadable(_) | StoreError::NotAStore(_) | StoreError::Damaged(_) => {
                &codes::STORE_UNREADABLE
            }
            StoreError::Permissions(_) => &codes::STORE_PERMISSIONS,
            StoreError::ReadOnly(_) => &codes::STORE_READ_ONLY,
            StoreError::Full => &codes::STORE_FULL,
            StoreError::Busy | StoreError::Ended(_) => &codes::STORE_BUSY,
            StoreError::Newer { .. } => &codes::STORE_NEWER,
            StoreError::Duplicate | StoreError::Stale | StoreError::Shared => &codes::STALE,
            StoreError::Unreachable(_) => &codes::STORE_UNREACHABLE,
            StoreError::Other(_) => {
                let text = "the store refused an operation";
                return Self::new(&codes::INTERNAL, text).hint(hint).source(error);
            }
        };
        Self::new(code, text).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::{StoreError, Told};
    use crate::error::HubError;

    #[test]
    fn every_failure_says_what_to_type_next() {
        let told = || Told::new("message", "hint");
        for error in [
            StoreError::Unreadable(told()),
            StoreError::NotAStore("x".to_owned()),
            StoreError::Damaged("x".to_owned()),
            StoreError::Permissions(told()),
            StoreError::read_only_file(),
            StoreError::read_only_database(),
            StoreError::no_right_to_write(),
            StoreError::Full,
            StoreError::Busy,
            StoreError::Ended(told()),
            StoreError::Newer { found: 2, known: 1 },
            StoreError::Duplicate,
            StoreError::Stale,
            StoreError::Unreachable(told()),
            StoreError::Other("x".to_owned()),
        ] {
            let error = HubError::from(error);
            assert!(error.hint_text().is_some_and(|hint| !hint.is_empty()), "{error:?}");
        }
    }
}
