//! How the hub's own applications look as rows.

use std::borrow::Cow;

use crate::api::oauth_apps::OAuthApp;

use super::{Cell, Column, Record};

impl Record for OAuthApp {
    const COLUMNS: &'static [Column] = &[
        Column::new("connector", "CONNECTOR"),
        Column::new("client_id", "CLIENT ID"),
        Column::new("auth_configs", "AUTH CONFIGS"),
        Column::new("updated", "UPDATED"),
        Column::wide("created", "CREATED"),
    ];
    const FIELDS: &'static [&'static str] =
        &["connector_key", "client_id", "auth_configs", "created_at", "updated_at"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.connector_key)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(self.connector_key.as_str()),
            Cell::from(self.client_id.as_str()),
            Cell::from(self.auth_configs.to_string()),
            Cell::Time(self.updated_at),
            Cell::Time(self.created_at),
        ]);
    }
}
