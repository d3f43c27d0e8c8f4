//! SQLite: opens files, sets them up, runs statements; knows no query.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

#[cfg(unix)]
use super::access;
use super::making::Making;
use super::{Param, Row};
use crate::domain::words::shell_word;
use crate::store::migrate::{self, Dialect};
use crate::store::{Result, StoreError, Told};

mod dump;
mod failures;

/// How long a writer waits for another one.
const BUSY_LIMIT: Duration = Duration::from_secs(20);
/// Statements that a server's connection keeps: all of the hub's.
const STATEMENTS: usize = 256;
/// What is left of the log beside the file, in bytes, once a long reader that made it grow is gone.
const LOG_LIMIT: i64 = 64 << 20;
/// Marks a file as a hubctl store (`hubc`).
const APPLICATION_ID: i64 = 0x6875_6263;

/// What every SQLite file begins with.
const HEADER_BYTES: u64 = 100;

/// A database file and the idle connections to it.
pub(in crate::store) struct Database {
    path: PathBuf,
    idle: Arc<Idle>,
    is_new: Arc<AtomicBool>,
    busy_limit: Duration,
    read_only: bool,
    statements: Option<usize>,
}

#[derive(Default)]
struct Idle {
    readers: Mutex<Vec<Connection>>,
    writer: Mutex<Option<Connection>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Reader,
    Writer,
    /// Holds an empty store, or one as it is at this moment: not to be used again.
    Passing,
}

impl Database {
    pub(in crate::store) fn new(path: PathBuf) -> Self {
        let (idle, is_new) = (Arc::default(), Arc::default());
        let (busy_limit, statements) = (BUSY_LIMIT, None);
        // SQLite takes a bare name such as `:memory:` for no file at all.
        let is_no_file = path.as_os_str().as_encoded_bytes().starts_with(b":");
        let path = if is_no_file { Path::new(".").join(path) } else { path };
        Self { path, idle, is_new, busy_limit, read_only: false, statements }
    }

    /// Gives up sooner than usual on a locked file, and never makes or migrates one.
    pub(in crate::store) fn for_a_glance(self, busy_limit: Duration) -> Self {
        Self { busy_limit, read_only: true, ..self }
    }

    /// Keeps every statement compiled: a server runs the same ones again and again.
    pub(in crate::store) fn for_server(self) -> Self {
        Self { statements: Some(STATEMENTS), ..self }
    }

