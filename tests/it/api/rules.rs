//! Single rules of the contract over HTTP. Each test begins with the number of its rule.

use serde_json::{Value, json};

use super::end_user::World;
use super::{Api, calls, text};
use crate::support::cli::TestHome;

/// The connectors that a session's end user can pick.
fn offered(world: &World, more: &Value) -> Vec<Value> {
    let user = world.user(&world.token(more));
    let all = user.get("/hub/connectors").status(200).json();
    all["integrations"].as_array().unwrap().clone()
}

#[test]
fn ac_42_a_connector_that_is_not_there_is_nowhere() {
    let world = World::start();
    let names = |rows: &Value, key: &str| -> Vec<String> {
        rows.as_array().unwrap().iter().map(|row| text(row, key)).collect()
    };
    let everywhere = || {
        let catalog = world.api.get("/admin/connectors").status(200).json();
        let meta = world.api.get("/connectors/meta").status(200).json();
        let session = json!({
            "provider": "acme", "origin_owner_id": "a", "origin_owner_name": "A",
        });
        [
            names(&catalog, "key").contains(&"acme".to_owned()),
            meta.to_string().contains("\"acme\""),
            world.api.get("/connectors/meta/acme").status == 200,
            world.api.get("/admin/connectors/acme").status == 200,
            world.api.post("/connect_sessions", &session).status == 201,
            offered(&world, &json!({})).iter().any(|row| row["provider"] == "acme"),
        ]
    };
    assert_eq!(everywhere(), [true; 6]);
    world.home.run("connectors delete acme --yes").code(0);
    world.home.run("connectors forget acme --yes").code(0);
    assert_eq!(everywhere(), [false; 6]);
}

#[test]
fn ac_48_every_action_of_an_auth_configs_row_is_a_command() {
    let home = TestHome::new();
    home.run("connectors enable bamboohr").code(0);
    let made = home.run("connectors add bamboohr --name Second --json").code(0).json();
    let id = text(&made["after"], "id");
    let ids = home.run("connectors list -o id").code(0);
    assert!(ids.stdout.lines().any(|line| line == id), "copy the id: {ids:?}");
    let active =
        || home.run(&format!("connectors get {id} --json")).code(0).json()["active"].clone();
    home.run(&format!("connectors edit {id} --name Renamed")).code(0);
    home.run(&format!("connectors logs {id} --json")).code(0);
    home.run(&format!("connectors disable {id} --yes")).code(0);
    assert_eq!(active(), false);
    home.run(&format!("connectors enable {id}")).code(0);
    assert_eq!(active(), true);
    home.run(&format!("connectors make-default {id} --yes")).code(0);
    // It is the default now, and the other one can go.
    home.run(&format!("connectors delete {id} --yes")).code(6);
    home.run("connectors make-default bamboohr --yes").code(2);
    let all = home.run("connectors list --json").code(0).json();
    let other = all.as_array().unwrap().iter().find(|row| text(row, "id") != id).unwrap().clone();
    home.run(&format!("connectors delete {} --yes", text(&other, "id"))).code(0);
    let left = home.run("connectors list --json").code(0).json();
    assert_eq!(text(&left[0], "name"), "Renamed");
}

#[test]
fn ac_49_the_ids_of_auth_config_and_connector_are_both_at_hand() {
    let home = TestHome::new();
    home.run("connectors enable bamboohr").code(0);
    let listed = home.run("connectors list --json --fields id,connector_key").code(0).json();
    let id = text(&listed[0], "id");
    assert_eq!(text(&listed[0], "connector_key"), "bamboohr");
    let shown = home.run(&format!("connectors get {id} --json")).code(0).json();
    assert_eq!((text(&shown, "id"), text(&shown, "connector_key")), (id, "bamboohr".to_owned()));
}

#[test]
fn cs_1_a_session_is_made_with_a_key_that_no_browser_ever_sees() {
    let world = World::start();
    let body = json!({ "origin_owner_id": "acme-7", "origin_owner_name": "Globex" });
    let nobody = world.api.saying("").post("/connect_sessions", &body);
    assert_eq!(nobody.status, 401);
    let token = world.token(&json!({ "provider": "sample" }));
    world.user(&token).post("/connect_sessions", &body).status(401);
    let key = world.api.headers.trim().rsplit(' ').next().unwrap().to_owned();
    let config = world.config("sample");
    let page = world.open(&format!("/connect/{token}"));
    let page = page.status(200);
    let mut seen = vec![format!("{:?} {}", page.headers, page.text())];
    for path in ["/hub/settings", "/hub/connectors", &format!("/hub/connectors/{config}")] {
        let answer = world.user(&token).get(path).status(200);
        seen.push(format!("{:?} {}", answer.headers, answer.text()));
    }
    for answer in seen {
        assert!(!answer.contains(&key), "{answer}");
    }
}

#[test]
fn cs_35_values_have_one_spelling() {
    let home = TestHome::new();
    let (_serving, api) = Api::serve(&home, "");
    let create = |key: &str, value: Value| {
        let mut body = calls::session("acme");
        body.as_object_mut().unwrap().remove("provider");
        body[key] = value;
        api.post("/connect_sessions", &body)
    };
    for kind in ["production", "test"] {
        assert_eq!(create("type", json!(kind)).status(201).json()["type"], kind);
    }
    for category in ["hris-legacy", "stackone"] {
        create("categories", json!([category])).status(201);
    }
    for (key, bad) in [
        ("type", json!("PRODUCTION")),
        ("type", json!("TEST")),
        ("categories", json!(["hrisLegacy"])),
        ("categories", json!(["stackOne"])),
    ] {
        let refused = create(key, bad.clone()).status(400).json();
        assert_eq!(refused["errorCode"], "ValidationError", "{key}: {bad}");
    }
}

