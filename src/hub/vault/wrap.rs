//! Keys that lie in the store, each wrapped by the master key: data keys and the hash key.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::keys::keyed_hash;
use super::{
    Bound, FORMAT, KEY_BYTES, KeyBytes, KeyId, MasterKey, NONCE_BYTES, TAG_BYTES, decrypt,
    encrypt_onto, random_key,
};
use crate::error::{HubError, codes};
use crate::hub::random::Random;

const HEAD_BYTES: usize = 1 + 8;

/// Where a wrapped key lies; unwrapping it anywhere else fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrapPlace<'a> {
    /// The store's id.
    pub store_id: &'a str,
    /// The project's row; 0 for a key of the whole store.
    pub project: i64,
    /// The key's number.
    pub key_id: u32,
}

/// The master key that a wrapped key needs, readable without any key: a rotation asks for it.
#[must_use]
pub fn wrapped_by(blob: &[u8]) -> Option<KeyId> {
    let (format, rest) = blob.split_first()?;
    let (id, rest) = rest.split_first_chunk::<8>()?;
    let whole = rest.len() == NONCE_BYTES + KEY_BYTES + TAG_BYTES;
    (*format == FORMAT && whole).then(|| KeyId::from_bytes(*id))
}

macro_rules! wrapped_key {
    ($(#[doc = $doc:literal])+ $name:ident, $label:literal) => {
        $(#[doc = $doc])+
        #[derive(Clone)]
        pub struct $name(KeyBytes);

        impl $name {
            /// A new key.
            pub fn generate(random: &dyn Random) -> Result<Self, HubError> {
                random_key(random).map(Self)
            }

            /// The key as it may lie in the store.
            pub fn wrap(
                &self,
                master: &MasterKey,
                place: &WrapPlace<'_>,
                random: &dyn Random,
            ) -> Result<Vec<u8>, HubError> {
                wrap($label, &self.0, master, place, random)
            }

            /// Reads a wrapped key: with another master key it is refused as such, and anything
            /// else that differs is damage.
            pub fn unwrap_with(
                master: &MasterKey,
                place: &WrapPlace<'_>,
                blob: &[u8],
            ) -> Result<Self, HubError> {
                unwrap($label, master, place, blob).map(Self)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

wrapped_key! {
    /// Seals the secrets of one project.
    DataKey, "hubctl data key"
}

wrapped_key! {
    /// Turns API keys and session tokens into what may be stored of them.
    HashKey, "hubctl hash key"
}

impl DataKey {
    pub(super) fn bytes(&self) -> &KeyBytes {
        &self.0
    }
}

impl HashKey {
    /// The keyed hash of a secret text. The purpose keeps the hashes of one kind of secret from
    /// being taken for those of another.
    #[must_use]
    pub fn digest(&self, purpose: &str, secret: &str) -> [u8; 32] {
        let length = (purpose.len() as u64).to_be_bytes();
        keyed_hash(&self.0, &[&length, purpose.as_bytes(), secret.as_bytes()])
    }

    /// Whether the stored hash is the secret's, compared in constant time.
    #[must_use]
    pub fn matches(&self, purpose: &str, secret: &str, stored: &[u8]) -> bool {
        self.digest(purpose, secret).ct_eq(stored).into()
    }
}

fn bound(label: &str, place: &WrapPlace<'_>, master: KeyId) -> Vec<u8> {
    Bound::new(label)
        .text(place.store_id)
        .number(place.project)
        .number(i64::from(place.key_id))
        .text(&master.to_string())
        .0
}

fn wrap(
    label: &str,
    key: &KeyBytes,
    master: &MasterKey,
    place: &WrapPlace<'_>,
    random: &dyn Random,
) -> Result<Vec<u8>, HubError> {
    let id = master.id();
    let mut blob = Vec::with_capacity(HEAD_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES);
    blob.push(FORMAT);
    blob.extend_from_slice(id.as_bytes());
    encrypt_onto(blob, master.bytes(), &bound(label, place, id), key.as_slice(), random)
}

fn unwrap(
    label: &str,
    master: &MasterKey,
    place: &WrapPlace<'_>,
    blob: &[u8],
) -> Result<KeyBytes, HubError> {
    let broken = || {
        let WrapPlace { project, key_id, .. } = place;
        HubError::new(
            &codes::SEAL_BROKEN,
            format!("key {key_id} of project {project} is damaged or belongs elsewhere"),
        )
    };
    let needed = wrapped_by(blob).ok_or_else(broken)?;
    let id = master.id();
    if needed != id {
        return Err(HubError::new(
            &codes::KEY_WRONG,
            format!("the store's keys are wrapped by master key {needed}, not by {id}"),
        ));
    }
    let plain: Zeroizing<Vec<u8>> =
        decrypt(master.bytes(), &bound(label, place, id), &blob[HEAD_BYTES..])
            .ok_or_else(broken)?;
    let mut key = KeyBytes::default();
    if plain.len() != KEY_BYTES {
        return Err(broken());
    }
    key.copy_from_slice(&plain);
    Ok(key)
}
