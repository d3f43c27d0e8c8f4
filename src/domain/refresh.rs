//! When tokens are renewed, how long to wait after a failure, and what a failure means for the
//! account (OA-13 to OA-15).

use std::collections::BTreeMap;

use super::account::{Account, Decided, Status, StatusReason};
use super::connector::{AuthKind, AuthMethod};
use super::credentials::{ACCESS_TOKEN, REFRESH_TOKEN, Tokens};
use super::provider_failure::{Class, ProviderFailure};
use super::secret::Secret;
use super::time::Timestamp;

/// A token that ends within this time is not used for a call any more, in milliseconds.
const CALL_MARGIN_MS: i64 = 60_000;
/// How long before its end the worker renews a token, in milliseconds.
const WORKER_MARGIN_MS: i64 = 300_000;
/// The worker renews no token sooner after it was got than this, in milliseconds: who gives out the
/// same token until its end would be asked ever faster.
const WORKER_REST_MS: i64 = 30_000;
/// First and longest wait after a failure that may pass, in milliseconds.
const WAIT_MS: (i64, i64) = (60_000, 3_600_000);
/// A provider that asks for more patience than this is asked again all the same, in milliseconds.
const LONGEST_PATIENCE_MS: i64 = 86_400_000;

/// How soon a call may try again after a first failure, in milliseconds.
const FIRST_CALL_WAIT_MS: i64 = 2_000;

/// How long a refresh may take before another one takes over, in seconds. A provider has less time
/// to answer, so that whoever takes over finds nobody at it but who was cut off.
pub const LEASE_S: i64 = 60;

/// Code of the reason that refused credentials leave on their account.
pub const REASON_REFUSED: &str = "credentials_refused";
/// Code of the reason where an answer with the next refresh token may have been lost.
pub const REASON_LOST: &str = "refresh_answer_lost";
/// Code of the reason where tokens were revoked for a deletion that came to no end.
pub const REASON_REVOKED: &str = "tokens_revoked";

/// Tokens that were renewed less than this ago are not renewed because a call was refused, in
/// milliseconds: newer ones would be refused as well.
const CALL_REST_MS: i64 = 15_000;

/// How often a call's 401 makes the hub ask about credentials that nothing renews, in milliseconds:
/// who calls by the thousand is refused by the thousand.
const DOUBT_REST_MS: i64 = 300_000;

/// Whether the account's tokens can be renewed without its end user.
#[must_use]
pub fn can_renew(method: &AuthMethod, secrets: &BTreeMap<String, Secret>) -> bool {
    let has = |name| secrets.get(name).is_some_and(|token| !token.expose().is_empty());
    if method.needs_browser() {
        return method.refresh && has(REFRESH_TOKEN);
    }
    // No field may have this name: where it is kept, the hub has got it by itself.
    has(ACCESS_TOKEN)
}

/// Whether the hub gets tokens for the account by itself.
#[must_use]
pub fn obtains(method: &AuthMethod) -> bool {
    !method.needs_browser()
        && (method.kind == AuthKind::OAuth2ClientCredentials || method.token_request.is_some())
}

/// Whether a call may ask for new tokens again at `now`, after the `failures`th failure in a row at
/// `failed_at`. Calls are less patient than the worker, since somebody waits for them, but they
/// don't storm a provider that is down either. A failure further ahead than it is waited for was
/// before the clock was set back.
#[must_use]
pub fn call_may_try(
    failed_at: Timestamp,
    failures: u32,
    retry_at: Option<Timestamp>,
    now: Timestamp,
) -> bool {
    let wait = FIRST_CALL_WAIT_MS.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let wait = wait.min(CALL_MARGIN_MS);
    let past = now.millis_since(failed_at);
    past <= -wait || (past >= wait && retry_at.is_none_or(|wanted| now >= wanted))
}

/// Until when a lease may last that somebody has taken by `now`, where their clock is ahead by no
/// more than a lease lasts. A later end is from before the clock was set back.
#[must_use]
pub fn latest_lease(now: Timestamp) -> Timestamp {
    now.plus_seconds(2 * LEASE_S)
}

/// Whether somebody is at what is leased until then.
#[must_use]
pub fn is_leased(until: Timestamp, now: Timestamp) -> bool {
    until > now && until <= latest_lease(now)
}

