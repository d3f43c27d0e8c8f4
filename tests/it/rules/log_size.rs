//! How long pages take of a log of millions of rows. A measurement, which prints what it finds.

use std::time::{Duration, Instant};

use hubctl::domain::request_log::{Kind, Method};
use hubctl::domain::time::Timestamp;
use hubctl::hub::logs::{self, Filter, List, Order, Sort};

#[cfg(unix)]
use crate::support::hub::on_postgres;
use crate::support::hub::{Place, TestHub, on_served};

/// How many rows, unless a variable says so.
const ROWS: u32 = 2_000_000;
const ROWS_FROM: &str = "LOG_ROWS";
/// The most that a page in an order that an index has may take.
const LONGEST: Duration = Duration::from_millis(50);
/// Before the first row; each row is a millisecond later.
const AT: i64 = 1_000_000;

#[expect(clippy::disallowed_methods, reason = "whoever measures says how many")]
fn rows() -> u32 {
    std::env::var(ROWS_FROM).map_or(ROWS, |text| text.parse().unwrap())
}

/// Prints times: `LOG_ROWS=10000000 cargo nextest run --release --test it --run-ignored only
/// --no-capture log_size`.
#[test]
#[ignore = "a measurement that takes minutes"]
fn kp_11_pages_of_millions_of_rows_measured() {
    on_served(measured);
}

#[cfg(unix)]
#[test]
#[ignore = "a measurement that takes minutes"]
fn kp_11_pages_of_millions_of_rows_measured_on_postgresql() {
    on_postgres(measured);
}

/// As many rows as are wanted, half of them of accounts, a few of them failures.
async fn fill(world: &TestHub, count: u32) {
    world.hub.store().prepare().await.unwrap();
    world.raw(&format!(
        "insert into request_logs (id, project, at, duration_ms, request_id, outcome, path, url, \
         account, provider, resource, action, source_type, source_value, source_id, source_ip, \
         is_worker, expires_at) \
         with recursive n (i) as \
           (select cast(1 as bigint) union all select i + 1 from n where i < {count}) \
         select i, 1, {AT} + i, (i * 7919) % 1000, '019b7000-0000-7000-8000-' || (100000000000 + i), \
         case when i % 2 = 0 then 10000 else 0 end + \
         case when i % 101 = 0 then 4040 when i % 701 = 0 then 5020 else 2000 end + 1 + i % 4, \
         '/accounts/019b7000-0000-7000-8000-000000000000', \
         'https://hub.example.com/accounts/019b7000-0000-7000-8000-000000000000?include=meta', \
         case when i % 2 = 1 \
           then '019b7000-0000-7000-9000-' || (100000000000 + i % 20000) else '' end, \
         case when i % 2 = 1 then 'provider-' || (i % 200) else '' end, \
         'accounts', case when i = 7 then 'rare' else 'get' end, 'API', 'production', \
         '019b7000-0000-7000-a000-000000000000', '192.0.2.7', 0, 9000000000000 from n"
    ));
    if !matches!(world.place, Place::Sqlite(_)) {
        // What the server would do by itself before long.
        world.raw("analyze request_logs");
    }
}

/// What is asked for, and whether an index has its order.
fn asked(count: u32) -> Vec<(&'static str, Filter, Order, bool)> {
    let text = |text: &str| vec![text.to_owned()];
    let account = || text("019b7000-0000-7000-9000-100000000007");
    let provider = || text("provider-7");
    let request = format!("019b7000-0000-7000-8000-{}", 100_000_000_000 + i64::from(count / 2));
    let middle = Some(Timestamp::from_millis(AT + i64::from(count / 2)));
    let (newest, none) = (Order::default(), Filter::default);
    let oldest = Order { descending: false, ..newest };
    let by = |sort, descending| Order { sort, descending };
    vec![
        ("all", none(), newest, true),
        ("all, the oldest first", none(), oldest, true),
        ("of one account", Filter { accounts: account(), ..none() }, newest, true),
        ("of one connector", Filter { providers: provider(), ..none() }, newest, true),
        ("status 400 and above", Filter { statuses: vec![400..=999], ..none() }, newest, true),
        (
            "failed PUTs",
            Filter { success: Some(false), methods: vec![Method::Put], ..none() },
            newest,
            true,
        ),
        ("of the platform", Filter { kind: Some(Kind::Platform), ..none() }, newest, true),
        ("one request", Filter { request_ids: vec![request], ..none() }, newest, true),
        ("until half of the time", Filter { until: middle, ..none() }, newest, true),
        ("since half of the time", Filter { since: middle, ..none() }, oldest, true),
        (
            "parts that together fit none",
            Filter {
                providers: provider(),
                statuses: vec![404..=404],
                methods: vec![Method::Delete],
                until: middle,
                ..none()
            },
            newest,
            true,
        ),
        ("a word no index has", Filter { actions: text("rare"), ..none() }, newest, false),
        ("by status", none(), by(Sort::Status, true), true),
        ("by status, the least first", none(), by(Sort::Status, false), true),
        ("by connector", none(), by(Sort::Provider, true), true),
        ("by connector, none first", none(), by(Sort::Provider, false), true),
        ("by duration", none(), by(Sort::Duration, true), false),
    ]
}

async fn measured(world: TestHub) {
    let (count, began) = (rows(), Instant::now());
    fill(&world, count).await;
    let kind = if matches!(world.place, Place::Sqlite(_)) { "SQLite" } else { "PostgreSQL" };
    eprintln!("{count} rows on {kind}, written in {:.1?}", began.elapsed());
    let caller = world.caller();
    for (name, filter, order, has_index) in asked(count) {
        let mut times = Vec::new();
        for _ in 0..5 {
            let began = Instant::now();
            logs::page(&world.hub, &caller, List::Logs, &filter, order, None, 25).await.unwrap();
            times.push(began.elapsed());
        }
        let best = *times.iter().min().unwrap();
        eprintln!("{name:<30} first {:>10.2?}  best {best:>10.2?}", times[0]);
        assert!(best < LONGEST || !has_index, "{name}: {best:?}");
    }
}
