//! Tokens: each grant, each quirk of vendors, and what failures mean.

use hubctl::domain::connector::{Connector, Template};
use hubctl::domain::credentials::{Tokens, UNGRANTED, Values};
use hubctl::domain::provider_failure::{Class, ProviderFailure};
use hubctl::domain::secret::Secret;
use hubctl::provider::Callback;
use serde_json::{Value, json};

use super::{connector, now, provider, target, values};
use crate::support::http::{FakeHub, Reply};

fn oauth(base: &str, more: &Value) -> Connector {
    let mut method = json!({
        "type": "oauth2_authorization_code", "config_fields": [],
        "setup_fields": [
            {"key": "clientId", "label": "Id", "type": "text", "required": true},
            {"key": "clientSecret", "label": "Secret", "type": "password", "required": true},
            {"key": "scopes", "label": "Scopes", "type": "text"}
        ],
        "authorization": {"type": "bearer", "token": "${access_token}"},
        "authorization_url": "https://login.example/authorize",
        "token_url": format!("{base}/token?k=1"), "token_auth_method": "basic", "refresh": true
    });
    for (name, value) in more.as_object().unwrap() {
        method[name] = value.clone();
    }
    connector(base, &method, &Value::Null)
}

fn client() -> Values {
    values(&[("clientId", "my id"), ("clientSecret", "hunter2:x")])
}

fn good() -> Reply {
    Reply::json(
        200,
        &json!({"access_token": "new-at", "refresh_token": "new-rt", "expires_in": 60}),
    )
}

async fn exchange(
    acme: &Connector,
    values: &Values,
    query: &[(&str, &str)],
) -> Result<Tokens, ProviderFailure> {
    let query: Vec<_> = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let (code, verifier) = (Secret::new("the-code"), Secret::new("the-verifier"));
    let redirect_uri = "https://hub.example/cb";
    let callback = Callback { code: &code, redirect_uri, verifier: Some(&verifier), query: &query };
    provider().exchange(target(acme, values), callback, now()).await
}

fn form(body: &[u8]) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = url::form_urlencoded::parse(body)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    pairs.sort();
    pairs
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

#[tokio::test]
async fn oa_12_a_code_is_exchanged_with_its_verifier() {
    let hub = FakeHub::start(|_, _| good());
    let acme = oauth(&hub.url(), &json!({"token_headers": {"X-V": "1"}}));
    let tokens = exchange(&acme, &client(), &[]).await.unwrap();
    assert_eq!(tokens.access_token, Secret::new("new-at"));
    assert_eq!(tokens.refresh_token, Some(Secret::new("new-rt")));
    assert_eq!(tokens.expires_at, Some(now().plus_seconds(60)));
    let [asked] = hub.asked().try_into().unwrap();
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/token?k=1"));
    // `my+id:hunter2%3Ax`, each part encoded before they are joined.
    assert_eq!(asked.header("authorization"), "Basic bXkraWQ6aHVudGVyMiUzQXg=");
    assert_eq!(asked.header("x-v"), "1");
    assert_eq!(asked.header("accept"), "application/json");
    assert_eq!(
        form(&asked.body),
        pairs(&[
            ("code", "the-code"),
            ("code_verifier", "the-verifier"),
            ("grant_type", "authorization_code"),
            ("redirect_uri", "https://hub.example/cb"),
        ])
    );
}

