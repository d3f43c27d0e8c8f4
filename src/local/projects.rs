//! Projects.

use crate::api::projects::Project;
use crate::api::write::Written;
use crate::domain::project::ProjectName;
use crate::error::HubError;
use crate::hub::projects;
use crate::hub::write::{Guard, IfThere};

use super::{Local, written};

impl Local {
    /// `projects.list`
    pub async fn projects(&self) -> Result<Vec<Project>, HubError> {
        let (hub, caller) = self.parts();
        Ok(projects::list(hub, caller).await?.into_iter().map(Project::from).collect())
    }

    /// `projects.get`
    pub async fn get_project(&self, name: &ProjectName) -> Result<Project, HubError> {
        let (hub, caller) = self.parts();
        Ok(projects::get(hub, caller, name).await?.into())
    }

    /// How many accounts a project has, for the question before it is deleted.
    pub async fn project_accounts(&self, name: &ProjectName) -> Result<u64, HubError> {
        let (hub, caller) = self.parts();
        projects::count_accounts(hub, caller, name).await
    }

    /// `projects.create`: the project, and whether it is new.
    pub async fn create_project(
        &self,
        name: &ProjectName,
        if_there: IfThere,
        guard: Guard,
    ) -> Result<(Project, bool), HubError> {
        let (hub, caller) = self.parts();
        let (project, is_new) = projects::create(hub, caller, name, if_there, guard).await?;
        Ok((project.into(), is_new))
    }

    /// `projects.delete`
    pub async fn delete_project(
        &self,
        name: &ProjectName,
        guard: Guard,
    ) -> Result<Written<Project>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = projects::delete(hub, caller, name, guard).await?;
        Ok(written(format!("project/{name}"), outcome, guard, |project| project.clone().into()))
    }

    /// `projects.update`
    pub async fn update_project(
        &self,
        name: &ProjectName,
        changes: projects::Changes,
        guard: Guard,
    ) -> Result<Written<Project>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = projects::update(hub, caller, name, changes, guard).await?;
        Ok(written(format!("project/{name}"), outcome, guard, |project| project.clone().into()))
    }
}
