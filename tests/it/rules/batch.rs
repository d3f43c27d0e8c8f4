//! Sessions of a batch: asked for again they are the same while open, and new afterwards.

use std::collections::HashSet;

use hubctl::domain::connect_session::NewSession;
use hubctl::error::codes;
use hubctl::hub::auth_configs::{delete, make_default};
use hubctl::hub::connect_sessions::{BatchItem, Created, authenticate, create_batch, revoke};
use hubctl::hub::write::Guard;

use crate::support::asked::{config, named, session, session_with};
use crate::support::hub::{DRY_RUN, TestHub, on_both_databases, refused};

on_both_databases!(
    al_4_a_batch_asked_for_again_is_the_same,
    al_4_what_is_over_is_made_anew,
    al_4_what_leads_nowhere_is_made_anew,
    ac_8_al_4_another_default_ends_no_link_that_is_out,
    al_4_equal_items_are_told_apart,
    al_4_a_batch_is_made_whole_or_not_at_all,
    al_4_a_dry_run_of_a_batch_leaves_nothing,
    cs_9_a_batch_of_another_project_is_another,
);

fn items(owners: &[&str]) -> Vec<BatchItem> {
    owners.iter().map(|owner| BatchItem { new: session(owner), occurrence: 0 }).collect()
}

fn texts(made: &[(Created, bool)]) -> Vec<String> {
    made.iter().map(|(created, _)| created.token.text().expose().to_owned()).collect()
}

async fn al_4_a_batch_asked_for_again_is_the_same(world: TestHub) {
    let caller = world.caller();
    let guard = Guard::default();
    let part = create_batch(&world.hub, &caller, items(&["a", "b"]), guard).await.unwrap();
    assert!(part.iter().all(|(_, new)| *new));
    world.clock.advance_seconds(60);
    let other = world.another();
    let whole = create_batch(&other, &caller, items(&["a", "b", "c"]), guard).await.unwrap();
    let new: Vec<bool> = whole.iter().map(|(_, new)| *new).collect();
    assert_eq!(new, [false, false, true]);
    assert_eq!(texts(&whole)[..2], texts(&part));
    assert_eq!(texts(&whole).iter().collect::<HashSet<_>>().len(), 3);
    for token in texts(&whole) {
        authenticate(&world.hub, &token).await.unwrap();
    }
}

async fn al_4_what_is_over_is_made_anew(world: TestHub) {
    let caller = world.caller();
    let guard = Guard::default();
    let ask = || create_batch(&world.hub, &caller, items(&["a"]), guard);
    let first = ask().await.unwrap();
    world.clock.advance_seconds(1_800);
    let second = ask().await.unwrap();
    revoke(&world.hub, &caller, second[0].0.session.id, guard).await.unwrap();
    let third = ask().await.unwrap();
    let tokens: HashSet<String> =
        [&first, &second, &third].into_iter().flat_map(|made| texts(made)).collect();
    assert_eq!(tokens.len(), 3);
    assert!(second[0].1 && third[0].1);
    refused(authenticate(&world.hub, &texts(&second)[0]).await, &codes::SESSION_TOKEN_INVALID);
    authenticate(&world.hub, &texts(&third)[0]).await.unwrap();
    // The old token's secret is worth nothing under the new row's number, nor the other way round.
    let secret = |made: &[(Created, bool)]| made[0].0.token.secret().to_owned();
    assert_ne!(secret(&second), secret(&third));
}

/// A session of the connector's default.
fn of_hubspot() -> Vec<BatchItem> {
    vec![BatchItem { new: session_with("a", "hubspot"), occurrence: 0 }]
}

