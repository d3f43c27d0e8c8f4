//! Forms whose fields depend on others, and guides, as end users get them over HTTP.

use serde_json::{Value, json};

use super::end_user::{World, form_token};
use super::text;

/// A connector of which the form asks for a host only where there is one to be asked for.
fn connector() -> Value {
    json!({
        "key": "own", "name": "Own", "categories": ["crm"], "base_url": "https://own.example/api",
        "verify_reason": "no light call",
        "auth": [{
            "key": "api_key", "type": "api_key", "label": "API key",
            "setup_fields": [{"key": "plan", "label": "Plan", "type": "text"}],
            "config_fields": [
                {"key": "api_key", "label": "Key", "type": "password", "required": true,
                 "secret": true},
                {"key": "region", "label": "Region", "type": "text", "required": true},
                {"key": "host", "label": "Host", "type": "text", "required": true,
                 "condition": "${region} == 'own'"},
                {"key": "seat", "label": "Seat", "type": "text", "required": true,
                 "condition": "${plan} == 'paid'"},
                {"key": "origin", "label": "Origin", "type": "text", "required": true,
                 "hidden": true, "computed": "${region} == 'own' ? ${host} : 'own.example'"}
            ],
            "authorization": {"type": "bearer", "token": "${api_key}"},
            "required_scopes": ["people.read"],
            "support": {"guides": {"config": {"sections": [
                {"title": "A", "applicable_scopes": ["people.write"],
                 "image": {"src": "https://own.example/a.png", "alt": "The settings"},
                 "steps": [{"title": "B", "display_scopes": true,
                            "image": {"src": "javascript:alert(1)"}}]}
            ]}}}
        }]
    })
}

/// A hub with it, set up for this plan, and the id of its auth config.
fn with(plan: &str) -> (World, String) {
    let world = World::start();
    world.api.put("/admin/connectors", &json!({"connectors": [connector()]})).status(200);
    let body = json!({"connector_key": "own", "name": "own", "values": {"plan": plan}});
    let made = world.api.post("/admin/auth_configs", &body).status(201).json();
    let id = text(&made["after"], "id");
    (world, id)
}

#[test]
fn hb_7_the_component_is_sent_what_is_to_be_asked_alone() {
    for (plan, wanted) in [
        ("free", json!([["api_key", true], ["region", true], ["host", false]])),
        ("paid", json!([["api_key", true], ["region", true], ["host", false], ["seat", true]])),
    ] {
        let (world, id) = with(plan);
        let user = world.user(&world.token(&json!({"provider": "own"})));
        let form = user.get(&format!("/hub/connectors/{id}")).status(200);
        let fields = form.json()["config"]["configFields"].as_array().unwrap().clone();
        let asked: Vec<Value> =
            fields.iter().map(|field| json!([field["key"], field["required"]])).collect();
        assert_eq!(Value::Array(asked), wanted, "{plan}");
        assert!(!form.text().contains("origin"), "{}", form.text());
    }
}

#[test]
fn hb_7_hb_9_what_does_not_apply_is_neither_required_nor_kept() {
    let (world, id) = with("free");
    let user = world.user(&world.token(&json!({"provider": "own"})));
    let with = |more: Value| {
        let mut credentials = json!({"api_key": "k"});
        credentials.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"integration_id": id, "credentials": credentials})
    };
    let missing = user.post("/hub/accounts", &with(json!({"region": "own"}))).status(400).json();
    let told = text(&missing, "message");
    assert!(missing["errors"].to_string().contains("host: is required"), "{told}");
    let left_over = json!({"region": "eu", "host": "h.example", "seat": "1", "origin": "evil"});
    let linked = user.post("/hub/accounts", &with(left_over)).status(201).json();
    let stored = json!({"region": "eu", "origin": "own.example"});
    let account = format!("/accounts/{}", text(&linked, "id"));
    assert_eq!(world.api.get(&account).json()["setup_information"], stored);
    let own = json!({"region": "own", "host": "h.example"});
    user.post("/hub/accounts", &with(own)).status(201);
    let stored = json!({"region": "own", "host": "h.example", "origin": "h.example"});
    assert_eq!(world.api.get(&account).json()["setup_information"], stored);
    // HB-10: a later edit drops what it makes meaningless.
    let edit = json!({"integration_id": id, "credentials": {"region": "eu", "api_key": "k2"}});
    user.patch(&account.replace("/accounts", "/hub/accounts"), &edit).status(200);
    let stored = json!({"region": "eu", "origin": "own.example"});
    assert_eq!(world.api.get(&account).json()["setup_information"], stored);
}

#[test]
fn hb_7_the_page_asks_and_explains_the_same() {
    let (world, id) = with("free");
    let token = world.token(&json!({"provider": "own"}));
    let page = world.open(&format!("/connect/{token}")).status(200);
    let html = page.text();
    assert!(html.contains("name=\"v.host\"") && html.contains("name=\"v.region\""), "{html}");
    assert!(!html.contains("v.origin") && !html.contains("v.seat"), "{html}");
    // A guide's pictures are linked to, and its scopes told.
    assert!(html.contains("href=\"https://own.example/a.png\"") && !html.contains("<img"));
    assert!(html.contains("The settings") && !html.contains("javascript:"), "{html}");
    assert!(html.contains("people.write") && html.matches("people.read").count() == 2, "{html}");
    let mark = form_token(&page);
    let form = [("form_token", mark.as_str()), ("v.api_key", "k"), ("v.region", "own")];
    let action = format!("/connect/{token}/{id}");
    let refused = world.submit(&action, "", &form).status(400).text();
    assert!(refused.contains("f-host-error"), "{refused}");
}
