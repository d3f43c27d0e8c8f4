//! Clients that are slow, long-winded, many, or guessing.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::cli::TestHome;
use crate::support::serving::{Client, PATIENCE};

#[test]
fn threat_37_ten_thousand_connections_leave_health_green_and_memory_bounded() {
    raise_open_files();
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read"]);
    let serving = home.serve("--max-connections 200 --header-timeout 2m");
    serving.get("/healthz").status(200);
    let before = serving.memory_kib("VmRSS");
    let mut slow = Vec::new();
    let mut asked = 0;
    for number in 0..10_000 {
        let Ok(mut stream) = TcpStream::connect(serving.address) else { continue };
        // A few bytes of a request that does not go on.
        _ = stream.write_all(b"GET /accounts HTTP/1.1\r\nX-Slow: ");
        slow.push(stream);
        if number % 1_000 == 999 {
            let began = Instant::now();
            serving.get("/healthz").status(200);
            serving.get("/readyz").status(200);
            assert!(began.elapsed() < PATIENCE / 4, "{:?}", began.elapsed());
            asked += 1;
        }
    }
    assert_eq!((asked, slow.len()), (10, 10_000));
    let answer = serving.get_with(&key, "/accounts").status(503);
    assert_eq!(answer.problem(), "server.overloaded");
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(answer.headers["connection"], "close");
    let grown = serving.memory_kib("VmRSS").saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB more");
    // When they hang up, everything is as before.
    drop(slow);
    let until = Instant::now() + PATIENCE;
    while serving.get_with(&key, "/accounts").status != 200 {
        assert!(Instant::now() < until, "it does not recover");
    }
    serving.stop();
}

#[test]
fn threat_37_few_open_files_leave_health_green() {
    let home = TestHome::new();
    let mut serving = home.serve_with_files(64);
    serving.wait_for(|line| line.contains("16 connections at once instead of 1024"));
    let idle: Vec<_> = (0..200).map(|_| serving.connect()).collect();
    for path in ["/healthz", "/readyz"] {
        serving.get(path).status(200);
    }
    drop(idle);
    serving.stop();
}

fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let enough = maximum.map_or(12_000, |maximum| maximum.min(12_000));
    setrlimit(Resource::Nofile, Rlimit { current: Some(enough), maximum }).unwrap();
}

#[test]
fn threat_37_who_does_not_finish_its_headers_is_hung_up_on() {
    let home = TestHome::new();
    let serving = home.serve("--header-timeout 1s");
    let starts = ["", "G", "GET /healthz HTTP/1.1\r\n", "GET /healthz HTTP/1.1\r\nHost: h\r\nX: "];
    for start in starts.into_iter().chain(["PRI * HTTP/2.0\r\n"]) {
        let mut client = serving.connect();
        client.send(start).unwrap();
        assert!(client.is_closed(), "{start:?}");
    }
    serving.stop();
}

#[test]
fn a_client_that_has_asked_may_rest_longer_than_headers_may_take() {
    let home = TestHome::new();
    let serving = home.serve("--header-timeout 1s");
    let mut client = serving.connect();
    client.get("/healthz", "").status(200);
    std::thread::park_timeout(Duration::from_millis(2_500));
    client.get("/healthz", "").status(200);
    serving.stop();
}

