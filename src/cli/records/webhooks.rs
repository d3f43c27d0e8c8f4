//! How events, webhooks and deliveries look as rows.

use std::borrow::Cow;

use crate::api::events::Event;
use crate::api::webhooks::{CreatedWebhook, Delivery, DeliveryDetail, Redelivered, Webhook};

use super::{Cell, Column, EVENT, Record};

impl Record for Event<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::new("date", "DATE").spare(2),
        EVENT,
        Column::new("record", "RECORD").whole(),
        Column::new("id", "ID").spare(1),
        Column::wide("data", "DATA"),
    ];
    const FIELDS: &'static [&'static str] =
        &["id", "event", "event_date", "record_type", "record_id", "project_id", "data"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let data = Some(self.data.0.as_ref()).filter(|data| *data != "null");
        out.extend([
            Cell::Time(self.event_date),
            Cell::from(self.event.as_ref()),
            Cell::from(self.record_id.as_ref()),
            Cell::from(self.id.as_ref()),
            Cell::opt(data),
        ]);
    }
}

/// How a webhook stands, in a word.
fn standing(enabled: bool, failing: bool) -> Cell<'static> {
    Cell::Status(Cow::Borrowed(match (enabled, failing) {
        (false, _) => "disabled",
        (true, true) => "failing",
        (true, false) => "enabled",
    }))
}

impl Record for Webhook {
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "ID"),
        Column::new("url", "URL"),
        Column::new("status", "STATUS"),
        Column::new("events", "EVENTS").spare(2),
        Column::new("updated", "UPDATED").spare(1),
        Column::wide("reason", "REASON"),
        Column::wide("created", "CREATED"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "id",
        "project_id",
        "url",
        "events",
        "enabled",
        "disabled_at",
        "disabled_reason",
        "failing_since",
        "next_secret_at",
        "previous_secret_at",
        "created_at",
        "updated_at",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(self.id.as_str()),
            Cell::from(self.url.as_str()),
            standing(self.enabled, self.failing_since.is_some()),
            Cell::from(self.events.join(",")),
            Cell::Time(self.updated_at),
            Cell::opt(self.disabled_reason.as_deref()),
            Cell::Time(self.created_at),
        ]);
    }
}

impl Record for CreatedWebhook {
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "ID"),
        Column::new("url", "URL"),
        Column::new("secret", "SECRET"),
        Column::new("events", "EVENTS"),
        Column::wide("created", "CREATED"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "id",
        "project_id",
        "url",
        "events",
        "secret",
        "changed",
        "enabled",
        "next_secret_at",
        "previous_secret_at",
        "created_at",
        "updated_at",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(self.id.as_str()),
            Cell::from(self.url.as_str()),
            Cell::opt(self.secret.as_deref()),
            Cell::from(self.events.join(",")),
            Cell::Time(self.created_at),
        ]);
    }
}

impl Record for Delivery {
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "ID"),
        EVENT,
        Column::new("record", "RECORD").whole().spare(5),
        Column::new("status", "STATUS"),
        Column::new("attempts", "ATTEMPTS").spare(3),
        Column::new("next", "NEXT").spare(1),
        Column::new("error", "ERROR").spare(4),
        Column::new("created", "CREATED").spare(2),
        Column::new("webhook", "WEBHOOK").whole().spare(6),
        Column::wide("event_id", "EVENT ID").whole(),
        Column::wide("done", "DONE"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "id",
        "webhook_id",
        "event_id",
        "event",
        "record_id",
        "status",
        "attempts",
        "last_status",
        "last_error",
        "next_attempt_at",
        "created_at",
        "done_at",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Owned(self.id.to_string())
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::Number(self.id),
            Cell::from(self.event.as_str()),
            Cell::from(self.record_id.as_str()),
            Cell::Status(Cow::Borrowed(&self.status)),
            Cell::Number(i64::from(self.attempts)),
            Cell::opt_time(self.next_attempt_at),
            Cell::opt(self.last_error.as_deref()),
            Cell::Time(self.created_at),
            Cell::from(self.webhook_id.as_str()),
            Cell::from(self.event_id.as_str()),
            Cell::opt_time(self.done_at),
        ]);
    }
}

impl Record for DeliveryDetail {
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "ID"),
        EVENT,
        Column::new("record", "RECORD").whole().spare(5),
        Column::new("status", "STATUS"),
        Column::new("attempts", "ATTEMPTS").spare(3),
        Column::new("next", "NEXT").spare(1),
        Column::new("created", "CREATED").spare(2),
        Column::wide("webhook", "WEBHOOK").whole(),
        Column::wide("event_id", "EVENT ID").whole(),
        Column::wide("body", "BODY"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "id",
        "webhook_id",
        "event_id",
        "event",
        "record_id",
        "status",
        "next_attempt_at",
        "created_at",
        "done_at",
        "body",
        "attempts",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Owned(self.id.to_string())
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::Number(self.id),
            Cell::from(self.event.as_str()),
            Cell::from(self.record_id.as_str()),
            Cell::Status(Cow::Borrowed(&self.status)),
            Cell::Number(i64::try_from(self.attempts.len()).unwrap_or(i64::MAX)),
            Cell::opt_time(self.next_attempt_at),
            Cell::Time(self.created_at),
            Cell::from(self.webhook_id.as_str()),
            Cell::from(self.event_id.as_str()),
            Cell::opt(self.body.as_deref()),
        ]);
    }
}

impl Record for Redelivered {
    const COLUMNS: &'static [Column] =
        &[Column::new("deliveries", "DELIVERIES"), Column::new("since", "SINCE")];
    const FIELDS: &'static [&'static str] = &["since", "deliveries", "dry_run"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Owned(self.deliveries.to_string())
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let count = i64::try_from(self.deliveries).unwrap_or(i64::MAX);
        out.extend([Cell::Number(count), Cell::Time(self.since)]);
    }
}
