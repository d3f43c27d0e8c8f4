//! `hubctl connectors delete`.

use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::commands::{Batch, consent, result};
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::output::WriteResult;
use crate::cli::tree::Run;
use crate::domain::words::counted;
use crate::error::{HubError, codes};
use crate::hub::auth_configs::Action;
use crate::hub::write::Guard;

use super::sentence;

/// Delete auth configs
///
/// Refused while accounts are linked through one, and for a connector's default while it has
/// others. This can't be undone: stored set-up secrets are destroyed.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Delete {
    /// Auth config ids or names, or keys of connectors that have one auth config; `-` reads them
    /// from standard input
    #[arg(value_name = "TARGET", add = assets::set_up_targets())]
    targets: Vec<String>,

    /// What to do where there is no such auth config
    #[arg(long, value_name = "WHAT", default_value = "fail")]
    if_missing: WhenMissing,
}

/// What to do where the thing to delete is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum WhenMissing {
    /// End with exit status 3
    Fail,
    /// Count it as done
    Skip,
}

impl Run for Delete {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.targets)?;
        let hint = "hubctl connectors delete AUTH_CONFIG, or - with targets on stdin";
        let batch = Batch::new(context, "auth_config", "delete", &targets, hint)?;
        let backend = context.backend().await?;
        let skips = self.if_missing == WhenMissing::Skip;
        let each = async |target: &String, guard: Guard| {
            let outcome = delete_one(context, &backend, target, guard).await;
            let is_missing =
                |error: &HubError| error.code().name == codes::AUTH_CONFIG_UNKNOWN.name;
            let is_skipped = skips && outcome.as_ref().is_err_and(is_missing);
            if !is_skipped {
                return outcome;
            }
            let mut result = WriteResult::new("delete", format!("auth_config/{target}"), false);
            result.human = format!("{target} is not there.");
            result.dry_run = context.globals.dry_run;
            Ok(vec![result])
        };
        // One after the other: a default can be deleted once the others of its connector are.
        batch.each(&backend, &targets, each).await
    }
}

async fn delete_one(
    context: &Context,
    backend: &Backend,
    target: &str,
    guard: Guard,
) -> Result<Vec<WriteResult>, HubError> {
    let config = backend.auth_config(target).await?;
    // A refusal is told before a question is asked.
    let trial = Guard { dry_run: true, ..guard };
    backend.delete_auth_config(&config.id, trial).await?;
    let impact = backend.impact(&config.id, Action::Delete).await?;
    let sessions = match impact.open_sessions {
        0 => String::new(),
        count => format!(" and leaves {} without it", counted(count, "open session")),
    };
    let what =
        format!("deleting `{}` of {} can't be undone{sessions}", config.name, config.connector_key);
    consent(context, &what, 0, "Delete")?;
    let written = backend.delete_auth_config(&config.id, guard).await?;
    let text = sentence(&written, "Deleted", "Would delete", "Not there");
    Ok(vec![result("delete", written, text)])
}
