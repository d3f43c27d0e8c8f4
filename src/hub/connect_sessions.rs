//! Operations on connect sessions; an auth link is the address of a session's page (AL-4).

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::domain::attempt::Attempt;
use crate::domain::caller::{Caller, Permission};
use crate::domain::connect_session::{self, ConnectSession, Facts, NewSession};
use crate::domain::event::EventKind;
use crate::domain::ids::{OperationId, ProjectNumber, SessionId};
use crate::domain::refusal::Refusal;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::token::{RANDOM_BYTES, SessionToken, secret_part};
use crate::error::{Code, HubError, codes};
use crate::store::{Tx, accounts, attempts, auth_configs, connect_sessions};

use super::Hub;
use super::auth_configs::{TRIGGER_TOKEN, address};
use super::linking::Holder;
use super::sealing::Spot;
use super::vault::HashKey;
use super::write::{Guard, Outcome, Record};

mod batch;
pub mod expiry;
mod list;

pub use list::{Filter, list};

pub use batch::{BatchItem, create_batch};

/// What a session's token is hashed for.
const PURPOSE: &str = "session token";

/// A new session with its token, which is shown this once (CS-4).
#[derive(Debug, Clone, PartialEq)]
pub struct Created {
    /// The session.
    pub session: ConnectSession,
    /// Its token.
    pub token: SessionToken,
    /// The address of its page.
    pub auth_link_url: Secret,
    /// What providers are handed so that they can start actions, if the auth config keeps it.
    pub external_trigger_token: Option<Secret>,
}

/// A session and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The session.
    pub session: ConnectSession,
    /// Its newest connection attempt, where it was looked up (CS-37, CS-38).
    pub attempt: Option<Attempt>,
    /// At which instant it was looked at.
    pub now: Timestamp,
}

/// Creates a session (CS-1 to CS-36).
///
/// # Errors
/// `session.invalid`, `connector.not_found`, `connector.not_enabled`, `auth_config.not_found`,
/// `auth_config.mismatch`, `account.not_found`.
pub async fn create(
    hub: &Hub,
    caller: &Caller,
    new: NewSession,
    guard: Guard,
) -> Result<Created, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    if !guard.dry_run
        && hub.has_hash_key()
        && let Some(created) = create_shared(hub, caller, new.clone()).await?
    {
        return Ok(created);
    }
    let mut tx = match guard.dry_run {
        true => hub.store.begin_rehearsal().await?,
        false => hub.store.begin_append().await?,
    };
    let created = create_in(hub, &mut tx, caller, new).await?;
    guard.finish(tx).await?;
    Ok(created)
}

/// Creates a session in a commit that others share; `None` where nothing of it is there, so that it
/// can be created alone.
async fn create_shared(
    hub: &Hub,
    caller: &Caller,
    new: NewSession,
) -> Result<Option<Created>, HubError> {
    let is = |error: &HubError, code: &Code| error.code().name == code.name;
    let mut tx = hub.store.begin_shared().await?;
    let created = match create_in(hub, &mut tx, caller, new).await {
        // Another one's failure.
        Err(error) if is(&error, &codes::STALE) => return Ok(None),
        created => created?,
    };
    match tx.commit().await.map_err(HubError::from) {
        Ok(()) => Ok(Some(created)),
        Err(error) if is(&error, &codes::STALE) => Ok(None),
        // Nobody knows what became of the commit. A writer waits until it is over.
        Err(error) if is(&error, &codes::STORE_UNREACHABLE) => {
            let mut tx = hub.store.begin_write().await?;
            let found = of_token_in(hub, &mut tx, &created.token).await?;
            Ok(found.map(|_| created))
        }
        Err(error) => Err(error),
    }
}

async fn create_in(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    new: NewSession,
) -> Result<Created, HubError> {
    let decided = decide(hub, tx, caller, new).await?;
    let hash_key = hub.hash_key(tx).await?;
    let mut random = Zeroizing::new([0; RANDOM_BYTES]);
    hub.random.fill(random.as_mut_slice())?;
    store(hub, tx, caller, decided, &random, &hash_key, None).await
}

/// A session, and what is known about its auth config.
struct Decided {
    session: ConnectSession,
    /// Whether the auth config keeps a token for providers; `None` where nobody has looked.
    has_trigger_token: Option<bool>,
    /// Whether the auth config is that of the account, whichever it is by the time of the link.
    follows_account: bool,
}

impl From<ConnectSession> for Decided {
    fn from(session: ConnectSession) -> Self {
        Self { session, has_trigger_token: None, follows_account: false }
    }
}

