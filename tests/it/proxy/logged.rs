//! What the log tells of calls to providers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::http::{FakeHub, Reply};
use crate::support::serving::PATIENCE;

use super::{CREDENTIAL, ROOT, Served, World, address, always, definition, told, with_tokens};

/// The call of this id, once it is in the log.
#[track_caller]
fn logged(world: &World, id: &str) -> Value {
    logged_with(world, id, "")
}

/// The same with what more these flags show of it.
#[track_caller]
fn logged_with(world: &World, id: &str, flags: &str) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let shown = world.home.run(&format!("logs get {id} --json {flags}"));
        if shown.code == 0 {
            assert!(!shown.stdout.contains(CREDENTIAL), "{}", shown.stdout);
            return shown.json();
        }
        assert!(Instant::now() < until, "it never came: {shown:?}");
        std::thread::yield_now();
    }
}

#[test]
fn a_call_is_a_row_of_the_log_with_a_step_for_each_time_it_was_sent() {
    let provider = with_tokens(|_, token| match token {
        2 => Reply::json(200, &json!({})),
        _ => Reply::json(401, &json!({})),
    });
    let world = World::with_old_tokens(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let answer = served.ask(&json!({"path": format!("/x?token={CREDENTIAL}&page=2")}));
    let id = answer.headers["x-request-id"].clone();
    assert_eq!(told(answer)["status"], 200);
    let row = logged(&world, &id);
    assert_eq!((&row["account_id"], &row["provider"]), (&json!(world.account), &json!("acme")));
    assert_eq!((&row["status"], &row["http_method"]), (&json!(200), &json!("post")));
    assert_eq!((&row["resource"], &row["action"]), (&json!("proxy"), &json!("proxy")));
    let (steps, others): (Vec<&Value>, Vec<&Value>) =
        row["step_requests"].as_array().unwrap().iter().partition(|step| step["action"] == "proxy");
    assert_eq!(steps.len(), 2, "{row}");
    assert_eq!(others.len(), 1, "{row}");
    for other in others {
        assert_eq!((&other["action"], &other["status"]), (&json!("refresh_token"), &json!(200)));
        assert_eq!((&other["path"], &other["http_method"]), (&json!("/token"), &json!("post")));
        assert_eq!(other["resource"], "credentials");
    }
    let mut statuses: Vec<&Value> = steps.iter().map(|step| &step["status"]).collect();
    statuses.sort_by_key(|status| status.as_u64());
    assert_eq!(statuses, [&json!(200), &json!(401)]);
    for step in steps {
        assert_eq!((&step["http_method"], &step["provider"]), (&json!("get"), &json!("acme")));
        assert_eq!(step["account_id"], json!(world.account));
        assert_eq!((&step["path"], &step["resource"]), (&json!("/api/x"), &json!("proxy")));
        assert!(step["url"].as_str().unwrap().contains("page=2"), "{step}");
    }
}

#[test]
fn a_command_that_calls_a_provider_is_logged_and_one_that_may_not_is_not() {
    let provider = FakeHub::script(vec![Reply::json(200, &json!({}))]);
    let world = World::at(address(&provider));
    let account = &world.account;
    world.home.run(&format!("request GET /x --account {account}")).code(0);
    world.home.run(&format!("request GET //evil.example --account {account}")).code(2);
    let rows = world.home.run(&format!("logs list --account {account} --json")).code(0).json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&rows[0]["action"], &rows[0]["status"]), (&json!("proxy"), &json!(200)));
}

#[test]
fn what_a_command_asks_a_provider_is_logged_whatever_the_answer() {
    let provider = FakeHub::start(|asked, number| match (asked.path.as_str(), number) {
        ("/token", 0) => Reply::json(200, &json!({"access_token": "t", "token_type": "bearer"})),
        _ => Reply::json(400, &json!({"error": "invalid_client"})),
    });
    let world = World::with_tokens(address(&provider));
    let account = &world.account;
    world.home.run(&format!("accounts refresh {account}")).code(0);
    let refused = world.home.run(&format!("accounts refresh {account}"));
    assert_ne!(refused.code, 0, "{refused:?}");
    let rows = world.home.run(&format!("logs list --account {account} --json")).code(0).json();
    let id = rows[0]["request_id"].as_str().unwrap();
    let row = logged(&world, id);
    let steps = row["step_requests"].as_array().unwrap();
    assert_eq!(steps.len(), 1, "{row}");
    assert_eq!((&steps[0]["action"], &steps[0]["status"]), (&json!("refresh_token"), &json!(400)));
    assert_eq!((&row["source_type"], &row["success"]), (&json!("CLI"), &json!(false)));
}

