//! What the method of an auth config means for its accounts: whether the connector still has it,
//! since an own connector loses one where it is imported anew without it, and where calls go.

use crate::domain::account::Account;
use crate::domain::auth_config::{AuthConfig, VersionPin};
use crate::domain::caller::Caller;
use crate::domain::connector::filling::Filling;
use crate::domain::connector::{exposure, reach};
use crate::domain::ids::AccountId;
use crate::error::{HubError, codes};
use crate::hub::connectors::{self, Resolved};
use crate::hub::linking::{Way, method_of};
use crate::hub::refresh::Stored;
use crate::store::{Tx, operations};

use super::Finding;

/// What no account of the auth config can be called for; `None` where its method can be used.
pub(super) async fn lost(
    tx: &mut Tx,
    caller: &Caller,
    config: &AuthConfig,
) -> Result<Option<Finding>, HubError> {
    let (key, pin) = (&config.connector, config.pin.as_ref());
    let cause = match connectors::resolve(tx, caller, key, pin).await? {
        None => connectors::unfit(key, pin).message().to_owned(),
        Some(found) if has(&found, config) => return Ok(None),
        Some(found) => {
            let (version, method) = (&found.connector.version, &config.method);
            format!("version {version} of connector `{key}` has no method `{method}` to be used")
        }
    };
    Ok(Some(Finding {
        code: "method_missing".to_owned(),
        blocking: true,
        cause,
        since: None,
        operation: None,
        event: None,
        command: Some(match version_with(tx, caller, config).await? {
            Some(pin) => format!("hubctl connectors edit {} --pin {}", config.id, pin.as_str()),
            None => "hubctl connectors import FILE".to_owned(),
        }),
    }))
}

/// What no call of the account can be made for, with what is stored: a definition that was imported
/// since may need a value that nobody was asked for.
pub(super) async fn lacking(
    tx: &mut Tx,
    caller: &Caller,
    stored: &Stored,
) -> Result<Option<Finding>, HubError> {
    let Way { config, connector, method, .. } = &*stored.way;
    let values = stored.values();
    let Some(field) = Filling::new(method, &values, false).lacking(connector) else {
        return Ok(None);
    };
    let (id, key, version) = (&stored.account.id, &connector.key, &connector.version);
    let resource = format!("connector/{key}");
    let import = operations::latest(tx, caller.project(), &resource, "import").await?;
    let import = import.filter(|import| import.at > stored.account.created_at);
    let is_set_up = method.setup_fields.iter().any(|known| known.key == field.key);
    let command = match is_set_up {
        true if field.is_secret() => {
            format!("hubctl connectors edit {} --set {}=@FILE", config.id, field.key)
        }
        true => format!("hubctl connectors edit {} --set {}=VALUE", config.id, field.key),
        false => format!("hubctl accounts relink {id}"),
    };
    Ok(Some(Finding {
        code: "value_missing".to_owned(),
        blocking: true,
        cause: format!(
            "no call can be made: version {version} of connector `{key}` needs a value for `{}`, \
             and there is none",
            field.key
        ),
        since: import.as_ref().map(|import| import.at),
        operation: import,
        event: None,
        command: Some(command),
    }))
}

/// Where the calls of an account that is moved from one auth config to another would go and never
/// went; `None` where they go the same way, or there is no way to call any more.
///
/// # Errors
/// `auth.forbidden` where another definition would have the account's credentials go elsewhere, and
/// the caller may not let them.
pub(super) async fn led_astray(
    tx: &mut Tx,
    caller: &Caller,
    account: &Account,
    (from, to): (&AuthConfig, &AuthConfig),
) -> Result<Option<String>, HubError> {
    let found = connectors::resolve(tx, caller, &to.connector, to.pin.as_ref()).await?;
    let Some(Resolved { connector, .. }) = found else { return Ok(None) };
    let Some(method) = connector.auth_method(&to.method) else { return Ok(None) };
    let both = (connector.as_ref(), method);
    let exposure = connectors::of_account(tx, caller, account, both).await?;
    exposure::may_expose(&exposure, &to.connector, caller)?;
    let values = |config: &AuthConfig| {
        let mut values = reach::of_setup(method, &account.setup);
        values.extend_public(&config.setup);
        values
    };
    Ok(reach::added(&connector, method, &values(from), &values(to)))
}

fn has(found: &Resolved, config: &AuthConfig) -> bool {
    method_of(&found.connector, config).is_ok()
}

/// The newest version of the connector that has the method.
async fn version_with(
    tx: &mut Tx,
    caller: &Caller,
    config: &AuthConfig,
) -> Result<Option<VersionPin>, HubError> {
    for known in connectors::versions(tx, caller, &config.connector).await? {
        let Ok(pin) = known.version.parse::<VersionPin>() else { continue };
        let found = connectors::resolve(tx, caller, &config.connector, Some(&pin)).await?;
        if found.is_some_and(|found| has(&found, config)) {
            return Ok(Some(pin));
        }
    }
    Ok(None)
}

/// What somebody is told who wants to use an account: that its connector lost its method is no
/// mistake in what they asked for (AT-28).
pub(in crate::hub) fn unusable(id: &AccountId, error: HubError) -> HubError {
    let lost = [codes::AUTH_METHOD_UNKNOWN.name, codes::CONNECTOR_UNKNOWN.name];
    if !lost.contains(&error.code().name) {
        return error;
    }
    let text = format!("the account can't be called: {}", error.message());
    HubError::new(&codes::ACCOUNT_NOT_USABLE, text).hint(format!("hubctl accounts explain {id}"))
}
