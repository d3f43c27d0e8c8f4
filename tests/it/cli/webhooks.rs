//! `hubctl webhooks` and `hubctl events` at the command line.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::cli::{Ended, TestHome};
use crate::support::hooks::{SECRET, receiver, secret};
use crate::support::http::{FakeHub, Reply};

const BODY: &str = r#"{"n":1}"#;
/// Of the contract's test vectors (section 5.1).
const SIGNATURE: &str = "6wdEC_wJYO81LWyt5R-2SM-3tfTKpJ6BoDxjvNxAAiw";

fn ready() -> TestHome {
    let home = TestHome::new();
    home.config("[profiles.default]\nallow_targets = \"127.0.0.0/8\"\n");
    home.run("connectors enable bamboohr").code(0);
    home.file("secret", format!("{SECRET}\n"));
    home
}

fn link(home: &TestHome, owner: &str) -> String {
    let sets = "--set subdomain=acme --set api_key=k --origin-owner-name O";
    home.account("bamboohr", owner, sets)
}

#[test]
fn se_8_secret_and_token_are_shown_once_and_never_again() {
    let home = ready();
    let made = home.run("webhooks create --url https://a.example/?token=t0ken-1 --json").code(0);
    assert!(!made.stdout.contains("t0ken-1") && !made.stderr.contains("t0ken-1"), "{made:?}");
    let made = made.json();
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    assert!(secret.starts_with("whsec_"));
    assert_eq!(made["events"], json!(["account.created", "account.updated", "account.deleted"]));
    let mut told = String::new();
    for line in [
        "webhooks list --json".to_owned(),
        format!("webhooks get {id} --json"),
        format!("webhooks update {id} --events key.created --json"),
        format!("webhooks rotate-secret {id} --activate --yes"),
        "events list --json".to_owned(),
        "events list -o wide".to_owned(),
        format!("webhooks delete {id} --yes --json"),
    ] {
        let ended = home.run(&line);
        told.push_str(&ended.stdout);
        told.push_str(&ended.stderr);
    }
    assert!(!told.contains(secret) && !told.contains("t0ken-1"), "{told}");
    assert!(told.contains("https://a.example/?token=***"), "{told}");
}

