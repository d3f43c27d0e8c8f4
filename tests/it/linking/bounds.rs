//! How many logins a session can have, and how long the store keeps them.

use hubctl::domain::attempt::{AttemptState, FINISHING_S, KEPT_LIMIT, KEPT_S, LIFE_S, OPEN_LIMIT};
use hubctl::domain::ids::AttemptId;
use hubctl::error::codes;
use hubctl::hub::auth_configs::Given;
use hubctl::hub::oauth::bounds::{next_due, round};
use hubctl::hub::oauth::{self, Begun, Returned};
use hubctl::hub::{connect_sessions, end_user::EndUser};
use hubctl::store::attempts::prune;

use super::{begin, come_back, member, query, set_up, user, user_of};
use crate::support::asked::{given, session_with};
use crate::support::hub::{Place, TestHub, on_both_databases, refused};

on_both_databases!(
    a_session_has_few_logins_under_way,
    what_a_session_makes_the_store_keep_is_bounded,
    what_an_abandoned_login_kept_goes_with_its_time,
    cs_38_an_open_session_shows_its_newest_attempt,
    who_comes_back_at_the_last_moment_is_let_finish,
    many_attempts_go_in_one_round,
    looking_for_what_goes_reads_no_other_rows,
);

/// Logins whose values are in the store.
fn kept(world: &TestHub) -> i64 {
    world.number("select count(*) from connection_attempts where sealed is not null")
}

fn rows(world: &TestHub) -> i64 {
    world.number("select count(*) from connection_attempts")
}

async fn state(world: &TestHub, user: &EndUser, id: &AttemptId) -> AttemptState {
    oauth::get(&world.hub, user, id).await.unwrap().state
}

fn is_superseded(state: &AttemptState) -> bool {
    matches!(state, AttemptState::Failed { code, .. } if code == codes::ATTEMPT_OVER.name)
}

async fn a_session_has_few_logins_under_way(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let other = user_of(&world, &caller, "globex-1").await;
    let elsewhere = begin(&world.hub, &authority, &other, &config).await;
    let mut begun: Vec<Begun> = Vec::new();
    for _ in 0..OPEN_LIMIT {
        begun.push(begin(&world.hub, &authority, &user, &config).await);
    }
    for one in &begun {
        assert_eq!(state(&world, &user, &one.attempt).await, AttemptState::Pending);
    }
    let most = i64::try_from(OPEN_LIMIT).unwrap() + 1;
    assert_eq!(kept(&world), most);
    let last = begin(&world.hub, &authority, &user, &config).await;
    assert_eq!(kept(&world), most);
    let first = &begun[0];
    let over = state(&world, &user, &first.attempt).await;
    assert!(is_superseded(&over), "{over:?}");
    // As any that is over.
    let late = query(first, &[("code", "good")]);
    let returned = Returned { provider: "acme", query: &late, binding: Some(&first.binding) };
    refused(oauth::finish(&world.hub, returned).await, &codes::OAUTH_BAD_STATE);
    let again =
        oauth::begin(&world.hub, &user, &config.id, Some(&first.attempt), Given::new(), None);
    refused(again.await, &codes::ATTEMPT_OVER);
    assert_eq!(oauth::cancel(&world.hub, &user, &first.attempt).await.unwrap().state, over, "OA-4");
    assert_eq!(authority.token_calls(), 0);
    // The other ones end as they would have.
    for one in [&begun[1], &last] {
        authority.challenged(member(one, "code_challenge"));
        let ended = come_back(&world.hub, one, "good").await;
        assert!(matches!(ended.attempt.state, AttemptState::Authenticated { .. }), "{ended:?}");
    }
    assert_eq!(state(&world, &other, &elsewhere.attempt).await, AttemptState::Pending);
}

async fn what_a_session_makes_the_store_keep_is_bounded(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let hub = &world.hub;
    let large = "x".repeat(1_000);
    let flood = async || {
        let values = given(&[("site", &large)]);
        oauth::begin(hub, &user, &config.id, None, values, None).await.unwrap()
    };
    let size = "select coalesce(sum(length(sealed)), 0) from connection_attempts";
    for _ in 0..OPEN_LIMIT {
        flood().await;
    }
    let most = world.number(size);
    for _ in 0..2 * KEPT_LIMIT {
        flood().await;
    }
    let (open, limit) = (i64::try_from(OPEN_LIMIT).unwrap(), i64::try_from(KEPT_LIMIT).unwrap());
    assert_eq!((kept(&world), rows(&world)), (open, limit));
    assert_eq!(world.number(size), most);
    // One that is under way stays, however many end behind it.
    let tab = begin(hub, &authority, &user, &config).await;
    let first = oauth::create(hub, &user).await.unwrap();
    oauth::cancel(hub, &user, &first.id).await.unwrap();
    for _ in 0..KEPT_LIMIT {
        let made = oauth::create(hub, &user).await.unwrap();
        let seen = oauth::cancel(hub, &user, &made.id).await.unwrap();
        assert_eq!(seen.state, AttemptState::Cancelled);
    }
    refused(oauth::get(hub, &user, &first.id).await, &codes::ATTEMPT_UNKNOWN);
    assert!(rows(&world) <= limit + open);
    let ended = come_back(hub, &tab, "good").await;
    assert!(matches!(ended.attempt.state, AttemptState::Authenticated { .. }), "{ended:?}");
}

