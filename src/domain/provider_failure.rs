//! How a call to a provider can fail, and what each way means for the account.

use super::time::Timestamp;

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The provider refuses the account's credentials: a new login is needed (OA-14).
    Refused,
    /// The provider refuses the hub's own application or the call's form: the administrator must
    /// repair the auth config; the account's credentials may still be good.
    Configuration,
    /// It may work later: no answer, too slow, 429, 5xx, or a page in place of an answer.
    Transient,
    /// The hub does not call this address: its network is not public, or there is no encryption,
    /// and the operator has not allowed it.
    Blocked,
    /// The address is not the connector's own, or none can be made of the values.
    Foreign,
    /// An answer that is not what it should be; nothing of it is kept (threat 23).
    BadAnswer,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Refused,
        Self::Configuration,
        Self::Transient,
        Self::Blocked,
        Self::Foreign,
        Self::BadAnswer,
    ];

    /// The kind as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Configuration => "configuration",
            Self::Transient => "transient",
            Self::Blocked => "blocked",
            Self::Foreign => "foreign",
            Self::BadAnswer => "bad_answer",
        }
    }
}

/// A call to a provider that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProviderFailure {
    /// What it means.
    pub class: Class,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The provider's own code, such as `invalid_grant`.
    pub code: Option<String>,
    /// What happened, in words for people: bounded, cleaned, without a secret.
    pub message: String,
    /// When the provider wants to be asked again.
    pub retry_at: Option<Timestamp>,
    /// The host that is not called.
    pub host: Option<String>,
    /// Whether something else than the API answered, at an address that is in part the account's
    /// own: a wrong one leads there, and a right one may while the provider is down.
    pub is_elsewhere: bool,
    /// Whether the provider may have got the call, and done what it asks for.
    pub was_sent: bool,
}

impl ProviderFailure {
    /// A failure without an answer.
    #[must_use]
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            status: None,
            code: None,
            message: message.into(),
            retry_at: None,
            host: None,
            is_elsewhere: false,
            was_sent: false,
        }
    }

    /// The same, with the status of the answer.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// The same, with the provider's own code.
    #[must_use]
    pub fn with_code(self, code: Option<String>) -> Self {
        Self { code, ..self }
    }

    /// The same, with the host that is not called.
    #[must_use]
    pub fn of_host(self, host: impl Into<String>) -> Self {
        Self { host: Some(host.into()), ..self }
    }

    /// The same, told of something else than the API or not.
    #[must_use]
    pub fn elsewhere(self, is_elsewhere: bool) -> Self {
        Self { is_elsewhere, ..self }
    }

    /// The same, of a call that the provider may have got or not.
    #[must_use]
    pub fn sent(self, was_sent: bool) -> Self {
        Self { was_sent, ..self }
    }

    /// What happened, and from when on it may be tried again, where the provider says so.
    #[must_use]
    pub fn told(&self) -> String {
        match self.retry_at {
            Some(at) => format!("{}; try again after {at}", self.message),
            None => self.message.clone(),
        }
    }

    /// The same, with the instant at which the provider wants to be asked again.
    #[must_use]
    pub fn retry_at(self, retry_at: Option<Timestamp>) -> Self {
        Self { retry_at, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_to_wait_is_told_until_when() {
        let failure = ProviderFailure::new(Class::Transient, "the provider asks to wait");
        assert_eq!(failure.told(), "the provider asks to wait");
        let told = failure.retry_at(Some(Timestamp::from_millis(1_780_315_200_000))).told();
        assert_eq!(told, "the provider asks to wait; try again after 2026-06-01T12:00:00.000Z");
    }
}
