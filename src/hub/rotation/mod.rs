//! Changes the store's master key while others work with it, in steps that may be stopped
//! anywhere: what is left is found and finished by another run (threat 33).
//!
//! 0. Where hubctl keeps the key, the old one is kept under a name with its id as well, for backups
//!    made before.
//! 1. The new key is put beside the old one where the key is kept, or in the file that was named.
//! 2. The store notes which key follows.
//! 3. Every wrapped key is wrapped by the new key as well, some in each transaction.
//! 4. One transaction puts the new wrappings in the place of the old ones, takes along what was
//!    made meanwhile, and makes the new key the store's.
//! 5. The old key is taken away from where the key is kept.
//!
//! Up to step 4 the old key alone opens everything, and from then on the new one does.

use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::domain::caller::{Caller, Permission};
use crate::domain::ids::OperationId;
use crate::domain::rotation::{Lack, Plan, Record};
use crate::error::{HubError, codes};
use crate::store::keys;

use super::Hub;
use super::keysource::{
    self, FormerKey, Kept, KeyPlace, KeySources, NewKeyFile, StoreKey, half_rotated,
};
use super::private_file::lock_beside;
use super::sealing::master::{self, Master, kept, key_fact};
use super::vault::{KeyId, MasterKey};

mod cancel;
pub mod data_keys;
mod steps;

pub use cancel::cancel;

/// What a rotation is asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The file for the new key, where the operator keeps the key in one.
    pub new_key_file: Option<PathBuf>,
    /// Stop before the old key is given up: either of them opens the store then.
    pub prepare: bool,
    /// The data keys are to be replaced afterwards: where that was begun already, this run is its
    /// second half, and the master key is a new one.
    pub data_keys: bool,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What was just made durable; told as it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The new key is where the key is kept, beside the old one.
    KeyAtHand,
    /// The store knows which key follows.
    Begun,
    /// So many of the keys are wrapped by it as well.
    Wrapped {
        /// How many.
        done: u64,
        /// Of how many.
        of: u64,
    },
    /// The new key is the store's, and the old one opens nothing any more.
    Switched,
    /// The old key is gone from where the key is kept.
    Tidied,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// The store has a new master key.
    Rotated,
    /// Old and new key open the store.
    Prepared,
    /// The old key of an earlier rotation was taken away.
    Tidied,
    /// The rotation under way was given up.
    Cancelled,
    /// There was nothing to do.
    Nothing,
}

/// A store's master key, as far as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its public fingerprint.
    pub key_id: KeyId,
    /// Where it is kept.
    pub place: KeyPlace,
    /// The key that follows, while it is being changed.
    pub next: Option<KeyId>,
    /// How many keys it wraps.
    pub wrapped: u64,
}

/// What a rotation did.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// What it came to.
    pub came: Came,
    /// The key before.
    pub before: Shown,
    /// The key after; in a dry run the one that would be, if it is there already.
    pub after: Shown,
    /// Whether it went on from an earlier run.
    pub resumed: bool,
    /// How many keys were, or would be, wrapped anew by this run.
    pub wrapped: u64,
    /// A file that was made for the new key.
    pub made_file: Option<PathBuf>,
    /// Where the old key is kept for backups made before, or would be; nowhere where the operator
    /// keeps it.
    pub former: Option<FormerKey>,
    /// The record of it.
    pub operation: Option<OperationId>,
}

/// What is known when a rotation begins.
struct Start {
    store_id: String,
    kept: Kept,
    previous: Option<KeyId>,
    wrapped: u64,
}

impl Start {
    async fn look(hub: &Hub) -> Result<Self, HubError> {
        let mut tx = hub.store.begin_read().await?;
        let store_id = keys::fact(&mut tx, master::STORE_ID).await?;
        let (Some(store_id), Some(kept)) = (store_id, kept(&mut tx).await?) else {
            let text = "the store has no master key yet: nothing was sealed in it so far";
            return Err(HubError::new(&codes::KEY_MISSING, text)
                .hint("there is nothing to do: the first secret makes a key"));
        };
        let previous = key_fact(&mut tx, master::PREVIOUS_KEY_ID).await?;
        let wrapped = keys::count(&mut tx).await?;
        Ok(Self { store_id, kept, previous, wrapped })
    }

