//! The log of calls: what a row says, what is kept of bodies and for how long (KP-9 to KP-13).

use std::str::FromStr;

use super::ids::ProjectNumber;
use super::time::Timestamp;

pub mod redact;

/// Which of the two lists a call is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A call that concerned a provider.
    Request,
    /// A call to the platform itself.
    Platform,
}

impl Kind {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Request, Self::Platform];

    /// The kind as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Platform => "platform",
        }
    }
}

/// The text is not a kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use request or platform")]
pub struct BadKind;

impl FromStr for Kind {
    type Err = BadKind;

    fn from_str(text: &str) -> Result<Self, BadKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(BadKind)
    }
}

/// The method of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// One that has no name here.
    Other,
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
    /// HEAD.
    Head,
    /// OPTIONS.
    Options,
}

impl Method {
    /// All of them, each at the place of its number in the store.
    pub const ALL: [Self; 8] = [
        Self::Other,
        Self::Get,
        Self::Post,
        Self::Put,
        Self::Patch,
        Self::Delete,
        Self::Head,
        Self::Options,
    ];

    /// The method as the wire writes it, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Head => "head",
            Self::Options => "options",
        }
    }

    /// The method of this name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(name));
        found.unwrap_or(Self::Other)
    }
}

/// The text is not a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use get, post, put, patch, delete, head, options or other")]
pub struct BadMethod;

impl FromStr for Method {
    type Err = BadMethod;

    fn from_str(text: &str) -> Result<Self, BadMethod> {
        let found = Self::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(text));
        found.ok_or(BadMethod)
    }
}

/// Outcomes from this number on are of calls that failed although their status is a success.
const FAILED: i64 = 20_000;

/// Kind, status and method of a call as one number, and whether it failed whatever its status says.
/// A project has few of them. Rows of one number are a list in the order of time, and what a filter
/// wants of them is a choice among such lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outcome(i64);

impl Outcome {
    /// The number of a call; status 0 stands for one without an answer.
    #[must_use]
    pub fn new(kind: Kind, status: u16, method: Method) -> Self {
        let kind = i64::from(kind == Kind::Platform);
        Self(kind * 10_000 + i64::from(status.min(999)) * 10 + method as i64)
    }

    /// The same of a call that failed, whatever its status says.
    #[must_use]
    pub fn failed(self) -> Self {
        if self.is_success() { Self(self.0 + FAILED) } else { self }
    }

    /// Whether the call succeeded.
    #[must_use]
    pub fn is_success(self) -> bool {
        self.0 < FAILED && is_success(self.status())
    }

    /// As it is stored.
    #[must_use]
    pub const fn from_row(number: i64) -> Self {
        Self(number)
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Which list it is in.
    #[must_use]
    pub const fn kind(self) -> Kind {
        if self.0 % FAILED >= 10_000 { Kind::Platform } else { Kind::Request }
    }

    /// The status of the answer; 0 where there was none.
    #[must_use]
    pub fn status(self) -> u16 {
        u16::try_from(self.0.rem_euclid(10_000) / 10).unwrap_or(0)
    }

    /// The method.
    #[must_use]
    pub fn method(self) -> Method {
        let at = usize::try_from(self.0.rem_euclid(10)).unwrap_or(0);
        Method::ALL.get(at).copied().unwrap_or(Method::Other)
    }
}

/// Whether a status is a success.
#[must_use]
pub const fn is_success(status: u16) -> bool {
    status >= 100 && status < 400
}

/// Which bodies a project keeps (KP-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bodies {
    /// None.
    #[default]
    Off,
    /// Those of calls that failed: status 400 and above, or no answer.
    Errors,
    /// All of them.
    All,
}

impl Bodies {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Off, Self::Errors, Self::All];

    /// The choice as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Errors => "errors",
            Self::All => "all",
        }
    }

    /// Whether headers and bodies of a call with this status are kept.
    #[must_use]
    pub const fn keeps(self, status: u16) -> bool {
        match self {
            Self::Off => false,
            Self::Errors => !is_success(status),
            Self::All => true,
        }
    }
}

/// The text says nothing about bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use off, errors or all")]
pub struct BadBodies;

impl FromStr for Bodies {
    type Err = BadBodies;

    fn from_str(text: &str) -> Result<Self, BadBodies> {
        Self::ALL.into_iter().find(|bodies| bodies.as_str() == text).ok_or(BadBodies)
    }
}

/// For how many days a project keeps its log (KP-9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Retention(u16);

/// The number of days is none that a log can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use 1 to 3650 days")]
pub struct BadRetention;

impl Retention {
    const SECONDS_OF_DAY: i64 = 86_400;

    /// So many days.
    ///
    /// # Errors
    /// When they are none or more than ten years.
    pub fn days(days: u64) -> Result<Self, BadRetention> {
        let days = u16::try_from(days).ok().filter(|days| (1..=3_650).contains(days));
        days.map(Self).ok_or(BadRetention)
    }

    /// The days of a whole number of seconds.
    ///
    /// # Errors
    /// When they are not whole days, none, or more than ten years.
    pub fn seconds(seconds: i64) -> Result<Self, BadRetention> {
        if seconds % Self::SECONDS_OF_DAY != 0 {
            return Err(BadRetention);
        }
        Self::days(u64::try_from(seconds / Self::SECONDS_OF_DAY).map_err(|_| BadRetention)?)
    }

