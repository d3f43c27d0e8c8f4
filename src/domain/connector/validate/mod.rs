//! What every connector must keep to, wherever it comes from: built in, JSONL or YAML.
//!
//! The types already refuse wrong shapes; here are the rules that need more than one member.
//! Addresses are checked as text: which address a name resolves to is checked when it is called.

mod fields;
mod login;
mod method;
mod secrets;
mod text;
mod url;

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::Connector;
use super::support::{Section, Support};
use crate::domain::words::escaped;
pub use url::{HOST_PATTERN, WHOLE_URL_PATTERN};

/// The largest connector file in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;
/// The most authentication methods of a connector.
pub const MAX_METHODS: usize = 64;
/// The most fields of a method, both forms together.
pub const MAX_FIELDS: usize = 128;
/// The most light calls of a method, each of which someone waits for.
pub const MAX_LIGHT_CALLS: usize = 8;
/// The longest text in bytes.
pub const MAX_TEXT_BYTES: usize = 8 << 10;
/// The deepest nesting.
pub const MAX_DEPTH: usize = 24;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The connector is refused.
    Error,
    /// The connector is taken; something is missing or switched off.
    Warning,
}

/// Something that is wrong with a connector.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// The line of the file, counted from 1, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The member, such as `auth[0].config_fields[2].pattern`; empty for the whole.
    pub place: String,
    /// What is wrong with it.
    pub message: String,
}

impl Finding {
    /// A finding that refuses the connector.
    #[must_use]
    pub fn error(place: impl Into<String>, message: impl Into<String>) -> Self {
        let (mut place, message) = (place.into(), message.into());
        // A member's name comes from the file.
        if place.contains(char::is_control) {
            place = place.escape_debug().to_string();
        }
        Self { severity: Severity::Error, line: None, place, message }
    }

    /// A finding that does not.
    #[must_use]
    pub fn warning(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, message) }
    }

    /// The same finding on a line.
    #[must_use]
    pub fn on_line(mut self, line: Option<u64>) -> Self {
        self.line = line;
        self
    }
}

/// Whether any finding refuses.
#[must_use]
pub fn refused(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// Everything that is wrong with a connector; it may be used if nothing of it is an error.
#[must_use]
pub fn check(connector: &Connector) -> Vec<Finding> {
    let mut found = Report::default();
    head(connector, &mut found);
    text::check(connector, &mut found);
    if connector.auth.len() > MAX_METHODS {
        found.error("auth", format!("has more than {MAX_METHODS} methods"));
        return found.0;
    }
    if connector.auth.is_empty() {
        found.error("auth", "has no method");
    }
    for (number, auth) in connector.auth.iter().enumerate() {
        let place = format!("auth[{number}]");
        if connector.auth[..number].iter().any(|other| other.key == auth.key) {
            found.error(format!("{place}.key"), format!("`{}` stands twice", auth.key));
        }
        pictures(auth.support.as_ref(), &format!("{place}.support"), &mut found);
        method::check(connector, auth, &place, &mut found);
        login::check(auth, &place, &mut found);
    }
    found.each_once()
}

fn head(connector: &Connector, found: &mut Report) {
    if connector.name.trim().is_empty() {
        found.error("name", "is empty");
    }
    if !is_version(&connector.version) {
        found.error("version", "is not a semantic version such as 1.0.0");
    }
    if connector.categories.is_empty() {
        let message = "is empty: the connector is found by no category, and clients that ask \
                       GET /connectors/meta, where each has one, don't see it";
        found.warning("categories", message);
    }
    let twice = |(number, category)| connector.categories[..number].contains(category);
    if connector.categories.iter().enumerate().any(twice) {
        found.error("categories", "names a category twice");
    }
    let plain = [
        ("docs_url", connector.docs_url.as_ref()),
        ("icon", connector.icon.as_ref()),
        ("support.link", connector.support.as_ref().and_then(|support| support.link.as_ref())),
    ];
    for (place, address) in plain {
        if let Some(Err(why)) = address.map(|address| url::page(address)) {
            found.error(place, why);
        }
    }
    if connector.rate_limit.is_some_and(|rate| !(rate > 0.0 && rate <= 1e6)) {
        found.error("rate_limit", "is not a number of calls a second");
    }
    pictures(connector.support.as_ref(), "support", found);
    text::headers(&connector.headers, "headers", found);
}

/// A picture that can't be linked to is left out of the guide, which can do without it.
fn pictures(support: Option<&Support>, place: &str, found: &mut Report) {
    let Some(guides) = support.and_then(|support| support.guides.as_ref()) else { return };
    for (name, guide) in [("config", &guides.config), ("setup", &guides.setup)] {
        let sections = guide.iter().flat_map(|guide| &guide.sections).flat_map(Section::with_steps);
        for image in sections.filter_map(|section| section.image.as_ref()) {
            if let Err(why) = url::page(&image.src) {
                let src = escaped(&image.src, 80);
                let message = format!("has a picture `{src}`, which {why}: it is not shown");
                found.warning(format!("{place}.guides.{name}"), message);
            }
        }
    }
}

/// Three numbers, and what may follow them.
fn is_version(text: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let numbers = core.split('.').filter(|part| {
        !part.is_empty() && part.len() <= 9 && part.bytes().all(|byte| byte.is_ascii_digit())
    });
    text.len() <= 64
        && text.chars().all(fine)
        && core.split('.').count() == 3
        && numbers.count() == 3
}

/// The findings so far.
#[derive(Default)]
struct Report(Vec<Finding>);

impl Report {
    fn error(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.0.push(Finding::error(place, message));
    }

    fn warning(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.0.push(Finding::warning(place, message));
    }

    /// Each finding once: what methods share is looked at with each of them.
    fn each_once(self) -> Vec<Finding> {
        let mut seen = HashSet::new();
        let is_new = |finding: &Finding| {
            seen.insert((finding.severity, finding.place.clone(), finding.message.clone()))
        };
        self.0.into_iter().filter(is_new).collect()
    }
}

#[cfg(test)]
mod tests;
