//! Completions of connectors and auth configs: keys of the catalog, and what the project has.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};

use crate::api::auth_configs::AuthConfig;
use crate::api::connectors::Connector;
use crate::backend::Backend;
use crate::catalog;
use crate::error::HubError;
use crate::hub::{auth_configs as hub_configs, connectors as hub_connectors};

use super::{Shell, asking, bash, flow, with_backend};

/// Keys of the connectors that the project can set up, its own among them.
pub(in crate::cli) fn connectors() -> ArgValueCandidates {
    ArgValueCandidates::new(|| keys(&found(own)))
}

/// Keys of the project's own connectors.
pub(in crate::cli) fn own_connectors() -> ArgValueCandidates {
    ArgValueCandidates::new(|| found(own).iter().map(own_candidate).collect())
}

/// Connector keys, names and ids of the project's auth configs.
pub(in crate::cli) fn targets() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let (own, configs) =
            found(async |backend: &Backend| Ok((own(backend).await?, set_up(backend).await?)));
        offered(typed, keys(&own), &configs)
    })
}

/// Connector keys that are set up, names and ids of auth configs.
pub(in crate::cli) fn set_up_targets() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let configs = found(set_up);
        let keys: BTreeSet<&str> = configs.iter().map(|c| c.connector_key.as_str()).collect();
        offered(typed, keys.into_iter().map(CompletionCandidate::new).collect(), &configs)
    })
}

/// Ids of the project's auth configs, also for the beginning of a name.
pub(in crate::cli) fn auth_configs() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let Some(typed) = typed.to_str() else { return Vec::new() };
        let configs = found(set_up);
        let fits = |config: &&AuthConfig| config.id.starts_with(typed) || begins(config, typed);
        configs.iter().filter(fits).map(id_candidate).collect()
    })
}

fn offered(
    typed: &OsStr,
    keys: Vec<CompletionCandidate>,
    configs: &[AuthConfig],
) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let is_key = |name: &str| keys.iter().any(|key| key.get_value() == name);
    let names: Vec<CompletionCandidate> = configs
        .iter()
        // What looks like a flag is taken for one, and a key means all that its connector has.
        .filter(|config| !config.name.starts_with('-') && !is_key(&config.name))
        .filter(|config| begins(config, typed))
        .map(name_candidate)
        .collect();
    let fits = |candidate: &CompletionCandidate| {
        candidate.get_value().to_str().is_some_and(|value| value.starts_with(typed))
    };
    let ids = configs.iter().map(id_candidate);
    let mut all: Vec<CompletionCandidate> = keys.into_iter().filter(fits).collect();
    all.extend(names);
    all.extend(ids.filter(fits));
    all
}

/// Whether a name begins with what was typed. Some shells hand it over with its quotes.
fn begins(config: &AuthConfig, typed: &str) -> bool {
    let unquoted = bash::split(typed).0.pop().unwrap_or_default();
    config.name.starts_with(typed) || config.name.starts_with(&unquoted)
}

fn name_candidate(config: &AuthConfig) -> CompletionCandidate {
    let name = &config.name;
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    // All shells but this one quote what they are offered.
    let value = match !is_plain && asking(Shell::Powershell) {
        true => format!("'{}'", name.replace('\'', "''")),
        false => name.clone(),
    };
    CompletionCandidate::new(value).help(Some(config.id.clone().into()))
}

fn id_candidate(config: &AuthConfig) -> CompletionCandidate {
    CompletionCandidate::new(&config.id).help(Some(config.name.clone().into()))
}

fn own_candidate(connector: &Connector) -> CompletionCandidate {
    CompletionCandidate::new(&connector.key).help(Some(connector.name.clone().into()))
}

fn keys(own: &[Connector]) -> Vec<CompletionCandidate> {
    let built_in = catalog::index().iter();
    built_in
        .filter(|entry| !own.iter().any(|own| own.key == entry.key))
        .map(|entry| CompletionCandidate::new(entry.key).help(Some(entry.name.into())))
        .chain(own.iter().map(own_candidate))
        .collect()
}

async fn own(backend: &Backend) -> Result<Vec<Connector>, HubError> {
    let all = backend.connectors(&hub_connectors::Filter::default()).await?;
    Ok(all.into_iter().filter(|connector| connector.own).collect())
}

async fn set_up(backend: &Backend) -> Result<Vec<AuthConfig>, HubError> {
    let mut found = Vec::new();
    backend
        .auth_configs(&hub_configs::Filter::default(), |config| {
            found.push(config.clone());
            Ok(flow(found.len()))
        })
        .await?;
    Ok(found)
}

/// What a read of the store finds; nothing where it fails.
fn found<T: Default>(read: impl AsyncFnOnce(&Backend) -> Result<T, HubError>) -> T {
    let mut found = T::default();
    _ = with_backend(async |backend| {
        found = read(backend).await?;
        Ok(())
    });
    found
}
