//! Why an account is not active, since when, who did it, and which command helps.

use crate::domain::account::{Account, REASON_DISABLED, Status};
use crate::domain::auth_config::AuthConfig;
use crate::domain::caller::{Caller, Permission};
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::Hub;
use crate::hub::refresh::{self, Note};
use crate::store::accounts::refresh as refresh_rows;
use crate::store::operations::{self, Operation};
use crate::store::{Tx, auth_configs};

use super::failures::latest_failure;
use super::{View, load, view};

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The account.
    pub view: View,
    /// Whether calls through it are possible.
    pub usable: bool,
    /// What stands in the way, the most direct cause first, then what deserves a look.
    pub findings: Vec<Finding>,
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
    }
    findings.extend(broken(&account));
    findings.extend(latest_failure(&mut tx, caller, &account).await?);
    let now = hub.clock.now();
    if let Some(fresh) = refresh_rows::freshness(&mut tx, caller.project(), id).await? {
        findings.extend(tokens(&account, &refresh::note_of(&fresh), now));
    }
    if account.verified_at.is_none() {
        findings.push(Finding {
            code: "not_verified".to_owned(),
            blocking: false,
            cause: "the credentials were stored without asking the provider".to_owned(),
            since: Some(account.created_at),
            operation: None,
            command: None,
        });
    }
    let usable = !findings.iter().any(|finding| finding.blocking);
    Ok(Explanation { view: view(&mut tx, caller, account).await?, usable, findings })
}

async fn held(
    tx: &mut Tx,
    caller: &Caller,
    account: &Account,
) -> Result<Option<Finding>, HubError> {
    let Some(hold) = account.hold else { return Ok(None) };
    let resource = super::resource(account);
    let operation = operations::latest(tx, caller.project(), &resource, "suspend").await?;
    let reason =
        account.reasons.iter().find(|reason| reason.code.as_deref() != Some(REASON_DISABLED));
    Ok(Some(Finding {
        code: hold.as_str().to_owned(),
        blocking: true,
        cause: format!("an administrator {} the account", hold.as_str()),
        since: reason.map(|reason| reason.timestamp),
        operation,
        command: (hold == Status::Suspended)
            .then(|| format!("hubctl accounts resume {}", account.id)),
    }))
}

async fn disabled(
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
        command: Some(format!("hubctl connectors enable {}", config.id)),
    }))
}

/// What is the matter with an account's tokens, which do not stand in the way yet.
fn tokens(account: &Account, note: &Note, now: Timestamp) -> Vec<Finding> {
    let finding = |code: &str, cause: String, since| Finding {
        code: code.to_owned(),
        blocking: false,
        cause,
        since: Some(since),
        operation: None,
        command: Some(format!("hubctl accounts refresh {}", account.id)),
    };
    let mut findings = Vec::new();
    if let Some((since, why)) = &note.failing {
        let next = match note.next_try.filter(|next| *next > now) {
            Some(next) => format!("; next try at {next}"),
            None => String::new(),
        };
        let cause = format!("its tokens can't be renewed: {why}{next}");
        findings.push(finding("refresh_failing", cause, *since));
    }
    if let Some(end) = note.expires_at.filter(|end| *end <= now) {
        let cause = "its access token has ended; the next call renews it".to_owned();
        findings.push(finding("token_expired", cause, end));
    }
    findings
}

fn broken(account: &Account) -> Option<Finding> {
    if !matches!(account.status, Status::Error | Status::Expired) {
        return None;
    }
    let reason = account.reasons.iter().rfind(|reason| reason.code.is_some());
    let described = reason.and_then(|reason| reason.description.clone());
    Some(Finding {
        code: reason
            .and_then(|reason| reason.code.clone())
            .unwrap_or_else(|| account.status.as_str().to_owned()),
        blocking: true,
        cause: described.unwrap_or_else(|| "the provider refuses the credentials".to_owned()),
        since: reason.map(|reason| reason.timestamp),
        operation: None,
        command: Some(format!("hubctl session create --account {}", account.id)),
    })
}
