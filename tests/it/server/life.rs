//! Start, health, and an end that cuts nobody off.

use std::io;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::cli::TestHome;
use crate::support::serving::{Client, PATIENCE, Serving};

/// The head of a request whose body never comes.
const HALF: &str = "POST /connect_sessions HTTP/1.1\r\nHost: hub\r\nContent-Type: \
                    application/json\r\nContent-Length: 2\r\n";

#[test]
fn health_is_for_everybody_and_metrics_are_not() {
    let home = TestHome::new();
    let serving = home.serve("--metrics-listen 127.0.0.1:0");
    for path in ["/healthz", "/readyz"] {
        serving.get(path).status(200).json();
    }
    let own = format!("http://{}/", serving.address);
    assert_eq!(serving.get("/readyz").status(200).json()["public_url"], own);
    assert_eq!(serving.get("/metrics").status(401).problem(), "auth.missing");
    let reader = home.key("reader", &["platform:read"]);
    assert_eq!(serving.get_with(&reader, "/metrics").status(403).problem(), "auth.forbidden");
    let admin = home.key("admin", &["admin"]);
    let page = serving.get_with(&admin, "/metrics").status(200).text();
    assert!(page.contains("hubctl_build_info"), "{page}");

    let own = || Client::to(serving.metrics.unwrap());
    own().get("/healthz", "").status(200);
    own().get("/accounts", "").status(404);
    let page = own().get("/metrics", "").status(200);
    assert!(page.headers["content-type"].starts_with("text/plain; version=0.0.4"));
    well_formed(&page.text());
    let sample = |text: &str| assert!(page.text().contains(text), "{text}: {}", page.text());
    sample("hubctl_http_requests_total{route=\"/healthz\",method=\"GET\",status=\"200\"} 2");
    sample("hubctl_http_requests_total{route=\"/metrics\",method=\"GET\",status=\"403\"} 1");
    sample("hubctl_webhook_deliveries_due 0");
    sample("hubctl_token_refreshes_due_oldest_seconds 0");
    sample("hubctl_connections_max 1024");
    sample("hubctl_http_bad_credentials_total 1");
    sample("process_resident_memory_bytes");
    serving.stop();
}

/// Every line is a comment or a sample, every sample belongs to a type that was told before, and
/// no series stands twice.
fn well_formed(page: &str) {
    let mut types = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(!types.contains(&name), "{name} stands twice");
            types.push(name);
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
            let name = series.split('{').next().unwrap();
            let of = |kind: &&str| {
                name == *kind
                    || name
                        .strip_prefix(*kind)
                        .is_some_and(|end| ["_bucket", "_sum", "_count"].contains(&end))
            };
            assert!(types.iter().any(of), "{line}");
            assert!(seen.insert(series), "{series} stands twice");
        }
    }
}

#[test]
fn a_start_says_what_to_do_next_and_a_restart_is_ready_at_once() {
    let home = TestHome::new();
    let mut first = home.serve("");
    first.wait_for(|line| line.contains("made a new store"));
    first.wait_for(|line| line.contains("hubctl keys create NAME"));
    let line = first.wait_for(|line| line.contains("listening on"));
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["version"], env!("CARGO_PKG_VERSION"), "{line}");
    assert_eq!(line["store"], home.store().to_str().unwrap(), "{line}");
    assert_eq!(line["public_url"], format!("http://{}/", first.address), "{line}");
    first.signal("HUP");
    first.wait_for(|line| line.contains("there is no certificate to take in"));
    first.stop();
    home.key("ci", &["platform:read"]);
    let began = Instant::now();
    let second = home.serve("");
    second.get("/readyz").status(200);
    // Far above what it takes: the machine may be busy.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let log = second.stop();
    assert!(!log.iter().any(|line| line.contains("keys create")), "{log:#?}");
}

#[test]
fn a_port_in_use_is_a_clear_error() {
    let home = TestHome::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let ended = home.run(&format!("serve --listen {address} --json")).code(13);
    let error = ended.error();
    assert_eq!(error["code"], "server.cannot_listen");
    assert!(error["hint"].as_str().unwrap().ends_with(" with --listen"), "{error}");
    let line = format!("serve --listen 127.0.0.1:0 --metrics-listen {address} --json");
    let error = home.run(&line).code(13).error();
    assert!(error["hint"].as_str().unwrap().ends_with(" with --metrics-listen"), "{error}");
    let told = home.run(&format!("serve --listen {address} --log-format json")).code(13).stderr;
    let line: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(line["level"], "ERROR", "{told}");
    assert_eq!(line["code"], error["code"], "{told}");
    assert!(line["hint"].as_str().unwrap().ends_with(" with --listen"), "{told}");
    home.run(&format!("serve --listen {address} --log-format text")).code(13).tells("\nhint: ");
    home.run("serve --listen 127.0.0.1:0 --project nope").code(2).tells("--project");
    home.run("serve --listen nonsense").code(2).tells("--listen `nonsense`");
    home.run("serve --trusted-proxy 10.0.0.0/33").code(2).tells("10.0.0.0/33");
    home.run("serve --tls-cert x.pem").code(2).tells("--tls-key");
}

