//! What is refused, with nothing sent (threats 16 to 22).

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;

use hubctl::domain::account::Status;
use hubctl::domain::connector::Connector;
use hubctl::hub::accounts;
use hubctl::hub::proxy::{Call, Upload, pass};
use hubctl::net;
use hubctl::provider::Options;
use hubctl::store::own_connectors::{self, OwnConnector};
use serde_json::{Value, json};

use crate::support::asked::{account as new_account, config, given};
use crate::support::http::{FakeHub, Flips, Reply};
use crate::support::hub::{block_on, sqlite, sqlite_world};
use crate::support::serving::Answer;

use super::{CREDENTIAL, World, address, always, definition, of_provider, told};

#[track_caller]
fn refused(answer: Answer, status: u16, code: &str) -> Value {
    let answer = answer.status(status);
    assert_eq!(of_provider(&answer), None);
    assert_eq!(answer.problem(), code, "{}", answer.text());
    assert!(!answer.text().contains(CREDENTIAL));
    answer.json()
}

#[test]
fn at_28_an_account_whose_method_is_gone_can_not_be_called_as_it_stands() {
    let provider = always(Reply::json(200, &json!({})));
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let mut less = definition();
    less["auth"].as_array_mut().unwrap().remove(0);
    world.import(less, address(&provider));
    for answer in [served.ask(&json!({"path": "/x"})), served.pass("GET", "/x", "", b"")] {
        let body = refused(answer, 412, "account.not_usable");
        assert_eq!(body["hint"], format!("hubctl accounts explain {}", world.account));
    }
    world.home.run(&format!("request GET /x --account {}", world.account)).code(6);
    assert!(provider.asked().is_empty());
}

#[test]
fn threat_16_ac_16_at_3_at_28_an_account_that_may_not_be_called_is_not() {
    let provider = always(Reply::json(200, &json!({})));
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let call = json!({"path": "/x"});
    let account = world.account.clone();
    let ask = || served.ask(&call);
    let pass = || served.pass("GET", "/x", "", b"");
    world.home.run(&format!("accounts suspend {account} --yes")).code(0);
    for answer in [ask(), pass()] {
        let body = refused(answer, 412, "account.not_usable");
        assert_eq!(body["errorCode"], "AccountSuspendedError");
    }
    let line = format!("request GET /x --account {account}");
    world.home.run(&line).code(6);
    world.home.run(&format!("accounts resume {account}")).code(0);
    world.home.run("connectors disable acme --yes").code(0);
    for answer in [ask(), pass()] {
        let body = refused(answer, 412, "account.not_usable");
        assert_eq!(body["errorCode"], "AccountIntegrationInactiveError");
    }
    world.home.run(&line).code(6);
    assert!(provider.asked().is_empty());
    world.home.run("connectors enable acme").code(0);
    assert_eq!(told(ask())["status"], 200);
    assert_eq!(provider.asked().len(), 1);
}

/// Listens like a provider and never answers: who connects there is counted, whatever it sends.
#[test]
fn threat_16_an_account_that_may_not_be_called_opens_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let world = World::at(listener.local_addr().unwrap());
    let served = world.serve("--allow-target 127.0.0.0/8");
    let store = sqlite::open(&world.home.store());
    for (status, hold, name) in [
        ("error", "null", "AccountInvalidCredentialsError"),
        ("expired", "null", "AccountExpiredCredentialsError"),
        ("inactive", "null", "AccountIntegrationInactiveError"),
        ("active", "'suspended'", "AccountSuspendedError"),
    ] {
        store
            .execute_batch(&format!("update accounts set status = '{status}', hold = {hold}"))
            .unwrap();
        for answer in [served.ask(&json!({"path": "/x"})), served.pass("GET", "/x", "", b"")] {
            let body = refused(answer, 412, "account.not_usable");
            assert_eq!(body["errorCode"], name, "{body}");
        }
        world.home.run(&format!("request GET /x --account {}", world.account)).code(6);
    }
    drop(served);
    let connected = listener.accept().map_err(|error| error.kind());
    assert!(matches!(connected, Err(ErrorKind::WouldBlock)), "{connected:?}");
}

