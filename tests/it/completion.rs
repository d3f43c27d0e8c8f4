//! What a shell is offered while a command line is typed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use rexpect::session::PtySession;
use serde_json::Value;

use crate::support::command::Hub;

const HUMAANS: &str = include_str!("../../src/catalog/connectors/humaans.json");

/// What bash is offered for the last word, beside the flags, which fit everywhere.
fn offered(hub: &Hub, words: &[&str]) -> Vec<String> {
    let output = ask(hub, words).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.is_empty(), "completion is silent: {told}");
    let text = String::from_utf8(output.stdout).unwrap();
    let words = text.split('\u{b}').filter(|word| !word.is_empty() && !word.starts_with("--"));
    words.map(str::to_owned).collect()
}

fn ask(hub: &Hub, words: &[&str]) -> Command {
    let mut command = hub.command(["--", "hubctl"]);
    command
        .args(words)
        .env("COMPLETE", "bash")
        .env("_CLAP_IFS", "\u{b}")
        .env("_CLAP_COMPLETE_INDEX", words.len().to_string())
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true");
    command
}

fn id(value: &Value) -> String {
    value["id"].as_str().or(value["after"]["id"].as_str()).unwrap().to_owned()
}

/// A store with an auth config and an account; their ids.
fn filled(hub: &Hub, flags: &str) -> (String, String) {
    let config = hub.json(&format!("connectors add pipedrive --auth api_key --name mine {flags}"));
    let account = hub.json(&format!(
        "accounts add --provider pipedrive --origin-owner-id o --origin-owner-name O \
         --set api_key=0123456789012345678901234567890123456789 --set company_domain=acme --no-verify {flags}"
    ));
    (id(&config), id(&account))
}

#[test]
fn commands_flags_values_and_things_of_the_store_are_offered() {
    let hub = Hub::new();
    let (config, account) = filled(&hub, "");
    let has = |words: &[&str], wanted: &str| {
        let all = offered(&hub, words);
        assert!(all.iter().any(|word| word == wanted), "{words:?}: no {wanted} in {all:?}");
    };
    has(&["connectors", "en"], "enable");
    has(&["connectors", "enable", "hubs"], "hubspot");
    has(&["connectors", "enable", &config[..8]], &config);
    has(&["connectors", "disable", "m"], "mine");
    has(&["connectors", "edit", "m"], "mine");
    has(&["accounts", "list", "--auth-config", "mi"], &config);
    has(&["connectors", "disable", ""], "pipedrive");
    has(&["accounts", "get", ""], &account);
    has(&["accounts", "suspend", &account[..10]], &account);
    has(&["accounts", "get", "x", "--output", "js"], "jsonl");
    has(&["explain-error", "confirm"], "confirm.required");
    has(&["schema", "acc"], "account-detail");
    has(&["projects", "get", ""], "default");
    hub.ok("keys create deploy");
    has(&["keys", "disable", ""], "deploy");
    has(&["keys", "create", "x", "--scope", "plat"], "platform:read");
    assert!(offered(&hub, &["accounts", "get", "zzz"]).is_empty());
}

