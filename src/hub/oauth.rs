//! Connection attempts: a login at the provider, from its start to the linked account (OA-*).

use std::collections::BTreeMap;

use url::Url;
use zeroize::Zeroizing;

use crate::domain::caller::Caller;
use crate::domain::connector::guide::callback_url;
use crate::domain::connector::request::TokenRequest;
use crate::domain::connector::values::Checked;
use crate::domain::credentials::{Tokens, Values};
use crate::domain::ids::{AttemptId, AuthConfigId};
use crate::domain::login::{self, Answer};
use crate::domain::oauth::login::{Login, NoLogin, login_url, redirect_uri};
use crate::domain::oauth::pkce;
use crate::domain::origin::Origin;
use crate::domain::secret::Secret;
use crate::domain::token::{RANDOM_BYTES, StateToken, secret_part};
use crate::error::{HubError, codes};
use crate::provider::Callback;
use crate::store::attempts::{self, Began, Stored};
use crate::store::{Tx, connect_sessions as sessions, projects};

use super::Hub;
use super::auth_configs::Given;
use super::end_user::{self, EndUser};
use super::linking::{self, Filled, Proof, Way, provider_error};
use super::sealing::Spot;

pub use crate::domain::attempt::{Attempt, AttemptState};

/// What a login's state and cookie are hashed for.
const STATE: &str = "login state";
const BINDING: &str = "login binding";
/// What a refused callback is told, whatever was wrong (threats 1 to 3).
const BAD_STATE: &str = "the login is unknown, done or over";
/// What a login keeps besides the form.
const VERIFIER: &str = "verifier";
const REDIRECT_URI: &str = "redirect_uri";
const RETURN_TO: &str = "return_to";
const EDITS: &str = "edits";

/// Where the browser goes to log in.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The provider's page.
    pub location: Url,
    /// The attempt.
    pub attempt: AttemptId,
    /// What the browser must bring back with the callback: a cookie's value, random (threats 4, 5).
    pub binding: Secret,
}

/// What the provider's page sent back.
#[derive(Debug, Clone)]
pub struct Returned<'a> {
    /// The connector in the address of the callback.
    pub provider: &'a str,
    /// The query, decoded.
    pub query: &'a [(String, String)],
    /// The cookie's value.
    pub binding: Option<&'a Secret>,
}

/// How a login ended, for the page that says so.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The attempt, in a final state.
    pub attempt: Attempt,
    /// The connector's name.
    pub connector: String,
    /// Where to go, of a registered origin (OA-11); otherwise the hub's own page says how it ended.
    pub return_to: Option<Url>,
}

fn unknown() -> HubError {
    HubError::new(&codes::ATTEMPT_UNKNOWN, "the session has no such connection attempt")
}

fn bad_state() -> HubError {
    HubError::new(&codes::OAUTH_BAD_STATE, BAD_STATE)
}

/// A new attempt, `pending` (OA-2, OA-3).
pub async fn create(hub: &Hub, user: &EndUser) -> Result<Attempt, HubError> {
    let mut tx = hub.store.begin_write().await?;
    let (_, attempt) = create_in(hub, &mut tx, user).await?;
    tx.commit().await?;
    Ok(attempt)
}

async fn create_in(hub: &Hub, tx: &mut Tx, user: &EndUser) -> Result<(i64, Attempt), HubError> {
    let now = hub.clock.now();
    let attempt = Attempt::new(hub.random.uuid_v7(now)?.into(), now);
    let project = user.caller.project();
    let number = attempts::insert(tx, project, user.session.id, &attempt).await?;
    Ok((number, attempt))
}

async fn find(tx: &mut Tx, user: &EndUser, id: &AttemptId) -> Result<Stored, HubError> {
    let found = attempts::by_id(tx, user.caller.project(), user.session.id, id).await?;
    found.ok_or_else(unknown)
}

/// An attempt of this session (HB-14); one whose time is over is `expired` (OA-9).
///
/// # Errors
/// `attempt.not_found`.
pub async fn get(hub: &Hub, user: &EndUser, id: &AttemptId) -> Result<Attempt, HubError> {
    let mut tx = hub.store.begin_look().await?;
    Ok(find(&mut tx, user, id).await?.attempt.at(hub.clock.now()))
}

