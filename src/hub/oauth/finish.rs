//! The end of a login: what the provider's page sent back, and the account that it links.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::attempt::{AttemptState, FINISHING_S};
use crate::domain::caller::Caller;
use crate::domain::credentials::{Tokens, Values};
use crate::domain::login::{self, Answer};
use crate::domain::secret::Secret;
use crate::domain::token::StateToken;
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::end_user::{self, EndUser};
use crate::hub::linking::{self, Filled, Holder, Proof, Way, provider_error};
use crate::hub::logs::Scope;
use crate::hub::refresh::Patience;
use crate::hub::vault::HashKey;
use crate::provider::Callback;
use crate::store::attempts::{self, Stored};
use crate::store::{Tx, connect_sessions as sessions, projects};

use super::{Attempt, BINDING, Ended, Kept, Returned, STATE, bad_state, failed, spot};

/// What is told where the store can't take a login's end.
const WAIT: &str = "a login waits";
/// How long the answer to a login waits for tokens to be revoked.
const MOST_REVOKE: Duration = Duration::from_secs(5);

/// A login whose end user came back, taken by this call alone.
struct Claimed {
    user: EndUser,
    way: Way,
    kept: Kept,
    stored: Stored,
}

/// That a state is no login's, for whoever counts guesses.
#[derive(Debug, thiserror::Error)]
#[error("no login has this state")]
struct NobodysState;

fn nobodys_state() -> HubError {
    bad_state().source(NobodysState)
}

/// Whether a callback was refused because no login has its state: whoever comes back to one that is
/// done or over has guessed nothing.
#[must_use]
pub fn is_guess(error: &HubError) -> bool {
    Error::source(error).is_some_and(<dyn Error>::is::<NobodysState>)
}

/// Ends a login: checks state, binding and issuer, claims the attempt (once, threat 2), exchanges
/// the code, proves the tokens, stores the account, and settles the attempt. A refusal by provider
/// or rule that belongs to a known attempt is an `Ok` with a failed attempt. A store that can't take
/// what the provider gave is waited for, until the attempt is over.
///
/// # Errors
/// `oauth.bad_state` (400) for a state that is unknown, used, or of an attempt that is over
/// (threats 1 to 3), and for an answer of another issuer, which ends the attempt (threat 6);
/// `oauth.wrong_browser` (403), and the attempt fails (threats 4, 5); as it does where the auth
/// config or its method is there no more: `auth_config.not_found`, `auth_method.not_found`.
pub async fn finish(hub: &Hub, returned: Returned<'_>) -> Result<Ended, HubError> {
    let claimed = claim(hub, &returned).await?;
    let (own, query) = (hub.clone(), returned.query.to_vec());
    // A code is worth something once: where the browser goes away, the login goes on.
    let task = hub.detached(async move { settle(&own, &claimed, &query).await });
    task.await.map_err(HubError::internal("the login was broken off"))?
}

/// Does what a claimed attempt's answer asks for, and ends the attempt.
async fn settle(
    hub: &Hub,
    claimed: &Claimed,
    query: &[(String, String)],
) -> Result<Ended, HubError> {
    let Claimed { way, kept, .. } = claimed;
    let mut patience = Patience::lasting(Duration::from_secs(FINISHING_S.unsigned_abs()));
    let request_token = kept.request.get("oauth_token").map(Secret::expose);
    let state = match login::answer(&way.method, &way.connector.auth, query, request_token) {
        Answer::Code(code) => match link(hub, claimed, &code, query, &mut patience).await {
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
    end(hub, claimed, &state, &mut patience).await?;
    if is_foreign {
        let text = "the answer comes from another issuer than the one that was asked";
        return Err(HubError::new(&codes::OAUTH_BAD_STATE, text));
    }
    ended(hub, claimed, state).await
}

/// Writes how the attempt ended, unless it has ended before.
async fn end(
    hub: &Hub,
    claimed: &Claimed,
    state: &AttemptState,
    patience: &mut Patience,
) -> Result<(), HubError> {
    loop {
        let done = try_end(hub, claimed, state).await;
        match &done {
            Err(error) if patience.bears(error, WAIT).await => {}
            _ => return done,
        }
    }
}

async fn try_end(hub: &Hub, claimed: &Claimed, state: &AttemptState) -> Result<(), HubError> {
    let mut tx = hub.store.begin_write().await?;
    let (project, now) = (claimed.user.caller.project(), hub.clock.now());
    attempts::settle(&mut tx, project, claimed.stored.number, state, now).await?;
    tx.commit().await?;
    Ok(())
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
        project: claimed.user.project.clone(),
    })
}