#[test]
fn se_5_a_token_that_was_just_got_is_in_no_address_of_the_log() {
    const FRESH: &str = "planted-fresh-token";
    let provider = FakeHub::start(|asked, _| match asked.path.as_str() {
        "/token" => Reply::json(200, &json!({"access_token": FRESH, "token_type": "bearer"})),
        _ => Reply::json(200, &json!({"user": "u-1"})),
    });
    let mut definition = definition();
    definition["auth"][1]["captured"] = json!([{
        "key": "user", "from": "lookup", "path": "user",
        "url": format!("{ROOT}/tokens/${{access_token}}?t=${{access_token}}"),
    }]);
    let world = World::with_tokens_of(definition, address(&provider));
    let account = &world.account;
    world.home.run(&format!("accounts refresh {account}")).code(0);
    let rows = world.home.run(&format!("logs list --account {account} --json")).code(0).json();
    let row = logged(&world, rows[0]["request_id"].as_str().unwrap());
    let steps = row["step_requests"].as_array().unwrap();
    assert_eq!(steps.len(), 2, "{row}");
    assert!(steps[1]["url"].as_str().unwrap().contains("/tokens/"), "{row}");
    assert!(!row.to_string().contains(FRESH), "{row}");
}

#[test]
fn kp_10_the_bodies_of_a_call_that_failed_at_its_provider_are_kept() {
    let provider = FakeHub::start(|asked, _| match asked.path.as_str() {
        "/api/broken" => Reply::json(500, &json!({"why": "it is broken"})),
        _ => Reply::json(200, &json!({"fine": true})),
    });
    let world = World::at(address(&provider));
    world.home.run("projects update default --log-bodies errors").code(0);
    let served = world.serve("--allow-target 127.0.0.0/8");
    for (path, kept) in [("/broken", true), ("/fine", false)] {
        let answer = served.ask(&json!({"path": path})).status(200);
        let row = logged_with(&world, &answer.headers["x-request-id"], "--bodies");
        assert_eq!(row["response"].is_object(), kept, "{path}: {row}");
        assert_eq!(row.to_string().contains("it is broken"), kept, "{path}: {row}");
    }
}

#[test]
fn kp_10_a_body_that_streams_is_kept_like_any_other() {
    let long = "x".repeat(2 << 20);
    let provider = FakeHub::start(move |asked, _| match asked.path.as_str() {
        "/api/long" => Reply::text(400, "text/plain", long.clone()),
        "/api/fine" => Reply::json(200, &json!({"fine": true})),
        _ => Reply::json(400, &json!({"why": "it is short", "key": CREDENTIAL})),
    });
    let world = World::at(address(&provider));
    world.home.run("projects update default --log-bodies errors").code(0);
    let served = world.serve("--allow-target 127.0.0.0/8");
    let answer = served.pass("GET", "/short", "", b"").status(400);
    let row = logged_with(&world, &answer.headers["x-request-id"], "--bodies");
    assert_eq!(row["response"]["body"]["why"], "it is short", "{row}");
    assert_eq!((&row["response"]["status_code"], &row["status"]), (&json!(400), &json!(400)));
    let answer = served.pass("GET", "/long", "", b"").status(400);
    assert_eq!(answer.text().len(), 2 << 20);
    let row = logged_with(&world, &answer.headers["x-request-id"], "--bodies");
    let told = row["response"]["body"].as_str().unwrap();
    assert!(told.contains("too many to be kept"), "{told}");
    let answer = served.pass("GET", "/fine", "", b"").status(200);
    let row = logged_with(&world, &answer.headers["x-request-id"], "--bodies");
    assert!(row.get("response").is_none(), "{row}");
}

