//! `hubctl projects`.

use crate::api::projects::Project;
use crate::cli::assets;
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::tree::Run;
use crate::domain::project::ProjectName;
use crate::domain::words::counted;
use crate::error::{HubError, codes};

use super::{Batch, consent, result};

/// List the projects of the store
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {}

impl Run for List {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let mut list = context.output.list_of::<Project>()?;
        for project in backend.projects().await? {
            if list.push(&project)?.is_break() {
                break;
            }
        }
        list.finish(|_| None).map(drop)
    }
}

/// Show a project
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Get {
    /// Name of the project
    #[arg(add = assets::projects())]
    name: ProjectName,
}

impl Run for Get {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let project = backend.get_project(&self.name).await?;
        let accounts = backend.project_accounts(&self.name).await?;
        let lines = [
            ("Project", project.name.clone()),
            ("Created", context.output.moment(project.created_at)),
            ("Accounts", accounts.to_string()),
        ];
        context.output.item(&project, Some(&lines))
    }
}

/// Create a project
///
/// Nothing of one project is visible in another. Choose it with --project or `HUBCTL_PROJECT`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Create {
    /// Name: 1 to 63 lower-case letters, digits, `-` and `_`
    name: ProjectName,
}

impl Run for Create {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check::<Project>()?;
        let backend = context.backend().await?;
        let project = backend.create_project(&self.name, context.guard()).await?;
        context.tell_notes(&backend);
        let word = if context.globals.dry_run { "Would create" } else { "Created" };
        let lines = [(word, format!("project {}", project.name))];
        context.output.item(&project, Some(&lines))
    }
}

/// Delete projects with everything in them
///
/// This can't be undone: auth configs, sessions, accounts and their credentials are destroyed.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Delete {
    /// Names of the projects; `-` reads them from standard input
    #[arg(value_name = "NAME", add = assets::projects())]
    names: Vec<String>,
}

impl Run for Delete {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.names)?;
        let mut batch = Batch::new(context, "delete", &targets, "hubctl projects delete NAME")?;
        let backend = context.backend().await?;
        for target in &targets {
            let outcome = async {
                let name: ProjectName = target
                    .parse()
                    .map_err(|error| HubError::new(&codes::BAD_VALUE, format!("{error}")))?;
                let accounts = backend.project_accounts(&name).await?;
                let trial = crate::hub::write::Guard { dry_run: true, ..batch.guard() };
                backend.delete_project(&name, trial).await?;
                let what = format!(
                    "deleting project {name} destroys everything in it, with {}",
                    counted(accounts, "linked account")
                );
                consent(context, &what, accounts, "Delete")?;
                let written = backend.delete_project(&name, batch.guard()).await?;
                let text = match written.dry_run {
                    true => format!(
                        "Would delete project {name} with {}.",
                        counted(accounts, "linked account")
                    ),
                    false => format!(
                        "Deleted project {name} with {}.",
                        counted(accounts, "linked account")
                    ),
                };
                Ok(vec![result("delete", written, text)])
            };
            let outcome = outcome.await;
            if batch.add(target, outcome).is_break() {
                break;
            }
        }
        batch.finish(&backend)
    }
}
