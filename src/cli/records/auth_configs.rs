//! Auth configs as rows.

use std::borrow::Cow;

use crate::api::auth_configs::{AuthConfig, AuthConfigDetail};
use crate::cli::output::{Cell, Column, Record};

use super::categories;

fn state(active: bool) -> Cell<'static> {
    Cell::Status(Cow::Borrowed(if active { "enabled" } else { "disabled" }))
}

impl Record for AuthConfig {
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "ID"),
        Column::new("connector", "CONNECTOR"),
        Column::new("name", "NAME").spare(3),
        Column::new("auth", "AUTH").spare(2),
        Column::new("state", "STATE"),
        Column::new("default", "DEFAULT").spare(1),
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
        Column::new("name", "NAME").spare(3),
        Column::new("auth", "AUTH").spare(2),
        Column::new("state", "STATE"),
        Column::new("default", "DEFAULT").spare(1),
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
        "uses_oauth_app",
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
