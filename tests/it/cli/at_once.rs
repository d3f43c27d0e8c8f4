//! Many targets at a hub elsewhere: how many at the same time, and that nobody can tell by what is
//! shown.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::cli::{Ended, TestHome};
use crate::support::http::{Asked, FakeHub, Reply};
use crate::support::serving::{self, PATIENCE};

const KEY: &str = "v1.local.7_abcdefghijklmnopqrstuvwxyz";

/// Who is being answered.
#[derive(Default)]
struct Counts {
    now: usize,
    most: usize,
    answered: Vec<String>,
}

/// Keeps requests waiting for one another.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<Counts>, Condvar)>);

impl Gate {
    /// Answers once this holds, or nobody came for so long that it never will.
    fn pass(&self, asked: &Asked, patience: Duration, holds: impl Fn(&Counts) -> bool) {
        let (counts, changed) = &*self.0;
        let mut counts = counts.lock().unwrap();
        counts.now += 1;
        counts.most = counts.most.max(counts.now);
        changed.notify_all();
        let waits = |counts: &mut Counts| !holds(counts);
        let mut counts = changed.wait_timeout_while(counts, patience, waits).unwrap().0;
        counts.now -= 1;
        counts.answered.push(asked.route());
        changed.notify_all();
    }

    /// Waits until this holds.
    fn wait(&self, holds: impl Fn(&Counts) -> bool) {
        let (counts, changed) = &*self.0;
        let counts = counts.lock().unwrap();
        let waits = |counts: &mut Counts| !holds(counts);
        let waited = changed.wait_timeout_while(counts, PATIENCE, waits).unwrap().1;
        assert!(!waited.timed_out());
    }

    fn most(&self) -> usize {
        self.0.0.lock().unwrap().most
    }
}

/// A home that acts on this hub.
fn away(url: impl Into<std::ffi::OsString>, key: &str) -> TestHome {
    TestHome::new().with("HUBCTL_API_URL", url).with("HUBCTL_API_KEY", key)
}

fn resumed(asked: &Asked) -> Reply {
    let id = asked.path.split('/').nth(3).unwrap();
    Reply::json(
        200,
        &json!({
            "resource": format!("account/{id}"), "changed": true, "dry_run": false,
            "affected_accounts": 1, "operation_id": null, "before": null, "after": null,
        }),
    )
}

fn ids(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("a-{number}")).collect()
}

fn resources(json: &Value) -> Vec<&str> {
    let results = json.as_array().unwrap().iter();
    results.map(|result| result["resource"].as_str().unwrap()).collect()
}

#[track_caller]
fn in_order(ended: &Ended, count: usize) {
    let expected: Vec<String> = ids(count).iter().map(|id| format!("account/{id}")).collect();
    assert_eq!(resources(&ended.json()), expected);
}

#[test]
fn as_many_targets_as_allowed_are_handled_at_the_same_time() {
    let targets = ids(12).join(" ");
    for (flags, most) in [("--concurrency 8", 8), ("", 4), ("--concurrency 64", 12)] {
        let gate = Gate::default();
        let at = gate.clone();
        let hub = FakeHub::start(move |asked, _| {
            at.pass(asked, PATIENCE, |counts| counts.most >= most);
            resumed(asked)
        });
        let away = away(hub.url(), KEY);
        let ended = away.run(&format!("accounts resume {targets} {flags} --json")).code(0);
        in_order(&ended, 12);
        assert_eq!((gate.most(), hub.asked().len()), (most, 12), "{flags}");
    }
}

#[test]
fn one_at_a_time_is_one_at_a_time_and_so_is_what_shares_a_bound_or_a_key() {
    for (line, calls) in [
        ("accounts resume --concurrency 1", 5),
        // What one uses up of it is not left for the next; and all are counted first.
        ("accounts resume --concurrency 8 --max-affected 50", 10),
        // One of them may be the key that the command itself uses.
        ("keys enable --concurrency 8", 5),
    ] {
        let gate = Gate::default();
        let at = gate.clone();
        let hub = FakeHub::start(move |asked, _| {
            at.pass(asked, Duration::from_millis(40), |counts| counts.most > 1);
            resumed(asked)
        });
        let line = format!("{line} {} --json", ids(5).join(" "));
        let ended = away(hub.url(), KEY).run(&line).code(0);
        assert_eq!(resources(&ended.json()).len(), 5, "{line}");
        assert_eq!((gate.most(), hub.asked().len()), (1, calls), "{line}");
    }
}

