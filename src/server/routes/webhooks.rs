//! Webhooks of the project and their deliveries.

use axum::extract::Path;

use crate::api::webhooks::{ChangeWebhook, NewWebhook, Redeliver, RotateSecret, filter};
use crate::domain::ids::{DeliveryId, WebhookId};
use crate::error::{HubError, codes};
use crate::server::body::JsonBody;

use super::rows::{self, Turn, list_of, rows};
use super::{Answer, Door, Params, created_or_there, named, ok};

fn id(text: &str) -> Result<WebhookId, HubError> {
    named(text, &codes::WEBHOOK_UNKNOWN)
}

fn number(text: &str) -> Result<DeliveryId, HubError> {
    named(text, &codes::DELIVERY_UNKNOWN)
}

pub(super) async fn list(Door(hub): Door) -> Answer {
    list_of(&hub.webhooks().await?)
}

pub(super) async fn get(Door(hub): Door, Path(webhook): Path<String>) -> Answer {
    ok(hub.webhook(&id(&webhook)?).await?)
}

pub(super) async fn create(
    Door(hub): Door,
    Params(query): Params,
    JsonBody(new): JsonBody<NewWebhook>,
) -> Answer {
    created_or_there(hub.create_webhook(new.try_into()?, query.guard()?).await?)
}

pub(super) async fn update(
    Door(hub): Door,
    Path(webhook): Path<String>,
    Params(query): Params,
    JsonBody(changes): JsonBody<ChangeWebhook>,
) -> Answer {
    ok(hub.update_webhook(&id(&webhook)?, changes.try_into()?, query.guard()?).await?)
}

pub(super) async fn enable(
    Door(hub): Door,
    Path(webhook): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.enable_webhook(&id(&webhook)?, query.guard()?).await?)
}

pub(super) async fn disable(
    Door(hub): Door,
    Path(webhook): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.disable_webhook(&id(&webhook)?, query.guard()?).await?)
}

pub(super) async fn delete(
    Door(hub): Door,
    Path(webhook): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.delete_webhook(&id(&webhook)?, query.guard()?).await?)
}

pub(super) async fn rotate_secret(
    Door(hub): Door,
    Path(webhook): Path<String>,
    Params(query): Params,
    JsonBody(step): JsonBody<RotateSecret>,
) -> Answer {
    ok(hub.rotate_secret(&id(&webhook)?, step.try_into()?, query.guard()?).await?)
}

pub(super) async fn test(
    Door(hub): Door,
    Path(webhook): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.test_webhook(&id(&webhook)?, query.guard()?).await?)
}

pub(super) async fn deliveries(Door(hub): Door, Params(query): Params, turn: Turn) -> Answer {
    let filter = filter(&query)?;
    rows(turn, async move |sink: rows::Sink| {
        hub.deliveries(&filter, |delivery| sink.push(delivery)).await
    })
    .await
}

pub(super) async fn delivery(Door(hub): Door, Path(delivery): Path<String>) -> Answer {
    ok(hub.delivery(number(&delivery)?).await?)
}

pub(super) async fn redeliver(
    Door(hub): Door,
    Path(delivery): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.redeliver(number(&delivery)?, query.guard()?).await?)
}

pub(super) async fn redeliver_failed(
    Door(hub): Door,
    Params(query): Params,
    JsonBody(asked): JsonBody<Redeliver>,
) -> Answer {
    ok(hub.redeliver_failed(&asked, query.guard()?).await?)
}