#[test]
fn a_part_of_a_new_webhook_is_printed_alone() {
    let home = ready();
    let line = "webhooks create --url https://a.example/ --if-exists skip";
    let secret = home.run(&format!("{line} --print secret")).code(0).stdout;
    assert!(secret.starts_with("whsec_") && secret.lines().count() == 1, "{secret}");
    let again = home.run(&format!("{line} --print id")).code(0);
    assert!(again.stderr.contains("stays as it is"), "{again:?}");
    assert!(!again.stderr.contains("it is told of"), "{again:?}");
    let other = home.run(&format!("{line} --events account.created,account.error")).code(0);
    other
        .tells("it is told of account.created, account.updated, account.deleted")
        .tells("--events account.created,account.error");
    let trial = home.run(&format!("{line} --dry-run")).code(0);
    let trial = trial.tells("nothing was made, and the webhook stays as it is");
    assert!(!trial.stderr.contains("does not exist"), "{trial:?}");
    assert_eq!(home.run("webhooks list -o id").code(0).stdout, again.stdout);
    let refused = home.run(&format!("{line} --print secret")).code(6);
    assert_eq!(refused.stdout, "");
    refused.tells("webhook.exists").tells("hubctl webhooks rotate-secret");
    home.run("webhooks create --url https://a.example/ --if-exists fail").code(6);
    home.file("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    home.run(&format!("{line} --print secret --secret-file secret")).code(2);
    home.run(&format!("{line} --print id -n")).code(2).tells("no webhook is made");
}

#[test]
fn a_change_of_a_secret_is_not_begun_twice_without_consent() {
    let home = ready();
    let made = home.run("webhooks create --url https://a.example/ --json").code(0).json();
    let line = format!("webhooks rotate-secret {} --json", made["id"].as_str().unwrap());
    let next = home.run(&line).code(0).json();
    let told = home.run(&line).code(7).error();
    assert_eq!((&told["code"], &told["hint"]), (&json!("confirm.required"), &json!("add --yes")));
    assert!(
        told["message"].as_str().unwrap().contains("waits for --activate and is lost"),
        "{told}"
    );
    let other = home.run(&format!("{line} --yes")).code(0).json();
    assert_ne!(other["secret"], next["secret"]);
    // A step that is repeated changes nothing, and says so.
    let step = |name: &str| home.run(&format!("{line} {name} --yes")).code(0).json();
    assert_eq!(step("--activate")["changed"], true);
    assert_eq!(step("--activate")["changed"], false);
    home.run(&line).code(7).tells("the former secret signs until --finish and is lost");
    assert_eq!(step("--finish")["changed"], true);
    assert_eq!(step("--finish")["changed"], false);
    home.run(&format!("{line} --activate --yes")).code(6).tells("no next secret");
    home.run(&line).code(0);
}

#[test]
fn a_new_secret_is_printed_alone() {
    let home = ready();
    let id = home.run("webhooks create --url https://a.example/ --print id").code(0).stdout;
    let line = format!("webhooks rotate-secret {}", id.trim());
    let next = home.run(&format!("{line} --print secret")).code(0).stdout;
    assert!(next.starts_with("whsec_") && next.lines().count() == 1, "{next}");
    let only = home.run(&format!("{line} --now --yes --print secret")).code(0).stdout;
    assert!(only.starts_with("whsec_") && only != next, "{only}");
    home.run(&format!("{line} --finish --print secret")).code(2);
    home.run(&format!("{line} --print secret -n")).code(2).tells("no secret is made");
}

#[test]
fn threat_29_verify_says_why_a_delivery_is_not_proven() {
    let home = TestHome::new();
    home.file("right", "hubctl-test-secret-0001\n");
    home.file("wrong", "hubctl-test-secret-0002\n");
    home.file("body", BODY);
    home.file("altered", r#"{"n":2}"#);
    home.file("longer", format!("{BODY}\n"));
    let line = |secret: &str, body: &str| {
        format!("webhooks verify --secret-file {secret} --signature {SIGNATURE} {body}")
    };
    home.run(&line("right", "body")).code(0);
    home.piped(&line("right", ""), BODY).code(0);
    let two = "wrong --secret-file right";
    let proof = home.run(&format!("{} --json", line(two, "body"))).code(0).json();
    assert_eq!((&proof["valid"], &proof["secret"]), (&json!(true), &json!(2)));
    for (secret, body) in [("wrong", "body"), ("right", "altered"), ("right", "longer")] {
        home.run(&line(secret, body)).code(6).tells("webhook.not_proven").tells("does not fit");
    }
    // Standard Webhooks says when it was signed.
    let signed = |at_s: i64| {
        let signature = secret().sign_standard("msg-1", at_s, BODY.as_bytes());
        home.file(
            "headers",
            format!(
                "POST /hooks HTTP/1.1\r\nHost: a\r\nWebhook-Id: msg-1\r\n\
                 webhook-timestamp: {at_s}\r\nWEBHOOK-SIGNATURE: {signature}\r\n"
            ),
        );
        home.file("secret", SECRET);
        home.run("webhooks verify --secret-file secret --header-file headers body")
    };
    #[expect(clippy::disallowed_methods, reason = "the program reads the same clock")]
    let now = jiff::Timestamp::now().as_second();
    signed(now).code(0);
    signed(now - 200).code(0);
    signed(now - 400).code(6).tells("more than the 300 s");
    signed(now + 400).code(6).tells("in the future");
    home.file("headers", "webhook-signature: v1,x\n");
    let missing = home.run("webhooks verify --secret-file secret --header-file headers body");
    missing.code(6).tells("webhook-id is missing");
    home.file("headers", "content-type: x\n");
    let nothing = home.run("webhooks verify --secret-file secret --header-file headers body");
    nothing.code(6).tells("no signature to check");
    // What the other scheme signs says in itself when it was sent.
    let old = r#"{"sent_at":"2020-01-01T00:00:00.000Z","event":"account.created"}"#;
    home.file("old", old);
    let line = format!(
        "webhooks verify --secret-file secret --signature {} old",
        secret().sign(old.as_bytes())
    );
    home.run(&line).code(0);
    home.run(&format!("{line} --max-age 1h")).code(6).tells("more than the 3600 s");
    for bad in [
        "webhooks verify body",
        "webhooks verify --secret-file absent --signature x body",
        "webhooks verify --secret-file right body",
        "webhooks verify --secret-file right --signature x absent",
        "webhooks verify --secret-file body --signature x body",
    ] {
        assert_eq!(home.run(bad).code(2).stdout, "");
    }
}

#[test]
fn a_trial_ends_as_the_receiver_answers() {
    let home = ready();
    let there = FakeHub::script(vec![
        Reply::text(200, "text/plain", "fine"),
        Reply::text(500, "text/plain", "bro\u{1b}[2Jken"),
    ]);
    let line = format!("webhooks create --url {} --secret-file secret --json", there.url());
    let id = home.run(&line).code(0).json()["id"].as_str().unwrap().to_owned();
    let sent = home.run(&format!("webhooks test {id} --json")).code(0).json();
    assert_eq!((&sent["status"], &sent["event"]), (&json!("delivered"), &json!("webhook.test")));
    let asked = &there.asked()[0];
    assert_eq!(asked.header("x-stackone-signature"), secret().sign(&asked.body));
    let failed = home.run(&format!("webhooks test {id}")).code(10).tells("webhook.test_failed");
    assert!(!failed.stdout.contains('\u{1b}'), "{failed:?}");
    home.run(&format!("webhooks test {id} --dry-run --json")).code(0);
    assert_eq!(there.asked().len(), 2);
    let all = home.run(&format!("webhooks deliveries {id} --json")).code(0).json();
    assert_eq!(all.as_array().unwrap().len(), 2);
    let failed = home.run(&format!("webhooks deliveries {id} --failed -o id")).code(0).stdout;
    let one = home.run(&format!("webhooks deliveries {} --json", failed.trim())).code(0).json();
    assert_eq!(one["attempts"][0]["status"], 500);
    assert_eq!(one["attempts"][0]["answer"], "bro [2Jken");
    // A terminal is told what happened and which webhook it was, and how to go on.
    let again = format!("hubctl webhooks redeliver {}\r\n", failed.trim());
    let shown = home.terminal("webhooks deliveries").exp_eof().unwrap();
    assert!(shown.contains("WEBHOOK") && shown.contains(&id), "{shown}");
    assert!(shown.contains("  webhook.test  "), "{shown}");
    let told = format!("2 deliveries, 1 failed; send one again: {again}");
    assert!(shown.contains(&told), "{shown}");
    home.run(&format!("webhooks disable {id} --yes")).code(0);
    let shown = home.terminal("webhooks deliveries").exp_eof().unwrap();
    assert!(shown.contains(&format!("again: hubctl webhooks enable {id} && {again}")), "{shown}");
}

#[test]
fn threat_18_who_names_a_host_for_plain_http_is_told_what_is_sent_there() {
    let home = ready();
    let made = home.run("webhooks create --url http://a.example/x -o id").code(0);
    let made = made.tells("warning: a.example is called over plain http");
    let id = made.stdout.trim().to_owned();
    for fine in ["https://a.example/x", "http://127.0.0.1:1/x", "http://localhost:1/x"] {
        let told = home.run(&format!("webhooks update {id} --url {fine}")).code(0).stderr;
        assert!(!told.contains("plain http"), "{told}");
    }
    // No literal address of another network is taken.
    home.run("webhooks create --url http://8.8.8.8/x").code(2).tells("webhook.blocked");
}

#[test]
fn threat_18_a_local_hub_refuses_what_its_profile_does_not_allow() {
    let home = TestHome::new();
    let refused = home.run("webhooks create --url http://127.0.0.1:1/").code(2);
    refused.tells("webhook.blocked").tells("--allow-target");
    home.run("webhooks create --url https://user:pw@a.example/").code(2);
    assert!(home.run("webhooks list --json").code(0).json().as_array().unwrap().is_empty());
}

/// The lines of a process that goes on, read one by one.
fn follow(
    home: &TestHome,
    line: &str,
) -> (std::process::Child, impl Iterator<Item = Value> + use<>) {
    let mut command = home.command(line.split_whitespace());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()))
}

