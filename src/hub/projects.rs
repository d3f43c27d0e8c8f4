//! Projects: nothing of one is visible in another.

use serde_json::json;

use crate::domain::caller::{Caller, Permission};
use crate::domain::project::{DEFAULT_PROJECT, Project, ProjectName};
use crate::error::{HubError, codes};
use crate::store::projects;

use super::Hub;
use super::write::{Guard, Outcome, Record};

fn unknown(name: &ProjectName) -> HubError {
    HubError::new(&codes::PROJECT_UNKNOWN, format!("no project `{name}`"))
        .hint(format!("hubctl projects create {name}"))
}

impl Hub {
    /// The local administrator as a caller in the project of this name.
    ///
    /// # Errors
    /// `project.not_found`.
    pub async fn local_caller(&self, name: &ProjectName) -> Result<Caller, HubError> {
        let mut tx = self.store.begin_read().await?;
        let found = projects::by_name(&mut tx, name).await?.ok_or_else(|| unknown(name))?;
        Ok(Caller::local(found.number, found.name.to_string()))
    }
}

/// All projects, by name.
///
/// # Errors
/// As the store reports them.
pub async fn list(hub: &Hub, caller: &Caller) -> Result<Vec<Project>, HubError> {
    hub.require(caller, Permission::Administer)?;
    let mut tx = hub.store.begin_read().await?;
    Ok(projects::list(&mut tx).await?)
}

/// One project.
///
/// # Errors
/// `project.not_found`.
pub async fn get(hub: &Hub, caller: &Caller, name: &ProjectName) -> Result<Project, HubError> {
    hub.require(caller, Permission::Administer)?;
    let mut tx = hub.store.begin_read().await?;
    projects::by_name(&mut tx, name).await?.ok_or_else(|| unknown(name))
}

/// Adds a project.
///
/// # Errors
/// `project.exists`.
pub async fn create(
    hub: &Hub,
    caller: &Caller,
    name: &ProjectName,
    guard: Guard,
) -> Result<Project, HubError> {
    hub.require(caller, Permission::Administer)?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let Some(project) = projects::insert(&mut tx, name, now).await? else {
        return Err(HubError::new(&codes::PROJECT_EXISTS, format!("project `{name}` exists"))
            .hint(format!("hubctl --project {name} connectors list")));
    };
    let record = Record {
        action: "create",
        resource: format!("project/{name}"),
        affected: 0,
        before: None,
        after: Some(json!({ "name": name.as_str() })),
    };
    hub.record(&mut tx, caller, now, record).await?;
    guard.finish(tx).await?;
    Ok(project)
}

/// How many accounts a project has.
///
/// # Errors
/// `project.not_found`.
pub async fn count_accounts(
    hub: &Hub,
    caller: &Caller,
    name: &ProjectName,
) -> Result<u64, HubError> {
    hub.require(caller, Permission::Administer)?;
    let mut tx = hub.store.begin_read().await?;
    let project = projects::by_name(&mut tx, name).await?.ok_or_else(|| unknown(name))?;
    Ok(projects::count_accounts(&mut tx, project.number).await?)
}

/// Deletes a project with everything in it (KP-6).
///
/// # Errors
/// `project.not_found`; `project.last` for the default project and for the one being used.
pub async fn delete(
    hub: &Hub,
    caller: &Caller,
    name: &ProjectName,
    guard: Guard,
) -> Result<Outcome<Project>, HubError> {
    hub.require(caller, Permission::Administer)?;
    if name.as_str() == DEFAULT_PROJECT {
        let text = "the default project can't be deleted";
        return Err(HubError::new(&codes::PROJECT_NOT_EMPTY, text));
    }
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let project = projects::by_name(&mut tx, name).await?.ok_or_else(|| unknown(name))?;
    if project.number == caller.project() {
        let text = format!("project `{name}` is the one this command works in");
        return Err(HubError::new(&codes::PROJECT_NOT_EMPTY, text)
            .hint(format!("hubctl --project {DEFAULT_PROJECT} projects delete {name}")));
    }
    let affected = projects::count_accounts(&mut tx, project.number).await?;
    guard.check(affected)?;
    projects::delete(&mut tx, project.number).await?;
    let record = Record {
        action: "delete",
        resource: format!("project/{name}"),
        affected,
        before: Some(json!({ "name": name.as_str() })),
        after: None,
    };
    let operation = Some(hub.record(&mut tx, caller, now, record).await?);
    guard.finish(tx).await?;
    Ok(Outcome { before: Some(project), after: None, changed: true, affected, operation })
}
