//! The end user behind a session's token: what they may link, the form, and linking it.
//!
//! Whatever they may do is bound to their session: its project, owner, type, label and tags, and
//! in edit mode its account (CS-41, HB-14). None of these ever comes from the browser.

use std::collections::BTreeSet;

use crate::domain::auth_config::AuthConfig;
use crate::domain::caller::Caller;
use crate::domain::connect_session::ConnectSession;
use crate::domain::connector::{AuthMethod, Connector, Field};
use crate::domain::ids::{AccountId, AuthConfigId};
use crate::domain::names::ConnectorKey;
use crate::error::{HubError, codes};

use super::Hub;
use super::accounts::View;
use super::auth_configs::Given;

/// Somebody whose token opened a session.
#[derive(Debug, Clone)]
pub struct EndUser {
    /// Acts within the session's project; never with an administrator's rights.
    pub(super) caller: Caller,
    /// The session.
    pub session: ConnectSession,
}

/// A connector that the end user may pick.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The auth config that they would link through (HB-1).
    pub config: AuthConfig,
    /// Key, name, categories, version.
    pub connector: super::connectors::Summary,
    /// Where its logo is, if the definition names one.
    pub logo_url: Option<String>,
}

/// What a form is made of.
#[derive(Debug, Clone)]
pub struct Form {
    /// The auth config.
    pub config: AuthConfig,
    /// The connector, in the version that the config uses.
    pub connector: Connector,
    /// The method.
    pub method: AuthMethod,
    /// What is asked, with presets evaluated and, in edit mode, stored values that are not secret
    /// as defaults (HB-7).
    pub fields: Vec<Field>,
    /// Edit mode: the account.
    pub account: Option<AccountId>,
    /// Edit mode: keys of the secrets that are stored (SE-2, SE-4).
    pub stored_secrets: BTreeSet<String>,
    /// The session's token for providers that start actions (AC-51, HB-19).
    pub external_trigger_token: Option<String>,
}

impl Form {
    /// Whether linking means a login at the provider (OA-1).
    #[must_use]
    pub fn needs_browser(&self) -> bool {
        self.method.needs_browser()
    }
}

/// Opens the door for a session's token (CS-28, CS-40).
///
/// # Errors
/// `session.token_invalid`, the same for unknown, expired and revoked ones.
pub async fn enter(hub: &Hub, token: &str) -> Result<EndUser, HubError> {
    let _ = (hub, token);
    Err(not_yet())
}

/// The account that this session edits: the one it names (CS-12), or the owner's own of its
/// provider (CS-6, CS-7), but not with `multiple` (CS-10).
pub async fn existing(hub: &Hub, user: &EndUser) -> Result<Option<View>, HubError> {
    let _ = (hub, user);
    Err(not_yet())
}

/// What the end user may pick: the session's auth config alone, else the default of each connector
/// whose default is enabled, within the session's categories (HB-1 to HB-4, CS-20 to CS-22). With
/// `provider`, what serves the account that is edited comes first.
pub async fn choices(
    hub: &Hub,
    user: &EndUser,
    provider: Option<&ConnectorKey>,
) -> Result<Vec<Choice>, HubError> {
    let _ = (hub, user, provider);
    Err(not_yet())
}

/// The form of one of them.
///
/// # Errors
/// `auth_config.not_found` for one that is not this project's; `connect.not_offered` (403) for one
/// that the session does not allow, `connector.not_enabled` for a disabled one (threat 10).
pub async fn form(hub: &Hub, user: &EndUser, id: &AuthConfigId) -> Result<Form, HubError> {
    let _ = (hub, user, id);
    Err(not_yet())
}

/// Links or re-links an account from a filled form, after the provider accepted it (HB-8 to HB-12,
/// OA-17, CS-5 to CS-12). `account` is the one that the browser says it edits; it must be the
/// session's.
///
/// # Errors
/// `fields.invalid`; `provider.refused` (422) with the provider's reason, and nothing is stored;
/// `provider.unreachable`; as [`form`].
pub async fn link(
    hub: &Hub,
    user: &EndUser,
    id: &AuthConfigId,
    account: Option<&AccountId>,
    values: Given,
) -> Result<View, HubError> {
    let _ = (hub, user, id, account, values);
    Err(not_yet())
}

fn not_yet() -> HubError {
    HubError::new(&codes::INTERNAL, "not yet")
}
