//! Seals and opens what must not be read from a stolen database; stores nothing.
//!
//! One master key wraps one data key per project and the store's hash key; a data key seals the
//! fields of its project. Every seal is bound to its place, so a value moved elsewhere stays shut.

mod keys;
mod seal;
mod wrap;

pub use keys::{KeyId, MasterKey};
pub use seal::{DataKeys, Place, open, seal, sealed_key_id};
pub use wrap::{DataKey, HashKey, WrapPlace, wrapped_by};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::random::Random;
use crate::error::{HubError, codes};

/// First byte of every blob, so that a later format can stand beside this one.
const FORMAT: u8 = 1;
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

type KeyBytes = Zeroizing<[u8; KEY_BYTES]>;

fn random_key(random: &dyn Random) -> Result<KeyBytes, HubError> {
    let mut bytes = KeyBytes::default();
    random.fill(bytes.as_mut_slice())?;
    Ok(bytes)
}

/// Appends nonce, ciphertext and tag to `blob`.
fn encrypt_onto(
    mut blob: Vec<u8>,
    key: &KeyBytes,
    bound: &[u8],
    plain: &[u8],
    random: &dyn Random,
) -> Result<Vec<u8>, HubError> {
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce)?;
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let payload = Payload { msg: plain, aad: bound };
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| HubError::new(&codes::INTERNAL, "a value is too large to be sealed"))?;
    blob.extend_from_slice(&nonce);
    blob.extend_from_slice(&sealed);
    Ok(blob)
}

/// Reads what `encrypt_onto` appended; `None` if anything differs.
fn decrypt(key: &KeyBytes, bound: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let payload = Payload { msg: sealed, aad: bound };
    cipher.decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
}

/// Builds associated data in which no two different lists of parts look alike.
struct Bound(Vec<u8>);

impl Bound {
    fn new(label: &str) -> Self {
        Self(Vec::with_capacity(160)).text(label)
    }

    fn text(mut self, text: &str) -> Self {
        self.0.extend_from_slice(&(text.len() as u64).to_be_bytes());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn number(mut self, number: i64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }
}

#[cfg(test)]
mod tests;
