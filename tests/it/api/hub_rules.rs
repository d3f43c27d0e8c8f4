//! Single rules of the hub API that end users' browsers ask. Each test begins with the number of
//! its rule.

use std::collections::BTreeSet;

use hubctl::api::END_USER_OPERATIONS;
use hubctl::domain::connector::Connector;
use serde_json::{Value, json};

use crate::support::cli::TestHome;
use crate::support::http::{FakeHub, Reply};
use crate::support::serving::Answer;

use super::end_user::{World, form_token};
use super::{Api, text};

/// A connector with presets, and fields that have none; nothing calls it.
const STRICT: &str = r#"{
    "key": "strict", "name": "Strict", "categories": ["hris"], "base_url": "https://strict.example",
    "auth": [{ "key": "api_key", "type": "api_key", "label": "API key",
        "config_fields": [
            { "key": "api_key", "label": "API key", "type": "password", "required": true, "secret": true },
            { "key": "site", "label": "Site", "type": "text", "required": true },
            { "key": "region", "label": "Region", "type": "select", "required": true,
              "options": [{ "value": "eu", "label": "Europe" }, { "value": "us", "label": "America" }] },
            { "key": "area", "label": "Area", "type": "text", "required": true, "default": "north" },
            { "key": "note", "label": "Note", "type": "text", "required": false }
        ],
        "authorization": { "type": "header", "header": { "X-Api-Key": "${api_key}" } }
    }]
}"#;

#[test]
fn hb_9_what_is_required_and_has_no_preset_is_present_or_nothing_is_linked() {
    let world = World::start();
    world.home.file("strict.json", STRICT);
    world.home.run("connectors import strict.json").code(0);
    world.home.run("connectors enable strict").code(0);
    let config = world.config("strict");
    let token = world.token(&json!({"provider": "strict"}));
    let user = world.user(&token);
    let whole = json!({ "api_key": "k", "site": "main", "region": "eu" });
    let post = |values: &Value| {
        user.post("/hub/accounts", &json!({"integration_id": config, "credentials": values}))
    };
    for key in ["api_key", "site", "region"] {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(key);
        let mut empty = whole.clone();
        empty[key] = "".into();
        let mut blank = whole.clone();
        blank[key] = "  ".into();
        for values in [without, empty, blank] {
            let refused = post(&values).status(400);
            assert_eq!(refused.problem(), "fields.invalid");
            assert_eq!(
                refused.json()["errors"],
                json!([format!("{key}: is required")]),
                "{values}"
            );
        }
    }
    // What stands for a stored secret is none where nothing is stored (HB-11).
    let mut marked = whole.clone();
    marked["api_key"] = "__secretvalue:**redacted**".into();
    assert_eq!(post(&marked).status(400).json()["errors"], json!(["api_key: is required"]));
    let all = ["api_key", "site", "region"].map(|key| format!("{key}: is required"));
    for none in [json!({}), json!({ "note": "x", "area": "south" })] {
        assert_eq!(post(&none).status(400).json()["errors"], json!(all), "{none}");
    }
    let bare = user.post("/hub/accounts", &json!({ "integration_id": config })).status(400);
    assert_eq!(bare.json()["errors"], json!(all));
    // The page asks for the same.
    let page = format!("/connect/{token}/{config}");
    let mark = form_token(&world.open(&page).status(200));
    let form = [("form_token", mark.as_str()), ("v.site", "main")];
    let refused = world.submit(&page, "", &form).status(400).text();
    assert!(refused.contains("2 fields need your attention"), "{refused}");
    assert!(world.accounts().is_empty());
    let linked = text(&post(&whole).status(201).json(), "id");
    let stored = world.api.get(&format!("/admin/accounts/{linked}")).status(200).json();
    let expected = json!({ "site": "main", "region": "eu", "area": "north" });
    assert_eq!(stored["setup_information"], expected, "a preset needs nobody");
}

#[test]
fn hb_13_every_refusal_has_a_number_and_a_message() {
    let world = World::start();
    let (config, acme) = (world.config("sample"), world.config("acme"));
    let token = world.token(&json!({"provider": "sample"}));
    let user = world.user(&token);
    let mut met = BTreeSet::new();
    let mut refused = |answer: Answer| {
        let problem = answer.problem();
        let body = answer.json();
        assert!(body["statusCode"].is_u64() && body["message"].is_string(), "{problem}: {body}");
        met.insert(answer.status);
    };
    let missing = "01999999-9999-7999-8999-999999999901";
    let link = |key: &str| json!({"integration_id": config, "credentials": {"api_key": key}});
    for operation in END_USER_OPERATIONS {
        let path = operation.path.replace("{id}", missing).replace("{integration_id}", missing);
        let mut paths = vec![path];
        paths.extend(operation.old_path().map(|path| path.replace("{id}", missing)));
        for path in paths {
            for nobody in ["", "x-hub-session-token: hcs_1_guess\r\n", "x-hub-session-token: \r\n"]
            {
                let body = (operation.method == "POST").then(|| json!({}));
                refused(world.api.saying(nobody).ask(operation.method, &path, body.as_ref()));
            }
            if operation.path.contains('{') {
                refused(user.ask(operation.method, &path, Some(&link("x"))));
            }
            refused(user.ask("PUT", &path, None));
            if matches!(operation.method, "POST" | "PATCH") {
                for bad in [json!([]), json!("text"), json!({"integration_id": 7, "token": 7})] {
                    refused(user.ask(operation.method, &path, Some(&bad)));
                }
            }
        }
    }
    refused(user.get("/hub/nothing"));
    refused(user.get(&format!("/hub/connectors/{acme}")));
    refused(user.post("/hub/accounts", &json!({ "integration_id": config })));
    refused(user.post("/hub/accounts", &link("wrong")));
    refused(user.post("/hub/accounts", &link(&"x".repeat(2 << 20))));
    refused(world.submit("/hub/accounts", &format!("x-hub-session-token: {token}\r\n"), &[]));
    refused(user.saying(&format!("X-Long: {}\r\n", "x".repeat(17 << 10))).get("/hub/settings"));
    for _ in 0..40 {
        let answer = world.user("hcs_1_guess").get("/hub/settings");
        if answer.status == 429 {
            refused(answer);
            break;
        }
    }
    let expected = [400, 401, 404, 405, 409, 413, 415, 422, 429, 431];
    assert_eq!(met, BTreeSet::from(expected));
}

