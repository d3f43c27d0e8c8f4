//! Which rows of the log, in what order, and from where on.

use std::ops::RangeInclusive;

use crate::domain::request_log::{Entry, Kind, Method, Outcome};
use crate::domain::time::Timestamp;

/// Which rows to list; filters combine with AND, values within one with OR (KP-11).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Calls that concerned a provider, or those to the platform.
    pub kind: Option<Kind>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Connectors.
    pub providers: Vec<String>,
    /// Methods.
    pub methods: Vec<Method>,
    /// Ranges of statuses.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// Only those that succeeded, or only those that did not.
    pub success: Option<bool>,
    /// Only those that began at or after this instant.
    pub since: Option<Timestamp>,
    /// Only those that began at or before this instant.
    pub until: Option<Timestamp>,
    /// Ids of requests.
    pub request_ids: Vec<String>,
    /// Only rows that became visible after the one of this number.
    pub after: Option<i64>,
    /// Services of providers.
    pub services: Vec<String>,
    /// What calls were about.
    pub resources: Vec<String>,
    /// Parts of that.
    pub child_resources: Vec<String>,
    /// Parts of the parts.
    pub sub_resources: Vec<String>,
    /// What was done.
    pub actions: Vec<String>,
    /// Kinds of platform calls.
    pub categories: Vec<String>,
    /// Where calls came from.
    pub source_types: Vec<String>,
    /// Names of keys.
    pub source_values: Vec<String>,
    /// Ids of keys.
    pub source_ids: Vec<String>,
}

/// By what to order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// When it began.
    #[default]
    Time,
    /// Connector.
    Provider,
    /// Service.
    Service,
    /// Status.
    Status,
    /// How long it took.
    Duration,
}

/// The text is not an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use provider, service, status, eventDatetime or duration")]
pub struct BadSort;

impl Sort {
    /// Their names on the wire.
    pub const NAMES: [&'static str; 5] =
        ["provider", "service", "status", "eventDatetime", "duration"];

    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Time => "at",
            Self::Provider => "provider",
            Self::Service => "coalesce(service, '')",
            Self::Status => "(outcome % 10000) / 10",
            Self::Duration => "duration_ms",
        }
    }

    pub(super) const fn is_text(self) -> bool {
        matches!(self, Self::Provider | Self::Service)
    }
}

impl std::str::FromStr for Sort {
    type Err = BadSort;

    fn from_str(text: &str) -> Result<Self, BadSort> {
        Ok(match text {
            "provider" => Self::Provider,
            "service" => Self::Service,
            "status" => Self::Status,
            "eventDatetime" | "event_datetime" => Self::Time,
            "duration" => Self::Duration,
            _ => return Err(BadSort),
        })
    }
}

/// An order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub sort: Sort,
    /// The greatest, or newest, first.
    pub descending: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self { sort: Sort::Time, descending: true }
    }
}

/// A place between two rows, from where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The text that rows are ordered by, in the row before.
    pub text: String,
    /// The number that they are ordered by.
    pub value: i64,
    /// When the row before began.
    pub at: Timestamp,
    /// Its number.
    pub number: i64,
}

impl Cursor {
    pub(super) fn behind(entry: &Entry, sort: Sort) -> Self {
        let (text, value) = match sort {
            Sort::Time => (None, 0),
            Sort::Provider => (entry.provider.clone(), 0),
            Sort::Service => (entry.service.clone(), 0),
            Sort::Status => (None, i64::from(entry.outcome.status())),
            Sort::Duration => (None, entry.duration_ms),
        };
        Self { text: text.unwrap_or_default(), value, at: entry.at, number: entry.number }
    }
}

/// A page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// Its rows.
    pub rows: Vec<Entry>,
    /// From where the list goes on; none where it ends. A page may have fewer rows than asked for,
    /// or none, and still not be the last one.
    pub next: Option<Cursor>,
}

impl Filter {
    pub(super) fn wants(&self, outcome: Outcome) -> bool {
        let status = outcome.status();
        self.kind.is_none_or(|kind| outcome.kind() == kind)
            && (self.methods.is_empty() || self.methods.contains(&outcome.method()))
            && (self.statuses.is_empty() || self.statuses.iter().any(|all| all.contains(&status)))
            && self.success.is_none_or(|wanted| wanted == outcome.is_success())
    }

    /// Whether the indices alone say which rows fit.
    pub(super) fn is_indexed(&self) -> bool {
        self.beyond_the_indices().iter().all(|list| list.is_empty())
    }

    fn beyond_the_indices(&self) -> [&[String]; 9] {
        [
            &self.services,
            &self.resources,
            &self.child_resources,
            &self.sub_resources,
            &self.actions,
            &self.categories,
            &self.source_types,
            &self.source_values,
            &self.source_ids,
        ]
    }

    /// Whether a row fits.
    #[must_use]
    pub fn fits(&self, entry: &Entry) -> bool {
        fn one_of(wanted: &[String], found: Option<&String>) -> bool {
            wanted.is_empty() || found.is_some_and(|found| wanted.contains(found))
        }
        self.wants(entry.outcome)
            && one_of(&self.accounts, entry.account.as_ref())
            && one_of(&self.providers, entry.provider.as_ref())
            && one_of(&self.request_ids, Some(&entry.request_id))
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at <= until)
            && self.after.is_none_or(|after| entry.number > after)
            && one_of(&self.services, entry.service.as_ref())
            && one_of(&self.resources, entry.resource.as_ref())
            && one_of(&self.child_resources, entry.child_resource.as_ref())
            && one_of(&self.sub_resources, entry.sub_resource.as_ref())
            && one_of(&self.actions, entry.action.as_ref())
            && one_of(&self.categories, entry.category.as_ref())
            && one_of(&self.source_types, Some(&entry.source.kind))
            && one_of(&self.source_values, entry.source.value.as_ref())
            && one_of(&self.source_ids, entry.source.id.as_ref())
    }
}
