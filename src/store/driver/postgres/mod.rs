//! PostgreSQL: pool, isolation, statements; knows no query.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, TimeoutType,
};
use futures_util::TryStreamExt;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Config, NoTls};

use super::tls::{Mode, Tls, malformed};
use super::{Param, Row};
use crate::domain::words::shell_word;
use crate::store::{Gauges, Result, StoreError, Told};
use failures::chain;
use group::{Groups, Member};
use trust::{ANSWER_LIMIT, Looks, TURN_LIMIT, Trust};

mod address;
mod failures;
mod group;
mod schema;
mod trust;

/// How long to wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Connections to keep at most.
const POOL_SIZE: usize = 16;
/// Statements that a connection may keep prepared: more than the program has, unless somebody asks
/// in ever new ways.
const STATEMENTS: usize = 1_000;
/// How long a connection may be silent before the server's machine is asked for a sign of life, how
/// often it is then asked and after how long, and how long it may leave what was sent unconfirmed.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVES: u32 = 3;
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const UNCONFIRMED_LIMIT: Duration = Duration::from_secs(30);
/// What each connection begins with. The server finds out by itself that a machine is gone.
const SET_UP: &str = "set timezone = 'UTC'; set lock_timeout = '20s'; \
     set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3";
/// A writer decides by what it read; nobody may change that before it commits. Key `hubctm`.
///
/// One that says nothing for half a minute is thrown out, since all others wait for it. A reader is
/// not: it keeps nobody waiting, and a list is read as fast as its client takes it.
const BEGIN_WRITE: &str = "begin isolation level read committed; \
     select pg_advisory_xact_lock(114853371147373), \
     set_config('idle_in_transaction_session_timeout', '30s', true)";
/// Shares the lock with others of its kind.
const BEGIN_APPEND: &str = "begin isolation level read committed; \
     select pg_advisory_xact_lock_shared(114853371147373), \
     set_config('idle_in_transaction_session_timeout', '30s', true)";

/// Whether writers are refused, as a number: 1 by the server, 2 for want of a right. The transaction
/// that asks may be a reader's.
pub(in crate::store) const IS_READ_ONLY: &str = "select case \
     when pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean \
     then 1::bigint when has_table_privilege('accounts', 'insert') \
     and has_table_privilege('accounts', 'update') \
     and has_table_privilege('accounts', 'delete') then 0::bigint else 2::bigint end";

/// A database and its connections.
pub(in crate::store) struct Database {
    config: Config,
    name: String,
    /// The command that tells whether the server is there.
    check: String,
    tls: Tls,
    pool: OnceLock<Pool>,
    ready: AtomicBool,
    is_new: AtomicBool,
    /// Whether there was no store when it was last read.
    is_missing: AtomicBool,
    read_only: bool,
    groups: Groups,
    looks: Looks,
    trust: Arc<Trust>,
}

