//! Calls that a person writes.

use hubctl::client::{Client, Options, Raw};
use hubctl::error::HubError;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{KEY, client, options};
use crate::support::http::{FakeHub, Reply};
use crate::support::hub::block_on;

fn raw(method: &str, path: &str) -> Raw {
    Raw {
        method: method.to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
    }
}

fn refused(client: &Client, raw: &Raw) -> HubError {
    block_on(client.raw(raw)).unwrap_err()
}

#[test]
fn a_call_is_sent_as_it_is_written_and_answered_as_it_came() {
    let reply = Reply::text(201, "application/json", "{ \"b\":1,\n\"a\":2 }").header("x-more", "1");
    let hub = FakeHub::script(vec![reply]);
    let mut call = raw("post", "accounts/7?x=1");
    call.query.push(("page size".to_owned(), "a&b".to_owned()));
    call.headers.push(("X-Account-Id".to_owned(), "45".to_owned()));
    call.body = Some(Zeroizing::new(b"{\"a\":1}".to_vec()));
    let answer = block_on(client(&hub).raw(&call)).unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (201, &b"{ \"b\":1,\n\"a\":2 }"[..]));
    assert!(answer.headers.contains(&("x-more".to_owned(), "1".to_owned())));
    assert!(answer.error.is_none());
    let asked = &hub.asked()[0];
    assert_eq!(asked.path, "/accounts/7?x=1&page+size=a%26b");
    assert_eq!(asked.header("x-account-id"), "45");
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!(asked.body, b"{\"a\":1}");
}

#[test]
fn a_refusal_is_answered_with_its_body_and_ends_by_its_status() {
    for (status, exit) in
        [(404, 3), (401, 4), (403, 5), (409, 6), (422, 6), (400, 2), (500, 10), (301, 10)]
    {
        let hub = FakeHub::script(vec![Reply::refusal(status, None, "because")]);
        let answer = block_on(client(&hub).raw(&raw("DELETE", "/x"))).unwrap();
        assert_eq!(answer.status, status);
        assert!(String::from_utf8(answer.body).unwrap().contains("because"));
        assert_eq!(hubctl::cli::exit::exit_code(&answer.error.unwrap()), exit, "{status}");
    }
}

#[test]
fn threat_17_a_call_goes_to_the_configured_hub_and_nowhere_else() {
    let other = FakeHub::script(vec![Reply::json(200, &json!({}))]);
    let hub = FakeHub::script(vec![Reply::json(200, &json!({}))]);
    let client = client(&hub);
    let host = other.url().replace("http://", "");
    let own = hub.url().replace("http://", "");
    for path in [
        other.url(),
        format!("https://{own}/accounts"),
        format!("http://user@{own}/accounts"),
        format!("{}@{host}/accounts", hub.url()),
        "file:///etc/passwd".to_owned(),
    ] {
        let error = refused(&client, &raw("GET", &path));
        assert_eq!(error.code().name, "usage.bad_value", "{path}");
    }
    assert!(hub.asked().is_empty());
    for path in [
        format!("//{host}/x"),
        format!("/\\{host}/x"),
        format!("\\\\{host}\\x"),
        format!("@{host}/x"),
        format!("..//{host}/x"),
        format!("{}/x", hub.url()),
    ] {
        block_on(client.raw(&raw("GET", &path))).unwrap();
    }
    assert_eq!(hub.asked().len(), 6);
    assert!(other.asked().is_empty());
}

#[test]
fn headers_that_steer_the_connection_or_the_key_are_refused() {
    let hub = FakeHub::script(vec![Reply::json(200, &json!({}))]);
    let client = client(&hub);
    for (name, value) in [
        ("Authorization", "Basic x"),
        ("host", "evil.example"),
        ("Cookie", "a=b"),
        ("Content-Length", "1"),
        ("Transfer-Encoding", "chunked"),
        ("X-A", "b\r\nX-C: d"),
        ("X A", "b"),
        ("", "b"),
    ] {
        let mut call = raw("GET", "/x");
        call.headers.push((name.to_owned(), value.to_owned()));
        assert_eq!(refused(&client, &call).code().name, "usage.bad_value", "{name}");
    }
    assert_eq!(refused(&client, &raw("G ET", "/x")).code().name, "usage.bad_value");
    assert!(hub.asked().is_empty());
}

