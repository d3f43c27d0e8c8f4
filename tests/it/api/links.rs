//! What a link takes and shows, what the pages behind it tell where something is over, gone or
//! broken, and what end users are not asked for.

use serde_json::json;
use url::{Position, Url};

use crate::support::hub::sqlite;
use crate::support::serving::{Answer, Client};

use super::end_user::{World, form_token};
use super::{Api, text};

/// A connector that hands on the token by which its provider starts actions; nothing calls it.
const EXT: &str = r#"{
    "key": "ext", "name": "Ext", "categories": ["hris"], "base_url": "https://ext.example",
    "auth": [{ "key": "api_key", "type": "api_key", "label": "API key",
        "config_fields": [
            { "key": "api_key", "label": "API key", "type": "password", "required": true, "secret": true },
            { "key": "external-trigger-token", "label": "Ext", "type": "text", "required": true }
        ],
        "authorization": { "type": "header", "header": { "X-Api-Key": "${api_key}" } }
    }]
}"#;

/// A connector whose logins begin with a call to its provider, which is nowhere.
const BOARD: &str = r#"{
    "key": "board", "name": "Board", "categories": ["ticketing"],
    "base_url": "https://board.invalid",
    "auth": [{ "key": "oauth1", "type": "custom", "label": "OAuth 1.0a",
        "setup_fields": [
            { "key": "key", "label": "API key", "type": "text", "required": true },
            { "key": "secret", "label": "Secret", "type": "password", "required": true, "secret": true }
        ],
        "authorization": { "type": "oauth1", "consumer_key": "${key}",
            "consumer_secret": "${secret}", "token": "${oauth_token}",
            "token_secret": "${oauth_token_secret}", "signature_method": "HMAC-SHA1" },
        "captured": [
            { "key": "oauth_token", "from": "oauth1_access_token" },
            { "key": "oauth_token_secret", "from": "oauth1_access_token" }
        ],
        "token_request": {
            "request_token_url": "https://board.invalid/request_token",
            "authorization_url": "https://board.invalid/authorize",
            "access_token_url": "https://board.invalid/access_token"
        }
    }]
}"#;

/// A login that somebody is at the provider for.
pub(super) struct Login {
    pub(super) back: String,
    pub(super) cookies: String,
}

impl World {
    /// Sets up logins that end by themselves, as the client's name says, and answers by what.
    pub(super) fn logins(&self, client: &str) -> String {
        let set = format!("--set client_id={client} --set client_secret=sample-secret");
        let line = format!("connectors add sample --auth oauth2 {set} --default --json");
        text(&self.home.run(&line).code(0).json()["after"], "id")
    }

    /// Begins a login on the page of a link, and goes to the provider.
    pub(super) fn begin(&self, token: &str, config: &str) -> Login {
        let begun = self.open(&format!("/connect/oauth2/{config}?token={token}")).status(302);
        let bound = begun.headers["set-cookie"].split(';').next().unwrap();
        // The link's own page leaves this one as well.
        let (name, _) = bound.split_once('=').unwrap();
        let link = format!("{}={token}", name.replace("hubctl_login_", "hubctl_link_"));
        let provider: Url = begun.headers["location"].parse().unwrap();
        let mut client = Client::to(provider.socket_addrs(|| None).unwrap()[0]);
        let sent = client.get(&provider[Position::BeforePath..], "").status(303);
        let back: Url = sent.headers["location"].parse().unwrap();
        let cookies = format!("Cookie: {bound}; {link}\r\n");
        Login { back: back[Position::BeforePath..].to_owned(), cookies }
    }

    /// Comes back from the provider, and opens the page to which that leads.
    pub(super) fn come_back(&self, login: &Login) -> Answer {
        let back = self.serving.connect().get(&login.back, &login.cookies).status(303);
        assert!(back.headers["location"].contains("?attempt="), "{back:?}");
        self.open(&back.headers["location"])
    }

