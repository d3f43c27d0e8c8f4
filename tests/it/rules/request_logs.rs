//! The log of calls: filters, pages, what is kept and for how long, and what is never in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use hubctl::domain::caller::Caller;
use hubctl::domain::ids::ProjectNumber;
use hubctl::domain::request_log::{Bodies, Entry, Kind, Method, Outcome, Retention, Source};
use hubctl::domain::secret::Secret;
use hubctl::domain::time::Timestamp;
use hubctl::error::codes;
use hubctl::hub::logs::{
    self, BATCH, Call, Cursor, Errand, Filter, List, Order, Scope, Seen, Sort, Step, prune_round,
};
use hubctl::hub::projects::{self, Changes};
use hubctl::hub::write::Guard;
use hubctl::store::request_logs as store;

use crate::support::asked::{account, config};
#[cfg(unix)]
use crate::support::hub::on_postgres;
use crate::support::hub::{
    Place, TestHub, on_both_databases, on_kept_connections, on_served, refused,
};
#[cfg(unix)]
use crate::support::relay::{Lost, Relay};

on_both_databases!(
    kp_11_any_filter_finds_what_fits_and_nothing_else,
    kp_11_other_orders_sort_what_fits,
    kp_11_a_value_that_is_given_twice_repeats_no_row,
    kp_12_pages_miss_and_repeat_nothing_while_rows_come,
    kp_9_a_changed_retention_is_for_new_rows,
    kp_6_the_log_of_a_deleted_project_goes_with_it,
    kp_10_bodies_are_kept_where_the_project_says_so_and_sealed,
    kp_13_a_request_is_found_by_its_id_in_its_own_project,
    steps_belong_to_what_is_being_answered,
    rows_beyond_the_room_are_counted_and_dropped,
    rows_that_can_not_be_written_wait,
    who_writes_what_waits_does_not_wait_for_more,
    rows_that_come_while_others_are_written_are_told_of,
    pruning_takes_a_little_at_a_time_while_others_write,
    who_follows_the_log_misses_nothing,
    who_follows_the_log_misses_nothing_although_a_clock_goes_back,
    a_filter_that_no_index_has_ends_its_page_early,
    the_provider_of_an_account_is_found_out,
    the_latest_refusal_of_a_provider_is_explained,
    a_refusal_that_goes_on_is_told_since_its_beginning,
    a_call_that_was_refused_is_told_until_its_like_works,
);

on_kept_connections!(
    kp_11_any_filter_finds_what_fits_and_nothing_else,
    kp_12_pages_miss_and_repeat_nothing_while_rows_come,
    kp_10_bodies_are_kept_where_the_project_says_so_and_sealed,
    pruning_takes_a_little_at_a_time_while_others_write,
    rows_in_hand_are_written_although_who_asked_hangs_up,
    who_follows_the_log_misses_nothing,
);

const PLANTED: &str = "planted/+secret?=x";

/// A number that looks like chance and is always the same.
fn chance(seed: u64) -> u64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995;
    x ^= x >> 31;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 27)
}

fn pick<T: Clone>(seed: u64, from: &[T]) -> T {
    from[usize::try_from(chance(seed) % from.len() as u64).unwrap()].clone()
}

const STATUSES: [u16; 8] = [0, 200, 201, 302, 401, 404, 429, 502];
const METHODS: [Method; 4] = [Method::Get, Method::Post, Method::Patch, Method::Delete];

