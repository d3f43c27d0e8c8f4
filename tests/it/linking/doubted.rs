//! A 401 to a call whose credentials nothing renews: the light call tells what it was for.

use hubctl::domain::account::Status;
use hubctl::domain::caller::Caller;
use hubctl::domain::ids::AccountId;
use hubctl::error::codes;
use hubctl::hub::accounts;
use hubctl::hub::proxy::{self, Call, Upload};
use serde_json::json;

use super::{account, events, log_in, set_up};
use crate::support::asked::{account as new_account, given};
use crate::support::authority::KEY;
use crate::support::http::Reply;
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    at_5_a_401_that_nothing_renews_ends_an_account_whose_light_call_is_refused,
    at_5_a_403_is_not_looked_into_and_proves_nothing,
    oa_13_what_can_be_renewed_is_not_looked_into,
);

fn get(path: &str) -> Call {
    Call {
        method: http::Method::GET,
        base: None,
        path: path.to_owned(),
        headers: http::HeaderMap::new(),
        body: Upload::Empty,
    }
}

/// The provider's status of a call, when everything is done that comes of it.
async fn called(world: &TestHub, caller: &Caller, id: &AccountId, path: &str) -> u16 {
    let answer = proxy::pass(&world.hub, caller, id, get(path)).await.unwrap();
    world.hub.settled().await;
    answer.status
}

async fn linked(world: &TestHub, caller: &Caller) -> AccountId {
    let values = given(&[("api_key", KEY)]);
    let new = accounts::New { values, verify: true, ..new_account("acme", "acme-7") };
    world.link(caller, new).await
}

async fn at_5_a_401_that_nothing_renews_ends_an_account_whose_light_call_is_refused(
    mut world: TestHub,
) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let id = linked(&world, &caller).await;
    let no = || Some(Reply::json(401, &json!({"message": "no such key"})));
    // This call alone is refused.
    authority.answers_to_session(no());
    let asked = authority.light_calls();
    let before = account(&world, &caller, &id).await;
    for _ in 0..3 {
        assert_eq!(called(&world, &caller, &id, "/session").await, 401);
    }
    assert_eq!(authority.light_calls(), asked + 1);
    assert_eq!(account(&world, &caller, &id).await, before);
    // No answer to a refresh was lost.
    let noted = "select count(*) from account_credentials where doubted_at is not null \
                 and asked_at is null";
    assert_eq!(world.number(noted), 1);
    // The same key is refused everywhere by now.
    authority.answers_to_me(no());
    assert_eq!(called(&world, &caller, &id, "/session").await, 401);
    assert_eq!(account(&world, &caller, &id).await, before, "it was asked about a moment ago");
    world.clock.advance_seconds(300);
    assert_eq!(called(&world, &caller, &id, "/session").await, 401);
    assert_eq!(authority.light_calls(), asked + 2);
    let ended = account(&world, &caller, &id).await;
    assert_eq!((ended.status, ended.verified_at), (Status::Error, None));
    let reason = ended.reasons[0].description.as_deref().unwrap();
    assert!(reason.contains("no such key"), "{reason}");
    assert_eq!((events(&world, "account.error"), events(&world, "account.updated")), (1, 1));
    let call = proxy::pass(&world.hub, &caller, &id, get("/session")).await;
    refused(call, &codes::ACCOUNT_NOT_USABLE);
}

async fn at_5_a_403_is_not_looked_into_and_proves_nothing(mut world: TestHub) {
    let (caller, authority, _) = set_up(&mut world, "api_key").await;
    let id = linked(&world, &caller).await;
    let asked = authority.light_calls();
    let no = |status| Some(Reply::json(status, &json!({})));
    authority.answers_to_session(no(403));
    authority.answers_to_me(no(403));
    assert_eq!(called(&world, &caller, &id, "/session").await, 403);
    assert_eq!(authority.light_calls(), asked);
    // Neither is a 403 of the light call a word about the credentials.
    authority.answers_to_session(no(401));
    assert_eq!(called(&world, &caller, &id, "/session").await, 401);
    assert_eq!(authority.light_calls(), asked + 1);
    assert_eq!(account(&world, &caller, &id).await.status, Status::Active);
}

async fn oa_13_what_can_be_renewed_is_not_looked_into(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    authority.answers_to_session(Some(Reply::json(401, &json!({}))));
    let asked = authority.light_calls();
    assert_eq!(called(&world, &caller, &id, "/session").await, 401);
    assert_eq!((authority.light_calls(), authority.token_calls()), (asked, 2));
    assert_eq!(account(&world, &caller, &id).await.status, Status::Active);
}
