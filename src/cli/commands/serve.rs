//! `hubctl serve`: starts the server; has no routes.

use std::io::IsTerminal as _;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use crate::cli::context::{Context, SystemClock};
use crate::cli::exit::for_the_log;
use crate::cli::input;
use crate::cli::tree::Run;
use crate::domain::origin::{Origin, web_address};
use crate::domain::project::DEFAULT_PROJECT;
use crate::error::{HubError, codes};
use crate::hub::random::SystemRandom;
use crate::hub::write::Guard;
use crate::hub::{Hub, api_keys, auth_configs, connectors};
use crate::sample::{self, SampleProvider};
use crate::server::{
    self, AppState, Log, LogFormat, LogLevel, LogOptions, Options, Outcome, Server, Signal,
    Signals, Stop, TlsFiles, routes,
};

/// Where the hub listens unless told otherwise.
pub(super) const LISTEN: &str = "127.0.0.1:4780";

/// Serve the hub over HTTP
///
/// Works on the same store as the other commands, also at the same time; on PostgreSQL any number
/// of servers share one. Requests need an API key: see `hubctl keys create`. SIGTERM or Ctrl-C ends
/// it when all requests are answered, a second one at once; SIGHUP makes it read its certificate
/// again. Under systemd, use `Type=notify`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Serve {
    /// Address and port to listen on; port 0 is any free one
    #[arg(long, value_name = "ADDR", default_value = LISTEN)]
    listen: String,

    /// Where end users reach the hub [default: as environment or profile say, else where it
    /// listens]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,

    /// Address of an application that embeds the hub's page, beside those of the profile: logins
    /// may return to it, and it may frame the page
    #[arg(long = "app-origin", value_name = "URL", value_parser = origin)]
    app_origins: Vec<Origin>,

    /// Network of providers and receivers of webhooks that may be called although it is not
    /// public, beside those of the profile
    #[arg(long = "allow-target", value_name = "CIDR", value_parser = input::network)]
    allow_targets: Vec<IpNet>,

    /// Serve a provider to try things with as well, and enable its connector `sample` in the
    /// default project
    #[arg(long)]
    with_sample_provider: bool,

    /// Certificate chain in PEM form; taken in again when the file changes
    #[arg(long, value_name = "FILE", requires = "tls_key", value_hint = clap::ValueHint::FilePath)]
    tls_cert: Option<PathBuf>,

    /// Private key of the certificate in PEM form
    #[arg(long, value_name = "FILE", requires = "tls_cert", value_hint = clap::ValueHint::FilePath)]
    tls_key: Option<PathBuf>,

    /// Address and port for /metrics and health without a key
    #[arg(long, value_name = "ADDR")]
    metrics_listen: Option<String>,

    /// Network of proxies whose X-Forwarded-For is believed
    #[arg(long = "trusted-proxy", value_name = "CIDR", value_parser = input::network)]
    trusted_proxies: Vec<IpNet>,

    /// Requests a minute that each API key may send to this server; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    rate_limit: u32,

    /// Connections at once; beyond them only health is answered
    #[arg(long, value_name = "N", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,

    /// Longest body of a provider's answer, unpacked, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    answer_limit: u32,

    /// How long new connections are still taken after SIGTERM, while /readyz answers 503
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = from_none)]
    drain_delay: Duration,

    /// How long the whole end may take after SIGTERM and --drain-delay, also where the store hangs
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = from_none)]
    grace: Duration,

    /// How long a request may take, that of a provider which it is passed on to included
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = time_out)]
    request_timeout: Duration,

    /// How long a new client may take to send the headers of its first request
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = time_out)]
    header_timeout: Duration,

    /// How log lines look; JSON where standard error is no terminal
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "json"])]
    log_format: Option<String>,

    /// How much is logged
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = ["error", "warn", "info", "debug", "trace"])]
    log_level: String,
}

fn origin(text: &str) -> Result<Origin, String> {
    text.parse().map_err(|error| format!("{error}"))
}

fn address(flag: &str, text: &str) -> Result<SocketAddr, HubError> {
    let bad = |why: String| HubError::new(&codes::BAD_VALUE, format!("{flag} `{text}`: {why}"));
    let found = text.to_socket_addrs().map(|mut found| found.next());
    found
        .map_err(|error| bad(error.to_string()))?
        .ok_or_else(|| bad("no address of this name".to_owned()))
}

fn time_out(text: &str) -> Result<Duration, String> {
    input::wait(text, 1)
}

/// No time at all is fine as well.
fn from_none(text: &str) -> Result<Duration, String> {
    input::wait(text, 0)
}

