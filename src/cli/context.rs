//! What a command works with: where it acts, how it answers, what it may ask.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;

use crate::backend::Backend;
use crate::client::{Client, Inside, Options};
use crate::domain::secret::Secret;
use crate::domain::time::{Clock, Timestamp};
use crate::error::HubError;
use crate::hub::Hub;
use crate::hub::random::SystemRandom;
use crate::hub::write::Guard;
use crate::local::Local as LocalHub;
use crate::server;
use crate::store::Store;

use super::credentials;
use super::globals::Globals;
use super::interrupts;
use super::output::Output;
use super::prompt::Interactive;
use super::settings::{Local, Place, Remote, Settings, State, key_alone};

/// Connections of a server that read an SQLite file at once; each keeps 2 MiB of pages.
const MOST_READERS: usize = 16;

/// The system's clock; everything else is handed one.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the clock that is handed in")]
        let now = jiff::Timestamp::now();
        Timestamp::from_millis(now.as_millisecond())
    }
}

/// What a command works with.
pub(super) struct Context {
    /// The flags that every command takes.
    pub globals: Globals,
    /// Everything merged.
    pub settings: Settings,
    /// Where answers go.
    pub output: Output,
    /// What may be asked.
    pub ask: Interactive,
    /// Whether the command may change something on the hub.
    writes: bool,
    /// What is told once the command has succeeded.
    kept_notes: Mutex<Vec<String>>,
    /// Hubs that were made for it: what they have begun is finished.
    hubs: Mutex<Vec<Hub>>,
}

impl Context {
    /// Builds it from merged settings.
    ///
    /// # Errors
    /// When the output flags contradict one another.
    pub(super) fn new(globals: Globals, settings: Settings) -> Result<Self, HubError> {
        let output = Output::new(settings.output.clone())?;
        let ask = Interactive { allowed: settings.may_ask, redraws: settings.may_redraw };
        let (kept_notes, hubs) = (Mutex::default(), Mutex::default());
        Ok(Self { globals, settings, output, ask, writes: false, kept_notes, hubs })
    }

    /// The same for a command that may change something on the hub.
    pub(super) fn writing(self, writes: bool) -> Self {
        Self { writes, ..self }
    }

    /// Called where the hub is reached: what is begun from here on is finished.
    fn reached(&self) {
        if self.writes {
            // Programs are told of a failure in one line, and of nothing else.
            interrupts::keep_a_write(self.globals.quiet || self.settings.json_errors);
        }
    }

    /// The hub that the command acts on, opened now.
    ///
    /// # Errors
    /// When the store can't be opened, or has no such project.
    pub(super) async fn backend(&self) -> Result<Backend, HubError> {
        self.reached();
        match &self.settings.place {
            Place::Local(local) => {
                self.note_no_store(local);
                let backend = self.backend_on(local, store(local)?).await?;
                if let Backend::Local(hub) = &backend
                    && hub.has_no_store()
                    && !self.writes
                {
                    self.note_of_success(format!("there is no store {} yet", hub.store_name()));
                }
                Ok(backend)
            }
            Place::Remote(remote) => {
                let found = credentials::find(&self.settings, remote)?;
                Ok(Backend::remote(self.client_of(remote, &found.key)?))
            }
            Place::KeyAlone(_) => Err(key_alone()),
            Place::Nowhere(why) => Err(why.refusal()),
        }
    }

    /// Whoever reads a store that is not there sees nothing in it: perhaps another one was meant. A
    /// write makes the store, and says so.
    fn note_no_store(&self, local: &Local) {
        if let Some(path) = local.missing().filter(|_| local.is_named && !self.writes) {
            self.note_of_success(format!("there is no store {} yet", path.display()));
        }
    }

    /// The hub at an address, with this key; nothing is sent yet.
    ///
    /// # Errors
    /// When the key can't be one, or the file of the trace can't be written.
    pub(super) fn client_of(&self, remote: &Remote, key: &Secret) -> Result<Client, HubError> {
        let network = &remote.network;
        Client::new(Options {
            project: self.settings.named_project(),
            timeout: network.timeout,
            retries: network.retries,
            max_wait: network.max_wait,
            concurrency: usize::try_from(network.concurrency).unwrap_or(usize::MAX),
            ca_file: network.ca_file.clone(),
            ca_from: network.ca_from.clone(),
            https_proxy: network.https_proxy.clone(),
            http_proxy: network.http_proxy.clone(),
            no_proxy: network.no_proxy.clone(),
            trace: self.globals.trace.clone(),
            ..Options::new(
                remote.api_url.clone(),
                key.clone(),
                Arc::new(SystemClock),
                Arc::new(SystemRandom::new()),
            )
        })
    }

    /// A client of the local store: the routes of `hubctl serve`, without a network.
    ///
    /// # Errors
    /// When the file of the trace can't be written.
    pub(super) fn client_inside(&self, local: LocalHub) -> Result<Client, HubError> {
        let mut url = self.settings.public_url.clone();
        url.set_path("/");
        let key = Secret::new("local");
        let inside: Inside = Box::new(move |request| {
            let local = local.clone();
            Box::pin(async move { server::answer(&local, request).await })
        });
        Client::new(Options {
            inside: Some(inside),
            vendor: Some(false),
            trace: self.globals.trace.clone(),
            ..Options::new(url, key, Arc::new(SystemClock), Arc::new(SystemRandom::new()))
        })
    }

