//! `hubctl doctor`: what it finds, and the exit status that goes with it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::cli::{Ended, TestHome};
use crate::support::http::{Asked, FakeHub, Reply};

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
fn nobody_at_the_public_address_is_told_with_what_can_be_typed() {
    let home = TestHome::new();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    home.config(&format!("[profiles.default]\npublic_url = \"http://{nobody}\"\n"));
    let ended = home.run("doctor --json").code(0);
    let address = hint_of(&ended, "public address");
    assert!(address.ends_with(" hubctl serve") && address.contains("public_url"), "{address}");
}

#[test]
fn what_end_users_would_miss_is_named() {
    let home = TestHome::new();
    home.run("connectors enable bamboohr").code(0);
    home.run("connectors add bamboohr --name Second").code(0);
    home.run("connectors disable bamboohr --yes").code(0);
    let ended = home.run("doctor --json").code(0);
    let hidden = home.run("connectors list --json").json();
    let hidden = hidden.as_array().unwrap().iter().find(|row| row["default"] == true).unwrap();
    // The connector's key would enable all of its auth configs.
    let enable = format!("hubctl connectors enable {}", hidden["id"].as_str().unwrap());
    assert!(hint_of(&ended, "hidden connectors").contains(&enable), "{}", ended.stdout);
    assert!(hint_of(&ended, "hidden connectors").contains("bamboohr"));
    assert!(hint_of(&ended, "fields").contains("--auth-config"));
    assert!(hint_of(&ended, "fields").contains("bamboohr has several"), "{}", ended.stdout);
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
fn threat_33_a_key_file_that_is_named_is_looked_at_before_there_is_a_key() {
    use std::os::unix::fs::PermissionsExt as _;

    let home = TestHome::new();
    let path = home.path().join("named.key");
    let home = home.with("HUBCTL_MASTER_KEY_FILE", &path);
    let ended = home.run("doctor --json").code(13);
    assert_eq!(states(&ended)["master key"], "failed");
    assert!(hint_of(&ended, "master key").contains("named.key"), "{}", ended.stdout);
    assert_eq!(
        home.run("serve --listen 127.0.0.1:0 --json").code(13).error()["code"],
        "key.missing"
    );
    home.file("named.key", "no key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let error = home.run("serve --listen 127.0.0.1:0 --json").code(13).error();
    assert_eq!(error["code"], "key.malformed");
    home.file("named.key", "0123456789abcdefghijklmnopqrstuv");
    let ended = home.run("doctor --json").code(0);
    let told = hint_of(&ended, "master key");
    assert!(told.starts_with("none yet: it will be the one in "), "{told}");
    home.serve("").stop();
}

#[test]
fn a_hub_that_end_users_reach_elsewhere_is_told_with_its_address() {
    let home = TestHome::new();
    home.run("connectors enable bamboohr").code(0);
    let serving = home.serve("--public-url https://hub.example.com/eu");
    let own = format!("http://{}", serving.address);
    home.config(&format!("[profiles.default]\npublic_url = \"{own}\"\n"));
    let ended = home.run("doctor --json").code(0);
    assert_eq!(states(&ended)["public address"], "warning");
    let told = hint_of(&ended, "public address");
    assert!(told.ends_with(" hubctl config set public_url https://hub.example.com/eu"), "{told}");
    let line = "link create --provider bamboohr --origin-owner-id acme --json";
    let made = home.run(line).code(0);
    let made = made.tells("hubctl config set public_url https://hub.example.com/eu");
    assert!(made.json()["auth_link_url"].as_str().unwrap().starts_with(&own), "{made:?}");
    assert_eq!(home.run(&format!("{line} --quiet")).code(0).stderr, "");

    // The variable is stronger than the profile.
    let home = home.with("HUBCTL_PUBLIC_URL", &own);
    let ended = home.run("doctor --json").code(0);
    let told = hint_of(&ended, "public address");
    assert!(told.ends_with(" export HUBCTL_PUBLIC_URL=https://hub.example.com/eu"), "{told}");
    let made = home.run(line).code(0);
    let made = made.tells("`export HUBCTL_PUBLIC_URL=https://hub.example.com/eu`");
    assert!(!made.stderr.contains("config set"), "{made:?}");
    let home = home.with("HUBCTL_PUBLIC_URL", "https://hub.example.com/eu/");
    let made = home.run(line).code(0);
    assert!(!made.stderr.contains("HUBCTL_PUBLIC_URL"), "{made:?}");
    let url = made.json()["auth_link_url"].clone();
    assert!(url.as_str().unwrap().starts_with("https://hub.example.com/eu/"), "{url}");
    let row = home.run("config explain public_url --json").code(0).json();
    assert_eq!(row["source"], "HUBCTL_PUBLIC_URL");
    serving.stop();
    home.with("HUBCTL_PUBLIC_URL", "hub").run(line).code(2).tells("HUBCTL_PUBLIC_URL: `hub`");

    let home = TestHome::new();
    let serving = home.serve("");
    home.config(&format!("[profiles.default]\npublic_url = \"http://{}/\"\n", serving.address));
    let ended = home.run("doctor --json").code(0);
    assert_eq!(states(&ended)["public address"], "ok", "{}", ended.stdout);
    serving.stop();
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
    for check in [
        "key source",
        "API key",
        "connection",
        "hub",
        "scopes",
        "capabilities",
        "clock",
        "connectors",
        "API keys",
    ] {
        assert_eq!(found[check], "ok", "{check}: {}", ended.stdout);
    }
    assert_eq!(found["keyring"], "skipped");
    assert!(hint_of(&ended, "keyring").contains("HUBCTL_API_KEY"), "{}", ended.stdout);
    let ended = away(&narrow).run("doctor --json").code(0);
    assert!(hint_of(&ended, "scopes").contains("platform:write"), "{}", ended.stdout);

    let home = away(&format!(" {key}\n"));
    let ended = home.run("doctor --json").code(0);
    let source = hint_of(&ended, "key source");
    assert!(source.contains("white space") && source.contains("set HUBCTL_API_KEY"), "{source}");
    assert_eq!(states(&ended)["API key"], "ok");
    assert!(!ended.stdout.contains(&key) && !ended.stderr.contains(&key));

    served.run("keys disable ci --yes").code(0);
    let ended = away(&key).run("doctor --json").code(4);
    assert_eq!(states(&ended)["API key"], "failed");
    assert_eq!(states(&ended)["content"], "skipped");
    assert!(hint_of(&ended, "content").contains("the hub refuses the key"), "{}", ended.stdout);
    let named = |check: &str| {
        ended.json().as_array().unwrap().iter().filter(|row| row["check"] == check).count()
    };
    assert_eq!((named("API key"), named("key source")), (1, 1));
    serving.stop();
    let ended = away(&narrow).run("doctor --json --retries 0").code(10);
    assert_eq!(states(&ended)["connection"], "failed");
    // The hint can be pasted as it is; the words are in the message.
    let connection = hint_of(&ended, "connection");
    assert!(connection.ends_with(" hubctl config explain api_url"), "{connection}");
    assert!(connection.contains("--cacert FILE"), "{connection}");
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
    assert_eq!(ended.error()["message"], "1 check failed");
    let ended = home.run("doctor account no-such --json").code(3);
    assert_eq!(states(&ended), BTreeMap::from([("account".to_owned(), "failed".to_owned())]));
    home.run("doctor account").code(2);
    home.run(&format!("doctor {id}")).code(2);
    home.run("doctor --offline").code(2);
}

/// Changes rows behind the hub's back.
fn raw(home: &TestHome, change: &str) {
    rusqlite::Connection::open(home.store()).unwrap().execute_batch(change).unwrap();
}

#[test]
fn who_is_shut_out_and_what_lost_its_credentials_is_named() {
    let home = TestHome::new();
    home.run("connectors enable bamboohr").code(0);
    let id = home.account("bamboohr", "acme-1", "--set subdomain=acme --set api_key=planted-key");
    home.key("ci", &["platform:read"]);
    let found = states(&home.run("doctor --json").code(0));
    assert_eq!((found["accounts"].as_str(), found["API keys"].as_str()), ("ok", "ok"));
    assert!(!found.contains_key("allowed addresses"));
    home.run("projects update default --allow-ip 10.0.0.0/8").code(0);
    raw(&home, "update accounts set status = 'error'; update api_keys set expires_at = 1");
    let ended = home.run("doctor --json").code(0);
    let warned = |check: &str, text: &str| {
        assert_eq!(states(&ended)[check], "warning", "{check}");
        assert!(hint_of(&ended, check).contains(text), "{check}: {}", ended.stdout);
    };
    warned("allowed addresses", "10.0.0.0/8");
    warned("accounts", &format!("hubctl accounts explain {id}"));
    warned("API keys", "disabled or expired");
}

#[test]
fn who_can_not_renew_tokens_is_listed_here_and_from_elsewhere() {
    let served = TestHome::new();
    served.run("connectors enable bamboohr").code(0);
    let link = |owner: &str| {
        served.account("bamboohr", owner, "--set subdomain=acme --set api_key=planted-key")
    };
    let (id, other) = (link("acme-1"), link("acme-2"));
    let key = served.key("ci", &["platform:read"]);
    let serving = served.serve("");
    let url = format!("http://{}", serving.address);
    let away = TestHome::new().with("HUBCTL_API_URL", url).with("HUBCTL_API_KEY", key);
    for home in [&served, &away] {
        assert_eq!(home.run("accounts list --unusable -o id").code(0).stdout, "");
    }
    let failing = |id: &str| {
        let failure = r#"{"at": 1, "class": "configuration", "message": "invalid_client"}"#;
        raw(
            &served,
            &format!(
                "update account_credentials set token_expires_at = 1, failing_since = 2, \
                 refresh_after = null, failure = '{failure}' where account = '{id}'"
            ),
        );
    };
    let footer = |home: &TestHome, told: &str| {
        let shown = home.terminal("accounts list").exp_eof().unwrap();
        assert!(shown.contains(told), "{shown}");
    };
    failing(&id);
    for home in [&served, &away] {
        assert_eq!(home.run("accounts list --unusable -o id").code(0).stdout, format!("{id}\n"));
        let ended = home.run("accounts list --json").code(0).json();
        let row = |id: &str| ended.as_array().unwrap().iter().find(|row| row["id"] == id).unwrap();
        let told = &row(&id)["unusable"];
        assert_eq!(
            (&told["code"], &row(&id)["status"]),
            (&json!("refresh_failing"), &json!("active"))
        );
        assert!(told["cause"].as_str().unwrap().contains("invalid_client"), "{told}");
        assert_eq!(told["since"], "1970-01-01T00:00:00.002Z");
        assert!(row(&other).get("unusable").is_none());
        let cells = home.run("accounts list --columns since,reason --unusable").code(0).stdout;
        assert!(cells.starts_with("1970-01-01T00:00:00.002Z\tits access token ended"), "{cells}");
        let explain = format!("hubctl accounts explain {id}");
        footer(home, &format!("1 needs attention: {explain}"));
        let ended = home.run("doctor --json").code(0);
        let hint = hint_of(&ended, "accounts");
        assert!(hint.contains("1 bamboohr account of auth config"), "{hint}");
        assert!(hint.contains("refresh_failing") && hint.contains(&explain), "{hint}");
        let config = row(&id)["integration_id"].as_str().unwrap();
        assert!(hint.contains(config), "{hint}");
    }
    failing(&other);
    for home in [&served, &away] {
        let hint = hint_of(&home.run("doctor --json").code(0), "accounts");
        assert!(hint.contains("2 bamboohr accounts of auth config"), "{hint}");
        assert!(hint.contains("hubctl accounts list --unusable --provider bamboohr"), "{hint}");
        footer(home, "2 need attention: hubctl accounts list --unusable");
    }
    serving.stop();
}

#[test]
fn a_hub_that_does_not_tell_who_can_not_be_used_is_not_taken_at_its_word() {
    let hub = FakeHub::start(|_, _| {
        Reply::list(&[json!({
            "id": "a-1", "provider": "hubspot", "origin_owner_id": "acme",
            "origin_owner_name": "Acme", "status": "active", "type": "production",
            "created_at": "2026-06-01T12:00:00.000Z", "updated_at": "2026-06-01T12:00:00.000Z",
        })])
    });
    let home = TestHome::new().with("HUBCTL_API_URL", hub.url()).with("HUBCTL_API_KEY", "k-1");
    let ended = home.run("accounts list --unusable -o id").code(14);
    assert_eq!(ended.stdout, "");
    ended.tells("does not tell which accounts can't be used");
}

#[test]
fn an_expired_key_is_refused_with_what_helps() {
    let served = TestHome::new();
    let key = served.key("ci", &["platform:read", "platform:write"]);
    raw(&served, "update api_keys set expires_at = 1");
    let serving = served.serve("");
    let url = format!("http://{}", serving.address);
    let home = TestHome::new().with("HUBCTL_API_URL", url).with("HUBCTL_API_KEY", key);
    let ended = home.run("doctor --json").code(4);
    assert_eq!(states(&ended)["API key"], "failed");
    let all: Value = serde_json::from_str(&ended.stdout).unwrap();
    let failed = all.as_array().unwrap().iter().find(|row| row["status"] == "failed").unwrap();
    assert!(failed["hint"].as_str().unwrap().contains("hubctl auth login"), "{failed}");
    serving.stop();
}

#[test]
fn a_hub_of_another_version_and_time_is_told_with_what_it_lacks() {
    let hub = FakeHub::start(|asked, _| match asked.route().as_str() {
        "GET /admin/capabilities" => Reply::json(
            200,
            &json!({
                "server": "hubctl", "version": "0.0.1", "project": "default",
                "scopes": ["platform:read", "platform:write"], "operations": ["accounts.list"],
                "public_url": "https://hub.example.com", "time": "2020-01-01T00:00:00Z",
            }),
        ),
        "GET /admin/keys" => Reply::refusal(403, None, "no"),
        _ => Reply::list(&[]),
    });
    let home = TestHome::new().with("HUBCTL_API_URL", hub.url()).with("HUBCTL_API_KEY", "k-1");
    let ended = home.run("doctor --json").code(0);
    let found = states(&ended);
    assert_eq!((found["hub"].as_str(), found["capabilities"].as_str()), ("warning", "warning"));
    assert!(hint_of(&ended, "hub").contains("use the same version"), "{}", ended.stdout);
    assert!(hint_of(&ended, "capabilities").contains("webhooks.create"), "{}", ended.stdout);
    assert_eq!(found["clock"], "warning");
    assert!(hint_of(&ended, "clock").contains("set both clocks"), "{}", ended.stdout);
    assert_eq!((found["scopes"].as_str(), found["accounts"].as_str()), ("ok", "ok"));
}

#[test]
fn the_vendors_platform_is_looked_at_through_a_proxy_that_is_told() {
    let hub = FakeHub::start(|_, count| {
        let list = Reply::json(200, &json!([]));
        let is_first = count == 0;
        if is_first { list.header("date", "Wed, 01 Jan 2020 00:00:00 GMT") } else { list }
    });
    let home = TestHome::new()
        .with("HUBCTL_API_URL", "http://api.stackone.com")
        .with("HUBCTL_API_KEY", "k-1")
        .with("http_proxy", hub.url());
    let ended = home.run("doctor --json").code(0);
    let warned = |check: &str, text: &str| {
        assert_eq!(states(&ended)[check], "warning", "{check}");
        assert!(hint_of(&ended, check).contains(text), "{check}: {}", ended.stdout);
    };
    warned("proxy", "NO_PROXY");
    warned("connection", "use an https:// address");
    warned("clock", "set both clocks");
    assert!(hint_of(&ended, "firewall").contains("35.175.11.132"), "{}", ended.stdout);
    assert!(hint_of(&ended, "capabilities").contains("exit with 14"), "{}", ended.stdout);
    assert!(!states(&ended).contains_key("API keys"), "{}", ended.stdout);
    // Its clock is the one of its answers.
    let ended = home.run("doctor --json").code(0);
    assert_eq!(states(&ended)["clock"], "ok", "{}", ended.stdout);
}

#[test]
fn a_hub_that_fails_itself_is_not_said_to_be_behind_a_firewall() {
    let hub = FakeHub::start(|_: &Asked, _| Reply::refusal(503, None, "stopping"));
    let home = TestHome::new()
        .with("HUBCTL_API_URL", hub.url())
        .with("HUBCTL_API_KEY", "v1.local.7_abcdefghijklmnopqrstuvwxyz");
    let ended = home.run("doctor --json --retries 0").code(10);
    let told = hint_of(&ended, "connection");
    assert!(!told.contains("firewall"), "{told}");
    assert!(told.ends_with(" hubctl config explain api_url"), "{told}");
}

#[test]
fn an_encrypted_connection_is_told_with_the_end_of_its_certificate() {
    let served = TestHome::new();
    let testdata =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/server/testdata");
    let [key, certificate] = ["one.key", "one.pem"].map(|name| testdata.join(name));
    let api_key = served.key("ci", &["platform:read", "platform:write"]);
    let flags = format!("--tls-cert {} --tls-key {}", certificate.display(), key.display());
    let serving = served.serve(&flags);
    let home = TestHome::new()
        .with("HUBCTL_API_URL", format!("https://localhost:{}", serving.address.port()))
        .with("HUBCTL_API_KEY", api_key);
    let line = format!("doctor --json --cacert {}", certificate.display());
    let ended = home.run(&line).code(0);
    assert_eq!(states(&ended)["TLS"], "ok");
    assert!(hint_of(&ended, "TLS").contains("TLS 1.3"), "{}", ended.stdout);
    assert!(hint_of(&ended, "TLS").contains("valid until 2126-10-29"), "{}", ended.stdout);
    let other = testdata.join("two.pem");
    let ended = home.run(&format!("doctor --json --retries 0 --cacert {}", other.display()));
    let ended = ended.code(10);
    assert_eq!(states(&ended)["connection"], "failed");
    let told = hint_of(&ended, "connection");
    assert!(told.contains(" trust its authority with --cacert FILE; "), "{told}");
    assert!(told.ends_with("two.pem are trusted, from --cacert"), "{told}");
    assert!(!told.contains("firewall"), "{told}");
    serving.stop();
}

#[test]
fn a_key_that_is_kept_in_a_keyring_needs_one() {
    let home = TestHome::new();
    home.run("profile create far --api-url https://hub.example.com").code(0);
    home.run("config set key keyring -P far").code(0);
    let ended = home.run("doctor -P far --json").code(13);
    assert_eq!(states(&ended)["keyring"], "failed");
    assert!(hint_of(&ended, "keyring").contains("HUBCTL_API_KEY"), "{}", ended.stdout);
    assert_eq!(states(&ended)["API key"], "skipped");
    let home = home.with("HUBCTL_API_KEY", "k-1");
    let ended = home.run("doctor -P far --json --retries 0 --api-url http://127.0.0.1:1").code(10);
    assert_eq!(states(&ended)["keyring"], "skipped");
    let local = TestHome::new().run("doctor --json").code(0);
    assert!(hint_of(&local, "keyring").contains("kept in a file"), "{}", local.stdout);
}

#[test]
fn the_line_end_of_a_key_file_is_no_white_space() {
    use std::os::unix::fs::PermissionsExt as _;

    let served = TestHome::new();
    let key = served.key("ci", &["platform:read", "platform:write"]);
    let serving = served.serve("");
    let home = TestHome::new().with("HUBCTL_API_URL", format!("http://{}", serving.address));
    let path = home.path().join("the-key");
    let home = home.with("HUBCTL_API_KEY_FILE", &path);
    for (content, expected) in [
        (format!("{key}\n"), "ok"),
        (format!("{key}\r\n"), "ok"),
        (format!("{key}\n\n"), "warning"),
        (format!(" {key}\n"), "warning"),
    ] {
        home.file("the-key", &content);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let ended = home.run("doctor --json").code(0);
        assert_eq!(states(&ended)["key source"], expected, "{content:?}: {}", ended.stdout);
        let told = hint_of(&ended, "key source");
        let names_file = told.contains(path.to_str().unwrap());
        assert_eq!(names_file, expected == "warning", "{told}");
        assert!(!told.contains("auth login"), "{told}");
    }
    serving.stop();
}

#[test]
fn webhooks_whose_receivers_fail_are_counted() {
    let home = TestHome::new();
    assert!(!states(&home.run("doctor --json").code(0)).contains_key("webhooks"));
    let ids: Vec<String> = (0..4)
        .map(|n| {
            let made = home.run(&format!("webhooks create --url https://{n}.example/hook --json"));
            made.code(0).json()["id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(states(&home.run("doctor --json").code(0))["webhooks"], "ok");
    // An administrator's own word is no trouble.
    for (id, why) in ids.iter().zip(["gone", "failing", "asked"]) {
        let change = format!("disabled_at = 1, disabled_why = '{why}'");
        raw(&home, &format!("update webhooks set {change} where id = '{id}'"));
    }
    raw(&home, &format!("update webhooks set failing_since = 1 where id = '{}'", ids[3]));
    let ended = home.run("doctor --json").code(0);
    for (check, text) in [
        ("disabled webhooks", "2 webhooks are disabled by their receivers hubctl webhooks list"),
        ("failing webhooks", "1 webhook fails: nothing arrives there hubctl webhooks list"),
    ] {
        assert_eq!(states(&ended)[check], "warning", "{}", ended.stdout);
        assert_eq!(hint_of(&ended, check), text);
    }
    assert!(!states(&ended).contains_key("webhooks"), "{}", ended.stdout);
}
