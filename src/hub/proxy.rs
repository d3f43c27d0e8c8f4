//! Calls that are passed on to a provider with an account's credentials (contract section 8.1).
//!
//! Whether the account may be called is known before anything is sent (AC-16, AT-28). Bodies
//! stream both ways; what is held is bounded.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use url::Url;

use crate::domain::caller::Caller;
use crate::domain::connector::address;
use crate::domain::ids::AccountId;
use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::provider_reason::{self, HIDDEN};
use crate::domain::proxy::{self, Next, Tried};
use crate::domain::request_log::PROXY;
use crate::domain::secret::forms::Forms;
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::provider::forward::{Download, Forward, Place, Received};
use crate::provider::{BROKEN_OFF, Target};

pub use crate::provider::forward::{Upload, caller_headers};

use super::Hub;
use super::accounts::{doubt, unusable};
use super::linking::provider_error;
use super::logs::{Scope, Step};
use super::refresh::{self, Usable, Want};

/// The longest body of an answer, unpacked, where nothing else is set, in bytes.
pub const ANSWER_LIMIT: u64 = 256 << 20;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A call for a provider.
pub struct Call {
    /// The method.
    pub method: Method,
    /// A base address instead of the connector's usual one; it must be the connector's too (KP-15).
    pub base: Option<String>,
    /// The path below the base address, with its query.
    pub path: String,
    /// The caller's headers; those that would speak for the hub or the account are dropped.
    pub headers: HeaderMap,
    /// The body.
    pub body: Upload,
}

/// What the provider answered.
#[derive(Debug)]
pub struct Answer {
    /// The provider's status.
    pub status: u16,
    /// The provider's headers, without those that are not passed back.
    pub headers: HeaderMap,
    /// What was called, without its query.
    pub url: String,
    /// The body.
    pub body: Body,
}

/// The body of an answer, on its way and bounded (threat 22).
pub struct Body {
    download: Download,
    left: u64,
    limit: u64,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Body {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// `provider.unreachable` where it breaks off or stops, `provider.bad_answer` where it is
    /// larger than any answer may be.
    pub async fn next(&mut self) -> Result<Option<Bytes>, HubError> {
        let Some(piece) = self.download.next().await.map_err(provider_error)? else {
            return Ok(None);
        };
        match self.left.checked_sub(piece.len() as u64) {
            Some(left) => self.left = left,
            None => return Err(too_large(self.limit)),
        }
        Ok(Some(piece))
    }
}

fn too_large(limit: u64) -> HubError {
    let text = format!("the provider's answer is larger than {} MiB", limit >> 20);
    HubError::new(&codes::PROVIDER_BAD_ANSWER, text)
        .hint("ask the provider for less at once, or serve with a higher --answer-limit")
}

/// Passes a call on, and answers whatever the provider answers. Where it refuses the credentials
/// they are renewed once, unless that was done a moment ago, and where it says to slow down it is
/// waited for, within bounds; only a call that may be sent twice is sent again then. Credentials
/// that nothing renews are looked into after the answer.
///
/// # Errors
/// `auth.forbidden`; `account.not_found`; `account.not_usable` (412) with zero calls;
/// `proxy.foreign_address` and `provider.blocked` (400) with zero calls (threats 17, 18);
/// `provider.unreachable`, `provider.misconfigured`, `provider.refused`, `provider.bad_answer`.
pub async fn pass(
    hub: &Hub,
    caller: &Caller,
    account: &AccountId,
    call: Call,
) -> Result<Answer, HubError> {
    let Call { method, base, path, headers, body } = call;
    hub.require(caller, proxy::permission(method.as_str()))?;
    // A call that is refused is one of the account's, too (KP-11).
    if let Some(scope) = Scope::current() {
        scope.concerns(Some(account), None);
    }
    let usable = refresh::usable(hub, caller, account, Want::Usable).await;
    let mut usable = usable.map_err(|error| unusable(account, error))?;
    let repeats = may_repeat(&method, &headers);
    let mut body = Some(body);
    let mut tried = Tried::default();
    loop {
        let url = place(hub, &usable, base.as_deref(), &path)?;
        let (this, again) = twice(body.take().unwrap_or(Upload::Empty));
        let forward = Forward {
            method: method.clone(),
            place: Place::Whole(url.as_str()),
            headers: headers.clone(),
            body: this,
        };
        let received = send(hub, caller, &usable, &url, forward).await?;
        let wait_s = (received.status == 429).then(|| wait_s(hub, &received)).flatten();
        let next = tried.next(received.status, wait_s, repeats && again.is_some());
        tried.note(next);
        match next {
            Next::PassBack => {}
            Next::Refresh => {
                let newer = refresh::usable(hub, caller, account, Want::InPlaceOf(usable.version));
                match newer.await {
                    Ok(fresh) if fresh.version != usable.version => {
                        usable = fresh;
                        body = again;
                        continue;
                    }
                    // What the provider says of the old ones is all there is to say.
                    Ok(_) => {}
                    Err(error) => no_fresh(account, &error),
                }
            }
            Next::RefreshForNext => {
                let newer = refresh::usable(hub, caller, account, Want::InPlaceOf(usable.version));
                // The provider's answer is not held for longer; the refresh then goes on alone.
                let most = Duration::from_secs(proxy::MOST_REFRESH_S);
                if let Ok(Err(error)) = tokio::time::timeout(most, newer).await {
                    no_fresh(account, &error);
                }
            }
            Next::Wait(wait_s) => {
                drop(received);
                let wait = Duration::from_secs(u64::try_from(wait_s).unwrap_or(0));
                tokio::time::sleep(wait).await;
                body = again;
                continue;
            }
        }
        if received.status == 401 {
            doubt(hub, caller, &usable);
        }
        let answer = answer(hub, &usable, &url, received);
        return answer.map_err(|error| if repeats { error } else { error.outcome_unknown() });
    }
}

/// Whether a call may be sent twice: it changes nothing, or the provider does it once.
fn may_repeat(method: &Method, headers: &HeaderMap) -> bool {
    proxy::is_safe(method.as_str()) || headers.contains_key(IDEMPOTENCY_KEY)
}

fn no_fresh(account: &AccountId, error: &HubError) {
    tracing::debug!(
        target: "hubctl::proxy", account = account.as_str(), code = error.code().name,
        "no fresh credentials"
    );
}

/// The body, and once more where it can be sent twice.
fn twice(body: Upload) -> (Upload, Option<Upload>) {
    match body {
        Upload::Empty => (Upload::Empty, Some(Upload::Empty)),
        Upload::Whole(bytes) => (Upload::Whole(bytes.clone()), Some(Upload::Whole(bytes))),
        streamed @ Upload::Streamed { .. } => (streamed, None),
    }
}

fn target(usable: &Usable) -> Target<'_> {
    Target { connector: &usable.connector, method: &usable.method, values: &usable.values }
}

