//! Every value that a command takes, by the command tree itself, with all that it can't be: a
//! documented status, a clear message, nothing on standard output, nothing written.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::support::cli::{Ended, TestHome};
use crate::support::hub::Dump;

/// What a command needs beside the one value that is bad, by the names of its arguments; a flag has
/// no value. `ACCOUNT` and `WEBHOOK` are ids of what is there.
const NEEDS: &[(&str, &[(&str, &str)])] = &[
    ("connectors guide", &[("connector", "hubspot")]),
    ("connectors add", &[("connector", "hubspot"), ("--name", "new")]),
    ("connectors edit", &[("target", "hubspot"), ("--name", "x")]),
    ("connectors delete", &[("targets", "hubspot")]),
    ("connectors logs", &[("target", "hubspot")]),
    ("session create", &[("--provider", "hubspot"), ("--origin-owner-id", "x")]),
    ("session wait", &[("id", "1")]),
    ("link create", &[("--provider", "hubspot"), ("--origin-owner-id", "x")]),
    (
        "accounts add",
        &[
            ("--provider", "hubspot"),
            ("--origin-owner-id", "x"),
            ("--set", "access_key=k"),
            ("--no-verify", ""),
        ],
    ),
    ("accounts update", &[("id", "ACCOUNT")]),
    ("accounts relink", &[("id", "ACCOUNT")]),
    ("accounts wait", &[("id", "ACCOUNT"), ("--for", "status=active")]),
    ("accounts logs", &[("id", "ACCOUNT")]),
    ("webhooks create", &[("--url", "https://a.example")]),
    ("webhooks update", &[("id", "WEBHOOK")]),
    ("webhooks redeliver", &[("--since", "1h")]),
    ("webhooks rotate-secret", &[("id", "WEBHOOK")]),
    ("webhooks listen", &[("--forward-to", "http://127.0.0.1:1/")]),
    ("webhooks verify", &[("--secret-file", "secret"), ("--signature", "x"), ("body", "secret")]),
    ("keys create", &[("name", "new"), ("--scope", "platform:read")]),
    ("oauth-apps set", &[("connector", "hubspot"), ("--set", "client_id=x")]),
    ("projects create", &[("name", "new")]),
    ("projects update", &[("name", "default")]),
    ("profile create", &[("name", "new"), ("--local", "")]),
    ("config set", &[("key", "output"), ("value", "json")]),
    ("auth login", &[("--profile", "far"), ("--no-verify", "")]),
    ("request", &[("method", "POST"), ("path", "/x"), ("--account", "ACCOUNT")]),
    ("api", &[("method", "POST"), ("path", "/nothing")]),
    ("doctor", &[("subject", "account"), ("id", "ACCOUNT")]),
    // It would not start with these files.
    ("serve", &[("--listen", "127.0.0.1:0"), ("--tls-cert", "secret"), ("--tls-key", "secret")]),
];

/// Arguments that can't stand beside another one.
const ALONE: &[(&str, &str, &str)] = &[
    ("session create", "--auth-config", "--provider"),
    ("link create", "--auth-config", "--provider"),
    ("link create", "--from", "--origin-owner-id"),
    ("accounts add", "--auth-config", "--provider"),
    ("webhooks redeliver", "deliveries", "--since"),
    ("webhooks verify", "--header-file", "--signature"),
    ("doctor", "subject", "id"),
];

