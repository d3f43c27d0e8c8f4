//! Which calls some work has made, for whoever logs them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::Method;
use url::Url;

use super::request::Answer;
use crate::domain::credentials::Values;
use crate::domain::provider_failure::ProviderFailure;

tokio::task_local! {
    static SEEN: Watch;
}

/// What is said of a call whose answer nobody waited for to its end.
pub const BROKEN_OFF: &str = "it was broken off before there was an answer";

/// What some work has done.
#[derive(Debug, Default)]
pub struct Seen {
    /// The calls that it made.
    pub made: Vec<Made>,
    /// Secrets that it has learnt, of which addresses and failures may be made.
    pub learnt: Vec<Values>,
}

/// A call to a provider that was made. Its address and its failure may have secrets in them.
#[derive(Debug, Clone)]
pub struct Made {
    /// When it began.
    pub began: Instant,
    /// How long it took.
    pub took: Duration,
    /// Its method.
    pub method: Method,
    /// Its address.
    pub url: Url,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// What went wrong on the way, or what the answer says went wrong.
    pub failure: Option<String>,
}

/// Keeps an eye on some work, also where it is dropped before its end.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<Mutex<Seen>>);

impl Watch {
    /// Does work, and takes note of the calls with whole answers that it makes.
    pub async fn over<T>(&self, work: impl Future<Output = T>) -> T {
        SEEN.scope(self.clone(), work).await
    }

    /// What it has done since the last time.
    #[must_use]
    pub fn take(&self) -> Seen {
        std::mem::take(&mut self.seen())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way. Where somebody watches, it is taken note of when it ends, and as broken off
/// where it is dropped before.
pub(super) struct Open(Option<Made>);

impl Open {
    pub(super) fn new(method: Method, url: Url) -> Self {
        let failure = Some(BROKEN_OFF.to_owned());
        let (began, took) = (Instant::now(), Duration::ZERO);
        Self(Some(Made { began, took, method, url, status: None, failure }))
    }

    /// It came to this.
    pub(super) fn end(mut self, outcome: &Result<Answer, ProviderFailure>) {
        if let Some(made) = &mut self.0 {
            (made.status, made.failure) = match outcome {
                Ok(answer) => (Some(answer.status), None),
                Err(failure) => (failure.status, Some(failure.message.clone())),
            };
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(mut made) = self.0.take() {
            made.took = made.began.elapsed();
            see(|seen| seen.made.push(made));
        }
    }
}

/// Takes note of what the answer to the latest call means: that it failed, whatever its status.
pub(super) fn judge(failure: &ProviderFailure) {
    see(|seen| {
        if let Some(call) = seen.made.last_mut() {
            call.failure = Some(failure.message.clone());
        }
    });
}

/// Takes note of secrets that the values of the call's target do not have.
pub(super) fn learn(secrets: Values) {
    see(|seen| seen.learnt.push(secrets));
}

fn see(note: impl FnOnce(&mut Seen)) {
    // Where nobody watches, there is nothing to write it in.
    _ = SEEN.try_with(|watch| note(&mut watch.seen()));
}
