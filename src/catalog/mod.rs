//! The connectors that come with the program, found without parsing any but the one asked for.
//!
//! Their facts are data files in `connectors/`; a project's own connectors are not known here.

use std::sync::Arc;

use crate::domain::connector::near::nearest;
use crate::domain::connector::{AuthKind, Category, Connector};
use crate::domain::names::ConnectorKey;

mod parsed;

pub use parsed::parsed;

/// What the index knows of a connector.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What sort of system it is.
    pub categories: &'static [Category],
    /// Its authentication methods, the most usual first.
    pub auth: &'static [AuthSummary],
    /// Whether it is of the set that is known best.
    pub core: bool,
    /// Where its logo is, if its definition names one.
    pub icon: Option<&'static str>,
    offset: usize,
    length: usize,
}

/// What the index knows of an authentication method.
#[derive(Debug, PartialEq, Eq)]
pub struct AuthSummary {
    /// Its key.
    pub key: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// What sort of method it is.
    pub kind: AuthKind,
    /// Whether the administrator must fill something in.
    pub needs_setup: bool,
    /// Whether it can be used, and is not only described.
    pub usable: bool,
}

/// What to look for; all of it must hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<'a> {
    /// A text within key or name, in any case.
    pub search: Option<&'a str>,
    /// Categories, of which one is enough; none means any.
    pub categories: &'a [Category],
    /// A kind of authentication method that it must have.
    pub auth: Option<AuthKind>,
}

/// All connectors, one JSON text a line.
static TEXT: &str = include_str!(concat!(env!("OUT_DIR"), "/catalog.json"));

/// Sorted by key.
static INDEX: &[Entry] = include!(concat!(env!("OUT_DIR"), "/catalog_index.rs"));

/// Every connector, sorted by key.
#[must_use]
pub fn index() -> &'static [Entry] {
    INDEX
}

/// What the index knows of the connector of this key.
#[must_use]
pub fn find_entry(key: &str) -> Option<&'static Entry> {
    let at = INDEX.binary_search_by(|entry| entry.key.cmp(key)).ok()?;
    INDEX.get(at)
}

/// The whole definition of the connector of this key.
#[must_use]
pub fn get(key: &ConnectorKey) -> Option<Arc<Connector>> {
    let text = find_entry(key.as_str())?.text();
    // A test parses every text, so that one that exists can be read.
    parsed(text).ok()
}

/// The connectors that fit, those first whose key or name starts with the text.
#[must_use]
pub fn search(query: &Query<'_>) -> Vec<&'static Entry> {
    let text = query.search.map(|text| text.trim().to_lowercase()).unwrap_or_default();
    let mut found: Vec<(bool, &Entry)> = INDEX
        .iter()
        .filter(|entry| entry.fits(query))
        .filter_map(|entry| {
            let name = entry.name.to_lowercase();
            let inside = entry.key.contains(&text) || name.contains(&text);
            let starts = entry.key.starts_with(&text) || name.starts_with(&text);
            inside.then_some((!starts, entry))
        })
        .collect();
    // Stable, so that the order of keys stays within each half.
    found.sort_by_key(|(later, _)| *later);
    found.into_iter().map(|(_, entry)| entry).collect()
}

/// Up to three keys near a mistyped one.
#[must_use]
pub fn suggest(text: &str) -> Vec<&'static str> {
    let mut keys = nearest(text, INDEX.iter().map(|entry| entry.key));
    // People also type the name, with its spaces.
    let names = nearest(text, INDEX.iter().map(|entry| entry.name));
    for entry in names.iter().filter_map(|name| INDEX.iter().find(|entry| entry.name == *name)) {
        if keys.len() < 3 && !keys.contains(&entry.key) {
            keys.push(entry.key);
        }
    }
    keys
}

impl Entry {
    /// The first method that needs nothing from the administrator.
    #[must_use]
    pub fn first_method_without_setup(&self) -> Option<&'static AuthSummary> {
        self.auth.iter().find(|method| !method.needs_setup)
    }

    /// The definition as minified JSON.
    #[must_use]
    pub fn text(&self) -> &'static str {
        TEXT.get(self.offset..self.offset + self.length).unwrap_or_default()
    }

    fn fits(&self, query: &Query<'_>) -> bool {
        let category = query.categories.is_empty()
            || self.categories.iter().any(|category| query.categories.contains(category));
        let auth = query.auth.is_none_or(|kind| self.auth.iter().any(|auth| auth.kind == kind));
        category && auth
    }
}

#[cfg(test)]
mod tests;