#[test]
fn words_that_an_argument_chooses_from_are_offered() {
    let hub = Hub::new();
    let (_, account) = filled(&hub, "");
    for (words, wanted) in [
        (&["accounts", "list", "--status", "su"][..], &["suspended"][..]),
        (&["accounts", "export", "--type", ""], &["production", "test"]),
        (&["accounts", "add", "--type", "t"], &["test"]),
        (&["accounts", "update", "--type", "t"], &["test"]),
        (&["session", "create", "--type", "t"], &["test"]),
        (&["accounts", "list", "--sort", "up"], &["updated"]),
        (&["accounts", "list", "--sort", "-up"], &["-updated"]),
        (&["accounts", "wait", "x", "--for", "status=a"], &["status=active", "status=archived"]),
        (&["logs", "list", "--kind", ""], &["request", "platform"]),
        (&["logs", "list", "--method", "po"], &["post"]),
        (&["projects", "update", "default", "--log-bodies", ""], &["off", "errors", "all"]),
        (&["connectors", "available", "--auth", "api"], &["api_key"]),
        (&["api", "PO"], &["POST"]),
        (&["request", "O"], &["OPTIONS"]),
        (&["request", "GET", "/x", "--account", ""], &[account.as_str()]),
        (&["--project", "de"], &["default"]),
        (&["--project", "default", "accounts", "get", ""], &[account.as_str()]),
        (&["connectors", "add", "pipedrive", "--auth", ""], &["api_key", "oauth2"]),
        (
            &["connectors", "add", "pipedrive", "--auth", "oauth2", "--set", ""],
            &["client_id=", "client_secret="],
        ),
        (&["connectors", "add", "pipedrive", "--auth", "api_key", "--set", ""], &[]),
        (&["connectors", "add", "pipedrive", "--set", "client_s"], &["client_secret="]),
        (&["oauth-apps", "set", "pipedrive", "--set", "client_i"], &["client_id="]),
        (&["config", "set", "session.require_owner", ""], &["true", "false"]),
        (&["config", "set", "key", "f"], &["file"]),
        (&["help", "acc"], &["accounts"]),
        (&["help", "ex"], &["explain-error", "exit-codes"]),
        (&["help", "accounts", "exp"], &["explain", "export"]),
    ] {
        assert_eq!(offered(&hub, words), wanted, "{words:?}");
    }
}

#[test]
fn a_projects_own_connectors_are_offered_and_only_they_can_be_forgotten() {
    let hub = Hub::new();
    fs::write(hub.path("mine.json"), HUMAANS.replacen("\"humaans\"", "\"mine\"", 1)).unwrap();
    hub.ok("connectors import mine.json");
    let offers = |words: &[&str]| offered(&hub, words);
    for command in [
        &["accounts", "list", "--provider", "min"][..],
        &["connectors", "enable", "min"],
        &["connectors", "add", "min"],
        &["session", "create", "--provider", "min"],
    ] {
        assert_eq!(offers(command), ["mine"], "{command:?}");
    }
    assert_eq!(offers(&["connectors", "forget", ""]), ["mine"]);
    let empty = Hub::new();
    assert!(offered(&empty, &["connectors", "forget", ""]).is_empty());
    assert!(!empty.path("hubctl.db").exists(), "a completion makes no store");
}

#[test]
fn sessions_and_applications_are_offered_where_they_can_be_used() {
    let hub = Hub::new();
    filled(&hub, "");
    let create = "session create --provider pipedrive --origin-owner-id";
    let [over, open] =
        ["a", "b"].map(|owner| hub.json(&format!("{create} {owner}"))["id"].to_string());
    hub.ok(&format!("session revoke {over} --yes"));
    let of = |words: &[&str]| offered(&hub, words);
    assert_eq!(of(&["session", "get", ""]), [open.as_str(), &over], "the newest first");
    assert_eq!(of(&["session", "wait", ""]), [open.as_str()]);
    assert_eq!(of(&["session", "revoke", ""]), [open.as_str()]);
    assert!(of(&["session", "get", "9"]).is_empty());
    assert!(of(&["oauth-apps", "delete", ""]).is_empty());
    hub.ok("oauth-apps set pipedrive --set client_id=a --set client_secret=b");
    assert_eq!(of(&["oauth-apps", "delete", ""]), ["pipedrive"]);
    assert!(of(&["oauth-apps", "set", "hubs"]).contains(&"hubspot".to_owned()));
}

#[test]
fn methods_of_a_connector_are_offered_before_there_is_a_store() {
    let hub = Hub::new();
    let words = ["connectors", "add", "pipedrive", "--auth", "o"];
    assert_eq!(offered(&hub, &words), ["oauth2"]);
    assert!(!hub.path("hubctl.db").exists(), "a completion makes no store");
}

