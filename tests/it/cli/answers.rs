//! What is told of a command beside its answer: secrets, writes that were done, failures in one
//! line.

use crate::support::cli::TestHome;

const DONE: &str = "the write was done; only its answer can't be shown: ";

#[test]
fn threat_32_an_expression_that_fails_shows_no_key() {
    let home = TestHome::new();
    for expression in [".key.foo", ".key | error", "error(.key)", "{(.key): 1} | .x.y.z | keys"] {
        let ended = home.args(["keys", "create", "lost", "--jq", expression]).code(2);
        assert_eq!((ended.stdout.as_str(), ended.stderr.contains("v1.")), ("", false), "{ended:?}");
        home.run("keys delete lost --yes").code(0);
    }
}

#[test]
fn a_write_whose_answer_cannot_be_shown_is_told_to_be_done() {
    let home = TestHome::new();
    let ended = home.args(["projects", "create", "one", "--jq", ".name.x"]).code(2);
    let told = ended.error()["message"].as_str().unwrap().to_owned();
    assert!(told.starts_with(DONE), "{told}");
    home.shell("$H projects create two > /dev/full").code(1).tells(DONE);
    home.shell("$H projects delete two --yes --json > /dev/full").code(1).tells(DONE);
    assert_eq!(home.run("projects list -o id").code(0).stdout, "default\none\n");
    // Nothing was written by these.
    for line in ["projects list", "projects create three -n"] {
        let ended = home.args(line.split(' ').chain(["--jq", "error"])).code(2);
        assert!(!ended.stderr.contains("was done"), "{ended:?}");
    }
    // What became of the targets weighs more.
    let ended = home.shell("$H projects delete one nosuch --yes --json > /dev/full").code(11);
    assert!(ended.stderr.contains("1 of 2 targets failed; what became of each"), "{ended:?}");
}

#[test]
fn a_failure_is_one_line_for_programs() {
    let home = TestHome::new();
    let ended = home.run("session create --provider deel --json");
    assert_ne!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    home.run("connectors enable hubspot").code(0);
    let made = home.run("session create --provider hubspot --json").code(0);
    made.tells("note: no origin owner given, using hubctl-");
}

#[test]
fn a_dry_run_is_told_from_a_real_one_and_hands_no_secret_out() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    home.run("webhooks create --url https://b.example").code(0);
    let before = home.dump();
    for line in [
        "projects create x",
        "profile create x --local",
        "keys create x",
        "keys create x --quiet",
        "session create --quiet",
        "link create",
        "webhooks create --url https://a.example --quiet",
        "accounts add --provider hubspot --origin-owner-id x --set access_key=x --no-verify",
    ] {
        home.run(&format!("{line} --dry-run --json")).code(0).tells("note: dry run: nothing was ");
    }
    for line in [
        "connectors disable hubspot",
        "connectors enable deel",
        "projects update default --allow-ip 10.0.0.1",
        "config set output json",
        "store rotate-key",
        "webhooks redeliver --since 1h",
    ] {
        home.run(&format!("{line} --dry-run")).code(0).tells("note: dry run: ");
    }
    for line in ["session create --print token", "link create --wait", "link create --print id"] {
        let refused = home.run(&format!("{line} -n")).code(2).tells("can't be used with --dry-run");
        assert_eq!(refused.stdout, "", "{line}");
    }
    assert_eq!(home.dump(), before);
}

#[test]
fn an_account_that_was_there_is_told_from_a_new_one() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let line = "accounts add --provider hubspot --origin-owner-id a --set access_key=x --no-verify";
    let skip = format!("{line} --json --if-exists skip");
    let first = home.run(&skip).code(0).json();
    assert_eq!(first["created"], true);
    let before = home.dump();
    let passed_over = home.run(&skip).code(0).tells("it is left as it is").json();
    assert_eq!((&passed_over["created"], &passed_over["id"]), (&false.into(), &first["id"]));
    let refused = home.run(&format!("{line} --if-exists fail --json")).code(6).error();
    assert_eq!(refused["code"], "account.exists");
    home.run(&format!("{line} --if-exists skip --multiple")).code(2);
    assert_eq!(home.dump(), before);
    let updated = home.run(&format!("{line} --json")).code(0).tells("it got the new credentials");
    assert_eq!(updated.json()["created"], false);
    let got = home.run(&format!("accounts get {} --json", first["id"].as_str().unwrap()));
    assert!(got.code(0).json().get("created").is_none(), "it is told by the create alone");
}

#[test]
fn the_mark_before_a_text_is_no_part_of_it() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let id = home.account("hubspot", "a", "--set access_key=x");
    home.piped("accounts delete - --yes", format!("\u{feff}{id}\n")).code(0);
    home.piped("projects create x --jq .name", "").code(0);
    home.piped("projects delete - --yes", "\u{feff}x\r\n").code(0);
}

#[test]
fn a_delivery_without_a_signature_is_told_both_ways_to_give_one() {
    let home = TestHome::new();
    home.file("secret", "x");
    let refused = home.run("webhooks verify --secret-file secret").code(2);
    refused.tells("--signature SIGNATURE").tells("--header-file FILE");
}