#[test]
fn kp_10_who_asks_for_bodies_that_are_not_kept_is_told_why() {
    let provider = FakeHub::start(|_, _| Reply::json(400, &json!({"why": "bad"})));
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let account = &world.account;
    world.home.run(&format!("request GET /x --account {account}")).code(2);
    served.ask(&json!({"path": "/x"})).status(200);
    served.serving.stop();
    let rows = world.home.run(&format!("logs list --account {account} --json")).code(0).json();
    let id = |kind: &str| {
        let mut rows = rows.as_array().unwrap().iter();
        let row = rows.find(|row| row["source_type"] == kind).unwrap();
        row["request_id"].as_str().unwrap().to_owned()
    };
    let told = |id: &str| world.home.run(&format!("logs get {id} --bodies -o table")).code(0);
    told(&id("API")).tells("hubctl projects update default --log-bodies errors");
    for mode in ["errors", "all"] {
        world.home.run(&format!("projects update default --log-bodies {mode}")).code(0);
        let of_key = told(&id("API")).tells("the project keeps those of calls like it now");
        assert!(!of_key.stderr.contains("projects update"), "{of_key:?}");
        let of_command = told(&id("CLI")).tells("they are kept of calls with an API key alone");
        assert!(!of_command.stderr.contains("projects update"), "{of_command:?}");
    }
}

#[test]
fn kp_11_a_call_that_is_refused_is_one_of_its_account() {
    let provider = FakeHub::start(|_, _| Reply::json(200, &json!({})));
    let world = World::at(address(&provider));
    let account = &world.account;
    world.home.run(&format!("accounts suspend {account} --yes")).code(0);
    let served = world.serve("--allow-target 127.0.0.0/8");
    served.ask(&json!({"path": "/x"})).status(412);
    served.serving.stop();
    let line = format!("logs list --account {account} --status 412 --json");
    let rows = world.home.run(&line).code(0).json();
    assert_eq!(rows[0]["account_id"], account.as_str(), "{rows}");
    assert_eq!(rows[0]["provider"], "acme", "{rows}");
}

/// Sends `POST path`, which the client calls so, and goes away once the provider was asked.
fn cut(served: &Served<'_>, provider: &FakeHub, name: &str, path: &str, more: &str, body: &str) {
    let before = provider.asked().len();
    let mut client = served.serving.connect();
    let (own, length) = (served.headers(), body.len());
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{own}x-request-id: {name}\r\n{more}\r\n{body}"
    );
    client.send(head).unwrap();
    provider.wait_for(before + 1);
}

/// The ids of the calls whose clients went away, once so many are in the log.
#[track_caller]
fn cut_off(world: &World, count: usize) -> Vec<String> {
    let until = Instant::now() + PATIENCE;
    loop {
        let rows = world.home.run("logs list --status 499 --json").code(0).json();
        let rows = rows.as_array().unwrap();
        if rows.len() == count {
            return rows.iter().map(|row| row["request_id"].as_str().unwrap().to_owned()).collect();
        }
        assert!(Instant::now() < until, "they never came: {rows:?}");
        std::thread::yield_now();
    }
}

#[test]
fn kp_9_a_call_whose_client_goes_away_is_a_row_and_so_is_what_it_asked_of_its_provider() {
    let provider = always(Reply::silence());
    let world = World::at(address(&provider));
    world.home.run("projects update default --log-bodies errors").code(0);
    let served = world.serve("--allow-target 127.0.0.0/8");
    let body = json!({"method": "post", "path": "/x", "body": {"text": "what-was-asked"}});
    let account = format!("x-account-id: {}\r\n", world.account);
    cut(&served, &provider, "cut-1", "/unified/proxy", &account, &body.to_string());
    let raw = format!("/admin/accounts/{}/proxy", world.account);
    let method = "x-proxy-method: POST\r\nx-proxy-path: /x\r\n";
    cut(&served, &provider, "cut-2", &raw, method, "{}");
    for id in cut_off(&world, 2) {
        let row = logged_with(&world, &id, "--bodies");
        let is_kept = row["path"] == "/unified/proxy";
        assert_eq!((&row["status"], &row["success"]), (&json!(499), &json!(false)), "{row}");
        assert_eq!((&row["account_id"], &row["provider"]), (&json!(world.account), &json!("acme")));
        let steps = row["step_requests"].as_array().unwrap();
        assert_eq!(steps.len(), 1, "{row}");
        assert_eq!(
            (&steps[0]["http_method"], &steps[0]["action"]),
            (&json!("post"), &json!("proxy"))
        );
        assert_eq!((&steps[0]["path"], &steps[0]["success"]), (&json!("/api/x"), &json!(false)));
        assert_eq!(row.to_string().contains("what-was-asked"), is_kept, "{row}");
    }
    let log = served.serving.stop().join("\n");
    assert!(log.contains("cut-1") && log.contains("499"), "{log}");
}

