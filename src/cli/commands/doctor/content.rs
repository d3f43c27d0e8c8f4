//! What is in the hub: what a support page would ask about.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::api::accounts::Account;
use crate::api::webhooks::Webhook;
use crate::backend::Backend;
use crate::domain::account::Status;
use crate::domain::words::counted;
use crate::error::{HubError, Kind};
use crate::hub::accounts::{Filter, Usability};
use crate::hub::auth_configs;

use super::{Findings, There};

/// Connectors that end users don't see, fields that are not the expected ones, addresses that are
/// shut out, accounts in trouble, webhooks that do not arrive.
pub(super) async fn content(there: &There, found: &mut Findings) {
    let backend = &there.backend;
    if let Err(error) = connectors(backend, found).await {
        found.fail("connectors", error);
    }
    if let Err(error) = accounts(backend, found).await {
        found.fail("accounts", error);
    }
    // Not every hub offers these, nor every key.
    let is_for_others =
        |error: &HubError| matches!(error.code().kind, Kind::Forbidden | Kind::Unsupported);
    if let Err(error) = webhooks(backend, found).await
        && !is_for_others(&error)
    {
        found.fail("webhooks", error);
    }
    if let Err(error) = keys(there, found).await
        && !is_for_others(&error)
    {
        found.fail("API keys", error);
    }
}

async fn connectors(backend: &Backend, found: &mut Findings) -> Result<(), HubError> {
    let mut enabled = 0_u64;
    let (mut hidden, mut several) = (Vec::new(), Vec::<(String, u64)>::new());
    let mut first_hidden = None;
    let filter = auth_configs::Filter::default();
    backend
        .auth_configs(&filter, |config| {
            enabled += u64::from(config.active);
            if config.default && !config.active {
                hidden.push(config.connector_key.clone());
                first_hidden.get_or_insert_with(|| config.id.clone());
            }
            match several.iter_mut().find(|(key, _)| *key == config.connector_key) {
                Some((_, count)) => *count += 1,
                None => several.push((config.connector_key.clone(), 1)),
            }
            Ok(ControlFlow::Continue(()))
        })
        .await?;
    match enabled {
        0 => {
            let text = "no connector is enabled, so end users have nothing to choose from";
            found.warn("connectors", text, "hubctl connectors enable CONNECTOR");
        }
        _ => found.ok("connectors", format!("{} enabled", counted(enabled, "auth config"))),
    }
    if let Some(first) = first_hidden {
        let text = format!("end users don't see {}: the default is disabled", hidden.join(", "));
        let hint = format!("hubctl connectors enable {first}, or make another config the default");
        found.warn("hidden connectors", text, hint);
    }
    several.retain(|(_, count)| *count > 1);
    if !several.is_empty() {
        let keys: Vec<&str> = several.iter().map(|(key, _)| key.as_str()).collect();
        let verb = if keys.len() == 1 { "has" } else { "have" };
        let text = format!(
            "{} {verb} several auth configs: the default's fields are asked for",
            keys.join(", ")
        );
        found.warn("fields", text, "name another one with --auth-config when you make a session");
    }
    Ok(())
}

/// Accounts of one auth config that can't be used for the same reason.
struct Troubled {
    count: u64,
    /// The first of them.
    id: String,
    cause: String,
}

/// Groups of accounts that are told one by one.
const TOLD: usize = 10;

