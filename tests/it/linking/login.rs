//! Logins at a provider: state, binding, once, and what becomes of the attempt.

use std::time::Duration;

use hubctl::domain::attempt::{AttemptState, LIFE_S};
use hubctl::domain::connect_session::NewSession;
use hubctl::domain::project::AppOrigins;
use hubctl::error::codes;
use hubctl::hub::auth_configs::Given;
use hubctl::hub::oauth::{self, Begun, Returned};
use hubctl::hub::refresh::{self, Want};
use hubctl::hub::write::Guard;
use hubctl::hub::{connect_sessions, projects};
use tokio::time::timeout;

use super::{
    account, add_to, begin, come_back, events, log_in, member, query, secret, set_up, user, user_of,
};
use crate::support::asked::{session, session_with};
use crate::support::authority::Authority;
use crate::support::http::Reply;
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    oa_5_a_login_links_an_account_with_fresh_tokens,
    threat_01_a_state_that_is_unknown_empty_or_repeated,
    threat_01_threat_37_a_state_that_is_no_logins_keeps_no_writer_waiting,
    ac_40_one_callback_serves_all_auth_configs_of_a_connector,
    threat_02_two_callbacks_at_once_exchange_one_code,
    threat_03_a_callback_after_the_life_of_its_attempt,
    threat_04_threat_05_a_login_ends_in_the_browser_that_began_it,
    threat_06_another_issuer_is_refused,
    threat_06_a_login_without_an_issuer_takes_no_answer_of_another,
    threat_07_a_login_returns_to_registered_origins_only,
    oa_6_to_oa_8_denied_and_cancelled_logins_link_nothing,
    oa_8_a_login_cancelled_while_its_code_is_exchanged_links_nothing,
    threat_10_a_login_links_nothing_new_once_its_auth_config_is_disabled,
    oa_17_tokens_that_do_not_work_link_nothing,
    a_login_that_fails_leaves_the_grant_of_the_owners_account_alone,
    cs_29_a_login_may_outlive_its_session_but_not_its_revocation,
    oa_16_a_login_in_edit_mode_renews_the_account,
);