    /// How many days.
    #[must_use]
    pub const fn as_days(self) -> u16 {
        self.0
    }

    /// When a row that was made at `at` goes.
    #[must_use]
    pub fn ends(self, at: Timestamp) -> Timestamp {
        at.plus_seconds(i64::from(self.0) * Self::SECONDS_OF_DAY)
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self(90)
    }
}

/// What a project wants of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keeping {
    /// Which bodies are kept.
    pub bodies: Bodies,
    /// For how long rows are.
    pub retention: Retention,
}

/// Where a call came from, in the wire's words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// Such as `API`.
    pub kind: String,
    /// Whose it was: the name of the key.
    pub value: Option<String>,
    /// Its id: that of the key, or of the end user's session.
    pub id: Option<String>,
    /// The address that it was sent from.
    pub ip: Option<String>,
}

/// A row: a call to the hub, or a call of the hub to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number: rows are numbered in the order in which they became visible.
    pub number: i64,
    /// The project that it concerns.
    pub project: ProjectNumber,
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// The request: its id, which the steps under it carry too.
    pub request_id: String,
    /// Kind, status and method.
    pub outcome: Outcome,
    /// The path, without anything secret.
    pub path: String,
    /// The address, without anything secret.
    pub url: String,
    /// The account that it concerned.
    pub account: Option<String>,
    /// The connector that it concerned.
    pub provider: Option<String>,
    /// Which service of the provider: who does not understand the provider's API can't tell.
    pub service: Option<String>,
    /// What it was about, such as `accounts`.
    pub resource: Option<String>,
    /// A part of that, which nobody can tell either.
    pub child_resource: Option<String>,
    /// A part of the part.
    pub sub_resource: Option<String>,
    /// What was done, such as `list`.
    pub action: Option<String>,
    /// Where it came from.
    pub source: Source,
    /// The kind of a platform call.
    pub category: Option<String>,
    /// Whether nobody waited for it.
    pub is_worker: bool,
    /// What went wrong: a code, or words without a secret.
    pub error: Option<String>,
}

/// A call that is passed on. What it is about is the provider's to know.
pub const PROXY: &str = "proxy";

/// What a call to a provider is about: it is one that is passed on, or one by which the hub gets,
/// tries or gives back credentials.
#[must_use]
pub fn step_resource(action: &str) -> &'static str {
    if action == PROXY { PROXY } else { "credentials" }
}

/// What is done with values that are not an account's yet: they are tried before they are stored.
pub const TRIAL: &str = "try_credentials";

impl Entry {
    /// Whether a provider refused values that were only tried: the account never had them, and what
    /// it has is as good as before.
    #[must_use]
    pub fn is_failed_trial(&self) -> bool {
        self.action.as_deref() == Some(TRIAL) && !self.outcome.is_success()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_a_number_and_back() {
        for kind in [Kind::Request, Kind::Platform] {
            for status in [0, 100, 200, 404, 599, 999] {
                for method in Method::ALL {
                    let outcome = Outcome::new(kind, status, method);
                    let read = Outcome::from_row(outcome.get());
                    assert_eq!((read.kind(), read.status(), read.method()), (kind, status, method));
                }
            }
        }
        // A failure is one with any status, and nothing else of it differs.
        for (status, succeeds) in [(0, false), (200, true), (303, true), (404, false)] {
            for kind in Kind::ALL {
                let outcome = Outcome::new(kind, status, Method::Get);
                let failed = Outcome::from_row(outcome.failed().failed().get());
                assert_eq!((outcome.is_success(), failed.is_success()), (succeeds, false));
                assert_eq!(
                    (failed.kind(), failed.status(), failed.method()),
                    (kind, status, Method::Get)
                );
            }
        }
        // In the order of kinds, then of statuses.
        let number = |kind, status| Outcome::new(kind, status, Method::Options).get();
        assert!(number(Kind::Request, 999) < number(Kind::Platform, 0));
        assert!(number(Kind::Request, 404) < Outcome::new(Kind::Request, 405, Method::Other).get());
    }

    #[test]
    fn kp_10_bodies_are_off_by_default_and_errors_are_400_and_above() {
        assert_eq!(Bodies::default(), Bodies::Off);
        for (status, errors) in [(0, true), (200, false), (302, false), (400, true), (502, true)] {
            assert!(!Bodies::Off.keeps(status) && Bodies::All.keeps(status));
            assert_eq!(Bodies::Errors.keeps(status), errors, "{status}");
        }
        for mode in [Bodies::Off, Bodies::Errors, Bodies::All] {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
    }

    #[test]
    fn kp_9_rows_are_kept_90_days_unless_a_project_says_otherwise() {
        let at = Timestamp::from_millis(0);
        assert_eq!(Retention::default().ends(at).as_millis(), 90 * 86_400_000);
        assert_eq!(Retention::seconds(30 * 86_400).unwrap().as_days(), 30);
        for bad in [0, -86_400, 86_401, 3_651 * 86_400] {
            assert!(Retention::seconds(bad).is_err(), "{bad}");
        }
    }
}
