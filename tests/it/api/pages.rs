//! What others wrote on the end user's pages, what else may ask for something there, and answers of
//! issuers that were not asked.

use hubctl::domain::connector::Connector;
use serde_json::{Value, json};
use url::Url;

use crate::support::cli::TestHome;
use crate::support::http::{FakeHub, Reply};
use crate::support::serving::Answer;

use super::end_user::{World, form_token};
use super::{Api, text};

/// What runs where it is not shown as text, with a mark that says where it came from.
fn hostile(mark: &str) -> String {
    format!("{mark}<script>alert(1)</script>\"'><img src=x onerror=alert(2)>")
}

/// The same as a page shows it.
fn escaped(mark: &str) -> String {
    format!("{mark}&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#62;&#60;img src=x")
}

/// Fails for a page on which anything of it is more than text, or where one of these is not shown.
#[track_caller]
fn shows_as_text(page: &Answer, marks: &[&str]) {
    let html = page.text();
    let policy = &page.headers["content-security-policy"];
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    let nonce = policy.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(html.matches("<script").count(), 1, "{html}");
    assert!(html.contains(&format!("<script nonce=\"{nonce}\">")));
    assert!(!html.contains("<img") && !html.contains("\"'>"), "{html}");
    for mark in marks {
        assert!(html.contains(&escaped(mark)), "{mark}: {html}");
    }
}

const ROOT: &str = "https://evil.example";

/// A connector every text of which would run, if it could.
fn definition() -> Connector {
    let section = json!({
        "title": hostile("title"), "content": hostile("content"), "list": [hostile("point")],
        "steps": [],
    });
    serde_json::from_value(json!({
        "key": "evil", "name": hostile("name"), "description": hostile("about"),
        "categories": ["hris"], "base_url": ROOT,
        "verify": {"method": "GET", "path": "/me", "expect_status": 200},
        "auth": [{
            "key": "api_key", "type": "api_key", "label": hostile("method"),
            "config_fields": [
                {"key": "api_key", "label": hostile("label"), "type": "password", "secret": true,
                 "required": true, "placeholder": hostile("placeholder"),
                 "description": hostile("description"), "tooltip": hostile("tooltip")},
                {"key": "note", "label": hostile("other"), "type": "text",
                 "default": hostile("default")},
                {"key": "region", "label": "Region", "type": "select", "default": "eu",
                 "options": [{"value": "eu", "label": hostile("option")}]},
            ],
            "required_scopes": [hostile("scope")],
            "notices": [{"key": "n", "type": "warning", "form": "config", "position": "top",
                         "description": hostile("notice")}],
            "support": {"guides": {"config": {"warning": hostile("warning"),
                                              "sections": [section]}}},
            "authorization": {"type": "header", "header": {"X-Api-Key": "${api_key}"}},
        }],
    }))
    .unwrap()
}

#[test]
fn threat_27_what_a_definition_a_provider_or_a_session_says_is_shown_as_text() {
    let provider = FakeHub::start(|asked, _| match asked.header("x-api-key") {
        "right" => Reply::json(200, &json!({})),
        _ => Reply::json(401, &json!({ "message": hostile("reason") })),
    });
    let home = TestHome::new();
    home.knows(&definition(), (ROOT, provider.address()));
    home.run("connectors enable evil hubspot").code(0);
    let (serving, api) = Api::serve(&home, "--allow-target 127.0.0.0/8");
    let world = World { home, serving, api };
    let session = |more: Value| {
        let mut all = json!({
            "origin_owner_name": hostile("owner"), "origin_username": hostile("user"),
            "label": hostile("mine"), "metadata": { hostile("tag"): hostile("value") },
        });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("/connect/{}", world.token(&all))
    };
    let list = world.open(&session(json!({}))).status(200);
    shows_as_text(&list, &["owner", "name"]);
    let found = world.open(&format!("{}?q=%22%3E%3Cscript%3E", session(json!({})))).status(200);
    shows_as_text(&found, &["owner"]);
    let link = session(json!({"provider": "evil"}));
    let form = world.open(&link).status(200);
    let of_form = [
        "owner",
        "name",
        "label",
        "placeholder",
        "description",
        "tooltip",
        "other",
        "default",
        "option",
        "scope",
        "notice",
        "warning",
        "title",
        "content",
        "point",
    ];
    shows_as_text(&form, &of_form);
    let action = format!("{link}/{}", world.config("evil"));
    let mark = form_token(&form);
    let submit = |key: &str, region: &str| {
        let note = hostile("note");
        let form = [
            ("form_token", mark.as_str()),
            ("v.api_key", key),
            ("v.note", &note),
            ("v.region", region),
        ];
        world.submit(&action, "", &form)
    };
    let refused = submit("wrong", "eu").status(422);
    shows_as_text(&refused, &["owner", "name", "reason", "note"]);
    // What was chosen from the start may be what is wrong.
    assert!(refused.text().contains("the right Region is chosen"), "{}", refused.text());
    shows_as_text(&submit("right", &hostile("choice")).status(400), &["owner", "name", "note"]);
    let done = submit("right", "eu").status(303);
    shows_as_text(&world.open(&done.headers["location"]).status(200), &["name"]);
    // The account has all of it by now, and its page shows what may be shown.
    let account = text(&world.accounts()[0], "id");
    let edited = session(json!({ "account_id": account }));
    shows_as_text(&world.open(&edited).status(200), &["owner", "name", "label", "note"]);
    for told in [&list, &form] {
        for kept in ["tag", "value", "user"] {
            assert!(!told.text().contains(&escaped(kept)), "{kept} is nothing for the page");
        }
    }
}

