//! Commands that show what comes until Ctrl-C: nothing is lost, and they end when they should.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use hubctl::cli::schemas;
use serde_json::{Value, json};

use crate::support::cli::TestHome;
use crate::support::http::{Asked, FakeHub, Reply};
use crate::support::serving::PATIENCE;

/// Ends a command that goes on where it should have ended, with status 124.
const BOUND: &str = "timeout 50";

fn ready(owners: u32) -> TestHome {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    for owner in 0..owners {
        home.account("hubspot", &format!("o-{owner}"), "--set access_key=x");
    }
    home
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A client of the hub, which is never patient.
fn away(hub: &FakeHub) -> TestHome {
    TestHome::new()
        .with("HUBCTL_API_URL", hub.url())
        .with("HUBCTL_API_KEY", "v1.local.7_abcdefghijklmnopqrstuvwxyz")
        .with("HUBCTL_RETRIES", "0")
}

#[test]
fn a_limit_counts_over_the_whole_run_and_ends_it() {
    let home = ready(4);
    let all = home.run("events list -o id").code(0).stdout;
    let ids: Vec<&str> = all.lines().collect();
    let line = format!("{BOUND} $H events tail --after {} --limit 3 -o id", ids[0]);
    assert_eq!(home.shell(&line).code(0).stdout.lines().collect::<Vec<_>>(), ids[1..4]);
    let line = format!("{BOUND} $H events tail --since 1h --limit 4 -o id");
    assert_eq!(home.shell(&line).code(0).stdout.lines().collect::<Vec<_>>(), ids[..4]);
    let listed = home.shell(&format!("{BOUND} $H accounts list --watch --limit 3 -o id")).code(0);
    assert_eq!(listed.stdout, home.run("accounts list --limit 3 -o id").stdout);
    for line in [
        "events tail --limit 0",
        "logs tail --limit 0",
        "accounts list --watch --limit 0",
        "webhooks listen --forward-to http://127.0.0.1:1/ --limit 0",
    ] {
        assert_eq!(home.shell(&format!("{BOUND} $H {line} -o jsonl")).code(0).stdout, "", "{line}");
    }
}

#[test]
fn a_log_that_is_followed_has_every_row() {
    let home = ready(0);
    let key = home.key("ci", &["platform:read"]);
    let serving = home.serve("");
    for _ in 0..5 {
        serving.get_with(&key, "/accounts").status(200);
    }
    // A reader within the server waits for rows on their way; another process can't.
    serving.get_with(&key, "/requests/platform-logs?page_size=1").status(200);
    let number = |row: &Value| row["number"].as_i64().unwrap();
    let mut all: Vec<i64> =
        rows(&home.run("logs list -o jsonl").stdout).iter().map(number).collect();
    all.sort_unstable();
    let tail = |flags: &str| {
        let ended = home.shell(&format!("{BOUND} $H logs tail {flags} -o jsonl")).code(0);
        rows(&ended.stdout).iter().map(number).collect::<Vec<_>>()
    };
    assert_eq!(tail("--lines 5 --limit 2"), all[all.len() - 2..], "the latest ones");
    assert_eq!(tail(&format!("--after {} --limit 2", all[0])), all[1..3]);
    assert_eq!(tail(&format!("--after {} --limit 1", all[1])), all[2..3]);
    serving.stop();
}

/// How it ended, which it has to by itself.
fn ended(mut child: Child) -> Option<i32> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("it goes on although nobody reads");
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_pipe_ends_a_follower_although_nothing_comes() {
    let home = ready(0);
    let key = home.key("ci", &["platform:read"]);
    let serving = home.serve("");
    let away = TestHome::new()
        .with("HUBCTL_API_URL", format!("http://{}", serving.address))
        .with("HUBCTL_API_KEY", key);
    for home in [&home, &away] {
        for line in [
            "events tail",
            "logs tail --lines 0",
            "accounts list --watch",
            "webhooks listen --forward-to http://127.0.0.1:1/",
        ] {
            let mut command = home.command(line.split_whitespace());
            let mut child = command.stderr(Stdio::null()).spawn().unwrap();
            drop(child.stdout.take());
            assert_eq!(ended(child), Some(0), "{line}");
        }
    }
    serving.stop();
}

#[test]
fn a_watch_shows_what_was_deleted_and_what_fits_no_more() {
    let home = ready(3);
    let ids = home.run("accounts list -o id").code(0).stdout;
    let ids: Vec<&str> = ids.lines().collect();
    // What was gone before is not told of.
    home.run(&format!("accounts delete {} --yes", ids[2])).code(0);
    let watch = |flags: &str| {
        let line = format!("accounts list --watch {flags}");
        let mut child = home.command(line.split_whitespace()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, lines.map(Result::unwrap))
    };
    let (mut all, mut rows) = watch("--columns owner,status");
    let (mut active, mut fitting) = watch("--status active -o jsonl");
    let (mut other, mut others) = watch("--origin-owner-id o-1 -o id");
    assert_eq!([rows.next().unwrap(), rows.next().unwrap()], ["o-0\tactive", "o-1\tactive"]);
    assert_eq!(others.next().unwrap(), ids[1]);
    let mut next = || serde_json::from_str::<Value>(&fitting.next().unwrap()).unwrap();
    let [first, second] = [next(), next()];
    assert_eq!([first["id"].as_str(), second["id"].as_str()], [Some(ids[0]), Some(ids[1])]);

    home.run(&format!("accounts suspend {} --yes", ids[0])).code(0);
    assert_eq!(rows.next().unwrap(), "o-0\tsuspended");
    let left = next();
    assert_eq!((left["id"].as_str(), &left["status"]), (Some(ids[0]), &json!("suspended")));
    // One that was told to fit no more is not told to be deleted.
    home.run(&format!("accounts delete {} --yes", ids[0])).code(0);
    assert_eq!(rows.next().unwrap(), "o-0\tdeleted");
    home.run(&format!("accounts delete {} --yes", ids[1])).code(0);
    assert_eq!(rows.next().unwrap(), "o-1\tdeleted");
    assert_eq!(others.next().unwrap(), ids[1]);
    // Everything else of it is as it was shown last.
    let gone = next();
    assert!(gone["updated_at"].as_str() >= second["updated_at"].as_str(), "{gone}");
    let mut last = second;
    last["status"] = json!("deleted");
    last["updated_at"] = gone["updated_at"].clone();
    assert_eq!(gone, last);
    let schema = schemas::all().find(|row| row.name == "watched-account").unwrap().schema();
    let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    for row in [&first, &left, &gone] {
        assert!(schema.is_valid(row), "{row}");
    }
    for child in [&mut all, &mut active, &mut other] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn a_watch_goes_on_where_the_hub_has_no_events() {
    let account = |updated: &str| {
        json!({
            "id": "a-7", "provider": "hubspot", "origin_owner_id": "o", "origin_owner_name": "O",
            "status": "active", "type": "production", "created_at": "2026-06-01T12:00:00.000Z",
            "updated_at": updated,
        })
    };
    let (first, second) = ("2099-06-01T12:00:00.000Z", "2099-06-01T13:00:00.000Z");
    let rows = [first, second].map(account);
    let hub = FakeHub::start(move |_: &Asked, number| match number {
        0 => Reply::refusal(404, Some("request.unknown_route"), "nothing is here"),
        1 => Reply::list(&rows[..1]),
        2 => Reply::list(&[]),
        _ => Reply::list(&rows[1..]),
    });
    let line = format!("{BOUND} $H accounts list --watch --limit 2 -o id");
    let seen = away(&hub).shell(&line).code(0);
    assert_eq!(seen.stdout, "a-7\na-7\n");
    assert_eq!(seen.stderr.matches("does not tell of accounts").count(), 1, "{seen:?}");
}

#[test]
fn a_hub_that_is_away_for_a_while_ends_no_follower() {
    let log = json!({
        "number": 7, "request_id": "r-7", "event_datetime": "2026-06-01T12:00:00.000Z",
        "duration_ms": 1, "http_method": "get", "path": "/x", "status": 200, "success": true,
    });
    let account = json!({
        "id": "a-7", "provider": "hubspot", "origin_owner_id": "o", "origin_owner_name": "O",
        "status": "active", "type": "production", "created_at": "2026-06-01T12:00:00.000Z",
        "updated_at": "2099-06-01T12:00:00.000Z",
    });
    for (line, row, id, places) in [
        ("logs tail --limit 1 -o id", log, "r-7", 0),
        ("accounts list --watch --limit 1 -o id", account, "a-7", 1),
    ] {
        let hub = FakeHub::start(move |_: &Asked, number| match number.checked_sub(places) {
            None => Reply::json(200, &json!({ "events": [], "next": "0" })),
            Some(0) => Reply::list(&[]),
            Some(1 | 2) => Reply::refusal(503, Some("server.not_ready"), "stopping"),
            Some(3) => Reply::list(std::slice::from_ref(&row)).cut(),
            Some(_) => Reply::list(std::slice::from_ref(&row)),
        });
        let seen = away(&hub).shell(&format!("{BOUND} $H {line}")).code(0);
        assert_eq!(seen.stdout.trim(), id, "{line}");
        assert_eq!(seen.stderr.matches("looking on").count(), 1, "{seen:?}");
        let down = FakeHub::start(|_: &Asked, _| Reply::refusal(503, None, "stopping"));
        away(&down).shell(&format!("{BOUND} $H {line}")).code(10);
        assert_eq!(down.asked().len(), 1, "nothing is waited for before the first answer");
    }
}

#[test]
fn a_hub_that_answers_at_once_although_nothing_happened_is_not_asked_on_and_on() {
    let event = json!({
        "id": "e-3", "event": "account.created", "event_date": "2026-06-01T12:00:00.000Z",
        "record_type": "account", "record_id": "a-7", "project_id": "p", "data": null,
    });
    let hub = FakeHub::start(move |_: &Asked, number| {
        let (events, next) = match number {
            0..3 => (json!([]), "0"),
            _ => (json!([event]), "e-3"),
        };
        Reply::json(200, &json!({ "events": events, "next": next }))
    });
    let began = Instant::now();
    let seen = away(&hub).shell(&format!("{BOUND} $H events tail --limit 1 -o id")).code(0);
    assert_eq!(seen.stdout, "e-3\n");
    assert!(began.elapsed() >= Duration::from_secs(3), "it waits one second, then two");
}
