//! Where a store's master key is kept: found again, or made once. What it seals is the vault's.
//!
//! A store that has a key never gets another one silently: what it sealed would be lost. So
//! `load` looks only where the key must be, and only `create`, for a store without one, makes any.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use zeroize::Zeroizing;

use super::keyring::{self, KeyringAccess, KeyringTrouble};
use super::private_file::{create_private, lock_beside, read_named, read_private};
use super::random::Random;
use super::vault::{KeyId, MasterKey};
use crate::error::{HubError, codes};

mod change;
mod former;

pub use change::{NewKeyFile, new_key_file, replace};
pub use former::{FormerKey, former_files, former_place, keep_former};

/// Longest key file: room for any spelling of a few keys and the white space around them.
const FILE_LIMIT: u32 = 4096;
/// The environment variable that names a key file.
const VARIABLE: &str = "HUBCTL_MASTER_KEY_FILE";

/// Every place where the key may be: facts of the environment, handed in.
#[derive(Debug, Clone)]
pub struct KeySources {
    /// A file that the operator names (`HUBCTL_MASTER_KEY_FILE`); it outranks everything else.
    pub file: Option<PathBuf>,
    /// The system keyring.
    pub keyring: KeyringAccess,
    /// The key file beside the store.
    pub beside: PathBuf,
}

/// What a store says about its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreKey {
    /// The store's id.
    pub store_id: String,
    /// Where the key was put, if the store has one.
    pub kept: Option<Kept>,
}

/// A store's record of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Where it is.
    pub place: KeyPlace,
    /// Which one it is.
    pub key_id: KeyId,
    /// The one that follows it, while it is being changed.
    pub next: Option<KeyId>,
}

/// The sorts of places for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPlace {
    /// A file that the operator names each time.
    External,
    /// The system keyring, under the store's id.
    Keyring,
    /// The key file beside the store.
    File,
}

impl KeyPlace {
    /// The word that stands in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::Keyring => "keyring",
            Self::File => "file",
        }
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word names no place of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a place of a master key: external, keyring or file")]
pub struct BadKeyPlace(String);

impl FromStr for KeyPlace {
    type Err = BadKeyPlace;

    fn from_str(text: &str) -> Result<Self, BadKeyPlace> {
        let all = [Self::External, Self::Keyring, Self::File];
        all.into_iter().find(|place| place.as_str() == text).ok_or(BadKeyPlace(text.to_owned()))
    }
}

/// A key that was found.
#[derive(Debug)]
pub struct Loaded {
    /// The store's key; while it is being changed, the next one where that alone is there.
    pub key: MasterKey,
    /// All keys that are kept there: two while the store's key is being changed.
    pub all: Vec<MasterKey>,
    /// Where it was.
    pub place: KeyPlace,
}

/// A key for a store that had none.
#[derive(Debug)]
pub struct Created {
    /// The key.
    pub key: MasterKey,
    /// Where it is kept.
    pub place: KeyPlace,
    /// Whether it was made now, rather than found.
    pub is_new: bool,
    /// What the operator should know about that, for standard error.
    pub note: Option<String>,
}

impl Created {
    /// What the store has to remember.
    #[must_use]
    pub fn kept(&self) -> Kept {
        Kept { place: self.place, key_id: self.key.id(), next: None }
    }
}

/// The key of a store that has one: from the file that the operator names, otherwise from exactly
/// where the store says it is kept.
pub fn load(sources: &KeySources, store: &StoreKey) -> Result<Loaded, HubError> {
    let Some(kept) = &store.kept else {
        return Err(missing("the store has no record of its master key".to_owned()));
    };
    let (all, place, shown) = match (&sources.file, kept.place) {
        (Some(file), _) => (named_file(file)?, KeyPlace::External, shown(file)),
        (None, KeyPlace::External) => {
            return Err(missing("the store's master key is kept outside of it".to_owned())
                .hint(format!("set {VARIABLE} to the file that holds the key")));
        }
        (None, KeyPlace::Keyring) => {
            (from_keyring(sources, store)?, kept.place, "the system keyring".to_owned())
        }
        (None, KeyPlace::File) => {
            let path = &sources.beside;
            let all = file_keys(path)?.ok_or_else(|| {
                let message = format!("the store's master key file {} is missing", shown(path));
                missing(message).hint(format!(
                    "bring the file back from a backup, or set {VARIABLE} to a copy of it"
                ))
            })?;
            (all, kept.place, shown(path))
        }
    };
    let of = |id: KeyId| all.iter().find(|key| key.id() == id).cloned();
    match of(kept.key_id).or_else(|| kept.next.and_then(of)) {
        Some(key) => Ok(Loaded { key, all, place }),
        None => Err(wrong(&all, &shown, kept, former_file(sources, store))),
    }
}

