//! Addresses that are not called, and answers that do harm (threats 18 to 20, 22, 23).

use std::sync::Arc;
use std::time::{Duration, Instant};

use hubctl::domain::credentials::Values;
use hubctl::domain::provider_failure::{Class, ProviderFailure};
use hubctl::net;
use hubctl::provider::{Options, Provider};
use serde_json::{Value, json};

use super::{connector, now, provider, provider_within, target, values};
use crate::support::http::{FakeHub, Flips, Reply};

fn light() -> Value {
    json!({"method": "GET", "path": "/me"})
}

async fn verify_with(provider: &Provider, base: &str) -> Result<bool, ProviderFailure> {
    let acme = connector(base, &json!({}), &light());
    provider.verify(target(&acme, &values(&[("api_key", "key-of-account")])), now()).await
}

#[tokio::test]
async fn threat_18_no_call_goes_to_an_address_that_is_not_public() {
    let open = Provider::new(Options::default(), Arc::new(super::draw));
    for base in [
        "https://127.0.0.1",
        "https://2130706433",
        "https://0x7f.1",
        "https://localhost",
        "https://LOCALHOST.",
        "https://10.1.2.3",
        "https://169.254.169.254/latest",
        "https://[::1]",
        "https://[::ffff:169.254.169.254]",
        "https://[64:ff9b::a9fe:a9fe]",
        "https://[fd00:ec2::254]",
        "https://0.0.0.0",
        "https://198.18.0.1",
        "https://240.0.0.1",
    ] {
        let failure = verify_with(&open, base).await.unwrap_err();
        assert_eq!(failure.class, Class::Blocked, "{base}: {failure:?}");
    }
    // Addresses of tokens and of look-ups are held to the same.
    let hub = FakeHub::start(|_, _| Reply::json(200, &json!({"access_token": "at"})));
    let call =
        json!({"method": "POST", "url": "https://10.0.0.1/token", "token_path": "access_token"});
    let bearer = json!({"type": "bearer", "token": "${access_token}"});
    let method = json!({"type": "custom", "authorization": bearer, "token_request": call});
    let none = Values::default();
    let acme = connector(&hub.url(), &method, &Value::Null);
    let failure = provider().obtain(target(&acme, &none), now()).await.unwrap_err();
    assert_eq!(failure.class, Class::Blocked);
    let call = json!({"method": "POST", "url": format!("{}/token", hub.url()), "token_path": "access_token"});
    let captured =
        json!([{"key": "x", "from": "lookup", "path": "x", "url": "https://10.0.0.1/me"}]);
    let method = json!({
        "type": "custom", "authorization": bearer, "token_request": call, "captured": captured
    });
    let acme = connector(&hub.url(), &method, &Value::Null);
    let failure = provider().obtain(target(&acme, &none), now()).await.unwrap_err();
    assert_eq!(failure.class, Class::Blocked);
}

#[tokio::test]
async fn threat_18_without_encryption_only_named_networks_are_called() {
    let hub = FakeHub::start(|_, _| Reply::json(200, &json!({})));
    assert_eq!(verify_with(&provider(), &hub.url()).await, Ok(true));
    let failure = verify_with(&provider(), "http://192.168.0.1").await.unwrap_err();
    assert_eq!(failure.class, Class::Blocked);
    let failure = verify_with(&provider(), "http://8.8.8.8").await.unwrap_err();
    assert_eq!(failure.class, Class::Blocked);
    // Nothing named: plain addresses can't even be made.
    let open = Provider::new(Options::default(), Arc::new(super::draw));
    let failure = verify_with(&open, &hub.url()).await.unwrap_err();
    assert_eq!(failure.class, Class::Blocked, "{failure:?}");
    assert!(failure.message.contains("`127.0.0.1` is not called"), "{}", failure.message);
    assert!(failure.message.contains("plain http"), "{}", failure.message);
    assert_eq!(hub.asked().len(), 1);
}

#[tokio::test]
async fn threat_19_a_name_that_changes_its_meaning_is_refused_when_it_is_dialled() {
    let hub = FakeHub::start(|_, _| Reply::json(200, &json!({})).header("connection", "close"));
    let flips = Arc::new(Flips::default());
    let resolver: Arc<dyn reqwest::dns::Resolve> = Arc::clone(&flips) as _;
    let net = net::Options { resolver: Some(resolver), ..net::Options::default() };
    let allowed = vec!["127.0.0.0/8".parse().unwrap()];
    let provider =
        Provider::new(Options { net, allowed, ..Options::default() }, Arc::new(super::draw));
    let base = hub.url().replace("127.0.0.1", "rebinding.example");
    assert_eq!(verify_with(&provider, &base).await, Ok(true));
    let failure = verify_with(&provider, &base).await.unwrap_err();
    assert_eq!(failure.class, Class::Blocked, "{failure:?}");
    assert!(failure.message.contains("10.0.0.1 is not a public address"), "{}", failure.message);
    // Each connection looked the name up once: what was judged is what was dialled.
    assert_eq!(flips.count(), 2);
    assert_eq!(hub.asked().len(), 1);
}

