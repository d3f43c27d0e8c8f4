//! Which secrets are stored for a connector, and what another definition would do with them: the
//! rule of `domain::connector::exposure`, for what a project has.

use std::sync::Arc;

use crate::domain::account::Account;
use crate::domain::auth_config::AuthConfig;
use crate::domain::caller::Caller;
use crate::domain::connector::exposure::{self, Exposure, Used};
use crate::domain::connector::{AuthMethod, Connector};
use crate::domain::names::ConnectorKey;
use crate::error::HubError;
use crate::hub::oauth_apps;
use crate::store::{Tx, accounts, auth_configs};

use super::resolve;

/// A definition with the method that an auth config uses of it.
pub(super) fn used<'c>(
    connector: Option<&'c Arc<Connector>>,
    config: &AuthConfig,
) -> Option<Used<'c>> {
    let connector = connector?;
    Some((connector.as_ref(), connector.auth_method(&config.method)?))
}

/// What a definition does that an auth config uses from now on; nothing where nothing is stored.
pub(super) async fn of_config(
    tx: &mut Tx,
    caller: &Caller,
    config: &AuthConfig,
    (before, after): (Option<Used<'_>>, Option<Used<'_>>),
) -> Result<Exposure, HubError> {
    let found = exposure::of_method(before, after);
    let keeps = !config.secrets.is_empty()
        || !found.is_empty()
            && accounts::count_of_config(tx, caller.project(), &config.id).await? > 0;
    Ok(if keeps { found } else { Exposure::default() })
}

/// The methods of a definition for which the hub's own application can stand.
fn clients(connector: &Connector) -> Vec<Used<'_>> {
    let takes = |method: &&AuthMethod| oauth_apps::client_fields(method).is_some();
    connector.auth.iter().filter(takes).map(|method| (connector, method)).collect()
}

/// The definitions to which the secret of the hub's own application may go already: what is used
/// without a pin, as whoever set it saw it.
pub(super) struct App(Vec<Arc<Connector>>);

impl App {
    /// `None` where the hub has no application for the connector.
    pub(super) async fn find(
        tx: &mut Tx,
        caller: &Caller,
        key: &ConnectorKey,
    ) -> Result<Option<Self>, HubError> {
        if !oauth_apps::is_set(tx, caller, key).await? {
            return Ok(None);
        }
        let found = resolve(tx, caller, key, None).await?;
        Ok(Some(Self(found.into_iter().map(|found| found.connector).collect())))
    }

    /// The same, and what a version said that is there already.
    pub(super) fn and(mut self, version: Option<Arc<Connector>>) -> Self {
        self.0.extend(version);
        self
    }

    /// What another definition does with the secret: an auth config that is added later may use
    /// any version.
    pub(super) fn exposure(&self, after: &Connector) -> Exposure {
        let before: Vec<Used<'_>> = self.0.iter().flat_map(|known| clients(known)).collect();
        exposure::of_client(&before, &clients(after))
    }
}

/// Whether an auth config with something stored may use another version of its connector.
///
/// # Errors
/// `auth.forbidden`.
pub(in crate::hub) async fn may_use(
    tx: &mut Tx,
    caller: &Caller,
    config: &AuthConfig,
    after: Used<'_>,
) -> Result<(), HubError> {
    let then = resolve(tx, caller, &config.connector, config.pin.as_ref()).await?;
    let then = then.map(|found| found.connector);
    let before = used(then.as_ref(), config);
    let mut found = of_config(tx, caller, config, (before, Some(after))).await?;
    if oauth_apps::is_used_by(config, after.0, after.1)
        && let Some(app) = App::find(tx, caller, &config.connector).await?
    {
        found.extend(app.and(then).exposure(after.0));
    }
    Ok(exposure::may_expose(&found, &config.connector, caller)?)
}

/// Whether the hub's own application may stand for the client of an auth config that is added with
/// this definition.
pub(in crate::hub) async fn may_have_app(
    tx: &mut Tx,
    caller: &Caller,
    connector: &Connector,
) -> Result<bool, HubError> {
    let app = App::find(tx, caller, &connector.key).await?;
    Ok(app.is_some_and(|app| {
        exposure::may_expose(&app.exposure(connector), &connector.key, caller).is_ok()
    }))
}

/// What is done with the credentials of an account where it is called by this definition, and not
/// by its own auth config's.
pub(in crate::hub) async fn of_account(
    tx: &mut Tx,
    caller: &Caller,
    account: &Account,
    after: Used<'_>,
) -> Result<Exposure, HubError> {
    let Some(own) = auth_configs::by_id(tx, caller.project(), &account.auth_config).await? else {
        return Ok(exposure::of_method(None, Some(after)));
    };
    let then = resolve(tx, caller, &own.connector, own.pin.as_ref()).await?;
    let then = then.map(|found| found.connector);
    Ok(exposure::of_method(used(then.as_ref(), &own), Some(after)))
}
