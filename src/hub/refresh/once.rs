//! One refresh: take the lease, ask the provider, write the outcome under the fence.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::domain::account::{Account, Decided, NoToken, Status};
use crate::domain::caller::Caller;
use crate::domain::credentials::{Tokens, Values};
use crate::domain::event::EventKind;
use crate::domain::ids::{AccountId, ProjectNumber};
use crate::domain::provider_failure::ProviderFailure;
use crate::domain::refresh as rules;
use crate::domain::request_log::TRIAL;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::Hub;
use crate::hub::accounts::{error_data, event_data};
use crate::hub::linking::{self, Kept, credentials_spot, provider_error, revoke};
use crate::hub::vault::DataKeys;
use crate::provider::Unrenewed;
use crate::store::accounts::refresh::{self, Failed, Freshness};
use crate::store::accounts::{Credentials, TokenLife};
use crate::store::{Tx, accounts};

use super::{Patience, SetUp, Stored, note};

/// What is told where the store can't take what a provider has given.
const WAIT: &str = "new tokens wait";

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
    /// Values that are tried in the place of the stored ones: what comes of them says nothing about
    /// the account.
    trial: Option<Values>,
    /// Whether the provider answered 401 to the token that is there.
    is_refused: bool,
}

impl Lease {
    /// The account.
    pub(super) const fn account(&self) -> &AccountId {
        &self.stored.account.id
    }

    /// Project, account and connector, for the log.
    pub(super) fn names(&self) -> (&str, &AccountId, &str) {
        (self.caller.project_name(), self.account(), self.stored.account.provider.as_str())
    }

    /// What the provider is asked with.
    fn values(&self) -> Values {
        self.trial.clone().unwrap_or_else(|| self.stored.values())
    }

    /// Why the token that is there does for no call, whenever it ends, now that it is not renewed.
    /// What the provider once said of it holds until there is another one.
    fn no_token(&self, failure: &ProviderFailure) -> Option<NoToken> {
        let is_refused = self.is_refused && rules::confirms_refusal(failure);
        match (self.stored.lacks_token(), is_refused) {
            (true, _) => Some(NoToken::Lacking),
            (false, true) => Some(NoToken::Refused),
            (false, false) => self.stored.fresh.as_ref().and_then(note::no_token_of),
        }
    }
}

/// Renews the tokens that are stored; `trial` are values to do it with that are not stored yet, and
/// `is_refused` says that the provider answered 401 to the token that is there.
///
/// # Errors
/// As the provider's failure says; what it means for the account is written by then.
pub(super) async fn refresh(
    hub: &Hub,
    caller: &Caller,
    stored: Stored,
    trial: Option<Values>,
    is_refused: bool,
) -> Result<Done, HubError> {
    let mut tx = hub.store.begin_append().await?;
    let lease = claim(hub, &mut tx, caller, stored).await?;
    tx.commit().await?;
    let Some(lease) = lease else { return Ok(Done::NotOurs) };
    let lease = Lease { trial, is_refused, ..lease };
    match ask(hub, &lease).await {
        Ok(tokens) => keep(hub, &lease, &tokens).await,
        Err(unrenewed) => refuse(hub, &lease, unrenewed).await,
    }
}

/// Takes the lease, if nobody has had it since the account was read. It holds when the transaction
/// is committed. One from before the clock was set back is not taken, since somebody may be at it,
/// but ends as soon as any other.
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
    if seen.lease_until > rules::latest_lease(now) {
        refresh::shorten(tx, project, id, seen, until).await?;
        return Ok(None);
    }
    let Some(fence) = refresh::claim(tx, project, id, seen, now, until).await? else {
        return Ok(None);
    };
    let was_lost = seen.asked_at.is_some();
    let (caller, trial) = (caller.clone(), None);
    Ok(Some(Lease { caller, stored, fence, was_lost, trial, is_refused: false }))
}

