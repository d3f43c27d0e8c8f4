//! PostgreSQL: appends that share a connection and a commit. All of a group are kept or none, and
//! whoever loses by it is told to go on alone.

use std::sync::Arc;

use futures_util::future::join_all;
use hubctl::hub::connect_sessions::{authenticate, create};
use hubctl::hub::write::Guard;
use hubctl::store::{Store, StoreError, Tx};

use crate::support::asked::session;
use crate::support::hub::{Place, TestHub, on_postgres};
use crate::support::relay::{Lost, Relay};

const INSERT: &str = "insert into store (key, value) values (?1, ?2)";

async fn insert(tx: &mut Tx, key: &str) -> Result<u64, StoreError> {
    tx.execute(INSERT, &[key.into(), "x".into()]).await
}

fn kept(world: &TestHub, like: &str) -> i64 {
    world.number(&format!("select count(*) from store where key like '{like}'"))
}

async fn add(store: &Store, key: &str) -> Result<(), StoreError> {
    let mut tx = store.begin_shared().await?;
    insert(&mut tx, key).await?;
    tx.commit().await
}

#[test]
fn members_of_a_group_are_kept_together() {
    on_postgres(async |world| {
        let store = world.hub.store();
        store.prepare().await.unwrap();
        let keys: Vec<String> = (0..300).map(|number| format!("k{number}")).collect();
        for done in join_all(keys.iter().map(|key| add(store, key))).await {
            done.unwrap();
        }
        assert_eq!(kept(&world, "k%"), 300);
    });
}

#[test]
fn who_goes_away_after_writing_takes_the_group_along_and_leaves_nothing() {
    on_postgres(async |world| {
        let store = world.hub.store();
        store.prepare().await.unwrap();
        let mut gone = store.begin_shared().await.unwrap();
        let mut other = store.begin_shared().await.unwrap();
        insert(&mut gone, "gone").await.unwrap();
        insert(&mut other, "other").await.unwrap();
        let ((), other) = tokio::join!(async { drop(gone) }, other.commit());
        assert!(matches!(other, Err(StoreError::Shared)), "{other:?}");
        assert_eq!((kept(&world, "gone"), kept(&world, "other")), (0, 0));
        // The next one has a group of its own.
        add(store, "next").await.unwrap();
        assert_eq!(kept(&world, "next"), 1);
    });
}

#[test]
fn who_goes_away_without_writing_harms_nobody() {
    on_postgres(async |world| {
        let store = world.hub.store();
        store.prepare().await.unwrap();
        let idle = store.begin_shared().await.unwrap();
        let mut other = store.begin_shared().await.unwrap();
        insert(&mut other, "other").await.unwrap();
        drop(idle);
        other.commit().await.unwrap();
        assert_eq!(kept(&world, "other"), 1);
    });
}

#[test]
fn a_failed_statement_fails_the_group_and_is_not_kept() {
    on_postgres(async |world| {
        let store = world.hub.store();
        store.prepare().await.unwrap();
        let mut fine = store.begin_shared().await.unwrap();
        let mut bad = store.begin_shared().await.unwrap();
        insert(&mut fine, "same").await.unwrap();
        assert!(matches!(insert(&mut bad, "same").await, Err(StoreError::Shared)));
        drop(bad);
        assert!(matches!(fine.commit().await, Err(StoreError::Shared)));
        assert_eq!(kept(&world, "same"), 0);
    });
}

/// Sessions are made in groups; each gets its token though another one's client went away.
#[test]
fn sessions_made_at_once_are_all_there_whoever_goes_away() {
    on_postgres(async |world| {
        let caller = world.caller();
        let new = |number: usize| session(&format!("o{number}"));
        let hub = Arc::new(&world.hub);
        create(&hub, &caller, new(0), Guard::default()).await.unwrap();
        let made = join_all((1..=200).map(|number| {
            let (hub, caller, new) = (Arc::clone(&hub), &caller, new(number));
            async move {
                let making = create(&hub, caller, new, Guard::default());
                if number % 20 == 0 {
                    // Goes away at some point in between.
                    let mut making = Box::pin(making);
                    for _ in 0..number / 20 {
                        if futures_util::poll!(&mut making).is_ready() {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                    return None;
                }
                Some(making.await.unwrap())
            }
        }));
        let made: Vec<_> = made.await.into_iter().flatten().collect();
        assert_eq!(made.len(), 190);
        for created in made {
            let id = created.session.id;
            assert_eq!(
                world.number(&format!("select count(*) from connect_sessions where id = {id}")),
                1
            );
        }
    });
}

/// A connection that breaks off over the commit: the session is made once, whether the commit arrived
/// or not.
#[test]
fn a_session_whose_commit_gets_no_answer_is_made_once() {
    on_postgres(async |mut world| {
        let caller = world.caller();
        create(&world.hub, &caller, session("first"), Guard::default()).await.unwrap();
        let Place::Postgres(url) = &world.place else { unreachable!() };
        let relay = Relay::before(url);
        world.place = Place::Postgres(relay.url());
        let hub = world.another();
        // It shares commits from the second one on.
        create(&hub, &caller, session("second"), Guard::default()).await.unwrap();
        for (owner, lost) in [("acme", Lost::Answer), ("globex", Lost::Commit)] {
            relay.loses(lost);
            let made = create(&hub, &caller, session(owner), Guard::default()).await.unwrap();
            let opened = authenticate(&hub, made.token.text().expose()).await.unwrap();
            assert_eq!((opened.id, &*opened.owner.id), (made.session.id, owner));
            let of_owner = "select count(*) from connect_sessions where owner_id";
            assert_eq!(world.number(&format!("{of_owner} = '{owner}'")), 1, "{lost:?}");
        }
        assert_eq!(world.number("select count(*) from events where kind = 'session.created'"), 4);
    });
}
