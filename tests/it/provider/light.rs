//! The light call, and what each way of failing means (OA-17, OA-18).

use hubctl::domain::provider_failure::{Class, ProviderFailure};
use serde_json::{Value, json};

use super::{connector, now, provider, target, values};
use crate::support::http::{FakeHub, Reply};

/// Answers a light call with this.
async fn verify(verify: Value, reply: Reply) -> (Result<bool, ProviderFailure>, FakeHub) {
    let hub = FakeHub::start(move |_, _| reply.clone());
    let acme = connector(&format!("{}/${{company}}/v1", hub.url()), &json!({}), &verify);
    let values = values(&[("api_key", "hunter2-key"), ("company", "a/c")]);
    let outcome = provider().verify(target(&acme, &values), now()).await;
    (outcome, hub)
}

fn get() -> Value {
    json!({"method": "GET", "path": "/me?x=${company}", "expect_status": 200})
}

#[tokio::test]
async fn oa_17_credentials_are_tried_with_the_light_call() {
    let (outcome, hub) = verify(get(), Reply::json(200, &json!({}))).await;
    assert_eq!(outcome, Ok(true));
    let [asked] = hub.asked().try_into().unwrap();
    assert_eq!(asked.method, "GET");
    assert_eq!(asked.path, "/a%2Fc/v1/me?x=a%2Fc");
    assert_eq!(asked.header("authorization"), "Bearer hunter2-key");
    assert_eq!(asked.header("accept-encoding"), "gzip");
}

#[tokio::test]
async fn oa_18_every_light_call_is_made_and_a_required_one_refuses() {
    let call =
        |path: &str, optional: bool| json!({"method": "GET", "path": path, "optional": optional});
    let only =
        |condition: &str| json!({"method": "GET", "path": "/required", "condition": condition});
    for (calls, wanted, paths) in [
        (json!([call("/bad", true), call("/required", false)]), Ok(true), 2),
        (json!([call("/fine", true), call("/bad", false), call("/fine", false)]), Err(401), 2),
        (json!([call("/bad", true), call("/bad", true)]), Ok(false), 2),
        (json!([only("${company} == 'acme'")]), Ok(true), 1),
        (json!([only("${company} != 'acme'")]), Ok(false), 0),
    ] {
        let hub = FakeHub::start(|asked, _| {
            Reply::json(if asked.path == "/bad" { 401 } else { 200 }, &json!({}))
        });
        let acme = connector(&hub.url(), &json!({}), &calls);
        let values = values(&[("api_key", "hunter2-key"), ("company", "acme")]);
        let outcome = provider().verify(target(&acme, &values), now()).await;
        assert_eq!(outcome.map_err(|failure| failure.status.unwrap()), wanted, "{calls}");
        assert_eq!(hub.asked().len(), paths, "{calls}");
    }
}

#[tokio::test]
async fn bodies_headers_and_expected_members() {
    let call = json!({
        "method": "POST", "path": "/rpc", "headers": {"X-A": "${company}"},
        "body": {"key": "${api_key}", "n": 1, "gone": "${nothing}"},
        "content_type": "application/x-www-form-urlencoded",
        "expect_json": {"path": "ok", "equals": true}
    });
    let mut call = call;
    call["body"].as_object_mut().unwrap().remove("gone");
    let (outcome, hub) = verify(call.clone(), Reply::json(200, &json!({"ok": true}))).await;
    assert_eq!(outcome, Ok(true));
    let [asked] = hub.asked().try_into().unwrap();
    assert_eq!(asked.header("x-a"), "a/c");
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(asked.body, b"key=hunter2-key&n=1");
    let no = json!({"ok": false, "error": "invalid_auth"});
    let failure = verify(call.clone(), Reply::json(200, &no)).await.0.unwrap_err();
    assert_eq!(failure.class, Class::Refused);
    assert_eq!(failure.code.as_deref(), Some("invalid_auth"));
    assert_eq!(failure.message, "the provider refuses the credentials: invalid_auth");
    let page = Reply::text(200, "text/html", "<html>Sign in</html>");
    assert_eq!(verify(call, page).await.0.unwrap_err().class, Class::BadAnswer);
}

