//! What the formats look like, by their rules.

mod bounds;
mod forms;
mod tables;

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde::Serialize;

use super::{Captured, Cell, Column, Format, Output, OutputOptions, Record};
use crate::domain::time::Timestamp;

/// 2026-06-01T09:00:00.125Z.
fn now() -> Timestamp {
    Timestamp::from_millis(1_780_304_400_125)
}

#[derive(Serialize)]
struct Account<'a> {
    id: Cow<'a, str>,
    provider: Cow<'a, str>,
    origin_owner_name: Cow<'a, str>,
    status: &'a str,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Cow<'a, str>>,
    tries: i64,
}

impl Record for Account<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "ID"),
        Column::new("provider", "PROVIDER"),
        Column::new("owner", "OWNER"),
        Column::new("status", "STATUS"),
        Column::new("updated", "UPDATED"),
        Column::wide("tries", "TRIES"),
    ];
    const FIELDS: &'static [&'static str] =
        &["id", "provider", "origin_owner_name", "status", "updated_at", "label", "tries"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.push(Cell::Text(Cow::Borrowed(&self.id)));
        out.push(Cell::Text(Cow::Borrowed(&self.provider)));
        out.push(Cell::Text(Cow::Borrowed(&self.origin_owner_name)));
        out.push(Cell::Status(Cow::Borrowed(self.status)));
        out.push(self.updated_at.into());
        out.push(self.tries.into());
    }
}

fn account<'a>(id: &'a str, owner: &'a str, status: &'a str, tries: i64) -> Account<'a> {
    Account {
        id: id.into(),
        provider: "hubspot".into(),
        origin_owner_name: owner.into(),
        status,
        updated_at: now().plus_seconds(-120 * tries),
        label: None,
        tries,
    }
}

fn two() -> Vec<Account<'static>> {
    vec![account("0199", "Acme", "active", 1), account("019a", "Globex Ltd", "error", 90)]
}

#[expect(clippy::unnecessary_wraps, reason = "the option takes it so")]
fn names(names: &str) -> Option<Vec<String>> {
    Some(names.split(',').map(str::to_owned).collect())
}

fn piped(format: Option<Format>) -> OutputOptions {
    OutputOptions { format, ..OutputOptions::pipe(now()) }
}

fn shown(format: Option<Format>) -> OutputOptions {
    OutputOptions {
        stdout_is_terminal: true,
        stderr_is_terminal: true,
        utc: true,
        width: Some(100),
        ..piped(format)
    }
}

fn listed(options: OutputOptions, rows: &[Account<'_>]) -> (String, String) {
    let (output, stdout, stderr) = Output::captured(options).unwrap();
    let mut list = output.list_of::<Account<'_>>().unwrap();
    for row in rows {
        if list.push(row).unwrap() == ControlFlow::Break(()) {
            break;
        }
    }
    list.finish(|summary| Some(format!("{} accounts", summary.rows))).unwrap();
    (stdout.text(), stderr.text())
}

fn list(options: OutputOptions, rows: &[Account<'_>]) -> String {
    let (stdout, stderr) = listed(options, rows);
    assert_eq!(stderr, "");
    stdout
}

fn one(options: OutputOptions, human: Option<&[(&str, String)]>) -> String {
    let (output, stdout, _) = Output::captured(options).unwrap();
    output.item(&account("0199", "Acme", "active", 1), human).unwrap();
    stdout.text()
}

fn memory(output: Result<(Output, Captured, Captured), super::HubError>) -> (Output, Captured) {
    let (output, stdout, _) = output.unwrap();
    (output, stdout)
}

#[test]
fn since_when_is_said_as_people_say_it() {
    let (output, _) = memory(Output::captured(shown(None)));
    assert_eq!(output.since(now()), "just now (2026-06-01 09:00 UTC)");
    assert_eq!(output.since(now().plus_seconds(-7_200)), "since 2 h ago (2026-06-01 07:00 UTC)");
}