#[tokio::test]
async fn values_are_captured_from_answer_callback_and_look_ups() {
    let hub = FakeHub::start(|asked, _| match asked.route().as_str() {
        "POST /token" => Reply::json(
            200,
            &json!({"access_token": "at", "instance": {"url": "https://i.example"}}),
        ),
        "GET /sites" => Reply::json(200, &json!([{"id": 17, "name": "Site"}])),
        "POST /session" => Reply::json(200, &json!({"rest": "r"})),
        _ => Reply::json(404, &json!({})),
    });
    let look_up = |key: &str, path: &str| {
        json!({"key": key, "from": "lookup", "path": path, "url": format!("{}/sites", hub.url()),
               "headers": {"Authorization": "OAuth ${access_token}"}})
    };
    let acme = oauth(
        &hub.url(),
        &json!({"captured": [
            {"key": "instance_url", "from": "token_response", "path": "instance.url"},
            {"key": "realm", "from": "callback_query", "path": "realmId"},
            look_up("site", "0.id"), look_up("site_name", "0.name"),
            {"key": "rest", "from": "lookup", "path": "rest", "method": "POST",
             "url": format!("{}/session?t=${{access_token}}", hub.url())}
        ]}),
    );
    let tokens = exchange(&acme, &client(), &[("realmId", "9"), ("code", "x")]).await.unwrap();
    let captured: Vec<_> = tokens.captured.iter().map(|(n, v)| (n.as_str(), v.expose())).collect();
    assert_eq!(
        captured,
        [
            ("instance_url", "https://i.example"),
            ("realm", "9"),
            ("rest", "r"),
            ("site", "17"),
            ("site_name", "Site")
        ]
    );
    // What the same call tells is asked once.
    assert_eq!(hub.routes(), ["POST /token", "GET /sites", "POST /session"]);
    assert_eq!(hub.asked()[1].header("authorization"), "OAuth at");
    assert_eq!(hub.asked()[2].param("t").as_deref(), Some("at"));
    // A renewed token makes a new session, and nothing else is asked again.
    let mut values = client();
    values.insert("refresh_token", Secret::new("old"));
    let tokens = provider().refresh(target(&acme, &values), now()).await.unwrap();
    assert_eq!(hub.routes()[3..], ["POST /token", "POST /session"]);
    assert!(!tokens.captured.contains_key("site"));
}

#[tokio::test]
async fn a_look_up_that_finds_nothing_ends_the_login() {
    let hub = FakeHub::start(|asked, _| match asked.route().as_str() {
        "POST /token" => good(),
        _ => Reply::json(200, &json!([])),
    });
    let acme = oauth(
        &hub.url(),
        &json!({"captured": [
            {"key": "site", "from": "lookup", "path": "0.id", "url": format!("{}/sites", hub.url())}
        ]}),
    );
    let failure = exchange(&acme, &client(), &[]).await.unwrap_err();
    assert_eq!(failure.class, Class::Refused);
    assert!(failure.message.contains("knows no `site`"), "{}", failure.message);
}

#[tokio::test]
async fn se_5_a_refused_look_up_does_not_repeat_the_new_token() {
    let hub = FakeHub::start(|asked, _| match asked.route().as_str() {
        "POST /token" => Reply::json(200, &json!({"access_token": "planted-new-token"})),
        _ => Reply::json(403, &json!({"message": "planted-new-token may not see sites"})),
    });
    let acme = oauth(
        &hub.url(),
        &json!({"captured": [
            {"key": "site", "from": "lookup", "path": "0.id", "url": format!("{}/sites", hub.url())}
        ]}),
    );
    let failure = exchange(&acme, &client(), &[]).await.unwrap_err();
    assert!(failure.message.contains("may not see sites"), "{}", failure.message);
    assert!(!failure.message.contains("planted"), "{}", failure.message);
}

#[tokio::test]
async fn oa_13_a_token_is_renewed_where_the_method_says() {
    let hub = FakeHub::start(|_, _| Reply::json(200, &json!({"access_token": "new-at"})));
    let refresh_url = format!("{}/refresh", hub.url());
    let acme = oauth(&hub.url(), &json!({"refresh_url": refresh_url, "token_auth_method": "post"}));
    let mut values = client();
    values.insert("refresh_token", Secret::new("old"));
    let tokens = provider().refresh(target(&acme, &values), now()).await.unwrap();
    assert_eq!((tokens.refresh_token, tokens.expires_at), (None, None));
    let [asked] = hub.asked().try_into().unwrap();
    assert_eq!(asked.path, "/refresh");
    assert_eq!(
        form(&asked.body),
        pairs(&[
            ("client_id", "my id"),
            ("client_secret", "hunter2:x"),
            ("grant_type", "refresh_token"),
            ("refresh_token", "old"),
        ])
    );
    // Without a refresh token nobody is asked.
    let failure = provider().refresh(target(&acme, &client()), now()).await.unwrap_err().failure;
    assert_eq!(failure.class, Class::Refused);
    assert_eq!(hub.asked().len(), 1);
}

