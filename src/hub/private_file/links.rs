//! Follows symbolic links to a file that its operator named, where nobody else could have laid
//! them: the files of a mounted Kubernetes secret are links to `..data/`.
//!
//! Every folder and link on the way belongs to root or to this user. A folder that others may
//! write has the sticky bit, so that what lies in it can't be exchanged. Each step is taken from
//! the folder that was checked, never by its name again.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::process::geteuid;

use crate::error::{HubError, codes};

/// Links that are followed at most, as in Linux.
const MOST_LINKS: usize = 40;
const WRITABLE_BY_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// Opens what the path ends at; `None` if there is nothing.
pub(super) fn open(path: &Path) -> Result<Option<File>, HubError> {
    match walk(path) {
        Ok(file) => Ok(Some(file)),
        Err(Stop::Error(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(Stop::Error(error)) => Err(super::unreadable(path, error)),
        Err(Stop::Untrusted(at)) => {
            let message = format!(
                "{} is a symbolic link, and {} can be changed by others",
                path.display(),
                at.display()
            );
            Err(HubError::new(&codes::STORE_PERMISSIONS, message).hint("name the file itself"))
        }
    }
}

enum Stop {
    Error(io::Error),
    /// Somebody else could have put it there.
    Untrusted(PathBuf),
}

impl<E: Into<io::Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

fn walk(path: &Path) -> Result<File, Stop> {
    let mut place = Place::root()?;
    let mut rest = steps(&std::path::absolute(path)?);
    let mut links = 0;
    while let Some(name) = rest.pop() {
        let found = statat(&place.folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        let shown = place.shown.join(&name);
        // The folder above is trusted already, and so is what it says about itself.
        if name != ".." && !belongs_here(&found) {
            return Err(Stop::Untrusted(shown));
        }
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Symlink => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(io::Error::other("too many symbolic links").into());
                }
                let target = readlinkat(&place.folder, &name, Vec::new())?;
                let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                if target.is_absolute() {
                    place = Place::root()?;
                }
                rest.extend(steps(&target));
            }
            FileType::Directory if !rest.is_empty() => place = place.enter(&name, shown)?,
            _ => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
                let file = openat(&place.folder, &name, flags | OFlags::CLOEXEC, Mode::empty())?;
                return match rest.is_empty() && belongs_here(&fstat(&file)?) {
                    true => Ok(File::from(file)),
                    false => Err(io::Error::from(io::ErrorKind::NotADirectory).into()),
                };
            }
        }
    }
    Err(io::Error::from(io::ErrorKind::IsADirectory).into())
}

/// The names of a path, the last one first.
fn steps(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    names.collect()
}

fn belongs_here(found: &Stat) -> bool {
    found.st_uid == 0 || found.st_uid == geteuid().as_raw()
}

/// A folder that only root and this user can change what lies in.
struct Place {
    folder: OwnedFd,
    shown: PathBuf,
}

impl Place {
    fn root() -> Result<Self, Stop> {
        let folder = rustix::fs::open("/", FOLDER, Mode::empty())?;
        Self { folder, shown: PathBuf::from("/") }.checked()
    }

    fn enter(&self, name: &OsStr, shown: PathBuf) -> Result<Self, Stop> {
        let folder = openat(&self.folder, name, FOLDER, Mode::empty())?;
        Self { folder, shown }.checked()
    }

    fn checked(self) -> Result<Self, Stop> {
        let found = fstat(&self.folder)?;
        let is_open = found.st_mode & WRITABLE_BY_OTHERS != 0 && found.st_mode & STICKY == 0;
        if is_open || !belongs_here(&found) {
            return Err(Stop::Untrusted(self.shown));
        }
        Ok(self)
    }
}

/// A folder that can be walked through need not be readable.
#[cfg(target_os = "linux")]
const FOLDER: OFlags =
    OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
