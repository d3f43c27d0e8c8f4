//! The contract's rules over HTTP, by number: what its own clients rely on.

use std::collections::BTreeSet;
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::cli::TestHome;
use crate::support::serving::{Client, PATIENCE, Serving};

use super::calls::{self, Things};
use super::{Api, each, text};

/// A hub in which `HubSpot` is enabled.
fn hub() -> (TestHome, Serving, Api) {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let (serving, api) = Api::serve(&home, "");
    (home, serving, api)
}

/// The default auth config of `HubSpot`.
fn default_config(api: &Api) -> String {
    let all = api.get("/connector_profiles?connector_key=hubspot").status(200).json();
    let found = all["data"].as_array().unwrap().iter().find(|row| row["default"] == true);
    text(found.unwrap(), "id")
}

fn link(api: &Api, owner: &str) -> Value {
    let body = calls::account(owner, &default_config(api));
    api.post("/admin/accounts", &body).status(201).json()
}

#[test]
fn ac_13_a_session_for_a_connector_that_is_not_enabled_is_refused_by_name() {
    let (_home, serving, api) = hub();
    let mut body = calls::session("a");
    for provider in ["bamboohr", "greenhouse"] {
        body["provider"] = provider.into();
        let refused = api.post("/connect_sessions", &body).status(400);
        assert_eq!(refused.problem(), "connector.not_enabled");
        assert!(text(&refused.json(), "message").contains(provider));
    }
    body["provider"] = "no-such-connector".into();
    let refused = api.post("/connect_sessions", &body);
    assert!(matches!(refused.status, 400 | 404), "{}", refused.text());
    let config = default_config(&api);
    api.ask("POST", &format!("/admin/auth_configs/{config}/disable"), None).status(200);
    let refused = api.post("/connect_sessions", &calls::session("a")).status(400);
    assert!(text(&refused.json(), "message").contains("hubspot"), "AC-12, CS-19");
    let mut named = calls::session("a");
    named["integration_id"] = config.into();
    api.post("/connect_sessions", &named).status(400);
    serving.stop();
}

#[test]
fn at_14_a_place_in_the_list_that_is_no_id_is_refused() {
    let (_home, serving, api) = hub();
    let account = text(&link(&api, "a"), "id");
    for path in ["/accounts", "/admin/accounts"] {
        let behind = |id: &str| api.get(&format!("{path}?after={id}"));
        assert_eq!(behind("nope").status(400).problem(), "usage.bad_value", "{path}");
        behind(&account[1..]).status(400);
        assert_eq!(behind(&account).status(200).json(), json!([]), "{path}");
    }
    serving.stop();
}

#[test]
fn ac_17_accounts_of_a_disabled_config_are_shown_as_inactive_and_come_back() {
    let (_home, serving, api) = hub();
    let id = text(&link(&api, "a"), "id");
    let config = default_config(&api);
    api.ask("POST", &format!("/admin/auth_configs/{config}/disable"), None).status(200);
    let account = api.get(&format!("/accounts/{id}")).status(200).json();
    assert_eq!(account["status"], "inactive");
    let reason = &account["status_reasons"][0];
    assert!(reason["timestamp"].is_string(), "AT-10: {account}");
    assert_eq!(each(&api.get("/accounts?status=inactive").json(), "id"), [id.as_str()]);
    assert_eq!(api.get("/accounts?status=active").json(), json!([]));
    api.ask("POST", &format!("/admin/auth_configs/{config}/enable"), None).status(200);
    let account = api.get(&format!("/accounts/{id}")).status(200).json();
    assert_eq!((&account["status"], &account["status_reasons"]), (&json!("active"), &json!([])));
    serving.stop();
}

#[test]
fn ac_29_what_may_not_be_deleted_is_a_conflict_that_says_why() {
    let (_home, serving, api) = hub();
    let config = default_config(&api);
    let other = json!({ "connector_key": "hubspot", "name": "other" });
    let other = api.post("/admin/auth_configs", &other).status(201).json();
    let other = text(&other["after"], "id");
    let refused = api.delete(&format!("/admin/auth_configs/{config}")).status(409);
    assert_eq!(refused.problem(), "auth_config.is_default");
    let id = text(&link(&api, "a"), "id");
    link(&api, "b");
    api.ask("POST", &format!("/admin/auth_configs/{other}/make_default"), None).status(200);
    let refused = api.delete(&format!("/admin/auth_configs/{config}")).status(409);
    assert_eq!(refused.problem(), "auth_config.has_accounts");
    assert!(text(&refused.json(), "message").contains('2'), "AC-24: {}", refused.text());
    api.delete(&format!("/accounts/{id}")).status(200);
    let moved = each(&api.get("/admin/accounts").json(), "id");
    api.patch(&format!("/accounts/{}", moved[0]), &json!({ "integration_id": other })).status(200);
    api.delete(&format!("/admin/auth_configs/{config}")).status(200);
    serving.stop();
}

