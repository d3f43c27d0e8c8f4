//! The sample provider over real HTTP: it behaves as OAuth servers should, and as badly as a tester
//! asks it to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hubctl::domain::time::{FixedClock, Timestamp};
use hubctl::hub::random::SeededRandom;
use hubctl::sample::{CLIENT_SECRET, SampleProvider};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::support::serving::{Answer, Client};

const VERIFIER: &str = "a-verifier-of-more-than-forty-three-letters-as-it-should-be";
const BACK: &str = "http://127.0.0.1:4780/connect/oauth2/sample/callback";

/// A provider, with a clock that stands still.
struct Provider {
    address: SocketAddr,
    clock: Arc<FixedClock>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Provider {
    fn start() -> Self {
        let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_780_315_200_000)));
        let (told, address) = std::sync::mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let handed = Arc::clone(&clock);
        let thread = std::thread::spawn(move || {
            crate::support::hub::block_on(async {
                let random = Arc::new(SeededRandom::new(7));
                let returns_to = vec!["https://hub.example".parse().unwrap()];
                let provider = SampleProvider::bind(returns_to, handed, random).await.unwrap();
                told.send(provider.address()).unwrap();
                tokio::select! { () = provider.run() => {}, _ = stopped => {} }
            });
        });
        let address = address.recv().unwrap();
        Self { address, clock, stop: Some(stop), thread: Some(thread) }
    }

    fn get(&self, path: &str, headers: &str) -> Answer {
        Client::to(self.address).get(path, headers)
    }

    fn form(&self, path: &str, headers: &str, form: &[(&str, &str)]) -> Answer {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let mut client = Client::to(self.address);
        let length = body.len();
        let sent = client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\n{headers}\r\n{body}"
        ));
        sent.unwrap();
        client.answer().unwrap()
    }

    /// Opens the login's page with changes to what a good client asks.
    fn open(&self, client: &str, changes: &[(&str, Option<&str>)]) -> Answer {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let good = [
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", BACK),
            ("state", "a state & more"),
            ("scope", "employees:read employees:write"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let mut query = Serializer::new(String::new());
        for (name, value) in good {
            let changed = changes.iter().find(|(changed, _)| *changed == name);
            if let Some(value) = changed.map_or(Some(value), |(_, value)| *value) {
                query.append_pair(name, value);
            }
        }
        self.get(&format!("/oauth/authorize?{}", query.finish()), "")
    }

    /// What the person decides, and where the browser then is.
    fn decide(&self, client: &str, decision: &str) -> Url {
        let login = login(&self.open(client, &[]).status(200));
        let form = [("login", login.as_str()), ("decision", decision)];
        back(&self.form("/oauth/authorize", "", &form))
    }

    fn code(&self, client: &str) -> String {
        of(&self.decide(client, "allow"), "code").unwrap()
    }

    fn token(&self, client: &str, form: &[(&str, &str)]) -> Answer {
        self.form("/oauth/token", &basic(client, CLIENT_SECRET), form)
    }

    fn redeem(&self, client: &str, code: &str) -> Answer {
        self.token(client, &grant(code))
    }

    /// An access and a refresh token of a login.
    fn login(&self, client: &str) -> (String, String) {
        tokens(&self.redeem(client, &self.code(client)).status(200))
    }

    fn refresh(&self, client: &str, token: &str) -> Answer {
        self.token(client, &[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    fn me(&self, token: &str) -> Answer {
        self.get("/api/me", &format!("Authorization: Bearer {token}\r\n"))
    }

    fn with_key(&self, path: &str, key: &str) -> Answer {
        self.get(path, &format!("X-Api-Key: {key}\r\n"))
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().map(std::thread::JoinHandle::join);
    }
}

fn basic(client: &str, secret: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{client}:{secret}")))
}

fn grant(code: &str) -> [(&'static str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ]
}

fn login(page: &Answer) -> String {
    let text = page.text();
    let (_, rest) = text.split_once("name=\"login\" value=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[track_caller]
fn back(answer: &Answer) -> Url {
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.headers["location"].parse().unwrap()
}

fn of(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

fn tokens(answer: &Answer) -> (String, String) {
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (text("access_token"), text("refresh_token"))
}

#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(error)));
}

#[test]
fn a_login_gives_tokens_that_work_until_they_end() {
    let provider = Provider::start();
    let url = provider.decide("app", "allow");
    assert!(url.as_str().starts_with(&format!("{BACK}?")), "{url}");
    assert_eq!(of(&url, "state").as_deref(), Some("a state & more"));
    assert_eq!(of(&url, "iss"), Some(format!("http://{}", provider.address)));
    let answer = provider.redeem("app", &of(&url, "code").unwrap()).status(200);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let body = answer.json();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&"Bearer".into(), &3_600.into()));
    assert_eq!(body["scope"], "employees:read employees:write");
    let (access, refresh) = tokens(&answer);
    assert_eq!(provider.me(&access).status(200).json()["client"], "app");
    provider.clock.advance_seconds(3_599);
    provider.me(&access).status(200);
    provider.clock.advance_seconds(1);
    refused(&provider.me(&access), 401, "invalid_token");
    let (next, _) = tokens(&provider.refresh("app", &refresh).status(200));
    provider.me(&next).status(200);
}

#[test]
fn a_denied_login_and_a_second_answer_give_no_code() {
    let provider = Provider::start();
    let url = provider.decide("app", "deny");
    assert_eq!((of(&url, "error").as_deref(), of(&url, "code")), (Some("access_denied"), None));
    let page = provider.open("app", &[]).status(200);
    let form = [("login", &*login(&page)), ("decision", "allow")];
    back(&provider.form("/oauth/authorize", "", &form));
    provider.form("/oauth/authorize", "", &form).status(400);
    // What is no yes is a no.
    let form = [("login", &*login(&provider.open("app", &[])))];
    let url = back(&provider.form("/oauth/authorize", "", &form));
    assert_eq!(of(&url, "error").as_deref(), Some("access_denied"));
    // A page that was left open for too long.
    let form = [("login", &*login(&provider.open("app", &[]))), ("decision", "allow")];
    provider.clock.advance_seconds(600);
    provider.form("/oauth/authorize", "", &form).status(400);
}

#[test]
fn the_page_says_who_asks_for_what_and_cannot_be_framed() {
    let provider = Provider::start();
    let evil = "employees:read <script>alert(1)</script>";
    let page = provider.open("app", &[("scope", Some(evil))]).status(200);
    let (text, policy) = (page.text(), &page.headers["content-security-policy"]);
    assert!(text.contains("<strong>app</strong>") && text.contains("<li>employees:read</li>"));
    assert!(!text.contains("<script>"), "{text}");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"));
    // From the hub, a login may lead on to an app, of which the provider knows nothing.
    assert!(!policy.contains("form-action"), "{policy}");
    assert!(text.contains("<html lang=\"en\">") && text.contains(">Allow</button>"));
    assert!(text.contains(">Deny</button>") && text.contains("<main>"));
    assert_eq!(page.headers["x-frame-options"], "DENY");
}

#[test]
fn nobody_is_sent_to_an_address_that_is_not_ours() {
    let provider = Provider::start();
    for address in [
        "https://evil.example/back",
        "https://hub.example.evil.example/",
        "https://hub.example@evil.example/",
        "http://127.0.0.1:4780@evil.example/",
        "https://user@hub.example/",
        "https://hub.example:444/",
        "https://hub.example/#part",
        "http://hub.example/",
        "javascript:alert(1)",
        "/relative",
        "",
    ] {
        let answer = provider.open("app", &[("redirect_uri", Some(address))]);
        assert_eq!((answer.status, answer.headers.get("location")), (400, None), "{address}");
    }
    for address in ["https://hub.example/x", "http://localhost:1/", "http://[::1]:2/x?y=z"] {
        provider.open("app", &[("redirect_uri", Some(address))]).status(200);
    }
    for client in [None, Some(""), Some("two words"), Some("<b>")] {
        provider.open("app", &[("client_id", client)]).status(400);
    }
}

#[test]
fn a_login_without_pkce_goes_back_with_an_error() {
    let provider = Provider::start();
    for (name, value, error) in [
        ("response_type", Some("token"), "unsupported_response_type"),
        ("response_type", None, "invalid_request"),
        ("code_challenge", None, "invalid_request"),
        ("code_challenge", Some("short"), "invalid_request"),
        ("code_challenge_method", Some("plain"), "invalid_request"),
        ("code_challenge_method", None, "invalid_request"),
    ] {
        let url = back(&provider.open("app", &[(name, value)]));
        assert_eq!(of(&url, "error").as_deref(), Some(error), "{name}={value:?}");
        assert_eq!(of(&url, "state").as_deref(), Some("a state & more"));
    }
}

#[test]
fn a_code_works_once_for_its_client_address_and_verifier() {
    let provider = Provider::start();
    for (name, value) in [
        ("redirect_uri", "http://127.0.0.1:4780/other"),
        ("code_verifier", "another-verifier-of-more-than-forty-three-letters-as-it-is"),
        ("code_verifier", ""),
        ("code", "code_unknown"),
    ] {
        let code = provider.code("app");
        let form = grant(&code).map(|(n, v)| if n == name { (n, value) } else { (n, v) });
        refused(&provider.token("app", &form), 400, "invalid_grant");
    }
    refused(&provider.redeem("other", &provider.code("app")), 400, "invalid_grant");
    let code = provider.code("app");
    provider.clock.advance_seconds(60);
    refused(&provider.redeem("app", &code), 400, "invalid_grant");
    // A second use ends what the first one gave.
    let code = provider.code("app");
    let (access, refresh) = tokens(&provider.redeem("app", &code).status(200));
    provider.me(&access).status(200);
    refused(&provider.redeem("app", &code), 400, "invalid_grant");
    refused(&provider.me(&access), 401, "invalid_token");
    refused(&provider.refresh("app", &refresh), 400, "invalid_grant");
}

#[test]
fn refresh_tokens_rotate_and_a_second_use_ends_all_of_them() {
    let provider = Provider::start();
    let (_, first) = provider.login("app");
    let (access, second) = tokens(&provider.refresh("app", &first).status(200));
    assert!(!second.is_empty() && first != second);
    refused(&provider.refresh("other", &second), 400, "invalid_grant");
    refused(&provider.refresh("app", &first), 400, "invalid_grant");
    refused(&provider.refresh("app", &second), 400, "invalid_grant");
    refused(&provider.me(&access), 401, "invalid_token");
}

#[test]
fn a_client_without_rotation_keeps_its_refresh_token() {
    let provider = Provider::start();
    let (_, refresh) = provider.login("app-norotation");
    for _ in 0..3 {
        let (access, new) = tokens(&provider.refresh("app-norotation", &refresh).status(200));
        assert_eq!(new, "");
        provider.me(&access).status(200);
    }
}

#[test]
fn client_credentials_give_an_access_token_alone() {
    let provider = Provider::start();
    let form = [("grant_type", "client_credentials")];
    let answer = provider.token("app-short", &form).status(200);
    let (access, refresh) = tokens(&answer);
    assert_eq!((refresh.as_str(), &answer.json()["expires_in"]), ("", &5.into()));
    provider.me(&access).status(200);
    provider.clock.advance_seconds(5);
    refused(&provider.me(&access), 401, "invalid_token");
    let posted = [("client_id", "app"), ("client_secret", CLIENT_SECRET), form[0]];
    provider.form("/oauth/token", "", &posted).status(200);
    let wrong = provider.form("/oauth/token", &basic("app", "wrong"), &form);
    refused(&wrong, 401, "invalid_client");
    assert!(wrong.headers["www-authenticate"].starts_with("Basic"));
    refused(&provider.token("app", &[("grant_type", "x")]), 400, "unsupported_grant_type");
    refused(&provider.token("app", &[]), 400, "invalid_request");
}

#[test]
fn a_revoked_refresh_token_takes_its_grant_along_and_an_access_token_only_itself() {
    let provider = Provider::start();
    let revoke = |client: &str, token: &str| {
        let form = [("token", token)];
        provider.form("/oauth/revoke", &basic(client, CLIENT_SECRET), &form).status(200);
    };
    let (access, refresh) = provider.login("app");
    revoke("other", &access);
    revoke("other", &refresh);
    revoke("app", "unknown");
    provider.me(&access).status(200);
    revoke("app", &access);
    refused(&provider.me(&access), 401, "invalid_token");
    let (access, refresh) = tokens(&provider.refresh("app", &refresh).status(200));
    revoke("app", &refresh);
    refused(&provider.me(&access), 401, "invalid_token");
    refused(&provider.refresh("app", &refresh), 400, "invalid_grant");
    let form = [("token", access.as_str())];
    refused(&provider.form("/oauth/revoke", "", &form), 401, "invalid_client");
    let nothing = provider.form("/oauth/revoke", &basic("app", CLIENT_SECRET), &[]);
    refused(&nothing, 400, "invalid_request");
}

#[test]
fn words_in_a_client_id_choose_how_it_behaves() {
    let provider = Provider::start();
    let denied = back(&provider.open("app-deny", &[]));
    assert_eq!(of(&denied, "error").as_deref(), Some("access_denied"));
    let code = of(&back(&provider.open("app-auto", &[])), "code").unwrap();
    provider.redeem("app-auto", &code).status(200);
    // The first token works, and then the person took the access back.
    let (access, refresh) = provider.login("app-revoked-short");
    provider.me(&access).status(200);
    provider.clock.advance_seconds(5);
    refused(&provider.me(&access), 401, "invalid_token");
    refused(&provider.refresh("app-revoked-short", &refresh), 400, "invalid_grant");
    let form = [("grant_type", "client_credentials")];
    let limited = provider.token("app-token_limited", &form).status(429);
    assert_eq!(limited.headers["retry-after"], "2");
    refused(&provider.token("app-token_broken", &form), 500, "server_error");
    let begun = Instant::now();
    provider.token("app-token_slow", &form).status(200);
    assert!(begun.elapsed() >= Duration::from_secs(3));
    let (limited, _) = provider.login("app-limited");
    assert_eq!(provider.me(&limited).status(429).headers["retry-after"], "2");
    let (broken, _) = provider.login("app-broken");
    provider.me(&broken).status(500);
}

#[test]
fn api_keys_work_and_choose_how_calls_are_answered() {
    let provider = Provider::start();
    let me = |key: &str| provider.with_key("/api/me", key);
    assert_eq!(me("sample-key").status(200).json()["client"], "api_key");
    for key in ["", "other", "Sample-key", &format!("sample-{}", "x".repeat(200))] {
        refused(&me(key), 401, "invalid_token");
    }
    refused(&provider.get("/api/me", ""), 401, "invalid_token");
    refused(&provider.get("/api/me", "Authorization: Basic eDp5\r\n"), 401, "invalid_token");
    refused(&me("sample-revoked"), 401, "invalid_token");
    assert_eq!(me("sample-limited").status(429).headers["retry-after"], "2");
    me("sample-broken").status(500);
    for (word, status) in [("limited", 429), ("broken", 500), ("revoked", 401), ("other", 200)] {
        let path = format!("/api/me?sample={word}");
        provider.with_key(&path, "sample-key").status(status);
    }
    let begun = Instant::now();
    provider.with_key("/api/me?sample=slow", "sample-key").status(200);
    assert!(begun.elapsed() >= Duration::from_secs(3));
}

#[test]
fn employees_come_in_pages() {
    let provider = Provider::start();
    let page = |query: &str| provider.with_key(&format!("/api/employees{query}"), "sample-key");
    let (mut seen, mut next) = (Vec::new(), Some(1));
    while let Some(number) = next {
        let body = page(&format!("?page={number}&page_size=7")).status(200).json();
        assert_eq!((&body["page"], &body["total"]), (&number.into(), &25.into()));
        seen.extend(body["data"].as_array().unwrap().clone());
        next = body["next_page"].as_u64();
    }
    assert_eq!(seen.len(), 25);
    assert_eq!(page("").status(200).json()["data"].as_array().unwrap().len(), 10);
    let beyond = format!("?page={}", usize::MAX);
    assert_eq!(page(&beyond).status(200).json()["data"], Value::Array(Vec::new()));
    for query in ["?page=0", "?page_size=0", "?page_size=101", "?page=x"] {
        page(query).status(400);
    }
    assert_eq!(page("/employee-3").status(200).json(), seen[2]);
    for id in ["/employee-0", "/employee-26", "/x"] {
        page(id).status(404);
    }
    let mut client = Client::to(provider.address);
    let made = client.post("/api/employees", "X-Api-Key: sample-key\r\n", r#"{"name":"New"}"#);
    assert_eq!(made.status(201).json()["name"], "New");
    client.post("/api/employees", "X-Api-Key: sample-key\r\n", "{").status(422);
    let delete =
        "DELETE /api/employees/employee-1 HTTP/1.1\r\nHost: x\r\nX-Api-Key: sample-key\r\n\r\n";
    client.send(delete).unwrap();
    client.answer().unwrap().status(204);
}

#[test]
fn it_describes_itself() {
    let provider = Provider::start();
    let body = provider.get("/.well-known/oauth-authorization-server", "").status(200).json();
    let issuer = format!("http://{}", provider.address);
    assert_eq!(body["issuer"], issuer.as_str());
    assert_eq!(body["token_endpoint"], format!("{issuer}/oauth/token"));
    assert_eq!(body["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    assert_eq!(body["authorization_response_iss_parameter_supported"], true);
}

#[test]
fn what_it_keeps_is_bounded() {
    let provider = Provider::start();
    let first = login(&provider.open("app", &[]));
    let mut client = Client::to(provider.address);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let query = Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", "app")
        .append_pair("redirect_uri", BACK)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256")
        .finish();
    for _ in 0..1_000 {
        client.get(&format!("/oauth/authorize?{query}"), "").status(200);
    }
    let form = [("login", first.as_str()), ("decision", "allow")];
    provider.form("/oauth/authorize", "", &form).status(400);
    let long = "x".repeat(70_000);
    provider.form("/oauth/token", &basic("app", CLIENT_SECRET), &[("code", &long)]).status(413);
}
