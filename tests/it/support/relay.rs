//! Stands between a hub and its PostgreSQL, counts what the hub asks for, and loses what a test wants
//! to be lost.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

const SOCKET: &str = ".s.PGSQL.5432";
/// A commit, as a hub sends it.
const COMMIT: &[u8] = b"commit\0";

/// What is lost along with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// A commit on its way to the database.
    Commit,
    /// What the database answers to one.
    Answer,
}

/// What all connections through a relay share.
#[derive(Default)]
struct Seen {
    asked: AtomicUsize,
    /// What becomes of the next commit.
    lost: Mutex<Option<Lost>>,
}

/// The relay.
pub(crate) struct Relay {
    folder: TempDir,
    name: String,
    seen: Arc<Seen>,
}

impl Relay {
    /// One in front of the database at this URL.
    pub(crate) fn before(url: &str) -> Self {
        let (place, host) = url.split_once("?host=").unwrap();
        let there = PathBuf::from(host).join(SOCKET);
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let seen = Arc::new(Seen::default());
        let own = Arc::clone(&seen);
        std::thread::spawn(move || {
            for hub in listener.incoming().map_while(Result::ok) {
                let database = UnixStream::connect(&there).unwrap();
                let back = (database.try_clone().unwrap(), hub.try_clone().unwrap());
                let (seen, is_cut) = (Arc::clone(&own), Arc::new(AtomicBool::new(false)));
                let cut = Arc::clone(&is_cut);
                std::thread::spawn(move || pass(hub, database, |piece| seen.passes(piece, &cut)));
                std::thread::spawn(move || {
                    pass(back.0, back.1, |_| !is_cut.load(Ordering::SeqCst));
                });
            }
        });
        Self { folder, name: place.to_owned(), seen }
    }

    /// Breaks the connection off over the next commit.
    pub(crate) fn loses(&self, lost: Lost) {
        *self.seen.lost.lock().unwrap() = Some(lost);
    }

    /// The database's URL by way of the relay.
    pub(crate) fn url(&self) -> String {
        format!("{}?host={}", self.name, self.folder.path().display())
    }

    /// Bytes that were asked with since this was last called: what differs in its queries does so
    /// in these.
    pub(crate) fn asked(&self) -> usize {
        self.seen.asked.swap(0, Ordering::SeqCst)
    }
}

impl Seen {
    /// Counts what a hub asks with before it arrives, and whether it may.
    fn passes(&self, piece: &[u8], cut: &AtomicBool) -> bool {
        self.asked.fetch_add(piece.len(), Ordering::SeqCst);
        if !piece.windows(COMMIT.len()).any(|part| part == COMMIT) {
            return true;
        }
        let lost = self.lost.lock().unwrap().take();
        cut.store(lost == Some(Lost::Answer), Ordering::SeqCst);
        lost != Some(Lost::Commit)
    }
}

/// Passes on what comes, as long as it may.
fn pass(mut from: UnixStream, mut to: UnixStream, may: impl Fn(&[u8]) -> bool) {
    let mut piece = [0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        let piece = &piece[..length];
        if !may(piece) || to.write_all(piece).is_err() {
            break;
        }
    }
    _ = to.shutdown(Shutdown::Both);
}
