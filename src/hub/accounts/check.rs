//! Looks at everything that calls through an account need, and asks its provider; changes nothing
//! but tokens that have ended or are refused.

use crate::domain::account::{Account, Status};
use crate::domain::auth_config::AuthConfig;
use crate::domain::caller::{Caller, Permission};
use crate::domain::check::CheckState;
use crate::domain::connector::Field;
use crate::domain::ids::AccountId;
use crate::domain::request_log::Entry;
use crate::domain::time::Timestamp;
use crate::domain::words::counted;
use crate::error::{Code, HubError, codes};
use crate::hub::linking::provider_error;
use crate::hub::refresh;
use crate::hub::{Hub, connectors};
use crate::store::request_logs::{self, Filter, Order, Table};
use crate::store::{Tx, auth_configs};

use super::explain::{broken, disabled, held, unheard};
use super::method::{lacking, lost};
use super::prove::with_relink;
use super::tokens::{self, Known, Means};
use super::{Finding, load};

/// Calls to the provider that are looked at, the latest ones.
const CALLS: usize = 20;
/// Why nothing else is asked of an account whose connector can't be used.
const LOST: &str = "its connector can't be used";

/// One check.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What was looked at.
    pub about: &'static str,
    /// How it ended.
    pub state: CheckState,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Why it failed.
    pub code: Option<&'static Code>,
}

impl Checked {
    fn new(about: &'static str, state: CheckState, message: impl Into<String>) -> Self {
        Self { about, state, message: message.into(), hint: None, code: None }
    }

    fn ok(about: &'static str, message: impl Into<String>) -> Self {
        Self::new(about, CheckState::Ok, message)
    }

    fn skipped(about: &'static str, because: &str) -> Self {
        Self::new(about, CheckState::Skipped, format!("not asked: {because}"))
    }

    fn failed(about: &'static str, error: &HubError) -> Self {
        Self {
            hint: error.hint_text().map(str::to_owned),
            code: Some(error.code()),
            ..Self::new(about, CheckState::Failed, error.message())
        }
    }

    /// What an explanation found.
    fn found(about: &'static str, finding: Finding) -> Self {
        let (state, code) = match finding.blocking {
            true => (CheckState::Failed, Some(&codes::ACCOUNT_NOT_USABLE)),
            false => (CheckState::Warning, None),
        };
        Self { hint: finding.command, code, ..Self::new(about, state, finding.cause) }
    }
}

/// Whether the provider may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// With the account's credentials, which may renew tokens.
    Provider,
    /// Nobody.
    Nobody,
}

