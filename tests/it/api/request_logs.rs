//! The log of calls over HTTP and at the command line (contract section 7).

use std::collections::BTreeSet;
use std::io::BufRead as _;
use std::process::Stdio;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::cli::TestHome;
use crate::support::serving::{Answer, PATIENCE};

use super::calls::{self, CREDENTIAL, Things};
use super::{Api, each, text};

/// Section 7.1: the keys of each shape.
const SHARED: &[&str] = &[
    "request_id",
    "account_id",
    "project_id",
    "http_method",
    "path",
    "url",
    "resource",
    "child_resource",
    "sub_resource",
    "action",
    "start_time",
    "end_time",
    "status",
    "duration",
    "success",
];
const SUMMARY: &[&str] = &[
    "event_datetime",
    "provider",
    "service",
    "is_worker",
    "source_type",
    "source_value",
    "source_id",
    "source_ip",
];
const PLATFORM: &[&str] =
    &["event_datetime", "category", "source_type", "source_value", "source_id", "source_ip"];

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn of<'a>(more: &[&'a str]) -> BTreeSet<&'a str> {
    SHARED.iter().chain(more).copied().collect()
}

/// Asks once, and answers what the hub calls that.
fn ask(api: &Api, path: &str) -> String {
    id(&api.get(path))
}

fn id(answer: &Answer) -> String {
    answer.headers["x-request-id"].clone()
}

fn shapes(home: &TestHome) {
    let (serving, api) = Api::serve(home, "");
    let things = Things::make(&api, "x");
    let first = ask(&api, "/accounts?page_size=1&token=planted-1");
    let second = ask(&api, &format!("/accounts/{}x", things.account));
    let sdk = format!("{}User-Agent: speakeasy-sdk/typescript 4.34.1\r\n", api.headers);
    let third = ask(&api.saying(&sdk), &format!("/accounts/{}", things.account));

    let page = api.get("/requests/platform-logs?page_size=3").status(200).json();
    assert_eq!(each(&page["data"], "request_id"), [third.as_str(), &second, &first]);
    let [sdk, fails, fine] = [0, 1, 2].map(|at| page["data"][at].clone());
    assert_eq!(keys(&fine), of(PLATFORM));
    assert_eq!(fine["http_method"], "get");
    assert_eq!((&fine["path"], &fine["resource"]), (&json!("/accounts"), &json!("accounts")));
    assert_eq!((&fine["action"], &fine["category"]), (&json!("list"), &json!("accounts")));
    assert_eq!((&fine["status"], &fine["success"]), (&json!(200), &json!(true)));
    assert_eq!(
        (&fine["source_type"], &fine["source_value"]),
        (&json!("API"), &json!("everything"))
    );
    assert_eq!((&fine["source_ip"], &fine["project_id"]), (&json!("127.0.0.1"), &json!("default")));
    let url = text(&fine, "url");
    assert!(url.ends_with("/accounts?page_size=1&token=**redacted**"), "{url}");
    let [start, end] = ["start_time", "end_time"].map(|key| text(&fine, key));
    assert!(start <= end && start.ends_with('Z'), "{start} {end}");
    assert_eq!((&fails["status"], &fails["error"]), (&json!(404), &json!("account.not_found")));
    assert_eq!(sdk["source_type"], "SDK");
    assert_eq!(sdk["account_id"], things.account.as_str());

    // Nothing has called a provider, and reading the log is not in it.
    let none = json!({ "data": [], "next": null });
    assert_eq!(api.get("/requests/logs").status(200).json(), none);
    assert_eq!(api.get("/requests/logs/steps").status(200).json(), none);
    let paths = "/requests/platform-logs?resources=requests,logs";
    assert_eq!(api.get(paths).status(200).json()["data"], json!([]));

    let path = format!("/requests/logs/{third}");
    let detail = api.get(&path).status(200).json();
    assert_eq!(keys(&detail), BTreeSet::from(["data"]));
    assert_eq!(keys(&detail["data"]), of(SUMMARY));
    assert_eq!(detail["data"]["provider"], "hubspot");
    let with = api.get(&format!("{path}?include=step_logs")).status(200).json();
    assert_eq!(with["data"]["step_requests"], json!([]));
    assert_eq!(api.get("/requests/logs/never").status(404).problem(), "log.not_found");
    serving.stop();
}