#[tokio::test]
async fn oa_13_built_in_connectors_refresh_as_their_vendors_want_it() {
    for (key, path, authorization, members) in [
        (
            "basecamp",
            "/t",
            "",
            pairs(&[
                ("client_id", "my id"),
                ("client_secret", "hunter2:x"),
                ("grant_type", "refresh_token"),
                ("refresh_token", "old"),
                ("type", "refresh"),
            ]),
        ),
        (
            "keap",
            "/t",
            "Basic bXkraWQ6aHVudGVyMiUzQXg=",
            pairs(&[("grant_type", "refresh_token"), ("refresh_token", "old")]),
        ),
        (
            "dropboxsign",
            "/t?refresh",
            "",
            pairs(&[
                ("client_id", "my id"),
                ("client_secret", "hunter2:x"),
                ("grant_type", "refresh_token"),
                ("refresh_token", "old"),
            ]),
        ),
    ] {
        let hub = FakeHub::start(|_, _| Reply::json(200, &json!({"access_token": "new-at"})));
        let mut acme = Connector::clone(&hubctl::catalog::get(&key.parse().unwrap()).unwrap());
        acme.auth.retain(|method| method.key.as_str() == "oauth2");
        let method = &mut acme.auth[0];
        method.captured.clear();
        let token_url = method.token_url.clone().unwrap();
        // The vendor's address, on this machine.
        let moved = |url: &Template| {
            let moved = url.as_str().replacen(token_url.as_str(), &format!("{}/t", hub.url()), 1);
            Template::new(moved)
        };
        method.refresh_url = method.refresh_url.as_ref().map(moved);
        method.token_url = Some(moved(&token_url));
        let mut values = values(&[("client_id", "my id"), ("client_secret", "hunter2:x")]);
        values.insert("refresh_token", Secret::new("old"));
        let tokens = provider().refresh(target(&acme, &values), now()).await.unwrap();
        assert_eq!(tokens.access_token, Secret::new("new-at"));
        let [asked] = hub.asked().try_into().unwrap();
        assert_eq!((asked.path.as_str(), asked.header("authorization")), (path, authorization));
        assert_eq!(form(&asked.body), members, "{key}");
    }
}

#[tokio::test]
async fn client_credentials_in_json_with_members_of_the_definition() {
    let hub = FakeHub::start(|_, _| good());
    let more = json!({
        "type": "oauth2_client_credentials", "token_content_type": "application/json",
        "token_auth_method": "post", "default_scopes": ["a", "b"],
        "token_extra": {"grant_type": "account_credentials", "audience": "https://x.example"}
    });
    let acme = oauth(&hub.url(), &more);
    let tokens = provider().obtain(target(&acme, &client()), now()).await.unwrap().unwrap();
    assert_eq!(tokens.access_token, Secret::new("new-at"));
    let again = provider().refresh(target(&acme, &client()), now()).await.unwrap();
    assert_eq!(again.access_token, Secret::new("new-at"));
    let [asked, _] = hub.asked().try_into().unwrap();
    assert_eq!(
        asked.json(),
        json!({"grant_type": "account_credentials", "scope": "a b", "client_id": "my id",
               "client_secret": "hunter2:x", "audience": "https://x.example"})
    );
}

