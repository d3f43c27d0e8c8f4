//! Where pages of numbered lists began, so that the next page, and a deep one asked for again, is
//! found by its first row and not by counting all the rows before it.
//!
//! A client that walks through the pages also misses no row when one before them is deleted. Two
//! that walk with the same key and ask the same can't be told apart: as long as one of them may
//! still ask for a page, it begins where the first of them stopped, and the other sees a row twice
//! rather than missing one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::{AccountId, ProjectNumber};
use crate::domain::time::Timestamp;

/// How long a place is remembered, in seconds: longer than a client takes from page to page.
const LIFE_S: i64 = 300;
/// Places that are remembered; beyond them, old ones go.
const PLACES: usize = 8_192;
/// Rows at which walks stopped that are remembered for one place.
const STOPS: usize = 8;

/// A page: whose list it is, what else was asked, and which page.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Page {
    /// The project.
    pub(super) project: ProjectNumber,
    /// The key that asks; walks of two keys have nothing to do with each other.
    pub(super) key: i64,
    /// Everything asked for but the page's number.
    pub(super) asked: String,
    /// The page, from 1.
    pub(super) number: u64,
}

/// Where walks stopped before a page.
#[derive(Default)]
struct Stops {
    /// The last rows before it, and when they were; each is further on and later than the one in
    /// front of it.
    rows: Vec<(AccountId, Timestamp)>,
    /// Walks that stopped there and are not known to have gone past the page.
    walks: u32,
}

impl Stops {
    /// The first of them that is still remembered.
    fn first(&self, now: Timestamp) -> Option<&AccountId> {
        self.rows.iter().find(|(_, at)| is_remembered(*at, now)).map(|(row, _)| row)
    }

    fn add(&mut self, row: AccountId, now: Timestamp) {
        self.rows.retain(|(_, at)| is_remembered(*at, now));
        if self.rows.is_empty() {
            self.walks = 0;
        }
        if self.walks == 0 {
            self.rows.clear();
        }
        // One that is not further on does for those behind it too, and for longer.
        self.rows.retain(|(other, _)| *other < row);
        if self.rows.len() < STOPS {
            self.rows.push((row, now));
        } else if let Some((_, at)) = self.rows.last_mut() {
            *at = now;
        }
        self.walks = self.walks.saturating_add(1);
    }
}

fn is_remembered(at: Timestamp, now: Timestamp) -> bool {
    now.millis_since(at) < LIFE_S * 1000
}

/// The places of a running hub.
#[derive(Default)]
pub(super) struct Pages(Mutex<HashMap<Page, Stops>>);

impl Pages {
    /// The last row before a page, if it is known.
    pub(super) fn before(&self, page: &Page, now: Timestamp) -> Option<AccountId> {
        self.lock().get(page)?.first(now).cloned()
    }

    /// Remembers the last row before a page.
    pub(super) fn remember(&self, page: Page, before: AccountId, now: Timestamp) {
        let mut places = self.lock();
        if places.len() >= PLACES && !places.contains_key(&page) {
            places.retain(|_, stops| stops.first(now).is_some());
            if places.len() >= PLACES {
                places.clear();
            }
        }
        places.entry(page).or_default().add(before, now);
    }

    /// Notes that a walk is past a page, or ended with it.
    pub(super) fn left(&self, page: &Page) {
        if let Some(stops) = self.lock().get_mut(page) {
            stops.walks = stops.walks.saturating_sub(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Page, Stops>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn a_page_begins_where_the_first_walk_stopped_until_all_are_past_it() {
        let (pages, at) = (Pages::default(), Timestamp::from_millis);
        let id = |text: &str| -> AccountId { text.parse().unwrap() };
        let stop = |row: &str, millis: i64| pages.remember(page(3), id(row), at(millis));
        let before = |millis: i64| pages.before(&page(3), at(millis));
        stop("p4", 0);
        stop("p5", 100_000);
        assert_eq!(before(299_999), Some(id("p4")));
        pages.left(&page(3));
        stop("p6", 200_000);
        assert_eq!(before(299_999), Some(id("p4")));
        // Each is remembered for as long as if it were the only one.
        assert_eq!(before(300_000), Some(id("p5")));
        assert_eq!(before(400_000), Some(id("p6")));
        // One that lies before the others is enough for all of them.
        stop("p2", 400_000);
        assert_eq!(before(400_000), Some(id("p2")));
        for _ in 0..9 {
            pages.left(&page(3));
        }
        // Who asks again gets the same; who walks anew has a place of its own.
        assert_eq!(before(400_000), Some(id("p2")));
        stop("p7", 400_001);
        assert_eq!(before(400_001), Some(id("p7")));
        // Walks that never went on are forgotten with their places.
        stop("p8", 700_001);
        pages.left(&page(3));
        stop("p9", 700_002);
        assert_eq!(before(700_002), Some(id("p9")));
    }

    #[test]
    fn memory_is_bounded() {
        let pages = Pages::default();
        for number in 0..3 * PLACES as u64 {
            pages.remember(page(number), "a".parse().unwrap(), Timestamp::from_millis(0));
        }
        assert!(pages.0.lock().unwrap().len() <= PLACES);
        // Rows are deleted while one walk after the other stops at its first page.
        let (pages, at) = (Pages::default(), Timestamp::from_millis);
        let row = |number: i64| -> AccountId { format!("p{number:04}").parse().unwrap() };
        for number in 0..1_000 {
            pages.remember(page(2), row(number), at(number));
        }
        assert_eq!(pages.0.lock().unwrap()[&page(2)].rows.len(), STOPS);
        assert_eq!(pages.before(&page(2), at(1_000)), Some(row(0)));
        assert!(pages.before(&page(2), at(300_998)).unwrap() < row(999));
    }
}