    /// Fills in the form of a link for the sample provider, and answers where that leads.
    fn give_key(&self, token: &str, config: &str) -> String {
        let mark = form_token(&self.open(&format!("/connect/{token}/{config}")).status(200));
        let form = [("form_token", mark.as_str()), ("v.api_key", "sample-planted")];
        let sent = self.submit(&format!("/connect/{token}/{config}"), "", &form).status(303);
        sent.headers["location"].clone()
    }

    /// The time of every link is over.
    fn expire_all(&self) {
        let all = "update connect_sessions set expires_at = created_at + 1";
        sqlite::open(&self.home.store()).execute_batch(all).unwrap();
    }
}

#[test]
fn cs_29_what_was_begun_in_time_is_told_after_it() {
    let world = World::start();
    let by_key = world.config("sample");
    let by_login = world.logins("sample-auto");
    let another = |more| world.token(&more);
    let token = another(json!({"integration_id": by_login}));
    let login = world.begin(&token, &by_login);
    let form = another(json!({"integration_id": by_key, "origin_owner_id": "globex-1"}));
    let done = world.give_key(&form, &by_key);
    let idle = another(json!({"integration_id": by_key}));
    let cancelled = world.user(&token).post("/hub/connection_attempts", &json!({})).status(201);
    let pending = text(&cancelled.json(), "id");
    world.expire_all();
    for page in [world.come_back(&login), world.open(&done)] {
        let html = page.status(200).text();
        assert!(html.contains("Sample provider is connected"), "{html}");
        assert!(!html.contains("<form") && !html.contains("Connect another app"), "{html}");
    }
    assert_eq!(world.accounts().len(), 2);
    // Nothing else is told: neither what goes on, nor what another link began, nor what never was.
    let attempt = |token: &str, id: &str| format!("/connect/{token}?attempt={id}");
    for path in [
        format!("/connect/{token}"),
        format!("/connect/{token}/{by_login}"),
        attempt(&token, &pending),
        attempt(&idle, &pending),
        attempt(&token, "x"),
        format!("/connect/{token}?c={by_login}"),
    ] {
        let html = world.open(&path).status(410).text();
        assert!(html.contains("This link has expired") && !html.contains("<form"), "{html}");
    }
    let none = world.open(&format!("/connect/{idle}?done={by_key}")).status(303);
    assert_eq!(none.headers["location"], format!("/connect/{idle}"));
    let wrong = form_token_of(&form);
    let sent = [("form_token", wrong.as_str()), ("v.api_key", "sample-late")];
    world.submit(&format!("/connect/{form}/{by_key}"), "", &sent).status(410);
    assert_eq!(world.accounts().len(), 2);
    // What was withdrawn tells nothing at all.
    world.home.run("session revoke 2 --yes").code(0);
    let html = world.open(&done).status(410).text();
    assert!(html.contains("This link no longer works"), "{html}");
}

/// What the forms of a link carry.
fn form_token_of(link: &str) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(format!("form of the link {link}"));
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}

#[test]
fn cs_29_a_login_that_fails_after_its_link_expired_says_why() {
    let world = World::start();
    let by_login = world.logins("sample-deny");
    let token = world.token(&json!({"provider": "sample"}));
    let login = world.begin(&token, &by_login);
    world.expire_all();
    let html = world.come_back(&login).status(200).text();
    assert!(html.contains("Signing in at Sample provider did not work"), "{html}");
    assert!(html.contains("Ask whoever sent it to you") && !html.contains("<form"), "{html}");
}

