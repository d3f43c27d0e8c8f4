//! What was asked for and granted, in memory: the oldest entries make room for new ones.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};
use url::Url;

use crate::domain::time::Timestamp;

/// Logins on the way, and codes.
const MOST_LOGINS: usize = 1_000;
/// Tokens of each kind.
const MOST_TOKENS: usize = 10_000;

/// A login that a person has yet to allow.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) client: String,
    pub(super) return_to: Url,
    pub(super) state: Option<String>,
    pub(super) scope: String,
    /// The S256 challenge of PKCE.
    pub(super) challenge: String,
    pub(super) until: Timestamp,
}

/// What a person allowed, or a client may do for itself; every token of it ends with it.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) client: String,
    pub(super) scope: String,
    /// Whether it was taken back.
    over: Arc<AtomicBool>,
}

impl Grant {
    pub(super) fn new(client: &str, scope: &str) -> Self {
        Self { client: client.to_owned(), scope: scope.to_owned(), over: Arc::default() }
    }

    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}

/// A code; it stays after its use, so that a second use is noticed.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) grant: Grant,
    pub(super) return_to: Url,
    pub(super) challenge: String,
    pub(super) until: Timestamp,
    pub(super) used: bool,
}

/// An access token.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) grant: Grant,
    pub(super) until: Timestamp,
}

/// A refresh token; it stays after it was rotated, so that a second use is noticed.
#[derive(Debug, Clone)]
pub(super) struct Refresh {
    pub(super) grant: Grant,
    pub(super) used: bool,
}

/// Everything.
#[derive(Debug)]
pub(super) struct Grants {
    pub(super) asked: Bounded<Asked>,
    pub(super) codes: Bounded<Code>,
    pub(super) access: Bounded<Access>,
    pub(super) refresh: Bounded<Refresh>,
}

impl Default for Grants {
    fn default() -> Self {
        Self {
            asked: Bounded::new(MOST_LOGINS),
            codes: Bounded::new(MOST_LOGINS),
            access: Bounded::new(MOST_TOKENS),
            refresh: Bounded::new(MOST_TOKENS),
        }
    }
}

type Hash = [u8; 32];

/// Things by a text that is a secret: only its hash is kept, and looking one up tells nothing by
/// the time that it takes.
#[derive(Debug)]
pub(super) struct Bounded<T> {
    kept: HashMap<Hash, T>,
    order: VecDeque<Hash>,
    most: usize,
}

impl<T> Bounded<T> {
    fn new(most: usize) -> Self {
        Self { kept: HashMap::new(), order: VecDeque::new(), most }
    }

    pub(super) fn insert(&mut self, secret: &str, thing: T) {
        let hash = hash(secret);
        if self.kept.insert(hash, thing).is_some() {
            return;
        }
        self.order.push_back(hash);
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.kept.remove(&oldest);
        }
    }

    pub(super) fn get(&self, secret: &str) -> Option<&T> {
        self.kept.get(&hash(secret))
    }

    pub(super) fn get_mut(&mut self, secret: &str) -> Option<&mut T> {
        self.kept.get_mut(&hash(secret))
    }

    pub(super) fn take(&mut self, secret: &str) -> Option<T> {
        let hash = hash(secret);
        let taken = self.kept.remove(&hash)?;
        self.order.retain(|kept| *kept != hash);
        Some(taken)
    }
}

fn hash(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::{Bounded, Grant};

    #[test]
    fn the_oldest_make_room() {
        let mut few = Bounded::new(2);
        for (text, number) in [("a", 1), ("b", 2), ("c", 3)] {
            few.insert(text, number);
        }
        assert_eq!([few.get("a"), few.get("b"), few.get("c")], [None, Some(&2), Some(&3)]);
        assert_eq!((few.take("b"), few.take("b")), (Some(2), None));
        few.insert("d", 4);
        assert_eq!((few.get("c"), few.order.len(), few.kept.len()), (Some(&3), 2, 2));
        few.insert("d", 5);
        assert_eq!((few.get("c"), few.get("d")), (Some(&3), Some(&5)));
    }

    #[test]
    fn a_grant_ends_for_all_who_hold_it() {
        let one = Grant::new("client", "scope");
        let other = one.clone();
        assert!(!other.is_over());
        one.end();
        assert!(other.is_over());
    }
}
