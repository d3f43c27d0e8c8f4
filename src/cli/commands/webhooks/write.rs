//! Commands that change webhooks.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::api::webhooks::{CreatedWebhook, Webhook};
use crate::api::write::Written;
use crate::cli::assets;
use crate::cli::commands::events::kind_parser;
use crate::cli::commands::{Batch, consent, not_in_trial, result};
use crate::cli::context::Context;
use crate::cli::input::{self, Targets};
use crate::cli::tree::Run;
use crate::domain::event::EventKind;
use crate::domain::ids::WebhookId;
use crate::domain::webhook::signature::SigningSecret;
use crate::domain::webhook::{Address, Rotation, USUAL_EVENTS};
use crate::error::{HubError, codes};
use crate::hub::webhooks::{Changes, New};
use crate::hub::write::{Guard, IfThere};

fn sentence(written: &Written<Webhook>, done: &str, would: &str, already: &str) -> String {
    let webhook = written.after.as_ref().or(written.before.as_ref());
    let named = webhook.map(|webhook| format!("{} ({})", webhook.id, webhook.url));
    let named = named.unwrap_or_default();
    match (written.changed, written.dry_run) {
        (false, _) => format!("{already}: {named}."),
        (true, true) => format!("{would} {named}."),
        (true, false) => format!("{done} {named}."),
    }
}

/// Create a webhook: events of the project are sent to its address from now on
///
/// The answer holds the signing secret, which is shown this once; receivers check deliveries with
/// it, see `hubctl webhooks verify`. Without --events it is told what happens to accounts. `hubctl
/// serve` sends the deliveries. A token in the address, such as `?token=…`, is kept sealed and
/// never shown.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Create {
    /// Address to send to: https, or http within networks that the hub was allowed to call
    #[arg(long, value_name = "URL", value_parser = address)]
    url: Address,

    /// Kinds of events to send, comma-separated [default: account.created, account.updated,
    /// account.deleted]
    #[arg(long, value_name = "EVENT", value_delimiter = ',', value_parser = kind_parser())]
    events: Vec<EventKind>,

    /// File with a signing secret that the receiver has already, instead of a new one
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    secret_file: Option<PathBuf>,

    /// What to do where a webhook sends to this address already [default: make another one]
    #[arg(long, value_name = "WHAT", value_parser = input::if_there())]
    if_exists: Option<IfThere>,

    /// Print this part alone
    #[arg(long, value_name = "PART")]
    print: Option<Part>,
}

/// What to print of a new webhook, or of a new secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The secret that was made, shown this once
    Secret,
    /// Its id
    Id,
}

/// An address that is wrong is not repeated: it may have a token.
fn address(text: &str) -> Result<Address, String> {
    text.parse().map_err(|error: crate::domain::webhook::BadAddress| error.to_string())
}

/// What is only known when the name is looked up, which is done anew for each delivery.
fn doubt(url: &Address) -> Option<String> {
    let name = url.url().domain().filter(|name| url.is_plain() && *name != "localhost")?;
    Some(format!(
        "{name} is called over plain http: nothing is sent there unless its address is in a network \
         that the hub was allowed to call"
    ))
}

impl Run for Create {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check::<CreatedWebhook>()?;
        not_in_trial(context, self.print.map(|_| "--print"), "webhook")?;
        if self.print == Some(Part::Secret) && self.secret_file.is_some() {
            let text = "--print secret can't be used with --secret-file: no secret is made";
            return Err(HubError::new(&codes::USAGE, text).hint("leave --secret-file out"));
        }
        let asked: BTreeSet<EventKind> = self.events.into_iter().collect();
        let events = if asked.is_empty() { USUAL_EVENTS.into() } else { asked.clone() };
        let secret = self.secret_file.as_deref().map(super::verify::secret_of).transpose()?;
        let doubt = doubt(&self.url);
        let new = New { url: self.url, events, secret, if_there: self.if_exists };
        let backend = context.backend().await?;
        let (made, is_new) = backend.create_webhook(new, context.guard()).await?;
        context.tell_notes(&backend);
        if let Some(doubt) = doubt {
            context.output.warn(doubt);
        }
        if !is_new {
            context.output.note("a webhook sends to this address already, and stays as it is");
            if let Some(other) = other_events(&made, &asked) {
                context.output.note(other);
            }
        }
        match self.print {
            Some(Part::Secret) => context.output.text(&secret_of(&made)?),
            Some(Part::Id) => context.output.text(&made.id),
            None if is_new => show(context, &made, "the webhook does not exist"),
            None => show(context, &made, "the webhook stays as it is"),
        }
    }
}