    pub(in crate::store) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::store) fn is_new(&self) -> bool {
        self.is_new.load(Ordering::Relaxed)
    }

    pub(in crate::store) fn begin_read(&self) -> Result<Tx> {
        let idle = self.idle.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (connection, role) = match idle {
            Some(connection) => (connection, Role::Reader),
            None => self.open_reader()?,
        };
        self.begin(connection, role, "begin")
    }

    pub(in crate::store) fn begin_write(&self) -> Result<Tx> {
        let idle = self.idle.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (connection, making) = match idle {
            Some(connection) => (connection, None),
            None => self.open_writer()?,
        };
        // The busy time-out is not honoured when a reading transaction upgrades.
        let mut tx = self.begin(connection, Role::Writer, "begin immediate")?;
        if let Some(mut making) = making
            && version_of(tx.connection()?)? == 0
        {
            making.owns_the_file();
            tx.making = Some(making);
            apply(tx.connection()?)?;
        }
        Ok(tx)
    }

    /// A file that is not there yet is not made.
    pub(in crate::store) fn begin_rehearsal(&self) -> Result<Tx> {
        if self.look()?.is_some() {
            return self.begin_write();
        }
        Self::nothing()
    }

    /// A transaction on an empty store that nobody else sees.
    pub(in crate::store) fn nothing() -> Result<Tx> {
        let connection = empty()?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.execute_batch("begin immediate")?;
        let (connection, idle) = (Some(connection), Arc::default());
        Ok(Tx { connection, role: Role::Passing, idle, open: true, making: None })
    }

    fn begin(&self, connection: Connection, role: Role, begin: &str) -> Result<Tx> {
        connection.execute_batch(begin)?;
        let idle = Arc::clone(&self.idle);
        Ok(Tx { connection: Some(connection), role, idle, open: true, making: None })
    }

    /// A file that is not there yet reads as an empty store.
    fn open_reader(&self) -> Result<(Connection, Role)> {
        let Some(meta) = self.look()? else { return Ok((empty()?, Role::Passing)) };
        if meta.len() == 0 {
            return Ok((empty()?, Role::Passing));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let (connection, role) = self.open_read_only(flags)?;
        self.set_up(&connection)?;
        match self.schema_of(&connection)? {
            Schema::Current => Ok((connection, role)),
            Schema::Empty => Ok((empty()?, Role::Passing)),
            Schema::Older => {
                drop(connection);
                self.open_older()
            }
        }
    }

    /// The same, and whether the connection may be used again.
    pub(super) fn open_reader_to_keep(&self) -> Result<(Connection, bool)> {
        let (connection, role) = self.open_reader()?;
        Ok((connection, role == Role::Reader))
    }

    fn set_up(&self, connection: &Connection) -> Result<()> {
        connection.busy_timeout(self.busy_limit)?;
        // Otherwise a kept statement is compiled again for each new value that is bound to it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        if let Some(statements) = self.statements {
            connection.set_prepared_statement_cache_capacity(statements);
        }
        Ok(())
    }

    fn open_older(&self) -> Result<(Connection, Role)> {
        if self.read_only {
            Err(StoreError::read_only_file())
        } else {
            Ok((self.open_writer()?.0, Role::Reader))
        }
    }

    /// On a disk that can't be written SQLite can't set up its shared memory; a file without a
    /// log beside it can be read as it is.
    fn open_read_only(&self, flags: OpenFlags) -> Result<(Connection, Role)> {
        let plain = Connection::open_with_flags(&self.path, flags).map_err(|e| self.cant(e))?;
        plain.busy_timeout(self.busy_limit)?;
        let probe = plain.query_row("pragma schema_version", [], |row| row.get::<_, i64>(0));
        let Err(error) = probe else { return Ok((plain, Role::Reader)) };
        let is_cant_open =
            matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly));
        let log = PathBuf::from(format!("{}-wal", self.path.display()));
        let has_log = fs::metadata(log).is_ok_and(|meta| meta.len() > 0);
        if !is_cant_open || has_log {
            return Err(self.cant(error));
        }
        let url = url::Url::from_file_path(fs::canonicalize(&self.path).map_err(|e| self.io(&e))?);
        let url = url.map_err(|()| self.unreadable(self.path.display().to_string()))?;
        let flags = flags | OpenFlags::SQLITE_OPEN_URI;
        let fixed = Connection::open_with_flags(format!("{url}?immutable=1"), flags);
        Ok((fixed.map_err(|e| self.cant(e))?, Role::Passing))
    }

    /// A connection to a store that is there, made if it was not.
    pub(super) fn open_prepared(&self) -> Result<Connection> {
        self.begin_write()?.commit()?;
        let idle = self.idle.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        idle.map_or_else(|| Ok(self.open_writer()?.0), Ok)
    }

    /// A store that is still to be made comes with what undoes it: its schema belongs to the first
    /// transaction, so that one which fails leaves nothing behind.
    fn open_writer(&self) -> Result<(Connection, Option<Making>)> {
        let has_content = |meta: &fs::Metadata| meta.len() > 0;
        if self.look()?.as_ref().is_some_and(has_content) {
            let connection = self.open_to_write()?;
            if self.schema_of(&connection)? != Schema::Empty {
                return Ok((self.set_up_writer(connection)?, None));
            }
        }
        let mut making = Making::begin(&self.path, Arc::clone(&self.is_new), self)?;
        if self.look()?.is_none() && self.create_file()? {
            making.owns_the_file();
        }
        let connection = self.open_to_write()?;
        let is_empty = self.schema_of(&connection)? == Schema::Empty;
        Ok((self.set_up_writer(connection)?, is_empty.then_some(making)))
    }

    fn open_to_write(&self) -> Result<Connection> {
        #[cfg(unix)]
        if access::is_on_read_only_disk(&self.path) {
            return Err(StoreError::read_only_file());
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&self.path, flags).map_err(|error| self.cant(error))?;
        self.set_up(&connection)?;
        Ok(connection)
    }

    fn set_up_writer(&self, connection: Connection) -> Result<Connection> {
        match self.schema_of(&connection)? {
            Schema::Current => {}
            Schema::Empty => {
                connection.pragma_update(None, "journal_mode", "wal").map_err(|e| self.cant(e))?;
            }
            Schema::Older => {
                connection.execute_batch("begin exclusive")?;
                apply(&connection)?;
                connection.execute_batch("commit")?;
            }
        }
        // In a copy that SQLite made, readers may hold writers up until then. Whoever has it open now
        // leaves that to the next one.
        _ = connection.pragma_update(None, "journal_mode", "wal");
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "journal_size_limit", LOG_LIMIT)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(connection)
    }

    fn schema_of(&self, connection: &Connection) -> Result<Schema> {
        // One state of the file is looked at, since another process may be setting it up.
        let look = connection.unchecked_transaction().map_err(|error| self.cant(error))?;
        let pragma = |name: &str| look.pragma_query_value(None, name, |row| row.get(0));
        let version: i64 = pragma("user_version").map_err(|error| self.cant(error))?;
        let application: i64 = pragma("application_id").map_err(|error| self.cant(error))?;
        if version == 0 && application == 0 {
            let tables = "select count(*) from sqlite_schema";
            let tables: i64 = look.query_row(tables, [], |row| row.get(0))?;
            if tables == 0 {
                return Ok(Schema::Empty);
            }
            dump::refuse(&look, &self.path)?;
        }
        if application != APPLICATION_ID {
            return Err(StoreError::NotAStore(self.path.display().to_string()));
        }
        let known = migrate::LATEST;
        match version.cmp(&known) {
            std::cmp::Ordering::Less => Ok(Schema::Older),
            std::cmp::Ordering::Equal => Ok(Schema::Current),
            std::cmp::Ordering::Greater => Err(StoreError::Newer { found: version, known }),
        }
    }

    /// Refuses what could give the store's content away or lead elsewhere (threat 34).
    fn look(&self) -> Result<Option<fs::Metadata>> {
        let meta = match fs::symlink_metadata(&self.path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.io(&error)),
        };
        let name = self.path.display();
        if meta.file_type().is_symlink() {
            let told = Told::new(format!("{name} is a symbolic link"), "name the file itself");
            return Err(StoreError::Permissions(told));
        }
        if !meta.is_file() {
            return Err(self.unreadable(format!("{name} is not a file")));
        }
        // SQLite takes what is shorter than its header for an empty database.
        if (1..HEADER_BYTES).contains(&meta.len()) {
            return Err(StoreError::NotAStore(name.to_string()));
        }
        #[cfg(unix)]
        access::check(&self.path, &meta)?;
        Ok(Some(meta))
    }

    /// Says `false` where another process was faster; its file serves as well.
    fn create_file(&self) -> Result<bool> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&self.path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                Err(StoreError::read_only_file())
            }
            Err(error) => Err(self.io(&error)),
        }
    }

    pub(super) fn io(&self, error: &std::io::Error) -> StoreError {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::ReadOnlyFilesystem => StoreError::read_only_file(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                StoreError::Full
            }
            _ => self.unreadable(format!("{}: {error}", self.path.display())),
        }
    }

    fn unreadable(&self, message: String) -> StoreError {
        let path = self.path.display().to_string();
        let hint = format!(
            "see what is there with: ls -ld {}; --state PATH names another store",
            shell_word(&path)
        );
        StoreError::Unreadable(Told::new(message, hint))
    }

    fn cant(&self, error: rusqlite::Error) -> StoreError {
        #[cfg(unix)]
        if failures::is_failed_write(&error) && access::is_on_full_disk(&self.path) {
            return StoreError::Full;
        }
        match StoreError::from(error) {
            StoreError::Unreadable(told) => {
                self.unreadable(format!("{}: {told}", self.path.display()))
            }
            StoreError::Damaged(text) => {
                StoreError::Damaged(format!("{}: {text}", self.path.display()))
            }
            other => other,
        }
    }
}

