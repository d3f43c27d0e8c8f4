//! `hubctl connectors make-default`.

use crate::cli::assets;
use crate::cli::commands::{consent, result};
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::tree::Run;
use crate::domain::words::counted;
use crate::error::HubError;
use crate::hub::auth_configs::Action;

use super::sentence;

/// Make an auth config its connector's default
///
/// Sessions that name no auth config use the default. No account changes its auth config. A default
/// that is disabled keeps its connector off the hub page.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct MakeDefault {
    /// Auth config id or name, or the key of a connector that has one auth config
    #[arg(value_parser = input::target, add = assets::set_up_targets())]
    target: String,
}

impl Run for MakeDefault {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check_writes(false)?;
        let backend = context.backend().await?;
        let config = backend.auth_config(&self.target).await?;
        if !config.default {
            let impact = backend.impact(&config.id, Action::MakeDefault).await?;
            let (key, name) = (&config.connector_key, &config.name);
            let sessions = counted(impact.open_sessions, "open session");
            let accounts = counted(impact.affected_accounts, "linked account");
            let then = match config.active {
                true => format!(
                    "new links of {key} will use `{name}` unless their session names another auth \
                     config"
                ),
                false => format!("{key} leaves the hub page, since `{name}` is disabled"),
            };
            let what = format!("{then}; this touches {sessions} and {accounts}");
            consent(context, &what, impact.affected_accounts, "Make it the default")?;
        }
        let written = backend.make_default(&config.id, context.guard()).await?;
        for warning in &written.warnings {
            context.output.warn(warning);
        }
        let text = sentence(
            &written,
            "Made the default:",
            "Would make the default:",
            "Already the default",
        );
        context.output.writes(&[result("make-default", written, text)])
    }
}