#[test]
fn events_are_listed_and_followed_without_a_gap() {
    let home = ready();
    let first = link(&home, "a");
    let all = home.run("events list --json").code(0).json();
    let kinds: Vec<&str> =
        all.as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["auth_config.created", "account.created"]);
    assert_eq!(all[1]["record_id"], first.as_str());
    assert_eq!(all[1]["data"]["origin_owner_id"], "a");
    let last = all[1]["id"].as_str().unwrap().to_owned();
    // Behind an id nothing is missed, whether it comes before or after the command starts.
    link(&home, "b");
    let (mut child, mut lines) = follow(&home, &format!("events tail --after {last} -o jsonl"));
    let b = lines.next().unwrap();
    assert_eq!(b["data"]["origin_owner_id"], "b");
    let c = link(&home, "c");
    assert_eq!(lines.next().unwrap()["record_id"], c.as_str());
    let id = child.id().to_string();
    std::process::Command::new("kill").args(["-s", "INT", &id]).status().unwrap();
    assert_eq!(lines.next(), None);
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(2), "130 in a shell");
    // Filters.
    let of = |flags: &str| home.run(&format!("events list {flags} -o id")).code(0).stdout;
    assert_eq!(of(&format!("--account {first}")).lines().count(), 1);
    assert_eq!(of("--type account.created,auth_config.created").lines().count(), 4);
    assert_eq!(of("--type account.deleted"), "");
    assert_eq!(of("--since 1h").lines().count(), 4);
    assert_eq!(of("--since 2099-01-01T00:00:00Z"), "");
    assert_eq!(of(&format!("--after {last}")).lines().count(), 2);
    assert_eq!(of("--limit 1").lines().count(), 1);
    home.run("events list --after 0199-none").code(3).tells("event.not_found");
    home.run("events list --type nonsense").code(2);
    home.run("events tail --json").code(2).tells("-o jsonl");
    // From now on, and so many.
    let (child, lines) = follow(&home, "events tail --limit 1 --type account.created -o jsonl");
    let waiting = std::thread::spawn(move || lines.count());
    for number in 0.. {
        link(&home, &format!("more-{number}"));
        assert!(number < 100, "it never sees one");
        if waiting.is_finished() {
            break;
        }
    }
    assert_eq!(waiting.join().unwrap(), 1);
    assert_eq!(Ended::wait(child).code, 0);
}

