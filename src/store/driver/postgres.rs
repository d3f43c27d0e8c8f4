//! PostgreSQL: pool, isolation, statements; knows no query.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use futures_util::TryStreamExt;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Config, NoTls};

use super::{Param, Row};
use crate::store::migrate::{self, Dialect};
use crate::store::{Gauges, Result, StoreError};

/// How long to wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Connections to keep at most.
const POOL_SIZE: usize = 16;
/// Key of the advisory lock under which the schema is changed (`hubctl` in ASCII).
const SCHEMA_LOCK: i64 = 0x6875_6263_746c;
/// A writer decides by what it read; nobody may change that before it commits. Key `hubctm`.
const BEGIN_WRITE: &str =
    "begin isolation level read committed; select pg_advisory_xact_lock(114853371147373)";
/// Shares the lock with others of its kind.
const BEGIN_APPEND: &str =
    "begin isolation level read committed; select pg_advisory_xact_lock_shared(114853371147373)";

/// A database and its connections.
pub(in crate::store) struct Database {
    config: Config,
    name: String,
    pool: OnceLock<Pool>,
    ready: AtomicBool,
    is_new: AtomicBool,
}

impl Database {
    pub(in crate::store) fn new(url: &str) -> Result<Self> {
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            StoreError::Unreadable(format!("the address of the store is malformed: {error}"))
        })?;
        config.application_name("hubctl").connect_timeout(CONNECT_LIMIT);
        let host = match config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            #[cfg(unix)]
            Some(Host::Unix(folder)) => folder.display().to_string(),
            None => "localhost".to_owned(),
        };
        let user = config.get_user().unwrap_or_default();
        let database = config.get_dbname().unwrap_or(user);
        let name = format!("postgres://{user}@{host}/{database}");
        let (pool, ready, is_new) =
            (OnceLock::new(), AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { config, name, pool, ready, is_new })
    }

    pub(in crate::store) fn name(&self) -> &str {
        &self.name
    }

    pub(in crate::store) fn is_new(&self) -> bool {
        self.is_new.load(Ordering::Relaxed)
    }

    pub(in crate::store) fn gauges(&self) -> Gauges {
        let Some(status) = self.pool.get().map(Pool::status) else { return Gauges::default() };
        let [connections, idle, waiting] =
            [status.size, status.available, status.waiting].map(|count| count as u64);
        Gauges { connections, idle, waiting, ..Gauges::default() }
    }

    pub(in crate::store) async fn begin_read(&self) -> Result<Tx> {
        self.begin("begin isolation level repeatable read read only").await
    }

    pub(in crate::store) async fn begin_write(&self) -> Result<Tx> {
        self.begin(BEGIN_WRITE).await
    }

    pub(in crate::store) async fn begin_append(&self) -> Result<Tx> {
        self.begin(BEGIN_APPEND).await
    }

    async fn begin(&self, begin: &str) -> Result<Tx> {
        let mut connection = self.connect().await?;
        if !self.ready.load(Ordering::Acquire) {
            self.bring_up_to_date(&mut connection).await?;
            self.ready.store(true, Ordering::Release);
        }
        // Dropped, it rolls back what a failure here leaves behind.
        let tx = Tx { connection: Some(connection) };
        tx.connection()?.batch_execute(begin).await?;
        Ok(tx)
    }

    async fn connect(&self) -> Result<Object> {
        let pool = match self.pool.get() {
            Some(pool) => pool,
            None => self.pool.get_or_init(|| pool_of(&self.config)),
        };
        pool.get().await.map_err(|error| {
            use deadpool_postgres::PoolError;
            let cause = match &error {
                PoolError::Backend(cause) => chain(cause),
                other => other.to_string(),
            };
            StoreError::Unreachable(format!("{} does not answer: {cause}", self.name))
        })
    }

    /// Replicas that start together wait here for one another.
    async fn bring_up_to_date(&self, connection: &mut Object) -> Result<()> {
        // The catalog's own table is asked, since name lookups keep what they did not find, also
        // while this process waits for the lock.
        let exists = "select count(distinct relname) = 2 from pg_catalog.pg_class c \
                      join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
                      where n.nspname = any (current_schemas(false)) \
                      and c.relname in ('migrations', 'store')";
        let latest = "select coalesce(max(number), 0) from migrations";
        let check = connection.query_one(exists, &[]).await?;
        if check.try_get(0)? {
            let found: i64 = connection.query_one(latest, &[]).await?.try_get(0)?;
            if !is_older(found)? {
                return Ok(());
            }
        }
        let transaction = connection.transaction().await?;
        transaction.execute("select pg_advisory_xact_lock($1)", &[&SCHEMA_LOCK]).await?;
        let found: i64 = match transaction.query_one(exists, &[]).await?.try_get(0)? {
            true => transaction.query_one(latest, &[]).await?.try_get(0)?,
            false => 0,
        };
        if is_older(found)? {
            for migration in migrate::after(found) {
                transaction.batch_execute(migration.text(Dialect::Postgres)).await?;
                let checksum = migration.checksum(Dialect::Postgres);
                let record = placeholders(migrate::RECORD);
                let params: [&(dyn ToSql + Sync); 3] =
                    [&migration.number, &migration.name, &checksum];
                transaction.execute(record.as_ref(), &params).await?;
            }
            self.is_new.store(found == 0, Ordering::Relaxed);
        }
        transaction.commit().await?;
        Ok(())
    }
}

