//! Sealed fields: `format ‖ key id ‖ nonce ‖ ciphertext and tag`, bound to the place they lie in.

use zeroize::Zeroizing;

use super::{Bound, DataKey, FORMAT, NONCE_BYTES, TAG_BYTES, decrypt, encrypt_onto};
use crate::error::{HubError, codes};
use crate::hub::random::Random;

const HEAD_BYTES: usize = 1 + 4;

/// Where a sealed value lies. A value copied to any other place does not open there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The project's row.
    pub project: i64,
    /// The table.
    pub object: &'a str,
    /// The row's id in it.
    pub id: &'a str,
    /// The field of the row.
    pub field: &'a str,
    /// The row's version at the time of sealing, or 0 where old values may come back.
    pub version: i64,
}

/// The data keys of one project: the present one and those that old values still need.
#[derive(Debug, Default)]
pub struct DataKeys(Vec<(u32, DataKey)>);

impl DataKeys {
    /// No keys yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a key, or replaces the one of this number.
    pub fn insert(&mut self, key_id: u32, key: DataKey) {
        self.0.retain(|(known, _)| *known != key_id);
        self.0.push((key_id, key));
    }

    /// The key of this number.
    #[must_use]
    pub fn get(&self, key_id: u32) -> Option<&DataKey> {
        self.0.iter().find(|(known, _)| *known == key_id).map(|(_, key)| key)
    }

    /// The key to seal with: the one of the highest number.
    #[must_use]
    pub fn newest(&self) -> Option<(u32, &DataKey)> {
        self.0.iter().max_by_key(|(known, _)| *known).map(|(known, key)| (*known, key))
    }
}

/// Seals a value for its place.
pub fn seal(
    key: &DataKey,
    key_id: u32,
    place: &Place<'_>,
    plain: &[u8],
    random: &dyn Random,
) -> Result<Vec<u8>, HubError> {
    let mut blob = Vec::with_capacity(HEAD_BYTES + NONCE_BYTES + plain.len() + TAG_BYTES);
    blob.push(FORMAT);
    blob.extend_from_slice(&key_id.to_be_bytes());
    encrypt_onto(blob, key.bytes(), &bound(place, key_id), plain, random)
}

/// Opens a value at its place. Whatever does not fit - key, place, length or content - is the same
/// error, which names the place and nothing of the content.
pub fn open(
    keys: &DataKeys,
    place: &Place<'_>,
    blob: &[u8],
) -> Result<Zeroizing<Vec<u8>>, HubError> {
    let opened = || {
        let key_id = sealed_key_id(blob)?;
        decrypt(keys.get(key_id)?.bytes(), &bound(place, key_id), blob.get(HEAD_BYTES..)?)
    };
    opened().ok_or_else(|| {
        let Place { object, id, field, .. } = place;
        HubError::new(
            &codes::SEAL_BROKEN,
            format!("`{field}` of {object} `{id}` can't be opened: damaged, or sealed elsewhere"),
        )
    })
}

/// The number of the data key that a blob needs, readable without any key.
#[must_use]
pub fn sealed_key_id(blob: &[u8]) -> Option<u32> {
    let (format, rest) = blob.split_first()?;
    let (key_id, rest) = rest.split_first_chunk::<4>()?;
    let whole = rest.len() >= NONCE_BYTES + TAG_BYTES;
    (*format == FORMAT && whole).then(|| u32::from_be_bytes(*key_id))
}

fn bound(place: &Place<'_>, key_id: u32) -> Vec<u8> {
    Bound::new("hubctl sealed value")
        .number(i64::from(FORMAT))
        .number(i64::from(key_id))
        .number(place.project)
        .text(place.object)
        .text(place.id)
        .text(place.field)
        .number(place.version)
        .0
}
