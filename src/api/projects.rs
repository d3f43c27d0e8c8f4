//! Projects on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::allowlist::{Allowlist, BadAllowlist, Entry};
use crate::domain::project;
use crate::domain::request_log::{BadBodies, BadRetention, Retention};
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
    /// Which headers and bodies its log keeps: `off`, `errors` or `all`.
    #[serde(default)]
    pub log_bodies: String,
    /// For how many days its log keeps new rows.
    #[serde(default)]
    pub log_retention_days: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl From<project::Project> for Project {
    fn from(project: project::Project) -> Self {
        let name = project.name.to_string();
        let ip_allowlist = project.allowlist.entries().iter().map(Entry::to_string).collect();
        Self {
            id: name.clone(),
            name,
            ip_allowlist,
            log_bodies: project.keeping.bodies.as_str().to_owned(),
            log_retention_days: project.keeping.retention.as_days().into(),
            created_at: project.created_at,
        }
    }
}

/// What to change of a project; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
pub struct UpdateProject {
    /// Where its API keys may be used from; an empty list admits all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_allowlist: Option<Vec<String>>,
    /// Which headers and bodies its log keeps: `off`, `errors` or `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_bodies: Option<String>,
    /// For how many days its log keeps new rows, 1 to 3650; older ones go when they were to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_retention_days: Option<u64>,
}

impl From<&Changes> for UpdateProject {
    fn from(changes: &Changes) -> Self {
        let texts = |list: &Allowlist| list.entries().iter().map(Entry::to_string).collect();
        Self {
            ip_allowlist: changes.allowlist.as_ref().map(texts),
            log_bodies: changes.log_bodies.map(|bodies| bodies.as_str().to_owned()),
            log_retention_days: changes.log_retention.map(|retention| retention.as_days().into()),
        }
    }
}

/// A setting can't be what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadChange {
    /// Where keys may be used from.
    #[error("ip_allowlist: {0}")]
    Allowlist(#[from] BadAllowlist),
    /// Which bodies are kept.
    #[error("log_bodies: {0}")]
    Bodies(#[from] BadBodies),
    /// For how long the log is kept.
    #[error("log_retention_days: {0}")]
    Retention(#[from] BadRetention),
}

impl TryFrom<UpdateProject> for Changes {
    type Error = BadChange;

    fn try_from(asked: UpdateProject) -> Result<Self, BadChange> {
        let read = |entries: Vec<String>| {
            let entries = entries.iter().map(|entry| entry.parse::<Entry>());
            Ok::<_, BadAllowlist>(Allowlist::new(entries.collect::<Result<Vec<_>, _>>()?)?)
        };
        Ok(Self {
            allowlist: asked.ip_allowlist.map(read).transpose()?,
            log_bodies: asked.log_bodies.map(|text| text.parse()).transpose()?,
            log_retention: asked.log_retention_days.map(Retention::days).transpose()?,
        })
    }
}