/// Checks an account: that it and what it stands on is there and enabled, that its credentials
/// open, how long its tokens last, whether the provider accepts them now, how the latest calls
/// went, and whether webhooks were told of it.
///
/// The provider is asked only for a caller who may write, since tokens may be renewed by it.
///
/// # Errors
/// `account.not_found`; as the store reports them. What else is wrong is a check that failed.
pub async fn check(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
    ask: Ask,
) -> Result<Vec<Checked>, HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    let mut tx = hub.store.begin_read().await?;
    let account = load(&mut tx, caller, id).await?;
    let config = auth_configs::by_id(&mut tx, caller.project(), &account.auth_config).await?;
    let connector = connector(&mut tx, caller, &account, config.as_ref()).await?;
    let is_lost = connector.state == CheckState::Failed;
    let is_disabled = config.as_ref().is_none_or(|config| !config.is_enabled());
    let auth_config = auth_config(&mut tx, caller, config.as_ref()).await?;
    let stored = refresh::load(hub, &mut tx, caller, id).await;
    let credentials = match &stored {
        Ok(stored) => match lacking(&mut tx, caller, stored).await? {
            Some(finding) => Checked::found("credentials", finding),
            None => credentials(stored, &account),
        },
        Err(_) if is_lost => Checked::skipped("credentials", LOST),
        Err(error) => Checked::failed("credentials", error),
    };
    let name = stored.as_ref().ok().map(|stored| stored.way.connector.name.clone());
    let means = stored.as_ref().ok().map(Means::of);
    let calls = calls(&mut tx, caller, &account).await?;
    drop(tx);
    let mut provider = match stored {
        Ok(_) if ask == Ask::Nobody => Checked::skipped("provider", "it is not wanted"),
        Ok(_) if !caller.may(Permission::PlatformWrite) => {
            let text = format!("the key lacks {}", Permission::PlatformWrite.as_str());
            Checked::skipped("provider", &text)
        }
        Ok(stored) => provider(hub, caller, stored).await,
        Err(_) if is_lost => Checked::skipped("provider", LOST),
        Err(_) => Checked::skipped("provider", "there are no credentials to ask with"),
    };
    // By the answer, tokens may be new, the account may be in error, or nobody has it any more.
    let mut tx = hub.store.begin_read().await?;
    let account = load(&mut tx, caller, id).await?;
    let known = tokens::known(&mut tx, caller, &account).await?;
    let is_held = account.hold.is_some() || is_disabled || is_lost;
    let now = hub.clock.now();
    let mut token = token_life(&account, known.as_ref(), means.as_ref(), is_held, now);
    if provider.state == CheckState::Failed && token.state == CheckState::Failed {
        // What came of asking tells the same, and how.
        (token.state, token.code) = (CheckState::Warning, None);
    }
    let is_failing = known.is_some_and(|known| known.note.failing.is_some());
    if let Some(name) = name.filter(|_| is_failing && provider.state == CheckState::Ok) {
        provider.message = format!("{name} still accepts the present access token");
    }
    let mut account_itself = account_itself(&mut tx, caller, &account).await?;
    if provider.state == CheckState::Ok && account.is_refused() && !is_failing {
        // What the provider accepts by now needs no new login.
        account_itself.hint = Some(format!("hubctl accounts test {id}"));
    }
    let heard = unheard(&mut tx, caller, &account).await?;
    let mut all = vec![account_itself, connector, auth_config, credentials, token, provider, calls];
    if heard.is_empty() {
        all.push(Checked::ok("webhooks", "no delivery about it has failed"));
    }
    all.extend(heard.into_iter().map(|finding| Checked::found("webhooks", finding)));
    Ok(all)
}

async fn account_itself(
    tx: &mut Tx,
    caller: &Caller,
    account: &Account,
) -> Result<Checked, HubError> {
    let trouble = match held(tx, caller, account).await? {
        Some(held) => Some(held),
        None => broken(tx, caller, account).await?,
    };
    Ok(match trouble {
        Some(finding) => Checked::found("account", finding),
        None => {
            let (provider, owner) = (&account.provider, &account.owner.name);
            let status = account.shown_status().as_str();
            Checked::ok("account", format!("{provider} account of {owner}, {status}"))
        }
    })
}

async fn connector(
    tx: &mut Tx,
    caller: &Caller,
    account: &Account,
    config: Option<&AuthConfig>,
) -> Result<Checked, HubError> {
    const ABOUT: &str = "connector";
    let key = &account.provider;
    if let Some(config) = config
        && let Some(finding) = lost(tx, caller, config).await?
    {
        return Ok(Checked::found(ABOUT, finding));
    }
    if connectors::resolve(tx, caller, key, None).await?.is_none() {
        return Ok(Checked::failed(ABOUT, &connectors::unfit(key, None)));
    }
    let configs = auth_configs::of_connector(tx, caller.project(), key).await?;
    let default = configs.iter().find(|config| config.is_default && config.is_enabled());
    let (why, hint) = match default {
        None => {
            // The connector's key would enable all of its auth configs.
            let hidden = configs.iter().find(|config| config.is_default);
            let target = hidden.map_or_else(|| key.to_string(), |config| config.id.to_string());
            let enable = format!("hubctl connectors enable {target}");
            ("its default auth config is disabled".to_owned(), Some(enable))
        }
        Some(default) => match lost(tx, caller, default).await? {
            None => return Ok(Checked::ok(ABOUT, format!("end users can link {key}"))),
            Some(finding) => (finding.cause, finding.command),
        },
    };
    let text = format!("end users don't see {key}: {why}");
    Ok(Checked { hint, ..Checked::new(ABOUT, CheckState::Warning, text) })
}

async fn auth_config(
    tx: &mut Tx,
    caller: &Caller,
    config: Option<&AuthConfig>,
) -> Result<Checked, HubError> {
    let Some(config) = config else {
        let text = "the account's auth config is gone";
        let error = HubError::new(&codes::AUTH_CONFIG_UNKNOWN, text);
        return Ok(Checked::failed("auth config", &error));
    };
    Ok(match disabled(tx, caller, config).await? {
        Some(finding) => Checked::found("auth config", finding),
        None => Checked::ok("auth config", format!("`{}` is enabled", config.name)),
    })
}

