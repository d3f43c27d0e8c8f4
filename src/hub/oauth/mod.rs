//! Connection attempts: a login at the provider, from its start to the linked account (OA-*).

use url::Url;
use zeroize::Zeroizing;

use crate::domain::caller::Caller;
use crate::domain::connector::address::BadAddress;
use crate::domain::connector::guide::callback_url;
use crate::domain::connector::request::TokenRequest;
use crate::domain::connector::values::Checked;
use crate::domain::credentials::Values;
use crate::domain::ids::{AttemptId, AuthConfigId};
use crate::domain::login;
use crate::domain::oauth::login::{Login, NoLogin, login_url, redirect_uri};
use crate::domain::oauth::pkce;
use crate::domain::origin::Origin;
use crate::domain::project::Project;
use crate::domain::provider_reason;
use crate::domain::secret::Secret;
use crate::domain::token::{RANDOM_BYTES, StateToken, secret_part};
use crate::error::{HubError, codes};
use crate::store::attempts::{self, Began, Stored};
use crate::store::{Tx, projects};

use super::Hub;
use super::auth_configs::Given;
use super::end_user::{self, EndUser};
use super::linking::{Way, provider_error};
use super::logs::Scope;
use super::refuse::allow;
use super::sealing::Spot;

pub mod bounds;
mod finish;

pub use crate::domain::attempt::{Attempt, AttemptState};
pub use finish::{finish, is_guess};

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
    /// The project that the login belongs to.
    pub project: Project,
}

fn unknown() -> HubError {
    HubError::new(&codes::ATTEMPT_UNKNOWN, "the session has no such connection attempt")
}

fn bad_state() -> HubError {
    HubError::new(&codes::OAUTH_BAD_STATE, BAD_STATE)
}

/// A new attempt, `pending` (OA-2, OA-3). Where the session has too many, the oldest are over.
pub async fn create(hub: &Hub, user: &EndUser) -> Result<Attempt, HubError> {
    let mut tx = hub.store.begin_write().await?;
    let (_, attempt) = create_in(hub, &mut tx, user).await?;
    tx.commit().await?;
    Ok(attempt)
}

async fn create_in(hub: &Hub, tx: &mut Tx, user: &EndUser) -> Result<(i64, Attempt), HubError> {
    bounds::bound(hub, tx, user).await?;
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
/// stands in the way of a login ends its attempt, so that whoever waits for it learns why.
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
    let mut attempt = attempt.cloned();
    let begun = begin_with(hub, user, id, &mut attempt, values, return_to).await;
    if let (Err(error), Some(id)) = (&begun, &attempt)
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
        description: provider_reason::clean(&error.words_for_others()),
    }
}

/// Random text that goes through a browser, and its keyed hash.
fn draw(hub: &Hub) -> Result<Zeroizing<[u8; RANDOM_BYTES]>, HubError> {
    let mut random = Zeroizing::new([0; RANDOM_BYTES]);
    hub.random.fill(random.as_mut_slice())?;
    Ok(random)
}

/// `known` is the attempt that is in the store: one that is made here from its commit on.
async fn begin_with(
    hub: &Hub,
    user: &EndUser,
    id: &AuthConfigId,
    known: &mut Option<AttemptId>,
    values: Given,
    return_to: Option<&str>,
) -> Result<Begun, HubError> {
    let now = hub.clock.now();
    Scope::here(Scope::changes);
    let mut tx = hub.store.begin_write().await?;
    let (number, attempt, before) = match known.as_ref() {
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
    let mut all = offer.values(&filled)?;
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
            .map_err(|error| no_login(&error))
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
    *known = Some(attempt.id.clone());
    let purpose = way.purpose(&user.caller, None, &all, "request_token");
    let asked = hub.provider.request_token(way.target(&all), &redirect_uri, now);
    let request: Given = hub.logging(purpose, asked).await.map_err(provider_error)?.into();
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
    let plain = plain.map_err(|error| no_login(&NoLogin::from(error)))?;
    if !matches!(way.method.token_request, Some(TokenRequest::OAuth1(_))) {
        return Ok(plain);
    }
    let mut url = Url::parse(&plain).map_err(|error| misconfigured(&error))?;
    url.query_pairs_mut().append_pair("state", state.text().expose());
    Ok(url.into())
}

fn no_login(error: &NoLogin) -> HubError {
    let told = misconfigured(error);
    match error {
        NoLogin::Address(BadAddress::Plain(host)) => told.hint(allow(Some(host))),
        _ => told,
    }
}

fn misconfigured(error: &dyn std::fmt::Display) -> HubError {
    let text = format!("the login can't begin: {error}");
    HubError::new(&codes::PROVIDER_MISCONFIGURED, text)
}

async fn origins(hub: &Hub, tx: &mut Tx, caller: &Caller) -> Result<Vec<Origin>, HubError> {
    let project = projects::by_number(tx, caller.project()).await?;
    Ok(project.map_or_else(|| hub.app_origins.clone(), |project| app_origins(hub, &project)))
}

/// The origins of the applications that may embed a project's page: those of the hub and its own
/// (OA-11, threat 26).
#[must_use]
pub fn app_origins(hub: &Hub, project: &Project) -> Vec<Origin> {
    hub.app_origins.iter().chain(project.app_origins.as_slice()).cloned().collect()
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