/// Checks who came back with what, and takes the attempt.
async fn claim(hub: &Hub, returned: &Returned<'_>) -> Result<Claimed, HubError> {
    let now = hub.clock.now();
    let text = login::single(returned.query, "state").ok_or_else(bad_state)?;
    let token = StateToken::parse(text).map_err(|_| nobodys_state())?;
    // Anybody can come with a state, and again and again with one that was good once: neither waits
    // for a writer (threats 1, 2, 37).
    let mut tx = hub.store.begin_look().await?;
    let (known, _) = of_state(hub, &mut tx, &token).await?.ok_or_else(nobodys_state)?;
    let own = projects::by_number(&mut tx, known.project).await?.ok_or_else(bad_state)?;
    drop(tx);
    let caller = Caller::end_user(known.session, known.project, own.name.to_string());
    Scope::here(|scope| {
        scope.belongs_to_end_user(&caller);
        scope.changes();
    });
    if known.attempt.is_used() {
        return Err(bad_state());
    }
    let mut tx = hub.store.begin_write().await?;
    let found = of_state(hub, &mut tx, &token).await?;
    let (stored, hash_key) = found.ok_or_else(bad_state)?;
    let project = stored.project;
    let own = projects::by_number(&mut tx, project).await?.ok_or_else(bad_state)?;
    if !stored.attempt.is_open(now) {
        let is_late = !stored.attempt.is_used();
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
    let session = sessions::by_id(&mut tx, project, stored.session).await?.ok_or_else(bad_state)?;
    let Some(id) = &stored.attempt.auth_config else { return Err(bad_state()) };
    let config = match crate::hub::accounts::auth_config(&mut tx, &caller, id).await {
        Ok(config) => config,
        Err(error) => return Err(given_up(hub, tx, &stored, error).await),
    };
    Scope::here(|scope| scope.concerns(None, Some(&config.connector)));
    // One callback address serves all auth configs of a connector, and no other's (AC-40).
    if config.connector.as_str() != returned.provider {
        return Err(bad_state());
    }
    if !attempts::claim(&mut tx, project, &stored, now).await? {
        return Err(bad_state());
    }
    let user = EndUser { caller, session, project: own };
    // CS-29: the attempt has a life of its own, but a revoked session ends it.
    if user.session.revoked_at.is_some() {
        let error = HubError::new(&codes::SESSION_TOKEN_INVALID, "the session was revoked");
        attempts::settle(&mut tx, project, stored.number, &failed(&error), now).await?;
        tx.commit().await?;
        return Err(bad_state());
    }
    let needed = async {
        let way = linking::way(hub, &mut tx, &user.caller, config).await?;
        let spot = spot(&stored.attempt.id, stored.sealed_version);
        let secrets = hub.open(&mut tx, &user.caller, spot, &stored.sealed).await?;
        Ok::<_, HubError>((way, Kept::from_secrets(secrets)))
    };
    let (way, kept) = match needed.await {
        Ok(needed) => needed,
        Err(error) => return Err(given_up(hub, tx, &stored, error).await),
    };
    tx.commit().await?;
    Ok(Claimed { user, way, kept, stored })
}

/// Ends an attempt for which something is missing, so that whoever waits for it learns what, and
/// gives the error back. Where the hub's own store or key is in the way, which says nothing of the
/// login and may pass, the attempt stays as it was.
async fn given_up(hub: &Hub, mut tx: Tx, stored: &Stored, error: HubError) -> HubError {
    if error.retryable() || error.is_of_the_hub() {
        return error;
    }
    let (state, now) = (failed(&error), hub.clock.now());
    let settled = attempts::settle(&mut tx, stored.project, stored.number, &state, now).await;
    if settled.is_ok() {
        // Whoever reads the error can do no more about a commit that fails.
        _ = tx.commit().await;
    }
    error
}

/// The login whose state this is, and the key that told so.
async fn of_state(
    hub: &Hub,
    tx: &mut Tx,
    token: &StateToken,
) -> Result<Option<(Stored, Arc<HashKey>)>, HubError> {
    let Some(hash_key) = hub.known_hash_key(tx).await? else { return Ok(None) };
    let found = attempts::by_number(tx, token.row()).await?;
    // An unknown row costs the same comparison as a known one.
    let hash = found.as_ref().map_or(&[0; 32][..], |found| &found.state_hash);
    let fits = hash_key.matches(STATE, token.secret(), hash);
    Ok(found.filter(|_| fits).map(|found| (found, hash_key)))
}

/// Exchanges the code, proves the tokens, and stores the account with the attempt's end.
async fn link(
    hub: &Hub,
    claimed: &Claimed,
    code: &Secret,
    query: &[(String, String)],
    patience: &mut Patience,
) -> Result<AttemptState, HubError> {
    let Claimed { user, way, kept, stored } = claimed;
    let edits = kept.edits.as_deref().map(str::parse).transpose();
    let edits = edits.map_err(|_| bad_state())?;
    let filled = Filled { checked: kept.checked.clone(), edits, keeps_tokens: false };
    may_still_link(hub, user, way).await?;
    let mut values = values_of(hub, user, way, &filled).await?;
    values.extend(kept.request.clone());
    let callback = Callback {
        code,
        redirect_uri: &kept.redirect_uri,
        verifier: kept.verifier.as_ref(),
        query,
    };
    let now = hub.clock.now();
    let account = filled.edits.as_ref();
    let purpose = way.purpose(&user.caller, account, &values, "exchange_code");
    let exchanged = hub.logging(purpose, hub.provider.exchange(way.target(&values), callback, now));
    let tokens = exchanged.await.map_err(provider_error)?;
    values.add_tokens(&tokens);
    let proven = prove_and_store(hub, claimed, &filled, &values, tokens, patience).await;
    // Cancelled, over or refused in between: nobody may use these tokens (OA-8).
    if !matches!(proven, Ok(Some(_))) {
        let (own, user, way) = (hub.clone(), user.clone(), way.clone());
        let revoking = hub.detached(async move {
            if !may_share_a_grant(&own, &user, &way, &filled).await {
                linking::revoke(&own, &user.caller, &way, None, &values).await;
            }
        });
        // The end user waits no longer for a store that is away; it then goes on alone.
        _ = tokio::time::timeout(MOST_REVOKE, revoking).await;
    }
    Ok(proven?.unwrap_or_else(|| stored.attempt.state.clone()))
}

/// Refuses a login whose auth config was disabled since it began, before the provider is asked: it
/// may renew an account, but links no new one (threat 10).
async fn may_still_link(hub: &Hub, user: &EndUser, way: &Way) -> Result<(), HubError> {
    if way.config.is_enabled() {
        return Ok(());
    }
    let mut tx = hub.store.begin_read().await?;
    let known = user.holder().known(&mut tx, &user.caller, &way.config.connector).await?;
    Ok(way.config.may_link(known.is_some_and(|known| known.auth_config == way.config.id))?)
}

/// Whether the owner has an account already: where one of somebody's tokens is revoked, providers
/// may end all that they have, and so those that the account works with. It may be so as well where
/// that can't be told; a store that does not answer is waited for. A session that always makes new
/// accounts (CS-10) is no different.
async fn may_share_a_grant(hub: &Hub, user: &EndUser, way: &Way, filled: &Filled) -> bool {
    if filled.edits.is_some() {
        return true;
    }
    let holder = Holder { multiple: false, ..user.holder() };
    let mut patience = Patience::new();
    loop {
        let known = async {
            let mut tx = hub.store.begin_read().await?;
            holder.known(&mut tx, &user.caller, &way.config.connector).await
        };
        let known = known.await;
        match &known {
            Err(error) if patience.bears(error, WAIT).await => {}
            _ => return !matches!(known, Ok(None)),
        }
    }
}

async fn values_of(
    hub: &Hub,
    user: &EndUser,
    way: &Way,
    filled: &Filled,
) -> Result<Values, HubError> {
    let Some(id) = &filled.edits else {
        let (public, secret) = filled.over(way, None, &BTreeMap::new())?;
        return Ok(way.values_with(&public, &secret));
    };
    let mut tx = hub.store.begin_read().await?;
    let owner = &user.session.owner.id;
    let account = crate::hub::accounts::owned_by(&mut tx, &user.caller, id, owner).await?;
    let kept = linking::kept_for(hub, &mut tx, &user.caller, way, &account).await?;
    let (public, secret) = filled.over(way, Some(&account), &kept.secrets)?;
    Ok(way.values_with(&public, &secret))
}

/// `None` where the attempt ended before the account could be stored; then it is not stored. A store
/// that can't take it is waited for: no other tokens come of this code.
async fn prove_and_store(
    hub: &Hub,
    claimed: &Claimed,
    filled: &Filled,
    values: &Values,
    tokens: Tokens,
    patience: &mut Patience,
) -> Result<Option<AttemptState>, HubError> {
    let Claimed { user, way, .. } = claimed;
    let account = filled.edits.as_ref();
    let verified_at = linking::verify(hub, &user.caller, way, account, values).await?;
    let proof = Proof { tokens: Some(tokens), verified_at };
    let mut is_again = false;
    loop {
        let done = store(hub, claimed, filled, &proof, is_again).await;
        match &done {
            Err(error) if patience.bears(error, WAIT).await => is_again = true,
            _ => return done,
        }
    }
}

async fn store(
    hub: &Hub,
    claimed: &Claimed,
    filled: &Filled,
    proof: &Proof,
    is_again: bool,
) -> Result<Option<AttemptState>, HubError> {
    let Claimed { user, way, stored, .. } = claimed;
    let mut tx = hub.store.begin_write().await?;
    if is_again {
        // A commit that got no answer may have stored it.
        let found = attempts::by_number(&mut tx, stored.number).await?;
        let state = found.map(|found| found.attempt.state);
        if matches!(state, Some(AttemptState::Authenticated { .. })) {
            return Ok(state);
        }
    }
    let linked = end_user::finish(hub, &mut tx, user, way, filled, proof).await?;
    let state = AttemptState::Authenticated { account: linked.after.id };
    let (project, now) = (user.caller.project(), hub.clock.now());
    if !attempts::settle(&mut tx, project, stored.number, &state, now).await? {
        return Ok(None);
    }
    tx.commit().await?;
    Ok(Some(state))
}
