//! API keys: found where the settings say, and kept for a profile in the keyring or a file. A kept
//! key carries what it is bound to, and is handed out for nothing else.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::origin::KeyBinding;
use crate::domain::secret::Secret;
use crate::env;
use crate::error::{HubError, codes};
use crate::hub::keyring::{self, KeyringTrouble};
use crate::hub::private_file::{
    create_private, read_handed, read_private, remove_private, replace_private,
};

use super::input;
use super::settings::{KeySource, Place, Remote, Settings};

/// Longest API key, in bytes.
const LONGEST: usize = 4096;
/// Longest file with a key: room for the key, what it is bound to and white space.
const FILE_LIMIT: u32 = 16_384;

/// A key as it was given, without the white space that was copied along.
#[derive(Debug)]
pub(super) struct Given {
    /// The key.
    pub(super) key: Secret,
    /// Whether there was white space around it.
    pub(super) trimmed: bool,
}

/// Reads a key that somebody gave.
///
/// # Errors
/// For a text that can't be a key. The text is not repeated.
pub(super) fn parse(text: &str, from: &str) -> Result<Given, HubError> {
    let text = input::unmarked(text);
    let key = text.trim();
    let bad = |why: &str| {
        Err(HubError::new(&codes::KEY_BAD_TEXT, format!("the API key from {from} {why}"))
            .hint("copy the whole key again, and nothing else"))
    };
    if key.is_empty() {
        return bad("is empty");
    }
    if key.len() > LONGEST {
        return bad("is too long to be one");
    }
    // It travels as a user name, which ends at the first colon.
    if !key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
        return bad("has signs that no key has");
    }
    Ok(Given { key: Secret::new(key), trimmed: key.len() != text.len() })
}

/// What a file holds, without the line end that every editor puts there.
fn line_of(content: &str) -> &str {
    let line = content.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    line.unwrap_or(content)
}

/// A key that was found.
#[derive(Debug)]
pub(super) struct Found {
    /// The key.
    pub(super) key: Secret,
    /// Whether white space around it had to be taken away.
    pub(super) trimmed: bool,
}

/// What is sent where no key is needed.
pub(super) fn none_needed() -> Secret {
    Secret::new("none")
}

/// Where a key comes from, in words.
pub(super) fn source_name(source: &KeySource) -> &'static str {
    match source {
        KeySource::Environment(_) => env::API_KEY,
        KeySource::File(_) => env::API_KEY_FILE,
        KeySource::Keyring => "keyring",
        KeySource::ProfileFile => "file",
        KeySource::Nowhere => "none",
    }
}

/// Tells where a key came from that the hub does not take, or how another one is kept.
pub(super) fn traced(error: HubError, settings: &Settings) -> HubError {
    let Place::Remote(remote) = &settings.place else { return error };
    if error.code().name != codes::KEY_INVALID.name || error.hint_text().is_some() {
        return error;
    }
    let profile = &settings.sources.profile;
    error.hint(match &remote.key {
        KeySource::Environment(_) => format!("hubctl doctor # the key is from {}", env::API_KEY),
        KeySource::File(path) => {
            let (path, name) = (path.display(), env::API_KEY_FILE);
            format!("hubctl doctor # the key is from {path}, which {name} names")
        }
        KeySource::Keyring | KeySource::ProfileFile | KeySource::Nowhere => {
            format!("hubctl auth login -P {profile}")
        }
    })
}

