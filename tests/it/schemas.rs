//! Every command's JSON answer, as the program writes it, fits its published schema.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use hubctl::cli::{for_each_leaf, schemas};
use hubctl::domain::ids::ProjectNumber;
use hubctl::domain::request_log::{Entry, Kind, Method, Outcome, Source};
use hubctl::domain::time::Timestamp;
use hubctl::hub::logs::List;
use hubctl::store::{Store, request_logs};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::command::Hub;

/// Checks answers, and remembers which were seen.
struct Check {
    hub: Hub,
    validators: BTreeMap<&'static str, (Validator, Value)>,
    seen: BTreeSet<(String, String)>,
}

impl Check {
    fn new() -> Self {
        let compiled = schemas::all().map(|row| {
            let schema = row.schema();
            assert!(jsonschema::meta::is_valid(&schema), "{} is no schema", row.name);
            let options = jsonschema::options().should_validate_formats(true);
            (row.name, (options.build(&schema).unwrap(), schema))
        });
        Self { hub: Hub::new(), validators: compiled.collect(), seen: BTreeSet::new() }
    }

    /// The answer fits, and has no key that the schema does not tell of.
    fn fits(&self, line: &str, kind: &str, value: &Value) {
        let (validator, schema) = &self.validators[kind];
        let problems: Vec<String> = validator
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect();
        assert!(problems.is_empty(), "hubctl {line} as {kind}: {problems:#?}\n{value:#}");
        if let (Some(told), Some(known)) = (value.as_object(), schema["properties"].as_object()) {
            let new: Vec<_> = told.keys().filter(|key| !known.contains_key(*key)).collect();
            assert!(new.is_empty(), "hubctl {line}: {kind} does not tell of {new:?}");
        }
    }

    /// Runs a command and checks its answer as this type, or an array of it.
    fn run(&mut self, command: &str, arguments: &str, answer: &str) -> Value {
        let line = format!("{command} {arguments}");
        let value = self.hub.json(&line);
        self.check(command, &line, answer, &value);
        // Columns and cells agree as well; what is no record has no columns to disagree.
        if answer.ends_with("[]") || !line.contains("create") && !line.contains("add") {
            for format in ["wide", "tsv"] {
                let output = self.hub.run(format!("{line} -o {format}").split_whitespace());
                let told = String::from_utf8_lossy(&output.stderr);
                assert!(!told.contains("panicked"), "hubctl {line} -o {format}: {told}");
            }
        }
        value
    }

    fn check(&mut self, command: &str, line: &str, answer: &str, value: &Value) {
        let answers = schemas::answers(command).unwrap_or_default();
        assert!(answers.contains(&answer), "hubctl {command} is not said to answer {answer}");
        match answer.strip_suffix("[]") {
            None => self.fits(line, answer, value),
            Some(kind) => {
                let items = value.as_array().unwrap();
                assert!(!items.is_empty(), "hubctl {line}: nothing to check");
                for item in items {
                    self.fits(line, kind, item);
                }
            }
        }
        self.seen.insert((command.to_owned(), answer.to_owned()));
    }
}