async fn what_an_abandoned_login_kept_goes_with_its_time(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    assert_eq!(next_due(&world.hub).await.unwrap(), None);
    let began = world.now();
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let over = began.plus_seconds(LIFE_S + FINISHING_S);
    assert_eq!(next_due(&world.hub).await.unwrap(), Some(over));
    world.clock.advance_seconds(LIFE_S + FINISHING_S - 1);
    let before = oauth::get(&world.hub, &user, &begun.attempt).await.unwrap();
    assert_eq!((round(&world.hub).await.unwrap(), kept(&world)), (0, 1));
    world.clock.advance_seconds(1);
    assert_eq!((round(&world.hub).await.unwrap(), kept(&world)), (1, 0));
    assert_eq!(round(&world.another()).await.unwrap(), 0);
    // OA-4: nobody sees a difference.
    let after = oauth::get(&world.hub, &user, &begun.attempt).await.unwrap();
    assert_eq!((&after, &after.state), (&before, &AttemptState::Expired));
    let late = query(&begun, &[("code", "good")]);
    let returned = Returned { provider: "acme", query: &late, binding: Some(&begun.binding) };
    refused(oauth::finish(&world.hub, returned).await, &codes::OAUTH_BAD_STATE);
    assert_eq!(authority.token_calls(), 0);
}

async fn cs_38_an_open_session_shows_its_newest_attempt(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let mut long = session_with("acme-7", "acme");
    long.expires_in_s = KEPT_S;
    let user = user(&world, &caller, long).await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let ended = come_back(&world.hub, &begun, "good").await.attempt;
    let latest =
        async || connect_sessions::get(&world.hub, &caller, user.session.id).await.unwrap().attempt;
    world.clock.advance_seconds(KEPT_S);
    assert_eq!(round(&world.hub).await.unwrap(), 0);
    assert_eq!(latest().await, Some(ended), "CS-38");
    world.clock.advance_seconds(LIFE_S);
    assert_eq!((round(&world.hub).await.unwrap(), rows(&world)), (1, 0));
    assert_eq!(latest().await, None);
    refused(oauth::get(&world.hub, &user, &begun.attempt).await, &codes::ATTEMPT_UNKNOWN);
}

async fn who_comes_back_at_the_last_moment_is_let_finish(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    world.clock.advance_seconds(LIFE_S - 1);
    let mut gate = authority.gate();
    let meanwhile = async {
        gate.wait().await;
        world.clock.advance_seconds(FINISHING_S - 1);
        let done = round(&world.hub).await;
        gate.open();
        done.unwrap()
    };
    let (ended, done) = tokio::join!(come_back(&world.hub, &begun, "good"), meanwhile);
    assert_eq!(done, 0);
    assert!(matches!(ended.attempt.state, AttemptState::Authenticated { .. }), "{ended:?}");
}

/// More than one transaction takes, of sessions that a version before made.
async fn many_attempts_go_in_one_round(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let copy = |number: usize| {
        format!(
            "insert into connection_attempts (project, session, id, status, sealed, created_at, \
             updated_at, expires_at) select project, session, 'old-{number}', status, sealed, \
             created_at, updated_at, expires_at from connection_attempts where id = '{}';",
            begun.attempt
        )
    };
    world.raw(&(0..350).map(copy).collect::<String>());
    world.clock.advance_seconds(LIFE_S + FINISHING_S);
    assert_eq!((round(&world.hub).await.unwrap(), kept(&world)), (351, 0));
    world.clock.advance_seconds(KEPT_S);
    assert_eq!((round(&world.hub).await.unwrap(), rows(&world)), (351, 0));
    assert_eq!(next_due(&world.hub).await.unwrap(), None);
}

async fn looking_for_what_goes_reads_no_other_rows(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    begin(&world.hub, &authority, &user, &config).await;
    let mut tx = world.hub.store().begin_write().await.unwrap();
    if !matches!(world.place, Place::Sqlite(_)) {
        // A small table is best read as a whole, whatever indexes it has.
        tx.execute("set local enable_seqscan = off", &[]).await.unwrap();
    }
    let indexes = ["connection_attempts_open", "connection_attempts_end"];
    for (number, plan) in prune::plans(&mut tx).await.unwrap().iter().enumerate() {
        assert!(plan.contains(indexes[number / 2]), "{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort"), "{plan}");
    }
}