#[test]
fn listen_posts_what_happens_signed_and_shows_it() {
    let home = ready();
    let there = receiver();
    link(&home, "a");
    let all = home.run("events list -o id").code(0).stdout;
    let first = all.lines().next().unwrap();
    let line = format!(
        "webhooks listen --forward-to {} --after {first} --limit 1 --secret-file secret -o jsonl",
        there.url()
    );
    let shown = home.run(&line).code(0);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!((&shown["event"], &shown["status"]), (&json!("account.created"), &json!(200)));
    let asked = &there.asked()[0];
    assert_eq!(asked.header("x-stackone-signature"), secret().sign(&asked.body));
    assert_eq!(asked.json()["origin_owner_id"], "a");
    // Without a secret of one's own, one is made and told once; what fails is shown.
    let line = format!(
        "webhooks listen --forward-to http://127.0.0.1:1/ --after {first} --limit 1 -o jsonl"
    );
    let failed = home.run(&line).code(0).tells("signing secret: whsec_");
    let failed: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!(failed["status"], Value::Null);
    assert!(failed["error"].as_str().unwrap().contains("can't connect"), "{failed}");
    home.run("webhooks listen --forward-to nonsense").code(2);
    home.run("webhooks listen --forward-to http://127.0.0.1:1/ --json").code(2);
}
