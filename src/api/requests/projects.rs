//! What is asked of projects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A project that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct NewProject {
    /// Its name.
    pub name: String,
}
