//! The hub API and the pages of end users over HTTP: who gets in, what is shown, what is refused.

use std::time::{Duration, Instant};

use hubctl::api::{END_USER_OPERATIONS, EndUserOperation};
use serde_json::{Value, json};

use crate::support::cli::TestHome;
use crate::support::frames::Multiplexed;
use crate::support::serving::{Answer, Client, PATIENCE, Serving};

use super::description::Checker;
use super::{Api, text};

/// A connector of one's own that asks for a name and a key; nothing calls it.
const ACME: &str = include_str!("../browser/acme.json");
const ORIGIN: &str = "Origin: https://product.example\r\n";

/// A hub with two connectors, one of them the sample provider, which answers.
pub(super) struct World {
    pub(super) home: TestHome,
    pub(super) serving: Serving,
    pub(super) api: Api,
}

impl World {
    pub(super) fn start() -> Self {
        let home = TestHome::new();
        home.file("acme.json", ACME);
        home.run("connectors import acme.json").code(0);
        home.run("connectors enable acme").code(0);
        let (mut serving, api) = Api::serve(&home, "--with-sample-provider");
        serving.wait_for(|line| line.contains("the sample provider is at"));
        Self { home, serving, api }
    }

    pub(super) fn token(&self, more: &Value) -> String {
        let mut body = json!({"origin_owner_id": "acme-7", "origin_owner_name": "Globex"});
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        text(&self.api.post("/connect_sessions", &body).status(201).json(), "token")
    }

    /// The hub as the end user with this token asks it.
    pub(super) fn user(&self, token: &str) -> Api {
        self.api.saying(&format!("x-hub-session-token: {token}\r\n{ORIGIN}"))
    }

    pub(super) fn config(&self, connector: &str) -> String {
        let all = self.api.get("/admin/auth_configs").json();
        let found = all.as_array().unwrap().iter().find(|row| row["connector_key"] == connector);
        text(found.unwrap(), "id")
    }

    pub(super) fn accounts(&self) -> Vec<Value> {
        self.api.get("/accounts").status(200).json().as_array().unwrap().clone()
    }

    /// Opens a page as a browser would.
    pub(super) fn open(&self, path: &str) -> Answer {
        self.serving.get(path)
    }

    pub(super) fn submit(&self, path: &str, headers: &str, form: &[(&str, &str)]) -> Answer {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(form).finish();
        let length = body.len();
        let mut client = Client::to(self.serving.address);
        let sent = client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: hub\r\nContent-Length: {length}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n{headers}\r\n{body}"
        ));
        sent.unwrap();
        client.answer().unwrap()
    }
}

