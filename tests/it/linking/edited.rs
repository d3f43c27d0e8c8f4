//! Edits of accounts whose access token has ended: it is renewed with the new values, and nothing
//! that the provider gives is lost.

use std::time::Duration;

use hubctl::domain::account::Status;
use hubctl::domain::caller::Caller;
use hubctl::domain::ids::AccountId;
use hubctl::error::codes;
use hubctl::hub::accounts;
use hubctl::hub::refresh::{self, Want};
use hubctl::hub::write::Guard;
use serde_json::json;

use super::account;
use crate::support::asked::{account as new_account, config, given};
use crate::support::authority::Authority;
use crate::support::http::Reply;
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    oa_13_an_edit_of_the_clients_secret_renews_the_token_with_it,
    threat_24_what_a_provider_gave_for_an_edit_that_it_refuses_is_kept,
    oa_14_a_refresh_that_is_refused_with_new_values_ends_no_account,
    oa_13_an_answer_to_an_edit_that_never_came_is_remembered,
    oa_15_an_edit_waits_for_a_refresh_that_is_under_way,
);

/// The secret that the provider knows.
const SECRET: &str = "planted-client-secret";

/// An account whose end user has a client of their own, with this secret, and whose access token
/// has ended.
async fn ended(world: &mut TestHub, secret: &str) -> (Caller, Authority, AccountId) {
    let (caller, authority) = (world.caller(), Authority::start());
    authority.welcome_by_client(world, &caller).await;
    let mut new = config("acme");
    new.method = Some("oauth2".parse().unwrap());
    let config = world.add(&caller, new).await;
    authority.gave("refresh-0");
    let values = [
        ("client_id", "the-users-own"),
        ("client_secret", secret),
        ("access_token", "access-0"),
        ("refresh_token", "refresh-0"),
    ];
    let new = accounts::New {
        auth_config: Some(config.id),
        values: given(&values),
        ..new_account("acme", "acme-7")
    };
    let id = world.link(&caller, new).await;
    (caller, authority, id)
}

fn edit(key: &str, value: &str) -> accounts::Changes {
    accounts::Changes { credentials: given(&[(key, value)]), ..Default::default() }
}

