//! What is asked of projects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::project::ProjectName;
use crate::error::{HubError, codes};
use crate::hub::write::{BadIfThere, IfThere};

/// A project that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct NewProject {
    /// Its name.
    pub name: String,
    /// `fail` or `skip`: what to do where it is there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<IfThere>")]
    pub if_exists: Option<String>,
}

impl NewProject {
    /// A project of this name.
    #[must_use]
    pub fn new(name: &ProjectName, if_there: IfThere) -> Self {
        Self { name: name.to_string(), if_exists: Some(if_there.as_str().to_owned()) }
    }

    /// What to do where it is there already.
    ///
    /// # Errors
    /// `usage.bad_value`
    pub fn if_there(&self) -> Result<IfThere, HubError> {
        let bad =
            |error: BadIfThere| HubError::new(&codes::BAD_VALUE, format!("if_exists: {error}"));
        self.if_exists.as_deref().map_or(Ok(IfThere::Fail), |text| text.parse().map_err(bad))
    }
}
