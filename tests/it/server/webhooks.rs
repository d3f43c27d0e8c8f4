//! Deliveries of a server as a process: killed, beside a receiver that hangs, and beside another
//! server.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::cli::TestHome;
use crate::support::hooks::{receiver, wait_until};
use crate::support::http::{FakeHub, Reply};
use crate::support::serving::{Client, Serving};

pub(super) const ALLOWED: &str = "--rate-limit 0 --allow-target 127.0.0.0/8";

fn hook(serving: &Serving, key: &str, to: &FakeHub) {
    let headers = format!("Authorization: Bearer {key}\r\n");
    let body = json!({ "url": to.url() }).to_string();
    serving.connect().post("/admin/webhooks", &headers, &body).status(201);
}

/// Links an account; `None` when nobody answers any more.
pub(super) fn link(address: SocketAddr, key: &str, owner: &str) -> Option<String> {
    let mut client = Client::over(TcpStream::connect(address).ok()?);
    let body = json!({
        "provider": "bamboohr", "origin_owner_id": owner, "origin_owner_name": owner,
        "credentials": { "subdomain": "acme", "api_key": "k" }, "verify": false,
    })
    .to_string();
    let head = format!(
        "POST /admin/accounts HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {key}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    client.send(head).ok()?;
    let answer = client.answer().ok()?.status(201);
    Some(answer.json()["id"].as_str().unwrap().to_owned())
}

pub(super) fn ready(home: &TestHome) -> String {
    home.run("connectors enable bamboohr").code(0);
    home.key("all", &["platform:read", "platform:write", "admin"])
}

fn kill_nine(home: &TestHome) {
    let key = ready(home);
    // Slow enough that some are on their way whenever it is killed.
    let there = FakeHub::start(|_, _| Reply::text(200, "text/plain", "x".repeat(30_000)));
    let mut promised = BTreeSet::new();
    let mut serving = home.serve(ALLOWED);
    hook(&serving, &key, &there);
    for round in 0..3 {
        let before = there.asked().len();
        std::thread::scope(|scope| {
            let (address, key) = (serving.address, &key);
            let links = move |name: &'static str| {
                let link = move |number| link(address, key, &format!("{name}-{round}-{number}"));
                (0_u32..).map_while(link).collect::<Vec<_>>()
            };
            let writers: Vec<_> =
                ["a", "b", "c"].into_iter().map(|name| scope.spawn(move || links(name))).collect();
            wait_until(|| there.asked().len() >= before + 20, || there.asked().len().to_string());
            serving.signal("KILL");
            for writer in writers {
                promised.extend(writer.join().unwrap());
            }
        });
        serving = home.serve(ALLOWED);
    }
    let missing = || {
        let told: BTreeSet<String> = there.told("record_id").into_iter().collect();
        promised.difference(&told).count()
    };
    wait_until(|| missing() == 0, || format!("{} of {} are missing", missing(), promised.len()));
    assert!(promised.len() > 40, "{}", promised.len());
    serving.stop();
}

#[test]
fn d_1_kill_9_while_events_are_sent_loses_none() {
    kill_nine(&TestHome::new());
}

#[test]
fn d_1_kill_9_while_events_are_sent_loses_none_on_postgresql() {
    kill_nine(&TestHome::postgres());
}

#[test]
fn threat_30_one_of_ten_that_hangs_delays_none_of_the_others() {
    let home = TestHome::new();
    let key = ready(&home);
    let serving = home.serve(ALLOWED);
    let silent = FakeHub::start(|_, _| Reply::silence());
    let others: Vec<FakeHub> = (0..9).map(|_| receiver()).collect();
    hook(&serving, &key, &silent);
    for there in &others {
        hook(&serving, &key, there);
    }
    for number in 0..100 {
        link(serving.address, &key, &format!("owner-{number}")).unwrap();
    }
    // A hundred events at once.
    let began = Instant::now();
    home.run("connectors disable bamboohr --yes").code(0);
    for there in &others {
        there.wait_for(200);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // It is asked one thing at a time as soon as it is known.
    assert!(silent.asked().len() < 10, "{}", silent.asked().len());
    drop(serving);
}

#[test]
fn a_receiver_that_begins_to_fail_and_a_webhook_that_is_disabled_are_in_the_log() {
    let home = TestHome::new();
    let key = ready(&home);
    let mut serving = home.serve(ALLOWED);
    let gone = FakeHub::start(|_, _| Reply::text(410, "text/plain", "gone"));
    hook(&serving, &key, &gone);
    let id = home.run("webhooks list --json").code(0).json()[0]["id"].clone();
    link(serving.address, &key, "owner").unwrap();
    for (message, field, value) in [
        ("a webhook's receiver fails", "host", json!("127.0.0.1")),
        ("a webhook was disabled", "why", json!("gone")),
    ] {
        let line = serving.wait_for(|line| line.contains(message));
        let told: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&told["level"], &told["webhook"]), (&json!("WARN"), &id), "{told}");
        assert_eq!((&told[field], &told["project"]), (&value, &json!("default")), "{told}");
    }
    serving.stop();
}

#[test]
fn two_servers_on_one_store_send_each_delivery_once() {
    let home = TestHome::postgres();
    let key = ready(&home);
    let servers = [home.serve(ALLOWED), home.serve(ALLOWED)];
    let receivers: Vec<FakeHub> = (0..4).map(|_| receiver()).collect();
    for (index, there) in receivers.iter().enumerate() {
        hook(&servers[index % 2], &key, there);
    }
    for number in 0..60 {
        link(servers[number % 2].address, &key, &format!("owner-{number}")).unwrap();
    }
    for there in &receivers {
        there.wait_for(60);
    }
    let [one, other] = servers;
    one.stop();
    other.stop();
    for there in &receivers {
        let mut times = BTreeMap::new();
        for id in there.told("record_id") {
            *times.entry(id).or_insert(0) += 1;
        }
        assert!(times.len() == 60 && times.values().all(|count| *count == 1), "{times:?}");
    }
}
