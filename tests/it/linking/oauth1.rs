//! Logins by OAuth 1.0a, against a provider that checks every signature.

use hubctl::domain::attempt::AttemptState;
use hubctl::domain::auth_config::AuthConfig;
use hubctl::domain::caller::Caller;
use hubctl::error::codes;
use hubctl::hub::auth_configs::Given;
use hubctl::hub::connectors::import_on_loopback;
use hubctl::hub::oauth::{self, Begun, Ended, Returned};
use hubctl::hub::write::Guard;
use hubctl::hub::{accounts, connect_sessions};
use hubctl::provider;
use url::Url;

use super::user_of_provider;
use crate::support::asked::{config, given};
use crate::support::hub::{TestHub, on_both_databases, refused};
use crate::support::signer::{CONSUMER, Signer, connector};

on_both_databases!(
    a_login_by_oauth_1_links_an_account_that_is_called_signed,
    a_login_by_oauth_1_that_is_denied_or_not_its_own_links_nothing,
    an_application_that_the_provider_does_not_know_is_told,
    cs_39_a_login_that_can_not_begin_is_over,
);

const ROOT: &str = "https://signed.example";

async fn set_up(world: &mut TestHub, secret: &str) -> (Caller, Signer, AuthConfig) {
    let (caller, signer) = (world.caller(), Signer::start());
    let allowed = vec!["127.0.0.0/8".parse().unwrap()];
    world.hub =
        world.hub.clone().with_provider(provider::Options { allowed, ..Default::default() });
    let address = signer.server.url().trim_start_matches("http://").parse().unwrap();
    let definition = connector(ROOT);
    let place = (ROOT, address);
    import_on_loopback(&world.hub, &caller, &definition, place, Guard::default()).await.unwrap();
    let mut new = config("signed");
    new.values = given(&[("consumer_key", CONSUMER.0), ("consumer_secret", secret)]);
    let config = world.add(&caller, new).await;
    (caller, signer, config)
}

async fn begin(world: &TestHub, caller: &Caller, config: &AuthConfig) -> Begun {
    let user = user_of_provider(world, caller, "acme-7", "signed").await;
    oauth::begin(&world.hub, &user, &config.id, None, Given::new(), None).await.unwrap()
}

/// What the provider's page sends a browser back with.
async fn answered(begun: &Begun, answer: &str) -> Vec<(String, String)> {
    let plain = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap();
    let mut page = begun.location.clone();
    page.query_pairs_mut().append_pair("answer", answer);
    let sent = plain.get(page).send().await.unwrap();
    assert_eq!(sent.status(), 302);
    let back: Url = sent.headers()["location"].to_str().unwrap().parse().unwrap();
    let at = "http://127.0.0.1:4780/connect/oauth2/signed/callback?";
    assert!(back.as_str().starts_with(at), "{back}");
    back.query_pairs().into_owned().collect()
}

async fn finish(world: &TestHub, begun: &Begun, query: &[(String, String)]) -> Ended {
    let returned = Returned { provider: "signed", query, binding: Some(&begun.binding) };
    oauth::finish(&world.hub, returned).await.unwrap()
}

async fn a_login_by_oauth_1_links_an_account_that_is_called_signed(mut world: TestHub) {
    let (caller, signer, config) = set_up(&mut world, CONSUMER.1).await;
    let begun = begin(&world, &caller, &config).await;
    let location = begun.location.as_str();
    assert!(location.contains("oauth_token=tmp%2F1") && location.contains("name=hubctl"));
    assert!(!location.contains("planted") && !location.contains("state="), "{location}");
    let query = answered(&begun, "yes").await;
    let ended = finish(&world, &begun, &query).await;
    let AttemptState::Authenticated { account: id } = ended.attempt.state else {
        panic!("{ended:?} {:?}", signer.refused())
    };
    let routes = signer.server.routes();
    assert_eq!(routes[0], "POST /request_token");
    assert_eq!(routes[routes.len() - 2..], ["POST /access_token", "GET /api/me"]);
    assert_eq!(signer.refused(), [""; 0]);
    // The account works, and is told when it does not any more.
    accounts::test(&world.hub, &caller, &id, Guard::default()).await.unwrap();
    assert_eq!(
        accounts::get(&world.hub, &caller, &id).await.unwrap().account.verified_at,
        Some(world.now())
    );
    let dump = format!("{:?}", world.dump());
    for planted in signer.secrets().iter().map(String::as_str).chain([CONSUMER.1, "verifier+5"]) {
        assert!(!dump.contains(planted), "{planted}");
    }
    // A code is worth something once.
    let returned = Returned { provider: "signed", query: &query, binding: Some(&begun.binding) };
    refused(oauth::finish(&world.hub, returned).await, &codes::OAUTH_BAD_STATE);
    signer.forget();
    let tested = accounts::test(&world.hub, &caller, &id, Guard::default()).await;
    refused(tested, &codes::PROVIDER_REFUSED);
    assert_eq!(world.number("select count(*) from accounts"), 1);
}

