//! A store of one's own, and where its keys are.

use std::time::Duration;

use crate::backend::Backend;
use crate::cli::context::Context;
use crate::cli::credentials;
use crate::cli::settings::{Local, Remote};
use crate::domain::origin::leads_past;
use crate::domain::words::shell_word;
use crate::env;
use crate::hub::keyring::{self, KeyringTrouble};

use super::{Findings, There};

/// How long an end user's address is given to answer.
const GLANCE: Duration = Duration::from_secs(2);

/// The keyring, the store and its keys, and whether a hub serves it.
pub(super) async fn store(context: &Context, local: &Local, found: &mut Findings) -> Option<There> {
    let is_open = keyring(context, local, found);
    let backend = match context.backend().await {
        Ok(backend) => backend,
        Err(error) => {
            found.fail("store", error);
            return None;
        }
    };
    if let Backend::Local(hub) = &backend {
        let name = hub.store_name();
        match local.missing().is_some() || hub.has_no_store() {
            false => found.ok("store", name),
            true if !local.is_named => {
                found.ok("store", format!("{name} (there is no such store yet)"));
            }
            true => {
                let hint = "is the path the one you mean? the first write makes a store there";
                found.warn("store", format!("there is no store {name} yet"), hint);
            }
        }
        // Reading from a locked keyring asks somebody for its password.
        let works = if is_open { Some(hub.keys_work().await) } else { None };
        match works {
            None => found.skip("master key", "it may be in the keyring, which is not open"),
            Some(Ok(true)) => found.ok("master key", "it opens what the store keeps sealed"),
            Some(Ok(false)) => found.ok(
                "master key",
                match &local.keys.file {
                    Some(path) => {
                        format!("none yet: it will be the one in {}", path.display())
                    }
                    None => "none yet: it is made when it is first needed".to_owned(),
                },
            ),
            Some(Err(error)) => found.fail("master key", error),
        }
    }
    let url = backend.public_url().clone();
    match context.client_of(&Remote::glance(&url, GLANCE), &credentials::none_needed()) {
        Ok(client) => match client.answers().await {
            Ok(Some(own)) if leads_past(&url, &own) => {
                let text = format!(
                    "the hub at {url} is reached by end users at {own}, and links that are made \
                     here do not lead there ({} names another address as well)",
                    env::PUBLIC_URL
                );
                let hint = context.settings.to_name_public_url(&shell_word(own.as_str()));
                found.warn("public address", text, hint);
            }
            Ok(_) => found.ok("public address", format!("a hub answers at {url}")),
            Err(error) => {
                let why = error.message();
                let text = format!(
                    "nothing answers at {url}, where end users open links (public_url names \
                     another address): {why}"
                );
                found.warn("public address", text, "hubctl serve");
            }
        },
        Err(error) => found.fail("public address", error),
    }
    Some(There { project: backend.project().to_owned(), backend })
}

/// How the keyring is, where the master key may be in it. Says whether reading from it holds
/// nobody up.
fn keyring(context: &Context, local: &Local, found: &mut Findings) -> bool {
    if local.keys.file.is_some() {
        found.skip("keyring", &format!("{} makes it needless", env::MASTER_KEY_FILE));
        return true;
    }
    if local.keys.beside.exists() {
        found.skip("keyring", "the master key has a file of its own");
        return true;
    }
    match keyring::look(&context.settings.keyring) {
        Ok(()) => found.ok("keyring", "it answers and is open"),
        Err(KeyringTrouble::Absent) => {
            found.ok("keyring", "there is none: the master key is kept in a file");
        }
        Err(trouble) => {
            let hint = format!("unlock it, or set {} to a copy of the key", env::MASTER_KEY_FILE);
            found.warn("keyring", trouble.to_string(), hint);
            return matches!(trouble, KeyringTrouble::Refused(_));
        }
    }
    true
}
