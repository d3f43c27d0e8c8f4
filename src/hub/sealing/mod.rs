//! The keys of a store at work: found or made when they are first needed, then kept for the
//! process. Only commands that touch a secret ever come here.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::Hub;
use super::keysource::{self, Kept, KeyPlace, KeySources, StoreKey};
use super::vault::{self, DataKey, DataKeys, HashKey, MasterKey, Place};
use crate::domain::caller::Caller;
use crate::domain::ids::ProjectNumber;
use crate::domain::secret::Secret;
use crate::error::{HubError, codes};
use crate::store::keys::{self, WrappedKey};
use crate::store::{StoreError, Tx};

pub(super) mod master;

pub(super) use master::{DATA, HASH};
use master::{Master, kept, remember};

/// The project number under which keys of the whole store are kept.
pub(super) const WHOLE_STORE: ProjectNumber = ProjectNumber(0);

pub(super) struct Sealing {
    pub(super) sources: KeySources,
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

    /// Forgets the master key, so that the next one who needs it looks where it is kept.
    pub(super) fn forget_master(&self) {
        self.known().master = None;
    }

    /// Forgets the data keys of a project.
    pub(super) fn forget_data_keys(&self, project: ProjectNumber) {
        self.known().data.remove(&project.0);
    }
}

impl Hub {
    /// The master key of a store that has one.
    async fn known_master(&self, tx: &mut Tx) -> Result<Option<Arc<Master>>, HubError> {
        if let Some(master) = &self.sealing.known().master {
            return Ok(Some(Arc::clone(master)));
        }
        self.master_anew(tx).await
    }

    /// The same as the store says now, looked for where it is kept: another process may have
    /// changed it since it was loaded.
    pub(super) async fn master_anew(&self, tx: &mut Tx) -> Result<Option<Arc<Master>>, HubError> {
        let (Some(store_id), Some(kept)) =
            (keys::fact(tx, master::STORE_ID).await?, kept(tx).await?)
        else {
            return Ok(None);
        };
        let keys = self.load(store_id.clone(), kept)?;
        let master = Arc::new(Master { store_id, kept, keys });
        self.keep(tx, |known| known.master = Some(Arc::clone(&master)));
        Ok(Some(master))
    }

    /// The master key to wrap a new key with: it is the store's at this moment, since nobody can
    /// change it before this transaction ends.
    async fn master_to_wrap(&self, tx: &mut Tx) -> Result<Option<Arc<Master>>, HubError> {
        let known = self.sealing.known().master.clone();
        match (known, kept(tx).await?) {
            (Some(master), Some(kept)) if master.kept == kept => Ok(Some(master)),
            _ => self.master_anew(tx).await,
        }
    }

