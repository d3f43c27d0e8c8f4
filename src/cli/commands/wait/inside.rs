//! The hub of the local store, served by the command itself for as long as it waits.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use url::Url;

use crate::cli::commands::serve::LISTEN;
use crate::cli::context::Context;
use crate::domain::origin::is_loopback;
use crate::domain::words::shell_word;
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::server::{AppState, Options, Server, Stop, routes};

/// How long requests may still take once the wait is over: the page that says that an account is
/// linked is on its way to the end user then.
const GRACE: Duration = Duration::from_secs(3);
/// Threads that answer: one person is expected.
const THREADS: usize = 2;

/// A hub that answers until it is dropped.
pub(super) struct Inside {
    /// Where end users reach it.
    pub(super) public_url: Url,
    address: SocketAddr,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Inside {
    /// Starts it, at the address that links are to lead to where that is free and on this machine,
    /// since providers may know its callback address; else on any free loopback port.
    ///
    /// # Errors
    /// As the store reports them; `server.cannot_listen`.
    pub(super) fn start(context: &Context, wanted: Option<&Url>) -> Result<Self, HubError> {
        let (listener, address) = listen(wanted)?;
        let is_there = |url: &&Url| url.path() == "/" && addresses_of(url).contains(&address);
        let public_url = match wanted.filter(is_there) {
            // Providers may know it by a name.
            Some(url) => url.clone(),
            None => format!("http://{address}/")
                .parse::<Url>()
                .map_err(HubError::internal("the hub's own address is malformed"))?,
        };
        let hub = Arc::new(context.hub_to_serve(public_url.clone())?);
        let stop = Stop::default();
        let (ready, answered) = sync_channel(1);
        let thread = std::thread::Builder::new().name("hub".to_owned());
        let thread = thread.spawn({
            let stop = stop.clone();
            move || serve(listener, address, &hub, stop, &ready)
        });
        let thread = thread.map_err(HubError::internal("no thread can be started"))?;
        // Dropping this on the way out ends the thread.
        let inside = Self { public_url, address, stop, thread: Some(thread) };
        let unheard = |_| HubError::new(&codes::INTERNAL, "the hub ended before it answered");
        answered.recv().map_err(unheard)??;
        Ok(inside)
    }

    /// The command that serves the same links when this has ended.
    pub(super) fn command(&self, context: &Context) -> String {
        let mut command = "hubctl serve".to_owned();
        let mut add = |flag, value: &str| {
            command.push_str(&format!(" {flag} {}", shell_word(value)));
        };
        if let Some(profile) = &context.globals.profile {
            add("--profile", profile);
        }
        // A password is in no line that is to be pasted.
        let is_shown =
            |state: &&String| !state.parse::<Url>().is_ok_and(|url| url.password().is_some());
        if let Some(state) = context.globals.state.as_ref().filter(is_shown) {
            add("--state", state);
        }
        let address = self.address.to_string();
        if address != LISTEN {
            add("--listen", &address);
        }
        if self.public_url != context.settings.public_url {
            add("--public-url", self.public_url.as_str().trim_end_matches('/'));
        }
        command
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.stop.soon();
        if let Some(thread) = self.thread.take() {
            // A panic there has been told already.
            _ = thread.join();
        }
    }
}

/// The addresses of this machine that an address of the web leads to without TLS.
fn addresses_of(url: &Url) -> Vec<SocketAddr> {
    if url.scheme() != "http" || !is_loopback(url) {
        return Vec::new();
    }
    let mut found = url.socket_addrs(|| None).unwrap_or_default();
    found.retain(|address| address.ip().is_loopback());
    found
}

fn listen(wanted: Option<&Url>) -> Result<(TcpListener, SocketAddr), HubError> {
    let named = wanted.and_then(|url| addresses_of(url).into_iter().next());
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let cant = |error| {
        HubError::new(&codes::LISTEN_FAILED, "no loopback port can be listened on").source(error)
    };
    let taken = named.and_then(|address| TcpListener::bind(address).ok());
    let listener = taken.map_or_else(|| TcpListener::bind(free), Ok).map_err(cant)?;
    let address = listener.local_addr().map_err(cant)?;
    listener.set_nonblocking(true).map_err(cant)?;
    Ok((listener, address))
}

type Ready = SyncSender<Result<(), HubError>>;

fn serve(listener: TcpListener, address: SocketAddr, hub: &Arc<Hub>, stop: Stop, ready: &Ready) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = match builder.worker_threads(THREADS).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let text = "the runtime can't be started";
            _ = ready.send(Err(HubError::new(&codes::INTERNAL, text).source(error)));
            return;
        }
    };
    runtime.block_on(async {
        let started = async {
            hub.store().prepare().await?;
            let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| {
                HubError::new(&codes::LISTEN_FAILED, "the port can't be used").source(error)
            })?;
            let options = Options { grace: GRACE, ..Options::at(address) };
            let state = AppState::new(Arc::clone(hub), &options, stop, None);
            Server::on(listener, state, options, routes::routes()).await
        };
        match started.await {
            Ok(server) => {
                // Whoever asked may have been stopped meanwhile; then so is the server.
                _ = ready.send(Ok(()));
                server.run().await;
            }
            Err(error) => _ = ready.send(Err(error)),
        }
    });
}