#[test]
fn cs_29_who_waits_for_a_login_learns_how_it_ended_after_the_session() {
    let world = World::start();
    let by_login = world.logins("sample-auto");
    let [token, other] = [0, 1].map(|_| world.token(&json!({"provider": "sample"})));
    let (user, stranger) = (world.user(&token), world.user(&other));
    let made = user.post("/hub/connection_attempts", &json!({})).status(201).json();
    let at = |id: &str| format!("/hub/connection_attempts/{id}");
    let idle = at(&text(&made, "id"));
    let login = world.begin(&token, &by_login);
    world.expire_all();
    let status = |path: &str| text(&user.get(path).status(200).json(), "status");
    assert_eq!(status(&idle), "pending");
    let back = world.serving.connect().get(&login.back, &login.cookies).status(303);
    let (_, id) = back.headers["location"].split_once("?attempt=").unwrap();
    let ended = at(id);
    let told = user.get(&ended).status(200).json();
    assert_eq!(told["status"], "authenticated");
    assert_eq!(told["account"]["id"], world.accounts()[0]["id"]);
    user.delete(&idle).status(204);
    assert_eq!(status(&idle), "cancelled");
    // Nothing else is told (CS-28): neither what another session began, nor what never was.
    let shut = |user: &Api, path: &str| {
        for method in ["GET", "DELETE"] {
            let refused = user.ask(method, path, None).status(401);
            assert_eq!(refused.problem(), "session.token_invalid", "{method} {path}");
        }
    };
    shut(&stranger, &ended);
    shut(&user, &at("01999999-9999-7999-8999-999999999901"));
    shut(&user, &at("nonsense"));
    user.get("/hub/settings").status(401);
    let number = token.split('_').nth(1).unwrap();
    world.home.run(&format!("session revoke {number} --yes")).code(0);
    shut(&user, &ended);
}

#[test]
fn cs_37_a_session_that_is_shown_tells_of_its_newest_login() {
    let world = World::start();
    let by_login = world.logins("sample-deny");
    let token = world.token(&json!({"provider": "sample"}));
    let session = token.split('_').nth(1).unwrap();
    let card = |first: &str, then: &str| {
        let mut card = world.home.terminal(&format!("session get {session}"));
        card.exp_string("Login").unwrap();
        card.exp_string(first).unwrap();
        card.exp_string(then).unwrap();
        card.exp_eof().unwrap();
    };
    let column = || {
        let line = format!("session get {session} --columns login");
        world.home.run(&line).code(0).stdout
    };
    assert_eq!(column().trim(), "");
    let login = world.begin(&token, &by_login);
    card("in progress", "(20");
    assert_eq!(column(), "in progress\n");
    world.come_back(&login).status(200);
    card("failed", "access_denied");
    assert!(column().starts_with("failed: ") && column().contains("access_denied"), "{}", column());
    // What failed is found without a look at each.
    let other = world.token(&json!({"provider": "sample"}));
    let other = other.split('_').nth(1).unwrap();
    let failed = || world.home.run("session list --failed -o id").code(0).stdout;
    assert_eq!(failed().trim(), session);
    let all = world.home.run("session list --columns id,login").code(0).stdout;
    assert!(all.lines().any(|line| line.trim_end() == other), "{all}");
    assert!(all.contains(&format!("{session}\tfailed: ")), "{all}");
    world.begin(&token, &by_login);
    assert_eq!(failed().trim(), "");
}

#[test]
fn a_success_is_told_whatever_the_link_offers_by_then() {
    let world = World::start();
    let by_key = world.config("sample");
    let token = world.token(&json!({"provider": "sample"}));
    let done = world.give_key(&token, &by_key);
    let by_login = world.logins("sample-auto");
    let html = world.open(&done).status(200).text();
    assert!(html.contains("Sample provider is connected"), "{html}");
    // Only what was linked is.
    for other in [&by_login, &world.config("acme"), &"x".to_owned()] {
        let none = world.open(&format!("/connect/{token}?done={other}")).status(303);
        assert_eq!(none.headers["location"], format!("/connect/{token}"));
    }
    let token = world.token(&json!({"provider": "sample", "origin_owner_id": "globex-1"}));
    let login = world.begin(&token, &by_login);
    world.home.run(&format!("connectors make-default {by_key} --yes")).code(0);
    let html = world.come_back(&login).status(200).text();
    assert!(html.contains("Sample provider is connected"), "{html}");
}

