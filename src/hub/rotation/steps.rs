//! The steps of a rotation: each is one transaction, or one change of where the key is kept.

use serde_json::json;

use crate::domain::caller::Caller;
use crate::domain::ids::OperationId;
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::keysource::{self, Kept, KeyPlace, KeySources, StoreKey};
use crate::hub::sealing::master::{self, DATA, HASH, Master, kept, number_of};
use crate::hub::vault::{KeyId, MasterKey};
use crate::hub::write;
use crate::store::keys::{self, Placed};
use crate::store::{StoreError, Tx};

use super::Step;

/// Keys that one transaction wraps: others wait for it no longer than for a usual write.
const BATCH: i64 = 200;

/// How many keys the new key does not wrap yet.
pub(super) async fn count_unreached(hub: &Hub, next: KeyId) -> Result<u64, HubError> {
    let mut tx = hub.store.begin_read().await?;
    Ok(keys::count_unreached(&mut tx, &next.to_string()).await?)
}

/// Notes in the store which key follows.
pub(super) async fn begin(hub: &Hub, seen: &Kept, next: KeyId) -> Result<(), HubError> {
    let mut tx = hub.store.begin_write().await?;
    let found = kept(&mut tx).await?.ok_or_else(master::damaged)?;
    if found.key_id != seen.key_id || found.next.is_some_and(|other| other != next) {
        return Err(overtaken());
    }
    keys::set_fact(&mut tx, master::NEXT_KEY_ID, &next.to_string()).await?;
    Ok(tx.commit().await?)
}

fn overtaken() -> HubError {
    let text = "another rotation of the master key was faster";
    HubError::new(&codes::STALE, text).hint("see what is left to do: hubctl store rotate-key -n")
}

/// Wraps every key that the new one does not wrap yet by that one as well.
pub(super) async fn wrap_all(
    hub: &Hub,
    master: &Master,
    target: &MasterKey,
    at: &mut impl FnMut(Step) -> Result<(), HubError>,
) -> Result<(), HubError> {
    let id = target.id().to_string();
    let (mut done, of) = (0, count_unreached(hub, target.id()).await?);
    loop {
        let mut tx = hub.store.begin_write().await?;
        if !is_under_way(&mut tx, target).await? {
            return Ok(());
        }
        let found = wrap(hub, &mut tx, master, target, &id, BATCH).await?;
        if found == 0 {
            return Ok(());
        }
        tx.commit().await?;
        done += found;
        at(Step::Wrapped { done, of: of.max(done) })?;
    }
}

/// Whether the rotation is still to be ended; another run may have done that, or given it up.
async fn is_under_way(tx: &mut Tx, target: &MasterKey) -> Result<bool, HubError> {
    let found = kept(tx).await?.ok_or_else(master::damaged)?;
    match found.next {
        Some(next) if next == target.id() => Ok(true),
        None if found.key_id == target.id() => Ok(false),
        _ => Err(overtaken()),
    }
}

async fn wrap(
    hub: &Hub,
    tx: &mut Tx,
    master: &Master,
    target: &MasterKey,
    id: &str,
    limit: i64,
) -> Result<u64, HubError> {
    let found = keys::unreached(tx, id, limit).await?;
    for placed in &found {
        let wrapped = wrapped_anew(hub, master, placed, target)?;
        keys::set_next(tx, placed, id, &wrapped).await?;
    }
    Ok(found.len() as u64)
}

/// The same key, wrapped by another master key.
pub(super) fn wrapped_anew(
    hub: &Hub,
    master: &Master,
    placed: &Placed,
    by: &MasterKey,
) -> Result<Vec<u8>, HubError> {
    let (project, row, random) = (placed.project, &placed.key, hub.random.as_ref());
    let place = master.place(project, number_of(row)?);
    match placed.purpose.as_str() {
        DATA => master.data_key(project, row)?.1.wrap(by, &place, random),
        HASH => master.hash_key(project, row)?.wrap(by, &place, random),
        other => Err(StoreError::Damaged(format!("a key for `{other}`")).into()),
    }
}

/// Makes the new key the store's. What others made since the last look is taken along, and every
/// key is opened once with the new one before the old wrappings go. Answers the record of it and
/// how many keys there are.
pub(super) async fn switch(
    hub: &Hub,
    caller: &Caller,
    master: &Master,
    target: &MasterKey,
    place: KeyPlace,
) -> Result<(Option<OperationId>, u64), HubError> {
    let id = target.id().to_string();
    let mut tx = hub.store.begin_write().await?;
    if !is_under_way(&mut tx, target).await? {
        return Ok((None, keys::count(&mut tx).await?));
    }
    wrap(hub, &mut tx, master, target, &id, i64::MAX).await?;
    let alone = Master {
        store_id: master.store_id.clone(),
        kept: Kept { place, key_id: target.id(), next: None },
        keys: vec![target.clone()],
    };
    for placed in keys::reached(&mut tx, &id).await? {
        wrapped_anew(hub, &alone, &placed, target)?;
    }
    keys::switch_to(&mut tx, &id).await?;
    keys::drop_next(&mut tx).await?;
    let count = keys::count(&mut tx).await?;
    if keys::count_unreached(&mut tx, &id).await? > 0 {
        return Err(StoreError::Damaged("a key that no master key wraps".to_owned()).into());
    }
    let previous = master.kept.key_id;
    keys::set_fact(&mut tx, master::KEY_ID, &id).await?;
    keys::set_fact(&mut tx, master::KEY_PLACE, place.as_str()).await?;
    keys::set_fact(&mut tx, master::PREVIOUS_KEY_ID, &previous.to_string()).await?;
    keys::drop_fact(&mut tx, master::NEXT_KEY_ID).await?;
    let record = write::Record {
        action: "rotate-key",
        resource: "store/master-key".to_owned(),
        affected: 0,
        before: Some(
            json!({ "key_id": previous.to_string(), "kept_in": master.kept.place.as_str() }),
        ),
        after: Some(json!({ "key_id": id, "kept_in": place.as_str() })),
    };
    let operation = hub.record(&mut tx, caller, hub.clock.now(), record).await?;
    tx.commit().await?;
    Ok((Some(operation), count))
}

/// Takes a key away from where hubctl keeps the store's key, if it is there.
pub(super) fn put_away(
    sources: &KeySources,
    store: &StoreKey,
    useless: KeyId,
) -> Result<(), HubError> {
    let loaded = keysource::load(sources, store)?;
    let left: Vec<&MasterKey> = loaded.all.iter().filter(|key| key.id() != useless).collect();
    if left.len() == loaded.all.len() {
        return Ok(());
    }
    keysource::replace(sources, &store.store_id, loaded.place, &left)
}