    /// The master key of the store; a store without one gets one in this transaction.
    pub(super) async fn master(&self, tx: &mut Tx) -> Result<Arc<Master>, HubError> {
        if let Some(master) = self.master_to_wrap(tx).await? {
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
        let kept = remember(tx, made.kept()).await?;
        let keys = if kept.key_id == made.key.id() {
            self.sealing.known().note = made.note;
            vec![made.key]
        } else {
            self.load(store_id.clone(), kept)?
        };
        Ok(Arc::new(Master { store_id, kept, keys }))
    }

    /// What stands in for the key that a rehearsal does not make.
    fn rehearsal_master(&self) -> Result<Arc<Master>, HubError> {
        let mut known = self.sealing.known();
        if let Some(master) = &known.rehearsal {
            return Ok(Arc::clone(master));
        }
        let key = MasterKey::generate(self.random.as_ref())?;
        let kept = Kept { place: KeyPlace::File, key_id: key.id(), next: None };
        let store_id = "rehearsal".to_owned();
        let master = Arc::new(Master { store_id, kept, keys: vec![key] });
        known.rehearsal = Some(Arc::clone(&master));
        Ok(master)
    }

    fn load(&self, store_id: String, kept: Kept) -> Result<Vec<MasterKey>, HubError> {
        let store = StoreKey { store_id, kept: Some(kept) };
        Ok(keysource::load(&self.sealing.sources, &store)?.all)
    }

    /// Remembers a key for the process, unless the transaction that made it may still be undone.
    fn keep(&self, tx: &Tx, put: impl FnOnce(&mut Known)) {
        if !tx.has_new_keys() {
            put(&mut self.sealing.known());
        }
    }

    async fn store_id(&self, tx: &mut Tx) -> Result<String, HubError> {
        if let Some(id) = keys::fact(tx, master::STORE_ID).await? {
            return Ok(id);
        }
        let id = self.random.uuid_v7(self.clock.now())?.to_string();
        Ok(keys::first_fact(tx, master::STORE_ID, &id).await?)
    }

    /// The key that turns tokens into hashes; a store without one gets one in this transaction.
    pub(super) async fn hash_key(&self, tx: &mut Tx) -> Result<Arc<HashKey>, HubError> {
        if let Some(key) = self.known_hash_key(tx).await? {
            return Ok(key);
        }
        let (master, random) = (self.master(tx).await?, self.random.as_ref());
        let place = master.place(WHOLE_STORE, 1);
        let wraps = master.wraps()?;
        let wrapped = HashKey::generate(random)?.wrap(wraps, &place, random)?;
        keys::add_wrapped(tx, WHOLE_STORE, HASH, &row(1, wraps, wrapped)).await?;
        Ok(self.known_hash_key(tx).await?.ok_or(StoreError::Stale)?)
    }

    /// Whether the key that turns tokens into hashes is at hand, so that nobody has to make it.
    pub(super) fn has_hash_key(&self) -> bool {
        self.sealing.known().hash.is_some()
    }

    /// Whether the store has keys, and its master key opens them. Where it has none yet, the file
    /// that is named for it has to hold one.
    ///
    /// # Errors
    /// `key.missing`, `key.wrong`, `key.malformed`, and as the keyring or the store report them.
    pub async fn keys_work(&self) -> Result<bool, HubError> {
        let mut tx = self.store.begin_read().await?;
        let has_keys = self.known_hash_key(&mut tx).await?.is_some();
        if !has_keys {
            keysource::check_named(&self.sealing.sources)?;
        }
        Ok(has_keys)
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
        let opened = match self.master_of_wrapped(tx, &rows).await {
            Ok(master) => master.hash_key(WHOLE_STORE, first),
            Err(error) => Err(error),
        };
        let key = match opened {
            Err(error) if is_overtaken(&error) => {
                let mut now = self.store.begin_read().await?;
                let rows = keys::wrapped(&mut now, WHOLE_STORE, HASH).await?;
                let Some(first) = rows.first() else { return Err(error) };
                let master = self.master_of_wrapped(&mut now, &rows).await?;
                master.hash_key(WHOLE_STORE, first)
            }
            opened => opened,
        }?;
        let key = Arc::new(key);
        self.keep(tx, |known| known.hash = Some(Arc::clone(&key)));
        Ok(Some(key))
    }

    /// The master key of a store that has wrapped keys: another one is never made for it. Where
    /// one of these keys needs a master key that is not known, it is looked for once more.
    async fn master_of_wrapped(
        &self,
        tx: &mut Tx,
        rows: &[WrappedKey],
    ) -> Result<Arc<Master>, HubError> {
        let mut master = self.known_master(tx).await?;
        if master.as_ref().is_some_and(|master| !rows.iter().all(|row| master.can_open(row))) {
            master = self.master_anew(tx).await?;
        }
        match master {
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
            let master = self.master(tx).await?;
            self.make_data_key(tx, &master, project, 1).await?;
            rows = keys::wrapped(tx, project, DATA).await?;
        }
        let found = match self.opened(tx, project, &rows).await {
            Err(error) if is_overtaken(&error) => {
                let mut now = self.store.begin_read().await?;
                let rows = keys::wrapped(&mut now, project, DATA).await?;
                if rows.is_empty() {
                    return Err(error);
                }
                self.opened(&mut now, project, &rows).await
            }
            opened => opened,
        }?;
        let found = Arc::new(found);
        self.keep(tx, |known| {
            known.data.insert(project.0, Arc::clone(&found));
        });
        Ok(found)
    }

    async fn opened(
        &self,
        tx: &mut Tx,
        project: ProjectNumber,
        rows: &[WrappedKey],
    ) -> Result<DataKeys, HubError> {
        let master = self.master_of_wrapped(tx, rows).await?;
        let mut found = DataKeys::new();
        for wrapped in rows {
            let (number, key) = master.data_key(project, wrapped)?;
            found.insert(number, key);
        }
        Ok(found)
    }

    /// Makes a data key of this number for a project, wrapped by the store's master key.
    pub(super) async fn make_data_key(
        &self,
        tx: &mut Tx,
        master: &Master,
        project: ProjectNumber,
        number: u32,
    ) -> Result<(), HubError> {
        let random = self.random.as_ref();
        let (place, wraps) = (master.place(project, number), master.wraps()?);
        let wrapped = DataKey::generate(random)?.wrap(wraps, &place, random)?;
        let key = row(i64::from(number), wraps, wrapped);
        Ok(keys::add_wrapped(tx, project, DATA, &key).await?)
    }

    /// The data keys of a project, that of this number among them if the store has it: another
    /// process may have made it since they were loaded.
    pub(super) async fn data_keys_with(
        &self,
        tx: &mut Tx,
        project: ProjectNumber,
        number: i64,
    ) -> Result<Arc<DataKeys>, HubError> {
        let keys = self.data_keys(tx, project).await?;
        if u32::try_from(number).is_ok_and(|number| number == 0 || keys.get(number).is_some()) {
            return Ok(keys);
        }
        self.sealing.forget_data_keys(project);
        self.data_keys(tx, project).await
    }

    /// The data keys of a project to seal with: the newest one is the project's at this moment,
    /// since nobody can make another one before this transaction ends. One that is older may be
    /// deleted as soon as nothing is sealed with it.
    pub(super) async fn keys_to_seal(
        &self,
        tx: &mut Tx,
        project: ProjectNumber,
    ) -> Result<Arc<DataKeys>, HubError> {
        let newest = keys::newest(tx, project, DATA).await?;
        self.data_keys_with(tx, project, newest).await
    }

    /// The data keys of a project to open this with.
    async fn keys_to_open(
        &self,
        tx: &mut Tx,
        project: ProjectNumber,
        sealed: &[u8],
    ) -> Result<Arc<DataKeys>, HubError> {
        let number = vault::sealed_key_id(sealed).map_or(0, i64::from);
        self.data_keys_with(tx, project, number).await
    }

    /// Seals a set of secret values for one field of one row.
    pub(super) async fn seal(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        spot: Spot<'_>,
        values: &BTreeMap<String, Secret>,
    ) -> Result<Vec<u8>, HubError> {
        let keys = self.keys_to_seal(tx, caller.project()).await?;
        self.seal_values(&keys, caller.project(), spot, values)
    }

    /// Seals a set of secret values for one field of one row, with keys that are the project's at
    /// this moment.
    pub(super) fn seal_values(
        &self,
        keys: &DataKeys,
        project: ProjectNumber,
        spot: Spot<'_>,
        values: &BTreeMap<String, Secret>,
    ) -> Result<Vec<u8>, HubError> {
        let exposed: BTreeMap<&str, &str> =
            values.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        let plain = Zeroizing::new(
            serde_json::to_vec(&exposed).map_err(HubError::internal("secrets can't be written"))?,
        );
        self.seal_text(keys, project, spot, &plain)
    }

    /// Opens what [`Hub::seal`] made for the same place.
    pub(super) async fn open(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        spot: Spot<'_>,
        sealed: &[u8],
    ) -> Result<BTreeMap<String, Secret>, HubError> {
        let keys = self.keys_to_open(tx, caller.project(), sealed).await?;
        let plain = vault::open(&keys, &spot.place(caller.project()), sealed)?;
        let values: BTreeMap<String, String> = serde_json::from_slice(&plain).map_err(|_| {
            HubError::new(&codes::SEAL_BROKEN, "a sealed value does not hold what it should")
        })?;
        Ok(values.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
    }
}

impl Hub {
    /// Seals a text for one field of one row, with keys that are the project's at this moment.
    pub(super) fn seal_text(
        &self,
        keys: &DataKeys,
        project: ProjectNumber,
        spot: Spot<'_>,
        plain: &[u8],
    ) -> Result<Vec<u8>, HubError> {
        let (number, key) = keys.newest().ok_or(StoreError::Stale)?;
        vault::seal(key, number, &spot.place(project), plain, self.random.as_ref())
    }

    /// Opens what [`Hub::seal_text`] made for the same place.
    pub(super) async fn open_text(
        &self,
        tx: &mut Tx,
        project: ProjectNumber,
        spot: Spot<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HubError> {
        let keys = self.keys_to_open(tx, project, sealed).await?;
        vault::open(&keys, &spot.place(project), sealed)
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

/// Whether the keys at hand may only be newer than what the transaction sees of the store: it may
/// have begun before they were changed, and is then asked for once more, as it is now.
fn is_overtaken(error: &HubError) -> bool {
    [codes::KEY_WRONG.name, codes::KEY_HALF_ROTATED.name].contains(&error.code().name)
}

fn row(number: i64, wraps: &MasterKey, wrapped: Vec<u8>) -> WrappedKey {
    WrappedKey { number, master_key: wraps.id().to_string(), wrapped, next: None }
}
