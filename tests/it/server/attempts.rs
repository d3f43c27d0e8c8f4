//! Logins that were begun and never come back: they are rows of the store, and nothing of them stays
//! in the server's memory.

use hubctl::domain::attempt::OPEN_LIMIT;
use serde_json::json;

use crate::support::cli::TestHome;
use crate::support::hooks::wait_until;
use crate::support::serving::{Client, Serving};

/// How much the server may grow by, in KiB: what its pools and caches take once, and no more.
const GROWTH_KIB: u64 = 4 << 10;

/// A hub with a connector whose accounts are linked by logins, and its auth config.
fn set_up() -> (TestHome, String) {
    let home = TestHome::new();
    let set = "--set client_id=client-1 --set client_secret=hidden";
    let made = home.run(&format!("connectors add hubspot --auth oauth2 {set} --json")).code(0);
    let config = made.json()["after"]["id"].as_str().unwrap().to_owned();
    (home, config)
}

/// Begins so many logins, as many in a session as it can have, and leaves them open.
fn begin(serving: &Serving, key: &str, config: &str, count: usize) {
    let mut client: Client<_> = serving.connect();
    let keyed = format!("Authorization: Bearer {key}\r\n");
    let session = json!({
        "provider": "hubspot", "origin_owner_id": "o", "origin_owner_name": "O",
    });
    for first in (0..count).step_by(OPEN_LIMIT) {
        let made = client.post("/connect_sessions", &keyed, &session.to_string());
        let made = made.status(201).json();
        let token = made["token"].as_str().unwrap();
        let headers = format!("x-hub-session-token: {token}\r\n");
        for _ in first..count.min(first + OPEN_LIMIT) {
            let made = client.post("/hub/connection_attempts", &headers, "{}").status(201).json();
            let id = made["id"].as_str().unwrap();
            let path = format!("/connect/oauth2/{config}?token={token}&connection_attempt_id={id}");
            client.get(&path, "").status(302);
        }
    }
}

/// How many logins wait, with what they need, in the store.
fn open(home: &TestHome) -> i64 {
    let open = crate::support::hub::sqlite::open(&home.store());
    let query = "select count(*) from connection_attempts where status = 'pending' \
                 and length(sealed) > 0";
    open.query_row(query, [], |row| row.get(0)).unwrap()
}

fn stays_small(count: usize) {
    let (home, config) = set_up();
    let key = home.key("maker", &["platform:write"]);
    let serving = home.serve("--rate-limit 0");
    begin(&serving, &key, &config, 300);
    let before = serving.memory_kib("VmRSS");
    begin(&serving, &key, &config, count);
    let grown = serving.memory_kib("VmRSS").saturating_sub(before);
    assert!(grown <= GROWTH_KIB, "{grown} KiB for {count} open attempts");
    // All of them are there.
    assert_eq!(open(&home), i64::try_from(count + 300).unwrap());
    serving.stop();
}

#[test]
fn a_server_forgets_what_abandoned_logins_kept() {
    let (home, config) = set_up();
    let key = home.key("maker", &["platform:write"]);
    let serving = home.serve("");
    begin(&serving, &key, &config, 3);
    serving.stop();
    assert_eq!(open(&home), 3);
    let store = crate::support::hub::sqlite::open(&home.store());
    store.execute("update connection_attempts set expires_at = expires_at - 900000", []).unwrap();
    let serving = home.serve("");
    let query = "select count(*) from connection_attempts where status = 'expired' \
                 and sealed is null";
    let forgotten = || store.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap();
    wait_until(|| forgotten() == 3, || format!("{:?}", serving.log()));
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