#[tokio::test]
async fn oa_17_a_page_does_not_prove_credentials() {
    let page = || Reply::text(200, "text/html", "<h1>Login please</h1>");
    let failure = verify(get(), page()).await.0.unwrap_err();
    assert_eq!((failure.class, failure.status), (Class::BadAnswer, Some(200)));
    assert!(failure.message.contains("answered with a page"), "{}", failure.message);
    let whole = Reply::text(200, "application/json", "<!doctype html><title>Sign in</title>");
    assert_eq!(verify(get(), whole).await.0.unwrap_err().class, Class::BadAnswer);
    let mut text = get();
    text["headers"] = json!({"Accept": "text/html"});
    assert_eq!(verify(text, page()).await.0, Ok(true));
    for fine in [
        Reply::text(200, "application/xml", "<me/>"),
        Reply::text(200, "text/html", "OK"),
        Reply::text(200, "text/plain", ""),
    ] {
        assert_eq!(verify(get(), fine).await.0, Ok(true));
    }
}

#[tokio::test]
async fn each_status_means_what_it_should() {
    for (status, class) in [
        (400, Class::Refused),
        (401, Class::Refused),
        (403, Class::Refused),
        // The company is part of the address.
        (404, Class::Refused),
        (301, Class::Refused),
        (408, Class::Transient),
        (429, Class::Transient),
        (500, Class::Transient),
        (503, Class::Transient),
    ] {
        let reply = Reply::json(status, &json!({"error": {"message": "no, hunter2-key"}}));
        let failure = verify(get(), reply).await.0.unwrap_err();
        assert_eq!((failure.class, failure.status), (class, Some(status)));
        assert!(!failure.message.contains("hunter2"), "threat_32: {}", failure.message);
        assert!(failure.message.contains("no, ***"), "{}", failure.message);
    }
    let failure = verify(get(), Reply::text(404, "text/html", "<p>")).await.0.unwrap_err();
    assert!(failure.message.contains("check the subdomain"), "{}", failure.message);
}

#[tokio::test]
async fn oa_14_a_passing_trouble_is_no_refusal() {
    let slack =
        json!({"method": "GET", "path": "/me", "expect_json": {"path": "ok", "equals": true}});
    for (error, class) in [
        ("internal_error", Class::Transient),
        ("service_unavailable", Class::Transient),
        ("ratelimited", Class::Transient),
        ("account_inactive", Class::Refused),
        ("no_such_thing", Class::Refused),
    ] {
        let reply = Reply::json(200, &json!({"ok": false, "error": error}));
        let failure = verify(slack.clone(), reply).await.0.unwrap_err();
        assert_eq!((failure.class, failure.code.as_deref()), (class, Some(error)));
    }
    let google = json!({"error": {"code": 403, "message": "Slow down",
        "errors": [{"domain": "usageLimits", "reason": "userRateLimitExceeded"}]}});
    let linear = json!({"errors": [{"message": "Later", "extensions": {"code": "RATELIMITED"}}]});
    for (status, body) in [
        (403, json!({"message": "API rate limit exceeded for user ID 1."})),
        (403, google),
        (400, linear),
        (402, json!({"message": "payment required"})),
        (409, json!({})),
        (423, json!({})),
        (451, json!({})),
    ] {
        let failure = verify(get(), Reply::json(status, &body)).await.0.unwrap_err();
        assert_eq!((failure.class, failure.status), (Class::Transient, Some(status)), "{body}");
    }
    let secondary = json!({"message": "You have exceeded a secondary rate limit"});
    let reply = Reply::json(403, &secondary).header("retry-after", "60");
    let failure = verify(get(), reply).await.0.unwrap_err();
    assert_eq!(failure.retry_at, Some(now().plus_seconds(60)));
    let page = Reply::text(403, "text/html", "<html>rate limit</html>");
    assert_eq!(verify(get(), page).await.0.unwrap_err().class, Class::Refused);
}