#[test]
fn ac_37_and_ac_43_auth_configs_are_listed_with_filters_and_without_values() {
    let home = TestHome::new();
    let (serving, api) = Api::serve(&home, "");
    let mut wanted = BTreeSet::new();
    for number in 0..6 {
        let connector = if number % 2 == 0 { "hubspot" } else { "bamboohr" };
        let mut body = json!({ "connector_key": connector, "name": format!("n{number}") });
        if connector == "bamboohr" {
            body["authentication_config_key"] = "oauth2".into();
            body["values"] = json!({ "client_id": "shown-id", "client_secret": "hidden-secret" });
        }
        let made = api.post("/admin/auth_configs", &body).status(201).json();
        wanted.insert(text(&made["after"], "id"));
    }
    for path in ["/auth_configs", "/connector_profiles"] {
        let all = api.get(path).status(200).json();
        let counts = (&all["page"], &all["page_size"], &all["total"]);
        assert_eq!(counts, (&json!(1), &json!(25), &json!(6)), "AC-44");
        assert_eq!(each(&all["data"], "id").into_iter().collect::<BTreeSet<_>>(), wanted);
        assert!(!all.to_string().contains("shown-id"), "{all}");
        assert!(!all.to_string().contains("hidden-secret"), "{all}");
        let mut paged = BTreeSet::new();
        for page in 1..=3 {
            let part = api.get(&format!("{path}?page={page}&page_size=2")).status(200).json();
            assert_eq!((&part["page"], &part["total"]), (&json!(page), &json!(6)));
            paged.extend(each(&part["data"], "id"));
        }
        assert_eq!(paged, wanted);
        let past = api.get(&format!("{path}?page=9&page_size=2")).status(200).json();
        assert_eq!((&past["data"], &past["total"]), (&json!([]), &json!(6)));
        let mut rows = all["data"].as_array().unwrap().iter();
        let first = rows.find(|row| row["connector_key"] == "hubspot").unwrap();
        let disable = format!("/admin/auth_configs/{}/disable", text(first, "id"));
        api.ask("POST", &disable, None).status(200);
        for (query, count) in [
            ("connector_key=hubspot", 3),
            ("enabled=true", 5),
            ("enabled=false", 1),
            ("enabled=false&connector_key=hubspot", 1),
            ("enabled=false&connector_key=bamboohr", 0),
            ("enabled=&connector_key=", 6),
        ] {
            let found = api.get(&format!("{path}?{query}")).status(200).json();
            assert_eq!(found["total"], count, "{query}");
        }
        api.ask("POST", &disable.replace("disable", "enable"), None).status(200);
        for bad in ["enabled=maybe", "page_size=0", "page=x", "connector_key=%F0"] {
            api.get(&format!("{path}?{bad}")).status(400).problem();
        }
    }
    serving.stop();
}

#[test]
fn ac_45_a_pin_is_one_of_four_forms() {
    let (_home, serving, api) = hub();
    let config = default_config(&api);
    let path = format!("/connector_profiles/{config}/pinned_version");
    assert_eq!(api.get(&path).status(404).problem(), "auth_config.not_pinned");
    for pin in ["latest", "1.x.x", "1.0.x", "1.0.0"] {
        let set = api.put(&path, &json!({ "pinned_version": pin, "owner": null })).status(200);
        assert_eq!(
            (&set.json()["pinned_version"], &set.json()["owner"]),
            (&json!(pin), &json!("stackone"))
        );
        assert_eq!(set.json()["connector_profile_id"], config.as_str());
        assert_eq!(api.get(&path).status(200).json(), set.json());
        let listed = api.get("/connector_profiles").json();
        assert_eq!(listed["data"][0]["connector_pinned_version"], pin);
    }
    for bad in ["^1.2.0", "~1.2.0", "1", "x", "", "1.2.3.4", ">=1.0.0"] {
        api.put(&path, &json!({ "pinned_version": bad })).status(400).problem();
    }
    let none = api.put(&path, &json!({ "pinned_version": "1.2.x" })).status(404);
    assert!(text(&none.json(), "message").contains("no version that fits"), "{}", none.text());
    assert_eq!(api.get(&path).json()["pinned_version"], "1.0.0");
    let versions = api.get(&format!("/connector_profiles/{config}/versions")).status(200).json();
    let first = &versions[0];
    assert!(first["version"].is_string() && first["pinned"].is_boolean(), "{versions}");
    assert_eq!((&first["owner"], &first["builtin"]), (&json!("stackone"), &json!(true)));
    let gone = api.delete(&path).status(204);
    assert!(gone.body.is_empty() && !gone.headers.contains_key("content-type"), "{gone:?}");
    api.get(&path).status(404);
    serving.stop();
}

#[test]
fn ac_46_a_pin_is_refused_for_an_owner_that_it_does_not_lead_to() {
    let (_home, serving, api) = hub();
    let config = default_config(&api);
    let path = format!("/connector_profiles/{config}/pinned_version");
    let set = |version: &str, owner: &str| {
        api.put(&path, &json!({ "pinned_version": version, "owner": owner }))
    };
    assert_eq!(set("latest", "stackone").status(200).json()["owner"], "stackone");
    let mut own = calls::connector("hubspot");
    own["auth"][0]["key"] = "private_app".into();
    own["version"] = "2.0.0".into();
    api.put("/admin/connectors", &json!({ "connectors": [own] })).status(200);
    assert_eq!(api.get(&path).status(200).json()["owner"], "project", "AC-46");
    for (version, owner) in [("latest", "project"), ("2.0.0", "project"), ("1.0.x", "stackone")] {
        let pin = set(version, owner).status(200).json();
        assert_eq!((&pin["pinned_version"], &pin["owner"]), (&json!(version), &json!(owner)));
        assert_eq!(api.get(&path).status(200).json(), pin);
    }
    let before = api.get(&path).json();
    let others = "leads to version 2.0.0 of `project`, not of `stackone`";
    for (version, owner, told) in [
        ("latest", "stackone", format!("owner: `latest` {others}")),
        ("2.0.0", "stackone", format!("owner: `2.0.0` {others}")),
        (
            "1.0.0",
            "project",
            "owner: `1.0.0` leads to version 1.0.0 of `stackone`, not of `project`".to_owned(),
        ),
        ("latest", "bogus", "owner: `bogus` is not an owner: use stackone or project".to_owned()),
    ] {
        let refused = set(version, owner).status(400).json();
        assert_eq!(refused["errorCode"], "ValidationError");
        assert_eq!(refused["errors"], json!([told]));
        assert_eq!(api.get(&path).json(), before);
    }
    set("3.0.0", "project").status(404);
    serving.stop();
}

