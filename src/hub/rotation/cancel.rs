//! Gives up a rotation that is not finished: the present key stays the store's.

use serde_json::json;

use crate::domain::caller::{Caller, Permission};
use crate::error::HubError;
use crate::hub::Hub;
use crate::hub::keysource::{self, Kept, KeyPlace, StoreKey, half_rotated};
use crate::hub::sealing::master::{self, Master, kept};
use crate::hub::write;
use crate::store::{StoreError, keys};

use super::{Came, Rotation, Shown, Start, alone, steps};

/// Gives up the rotation that is under way, if one is. What only the new key wraps is wrapped by
/// the old one first.
///
/// # Errors
/// `key.half_rotated` where a key that this needs is not at hand; as the store, the file or the
/// keyring report them.
pub async fn cancel(hub: &Hub, caller: &Caller, dry_run: bool) -> Result<Rotation, HubError> {
    hub.require(caller, Permission::Administer)?;
    let sources = &hub.sealing.sources;
    let _lock = alone(sources, dry_run)?;
    let start = Start::look(hub).await?;
    let Some(next) = start.kept.next else { return Ok(start.came(Came::Nothing)) };
    let loaded = keysource::load(sources, &start.store_key())?;
    let (place, store_id) = (loaded.place, start.store_id.clone());
    let master = Master { store_id, kept: start.kept, keys: loaded.all };
    let Some(present) = master.key(start.kept.key_id) else {
        return Err(half_rotated(start.kept.key_id, next));
    };
    let mut tx = match dry_run {
        true => hub.store.begin_rehearsal().await?,
        false => hub.store.begin_write().await?,
    };
    if kept(&mut tx).await? != Some(start.kept) {
        return Err(StoreError::Stale.into());
    }
    let (from, to) = (next.to_string(), present.id().to_string());
    let moved = keys::wrapped_by(&mut tx, &from).await?;
    for placed in &moved {
        let wrapped = steps::wrapped_anew(hub, &master, placed, present)?;
        keys::set_wrapped(&mut tx, placed, &to, &wrapped).await?;
    }
    keys::drop_next(&mut tx).await?;
    keys::drop_fact(&mut tx, master::NEXT_KEY_ID).await?;
    let told = Rotation { wrapped: moved.len() as u64, ..start.came(Came::Cancelled) };
    if dry_run {
        return Ok(told);
    }
    let record = write::Record {
        action: "cancel-rotation",
        resource: "store/master-key".to_owned(),
        affected: 0,
        before: Some(json!({ "key_id": to, "next_key_id": from })),
        after: Some(json!({ "key_id": to })),
    };
    let operation = Some(hub.record(&mut tx, caller, hub.clock.now(), record).await?);
    tx.commit().await?;
    hub.sealing.forget_master();
    if place != KeyPlace::External {
        let kept = Kept { next: None, ..start.kept };
        let store = StoreKey { kept: Some(kept), ..start.store_key() };
        steps::put_away(sources, &store, next)?;
    }
    let after = Shown { next: None, ..start.shown() };
    Ok(Rotation { after, operation, ..told })
}