async fn accounts(backend: &Backend, found: &mut Findings) -> Result<(), HubError> {
    let mut troubled = BTreeMap::<(String, String, String), Troubled>::new();
    let mut each = |account: &Account<'_>| -> Result<ControlFlow<()>, HubError> {
        if !account.needs_attention() {
            return Ok(ControlFlow::Continue(()));
        }
        // A hub that tells nothing of it has the status.
        let (code, cause) = match &account.unusable {
            Some(unusable) => (unusable.code.as_str(), unusable.cause.as_str()),
            None => (&*account.status, "the provider refuses the credentials"),
        };
        // Not every hub tells the auth config.
        let (provider, config) = (account.provider.to_string(), account.integration_id.to_string());
        let group = troubled.entry((provider, config, code.to_owned())).or_insert_with(|| {
            Troubled { count: 0, id: account.id.to_string(), cause: cause.to_owned() }
        });
        group.count += 1;
        Ok(ControlFlow::Continue(()))
    };
    let usability = Usability::Unusable;
    let looked = backend.accounts(&Filter { usability, ..Filter::default() }, &mut each).await;
    match looked {
        Err(error) if error.code().kind == Kind::Unsupported => {
            let statuses = vec![Status::Error, Status::Expired];
            backend.accounts(&Filter { statuses, ..Filter::default() }, &mut each).await?;
        }
        looked => looked?,
    }
    if troubled.is_empty() {
        found.ok("accounts", "none has lost its credentials or can't renew its tokens");
        return Ok(());
    }
    let mut troubled: Vec<_> = troubled.into_iter().collect();
    troubled.sort_by_key(|(_, group)| Reverse(group.count));
    let (told, rest) = troubled.split_at(troubled.len().min(TOLD));
    for ((provider, config, code), group) in told {
        let Troubled { count, id, cause } = group;
        let accounts = counted(*count, &format!("{provider} account"));
        let of =
            if config.is_empty() { String::new() } else { format!(" of auth config {config}") };
        let such = if *count == 1 { "" } else { "one of them: " };
        let mut hint = format!("hubctl accounts explain {id}");
        if *count > 1 {
            hint.push_str(&format!("; all: hubctl accounts list --unusable --provider {provider}"));
        }
        let text = format!("{accounts}{of} can't be used ({code}); {such}{cause}");
        found.warn("accounts", text, hint);
    }
    let more: u64 = rest.iter().map(|(_, group)| group.count).sum();
    if more > 0 {
        let text = format!("{} can't be used for other causes", counted(more, "account"));
        found.warn("accounts", text, "hubctl accounts list --unusable");
    }
    Ok(())
}

async fn webhooks(backend: &Backend, found: &mut Findings) -> Result<(), HubError> {
    let all = backend.webhooks().await?;
    // What an administrator disabled is as it should be.
    let is_given_up = |webhook: &&Webhook| {
        !webhook.enabled && matches!(webhook.disabled_reason.as_deref(), Some("gone" | "failing"))
    };
    let disabled = all.iter().filter(is_given_up).count();
    let is_failing = |webhook: &&Webhook| webhook.enabled && webhook.failing_since.is_some();
    let failing = all.iter().filter(is_failing).count();
    let list = "hubctl webhooks list";
    if disabled > 0 {
        let text = match disabled {
            1 => "1 webhook is disabled by its receiver".to_owned(),
            several => format!("{several} webhooks are disabled by their receivers"),
        };
        found.warn("disabled webhooks", text, list);
    }
    if failing > 0 {
        let verb = if failing == 1 { "fails" } else { "fail" };
        let text = format!("{} {verb}: nothing arrives there", counted(failing, "webhook"));
        found.warn("failing webhooks", text, list);
    }
    if disabled + failing == 0 && !all.is_empty() {
        found.ok("webhooks", "none fails");
    }
    Ok(())
}

async fn keys(there: &There, found: &mut Findings) -> Result<(), HubError> {
    let all = there.backend.keys().await?;
    let usable = all.iter().filter(|key| key.status == "active").count() as u64;
    match (usable, all.first()) {
        (0, None) => {
            let text = "the project has none, so nothing can call its API";
            found.warn("API keys", text, "hubctl keys create NAME");
        }
        (0, Some(_)) => {
            let text = "all of the project are disabled or expired";
            found.warn("API keys", text, "hubctl keys list");
        }
        _ => found.ok("API keys", format!("{} active", counted(usable, "key"))),
    }
    let Ok(name) = there.project.parse() else { return Ok(()) };
    let project = there.backend.get_project(&name).await?;
    if !project.ip_allowlist.is_empty() {
        let text = format!("keys work from {} only", project.ip_allowlist.join(", "));
        let hint =
            "a caller that is refused from elsewhere: hubctl projects update NAME --allow-ip";
        found.warn("allowed addresses", text, hint);
    }
    Ok(())
}