#[tokio::test]
async fn scopes_that_were_not_granted_are_noted_unless_the_definition_asks_in_its_own_way() {
    let hub = FakeHub::start(|_, _| {
        Reply::json(200, &json!({"access_token": "narrow", "expires_in": 60, "scope": "a"}))
    });
    for (more, is_noted) in [
        (json!({}), true),
        (json!({"authorization_params": {"include_granted_scopes": "true"}}), true),
        (json!({"authorization_params": {"user_scope": "c"}}), false),
        (json!({"authorization_params": {"scope": "c"}}), false),
        (json!({"token_extra": {"scope": "c"}}), false),
    ] {
        let mut method = json!({"default_scopes": ["a", "b"]});
        method.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let acme = oauth(&hub.url(), &method);
        let tokens = exchange(&acme, &client(), &[]).await.unwrap();
        assert_eq!(tokens.captured.contains_key(UNGRANTED), is_noted, "{more}");
    }
}

#[tokio::test]
async fn a_method_without_tokens_obtains_none() {
    let acme = connector("https://api.example", &json!({}), &Value::Null);
    let values = values(&[("api_key", "k")]);
    assert_eq!(provider().obtain(target(&acme, &values), now()).await, Ok(None));
}

#[tokio::test]
async fn a_login_call_gets_its_token_from_anywhere() {
    let hub = FakeHub::start(|asked, _| match asked.route().as_str() {
        "POST /login" => Reply::json(200, &json!({"data": {"token": "deep", "ends": "90"}})),
        _ => Reply::text(200, "text/plain", "\"bare\""),
    });
    let call = |url: &str, more: Value| {
        let mut call =
            json!({"method": "POST", "url": format!("{}{url}", hub.url()), "token_path": ""});
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let method = json!({"type": "custom", "token_request": call,
            "authorization": {"type": "bearer", "token": "${access_token}"}});
        connector(&hub.url(), &method, &Value::Null)
    };
    let given = values(&[("api_key", "k/&"), ("company", "c")]);
    let posted = call(
        "/login",
        json!({
            "body": {"auth": {"key": "${api_key}"}, "n": 1}, "basic": {"username": "${company}", "password": ""},
            "headers": {"X-C": "${company}"}, "token_path": "data.token", "expires_in_path": "data.ends"
        }),
    );
    let tokens = provider().obtain(target(&posted, &given), now()).await.unwrap().unwrap();
    assert_eq!(tokens.access_token, Secret::new("deep"));
    assert_eq!(tokens.expires_at, Some(now().plus_seconds(90)));
    let fetched = call("/key?k=${api_key}", json!({"method": "GET"}));
    let tokens = provider().refresh(target(&fetched, &given), now()).await.unwrap();
    assert_eq!(tokens.access_token, Secret::new("bare"));
    let [first, second] = hub.asked().try_into().unwrap();
    assert_eq!(first.json(), json!({"auth": {"key": "k/&"}, "n": 1}));
    assert_eq!((first.header("authorization"), first.header("x-c")), ("Basic Yzo=", "c"));
    assert_eq!(second.path, "/key?k=k%2F%26");
    assert!(second.body.is_empty());
}

