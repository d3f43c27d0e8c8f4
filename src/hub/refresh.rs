//! Keeping tokens fresh: before they end, on a provider's 401, and by the worker (OA-13 to OA-15).

use std::sync::Arc;

use crate::domain::account::Account;
use crate::domain::caller::Caller;
use crate::domain::connector::AuthMethod;
use crate::domain::connector::Connector;
use crate::domain::credentials::Values;
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};

use super::Hub;

/// An account that may be called, with everything a call needs.
#[derive(Debug, Clone)]
pub struct Usable {
    /// The account.
    pub account: Account,
    /// Its connector.
    pub connector: Arc<Connector>,
    /// The method it was linked by.
    pub method: AuthMethod,
    /// Set-up, fields, captured values, fresh tokens.
    pub values: Values,
    /// Which credentials these are: a refresh raises it.
    pub version: i64,
}

/// Why fresh credentials are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// To call: refresh only if the token has ended or ends within a minute.
    Usable,
    /// The provider answered 401 to the credentials of this version: refresh, unless somebody else
    /// already has.
    NewerThan(i64),
    /// An administrator asked.
    Now,
}

/// What one round of the worker did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Accounts refreshed.
    pub refreshed: u64,
    /// Accounts whose refresh failed.
    pub failed: u64,
}

/// The account and fresh credentials. One refresh at a time per account, over tasks, processes and
/// replicas: others wait for it (threat 24).
///
/// # Errors
/// `account.not_found`; `account.not_usable` (412, AC-16, AT-28) with zero calls;
/// `provider.refused`, `provider.misconfigured`, `provider.unreachable`.
pub async fn usable(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
    want: Want,
) -> Result<Usable, HubError> {
    let _ = (hub, caller, id, want);
    Err(not_yet())
}

/// One round of the worker: refreshes accounts of all projects whose tokens end soon, at most
/// `limit`, some at once. Replicas share the work.
pub async fn round(hub: &Hub, limit: usize) -> Result<Round, HubError> {
    let _ = (hub, limit);
    Err(not_yet())
}

/// When [`round`] should run next, at the latest.
pub async fn next_due(hub: &Hub) -> Result<Option<Timestamp>, HubError> {
    let _ = hub;
    Err(not_yet())
}

fn not_yet() -> HubError {
    HubError::new(&codes::INTERNAL, "not yet")
}
