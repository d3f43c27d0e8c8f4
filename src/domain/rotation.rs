//! Changing the master key: what is left to do, from what the store says and what is at hand.
//!
//! Until the very last step every key of the store is still wrapped by the present master key, so
//! that key alone opens everything; from that step on the next one does. Whatever a rotation was
//! stopped at, one of the two opens the store, and another run goes on from there.

/// What a store says about its master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<K> {
    /// The key that everything in the store is wrapped by.
    pub current: K,
    /// The key that a rotation under way leads to.
    pub next: Option<K>,
    /// The key before the present one.
    pub previous: Option<K>,
}

/// What a rotation has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan<K> {
    /// Begin with a key that is still to be made or read.
    Begin,
    /// Begin with a key that is at hand: an earlier run ended before it told the store.
    BeginWith(K),
    /// Go on with the rotation to this key.
    Resume(K),
    /// Only take this key away from where the key is kept: the store has no use for it any more.
    Tidy(K),
}

/// The key that a rotation can't do without and that is not at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lack<K>(pub K);

impl<K: Copy + PartialEq> Record<K> {
    /// What is left to do with these keys at hand; `keeps_own` where hubctl itself keeps the key,
    /// and so may change what lies there.
    ///
    /// # Errors
    /// [`Lack`] of the present key before anything was begun, or of the one that it leads to.
    pub fn plan(&self, at_hand: &[K], keeps_own: bool) -> Result<Plan<K>, Lack<K>> {
        if let Some(next) = self.next {
            // With the next key alone a rotation can still be ended, if nothing is left to wrap.
            return if at_hand.contains(&next) { Ok(Plan::Resume(next)) } else { Err(Lack(next)) };
        }
        if !at_hand.contains(&self.current) {
            return Err(Lack(self.current));
        }
        let left_over = self.previous.filter(|previous| keeps_own && at_hand.contains(previous));
        if let Some(previous) = left_over {
            return Ok(Plan::Tidy(previous));
        }
        let is_unused = |key: &&K| **key != self.current && Some(**key) != self.previous;
        Ok(at_hand.iter().find(is_unused).map_or(Plan::Begin, |key| Plan::BeginWith(*key)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Lack, Plan, Record};

    const RESTS: Record<u8> = Record { current: 1, next: None, previous: Some(0) };
    const MOVES: Record<u8> = Record { next: Some(2), ..RESTS };

    #[test]
    fn a_store_that_rests_begins_with_a_key_at_hand_or_a_new_one() {
        assert_eq!(RESTS.plan(&[1], true), Ok(Plan::Begin));
        assert_eq!(RESTS.plan(&[1, 2], true), Ok(Plan::BeginWith(2)));
        assert_eq!(RESTS.plan(&[2, 1], false), Ok(Plan::BeginWith(2)));
        assert_eq!(RESTS.plan(&[0, 1], false), Ok(Plan::Begin), "the operator's file may keep it");
    }

    #[test]
    fn threat_33_a_key_that_was_given_up_is_taken_away_and_never_used_again() {
        assert_eq!(RESTS.plan(&[1, 0], true), Ok(Plan::Tidy(0)));
        assert_eq!(RESTS.plan(&[0, 1, 2], false), Ok(Plan::BeginWith(2)));
    }

    #[test]
    fn threat_33_a_rotation_goes_on_with_its_own_key_alone() {
        assert_eq!(MOVES.plan(&[1, 2], true), Ok(Plan::Resume(2)));
        assert_eq!(MOVES.plan(&[2], true), Ok(Plan::Resume(2)));
        assert_eq!(MOVES.plan(&[1], true), Err(Lack(2)));
        assert_eq!(MOVES.plan(&[1, 3], false), Err(Lack(2)));
        assert_eq!(MOVES.plan(&[], false), Err(Lack(2)));
    }

    #[test]
    fn threat_33_without_the_present_key_nothing_begins() {
        assert_eq!(RESTS.plan(&[2], true), Err(Lack(1)));
        assert_eq!(RESTS.plan(&[0], false), Err(Lack(1)));
    }
}
