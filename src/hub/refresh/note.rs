//! What is noted of a refresh that failed: for whoever calls next, and for people.

use serde_json::{Value, json};

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
    let failing = fresh.failing_since.map(|since| (since, failure_of(fresh).message));
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
/// from asking.
pub(super) fn to_json(failure: &ProviderFailure, at: Option<Timestamp>) -> String {
    json!({
        "at": at.map(Timestamp::as_millis),
        "class": failure.class.as_str(),
        "status": failure.status,
        "code": failure.code,
        "message": failure.message,
        "retry_at": failure.retry_at.map(Timestamp::as_millis),
    })
    .to_string()
}

/// What is in the text of stored failures that an administrator has to mend.
pub(super) fn marks_to_mend() -> impl Iterator<Item = String> {
    let classes = Class::ALL.into_iter().filter(|class| rules::needs_mending(*class));
    classes.map(|class| format!("\"class\":\"{}\"", class.as_str()))
}

fn stored(fresh: &Freshness) -> Value {
    fresh.failure.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The last failure.
pub(super) fn failure_of(fresh: &Freshness) -> ProviderFailure {
    let value = stored(fresh);
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let word = text("class").unwrap_or_default();
    ProviderFailure {
        class: Class::ALL.into_iter().find(|one| one.as_str() == word).unwrap_or(Class::Transient),
        status: value.get("status").and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok()),
        code: text("code"),
        message: text("message").unwrap_or_else(|| "the last refresh failed".to_owned()),
        retry_at: retry_at(&value),
        host: None,
        is_elsewhere: false,
    }
}

/// What kind of failure the last one was; none where nobody was asked.
pub(in crate::hub) fn class_of(fresh: &Freshness) -> Option<Class> {
    let was_asked = asked_at(&stored(fresh)).is_some();
    was_asked.then(|| failure_of(fresh).class)
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
            let text = to_json(&failure, None);
            let is_found = marks_to_mend().any(|mark| text.contains(&mark));
            assert_eq!(is_found, rules::needs_mending(class), "{text}");
        }
        assert!(!rules::needs_mending(Class::Transient));
    }
}