#[derive(PartialEq, Eq)]
enum Schema {
    Current,
    Older,
    /// Nothing was ever committed.
    Empty,
}

/// An empty store that only this connection knows.
fn empty() -> Result<Connection> {
    let connection = Connection::open_in_memory()?;
    apply(&connection)?;
    Ok(connection)
}

fn version_of(connection: &Connection) -> Result<i64> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Applies what is missing, within the caller's transaction.
fn apply(connection: &Connection) -> Result<()> {
    // Another process may have been here since the version was looked at.
    let version = version_of(connection)?;
    if version > migrate::LATEST {
        return Err(StoreError::Newer { found: version, known: migrate::LATEST });
    }
    if version == migrate::LATEST {
        return Ok(());
    }
    for migration in migrate::after(version) {
        connection.execute_batch(migration.text(Dialect::Sqlite))?;
        connection.execute(
            migrate::RECORD,
            rusqlite::params![
                migration.number,
                migration.name,
                migration.checksum(Dialect::Sqlite)
            ],
        )?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", migrate::LATEST)?;
    Ok(())
}

/// A transaction on a connection of its own.
pub(in crate::store) struct Tx {
    connection: Option<Connection>,
    role: Role,
    idle: Arc<Idle>,
    open: bool,
    /// Set in the transaction that makes the store. Dropped after the connection.
    making: Option<Making>,
}

impl Tx {
    /// Whether this is the transaction that makes the store; nobody else can be in one then.
    pub(in crate::store) const fn is_making(&self) -> bool {
        self.making.is_some()
    }

    /// A transaction that somebody else ends.
    pub(super) fn lent(connection: Connection) -> Self {
        let (connection, idle) = (Some(connection), Arc::default());
        Self { connection, role: Role::Passing, idle, open: false, making: None }
    }

    /// Gives a lent connection back.
    pub(super) fn take_back(mut self) -> Option<Connection> {
        self.connection.take()
    }

    pub(super) fn connection(&self) -> Result<&Connection> {
        self.connection.as_ref().ok_or_else(|| StoreError::Other("transaction is over".to_owned()))
    }

    pub(in crate::store) fn commit(mut self) -> Result<()> {
        self.connection()?.execute_batch("commit")?;
        self.open = false;
        if let Some(making) = self.making.take() {
            making.done();
        }
        Ok(())
    }

    pub(in crate::store) fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        let mut statement = self.connection()?.prepare_cached(sql)?;
        let touched = statement.execute(rusqlite::params_from_iter(params))?;
        Ok(u64::try_from(touched).unwrap_or(u64::MAX))
    }

    pub(in crate::store) fn scan<E, F>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        mut each: F,
    ) -> std::result::Result<(), E>
    where
        E: From<StoreError>,
        F: FnMut(&Row<'_>) -> std::result::Result<ControlFlow<()>, E>,
    {
        let mut statement = self.connection()?.prepare_cached(sql).map_err(StoreError::from)?;
        let params = rusqlite::params_from_iter(params);
        let mut rows = statement.query(params).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            if each(&Row::Sqlite(row))?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if self.open && connection.execute_batch("rollback").is_err() {
            return;
        }
        // Its file is about to go.
        if self.making.is_some() {
            return;
        }
        match self.role {
            Role::Reader => {
                self.idle.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
            Role::Writer => {
                *self.idle.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
            }
            Role::Passing => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Database, LOG_LIMIT};

    #[test]
    fn the_log_beside_the_file_is_cut_once_nobody_needs_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = Database::new(folder.path().join("hub.db")).for_server();
        let connection = file.open_prepared().unwrap();
        let limit: i64 =
            connection.pragma_query_value(None, "journal_size_limit", |row| row.get(0)).unwrap();
        assert_eq!(limit, LOG_LIMIT);
    }
}
