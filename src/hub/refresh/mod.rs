//! Keeping tokens fresh: before they end, on a provider's 401, and by the worker (OA-13 to OA-15).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::domain::account::{Account, Status};
use crate::domain::caller::Caller;
use crate::domain::connector::{AuthMethod, Connector};
use crate::domain::credentials::{ACCESS_TOKEN, Values};
use crate::domain::ids::{AccountId, AuthConfigId, ProjectNumber};
use crate::domain::provider_failure::ProviderFailure;
use crate::domain::refresh as rules;
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::provider::Target;
use crate::store::accounts::refresh::{self, Freshness};
use crate::store::{Tx, accounts, auth_configs};

use super::Hub;
use super::linking::{self, Kept, Way, provider_error};
use super::logs::Purpose;

mod note;
mod once;
mod patience;
mod set_up;
mod trial;
mod work;

use once::Done;

pub use note::{Note, note_of};
pub(super) use note::{client_mark, client_refused_at, failed, failed_of};
pub(super) use once::write;
pub(super) use patience::Patience;
pub(super) use set_up::{SetUp, mended};
pub(super) use trial::renew_with;
pub use work::{Round, next_due, round};

/// How long somebody waits for another one's refresh, and how often they look.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a call waits that could go on with the token that is there.
const LONG: Duration = Duration::from_secs(1);
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LONGEST_LOOK: Duration = Duration::from_millis(500);

/// An account that may be called, with everything a call needs.
#[derive(Debug, Clone)]
pub struct Usable {
    /// The account.
    pub account: Account,
    /// Its connector.
    pub connector: Arc<Connector>,
    /// The method it was linked by.
    pub method: AuthMethod,
    /// Set-up, fields, captured values, fresh tokens.
    pub values: Values,
    /// Which credentials these are: a refresh raises it.
    pub version: i64,
    /// Whether its tokens can be renewed, or got for the first time.
    pub can_renew: bool,
    /// When a call's 401 last made the hub ask about them, where nothing renews them.
    pub(super) doubted_at: Option<Timestamp>,
    /// Which set-up the values are of.
    pub(super) set_up: SetUp,
}

/// Why fresh credentials are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// To call: refresh only if the token has ended or ends within a minute.
    Usable,
    /// The provider answered 401 to the credentials of this version: refresh, unless somebody else
    /// already has. Where there is nothing to refresh, the same version comes back.
    NewerThan(i64),
    /// The same for one of the calls that come by the thousand: tokens that were renewed a moment
    /// ago are refused for another reason than their age, and the same version comes back as well.
    InPlaceOf(i64),
    /// An administrator asked; an account in error may be cured by it (AT-7).
    Now,
}

/// Everything that is stored about an account and what its calls need.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) account: Account,
    pub(super) way: Arc<Way>,
    pub(super) kept: Kept,
    pub(super) fresh: Option<Freshness>,
}

impl Stored {
    pub(super) fn values(&self) -> Values {
        self.way.values_with(&self.account.setup, &self.kept.secrets)
    }

    pub(super) fn usable(self) -> Usable {
        let (values, can_renew) = (self.values(), self.can_renew());
        let doubted_at = self.fresh.as_ref().and_then(|fresh| fresh.doubted_at);
        let set_up = SetUp::of(&self.way.config);
        let way = Arc::unwrap_or_clone(self.way);
        Usable {
            account: self.account,
            connector: way.connector,
            method: way.method,
            values,
            version: self.kept.version,
            can_renew,
            doubted_at,
            set_up,
        }
    }

    /// Whether its tokens can be renewed, or got for the first time.
    pub(super) fn can_renew(&self) -> bool {
        rules::can_renew(&self.way.method, &self.kept.secrets) || rules::obtains(&self.way.method)
    }

    /// Whether a call needs other tokens than the stored ones.
    pub(super) fn is_stale(&self, now: Timestamp) -> bool {
        let ends = |fresh: &Freshness| {
            fresh.expires_at.is_some_and(|end| rules::is_stale(fresh.updated_at, end, now))
        };
        self.lacks_token() || self.fresh.as_ref().is_some_and(ends)
    }

