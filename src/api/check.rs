//! Something that was looked at, and how it is.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::check::CheckState;
use crate::error::HubError;
use crate::hub::accounts::Checked;

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at.
    pub check: Cow<'static, str>,
    /// `ok`, `warning`, `failed` or `skipped`.
    pub status: CheckState,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The error's code, where it failed.
    pub code: Option<Cow<'static, str>>,
}

impl Check {
    /// One that ended in some way, without a hint.
    pub fn new(check: &'static str, status: CheckState, message: impl Into<String>) -> Self {
        Self { check: check.into(), status, message: message.into(), hint: None, code: None }
    }

    /// One that failed.
    #[must_use]
    pub fn failed(check: &'static str, error: &HubError) -> Self {
        Self {
            hint: error.hint_text().map(str::to_owned),
            code: Some(error.code().name.into()),
            ..Self::new(check, CheckState::Failed, error.message())
        }
    }
}

impl From<Checked> for Check {
    fn from(checked: Checked) -> Self {
        Self {
            check: checked.about.into(),
            status: checked.state,
            message: checked.message,
            hint: checked.hint,
            code: checked.code.map(|code| code.name.into()),
        }
    }
}
