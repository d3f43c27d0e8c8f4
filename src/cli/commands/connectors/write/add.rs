//! `hubctl connectors add`.

use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::commands::{fields, result};
use crate::cli::context::Context;
use crate::cli::input::{self, Values};
use crate::cli::tree::Run;
use crate::domain::auth_config::VersionPin;
use crate::domain::names::{AuthMethodKey, ConnectorKey};
use crate::error::HubError;
use crate::hub::auth_configs::{self, IfExists};

use super::{Config, sentence};

/// Set up a connector: add an auth config
///
/// The first auth config of a connector is enabled and the default. Secrets are read from files or
/// standard input, so that they stay out of shell history. Undo with `hubctl connectors delete`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Add {
    /// Connector key
    #[arg(add = assets::connectors())]
    connector: ConnectorKey,

    /// Authentication method, as `hubctl connectors guide` lists them [default: the first one that
    /// the values given are enough for]
    #[arg(long, value_name = "METHOD", add = assets::auth_methods())]
    auth: Option<AuthMethodKey>,

    /// Name of the auth config [default: connector and method]
    #[arg(long)]
    name: Option<String>,

    /// Value of a set-up field: from the line, from a file, or from standard input
    ///
    /// The key `external-trigger-token` keeps the token that sessions hand to the connector.
    #[arg(long, value_name = "K=V|K=@FILE|K=-", add = assets::set_up_fields())]
    set: Vec<String>,

    /// Make it the connector's default
    #[arg(long)]
    default: bool,

    /// Pin the connector version: latest, 1.x.x, 1.2.x or 1.2.0
    #[arg(long, value_name = "VERSION")]
    pin: Option<VersionPin>,

    /// What to do where it is there already
    #[arg(long, value_name = "WHAT", default_value = "fail", value_parser = input::if_exists())]
    if_exists: IfExists,
}

impl Run for Add {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        context.output.check_writes(false)?;
        let backend = context.backend().await?;
        let mut values = input::values(&self.set)?;
        let mut method = self.auth;
        if context.ask.allowed {
            method = ask(context, &backend, &self.connector, method, &mut values).await?;
        }
        let new = auth_configs::New {
            connector: self.connector,
            method,
            name: self.name,
            values: std::mem::take(&mut values.given),
            make_default: self.default,
            pin: self.pin,
            if_exists: self.if_exists,
        };
        let written = backend.add_auth_config(new, context.guard()).await?;
        context.tell_notes(&backend);
        tell_added(context, &written, &values);
        let text = match written.before {
            Some(_) => sentence(&written, "Updated", "Would update", "Nothing to change"),
            None => sentence(&written, "Added", "Would add", "Nothing to change"),
        };
        context.output.writes(&[result("add", written, text)])
    }
}

/// Fills in on a terminal what is missing.
pub(super) async fn ask(
    context: &Context,
    backend: &Backend,
    connector: &ConnectorKey,
    method: Option<AuthMethodKey>,
    values: &mut Values,
) -> Result<Option<AuthMethodKey>, HubError> {
    let detail = backend.connector(connector).await?;
    let free = detail.authentication.iter().any(|method| !method.needs_setup());
    let method = match method {
        None if values.given.is_empty() && !free => {
            fields::choose_method(context, &detail.authentication)?
        }
        other => other,
    };
    if let Some(chosen) =
        detail.authentication.iter().find(|known| Some(&known.key) == method.as_ref())
    {
        fields::ask(context, &chosen.setup_fields, values)?;
    }
    Ok(method)
}

fn tell_added(context: &Context, written: &Config, values: &Values) {
    let Some(config) = &written.after else { return };
    fields::warn_of_exposed(context, values, |key| config.secrets.contains(key));
    if config.uses_oauth_app && written.before.is_none() {
        let key = &config.connector_key;
        context.output.note(format_args!("it uses the hub's own OAuth application for {key}"));
    } else if let Some(callback) = &config.callback_url
        && written.before.is_none()
    {
        context.output.note(format_args!("register this callback URL with the vendor: {callback}"));
    }
}

#[cfg(test)]
mod tests {
    use crate::hub::auth_configs::TRIGGER_TOKEN;

    #[test]
    fn the_help_names_the_key_of_the_trigger_token() {
        let help = crate::cli::command().find_subcommand_mut("connectors").map(|group| {
            group.build();
            let add = group.find_subcommand_mut("add").unwrap();
            add.render_long_help().to_string()
        });
        assert!(help.unwrap().contains(TRIGGER_TOKEN));
    }
}