    /// Whether there is no token although calls need one.
    pub(super) fn lacks_token(&self) -> bool {
        rules::obtains(&self.way.method) && !self.kept.secrets.contains_key(ACCESS_TOKEN)
    }

    /// Whether what is stored was renewed a moment ago; those that came with the link never were.
    fn were_just_renewed(&self, now: Timestamp) -> bool {
        let just = |fresh: &Freshness| rules::were_just_renewed(fresh.updated_at, now);
        self.kept.version > 1 && self.fresh.as_ref().is_some_and(just)
    }

    /// Whether the stored token has ended, so that nothing can be done with it.
    fn has_ended(&self, now: Timestamp) -> bool {
        let end = self.fresh.as_ref().and_then(|fresh| fresh.expires_at);
        end.is_none_or(|end| now >= end)
    }
}

/// What calls through auth configs need, as far as one transaction has read it.
#[derive(Default)]
struct Ways(HashMap<(ProjectNumber, AuthConfigId), Arc<Way>>);

/// Reads an account and what its calls need.
///
/// # Errors
/// `account.not_found`, and as [`linking::way`].
pub(super) async fn load(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    id: &AccountId,
) -> Result<Stored, HubError> {
    load_among(hub, tx, caller, id, &mut Ways::default()).await
}

/// The same for one of several accounts, which mostly share an auth config.
async fn load_among(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    id: &AccountId,
    ways: &mut Ways,
) -> Result<Stored, HubError> {
    let project = caller.project();
    let account = accounts::by_id(tx, project, id).await?;
    let account = account.ok_or_else(|| super::accounts::unknown(id.as_str()))?;
    let way = match ways.0.entry((project, account.auth_config.clone())) {
        Entry::Occupied(known) => Arc::clone(known.get()),
        Entry::Vacant(place) => {
            let config = auth_configs::by_id(tx, project, &account.auth_config).await?;
            let config = config.ok_or_else(|| not_usable(&account))?;
            let way = Arc::new(linking::way(hub, tx, caller, config).await?);
            Arc::clone(place.insert(way))
        }
    };
    let (credentials, fresh) = refresh::credentials(tx, project, id).await?.unzip();
    let kept = linking::opened(hub, tx, caller, id, credentials).await?;
    Ok(Stored { account, way, kept, fresh })
}

/// The error for an account that may not be called as it stands (AC-16, AT-28).
fn not_usable(account: &Account) -> HubError {
    let status = account.shown_status();
    let why = status.obstacle().unwrap_or("its auth config is gone");
    let text = format!("the account is {}: {why}", status.as_str());
    HubError::new(&codes::ACCOUNT_NOT_USABLE, text)
        .hint(format!("hubctl accounts explain {}", account.id))
        .detail(json!({ "status": status.as_str() }))
}

/// Refuses an account that may not be called. What an administrator asks for may cure one whose
/// credentials were refused.
pub(super) fn check(stored: &Stored, want: Want) -> Result<(), HubError> {
    let curable = matches!(stored.account.shown_status(), Status::Error | Status::Expired);
    let fine = stored.account.shown_status() == Status::Active || (want == Want::Now && curable);
    if fine && stored.way.config.is_enabled() { Ok(()) } else { Err(not_usable(&stored.account)) }
}

/// The account and fresh credentials. One refresh at a time per account, over tasks, processes and
/// replicas: others wait for it (threat 24), unless the token that is there does for their call. The
/// right to call is the caller's to check.
///
/// # Errors
/// `account.not_found`; `account.not_usable` (412, AC-16, AT-28) with zero calls;
/// `account.state` where there is nothing to renew and an administrator asked;
/// `provider.refused`, `provider.misconfigured`, `provider.unreachable`.
pub async fn usable(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
    want: Want,
) -> Result<Usable, HubError> {
    let is_refused = matches!(want, Want::NewerThan(_) | Want::InPlaceOf(_));
    fresh(hub, caller, id, want, is_refused).await
}

