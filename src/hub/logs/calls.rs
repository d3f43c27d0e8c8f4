//! The calls to a provider that some work of the hub makes, as steps of the log.

use std::time::{Duration, Instant};

use crate::domain::connector::AuthMethod;
use crate::domain::credentials::Values;
use crate::domain::ids::{AccountId, ProjectNumber};
use crate::domain::names::ConnectorKey;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::hub::Hub;
use crate::provider::Watch;

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
    /// Does work that calls a provider, and logs each call, also where the work is dropped before
    /// its end. What the hub does by itself is logged where it fails only: there is no call to it
    /// that it could belong to.
    pub(in crate::hub) async fn logging<T, E>(
        &self,
        purpose: Purpose<'_>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let watch = Watch::default();
        let mut calls = Calls { hub: self, purpose, watch: watch.clone(), is_done: false };
        // Each function that is handed a future has room for it twice.
        let done = watch.over(Box::pin(work)).await;
        calls.is_done = done.is_ok();
        done
    }
}

/// The calls that some work makes. They are logged when this is dropped.
struct Calls<'a> {
    hub: &'a Hub,
    purpose: Purpose<'a>,
    watch: Watch,
    /// Whether the work came to a good end.
    is_done: bool,
}

impl Drop for Calls<'_> {
    fn drop(&mut self) {
        let mut seen = self.watch.take();
        for call in &seen.made {
            self.hub.tallies.call(call.status);
        }
        if seen.made.is_empty() || (self.is_done && Scope::current().is_none()) {
            return;
        }
        let Purpose { project, account, provider, method, values, action } = self.purpose;
        seen.learnt.push(method.secrets_of(values));
        let secrets: Vec<&Secret> = seen.learnt.iter().flat_map(Values::secrets).collect();
        let (now, ended) = (self.hub.now(), Instant::now());
        let millis = |time: Duration| i64::try_from(time.as_millis());
        for call in &seen.made {
            let ago = millis(ended.duration_since(call.began)).unwrap_or_default();
            let step = Step {
                at: Some(Timestamp::from_millis(now.as_millis() - ago)),
                duration_ms: millis(call.took).unwrap_or(i64::MAX),
                method: call.method.as_str(),
                url: call.url.as_str(),
                status: call.status,
                account,
                provider: Some(provider),
                action,
                error: call.failure.as_deref(),
                secrets: secrets.clone(),
                seen: None,
            };
            self.hub.log_step(project, &step);
        }
    }
}
