//! Linked accounts, and what is found out about one, as rows.

use std::borrow::Cow;

use crate::api::JsonText;
use crate::api::accounts::{Account, AccountDetail, Finding};
use crate::cli::output::{Cell, Column, Record};

impl Record for Account<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "ID"),
        Column::new("provider", "PROVIDER").spare(3),
        Column::new("owner", "OWNER"),
        Column::new("status", "STATUS"),
        Column::new("updated", "UPDATED").spare(1),
        Column::new("reason", "REASON").spare(2),
        Column::wide("owner_id", "OWNER ID"),
        Column::wide("username", "USER"),
        Column::wide("label", "LABEL"),
        Column::wide("type", "TYPE"),
        Column::wide("verified", "VERIFIED"),
        Column::wide("auth_config", "AUTH CONFIG").whole(),
        Column::wide("created", "CREATED"),
        Column::wide("since", "SINCE"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "id",
        "provider",
        "provider_name",
        "origin_owner_id",
        "origin_owner_name",
        "origin_username",
        "status",
        "status_reasons",
        "unusable",
        "label",
        "setup_information",
        "type",
        "categories",
        "integration_id",
        "connector_profile_id",
        "verified",
        "created_at",
        "updated_at",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let (reason, since) = match &self.unusable {
            Some(unusable) => (Cell::from(unusable.cause.as_str()), Cell::opt_time(unusable.since)),
            None => latest(&self.status_reasons),
        };
        out.extend([
            Cell::from(self.id.as_ref()),
            Cell::from(self.provider.as_ref()),
            Cell::from(self.origin_owner_name.as_ref()),
            Cell::Status(Cow::Borrowed(self.status.as_ref())),
            Cell::Time(self.updated_at),
            reason,
            Cell::from(self.origin_owner_id.as_ref()),
            Cell::opt(self.origin_username.as_deref()),
            Cell::opt(self.label.as_deref()),
            Cell::from(self.kind.as_ref()),
            Cell::Bool(self.verified),
            Cell::from(self.integration_id.as_ref()),
            Cell::Time(self.created_at),
            since,
        ]);
    }
}

/// The words of the latest reason and since when it holds, where the hub does not say it better.
fn latest<'a>(reasons: &JsonText<'_>) -> (Cell<'a>, Cell<'a>) {
    if reasons.0 == "[]" {
        return (Cell::Empty, Cell::Empty);
    }
    let value = reasons.value();
    let Some(latest) = value.as_array().and_then(|all| all.last()) else {
        return (Cell::Empty, Cell::Empty);
    };
    let text = |key: &str| latest.get(key).and_then(|text| text.as_str());
    let words = text("description").or_else(|| text("code"));
    let since = text("timestamp").and_then(|at| at.parse().ok());
    (words.map_or(Cell::Empty, |words| Cell::from(words.to_owned())), Cell::opt_time(since))
}

impl Record for AccountDetail {
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "ID"),
        Column::new("provider", "PROVIDER").spare(3),
        Column::new("owner", "OWNER"),
        Column::new("status", "STATUS"),
        Column::new("verified", "VERIFIED").spare(2),
        Column::new("updated", "UPDATED").spare(1),
        Column::wide("owner_id", "OWNER ID"),
        Column::wide("label", "LABEL"),
        Column::wide("auth_config", "AUTH CONFIG").whole(),
    ];
    const FIELDS: &'static [&'static str] = &[
        "id",
        "provider",
        "provider_name",
        "origin_owner_id",
        "origin_owner_name",
        "origin_username",
        "status",
        "status_reasons",
        "label",
        "setup_information",
        "type",
        "categories",
        "metadata",
        "integration_id",
        "connector_profile_id",
        "auth_config_name",
        "verified",
        "verified_at",
        "credentials_updated_at",
        "created_at",
        "updated_at",
        "created",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(self.id.as_str()),
            Cell::from(self.provider.as_str()),
            Cell::from(self.origin_owner_name.as_str()),
            Cell::Status(Cow::Borrowed(self.status.as_ref())),
            Cell::Bool(self.verified),
            Cell::Time(self.updated_at),
            Cell::from(self.origin_owner_id.as_str()),
            Cell::opt(self.label.as_deref()),
            Cell::from(self.integration_id.as_str()),
        ]);
    }
}

impl Record for Finding {
    const COLUMNS: &'static [Column] = &[
        Column::new("code", "CODE"),
        Column::new("blocking", "BLOCKING"),
        Column::new("cause", "CAUSE"),
        Column::new("since", "SINCE"),
        Column::new("command", "COMMAND"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "code",
        "blocking",
        "cause",
        "since",
        "operation_id",
        "request_id",
        "actor",
        "event_id",
        "command",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.code)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(self.code.as_str()),
            Cell::Bool(self.blocking),
            Cell::from(self.cause.as_str()),
            Cell::opt_time(self.since),
            Cell::opt(self.command.as_deref()),
        ]);
    }
}
