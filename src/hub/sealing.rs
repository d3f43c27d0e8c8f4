//! The keys of a store at work: found or made when they are first needed, then kept for the
//! process. Only commands that touch a secret ever come here.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::Hub;
use super::keysource::{self, Kept, KeySources, StoreKey};
use super::vault::{self, DataKey, DataKeys, HashKey, MasterKey, Place, WrapPlace};
use crate::domain::caller::Caller;
use crate::domain::ids::ProjectNumber;
use crate::domain::secret::Secret;
use crate::error::{HubError, codes};
use crate::store::keys::{self, WrappedKey};
use crate::store::{StoreError, Tx};

/// The project number under which keys of the whole store are kept.
const WHOLE_STORE: ProjectNumber = ProjectNumber(0);
const DATA: &str = "data";
const HASH: &str = "hash";
const STORE_ID: &str = "store_id";
const KEY_PLACE: &str = "master_key_place";
const KEY_ID: &str = "master_key_id";

pub(super) struct Sealing {
    sources: KeySources,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    master: Option<Arc<Master>>,
    rehearsal: Option<Arc<Master>>,
    data: HashMap<i64, Arc<DataKeys>>,
    hash: Option<Arc<HashKey>>,
    note: Option<String>,
}

struct Master {
    store_id: String,
    key: MasterKey,
}