    fn record(&self) -> Record<KeyId> {
        let Kept { key_id: current, next, .. } = self.kept;
        Record { current, next, previous: self.previous }
    }

    fn shown(&self) -> Shown {
        let Kept { key_id, place, next } = self.kept;
        Shown { key_id, place, next, wrapped: self.wrapped }
    }

    /// What the plan would make of it; a key that is still to be made has no id.
    fn expected(&self, plan: Plan<KeyId>, prepare: bool) -> Shown {
        match plan {
            Plan::BeginWith(id) | Plan::Resume(id) if prepare => {
                Shown { next: Some(id), ..self.shown() }
            }
            Plan::BeginWith(id) | Plan::Resume(id) => {
                Shown { key_id: id, next: None, ..self.shown() }
            }
            Plan::Begin | Plan::Tidy(_) => self.shown(),
        }
    }

    /// The key at hand that the plan gives up, and where it stays; none of the operator's.
    fn given_up<'k>(
        &self,
        plan: Plan<KeyId>,
        at_hand: &'k [MasterKey],
        sources: &KeySources,
        place: KeyPlace,
    ) -> Option<(&'k MasterKey, FormerKey)> {
        let id = match plan {
            Plan::Tidy(previous) => previous,
            Plan::Begin | Plan::BeginWith(_) | Plan::Resume(_) => self.kept.key_id,
        };
        let key = at_hand.iter().find(|key| key.id() == id)?;
        let at = keysource::former_place(sources, &self.store_id, place, id)?;
        Some((key, at))
    }

    fn store_key(&self) -> StoreKey {
        StoreKey { store_id: self.store_id.clone(), kept: Some(self.kept) }
    }

    fn came(&self, came: Came) -> Rotation {
        Rotation {
            came,
            before: self.shown(),
            after: self.shown(),
            resumed: false,
            wrapped: 0,
            made_file: None,
            former: None,
            operation: None,
        }
    }
}

/// Changes the master key, or goes on with a change that was stopped. `at` is told of each step
/// when it is durable; an error of its own stops there.
///
/// # Errors
/// `key.missing` for a store without keys, `key.half_rotated` and `key.rotates` where the keys at
/// hand are not those of the rotation under way, and as the store, the file or the keyring report
/// them.
pub async fn rotate(
    hub: &Hub,
    caller: &Caller,
    wanted: &Wanted,
    at: impl FnMut(Step) -> Result<(), HubError>,
) -> Result<Rotation, HubError> {
    hub.require(caller, Permission::Administer)?;
    let lock = alone(&hub.sealing.sources, wanted.dry_run)?;
    match decide(hub, wanted).await? {
        ControlFlow::Continue(work) => carry_out(hub, caller, wanted, work, lock, at).await,
        ControlFlow::Break(rotation) => Ok(rotation),
    }
}

/// What a rotation is about to do.
struct Work {
    start: Start,
    plan: Plan<KeyId>,
    /// Where the key is kept, and every key that was found.
    place: KeyPlace,
    at_hand: Vec<MasterKey>,
    /// What is told of it, as far as it is known before.
    told: Rotation,
}