/// Values that may be any text, or texts that are refused otherwise than with 2 or 3: the status
/// beside these.
const OTHERWISE: &[(&str, &str, i32)] = &[
    ("connectors list", "--search", 0),
    ("connectors available", "--search", 0),
    ("connectors available", "--auth", 0),
    ("connectors add", "--name", 0),
    ("connectors edit", "--name", 0),
    ("session create", "--origin-owner-id", 0),
    ("session create", "--origin-owner-name", 0),
    ("session create", "--origin-username", 0),
    ("session create", "--label", 0),
    ("session list", "--origin-owner-id", 0),
    ("link create", "--origin-owner-id", 0),
    ("link create", "--origin-owner-name", 0),
    ("link create", "--origin-username", 0),
    ("link create", "--label", 0),
    ("accounts list", "--origin-owner-id", 0),
    ("accounts export", "--origin-owner-id", 0),
    ("accounts add", "--origin-owner-id", 0),
    ("accounts add", "--origin-owner-name", 0),
    ("accounts add", "--origin-username", 0),
    ("accounts add", "--label", 0),
    ("accounts update", "--label", 0),
    ("accounts update", "--origin-owner-name", 0),
    ("accounts update", "--origin-username", 0),
    // An empty one takes it away.
    ("projects update", "--display-name", 0),
    ("projects update", "--accent-color", 0),
    ("projects update", "--logo", 0),
    // Nothing is proven by them.
    ("webhooks verify", "--signature", 6),
    ("webhooks verify", "--header-file", 6),
    ("webhooks verify", "body", 6),
    // Files that keep secrets, and certificates, are part of the hub's own state.
    ("store rotate-key", "--new-key-file", 13),
    ("auth login", "--key-file", 13),
    ("serve", "--tls-cert", 13),
    ("serve", "--tls-key", 13),
    // They are passed on as they are; a dry run sends nothing.
    ("request", "path", 0),
    ("request", "--field", 0),
    ("request", "--input", 0),
    ("api", "path", 0),
    ("api", "--field", 0),
    ("api", "--input", 0),
    // Looked at where they are used.
    ("", "--confirm", 0),
    ("", "--cacert", 0),
];

/// What makes files of its own from any name.
const MAKES_FILES: &[(&str, &str)] = &[("man", "--out"), ("", "--state"), ("", "--trace")];

