//! How API keys look as rows.

use std::borrow::Cow;

use crate::api::keys::{CreatedKey, Key};

use super::{Cell, Column, Record};

impl Record for Key {
    const COLUMNS: &'static [Column] = &[
        Column::new("name", "NAME"),
        Column::new("status", "STATUS"),
        Column::new("scopes", "SCOPES"),
        Column::new("last_used", "LAST USED"),
        Column::new("expires", "EXPIRES"),
        Column::wide("created", "CREATED"),
        Column::wide("id", "ID"),
    ];
    const FIELDS: &'static [&'static str] = &[
        "id",
        "name",
        "project_id",
        "scopes",
        "status",
        "created_at",
        "expires_at",
        "disabled_at",
        "last_used_at",
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(self.name.as_str()),
            Cell::Status(Cow::Borrowed(&self.status)),
            Cell::from(self.scopes.join(",")),
            Cell::opt_time(self.last_used_at),
            Cell::opt_time(self.expires_at),
            Cell::Time(self.created_at),
            Cell::from(self.id.as_str()),
        ]);
    }
}

impl Record for CreatedKey {
    const COLUMNS: &'static [Column] = &[
        Column::new("name", "NAME"),
        Column::new("key", "KEY"),
        Column::new("scopes", "SCOPES"),
        Column::new("expires", "EXPIRES"),
        Column::wide("id", "ID"),
    ];
    const FIELDS: &'static [&'static str] =
        &["id", "name", "project_id", "key", "scopes", "status", "created_at", "expires_at"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(self.name.as_str()),
            Cell::from(self.key.as_str()),
            Cell::from(self.scopes.join(",")),
            Cell::opt_time(self.expires_at),
            Cell::from(self.id.as_str()),
        ]);
    }
}