/// A row that differs from others in everything by which rows are chosen.
fn entry(project: ProjectNumber, seed: u64) -> Entry {
    let seed = seed * 16;
    let kind = pick(seed, &[Kind::Request, Kind::Platform]);
    // An account belongs to one connector; some calls have none, and some a connector alone.
    let account = pick(seed + 1, &[Some(0_u64), Some(1), Some(2), None]);
    let provider = match account {
        Some(number) => pick(number * 7, &["hubspot", "bamboohr"]),
        None => pick(seed + 2, &["hubspot", "jira", ""]),
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Entry {
        number: 0,
        project,
        // Many at the same instant.
        at: Timestamp::from_millis(1_000_000 + i64::try_from(chance(seed + 3) % 60).unwrap()),
        duration_ms: i64::try_from(chance(seed + 4) % 5).unwrap(),
        request_id: format!("request-{}", chance(seed + 5) % 150),
        outcome: Outcome::new(kind, pick(seed + 6, &STATUSES), pick(seed + 7, &METHODS)),
        path: "/unified/proxy".to_owned(),
        url: "https://hub.example/unified/proxy".to_owned(),
        account: account.map(|number| format!("account-{number}")),
        provider: some(provider),
        service: some(pick(seed + 8, &["", "contacts"])),
        resource: some(pick(seed + 9, &["accounts", "keys"])),
        child_resource: None,
        sub_resource: None,
        action: some(pick(seed + 10, &["list", "get"])),
        source: Source { kind: pick(seed + 11, &["API", "SDK"]).to_owned(), ..Source::default() },
        category: some(pick(seed + 12, &["", "accounts"])),
        is_worker: false,
        error: None,
    }
}

/// Writes rows as the hub does, and answers them with their numbers.
async fn write(world: &TestHub, table: List, entries: Vec<Entry>) -> Vec<Entry> {
    let mut tx = world.hub.store().begin_write().await.unwrap();
    let count = i64::try_from(entries.len()).unwrap();
    let first = store::take_numbers(&mut tx, count).await.unwrap();
    let mut written = Vec::new();
    for (mut entry, number) in entries.into_iter().zip(first..) {
        entry.number = number;
        let ends = Retention::default().ends(entry.at);
        store::insert(&mut tx, table, &entry, ends).await.unwrap();
        written.push(entry);
    }
    tx.commit().await.unwrap();
    written
}

async fn pages(
    world: &TestHub,
    caller: &Caller,
    list: List,
    filter: &Filter,
    order: Order,
    size: usize,
) -> Vec<i64> {
    let (mut found, mut behind): (Vec<i64>, Option<Cursor>) = (Vec::new(), None);
    loop {
        let page = logs::page(&world.hub, caller, list, filter, order, behind.as_ref(), size);
        let page = page.await.unwrap();
        assert!(page.rows.len() <= size);
        found.extend(page.rows.iter().map(|row| row.number));
        behind = page.next;
        if behind.is_none() {
            return found;
        }
    }
}

/// Filters of every kind, alone and combined; some that fit nothing.
fn filters() -> Vec<Filter> {
    let text = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let at = Timestamp::from_millis;
    let single = vec![
        Filter::default(),
        Filter { kind: Some(Kind::Request), ..Filter::default() },
        Filter { accounts: text(&["account-1"]), ..Filter::default() },
        Filter { accounts: text(&["account-0", "account-2", "nobody"]), ..Filter::default() },
        Filter { providers: text(&["hubspot"]), ..Filter::default() },
        Filter { providers: text(&["jira", "bamboohr"]), ..Filter::default() },
        Filter { methods: vec![Method::Patch, Method::Delete], ..Filter::default() },
        Filter { statuses: vec![400..=999], ..Filter::default() },
        Filter { statuses: vec![404..=404, 0..=0], ..Filter::default() },
        Filter { success: Some(true), ..Filter::default() },
        Filter { success: Some(false), ..Filter::default() },
        Filter { since: Some(at(1_000_030)), ..Filter::default() },
        Filter { until: Some(at(1_000_030)), ..Filter::default() },
        Filter { request_ids: text(&["request-3", "request-4", "request-3"]), ..Filter::default() },
        Filter { services: text(&["contacts"]), ..Filter::default() },
        Filter { resources: text(&["keys"]), ..Filter::default() },
        Filter { actions: text(&["get"]), ..Filter::default() },
        Filter { categories: text(&["accounts"]), ..Filter::default() },
        Filter { source_types: text(&["SDK"]), ..Filter::default() },
        Filter { after: Some(200), ..Filter::default() },
    ];
    let mut all = single.clone();
    for (index, one) in single.iter().enumerate() {
        for other in &single[index + 1..] {
            all.push(both(one, other));
        }
    }
    all.push(single.iter().skip(1).fold(Filter::default(), |sum, one| both(&sum, one)));
    all
}

fn both(one: &Filter, other: &Filter) -> Filter {
    fn list<T: Clone>(a: &[T], b: &[T]) -> Vec<T> {
        if a.is_empty() { b.to_vec() } else { a.to_vec() }
    }
    Filter {
        kind: one.kind.or(other.kind),
        accounts: list(&one.accounts, &other.accounts),
        providers: list(&one.providers, &other.providers),
        methods: list(&one.methods, &other.methods),
        statuses: list(&one.statuses, &other.statuses),
        success: one.success.or(other.success),
        since: one.since.or(other.since),
        until: one.until.or(other.until),
        request_ids: list(&one.request_ids, &other.request_ids),
        after: one.after.or(other.after),
        services: list(&one.services, &other.services),
        resources: list(&one.resources, &other.resources),
        actions: list(&one.actions, &other.actions),
        categories: list(&one.categories, &other.categories),
        source_types: list(&one.source_types, &other.source_types),
        ..Filter::default()
    }
}

async fn kp_11_any_filter_finds_what_fits_and_nothing_else(world: TestHub) {
    let caller = world.caller();
    let other = world.project("other").await;
    let mine = (0..400).map(|seed| entry(caller.project(), seed)).collect();
    let mut rows = write(&world, List::Logs, mine).await;
    write(&world, List::Logs, (0..50).map(|seed| entry(other.project(), seed)).collect()).await;
    // Over a network each strand is a message there and back.
    let every = if matches!(world.place, Place::Sqlite(_)) { 1 } else { 9 };
    for (index, filter) in filters().iter().enumerate().step_by(every) {
        for descending in [true, false] {
            rows.sort_by_key(|row| (row.at, row.number));
            if descending {
                rows.reverse();
            }
            let expected: Vec<i64> =
                rows.iter().filter(|row| filter.fits(row)).map(|row| row.number).collect();
            let order = Order { sort: Sort::Time, descending };
            let size = if index % 2 == 0 { 25 } else { 7 };
            let found = pages(&world, &caller, List::Logs, filter, order, size).await;
            assert_eq!(found, expected, "{filter:?} {order:?}");
            if index % 10 == 0 {
                let mut scanned = Vec::new();
                logs::scan(&world.hub, &caller, filter, descending, |row| {
                    scanned.push(row.number);
                    Ok(std::ops::ControlFlow::Continue(()))
                })
                .await
                .unwrap();
                assert_eq!(scanned, expected, "{filter:?}");
            }
        }
    }
}

async fn kp_11_other_orders_sort_what_fits(world: TestHub) {
    let caller = world.caller();
    let mut steps: Vec<Entry> = (0..200).map(|seed| entry(caller.project(), seed)).collect();
    for step in &mut steps {
        // What steps don't have.
        step.source = Source::default();
        step.category = None;
    }
    let rows = write(&world, List::Steps, steps).await;
    let sorts = [Sort::Provider, Sort::Service, Sort::Status, Sort::Duration, Sort::Time];
    for (index, filter) in filters().iter().enumerate().step_by(9) {
        for descending in [true, false] {
            let sort = sorts[index % sorts.len()];
            let key = |row: &Entry| {
                let (text, value) = match sort {
                    Sort::Time => (None, 0),
                    Sort::Provider => (row.provider.clone(), 0),
                    Sort::Service => (row.service.clone(), 0),
                    Sort::Status => (None, i64::from(row.outcome.status())),
                    Sort::Duration => (None, row.duration_ms),
                };
                (text.unwrap_or_default(), value, row.at, row.number)
            };
            let mut expected: Vec<&Entry> = rows.iter().filter(|row| filter.fits(row)).collect();
            expected.sort_by_key(|row| key(row));
            if descending {
                expected.reverse();
            }
            let expected: Vec<i64> = expected.iter().map(|row| row.number).collect();
            let order = Order { sort, descending };
            let found = pages(&world, &caller, List::Steps, filter, order, 20).await;
            assert_eq!(found, expected, "{filter:?} {order:?}");
        }
    }
}

async fn kp_11_a_value_that_is_given_twice_repeats_no_row(world: TestHub) {
    let caller = world.caller();
    write(&world, List::Logs, (0..200).map(|seed| entry(caller.project(), seed)).collect()).await;
    let twice = |all: &[&str]| all.iter().chain(all).map(ToString::to_string).collect::<Vec<_>>();
    let accounts = twice(&["account-1", "account-2"]);
    let providers = twice(&["hubspot"]);
    for filter in [
        Filter { accounts: accounts.clone(), ..Filter::default() },
        Filter { providers: providers.clone(), ..Filter::default() },
        Filter { accounts, providers, resources: twice(&["keys"]), ..Filter::default() },
    ] {
        for order in [Order::default(), Order { sort: Sort::Duration, descending: true }] {
            let found = pages(&world, &caller, List::Logs, &filter, order, 7).await;
            let mut unique = found.clone();
            unique.sort_unstable();
            unique.dedup();
            assert!(!found.is_empty());
            assert_eq!(unique.len(), found.len(), "{filter:?} {order:?}");
        }
    }
}

async fn kp_12_pages_miss_and_repeat_nothing_while_rows_come(world: TestHub) {
    let caller = world.caller();
    let rows = (0..120).map(|seed| entry(caller.project(), seed)).collect();
    let there: Vec<i64> =
        write(&world, List::Logs, rows).await.iter().map(|row| row.number).collect();
    let (mut found, mut behind, mut seed): (Vec<i64>, Option<Cursor>, _) =
        (Vec::new(), None, 1_000);
    loop {
        let order = Order::default();
        let filter = Filter::default();
        let page = logs::page(&world.hub, &caller, List::Logs, &filter, order, behind.as_ref(), 10);
        let page = page.await.unwrap();
        found.extend(page.rows.iter().map(|row| row.number));
        behind = page.next;
        if behind.is_none() {
            break;
        }
        // New rows on both sides of the place, and some that go.
        let new = (seed..seed + 3).map(|seed| entry(caller.project(), seed)).collect();
        write(&world, List::Logs, new).await;
        seed += 3;
    }
    let mut unique = found.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), found.len(), "a row came twice");
    let missed: Vec<_> = there.iter().filter(|number| !found.contains(number)).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

