//! The calls to a provider that some work of the hub makes, as steps of the log.

use std::time::{Duration, Instant};

use crate::domain::connector::AuthMethod;
use crate::domain::credentials::Values;
use crate::domain::ids::{AccountId, ProjectNumber};
use crate::domain::names::ConnectorKey;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::hub::Hub;
use crate::provider::watched;

use super::{Scope, Step};

/// What calls to a provider are for.
#[derive(Debug, Clone, Copy)]
pub(in crate::hub) struct Purpose<'a> {
    /// The project.
    pub(in crate::hub) project: ProjectNumber,
    /// The account, where there is one already.
    pub(in crate::hub) account: Option<&'a AccountId>,
    /// The connector.
    pub(in crate::hub) provider: &'a ConnectorKey,
    /// The method by which they are made.
    pub(in crate::hub) method: &'a AuthMethod,
    /// The values that they are made with.
    pub(in crate::hub) values: &'a Values,
    /// What is done, such as `verify`.
    pub(in crate::hub) action: &'a str,
}

impl Hub {
    /// Does work that calls a provider, and logs each call. What the hub does by itself is logged
    /// where it fails only: there is no call to it that it could belong to.
    pub(in crate::hub) async fn logging<T, E>(
        &self,
        purpose: Purpose<'_>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        // Each function that is handed a future has room for it twice.
        let (done, mut seen) = watched(Box::pin(work)).await;
        if seen.made.is_empty() || (done.is_ok() && Scope::current().is_none()) {
            return done;
        }
        seen.learnt.push(purpose.method.secrets_of(purpose.values));
        let secrets: Vec<&Secret> = seen.learnt.iter().flat_map(Values::secrets).collect();
        let (now, ended) = (self.now(), Instant::now());
        let millis = |time: Duration| i64::try_from(time.as_millis());
        for call in &seen.made {
            let ago = millis(ended.duration_since(call.began)).unwrap_or_default();
            self.log_step(
                purpose.project,
                &Step {
                    at: Some(Timestamp::from_millis(now.as_millis() - ago)),
                    duration_ms: millis(call.took).unwrap_or(i64::MAX),
                    method: call.method.as_str(),
                    url: call.url.as_str(),
                    status: call.status,
                    account: purpose.account,
                    provider: Some(purpose.provider),
                    action: purpose.action,
                    error: call.failure.as_deref(),
                    secrets: secrets.clone(),
                    seen: None,
                },
            );
        }
        done
    }
}
