//! Commands that change auth configs.

use crate::api::auth_configs::AuthConfigDetail;
use crate::api::write::Written;
use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::commands::{Batch, consent, counted, fields, result};
use crate::cli::context::Context;
use crate::cli::input::{self, Values};
use crate::cli::output::WriteResult;
use crate::cli::tree::Run;
use crate::domain::auth_config::VersionPin;
use crate::domain::names::{AuthMethodKey, ConnectorKey};
use crate::error::{HubError, codes};
use crate::hub::auth_configs::{self, Action, IfExists};

type Config = Written<AuthConfigDetail>;

/// What a config is called in a sentence: `hubspot (auth config 0199…, Private app token, default)`.
fn named(config: &AuthConfigDetail) -> String {
    let default = if config.default { ", default" } else { "" };
    format!(
        "{} (auth config {}, {}{default})",
        config.connector_key, config.id, config.authentication_config_label
    )
}

fn sentence(written: &Config, done: &str, would: &str, already: &str) -> String {
    let config = written.after.as_ref().or(written.before.as_ref()).map(named).unwrap_or_default();
    let accounts = match written.affected_accounts {
        0 => String::new(),
        count if written.dry_run => format!(" {} would change with it.", counted(count)),
        1 => " 1 linked account changed with it.".to_owned(),
        count => format!(" {count} linked accounts changed with it."),
    };
    match (written.changed, written.dry_run) {
        (false, _) => format!("{already}: {config}."),
        (true, true) => format!("{would} {config}.{accounts}"),
        (true, false) => format!("{done} {config}.{accounts}"),
    }
}

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
    #[arg(long, value_name = "METHOD")]
    auth: Option<AuthMethodKey>,

    /// Name of the auth config [default: connector and method]
    #[arg(long)]
    name: Option<String>,

    /// Value of a set-up field: from the line, from a file, or from standard input
    ///
    /// The key `external-trigger-token` keeps the token that sessions hand to the connector.
    #[arg(long, value_name = "K=V|K=@FILE|K=-")]
    set: Vec<String>,

    /// Make it the connector's default
    #[arg(long)]
    default: bool,

    /// Pin the connector version: latest, 1.x.x, 1.2.x or 1.2.0
    #[arg(long, value_name = "VERSION")]
    pin: Option<VersionPin>,

    /// What to do where it is there already
    #[arg(long, value_name = "WHAT", default_value = "fail")]
    if_exists: WhenThere,
}

/// What to do where an auth config is there already.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum WhenThere {
    /// End with exit status 6
    Fail,
    /// Leave it as it is
    Skip,
    /// Bring it to what is asked for
    Update,
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
            if_exists: match self.if_exists {
                WhenThere::Fail => IfExists::Fail,
                WhenThere::Skip => IfExists::Skip,
                WhenThere::Update => IfExists::Update,
            },
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
async fn ask(
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
    if let Some(callback) = &config.callback_url
        && written.before.is_none()
    {
        context.output.note(format_args!("register this callback URL with the vendor: {callback}"));
    }
}

/// Change the name, values or version pin of an auth config
///
/// What is not given stays, secrets included. An empty value clears an optional one.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Edit {
    /// Auth config id or name, or the key of a connector that has one auth config
    #[arg(add = assets::targets())]
    target: String,

    /// New name
    #[arg(long)]
    name: Option<String>,

    /// New value of a set-up field: from the line, from a file, or from standard input
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

/// Enable connectors, setting them up first where needed
///
/// A connector that is not set up gets an auth config with its first method that needs nothing
/// from the administrator. A connector key names all its auth configs. Accounts that a disable
/// made inactive become active again. `--all` without a target enables every auth config that is
/// disabled. Undo with `hubctl connectors disable`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Enable {
    /// Connector keys, auth config ids or names; `-` reads them from standard input
    #[arg(value_name = "TARGET", add = assets::targets())]
    targets: Vec<String>,
}

impl Run for Enable {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let targets = if context.globals.all && self.targets.is_empty() {
            let all = all_disabled(&backend).await?;
            if all.is_empty() {
                return context.output.write_many(&[]);
            }
            all
        } else if self.targets.is_empty() {
            choose(context, &backend).await?
        } else {
            input::targets(&self.targets)?
        };
        let hint = "hubctl connectors enable CONNECTOR, or --all, or - with targets on stdin";
        let mut batch = Batch::new(context, "enable", &targets, hint)?;
        for target in &targets {
            let outcome = enable_one(context, &backend, target, batch.guard()).await;
            if batch.add(target, outcome).is_break() {
                break;
            }
        }
        batch.finish(&backend)
    }
}