/// Notes that what a refresh needs can't be read, and puts the worker's next try off, for longer
/// where that does not pass by itself: it would fail again and again, and keep others waiting.
/// Nothing is written where somebody has changed something since the account was read.
pub(super) async fn put_off(
    hub: &Hub,
    tx: &mut Tx,
    project: ProjectNumber,
    id: &AccountId,
    seen: &Freshness,
    error: &HubError,
) -> Result<(), HubError> {
    let now = hub.clock.now();
    let mut jitter = [0];
    hub.random.fill(&mut jitter)?;
    let failure = note::unread(error);
    let failures = seen.failures.saturating_add(1);
    let text = note::to_json(&failure, None, note::no_token_of(seen));
    let failed = Failed {
        failures,
        since: seen.failing_since.unwrap_or(now),
        failure: &text,
        answered: false,
        refresh_after: Some(rules::next_try(&failure, failures, jitter[0], now)),
    };
    refresh::put_off(tx, project, id, seen, now, &failed).await?;
    Ok(())
}

/// Asks the provider for new tokens. No transaction may be open.
pub(super) async fn ask(hub: &Hub, lease: &Lease) -> Result<Tokens, Unrenewed> {
    let values = lease.values();
    let way = &lease.stored.way;
    let action = if lease.trial.is_some() { TRIAL } else { "refresh_token" };
    let purpose = way.purpose(&lease.caller, Some(lease.account()), &values, action);
    let asked = hub.provider.refresh(way.target(&values), hub.clock.now());
    let asked = hub.logging(purpose, asked).await;
    if lease.trial.is_none() {
        hub.tallies.refresh(asked.as_ref().err().map(|unrenewed| unrenewed.failure.class));
    }
    asked
}

/// New tokens with everything else that is secret of an account, as they are kept.
pub(super) struct Renewal {
    version: i64,
    secrets: BTreeMap<String, Secret>,
    life: TokenLife,
    now: Timestamp,
}

impl Renewal {
    /// Beside what was stored when the lease was taken.
    pub(super) fn of(hub: &Hub, lease: &Lease, tokens: &Tokens) -> Self {
        Self::beside(&lease.stored.kept, tokens, hub.clock.now())
    }

    /// Beside what is stored by now: somebody may have edited other values meanwhile.
    async fn of_present(
        hub: &Hub,
        tx: &mut Tx,
        lease: &Lease,
        tokens: &Tokens,
    ) -> Result<Self, HubError> {
        let kept = linking::kept(hub, tx, &lease.caller, lease.account()).await?;
        Ok(Self::beside(&kept, tokens, hub.clock.now()))
    }

