//! A hub in a world of its own: a store, a clock that stands still, a seed and a key file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hubctl::domain::caller::Caller;
use hubctl::domain::project::ProjectName;
use hubctl::domain::time::{Clock as _, FixedClock, Timestamp};
use hubctl::error::{Code, HubError};
use hubctl::hub::keyring::KeyringAccess;
use hubctl::hub::keysource::KeySources;
use hubctl::hub::random::SeededRandom;
use hubctl::hub::write::{Guard, IfThere};
use hubctl::hub::{Hub, projects};
use hubctl::store::Store;
use tempfile::TempDir;

/// Runs each function, an `async fn(TestHub)`, as one test per database.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { $crate::support::hub::on_sqlite(super::$name); })+
        }
        #[cfg(unix)]
        mod postgres {
            $(#[test] fn $name() { $crate::support::hub::on_postgres(super::$name); })+
        }
    };
}
pub(crate) use on_both_databases;

/// Runs each function as one test on the connections that a server keeps to SQLite.
macro_rules! on_kept_connections {
    ($($name:ident),+ $(,)?) => {
        mod served {
            $(#[test] fn $name() { $crate::support::hub::on_served(super::$name); })+
        }
    };
}
pub(crate) use on_kept_connections;

/// Each table with its rows.
pub(crate) type Dump = BTreeMap<String, Vec<String>>;

/// Where a store is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Sqlite(PathBuf),
    #[cfg(unix)]
    Postgres(String),
}

impl Place {
    pub(crate) fn store(&self) -> Store {
        match self {
            Self::Sqlite(path) => Store::sqlite(path),
            #[cfg(unix)]
            Self::Postgres(url) => Store::postgres(url).unwrap(),
        }
    }

    /// Every row of every table, as text; bytes are in lower-case hex.
    pub(crate) fn dump(&self) -> Dump {
        match self {
            Self::Sqlite(path) => sqlite::dump(path),
            #[cfg(unix)]
            Self::Postgres(url) => postgres::dump(url),
        }
    }

    /// Runs statements behind the hub's back.
    pub(crate) fn raw(&self, sql: &str) {
        match self {
            Self::Sqlite(path) => sqlite::open(path).execute_batch(sql).unwrap(),
            #[cfg(unix)]
            Self::Postgres(url) => super::postgres::execute(url, sql),
        }
    }
}

/// What a test asks for before it starts its first request.
pub(crate) struct TestHub {
    pub(crate) hub: Hub,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) place: Place,
    pub(crate) folder: TempDir,
    seed: AtomicU64,
}

pub(crate) fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(TestHub) -> F) {
    block_on(test(sqlite_world()));
}

/// The same with the connections that a server keeps.
pub(crate) fn on_served<F: Future<Output = ()>>(test: impl FnOnce(TestHub) -> F) {
    let mut world = sqlite_world();
    let (clock, keys) = (Arc::clone(&world.clock), key_file(&world.folder));
    world.hub = hub_on(world.place.store().for_server(2), 1, clock, keys);
    block_on(test(world));
}

/// A hub on a SQLite file that is not there yet.
pub(crate) fn sqlite_world() -> TestHub {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Sqlite(folder.path().join("hub.db"));
    TestHub::at(place, folder)
}

#[cfg(unix)]
pub(crate) fn on_postgres<F: Future<Output = ()>>(test: impl FnOnce(TestHub) -> F) {
    let place = Place::Postgres(super::postgres::database());
    block_on(test(TestHub::at(place, tempfile::tempdir().unwrap())));
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

impl TestHub {
    fn at(place: Place, folder: TempDir) -> Self {
        // 2026-06-01T12:00:00Z.
        let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_780_315_200_000)));
        let keys = key_file(&folder);
        let hub = hub(&place, 1, Arc::clone(&clock), keys);
        Self { hub, clock, place, folder, seed: AtomicU64::new(2) }
    }

    /// The administrator in the default project.
    #[expect(clippy::unused_self, reason = "reads better beside `project`")]
    pub(crate) fn caller(&self) -> Caller {
        Caller::local(hubctl::domain::ids::ProjectNumber(1), "default".to_owned())
    }

    /// The administrator in a project, made if need be.
    pub(crate) async fn project(&self, name: &str) -> Caller {
        let name: ProjectName = name.parse().unwrap();
        let made =
            projects::create(&self.hub, &self.caller(), &name, IfThere::Fail, Guard::default())
                .await;
        if let Err(error) = made {
            assert_eq!(error.code().name, "project.exists", "{error:?}");
        }
        self.hub.local_caller(&name).await.unwrap()
    }

    /// Another process on the same store: nothing in memory is shared, but the clock.
    pub(crate) fn another(&self) -> Hub {
        self.another_with(key_file(&self.folder))
    }

    /// The same, and it waits for no lock on a file.
    pub(crate) fn impatient(&self) -> Hub {
        let store = self.place.store().for_a_glance(Duration::from_millis(5));
        hub_on(
            store,
            self.seed.fetch_add(1, Ordering::Relaxed),
            Arc::clone(&self.clock),
            key_file(&self.folder),
        )
    }

    pub(crate) fn another_with(&self, keys: KeySources) -> Hub {
        let seed = self.seed.fetch_add(1, Ordering::Relaxed);
        hub(&self.place, seed, Arc::clone(&self.clock), keys)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn key_path(&self) -> PathBuf {
        self.folder.path().join("master.key")
    }

    /// Every row of every table, as text; bytes are in lower-case hex.
    pub(crate) fn dump(&self) -> Dump {
        self.place.dump()
    }

    /// Runs statements behind the hub's back.
    pub(crate) fn raw(&self, sql: &str) {
        self.place.raw(sql);
    }

    /// The number that a query answers, asked behind the hub's back.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        match &self.place {
            Place::Sqlite(path) => sqlite::open(path).query_row(sql, [], |row| row.get(0)).unwrap(),
            #[cfg(unix)]
            Place::Postgres(url) => {
                postgres::texts(url, &format!("select ({sql})::text"))[0].parse().unwrap()
            }
        }
    }

    pub(crate) fn events(&self) -> i64 {
        self.number("select count(*) from events")
    }

    pub(crate) fn operations(&self) -> i64 {
        self.number("select count(*) from operations")
    }

    /// Asserts that `write` leaves every row as it was, and returns what it answers.
    pub(crate) async fn changes_nothing<T>(&self, write: impl Future<Output = T>) -> T {
        // A new store gets its tables, whatever becomes of the write.
        self.hub.store().begin_write().await.unwrap().commit().await.unwrap();
        let before = self.dump();
        let answer = write.await;
        assert_eq!(self.dump(), before);
        answer
    }
}

