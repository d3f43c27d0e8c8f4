//! `hubctl connectors make-default`.

use crate::cli::assets;
use crate::cli::commands::{consent, result};
use crate::cli::context::Context;
use crate::cli::tree::Run;
use crate::error::HubError;

use super::sentence;

/// Make an auth config its connector's default
///
/// Sessions that name no auth config use the default. No account changes its auth config.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct MakeDefault {
    /// Auth config id or name, or the key of a connector that has one auth config
    #[arg(add = assets::set_up_targets())]
    target: String,
}

impl Run for MakeDefault {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check_writes(false)?;
        let backend = context.backend().await?;
        let config = backend.auth_config(&self.target).await?;
        if !config.default {
            let what = format!(
                "new links of {} will use `{}` unless their session names another auth config",
                config.connector_key, config.name
            );
            consent(context, &what, 0, "Make it the default")?;
        }
        let written = backend.make_default(&config.id, context.guard()).await?;
        if written.after.as_ref().is_some_and(|after| !after.active) {
            context.output.warn(format_args!(
                "it is disabled, so {} is not on the hub page until: hubctl connectors enable {}",
                config.connector_key, config.id
            ));
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
