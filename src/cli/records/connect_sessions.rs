//! Connect sessions as rows.

use std::borrow::Cow;

use crate::api::connect_sessions::{ConnectSession, ConnectionAttempt, CreatedSession};
use crate::cli::output::{Cell, Column, Record};

/// How a login at a provider stands, and behind a colon why it failed.
pub(in crate::cli) fn login(attempt: &ConnectionAttempt) -> (&str, String) {
    let word = match attempt.status.as_deref() {
        Some("pending") => "in progress",
        Some("authenticated") => "succeeded",
        Some("error") => "failed",
        Some("cancelled") => "left by the end user",
        Some("expired") => "not finished in time",
        other => other.unwrap_or("unknown"),
    };
    let why = match (&attempt.oauth_error_description, &attempt.oauth_error_code) {
        (Some(why), Some(code)) => format!(": {why} ({code})"),
        (Some(told), None) | (None, Some(told)) => format!(": {told}"),
        (None, None) => String::new(),
    };
    (word, why)
}

impl Record for ConnectSession {
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "ID"),
        Column::new("provider", "PROVIDER"),
        Column::new("owner", "OWNER"),
        Column::new("status", "STATUS"),
        Column::new("created", "CREATED").spare(1),
        Column::new("expires", "EXPIRES"),
        Column::new("login", "LOGIN"),
        Column::wide("owner_id", "OWNER ID"),
        Column::wide("auth_config", "AUTH CONFIG").whole(),
        Column::wide("label", "LABEL"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "id",
        "organization_id",
        "project_id",
        "categories",
        "provider",
        "origin_owner_id",
        "origin_owner_name",
        "origin_username",
        "account_id",
        "integration_id",
        "connector_profile_id",
        "label",
        "metadata",
        "type",
        "multiple",
        "external_trigger_token",
        "latest_connection_attempt",
        "status",
        "linked_account_id",
        "created_at",
        "expires_at",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Owned(self.id.to_string())
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::Number(self.id),
            Cell::opt(self.provider.as_deref()),
            Cell::from(self.origin_owner_name.as_str()),
            Cell::Status(Cow::Borrowed(self.status.as_ref())),
            Cell::Time(self.created_at),
            Cell::opt_time(self.expires_at),
            self.latest_connection_attempt.as_ref().map_or(Cell::Empty, |attempt| {
                let (word, why) = login(attempt);
                Cell::from(format!("{word}{why}"))
            }),
            Cell::from(self.origin_owner_id.as_str()),
            Cell::opt(self.integration_id.as_deref()),
            Cell::opt(self.label.as_deref()),
        ]);
    }
}

impl Record for CreatedSession {
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "ID"),
        Column::new("provider", "PROVIDER"),
        Column::new("owner_id", "OWNER ID"),
        Column::new("auth_link_url", "AUTH LINK"),
        Column::new("expires", "EXPIRES"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "id",
        "organization_id",
        "project_id",
        "token",
        "auth_link_url",
        "categories",
        "provider",
        "origin_owner_id",
        "origin_owner_name",
        "origin_username",
        "account_id",
        "integration_id",
        "connector_profile_id",
        "label",
        "metadata",
        "type",
        "multiple",
        "external_trigger_token",
        "latest_connection_attempt",
        "status",
        "created_at",
        "expires_at",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Owned(self.id.to_string())
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::Number(self.id),
            Cell::opt(self.provider.as_deref()),
            Cell::from(self.origin_owner_id.as_str()),
            Cell::from(self.auth_link_url.as_str()),
            Cell::Time(self.expires_at),
        ]);
    }
}