#[test]
fn a_login_that_fails_says_why_where_it_is_switched_off_by_then() {
    let world = World::start();
    let by_login = world.logins("sample-deny");
    let token = world.token(&json!({"provider": "sample"}));
    let login = world.begin(&token, &by_login);
    world.home.run(&format!("connectors disable {by_login} --yes")).code(0);
    let html = world.come_back(&login).status(200).text();
    assert!(html.contains("Signing in at Sample provider did not work"), "{html}");
    assert!(html.contains("it was switched off") && !html.contains("<form"), "{html}");
}

#[test]
fn a_login_that_is_switched_off_on_its_way_tells_nothing_of_the_set_up() {
    let world = World::start();
    let by_login = world.logins("sample-auto");
    let token = world.token(&json!({"provider": "sample"}));
    let ended = |with_link: bool| {
        let login = world.begin(&token, &by_login);
        world.home.run(&format!("connectors disable {by_login} --yes")).code(0);
        let html = match with_link {
            true => world.come_back(&login).status(200).text(),
            false => {
                // As a window of the component's has it.
                let bound = login.cookies.split(';').next().unwrap();
                let back = world.serving.connect().get(&login.back, &format!("{bound}\r\n"));
                back.status(200).text()
            }
        };
        world.home.run(&format!("connectors enable {by_login}")).code(0);
        html
    };
    for with_link in [true, false] {
        let html = ended(with_link);
        assert!(html.contains("Signing in at Sample provider did not work"), "{html}");
        assert!(html.contains("it was switched off"), "{html}");
        assert!(!html.contains(&by_login) && !html.contains("disabled ("), "{html}");
    }
}

#[test]
fn a_form_tells_what_to_register_and_which_keyboard_fits() {
    let world = World::start();
    world.home.run("connectors enable egnyte domo jira gitlab").code(0);
    let open = |provider: &str| {
        let token = world.token(&json!({ "provider": provider }));
        world.open(&format!("/connect/{token}")).status(200).text()
    };
    let html = open("egnyte");
    assert!(html.contains("/connect/oauth2/egnyte/callback\" readonly"), "{html}");
    assert!(html.contains("<code>Egnyte.filesystem</code>"), "{html}");
    // A client without a login has scopes and no callback.
    let html = open("domo");
    assert!(html.contains("<code>data</code>") && !html.contains("id=\"callback\""), "{html}");
    let html = open("jira");
    assert!(html.contains("type=\"email\"") && !html.contains("inputmode=\"url\""), "{html}");
    assert!(open("gitlab").contains("inputmode=\"url\""));
}

#[test]
fn al_1_al_5_a_link_takes_an_owner_and_a_category_and_shows_what_fits() {
    let world = World::start();
    world.home.run("connectors enable hubspot").code(0);
    let owner = "--origin-owner-id acme-7 --origin-owner-name Acme --origin-username ann@acme.test";
    let made = |more: &str| {
        let line = format!("link create {owner} {more} --json");
        world.home.run(&line).code(0).json()
    };
    let shown = |more: &str| {
        let url: Url = text(&made(more), "auth_link_url").parse().unwrap();
        let html = world.open(url.path()).status(200).text();
        ["Acme People", "Sample provider", "HubSpot"].map(|name| html.contains(name))
    };
    let link = made("--category hris");
    for (key, value) in [
        ("origin_owner_id", "acme-7"),
        ("origin_owner_name", "Acme"),
        ("origin_username", "ann@acme.test"),
    ] {
        assert_eq!(text(&link, key), value);
    }
    assert_eq!(link["categories"], json!(["hris"]));
    assert_eq!(shown(""), [true, true, true]);
    assert_eq!(shown("--category hris"), [true, true, false]);
    assert_eq!(shown("--category crm"), [false, false, true]);
    assert_eq!(shown("--provider acme"), [true, false, false]);
    world.home.run("connectors disable sample --yes").code(0);
    assert_eq!(shown(""), [true, false, true]);
}