async fn oa_13_an_edit_of_the_clients_secret_renews_the_token_with_it(mut world: TestHub) {
    let (caller, authority, id) = ended(&mut world, "planted-old-secret").await;
    let hub = &world.hub;
    let answer = accounts::refresh_now(hub, &caller, &id, Guard::default()).await;
    refused(answer, &codes::PROVIDER_REFUSED);
    assert_eq!(account(&world, &caller, &id).await.status, Status::Error);
    accounts::update(hub, &caller, &id, edit("client_secret", SECRET), Guard::default())
        .await
        .unwrap();
    let cured = account(&world, &caller, &id).await;
    assert_eq!((cured.status, cured.verified_at), (Status::Active, Some(world.now())));
    let usable = refresh::usable(hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!(usable.values.get("client_secret"), Some(SECRET));
    assert_eq!(usable.values.get("access_token"), Some("access-1"));
    assert_eq!(usable.values.get("refresh_token"), Some("refresh-1"));
    assert_eq!(authority.token_calls(), 2);
    // It is kept fresh from then on.
    assert!(refresh::next_due(hub).await.unwrap().is_some());
    let usable = refresh::usable(hub, &caller, &id, Want::Now).await.unwrap();
    assert_eq!(usable.values.get("refresh_token"), Some("refresh-2"));
}

async fn threat_24_what_a_provider_gave_for_an_edit_that_it_refuses_is_kept(mut world: TestHub) {
    let (caller, authority, id) = ended(&mut world, SECRET).await;
    let hub = &world.hub;
    authority.answers_to_me(Some(Reply::json(401, &json!({"message": "not this site"}))));
    let before = (account(&world, &caller, &id).await, world.events(), world.operations());
    let edited = accounts::update(hub, &caller, &id, edit("site", "north"), Guard::default()).await;
    let error = refused(edited, &codes::PROVIDER_REFUSED);
    assert!(error.message().contains("not this site"), "{error}");
    let after = (account(&world, &caller, &id).await, world.events(), world.operations());
    assert_eq!(after, before);
    let usable = refresh::usable(hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!(usable.values.get("site"), Some("main"));
    assert_eq!(usable.values.get("access_token"), Some("access-1"));
    assert_eq!(usable.values.get("refresh_token"), Some("refresh-1"));
    authority.answers_to_me(None);
    accounts::update(hub, &caller, &id, edit("site", "north"), Guard::default()).await.unwrap();
    assert_eq!(account(&world, &caller, &id).await.setup["site"], "north");
    assert_eq!(authority.token_calls(), 1, "the new token works");
}

async fn oa_14_a_refresh_that_is_refused_with_new_values_ends_no_account(mut world: TestHub) {
    let (caller, authority, id) = ended(&mut world, SECRET).await;
    let hub = &world.hub;
    let before = (account(&world, &caller, &id).await, world.events(), world.operations());
    let wrong = edit("client_secret", "planted-wrong");
    let edited = accounts::update(hub, &caller, &id, wrong, Guard::default()).await;
    let error = refused(edited, &codes::PROVIDER_REFUSED);
    assert!(error.message().contains("invalid_client"), "{error}");
    let after = (account(&world, &caller, &id).await, world.events(), world.operations());
    assert_eq!(after, before);
    // Nothing is noted of the stored values, and nobody has the lease.
    let noted = "select count(*) from account_credentials where failures > 0 \
                 or failure is not null or asked_at is not null or lease_until > 0";
    assert_eq!(world.number(noted), 0);
    let usable = refresh::usable(hub, &caller, &id, Want::Now).await.unwrap();
    assert_eq!(usable.values.get("refresh_token"), Some("refresh-1"));
    assert_eq!(authority.token_calls(), 2);
}

async fn oa_13_an_answer_to_an_edit_that_never_came_is_remembered(mut world: TestHub) {
    let (caller, authority, id) = ended(&mut world, SECRET).await;
    let hub = &world.hub;
    authority.answers(Some(Reply::no_answer()));
    let edited = accounts::update(hub, &caller, &id, edit("site", "north"), Guard::default()).await;
    refused(edited, &codes::PROVIDER_UNREACHABLE);
    let asked = "select count(*) from account_credentials where asked_at is not null \
                 and lease_until = 0 and failures = 0";
    assert_eq!(world.number(asked), 1);
    authority.answers(None);
    accounts::update(hub, &caller, &id, edit("site", "north"), Guard::default()).await.unwrap();
    let asked = "select count(*) from account_credentials where asked_at is not null";
    assert_eq!(world.number(asked), 0);
}

async fn oa_15_an_edit_waits_for_a_refresh_that_is_under_way(mut world: TestHub) {
    let (caller, authority, id) = ended(&mut world, SECRET).await;
    let other = authority.reached_by(world.another());
    let mut gate = authority.gate();
    let edited = async {
        gate.wait().await;
        let change = edit("site", "north");
        let mut edited = Box::pin(accounts::update(&other, &caller, &id, change, Guard::default()));
        let early = tokio::time::timeout(Duration::from_millis(200), &mut edited).await;
        assert!(early.is_err(), "it waits: {early:?}");
        gate.open();
        edited.await
    };
    let (renewed, edited) =
        tokio::join!(refresh::usable(&world.hub, &caller, &id, Want::Now), edited);
    renewed.unwrap();
    edited.unwrap();
    assert_eq!(authority.token_calls(), 1, "one for both");
    let usable = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!(usable.values.get("site"), Some("north"));
    assert_eq!(usable.values.get("refresh_token"), Some("refresh-1"));
}