/// Ends a pending attempt; a final one stays as it is (OA-7).
///
/// # Errors
/// `attempt.not_found`.
pub async fn cancel(hub: &Hub, user: &EndUser, id: &AttemptId) -> Result<Attempt, HubError> {
    let now = hub.clock.now();
    let mut tx = hub.store.begin_write().await?;
    let found = find(&mut tx, user, id).await?;
    if found.attempt.is_pending(now) {
        let project = user.caller.project();
        attempts::settle(&mut tx, project, found.number, &AttemptState::Cancelled, now).await?;
    }
    let found = find(&mut tx, user, id).await?;
    tx.commit().await?;
    Ok(found.attempt.at(now))
}

/// Begins a login: checks the form, seals values, state and PKCE verifier with the attempt, and
/// gives the provider's address. Without `attempt` a new one is made. `return_to` is kept only if
/// its origin is one of `app_origins` of the hub or of the project (OA-11, threat 7). Whatever
/// stands in the way of a login ends the attempt that was named, so that whoever waits for it
/// learns why.
///
/// # Errors
/// As [`super::end_user::form`]; `fields.invalid`; `attempt.not_found`; `attempt.over` for one
/// that is not pending.
pub async fn begin(
    hub: &Hub,
    user: &EndUser,
    id: &AuthConfigId,
    attempt: Option<&AttemptId>,
    values: Given,
    return_to: Option<&str>,
) -> Result<Begun, HubError> {
    let begun = begin_with(hub, user, id, attempt, values, return_to).await;
    if let (Err(error), Some(id)) = (&begun, attempt)
        && !std::ptr::eq(error.code(), &raw const codes::ATTEMPT_OVER)
        && !std::ptr::eq(error.code(), &raw const codes::ATTEMPT_UNKNOWN)
    {
        let mut tx = hub.store.begin_write().await?;
        let found = find(&mut tx, user, id).await?;
        let project = user.caller.project();
        let state = failed(error);
        attempts::settle(&mut tx, project, found.number, &state, hub.clock.now()).await?;
        tx.commit().await?;
    }
    begun
}

/// The state of an attempt that ended with this error.
fn failed(error: &HubError) -> AttemptState {
    AttemptState::Failed {
        code: error.code().name.to_owned(),
        description: Some(login::clean(error.message())),
    }
}

/// Random text that goes through a browser, and its keyed hash.
fn draw(hub: &Hub) -> Result<Zeroizing<[u8; RANDOM_BYTES]>, HubError> {
    let mut random = Zeroizing::new([0; RANDOM_BYTES]);
    hub.random.fill(random.as_mut_slice())?;
    Ok(random)
}

