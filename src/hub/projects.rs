//! Projects: nothing of one is visible in another.

use std::net::IpAddr;

use serde_json::json;

use crate::domain::allowlist::{Allowlist, Entry};
use crate::domain::brand::{self, DisplayName, Edit, Logo};
use crate::domain::caller::{Caller, Permission};
use crate::domain::ids::ProjectNumber;
use crate::domain::origin::Origin;
use crate::domain::project::{AppOrigins, DEFAULT_PROJECT, Project, ProjectName};
use crate::domain::refusal::Touch;
use crate::domain::request_log::{Bodies, Keeping, Retention};
use crate::error::{HubError, codes};
use crate::store::{Tx, project_logos, projects};

use super::Hub;
use super::write::{Guard, IfThere, Outcome, Record};

fn unknown(name: &ProjectName) -> HubError {
    HubError::new(&codes::PROJECT_UNKNOWN, format!("no project `{name}`"))
        .hint(format!("hubctl projects list # or make it: hubctl projects create {name}"))
}

impl Hub {
    /// The local administrator as a caller in the project of this name.
    ///
    /// # Errors
    /// `project.not_found`.
    pub async fn local_caller(&self, name: &ProjectName) -> Result<Caller, HubError> {
        let mut tx = self.store.begin_read().await?;
        let found = projects::by_name(&mut tx, name).await?.ok_or_else(|| {
            // Whatever names this project would name it for these commands as well.
            unknown(name).hint(format!(
                "hubctl --project {DEFAULT_PROJECT} projects list # or make it: \
                 hubctl --project {DEFAULT_PROJECT} projects create {name}"
            ))
        })?;
        Ok(Caller::local(found.number, found.name.to_string()))
    }
}

fn locks_out(from: IpAddr) -> HubError {
    let from = from.to_canonical();
    let text = format!(
        "the list does not hold {from}, from where this key is used: it would be refused from then \
         on"
    );
    HubError::new(&codes::PROJECT_LOCKS_OUT, text).hint(format!(
        "add --allow-ip {from}, or --yes to be locked out; a proxy's address: hubctl serve \
         --trusted-proxy {from}"
    ))
}

/// The project of this name; one that the caller may not know of is missing for it (threat 13).
async fn find(tx: &mut Tx, caller: &Caller, name: &ProjectName) -> Result<Project, HubError> {
    let found = projects::by_name(tx, name).await?;
    found.filter(|project| caller.sees(project.number)).ok_or_else(|| unknown(name))
}

/// The projects that the caller may know of, by name (KP-1).
pub async fn list(hub: &Hub, caller: &Caller) -> Result<Vec<Project>, HubError> {
    hub.require(caller, Permission::Administer)?;
    let mut tx = hub.store.begin_read().await?;
    let mut all = projects::list(&mut tx).await?;
    all.retain(|project| caller.sees(project.number));
    Ok(all)
}

/// One project.
///
/// # Errors
/// `project.not_found`.
pub async fn get(hub: &Hub, caller: &Caller, name: &ProjectName) -> Result<Project, HubError> {
    hub.require(caller, Permission::Administer)?;
    let mut tx = hub.store.begin_read().await?;
    find(&mut tx, caller, name).await
}

/// Adds a project. Answers it, and whether it is new.
///
/// # Errors
/// `project.exists`, unless that is to be passed over.
pub async fn create(
    hub: &Hub,
    caller: &Caller,
    name: &ProjectName,
    if_there: IfThere,
    guard: Guard,
) -> Result<(Project, bool), HubError> {
    hub.require(caller, Permission::ProjectsWrite)?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let Some(project) = projects::insert(&mut tx, name, now).await? else {
        if if_there == IfThere::Skip {
            return Ok((find(&mut tx, caller, name).await?, false));
        }
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
    Ok((project, true))
}

/// What to change of a project; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Where its API keys may be used from (KP-8); an empty list admits all.
    pub allowlist: Option<Allowlist>,
    /// Applications that embed its page: logins may return to them (OA-11).
    pub app_origins: Option<AppOrigins>,
    /// Which bodies its log keeps (KP-10).
    pub log_bodies: Option<Bodies>,
    /// For how long its log is kept; rows that are there already go when they were to (KP-9).
    pub log_retention: Option<Retention>,
    /// How its page looks.
    pub brand: brand::Changes,
    /// From where a key is used to change it, as the hub sees that.
    pub from: Option<IpAddr>,
    /// Whether that key may be locked out by it.
    pub may_lock_out: bool,
}

