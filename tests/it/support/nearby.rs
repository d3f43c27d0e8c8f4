//! Connectors of providers on this machine: a file of one may not name it, so they are put into the
//! store of a home.

use std::net::SocketAddr;
use std::sync::Arc;

use hubctl::domain::connector::Connector;
use hubctl::domain::time::{FixedClock, Timestamp};
use hubctl::hub::Hub;
use hubctl::hub::connectors::import_on_loopback;
use hubctl::hub::keyring::KeyringAccess;
use hubctl::hub::keysource::KeySources;
use hubctl::hub::random::SystemRandom;
use hubctl::hub::write::Guard;
use hubctl::store::Store;

use super::cli::TestHome;
use super::http::FakeHub;
use super::hub::block_on;

impl TestHome {
    /// Knows a connector whose addresses begin with `root`, and which is at `address`.
    pub(crate) fn knows(&self, connector: &Connector, (root, address): (&str, SocketAddr)) {
        let beside = self.path().join("hubctl.key");
        let keys = KeySources { file: None, keyring: KeyringAccess::none(), beside };
        let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_780_315_200_000)));
        let (store, random) = (Store::sqlite(self.store()), Arc::new(SystemRandom::new()));
        let hub = Hub::new(store, clock, random, keys, "http://127.0.0.1:4780".parse().unwrap());
        block_on(async {
            let caller = hub.local_caller(&"default".parse().unwrap()).await.unwrap();
            let (place, guard) = ((root, address), Guard::default());
            import_on_loopback(&hub, &caller, connector, place, guard).await.unwrap();
        });
    }
}

impl FakeHub {
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.url().trim_start_matches("http://").parse().unwrap()
    }
}
