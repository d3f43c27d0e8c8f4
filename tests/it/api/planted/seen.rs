//! What was seen where, and whether a secret is in it.

use std::fmt::Debug;
use std::path::Path;

use regex::Regex;

use crate::support::cli::TestHome;
use crate::support::hub::Place;
use crate::support::serving::Answer;

/// What was seen, and where.
#[derive(Default)]
pub(super) struct Seen(Vec<(String, String)>);

impl Seen {
    pub(super) fn add(&mut self, place: impl Into<String>, bytes: impl AsRef<[u8]>) {
        self.0.push((place.into(), String::from_utf8_lossy(bytes.as_ref()).into_owned()));
    }

    /// The same for a message: its headers and its body.
    pub(super) fn add_message(
        &mut self,
        place: impl Into<String>,
        headers: &impl Debug,
        body: &[u8],
    ) {
        self.add(place, [format!("{headers:?}\n").as_bytes(), body].concat());
    }

    pub(super) fn add_answer(&mut self, place: impl Into<String>, answer: &Answer) {
        self.add_message(place, &answer.headers, &answer.body);
    }

    #[track_caller]
    pub(super) fn add_file(&mut self, path: &Path) {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        self.add(path.display().to_string(), bytes);
    }

    /// The store of a home: events, logs and deliveries are in it.
    pub(super) fn add_store(&mut self, home: &TestHome) {
        let place = home.place();
        if let Place::Sqlite(path) = &place {
            self.add_file(path);
            // Where nobody has it open any more, there is none.
            let log = path.with_extension("db-wal");
            if log.exists() {
                self.add_file(&log);
            }
        }
        for (table, rows) in place.dump() {
            self.add(format!("table {table}"), rows.join("\n"));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Keys and tokens that were made on the way: their secret parts.
    pub(super) fn made(&self) -> Vec<String> {
        let form = Regex::new(r"(?:hcs|v1\.local\.|whsec|hct)_?\d*_[A-Za-z0-9_-]{20,}").unwrap();
        let mut made: Vec<String> = Vec::new();
        for (_, seen) in &self.0 {
            for found in form.find_iter(seen) {
                let secret = crate::support::secret_part(found.as_str());
                if secret.len() >= 20 && !made.iter().any(|known| known == secret) {
                    made.push(secret.to_owned());
                }
            }
        }
        made
    }

    /// Where a secret is seen although it may not be, and what stands around it.
    pub(super) fn leaks(&self, secret: &str, may: impl Fn(&str) -> bool) -> Vec<String> {
        let mut leaks = Vec::new();
        for spelling in super::super::threats::spellings(secret) {
            for (place, seen) in self.0.iter().filter(|(place, _)| !may(place)) {
                let Some(at) = seen.find(&spelling) else { continue };
                let (from, to) =
                    (at.saturating_sub(200), (at + spelling.len() + 50).min(seen.len()));
                let around = String::from_utf8_lossy(&seen.as_bytes()[from..to]);
                leaks.push(format!("{secret} as {spelling} in {place}: {around:?}"));
            }
        }
        leaks
    }
}