/// The file beside the store that holds the key it wants: the store was brought back from a backup
/// that is older than the present key.
fn former_file(sources: &KeySources, store: &StoreKey) -> Option<PathBuf> {
    let kept = store.kept?;
    match former_place(sources, &store.store_id, KeyPlace::File, kept.key_id)? {
        FormerKey::File(path) if path.exists() => Some(path),
        _ => None,
    }
}

fn wrong(all: &[MasterKey], found: &str, kept: &Kept, former: Option<PathBuf>) -> HubError {
    let ids: Vec<String> = all.iter().map(|key| key.id().to_string()).collect();
    let ids = ids.join(" and ");
    let message = match kept.next {
        None => format!(
            "the master key in {found} is {ids}, but the store's keys are wrapped by {}",
            kept.key_id
        ),
        Some(next) => format!(
            "the master key in {found} is {ids}, but the store is on its way from {} to {next}",
            kept.key_id
        ),
    };
    let hint = match former {
        Some(path) => format!(
            "the store is as it was before its key was changed: its key is in {0}; set {VARIABLE} \
             to that file",
            shown(&path)
        ),
        None => format!("set {VARIABLE} to a file with the key of this store"),
    };
    HubError::new(&codes::KEY_WRONG, message).hint(hint)
}

/// What is told where a half rotated store needs the key of `needed` and it is not at hand.
pub fn half_rotated(needed: KeyId, next: KeyId) -> HubError {
    let message = if needed == next {
        format!(
            "the store's master key is being changed to {next}, and something is wrapped by that \
             one alone: the old key does not open it"
        )
    } else {
        format!(
            "the store's master key is being changed from {needed} to {next}, and something is \
             still wrapped by the old one alone: {next} does not open it yet"
        )
    };
    HubError::new(&codes::KEY_HALF_ROTATED, message).hint(format!(
        "run `hubctl store rotate-key` where both keys are at hand; {VARIABLE} may name a file \
         with both, one a line"
    ))
}

/// Whether the file that the operator names has a key, for a store that has none yet: it is to be
/// the store's.
///
/// # Errors
/// As `create` would end.
pub fn check_named(sources: &KeySources) -> Result<(), HubError> {
    sources.file.as_deref().map_or(Ok(()), |path| named_file(path).map(drop))
}

/// A key for a store that has none: the file that the operator names, else the key file already
/// beside the store, else the keyring, else a new key file.
///
/// Processes that do this at the same time end with the same key. Two that can't see each other
/// (one reaches the keyring and the other doesn't) may not, so the store must keep the first
/// record written, and whoever comes second must `load`.
pub fn create(
    sources: &KeySources,
    store_id: &str,
    random: &dyn Random,
) -> Result<Created, HubError> {
    let _lock = match sources.file {
        Some(_) => None,
        // Where the file system can't lock, the key file and the store's own record still decide.
        None => lock_beside(&sources.beside)?,
    };
    create_alone(sources, store_id, random)
}

/// The same for a caller that keeps other processes away already.
pub fn create_alone(
    sources: &KeySources,
    store_id: &str,
    random: &dyn Random,
) -> Result<Created, HubError> {
    let found = |key, place| Created { key, place, is_new: false, note: None };
    if let Some(path) = &sources.file {
        return Ok(found(first(named_file(path)?)?, KeyPlace::External));
    }
    if let Some(key) = file_key(&sources.beside)? {
        return Ok(found(key, KeyPlace::File));
    }
    let trouble = match keyring_key(&sources.keyring, store_id, random)? {
        Ok((key, is_new)) => {
            return Ok(Created { is_new, ..found(key, KeyPlace::Keyring) });
        }
        Err(trouble) => trouble,
    };
    let (key, is_new) = new_file(&sources.beside, random)?;
    let note = format!(
        "{trouble}; the store's master key is in {}: keep a copy of it apart from the store",
        shown(&sources.beside)
    );
    Ok(Created { key, place: KeyPlace::File, is_new, note: Some(note) })
}