#[test]
fn at_1_al_6_al_7_however_an_account_was_linked_it_is_listed_and_told_of() {
    let world = World::start();
    let config = world.config("sample");
    let token = |owner: &str| world.token(&json!({"provider": "sample", "origin_owner_id": owner}));
    // In the embedded hub, behind a link, and by the administrator.
    let filled = json!({"integration_id": config, "credentials": {"api_key": "sample-planted"}});
    let embedded = world.user(&token("acme-1")).post("/hub/accounts", &filled);
    let mut linked = vec![text(&embedded.status(201).json(), "id")];
    let after = world.give_key(&token("acme-2"), &config);
    assert!(after.starts_with("/connect/"), "nobody else's page is called: {after}");
    let mut all = world.accounts().into_iter().map(|row| text(&row, "id"));
    linked.extend(all.find(|id| *id != linked[0]));
    linked.push(world.home.account("sample", "acme-3", "--set api_key=sample-planted"));
    assert_eq!(linked.len(), 3);
    linked.sort();
    let mut listed: Vec<String> = world.accounts().iter().map(|row| text(row, "id")).collect();
    listed.sort();
    assert_eq!(listed, linked);
    let ids = world.home.run("accounts list -o id").code(0);
    let mut ids: Vec<&str> = ids.stdout.lines().collect();
    ids.sort_unstable();
    assert_eq!(ids, linked);
    let told = world.home.run("events list --type account.created --json").code(0).json();
    let told = told.as_array().unwrap().iter().map(|event| text(event, "record_id"));
    let mut told: Vec<String> = told.collect();
    told.sort();
    assert_eq!(told, linked);
}

#[test]
fn al_8_whatever_is_wrong_with_a_link_is_told_by_a_page() {
    let world = World::start();
    let token = world.token(&json!({"provider": "acme"}));
    let page = |answer: Answer, status: u16| {
        let kind = answer.headers.get("content-type").cloned().unwrap_or_default();
        assert!(kind.starts_with("text/html"), "{kind}: {answer:?}");
        answer.status(status).text()
    };
    for path in [
        "/connect",
        "/connect/",
        "/connect/%ff",
        "/connect/%ff/",
        "/connect/%ff/x",
        "/connect/a/b/c",
    ] {
        let html = page(world.open(path), 410);
        assert!(html.contains("This link no longer works"), "{path}: {html}");
    }
    page(world.open("/connect/oauth2/%ff/callback"), 400);
    let html = page(world.open(&format!("/connect/{token}/")), 200);
    assert!(html.contains("Connect Acme People"), "{html}");
    // A form that is too long.
    let (action, mark) =
        (format!("/connect/{token}/{}", world.config("acme")), form_token_of(&token));
    let long = "x".repeat(1 << 20);
    let form = [("form_token", mark.as_str()), ("v.note", &long), ("v.api_key", "planted")];
    let html = page(world.submit(&action, "", &form), 413);
    assert!(html.contains("This is too long") && !html.contains("planted"), "{html}");
}

