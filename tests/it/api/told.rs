//! What the end user's pages tell of what they know, and of what they don't.

use serde_json::{Value, json};

use crate::support::serving::Answer;

use super::end_user::{World, form_token};
use super::text;

/// A connector that nothing can ask whether what is entered is right.
fn silent() -> Value {
    json!({
        "key": "silent", "name": "Silent", "categories": ["crm"],
        "base_url": "https://silent.example", "verify_reason": "no light call",
        "auth": [{
            "key": "api_key", "type": "api_key", "label": "API key",
            "config_fields": [
                {"key": "api_key", "label": "Key", "type": "password", "required": true,
                 "secret": true},
                {"key": "seat", "label": "Seat", "type": "text"}
            ],
            "authorization": {"type": "bearer", "token": "${api_key}"}
        }]
    })
}

/// A hub with it, and the id of its auth config.
fn with_silent() -> (World, String) {
    let world = World::start();
    world.api.put("/admin/connectors", &json!({"connectors": [silent()]})).status(200);
    let body = json!({"connector_key": "silent", "name": "silent"});
    let made = world.api.post("/admin/auth_configs", &body).status(201).json();
    let id = text(&made["after"], "id");
    (world, id)
}

#[test]
fn what_nobody_checked_is_not_said_to_work() {
    let (world, silent) = with_silent();
    let sample = world.config("sample");
    for (config, provider, is_checked) in [(&silent, "silent", false), (&sample, "sample", true)] {
        let token = world.token(&json!({"provider": provider}));
        let form = world.open(&format!("/connect/{token}")).status(200);
        assert_eq!(form.text().contains("checked right away"), is_checked, "{provider}");
        let mark = form_token(&form);
        let sent = [("form_token", mark.as_str()), ("v.api_key", "sample-key")];
        let done = world.submit(&format!("/connect/{token}/{config}"), "", &sent).status(303);
        let html = world.open(&done.headers["location"]).status(200).text();
        assert_eq!(html.contains("Everything works."), is_checked, "{html}");
        assert_eq!(html.contains("It could not be checked here"), !is_checked, "{html}");
        let edited = world.open(&format!("/connect/{token}")).status(200).text();
        assert_eq!(edited.contains("Save and check"), is_checked, "{edited}");
    }
}

/// What a form says it was made for.
fn made_for(page: &Answer) -> String {
    let page = page.text();
    let (_, rest) = page.split_once("name=\"made_for\" value=\"").expect("a form");
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn a_link_that_two_people_have_replaces_nothing_unseen() {
    let world = World::start();
    let config = world.config("sample");
    let token = world.token(&json!({"provider": "sample"}));
    let path = format!("/connect/{token}/{config}");
    let [first, second] = [0, 1].map(|_| world.open(&path).status(200));
    let submit = |form: &Answer, key: &str| {
        let (mark, made_for) = (form_token(form), made_for(form));
        let sent = [("form_token", &*mark), ("made_for", &*made_for), ("v.api_key", key)];
        world.submit(&path, "", &sent)
    };
    submit(&first, "sample-first").status(303);
    let before = world.accounts();
    let late = submit(&second, "sample-second").status(409);
    let html = late.text();
    assert!(html.contains("This has been connected meanwhile"), "{html}");
    assert!(html.contains("Change the connection to Sample provider"), "{html}");
    assert!(!html.contains("sample-second"), "{html}");
    assert_eq!(world.accounts(), before);
    // Who has seen it may change it.
    submit(&late, "sample-second").status(303);
    assert_eq!(world.accounts().len(), 1);
}

#[test]
fn what_is_required_is_not_called_optional_where_it_is_stored() {
    let (world, config) = with_silent();
    let token = world.token(&json!({"provider": "silent"}));
    let path = format!("/connect/{token}/{config}");
    let optional = |page: &str| page.matches("(optional)").count();
    let form = world.open(&path).status(200);
    assert_eq!(optional(&form.text()), 1);
    let mark = form_token(&form);
    world.submit(&path, "", &[("form_token", mark.as_str()), ("v.api_key", "k")]).status(303);
    assert_eq!(optional(&world.open(&path).status(200).text()), 1);
}

#[test]
fn a_login_without_fields_has_nothing_to_find() {
    let world = World::start();
    let guide = "Where do I find these?";
    world
        .home
        .run("connectors add slack --auth oauth2_bot --set client_id=x --set client_secret=y")
        .code(0);
    let page = |provider: &str| {
        let token = world.token(&json!({"provider": provider}));
        world.open(&format!("/connect/{token}")).status(200).text()
    };
    let login = page("slack");
    assert!(login.contains("You will sign in at") && !login.contains(guide), "{login}");
    assert!(page("acme").contains(guide));
}

#[test]
fn a_secret_that_is_to_be_entered_again_says_so() {
    let world = World::start();
    let config = world.config("acme");
    let token = world.token(&json!({"provider": "acme"}));
    let path = format!("/connect/{token}/{config}");
    let form = world.open(&path).status(200);
    assert!(!form.text().contains("Enter this again"));
    assert!(form.text().contains("data-misfit=\"use letters, digits and hyphens only\""));
    let mark = form_token(&form);
    let refused = |key: &str| {
        let sent =
            [("form_token", mark.as_str()), ("v.subdomain", "not a name"), ("v.api_key", key)];
        world.submit(&path, "", &sent).status(400).text()
    };
    let html = refused("planted-key");
    assert!(html.contains("Enter this again") && !html.contains("planted-key"), "{html}");
    assert!(!refused("").contains("Enter this again"));
}

#[test]
fn a_link_whose_app_was_switched_off_says_so() {
    let world = World::start();
    let config = world.config("acme");
    let [one, any] = [json!({"provider": "acme"}), json!({})].map(|more| world.token(&more));
    world.home.run(&format!("connectors disable {config} --yes")).code(0);
    let path = format!("/connect/{one}");
    for path in [path.clone(), format!("{path}/{config}"), format!("{path}?c={config}")] {
        let page = world.open(&path);
        assert_ne!(page.status, 200, "{path}");
        assert!(page.text().contains("This app can&#39;t be connected here"), "{}", page.text());
    }
    let list = world.open(&format!("/connect/{any}")).status(200).text();
    assert!(list.contains("Sample provider"), "{list}");
}
