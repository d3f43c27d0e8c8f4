//! Whether the file of an SQLite store is its user's own (threat 34) and has one name, and what its
//! disk takes, as its system says.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};

use crate::domain::access::Access;
use crate::domain::words::shell_word;
use crate::store::{Result, StoreError, Told};

/// Refuses a file of another user, one that others may read or write, and one of several names: its
/// log is found by name, so whoever opens it by another one neither sees nor keeps what is in there.
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
    } else if meta.nlink() > 1 {
        let hint = format!(
            "see its names with: find / -xdev -samefile {}; leave it one, and make copies with \
             SQLite's .backup",
            shell_word(&name)
        );
        Told::new(format!("{name} has a second name, a hard link"), hint)
    } else {
        return Ok(());
    };
    Err(StoreError::Permissions(told))
}

/// Whether the file's disk has no room left.
pub(super) fn is_on_full_disk(path: &Path) -> bool {
    statvfs(path).is_ok_and(|disk| disk.f_bavail == 0)
}

/// Whether the file's disk takes no writes at all. SQLite says of one only that it can't open a file.
pub(super) fn is_on_read_only_disk(path: &Path) -> bool {
    statvfs(path).is_ok_and(|disk| disk.f_flag.contains(StatVfsMountFlags::RDONLY))
}
