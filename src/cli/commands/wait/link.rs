//! Auth links: opening one, waiting for its end user, and saying that nobody answers behind it.

use std::net::TcpStream;
use std::time::Duration;

use url::Url;

use crate::api::connect_sessions::CreatedSession;
use crate::backend::Backend;
use crate::cli::context::Context;
use crate::cli::credentials;
use crate::cli::input;
use crate::cli::output::Format;
use crate::cli::settings::{Place, Remote};
use crate::domain::ids::SessionId;
use crate::domain::origin::{is_loopback, leads_past};
use crate::domain::words::shell_word;
use crate::error::{HubError, codes};

use super::inside::Inside;
use super::session::{Waited, linked};
use super::{Patience, USUAL};

/// Longest time to find out whether anybody answers on this machine.
const GLANCE: Duration = Duration::from_millis(200);
/// Longest time for what answers there to show that it is a hub.
const ANSWER: Duration = Duration::from_secs(1);

/// What may happen with a new link.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(in crate::cli) struct LinkWait {
    /// Wait until an account is linked; on a local store the hub is served meanwhile
    #[arg(long)]
    wait: bool,

    /// How long to wait: seconds, or 30s, 10m, 1h
    #[arg(long, value_name = "DURATION", default_value = USUAL, requires = "wait", allow_negative_numbers = true, value_parser = input::duration_s)]
    timeout: i64,

    /// Open the link in the browser
    #[arg(long)]
    open: bool,
}

/// Where new links are made, with the hub behind it while somebody waits.
pub(in crate::cli) struct Door {
    /// Where to make the session.
    pub(in crate::cli) backend: Backend,
    flags: LinkWait,
    limit: Duration,
    inside: Option<Inside>,
}

impl LinkWait {
    /// Whether to wait.
    pub(in crate::cli) fn waits(&self) -> bool {
        self.wait
    }

    /// Opens the hub, and the door of a local one where somebody will wait at it.
    ///
    /// # Errors
    /// As for [`Context::backend`]; `server.cannot_listen`.
    pub(in crate::cli) async fn begin(self, context: &Context) -> Result<Door, HubError> {
        let limit = Patience { timeout: self.timeout }.limit()?;
        let waits = self.wait && !context.globals.dry_run;
        let inside = match &context.settings.place {
            Place::Local(_) if waits => Some(Inside::start(context)?),
            _ => None,
        };
        let backend = match &inside {
            Some(inside) => context.backend_reached_at(inside.public_url.clone()).await?,
            None => context.backend().await?,
        };
        Ok(Door { backend, flags: self, limit, inside })
    }
}

impl Door {
    /// What comes after a link was shown: it is opened and waited for, as the flags say. `None`
    /// where nobody waits.
    ///
    /// # Errors
    /// As the wait ends.
    pub(in crate::cli) async fn finish(
        self,
        context: &Context,
        session: &CreatedSession,
    ) -> Result<Option<Waited>, HubError> {
        if context.globals.dry_run {
            return Ok(None);
        }
        if self.flags.open {
            open(context, &session.auth_link_url);
        }
        if !self.flags.wait {
            tell_if_nobody_answers(context);
            return Ok(None);
        }
        if let Some(inside) = &self.inside {
            tell_of_another_address(context, inside);
        }
        let nameless = HubError::internal("the session has no number");
        let id = session.id.to_string().parse::<SessionId>().map_err(nameless)?;
        linked(context, &self.backend, id, self.limit, false).await.map(Some)
    }
}

fn tell_of_another_address(context: &Context, inside: &Inside) {
    let (usual, now) = (&context.settings.public_url, &inside.public_url);
    if now.origin() != usual.origin() {
        context.output.note(format_args!(
            "the hub answers at {now} while this waits; logins at providers that know {usual} \
             only need it there"
        ));
    }
}

/// Tells how a wait ended: a person sees the account on standard output, where the link was; a
/// program has read the session there, and finds the account by `jsonl`, `--print` or its id.
pub(in crate::cli) fn tell(context: &Context, waited: &Waited) -> Result<(), HubError> {
    let output = &context.output;
    let account = &waited.account;
    if output.format() == Some(Format::Jsonl) && output.options().fields.is_none() {
        return output.item(waited, None);
    }
    let text = format!("{}  ({}, {})", account.id, account.provider, account.status);
    if output.is_human() {
        return output.text(&format!("Linked     {text}"));
    }
    output.note(format_args!("linked {text}"));
    Ok(())
}

/// Opens an address in the browser, or says why not.
pub(in crate::cli) fn open(context: &Context, address: &str) -> bool {
    let is_web = address.parse::<Url>().is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if !is_web {
        context.output.warn("what was to be opened is no address of the web");
        return false;
    }
    let opened = webbrowser::open(address);
    if let Err(error) = &opened {
        context.output.warn(format_args!("can't open a browser: {error}"));
    }
    opened.is_ok()
}

/// Says what to do where a link leads to this machine and no hub answers there, or one that end
/// users reach elsewhere. Whose store a hub has that does answer, it tells nobody without a key.
pub(in crate::cli) fn tell_if_nobody_answers(context: &Context) {
    let url = &context.settings.public_url;
    let is_ours = !matches!(context.settings.place, Place::Remote(_)) && is_loopback(url);
    if !is_ours || context.globals.quiet || context.globals.dry_run {
        return;
    }
    let addresses = url.socket_addrs(|| None).unwrap_or_default();
    let answers = |address| TcpStream::connect_timeout(address, GLANCE).is_ok();
    let shown = url.as_str().trim_end_matches('/');
    if !addresses.iter().any(answers) {
        context.output.note(format_args!(
            "nothing answers at {shown}: run `hubctl serve` before the link is opened"
        ));
        return;
    }
    // A certificate of one's own would make a hub behind TLS look like something else.
    let answer = (url.scheme() == "http").then(|| ask(context, url)).flatten();
    match answer {
        Some(Ok(Some(own))) if leads_past(url, &own) => {
            let command = context.settings.to_name_public_url(&shell_word(own.as_str()));
            context.output.warn(format_args!(
                "the hub at {shown} is reached by end users at {own}, and this link does not lead \
                 there: `{command}`"
            ));
        }
        // A hub that can't work at the moment is one.
        Some(Err(error)) if error.code().name != codes::NOT_READY.name => {
            let command = context.settings.to_name_public_url("URL");
            context.output.note(format_args!(
                "something else answers at {shown}: end it and run `hubctl serve` before the link \
                 is opened, or name another address with `{command}`"
            ));
        }
        _ => {}
    }
}

/// What the hub there says of where end users reach it; nothing where nobody could be asked.
fn ask(context: &Context, url: &Url) -> Option<Result<Option<Url>, HubError>> {
    let remote = Remote::glance(url, ANSWER);
    let client = context.client_of(&remote, &credentials::none_needed()).ok()?;
    // The command's own runtime may have no network, and can't be blocked on from within.
    let asking = std::thread::Builder::new().name("glance".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        Some(runtime.block_on(client.answers()))
    });
    asking.ok()?.join().ok().flatten()
}