#[test]
fn hb_2_a_session_for_one_connector_offers_that_one_alone() {
    let world = World::start();
    assert_eq!(offered(&world, &json!({})).len(), 2);
    for provider in ["sample", "acme"] {
        let all = offered(&world, &json!({ "provider": provider }));
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!((&all[0]["provider"], &all[0]["active"]), (&json!(provider), &json!(true)));
    }
    let named = offered(&world, &json!({ "integration_id": world.config("acme") }));
    assert_eq!(named.len(), 1, "{named:?}");
}

#[test]
fn hb_3_whatever_is_offered_has_a_name_and_is_active() {
    let world = World::start();
    let all = offered(&world, &json!({}));
    assert_eq!(all.len(), 2);
    for row in &all {
        assert!(!text(row, "name").trim().is_empty() && row["active"] == true, "{row}");
    }
    world.home.run("connectors disable acme --yes").code(0);
    let left = offered(&world, &json!({}));
    assert!(left.len() == 1 && left[0]["provider"] == "sample", "{left:?}");
    // A definition without a name is not let in.
    let nameless = include_str!("../browser/acme.json").replace("\"Acme People\"", "\" \"");
    world.home.file("nameless.json", nameless);
    world.home.run("connectors import nameless.json").code(2);
}

#[test]
fn hb_13_an_error_has_its_status_as_a_number_and_a_message() {
    let world = World::start();
    let user = world.user(&world.token(&json!({ "provider": "acme" })));
    let empty = json!({ "integration_id": world.config("acme"), "credentials": {} });
    for (answer, status) in [
        (user.post("/hub/accounts", &empty), 400),
        (world.user("hcs_1_none").get("/hub/settings"), 401),
        (user.get("/hub/accounts/another"), 404),
    ] {
        let body = answer.status(status).json();
        assert_eq!(body["statusCode"].as_u64(), Some(u64::from(status)), "{body}");
        assert!(!text(&body, "message").is_empty(), "{body}");
    }
}

#[test]
fn hb_18_numbers_come_as_strings_and_are_given_back_as_they_came() {
    let world = World::start();
    let id = world.config("acme");
    let link = |number: Value| {
        let body = json!({
            "provider": "acme", "integration_id": id, "origin_owner_id": "acme-7",
            "origin_owner_name": "A", "verify": false,
            "credentials": { "subdomain": "acme", "api_key": "ak_1", "number": number },
        });
        world.api.post("/admin/accounts", &body)
    };
    let made = link(json!("0047")).status(201).json();
    assert_eq!(made["setup_information"]["number"], "0047");
    assert_eq!(link(json!("4,7")).status, 400);
    let user = world.user(&world.token(&json!({ "account_id": text(&made, "id") })));
    let path = format!("/hub/accounts/{}", text(&made, "id"));
    let shown = user.get(&path).status(200).json();
    assert_eq!(shown["setupInformation"]["number"], "0047");
}

#[test]
fn at_24_metadata_is_set_by_session_or_patch_and_is_in_no_account_of_the_vendors_api() {
    let world = World::start();
    let token = world.token(&json!({ "provider": "sample", "metadata": { "team": "planted" } }));
    let user = world.user(&token);
    let body = json!({
        "integration_id": world.config("sample"), "credentials": { "api_key": "sample-1" },
    });
    let id = text(&user.post("/hub/accounts", &body).status(201).json(), "id");
    let own = || world.api.get(&format!("/admin/accounts/{id}")).status(200).json();
    assert_eq!(own()["metadata"], json!({ "team": "planted" }));
    let path = format!("/accounts/{id}");
    let patched = world.api.patch(&path, &json!({ "metadata": { "tier": "planted" } }));
    let answers = [
        patched.status(200).json(),
        world.api.get(&path).status(200).json(),
        world.api.get("/accounts").status(200).json()[0].clone(),
        world.api.ask("DELETE", &format!("{path}?keep_remote=true"), None).status(200).json(),
    ];
    for answer in answers {
        assert_eq!(text(&answer, "id"), id);
        assert!(answer.get("metadata").is_none(), "{answer}");
        assert!(!answer.to_string().contains("planted"), "{answer}");
    }
}

/// The vendor's people have roles; here the scopes of keys stand for them.
#[test]
fn kp_7_a_viewer_reads_a_member_writes_and_an_administrator_gives_out_keys() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let (serving, _) = Api::serve(&home, "");
    for (role, scopes, writes, administers) in [
        ("viewer", &["platform:read"][..], false, false),
        ("member", &["platform:read", "platform:write"][..], true, false),
        ("admin", &["platform:read", "platform:write", "admin"][..], true, true),
    ] {
        let api = Api::with(&serving, &home.key(role, scopes));
        api.get("/accounts").status(200);
        let made = api.post("/connect_sessions", &calls::session(role));
        assert_eq!(made.status, if writes { 201 } else { 403 }, "{role}: {}", made.text());
        let key = json!({ "name": format!("of-{role}"), "scopes": ["platform:read"] });
        let given = api.post("/admin/keys", &key);
        assert_eq!(given.status, if administers { 201 } else { 403 }, "{role}: {}", given.text());
    }
}
