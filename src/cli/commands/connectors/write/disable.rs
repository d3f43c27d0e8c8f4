//! `hubctl connectors disable`.

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

use super::{Config, resource_named, sentence};

/// Disable connectors: no new links, and their accounts become inactive
///
/// Credentials are kept; enabling makes the accounts active again. A connector key names all its
/// auth configs. Undo with `hubctl connectors enable`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Disable {
    /// Connector keys, auth config ids or names; `-` reads them from standard input
    #[arg(value_name = "TARGET", add = assets::set_up_targets())]
    targets: Vec<String>,
}

impl Run for Disable {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let targets = input::targets(&self.targets)?;
        let hint = "hubctl connectors disable CONNECTOR, or - with targets on stdin";
        let batch = Batch::new(context, "connector", "disable", &targets, hint)?;
        let backend = context.backend().await?;
        let each = async |target: &String, guard: Guard| {
            disable_one(context, &backend, target, guard).await
        };
        batch.each_at_once(&backend, &targets, each).await
    }
}

async fn disable_one(
    context: &Context,
    backend: &Backend,
    target: &str,
    guard: Guard,
) -> Result<Vec<WriteResult>, HubError> {
    let configs = backend.target(target).await?.unwrap_or_default();
    if configs.iter().any(|config| config.active) {
        let impact = backend.impact(target, Action::Disable).await?;
        let accounts = impact.affected_accounts;
        let sessions = match impact.open_sessions {
            0 => String::new(),
            count => format!(" and leaves {} without it", counted(count, "open session")),
        };
        let accounts_told = counted(accounts, "linked account");
        let what = format!("disabling {target} makes {accounts_told} inactive{sessions}");
        consent(context, &what, accounts, "Disable")?;
    }
    let written = backend.disable(target, guard).await.map_err(|error| {
        if error.code().name == codes::TOO_MANY_AFFECTED.name {
            let key = configs.first().map_or(target, |config| config.connector_key.as_str());
            return error.hint(format!("hubctl accounts list --provider {key} --status active"));
        }
        error
    })?;
    let named = |config: Config| {
        let text = sentence(&config, "Disabled", "Would disable", "Already disabled");
        resource_named(target, result("disable", config, text))
    };
    Ok(written.into_iter().map(named).collect())
}
