//! Whether an account can be used, by what is stored of it; if not, why and since when.

use super::{REASON_DISABLED, Status, StatusReason, is_hold_reason};
use crate::domain::provider_failure::Class;
use crate::domain::time::Timestamp;

/// Code of the cause where tokens can't be renewed.
pub const REFRESH_FAILING: &str = "refresh_failing";

/// Why the access token that is stored does for no call, whenever it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoToken {
    /// The provider answered 401 to it.
    Refused,
    /// There is none, although calls need one.
    Lacking,
}

impl NoToken {
    /// The cause as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Lacking => "none",
        }
    }

    /// The cause of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Refused, Self::Lacking].into_iter().find(|one| one.as_str() == word)
    }
}

/// What is stored of an account's tokens where the last refresh failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedRefresh {
    /// Since when refreshes fail.
    pub since: Timestamp,
    /// How the last one did; none where nobody was asked.
    pub class: Option<Class>,
    /// The same in words.
    pub message: String,
    /// When the access token ends, if it is known.
    pub expires_at: Option<Timestamp>,
    /// Why it does for no call before that.
    pub no_token: Option<NoToken>,
    /// When the hub tries next by itself.
    pub next_try: Option<Timestamp>,
}

impl FailedRefresh {
    /// Whether the client of the auth config was refused, which all of its accounts share.
    #[must_use]
    pub fn is_of_auth_config(&self) -> bool {
        self.class == Some(Class::Configuration)
    }

    /// Whether a call is told of the last failure. Where a try is due, the call makes it, and nobody
    /// knows what comes of that.
    #[must_use]
    pub fn waits(&self, now: Timestamp) -> bool {
        self.next_try.is_none_or(|next| next > now)
    }

    /// Since when no call can be made; `None` where one can, or tries to get new tokens first.
    #[must_use]
    pub fn unusable_since(&self, now: Timestamp) -> Option<Timestamp> {
        let ended = self.expires_at.filter(|end| *end <= now);
        let since = match (self.no_token, ended) {
            (Some(_), _) => self.since,
            (None, Some(end)) => end.max(self.since),
            (None, None) => return None,
        };
        self.waits(now).then_some(since)
    }

    /// What is the case.
    #[must_use]
    pub fn told(&self, now: Timestamp) -> String {
        let why = &self.message;
        let ended = self.expires_at.filter(|end| *end <= now);
        let mut told = match (self.no_token, ended) {
            (Some(NoToken::Lacking), _) => format!("it has no access token, and gets none: {why}"),
            (_, Some(end)) => {
                format!("its access token ended at {end} and can't be renewed: {why}")
            }
            (Some(NoToken::Refused), None) => {
                format!("the provider refuses its access token, which can't be renewed: {why}")
            }
            (None, None) => format!("its tokens can't be renewed: {why}"),
        };
        if self.is_of_auth_config() {
            told.push_str("; it is so for all accounts of its auth config");
        }
        told
    }
}

/// Why an account can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// Stable code: that of the status reason, the status itself, or [`REFRESH_FAILING`].
    pub code: String,
    /// What is the case.
    pub cause: String,
    /// Since when, if it is known.
    pub since: Option<Timestamp>,
}

impl Unusable {
    /// Why an account of this status can't be used, by its reasons and by its tokens where they
    /// could not be renewed; `None` where it can.
    #[must_use]
    pub fn of(
        status: Status,
        reasons: &[StatusReason],
        tokens: Option<&FailedRefresh>,
        now: Timestamp,
    ) -> Option<Self> {
        let Some(cause) = status.obstacle() else {
            let tokens = tokens?;
            let since = Some(tokens.unusable_since(now)?);
            return Some(Self { code: REFRESH_FAILING.to_owned(), cause: tokens.told(now), since });
        };
        let reason = status.reason(reasons);
        Some(Self {
            code: reason
                .and_then(|reason| reason.code.clone())
                .unwrap_or_else(|| status.as_str().to_owned()),
            cause: reason
                .and_then(|reason| reason.description.clone())
                .unwrap_or_else(|| cause.to_owned()),
            since: reason.map(|reason| reason.timestamp),
        })
    }
}