#[test]
fn cs_28_credentials_that_nobody_stored_are_no_success_to_the_component() {
    let world = World::start();
    let config = world.config("sample");
    let link = |key: &str| json!({"integration_id": config, "credentials": {"api_key": key}});
    let first = world.user(&world.token(&json!({"provider": "sample"})));
    let account = text(&first.post("/hub/accounts", &link("sample-a")).status(201).json(), "id");
    let token = world.token(&json!({"provider": "sample", "account_id": account}));
    let (user, path) = (world.user(&token), format!("/hub/accounts/{account}"));
    user.patch(&path, &link("sample-b")).status(200);
    let number = token.split('_').nth(1).unwrap();
    world.home.run(&format!("session revoke {number} --yes")).code(0);
    // It takes 401 and 403 on this one route for a success.
    for dead in [user, world.user("hcs_1_guess"), world.api.saying("")] {
        let refused = dead.patch(&path, &link("sample-c")).status(400);
        assert_eq!(refused.problem(), "session.not_open");
        let body = refused.json();
        assert_eq!(body["statusCode"], 400);
        assert!(body["message"].as_str().unwrap().contains("nothing was saved"), "{body}");
    }
}

const ROOT: &str = "https://ext.example";

/// A connector that hands its provider the token by which that starts actions.
fn ext() -> Connector {
    serde_json::from_value(json!({
        "key": "ext", "name": "Ext", "categories": ["hris"], "base_url": ROOT,
        "verify": {"method": "GET", "path": "/me", "expect_status": 200},
        "auth": [{
            "key": "api_key", "type": "api_key", "label": "API key",
            "config_fields": [
                {"key": "api_key", "label": "API key", "type": "password", "required": true,
                 "secret": true},
                {"key": "external-trigger-token", "label": "Ext", "type": "text"},
            ],
            "authorization": {"type": "header", "header": {
                "X-Api-Key": "${api_key}", "X-Trigger": "${external-trigger-token}",
            }},
        }],
    }))
    .unwrap()
}

#[test]
fn hb_19_a_trigger_token_that_a_browser_sends_is_overwritten_with_the_sessions() {
    let provider = FakeHub::start(|_, _| Reply::json(200, &json!({})));
    let home = TestHome::new();
    home.knows(&ext(), (ROOT, provider.address()));
    home.run("connectors enable ext").code(0);
    let (serving, api) = Api::serve(&home, "--allow-target 127.0.0.0/8");
    let world = World { home, serving, api };
    let config = world.config("ext");
    // What the provider was handed since this was last asked.
    let seen = std::cell::Cell::new(0);
    let handed = || {
        let asked = provider.asked();
        let new = asked[seen.replace(asked.len())..].iter();
        new.map(|asked| asked.header("x-trigger").to_owned()).collect::<Vec<_>>()
    };
    let body = json!({"integration_id": config, "credentials": {
        "api_key": "k", "external-trigger-token": "planted-mine",
    }});
    let test = |account: &str| {
        world.api.ask("POST", &format!("/admin/accounts/{account}/test"), None).status(200);
    };
    // Without one of the session's, there is none.
    let user = world.user(&world.token(&json!({"provider": "ext", "origin_owner_id": "none"})));
    let first = text(&user.post("/hub/accounts", &body).status(201).json(), "id");
    test(&first);
    assert_eq!(handed(), ["", ""]);
    let set = "--set external-trigger-token=planted-trigger";
    world.home.run(&format!("connectors edit {config} {set}")).code(0);
    let token = world.token(&json!({"provider": "ext"}));
    let user = world.user(&token);
    let account = text(&user.post("/hub/accounts", &body).status(201).json(), "id");
    test(&account);
    user.patch(&format!("/hub/accounts/{account}"), &body).status(200);
    test(&account);
    assert_eq!(handed(), ["planted-trigger"; 4]);
    // Nor can the page's form name one.
    let page = format!("/connect/{token}/{config}");
    let mark = form_token(&world.open(&page).status(200));
    let form = [
        ("form_token", mark.as_str()),
        ("v.api_key", "k"),
        ("v.external-trigger-token", "planted-mine"),
    ];
    world.submit(&page, "", &form).status(303);
    assert_eq!(handed(), ["planted-trigger"]);
    assert!(!format!("{:?}", world.home.dump()).contains("planted-mine"));
}
