//! Stores, disks and keys that can't be used: a clear refusal, never a hang, nothing half-written.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::support::cli::TestHome;

const COMMANDS: [&str; 3] =
    ["connectors list", "connectors enable rippling", "session create --provider hubspot"];

fn filled() -> (TestHome, Vec<u8>) {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    home.run("session create --provider hubspot").code(0);
    let store = rusqlite::Connection::open(home.store()).unwrap();
    store.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
    drop(store);
    let bytes = fs::read(home.store()).unwrap();
    (home, bytes)
}

fn private(home: &TestHome, name: &str, bytes: &[u8]) -> String {
    let path = home.file(name, bytes);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_store_that_is_none_is_refused_and_left_alone() {
    let (home, bytes) = filled();
    let text = private(&home, "text.db", b"hello\n");
    let cut = private(&home, "cut.db", &bytes[..bytes.len() / 2]);
    let stub = private(&home, "stub.db", &bytes[..50]);
    let foreign = private(&home, "foreign.db", b"");
    let other = rusqlite::Connection::open(&foreign).unwrap();
    other.execute_batch("create table x (y)").unwrap();
    drop(other);
    let newer = private(&home, "newer.db", &bytes);
    let store = rusqlite::Connection::open(&newer).unwrap();
    store.pragma_update(None, "user_version", 9_999).unwrap();
    drop(store);
    for (path, told) in [
        (text, "store.unreadable"),
        (cut, "store.unreadable"),
        (stub, "store.unreadable"),
        (foreign, "not a hubctl store"),
        (newer, "store.newer"),
        (home.path().to_str().unwrap().to_owned(), "is not a file"),
        ("/dev/null".to_owned(), "is not a file"),
    ] {
        let before = fs::read(&path).ok();
        for command in COMMANDS {
            home.run(&format!("--state {path} {command}")).code(13).tells(told).tells("\nhint: ");
        }
        assert!(fs::read(&path).ok() == before, "{path} was changed");
    }
}

#[test]
fn threat_34_a_store_open_to_others_or_behind_a_link_is_refused() {
    let (home, _) = filled();
    fs::set_permissions(home.store(), Permissions::from_mode(0o644)).unwrap();
    home.run("connectors list").code(13).tells("store.permissions").tells("\nhint: chmod 600 ");
    fs::set_permissions(home.store(), Permissions::from_mode(0o600)).unwrap();
    symlink(home.store(), home.path().join("link.db")).unwrap();
    for command in COMMANDS {
        home.run(&format!("--state link.db {command}")).code(13).tells("symbolic link");
    }
    let mode = |name: &str| home.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("hubctl.db"), mode("hubctl.key")), (0o600, 0o600));
}

#[test]
fn folders_that_can_not_be_used_are_told() {
    for folder in ["/dev/null", "/dev/null/x", "/proc/nope"] {
        let home = TestHome::new().with("HUBCTL_CONFIG_DIR", folder);
        home.run("connectors enable hubspot").code(13).tells("can't").tells("\nhint: ");
    }
    let bare = std::process::Command::new(env!("CARGO_BIN_EXE_hubctl"))
        .args(["connectors", "list"])
        .env_clear()
        .env("HOME", "/nonexistent")
        .output()
        .unwrap();
    assert_eq!(bare.status.code(), Some(0), "{bare:?}");
}

#[test]
fn a_first_command_that_fails_leaves_nothing() {
    for line in [
        "connectors enable nope",
        "connectors enable hubspot --yes --max-affected 0 --fields nope",
        "connectors disable hubspot --yes",
        "connectors forget nope --yes",
        "session create --provider nope",
        "accounts suspend 0199aaaa-0000-7000-8000-000000000000",
        "projects delete nope --yes",
    ] {
        let home = TestHome::new();
        let folder = home.path().join("below/config");
        let home = home.with("HUBCTL_CONFIG_DIR", &folder);
        let ended = home.run(line);
        assert_ne!(ended.code, 0, "{ended:?}");
        assert!(!ended.stderr.contains("new store"), "{ended:?}");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "{ended:?}");
    }
}

#[test]
fn a_first_write_killed_at_any_instant_leaves_a_store_with_its_key_or_none() {
    for step in 0..40 {
        let home = TestHome::new();
        home.run("connectors enable hubspot").code(0);
        if step % 2 == 0 {
            fs::remove_file(home.store()).unwrap();
        }
        let mut child = home.command(["session", "create"]).spawn().unwrap();
        std::thread::park_timeout(std::time::Duration::from_millis(step));
        _ = child.kill();
        child.wait().unwrap();
        let kept = home.run("session list -o id").code(0).stdout.lines().count();
        home.run("session create").code(0);
        assert_eq!(home.run("session list -o id").code(0).stdout.lines().count(), kept + 1);
    }
}

