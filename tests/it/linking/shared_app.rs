//! Logins through the hub's own application at a provider (AC-41): linked, renewed, its secret
//! changed, and taken away.

use hubctl::domain::account::Status;
use hubctl::domain::attempt::AttemptState;
use hubctl::domain::auth_config::AuthConfig;
use hubctl::domain::caller::Caller;
use hubctl::error::codes;
use hubctl::hub::auth_configs::{self, Given};
use hubctl::hub::oauth_apps::{self, New};
use hubctl::hub::refresh::{self, Want};
use hubctl::hub::write::Guard;
use hubctl::hub::{accounts, oauth};

use super::{account, add, begin, come_back, log_in, member, secret, set_up, user_of};
use crate::support::asked::config;
use crate::support::authority::Authority;
use crate::support::hub::{DRY_RUN, TestHub, on_both_databases, refused};

on_both_databases!(
    ac_41_an_account_is_linked_and_renewed_through_the_hubs_own_application,
    ac_41_a_new_secret_of_the_application_serves_all_that_use_it,
    ac_41_oa_14_a_new_secret_of_the_application_is_believed_at_once,
    ac_41_an_application_in_use_stays,
    ac_41_without_its_application_nothing_is_asked_of_the_provider,
);

const FIRST: &str = "planted-client-secret";
const SECOND: &str = "planted-second-secret";

async fn set(world: &TestHub, caller: &Caller, client_secret: &str) {
    let new = New {
        connector: "acme".parse().unwrap(),
        client_id: "the-hubs-own".to_owned(),
        client_secret: secret(client_secret),
    };
    oauth_apps::set(&world.hub, caller, new, Guard::default()).await.unwrap();
}

/// A hub with an application of its own, and an auth config that brings none.
async fn shared(world: &mut TestHub) -> (Caller, Authority, AuthConfig) {
    let (caller, authority, _) = set_up(world, "api_key").await;
    set(world, &caller, FIRST).await;
    let mut new = config("acme");
    new.method = Some("oauth2".parse().unwrap());
    new.name = Some("shared".to_owned());
    new.make_default = true;
    let config = world.add(&caller, new).await;
    (caller, authority, config)
}

async fn ac_41_an_account_is_linked_and_renewed_through_the_hubs_own_application(
    mut world: TestHub,
) {
    let (caller, authority, config) = shared(&mut world).await;
    assert!(config.setup.is_empty() && config.secrets.is_empty(), "{config:?}");
    let user = user_of(&world, &caller, "acme-7").await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    assert_eq!(member(&begun, "client_id").as_deref(), Some("the-hubs-own"));
    assert!(!begun.location.as_str().contains(FIRST), "{}", begun.location);
    let ended = come_back(&world.hub, &begun, "good").await;
    let AttemptState::Authenticated { account: id } = ended.attempt.state else {
        panic!("{ended:?}")
    };
    world.clock.advance_seconds(3600);
    let usable = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!(usable.values.get("access_token"), Some("access-2"));
    assert!(authority.works("access-2"));
    assert_eq!(authority.token_calls(), 2);
    // The provider is asked with the application's secret, which is readable nowhere.
    assert_eq!(authority.clients(), ["the-hubs-own", "the-hubs-own"]);
    let dump = format!("{:?}", world.dump());
    assert!(!dump.contains(FIRST) && dump.contains("the-hubs-own"));
    // A config with a client of its own has nothing to do with it.
    let own = add(&world, &caller, "oauth2").await;
    auth_configs::make_default(&world.hub, &caller, own.id.as_str(), Guard::default())
        .await
        .unwrap();
    let user = user_of(&world, &caller, "acme-8").await;
    let begun = begin(&world.hub, &authority, &user, &own).await;
    assert_eq!(member(&begun, "client_id").as_deref(), Some("the-hub"));
    let listed = oauth_apps::list(&world.hub, &caller).await.unwrap();
    assert_eq!(listed[0].auth_configs, 1);
}

async fn ac_41_a_new_secret_of_the_application_serves_all_that_use_it(mut world: TestHub) {
    let (caller, authority, config) = shared(&mut world).await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let user = user_of(&world, &caller, "acme-8").await;
    let under_way = begin(&world.hub, &authority, &user, &config).await;
    authority.accepts_secret(SECOND);
    // The old secret is the administrator's mistake and not the end user's: the account stays.
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Now).await;
    refused(answer, &codes::PROVIDER_MISCONFIGURED);
    assert_eq!(account(&world, &caller, &id).await.status, Status::Active);
    let told = accounts::explain(&world.hub, &caller, &id).await.unwrap();
    let command = told.findings.iter().find_map(|finding| finding.command.as_deref()).unwrap();
    assert!(command.starts_with("hubctl oauth-apps set acme --set client_id="), "{command}");
    set(&world, &caller, SECOND).await;
    // A login that was under way ends with the new one, and the account is renewed by it.
    let ended = come_back(&world.hub, &under_way, "good").await;
    assert!(matches!(ended.attempt.state, AttemptState::Authenticated { .. }), "{ended:?}");
    world.clock.advance_seconds(3600);
    let usable = refresh::usable(&world.hub, &caller, &id, Want::Now).await.unwrap();
    assert!(authority.works(usable.values.get("access_token").unwrap()));
    let dump = format!("{:?}", world.dump());
    assert!(!dump.contains(FIRST) && !dump.contains(SECOND));
}

