//! Formats, colours, widths and the watch.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;

use crate::support::cli::{TestHome, letters};

fn home() -> TestHome {
    let home = TestHome::new();
    home.run("connectors enable hubspot bamboohr").code(0);
    for owner in ["a", "b", "c"] {
        home.account("hubspot", owner, "--set access_key=x");
    }
    home.run("session create --provider hubspot").code(0);
    home.run("keys create ci").code(0);
    home
}

#[test]
fn every_list_and_item_has_every_format() {
    let home = home();
    let id = home.run("accounts list -o id --limit 1").stdout;
    let config = home.run("connectors list -o id --limit 1").stdout;
    for line in [
        "connectors list",
        "connectors available",
        "session list",
        "accounts list",
        "projects list",
        "keys list",
        "keys get ci",
        "commands",
        &format!("accounts get {id}"),
        "session get 1",
        "projects get default",
        &format!("connectors get {config}"),
        "connectors get rippling",
        "version",
        &format!("accounts explain {id}"),
        "explain-error",
        "accounts export",
    ] {
        for format in ["table", "wide", "json", "jsonl", "yaml", "csv", "tsv", "value", "id"] {
            let ended = home.run(&format!("{line} -o {format}")).code(0);
            assert!(ended.stdout.ends_with('\n'), "{ended:?}");
            let each = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            match format {
                "json" => drop(ended.json()),
                "jsonl" => ended.stdout.lines().map(each).for_each(drop),
                _ => {}
            }
        }
        let json = home.run(&format!("{line} --json")).code(0).json();
        let filtered = home.run(&format!("{line} --jq .")).code(0);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&filtered.stdout).ok(),
            Some(json),
            "{line}"
        );
    }
}

#[test]
fn rows_and_columns_are_chosen() {
    let home = home();
    let run = |line: &str| home.run(line).code(0);
    assert_eq!(run("accounts list --limit 2").stdout.lines().count(), 2);
    assert_eq!(run("accounts list --limit 0 --json").json().as_array().unwrap().len(), 0);
    assert_eq!(run("accounts list --columns owner").stdout, "a\nb\nc\n");
    assert_eq!(run("accounts list --sort -owner --columns owner").stdout, "c\nb\na\n");
    let fields = run("accounts list --fields origin_owner_id,id --json").json();
    let names: Vec<_> = fields[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names.len(), 2);
    let csv = run("accounts list --columns owner -o csv").stdout;
    assert_eq!(csv, "owner\na\nb\nc\n");
    assert_eq!(run("accounts list --columns owner -o csv --no-header").stdout, "a\nb\nc\n");
    let ids = run("accounts list -o id").stdout;
    let first = ids.lines().next().unwrap();
    assert_eq!(run(&format!("accounts list --after {first} -o id")).stdout, ids[first.len() + 1..]);
    for line in ["accounts list --after nope", "accounts export --after nope -o id"] {
        let refused = home.run(line).code(2).tells("`nope` is not the id of an account");
        assert_eq!(refused.stdout, "", "{line}");
    }
    let table = run("accounts list -o table").stdout;
    assert!(table.starts_with("ID ") && table.contains("PROVIDER"), "{table}");
    let quiet = run("session create --quiet");
    assert_eq!(quiet.stderr, "");
}

#[test]
fn the_id_of_a_write_is_what_the_next_command_takes() {
    let home = home();
    let config = home.run("connectors add bamboohr --auth api_key --name two -o id").code(0).stdout;
    let again = home.run(&format!("connectors disable {} --yes -o id", config.trim())).code(0);
    assert_eq!(again.stdout, config);
    let accounts = home.run("accounts list -o id").code(0).stdout;
    let line =
        "$H accounts list -o id | $H accounts suspend - --yes -o id | $H accounts resume - -o id";
    assert_eq!(home.shell(line).code(0).stdout, accounts);
}

#[test]
fn colours_are_for_terminals_unless_forced() {
    let home = home();
    let colored = |home: &TestHome, flags: &str| {
        home.run(&format!("accounts list -o table {flags}")).code(0).stdout.contains('\x1b')
    };
    assert!(!colored(&home, ""));
    assert!(colored(&home, "--color always"));
    let home = home.with("CLICOLOR_FORCE", "1");
    assert!(colored(&home, "") && !colored(&home, "--color never"));
    let home = home.with("NO_COLOR", "1");
    assert!(!colored(&home, "") && colored(&home, "--color always"));
    assert!(!home.run("accounts list --color always --json").stdout.contains('\x1b'));
}

