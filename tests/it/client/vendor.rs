//! The vendor's platform: what is sent, and what never is.

use std::ops::ControlFlow;

use hubctl::api::accounts::Account;
use hubctl::api::request_logs::LogRow;
use hubctl::api::requests::request_logs::Include;
use hubctl::client::{Client, Verified};
use hubctl::domain::account::Update;
use hubctl::domain::connect_session::NewSession;
use hubctl::domain::connector::guide::Audience;
use hubctl::error::HubError;
use hubctl::hub::accounts::{Changes, Filter, Sort};
use hubctl::hub::auth_configs::Filter as Configs;
use hubctl::hub::logs::Filter as LogFilter;
use hubctl::hub::write::Guard;
use serde_json::{Value, json};

use super::vendors;
use crate::support::asked::session_with;
use crate::support::http::{Asked, FakeHub, Reply};
use crate::support::hub::{DRY_RUN, block_on};

fn account(number: u64) -> Value {
    json!({
        "id": format!("{number:020}"), "provider": "hubspot", "origin_owner_id": "acme",
        "origin_owner_name": "Acme", "status": "active",
        "created_at": format!("2026-06-01T12:00:{:02}Z", number % 60),
        "updated_at": "2026-06-01T14:00:00.000Z",
    })
}

pub(super) fn config(id: &str, connector: &str, is_default: bool) -> Value {
    json!({
        "id": id, "name": format!("{connector} {id}"), "connector_key": connector,
        "connector_label": connector, "logo_url": "", "release_stage": "later",
        "categories": ["crm", "later"], "active": true, "default": is_default,
        "created_at": "2026-06-01T12:00:00Z", "updated_at": "2026-06-01T12:00:00Z",
    })
}

fn page_of(asked: &Asked, all: &[Value], most: usize) -> Vec<Value> {
    let number = |name: &str| asked.param(name).unwrap().parse::<usize>().unwrap();
    let size = number("page_size").min(most);
    all.iter().skip((number("page") - 1) * size).take(size).cloned().collect()
}

fn listed(client: &Client, filter: &Filter) -> Result<Vec<String>, HubError> {
    let mut ids = Vec::new();
    let each = |account: &Account<'_>| {
        ids.push(account.id.trim_start_matches('0').to_owned());
        Ok(ControlFlow::Continue(()))
    };
    block_on(client.accounts(filter, each))?;
    Ok(ids)
}

#[test]
fn a_list_is_whole_whatever_page_size_the_platform_grants() {
    for count in [0, 1, 24, 25, 26, 99, 100, 101, 205] {
        for most in [25, 30, 100] {
            for wrapped in [false, true] {
                let all: Vec<Value> = (1..=count).map(account).collect();
                let hub = FakeHub::start(move |asked, _| {
                    let rows = Value::Array(page_of(asked, &all, most));
                    Reply::json(200, &if wrapped { json!({"data": rows}) } else { rows })
                });
                let found = listed(&vendors(&hub), &Filter::default()).unwrap();
                assert_eq!(found.len() as u64, count, "{count} in pages of {most}");
            }
        }
    }
}

#[test]
fn rows_come_once_each_where_pages_overlap_or_repeat() {
    // One that knows no pages, and one whose rows move while they are read.
    let hub = FakeHub::start(|_, _| Reply::json(200, &(1..=40).map(account).collect()));
    assert_eq!(listed(&vendors(&hub), &Filter::default()).unwrap().len(), 40);
    let hub = FakeHub::start(|asked, _| {
        let page: u64 = asked.param("page").unwrap().parse().unwrap();
        let first = (page - 1) * 20 + 1;
        Reply::json(200, &(first..(first + 30).min(91)).map(account).collect())
    });
    assert_eq!(listed(&vendors(&hub), &Filter::default()).unwrap().len(), 90);
}

#[test]
fn a_list_that_is_shorter_than_it_says_is_not_complete() {
    let hub = FakeHub::start(|asked, _| {
        let first = asked.param("page").as_deref() == Some("1");
        let rows: Vec<Value> = if first { (1..=30).map(account).collect() } else { Vec::new() };
        Reply::json(200, &json!({"data": rows, "page": 1, "page_size": 30, "total": 60}))
    });
    let error = listed(&vendors(&hub), &Filter::default()).unwrap_err();
    assert_eq!(error.code().name, "remote.bad_answer");
    assert!(error.message().contains("60") && error.message().contains("30"), "{error}");
}

