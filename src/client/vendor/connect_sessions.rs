//! Connect sessions of the platform (contract section 3).

use serde_json::Value;

use crate::api::connect_sessions::{ConnectSession, CreatedSession};
use crate::api::requests::connect_sessions::NewConnectSession;
use crate::client::{Client, problem};
use crate::domain::connect_session::NewSession;
use crate::domain::connector::Category;
use crate::domain::ids::SessionId;
use crate::domain::refusal::Refusal;
use crate::error::{HubError, codes};
use crate::hub::connect_sessions as hub;
use crate::hub::write::Guard;

use super::wire::VendorSession;
use super::{absent_as, accounts, auth_configs};

pub(in crate::client) async fn create(
    client: &Client,
    new: &NewSession,
    body: &NewConnectSession,
    guard: Guard,
) -> Result<CreatedSession, HubError> {
    if guard.dry_run {
        return rehearse(client, new).await;
    }
    let call = client.call("platform.connect_sessions.create", &[])?.json(&wanted(body)?)?;
    let answer: VendorSession = client.json(call).await?;
    let missing = || {
        let what = "made a session and left its token out";
        problem::perhaps_done(problem::bad_answer(&client.origin, what), true)
    };
    let token = answer.token.clone().ok_or_else(missing)?;
    let link = answer.auth_link_url.clone().ok_or_else(missing)?;
    let session = session(client, answer)?;
    Ok(CreatedSession {
        id: session.id,
        organization_id: session.organization_id,
        project_id: session.project_id,
        token,
        auth_link_url: link,
        categories: session.categories,
        provider: session.provider,
        origin_owner_id: session.origin_owner_id,
        origin_owner_name: session.origin_owner_name,
        origin_username: session.origin_username,
        account_id: session.account_id,
        integration_id: session.integration_id,
        connector_profile_id: session.connector_profile_id,
        label: session.label,
        metadata: session.metadata,
        kind: session.kind,
        multiple: new.multiple,
        external_trigger_token: session.external_trigger_token,
        latest_connection_attempt: None,
        status: "pending".into(),
        expires_at: session.created_at.plus_seconds(new.expires_in_s),
        created_at: session.created_at,
    })
}

/// What is asked for without what is null: absent is understood by every generation. The version
/// of a provider is never among it (CS-24).
fn wanted(body: &NewConnectSession) -> Result<Value, HubError> {
    let mut value =
        serde_json::to_value(body).map_err(HubError::internal("a request can't be written"))?;
    if let Some(body) = value.as_object_mut() {
        body.retain(|_, value| !value.is_null());
    }
    Ok(value)
}

/// Looks at what the session would need, and makes nothing (AC-12, CS-13, CS-14).
async fn rehearse(client: &Client, new: &NewSession) -> Result<CreatedSession, HubError> {
    if let Some(account) = &new.account {
        accounts::get(client, account).await?;
    }
    let config = match (&new.auth_config, &new.provider) {
        (Some(id), _) => Some(auth_configs::get(client, id.as_str()).await?),
        (None, Some(key)) => {
            let found = auth_configs::target(client, key.as_str()).await?.unwrap_or_default();
            let Some(default) = found.iter().find(|config| config.default) else {
                return Err(Refusal::NotSetUp { connector: key.clone() }.into());
            };
            Some(auth_configs::get(client, &default.id).await?)
        }
        (None, None) => None,
    };
    if let Some(config) = &config
        && !config.active
    {
        let text =
            format!("connector `{}` is disabled (auth config {})", config.connector_key, config.id);
        return Err(HubError::new(&codes::CONNECTOR_NOT_ENABLED, text));
    }
    let now = client.clock.now();
    let config = config.map(|config| config.id);
    Ok(CreatedSession {
        id: 0,
        organization_id: String::new(),
        project_id: client.project().unwrap_or_default().to_owned(),
        token: String::new(),
        auth_link_url: String::new(),
        categories: (!new.categories.is_empty()).then(|| new.categories.clone()),
        provider: new.provider.as_ref().map(ToString::to_string),
        origin_owner_id: new.owner.id.clone(),
        origin_owner_name: new.owner.name.clone(),
        origin_username: new.owner.username.clone(),
        account_id: new.account.as_ref().map(ToString::to_string),
        integration_id: config.clone(),
        connector_profile_id: config,
        label: new.label.clone(),
        metadata: new.metadata.clone(),
        kind: new.kind.unwrap_or_default().as_str().into(),
        multiple: new.multiple,
        external_trigger_token: None,
        latest_connection_attempt: None,
        status: "pending".into(),
        created_at: now,
        expires_at: now.plus_seconds(new.expires_in_s),
    })
}

pub(in crate::client) async fn get(
    client: &Client,
    id: SessionId,
) -> Result<ConnectSession, HubError> {
    let call = client.call("platform.connect_sessions.get", &[&id.to_string()])?;
    let answer: VendorSession =
        client.json(call).await.map_err(|error| absent_as(error, || hub::unknown(id)))?;
    session(client, answer)
}

fn session(client: &Client, answer: VendorSession) -> Result<ConnectSession, HubError> {
    let id = answer.id.text().parse().map_err(|_| {
        problem::bad_answer(&client.origin, "answered with a session that has no number")
    })?;
    let attempt = answer.latest_connection_attempt;
    let is_linked =
        attempt.as_ref().is_some_and(|attempt| attempt.status.as_deref() == Some("authenticated"));
    let linked = attempt.as_ref().and_then(|attempt| attempt.account_secure_id.clone());
    let linked = linked.filter(|_| is_linked);
    let categories: Option<Vec<Category>> =
        answer.categories.map(|names| names.iter().filter_map(|name| name.parse().ok()).collect());
    let config = answer.integration_id.or_else(|| answer.connector_profile_id.clone());
    let profile = answer.connector_profile_id.or_else(|| config.clone());
    Ok(ConnectSession {
        id,
        organization_id: answer.organization_id.map(|id| id.text()).unwrap_or_default(),
        project_id: answer.project_id.map(|id| id.text()).unwrap_or_default(),
        categories,
        provider: answer.provider,
        origin_owner_id: answer.origin_owner_id,
        origin_owner_name: answer.origin_owner_name,
        origin_username: answer.origin_username,
        account_id: answer.account_id,
        integration_id: config,
        connector_profile_id: profile,
        label: answer.label,
        metadata: answer.metadata.unwrap_or_default(),
        kind: answer.kind.unwrap_or_else(|| "production".to_owned()).into(),
        multiple: false,
        external_trigger_token: answer.external_trigger_token,
        // The platform does not tell when a session expires, or that it did.
        status: if is_linked { "linked" } else { "pending" }.into(),
        linked_account_id: linked,
        latest_connection_attempt: attempt,
        created_at: answer.created_at,
        expires_at: None,
    })
}
