//! How each answer looks as a row: columns for people, field names for `--fields`.

use std::borrow::Cow;

use crate::api::accounts::{Account, AccountDetail, Finding};
use crate::api::auth_configs::{AuthConfig, AuthConfigDetail};
use crate::api::connect_sessions::{ConnectSession, CreatedSession};
use crate::api::connectors::{Connector, ConnectorDetail};
use crate::api::projects::Project;
use crate::domain::connector::Category;

use super::output::{Cell, Column, Record};

fn categories(all: &[Category]) -> String {
    let names: Vec<&str> = all.iter().map(|category| category.as_str()).collect();
    names.join(",")
}

fn state(active: bool) -> Cell<'static> {
    Cell::Status(Cow::Borrowed(if active { "enabled" } else { "disabled" }))
}

impl Record for AuthConfig {
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "ID"),
        Column::new("connector", "CONNECTOR"),
        Column::new("name", "NAME"),
        Column::new("auth", "AUTH"),
        Column::new("state", "STATE"),
        Column::new("default", "DEFAULT"),
        Column::wide("categories", "CATEGORIES"),
        Column::wide("version", "VERSION"),
        Column::wide("updated", "UPDATED"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "id",
        "name",
        "connector_key",
        "connector_label",
        "authentication_config_key",
        "authentication_config_label",
        "active",
        "default",
        "categories",
        "logo_url",
        "release_stage",
        "connector_version",
        "connector_pinned_version",
        "connector_owner",
        "environment",
        "created_at",
        "updated_at",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(self.id.as_str()),
            Cell::from(self.connector_key.as_str()),
            Cell::from(self.name.as_str()),
            Cell::from(self.authentication_config_key.as_str()),
            state(self.active),
            if self.default { Cell::from("default") } else { Cell::Empty },
            Cell::from(categories(&self.categories)),
            Cell::opt(self.connector_version.as_deref()),
            Cell::Time(self.updated_at),
        ]);
    }
}

impl Record for AuthConfigDetail {
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "ID"),
        Column::new("connector", "CONNECTOR"),
        Column::new("name", "NAME"),
        Column::new("auth", "AUTH"),
        Column::new("state", "STATE"),
        Column::new("default", "DEFAULT"),
        Column::new("accounts", "ACCOUNTS"),
        Column::wide("callback", "CALLBACK"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "id",
        "name",
        "connector_key",
        "connector_label",
        "authentication_config_key",
        "authentication_config_label",
        "active",
        "default",
        "categories",
        "callback_url",
        "setup_information",
        "secrets",
        "linked_accounts",
        "disabled_at",
        "logo_url",
        "release_stage",
        "connector_version",
        "connector_pinned_version",
        "connector_owner",
        "environment",
        "created_at",
        "updated_at",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let accounts = self.linked_accounts.and_then(|count| i64::try_from(count).ok());
        out.extend([
            Cell::from(self.id.as_str()),
            Cell::from(self.connector_key.as_str()),
            Cell::from(self.name.as_str()),
            Cell::from(self.authentication_config_key.as_str()),
            state(self.active),
            if self.default { Cell::from("default") } else { Cell::Empty },
            accounts.map_or(Cell::Empty, Cell::Number),
            Cell::opt(self.callback_url.as_deref()),
        ]);
    }
}

impl Record for Connector {
    const COLUMNS: &'static [Column] = &[
        Column::new("key", "KEY"),
        Column::new("name", "NAME"),
        Column::new("categories", "CATEGORIES"),
        Column::new("auth", "AUTH"),
        Column::wide("version", "VERSION"),
        Column::wide("origin", "ORIGIN"),
    ];
    const FIELDS: &'static [&'static str] =
        &["key", "name", "categories", "version", "release_stage", "own", "authentication"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.key)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let methods: Vec<&str> =
            self.authentication.iter().map(|method| method.key.as_str()).collect();
        out.extend([
            Cell::from(self.key.as_str()),
            Cell::from(self.name.as_str()),
            Cell::from(categories(&self.categories)),
            Cell::from(methods.join(",")),
            Cell::from(self.version.as_str()),
            Cell::from(if self.own { "own" } else { "built-in" }),
        ]);
    }
}

