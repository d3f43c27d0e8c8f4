//! `hubctl doctor`: what it finds, and the exit status that goes with it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::cli::{Ended, TestHome};

/// The status of each check by its name.
fn states(ended: &Ended) -> BTreeMap<String, String> {
    let all: Value = serde_json::from_str(&ended.stdout).unwrap();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    all.as_array().unwrap().iter().map(|row| (text(row, "check"), text(row, "status"))).collect()
}

fn hint_of(ended: &Ended, check: &str) -> String {
    let all: Value = serde_json::from_str(&ended.stdout).unwrap();
    let row = all.as_array().unwrap().iter().find(|row| row["check"] == check).unwrap();
    format!("{} {}", row["message"].as_str().unwrap(), row["hint"].as_str().unwrap_or_default())
}

#[test]
fn a_new_store_is_sound_and_empty() {
    let home = TestHome::new();
    let ended = home.run("doctor --json").code(0);
    let states = states(&ended);
    assert_eq!(states["store"], "ok");
    assert_eq!(states["master key"], "ok");
    assert_eq!(states["connectors"], "warning");
    assert!(hint_of(&ended, "connectors").contains("hubctl connectors enable"));
    assert!(hint_of(&ended, "API keys").contains("hubctl keys create"));
    assert!(!home.store().exists(), "a look makes nothing");
}

#[test]
fn what_end_users_would_miss_is_named() {
    let home = TestHome::new();
    home.run("connectors enable bamboohr").code(0);
    home.run("connectors add bamboohr --name Second").code(0);
    home.run("connectors disable bamboohr --yes").code(0);
    let ended = home.run("doctor --json").code(0);
    assert!(hint_of(&ended, "hidden connectors").contains("bamboohr"));
    assert!(hint_of(&ended, "fields").contains("--auth-config"));
    assert_eq!(states(&ended)["connectors"], "warning");
}

#[test]
fn a_lost_master_key_fails_with_its_own_status() {
    let home = TestHome::new();
    home.key("ci", &["platform:read"]);
    let key = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path());
    let key = key.filter(|path| path.to_string_lossy().ends_with(".key")).collect::<Vec<_>>();
    assert_eq!(key.len(), 1, "{key:?}");
    std::fs::remove_file(&key[0]).unwrap();
    let ended = home.run("doctor --json").code(13);
    assert_eq!(states(&ended)["master key"], "failed");
}

#[test]
fn a_hub_elsewhere_is_asked_with_the_key_at_hand() {
    let served = TestHome::new();
    served.run("connectors enable bamboohr").code(0);
    let key = served.key("ci", &["platform:read", "platform:write", "admin"]);
    let narrow = served.key("narrow", &["platform:read"]);
    let serving = served.serve("");
    let url = format!("http://{}", serving.address);
    let away =
        |key: &str| TestHome::new().with("HUBCTL_API_URL", url.clone()).with("HUBCTL_API_KEY", key);
    let ended = away(&key).run("doctor --json").code(0);
    let found = states(&ended);
    for check in ["API key", "connection", "hub", "scopes", "clock", "connectors", "API keys"] {
        assert_eq!(found[check], "ok", "{check}: {}", ended.stdout);
    }
    let ended = away(&narrow).run("doctor --json").code(0);
    assert!(hint_of(&ended, "scopes").contains("platform:write"), "{}", ended.stdout);

    let home = away(&format!(" {key}\n"));
    let ended = home.run("doctor --json").code(0);
    assert!(hint_of(&ended, "API key").contains("white space"), "{}", ended.stdout);
    assert!(!ended.stdout.contains(&key) && !ended.stderr.contains(&key));

    served.run("keys disable ci --yes").code(0);
    let ended = away(&key).run("doctor --json").code(4);
    assert_eq!(states(&ended)["API key"], "failed");
    assert_eq!(states(&ended)["content"], "skipped");
    serving.stop();
    let ended = away(&narrow).run("doctor --json --retries 0").code(10);
    assert_eq!(states(&ended)["connection"], "failed");
    assert!(hint_of(&ended, "connection").contains("hubctl config explain api_url"));
    assert!(!ended.stdout.contains("hubctl doctor"), "it leads here: {}", ended.stdout);
    assert!(ended.stdout.contains("api_key = set, never shown, from HUBCTL_API_KEY"));
}

#[test]
fn one_account_is_checked_alone_with_the_status_of_what_failed() {
    let home = TestHome::new();
    home.run("connectors enable bamboohr").code(0);
    let id = home.account("bamboohr", "acme-1", "--set subdomain=acme --set api_key=planted-key");
    let ended = home.run(&format!("doctor account {id} --offline --json")).code(0);
    let found = states(&ended);
    assert_eq!((found["credentials"].as_str(), found["provider"].as_str()), ("ok", "skipped"));
    assert!(!ended.stdout.contains("planted-key"));
    home.run(&format!("accounts suspend {id} --yes")).code(0);
    let ended = home.run(&format!("doctor account {id} --offline --json")).code(6);
    assert_eq!(states(&ended)["account"], "failed");
    assert!(hint_of(&ended, "account").contains(&format!("hubctl accounts resume {id}")));
    let ended = home.run("doctor account no-such --json").code(3);
    assert_eq!(states(&ended), BTreeMap::from([("account".to_owned(), "failed".to_owned())]));
    home.run("doctor account").code(2);
    home.run(&format!("doctor {id}")).code(2);
    home.run("doctor --offline").code(2);
}