async fn al_4_what_leads_nowhere_is_made_anew(world: TestHub) {
    let caller = world.caller();
    let guard = Guard::default();
    let [first, second] = ["first", "second"].map(|name| named("hubspot", name));
    let first = world.add(&caller, first).await;
    let ask = || create_batch(&world.hub, &caller, of_hubspot(), guard);
    let made = ask().await.unwrap();
    let second = world.add(&caller, second).await;
    make_default(&world.hub, &caller, "second", guard).await.unwrap();
    delete(&world.hub, &caller, first.id.as_str(), guard).await.unwrap();
    let dry = create_batch(&world.hub, &caller, of_hubspot(), DRY_RUN);
    assert!(world.changes_nothing(dry).await.unwrap()[0].1);
    let anew = ask().await.unwrap();
    assert!(anew[0].1);
    assert_eq!(anew[0].0.session.auth_config.as_ref(), Some(&second.id));
    authenticate(&world.hub, &texts(&anew)[0]).await.unwrap();
    refused(authenticate(&world.hub, &texts(&made)[0]).await, &codes::SESSION_TOKEN_INVALID);
    let told = "select count(*) from events where kind = 'session.revoked'";
    assert_eq!(world.number(told), 1);
    // From then on that is the one.
    let again = ask().await.unwrap();
    assert_eq!((texts(&again), again[0].1), (texts(&anew), false));
    assert_eq!(world.number(told), 1);
}

async fn ac_8_al_4_another_default_ends_no_link_that_is_out(world: TestHub) {
    let caller = world.caller();
    let guard = Guard::default();
    world.add(&caller, named("hubspot", "first")).await;
    let ask = || create_batch(&world.hub, &caller, of_hubspot(), guard);
    let made = ask().await.unwrap();
    world.add(&caller, named("hubspot", "second")).await;
    make_default(&world.hub, &caller, "second", guard).await.unwrap();
    let again = ask().await.unwrap();
    assert_eq!((texts(&again), again[0].1), (texts(&made), false));
    // Where it is switched off, the link leads nowhere.
    world.disable(&caller, "first").await;
    assert!(ask().await.unwrap()[0].1);
}

async fn al_4_equal_items_are_told_apart(world: TestHub) {
    let caller = world.caller();
    let twice = vec![
        BatchItem { new: session("a"), occurrence: 0 },
        BatchItem { new: session("a"), occurrence: 1 },
        BatchItem { new: NewSession { multiple: true, ..session("a") }, occurrence: 0 },
    ];
    let made = create_batch(&world.hub, &caller, twice, Guard::default()).await.unwrap();
    assert_eq!(texts(&made).iter().collect::<HashSet<_>>().len(), 3);
}

async fn al_4_a_batch_is_made_whole_or_not_at_all(world: TestHub) {
    let caller = world.caller();
    let guard = Guard::default();
    let mut wanted = items(&["a", "b"]);
    wanted.push(BatchItem { new: session_with("c", "hubspot"), occurrence: 0 });
    let first = create_batch(&world.hub, &caller, wanted.clone(), guard);
    refused(world.changes_nothing(first).await, &codes::CONNECTOR_NOT_ENABLED);
    world.add(&caller, config("hubspot")).await;
    let made = create_batch(&world.hub, &caller, wanted, guard).await.unwrap();
    // Keys made on the way to the refusal were undone with it, so they must not be used here.
    for token in texts(&made) {
        authenticate(&world.another(), &token).await.unwrap();
    }
}

async fn al_4_a_dry_run_of_a_batch_leaves_nothing(world: TestHub) {
    let caller = world.caller();
    let owners = items(&["a", "b"]);
    let dry = create_batch(&world.hub, &caller, owners.clone(), DRY_RUN);
    assert_eq!(world.changes_nothing(dry).await.unwrap().len(), 2);
    let made = create_batch(&world.hub, &caller, owners, Guard::default()).await.unwrap();
    authenticate(&world.another(), &texts(&made)[1]).await.unwrap();
}

async fn cs_9_a_batch_of_another_project_is_another(world: TestHub) {
    let other = world.project("other").await;
    let guard = Guard::default();
    let here = create_batch(&world.hub, &world.caller(), items(&["a"]), guard).await.unwrap();
    let there = create_batch(&world.hub, &other, items(&["a"]), guard).await.unwrap();
    assert!(there[0].1);
    assert_ne!(texts(&here), texts(&there));
}