#[test]
fn filters_are_asked_for_and_applied_whether_or_not_the_platform_knows_them() {
    let mut other = account(2);
    other["provider"] = json!("bamboohr");
    other["status"] = json!("error");
    other["type"] = json!("test");
    other["updated_at"] = json!("2026-06-02T00:00:00Z");
    let rows = json!([account(1), other, account(3)]);
    let hub = FakeHub::start(move |_, _| Reply::json(200, &rows));
    let client = vendors(&hub);
    let only = |filter: Filter| listed(&client, &filter).unwrap();
    let providers = vec!["bamboohr".parse().unwrap()];
    assert_eq!(only(Filter { providers, ..Filter::default() }), ["2"]);
    assert!(hub.asked()[0].path.contains("providers=bamboohr"));
    assert_eq!(
        only(Filter { statuses: vec!["active".parse().unwrap()], ..Filter::default() }),
        ["1", "3"]
    );
    assert_eq!(only(Filter { kind: Some("test".parse().unwrap()), ..Filter::default() }), ["2"]);
    let since = "2026-06-01T20:00:00Z".parse().ok();
    assert_eq!(only(Filter { updated_since: since, ..Filter::default() }), ["2"]);
    assert_eq!(only(Filter { sort: Sort::Provider, ..Filter::default() }), ["2", "1", "3"]);
    assert_eq!(only(Filter { descending: true, ..Filter::default() }), ["3", "2", "1"]);
    let after = format!("{:020}", 1).parse().ok();
    assert_eq!(only(Filter { after, ..Filter::default() }), ["2", "3"]);
    let before = hub.asked().len();
    let filter = Filter { auth_configs: vec!["c1".parse().unwrap()], ..Filter::default() };
    let error = listed(&client, &filter).unwrap_err();
    assert_eq!((error.code().name, hub.asked().len()), ("remote.unsupported", before));
}

