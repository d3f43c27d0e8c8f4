//! The categories of connectors, with the wire's own values.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::near::did_you_mean;
use crate::domain::words::escaped;

/// What sort of system a connector reaches.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Applicant tracking.
    Ats,
    /// Human resources.
    Hris,
    /// Human resources, older interface.
    HrisLegacy,
    /// Customer relations.
    Crm,
    /// Identity and access.
    Iam,
    /// Marketing.
    Marketing,
    /// Learning.
    Lms,
    /// The hub vendor's own.
    #[serde(rename = "stackone")]
    StackOne,
    /// Files and documents.
    Documents,
    /// Tickets and issues.
    Ticketing,
    /// Background checks and assessments.
    Screening,
    /// Messages and calls.
    Messaging,
    /// Books and invoices.
    Accounting,
    /// Calendars and bookings.
    Scheduling,
}

/// A text that is no category.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not a category{suggestion}")]
pub struct BadCategory {
    shown: String,
    suggestion: String,
}

impl Category {
    /// All categories, in the wire's order.
    pub const ALL: [Self; 14] = [
        Self::Ats,
        Self::Hris,
        Self::HrisLegacy,
        Self::Crm,
        Self::Iam,
        Self::Marketing,
        Self::Lms,
        Self::StackOne,
        Self::Documents,
        Self::Ticketing,
        Self::Screening,
        Self::Messaging,
        Self::Accounting,
        Self::Scheduling,
    ];

    /// The wire's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ats => "ats",
            Self::Hris => "hris",
            Self::HrisLegacy => "hris-legacy",
            Self::Crm => "crm",
            Self::Iam => "iam",
            Self::Marketing => "marketing",
            Self::Lms => "lms",
            Self::StackOne => "stackone",
            Self::Documents => "documents",
            Self::Ticketing => "ticketing",
            Self::Screening => "screening",
            Self::Messaging => "messaging",
            Self::Accounting => "accounting",
            Self::Scheduling => "scheduling",
        }
    }
}

impl FromStr for Category {
    type Err = BadCategory;

    fn from_str(text: &str) -> Result<Self, BadCategory> {
        Self::ALL.into_iter().find(|category| category.as_str() == text).ok_or_else(|| {
            let shown = escaped(text, 64);
            let suggestion = did_you_mean(text, Self::ALL.map(Self::as_str));
            BadCategory { shown, suggestion }
        })
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Category;

    #[test]
    fn every_category_has_one_text_everywhere() {
        for category in Category::ALL {
            assert_eq!(category.as_str().parse(), Ok(category));
            let json = serde_json::to_string(&category).unwrap();
            assert_eq!(json, format!("\"{}\"", category.as_str()));
        }
        let error = "hirs".parse::<Category>().unwrap_err().to_string();
        assert_eq!(error, "`hirs` is not a category; did you mean `hris`?");
    }
}
