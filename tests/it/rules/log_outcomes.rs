//! What a row of the log says of how a call ended.

use std::sync::Arc;

use hubctl::api::request_logs::{LogRow, RequestLog};
use hubctl::domain::caller::Caller;
use hubctl::domain::request_log::{Entry, Kind};
use hubctl::error::{HubError, codes};
use hubctl::hub::logs::{self, Call, Errand, Filter, List, Order, Scope, Sort, Step};

use crate::support::hub::{TestHub, on_both_databases};

on_both_databases!(
    kp_14_a_call_that_is_passed_on_has_the_providers_failing_status,
    kp_14_an_errand_has_the_status_of_the_call_that_decided,
    kp_11_what_has_an_error_is_no_success,
);

fn step(action: &'static str, status: u16) -> Step<'static> {
    let url = "https://api.example/x";
    Step { method: "GET", url, status: Some(status), action, ..Step::default() }
}

async fn found(world: &TestHub, caller: &Caller, filter: Filter) -> Vec<Entry> {
    let order = Order { descending: false, ..Order::default() };
    let page = logs::page(&world.hub, caller, List::Logs, &filter, order, None, 100);
    page.await.unwrap().rows
}

/// What was done at the provider, and its answers.
type Steps = &'static [(&'static str, u16)];

/// Name, status and success of each.
fn ends(rows: &[Entry], name: impl Fn(&Entry) -> &str) -> Vec<(String, u16, bool)> {
    let end = |row: &Entry| {
        let shown = LogRow::from(row);
        assert_eq!(RequestLog::new(row, "default").success, Some(shown.success));
        (name(row).to_owned(), shown.status, shown.success)
    };
    rows.iter().map(end).collect()
}

async fn kp_14_a_call_that_is_passed_on_has_the_providers_failing_status(world: TestHub) {
    let caller = world.caller();
    let cases: [(&str, &'static str, Steps, u16); 4] = [
        // That no new tokens were to be had is not what was answered.
        ("refused", "proxy", &[("proxy", 401), ("refresh_token", 400)], 200),
        ("fine", "proxy", &[("proxy", 401), ("refresh_token", 200), ("proxy", 201)], 200),
        ("own", "proxy", &[("proxy", 500)], 412),
        ("delete", "delete", &[("revoke_token", 400)], 200),
    ];
    for (id, action, steps, status) in cases {
        let scope = Scope::of_request(id);
        scope.belongs_to_caller(&caller, "API", None);
        let work = async {
            for (action, status) in steps {
                world.hub.log_step(caller.project(), &step(action, *status));
            }
        };
        Arc::clone(&scope).within(work).await;
        let action = Some(action);
        let call = Call { method: "POST", target: "/x", status, action, ..Call::default() };
        world.hub.log_call(&scope, &call);
    }
    let id = |row: &Entry| row.request_id.clone();
    let all = found(&world, &caller, Filter::default()).await;
    let expected =
        [("refused", 401, false), ("fine", 200, true), ("own", 412, false), ("delete", 200, true)];
    let expected = expected.map(|(id, status, success)| (id.to_owned(), status, success));
    assert_eq!(ends(&all, |row| &row.request_id), expected);
    let unauthorised = Filter { statuses: vec![401..=401], ..Filter::default() };
    let rows = found(&world, &caller, unauthorised).await;
    assert_eq!(rows.iter().map(id).collect::<Vec<_>>(), ["refused"]);
    let failed = Filter { success: Some(false), ..Filter::default() };
    let rows = found(&world, &caller, failed).await;
    assert_eq!(rows.iter().map(id).collect::<Vec<_>>(), ["refused", "own"]);
}

async fn kp_14_an_errand_has_the_status_of_the_call_that_decided(world: TestHub) {
    let caller = world.caller();
    let no = || HubError::new(&codes::PROVIDER_BAD_ANSWER, "no");
    let cases: [(&'static str, u16, bool); 6] = [
        ("proxy", 404, true),
        ("proxy", 302, true),
        ("test", 302, false),
        ("test", 401, false),
        ("test", 200, false),
        ("delete", 400, true),
    ];
    for (action, status, is_done) in cases {
        let errand = Errand { source: "CLI", action, ..Errand::default() };
        let done = world.hub.log_errand(caller.project(), errand, async {
            world.hub.log_step(caller.project(), &step(action, status));
            if is_done { Ok(()) } else { Err(no()) }
        });
        assert_eq!(done.await.is_ok(), is_done);
    }
    let rows = found(&world, &caller, Filter::default()).await;
    let expected = [
        ("/proxy", 404, false),
        ("/proxy", 302, true),
        ("/test", 302, false),
        ("/test", 401, false),
        ("/test", 500, false),
        ("/delete", 200, true),
    ];
    let expected = expected.map(|(path, status, success)| (path.to_owned(), status, success));
    assert_eq!(ends(&rows, |row| &row.path), expected);
}

async fn kp_11_what_has_an_error_is_no_success(world: TestHub) {
    let caller = world.caller();
    for (id, status, error) in [
        ("failed", 303, Some("provider.misconfigured")),
        ("fine", 303, None),
        ("gone", 404, Some("account.not_found")),
    ] {
        let scope = Scope::of_request(id);
        scope.belongs_to_caller(&caller, "API", None);
        let call = Call { method: "GET", target: "/x", status, error, ..Call::default() };
        world.hub.log_call(&scope, &call);
    }
    let ids = async |filter: Filter| {
        let rows = found(&world, &caller, filter).await;
        rows.into_iter().map(|row| row.request_id).collect::<Vec<_>>()
    };
    let success = |success| Filter { success: Some(success), ..Filter::default() };
    assert_eq!(ids(success(false)).await, ["failed", "gone"]);
    assert_eq!(ids(success(true)).await, ["fine"]);
    let moved = Filter { statuses: vec![300..=399], ..Filter::default() };
    assert_eq!(ids(moved).await, ["failed", "fine"]);
    let of_kind = |kind| Filter { kind: Some(kind), ..Filter::default() };
    assert_eq!(ids(of_kind(Kind::Platform)).await.len(), 3);
    assert!(ids(of_kind(Kind::Request)).await.is_empty());
    let order = Order { sort: Sort::Status, descending: true };
    let filter = Filter::default();
    let page = logs::page(&world.hub, &caller, List::Logs, &filter, order, None, 1).await.unwrap();
    assert_eq!(page.rows[0].request_id, "gone");
    let rest = page.next.as_ref();
    let page = logs::page(&world.hub, &caller, List::Logs, &filter, order, rest, 10).await.unwrap();
    let mut rest: Vec<String> = page.rows.into_iter().map(|row| row.request_id).collect();
    rest.sort_unstable();
    assert_eq!(rest, ["failed", "fine"]);
}
