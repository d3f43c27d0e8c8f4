//! What a SQLite store may find at its path, and who may read it (threat 34).

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use hubctl::domain::ids::ProjectNumber;
use hubctl::error::{Code, HubError, codes};
use hubctl::store::{Store, StoreError, projects};

use crate::support::asked::session;
use crate::support::hub::{Place, TestHub, block_on, sqlite, sqlite_world};

async fn read(path: &Path) -> Result<u64, StoreError> {
    let mut tx = Store::sqlite(path).begin_read().await?;
    projects::count_accounts(&mut tx, ProjectNumber(1)).await
}

async fn write(path: &Path) -> Result<(), StoreError> {
    let mut tx = Store::sqlite(path).begin_write().await?;
    tx.execute("update projects set created_at = created_at + 1", &[]).await?;
    tx.commit().await
}

/// Both ways in are refused with the code, and the file stays as it was.
#[track_caller]
fn refuses(path: &Path, code: &'static Code) {
    let before = fs::read(path).ok();
    let (read, write) = block_on(async { (read(path).await.err(), write(path).await.err()) });
    for error in [read, write] {
        let error = HubError::from(error.unwrap_or_else(|| panic!("expected {}", code.name)));
        assert_eq!(error.code().name, code.name, "{error:?}");
        assert!(error.message().contains(path.to_str().unwrap()), "{error:?}");
    }
    assert_eq!(fs::read(path).ok(), before);
}

