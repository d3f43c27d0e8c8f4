//! The first transaction of an SQLite file: until it is committed there is no store, and if it
//! fails nothing is left of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::sqlite::Database;
use crate::store::Result;

/// The longest file that has no content: one page with SQLite's header.
const HEADER_PAGE: u64 = 4096;

/// A store that is being made, by one process at a time; dropped before it is done, its file and
/// the folders that were made for it go.
pub(super) struct Making {
    path: PathBuf,
    /// Held so that nobody opens a file that is about to go. Where folders can't be locked, an
    /// empty file stays, which reads as no store.
    lock: Option<fs::File>,
    /// The folders made, the innermost first.
    folders: Vec<PathBuf>,
    is_new: Arc<AtomicBool>,
    /// Whether the file is this process's to take away.
    owns_file: bool,
    is_done: bool,
}

impl Making {
    pub(super) fn begin(path: &Path, is_new: Arc<AtomicBool>, store: &Database) -> Result<Self> {
        let folder = folder_of(path);
        let mut folders = Vec::new();
        loop {
            let missing = folder
                .ancestors()
                .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
            folders.extend(missing.map(Path::to_owned));
            create(folder).map_err(|error| store.io(&error))?;
            let lock = fs::File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
            let lock = lock.ok();
            // While this process waited, another one may have taken away what it made in vain.
            if lock.as_ref().is_none_or(|lock| is_still(lock, folder)) {
                let path = path.to_owned();
                return Ok(Self { path, lock, folders, is_new, owns_file: false, is_done: false });
            }
        }
    }

    /// The file was made by this process, or has no content and this process alone may write it.
    pub(super) const fn owns_the_file(&mut self) {
        self.owns_file = true;
    }

    /// The store is there now.
    pub(super) fn done(mut self) {
        self.is_done = true;
        self.is_new.store(true, Ordering::Relaxed);
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if self.is_done || self.lock.is_none() {
            return;
        }
        let file = |ending: &str| {
            let mut name = self.path.clone().into_os_string();
            name.push(ending);
            PathBuf::from(name)
        };
        let is_short = |path: &Path, most| fs::metadata(path).map_or(true, |m| m.len() <= most);
        // Looked at again, although nobody else can have written it: a store is never removed.
        if self.owns_file && is_short(&file(""), HEADER_PAGE) && is_short(&file("-wal"), 0) {
            for ending in ["-wal", "-shm", ""] {
                // What can't be removed is an empty file, which reads as no store.
                _ = fs::remove_file(file(ending));
            }
        }
        for folder in &self.folders {
            // Only an empty one goes.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn create(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(unix)]
fn is_still(lock: &fs::File, folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let of = |meta: fs::Metadata| (meta.dev(), meta.ino());
    match (lock.metadata(), fs::metadata(folder)) {
        (Ok(lock), Ok(folder)) => of(lock) == of(folder),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_still(_lock: &fs::File, folder: &Path) -> bool {
    folder.is_dir()
}
