//! Completions of connectors, auth configs and OAuth applications: keys of the catalog, and what the
//! project has.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};

use crate::api::auth_configs::AuthConfig;
use crate::api::connectors::Connector;
use crate::backend::Backend;
use crate::catalog;
use crate::domain::connector::AuthMethod;
use crate::domain::names::ConnectorKey;
use crate::domain::words::is_risky;
use crate::error::HubError;
use crate::hub::{auth_configs as hub_configs, connectors as hub_connectors};

use super::{Shell, asking, bash, flow, told, with_backend, words_behind};

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

/// Keys of the connectors that the hub itself has OAuth applications for.
pub(in crate::cli) fn oauth_apps() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let apps = found(async |backend: &Backend| backend.oauth_apps().await);
        apps.iter().map(|app| told(&app.connector_key, &app.client_id)).collect()
    })
}

/// Authentication methods of the connector that stands on the line behind `add`.
pub(in crate::cli) fn auth_methods() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let methods = methods_on(&words_behind("add"));
        let usable = methods.iter().filter(|method| method.unavailable.is_none());
        usable.map(|method| told(method.key.as_str(), &method.label)).collect()
    })
}

/// Set-up fields of that connector as `--set` takes them: of the method on the line, or of all.
pub(in crate::cli) fn set_up_fields() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let words = words_behind("add");
        let chosen = value_of(&words, "--auth");
        let methods = methods_on(&words);
        let fits = |method: &&AuthMethod| chosen.is_none_or(|key| method.key.as_str() == key);
        let fields = methods.iter().filter(fits).flat_map(|method| &method.setup_fields);
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        for field in fields.filter(|field| !field.hidden && !field.read_only) {
            if seen.insert(field.key.as_str()) {
                all.push(told(format!("{}=", field.key), &field.label));
            }
        }
        all
    })
}

/// Methods of the first of these words that is a connector.
fn methods_on(words: &[String]) -> Vec<AuthMethod> {
    let keys: Vec<ConnectorKey> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let known = found(async |backend: &Backend| {
        for key in &keys {
            if let Ok(detail) = backend.connector(key).await {
                return Ok(detail.authentication);
            }
        }
        Ok(Vec::new())
    });
    if !known.is_empty() {
        return known;
    }
    // What comes with the program needs no store.
    keys.iter().find_map(catalog::get).map(|found| found.auth.clone()).unwrap_or_default()
}

/// The value that a flag has among these words.
fn value_of<'w>(words: &'w [String], flag: &str) -> Option<&'w str> {
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if word == flag {
            // Bash takes `--auth=x` for three words.
            return words.find(|next| *next != "=");
        }
        let value = word.strip_prefix(flag).and_then(|rest| rest.strip_prefix('='));
        if value.is_some() {
            return value;
        }
    }
    None
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
        // A shell shows a name as it is, and another text would not be the name.
        .filter(|config| !config.name.contains(is_risky))
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
    told(value, &config.id)
}

fn id_candidate(config: &AuthConfig) -> CompletionCandidate {
    told(&config.id, &config.name)
}

fn own_candidate(connector: &Connector) -> CompletionCandidate {
    told(&connector.key, &connector.name)
}

fn keys(own: &[Connector]) -> Vec<CompletionCandidate> {
    let built_in = catalog::index().iter();
    built_in
        .filter(|entry| !own.iter().any(|own| own.key == entry.key))
        .map(|entry| told(entry.key, entry.name))
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

#[cfg(test)]
mod tests {
    use super::value_of;

    #[test]
    fn a_flag_has_the_value_that_stands_behind_it_in_any_form() {
        let value = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            value_of(&words, "--auth").map(str::to_owned)
        };
        assert_eq!(value("hubspot --auth oauth2 --set").as_deref(), Some("oauth2"));
        assert_eq!(value("hubspot --auth=oauth2").as_deref(), Some("oauth2"));
        assert_eq!(value("hubspot --auth = oauth2").as_deref(), Some("oauth2"));
        assert_eq!(value("hubspot --authority x").as_deref(), None);
        assert_eq!(value("hubspot --auth").as_deref(), None);
    }
}
