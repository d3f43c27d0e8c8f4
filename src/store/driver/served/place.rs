//! Whether the path still leads to the file that is open. Where a backup was put in its place, or it
//! was moved away, whatever is written to the open one is lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::store::{Result, StoreError, Told};

/// What tells a file from others: device and number; nothing on systems that don't have them.
type Identity = (u64, u64);

/// Where the file is, and which one it was when it was first opened.
pub(super) struct Place {
    path: PathBuf,
    file: OnceLock<Identity>,
    is_lost: AtomicBool,
}

impl Place {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), file: OnceLock::new(), is_lost: AtomicBool::new(false) }
    }

    /// Takes note that the path was opened.
    ///
    /// # Errors
    /// As [`Place::look`].
    pub(super) fn opened(&self) -> Result<()> {
        if let Some(found) = identity(&self.path) {
            self.file.get_or_init(|| found);
        }
        self.look()
    }

    /// Looks where the path leads now.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] where that is not the file that is open.
    pub(super) fn look(&self) -> Result<()> {
        let is_lost = self.file.get().is_some_and(|file| identity(&self.path) != Some(*file));
        self.is_lost.store(is_lost, Ordering::Relaxed);
        self.check()
    }

    /// The outcome of the last look.
    ///
    /// # Errors
    /// As [`Place::look`].
    pub(super) fn check(&self) -> Result<()> {
        if !self.is_lost.load(Ordering::Relaxed) {
            return Ok(());
        }
        let message = format!("{} was moved away or replaced while in use", self.path.display());
        let hint = "bring the file back, or start the server again to use what is there now";
        Err(StoreError::Unreadable(Told::new(message, hint)))
    }
}

fn identity(path: &Path) -> Option<Identity> {
    let meta = fs::metadata(path).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        Some((meta.dev(), meta.ino()))
    }
    #[cfg(not(unix))]
    meta.is_file().then_some((0, 0))
}