    /// The same for a glance: it changes nothing, not even an old store, and waits for nobody
    /// longer than this.
    ///
    /// # Errors
    /// As for [`Context::backend`].
    pub(super) async fn glance(&self, patience: Duration) -> Result<Backend, HubError> {
        let local = self.settings.local()?;
        self.backend_on(local, store(local)?.for_a_glance(patience)).await
    }

    async fn backend_on(&self, local: &Local, store: Store) -> Result<Backend, HubError> {
        self.backend_at(local, store, self.settings.public_url.clone()).await
    }

    async fn backend_at(
        &self,
        local: &Local,
        store: Store,
        public_url: Url,
    ) -> Result<Backend, HubError> {
        let hub = self.hub_on(local, store, public_url);
        self.hubs.lock().unwrap_or_else(PoisonError::into_inner).push(hub.clone());
        Backend::local(hub, &self.settings.project).await
    }

    /// The hub of the local store, where end users reach it at another address than the settings
    /// say.
    ///
    /// # Errors
    /// As for [`Context::backend`].
    pub(super) async fn backend_reached_at(&self, public_url: Url) -> Result<Backend, HubError> {
        let local = self.settings.local()?;
        self.reached();
        self.backend_at(local, store(local)?, public_url).await
    }

    fn hub_on(&self, local: &Local, store: Store, public_url: Url) -> Hub {
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom::new()));
        Hub::new(store, clock, random, local.keys.clone(), public_url)
            .with_provider(self.settings.providers.clone())
            .with_app_origins(self.settings.app_origins.clone())
    }

    /// The store's name, for people: nothing is opened.
    ///
    /// # Errors
    /// When the store's address is malformed.
    pub(super) fn store_name(&self) -> Result<String, HubError> {
        Ok(store(self.settings.local()?)?.name())
    }

    /// The hub of the store for serving others, who reach it at `public_url`.
    ///
    /// # Errors
    /// When the store's address is malformed.
    pub(super) fn hub_to_serve(&self, public_url: Url) -> Result<Hub, HubError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        // Reading never waits on the way, so that more than one a thread are idle.
        let readers = (threads + 2).min(MOST_READERS);
        let local = self.settings.local()?;
        Ok(self.hub_on(local, store(local)?.for_server(readers), public_url))
    }

    /// Runs a command to its end; one that serves others on a thread per processor. `calls` is for
    /// one that uses the network wherever it acts.
    ///
    /// # Errors
    /// As the command ends.
    pub(super) fn block_on(
        &self,
        serves: bool,
        calls: bool,
        command: impl Future<Output = Result<(), HubError>>,
    ) -> Result<(), HubError> {
        let mut builder = match serves {
            true => tokio::runtime::Builder::new_multi_thread(),
            false => tokio::runtime::Builder::new_current_thread(),
        };
        // Timers and sockets are for networks; a store in a file needs neither.
        if serves || calls || !self.is_in_a_file() {
            builder.enable_all();
        }
        let runtime =
            builder.build().map_err(HubError::internal("the runtime can't be started"))?;
        runtime.block_on(async {
            let done = command.await;
            let hubs =
                std::mem::take(&mut *self.hubs.lock().unwrap_or_else(PoisonError::into_inner));
            for hub in hubs {
                // A refresh that nobody waits for may hold the only copy of a new token.
                hub.settled().await;
            }
            done
        })
    }

    /// Whether commands act on a store in a file, which never keeps the runtime waiting.
    pub(super) fn is_in_a_file(&self) -> bool {
        let local = self.settings.local();
        local.is_ok_and(|local| matches!(local.state, State::File(_)))
    }

    /// Tells on standard error what was made on the way.
    pub(super) fn tell_notes(&self, backend: &Backend) {
        for note in backend.take_notes() {
            self.output.note(note);
        }
    }

    /// A note on what a command is about to do. Programs get it when that has succeeded: a failure
    /// is one line on standard error, and nothing else.
    pub(super) fn note_of_success(&self, text: String) {
        if self.settings.json_errors {
            self.kept_notes.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        } else {
            self.output.note(text);
        }
    }

    /// Tells the notes that waited for the command to succeed.
    pub(super) fn tell_kept_notes(&self) {
        let kept =
            std::mem::take(&mut *self.kept_notes.lock().unwrap_or_else(PoisonError::into_inner));
        for note in kept {
            self.output.note(note);
        }
    }

    /// The bounds that the flags set for a write.
    pub(super) fn guard(&self) -> Guard {
        let Globals { dry_run, max_affected, .. } = self.globals;
        Guard { dry_run, max_affected }
    }

    /// The present.
    pub(super) fn now(&self) -> Timestamp {
        self.settings.output.now
    }
}

fn store(local: &Local) -> Result<Store, HubError> {
    #[cfg(unix)]
    outlive_file_limits();
    Ok(match &local.state {
        State::File(path) => Store::sqlite(path),
        State::Postgres(url) => Store::postgres(url)?,
    })
}

/// Beyond the size that the system allows to files, a write fails from here on as on a full disk; it
/// would end the process otherwise.
#[cfg(unix)]
fn outlive_file_limits() {
    use std::sync::Once;

    use crate::store::IS_FILE_LIMIT_MET;
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Where no handler can be put in, the system's stays.
        _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, &IS_FILE_LIMIT_MET);
    });
}