impl Status {
    /// What keeps an account of this status from being used; `None` for an active one.
    #[must_use]
    pub const fn obstacle(self) -> Option<&'static str> {
        match self {
            Self::Active => None,
            Self::Inactive => Some("its auth config is disabled"),
            Self::Suspended => Some("an administrator suspended it"),
            Self::Archived => Some("an administrator archived it"),
            Self::Expired => Some("its credentials ran out"),
            Self::Error => Some("the provider refuses its credentials"),
        }
    }

    /// Whether an account of this status that can't be used needs somebody to look at it: an
    /// administrator wanted the others to be as they are.
    #[must_use]
    pub const fn needs_attention(self) -> bool {
        matches!(self, Self::Active | Self::Expired | Self::Error)
    }

    /// Which of an account's reasons is that of the status it shows: one that is held keeps those
    /// from before.
    #[must_use]
    pub fn reason(self, reasons: &[StatusReason]) -> Option<&StatusReason> {
        let is_disabled = |reason: &&StatusReason| reason.code.as_deref() == Some(REASON_DISABLED);
        match self {
            Self::Active => None,
            Self::Inactive => reasons.iter().rfind(is_disabled),
            Self::Suspended => reasons.iter().rfind(|reason| is_hold_reason(reason)),
            Self::Archived => reasons.iter().rfind(|reason| !is_disabled(reason)),
            Self::Expired | Self::Error => {
                reasons.iter().rfind(|reason| !is_hold_reason(reason) && !is_disabled(reason))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::{REASON_SUSPENDED, disabled_reason};

    const T: fn(i64) -> Timestamp = |seconds| Timestamp::from_millis(seconds * 1000);

    fn tokens(
        expires_at: Option<i64>,
        no_token: Option<NoToken>,
        next_try: Option<i64>,
    ) -> FailedRefresh {
        FailedRefresh {
            since: T(100),
            class: Some(Class::Transient),
            message: "503".to_owned(),
            expires_at: expires_at.map(T),
            no_token,
            next_try: next_try.map(T),
        }
    }

    fn reason(code: &str, at: i64) -> StatusReason {
        StatusReason { timestamp: T(at), code: Some(code.to_owned()), description: None }
    }

    #[test]
    fn oa_13_tokens_that_can_not_be_renewed_stand_in_the_way_once_they_do_for_no_call() {
        let since = |tokens: FailedRefresh| tokens.unusable_since(T(200));
        // The token still does, or nobody knows when it ends.
        assert_eq!(since(tokens(Some(201), None, Some(300))), None);
        assert_eq!(since(tokens(None, None, Some(300))), None);
        // It has ended, before the first failure or after it.
        assert_eq!(since(tokens(Some(50), None, Some(300))), Some(T(100)));
        assert_eq!(since(tokens(Some(200), None, None)), Some(T(200)));
        // The provider refuses it, or there is none.
        for no_token in [NoToken::Refused, NoToken::Lacking] {
            assert_eq!(since(tokens(Some(900), Some(no_token), Some(300))), Some(T(100)));
            assert_eq!(since(tokens(None, Some(no_token), Some(200))), None, "a try is due");
        }
    }

    #[test]
    fn oa_14_what_is_told_names_what_does_not_work_and_whom_it_concerns() {
        let told = |tokens: &FailedRefresh| tokens.told(T(200));
        assert!(told(&tokens(Some(50), Some(NoToken::Refused), None)).contains("ended at"));
        let refused = FailedRefresh {
            class: Some(Class::Configuration),
            ..tokens(Some(900), Some(NoToken::Refused), None)
        };
        let text = "the provider refuses its access token, which can't be renewed: 503; it is so \
                    for all accounts of its auth config";
        assert_eq!(told(&refused), text);
        assert!(!told(&tokens(Some(900), None, None)).contains("auth config"));
    }

    #[test]
    fn an_account_is_unusable_for_the_reason_of_the_status_that_it_shows() {
        let reasons =
            [reason("credentials_refused", 1), reason(REASON_SUSPENDED, 2), disabled_reason(T(3))];
        let why = |status: Status| Unusable::of(status, &reasons, None, T(9));
        assert_eq!(why(Status::Active), None);
        for (status, code, since) in [
            (Status::Suspended, REASON_SUSPENDED, 2),
            (Status::Inactive, REASON_DISABLED, 3),
            (Status::Error, "credentials_refused", 1),
        ] {
            let found = why(status).unwrap();
            assert_eq!((&*found.code, found.since), (code, Some(T(since))), "{status:?}");
        }
        let bare = Unusable::of(Status::Error, &[], None, T(9)).unwrap();
        assert_eq!((&*bare.code, bare.since), ("error", None));
        assert_eq!(bare.cause, "the provider refuses its credentials");
    }

    #[test]
    fn an_active_account_is_unusable_where_its_tokens_are() {
        let ended = tokens(Some(50), None, None);
        let found = Unusable::of(Status::Active, &[], Some(&ended), T(200)).unwrap();
        assert_eq!((&*found.code, found.since), (REFRESH_FAILING, Some(T(100))));
        assert!(found.cause.contains("503"));
        let good = tokens(Some(900), None, None);
        assert_eq!(Unusable::of(Status::Active, &[], Some(&good), T(200)), None);
        // Whoever holds it says more.
        let held = Unusable::of(Status::Suspended, &[], Some(&ended), T(200)).unwrap();
        assert_eq!(&*held.code, "suspended");
    }
}