async fn all_disabled(backend: &Backend) -> Result<Vec<String>, HubError> {
    let filter = auth_configs::Filter { enabled: Some(false), ..Default::default() };
    let mut ids = Vec::new();
    backend
        .auth_configs(&filter, |config| {
            ids.push(config.id.clone());
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .await?;
    Ok(ids)
}

async fn choose(context: &Context, backend: &Backend) -> Result<Vec<String>, HubError> {
    let needed = || {
        HubError::new(&codes::INPUT_NEEDED, "no connector named").hint(
            "hubctl connectors enable CONNECTOR..., hubctl connectors enable --all, or \
             hubctl connectors enable - with one a line on standard input",
        )
    };
    if !context.ask.allowed {
        return Err(needed());
    }
    let all = backend.connectors(&crate::hub::connectors::Filter::default()).await?;
    let labels: Vec<String> =
        all.iter().map(|connector| format!("{}  {}", connector.key, connector.name)).collect();
    let chosen = context.ask.fuzzy_multi("Connectors to enable", &labels, needed)?;
    Ok(chosen.into_iter().map(|index| all[index].key.clone()).collect())
}

async fn enable_one(
    context: &Context,
    backend: &Backend,
    target: &str,
    guard: crate::hub::write::Guard,
) -> Result<Vec<WriteResult>, HubError> {
    let mut outcome = backend.enable(target, guard).await;
    if let Err(error) = &outcome
        && error.code().name == codes::CONNECTOR_NEEDS_SETUP.name
        && context.ask.allowed
        && let Ok(connector) = target.parse::<ConnectorKey>()
    {
        let mut values = Values::default();
        let method = ask(context, backend, &connector, None, &mut values).await?;
        let new = auth_configs::New {
            connector,
            method,
            name: None,
            values: values.given,
            make_default: false,
            pin: None,
            if_exists: IfExists::Fail,
        };
        outcome = backend.add_auth_config(new, guard).await.map(|written| vec![written]);
    }
    let written = outcome?;
    for config in &written {
        tell_first_time(context, backend, config).await?;
    }
    let named = |config: Config| {
        let text = sentence(&config, "Enabled", "Would enable", "Already enabled");
        resource_named(target, result("enable", config, text))
    };
    Ok(written.into_iter().map(named).collect())
}

/// Says how it was set up and how to choose another way.
async fn tell_first_time(
    context: &Context,
    backend: &Backend,
    written: &Config,
) -> Result<(), HubError> {
    let (None, Some(config)) = (&written.before, &written.after) else { return Ok(()) };
    let key: ConnectorKey = config
        .connector_key
        .parse()
        .map_err(|_| HubError::new(&codes::INTERNAL, "the answer names no connector"))?;
    let detail = backend.connector(&key).await?;
    let other = detail.authentication.iter().find(|method| {
        method.key.as_str() != config.authentication_config_key && method.unavailable.is_none()
    });
    match other {
        Some(other) => context.output.note(format_args!(
            "set up with {}, the first method that needs nothing from you; for {}: \
             hubctl connectors add {key} --auth {}",
            config.authentication_config_label, other.label, other.key
        )),
        None => context.output.note(format_args!(
            "set up with {}, the connector's only method",
            config.authentication_config_label
        )),
    }
    Ok(())
}

/// A connector key given as target stays the resource's name, as the caller wrote it.
fn resource_named(target: &str, mut result: WriteResult) -> WriteResult {
    if target.parse::<ConnectorKey>().is_ok() && !result.resource.ends_with(target) {
        result.resource = format!("connector/{target}");
    }
    result
}

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
        let mut batch = Batch::new(context, "disable", &targets, hint)?;
        let backend = context.backend().await?;
        for target in &targets {
            let outcome = disable_one(context, &backend, target, batch.guard()).await;
            if batch.add(target, outcome).is_break() {
                break;
            }
        }
        batch.finish(&backend)
    }
}

async fn disable_one(
    context: &Context,
    backend: &Backend,
    target: &str,
    guard: crate::hub::write::Guard,
) -> Result<Vec<WriteResult>, HubError> {
    let configs = backend.target(target).await?.unwrap_or_default();
    if configs.iter().any(|config| config.active) {
        let impact = backend.impact(target, Action::Disable).await?;
        let accounts = impact.affected_accounts;
        let sessions = match impact.open_sessions {
            0 => String::new(),
            1 => " and leaves 1 open session without it".to_owned(),
            count => format!(" and leaves {count} open sessions without it"),
        };
        let what = format!("disabling {target} makes {} inactive{sessions}", counted(accounts));
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
        let mut batch = Batch::new(context, "delete", &targets, hint)?;
        let backend = context.backend().await?;
        for target in &targets {
            let outcome = delete_one(context, &backend, target, batch.guard()).await;
            let missing = outcome
                .as_ref()
                .err()
                .is_some_and(|error| error.code().name == codes::AUTH_CONFIG_UNKNOWN.name);
            if missing && self.if_missing == WhenMissing::Skip {
                let mut result = WriteResult::new("delete", format!("auth_config/{target}"), false);
                result.human = format!("{target} is not there.");
                result.dry_run = context.globals.dry_run;
                _ = batch.add(target, Ok(vec![result]));
            } else if batch.add(target, outcome).is_break() {
                break;
            }
        }
        batch.finish(&backend)
    }
}

async fn delete_one(
    context: &Context,
    backend: &Backend,
    target: &str,
    guard: crate::hub::write::Guard,
) -> Result<Vec<WriteResult>, HubError> {
    let config = backend.auth_config(target).await?;
    // A refusal is told before a question is asked.
    let trial = crate::hub::write::Guard { dry_run: true, ..guard };
    backend.delete_auth_config(&config.id, trial).await?;
    let impact = backend.impact(&config.id, Action::Delete).await?;
    let sessions = match impact.open_sessions {
        0 => String::new(),
        count => format!(" (open sessions of the connector: {count})"),
    };
    let what =
        format!("deleting `{}` of {} can't be undone{sessions}", config.name, config.connector_key);
    consent(context, &what, 0, "Delete")?;
    let written = backend.delete_auth_config(&config.id, guard).await?;
    let text = sentence(&written, "Deleted", "Would delete", "Not there");
    Ok(vec![result("delete", written, text)])
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
