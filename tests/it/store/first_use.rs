//! Making and updating the schema: alone, twice, at once, and by a later version.

use std::time::Duration;

#[cfg(unix)]
use hubctl::error::HubError;
use hubctl::error::codes;
use hubctl::hub::connect_sessions::{self, BatchItem};
use hubctl::hub::projects;
use hubctl::hub::write::{Guard, IfThere};
use hubctl::store::{Store, StoreError};

use crate::support::asked::{config, key, session, session_with};
#[cfg(unix)]
use crate::support::hub::on_postgres;
use crate::support::hub::{Place, TestHub, block_on, on_both_databases, refused, sqlite_world};
#[cfg(unix)]
use crate::support::postgres::{database, execute};

on_both_databases!(
    a_new_store_is_made_once_and_says_so,
    many_make_one_store_at_once,
    a_newer_schema_is_refused,
    a_store_of_the_first_version_is_brought_up_to_date,
    numbers_of_sessions_go_on_in_a_store_of_the_first_version,
    a_store_that_is_not_there_is_read_as_an_empty_one_and_not_made,
    a_glance_makes_and_migrates_nothing,
    a_step_that_was_another_one_is_found,
    a_key_goes_again_where_the_write_that_made_it_fails,
);

async fn a_new_store_is_made_once_and_says_so(world: TestHub) {
    let store = world.place.store();
    store.begin_write().await.unwrap().commit().await.unwrap();
    assert!(store.is_new());
    let before = world.dump();
    for _ in 0..3 {
        let again = world.place.store();
        again.begin_write().await.unwrap().commit().await.unwrap();
        drop(again.begin_read().await.unwrap());
        assert!(!again.is_new());
    }
    assert_eq!(world.dump(), before);
    assert_eq!(before["migrations"].len(), steps());
    assert_eq!(before["projects"].len(), 1);
}

async fn a_store_that_is_not_there_is_read_as_an_empty_one_and_not_made(world: TestHub) {
    let store = world.hub.store();
    for mut tx in [
        store.begin_read().await.unwrap(),
        store.begin_look().await.unwrap(),
        store.begin_rehearsal().await.unwrap(),
    ] {
        assert_eq!(tx.number("select count(*) from projects", &[]).await.unwrap(), 1);
    }
    match &world.place {
        Place::Sqlite(path) => assert!(!path.exists()),
        #[cfg(unix)]
        Place::Postgres(_) => {
            assert!(store.is_missing());
            let tables = "select count(*) from pg_tables where schemaname = 'public'";
            assert_eq!(world.number(tables), 0);
        }
    }
    store.prepare().await.unwrap();
    assert!(store.is_new() && !store.is_missing());
    drop(store.begin_read().await.unwrap());
    assert_eq!(world.number("select count(*) from projects"), 1);
}

async fn a_glance_makes_and_migrates_nothing(world: TestHub) {
    let glance = || world.place.store().for_a_glance(Duration::from_millis(500));
    drop(glance().begin_read().await.unwrap());
    first_version(&world);
    for refused in [glance().begin_read().await.err(), glance().begin_look().await.err()] {
        assert!(matches!(refused, Some(StoreError::ReadOnly(_))), "{refused:?}");
    }
    assert_eq!(world.number("select count(*) from migrations"), 1);
}

async fn a_step_that_was_another_one_is_found(world: TestHub) {
    world.hub.store().prepare().await.unwrap();
    let found = async || world.place.store().begin_read().await.unwrap().integrity().await.unwrap();
    assert!(found().await.unwrap_or_default().is_empty());
    world.raw("update migrations set checksum = 'x' where number = 3");
    let found = found().await.unwrap();
    assert_eq!(found, ["step 0003_linking of its schema was another one"]);
}

/// How many steps the schema has.
fn steps() -> usize {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/migrations/sqlite");
    std::fs::read_dir(folder).unwrap().count()
}

