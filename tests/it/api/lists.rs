//! Lists of any length, and clients that read them slowly or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hubctl::domain::account::{Account, AccountType, Owner, Status};
use hubctl::domain::project::DEFAULT_PROJECT;
use hubctl::domain::time::Timestamp;
use hubctl::store::{Store, accounts, projects};
use serde_json::{Value, json};

use crate::support::cli::TestHome;
use crate::support::frames::Multiplexed;
use crate::support::serving::{Client, PATIENCE, Serving};

use super::{Api, calls, each, text};

const COUNT: u64 = 10_000;

/// Puts many accounts into a store at once, as if they had been linked one by one.
fn fill(home: &TestHome, store: &Store, count: u64) {
    let config = home.run("connectors enable hubspot --json").code(0).json();
    let config = text(&config["after"], "id");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut tx = store.begin_write().await.unwrap();
        let name = DEFAULT_PROJECT.parse().unwrap();
        let project = projects::by_name(&mut tx, &name).await.unwrap().unwrap().number;
        for number in 0..count {
            let at = Timestamp::from_millis(1_767_225_600_000 + i64::try_from(number).unwrap());
            let account = Account {
                id: format!("019b7000-0000-7000-8000-{number:012}").parse().unwrap(),
                provider: "hubspot".parse().unwrap(),
                auth_config: config.parse().unwrap(),
                owner: Owner {
                    id: format!("customer-{number}"),
                    name: format!("Customer {number}"),
                    username: None,
                },
                label: None,
                kind: AccountType::Production,
                status: Status::Active,
                hold: None,
                reasons: Vec::new(),
                setup: BTreeMap::new(),
                metadata: serde_json::Map::new(),
                verified_at: None,
                created_at: at,
                updated_at: at,
                version: 0,
            };
            accounts::insert(&mut tx, project, &account).await.unwrap();
        }
        tx.commit().await.unwrap();
    });
}

/// A list as text: one array, one element on each line.
#[track_caller]
fn lines(text: &str) -> Vec<Value> {
    if text == "[]\n" {
        return Vec::new();
    }
    let inner = text.strip_prefix("[\n").and_then(|text| text.strip_suffix("\n]\n"));
    let inner = inner.unwrap_or_else(|| panic!("{:?}…", text.get(..80).unwrap_or(text)));
    let rows = inner.lines().map(|line| serde_json::from_str(line.trim_end_matches(',')).unwrap());
    let rows: Vec<Value> = rows.collect();
    let whole: Vec<Value> = serde_json::from_str(text).unwrap();
    assert!(rows == whole);
    rows
}

#[test]
fn every_list_is_one_array_with_an_element_on_each_line() {
    let home = TestHome::new();
    let (serving, api) = Api::serve(&home, "");
    for path in ["/admin/accounts", "/admin/auth_configs", "/admin/connect_sessions"] {
        assert_eq!(api.get(path).status(200).text(), "[]\n", "{path}");
    }
    for tag in ["a", "b", "c"] {
        calls::Things::make(&api, tag);
    }
    for (path, count) in [
        ("/admin/accounts", 6),
        ("/admin/auth_configs", 9),
        ("/admin/connect_sessions", 3),
        ("/admin/projects", 4),
        ("/admin/keys", 4),
        ("/admin/connectors?search=own-", 3),
    ] {
        assert_eq!(lines(&api.get(path).status(200).text()).len(), count, "{path}");
    }
    serving.stop();
}