#[test]
fn kp_11_the_row_of_an_import_is_its_connectors() {
    let home = TestHome::new();
    let (serving, api) = Api::serve(&home, "");
    let known = include_str!("../../../src/catalog/connectors/humaans.json");
    let mut own: Value = serde_json::from_str(known).unwrap();
    own["key"] = json!("mine");
    let done = api.put("/admin/connectors", &json!({ "connectors": [own] })).status(200);
    let row = api.get(&format!("/requests/logs/{}", id(&done))).status(200).json();
    assert_eq!(row["data"]["provider"], "mine");
    serving.stop();
}

#[test]
fn kp_13_the_log_has_the_shapes_of_the_contract() {
    shapes(&TestHome::new());
}

#[test]
fn kp_13_the_log_has_the_shapes_of_the_contract_on_postgresql() {
    shapes(&TestHome::postgres());
}

#[test]
fn kp_13_nobody_chooses_the_id_of_a_call() {
    let home = TestHome::new();
    let (serving, api) = Api::serve(&home, "");
    let first = ask(&api, "/accounts/none-1");
    let key = home.key("other", &["platform:read"]);
    let other = api.saying(&format!("Authorization: Bearer {key}\r\nX-Request-Id: {first}\r\n"));
    let second = ask(&other, "/accounts/none-2");
    assert_ne!(first, second);
    for (id, path) in [(first, "/accounts/none-1"), (second, "/accounts/none-2")] {
        let row = api.get(&format!("/requests/logs/{id}")).status(200).json();
        assert_eq!(row["data"]["path"], path);
    }
    serving.stop();
}

