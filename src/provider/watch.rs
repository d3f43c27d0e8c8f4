//! Which calls some work has made, for whoever logs them.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use http::Method;
use url::Url;

use super::request::Answer;
use crate::domain::credentials::Values;
use crate::domain::provider_failure::ProviderFailure;

tokio::task_local! {
    static SEEN: RefCell<Seen>;
}

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
    /// What went wrong on the way.
    pub failure: Option<String>,
}

/// Does work, and tells which calls with whole answers it has made.
pub async fn watched<T>(work: impl Future<Output = T>) -> (T, Seen) {
    let watch = async {
        let done = work.await;
        (done, SEEN.with(RefCell::take))
    };
    SEEN.scope(RefCell::default(), watch).await
}

/// Takes note of a call, where somebody watches.
pub(super) fn note(
    began: Instant,
    method: Method,
    url: Url,
    outcome: &Result<Answer, ProviderFailure>,
) {
    let (status, failure) = match outcome {
        Ok(answer) => (Some(answer.status), None),
        Err(failure) => (failure.status, Some(failure.message.clone())),
    };
    let made = Made { began, took: began.elapsed(), method, url, status, failure };
    see(|seen| seen.made.push(made));
}

/// Takes note of secrets that the values of the call's target do not have.
pub(super) fn learn(secrets: Values) {
    see(|seen| seen.learnt.push(secrets));
}

fn see(note: impl FnOnce(&mut Seen)) {
    // Where nobody watches, there is nothing to write it in.
    _ = SEEN.try_with(|seen| note(&mut seen.borrow_mut()));
}
