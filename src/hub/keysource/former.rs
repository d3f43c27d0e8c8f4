//! Former keys of a store: kept where the present one is, for backups made before.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{FILE_LIMIT, KeyPlace, KeySources, parse_file};
use crate::error::{HubError, codes};
use crate::hub::keyring;
use crate::hub::private_file::{create_private, folder_of, read_private};
use crate::hub::vault::{KeyId, MasterKey};

/// Where a former key is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormerKey {
    /// A file beside the present key's.
    File(PathBuf),
    /// An entry of the system keyring.
    Entry(String),
}

impl fmt::Display for FormerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Entry(name) => {
                write!(f, "the entry {name} of the service {} in the keyring", keyring::SERVICE)
            }
        }
    }
}

/// Where the key of this id is kept once it is a former one; nowhere where the operator keeps the
/// store's key.
#[must_use]
pub fn former_place(
    sources: &KeySources,
    store_id: &str,
    place: KeyPlace,
    id: KeyId,
) -> Option<FormerKey> {
    match place {
        KeyPlace::External => None,
        KeyPlace::Keyring => Some(FormerKey::Entry(format!("{store_id}.{id}"))),
        KeyPlace::File => {
            let mut name = sources.beside.clone().into_os_string();
            name.push(format!(".{id}"));
            Some(FormerKey::File(name.into()))
        }
    }
}

/// Keeps a key there, durably and as private as the present one; nothing is written over.
///
/// # Errors
/// As the file or the keyring report them; `key.wrong` where something else is in the place.
pub fn keep_former(sources: &KeySources, at: &FormerKey, key: &MasterKey) -> Result<(), HubError> {
    let is_there = match at {
        FormerKey::File(path) => {
            let mut line = key.to_text();
            line.push('\n');
            create_private(path, line.as_bytes())? || holds(path, key.id())?
        }
        FormerKey::Entry(name) => match keyring::get(&sources.keyring, name)? {
            Some(kept) => *kept == *key.to_text(),
            None => *keyring::keep(&sources.keyring, name, &key.to_text())? == *key.to_text(),
        },
    };
    if is_there {
        return Ok(());
    }
    let text = format!("{at} does not hold the key {}, for which it is meant", key.id());
    Err(HubError::new(&codes::KEY_WRONG, text).hint("move it away and run the command again"))
}

fn holds(path: &Path, id: KeyId) -> Result<bool, HubError> {
    let content = read_private(path, FILE_LIMIT, &codes::KEY_MALFORMED)?;
    let keys = content.map(|content| parse_file(path, &content)).transpose()?;
    Ok(keys.is_some_and(|keys| keys.iter().any(|key| key.id() == id)))
}

/// The files of former keys beside the present one's, by name.
#[must_use]
pub fn former_files(beside: &Path) -> Vec<PathBuf> {
    let Some(own) = beside.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let is_former = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        let id = name.and_then(|name| name.strip_prefix(own)?.strip_prefix('.'));
        id.is_some_and(|id| id.parse::<KeyId>().is_ok())
    };
    let entries = std::fs::read_dir(folder_of(beside)).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_former).collect();
    found.sort();
    found
}