async fn begin_with(
    hub: &Hub,
    user: &EndUser,
    id: &AuthConfigId,
    attempt: Option<&AttemptId>,
    values: Given,
    return_to: Option<&str>,
) -> Result<Begun, HubError> {
    let now = hub.clock.now();
    let mut tx = hub.store.begin_write().await?;
    let (number, attempt, before) = match attempt {
        Some(id) => {
            let found = find(&mut tx, user, id).await?;
            if !found.attempt.is_open(now) {
                let text = "the connection attempt has ended";
                return Err(HubError::new(&codes::ATTEMPT_OVER, text));
            }
            (found.number, found.attempt, found.sealed_version)
        }
        None => {
            let (number, attempt) = create_in(hub, &mut tx, user).await?;
            (number, attempt, 0)
        }
    };
    let offer = end_user::offer(hub, &mut tx, user, id).await?;
    if !offer.way.method.needs_browser() {
        let text = format!("{} is linked by a form, not by a login", offer.way.connector.name);
        return Err(HubError::new(&codes::FIELDS_INVALID, text));
    }
    let filled = offer.check(values, offer.account.is_some())?;
    let mut all = offer.values(&filled);
    let way = &offer.way;
    let state = StateToken::mint(number, &*draw(hub)?);
    let binding = Secret::new(secret_part(&*draw(hub)?).as_str());
    let verifier = pkce::verifier(&*draw(hub)?);
    let redirect_uri = callback_of(hub, way, &all, &state)?;
    let mut kept = Kept {
        edits: filled.edits.as_ref().map(ToString::to_string),
        checked: filled.checked,
        verifier: way.method.pkce.then(|| verifier.clone()),
        redirect_uri: redirect_uri.clone(),
        return_to: match return_to {
            Some(text) => login::return_address(text, &origins(hub, &mut tx, &user.caller).await?),
            None => None,
        },
        request: Given::new(),
    };
    let hash_key = hub.hash_key(&mut tx).await?;
    let hashes =
        (hash_key.digest(STATE, state.secret()), hash_key.digest(BINDING, binding.expose()));
    let mut version = before + 1;
    keep(hub, &mut tx, user, (number, &attempt.id, version), (id, &hashes), &kept).await?;
    let is_oauth1 = matches!(way.method.token_request, Some(TokenRequest::OAuth1(_)));
    let address = |all: &Values| {
        let challenge = kept.verifier.as_ref().map(pkce::challenge);
        let login = Login {
            redirect_uri: &redirect_uri,
            state: state.text().expose(),
            challenge: challenge.as_deref(),
        };
        login_url(&way.method, all, &login, hub.provider.allows_plain())
            .map_err(|error| misconfigured(&error))
    };
    if way.method.client_id_field().is_some_and(|field| all.get(&field.key).is_none()) {
        return Err(misconfigured(&"the auth config has no client id"));
    }
    if !is_oauth1 {
        let location = address(&all)?;
        tx.commit().await?;
        return Ok(Begun { location, attempt: attempt.id, binding });
    }
    // What is kept so far makes the state known before the provider hears of it.
    tx.commit().await?;
    let asked = hub.provider.request_token(way.target(&all), &redirect_uri, now).await;
    let request: Given = asked.map_err(provider_error)?.into();
    all.extend(request.clone());
    let location = address(&all)?;
    kept.request = request;
    version += 1;
    let mut tx = hub.store.begin_write().await?;
    keep(hub, &mut tx, user, (number, &attempt.id, version), (id, &hashes), &kept).await?;
    tx.commit().await?;
    Ok(Begun { location, attempt: attempt.id, binding })
}

/// Where the provider sends the browser back to. OAuth 1.0a has no state of its own: there it is
/// part of the address.
fn callback_of(
    hub: &Hub,
    way: &Way,
    values: &Values,
    state: &StateToken,
) -> Result<String, HubError> {
    let own = callback_url(hub.public_url.as_str(), &way.connector.key);
    let plain = redirect_uri(&way.method, values, &own, hub.provider.allows_plain());
    let plain = plain.map_err(|error| misconfigured(&NoLogin::from(error)))?;
    if !matches!(way.method.token_request, Some(TokenRequest::OAuth1(_))) {
        return Ok(plain);
    }
    let mut url = Url::parse(&plain).map_err(|error| misconfigured(&error))?;
    url.query_pairs_mut().append_pair("state", state.text().expose());
    Ok(url.into())
}

fn misconfigured(error: &dyn std::fmt::Display) -> HubError {
    let text = format!("the login can't begin: {error}");
    HubError::new(&codes::PROVIDER_MISCONFIGURED, text)
}

async fn origins(hub: &Hub, tx: &mut Tx, caller: &Caller) -> Result<Vec<Origin>, HubError> {
    let mut origins = hub.app_origins.clone();
    if let Some(project) = projects::by_number(tx, caller.project()).await? {
        origins.extend_from_slice(project.app_origins.as_slice());
    }
    Ok(origins)
}

/// The origins of the applications that may embed the page of this session: those of the hub and
/// those of its project (OA-11, threat 26).
pub async fn app_origins(hub: &Hub, user: &EndUser) -> Result<Vec<Origin>, HubError> {
    let mut tx = hub.store.begin_look().await?;
    origins(hub, &mut tx, &user.caller).await
}

/// What a login keeps until its end user comes back.
struct Kept {
    checked: Checked,
    edits: Option<String>,
    verifier: Option<Secret>,
    redirect_uri: String,
    return_to: Option<Url>,
    /// Request token and secret of OAuth 1.0a.
    request: Given,
}

