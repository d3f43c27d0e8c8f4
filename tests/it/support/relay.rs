//! Stands between a hub and its PostgreSQL, and counts what the hub asks for.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

const SOCKET: &str = ".s.PGSQL.5432";

/// The relay.
pub(crate) struct Relay {
    folder: TempDir,
    name: String,
    asked: Arc<AtomicUsize>,
}

impl Relay {
    /// One in front of the database at this URL.
    pub(crate) fn before(url: &str) -> Self {
        let (place, host) = url.split_once("?host=").unwrap();
        let there = PathBuf::from(host).join(SOCKET);
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for hub in listener.incoming().map_while(Result::ok) {
                let database = UnixStream::connect(&there).unwrap();
                let ways = [
                    (
                        hub.try_clone().unwrap(),
                        database.try_clone().unwrap(),
                        Some(Arc::clone(&count)),
                    ),
                    (database, hub, None),
                ];
                for (from, to, count) in ways {
                    std::thread::spawn(move || pass(from, to, count.as_deref()));
                }
            }
        });
        Self { folder, name: place.to_owned(), asked }
    }

    /// The database's URL by way of the relay.
    pub(crate) fn url(&self) -> String {
        format!("{}?host={}", self.name, self.folder.path().display())
    }

    /// Bytes that were asked with since this was last called: what differs in its queries does so
    /// in these.
    pub(crate) fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

/// Passes on everything that comes, counted before it arrives.
fn pass(mut from: UnixStream, mut to: UnixStream, count: Option<&AtomicUsize>) {
    let mut piece = [0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if let Some(count) = count {
            count.fetch_add(length, Ordering::SeqCst);
        }
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    _ = to.shutdown(Shutdown::Both);
}
