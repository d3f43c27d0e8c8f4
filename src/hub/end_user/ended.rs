//! How it ended what an end user began. It is told from what was done, whatever the link offers by
//! now, and also where its time ran out in between (CS-29).

use crate::domain::auth_config::AuthConfig;
use crate::domain::ids::AuthConfigId;
use crate::error::{HubError, Kind};
use crate::hub::{Hub, auth_configs as configs, connect_sessions};
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

/// The name of the connector that the session linked through an auth config; `None` where it linked
/// nothing, or the owner has no account that was linked through this one.
pub async fn linked_through(
    hub: &Hub,
    user: &EndUser,
    id: &AuthConfigId,
) -> Result<Option<String>, HubError> {
    let (session, project) = (&user.session, user.caller.project());
    let Some(linked) = &session.linked_account else { return Ok(None) };
    let mut tx = hub.store.begin_read().await?;
    let Some(config) = auth_configs::by_id(&mut tx, project, id).await? else { return Ok(None) };
    let last = accounts::by_id(&mut tx, project, linked).await?;
    let owner = &session.owner.id;
    let all = accounts::of_owner(&mut tx, project, owner, &config.connector).await?;
    if !last.into_iter().chain(all).any(|account| account.auth_config == config.id) {
        return Ok(None);
    }
    name_of(hub, &mut tx, user, config).await.map(Some)
}

async fn name_of(
    hub: &Hub,
    tx: &mut Tx,
    user: &EndUser,
    config: AuthConfig,
) -> Result<String, HubError> {
    Ok(configs::view(hub, tx, &user.caller, config).await?.connector_name)
}
