//! Commands on deliveries: what was sent, sending it again, and trials.

use crate::api::webhooks::{self, Delivery, DeliveryDetail, Redelivered};
use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::commands::{Batch, result};
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::tree::Run;
use crate::domain::ids::{DeliveryId, WebhookId};
use crate::domain::webhook::DeliveryState;
use crate::domain::words::counted;
use crate::error::{HubError, codes};
use crate::hub::webhooks::deliveries::Filter;
use crate::hub::write::Guard;

/// List deliveries, the newest first, or show one with its attempts
///
/// Deliveries that ended are kept for 30 days.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Deliveries {
    /// Webhook whose deliveries to list, or number of the delivery to show
    #[arg(value_name = "ID", add = assets::webhooks())]
    id: Option<WebhookId>,

    /// Only those that were given up
    #[arg(long)]
    failed: bool,

    /// Only those that are still to be sent
    #[arg(long, conflicts_with = "failed")]
    pending: bool,

    /// Only those made since: 24h, 7d, a time, or a Unix time
    #[arg(long, value_name = "DURATION|TIME")]
    since: Option<String>,
}

impl Run for Deliveries {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let number = self.id.as_ref().and_then(|id| id.as_str().parse::<DeliveryId>().ok());
        if let Some(number) = number {
            let backend = context.backend().await?;
            let delivery = backend.delivery(number).await?;
            return context.output.item(&delivery, Some(&card(context, &delivery)));
        }
        let state = match (self.failed, self.pending) {
            (true, _) => Some(DeliveryState::Failed),
            (_, true) => Some(DeliveryState::Pending),
            _ => None,
        };
        let since = self.since.map(|since| input::since(&since, context.now())).transpose()?;
        let mut list = context.output.list_of::<Delivery>()?;
        let filter = Filter { webhook: self.id, state, since, limit: list.wanted() };
        let backend = context.backend().await?;
        let (mut failed, mut latest) = (0_u64, None);
        backend
            .deliveries(&filter, |delivery| {
                let pushed = list.push(delivery)?;
                if pushed.is_continue() && delivery.status == DeliveryState::Failed.as_str() {
                    failed += 1;
                    latest.get_or_insert_with(|| (delivery.id, delivery.webhook_id.clone()));
                }
                Ok(pushed)
            })
            .await?;
        let again = match latest.filter(|_| context.output.is_human()) {
            Some((id, webhook)) => Some(again(&backend, id, &webhook).await),
            None => None,
        };
        list.finish(|summary| {
            let deliveries = counted(summary.rows, "delivery").replace("deliverys", "deliveries");
            Some(match again {
                Some(again) => format!("{deliveries}, {failed} failed; send one again: {again}"),
                None => deliveries,
            })
        })?;
        Ok(())
    }
}

/// How a delivery is sent again; a disabled webhook, to which nothing is sent, is enabled first.
async fn again(backend: &Backend, id: i64, webhook: &str) -> String {
    let redeliver = format!("hubctl webhooks redeliver {id}");
    let found = match webhook.parse::<WebhookId>() {
        Ok(id) => backend.webhook(&id).await.ok(),
        Err(_) => None,
    };
    match found {
        Some(found) if !found.enabled => format!("hubctl webhooks enable {webhook} && {redeliver}"),
        _ => redeliver,
    }
}

fn card(context: &Context, delivery: &DeliveryDetail) -> Vec<(&'static str, String)> {
    let moment = |at| context.output.moment(at);
    let mut lines = vec![
        ("Delivery", delivery.id.to_string()),
        ("Webhook", delivery.webhook_id.clone()),
        ("Event", format!("{}  ({})", delivery.event, delivery.event_id)),
        ("Record", delivery.record_id.clone()),
        ("Status", delivery.status.clone()),
        ("Created", moment(delivery.created_at)),
    ];
    lines.extend(delivery.next_attempt_at.map(|at| ("Next attempt", moment(at))));
    lines.extend(delivery.done_at.map(|at| ("Done", moment(at))));
    for attempt in &delivery.attempts {
        let status = attempt.status.map_or_else(|| "no answer".to_owned(), |s| s.to_string());
        let error = attempt.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        let took = attempt.duration_ms;
        lines.push(("Attempt", format!("{}  {status} in {took} ms{error}", moment(attempt.at))));
        lines.extend(attempt.answer.clone().map(|answer| ("", answer)));
    }
    lines.extend(delivery.body.clone().map(|body| ("Body", body)));
    lines
}

/// Send deliveries again, with the same body
///
/// By number, whatever became of them, or with --since all that were given up since then.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Redeliver {
    /// Numbers of the deliveries; `-` reads them from standard input
    #[arg(value_name = "DELIVERY")]
    deliveries: Vec<String>,

    /// All that were given up since: 24h, 7d, a time, or a Unix time
    #[arg(long, value_name = "DURATION|TIME", conflicts_with = "deliveries")]
    since: Option<String>,

    /// Only those of this webhook
    #[arg(long, value_name = "ID", requires = "since", add = assets::webhooks())]
    webhook: Option<WebhookId>,
}

impl Run for Redeliver {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        if let Some(since) = self.since {
            context.output.check::<Redelivered>()?;
            let since = input::since(&since, context.now())?;
            let webhook_id = self.webhook.map(|id| id.to_string());
            let asked = webhooks::Redeliver { since, webhook_id };
            let backend = context.backend().await?;
            let done = backend.redeliver_failed(&asked, context.guard()).await?;
            context.tell_notes(&backend);
            if context.globals.dry_run {
                context.output.trial("dry run: nothing was sent");
            }
            let lines = [("Sent again", done.deliveries.to_string())];
            return context.output.item(&done, Some(&lines));
        }
        let targets = input::targets(&self.deliveries)?;
        let hint = "hubctl webhooks redeliver DELIVERY, or --since 24h";
        let mut batch = Batch::new(context, "delivery", "redeliver", &targets, hint)?;
        batch.asks = false;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            let id: DeliveryId = input::parsed(target)?;
            let written = backend.redeliver(id, guard).await?;
            let text = match written.dry_run {
                true => format!("Would send delivery {id} again."),
                false => format!("Delivery {id} is sent again."),
            };
            Ok(vec![result("redeliver", written, text)])
        };
        batch.each_at_once(&backend, &targets, each).await
    }
}

/// Send a trial to a webhook and show what its receiver says
///
/// It carries the event `webhook.test`, is sent once and at once, also to a disabled webhook, and
/// appears among the deliveries. Ends with status 10 where the receiver does not take it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Test {
    /// Id of the webhook
    #[arg(add = assets::webhooks())]
    id: WebhookId,
}

impl Run for Test {
    const CALLS: bool = true;

    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check::<DeliveryDetail>()?;
        let backend = context.backend().await?;
        let sent = backend.test_webhook(&self.id, context.guard()).await?;
        context.tell_notes(&backend);
        if context.globals.dry_run {
            context.output.trial("dry run: nothing was sent");
        }
        context.output.item(&sent, Some(&card(context, &sent)))?;
        if context.globals.dry_run || sent.status == DeliveryState::Delivered.as_str() {
            return Ok(());
        }
        let why = sent.attempts.last().and_then(|attempt| attempt.error.as_deref());
        let text =
            format!("the receiver did not take it: {}", why.unwrap_or("no attempt was made"));
        Err(HubError::new(&codes::WEBHOOK_TEST_FAILED, text)
            .hint(format!("hubctl webhooks deliveries {}", sent.id)))
    }
}
