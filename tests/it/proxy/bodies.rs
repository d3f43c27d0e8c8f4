//! Statuses and bodies of every kind (KP-14).

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hubctl::server::ENVELOPE_LIMIT;
use serde_json::{Value, json};

use crate::support::http::{FakeHub, Reply};

use super::{CREDENTIAL, ROOT, World, address, always, definition, of_provider, told};

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut child = std::process::Command::new("gzip")
        .arg("-c")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.stdout
}

#[test]
fn kp_14_the_providers_status_and_body_are_told_in_an_answer_of_the_hubs() {
    let replies = vec![
        Reply::json(200, &json!({"a": [1, "é"]})),
        Reply::json(201, &json!({"id": 7})),
        Reply::text(204, "application/json", ""),
        Reply::text(304, "text/plain", "").header("etag", "\"x\""),
        Reply::json(404, &json!({"error": "no such thing"})),
        Reply::text(500, "text/html", "<h1>\"down\"</h1>"),
        Reply::text(200, "image/png", b"\x89PNG\x00\xff".to_vec()),
        Reply::text(200, "application/json", "{\"broken\":"),
        Reply::text(200, "text/plain", "a\nb"),
        Reply::text(200, "application/json", gzipped(br#"{"packed":true}"#))
            .header("content-encoding", "gzip"),
    ];
    let provider = FakeHub::script(replies);
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let next = || told(served.ask(&json!({"path": "/x?y=1"})));
    let expected = [
        (200, json!({"a": [1, "é"]})),
        (201, json!({"id": 7})),
        (204, Value::Null),
        (304, Value::Null),
        (404, json!({"error": "no such thing"})),
        (500, json!("<h1>\"down\"</h1>")),
        (200, json!(STANDARD.encode(b"\x89PNG\x00\xff"))),
        (200, json!("{\"broken\":")),
        (200, json!("a\nb")),
        (200, json!({"packed": true})),
    ];
    for (number, (status, data)) in expected.into_iter().enumerate() {
        let answer = next();
        assert_eq!(answer["status"], status, "{number}: {answer}");
        assert_eq!(answer["data"], data, "{number}: {answer}");
        let is_binary = number == 6;
        assert_eq!(answer.get("data_encoding").is_some(), is_binary, "{number}: {answer}");
        match status {
            404 => {
                let error = &answer["provider_errors"][0];
                assert_eq!(error["status"], 404);
                assert_eq!(error["url"], format!("{}/api/x", provider.url()));
                assert_eq!(error["raw"], data);
            }
            500 => assert_eq!(answer["provider_errors"][0]["raw"], Value::Null),
            _ => assert_eq!(answer["provider_errors"], Value::Null),
        }
        if number == 9 {
            assert!(answer["headers"].get("content-encoding").is_none(), "{answer}");
        }
    }
    let asked = provider.asked();
    assert_eq!(asked.len(), 10);
    assert_eq!(asked[0].path, "/api/x?y=1");
    assert_eq!(asked[0].header("authorization"), format!("Bearer {CREDENTIAL}"));
}

#[test]
fn kp_14_a_number_that_no_type_holds_is_told_as_it_came() {
    let body = r#"{"id":45355976281015164504,"n":1.50}"#;
    let provider = always(Reply::text(404, "application/json", body));
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let answer = served.ask(&json!({"path": "/x"})).status(200).text();
    // As the answer, and as what the provider said of the refusal.
    assert_eq!(answer.matches(body).count(), 2, "{answer}");
}

#[test]
fn a_call_has_the_methods_headers_and_body_that_were_asked_for() {
    let provider = always(Reply::json(200, &json!({})));
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    for call in [
        json!({}),
        json!({"method": "post", "path": "things", "body": {"a": 1}, "headers": {"X-Own": "1"}}),
        json!({"method": "put", "path": "/t", "headers": {"Content-Type": "text/csv"},
               "body": "a,b"}),
        json!({"method": "delete", "path": "/t/1"}),
        json!({"url": format!("{}/other", provider.url()), "path": "/t"}),
    ] {
        assert_eq!(told(served.ask(&call))["status"], 200, "{call}");
    }
    let asked = provider.asked();
    let lines: Vec<String> =
        asked.iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect();
    let expected =
        ["GET /api", "POST /api/things", "PUT /api/t", "DELETE /api/t/1", "GET /other/t"];
    assert_eq!(lines, expected);
    assert_eq!(asked[1].json(), json!({"a": 1}));
    assert_eq!(asked[1].header("content-type"), "application/json");
    assert_eq!(asked[1].header("x-own"), "1");
    assert_eq!((asked[2].header("content-type"), &asked[2].body[..]), ("text/csv", &b"a,b"[..]));
    assert!(asked.iter().all(|asked| asked.header("x-account-id").is_empty()));
}

#[test]
fn bodies_are_passed_as_they_are_both_ways() {
    let odd: Vec<u8> = (0..=255).collect();
    let copy = odd.clone();
    let provider = FakeHub::start(move |asked, _| match asked.method.as_str() {
        "HEAD" => Reply::text(200, "text/plain", ""),
        "POST" => Reply::text(201, "application/x-own", asked.body.clone()).header("x-a", "b"),
        "PUT" => Reply::text(409, "application/problem+json", "{\"no\":1}"),
        "DELETE" => Reply::text(204, "text/plain", ""),
        _ => Reply::text(200, "application/octet-stream", copy.clone()),
    });
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let got = served.pass("GET", "/x", "Accept: a/b\r\n", b"").status(200);
    assert_eq!((of_provider(&got), got.body), (Some(200), odd.clone()));
    let sent = served.pass("POST", "/x?q=%20", "Content-Type: x/y\r\n", &odd).status(201);
    assert_eq!((&sent.body, sent.headers["x-a"].as_str()), (&odd, "b"));
    assert_eq!(sent.headers["content-type"], "application/x-own");
    let refused = served.pass("PUT", "/x", "", b"1").status(409);
    assert_eq!((of_provider(&refused), refused.text().as_str()), (Some(409), "{\"no\":1}"));
    let gone = served.pass("DELETE", "/x", "", b"").status(204);
    assert_eq!((of_provider(&gone), gone.body.len()), (Some(204), 0));
    let head = served.pass("HEAD", "/x", "", b"").status(200);
    assert_eq!((of_provider(&head), head.body.len()), (Some(200), 0));
    let asked = provider.asked();
    assert_eq!((asked[0].header("accept"), asked[1].path.as_str()), ("a/b", "/api/x?q=%20"));
    assert_eq!(asked[1].header("content-type"), "x/y");
    for asked in asked {
        assert_eq!(asked.header("authorization"), format!("Bearer {CREDENTIAL}"));
        assert!(asked.header("x-proxy-method").is_empty());
        assert!(asked.header("x-request-id").is_empty());
    }
}

/// What a call in JSON may hold is bounded; what is longer has a way of its own.
#[test]
fn threat_22_a_call_in_json_has_a_bound_that_it_tells() {
    let provider =
        FakeHub::start(|asked, _| Reply::text(200, "text/plain", asked.body.len().to_string()));
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let call = |length: usize| json!({"method": "POST", "path": "/x", "body": "a".repeat(length)});
    let long = call(ENVELOPE_LIMIT - 1_000);
    assert_eq!(told(served.ask(&long))["status"], 200);
    let received = provider.asked()[0].body.len();
    assert!(received >= ENVELOPE_LIMIT - 1_000, "{received}");
    let refused = served.ask(&call(ENVELOPE_LIMIT)).status(413);
    assert_eq!(refused.problem(), "request.too_large");
    let told = refused.text();
    assert!(told.contains(&ENVELOPE_LIMIT.to_string()), "{told}");
    assert!(told.contains("/admin/accounts/{id}/proxy"), "{told}");
    assert_eq!(provider.asked().len(), 1);
    let passed =
        served.pass("POST", "/x", "Content-Type: text/plain\r\n", &vec![b'a'; 2 * ENVELOPE_LIMIT]);
    assert_eq!(passed.status(200).text(), (2 * ENVELOPE_LIMIT).to_string());
}

#[test]
fn threat_32_the_address_of_a_failed_call_is_told_without_credentials_in_its_path() {
    let provider = always(Reply::json(400, &json!({"error": "no such thing"})));
    let mut definition = definition();
    definition["base_url"] = json!(format!("{ROOT}/bot${{api_key}}"));
    definition["auth"].as_array_mut().unwrap().truncate(1);
    let world = World { home: crate::support::cli::TestHome::new(), account: String::new() };
    world.import(definition, address(&provider));
    world.home.run("connectors enable acme").code(0);
    let account = world.add("acme-1", &["--set", "api_key=planted-credential"]);
    let world = World { account, ..world };
    let served = world.serve("--allow-target 127.0.0.0/8");
    let answer = told(served.ask(&json!({"path": "/err"})));
    assert_eq!(provider.asked()[0].path, "/botplanted-credential/err");
    let shown = answer["provider_errors"][0]["url"].as_str().unwrap();
    assert!(shown.ends_with("/err") && !shown.contains("planted-credential"), "{shown}");
}
