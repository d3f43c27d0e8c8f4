//! The one error of hubctl: a stable code, a message for people, a hint that can be pasted.
//!
//! Which exit status or HTTP status a kind becomes is known to `cli::exit` and `server::respond`
//! alone.

use std::borrow::Cow;
use std::fmt;

/// What sort of thing went wrong; the two doors translate it into their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A bug or an unforeseen state of the world.
    Failure,
    /// A value that can't be accepted, or input that is missing and may not be asked for.
    Invalid,
    /// The named thing does not exist (or may not be seen).
    NotFound,
    /// No credential, or one that is not accepted.
    Unauthenticated,
    /// The credential is fine but lacks the right.
    Forbidden,
    /// A rule refuses.
    Conflict,
    /// A connector has to be set up or enabled first (AC-12, AC-13).
    NotReady,
    /// What was sent is well formed and yet refused by whom it is for, such as credentials by a
    /// provider (HB-12).
    Unprocessable,
    /// A linked account may not be used as it stands (AC-16, AT-28).
    Precondition,
    /// Consent is missing or was refused; nothing was changed.
    NotConfirmed,
    /// A wait ended before its condition held.
    TimedOut,
    /// Asked to slow down for longer than allowed to wait.
    RateLimited,
    /// The other side can't be reached.
    Unreachable,
    /// Some of many succeeded.
    Partial,
    /// A configuration file, store or key store can't be used.
    LocalState,
    /// This hub has no such operation.
    Unsupported,
    /// Stopped by SIGINT.
    Interrupted,
    /// Stopped by SIGTERM.
    Terminated,
}

/// A documented error: its dotted name never changes once released.
#[derive(Debug)]
pub struct Code {
    /// Dotted, stable name.
    pub name: &'static str,
    /// What sort of error it is.
    pub kind: Kind,
    /// What it means, for `hubctl explain-error`.
    pub meaning: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

impl Code {
    /// What it means, as a part of a sentence.
    #[must_use]
    pub fn clause(&self) -> String {
        let mut letters = self.meaning.trim_end_matches('.').chars();
        let Some(first) = letters.next() else { return String::new() };
        first.to_lowercase().chain(letters).collect()
    }

    /// Whether it tells of a provider.
    #[must_use]
    pub fn is_of_provider(&self) -> bool {
        self.name.starts_with("provider.")
    }
}

macro_rules! codes {
    ($($ident:ident = $name:literal, $kind:ident, $meaning:literal, $remedy:literal;)*) => {
        /// Every error code, as `hubctl explain-error` lists them.
        pub const ALL: &[&Code] = &[$(&$ident),*];
        $(
            #[doc = $meaning]
            pub static $ident: Code =
                Code { name: $name, kind: Kind::$kind, meaning: $meaning, remedy: $remedy };
        )*
    };
}

pub mod codes;
pub mod crash;

/// Member of a detail that says that nobody knows whether what was asked for was done; a hub
/// elsewhere tells it among the details, too.
const OUTCOME_UNKNOWN: &str = "outcome_unknown";

/// An error with everything that a person or a script needs to act on it.
pub struct HubError {
    inner: Box<Inner>,
}

struct Inner {
    code: &'static Code,
    message: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
    details: Vec<serde_json::Value>,
    http_status: Option<u16>,
    request_id: Option<String>,
    is_unsent: bool,
    is_told: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl HubError {
    /// An error of the code; the message is lower-case without a full stop and names what was
    /// meant.
    #[must_use]
    pub fn new(code: &'static Code, message: impl Into<Cow<'static, str>>) -> Self {
        let inner = Inner {
            code,
            message: message.into(),
            hint: None,
            details: Vec::new(),
            http_status: None,
            request_id: None,
            is_unsent: false,
            is_told: false,
            source: None,
        };
        Self { inner: Box::new(inner) }
    }

    /// What makes an error of hubctl's own out of a cause that nobody foresaw.
    pub fn internal<E>(message: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |cause| Self::new(&codes::INTERNAL, message).source(cause)
    }

    /// Adds what to type next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.inner.hint = Some(hint.into());
        self
    }

    /// Adds a machine-readable detail.
    #[must_use]
    pub fn detail(mut self, detail: serde_json::Value) -> Self {
        self.inner.details.push(detail);
        self
    }

