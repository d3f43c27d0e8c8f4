//! Hostile requests of every kind against every route that takes a body: an answer in the
//! contract's shape, never a failure of the server, and bounded memory.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use hubctl::api::{OPERATIONS, openapi};
use hubctl::server::{BODY_LIMIT, ENVELOPE_LIMIT};
use serde_json::{Value, json};

use crate::support::cli::TestHome;
use crate::support::serving::{Answer, Client, Serving};

use super::Api;
use super::calls::{Call, Things};

/// Requests of each kind, for each route, at least.
const OF_EACH_KIND: usize = 20;

/// A route that takes a body, a request that it accepts, and the members that it knows.
struct Route {
    id: &'static str,
    call: Call,
    members: Vec<String>,
}

fn routes(things: &Things) -> Vec<Route> {
    let document = openapi::document("https://hub.example");
    let mut all = Vec::new();
    for operation in OPERATIONS {
        let row = &document["paths"][operation.path][operation.method.to_ascii_lowercase()];
        let body = &row["requestBody"]["content"]["application/json"]["schema"];
        let Some(reference) = body["$ref"].as_str() else { continue };
        let schema = document.pointer(&reference[1..]).unwrap();
        let members = schema["properties"].as_object().unwrap().keys().cloned().collect();
        all.push(Route { id: operation.id, call: Call::of(operation, things, "hostile"), members });
    }
    assert!(all.len() >= 12, "{}", all.len());
    all
}

/// What holds for every answer to whatever request.
#[track_caller]
fn sane(what: &str, answer: &Answer) {
    // A provider that hangs up on what it is passed is no fault of the hub's.
    let by_provider = answer.status == 502 && answer.text().contains("\"code\":\"provider.");
    assert!(answer.status < 500 || by_provider, "{what}: {} {}", answer.status, answer.text());
    assert!(answer.headers.contains_key("x-request-id"), "{what}: {answer:?}");
    let is_passed = answer.headers.contains_key("x-hubctl-provider-status");
    if answer.status >= 400 && !is_passed {
        answer.problem();
        assert!(answer.body.len() < 65_536, "{what}: {} bytes", answer.body.len());
    } else if answer.status != 204 && !is_passed {
        answer.json();
    }
}

/// Sends a body as it is, and answers what came back.
fn raw(api: &Api, route: &Route, kind: &str, body: &[u8]) -> Answer {
    let (Call { method, path, headers: own, .. }, headers) = (&route.call, &api.headers);
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: hub\r\n{kind}Content-Length: {}\r\n{headers}{own}\r\n",
        body.len()
    );
    let mut client = Client::to(api.address);
    // The server need not read all of it before it answers.
    _ = client.send(head);
    _ = client.send(body);
    client.answer().unwrap_or_else(|error| panic!("{}: {error}", route.id))
}

const JSON: &str = "Content-Type: application/json\r\n";

/// Sends bodies that can't be accepted by any route.
fn refused(api: &Api, route: &Route, bodies: &[Vec<u8>]) {
    assert!(bodies.len() >= OF_EACH_KIND, "{}", bodies.len());
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = raw(api, route, JSON, body);
        assert_eq!(answer.status, 400, "{}: {shown}: {}", route.id, answer.text());
        sane(&shown, &answer);
    }
}

fn bytes<T: AsRef<[u8]>>(all: impl IntoIterator<Item = T>) -> Vec<Vec<u8>> {
    all.into_iter().map(|item| item.as_ref().to_vec()).collect()
}

fn no_json() -> Vec<Vec<u8>> {
    bytes([
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "{]",
        "[}",
        "nul",
        "True",
        "'a'",
        "{a:1}",
        "{\"a\":}",
        "{\"a\" 1}",
        "{\"a\":1,}",
        "[1,]",
        "{\"a\":1}{",
        "{}x",
        "\"",
        "{\"a\":\"\n\"}",
        "NaN",
        "{\"a\":Infinity}",
        "{\"a\":01}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":+1}",
        "//x\n{}",
        "<a/>",
        "a=1&b=2",
        "\u{feff}{}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":\"\\u12\"}",
    ])
}

fn no_text() -> Vec<Vec<u8>> {
    let broken: [&[u8]; 10] = [
        b"\xff",
        b"\xfe\xff",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\x80",
        b"\xe2\x82",
        b"\xf0\x9f\x92",
        b"\xc3\x28",
        b"\xf8\x88\x80\x80\x80",
    ];
    let within = broken.map(|broken| [b"{\"label\":\"", broken, b"\"}"].concat());
    let keys = broken.map(|broken| [b"{\"", broken, b"\":1}"].concat());
    let mut all: Vec<_> = within.into_iter().chain(keys).collect();
    // JSON in another encoding, and bytes that are none.
    all.push("{\"label\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect());
    all.push(vec![0; 100]);
    all.push(b"{\"label\":\"\0\"}".to_vec());
    all
}

fn deep() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for depth in [129, 200, 500, 1_000, 10_000, 100_000, 500_000] {
        all.push("[".repeat(depth));
        all.push(format!("{}{}", "[".repeat(depth / 2), "]".repeat(depth / 2 + 1)));
        all.push("{\"a\":".repeat(depth / 5));
        all.push(format!("{{\"metadata\":{}", "[{\"a\":".repeat(depth / 8)));
    }
    bytes(all)
}

