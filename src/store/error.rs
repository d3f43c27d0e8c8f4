//! What a store may report, and the error that it becomes for people.

use crate::error::{HubError, codes};

/// A store's failure.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The file or database can't be opened.
    #[error("can't open the store: {0}")]
    Unreadable(String),
    /// What is there is not a hubctl store.
    #[error("{0} is not a hubctl store")]
    NotAStore(String),
    /// Pages or rows are damaged.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// Others may read the file, or its path is a symbolic link.
    #[error("{0}")]
    Permissions(String),
    /// It can be read but not written.
    #[error("the store can't be written")]
    ReadOnly,
    /// No room left.
    #[error("no room left on the store's disk")]
    Full,
    /// Locked by another process for too long.
    #[error("the store is in use by another process")]
    Busy,
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
    /// The database server does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl From<StoreError> for HubError {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        let code = match &error {
            StoreError::Unreadable(_) | StoreError::NotAStore(_) | StoreError::Damaged(_) => {
                &codes::STORE_UNREADABLE
            }
            StoreError::Permissions(_) => &codes::STORE_PERMISSIONS,
            StoreError::ReadOnly => &codes::STORE_READ_ONLY,
            StoreError::Full => &codes::STORE_FULL,
            StoreError::Busy => &codes::STORE_BUSY,
            StoreError::Newer { .. } => &codes::STORE_NEWER,
            StoreError::Duplicate | StoreError::Stale => &codes::STALE,
            StoreError::Unreachable(_) => &codes::STORE_UNREACHABLE,
            StoreError::Other(_) => {
                return Self::new(&codes::INTERNAL, "the store refused an operation").source(error);
            }
        };
        Self::new(code, text)
    }
}
