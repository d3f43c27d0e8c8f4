//! Access tokens that end at the provider before the hub knows of it.

use hubctl::domain::account::Status;
use hubctl::domain::check::CheckState;
use hubctl::error::codes;
use hubctl::hub::accounts::{self, Ask};
use hubctl::hub::write::Guard;
use serde_json::json;

use super::{account, events, log_in, set_up};
use crate::support::http::Reply;
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    oa_13_at_5_a_test_renews_a_token_that_is_refused_before_it_judges_the_account,
    oa_14_a_test_judges_nothing_where_the_token_can_not_be_renewed_now,
    oa_14_a_test_ends_an_account_whose_tokens_are_not_renewed,
    oa_13_a_check_renews_a_token_that_is_refused_and_changes_no_status,
);

fn nobody() -> Reply {
    Reply::json(401, &json!({"message": "revoked"}))
}

async fn oa_13_at_5_a_test_renews_a_token_that_is_refused_before_it_judges_the_account(
    mut world: TestHub,
) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    authority.forget("access-1");
    let tested = accounts::test(&world.hub, &caller, &id, Guard::default()).await.unwrap();
    assert!(tested.changed, "the provider accepts the new token");
    assert_eq!(account(&world, &caller, &id).await.status, Status::Active);
    assert_eq!((authority.token_calls(), events(&world, "account.error")), (2, 0));
    // What is refused with a new token as well is refused.
    authority.answers_to_me(Some(nobody()));
    let answer = accounts::test(&world.hub, &caller, &id, Guard::default()).await;
    let error = refused(answer, &codes::PROVIDER_REFUSED);
    assert_eq!(error.hint_text(), Some(&*format!("hubctl accounts relink {id}")));
    assert_eq!(account(&world, &caller, &id).await.status, Status::Error);
    assert_eq!((authority.token_calls(), events(&world, "account.error")), (3, 1));
}

async fn oa_14_a_test_judges_nothing_where_the_token_can_not_be_renewed_now(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    authority.forget("access-1");
    authority.answers(Some(Reply::json(503, &json!({}))));
    let before = account(&world, &caller, &id).await;
    let answer = accounts::test(&world.hub, &caller, &id, Guard::default()).await;
    refused(answer, &codes::PROVIDER_UNREACHABLE);
    assert_eq!(account(&world, &caller, &id).await, before);
    authority.answers(None);
    world.clock.advance_seconds(5);
    accounts::test(&world.hub, &caller, &id, Guard::default()).await.unwrap();
    assert_eq!(account(&world, &caller, &id).await.status, Status::Active);
}

async fn oa_14_a_test_ends_an_account_whose_tokens_are_not_renewed(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    authority.forget("access-1");
    authority.answers(Some(Reply::json(400, &json!({"error": "invalid_grant"}))));
    let answer = accounts::test(&world.hub, &caller, &id, Guard::default()).await;
    let error = refused(answer, &codes::PROVIDER_REFUSED);
    assert!(error.message().contains("invalid_grant"), "{error}");
    assert_eq!(error.hint_text(), Some(&*format!("hubctl accounts relink {id}")));
    assert_eq!(account(&world, &caller, &id).await.status, Status::Error);
    assert_eq!(events(&world, "account.error"), 1);
}

async fn oa_13_a_check_renews_a_token_that_is_refused_and_changes_no_status(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let provider = async || {
        let all = accounts::check(&world.hub, &caller, &id, Ask::Provider).await.unwrap();
        all.into_iter().find(|row| row.about == "provider").unwrap()
    };
    let before = (account(&world, &caller, &id).await, world.events());
    authority.forget("access-1");
    let told = provider().await;
    assert_eq!(told.state, CheckState::Ok, "{told:?}");
    assert_eq!(authority.token_calls(), 2);
    authority.answers_to_me(Some(nobody()));
    let told = provider().await;
    assert_eq!(told.state, CheckState::Failed, "{told:?}");
    assert_eq!(told.code.unwrap().name, codes::PROVIDER_REFUSED.name);
    assert_eq!(told.hint, Some(format!("hubctl accounts relink {id}")));
    assert_eq!(authority.token_calls(), 3);
    assert_eq!((account(&world, &caller, &id).await, world.events()), before);
}