async fn ac_41_oa_14_a_new_secret_of_the_application_is_believed_at_once(mut world: TestHub) {
    let (caller, authority, config) = shared(&mut world).await;
    let id = log_in(&world, &authority, &caller, &config).await;
    authority.accepts_secret(SECOND);
    world.clock.advance_seconds(3600);
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Usable).await;
    refused(answer, &codes::PROVIDER_MISCONFIGURED);
    set(&world, &caller, SECOND).await;
    assert_eq!(refresh::next_due(&world.hub).await.unwrap(), Some(world.now()));
    let usable = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!(usable.version, 2);
    // What comes of the former one meanwhile is no failure of the new one.
    authority.accepts_secret("planted-third-secret");
    world.clock.advance_seconds(3600);
    let mut gate = authority.gate();
    let mend = async {
        gate.wait().await;
        set(&world, &caller, "planted-third-secret").await;
        gate.open();
    };
    let (usable, ()) = tokio::join!(refresh::usable(&world.hub, &caller, &id, Want::Usable), mend);
    assert_eq!(usable.unwrap().version, 3);
    assert_eq!(authority.token_calls(), 5, "one for the login, and twice one in vain");
}

async fn ac_41_an_application_in_use_stays(mut world: TestHub) {
    let (caller, authority, config) = shared(&mut world).await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let acme = "acme".parse().unwrap();
    for guard in [Guard::default(), DRY_RUN] {
        let deleted = oauth_apps::delete(&world.hub, &caller, &acme, guard);
        let error = refused(world.changes_nothing(deleted).await, &codes::OAUTH_APP_IN_USE);
        assert!(error.message().starts_with("1 auth config"), "{error}");
    }
    // A disabled config may be enabled again, and then needs it.
    world.disable(&caller, config.id.as_str()).await;
    let deleted = oauth_apps::delete(&world.hub, &caller, &acme, Guard::default());
    refused(world.changes_nothing(deleted).await, &codes::OAUTH_APP_IN_USE);
    world.enable(&caller, config.id.as_str()).await;
    refresh::usable(&world.hub, &caller, &id, Want::Now).await.unwrap();
    // With a client of its own, the config lets it go.
    let edit = auth_configs::Edit {
        values: crate::support::asked::given(&[("client_id", "the-hub"), ("client_secret", FIRST)]),
        ..Default::default()
    };
    auth_configs::edit(&world.hub, &caller, config.id.as_str(), edit, Guard::default())
        .await
        .unwrap();
    oauth_apps::delete(&world.hub, &caller, &acme, Guard::default()).await.unwrap();
    refresh::usable(&world.hub, &caller, &id, Want::Now).await.unwrap();
    assert_eq!(authority.clients().last().map(String::as_str), Some("the-hub"));
    let answer = accounts::get(&world.hub, &caller, &id).await.unwrap();
    assert_eq!(answer.account.status, Status::Active);
}

async fn ac_41_without_its_application_nothing_is_asked_of_the_provider(mut world: TestHub) {
    let (caller, authority, config) = shared(&mut world).await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let user = user_of(&world, &caller, "acme-8").await;
    let under_way = begin(&world.hub, &authority, &user, &config).await;
    // As a restored backup may lack it: the rule keeps it for as long as it is used.
    world.raw("delete from oauth_apps");
    let calls = authority.calls();
    let begun = oauth::begin(&world.hub, &user, &config.id, None, Given::new(), None).await;
    let error = refused(begun, &codes::PROVIDER_MISCONFIGURED);
    assert!(error.message().contains("client id"), "{error}");
    let ended = come_back(&world.hub, &under_way, "good").await;
    assert!(matches!(ended.attempt.state, AttemptState::Failed { .. }), "{ended:?}");
    let answer = refresh::usable(&world.hub, &caller, &id, Want::Now).await;
    refused(answer, &codes::PROVIDER_MISCONFIGURED);
    assert_eq!(authority.calls(), calls);
    assert_eq!(account(&world, &caller, &id).await.status, Status::Active);
    // Set again, everything goes on.
    set(&world, &caller, FIRST).await;
    refresh::usable(&world.hub, &caller, &id, Want::Now).await.unwrap();
    let another = config_without_client(&world, &caller).await;
    assert_eq!(another.connector.as_str(), "acme");
}

/// A second config that brings no client.
async fn config_without_client(world: &TestHub, caller: &Caller) -> AuthConfig {
    let mut new = config("acme");
    new.method = Some("oauth2".parse().unwrap());
    new.name = Some("another".to_owned());
    world.add(caller, new).await
}