/// Whether tokens were got at an instant that is yet to come, by more than the clocks of hubs
/// differ. The clock was set back since, and nobody knows any more when they end.
#[must_use]
pub fn is_yet_to_come(got_at: Timestamp, now: Timestamp) -> bool {
    got_at > now.plus_seconds(LEASE_S)
}

/// Whether a token that was got at `got_at` and ends at `end` must be renewed before a call. Of a
/// short life at most a fifth is given away.
#[must_use]
pub fn is_stale(got_at: Timestamp, end: Timestamp, now: Timestamp) -> bool {
    now >= before(got_at, end, CALL_MARGIN_MS) || is_yet_to_come(got_at, now)
}

/// Whether tokens were renewed so short a time ago that a call's 401 is not for want of newer ones.
/// The clocks of hubs differ a little, to either side.
#[must_use]
pub const fn were_just_renewed(got_at: Timestamp, now: Timestamp) -> bool {
    now.millis_since(got_at).abs() < CALL_REST_MS
}

/// Whether a call's 401 is a reason to ask about credentials that nothing renews, which was last
/// done at `doubted_at`. An instant further ahead is from before the clock was set back.
#[must_use]
pub fn may_doubt(doubted_at: Option<Timestamp>, now: Timestamp) -> bool {
    doubted_at.is_none_or(|at| now.millis_since(at).abs() >= DOUBT_REST_MS)
}

/// Whether the light call shows that a call's 401 was meant for the credentials. A 403 may be for
/// want of a right that they never had.
#[must_use]
pub fn confirms_401(failure: &ProviderFailure) -> bool {
    is_final(failure) && failure.status != Some(403)
}

/// Whether a token that was answered 401 does for no call, now that it can't be renewed like this.
/// What passes is no verdict: the 401 may have been for another reason than the token.
#[must_use]
pub const fn confirms_refusal(failure: &ProviderFailure) -> bool {
    !matches!(failure.class, Class::Transient)
}

/// When the worker renews a token that was got at `got_at` and ends at `end`.
#[must_use]
pub fn due(got_at: Timestamp, end: Timestamp) -> Timestamp {
    before(got_at, end, WORKER_MARGIN_MS)
}

fn before(got_at: Timestamp, end: Timestamp, margin_ms: i64) -> Timestamp {
    let life = end.millis_since(got_at).max(0);
    Timestamp::from_millis(end.as_millis() - margin_ms.min(life / 5))
}

/// When tokens got at `now` are due: before the access token or the refresh token ends, but not at
/// once. Of what ends sooner, calls get a new one.
#[must_use]
pub fn due_of(tokens: &Tokens, now: Timestamp) -> Option<Timestamp> {
    let ends = [tokens.expires_at, tokens.refresh_expires_at];
    let first = ends.into_iter().flatten().map(|end| due(now, end)).min()?;
    Some(first.max(Timestamp::from_millis(now.as_millis() + WORKER_REST_MS)))
}

/// Whether an administrator has to mend something before it can work.
#[must_use]
pub const fn needs_mending(class: Class) -> bool {
    matches!(class, Class::Configuration | Class::Blocked | Class::Foreign)
}

/// When to try again after the `failures`th failure in a row; `jitter` is 0 to 255 and spreads
/// those that failed together by a fifth to both sides.
#[must_use]
pub fn next_try(failure: &ProviderFailure, failures: u32, jitter: u8, now: Timestamp) -> Timestamp {
    let (first, longest) = WAIT_MS;
    let wait = match needs_mending(failure.class) {
        true => longest,
        false => first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest),
    };
    let spread = wait * (i64::from(jitter) - 128) / 640;
    let at = Timestamp::from_millis(now.as_millis() + wait + spread);
    let patience = Timestamp::from_millis(now.as_millis() + LONGEST_PATIENCE_MS);
    failure.retry_at.map_or(at, |wanted| wanted.min(patience).max(at))
}

/// Whether a failure is the end of the account's credentials (OA-14).
#[must_use]
pub fn is_final(failure: &ProviderFailure) -> bool {
    failure.class == Class::Refused
}

/// What a failure says of an account whose credentials were asked about. An address at which they
/// worked before is not wrong because something else answers there for a while.
#[must_use]
pub fn of_account(account: &Account, failure: ProviderFailure) -> ProviderFailure {
    if !failure.is_elsewhere || !is_final(&failure) || account.verified_at.is_none() {
        return failure;
    }
    let message = format!("{}; it has worked before, and this may pass", failure.message);
    ProviderFailure { class: Class::Transient, message, ..failure }
}

