//! Webhooks and their deliveries.

use std::ops::ControlFlow;

use crate::api::requests::Query;
use crate::api::webhooks::{
    ChangeWebhook, CreatedWebhook, Delivery, DeliveryDetail, NewWebhook, Redeliver, Redelivered,
    RotateSecret, Webhook, to_query,
};
use crate::api::write::Written;
use crate::client::Client;
use crate::domain::ids::{DeliveryId, WebhookId};
use crate::domain::webhook::Rotation;
use crate::error::HubError;
use crate::hub::webhooks::{Changes, New, deliveries};
use crate::hub::write::Guard;

impl Client {
    /// `webhooks.list`
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, HubError> {
        self.collected(self.call("webhooks.list", &[])?).await
    }

    /// `webhooks.get`
    pub async fn webhook(&self, id: &WebhookId) -> Result<Webhook, HubError> {
        self.json(self.call("webhooks.get", &[id.as_str()])?).await
    }

    /// `webhooks.create`: the webhook, and whether it is new.
    pub async fn create_webhook(
        &self,
        new: New,
        guard: Guard,
    ) -> Result<(CreatedWebhook, bool), HubError> {
        self.created_or_there("webhooks.create", &NewWebhook::from(&new), guard).await
    }

    /// `webhooks.update`
    pub async fn update_webhook(
        &self,
        id: &WebhookId,
        changes: Changes,
        guard: Guard,
    ) -> Result<Written<Webhook>, HubError> {
        let body = ChangeWebhook::from(&changes);
        self.write_with("webhooks.update", &[id.as_str()], &body, guard).await
    }

    /// `webhooks.enable`
    pub async fn enable_webhook(
        &self,
        id: &WebhookId,
        guard: Guard,
    ) -> Result<Written<Webhook>, HubError> {
        self.write("webhooks.enable", &[id.as_str()], guard).await
    }

    /// `webhooks.disable`
    pub async fn disable_webhook(
        &self,
        id: &WebhookId,
        guard: Guard,
    ) -> Result<Written<Webhook>, HubError> {
        self.write("webhooks.disable", &[id.as_str()], guard).await
    }

    /// `webhooks.delete`
    pub async fn delete_webhook(
        &self,
        id: &WebhookId,
        guard: Guard,
    ) -> Result<Written<Webhook>, HubError> {
        self.write("webhooks.delete", &[id.as_str()], guard).await
    }

    /// `webhooks.rotate_secret`
    pub async fn rotate_secret(
        &self,
        id: &WebhookId,
        step: Rotation,
        guard: Guard,
    ) -> Result<CreatedWebhook, HubError> {
        let body = RotateSecret::from(step);
        self.write_with("webhooks.rotate_secret", &[id.as_str()], &body, guard).await
    }

    /// `webhooks.test`
    pub async fn test_webhook(
        &self,
        id: &WebhookId,
        guard: Guard,
    ) -> Result<DeliveryDetail, HubError> {
        self.write("webhooks.test", &[id.as_str()], guard).await
    }

    /// `deliveries.list`
    pub async fn deliveries(
        &self,
        filter: &deliveries::Filter,
        mut each: impl FnMut(&Delivery) -> Result<ControlFlow<()>, HubError>,
    ) -> Result<(), HubError> {
        let call = self.call("deliveries.list", &[])?.query(&to_query(filter));
        self.rows(call, |row| each(&row)).await
    }

    /// `deliveries.get`
    pub async fn delivery(&self, id: DeliveryId) -> Result<DeliveryDetail, HubError> {
        self.json(self.call("deliveries.get", &[&id.to_string()])?).await
    }

    /// `deliveries.redeliver`
    pub async fn redeliver(
        &self,
        id: DeliveryId,
        guard: Guard,
    ) -> Result<Written<Delivery>, HubError> {
        self.write("deliveries.redeliver", &[&id.to_string()], guard).await
    }

    /// `deliveries.redeliver_failed`
    pub async fn redeliver_failed(
        &self,
        asked: &Redeliver,
        guard: Guard,
    ) -> Result<Redelivered, HubError> {
        let query = Query::default().with_guard(guard);
        let call = self.call("deliveries.redeliver_failed", &[])?.query(&query);
        self.json(call.json(asked)?).await
    }
}