/// A store with something in it, of which nothing is left beside the file.
fn made() -> (TestHub, PathBuf) {
    let mut world = sqlite_world();
    block_on(async { world.open(&world.caller(), session("acme")).await });
    let Place::Sqlite(path) = world.place.clone() else { unreachable!() };
    // The last connection to go writes everything into the file.
    world.hub = world.another();
    assert!(!path.with_extension("db-wal").exists());
    (world, path)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn threat_34_new_files_are_private_whatever_the_folder() {
    let world = sqlite_world();
    let path = world.folder.path().join("a/b/hub.db");
    block_on(write(&path)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for file in fs::read_dir(path.parent().unwrap()).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn threat_34_a_file_that_others_may_read_is_refused() {
    let (_world, path) = made();
    for mode in [0o644, 0o640, 0o604, 0o620, 0o777] {
        set_mode(&path, mode);
        refuses(&path, &codes::STORE_PERMISSIONS);
    }
    set_mode(&path, 0o600);
    assert_eq!(block_on(read(&path)).unwrap(), 0);
}

#[test]
fn threat_34_a_file_of_another_user_is_refused() {
    let (_world, path) = made();
    // Only root can give a file away, and so only root can be shown one.
    if chown(&path, Some(12_345), None).is_ok() {
        refuses(&path, &codes::STORE_PERMISSIONS);
        chown(&path, Some(0), None).unwrap();
    }
    assert_eq!(block_on(read(&path)).unwrap(), 0);
}

#[test]
fn threat_34_a_symbolic_link_is_refused() {
    let (world, path) = made();
    let link = world.folder.path().join("link.db");
    symlink(&path, &link).unwrap();
    refuses(&link, &codes::STORE_PERMISSIONS);
    let dangling = world.folder.path().join("dangling.db");
    symlink(world.folder.path().join("nowhere"), &dangling).unwrap();
    refuses(&dangling, &codes::STORE_PERMISSIONS);
    assert!(!world.folder.path().join("nowhere").exists());
}

#[test]
fn a_store_of_two_names_is_refused_by_each() {
    let (world, path) = made();
    let other = world.folder.path().join("other.db");
    fs::hard_link(&path, &other).unwrap();
    refuses(&path, &codes::STORE_PERMISSIONS);
    refuses(&other, &codes::STORE_PERMISSIONS);
    fs::remove_file(&other).unwrap();
    block_on(write(&path)).unwrap();
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let put = |name: &str, bytes: &[u8]| {
        fs::write(at(name), bytes).unwrap();
        set_mode(&at(name), 0o600);
    };
    put("garbage.db", &b"no database at all, but long enough to have a header ".repeat(40));
    put("short.db", b"x");
    put("zeros.db", &[0; 4096]);
    put("shortened.db", b"SQLite format 3\0");
    for name in ["garbage.db", "short.db", "zeros.db", "shortened.db"] {
        println!("{name}");
        refuses(&at(name), &codes::STORE_UNREADABLE);
    }
    fs::create_dir(at("folder.db")).unwrap();
    refuses(&at("folder.db"), &codes::STORE_UNREADABLE);
    sqlite::open(&at("foreign.db")).execute_batch("create table notes (text)").unwrap();
    set_mode(&at("foreign.db"), 0o600);
    refuses(&at("foreign.db"), &codes::STORE_UNREADABLE);
    sqlite::open(&at("other.db"))
        .execute_batch("pragma application_id = 77; create table t (x)")
        .unwrap();
    set_mode(&at("other.db"), 0o600);
    refuses(&at("other.db"), &codes::STORE_UNREADABLE);
    put("file", b"");
    refuses(&at("file/hub.db"), &codes::STORE_UNREADABLE);
}

#[test]
fn a_store_from_an_sql_dump_is_told_its_marks() {
    let (_world, path) = made();
    let marks = |sql: &str| sqlite::open(&path).execute_batch(sql).unwrap();
    marks("pragma application_id = 0; pragma user_version = 0");
    refuses(&path, &codes::STORE_UNREADABLE);
    let error = HubError::from(block_on(read(&path)).unwrap_err());
    let hint = error.hint_text().unwrap().to_owned();
    marks(hint.split('\'').nth(1).unwrap());
    block_on(write(&path)).unwrap();
}

#[test]
fn a_truncated_store_is_refused() {
    let (_world, path) = made();
    let whole = fs::read(&path).unwrap();
    for kept in [100, 1_000, 4_096, whole.len() / 2, whole.len() - 4_096] {
        fs::write(&path, &whole[..kept]).unwrap();
        let answer = block_on(async {
            let mut tx = Store::sqlite(&path).begin_read().await?;
            let all = "select count(*) from sqlite_schema, connect_sessions, projects, migrations";
            tx.number(all, &[]).await?;
            write(&path).await
        });
        let error = HubError::from(answer.err().unwrap_or_else(|| panic!("{kept} bytes will do")));
        assert_eq!(error.code().name, codes::STORE_UNREADABLE.name, "{kept}: {error:?}");
    }
    fs::write(&path, &whole).unwrap();
    block_on(write(&path)).unwrap();
}

#[test]
fn a_copy_that_sqlite_made_is_kept_as_other_stores_are() {
    let (world, path) = made();
    let copy = world.folder.path().join("copy.db");
    sqlite::open(&path).execute("vacuum into ?1", [copy.to_str().unwrap()]).unwrap();
    set_mode(&copy, 0o600);
    let mode = || -> String {
        sqlite::open(&copy).query_row("pragma journal_mode", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(mode(), "delete");
    block_on(write(&copy)).unwrap();
    assert_eq!(mode(), "wal");
}

#[test]
fn an_empty_file_is_a_store_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.db");
    fs::write(&path, b"").unwrap();
    set_mode(&path, 0o600);
    assert_eq!(block_on(read(&path)).unwrap(), 0);
    block_on(write(&path)).unwrap();
}

/// Set in the second run, which is not root: no permission keeps root from writing.
const INSIDE: &str = "STORE_TEST_FOLDER";

#[expect(clippy::disallowed_methods, reason = "the first run tells the second one where to look")]
fn inside() -> Option<PathBuf> {
    std::env::var_os(INSIDE).map(PathBuf::from)
}

/// Runs the test once more as nobody, in a folder where it finds a store at `hub.db`.
fn as_nobody(name: &str, prepare: impl FnOnce(&Path)) {
    const NOBODY: u32 = 65_534;
    let (world, path) = made();
    let is_root = chown(&path, Some(NOBODY), Some(NOBODY)).is_ok();
    let folder = world.folder.path();
    if is_root {
        chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    for file in ["hub.db-wal", "hub.db-shm"] {
        let _ = fs::remove_file(folder.join(file));
    }
    prepare(folder);
    let mut again = Command::new("/proc/self/exe");
    again
        .args(["--exact", &format!("store::files::{name}"), "--nocapture", "--test-threads=1"])
        .env_clear()
        .env(INSIDE, folder)
        .current_dir("/");
    if is_root {
        again.uid(NOBODY).gid(NOBODY);
    }
    let output = again.output().unwrap();
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    set_mode(folder, 0o700);
    assert!(output.status.success() && text[0].contains("1 passed"), "{}\n{}", text[0], text[1]);
}

fn reads_but_does_not_write(path: &Path) {
    for _ in 0..2 {
        block_on(async {
            let mut tx = Store::sqlite(path).begin_read().await.unwrap();
            assert_eq!(tx.number("select count(*) from connect_sessions", &[]).await.unwrap(), 1);
        });
        let error = HubError::from(block_on(write(path)).unwrap_err());
        assert_eq!(error.code().name, codes::STORE_READ_ONLY.name, "{error:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_only_file_is_read() {
    match inside() {
        Some(folder) => reads_but_does_not_write(&folder.join("hub.db")),
        None => as_nobody("a_read_only_file_is_read", |folder| {
            set_mode(&folder.join("hub.db"), 0o400);
        }),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_store_in_a_read_only_folder_is_read() {
    match inside() {
        Some(folder) => reads_but_does_not_write(&folder.join("hub.db")),
        None => as_nobody("a_store_in_a_read_only_folder_is_read", |folder| {
            set_mode(folder, 0o500);
        }),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_is_closed_is_named() {
    match inside() {
        Some(folder) => refuses(&folder.join("hub.db"), &codes::STORE_UNREADABLE),
        None => as_nobody("a_folder_that_is_closed_is_named", |folder| set_mode(folder, 0)),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_new_store_in_a_read_only_folder_is_refused() {
    match inside() {
        Some(folder) => {
            let path = folder.join("new.db");
            assert_eq!(block_on(read(&path)).unwrap(), 0);
            let error = HubError::from(block_on(write(&path)).unwrap_err());
            assert_eq!(error.code().name, codes::STORE_READ_ONLY.name, "{error:?}");
        }
        None => as_nobody("a_new_store_in_a_read_only_folder_is_refused", |folder| {
            set_mode(folder, 0o500);
        }),
    }
}
