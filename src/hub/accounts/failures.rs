//! What providers last refused, from the log of calls.

use std::collections::HashSet;

use crate::domain::account::Account;
use crate::domain::caller::Caller;
use crate::domain::request_log::{Entry, PROXY};
use crate::domain::words::counted;
use crate::error::HubError;
use crate::provider::BROKEN_OFF;
use crate::store::Tx;
use crate::store::request_logs::{self, Filter, Order, Table};

use super::Finding;

/// Calls that are looked at: the latest may be trials of values that were never the account's.
const LOOKED_AT: usize = 20;

/// The latest call to the provider, if it failed, since the first of those that failed in a row
/// with it: since then nothing has worked. That credentials passed a test says nothing of a call
/// that was passed on. Where the latest one worked, what was refused and has not worked since. It
/// does not stand in the way of calls by itself, and the refusal of new values says nothing of the
/// stored ones. `is_usable` says whether the provider could be asked again.
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
    let has_failed = |step: &&Entry| !step.outcome.is_success();
    let steps: Vec<&Entry> = rows.iter().filter(|step| !step.is_failed_trial()).collect();
    let is_test = |step: &&Entry| is_of(step, "verify") && !has_failed(step);
    let (tests, calls) = steps.split_at(steps.iter().copied().take_while(is_test).count());
    let was_tested = !tests.is_empty();
    let failed: Vec<&Entry> = calls.iter().copied().take_while(has_failed).collect();
    // A call whose caller went away says least of the provider.
    let is_answered = |step: &&&Entry| step.error.as_deref() != Some(BROKEN_OFF);
    let latest = failed.iter().find(is_answered).or(failed.first());
    let latest = latest.filter(|step| !was_tested || is_of(step, PROXY));
    let (Some(latest), Some(first)) = (latest, failed.last()) else { return Ok(refused(&steps)) };
    let found = told(account, latest, is_usable && !was_tested);
    Ok(Some(Finding { since: Some(first.at), ..found }))
}

fn is_of(step: &Entry, action: &str) -> bool {
    step.action.as_deref() == Some(action)
}

/// Calls that were passed on and refused, and whose like has not worked since. The latest steps come
/// first.
fn refused(steps: &[&Entry]) -> Option<Finding> {
    let (mut calls, mut worked, mut refused) = (0_u64, HashSet::new(), Vec::new());
    for step in steps.iter().filter(|step| is_of(step, PROXY)) {
        calls += 1;
        let (like, status) = ((step.outcome.method().as_str(), &step.path), step.outcome.status());
        if step.outcome.is_success() {
            worked.insert(like);
        } else if matches!(status, 401 | 403) && !worked.contains(&like) {
            refused.push(*step);
        }
    }
    let (latest, first) = (refused.first()?, refused.last()?);
    let verb = if refused.len() == 1 { "was" } else { "were" };
    let (method, path) = (latest.outcome.method().as_str().to_uppercase(), &latest.path);
    Some(Finding {
        code: "calls_refused".to_owned(),
        blocking: false,
        cause: format!(
            "{} of the latest {} {verb} refused and did not work since, the last of them with {}: \
             {method} {path}",
            refused.len(),
            counted(calls, "proxied call"),
            latest.outcome.status()
        ),
        since: Some(first.at),
        operation: None,
        event: None,
        command: Some(format!("hubctl logs get {}", latest.request_id)),
    })
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
