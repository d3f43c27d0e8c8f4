//! Revocation (AT-20, RFC 7009).

use std::time::Instant;

use hubctl::server::Options;
use serde_json::{Value, json};

use super::{connector, now, provider, target, values};
use crate::support::http::{FakeHub, Reply};

fn method(url: Option<String>) -> Value {
    let mut method = json!({
        "type": "oauth2_authorization_code",
        "setup_fields": [
            {"key": "client_id", "label": "Id", "type": "text", "required": true},
            {"key": "client_secret", "label": "Secret", "type": "password"}
        ],
        "authorization": {"type": "bearer", "token": "${access_token}"},
        "authorization_url": "https://login.example/a", "token_url": "https://login.example/t"
    });
    if let Some(url) = url {
        method["revocation_url"] = url.into();
    }
    method
}

#[tokio::test]
async fn at_20_both_tokens_are_revoked_the_refresh_token_first() {
    let hub = FakeHub::script(vec![
        Reply::json(200, &json!({})),
        // The access token went with the refresh token.
        Reply::json(400, &json!({"error": "invalid_token"})),
        Reply::json(503, &json!({"message": "later, at-secret"})),
    ]);
    let acme = connector(&hub.url(), &method(Some(format!("{}/revoke", hub.url()))), &Value::Null);
    let given = [("client_id", "i"), ("client_secret", "s"), ("access_token", "at-secret")];
    let mut all = values(&given);
    all.extend(std::collections::BTreeMap::from(values(&[("refresh_token", "rt-secret")])));
    let told = provider().revoke(target(&acme, &all), now()).await;
    let told: Vec<_> = told.into_iter().map(|one| (one.token, one.outcome)).collect();
    assert_eq!(told, [("refresh_token", Ok(())), ("access_token", Ok(()))]);
    let bodies: Vec<_> =
        hub.asked().iter().map(|asked| String::from_utf8(asked.body.clone()).unwrap()).collect();
    assert_eq!(
        bodies,
        [
            "token=rt-secret&token_type_hint=refresh_token&client_id=i&client_secret=s",
            "token=at-secret&token_type_hint=access_token&client_id=i&client_secret=s",
        ]
    );
    let told = provider().revoke(target(&acme, &values(&given)), now()).await;
    let [one] = told.try_into().unwrap();
    let why = one.outcome.unwrap_err();
    assert!(why.contains("later, ***"), "{why}");
}

#[tokio::test]
async fn at_20_no_way_to_revoke_asks_nobody() {
    let acme = connector("https://api.example", &method(None), &Value::Null);
    let all = values(&[("access_token", "a"), ("client_id", "i")]);
    assert!(provider().revoke(target(&acme, &all), now()).await.is_empty());
}

#[tokio::test]
async fn at_20_a_provider_that_never_answers_is_not_waited_for_as_long_as_a_request_may_take() {
    let hub = FakeHub::script(vec![Reply::silence()]);
    let acme = connector(&hub.url(), &method(Some(format!("{}/revoke", hub.url()))), &Value::Null);
    let all = values(&[
        ("client_id", "i"),
        ("client_secret", "s"),
        ("access_token", "at-secret"),
        ("refresh_token", "rt-secret"),
    ]);
    let (began, limit) = (Instant::now(), Options::at(([127, 0, 0, 1], 0).into()).request_limit);
    let told = provider().revoke(target(&acme, &all), now()).await;
    assert_eq!(told.len(), 2, "both were asked");
    assert!(told.iter().all(|one| one.outcome.is_err()), "{told:?}");
    assert_eq!(hub.asked().len(), 2);
    assert!(began.elapsed() < limit * 2 / 3, "{:?} of {limit:?}", began.elapsed());
}
