//! Connections as a server keeps them: shared commits, and nothing lost when somebody fails, goes
//! away or comes from another process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hubctl::store::{Store, StoreError, Tx};

use crate::support::hub::sqlite;

/// Longer than anything here takes, also on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);
const INSERT: &str = "insert into store (key, value) values (?1, ?2)";

struct World {
    store: Arc<Store>,
    path: std::path::PathBuf,
    _folder: tempfile::TempDir,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.db");
    World { store: Arc::new(Store::sqlite(&path).for_server(2)), path, _folder: folder }
}

fn run<F: Future<Output = ()>>(test: impl FnOnce(World) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(test(world()));
}

async fn insert(tx: &mut Tx, key: &str) -> Result<u64, StoreError> {
    tx.execute(INSERT, &[key.into(), "x".into()]).await
}

async fn add(store: &Store, key: &str) -> Result<(), StoreError> {
    let mut tx = store.begin_write().await?;
    insert(&mut tx, key).await?;
    tx.commit().await
}

fn keys(world: &World, like: &str) -> i64 {
    let sql = "select count(*) from store where key like ?1";
    sqlite::open(&world.path).query_row(sql, [like], |row| row.get(0)).unwrap()
}

#[test]
fn writers_share_commits_and_all_of_them_are_durable() {
    run(async |world| {
        world.store.prepare().await.unwrap();
        let writers: Vec<_> = (0..500)
            .map(|number| {
                let store = Arc::clone(&world.store);
                tokio::spawn(async move { add(&store, &format!("k{number}")).await })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap().unwrap();
        }
        assert_eq!(keys(&world, "k%"), 500);
        let gauges = world.store.gauges();
        let (commits, transactions) = gauges.commits.unwrap();
        assert_eq!(transactions, 501);
        assert!(commits < 250, "{gauges:?}");
        assert_eq!(gauges.waiting, 0);
    });
}

#[test]
fn a_member_that_fails_takes_nothing_of_the_others_along() {
    run(async |world| {
        add(&world.store, "taken").await.unwrap();
        let writers: Vec<_> = (0..200)
            .map(|number| {
                let store = Arc::clone(&world.store);
                tokio::spawn(async move {
                    let mut tx = store.begin_write().await.unwrap();
                    insert(&mut tx, &format!("k{number}")).await.unwrap();
                    match number % 4 {
                        // Refused by the database, given up, gone in a panic, and well.
                        0 => assert!(matches!(
                            insert(&mut tx, "taken").await,
                            Err(StoreError::Duplicate)
                        )),
                        1 => drop(tx),
                        2 => panic!("planned"),
                        _ => tx.commit().await.unwrap(),
                    }
                })
            })
            .collect();
        for writer in writers {
            // A planned panic is one.
            _ = writer.await;
        }
        assert_eq!(keys(&world, "k%"), 50);
        add(&world.store, "after").await.unwrap();
    });
}

#[test]
fn who_gives_up_waiting_does_not_keep_its_turn() {
    run(async |world| {
        world.store.prepare().await.unwrap();
        let held = world.store.begin_write().await.unwrap();
        for number in 0..50 {
            let key = format!("k{number}");
            let waiting = add(&world.store, &key);
            assert!(tokio::time::timeout(Duration::from_millis(1), waiting).await.is_err());
        }
        let store = Arc::clone(&world.store);
        let last = tokio::spawn(async move { add(&store, "last").await });
        drop(held);
        last.await.unwrap().unwrap();
        assert_eq!((keys(&world, "k%"), keys(&world, "last")), (0, 1));
    });
}

#[test]
fn readers_see_what_is_durable_only() {
    run(async |world| {
        world.store.prepare().await.unwrap();
        let count = async || {
            let mut tx = world.store.begin_read().await.unwrap();
            tx.number("select count(*) from store where key = 'k'", &[]).await.unwrap()
        };
        let mut tx = world.store.begin_write().await.unwrap();
        insert(&mut tx, "k").await.unwrap();
        assert_eq!(count().await, 0);
        tx.commit().await.unwrap();
        assert_eq!(count().await, 1);
        assert!(world.store.begin_read().await.unwrap().execute(INSERT, &[]).await.is_err());
    });
}

#[test]
fn other_processes_get_their_turn_and_are_waited_for() {
    run(async |world| {
        world.store.prepare().await.unwrap();
        // Another process writes, and the server waits.
        let other = sqlite::open(&world.path);
        other.execute_batch("begin immediate; insert into store values ('other', 'x')").unwrap();
        let store = Arc::clone(&world.store);
        let waiting = tokio::spawn(async move { add(&store, "waited").await });
        other.execute_batch("commit").unwrap();
        waiting.await.unwrap().unwrap();

        // The server writes without a pause, and the other one still comes through.
        let is_over = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (store, is_over) = (Arc::clone(&world.store), Arc::clone(&is_over));
                tokio::spawn(async move {
                    let mut count = 0;
                    while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                        add(&store, &format!("w{writer}-{count}")).await.unwrap();
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        let path = world.path.clone();
        let turns = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            for number in 0..5 {
                let other = sqlite::open(&path);
                let sql = format!("insert into store values ('turn{number}', 'x')");
                other.execute_batch(&sql).unwrap();
            }
            began.elapsed()
        });
        let took = turns.await.unwrap();
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        let mut written = 0;
        for writer in writers {
            written += writer.await.unwrap();
        }
        assert_eq!(keys(&world, "w%") - keys(&world, "waited"), written);
        assert!(took < Duration::from_mins(1), "{took:?}");
    });
}

#[test]
fn a_full_pool_makes_readers_wait_and_not_fail() {
    run(async |world| {
        world.store.prepare().await.unwrap();
        let mut held = Vec::new();
        for _ in 0..64 {
            held.push(world.store.begin_read().await.unwrap());
        }
        let store = Arc::clone(&world.store);
        let waiting = tokio::spawn(async move { store.ping().await });
        while world.store.gauges().waiting == 0 {
            tokio::task::yield_now().await;
        }
        drop(held);
        waiting.await.unwrap().unwrap();
        // Those of a crowd are not all kept.
        assert!(world.store.gauges().connections <= 3, "{:?}", world.store.gauges());
    });
}

#[test]
fn a_writer_that_waits_for_another_process_leaves_the_store_ready() {
    run(async |world| {
        world.store.prepare().await.unwrap();
        let other = sqlite::open(&world.path);
        other.execute_batch("begin immediate").unwrap();
        let store = Arc::clone(&world.store);
        let waiting = tokio::spawn(async move { add(&store, "late").await });
        let until = Instant::now() + Duration::from_millis(300);
        while Instant::now() < until {
            world.store.ping().await.unwrap();
        }
        assert!(!waiting.is_finished());
        other.execute_batch("rollback").unwrap();
        waiting.await.unwrap().unwrap();
        world.store.ping().await.unwrap();
    });
}

#[test]
fn a_store_that_another_process_keeps_is_not_ready_until_it_lets_go() {
    run(async |world| {
        world.store.prepare().await.unwrap();
        let other = sqlite::open(&world.path);
        other.execute_batch("begin immediate").unwrap();
        // Longer than a writer waits.
        let refused = add(&world.store, "lost").await;
        assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
        let until = Instant::now() + PATIENCE;
        while world.store.ping().await.is_ok() {
            assert!(Instant::now() < until, "it is ready");
        }
        other.execute_batch("rollback").unwrap();
        while world.store.ping().await.is_err() {
            assert!(Instant::now() < until, "it is not ready");
        }
        assert_eq!((keys(&world, "trial"), keys(&world, "lost")), (0, 0));
    });
}

fn is_about_the_file<T>(told: &Result<T, StoreError>) -> bool {
    matches!(told, Err(StoreError::Unreadable(told)) if told.to_string().contains("moved away"))
}

#[test]
fn a_file_that_is_moved_away_or_replaced_is_neither_read_nor_written_any_more() {
    run(async |world| {
        add(&world.store, "before").await.unwrap();
        world.store.ping().await.unwrap();
        let away = world.path.with_extension("away");
        std::fs::rename(&world.path, &away).unwrap();
        let asked = world.store.ping().await;
        assert!(is_about_the_file(&asked), "{asked:?}");
        // Nothing is made in its place, and no empty store is read.
        let refused = add(&world.store, "lost").await;
        assert!(is_about_the_file(&refused), "{refused:?}");
        let read = world.store.begin_read().await.map(drop);
        assert!(is_about_the_file(&read), "{read:?}");
        assert!(!world.path.exists());
        // Brought back, it serves as before.
        std::fs::rename(&away, &world.path).unwrap();
        world.store.ping().await.unwrap();
        add(&world.store, "after").await.unwrap();
        assert_eq!((keys(&world, "lost"), keys(&world, "after")), (0, 1));

        // A restored backup is another file; it is noticed without a ping, and before a new
        // connection reads it.
        std::fs::copy(&world.path, &away).unwrap();
        std::fs::rename(&away, &world.path).unwrap();
        let mut held = Vec::new();
        let read = loop {
            match world.store.begin_read().await {
                Ok(tx) => held.push(tx),
                told => break told.map(drop),
            }
        };
        assert!(is_about_the_file(&read) && held.len() <= 2, "{read:?}");
        let refused = add(&world.store, "lost").await;
        assert!(is_about_the_file(&refused), "{refused:?}");
    });
}

#[test]
fn a_server_that_is_asked_nothing_else_notices_that_its_file_was_replaced() {
    run(async |world| {
        add(&world.store, "before").await.unwrap();
        let away = world.path.with_extension("away");
        std::fs::copy(&world.path, &away).unwrap();
        std::fs::rename(&away, &world.path).unwrap();
        let began = Instant::now();
        // Those that come in the second before it looks may be written; nobody later is.
        let mut number = 0;
        let refused = loop {
            let done = add(&world.store, &format!("k{number}")).await;
            if done.is_err() {
                break done;
            }
            number += 1;
            assert!(began.elapsed() < Duration::from_mins(1), "it writes on to the old file");
        };
        assert!(is_about_the_file(&refused), "{refused:?}");
    });
}
