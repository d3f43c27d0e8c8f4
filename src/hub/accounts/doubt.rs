//! A provider's 401 to a call with credentials that nothing renews: whether it refuses them or that
//! call alone, the light call tells (AT-5).

use crate::domain::caller::Caller;
use crate::domain::event::EventKind;
use crate::domain::refresh as rules;
use crate::error::HubError;
use crate::hub::Hub;
use crate::hub::refresh::{self, Usable};
use crate::store::accounts::refresh as rows;

use super::load;
use super::prove::is_present;

/// Asks the provider about the account of a call that it answered 401, where no refresh can help;
/// beside what else is done, and not for every such call. Nothing is done where the connector has
/// no light call that must succeed.
pub(in crate::hub) fn doubt(hub: &Hub, caller: &Caller, usable: &Usable) {
    let Usable { connector, method, values, doubted_at, .. } = usable;
    // Calls that are refused may come by the thousand.
    if usable.can_renew || !rules::may_doubt(*doubted_at, hub.clock.now()) {
        return;
    }
    let mut calls = connector.verify_for(method).iter();
    if !calls.any(|call| call.applies(values) && !call.optional) {
        return;
    }
    let (own, caller, usable) = (hub.clone(), caller.clone(), usable.clone());
    // It is no step of the call that was answered.
    hub.detached.spawn(async move {
        if let Err(error) = look(&own, &caller, &usable).await {
            tracing::debug!(
                target: "hubctl::accounts", account = usable.account.id.as_str(),
                code = error.code().name, "a 401 was not looked into"
            );
        }
    });
}

/// Asks, unless that was done a while ago, and keeps a refusal as a test does.
async fn look(hub: &Hub, caller: &Caller, asked: &Usable) -> Result<(), HubError> {
    let (project, id, now) = (caller.project(), &asked.account.id, hub.clock.now());
    let mut tx = hub.store.begin_read().await?;
    let seen = rows::freshness(&mut tx, project, id).await?;
    drop(tx);
    let is_due = |seen: &rows::Freshness| {
        seen.version == asked.version && rules::may_doubt(seen.doubted_at, now)
    };
    let Some(seen) = seen.filter(is_due) else { return Ok(()) };
    let mut tx = hub.store.begin_append().await?;
    let is_first = rows::doubt(&mut tx, project, id, &seen, now).await?;
    tx.commit().await?;
    if !is_first {
        return Ok(());
    }
    let answer = refresh::verify(hub, caller, asked).await;
    let Some(failure) = answer.err().filter(rules::confirms_401) else { return Ok(()) };
    let now = hub.clock.now();
    let mut tx = hub.store.begin_write().await?;
    let before = load(&mut tx, caller, id).await?;
    if !is_present(&mut tx, caller, asked, &before).await? {
        return Ok(());
    }
    let decided = rules::refused(before, &failure, false, now);
    let kinds = [EventKind::AccountUpdated, EventKind::AccountError];
    refresh::write(hub, &mut tx, caller, decided, &kinds, now).await?;
    tx.commit().await?;
    Ok(())
}