/// Takes back a key that was made for a store which then did not keep it. Another key in its place
/// stays, and one that can't be removed is only left over: the next store there may use it.
pub fn forget(sources: &KeySources, store_id: &str, made: Kept) {
    match made.place {
        KeyPlace::External => {}
        KeyPlace::Keyring => {
            let entry = keyring::get(&sources.keyring, store_id).ok().flatten();
            let key = entry.and_then(|text| MasterKey::parse(text.as_bytes()).ok());
            // An entry with several keys is not what was made.
            if key.is_some_and(|key| key.id() == made.key_id) {
                _ = keyring::delete(&sources.keyring, store_id);
            }
        }
        KeyPlace::File => {
            if matches!(file_key(&sources.beside), Ok(Some(key)) if key.id() == made.key_id) {
                _ = std::fs::remove_file(&sources.beside);
            }
        }
    }
}

fn from_keyring(sources: &KeySources, store: &StoreKey) -> Result<Vec<MasterKey>, HubError> {
    let found = keyring::get(&sources.keyring, &store.store_id).map_err(|trouble| {
        HubError::from(trouble).hint(format!(
            "the store's master key is kept there: unlock it, or set {VARIABLE} to a copy"
        ))
    })?;
    let text = found.ok_or_else(|| {
        let name = &store.store_id;
        missing(format!("the system keyring has no entry `{name}` of the service `hubctl`")).hint(
            format!("use the login that made the store, or set {VARIABLE} to a copy of the key"),
        )
    })?;
    entry_keys(&text, &store.store_id)
}

/// The key under the store's id, and whether it was made now because there was none. Trouble with the keyring itself is the
/// inner error: there is another place then.
fn keyring_key(
    access: &KeyringAccess,
    store_id: &str,
    random: &dyn Random,
) -> Result<Result<(MasterKey, bool), KeyringTrouble>, HubError> {
    let mut is_new = false;
    let text: Zeroizing<String> = match keyring::get(access, store_id) {
        Ok(Some(text)) => text,
        Ok(None) => {
            let key = MasterKey::generate(random)?;
            match keyring::keep(access, store_id, &key.to_text()) {
                Ok(text) => {
                    is_new = *text == *key.to_text();
                    text
                }
                Err(trouble) => return Ok(Err(trouble)),
            }
        }
        Err(trouble) => return Ok(Err(trouble)),
    };
    let key = first(entry_keys(&text, store_id)?)?;
    Ok(Ok((key, is_new)))
}

fn entry_keys(text: &str, name: &str) -> Result<Vec<MasterKey>, HubError> {
    MasterKey::parse_all(text.as_bytes()).map_err(|error| {
        let message = format!("the keyring entry `{name}` of `hubctl` does not hold a master key");
        HubError::new(&codes::KEY_MALFORMED, message).source(error)
    })
}

/// A new key file, and whether it is this process's; if another one was faster, its key.
fn new_file(path: &Path, random: &dyn Random) -> Result<(MasterKey, bool), HubError> {
    let key = MasterKey::generate(random)?;
    let mut line = key.to_text();
    line.push('\n');
    if create_private(path, line.as_bytes())? {
        return Ok((key, true));
    }
    file_key(path)?
        .map(|key| (key, false))
        .ok_or_else(|| missing(format!("the master key file {} came and went", shown(path))))
}

fn named_file(path: &Path) -> Result<Vec<MasterKey>, HubError> {
    let content = read_named(path, FILE_LIMIT, &codes::KEY_MALFORMED)?;
    content.map(|content| parse_file(path, &content)).transpose()?.ok_or_else(|| {
        let file = shown(path);
        missing(format!("the master key file {file} that {VARIABLE} names is not there")).hint(
            format!("for a new store: `(umask 077; head -c 32 /dev/urandom | base64 > {file})`"),
        )
    })
}

fn file_keys(path: &Path) -> Result<Option<Vec<MasterKey>>, HubError> {
    let Some(content) = read_private(path, FILE_LIMIT, &codes::KEY_MALFORMED)? else {
        return Ok(None);
    };
    parse_file(path, &content).map(Some)
}

/// The first of the keys beside a store; the only one, unless it is being changed.
fn file_key(path: &Path) -> Result<Option<MasterKey>, HubError> {
    file_keys(path)?.map(first).transpose()
}

fn first(keys: Vec<MasterKey>) -> Result<MasterKey, HubError> {
    keys.into_iter().next().ok_or_else(|| HubError::new(&codes::KEY_MALFORMED, "there is no key"))
}

fn parse_file(path: &Path, content: &[u8]) -> Result<Vec<MasterKey>, HubError> {
    MasterKey::parse_all(content).map_err(|error| {
        let message = format!("{} does not hold a master key", shown(path));
        HubError::new(&codes::KEY_MALFORMED, message)
            .hint("it holds 32 bytes, or the same in hex or base64 on one line")
            .source(error)
    })
}

fn missing(message: String) -> HubError {
    HubError::new(&codes::KEY_MISSING, message)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests;
