//! How often: requests of one key, what one link sends in, and failed guesses from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::domain::ids::SessionId;

/// Wrong keys, tokens or states that one address may send in a row; one more each six seconds.
const GUESSES: NonZeroU32 = NonZeroU32::new(20).unwrap();
const GUESSES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// Addresses that are counted apart; above, newcomers share one account.
const ADDRESSES: usize = 16_384;

/// What one link may send in that leads to a provider or keeps something: so many in a row, and as
/// many a minute.
const SUBMISSIONS: NonZeroU32 = NonZeroU32::new(30).unwrap();
/// Of one link at once.
const SUBMISSIONS_AT_ONCE: usize = 4;
/// Seconds after which one of those may have ended.
const SUBMISSION_WAIT_S: WaitS = 1;

/// Lists that are read at once. Each holds a connection to the store for as long as its client
/// takes; the smallest pool has sixteen.
const LISTS: usize = 12;
/// Those of one key, so that one client can't hold up the lists of all.
const LISTS_OF_KEY: usize = 4;
/// How long a list waits for its turn.
const LIST_WAIT: Duration = Duration::from_secs(20);
/// Lists whose clients keep them waiting for long.
const SLOW_LISTS: usize = 6;

/// The lists that are being read.
pub(super) struct Lists {
    all: Arc<Semaphore>,
    keys: Mutex<HashMap<i64, Arc<Semaphore>>>,
    slow: Arc<SlowLists>,
}

/// The turn of a list, until it is dropped.
pub(super) struct Turn(#[expect(dead_code, reason = "held, not used")] [OwnedSemaphorePermit; 2]);

impl Default for Lists {
    fn default() -> Self {
        let all = Arc::new(Semaphore::new(LISTS));
        Self { all, keys: Mutex::default(), slow: Arc::default() }
    }
}

impl Lists {
    /// Waits for the turn of a list, by its key's number; none where that takes too long.
    pub(super) async fn turn(&self, key: i64) -> Option<Turn> {
        let of_key = {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(Semaphore::new(LISTS_OF_KEY));
            Arc::clone(keys.entry(key).or_insert_with(new))
        };
        let both = async {
            let own = of_key.acquire_owned().await.ok()?;
            let place = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Turn([own, place]))
        };
        timeout(LIST_WAIT, both).await.ok().flatten()
    }

    /// Those that their clients keep waiting.
    pub(super) fn slow(&self) -> Arc<SlowLists> {
        Arc::clone(&self.slow)
    }

    fn tidy(&self) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever waits or reads holds it as well.
        keys.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
    }
}

/// The lists whose clients keep them waiting.
#[derive(Debug, Default)]
pub(super) struct SlowLists(AtomicUsize);

/// One of them, until it is dropped.
pub(super) struct SlowList<'a>(&'a SlowLists);

impl SlowLists {
    /// A place among them, if there is one.
    pub(super) fn enter(&self) -> Option<SlowList<'_>> {
        let one_more = |count| (count < SLOW_LISTS).then_some(count + 1);
        let entered = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        entered.ok().map(|_| SlowList(self))
    }
}

impl Drop for SlowList<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What end users send in, by their session: a link must not become a way to try out other people's
/// credentials, or to keep the hub and its providers busy (threats 8 and 37).
struct Submissions {
    often: DefaultKeyedRateLimiter<SessionId>,
    prepared: DefaultKeyedRateLimiter<SessionId>,
    at_once: Mutex<HashMap<SessionId, Arc<Semaphore>>>,
}

/// What of it is counted together.
#[derive(Debug, Clone, Copy)]
pub(super) enum Count {
    /// What leads to a provider or keeps something.
    Submissions,
    /// Logins that the component prepares: each is sent in once more when it begins.
    Preparations,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Submission(#[expect(dead_code, reason = "held, not used")] OwnedSemaphorePermit);

impl Default for Submissions {
    fn default() -> Self {
        let [often, prepared] =
            [(); 2].map(|()| RateLimiter::keyed(Quota::per_minute(SUBMISSIONS)));
        Self { often, prepared, at_once: Mutex::default() }
    }
}

impl Submissions {
    /// One more that is under way; none where its session has as many.
    fn enter(&self, session: SessionId) -> Option<Submission> {
        let mut sessions = self.at_once.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Semaphore::new(SUBMISSIONS_AT_ONCE));
        let of_session = Arc::clone(sessions.entry(session).or_insert_with(new));
        of_session.try_acquire_owned().ok().map(Submission)
    }

    fn tidy(&self) {
        let mut sessions = self.at_once.lock().unwrap_or_else(PoisonError::into_inner);
        // What is under way holds it as well.
        sessions.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        for counted in [&self.often, &self.prepared] {
            counted.retain_recent();
            counted.shrink_to_fit();
        }
    }
}

/// Seconds after which another attempt has a chance.
pub(super) type WaitS = u64;

/// The limits of a running hub.
pub(super) struct Limits {
    clock: DefaultClock,
    keys: Option<DefaultKeyedRateLimiter<i64>>,
    guesses: DefaultKeyedRateLimiter<IpAddr>,
    addresses: AtomicUsize,
    lists: Lists,
    submissions: Submissions,
}

impl Limits {
    /// `per_minute` requests of each key; 0 is no limit (KP-5).
    pub(super) fn new(per_minute: u32) -> Self {
        let keys = NonZeroU32::new(per_minute).map(Quota::per_minute).map(RateLimiter::keyed);
        let guesses = Quota::per_minute(GUESSES_PER_MINUTE).allow_burst(GUESSES);
        Self {
            clock: DefaultClock::default(),
            keys,
            guesses: RateLimiter::keyed(guesses),
            addresses: AtomicUsize::new(0),
            lists: Lists::default(),
            submissions: Submissions::default(),
        }
    }