#[test]
fn kp_11_filters_come_flat_or_in_brackets_and_kp_12_pages_follow_one_another() {
    let home = TestHome::new();
    let (serving, api) = Api::serve(&home, "");
    let things = Things::make(&api, "x");
    let (mut found, mut missed) = (Vec::new(), Vec::new());
    for _ in 0..12 {
        found.push(ask(&api, &format!("/accounts/{}", things.account)));
        missed.push(ask(&api, "/accounts/none"));
    }
    let ids = |query: &str| {
        let page = api.get(&format!("/requests/platform-logs?{query}")).status(200).json();
        each(&page["data"], "request_id")
    };
    let (account, one, other) = (&things.account, &found[1], &found[2]);
    // The call that made the account is one of its own.
    for (flat, brackets, count) in [
        (format!("account_ids={account}"), format!("filter[account_ids]={account}"), 13),
        (
            format!("account_ids={account},{account}"),
            format!("filter[account_ids]={account}&filter[account_ids]={account}"),
            13,
        ),
        (
            format!("account_ids={account},none&status_codes=404"),
            format!("filter%5Baccount_ids%5D=none%2C{account}&filter%5Bstatus_codes%5D=404"),
            12,
        ),
        (
            "success=false&account_ids=none".to_owned(),
            "filter[success]=false&filter[account_ids]=none".to_owned(),
            12,
        ),
        (format!("request_ids={one},{other}"), format!("filter[request_ids]={other},{one}"), 2),
        (
            "http_methods=DELETE&account_ids=none".to_owned(),
            "filter[http_methods]=delete&filter[account_ids]=none".to_owned(),
            0,
        ),
        (
            "start_date=2200-01-01T00:00:00Z".to_owned(),
            "filter[start_date]=2200-01-01T00:00:00Z".to_owned(),
            0,
        ),
    ] {
        let [one, other] = [&flat, &brackets].map(|query| ids(&format!("{query}&page_size=100")));
        assert_eq!(one, other, "{flat}");
        assert_eq!(one.len(), count, "{flat}");
    }
    let (mut all, mut next) = (Vec::new(), String::new());
    loop {
        let filter = "page_size=5&account_ids=none&status_codes=%3E%3D400";
        let path = format!("/requests/platform-logs?{filter}{next}");
        let page = api.get(&path).status(200).json();
        all.extend(each(&page["data"], "request_id"));
        match page["next"].as_str() {
            Some(cursor) => next = format!("&next={cursor}"),
            None => break,
        }
    }
    missed.reverse();
    assert_eq!(all, missed);
    // A cursor is of one question only, and none of another project's.
    let page = api.get("/requests/platform-logs?page_size=5").status(200).json();
    let next = text(&page, "next");
    for path in [
        format!("/requests/platform-logs?success=true&next={next}"),
        format!("/requests/logs?next={next}"),
        format!("/requests/platform-logs?next={next}x"),
        "/requests/platform-logs?page_size=101".to_owned(),
        "/requests/platform-logs?filter[success]=perhaps".to_owned(),
        "/requests/logs?order_by=colour".to_owned(),
        format!("/requests/logs/{}?include=all", found[1]),
        "/admin/logs?kind=other".to_owned(),
        "/admin/logs?after=-x".to_owned(),
    ] {
        assert_eq!(api.get(&path).status(400).problem(), "usage.bad_value", "{path}");
    }
    for order in ["provider", "service", "status", "eventDatetime", "duration"] {
        let path = format!("/requests/platform-logs?order_by={order}&order_direction=asc");
        assert_eq!(api.get(&path).status(200).json()["data"].as_array().unwrap().len(), 25);
    }
    // All of them at once, and those behind a number.
    let rows = api.get("/admin/logs?order_direction=asc").status(200).json();
    let last = rows.as_array().unwrap().last().unwrap()["number"].as_i64().unwrap();
    let later = ask(&api, "/accounts");
    let path = format!("/admin/logs?after={last}&order_direction=asc");
    assert_eq!(each(&api.get(&path).status(200).json(), "request_id"), [later]);
    let metrics = api.get("/metrics").status(200).text();
    assert!(metrics.contains("\nhubctl_request_logs_lost_total 0\n"), "{metrics}");
    serving.stop();
}

#[test]
fn what_was_asked_before_the_end_is_in_the_log_after_it() {
    let home = TestHome::new();
    let (serving, api) = Api::serve(&home, "");
    let asked: Vec<String> = (0..20).map(|_| ask(&api, "/accounts")).collect();
    serving.stop();
    let rows = home.run("logs list --json").code(0).json();
    let ids: BTreeSet<String> = each(&rows, "request_id").into_iter().collect();
    assert!(asked.iter().all(|id| ids.contains(id)), "{ids:?}");
}

