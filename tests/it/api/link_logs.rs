//! What the log tells of end users: which of their calls are rows, and that neither their link nor
//! what they type is in any.

use serde_json::{Value, json};

use crate::support::serving::Answer;

use super::end_user::{World, form_token};
use super::{Api, each, text};

/// What somebody types who has the wrong key.
const TYPED: &str = "planted-typed/+key";

/// The call of this id, with all that is kept of it.
#[track_caller]
fn row(api: &Api, id: &str) -> Value {
    let path = format!("/requests/logs/{id}?include=step_logs,advanced_logs");
    api.get(&path).status(200).json()["data"].clone()
}

#[track_caller]
fn has_no_row(api: &Api, id: &str) {
    assert_eq!(api.get(&format!("/requests/logs/{id}")).status(404).problem(), "log.not_found");
}

/// What the hub calls the call that has this answer.
fn id(answer: &Answer) -> String {
    answer.headers["x-request-id"].clone()
}

/// It is this link's, and nothing that is secret is in it.
#[track_caller]
fn is_of(row: &Value, token: &str) {
    let session = token.split('_').nth(1).unwrap();
    assert_eq!((&row["source_type"], &row["source_id"]), (&json!("SESSION"), &json!(session)));
    assert_eq!((&row["source_ip"], &row["is_worker"]), (&json!("127.0.0.1"), &json!(false)));
    let told = row.to_string();
    for secret in [crate::support::secret_part(token), TYPED, "sample-planted", "planted-query"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
    assert!(row.get("request").is_none() && row.get("response").is_none(), "{row}");
    for step in row["step_requests"].as_array().unwrap() {
        assert_eq!((&step["request_id"], &step["is_worker"]), (&row["request_id"], &json!(false)));
    }
}

fn actions(row: &Value) -> Vec<String> {
    each(&row["step_requests"], "action")
}

/// A world that keeps all it may of calls.
fn world() -> World {
    let world = World::start();
    let all = json!({ "log_bodies": "all" });
    world.api.patch("/admin/projects/default", &all).status(200);
    world
}

#[test]
fn kp_13_a_call_of_the_component_is_a_row_with_its_calls_to_providers_as_steps() {
    let world = world();
    let config = world.config("sample");
    let token = world.token(&json!({"provider": "sample"}));
    let holder = |token: &str| world.api.saying(&format!("x-hub-session-token: {token}\r\n"));
    let user = holder(&token);
    let filled = |key: &str| json!({"integration_id": config, "credentials": {"api_key": key}});
    let look = user.get("/hub/settings?x=planted-query").status(200);
    let nothing = user.get("/hub/accounts/none?x=planted-query").status(404);
    let refused_call = user.post("/hub/accounts", &filled(TYPED)).status(422);
    let empty = user.post("/hub/accounts", &filled("")).status(400);
    let linked_call = user.post("/hub/accounts", &filled("sample-planted")).status(201);
    let stranger = holder("hcs_99_x").post("/hub/accounts", &filled(TYPED)).status(401);
    let api = &world.api;

    has_no_row(api, &id(&look));
    has_no_row(api, &id(&stranger));
    let nothing = row(api, &id(&nothing));
    is_of(&nothing, &token);
    assert_eq!(nothing["path"], "/hub/accounts/none");
    assert_eq!(nothing["error"], "account.not_found");
    let refused = row(api, &id(&refused_call));
    is_of(&refused, &token);
    assert_eq!((&refused["status"], &refused["error"]), (&json!(422), &json!("provider.refused")));
    assert_eq!((&refused["provider"], &refused["account_id"]), (&json!("sample"), &Value::Null));
    assert_eq!((&refused["resource"], &refused["action"]), (&json!("accounts"), &json!("create")));
    assert_eq!(actions(&refused), ["try_credentials"]);
    assert_eq!(refused["step_requests"][0]["resource"], "credentials");
    assert_eq!(refused["step_requests"][0]["status"], 401);
    let empty = row(api, &id(&empty));
    assert_eq!((&empty["error"], actions(&empty).len()), (&json!("fields.invalid"), 0));
    let linked_row = row(api, &id(&linked_call));
    is_of(&linked_row, &token);
    assert_eq!(linked_row["account_id"], linked_call.json()["id"]);
    assert_eq!(actions(&linked_row), ["try_credentials"]);
    // KP-11: what led to the account is found by it, and what led to none is nobody's.
    let by_account =
        format!("/requests/logs/steps?account_ids={}", text(&linked_row, "account_id"));
    let steps = api.get(&by_account).status(200).json();
    assert_eq!(each(&steps["data"], "request_id"), [id(&linked_call)]);
    assert_eq!(refused["step_requests"][0]["account_id"], Value::Null);
    // No step makes a row of its own.
    let of_nobody = api.get("/requests/logs?source_types=INTERNAL").status(200).json();
    assert_eq!(of_nobody["data"], json!([]));
    let of_link = api.get("/requests/logs?source_types=SESSION").status(200).json();
    assert_eq!(each(&of_link["data"], "request_id"), [&linked_call, &refused_call].map(id));
    let line = format!("logs get {} --json", id(&refused_call));
    let shown = world.home.run(&line).code(0).json();
    assert_eq!(shown["step_requests"].as_array().unwrap().len(), 1, "{shown}");
    nowhere(world, &token);
}

#[test]
fn threat_32_a_page_is_a_row_of_its_route_where_it_changed_something_or_failed() {
    let world = world();
    let config = world.config("sample");
    let token = world.token(&json!({"provider": "sample"}));
    let (link, form) = (format!("/connect/{token}"), format!("/connect/{token}/{config}"));
    let looks = [&link, &form].map(|path| world.open(path).status(200));
    let mark = form_token(&looks[1]);
    let send =
        |key: &str| world.submit(&form, "", &[("form_token", mark.as_str()), ("v.api_key", key)]);
    let refused = send(TYPED).status(422);
    let linked = send("sample-planted").status(303);
    let elsewhere = world.open(&format!("{link}/none?x=planted-query")).status(404);
    let stranger = world.open("/connect/hcs_99_x").status(410);
    let api = &world.api;
    for call in looks.iter().chain([&stranger]) {
        has_no_row(api, &id(call));
    }
    for (call, method, error, steps) in [
        (&refused, "post", json!("provider.refused"), 1),
        (&linked, "post", Value::Null, 1),
        (&elsewhere, "get", json!("auth_config.not_found"), 0),
    ] {
        let row = row(api, &id(call));
        is_of(&row, &token);
        assert_eq!(row["path"], "/connect/{token}/{integration_id}");
        assert_eq!((&row["http_method"], &row["error"]), (&json!(method), &error), "{row}");
        assert_eq!(actions(&row).len(), steps, "{row}");
        assert_eq!(row["resource"], "pages");
    }
    let account = text(&world.accounts()[0], "id");
    let row = row(api, &id(&linked));
    assert_eq!((&row["account_id"], &row["provider"]), (&json!(account), &json!("sample")));
    nowhere(world, &token);
}

#[test]
fn threat_32_the_callback_of_a_login_is_a_row_with_all_that_it_asked_of_the_provider() {
    let world = world();
    let by_login = world.logins("sample-deny");
    let token = world.token(&json!({"provider": "sample"}));
    let mut secrets: Vec<(String, String)> = Vec::new();
    let mut calls = Vec::new();
    for (client, error) in [("sample-deny", Some("access_denied")), ("sample-auto", None)] {
        if error.is_none() {
            let set = format!("connectors edit {by_login} --set client_id={client}");
            world.home.run(&set).code(0);
        }
        let login = world.begin(&token, &by_login);
        let back = world.serving.connect().get(&login.back, &login.cookies).status(303);
        let shown = id(&world.open(&back.headers["location"]).status(200));
        let row = row(&world.api, &id(&back));
        is_of(&row, &token);
        assert_eq!(row["path"], "/connect/oauth2/{integration_id}/callback");
        assert_eq!((&row["resource"], &row["action"]), (&json!("logins"), &json!("finish")));
        assert_eq!((&row["provider"], row["error"].as_str()), (&json!("sample"), error));
        // It leads to a page, whatever became of it.
        assert_eq!((&row["status"], &row["success"]), (&json!(303), &json!(error.is_none())));
        let steps: &[&str] = match error {
            None => &["exchange_code", "try_credentials"],
            Some(_) => &[],
        };
        assert_eq!(actions(&row), steps, "{row}");
        assert_eq!(row["account_id"].is_string(), error.is_none(), "{row}");
        for step in row["step_requests"].as_array().unwrap() {
            assert_eq!(step["account_id"], row["account_id"], "KP-11");
        }
        let query = login.back.split_once('?').unwrap().1;
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned();
        secrets.extend(query.filter(|(name, _)| name == "code" || name == "state"));
        secrets.retain(|(_, value)| value.len() > 6);
        for (name, value) in &secrets {
            assert!(!row.to_string().contains(value), "{name} in {row}");
        }
        if error.is_none() {
            has_no_row(&world.api, &shown);
        } else {
            // The page that tells of it is one that failed.
            assert_eq!(self::row(&world.api, &shown)["error"], "access_denied");
        }
        calls.push(id(&back));
    }
    let mut card = world.home.terminal(&format!("logs get {}", calls[0]));
    card.exp_string("Session").unwrap();
    card.exp_string(token.split('_').nth(1).unwrap()).unwrap();
    card.exp_eof().unwrap();
    let begun = world.api.get("/requests/platform-logs?actions=begin").status(200).json();
    assert_eq!(each(&begun["data"], "status"), ["302", "302"]);
    // Whose state it is not, nobody's call is.
    let path = "/connect/oauth2/sample/callback?code=x&state=hst_1_x";
    has_no_row(&world.api, &id(&world.open(path).status(400)));
    nowhere(world, &token);
}

/// Neither the store nor the server's lines have what was typed, or the link.
fn nowhere(world: World, token: &str) {
    let shown = world.home.run("logs list -o json").code(0).stdout;
    let lines = world.serving.stop().join("\n");
    let bytes = std::fs::read(world.home.store()).unwrap();
    for place in [shown, lines, String::from_utf8_lossy(&bytes).into_owned()] {
        for secret in [TYPED, "planted-query", crate::support::secret_part(token)] {
            assert!(!place.contains(secret), "{secret}");
        }
    }
}
