//! Deleting accounts: the provider is asked to forget the tokens, then they are destroyed (AT-20).

use crate::domain::caller::{Caller, Permission};
use crate::domain::event::EventKind;
use crate::domain::ids::AccountId;
use crate::domain::refresh as rules;
use crate::domain::refusal::Touch;
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::linking;
use crate::hub::refresh::{self, Patience, Stored};
use crate::hub::write::{Guard, Outcome, Record};
use crate::provider::Revocation;
use crate::store::{Tx, accounts};

use super::{View, event_data, load, resource, snapshot, view};

/// How often an account waits for tokens that came meanwhile to be revoked before it goes.
const WAITS: usize = 3;

/// What a delete did.
#[derive(Debug, Clone, PartialEq)]
pub struct Removed {
    /// To the account.
    pub outcome: Outcome<View>,
    /// To its tokens at the provider, with those that came while it was asked; empty where it has
    /// none, or no way to be asked.
    pub revoked: Vec<Revocation>,
}

/// What a provider was asked to forget.
struct Asked {
    /// Which credentials these are: a refresh raises it.
    version: i64,
    revoked: Vec<Revocation>,
}

impl Asked {
    /// Whether it has forgotten any of them.
    fn has_revoked(&self) -> bool {
        self.revoked.iter().any(|one| one.outcome.is_ok())
    }
}

/// What became of an account that was to go.
enum Fate {
    /// It is gone.
    Gone(Box<Gone>),
    /// It is as it was, with this in the place of what was revoked.
    Waits(Box<Stored>),
    /// Nobody knows: the commit got no answer.
    Unknown(Box<Gone>, HubError),
}

/// An account that is gone.
struct Gone {
    outcome: Outcome<View>,
    /// What it had by then in the place of what was revoked.
    newer: Option<Result<Stored, HubError>>,
}

/// Removes an account and destroys its credentials (AT-20 to AT-23). Unless `keep_remote`, the
/// provider is asked to forget its tokens first; where it does not, the account goes all the same.
/// So it does where whoever asked goes away: tokens that were revoked are of no use to anybody.
/// Therefore a store that can't take its end then is waited for, and an account that stays all the
/// same is in error (AT-5). Tokens that come meanwhile are revoked too (threat 25), before it goes: a
/// hub that is stopped in between leaves an account that can be deleted again, and no tokens that
/// nobody knows of. Only where they come again and again are the last of them revoked when it is
/// gone.
///
/// # Errors
/// `account.not_found`, `guard.too_many_affected`.
pub async fn delete(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
    keep_remote: bool,
    guard: Guard,
) -> Result<Removed, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    guard.check(1, Touch::Delete)?;
    let (own, caller, id) = (hub.clone(), caller.clone(), id.clone());
    let task = hub.detached(async move {
        let mut asked = match keep_remote || guard.dry_run {
            true => None,
            false => revoke(&own, &caller, &id).await?,
        };
        let mut waits = 0;
        let mut patience = Patience::new();
        let mut unknown = None;
        let Gone { outcome, newer } = loop {
            let version = asked.as_ref().map(|asked| asked.version);
            let error = match destroy(&own, &caller, &id, guard, version, waits < WAITS).await {
                Ok(Fate::Gone(gone)) => break *gone,
                Ok(Fate::Waits(stored)) => {
                    let newer = forget(&own, &caller, &stored).await;
                    let earlier = asked.map(|asked| asked.revoked).unwrap_or_default();
                    let revoked = both(earlier, newer);
                    asked = Some(Asked { version: stored.kept.version, revoked });
                    waits += 1;
                    continue;
                }
                Ok(Fate::Unknown(gone, error)) => {
                    unknown = Some(gone);
                    error
                }
                Err(error) => match unknown.take() {
                    // It had gone with the commit of which nothing was known.
                    Some(gone) if error.code().name == codes::ACCOUNT_UNKNOWN.name => break *gone,
                    known => {
                        unknown = known;
                        error
                    }
                },
            };
            let Some(asked) = asked.as_ref().filter(|asked| asked.has_revoked()) else {
                return Err(error);
            };
            if !patience.bears(&error, "a deletion waits").await {
                give_up(&own, &caller, &id, asked.version).await;
                return Err(error);
            }
        };
        let revoked = asked.map(|asked| asked.revoked).unwrap_or_default();
        let revoked = match newer {
            None => revoked,
            Some(Ok(stored)) => both(revoked, forget(&own, &caller, &stored).await),
            // Of tokens that can't be read, nobody can say that they are revoked.
            Some(Err(_)) => Vec::new(),
        };
        Ok(Removed { outcome, revoked })
    });
    task.await.map_err(HubError::internal("the account was not deleted to its end"))?
}

