//! Connectors of the catalog as rows.

use std::borrow::Cow;

use crate::api::connectors::{Connector, ConnectorDetail};
use crate::cli::output::{Cell, Column, Record};

use super::categories;

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