async fn a_login_by_oauth_1_that_is_denied_or_not_its_own_links_nothing(mut world: TestHub) {
    let (caller, signer, config) = set_up(&mut world, CONSUMER.1).await;
    let begun = begin(&world, &caller, &config).await;
    let ended = finish(&world, &begun, &answered(&begun, "no").await).await;
    let AttemptState::Failed { code, .. } = &ended.attempt.state else { panic!("{ended:?}") };
    assert_eq!(code, "access_denied");
    // Another login's token in the answer: nothing is exchanged.
    let (one, other) =
        (begin(&world, &caller, &config).await, begin(&world, &caller, &config).await);
    let state = |query: Vec<(String, String)>| query.into_iter().find(|(name, _)| name == "state");
    let mut mixed = answered(&other, "yes").await;
    mixed.retain(|(name, _)| name != "state");
    mixed.extend(state(answered(&one, "yes").await));
    let ended = finish(&world, &one, &mixed).await;
    assert!(matches!(ended.attempt.state, AttemptState::Failed { .. }), "{ended:?}");
    assert!(!signer.server.routes().contains(&"POST /access_token".to_owned()));
    // A verifier that is not the provider's word.
    let third = begin(&world, &caller, &config).await;
    let mut wrong = answered(&third, "yes").await;
    for (name, value) in &mut wrong {
        if name == "oauth_verifier" {
            "guessed".clone_into(value);
        }
    }
    let ended = finish(&world, &third, &wrong).await;
    let AttemptState::Failed { code, .. } = &ended.attempt.state else { panic!("{ended:?}") };
    assert_eq!(code, codes::PROVIDER_REFUSED.name);
    assert_eq!(signer.refused(), ["POST /access_token: not allowed by the user"]);
    assert_eq!(world.number("select count(*) from accounts"), 0);
}

async fn an_application_that_the_provider_does_not_know_is_told(mut world: TestHub) {
    let (caller, signer, config) = set_up(&mut world, "planted-wrong").await;
    let user = user_of_provider(&world, &caller, "acme-7", "signed").await;
    let begun = oauth::begin(&world.hub, &user, &config.id, None, Given::new(), None).await;
    let error = begun.unwrap_err();
    assert!(!format!("{error:?} {error}").contains("planted"), "{error:?}");
    assert_eq!(signer.refused(), ["POST /request_token: a wrong signature"]);
    assert_eq!(world.number("select count(*) from accounts"), 0);
}

async fn cs_39_a_login_that_can_not_begin_is_over(mut world: TestHub) {
    let (caller, signer, config) = set_up(&mut world, CONSUMER.1).await;
    drop(signer);
    let (hub, id) = (&world.hub, &config.id);
    let named = user_of_provider(&world, &caller, "acme-7", "signed").await;
    let attempt = oauth::create(hub, &named).await.unwrap();
    let unnamed = user_of_provider(&world, &caller, "globex-1", "signed").await;
    for (user, attempt) in [(&named, Some(&attempt.id)), (&unnamed, None)] {
        let begun = oauth::begin(hub, user, id, attempt, Given::new(), None).await;
        refused(begun, &codes::PROVIDER_UNREACHABLE);
        let seen = connect_sessions::get(hub, &caller, user.session.id).await.unwrap();
        let AttemptState::Failed { code, .. } = seen.attempt.unwrap().state else { panic!() };
        assert_eq!(code, codes::PROVIDER_UNREACHABLE.name);
    }
    assert_eq!(world.number("select count(*) from connection_attempts"), 2);
}