#[test]
fn threat_37_long_headers_are_refused_in_the_contracts_words() {
    let home = TestHome::new();
    let serving = home.serve("");
    for length in [17_000, 31_000, 40_000, 1_000_000] {
        let mut client = serving.connect();
        // The server need not read all of it before it answers.
        _ = client.send(format!("GET /healthz HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(length)));
        let answer = client.answer().unwrap().status(431);
        assert_eq!(answer.problem(), "request.headers_too_large", "{length}");
    }
    for count in [101, 300] {
        let many: String = (0..count).map(|number| format!("X-{number}: x\r\n")).collect();
        let answer = serving.connect().get("/healthz", &many).status(431);
        assert_eq!(answer.problem(), "request.headers_too_large", "{count}");
    }
    let answer = serving.get(&format!("/{}", "x".repeat(16_400))).status(431);
    assert_eq!(answer.problem(), "request.headers_too_large");
    for garbage in ["garbage\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /\u{1} HTTP/1.1\r\n\r\n"] {
        let mut client = serving.connect();
        client.send(garbage).unwrap();
        client.answer().unwrap().status(400).problem();
    }
    serving.get("/healthz").status(200);
    serving.stop();
}

#[test]
fn threat_37_slow_and_long_bodies_are_cut() {
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read", "platform:write"]);
    let serving = home.serve("--request-timeout 1s");
    let head = format!(
        "POST /connect_sessions HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\n"
    );
    let mut client = serving.connect();
    client.send(format!("{head}Content-Length: 100\r\n\r\n{{")).unwrap();
    let answer = client.answer().unwrap().status(408);
    assert_eq!(answer.problem(), "request.timed_out");
    assert_eq!(answer.headers["retry-after"], "60");
    assert!(client.is_closed());

    let mut client = serving.connect();
    client.send(format!("{head}Content-Length: 2000000\r\n\r\n")).unwrap();
    assert_eq!(client.answer().unwrap().status(413).problem(), "request.too_large");

    let mut client = serving.connect();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n")).unwrap();
    for _ in 0..40 {
        if client.send(&chunk).is_err() {
            break;
        }
    }
    assert_eq!(client.answer().unwrap().status(413).problem(), "request.too_large");
    serving.stop();
}

#[test]
fn who_is_refused_before_the_body_is_read_sees_the_answer() {
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read", "platform:write"]);
    let serving = home.serve("");
    let json = "Content-Type: application/json\r\n";
    let good = format!("Authorization: Bearer {key}\r\n");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    // A wrong key, no JSON, no such route, and a body that turns out too long.
    for (path, headers, status) in [
        ("/connect_sessions", format!("Authorization: Bearer no\r\n{json}"), 401),
        ("/connect_sessions", format!("{good}Content-Type: text/plain\r\n"), 415),
        ("/nothing", format!("{good}{json}"), 404),
        ("/connect_sessions", format!("{good}{json}"), 413),
    ] {
        let mut client = serving.connect();
        let head = format!("POST {path} HTTP/1.1\r\nHost: hub\r\n{headers}");
        client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n")).unwrap();
        for part in 0..50 {
            client.send(&chunk).unwrap_or_else(|error| panic!("{status}, {part}: {error}"));
        }
        client.send("0\r\n\r\n").unwrap();
        client.answer().unwrap().status(status);
        // All of it was taken, so that the connection is of use.
        client.get("/healthz", "").status(200);
    }
    serving.stop();
}

#[test]
fn bodies_that_are_not_json_are_refused_in_the_contracts_words() {
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read", "platform:write"]);
    let serving = home.serve("");
    let headers = format!("Authorization: Bearer {key}\r\n");
    let deep = "[".repeat(100_000);
    let bad = ["", "{", "nonsense", r#"{"provider":"\ud800"}"#, "[1,2", "\"x\"", "17", &deep];
    for body in bad.into_iter().chain([r#"{"provider":1e999}"#, r#"{"provider":7}"#]) {
        let answer = serving.connect().post("/connect_sessions", &headers, body).status(400);
        answer.problem();
        assert_eq!(answer.json()["errorCode"], "ValidationError", "{body:.40}");
    }
    let mut client = serving.connect();
    client
        .send(format!(
            "POST /connect_sessions HTTP/1.1\r\nHost: hub\r\n{headers}Content-Type: \
             text/plain\r\nContent-Length: 2\r\n\r\n{{}}"
        ))
        .unwrap();
    assert_eq!(client.answer().unwrap().status(415).problem(), "request.not_json");
    serving.stop();
}

#[test]
fn kp_5_a_key_that_asks_too_often_is_told_when_to_come_back() {
    let home = TestHome::new();
    let (one, other) = (home.key("one", &["platform:read"]), home.key("two", &["platform:read"]));
    let serving = home.serve("--rate-limit 3");
    for _ in 0..3 {
        serving.get_with(&one, "/accounts").status(200);
    }
    let answer = serving.get_with(&one, "/accounts").status(429);
    assert_eq!(answer.problem(), "rate.limited");
    let wait: u64 = answer.headers["retry-after"].parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    serving.get_with(&other, "/accounts").status(200);
    serving.stop();
}

#[test]
fn threat_08_guessed_keys_get_one_answer_and_then_429() {
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read"]);
    let serving = home.serve("");
    let mut cut = key.clone();
    cut.pop();
    let guesses = [format!("{key}x"), cut, "v1.local.1_guess".to_owned(), "x".repeat(500)];
    let mut bodies = std::collections::BTreeSet::new();
    for guess in &guesses {
        let answer = serving.get_with(guess, "/accounts").status(401);
        let mut body = answer.json();
        for varying in ["timestamp", "request_id"] {
            body.as_object_mut().unwrap().remove(varying);
        }
        bodies.insert(body.to_string());
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let statuses: Vec<u16> =
        (0..30).map(|_| serving.get_with(&guesses[0], "/accounts").status).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    // Nobody else's guesses lock the right key out.
    serving.get_with(&key, "/accounts").status(200);
    serving.stop();
}

#[test]
fn a_request_of_http_1_1_names_its_host_once() {
    let home = TestHome::new();
    let serving = home.serve("");
    for (head, status) in [
        ("HTTP/1.1", 400),
        ("HTTP/1.1\r\nHost: a\r\nHost: b", 400),
        ("HTTP/1.1\r\nHost: a", 200),
        ("HTTP/1.1\r\nHost:", 200),
        ("HTTP/1.0", 200),
    ] {
        let mut client: Client<TcpStream> = serving.connect();
        client.send(format!("GET /healthz {head}\r\n\r\n")).unwrap();
        let answer = client.answer().unwrap().status(status);
        if status == 400 {
            assert_eq!(answer.problem(), "usage.bad_value", "{head}");
        }
    }
    serving.stop();
}

#[test]
fn the_answers_of_one_connection_come_in_order() {
    let home = TestHome::new();
    let serving = home.serve("");
    let mut client: Client<TcpStream> = serving.connect();
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: hub\r\n\r\n");
    client.send(["/healthz", "/nothing", "/readyz"].map(ask).concat()).unwrap();
    let statuses: Vec<u16> = (0..3).map(|_| client.answer().unwrap().status).collect();
    assert_eq!(statuses, [200, 404, 200]);
    client.stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    serving.stop();
}
