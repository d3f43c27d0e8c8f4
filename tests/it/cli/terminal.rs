//! Questions: only on a terminal, and each way to answer them.

use rexpect::process::{Signal, WaitStatus};
use rexpect::session::PtySession;

use crate::support::cli::{TestHome, letters};

fn linked() -> TestHome {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    home.account("hubspot", "a", "--set access_key=x");
    home
}

fn code(session: PtySession) -> i32 {
    ended(session).0
}

/// How it ended, and what it showed last.
fn ended(mut session: PtySession) -> (i32, String) {
    let shown = session.exp_eof().unwrap();
    let code = match session.process().wait().unwrap() {
        WaitStatus::Exited(_, code) => code,
        WaitStatus::Signaled(_, signal, _) => 128 + signal as i32,
        other => panic!("{other:?}"),
    };
    (code, shown)
}

fn is_enabled(home: &TestHome) -> bool {
    home.run("connectors list --json").json()[0]["active"] == true
}

#[test]
fn a_disable_is_done_after_yes_only() {
    let home = linked();
    for (keys, expected) in [
        ("n\r", 7),
        ("\x1b", 7),
        ("\r", 7),
        ("\x03", 130),
        ("y\x1b", 7),
        ("y\x03", 130),
        ("xyz\r", 7),
        ("yes, no\r", 7),
        ("\x04", 7),
    ] {
        let mut session = home.terminal("connectors disable hubspot");
        session.exp_string("makes 1 linked account inactive").unwrap();
        session.exp_string("[y/N]").unwrap();
        session.send(keys).unwrap();
        session.flush().unwrap();
        let (code, shown) = ended(session);
        assert!(!shown.contains("[y/N]"), "asked twice: {shown:?}");
        assert_eq!(code, expected, "{keys:?}");
        assert!(is_enabled(&home), "{keys:?}");
    }
    for keys in ["y\r", "YES\r"] {
        home.run("connectors enable hubspot").code(0);
        let mut session = home.terminal("connectors disable hubspot");
        session.exp_string("[y/N]").unwrap();
        session.send(keys).unwrap();
        session.flush().unwrap();
        assert_eq!(code(session), 0, "{keys:?}");
        assert!(!is_enabled(&home), "{keys:?}");
    }
}

#[test]
fn an_answer_is_a_whole_line_of_which_the_shell_gets_nothing() {
    let home = linked();
    let question = "[y/N] ";
    for (keys, expected) in [("yes\n", "0 left <>"), ("nope\n", "7 left <>"), ("\x1b", "7 left <>")]
    {
        home.run("connectors enable hubspot").code(0);
        let line = "$H connectors disable hubspot; echo \"ended $?\"; read -t 0.2 -r rest";
        let mut session = shell(&home, &format!("{line}; echo \"left <$rest>\""));
        session.exp_string(question).unwrap();
        session.send(keys).unwrap();
        session.flush().unwrap();
        session.exp_string("ended ").unwrap();
        let shown = session.exp_eof().unwrap();
        assert_eq!(shown.split_whitespace().collect::<Vec<_>>().join(" "), expected, "{keys:?}");
    }
    home.run("connectors enable hubspot").code(0);
    assert_eq!(modes(&home, "connectors disable hubspot", question, "yes\n"), "0 icanon echo");
    home.run("connectors enable hubspot").code(0);
    assert_eq!(modes(&home, "connectors disable hubspot", question, "\x03"), "130 icanon echo");
}

#[test]
fn nothing_is_asked_in_ci_without_input_or_for_machines() {
    let home = linked();
    for flags in ["--no-input", "--json", "-o jsonl", "--jq ."] {
        let session = home.terminal(&format!("connectors disable hubspot {flags}"));
        assert_eq!(code(session), 7, "{flags}");
    }
    let home = home.with("CI", "1");
    assert_eq!(code(home.terminal("connectors disable hubspot")), 7);
    assert!(is_enabled(&home));
}

#[test]
fn ctrl_c_ends_the_questions_about_all_targets() {
    let home = linked();
    let other = home.account("hubspot", "b", "--set access_key=x");
    let first = home.account("hubspot", "c", "--set access_key=x");
    let mut session = home.terminal(&format!("accounts delete {first} {other}"));
    session.exp_string("[y/N]").unwrap();
    session.send("\x03").unwrap();
    session.flush().unwrap();
    assert_eq!(code(session), 130);
    home.run(&format!("accounts get {first} {other}")).code(0);
}