/// What there is to do, or what is told where nothing is to be done. Of all that is kept, nothing
/// changes but that a file named for the new key may be made.
async fn decide(hub: &Hub, wanted: &Wanted) -> Result<ControlFlow<Rotation, Work>, HubError> {
    let sources = &hub.sealing.sources;
    let start = Start::look(hub).await?;
    let rests = start.kept.next.is_none();
    if wanted.data_keys && rests && data_keys::is_under_way(hub).await? {
        return Ok(ControlFlow::Break(start.came(Came::Nothing)));
    }
    let may_make = !wanted.dry_run && rests;
    let named = named(hub, wanted, &start, may_make)?;
    if let Some(named) = &named
        && rests
        && named.keys.iter().any(|key| key.id() == start.kept.key_id)
    {
        return Ok(ControlFlow::Break(start.came(Came::Nothing)));
    }
    let loaded = keysource::load(sources, &start.store_key())?;
    let keeps_own = loaded.place != KeyPlace::External;
    if keeps_own && wanted.new_key_file.is_some() {
        let text = "the store's master key is not in a file of yours: the new one is put where the \
                    old one is";
        return Err(HubError::new(&codes::USAGE, text).hint("leave --new-key-file out"));
    }
    let mut at_hand = loaded.all;
    let made_file = named.as_ref().filter(|named| named.is_new);
    let made_file = made_file.and_then(|_| wanted.new_key_file.clone());
    let plan = plan(&start, &mut at_hand, named, keeps_own)?;
    let unreached = match plan {
        Plan::Begin | Plan::BeginWith(_) => start.wrapped,
        Plan::Resume(next) => steps::count_unreached(hub, next).await?,
        Plan::Tidy(_) => 0,
    };
    let resumed = match plan {
        Plan::Begin => false,
        // Where the operator keeps the key, it was put there to begin with it.
        Plan::BeginWith(_) => keeps_own,
        Plan::Resume(_) | Plan::Tidy(_) => true,
    };
    let after = start.expected(plan, wanted.prepare);
    let former = start.given_up(plan, &at_hand, sources, loaded.place).map(|(_, former)| former);
    let came = start.came(outcome(plan, wanted.prepare));
    let told = Rotation { after, resumed, wrapped: unreached, made_file, former, ..came };
    if wanted.dry_run {
        let needs_file = !keeps_own && plan == Plan::Begin && wanted.new_key_file.is_none();
        return match needs_file {
            true => Err(file_needed(sources)),
            false => Ok(ControlFlow::Break(told)),
        };
    }
    Ok(ControlFlow::Continue(Work { start, plan, place: loaded.place, at_hand, told }))
}

/// Does it, step by step. The lock is held until the store itself says what is under way.
async fn carry_out(
    hub: &Hub,
    caller: &Caller,
    wanted: &Wanted,
    work: Work,
    lock: Option<std::fs::File>,
    mut at: impl FnMut(Step) -> Result<(), HubError>,
) -> Result<Rotation, HubError> {
    let sources = &hub.sealing.sources;
    let Work { start, plan, place, mut at_hand, told } = work;
    let keeps_own = place != KeyPlace::External;
    if let Some((key, former)) = start.given_up(plan, &at_hand, sources, place) {
        keysource::keep_former(sources, &former, key)?;
    }
    let target = match plan {
        Plan::Tidy(previous) => {
            steps::put_away(sources, &start.store_key(), previous)?;
            at(Step::Tidied)?;
            return Ok(told);
        }
        Plan::Begin if !keeps_own => return Err(file_needed(sources)),
        Plan::Begin => {
            let key = MasterKey::generate(hub.random.as_ref())?;
            at_hand.push(key.clone());
            let all: Vec<&MasterKey> = at_hand.iter().collect();
            keysource::replace(sources, &start.store_id, place, &all)?;
            key
        }
        Plan::BeginWith(id) | Plan::Resume(id) => {
            at_hand.iter().find(|key| key.id() == id).cloned().ok_or_else(master::damaged)?
        }
    };
    at(Step::KeyAtHand)?;
    if start.kept.next.is_none() {
        steps::begin(hub, &start.kept, target.id()).await?;
    }
    at(Step::Begun)?;
    // From here on the store says what is under way, whoever comes.
    drop(lock);
    let kept = Kept { next: Some(target.id()), ..start.kept };
    let master = Master { store_id: start.store_id.clone(), kept, keys: at_hand };
    steps::wrap_all(hub, &master, &target, &mut at).await?;
    let shown = Shown { next: Some(target.id()), ..start.shown() };
    if wanted.prepare {
        hub.sealing.forget_master();
        return Ok(Rotation { after: shown, ..told });
    }
    let (operation, wrapped) = steps::switch(hub, caller, &master, &target, place).await?;
    hub.sealing.forget_master();
    at(Step::Switched)?;
    let after = Shown { key_id: target.id(), place, next: None, wrapped };
    if keeps_own {
        let _lock = alone(sources, false)?;
        let kept = Kept { place, key_id: target.id(), next: None };
        let store = StoreKey { kept: Some(kept), ..start.store_key() };
        steps::put_away(sources, &store, start.kept.key_id)?;
        at(Step::Tidied)?;
    }
    Ok(Rotation { after, operation, ..told })
}