#[tokio::test]
async fn threat_20_a_redirect_is_not_followed() {
    let other = FakeHub::start(|_, _| Reply::json(200, &json!({"access_token": "stolen"})));
    let elsewhere = format!("{}/stolen", other.url());
    let hub = FakeHub::start(move |_, count| {
        let status = [301, 302, 303, 307, 308][count % 5];
        Reply::json(status, &json!({})).header("location", elsewhere.as_str())
    });
    for _ in 0..5 {
        assert!(verify_with(&provider(), &hub.url()).await.is_err());
    }
    let call = json!({"method": "POST", "url": format!("{}/token", hub.url()), "token_path": "access_token"});
    let method = json!({
        "type": "custom", "token_request": call,
        "authorization": {"type": "bearer", "token": "${access_token}"}
    });
    let (acme, none) = (connector(&hub.url(), &method, &Value::Null), Values::default());
    for _ in 0..5 {
        assert!(provider().obtain(target(&acme, &none), now()).await.is_err());
    }
    assert_eq!((hub.asked().len(), other.asked().len()), (10, 0));
}

async fn outcome(reply: Reply, limit: Duration) -> ProviderFailure {
    let hub = FakeHub::start(move |_, _| reply.clone());
    verify_with(&provider_within(limit), &hub.url()).await.unwrap_err()
}

#[tokio::test]
async fn threat_22_endless_and_unpacking_answers_are_cut_by_size() {
    let long = Duration::from_secs(20);
    let endless = Reply::text(200, "application/json", "x".repeat(10_000)).endless();
    let failure = outcome(endless, long).await;
    assert_eq!(failure.class, Class::BadAnswer);
    assert!(failure.message.contains("larger than 1024 KiB"), "{}", failure.message);
    let zeros = include_bytes!("testdata/zeros.gz");
    assert!(zeros.len() < 10_000, "small on the wire");
    let bomb = Reply::text(200, "application/json", zeros).header("content-encoding", "gzip");
    let failure = outcome(bomb, long).await;
    assert_eq!(failure.class, Class::BadAnswer);
    assert!(failure.message.contains("larger than 1024 KiB"), "{}", failure.message);
    let broken = Reply::text(200, "application/json", "no gzip").header("content-encoding", "gzip");
    assert_eq!(outcome(broken, long).await.class, Class::Transient);
}

#[tokio::test]
async fn threat_22_slow_answers_are_cut_by_time() {
    let limit = Duration::from_millis(300);
    let begun = Instant::now();
    for slow in [Reply::silence(), Reply::text(200, "application/json", "{").hang()] {
        let failure = outcome(slow, limit).await;
        assert_eq!(failure.class, Class::Transient);
        assert!(failure.message.contains("did not answer within"), "{}", failure.message);
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn threat_22_endless_headers_are_refused() {
    let mut many = Reply::json(200, &json!({}));
    for number in 0..2000 {
        many = many.header(&format!("x-{number}"), "v".repeat(100));
    }
    let failure = outcome(many, Duration::from_secs(20)).await;
    assert_eq!(failure.class, Class::Transient, "{failure:?}");
}

#[tokio::test]
async fn threat_23_an_answer_that_is_no_token_is_refused_whole() {
    let answers = [
        Reply::text(200, "text/html", "<html>access_token=x</html>"),
        Reply::json(200, &json!({"access_token": null, "refresh_token": "new"})),
        Reply::json(200, &json!({"access_token": "at", "expires_in": -1})),
        Reply::json(200, &json!(["access_token"])),
        Reply::text(204, "application/json", ""),
    ];
    for answer in answers {
        let shown = format!("{answer:?}");
        let hub = FakeHub::start(move |_, _| answer.clone());
        let method = json!({
            "type": "oauth2_authorization_code", "refresh": true,
            "setup_fields": [{"key": "client_id", "label": "Id", "type": "text"}],
            "authorization": {"type": "bearer", "token": "${access_token}"},
            "authorization_url": "https://login.example/a", "token_url": format!("{}/t", hub.url())
        });
        let acme = connector(&hub.url(), &method, &Value::Null);
        let given = values(&[("client_id", "i"), ("refresh_token", "old")]);
        let failure = provider().refresh(target(&acme, &given), now()).await.unwrap_err().failure;
        assert_eq!(failure.class, Class::BadAnswer, "{shown}: {failure:?}");
    }
}