#[test]
fn threat_27_what_a_provider_sends_a_login_back_with_is_shown_as_text() {
    let world = World::start();
    let config = world.logins("sample-auto");
    let token = world.token(&json!({"provider": "sample"}));
    for (code, described) in [("access_denied", true), ("server_error", true), ("x", false)] {
        let login = world.begin(&token, &config);
        let state = member(&login.back, "state");
        let told = if described { hostile("reason") } else { String::new() };
        let (code, told) = (encoded(&hostile(code)), encoded(&told));
        let back = format!(
            "/connect/oauth2/sample/callback?state={state}&error={code}&error_description={told}"
        );
        let marks: &[&str] = if described { &["reason"] } else { &[] };
        // On a page of its own, as a window of the component's would show it.
        let bound = login.cookies.split(';').next().unwrap();
        let page = world.serving.connect().get(&back, &format!("{bound}\r\n")).status(200);
        shows_as_text(&page, marks);
    }
    assert!(world.accounts().is_empty());
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A parameter of an address of the hub.
fn member(path: &str, name: &str) -> String {
    let url: Url = format!("http://hub{path}").parse().unwrap();
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.unwrap().1.into_owned()
}

#[test]
fn threat_06_an_answer_of_another_issuer_links_nothing_through_the_whole_door() {
    let world = World::start();
    let config = world.logins("sample-auto");
    let token = world.token(&json!({"provider": "sample"}));
    let issuer = |back: &str| member(back, "iss");
    for forge in ["https://evil.example", "twice", "slash", ""] {
        let login = world.begin(&token, &config);
        let own = encoded(&issuer(&login.back));
        let wrong = match forge {
            "twice" => format!("{own}&iss=https%3A%2F%2Fevil.example"),
            "slash" => format!("{own}%2F"),
            forge => encoded(forge),
        };
        let back = login.back.replace(&format!("iss={own}"), &format!("iss={wrong}"));
        assert_ne!(back, login.back, "{forge}");
        let refused = world.serving.connect().get(&back, &login.cookies).status(400);
        assert!(refused.text().contains("This sign-in can&#39;t be completed"), "{forge}");
        // The attempt is over: the right answer comes too late.
        world.serving.connect().get(&login.back, &login.cookies).status(400);
        assert!(world.accounts().is_empty(), "{forge}");
    }
    let login = world.begin(&token, &config);
    let page = world.come_back(&login).status(200).text();
    assert!(page.contains("Sample provider is connected"), "{page}");
    assert_eq!(world.accounts().len(), 1);
}

#[test]
fn threat_26_no_parameter_of_an_address_says_where_the_hub_is() {
    let world = World::start();
    let token = world.token(&json!({}));
    let form = world.config("acme");
    let names = [
        "api",
        "api_host",
        "api_url",
        "apiUrl",
        "apiHost",
        "base_url",
        "baseUrl",
        "host",
        "url",
        "hub",
        "hub_url",
        "app_url",
        "appUrl",
        "redirect",
        "redirect_uri",
        "return_to",
        "origin",
    ];
    let evil = "https://evil.example";
    let query: Vec<String> = names.iter().map(|name| format!("{name}={}", encoded(evil))).collect();
    let query = query.join("&");
    let plain = |page: &Answer| {
        let policy = page.headers["content-security-policy"].clone();
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        (policy.replace(nonce, ""), page.text().replace(nonce, ""))
    };
    for path in [format!("/connect/{token}"), format!("/connect/{token}/{form}")] {
        let [without, with] =
            [path.clone(), format!("{path}?{query}")].map(|path| world.open(&path).status(200));
        assert_eq!(plain(&without), plain(&with), "{path}");
        assert!(plain(&with).0.contains("form-action 'self';"), "{path}");
        assert!(!format!("{:?} {}", with.headers, with.text()).contains("evil.example"));
    }
    // Nor does a header: the addresses on the page name no host at all.
    let asked = world.serving.connect().get(
        &format!("/connect/{token}/{form}"),
        "X-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n",
    );
    assert!(!asked.status(200).text().contains("evil.example"));
}

/// How a browser sends a form of another site that knows everything but the key or the token.
const FOREIGN: &str = "Sec-Fetch-Site: cross-site\r\nOrigin: https://evil.example\r\n";

#[test]
fn threat_28_nothing_is_cancelled_by_a_form_from_elsewhere() {
    let world = World::start();
    let config = world.logins("sample-app");
    let token = world.token(&json!({"provider": "sample"}));
    let begun = world.open(&format!("/connect/oauth2/{config}?token={token}")).status(302);
    let cookie = begun.headers["set-cookie"].split(';').next().unwrap();
    let user = world.user(&token);
    let made = user.post("/hub/connection_attempts", &json!({})).status(201).json();
    let path = format!("/hub/connection_attempts/{}", text(&made, "id"));
    // A browser has the cookies of a login and nothing else to add by itself.
    let headers = format!("{FOREIGN}Cookie: {cookie}\r\n");
    let overriding = format!("{headers}X-HTTP-Method-Override: DELETE\r\n");
    let form = [("_method", "DELETE"), ("token", token.as_str())];
    for (target, headers) in [
        (path.clone(), &headers),
        (path.clone(), &overriding),
        (format!("{path}?_method=DELETE&token={token}"), &headers),
        (format!("{path}/cancel"), &headers),
    ] {
        let refused = world.submit(&target, headers, &form);
        assert!(matches!(refused.status, 401 | 404 | 405), "{target}: {refused:?}");
    }
    let bare = world.api.saying(&headers);
    bare.delete(&path).status(401);
    assert_eq!(user.get(&path).status(200).json()["status"], "pending");
    user.delete(&path).status(204);
}

#[test]
fn threat_28_a_key_that_a_browser_adds_by_itself_changes_nothing_for_another_site() {
    use base64::Engine as _;
    let world = World::start();
    let key = world.api.headers.trim().rsplit(' ').next().unwrap().to_owned();
    let config = world.config("sample");
    let token = world.token(&json!({"provider": "sample"}));
    let body = json!({"integration_id": config, "credentials": {"api_key": "sample-1"}});
    let account = text(&world.user(&token).post("/hub/accounts", &body).status(201).json(), "id");
    // Whoever opened the API in a browser and gave the key as a user name.
    let basic = base64::prelude::BASE64_STANDARD.encode(format!("{key}:"));
    let browser = |site: &str| world.api.saying(&format!("Authorization: Basic {basic}\r\n{site}"));
    let before = world.accounts();
    for site in [
        FOREIGN,
        "Sec-Fetch-Site: same-site\r\n",
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
    ] {
        let evil = browser(site);
        for (method, path) in [
            ("POST", format!("/admin/accounts/{account}/suspend")),
            ("DELETE", format!("/admin/accounts/{account}")),
            ("DELETE", format!("/accounts/{account}")),
            ("POST", format!("/admin/auth_configs/{config}/disable")),
            ("POST", "/admin/connect_sessions/1/revoke".to_owned()),
        ] {
            let refused = evil.ask(method, &path, None).status(403);
            assert_eq!(refused.problem(), "connect.cross_site", "{method} {path}");
        }
    }
    assert_eq!(world.accounts(), before);
    world.open(&format!("/connect/{token}")).status(200);
    // Programs say nothing of sites, and what the browser's own user does is theirs.
    let path = format!("/admin/accounts/{account}/suspend");
    browser("").ask("POST", &path, None).status(200);
    let own = browser("Sec-Fetch-Site: none\r\n");
    own.ask("DELETE", &format!("/admin/accounts/{account}"), None).status(200);
}
