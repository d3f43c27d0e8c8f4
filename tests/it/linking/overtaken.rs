//! What a provider says of an account is not written where the account was moved meanwhile.

use hubctl::domain::account::Status;
use hubctl::domain::auth_config::AuthConfig;
use hubctl::domain::caller::Caller;
use hubctl::domain::ids::AccountId;
use hubctl::error::codes;
use hubctl::hub::accounts;
use hubctl::hub::write::Guard;
use serde_json::json;

use super::{account, add_to, events, set_up};
use crate::support::asked::{account as new_account, given};
use crate::support::authority::{Authority, KEY};
use crate::support::http::Reply;
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    at_18_at_5_a_test_says_nothing_of_an_account_that_was_moved_meanwhile,
    at_18_an_edit_that_waits_for_its_provider_undoes_no_move,
);

/// An account with a key, and another auth config for it.
async fn linked(world: &mut TestHub) -> (Caller, Authority, AccountId, AuthConfig) {
    let (caller, authority, first) = set_up(world, "api_key").await;
    let second = add_to("acme", world, &caller, "api_key", "second").await;
    let new = accounts::New {
        auth_config: Some(first.id),
        values: given(&[("api_key", KEY)]),
        verify: true,
        ..new_account("acme", "acme-7")
    };
    let id = world.link(&caller, new).await;
    (caller, authority, id, second)
}

/// Moves the account while the provider is asked about it.
async fn move_meanwhile(
    world: &TestHub,
    (caller, authority): (&Caller, &Authority),
    id: &AccountId,
    to: &AuthConfig,
) {
    let mut gate = authority.light_gate();
    gate.wait().await;
    let changes = accounts::Changes { auth_config: Some(to.id.clone()), ..Default::default() };
    accounts::update(&world.hub, caller, id, changes, Guard::default()).await.unwrap();
    gate.open();
}

async fn at_18_at_5_a_test_says_nothing_of_an_account_that_was_moved_meanwhile(mut world: TestHub) {
    let (caller, authority, id, second) = linked(&mut world).await;
    let first = account(&world, &caller, &id).await.auth_config;
    let first = world.config(&caller, &first).await;
    let refusal = Reply::json(401, &json!({"message": "no"}));
    for (answer, to) in [(Some(refusal), &second), (None, &first)] {
        authority.answers_to_me(answer);
        let meanwhile = move_meanwhile(&world, (&caller, &authority), &id, to);
        let test = accounts::test(&world.hub, &caller, &id, Guard::default());
        let ((), answer) = tokio::join!(meanwhile, test);
        refused(answer, &codes::STALE);
        let moved = account(&world, &caller, &id).await;
        assert_eq!((&moved.auth_config, moved.status), (&to.id, Status::Active));
        assert_eq!((moved.verified_at, events(&world, "account.error")), (None, 0));
    }
    accounts::test(&world.hub, &caller, &id, Guard::default()).await.unwrap();
    assert_eq!(account(&world, &caller, &id).await.verified_at, Some(world.now()));
}

async fn at_18_an_edit_that_waits_for_its_provider_undoes_no_move(mut world: TestHub) {
    let (caller, authority, id, second) = linked(&mut world).await;
    let edit = || {
        let credentials = given(&[("site", "two")]);
        let changes = accounts::Changes { credentials, ..Default::default() };
        accounts::update(&world.hub, &caller, &id, changes, Guard::default())
    };
    let meanwhile = move_meanwhile(&world, (&caller, &authority), &id, &second);
    let ((), answer) = tokio::join!(meanwhile, edit());
    refused(answer, &codes::STALE);
    let moved = account(&world, &caller, &id).await;
    assert_eq!((&moved.auth_config, moved.setup["site"].as_str()), (&second.id, "main"));
    edit().await.unwrap();
    let edited = account(&world, &caller, &id).await;
    assert_eq!((&edited.auth_config, edited.setup["site"].as_str()), (&second.id, "two"));
}
