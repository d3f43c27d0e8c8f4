//! Insisting on a write that must not be lost while the store can't take it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{HubError, codes};

/// How long somebody insists, and how long they rest between: new tokens may be the only ones that
/// work (OA-13), and revoked ones never will. Whoever takes over a lease meanwhile makes it too
/// late.
const INSIST_FOR: Duration = Duration::from_mins(5);
const FIRST_REST: Duration = Duration::from_millis(50);
const LONGEST_REST: Duration = Duration::from_secs(2);

/// The patience of whoever has to write what was done at a provider.
pub(in crate::hub) struct Patience {
    until: Instant,
    rest: Duration,
}

impl Patience {
    pub(in crate::hub) fn new() -> Self {
        Self::lasting(INSIST_FOR)
    }

    /// That of whoever comes too late after this time.
    pub(in crate::hub) fn lasting(time: Duration) -> Self {
        Self { until: Instant::now() + time, rest: FIRST_REST }
    }

    /// Whether it is worth trying again after this error of the store; rests before it says so.
    /// `what` is told to the operator.
    pub(in crate::hub) async fn bears(&mut self, error: &HubError, what: &str) -> bool {
        let code = error.code();
        let may_pass = error.retryable()
            || [&codes::STORE_FULL, &codes::STORE_READ_ONLY]
                .iter()
                .any(|one| one.name == code.name);
        if !may_pass || Instant::now() >= self.until {
            return false;
        }
        tracing::warn!(target: "hubctl::refresh", code = code.name, "{what}: {error}");
        sleep(self.rest).await;
        self.rest = (self.rest * 2).min(LONGEST_REST);
        true
    }
}
