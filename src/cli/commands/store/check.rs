//! `hubctl store check` and `hubctl store path`.

use std::borrow::Cow;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::backend::Backend;
use crate::cli::commands::doctor::{Findings, ended, told};
use crate::cli::commands::meta::all_of;
use crate::cli::commands::wait::Live;
use crate::cli::context::Context;
use crate::cli::interrupts;
use crate::cli::output::{Cell, Column, Record};
use crate::cli::settings::State;
use crate::cli::tree::Run;
use crate::domain::words::counted;
use crate::error::{HubError, codes};
use crate::hub::checking::{self, Checked};
use crate::hub::keysource::{self, FormerKey};

use super::here;

/// How long a store that somebody locks is waited for, to be asked about its key.
const GLANCE: Duration = Duration::from_millis(500);

/// Check that the store is whole and that its keys open everything in it
///
/// Looks at the database and opens every key and every stored secret; changes nothing and shows no
/// secret. Servers may go on. The exit status is that of the first check that failed, or 0.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Check {}

impl Run for Check {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        there_is_one(context)?;
        let (hub, caller) = here(context).await?;
        if hub.store().is_missing() {
            return Err(no_store(&hub.store().name()));
        }
        let mut live = Live::new(context);
        let checked = checking::check(&hub, &caller, |count| {
            live.say(&format!("stored secrets opened: {count}"));
            live.beat();
            match interrupts::asked_to_stop() {
                true => Err(HubError::new(&codes::INTERRUPTED, "stopped")),
                false => Ok(()),
            }
        })
        .await?;
        drop(live);
        let found = findings(&checked, &hub.store().name());
        let ended = ended(&found.checks, found.failure.as_ref());
        if context.output.is_human() {
            context.output.text(&told(&found.checks))?;
        } else {
            all_of(context, found.checks)?;
        }
        ended
    }
}

/// A store that was named and is not there is not whole; the usual one may come with the first
/// write.
fn there_is_one(context: &Context) -> Result<(), HubError> {
    let local = context.settings.local()?;
    let Some(path) = local.missing().filter(|_| local.is_named) else { return Ok(()) };
    Err(no_store(&path.display().to_string()))
}

fn no_store(name: &str) -> HubError {
    let text = format!("there is no store {name}");
    HubError::new(&codes::STORE_UNREADABLE, text).hint("hubctl store path")
}

fn findings(checked: &Checked, store: &str) -> Findings {
    let mut found = Findings::default();
    match &checked.database {
        None => found.skip("database", "its server looks after it"),
        Some(problems) if problems.is_empty() => found.ok("database", store.to_owned()),
        Some(problems) => {
            let text = format!("{store} is damaged: {}", problems.join("; "));
            let error = HubError::new(&codes::STORE_UNREADABLE, text);
            found.fail("database", error.hint("bring it back from a backup"));
        }
    }
    let keys = counted(checked.keys, "key");
    match &checked.key_trouble {
        Some(error) => {
            let again = HubError::new(error.code(), error.message().to_owned());
            found.fail(
                "keys",
                match error.hint_text() {
                    Some(hint) => again.hint(hint.to_owned()),
                    None => again,
                },
            );
            found.skip("stored secrets", "their keys can't be opened");
            return found;
        }
        None if checked.is_rotating => found.warn(
            "keys",
            format!(
                "{keys} can be opened; a rotation is not finished (it goes on with --data-keys if \
                 it was begun so)"
            ),
            "hubctl store rotate-key",
        ),
        None => {
            let entry = checked.keyring_entry.as_ref();
            let entry = entry.map(|name| format!("; the master key is {}", entry_of(name)));
            found.ok("keys", format!("{keys} can be opened{}", entry.unwrap_or_default()));
        }
    }
    if checked.unreadable == 0 {
        found.ok("stored secrets", format!("{} can be opened", checked.values));
    } else {
        let named = checked.named.join(", ");
        let text = format!("{} can't be opened, such as: {named}", checked.unreadable);
        let error = HubError::new(&codes::SEAL_BROKEN, text);
        found.fail("stored secrets", error.hint("bring them back from a backup, or set them anew"));
    }
    found
}

/// The entry of the system keyring that holds a key, in words.
fn entry_of(name: &str) -> String {
    FormerKey::Entry(name.to_owned()).to_string()
}

/// Show where the store is, and where its master key is kept
///
/// Former keys that `hubctl store rotate-key` left for older backups are listed, as far as they are
/// files. Whether the key is in the system keyring, a store in a file is asked; `hubctl store check`
/// says it of a database. No key is read. A password in the address of a database is left out.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Path {}

/// Where a store is.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "StorePath")]
pub(in crate::cli) struct StorePath {
    /// The file, or the address of the database without a password.
    store: String,
    /// Whether the file is there; a database is not asked.
    exists: Option<bool>,
    /// Where a key file is kept, if the key is in one of hubctl's own.
    key_file: String,
    /// The key file that the operator named.
    named_key_file: Option<String>,
    /// The entry of the system keyring that holds the key, of the service `hubctl`; a database is
    /// not asked.
    keyring_entry: Option<String>,
    /// Files with former keys, which older backups need.
    former_key_files: Vec<String>,
}

impl Record for StorePath {
    // In a pipe the path stands alone, for `$(hubctl store path)`.
    const COLUMNS: &'static [Column] = &[
        Column::new("store", "STORE"),
        Column::wide("exists", "EXISTS"),
        Column::wide("key_file", "KEY FILE"),
        Column::wide("named_key_file", "NAMED KEY FILE"),
    ];
    const FIELDS: &'static [&'static str] =
        &["store", "exists", "key_file", "named_key_file", "keyring_entry", "former_key_files"];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.store)
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            Cell::from(self.store.as_str()),
            self.exists.map_or(Cell::Empty, Cell::Bool),
            Cell::from(self.key_file.as_str()),
            Cell::opt(self.named_key_file.as_deref()),
        ]);
    }
}

/// Where the store has its key in the keyring; a store that can't be read says nothing.
async fn keyring_entry(context: &Context) -> Option<String> {
    let Ok(Backend::Local(local)) = context.glance(GLANCE).await else { return None };
    let (hub, caller) = local.shared();
    checking::keyring_entry(&hub, &caller).await.ok().flatten()
}

impl Run for Path {
    async fn run(self, context: &Context) -> Result<(), HubError> {
        let local = context.settings.local()?;
        let shown = |path: &std::path::Path| path.display().to_string();
        let (store, exists) = match &local.state {
            State::File(path) => (shown(path), Some(path.exists())),
            State::Postgres(_) => (context.store_name()?, None),
        };
        let former = keysource::former_files(&local.keys.beside);
        let path = StorePath {
            store,
            exists,
            key_file: shown(&local.keys.beside),
            named_key_file: local.keys.file.as_deref().map(shown),
            keyring_entry: if exists == Some(true) { keyring_entry(context).await } else { None },
            former_key_files: former.iter().map(|file| shown(file.as_path())).collect(),
        };
        let mut lines = vec![("Store", path.store.clone())];
        lines.push(match &path.keyring_entry {
            Some(name) => ("Key", entry_of(name)),
            None => ("Key file", path.key_file.clone()),
        });
        lines.extend(path.named_key_file.clone().map(|file| ("Named key file", file)));
        lines.extend(path.former_key_files.iter().map(|file| ("Former key", file.clone())));
        context.output.item(&path, Some(&lines))
    }
}