/// The same; `is_refused` says that the provider answered 401 to what is stored.
async fn fresh(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
    want: Want,
    is_refused: bool,
) -> Result<Usable, HubError> {
    let (wish, mut want) = (want, want);
    let mut queue = Queue::new();
    // What stood there at first: a failure that is newer is the one that was waited for.
    let mut first: Option<Freshness> = None;
    loop {
        let now = hub.clock.now();
        let mut tx = hub.store.begin_read().await?;
        let stored = load(hub, &mut tx, caller, id).await?;
        drop(tx);
        check(&stored, wish)?;
        if !needs(&stored, want, now)? {
            return Ok(stored.usable());
        }
        let fresh = stored.fresh.clone();
        if let Some(fresh) = &fresh {
            let seen = first.get_or_insert_with(|| fresh.clone());
            // Who waited for somebody's refresh has its outcome too.
            let failed_since = fresh.failures > seen.failures;
            let is_under_way = rules::is_leased(fresh.lease_until, now);
            let may_try = wish == Want::Now || note::may_try(fresh, now);
            let has_failed = failed_since || !(may_try || is_under_way);
            // Nobody waits long for new tokens, or fails for want of them, while the old ones still
            // do; for a moment, since those that are renewed may end at once.
            let is_slow = is_under_way && queue.waited >= LONG;
            if (has_failed || is_slow) && want == Want::Usable && !stored.has_ended(now) {
                return Ok(stored.usable());
            }
            if has_failed {
                return Err(provider_error(note::failure_of(fresh)));
            }
            if is_under_way {
                queue.wait().await?;
                // An administrator's wish is met by whoever is at it.
                if want == Want::Now {
                    want = Want::NewerThan(stored.kept.version);
                }
                continue;
            }
        }
        let version = stored.kept.version;
        let still_good = want == Want::Usable && !stored.has_ended(now);
        let usable = still_good.then(|| stored.clone().usable());
        match (renew(hub, caller, stored, None, is_refused).await, usable) {
            // However short the new token lives, it is the newest there is.
            (Ok(Done::Renewed), _) => want = Want::NewerThan(version),
            // Somebody else was faster: look again.
            (Ok(Done::NotOurs), _) if want == Want::Now => want = Want::NewerThan(version),
            (Ok(Done::NotOurs), _) => {}
            (Err(error), Some(usable)) if error.retryable() => return Ok(usable),
            (Err(error), _) => return Err(error),
        }
    }
}

/// Renews what is stored. It goes on where whoever asked for it goes away: the provider's answer
/// may be the only one that ever holds the next refresh token. `is_refused` says that the provider
/// answered 401 to what is stored.
async fn renew(
    hub: &Hub,
    caller: &Caller,
    stored: Stored,
    trial: Option<Values>,
    is_refused: bool,
) -> Result<Done, HubError> {
    let (own, caller) = (hub.clone(), caller.clone());
    let refresh = async move { once::refresh(&own, &caller, stored, trial, is_refused).await };
    hub.detached(refresh).await.map_err(HubError::internal("a refresh was broken off"))?
}

/// Those who wait for somebody else's refresh, but not for ever.
struct Queue {
    waited: Duration,
    look: Duration,
}

impl Queue {
    const fn new() -> Self {
        Self { waited: Duration::ZERO, look: FIRST_LOOK }
    }

    /// Waits until it is worth looking again.
    async fn wait(&mut self) -> Result<(), HubError> {
        if self.waited >= PATIENCE {
            let text = "somebody else has been renewing its tokens for too long";
            return Err(HubError::new(&codes::PROVIDER_UNREACHABLE, text));
        }
        sleep(self.look).await;
        self.waited += self.look;
        self.look = (self.look * 2).min(LONGEST_LOOK);
        Ok(())
    }
}

