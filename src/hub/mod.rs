//! What hubctl does: one function per operation, and the parts that they stand on.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use url::Url;
use uuid::Uuid;

use crate::domain::caller::{Caller, Permission};
use crate::domain::origin::Origin;
use crate::domain::time::{Clock, Timestamp};
use crate::error::HubError;
use crate::provider::post::Poster;
use crate::provider::{self, Provider};
use crate::store::Store;

pub mod accounts;
pub mod api_keys;
pub mod auth_configs;
pub mod backlog;
pub mod checking;
pub mod connect_sessions;
pub mod connectors;
pub mod end_user;
pub mod events;
pub mod keyring;
pub mod keysource;
mod linking;
pub mod logs;
pub mod oauth;
pub mod oauth_apps;
pub mod private_file;
pub mod projects;
pub mod proxy;
pub mod random;
pub mod refresh;
mod refuse;
pub mod rotation;
mod sealing;
pub mod tallies;
pub mod vault;
pub mod webhooks;
pub mod write;

use keysource::KeySources;
use logs::{Logs, Scope};
use random::Random;
use sealing::Sealing;
use tallies::Tallies;

/// An integration hub: a store and what its rules need from the world.
///
/// Copies share everything: one can go on where the other was dropped, such as with the request
/// that it answered.
#[derive(Clone)]
pub struct Hub {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    sealing: Arc<Sealing>,
    public_url: Url,
    provider: Arc<Provider>,
    app_origins: Vec<Origin>,
    answer_limit: u64,
    poster: Arc<Poster>,
    logs: Arc<Logs>,
    tallies: Arc<Tallies>,
    detached: TaskTracker,
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
        let sealing = Arc::new(Sealing::new(keys));
        let provider = Provider::new(provider::Options::default(), draw(&random));
        Self {
            store: Arc::new(store),
            clock,
            random,
            sealing,
            public_url,
            provider: Arc::new(provider),
            app_origins: Vec::new(),
            answer_limit: proxy::ANSWER_LIMIT,
            poster: Arc::new(Poster::new(&provider::Options::default())),
            logs: Arc::default(),
            tallies: Arc::default(),
            detached: TaskTracker::new(),
        }
    }

    /// The same, with another way to reach providers and receivers of webhooks.
    #[must_use]
    pub fn with_provider(mut self, options: provider::Options) -> Self {
        self.poster = Arc::new(Poster::new(&options));
        self.provider = Arc::new(Provider::new(options, draw(&self.random)));
        self
    }

    /// The same, with the origins of the applications that embed its page: a login may return to
    /// them (OA-11), and they alone may frame the page (threat 26).
    #[must_use]
    pub fn with_app_origins(mut self, origins: Vec<Origin>) -> Self {
        self.app_origins = origins;
        self
    }

    /// The same, with another bound for the bodies of providers' answers, in bytes (threat 22).
    #[must_use]
    pub fn with_answer_limit(mut self, limit: u64) -> Self {
        self.answer_limit = limit;
        self
    }

    /// The same, with a log in which no more than so many rows may wait.
    #[must_use]
    pub fn with_log_room(mut self, rows: usize) -> Self {
        self.logs = Arc::new(Logs::with_room(rows));
        self
    }

    /// What calls providers.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The origins of the applications that embed its page.
    pub fn app_origins(&self) -> &[Origin] {
        &self.app_origins
    }

    /// What it has done since it began.
    pub fn tallies(&self) -> &Tallies {
        &self.tallies
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

    /// A text that nobody can guess, for what a page is held together by; 22 signs of Base64.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new_nonce(&self) -> Result<String, HubError> {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes)?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Begins work that goes on where whoever waits for it goes away. Its calls to providers are
    /// steps of what is being answered here.
    fn detached<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        match Scope::current() {
            Some(scope) => self.detached.spawn(scope.within(work)),
            None => self.detached.spawn(work),
        }
    }

    /// Waits for work that goes on although nobody waits for it any more: it may hold the only copy
    /// of a new token. For whoever ends the process.
    pub async fn settled(&self) {
        self.detached.close();
        self.detached.wait().await;
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
        Err(refuse::lacks(permission, text))
    }
}

/// The hub's randomness, for what lies below the hub.
fn draw(random: &Arc<dyn Random>) -> Arc<provider::Draw> {
    let random = Arc::clone(random);
    Arc::new(move |bytes| random.fill(bytes))
}

/// Asserts that it was refused with this code, and returns the refusal.
#[cfg(test)]
#[track_caller]
fn refused<T>(answer: Result<T, HubError>, code: &'static crate::error::Code) -> HubError {
    let Err(error) = answer else { panic!("not refused as {}", code.name) };
    assert_eq!(error.code().name, code.name, "{error:?}");
    error
}
