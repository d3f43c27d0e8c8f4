//! Logins that were begun and never come back: they are rows of the store, and nothing of them stays
//! in the server's memory.

use serde_json::Value;

use crate::support::cli::TestHome;
use crate::support::serving::{Client, Serving};

/// How much the server may grow by, in KiB: what its pools and caches take once, and no more.
const GROWTH_KIB: u64 = 4 << 10;

/// Begins so many logins and leaves them open.
fn begin(serving: &Serving, token: &str, config: &str, count: usize) {
    let mut client: Client<_> = serving.connect();
    let headers = format!("x-hub-session-token: {token}\r\n");
    for _ in 0..count {
        let made = client.post("/hub/connection_attempts", &headers, "{}").status(201).json();
        let id = made["id"].as_str().unwrap();
        let path = format!("/connect/oauth2/{config}?token={token}&connection_attempt_id={id}");
        client.get(&path, "").status(302);
    }
}

fn stays_small(count: usize) {
    let home = TestHome::new();
    let set = "--set client_id=client-1 --set client_secret=hidden";
    let made = home.run(&format!("connectors add hubspot --auth oauth2 {set} --json")).code(0);
    let config = made.json()["after"]["id"].as_str().unwrap().to_owned();
    let serving = home.serve("--rate-limit 0");
    let session = "session create --provider hubspot --origin-owner-id o --origin-owner-name O";
    let made: Value = home.run(&format!("{session} --json")).code(0).json();
    let token = made["token"].as_str().unwrap();
    begin(&serving, token, &config, 300);
    let before = serving.memory_kib("VmRSS");
    begin(&serving, token, &config, count);
    let grown = serving.memory_kib("VmRSS").saturating_sub(before);
    assert!(grown <= GROWTH_KIB, "{grown} KiB for {count} open attempts");
    // All of them are there.
    let open = crate::support::hub::sqlite::open(&home.store());
    let query = "select count(*) from connection_attempts where status = 'pending' \
                 and length(sealed) > 0";
    let rows: i64 = open.query_row(query, [], |row| row.get(0)).unwrap();
    assert_eq!(rows, i64::try_from(count + 300).unwrap());
    serving.stop();
}

#[test]
fn open_attempts_cost_the_server_no_memory() {
    stays_small(1_500);
}

#[test]
#[ignore = "takes minutes where the machine is busy; the one above is the same, smaller"]
fn ten_thousand_open_attempts_cost_the_server_no_memory() {
    stays_small(10_000);
}