#[test]
fn connectors_to_enable_are_searched_and_marked() {
    let home = TestHome::new();
    let mut session = home.terminal("connectors enable");
    session.exp_string("Connectors to enable").unwrap();
    session.send("bamboohr\r").unwrap();
    session.flush().unwrap();
    session.exp_string("Done: 1 marked").unwrap();
    session.send("\r").unwrap();
    session.flush().unwrap();
    assert_eq!(code(session), 0);
    assert_eq!(home.run("connectors list --columns connector").stdout, "bamboohr\n");
    let mut session = home.terminal("connectors enable");
    session.exp_string("Connectors to enable").unwrap();
    session.send("\x1b").unwrap();
    session.flush().unwrap();
    assert_eq!(code(session), 7);
}

#[test]
fn a_terminal_that_does_not_redraw_gets_questions_but_no_list() {
    let home = linked().with("TERM", "dumb");
    let (status, shown) = ended(home.terminal("connectors enable"));
    assert_eq!(status, 2, "{shown}");
    assert!(shown.contains("usage.input_needed") && shown.contains("enable CONNECTOR"), "{shown}");
    assert!(!shown.contains("Connectors to enable"), "{shown}");
    let mut session = home.terminal("connectors disable hubspot");
    session.exp_string("[y/N]").unwrap();
    session.send("n\r").unwrap();
    session.flush().unwrap();
    assert_eq!(code(session), 7);
}

#[test]
fn a_list_to_choose_from_fits_a_narrow_screen() {
    let home = TestHome::new();
    let script = "stty rows 12 cols 40; $H connectors enable; echo ended";
    let mut session = shell(&home, script);
    session.exp_string("Connectors to enable").unwrap();
    session.send("\x1b").unwrap();
    session.flush().unwrap();
    let shown = session.exp_string("ended").unwrap();
    let is_item = |line: &&str| line.starts_with("> ") || line.starts_with("  ");
    let items: Vec<&str> = shown.lines().map(str::trim_end).filter(is_item).collect();
    assert!((2..=9).contains(&items.len()), "{shown:?}");
    for item in items {
        assert!(letters(item).chars().count() < 40, "{item:?}");
    }
}

#[test]
fn threat_32_a_secret_that_is_typed_is_not_shown() {
    let home = linked();
    let mut session =
        home.terminal("accounts add --provider hubspot --origin-owner-id new --no-verify");
    session.exp_string(":").unwrap();
    session.send_line("typed-s3cret").unwrap();
    let shown = session.exp_eof().unwrap();
    assert!(!shown.contains("typed-s3cret"), "{shown}");
    assert!(shown.contains("Linked"), "{shown}");
}