#[test]
fn what_became_of_each_is_told_in_the_order_of_the_targets() {
    let gate = Gate::default();
    let hub = FakeHub::start(move |asked, _| {
        let id = asked.path.split('/').nth(3).unwrap();
        // The first one is answered last of all that can be on their way with it.
        let is_answered = |counts: &Counts, id: &str| {
            counts.answered.iter().any(|route| route.contains(&format!("/{id}/")))
        };
        gate.pass(asked, PATIENCE, |counts| match id {
            "a-1" => is_answered(counts, "a-2"),
            "a-2" => is_answered(counts, "a-4"),
            _ => true,
        });
        match id {
            "a-2" | "a-5" => Reply::refusal(404, Some("account.not_found"), "no such account"),
            _ => resumed(asked),
        }
    });
    let away = away(hub.url(), KEY);
    let line = format!("accounts resume {} --concurrency 4", ids(6).join(" "));
    let ended = away.run(&format!("{line} --json")).code(11);
    in_order(&ended, 6);
    let ok: Vec<bool> =
        ended.json().as_array().unwrap().iter().map(|result| result["ok"] == true).collect();
    assert_eq!(ok, [true, false, true, true, false, true]);
    assert_eq!(ended.json()[1]["error"]["code"], "account.not_found");
    assert_eq!(ended.error()["message"], "2 of 6 targets failed");
    assert_eq!(hub.asked().len(), 6);
    // The same for people: failures are told in the order of the targets as well.
    let told = away.run(&line).code(11).stderr;
    let (second, fifth) = (told.find("a-2").unwrap(), told.find("a-5").unwrap());
    assert!(second < fifth, "{told}");
}

#[test]
fn after_an_interruption_those_begun_are_finished_and_no_more() {
    for (count, code, begun) in [(12, 130, 4), (4, 0, 4)] {
        let gate = Gate::default();
        let open = Arc::new(AtomicBool::new(false));
        let (at, is_open) = (gate.clone(), Arc::clone(&open));
        let hub = FakeHub::start(move |asked, _| {
            at.pass(asked, PATIENCE, |_| is_open.load(Ordering::SeqCst));
            resumed(asked)
        });
        let away = away(hub.url(), KEY);
        let line = format!("accounts resume {} --concurrency 4", ids(count).join(" "));
        let mut child = away.command(line.split_whitespace()).spawn().unwrap();
        gate.wait(|counts| counts.now == 4);
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        // It is told as soon as the command knows.
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        told.read_line(&mut first).unwrap();
        assert!(first.contains("finishing what was begun"), "{first}");
        open.store(true, Ordering::SeqCst);
        gate.0.1.notify_all();
        let ended = Ended::wait(child).code(code);
        let cells = ended.stdout.split(['\t', '\n']);
        let resumed: Vec<&str> = cells.filter_map(|cell| cell.strip_prefix("account/")).collect();
        assert_eq!(resumed, ids(begun));
        assert_eq!(hub.asked().len(), begun);
        let mut rest = String::new();
        told.read_to_string(&mut rest).unwrap();
        assert_eq!(rest.contains("stopped after 4 targets"), code == 130, "{rest}");
    }
}

#[test]
fn where_the_hub_can_t_be_reached_the_rest_is_not_tried() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = away(format!("http://{nobody}"), KEY);
    for (line, tried) in [
        ("accounts resume --concurrency 4", 4),
        ("accounts resume --max-affected 50", 1),
        ("keys enable", 1),
    ] {
        let line = format!("{line} {} --retries 0", ids(12).join(" "));
        let ended = away.run(&format!("{line} --json")).code(10);
        assert_eq!(ended.error()["code"], "remote.unreachable", "{line}");
        let results = ended.json();
        let told: Vec<&str> = results.as_array().unwrap().iter().map(error_of).collect();
        assert_eq!(told.len(), 12, "{line}");
        let (first, rest) = told.split_at(tried);
        assert!(first.iter().all(|text| text.contains("can't be reached: ")), "{line}: {told:?}");
        assert!(rest.iter().all(|text| text.starts_with("not tried: ")), "{line}: {told:?}");
        let people = away.run(&line).code(10).stderr;
        let untried = 12 - tried;
        let left = format!("warning: not tried: {untried} targets, from a-{} on\n", tried + 1);
        assert!(people.contains(&left), "{people}");
        let all = format!("all 12 targets failed, {untried} of them not tried");
        assert!(people.contains(&all), "{people}");
    }
}

