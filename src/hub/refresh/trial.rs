//! Renewing tokens with values that are not stored yet, such as a new secret of the client.

use crate::domain::caller::Caller;
use crate::domain::credentials::Values;
use crate::domain::refresh as rules;
use crate::error::HubError;
use crate::hub::Hub;
use crate::store::accounts::refresh::Freshness;

use super::once::Done;
use super::{Queue, Stored, load, renew};

/// Renews the tokens of an account with the values that `tried` makes of what is stored, unless
/// somebody else renews them meanwhile; answers what is stored then. New tokens are kept, whatever
/// becomes of the values: the provider may accept the old ones no more (OA-13, threat 24). A
/// failure says nothing about the account.
///
/// # Errors
/// As the provider's failure says, or `tried` does.
pub(in crate::hub) async fn renew_with(
    hub: &Hub,
    caller: &Caller,
    mut stored: Stored,
    tried: impl Fn(&Stored) -> Result<Values, HubError>,
) -> Result<Stored, HubError> {
    let (id, version) = (stored.account.id.clone(), stored.kept.version);
    let mut queue = Queue::new();
    while stored.kept.version <= version {
        let now = hub.clock.now();
        let is_leased = |fresh: &Freshness| rules::is_leased(fresh.lease_until, now);
        if stored.fresh.as_ref().is_some_and(is_leased) {
            queue.wait().await?;
        } else {
            let values = tried(&stored)?;
            if renew(hub, caller, stored, Some(values), false).await? == Done::NotOurs {
                queue.wait().await?;
            }
        }
        let mut tx = hub.store.begin_read().await?;
        stored = load(hub, &mut tx, caller, &id).await?;
    }
    Ok(stored)
}
