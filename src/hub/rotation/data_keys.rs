//! Gives every project a new data key and seals anew what the old one sealed, while others work.
//!
//! Once the new keys are committed nobody seals with an old one any more: whoever seals asks for
//! the newest key within its own transaction. So the values behind only get fewer, and when a pass
//! over all tables finds none, the old keys of the project go. A run that is stopped leaves both
//! keys, and everything opens; the next run goes on.

use std::sync::Arc;

use serde_json::json;

use crate::domain::caller::{Caller, Permission};
use crate::domain::ids::{OperationId, ProjectNumber};
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::sealing::DATA;
use crate::hub::vault::{self, DataKeys, Place};
use crate::hub::write;
use crate::store::keys::{self, Numbers};
use crate::store::sealed::{self, Sealed, Table};
use crate::store::{StoreError, Tx};

/// Values that one transaction writes: others wait for it no longer than for a usual write.
const BATCH: i64 = 100;

/// What was just made durable; told as it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Every project has its new key.
    Made,
    /// So many values are sealed with the new keys.
    Sealed {
        /// How many.
        done: u64,
        /// Of how many, as they were counted at the beginning.
        of: u64,
    },
    /// The old keys of a project are gone.
    Deleted,
}

/// What a run came to.
#[derive(Debug, Clone, Default)]
pub struct Renewal {
    /// Projects that got a new key by this run, or would.
    pub keys: u64,
    /// Values that were sealed anew, or would be.
    pub values: u64,
    /// Values that can't be opened: the keys of their projects stay.
    pub unreadable: u64,
    /// Whether it went on from an earlier run.
    pub resumed: bool,
    /// The record of it.
    pub operation: Option<OperationId>,
}

/// Replaces the data keys of every project, or goes on where an earlier run was stopped. `at` is
/// told of each step when it is durable; an error of its own stops there.
///
/// # Errors
/// `key.*` where the master key is not at hand, and as the store reports them.
pub async fn renew(
    hub: &Hub,
    caller: &Caller,
    dry_run: bool,
    mut at: impl FnMut(Step) -> Result<(), HubError>,
) -> Result<Renewal, HubError> {
    hub.require(caller, Permission::Administer)?;
    let mut tx = hub.store.begin_read().await?;
    let mut all = keys::numbers(&mut tx, DATA).await?;
    let resumed = all.iter().any(|keys| keys.count > 1);
    let mut renewal = Renewal { resumed, ..Renewal::default() };
    if dry_run {
        let left = all.into_iter().filter(|keys| !resumed || keys.count > 1);
        for keys in left {
            renewal.keys += u64::from(!resumed);
            let newest = if resumed { keys.newest } else { keys.newest.saturating_add(1) };
            renewal.values += sealed::count_behind(&mut tx, keys.project, newest).await?;
        }
        return Ok(renewal);
    }
    drop(tx);
    if !resumed {
        renewal.keys = make(hub).await?;
        at(Step::Made)?;
        let mut tx = hub.store.begin_read().await?;
        all = keys::numbers(&mut tx, DATA).await?;
    }
    all.retain(|keys| keys.count > 1);
    if all.is_empty() {
        return Ok(renewal);
    }
    let mut of = 0;
    for Numbers { project, newest, .. } in &all {
        let mut tx = hub.store.begin_read().await?;
        of += sealed::count_behind(&mut tx, *project, *newest).await?;
    }
    for Numbers { project, newest, .. } in &all {
        let mut work = Work { hub, project: *project, newest: *newest, unreadable: 0 };
        loop {
            let before = renewal.values;
            work.unreadable = 0;
            for table in sealed::TABLES {
                let mut told = |moved| {
                    renewal.values += moved;
                    at(Step::Sealed { done: renewal.values, of: of.max(renewal.values) })
                };
                work.pass(table, &mut told).await?;
            }
            if renewal.values == before {
                break;
            }
        }
        renewal.unreadable += work.unreadable;
        if work.unreadable == 0 {
            let mut tx = hub.store.begin_write().await?;
            keys::delete_before(&mut tx, *project, DATA, *newest).await?;
            tx.commit().await?;
            hub.sealing.forget_data_keys(*project);
            at(Step::Deleted)?;
        }
    }
    renewal.operation = Some(record(hub, caller, &renewal).await?);
    Ok(renewal)
}