impl Master {
    fn place(&self, project: ProjectNumber, key_id: u32) -> WrapPlace<'_> {
        WrapPlace { store_id: &self.store_id, project: project.0, key_id }
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sealing {
    pub(super) fn new(sources: KeySources) -> Self {
        Self { sources, known: Arc::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }

    pub(super) fn take_note(&self) -> Option<String> {
        self.known().note.take()
    }
}

impl Hub {
    /// The master key of a store that has one.
    async fn known_master(&self, tx: &mut Tx) -> Result<Option<Arc<Master>>, HubError> {
        if let Some(master) = &self.sealing.known().master {
            return Ok(Some(Arc::clone(master)));
        }
        let (Some(store_id), Some(kept)) = (keys::fact(tx, STORE_ID).await?, kept(tx).await?)
        else {
            return Ok(None);
        };
        let key = self.load(store_id.clone(), Some(kept))?;
        let master = Arc::new(Master { store_id, key });
        self.keep(tx, |known| known.master = Some(Arc::clone(&master)));
        Ok(Some(master))
    }

    /// The master key of the store; a store without one gets one in this transaction.
    async fn master(&self, tx: &mut Tx) -> Result<Arc<Master>, HubError> {
        if let Some(master) = self.known_master(tx).await? {
            return Ok(master);
        }
        // A key in a file of the operator's is only read; any other would be made.
        if tx.is_rehearsal() && self.sealing.sources.file.is_none() {
            return self.rehearsal_master();
        }
        let store_id = self.store_id(tx).await?;
        let (sources, random) = (&self.sealing.sources, self.random.as_ref());
        // Whoever makes the store has its folder locked already.
        let made = match tx.is_making_the_store() {
            true => keysource::create_alone(sources, &store_id, random)?,
            false => keysource::create(sources, &store_id, random)?,
        };
        // The key is there before the store says so: a store never stands without it. It goes
        // where the store's word for it is not committed, before anybody else can come upon it.
        if made.is_new {
            let (kept, sources) = (made.kept(), sources.clone());
            let (store_id, known) = (store_id.clone(), Arc::clone(&self.sealing.known));
            tx.or_else_undo(move || {
                keysource::forget(&sources, &store_id, kept);
                lock(&known).note = None;
            });
        }
        let first = remember(tx, made.kept()).await?;
        let key = if first.key_id == made.key.id() {
            self.sealing.known().note = made.note;
            made.key
        } else {
            self.load(store_id.clone(), Some(first))?
        };
        Ok(Arc::new(Master { store_id, key }))
    }

    /// What stands in for the key that a rehearsal does not make.
    fn rehearsal_master(&self) -> Result<Arc<Master>, HubError> {
        let mut known = self.sealing.known();
        if let Some(master) = &known.rehearsal {
            return Ok(Arc::clone(master));
        }
        let key = MasterKey::generate(self.random.as_ref())?;
        let master = Arc::new(Master { store_id: "rehearsal".to_owned(), key });
        known.rehearsal = Some(Arc::clone(&master));
        Ok(master)
    }

    fn load(&self, store_id: String, kept: Option<Kept>) -> Result<MasterKey, HubError> {
        Ok(keysource::load(&self.sealing.sources, &StoreKey { store_id, kept })?.key)
    }

    /// Remembers a key for the process, unless the transaction that made it may still be undone.
    fn keep(&self, tx: &Tx, put: impl FnOnce(&mut Known)) {
        if !tx.has_new_keys() {
            put(&mut self.sealing.known());
        }
    }

    async fn store_id(&self, tx: &mut Tx) -> Result<String, HubError> {
        if let Some(id) = keys::fact(tx, STORE_ID).await? {
            return Ok(id);
        }
        let id = self.random.uuid_v7(self.clock.now())?.to_string();
        Ok(keys::first_fact(tx, STORE_ID, &id).await?)
    }

    /// The key that turns tokens into hashes; a store without one gets one in this transaction.
    pub(super) async fn hash_key(&self, tx: &mut Tx) -> Result<Arc<HashKey>, HubError> {
        if let Some(key) = self.known_hash_key(tx).await? {
            return Ok(key);
        }
        let (master, random) = (self.master(tx).await?, self.random.as_ref());
        let place = master.place(WHOLE_STORE, 1);
        let wrapped = HashKey::generate(random)?.wrap(&master.key, &place, random)?;
        keys::add_wrapped(tx, WHOLE_STORE, HASH, &row(1, &master, wrapped)).await?;
        Ok(self.known_hash_key(tx).await?.ok_or(StoreError::Stale)?)
    }

    /// Whether the key that turns tokens into hashes is at hand, so that nobody has to make it.
    pub(super) fn has_hash_key(&self) -> bool {
        self.sealing.known().hash.is_some()
    }

    /// Whether the store has keys, and its master key opens them.
    ///
    /// # Errors
    /// `key.missing`, `key.wrong`, and as the keyring or the store report them.
    pub async fn keys_work(&self) -> Result<bool, HubError> {
        let mut tx = self.store.begin_read().await?;
        Ok(self.known_hash_key(&mut tx).await?.is_some())
    }

    /// The key that turns tokens into hashes, if the store has one.
    pub(super) async fn known_hash_key(
        &self,
        tx: &mut Tx,
    ) -> Result<Option<Arc<HashKey>>, HubError> {
        if let Some(key) = &self.sealing.known().hash {
            return Ok(Some(Arc::clone(key)));
        }
        let rows = keys::wrapped(tx, WHOLE_STORE, HASH).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let master = self.master_of_wrapped(tx).await?;
        let place = master.place(WHOLE_STORE, 1);
        let key = Arc::new(HashKey::unwrap_with(&master.key, &place, &first.wrapped)?);
        self.keep(tx, |known| known.hash = Some(Arc::clone(&key)));
        Ok(Some(key))
    }

    /// The master key of a store that has wrapped keys: another one is never made for it.
    async fn master_of_wrapped(&self, tx: &mut Tx) -> Result<Arc<Master>, HubError> {
        match self.known_master(tx).await? {
            Some(master) => Ok(master),
            None if tx.is_rehearsal() => self.rehearsal_master(),
            None => {
                Err(StoreError::Damaged("it has no record of its master key".to_owned()).into())
            }
        }
    }

    async fn data_keys(
        &self,
        tx: &mut Tx,
        project: ProjectNumber,
    ) -> Result<Arc<DataKeys>, HubError> {
        if let Some(keys) = self.sealing.known().data.get(&project.0) {
            return Ok(Arc::clone(keys));
        }
        let mut rows = keys::wrapped(tx, project, DATA).await?;
        if rows.is_empty() {
            let (master, random) = (self.master(tx).await?, self.random.as_ref());
            let place = master.place(project, 1);
            let wrapped = DataKey::generate(random)?.wrap(&master.key, &place, random)?;
            keys::add_wrapped(tx, project, DATA, &row(1, &master, wrapped)).await?;
            rows = keys::wrapped(tx, project, DATA).await?;
        }
        let master = self.master_of_wrapped(tx).await?;
        let mut found = DataKeys::new();
        for wrapped in rows {
            let number = u32::try_from(wrapped.number)
                .map_err(|_| StoreError::Damaged("a data key's number".to_owned()))?;
            let place = master.place(project, number);
            found.insert(number, DataKey::unwrap_with(&master.key, &place, &wrapped.wrapped)?);
        }
        let found = Arc::new(found);
        self.keep(tx, |known| {
            known.data.insert(project.0, Arc::clone(&found));
        });
        Ok(found)
    }

    /// Seals a set of secret values for one field of one row.
    pub(super) async fn seal(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        spot: Spot<'_>,
        values: &BTreeMap<String, Secret>,
    ) -> Result<Vec<u8>, HubError> {
        let keys = self.data_keys(tx, caller.project()).await?;
        let (number, key) = keys.newest().ok_or(StoreError::Stale)?;
        let exposed: BTreeMap<&str, &str> =
            values.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        let plain = Zeroizing::new(serde_json::to_vec(&exposed).map_err(|error| {
            HubError::new(&codes::INTERNAL, "secrets can't be written").source(error)
        })?);
        let place = spot.place(caller.project());
        vault::seal(key, number, &place, &plain, self.random.as_ref())
    }

    /// Opens what [`Hub::seal`] made for the same place.
    pub(super) async fn open(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        spot: Spot<'_>,
        sealed: &[u8],
    ) -> Result<BTreeMap<String, Secret>, HubError> {
        let keys = self.data_keys(tx, caller.project()).await?;
        let plain = vault::open(&keys, &spot.place(caller.project()), sealed)?;
        let values: BTreeMap<String, String> = serde_json::from_slice(&plain).map_err(|_| {
            HubError::new(&codes::SEAL_BROKEN, "a sealed value does not hold what it should")
        })?;
        Ok(values.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
    }
}

/// The row and field that a sealed value lies in.
#[derive(Clone, Copy)]
pub(super) struct Spot<'a> {
    pub(super) table: &'a str,
    pub(super) id: &'a str,
    pub(super) field: &'a str,
    pub(super) version: i64,
}

impl<'a> Spot<'a> {
    fn place(self, project: ProjectNumber) -> Place<'a> {
        let Self { table, id, field, version } = self;
        Place { project: project.0, object: table, id, field, version }
    }
}

fn row(number: i64, master: &Master, wrapped: Vec<u8>) -> WrappedKey {
    WrappedKey { number, master_key: master.key.id().to_string(), wrapped }
}

async fn kept(tx: &mut Tx) -> Result<Option<Kept>, HubError> {
    let (place, id) = (keys::fact(tx, KEY_PLACE).await?, keys::fact(tx, KEY_ID).await?);
    let (Some(place), Some(id)) = (place, id) else { return Ok(None) };
    match (place.parse(), id.parse()) {
        (Ok(place), Ok(key_id)) => Ok(Some(Kept { place, key_id })),
        _ => Err(StoreError::Damaged("the record of the master key".to_owned()).into()),
    }
}

/// Keeps the first record written, and tells which one that is.
async fn remember(tx: &mut Tx, made: Kept) -> Result<Kept, HubError> {
    let place = keys::first_fact(tx, KEY_PLACE, made.place.as_str()).await?;
    let id = keys::first_fact(tx, KEY_ID, &made.key_id.to_string()).await?;
    match (place.parse(), id.parse()) {
        (Ok(place), Ok(key_id)) => Ok(Kept { place, key_id }),
        _ => Err(StoreError::Damaged("the record of the master key".to_owned()).into()),
    }
}
