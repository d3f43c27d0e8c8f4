//! `hubctl request`, on a store of one's own and on a hub elsewhere.

use serde_json::json;

use crate::support::cli::TestHome;
use crate::support::http::{Asked, FakeHub, Reply};

use super::{CREDENTIAL, SCOPES, World, address};

fn provider() -> FakeHub {
    FakeHub::start(|asked: &Asked, _| match asked.path.split('?').next().unwrap() {
        "/api/bytes" => Reply::text(200, "image/png", b"\x89PNG\x00\xff\n".to_vec()),
        "/api/missing" => Reply::json(404, &json!({"error": "none"})),
        "/api/own" => Reply::json(200, &json!({}))
            .header("x-request-id", "theirs")
            .header("cache-control", "max-age=5")
            .header("content-security-policy", "default-src 'self'")
            .header("x-hubctl-provider-status", "999")
            .header("x-own", "1"),
        "/api/limited" => Reply::json(429, &json!({})).header("retry-after", "60"),
        "/api/broken" => Reply::no_answer(),
        "/api/failed" => Reply::json(503, &json!({})).header("retry-after", "60"),
        "/api/moved" => Reply::text(302, "text/plain", "").header("location", "/elsewhere"),
        _ => Reply::json(
            200,
            &json!({"path": asked.path, "method": asked.method,
                    "body": String::from_utf8_lossy(&asked.body),
                    "type": asked.header("content-type"), "x": asked.header("x-own")}),
        ),
    })
}

