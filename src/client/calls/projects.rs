//! Projects.

use serde::Deserialize;

use crate::api::projects::{Project, UpdateProject};
use crate::api::requests::projects::NewProject;
use crate::api::write::Written;
use crate::client::Client;
use crate::domain::project::ProjectName;
use crate::error::HubError;
use crate::hub::projects;
use crate::hub::write::{Guard, IfThere};

/// What deleting a project would touch.
#[derive(Deserialize)]
struct Impact {
    linked_accounts: u64,
}

impl Client {
    /// `projects.list`
    pub async fn projects(&self) -> Result<Vec<Project>, HubError> {
        self.collected(self.call("projects.list", &[])?).await
    }

    /// `projects.get`
    pub async fn get_project(&self, name: &ProjectName) -> Result<Project, HubError> {
        self.json(self.call("projects.get", &[name.as_str()])?).await
    }

    /// How many accounts a project has, for the question before it is deleted.
    pub async fn project_accounts(&self, name: &ProjectName) -> Result<u64, HubError> {
        let impact: Impact = self.json(self.call("projects.impact", &[name.as_str()])?).await?;
        Ok(impact.linked_accounts)
    }

    /// `projects.create`: the project, and whether it is new.
    pub async fn create_project(
        &self,
        name: &ProjectName,
        if_there: IfThere,
        guard: Guard,
    ) -> Result<(Project, bool), HubError> {
        let body = NewProject::new(name, if_there);
        self.created_or_there("projects.create", &body, guard).await
    }

    /// `projects.update`
    pub async fn update_project(
        &self,
        name: &ProjectName,
        changes: projects::Changes,
        guard: Guard,
    ) -> Result<Written<Project>, HubError> {
        let body = UpdateProject::from(&changes);
        self.write_with("projects.update", &[name.as_str()], &body, guard).await
    }

    /// `projects.delete`
    pub async fn delete_project(
        &self,
        name: &ProjectName,
        guard: Guard,
    ) -> Result<Written<Project>, HubError> {
        self.write("projects.delete", &[name.as_str()], guard).await
    }
}