fn credentials(stored: &refresh::Stored, account: &Account) -> Checked {
    if !stored.kept.secrets.is_empty() {
        return Checked::ok("credentials", "the master key opens them");
    }
    let fields = &stored.way.method.config_fields;
    let known = stored.way.known(Some(account));
    let must_be_kept = |field: &Field| field.required && field.is_secret() && field.applies(&known);
    if !fields.iter().any(must_be_kept) {
        return Checked::ok("credentials", "its method needs no secret");
    }
    Checked {
        hint: Some(format!("hubctl accounts relink {}", account.id)),
        ..Checked::new("credentials", CheckState::Warning, "no secret is stored for it")
    }
}

fn token_life(
    account: &Account,
    known: Option<&Known>,
    means: Option<&Means>,
    is_held: bool,
    now: Timestamp,
) -> Checked {
    let Some(known) = known else {
        return Checked::ok("token", "it has none that ends");
    };
    match tokens::finding(account, known, means, is_held, now) {
        Some(finding) => Checked::found("token", finding),
        None => {
            let (state, end) = match known.note.expires_at {
                None => (CheckState::Ok, "it is not known when it ends".to_owned()),
                Some(end) if end <= now => (CheckState::Warning, format!("it ended at {end}")),
                Some(end) => (CheckState::Ok, format!("it ends at {end}")),
            };
            let text = format!("{end}; last renewed at {}", known.note.renewed_at);
            Checked::new("token", state, text)
        }
    }
}

/// The connector's light call, with the credentials as they are, or renewed where they have ended
/// or are refused.
async fn provider(hub: &Hub, caller: &Caller, stored: refresh::Stored) -> Checked {
    const ABOUT: &str = "provider";
    let id = stored.account.id.clone();
    let asked = match stored.account.shown_status() {
        Status::Active => refresh::prove(hub, caller, &id).await,
        // What was refused once is asked again, and stays refused until it is tested or linked.
        Status::Error | Status::Expired => {
            let usable = stored.usable();
            let answer = refresh::verify(hub, caller, &usable).await;
            Ok((usable, answer))
        }
        other => {
            let text = format!("the account is {}", other.as_str());
            return Checked::skipped(ABOUT, &text);
        }
    };
    let failed = |error| Checked::failed(ABOUT, &with_relink(&id, error));
    match asked {
        Ok((usable, Ok(true))) => {
            Checked::ok(ABOUT, format!("{} accepts the credentials", usable.connector.name))
        }
        Ok((_, Ok(false))) => Checked::skipped(ABOUT, "the connector names no call to ask with"),
        Ok((_, Err(failure))) => failed(provider_error(failure)),
        Err(error) => failed(error),
    }
}

/// How the latest calls to the provider went.
async fn calls(tx: &mut Tx, caller: &Caller, account: &Account) -> Result<Checked, HubError> {
    let filter = Filter { accounts: vec![account.id.to_string()], ..Filter::default() };
    let (project, order) = (caller.project(), Order::default());
    let found = request_logs::page(tx, Table::Steps, project, &filter, order, None, CALLS);
    let mut found = found.await?;
    found.rows.retain(|step| !step.is_failed_trial());
    let has_failed = |step: &&Entry| !step.outcome.is_success();
    let failed: Vec<&Entry> = found.rows.iter().filter(has_failed).collect();
    let of = counted(found.rows.len() as u64, "call");
    let Some(last) = failed.first() else {
        let text = match found.rows.len() {
            0 => "none is in the log".to_owned(),
            _ => format!("none of the latest {of} to the provider failed"),
        };
        return Ok(Checked::ok("calls", text));
    };
    let answer = match last.outcome.status() {
        0 => "had no answer".to_owned(),
        status => format!("was answered {status}"),
    };
    let text = format!(
        "{} of the latest {of} to the provider failed; the last of them, at {}, {answer}",
        failed.len(),
        last.at
    );
    Ok(Checked {
        hint: Some(format!("hubctl logs get {}", last.request_id)),
        ..Checked::new("calls", CheckState::Warning, text)
    })
}
