//! One refresh: take the lease, ask the provider, write the outcome under the fence.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::domain::account::{Account, Decided, Status};
use crate::domain::caller::Caller;
use crate::domain::credentials::{Tokens, Values};
use crate::domain::event::EventKind;
use crate::domain::ids::{AccountId, ProjectNumber};
use crate::domain::provider_failure::ProviderFailure;
use crate::domain::refresh as rules;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::Hub;
use crate::hub::accounts::event_data;
use crate::hub::linking::{credentials_spot, provider_error, revoke};
use crate::hub::vault::DataKeys;
use crate::store::accounts::refresh::{self, Failed};
use crate::store::accounts::{Credentials, TokenLife};
use crate::store::{Tx, accounts};

use super::{Stored, note};

/// What a refresh came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// There are new tokens.
    Renewed,
    /// Somebody else is at it, or was faster.
    NotOurs,
}

/// A lease on an account's tokens.
pub(super) struct Lease {
    caller: Caller,
    stored: Stored,
    fence: i64,
    /// Whether an answer to an earlier refresh never arrived.
    was_lost: bool,
}

impl Lease {
    /// The account.
    pub(super) const fn account(&self) -> &AccountId {
        &self.stored.account.id
    }
}

/// Renews the tokens that are stored.
///
/// # Errors
/// As the provider's failure says; what it means for the account is written by then.
pub(super) async fn refresh(hub: &Hub, caller: &Caller, stored: Stored) -> Result<Done, HubError> {
    let mut tx = hub.store.begin_append().await?;
    let Some(lease) = claim(hub, &mut tx, caller, stored).await? else {
        return Ok(Done::NotOurs);
    };
    tx.commit().await?;
    match ask(hub, &lease).await {
        Ok(tokens) => keep(hub, &lease, &tokens).await,
        Err(failure) => refuse(hub, &lease, failure).await,
    }
}

/// Takes the lease, if nobody has had it since the account was read. It holds when the transaction
/// is committed.
pub(super) async fn claim(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    stored: Stored,
) -> Result<Option<Lease>, HubError> {
    let Some(seen) = &stored.fresh else { return Ok(None) };
    let now = hub.clock.now();
    let until = now.plus_seconds(rules::LEASE_S);
    let (project, id) = (caller.project(), &stored.account.id);
    let Some(fence) = refresh::claim(tx, project, id, seen, now, until).await? else {
        return Ok(None);
    };
    let was_lost = seen.asked_at.is_some();
    Ok(Some(Lease { caller: caller.clone(), stored, fence, was_lost }))
}

/// Asks the provider for new tokens. No transaction may be open.
pub(super) async fn ask(hub: &Hub, lease: &Lease) -> Result<Tokens, ProviderFailure> {
    let values = lease.stored.values();
    let way = &lease.stored.way;
    let purpose = way.purpose(&lease.caller, Some(lease.account()), &values, "refresh_token");
    hub.logging(purpose, hub.provider.refresh(way.target(&values), hub.clock.now())).await
}

/// New tokens with everything else that is secret of an account, as they are kept.
pub(super) struct Renewal {
    secrets: BTreeMap<String, Secret>,
    life: TokenLife,
    now: Timestamp,
}

impl Renewal {
    pub(super) fn of(hub: &Hub, lease: &Lease, tokens: &Tokens) -> Self {
        let now = hub.clock.now();
        let mut all = Values::from(lease.stored.kept.secrets.clone());
        all.add_tokens(tokens);
        let refresh_after = rules::due_of(tokens, now);
        let life = TokenLife { expires_at: tokens.expires_at, refresh_after };
        Self { secrets: all.into(), life, now }
    }

    /// Writes them in one row; false where the account is gone, or of one of these statuses, or
    /// others were faster. They are sealed in the transaction that writes them: between two, the
    /// data key could be replaced and removed.
    async fn write(
        &self,
        hub: &Hub,
        tx: &mut Tx,
        keys: &mut Keys,
        lease: &Lease,
        not_of: &[Status],
    ) -> Result<bool, HubError> {
        let (project, id) = (lease.caller.project(), lease.account());
        let keys = match keys.0.entry(project) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(hub.keys_to_seal(tx, project).await?),
        };
        let version = lease.stored.kept.version + 1;
        let spot = credentials_spot(id, version);
        let sealed = hub.seal_values(keys, project, spot, &self.secrets)?;
        let credentials = Credentials { version, sealed, updated_at: self.now };
        Ok(refresh::renew(tx, project, id, lease.fence, &credentials, self.life, not_of).await?)
    }

    /// Writes them as one of many things in a transaction; false where there is more to it, and
    /// [`keep`] has to do it.
    pub(super) async fn write_along(
        &self,
        hub: &Hub,
        tx: &mut Tx,
        keys: &mut Keys,
        lease: &Lease,
    ) -> Result<bool, HubError> {
        self.write(hub, tx, keys, lease, &rules::CURED).await
    }
}

