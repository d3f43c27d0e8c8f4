//! HTTP/2: many requests on one connection, and clients that abuse that.

use std::time::Instant;

use http::Request;

use crate::support::cli::TestHome;
use crate::support::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Multiplexed, RESET, Raw, frame,
    head, text,
};
use crate::support::serving::{PATIENCE, Serving};

/// Streams that one connection may have open.
const STREAMS: u32 = 100;
/// Reasons of the protocol.
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;

/// A request without a body.
fn get(path: &str, key: &str) -> Request<()> {
    let request = Request::get(format!("http://hub{path}"));
    request.header("authorization", format!("Bearer {key}")).body(()).unwrap()
}

/// The head of one with a body.
fn post(path: &str, key: &str) -> Request<()> {
    let request = Request::post(format!("http://hub{path}"));
    let request = request.header("authorization", format!("Bearer {key}"));
    request.header("content-type", "application/json").body(()).unwrap()
}

/// A new stream: a request that is whole, or one whose body is still to come.
fn opened(stream: u32, method: &str, path: &str, key: &str) -> Vec<u8> {
    let flags = if method == "GET" { END_STREAM | END_HEADERS } else { END_HEADERS };
    let key = format!("Bearer {key}");
    let headers = [("content-type", "application/json"), ("authorization", &*key)];
    frame(HEADERS, flags, stream, &head(method, path, &headers))
}

/// Streams are numbered by clients, in odd numbers.
fn numbers(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| 2 * number + 1)
}