#[test]
fn hb_19_se_1_the_trigger_token_is_neither_asked_for_nor_shown() {
    let world = World::start();
    world.home.file("ext.json", EXT);
    world.home.run("connectors import ext.json").code(0);
    world.home.run("connectors enable ext").code(0);
    let config = world.config("ext");
    let user = world.user(&world.token(&json!({"provider": "ext"})));
    let form = user.get(&format!("/hub/connectors/{config}")).status(200).json();
    let field = &form["config"]["configFields"][1];
    assert_eq!(
        (&field["key"], &field["required"]),
        (&json!("external-trigger-token"), &json!(false))
    );
    let filled = json!({"integration_id": config, "credentials": {"api_key": "k"}});
    let linked = user.post("/hub/accounts", &filled).status(201).json();
    let account = text(&linked, "id");
    // Now there is one, and it is a secret, also where it was shown before.
    let set = "--set external-trigger-token=planted-trigger";
    world.home.run(&format!("connectors edit {config} {set}")).code(0);
    let shown = r#"update accounts set setup = '{"external-trigger-token":"planted-before"}'"#;
    sqlite::open(&world.home.store()).execute_batch(shown).unwrap();
    let user = world.user(&world.token(&json!({"account_id": account})));
    let path = format!("/hub/accounts/{account}");
    user.patch(&path, &filled).status(200);
    let other =
        world.user(&world.token(&json!({"provider": "ext", "origin_owner_id": "globex-1"})));
    other.post("/hub/accounts", &filled).status(201);
    let all = world.api.get("/accounts").status(200).text();
    let own = world.api.get("/admin/accounts").status(200).text();
    let edited = user.get(&path).status(200).text();
    for told in [all, own, edited, world.home.run("accounts list --json").stdout] {
        assert!(told.contains(&account) && !told.contains("planted"), "{told}");
    }
}

#[test]
fn cs_39_a_login_that_can_not_begin_names_the_provider_and_is_over() {
    let world = World::start();
    world.home.file("board.json", BOARD);
    world.home.run("connectors import board.json").code(0);
    world.home.run("connectors add board --set key=k --set secret=planted").code(0);
    let config = world.config("board");
    let body = json!({"origin_owner_id": "a", "origin_owner_name": "A", "provider": "board"});
    let session = world.api.post("/connect_sessions", &body).status(201).json();
    let token = text(&session, "token");
    let page = world.open(&format!("/connect/oauth2/{config}?token={token}")).status(502).text();
    assert!(page.contains("Board was not found"), "{page}");
    let seen = world.api.get(&format!("/connect_sessions/{}", session["id"])).status(200).json();
    assert_eq!(seen["latest_connection_attempt"]["status"], "error", "{seen}");
}

#[test]
fn threat_01_threat_37_a_state_that_is_no_logins_is_a_guess() {
    let world = World::start();
    let by_login = world.logins("sample-auto");
    let token = world.token(&json!({"provider": "sample"}));
    let done = world.begin(&token, &by_login);
    world.come_back(&done).status(200);
    // Whoever goes back to a login that is done has not guessed, however often.
    for _ in 0..40 {
        world.serving.connect().get(&done.back, &done.cookies).status(400);
    }
    let pending = world.begin(&token, &by_login);
    let guess = done.back.replace("state=hst_1_", "state=hst_999_");
    assert_ne!(guess, done.back);
    let mut answers = (0..40).map(|_| world.open(&guess));
    let page = answers.find(|answer| answer.status != 400).expect("it goes on").status(429);
    assert!(page.headers["content-type"].starts_with("text/html"), "{page:?}");
    let wait: u64 = page.headers["retry-after"].parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(page.text().contains("Too many attempts"), "{}", page.text());
    // Whose state is right is not held up by those who guess.
    world.come_back(&pending).status(200);
}

#[test]
fn threat_08_threat_37_who_sends_in_too_much_with_a_link_is_asked_to_wait() {
    let world = World::start();
    let config = world.config("sample");
    let token = world.token(&json!({"provider": "sample"}));
    let with = |token: &str| {
        let wrong = json!({"integration_id": config, "credentials": {"api_key": "planted-wrong"}});
        world.user(token).post("/hub/accounts", &wrong)
    };
    let mut answers = (0..200).map(|_| with(&token));
    let refused = answers.find(|answer| answer.status != 422).expect("it goes on").status(429);
    assert_eq!(refused.problem(), "rate.limited");
    assert_eq!(refused.headers["access-control-allow-origin"], "*");
    let wait: u64 = refused.headers["retry-after"].parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let begin = || world.user(&token).post("/hub/connection_attempts", &json!({}));
    let mut begun = (0..200).map(|_| begin());
    let refused = begun.find(|answer| answer.status != 201).expect("it goes on").status(429);
    assert_eq!(refused.problem(), "rate.limited");
    // The pages may be looked at, and say what is the matter.
    let path = format!("/connect/{token}/{config}");
    let mark = form_token(&world.open(&path).status(200));
    let form = [("form_token", mark.as_str()), ("v.api_key", "planted-wrong")];
    let mut sent = (0..200).map(|_| world.submit(&path, "", &form));
    let page = sent.find(|answer| answer.status != 422).expect("it goes on").status(429);
    assert!(page.text().contains("Too many attempts"), "{}", page.text());
    assert!(page.headers.contains_key("retry-after"), "{page:?}");
    // Another link is not held up.
    with(&world.token(&json!({"provider": "sample"}))).status(422);
}