async fn oa_5_a_login_links_an_account_with_fresh_tokens(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let hub = &world.hub;
    let attempt = oauth::create(hub, &user).await.unwrap();
    assert_eq!(attempt.state, AttemptState::Pending, "OA-3");
    let begun =
        oauth::begin(hub, &user, &config.id, Some(&attempt.id), Given::new(), None).await.unwrap();
    assert_eq!(begun.attempt, attempt.id);
    let expected = [
        ("response_type", "code"),
        ("client_id", "the-hub"),
        ("redirect_uri", "http://127.0.0.1:4780/connect/oauth2/acme/callback"),
        ("scope", "read"),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in expected {
        assert_eq!(member(&begun, name).as_deref(), Some(value), "{name}");
    }
    authority.challenged(member(&begun, "code_challenge"));
    let ended = come_back(hub, &begun, "good").await;
    let AttemptState::Authenticated { account: id } = ended.attempt.state else {
        panic!("{ended:?}")
    };
    assert_eq!((ended.connector.as_str(), ended.return_to), ("Acme", None));
    let linked = account(&world, &caller, &id).await;
    assert_eq!(linked.verified_at, Some(world.now()));
    assert_eq!(linked.setup["site"], "main");
    let seen = connect_sessions::get(hub, &caller, user.session.id).await.unwrap();
    assert_eq!(seen.session.linked_account.as_ref(), Some(&id));
    let latest = seen.attempt.unwrap();
    assert_eq!(latest.state, AttemptState::Authenticated { account: id.clone() }, "CS-38");
    let usable = refresh::usable(hub, &caller, &id, Want::Usable).await.unwrap();
    assert!(authority.works(usable.values.get("access_token").unwrap()));
    assert_eq!(authority.token_calls(), 1);
    // Nothing of the login stays readable in the store.
    let dump = format!("{:?}", world.dump());
    for planted in ["access-1", "refresh-1", "planted-client-secret", begun.binding.expose()] {
        assert!(!dump.contains(planted), "{planted}");
    }
    assert!(!dump.contains(&member(&begun, "state").unwrap()));
}

async fn refuses_state(world: &TestHub, query: &[(String, String)], binding: Option<&str>) {
    let binding = binding.map(secret);
    let returned = Returned { provider: "acme", query, binding: binding.as_ref() };
    refused(oauth::finish(&world.hub, returned).await, &codes::OAUTH_BAD_STATE);
}

async fn threat_01_a_state_that_is_unknown_empty_or_repeated(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let state = member(&begun, "state").unwrap();
    let binding = begun.binding.expose().to_owned();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let unknown = format!("hst_99_{}", &state[state.len() - 43..]);
    let cut = state[..state.len() - 1].to_owned();
    for bad in ["", "x", "stackone", &unknown, &cut, &format!("{state}A"), &format!(" {state}")] {
        refuses_state(&world, &[pair("code", "good"), pair("state", bad)], Some(&binding)).await;
    }
    refuses_state(&world, &[pair("code", "good")], Some(&binding)).await;
    let twice = [pair("code", "good"), pair("state", &state), pair("state", &state)];
    refuses_state(&world, &twice, Some(&binding)).await;
    // AC-40: the callback of another connector.
    let right = query(&begun, &[("code", "good")]);
    let returned = Returned { provider: "hubspot", query: &right, binding: Some(&begun.binding) };
    refused(oauth::finish(&world.hub, returned).await, &codes::OAUTH_BAD_STATE);
    assert_eq!(authority.token_calls(), 0);
    // OA-10: a login that begins anew makes the first state worthless.
    let again =
        oauth::begin(&world.hub, &user, &config.id, Some(&begun.attempt), Given::new(), None);
    let again = again.await.unwrap();
    refuses_state(&world, &right, Some(&binding)).await;
    authority.challenged(member(&again, "code_challenge"));
    let ended = come_back(&world.hub, &again, "good").await;
    assert!(matches!(ended.attempt.state, AttemptState::Authenticated { .. }));
}

async fn threat_01_threat_37_a_state_that_is_no_logins_keeps_no_writer_waiting(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let other = begin(&world.hub, &authority, &user, &config).await;
    let [state, theirs] = [&begun, &other].map(|begun| member(begun, "state").unwrap());
    let (row, secret) = state.split_at(state.len() - 43);
    let hub = world.impatient();
    let writer = world.hub.store().begin_write().await.unwrap();
    for wrong in [
        // A row that is there, one that is not, and no state at all.
        format!("{row}{}", &theirs[theirs.len() - 43..]),
        format!("hst_99_{secret}"),
        "x".to_owned(),
    ] {
        let query = [("code".to_owned(), "good".to_owned()), ("state".to_owned(), wrong)];
        let returned = Returned { provider: "acme", query: &query, binding: Some(&begun.binding) };
        let answer = timeout(Duration::from_secs(10), oauth::finish(&hub, returned)).await;
        let error = refused(answer.expect("it waits for the writer"), &codes::OAUTH_BAD_STATE);
        assert!(oauth::is_guess(&error), "{error:?}");
    }
    drop(writer);
    // Whoever comes back to a login that is done has not guessed.
    authority.challenged(member(&begun, "code_challenge"));
    come_back(&world.hub, &begun, "good").await;
    let query = query(&begun, &[("code", "good")]);
    let returned = Returned { provider: "acme", query: &query, binding: Some(&begun.binding) };
    // Nor does a writer wait for them, however often they come.
    let writer = world.hub.store().begin_write().await.unwrap();
    let answer = timeout(Duration::from_secs(10), oauth::finish(&hub, returned)).await;
    let error = refused(answer.expect("it waits for the writer"), &codes::OAUTH_BAD_STATE);
    assert!(!oauth::is_guess(&error), "{error:?}");
    drop(writer);
}

async fn ac_40_one_callback_serves_all_auth_configs_of_a_connector(mut world: TestHub) {
    let (caller, authority, first) = set_up(&mut world, "oauth2").await;
    let second = add_to("acme", &world, &caller, "oauth2", "second").await;
    let mut begun = Vec::new();
    for (owner, config) in [("acme-7", &first), ("globex-1", &second)] {
        let auth_config = Some(config.id.clone());
        let new = NewSession { auth_config, ..session_with(owner, "acme") };
        let user = user(&world, &caller, new).await;
        begun.push((begin(&world.hub, &authority, &user, config).await, config));
    }
    let address = |begun: &Begun| member(begun, "redirect_uri");
    assert_eq!(address(&begun[0].0), address(&begun[1].0));
    // The state alone tells them apart, in whatever order they come back.
    for (begun, config) in begun.iter().rev() {
        authority.challenged(member(begun, "code_challenge"));
        let ended = come_back(&world.hub, begun, "good").await;
        let AttemptState::Authenticated { account: id } = ended.attempt.state else {
            panic!("{ended:?}")
        };
        assert_eq!(account(&world, &caller, &id).await.auth_config, config.id);
    }
}

async fn threat_02_two_callbacks_at_once_exchange_one_code(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let other = authority.reached_by(world.another());
    let query = query(&begun, &[("code", "good")]);
    let returned = || Returned { provider: "acme", query: &query, binding: Some(&begun.binding) };
    let (a, b, c) = tokio::join!(
        oauth::finish(&world.hub, returned()),
        oauth::finish(&other, returned()),
        oauth::finish(&world.hub, returned()),
    );
    let fine = [&a, &b, &c].into_iter().filter(|answer| answer.is_ok()).count();
    assert_eq!((fine, authority.token_calls()), (1, 1));
    refuses_state(&world, &query, Some(begun.binding.expose())).await;
    assert_eq!((authority.token_calls(), events(&world, "account.created")), (1, 1));
}

async fn threat_03_a_callback_after_the_life_of_its_attempt(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    world.clock.advance_seconds(LIFE_S);
    let seen = oauth::get(&world.hub, &user, &begun.attempt).await.unwrap();
    assert_eq!(seen.state, AttemptState::Expired, "OA-9");
    let query = query(&begun, &[("code", "good")]);
    refuses_state(&world, &query, Some(begun.binding.expose())).await;
    let seen = oauth::get(&world.hub, &user, &begun.attempt).await.unwrap();
    assert_eq!((seen.state, authority.token_calls()), (AttemptState::Expired, 0));
    let answer =
        oauth::begin(&world.hub, &user, &config.id, Some(&begun.attempt), Given::new(), None);
    refused(answer.await, &codes::ATTEMPT_OVER);
}

async fn threat_04_threat_05_a_login_ends_in_the_browser_that_began_it(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    for forge in 0..4 {
        let begun = begin(&world.hub, &authority, &user, &config).await;
        let other = begin(&world.hub, &authority, &user, &config).await;
        let state = member(&begun, "state").unwrap();
        let forged = match forge {
            0 => None,
            1 => Some(secret(&state)),
            2 => Some(secret(&state[state.len() - 43..])),
            _ => Some(other.binding.clone()),
        };
        let query = query(&begun, &[("code", "good")]);
        let returned = Returned { provider: "acme", query: &query, binding: forged.as_ref() };
        refused(oauth::finish(&world.hub, returned).await, &codes::OAUTH_WRONG_BROWSER);
        let seen = oauth::get(&world.hub, &user, &begun.attempt).await.unwrap();
        let is_failed = matches!(&seen.state, AttemptState::Failed { code, .. }
            if code == "oauth.wrong_browser");
        assert!(is_failed, "{:?}", seen.state);
        // The right browser is too late now.
        refuses_state(&world, &query, Some(begun.binding.expose())).await;
    }
    assert_eq!((authority.token_calls(), world.number("select count(*) from accounts")), (0, 0));
}

async fn threat_06_another_issuer_is_refused(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let foreign = query(&begun, &[("code", "good"), ("iss", "https://evil.example")]);
    refuses_state(&world, &foreign, Some(begun.binding.expose())).await;
    let seen = oauth::get(&world.hub, &user, &begun.attempt).await.unwrap();
    let is_told = matches!(&seen.state, AttemptState::Failed { code, .. }
        if code == "issuer_mismatch");
    assert!(is_told, "{:?}", seen.state);
    assert_eq!((authority.token_calls(), world.number("select count(*) from accounts")), (0, 0));
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let own = query(&begun, &[("code", "good"), ("iss", "https://id.acme.example")]);
    let returned = Returned { provider: "acme", query: &own, binding: Some(&begun.binding) };
    let ended = oauth::finish(&world.hub, returned).await.unwrap();
    assert!(matches!(ended.attempt.state, AttemptState::Authenticated { .. }));
}

async fn threat_06_a_login_without_an_issuer_takes_no_answer_of_another(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "session").await;
    let elsewhere = Authority::start();
    elsewhere.welcome_as("other", &mut world, &caller).await;
    let other = add_to("other", &world, &caller, "oauth2", "other").await;
    let user = user(&world, &caller, session("acme-7")).await;
    let foreign = [("code", "good"), ("iss", "https://id.acme.example")];
    // Two methods have one callback: who was asked is told by the issuer alone.
    let begun = begin(&world.hub, &authority, &user, &config).await;
    refuses_state(&world, &query(&begun, &foreign), Some(begun.binding.expose())).await;
    let seen = oauth::get(&world.hub, &user, &begun.attempt).await.unwrap();
    let is_told = matches!(&seen.state, AttemptState::Failed { code, .. }
        if code == "issuer_mismatch");
    assert!(is_told, "{:?}", seen.state);
    // Another connector's answer comes to another callback, where the state is none.
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let theirs = begin(&world.hub, &elsewhere, &user, &other).await;
    for (login, provider) in [(&begun, "other"), (&theirs, "acme")] {
        for more in [&foreign[..1], &foreign] {
            let brought = query(login, more);
            let binding = Some(&login.binding);
            let returned = Returned { provider, query: &brought, binding };
            refused(oauth::finish(&world.hub, returned).await, &codes::OAUTH_BAD_STATE);
        }
    }
    let asked = authority.token_calls() + elsewhere.token_calls();
    assert_eq!((asked, world.number("select count(*) from accounts")), (0, 0));
    // What nobody else is known by is taken for its own.
    let own = query(&begun, &[("code", "good"), ("iss", "https://login.acme.example")]);
    let returned = Returned { provider: "acme", query: &own, binding: Some(&begun.binding) };
    let ended = oauth::finish(&world.hub, returned).await.unwrap();
    assert!(matches!(ended.attempt.state, AttemptState::Authenticated { .. }), "{ended:?}");
}