fn call(path: &str, status: u16) -> Call<'_> {
    Call { method: "GET", target: path, status, ..Call::default() }
}

/// A call of the administrator's, as a server would log it.
fn asked(world: &TestHub, caller: &Caller, id: &str, path: &str, status: u16) {
    let scope = Scope::of_request(id);
    scope.belongs_to_caller(caller, "API", Some("127.0.0.1".to_owned()));
    world.hub.log_call(&scope, &call(path, status));
}

async fn set(world: &TestHub, caller: &Caller, changes: Changes) {
    let name = caller.project_name().parse().unwrap();
    projects::update(&world.hub, caller, &name, changes, Guard::default()).await.unwrap();
}

async fn kp_9_a_changed_retention_is_for_new_rows(world: TestHub) {
    let caller = world.caller();
    asked(&world, &caller, "old", "/accounts", 200);
    world.hub.flush_logs().await.unwrap();
    let week = Changes { log_retention: Retention::days(7).ok(), ..Changes::default() };
    set(&world, &caller, week).await;
    asked(&world, &caller, "new", "/accounts", 200);
    world.hub.flush_logs().await.unwrap();
    let days = |id: &str| {
        let sql = format!(
            "select (expires_at - at) / 86400000 from request_logs where request_id = '{id}'"
        );
        world.number(&sql)
    };
    assert_eq!((days("old"), days("new")), (90, 7));
    world.clock.advance_seconds(8 * 86_400);
    let pruned = prune_round(&world.hub, 10).await.unwrap();
    assert!(!pruned.more && pruned.batches == 1, "{pruned:?}");
    logs::get(&world.hub, &caller, "old", false, false).await.unwrap();
    refused(logs::get(&world.hub, &caller, "new", false, false).await, &codes::LOG_UNKNOWN);
    world.clock.advance_seconds(90 * 86_400);
    prune_round(&world.hub, 10).await.unwrap();
    assert_eq!(world.number("select count(*) from request_logs"), 0);
}

