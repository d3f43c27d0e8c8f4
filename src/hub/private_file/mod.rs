//! Files that hold secrets: nobody else may read them, and the path must be the file itself.
//!
//! Reading opens first and asks the open file afterwards, so what was checked is what is read. On
//! systems without owner and mode bits only the kind of file is checked.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::domain::access::Access;
#[cfg(unix)]
use crate::domain::words::shell_word;
use crate::error::{Code, HubError, codes};

#[cfg(unix)]
mod links;

/// Opens a private file for reading; `None` if there is nothing at the path.
///
/// Refused are symbolic links, anything but a plain file, files that the group or others may read
/// or write, and files of another user but root. A pipe or device at the path is refused without waiting for it.
pub fn open_private(path: &Path) -> Result<Option<File>, HubError> {
    let file = match open(path) {
        Ok(file) => file,
        Err(error) => return absent_or(path, error).map(|()| None),
    };
    let metadata = file.metadata().map_err(|error| unreadable(path, error))?;
    check(path, &metadata, Access::is_private)?;
    Ok(Some(file))
}

/// The content of a private file of at most `limit` bytes; a longer one is refused as `too_long`.
pub fn read_private(
    path: &Path,
    limit: u32,
    too_long: &'static Code,
) -> Result<Option<Zeroizing<Vec<u8>>>, HubError> {
    let file = open_private(path)?;
    file.map(|file| content_of(path, file, limit, too_long)).transpose()
}

/// The content of a private file that somebody else made and the operator named.
///
/// Other than with [`read_private`], symbolic links are followed where root or this user laid them
/// and nobody else can change them, and root's file may be readable by its group: secrets that
/// Kubernetes mounts for a user that is not root are both.
pub fn read_named(
    path: &Path,
    limit: u32,
    too_long: &'static Code,
) -> Result<Option<Zeroizing<Vec<u8>>>, HubError> {
    let Some(file) = open_named(path)? else { return Ok(None) };
    let metadata = file.metadata().map_err(|error| unreadable(path, error))?;
    check(path, &metadata, Access::is_private_for_its_group)?;
    content_of(path, file, limit, too_long).map(Some)
}

/// As [`read_named`], and once from a pipe that the caller handed over as an open descriptor, as a
/// shell does with `<(...)`: nobody else has put it there.
pub fn read_handed(
    path: &Path,
    limit: u32,
    too_long: &'static Code,
) -> Result<Option<Zeroizing<Vec<u8>>>, HubError> {
    #[cfg(unix)]
    if is_descriptor(path) {
        use std::os::unix::fs::FileTypeExt as _;
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) => return absent_or(path, error).map(|()| None),
        };
        let metadata = file.metadata().map_err(|error| unreadable(path, error))?;
        if !metadata.file_type().is_fifo() {
            check(path, &metadata, Access::is_private_for_its_group)?;
        }
        return content_of(path, file, limit, too_long).map(Some);
    }
    read_named(path, limit, too_long)
}

/// Whether the path is the name of an open descriptor of this process.
#[cfg(unix)]
fn is_descriptor(path: &Path) -> bool {
    let number = ["/dev/fd", "/proc/self/fd"].iter().find_map(|at| path.strip_prefix(at).ok());
    let number = number.and_then(Path::to_str).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn open_named(path: &Path) -> Result<Option<File>, HubError> {
    match open(path) {
        Ok(file) => Ok(Some(file)),
        #[cfg(unix)]
        Err(_) if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) => {
            links::open(path)
        }
        Err(error) => absent_or(path, error).map(|()| None),
    }
}

fn content_of(
    path: &Path,
    file: File,
    limit: u32,
    too_long: &'static Code,
) -> Result<Zeroizing<Vec<u8>>, HubError> {
    // The buffer never grows: a move would leave a copy of the secret behind.
    let mut content = Zeroizing::new(Vec::with_capacity(limit as usize + 1));
    file.take(u64::from(limit) + 1)
        .read_to_end(&mut content)
        .map_err(|error| unreadable(path, error))?;
    if content.len() > limit as usize {
        let message = format!("{} is longer than {limit} bytes", path.display());
        return Err(HubError::new(too_long, message));
    }
    Ok(content)
}

