//! The server is killed under load, again and again: what it has answered is there afterwards.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::cli::TestHome;
use crate::support::serving::{Answer, Client};

use super::calls::{self, Things};
use super::{Api, SCOPES, each, text};

/// Answers in a round before the server is killed.
const ENOUGH: usize = 60;

/// What the server has acknowledged.
#[derive(Debug, Default)]
struct Promised {
    sessions: BTreeSet<String>,
    linked: BTreeSet<String>,
    deleted: BTreeSet<String>,
}

/// One client on a connection of its own, until the server is gone.
struct Writer<'a> {
    api: &'a Api,
    client: Client<std::net::TcpStream>,
    answered: &'a AtomicUsize,
}

impl Writer<'_> {
    fn ask(&mut self, method: &str, path: &str, body: Option<&Value>) -> Option<Answer> {
        let request = self.api.request(method, path, body);
        self.client.send(request).ok()?;
        let answer = self.client.answer().ok()?;
        assert!(answer.status < 300, "{}", answer.text());
        self.answered.fetch_add(1, Ordering::Relaxed);
        Some(answer)
    }

    fn mint(&mut self, owner: &str) -> Promised {
        let mut promised = Promised::default();
        while let Some(made) = self.ask("POST", "/connect_sessions", Some(&calls::session(owner))) {
            promised.sessions.insert(text(&made.json(), "id"));
        }
        promised
    }

    /// Counts in an account's label, and answers the last number that was acknowledged.
    fn count(&mut self, account: &str, from: u64) -> u64 {
        let mut last = from;
        let path = format!("/accounts/{account}");
        while let Some(answer) =
            self.ask("PATCH", &path, Some(&json!({ "label": (last + 1).to_string() })))
        {
            last += 1;
            assert_eq!(answer.json()["label"], last.to_string());
        }
        last
    }

    /// Links accounts and deletes every other one of them.
    fn come_and_go(&mut self, owner: &str, config: &str) -> Promised {
        let mut promised = Promised::default();
        for number in 0.. {
            let body = calls::account(&format!("{owner}-{number}"), config);
            let Some(made) = self.ask("POST", "/admin/accounts", Some(&body)) else { break };
            let id = text(&made.json(), "id");
            if number % 2 == 0 {
                promised.linked.insert(id);
            } else if self.ask("DELETE", &format!("/accounts/{id}"), None).is_some() {
                promised.deleted.insert(id);
            }
        }
        promised
    }
}

fn kill_nine(home: &TestHome, rounds: usize) {
    let key = home.key("everything", &SCOPES);
    let mut promised = Promised::default();
    let mut things: Option<[Things; 2]> = None;
    let mut counts = [0; 2];
    for round in 0..rounds {
        let serving = home.serve("--rate-limit 0");
        let api = &Api::with(&serving, &key);
        let things = things.get_or_insert_with(|| ["one", "two"].map(|tag| Things::make(api, tag)));
        for (things, count) in things.iter().zip(&mut counts) {
            let found = api.get(&format!("/accounts/{}", things.account)).status(200).json();
            let label: u64 = found["label"].as_str().map_or(0, |label| label.parse().unwrap());
            // The one on its way may have been written, and nobody was told.
            assert!((*count..=*count + 1).contains(&label), "{label} after {count} was promised");
            *count = label;
        }
        let answered = &AtomicUsize::new(0);
        let writer = || Writer { api, client: serving.connect(), answered };
        std::thread::scope(|scope| {
            let minting = ["a", "b", "c"].map(|owner| {
                let mut writer = writer();
                scope.spawn(move || writer.mint(&format!("{owner}-{round}")))
            });
            let counting: Vec<_> = things
                .iter()
                .zip(counts)
                .map(|(things, from)| {
                    let mut writer = writer();
                    scope.spawn(move || writer.count(&things.account, from))
                })
                .collect();
            let moving = things.clone().map(|things| {
                let mut writer = writer();
                let owner = format!("{}-{round}", things.tag);
                scope.spawn(move || writer.come_and_go(&owner, &things.config))
            });
            while answered.load(Ordering::Relaxed) < ENOUGH {
                assert!(!counting.iter().any(std::thread::ScopedJoinHandle::is_finished));
                std::thread::yield_now();
            }
            serving.signal("KILL");
            for thread in minting.into_iter().chain(moving) {
                let Promised { sessions, linked, deleted } = thread.join().unwrap();
                promised.sessions.extend(sessions);
                promised.linked.extend(linked);
                promised.deleted.extend(deleted);
            }
            for (thread, count) in counting.into_iter().zip(&mut counts) {
                *count = thread.join().unwrap();
            }
        });
    }
    let ids = |line: &str| -> BTreeSet<String> {
        each(&home.run(line).code(0).json(), "id").into_iter().collect()
    };
    let (sessions, accounts) = (ids("session list --json"), ids("accounts list --json"));
    let lost: Vec<_> = promised.sessions.difference(&sessions).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let lost: Vec<_> = promised.linked.difference(&accounts).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let back: Vec<_> = promised.deleted.intersection(&accounts).collect();
    assert!(back.is_empty(), "{back:?}");
    let each_did = [&promised.sessions, &promised.linked, &promised.deleted];
    assert!(each_did.iter().all(|all| all.len() >= rounds) && counts.iter().all(|n| *n > 0));
    // The command line goes on where the server was.
    home.run("session create --provider hubspot --origin-owner-id z --origin-owner-name Z").code(0);
    for account in promised.linked.iter().take(3) {
        home.run(&format!("accounts suspend {account} --yes")).code(0);
        home.run(&format!("accounts delete {account} --yes")).code(0);
    }
}

#[test]
fn d_1_kill_9_twenty_times_loses_no_answered_write() {
    let home = TestHome::new();
    kill_nine(&home, 20);
    let store = rusqlite::Connection::open(home.store()).unwrap();
    let sound: String = store.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let broken = store.prepare("pragma foreign_key_check").unwrap().exists([]).unwrap();
    assert!(!broken, "a row refers to one that is not there");
}

#[test]
fn d_1_kill_9_of_the_server_alone_loses_no_answered_write_on_postgresql() {
    kill_nine(&TestHome::postgres(), 3);
}
