//! How it ended what an end user began. It is told from what was done, whatever the link offers by
//! now, and also where its time ran out in between (CS-29).

use crate::domain::auth_config::AuthConfig;
use crate::domain::connector::AuthMethod;
use crate::domain::ids::AuthConfigId;
use crate::error::{HubError, Kind};
use crate::hub::{Hub, auth_configs as configs, connect_sessions, connectors};
use crate::store::{Tx, accounts, auth_configs};

use super::{EndUser, behind, enter};

/// Opens the door for who may only come to see how it ended what they began, and says whether it is
/// open for more: who has a token whose time is over may see that, and do nothing else (CS-28). Of a
/// token that was revoked, and of one that never was, nothing is told (threat 8).
///
/// # Errors
/// As [`enter`].
pub async fn visit(hub: &Hub, token: &str) -> Result<(EndUser, bool), HubError> {
    match enter(hub, token).await {
        Ok(user) => Ok((user, true)),
        Err(error) if error.code().kind != Kind::Unauthenticated => Err(error),
        Err(error) => match expired(hub, token).await? {
            Some(user) => Ok((user, false)),
            None => Err(error),
        },
    }
}

async fn expired(hub: &Hub, token: &str) -> Result<Option<EndUser>, HubError> {
    let Some((project, session)) = connect_sessions::of_token(hub, token).await? else {
        return Ok(None);
    };
    if session.revoked_at.is_some() || session.is_open(hub.clock.now()) {
        return Ok(None);
    }
    behind(hub, project, session).await
}

/// The name of the connector of an auth config, also of one that is not offered any more.
///
/// # Errors
/// `auth_config.not_found`.
pub async fn connector_name(
    hub: &Hub,
    user: &EndUser,
    id: &AuthConfigId,
) -> Result<String, HubError> {
    let mut tx = hub.store.begin_read().await?;
    let config = crate::hub::accounts::auth_config(&mut tx, &user.caller, id).await?;
    name_of(hub, &mut tx, user, config).await
}

/// What a session linked through an auth config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Through {
    /// The connector's name.
    pub name: String,
    /// Whether the provider accepted what was entered; not so where nothing asks it.
    pub is_proven: bool,
}

/// What the session linked through an auth config; `None` where it linked nothing, or the owner has
/// no account that was linked through this one.
pub async fn linked_through(
    hub: &Hub,
    user: &EndUser,
    id: &AuthConfigId,
) -> Result<Option<Through>, HubError> {
    let (session, project) = (&user.session, user.caller.project());
    let Some(linked) = &session.linked_account else { return Ok(None) };
    let mut tx = hub.store.begin_read().await?;
    let Some(config) = auth_configs::by_id(&mut tx, project, id).await? else { return Ok(None) };
    let last = accounts::by_id(&mut tx, project, linked).await?;
    let owner = &session.owner.id;
    let all = accounts::of_owner(&mut tx, project, owner, &config.connector).await?;
    let mut all = last.into_iter().chain(all);
    let Some(account) = all.find(|account| account.auth_config == config.id) else {
        return Ok(None);
    };
    let (key, pin) = (&config.connector, config.pin.as_ref());
    let used = connectors::resolve(&mut tx, &user.caller, key, pin).await?;
    let method = used.as_ref().and_then(|used| used.connector.auth_method(&config.method));
    let is_proven = account.verified_at.is_some() || method.is_some_and(AuthMethod::gets_tokens);
    let name = name_of(hub, &mut tx, user, config).await?;
    Ok(Some(Through { name, is_proven }))
}

async fn name_of(
    hub: &Hub,
    tx: &mut Tx,
    user: &EndUser,
    config: AuthConfig,
) -> Result<String, HubError> {
    Ok(configs::view(hub, tx, &user.caller, config).await?.connector_name)
}