pub(super) fn form_token(page: &Answer) -> String {
    let page = page.text();
    let (_, rest) = page.split_once("name=\"form_token\" value=\"").expect("a form");
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn hb_16_hb_17_pages_of_any_origin_may_ask_the_hub_api_and_nothing_else() {
    let world = World::start();
    let preflight = |path: &str, method: &str| {
        let asks = "Access-Control-Request-Headers: content-type,x-hub-session-token,x-hub-version";
        let headers = format!("{ORIGIN}Access-Control-Request-Method: {method}\r\n{asks}\r\n");
        world.api.saying(&headers).ask("OPTIONS", path, None)
    };
    for (path, method) in [
        ("/hub/settings", "GET"),
        // Where the base address ends in a slash.
        ("//hub/settings", "GET"),
        ("/hub/accounts", "POST"),
        ("/hub/accounts/x", "PATCH"),
        ("/hub/connection_attempts/x", "DELETE"),
    ] {
        let answer = preflight(path, method);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        let methods = &answer.headers["access-control-allow-methods"];
        for wanted in ["GET", "POST", "PATCH", "DELETE", "OPTIONS"] {
            assert!(methods.contains(wanted), "{methods}");
        }
        let headers = &answer.headers["access-control-allow-headers"];
        assert_eq!(headers, "content-type,x-hub-session-token,x-hub-version");
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    }
    // Answers can be read there too, refusals among them, wherever they are made.
    assert_eq!(preflight("/hub/nope", "GET").headers["access-control-allow-origin"], "*");
    let user = world.user("hcs_1_x");
    let long = |headers: &str| user.saying(&format!("{ORIGIN}{headers}\r\n"));
    for (status, refused) in [
        (401, user.get("/hub/settings")),
        (404, user.get("/hub/nope")),
        (404, user.get("/hub")),
        (413, user.post("/hub/accounts", &json!({ "integration_id": "x".repeat(2 << 20) }))),
        (431, long(&format!("X-Long: {}", "x".repeat(17 << 10))).get("/hub/settings")),
    ] {
        assert_eq!(refused.status, status);
        refused.problem();
        assert_eq!(refused.headers["access-control-allow-origin"], "*", "{status}");
    }
    for path in ["/accounts", "/connect_sessions", "/admin/auth_configs", "/openapi.json"] {
        let answer = preflight(path, "GET");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
    }
}

#[test]
fn hb_16_the_base_address_may_end_in_a_slash_for_what_end_users_ask_alone() {
    let world = World::start();
    let user = world.user(&world.token(&json!({})));
    let settings = |path: &str| user.get(path).status(200).json();
    assert_eq!(settings("//hub/settings"), settings("/hub/settings"));
    let form = user.get(&format!("//hub/connectors/{}", world.config("acme"))).status(200);
    assert_eq!(form.headers["access-control-allow-origin"], "*");
    let login = world.open("/connect/oauth2/x").status;
    assert_ne!(login, 404);
    assert_eq!(world.open("//connect/oauth2/x").status, login);
    for path in ["//accounts", "//admin/auth_configs", "//openapi.json"] {
        assert_eq!(world.api.get(path).status, 404, "{path}");
    }
}

#[test]
fn hb_15_a_key_is_no_token_and_a_token_is_no_key() {
    let world = World::start();
    let token = world.token(&json!({}));
    let key = world.home.key("another", &["platform:read"]);
    let refused = world.user(&key).get("/hub/settings").status(401);
    refused.problem();
    assert!(!refused.headers.contains_key("www-authenticate"), "no browser asks for a password");
    world.api.get("/hub/settings").status(401);
    world.api.holding(&token).get("/accounts").status(401);
    world.user(&token).get("/hub/settings").status(200);
}

#[test]
fn threat_08_wrong_tokens_get_one_answer_and_soon_none() {
    let world = World::start();
    let token = world.token(&json!({}));
    let secret = crate::support::secret_part(&token);
    let row = token.strip_suffix(secret).unwrap().trim_end_matches('_');
    let flipped: String = secret.chars().rev().collect();
    let wrong = [
        token[..token.len() - 1].to_owned(),
        format!("{token}x"),
        format!("hcs_999_{secret}"),
        format!("{row}_{flipped}"),
        "hcs_".to_owned(),
        "x".to_owned(),
    ];
    let mut told = Vec::new();
    for wrong in &wrong {
        let mut body = world.user(wrong).get("/hub/settings").status(401).json();
        for varies in ["timestamp", "request_id"] {
            body.as_object_mut().unwrap().remove(varies);
        }
        told.push(body);
    }
    assert!(told.windows(2).all(|two| two[0] == two[1]), "{told:#?}");
    let mut last = 0;
    for number in 0..40 {
        // The page's address is guessed against the same account.
        last = match number % 2 {
            0 => world.user(&wrong[0]).get("/hub/connectors").status,
            _ => world.open(&format!("/connect/{}", wrong[1])).status,
        };
    }
    assert_eq!(last, 429);
    world.user(&token).get("/hub/settings").status(200);
}

#[test]
fn hb_12_an_account_is_linked_and_edited_as_the_component_does_it() {
    let world = World::start();
    let user = world.user(&world.token(&json!({"provider": "sample", "label": "Main"})));
    let settings = user.get("/hub/settings").status(200).json();
    assert_eq!(settings["enabled_features"], json!(["hub_link_account_release"]));
    assert!(settings.get("existing_account_id").is_none());
    let listed = user.get("/hub/connectors").status(200).json();
    let [only] = listed["integrations"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!((&only["active"], &only["provider"]), (&json!(true), &json!("sample")));
    let id = text(only, "integration_id");
    let form = user.get(&format!("/hub/connectors/{id}")).status(200).json();
    assert_eq!(form["config"]["configFields"][0]["key"], "api_key");
    assert_eq!(form["hub_settings"]["project_settings"], json!({}));
    let with = |key: &str| json!({"integration_id": id, "credentials": {"api_key": key}});
    let refused = user.post("/hub/accounts", &with("planted-wrong")).status(422);
    let message: Value = serde_json::from_str(&text(&refused.json(), "message")).unwrap();
    assert!(text(&message, "provider_response").contains("the API key is unknown"), "{message}");
    assert!(!refused.text().contains("planted-wrong"), "{}", refused.text());
    assert_eq!(refused.json()["provider_errors"][0]["status"], 401);
    let missing = user.post("/hub/accounts", &json!({"integration_id": id})).status(400).json();
    assert_eq!(missing["errors"], json!(["api_key: is required"]));
    assert!(world.accounts().is_empty());
    let linked = user.post("/hub/accounts", &with("sample-planted")).status(201).json();
    assert_eq!(linked["provider"], "sample");
    let account = text(&linked, "id");
    let stored = &world.accounts()[0];
    assert_eq!((text(stored, "id"), text(stored, "label")), (account.clone(), "Main".to_owned()));
    // CS-7: the next time it is edited.
    let user = world.user(&world.token(&json!({"account_id": account})));
    let settings = user.get("/hub/settings").status(200).json();
    assert_eq!(settings["existing_account_id"], account.as_str());
    let shown = user.get(&format!("/hub/accounts/{account}")).status(200);
    let edited = shown.json();
    assert_eq!(edited["secrets"], json!({"api_key": "__secretvalue:**redacted**"}));
    assert_eq!(edited["integrationId"], id.as_str());
    assert!(!shown.text().contains("planted"), "{edited}");
    let path = format!("/hub/accounts/{account}");
    user.patch(&path, &json!({"integration_id": id, "credentials": {}})).status(200);
    user.patch(&path, &with("__secretvalue:**redacted**")).status(200);
    user.patch(&path, &with("wrong")).status(422);
    // A page may name it where the session does not.
    let open = world.user(&world.token(&json!({})));
    open.get(&path).status(200);
    open.patch(&path, &json!({"integration_id": id, "credentials": {}})).status(200);
    // HB-14: nothing else is there.
    user.get("/hub/accounts/another").status(404);
    let other = world.user(&world.token(&json!({"provider": "sample", "multiple": true})));
    other.get(&path).status(404);
    other.patch(&path, &with("sample-other")).status(404);
    assert_eq!(world.accounts().len(), 1);
}

#[test]
fn threat_10_threat_11_a_session_reaches_its_own_connector_and_owner_alone() {
    let world = World::start();
    let user = world.user(&world.token(&json!({"provider": "acme"})));
    let sample = world.config("sample");
    let body = json!({"integration_id": sample, "credentials": {"api_key": "sample-x"}});
    for answer in
        [user.get(&format!("/hub/connectors/{sample}")), user.post("/hub/accounts", &body)]
    {
        assert_eq!((answer.status, answer.problem().as_str()), (409, "connect.not_offered"));
    }
    user.get("/hub/connectors/00000000-0000-7000-8000-000000000000").status(404);
    assert!(world.accounts().is_empty());
    let user = world.user(&world.token(&json!({})));
    let mut body = body;
    for (key, value) in [
        ("origin_owner_id", "mallory"),
        ("account_id", "x"),
        ("project", "other"),
        ("label", "theirs"),
        ("type", "test"),
    ] {
        body[key] = value.into();
    }
    user.post("/hub/accounts", &body).status(201);
    let account = &world.accounts()[0];
    assert_eq!(account["origin_owner_id"], "acme-7");
    assert_eq!((&account["label"], &account["type"]), (&Value::Null, &json!("production")));
}

#[test]
fn oa_3_oa_7_attempts_are_their_own_sessions() {
    let world = World::start();
    let token = world.token(&json!({}));
    let user = world.user(&token);
    let made = user.post("/hub/connection_attempts", &json!({"token": token})).status(201).json();
    let path = format!("/hub/connection_attempts/{}", text(&made, "id"));
    let pending = json!({"status": "pending", "account": null, "error": null});
    assert_eq!(user.get(&path).status(200).json(), pending);
    let other = world.user(&world.token(&json!({})));
    other.get(&path).status(404);
    other.delete(&path).status(404);
    let of_two = other.post("/hub/connection_attempts", &json!({"token": token})).status(400);
    assert_eq!(of_two.problem(), "usage.bad_value", "HB-14");
    assert_eq!(user.delete(&path).status(204).body, b"");
    user.delete(&path).status(204);
    assert_eq!(user.get(&path).status(200).json()["status"], "cancelled");
    // Where older releases ask, with the token in the body alone.
    let bare = world.api.saying(ORIGIN);
    let old = "/connect_sessions/connection_attempts";
    let made = bare.post(old, &json!({"token": token})).status(201).json();
    let path = format!("{old}/{}", text(&made, "id"));
    bare.get(&path).status(401);
    user.get(&path).status(200);
    bare.post(old, &json!({"token": "x"})).status(401);
}

#[test]
fn threat_01_threat_04_a_login_ends_where_it_began_or_not_at_all() {
    let world = World::start();
    world
        .home
        .run(
            "connectors add sample --auth oauth2 --set client_id=sample-auto \
             --set client_secret=sample-secret --default",
        )
        .code(0);
    let token = world.token(&json!({"provider": "sample"}));
    let offered = world.user(&token).get("/hub/connectors").json();
    let id = text(&offered["integrations"][0], "integration_id");
    for state in ["", "?state=", "?state=hst_1_x", "?code=x", "?state=a&state=b"] {
        let page = world.open(&format!("/connect/oauth2/sample/callback{state}"));
        assert_eq!(page.status, 400, "{state}");
        assert!(page.headers["content-type"].starts_with("text/html"));
    }
    // The hub goes by the connector's key as well, as older components have it.
    let begun = world.open(&format!("/connect/oauth2/sample?token={token}")).status(302);
    assert!(begun.headers["location"].contains("state=hst_"));
    let begun = world.open(&format!("/connect/oauth2/{id}?token={token}")).status(302);
    let cookie = &begun.headers["set-cookie"];
    for wanted in ["hubctl_login_", "; Max-Age=600; ", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(wanted), "{cookie}");
    }
    assert!(cookie.contains("Path=/connect/oauth2;"), "{cookie}");
    assert_eq!(begun.headers["referrer-policy"], "no-referrer");
    let location: url::Url = begun.headers["location"].parse().unwrap();
    let provider = location.socket_addrs(|| None).unwrap()[0];
    let path = &location[url::Position::BeforePath..];
    let back = Client::to(provider).get(path, "").status(303);
    let back: url::Url = back.headers["location"].parse().unwrap();
    let back = &back[url::Position::BeforePath..];
    world.open(back).status(403);
    assert!(world.accounts().is_empty());
    // The attempt is over: the right cookie comes too late.
    let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    world.serving.connect().get(back, &cookie).status(400);
    assert!(world.accounts().is_empty());
}

#[test]
fn threat_27_what_others_wrote_is_shown_as_text() {
    let world = World::start();
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";
    let token = world.token(&json!({"origin_owner_name": hostile, "provider": "acme"}));
    let page = world.open(&format!("/connect/{token}")).status(200);
    let html = page.text();
    assert!(!html.contains("<script>alert") && !html.contains("<img"), "{html}");
    assert!(html.contains("&#60;script&#62;alert(1)"), "{html}");
    let policy = &page.headers["content-security-policy"];
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    let nonce = policy.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(nonce.len(), 22);
    assert_eq!(html.matches("<script").count(), 1);
    assert!(html.contains(&format!("<script nonce=\"{nonce}\">")));
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(page.headers[name], value);
    }
    assert!(page.headers.contains_key("permissions-policy"));
    let again = world.open(&format!("/connect/{token}"));
    assert!(!again.headers["content-security-policy"].contains(nonce), "nonces are used once");
    // What a form brings is shown as text as well.
    let action = format!("/connect/{token}/{}", world.config("acme"));
    let mark = form_token(&page);
    let form = [("form_token", mark.as_str()), ("v.subdomain", hostile), ("v.api_key", "planted")];
    let refused = world.submit(&action, "", &form).status(400).text();
    assert!(!refused.contains("<script>alert") && !refused.contains("<img"), "{refused}");
    assert!(!refused.contains("planted"), "a secret is not sent back");
}