#[test]
fn a_full_disk_loses_nothing_that_was_answered() {
    let (home, _) = filled();
    let rows: String = (0..5_000).map(|row| format!("owner-{row}\n")).collect();
    home.file("f.csv", format!("origin_owner_id\n{rows}"));
    // A limit on the size of files stands for the disk's: SQLite sees a write that fails.
    let script = "trap '' XFSZ; ulimit -f 400; exec $H link create --from f.csv";
    let cut = home.shell(script).code(13).tells("error[store.").tells("\nhint: ");
    let sessions = || home.run("session list -o id").code(0).stdout.lines().count() - 1;
    let (answered, kept) = (cut.stdout.lines().count(), sessions());
    assert!(answered > 0 && answered == kept && kept % 100 == 0, "{answered} of {kept}");
    let whole = home.run("link create --from f.csv").code(0).stdout;
    assert!(whole.starts_with(&cut.stdout));
    assert_eq!((whole.lines().count(), sessions()), (5_000, 5_000));
}

#[test]
fn a_database_that_does_not_answer_is_told_without_its_password() {
    let home = TestHome::new();
    for (url, code) in [
        ("postgres://u:t0psecret@127.0.0.1:1/x", 10),
        ("postgres://u:t0psecret@nope.invalid/x", 10),
        ("postgres://u:t0psecret@h:port/x", 13),
        ("postgres://u:t0psecret@h/x?foo=t0psecret", 13),
        ("postgres://u:t0psecret@h/x?password=t0psecret&foo=1", 13),
        ("postgresql://u:t0psecret", 13),
        ("postgres://u:t0psecret@h:99999/x", 13),
        ("postgres://u:p@t0psecret@127.0.0.1:1/x", 13),
        ("postgres://h:1/x?password=p@t0psecret", 13),
    ] {
        for command in COMMANDS {
            for flags in ["-v", "--json", "-vv --dry-run"] {
                let ended = home.run(&format!("--state {url} {command} {flags}"));
                assert!(
                    !format!("{}{}", ended.stdout, ended.stderr).contains("t0psecret"),
                    "{ended:?}"
                );
                ended.code(code).tells("hint");
            }
        }
    }
}

#[test]
fn the_name_of_a_database_has_the_port_that_is_not_the_usual_one() {
    let home = TestHome::new();
    for (url, name) in [
        ("postgres://u:t0psecret@127.0.0.1:1/x", "postgres://u@127.0.0.1:1/x"),
        ("postgres://127.0.0.1:5432/x", "postgres://127.0.0.1/x"),
    ] {
        let shown = home.run(&format!("--state {url} store path --json")).code(0);
        assert_eq!(shown.json()["store"], name, "{shown:?}");
    }
}

#[test]
fn what_names_no_store_makes_none_and_is_not_repeated() {
    let home = TestHome::new();
    let before = fs::read_dir(home.path()).unwrap().count();
    for (state, told) in [
        ("mysql://u:t0psecret@db/hub", "HUBCTL_STATE: is an address that no store has"),
        ("postgresql+psycopg://u:t0psecret@db/hub", "no store has"),
        ("sqlite:///hub.db", "no store has"),
        ("https://hub.example.com/t0psecret", "--api-url"),
        ("host=db password=t0psecret", "is no address"),
        ("~/t0psecret.db", "`~`"),
        (":memory:", "./:memory:"),
        (":t0psecret", "`:`"),
        (" ", "is empty"),
    ] {
        for command in COMMANDS {
            let line: Vec<&str> = command.split(' ').collect();
            let output = home.command(&line).env("HUBCTL_STATE", state).output().unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{state}: {stderr}");
            assert!(stderr.contains(told) && stderr.contains("\nhint: "), "{state}: {stderr}");
            assert!(!stderr.contains("t0psecret") && output.stdout.is_empty(), "{stderr}");
        }
        home.args([&[&*format!("--state={state}")][..], &["connectors", "list"]].concat())
            .code(2)
            .tells("error[usage.bad_value]: --state: ");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), before, "{state}");
    }
    home.config("[profiles.default]\nstate = \"mysql://u:t0psecret@db/hub\"\n");
    home.run("connectors list").code(13).tells("profile `default`, state: is an address");
    let shown = home.run("config list").code(0);
    assert!(!format!("{shown:?}").contains("t0psecret"), "{shown:?}");
    home.run("config set state ~/hub.db").code(2).tells("`~`");
    home.run("config set state hub.db").code(0);
    home.run("connectors list").code(0);
}

#[test]
fn the_address_of_a_database_may_be_written_as_others_take_it() {
    let url = crate::support::postgres::database();
    let home = TestHome::new();
    let spelt = format!(" {}\n", url.replacen("postgres", "PostgreSQL", 1));
    let mut command = home.command(["connectors", "enable", "hubspot"]);
    let made = command.env("HUBCTL_STATE", spelt).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let found = home.args(["--state", &url, "connectors", "list", "--columns", "connector"]);
    assert_eq!(found.code(0).stdout, "hubspot\n");
}

