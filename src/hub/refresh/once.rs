//! One refresh: take the lease, ask the provider, write the outcome under the fence.

use std::collections::BTreeMap;

use crate::domain::account::{Account, Decided};
use crate::domain::caller::Caller;
use crate::domain::credentials::{Tokens, Values};
use crate::domain::event::EventKind;
use crate::domain::provider_failure::ProviderFailure;
use crate::domain::refresh as rules;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::Hub;
use crate::hub::accounts::event_data;
use crate::hub::linking::{credentials_spot, provider_error};
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
struct Lease {
    stored: Stored,
    fence: i64,
    /// Whether an answer to an earlier refresh never arrived.
    was_lost: bool,
}

/// Renews the tokens that are stored.
///
/// # Errors
/// As the provider's failure says; what it means for the account is written by then.
pub(super) async fn refresh(hub: &Hub, caller: &Caller, stored: Stored) -> Result<Done, HubError> {
    let Some(lease) = claim(hub, caller, stored).await? else { return Ok(Done::NotOurs) };
    let values = lease.stored.values();
    let target = lease.stored.way.target(&values);
    match hub.provider.refresh(target, hub.clock.now()).await {
        Ok(tokens) => keep(hub, caller, &lease, &tokens).await,
        Err(failure) => match fail(hub, caller, &lease, &failure).await? {
            true => Err(provider_error(failure)),
            false => Ok(Done::NotOurs),
        },
    }
}

/// Takes the lease, if nobody has had it since the account was read.
async fn claim(hub: &Hub, caller: &Caller, stored: Stored) -> Result<Option<Lease>, HubError> {
    let Some(seen) = &stored.fresh else { return Ok(None) };
    let now = hub.clock.now();
    let until = now.plus_seconds(rules::LEASE_S);
    let (project, id) = (caller.project(), &stored.account.id);
    let mut tx = hub.store.begin_append().await?;
    let Some(fence) = refresh::claim(&mut tx, project, id, seen, now, until).await? else {
        return Ok(None);
    };
    tx.commit().await?;
    let was_lost = seen.asked_at.is_some();
    Ok(Some(Lease { stored, fence, was_lost }))
}

/// Writes new tokens, both in one row; where the account is gone or others were faster, nobody may
/// use them (threats 24, 25).
async fn keep(
    hub: &Hub,
    caller: &Caller,
    lease: &Lease,
    tokens: &Tokens,
) -> Result<Done, HubError> {
    let Stored { account, way, kept, .. } = &lease.stored;
    let now = hub.clock.now();
    let mut all = Values::from(kept.secrets.clone());
    all.add_tokens(tokens);
    let secrets: BTreeMap<String, Secret> = all.into();
    let life =
        TokenLife { expires_at: tokens.expires_at, refresh_after: rules::due_of(tokens, now) };
    let (project, version) = (caller.project(), kept.version + 1);
    // Most refreshes change nothing that others decide by, and wait for nobody.
    let mut tx = hub.store.begin_append().await?;
    let mut found = accounts::by_id(&mut tx, project, &account.id).await?;
    if found.as_ref().is_some_and(|found| found.clone().credentials_work(now).changed) {
        drop(tx);
        tx = hub.store.begin_write().await?;
        found = accounts::by_id(&mut tx, project, &account.id).await?;
    }
    // In the transaction that writes it: between two, the data key could be replaced and removed.
    let sealed =
        hub.seal(&mut tx, caller, credentials_spot(&account.id, version), &secrets).await?;
    let credentials = Credentials { version, sealed, updated_at: now };
    if refresh::renew(&mut tx, project, &account.id, lease.fence, &credentials, life).await? {
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
        let mut values = way.setup.clone();
        values.extend_public(&account.setup);
        values.extend(secrets);
        hub.provider.revoke(way.target(&values), now).await;
    }
    Ok(Done::NotOurs)
}

/// Writes a failure, and what it means for the account (OA-14); false where the lease was lost.
async fn fail(
    hub: &Hub,
    caller: &Caller,
    lease: &Lease,
    failure: &ProviderFailure,
) -> Result<bool, HubError> {
    let now = hub.clock.now();
    let mut jitter = [0];
    hub.random.fill(&mut jitter)?;
    let id = &lease.stored.account.id;
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
