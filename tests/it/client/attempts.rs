//! What is sent, how often, and what becomes of an answer that never comes.

use std::time::{Duration, Instant};

use hubctl::api::requests::accounts::ChangeAccount;
use hubctl::client::{Client, Options};
use hubctl::domain::secret::Secret;
use hubctl::error::HubError;
use hubctl::hub::accounts::Changes;
use hubctl::hub::write::Guard;
use serde_json::json;

use super::{KEY, client, options};
use crate::support::http::{FakeHub, Reply};
use crate::support::hub::{DRY_RUN, block_on};

fn project() -> Reply {
    Reply::json(200, &json!({"id": "p", "name": "p", "created_at": "2026-06-01T12:00:00Z"}))
}

fn read(client: &Client) -> Result<(), HubError> {
    block_on(client.get_project(&"p".parse().unwrap())).map(drop)
}

fn write(client: &Client, guard: Guard) -> Result<(), HubError> {
    let id = "a1".parse().unwrap();
    block_on(client.update_account(&id, Changes::default(), guard)).map(drop)
}

#[test]
fn a_request_carries_key_name_and_id() {
    let hub = FakeHub::script(vec![project()]);
    read(&client(&hub)).unwrap();
    let asked = &hub.asked()[0];
    // Basic, the key as user name, no password.
    assert_eq!(asked.header("authorization"), format!("Basic {}", base64(&format!("{KEY}:"))));
    assert!(asked.header("user-agent").starts_with("hubctl/"));
    assert_eq!(asked.header("x-request-id").len(), 36);
    assert_eq!(asked.header("accept"), "application/json");
    assert_eq!(asked.route(), "GET /admin/projects/p");
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn a_root_may_have_a_path() {
    for root in ["/hub/v1", "/hub/v1/"] {
        let hub = FakeHub::script(vec![project()]);
        read(&Client::new(options(&format!("{}{root}", hub.url()))).unwrap()).unwrap();
        assert_eq!(hub.routes(), ["GET /hub/v1/admin/projects/p"]);
    }
}

#[test]
fn names_in_paths_are_one_segment_whatever_is_in_them() {
    let hub = FakeHub::script(vec![Reply::json(200, &json!({"auth_configs": null}))]);
    let client = client(&hub);
    for (name, path) in [
        ("My config / 2", "/admin/targets/My%20config%20%2F%202"),
        ("../accounts?x=1#y", "/admin/targets/..%2Faccounts%3Fx%3D1%23y"),
        ("a%2Fb\\c", "/admin/targets/a%252Fb%5Cc"),
        ("Ünïcode", "/admin/targets/%C3%9Cn%C3%AFcode"),
    ] {
        assert_eq!(block_on(client.target(name)).unwrap(), None);
        assert_eq!(hub.asked().last().unwrap().path, path);
    }
    let before = hub.asked().len();
    for name in ["", ".", ".."] {
        let error = block_on(client.target(name)).unwrap_err();
        assert_eq!(error.code().name, "usage.bad_value");
    }
    assert_eq!(hub.asked().len(), before);
}

#[test]
fn a_read_is_sent_again_after_what_passes() {
    for failure in [
        Reply::refusal(503, None, "busy"),
        Reply::refusal(502, None, "bad gateway"),
        Reply::refusal(408, None, "slow"),
        Reply::refusal(429, None, "slow down"),
        Reply::no_answer(),
        project().cut(),
    ] {
        let hub = FakeHub::script(vec![failure.clone(), failure, project()]);
        read(&client(&hub)).unwrap();
        assert_eq!(hub.asked().len(), 3);
        let ids: std::collections::HashSet<_> =
            hub.asked().iter().map(|asked| asked.header("x-request-id").to_owned()).collect();
        assert_eq!(ids.len(), 3, "each attempt has its own id");
    }
}

#[test]
fn a_read_whose_provider_fails_is_sent_once() {
    let slow = "`provider.example` did not answer within 20 s";
    for code in ["provider.unreachable", "provider.rate_limited", "provider.unknown_host"] {
        let hub = FakeHub::script(vec![Reply::refusal(502, Some(code), slow)]);
        let error = read(&client(&hub)).unwrap_err();
        assert_eq!((error.code().name, error.message()), (code, slow));
        assert_eq!(hub.asked().len(), 1);
    }
}

#[test]
fn a_read_is_given_up_after_the_retries() {
    for (retries, sent) in [(0, 1), (2, 3)] {
        let hub = FakeHub::script(vec![Reply::refusal(503, None, "busy")]);
        let error =
            read(&Client::new(Options { retries, ..options(&hub.url()) }).unwrap()).unwrap_err();
        assert_eq!(error.code().name, "remote.failed");
        assert_eq!(error.http_status(), Some(503));
        assert!(error.retryable() && !error.is_outcome_unknown());
        assert_eq!(hub.asked().len(), sent);
    }
}

#[test]
fn a_write_is_sent_once_unless_it_can_not_have_been_done() {
    for failure in [
        Reply::refusal(503, None, "busy"),
        Reply::refusal(500, None, "failed"),
        Reply::refusal(502, None, "bad gateway"),
        Reply::refusal(504, None, "slow"),
        Reply::refusal(408, Some("request.timed_out"), "slow"),
        Reply::text(200, "text/html", "<html>Please log in</html>"),
        Reply::no_answer(),
    ] {
        let hub = FakeHub::script(vec![failure]);
        let error = write(&client(&hub), Guard::default()).unwrap_err();
        assert_eq!(hub.asked().len(), 1, "{error}");
        assert!(error.is_outcome_unknown() && !error.retryable(), "{error}");
        assert!(error.hint_text().unwrap().contains("before repeating"), "{error:?}");
    }
    for told in ["conflict.stale", "provider.unreachable", "store.busy"] {
        let hub = FakeHub::script(vec![Reply::refusal(502, Some(told), "no")]);
        let error = write(&client(&hub), Guard::default()).unwrap_err();
        assert!(!error.is_outcome_unknown() && error.retryable(), "{error}");
    }
    let written = Reply::json(
        200,
        &json!({
            "resource": "account/a1", "changed": false, "dry_run": false,
            "affected_accounts": 0, "operation_id": null, "before": null, "after": null,
        }),
    );
    let hub = FakeHub::script(vec![Reply::refusal(429, None, "slow down"), written.clone()]);
    write(&client(&hub), Guard::default()).unwrap();
    assert_eq!(hub.asked().len(), 2);
    assert_eq!(hub.asked()[0].body, hub.asked()[1].body);
    // A rehearsal changes nothing, and is as safe as a read.
    let hub = FakeHub::script(vec![Reply::refusal(503, None, "busy"), written]);
    write(&client(&hub), DRY_RUN).unwrap();
    assert_eq!(hub.asked().len(), 2);
    assert_eq!(hub.asked()[0].param("dry_run").as_deref(), Some("true"));
}

#[test]
fn a_write_without_an_answer_may_have_been_done_and_says_so() {
    let hub = FakeHub::script(vec![Reply::silence()]);
    let quick = Options { timeout: Duration::from_millis(200), ..options(&hub.url()) };
    let error = write(&Client::new(quick).unwrap(), Guard::default()).unwrap_err();
    assert_eq!(error.code().name, "remote.unreachable");
    assert!(error.message().contains("may have been made"), "{error}");
    assert!(error.is_outcome_unknown() && !error.retryable(), "{error}");
    assert_eq!(hub.asked().len(), 1);
}

#[test]
fn retry_after_is_waited_for() {
    let slow = Reply::refusal(429, Some("rate.limited"), "slow down").header("retry-after", "1");
    let hub = FakeHub::script(vec![slow, project()]);
    let began = Instant::now();
    read(&client(&hub)).unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_wait_that_is_longer_than_allowed_is_not_begun() {
    let slow = Reply::refusal(429, None, "slow down").header("retry-after", "3600");
    let hub = FakeHub::script(vec![slow]);
    let began = Instant::now();
    let error = read(&client(&hub)).unwrap_err();
    assert_eq!(error.code().name, "remote.rate_limited");
    assert!(error.message().contains("3600 s") && error.message().contains("--max-wait is 2 s"));
    assert_eq!((hub.asked().len(), error.http_status()), (1, Some(429)));
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_wait_without_end_is_a_wait_that_is_too_long() {
    let slow = |after: &str| Reply::refusal(429, None, "slow down").header("retry-after", after);
    let hub = FakeHub::script(vec![slow("0"), slow("18446744073709551615")]);
    let error = read(&client(&hub)).unwrap_err();
    assert_eq!(hubctl::cli::exit::exit_code(&error), 9, "{error}");
    assert!(error.message().contains("to wait 18446744073709551615 s"), "{error}");
    assert_eq!(hub.asked().len(), 2);
}

#[test]
fn a_hub_that_never_stops_to_say_slow_down_is_left() {
    let hub = FakeHub::script(vec![Reply::refusal(429, None, "slow down")]);
    let short = Options { max_wait: Duration::from_millis(50), ..options(&hub.url()) };
    let error = read(&Client::new(short).unwrap()).unwrap_err();
    assert_eq!(error.code().name, "remote.rate_limited");
    assert!(hub.asked().len() > 1);
}

#[test]
fn an_answer_that_stops_coming_is_timed_out() {
    for reply in [Reply::silence(), project().hang()] {
        let hub = FakeHub::script(vec![reply]);
        let timeout = Duration::from_millis(200);
        let quick = Options { timeout, retries: 0, ..options(&hub.url()) };
        let error = read(&Client::new(quick).unwrap()).unwrap_err();
        assert_eq!(error.code().name, "remote.unreachable");
        assert!(error.message().contains(&hub.url()), "{error}");
        assert!(error.message().contains("--http-timeout"), "{error}");
    }
}

#[test]
fn nothing_at_the_address_names_it_and_what_to_type() {
    let url = {
        let hub = FakeHub::script(vec![project()]);
        hub.url()
    };
    for write_it in [false, true] {
        let client = Client::new(Options { retries: 1, ..options(&url) }).unwrap();
        let error = match write_it {
            true => write(&client, Guard::default()).unwrap_err(),
            false => read(&client).unwrap_err(),
        };
        assert_eq!(error.code().name, "remote.unreachable");
        assert!(error.message().contains(&url) && !error.message().contains("may have"), "{error}");
        assert!(error.hint_text().unwrap().contains("hubctl doctor"));
        assert!(error.retryable());
    }
}

#[test]
fn a_name_that_is_not_there_is_unreachable() {
    let client = Client::new(options("http://nothing.invalid")).unwrap();
    let error = read(&client).unwrap_err();
    assert_eq!(error.code().name, "remote.unreachable");
    assert!(error.message().contains("http://nothing.invalid"), "{error}");
}

#[test]
fn https_to_a_hub_without_tls_is_told() {
    let hub = FakeHub::script(vec![project()]);
    let url = hub.url().replace("http://", "https://");
    let client = Client::new(Options { retries: 0, ..options(&url) }).unwrap();
    let error = read(&client).unwrap_err();
    assert_eq!(error.code().name, "remote.unreachable");
    assert!(error.message().contains("secure connection"), "{error}");
}

#[test]
fn threat_20_the_key_is_never_sent_on_to_another_place() {
    let other = FakeHub::script(vec![project()]);
    for status in [301, 302, 303, 307, 308] {
        let to = format!("{}/admin/projects/p", other.url());
        let hub = FakeHub::script(vec![Reply::text(status, "", "").header("location", to)]);
        let error = read(&client(&hub)).unwrap_err();
        assert_eq!(error.code().name, "remote.redirected");
        assert!(error.message().contains(&other.url()), "{error}");
        assert_eq!(hub.asked().len(), 1);
    }
    assert_eq!(other.asked().len(), 0);
}

#[test]
fn a_read_follows_the_hub_within_itself_and_a_write_does_not() {
    let moved = || Reply::text(307, "", "").header("location", "/elsewhere");
    let hub = FakeHub::script(vec![moved(), project()]);
    read(&client(&hub)).unwrap();
    assert_eq!(hub.routes(), ["GET /admin/projects/p", "GET /elsewhere"]);
    let hub = FakeHub::script(vec![moved()]);
    let error = write(&client(&hub), Guard::default()).unwrap_err();
    assert_eq!((error.code().name, hub.asked().len()), ("remote.redirected", 1));
    assert!(!error.retryable() && !error.is_outcome_unknown());
    let hub = FakeHub::script(vec![moved()]);
    assert_eq!(read(&client(&hub)).unwrap_err().code().name, "remote.redirected");
    assert!(hub.asked().len() < 6);
}

#[test]
fn a_key_that_was_copied_badly_is_never_sent() {
    for key in ["", "v1.local.7_abc ", "v1.local\n.7_abc", "\u{feff}v1.local.7_abc"] {
        let options = Options { key: Secret::new(key), ..options("http://127.0.0.1:1") };
        let error = Client::new(options).unwrap_err();
        assert_eq!(error.code().name, "remote.key_malformed");
        assert!(!format!("{error:?}").contains("7_abc"), "{error:?}");
    }
}

#[test]
fn an_address_that_is_no_hubs_is_refused() {
    for url in
        ["ftp://hub.example.com", "http://user:pw@hub.example.com", "http://h?x=1", "http://h#x"]
    {
        let error = Client::new(options(url)).unwrap_err();
        assert_eq!(error.code().name, "usage.bad_value", "{url}");
        assert!(!format!("{error:?}").contains("pw@"), "{error:?}");
    }
}

#[test]
fn a_change_is_sent_as_it_is_asked_for() {
    let hub = FakeHub::script(vec![Reply::refusal(409, Some("conflict.stale"), "changed")]);
    let changes = Changes {
        update: hubctl::domain::account::Update {
            label: Some(None),
            clear_metadata: true,
            ..Default::default()
        },
        ..Changes::default()
    };
    let guard = Guard { dry_run: false, max_affected: Some(3) };
    let id = "a1".parse().unwrap();
    let error = block_on(client(&hub).update_account(&id, changes, guard)).unwrap_err();
    assert_eq!(error.code().name, "conflict.stale");
    let asked = &hub.asked()[0];
    assert_eq!(asked.json(), json!({"label": null, "metadata": null}));
    assert_eq!(asked.param("max_affected").as_deref(), Some("3"));
    let read: ChangeAccount = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(read.label, Some(None));
}
