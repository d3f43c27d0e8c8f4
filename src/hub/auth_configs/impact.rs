//! What a change of auth configs would touch, counted for the question before it.

use std::ops::ControlFlow;

use crate::domain::auth_config::AuthConfig;
use crate::domain::caller::{Caller, Permission};
use crate::domain::connect_session::ConnectSession;
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::Hub;
use crate::store::connect_sessions::Filter as Waiting;
use crate::store::{Tx, accounts, auth_configs, connect_sessions};

use super::{Target, View, find, view};

/// What a change would touch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Impact {
    /// Linked accounts.
    pub accounts: u64,
    /// Connect sessions that wait for a first success and would link through it no more, or through
    /// another one.
    pub sessions: u64,
}

/// What is asked of the configs that a target names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// See [`super::enable`].
    Enable,
    /// See [`super::disable`].
    Disable,
    /// See [`super::make_default`].
    MakeDefault,
    /// See [`super::delete`].
    Delete,
}

impl Action {
    /// The action as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::MakeDefault => "make_default",
            Self::Delete => "delete",
        }
    }
}

/// The text is none of the actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use enable, disable, make_default or delete")]
pub struct BadAction;

impl std::str::FromStr for Action {
    type Err = BadAction;

    fn from_str(text: &str) -> Result<Self, BadAction> {
        match text {
            "enable" => Ok(Self::Enable),
            "disable" => Ok(Self::Disable),
            "make_default" => Ok(Self::MakeDefault),
            "delete" => Ok(Self::Delete),
            _ => Err(BadAction),
        }
    }
}

/// What the action would touch, for a question to the administrator (AC-18).
///
/// # Errors
/// As [`super::target`].
pub async fn impact(
    hub: &Hub,
    caller: &Caller,
    text: &str,
    action: Action,
) -> Result<Impact, HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    let mut tx = hub.store.begin_read().await?;
    let Target::Configs(mut configs) = find(&mut tx, caller, text).await? else {
        return Ok(Impact::default());
    };
    let mut impact = Impact::default();
    let project = caller.project();
    for config in &configs {
        let accounts = match action {
            Action::Enable => accounts::count_inactive(&mut tx, project, &config.id, true).await?,
            Action::Disable if config.is_enabled() => {
                accounts::count_inactive(&mut tx, project, &config.id, false).await?
            }
            // AC-8: no account follows the default.
            Action::Disable | Action::MakeDefault | Action::Delete => 0,
        };
        impact.accounts += accounts;
    }
    impact.sessions = match action {
        Action::Enable => 0,
        Action::Disable | Action::Delete => {
            waiting(hub, &mut tx, caller, configs, |_| true).await?
        }
        Action::MakeDefault => {
            configs.retain(|config| !config.is_default);
            let both = heirs(&mut tx, caller, configs, hub.clock.now()).await?;
            waiting(hub, &mut tx, caller, both, ConnectSession::follows_defaults).await?
        }
    };
    Ok(impact)
}

/// The auth configs as they would be defaults, with those that are.
async fn heirs(
    tx: &mut Tx,
    caller: &Caller,
    configs: Vec<AuthConfig>,
    now: Timestamp,
) -> Result<Vec<AuthConfig>, HubError> {
    let mut both = Vec::with_capacity(2 * configs.len());
    for config in configs {
        let siblings = auth_configs::of_connector(tx, caller.project(), &config.connector).await?;
        both.push(config.make_default(&siblings, now).after);
        both.extend(siblings.into_iter().filter(|sibling| sibling.is_default));
    }
    Ok(both)
}

/// How many sessions of a sort wait for a first success and offer one of the auth configs: what is
/// disabled they offer no more.
async fn waiting(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    mut configs: Vec<AuthConfig>,
    is_meant: impl Fn(&ConnectSession) -> bool,
) -> Result<u64, HubError> {
    configs.retain(AuthConfig::is_enabled);
    let mut views = Vec::with_capacity(configs.len());
    for config in configs {
        views.push(view(hub, tx, caller, config).await?);
    }
    if views.is_empty() {
        return Ok(0);
    }
    let mut count = 0;
    let waiting = Waiting { pending_at: Some(hub.clock.now()), ..Waiting::default() };
    connect_sessions::scan(tx, caller.project(), waiting, |session| {
        let offers = |view: &View| session.offers(&view.config, &view.categories);
        count += u64::from(is_meant(&session) && views.iter().any(offers));
        Ok::<_, HubError>(ControlFlow::Continue(()))
    })
    .await?;
    Ok(count)
}
