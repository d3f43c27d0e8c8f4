//! What the operations on events, webhooks and deliveries take and give.

use serde_json::json;

use super::{Parameter, Shape, list, named, text, whole};
use crate::api::events::{Event, NewEvents};
use crate::api::webhooks::{
    ChangeWebhook, CreatedWebhook, Delivery, DeliveryDetail, NewWebhook, Redeliver, Redelivered,
    RotateSecret, Webhook,
};
use crate::api::write::Written;
use crate::domain::event::EventKind;
use crate::domain::webhook::DeliveryState;

parameters! {
    EVENT_TYPES = "type", "Only events of these kinds", list(&named(EventKind::NAMES));
    ACCOUNT_ID = "account_id", "Only what happened to this account", text();
    SINCE = "since", "Only what happened at or after this instant",
        json!({ "type": "string", "format": "date-time" });
    AFTER_EVENT = "after", "Only events behind this one", text();
    AFTER_PLACE = "after", "What the answer before named as next; without it, the end", text();
    WAIT = "wait", "Seconds to wait for an event",
        json!({ "type": "integer", "minimum": 0, "maximum": 25 });
    LIMIT = "limit", "At most so many", whole(0);
    WEBHOOK_ID = "webhook_id", "Only deliveries of this webhook", text();
    DELIVERED_SINCE = "since", "Only deliveries made at or after this instant",
        json!({ "type": "string", "format": "date-time" });
    DELIVERY_STATUS = "status", "Only deliveries in this state",
        named(&DeliveryState::ALL.map(DeliveryState::as_str));
}

pub(super) fn shape(id: &str) -> Option<Shape> {
    Some(match id {
        "events.list" => Shape::gives::<Vec<Event<'_>>>("List events, the oldest first").with(&[
            EVENT_TYPES,
            ACCOUNT_ID,
            SINCE,
            AFTER_EVENT,
            LIMIT,
        ]),
        "events.follow" => Shape::gives::<NewEvents>("Wait for events").with(&[
            EVENT_TYPES,
            ACCOUNT_ID,
            SINCE,
            AFTER_PLACE,
            WAIT,
        ]),
        "webhooks.list" => Shape::gives::<Vec<Webhook>>("List webhooks"),
        "webhooks.get" => Shape::gives::<Webhook>("Show a webhook"),
        "webhooks.create" => {
            Shape::gives::<CreatedWebhook>("Make a webhook").takes::<NewWebhook>().created()
        }
        "webhooks.update" => {
            Shape::gives::<Written<Webhook>>("Change a webhook").takes::<ChangeWebhook>()
        }
        "webhooks.enable" => Shape::gives::<Written<Webhook>>("Resume a webhook's deliveries"),
        "webhooks.disable" => Shape::gives::<Written<Webhook>>("Stop a webhook's deliveries"),
        "webhooks.delete" => Shape::gives::<Written<Webhook>>("Delete a webhook"),
        "webhooks.rotate_secret" => {
            Shape::gives::<CreatedWebhook>("Take a step of replacing a webhook's secret")
                .takes::<RotateSecret>()
        }
        "webhooks.test" => Shape::gives::<DeliveryDetail>("Send a trial to a webhook"),
        "deliveries.list" => Shape::gives::<Vec<Delivery>>("List deliveries, the newest first")
            .with(&[WEBHOOK_ID, DELIVERY_STATUS, DELIVERED_SINCE, LIMIT]),
        "deliveries.get" => Shape::gives::<DeliveryDetail>("Show a delivery with its attempts"),
        "deliveries.redeliver" => Shape::gives::<Written<Delivery>>("Send a delivery again"),
        "deliveries.redeliver_failed" => {
            Shape::gives::<Redelivered>("Send again what was given up").takes::<Redeliver>()
        }
        _ => return None,
    })
}
