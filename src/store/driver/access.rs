//! Whether the file of an SQLite store is its user's own, as its system says (threat 34).

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::domain::access::Access;
use crate::domain::words::shell_word;
use crate::store::{Result, StoreError, Told};

/// Refuses a file of another user, and one that others may read or write.
pub(super) fn check(path: &Path, meta: &Metadata) -> Result<()> {
    let user = rustix::process::geteuid().as_raw();
    let access = Access { mode: meta.mode(), owner: meta.uid(), user };
    let name = path.display().to_string();
    let told = if access.is_anothers() {
        let hint = format!("see whose it is with: ls -l {}", shell_word(&name));
        Told::new(format!("{name} belongs to another user"), hint)
    } else if !access.is_private() {
        let hint = format!("chmod 600 {}", shell_word(&name));
        Told::new(format!("{name} can be read or written by others"), hint)
    } else {
        return Ok(());
    };
    Err(StoreError::Permissions(told))
}