#[tokio::test]
async fn threat_32_a_failure_does_not_repeat_a_basic_header() {
    let hub = FakeHub::start(|asked, _| {
        let header = asked.header("authorization");
        Reply::json(401, &json!({"message": format!("bad header: {header}"), "code": &header[6..]}))
    });
    let basic = json!({"type": "basic", "username": "${company}", "password": "${api_key}"});
    let acme = connector(&hub.url(), &json!({"authorization": basic}), &get());
    let values = values(&[("api_key", "SuperSecret99"), ("company", "user")]);
    let failure = provider().verify(target(&acme, &values), now()).await.unwrap_err();
    let [asked] = hub.asked().try_into().unwrap();
    assert_eq!(asked.header("authorization"), "Basic dXNlcjpTdXBlclNlY3JldDk5");
    let shown = format!("{failure:?}");
    assert!(shown.contains("bad header: Basic ***"), "{shown}");
    for trace in ["dXNlc", "dXBlclNlY3JldDk5"] {
        assert!(!shown.contains(trace), "{shown}");
    }
}

#[tokio::test]
async fn a_provider_may_say_when_to_come_again() {
    let reply = Reply::json(429, &json!({})).header("retry-after", "120");
    let failure = verify(get(), reply).await.0.unwrap_err();
    assert_eq!(failure.retry_at, Some(now().plus_seconds(120)));
    let refused = Reply::json(401, &json!({})).header("retry-after", "120");
    assert_eq!(verify(get(), refused).await.0.unwrap_err().retry_at, None);
}

#[tokio::test]
async fn oa_18_an_optional_call_may_fail_and_none_is_no_failure() {
    let optional = json!({"method": "GET", "path": "/me", "optional": true});
    assert_eq!(verify(optional, Reply::json(401, &json!({}))).await.0, Ok(false));
    let (outcome, hub) = verify(json!(null), Reply::json(200, &json!({}))).await;
    assert_eq!(outcome, Ok(false));
    assert!(hub.asked().is_empty());
}

#[tokio::test]
async fn a_host_that_is_not_there_is_a_passing_failure() {
    let values = values(&[("api_key", "k")]);
    let call = json!({"method": "GET", "path": "/me"});
    // Nothing listens on port 1.
    let acme = connector("http://127.0.0.1:1", &json!({}), &call);
    let failure = provider().verify(target(&acme, &values), now()).await.unwrap_err();
    assert_eq!(failure.class, Class::Transient);
    assert!(failure.message.contains("can't be reached"), "{}", failure.message);
    let acme = connector("https://no.such.name.invalid", &json!({}), &call);
    let failure =
        super::catalog::offline().verify(target(&acme, &values), now()).await.unwrap_err();
    assert_eq!(failure.class, Class::Transient);
    assert!(failure.message.contains("no machine is known"), "{}", failure.message);
    assert_eq!(failure.code.as_deref(), Some("provider.unknown_host"));
}

#[tokio::test]
async fn a_host_that_can_not_be_called_is_named_unless_it_is_secret() {
    let values = values(&[("api_key", "hidden-part"), ("company", "acme-part")]);
    let call = json!({"method": "GET", "path": "/me"});
    for (base, told) in [
        ("https://${company}.name.invalid", "`acme-part.name.invalid`"),
        ("https://${api_key}.name.invalid", "`***.name.invalid`"),
    ] {
        let acme = connector(base, &json!({}), &call);
        let outcome = super::catalog::offline().verify(target(&acme, &values), now()).await;
        let failure = outcome.unwrap_err();
        assert!(failure.message.contains(told), "{}", failure.message);
        assert!(!failure.message.contains("hidden-part"), "threat_32: {}", failure.message);
    }
}