    /// Adds what a hub elsewhere answered with: its status, and the id of the request.
    #[must_use]
    pub fn answered(mut self, http_status: u16, request_id: Option<String>) -> Self {
        self.inner.http_status = Some(http_status);
        self.inner.request_id = request_id;
        self
    }

    /// Takes down that nothing was sent: there was no connection at all.
    #[must_use]
    pub fn unsent(mut self) -> Self {
        self.inner.is_unsent = true;
        self
    }

    /// Takes down that what was asked for may have been done all the same: sent again, it may be done
    /// twice.
    #[must_use]
    pub fn outcome_unknown(self) -> Self {
        match self.is_outcome_unknown() {
            true => self,
            false => self.detail(serde_json::json!({ OUTCOME_UNKNOWN: true })),
        }
    }

    /// Takes down that whoever reads standard error knows of it.
    #[must_use]
    pub fn told(mut self) -> Self {
        self.inner.is_told = true;
        self
    }

    /// Keeps the cause, for `-v` and logs only: it is never part of the message.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// The documented code.
    #[must_use]
    pub fn code(&self) -> &'static Code {
        self.inner.code
    }

    /// The message for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// Whether it is the hub's own state or program that failed, so that its words may name files of
    /// the hub.
    #[must_use]
    pub fn is_of_the_hub(&self) -> bool {
        matches!(self.inner.code.kind, Kind::LocalState | Kind::Failure)
    }

    /// The message for people who have nothing to do with the hub itself.
    #[must_use]
    pub fn words_for_others(&self) -> String {
        match self.is_of_the_hub() {
            true => self.inner.code.clause(),
            false => self.inner.message.clone().into_owned(),
        }
    }

    /// What to type next, if there is something.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }

    /// Machine-readable details.
    #[must_use]
    pub fn details(&self) -> &[serde_json::Value] {
        &self.inner.details
    }

    /// The status that a hub elsewhere answered with.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.inner.http_status
    }

    /// The id under which a hub elsewhere knows the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.inner.request_id.as_deref()
    }

    /// Whether there was no connection to a hub elsewhere: another call of it would fare no better.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        self.inner.is_unsent
    }

    /// Whether what was asked for may have been done all the same.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        let told = |detail: &serde_json::Value| detail.get(OUTCOME_UNKNOWN)?.as_bool();
        self.inner.details.iter().any(|detail| told(detail) == Some(true))
    }

    /// Whether it was told already, so that its exit status alone is left.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.inner.is_told
    }

    /// Whether the same call may succeed later without any change by the caller, and does not do
    /// twice what may have been done.
    #[must_use]
    pub fn retryable(&self) -> bool {
        let code = self.inner.code;
        let may_pass = matches!(code.kind, Kind::TimedOut | Kind::RateLimited | Kind::Unreachable)
            || std::ptr::eq(code, &raw const codes::STALE)
            || std::ptr::eq(code, &raw const codes::STORE_BUSY);
        // A hub that sends elsewhere does so until another address is set.
        let leads_away = std::ptr::eq(code, &raw const codes::REMOTE_REDIRECTED);
        may_pass && !leads_away && !self.is_outcome_unknown()
    }
}

impl fmt::Display for HubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)
    }
}

impl fmt::Debug for HubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubError")
            .field("code", &self.inner.code.name)
            .field("message", &self.inner.message)
            .field("hint", &self.inner.hint)
            .field("details", &self.inner.details)
            .field("source", &self.inner.source)
            .finish()
    }
}

impl std::error::Error for HubError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::{HubError, codes};
    use std::collections::HashSet;

    #[test]
    fn what_may_have_been_done_and_what_leads_away_are_not_tried_again() {
        let away = || HubError::new(&codes::REMOTE_UNREACHABLE, "away");
        assert!(away().retryable() && !away().is_outcome_unknown());
        let unclear = away().outcome_unknown().outcome_unknown();
        assert!(!unclear.retryable() && unclear.is_outcome_unknown());
        assert_eq!(unclear.details().len(), 1);
        assert!(!HubError::new(&codes::REMOTE_REDIRECTED, "there").retryable());
    }

    #[test]
    fn codes_are_unique_dotted_and_documented() {
        let mut seen = HashSet::new();
        for code in codes::ALL {
            assert!(seen.insert(code.name), "{} stands twice", code.name);
            let fine = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
            assert!(code.name.chars().all(fine), "{}", code.name);
            assert!(code.meaning.ends_with('.') && code.remedy.ends_with('.'), "{}", code.name);
        }
    }
}