impl Kept {
    /// One flat set of secrets, which is what is sealed.
    fn to_secrets(&self) -> Given {
        let mut all = Given::new();
        let mut put = |key: String, value: &str| {
            all.insert(key, Secret::new(value));
        };
        for (key, value) in &self.checked.public {
            put(format!("public.{key}"), value);
        }
        for (key, value) in &self.checked.secret {
            put(format!("secret.{key}"), value.expose());
        }
        for key in &self.checked.cleared {
            put(format!("cleared.{key}"), "");
        }
        for (key, value) in &self.request {
            put(format!("request.{key}"), value.expose());
        }
        put(REDIRECT_URI.to_owned(), &self.redirect_uri);
        let optional = [
            (VERIFIER, self.verifier.as_ref().map(Secret::expose)),
            (RETURN_TO, self.return_to.as_ref().map(Url::as_str)),
            (EDITS, self.edits.as_deref()),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                put(key.to_owned(), value);
            }
        }
        all
    }

    fn from_secrets(mut all: Given) -> Self {
        let mut take = |key: &str| all.remove(key).map(|value| value.expose().to_owned());
        let (redirect_uri, verifier) = (take(REDIRECT_URI).unwrap_or_default(), take(VERIFIER));
        let (return_to, edits) = (take(RETURN_TO), take(EDITS));
        let mut kept = Self {
            checked: Checked::default(),
            edits,
            verifier: verifier.map(Secret::new),
            redirect_uri,
            return_to: return_to.and_then(|text| Url::parse(&text).ok()),
            request: Given::new(),
        };
        for (key, value) in all {
            let Some((kind, key)) = key.split_once('.') else { continue };
            let key = key.to_owned();
            match kind {
                "public" => drop(kept.checked.public.insert(key, value.expose().to_owned())),
                "secret" => drop(kept.checked.secret.insert(key, value)),
                "cleared" => drop(kept.checked.cleared.insert(key)),
                _ => drop(kept.request.insert(key, value)),
            }
        }
        kept
    }
}

fn spot(id: &AttemptId, version: i64) -> Spot<'_> {
    Spot { table: "connection_attempts", id: id.as_str(), field: "login", version }
}

async fn keep(
    hub: &Hub,
    tx: &mut Tx,
    user: &EndUser,
    (number, attempt, version): (i64, &AttemptId, i64),
    (auth_config, hashes): (&AuthConfigId, &([u8; 32], [u8; 32])),
    kept: &Kept,
) -> Result<(), HubError> {
    let secrets = kept.to_secrets();
    let sealed = hub.seal(tx, &user.caller, spot(attempt, version), &secrets).await?;
    let began = Began {
        auth_config,
        state_hash: &hashes.0,
        binding_hash: &hashes.1,
        sealed: &sealed,
        sealed_version: version,
    };
    let project = user.caller.project();
    attempts::begin(tx, project, number, &began, hub.clock.now()).await.map_err(|error| {
        let is_over = matches!(error, crate::store::StoreError::Stale);
        match is_over {
            true => HubError::new(&codes::ATTEMPT_OVER, "the connection attempt has ended"),
            false => error.into(),
        }
    })
}

/// A login whose end user came back, taken by this call alone.
struct Claimed {
    user: EndUser,
    way: Way,
    kept: Kept,
    stored: Stored,
}

/// Ends a login: checks state, binding and issuer, claims the attempt (once, threat 2), exchanges
/// the code, proves the tokens, stores the account, and settles the attempt. A refusal by provider
/// or rule that belongs to a known attempt is an `Ok` with a failed attempt.
///
/// # Errors
/// `oauth.bad_state` (400) for a state that is unknown, used, or of an attempt that is over
/// (threats 1 to 3), and for an answer of another issuer, which ends the attempt (threat 6);
/// `oauth.wrong_browser` (403), and the attempt fails (threats 4, 5).
pub async fn finish(hub: &Hub, returned: Returned<'_>) -> Result<Ended, HubError> {
    let claimed = claim(hub, &returned).await?;
    let (own, query) = (hub.clone(), returned.query.to_vec());
    // A code is worth something once: where the browser goes away, the login goes on.
    let task = tokio::spawn(async move { settle(&own, &claimed, &query).await });
    task.await.map_err(|error| {
        HubError::new(&codes::INTERNAL, "the login was broken off").source(error)
    })?
}