/// Checks a file that somebody else will open, such as a database; says whether it is there.
pub fn check_private(path: &Path) -> Result<bool, HubError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => check(path, &metadata, Access::is_private).map(|()| true),
        Err(error) => absent_or(path, error).map(|()| false),
    }
}

/// Creates a private file with this content, durably and whole: no reader ever sees a part of it.
/// Says `false`, and changes nothing, if there is already something at the path. Missing folders
/// are made for the user alone.
pub fn create_private(path: &Path, content: &[u8]) -> Result<bool, HubError> {
    let folder = folder_of(path);
    create_private_folder(folder)?;
    // The content is complete under another name before the path exists; of two writers, one wins.
    let create = || -> io::Result<bool> {
        let mut file = tempfile::Builder::new().prefix(".hubctl-").tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Ok(_) => sync_folder(folder).map(|()| true),
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(failed) => Err(failed.error),
        }
    };
    create().map_err(|error| unwritable(path, error))
}

/// Opens a private file to add to it, and makes it if there is none.
///
/// # Errors
/// As [`open_private`] refuses, and where the file can't be written.
pub fn append_private(path: &Path) -> Result<File, HubError> {
    let file = match open_to_append(path) {
        Ok(file) => file,
        Err(error) => return Err(not_appended(path, error)),
    };
    let metadata = file.metadata().map_err(|error| unreadable(path, error))?;
    check(path, &metadata, Access::is_private)?;
    Ok(file)
}

fn not_appended(path: &Path, error: io::Error) -> HubError {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        return symlink(path);
    }
    unwritable(path, error)
}

#[cfg(unix)]
fn open_to_append(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::WRONLY
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::NOCTTY
        | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?))
}

#[cfg(not(unix))]
fn open_to_append(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    File::options().append(true).create(true).open(path)
}

/// Puts this content in the place of a private file, durably and whole, or creates it: a reader
/// sees the old content or the new. The mode of a file that was there is kept; one that others may
/// read, or that is no plain file, is refused and stays as it is.
pub fn replace_private(path: &Path, content: &[u8]) -> Result<(), HubError> {
    let Some(old) = open_private(path)? else {
        if create_private(path, content)? {
            return Ok(());
        }
        let message = format!("{} was made by somebody else meanwhile", path.display());
        return Err(HubError::new(&codes::STALE, message));
    };
    let folder = folder_of(path);
    let replace = || -> io::Result<()> {
        let permissions = old.metadata()?.permissions();
        let mut file = tempfile::Builder::new().prefix(".hubctl-").tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().set_permissions(permissions)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|failed| failed.error)?;
        sync_folder(folder)
    };
    replace().map_err(|error| unwritable(path, error))
}

/// Removes a private file; says whether there was one. What is no private file is refused.
pub fn remove_private(path: &Path) -> Result<bool, HubError> {
    if !check_private(path)? {
        return Ok(false);
    }
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unwritable(path, error)),
    }
}

/// Waits until no other process holds the folder of the path, and holds it; makes the folder if it
/// is missing. `None` where the file system can't do it.
pub fn lock_beside(path: &Path) -> Result<Option<File>, HubError> {
    let folder = folder_of(path);
    create_private_folder(folder)?;
    let lock = File::open(folder).and_then(|file| file.lock().map(|()| file));
    Ok(lock.ok())
}

/// Makes a folder and those above it, as far as they are missing, for the user alone.
pub fn create_private_folder(folder: &Path) -> Result<(), HubError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| unwritable(folder, error))
}

/// The folder that a path lies in; `.` for a bare name.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path)?.is_symlink() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    File::open(path)
}