/// Values of every type that no member takes, or that is at the edge of what it takes.
fn odd_values() -> Vec<Value> {
    vec![
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(true),
        json!(""),
        json!(" "),
        json!("\0"),
        json!("a\0b"),
        json!("\u{7f}\u{1b}[2J\u{202e}"),
        json!("../../etc/passwd"),
        json!("x".repeat(100_000)),
        json!("ü".repeat(5_000)),
        json!([]),
        json!([[]]),
        json!([null, 1, "x", {}]),
        json!({}),
        json!({ "": "" }),
        json!({ "\0": "\0" }),
        json!({ "a": { "b": ["\0", { "c": null }] } }),
        json!({ "x".repeat(50_000): 1 }),
        json!(vec!["x"; 10_000]),
    ]
}

/// Numbers that no type holds, as text of JSON.
const NUMBERS: [&str; 20] = [
    "1e400",
    "-1e400",
    "1e-400",
    "1e999999999",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "1E+308",
    "-0",
    "-0.0",
    "0.1e-1000000",
    "123456789012345678901234567890.123456789",
    "4294967296",
    "1e18",
    "1e19",
    "2147483648",
    "1.7976931348623157e309",
    "5e-324",
    "99999999999999999999999999999999999999999",
];

/// Strings with halves of characters, as text of JSON; the last ones are whole.
const HALVES: [&str; 20] = [
    r#""\ud800""#,
    r#""\udc00""#,
    r#""\udfff""#,
    r#""\ud800\ud800""#,
    r#""\ud800x""#,
    r#""x\udbff""#,
    r#""\ud800\u0041""#,
    r#""\udc00\ud800""#,
    r#""\uD83D""#,
    r#""\uDE00""#,
    r#""\uD83D\n""#,
    r#""\uD83D \uDE00""#,
    r#""\ud8""#,
    r#""\ud8zz""#,
    r#""\u""#,
    r#""\ud800\u""#,
    r#""\ud800\udc0""#,
    r#""\udbff\udbff\udfff""#,
    r#""\u0000\ud800""#,
    r#""\ufffe\ud999""#,
];

/// The accepted body with one member replaced by this text of JSON.
fn with(route: &Route, member: &str, json: &str) -> Vec<u8> {
    let mut body = route.call.body.clone().unwrap();
    body[member] = "REPLACED".into();
    body.to_string().replace("\"REPLACED\"", json).into_bytes()
}

fn against_bodies(api: &Api, things: &Things) {
    for route in routes(things) {
        refused(api, &route, &no_json());
        refused(api, &route, &no_text());
        refused(api, &route, &deep());
        let mut sent = [0; 4];
        for member in &route.members {
            for value in odd_values() {
                let text = value.to_string();
                let shown: String = text.chars().take(60).collect();
                let what = format!("{} {member} {shown}", route.id);
                sane(&what, &raw(api, &route, JSON, &with(&route, member, &text)));
                sent[0] += 1;
            }
            for number in NUMBERS {
                let what = format!("{} {member} {number}", route.id);
                sane(&what, &raw(api, &route, JSON, &with(&route, member, number)));
                sent[1] += 1;
            }
            for half in HALVES {
                let what = format!("{} {member} {half}", route.id);
                let answer = raw(api, &route, JSON, &with(&route, member, half));
                assert_eq!(answer.status, 400, "{what}: {}", answer.text());
                sane(&what, &answer);
                sent[2] += 1;
            }
        }
        // One member twice, also with equal values, and some that nobody knows.
        for number in 0..OF_EACH_KIND {
            let member = &route.members[number % route.members.len()];
            let body = route.call.body.as_ref().unwrap().to_string();
            let value = if number % 2 == 0 { "null".to_owned() } else { format!("\"{number}\"") };
            let twice = format!("\"{member}\":{value},\"{member}\":{value},\"new\":1,\"new\":2,");
            let body = body.replacen('{', &format!("{{{twice}"), 1);
            let what = format!("{} {member} twice", route.id);
            sane(&what, &raw(api, &route, JSON, body.as_bytes()));
            sent[3] += 1;
        }
        assert!(sent.iter().all(|count| *count >= OF_EACH_KIND), "{}: {sent:?}", route.id);
    }
}