/// What a webhook that was there is told of, where other events were asked for.
fn other_events(made: &CreatedWebhook, asked: &BTreeSet<EventKind>) -> Option<String> {
    let asked: BTreeSet<&str> = asked.iter().map(|kind| kind.as_str()).collect();
    let own: BTreeSet<&str> = made.events.iter().map(String::as_str).collect();
    let asked: Vec<&str> = (own != asked).then(|| asked.into_iter().collect())?;
    let change = format!("hubctl webhooks update {} --events {}", made.id, asked.join(","));
    let is_told = format!("it is told of {}", made.events.join(", "));
    (!asked.is_empty()).then(|| format!("{is_told}; to change that: {change}"))
}

/// The secret that was made for a webhook.
fn secret_of(made: &CreatedWebhook) -> Result<String, HubError> {
    made.secret.clone().ok_or_else(|| {
        let text = format!("webhook {} was there already, with a secret of its own", made.id);
        HubError::new(&codes::WEBHOOK_EXISTS, text)
            .hint(format!("hubctl webhooks rotate-secret {}", made.id))
    })
}

/// Shows a webhook with what was made for it.
fn show(context: &Context, made: &CreatedWebhook, trial: &str) -> Result<(), HubError> {
    if context.globals.dry_run {
        context.output.trial(format_args!("dry run: nothing was made, and {trial}"));
    } else if made.secret.is_some() && context.output.is_human() {
        context.output.note("keep the secret now: it is not shown again");
    }
    let mut lines = vec![
        ("Webhook", made.id.clone()),
        ("URL", made.url.clone()),
        ("Events", made.events.join(" ")),
    ];
    lines.extend(made.secret.clone().map(|secret| ("Secret", secret)));
    context.output.item(made, Some(&lines))
}

/// Change where a webhook sends, or what it is told of
///
/// Deliveries on their way go to the new address. The secret stays.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Update {
    /// Id of the webhook
    #[arg(add = assets::webhooks())]
    id: WebhookId,

    /// New address
    #[arg(long, value_name = "URL", value_parser = address)]
    url: Option<Address>,

    /// Kinds of events to send instead, comma-separated
    #[arg(long, value_name = "EVENT", value_delimiter = ',', value_parser = kind_parser())]
    events: Vec<EventKind>,
}

impl Run for Update {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        if self.url.is_none() && self.events.is_empty() {
            let text = "nothing to change was given";
            return Err(HubError::new(&codes::INPUT_NEEDED, text).hint("give --url or --events"));
        }
        let target = self.id.to_string();
        let targets = Targets::from(vec![target.clone()]);
        let mut batch = Batch::new(
            context,
            "webhook",
            "update",
            &targets,
            "hubctl webhooks update ID --url URL",
        )?;
        let events = (!self.events.is_empty()).then(|| self.events.into_iter().collect());
        let doubt = self.url.as_ref().and_then(doubt);
        let changes = Changes { url: self.url, events };
        let backend = context.backend().await?;
        let written = backend.update_webhook(&self.id, changes, batch.guard()).await;
        if let Some(doubt) = doubt.filter(|_| written.is_ok()) {
            context.output.warn(doubt);
        }
        let outcome = written.map(|written| {
            let text = sentence(&written, "Updated webhook", "Would update webhook", "Unchanged");
            vec![result("update", written, text)]
        });
        _ = batch.add(&target, outcome);
        batch.finish(&backend)
    }
}

/// Enable disabled webhooks: they get what happens from now on
///
/// Deliveries that were on their way when it was disabled are sent now. What happened in between
/// is not.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Enable {
    /// Ids of the webhooks; `-` reads them from standard input
    #[arg(value_name = "ID", add = assets::webhooks())]
    ids: Vec<String>,
}

impl Run for Enable {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.ids)?;
        let mut batch =
            Batch::new(context, "webhook", "enable", &targets, "hubctl webhooks enable ID")?;
        batch.asks = false;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            let written = backend.enable_webhook(&input::parsed(target)?, guard).await?;
            let text =
                sentence(&written, "Enabled webhook", "Would enable webhook", "Enabled already");
            Ok(vec![result("enable", written, text)])
        };
        batch.each_at_once(&backend, &targets, each).await
    }
}

/// Disable webhooks: nothing is sent to them
///
/// What happens until `hubctl webhooks enable` is not sent later.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Disable {
    /// Ids of the webhooks; `-` reads them from standard input
    #[arg(value_name = "ID", add = assets::webhooks())]
    ids: Vec<String>,
}

