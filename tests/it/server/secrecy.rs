//! What the log tells, and what it never does.

use std::panic::{UnwindSafe, catch_unwind};

use hubctl::server::{Log, LogFormat, LogLevel, LogOptions};
use serde_json::Value;

use crate::support::cli::TestHome;

#[test]
fn a_request_is_one_line_with_its_route_and_no_address() {
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read"]);
    let serving = home.serve("");
    let headers = format!("Authorization: Bearer {key}\r\nX-Request-Id: abc-1\r\n");
    let answer = serving.connect().get("/accounts?page=1&note=planted", &headers).status(200);
    let id = answer.headers["x-request-id"].as_str();
    assert_eq!(id.len(), 36, "{id}");
    for bad in ["a b", "a\u{7f}", "{}", "", &"x".repeat(65)] {
        let headers = format!("X-Request-Id: {bad}\r\n");
        let Ok(()) = serving.connect().send(&headers) else { continue };
        serving.connect().get("/accounts", &headers);
    }
    serving.get("/connect/hcs_1_planted").status(410);
    let log = serving.stop();
    let lines: Vec<Value> = log
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    let line = lines.iter().find(|line| line["request_id"] == id).unwrap();
    assert_eq!(line["client_request_id"], "abc-1");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["route"], "/accounts");
    assert_eq!(line["status"], 200);
    assert_eq!(line["key_id"], home.run("keys get ci --json").code(0).json()["id"]);
    assert_eq!(line["project"], "default");
    assert!(line["duration_ms"].as_f64().is_some_and(|took| took > 0.0), "{line}");
    assert!(line.get("code").is_none(), "{line}");
    let refused = lines.iter().find(|line| line["status"] == 401).unwrap();
    assert_eq!(refused["code"], "auth.missing", "{refused}");
    let page = lines.iter().find(|line| line["status"] == 410).unwrap();
    assert!(page["code"].is_string(), "{page}");
    assert_eq!(lines.iter().filter(|line| line["request_id"] == id).count(), 1);
    // What could do harm in a log is not written.
    assert_eq!(lines.iter().filter(|line| line.get("client_request_id").is_some()).count(), 1);
}

#[test]
fn threat_32_nothing_secret_is_in_log_or_metrics() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let key = home.key("ci", &["platform:read", "platform:write", "admin"]);
    let serving = home.serve("--log-level trace");
    let headers = format!("Authorization: Bearer {key}\r\n");
    let body = r#"{"provider":"hubspot","origin_owner_id":"planted-id","origin_owner_name":"A"}"#;
    let made = serving.connect().post("/connect_sessions", &headers, body).status(201).json();
    let token = made["token"].as_str().unwrap().to_owned();
    serving.get(&format!("/connect/{token}"));
    serving.get(&format!("/accounts?api_key={key}")).status(400);
    serving.get_with(&format!("{key}x"), "/accounts").status(401);
    let basic = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("{key}:"));
    serving.connect().get("/accounts", &format!("Authorization: Basic {basic}\r\n")).status(200);
    let metrics = serving.get_with(&key, "/metrics").status(200).text();
    let told = serving.stop().join("\n") + metrics.as_str();
    let secret = |text: &str| crate::support::secret_part(text).to_owned();
    for planted in [secret(&key), secret(&token), basic, "planted-id".to_owned()] {
        assert!(!told.contains(&planted), "{planted} in {told}");
    }
}

#[test]
fn people_get_lines_of_text() {
    let home = TestHome::new();
    let serving = home.serve("--log-format text --log-level info");
    serving.get("/accounts").status(401);
    let log = serving.stop();
    assert!(log[0].starts_with("note: "), "{log:#?}");
    assert!(log.iter().any(|line| line.contains("route=\"/accounts\"")), "{log:#?}");
}

/// Set for the second run of the test below: who tells of its panics.
const TELLS: &str = "SECRECY_TEST_TELLS";
/// Cut within its second letter, it is quoted by the panic.
const PLANTED: &str = "p\u{e4}nted-secret/+x";

/// Panics in the ways in which programs do that quote what they were about.
fn crashes() {
    fn crash<T>(crash: impl FnOnce() -> T + UnwindSafe) {
        assert!(catch_unwind(crash).is_err());
    }
    let planted = || PLANTED.to_owned();
    crash(|| planted()[..2].to_owned());
    crash(|| planted().parse::<u8>().map_err(|_| planted()).unwrap());
    crash(|| panic!("no such thing: {}", planted()));
    crash(|| panic!("a text of the program's own"));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the first run tells the second one what to do")]
fn threat_32_a_crash_tells_where_it_was_and_quotes_nothing() {
    let log = |format| {
        let log = Log::start(LogOptions { format, level: LogLevel::Error, color: false }).unwrap();
        crashes();
        log.flush();
    };
    match std::env::var(TELLS).as_deref() {
        Ok("json") => return log(LogFormat::Json),
        Ok("text") => return log(LogFormat::Text),
        Ok(_) => {
            hubctl::cli::exit::report_panics();
            return crashes();
        }
        Err(_) => {}
    }
    for who in ["json", "text", "command"] {
        let test = "server::secrecy::threat_32_a_crash_tells_where_it_was_and_quotes_nothing";
        let ended = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(TELLS, who)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{who}: {told}");
        assert_eq!(told.matches("panicked").count(), 4, "{who}: {told}");
        assert!(told.matches("secrecy.rs:").count() >= 3, "{who}: {told}");
        assert!(told.contains("a text of the program's own"), "{who}: {told}");
        assert!(!told.contains("nted-secret") && !told.contains("no such"), "{who}: {told}");
    }
}