/// Does what a claimed attempt's answer asks for, and ends the attempt.
async fn settle(
    hub: &Hub,
    claimed: &Claimed,
    query: &[(String, String)],
) -> Result<Ended, HubError> {
    let Claimed { user, way, kept, stored } = claimed;
    let request_token = kept.request.get("oauth_token").map(Secret::expose);
    let state = match login::answer(&way.method, query, request_token) {
        Answer::Code(code) => match link(hub, claimed, &code, query).await {
            // The account and the attempt's end were stored together.
            Ok(state) => return ended(hub, claimed, state).await,
            Err(error) => failed(&error),
        },
        Answer::Failed { code, description } => AttemptState::Failed { code, description },
        Answer::Malformed => AttemptState::Failed {
            code: "invalid_callback".to_owned(),
            description: Some("the provider's page sent no code back".to_owned()),
        },
        Answer::WrongIssuer => AttemptState::Failed {
            code: "issuer_mismatch".to_owned(),
            description: Some("the answer comes from another issuer".to_owned()),
        },
    };
    let is_foreign =
        matches!(&state, AttemptState::Failed { code, .. } if code == "issuer_mismatch");
    let mut tx = hub.store.begin_write().await?;
    let (project, now) = (user.caller.project(), hub.clock.now());
    attempts::settle(&mut tx, project, stored.number, &state, now).await?;
    tx.commit().await?;
    if is_foreign {
        let text = "the answer comes from another issuer than the one that was asked";
        return Err(HubError::new(&codes::OAUTH_BAD_STATE, text));
    }
    ended(hub, claimed, state).await
}

async fn ended(hub: &Hub, claimed: &Claimed, state: AttemptState) -> Result<Ended, HubError> {
    let now = hub.clock.now();
    let mut tx = hub.store.begin_look().await?;
    let found = attempts::by_number(&mut tx, claimed.stored.number).await?;
    let attempt = match found {
        Some(found) => found.attempt.at(now),
        None => Attempt { state, updated_at: now, ..claimed.stored.attempt.clone() },
    };
    Ok(Ended {
        attempt,
        connector: claimed.way.connector.name.clone(),
        return_to: claimed.kept.return_to.clone(),
    })
}

/// Checks who came back with what, and takes the attempt.
async fn claim(hub: &Hub, returned: &Returned<'_>) -> Result<Claimed, HubError> {
    let now = hub.clock.now();
    let text = login::single(returned.query, "state").ok_or_else(bad_state)?;
    let token = StateToken::parse(text).map_err(|_| bad_state())?;
    let mut tx = hub.store.begin_write().await?;
    let hash_key = hub.known_hash_key(&mut tx).await?.ok_or_else(bad_state)?;
    let found = attempts::by_number(&mut tx, token.row()).await?;
    // An unknown row costs the same comparison as a known one.
    let hash = found.as_ref().map_or(&[0; 32][..], |found| &found.state_hash);
    let fits = hash_key.matches(STATE, token.secret(), hash);
    let stored = found.filter(|_| fits).ok_or_else(bad_state)?;
    let project = stored.project;
    if !stored.attempt.is_open(now) {
        let is_late = stored.attempt.claimed_at.is_none();
        if is_late {
            attempts::settle(&mut tx, project, stored.number, &AttemptState::Expired, now).await?;
            tx.commit().await?;
        }
        return Err(bad_state());
    }
    let brought = returned.binding.map_or("", Secret::expose);
    if !hash_key.matches(BINDING, brought, &stored.binding_hash) {
        let text = "the login came back in another browser than the one that began it";
        let error = HubError::new(&codes::OAUTH_WRONG_BROWSER, text);
        attempts::settle(&mut tx, project, stored.number, &failed(&error), now).await?;
        tx.commit().await?;
        return Err(error);
    }
    let name = projects::by_number(&mut tx, project).await?;
    let name = name.map(|project| project.name.to_string()).unwrap_or_default();
    let caller = Caller::end_user(stored.session, project, name);
    let session = sessions::by_id(&mut tx, project, stored.session).await?.ok_or_else(bad_state)?;
    let Some(id) = &stored.attempt.auth_config else { return Err(bad_state()) };
    let config = super::accounts::auth_config(&mut tx, &caller, id).await;
    let config = config.map_err(|_| bad_state())?;
    // One callback address serves all auth configs of a connector, and no other's (AC-40).
    if config.connector.as_str() != returned.provider {
        return Err(bad_state());
    }
    if !attempts::claim(&mut tx, project, &stored, now).await? {
        return Err(bad_state());
    }
    let user = EndUser { caller, session };
    // CS-29: the attempt has a life of its own, but a revoked session ends it.
    if user.session.revoked_at.is_some() {
        let error = HubError::new(&codes::SESSION_TOKEN_INVALID, "the session was revoked");
        attempts::settle(&mut tx, project, stored.number, &failed(&error), now).await?;
        tx.commit().await?;
        return Err(bad_state());
    }
    let way = linking::way(hub, &mut tx, &user.caller, config).await?;
    let spot = spot(&stored.attempt.id, stored.sealed_version);
    let kept = Kept::from_secrets(hub.open(&mut tx, &user.caller, spot, &stored.sealed).await?);
    tx.commit().await?;
    Ok(Claimed { user, way, kept, stored })
}