const KINDS: [&str; 20] = [
    "text/plain",
    "text/html",
    "text/xml",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "application/jsonp",
    "json",
    "application",
    "application/",
    "/json",
    "application/json-seq",
    "image/png",
    "*/*",
    "text/json",
    "application/yaml",
    ";charset=utf-8",
    ",application/json",
    "\u{ff}\u{fe}",
];

fn against_heads(api: &Api, things: &Things) {
    for route in routes(things) {
        let body = route.call.body.as_ref().unwrap().to_string();
        for kind in KINDS {
            let line = format!("Content-Type: {kind}\r\n");
            let answer = raw(api, &route, &line, body.as_bytes());
            assert_eq!(answer.status, 415, "{} {kind}: {}", route.id, answer.text());
            sane(kind, &answer);
        }
        for number in 0..OF_EACH_KIND {
            let line = match number % 4 {
                0 => format!("{JSON}X-Long: {}\r\n", "x".repeat(17_000 + number * 1_000)),
                1 => format!("{JSON}{}: x\r\n", "x".repeat(17_000 + number)),
                2 => format!("{JSON}{}", "X-Many: x\r\n".repeat(101 + number)),
                _ => format!("{JSON}Cookie: {}\r\n", "a=b; ".repeat(4_000 + number)),
            };
            let answer = raw(api, &route, &line, body.as_bytes());
            assert_eq!(answer.status, 431, "{} {number}: {}", route.id, answer.text());
            sane("headers", &answer);
        }
    }
}

/// Bodies that end early, late or never.
fn against_lengths(api: &Api, things: &Things) {
    for route in routes(things) {
        let Call { method, path, body, .. } = &route.call;
        let body = body.as_ref().unwrap().to_string();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: hub\r\n{JSON}{}", api.headers);
        for number in 0..OF_EACH_KIND {
            // It says that it is too long, and is not even sent.
            let mut client = Client::to(api.address);
            let longest = if path == "/unified/proxy" { ENVELOPE_LIMIT } else { BODY_LIMIT };
            let length = longest as u64 + 1 + (number as u64) * 0x1000_0000_0000;
            client.send(format!("{head}Content-Length: {length}\r\n\r\n")).unwrap();
            let answer = client.answer().unwrap().status(413);
            sane("too long", &answer);
            // It ends before its end, and so does the connection.
            let mut client = Client::to(api.address);
            let part = &body[..body.len() * number / OF_EACH_KIND];
            client.send(format!("{head}Content-Length: {}\r\n\r\n{part}", body.len())).unwrap();
            client.stream.shutdown(Shutdown::Write).unwrap();
            if let Ok(answer) = client.answer() {
                assert_eq!(answer.status, 400, "{}", answer.text());
                sane("short", &answer);
            }
            // It is one thing by its length and another by its chunks.
            let mut client = Client::to(api.address);
            let both =
                format!("{head}Content-Length: {number}\r\nTransfer-Encoding: chunked\r\n\r\n");
            _ = client.send(format!("{both}zz{number}\r\n{body}\r\n0\r\n\r\n"));
            if let Ok(answer) = client.answer() {
                assert_eq!(answer.status, 400, "{}", answer.text());
                sane("chunks", &answer);
            }
        }
        endless(api, &head);
    }
}

/// A body in chunks that has no end.
fn endless(api: &Api, head: &str) {
    let mut client = Client::to(api.address);
    client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n")).unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let mut sent = 0;
    while sent < 200 && client.send(&chunk).is_ok() {
        sent += 1;
    }
    assert!(sent < 200, "a body without end is read for ever");
    // Where the answer is not lost with the rest of the connection.
    if let Ok(answer) = client.answer() {
        sane("endless", &answer.status(413));
    }
}