async fn threat_07_a_login_returns_to_registered_origins_only(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let changes = projects::Changes {
        app_origins: Some(AppOrigins::new(["https://app.acme.example".parse().unwrap()])),
        ..Default::default()
    };
    let name = "default".parse().unwrap();
    projects::update(&world.hub, &caller, &name, changes, Guard::default()).await.unwrap();
    let hub = world.hub.clone().with_app_origins(vec!["http://127.0.0.1:3000".parse().unwrap()]);
    for (asked, kept) in [
        ("https://app.acme.example/embedded/accounts/callback", true),
        ("http://127.0.0.1:3000/cb", true),
        ("https://app.stackone.com/embedded/accounts/callback", false),
        ("https://app.acme.example.evil.example/", false),
        ("https://app.acme.example@evil.example/", false),
        ("https://app.acme.example:444/", false),
        ("javascript:alert(1)", false),
    ] {
        let user = user_of(&world, &caller, "acme-7").await;
        let begun =
            oauth::begin(&hub, &user, &config.id, None, Given::new(), Some(asked)).await.unwrap();
        authority.challenged(member(&begun, "code_challenge"));
        let ended = come_back(&hub, &begun, "good").await;
        // The flow succeeds all the same: whoever began it learns so by asking.
        assert!(matches!(ended.attempt.state, AttemptState::Authenticated { .. }), "{asked}");
        let expected = kept.then(|| asked.parse::<url::Url>().unwrap());
        assert_eq!(ended.return_to, expected, "{asked}");
    }
}

