//! Deleting accounts: the provider is asked to forget the tokens, then they are destroyed (AT-20).

use crate::domain::caller::{Caller, Permission};
use crate::domain::event::EventKind;
use crate::domain::ids::AccountId;
use crate::domain::refusal::Touch;
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::linking;
use crate::hub::refresh;
use crate::hub::write::{Guard, Outcome, Record};
use crate::provider::Revocation;
use crate::store::accounts;

use super::{View, event_data, load, resource, snapshot, view};

/// What a delete did.
#[derive(Debug, Clone, PartialEq)]
pub struct Removed {
    /// To the account.
    pub outcome: Outcome<View>,
    /// To its tokens at the provider; empty where it has none, or no way to be asked.
    pub revoked: Vec<Revocation>,
}

/// Removes an account and destroys its credentials (AT-20 to AT-23). Unless `keep_remote`, the
/// provider is asked to forget its tokens first; where it does not, the account goes all the same.
/// So it does where whoever asked goes away: tokens that were revoked are of no use to anybody.
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
        let revoked = match keep_remote || guard.dry_run {
            true => Vec::new(),
            false => revoke(&own, &caller, &id).await?,
        };
        let outcome = destroy(&own, &caller, &id, guard).await?;
        Ok(Removed { outcome, revoked })
    });
    task.await.map_err(|error| {
        HubError::new(&codes::INTERNAL, "the account was not deleted to its end").source(error)
    })?
}

/// Removes the account itself.
async fn destroy(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
    guard: Guard,
) -> Result<Outcome<View>, HubError> {
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let account = load(&mut tx, caller, id).await?;
    let before = view(&mut tx, caller, account.clone()).await?;
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
    guard.finish(tx).await?;
    let before = Some(before);
    Ok(Outcome { before, after: None, changed: true, affected: 1, operation })
}

async fn revoke(hub: &Hub, caller: &Caller, id: &AccountId) -> Result<Vec<Revocation>, HubError> {
    let mut tx = hub.store.begin_read().await?;
    load(&mut tx, caller, id).await?;
    // Of a connector that is gone, or whose values can't be read, nobody can be asked.
    let Ok(stored) = refresh::load(hub, &mut tx, caller, id).await else { return Ok(Vec::new()) };
    drop(tx);
    let values = stored.values();
    Ok(linking::revoke(hub, caller, &stored.way, Some(id), &values).await)
}