fn text(value: &Value, key: &str) -> String {
    match &value[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A connector of one's own.
fn connector(key: &str) -> Value {
    json!({
        "key": key, "name": "Own", "categories": ["crm"], "base_url": "https://own.example/api",
        "auth": [{
            "key": "api_key", "type": "api_key", "label": "API key",
            "config_fields": [{"key": "api_key", "label": "Key", "type": "password",
                               "required": true, "secret": true, "placeholder": "xyz"}],
            "authorization": {"type": "bearer", "token": "${api_key}"},
        }],
        "verify_reason": "no light call",
    })
}

#[test]
fn every_answer_fits_its_schema() {
    let mut check = Check::new();
    let own = check.hub.path("own.json");
    fs::write(&own, connector("own-one").to_string()).unwrap();
    let two = check.hub.path("two.jsonl");
    fs::write(&two, format!("{}\n{}\n", connector("own-two"), connector("own-three"))).unwrap();
    let bad = check.hub.path("bad.json");
    fs::write(&bad, r#"{"key":"bad one","name":"","auth":[]}"#).unwrap();

    about_the_program(&mut check);
    connectors(&mut check);
    let output = check.hub.run(["connectors", "lint", bad.to_str().unwrap(), "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    check.check("connectors lint", "connectors lint bad.json", "lint-finding[]", &found);
    let told: Value = serde_json::from_slice(&output.stderr).unwrap();
    check.fits("connectors lint bad.json", "error", &told);
    sessions(&mut check);
    accounts(&mut check);
    webhooks(&mut check);

    for (command, arguments, answer) in [
        ("keys create", "ci --expires-in 1h", "created-key"),
        ("keys create", "deploy --scope admin", "created-key"),
        ("keys list", "", "key[]"),
        ("keys get", "ci", "key"),
        ("keys disable", "ci --yes", "write"),
        ("keys disable", "ci deploy --yes", "writes"),
        ("keys enable", "ci", "write"),
        ("keys enable", "ci deploy", "writes"),
        ("keys delete", "ci --yes --dry-run", "write"),
        ("keys delete", "ci deploy --yes", "writes"),
        ("projects create", "second", "project"),
        ("projects update", "second --allow-ip 10.0.0.0/8", "write"),
        ("projects update", "second --display-name Acme --accent-color #123456", "write"),
        ("projects create", "third", "project"),
        ("projects create", "fourth", "project"),
        ("projects get", "second", "project"),
        ("projects list", "", "project[]"),
        ("projects delete", "second --yes", "write"),
        ("projects delete", "third fourth --yes", "writes"),
    ] {
        check.run_once(command, arguments, answer);
    }
    logs(&mut check);
    check.run("store check", "", "check[]");
    check.run("store path", "", "store-path");
    check.run("store rotate-key", "--dry-run --data-keys", "key-rotation");
    check.run_once("store rotate-key", "--yes --data-keys", "key-rotation");
    check.run("doctor", "", "check[]");

    profiles(&mut check);

    let mut missing = Vec::new();
    for_each_leaf(|words, _, _| {
        let command = words.join(" ");
        for answer in schemas::answers(&command).unwrap_or_default() {
            if !check.seen.contains(&(command.clone(), (*answer).to_owned())) {
                missing.push(format!("{command}: {answer}"));
            }
        }
    });
    assert!(missing.is_empty(), "never checked: {missing:#?}");
}

/// Puts a call into the log as a server would, and looks at it in every way.
fn logs(check: &mut Check) {
    let store = Store::sqlite(check.hub.path("hubctl.db"));
    crate::support::hub::block_on(async {
        let mut tx = store.begin_write().await.unwrap();
        for (index, table) in [List::Logs, List::Steps].into_iter().enumerate() {
            let entry = Entry {
                number: 1 + i64::try_from(index).unwrap(),
                project: ProjectNumber(1),
                at: Timestamp::from_millis(1_780_315_200_000),
                duration_ms: 5,
                request_id: "r-1".to_owned(),
                outcome: Outcome::new(Kind::Request, 502, Method::Post),
                path: "/unified/proxy".to_owned(),
                url: "https://hub.example/unified/proxy".to_owned(),
                account: Some("a-1".to_owned()),
                provider: Some("hubspot".to_owned()),
                service: None,
                resource: None,
                child_resource: None,
                sub_resource: None,
                action: Some("proxy".to_owned()),
                source: Source { kind: "API".to_owned(), ..Source::default() },
                category: None,
                is_worker: false,
                error: Some("provider.failed".to_owned()),
            };
            let ends = Timestamp::from_millis(9_000_000_000_000);
            request_logs::insert(&mut tx, table, &entry, ends).await.unwrap();
        }
        tx.commit().await.unwrap();
    });
    check.run("logs list", "--status 5xx", "log[]");
    check.run("connectors logs", "hubspot", "log[]");
    check.run("accounts logs", "a-1", "log[]");
    let detail = check.run("logs get", "r-1", "log-detail");
    assert_eq!(detail["step_requests"][0]["provider"], "hubspot");
    let mut command = check.hub.command("logs tail -o jsonl".split_whitespace());
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut told = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut told, &mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let row: Value = serde_json::from_str(&line).unwrap();
    check.check("logs tail", "logs tail", "log[]", &json!([row]));
}

impl Check {
    /// As `run`, for what can't be done twice.
    fn run_once(&mut self, command: &str, arguments: &str, answer: &str) -> Value {
        let line = format!("{command} {arguments}");
        let value = self.hub.json(&line);
        self.check(command, &line, answer, &value);
        value
    }
}

fn about_the_program(check: &mut Check) {
    check.run("commands", "", "command[]");
    check.run("commands", "--global", "argument[]");
    check.run("schema", "--list", "type[]");
    check.run("explain-error", "", "error-code[]");
    check.run("explain-error", "confirm.required", "error-code");
    check.run("version", "", "version");
    check.run("help", "exit-codes", "exit-codes");
    check.run("help", "environment", "environment");
    let listed = check.hub.json("schema --list");
    for row in listed.as_array().unwrap() {
        let schema = check.hub.json(&format!("schema {}", text(row, "name")));
        assert_eq!(schema["title"], row["name"]);
    }
}

fn profiles(check: &mut Check) {
    let elsewhere = "--api-url https://hub.example.com";
    check.run_once("profile create", &format!("far --protected {elsewhere}"), "profile");
    check.run_once("profile create", "near --local", "profile");
    check.run_once("profile create", "other --local", "profile");
    check.run("profile list", "", "profile[]");
    check.run("profile get", "far", "profile");
    check.run("config set", "project live -P far", "write");
    check.run("config list", "", "setting[]");
    check.run("config get", "project -P far", "setting-value");
    check.run("config explain", "", "explained-setting[]");
    check.run("config explain", "retries", "explained-setting");
    check.run("config path", "", "config-file");
    check.run("config unset", "project -P far", "write");
    fs::write(check.hub.path("key"), "v1.local.1_k\n").unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(check.hub.path("key"), private).unwrap();
    check.run_once("auth login", "-P far --key-file key --store file --no-verify", "write");
    check.run("auth status", "-P far --offline", "auth-status");
    check.run_once("auth logout", "-P far", "write");
    check.hub.ok("auth login -P far --key-file key --store file --no-verify");
    check.run_once("auth logout", "--all", "writes");
    check.run_once("profile use", "near", "write");
    check.run_once("profile delete", "near --yes", "write");
    check.run_once("profile delete", "far other --yes", "writes");
}

fn connectors(check: &mut Check) {
    check.run("connectors available", "", "connector[]");
    for audience in ["admin", "end-user"] {
        check.run("connectors guide", &format!("hubspot --for {audience}"), "guide");
    }
    // Every connector of the catalog has another set of facts.
    for entry in hubctl::catalog::index() {
        check.run_once("connectors get", entry.key, "connector-detail");
    }
    check.run("connectors open", "hubspot --print", "address");
    check.run_once("connectors import", "own.json", "write");
    check.run_once("connectors import", "two.jsonl", "writes");
    check.run_once("connectors enable", "own-one", "write");
    check.run_once("connectors enable", "own-two own-three", "writes");
    let added =
        check.run_once("connectors add", "own-one --name second --if-exists update", "write");
    let id = text(&added["after"], "id");
    check.run("connectors get", &id, "auth-config-detail");
    check.run_once("connectors edit", &format!("{id} --name other"), "write");
    check.run_once("connectors make-default", &format!("{id} --yes"), "write");
    check.run("connectors list", "", "auth-config[]");
    check.run_once("connectors disable", "own-two --yes", "write");
    check.run_once("connectors disable", "own-two own-three --yes", "writes");
    // One of them is not there: an error beside the results.
    let output = check.hub.run(["connectors", "delete", "own-two", "nobody", "--yes", "--json"]);
    assert_eq!(output.status.code(), Some(11));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    check.check("connectors delete", "connectors delete", "writes", &results);
    check.run_once("connectors delete", "own-three --yes", "write");
    check.run_once("connectors forget", "own-two --yes", "write");
    fs::write(check.hub.path("more.jsonl"), format!("{}\n{}\n", connector("a"), connector("b")))
        .unwrap();
    check.hub.ok("connectors import more.jsonl");
    check.run_once("connectors forget", "a b --yes", "writes");
}

fn sessions(check: &mut Check) {
    let owner = "--provider own-one --origin-owner-id o --origin-owner-name O";
    let mut ids = Vec::new();
    for _ in 0..3 {
        let made = check.run_once("session create", owner, "created-session");
        ids.push(text(&made, "id"));
    }
    check.run("session get", &ids[0], "session");
    check.run("session list", "", "session[]");
    let line = "accounts add --provider own-one --origin-owner-id o --origin-owner-name O \
                --set api_key=x --no-verify";
    let account = text(&check.hub.json(line), "id");
    let store = rusqlite::Connection::open(check.hub.path("hubctl.db")).unwrap();
    let link = format!("update connect_sessions set linked_account = '{account}'");
    store.execute(&link, []).unwrap();
    check.run("session wait", &ids[0], "session-wait");
    check.run("accounts wait", &account, "account-detail");
    check.run_once("accounts relink", &account, "created-session");
    check.hub.ok(&format!("accounts delete {account} --yes"));
    check.run_once("session revoke", &format!("{} --yes", ids[0]), "write");
    check.run_once("session revoke", &format!("{} {} --yes", ids[1], ids[2]), "writes");
    check.run_once("link create", owner, "created-session");
    fs::write(check.hub.path("owners.csv"), "origin_owner_id,provider\na,own-one\nb,\n").unwrap();
    check.run("link create", "--from owners.csv", "link[]");
}

fn webhooks(check: &mut Check) {
    fs::write(check.hub.path("hook-secret"), "hubctl-test-secret-0001").unwrap();
    fs::write(check.hub.path("hook-body"), r#"{"n":1}"#).unwrap();
    let mut ids = Vec::new();
    // Nobody has this name, so that trials fail at once.
    for _ in 0..3 {
        let made = check.run_once("webhooks create", "--url https://a.invalid/", "created-webhook");
        ids.push(text(&made, "id"));
    }
    let [first, second, third] = ids.try_into().unwrap();
    check.run("webhooks list", "", "webhook[]");
    check.run("webhooks get", &first, "webhook");
    check.run_once("webhooks update", &format!("{first} --events key.created"), "write");
    check.run_once("webhooks rotate-secret", &first, "created-webhook");
    check.run_once("webhooks disable", &format!("{first} --yes"), "write");
    check.run_once("webhooks disable", &format!("{second} {third} --yes"), "writes");
    check.run_once("webhooks enable", &first, "write");
    check.run_once("webhooks enable", &format!("{second} {third}"), "writes");
    check.run_once("webhooks test", &format!("{first} --dry-run"), "delivery-detail");
    let output = check.hub.run(["webhooks", "test", &first, "--json"]);
    assert_eq!(output.status.code(), Some(10));
    let sent: Value = serde_json::from_slice(&output.stdout).unwrap();
    check.check("webhooks test", "webhooks test", "delivery-detail", &sent);
    check.fits("webhooks test", "attempt", &sent["attempts"][0]);
    let delivery = text(&sent, "id");
    check.hub.run(["webhooks", "test", &second]);
    check.run("webhooks deliveries", "", "delivery[]");
    check.run("webhooks deliveries", &delivery, "delivery-detail");
    check.run_once("webhooks redeliver", &delivery, "write");
    let both = format!("{delivery} {}", delivery.parse::<i64>().unwrap() + 1);
    check.run_once("webhooks redeliver", &both, "writes");
    check.run("webhooks redeliver", "--since 1h", "redelivered");
    check.run("events list", "", "event[]");
    let all = check.hub.json("events list");
    let begin = text(&all[0], "id");
    let lines = check.hub.ok(&format!("events tail --after {begin} --limit 3 -o jsonl"));
    let all: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    check.check("events tail", "events tail", "event[]", &Value::Array(all));
    let lines = check.hub.ok(&format!(
        "webhooks listen --forward-to http://127.0.0.1:1/ --after {begin} --limit 2 -o jsonl"
    ));
    let all: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    check.check("webhooks listen", "webhooks listen", "forwarded[]", &Value::Array(all));
    let proven = "--secret-file hook-secret hook-body \
                  --signature 6wdEC_wJYO81LWyt5R-2SM-3tfTKpJ6BoDxjvNxAAiw";
    check.run("webhooks verify", proven, "proof");
    check.run_once("webhooks delete", &format!("{first} --yes"), "write");
    check.run_once("webhooks delete", &format!("{second} {third} --yes"), "writes");
}

/// What asks a provider is only tried.
fn at_their_provider(check: &mut Check) {
    check.run_once("oauth-apps set", "hubspot --set client_id=a --set client_secret=b", "write");
    check.run("oauth-apps list", "", "oauth-app[]");
    check.run_once("oauth-apps delete", "hubspot --yes", "write");
    check.hub.ok("connectors add hubspot --auth oauth2 --name login --default \
                  --set client_id=a --set client_secret=b");
    let ids = ["x", "y"].map(|owner| {
        let line = format!(
            "accounts add --provider hubspot --origin-owner-id {owner} --origin-owner-name {owner} \
             --set access_token=a --set refresh_token=b --no-verify"
        );
        text(&check.hub.json(&line), "id")
    });
    for command in ["accounts test", "accounts refresh"] {
        check.run_once(command, &format!("{} --dry-run", ids[0]), "write");
        check.run_once(command, &format!("{} --dry-run", ids.join(" ")), "writes");
    }
}

fn accounts(check: &mut Check) {
    let mut ids = Vec::new();
    for owner in ["a", "b", "c"] {
        let line = format!(
            "--provider own-one --origin-owner-id {owner} --origin-owner-name {owner} \
             --set api_key=secret-{owner} --no-verify --metadata team=x"
        );
        let added = check.run_once("accounts add", &line, "account-detail");
        assert!(!added.to_string().contains("secret-"), "{added}");
        ids.push(text(&added, "id"));
    }
    check.run("accounts list", "", "account[]");
    check.run("accounts get", &ids[0], "account-detail");
    check.run("accounts get", &ids.join(" "), "account-detail[]");
    check.run_once("accounts update", &format!("{} --label x", ids[0]), "write");
    check.run_once("accounts suspend", &format!("{} --yes", ids[0]), "write");
    check.run_once("accounts suspend", &format!("{} {} --yes", ids[0], ids[1]), "writes");
    check.run("accounts list", "--status suspended", "account[]");
    let line = "accounts list --watch --limit 1 -o jsonl";
    let row: Value = serde_json::from_str(&check.hub.ok(line)).unwrap();
    check.check("accounts list", line, "watched-account[]", &Value::Array(vec![row]));
    let explained = check.run("accounts explain", &ids[0], "explanation");
    for finding in explained["findings"].as_array().unwrap() {
        check.fits("accounts explain", "finding", finding);
    }
    at_their_provider(check);
    check.run_once("accounts resume", &ids[0], "write");
    check.run_once("accounts resume", &format!("{} {}", ids[0], ids[1]), "writes");
    let lines = check.hub.ok("accounts export -o jsonl");
    let all: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    check.check("accounts export", "accounts export", "account-detail[]", &Value::Array(all));
    check.run_once("accounts delete", &format!("{} --yes", ids[0]), "write");
    check.run_once("accounts delete", &format!("{} {} --yes", ids[1], ids[2]), "writes");
    let output = check.hub.run(["accounts", "get", &ids[0], "--json"]);
    assert_eq!(output.status.code(), Some(3));
    check.fits("accounts get", "error", &serde_json::from_slice(&output.stderr).unwrap());
}