/// The key for the hub of these settings. The keyring is opened only where the profile keeps its
/// key there and the environment has none.
///
/// # Errors
/// `auth.no_key`, `auth.origin_mismatch`, `auth.key_malformed`, and as keyring and files fail.
pub(super) fn find(settings: &Settings, remote: &Remote) -> Result<Found, HubError> {
    let profile = &settings.sources.profile;
    let found = |given: Given| Found { key: given.key, trimmed: given.trimmed };
    let kept = match &remote.key {
        KeySource::Environment(key) => return parse(key.expose(), env::API_KEY).map(found),
        KeySource::File(path) => {
            let shown = path.display();
            let content = read_handed(path, FILE_LIMIT, &codes::KEY_BAD_TEXT)?;
            let content = content.ok_or_else(|| {
                let text = format!("there is no file {shown}, which {} names", env::API_KEY_FILE);
                HubError::new(&codes::NO_KEY, text)
            })?;
            let text = std::str::from_utf8(&content).unwrap_or_default();
            return parse(line_of(text), &shown.to_string()).map(found);
        }
        KeySource::Keyring => {
            let entry = keyring::get(&settings.keyring, &entry_name(profile));
            entry.map_err(|trouble| keyring_error(trouble, profile))?.ok_or_else(|| {
                no_key(format!("the system keyring has no API key of profile `{profile}`"), profile)
            })?
        }
        KeySource::ProfileFile => {
            let path = file_of(settings, profile)?;
            let missing = || no_key(format!("the key file {} is missing", path.display()), profile);
            let content = read_private(&path, FILE_LIMIT, &codes::KEY_BAD_TEXT)?;
            let content = content.ok_or_else(missing)?;
            Zeroizing::new(std::str::from_utf8(&content).unwrap_or_default().to_owned())
        }
        KeySource::Nowhere => {
            return Err(no_key(format!("there is no API key for {}", remote.api_url), profile));
        }
    };
    let kept = Kept::read(&kept, profile)?;
    let bound = kept.binding()?;
    bound.check(&settings.binding(remote, &bound.project)).map_err(|elsewhere| {
        HubError::new(&codes::ORIGIN_MISMATCH, elsewhere.to_string())
            .hint(format!("hubctl auth login -P {profile} # or set {} for this call", env::API_KEY))
    })?;
    parse(&kept.key, "the profile's store").map(found)
}

fn no_key(text: String, profile: &str) -> HubError {
    HubError::new(&codes::NO_KEY, text)
        .hint(format!("hubctl auth login -P {profile} # or set {}", env::API_KEY))
}

/// The error for a keyring that does not hand out or keep the key of a profile.
pub(super) fn keyring_error(trouble: KeyringTrouble, profile: &str) -> HubError {
    HubError::from(trouble).hint(format!(
        "hubctl auth login -P {profile} --store file # or unlock it, or set {} or {}",
        env::API_KEY,
        env::API_KEY_FILE
    ))
}

/// Where a profile's key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeper {
    /// The system keyring.
    Keyring,
    /// A file beside the configuration.
    File,
}

impl Keeper {
    /// The keeper that a profile names, if it names one.
    pub(super) fn named(word: Option<&str>) -> Option<Self> {
        match word {
            Some("keyring") => Some(Self::Keyring),
            Some("file") => Some(Self::File),
            _ => None,
        }
    }

    /// The word that a profile has for it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File => "file",
        }
    }
}

/// Keeps a key for a profile, over an older one.
///
/// # Errors
/// As keyring and files fail; nothing was kept then.
pub(super) fn keep(
    settings: &Settings,
    profile: &str,
    keeper: Keeper,
    key: &Secret,
    binding: &KeyBinding,
) -> Result<(), HubError> {
    let kept = Kept {
        origin: binding.origin.as_str().into(),
        project: binding.project.as_str().into(),
        key: key.expose().into(),
    };
    let text = kept.write()?;
    match keeper {
        Keeper::Keyring => {
            let found = keyring::keep(&settings.keyring, &entry_name(profile), &text);
            let found = found.map_err(|trouble| keyring_error(trouble, profile))?;
            let is_kept = *found == *text;
            is_kept.then_some(()).ok_or_else(|| keyring_error(KeyringTrouble::Forgetful, profile))
        }
        Keeper::File => {
            let path = file_of(settings, profile)?;
            let made = create_private(&path, text.as_bytes())?;
            if made { Ok(()) } else { replace_private(&path, text.as_bytes()) }
        }
    }
}

/// Forgets the key of a profile; says whether there was one.
///
/// # Errors
/// As keyring and files fail.
pub(super) fn forget(settings: &Settings, profile: &str, keeper: Keeper) -> Result<bool, HubError> {
    match keeper {
        Keeper::Keyring => {
            keyring::delete(&settings.keyring, &entry_name(profile)).map_err(|trouble| {
                HubError::from(trouble).hint(format!(
                    "unlock it and try again, or leave the key there: hubctl config unset key -P \
                     {profile}"
                ))
            })
        }
        Keeper::File => remove_private(&file_of(settings, profile)?),
    }
}