async fn many_make_one_store_at_once(world: TestHub) {
    make_at_once(&world);
    // The race is rarely met: on a file it costs little to run it often.
    if matches!(world.place, Place::Sqlite(_)) {
        (0..60).for_each(|_| make_at_once(&sqlite_world()));
    }
}

fn make_at_once(world: &TestHub) {
    let barrier = std::sync::Barrier::new(16);
    let made: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|number| {
                let (store, barrier) = (world.place.store(), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    block_on(async {
                        if number % 4 == 3 {
                            drop(store.begin_read().await.unwrap());
                        }
                        store.begin_write().await.unwrap().commit().await.unwrap();
                    });
                    store.is_new()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(made.iter().filter(|made| **made).count(), 1, "{made:?}");
    let steps = i64::try_from(steps()).unwrap();
    assert_eq!(world.number("select count(*) from migrations"), steps);
    assert_eq!(world.number("select count(*) from projects"), 1);
}

/// As a role or a database may have it set for all.
#[cfg(unix)]
#[test]
fn many_make_one_store_at_once_whatever_the_usual_isolation() {
    on_postgres(async |world: TestHub| {
        world.raw(&set_for_all("default_transaction_isolation = 'repeatable read'"));
        make_at_once(&world);
    });
}

/// It is meant for queries; a step may take longer.
#[cfg(unix)]
#[test]
fn a_limit_on_statements_ends_no_step_of_the_schema() {
    on_postgres(async |world: TestHub| {
        // The first table takes two seconds.
        world.raw(
            "create function wait() returns event_trigger language plpgsql as $$ begin \
             if to_regclass('public.migrations') is null then perform pg_sleep(2); end if; end $$; \
             create event trigger wait on ddl_command_start when tag in ('CREATE TABLE') \
             execute function wait()",
        );
        world.raw(&set_for_all("statement_timeout = '1s'"));
        world.place.store().prepare().await.unwrap();
    });
}

#[cfg(unix)]
#[test]
fn a_database_that_can_hold_no_store_is_refused() {
    let told = |url: &str| {
        let store = Store::postgres(url).unwrap();
        let refused = block_on(store.prepare()).unwrap_err();
        assert!(!matches!(refused, StoreError::Other(_)), "{refused:?}");
        let error = HubError::from(refused);
        assert_eq!(error.code().name, "store.unreadable", "{error:?}");
        format!("{}; {}", error.message(), error.hint_text().unwrap())
    };
    for tables in [
        "create table migrations (id int, migration text)",
        "create table migrations (id int); create table store (id int)",
        "create table migrations (number text); create table store (id int)",
    ] {
        let url = database();
        execute(&url, tables);
        assert!(told(&url).contains("is not a hubctl store"), "{tables}");
    }
    let url = database();
    execute(&url, &set_for_all("search_path = nowhere"));
    assert!(told(&url).contains("show search_path"));
    assert!(block_on(Store::postgres(&url).unwrap().begin_read()).is_err());

    let (name, latin) = (name_of(&url).to_owned(), format!("{}_latin", name_of(&url)));
    let make = "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0";
    execute(&url, &format!("create database {latin} {make}"));
    assert!(told(&url.replacen(&name, &latin, 1)).contains("--encoding=UTF8"));
}

/// As after a backup was restored by an administrator.
#[cfg(unix)]
#[test]
fn a_store_whose_tables_are_anothers_says_so_when_they_have_to_change() {
    on_postgres(async |world: TestHub| {
        first_version(&world);
        let Place::Postgres(url) = &world.place else { unreachable!() };
        let user = format!("user_{}", name_of(url));
        world.raw(&format!(
            "create role {user} login; grant all on schema public to {user}; \
             grant all on all tables in schema public to {user}"
        ));
        let store = Store::postgres(&url.replacen("postgres@", &format!("{user}@"), 1)).unwrap();
        let error = HubError::from(store.prepare().await.unwrap_err());
        assert_eq!(error.code().name, "store.unreadable", "{error:?}");
        assert!(
            error.hint_text().unwrap().contains("the owner of the store's tables"),
            "{error:?}"
        );
    });
}

/// The name of the database in its URL.
#[cfg(unix)]
fn name_of(url: &str) -> &str {
    url.split(['/', '?']).nth(3).unwrap()
}

/// Sets something for whoever connects to the database from now on.
#[cfg(unix)]
fn set_for_all(setting: &str) -> String {
    let own = "execute format('alter database %I set ', current_database()) ||";
    format!("do $do$ begin {own} $set${setting}$set$; end $do$")
}

async fn a_key_goes_again_where_the_write_that_made_it_fails(world: TestHub) {
    let caller = world.caller();
    let item = |provider| BatchItem { new: session_with("acme", provider), occurrence: 0 };
    let batch = |provider| {
        connect_sessions::create_batch(&world.hub, &caller, vec![item(provider)], Guard::default())
    };
    refused(batch("nope").await, &codes::CONNECTOR_UNKNOWN);
    assert!(!world.key_path().exists());
    assert_eq!(world.hub.take_note(), None, "nothing is told of a key that is not there");
    if let Place::Sqlite(_) = &world.place {
        assert_eq!(std::fs::read_dir(world.folder.path()).unwrap().count(), 0);
    }
    world.add(&caller, config("hubspot")).await;
    refused(batch("nope").await, &codes::CONNECTOR_UNKNOWN);
    assert!(!world.key_path().exists());
    batch("hubspot").await.unwrap();
    assert!(world.key_path().exists() && world.hub.take_note().is_some());
    let key = std::fs::read(world.key_path()).unwrap();
    refused(batch("nope").await, &codes::CONNECTOR_UNKNOWN);
    assert_eq!(std::fs::read(world.key_path()).unwrap(), key);
}

#[test]
fn makers_that_fail_take_nothing_from_those_that_succeed() {
    for _ in 0..30 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/for/it/hub.db");
        let barrier = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (store, barrier) = (Store::sqlite(&path), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    block_on(async {
                        let mut tx = store.begin_write().await.unwrap();
                        let sql = "insert into store (key, value) values (?1, 'x')";
                        let key = number.to_string();
                        tx.execute(sql, &[(&key).into()]).await.unwrap();
                        if number % 2 == 0 {
                            tx.commit().await.unwrap();
                        }
                    });
                });
            }
        });
        block_on(async {
            let mut tx = Store::sqlite(&path).begin_read().await.unwrap();
            let sql = "select count(*) from store where value = 'x'";
            assert_eq!(tx.number(sql, &[]).await.unwrap(), 4);
        });
    }
}

