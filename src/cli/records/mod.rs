//! How each answer looks as a row: columns for people, field names for `--fields`.

mod accounts;
mod auth_configs;
mod check;
pub(super) mod connect_sessions;
mod connectors;
mod keys;
mod oauth_apps;
mod request_logs;
mod webhooks;

use std::borrow::Cow;

use crate::api::projects::Project;
use crate::domain::connector::Category;

use super::output::{Cell, Column, Record};

/// What happened. It tells the rows apart, and few events have longer names.
pub(super) const EVENT: Column = Column::new("event", "EVENT").words(20);

fn categories(all: &[Category]) -> String {
    let names: Vec<&str> = all.iter().map(|category| category.as_str()).collect();
    names.join(",")
}

impl Record for Project {
    const COLUMNS: &'static [Column] = &[
        Column::new("name", "NAME"),
        Column::new("created", "CREATED"),
        Column::wide("ip_allowlist", "IP ALLOWLIST"),
        Column::wide("app_origins", "APP ORIGINS"),
        Column::wide("log_bodies", "LOG BODIES"),
        Column::wide("log_retention_days", "LOG DAYS"),
        Column::wide("display_name", "PAGE NAME"),
        Column::wide("accent_color", "COLOUR"),
        Column::wide("logo_type", "LOGO"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "id",
        "name",
        "ip_allowlist",
        "app_origins",
        "log_bodies",
        "log_retention_days",
        "display_name",
        "accent_color",
        "logo_type",
        "logo_hash",
        "created_at",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(self.name.as_str()),
            Cell::Time(self.created_at),
            Cell::from(self.ip_allowlist.join(",")),
            Cell::from(self.app_origins.join(",")),
            Cell::from(self.log_bodies.as_str()),
            Cell::Number(i64::try_from(self.log_retention_days).unwrap_or(i64::MAX)),
            Cell::from(self.display_name.as_deref().unwrap_or_default()),
            Cell::from(self.accent_color.as_deref().unwrap_or_default()),
            Cell::from(self.logo_type.as_deref().unwrap_or_default()),
        ]);
    }
}