impl Database {
    pub(in crate::store) fn new(url: &str) -> Result<Self> {
        let (url, tls) = Tls::split_off(url)?;
        address::check(&url)?;
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            malformed(&format!("the address of the store is malformed: {error}"))
        })?;
        config.ssl_mode(match tls.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        });
        config
            .application_name("hubctl")
            .connect_timeout(CONNECT_LIMIT)
            .tcp_user_timeout(UNCONFIRMED_LIMIT)
            .keepalives_idle(KEEPALIVE_AFTER)
            .keepalives_interval(KEEPALIVE_EVERY)
            .keepalives_retries(KEEPALIVES);
        let (name, check) = (address::name(&config), address::check_of_server(&config));
        let trust = Arc::new(Trust::new(silence(&name, &check, "it took too long")));
        Ok(Self {
            config,
            name,
            check,
            tls,
            pool: OnceLock::new(),
            ready: AtomicBool::new(false),
            is_new: AtomicBool::new(false),
            is_missing: AtomicBool::new(false),
            read_only: false,
            groups: Groups::default(),
            looks: Looks::default(),
            trust,
        })
    }

    /// Never makes or migrates a store.
    pub(in crate::store) fn for_a_glance(self) -> Self {
        Self { read_only: true, ..self }
    }

    pub(in crate::store) fn name(&self) -> &str {
        &self.name
    }

    pub(in crate::store) fn is_new(&self) -> bool {
        self.is_new.load(Ordering::Relaxed)
    }

    pub(in crate::store) fn is_missing(&self) -> bool {
        self.is_missing.load(Ordering::Relaxed)
    }

    pub(in crate::store) fn gauges(&self) -> Gauges {
        let Some(status) = self.pool.get().map(Pool::status) else { return Gauges::default() };
        let [connections, most, idle, waiting] =
            [status.size, status.max_size, status.available, status.waiting]
                .map(|count| count as u64);
        Gauges { connections, most, idle, waiting, commits: None }
    }

    pub(in crate::store) async fn begin_read(&self) -> Result<Tx> {
        self.begin("begin isolation level repeatable read read only", ANSWER_LIMIT).await
    }

    pub(in crate::store) async fn begin_write(&self) -> Result<Tx> {
        self.begin(BEGIN_WRITE, TURN_LIMIT).await
    }

    pub(in crate::store) async fn begin_append(&self) -> Result<Tx> {
        self.begin(BEGIN_APPEND, TURN_LIMIT).await
    }

    /// An append that shares connection and commit with others.
    pub(in crate::store) async fn begin_shared(&self) -> Result<Tx> {
        let member = self.groups.join(&self.trust, || self.ready_connection()).await?;
        Ok(self.tx(Link::Member(member)))
    }

    /// Two messages less than a transaction; queries of several share a connection, on which they
    /// travel together.
    pub(in crate::store) async fn begin_look(&self) -> Result<Tx> {
        let connection = self.looks.get(&self.trust, || self.ready_connection()).await?;
        Ok(self.tx(Link::Look(connection)))
    }

    fn tx(&self, link: Link) -> Tx {
        Tx { link, trust: Arc::clone(&self.trust) }
    }

    async fn begin(&self, begin: &str, limit: Duration) -> Result<Tx> {
        // Dropped, it rolls back what a failure here leaves behind.
        let tx = self.tx(Link::Own(Some(self.ready_connection().await?)));
        self.trust.within(limit, answered(tx.connection()?, begin)).await?;
        Ok(tx)
    }

    async fn ready_connection(&self) -> Result<Object> {
        let mut connection = self.connect().await?;
        if !self.ready.load(Ordering::Acquire) {
            self.bring_up_to_date(&mut connection).await?;
            self.ready.store(true, Ordering::Release);
        }
        Ok(connection)
    }

    async fn connect(&self) -> Result<Object> {
        let pool = match self.pool.get() {
            Some(pool) => pool,
            None => {
                let made = pool_of(&self.config, &self.tls, Arc::clone(&self.trust))?;
                self.pool.get_or_init(|| made)
            }
        };
        pool.get().await.map_err(|error| {
            use deadpool_postgres::PoolError;
            match &error {
                PoolError::Backend(cause) => self.refused(cause),
                PoolError::Timeout(at) => self.silent(&late(*at)),
                other => self.silent(&other.to_string()),
            }
        })
    }

    /// A server that answers and lets nobody in is told apart from one that does not answer.
    fn refused(&self, error: &tokio_postgres::Error) -> StoreError {
        let (name, cause) = (&self.name, chain(error));
        let told = |hint: String| Told::new(format!("{name} lets nobody in: {cause}"), hint);
        match error.code() {
            // The driver has no codes for these two.
            None if cause.contains("server does not support TLS") => {
                let message = format!("{name} has no TLS, and sslmode asks for it");
                let hint = "switch TLS on at the server; or where nobody can listen on the way, \
                            name the store with sslmode=disable";
                StoreError::Unreachable(Told::new(message, hint))
            }
            None if cause.contains("password missing") => StoreError::Unreadable(told(
                "write it as postgres://USER:PASSWORD@HOST/DATABASE: PGPASSWORD and .pgpass are \
                 not read"
                    .to_owned(),
            )),
            None if is_about_tls(error) => {
                let message = format!("{name} can't be trusted: {cause}");
                StoreError::Unreachable(Told::new(message, self.tls.hint()))
            }
            Some(&SqlState::TOO_MANY_CONNECTIONS) => StoreError::Busy,
            Some(&SqlState::INVALID_CATALOG_NAME) => {
                let database = self.config.get_dbname().or_else(|| self.config.get_user());
                let database = shell_word(database.unwrap_or_default());
                StoreError::Unreadable(told(format!("make the database with: createdb {database}")))
            }
            Some(code) if code.code().starts_with("28") => StoreError::Unreadable(told(
                "correct user and password in HUBCTL_STATE or in the profile's `state`".to_owned(),
            )),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE) => StoreError::Unreadable(told(
                "grant the user of the address the right to connect".to_owned(),
            )),
            _ => self.silent(&cause),
        }
    }

    fn silent(&self, cause: &str) -> StoreError {
        StoreError::Unreachable(silence(&self.name, &self.check, cause))
    }
}

/// What the pool gave up after its limit.
fn late(at: TimeoutType) -> String {
    let limit = CONNECT_LIMIT.as_secs();
    match at {
        TimeoutType::Wait => format!("all {POOL_SIZE} connections were in use for {limit} s"),
        TimeoutType::Create | TimeoutType::Recycle => format!("no answer within {limit} s"),
    }
}

fn silence(name: &str, check: &str, cause: &str) -> Told {
    let hint = format!("see whether the server is there with: {check}");
    Told::new(format!("{name} does not answer: {cause}"), hint)
}

async fn answered(connection: &Object, statement: &str) -> Result<()> {
    Ok(connection.batch_execute(statement).await?)
}