/// Changes a project's settings. The local administrator is never locked out by them, and nobody
/// else unawares.
///
/// # Errors
/// `project.not_found`, `project.locks_out`.
pub async fn update(
    hub: &Hub,
    caller: &Caller,
    name: &ProjectName,
    changes: Changes,
    guard: Guard,
) -> Result<Outcome<Project>, HubError> {
    hub.require(caller, Permission::Administer)?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let before = find(&mut tx, caller, name).await?;
    let allowlist = changes.allowlist.unwrap_or_else(|| before.allowlist.clone());
    let app_origins = changes.app_origins.unwrap_or_else(|| before.app_origins.clone());
    let keeping = Keeping {
        bodies: changes.log_bodies.unwrap_or(before.keeping.bodies),
        retention: changes.log_retention.unwrap_or(before.keeping.retention),
    };
    let look = before.brand.changed(&changes.brand);
    let after = Project { allowlist, app_origins, keeping, brand: look, ..before.clone() };
    if after == before {
        return Ok(Outcome::unchanged(before));
    }
    let is_bound = after.number == caller.project() && !changes.may_lock_out;
    if let Some(from) = changes.from
        && is_bound
        && after.allowlist != before.allowlist
        && !after.allowlist.admits(Some(from))
    {
        return Err(locks_out(from));
    }
    projects::save(&mut tx, &after).await?;
    projects::set_keeping(&mut tx, &after).await?;
    projects::set_brand(&mut tx, &after).await?;
    match &changes.brand.logo {
        Edit::Keep => {}
        Edit::Clear => project_logos::delete(&mut tx, after.number).await?,
        Edit::Set(logo) => project_logos::save(&mut tx, after.number, logo).await?,
    }
    let facts = |project: &Project| {
        let entries = project.allowlist.entries().iter();
        let origins = project.app_origins.as_slice().iter().map(Origin::as_str);
        Some(json!({
            "ip_allowlist": entries.map(Entry::to_string).collect::<Vec<_>>(),
            "app_origins": origins.collect::<Vec<_>>(),
            "log_bodies": project.keeping.bodies.as_str(),
            "log_retention_days": project.keeping.retention.as_days(),
            "display_name": project.brand.name.as_ref().map(DisplayName::as_str),
            "accent_color": project.brand.accent.map(|accent| accent.to_string()),
            "logo": project.brand.logo.as_ref().map(ToString::to_string),
        }))
    };
    let record = Record {
        action: "update",
        resource: format!("project/{name}"),
        affected: 0,
        before: facts(&before),
        after: facts(&after),
    };
    let operation = Some(hub.record(&mut tx, caller, now, record).await?);
    guard.finish(tx).await?;
    if !guard.dry_run {
        hub.logs.set_keeping(after.number, after.keeping);
    }
    Ok(Outcome { before: Some(before), after: Some(after), changed: true, affected: 0, operation })
}

/// A project's logo, for browsers that show its page: whoever knows the hash has seen the page.
pub async fn logo(hub: &Hub, project: ProjectNumber, hash: &str) -> Result<Option<Logo>, HubError> {
    let mut tx = hub.store.begin_read().await?;
    Ok(project_logos::by_hash(&mut tx, project, hash).await?)
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
    let project = find(&mut tx, caller, name).await?;
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
    hub.require(caller, Permission::ProjectsWrite)?;
    if name.as_str() == DEFAULT_PROJECT {
        let text = "the default project can't be deleted";
        return Err(HubError::new(&codes::PROJECT_NOT_EMPTY, text));
    }
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let project = find(&mut tx, caller, name).await?;
    if project.number == caller.project() {
        let text = format!("project `{name}` is the one this command works in");
        return Err(HubError::new(&codes::PROJECT_NOT_EMPTY, text)
            .hint(format!("hubctl --project {DEFAULT_PROJECT} projects delete {name}")));
    }
    let affected = projects::count_accounts(&mut tx, project.number).await?;
    guard.check(affected, Touch::Delete)?;
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