/// Where the call goes: an address of the connector's own, or nowhere (threat 17).
fn place(hub: &Hub, usable: &Usable, base: Option<&str>, path: &str) -> Result<Url, HubError> {
    let target = target(usable);
    let outside = |failure: ProviderFailure| match failure.class {
        Class::Foreign => foreign(failure.message),
        _ => provider_error(failure),
    };
    let Some(base) = base else {
        return hub.provider.address(target, Place::Path(path)).map_err(outside);
    };
    let own = hub.provider.address(target, Place::Whole(base)).map_err(outside)?;
    // A host in another spelling is one that somebody else may read otherwise.
    let tail = base.strip_prefix(&own.origin().ascii_serialization());
    if !tail.is_some_and(|tail| tail.is_empty() || tail.starts_with(['/', '?'])) {
        return Err(foreign(
            "the host is not written as in the connector's own address".to_owned(),
        ));
    }
    address::below(&own, path).map_err(|bad| foreign(bad.to_string()))
}

fn foreign(message: String) -> HubError {
    HubError::new(&codes::PROXY_FOREIGN_ADDRESS, message)
        .hint("give a path below the root of the provider's API, such as /v1/employees?limit=10")
}

/// Sends the call once, and logs it.
async fn send(
    hub: &Hub,
    caller: &Caller,
    usable: &Usable,
    url: &Url,
    forward: Forward<'_>,
) -> Result<Received, HubError> {
    let (at, began, method) = (hub.now(), Instant::now(), forward.method.clone());
    let repeats = may_repeat(&method, &forward.headers);
    let mut open = Open { hub, caller, usable, url, method, at, began, is_logged: false };
    let outcome = hub.provider.send(target(usable), forward, at).await;
    match &outcome {
        Ok(received) => open.log(Some(received.status), None),
        Err(failure) => open.log(failure.status, Some(&failure.message)),
    }
    outcome.map_err(|failure| {
        let is_unclear = failure.was_sent && !repeats;
        let error = provider_error(failure);
        if is_unclear { error.outcome_unknown() } else { error }
    })
}

