//! `session.expired`: once for each session whose life ends unused, whoever looks, on both
//! databases.

use std::ops::ControlFlow;

use hubctl::domain::caller::Caller;
use hubctl::domain::connect_session::{EXPIRY_LAG_S, NewSession};
use hubctl::domain::event::EventKind;
use hubctl::domain::ids::SessionId;
use hubctl::domain::time::Timestamp;
use hubctl::hub::connect_sessions::expiry::{next_due, round};
use hubctl::hub::connect_sessions::{BatchItem, create_batch, revoke};
use hubctl::hub::events::{self, Filter};
use hubctl::hub::write::Guard;
use hubctl::store::session_expiry;

use crate::support::asked::session;
use crate::support::hooks::receiver;
use crate::support::hub::{Place, TestHub, on_both_databases};

on_both_databases!(
    a_session_that_ends_unused_is_told_of_once,
    a_session_that_was_used_or_revoked_does_not_expire,
    cs_29_a_login_may_end_after_its_session_was_told_of,
    many_sessions_of_one_instant_are_shared_by_replicas,
    sessions_that_are_stored_late_are_not_passed_over,
    sessions_that_end_while_a_clock_is_set_right_are_told_of_once,
    each_project_is_told_of_its_own_sessions,
    webhooks_are_told_when_it_ended,
    looking_for_ended_sessions_reads_no_other_rows,
);

async fn open(world: &TestHub, caller: &Caller, expires_in_s: i64) -> SessionId {
    world.open(caller, NewSession { expires_in_s, ..session("acme") }).await.session.id
}

/// Subjects and times of the project's `session.expired`, in their order.
async fn expired(world: &TestHub, caller: &Caller) -> Vec<(String, Timestamp)> {
    let filter = Filter { kinds: vec![EventKind::SessionExpired], ..Filter::default() };
    let mut found = Vec::new();
    let listing = events::list(&world.hub, caller, &filter, |event| {
        found.push((event.subject.to_owned(), event.at));
        Ok(ControlFlow::Continue(()))
    });
    listing.await.unwrap();
    found
}

async fn a_session_that_ends_unused_is_told_of_once(world: TestHub) {
    let caller = world.caller();
    let began = world.now();
    let (late, soon) = (open(&world, &caller, 20).await, open(&world, &caller, 10).await);
    assert_eq!(round(&world.hub).await.unwrap(), 0);
    world.clock.advance_seconds(10);
    assert_eq!(round(&world.hub).await.unwrap(), 0, "others may be storing it still");
    assert_eq!(next_due(&world.hub).await.unwrap(), Some(world.now().plus_seconds(EXPIRY_LAG_S)));
    world.clock.advance_seconds(EXPIRY_LAG_S);
    assert_eq!(round(&world.hub).await.unwrap(), 1);
    let told = vec![(soon.to_string(), began.plus_seconds(10))];
    assert_eq!(expired(&world, &caller).await, told);
    assert_eq!(round(&world.another()).await.unwrap(), 0);
    world.clock.advance_seconds(10);
    assert_eq!(round(&world.another()).await.unwrap(), 1);
    assert_eq!(round(&world.hub).await.unwrap(), 0);
    let told = [told, vec![(late.to_string(), began.plus_seconds(20))]].concat();
    assert_eq!(expired(&world, &caller).await, told);
}

async fn a_session_that_was_used_or_revoked_does_not_expire(world: TestHub) {
    let caller = world.caller();
    let (used, revoked) = (open(&world, &caller, 10).await, open(&world, &caller, 10).await);
    let open_still = open(&world, &caller, 1_000).await;
    world.raw(&format!("update connect_sessions set linked_account = 'a' where id = {used}"));
    revoke(&world.hub, &caller, revoked, Guard::default()).await.unwrap();
    world.clock.advance_seconds(100);
    assert_eq!(round(&world.hub).await.unwrap(), 0);
    assert_eq!(expired(&world, &caller).await, []);
    world.clock.advance_seconds(1_000);
    assert_eq!(round(&world.hub).await.unwrap(), 1);
    assert_eq!(expired(&world, &caller).await[0].0, open_still.to_string());
}

async fn cs_29_a_login_may_end_after_its_session_was_told_of(world: TestHub) {
    let caller = world.caller();
    let id = open(&world, &caller, 10).await;
    world.clock.advance_seconds(60);
    assert_eq!(round(&world.hub).await.unwrap(), 1);
    world.raw(&format!("update connect_sessions set linked_account = 'a' where id = {id}"));
    assert_eq!(round(&world.hub).await.unwrap(), 0);
    assert_eq!(expired(&world, &caller).await.len(), 1);
}

