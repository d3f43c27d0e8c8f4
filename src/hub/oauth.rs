//! Connection attempts: a login at the provider, from its start to the linked account (OA-*).

use url::Url;

use crate::domain::ids::{AccountId, AttemptId, AuthConfigId};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};

use super::Hub;
use super::auth_configs::Given;
use super::end_user::EndUser;

/// How an attempt ended, or that it did not yet (OA-3, OA-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptState {
    /// The end user is on the way.
    Pending,
    /// The account is stored (OA-5).
    Authenticated {
        /// The account.
        account: AccountId,
    },
    /// It failed.
    Failed {
        /// The provider's code, or one of the hub's.
        code: String,
        /// Words for people.
        description: Option<String>,
    },
    /// The end user gave up.
    Cancelled,
    /// Nobody came back in time (OA-9).
    Expired,
}

/// A connection attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// The auth config, once the login began.
    pub auth_config: Option<AuthConfigId>,
    /// Where it stands.
    pub state: AttemptState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

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

/// A new attempt, `pending` (OA-2, OA-3).
pub async fn create(hub: &Hub, user: &EndUser) -> Result<Attempt, HubError> {
    let _ = (hub, user);
    Err(not_yet())
}

/// An attempt of this session (HB-14); one whose time is over is `expired` (OA-9).
///
/// # Errors
/// `attempt.not_found`.
pub async fn get(hub: &Hub, user: &EndUser, id: &AttemptId) -> Result<Attempt, HubError> {
    let _ = (hub, user, id);
    Err(not_yet())
}

/// Ends a pending attempt; a final one stays as it is (OA-7).
///
/// # Errors
/// `attempt.not_found`.
pub async fn cancel(hub: &Hub, user: &EndUser, id: &AttemptId) -> Result<Attempt, HubError> {
    let _ = (hub, user, id);
    Err(not_yet())
}

/// Begins a login: checks the form, seals values, state and PKCE verifier with the attempt, and
/// gives the provider's address. Without `attempt` a new one is made. `return_to` is kept only if
/// its origin is one of `app_origins` of the hub (OA-11, threat 7).
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
    let _ = (hub, user, id, attempt, values, return_to);
    Err(not_yet())
}

/// Ends a login: checks state, binding and issuer, claims the attempt (once, threat 2), exchanges
/// the code, proves the tokens, stores the account, and settles the attempt. A refusal by provider
/// or rule that belongs to a known attempt is an `Ok` with a failed attempt.
///
/// # Errors
/// `oauth.bad_state` (400) for a state that is unknown, used, or of an attempt that is over
/// (threats 1 to 3); `oauth.wrong_browser` (403), and the attempt fails (threats 4, 5).
pub async fn finish(hub: &Hub, returned: Returned<'_>) -> Result<Ended, HubError> {
    let _ = (hub, returned);
    Err(not_yet())
}

fn not_yet() -> HubError {
    HubError::new(&codes::INTERNAL, "not yet")
}