pub(crate) fn key_file(folder: &TempDir) -> KeySources {
    let beside = folder.path().join("master.key");
    KeySources { file: None, keyring: KeyringAccess::none(), beside }
}

fn hub(place: &Place, seed: u64, clock: Arc<FixedClock>, keys: KeySources) -> Hub {
    hub_on(place.store(), seed, clock, keys)
}

fn hub_on(store: Store, seed: u64, clock: Arc<FixedClock>, keys: KeySources) -> Hub {
    let random = Arc::new(SeededRandom::new(seed));
    Hub::new(store, clock, random, keys, "http://127.0.0.1:4780".parse().unwrap())
}

/// Asserts that the answer is a refusal with this code, and returns it.
#[track_caller]
pub(crate) fn refused<T>(answer: Result<T, HubError>, code: &'static Code) -> HubError {
    let error = answer.err().unwrap_or_else(|| panic!("expected {}", code.name));
    assert_eq!(error.code().name, code.name, "{error:?}");
    error
}

/// A guard that lets every write pass.
pub(crate) fn guard() -> Guard {
    Guard::default()
}

pub(crate) const DRY_RUN: Guard = Guard { dry_run: true, max_affected: None };

pub(crate) fn at_most(accounts: u64) -> Guard {
    Guard { dry_run: false, max_affected: Some(accounts) }
}

pub(crate) mod sqlite {
    use std::path::Path;
    use std::time::Duration;

    use rusqlite::Connection;
    use rusqlite::types::ValueRef;

    use super::Dump;

    pub(crate) fn open(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection.busy_timeout(Duration::from_secs(20)).unwrap();
        connection
    }

    pub(super) fn dump(path: &Path) -> Dump {
        assert!(path.exists(), "a store that is looked at has to be there");
        let connection = open(path);
        let tables = "select name from sqlite_schema where type = 'table' \
                      and name not like 'sqlite_%'";
        let mut tables = connection.prepare(tables).unwrap();
        let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
        tables
            .map(|table| table.unwrap())
            .map(|table| (table.clone(), rows(&connection, &table)))
            .collect()
    }

    fn rows(connection: &Connection, table: &str) -> Vec<String> {
        let mut statement = connection.prepare(&format!("select * from {table}")).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            Ok((0..columns)
                .map(|column| shown(row.get_ref_unwrap(column)) + "|")
                .collect::<String>())
        });
        let mut rows: Vec<String> = rows.unwrap().map(|row| row.unwrap()).collect();
        rows.sort_unstable();
        rows
    }

    fn shown(value: ValueRef<'_>) -> String {
        match value {
            ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            ValueRef::Text(text) => String::from_utf8(text.to_owned()).unwrap(),
            other => format!("{other:?}"),
        }
    }
}

#[cfg(unix)]
pub(crate) mod postgres {
    use super::Dump;

    /// The texts that a query answers, one a row.
    pub(crate) fn texts(url: &str, sql: &str) -> Vec<String> {
        let ask = || {
            super::block_on(async {
                let connected = tokio_postgres::connect(url, tokio_postgres::NoTls).await;
                let (client, connection) = connected.unwrap();
                tokio::spawn(connection);
                let rows = client.query(sql, &[]).await.unwrap();
                rows.iter().map(|row| row.get::<_, Option<String>>(0).unwrap_or_default()).collect()
            })
        };
        std::thread::scope(|scope| scope.spawn(ask).join().unwrap())
    }

    pub(super) fn dump(url: &str) -> Dump {
        let tables = "select table_name::text from information_schema.tables \
                      where table_schema = 'public'";
        let rows = |table: &String| {
            let mut rows = texts(url, &format!("select t::text from {table} t"));
            rows.sort_unstable();
            rows
        };
        texts(url, tables).into_iter().map(|table| (table.clone(), rows(&table))).collect()
    }
}
