//! Bodies of any size, in bounded memory (S6).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::http::{FakeHub, Reply};
use crate::support::serving::Client;

use super::{World, address, of_provider, told};

const MIB: usize = 1 << 20;
const LONG: usize = 64 * MIB;
/// What a hub may grow by while it passes a long body on, in KiB.
const GROWTH_KIB: u64 = 4 << 10;

/// A provider that holds nothing: it counts what it is sent, and answers as long a body.
fn bottomless() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let mut client = stream.unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") {
                    if client.read(&mut byte).unwrap_or(0) == 0 {
                        return;
                    }
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let mut left: usize = length.map_or(0, |length| length.trim().parse().unwrap());
                let mut buffer = vec![b'x'; 64 << 10];
                let mut sent = 0_usize;
                while left > 0 {
                    let count = client.read(&mut buffer).unwrap();
                    assert!(count > 0, "the body broke off");
                    left -= count;
                    sent += count;
                }
                let kind = if head.contains("/text") { "text/plain" } else { "application/x" };
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nx-sent: {sent}\r\n\
                     content-length: {LONG}\r\nconnection: close\r\n\r\n"
                );
                client.write_all(head.as_bytes()).unwrap();
                buffer.fill(b'x');
                for _ in 0..LONG / buffer.len() {
                    if client.write_all(&buffer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Reads an answer to its end and counts its bytes.
fn count(client: &mut Client<std::net::TcpStream>) -> (String, usize) {
    let mut head = Vec::new();
    let mut buffer = vec![0; 256 << 10];
    let mut counted = 0;
    loop {
        let read = client.stream.read(&mut buffer).unwrap();
        if read == 0 {
            break;
        }
        counted += read;
        if head.len() < 4_096 {
            head.extend_from_slice(&buffer[..read.min(4_096)]);
        }
        if buffer[..read].ends_with(b"0\r\n\r\n") {
            break;
        }
        if let Some(end) = String::from_utf8_lossy(&head).find("\r\n\r\n") {
            let text = String::from_utf8_lossy(&head[..end]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            let whole = length.map(|length| length.trim().parse::<usize>().unwrap() + end + 4);
            if whole.is_some_and(|whole| counted >= whole) {
                break;
            }
        }
    }
    (String::from_utf8_lossy(&head).into_owned(), counted)
}

#[test]
fn s6_long_bodies_pass_both_ways_in_bounded_memory() {
    let world = World::at(bottomless());
    let served = world.serve("--allow-target 127.0.0.0/8");
    // Everything that is made once is there.
    let warm = served.pass("GET", "/x", "", b"").status(200);
    assert_eq!(warm.body.len(), LONG);
    let before = served.serving.memory_kib("VmHWM");
    let mut client = served.serving.connect();
    client.send(served.head("POST", "/x", "Connection: close\r\n", LONG)).unwrap();
    let piece = vec![b'y'; MIB];
    for _ in 0..LONG / MIB {
        client.stream.write_all(&piece).unwrap();
    }
    let (head, counted) = count(&mut client);
    assert!(head.to_ascii_lowercase().contains(&format!("x-sent: {LONG}")), "{head}");
    assert!(counted >= LONG, "{counted}");
    // In words of JSON as well: text and bytes.
    for path in ["/text", "/bytes"] {
        let mut client = served.serving.connect();
        let body = json!({ "path": path }).to_string();
        let request = format!(
            "POST /unified/proxy HTTP/1.1\r\nHost: hub\r\n{}x-account-id: {}\r\n\
             Connection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            served.headers(),
            world.account,
            body.len()
        );
        client.send(request).unwrap();
        let (_, counted) = count(&mut client);
        assert!(counted >= LONG, "{path}: {counted}");
    }
    let grown = served.serving.memory_kib("VmHWM") - before;
    assert!(grown <= GROWTH_KIB, "it grew by {grown} KiB");
}

#[test]
fn kp_14_a_long_body_is_the_same_in_words_of_json() {
    let rows: Vec<Value> =
        (0..40_000).map(|row| json!({"id": row, "name": format!("näme {row}\n")})).collect();
    let document = Value::Array(rows);
    let text = format!("\u{1}\"{}", "zeile é\n".repeat(300_000));
    let bytes: Vec<u8> = (0..=3 * MIB).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let (sent, words, raw) = (document.to_string(), text.clone(), bytes.clone());
    let provider = FakeHub::start(move |asked, _| match asked.path.as_str() {
        "/api/json" => Reply::text(200, "application/json", sent.clone()),
        "/api/text" => Reply::text(200, "text/plain; charset=utf-8", words.clone()),
        "/api/refused" => Reply::text(500, "application/json", sent.clone()),
        _ => Reply::text(200, "application/octet-stream", raw.clone()),
    });
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let ask = |path: &str| told(served.ask(&json!({ "path": path })));
    assert_eq!(ask("/json")["data"], document);
    assert_eq!(ask("/text")["data"], text);
    let answer = ask("/bytes");
    assert_eq!(answer["data_encoding"], "base64");
    assert_eq!(answer["data"], STANDARD.encode(&bytes));
    let answer = ask("/refused");
    assert_eq!((&answer["status"], &answer["data"]), (&json!(500), &document));
    assert_eq!(answer["provider_errors"][0]["status"], 500);
    let raw = served.pass("GET", "/bytes", "", b"").status(200);
    assert_eq!((of_provider(&raw), raw.body == bytes), (Some(200), true));
}

#[test]
fn threat_22_a_long_document_that_is_none_breaks_off() {
    let rows = "1,".repeat(MIB);
    let (open, wrong) = (format!("[{rows}1"), format!("[{rows}1}}"));
    let provider = FakeHub::start(move |asked, _| {
        let text = if asked.path == "/api/open" { open.clone() } else { wrong.clone() };
        Reply::text(200, "application/json", text)
    });
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    for path in ["/open", "/wrong"] {
        let mut client = served.serving.connect();
        let body = json!({ "path": path }).to_string();
        let request = format!(
            "POST /unified/proxy HTTP/1.1\r\nHost: hub\r\n{}x-account-id: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            served.headers(),
            world.account,
            body.len()
        );
        client.send(request).unwrap();
        assert!(client.answer().is_err(), "{path}");
    }
}

#[test]
fn threat_37_a_short_body_that_stands_still_is_given_up() {
    let world = World::at(bottomless());
    let served = world.serve("--allow-target 127.0.0.0/8 --request-timeout 1s");
    let mut client = Client::to(served.serving.address);
    client.send(served.head("POST", "/text", "", 100) + "0123456789").unwrap();
    let answer = client.answer().unwrap();
    assert_eq!(answer.problem(), "request.timed_out");
}
