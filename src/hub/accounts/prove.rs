//! Asking a provider about an account that is there: whether its credentials work, and for new
//! tokens.

use crate::domain::account::{Account, Decided};
use crate::domain::caller::{Caller, Permission};
use crate::domain::connector::Field;
use crate::domain::credentials::{ACCESS_TOKEN, REFRESH_TOKEN};
use crate::domain::event::EventKind;
use crate::domain::ids::AccountId;
use crate::domain::provider_failure::ProviderFailure;
use crate::domain::refresh as rules;
use crate::domain::refusal::Touch;
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::linking::{Way, provider_error};
use crate::hub::refresh::{self, Usable, Want};
use crate::hub::write::{Guard, Outcome, Record};
use crate::store::{StoreError, Tx, accounts};

use super::{View, load, resource, snapshot, unusable, view};

/// Asks the provider whether an account's credentials work, and keeps what it says: `verified_at`
/// and `active`, or `error` (AT-5, AT-7). A token that is refused is renewed first if it can be.
/// Where the connector has no light call, nothing changes; a dry run asks nobody. Recorded and told
/// is only what changes in the account object (WH-10).
///
/// # Errors
/// `account.not_found`, `account.not_usable`; `provider.refused`, and then the account is in
/// `error`; `provider.misconfigured`, `provider.unreachable`, and then it is as it was;
/// `conflict.stale` where its credentials or its auth config were changed meanwhile.
pub async fn test(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
    guard: Guard,
) -> Result<Outcome<View>, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    guard.check(1, Touch::Test)?;
    if guard.dry_run {
        // Nobody is asked: what the answer would be is not known.
        refresh::may_ask(hub, caller, id).await.map_err(|error| unusable(id, error))?;
        let mut tx = hub.store.begin_read().await?;
        let account = load(&mut tx, caller, id).await?;
        return Ok(Outcome::unchanged(view(&mut tx, caller, account).await?));
    }
    let asked = ask(hub, caller, id).await;
    let (asked, answer) = asked.map_err(|error| with_relink(id, error))?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let before = load(&mut tx, caller, id).await?;
    if !is_present(&mut tx, caller, &asked, &before).await? {
        return Err(StoreError::Stale.into());
    }
    let is_proven = answer == Ok(true);
    let (decided, failure) = decide(before.clone(), answer, now)?;
    let mut outcome = Outcome::unchanged(view(&mut tx, caller, before.clone()).await?);
    let (after, is_news) = (decided.after.clone(), decided.changed);
    if is_news {
        let was_refused = failure.is_some();
        let kinds: &[EventKind] = match was_refused {
            true => &[EventKind::AccountUpdated, EventKind::AccountError],
            false => &[EventKind::AccountUpdated],
        };
        refresh::write(hub, &mut tx, caller, decided, kinds, now).await?;
        let record = Record {
            action: "test",
            resource: resource(&after),
            affected: 1,
            before: Some(snapshot(&before)),
            after: Some(snapshot(&after)),
        };
        outcome.operation = Some(hub.record(&mut tx, caller, now, record).await?);
    } else if is_proven {
        // WH-10: when it was proven last is not in the account object.
        accounts::save(&mut tx, caller.project(), &after).await?;
    }
    if is_news || is_proven {
        outcome.after = Some(view(&mut tx, caller, after).await?);
        (outcome.changed, outcome.affected) = (true, 1);
    }
    guard.finish(tx).await?;
    match failure {
        Some(failure) => Err(with_relink(id, provider_error(failure))),
        None => Ok(outcome),
    }
}

/// Whether what was asked about is still there: else the answer says nothing of what is.
pub(super) async fn is_present(
    tx: &mut Tx,
    caller: &Caller,
    asked: &Usable,
    account: &Account,
) -> Result<bool, HubError> {
    let project = caller.project();
    let stored = accounts::credentials(tx, project, &account.id).await?;
    let is_same = stored.is_some_and(|stored| stored.version == asked.version);
    Ok(is_same && asked.set_up.is_still_of(tx, project, account).await?)
}