/// What a refused refresh makes of its account. `was_lost` tells that an answer to an earlier
/// refresh never arrived: a provider that gives out each refresh token once then refuses the old
/// one, and nobody is to blame.
#[must_use]
pub fn refused(
    account: Account,
    failure: &ProviderFailure,
    was_lost: bool,
    now: Timestamp,
) -> Decided {
    let (code, description) = if was_lost {
        let text = "the hub was cut off while it renewed the tokens, and the provider does not \
                    accept the old ones any more: link the account again";
        (REASON_LOST, text.to_owned())
    } else {
        (REASON_REFUSED, failure.message.clone())
    };
    account.credentials_refused(reason(code, description, now), now)
}

/// What becomes of an account whose tokens were revoked and that could not be deleted then: calls
/// would fail, and nobody would know why.
#[must_use]
pub fn revoked(account: Account, now: Timestamp) -> Decided {
    let text = "its tokens were revoked so that it could be deleted, and then the store failed: \
                delete the account again, or link it again";
    account.credentials_refused(reason(REASON_REVOKED, text.to_owned(), now), now)
}

fn reason(code: &str, description: String, now: Timestamp) -> StatusReason {
    let (code, description) = (Some(code.to_owned()), Some(description));
    StatusReason { timestamp: now, code, description }
}

/// AT-7: of these statuses, working credentials make `active`.
pub const CURED: [Status; 2] = [Status::Error, Status::Expired];

impl Account {
    /// AT-5: its credentials are refused. One that is inactive stays so, since enabling its auth
    /// config would hide the refusal; the next call finds it out again.
    #[must_use]
    pub fn credentials_refused(self, reason: StatusReason, now: Timestamp) -> Decided {
        if self.status == Status::Inactive || self.status == Status::Error {
            return Decided { after: self, changed: false };
        }
        let mut after = self;
        after.reasons.retain(|reason| !is_credential_reason(reason));
        after.status = Status::Error;
        after.reasons.push(reason);
        after.verified_at = None;
        after.updated_at = now;
        Decided { after, changed: true }
    }

    /// AT-7: its credentials work: an account of a [`CURED`] status is active again, and its
    /// reasons are cleared.
    #[must_use]
    pub fn credentials_work(self, now: Timestamp) -> Decided {
        if !CURED.contains(&self.status) {
            return Decided { after: self, changed: false };
        }
        let mut after = self;
        after.reasons.retain(|reason| !is_credential_reason(reason));
        after.status = Status::Active;
        after.updated_at = now;
        Decided { after, changed: true }
    }
}