#[test]
fn a_request_is_the_same_on_a_store_and_on_a_hub_elsewhere() {
    let provider = provider();
    let world = World::at(address(&provider));
    let key = world.home.key("away", &SCOPES);
    let serving = world.home.serve("--rate-limit 0 --allow-target 127.0.0.0/8");
    let away = TestHome::new()
        .with("HUBCTL_API_URL", format!("http://{}", serving.address))
        .with("HUBCTL_API_KEY", key);
    let account = &world.account;
    world.home.file("body.json", r#"{"from":"file"}"#);
    away.file("body.json", r#"{"from":"file"}"#);
    let id = regex::Regex::new(r"request [0-9a-f-]{36}").unwrap();
    for (line, code) in [
        ("request GET /x", 0),
        ("request get /x?a=1 -F b=2 -f c=3", 0),
        ("request POST /x -F a=1 -F b[]=x -f c=2 -H X-Own:1", 0),
        ("request PUT /x --input body.json", 0),
        ("request PATCH /x --input body.json -H Content-Type:application/merge-patch+json", 0),
        ("request DELETE /x", 0),
        ("request GET /x --jq .method", 0),
        ("request GET /x --fields method", 0),
        ("request GET /x --fields nope", 2),
        ("request GET /x --columns method", 2),
        ("request POST /x -F a=1 -o csv", 2),
        ("request GET /missing --fields nope", 3),
        ("request GET /missing", 3),
        ("request GET /missing --jq .error", 3),
        ("request GET /limited", 9),
        ("request GET /moved", 0),
        ("request GET //evil.example/x", 2),
        ("request CONNECT /x", 2),
        ("request GET /x -H Authorization:stolen", 2),
        ("request GET /x -H nothing", 2),
        ("request POST /x -F a=1 --dry-run", 0),
    ] {
        let line = format!("{line} --account {account}");
        let (here, there) = (world.home.run(&line), away.run(&line));
        assert_eq!(here.code, code, "{line}: {here:?}");
        let told = |text: &str| id.replace_all(text, "request ID").into_owned();
        assert_eq!(
            (here.code, &here.stdout, told(&here.stderr)),
            (there.code, &there.stdout, told(&there.stderr)),
            "{line}"
        );
        assert!(!format!("{here:?}{there:?}").contains(CREDENTIAL), "{line}");
    }
    let narrowed = world.home.run(&format!("request GET /x --fields method --account {account}"));
    assert_eq!(narrowed.stdout, "{\"method\":\"GET\"}\n");
    let moved = world.home.run(&format!("request GET /moved --account {account}"));
    assert!(moved.stderr.contains("answered 302 and leads to another path"), "{moved:?}");
    let nobody = "request GET /x --account 01999999-9999-7999-8999-999999999903";
    assert_eq!((world.home.run(nobody).code, away.run(nobody).code), (3, 3));
    let asked = provider.asked();
    assert!(asked.iter().all(|asked| asked.method != "POST" || !asked.body.is_empty()));
    let with = asked.iter().find(|asked| asked.path.contains("b=2")).unwrap();
    assert_eq!(with.path, "/api/x?a=1&b=2&c=3");
}

#[test]
fn a_write_that_the_provider_may_have_done_is_told_alike_wherever_the_hub_is() {
    let provider = provider();
    let world = World::at(address(&provider));
    let serving = world.home.serve("--rate-limit 0 --allow-target 127.0.0.0/8");
    let away = TestHome::new()
        .with("HUBCTL_API_URL", format!("http://{}", serving.address))
        .with("HUBCTL_API_KEY", world.home.key("away", &SCOPES));
    let account = &world.account;
    for (call, code, is_unknown) in [
        ("POST /broken -F a=1", "provider.unreachable", true),
        ("POST /broken -F a=1 -H Idempotency-Key:k", "provider.unreachable", false),
        ("GET /broken", "provider.unreachable", false),
        ("POST /failed -F a=1", "answer.failed", true),
        ("POST /failed -F a=1 -H Idempotency-Key:k", "answer.failed", false),
        ("GET /failed", "answer.failed", false),
    ] {
        for home in [&world.home, &away] {
            let ended = home.run(&format!("request {call} --account {account} --json")).code(10);
            let error = ended.error();
            assert_eq!(error["code"], code, "{call}: {error}");
            assert_eq!(error["outcome_unknown"], is_unknown, "{call}: {error}");
            assert_eq!(error["retryable"], !is_unknown, "{call}: {error}");
            let hint = error["hint"].as_str().unwrap_or_default();
            assert_eq!(hint.contains("hubctl logs list --account"), is_unknown, "{call}: {error}");
        }
    }
    for home in [&world.home, &away] {
        let ended = home.run(&format!("request GET /limited --account {account} --json"));
        let detail = ended.error()["details"][0].clone();
        assert_eq!(detail["provider_status"], 429, "{detail}");
        assert!(detail["retry_at"].as_str().unwrap().ends_with('Z'), "{detail}");
    }
}

#[test]
fn headers_are_the_providers_alone_wherever_the_hub_is() {
    let provider = provider();
    let world = World::at(address(&provider));
    let serving = world.home.serve("--rate-limit 0 --allow-target 127.0.0.0/8");
    let away = TestHome::new()
        .with("HUBCTL_API_URL", format!("http://{}", serving.address))
        .with("HUBCTL_API_KEY", world.home.key("away", &SCOPES))
        .with("HUBCTL_PROJECT", "default");
    for path in ["/own", "/x", "/bytes"] {
        let head = |home: &TestHome| {
            let line = ["request", "GET", path, "-i", "--account", &world.account];
            let shown = home.command(line).output().unwrap().stdout;
            let shown = String::from_utf8_lossy(&shown).into_owned();
            let head = shown.split("\n\n").next().unwrap().to_owned();
            let is_of_now = |line: &&str| line.starts_with("date: ");
            let is_spoof = |line: &&str| line.starts_with("x-hubctl-");
            let lines = head.lines().filter(|line| !is_of_now(line) && !is_spoof(line));
            lines.map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
        };
        let (here, there) = (head(&world.home), head(&away));
        assert_eq!(here, there, "{path}");
        assert_eq!(here.contains("x-request-id: theirs"), path == "/own", "{here:?}");
    }
    serving.stop();
}

#[test]
fn a_body_is_written_and_sent_as_it_is() {
    let provider = provider();
    let world = World::at(address(&provider));
    let serving = world.home.serve("--rate-limit 0 --allow-target 127.0.0.0/8");
    let away = TestHome::new()
        .with("HUBCTL_API_URL", format!("http://{}", serving.address))
        .with("HUBCTL_API_KEY", world.home.key("away", &SCOPES));
    let account = &world.account;
    let long: Vec<u8> = (0..3_000_000_u32).map(|at| u8::try_from(at % 253).unwrap()).collect();
    for home in [&world.home, &away] {
        let got =
            home.command(["request", "GET", "/bytes", "--account", account]).output().unwrap();
        assert_eq!(got.stdout, b"\x89PNG\x00\xff\n");
        let head = home.command(["request", "GET", "/bytes", "-i", "--account", account]);
        let head = { head }.output().unwrap();
        assert!(head.stdout.starts_with(b"HTTP 200\n"), "{head:?}");
        assert!(head.stdout.ends_with(b"\n\n\x89PNG\x00\xff\n"), "{head:?}");
        home.file("long.bin", &long);
        let line = format!("request POST /x --input long.bin --account {account}");
        home.run(&format!("{line} -H Content-Type:a/b")).code(0);
        let line = format!("request POST /x --input - --account {account}");
        home.piped(&line, &long).code(0);
    }
    let sent: Vec<_> =
        provider.asked().into_iter().filter(|asked| asked.method == "POST").collect();
    assert_eq!(sent.len(), 4);
    for asked in &sent {
        assert!(asked.body == long, "{}", asked.body.len());
    }
    assert_eq!(sent[0].header("content-length"), long.len().to_string());
    assert_eq!(sent[0].header("content-type"), "a/b");
}
