//! Ctrl-C while a command writes without having asked anything: the first one waits for the write
//! and says so, the second one does not. Between many targets, what else ends a process does the
//! same.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::cli::TestHome;
use crate::support::serving::PATIENCE;

const NOTE: &str = "note: finishing what was begun; Ctrl-C again ends it at once";

const SIGHUP: u32 = 1;
const SIGINT: u32 = 2;
const SIGTERM: u32 = 15;

fn send(child: &Child, signal: u32) {
    let signal = format!("-{signal}");
    let sent = Command::new("kill").args([signal, child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Sends SIGINT, as a terminal does for Ctrl-C.
fn interrupt(child: &Child) {
    send(child, SIGINT);
}

/// Waits until the process itself takes SIGINT down, which is from where it writes on.
fn wait_until_kept(child: &Child) {
    wait_until_caught(child, SIGINT);
}

/// Waits until the process itself takes the signal down.
fn wait_until_caught(child: &Child, signal: u32) {
    let until = Instant::now() + PATIENCE;
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        // The lowest bit is that of the first signal.
        if u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << (signal - 1)) != 0 {
            return;
        }
        assert!(Instant::now() < until, "the command never came to its write");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Interrupts a command whose write has to wait for somebody else's; answers its code, and what it
/// told on standard error.
fn interrupted(at: &TestHome, store: &TestHome, line: &str, times: usize) -> (i32, String) {
    let other = rusqlite::Connection::open(store.store()).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let mut command = at.command(line.split_whitespace());
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    wait_until_kept(&child);
    interrupt(&child);
    let mut first = String::new();
    if !line.contains("--quiet") && !line.contains("--json") {
        // It is told at once, and not when the write has ended.
        first = told.find_map(|line| line.ok().filter(|line| line == NOTE)).unwrap();
    }
    if times > 1 {
        interrupt(&child);
        let status = child.wait().unwrap();
        other.execute_batch("rollback").unwrap();
        return (status.code().unwrap(), first);
    }
    other.execute_batch("rollback").unwrap();
    let rest: Vec<String> = told.map_while(Result::ok).collect();
    (child.wait().unwrap().code().unwrap(), format!("{first}\n{}", rest.join("\n")))
}

fn names(home: &TestHome) -> Vec<String> {
    let all = home.run("projects list -o id").code(0).stdout;
    all.lines().map(str::to_owned).collect()
}

#[test]
fn the_first_ctrl_c_lets_a_write_finish_and_the_second_ends_it() {
    let home = TestHome::new();
    home.run("projects create before").code(0);
    let (code, told) = interrupted(&home, &home, "projects create first", 1);
    assert_eq!((code, told.matches(NOTE).count()), (0, 1), "{told}");
    let (code, _) = interrupted(&home, &home, "projects create second", 2);
    assert_eq!(code, 130);
    let (code, told) = interrupted(&home, &home, "projects create third --quiet", 1);
    assert_eq!((code, told.trim()), (0, ""));
    // Programs are told of failures alone.
    let (code, told) = interrupted(&home, &home, "projects create fourth --json", 1);
    assert_eq!((code, told.trim()), (0, ""));
    assert_eq!(names(&home), ["before", "default", "first", "fourth", "third"]);
}

#[test]
fn the_same_over_the_network() {
    let home = TestHome::new();
    let key = home.key("away", &["admin", "projects:write", "platform:read"]);
    let serving = home.serve("");
    let away = TestHome::new()
        .with("HUBCTL_API_URL", format!("http://{}", serving.address))
        .with("HUBCTL_API_KEY", key);
    let (code, told) = interrupted(&away, &home, "projects create first", 1);
    assert_eq!((code, told.matches(NOTE).count()), (0, 1), "{told}");
    assert_eq!(names(&home), ["default", "first"]);
    // Who ends it for good does not know what became of it.
    let (code, _) = interrupted(&away, &home, "projects create second", 2);
    assert_eq!(code, 130);
    serving.stop();
}

#[test]
fn of_many_targets_those_begun_are_finished_and_no_more() {
    let home = TestHome::new();
    home.run("projects create one").code(0);
    home.run("projects create two").code(0);
    let (code, told) = interrupted(&home, &home, "projects delete one two --yes", 1);
    assert_eq!(code, 130, "{told}");
    assert!(told.contains("stopped after 1 target"), "{told}");
    assert_eq!(names(&home), ["default", "two"]);
}

/// Deletes two projects while somebody else writes, and sends these signals before that one is
/// done; answers the code, and what became of the targets.
fn deletion_ended(home: &TestHome, within: &[&str], signals: &[u32]) -> (i32, Value) {
    let other = rusqlite::Connection::open(home.store()).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let deletion = home.command(["projects", "delete", "one", "two", "--yes", "--json"]);
    let mut command = Command::new(within[0]);
    command
        .args(&within[1..])
        .arg(deletion.get_program())
        .args(deletion.get_args())
        .env_clear()
        .envs(deletion.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let child = command.spawn().unwrap();
    wait_until_caught(&child, SIGTERM);
    for signal in signals {
        // What takes it down is in place by then, and one is taken down before the next, by far.
        std::thread::park_timeout(Duration::from_millis(300));
        send(&child, *signal);
    }
    std::thread::park_timeout(Duration::from_millis(300));
    if signals.len() == 1 {
        other.execute_batch("rollback").unwrap();
    }
    let output = child.wait_with_output().unwrap();
    let code = output.status.code().or_else(|| output.status.signal().map(|s| 128 + s)).unwrap();
    (code, serde_json::from_slice(&output.stdout).unwrap_or_default())
}

#[test]
fn what_ends_a_process_lets_targets_that_were_begun_finish_and_tells_of_them() {
    // Whatever these tests themselves are to outlive.
    let usual = ["/usr/bin/env", "--default-signal"];
    for signal in [SIGTERM, SIGHUP] {
        let home = TestHome::new();
        home.run("projects create one").code(0);
        home.run("projects create two").code(0);
        let (code, results) = deletion_ended(&home, &usual, &[signal]);
        assert_eq!(code, 143, "{results}");
        assert_eq!(results.as_array().unwrap().len(), 1, "{results}");
        assert_eq!(
            (&results[0]["resource"], &results[0]["ok"]),
            (&json!("project/one"), &json!(true))
        );
        assert_eq!(names(&home), ["default", "two"]);
    }
    let home = TestHome::new();
    home.run("projects create one").code(0);
    home.run("projects create two").code(0);
    // The second one ends it at once, whichever it is.
    assert_eq!(deletion_ended(&home, &usual, &[SIGTERM, SIGTERM]).0, 143);
    assert_eq!(deletion_ended(&home, &usual, &[SIGTERM, SIGINT]).0, 130);
    assert_eq!(names(&home), ["default", "one", "two"]);
    // A hang-up that is to be outlived stops nothing.
    let (code, results) = deletion_ended(&home, &["/usr/bin/nohup"], &[SIGHUP]);
    assert_eq!((code, results.as_array().map(Vec::len)), (0, Some(2)), "{results}");
    assert_eq!(names(&home), ["default"]);
}

#[test]
fn what_only_reads_ends_at_the_first_ctrl_c() {
    let home = TestHome::new();
    home.run("projects create one").code(0);
    let mut command = home.command(["events", "tail", "-o", "jsonl"]);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        interrupt(&child);
        assert!(Instant::now() < until, "it goes on");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let status = child.wait().unwrap();
    assert!(status.signal() == Some(2) || status.code() == Some(130), "{status:?}");
}