#[test]
fn threat_28_a_form_from_elsewhere_is_refused_and_nothing_is_done() {
    let world = World::start();
    let token = world.token(&json!({"provider": "sample"}));
    let page = world.open(&format!("/connect/{token}")).status(200);
    let (action, mark) =
        (format!("/connect/{token}/{}", world.config("sample")), form_token(&page));
    let form = [("form_token", mark.as_str()), ("v.api_key", "sample-planted")];
    for headers in [
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\nOrigin: http://hub\r\n",
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
    ] {
        assert_eq!(world.submit(&action, headers, &form).status, 403, "{headers}");
    }
    let other = world.token(&json!({"provider": "acme"}));
    let other = form_token(&world.open(&format!("/connect/{other}")));
    let form_of_other = [("form_token", other.as_str()), form[1]];
    world.submit(&action, "Sec-Fetch-Site: same-origin\r\n", &form_of_other).status(403);
    world.submit(&action, "Sec-Fetch-Site: same-origin\r\n", &form[1..]).status(403);
    assert!(world.accounts().is_empty());
    let done = world.submit(&action, "Sec-Fetch-Site: same-origin\r\n", &form).status(303);
    assert!(done.headers["location"].starts_with(&format!("/connect/{token}?done=")));
    assert_eq!(world.accounts().len(), 1);
}