#[test]
fn kp_9_what_a_call_that_took_too_long_asked_of_its_provider_is_in_the_log() {
    let calls = AtomicUsize::new(0);
    // Either answer alone would come in time.
    let provider = with_tokens(move |_, _| {
        if calls.fetch_add(1, Ordering::SeqCst) > 0 {
            return Reply::silence();
        }
        let until = Instant::now() + Duration::from_millis(500);
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            std::thread::park_timeout(left);
        }
        Reply::json(401, &json!({}))
    });
    let world = World::with_old_tokens(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8 --request-timeout 1s");
    let answer = served.ask(&json!({"path": "/x"})).status(408);
    let row = logged(&world, &answer.headers["x-request-id"]);
    assert_eq!(row["status"], 408);
    let steps = row["step_requests"].as_array().unwrap();
    let told: Vec<_> = steps.iter().map(|step| (&step["path"], &step["status"])).collect();
    let calls = [("/api/x", 401), ("/token", 200), ("/api/x", 0)];
    let calls = calls.map(|(path, status)| (json!(path), json!(status)));
    assert_eq!(told, calls.each_ref().map(|(path, status)| (path, status)), "{row}");
}

#[test]
fn kp_9_a_proof_of_credentials_that_nobody_waits_for_is_in_the_log() {
    let provider = FakeHub::start(|_, _| Reply::silence());
    let world = World::with_tokens(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let key = world.home.key("maker", &["platform:write"]);
    let served = Served { key, ..served };
    let body = json!({
        "provider": "acme", "origin_owner_id": "acme-2", "origin_owner_name": "Acme",
        "credentials": {"client_id": "me", "client_secret": CREDENTIAL},
    });
    cut(&served, &provider, "cut-3", "/admin/accounts", "", &body.to_string());
    let row = logged(&world, &cut_off(&world, 1)[0]);
    assert_eq!(row["status"], 499);
    let steps = row["step_requests"].as_array().unwrap();
    assert_eq!(steps.len(), 1, "{row}");
    assert_eq!(
        (&steps[0]["path"], &steps[0]["action"]),
        (&json!("/token"), &json!("try_credentials"))
    );
}

#[test]
fn threat_32_what_a_provider_repeats_and_a_caller_sends_is_kept_without_secrets() {
    // What a client with bad luck writes into the address and headers of its call.
    const SENT: [&str; 2] = ["planted-q1", "planted-h1"];
    let provider = FakeHub::start(|asked, _| {
        let echo = json!({"you": asked.header("authorization"), "at": asked.path});
        Reply::json(if asked.path.contains("fine") { 200 } else { 400 }, &echo)
    });
    let world = World::at(address(&provider));
    world.home.run("projects update default --log-bodies all").code(0);
    let served = world.serve("--allow-target 127.0.0.0/8");
    let mut ids = Vec::new();
    for path in ["/fine", "/bad"] {
        let path = format!("{path}?apikey={}&page=2", SENT[0]);
        let call = json!({"path": path, "headers": {"X-Auth-Thing": SENT[1]}});
        let answer = served.ask(&call).status(200);
        // The one who called the provider is shown what it said.
        assert!(answer.text().contains("Bearer"), "{}", answer.text());
        ids.push(answer.headers["x-request-id"].clone());
        let answer = served.pass("GET", &path, "", b"");
        ids.push(answer.headers["x-request-id"].clone());
    }
    for id in ids {
        let row = logged_with(&world, &id, "--bodies");
        assert!(row["request"].is_object() && row["response"].is_object(), "{row}");
        let told = row.to_string();
        assert!(told.contains("page=2"), "{told}");
        assert!(!told.contains(CREDENTIAL) && !told.contains(SENT[1]), "{told}");
        // Of what it does not know, a provider's answer is kept as it came.
        assert!(!row["request"].to_string().contains(SENT[0]), "{told}");
    }
}
