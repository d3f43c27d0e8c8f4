//! Projects.

use axum::extract::Path;
use serde_json::json;

use crate::api::projects::{BadProject, UpdateProject};
use crate::api::requests::projects::NewProject;
use crate::domain::project::ProjectName;
use crate::error::{HubError, codes};
use crate::hub::projects::Changes;
use crate::server::body::JsonBody;
use crate::server::caller::Source;

use super::rows::list_of;
use super::{Answer, Door, Params, created_or_there, named, ok};

fn name(text: &str) -> Result<ProjectName, HubError> {
    named(text, &codes::PROJECT_UNKNOWN)
}

pub(super) async fn list(Door(hub): Door) -> Answer {
    list_of(&hub.projects().await?)
}

pub(super) async fn get(Door(hub): Door, Path(project): Path<String>) -> Answer {
    ok(hub.get_project(&name(&project)?).await?)
}

pub(super) async fn impact(Door(hub): Door, Path(project): Path<String>) -> Answer {
    ok(json!({ "linked_accounts": hub.project_accounts(&name(&project)?).await? }))
}

pub(super) async fn create(
    Door(hub): Door,
    Params(query): Params,
    JsonBody(new): JsonBody<NewProject>,
) -> Answer {
    let name = named(&new.name, &codes::BAD_VALUE)?;
    created_or_there(hub.create_project(&name, new.if_there()?, query.guard()?).await?)
}

pub(super) async fn update(
    Door(hub): Door,
    Path(project): Path<String>,
    source: Source,
    Params(query): Params,
    JsonBody(asked): JsonBody<UpdateProject>,
) -> Answer {
    let changes = asked.try_into();
    let changes: Changes =
        changes.map_err(|error: BadProject| HubError::new(&codes::BAD_VALUE, error.to_string()))?;
    let changes = Changes { from: source.address(), ..changes };
    ok(hub.update_project(&name(&project)?, changes, query.guard()?).await?)
}

pub(super) async fn delete(
    Door(hub): Door,
    Path(project): Path<String>,
    Params(query): Params,
) -> Answer {
    ok(hub.delete_project(&name(&project)?, query.guard()?).await?)
}