/// One value that is bad.
type Bad = (&'static str, Vec<u8>);

/// Values that nothing can be.
fn texts(longest: usize) -> Vec<Bad> {
    vec![
        ("unknown", b"../../etc".to_vec()),
        ("empty", Vec::new()),
        ("no text", b"\xff\xfe".to_vec()),
        ("signs", "a\x1b[2J\x07\u{202e}".into()),
        ("long", vec![b'x'; longest]),
    ]
}

/// Files that hold no value: `huge` has a byte more than 1 MiB.
const FILES: [&str; 5] = ["huge", "latin1", "nul", "folder", "absent"];

/// All that an argument can't be; `whole` is everything, else what others of its kind do not try.
fn bad_of(argument: &Value, turn: usize, whole: bool) -> Vec<Bad> {
    let kind = argument["value"].as_str().unwrap();
    // Known words are compared with each of their kind, and a long text slowly.
    let is_word = !argument["values"].as_array().unwrap().is_empty();
    let mut all = texts(if is_word { 1_000 } else { 100_000 });
    if !whole {
        let unknown = all.remove(0);
        let other = all.swap_remove(turn % all.len());
        all = vec![unknown, other];
    }
    let before = match kind {
        "K=V|K=@FILE|K=-" => "access_key=@",
        "client_id=V|client_secret=@FILE" => "client_secret=@",
        "K=V" if argument["name"] == "--field" => "a=@",
        "@FILE" => "@",
        "FILE" | "FILE.csv" | "FILE|DIR" => "",
        "PATH" if argument["name"].as_str().unwrap().ends_with("key-file") => "",
        _ => return all,
    };
    all.extend(FILES.map(|name| (name, format!("{before}{name}").into_bytes())));
    all
}

/// One command line, with one value that is bad.
struct Case {
    command: String,
    argument: String,
    bad: &'static str,
    words: Vec<OsString>,
}

struct World {
    home: TestHome,
    /// Ids by the names that `NEEDS` gives them.
    ids: BTreeMap<&'static str, String>,
    commands: Vec<Value>,
}

impl World {
    fn new() -> Self {
        let home = TestHome::new();
        home.run("connectors enable hubspot").code(0);
        home.run("session create --provider hubspot --origin-owner-id o").code(0);
        home.run("profile create far --api-url http://127.0.0.1:1").code(0);
        let account = home.account("hubspot", "o", "--set access_key=k");
        let made = home.run("webhooks create --url https://a.example --json").code(0).json();
        let webhook = made["id"].as_str().unwrap().to_owned();
        home.file("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
        home.file("huge", vec![b'x'; (1 << 20) + 1]);
        home.file("latin1", b"\xe9");
        home.file("nul", b"a\0b");
        fs::create_dir(home.path().join("folder")).unwrap();
        let mut commands = home.run("commands --json").code(0).json().as_array().unwrap().clone();
        let global = home.run("commands --global --json").code(0).json();
        commands.push(serde_json::json!({"command": "", "effect": "read", "arguments": global}));
        Self { home, ids: [("ACCOUNT", account), ("WEBHOOK", webhook)].into(), commands }
    }

    /// Everything that the home keeps.
    fn kept(&self) -> (Dump, Vec<(String, Vec<u8>)>) {
        let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(self.home.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
            .filter(|(name, _)| !name.starts_with("hubctl.db"))
            .map(|(name, path)| (name, fs::read(path).unwrap_or_default()))
            .collect();
        files.sort();
        (self.home.dump(), files)
    }

    fn cases(&self, whole: bool) -> Vec<Case> {
        let mut cases = Vec::new();
        // Arguments whose values have one name are read by the same code: they take turns.
        let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
        for command in &self.commands {
            let name = command["command"].as_str().unwrap();
            for argument in command["arguments"].as_array().unwrap() {
                let this = argument["name"].as_str().unwrap();
                if argument["kind"] == "flag" || MAKES_FILES.contains(&(name, this)) {
                    continue;
                }
                let turn = turns.entry(argument["value"].as_str().unwrap()).or_default();
                for (bad, value) in bad_of(argument, *turn, whole) {
                    let words = self.line(command, this, &OsString::from_vec(value));
                    let (command, argument) = (name.to_owned(), this.to_owned());
                    cases.push(Case { command, argument, bad, words });
                }
                *turn += 1;
            }
        }
        cases
    }

    /// The command line in which `this` argument has a value, and all others what they need.
    fn line(&self, command: &Value, this: &str, value: &OsString) -> Vec<OsString> {
        let name = command["command"].as_str().unwrap();
        let needs = NEEDS.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, needs)| needs);
        let needed = |other: &str| {
            let is_fine = !ALONE.contains(&(name, this, other)) && other != this;
            let found = needs.iter().find(|(of, _)| *of == other && is_fine);
            found.map(|(_, value)| self.ids.get(value).map_or(*value, String::as_str))
        };
        let mut words: Vec<OsString> = name.split_whitespace().map(OsString::from).collect();
        let mut rows: Vec<&str> = Vec::new();
        for argument in command["arguments"].as_array().unwrap() {
            let other = argument["name"].as_str().unwrap();
            rows.push(other);
            let is_missing = argument["required"] == true
                && other != this
                && !ALONE.contains(&(name, this, other));
            let given = needed(other);
            assert!(given.is_some() || !is_missing, "say in NEEDS what {other} of {name} can be");
            let given = if other == this { Some(value.clone()) } else { given.map(OsString::from) };
            match given {
                Some(given) if argument["kind"] == "positional" => words.push(given),
                Some(_) if argument["kind"] == "flag" => words.push(other.into()),
                Some(given) => words.extend([other.into(), given]),
                None => {}
            }
        }
        for (other, _) in needs.iter().filter(|(other, _)| !rows.contains(other)) {
            // A flag that every command takes.
            assert!(other.starts_with("--"), "{name} has no {other}");
            words.extend([other.into(), needed(other).unwrap().into()]);
        }
        let may_succeed = OTHERWISE.contains(&(name, this, 0)) && command["effect"] != "read";
        for (flag, is_set) in
            [("--yes", command["effect"] == "destructive"), ("--dry-run", may_succeed)]
        {
            words.extend(is_set.then(|| flag.into()));
        }
        if name.is_empty() {
            words.extend(["connectors", "list"].map(OsString::from));
        }
        words
    }

    /// Runs all of them, two at a time, and answers which were all refused in the usual way although
    /// `OTHERWISE` says something else.
    fn run(&self, cases: &[Case]) -> Vec<String> {
        let next = AtomicUsize::new(0);
        let unused = OTHERWISE.iter().map(|(command, argument, _)| (*command, *argument)).collect();
        let unused: Mutex<BTreeSet<(&str, &str)>> = Mutex::new(unused);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        // Where one never ends, this is the last line but one or two.
                        println!("{} {}: {}", case.command, case.argument, case.bad);
                        let ended = self.home.args(&case.words);
                        let of = (case.command.as_str(), case.argument.as_str());
                        if !matches!(ended.code, 2 | 3) {
                            unused.lock().unwrap().remove(&of);
                        }
                        check(case, &ended);
                    }
                });
            }
        });
        let unused = unused.into_inner().unwrap();
        unused.into_iter().map(|(command, argument)| format!("{command} {argument}")).collect()
    }
}