#[test]
fn a_long_list_is_whole_while_others_write_and_memory_is_bounded() {
    let home = TestHome::new();
    fill(&home, &Store::sqlite(home.store()), COUNT);
    let (serving, api) = Api::serve(&home, "");
    let config = text(&api.get("/admin/auth_configs").json()[0], "id");
    api.get("/admin/accounts?brief=true&providers=none").status(200);
    let before = serving.memory_kib("VmHWM");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|number| {
                let (api, is_over, config) = (&api, &is_over, &config);
                scope.spawn(move || {
                    let mut written = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        let body = calls::account(&format!("new-{number}-{written}"), config);
                        let id = text(&api.post("/admin/accounts", &body).status(201).json(), "id");
                        api.patch(&format!("/accounts/{id}"), &json!({ "label": "x" })).status(200);
                        written += 1;
                    }
                    written
                })
            })
            .collect();
        for _ in 0..4 {
            let rows = lines(&api.get("/admin/accounts").status(200).text());
            let owners = each(&Value::Array(rows), "origin_owner_id");
            let unique: BTreeSet<&String> = owners.iter().collect();
            assert_eq!(unique.len(), owners.len());
            let old = owners.iter().filter(|owner| owner.starts_with("customer-")).count();
            assert_eq!(old as u64, COUNT);
        }
        is_over.store(true, Ordering::Relaxed);
        let written: u64 = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        assert!(written > 0);
    });
    let grown = serving.memory_kib("VmHWM") - before;
    // The list has some 8 MiB; the server never holds it.
    assert!(grown < 24 * 1024, "{grown} KiB more");
    serving.stop();
}

#[test]
fn at_14_walks_of_one_key_miss_no_account_while_others_go() {
    let home = TestHome::new();
    fill(&home, &Store::sqlite(home.store()), 8);
    let (serving, api) = Api::serve(&home, "");
    let page = |number: u64| {
        let path = format!("/accounts?page_size=2&page={number}");
        each(&api.get(&path).status(200).json(), "origin_owner_id")
    };
    let owners = |all: &[u64]| all.iter().map(|n| format!("customer-{n}")).collect::<Vec<_>>();
    let ids = each(&api.get("/accounts").status(200).json(), "id");
    let delete = |id: &str| api.delete(&format!("/accounts/{id}?keep_remote=true")).status(200);
    let mut first = [page(1), page(2)].concat();
    delete(&ids[0]);
    let mut second = [page(1), page(2)].concat();
    first.extend((3..=5).flat_map(page));
    second.extend((3..=5).flat_map(page));
    assert_eq!(first, owners(&[0, 1, 2, 3, 4, 5, 6, 7]));
    // One may come twice, where the two met.
    second.dedup();
    assert_eq!(second, owners(&[1, 2, 3, 4, 5, 6, 7]));
    // Whoever walks anew sees each once, whatever went since the last walk.
    delete(&ids[1]);
    let third: Vec<Vec<String>> = (1..=4).map(page).collect();
    assert_eq!(third, [owners(&[2, 3]), owners(&[4, 5]), owners(&[6, 7]), Vec::new()]);
    delete(&ids[3]);
    let fourth: Vec<Vec<String>> = (1..=3).map(page).collect();
    assert_eq!(fourth, [owners(&[2, 4]), owners(&[5, 6]), owners(&[7])]);
    delete(&ids[2]);
    let fifth: Vec<Vec<String>> = (1..=3).map(page).collect();
    assert_eq!(fifth, [owners(&[4, 5]), owners(&[6, 7]), Vec::new()]);
    serving.stop();
}

/// Asks for all accounts and reads nothing but the first bytes of the answer.
fn stalled(api: &Api) -> Client<std::net::TcpStream> {
    let mut client = Client::to(api.address);
    client.send(api.request("GET", "/admin/accounts", None)).unwrap();
    let mut first = [0; 16];
    client.stream.read_exact(&mut first).unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&first));
    client
}

fn threads(serving: &Serving) -> u64 {
    serving.memory_kib("Threads")
}

#[test]
fn clients_that_read_slowly_hold_nobody_up_and_those_that_stop_are_dropped() {
    let home = TestHome::new();
    let store = Store::sqlite(home.store());
    slow_readers(&home, &store);
}

#[test]
fn clients_that_read_slowly_hold_nobody_up_and_those_that_stop_are_dropped_on_postgresql() {
    let url = crate::support::postgres::database();
    let home = TestHome::new().with("HUBCTL_STATE", &url);
    slow_readers(&home, &Store::postgres(&url).unwrap());
}

