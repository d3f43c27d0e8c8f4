//! `hubctl projects`.

use crate::api::projects::Project;
use crate::api::write::Written;
use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::tree::Run;
use crate::domain::allowlist::{Allowlist, Entry};
use crate::domain::origin::Origin;
use crate::domain::project::{AppOrigins, ProjectName};
use crate::domain::request_log::{Bodies, Retention};
use crate::domain::words::counted;
use crate::error::{HubError, codes};
use crate::hub::projects::Changes;
use crate::hub::write::{Guard, IfThere};

use super::project_page::{self, Look};
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
            ("Keys used from", sources(&project)),
            ("Embedded in", embedders(&project)),
            ("Log", kept(&project)),
            ("Page", project_page::look(&project)),
        ];
        context.output.item(&project, Some(&lines))
    }
}

/// The applications that embed the project's page, in words.
fn embedders(project: &Project) -> String {
    match project.app_origins.as_slice() {
        [] => "no application".to_owned(),
        origins => origins.join(", "),
    }
}

/// Where the project's API keys may be used from, in words.
fn sources(project: &Project) -> String {
    match project.ip_allowlist.as_slice() {
        [] => "any address".to_owned(),
        entries => entries.join(", "),
    }
}

/// What the project's log keeps, in words.
fn kept(project: &Project) -> String {
    let bodies = match project.log_bodies.as_str() {
        "all" => "headers and bodies of all calls",
        "errors" => "headers and bodies of failed calls",
        _ => "no headers and bodies",
    };
    format!("{}, {bodies}", counted(project.log_retention_days, "day"))
}

fn retention(text: &str) -> Result<Retention, String> {
    let seconds = input::duration_s(text)?;
    Retention::seconds(seconds).map_err(|error| error.to_string())
}

/// Create a project
///
/// Nothing of one project is visible in another. Choose it with --project or `HUBCTL_PROJECT`.
///
/// An API key acts in its own project alone, and so can't make the first one of another. That is
/// made on the hub's own store: `hubctl --project PROJECT keys create NAME`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Create {
    /// Name: 1 to 63 lower-case letters, digits, `-` and `_`
    name: ProjectName,

    /// What to do where it is there already
    #[arg(long, value_name = "WHAT", default_value = "fail", value_parser = input::if_there())]
    if_exists: IfThere,
}

impl Run for Create {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check::<Project>()?;
        let backend = context.backend().await?;
        let (project, is_new) =
            backend.create_project(&self.name, self.if_exists, context.guard()).await?;
        context.tell_notes(&backend);
        let dry_run = context.globals.dry_run;
        if dry_run {
            context.output.trial("dry run: nothing was made");
        }
        if is_new && !dry_run && matches!(backend, Backend::Remote(_)) {
            context.output.note(format_args!(
                "the project has no key yet: the first one is made on the hub's own store: \
                 hubctl --project {} keys create NAME",
                project.name
            ));
        }
        let word = match (is_new, dry_run) {
            (false, _) => "There already:",
            (true, true) => "Would create",
            (true, false) => "Created",
        };
        let lines = [(word, format!("project {}", project.name))];
        context.output.item(&project, Some(&lines))
    }
}

/// Change a project's settings
///
/// --allow-ip replaces the list of addresses from which the project's API keys may be used; keys
/// used from elsewhere are refused with status 403. It does not bind this command line on a store
/// of its own, nor the pages that end users see. Asks first where the list would lock out the key
/// in use; undo that on the hub's own store.
///
/// A changed --log-retention is for calls from now on; rows that are there go when they were to.
///
/// --display-name, --accent-color and --logo are how the page behind an auth link looks. Texts on
/// the colour, and links in it, are made light or dark enough to be read. An empty value clears.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Update {
    /// Name of the project
    #[arg(add = assets::projects())]
    name: ProjectName,

    /// Address, range (10.0.0.1-10.0.0.9) or block (10.0.0.0/8); can be given several times
    #[arg(long, value_name = "ENTRY", value_delimiter = ',')]
    allow_ip: Vec<Entry>,

    /// Admit API keys from any address
    #[arg(long, conflicts_with = "allow_ip")]
    clear_allow_ip: bool,

    /// Address of an application that embeds the page; can be given several times
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    app_origin: Vec<Origin>,

    /// Let no application embed the page
    #[arg(long, conflicts_with = "app_origin")]
    clear_app_origin: bool,

    /// Keep headers and bodies of calls in the log, without their secrets: off, errors or all
    #[arg(long, value_name = "WHICH", add = assets::log_bodies())]
    log_bodies: Option<Bodies>,

    /// Keep new rows of the log for so long: whole days such as 30d, up to ten years
    #[arg(long, value_name = "DURATION", value_parser = retention)]
    log_retention: Option<Retention>,

    #[command(flatten)]
    look: Look,
}

