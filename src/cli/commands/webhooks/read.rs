//! Commands that look at webhooks.

use crate::api::webhooks::Webhook;
use crate::cli::assets;
use crate::cli::context::Context;
use crate::cli::tree::Run;
use crate::domain::ids::WebhookId;
use crate::error::HubError;

/// List the webhooks of the project
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {}

impl Run for List {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let mut list = context.output.list_of::<Webhook>()?;
        for webhook in backend.webhooks().await? {
            if list.push(&webhook)?.is_break() {
                break;
            }
        }
        list.finish(|summary| {
            (summary.rows == 0).then(|| "no webhooks; see `hubctl webhooks create --help`".into())
        })
        .map(drop)
    }
}

/// Show a webhook, without its secrets
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Get {
    /// Id of the webhook
    #[arg(add = assets::webhooks())]
    id: WebhookId,
}

impl Run for Get {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let webhook = backend.webhook(&self.id).await?;
        let moment = |at| context.output.moment(at);
        let reason = match webhook.disabled_reason.as_deref() {
            Some("gone") => ": its receiver said that it is gone",
            Some("failing") => ": its receiver failed for five days",
            _ => "",
        };
        let status = match webhook.disabled_at {
            None => "enabled".to_owned(),
            Some(at) => format!("disabled {}{reason}", context.output.since(at)),
        };
        let mut lines = vec![
            ("Webhook", webhook.id.clone()),
            ("URL", webhook.url.clone()),
            ("Status", status),
            ("Events", webhook.events.join(" ")),
        ];
        lines.extend(webhook.failing_since.map(|at| ("Failing", context.output.since(at))));
        let next = webhook.next_secret_at.map(moment);
        lines.extend(
            next.map(|at| ("Next secret", format!("signs beside the active one since {at}"))),
        );
        let former = webhook.previous_secret_at.map(moment);
        lines.extend(former.map(|at| ("Former secret", format!("still signs, since {at}"))));
        lines.push(("Created", moment(webhook.created_at)));
        lines.push(("Updated", moment(webhook.updated_at)));
        context.output.item(&webhook, Some(&lines))
    }
}