fn pool_of(config: &Config, tls: &Tls, trust: Arc<Trust>) -> Result<Pool> {
    let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    // A socket of this machine takes no TLS, whatever is asked for, as in libpq.
    let local = config.get_hosts().iter().all(|host| !matches!(host, Host::Tcp(_)));
    let manager = if local || config.get_ssl_mode() == SslMode::Disable {
        let mut config = config.clone();
        config.ssl_mode(SslMode::Disable);
        Manager::from_config(config, NoTls, manager_config)
    } else {
        let tls = tokio_postgres_rustls::MakeRustlsConnect::new(tls.client()?);
        Manager::from_config(config.clone(), tls, manager_config)
    };
    let builder = Pool::builder(manager)
        .max_size(POOL_SIZE)
        .wait_timeout(Some(CONNECT_LIMIT))
        .create_timeout(Some(CONNECT_LIMIT))
        .runtime(deadpool_postgres::Runtime::Tokio1)
        .pre_recycle(Hook::sync_fn(move |client, metrics| {
            if client.statement_cache.size() > STATEMENTS {
                client.statement_cache.clear();
            }
            match trust.covers(metrics) {
                true => Ok(()),
                false => Err(HookError::message("it may hang")),
            }
        }))
        .post_create(Hook::async_fn(|client, _| {
            Box::pin(async move { client.batch_execute(SET_UP).await.map_err(HookError::Backend) })
        }));
    // The builder refuses only time-outs without a runtime, and a runtime is given.
    builder.build().map_err(|error| StoreError::Other(error.to_string()))
}

/// Whether the connection failed over a certificate, or for want of TLS.
fn is_about_tls(error: &tokio_postgres::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let inner = next.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if next.is::<rustls::Error>() || inner.is_some() {
            return true;
        }
        cause = next.source();
    }
    error.to_string().contains("TLS")
}

/// What a transaction's statements go through.
#[expect(clippy::large_enum_variant, reason = "it lives on the stack of one request")]
enum Link {
    /// A transaction on a connection of its own; none once it is over.
    Own(Option<Object>),
    /// No transaction, on a connection that others use as well.
    Look(Arc<Object>),
    /// A part of a transaction that others share.
    Member(Member),
}

/// A transaction.
pub(in crate::store) struct Tx {
    link: Link,
    trust: Arc<Trust>,
}

impl Tx {
    fn connection(&self) -> Result<&Object> {
        match &self.link {
            Link::Own(connection) => connection
                .as_ref()
                .ok_or_else(|| StoreError::Other("transaction is over".to_owned())),
            Link::Look(connection) => Ok(connection),
            Link::Member(member) => Ok(member.connection()),
        }
    }

    /// What a failed statement is to the one who sent it.
    fn told(&self, error: StoreError) -> StoreError {
        match &self.link {
            Link::Member(member) => member.failed(),
            Link::Own(_) | Link::Look(_) => error,
        }
    }

    pub(in crate::store) async fn commit(mut self) -> Result<()> {
        match &mut self.link {
            Link::Own(connection) => {
                if let Some(connection) = connection.take() {
                    connection.batch_execute("commit").await?;
                }
                Ok(())
            }
            Link::Look(_) => Ok(()),
            Link::Member(member) => member.commit().await,
        }
    }

    pub(in crate::store) async fn execute(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<u64> {
        if let Link::Member(member) = &mut self.link {
            member.note_write();
        }
        let done = async {
            let connection = self.connection()?;
            let statement = connection.prepare_cached(&placeholders(sql)).await?;
            Ok(connection.execute_raw(&statement, params.iter().copied()).await?)
        };
        let done = done.await;
        done.map_err(|error| self.told(error))
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
        // An insert that returns something is a query as well.
        if let Link::Member(member) = &mut self.link
            && !sql.trim_start().starts_with("select")
        {
            member.note_write();
        }
        let told = |error: tokio_postgres::Error| E::from(self.told(error.into()));
        let connection = self.connection()?;
        let shown = async {
            let statement = connection.prepare_cached(&placeholders(sql)).await.map_err(told)?;
            let rows = connection.query_raw(&statement, params.iter().copied()).await;
            let mut rows = pin!(rows.map_err(told)?);
            while let Some(row) = rows.try_next().await.map_err(told)? {
                if each(&Row::Postgres(&row))?.is_break() {
                    break;
                }
            }
            Ok(())
        };
        match &self.link {
            // Others come after it on the same connection.
            Link::Look(_) => self.trust.within(ANSWER_LIMIT, shown).await,
            Link::Own(_) | Link::Member(_) => shown.await,
        }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        let Link::Own(connection) = &mut self.link else { return };
        let Some(connection) = connection.take() else { return };
        let is_of_use = self.trust.covers(Object::metrics(&connection));
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if is_of_use => {
                let trust = Arc::clone(&self.trust);
                runtime.spawn(async move {
                    let end = answered(&connection, "rollback");
                    if trust.within(ANSWER_LIMIT, end).await.is_err() {
                        drop(Object::take(connection));
                    }
                });
            }
            // A closed connection rolls back on the server.
            Ok(_) | Err(_) => drop(Object::take(connection)),
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

#[cfg(test)]
mod tests {
    use super::{TimeoutType, late};

    #[test]
    fn a_server_that_hangs_is_told_in_the_hubs_words() {
        assert_eq!(late(TimeoutType::Create), "no answer within 10 s");
        assert_eq!(late(TimeoutType::Wait), "all 16 connections were in use for 10 s");
    }
}
