//! Logins whose set-up goes or changes while their end user is at the provider.

use hubctl::domain::attempt::AttemptState;
use hubctl::domain::caller::Caller;
use hubctl::error::{Code, codes};
use hubctl::hub::end_user::EndUser;
use hubctl::hub::oauth::{self, Begun, Returned};
use hubctl::hub::write::Guard;
use hubctl::hub::{auth_configs, connect_sessions};

use super::{begin, query, set_up, user_of};
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    cs_39_a_login_whose_auth_config_was_deleted_fails,
    cs_39_a_login_whose_method_is_gone_fails,
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
