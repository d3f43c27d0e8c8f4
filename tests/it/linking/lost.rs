//! What a provider has given out once reaches the store, whatever happens on the way.

use std::time::{Duration, Instant};

use hubctl::domain::account::Status;
use hubctl::domain::attempt::{AttemptState, FINISHING_S};
use hubctl::domain::caller::Caller;
use hubctl::domain::ids::AccountId;
use hubctl::error::codes;
use hubctl::hub::refresh::{self, Round, Want};
use hubctl::hub::write::Guard;
use hubctl::hub::{accounts, oauth};
use serde_json::json;

use super::{account, begin, come_back, killed, log_in, set_up, user_of};
use crate::support::asked::given;
use crate::support::authority::Authority;
use crate::support::cli::TestHome;
use crate::support::http::Reply;
use crate::support::hub::{TestHub, block_on, on_both_databases, refused, sqlite_world};

on_both_databases!(
    oa_13_a_look_up_that_fails_loses_no_token,
    a_refused_look_up_ends_the_account_but_not_its_tokens,
    an_edit_during_a_refresh_leaves_the_new_tokens,
    who_waits_for_the_cure_of_an_account_has_it,
    oa_4_a_login_that_was_finished_too_late_has_expired,
);

async fn linked(world: &mut TestHub, method: &str) -> (Caller, Authority, AccountId) {
    let (caller, authority, config) = set_up(world, method).await;
    let id = log_in(world, &authority, &caller, &config).await;
    (caller, authority, id)
}

async fn oa_13_a_look_up_that_fails_loses_no_token(mut world: TestHub) {
    let (caller, authority, id) = linked(&mut world, "session").await;
    world.clock.advance_seconds(3600);
    authority.answers_to_session(Some(Reply::json(503, &json!({}))));
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Usable).await;
    refused(answer, &codes::PROVIDER_UNREACHABLE);
    assert_eq!(account(&world, &caller, &id).await.status, Status::Active);
    assert_eq!(world.number("select failures from account_credentials"), 1);
    // The worker uses the token that the provider gave last, and counts on.
    world.clock.advance_seconds(120);
    let round = refresh::round(&world.hub, 64, || true).await.unwrap();
    assert_eq!(round, Round { refreshed: 0, failed: 1 });
    assert_eq!(world.number("select failures from account_credentials"), 2);
    authority.answers_to_session(None);
    world.clock.advance_seconds(3600);
    let usable = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!(usable.values.get("access_token"), Some("access-4"));
    assert_eq!(usable.values.get("refresh_token"), Some("refresh-4"));
    assert_eq!(world.number("select failures from account_credentials"), 0);
}

async fn a_refused_look_up_ends_the_account_but_not_its_tokens(mut world: TestHub) {
    let (caller, authority, id) = linked(&mut world, "session").await;
    world.clock.advance_seconds(3600);
    authority.answers_to_session(Some(Reply::json(403, &json!({"message": "no access"}))));
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Usable).await;
    refused(answer, &codes::PROVIDER_REFUSED);
    assert_eq!(account(&world, &caller, &id).await.status, Status::Error);
    authority.answers_to_session(None);
    accounts::refresh_now(&world.hub, &caller, &id, Guard::default()).await.unwrap();
    assert_eq!(account(&world, &caller, &id).await.status, Status::Active);
}

async fn an_edit_during_a_refresh_leaves_the_new_tokens(mut world: TestHub) {
    let (caller, authority, id) = linked(&mut world, "oauth2").await;
    world.clock.advance_seconds(3600);
    let mut gate = authority.gate();
    let edit = async {
        gate.wait().await;
        let credentials = given(&[("site", "north")]);
        let changes = accounts::Changes { credentials, ..Default::default() };
        accounts::update(&world.hub, &caller, &id, changes, Guard::default()).await.unwrap();
        gate.open();
    };
    let (usable, ()) = tokio::join!(refresh::usable(&world.hub, &caller, &id, Want::Usable), edit);
    let usable = usable.unwrap();
    assert_eq!(usable.values.get("refresh_token"), Some("refresh-2"));
    assert_eq!(usable.values.get("site"), Some("north"));
    world.clock.advance_seconds(3600);
    let usable = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!(usable.values.get("refresh_token"), Some("refresh-3"));
    assert_eq!(account(&world, &caller, &id).await.status, Status::Active);
}

async fn who_waits_for_the_cure_of_an_account_has_it(mut world: TestHub) {
    let (caller, authority, id) = linked(&mut world, "oauth2").await;
    authority.answers(Some(Reply::json(400, &json!({"error": "invalid_grant"}))));
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Now).await;
    refused(answer, &codes::PROVIDER_REFUSED);
    authority.answers(None);
    let other = authority.reached_by(world.another());
    let mut gate = authority.gate();
    let second = async {
        gate.wait().await;
        let mut second = Box::pin(refresh::usable(&other, &caller, &id, Want::Now));
        let early = tokio::time::timeout(Duration::from_millis(200), &mut second).await;
        assert!(early.is_err(), "it waits: {early:?}");
        gate.open();
        second.await
    };
    let (first, second) =
        tokio::join!(refresh::usable(&world.hub, &caller, &id, Want::Now), second);
    assert_eq!((first.unwrap().version, second.unwrap().version), (2, 2));
    assert_eq!(authority.token_calls(), 3, "one for the login, one refused, one for both");
}

