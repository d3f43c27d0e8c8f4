//! A caller's request, signed and streamed (threats 17, 18, 20, 21).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, Method};
use hubctl::domain::credentials::Values;
use hubctl::domain::provider_failure::{Class, ProviderFailure};
use hubctl::provider::forward::{Forward, Place, Received, Upload, caller_headers};
use hubctl::provider::{Options, Provider};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{connector, draw, now, provider, provider_within, target, values};
use crate::support::http::{FakeHub, Reply};

fn forward<'a>(place: Place<'a>, headers: &[(&str, &str)]) -> Forward<'a> {
    let headers = caller_headers(headers.iter().copied()).unwrap();
    Forward { method: Method::GET, place, headers, body: Upload::Empty }
}

fn key() -> Values {
    values(&[("api_key", "key-of-account")])
}

async fn send(base: &str, forward: Forward<'_>) -> Result<Received, ProviderFailure> {
    let acme = connector(base, &json!({}), &Value::Null);
    provider().send(target(&acme, &key()), forward, now()).await
}

#[tokio::test]
async fn a_request_is_signed_and_its_answer_is_passed_as_it_is() {
    let hub = FakeHub::start(|asked, _| match asked.route().as_str() {
        "GET /v1/none" => Reply::text(204, "text/plain", ""),
        _ => Reply::json(418, &json!({"error": "teapot"}))
            .header("x-own", "1")
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .header("keep-alive", "timeout=5"),
    });
    let base = format!("{}/v1", hub.url());
    let headers = [("X-Caller", "yes"), ("Authorization", "Bearer stolen"), ("Cookie", "a=b")];
    let received = send(&base, forward(Place::Path("/things?a=%20b&a=c"), &headers)).await.unwrap();
    assert_eq!(received.status, 418);
    assert_eq!(received.headers["x-own"], "1");
    assert!(
        !received.headers.contains_key("x-hop") && !received.headers.contains_key("keep-alive")
    );
    let body = received.body.whole(1000).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), json!({"error": "teapot"}));
    let none = send(&base, forward(Place::Path("none"), &[])).await.unwrap();
    assert_eq!(none.status, 204);
    assert!(none.body.whole(10).await.unwrap().is_empty());
    let asked = &hub.asked()[0];
    assert_eq!(asked.path, "/v1/things?a=%20b&a=c");
    assert_eq!(asked.header("authorization"), "Bearer key-of-account");
    assert_eq!((asked.header("x-caller"), asked.header("cookie")), ("yes", ""));
    assert_eq!(asked.header("host"), hub.url().strip_prefix("http://").unwrap());
}

#[tokio::test]
async fn threat_17_the_token_never_leaves_for_another_host() {
    let other = FakeHub::start(|_, _| Reply::json(200, &json!({})));
    let hub = FakeHub::start(|_, _| Reply::json(200, &json!({})));
    let base = format!("{}/v1", hub.url());
    let foreign = other.url();
    let rest = foreign.strip_prefix("http:").unwrap().to_owned();
    let upper = foreign.replace("http", "HTTP");
    let back = rest.replace('/', "\\");
    let encoded = rest.replacen("//", "/%2f", 1);
    let paths = [&foreign, &upper, &rest, &back, &encoded, "/../admin", "/a/%2e%2e/%2e%2e/b"];
    for path in paths {
        let failure = send(&base, forward(Place::Path(path), &[])).await.unwrap_err();
        assert_eq!(failure.class, Class::Foreign, "{path}: {failure:?}");
    }
    let user = base.replace("http://", "http://u:p@");
    let trick = format!("{}@{}", hub.url(), foreign.strip_prefix("http://").unwrap());
    let wholes =
        [&foreign, &rest, &user, &trick, "https://evil.example/", "not an address", "file:///etc"];
    for whole in wholes {
        let failure = send(&base, forward(Place::Whole(whole), &[])).await.unwrap_err();
        assert_eq!(failure.class, Class::Foreign, "{whole}: {failure:?}");
    }
    assert_eq!((hub.asked().len(), other.asked().len()), (0, 0));
    let own = format!("{}/else", hub.url());
    assert_eq!(send(&base, forward(Place::Whole(&own), &[])).await.unwrap().status, 200);
    assert_eq!(hub.routes(), ["GET /else"]);
}

