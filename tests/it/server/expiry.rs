//! Who tells of sessions that end unused: a server, and a command that follows the events of a
//! store that nobody serves.

use crate::support::cli::TestHome;
use crate::support::hooks::wait_until;

fn expired(home: &TestHome) -> Vec<String> {
    let list = home.run("events list --type session.expired --json").code(0).json();
    let subject = |row: &serde_json::Value| row["record_id"].as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(subject).collect()
}

#[test]
fn a_server_tells_of_a_session_that_ends() {
    let home = TestHome::new();
    home.run("connectors enable bamboohr").code(0);
    let serving = home.serve("");
    let made = home.run("session create --provider bamboohr --expires-in 1 --json").code(0).json();
    let id = made["id"].to_string();
    wait_until(|| expired(&home) == [id.clone()], || format!("{:?}", serving.log()));
}

#[test]
fn whoever_follows_the_events_of_a_store_alone_is_told() {
    let home = TestHome::new();
    home.run("connectors enable bamboohr").code(0);
    let made = home.run("session create --provider bamboohr --expires-in 1 --json").code(0).json();
    let id = made["id"].to_string();
    let shown = home.run("events tail --type session.expired --limit 1 -o jsonl").code(0);
    assert_eq!(shown.json()["record_id"].to_string().trim_matches('"'), id);
    assert_eq!(expired(&home), [id]);
}
