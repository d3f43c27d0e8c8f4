//! Lists of events while several writers are at work, on the database where they commit in any
//! order.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use hubctl::domain::caller::Caller;
use hubctl::domain::event::{Event, EventKind};
use hubctl::hub::events::{self, Filter, Place};
use hubctl::store::{Tx, events as rows};

use crate::support::hub::{TestHub, on_postgres};
use crate::support::serving::PATIENCE;

/// A writer with an event of this id, which has its place and is not committed.
async fn writing(world: &TestHub, id: &str) -> Tx {
    writing_in(world, &world.caller(), id).await
}

/// The same in this caller's project.
async fn writing_in(world: &TestHub, caller: &Caller, id: &str) -> Tx {
    let mut tx = world.hub.store().begin_append().await.unwrap();
    let event = Event {
        id: id.parse().unwrap(),
        kind: EventKind::SessionCreated,
        subject: "1".to_owned(),
        at: world.now(),
        data: None,
    };
    rows::append(&mut tx, caller.project(), &[event]).await.unwrap();
    tx
}

/// The project's events behind one of them, in their order.
async fn listed(world: &TestHub, after: Option<&str>) -> Vec<String> {
    let after = after.map(|id| id.parse().unwrap());
    let filter = Filter { after, ..Filter::default() };
    let mut found = Vec::new();
    let caller = world.caller();
    let listing = events::list(&world.hub, &caller, &filter, |event| {
        found.push(event.id.to_owned());
        Ok(ControlFlow::Continue(()))
    });
    listing.await.unwrap();
    found
}

/// Waits until so many wait for those who write.
async fn waiting(world: &TestHub, count: i64) {
    let waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted \
                   and database = (select oid from pg_database where datname = current_database())";
    let until = Instant::now() + PATIENCE;
    while world.number(waiting) < count {
        assert!(Instant::now() < until, "fewer than {count} wait");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn no_event_comes_in_before_one_that_was_listed() {
    on_postgres(async |world: TestHub| {
        world.hub.store().prepare().await.unwrap();
        writing(&world, "0199-a").await.commit().await.unwrap();
        // Takes its place first and is there last.
        let slow = writing(&world, "0199-b").await;
        writing(&world, "0199-c").await.commit().await.unwrap();
        let mut lists = Box::pin(async {
            futures_util::join!(listed(&world, None), listed(&world, Some("0199-a")))
        });
        tokio::select! {
            early = &mut lists => panic!("whoever goes on from there misses one: {early:?}"),
            () = waiting(&world, 2) => {}
        }
        slow.commit().await.unwrap();
        let (all, behind) = lists.await;
        assert_eq!(all, ["0199-a", "0199-b", "0199-c"]);
        assert_eq!(behind, ["0199-b", "0199-c"]);
    });
}

#[test]
fn who_has_seen_every_event_waits_for_no_writer() {
    on_postgres(async |world: TestHub| {
        world.hub.store().prepare().await.unwrap();
        writing(&world, "0199-a").await.commit().await.unwrap();
        let slow = writing(&world, "0199-b").await;
        assert!(listed(&world, Some("0199-a")).await.is_empty());
        slow.commit().await.unwrap();
        assert_eq!(listed(&world, Some("0199-a")).await, ["0199-b"]);
    });
}

#[test]
fn who_follows_a_project_where_nothing_happens_waits_for_no_writer() {
    on_postgres(async |world: TestHub| {
        world.hub.store().prepare().await.unwrap();
        let (caller, other) = (world.caller(), world.project("other").await);
        let look = async |place: &Place| {
            let (mut found, filter) = (0, Filter::default());
            let looked =
                events::follow(&world.hub, &caller, place, &filter, Duration::ZERO, |_| {
                    found += 1;
                    Ok(())
                });
            let next = looked.await.unwrap();
            (next, found)
        };
        writing(&world, "0199-a").await.commit().await.unwrap();
        let (place, _) = look(&Place::End).await;
        assert_eq!(place, Place::After("0199-a".parse().unwrap()));
        // What happens elsewhere in the store is nothing new.
        writing_in(&world, &other, "0199-b").await.commit().await.unwrap();
        let slow = writing(&world, "0199-c").await;
        assert_eq!(look(&place).await, (place.clone(), 0));
        slow.commit().await.unwrap();
        assert_eq!(look(&place).await, (Place::After("0199-c".parse().unwrap()), 1));
    });
}