async fn oa_6_to_oa_8_denied_and_cancelled_logins_link_nothing(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let hub = &world.hub;
    let begun = begin(hub, &authority, &user, &config).await;
    let denied =
        query(&begun, &[("error", "access_denied"), ("error_description", "not\u{1b}[2J today")]);
    let returned = Returned { provider: "acme", query: &denied, binding: Some(&begun.binding) };
    let ended = oauth::finish(hub, returned).await.unwrap();
    let told = AttemptState::Failed {
        code: "access_denied".to_owned(),
        description: Some("not [2J today".to_owned()),
    };
    assert_eq!(ended.attempt.state, told, "OA-6");
    let kept = oauth::cancel(hub, &user, &begun.attempt).await.unwrap();
    assert_eq!(kept.state, told, "OA-4, OA-7");
    let begun = begin(hub, &authority, &user, &config).await;
    let cancelled = oauth::cancel(hub, &user, &begun.attempt).await.unwrap();
    assert_eq!(cancelled.state, AttemptState::Cancelled);
    let right = query(&begun, &[("code", "good")]);
    refuses_state(&world, &right, Some(begun.binding.expose())).await;
    let begun = begin(hub, &authority, &user, &config).await;
    let ended = come_back(hub, &begun, "bad").await;
    assert!(matches!(ended.attempt.state, AttemptState::Failed { .. }), "{ended:?}");
    assert_eq!(world.number("select count(*) from accounts"), 0);
    // HB-14: another session does not see the attempt.
    let other = user_of(&world, &caller, "globex-1").await;
    refused(oauth::get(hub, &other, &begun.attempt).await, &codes::ATTEMPT_UNKNOWN);
    refused(oauth::cancel(hub, &other, &begun.attempt).await, &codes::ATTEMPT_UNKNOWN);
}