#[test]
fn cs_12_hb_14_a_link_shows_nothing_of_an_account_that_another_owner_has_by_now() {
    let world = World::start();
    let sets = "--set subdomain=north --set api_key=planted --set region=eu";
    let account = world.home.account("acme", "acme-7", sets);
    let token = world.token(&json!({"account_id": account}));
    let (link, user) = (format!("/connect/{token}"), world.user(&token));
    let form = format!("{link}/{}", world.config("acme"));
    let page = world.open(&link).status(200);
    assert!(page.text().contains("value=\"north\""), "{}", page.text());
    let mark = form_token(&page);
    assert_eq!(text(&user.get("/hub/settings").status(200).json(), "existing_account_id"), account);
    let given = json!({"origin_owner_id": "globex-1"});
    world.api.patch(&format!("/accounts/{account}"), &given).status(200);
    for path in [&link, &form] {
        let html = world.open(path).status(404).text();
        assert!(!html.contains("north") && !html.contains("<form"), "{html}");
    }
    let settings = user.get("/hub/settings").status(200).json();
    assert!(settings.get("existing_account_id").is_none(), "{settings}");
    user.get(&format!("/hub/accounts/{account}")).status(404);
    let sent = [
        ("form_token", mark.as_str()),
        ("v.subdomain", "south"),
        ("v.region", "eu"),
        ("v.api_key", "planted-other"),
    ];
    world.submit(&form, "", &sent).status(404);
    let after = &world.accounts()[0];
    assert_eq!((world.accounts().len(), &after["origin_owner_id"]), (1, &json!("globex-1")));
    assert_eq!(after["setup_information"]["subdomain"], "north");
}

#[test]
fn every_address_of_a_logo_leads_to_a_picture() {
    let world = World::start();
    let listed = world.api.get("/connector_profiles").status(200).json();
    let meta = world.api.get("/connectors/meta/acme?include=resources").status(200).json();
    let mut addresses = vec![text(&meta["resources"]["images"], "logo_url")];
    let rows = listed["data"].as_array().or(listed.as_array()).unwrap();
    addresses.extend(rows.iter().map(|row| text(row, "logo_url")));
    assert_eq!(addresses.len(), 3);
    for address in addresses {
        let url: Url = address.parse().unwrap();
        let logo = world.open(url.path()).status(200);
        assert!(logo.text().starts_with("<svg") && logo.text().ends_with("</svg>"), "{address}");
        for (name, wanted) in [
            ("content-type", "image/svg+xml"),
            ("cache-control", "public, max-age=86400"),
            ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
            ("cross-origin-resource-policy", "cross-origin"),
        ] {
            assert_eq!(logo.headers[name], wanted, "{name}");
        }
    }
    // Who asks learns nothing of what projects have.
    let (own, none) = (world.open("/logos/acme.svg").text(), world.open("/logos/acne.svg").text());
    assert!(own.contains(">A</text>") && none.contains(">A</text>"), "{own} {none}");
    for path in ["/logos/acme.png", "/logos/acme", "/logos/%3Cx%3E.svg", "/logos/"] {
        world.open(path).status(404);
    }
}