#[test]
fn a_narrow_terminal_cuts_no_id() {
    let home = home().with("COLUMNS", "60");
    let ids = home.run("accounts list -o id").stdout;
    let mut session = home.terminal("accounts list --utc");
    let shown = session.exp_eof().unwrap();
    for id in ids.lines() {
        assert!(shown.contains(id), "{shown}");
    }
    assert!(shown.lines().all(|line| line.trim_end().chars().count() <= 60), "{shown}");
    let home = home.with("COLUMNS", "80");
    let records = home.run("events list --columns record").code(0).stdout;
    let shown = home.terminal("events list").exp_eof().unwrap();
    for id in records.lines() {
        assert!(shown.contains(id), "{shown}");
    }
    assert!(shown.lines().all(|line| line.trim_end().chars().count() <= 80), "{shown}");
}

#[test]
fn a_narrow_terminal_cuts_neither_what_happened_nor_what_help_says() {
    let home = home().with("COLUMNS", "60");
    let cut = home.terminal("connectors available").exp_eof().unwrap();
    assert!(letters(&cut).contains('…'), "{cut}");
    home.run("connectors disable bamboohr --yes").code(0);
    let shown = home.terminal("events list").exp_eof().unwrap();
    assert!(shown.contains("auth_config.disabled  ") && !letters(&shown).contains('…'), "{shown}");
    for line in ["help exit-codes", "help environment", "commands --all", "commands --global"] {
        let shown = home.terminal(line).exp_eof().unwrap();
        assert!(!letters(&shown).contains('…'), "{line}: {shown}");
        for row in shown.lines().map(str::trim_end) {
            assert!(row.chars().count() <= 60, "{line}: {row}");
        }
    }
    let wide = home.terminal("accounts list -o wide").exp_eof().unwrap();
    assert!(wide.contains("production") && !letters(&wide).contains('…'), "{wide}");
}

#[test]
fn a_terminal_is_told_what_a_list_leaves_out() {
    let home = home();
    for (line, told) in [
        ("accounts list", "3 accounts in default\r\n"),
        ("accounts list --origin-owner-id a", "1 account in default fits\r\n"),
        ("accounts list --status active --provider hubspot", "3 accounts in default fit\r\n"),
        ("accounts list --limit 2", "note: only the first 2 are shown; --all in place of --limit"),
        ("events list --limit 1", "for the newest: hubctl events list | tail\r\n"),
    ] {
        let shown = home.terminal(line).exp_eof().unwrap();
        assert!(shown.contains(told), "{line}: {shown:?}");
    }
}

#[test]
fn the_watch_shows_what_changes_once_and_ends_with_ctrl_c() {
    let home = home();
    let mut child =
        home.command("accounts list --watch --columns owner,status".split(' ')).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert_eq!([next(), next(), next()], ["a\tactive", "b\tactive", "c\tactive"]);
    home.account("hubspot", "d", "--set access_key=x");
    assert_eq!(next(), "d\tactive");
    let ids = home.run("accounts list -o id").stdout;
    home.run(&format!("accounts suspend {} --yes", ids.lines().next().unwrap())).code(0);
    assert_eq!(next(), "a\tsuspended");
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let status = child.wait().unwrap();
    // A shell tells the death by SIGINT as 130.
    assert!(status.signal() == Some(2) || status.code() == Some(130), "{status:?}");
}

#[test]
fn an_expression_that_asks_for_too_much_is_a_usage_error_and_gives_nothing() {
    let home = TestHome::new();
    for expression in [
        "\"a\" * 9e18",
        "\"a\" * 1e12",
        "\"a\" * 1000000000000",
        "[range(1e12)]",
        "1, (\"a\" * 10000000000000)",
    ] {
        let ended = home.args(["connectors", "list", "--jq", expression]).code(2);
        assert_eq!(ended.stdout, "", "{ended:?}");
        assert_eq!(ended.error()["code"], "usage.bad_jq");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    }
}

