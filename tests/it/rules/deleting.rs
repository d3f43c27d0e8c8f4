//! AC-24 to AC-30 and AT-20 to AT-23: what may be deleted, and what goes with it.

use hubctl::error::codes;
use hubctl::hub::write::Guard;
use hubctl::hub::{accounts, auth_configs};

use crate::support::asked::{account, config, named};
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    ac_24_ac_29_not_while_accounts_are_linked,
    ac_25_ac_30_not_the_default_among_several,
    ac_26_ac_27_the_only_one_and_a_later_one,
    ac_28_disabled_makes_no_difference,
    at_20_at_21_at_22_at_23_an_account_goes_with_its_credentials,
);

async fn ac_24_ac_29_not_while_accounts_are_linked(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    world.link(&caller, account("hubspot", "acme")).await;
    world.link(&caller, account("hubspot", "brand")).await;
    let delete = auth_configs::delete(&world.hub, &caller, "hubspot", Guard::default());
    let error = refused(world.changes_nothing(delete).await, &codes::AUTH_CONFIG_HAS_ACCOUNTS);
    assert!(error.message().contains('2'), "{error:?}");
    assert_eq!(error.details()[0]["accounts"], 2);
}

async fn ac_25_ac_30_not_the_default_among_several(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, named("hubspot", "first")).await;
    let second = world.add(&caller, named("hubspot", "second")).await;
    let guard = Guard::default();
    let delete = auth_configs::delete(&world.hub, &caller, "first", guard);
    let error = refused(world.changes_nothing(delete).await, &codes::AUTH_CONFIG_IS_DEFAULT);
    assert!(error.hint_text().unwrap().contains(second.id.as_str()), "{error:?}");
    auth_configs::make_default(&world.hub, &caller, "second", guard).await.unwrap();
    auth_configs::delete(&world.hub, &caller, "first", guard).await.unwrap();
}

async fn ac_26_ac_27_the_only_one_and_a_later_one(world: TestHub) {
    let caller = world.caller();
    let first = world.add(&caller, named("hubspot", "first")).await;
    world.add(&caller, named("hubspot", "second")).await;
    let guard = Guard::default();
    auth_configs::delete(&world.hub, &caller, "second", guard).await.unwrap();
    let done = auth_configs::delete(&world.hub, &caller, "hubspot", guard).await.unwrap();
    assert_eq!((done.before.unwrap().config.id, done.after.is_none()), (first.id, true));
    assert_eq!(world.number("select count(*) from auth_configs"), 0);
    let again = auth_configs::delete(&world.hub, &caller, "first", guard).await;
    refused(again, &codes::AUTH_CONFIG_UNKNOWN);
}

async fn ac_28_disabled_makes_no_difference(world: TestHub) {
    let caller = world.caller();
    let guard = Guard::default();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    world.disable(&caller, "hubspot").await;
    let refusal = auth_configs::delete(&world.hub, &caller, "hubspot", guard).await;
    refused(refusal, &codes::AUTH_CONFIG_HAS_ACCOUNTS);
    accounts::delete(&world.hub, &caller, &id, false, guard).await.unwrap();
    auth_configs::delete(&world.hub, &caller, "hubspot", guard).await.unwrap();
}

async fn at_20_at_21_at_22_at_23_an_account_goes_with_its_credentials(world: TestHub) {
    let caller = world.caller();
    let guard = Guard::default();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    assert_eq!(world.number("select count(*) from account_credentials"), 1);
    let done = accounts::delete(&world.hub, &caller, &id, false, guard).await.unwrap().outcome;
    assert_eq!((done.before.unwrap().account.id, done.after.is_none()), (id.clone(), true));
    assert_eq!(world.number("select count(*) from account_credentials"), 0);
    refused(accounts::get(&world.hub, &caller, &id).await, &codes::ACCOUNT_UNKNOWN);
    refused(
        accounts::delete(&world.hub, &caller, &id, false, guard).await,
        &codes::ACCOUNT_UNKNOWN,
    );
    assert!(world.listed(&caller, &accounts::Filter::default()).await.is_empty());
    let deleted = "select count(*) from events where kind = 'account.deleted' and data is not null";
    assert_eq!(world.number(deleted), 1);
    let next = accounts::add(&world.hub, &caller, account("hubspot", "acme"), guard).await.unwrap();
    assert!(next.created && next.view.account.id != id);
}