/// An account in error, with what is stored: whether its credentials work again is asked next.
/// `None` for any other that may not be called.
///
/// # Errors
/// As [`usable`].
pub(super) async fn in_error(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
) -> Result<Option<Usable>, HubError> {
    let mut tx = hub.store.begin_read().await?;
    let stored = load(hub, &mut tx, caller, id).await?;
    drop(tx);
    if check(&stored, Want::Now).is_err() {
        return Ok(None);
    }
    match stored.can_renew() {
        true => usable(hub, caller, id, Want::Now).await.map(Some),
        false => Ok(Some(stored.usable())),
    }
}

/// Asks the provider whether an account's credentials work; `Ok(false)` where there is no way to.
///
/// # Errors
/// As the provider's answer says.
pub(super) async fn verify(
    hub: &Hub,
    caller: &Caller,
    usable: &Usable,
) -> Result<bool, ProviderFailure> {
    let Usable { account, connector, method, values, .. } = usable;
    let target = Target { connector, method, values };
    let purpose = Purpose {
        project: caller.project(),
        account: Some(&account.id),
        provider: &account.provider,
        method,
        values,
        action: "verify",
    };
    let answer = hub.logging(purpose, hub.provider.verify(target, hub.clock.now())).await;
    answer.map_err(|failure| rules::of_account(account, failure))
}

/// Asks the provider whether the credentials of an account that may be called work; also which were
/// asked about. Where they are refused, the token may have ended before its time: it is renewed if
/// it can be, and the provider is asked once more.
///
/// # Errors
/// As [`usable`].
pub(super) async fn prove(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
) -> Result<(Usable, Result<bool, ProviderFailure>), HubError> {
    let known = usable(hub, caller, id, Want::Usable).await?;
    let answer = verify(hub, caller, &known).await;
    let Some(failure) = answer.as_ref().err().filter(|failure| rules::is_final(failure)) else {
        return Ok((known, answer));
    };
    // Of anything but a 401, the token may be innocent.
    let is_refused = failure.status == Some(401);
    let newer = fresh(hub, caller, id, Want::NewerThan(known.version), is_refused).await?;
    if newer.version == known.version {
        return Ok((known, answer));
    }
    let answer = verify(hub, caller, &newer).await;
    Ok((newer, answer))
}

/// Whether an administrator could ask the provider about an account.
///
/// # Errors
/// `account.not_found`, `account.not_usable`.
pub(super) async fn may_ask(hub: &Hub, caller: &Caller, id: &AccountId) -> Result<(), HubError> {
    let mut tx = hub.store.begin_read().await?;
    let stored = load(hub, &mut tx, caller, id).await?;
    check(&stored, Want::Now)
}

/// Whether an administrator could ask for new tokens.
///
/// # Errors
/// As [`usable`] for [`Want::Now`], without asking the provider.
pub(super) async fn may_refresh(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
) -> Result<(), HubError> {
    let mut tx = hub.store.begin_read().await?;
    let stored = load(hub, &mut tx, caller, id).await?;
    check(&stored, Want::Now)?;
    needs(&stored, Want::Now, hub.clock.now()).map(drop)
}

/// Whether what is wanted takes a refresh.
fn needs(stored: &Stored, want: Want, now: Timestamp) -> Result<bool, HubError> {
    match want {
        Want::Usable => Ok(stored.can_renew() && stored.is_stale(now)),
        Want::NewerThan(version) => Ok(stored.can_renew() && stored.kept.version <= version),
        Want::InPlaceOf(_) if stored.were_just_renewed(now) => Ok(false),
        Want::InPlaceOf(version) => needs(stored, Want::NewerThan(version), now),
        Want::Now if stored.can_renew() => Ok(true),
        Want::Now => {
            let text = "the account has no tokens that could be renewed without its end user";
            Err(HubError::new(&codes::ACCOUNT_STATE, text)
                .hint(format!("hubctl accounts relink {}", stored.account.id)))
        }
    }
}
