//! Calls in the log, as rows.

use std::borrow::Cow;

use crate::api::request_logs::{LogRow, RequestLog};
use crate::cli::output::{Cell, Column, Record};

/// The outcome as a word: `ok` or `error`.
fn result<'a>(success: bool) -> Cell<'a> {
    Cell::Status(Cow::Borrowed(if success { "ok" } else { "error" }))
}

impl Record for LogRow {
    const COLUMNS: &'static [Column] = &[
        Column::new("time", "TIME").spare(6),
        Column::new("method", "METHOD").spare(5),
        Column::new("path", "PATH"),
        Column::new("status", "STATUS"),
        Column::new("result", "RESULT").spare(1),
        Column::new("duration", "MS").spare(2),
        Column::new("provider", "PROVIDER").spare(3),
        Column::new("account", "ACCOUNT").whole().spare(4),
        Column::new("request_id", "REQUEST ID").whole(),
        Column::wide("kind", "KIND"),
        Column::wide("error", "ERROR"),
        Column::wide("source", "SOURCE"),
        Column::wide("key", "KEY"),
        Column::wide("ip", "IP"),
        Column::wide("number", "NUMBER"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "request_id",
        "number",
        "kind",
        "event_datetime",
        "http_method",
        "path",
        "url",
        "status",
        "success",
        "duration",
        "provider",
        "account_id",
        "resource",
        "action",
        "source_type",
        "source_value",
        "source_id",
        "source_ip",
        "is_worker",
        "error",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.request_id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::opt_time(self.event_datetime),
            Cell::from(self.http_method.to_ascii_uppercase()),
            Cell::from(self.path.as_str()),
            Cell::Number(self.status.into()),
            result(self.success),
            self.duration.map_or(Cell::Empty, Cell::Number),
            Cell::opt(self.provider.as_deref()),
            Cell::opt(self.account_id.as_deref()),
            Cell::from(self.request_id.as_str()),
            Cell::from(self.kind.as_str()),
            Cell::opt(self.error.as_deref()),
            Cell::opt(self.source_type.as_deref()),
            Cell::opt(self.source_value.as_deref()),
            Cell::opt(self.source_ip.as_deref()),
            self.number.map_or(Cell::Empty, Cell::Number),
        ]);
    }
}

impl Record for RequestLog {
    const COLUMNS: &'static [Column] = &[
        Column::new("time", "TIME").spare(6),
        Column::new("method", "METHOD").spare(5),
        Column::new("path", "PATH"),
        Column::new("status", "STATUS"),
        Column::new("result", "RESULT").spare(1),
        Column::new("duration", "MS").spare(2),
        Column::new("provider", "PROVIDER").spare(3),
        Column::new("account", "ACCOUNT").whole().spare(4),
        Column::new("request_id", "REQUEST ID").whole(),
        Column::new("steps", "STEPS").spare(2),
        Column::wide("error", "ERROR"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "request_id",
        "event_datetime",
        "start_time",
        "end_time",
        "account_id",
        "project_id",
        "provider",
        "service",
        "http_method",
        "path",
        "url",
        "resource",
        "child_resource",
        "sub_resource",
        "action",
        "status",
        "duration",
        "success",
        "is_worker",
        "source_type",
        "source_value",
        "source_id",
        "source_ip",
        "error",
        "step_requests",
        "request",
        "response",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.request_id.as_deref().unwrap_or_default())
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let steps = self.step_requests.as_ref().map(Vec::len);
        out.extend([
            Cell::opt_time(self.event_datetime),
            Cell::from(self.http_method.as_deref().unwrap_or_default().to_ascii_uppercase()),
            Cell::opt(self.path.as_deref()),
            self.status.map_or(Cell::Empty, |status| Cell::Number(status.into())),
            self.success.map_or(Cell::Empty, result),
            self.duration.map_or(Cell::Empty, Cell::Number),
            Cell::opt(self.provider.as_deref()),
            Cell::opt(self.account_id.as_deref()),
            Cell::opt(self.request_id.as_deref()),
            steps.and_then(|count| i64::try_from(count).ok()).map_or(Cell::Empty, Cell::Number),
            Cell::opt(self.error.as_deref()),
        ]);
    }
}
