//! A provider of our own for development and offline CI: an OAuth 2.0 server and a small API, over
//! real HTTP, on a loopback address of its own. Everything is in memory and bounded.
//!
//! It is off unless asked for, and knows nothing of the hub: the hub links accounts with it as
//! with any other provider.

mod api;
mod behaviour;
mod grants;
mod oauth;
mod page;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use crate::domain::connector::Connector;
use crate::domain::origin::Origin;
use crate::domain::secret::Secret;
use crate::domain::time::{Clock, Timestamp};
use crate::error::{HubError, codes};
use crate::hub::random::Random;

use grants::Grants;

/// The key of its connector.
pub const KEY: &str = "sample";
/// The secret of every client: the provider guards nothing.
pub const CLIENT_SECRET: &str = "sample-secret";
/// What the addresses of its definition begin with, until it is moved to where it listens.
pub const ROOT: &str = "https://sample.example";
/// Largest body that it reads, in bytes.
const BODY_LIMIT: usize = 65_536;
/// A host of its own: cookies do not tell ports apart, and a network that is allowed to be called
/// shall hold nothing else.
const HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

const DEFINITION: &str = include_str!("connector.json");

/// The definition of its connector, as if it were in the world; see [`ROOT`].
///
/// # Errors
/// Never, as a test shows.
pub fn connector() -> Result<Connector, HubError> {
    serde_json::from_str(DEFINITION)
        .map_err(HubError::internal("the sample connector can't be read"))
}

/// The provider, with its address taken.
pub struct SampleProvider {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl SampleProvider {
    /// Takes a free loopback port, on a host of its own where the system has one. A login returns
    /// to loopback addresses and to `returns_to`, and nowhere else.
    ///
    /// # Errors
    /// `server.cannot_listen`
    pub async fn bind(
        returns_to: Vec<Origin>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, HubError> {
        let listener = match TcpListener::bind((HOST, 0)).await {
            Ok(listener) => Ok(listener),
            Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
        };
        let cant = |error| {
            HubError::new(&codes::LISTEN_FAILED, "the sample provider can't listen on loopback")
                .source(error)
        };
        let listener = listener.map_err(cant)?;
        let address = listener.local_addr().map_err(cant)?;
        let issuer = issuer(address);
        let grants = Mutex::default();
        let world = World(Arc::new(Inner { issuer, returns_to, clock, random, grants }));
        Ok(Self { listener, address, router: router(world) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until it is dropped.
    pub async fn run(self) {
        if let Err(error) = axum::serve(self.listener, self.router).await {
            tracing::error!(target: "hubctl::sample", %error, "the sample provider ended");
        }
    }
}

/// What it calls itself, where it listens here.
fn issuer(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn router(world: World) -> Router {
    Router::new()
        .route("/.well-known/oauth-authorization-server", get(oauth::metadata))
        .route("/oauth/authorize", get(oauth::ask).post(oauth::answer))
        .route("/oauth/token", post(oauth::token))
        .route("/oauth/revoke", post(oauth::revoke))
        .route("/api/me", get(api::me))
        .route("/api/employees", get(api::employees).post(api::add_employee))
        .route("/api/employees/{id}", get(api::employee).delete(api::delete_employee))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(world)
}

/// What every handler can reach.
#[derive(Clone)]
struct World(Arc<Inner>);

struct Inner {
    /// Its own address, without a slash at the end.
    issuer: String,
    returns_to: Vec<Origin>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    grants: Mutex<Grants>,
}

impl World {
    fn issuer(&self) -> &str {
        &self.0.issuer
    }

    fn returns_to(&self) -> &[Origin] {
        &self.0.returns_to
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// A text that nobody can guess, with these letters first.
    fn unguessable(&self, prefix: &str) -> Result<Secret, HubError> {
        let mut bytes = Zeroizing::new([0; 32]);
        self.0.random.fill(bytes.as_mut_slice())?;
        Ok(Secret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(*bytes))))
    }

    /// What was granted; never held across a wait.
    fn grants(&self) -> MutexGuard<'_, Grants> {
        self.0.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{KEY, ROOT, connector};
    use crate::domain::connector::validate;

    #[test]
    fn threat_35_its_definition_keeps_the_rules_of_all() {
        let connector = connector().unwrap();
        assert_eq!(connector.key.as_str(), KEY);
        assert_eq!(validate::check(&connector), []);
        assert!(connector.base_url.as_str().starts_with(ROOT));
        let methods: Vec<&str> = connector.auth.iter().map(|method| method.key.as_str()).collect();
        assert_eq!(methods, ["api_key", "oauth2", "client_credentials"]);
    }

    #[test]
    fn threat_06_it_is_the_issuer_that_its_definition_names() {
        let address = "127.0.0.2:8080".parse().unwrap();
        let moved = connector().unwrap().on_loopback(ROOT, address).unwrap();
        let issuers: Vec<&str> =
            moved.auth.iter().filter_map(|method| method.issuer.as_deref()).collect();
        assert_eq!(issuers, [super::issuer(address)]);
    }
}