/// What a plan that is carried out comes to.
fn outcome(plan: Plan<KeyId>, prepare: bool) -> Came {
    match plan {
        Plan::Tidy(_) => Came::Tidied,
        _ if prepare => Came::Prepared,
        _ => Came::Rotated,
    }
}

/// Keeps other rotations on this machine away while what is kept beside the store changes.
fn alone(sources: &KeySources, dry_run: bool) -> Result<Option<std::fs::File>, HubError> {
    match sources.file.is_some() || dry_run {
        true => Ok(None),
        false => lock_beside(&sources.beside),
    }
}

/// What the file that was named for the new key holds.
fn named(
    hub: &Hub,
    wanted: &Wanted,
    start: &Start,
    may_make: bool,
) -> Result<Option<NewKeyFile>, HubError> {
    let Some(path) = &wanted.new_key_file else { return Ok(None) };
    // Another place has no use for a file; nothing is made before that is known.
    let is_theirs = hub.sealing.sources.file.is_some();
    let found = keysource::new_key_file(path, hub.random.as_ref(), may_make && is_theirs)?;
    if let (Some(named), Some(next)) = (&found, start.kept.next)
        && !named.keys.iter().any(|key| key.id() == next)
    {
        let ids: Vec<String> = named.keys.iter().map(|key| key.id().to_string()).collect();
        let text = format!(
            "the store's master key is being changed to {next}, and {} holds {}",
            path.display(),
            ids.join(" and ")
        );
        return Err(HubError::new(&codes::KEY_ROTATES, text)
            .hint("name the file with that key, or add --cancel to give that change up"));
    }
    Ok(found)
}

fn plan(
    start: &Start,
    at_hand: &mut Vec<MasterKey>,
    named: Option<NewKeyFile>,
    keeps_own: bool,
) -> Result<Plan<KeyId>, HubError> {
    let ids: Vec<KeyId> = at_hand.iter().map(MasterKey::id).collect();
    let record = start.record();
    let Some(named) = named else {
        return record.plan(&ids, keeps_own).map_err(|lack| lacks(lack, &start.kept, keeps_own));
    };
    let new: Vec<KeyId> = named.keys.iter().map(MasterKey::id).collect();
    at_hand.extend(named.keys.into_iter().filter(|key| !ids.contains(&key.id())));
    match record.next {
        // The file was found to hold it.
        Some(next) => Ok(Plan::Resume(next)),
        None => Ok(new.first().map_or(Plan::Begin, |first| Plan::BeginWith(*first))),
    }
}

fn lacks(lack: Lack<KeyId>, kept: &Kept, keeps_own: bool) -> HubError {
    let Lack(key) = lack;
    let Some(next) = kept.next else { return half_rotated(kept.key_id, key) };
    let message =
        format!("the store's master key is being changed to {next}, which is not at hand");
    let hint = match keeps_own {
        true => {
            "bring that key back to where the key is kept, or give the change up: hubctl store rotate-key --cancel"
        }
        false => {
            "add --new-key-file with the file of that key, or give the change up: hubctl store rotate-key --cancel"
        }
    };
    HubError::new(&codes::KEY_HALF_ROTATED, message).hint(hint)
}

fn file_needed(sources: &KeySources) -> HubError {
    let shown = sources.file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let text = format!("the master key is in {shown}, which is yours: the new one needs a file");
    HubError::new(&codes::INPUT_NEEDED, text)
        .hint("add --new-key-file PATH; a file that is not there is made")
}