#[test]
fn what_a_call_of_the_api_answers_is_narrowed_or_refused_like_any_answer() {
    let home = home();
    let run = |line: &str| home.run(&format!("api GET /accounts {line}")).code(0);
    assert_eq!(run("--paginate --limit 1 --jq length").stdout, "1\n");
    assert_eq!(run("--limit 2").json().as_array().unwrap().len(), 2);
    let narrowed = run("--fields id,provider").json();
    assert_eq!(narrowed[0].as_object().unwrap().len(), 2, "{narrowed}");
    assert_eq!(run("--limit 1 --fields provider -o yaml").stdout, "- provider: hubspot\n");
    home.run("api GET /accounts --fields nope").code(2).tells("no field `nope`");
    let before = home.dump();
    for form in ["-o csv", "-o tsv", "-o table", "-o wide", "-o id", "--columns id"] {
        for call in ["api GET /accounts", "api POST /admin/projects -F name=x"] {
            let refused = home.run(&format!("{call} {form}")).code(2).tells("has no columns");
            assert_eq!(refused.stdout, "", "{call} {form}");
        }
    }
    assert_eq!(home.dump(), before, "nothing was sent");
    // What the environment prefers is for lists, and does not stop a call.
    let tables = home.with("HUBCTL_OUTPUT", "tsv");
    assert_eq!(tables.run("api GET /accounts").code(0).json().as_array().unwrap().len(), 3);
}

#[test]
fn a_guide_is_text_or_a_document_and_has_no_columns() {
    let home = TestHome::new();
    for format in ["csv", "tsv", "value", "id"] {
        let refused = home.run(&format!("connectors guide hubspot -o {format}")).code(2);
        assert_eq!(refused.tells("has no columns").stdout, "", "{format}");
    }
    home.run("connectors guide hubspot --json").code(0).json();
    for format in ["", "-o table", "-o yaml"] {
        home.run(&format!("connectors guide hubspot {format}")).code(0);
    }
    // What the environment prefers is for lists.
    home.with("HUBCTL_OUTPUT", "csv").run("connectors guide hubspot").code(0);
}

#[test]
fn a_guide_tells_what_can_be_chosen_and_what_an_end_user_registers() {
    let home = TestHome::new();
    let guide = |key: &str, whom: &str| {
        home.run(&format!("connectors guide {key} --for {whom}")).code(0).stdout
    };
    let told = guide("sendgrid", "end-user");
    assert!(
        told.contains("one of api.sendgrid.com (Global), api.eu.sendgrid.com (Europe)"),
        "{told}"
    );
    let told = guide("egnyte", "end-user");
    assert!(told.contains("/connect/oauth2/egnyte/callback"), "{told}");
    assert!(told.contains("  Scopes: Egnyte.filesystem Egnyte.user\n"), "{told}");
    assert!(!guide("egnyte", "admin").contains("Callback URL"), "it is the end user's");
    assert!(guide("ramp", "end-user").contains("  Scopes: business:read users:read\n"));
}

#[test]
fn an_export_has_of_each_account_what_is_shown_of_one_alone() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    for owner in ["a", "b"] {
        home.account("hubspot", owner, "--set access_key=x --metadata team=core");
    }
    let exported = home.run("accounts export").code(0).stdout;
    let rows =
        exported.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), 2);
    for row in rows {
        let alone = home.run(&format!("accounts get {} --json", row["id"].as_str().unwrap()));
        assert_eq!(row, alone.json());
        assert_eq!(row["metadata"]["team"], "core");
        assert!(row["credentials_updated_at"].is_string() && row["auth_config_name"].is_string());
    }
    let tags = home.run("accounts export --fields metadata --limit 1").code(0).stdout;
    assert_eq!(tags, "{\"metadata\":{\"team\":\"core\"}}\n");
}

/// A nightly export is one form, whatever those who run it like to read.
#[test]
fn a_usual_format_is_not_the_form_of_what_streams() {
    let mut home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    home.account("hubspot", "a", "--set access_key=x");
    let exported = home.run("accounts export").code(0).stdout;
    for format in ["csv", "id", "yaml", "json"] {
        home = home.with("HUBCTL_OUTPUT", format);
        assert_eq!(home.run("accounts export").code(0).stdout, exported, "{format}");
    }
    let rows = home.run("accounts export --jq .[].status").code(0).stdout;
    assert_eq!(rows, "active\n");
    assert!(home.run("accounts export -o csv").code(0).stdout.starts_with("id,"));
    assert!(home.run("accounts export --json").code(0).json().is_array());
    // One whole document would never be written.
    for format in ["json", "yaml"] {
        home = home.with("HUBCTL_OUTPUT", format);
        let row = home.run("accounts list --watch --limit 1 --fields status").code(0).stdout;
        assert_eq!(row, "{\"status\":\"active\"}\n", "{format}");
        for line in ["events tail", "logs tail", "webhooks listen --forward-to http://127.0.0.1:1/"]
        {
            home.run(&format!("{line} --limit 0")).code(0);
        }
        home.run("logs tail -o yaml").code(2).tells("-o jsonl");
    }
}