#[test]
fn oa_13_tokens_that_the_store_cannot_take_wait_for_it() {
    block_on(async {
        let mut world = sqlite_world();
        let (caller, authority, id) = linked(&mut world, "oauth2").await;
        let hub = authority.reached_by(world.impatient());
        let mut gate = authority.gate();
        let mut refreshing = Box::pin(refresh::usable(&hub, &caller, &id, Want::Now));
        tokio::select! {
            early = &mut refreshing => panic!("{early:?}"),
            () = gate.wait() => {}
        }
        let store = rusqlite::Connection::open(world.folder.path().join("hub.db")).unwrap();
        store.execute_batch("begin immediate").unwrap();
        gate.open();
        let early = tokio::time::timeout(Duration::from_millis(500), &mut refreshing).await;
        assert!(early.is_err(), "it waits for the store: {early:?}");
        store.execute_batch("rollback").unwrap();
        let usable = refreshing.await.unwrap();
        assert_eq!(usable.values.get("refresh_token"), Some("refresh-2"));
    });
}

#[test]
fn oa_5_a_login_whose_account_the_store_cannot_take_waits_for_it() {
    block_on(async {
        let mut world = sqlite_world();
        let (caller, authority, config) = set_up(&mut world, "oauth2").await;
        let user = user_of(&world, &caller, "acme-7").await;
        let begun = begin(&world.hub, &authority, &user, &config).await;
        let hub = authority.reached_by(world.impatient());
        let mut gate = authority.gate();
        let mut finishing = Box::pin(come_back(&hub, &begun, "good"));
        tokio::select! {
            early = &mut finishing => panic!("{early:?}"),
            () = gate.wait() => {}
        }
        let store = rusqlite::Connection::open(world.folder.path().join("hub.db")).unwrap();
        store.execute_batch("begin immediate").unwrap();
        gate.open();
        let early = tokio::time::timeout(Duration::from_millis(500), &mut finishing).await;
        assert!(early.is_err(), "it waits for the store: {early:?}");
        store.execute_batch("rollback").unwrap();
        let ended = finishing.await;
        assert!(matches!(ended.attempt.state, AttemptState::Authenticated { .. }), "{ended:?}");
        assert_eq!((authority.token_calls(), authority.revocations()), (1, 0));
        assert!(authority.works("access-1"));
    });
}

#[cfg(unix)]
#[test]
fn oa_5_oa_8_a_login_outlives_an_outage_of_its_database() {
    use crate::support::hub::{Place, on_postgres};
    use crate::support::postgres::admit;
    on_postgres(|mut world| async move {
        let (caller, authority, config) = set_up(&mut world, "oauth2").await;
        let Place::Postgres(url) = world.place.clone() else { panic!() };
        for (owner, is_cancelled) in [("acme-7", false), ("globex-1", true)] {
            let user = user_of(&world, &caller, owner).await;
            let begun = begin(&world.hub, &authority, &user, &config).await;
            let mut gate = authority.gate();
            let mut finishing = Box::pin(come_back(&world.hub, &begun, "good"));
            tokio::select! {
                early = &mut finishing => panic!("{early:?}"),
                () = gate.wait() => {}
            }
            if is_cancelled {
                oauth::cancel(&world.hub, &user, &begun.attempt).await.unwrap();
            }
            admit(&url, false);
            gate.open();
            let early = tokio::time::timeout(Duration::from_millis(500), &mut finishing).await;
            admit(&url, true);
            assert!(early.is_err(), "it waits for the database: {early:?}");
            let ended = finishing.await;
            let is_linked = matches!(ended.attempt.state, AttemptState::Authenticated { .. });
            assert_eq!(is_linked, !is_cancelled, "{ended:?}");
            // What nobody may use is taken back, although that could not be told at first.
            assert_eq!(authority.revocations() > 0, is_cancelled);
        }
        assert!(authority.works("access-1") && !authority.works("access-2"));
        assert_eq!(world.number("select count(*) from accounts"), 1);
    });
}

async fn oa_4_a_login_that_was_finished_too_late_has_expired(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let mut gate = authority.gate();
    let late = async {
        gate.wait().await;
        world.clock.advance_seconds(FINISHING_S);
        let seen = oauth::get(&world.hub, &user, &begun.attempt).await.unwrap();
        assert_eq!(seen.state, AttemptState::Expired);
        authority.answers_to_me(Some(Reply::json(403, &json!({"message": "no seat"}))));
        gate.open();
    };
    let (ended, ()) = tokio::join!(come_back(&world.hub, &begun, "good"), late);
    assert_eq!(ended.attempt.state, AttemptState::Expired);
    assert!(authority.revocations() > 0);
}

#[test]
fn a_stop_waits_for_new_tokens_that_nobody_waits_for_any_more() {
    let home = TestHome::new();
    let authority = killed::set_up(&home);
    let account = killed::link(&home, &authority, "first");
    let key = home.key("ci", &["platform:read", "platform:write"]);
    let mut serving = home.serve("");
    let mut gate = authority.gate();
    let mut client = serving.connect();
    let head = format!("POST /admin/accounts/{account}/refresh HTTP/1.1\r\nHost: hub\r\n");
    let headers = format!("Authorization: Bearer {key}\r\nContent-Length: 0\r\n");
    client.send(format!("{head}{headers}\r\n")).unwrap();
    block_on(gate.wait());
    drop(client);
    serving.signal("TERM");
    serving.wait_for(|line| line.contains("\"stopping\""));
    let until = Instant::now() + Duration::from_millis(500);
    while Instant::now() < until {
        assert!(serving.is_alive(), "it leaves the new tokens behind");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    gate.open();
    assert_eq!(serving.ended(), 0);
    home.run(&format!("accounts refresh {account}")).code(0);
}
