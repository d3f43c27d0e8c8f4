//! What is noted of a refresh that failed: for whoever calls next, and for people.

use serde_json::{Value, json};

use crate::domain::account::{FailedRefresh, Failing, NoToken};
use crate::domain::provider_failure::{Class, ProviderFailure};
use crate::domain::refresh as rules;
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::sealing::master::is_away;
use crate::store::accounts::refresh::Freshness;

/// What an account's tokens are like, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// When the token ends, if it is known.
    pub expires_at: Option<Timestamp>,
    /// When the credentials were last replaced: by a refresh or a new login.
    pub renewed_at: Timestamp,
    /// Refreshes that failed since then.
    pub failures: u32,
    /// Since when refreshes fail, and why.
    pub failing: Option<(Timestamp, String)>,
    /// When the worker tries next.
    pub next_try: Option<Timestamp>,
}

/// The same of what is stored.
#[must_use]
pub fn note_of(fresh: &Freshness) -> Note {
    let failing = failed_of(fresh).map(|failed| (failed.since, failed.message));
    Note {
        expires_at: fresh.expires_at,
        renewed_at: fresh.updated_at,
        failures: fresh.failures,
        failing,
        next_try: fresh.refresh_after,
    }
}

/// The failure of a refresh for which nobody was asked, since what it needs can't be read. A master
/// key that is away may be back in a moment; of anything else that can't be read, somebody has to
/// mend something first.
pub(super) fn unread(error: &HubError) -> ProviderFailure {
    let message = error.words_for_others();
    let class = if is_away(error) { Class::Transient } else { Class::Configuration };
    ProviderFailure::new(class, message).with_code(Some(error.code().name.to_owned()))
}

/// A failure as it is stored; without the time at which the provider was asked, it keeps no call
/// from asking. `no_token` says why the stored token does for no call.
pub(super) fn to_json(
    failure: &ProviderFailure,
    at: Option<Timestamp>,
    no_token: Option<NoToken>,
) -> String {
    json!({
        "at": at.map(Timestamp::as_millis),
        "class": failure.class.as_str(),
        "status": failure.status,
        "code": failure.code,
        "message": failure.message,
        "retry_at": failure.retry_at.map(Timestamp::as_millis),
        "token": no_token.map(NoToken::as_str),
    })
    .to_string()
}

/// What is in the text of stored failures that an administrator has to mend.
pub(super) fn marks_to_mend() -> impl Iterator<Item = String> {
    let classes = Class::ALL.into_iter().filter(|class| rules::needs_mending(*class));
    classes.map(mark)
}

fn mark(class: Class) -> String {
    format!("\"class\":\"{}\"", class.as_str())
}

fn read(failure: Option<&str>) -> Value {
    failure.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn stored(fresh: &Freshness) -> Value {
    read(fresh.failure.as_deref())
}

/// The last failure.
pub(super) fn failure_of(fresh: &Freshness) -> ProviderFailure {
    told(&stored(fresh))
}

fn told(value: &Value) -> ProviderFailure {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let word = text("class").unwrap_or_default();
    ProviderFailure {
        class: Class::ALL.into_iter().find(|one| one.as_str() == word).unwrap_or(Class::Transient),
        status: value.get("status").and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok()),
        code: text("code"),
        message: text("message").unwrap_or_else(|| "the last refresh failed".to_owned()),
        retry_at: retry_at(value),
        host: None,
        is_elsewhere: false,
        was_sent: false,
    }
}

/// The last refresh, if it failed; its class is none where nobody was asked.
pub(in crate::hub) fn failed_of(fresh: &Freshness) -> Option<FailedRefresh> {
    let failing = Failing {
        since: fresh.failing_since?,
        failure: fresh.failure.as_deref().unwrap_or_default(),
        expires_at: fresh.expires_at,
        next_try: fresh.refresh_after,
    };
    Some(failed(&failing))
}

/// The same of what a list reads.
pub(in crate::hub) fn failed(failing: &Failing<'_>) -> FailedRefresh {
    let value = read(Some(failing.failure));
    let ProviderFailure { class, message, .. } = told(&value);
    FailedRefresh {
        since: failing.since,
        class: asked_at(&value).map(|_| class),
        message,
        expires_at: failing.expires_at,
        no_token: no_token(&value),
        next_try: failing.next_try,
    }
}

/// Why the stored token does for no call, as the last failure has it.
pub(super) fn no_token_of(fresh: &Freshness) -> Option<NoToken> {
    no_token(&stored(fresh))
}

fn no_token(value: &Value) -> Option<NoToken> {
    value.get("token").and_then(Value::as_str).and_then(NoToken::of)
}

/// When the client of the auth config was last refused, if it was so: what `failure` has, as it is
/// stored.
pub(in crate::hub) fn client_refused_at(failure: &str) -> Option<Timestamp> {
    let value = read(Some(failure));
    asked_at(&value).filter(|_| told(&value).class == Class::Configuration)
}

/// What is in the text of stored failures where the client was refused.
pub(in crate::hub) fn client_mark() -> String {
    mark(Class::Configuration)
}

fn asked_at(value: &Value) -> Option<Timestamp> {
    value.get("at").and_then(Value::as_i64).map(Timestamp::from_millis)
}

fn retry_at(value: &Value) -> Option<Timestamp> {
    value.get("retry_at").and_then(Value::as_i64).map(Timestamp::from_millis)
}

/// Whether a call may ask the provider again.
pub(super) fn may_try(fresh: &Freshness, now: Timestamp) -> bool {
    let value = stored(fresh);
    let Some(at) = asked_at(&value) else { return true };
    rules::call_may_try(at, fresh.failures, retry_at(&value), now)
}

#[cfg(test)]
mod tests {
    use super::{Class, ProviderFailure, marks_to_mend, rules, to_json};

    #[test]
    fn oa_14_a_stored_failure_is_found_by_its_class_alone() {
        for class in Class::ALL {
            let failure = ProviderFailure::new(class, "not \"class\":\"blocked\"");
            let text = to_json(&failure, None, None);
            let is_found = marks_to_mend().any(|mark| text.contains(&mark));
            assert_eq!(is_found, rules::needs_mending(class), "{text}");
        }
        assert!(!rules::needs_mending(Class::Transient));
    }
}
