//! Making and updating the schema: alone, twice, at once, and by a later version.

use hubctl::error::codes;
use hubctl::hub::projects;
use hubctl::hub::write::Guard;
use hubctl::store::StoreError;

use crate::support::hub::{Place, TestHub, block_on, on_both_databases, refused, sqlite_world};

on_both_databases!(
    a_new_store_is_made_once_and_says_so,
    many_make_one_store_at_once,
    a_newer_schema_is_refused,
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
    assert_eq!(before["migrations"].len(), 1);
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
    assert_eq!(world.number("select count(*) from migrations"), 1);
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