#[test]
fn a_first_write_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/for/it/hub.db");
    let store = Store::sqlite(&path);
    block_on(async {
        drop(store.begin_write().await.unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(!store.is_new());
        // A file without content is no store, whoever left it, and stays where it was.
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        drop(store.begin_write().await.unwrap());
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
        store.begin_write().await.unwrap().commit().await.unwrap();
        assert!(store.is_new());
        drop(store.begin_write().await.unwrap());
        drop(Store::sqlite(&path).begin_write().await.unwrap());
        drop(Store::sqlite(&path).begin_read().await.unwrap());
    });
    assert!(path.exists());
}

async fn a_newer_schema_is_refused(world: TestHub) {
    let caller = world.caller();
    projects::list(&world.hub, &caller).await.unwrap();
    world.hub.store().begin_write().await.unwrap().commit().await.unwrap();
    world.raw("insert into migrations (number, name, checksum) values (99, '0099_later', 'x')");
    if matches!(world.place, Place::Sqlite(_)) {
        world.raw("pragma user_version = 99");
    }
    let before = world.dump();
    let hub = world.another();
    let error = refused(projects::list(&hub, &caller).await, &codes::STORE_NEWER);
    assert!(error.message().contains("99"), "{error:?}");
    let name = "new".parse().unwrap();
    refused(
        projects::create(&hub, &caller, &name, IfThere::Fail, Guard::default()).await,
        &codes::STORE_NEWER,
    );
    let opened = world.place.store().begin_write().await;
    assert!(matches!(opened.err(), Some(StoreError::Newer { found: 99, .. })));
    assert_eq!(world.dump(), before);
}