#[test]
fn cs_2_owner_id_and_name_are_needed() {
    let (_home, serving, api) = hub();
    for (key, value) in [
        ("origin_owner_id", None),
        ("origin_owner_name", None),
        ("origin_owner_id", Some(json!(""))),
        ("origin_owner_name", Some(json!("  "))),
        ("origin_owner_id", Some(Value::Null)),
        ("origin_owner_id", Some(json!(7))),
    ] {
        let mut body = calls::session("a");
        match value {
            Some(value) => body[key] = value,
            None => _ = body.as_object_mut().unwrap().remove(key),
        }
        let refused = api.post("/connect_sessions", &body).status(400);
        refused.problem();
        let told = refused.text();
        assert!(told.contains(key), "{key}: {told}");
    }
    serving.stop();
}

#[test]
fn cs_23_a_value_of_the_wrong_type_is_named() {
    let (_home, serving, api) = hub();
    for (key, value, told) in [
        ("origin_owner_id", json!(5), "origin_owner_id: expected a string"),
        ("multiple", json!("yes"), "multiple: expected a boolean"),
        ("categories", json!(["hris", 7]), "categories[1]: expected a string"),
        ("categories", json!("hris"), "categories: expected an array"),
        ("metadata", json!([]), "metadata: expected an object"),
    ] {
        let mut body = calls::session("a");
        body["expires_in"] = json!("1800");
        body[key] = value;
        let refused = api.post("/connect_sessions", &body).status(400);
        assert_eq!(refused.problem(), "request.bad_body");
        assert_eq!(refused.json()["errors"], json!([told]));
    }
    for (path, body, told) in [
        ("/connect_sessions/authenticate", json!({}), "token: is required"),
        ("/connect_sessions/authenticate", json!({"token": 7}), "token: expected a string"),
        ("/connect_sessions/authenticate", Value::Null, "expected an object"),
    ] {
        let refused = api.post(path, &body).status(400).json();
        assert_eq!(
            (&refused["errors"], &refused["errorCode"]),
            (&json!([told]), &json!("ValidationError"))
        );
    }
    let refused = api.patch("/accounts/x", &Value::Null).status(400).json();
    assert_eq!(refused["errors"], json!(["expected an object"]));
    serving.stop();
}

#[test]
fn cs_3_to_cs_37_a_session_is_what_was_asked_for_and_its_token_is_shown_once() {
    let (_home, serving, api) = hub();
    let body = json!({
        "origin_owner_id": "acme-7", "origin_owner_name": "Acme", "origin_username": "kim",
        "provider": "hubspot", "provider_version": "9.9.9", "categories": ["crm", "hris-legacy"],
        "expires_in": 604_800, "metadata": { "plan": "gold", "deep": { "list": [1, null] } },
        "multiple": true, "label": "main", "type": "test", "shared": true, "relink": true,
        "scopes": ["a"], "integration_id": null, "account_id": null, "connector_profile_id": null,
        "something_new": { "x": 1 },
    });
    let made = api.post("/connect_sessions", &body).status(201).json();
    let token = text(&made, "token");
    let fine = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    assert!(token.chars().all(fine), "{token}");
    assert!(text(&made, "auth_link_url").ends_with(&token));
    assert!(made["id"].is_i64(), "{made}");
    for key in [
        "origin_owner_id",
        "origin_owner_name",
        "origin_username",
        "provider",
        "metadata",
        "label",
        "type",
        "categories",
    ] {
        assert_eq!(made[key], body[key], "{key}");
    }
    let config = default_config(&api);
    assert_eq!(made["integration_id"], config.as_str(), "CS-15, CS-36");
    assert_eq!(made["connector_profile_id"], config.as_str());
    assert_eq!(made["latest_connection_attempt"], Value::Null, "CS-37");
    let [created, expires] = ["created_at", "expires_at"].map(|key| {
        let text = text(&made, key);
        assert!(text.ends_with('Z'), "{text}");
        text.parse::<jiff::Timestamp>().unwrap()
    });
    assert_eq!(expires.duration_since(created).as_secs(), 604_800, "CS-25, CS-26");
    let path = format!("/connect_sessions/{}", text(&made, "id"));
    let found = api.get(&path).status(200).json();
    let same = api.post("/connect_sessions/authenticate", &json!({ "token": token })).status(201);
    assert_eq!(found, same.json(), "CS-40");
    assert!(!found.to_string().contains(&token), "CS-4: {found}");
    assert!(found.get("auth_link_url").is_none() && found.get("token").is_none(), "{found}");
    let plain = api.post("/connect_sessions", &calls::session("a")).status(201).json();
    assert_eq!(plain["type"], "production", "CS-33");
    let life = |made: &Value| {
        let [from, to] = ["created_at", "expires_at"]
            .map(|key| text(made, key).parse::<jiff::Timestamp>().unwrap());
        to.duration_since(from).as_secs()
    };
    assert_eq!(life(&plain), 1_800, "CS-25");
    serving.stop();
}

