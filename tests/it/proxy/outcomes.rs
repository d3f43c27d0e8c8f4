//! How the log tells calls that a provider failed, and of which account a call was.

use serde_json::{Value, json};

use crate::support::http::{FakeHub, Reply};

use super::{CREDENTIAL, SCOPES, Served, World, address, always, with_tokens};

/// The rows that this asks for.
#[track_caller]
fn rows(world: &World, flags: &str) -> Vec<Value> {
    let shown = world.home.run(&format!("logs list {flags} --json")).code(0).json();
    shown.as_array().unwrap().clone()
}

#[test]
fn kp_14_a_call_that_its_provider_failed_is_found_by_the_providers_status() {
    let provider = FakeHub::start(|asked, _| match asked.path.as_str() {
        "/api/broken" => Reply::json(503, &json!({"why": "broken"})),
        _ => Reply::json(200, &json!({})),
    });
    let world = World::at(address(&provider));
    let account = &world.account;
    world.home.run(&format!("request GET /broken --account {account}")).code(10);
    let served = world.serve("--allow-target 127.0.0.0/8");
    served.ask(&json!({"path": "/broken"})).status(200);
    served.ask(&json!({"path": "/fine"})).status(200);
    served.pass("GET", "/broken", "", b"").status(503);
    served.serving.stop();
    let failed = rows(&world, &format!("--account {account} --status 5xx"));
    let mut paths: Vec<&str> = failed.iter().map(|row| row["path"].as_str().unwrap()).collect();
    paths.sort_unstable();
    let raw = format!("/admin/accounts/{account}/proxy");
    assert_eq!(paths, [raw.as_str(), "/proxy", "/unified/proxy"]);
    for row in &failed {
        assert_eq!((&row["status"], &row["success"]), (&json!(503), &json!(false)), "{row}");
    }
    let told = world.home.run(&format!("logs list --account {account} --status 5xx")).code(0);
    for line in told.stdout.lines() {
        assert!(line.contains("\t503\terror\t"), "{line}");
    }
    let fine = rows(&world, &format!("--account {account} --status 2xx"));
    assert_eq!(fine.len(), 1, "{fine:?}");
}

#[test]
fn kp_11_the_row_of_a_command_that_adds_an_account_is_that_accounts() {
    let provider = with_tokens(|_, _| Reply::json(200, &json!({})));
    let world = World::with_tokens(address(&provider));
    let secret = format!("client_secret={CREDENTIAL}");
    let line = "accounts add --provider acme --origin-owner-id acme-2 --origin-owner-name Acme \
                --set client_id=me --json --set";
    let words = line.split_whitespace().chain([secret.as_str()]);
    let added = world.home.args(words).code(0).json();
    let rows = rows(&world, &format!("--account {}", added["id"].as_str().unwrap()));
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&rows[0]["path"], &rows[0]["provider"]), (&json!("/add_account"), &json!("acme")));
}

#[test]
fn kp_11_a_call_that_came_too_often_is_one_of_its_account() {
    let provider = always(Reply::json(200, &json!({})));
    let world = World::at(address(&provider));
    let key = world.home.key("often", &SCOPES);
    let serving = world.home.serve("--rate-limit 1 --allow-target 127.0.0.0/8");
    let served = Served { world: &world, serving, key };
    served.ask(&json!({"path": "/x"})).status(200);
    served.ask(&json!({"path": "/x"})).status(429);
    served.pass("GET", "/x", "", b"").status(429);
    served.serving.stop();
    let rows = rows(&world, &format!("--account {} --status 429", world.account));
    assert_eq!(rows.len(), 2, "{rows:?}");
    for row in &rows {
        assert_eq!(row["error"], "rate.limited", "{row}");
    }
}