fn check(
    path: &Path,
    metadata: &fs::Metadata,
    is_fine: fn(&Access) -> bool,
) -> Result<(), HubError> {
    if metadata.is_symlink() {
        return Err(symlink(path));
    }
    if !metadata.is_file() {
        let message = format!("{} is not a plain file", path.display());
        return Err(HubError::new(&codes::STORE_UNREADABLE, message));
    }
    #[cfg(not(unix))]
    let _ = is_fine;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let (mode, user) = (metadata.mode(), rustix::process::geteuid().as_raw());
        let access = Access { mode, owner: metadata.uid(), user };
        let shown = path.display().to_string();
        let word = shell_word(&shown);
        if access.is_anothers() {
            let message = format!("{shown} holds secrets and belongs to another user");
            return Err(HubError::new(&codes::STORE_PERMISSIONS, message)
                .hint(format!("chown {user} {word} # when you have looked at what is in it")));
        }
        if !is_fine(&access) {
            let message =
                format!("{shown} holds secrets and is open to others ({:03o})", mode & 0o777);
            return Err(
                HubError::new(&codes::STORE_PERMISSIONS, message).hint(format!("chmod 600 {word}"))
            );
        }
    }
    Ok(())
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Nothing at the path is an answer; everything else is an error.
fn absent_or(path: &Path, error: io::Error) -> Result<(), HubError> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        // What the system says of a link that it was told not to follow differs between systems.
        _ if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) => {
            Err(symlink(path))
        }
        _ => Err(unreadable(path, error)),
    }
}

fn symlink(path: &Path) -> HubError {
    let message = format!("{} is a symbolic link", path.display());
    HubError::new(&codes::STORE_PERMISSIONS, message).hint("name the file itself")
}

fn unreadable(path: &Path, error: io::Error) -> HubError {
    let shown = path.display().to_string();
    let message = format!("{shown} can't be read: {}", error.kind());
    let hint = format!("ls -ld {}", shell_word(&shown));
    HubError::new(&codes::STORE_UNREADABLE, message).hint(hint).source(error)
}