impl Serve {
    fn options(&self, context: &Context) -> Result<Options, HubError> {
        if context.globals.project.is_some() {
            let text = "a hub serves all its projects: --project means nothing here";
            return Err(HubError::new(&codes::USAGE, text).hint("hubctl serve"));
        }
        if context.globals.dry_run {
            let text = "there is no dry run of a server: it would work on the store";
            let hint = "hubctl doctor # looks at settings, store and key";
            return Err(HubError::new(&codes::USAGE, text).hint(hint));
        }
        let metrics = self.metrics_listen.as_deref();
        let files = self.tls_cert.clone().zip(self.tls_key.clone());
        let listen = address("--listen", &self.listen)?;
        Ok(Options {
            metrics_listen: metrics.map(|text| address("--metrics-listen", text)).transpose()?,
            tls: files.map(|(certificate, key)| TlsFiles { certificate, key }),
            trusted_proxies: self.trusted_proxies.clone(),
            rate_limit: self.rate_limit,
            max_connections: usize::try_from(self.max_connections).unwrap_or(usize::MAX),
            drain_delay: self.drain_delay,
            grace: self.grace,
            request_limit: self.request_timeout,
            header_limit: self.header_timeout,
            notify: context.settings.notify.clone(),
            ..Options::at(listen)
        })
    }

    /// Where end users reach a hub of which nobody said so: where it listens, if that is on this
    /// machine and not the usual port of another one.
    fn reached_at(&self, context: &Context, listens: std::io::Result<SocketAddr>) -> Url {
        let told = &context.settings.public_url;
        let scheme = if self.tls_cert.is_some() { "https" } else { "http" };
        let own = listens.ok().filter(|address| address.ip().is_loopback());
        let own = own.filter(|_| !context.settings.is_public_url_given());
        own.and_then(|at| format!("{scheme}://{at}").parse().ok()).unwrap_or_else(|| told.clone())
    }

    fn hub(
        &self,
        context: &Context,
        public_url: Url,
        sample: Option<&Sample>,
    ) -> Result<Hub, HubError> {
        let settings = &context.settings;
        let mut providers = settings.providers.clone();
        providers.allowed.extend(&self.allow_targets);
        // A provider that is silent is named as long as there is time to answer.
        providers.silence_limit = self.request_timeout * 9 / 10;
        providers.allowed.extend(sample.map(|sample| IpNet::from(sample.address.ip())));
        let mut origins = settings.app_origins.clone();
        origins.extend(self.app_origins.iter().cloned());
        let hub = context.hub_to_serve(public_url)?;
        let limit = u64::from(self.answer_limit) << 20;
        Ok(hub.with_provider(providers).with_app_origins(origins).with_answer_limit(limit))
    }

    fn log_options(&self, context: &Context) -> LogOptions {
        let format = match self.log_format.as_deref() {
            Some("text") => LogFormat::Text,
            None if std::io::stderr().is_terminal() => LogFormat::Text,
            _ => LogFormat::Json,
        };
        let level = match self.log_level.as_str() {
            "error" => LogLevel::Error,
            "warn" => LogLevel::Warn,
            "debug" => LogLevel::Debug,
            "trace" => LogLevel::Trace,
            _ => LogLevel::Info,
        };
        LogOptions { format, level, color: context.settings.output.color_err }
    }
}

impl Serve {
    /// Begins to listen: what is wrong with the store or its key is told before anybody is greeted.
    async fn start(
        &self,
        context: &Context,
        mut options: Options,
        stop: Stop,
        log: &Log,
        as_text: bool,
    ) -> Result<(Server, Option<Sample>), HubError> {
        let named =
            self.public_url.as_deref().map(web_address).transpose().map_err(|error| {
                HubError::new(&codes::BAD_VALUE, format!("--public-url: {error}"))
            })?;
        let listener = server::listen("--listen", options.listen).await?;
        let public_url = named.unwrap_or_else(|| self.reached_at(context, listener.local_addr()));
        let sample = match self.with_sample_provider {
            true => Some(Sample::start(&public_url).await?),
            false => None,
        };
        let hub = Arc::new(self.hub(context, public_url, sample.as_ref())?);
        if let Some(files) = server::raise_open_files() {
            options.keep_within(files);
        }
        hub.store().prepare().await?;
        hub.keys_work().await?;
        let state = AppState::new(Arc::clone(&hub), &options, stop, Some(log.clone()));
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let server = Server::on(listener, state, options, routes::routes()).await?;
        if hub.store().is_new() {
            tell(context, as_text, &format!("made a new store: {}", hub.store().name()));
        }
        for (index, address) in server.addresses().into_iter().enumerate() {
            let (scheme, what) = if index == 0 { (scheme, "") } else { ("http", " for metrics") };
            let text = format!("listening on {scheme}://{address}{what}");
            if as_text {
                context.output.note(&text);
            } else {
                let (store, public_url) = (hub.store().name(), hub.public_url().as_str());
                let version = env!("CARGO_PKG_VERSION");
                tracing::info!(target: "hubctl::serve", version, store, public_url, "{text}");
            }
            if index == 0 && scheme == "http" && !address.ip().is_loopback() {
                let text = "keys travel in the clear, unless a proxy in front does TLS";
                tell(context, as_text, text);
            }
        }
        if let Some(sample) = &sample {
            sample.enable(&hub).await?;
            for note in sample.notes() {
                tell(context, as_text, &note);
            }
        }
        if !api_keys::any(&hub).await? {
            let text = "the store has no API key yet: make one with `hubctl keys create NAME`";
            tell(context, as_text, text);
        }
        Ok((server, sample))
    }