async fn oa_8_a_login_cancelled_while_its_code_is_exchanged_links_nothing(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    let hub = &world.hub;
    let begun = begin(hub, &authority, &user, &config).await;
    let mut gate = authority.gate();
    let cancel = async {
        gate.wait().await;
        let cancelled = oauth::cancel(hub, &user, &begun.attempt).await.unwrap();
        assert_eq!(cancelled.state, AttemptState::Cancelled);
        gate.open();
    };
    let (ended, ()) = tokio::join!(come_back(hub, &begun, "good"), cancel);
    assert_eq!(ended.attempt.state, AttemptState::Cancelled);
    assert_eq!(world.number("select count(*) from accounts"), 0);
    assert!(authority.revocations() > 0 && !authority.works("access-1"));
}

async fn threat_10_a_login_links_nothing_new_once_its_auth_config_is_disabled(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let known = log_in(&world, &authority, &caller, &config).await;
    let calls = authority.calls();
    let fresh = user_of(&world, &caller, "brand-8").await;
    let begun = begin(&world.hub, &authority, &fresh, &config).await;
    let again = user_of(&world, &caller, "acme-7").await;
    let renewing = begin(&world.hub, &authority, &again, &config).await;
    world.disable(&caller, "oauth2").await;
    let ended = come_back(&world.hub, &begun, "good").await;
    let AttemptState::Failed { code, description } = ended.attempt.state else { panic!() };
    assert_eq!(code, "connector.not_enabled");
    assert!(description.unwrap().contains("is disabled"));
    assert_eq!(authority.calls(), calls, "the provider is not asked");
    assert_eq!(world.number("select count(*) from accounts"), 1);
    // AT-8: an account that there is may be linked again.
    authority.challenged(member(&renewing, "code_challenge"));
    let ended = come_back(&world.hub, &renewing, "good").await;
    assert_eq!(ended.attempt.state, AttemptState::Authenticated { account: known });
}

