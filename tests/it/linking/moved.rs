//! Stored secrets stay with the host that they were entered for: of an account, of a set-up, and of
//! an account that is moved to another set-up (threats 12, 14).

use hubctl::domain::auth_config::AuthConfig;
use hubctl::domain::caller::Caller;
use hubctl::error::{HubError, codes};
use hubctl::hub::auth_configs::{self, Given};
use hubctl::hub::oauth_apps;
use hubctl::hub::write::Guard;
use hubctl::hub::{accounts, end_user};

use super::{account, log_in, secret, user_of};
use crate::support::asked::{config, given};
use crate::support::authority::{Authority, KEY};
use crate::support::hub::{DRY_RUN, TestHub, on_both_databases, refused};

on_both_databases!(
    threat_12_a_stored_key_stays_with_its_host,
    threat_14_stored_tokens_stay_with_their_host,
    threat_14_a_stored_client_secret_stays_with_its_host,
    threat_14_an_account_is_not_moved_to_a_set_up_that_leads_elsewhere,
    threat_14_the_hubs_own_application_serves_no_host_that_was_filled_in,
);

/// A hub whose connector asks for the host: of the end user for its API, and of the administrator
/// for tokens. The other provider is the host of somebody else.
async fn set_up(world: &mut TestHub) -> (Caller, Authority, Authority) {
    let (caller, authority, evil) = (world.caller(), Authority::start(), Authority::start());
    authority.welcome_by_host(world, &caller).await;
    (caller, authority, evil)
}

async fn set_up_by(world: &TestHub, caller: &Caller, method: &str, site: &str) -> AuthConfig {
    let mut new = config("acme");
    new.method = Some(method.parse().unwrap());
    new.name = Some(format!("{method} at {site}"));
    if method != "api_key" {
        new.values = given(&[
            ("client_id", "the-hub"),
            ("client_secret", "planted-client-secret"),
            ("tokens", site),
        ]);
    }
    world.add(caller, new).await
}

/// The fields that the error names.
fn fields(error: &HubError) -> Vec<&str> {
    error.details().iter().filter_map(|detail| detail["field"].as_str()).collect()
}

fn changes(pairs: &[(&str, &str)]) -> accounts::Changes {
    accounts::Changes { credentials: given(pairs), ..Default::default() }
}

async fn threat_12_a_stored_key_stays_with_its_host(mut world: TestHub) {
    let (caller, authority, evil) = set_up(&mut world).await;
    let config = set_up_by(&world, &caller, "api_key", "").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let hub = &world.hub;
    let (own, other) = (authority.host(), evil.host());
    let first = given(&[("api_key", KEY), ("host", &own)]);
    let id = end_user::link(hub, &user, &config.id, None, first).await.unwrap().account.id;
    // What an untouched input of a page sends, and the mark of a stored secret, give nothing.
    for untouched in [None, Some(""), Some("__secretvalue:**redacted**")] {
        let mut given = given(&[("host", &other)]);
        given.extend(untouched.map(|value| ("api_key".to_owned(), secret(value))));
        let edited = end_user::link(hub, &user, &config.id, Some(&id), given.clone()).await;
        assert_eq!(fields(&refused(edited, &codes::FIELDS_INVALID)), ["api_key"]);
        let changes = accounts::Changes { credentials: given, ..Default::default() };
        for guard in [Guard::default(), DRY_RUN] {
            let answer = accounts::update(hub, &caller, &id, changes.clone(), guard).await;
            let error = refused(answer, &codes::FIELDS_INVALID);
            assert_eq!(fields(&error), ["api_key"]);
            // From an administrator, an empty value is one that is missing.
            let why = match untouched {
                Some("") => "is required".to_owned(),
                _ => format!("http://{other}"),
            };
            assert!(error.message().contains(&why), "{error}");
        }
    }
    assert_eq!(evil.calls(), 0);
    assert_eq!(account(&world, &caller, &id).await.setup["host"], own);
    // The same host in another spelling, and another host with the key, are both fine.
    let same = changes(&[("host", &own), ("site", "north")]);
    accounts::update(hub, &caller, &id, same, Guard::default()).await.unwrap();
    let anew = given(&[("host", &other), ("api_key", KEY)]);
    end_user::link(hub, &user, &config.id, Some(&id), anew).await.unwrap();
    assert_eq!(account(&world, &caller, &id).await.setup["host"], other);
    assert_eq!(evil.calls(), 1);
}