#[test]
fn keys_that_are_missing_null_or_newer_are_no_trouble() {
    let bare = json!({
        "id": 7, "connector": "hubspot", "owner_id": "acme", "status": "dreaming",
        "label": {"x": 1}, "status_reasons": null, "setup_information": null, "type": null,
        "created_at": "2026-06-01T12:00:00+02:00", "updated_at": "2026-06-01T12:00:00Z", "v": 2,
    });
    let hub = FakeHub::start(move |_, _| Reply::json(200, &bare));
    let found = block_on(vendors(&hub).account(&"7".parse().unwrap())).unwrap();
    assert_eq!((found.id.as_str(), found.status.as_ref()), ("7", "dreaming"));
    assert_eq!((found.kind.as_ref(), found.origin_owner_name.as_str()), ("production", ""));
    assert_eq!(found.provider_name.as_deref(), Some("HubSpot"));
    assert_eq!(found.label.as_deref(), Some(r#"{"x":1}"#));
}

#[test]
fn an_account_that_is_not_there_is_the_same_error_as_on_a_local_store() {
    let hub = FakeHub::script(vec![Reply::refusal(404, None, "Account not found")]);
    let client = vendors(&hub);
    let error = block_on(client.account(&"a1".parse().unwrap())).unwrap_err();
    assert_eq!(
        (error.code().name, error.message()),
        ("account.not_found", "no linked account `a1`")
    );
    assert_eq!(error.http_status(), Some(404));
    let error = block_on(client.session("7".parse().unwrap())).unwrap_err();
    assert_eq!(error.code().name, "session.not_found");
}

fn new_session() -> NewSession {
    NewSession { expires_in_s: 900, ..session_with("acme-7", "hubspot") }
}

#[test]
fn cs_24_cs_34_a_session_is_asked_for_without_a_version_and_without_nulls() {
    let created = json!({
        "id": 90211, "organization_id": 5, "project_id": "dev-project-68574",
        "origin_owner_id": "acme-7", "origin_owner_name": "Acme", "provider": "hubspot",
        "created_at": "2026-06-01T12:00:00.000Z", "token": "t0ken", "type": "unmapped_value",
        "auth_link_url": "https://app.stackone.com/embedded/integrations?token=t0ken",
    });
    let hub = FakeHub::script(vec![Reply::json(201, &created)]);
    let made = block_on(vendors(&hub).create_session(new_session(), Guard::default())).unwrap();
    assert_eq!((made.id, made.token.as_str(), made.status.as_ref()), (90211, "t0ken", "pending"));
    assert_eq!(json!(made)["type"], "unmapped_value", "CS-34: what it is called there is shown");
    assert_eq!(made.expires_at.to_string(), "2026-06-01T12:15:00.000Z");
    let asked = &hub.asked()[0];
    assert_eq!(asked.route(), "POST /connect_sessions");
    let expected = json!({
        "origin_owner_id": "acme-7", "origin_owner_name": "acme-7 Inc", "provider": "hubspot",
        "expires_in": 900, "multiple": false,
    });
    assert_eq!(asked.json(), expected);
}

#[test]
fn a_session_is_linked_when_its_newest_attempt_is() {
    let session = |attempt: Value| {
        json!({
            "id": 7, "organization_id": "o", "project_id": "p", "origin_owner_id": "a",
            "origin_owner_name": "A", "created_at": "2026-06-01T12:00:00Z",
            "latest_connection_attempt": attempt,
        })
    };
    let done = json!({"id": "x", "status": "authenticated", "account_secure_id": "a9"});
    for (attempt, status, linked) in [
        (Value::Null, "pending", None),
        (json!({"id": "x", "status": "error"}), "pending", None),
        (done, "linked", Some("a9")),
    ] {
        let hub = FakeHub::script(vec![Reply::json(200, &session(attempt))]);
        let found = block_on(vendors(&hub).session("7".parse().unwrap())).unwrap();
        assert_eq!((found.status.as_ref(), found.linked_account_id.as_deref()), (status, linked));
        assert_eq!(found.expires_at, None);
    }
}

#[test]
fn a_rehearsal_sends_only_reads() {
    let hub = FakeHub::start(|asked, _| match asked.route().as_str() {
        "GET /connector_profiles" => {
            Reply::json(200, &json!({"data": [config("c1", "hubspot", true)], "total": 1}))
        }
        _ => Reply::json(200, &account(1)),
    });
    let client = vendors(&hub);
    let id = "a1".parse().unwrap();
    let label = Some(Some("new".to_owned()));
    let changes = Changes { update: Update { label, ..Update::default() }, ..Changes::default() };
    let updated = block_on(client.update_account(&id, changes, DRY_RUN)).unwrap();
    assert!(updated.changed && updated.dry_run);
    assert_eq!(updated.after.unwrap().label.as_deref(), Some("new"));
    let deleted = block_on(client.delete_account(&id, false, DRY_RUN)).unwrap();
    assert!(deleted.changed && deleted.dry_run && deleted.after.is_none());
    let session = block_on(client.create_session(new_session(), DRY_RUN)).unwrap();
    assert_eq!((session.token.as_str(), session.integration_id.as_deref()), ("", Some("c1")));
    let other = NewSession { provider: Some("bamboohr".parse().unwrap()), ..new_session() };
    let error = block_on(client.create_session(other, DRY_RUN)).unwrap_err();
    assert_eq!(error.code().name, "connector.not_enabled");
    assert!(hub.asked().iter().all(|asked| asked.method == "GET"), "{:?}", hub.routes());
}

#[test]
fn writes_tell_before_and_after_and_keep_to_their_bounds() {
    let hub = FakeHub::start(|asked, _| {
        let mut account = account(1);
        if asked.method == "PATCH" {
            account["label"] = asked.json()["label"].clone();
        }
        Reply::json(200, &account)
    });
    let client = vendors(&hub);
    let id = "a1".parse().unwrap();
    let label = Some(Some("new".to_owned()));
    let changes = Changes { update: Update { label, ..Update::default() }, ..Changes::default() };
    let written = block_on(client.update_account(&id, changes.clone(), Guard::default())).unwrap();
    assert!(written.changed && !written.dry_run);
    assert_eq!((written.resource.as_str(), written.affected_accounts), ("account/a1", 1));
    assert_eq!(written.before.unwrap().label, None);
    assert_eq!(written.after.unwrap().label.as_deref(), Some("new"));
    assert_eq!(hub.routes(), ["GET /accounts/a1", "PATCH /accounts/a1"]);
    assert_eq!(hub.asked()[1].json(), json!({"label": "new"}));
    // Nothing to do is not sent.
    let none = block_on(client.update_account(&id, Changes::default(), Guard::default())).unwrap();
    assert!(!none.changed);
    let none_allowed = Guard { dry_run: false, max_affected: Some(0) };
    for error in [
        block_on(client.update_account(&id, changes, none_allowed)).unwrap_err(),
        block_on(client.delete_account(&id, false, none_allowed)).unwrap_err(),
    ] {
        assert_eq!(error.code().name, "guard.too_many_affected");
    }
    let writes = hub.asked().iter().filter(|asked| asked.method != "GET").count();
    assert_eq!(writes, 1);
    let deleted = block_on(client.delete_account(&id, false, Guard::default())).unwrap();
    assert!(deleted.changed && deleted.before.is_some() && deleted.after.is_none());
    assert_eq!(hub.routes().last().unwrap(), "DELETE /accounts/a1");
}

fn configs(client: &Client, filter: &Configs) -> Vec<String> {
    let mut ids = Vec::new();
    block_on(client.auth_configs(filter, |config| {
        ids.push(config.id.clone());
        Ok(ControlFlow::Continue(()))
    }))
    .unwrap();
    ids
}

#[test]
fn auth_configs_are_found_under_either_name_and_by_any_target() {
    for has_profiles in [true, false] {
        let hub = FakeHub::start(move |asked, _| {
            if asked.route() == "GET /connector_profiles" && !has_profiles {
                return Reply::refusal(404, None, "Cannot GET /connector_profiles");
            }
            let all = [
                config("c2", "hubspot", false),
                config("c1", "bamboohr", true),
                config("c3", "hubspot", true),
            ];
            Reply::json(200, &json!({"data": all, "page": 1, "page_size": 100, "total": 3}))
        });
        let client = vendors(&hub);
        assert_eq!(configs(&client, &Configs::default()), ["c1", "c2", "c3"]);
        let hubspot = Configs { search: Some("HubSp".into()), ..Configs::default() };
        assert_eq!(configs(&client, &hubspot), ["c2", "c3"]);
        let target = |text: &str| block_on(client.target(text));
        assert_eq!(target("hubspot").unwrap().unwrap().len(), 2);
        assert_eq!(target("c1").unwrap().unwrap()[0].connector_key, "bamboohr");
        assert_eq!(target("hubspot c2").unwrap().unwrap()[0].id, "c2");
        assert_eq!(target("zendesk").unwrap(), None);
        assert_eq!(target("no such thing").unwrap_err().code().name, "auth_config.not_found");
        let get = |text: &str| block_on(client.auth_config(text));
        assert_eq!(get("bamboohr").unwrap().id, "c1");
        assert_eq!(get("hubspot").unwrap_err().code().name, "target.ambiguous");
        assert_eq!(get("zendesk").unwrap_err().code().name, "auth_config.not_found");
        let connector = block_on(client.connector(&"hubspot".parse().unwrap())).unwrap();
        assert_eq!(connector.auth_configs.map(|all| all.len()), Some(2));
    }
}

#[test]
fn connectors_and_guides_come_from_the_catalog() {
    let hub = FakeHub::script(vec![Reply::refusal(500, None, "never asked")]);
    let client = vendors(&hub);
    let all = block_on(client.connectors(&hubctl::hub::connectors::Filter::default())).unwrap();
    assert!(all.len() > 50 && all.iter().all(|connector| !connector.own));
    let guide = block_on(client.guide(&"hubspot".parse().unwrap(), Audience::Admin)).unwrap();
    assert!(guide.to_string().contains(&format!("{}/connect/oauth2/hubspot/callback", hub.url())));
    let unknown = block_on(client.guide(&"nothing-here".parse().unwrap(), Audience::Admin));
    assert_eq!(unknown.unwrap_err().code().name, "connector.not_found");
    assert!(hub.asked().is_empty());
}

#[test]
fn a_login_is_checked_with_one_read() {
    let hub = FakeHub::script(vec![Reply::json(200, &json!([]))]);
    assert_eq!(block_on(vendors(&hub).verify()).unwrap(), Verified::Platform);
    assert_eq!(hub.asked()[0].path, "/accounts?page=1&page_size=1");
    let hub = FakeHub::script(vec![Reply::refusal(401, None, "Unauthorized")]);
    let error = block_on(vendors(&hub).verify()).unwrap_err();
    assert_eq!(error.code().name, "remote.key_refused");
    assert_eq!(hubctl::cli::exit::exit_code(&error), 4);
}

/// A call in one of the platform's two lists.
fn call(id: &str, second: u32, status: u16) -> Value {
    json!({
        "request_id": id, "event_datetime": format!("2026-06-01T12:00:{second:02}.000Z"),
        "http_method": "get", "path": "/x", "status": status, "duration": 5, "account_id": "a",
        "provider": null, "source_type": "DASHBOARD", "later": true,
    })
}

#[test]
fn both_lists_of_the_platforms_log_are_shown_as_one_in_the_order_of_time() {
    let hub = FakeHub::start(|asked, _| {
        let is_platform = asked.path.starts_with("/requests/platform-logs");
        let second = asked.param("next").as_deref() == Some("more");
        let (rows, next) = match (is_platform, second) {
            (false, false) => (vec![call("r9", 9, 200), call("r5", 5, 404)], Some("more")),
            (false, true) => (vec![call("r2", 2, 502)], None),
            (true, _) => (vec![call("p7", 7, 400), call("p3", 3, 200)], None),
        };
        Reply::json(200, &json!({ "data": rows, "next": next }))
    });
    let client = vendors(&hub);
    let listed = |filter: LogFilter| {
        let mut ids = Vec::new();
        let each = |row: &LogRow| {
            ids.push(row.request_id.clone());
            Ok(ControlFlow::Continue(()))
        };
        block_on(client.logs(&filter, true, each)).map(|()| ids)
    };
    assert_eq!(listed(LogFilter::default()).unwrap(), ["r9", "p7", "r5", "p3", "r2"]);
    // Ranges are not known there; single statuses are, and so are lists with commas.
    let statuses = vec![400..=999];
    let failed = listed(LogFilter { statuses, ..LogFilter::default() }).unwrap();
    assert_eq!(failed, ["p7", "r5", "r2"]);
    assert!(hub.asked().iter().all(|asked| asked.param("status_codes").is_none()));
    let filter = LogFilter {
        accounts: vec!["a".to_owned(), "b".to_owned()],
        statuses: vec![404..=404],
        ..LogFilter::default()
    };
    assert_eq!(listed(filter).unwrap(), ["r5"]);
    let asked = hub.asked();
    let last = asked.last().unwrap();
    assert_eq!(last.param("account_ids").as_deref(), Some("a,b"));
    assert_eq!(last.param("status_codes").as_deref(), Some("404"));
    assert_eq!(last.param("order_direction").as_deref(), Some("desc"));
}

#[test]
fn a_log_of_the_platform_that_never_ends_is_no_good_answer() {
    let hub = FakeHub::start(|_, _| {
        Reply::json(200, &json!({ "data": [call("r", 1, 200)], "next": "again" }))
    });
    let each = |_: &LogRow| Ok(ControlFlow::Continue(()));
    let error = block_on(vendors(&hub).logs(&LogFilter::default(), true, each)).unwrap_err();
    assert_eq!(error.code().name, "remote.bad_answer");
}

#[test]
fn steps_and_bodies_of_a_call_are_asked_for_one_after_the_other() {
    let hub = FakeHub::start(|asked, _| {
        let mut data = call("r1", 1, 200);
        match asked.param("include").as_deref() {
            Some("step_logs") => data["step_requests"] = json!([{ "id": "s1", "status": 200 }]),
            Some("advanced_logs") => data["request"] = json!({ "method": "get" }),
            _ => {}
        }
        Reply::json(200, &json!({ "data": data }))
    });
    let include = Include { steps: true, bodies: true };
    let log = block_on(vendors(&hub).log("r1", include)).unwrap();
    assert_eq!(log.step_requests.unwrap()[0].id.as_deref(), Some("s1"));
    assert_eq!(log.request.unwrap().method.as_deref(), Some("get"));
    let hub = FakeHub::script(vec![Reply::refusal(404, None, "not found")]);
    let error = block_on(vendors(&hub).log("r1", Include::default())).unwrap_err();
    assert_eq!(error.code().name, "log.not_found");
}