#[test]
fn at_27_the_account_is_named_and_known() {
    let provider = always(Reply::json(200, &json!({})));
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let mut client = served.serving.connect();
    let answer = client.post("/unified/proxy", &served.headers(), "{}");
    refused(answer, 400, "usage.bad_value");
    for nobody in ["01999999-9999-7999-8999-999999999903", "nobody"] {
        refused(served.ask_of(nobody, &json!({})), 404, "account.not_found");
    }
    assert!(provider.asked().is_empty());
}

#[test]
fn threat_14_reading_and_writing_need_scopes_of_their_own() {
    let provider = always(Reply::json(200, &json!({})));
    let world = World::at(address(&provider));
    let mut served = world.serve("--allow-target 127.0.0.0/8");
    let (get, post) = (json!({}), json!({"method": "post", "body": {}}));
    for (name, scopes, reads, writes) in [
        ("none", vec!["platform:read", "platform:write", "admin"], false, false),
        ("reader", vec!["unified:read"], true, false),
        ("writer", vec!["unified:write"], false, true),
    ] {
        served.key = world.home.key(name, &scopes);
        for (call, may) in [(&get, reads), (&post, writes)] {
            let answer = served.ask(call);
            if may {
                assert_eq!(told(answer)["status"], 200, "{name}");
            } else {
                refused(answer, 403, "auth.forbidden");
            }
        }
        let status = served.pass("DELETE", "/x", "", b"").status;
        assert_eq!(status, if writes { 200 } else { 403 }, "{name}");
    }
    assert_eq!(provider.asked().len(), 3);
}

#[test]
fn kp_15_threat_17_the_credentials_go_to_the_connectors_hosts_alone() {
    let provider = always(Reply::json(200, &json!({})));
    let elsewhere = always(Reply::json(200, &json!({})));
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let (own, other) = (provider.url(), elsewhere.url());
    let host = other.strip_prefix("http://").unwrap();
    let paths = [
        format!("{other}/x"),
        format!("//{host}/x"),
        format!("/\\{host}/x"),
        format!("\\\\{host}/x"),
        format!("/%2f{host}/x"),
        format!("/%2F%2F{host}/x"),
        format!("%2f%2f{host}/x"),
        format!("/%5c{host}/x"),
        format!("HTTP://{host}/x"),
        format!("hTtPs://{host}/x"),
        "javascript:alert(1)".to_owned(),
        "/../x".to_owned(),
        "/a/..%2f../x".to_owned(),
        "/%2e%2e/x".to_owned(),
        "/a\r\nHost: x".to_owned(),
        "/a b".to_owned(),
        "/a#b".to_owned(),
        "/a\u{0}".to_owned(),
    ];
    for path in &paths {
        let answer = served.ask(&json!({ "path": path }));
        let code =
            if path.contains('\0') { "request.invalid_body" } else { "proxy.foreign_address" };
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        if !path.contains('\0') {
            refused(answer, 400, code);
        }
    }
    let port = host.rsplit(':').next().unwrap();
    let own_port = own.rsplit(':').next().unwrap();
    let urls = [
        format!("{other}/x"),
        format!("http://{host}"),
        format!("http://evil@127.0.0.1:{own_port}/"),
        format!("http://127.0.0.1:{own_port}@{host}/"),
        format!("http://127.0.0.1:{port}\\@127.0.0.1:{own_port}/"),
        format!("http://127.0.0.1.:{own_port}/"),
        format!("http://127.0.0.1.evil.example:{own_port}/"),
        format!("http://localhost:{own_port}/"),
        format!("http://LOCALHOST:{own_port}/"),
        format!("https://127.0.0.1:{own_port}/"),
        format!("http://[::ffff:127.0.0.1]:{own_port}/"),
        format!("http://acme.example:{own_port}/"),
        "http://xn--80ak6aa92e.com/".to_owned(),
        "http://\u{430}cme.example/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "/x".to_owned(),
        String::new(),
    ];
    for url in &urls {
        refused(served.ask(&json!({ "url": url, "path": "/x" })), 400, "proxy.foreign_address");
    }
    assert!(elsewhere.asked().is_empty());
    assert!(provider.asked().is_empty());
    // What stays at home is sent.
    for call in [json!({"path": "/a%2Fb"}), json!({"url": own, "path": "/x"})] {
        assert_eq!(told(served.ask(&call))["status"], 200, "{call}");
    }
}

