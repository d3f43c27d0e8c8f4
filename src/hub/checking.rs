//! Whether a store is whole: the database, the keys in it, and everything that they seal.

use crate::domain::caller::{Caller, Permission};
use crate::error::{HubError, codes};
use crate::store::{keys, sealed};

use super::Hub;
use super::keysource::KeyPlace;
use super::sealing::DATA;
use super::sealing::master::{self, kept};
use super::vault::{self, Place};

/// Values that are read at once.
const BATCH: i64 = 200;
/// Damaged values that are named; more are only counted.
const NAMED: usize = 10;

/// What was found in a store.
#[derive(Debug, Default)]
pub struct Checked {
    /// What the database says is wrong with itself; `None` where it can't be asked.
    pub database: Option<Vec<String>>,
    /// Wrapped keys that were opened.
    pub keys: u64,
    /// The entry of the system keyring with the master key, if it is there.
    pub keyring_entry: Option<String>,
    /// Why the first of the others was not.
    pub key_trouble: Option<HubError>,
    /// Whether a rotation of the master key or of data keys is not finished.
    pub is_rotating: bool,
    /// Sealed values that were opened.
    pub values: u64,
    /// Sealed values that can't be opened.
    pub unreadable: u64,
    /// Table and id of the first of them.
    pub named: Vec<String>,
}

/// Looks at everything, and opens everything that is sealed; changes nothing. `at` is told how many
/// values were looked at; an error of its own stops there.
///
/// # Errors
/// As the store reports them. What is damaged is no error of the check.
pub async fn check(
    hub: &Hub,
    caller: &Caller,
    mut at: impl FnMut(u64) -> Result<(), HubError>,
) -> Result<Checked, HubError> {
    hub.require(caller, Permission::Administer)?;
    let mut tx = hub.store.begin_read().await?;
    let mut found = Checked { database: tx.integrity().await?, ..Checked::default() };
    check_keys(hub, &mut tx, &mut found).await?;
    found.keyring_entry = entry_of(&mut tx).await.ok().flatten();
    let projects = keys::numbers(&mut tx, DATA).await?;
    found.is_rotating |= projects.iter().any(|keys| keys.count > 1);
    drop(tx);
    if found.key_trouble.is_some() {
        return Ok(found);
    }
    for project in projects.iter().map(|keys| keys.project) {
        for table in sealed::TABLES {
            let mut after = None;
            loop {
                // Each batch sees the store at its own moment, so that nobody is kept waiting.
                let mut tx = hub.store.begin_read().await?;
                let some = sealed::all(&mut tx, project, table, after.as_ref(), BATCH).await?;
                let Some(last) = some.last() else { break };
                after = Some(last.at.clone());
                let newest = some.iter().filter_map(|value| vault::sealed_key_id(&value.bytes));
                let newest = newest.max().map_or(0, i64::from);
                let keys = hub.data_keys_with(&mut tx, project, newest).await?;
                for value in &some {
                    let (field, id) = (table.field_of(&value.at), value.at.key.to_text());
                    let (object, version) = (table.name, value.version);
                    let place = Place { project: project.0, object, id: &id, field, version };
                    if vault::open(&keys, &place, &value.bytes).is_ok() {
                        found.values += 1;
                        continue;
                    }
                    found.unreadable += 1;
                    if found.named.len() < NAMED {
                        found.named.push(format!("{object} {id}"));
                    }
                }
                at(found.values + found.unreadable)?;
            }
        }
    }
    Ok(found)
}

/// The name of the entry of the system keyring in which the store says that its master key is; the
/// keyring is not asked.
///
/// # Errors
/// As the store reports them.
pub async fn keyring_entry(hub: &Hub, caller: &Caller) -> Result<Option<String>, HubError> {
    hub.require(caller, Permission::Administer)?;
    entry_of(&mut hub.store.begin_read().await?).await
}

async fn entry_of(tx: &mut crate::store::Tx) -> Result<Option<String>, HubError> {
    let place = kept(tx).await?.map(|kept| kept.place);
    if place != Some(KeyPlace::Keyring) {
        return Ok(None);
    }
    Ok(keys::fact(tx, master::STORE_ID).await?)
}

async fn check_keys(
    hub: &Hub,
    tx: &mut crate::store::Tx,
    found: &mut Checked,
) -> Result<(), HubError> {
    let all = keys::all(tx).await?;
    if all.is_empty() {
        return Ok(());
    }
    let master = match hub.master_anew(tx).await {
        Ok(Some(master)) => master,
        Ok(None) => {
            let text = "the store has keys and no record of its master key";
            found.key_trouble = Some(HubError::new(&codes::STORE_UNREADABLE, text));
            return Ok(());
        }
        Err(error) => {
            found.key_trouble = Some(error);
            return Ok(());
        }
    };
    found.is_rotating = master.kept.next.is_some();
    for placed in all {
        let opened = match placed.purpose.as_str() {
            DATA => master.data_key(placed.project, &placed.key).map(drop),
            _ => master.hash_key(placed.project, &placed.key).map(drop),
        };
        match opened {
            Ok(()) => found.keys += 1,
            Err(error) => drop(found.key_trouble.get_or_insert(error)),
        }
    }
    Ok(())
}