/// Whether a run was stopped that is to be gone on with.
pub(super) async fn is_under_way(hub: &Hub) -> Result<bool, HubError> {
    let mut tx = hub.store.begin_read().await?;
    Ok(keys::numbers(&mut tx, DATA).await?.iter().any(|keys| keys.count > 1))
}

/// Makes a new key for every project that has one, all in one transaction: a run that is stopped
/// has made all of them or none.
async fn make(hub: &Hub) -> Result<u64, HubError> {
    let mut tx = hub.store.begin_write().await?;
    let all = keys::numbers(&mut tx, DATA).await?;
    // Another run was faster: its keys are the new ones.
    if all.iter().any(|keys| keys.count > 1) {
        return Ok(0);
    }
    if all.is_empty() {
        return Ok(0);
    }
    let master = hub.master(&mut tx).await?;
    for Numbers { project, newest, .. } in &all {
        let number = newest.checked_add(1).ok_or_else(|| {
            HubError::new(&codes::INTERNAL, "a project can't have more data keys")
        })?;
        hub.make_data_key(&mut tx, &master, *project, number).await?;
    }
    tx.commit().await?;
    for keys in &all {
        hub.sealing.forget_data_keys(keys.project);
    }
    Ok(all.len() as u64)
}

async fn record(hub: &Hub, caller: &Caller, renewal: &Renewal) -> Result<OperationId, HubError> {
    let mut tx = hub.store.begin_write().await?;
    let record = write::Record {
        action: "rotate-data-keys",
        resource: "store/data-keys".to_owned(),
        affected: 0,
        before: None,
        after: Some(json!({ "new_keys": renewal.keys, "sealed_values": renewal.values })),
    };
    let operation = hub.record(&mut tx, caller, hub.clock.now(), record).await?;
    tx.commit().await?;
    Ok(operation)
}

/// The values of one project.
struct Work<'h> {
    hub: &'h Hub,
    project: ProjectNumber,
    newest: u32,
    unreadable: u64,
}

impl Work<'_> {
    /// Goes over a table once; what somebody else writes meanwhile is left to them.
    async fn pass(
        &mut self,
        table: &Table,
        told: &mut impl FnMut(u64) -> Result<(), HubError>,
    ) -> Result<(), HubError> {
        let Self { hub, project, newest, .. } = *self;
        let mut after = None;
        loop {
            // Read without keeping writers away, and written only where nothing came in between.
            let mut tx = hub.store.begin_read().await?;
            let found =
                sealed::behind(&mut tx, project, table, newest, after.as_ref(), BATCH).await?;
            let Some(last) = found.last() else { return Ok(()) };
            after = Some(last.at.clone());
            let keys = hub.data_keys_with(&mut tx, project, i64::from(newest)).await?;
            drop(tx);
            let mut anew = Vec::with_capacity(found.len());
            for value in &found {
                match self.sealed_anew(table, &keys, value) {
                    Ok(bytes) => anew.push((value, bytes)),
                    Err(error) if error.code().name == codes::SEAL_BROKEN.name => {
                        self.unreadable += 1;
                    }
                    Err(error) => return Err(error),
                }
            }
            let moved = write(hub, project, table, &anew).await?;
            told(moved)?;
        }
    }

    fn sealed_anew(
        &self,
        table: &Table,
        keys: &Arc<DataKeys>,
        value: &Sealed,
    ) -> Result<Vec<u8>, HubError> {
        let (field, id) = (table.field_of(&value.at), value.at.key.to_text());
        let version = value.version;
        let place = Place { project: self.project.0, object: table.name, id: &id, field, version };
        let plain = vault::open(keys, &place, &value.bytes)?;
        let key = keys.get(self.newest).ok_or(StoreError::Stale)?;
        vault::seal(key, self.newest, &place, &plain, self.hub.random.as_ref())
    }
}

async fn write(
    hub: &Hub,
    project: ProjectNumber,
    table: &Table,
    anew: &[(&Sealed, Vec<u8>)],
) -> Result<u64, HubError> {
    if anew.is_empty() {
        return Ok(0);
    }
    let mut moved = 0;
    let mut tx: Tx = hub.store.begin_write().await?;
    for (old, new) in anew {
        moved += u64::from(sealed::replace(&mut tx, project, table, old, new).await?);
    }
    tx.commit().await?;
    Ok(moved)
}
