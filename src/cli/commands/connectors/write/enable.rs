//! `hubctl connectors enable`.

use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::commands::{Batch, nothing_to_do, result};
use crate::cli::context::Context;
use crate::cli::input::{self, Targets, Values};
use crate::cli::output::{Aside, WriteResult};
use crate::cli::tree::Run;
use crate::domain::names::ConnectorKey;
use crate::error::{HubError, codes};
use crate::hub::auth_configs::{self, IfExists};
use crate::hub::write::Guard;

use super::add::ask;
use super::{Config, resource_named, sentence};

/// Enable connectors, setting them up first where needed
///
/// A connector that is not set up gets an auth config with its first method that needs nothing
/// from the administrator. A connector key names all its auth configs. Accounts that a disable
/// made inactive become active again. Undo with `hubctl connectors disable`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Enable {
    /// Connector keys, auth config ids or names; `-` reads them from standard input
    #[arg(value_name = "TARGET", add = assets::targets())]
    targets: Vec<String>,

    /// Enable every auth config that is disabled, where no target is named
    #[arg(long)]
    all: bool,
}

impl Run for Enable {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let backend = context.backend().await?;
        let targets: Targets = if self.all && self.targets.is_empty() {
            let all = all_disabled(&backend).await?;
            if all.is_empty() {
                return nothing_to_do(context, "no auth config is disabled");
            }
            Targets::listed(all)
        } else if self.targets.is_empty() {
            choose(context, &backend).await?.into()
        } else {
            input::targets(&self.targets)?
        };
        let hint = "hubctl connectors enable CONNECTOR, or --all, or - with targets on stdin";
        let mut batch = Batch::new(context, "connector", "enable", &targets, hint)?;
        // It asks for what is to be set up, and never for consent.
        batch.asks = context.ask.allowed;
        let each = async |target: &String, guard: Guard| {
            enable_one(context, &backend, target, guard).await
        };
        batch.each_at_once(&backend, &targets, each).await
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
    guard: Guard,
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
    let mut results = Vec::new();
    for config in outcome? {
        let first = first_time(backend, &config).await?;
        let text = sentence(&config, "Enabled", "Would enable", "Already enabled");
        let asides = first.map(Aside::Note).into_iter().collect();
        let result = WriteResult { asides, ..result("enable", config, text) };
        results.push(resource_named(target, result));
    }
    Ok(results)
}

/// Says how it was set up and how to choose another way.
async fn first_time(backend: &Backend, written: &Config) -> Result<Option<String>, HubError> {
    let (None, Some(config)) = (&written.before, &written.after) else { return Ok(None) };
    let key: ConnectorKey = config
        .connector_key
        .parse()
        .map_err(|_| HubError::new(&codes::INTERNAL, "the answer names no connector"))?;
    let detail = backend.connector(&key).await?;
    let other = detail.authentication.iter().find(|method| {
        method.key.as_str() != config.authentication_config_key && method.unavailable.is_none()
    });
    let label = &config.authentication_config_label;
    Ok(Some(match other {
        Some(other) => format!(
            "set up with {label}, the first method that needs nothing from you; for {}: \
             hubctl connectors add {key} --auth {}",
            other.label, other.key
        ),
        None => format!("set up with {label}, the connector's only method"),
    }))
}
