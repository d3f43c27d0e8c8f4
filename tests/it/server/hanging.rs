//! Ten receivers, one of which hangs, and a server that is killed while it sends: the other nine are
//! told of everything, and what is sent again is the same bytes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use hubctl::domain::secret::Secret;
use hubctl::domain::time::Timestamp;
use hubctl::domain::webhook::signature::{Claims, SigningSecret, verify};
use serde_json::json;

use super::webhooks::{ALLOWED, link, ready};
use crate::support::cli::TestHome;
use crate::support::http::{Asked, FakeHub, Reply};
use crate::support::serving::Serving;

/// Attempts that one of the receivers refuses, so that they are made again.
const REFUSED: usize = 20;

/// A receiver and the secret that it checks signatures with.
struct Receiver {
    hub: FakeHub,
    secret: SigningSecret,
}

impl Receiver {
    fn register(serving: &Serving, key: &str, hub: FakeHub) -> Self {
        let headers = format!("Authorization: Bearer {key}\r\n");
        let body = json!({ "url": hub.url() }).to_string();
        let made = serving.connect().post("/admin/webhooks", &headers, &body).status(201).json();
        let secret = Secret::new(made["secret"].as_str().unwrap().to_owned());
        Self { hub, secret: SigningSecret::parse(secret).unwrap() }
    }

    /// The events that it has taken: id, and the bodies and signatures of all attempts.
    fn events(&self) -> HashMap<String, Vec<(Vec<u8>, String)>> {
        let mut events: HashMap<String, Vec<(Vec<u8>, String)>> = HashMap::new();
        for asked in self.hub.asked() {
            let signature = asked.header("x-stackone-signature").to_owned();
            let attempts = events.entry(asked.header("webhook-id").to_owned()).or_default();
            attempts.push((asked.body.clone(), signature));
        }
        events
    }

    fn count(&self) -> usize {
        self.events().len()
    }

    /// Every attempt is signed for its bytes.
    fn check(&self, asked: &Asked) {
        let mut claims = Claims::default();
        for name in ["x-stackone-signature", "webhook-id", "webhook-timestamp", "webhook-signature"]
        {
            claims.header(name, asked.header(name));
        }
        let at_s: i64 = asked.header("webhook-timestamp").parse().unwrap();
        let at = Timestamp::from_millis(at_s * 1_000);
        verify(std::slice::from_ref(&self.secret), &claims, &asked.body, at).unwrap();
    }
}

/// Waits until every receiver has so many events; how long that took.
#[track_caller]
fn all_have(receivers: &[Receiver], events: usize, within: Duration) -> Duration {
    let began = Instant::now();
    loop {
        let counts: Vec<usize> = receivers.iter().map(Receiver::count).collect();
        if counts.iter().all(|count| *count >= events) {
            return began.elapsed();
        }
        assert!(began.elapsed() < within, "{events} did not come: {counts:?}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// `accounts` change four times, which is as many events each time.
fn one_of_ten_hangs(home: &TestHome, accounts: usize, within: Duration) {
    let key = ready(home);
    let mut serving = home.serve(ALLOWED);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (address, key) = (serving.address, &key);
            scope.spawn(move || {
                for number in (writer..accounts).step_by(4) {
                    link(address, key, &format!("owner-{number}")).unwrap();
                }
            });
        }
    });
    let takes = || FakeHub::start(|_, _| Reply::text(200, "text/plain", "ok"));
    let unsure = FakeHub::start(|_, count| {
        let status = if count < REFUSED { 503 } else { 200 };
        Reply::text(status, "text/plain", "")
    });
    let mut receivers: Vec<Receiver> =
        (0..8).map(|_| Receiver::register(&serving, &key, takes())).collect();

    // As long as all of them answer.
    home.run("connectors disable bamboohr --yes").code(0);
    let without = all_have(&receivers, accounts, within);
    // One hangs: the others finish as if it were not there.
    let hanging = Receiver::register(&serving, &key, FakeHub::start(|_, _| Reply::silence()));
    home.run("connectors enable bamboohr").code(0);
    let beside = all_have(&receivers, 2 * accounts, within);
    assert!(beside < 3 * without + Duration::from_secs(5), "{without:?} became {beside:?}");

    // One refuses at first. The server is killed in the middle of the rest, and comes back.
    receivers.push(Receiver::register(&serving, &key, unsure));
    home.run("connectors disable bamboohr --yes").code(0);
    home.run("connectors enable bamboohr").code(0);
    all_have(&receivers[..8], 2 * accounts + accounts / 4, within);
    serving.signal("KILL");
    let before: usize = receivers.iter().map(Receiver::count).sum();
    assert!(before < 9 * 4 * accounts - 2 * accounts, "it was too late to be killed");
    serving = home.serve(ALLOWED);
    all_have(&receivers[..8], 4 * accounts, within);
    all_have(&receivers[8..], 2 * accounts, within);

    let mut again = 0;
    for receiver in &receivers {
        receiver.hub.asked().iter().for_each(|asked| receiver.check(asked));
        for (id, attempts) in receiver.events() {
            let first = &attempts[0];
            assert!(attempts.iter().all(|attempt| attempt == first), "{id} differs: {attempts:?}");
            again += attempts.len() - 1;
        }
    }
    assert!(again >= REFUSED, "what is refused is sent again");
    let last = &receivers[8];
    assert_eq!(last.count(), 2 * accounts, "nothing from before it was there");
    // It is asked one thing at a time, each for as long as an attempt may take.
    assert!(hanging.hub.asked().len() < 20, "{}", hanging.hub.asked().len());
    serving.stop();
}

/// A thousand events.
#[test]
fn threat_30_nine_of_ten_are_told_although_one_hangs_and_the_server_is_killed() {
    one_of_ten_hangs(&TestHome::new(), 250, Duration::from_mins(1));
}

#[test]
fn threat_30_nine_of_ten_are_told_although_the_server_is_killed_on_postgresql() {
    one_of_ten_hangs(&TestHome::postgres(), 250, Duration::from_mins(1));
}

/// The same with ten thousand events.
#[test]
#[ignore = "takes minutes"]
fn ten_thousand_events_for_ten_receivers_one_of_which_hangs() {
    one_of_ten_hangs(&TestHome::new(), 2_500, Duration::from_mins(10));
}