async fn threat_14_stored_tokens_stay_with_their_host(mut world: TestHub) {
    let (caller, authority, evil) = set_up(&mut world).await;
    let config = set_up_by(&world, &caller, "oauth2", &authority.host()).await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let hub = &world.hub;
    let other = evil.host();
    for (pairs, missing) in [
        (vec![("host", other.as_str())], vec!["access_token", "refresh_token"]),
        (vec![("host", other.as_str()), ("access_token", "mine")], vec!["refresh_token"]),
    ] {
        let answer = accounts::update(hub, &caller, &id, changes(&pairs), Guard::default()).await;
        assert_eq!(fields(&refused(answer, &codes::FIELDS_INVALID)), missing);
    }
    assert_eq!(evil.calls(), 0);
    let all = [("host", other.as_str()), ("access_token", "mine"), ("refresh_token", "mine")];
    let answer = accounts::update(hub, &caller, &id, changes(&all), Guard::default()).await;
    refused(answer, &codes::PROVIDER_REFUSED);
    assert_eq!((evil.calls(), evil.token_calls()), (1, 0));
}

async fn threat_14_a_stored_client_secret_stays_with_its_host(mut world: TestHub) {
    let (caller, authority, evil) = set_up(&mut world).await;
    let config = set_up_by(&world, &caller, "oauth2", &authority.host()).await;
    let hub = &world.hub;
    let edit = async |pairs: &[(&str, &str)]| {
        let edit = auth_configs::Edit { values: given(pairs), ..Default::default() };
        auth_configs::edit(hub, &caller, config.id.as_str(), edit, Guard::default()).await
    };
    let other = evil.host();
    let error = refused(edit(&[("tokens", &other)]).await, &codes::FIELDS_INVALID);
    assert_eq!(fields(&error), ["client_secret"]);
    let anew = [("tokens", other.as_str()), ("client_secret", "another")];
    edit(&anew).await.unwrap();
    edit(&[("tokens", &authority.host()), ("client_secret", "planted-client-secret")])
        .await
        .unwrap();
    edit(&[("client_id", "the-hub-2")]).await.unwrap();
    // What an account is called with would follow.
    log_in(&world, &authority, &caller, &config).await;
    let error = refused(edit(&anew).await, &codes::FIELDS_INVALID);
    assert_eq!(fields(&error), ["tokens"]);
    assert!(error.message().contains("1 linked account of this auth config"), "{error}");
    assert_eq!(evil.calls(), 0);
}

async fn threat_14_an_account_is_not_moved_to_a_set_up_that_leads_elsewhere(mut world: TestHub) {
    let (caller, authority, evil) = set_up(&mut world).await;
    let config = set_up_by(&world, &caller, "oauth2", &authority.host()).await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let mut same = config_like(&authority.host());
    same.name = Some("same".to_owned());
    let same = world.add(&caller, same).await;
    let elsewhere = world.add(&caller, config_like(&evil.host())).await;
    let hub = &world.hub;
    let to = |config: &AuthConfig| accounts::Changes {
        auth_config: Some(config.id.clone()),
        ..Default::default()
    };
    let answer = accounts::update(hub, &caller, &id, to(&elsewhere), Guard::default()).await;
    let error = refused(answer, &codes::ACCOUNT_STATE);
    assert!(error.message().contains(&evil.host()), "{error}");
    let moved = accounts::update(hub, &caller, &id, to(&same), Guard::default()).await.unwrap();
    assert!(moved.changed);
    assert_eq!(evil.calls(), 0);
}

/// A set-up of the login with a client of its own.
fn config_like(site: &str) -> auth_configs::New {
    let mut new = config("acme");
    new.method = Some("oauth2".parse().unwrap());
    new.name = Some(format!("another at {site}"));
    new.values = given(&[("client_id", "mine"), ("client_secret", "mine"), ("tokens", site)]);
    new
}

async fn threat_14_the_hubs_own_application_serves_no_host_that_was_filled_in(mut world: TestHub) {
    let (caller, authority, evil) = set_up(&mut world).await;
    let hub = &world.hub;
    let app = oauth_apps::New {
        connector: "acme".parse().unwrap(),
        client_id: "the-hubs-own".to_owned(),
        client_secret: secret("planted-client-secret"),
    };
    oauth_apps::set(hub, &caller, app, Guard::default()).await.unwrap();
    let mut new = config_like(&evil.host());
    new.values = given(&[("tokens", &evil.host())]);
    let answer = auth_configs::add(hub, &caller, new.clone(), Guard::default()).await;
    assert_eq!(fields(&refused(answer, &codes::FIELDS_INVALID)), ["client_id", "client_secret"]);
    new.values = Given::new();
    let added = auth_configs::add(hub, &caller, new, Guard::default()).await.unwrap();
    assert!(added.after.unwrap().uses_oauth_app);
    assert_eq!((authority.calls(), evil.calls()), (0, 0));
}