#[test]
fn a_dry_run_serves_nobody_and_makes_no_store() {
    let home = TestHome::new();
    let line = "serve --listen 127.0.0.1:0 --with-sample-provider --dry-run";
    home.run(line).code(2).tells("no dry run").tells("hubctl doctor");
    assert!(!home.store().exists());
}

#[test]
fn systemd_is_told_of_start_life_and_end() {
    let home = TestHome::new();
    let by_path = UnixDatagram::bind(home.path().join("notify")).unwrap();
    let name = format!("hubctl-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let by_name = UnixDatagram::bind_addr(&address).unwrap();
    let path = home.path().join("notify").into_os_string();
    let home = home.with("WATCHDOG_USEC", "200000");
    for (socket, listener) in [(path, by_path), (format!("@{name}").into(), by_name)] {
        listener.set_read_timeout(Some(PATIENCE)).unwrap();
        let next = || {
            let mut buffer = [0; 100];
            let count = listener.recv(&mut buffer).unwrap();
            String::from_utf8(buffer[..count].to_vec()).unwrap()
        };
        let home = TestHome::new().with("WATCHDOG_USEC", "200000").with("NOTIFY_SOCKET", socket);
        let serving = home.serve("");
        let mut told = vec![next(), next(), next()];
        serving.stop();
        while told.last().is_some_and(|last| last != "STOPPING=1") {
            told.push(next());
        }
        assert_eq!(told.iter().filter(|state| *state == "READY=1").count(), 1, "{told:?}");
        assert!(told.iter().filter(|state| *state == "WATCHDOG=1").count() >= 2, "{told:?}");
    }
    drop(home);
}

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    let home = TestHome::new();
    let mut serving = home.serve("--metrics-listen 127.0.0.1:0");
    let key = home.key("ci", &["platform:read"]);
    let mut client = serving.connect();
    client.send(format!("{HALF}Authorization: Bearer {key}\r\n\r\n{{")).unwrap();
    until_in_flight(&serving, &home);
    serving.signal("TERM");
    serving.wait_for(|line| line.contains("\"stopping\""));
    // No newcomer is let in any more.
    let refused = std::net::TcpStream::connect(serving.address).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    // Whoever watches it sees that it stops.
    let watcher = || Client::to(serving.metrics.unwrap());
    assert_eq!(watcher().get("/readyz", "").status(503).problem(), "server.not_ready");
    watcher().get("/healthz", "").status(200);
    assert!(watcher().get("/metrics", "").status(200).text().contains("hubctl_build_info"));
    client.send("}").unwrap();
    let answer = client.answer().unwrap().status(403);
    assert_eq!(answer.headers["connection"], "close");
    assert!(client.is_closed());
    assert_eq!(serving.ended(), 0);
}

#[test]
fn newcomers_are_let_in_until_load_balancers_know_that_it_stops() {
    let home = TestHome::new();
    let mut serving = home.serve("--drain-delay 1h");
    serving.signal("TERM");
    serving.wait_for(|line| line.contains("not ready any more"));
    assert_eq!(serving.get("/readyz").status(503).problem(), "server.not_ready");
    serving.get("/healthz").status(200);
    serving.signal("TERM");
    assert_eq!(serving.ended(), 143);

    let mut serving = home.serve("--drain-delay 1s");
    serving.signal("TERM");
    serving.wait_for(|line| line.contains("not ready any more"));
    assert_eq!(serving.ended(), 0);
}

/// Waits until the request of another connection is in its handler.
fn until_in_flight(serving: &Serving, home: &TestHome) {
    let admin = home.key("watcher", &["admin"]);
    let mut client = serving.connect();
    let headers = format!("Authorization: Bearer {admin}\r\n");
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let page = client.get("/metrics", &headers).status(200).text();
        // The request that asks is one of them.
        if page.contains("hubctl_http_requests_in_flight 2") {
            return;
        }
    }
    panic!("no request is under way");
}

#[test]
fn rows_of_the_log_in_hand_are_written_before_the_end() {
    let home = TestHome::new();
    let mut serving = home.serve("--metrics-listen 127.0.0.1:0");
    let key = home.key("ci", &["platform:read"]);
    let mut watcher = Client::to(serving.metrics.unwrap());
    // Another process keeps the server from writing.
    let store = rusqlite::Connection::open(home.store()).unwrap();
    store.busy_timeout(PATIENCE).unwrap();
    store.execute_batch("begin immediate").unwrap();
    serving.get_with(&key, "/accounts").status(200);
    let mut idle = serving.connect();
    idle.get("/healthz", "").status(200);
    let until = Instant::now() + PATIENCE;
    while !watcher.get("/metrics", "").text().contains("hubctl_request_logs_waiting 0\n") {
        assert!(Instant::now() < until, "nobody takes the row");
    }
    serving.signal("TERM");
    // Idle connections are closed shortly before the last rows are written.
    assert!(idle.is_closed());
    store.execute_batch("rollback").unwrap();
    assert_eq!(serving.ended(), 0);
    let rows = "select count(*) from request_logs where path = '/accounts'";
    assert_eq!(store.query_row(rows, [], |row| row.get(0)), Ok(1));
}

