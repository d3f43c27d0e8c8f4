//! Where pages of numbered lists began, so that the next page, and a deep one asked for again, is
//! found by its first row and not by counting all the rows before it.
//!
//! A client that walks through the pages also misses no row when one before them is deleted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::ids::{AccountId, ProjectNumber};
use crate::domain::time::Timestamp;

/// How long a place is remembered, in seconds: longer than a client takes from page to page.
const LIFE_S: i64 = 300;
/// Places that are remembered; beyond them, old ones go.
const PLACES: usize = 8_192;

/// A page: whose list it is, what else was asked, and which page.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Page {
    /// The project.
    pub(super) project: ProjectNumber,
    /// The key that asks; walks of two clients have nothing to do with each other.
    pub(super) key: i64,
    /// Everything asked for but the page's number.
    pub(super) asked: String,
    /// The page, from 1.
    pub(super) number: u64,
}

/// The places of a running hub.
#[derive(Default)]
pub(super) struct Pages(Mutex<HashMap<Page, (AccountId, Timestamp)>>);

impl Pages {
    /// The last row before a page, if it is known.
    pub(super) fn before(&self, page: &Page, now: Timestamp) -> Option<AccountId> {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, at) = places.get(page)?;
        (now.millis_since(*at) < LIFE_S * 1000).then(|| id.clone())
    }

    /// Remembers the last row before a page.
    pub(super) fn remember(&self, page: Page, before: AccountId, now: Timestamp) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= PLACES && !places.contains_key(&page) {
            places.retain(|_, (_, at)| now.millis_since(*at) < LIFE_S * 1000);
            if places.len() >= PLACES {
                places.clear();
            }
        }
        places.insert(page, (before, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(number: u64) -> Page {
        Page { project: ProjectNumber(1), key: 1, asked: "page_size=2".to_owned(), number }
    }

    #[test]
    fn a_place_is_known_to_whom_it_belongs_and_for_a_while() {
        let (pages, at) = (Pages::default(), Timestamp::from_millis);
        let id: AccountId = "a".parse().unwrap();
        pages.remember(page(2), id.clone(), at(0));
        assert_eq!(pages.before(&page(2), at(299_999)), Some(id));
        assert_eq!(pages.before(&page(2), at(300_000)), None);
        for other in [
            page(3),
            Page { key: 2, ..page(2) },
            Page { project: ProjectNumber(2), ..page(2) },
            Page { asked: String::new(), ..page(2) },
        ] {
            assert_eq!(pages.before(&other, at(0)), None);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let pages = Pages::default();
        for number in 0..3 * PLACES as u64 {
            pages.remember(page(number), "a".parse().unwrap(), Timestamp::from_millis(0));
        }
        assert!(pages.0.lock().unwrap().len() <= PLACES);
    }
}