fn is_credential_reason(reason: &StatusReason) -> bool {
    let holds = [super::account::REASON_SUSPENDED, super::account::REASON_DISABLED];
    !reason.code.as_deref().is_some_and(|code| holds.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: fn(i64) -> Timestamp = |seconds| Timestamp::from_millis(seconds * 1000);

    fn failure(class: Class, retry_at: Option<Timestamp>) -> ProviderFailure {
        let message = "invalid_grant".to_owned();
        ProviderFailure::new(class, message).with_status(400).retry_at(retry_at)
    }

    fn wait(class: Class, failures: u32, jitter: u8) -> i64 {
        next_try(&failure(class, None), failures, jitter, T(0)).as_millis() / 1000
    }

    #[test]
    fn a_token_is_renewed_a_minute_before_its_end_and_a_short_one_in_its_last_fifth() {
        assert!(!is_stale(T(0), T(3600), T(3539)) && is_stale(T(0), T(3600), T(3540)));
        assert!(!is_stale(T(0), T(5), T(3)) && is_stale(T(0), T(5), T(4)));
        assert!(is_stale(T(10), T(5), T(10)));
        assert_eq!((due(T(0), T(3600)), due(T(0), T(100))), (T(3300), T(80)));
    }

    #[test]
    fn oa_13_tokens_that_were_just_renewed_are_not_to_blame_for_a_401() {
        assert!(were_just_renewed(T(100), T(100)) && were_just_renewed(T(100), T(114)));
        assert!(!were_just_renewed(T(100), T(115)));
        // Another hub's clock is ahead, or was set back since.
        assert!(were_just_renewed(T(100), T(95)) && !were_just_renewed(T(9000), T(100)));
    }

    #[test]
    fn at_5_a_401_is_looked_into_once_in_a_while_and_a_403_is_no_proof() {
        assert!(may_doubt(None, T(1000)) && may_doubt(Some(T(700)), T(1000)));
        assert!(!may_doubt(Some(T(701)), T(1000)) && !may_doubt(Some(T(1299)), T(1000)));
        assert!(may_doubt(Some(T(1300)), T(1000)), "the clock was set back");
        for (class, status, is) in [
            (Class::Refused, 401, true),
            (Class::Refused, 400, true),
            (Class::Refused, 403, false),
            (Class::Transient, 401, false),
        ] {
            let failure = ProviderFailure::new(class, "no").with_status(status);
            assert_eq!(confirms_401(&failure), is, "{failure:?}");
        }
    }

    #[test]
    fn the_refresh_token_must_not_end_unused_either() {
        let mut tokens = Tokens {
            access_token: Secret::new("a"),
            refresh_token: None,
            expires_at: None,
            refresh_expires_at: None,
            scope: None,
            captured: BTreeMap::new(),
        };
        assert_eq!(due_of(&tokens, T(0)), None);
        tokens.refresh_expires_at = Some(T(100));
        assert_eq!(due_of(&tokens, T(0)), Some(T(80)));
        tokens.expires_at = Some(T(50));
        assert_eq!(due_of(&tokens, T(0)), Some(T(40)));
    }

    #[test]
    fn oa_13_a_token_whose_life_is_counted_down_is_not_asked_for_ever_faster() {
        let (end, mut now, mut asked) = (T(3600), T(0), 0);
        while now < end {
            let tokens = Tokens {
                access_token: Secret::new("the same"),
                refresh_token: None,
                expires_at: Some(end),
                refresh_expires_at: None,
                scope: None,
                captured: BTreeMap::new(),
            };
            let next = due_of(&tokens, now).unwrap();
            assert!(next.millis_since(now) >= 30_000, "{now} {next}");
            (now, asked) = (next, asked + 1);
        }
        assert!(asked < 10, "{asked}");
    }

    #[test]
    fn waits_grow_from_a_minute_to_an_hour_and_spread() {
        let transient: Vec<i64> = (1..=9).map(|n| wait(Class::Transient, n, 128)).collect();
        assert_eq!(transient, [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
        assert_eq!(wait(Class::Transient, u32::MAX, 128), 3600);
        assert_eq!(wait(Class::Configuration, 1, 128), 3600);
        assert!((48..60).contains(&wait(Class::Transient, 1, 0)));
        assert!((60..=72).contains(&wait(Class::Transient, 1, 255)));
    }

    #[test]
    fn a_provider_that_asks_for_patience_gets_it_within_a_day() {
        let at = |retry_at| next_try(&failure(Class::Transient, Some(retry_at)), 1, 128, T(0));
        assert_eq!(at(T(1)), T(60));
        assert_eq!(at(T(7200)), T(7200));
        assert_eq!(at(T(9_999_999)), T(86_400));
    }

    #[test]
    fn calls_do_not_storm_a_provider_that_is_down() {
        let may = |failures, seconds: i64| call_may_try(T(100), failures, None, T(100 + seconds));
        assert!(!may(1, 1) && may(1, 2) && !may(3, 7) && may(3, 8) && may(99, 60));
        assert!(!call_may_try(T(100), 1, Some(T(900)), T(899)));
        assert!(call_may_try(T(100), 1, Some(T(900)), T(900)));
    }

    #[test]
    fn what_was_before_the_clock_was_set_back_holds_nobody_up() {
        assert!(call_may_try(T(9000), 1, None, T(100)));
        assert!(call_may_try(T(9000), 99, Some(T(9900)), T(100)));
        // Clocks of hubs differ a little.
        assert!(!call_may_try(T(101), 1, None, T(100)));
        assert!(is_leased(T(160), T(100)) && is_leased(T(220), T(100)));
        assert!(is_stale(T(7200), T(10_800), T(0)) && !is_stale(T(60), T(3660), T(0)));
        assert!(!is_leased(T(100), T(100)) && !is_leased(T(221), T(100)));
    }

    #[test]
    fn oa_14_only_a_refusal_ends_credentials() {
        for class in [
            Class::Configuration,
            Class::Transient,
            Class::Blocked,
            Class::Foreign,
            Class::BadAnswer,
        ] {
            assert!(!is_final(&failure(class, None)));
        }
        assert!(is_final(&failure(Class::Refused, None)));
    }
}