impl Run for Disable {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.ids)?;
        let batch =
            Batch::new(context, "webhook", "disable", &targets, "hubctl webhooks disable ID")?;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            let id: WebhookId = input::parsed(target)?;
            let webhook = backend.webhook(&id).await?;
            if webhook.enabled {
                let what = format!("{} is not told of events any more", webhook.url);
                consent(context, &what, 0, "Disable")?;
            }
            let written = backend.disable_webhook(&id, guard).await?;
            let text =
                sentence(&written, "Disabled webhook", "Would disable webhook", "Disabled already");
            Ok(vec![result("disable", written, text)])
        };
        batch.each_at_once(&backend, &targets, each).await
    }
}

/// Delete webhooks with their secrets and deliveries
///
/// This can't be undone.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Delete {
    /// Ids of the webhooks; `-` reads them from standard input
    #[arg(value_name = "ID", add = assets::webhooks())]
    ids: Vec<String>,
}

impl Run for Delete {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.ids)?;
        let batch =
            Batch::new(context, "webhook", "delete", &targets, "hubctl webhooks delete ID")?;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            let id: WebhookId = input::parsed(target)?;
            let webhook = backend.webhook(&id).await?;
            let what = format!("the webhook to {} and its deliveries are deleted", webhook.url);
            consent(context, &what, 0, "Delete")?;
            let written = backend.delete_webhook(&id, guard).await?;
            let text = sentence(&written, "Deleted webhook", "Would delete webhook", "");
            Ok(vec![result("delete", written, text)])
        };
        batch.each_at_once(&backend, &targets, each).await
    }
}

/// Replace a webhook's signing secret, step by step or at once
///
/// Without a step, a next secret is made, shown this once: it makes a second signature in
/// `webhook-signature`. Give it to the receiver, then run --activate: from then on it alone makes
/// `x-stackone-signature`, and the former secret the second one. When the receiver knows only the
/// new secret, run --finish. Before that, another change asks first: it takes the second secret
/// away. A secret that leaked is replaced with --now, without any overlap.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RotateSecret {
    /// Id of the webhook
    #[arg(add = assets::webhooks())]
    id: WebhookId,

    /// Make the next secret the active one
    #[arg(long, conflicts_with_all = ["finish", "now"])]
    activate: bool,

    /// Forget the former secret
    #[arg(long, conflicts_with = "now")]
    finish: bool,

    /// Make a new secret the only one at once: receivers refuse deliveries until they know it
    #[arg(long)]
    now: bool,

    /// Print this part of the webhook with its new secret alone
    #[arg(long, value_name = "PART", conflicts_with_all = ["activate", "finish"])]
    print: Option<Part>,
}

impl Run for RotateSecret {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check::<CreatedWebhook>()?;
        let named = match (self.activate, self.finish, self.now) {
            (true, _, _) => {
                Some((Rotation::Activate, "deliveries are signed with the next secret"))
            }
            (_, true, _) => Some((Rotation::Finish, "the former secret signs nothing any more")),
            (_, _, true) => {
                let what = "the receiver refuses deliveries until it knows the new secret";
                Some((Rotation::AtOnce, what))
            }
            _ => None,
        };
        not_in_trial(context, self.print.map(|_| "--print"), "secret")?;
        if let Some((_, what)) = named {
            consent(context, what, 0, "Go on")?;
        }
        let backend = context.backend().await?;
        let step = match named {
            Some((step, _)) => step,
            None => begin(context, &backend.webhook(&self.id).await?)?,
        };
        let made = backend.rotate_secret(&self.id, step, context.guard()).await?;
        context.tell_notes(&backend);
        match self.print {
            Some(Part::Secret) => context.output.text(&secret_of(&made)?),
            Some(Part::Id) => context.output.text(&made.id),
            None => {
                if !made.changed {
                    context.output.note("this step was taken before: nothing changed");
                }
                show(context, &made, "the secret signs nothing")
            }
        }
    }
}

/// The step that makes a next secret: one that takes another's place asks first.
fn begin(context: &Context, webhook: &Webhook) -> Result<Rotation, HubError> {
    let what = match (webhook.next_secret_at, webhook.previous_secret_at) {
        (None, None) => return Ok(Rotation::Begin),
        (Some(_), _) => "a next secret waits for --activate and is lost: receivers may know it",
        (None, Some(_)) => {
            "the former secret signs until --finish and is lost: receivers may know no other"
        }
    };
    consent(context, what, 0, "Replace it")?;
    Ok(Rotation::BeginAgain)
}

/// What a file of a secret holds.
pub(super) fn parse_secret(
    secret: crate::domain::secret::Secret,
    name: &str,
) -> Result<SigningSecret, HubError> {
    SigningSecret::parse(secret)
        .map_err(|error| HubError::new(&codes::BAD_VALUE, format!("{name}: {error}")))
}