/// Looks up what the request names and lets the rules decide.
async fn decide(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    new: NewSession,
) -> Result<Decided, HubError> {
    let project = caller.project();
    let account = match &new.account {
        Some(id) => {
            let found = accounts::by_id(tx, project, id).await?;
            Some(found.ok_or_else(|| super::accounts::unknown(id.as_str()))?)
        }
        None => None,
    };
    let named = new
        .auth_config
        .clone()
        .or_else(|| account.as_ref().map(|account| account.auth_config.clone()));
    let named_config = match &named {
        Some(id) => {
            let found = auth_configs::by_id(tx, project, id).await?;
            Some(found.ok_or_else(|| {
                HubError::new(&codes::AUTH_CONFIG_UNKNOWN, format!("no auth config `{id}`"))
                    .hint("hubctl connectors list")
            })?)
        }
        None => None,
    };
    let (mut configs, mut known) = (Vec::new(), None);
    if let (Some(key), None) = (&new.provider, &named_config) {
        configs = auth_configs::of_connector(tx, project, key).await?;
        // Whose account is known matters only where there is something to choose.
        if configs.len() > 1 {
            known = holder(&new).known(tx, caller, key).await?;
        }
    }
    let facts = Facts {
        named_config: named_config.as_ref(),
        default_config: connect_session::serving(&configs, known.as_ref()),
        account: account.as_ref(),
    };
    let follows_account = new.auth_config.is_none() && account.is_some();
    let decided = connect_session::open(new, facts, hub.clock.now());
    match decided {
        // A key that is in no catalog is a different mistake than one that is not set up.
        Err(Refusal::NotSetUp { connector })
            if super::connectors::resolve(tx, caller, &connector, None).await?.is_none() =>
        {
            Err(super::connectors::unknown(connector.as_str()))
        }
        other => {
            let config = facts.named_config.or(facts.default_config);
            let has_trigger_token = config.map(|config| config.secrets.contains(TRIGGER_TOKEN));
            Ok(Decided { session: other?, has_trigger_token, follows_account })
        }
    }
}

/// Who would hold what is linked by a session.
fn holder(new: &NewSession) -> Holder {
    Holder {
        owner: new.owner.clone(),
        label: None,
        metadata: None,
        kind: new.kind,
        account: new.account.clone(),
        multiple: new.multiple,
        is_told: false,
    }
}

async fn store(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    mut decided: Decided,
    random: &[u8; RANDOM_BYTES],
    hash_key: &HashKey,
    batch_key: Option<&[u8]>,
) -> Result<Created, HubError> {
    let hash = hash_key.digest(PURPOSE, &secret_part(random));
    let (project, session) = (caller.project(), &decided.session);
    let unsettled =
        decided.follows_account.then(|| ConnectSession { auth_config: None, ..session.clone() });
    let kept = unsettled.as_ref().unwrap_or(session);
    decided.session.id = connect_sessions::insert(tx, project, kept, &hash, batch_key).await?;
    emit(hub, tx, caller, EventKind::SessionCreated, &decided.session).await?;
    finish(hub, tx, caller, decided, random).await
}

/// Tells of a session in an event, without anything that opens it.
pub(super) async fn emit(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    kind: EventKind,
    session: &ConnectSession,
) -> Result<(), HubError> {
    let subject = session.id.to_string();
    hub.emit(tx, caller, kind, &subject, hub.clock.now(), Some(facts(session))).await
}

/// What events keep of a session.
fn facts(session: &ConnectSession) -> Value {
    json!({
        "provider": session.provider,
        "origin_owner_id": session.owner.id,
        "expires_at": session.expires_at,
    })
}

async fn finish(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    decided: Decided,
    random: &[u8; RANDOM_BYTES],
) -> Result<Created, HubError> {
    let Decided { session, has_trigger_token, .. } = decided;
    let token = SessionToken::mint(session.id.get(), random);
    let auth_link_url = Secret::new(address(hub, &format!("connect/{}", token.text().expose())));
    let external_trigger_token = match has_trigger_token {
        Some(false) => None,
        _ => trigger_token(hub, tx, caller, &session).await?,
    };
    Ok(Created { session, token, auth_link_url, external_trigger_token })
}

async fn trigger_token(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    session: &ConnectSession,
) -> Result<Option<Secret>, HubError> {
    let Some(id) = &session.auth_config else { return Ok(None) };
    let config = auth_configs::by_id(tx, caller.project(), id).await?;
    if !config.is_some_and(|config| config.secrets.contains(TRIGGER_TOKEN)) {
        return Ok(None);
    }
    let Some(sealed) = auth_configs::sealed(tx, caller.project(), id).await? else {
        return Ok(None);
    };
    let version = sealed.version;
    let spot = Spot { table: "auth_configs", id: id.as_str(), field: "setup", version };
    Ok(hub.open(tx, caller, spot, &sealed.bytes).await?.remove(TRIGGER_TOKEN))
}

/// The error for a number that no session of the project has.
#[must_use]
pub fn unknown(id: SessionId) -> HubError {
    HubError::new(&codes::SESSION_UNKNOWN, format!("no session {id}")).hint("hubctl session list")
}