/// Addresses that nobody would write.
fn against_addresses(api: &Api, things: &Things) {
    let odd = [
        "?",
        "?&&&=&",
        "?page",
        "?page=1&page=2&page=x",
        "?page_size=-0",
        "?dry_run=2",
        "?%",
        "?%zz=%zz",
        "?a=%00",
        "?a=%ff%fe",
        "?providers=%00",
        "?origin_owner_id=%00",
        "?account_ids=%00",
        "?updated_since=yesterday",
        "?updated_since=9999999-01-01T00:00:00Z",
        "?sort=--id",
        "?sort=';drop",
        "?max_affected=-1",
        "?max_affected=1e9",
        "?page=18446744073709551615&page_size=1000",
        "?expiring_in=99999999999999999999",
        "?expiring_in=9223372036854775807",
        "?search=%00",
        "?after=%00",
        "?status=%F0%9F%92%A9",
        "?type=",
        "?integration_ids=x,,,,",
        "?include=%2C%2C",
        "?for=nobody",
        "?action=explode",
        "/",
        "//",
        "/..",
        "/%2e%2e",
        "/%00",
        "/%ff",
        "/;x=1",
        "/\\",
        "/%2F%2F",
        "/*",
    ];
    let mut asked = 0;
    for operation in OPERATIONS {
        let path = things.path(operation);
        let long = [
            format!("?{}", "a=b&".repeat(2_000)),
            format!("?account_ids={}", "x,".repeat(4_000)),
            format!("/{}", "x".repeat(8_000)),
            format!("?a={}", "x".repeat(20_000)),
        ];
        for end in odd.into_iter().chain(long.iter().map(String::as_str)) {
            // What would succeed and take something away is asked of what is not there.
            let path = match operation.method {
                "DELETE" => Things::missing().path(operation),
                _ => path.clone(),
            };
            let answer = api.ask(operation.method, &format!("{path}{end}"), None);
            let shown: String = end.chars().take(60).collect();
            let what = format!("{} {path}{shown}", operation.method);
            sane(&what, &answer);
            asked += 1;
        }
    }
    assert!(asked >= OPERATIONS.len() * OF_EACH_KIND);
}

fn healthy(serving: &Serving, api: &Api, things: &Things) {
    serving.get("/healthz").status(200);
    serving.get("/readyz").status(200);
    api.get(&format!("/accounts/{}", things.account)).status(200);
    let page = api.get("/metrics").status(200).text();
    assert!(page.lines().any(|line| line == "hubctl_http_panics_total 0"), "{page}");
    // 502 is a provider's failure.
    let failed = |line: &String| line.contains("\"status\":5") && !line.contains("\"status\":502");
    let failed = serving.log().into_iter().find(failed);
    assert_eq!(failed, None);
}

fn hostile(home: &TestHome, attack: fn(&Api, &Things)) {
    let (serving, api) = Api::serve(home, "--with-sample-provider");
    let things = Things::make(&api, "x");
    let before = serving.memory_kib("VmHWM");
    attack(&api, &things);
    healthy(&serving, &api, &things);
    let grown = serving.memory_kib("VmHWM") - before;
    assert!(grown < 64 * 1024, "{grown} KiB more");
    serving.stop();
}

#[test]
fn hostile_bodies_are_refused_in_the_contracts_words() {
    hostile(&TestHome::new(), against_bodies);
}

#[test]
fn hostile_bodies_are_refused_in_the_contracts_words_on_postgresql() {
    hostile(&TestHome::postgres(), against_bodies);
}

#[test]
fn hostile_heads_are_refused_in_the_contracts_words() {
    hostile(&TestHome::new(), against_heads);
}

#[test]
fn hostile_lengths_are_refused_in_the_contracts_words() {
    hostile(&TestHome::new(), against_lengths);
}

#[test]
fn hostile_addresses_are_refused_in_the_contracts_words() {
    hostile(&TestHome::new(), against_addresses);
}

#[test]
fn hostile_addresses_are_refused_in_the_contracts_words_on_postgresql() {
    hostile(&TestHome::postgres(), against_addresses);
}

#[test]
fn slow_bodies_are_given_up_and_hold_nobody_up() {
    let home = TestHome::new();
    let (serving, api) = Api::serve(&home, "--request-timeout 2s");
    let things = Things::make(&api, "x");
    let all = routes(&things);
    let slow = |address: SocketAddr, route: &Route, first: &str| {
        let mut client = Client::to(address);
        let Call { method, path, .. } = &route.call;
        let head = format!("{method} {path} HTTP/1.1\r\nHost: hub\r\n{JSON}{}", api.headers);
        client.send(format!("{head}Content-Length: 1000\r\n\r\n{first}")).unwrap();
        client
    };
    let mut clients = Vec::new();
    for route in &all {
        for number in 0..OF_EACH_KIND {
            clients.push(slow(api.address, route, &"{\"label\":  "[..number / 2]));
        }
    }
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for client in &mut clients {
            let answered = &answered;
            scope.spawn(move || {
                // A byte now and then does not help.
                _ = client.stream.write_all(b" ");
                let answer = client.answer().unwrap().status(408);
                assert_eq!(answer.problem(), "request.timed_out");
                assert_eq!(answer.headers["retry-after"], "60");
                assert_eq!(client.stream.read(&mut [0]).unwrap_or(0), 0);
                answered.fetch_add(1, Ordering::Relaxed);
            });
        }
        api.get("/accounts").status(200);
    });
    assert_eq!(answered.load(Ordering::Relaxed), all.len() * OF_EACH_KIND);
    healthy(&serving, &api, &things);
    serving.stop();
}