/// Removes the account itself. `revoked` is the version of the credentials that were revoked, where
/// the provider was asked; one that has newer ones by now stays if it `may_wait`.
async fn destroy(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
    guard: Guard,
    revoked: Option<i64>,
    may_wait: bool,
) -> Result<Fate, HubError> {
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let account = load(&mut tx, caller, id).await?;
    let before = view(&mut tx, caller, account.clone()).await?;
    let newer = match revoked {
        Some(version) => newer_than(hub, &mut tx, caller, id, version).await?,
        None => None,
    };
    let newer = match newer {
        Some(Ok(stored)) if may_wait => return Ok(Fate::Waits(Box::new(stored))),
        newer => newer,
    };
    accounts::delete(&mut tx, caller.project(), &account).await?;
    let data = Some(event_data(&account));
    hub.emit(&mut tx, caller, EventKind::AccountDeleted, id.as_str(), now, data).await?;
    let record = Record {
        action: "delete",
        resource: resource(&account),
        affected: 1,
        before: Some(snapshot(&account)),
        after: None,
    };
    let operation = Some(hub.record(&mut tx, caller, now, record).await?);
    let before = Some(before);
    let outcome = Outcome { before, after: None, changed: true, affected: 1, operation };
    let gone = Box::new(Gone { outcome, newer });
    match guard.finish(tx).await {
        Ok(()) => Ok(Fate::Gone(gone)),
        Err(error) if error.code().name == codes::STORE_UNREACHABLE.name => {
            Ok(Fate::Unknown(gone, error))
        }
        Err(error) => Err(error),
    }
}

/// Marks an account that stays although its tokens were revoked, if the store lets it.
async fn give_up(hub: &Hub, caller: &Caller, id: &AccountId, revoked: i64) {
    if let Err(error) = mark(hub, caller, id, revoked).await {
        tracing::warn!(
            target: "hubctl::refresh", account = id.as_str(), code = error.code().name,
            "an account stays whose tokens are revoked: {error}"
        );
    }
}

async fn mark(hub: &Hub, caller: &Caller, id: &AccountId, revoked: i64) -> Result<(), HubError> {
    let now = hub.clock.now();
    let mut tx = hub.store.begin_write().await?;
    let found = accounts::by_id(&mut tx, caller.project(), id).await?;
    let Some(account) = found else { return Ok(()) };
    // Newer tokens may work.
    if newer_than(hub, &mut tx, caller, id, revoked).await?.is_some() {
        return Ok(());
    }
    let decided = rules::revoked(account, now);
    let kinds = [EventKind::AccountUpdated, EventKind::AccountError];
    refresh::write(hub, &mut tx, caller, decided, &kinds, now).await?;
    tx.commit().await?;
    Ok(())
}

/// What the account has where its credentials were replaced since this version: nobody finds them
/// any more once it is gone.
async fn newer_than(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    id: &AccountId,
    version: i64,
) -> Result<Option<Result<Stored, HubError>>, HubError> {
    let stored = accounts::credentials(tx, caller.project(), id).await?;
    if stored.is_none_or(|stored| stored.version <= version) {
        return Ok(None);
    }
    Ok(Some(refresh::load(hub, tx, caller, id).await))
}

/// `None` where nobody can be asked.
async fn revoke(hub: &Hub, caller: &Caller, id: &AccountId) -> Result<Option<Asked>, HubError> {
    let mut tx = hub.store.begin_read().await?;
    load(&mut tx, caller, id).await?;
    // Of a connector that is gone, or whose values can't be read, nobody can be asked.
    let Ok(stored) = refresh::load(hub, &mut tx, caller, id).await else { return Ok(None) };
    drop(tx);
    let revoked = forget(hub, caller, &stored).await;
    Ok(Some(Asked { version: stored.kept.version, revoked }))
}

/// Asks the provider to forget the tokens that are stored. No transaction may be open.
async fn forget(hub: &Hub, caller: &Caller, stored: &Stored) -> Vec<Revocation> {
    let values = stored.values();
    linking::revoke(hub, caller, &stored.way, Some(&stored.account.id), &values).await
}

/// What became of the tokens of each kind: they are revoked where all of them are.
fn both(mut all: Vec<Revocation>, newer: Vec<Revocation>) -> Vec<Revocation> {
    for one in newer {
        match all.iter_mut().find(|known| known.token == one.token) {
            Some(known) if known.outcome.is_ok() => *known = one,
            Some(_) => {}
            None => all.push(one),
        }
    }
    all
}