#[test]
fn threat_32_no_secret_of_a_call_is_in_the_log_or_what_is_shown_of_it() {
    let home = TestHome::new();
    home.run("projects update default --log-bodies all").code(0);
    let (serving, api) = Api::serve(&home, "");
    home.run("connectors enable hubspot").code(0);
    let session = api.post("/connect_sessions", &calls::session("owner-1")).status(201);
    let token = text(&session.json(), "token");
    let config =
        text(&home.run("connectors get hubspot --json").code(0).json()["auth_configs"][0], "id");
    let account = api.post("/admin/accounts", &calls::account("owner-1", &config)).status(201);
    let made = api.post("/admin/keys", &json!({ "name": "new" })).status(201);
    let key = text(&made.json(), "key");
    let body = json!({ "token": token });
    let opened = api.post("/connect_sessions/authenticate", &body).status(201);
    let body = json!({ "provider": 5, "password": "pw-12345" });
    let wrong = api.post("/connect_sessions", &body);
    let mut told = String::new();
    for id in [&session, &account, &made, &opened, &wrong].map(id) {
        let path = format!("/requests/logs/{id}?include=step_logs,advanced_logs");
        let detail = api.get(&path).status(200).json();
        assert_eq!(detail["data"]["request"]["headers"]["authorization"], "**redacted**");
        assert!(detail["data"]["response"]["status_code"].is_u64(), "{detail}");
        told.push_str(&detail.to_string());
        told.push_str(&home.run(&format!("logs get {id} --bodies --json")).code(0).stdout);
        told.push_str(&home.run(&format!("logs get {id} --bodies -o yaml")).code(0).stdout);
    }
    assert!(told.contains("owner-1"), "{told}");
    told.push_str(&home.run("logs list -o wide --all").code(0).stdout);
    let log = serving.stop().join("\n");
    let bytes = std::fs::read(home.store()).unwrap();
    let file = String::from_utf8_lossy(&bytes);
    let secret = |text: &str| crate::support::secret_part(text).to_owned();
    let own = api.headers.trim().rsplit(' ').next().unwrap().to_owned();
    for planted in
        [secret(&token), secret(&key), secret(&own), CREDENTIAL.to_owned(), "pw-12345".to_owned()]
    {
        let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &planted);
        let encoded: String = url::form_urlencoded::byte_serialize(planted.as_bytes()).collect();
        for form in [planted, base64, encoded] {
            for place in [told.as_str(), &log, &file] {
                assert!(!place.contains(&form), "{form}");
            }
        }
    }
}

#[test]
fn commands_show_list_detail_and_what_comes() {
    let home = TestHome::new();
    let (serving, api) = Api::serve(&home, "");
    let things = Things::make(&api, "x");
    let one = ask(&api, &format!("/accounts/{}", things.account));
    let two = ask(&api, "/accounts/none");
    // A reader within the server waits for rows on their way; another process can't.
    api.get("/requests/platform-logs?page_size=1").status(200);
    let key = home.key("reader", &["platform:read"]);
    let away = TestHome::new()
        .with("HUBCTL_API_URL", format!("http://{}", serving.address))
        .with("HUBCTL_API_KEY", key);
    for (home, missing) in [(&home, "none-2"), (&away, "none-3")] {
        let account = &things.account;
        let ids = |line: &str| home.run(line).code(0).stdout;
        assert_eq!(ids("logs list --status 4xx --account none -o id"), format!("{two}\n"));
        assert_eq!(ids("logs list --failed --account none -o id"), format!("{two}\n"));
        assert_eq!(ids("connectors logs hubspot --failed --status 200 -o id"), "");
        assert_eq!(
            ids(&format!("accounts logs {account} --status 200 --since 1h --limit 1 -o id")),
            format!("{one}\n")
        );
        let line = "connectors logs hubspot --method get --status <300 --limit 1 -o id";
        assert_eq!(ids(line), format!("{one}\n"));
        assert_eq!(ids("logs list --until 1h -o id"), "");
        let got = home.run(&format!("logs get {two} --json")).code(0).json();
        assert_eq!((&got["status"], &got["error"]), (&json!(404), &json!("account.not_found")));
        let row = home.run("logs list --account none").code(0).stdout;
        assert!(row.contains("\tGET\t/accounts/none\t404\terror\t"), "{row}");
        home.run("logs get nothing").code(3);
        home.run("logs list --status abc").code(2);
        let numbers = home.run("logs list --account none --json").code(0).json();
        let after = numbers[0]["number"].as_i64().unwrap();
        follow(home, &api, after, missing);
    }
    serving.stop();
}

/// Follows the log behind a number until a call comes that concerns an account which is missing.
fn follow(home: &TestHome, api: &Api, after: i64, missing: &str) {
    let line = format!("logs tail --after {after} --account {missing} -o jsonl");
    let mut command = home.command(line.split_whitespace());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let three = ask(api, &format!("/accounts/{missing}"));
    let row: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&row["request_id"], &row["status"]), (&json!(three), &json!(404)));
    let id = child.id().to_string();
    std::process::Command::new("kill").args(["-s", "INT", &id]).status().unwrap();
    let until = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < until, "it does not end");
        std::thread::yield_now();
    }
}
