//! `hubctl connectors edit`.

use crate::cli::assets;
use crate::cli::commands::{fields, result};
use crate::cli::context::Context;
use crate::cli::input;
use crate::cli::tree::Run;
use crate::domain::auth_config::VersionPin;
use crate::error::{HubError, codes};
use crate::hub::auth_configs;

use super::sentence;

/// Change the name, values or version pin of an auth config
///
/// What is not given stays, secrets included, but not for another host: where a new value leads
/// calls elsewhere, secrets have to be given again. An empty value clears an optional one.
///
/// On StackOne's own platform the version pin alone can be changed from here.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Edit {
    /// Auth config id or name, or the key of a connector that has one auth config
    #[arg(value_parser = input::target, add = assets::targets())]
    target: String,

    /// New name
    #[arg(long)]
    name: Option<String>,

    /// New value of a set-up field: from the line, from a file, or from standard input
    ///
    /// The key `external-trigger-token` keeps the token that sessions hand to the connector.
    #[arg(long, value_name = "K=V|K=@FILE|K=-")]
    set: Vec<String>,

    /// Pin the connector version: latest, 1.x.x, 1.2.x or 1.2.0
    #[arg(long, value_name = "VERSION", conflicts_with = "unpin")]
    pin: Option<VersionPin>,

    /// Remove the version pin
    #[arg(long)]
    unpin: bool,
}

impl Run for Edit {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check_writes(false)?;
        if self.name.is_none() && self.set.is_empty() && self.pin.is_none() && !self.unpin {
            return Err(HubError::new(&codes::INPUT_NEEDED, "nothing to change was given")
                .hint("give --name, --set, --pin or --unpin"));
        }
        let backend = context.backend().await?;
        let mut values = input::values(&self.set)?;
        let edit = auth_configs::Edit {
            name: self.name,
            values: std::mem::take(&mut values.given),
            pin: if self.unpin { Some(None) } else { self.pin.map(Some) },
            pin_owner: None,
        };
        let written = backend.edit_auth_config(&self.target, edit, context.guard()).await?;
        context.tell_notes(&backend);
        if let Some(config) = &written.after {
            fields::warn_of_exposed(context, &values, |key| config.secrets.contains(key));
        }
        let text = sentence(&written, "Updated", "Would update", "Nothing to change");
        context.output.writes(&[result("edit", written, text)])
    }
}