#[tokio::test]
async fn threat_20_a_redirect_is_an_answer() {
    let other = FakeHub::start(|_, _| Reply::json(200, &json!({})));
    let elsewhere = other.url();
    let hub = FakeHub::start(move |_, _| {
        Reply::json(302, &json!({})).header("location", elsewhere.as_str())
    });
    let received = send(&hub.url(), forward(Place::Path("/x"), &[])).await.unwrap();
    assert_eq!(received.status, 302);
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn a_packed_answer_comes_unpacked() {
    let zeros = include_bytes!("testdata/zeros.gz");
    let hub = FakeHub::start(move |_, _| {
        Reply::text(200, "application/octet-stream", zeros).header("content-encoding", "gzip")
    });
    let headers = [("Accept-Encoding", "br")];
    let mut received = send(&hub.url(), forward(Place::Path("/x"), &headers)).await.unwrap();
    assert!(!received.headers.contains_key("content-encoding"));
    assert!(!received.headers.contains_key("content-length"));
    let mut length = 0;
    while let Some(piece) = received.body.next().await.unwrap() {
        length += piece.len();
    }
    assert_eq!(length, 8 << 20);
    assert_eq!(hub.asked()[0].header("accept-encoding"), "gzip");
    let received = send(&hub.url(), forward(Place::Path("/x"), &[])).await.unwrap();
    assert_eq!(received.body.whole(1 << 20).await.unwrap_err().class, Class::BadAnswer);
}

#[tokio::test]
async fn threat_22_silence_ends_a_call_and_a_body() {
    let limit = Duration::from_millis(300);
    for reply in [Reply::silence(), Reply::text(200, "text/plain", "begun").hang()] {
        let hub = FakeHub::start(move |_, _| reply.clone());
        let acme = connector(&hub.url(), &json!({}), &Value::Null);
        let forward = forward(Place::Path("/x"), &[]);
        let outcome = provider_within(limit).send(target(&acme, &key()), forward, now()).await;
        let failure = match outcome {
            Err(failure) => failure,
            Ok(received) => received.body.whole(1000).await.unwrap_err(),
        };
        assert_eq!(failure.class, Class::Transient);
    }
}

#[tokio::test]
async fn a_call_that_is_passed_on_may_take_longer_than_one_of_the_hubs_own() {
    let hub = FakeHub::start(|_, _| Reply::json(200, &json!({})));
    let allowed = vec!["127.0.0.0/8".parse().unwrap()];
    let options = Options { allowed, call_limit: Duration::ZERO, ..Options::default() };
    let provider = Provider::new(options, Arc::new(draw));
    let acme = connector(&hub.url(), &json!({}), &Value::Null);
    let path = forward(Place::Path("/x"), &[]);
    let received = provider.send(target(&acme, &key()), path, now()).await.unwrap();
    assert_eq!(received.status, 200);
}

#[tokio::test]
async fn a_call_that_could_have_a_body_says_that_it_has_none() {
    let hub = FakeHub::start(|_, _| Reply::json(200, &json!({})));
    for (method, length) in
        [(Method::GET, ""), (Method::POST, "0"), (Method::PATCH, "0"), (Method::DELETE, "")]
    {
        let call = Forward { method, ..forward(Place::Path("/x"), &[]) };
        assert_eq!(send(&hub.url(), call).await.unwrap().status, 200);
        assert_eq!(hub.asked().last().unwrap().header("content-length"), length);
    }
}

#[tokio::test]
async fn a_body_that_is_signed_is_held_and_bounded() {
    let hub = FakeHub::start(|_, _| Reply::json(200, &json!({})));
    let method =
        json!({"type": "custom", "authorization": {"type": "body", "body": {"key": "${api_key}"}}});
    let acme = connector(&hub.url(), &method, &Value::Null);
    let post = |pieces: Vec<&'static [u8]>| Forward {
        method: Method::POST,
        place: Place::Path("/x"),
        headers: caller_headers([("Content-Type", "application/json")]).unwrap(),
        body: Upload::Streamed {
            pieces: Box::pin(futures_util::stream::iter(
                pieces.into_iter().map(|piece| Ok(Bytes::from_static(piece))),
            )),
            length: None,
        },
    };
    let sent = post(vec![b"{\"a\":", b"1}"]);
    provider().send(target(&acme, &key()), sent, now()).await.unwrap();
    assert_eq!(hub.asked()[0].json(), json!({"a": 1, "key": "key-of-account"}));
    let huge = post(vec!["12345678".as_bytes(); (1 << 20) + 1]);
    let failure = provider().send(target(&acme, &key()), huge, now()).await.unwrap_err();
    assert_eq!(failure.class, Class::Configuration);
    assert_eq!(hub.asked().len(), 1);
}

const PIECE: usize = 64 << 10;

/// A server that counts what it is sent and answers with as much, holding none of it.
async fn counting() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut piece = vec![0; PIECE];
        loop {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
            let length = head.split_once("content-length: ").unwrap().1;
            let length: usize = length.split_once("\r\n").unwrap().0.parse().unwrap();
            for _ in 0..length / PIECE {
                stream.read_exact(&mut piece).await.unwrap();
            }
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            for _ in 0..length / PIECE {
                stream.write_all(&piece).await.unwrap();
            }
        }
    });
    format!("http://{address}")
}

/// The most memory that this process ever had, in KiB.
#[cfg(target_os = "linux")]
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn large_bodies_stream_both_ways_in_constant_memory() {
    let base = counting().await;
    let acme = connector(&base, &json!({}), &Value::Null);
    let (provider, values) = (provider(), key());
    let mut peaks = Vec::new();
    // A small one first, which takes what any call takes.
    for count in [32, 1024] {
        let piece = Bytes::from(vec![7; PIECE]);
        let pieces = futures_util::stream::iter((0..count).map(move |_| Ok(piece.clone())));
        let forward = Forward {
            method: Method::PUT,
            place: Place::Path("/big"),
            headers: HeaderMap::new(),
            body: Upload::Streamed {
                pieces: Box::pin(pieces),
                length: Some((PIECE * count) as u64),
            },
        };
        let received = provider.send(target(&acme, &values), forward, now()).await.unwrap();
        let mut pieces = received.body.into_pieces();
        let mut got = 0;
        while let Some(piece) = pieces.next().await {
            got += piece.unwrap().len();
        }
        assert_eq!(got, PIECE * count);
        peaks.push(peak_kib());
    }
    let grown = peaks[1] - peaks[0];
    assert!(grown < 4 << 10, "{grown} KiB more for 64 MiB than for 2 MiB");
}