#[test]
fn threat_18_a_private_address_is_not_called_unless_it_is_allowed() {
    let provider = always(Reply::json(200, &json!({})));
    let world = World::at(address(&provider));
    world.home.run("config unset allow_targets").code(0);
    let served = world.serve("");
    // Without any network that is allowed, nothing is called over plain http.
    let told = refused(served.ask(&json!({"path": "/x"})), 400, "provider.blocked");
    assert!(told["message"].as_str().unwrap().contains("plain http"), "{told}");
    let hint = told["hint"].as_str().unwrap();
    assert!(hint.starts_with("hubctl config set allow_targets "), "{told}");
    assert!(hint.contains("hubctl serve --allow-target "), "{told}");
    // A network that is not the provider's does not help.
    drop(served);
    world.home.run("keys delete proxy --yes").code(0);
    let served = world.serve("--allow-target 10.0.0.0/8");
    refused(served.ask(&json!({"path": "/x"})), 400, "provider.blocked");
    assert!(provider.asked().is_empty());
}

#[test]
fn threat_20_a_redirect_is_passed_back_and_not_followed() {
    let elsewhere = always(Reply::json(200, &json!({})));
    let to = format!("{}/stolen?key={CREDENTIAL}", elsewhere.url());
    let provider = always(Reply::text(302, "text/plain", "").header("location", to));
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let expected = format!("{}/stolen?key=***", elsewhere.url());
    let answer = told(served.ask(&json!({"path": "/x"})));
    assert_eq!(answer["status"], 302);
    assert_eq!(answer["headers"]["location"], expected);
    let answer = served.pass("GET", "/x", "", b"").status(302);
    assert_eq!(answer.headers["location"], expected);
    assert_eq!((provider.asked().len(), elsewhere.asked().len()), (2, 0));
}

#[test]
fn threat_21_headers_that_speak_for_others_are_dropped_or_refused() {
    let reply = Reply::json(200, &json!({}))
        .header("set-cookie", "a=b")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .header("x-accel-redirect", "/private")
        .header("x-sendfile", "/etc/passwd")
        .header("refresh", "0; url=https://evil.example")
        .header("x-kept", "1");
    let provider = always(reply);
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let headers = json!({
        "X-HTTP-Method-Override": "DELETE", "X-Original-URL": "/admin",
        "Authorization": "Bearer stolen", "authorization": "x", "Host": "evil.example",
        "Cookie": "a=b", "Proxy-Authorization": "x", "Connection": "x-mine", "X-Mine": "1",
        "Transfer-Encoding": "chunked", "X-Forwarded-For": "10.0.0.1", "X-Good": "1",
    });
    let answer = told(served.ask(&json!({ "headers": headers })));
    assert_eq!(answer["headers"]["x-kept"], "1");
    let orders = ["set-cookie", "x-accel-redirect", "x-sendfile", "refresh"];
    for dropped in orders.into_iter().chain(["connection", "x-hop"]) {
        assert!(answer["headers"].get(dropped).is_none(), "{dropped}: {answer}");
    }
    let more = "Cookie: a=b\r\nX-Forwarded-For: 10.0.0.1\r\nX-HTTP-Method-Override: DELETE\r\n\
                X-Original-URL: /admin\r\n";
    let raw = served.pass("GET", "/x", more, b"");
    for dropped in orders {
        assert!(!raw.headers.contains_key(dropped), "{raw:?}");
    }
    for asked in provider.asked() {
        assert_eq!(asked.header("authorization"), format!("Bearer {CREDENTIAL}"));
        assert_eq!(asked.headers.get_all("authorization").iter().count(), 1);
        assert_eq!(asked.header("host"), provider.url().strip_prefix("http://").unwrap());
        for dropped in [
            "cookie",
            "proxy-authorization",
            "x-mine",
            "transfer-encoding",
            "x-forwarded-for",
            "x-http-method-override",
            "x-original-url",
        ] {
            assert!(asked.header(dropped).is_empty(), "{dropped}");
        }
    }
    let sent = provider.asked().len();
    for (name, value) in
        [("x", "a\r\nHost: b"), ("x", "a\nb"), ("x\r\nhost", "a"), ("x y", "a"), ("", "a")]
    {
        let answer = served.ask(&json!({"headers": {name: value}}));
        refused(answer, 400, "usage.bad_value");
    }
    assert_eq!(provider.asked().len(), sent);
}

