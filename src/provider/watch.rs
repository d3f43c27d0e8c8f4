//! Which calls some work has made, for whoever logs them.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use http::Method;
use url::Url;

use super::request::Answer;
use crate::domain::provider_failure::ProviderFailure;

tokio::task_local! {
    static MADE: RefCell<Vec<Made>>;
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
pub async fn watched<T>(work: impl Future<Output = T>) -> (T, Vec<Made>) {
    let watch = async {
        let done = work.await;
        (done, MADE.with(RefCell::take))
    };
    MADE.scope(RefCell::default(), watch).await
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
    // Where nobody does, there is nothing to write it in.
    _ = MADE.try_with(|all| all.borrow_mut().push(made));
}
