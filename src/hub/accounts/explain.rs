//! Why an account is not active, since when, who did it, and which command helps.

use crate::domain::account::{Account, REASON_DISABLED, Status};
use crate::domain::auth_config::AuthConfig;
use crate::domain::caller::{Caller, Permission};
use crate::domain::event::EventKind;
use crate::domain::ids::{AccountId, EventId};
use crate::domain::refresh::REASON_REFUSED;
use crate::domain::time::Timestamp;
use crate::error::{HubError, Kind};
use crate::hub::Hub;
use crate::hub::refresh::{self, Note};
use crate::store::deliveries::{self, Undelivered};
use crate::store::operations::{self, Operation};
use crate::store::{Tx, auth_configs, events};

use super::failures::latest_failure;
use super::method::{lacking, lost};
use super::tokens::{self, Means};
use super::{View, load, view};

/// Events about the account whose deliveries are looked at.
const LATEST_EVENTS: i64 = 100;

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The account.
    pub view: View,
    /// Whether calls through it are possible.
    pub usable: bool,
    /// What stands in the way, the most direct cause first, then what deserves a look.
    pub findings: Vec<Finding>,
    /// What its tokens are like, where they end or are renewed.
    pub token: Option<Note>,
}

/// One cause or remark.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Stable code.
    pub code: String,
    /// Whether it stands in the way of calls.
    pub blocking: bool,
    /// What is the case.
    pub cause: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The operation that led to it, if an administrator's did.
    pub operation: Option<Operation>,
    /// The event that told of it.
    pub event: Option<EventId>,
    /// The command that helps.
    pub command: Option<String>,
}

/// Explains an account's status.
///
/// # Errors
/// `account.not_found`.
pub async fn explain(hub: &Hub, caller: &Caller, id: &AccountId) -> Result<Explanation, HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    let mut tx = hub.store.begin_read().await?;
    let account = load(&mut tx, caller, id).await?;
    let config = auth_configs::by_id(&mut tx, caller.project(), &account.auth_config).await?;
    let mut findings = Vec::new();
    findings.extend(held(&mut tx, caller, &account).await?);
    if let Some(config) = &config {
        findings.extend(disabled(&mut tx, caller, config).await?);
        findings.extend(lost(&mut tx, caller, config).await?);
    }
    // What helps against anything else is refused until the hold ends.
    let is_held = !findings.is_empty();
    let stored = refresh::load(hub, &mut tx, caller, id).await;
    findings.extend(stored.as_ref().err().and_then(locked));
    let lacking = match &stored {
        Ok(stored) if !is_held => lacking(&mut tx, caller, stored).await?,
        _ => None,
    };
    let is_unsent = lacking.is_some();
    findings.extend(lacking);
    findings.extend(broken(&mut tx, caller, &account).await?);
    let known = tokens::known(&mut tx, caller, &account).await?;
    if let Some(known) = &known {
        let means = stored.as_ref().ok().map(Means::of);
        let now = hub.clock.now();
        findings.extend(tokens::finding(&account, known, means.as_ref(), is_held, now));
    }
    findings.extend(stored.as_ref().ok().and_then(|stored| tokens::ungranted(stored, is_held)));
    let usable = !findings.iter().any(|finding| finding.blocking);
    // A call that could not be made was never sent, whatever the log has of it.
    if !is_unsent {
        findings.extend(latest_failure(&mut tx, caller, &account, usable).await?);
    }
    findings.extend(unheard(&mut tx, caller, &account).await?);
    // An account that can't be used can't be tested either, or its provider was asked.
    if usable && account.verified_at.is_none() {
        findings.push(Finding {
            code: "not_verified".to_owned(),
            blocking: false,
            cause: "the provider has not confirmed that the credentials work".to_owned(),
            since: Some(account.created_at),
            operation: None,
            event: None,
            command: Some(format!("hubctl accounts test {}", account.id)),
        });
    }
    let token = known.map(|known| known.note);
    Ok(Explanation { view: view(&mut tx, caller, account).await?, usable, findings, token })
}

pub(super) async fn held(
    tx: &mut Tx,
    caller: &Caller,
    account: &Account,
) -> Result<Option<Finding>, HubError> {
    let Some(hold) = account.hold else { return Ok(None) };
    let resource = super::resource(account);
    let operation = operations::latest(tx, caller.project(), &resource, "suspend").await?;
    let reason = hold.reason(&account.reasons);
    Ok(Some(Finding {
        code: hold.as_str().to_owned(),
        blocking: true,
        cause: format!("an administrator {} the account", hold.as_str()),
        since: reason.map(|reason| reason.timestamp),
        operation,
        event: None,
        command: (hold == Status::Suspended)
            .then(|| format!("hubctl accounts resume {}", account.id)),
    }))
}