/// Others are served as if nothing were.
fn others_are_served(serving: &Serving) {
    let began = Instant::now();
    serving.get("/healthz").status(200);
    assert!(began.elapsed() < PATIENCE / 4, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_one_connection_do_not_wait_for_one_another() {
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read"]);
    let serving = home.serve("--rate-limit 0");
    let client = Multiplexed::to(serving.address).await;
    // One whose body is not there yet holds up none of the others, though they are more than may
    // be open at once: a client that behaves keeps them back.
    let mut slow = client.begin(post("/connect_sessions", &key), false).await.unwrap();
    let all = (0..3 * STREAMS).map(|_| {
        let (client, key) = (client.clone(), key.clone());
        tokio::spawn(async move { client.ask(get("/accounts", &key)).await })
    });
    for asked in all.collect::<Vec<_>>() {
        let answer = asked.await.unwrap().unwrap().status(200);
        assert_eq!(answer.text(), "[]\n");
    }
    slow.body.send_data("{}".into(), true).unwrap();
    assert_eq!(slow.answer().await.unwrap().status(403).problem(), "auth.forbidden");

    // What is refused is told as the contract wants, and none of it is for HTTP/1 alone.
    for (request, status) in [
        (get("/nothing", &key), 404),
        (get("/accounts", "no-key"), 401),
        (post("/accounts", &key), 405),
    ] {
        let answer = client.ask(request).await.unwrap().status(status);
        answer.problem();
        assert!(!answer.headers.contains_key("connection"), "{answer:?}");
    }
    let tunnel = Request::connect("hub:443").body(()).unwrap();
    let refused = client.ask(tunnel).await.unwrap();
    assert!((400..500).contains(&refused.status), "{refused:?}");
    refused.problem();
    serving.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn threat_37_a_connection_beyond_the_limit_may_ask_for_health_only() {
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read"]);
    let serving = home.serve("--max-connections 1");
    let first = Multiplexed::to(serving.address).await;
    first.ask(get("/accounts", &key)).await.unwrap().status(200);
    let second = Multiplexed::to(serving.address).await;
    let answer = second.ask(get("/accounts", &key)).await.unwrap().status(503);
    assert_eq!(answer.problem(), "server.overloaded");
    assert_eq!(answer.headers["retry-after"], "1");
    assert!(!answer.headers.contains_key("connection"), "{answer:?}");
    second.ask(get("/healthz", &key)).await.unwrap().status(200);
    first.ask(get("/accounts", &key)).await.unwrap().status(200);
    serving.stop();
}

#[test]
fn threat_37_streams_beyond_the_limit_are_refused_one_by_one() {
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read"]);
    let serving = home.serve("--rate-limit 0");
    let (mut raw, settings) = Raw::to(serving.address);
    assert_eq!(settings.setting(3), Some(STREAMS));
    for stream in numbers(STREAMS) {
        raw.send(&opened(stream, "POST", "/connect_sessions", &key)).unwrap();
    }
    let beyond: Vec<u32> = numbers(STREAMS + 20).skip(100).collect();
    for stream in &beyond {
        raw.send(&opened(*stream, "GET", "/healthz", &key)).unwrap();
        let refused = raw.until(|frame| frame.stream == *stream);
        assert_eq!((refused.kind, refused.number()), (RESET, REFUSED_STREAM), "{refused:?}");
    }
    others_are_served(&serving);
    // As soon as one of them is gone there is room again.
    raw.send(&frame(RESET, 0, 1, &CANCEL.to_be_bytes())).unwrap();
    let next = beyond.last().unwrap() + 2;
    raw.send(&opened(next, "GET", "/healthz", &key)).unwrap();
    let answer = raw.until(|frame| frame.stream == next);
    // `:status: 200` is number 8 of the table that every client has.
    assert_eq!((answer.kind, answer.payload[0]), (HEADERS, 0x88), "{answer:?}");
    drop(raw);
    serving.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn threat_37_long_headers_of_a_stream_are_refused() {
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read"]);
    let serving = home.serve("");
    let client = Multiplexed::to(serving.address).await;
    let with = |name: &str, value: &str| {
        let mut request = get("/accounts", &key);
        request
            .headers_mut()
            .insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        request
    };
    for length in [17_000, 31_000] {
        let answer = client.ask(with("x", &"x".repeat(length))).await.unwrap().status(431);
        assert_eq!(answer.problem(), "request.headers_too_large", "{length}");
    }
    let mut many = get("/accounts", &key);
    for number in 0..101 {
        let name = http::HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
        many.headers_mut().insert(name, "x".parse().unwrap());
    }
    let answer = client.ask(many).await.unwrap().status(431);
    assert_eq!(answer.problem(), "request.headers_too_large");
    let long = get(&format!("/{}", "x".repeat(16_400)), &key);
    assert_eq!(client.ask(long).await.unwrap().status(431).problem(), "request.headers_too_large");
    // What is longer is not even read to its end, and refused by the protocol's own means.
    let answer = client.ask(with("x", &"x".repeat(40_000))).await.unwrap().status(431);
    assert!(answer.body.is_empty(), "{answer:?}");
    client.ask(get("/accounts", &key)).await.unwrap().status(200);
    match client.ask(with("x", &"x".repeat(1_000_000))).await {
        Ok(answer) => drop(answer.status(431)),
        Err(error) => assert!(error.is_go_away() || error.is_reset() || error.is_io(), "{error}"),
    }
    others_are_served(&serving);
    serving.stop();
}

#[test]
fn threat_37_headers_that_grow_when_they_are_read_are_refused_in_bounded_memory() {
    let home = TestHome::new();
    let serving = home.serve("");
    serving.get("/healthz").status(200);
    let before = serving.memory_kib("VmHWM");
    let (mut raw, _) = Raw::to(serving.address);
    // One header of 4,000 bytes that goes into the table, then the same again in one byte each.
    let mut block = head("GET", "/healthz", &[]);
    block.extend([0x40, 1, b'x']);
    text(&mut block, &"x".repeat(3_900));
    block.resize(block.len() + 12_000, 0x80 | 0x3e);
    raw.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)).unwrap();
    let answer = raw.until(|frame| frame.stream == 1 || frame.kind == GOAWAY);
    assert_ne!((answer.kind, answer.payload[0]), (HEADERS, 0x88), "{answer:?}");

    // Headers without end.
    let (mut raw, _) = Raw::to(serving.address);
    raw.send(&frame(HEADERS, 0, 1, &head("GET", "/healthz", &[]))).unwrap();
    let mut filler = Vec::new();
    while filler.len() < 16_000 {
        filler.extend([0x10, 1, b'x', 4, b'x', b'x', b'x', b'x']);
    }
    let more = frame(CONTINUATION, 0, 1, &filler);
    let is_cut = (0..5_000).any(|_| raw.send(&more).is_err());
    assert!(is_cut, "80 MB of headers are taken");
    let grown = serving.memory_kib("VmHWM").saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more");
    others_are_served(&serving);
    serving.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn threat_37_slow_and_long_bodies_of_streams_are_cut() {
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read", "platform:write"]);
    let serving = home.serve("--request-timeout 1s --rate-limit 0");
    let client = Multiplexed::to(serving.address).await;
    let mut slow = client.begin(post("/connect_sessions", &key), false).await.unwrap();
    slow.body.send_data("{".into(), false).unwrap();
    client.ask(get("/accounts", &key)).await.unwrap().status(200);
    let answer = slow.answer().await.unwrap().status(408);
    assert_eq!(answer.problem(), "request.timed_out");

    // Bodies that nobody reads do not use up what the connection may send ahead.
    let long = vec![b'x'; 2 << 20];
    for (path, with, status) in [
        ("/connect_sessions", "no-key", 401),
        ("/nothing", key.as_str(), 404),
        ("/connect_sessions", key.as_str(), 413),
    ] {
        for _ in 0..5 {
            client.send(post(path, with), long.clone()).await.unwrap().status(status).problem();
        }
    }
    let whole = vec![b' '; 1 << 20];
    client.send(post("/connect_sessions", &key), whole).await.unwrap().status(400).problem();
    serving.stop();
}

#[test]
fn threat_37_streams_that_are_reset_at_once_cost_others_nothing() {
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read"]);
    let serving = home.serve("--rate-limit 0");
    others_are_served(&serving);
    let before = serving.memory_kib("VmRSS");
    for round in 0..20_u32 {
        let (mut raw, _) = Raw::to(serving.address);
        let method = if round % 2 == 0 { "GET" } else { "POST" };
        let reset = |stream: u32| {
            let mut frames = opened(stream, method, "/connect_sessions", &key);
            frames.extend(frame(RESET, 0, stream, &CANCEL.to_be_bytes()));
            frames
        };
        let all: Vec<Vec<u8>> = numbers(5_000).map(reset).collect();
        // Who does nothing else is sent away before the last of them.
        _ = all.chunks(50).all(|some| raw.send(&some.concat()).is_ok());
        raw.end();
        others_are_served(&serving);
    }
    let grown = serving.memory_kib("VmRSS").saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB more");
    serving.stop();
}

#[test]
fn threat_37_frames_that_make_no_sense_end_their_connection_only() {
    let home = TestHome::new();
    let serving = home.serve("");
    for nonsense in [
        frame(DATA, 0, 0, b"of no stream"),
        frame(DATA, 0, 7, b"of a stream that never was"),
        frame(HEADERS, END_HEADERS, 2, &head("GET", "/healthz", &[])),
        frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff; 40]),
        frame(CONTINUATION, END_HEADERS, 1, &[]),
        frame(HEADERS, END_HEADERS, 1, &vec![0; 20_000]),
        vec![0xff; 30_000],
    ] {
        let (mut raw, _) = Raw::to(serving.address);
        _ = raw.send(&nonsense);
        assert!(raw.end().is_none_or(|reason| reason != 0), "{:?}", &nonsense[..9]);
    }
    others_are_served(&serving);
    serving.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_a_connection_are_answered_before_the_end() {
    let home = TestHome::new();
    let mut serving = home.serve("");
    let key = home.key("ci", &["platform:read"]);
    let client = Multiplexed::to(serving.address).await;
    let mut under = Vec::new();
    for _ in 0..10 {
        under.push(client.begin(post("/connect_sessions", &key), false).await.unwrap());
    }
    // The last of them has arrived when this is answered.
    client.ask(get("/accounts", &key)).await.unwrap().status(200);
    let (mut raw, _) = Raw::to(serving.address);
    serving.signal("TERM");
    serving.wait_for(|line| line.contains("\"stopping\""));
    // Who has nothing under way is told to go, without a reproach.
    assert_eq!(raw.end(), Some(0));
    for mut request in under {
        request.body.send_data("{}".into(), true).unwrap();
        assert_eq!(request.answer().await.unwrap().status(403).problem(), "auth.forbidden");
    }
    assert_eq!(serving.ended(), 0);
    let cut = serving.log().into_iter().find(|line| line.contains("cut off"));
    assert_eq!(cut, None);
    assert!(client.ask(get("/accounts", &key)).await.is_err());
}