#[tokio::test]
async fn oa_14_a_dead_grant_a_wrong_set_up_and_a_bad_moment_are_told_apart() {
    for (reply, class, code) in [
        (
            Reply::json(400, &json!({"error": "invalid_grant"})),
            Class::Refused,
            Some("invalid_grant"),
        ),
        (
            Reply::json(401, &json!({"error": "invalid_client"})),
            Class::Configuration,
            Some("invalid_client"),
        ),
        (
            Reply::json(200, &json!({"ok": false, "error": "invalid_refresh_token"})),
            Class::Refused,
            Some("invalid_refresh_token"),
        ),
        (Reply::json(429, &json!({})).header("retry-after", "5"), Class::Transient, None),
        (Reply::text(502, "text/html", "<html>"), Class::Transient, None),
        (Reply::text(403, "text/html", "<html>"), Class::Transient, None),
        (Reply::text(404, "text/html", "<html>"), Class::Configuration, None),
        (Reply::no_answer(), Class::Transient, None),
        (Reply::json(200, &json!({"access_token": "at"})).cut(), Class::Transient, None),
    ] {
        let waits = reply.clone();
        let hub = FakeHub::start(move |_, _| waits.clone());
        let acme = oauth(&hub.url(), &json!({}));
        let mut values = client();
        values.insert("refresh_token", Secret::new("old-token"));
        let failure = provider().refresh(target(&acme, &values), now()).await.unwrap_err().failure;
        assert_eq!(
            (failure.class, failure.code.as_deref()),
            (class, code),
            "{reply:?} {failure:?}"
        );
        if failure.status == Some(429) {
            assert_eq!(failure.retry_at, Some(now().plus_seconds(5)));
        }
    }
}

#[tokio::test]
async fn threat_32_a_failure_never_repeats_code_verifier_or_secret() {
    let hub = FakeHub::start(|asked, _| {
        let echo = String::from_utf8(asked.body.clone()).unwrap();
        Reply::json(400, &json!({"error": "invalid_grant", "error_description": echo}))
    });
    let acme = oauth(&hub.url(), &json!({"token_auth_method": "post"}));
    let failure = exchange(&acme, &client(), &[]).await.unwrap_err();
    let shown = format!("{failure:?}");
    for secret in ["the-code", "the-verifier", "hunter2"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("***"), "{shown}");
}

#[tokio::test]
async fn oauth_1_takes_its_three_steps() {
    let hub = FakeHub::start(|asked, _| match asked.route().as_str() {
        "POST /r" => Reply::text(
            200,
            "text/plain",
            "oauth_token=rt&oauth_token_secret=rs&oauth_callback_confirmed=true",
        ),
        "POST /a" => Reply::text(200, "text/plain", "oauth_token=at&oauth_token_secret=as"),
        _ => Reply::json(401, &json!({})),
    });
    let method = json!({
        "type": "custom",
        "authorization": {"type": "oauth1", "consumer_key": "${company}", "consumer_secret": "${api_key}",
            "token": "${oauth_token}", "token_secret": "${oauth_token_secret}"},
        "captured": [{"key": "oauth_token", "from": "oauth1_access_token"},
            {"key": "oauth_token_secret", "from": "oauth1_access_token"}],
        "token_request": {"request_token_url": format!("{}/r", hub.url()),
            "authorization_url": "https://t.example/login", "access_token_url": format!("{}/a", hub.url())}
    });
    let acme = connector(&hub.url(), &method, &Value::Null);
    let mut values = values(&[("api_key", "cs"), ("company", "ck")]);
    let callback_url = "https://hub.example/cb?state=s";
    let request =
        provider().request_token(target(&acme, &values), callback_url, now()).await.unwrap();
    assert_eq!(request.get("oauth_token"), Some("rt"));
    values.extend(std::collections::BTreeMap::from(request));
    let foreign = exchange(&acme, &values, &[("oauth_token", "other")]).await.unwrap_err();
    assert_eq!(foreign.class, Class::BadAnswer);
    let tokens = exchange(&acme, &values, &[("oauth_token", "rt")]).await.unwrap();
    assert_eq!(tokens.captured["oauth_token"], Secret::new("at"));
    assert_eq!(tokens.captured["oauth_token_secret"], Secret::new("as"));
    let [first, second] = hub.asked().try_into().unwrap();
    let first = first.header("authorization");
    assert!(
        first.contains("oauth_callback=\"https%3A%2F%2Fhub.example%2Fcb%3Fstate%3Ds\""),
        "{first}"
    );
    let second = second.header("authorization");
    assert!(
        second.contains("oauth_verifier=\"the-code\"") && second.contains("oauth_token=\"rt\""),
        "{second}"
    );
}