#[test]
fn who_takes_too_long_is_cut_off_at_the_deadline() {
    let home = TestHome::new();
    let mut serving = home.serve("--grace 1s");
    let key = home.key("ci", &["platform:read"]);
    let mut client = serving.connect();
    client.send(format!("{HALF}Authorization: Bearer {key}\r\n\r\n{{")).unwrap();
    until_in_flight(&serving, &home);
    serving.signal("TERM");
    serving.wait_for(|line| line.contains("connections are cut off"));
    assert!(client.is_closed());
    assert_eq!(serving.ended(), 0);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (signal, status) in [("TERM", 143), ("INT", 130)] {
        let home = TestHome::new();
        let mut serving = home.serve("--request-timeout 1h");
        let key = home.key("ci", &["platform:read"]);
        let mut client = serving.connect();
        client.send(format!("{HALF}Authorization: Bearer {key}\r\n\r\n{{")).unwrap();
        until_in_flight(&serving, &home);
        serving.signal(signal);
        serving.wait_for(|line| line.contains("\"stopping\""));
        serving.signal(signal);
        assert_eq!(serving.ended(), status);
        assert!(client.is_closed());
    }
}

#[test]
fn a_stop_under_load_cuts_no_request() {
    let home = TestHome::new();
    let mut serving = home.serve("--rate-limit 0");
    let key = home.key("ci", &["platform:read"]);
    let headers = format!("Authorization: Bearer {key}\r\n");
    let request = format!("GET /accounts HTTP/1.1\r\nHost: hub\r\n{headers}\r\n");
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..16)
            .map(|_| {
                let mut client = serving.connect();
                let (request, answered) = (&request, &answered);
                scope.spawn(move || {
                    loop {
                        // Whoever was not told to go away gets an answer to what it asks.
                        client.send(request).unwrap();
                        let answer = client.answer().unwrap().status(200);
                        answered.fetch_add(1, Ordering::Relaxed);
                        if answer.headers.get("connection").is_some_and(|word| word == "close") {
                            return;
                        }
                    }
                })
            })
            .collect();
        while answered.load(Ordering::Relaxed) < 200 {
            std::thread::yield_now();
        }
        serving.signal("TERM");
        for client in clients {
            client.join().unwrap();
        }
    });
    assert_eq!(serving.ended(), 0);
    let cut = serving.log().into_iter().find(|line| line.contains("cut off"));
    assert_eq!(cut, None);
}

#[test]
fn the_command_line_works_beside_a_server_that_writes() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let key = home.key("ci", &["platform:read", "platform:write"]);
    let serving = home.serve("--rate-limit 0");
    let headers = format!("Authorization: Bearer {key}\r\n");
    let body = r#"{"provider":"hubspot","origin_owner_id":"a","origin_owner_name":"A"}"#;
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let minted: usize = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|_| {
                let mut client = serving.connect();
                let (headers, is_over) = (&headers, &is_over);
                scope.spawn(move || {
                    let mut count = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        client.post("/connect_sessions", headers, body).status(201);
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        for number in 0..5 {
            home.run(&format!("projects create p{number}")).code(0);
        }
        is_over.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    assert!(minted > 0);
    serving.stop();
    let kept = home.run("session list --json").code(0).json();
    assert_eq!(kept.as_array().unwrap().len(), minted);
}

#[test]
fn d_1_kill_9_under_load_loses_nothing_that_was_answered() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let key = home.key("ci", &["platform:read", "platform:write"]);
    let headers = format!("Authorization: Bearer {key}\r\n");
    let mut answered = std::collections::BTreeSet::new();
    for round in 0..5 {
        let serving = home.serve("--rate-limit 0");
        let count = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8)
                .map(|number| {
                    let mut client = serving.connect();
                    let (headers, count) = (&headers, &count);
                    scope.spawn(move || {
                        let body = format!(
                            r#"{{"provider":"hubspot","origin_owner_id":"{round}-{number}","origin_owner_name":"A"}}"#
                        );
                        let request = format!(
                            "POST /connect_sessions HTTP/1.1\r\nHost: hub\r\nContent-Type: \
                             application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
                            body.len()
                        );
                        let mut ids = Vec::new();
                        while client.send(&request).is_ok()
                            && let Ok(answer) = client.answer()
                        {
                            ids.push(answer.status(201).json()["id"].as_i64().unwrap());
                            count.fetch_add(1, Ordering::Relaxed);
                        }
                        ids
                    })
                })
                .collect();
            while count.load(Ordering::Relaxed) < 100 {
                std::thread::yield_now();
            }
            serving.signal("KILL");
            for writer in writers {
                answered.extend(writer.join().unwrap());
            }
        });
    }
    let store = rusqlite::Connection::open(home.store()).unwrap();
    let sound: String = store.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let mut kept = store.prepare("select id from connect_sessions").unwrap();
    let kept: std::collections::BTreeSet<i64> =
        kept.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let lost: Vec<_> = answered.difference(&kept).collect();
    assert!(lost.is_empty() && answered.len() >= 500, "{lost:?} of {}", answered.len());
}