async fn oa_17_tokens_that_do_not_work_link_nothing(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let user = user_of(&world, &caller, "acme-7").await;
    authority.answers_to_me(Some(Reply::json(403, &serde_json::json!({"message": "no seat"}))));
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let ended = come_back(&world.hub, &begun, "good").await;
    let AttemptState::Failed { code, description } = ended.attempt.state else { panic!() };
    assert_eq!(code, "provider.refused");
    assert!(description.unwrap().contains("no seat"));
    assert_eq!(world.number("select count(*) from accounts"), 0);
    assert!(authority.revocations() > 0);
}

/// The form of neither session was that of the account, and the link would renew it or not.
async fn a_login_that_fails_leaves_the_grant_of_the_owners_account_alone(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    authority.answers_to_me(Some(Reply::json(503, &serde_json::json!({}))));
    let any = session("acme-7");
    let another = NewSession { multiple: true, ..session_with("acme-7", "acme") };
    for new in [any, another] {
        let user = user(&world, &caller, new).await;
        let begun = begin(&world.hub, &authority, &user, &config).await;
        let ended = come_back(&world.hub, &begun, "good").await;
        let AttemptState::Failed { code, .. } = ended.attempt.state else { panic!() };
        assert_eq!((code.as_str(), authority.revocations()), ("provider.unreachable", 0));
    }
    let usable = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    assert!(authority.works(usable.values.get("access_token").unwrap()));
    // Another owner has nothing to lose: their tokens are nobody's.
    let user = user(&world, &caller, session("globex-1")).await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let ended = come_back(&world.hub, &begun, "good").await;
    assert!(matches!(ended.attempt.state, AttemptState::Failed { .. }), "{ended:?}");
    assert!(authority.revocations() > 0 && !authority.works("access-4"));
}

async fn cs_29_a_login_may_outlive_its_session_but_not_its_revocation(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let mut short = session_with("acme-7", "acme");
    short.expires_in_s = 60;
    let user = user(&world, &caller, short).await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    world.clock.advance_seconds(120);
    let ended = come_back(&world.hub, &begun, "good").await;
    assert!(matches!(ended.attempt.state, AttemptState::Authenticated { .. }));
    let user = user_of(&world, &caller, "globex-1").await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let id = user.session.id;
    connect_sessions::revoke(&world.hub, &caller, id, Guard::default()).await.unwrap();
    let right = query(&begun, &[("code", "good")]);
    refuses_state(&world, &right, Some(begun.binding.expose())).await;
    assert_eq!((authority.token_calls(), events(&world, "account.created")), (1, 1));
}

async fn oa_16_a_login_in_edit_mode_renews_the_account(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    world.raw("update accounts set status = 'error'");
    let mut new = session_with("acme-7", "acme");
    new.account = Some(id.clone());
    let user = user(&world, &caller, new).await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let ended = come_back(&world.hub, &begun, "good").await;
    assert_eq!(ended.attempt.state, AttemptState::Authenticated { account: id.clone() });
    let usable = refresh::usable(&world.hub, &caller, &id, Want::Usable).await.unwrap();
    assert_eq!((usable.version, usable.values.get("access_token")), (2, Some("access-2")));
    assert_eq!((events(&world, "account.created"), events(&world, "account.updated")), (1, 1));
}