/// Changes the settings; asks where that locks out the key in use.
async fn update(
    context: &Context,
    backend: &Backend,
    name: &ProjectName,
    changes: Changes,
) -> Result<Written<Project>, HubError> {
    let tried = backend.update_project(name, changes.clone(), context.guard()).await;
    let Err(refused) = tried else { return tried };
    if refused.code().name != codes::PROJECT_LOCKS_OUT.name {
        return Err(refused);
    }
    if context.globals.dry_run {
        context.output.warn(refused.message());
    } else if !context.ask.allowed {
        // It says how not to be locked out, too.
        return Err(refused);
    }
    consent(context, refused.message(), 0, "Change")?;
    let changes = Changes { may_lock_out: true, ..changes };
    backend.update_project(name, changes, context.guard()).await
}

impl Run for Update {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check_writes(false)?;
        let sets_ips = self.clear_allow_ip || !self.allow_ip.is_empty();
        let sets_origins = self.clear_app_origin || !self.app_origin.is_empty();
        let sets_look = self.look.is_given();
        let sets_log = self.log_bodies.is_some() || self.log_retention.is_some();
        if !(sets_ips || sets_origins || sets_look || sets_log) {
            return Err(HubError::new(&codes::INPUT_NEEDED, "nothing to change was given").hint(
                "give --allow-ip, --clear-allow-ip, --app-origin, --clear-app-origin, \
                 --log-bodies, --log-retention, --display-name, --accent-color or --logo",
            ));
        }
        let allowlist = Allowlist::new(self.allow_ip)
            .map_err(|error| HubError::new(&codes::BAD_VALUE, format!("--allow-ip: {error}")))?;
        let changes = Changes {
            allowlist: sets_ips.then_some(allowlist),
            app_origins: sets_origins.then(|| AppOrigins::new(self.app_origin)),
            log_bodies: self.log_bodies,
            log_retention: self.log_retention,
            brand: self.look.changes()?,
            from: None,
            may_lock_out: context.globals.yes,
        };
        let backend = context.backend().await?;
        let written = update(context, &backend, &self.name, changes).await?;
        context.tell_notes(&backend);
        let (name, after) = (&self.name, written.after.as_ref());
        let mut parts = Vec::new();
        if sets_ips {
            let admitted = after.map(sources).unwrap_or_default();
            parts.push(match (written.changed, written.dry_run) {
                (false, _) => format!("Project {name} admits API keys from {admitted} already."),
                (true, true) => format!("Project {name} would admit API keys from {admitted}."),
                (true, false) => format!("Project {name} admits API keys from {admitted} now."),
            });
        }
        if sets_origins {
            let embedders = after.map(embedders).unwrap_or_default();
            let word = if written.dry_run { "would be" } else { "is" };
            parts.push(format!("The page of {name} {word} embedded in: {embedders}."));
        }
        if sets_log {
            let keeps = after.map(kept).unwrap_or_default();
            parts.push(match (written.changed, written.dry_run) {
                (false, _) => format!("The log of project {name} is kept so already: {keeps}."),
                (true, true) => format!("The log of project {name} would be kept so: {keeps}."),
                (true, false) => format!("The log of project {name} is kept so now: {keeps}."),
            });
        }
        if sets_look {
            let look = after.map(project_page::look).unwrap_or_default();
            parts.push(match (written.changed, written.dry_run) {
                (false, _) => format!("The page of {name} looks so already: {look}."),
                (true, true) => format!("The page of {name} would look so: {look}."),
                (true, false) => format!("The page of {name} looks so now: {look}."),
            });
        }
        let text = parts.join(" ");
        context.output.writes(&[result("update", written, text)])
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
        let batch =
            Batch::new(context, "project", "delete", &targets, "hubctl projects delete NAME")?;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            let name: ProjectName = input::parsed(target)?;
            let accounts = backend.project_accounts(&name).await?;
            let trial = Guard { dry_run: true, ..guard };
            backend.delete_project(&name, trial).await?;
            let what = format!(
                "deleting project {name} destroys everything in it, with {}",
                counted(accounts, "linked account")
            );
            consent(context, &what, accounts, "Delete")?;
            let written = backend.delete_project(&name, guard).await?;
            let text = match written.dry_run {
                true => format!(
                    "Would delete project {name} with {}.",
                    counted(accounts, "linked account")
                ),
                false => {
                    format!("Deleted project {name} with {}.", counted(accounts, "linked account"))
                }
            };
            Ok(vec![result("delete", written, text)])
        };
        batch.each(&backend, &targets, each).await
    }
}