/// The name of a profile's entry. A store's master key is kept under the store's id, which never
/// looks like this.
fn entry_name(profile: &str) -> String {
    format!("api-key/{profile}")
}

/// The key file of a profile.
fn file_of(settings: &Settings, profile: &str) -> Result<PathBuf, HubError> {
    check_name(profile)?;
    Ok(settings.sources.folders()?.config.join("keys").join(format!("{profile}.json")))
}

/// Checks the name of a profile that is made or gets a key: it becomes a file's name.
pub(super) fn check_name(name: &str) -> Result<(), HubError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    let fine = (1..=63).contains(&name.len())
        && name.bytes().all(|byte| plain(byte) || byte == b'-' || byte == b'_')
        && name.bytes().next().is_some_and(plain);
    fine.then_some(()).ok_or_else(|| {
        let shown: String = name.chars().take(80).collect();
        let text = format!("`{shown}` is not a profile's name");
        HubError::new(&codes::BAD_VALUE, text)
            .hint("use 1 to 63 letters, digits, `-` and `_`, beginning with a letter or digit")
    })
}

/// A key with what it is bound to, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept<'t> {
    #[serde(borrow)]
    origin: Cow<'t, str>,
    #[serde(borrow)]
    project: Cow<'t, str>,
    #[serde(borrow)]
    key: Cow<'t, str>,
}

impl<'t> Kept<'t> {
    fn write(&self) -> Result<Zeroizing<String>, HubError> {
        let text =
            serde_json::to_string(self).map_err(HubError::internal("the key can't be written"))?;
        Ok(Zeroizing::new(text))
    }

    fn read(text: &'t str, profile: &str) -> Result<Self, HubError> {
        // The cause is left out: it may repeat parts of the text.
        serde_json::from_str(text).map_err(|_| {
            let text = format!("what is kept for profile `{profile}` is not an API key of hubctl");
            HubError::new(&codes::KEY_BAD_TEXT, text)
                .hint(format!("hubctl auth login -P {profile}"))
        })
    }

    fn binding(&self) -> Result<KeyBinding, HubError> {
        let bad = || HubError::new(&codes::KEY_BAD_TEXT, "the stored API key is bound to nothing");
        let origin = self.origin.parse().map_err(|_| bad())?;
        Ok(KeyBinding { origin, project: self.project.parse().map_err(|_| bad())? })
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, check_name, line_of, parse};

    #[test]
    fn white_space_around_a_key_is_taken_away_and_told() {
        let given = parse("  v1.eu1.abc\r\n", "x").unwrap();
        assert_eq!((given.key.expose(), given.trimmed), ("v1.eu1.abc", true));
        assert!(!parse("v1.eu1.abc", "x").unwrap().trimmed);
        let marked = parse("\u{feff}v1.eu1.abc", "x").unwrap();
        assert_eq!((marked.key.expose(), marked.trimmed), ("v1.eu1.abc", false));
    }

    #[test]
    fn one_line_end_is_what_a_file_ends_with() {
        for (content, line) in [
            ("key", "key"),
            ("key\n", "key"),
            ("key\r\n", "key"),
            ("key\r", "key\r"),
            ("key\n\n", "key\n"),
            (" key \n", " key "),
            ("\n", ""),
        ] {
            assert_eq!(line_of(content), line, "{content:?}");
        }
    }

    #[test]
    fn threat_32_what_is_no_key_is_not_repeated() {
        for bad in ["", " \n", "s3cret s3cret", "s3cret:s3cret", "s3cr\u{e9}t", "s3cret\nX: y"] {
            let error = parse(bad, "x").unwrap_err();
            assert!(!format!("{error:?}").contains("s3cr"), "{error:?}");
        }
        assert!(parse(&"a".repeat(4097), "x").is_err());
        let error = Kept::read(r#"{"key": "s3cret", "origin": 3}"#, "p").err().unwrap();
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }

    #[test]
    fn names_of_profiles_are_names_of_files() {
        for fine in ["default", "prod-eu_1", "A", "9"] {
            check_name(fine).unwrap();
        }
        for bad in ["", ".", "..", "a/b", "a.b", "-P", "a b", "ä", &"a".repeat(64)] {
            check_name(bad).unwrap_err();
        }
    }
}