#[test]
fn threat_36_no_sign_that_moves_or_hides_text_reaches_a_shell() {
    let hub = Hub::new();
    filled(&hub, "");
    let made = hub.run([
        "accounts",
        "add",
        "--provider",
        "pipedrive",
        "--origin-owner-id",
        "evil",
        "--origin-owner-name",
        "Zero\u{200b}Width\u{202e}evil",
        "--no-verify",
        "--set",
        "api_key=0123456789012345678901234567890123456789",
        "--set",
        "company_domain=acme",
    ]);
    assert!(made.status.success());
    for shell in ["zsh", "fish", "powershell"] {
        let asked = ask(&hub, &["accounts", "get", ""]).env("COMPLETE", shell).output();
        let answer = String::from_utf8(asked.unwrap().stdout).unwrap();
        assert!(answer.contains("u{202e}evil"), "{shell}: {answer}");
        assert!(!answer.contains(['\u{200b}', '\u{202e}']), "{shell}: {answer:?}");
    }
}

#[test]
fn the_line_and_the_environment_say_which_store_is_meant() {
    let (hub, other) = (Hub::new(), Hub::new());
    let state = other.path("hubctl.db");
    let state = state.to_str().unwrap();
    filled(&hub, "");
    hub.ok("projects create side");
    let (_, side) = filled(&hub, "--project side");
    let (_, elsewhere) = filled(&other, "");

    let list = ["accounts", "get", ""];
    let of = |words: &[&str]| offered(&hub, words);
    assert!(!of(&list).contains(&side));
    assert_eq!(of(&["--project", "side", "accounts", "get", ""]), [side.as_str()]);
    assert_eq!(of(&["accounts", "--project=side", "get", ""]), [side.as_str()]);
    assert_eq!(of(&["--state", state, "accounts", "get", ""]), [elsewhere.as_str()]);
    // Bash cuts words at an equals sign.
    assert_eq!(of(&["--state", "=", state, "accounts", "get", ""]), [elsewhere.as_str()]);
    let output = ask(&hub, &list).env("HUBCTL_PROJECT", "side").output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().starts_with(&side));
    let output = ask(&hub, &list).env("HUBCTL_STATE", state).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().starts_with(&elsewhere));
}

#[test]
fn a_store_that_cannot_be_read_offers_nothing_and_stays_as_it_is() {
    let hub = Hub::new();
    let accounts = ["accounts", "get", ""];
    assert!(offered(&hub, &accounts).is_empty());
    assert!(!hub.path("hubctl.db").exists(), "a completion makes no store");
    for content in ["", "this is no store, but it is long enough to be looked at by SQLite"] {
        fs::write(hub.path("hubctl.db"), content).unwrap();
        fs::set_permissions(hub.path("hubctl.db"), fs::Permissions::from_mode(0o600)).unwrap();
        assert!(offered(&hub, &accounts).is_empty());
        assert_eq!(fs::read_to_string(hub.path("hubctl.db")).unwrap(), content);
    }
    // What needs no store is offered all the same.
    assert!(offered(&hub, &["connectors", "enable", "hubspo"]).contains(&"hubspot".to_owned()));
    fs::write(hub.path("config.toml"), "not = [valid").unwrap();
    assert!(offered(&hub, &accounts).is_empty());
}

#[test]
fn a_locked_store_is_not_waited_for() {
    let hub = Hub::new();
    filled(&hub, "");
    let lock = rusqlite::Connection::open(hub.path("hubctl.db")).unwrap();
    lock.execute_batch(
        "pragma locking_mode=exclusive; pragma journal_mode=delete; begin exclusive; \
         create table held (a); ",
    )
    .unwrap();
    let started = Instant::now();
    let found = offered(&hub, &["accounts", "get", ""]);
    let waited = started.elapsed();
    assert!(found.is_empty(), "{found:?}");
    // 150 ms are meant; tests share their machine with others.
    assert!(waited.as_millis() < 2_000, "waited for {waited:?}");
}

