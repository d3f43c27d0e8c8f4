//! What providers last refused, from the log of calls.

use crate::domain::account::Account;
use crate::domain::caller::Caller;
use crate::domain::request_log::Entry;
use crate::error::HubError;
use crate::store::Tx;
use crate::store::request_logs::{self, Filter, Order, Table};

use super::Finding;

/// Calls that are looked at: the latest may be trials of values that were never the account's.
const LOOKED_AT: usize = 20;

/// The latest call to the provider, if it failed: since then nothing has worked. It does not stand
/// in the way of calls by itself, and the refusal of new values says nothing of the stored ones.
pub(super) async fn latest_failure(
    tx: &mut Tx,
    caller: &Caller,
    account: &Account,
) -> Result<Option<Finding>, HubError> {
    let filter = Filter { accounts: vec![account.id.to_string()], ..Filter::default() };
    let project = caller.project();
    let order = Order::default();
    let latest = request_logs::page(tx, Table::Steps, project, &filter, order, None, LOOKED_AT);
    let rows = latest.await?.rows;
    let Some(latest) = rows.into_iter().find(|step| !step.is_failed_trial()) else {
        return Ok(None);
    };
    let failed = !crate::domain::request_log::is_success(latest.outcome.status());
    Ok(failed.then(|| told(&latest)))
}

fn told(step: &Entry) -> Finding {
    let what = step.action.as_deref().unwrap_or("a call");
    let answer = match step.outcome.status() {
        0 => "had no answer".to_owned(),
        status => format!("was answered {status}"),
    };
    let why = step.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    Finding {
        code: "provider_failed".to_owned(),
        blocking: false,
        cause: format!("the latest call to the provider ({what}) {answer}{why}"),
        since: Some(step.at),
        operation: None,
        event: None,
        command: Some(format!("hubctl logs get {}", step.request_id)),
    }
}
