//! The master keys at hand, what the store says about them, and which of them opens what.

use std::error::Error;
use std::io;

use crate::domain::ids::ProjectNumber;
use crate::error::{HubError, codes};
use crate::hub::keysource::{Kept, half_rotated};
use crate::hub::vault::{DataKey, HashKey, KeyId, MasterKey, WrapPlace, wrapped_by};
use crate::store::keys::{self, WrappedKey};
use crate::store::{StoreError, Tx};

pub(in crate::hub) const STORE_ID: &str = "store_id";
pub(in crate::hub) const KEY_PLACE: &str = "master_key_place";
pub(in crate::hub) const KEY_ID: &str = "master_key_id";
/// The key that follows, while it is being changed.
pub(in crate::hub) const NEXT_KEY_ID: &str = "master_key_next";
/// The key before the present one.
pub(in crate::hub) const PREVIOUS_KEY_ID: &str = "master_key_previous";

/// The purposes of wrapped keys.
pub(in crate::hub) const DATA: &str = "data";
pub(in crate::hub) const HASH: &str = "hash";

/// The master keys of a store that are at hand: two while it is being changed.
pub(in crate::hub) struct Master {
    pub(in crate::hub) store_id: String,
    pub(in crate::hub) kept: Kept,
    pub(in crate::hub) keys: Vec<MasterKey>,
}

impl Master {
    pub(in crate::hub) fn place(&self, project: ProjectNumber, key_id: u32) -> WrapPlace<'_> {
        WrapPlace { store_id: &self.store_id, project: project.0, key_id }
    }

    /// The key of this id, if it is at hand.
    pub(in crate::hub) fn key(&self, id: KeyId) -> Option<&MasterKey> {
        self.keys.iter().find(|key| key.id() == id)
    }

    /// The key to wrap new keys with: the store's, or the one that follows where that alone is at
    /// hand. The rotation finds either.
    pub(super) fn wraps(&self) -> Result<&MasterKey, HubError> {
        let next = || self.kept.next.and_then(|next| self.key(next));
        let lack = || half_rotated(self.kept.key_id, self.kept.next.unwrap_or(self.kept.key_id));
        self.key(self.kept.key_id).or_else(next).ok_or_else(lack)
    }

    /// A master key at hand that opens the wrapped key, with the wrapping that it opens.
    fn opens<'a>(&'a self, row: &'a WrappedKey) -> Option<(&'a MasterKey, &'a [u8])> {
        let wrappings = [Some(row.wrapped.as_slice()), row.next.as_deref()];
        let mut wrappings = wrappings.into_iter().flatten();
        wrappings.find_map(|blob| Some((self.key(wrapped_by(blob)?)?, blob)))
    }

    /// Whether the wrapped key opens with what is at hand; one that is damaged is for the vault
    /// to refuse.
    pub(super) fn can_open(&self, row: &WrappedKey) -> bool {
        wrapped_by(&row.wrapped).is_none() || self.opens(row).is_some()
    }

    /// Reads a data key.
    pub(in crate::hub) fn data_key(
        &self,
        project: ProjectNumber,
        row: &WrappedKey,
    ) -> Result<(u32, DataKey), HubError> {
        let number = number_of(row)?;
        let (key, blob) = self.opening(row)?;
        Ok((number, DataKey::unwrap_with(key, &self.place(project, number), blob)?))
    }

    /// Reads the key that turns tokens into hashes.
    pub(in crate::hub) fn hash_key(
        &self,
        project: ProjectNumber,
        row: &WrappedKey,
    ) -> Result<HashKey, HubError> {
        let (key, blob) = self.opening(row)?;
        HashKey::unwrap_with(key, &self.place(project, number_of(row)?), blob)
    }

    fn opening<'a>(&'a self, row: &'a WrappedKey) -> Result<(&'a MasterKey, &'a [u8]), HubError> {
        if let Some(found) = self.opens(row) {
            return Ok(found);
        }
        match (wrapped_by(&row.wrapped), self.kept.next) {
            (Some(needed), Some(next)) => Err(half_rotated(needed, next)),
            // The vault says what is wrong: another key is needed, or it is damaged.
            _ => Ok((self.wraps()?, &row.wrapped)),
        }
    }
}

pub(in crate::hub) fn number_of(row: &WrappedKey) -> Result<u32, HubError> {
    u32::try_from(row.number)
        .map_err(|_| StoreError::Damaged("a data key's number".to_owned()).into())
}

/// What the store says about its master key; `None` where it has none.
pub(in crate::hub) async fn kept(tx: &mut Tx) -> Result<Option<Kept>, HubError> {
    let (place, id) = (keys::fact(tx, KEY_PLACE).await?, keys::fact(tx, KEY_ID).await?);
    let (Some(place), Some(id)) = (place, id) else { return Ok(None) };
    let Ok(place) = place.parse() else { return Err(damaged()) };
    Ok(Some(Kept { place, key_id: parsed(&id)?, next: key_fact(tx, NEXT_KEY_ID).await? }))
}

/// Whether something could not be opened because the master key can't be read where it is kept, or
/// is another one there: that says nothing of what it seals, and may pass.
pub(in crate::hub) fn is_away(error: &HubError) -> bool {
    let all = [
        &codes::KEY_MISSING,
        &codes::KEY_WRONG,
        &codes::KEY_HALF_ROTATED,
        &codes::KEY_MALFORMED,
        &codes::KEYRING_FAILED,
        &codes::STORE_PERMISSIONS,
    ];
    all.iter().any(|code| code.name == error.code().name)
        || Error::source(error).is_some_and(<dyn Error>::is::<io::Error>)
}

/// The key id that the store keeps under `name`.
pub(in crate::hub) async fn key_fact(tx: &mut Tx, name: &str) -> Result<Option<KeyId>, HubError> {
    keys::fact(tx, name).await?.map(|id| parsed(&id)).transpose()
}

fn parsed(id: &str) -> Result<KeyId, HubError> {
    id.parse().map_err(|_| damaged())
}

pub(in crate::hub) fn damaged() -> HubError {
    StoreError::Damaged("the record of the master key".to_owned()).into()
}

/// Keeps the first record written, and tells which one that is.
pub(super) async fn remember(tx: &mut Tx, made: Kept) -> Result<Kept, HubError> {
    let place = keys::first_fact(tx, KEY_PLACE, made.place.as_str()).await?;
    let id = keys::first_fact(tx, KEY_ID, &made.key_id.to_string()).await?;
    let Ok(place) = place.parse() else { return Err(damaged()) };
    Ok(Kept { place, key_id: parsed(&id)?, next: None })
}
