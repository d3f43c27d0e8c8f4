//! Who answers where links lead, and what a person is told of that.

use std::net::TcpStream;
use std::time::Duration;

use url::Url;

use crate::cli::context::Context;
use crate::cli::credentials;
use crate::cli::settings::{Place, Remote};
use crate::client::Client;
use crate::domain::origin::{is_loopback, leads_past};
use crate::domain::words::shell_word;
use crate::error::{HubError, codes};

/// Longest time to find out whether anybody answers on this machine.
const GLANCE: Duration = Duration::from_millis(200);
/// Longest time for what answers there to show that it is a hub.
const ANSWER: Duration = Duration::from_secs(1);

/// What was found where links lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum There {
    /// Nothing answers.
    Nobody,
    /// A hub, or what may be one.
    Hub,
    /// A hub that end users reach at this other address.
    HubOf(Url),
    /// Something that is no hub.
    Other,
}

/// Looks who answers at an address. Whose store a hub has, it tells nobody without a key.
pub(super) fn look(context: &Context, url: &Url) -> There {
    if is_loopback(url) {
        let addresses = url.socket_addrs(|| None).unwrap_or_default();
        let answers = |address| TcpStream::connect_timeout(address, GLANCE).is_ok();
        if !addresses.iter().any(answers) {
            return There::Nobody;
        }
        // A certificate of one's own would make a hub behind TLS look like something else.
        if url.scheme() != "http" {
            return There::Hub;
        }
    }
    match ask(context, url, async |client: &Client| client.answers().await) {
        Some(Ok(Some(own))) if leads_past(url, &own) => There::HubOf(own),
        // A hub that can't work at the moment is one.
        Some(Err(error)) if error.code().name != codes::NOT_READY.name => There::Other,
        _ => There::Hub,
    }
}

/// Whether the hub on this machine that a link leads to has the link's store: another one does not
/// know it. Where that can't be asked, it is believed.
pub(super) fn knows(context: &Context, url: &Url, link: &str) -> bool {
    let Ok(link) = link.parse::<Url>() else { return true };
    if url.scheme() != "http" {
        return true;
    }
    let known = ask(context, url, async move |client: &Client| client.knows_link(&link).await);
    !matches!(known, Some(Ok(false)))
}

/// Asks what is there; nothing where nobody could be asked.
fn ask<T: Send + 'static>(
    context: &Context,
    url: &Url,
    question: impl AsyncFnOnce(&Client) -> Result<T, HubError> + Send + 'static,
) -> Option<Result<T, HubError>> {
    let remote = Remote::glance(url, ANSWER);
    let client = context.client_of(&remote, &credentials::none_needed()).ok()?;
    // The command's own runtime may have no network, and can't be blocked on from within.
    let asking = std::thread::Builder::new().name("glance".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let answer = runtime.block_on(question(&client));
        // A name that nobody resolves would hold the thread long after the time was up.
        runtime.shutdown_background();
        Some(answer)
    });
    asking.ok()?.join().ok().flatten()
}

/// Says what to do where a link leads to this machine and no hub answers there, or one that end
/// users reach elsewhere.
pub(in crate::cli) fn tell_if_nobody_answers(context: &Context) {
    let url = &context.settings.public_url;
    let is_ours = !matches!(context.settings.place, Place::Remote(_)) && is_loopback(url);
    if !is_ours || context.globals.quiet || context.globals.dry_run {
        return;
    }
    tell(context, url, &look(context, url));
}

/// Says what is wrong with what was found where links lead.
pub(super) fn tell(context: &Context, url: &Url, there: &There) {
    let shown = url.as_str().trim_end_matches('/');
    match there {
        There::Hub => {}
        There::HubOf(own) => {
            let command = context.settings.to_name_public_url(&shell_word(own.as_str()));
            context.output.warn(format_args!(
                "the hub at {shown} is reached by end users at {own}, and this link does not lead \
                 there: `{command}`"
            ));
        }
        There::Nobody | There::Other if !is_loopback(url) => context.output.note(format_args!(
            "no hub can be reached at {shown} from here: the link works while `hubctl serve` \
             serves this store there"
        )),
        There::Nobody => context.output.note(format_args!(
            "nothing answers at {shown}: run `hubctl serve` before the link is opened"
        )),
        There::Other => {
            let command = context.settings.to_name_public_url("URL");
            context.output.note(format_args!(
                "something else answers at {shown}: end it and run `hubctl serve` before the link \
                 is opened, or name another address with `{command}`"
            ));
        }
    }
}