    async fn serve(&self, context: &Context, log: &Log, as_text: bool) -> Result<(), HubError> {
        let options = self.options(context)?;
        // A store that hangs keeps no signal waiting.
        let (stop, reload) = (Stop::default(), Arc::default());
        let signals = Signals::listen()?.obey(stop.clone(), Arc::clone(&reload));
        let signals = tokio::spawn(signals);
        let started = tokio::select! {
            started = self.start(context, options, stop.clone(), log, as_text) => started?,
            () = stop.stopping() => return Ok(()),
        };
        // The provider is there for as long as the server.
        let (server, _sample) = started;
        match server.reloaded_by(reload).run().await {
            Outcome::Cut => {}
            Outcome::Answered | Outcome::Late => return Ok(()),
            Outcome::Failed => {
                let text = "something that the hub does by itself has ended; the log says why";
                return Err(HubError::new(&codes::INTERNAL, text));
            }
        }
        let code = match signals.await {
            Ok(Signal::Terminate) => &codes::TERMINATED,
            _ => &codes::INTERRUPTED,
        };
        Err(HubError::new(code, "stopped before all requests were answered"))
    }
}

impl Run for Serve {
    const SERVES: bool = true;

    async fn run(self, context: &Context) -> Result<(), HubError> {
        let log_options = self.log_options(context);
        let as_text = log_options.format == LogFormat::Text;
        let log = Log::start(log_options)?;
        let done = self.serve(context, &log, as_text).await;
        let done = done.map_err(|error| match as_text || context.settings.json_errors {
            true => error,
            false => in_the_log(error),
        });
        log.flush();
        done
    }
}

/// Tells why it ends where all of the log is for programs.
fn in_the_log(error: HubError) -> HubError {
    let (code, hint) = (error.code().name, error.hint_text().map(for_the_log));
    let cause = std::error::Error::source(&error).map(|cause| for_the_log(&cause.to_string()));
    let message = for_the_log(error.message());
    tracing::error!(target: "hubctl::serve", code, hint, cause, "{message}");
    error.told()
}

/// The sample provider beside the hub, until it is dropped.
struct Sample {
    address: SocketAddr,
    running: tokio::task::JoinHandle<()>,
}

impl Sample {
    async fn start(public_url: &Url) -> Result<Self, HubError> {
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom::new()));
        let provider = SampleProvider::bind(vec![Origin::of(public_url)], clock, random).await?;
        let address = provider.address();
        Ok(Self { address, running: tokio::spawn(provider.run()) })
    }

    /// Tells the default project where the provider is this time, and offers it.
    async fn enable(&self, hub: &Hub) -> Result<(), HubError> {
        let default = DEFAULT_PROJECT
            .parse()
            .map_err(HubError::internal("the default project has no name"))?;
        let (caller, guard) = (hub.local_caller(&default).await?, Guard::default());
        let place = (sample::ROOT, self.address);
        let connector = sample::connector()?;
        connectors::import_on_loopback(hub, &caller, &connector, place, guard).await?;
        // A second start leaves alone what the administrator did after the first.
        let known = auth_configs::target(hub, &caller, sample::KEY).await?;
        if known.is_none() {
            auth_configs::enable(hub, &caller, sample::KEY, guard).await?;
        }
        Ok(())
    }

    fn notes(&self) -> [String; 4] {
        let (address, key) = (self.address, sample::KEY);
        [
            format!("the sample provider is at http://{address}; its API keys begin with sample-"),
            format!("try it: hubctl link create --provider {key} --open"),
            format!(
                "OAuth with it: hubctl connectors add {key} --auth oauth2 --set \
                 client_id=sample-app --set client_secret={} --default",
                sample::CLIENT_SECRET
            ),
            format!(
                "for commands that call it themselves: hubctl config set allow_targets {}",
                address.ip()
            ),
        ]
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Tells in the form that the log has, so that programs can read all of standard error.
fn tell(context: &Context, as_text: bool, what: &str) {
    if as_text {
        context.output.note(what);
    } else {
        tracing::info!(target: "hubctl::serve", "{what}");
    }
}
