//! A client that was set right is believed: what providers said of the former one holds nothing up.

use hubctl::domain::account::Status;
use hubctl::domain::auth_config::AuthConfig;
use hubctl::domain::caller::Caller;
use hubctl::domain::ids::AccountId;
use hubctl::error::codes;
use hubctl::hub::refresh::{self, Round, Want};
use hubctl::hub::write::Guard;
use hubctl::hub::{accounts, auth_configs};
use serde_json::json;

use super::{account, add_to, log_in, set_up};
use crate::support::asked::given;
use crate::support::authority::Authority;
use crate::support::http::Reply;
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    oa_14_a_client_that_was_set_right_is_asked_with_at_once,
    oa_14_what_is_said_of_a_former_client_meanwhile_is_not_kept,
    at_18_oa_14_an_account_is_renewed_at_once_where_it_was_moved_to,
    at_18_oa_14_a_refusal_of_where_an_account_was_ends_it_no_more,
    oa_13_an_edit_mends_no_provider_that_is_down,
);

/// The secret that the provider knows by now.
const SECRET: &str = "planted-new-secret";

/// An account whose token has ended, and whose client has another secret by now.
async fn outdated(world: &mut TestHub) -> (Caller, Authority, AuthConfig, AccountId) {
    let (caller, authority, config) = set_up(world, "oauth2").await;
    let id = log_in(world, &authority, &caller, &config).await;
    authority.accepts_secret(SECRET);
    world.clock.advance_seconds(3600);
    (caller, authority, config, id)
}

async fn edit(world: &TestHub, caller: &Caller, config: &AuthConfig, pairs: &[(&str, &str)]) {
    let edit = auth_configs::Edit { values: given(pairs), ..Default::default() };
    auth_configs::edit(&world.hub, caller, config.id.as_str(), edit, Guard::default())
        .await
        .unwrap();
}

async fn move_to(world: &TestHub, caller: &Caller, id: &AccountId, config: &AuthConfig) {
    let changes = accounts::Changes { auth_config: Some(config.id.clone()), ..Default::default() };
    accounts::update(&world.hub, caller, id, changes, Guard::default()).await.unwrap();
}

async fn oa_14_a_client_that_was_set_right_is_asked_with_at_once(mut world: TestHub) {
    let (caller, authority, config, id) = outdated(&mut world).await;
    let usable = || refresh::usable(&world.hub, &caller, &id, Want::Usable);
    for _ in 0..2 {
        refused(usable().await, &codes::PROVIDER_MISCONFIGURED);
    }
    assert_eq!(authority.token_calls(), 2, "the second call is told of the first one's");
    // Another name mends nothing.
    let name = Some("renamed".to_owned());
    let renamed = auth_configs::Edit { name, ..Default::default() };
    auth_configs::edit(&world.hub, &caller, config.id.as_str(), renamed, Guard::default())
        .await
        .unwrap();
    refused(usable().await, &codes::PROVIDER_MISCONFIGURED);
    edit(&world, &caller, &config, &[("client_secret", SECRET)]).await;
    let told = accounts::explain(&world.hub, &caller, &id).await.unwrap();
    assert!(told.findings.iter().all(|finding| finding.code != "refresh_failing"), "{told:?}");
    assert_eq!(refresh::next_due(&world.hub).await.unwrap(), Some(world.now()));
    let round = refresh::round(&world.hub, 64, || true).await.unwrap();
    assert_eq!((round, authority.token_calls()), (Round { refreshed: 1, failed: 0 }, 3));
    assert_eq!(usable().await.unwrap().version, 2);
}

async fn oa_14_what_is_said_of_a_former_client_meanwhile_is_not_kept(mut world: TestHub) {
    let (caller, authority, config, id) = outdated(&mut world).await;
    let mut gate = authority.gate();
    let mend = async {
        gate.wait().await;
        edit(&world, &caller, &config, &[("client_secret", SECRET)]).await;
        gate.open();
    };
    let (usable, ()) = tokio::join!(refresh::usable(&world.hub, &caller, &id, Want::Usable), mend);
    assert_eq!(usable.unwrap().version, 2);
    assert_eq!(authority.token_calls(), 3, "one for the login, one in vain");
}

async fn at_18_oa_14_an_account_is_renewed_at_once_where_it_was_moved_to(mut world: TestHub) {
    let (caller, authority, _, id) = outdated(&mut world).await;
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Usable).await;
    refused(answer, &codes::PROVIDER_MISCONFIGURED);
    let second = add_to("acme", &world, &caller, "oauth2", "second").await;
    edit(&world, &caller, &second, &[("client_secret", SECRET)]).await;
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Usable).await;
    refused(answer, &codes::PROVIDER_MISCONFIGURED);
    assert_eq!(authority.token_calls(), 2);
    move_to(&world, &caller, &id, &second).await;
    let usable = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!((usable.version, authority.token_calls()), (2, 3));
}

async fn at_18_oa_14_a_refusal_of_where_an_account_was_ends_it_no_more(mut world: TestHub) {
    let (caller, authority, _, id) = outdated(&mut world).await;
    let second = add_to("acme", &world, &caller, "oauth2", "second").await;
    edit(&world, &caller, &second, &[("client_secret", SECRET)]).await;
    authority.answers(Some(Reply::json(400, &json!({"error": "invalid_grant"}))));
    let mut gate = authority.gate();
    let elsewhere = async {
        gate.wait().await;
        authority.answers(None);
        move_to(&world, &caller, &id, &second).await;
        gate.open();
    };
    let (usable, ()) =
        tokio::join!(refresh::usable(&world.hub, &caller, &id, Want::Usable), elsewhere);
    assert_eq!(usable.unwrap().version, 2);
    let moved = account(&world, &caller, &id).await;
    assert_eq!((moved.auth_config, moved.status), (second.id, Status::Active));
}

async fn oa_13_an_edit_mends_no_provider_that_is_down(mut world: TestHub) {
    let (caller, authority, config, id) = outdated(&mut world).await;
    authority.answers(Some(Reply::json(503, &json!({}))));
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Usable).await;
    refused(answer, &codes::PROVIDER_UNREACHABLE);
    edit(&world, &caller, &config, &[("client_secret", SECRET)]).await;
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Usable).await;
    refused(answer, &codes::PROVIDER_UNREACHABLE);
    assert_eq!(authority.token_calls(), 2);
    assert_eq!(world.number("select failures from account_credentials"), 1);
}
