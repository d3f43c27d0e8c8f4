//! Making and updating the schema: alone, twice, at once, and by a later version.

use hubctl::error::codes;
use hubctl::hub::projects;
use hubctl::hub::write::Guard;
use hubctl::store::StoreError;

use crate::support::asked::key;
use crate::support::hub::{Place, TestHub, block_on, on_both_databases, refused, sqlite_world};

on_both_databases!(
    a_new_store_is_made_once_and_says_so,
    many_make_one_store_at_once,
    a_newer_schema_is_refused,
    a_store_of_the_first_version_is_brought_up_to_date,
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
    assert_eq!(before["migrations"].len(), 2);
    assert_eq!(before["projects"].len(), 1);
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
    assert_eq!(world.number("select count(*) from migrations"), 2);
    assert_eq!(world.number("select count(*) from projects"), 1);
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
    refused(projects::create(&hub, &caller, &name, Guard::default()).await, &codes::STORE_NEWER);
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
    assert_eq!(world.number("select count(*) from migrations"), 2);
}