fn check(case: &Case, ended: &Ended) {
    let shown = || {
        let line: String = ended.line().chars().take(400).collect();
        let told: String = ended.stderr.chars().take(600).collect();
        format!("{}: {}, {told}\n{line}", case.bad, ended.code)
    };
    let of = |row: &&(&str, &str, i32)| row.0 == case.command && row.1 == case.argument;
    let also = OTHERWISE.iter().find(of).map(|row| row.2);
    assert!(matches!(ended.code, 2 | 3) || also == Some(ended.code), "{}", shown());
    assert!(ended.stderr.len() < 3_000, "{} bytes: {}", ended.stderr.len(), shown());
    let fine = |c: char| c == '\n' || !c.is_control() && c != '\u{202e}';
    assert!(ended.stderr.chars().all(fine), "{}", shown());
    assert!(!ended.stderr.contains("were not provided"), "NEEDS lacks something: {}", shown());
    if ended.code != 0 {
        // A server tells it in its log.
        let forms = ["error[", "{\"error\"", "\"level\":\"ERROR\""];
        let is_told = forms.iter().any(|form| ended.stderr.contains(form));
        assert!(is_told, "{}", shown());
        // What is wrong with a file is what was asked for.
        let is_finding = case.command == "connectors lint";
        assert!(ended.stdout.is_empty() || is_finding, "{}: {}", ended.stdout, shown());
    }
}

fn every_bad_value_is_refused(whole: bool) {
    let world = World::new();
    let cases = world.cases(whole);
    let before = world.kept();
    let unused = world.run(&cases);
    assert!(!whole || unused.is_empty(), "these are refused like all others: {unused:?}");
    assert!(world.kept() == before, "something is written");
}

#[test]
fn every_argument_refuses_bad_values() {
    every_bad_value_is_refused(false);
}

/// Each argument with each of them.
#[test]
#[ignore = "starts some 1,400 processes"]
fn every_argument_refuses_every_bad_value() {
    every_bad_value_is_refused(true);
}

#[test]
fn what_is_said_of_commands_is_true_of_the_tree() {
    let world = World::new();
    let has = |name: &str, argument: &str| {
        let command = world.commands.iter().find(|command| command["command"] == name);
        let command = command.unwrap_or_else(|| panic!("there is no command `{name}`"));
        command["arguments"].as_array().unwrap().iter().any(|row| row["name"] == argument)
    };
    for (name, needs) in NEEDS {
        for (argument, _) in *needs {
            assert!(has(name, argument) || has("", argument), "{name} has no {argument}");
        }
    }
    let rows = OTHERWISE.iter().map(|(name, argument, _)| (name, argument));
    for (name, argument) in rows.chain(MAKES_FILES.iter().map(|(name, argument)| (name, argument)))
    {
        assert!(has(name, argument), "{name} has no {argument}");
    }
}

#[test]
fn names_of_files_to_make_are_looked_at_first() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let file = home.file("file", "x").display().to_string();
    let long = "x".repeat(100_000);
    let within = format!("{file}/x");
    for (words, code) in [
        (["man", "--out", "", ""], 2),
        (["man", "--out", &long, ""], 2),
        (["man", "--out", &within, ""], 2),
        (["--state", "", "connectors", "list"], 2),
        (["--state", &long, "connectors", "list"], 13),
        (["--state", &within, "connectors", "list"], 13),
        (["--trace", "", "connectors", "list"], 2),
    ] {
        let until = if words[0] == "man" { 3 } else { 4 };
        let ended = home.args(&words[..until]).code(code);
        assert!(ended.stdout.is_empty() && ended.stderr.contains("error["), "{words:.40?}");
        assert!(ended.stderr.len() < 3_000, "{}", ended.stderr.len());
    }
}