#[test]
fn cs_12_to_cs_19_cs_34_what_a_session_names_has_to_be_there_and_to_agree() {
    let (_home, serving, api) = hub();
    let things = Things::make(&api, "x");
    let create = |more: Value| {
        let mut body = json!({ "origin_owner_id": "owner-x", "origin_owner_name": "owner-x Inc" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        api.post("/connect_sessions", &body)
    };
    let missing = Things::missing();
    for id in [missing.account.as_str(), "45355976281015164504", "no such id"] {
        let refused = create(json!({ "account_id": id }));
        assert!(matches!(refused.status, 400 | 404), "CS-13: {}", refused.text());
    }
    create(json!({ "account_id": missing.account })).status(404);
    let edit = create(json!({ "account_id": things.account, "multiple": true })).status(201).json();
    assert_eq!(edit["account_id"], things.account.as_str());
    let theirs = json!({ "account_id": things.account, "origin_owner_id": "another" });
    let refused = create(theirs).status(400).json();
    assert_eq!(refused["errorCode"], "ValidationError", "CS-12");
    let line = refused["errors"][0].as_str().unwrap();
    assert!(line.starts_with("origin_owner_id: "), "{refused}");
    for key in ["integration_id", "connector_profile_id"] {
        let made = create(json!({ key: things.config })).status(201).json();
        assert_eq!(made["integration_id"], things.config.as_str(), "CS-14");
        assert_eq!(made["provider"], "hubspot", "CS-18");
        create(json!({ key: missing.config })).status(404);
        let refused = create(json!({ key: things.config, "provider": "bamboohr" })).status(400);
        refused.problem();
    }
    let both = |other: &str| {
        create(json!({ "integration_id": things.config, "connector_profile_id": other }))
    };
    both(&things.config).status(201);
    both(&things.spare).status(400).problem();
    for (key, values) in [
        (
            "categories",
            vec![json!(["hrisLegacy"]), json!(["stackOne"]), json!(["crm", "nope"]), json!("crm")],
        ),
        ("type", vec![json!("PRODUCTION"), json!("TEST"), json!("unmapped_value"), json!(1)]),
        (
            "expires_in",
            vec![json!(0), json!(-1), json!(1.5), json!("60"), json!(2_592_001), json!(1e300)],
        ),
        ("multiple", vec![json!("yes"), json!(1)]),
        ("metadata", vec![json!([]), json!("x")]),
        ("label", vec![json!({}), json!(["x"])]),
    ] {
        for value in values {
            let refused = create(json!({ "provider": "hubspot", key: value })).status(400);
            assert_eq!(
                refused.json()["errorCode"],
                "ValidationError",
                "CS-23, CS-27, CS-34, CS-35"
            );
        }
    }
    create(json!({ "expires_in": 432_000, "categories": [] })).status(201);
    create(json!({ "expires_in": 1 })).status(201);
    serving.stop();
}

#[test]
fn cs_40_a_token_that_ended_opens_nothing() {
    let (_home, serving, api) = hub();
    let mut body = calls::session("a");
    body["expires_in"] = 1.into();
    let short = api.post("/connect_sessions", &body).status(201).json();
    let revoked = api.post("/connect_sessions", &calls::session("b")).status(201).json();
    let path = format!("/admin/connect_sessions/{}/revoke", text(&revoked, "id"));
    api.ask("POST", &path, None).status(200);
    let open = |made: &Value| {
        let body = json!({ "token": made["token"] });
        api.post("/connect_sessions/authenticate", &body)
    };
    assert_eq!(open(&revoked).status(401).problem(), "session.token_invalid");
    let until = Instant::now() + PATIENCE;
    while open(&short).status == 201 {
        assert!(Instant::now() < until, "it does not expire");
    }
    assert_eq!(open(&short).status(401).problem(), "session.token_invalid");
    // The session itself is still there to be looked at.
    let path = format!("/connect_sessions/{}", text(&short, "id"));
    assert_eq!(api.get(&path).status(200).json()["status"], "expired");
    for bad in [json!({}), json!({ "token": null }), json!({ "token": 7 }), json!([])] {
        api.post("/connect_sessions/authenticate", &bad).status(400).problem();
    }
    serving.stop();
}

#[test]
fn at_11_to_at_14_accounts_are_listed_in_pages_filters_and_all_spellings() {
    let (home, serving, api) = hub();
    let config = default_config(&api);
    home.run("connectors enable bamboohr").code(0);
    let mut ids = Vec::new();
    for number in 0..30 {
        let body = calls::account(&format!("o{number}"), &config);
        ids.push(text(&api.post("/admin/accounts", &body).status(201).json(), "id"));
    }
    let body = json!({
        "provider": "bamboohr", "origin_owner_id": "o1", "origin_owner_name": "x",
        "credentials": { "api_key": "k", "subdomain": "acme" }, "verify": false,
    });
    ids.push(text(&api.post("/admin/accounts", &body).status(201).json(), "id"));
    let list = |query: &str| each(&api.get(&format!("/accounts?{query}")).status(200).json(), "id");
    assert_eq!(list(""), ids[..25], "AT-11");
    assert_eq!(list("page=0"), list("page=1"));
    assert_eq!(list("page=2"), ids[25..]);
    assert_eq!(list("page=3"), Vec::<String>::new(), "AT-13");
    assert_eq!(list("page=1&page_size=31"), ids);
    assert_eq!(list("page=7&page_size=5"), ids[30..]);
    assert_eq!(list("page=18446744073709551615&page_size=1000"), Vec::<String>::new());
    for bad in [
        "page=-1",
        "page=1.5",
        "page=x",
        "page_size=0",
        "page_size=1001",
        "page_size=x",
        "status=bogus",
        "providers=../x",
        "page=99999999999999999999",
    ] {
        assert_eq!(api.get(&format!("/accounts?{bad}")).status(400).problem(), "usage.bad_value");
    }
    let (a, b) = (&ids[3], &ids[4]);
    let two = [a.clone(), b.clone()];
    for spelling in [
        format!("account_ids={a}&account_ids={b}"),
        format!("account_ids={a},{b}"),
        format!("account_ids={a}%2C{b}"),
        format!("account_ids[]={a}&account_ids[]={b}"),
        format!("account_ids%5B%5D={a}&account_ids%5B%5D={b}"),
        format!("account_ids={a}&account_ids[]={b}&account_ids="),
        format!("account_ids={b}&account_ids={a}&account_ids={a}"),
    ] {
        assert_eq!(list(&spelling), two, "{spelling}");
    }
    // Many at once, and one that is far behind.
    assert_eq!(list(&format!("account_ids={}{b}", format!("{a},").repeat(400))), two, "AT-12");
    let one = [ids[1].clone(), ids[30].clone()];
    assert_eq!(list("origin_owner_id=o1"), one, "AT-12");
    assert_eq!(list("origin_owner_ids=o1"), one);
    assert_eq!(list("origin_owner_ids=o1&providers=bamboohr"), one[1..]);
    assert_eq!(list("origin_owner_ids=o1,o2&provider=hubspot"), ids[1..3]);
    assert_eq!(list("origin_owner_ids=o1,o2&origin_owner_id=o2&providers=hubspot"), ids[2..3]);
    assert_eq!(list("providers=bamboohr&status=active,error"), one[1..]);
    assert_eq!(list("status=suspended"), Vec::<String>::new());
    assert_eq!(list(&format!("account_ids={a}&origin_owner_id=o1")), Vec::<String>::new());
    assert_eq!(list("account_ids=no-such-account"), Vec::<String>::new(), "AT-13");
    assert_eq!(list("something_new=1&page_size="), ids[..25]);
    let text = api.get("/accounts").status(200).text();
    assert!(text.starts_with('['), "a bare array: {text}");
    serving.stop();
}

#[test]
fn at_15_to_at_19_a_patch_changes_what_it_names() {
    let (_home, serving, api) = hub();
    let things = Things::make(&api, "x");
    let path = format!("/accounts/{}", things.account);
    let detail = || api.get(&format!("/admin{path}")).status(200).json();
    let set = json!({ "label": "one", "metadata": { "a": 1, "b": 2 }, "origin_username": "kim" });
    let changed = api.patch(&path, &set).status(200).json();
    assert_eq!((&changed["label"], &changed["origin_username"]), (&json!("one"), &json!("kim")));
    assert!(changed.get("metadata").is_none() && changed.get("credentials").is_none(), "AT-24");
    let before = detail();
    assert_eq!(before["metadata"], json!({ "a": 1, "b": 2 }));
    // Absent, unknown and meaningless keys change nothing.
    for body in [
        json!({}),
        json!({ "something_new": 1, "environment": "", "shared": false, "status": "active" }),
        json!({ "environment": null, "shared": null, "status": null }),
        json!({ "provider": null, "origin_owner_name": null, "type": null, "integration_id": null }),
        json!({ "provider": "hubspot", "origin_owner_id": null }),
        json!({ "origin_owner_id": "owner-x" }),
        json!({ "credentials": null, "secrets": null, "setup_information": null }),
    ] {
        api.patch(&path, &body).status(200);
        assert_eq!(detail(), before, "{body}");
    }
    let renamed = api.patch(&path, &json!({ "origin_owner_name": "New" })).status(200).json();
    assert_eq!((&renamed["origin_owner_name"], &renamed["label"]), (&json!("New"), &json!("one")));
    let at = |value: &Value| text(value, "updated_at").parse::<jiff::Timestamp>().unwrap();
    assert!(at(&renamed) > at(&before), "AT-19");
    let moved = api.patch(&path, &json!({ "origin_owner_id": "other" })).status(200).json();
    assert_eq!(
        (&moved["origin_owner_id"], &moved["origin_owner_name"]),
        (&json!("other"), &json!("New"))
    );
    let found = each(&api.get("/accounts?origin_owner_id=other").json(), "id");
    assert_eq!(found, [things.account.as_str()]);
    let cleared = api.patch(&path, &json!({ "label": null, "metadata": null })).status(200).json();
    assert_eq!(cleared["label"], Value::Null, "AT-15");
    assert_eq!(detail()["metadata"], json!({}));
    for kind in ["test", "production"] {
        assert_eq!(api.patch(&path, &json!({ "type": kind })).status(200).json()["type"], kind);
    }
    let before = detail();
    for (bad, status) in [
        (json!({ "type": "unmapped_value" }), 400),
        (json!({ "integration_id": Things::missing().config }), 404),
        (json!({ "integration_id": "no such id" }), 400),
        (json!({ "label": 7 }), 400),
        (json!({ "metadata": "x" }), 400),
        (json!({ "origin_owner_name": "" }), 400),
        (json!({ "origin_owner_id": " " }), 400),
        (json!({ "origin_owner_id": 7 }), 400),
        (json!({ "provider": "bamboohr" }), 400),
        (json!({ "provider": "../x" }), 400),
        (json!({ "authentication_config_key": "no_such", "label": "new" }), 400),
        (json!({ "environment": "eu", "label": "new" }), 400),
        (json!({ "shared": true, "label": "new" }), 400),
        (json!({ "status": "archived", "label": "new" }), 400),
        (json!({ "credentials": { "no_such": "new" } }), 400),
        (json!({ "secrets": { "access_key": ["x"] } }), 400),
        (json!({ "label": "new", "integration_id": Things::missing().config }), 404),
    ] {
        let refused = api.patch(&path, &bad);
        assert_eq!(refused.status, status, "AT-17: {bad}: {}", refused.text());
        refused.problem();
        assert_eq!(detail(), before, "{bad}");
    }
    for key in ["integration_id", "connector_profile_id"] {
        for config in [&things.spare, &things.config] {
            let moved = api.patch(&path, &json!({ key: config })).status(200).json();
            assert_eq!(moved["integration_id"], config.as_str(), "AT-18");
        }
    }
    serving.stop();
}

#[test]
fn at_20_a_deleted_account_is_the_answer_and_then_gone() {
    let (_home, serving, api) = hub();
    let account = link(&api, "a");
    let id = text(&account, "id");
    let path = format!("/accounts/{id}");
    let shown = api.get(&path).status(200).json();
    assert_eq!(api.delete(&path).status(200).json(), shown);
    for answer in [
        api.get(&path),
        api.delete(&path),
        api.patch(&path, &json!({ "label": "x" })),
        api.get(&format!("{path}/meta")),
    ] {
        assert_eq!(answer.status(404).problem(), "account.not_found");
    }
    assert_eq!(api.get("/accounts").json(), json!([]));
    assert_ne!(text(&link(&api, "a"), "id"), id, "AT-23");
    serving.stop();
}

#[test]
fn at_26_answers_show_values_that_are_no_secrets_and_dates_with_an_offset() {
    let home = TestHome::new();
    home.run("connectors enable bamboohr").code(0);
    let (serving, api) = Api::serve(&home, "");
    let body = json!({
        "provider": "bamboohr", "origin_owner_id": "a", "origin_owner_name": "A",
        "credentials": { "api_key": "never-shown", "subdomain": "acme" }, "verify": false,
    });
    let id = text(&api.post("/admin/accounts", &body).status(201).json(), "id");
    for path in ["/accounts".to_owned(), format!("/accounts/{id}"), format!("/admin/accounts/{id}")]
    {
        let answer = api.get(&path).status(200);
        assert!(!answer.text().contains("never-shown"), "{path}");
        let value = answer.json();
        let account = if value.is_array() { &value[0] } else { &value };
        assert_eq!(account["setup_information"], json!({ "subdomain": "acme" }), "{path}");
        assert_eq!(account["provider_name"], "BambooHR");
        assert_eq!(account["categories"][0], "hris");
        for key in ["created_at", "updated_at"] {
            let date = text(account, key);
            assert!(date.ends_with('Z') && date.contains('T'), "{key}: {date}");
        }
    }
    let meta = api.get(&format!("/accounts/{id}/meta")).status(200).json();
    assert_eq!(meta, json!({ "provider": "bamboohr", "category": "hris", "models": {} }));
    serving.stop();
}

#[test]
fn at_4_a_suspended_account_is_shown_as_such_and_resumes() {
    let (_home, serving, api) = hub();
    let id = text(&link(&api, "a"), "id");
    let act = |verb: &str| {
        let path = format!("/admin/accounts/{id}/{verb}");
        api.ask("POST", &path, None).status(200).json()
    };
    let status = || text(&api.get(&format!("/accounts/{id}")).json(), "status");
    assert_eq!(act("suspend")["changed"], true);
    assert_eq!(status(), "suspended");
    assert_eq!(act("suspend")["changed"], false);
    let tried = format!("/admin/accounts/{id}/resume?dry_run=true");
    let tried = api.ask("POST", &tried, None).status(200).json();
    assert_eq!((&tried["dry_run"], &tried["changed"]), (&json!(true), &json!(true)));
    assert_eq!(status(), "suspended");
    let config = default_config(&api);
    api.ask("POST", &format!("/admin/auth_configs/{config}/disable"), None).status(200);
    act("resume");
    assert_eq!(status(), "inactive", "AT-9");
    api.ask("POST", &format!("/admin/auth_configs/{config}/enable"), None).status(200);
    assert_eq!(status(), "active");
    serving.stop();
}

#[test]
fn ids_of_the_wrong_form_name_nothing() {
    let (_home, serving, api) = hub();
    for id in [
        "x",
        "45355976281015164504",
        "%20",
        "a%2Fb",
        "..%2F..",
        "%F0%9F%92%A5",
        "0",
        "-1",
        "%00",
        "%FF",
        "1e3",
        "null",
        "018f",
        &"9".repeat(400),
    ] {
        for path in [
            format!("/accounts/{id}"),
            format!("/accounts/{id}/meta"),
            format!("/connect_sessions/{id}"),
            format!("/connector_profiles/{id}/versions"),
            format!("/connector_profiles/{id}/pinned_version"),
            format!("/connectors/meta/{id}"),
            format!("/admin/accounts/{id}"),
            format!("/admin/auth_configs/{id}"),
            format!("/admin/connect_sessions/{id}"),
            format!("/admin/keys/{id}"),
            format!("/admin/projects/{id}"),
            format!("/admin/connectors/{id}"),
        ] {
            let answer = api.get(&path);
            // What is no text at all can't be an id either.
            let is_text = id != "%FF";
            assert!(
                answer.status == 404 || !is_text && answer.status == 400,
                "{path}: {}",
                answer.text()
            );
            answer.problem();
        }
    }
    serving.stop();
}

#[test]
fn kp_1_and_kp_3_a_key_sees_its_project_and_wrong_ones_nothing() {
    let (home, serving, api) = hub();
    link(&api, "a");
    home.run("projects create other").code(0);
    let made = home.run("--project other keys create o --scope platform:read --json").code(0);
    let other = api.holding(&text(&made.json(), "key"));
    assert_eq!(other.get("/accounts").status(200).json(), json!([]));
    assert_eq!(other.get("/connector_profiles").status(200).json()["total"], 0);
    assert_eq!(
        other.post("/connect_sessions", &calls::session("a")).status(403).problem(),
        "auth.forbidden"
    );
    for headers in [
        "",
        "Authorization: \r\n",
        "Authorization: Bearer nope\r\n",
        "Authorization: Basic !!\r\n",
        "Authorization: Digest x\r\n",
        "X-Hub-Session-Token: x\r\n",
    ] {
        let refused = api.saying(headers).get("/accounts").status(401);
        refused.problem();
        assert!(refused.headers.contains_key("www-authenticate"), "{headers}");
    }
    // HB-15: a session's token is no key.
    let token =
        text(&api.post("/connect_sessions", &calls::session("a")).status(201).json(), "token");
    api.holding(&token).get("/accounts").status(401);
    serving.stop();
}

#[test]
fn kp_4_a_key_is_taken_in_every_spelling_that_is_tolerated() {
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read"]);
    let (serving, api) = Api::serve(&home, "");
    let encode = |text: String| BASE64_STANDARD.encode(text);
    let unpadded = |text: String| encode(text).trim_end_matches('=').to_owned();
    for value in [
        format!("Basic {}", encode(format!("{key}:"))),
        format!("Basic {}", encode(key.clone())),
        format!("Basic {}", encode(format!(":{key}"))),
        format!("Basic {}", unpadded(format!("{key}:"))),
        format!("basic   {}", encode(format!("{key}:"))),
        format!("BASIC {}", unpadded(key.clone())),
        format!("Bearer {key}"),
        format!("bearer {key}"),
    ] {
        api.saying(&format!("Authorization: {value}\r\n")).get("/accounts").status(200);
    }
    for value in [
        format!("Basic {}", encode(format!("{key}:{key}"))),
        format!("Basic {}", encode(format!("{key}x:"))),
        key.clone(),
        format!("Bearer {}", &key[..key.len() - 1]),
    ] {
        api.saying(&format!("Authorization: {value}\r\n")).get("/accounts").status(401);
    }
    let twice = format!("Authorization: Bearer {key}\r\nAuthorization: Bearer {key}\r\n");
    api.saying(&twice).get("/accounts").status(401);
    serving.stop();
}

#[test]
fn kp_5_a_key_has_a_limit_of_its_own_and_is_told_how_long_to_wait() {
    let home = TestHome::new();
    let [one, two] = ["one", "two"].map(|name| home.key(name, &["platform:read"]));
    let serving = home.serve("--rate-limit 5");
    let answers: Vec<_> = (0..12).map(|_| serving.get_with(&one, "/accounts")).collect();
    let fine = answers.iter().filter(|answer| answer.status == 200).count();
    assert!((5..12).contains(&fine), "{fine}");
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(refused.problem(), "rate.limited");
    let wait: u64 = refused.headers["retry-after"].parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    serving.get_with(&two, "/accounts").status(200);
    serving.stop();
}

#[test]
fn kp_8_a_project_admits_listed_addresses_alone() {
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read"]);
    let (serving, api) = Api::serve(&home, "--trusted-proxy 127.0.0.1");
    let limit = |entries: Value| {
        let body = json!({ "ip_allowlist": entries });
        api.saying(&format!("{}X-Forwarded-For: 192.0.2.7\r\n", api.headers))
            .patch("/admin/projects/default", &body)
    };
    let refused = limit(json!(["192.0.2.8"])).status(409);
    assert_eq!(refused.problem(), "project.locks_out");
    limit(json!(["192.0.2.7", "198.51.100.1-198.51.100.9", "2001:db8::/32"])).status(200);
    for (address, status) in [
        ("192.0.2.7", 200),
        ("198.51.100.5", 200),
        ("2001:db8:1::1", 200),
        ("192.0.2.8", 403),
        ("198.51.100.10", 403),
        ("2001:db9::1", 403),
    ] {
        let headers = format!("Authorization: Bearer {key}\r\nX-Forwarded-For: {address}\r\n");
        let answer = api.saying(&headers).get("/accounts").status(status);
        if status == 403 {
            assert_eq!(answer.problem(), "auth.address_refused", "{address}");
            assert!(answer.text().contains(address), "{}", answer.text());
        }
    }
    limit(json!(["not an address"])).status(400).problem();
    limit(json!([])).status(200);
    api.holding(&key).get("/accounts").status(200);
    serving.stop();
}

#[test]
fn hb_17_no_route_of_the_platform_is_open_to_pages_of_other_origins() {
    let (_home, serving, api) = hub();
    let origin = "Origin: https://customer.example\r\nAccess-Control-Request-Method: POST\r\n\
                  Access-Control-Request-Headers: authorization\r\n";
    for path in
        ["/connect_sessions", "/accounts", "/connector_profiles", "/admin/keys", "/openapi.json"]
    {
        for method in ["OPTIONS", "GET", "POST"] {
            for headers in [origin.to_owned(), format!("{}{origin}", api.headers)] {
                let answer = api.saying(&headers).ask(method, path, None);
                let open = answer.headers.keys().find(|name| name.starts_with("access-control"));
                assert_eq!(open, None, "{method} {path}");
                assert!(method != "OPTIONS" || answer.status == 405, "{path}: {}", answer.status);
            }
        }
    }
    serving.stop();
}

#[test]
fn bodies_are_json_by_any_name_and_say_so_themselves() {
    let (_home, serving, api) = hub();
    let body = calls::session("a").to_string();
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/vnd.api+json",
    ] {
        let request = format!(
            "POST /connect_sessions HTTP/1.1\r\nHost: hub\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n{}\r\n{body}",
            body.len(),
            api.headers
        );
        let mut client = Client::to(api.address);
        client.send(request).unwrap();
        let answer = client.answer().unwrap().status(201);
        assert_eq!(answer.headers["content-type"], "application/json", "{kind}");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert!(!answer.headers["x-request-id"].is_empty());
    }
    for path in [
        "/no/such/route",
        "/hub/no/such",
        "/admin",
        "/accounts/",
        "/unified",
        "/unified/proxy/",
        "/unified/proxy/x",
    ] {
        let answer = api.get(path).status(404);
        assert_eq!(answer.problem(), "request.unknown_route", "{path}");
    }
    for (method, path) in
        [("PUT", "/accounts"), ("DELETE", "/connect_sessions"), ("POST", "/openapi.json")]
    {
        let answer = api.ask(method, path, None).status(405);
        assert_eq!(answer.problem(), "request.method_not_allowed", "{method} {path}");
        assert!(answer.headers.contains_key("allow"), "{answer:?}");
    }
    for (method, path) in [
        ("GET", "/actions"),
        ("POST", "/actions/rpc"),
        ("GET", "/mcp"),
        ("GET", "/unified/hris/employees"),
        ("POST", "/unified/ats/applications"),
        ("DELETE", "/unified/crm/contacts/1"),
        ("POST", "/unified/check_permissions"),
        ("POST", "/logs"),
        ("POST", "/logs/actions"),
        ("GET", "/logs/actions/1/steps"),
        ("POST", "/logs/stats/aggregate"),
        ("GET", "/v2/accounts"),
        ("GET", "/v2/connectors/hubspot"),
        ("POST", "/webhooks/1/events"),
    ] {
        let answer = api.ask(method, path, None).status(501);
        assert_eq!(answer.problem(), "request.out_of_scope", "{method} {path}");
        api.saying("").ask(method, path, None).status(401);
    }
    api.get("/unified/proxy").status(405);
    assert_eq!(api.post("/unified/proxy", &json!({})).status(400).problem(), "usage.bad_value");
    serving.stop();
}

#[test]
fn ac_10_the_answer_warns_of_a_default_that_is_disabled() {
    let (home, serving, api) = hub();
    home.run("connectors add hubspot --name second").code(0);
    let make_default = |name: &str| {
        let path = format!("/admin/auth_configs/{name}/make_default");
        api.ask("POST", &path, None).status(200).json()
    };
    assert!(make_default("second").get("warnings").is_none());
    home.run("connectors disable second --yes").code(0);
    let warnings = make_default("second")["warnings"].clone();
    assert!(warnings[0].as_str().unwrap().contains("hubspot is not on the hub page"), "{warnings}");
    serving.stop();
}

#[test]
fn connectors_are_described_as_the_vendor_does() {
    let (_home, serving, api) = hub();
    let enabled = api.get("/connectors/meta").status(200).json();
    assert_eq!(each(&enabled, "provider"), ["hubspot"]);
    assert_eq!((&enabled[0]["active"], &enabled[0]["models"]), (&json!(true), &json!({})));
    assert!(enabled[0].get("resources").is_none());
    let all = api.get("/connectors/meta?include=inactive,resources").status(200).json();
    assert!(all.as_array().unwrap().len() > 200);
    let one =
        api.get("/connectors/meta/bamboohr?include=resources,static_fields").status(200).json();
    assert_eq!((&one["active"], &one["category"]), (&json!(false), &json!("hris")));
    assert!(text(&one["resources"]["images"], "logo_url").contains("bamboohr"));
    assert_eq!(api.get("/connectors/meta/nope").status(404).problem(), "connector.not_found");
    serving.stop();
}

/// No name of a parameter is mistaken for one under which keys are sent (threat 15).
#[test]
fn every_parameter_of_the_description_is_understood() {
    let (_home, serving, api) = hub();
    let things = Things::make(&api, "x");
    let document = api.get("/openapi.json").status(200).json();
    let mut asked = 0;
    for operation in hubctl::api::OPERATIONS.iter().filter(|row| row.method == "GET") {
        let row = &document["paths"][operation.path]["get"];
        let query = row["parameters"].as_array().unwrap().iter().filter(|row| row["in"] == "query");
        for parameter in query {
            let schema = &parameter["schema"];
            let item = if schema["type"] == "array" { &schema["items"] } else { schema };
            let name = text(parameter, "name");
            let value = match (item["enum"][0].as_str(), item["type"].as_str(), name.as_str()) {
                (Some(first), ..) => first.to_owned(),
                (None, Some("integer"), _) => "1".to_owned(),
                (None, Some("boolean"), _) => "true".to_owned(),
                (None, _, "updated_since" | "start_date" | "end_date" | "since" | "until") => {
                    "2026-01-01T00:00:00Z".to_owned()
                }
                (None, _, "sort") => "-created".to_owned(),
                (None, _, "status_codes") => "404".to_owned(),
                // Only an answer tells one.
                (None, _, "next") => String::new(),
                (None, _, "webhook_id") => things.webhook.clone(),
                (None, _, "after") if operation.id.starts_with("events.") => {
                    text(&api.get("/admin/events").json()[0], "id")
                }
                (None, _, "after") => things.account.clone(),
                _ => "hubspot".to_owned(),
            };
            let mut path = format!("{}?{name}={value}", things.path(operation));
            if operation.id == "auth_configs.impact" && name != "action" {
                path += "&action=delete";
            }
            let answer = api.get(&path);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            asked += 1;
        }
    }
    assert!(asked > 25, "{asked}");
    for bad in [
        "expiring_in=-1",
        "expiring_in=x",
        "pending=2",
        "status=ended",
        "provider=a%20b",
        "origin_owner_id=",
    ] {
        api.get(&format!("/admin/connect_sessions?{bad}")).status(400).problem();
    }
    serving.stop();
}
