//! Projects on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::allowlist::{Allowlist, BadAllowlist, Entry};
use crate::domain::project;
use crate::domain::time::Timestamp;
use crate::hub::projects::Changes;

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Project {
    /// Its id, which is its name.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where its API keys may be used from: addresses, ranges and blocks; empty admits all.
    #[serde(default)]
    pub ip_allowlist: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl From<project::Project> for Project {
    fn from(project: project::Project) -> Self {
        let name = project.name.to_string();
        let ip_allowlist = project.allowlist.entries().iter().map(Entry::to_string).collect();
        Self { id: name.clone(), name, ip_allowlist, created_at: project.created_at }
    }
}

/// What to change of a project; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
pub struct UpdateProject {
    /// Where its API keys may be used from; an empty list admits all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_allowlist: Option<Vec<String>>,
}

impl TryFrom<UpdateProject> for Changes {
    type Error = BadAllowlist;

    fn try_from(asked: UpdateProject) -> Result<Self, BadAllowlist> {
        let read = |entries: Vec<String>| {
            let entries = entries.iter().map(|entry| entry.parse::<Entry>());
            Ok::<_, BadAllowlist>(Allowlist::new(entries.collect::<Result<Vec<_>, _>>()?)?)
        };
        Ok(Self { allowlist: asked.ip_allowlist.map(read).transpose()? })
    }
}