    fn beside(kept: &Kept, tokens: &Tokens, now: Timestamp) -> Self {
        let mut all = Values::from(kept.secrets.clone());
        all.add_tokens(tokens);
        let refresh_after = rules::due_of(tokens, now);
        let life = TokenLife { expires_at: tokens.expires_at, refresh_after };
        Self { version: kept.version + 1, secrets: all.into(), life, now }
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
        let spot = credentials_spot(id, self.version);
        let sealed = hub.seal_values(keys, project, spot, &self.secrets)?;
        let credentials = Credentials { version: self.version, sealed, updated_at: self.now };
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
/// use them (threats 24, 25). A store that can't take them is waited for.
pub(super) async fn keep(hub: &Hub, lease: &Lease, tokens: &Tokens) -> Result<Done, HubError> {
    let mut patience = Patience::new();
    loop {
        let done = try_keep(hub, lease, tokens).await;
        match &done {
            Err(error) if patience.bears(error, WAIT).await => {}
            _ => return done,
        }
    }
}

async fn try_keep(hub: &Hub, lease: &Lease, tokens: &Tokens) -> Result<Done, HubError> {
    let now = hub.clock.now();
    let (caller, id) = (&lease.caller, lease.account());
    let project = caller.project();
    // Most refreshes change nothing that others decide by, and wait for nobody.
    let mut tx = hub.store.begin_append().await?;
    let mut found = accounts::by_id(&mut tx, project, id).await?;
    let is_cure =
        |found: &Account| lease.trial.is_none() && found.clone().credentials_work(now).changed;
    if found.as_ref().is_some_and(is_cure) {
        drop(tx);
        tx = hub.store.begin_write().await?;
        found = accounts::by_id(&mut tx, project, id).await?;
    }
    let renewal = Renewal::of_present(hub, &mut tx, lease, tokens).await?;
    if renewal.write(hub, &mut tx, &mut Keys::default(), lease, &[]).await? {
        if let Some(found) = found.filter(is_cure) {
            let decided = found.credentials_work(now);
            write(hub, &mut tx, caller, decided, &[EventKind::AccountUpdated], now).await?;
        }
        tx.commit().await?;
        return Ok(Done::Renewed);
    }
    drop(tx);
    // Whoever took over may have got the very same grant: only a deleted account's is revoked.
    if found.is_none() {
        discard(hub, lease, tokens).await;
    }
    Ok(Done::NotOurs)
}

/// Asks the provider to forget tokens that nobody may use.
async fn discard(hub: &Hub, lease: &Lease, tokens: &Tokens) {
    let mut values = lease.values();
    values.add_tokens(tokens);
    revoke(hub, &lease.caller, &lease.stored.way, Some(lease.account()), &values).await;
}

/// Writes what the provider's failure means for the account, and the tokens that came all the same.
///
/// # Errors
/// The failure itself, where the lease was not lost meanwhile.
pub(super) async fn refuse(
    hub: &Hub,
    lease: &Lease,
    unrenewed: Unrenewed,
) -> Result<Done, HubError> {
    let mut patience = Patience::new();
    loop {
        let done = fail(hub, lease, &unrenewed).await;
        match done {
            Ok(true) => return Err(provider_error(unrenewed.failure)),
            Ok(false) => return Ok(Done::NotOurs),
            Err(error) => {
                // A failure alone is found out once more by whoever tries next.
                if unrenewed.tokens.is_none() || !patience.bears(&error, WAIT).await {
                    return Err(error);
                }
            }
        }
    }
}

/// Writes a failure, and what it means for the account (OA-14): nothing, if it was a trial, or the
/// account is called with another set-up by now. False where that or a lost lease calls for another
/// try. Tokens that came all the same replace the old ones, but are no good for a call: the next
/// refresh looks for what is missing.
async fn fail(hub: &Hub, lease: &Lease, unrenewed: &Unrenewed) -> Result<bool, HubError> {
    let Unrenewed { failure, tokens } = unrenewed;
    let now = hub.clock.now();
    let caller = &lease.caller;
    let mut jitter = [0];
    hub.random.fill(&mut jitter)?;
    let id = lease.account();
    let fresh = lease.stored.fresh.as_ref();
    let failures = fresh.map_or(0, |fresh| fresh.failures).saturating_add(1);
    let is_final = rules::is_final(failure);
    let next = rules::next_try(failure, failures, jitter[0], now);
    // What is said of the old token says nothing of one that came all the same.
    let no_token = lease.no_token(failure).filter(|_| tokens.is_none());
    let text = note::to_json(failure, Some(now), no_token);
    let failed = Failed {
        failures,
        since: fresh.and_then(|fresh| fresh.failing_since).unwrap_or(now),
        failure: &text,
        answered: failure.status.is_some(),
        refresh_after: (!is_final).then_some(next),
    };
    let mut tx = hub.store.begin_write().await?;
    let project = caller.project();
    if let Some(tokens) = tokens {
        let ended = Tokens { expires_at: Some(now), ..tokens.clone() };
        let renewal = Renewal::of_present(hub, &mut tx, lease, &ended).await?;
        if !renewal.write(hub, &mut tx, &mut Keys::default(), lease, &[]).await? {
            let is_gone = accounts::by_id(&mut tx, project, id).await?.is_none();
            drop(tx);
            if is_gone {
                discard(hub, lease, tokens).await;
            }
            return Ok(false);
        }
    }
    let found = accounts::by_id(&mut tx, project, id).await?;
    let set_up = SetUp::of(&lease.stored.way.config);
    let is_present = match &found {
        Some(found) => set_up.is_still_of(&mut tx, project, found).await?,
        None => false,
    };
    let is_trial = lease.trial.is_some();
    if is_trial || !is_present {
        if tokens.is_none() {
            // Where no answer came, the next refresh token may have been in it.
            let earlier = fresh.and_then(|fresh| fresh.asked_at);
            let asked_at = if failed.answered { earlier } else { Some(now) };
            refresh::release(&mut tx, project, id, lease.fence, asked_at).await?;
        }
        tx.commit().await?;
        return Ok(is_trial || tokens.is_some());
    }
    if !refresh::fail(&mut tx, project, id, lease.fence, &failed).await? {
        return Ok(false);
    }
    if is_final && let Some(found) = found {
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
        let is_error = *kind == EventKind::AccountError;
        let data = if is_error { error_data(after) } else { event_data(after) };
        hub.emit(tx, caller, *kind, after.id.as_str(), now, Some(data)).await?;
    }
    Ok(())
}
