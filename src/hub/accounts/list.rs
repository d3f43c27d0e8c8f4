//! Lists of accounts, straight from their rows.

use std::ops::ControlFlow;

use crate::domain::account::{Listed, Status, StatusReason, Unusable};
use crate::domain::caller::{Caller, Permission};
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::hub::{Hub, refresh};
use crate::store::accounts::Whole;
use crate::store::{StoreError, Tx, accounts};

use super::{Filter, View};

type Flow = Result<ControlFlow<()>, HubError>;

/// Shows the accounts that fit to `each`, straight from their rows, with why they can't be used
/// where the filter wants that (AT-11 to AT-14).
///
/// # Errors
/// `usage.bad_value` for a place in the list that none of its ids can be; as the store or `each`
/// reports them.
pub async fn list(
    hub: &Hub,
    caller: &Caller,
    filter: &Filter,
    mut each: impl FnMut(&Listed<'_>, Option<Unusable>) -> Flow,
) -> Result<(), HubError> {
    let mut tx = begin(hub, caller, filter).await?;
    let now = hub.clock.now();
    let (stored, mut part) = (of_store(filter), Part::of(filter));
    accounts::scan(&mut tx, caller.project(), &stored, |row| {
        if !filter.tells_why() {
            return each(row, None);
        }
        let unusable = why(row, now)?;
        if filter.is_unusable() && unusable.is_none() {
            return Ok(ControlFlow::Continue(()));
        }
        part.show(|| each(row, unusable))
    })
    .await
}

/// The same with all that is known of each account, as [`super::get`] answers it.
///
/// # Errors
/// As [`list`].
pub async fn list_views(
    hub: &Hub,
    caller: &Caller,
    filter: &Filter,
    mut each: impl FnMut(&View) -> Flow,
) -> Result<(), HubError> {
    let mut tx = begin(hub, caller, filter).await?;
    let now = hub.clock.now();
    let (stored, mut part) = (of_store(filter), Part::of(filter));
    accounts::scan_whole(&mut tx, caller.project(), &stored, |found| {
        let Whole { account, auth_config_name, credentials_at, failing } = found;
        let failed = failing.map(|failing| refresh::failed(&failing));
        let status = account.shown_status();
        let unusable = || Unusable::of(status, &account.reasons, failed.as_ref(), now);
        if filter.is_unusable() && unusable().is_none() {
            return Ok(ControlFlow::Continue(()));
        }
        part.show(|| each(&View { account, auth_config_name, credentials_at }))
    })
    .await
}

async fn begin(hub: &Hub, caller: &Caller, filter: &Filter) -> Result<Tx, HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    // Compared with ids, it would look like the end of the list.
    if let Some(after) = filter.after.as_ref().filter(|after| !after.is_in_order()) {
        let text = format!("after: `{after}` is not the id of an account");
        return Err(HubError::new(&codes::BAD_VALUE, text).hint("give the last id of a page"));
    }
    Ok(hub.store.begin_read().await?)
}

/// What the store looks for: where only the rule tells which accounts fit, it can't count them.
fn of_store(filter: &Filter) -> Filter {
    let mut stored = filter.clone();
    if filter.is_unusable() {
        (stored.offset, stored.limit) = (0, None);
    }
    stored
}

/// Which of the accounts that fit are shown, where the store does not count them.
struct Part {
    /// Still to be left out.
    skip: u64,
    /// Still to be shown, if that has an end.
    left: Option<u64>,
}

impl Part {
    fn of(filter: &Filter) -> Self {
        match filter.is_unusable() {
            true => Self { skip: filter.offset, left: filter.limit },
            false => Self { skip: 0, left: None },
        }
    }

    fn show(&mut self, show: impl FnOnce() -> Flow) -> Flow {
        if self.left == Some(0) {
            return Ok(ControlFlow::Break(()));
        }
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(ControlFlow::Continue(()));
        }
        self.left = self.left.map(|left| left - 1);
        let flow = show()?;
        Ok(if self.left == Some(0) { ControlFlow::Break(()) } else { flow })
    }
}

/// Why an account of a list can't be used.
fn why(row: &Listed<'_>, now: Timestamp) -> Result<Option<Unusable>, HubError> {
    if row.failing.is_none() && row.status == Status::Active.as_str() {
        return Ok(None);
    }
    let status: Status = row.status.parse().map_err(|_| damaged("status"))?;
    let reasons: Vec<StatusReason> = match row.reasons {
        "[]" => Vec::new(),
        text => serde_json::from_str(text).map_err(|_| damaged("reasons"))?,
    };
    let failed = row.failing.map(|failing| refresh::failed(&failing));
    Ok(Unusable::of(status, &reasons, failed.as_ref(), now))
}

fn damaged(column: &str) -> StoreError {
    StoreError::Damaged(format!("the {column} of an account can't be read"))
}
