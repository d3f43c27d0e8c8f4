//! One call with one whole answer, within limits of time and size (threats 18 to 20, 22).

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use tokio::time::timeout;

use super::failures;
use super::request::{self, Answer, Request};
use super::{MAX_ANSWER_BYTES, Provider, watch};
use crate::domain::provider_failure::ProviderFailure;
use crate::net::Identity;

impl Provider {
    /// Sends the request and reads the answer. No redirect is followed. Compressed answers are
    /// bounded by what they unpack to.
    pub(super) async fn call(
        &self,
        request: Request,
        identity: Option<&Identity>,
    ) -> Result<Answer, ProviderFailure> {
        self.call_within(self.options.call_limit, request, identity).await
    }

    /// The same within another time.
    pub(super) async fn call_within(
        &self,
        limit: Duration,
        request: Request,
        identity: Option<&Identity>,
    ) -> Result<Answer, ProviderFailure> {
        let url = request.url.clone();
        let open = watch::Open::new(request.method.clone(), url.clone());
        let outcome = match timeout(limit, self.call_unbounded(request, identity)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(failures::too_slow(&url, limit)),
        };
        open.end(&outcome);
        outcome
    }

    async fn call_unbounded(
        &self,
        request: Request,
        identity: Option<&Identity>,
    ) -> Result<Answer, ProviderFailure> {
        let url = request.url;
        self.clients.check(&url).await?;
        let client = self.clients.client(&url, identity)?;
        let is_length_due = request::is_length_due(&request.method);
        let mut sending = client.request(request.method, url.clone()).headers(request.headers);
        match request.body {
            Some(body) => sending = sending.body(body),
            None if is_length_due => sending = sending.header(CONTENT_LENGTH, 0),
            None => {}
        }
        let failed = |error: reqwest::Error| failures::transport(&url, &error);
        let mut response = sending.send().await.map_err(failed)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(failures::too_large(&url, MAX_ANSWER_BYTES));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status().as_u16(),
            headers: std::mem::take(response.headers_mut()),
            body: Bytes::from(body),
        })
    }
}