async fn many_sessions_of_one_instant_are_shared_by_replicas(world: TestHub) {
    let caller = world.caller();
    let items: Vec<BatchItem> = (0..1_234)
        .map(|number| BatchItem {
            new: NewSession { expires_in_s: 10, ..session(&format!("owner-{number}")) },
            occurrence: 0,
        })
        .collect();
    create_batch(&world.hub, &caller, items, Guard::default()).await.unwrap();
    world.clock.advance_seconds(60);
    let (one, other) = (world.another(), world.another());
    let (told, also) = futures_util::join!(round(&one), round(&other));
    assert_eq!(told.unwrap() + also.unwrap() + round(&world.hub).await.unwrap(), 1_234);
    let mut subjects: Vec<String> =
        expired(&world, &caller).await.into_iter().map(|(subject, _)| subject).collect();
    assert_eq!(subjects.len(), 1_234);
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(subjects.len(), 1_234);
}

async fn sessions_that_are_stored_late_are_not_passed_over(world: TestHub) {
    let caller = world.caller();
    open(&world, &caller, 10).await;
    world.clock.advance_seconds(60);
    assert_eq!(round(&world.hub).await.unwrap(), 1);
    // It lives one second only and is the first behind the place.
    let short = open(&world, &caller, 1).await;
    world.clock.advance_seconds(1 + EXPIRY_LAG_S);
    assert_eq!(round(&world.hub).await.unwrap(), 1);
    assert_eq!(expired(&world, &caller).await[1].0, short.to_string());
}

async fn sessions_that_end_while_a_clock_is_set_right_are_told_of_once(world: TestHub) {
    let caller = world.caller();
    world.clock.advance_seconds(3_600);
    let ahead = open(&world, &caller, 10).await;
    world.clock.advance_seconds(60);
    assert_eq!(round(&world.hub).await.unwrap(), 1);
    // All but the last of these end behind what was told of.
    world.clock.advance_seconds(-3_600);
    let (second, first) = (open(&world, &caller, 20).await, open(&world, &caller, 10).await);
    let last = open(&world, &caller, 3_600).await;
    let used = open(&world, &caller, 10).await;
    world.raw(&format!("update connect_sessions set linked_account = 'a' where id = {used}"));
    world.clock.advance_seconds(10);
    let end = world.now().plus_seconds(EXPIRY_LAG_S);
    assert_eq!(next_due(&world.hub).await.unwrap(), Some(end));
    world.clock.advance_seconds(EXPIRY_LAG_S);
    assert_eq!(round(&world.hub).await.unwrap(), 1);
    assert_eq!(round(&world.another()).await.unwrap(), 0);
    world.clock.advance_seconds(10);
    assert_eq!(round(&world.another()).await.unwrap(), 1);
    world.clock.advance_seconds(7_200);
    assert_eq!(round(&world.hub).await.unwrap(), 1);
    assert_eq!(round(&world.hub).await.unwrap(), 0);
    let told = expired(&world, &caller).await.into_iter().map(|(subject, _)| subject);
    let each = [ahead, first, second, last].map(|id| id.to_string());
    assert_eq!(told.collect::<Vec<_>>(), each);
}

async fn each_project_is_told_of_its_own_sessions(world: TestHub) {
    let (caller, other) = (world.caller(), world.project("other").await);
    let (mine, theirs) = (open(&world, &caller, 10).await, open(&world, &other, 20).await);
    world.clock.advance_seconds(15);
    assert_eq!(round(&world.hub).await.unwrap(), 1);
    assert_eq!(expired(&world, &caller).await[0].0, mine.to_string());
    assert_eq!(expired(&world, &other).await, []);
    world.clock.advance_seconds(15);
    assert_eq!(round(&world.hub).await.unwrap(), 1);
    assert_eq!(expired(&world, &other).await[0].0, theirs.to_string());
    assert_eq!(expired(&world, &caller).await.len(), 1);
}

async fn webhooks_are_told_when_it_ended(mut world: TestHub) {
    world.may_call_itself();
    let caller = world.caller();
    let there = receiver();
    world.hook_for(&caller, &there.url(), &[EventKind::SessionExpired]).await;
    let ends = world.now().plus_seconds(10);
    let id = open(&world, &caller, 10).await;
    world.clock.advance_seconds(3_600);
    assert_eq!(round(&world.hub).await.unwrap(), 1);
    assert_eq!(world.send().await, 1);
    let body = there.asked()[0].json();
    assert_eq!(body["event"], "session.expired");
    assert_eq!(body["record_id"], id.to_string());
    assert_eq!(body["event_date"], ends.to_string());
    assert_eq!(body["data"]["origin_owner_id"], "acme");
}

async fn looking_for_ended_sessions_reads_no_other_rows(world: TestHub) {
    let caller = world.caller();
    for life in 1..50 {
        open(&world, &caller, life).await;
    }
    let mut tx = world.hub.store().begin_write().await.unwrap();
    if !matches!(world.place, Place::Sqlite(_)) {
        // A small table is best read as a whole, whatever indexes it has.
        tx.execute("set local enable_seqscan = off", &[]).await.unwrap();
    }
    for plan in session_expiry::plans(&mut tx).await.unwrap() {
        assert!(plan.contains("connect_sessions_expiry"), "{plan}");
        assert!(plan.contains("connect_sessions_late"), "{plan}");
        assert!(!plan.contains("SCAN s"), "{plan}");
    }
}