#[test]
fn an_answer_that_is_a_failure_keeps_no_other_target_from_being_tried() {
    let hub = FakeHub::start(|_, _| Reply::refusal(503, None, "not now"));
    let line = format!("accounts resume {} --retries 0 --json", ids(6).join(" "));
    let ended = away(hub.url(), KEY).run(&line).code(10);
    in_order(&ended, 6);
    assert_eq!(hub.asked().len(), 6);
}

/// Why a target failed.
fn error_of(result: &Value) -> &str {
    result["error"]["message"].as_str().unwrap()
}

/// A way to this hub on which some requests have a fate of their own.
fn way_to(
    serving: &serving::Serving,
    fate: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static,
) -> FakeHub {
    let address = serving.address;
    FakeHub::start(move |asked, _| {
        if let Some(reply) = fate(asked) {
            return reply;
        }
        let headers = format!("Authorization: {}\r\n", asked.header("authorization"));
        let mut hub = serving::Client::to(address);
        let answer = match asked.method.as_str() {
            "GET" => hub.get(&asked.path, &headers),
            _ => hub.post(&asked.path, &headers, std::str::from_utf8(&asked.body).unwrap()),
        };
        Reply::text(answer.status, "application/json", answer.body)
    })
}

#[test]
fn nothing_goes_on_beside_a_question() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let ids = ["a", "b"].map(|owner| home.account("hubspot", owner, "--set access_key=x"));
    let key = home.key("away", &["platform:read", "platform:write"]);
    let serving = home.serve("");
    let way = way_to(&serving, |_| None);
    let away = away(way.url(), &key);
    let line = format!("accounts suspend {} --concurrency 8", ids.join(" "));
    let mut session = away.terminal(&line);
    session.exp_string("[y/N]").unwrap();
    assert_eq!(way.asked().len(), 1);
    session.send("y\r").unwrap();
    session.flush().unwrap();
    session.exp_string("[y/N]").unwrap();
    // The first one is done before the second question.
    assert_eq!(way.asked().len(), 3);
    session.send("n\r").unwrap();
    session.flush().unwrap();
    session.exp_eof().unwrap();
    let suspended = home.run("accounts list --status suspended -o id").code(0).stdout;
    assert_eq!(suspended.trim(), ids[0]);
    // With consent there is no question.
    away.run(&format!("accounts suspend {} --yes", ids.join(" "))).code(0);
    serving.stop();
}

#[test]
fn links_of_a_file_come_in_the_order_of_its_lines_without_a_gap_or_a_double() {
    const OWNERS: usize = 950;
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let key = home.key("away", &["platform:read", "platform:write"]);
    let serving = home.serve("");
    let gate = Gate::default();
    let at = gate.clone();
    // The second step is refused when the third and the fourth are done.
    let way = way_to(&serving, move |asked| {
        let is_step = asked.method == "POST" && asked.param("dry_run").is_none();
        if !is_step {
            return None;
        }
        let body = String::from_utf8(asked.body.clone()).unwrap();
        let is_second = body.contains("\"owner-100\"");
        at.pass(asked, PATIENCE, |counts| match is_second {
            true => counts.answered.len() >= 3,
            false => counts.most >= 4,
        });
        is_second.then(|| Reply::refusal(409, None, "not now"))
    });
    let rows: String = (0..OWNERS).map(|row| format!("owner-{row}\n")).collect();
    let rows = format!("origin_owner_id\n{rows}");
    let away_from = |url: String| {
        let away = away(url, &key);
        away.file("f.csv", &rows);
        away
    };
    let line = "link create --provider hubspot --from f.csv";
    let ended = away_from(way.url()).run(line).code(6).tells("not now");
    let owners = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    };
    let expected: Vec<String> = (0..OWNERS).map(|row| format!("owner-{row}")).collect();
    assert_eq!(owners(&ended.stdout), expected[..100]);
    assert_eq!(gate.most(), 4);
    // Steps after the one that failed were done, and are not done again.
    let url = format!("http://{}", serving.address);
    let again = away_from(url).run(line).code(0);
    assert_eq!(owners(&again.stdout), expected);
    assert!(again.stdout.starts_with(&ended.stdout));
    let listed = home.run("session list --pending -o value --fields origin_owner_id").code(0);
    assert_eq!(listed.stdout.lines().count(), OWNERS);
    serving.stop();
}