impl Record for ConnectorDetail {
    const COLUMNS: &'static [Column] = &[
        Column::new("key", "KEY"),
        Column::new("name", "NAME"),
        Column::new("categories", "CATEGORIES"),
        Column::new("version", "VERSION"),
        Column::new("docs", "DOCS"),
        Column::wide("base_url", "BASE URL"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "key",
        "name",
        "categories",
        "version",
        "release_stage",
        "own",
        "description",
        "docs_url",
        "base_url",
        "rate_limit",
        "confidence",
        "notes",
        "authentication",
        "auth_configs",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.key)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(self.key.as_str()),
            Cell::from(self.name.as_str()),
            Cell::from(categories(&self.categories)),
            Cell::from(self.version.as_str()),
            Cell::opt(self.docs_url.as_deref()),
            Cell::from(self.base_url.as_str()),
        ]);
    }
}

impl Record for ConnectSession {
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "ID"),
        Column::new("provider", "PROVIDER"),
        Column::new("owner", "OWNER"),
        Column::new("status", "STATUS"),
        Column::new("created", "CREATED"),
        Column::new("expires", "EXPIRES"),
        Column::wide("owner_id", "OWNER ID"),
        Column::wide("auth_config", "AUTH CONFIG"),
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

impl Record for Account<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "ID"),
        Column::new("provider", "PROVIDER"),
        Column::new("owner", "OWNER"),
        Column::new("status", "STATUS"),
        Column::new("updated", "UPDATED"),
        Column::new("reason", "REASON"),
        Column::wide("owner_id", "OWNER ID"),
        Column::wide("username", "USER"),
        Column::wide("label", "LABEL"),
        Column::wide("type", "TYPE"),
        Column::wide("verified", "VERIFIED"),
        Column::wide("auth_config", "AUTH CONFIG"),
        Column::wide("created", "CREATED"),
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
        out.extend([
            Cell::from(self.id.as_ref()),
            Cell::from(self.provider.as_ref()),
            Cell::from(self.origin_owner_name.as_ref()),
            Cell::Status(Cow::Borrowed(self.status.as_ref())),
            Cell::Time(self.updated_at),
            reason(&self.status_reasons),
            Cell::from(self.origin_owner_id.as_ref()),
            Cell::opt(self.origin_username.as_deref()),
            Cell::opt(self.label.as_deref()),
            Cell::from(self.kind.as_ref()),
            Cell::Bool(self.verified),
            Cell::from(self.integration_id.as_ref()),
            Cell::Time(self.created_at),
        ]);
    }
}

/// The words of the latest reason.
fn reason<'a>(reasons: &crate::api::JsonText<'_>) -> Cell<'a> {
    if reasons.0 == "[]" {
        return Cell::Empty;
    }
    let value = reasons.value();
    let latest = value.as_array().and_then(|all| all.last());
    let words = latest.and_then(|reason| {
        reason
            .get("description")
            .and_then(|text| text.as_str())
            .or_else(|| reason.get("code")?.as_str())
    });
    words.map_or(Cell::Empty, |words| Cell::from(words.to_owned()))
}

impl Record for AccountDetail {
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "ID"),
        Column::new("provider", "PROVIDER"),
        Column::new("owner", "OWNER"),
        Column::new("status", "STATUS"),
        Column::new("verified", "VERIFIED"),
        Column::new("updated", "UPDATED"),
        Column::wide("owner_id", "OWNER ID"),
        Column::wide("label", "LABEL"),
        Column::wide("auth_config", "AUTH CONFIG"),
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
    const FIELDS: &'static [&'static str] =
        &["code", "blocking", "cause", "since", "operation_id", "actor", "command"];

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

impl Record for Project {
    const COLUMNS: &'static [Column] =
        &[Column::new("name", "NAME"), Column::new("created", "CREATED")];
    const FIELDS: &'static [&'static str] = &["id", "name", "created_at"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([Cell::from(self.name.as_str()), Cell::Time(self.created_at)]);
    }
}