/// Exchanges the code, proves the tokens, and stores the account with the attempt's end.
async fn link(
    hub: &Hub,
    claimed: &Claimed,
    code: &Secret,
    query: &[(String, String)],
) -> Result<AttemptState, HubError> {
    let Claimed { user, way, kept, stored } = claimed;
    let edits = kept.edits.as_deref().map(str::parse).transpose();
    let edits = edits.map_err(|_| bad_state())?;
    let filled = Filled { checked: kept.checked.clone(), edits, keeps_tokens: false };
    let mut values = values_of(hub, user, way, &filled).await?;
    values.extend(kept.request.clone());
    let callback = Callback {
        code,
        redirect_uri: &kept.redirect_uri,
        verifier: kept.verifier.as_ref(),
        query,
    };
    let now = hub.clock.now();
    let exchanged = hub.provider.exchange(way.target(&values), callback, now).await;
    let tokens = exchanged.map_err(provider_error)?;
    values.add_tokens(&tokens);
    let proven = prove_and_store(hub, claimed, &filled, &values, tokens).await;
    // Cancelled, over or refused in between: nobody may use these tokens (OA-8). Those of a relink
    // are left alone, since revoking them may end the tokens that the account still has.
    if !matches!(proven, Ok(Some(_))) && filled.edits.is_none() {
        hub.provider.revoke(way.target(&values), hub.clock.now()).await;
    }
    Ok(proven?.unwrap_or_else(|| stored.attempt.state.clone()))
}

async fn values_of(
    hub: &Hub,
    user: &EndUser,
    way: &Way,
    filled: &Filled,
) -> Result<Values, HubError> {
    let nothing = BTreeMap::new();
    let Some(id) = &filled.edits else {
        let (public, secret) = filled.over(&way.method, &nothing, &BTreeMap::new());
        return Ok(way.values_with(&public, &secret));
    };
    let mut tx = hub.store.begin_read().await?;
    let found = crate::store::accounts::by_id(&mut tx, user.caller.project(), id).await?;
    let account = found.ok_or_else(|| super::accounts::unknown(id.as_str()))?;
    let kept = linking::kept(hub, &mut tx, &user.caller, id).await?;
    let (public, secret) = filled.over(&way.method, &account.setup, &kept.secrets);
    Ok(way.values_with(&public, &secret))
}

/// `None` where the attempt ended before the account could be stored; then it is not stored.
async fn prove_and_store(
    hub: &Hub,
    claimed: &Claimed,
    filled: &Filled,
    values: &Values,
    tokens: Tokens,
) -> Result<Option<AttemptState>, HubError> {
    let Claimed { user, way, stored, .. } = claimed;
    let verified_at = linking::verify(hub, way, values).await?;
    let proof = Proof { tokens: Some(tokens), verified_at };
    let mut tx = hub.store.begin_write().await?;
    let linked = end_user::finish(hub, &mut tx, user, way, filled, &proof).await?;
    let state = AttemptState::Authenticated { account: linked.after.id };
    let (project, now) = (user.caller.project(), hub.clock.now());
    if !attempts::settle(&mut tx, project, stored.number, &state, now).await? {
        return Ok(None);
    }
    tx.commit().await?;
    Ok(Some(state))
}