/// One session, without its token (CS-4).
///
/// # Errors
/// `session.not_found`.
pub async fn get(hub: &Hub, caller: &Caller, id: SessionId) -> Result<Seen, HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    let mut tx = hub.store.begin_read().await?;
    let project = caller.project();
    let found = connect_sessions::by_id(&mut tx, project, id).await?;
    let session = found.ok_or_else(|| unknown(id))?;
    let now = hub.clock.now();
    let attempt = attempts::latest(&mut tx, project, id).await?.map(|attempt| attempt.at(now));
    Ok(Seen { session, attempt, now })
}

/// Ends a session: its token and link stop working at once.
///
/// # Errors
/// `session.not_found`.
pub async fn revoke(
    hub: &Hub,
    caller: &Caller,
    id: SessionId,
    guard: Guard,
) -> Result<Outcome<Seen>, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let found = connect_sessions::by_id(&mut tx, caller.project(), id).await?;
    let before = found.ok_or_else(|| unknown(id))?;
    if before.revoked_at.is_some() {
        return Ok(Outcome::unchanged(Seen { session: before, attempt: None, now }));
    }
    let operation = Some(end(hub, &mut tx, caller, &before, now).await?);
    guard.finish(tx).await?;
    let after = ConnectSession { revoked_at: Some(now), ..before.clone() };
    Ok(Outcome {
        before: Some(Seen { session: before, attempt: None, now }),
        after: Some(Seen { session: after, attempt: None, now }),
        changed: true,
        affected: 0,
        operation,
    })
}

/// Ends a session that is not revoked, and tells of it.
async fn end(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    session: &ConnectSession,
    now: Timestamp,
) -> Result<OperationId, HubError> {
    connect_sessions::revoke(tx, caller.project(), session.id, now).await?;
    let record = Record {
        action: "revoke",
        resource: format!("session/{}", session.id),
        affected: 0,
        before: None,
        after: None,
    };
    let operation = hub.record(tx, caller, now, record).await?;
    emit(hub, tx, caller, EventKind::SessionRevoked, session).await?;
    Ok(operation)
}

/// CS-40: the session of the caller's project that a token opens.
///
/// # Errors
/// `session.token_invalid`, also for one of another project.
pub async fn by_token(hub: &Hub, caller: &Caller, text: &str) -> Result<Seen, HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    let (project, session) = opened_by(hub, text).await?;
    if project != caller.project() {
        return Err(HubError::new(&codes::SESSION_TOKEN_INVALID, TOKEN_REFUSED));
    }
    let now = hub.clock.now();
    let mut tx = hub.store.begin_look().await?;
    let attempt = attempts::latest(&mut tx, project, session.id).await?;
    Ok(Seen { session, attempt: attempt.map(|attempt| attempt.at(now)), now })
}

/// What anybody with a token that opens nothing is told.
const TOKEN_REFUSED: &str = "the session token is not valid";

/// CS-28, CS-40: the session that a token opens; unknown, expired and revoked ones are refused
/// alike.
///
/// # Errors
/// `session.token_invalid`.
pub async fn authenticate(hub: &Hub, text: &str) -> Result<ConnectSession, HubError> {
    Ok(opened_by(hub, text).await?.1)
}

pub(super) fn refused() -> HubError {
    HubError::new(&codes::SESSION_TOKEN_INVALID, TOKEN_REFUSED)
}

pub(super) async fn opened_by(
    hub: &Hub,
    text: &str,
) -> Result<(ProjectNumber, ConnectSession), HubError> {
    let found = of_token(hub, text).await?;
    found.filter(|(_, session)| session.is_open(hub.clock.now())).ok_or_else(refused)
}

/// The session of a token, also one that is over.
pub(super) async fn of_token(
    hub: &Hub,
    text: &str,
) -> Result<Option<(ProjectNumber, ConnectSession)>, HubError> {
    let Ok(token) = SessionToken::parse(text) else { return Ok(None) };
    let mut tx = hub.store.begin_read().await?;
    of_token_in(hub, &mut tx, &token).await
}

async fn of_token_in(
    hub: &Hub,
    tx: &mut Tx,
    token: &SessionToken,
) -> Result<Option<(ProjectNumber, ConnectSession)>, HubError> {
    let Some(hash_key) = hub.known_hash_key(tx).await? else { return Ok(None) };
    let row = SessionId::from_row(token.row());
    let found = connect_sessions::by_token_row(tx, row).await?;
    // An unknown row costs the same comparison as a known one (threat 8).
    let stored = found.as_ref().map_or(&[0; 32][..], |(_, hash, _)| hash);
    let fits = hash_key.matches(PURPOSE, token.secret(), stored);
    Ok(found.filter(|_| fits).map(|(project, _, session)| (project, session)))
}