#[test]
fn threat_33_a_master_key_that_can_not_be_used_is_refused_without_waiting() {
    let (home, _) = filled();
    fs::rename(home.path().join("hubctl.key"), home.path().join("right")).unwrap();
    home.run("session create").code(13).tells("error[key.missing]");
    private(&home, "short", &[7; 31]);
    let other: Vec<u8> = (0..32).collect();
    private(&home, "wrong", &other);
    private(&home, "open", &other);
    fs::set_permissions(home.path().join("open"), Permissions::from_mode(0o644)).unwrap();
    symlink("wrong", home.path().join("link")).unwrap();
    symlink("open", home.path().join("linked-open")).unwrap();
    home.shell("mkfifo pipe && chmod 600 pipe && mkdir folder").code(0);
    let before = home.dump();
    for (name, told) in [
        ("short", "error[key.malformed]"),
        ("wrong", "error[key.wrong]"),
        ("open", "error[store.permissions]"),
        ("link", "error[key.wrong]"),
        ("linked-open", "error[store.permissions]"),
        ("pipe", "not a plain file"),
        ("folder", "not a plain file"),
        ("absent", "error[key.missing]"),
    ] {
        let path = home.path().join(name);
        let mut command = home.command(["session", "create"]);
        let output = command.env("HUBCTL_MASTER_KEY_FILE", path).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(13), "{name}: {stderr}");
        assert!(stderr.contains(told), "{name}: {stderr}");
    }
    assert!(home.dump() == before);
    fs::rename(home.path().join("right"), home.path().join("hubctl.key")).unwrap();
    home.run("session create").code(0);
}

#[test]
fn a_store_that_was_named_and_is_not_there_is_told() {
    let home = TestHome::new().with("HUBCTL_STATE", "/nope/hub.db");
    home.run("store check")
        .code(13)
        .tells("there is no store /nope/hub.db")
        .tells("store.unreadable");
    home.run("connectors list").code(0).tells("note: there is no store /nope/hub.db yet");
    assert_eq!(home.run("connectors list -q").code(0).stderr, "");
    let doctor = home.run("doctor --json").code(0).json();
    let row = doctor.as_array().unwrap().iter().find(|row| row["check"] == "store").unwrap();
    assert_eq!(row["status"], "warning");
    // The usual one comes with the first write, and so does one that a write names.
    let home = TestHome::new();
    assert_eq!(home.run("connectors list").code(0).stderr, "");
    home.run("store check").code(0);
    let made = home.run("--state new.db connectors enable hubspot").code(0);
    assert!(!made.stderr.contains("there is no store"), "{made:?}");
    home.run("--state new.db store check").code(0);
}

#[test]
fn a_database_without_a_store_is_told_and_left_as_it_is() {
    let home = TestHome::postgres();
    for line in ["connectors list", "connectors list --json", "doctor"] {
        home.run(line).code(0).tells("note: there is no store postgres://");
    }
    home.run("connectors enable hubspot --dry-run").code(0);
    home.run("store check").code(13).tells("there is no store postgres://");
    let made = home.run("connectors enable hubspot").code(0).tells("note: made a new store: ");
    assert!(!made.stderr.contains("there is no store"), "{made:?}");
    assert_eq!(home.run("connectors list").code(0).stderr, "");
    home.run("store check").code(0);
}

#[test]
fn a_file_that_may_not_grow_is_a_full_disk() {
    let home = TestHome::new();
    // Of a store that is not there yet, and of one that is.
    for _ in 0..2 {
        home.shell("ulimit -f 0; \"$H\" projects create other").code(13).tells("store.full");
        home.run("connectors enable hubspot").code(0);
    }
    assert!(!home.run("projects list").code(0).stdout.contains("other"));
}

/// A container may run as a user of whom its system knows nothing.
#[cfg(target_os = "linux")]
#[test]
fn without_a_home_folder_whatever_needs_none_works() {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::chown;
    use std::os::unix::process::CommandExt as _;
    const STRANGER: u32 = 54_321;
    let home = TestHome::new();
    // Only root can become somebody else.
    if chown(home.path(), Some(STRANGER), Some(STRANGER)).is_err() {
        return;
    }
    // The folders above the program may be closed to others.
    let program = fs::File::open(env!("CARGO_BIN_EXE_hubctl")).unwrap();
    let path = format!("/proc/self/fd/{}", program.as_raw_fd());
    let run = |line: &str, pairs: &[(&str, &str)]| {
        let mut command = std::process::Command::new(&path);
        command.args(line.split(' ')).env_clear().envs(pairs.iter().copied()).current_dir("/");
        let output = command.uid(STRANGER).gid(STRANGER).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(run("version", &[]).0, 0);
    let store = home.store();
    let state = [("HUBCTL_STATE", store.to_str().unwrap())];
    assert_eq!(run("connectors enable hubspot", &state).0, 0);
    assert!(store.exists());
    assert_eq!(run("connectors list", &state).0, 0);
    let far = [("HUBCTL_API_URL", "http://127.0.0.1:1"), ("HUBCTL_API_KEY", "k")];
    let (_, told) = run("accounts list --retries 0", &far);
    assert!(told.contains("error[remote.unreachable]"), "{told}");
    for (line, pairs) in [("connectors list", &[][..]), ("profile list", &state[..])] {
        let (code, told) = run(line, pairs);
        assert_eq!(code, 13, "{line}: {told}");
        assert!(told.contains("there is no home folder"), "{line}: {told}");
    }
}