async fn kp_6_the_log_of_a_deleted_project_goes_with_it(world: TestHub) {
    let here = world.caller();
    let there = world.project("other").await;
    let all = Changes { log_bodies: Some(Bodies::All), ..Changes::default() };
    set(&world, &there, all).await;
    for number in 0..3 {
        for caller in [&here, &there] {
            asked(&world, caller, &format!("r-{number}"), "/accounts", 200);
        }
    }
    with_step(&world, &there).await;
    world.hub.flush_logs().await.unwrap();
    assert_eq!(world.number("select count(*) from request_bodies"), 1);
    projects::delete(&world.hub, &here, &"other".parse().unwrap(), Guard::default()).await.unwrap();
    // What came late is not written.
    asked(&world, &there, "late", "/accounts", 200);
    world.hub.flush_logs().await.unwrap();
    prune_round(&world.hub, 10).await.unwrap();
    let rows = |table: &str| world.number(&format!("select count(*) from {table}"));
    assert_eq!((rows("request_logs"), rows("request_steps"), rows("request_bodies")), (3, 0, 0));
}

/// A call that leads to one of a provider.
pub(crate) async fn with_step(world: &TestHub, caller: &Caller) {
    let scope = Scope::of_request("with-step");
    scope.belongs_to_caller(caller, "API", None);
    let secret = Secret::new(PLANTED);
    let body = format!("grant_type=refresh_token&refresh_token=other-secret&x={PLANTED}");
    let step = Step {
        duration_ms: 12,
        method: "POST",
        url: "https://user:pw@api.example/token?api_key=other-secret&page=2",
        status: Some(400),
        action: "refresh_token",
        error: Some("invalid_grant"),
        secrets: vec![&secret],
        seen: Some(Seen {
            request_headers: vec![
                ("Authorization", b"Bearer other-secret".as_slice()),
                ("Content-Type", b"application/x-www-form-urlencoded".as_slice()),
            ],
            request_body: body.as_bytes(),
            response_headers: vec![("Set-Cookie", b"other-secret".as_slice())],
            response_body: br#"{"error":"invalid_grant","access_token":"other-secret"}"#,
        }),
        ..Step::default()
    };
    let hub = &world.hub;
    Arc::clone(&scope).within(async { hub.log_step(caller.project(), &step) }).await;
    hub.log_call(&scope, &call("/admin/accounts/a1/refresh", 422));
}