#[test]
fn only_reads_and_what_providers_do_once_are_sent_again() {
    let key = Some("k-1");
    for (method, path, key, sent) in [
        ("GET", "/x", None, 2),
        ("POST", "/x", None, 1),
        // The hub itself does not keep the key.
        ("POST", "/x", key, 1),
        ("POST", "/connect_sessions", key, 1),
        ("POST", "/unified/proxy", key, 1),
        ("DELETE", "/admin/accounts/7/proxy", key, 1),
        ("POST", "/admin/accounts/7/proxy", None, 1),
        ("POST", "/admin/accounts/7/proxy", key, 2),
        ("post", "admin/accounts/7/proxy?x=1", key, 2),
    ] {
        let busy = Reply::refusal(503, None, "busy");
        let hub = FakeHub::script(vec![busy, Reply::json(200, &json!({}))]);
        let mut call = raw(method, path);
        call.headers.extend(key.map(|key| ("Idempotency-Key".to_owned(), key.to_owned())));
        let answer = block_on(client(&hub).raw(&call)).unwrap();
        let expected = (sent, if sent == 2 { 200 } else { 503 });
        assert_eq!((hub.asked().len(), answer.status), expected, "{method} {path} {key:?}");
    }
    // Below a path of its own, too.
    let hub = FakeHub::script(vec![Reply::no_answer(), Reply::json(200, &json!({}))]);
    let below = Client::new(options(&format!("{}/api/", hub.url()))).unwrap();
    let mut call = raw("POST", "/admin/accounts/7/proxy");
    call.headers.push(("Idempotency-Key".to_owned(), "k-1".to_owned()));
    assert_eq!(block_on(below.raw(&call)).unwrap().status, 200);
    assert_eq!(hub.asked()[1].path, "/api/admin/accounts/7/proxy");
    // The last refusal is answered, not swallowed.
    let hub = FakeHub::script(vec![Reply::refusal(503, None, "busy")]);
    let one = Client::new(Options { retries: 1, ..options(&hub.url()) }).unwrap();
    let answer = block_on(one.raw(&raw("GET", "/x"))).unwrap();
    assert_eq!((answer.status, hub.asked().len()), (503, 2));
    assert!(String::from_utf8(answer.body).unwrap().contains("busy"));
}

fn pages(
    reply: impl Fn(u64, Option<String>) -> Reply + Send + Sync + 'static,
    path: &str,
) -> Value {
    let hub = FakeHub::start(move |asked, _| {
        let page = asked.param("page").map_or(1, |page| page.parse().unwrap());
        reply(page, asked.param("next"))
    });
    let answer = block_on(client(&hub).raw_pages(&raw("GET", path))).unwrap();
    assert!(hub.asked().iter().all(|asked| asked.path.matches("page=").count() <= 1));
    serde_json::from_slice(&answer.body).unwrap()
}

fn rows(from: u64, to: u64) -> Value {
    (from..=to).map(|id| json!({"id": id})).collect()
}

#[test]
fn pages_become_one_list() {
    let numbered = |page: u64, _| {
        Reply::json(200, &if page == 3 { rows(51, 60) } else { rows(page * 25 - 24, page * 25) })
    };
    assert_eq!(pages(numbered, "/accounts"), rows(1, 60));
    let wrapped = |page: u64, _| {
        let data = if page == 2 { rows(26, 30) } else { rows(1, 25) };
        Reply::json(200, &json!({"data": data, "page": page}))
    };
    assert_eq!(pages(wrapped, "/connector_profiles"), rows(1, 30));
    let cursor = |_, next: Option<String>| match next.as_deref() {
        None => Reply::json(200, &json!({"data": rows(1, 2), "next": "c/2"})),
        Some("c/2") => Reply::json(200, &json!({"data": rows(3, 3), "next": null})),
        Some(other) => Reply::refusal(400, None, other),
    };
    assert_eq!(pages(cursor, "/requests/logs"), rows(1, 3));
    let unpaged = |_, _| Reply::json(200, &rows(1, 100));
    assert_eq!(pages(unpaged, "/admin/accounts"), rows(1, 100));
    let second =
        |page: u64, _| Reply::json(200, &if page < 3 { rows(26, 50) } else { rows(51, 51) });
    assert_eq!(pages(second, "/accounts?page=2"), rows(26, 51));
}

