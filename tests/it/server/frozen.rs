//! A database server that hangs: it keeps its connections open and answers nothing.

use std::time::Instant;

use crate::support::cli::TestHome;
use crate::support::postgres::{Own, execute};
use crate::support::serving::PATIENCE;

/// A database server, a home whose store is there, and a key.
fn world() -> (Own, TestHome, String) {
    let server = Own::start_at(5432, &["listen_addresses="], |_| {});
    execute(&server.url("postgres"), "create database hub");
    let home = TestHome::new().with("HUBCTL_STATE", server.url("hub"));
    let key = home.key("ci", &["platform:read"]);
    (server, home, key)
}

#[test]
fn connections_that_never_answer_are_given_up_for_new_ones() {
    let (server, home, key) = world();
    let serving = home.serve("");
    serving.get_with(&key, "/accounts").status(200);
    let frozen = server.freeze_connections("hub");
    let until = Instant::now() + PATIENCE;
    for path in ["/accounts", "/readyz"] {
        while serving.get_with(&key, path).status != 200 {
            assert!(Instant::now() < until, "{path} stays down: {:#?}", serving.log());
        }
    }
    serving.stop();
    drop(frozen);
}
