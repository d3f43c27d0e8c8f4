//! Webhooks and their deliveries.

use crate::api::webhooks::{
    CreatedWebhook, Delivery, DeliveryDetail, Redeliver, Redelivered, Webhook,
};
use crate::api::write::Written;
use crate::domain::ids::{DeliveryId, WebhookId};
use crate::domain::webhook::Rotation;
use crate::error::HubError;
use crate::hub::webhooks::{self, Changes, New, deliveries};
use crate::hub::write::{Guard, Outcome};

use super::{Flow, Local, written};

impl Local {
    /// `webhooks.list`
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, HubError> {
        let (hub, caller) = self.parts();
        let all = webhooks::list(hub, caller).await?;
        Ok(all.iter().map(|webhook| Webhook::new(webhook, caller.project_name())).collect())
    }

    /// `webhooks.get`
    pub async fn webhook(&self, id: &WebhookId) -> Result<Webhook, HubError> {
        let (hub, caller) = self.parts();
        Ok(Webhook::new(&webhooks::get(hub, caller, id).await?, caller.project_name()))
    }

    /// `webhooks.create`: the webhook, and whether it is new.
    pub async fn create_webhook(
        &self,
        new: New,
        guard: Guard,
    ) -> Result<(CreatedWebhook, bool), HubError> {
        let (hub, caller) = self.parts();
        let (made, is_new) = webhooks::create(hub, caller, new, guard).await?;
        Ok((CreatedWebhook::new(&made, caller.project_name()), is_new))
    }

    /// `webhooks.update`
    pub async fn update_webhook(
        &self,
        id: &WebhookId,
        changes: Changes,
        guard: Guard,
    ) -> Result<Written<Webhook>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = webhooks::update(hub, caller, id, changes, guard).await?;
        Ok(webhook_written(id, outcome, guard, caller.project_name()))
    }

    /// `webhooks.enable`
    pub async fn enable_webhook(
        &self,
        id: &WebhookId,
        guard: Guard,
    ) -> Result<Written<Webhook>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = webhooks::enable(hub, caller, id, guard).await?;
        Ok(webhook_written(id, outcome, guard, caller.project_name()))
    }

    /// `webhooks.disable`
    pub async fn disable_webhook(
        &self,
        id: &WebhookId,
        guard: Guard,
    ) -> Result<Written<Webhook>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = webhooks::disable(hub, caller, id, guard).await?;
        Ok(webhook_written(id, outcome, guard, caller.project_name()))
    }

    /// `webhooks.delete`
    pub async fn delete_webhook(
        &self,
        id: &WebhookId,
        guard: Guard,
    ) -> Result<Written<Webhook>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = webhooks::delete(hub, caller, id, guard).await?;
        Ok(webhook_written(id, outcome, guard, caller.project_name()))
    }

    /// `webhooks.rotate_secret`
    pub async fn rotate_secret(
        &self,
        id: &WebhookId,
        step: Rotation,
        guard: Guard,
    ) -> Result<CreatedWebhook, HubError> {
        let (hub, caller) = self.parts();
        let made = webhooks::rotate(hub, caller, id, step, guard).await?;
        Ok(CreatedWebhook::new(&made, caller.project_name()))
    }

    /// `webhooks.test`
    pub async fn test_webhook(
        &self,
        id: &WebhookId,
        guard: Guard,
    ) -> Result<DeliveryDetail, HubError> {
        let (hub, caller) = self.parts();
        Ok((&deliveries::test(hub, caller, id, guard).await?).into())
    }

    /// `deliveries.list`
    pub async fn deliveries(
        &self,
        filter: &deliveries::Filter,
        mut each: impl FnMut(&Delivery) -> Flow,
    ) -> Result<(), HubError> {
        let (hub, caller) = self.parts();
        deliveries::list(hub, caller, filter, |delivery| each(&Delivery::from(&delivery))).await
    }

    /// `deliveries.get`
    pub async fn delivery(&self, id: DeliveryId) -> Result<DeliveryDetail, HubError> {
        let (hub, caller) = self.parts();
        Ok((&deliveries::get(hub, caller, id).await?).into())
    }

    /// `deliveries.redeliver`
    pub async fn redeliver(
        &self,
        id: DeliveryId,
        guard: Guard,
    ) -> Result<Written<Delivery>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = deliveries::redeliver(hub, caller, id, guard).await?;
        let show = |delivery: &_| Delivery::from(delivery);
        Ok(written(format!("delivery/{id}"), outcome, guard, show))
    }

    /// `deliveries.redeliver_failed`
    pub async fn redeliver_failed(
        &self,
        asked: &Redeliver,
        guard: Guard,
    ) -> Result<Redelivered, HubError> {
        let (hub, caller) = self.parts();
        let webhook = asked.webhook()?;
        let (webhook, since) = (webhook.as_ref(), asked.since);
        let count = deliveries::redeliver_since(hub, caller, webhook, since, guard).await?;
        Ok(Redelivered { since, deliveries: count, dry_run: guard.dry_run })
    }
}

fn webhook_written(
    id: &WebhookId,
    outcome: Outcome<crate::domain::webhook::Webhook>,
    guard: Guard,
    project: &str,
) -> Written<Webhook> {
    written(format!("webhook/{id}"), outcome, guard, |webhook| Webhook::new(webhook, project))
}
