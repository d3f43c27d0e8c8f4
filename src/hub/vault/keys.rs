//! The master key: its text forms and its public fingerprint. Where it is kept is `keysource`'s.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{KEY_BYTES, KeyBytes, random_key};
use crate::error::{HubError, codes};
use crate::hub::random::Random;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_encode_padding(false)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Public fingerprint of a master key: tells keys apart and says nothing about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// The id as it stands in a wrapped key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    /// An id read from a wrapped key.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text is not the sixteen hexadecimal digits of a key id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key id of 16 hexadecimal digits")]
pub struct BadKeyId(String);

impl FromStr for KeyId {
    type Err = BadKeyId;

    fn from_str(text: &str) -> Result<Self, BadKeyId> {
        let mut bytes = [0; 8];
        if from_hex(text.as_bytes(), &mut bytes).is_none() {
            return Err(BadKeyId(text.to_owned()));
        }
        Ok(Self(bytes))
    }
}

/// The key above all others of a store. It never enters the store that it guards.
#[derive(Clone)]
pub struct MasterKey(KeyBytes);

impl MasterKey {
    /// A new key.
    pub fn generate(random: &dyn Random) -> Result<Self, HubError> {
        random_key(random).map(Self)
    }

    /// Reads what a key file or keyring entry holds: 32 bytes, or the same in hex or base64 (either
    /// alphabet, with or without padding) with any white space around.
    pub fn parse(content: &[u8]) -> Result<Self, HubError> {
        let bytes = read_key(content).ok_or_else(|| {
            HubError::new(&codes::KEY_MALFORMED, "the content is not a master key")
                .hint("a key is 32 bytes, or the same in hex or base64 on one line")
        })?;
        // An erased or merely reserved file has the right length too.
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(HubError::new(
                &codes::KEY_MALFORMED,
                "the master key repeats a single byte: it was erased or never filled",
            ));
        }
        Ok(Self(bytes))
    }

    /// Reads what a key file or keyring entry holds: one key in any of its forms, or several in hex
    /// or base64, one a line.
    pub fn parse_all(content: &[u8]) -> Result<Vec<Self>, HubError> {
        let whole = match Self::parse(content) {
            Ok(key) => return Ok(vec![key]),
            Err(error) => error,
        };
        let lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let lines = lines.filter(|line| !line.is_empty());
        let mut keys: Vec<Self> = Vec::new();
        for line in lines {
            // A line that is merely as long as a key is no key.
            match Self::parse(line).ok().filter(|_| line.len() != KEY_BYTES) {
                Some(key) if keys.iter().all(|known| known.id() != key.id()) => keys.push(key),
                Some(_) => {}
                None => return Err(whole),
            }
        }
        if keys.is_empty() { Err(whole) } else { Ok(keys) }
    }

    /// The key as one line of base64, for a key file or a keyring and nothing else.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// The public fingerprint.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let digest = keyed_hash(&self.0, &[b"hubctl master key id"]);
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        KeyId(id)
    }

    pub(super) fn bytes(&self) -> &KeyBytes {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}

/// HMAC-SHA256 over the parts, one after the other.
pub(super) fn keyed_hash(key: &KeyBytes, parts: &[&[u8]]) -> [u8; 32] {
    // HMAC fills a short key with zeros itself; done here, no length is left that could be refused.
    let mut block = Zeroizing::new([0; 64]);
    block[..KEY_BYTES].copy_from_slice(key.as_slice());
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn read_key(content: &[u8]) -> Option<KeyBytes> {
    let mut key = KeyBytes::default();
    // Bytes as they are come first: theirs may be white space at either end.
    let line = content.strip_suffix(b"\n").unwrap_or(content);
    if let Some(raw) = [content, line].into_iter().find(|raw| raw.len() == KEY_BYTES) {
        key.copy_from_slice(raw);
        return Some(key);
    }
    let text = content.trim_ascii();
    if text.len() == 2 * KEY_BYTES {
        from_hex(text, key.as_mut_slice())?;
        return Some(key);
    }
    if !matches!(text.len(), 43 | 44) {
        return None;
    }
    let mut decoded = Zeroizing::new([0; 36]);
    let length = STANDARD
        .decode_slice(text, decoded.as_mut_slice())
        .or_else(|_| URL_SAFE.decode_slice(text, decoded.as_mut_slice()))
        .ok()?;
    (length == KEY_BYTES).then(|| key.copy_from_slice(&decoded[..KEY_BYTES]))?;
    Some(key)
}

fn from_hex(text: &[u8], into: &mut [u8]) -> Option<()> {
    if text.len() != 2 * into.len() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (byte, pair) in into.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(())
}