#[test]
fn threat_28_over_http_2_a_form_of_the_hubs_own_page_is_known_by_its_origin_as_well() {
    let world = World::start();
    let token = world.token(&json!({"provider": "sample"}));
    let mark = form_token(&world.open(&format!("/connect/{token}")).status(200));
    let action = format!("http://hub/connect/{token}/{}", world.config("sample"));
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    let form = form.append_pair("form_token", &mark).append_pair("v.api_key", "sample-a").finish();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let submit = |origin: &str| {
        let request = http::Request::post(&action).header("origin", origin);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let (request, form) = (request.body(()).unwrap(), form.clone());
        let sent = async {
            Multiplexed::to(world.serving.address).await.send(request, form).await.unwrap()
        };
        runtime.block_on(sent)
    };
    for origin in ["https://evil.example", "http://hub.evil.example", "null"] {
        submit(origin).status(403);
    }
    submit("http://hub").status(303);
    assert_eq!(world.accounts().len(), 1);
}

#[test]
fn threat_09_a_page_of_a_link_that_is_over_has_no_form() {
    let world = World::start();
    let token = world.token(&json!({"provider": "sample"}));
    world.home.run("session revoke 1 --yes").code(0);
    let config = world.config("sample");
    for path in [
        format!("/connect/{token}"),
        format!("/connect/{token}/{config}"),
        format!("/connect/oauth2/{config}?token={token}"),
        "/connect/hcs_1_x".to_owned(),
    ] {
        let page = world.open(&path).status(410).text();
        assert!(page.contains("This link no longer works") && !page.contains("<form"), "{page}");
    }
}