/// A call under way. It is logged when it ends, and as broken off where nobody waits for that: the
/// provider may have done what it was asked (KP-9).
struct Open<'a> {
    hub: &'a Hub,
    caller: &'a Caller,
    usable: &'a Usable,
    url: &'a Url,
    method: Method,
    at: Timestamp,
    began: Instant,
    is_logged: bool,
}

impl Open<'_> {
    fn log(&mut self, status: Option<u16>, error: Option<&str>) {
        self.is_logged = true;
        self.hub.tallies.call(status);
        let usable = self.usable;
        let secrets = usable.method.secrets_of(&usable.values);
        let step = Step {
            at: Some(self.at),
            duration_ms: i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX),
            method: self.method.as_str(),
            url: self.url.as_str(),
            status,
            account: Some(&usable.account.id),
            provider: Some(&usable.account.provider),
            action: PROXY,
            error,
            secrets: secrets.secrets().collect(),
            seen: None,
        };
        self.hub.log_step(self.caller.project(), &step);
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.is_logged {
            self.log(None, Some(BROKEN_OFF));
        }
    }
}

fn wait_s(hub: &Hub, received: &Received) -> Option<i64> {
    provider_reason::wait_s(received.headers.get(RETRY_AFTER)?.to_str().ok()?, hub.now())
}

fn answer(hub: &Hub, usable: &Usable, url: &Url, received: Received) -> Result<Answer, HubError> {
    let Received { status, headers, body } = received;
    let limit = hub.answer_limit;
    let length = headers.get(http::header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut passed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.iter().filter(|(name, _)| proxy::is_passed_back(name.as_str())) {
        passed.append(name.clone(), value.clone());
    }
    let forms = provider_reason::forms(&usable.method.secrets_of(&usable.values));
    without_secrets(&mut passed, &forms);
    let mut url = url.clone();
    url.set_query(None);
    // Some providers want the credentials in the path (threat 32).
    let url = forms.hidden(url.as_str(), HIDDEN).into_owned();
    let body = Body { download: body, left: limit, limit };
    Ok(Answer { status, headers: passed, url, body })
}

/// Hides what a provider repeats of the credentials, as in the address of a redirect (threat 20).
fn without_secrets(headers: &mut HeaderMap, forms: &Forms) {
    for (name, value) in headers.iter_mut() {
        let Ok(text) = value.to_str() else { continue };
        if let Cow::Owned(hidden) = forms.hidden(text, HIDDEN) {
            let shown = HeaderValue::from_str(&hidden);
            *value = shown.unwrap_or_else(|_| HeaderValue::from_static(HIDDEN));
        } else if name == LOCATION && text.contains('@') {
            // Credentials may stand before the host, too.
            if let Ok(mut to) = Url::parse(text)
                && to.set_username("").is_ok()
                && to.set_password(None).is_ok()
                && let Ok(shown) = HeaderValue::from_str(to.as_str())
            {
                *value = shown;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderMap, provider_reason, without_secrets};
    use crate::domain::credentials::Values;
    use crate::domain::secret::Secret;

    #[test]
    fn threat_20_a_redirect_does_not_repeat_credentials() {
        let mut secrets = Values::default();
        secrets.insert("api_key", Secret::new("hunter2/x"));
        let mut headers = HeaderMap::new();
        headers.insert("location", "https://x.example/a?key=hunter2%2Fx&b=1".parse().unwrap());
        headers.insert("x-echo", "hunter2/x".parse().unwrap());
        headers.insert("x-basic", "Basic dXNlcjpodW50ZXIyL3g=".parse().unwrap());
        headers.insert("etag", "\"abc\"".parse().unwrap());
        without_secrets(&mut headers, &provider_reason::forms(&secrets));
        assert_eq!(headers["location"], "https://x.example/a?key=***&b=1");
        assert_eq!(headers["x-echo"], "***");
        // The account's key comes after `user:`.
        assert_eq!(headers["x-basic"], "Basic dXNlcjp***g=");
        assert_eq!(headers["etag"], "\"abc\"");
        headers.insert("location", "https://me:pass@x.example/a".parse().unwrap());
        without_secrets(&mut headers, &provider_reason::forms(&secrets));
        assert_eq!(headers["location"], "https://x.example/a");
    }
}
