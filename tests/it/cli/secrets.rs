//! Threat 32, the command line's half: secrets appear in no output, not in the database file, and
//! not in the process list.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::support::cli::{Ended, TestHome};
use crate::support::serving::processes_below;

const PLANTED: [&str; 4] = [
    "Pl4nted+Client/Secret=1",
    "Pl4nted+Api/Key=2",
    "Pl4nted+Trigger/Token=3",
    "Pl4nted+New/Key=4",
];

/// The secret as it may appear.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut forms =
        vec![secret.to_owned(), url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()];
    // In Base64 a text has three forms, one for each place where it may begin.
    for skipped in 0..3 {
        let shifted = format!("{}{secret}", "x".repeat(skipped));
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&shifted);
            let end = text.len() / 4 * 4 - 4;
            // The ends depend on what stands beside the secret; a short one has nothing else.
            if end > 8 {
                forms.push(text[4..end].to_owned());
            }
        }
    }
    forms.into_iter().map(String::into_bytes).collect()
}

fn assert_free(bytes: &[u8], secrets: &[&str], place: &str) {
    for secret in secrets {
        for form in forms(secret) {
            let found = bytes.windows(form.len()).any(|window| window == form);
            assert!(!found, "{} is in {place}", String::from_utf8_lossy(&form));
        }
    }
}

#[test]
fn threat_32_planted_secrets_are_in_no_output_and_not_in_the_store() {
    let home = TestHome::new();
    for (at, secret) in PLANTED.iter().enumerate() {
        home.file(&format!("s{at}"), secret);
    }
    let add = "accounts add --provider bamboohr --origin-owner-id o --set subdomain=acme --no-verify --set";
    let lines = [
        "connectors enable bamboohr --json".to_owned(),
        "connectors add hubspot --auth oauth2 --set client_id=abc --set client_secret=@s0 --set external-trigger-token=@s2 -v --json".to_owned(),
        "connectors add hubspot --name x --auth oauth2 --set client_id=abc --set nope=@s0 --json -v".to_owned(),
        "connectors edit hubspot --set client_secret=@s3 --json --dry-run".to_owned(),
        "connectors edit hubspot --set client_secret=@s3 --json".to_owned(),
        format!("{add} api_key=@s1 --json --dry-run"),
        format!("{add} api_key=@s1 --json -v"),
        format!("{add} nope=@s1 --json -v"),
        format!("{add} api_key=@s3"),
        "connectors list --json".to_owned(),
        "connectors list -o yaml".to_owned(),
        "connectors get hubspot --json".to_owned(),
        "connectors get hubspot".to_owned(),
        "connectors disable hubspot --json".to_owned(),
        "connectors disable hubspot --yes --json".to_owned(),
        "accounts list --json".to_owned(),
        "accounts list -o wide".to_owned(),
        "accounts export".to_owned(),
        "accounts get ID --json".to_owned(),
        "accounts explain ID --json".to_owned(),
        "accounts explain ID -v".to_owned(),
        "accounts suspend ID --yes --json".to_owned(),
        "commands --json".to_owned(),
        "session list --json".to_owned(),
        "accounts delete ID --yes --json".to_owned(),
        "connectors delete hubspot --yes --json".to_owned(),
    ];
    for line in lines {
        let id = match line.contains("ID") {
            true => home.run("accounts list -o id").stdout.lines().next().unwrap_or("x").to_owned(),
            false => String::new(),
        };
        let ended = home.run(&line.replace("ID", &id));
        assert!(matches!(ended.code, 0 | 2 | 7), "{ended:?}");
        assert_free(ended.stdout.as_bytes(), &PLANTED, &line);
        assert_free(ended.stderr.as_bytes(), &PLANTED, &line);
        for end in ["", "-wal"] {
            let path = home.path().join(format!("hubctl.db{end}"));
            assert_free(
                &std::fs::read(path).unwrap_or_default(),
                &PLANTED,
                &format!("{line}{end}"),
            );
        }
    }
}

#[test]
fn threat_32_a_token_is_in_the_answer_that_makes_it_only() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let made = home.run("session create --provider hubspot --json -v").code(0);
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let secret = token.rsplit_once("hcs_1_").unwrap().1;
    assert_free(made.stderr.as_bytes(), &[secret], "stderr");
    for line in [
        "session list --json",
        "session get 1 --json",
        "session get 1",
        "session list -o wide",
        "session revoke 1 --yes --json",
    ] {
        let ended = home.run(line).code(0);
        assert_free(ended.stdout.as_bytes(), &[secret], line);
    }
    for name in ["hubctl.db", "hubctl.db-wal"] {
        assert_free(&std::fs::read(home.path().join(name)).unwrap_or_default(), &[secret], name);
    }
    let table = home.run("session create --provider hubspot -o table").code(0);
    assert!(!table.stdout.contains("TOKEN"), "{table:?}");
}

#[test]
fn threat_32_a_secret_on_the_command_line_is_warned_of() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let line =
        "accounts add --provider hubspot --origin-owner-id o --set access_key=Pl4nted --no-verify";
    let ended = home.run(line).code(0).tells("`access_key` stood on the command line");
    assert_free(ended.stderr.as_bytes(), &["Pl4nted"], "stderr");
    let line = "connectors add hubspot --auth oauth2 --set client_id=a --set client_secret=Pl4nted";
    home.run(line).code(0).tells("`client_secret` stood on the command line");
    for line in ["connectors add hubspot --set Pl4nted", "connectors add hubspot --set =Pl4nted"] {
        let ended = home.run(line).code(2);
        assert_free(ended.stderr.as_bytes(), &["Pl4nted"], line);
    }
}

#[test]
fn threat_32_no_process_that_the_demo_starts_is_given_a_secret() {
    let home = TestHome::new();
    let folder = home.path().join("tmp");
    std::fs::create_dir(&folder).unwrap();
    let home = home.with("TMPDIR", &folder);
    let mut demo = home.command(["demo", "--keep"]).spawn().unwrap();
    let mut seen = BTreeSet::new();
    while demo.try_wait().unwrap().is_none() {
        seen.extend(processes_below(demo.id()).into_iter().map(|(_, bytes)| bytes));
        std::thread::park_timeout(Duration::from_millis(2));
    }
    let shown = Ended::wait(demo).code(0).stdout;
    let word =
        |wanted: &[u8]| seen.iter().any(|one| one.split(|byte| *byte == 0).any(|w| w == wanted));
    assert!(word(b"serve") && seen.len() > 6, "{} were seen", seen.len());
    let left = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let files = ["master.key", "signing-secret.txt", "client-secret.txt"];
    let mut secrets = files.map(|name| std::fs::read_to_string(left.join(name)).unwrap()).to_vec();
    let (_, token) = shown.split_once("/connect/hcs_1_").unwrap();
    secrets.push(token.lines().next().unwrap().to_owned());
    let secrets: Vec<&str> = secrets.iter().map(|secret| secret.trim()).collect();
    for bytes in &seen {
        assert_free(bytes, &secrets, "the process list");
    }
}