fn slow_readers(home: &TestHome, store: &Store) {
    const SLOW: usize = 100;
    fill(home, store, COUNT);
    let (serving, api) = Api::serve(home, "");
    let config = text(&api.get("/admin/auth_configs").json()[0], "id");
    let before = (threads(&serving), serving.memory_kib("VmRSS"));
    // Its own lists have to wait for one another; those of other keys do not.
    let other = api.holding(&home.key("other", &["platform:read"]));
    let (mut slow, mut written) = (Vec::new(), 0);
    for number in 0..SLOW {
        let mut client = Client::to(api.address);
        client.send(api.request("GET", "/admin/accounts", None)).unwrap();
        slow.push(client);
        if number % 20 == 19 {
            // Others read and write meanwhile, and lists of their own too.
            let began = Instant::now();
            api.get("/accounts?page_size=3").status(200);
            let body = calls::account(&format!("new-{number}"), &config);
            api.post("/admin/accounts", &body).status(201);
            written += 1;
            other.get("/admin/auth_configs").status(200);
            assert_eq!(
                lines(&other.get("/admin/accounts").status(200).text()).len() as u64,
                COUNT + written
            );
            assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
        }
    }
    let grown = serving.memory_kib("VmRSS").saturating_sub(before.1);
    assert!(grown < 96 * 1024, "{grown} KiB more");
    // One of them reads on in small steps, and gets the whole of it.
    let mut reader = stalled(&other);
    let until = Instant::now() + PATIENCE;
    let mut buffer = [0; 4096];
    let mut end = Vec::new();
    while !end.ends_with(b"0\r\n\r\n") {
        assert!(Instant::now() < until, "it never ends");
        match reader.stream.read(&mut buffer).unwrap() {
            0 => panic!("it was cut off: {}", String::from_utf8_lossy(&end)),
            count => end.extend_from_slice(&buffer[..count]),
        }
        end.drain(..end.len().saturating_sub(16));
    }
    // Those that read nothing are dropped in the end, and free what they held.
    let until = Instant::now() + 2 * PATIENCE;
    while open_connections(&serving, &api) > 2 {
        assert!(Instant::now() < until, "they are never dropped");
        std::thread::yield_now();
    }
    let left = threads(&serving);
    assert!(left <= before.0 + 40, "{left} threads, {} before", before.0);
    drop(slow);
    serving.stop();
}

#[test]
fn threat_37_streams_that_stop_free_the_store_and_are_dropped() {
    let home = TestHome::new();
    fill(&home, &Store::sqlite(home.store()), COUNT);
    let (serving, api) = Api::serve(&home, "");
    let other = api.holding(&home.key("other", &["platform:read"]));
    let before = threads(&serving);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // As many lists as are read at once, of clients that keep their connections alive and take
    // nothing, or too little of each.
    let mut held = Vec::new();
    for (number, window) in [0, 0, 10_000].into_iter().enumerate() {
        let key = home.key(&format!("stalled-{number}"), &["platform:read"]);
        let request = http::Request::get("http://hub/admin/accounts");
        let request = request.header("authorization", format!("Bearer {key}")).body(()).unwrap();
        let client = runtime.block_on(Multiplexed::taking(serving.address, window));
        for _ in 0..4 {
            let begun = client.begin(request.clone(), true);
            let under = runtime.block_on(begun).unwrap();
            held.push(runtime.block_on(under.head()).unwrap());
        }
        // What is not even a list is not taken either.
        let health = http::Request::get("http://hub/healthz").body(()).unwrap();
        let health = runtime.block_on(client.begin(health, true)).unwrap();
        held.push(runtime.block_on(health.head()).unwrap());
    }
    assert!(held.iter().all(|answer| answer.status() == 200));
    // Lists of others get their turn.
    let began = Instant::now();
    let listed = other.get("/admin/accounts").status(200);
    assert_eq!(lines(&listed.text()).len() as u64, COUNT);
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    // In the end they are dropped, and free what they held.
    let until = Instant::now() + 2 * PATIENCE;
    while open_connections(&serving, &api) > 2 {
        assert!(Instant::now() < until, "they are never dropped");
        std::thread::yield_now();
    }
    let left = threads(&serving);
    assert!(left <= before + 40, "{left} threads, {before} before");
    drop(held);
    serving.stop();
}

fn open_connections(serving: &Serving, api: &Api) -> u64 {
    let page = api.get("/metrics").status(200).text();
    let line = page.lines().find_map(|line| line.strip_prefix("hubctl_connections "));
    let count = line.unwrap_or_else(|| panic!("{page}\n{:#?}", serving.log()));
    count.trim().parse().unwrap()
}
