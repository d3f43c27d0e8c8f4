//! Statements that begin and end transactions, on a connection that is kept.

use std::time::Duration;

use rusqlite::Connection;

use super::WAIT_LIMIT;
use crate::store::{Result, StoreError};

/// Runs one of a few statements without values, which stay compiled.
pub(super) fn run_kept(connection: &Connection, sql: &str) -> Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// Begins to write if nobody else does.
pub(super) fn begin_at_once(connection: &Connection) -> Result<bool> {
    connection.busy_timeout(Duration::ZERO)?;
    match run_kept(connection, "begin immediate") {
        Ok(()) => Ok(true),
        Err(StoreError::Busy) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Begins to write, after other processes if need be.
pub(super) fn begin_patiently(connection: &Connection) -> Result<()> {
    connection.busy_timeout(WAIT_LIMIT)?;
    run_kept(connection, "begin immediate")
}

/// Makes what was written durable.
pub(super) fn commit(connection: &Connection) -> Result<()> {
    run_kept(connection, "commit")
}

/// Ends a transaction, if there is one, without a trace; tells whether the connection is sound.
pub(super) fn roll_back(connection: &Connection) -> bool {
    connection.is_autocommit() || run_kept(connection, "rollback").is_ok()
}