/// What the terminal says of itself: whether it shows what is typed, and gives whole lines.
fn modes(home: &TestHome, line: &str, question: &str, keys: &str) -> String {
    let mut session = shell(
        home,
        &format!("$H {line}; echo \"ended $?\"; stty -a | grep -oE -- '-?(echo|icanon)\\b'"),
    );
    session.exp_string(question).unwrap();
    session.send(keys).unwrap();
    session.flush().unwrap();
    session.exp_string("ended ").unwrap();
    session.exp_eof().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A shell on a terminal that shows what is typed; `$H` is hubctl.
fn shell(home: &TestHome, script: &str) -> PtySession {
    let script = format!("stty echo; {script}");
    let mut command = std::process::Command::new("bash");
    command
        .args(["-c", &script])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TERM", "xterm")
        .env("H", env!("CARGO_BIN_EXE_hubctl"))
        .env("HUBCTL_CONFIG_DIR", home.path())
        .current_dir(home.path());
    rexpect::session::spawn_command(command, Some(30_000)).unwrap()
}

#[test]
fn ctrl_c_at_a_secret_ends_the_command_and_leaves_the_terminal_as_it_was() {
    let home = linked();
    let line = "accounts add --provider hubspot --origin-owner-id new --no-verify";
    // The shell is told of the signal too, and goes on since the command ended by itself.
    assert_eq!(modes(&home, line, ":", "\x03"), "130 icanon echo");
    assert_eq!(modes(&home, line, ":", "typed\n"), "0 icanon echo");
    assert_eq!(home.run("accounts list -o id").stdout.lines().count(), 2);
}

#[test]
fn what_ends_a_process_at_a_question_leaves_the_terminal_as_it_was() {
    let home = linked();
    let secret = "accounts add --provider hubspot --origin-owner-id new --no-verify";
    for (line, question) in [
        (secret, ":"),
        ("connectors disable hubspot", "[y/N]"),
        ("connectors enable", "Connectors to enable"),
    ] {
        for signal in ["-TERM", "-HUP"] {
            let script = format!(
                "(echo $BASHPID > pid; exec $H {line}); echo \"ended $?\"; \
                 stty -a | grep -oE -- '-?(echo|icanon)\\b'"
            );
            let mut session = shell(&home, &script);
            session.exp_string(question).unwrap();
            // The question is waited at after it is shown, by far less than this.
            std::thread::park_timeout(std::time::Duration::from_millis(300));
            let pid = std::fs::read_to_string(home.path().join("pid")).unwrap();
            let sent = std::process::Command::new("kill").args([signal, pid.trim()]).status();
            assert!(sent.unwrap().success());
            let shown = session.exp_string("ended ").unwrap();
            assert!(shown.contains("error[terminated]"), "{line} {signal}: {shown:?}");
            assert!(shown.contains("\x1b[?25h"), "{line} {signal}: {shown:?}");
            let rest = session.exp_eof().unwrap();
            let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(rest, "143 icanon echo", "{line} {signal}");
        }
    }
    assert!(is_enabled(&home));
    assert_eq!(home.run("accounts list -o id").stdout.lines().count(), 1);
}

#[test]
fn what_ends_a_process_ends_the_questions_about_all_targets() {
    let home = linked();
    let other = home.account("hubspot", "b", "--set access_key=x");
    let first = home.account("hubspot", "c", "--set access_key=x");
    let mut session = home.terminal(&format!("accounts delete {first} {other}"));
    session.exp_string("[y/N]").unwrap();
    session.process_mut().signal(Signal::SIGTERM).unwrap();
    assert_eq!(code(session), 143);
    home.run(&format!("accounts get {first} {other}")).code(0);
}

#[test]
fn after_an_answer_the_first_ctrl_c_waits_for_the_write_and_the_second_does_not() {
    for (signals, expected) in [(1, 0), (2, 130)] {
        let home = linked();
        // Somebody else writes, so that this write has to wait.
        let other = rusqlite::Connection::open(home.store()).unwrap();
        let mut session = home.terminal("connectors disable hubspot");
        session.exp_string("[y/N]").unwrap();
        other.execute_batch("begin immediate").unwrap();
        session.send("yes\r").unwrap();
        session.flush().unwrap();
        session.exp_string("yes").unwrap();
        // The answer is shown before the write begins, by far less than this.
        std::thread::park_timeout(std::time::Duration::from_millis(500));
        for _ in 0..signals {
            session.process_mut().signal(Signal::SIGINT).unwrap();
            std::thread::park_timeout(std::time::Duration::from_millis(100));
        }
        other.execute_batch("rollback").unwrap();
        assert_eq!(code(session), expected);
        assert_eq!(is_enabled(&home), expected != 0);
    }
}

#[test]
fn missing_fields_of_an_auth_config_are_asked_for() {
    let home = TestHome::new();
    let mut session = home.terminal("connectors add hubspot --auth oauth2");
    session.exp_string("lient").unwrap();
    session.send_line("my-id").unwrap();
    session.exp_string("ecret").unwrap();
    session.send_line("typed-s3cret").unwrap();
    let shown = session.exp_eof().unwrap();
    assert!(!shown.contains("typed-s3cret"), "{shown}");
    assert!(shown.contains("Added"), "{shown}");
}

#[test]
fn a_terminal_table_has_a_header_and_hides_nothing_but_risky_signs() {
    let home = TestHome::new();
    home.args([
        "session",
        "create",
        "--origin-owner-id",
        "o",
        "--origin-owner-name",
        "\x1b]0;x\x07\u{9b}2J",
    ])
    .code(0);
    for format in ["", "-o wide", "-o yaml", "-o json", "-o csv", "-o tsv", "--jq ."] {
        let mut session = home.terminal(&format!("session list --color never {format}"));
        let shown = session.exp_eof().unwrap();
        assert!(
            !shown.contains("\x1b]0;") && !shown.contains('\u{9b}') && !shown.contains('\x07'),
            "{format}: {shown:?}"
        );
    }
}
