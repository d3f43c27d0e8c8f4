//! Connection attempts: how long a login may take, that an end stays an end (OA-3 to OA-9), and how
//! many a session can have.

use super::connect_session::LONGEST_LIFE_S;
use super::ids::{AccountId, AttemptId, AuthConfigId};
use super::time::Timestamp;

/// How long an end user may take at the provider, in seconds (OA-9).
pub const LIFE_S: i64 = 600;
/// How long the hub may take after they came back, in seconds.
pub const FINISHING_S: i64 = 120;
/// Logins that a session may have under way at once; one more takes the place of the oldest.
pub const OPEN_LIMIT: usize = 8;
/// The newest attempts of a session that stay, however they ended.
pub const KEPT_LIMIT: usize = 64;
/// How long an attempt stays after its life, in seconds: its session may show it for as long as it
/// is open (CS-38).
pub const KEPT_S: i64 = LONGEST_LIFE_S;

/// How an attempt ended, or that it did not yet (OA-3, OA-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptState {
    /// The end user is on the way.
    Pending,
    /// The account is stored (OA-5).
    Authenticated {
        /// The account.
        account: AccountId,
    },
    /// It failed.
    Failed {
        /// The provider's code, or one of the hub's.
        code: String,
        /// Words for people.
        description: Option<String>,
    },
    /// The end user gave up.
    Cancelled,
    /// Nobody came back in time (OA-9).
    Expired,
}

impl AttemptState {
    /// The wire's word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Authenticated { .. } => "authenticated",
            Self::Failed { .. } => "error",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Whether it failed; who leaves or never comes back has not.
    #[must_use]
    pub const fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

/// A connection attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// The auth config, once the login began.
    pub auth_config: Option<AuthConfigId>,
    /// Where it stands.
    pub state: AttemptState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Until when the end user may come back.
    pub expires_at: Timestamp,
    /// When they did, and the hub began to finish the login.
    pub claimed_at: Option<Timestamp>,
}

impl Attempt {
    /// A new one (OA-3).
    #[must_use]
    pub fn new(id: AttemptId, now: Timestamp) -> Self {
        Self {
            id,
            auth_config: None,
            state: AttemptState::Pending,
            created_at: now,
            updated_at: now,
            expires_at: now.plus_seconds(LIFE_S),
            claimed_at: None,
        }
    }

    /// The same as it stands at `now`: a pending one whose time is over has expired (OA-9).
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        let end = self.claimed_at.map_or(self.expires_at, |at| at.plus_seconds(FINISHING_S));
        if self.state != AttemptState::Pending || now < end {
            return self;
        }
        Self { state: AttemptState::Expired, updated_at: end, ..self }
    }

    /// Whether it has not ended at `now`.
    #[must_use]
    pub fn is_pending(&self, now: Timestamp) -> bool {
        self.clone().at(now).state == AttemptState::Pending
    }

    /// Whether it has ended or its end user came back, so that nobody else can: it stays so.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.claimed_at.is_some() || self.state != AttemptState::Pending
    }

    /// Whether a login may begin or come back with it at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.claimed_at.is_none() && self.is_pending(now)
    }
}

/// What becomes of an attempt when its session gets another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is as it was.
    Stays,
    /// It ends, since others were begun after it.
    Superseded,
    /// It is forgotten.
    Goes,
}

/// What becomes of each of a session's attempts, the newest first, when it gets another one at
/// `now`: whoever holds a link can begin as many logins as they like, and make the hub keep only
/// [`KEPT_LIMIT`] of them, and what [`OPEN_LIMIT`] of them need. One that is under way is never
/// forgotten.
#[must_use]
pub fn make_room(newest_first: &[Attempt], now: Timestamp) -> Vec<Fate> {
    // The new one is the first of both.
    let mut open = 1;
    let fate = |(attempt, newer): (&Attempt, usize)| {
        let is_pending = attempt.is_pending(now);
        if is_pending && open < OPEN_LIMIT {
            open += 1;
            return Fate::Stays;
        }
        match (newer < KEPT_LIMIT, is_pending) {
            (false, _) => Fate::Goes,
            (true, true) => Fate::Superseded,
            (true, false) => Fate::Stays,
        }
    };
    newest_first.iter().zip(1..).map(fate).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        Attempt, AttemptState, FINISHING_S, Fate, KEPT_LIMIT, LIFE_S, OPEN_LIMIT, make_room,
    };
    use crate::domain::time::Timestamp;

    const T: fn(i64) -> Timestamp = |seconds| Timestamp::from_millis(seconds * 1000);

    fn attempt() -> Attempt {
        Attempt::new("a".parse().unwrap(), T(0))
    }

    #[test]
    fn oa_3_oa_9_an_attempt_is_pending_for_ten_minutes_and_expired_then() {
        assert_eq!(LIFE_S, 600);
        assert!(attempt().is_open(T(599)) && !attempt().is_open(T(600)));
        let over = attempt().at(T(4000));
        assert_eq!((over.state, over.updated_at), (AttemptState::Expired, T(600)));
    }

    #[test]
    fn who_came_back_in_time_is_finished_but_not_for_ever() {
        let claimed = Attempt { claimed_at: Some(T(599)), ..attempt() };
        assert!(!claimed.is_open(T(599)) && claimed.is_pending(T(600)));
        assert!(claimed.is_used() && !attempt().is_used());
        assert!(!claimed.is_pending(T(599 + FINISHING_S)));
    }

    #[test]
    fn oa_4_an_end_never_changes() {
        for state in [
            AttemptState::Authenticated { account: "x".parse().unwrap() },
            AttemptState::Failed { code: "access_denied".to_owned(), description: None },
            AttemptState::Cancelled,
            AttemptState::Expired,
        ] {
            let ended = Attempt { state, ..attempt() };
            assert_eq!(ended.clone().at(T(9999)), ended);
        }
    }

    #[test]
    fn one_more_login_takes_the_place_of_the_oldest() {
        let under_way = vec![attempt(); OPEN_LIMIT + 1];
        let fates = |all: &[Attempt], at| make_room(all, T(at));
        assert_eq!(fates(&under_way[..OPEN_LIMIT - 1], 1), [Fate::Stays; OPEN_LIMIT - 1]);
        let [stay @ .., oldest, second_oldest] = &fates(&under_way, 1)[..] else { panic!() };
        assert_eq!(stay, [Fate::Stays; OPEN_LIMIT - 1]);
        assert_eq!([oldest, second_oldest], [&Fate::Superseded; 2]);
        // OA-4: those whose time is over have ended before.
        assert_eq!(fates(&under_way, LIFE_S), [Fate::Stays; OPEN_LIMIT + 1]);
    }

    #[test]
    fn what_has_ended_is_forgotten_in_the_end_and_what_is_under_way_is_not() {
        let mut all = vec![Attempt { state: AttemptState::Cancelled, ..attempt() }; KEPT_LIMIT];
        all.push(attempt());
        let fates = make_room(&all, T(1));
        assert_eq!(fates[..KEPT_LIMIT - 1], [Fate::Stays; KEPT_LIMIT - 1]);
        assert_eq!(fates[KEPT_LIMIT - 1..], [Fate::Goes, Fate::Stays]);
    }
}