pub(super) async fn disabled(
    tx: &mut Tx,
    caller: &Caller,
    config: &AuthConfig,
) -> Result<Option<Finding>, HubError> {
    let Some(since) = config.disabled_at else { return Ok(None) };
    let resource = format!("auth_config/{}", config.id);
    let operation = operations::latest(tx, caller.project(), &resource, "disable").await?;
    Ok(Some(Finding {
        code: REASON_DISABLED.to_owned(),
        blocking: true,
        cause: format!("its auth config `{}` ({}) is disabled", config.name, config.id),
        since: Some(since),
        operation,
        event: None,
        command: Some(format!("hubctl connectors enable {}", config.id)),
    }))
}

/// What keeps the hub from opening credentials: no new login would help. The error's own words may
/// name files of the hub, which are not for everyone who may see the account.
fn locked(error: &HubError) -> Option<Finding> {
    let code = error.code();
    (code.kind == Kind::LocalState).then(|| Finding {
        code: code.name.to_owned(),
        blocking: true,
        cause: format!("its credentials can't be opened: {}", code.clause()),
        since: None,
        operation: None,
        event: None,
        command: Some(format!("hubctl explain-error {}", code.name)),
    })
}

pub(super) async fn broken(
    tx: &mut Tx,
    caller: &Caller,
    account: &Account,
) -> Result<Option<Finding>, HubError> {
    if !account.is_refused() {
        return Ok(None);
    }
    let (project, kind) = (caller.project(), EventKind::AccountError);
    let told = events::latest_of(tx, project, account.id.as_str(), kind).await?;
    let reason = account.status.reason(&account.reasons);
    let since = reason.map(|reason| reason.timestamp);
    // An administrator's test that found it; else the hub met it in a call or a refresh.
    let test = operations::latest(tx, project, &super::resource(account), "test").await?;
    let described = reason.and_then(|reason| reason.description.clone());
    let code = reason.and_then(|reason| reason.code.clone());
    let mut cause = described.unwrap_or_else(|| "the provider refuses the credentials".to_owned());
    if code.as_deref() == Some(REASON_REFUSED) && account.hold.is_none() {
        // Not every refusal is for good, and a new login bothers the end user.
        let id = &account.id;
        cause.push_str(&format!("; `hubctl accounts test {id}` asks whether it still is so"));
    }
    Ok(Some(Finding {
        code: code.unwrap_or_else(|| account.status.as_str().to_owned()),
        blocking: true,
        cause,
        since,
        operation: test.filter(|test| since == Some(test.at)),
        event: told.map(|(id, _)| id),
        command: (!account.is_archived()).then(|| format!("hubctl accounts relink {}", account.id)),
    }))
}

/// Receivers that were not told of what happened to the account, one finding each.
pub(super) async fn unheard(
    tx: &mut Tx,
    caller: &Caller,
    account: &Account,
) -> Result<Vec<Finding>, HubError> {
    let id = account.id.as_str();
    let all = deliveries::undelivered(tx, caller.project(), id, LATEST_EVENTS).await?;
    Ok(all
        .chunk_by(|one, next| one.webhook == next.webhook)
        .filter_map(|all| not_told(caller, all))
        .collect())
}

/// One finding of what did not arrive at one webhook, the latest first.
fn not_told(caller: &Caller, all: &[Undelivered]) -> Option<Finding> {
    let (latest, first) = (all.first()?, all.last()?);
    let webhook = &latest.webhook;
    let what = match all.len() {
        1 => "a delivery".to_owned(),
        several => format!("{several} deliveries"),
    };
    let answer = match (latest.last_status, &latest.last_error) {
        (Some(status), _) => format!("answered {status}"),
        (None, Some(error)) => error.clone(),
        (None, None) => "no answer".to_owned(),
    };
    let then = match (latest.is_disabled, latest.is_given_up) {
        (true, _) => "the webhook is disabled",
        (false, true) => "it was given up",
        (false, false) => "it is tried again",
    };
    let command = match (latest.is_disabled, latest.is_given_up) {
        (true, _) => format!("hubctl webhooks enable {webhook}"),
        (false, true) => format!("hubctl webhooks redeliver {}", latest.id),
        (false, false) => format!("hubctl webhooks deliveries {}", latest.id),
    };
    // Whoever sees the account may not see what receivers answer, nor change webhooks.
    let right = Permission::Administer;
    let needs = match caller.may(right) {
        true => String::new(),
        false => format!(" # needs a key with the scope {}", right.as_str()),
    };
    Some(Finding {
        code: "webhook_failing".to_owned(),
        blocking: false,
        cause: format!(
            "{what} about it did not arrive at {} (webhook {webhook}); the latest: {answer}, {then}",
            latest.url
        ),
        since: Some(first.created_at),
        operation: None,
        event: None,
        command: Some(command + &needs),
    })
}