/// The store as version 0.1 made it, with a project in it.
fn first_version(world: &TestHub) {
    let (base, mark) = match &world.place {
        Place::Sqlite(_) => (
            include_str!("../../../src/store/migrations/sqlite/0001_base.sql"),
            "pragma application_id = 0x68756263; pragma user_version = 1;",
        ),
        #[cfg(unix)]
        Place::Postgres(_) => {
            (include_str!("../../../src/store/migrations/postgres/0001_base.sql"), "")
        }
    };
    world.raw(&format!(
        "{base} {mark}
         insert into migrations (number, name, checksum) values (1, '0001_base', 'x');
         insert into projects (name, created_at) values ('old', 5);"
    ));
    #[cfg(unix)]
    if let Place::Sqlite(path) = &world.place {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

async fn a_store_of_the_first_version_is_brought_up_to_date(world: TestHub) {
    first_version(&world);
    let caller = world.hub.local_caller(&"old".parse().unwrap()).await.unwrap();
    let name = "old".parse().unwrap();
    let project = projects::get(&world.hub, &caller, &name).await.unwrap();
    assert!(project.allowlist.is_open());
    assert_eq!(project.created_at.as_millis(), 5);
    let made = world.key(&caller, key("ci", "admin")).await;
    assert_eq!(world.holder(&made).await.project(), caller.project());
    let steps = i64::try_from(steps()).unwrap();
    assert_eq!(world.number("select count(*) from migrations"), steps);
}

async fn numbers_of_sessions_go_on_in_a_store_of_the_first_version(world: TestHub) {
    first_version(&world);
    let bytes = match &world.place {
        Place::Sqlite(_) => "x'00'",
        #[cfg(unix)]
        Place::Postgres(_) => "'\\x00'",
    };
    world.raw(&format!(
        "insert into connect_sessions (project, token_hash, owner_id, owner_name, categories, \
         metadata, multiple, kind, created_at, expires_at) \
         select number, {bytes}, 'acme', 'acme', '[]', '{{}}', 0, 'production', 5, 6 \
         from projects where name = 'old'"
    ));
    let caller = world.caller();
    let name = "old".parse().unwrap();
    projects::delete(&world.hub, &caller, &name, Guard::default()).await.unwrap();
    assert_eq!(world.number("select count(*) from connect_sessions"), 0);
    assert_eq!(world.open(&caller, session("acme")).await.session.id.get(), 2);
}

/// As on SQLite, whatever the language of the database.
#[cfg(unix)]
#[test]
fn postgres_orders_by_their_bytes_the_texts_that_lists_are_ordered_by() {
    on_postgres(async |world: TestHub| {
        world.hub.store().begin_write().await.unwrap().commit().await.unwrap();
        for (table, column) in [
            ("projects", "name"),
            ("api_keys", "name"),
            ("own_connectors", "key"),
            ("own_connectors", "version"),
            ("oauth_apps", "connector"),
            ("auth_configs", "connector"),
            ("accounts", "provider"),
            ("accounts", "owner_id"),
            ("request_logs", "service"),
            ("request_steps", "service"),
        ] {
            let found = world.number(&format!(
                "select count(*) from information_schema.columns where collation_name = 'C' \
                 and table_name = '{table}' and column_name = '{column}'"
            ));
            assert_eq!(found, 1, "{table}.{column}");
        }
    });
}