#[test]
fn bash_itself_completes_with_the_script() {
    let hub = Hub::new();
    let (_, account) = filled(&hub, "");
    let script = hub.ok("completion bash");
    fs::write(hub.path("hubctl.bash"), script).unwrap();
    // Bash calls the function as it would when a person presses Tab.
    let test = r#"
        source ./hubctl.bash
        COMP_WORDS=(hubctl accounts get '') COMP_CWORD=3 COMP_TYPE=9
        _clap_complete_hubctl hubctl '' get 2>/dev/null
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_hubctl"));
    let output = Command::new("bash")
        .args(["--norc", "--noprofile", "-c", test])
        .env_clear()
        .env("HUBCTL_CONFIG_DIR", hub.path(""))
        .env("PATH", format!("{}:/usr/bin:/bin", program.parent().unwrap().display()))
        .current_dir(hub.path(""))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let offered = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(offered.lines().next(), Some(account.as_str()), "{told}");
}

#[test]
fn powershell_is_offered_names_in_quotes_and_shells_that_quote_are_not() {
    let hub = Hub::new();
    let made = ["connectors", "add", "bamboohr", "--auth", "api_key", "--name", "Ann's key"];
    assert!(hub.run(made).status.success());
    for (shell, offered) in [("powershell", "'Ann''s key'\t"), ("fish", "Ann's key\t")] {
        let asked = ask(&hub, &["connectors", "edit", "Ann"]).env("COMPLETE", shell).output();
        let answer = String::from_utf8(asked.unwrap().stdout).unwrap();
        assert!(answer.starts_with(offered), "{shell}: {answer}");
    }
}

/// Bash on a terminal of its own, with the script.
fn bash(hub: &Hub) -> PtySession {
    fs::write(hub.path("hubctl.bash"), hub.ok("completion bash")).unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_hubctl"));
    let mut command = Command::new("bash");
    command
        .args(["--norc", "--noprofile", "-i"])
        .env_clear()
        .env("TERM", "dumb")
        .env("HUBCTL_CONFIG_DIR", hub.path(""))
        .env("PATH", format!("{}:/usr/bin:/bin", program.parent().unwrap().display()))
        .current_dir(hub.path(""));
    let mut shell = rexpect::session::spawn_command(command, Some(30_000)).unwrap();
    shell.send_line("source ./hubctl.bash; PS1=; echo re''ady").unwrap();
    shell.exp_string("ready").unwrap();
    shell
}

#[test]
fn what_a_person_in_bash_types_becomes_a_line_that_means_what_it_shows() {
    let hub = Hub::new();
    let (config, account) = filled(&hub, "");
    let made = ["connectors", "add", "bamboohr", "--auth", "api_key", "--name", "Ann's $5 & more"];
    assert!(hub.run(made).status.success());
    let webhook = id(&hub.json("webhooks create --url https://a.example"));
    let mut shell = bash(&hub);
    for (typed, words) in [
        // The only one is not buried under the flags.
        ("hubctl webhooks get ", &*format!("<webhooks><get><{webhook}>")),
        ("hubctl connectors disable Ann", "<connectors><disable><Ann's $5 & more>"),
        ("hubctl connectors edit Ann", "<connectors><edit><Ann's $5 & more>"),
        (r"hubctl connectors edit Ann\'s\ ", "<connectors><edit><Ann's $5 & more>"),
        ("hubctl connectors edit \"Ann's ", "<connectors><edit><Ann's $5 & more>"),
        ("hubctl accounts list --auth-config=min", &format!("<list><--auth-config={config}>")),
        ("hubctl accounts list --sort=-up", "<accounts><list><--sort=-updated>"),
        ("hubctl accounts list --sort -up", "<accounts><list><--sort><-updated>"),
        ("hubctl accounts wait x --for=status=su", "<wait><x><--for=status=suspended>"),
        ("hubctl accounts wait x --for=", "<wait><x><--for=status=>"),
        ("hubctl keys create k --scope platform:w", "<--scope><platform:write>"),
        ("hubctl events list --type=account.created,account.del", "account.deleted>"),
        ("hubctl request GET /x --account ", &format!("<--account><{account}>")),
    ] {
        // Behind Tab the line is shown as a command would get it.
        shell.send_line(&format!("{typed}\t\u{1}printf '<%s>' ")).unwrap();
        let shown = shell.exp_string(words);
        shown.unwrap_or_else(|error| panic!("{typed}: no {words}: {error}"));
    }
}