/// What an answer makes of an account; a failure that says nothing about it is an error.
fn decide(
    before: Account,
    answer: Result<bool, ProviderFailure>,
    now: Timestamp,
) -> Result<(Decided, Option<ProviderFailure>), HubError> {
    match answer {
        Ok(true) => {
            let mut decided = before.credentials_work(now);
            // That it was proven shows in the account object where it was not before.
            if decided.after.verified_at.is_none() {
                decided.after.updated_at = now;
                decided.changed = true;
            }
            decided.after.verified_at = Some(now);
            Ok((decided, None))
        }
        Ok(false) => Ok((Decided { after: before, changed: false }, None)),
        Err(failure) if rules::is_final(&failure) => {
            Ok((rules::refused(before, &failure, false, now), Some(failure)))
        }
        Err(failure) => Err(provider_error(failure)),
    }
}

/// What the provider says of an account's credentials, and with what it was asked; of one in error,
/// of new tokens where it has some.
async fn ask(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
) -> Result<(Usable, Result<bool, ProviderFailure>), HubError> {
    match refresh::prove(hub, caller, id).await {
        Ok(proven) => Ok(proven),
        Err(error) if error.code().name == codes::ACCOUNT_NOT_USABLE.name => {
            let usable = refresh::in_error(hub, caller, id).await?.ok_or(error)?;
            let answer = refresh::verify(hub, caller, &usable).await;
            Ok((usable, answer))
        }
        Err(error) => Err(unusable(id, error)),
    }
}

/// The error with what helps where the provider refuses an account's credentials.
pub(super) fn with_relink(id: &AccountId, error: HubError) -> HubError {
    match error.code().name == codes::PROVIDER_REFUSED.name {
        true => error.hint(format!("hubctl accounts relink {id}")),
        false => error,
    }
}

/// Gets new tokens for an account now. One in `error` is cured by it where the provider agrees
/// (AT-7).
///
/// # Errors
/// `account.not_found`, `account.not_usable`; `account.state` where there is nothing to renew;
/// `provider.refused`, and then the account is in `error`; `provider.misconfigured`,
/// `provider.unreachable`, and then it is as it was.
pub async fn refresh_now(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
    guard: Guard,
) -> Result<Outcome<View>, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    guard.check(1, Touch::Refresh)?;
    let mut tx = hub.store.begin_read().await?;
    let before = load(&mut tx, caller, id).await?;
    let before = view(&mut tx, caller, before).await?;
    drop(tx);
    if guard.dry_run {
        refresh::may_refresh(hub, caller, id).await.map_err(|error| unusable(id, error))?;
    } else {
        let fresh = refresh::usable(hub, caller, id, Want::Now).await;
        fresh.map_err(|error| unusable(id, error))?;
    }
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let after = load(&mut tx, caller, id).await?;
    let record = Record {
        action: "refresh",
        resource: resource(&after),
        affected: 1,
        before: Some(snapshot(&before.account)),
        after: Some(snapshot(&after)),
    };
    let operation = Some(hub.record(&mut tx, caller, now, record).await?);
    let after = view(&mut tx, caller, after).await?;
    guard.finish(tx).await?;
    let before = Some(before);
    Ok(Outcome { before, after: Some(after), changed: true, affected: 1, operation })
}

/// The fields of a method for somebody who has the credentials at hand: where an end user would log
/// in at the provider, the tokens of an earlier login take that step's place.
pub(super) fn fields_at_hand(way: &Way) -> Vec<Field> {
    let mut fields = way.method.config_fields.clone();
    if way.method.needs_browser() {
        for (key, label) in [(ACCESS_TOKEN, "Access token"), (REFRESH_TOKEN, "Refresh token")] {
            if !fields.iter().any(|field| field.key == key) {
                let mut field = Field::optional_secret(key, label);
                field.required = key == ACCESS_TOKEN;
                fields.push(field);
            }
        }
    }
    fields
}
