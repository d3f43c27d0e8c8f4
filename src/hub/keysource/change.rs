//! Changes what lies where a store's master key is kept, while the key is being changed.

use std::path::Path;

use zeroize::Zeroizing;

use super::{FILE_LIMIT, KeyPlace, KeySources, parse_file};
use crate::error::{HubError, codes};
use crate::hub::keyring;
use crate::hub::private_file::{create_private, read_named, replace_private};
use crate::hub::random::Random;
use crate::hub::vault::MasterKey;

/// Keeps these keys and no other where hubctl itself keeps the store's key: whole or not at all,
/// and durably.
///
/// # Errors
/// As the file or the keyring report them; `usage.invalid` for a file of the operator's.
pub fn replace(
    sources: &KeySources,
    store_id: &str,
    place: KeyPlace,
    keys: &[&MasterKey],
) -> Result<(), HubError> {
    let mut text = Zeroizing::new(String::with_capacity(48 * keys.len()));
    for key in keys {
        text.push_str(&key.to_text());
        text.push('\n');
    }
    match place {
        KeyPlace::External => {
            let message = "the file with the master key is the operator's: it is never changed";
            Err(HubError::new(&codes::USAGE, message))
        }
        KeyPlace::File => replace_private(&sources.beside, text.as_bytes()),
        KeyPlace::Keyring => {
            let line = text.trim_end();
            let kept = keyring::keep(&sources.keyring, store_id, line)?;
            if *kept == line {
                return Ok(());
            }
            let message = "the system keyring has other keys than those that were put there";
            Err(HubError::new(&codes::KEYRING_FAILED, message).hint("run the command again"))
        }
    }
}

/// The keys of the file that is to hold a store's new one.
pub struct NewKeyFile {
    /// The keys; the first that the store does not know is the new one.
    pub keys: Vec<MasterKey>,
    /// Whether the file was made now.
    pub is_new: bool,
}

/// Reads the file that was named for a new key, or makes both; `None` where there is no file and
/// none may be made.
///
/// # Errors
/// As the file system reports them; `key.malformed`.
pub fn new_key_file(
    path: &Path,
    random: &dyn Random,
    may_make: bool,
) -> Result<Option<NewKeyFile>, HubError> {
    let read = || -> Result<Option<NewKeyFile>, HubError> {
        let content = read_named(path, FILE_LIMIT, &codes::KEY_MALFORMED)?;
        let keys = content.map(|content| parse_file(path, &content)).transpose()?;
        Ok(keys.map(|keys| NewKeyFile { keys, is_new: false }))
    };
    let found = read()?;
    if found.is_some() || !may_make {
        return Ok(found);
    }
    let key = MasterKey::generate(random)?;
    let mut line = key.to_text();
    line.push('\n');
    match create_private(path, line.as_bytes())? {
        true => Ok(Some(NewKeyFile { keys: vec![key], is_new: true })),
        // Somebody else was faster; theirs counts.
        false => read(),
    }
}
