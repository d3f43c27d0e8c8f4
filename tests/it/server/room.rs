//! A server whose store takes no writes: it goes on reading, and is not ready.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::cli::TestHome;
use crate::support::serving::{Answer, PATIENCE, Serving};

/// After how long a server tries to write again.
const BELIEVED: Duration = Duration::from_secs(2);

fn create(serving: &Serving, key: &str, name: &str) -> Answer {
    let headers = format!("Authorization: Bearer {key}\r\n");
    let body = json!({ "name": name }).to_string();
    serving.connect().post("/admin/projects", &headers, &body)
}

#[test]
fn a_store_without_room_is_read_and_not_ready_until_it_takes_writes_again() {
    let home = TestHome::new();
    let key = home.key("ci", &["admin", "projects:write"]);
    let serving = home.serve("");
    create(&serving, &key, "first").status(201);
    serving.get("/readyz").status(200);
    serving.limit_files(Some(0));
    assert_eq!(create(&serving, &key, "second").status(500).problem(), "store.full");
    let mut client = serving.connect();
    let mut ready = || client.get("/readyz", "");
    assert_eq!(ready().status(503).problem(), "server.not_ready");
    serving.get_with(&key, "/admin/projects").status(200);
    // Longer than it takes to try again.
    let until = Instant::now() + 2 * BELIEVED;
    while Instant::now() < until {
        ready().status(503);
    }
    serving.limit_files(None);
    let until = Instant::now() + PATIENCE;
    while ready().status != 200 {
        assert!(Instant::now() < until, "it does not recover: {:#?}", serving.log());
    }
    create(&serving, &key, "second").status(201);
    let log = serving.stop();
    // However often it was asked.
    for told in ["\"not ready: ", "\"ready again\""] {
        let count = log.iter().filter(|line| line.contains(told)).count();
        assert_eq!(count, 1, "{told}: {log:#?}");
    }
    assert!(!log.iter().any(|line| line.contains("/readyz")), "{log:#?}");
}