/// Opens a link until it is told that its time is over.
fn wait_until_over(open: impl Fn() -> Answer) -> Answer {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = open();
        if answer.status != 200 {
            return answer;
        }
        assert!(Instant::now() < until, "a session of a second goes on");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// The answer without what names the request.
fn told(answer: &Answer) -> Value {
    let mut body = answer.json();
    for name in ["request_id", "timestamp"] {
        body.as_object_mut().unwrap().remove(name).unwrap();
    }
    body
}

#[test]
fn threat_09_cs_28_a_link_that_has_expired_says_so_to_who_has_it_alone() {
    let world = World::start();
    world.home.run("projects update default --display-name Northwind").code(0);
    let token = world.token(&json!({"provider": "sample", "expires_in": 1}));
    let link = format!("/connect/{token}");
    let form = world.open(&link);
    let config = world.config("sample");
    let over = wait_until_over(|| world.open(&link));
    for answer in [
        over,
        world.open(&format!("/connect/{token}/{config}")),
        world.open(&format!("/connect/{token}?c={config}")),
        world.open(&format!("/connect/oauth2/{config}?token={token}")),
    ] {
        let page = answer.status(410);
        let html = page.text();
        assert!(html.contains("This link has expired") && html.contains("Northwind"), "{html}");
        assert!(!html.contains("<form") && !html.contains("no longer works"), "{html}");
        assert_eq!(page.headers["cache-control"], "no-store");
    }
    // A form that was open before is not taken any more.
    if form.status == 200 {
        let mark = form_token(&form);
        let sent = [("form_token", mark.as_str()), ("v.api_key", "sample-planted")];
        let action = format!("/connect/{token}/{config}");
        let late = world.submit(&action, "Sec-Fetch-Site: same-origin\r\n", &sent).status(410);
        assert!(late.text().contains("This link has expired"));
    }
    assert!(world.accounts().is_empty());
    // Who does not have the link learns nothing: every near miss is told what all are told.
    let (cut, longer) = (&token[..token.len() - 1], format!("{token}x"));
    for guess in [cut, &longer, "hcs_1_x"] {
        let html = world.open(&format!("/connect/{guess}")).status(410).text();
        assert!(html.contains("This link no longer works"), "{html}");
        assert!(!html.contains("Northwind") && !html.contains("expired"), "{html}");
    }
    // The hub API tells nobody the difference.
    let (expired, unknown) = (world.user(&token), world.user(cut));
    let body = json!({"integration_id": config, "credentials": {"api_key": "sample-planted"}});
    for (method, path, body) in [
        ("GET", "/hub/settings", None),
        ("GET", "/hub/connectors", None),
        ("POST", "/hub/accounts", Some(&body)),
        ("POST", "/hub/connection_attempts", None),
    ] {
        let answer = expired.ask(method, path, body).status(401);
        assert_eq!(answer.problem(), "session.token_invalid", "{path}");
        assert_eq!(told(&answer), told(&unknown.ask(method, path, body).status(401)), "{path}");
    }
    let path = "/hub/accounts/01999999-9999-7999-8999-999999999901";
    let renewed = expired.patch(path, &body).status(400);
    assert_eq!(told(&renewed), told(&unknown.patch(path, &body).status(400)));
    assert!(world.accounts().is_empty());
}

#[test]
fn an_expired_link_that_is_opened_often_is_no_guess() {
    let world = World::start();
    let token = world.token(&json!({"expires_in": 1}));
    let link = format!("/connect/{token}");
    wait_until_over(|| world.open(&link));
    for _ in 0..40 {
        world.open(&link).status(410);
    }
    // Whereas guesses are counted.
    let statuses: Vec<u16> = (0..40).map(|_| world.open("/connect/hcs_1_x").status).collect();
    assert!(statuses.contains(&410) && statuses.contains(&429), "{statuses:?}");
}

#[test]
fn a_page_is_small_however_much_there_is_to_choose_from() {
    let home = TestHome::new();
    let mut many = String::new();
    for number in 0..300 {
        let name = format!("A product with quite a long name {number}");
        let more = ACME.replacen("\"acme\"", &format!("\"acme{number}\""), 1);
        let more: Value = serde_json::from_str(&more.replacen("Acme People", &name, 1)).unwrap();
        many.push_str(&format!("{more}\n"));
    }
    home.file("many.jsonl", many);
    home.run("connectors import many.jsonl").code(0);
    let keys: String = (0..300).map(|number| format!(" acme{number}")).collect();
    home.run(&format!("connectors enable{keys}")).code(0);
    let (serving, api) = Api::serve(&home, "");
    let body = json!({"origin_owner_id": "o", "origin_owner_name": "O"});
    let token = text(&api.post("/connect_sessions", &body).status(201).json(), "token");
    let page = serving.get(&format!("/connect/{token}")).status(200);
    assert!(page.body.len() < 50 << 10, "{} bytes", page.body.len());
    let html = page.text();
    assert!(html.contains("300 apps") && html.contains("More apps fit"), "{html}");
    assert!(!html.contains(" data-whole>"), "typing finds on the page only what is there");
    // Without script, the search finds what is not shown.
    let found = serving.get(&format!("/connect/{token}?q=NAME%20299&category=hris")).text();
    assert!(found.contains("1 app") && found.contains("long name 299"), "{found}");
    let none = serving.get(&format!("/connect/{token}?q=%3Cb%3E")).text();
    assert!(none.contains("No app fits your search.") && !none.contains("<b>"), "{none}");
    let form = serving.get(&format!("/connect/{token}?c={}", {
        let row = api.get("/admin/auth_configs?search=acme299").json();
        text(&row[0], "id")
    }));
    assert!(form.status(200).body.len() < 50 << 10);
}

/// A path with this in place of what it names.
fn named(operation: &EndUserOperation, name: &str) -> String {
    match (operation.path.find('{'), operation.path.find('}')) {
        (Some(from), Some(to)) => {
            format!("{}{name}{}", &operation.path[..from], &operation.path[to + 1..])
        }
        _ => operation.path.to_owned(),
    }
}

/// A body with which an operation succeeds.
fn body_for(id: &str, config: &str, token: &str) -> Option<Value> {
    match id {
        "hub.accounts.create" | "hub.accounts.update" => Some(
            json!({"integration_id": config, "credentials": {"api_key": "sample-planted-again"}}),
        ),
        "hub.attempts.create" => Some(json!({ "token": token })),
        _ => None,
    }
}

#[test]
fn every_operation_of_end_users_answers_as_described() {
    let world = World::start();
    let (config, acme) = (world.config("sample"), world.config("acme"));
    let first = world.token(&json!({"provider": "sample"}));
    let body = body_for("hub.accounts.create", &config, &first);
    let linked = world.user(&first).ask("POST", "/hub/accounts", body.as_ref()).status(201).json();
    let account = text(&linked, "id");
    // In edit mode everything of an account is answered, and its stored secret is a mark.
    let token = world.token(&json!({"provider": "sample", "account_id": account}));
    let user = world.user(&token);
    let missing = "01999999-9999-7999-8999-999999999901";
    let mut checker = Checker::new(&world.api);
    for operation in END_USER_OPERATIONS {
        let &EndUserOperation { id, method, path } = operation;
        let name = match id {
            "hub.connectors.get" => config.clone(),
            "hub.accounts.get" | "hub.accounts.update" => account.clone(),
            _ if path.contains('{') => {
                let made = user.ask("POST", "/hub/connection_attempts", None).status(201);
                text(&made.json(), "id")
            }
            _ => String::new(),
        };
        let body = body_for(id, &config, &token);
        let ask = |api: &Api, name: &str| api.ask(method, &named(operation, name), body.as_ref());
        let mut check = |answer: &Answer| checker.check_at(id, method, path, answer);
        // Neither nobody nor the holder of an API key gets in, nor who guesses.
        let guess = world.user("hcs_1_neverneverneverneverneverneverneverneve");
        // The component takes 401 for a success where credentials come anew.
        let shut = if id == "hub.accounts.update" { 400 } else { 401 };
        if id == "hub.attempts.create" {
            // Old releases send the token in the body alone.
            check(&user.saying(ORIGIN).ask(method, path, None).status(401));
            check(&ask(&user.saying(ORIGIN), &name).status(201));
        } else {
            check(&ask(&user.saying(ORIGIN), &name).status(shut));
            check(&ask(&world.api, &name).status(shut));
        }
        check(&ask(&guess, &name).status(shut));
        if path.contains('{') {
            check(&ask(&user, missing).status(404));
            check(&ask(&user, "nonsense").status(404));
        }
        if body.is_some() {
            for bad in [json!([]), json!("text"), json!(7)] {
                check(&user.ask(method, &named(operation, &name), Some(&bad)).status(400));
            }
        }
        let answer = ask(&user, &name);
        assert!((200..300).contains(&answer.status), "{id}: {}", answer.text());
        assert!(!answer.text().contains("sample-planted"), "{id}: {}", answer.text());
        check(&answer);
    }
    // Forms and lists of other shapes, and how other logins end.
    let all = world.user(&world.token(&json!({})));
    checker.check_at(
        "hub.connectors.list",
        "GET",
        "/hub/connectors",
        &all.get("/hub/connectors").status(200),
    );
    let form = all.get(&format!("/hub/connectors/{acme}")).status(200);
    checker.check_at("hub.connectors.get", "GET", "/hub/connectors/{integration_id}", &form);
    checker.check_at(
        "hub.settings.get",
        "GET",
        "/hub/settings",
        &all.get("/hub/settings").status(200),
    );
    let wrong = json!({"integration_id": config, "credentials": {"api_key": "wrong"}});
    let refused = all.post("/hub/accounts", &wrong).status(422);
    checker.check_at("hub.accounts.create", "POST", "/hub/accounts", &refused);
    let attempt = text(&all.ask("POST", "/hub/connection_attempts", None).json(), "id");
    let at = format!("/hub/connection_attempts/{attempt}");
    for wanted in ["pending", "cancelled"] {
        let answer = all.get(&at).status(200);
        assert_eq!(answer.json()["status"], wanted);
        checker.check_at("hub.attempts.get", "GET", "/hub/connection_attempts/{id}", &answer);
        all.delete(&at).status(204);
    }
    for operation in END_USER_OPERATIONS {
        let seen = checker.seen(operation.id);
        assert!(seen.iter().any(|status| *status < 300), "{}: {seen:?}", operation.id);
        // Where releases 1.3.0 to 1.3.2 ask, the same answers.
        if let Some(old) = operation.old_path() {
            let old = old.replace("{id}", &attempt);
            assert_eq!(all.ask(operation.method, &old, None).status / 100, 2, "{old}");
        }
    }
}