fn is_older(found: i64) -> Result<bool> {
    let known = migrate::LATEST;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    Ok(found < known)
}

fn pool_of(config: &Config) -> Pool {
    let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let local = config.get_hosts().iter().all(|host| !matches!(host, Host::Tcp(_)));
    let manager = if local || config.get_ssl_mode() == SslMode::Disable {
        Manager::from_config(config.clone(), NoTls, manager_config)
    } else {
        let tls = tokio_postgres_rustls::MakeRustlsConnect::new(tls_config());
        Manager::from_config(config.clone(), tls, manager_config)
    };
    let builder = Pool::builder(manager)
        .max_size(POOL_SIZE)
        .wait_timeout(Some(CONNECT_LIMIT))
        .create_timeout(Some(CONNECT_LIMIT))
        .runtime(deadpool_postgres::Runtime::Tokio1)
        .post_create(Hook::async_fn(|client, _| {
            Box::pin(async move {
                let setup = "set timezone = 'UTC'; set lock_timeout = '20s'";
                client.batch_execute(setup).await.map_err(HookError::Backend)
            })
        }));
    match builder.build() {
        Ok(pool) => pool,
        // The builder refuses only time-outs without a runtime, and a runtime is given.
        Err(error) => unreachable!("{error}"),
    }
}

fn tls_config() -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}

/// A transaction on a connection of its own.
pub(in crate::store) struct Tx {
    connection: Option<Object>,
}

impl Tx {
    fn connection(&self) -> Result<&Object> {
        self.connection.as_ref().ok_or_else(|| StoreError::Other("transaction is over".to_owned()))
    }

    pub(in crate::store) async fn commit(mut self) -> Result<()> {
        if let Some(connection) = self.connection.take() {
            connection.batch_execute("commit").await?;
        }
        Ok(())
    }

    pub(in crate::store) async fn execute(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<u64> {
        let connection = self.connection()?;
        let statement = connection.prepare_cached(&placeholders(sql)).await?;
        Ok(connection.execute_raw(&statement, params.iter().copied()).await?)
    }

    pub(in crate::store) async fn scan<E, F>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        mut each: F,
    ) -> std::result::Result<(), E>
    where
        E: From<StoreError>,
        F: FnMut(&Row<'_>) -> std::result::Result<ControlFlow<()>, E>,
    {
        let connection = self.connection()?;
        let statement =
            connection.prepare_cached(&placeholders(sql)).await.map_err(StoreError::from)?;
        let rows = connection.query_raw(&statement, params.iter().copied()).await;
        let mut rows = pin!(rows.map_err(StoreError::from)?);
        while let Some(row) = rows.try_next().await.map_err(StoreError::from)? {
            if each(&Row::Postgres(&row))?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(async move {
                    if connection.batch_execute("rollback").await.is_err() {
                        drop(Object::take(connection));
                    }
                });
            }
            // A closed connection rolls back on the server.
            Err(_) => drop(Object::take(connection)),
        }
    }
}

/// `?1` becomes `$1`; no statement here has a question mark in a literal.
fn placeholders(sql: &str) -> Cow<'_, str> {
    if sql.contains('?') { Cow::Owned(sql.replace('?', "$")) } else { Cow::Borrowed(sql) }
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut tokio_postgres::types::private::BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn chain(error: &dyn std::error::Error) -> String {
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
            return Self::Unreachable(chain(&error));
        };
        match *code {
            SqlState::UNIQUE_VIOLATION => Self::Duplicate,
            SqlState::READ_ONLY_SQL_TRANSACTION => Self::ReadOnly,
            SqlState::DISK_FULL | SqlState::OUT_OF_MEMORY => Self::Full,
            SqlState::LOCK_NOT_AVAILABLE
            | SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_DEADLOCK_DETECTED => Self::Busy,
            SqlState::INSUFFICIENT_PRIVILEGE => Self::Unreadable(chain(&error)),
            SqlState::ADMIN_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
                Self::Unreachable(chain(&error))
            }
            _ => Self::Other(chain(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_for_people_has_no_password() {
        let db = Database::new("postgres://hub:s3cret@db.example:5432/prod").unwrap();
        assert_eq!(db.name(), "postgres://hub@db.example/prod");
        let error = Database::new("postgres://hub:s3cret@db.example:bad/prod").err().unwrap();
        assert!(!error.to_string().contains("s3cret"));
    }
}
