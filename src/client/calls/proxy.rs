//! Calls that are passed on to providers.

use std::time::Duration;

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use reqwest::Response;
use tokio::time::timeout;

use crate::api::proxy::{BESIDE, Came, METHOD, ON_ALL_ANSWERS, PATH, Pass, PassBody, Passed};
use crate::client::raw::header;
use crate::client::send::{Begun, Wanted};
use crate::client::{Client, problem, vendor};
use crate::domain::ids::AccountId;
use crate::error::{HubError, codes};

impl Client {
    /// `accounts.proxy`
    pub async fn pass(&self, account: &AccountId, pass: Pass) -> Result<Passed, HubError> {
        if self.is_vendor {
            return vendor::proxy::pass(self, account, pass).await;
        }
        let may_repeat = pass.may_repeat();
        let Pass { method, path, headers, body } = pass;
        let mut call = self.call("accounts.proxy", &[account.as_str()])?;
        call.headers = passed(&headers)?;
        let ascii = |text: &str| {
            let text = "the method or the path has characters that no header can carry".to_owned()
                + if text.is_ascii() { "" } else { ": encode them as %XX" };
            HubError::new(&codes::BAD_VALUE, text)
        };
        for (name, value) in [(METHOD, &method), (PATH, &path)] {
            let value = HeaderValue::from_str(value).ok().filter(|value| value.to_str().is_ok());
            let value = value.ok_or_else(|| ascii(&path))?;
            call.headers.insert(name, value);
        }
        let mut call = call.safe(may_repeat);
        match body {
            PassBody::Empty => {}
            PassBody::Whole(bytes) => call.body = Some(bytes),
            PassBody::Streamed { pieces, length } => {
                if let Some(length) = length {
                    call.headers.insert(CONTENT_LENGTH, length.into());
                }
                call = call.upload(reqwest::Body::wrap_stream(pieces));
            }
        }
        let begun = self.begin(call, Wanted::Passed).await?;
        let Begun::Stream(mut response, exchange) = begun else {
            let error = problem::bad_answer(&self.origin, "gave no provider's answer");
            return Err(problem::perhaps_done(error, !may_repeat));
        };
        self.finish(exchange.map(|exchange| *exchange), None);
        let headers = of_provider(&std::mem::take(response.headers_mut()));
        let status = response.status().as_u16();
        Ok(Passed { status, headers, body: came(*response, self.origin.clone(), self.timeout) })
    }
}

/// Headers for the provider; those that the hub's own call has are not among them.
fn passed(given: &[(String, String)]) -> Result<HeaderMap, HubError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let (name, value) = header(name, value)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// The provider's headers, without those of the hub and of the way to it.
fn of_provider(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let is_hubs = |name: &str| {
        [CONNECTION, TRANSFER_ENCODING].iter().any(|own| own == name)
            || ON_ALL_ANSWERS.contains(&name)
            || name.starts_with(BESIDE)
    };
    let named = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str();
        let beside = name.strip_prefix(BESIDE).filter(|name| ON_ALL_ANSWERS.contains(name));
        let name = beside.or_else(|| Some(name).filter(|name| !is_hubs(name)))?;
        Some((name.to_owned(), text(value)))
    });
    named.collect()
}

/// The body while it arrives; nothing for as long as a call may take ends it.
fn came(response: Response, origin: String, limit: Duration) -> Came {
    let state = Some((response, origin));
    Box::pin(futures_util::stream::unfold(state, move |state| async move {
        let (mut response, origin) = state?;
        match timeout(limit, response.chunk()).await {
            Ok(Ok(Some(piece))) => Some((Ok(piece), Some((response, origin)))),
            Ok(Ok(None)) => None,
            Ok(Err(error)) => {
                let error = problem::unreachable(&origin, &error.without_url(), false);
                Some((Err(error), None))
            }
            Err(_) => Some((Err(problem::timed_out(&origin, limit.as_secs(), false)), None)),
        }
    }))
}
