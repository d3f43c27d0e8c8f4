//! Where random bytes and row ids come from; nothing else asks the system for randomness.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::time::Timestamp;
use crate::error::HubError;

/// A source of random bytes and of ids, handed to everything that needs either.
pub trait Random: Send + Sync {
    /// Fills `bytes` with random ones.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), HubError>;

    /// A UUID of version 7 for the instant. Ids of one source sort in the order in which they
    /// were made, also within one millisecond and when the clock steps back a little.
    fn uuid_v7(&self, now: Timestamp) -> Result<Uuid, HubError>;
}

/// The operating system's randomness.
#[derive(Default)]
pub struct SystemRandom {
    sequence: Sequence,
}

impl SystemRandom {
    /// A source with its own order of ids: a process wants exactly one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), HubError> {
        #[expect(clippy::disallowed_methods, reason = "this is the source that is handed in")]
        getrandom::fill(bytes)
            .map_err(HubError::internal("the operating system gave no random bytes"))
    }

    fn uuid_v7(&self, now: Timestamp) -> Result<Uuid, HubError> {
        self.sequence.next(now, |bytes| self.fill(bytes))
    }
}

impl fmt::Debug for SystemRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemRandom")
    }
}

/// Bytes that look random and are the same for the same seed: for tests and shown examples, never
/// for anything that has to stay secret.
pub struct SeededRandom {
    seed: u64,
    drawn: AtomicU64,
    sequence: Sequence,
}

impl SeededRandom {
    /// The source of this seed, at its beginning.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0), sequence: Sequence::default() }
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), HubError> {
        for part in bytes.chunks_mut(32) {
            let block = self.drawn.fetch_add(1, Ordering::Relaxed);
            let mut hash = Sha256::new();
            hash.update(self.seed.to_be_bytes());
            hash.update(block.to_be_bytes());
            part.copy_from_slice(&hash.finalize()[..part.len()]);
        }
        Ok(())
    }

    fn uuid_v7(&self, now: Timestamp) -> Result<Uuid, HubError> {
        self.sequence.next(now, |bytes| self.fill(bytes))
    }
}

impl fmt::Debug for SeededRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeededRandom").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// The order of ids: 42 bits after the millisecond count up, 32 stay random.
#[derive(Default)]
struct Sequence(Mutex<Last>);

#[derive(Default)]
struct Last {
    millis: u64,
    count: u64,
}

const COUNT_BITS: u32 = 42;
/// A clock that steps back further than this was wrong before: its ids are not followed.
const STEP_BACK_MS: u64 = 10_000;

impl Sequence {
    fn next(
        &self,
        now: Timestamp,
        fill: impl FnOnce(&mut [u8]) -> Result<(), HubError>,
    ) -> Result<Uuid, HubError> {
        let mut random = [0; 10];
        fill(&mut random)?;
        let now = u64::try_from(now.as_millis()).unwrap_or(0);
        let (millis, count) = {
            let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if now > last.millis || last.millis - now > STEP_BACK_MS {
                let mut start = [0; 8];
                start.copy_from_slice(&random[..8]);
                // The highest bit starts at zero, so that there is room to count.
                *last = Last {
                    millis: now,
                    count: u64::from_be_bytes(start) & ((1 << (COUNT_BITS - 1)) - 1),
                };
            } else if last.count + 1 < 1 << COUNT_BITS {
                last.count += 1;
            } else {
                *last = Last { millis: last.millis + 1, count: 0 };
            }
            (last.millis, last.count)
        };
        // 12 bits of the count go before the variant and 30 behind it.
        let high = u16::try_from(count >> 30).unwrap_or(0).to_be_bytes();
        let low = u32::try_from(count & ((1 << 30) - 1)).unwrap_or(0).to_be_bytes();
        let mut bytes = [0; 10];
        bytes[..2].copy_from_slice(&high);
        bytes[2..6].copy_from_slice(&low);
        bytes[6..].copy_from_slice(&random[6..]);
        Ok(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Last, Random, SeededRandom, SystemRandom};
    use crate::domain::time::Timestamp;

    fn noon() -> Timestamp {
        Timestamp::from_millis(1_780_315_200_000)
    }

    #[test]
    fn ids_carry_the_instant_version_and_variant() {
        let id = SystemRandom::new().uuid_v7(noon()).unwrap();
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        assert!(id.to_string().starts_with("019e830e-1a00-7"), "{id}");
    }

    #[test]
    fn ids_of_one_millisecond_sort_in_the_order_made() {
        let random = SystemRandom::new();
        let ids: Vec<_> = (0..5000).map(|_| random.uuid_v7(noon()).unwrap().to_string()).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    }

    #[test]
    fn a_small_step_back_keeps_the_order_and_a_large_one_is_followed() {
        let random = SeededRandom::new(1);
        let first = random.uuid_v7(noon()).unwrap();
        let second = random.uuid_v7(Timestamp::from_millis(noon().as_millis() - 500)).unwrap();
        let third = random.uuid_v7(noon().plus_seconds(-3600)).unwrap();
        assert!(first < second, "{first} {second}");
        assert!(third < first, "{third} {first}");
    }

    #[test]
    fn a_full_count_borrows_the_next_millisecond() {
        let random = SeededRandom::new(1);
        let millis = noon().as_millis().unsigned_abs();
        *random.sequence.0.lock().unwrap() = Last { millis, count: (1 << 42) - 2 };
        let last = random.uuid_v7(noon()).unwrap();
        let next = random.uuid_v7(noon()).unwrap();
        let after = random.uuid_v7(noon()).unwrap();
        assert!(last < next && next < after, "{last} {next} {after}");
        assert!(last.to_string().contains("-7fff-bfff-ffff"), "{last}");
    }

    #[test]
    fn threads_share_one_order_without_doubles() {
        let random = SystemRandom::new();
        let make = || (0..2000).map(|_| random.uuid_v7(noon()).unwrap()).collect::<Vec<_>>();
        let all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.iter().all(|ids| ids.is_sorted()));
        assert_eq!(all.iter().flatten().collect::<HashSet<_>>().len(), 8000);
    }

    #[test]
    fn a_seed_gives_the_same_bytes_again() {
        let draw = |seed| {
            let random = SeededRandom::new(seed);
            let mut bytes = [0; 100];
            random.fill(&mut bytes).unwrap();
            (bytes, random.uuid_v7(noon()).unwrap())
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