#[test]
fn kp_12_a_page_without_rows_is_the_last_one_only_where_it_says_so() {
    let sparse = |_, next: Option<String>| {
        let (data, next) = match next.as_deref() {
            None => (rows(1, 2), json!("c/2")),
            Some("c/2") => (json!([]), json!("c/3")),
            Some("c/3") => (rows(1, 2), json!("c/4")),
            Some("c/4") => (rows(3, 3), json!(null)),
            Some(other) => return Reply::refusal(400, None, other),
        };
        Reply::json(200, &json!({"data": data, "next": next}))
    };
    assert_eq!(pages(sparse, "/requests/logs"), rows(1, 3));
    assert_eq!(pages(sparse, "/requests/logs?next=c/3"), rows(1, 3));
}

#[test]
fn rows_without_an_id_are_all_kept() {
    let nameless = json!([{"id": null, "n": 1}, {"id": null, "n": 2}, {"id": null, "n": 2}]);
    let reply = Reply::json(200, &nameless);
    assert_eq!(pages(move |_, _| reply.clone(), "/x"), nameless);
    let cursor = |_, next: Option<String>| {
        let next = if next.is_none() { json!("c/2") } else { json!(null) };
        Reply::json(200, &json!({"data": [{"n": 1}, {"id": [7]}, {"id": [7]}], "next": next}))
    };
    let three = [json!({"n": 1}), json!({"id": [7]}), json!({"id": [7]})];
    assert_eq!(pages(cursor, "/x"), json!([three.clone(), three].concat()));
    // A hub that does not know pages.
    let full: Value = (0..25).map(|n| json!({"n": n})).collect();
    let reply = Reply::json(200, &full);
    assert_eq!(pages(move |_, _| reply.clone(), "/x"), full);
}

#[test]
fn rows_are_passed_on_as_they_came() {
    let rows =
        r#"{"id":45355976281015164504,"n":0.10000000000000000001},{"id":45355976281015164505}"#;
    for text in [format!("[{rows}]"), format!(" {{ \"data\" : [{rows} ] , \"next\" : null }}\n")] {
        let hub = FakeHub::script(vec![Reply::text(200, "application/json", text)]);
        let answer = block_on(client(&hub).raw_pages(&raw("GET", "/x"))).unwrap();
        assert_eq!(String::from_utf8(answer.body).unwrap(), format!("[{rows}]\n"));
    }
}

#[test]
fn page_0_and_a_size_in_any_spelling_leave_nothing_out() {
    let single = |page: u64, _| {
        Reply::json(200, &if page > 3 { json!([]) } else { rows(page.max(1), page.max(1)) })
    };
    for path in ["/accounts?page=0&page_size=1", "/accounts?page_size=1.0"] {
        assert_eq!(pages(single, path), rows(1, 3), "{path}");
    }
}

#[test]
fn a_list_that_goes_on_where_it_has_been_is_no_list() {
    for (path, cursors) in
        [("/x", &["a", "a"][..]), ("/x", &["a", "b", "a"]), ("/x?next=b", &["a", "b"])]
    {
        let hub = FakeHub::start(|_, number| {
            let row = u64::try_from(number).unwrap();
            let next = cursors[number.min(cursors.len() - 1)];
            Reply::json(200, &json!({"data": rows(row, row), "next": next}))
        });
        let error = block_on(client(&hub).raw_pages(&raw("GET", path))).unwrap_err();
        assert_eq!(error.code().name, "remote.bad_answer", "{cursors:?}");
        assert_eq!(hub.asked().len(), cursors.len(), "{cursors:?}");
    }
}

#[test]
fn a_page_that_fails_leaves_no_part_of_a_list() {
    let hub = FakeHub::start(|asked, _| match asked.param("page") {
        None => Reply::json(200, &rows(1, 25)),
        Some(_) => Reply::refusal(403, None, "no more"),
    });
    let client = client(&hub);
    let answer = block_on(client.raw_pages(&raw("GET", "/accounts"))).unwrap();
    assert_eq!(answer.status, 403);
    assert!(answer.error.is_some() && !String::from_utf8(answer.body).unwrap().contains("\"id\""));
    for call in [raw("POST", "/accounts"), raw("GET", "/object")] {
        let hub = FakeHub::script(vec![Reply::json(200, &json!({"a": 1}))]);
        let error = block_on(super::client(&hub).raw_pages(&call)).unwrap_err();
        assert_eq!(error.code().name, "usage.bad_value");
    }
}

#[test]
fn threat_32_what_went_wrong_does_not_repeat_the_key() {
    let hub = FakeHub::script(vec![Reply::refusal(401, None, &format!("bad key {KEY}"))]);
    let answer = block_on(client(&hub).raw(&raw("GET", "/x"))).unwrap();
    assert!(!format!("{:?}", answer.error).contains(KEY));
}
