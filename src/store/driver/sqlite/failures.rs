//! What SQLite reports, and what that is for the store.

use std::sync::atomic::Ordering;

use rusqlite::{ErrorCode, ffi};

use crate::store::{IS_FILE_LIMIT_MET, StoreError, Told};

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(cause, _) = &error else {
            return Self::Other(error.to_string());
        };
        match cause.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::ReadOnly => Self::read_only_file(),
            ErrorCode::DiskFull => Self::Full,
            // Why the system refused a write is not told.
            ErrorCode::SystemIoFailure
                if is_a_write(cause.extended_code) && IS_FILE_LIMIT_MET.load(Ordering::SeqCst) =>
            {
                Self::Full
            }
            ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => {
                Self::Damaged(error.to_string())
            }
            ErrorCode::ConstraintViolation
                if matches!(
                    cause.extended_code,
                    ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                ) =>
            {
                Self::Duplicate
            }
            ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure => {
                let hint = "check the disk and the permissions of the file and its folder";
                Self::Unreadable(Told::new(error.to_string(), hint))
            }
            _ => Self::Other(error.to_string()),
        }
    }
}

/// Whether a write failed to which the system may have given no room.
#[cfg(unix)]
pub(super) fn is_failed_write(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(cause, _) if is_a_write(cause.extended_code))
}

const fn is_a_write(code: i32) -> bool {
    matches!(code, ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_SHMOPEN)
}