#[test]
fn threat_22_bodies_without_end_or_that_break_off_are_no_answers() {
    let long = "x".repeat(64 << 10);
    let provider = FakeHub::start(move |asked, _| match asked.path.as_str() {
        "/api/endless" => Reply::text(200, "text/plain", long.clone()).endless(),
        "/api/cut" => Reply::text(200, "text/plain", long.clone()).cut(),
        "/api/silent" => Reply::silence(),
        "/api/gone" => Reply::no_answer(),
        _ => Reply::json(200, &json!({})),
    });
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8 --answer-limit 4");
    refused(served.ask(&json!({"path": "/cut"})), 502, "provider.unreachable");
    refused(served.ask(&json!({"path": "/gone"})), 502, "provider.unreachable");
    // Longer than is held: it is cut off, and nobody can take it for a whole one.
    let mut client = served.serving.connect();
    let (key, account) = (&served.key, &world.account);
    let request = format!(
        "POST /unified/proxy HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {key}\r\n\
         x-account-id: {account}\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n\
         {{\"path\":\"/endless\"}} "
    );
    client.send(request).unwrap();
    assert!(client.answer().is_err());
    let mut client = served.serving.connect();
    client.send(served.head("GET", "/endless", "", 0)).unwrap();
    assert!(client.answer().is_err());
    // The account is as it was.
    assert_eq!(told(served.ask(&json!({"path": "/fine"})))["status"], 200);
    let account = world.home.run(&format!("accounts get {account} --json")).code(0).json();
    assert_eq!(account["status"], "active");
}

#[test]
fn threat_19_a_providers_name_that_changes_its_meaning_is_not_called() {
    let provider = always(Reply::json(200, &json!({})).header("connection", "close"));
    let mut world = sqlite_world();
    let flips = Arc::new(Flips::default());
    let resolver: Arc<dyn reqwest::dns::Resolve> = Arc::clone(&flips) as _;
    let net = net::Options { resolver: Some(resolver), ..net::Options::default() };
    let allowed = vec!["127.0.0.0/8".parse().unwrap()];
    world.hub = world.hub.clone().with_provider(Options { net, allowed, ..Options::default() });
    let mut connector = definition();
    let base = provider.url().replace("127.0.0.1", "rebinding.example");
    connector["base_url"] = base.into();
    connector["auth"].as_array_mut().unwrap().truncate(1);
    let connector: Connector = serde_json::from_value(connector).unwrap();
    block_on(async {
        let caller = world.caller();
        let row = OwnConnector {
            key: connector.key.clone(),
            version: connector.version.clone(),
            definition: serde_json::to_string(&connector).unwrap(),
            created_at: world.now(),
        };
        let mut tx = world.hub.store().begin_write().await.unwrap();
        own_connectors::save(&mut tx, caller.project(), &row).await.unwrap();
        tx.commit().await.unwrap();
        world.add(&caller, config("acme")).await;
        let values = given(&[("api_key", CREDENTIAL)]);
        let new = accounts::New { values, ..new_account("acme", "acme-1") };
        let id = world.link(&caller, new).await;
        let call = || Call {
            method: http::Method::GET,
            base: None,
            path: "/me".to_owned(),
            headers: http::HeaderMap::new(),
            body: Upload::Empty,
        };
        let answer = pass(&world.hub, &caller, &id, call()).await.unwrap();
        assert_eq!(answer.status, 200);
        let error = pass(&world.hub, &caller, &id, call()).await.unwrap_err();
        assert_eq!(error.code().name, "provider.blocked", "{error:?}");
        assert!(error.message().contains("10.0.0.1"), "{error}");
        assert!(!format!("{error:?}").contains(CREDENTIAL), "{error:?}");
        let status = world.account(&caller, &id).await.shown_status();
        assert_eq!(status, Status::Active, "the account is as it was");
    });
    // Each connection looked the name up once: what was judged is what was dialled.
    assert_eq!((flips.count(), provider.asked().len()), (2, 1));
    assert_eq!(provider.asked()[0].header("authorization"), format!("Bearer {CREDENTIAL}"));
}