async fn kp_10_bodies_are_kept_where_the_project_says_so_and_sealed(world: TestHub) {
    let caller = world.caller();
    let bodies = async || {
        with_step(&world, &caller).await;
        world.hub.flush_logs().await.unwrap();
        world.number("select count(*) from request_bodies")
    };
    assert_eq!(bodies().await, 0);
    let mode = |mode| Changes { log_bodies: Some(mode), ..Changes::default() };
    set(&world, &caller, mode(Bodies::Errors)).await;
    assert_eq!(bodies().await, 1);
    let found = logs::get(&world.hub, &caller, "with-step", true, true).await.unwrap();
    let step = found.steps.unwrap().pop().unwrap();
    let exchange = step.exchange.unwrap();
    assert_eq!(exchange.response_body["error"], "invalid_grant");
    assert_eq!(step.entry.error.as_deref(), Some("invalid_grant"));
    // Neither what is shown nor what is stored has a secret, in any form (threat 32), and what is
    // stored can't be read at all.
    let told = format!("{exchange:?} {:?} {:?}", step.entry, world.dump());
    for secret in [PLANTED, "other-secret", "user:pw", "planted%2F%2Bsecret%3F%3Dx"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    let dump = format!("{:?}", world.dump()["request_bodies"]);
    assert!(!dump.contains("invalid_grant"), "{dump}");
    let plain = logs::get(&world.hub, &caller, "with-step", true, false).await.unwrap();
    assert!(plain.steps.unwrap().iter().all(|step| step.exchange.is_none()));
    // Another process learns of it, and of its end.
    let another = world.another();
    assert!(!another.logs().keeps(caller.project(), 400));
    another.learn_what_logs_keep().await.unwrap();
    assert!(another.logs().keeps(caller.project(), 400));
    assert!(!another.logs().keeps(caller.project(), 200));
    set(&world, &caller, mode(Bodies::Off)).await;
    another.learn_what_logs_keep().await.unwrap();
    assert!(!another.logs().keeps_any_bodies());
    assert_eq!(bodies().await, 1);
}

async fn kp_13_a_request_is_found_by_its_id_in_its_own_project(world: TestHub) {
    let (here, there) = (world.caller(), world.project("other").await);
    asked(&world, &there, "same", "/theirs", 200);
    asked(&world, &here, "same", "/first?token=secret-1", 404);
    world.clock.advance_seconds(1);
    asked(&world, &here, "same", "/second", 200);
    // What waits is written before anybody reads.
    let found = logs::get(&world.hub, &here, "same", false, false).await.unwrap();
    assert_eq!((found.entry.path.as_str(), found.entry.outcome.status()), ("/second", 200));
    assert_eq!(found.entry.source.ip.as_deref(), Some("127.0.0.1"));
    let theirs = logs::get(&world.hub, &there, "same", false, false).await.unwrap();
    assert_eq!(theirs.entry.path, "/theirs");
    assert!(!format!("{:?}", world.dump()).contains("secret-1"));
    let error = refused(
        logs::get(&world.hub, &here, "none\u{1b}[2J", false, false).await,
        &codes::LOG_UNKNOWN,
    );
    assert!(!error.to_string().contains('\u{1b}'));
}

async fn steps_belong_to_what_is_being_answered(world: TestHub) {
    let caller = world.caller();
    let project = caller.project();
    with_step(&world, &caller).await;
    // One of another project is none of this call's.
    let other = world.project("other").await;
    let scope = Scope::of_request("mine");
    scope.belongs_to_caller(&caller, "API", None);
    let step = || Step { method: "GET", url: "https://api.example/x", ..Step::default() };
    let hub = &world.hub;
    Arc::clone(&scope).within(async { hub.log_step(other.project(), &step()) }).await;
    assert!(!scope.has_steps());
    // A call of nobody is not logged.
    hub.log_call(&Scope::of_request("nobody"), &call("/accounts", 401));
    // What is done without a request is an errand, if it called a provider.
    let errand =
        |action| Errand { source: "SCHEDULER", action, is_worker: true, ..Errand::default() };
    hub.log_errand(project, errand("quiet"), async { Ok(()) }).await.unwrap();
    let failed = hub.log_errand(project, errand("refresh"), async {
        hub.log_step(project, &Step { status: Some(503), ..step() });
        Err::<(), _>(hubctl::error::HubError::new(&codes::INTERNAL, "no"))
    });
    failed.await.unwrap_err();
    let list = async |caller: &Caller, list| {
        let order = Order { descending: false, ..Order::default() };
        let filter = Filter::default();
        logs::page(hub, caller, list, &filter, order, None, 100).await.unwrap().rows
    };
    let rows = list(&caller, List::Logs).await;
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.path.as_str(), row.outcome.status(), row.outcome.kind(), row.is_worker))
        .collect();
    assert_eq!(
        seen,
        [
            ("/admin/accounts/a1/refresh", 422, Kind::Request, false),
            ("/refresh", 503, Kind::Request, true),
        ]
    );
    assert_eq!(rows[1].error.as_deref(), Some("internal.unexpected"));
    let steps = list(&caller, List::Steps).await;
    let ids: Vec<&str> = steps.iter().map(|step| step.request_id.as_str()).collect();
    assert_eq!(ids, ["with-step", rows[1].request_id.as_str()]);
    // The other project's has a row of its own to stand under.
    let (theirs, steps) = (list(&other, List::Logs).await, list(&other, List::Steps).await);
    assert_eq!((theirs.len(), steps.len()), (1, 1));
    assert_eq!(theirs[0].request_id, steps[0].request_id);
}

async fn rows_beyond_the_room_are_counted_and_dropped(world: TestHub) {
    let caller = world.caller();
    let hub = world.another().with_log_room(10);
    for number in 0..15 {
        let scope = Scope::of_request(&format!("r-{number}"));
        scope.belongs_to_caller(&caller, "API", None);
        hub.log_call(&scope, &call("/accounts", 200));
    }
    assert_eq!((hub.logs().waiting(), hub.logs().lost()), (10, 5));
    hub.flush_logs().await.unwrap();
    assert_eq!((hub.logs().waiting(), hub.logs().lost()), (0, 5));
    assert_eq!(world.number("select count(*) from request_logs"), 10);
}

async fn rows_that_can_not_be_written_wait(world: TestHub) {
    let caller = world.caller();
    asked(&world, &caller, "one", "/accounts", 200);
    world.hub.flush_logs().await.unwrap();
    world.raw("alter table log_numbers rename to log_numbers_away");
    asked(&world, &caller, "two", "/accounts", 200);
    world.hub.flush_logs().await.unwrap_err();
    // What is there is shown all the same.
    logs::get(&world.hub, &caller, "one", false, false).await.unwrap();
    assert_eq!((world.hub.logs().waiting(), world.hub.logs().lost()), (1, 0));
    world.raw("alter table log_numbers_away rename to log_numbers");
    logs::get(&world.hub, &caller, "two", false, false).await.unwrap();
    assert_eq!(world.hub.logs().waiting(), 0);
}

async fn who_writes_what_waits_does_not_wait_for_more(world: TestHub) {
    let caller = world.caller();
    let (hub, ends) = (world.hub.clone(), Arc::new(AtomicBool::new(false)));
    let coming = {
        let (caller, ends) = (caller.clone(), Arc::clone(&ends));
        std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                let scope = Scope::of_request("more");
                scope.belongs_to_caller(&caller, "API", None);
                hub.log_call(&scope, &call("/accounts", 200));
            }
        })
    };
    while world.hub.logs().waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let done = tokio::time::timeout(Duration::from_secs(10), world.hub.flush_logs()).await;
    ends.store(true, Ordering::Relaxed);
    coming.join().unwrap();
    done.expect("others come for ever").unwrap();
    assert!(world.number("select count(*) from request_logs") > 0);
}

