//! The client, against a hub that answers what it is told to.

mod attempts;
mod offered;
mod operations;
mod proxy;
mod raw;
mod refusals;
#[cfg(unix)]
mod tracing;
mod vendor;

use std::sync::Arc;
use std::time::Duration;

use hubctl::client::{Client, Options};
use hubctl::domain::secret::Secret;
use hubctl::domain::time::{FixedClock, Timestamp};
use hubctl::hub::random::SeededRandom;

use crate::support::http::FakeHub;

pub(crate) const KEY: &str = "v1.local.7_abcdefghijklmnopqrstuvwxyz";

/// Options that never wait for long.
fn options(url: &str) -> Options {
    // 2026-06-01T12:00:00Z.
    let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_780_315_200_000)));
    let random = Arc::new(SeededRandom::new(1));
    let options = Options::new(url.parse().unwrap(), Secret::new(KEY), clock, random);
    Options { first_pause: Duration::from_millis(2), max_wait: Duration::from_secs(2), ..options }
}

/// A client of a hubctl hub.
fn client(hub: &FakeHub) -> Client {
    Client::new(options(&hub.url())).unwrap()
}

/// A client of the vendor's platform.
fn vendors(hub: &FakeHub) -> Client {
    Client::new(Options { vendor: Some(true), ..options(&hub.url()) }).unwrap()
}