    pub(super) fn lists(&self) -> &Lists {
        &self.lists
    }

    /// Counts a request of a key, by the key's number.
    pub(super) fn request(&self, key: i64) -> Result<(), WaitS> {
        let Some(keys) = &self.keys else { return Ok(()) };
        keys.check_key(&key).map_err(|refused| self.wait(&refused))
    }

    /// Counts what somebody with a link sends in; to be held until it is answered.
    pub(super) fn sent_in(&self, session: SessionId, count: Count) -> Result<Submission, WaitS> {
        let under_way = self.submissions.enter(session).ok_or(SUBMISSION_WAIT_S)?;
        let counted = match count {
            Count::Submissions => &self.submissions.often,
            Count::Preparations => &self.submissions.prepared,
        };
        let counted = counted.check_key(&session);
        counted.map(|()| under_way).map_err(|refused| self.wait(&refused))
    }

    /// Counts a wrong key, token or state (threat 8). A right one is never held against its sender:
    /// many may share an address.
    pub(super) fn wrong_guess(&self, source: IpAddr) -> Result<(), WaitS> {
        let mut source = network(source);
        if self.addresses.load(Ordering::Relaxed) >= ADDRESSES {
            source = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        }
        let checked = self.guesses.check_key(&source);
        self.addresses.store(self.guesses.len(), Ordering::Relaxed);
        checked.map_err(|refused| self.wait(&refused))
    }

    /// Forgets who has been quiet; called now and then.
    pub(super) fn tidy(&self) {
        self.lists.tidy();
        self.submissions.tidy();
        self.guesses.retain_recent();
        self.guesses.shrink_to_fit();
        self.addresses.store(self.guesses.len(), Ordering::Relaxed);
        if let Some(keys) = &self.keys {
            keys.retain_recent();
            keys.shrink_to_fit();
        }
    }

    fn wait(
        &self,
        refused: &governor::NotUntil<<DefaultClock as governor::clock::Clock>::Instant>,
    ) -> WaitS {
        refused.wait_time_from(self.clock.now()).as_secs() + 1
    }
}

/// Whoever has one address of IPv6 has all of its network.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => {
            let bits = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn few_lists_may_keep_the_store_waiting() {
        let slow = SlowLists::default();
        let mut all: Vec<_> = (0..SLOW_LISTS).map_while(|_| slow.enter()).collect();
        assert_eq!(all.len(), SLOW_LISTS);
        assert!(slow.enter().is_none());
        all.pop();
        assert!(slow.enter().is_some());
    }

    #[tokio::test]
    async fn a_key_can_hold_up_its_own_lists_only() {
        let lists = Lists::default();
        let mut held = Vec::new();
        for _ in 0..LISTS_OF_KEY {
            held.push(lists.turn(1).await.unwrap());
        }
        assert!(lists.turn(1).now_or_never().is_none(), "the fifth has to wait");
        held.push(lists.turn(2).await.unwrap());
        lists.tidy();
        assert_eq!(lists.keys.lock().unwrap().len(), 2);
        held.clear();
        assert!(lists.turn(1).await.is_some());
        lists.tidy();
        assert!(lists.keys.lock().unwrap().is_empty());
    }

    #[test]
    fn kp_5_a_key_that_sends_too_many_is_told_how_long_to_wait() {
        let limits = Limits::new(3);
        for _ in 0..3 {
            assert_eq!(limits.request(1), Ok(()));
        }
        assert_eq!(limits.request(1), Err(20));
        assert_eq!(limits.request(2), Ok(()), "another key has its own account");
        let unlimited = Limits::new(0);
        assert!((0..10_000).all(|_| unlimited.request(1).is_ok()));
    }

    #[test]
    fn threat_08_guesses_from_one_network_run_out_and_memory_is_bounded() {
        let limits = Limits::new(0);
        let address = |low: u128| IpAddr::V6(Ipv6Addr::from_bits((0xfd00 << 112) | low));
        for guess in 0..20 {
            assert_eq!(limits.wrong_guess(address(guess)), Ok(()));
        }
        assert!(limits.wrong_guess(address(99)).is_err());
        for network in 1..40_000 {
            _ = limits.wrong_guess(address(network << 64));
        }
        assert!(limits.guesses.len() <= ADDRESSES + 1, "{}", limits.guesses.len());
    }

    #[test]
    fn threat_08_a_link_sends_in_so_much_a_minute_and_threat_37_so_much_at_once() {
        let limits = Limits::new(0);
        let [one, other] = [1, 2].map(SessionId::from_row);
        let sent_in = |count| limits.sent_in(one, count);
        let mut held: Vec<_> = (0..4).map(|_| sent_in(Count::Submissions).unwrap()).collect();
        assert_eq!(sent_in(Count::Submissions).unwrap_err(), 1, "a fifth at once");
        assert!(
            limits.sent_in(other, Count::Submissions).is_ok(),
            "another link has its own account"
        );
        limits.tidy();
        assert_eq!(limits.submissions.at_once.lock().unwrap().len(), 1);
        held.pop();
        assert!(
            (4..30).all(|_| sent_in(Count::Submissions).is_ok()),
            "none is counted that was refused"
        );
        assert_eq!(sent_in(Count::Submissions).unwrap_err(), 2, "as many as there are in a minute");
        held.clear();
        assert!(
            (0..30).all(|_| sent_in(Count::Preparations).is_ok()),
            "those have a count of their own"
        );
        assert_eq!(sent_in(Count::Preparations).unwrap_err(), 2);
        limits.tidy();
        assert!(limits.submissions.at_once.lock().unwrap().is_empty());
    }
}
