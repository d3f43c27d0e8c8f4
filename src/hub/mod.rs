//! What hubctl does: one function per operation, and the parts that they stand on.

use std::sync::Arc;

use url::Url;
use uuid::Uuid;

use crate::domain::caller::{Caller, Permission};
use crate::domain::time::{Clock, Timestamp};
use crate::error::{HubError, codes};
use crate::store::Store;

pub mod accounts;
pub mod api_keys;
pub mod auth_configs;
pub mod connect_sessions;
pub mod connectors;
pub mod keyring;
pub mod keysource;
pub mod private_file;
pub mod projects;
pub mod random;
mod refuse;
mod sealing;
pub mod vault;
pub mod write;

use keysource::KeySources;
use random::Random;
use sealing::Sealing;

/// An integration hub: a store and what its rules need from the world.
pub struct Hub {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    sealing: Sealing,
    public_url: Url,
}

impl Hub {
    /// A hub on a store; `public_url` is where end users reach its pages.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        keys: KeySources,
        public_url: Url,
    ) -> Self {
        Self { store, clock, random, sealing: Sealing::new(keys), public_url }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Where end users reach the hub's pages.
    pub fn public_url(&self) -> &Url {
        &self.public_url
    }

    /// The present, by the hub's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An id for something that is not stored, such as a request.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new_id(&self) -> Result<Uuid, HubError> {
        self.random.uuid_v7(self.clock.now())
    }

    /// What the operator should be told about keys made on the way.
    pub fn take_note(&self) -> Option<String> {
        self.sealing.take_note()
    }

    #[expect(clippy::unused_self, reason = "what a hub allows is the hub's to say")]
    fn require(&self, caller: &Caller, permission: Permission) -> Result<(), HubError> {
        if caller.may(permission) {
            return Ok(());
        }
        let text = format!("this needs the scope `{}`", permission.as_str());
        Err(HubError::new(&codes::FORBIDDEN, text)
            .detail(serde_json::json!({ "scope": permission.as_str() })))
    }
}