fn unwritable(path: &Path, error: io::Error) -> HubError {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            &codes::STORE_FULL
        }
        _ => &codes::STORE_READ_ONLY,
    };
    let message = format!("{} can't be written: {}", path.display(), error.kind());
    HubError::new(code, message).source(error)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    use super::{
        append_private, check_private, create_private, open_private, read_handed, read_named,
        read_private, remove_private, replace_private, unwritable,
    };
    use crate::error::{HubError, codes};
    use crate::hub::refused;

    fn read(path: &Path) -> Result<Option<Vec<u8>>, HubError> {
        Ok(read_private(path, 10, &codes::KEY_MALFORMED)?.map(|content| content.to_vec()))
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn threat_34_what_is_created_belongs_to_the_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/deeper/key");
        assert!(!check_private(&path).unwrap());
        assert!(create_private(&path, b"first").unwrap());
        assert!(!create_private(&path, b"second").unwrap());
        assert_eq!(read(&path).unwrap().unwrap(), b"first");
        assert_eq!((mode(&path), mode(&folder.path().join("new"))), (0o600, 0o700));
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert!(check_private(&path).unwrap());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left");
    }

    #[test]
    fn threat_34_a_file_open_to_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create_private(&path, b"x").unwrap();
        for open in [0o640, 0o604, 0o660, 0o620, 0o610, 0o666] {
            fs::set_permissions(&path, Permissions::from_mode(open)).unwrap();
            let error = refused(read(&path), &codes::STORE_PERMISSIONS);
            assert!(error.hint_text().unwrap().starts_with("chmod 600 /"), "{error:?}");
            refused(check_private(&path), &codes::STORE_PERMISSIONS);
        }
        for fine in [0o600, 0o400] {
            fs::set_permissions(&path, Permissions::from_mode(fine)).unwrap();
            assert!(check_private(&path).unwrap() && read(&path).unwrap().is_some());
        }
    }

    #[test]
    fn threat_34_a_symbolic_link_is_refused_and_never_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        symlink(&target, &link).unwrap();
        refused(read(&link), &codes::STORE_PERMISSIONS);
        assert!(!create_private(&link, b"x").unwrap());
        assert!(!target.exists());
        create_private(&target, b"x").unwrap();
        refused(read(&link), &codes::STORE_PERMISSIONS);
        refused(check_private(&link), &codes::STORE_PERMISSIONS);
    }

    fn named(path: &Path) -> Result<Option<Vec<u8>>, HubError> {
        Ok(read_named(path, 10, &codes::KEY_MALFORMED)?.map(|content| content.to_vec()))
    }

    /// As the kubelet mounts a secret: the folder is anybody's to write and sticky.
    #[test]
    fn the_links_of_a_mounted_secret_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let mount = folder.path().join("mount");
        fs::create_dir(&mount).unwrap();
        create_private(&mount.join("..2026_11_22/key"), b"x").unwrap();
        fs::set_permissions(mount.join("..2026_11_22"), Permissions::from_mode(0o755)).unwrap();
        symlink("..2026_11_22", mount.join("..data")).unwrap();
        symlink("..data/key", mount.join("key")).unwrap();
        fs::set_permissions(&mount, Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(named(&mount.join("key")).unwrap().unwrap(), b"x");
        assert_eq!(named(&mount.join("..data/key")).unwrap().unwrap(), b"x");
        symlink(mount.join("key"), folder.path().join("absolute")).unwrap();
        symlink("mount/../absolute", folder.path().join("up")).unwrap();
        assert_eq!(named(&folder.path().join("up")).unwrap().unwrap(), b"x");
        symlink("nothing", folder.path().join("dangling")).unwrap();
        assert!(named(&folder.path().join("dangling")).unwrap().is_none());
        // What hubctl makes itself is never behind a link.
        refused(read(&mount.join("key")), &codes::STORE_PERMISSIONS);
    }

    #[test]
    fn threat_34_a_link_that_others_could_have_laid_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("in/target"), folder.path().join("link"));
        create_private(&target, b"x").unwrap();
        symlink("in/target", &link).unwrap();
        assert!(named(&link).unwrap().is_some());
        for (path, open) in [(folder.path(), 0o770), (target.parent().unwrap(), 0o707)] {
            fs::set_permissions(path, Permissions::from_mode(open)).unwrap();
            let error = refused(named(&link), &codes::STORE_PERMISSIONS);
            assert!(error.message().contains("can be changed by others"), "{error:?}");
            fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
        }
        fs::set_permissions(&target, Permissions::from_mode(0o644)).unwrap();
        refused(named(&link), &codes::STORE_PERMISSIONS);
        fs::set_permissions(&target, Permissions::from_mode(0o600)).unwrap();
        symlink("loop", folder.path().join("loop")).unwrap();
        refused(named(&folder.path().join("loop")), &codes::STORE_UNREADABLE);
        symlink("in", folder.path().join("folder")).unwrap();
        refused(named(&folder.path().join("folder")), &codes::STORE_UNREADABLE);
        symlink("/dev/null", folder.path().join("device")).unwrap();
        refused(named(&folder.path().join("device")), &codes::STORE_UNREADABLE);
        // Only root can give a file away, and so only root can be shown one.
        if std::os::unix::fs::chown(&target, Some(12_345), None).is_ok() {
            refused(named(&link), &codes::STORE_PERMISSIONS);
        }
    }

    #[test]
    fn threat_34_a_file_of_another_user_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create_private(&path, b"x").unwrap();
        // Only root can give a file away, and so only root can be shown one.
        if std::os::unix::fs::chown(&path, Some(12_345), None).is_err() {
            return;
        }
        for error in [
            refused(read(&path), &codes::STORE_PERMISSIONS),
            refused(named(&path), &codes::STORE_PERMISSIONS),
            refused(check_private(&path), &codes::STORE_PERMISSIONS),
            refused(append_private(&path), &codes::STORE_PERMISSIONS),
            refused(replace_private(&path, b"y"), &codes::STORE_PERMISSIONS),
        ] {
            assert!(error.message().contains("belongs to another user"), "{error:?}");
        }
        assert_eq!(fs::read(&path).unwrap(), b"x");
    }

    #[test]
    fn threat_34_what_is_added_to_belongs_to_the_user_alone() {
        use std::io::Write as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace");
        for text in ["first ", "second"] {
            append_private(&path).unwrap().write_all(text.as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "first second");
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        refused(append_private(&path), &codes::STORE_PERMISSIONS);
        let link = folder.path().join("link");
        symlink(folder.path().join("elsewhere"), &link).unwrap();
        refused(append_private(&link), &codes::STORE_PERMISSIONS);
        assert!(!folder.path().join("elsewhere").exists());
        refused(append_private(&folder.path().join("no/such/folder")), &codes::STORE_READ_ONLY);
    }

    #[test]
    fn threat_34_a_file_is_replaced_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace_private(&path, b"first").unwrap();
        replace_private(&path, b"second").unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"second");
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        refused(replace_private(&path, b"third"), &codes::STORE_PERMISSIONS);
        refused(remove_private(&path), &codes::STORE_PERMISSIONS);
        assert_eq!(fs::read(&path).unwrap(), b"second");
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        refused(replace_private(&link, b"third"), &codes::STORE_PERMISSIONS);
        refused(remove_private(&link), &codes::STORE_PERMISSIONS);
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(remove_private(&path).unwrap() && !remove_private(&path).unwrap());
    }

    #[test]
    fn what_has_no_room_is_told_apart_from_what_takes_no_writes() {
        use std::io::ErrorKind;
        for (kind, code) in [
            (ErrorKind::StorageFull, &codes::STORE_FULL),
            (ErrorKind::QuotaExceeded, &codes::STORE_FULL),
            (ErrorKind::FileTooLarge, &codes::STORE_FULL),
            (ErrorKind::ReadOnlyFilesystem, &codes::STORE_READ_ONLY),
        ] {
            assert_eq!(unwritable(Path::new("file"), kind.into()).code().name, code.name);
        }
    }

    #[test]
    fn what_is_no_plain_file_is_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status();
        assert!(made.unwrap().success());
        let socket = folder.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        for path in [pipe.as_path(), &socket, folder.path(), Path::new("/dev/null")] {
            refused(open_private(path), &codes::STORE_UNREADABLE);
            refused(check_private(path), &codes::STORE_UNREADABLE);
        }
    }

    #[test]
    fn threat_34_a_pipe_is_read_where_it_was_handed_over_open() {
        use std::io::Write as _;
        let handed = |file: &dyn std::os::fd::AsRawFd| {
            let path = format!("/dev/fd/{}", file.as_raw_fd());
            read_handed(Path::new(&path), 10, &codes::KEY_MALFORMED)
        };
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"key").unwrap();
        drop(writer);
        assert_eq!(handed(&reader).unwrap().unwrap().as_slice(), b"key");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        create_private(&path, b"key").unwrap();
        let file = fs::File::open(&path).unwrap();
        assert_eq!(handed(&file).unwrap().unwrap().as_slice(), b"key");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        refused(handed(&file), &codes::STORE_PERMISSIONS);
        refused(handed(&fs::File::open("/dev/null").unwrap()), &codes::STORE_UNREADABLE);
    }

    #[test]
    fn the_limit_is_exact_and_absence_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let [full, long] = ["full", "long"].map(|name| folder.path().join(name));
        create_private(&full, &[7; 10]).unwrap();
        create_private(&long, &[7; 11]).unwrap();
        assert_eq!(read(&full).unwrap().unwrap().len(), 10);
        refused(read(&long), &codes::KEY_MALFORMED);
        assert!(read(&folder.path().join("none")).unwrap().is_none());
        refused(read(&full.join("below")), &codes::STORE_UNREADABLE);
    }

    #[test]
    fn of_many_writers_one_wins_and_all_read_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/key");
        let writer = |number: u8| {
            let won = create_private(&path, &[number; 10]).unwrap();
            (won, read(&path).unwrap().unwrap())
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|number| scope.spawn(move || writer(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(results.iter().filter(|(won, _)| *won).count(), 1);
        assert!(results.iter().all(|(_, content)| *content == results[0].1));
    }
}
