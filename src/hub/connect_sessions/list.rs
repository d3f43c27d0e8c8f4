//! Lists of connect sessions.

use std::ops::ControlFlow;

use crate::domain::caller::{Caller, Permission};
use crate::domain::connect_session::State;
use crate::domain::names::ConnectorKey;
use crate::error::HubError;
use crate::hub::Hub;
use crate::store::connect_sessions::{self, Filter as Rows};

use super::Seen;

/// Which sessions to list; all that is given has to fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those that wait for a first success.
    pub pending: bool,
    /// Only open ones that expire within so many seconds.
    pub expiring_in_s: Option<i64>,
    /// Only those that stand so.
    pub state: Option<State>,
    /// Only those for this connector; one whose end user chooses is for none.
    pub provider: Option<ConnectorKey>,
    /// Only those of this owner.
    pub owner_id: Option<String>,
    /// Only those whose newest login failed.
    pub failed: bool,
}

/// Shows the project's sessions to `each` with the newest attempt of each (CS-38), the newest first.
pub async fn list(
    hub: &Hub,
    caller: &Caller,
    filter: Filter,
    mut each: impl FnMut(&Seen) -> Result<ControlFlow<()>, HubError>,
) -> Result<(), HubError> {
    hub.require(caller, Permission::PlatformRead)?;
    let now = hub.clock.now();
    let rows = Rows {
        pending_at: (filter.pending || filter.expiring_in_s.is_some()).then_some(now),
        expires_before: filter.expiring_in_s.map(|seconds| now.plus_seconds(seconds)),
        state_at: filter.state.map(|state| (state, now)),
        provider: filter.provider.as_ref(),
        owner_id: filter.owner_id.as_deref(),
    };
    let mut tx = hub.store.begin_read().await?;
    connect_sessions::scan_with_attempts(&mut tx, caller.project(), rows, |session, attempt| {
        let attempt = attempt.map(|attempt| attempt.at(now));
        let is_failed = attempt.as_ref().is_some_and(|attempt| attempt.state.is_failed());
        if filter.failed && !is_failed {
            return Ok(ControlFlow::Continue(()));
        }
        each(&Seen { session, attempt, now })
    })
    .await
}
