//! Projects on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::project;
use crate::domain::time::Timestamp;

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Project {
    /// Its id, which is its name.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl From<project::Project> for Project {
    fn from(project: project::Project) -> Self {
        let name = project.name.to_string();
        Self { id: name.clone(), name, created_at: project.created_at }
    }
}
