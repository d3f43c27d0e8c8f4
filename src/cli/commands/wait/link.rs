//! Auth links: opening one, and waiting for its end user with a hub behind it.

use std::time::Duration;

use url::Url;

use crate::api::connect_sessions::CreatedSession;
use crate::backend::Backend;
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::output::Format;
use crate::cli::settings::Place;
use crate::domain::connect_session::NewSession;
use crate::domain::ids::SessionId;
use crate::domain::origin::is_loopback;
use crate::error::{HubError, codes};

use super::inside::Inside;
use super::reach::{self, There, tell_if_nobody_answers};
use super::session::{Waited, linked};
use super::{Patience, USUAL};

/// What may happen with a new link.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(in crate::cli) struct LinkWait {
    /// Wait until an account is linked; a link to this machine is served meanwhile where no hub of
    /// the store answers there
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
    /// Where to look things up.
    pub(in crate::cli) backend: Backend,
    flags: LinkWait,
    limit: Duration,
    /// Who answers where links of the local store lead, if somebody waits.
    there: Option<There>,
    /// The hub of this command, where no other one serves the link.
    inside: Option<Inside>,
}

impl LinkWait {
    /// Whether to wait.
    pub(in crate::cli) fn waits(&self) -> bool {
        self.wait
    }

    /// Opens the hub, and serves it where somebody will wait at a link to this machine that no hub
    /// answers behind.
    ///
    /// # Errors
    /// As for [`Context::backend`]; `server.cannot_listen`.
    pub(in crate::cli) async fn begin(self, context: &Context) -> Result<Door, HubError> {
        let limit = Patience { timeout: self.timeout }.limit()?;
        let waits = self.wait && !context.globals.dry_run;
        let url = &context.settings.public_url;
        let there = match &context.settings.place {
            Place::Local(_) if waits => Some(reach::look(context, url)),
            _ => None,
        };
        let inside = match &there {
            Some(There::Nobody) if is_loopback(url) => Some(Inside::start(context, Some(url))?),
            Some(There::Other) if is_loopback(url) => Some(Inside::start(context, None)?),
            _ => None,
        };
        let backend = match &inside {
            Some(inside) => context.backend_reached_at(inside.public_url.clone()).await?,
            None => context.backend().await?,
        };
        Ok(Door { backend, flags: self, limit, there, inside })
    }
}

impl Door {
    /// Makes the session. Where the hub behind its link turns out to have another store, the link
    /// leads to one of this command.
    ///
    /// # Errors
    /// As the hub refuses; `server.cannot_listen`.
    pub(in crate::cli) async fn session(
        &mut self,
        context: &Context,
        new: NewSession,
    ) -> Result<CreatedSession, HubError> {
        let mut made = self.backend.create_session(new, context.guard()).await?;
        let url = &context.settings.public_url;
        let is_in_doubt = is_loopback(url) && self.there.is_some() && self.inside.is_none();
        if is_in_doubt && !reach::knows(context, url, &made.auth_link_url) {
            let inside = Inside::start(context, None)?;
            let root = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
            if let Some(rest) = made.auth_link_url.strip_prefix(&root(url)) {
                made.auth_link_url = format!("{}{rest}", root(&inside.public_url));
            }
            self.inside = Some(inside);
        }
        Ok(made)
    }

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
        match (&self.inside, &self.there) {
            // A program is told of a failure in one line, and of nothing else.
            _ if context.settings.json_errors => {}
            (Some(inside), _) => tell_that_it_ends(context, inside),
            (None, Some(there)) => reach::tell(context, &context.settings.public_url, there),
            (None, None) => {}
        }
        let nameless = HubError::internal("the session has no number");
        let id = session.id.to_string().parse::<SessionId>().map_err(nameless)?;
        let waited = linked(context, &self.backend, id, self.limit, false).await;
        let waited = waited.map_err(|error| match &self.inside {
            Some(inside) => and_the_link(error, &inside.command(context), id),
            None => error,
        });
        waited.map(Some)
    }
}

/// Says how long a link works that this command serves, and where.
fn tell_that_it_ends(context: &Context, inside: &Inside) {
    let command = inside.command(context);
    context.output.note(format_args!(
        "the link works as long as this command waits; to serve it for longer: `{command}`"
    ));
    let (usual, now) = (&context.settings.public_url, &inside.public_url);
    if now != usual {
        context.output.note(format_args!(
            "the hub answers at {now} while this waits; logins at providers that know {usual} \
             only need it there"
        ));
    }
}

/// The end of a wait that ended the hub behind the link as well: the session is still open.
fn and_the_link(error: HubError, command: &str, id: SessionId) -> HubError {
    let name = error.code().name;
    if name == codes::SESSION_LOGIN_FAILED.name {
        return error.hint(format!("{command} # serves the link again; hubctl session get {id}"));
    }
    if name == codes::WAIT_TIMED_OUT.name || name == codes::INTERRUPTED.name {
        return error.hint(format!("{command} # serves the link again; hubctl session wait {id}"));
    }
    error
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