/// The data keys of projects, as far as one transaction has asked for them.
#[derive(Default)]
pub(super) struct Keys(HashMap<ProjectNumber, Arc<DataKeys>>);

/// Writes new tokens, both in one row; where the account is gone or others were faster, nobody may
/// use them (threats 24, 25).
pub(super) async fn keep(hub: &Hub, lease: &Lease, tokens: &Tokens) -> Result<Done, HubError> {
    let renewal = Renewal::of(hub, lease, tokens);
    let now = renewal.now;
    let (caller, id) = (&lease.caller, lease.account());
    let project = caller.project();
    // Most refreshes change nothing that others decide by, and wait for nobody.
    let mut tx = hub.store.begin_append().await?;
    let mut found = accounts::by_id(&mut tx, project, id).await?;
    if found.as_ref().is_some_and(|found| found.clone().credentials_work(now).changed) {
        drop(tx);
        tx = hub.store.begin_write().await?;
        found = accounts::by_id(&mut tx, project, id).await?;
    }
    if renewal.write(hub, &mut tx, &mut Keys::default(), lease, &[]).await? {
        if let Some(found) = found {
            let decided = found.credentials_work(now);
            write(hub, &mut tx, caller, decided, &[EventKind::AccountUpdated], now).await?;
        }
        tx.commit().await?;
        return Ok(Done::Renewed);
    }
    drop(tx);
    // Whoever took over may have got the very same grant: only a deleted account's is revoked.
    if found.is_none() {
        let Stored { account, way, .. } = &lease.stored;
        let mut values = way.setup.clone();
        values.extend_public(&account.setup);
        values.extend(renewal.secrets);
        revoke(hub, caller, way, Some(id), &values).await;
    }
    Ok(Done::NotOurs)
}

/// Writes what the provider's failure means for the account.
///
/// # Errors
/// The failure itself, where the lease was not lost meanwhile.
pub(super) async fn refuse(
    hub: &Hub,
    lease: &Lease,
    failure: ProviderFailure,
) -> Result<Done, HubError> {
    match fail(hub, lease, &failure).await? {
        true => Err(provider_error(failure)),
        false => Ok(Done::NotOurs),
    }
}

/// Writes a failure, and what it means for the account (OA-14); false where the lease was lost.
async fn fail(hub: &Hub, lease: &Lease, failure: &ProviderFailure) -> Result<bool, HubError> {
    let now = hub.clock.now();
    let caller = &lease.caller;
    let mut jitter = [0];
    hub.random.fill(&mut jitter)?;
    let id = lease.account();
    let failures = lease.stored.fresh.as_ref().map_or(0, |fresh| fresh.failures);
    let is_final = rules::is_final(failure);
    let next = rules::next_try(failure, failures.saturating_add(1), jitter[0], now);
    let text = note::to_json(failure, now);
    let failed = Failed {
        at: now,
        failure: &text,
        answered: failure.status.is_some(),
        refresh_after: (!is_final).then_some(next),
    };
    let mut tx = hub.store.begin_write().await?;
    let project = caller.project();
    if !refresh::fail(&mut tx, project, id, lease.fence, &failed).await? {
        return Ok(false);
    }
    if is_final && let Some(found) = accounts::by_id(&mut tx, project, id).await? {
        let decided = rules::refused(found, failure, lease.was_lost, now);
        let kinds = [EventKind::AccountUpdated, EventKind::AccountError];
        write(hub, &mut tx, caller, decided, &kinds, now).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Saves a changed account with its events; a refresh that changes nothing visible is silent
/// (WH-10).
pub(in crate::hub) async fn write(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    decided: Decided,
    kinds: &[EventKind],
    now: Timestamp,
) -> Result<(), HubError> {
    if !decided.changed {
        return Ok(());
    }
    let after: &Account = &decided.after;
    accounts::save(tx, caller.project(), after).await?;
    for kind in kinds {
        let data = Some(event_data(after));
        hub.emit(tx, caller, *kind, after.id.as_str(), now, data).await?;
    }
    Ok(())
}
