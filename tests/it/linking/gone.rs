//! Logins whose set-up goes or changes while their end user is at the provider.

use hubctl::domain::account::{Account, AccountType, Update};
use hubctl::domain::attempt::AttemptState;
use hubctl::domain::auth_config::AuthConfig;
use hubctl::domain::caller::Caller;
use hubctl::domain::connect_session::NewSession;
use hubctl::domain::ids::AccountId;
use hubctl::error::{Code, codes};
use hubctl::hub::end_user::EndUser;
use hubctl::hub::oauth::{self, Begun, Returned};
use hubctl::hub::write::Guard;
use hubctl::hub::{accounts, auth_configs, connect_sessions, end_user};

use super::{account, add_to, begin, come_back, log_in, query, set_up, user, user_of};
use crate::support::asked::session;
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    cs_39_a_login_whose_auth_config_was_deleted_fails,
    cs_39_a_login_whose_method_is_gone_fails,
    at_16_at_18_a_relink_leaves_what_an_administrator_changed,
    cs_14_at_16_a_relink_by_another_auth_config_moves_the_account_alone,
    cs_12_a_relink_of_an_account_that_is_gone_offers_nothing,
);

/// Comes back with a code, and answers how the attempt stands that whoever waits looks at.
async fn waited_for(
    world: &TestHub,
    (caller, user): (&Caller, &EndUser),
    begun: &Begun,
    code: &'static Code,
) -> AttemptState {
    let brought = query(begun, &[("code", "good")]);
    let binding = Some(&begun.binding);
    let returned = || Returned { provider: "acme", query: &brought, binding };
    refused(oauth::finish(&world.hub, returned()).await, code);
    let seen = connect_sessions::get(&world.hub, caller, user.session.id).await.unwrap();
    // It is over for good (OA-4).
    refused(oauth::finish(&world.hub, returned()).await, &codes::OAUTH_BAD_STATE);
    seen.attempt.unwrap().state
}

async fn cs_39_a_login_whose_auth_config_was_deleted_fails(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let target = config.id.as_str();
    auth_configs::delete(&world.hub, &caller, target, Guard::default()).await.unwrap();
    let code = &codes::AUTH_CONFIG_UNKNOWN;
    let state = waited_for(&world, (&caller, &user), &begun, code).await;
    let AttemptState::Failed { code: told, description } = state else { panic!("{state:?}") };
    assert_eq!(told, code.name);
    assert!(description.is_some_and(|text| text.contains(target)));
    assert_eq!(authority.token_calls(), 0);
}

async fn cs_39_a_login_whose_method_is_gone_fails(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    world.raw("update auth_configs set method = 'gone'");
    let code = &codes::AUTH_METHOD_UNKNOWN;
    let state = waited_for(&world, (&caller, &user), &begun, code).await;
    let AttemptState::Failed { code: told, .. } = state else { panic!("{state:?}") };
    assert_eq!(told, code.name);
    assert_eq!(authority.token_calls(), 0);
}

/// A session that edits this account.
fn relink(id: &AccountId) -> NewSession {
    NewSession { account: Some(id.clone()), ..session("acme-7") }
}

/// Moves an account to another auth config and makes it one for tests.
async fn change(world: &TestHub, caller: &Caller, id: &AccountId, to: &AuthConfig) -> Account {
    let update = Update { kind: Some(AccountType::Test), ..Update::default() };
    let auth_config = Some(to.id.clone());
    let changes = accounts::Changes { update, auth_config, ..Default::default() };
    accounts::update(&world.hub, caller, id, changes, Guard::default()).await.unwrap();
    account(world, caller, id).await
}

async fn at_16_at_18_a_relink_leaves_what_an_administrator_changed(mut world: TestHub) {
    let (caller, authority, first) = set_up(&mut world, "oauth2").await;
    let second = add_to("acme", &world, &caller, "oauth2", "second").await;
    let hub = &world.hub;
    let id = log_in(&world, &authority, &caller, &first).await;
    let guard = Guard::default();
    let made = connect_sessions::create(hub, &caller, relink(&id), guard).await.unwrap();
    let enter = async || end_user::enter(hub, made.token.text().expose()).await.unwrap();
    let before = enter().await;
    assert_eq!(before.session, made.session);
    let begun = begin(hub, &authority, &before, &first).await;
    let changed = change(&world, &caller, &id, &second).await;
    // What was begun is for the auth config that the account had.
    let ended = come_back(hub, &begun, "good").await;
    let AttemptState::Failed { code, .. } = &ended.attempt.state else { panic!("{ended:?}") };
    assert_eq!(code, codes::CONNECT_NOT_OFFERED.name);
    assert_eq!(account(&world, &caller, &id).await, changed);
    let after = enter().await;
    let now = (after.session.auth_config.as_ref(), after.session.kind);
    assert_eq!(now, (Some(&second.id), Some(AccountType::Test)), "CS-36");
    let begun = begin(hub, &authority, &after, &second).await;
    let ended = come_back(hub, &begun, "good").await;
    assert!(matches!(ended.attempt.state, AttemptState::Authenticated { .. }), "{ended:?}");
    let linked = account(&world, &caller, &id).await;
    assert_eq!((linked.auth_config, linked.kind), (second.id, AccountType::Test));
}

async fn cs_14_at_16_a_relink_by_another_auth_config_moves_the_account_alone(mut world: TestHub) {
    let (caller, authority, first) = set_up(&mut world, "oauth2").await;
    let second = add_to("acme", &world, &caller, "oauth2", "second").await;
    let id = log_in(&world, &authority, &caller, &first).await;
    let named = NewSession { auth_config: Some(first.id.clone()), ..relink(&id) };
    let user = user(&world, &caller, named).await;
    change(&world, &caller, &id, &second).await;
    let begun = begin(&world.hub, &authority, &user, &first).await;
    come_back(&world.hub, &begun, "good").await;
    let linked = account(&world, &caller, &id).await;
    assert_eq!((linked.auth_config, linked.kind), (first.id, AccountType::Test));
}

async fn cs_12_a_relink_of_an_account_that_is_gone_offers_nothing(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let guard = Guard::default();
    let made = connect_sessions::create(&world.hub, &caller, relink(&id), guard).await.unwrap();
    accounts::delete(&world.hub, &caller, &id, true, guard).await.unwrap();
    let user = end_user::enter(&world.hub, made.token.text().expose()).await.unwrap();
    assert!(end_user::choices(&world.hub, &user, None).await.unwrap().is_empty());
    let form = end_user::form(&world.hub, &user, &config.id).await.map(drop);
    refused(form, &codes::ACCOUNT_UNKNOWN);
}