async fn rows_that_come_while_others_are_written_are_told_of(world: TestHub) {
    let caller = world.caller();
    let logs = world.hub.logs();
    for number in 0..BATCH + 10 {
        asked(&world, &caller, &format!("r-{number}"), "/accounts", 200);
    }
    logs.woken().await;
    // It comes when a part of those has been taken, and so is never the first.
    let (written, ()) = tokio::join!(world.hub.flush_logs(), async {
        asked(&world, &caller, "late", "/accounts", 200);
    });
    written.unwrap();
    assert_eq!(logs.waiting(), 1);
    let told = tokio::time::timeout(Duration::from_secs(5), logs.woken()).await;
    told.expect("nobody writes the last row");
}

/// On the stores of servers: they keep a writer waiting, and with it whoever has rows in hand.
async fn rows_in_hand_are_written_although_who_asked_hangs_up(world: TestHub) {
    let (caller, hub) = (world.caller(), &world.hub);
    let rows = BATCH + 10;
    for number in 0..rows {
        asked(&world, &caller, &format!("r-{number}"), "/accounts", 200);
    }
    let busy = hub.store().begin_write().await.unwrap();
    let mut reader = Box::pin(hub.flush_logs());
    while hub.logs().waiting() == rows {
        assert!(reader.as_mut().now_or_never().is_none(), "the store is busy");
        tokio::task::yield_now().await;
    }
    drop(reader);
    asked(&world, &caller, "late", "/accounts", 200);
    let mut next = Box::pin(hub.flush_logs());
    assert!(next.as_mut().now_or_never().is_none(), "it waits for what is in hand");
    drop(busy);
    next.await.unwrap();
    assert_eq!((hub.logs().waiting(), hub.logs().lost()), (0, 0));
    assert_eq!(
        world.number("select count(distinct request_id) from request_logs"),
        i64::try_from(rows).unwrap() + 1
    );
    let behind = "select count(*) from request_logs where id >= \
                  (select id from request_logs where request_id = 'late')";
    assert_eq!(world.number(behind), 1, "in their order, and none twice");
}

#[cfg(unix)]
#[test]
fn rows_in_hand_are_written_although_who_asked_hangs_up_on_postgres() {
    on_postgres(rows_in_hand_are_written_although_who_asked_hangs_up);
}

#[cfg(unix)]
#[test]
fn rows_whose_commit_gets_no_answer_are_there_once() {
    on_postgres(async |mut world| {
        let caller = world.caller();
        world.hub.store().prepare().await.unwrap();
        let Place::Postgres(url) = &world.place else { unreachable!() };
        let relay = Relay::before(url);
        world.place = Place::Postgres(relay.url());
        world.hub = world.another();
        asked(&world, &caller, "first", "/accounts", 200);
        world.hub.flush_logs().await.unwrap();
        for lost in [Lost::Answer, Lost::Commit] {
            for id in ["a", "b"] {
                asked(&world, &caller, id, "/accounts", 200);
            }
            relay.loses(lost);
            world.hub.flush_logs().await.unwrap_err();
            assert_eq!(world.hub.logs().waiting(), 2, "{lost:?}");
            asked(&world, &caller, "late", "/accounts", 200);
            world.hub.flush_logs().await.unwrap();
            assert_eq!((world.hub.logs().waiting(), world.hub.logs().lost()), (0, 0));
        }
        for (id, count) in [("first", 1), ("a", 2), ("b", 2), ("late", 2)] {
            let of_request = "select count(*) from request_logs where request_id";
            assert_eq!(world.number(&format!("{of_request} = '{id}'")), count, "{id}");
        }
    });
}

