//! What providers last refused, from the log of calls.

use crate::domain::account::Account;
use crate::domain::caller::Caller;
use crate::domain::request_log::{Entry, PROXY};
use crate::error::HubError;
use crate::provider::BROKEN_OFF;
use crate::store::Tx;
use crate::store::request_logs::{self, Filter, Order, Table};

use super::Finding;

/// Calls that are looked at: the latest may be trials of values that were never the account's.
const LOOKED_AT: usize = 20;

/// The latest call to the provider, if it failed, since the first of those that failed in a row
/// with it: since then nothing has worked. It does not stand in the way of calls by itself, and the
/// refusal of new values says nothing of the stored ones. `is_usable` says whether the provider
/// could be asked again.
pub(super) async fn latest_failure(
    tx: &mut Tx,
    caller: &Caller,
    account: &Account,
    is_usable: bool,
) -> Result<Option<Finding>, HubError> {
    let filter = Filter { accounts: vec![account.id.to_string()], ..Filter::default() };
    let project = caller.project();
    let order = Order::default();
    let latest = request_logs::page(tx, Table::Steps, project, &filter, order, None, LOOKED_AT);
    let rows = latest.await?.rows;
    let steps = rows.iter().filter(|step| !step.is_failed_trial());
    let failed: Vec<&Entry> = steps.take_while(|step| !step.outcome.is_success()).collect();
    // A call whose caller went away says least of the provider.
    let is_answered = |step: &&&Entry| step.error.as_deref() != Some(BROKEN_OFF);
    let latest = failed.iter().find(is_answered).or(failed.first());
    let (Some(latest), Some(first)) = (latest, failed.last()) else { return Ok(None) };
    Ok(Some(Finding { since: Some(first.at), ..told(account, latest, is_usable) }))
}

fn told(account: &Account, step: &Entry, is_usable: bool) -> Finding {
    let action = step.action.as_deref();
    let what = action.unwrap_or("a call");
    let status = step.outcome.status();
    let answer = match status {
        0 => "had no answer".to_owned(),
        status => format!("was answered {status}"),
    };
    let why = step.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    let mut cause = format!("the latest call to the provider ({what}) {answer}{why}");
    let log = format!("hubctl logs get {}", step.request_id);
    // Whether the credentials or this one call were refused, their light call finds out.
    let is_in_doubt = matches!(status, 401 | 403) && matches!(action, Some(PROXY | "verify"));
    let command = if is_usable && is_in_doubt {
        cause.push_str(&format!("; `{log}` shows it"));
        format!("hubctl accounts test {}", account.id)
    } else {
        log
    };
    Finding {
        code: "provider_failed".to_owned(),
        blocking: false,
        cause,
        since: None,
        operation: None,
        event: None,
        command: Some(command),
    }
}
