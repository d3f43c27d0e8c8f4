//! How often: requests of one key, and failed guesses from one address.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Wrong keys or tokens that one address may send in a row; one more each six seconds.
const GUESSES: NonZeroU32 = NonZeroU32::new(20).unwrap();
const GUESSES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// Addresses that are counted apart; above, newcomers share one account.
const ADDRESSES: usize = 16_384;

/// Lists at once whose clients keep them waiting. Each holds a connection to the store; the others
/// are for everybody else.
const SLOW_LISTS: usize = 8;

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

/// Seconds after which another attempt has a chance.
pub(super) type WaitS = u64;

/// The limits of a running hub.
pub(super) struct Limits {
    clock: DefaultClock,
    keys: Option<DefaultKeyedRateLimiter<i64>>,
    guesses: DefaultKeyedRateLimiter<IpAddr>,
    addresses: AtomicUsize,
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
        }
    }

    /// Counts a request of a key, by the key's number.
    pub(super) fn request(&self, key: i64) -> Result<(), WaitS> {
        let Some(keys) = &self.keys else { return Ok(()) };
        keys.check_key(&key).map_err(|refused| self.wait(&refused))
    }

    /// Counts a wrong key or token (threat 8). A right one is never held against its sender: many
    /// may share an address.
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
}