async fn pruning_takes_a_little_at_a_time_while_others_write(world: TestHub) {
    let caller = world.caller();
    let old = (0..1_700).map(|seed| entry(caller.project(), seed)).collect();
    write(&world, List::Logs, old).await;
    let keeper = Entry { at: world.now(), ..entry(caller.project(), 1) };
    write(&world, List::Logs, vec![keeper]).await;
    let round = async {
        let mut rounds = 0;
        while prune_round(&world.hub, 1).await.unwrap().more {
            rounds += 1;
        }
        rounds
    };
    let writing = async {
        for number in 0..40 {
            asked(&world, &caller, &format!("new-{number}"), "/accounts", 200);
            world.hub.flush_logs().await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let (rounds, ()) = tokio::join!(round, writing);
    // 1,700 rows in steps of 500: three full ones, and a fourth.
    assert_eq!(rounds, 3);
    assert_eq!(world.number("select count(*) from request_logs"), 41);
}

async fn who_follows_the_log_misses_nothing(world: TestHub) {
    let caller = world.caller();
    let mut seen: Vec<i64> = Vec::new();
    let mut all = 0;
    for round in 0..6_u64 {
        // Rows that began before those that were seen become visible later.
        let rows: Vec<Entry> =
            (round * 20..round * 20 + 20).map(|seed| entry(caller.project(), seed)).collect();
        all += rows.len();
        write(&world, List::Logs, rows).await;
        let filter = Filter { after: seen.iter().max().copied(), ..Filter::default() };
        logs::scan(&world.hub, &caller, &filter, false, |row| {
            seen.push(row.number);
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .await
        .unwrap();
    }
    assert_eq!(seen.len(), all);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), all);
}

async fn who_follows_the_log_misses_nothing_although_a_clock_goes_back(world: TestHub) {
    let caller = world.caller();
    let began = |seed, hours: i64| Entry {
        at: Timestamp::from_millis(hours * 3_600_000),
        ..entry(caller.project(), seed)
    };
    let seen = write(&world, List::Logs, vec![began(0, 2)]).await[0].number;
    // Some of them once it has gone on again.
    let rows = (1..11).map(|seed| began(seed, if seed < 6 { 1 } else { 2 }));
    let rows = write(&world, List::Logs, rows.collect()).await;
    let filter = Filter { after: Some(seen), ..Filter::default() };
    let order = Order { descending: false, ..Order::default() };
    let found = pages(&world, &caller, List::Logs, &filter, order, 3).await;
    assert_eq!(found, rows.iter().map(|row| row.number).collect::<Vec<_>>());
}

async fn a_filter_that_no_index_has_ends_its_page_early(world: TestHub) {
    let caller = world.caller();
    let rows = (0..5_200).map(|seed| {
        let row = Entry {
            source: Source { kind: "API".to_owned(), ..Source::default() },
            ..entry(caller.project(), seed)
        };
        // The oldest of all is the only one that fits.
        let rare =
            Entry { at: Timestamp::from_millis(0), action: Some("rare".to_owned()), ..row.clone() };
        if seed == 7 { rare } else { row }
    });
    write(&world, List::Logs, rows.collect()).await;
    let filter = Filter { actions: vec!["rare".to_owned()], ..Filter::default() };
    let order = Order::default();
    let first =
        logs::page(&world.hub, &caller, List::Logs, &filter, order, None, 25).await.unwrap();
    assert!(first.rows.is_empty() && first.next.is_some());
    assert_eq!(pages(&world, &caller, List::Logs, &filter, order, 25).await.len(), 1);
}

async fn the_provider_of_an_account_is_found_out(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    for (request, account) in [("one", id.as_str()), ("two", "never-was"), ("three", "../odd")] {
        let scope = Scope::of_request(request);
        scope.belongs_to_caller(&caller, "API", None);
        let call = Call { account: Some(account), ..call("/accounts/x", 200) };
        world.hub.log_call(&scope, &call);
    }
    let row =
        async |request| logs::get(&world.hub, &caller, request, false, false).await.unwrap().entry;
    assert_eq!(row("one").await.provider.as_deref(), Some("hubspot"));
    let two = row("two").await;
    assert_eq!((two.account.as_deref(), two.provider), (Some("never-was"), None));
    assert_eq!(row("three").await.account, None);
}

async fn the_latest_refusal_of_a_provider_is_explained(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let failures = async || {
        let explained = hubctl::hub::accounts::explain(&world.hub, &caller, &id).await.unwrap();
        let found = explained.findings.into_iter().filter(|found| found.code == "provider_failed");
        found.collect::<Vec<_>>()
    };
    let step = |status, error| Step {
        method: "POST",
        url: "https://api.example/token",
        status,
        account: Some(&id),
        action: "refresh_token",
        error,
        ..Step::default()
    };
    assert_eq!(failures().await, []);
    world.hub.log_step(caller.project(), &step(Some(401), Some("invalid_grant")));
    world.hub.flush_logs().await.unwrap();
    let found = failures().await;
    assert_eq!(found[0].since, Some(world.now()));
    assert!(
        found[0].cause.contains("(refresh_token) was answered 401: invalid_grant"),
        "{found:?}"
    );
    let command = found[0].command.clone().unwrap();
    let request = command.strip_prefix("hubctl logs get ").unwrap();
    logs::get(&world.hub, &caller, request, true, false).await.unwrap();
    // Who went away before the answer hides nothing that a provider said.
    world.clock.advance_seconds(1);
    world.hub.log_step(caller.project(), &step(None, Some(hubctl::provider::BROKEN_OFF)));
    world.hub.flush_logs().await.unwrap();
    assert_eq!(failures().await, found);
    // What works again is no finding.
    world.clock.advance_seconds(1);
    world.hub.log_step(caller.project(), &step(Some(200), None));
    world.hub.flush_logs().await.unwrap();
    assert_eq!(failures().await, []);
}

async fn a_refusal_that_goes_on_is_told_since_its_beginning(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let mut began = world.now();
    for status in [401, 200, 500, 403, 401] {
        world.clock.advance_seconds(60);
        if status == 500 {
            began = world.now();
        }
        let step = Step {
            method: "GET",
            url: "https://api.example/people",
            status: Some(status),
            account: Some(&id),
            action: "proxy",
            ..Step::default()
        };
        world.hub.log_step(caller.project(), &step);
        world.hub.flush_logs().await.unwrap();
    }
    let told = async || {
        let explained = hubctl::hub::accounts::explain(&world.hub, &caller, &id).await.unwrap();
        let mut found = explained.findings.into_iter();
        found.find(|found| found.code == "provider_failed").unwrap()
    };
    let found = told().await;
    assert_eq!(found.since, Some(began));
    assert_eq!(found.command, Some(format!("hubctl accounts test {id}")));
    assert!(found.cause.contains("(proxy) was answered 401; `hubctl logs get "), "{found:?}");
    // One that is held can't be tested.
    let guard = Guard::default();
    hubctl::hub::accounts::suspend(&world.hub, &caller, &id, guard).await.unwrap();
    assert!(told().await.command.unwrap().starts_with("hubctl logs get "));
}

async fn a_call_that_was_refused_is_told_until_its_like_works(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("hubspot")).await;
    let id = world.link(&caller, account("hubspot", "acme")).await;
    let went = async |action: &str, path: &str, status: u16| {
        world.clock.advance_seconds(60);
        let url = format!("https://api.example{path}");
        let (status, account) = (Some(status), Some(&id));
        let step = Step { method: "GET", url: &url, status, account, action, ..Step::default() };
        world.hub.log_step(caller.project(), &step);
        world.hub.flush_logs().await.unwrap();
    };
    let told = async |code: &str| {
        let explained = hubctl::hub::accounts::explain(&world.hub, &caller, &id).await.unwrap();
        explained.findings.into_iter().find(|found| found.code == code)
    };
    went("proxy", "/people", 403).await;
    let since = world.now();
    // The test that is advised passes: the call was refused all the same.
    went("verify", "/me", 200).await;
    let found = told("provider_failed").await.unwrap();
    assert_eq!(found.since, Some(since));
    assert!(found.command.unwrap().starts_with("hubctl logs get "), "it was tested");
    went("proxy", "/jobs", 200).await;
    went("proxy", "/people", 403).await;
    went("proxy", "/jobs", 200).await;
    assert_eq!(told("provider_failed").await, None);
    let found = told("calls_refused").await.unwrap();
    assert_eq!((found.since, found.blocking), (Some(since), false));
    for part in ["2 of the latest 4 proxied calls", "with 403: GET /people"] {
        assert!(found.cause.contains(part), "{found:?}");
    }
    went("proxy", "/people", 200).await;
    assert_eq!(told("calls_refused").await, None);
}

/// A page of many rows takes about as long as one of few; reading all of them would take many times
/// as long.
#[test]
fn kp_11_a_page_of_many_rows_takes_few_steps() {
    on_served(async |few: TestHub| {
        fill(&few, 3_000).await;
        let times = times_of_pages(&few).await;
        on_another_thread(&times);
    });
}

fn on_another_thread(few: &[Duration]) {
    let many = || {
        on_served(async |many: TestHub| {
            fill(&many, 300_000).await;
            for (index, (few, many)) in few.iter().zip(times_of_pages(&many).await).enumerate() {
                let most = *few * 6 + Duration::from_millis(20);
                assert!(many < most, "{index}: {many:?} instead of {few:?}");
            }
        });
    };
    std::thread::scope(|scope| scope.spawn(many).join().unwrap());
}

async fn fill(world: &TestHub, count: u32) {
    world.hub.store().prepare().await.unwrap();
    world.raw(&format!(
        "insert into request_logs (id, project, at, duration_ms, request_id, outcome, path, url, \
         account, provider, source_type, is_worker, expires_at) \
         with recursive n (i) as (values (1) union all select i + 1 from n where i < {count}) \
         select i, 1, 1000000 + i, i % 900, 'r-' || i, \
         case when i % 2 = 0 then 10000 else 0 end + \
         case when i % 50 = 0 then 4040 when i % 701 = 0 then 5020 else 2000 end + 1 + i % 4, \
         '/x', 'https://hub.example/x', \
         case when i % 2 = 1 then 'account-' || (i % 500) else '' end, \
         case when i % 2 = 1 then 'provider-' || (i % 50) else '' end, \
         'API', 0, 9000000000000 from n"
    ));
}

/// The shortest time that each of some pages took.
async fn times_of_pages(world: &TestHub) -> Vec<Duration> {
    let caller = world.caller();
    let text = |text: &str| vec![text.to_owned()];
    let filters = [
        Filter::default(),
        Filter { accounts: text("account-7"), ..Filter::default() },
        Filter { providers: text("provider-7"), ..Filter::default() },
        Filter { statuses: vec![400..=999], ..Filter::default() },
        Filter { success: Some(false), methods: vec![Method::Put], ..Filter::default() },
        Filter { request_ids: text("r-2999"), ..Filter::default() },
        Filter { until: Some(Timestamp::from_millis(1_001_000)), ..Filter::default() },
        // Each part fits many rows, and together they fit none.
        Filter {
            providers: text("provider-7"),
            statuses: vec![404..=404],
            methods: vec![Method::Put],
            ..Filter::default()
        },
        Filter { accounts: text("account-7"), providers: text("provider-8"), ..Filter::default() },
    ];
    let mut asked: Vec<_> = filters.into_iter().map(|filter| (filter, Order::default())).collect();
    for sort in [Sort::Status, Sort::Provider] {
        for descending in [true, false] {
            asked.push((Filter::default(), Order { sort, descending }));
        }
    }
    let mut times = Vec::new();
    for (filter, order) in asked {
        let mut best = Duration::MAX;
        for _ in 0..7 {
            let began = Instant::now();
            logs::page(&world.hub, &caller, List::Logs, &filter, order, None, 100).await.unwrap();
            best = best.min(began.elapsed());
        }
        times.push(best);
    }
    times
}
