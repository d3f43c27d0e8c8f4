//! Keys in a real keyring: gnome-keyring on a bus of its own, and the ways it can fail.
//!
//! What is tested must run inside that bus, so each test runs itself once more, there.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hubctl::domain::time::{FixedClock, Timestamp};
use hubctl::error::{HubError, codes};
use hubctl::hub::keyring::{self, KeyringAccess};
use hubctl::hub::keysource::{Created, Kept, KeyPlace, KeySources, StoreKey, create, forget, load};
use hubctl::hub::random::SystemRandom;
use hubctl::hub::vault::MasterKey;
use hubctl::hub::{Hub, rotation};
use hubctl::store::Store;
use tempfile::TempDir;

use crate::support::hub::block_on;

/// Set in the second run: the folder for everything that it writes.
const INSIDE: &str = "KEYRING_TEST_FOLDER";

/// Which keyring the second run meets.
#[derive(Clone, Copy)]
enum Meets {
    /// A bus where nothing offers secrets.
    EmptyBus,
    /// A bus that waits for a service which never starts.
    NeverStarts,
    /// A daemon whose keyring is open.
    Unlocked,
    /// A daemon without any keyring to put an entry in, and nobody to ask for a password.
    NoCollection,
}

impl Meets {
    const fn script(self) -> &'static str {
        match self {
            Self::EmptyBus | Self::NeverStarts => r#"exec "$0" "$@""#,
            Self::Unlocked => {
                r#"printf 'pass\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
                   until dbus-send --print-reply --dest=org.freedesktop.DBus / \
                     org.freedesktop.DBus.NameHasOwner string:org.freedesktop.secrets |
                     grep -q true; do :; done
                   exec "$0" "$@""#
            }
            Self::NoCollection => {
                r#"gnome-keyring-daemon --start --components=secrets >/dev/null 2>&1
                   until dbus-send --print-reply --dest=org.freedesktop.DBus / \
                     org.freedesktop.DBus.NameHasOwner string:org.freedesktop.secrets |
                     grep -q true; do :; done
                   exec "$0" "$@""#
            }
        }
    }
}

/// The folder of this test, if this is the second run.
#[expect(clippy::disallowed_methods, reason = "the first run tells the second one where to write")]
fn inside() -> Option<PathBuf> {
    std::env::var_os(INSIDE).map(PathBuf::from)
}

#[expect(clippy::disallowed_methods, reason = "the bus of this test is told by the environment")]
fn sources(folder: &Path) -> KeySources {
    let keyring = KeyringAccess {
        bus_address: std::env::var_os("DBUS_SESSION_BUS_ADDRESS"),
        runtime_dir: std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from),
        disabled: false,
        limit: KeyringAccess::LIMIT,
    };
    KeySources { file: None, keyring, beside: folder.join("state/master.key") }
}

/// This test once more, with an environment of its own.
fn again(folder: &Path, before: &[&str]) -> Command {
    let (this, thread) = (std::env::current_exe().unwrap(), std::thread::current());
    let mut words = before.iter().map(|word| (*word).to_owned());
    let mut command = match words.next() {
        Some(program) => Command::new(program),
        None => Command::new(&this),
    };
    if !before.is_empty() {
        command.args(words).arg(&this);
    }
    command
        // Its thread has its name.
        .args(["--exact", thread.name().unwrap(), "--nocapture", "--test-threads=1"])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", folder)
        .env("XDG_RUNTIME_DIR", folder)
        .env(INSIDE, folder)
        .stdin(Stdio::null());
    command
}

#[track_caller]
fn passes(mut command: Command) {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{error}: these tests need `apt-get install dbus gnome-keyring libsecret-tools`")
    });
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    assert!(out.contains("1 passed"), "the test did not run itself:\n{out}");
}

/// Runs the test once more on a bus of its own.
#[track_caller]
fn on_a_bus(meets: Meets, folder: &Path) {
    let wanted = ["/usr/bin/dbus-run-session", "/usr/bin/gnome-keyring-daemon"];
    for program in wanted {
        assert!(
            Path::new(program).exists(),
            "{program} is missing: `apt-get install dbus gnome-keyring libsecret-tools`"
        );
    }
    let config = folder.join("bus.conf");
    fs::write(&config, bus_config(meets, folder)).unwrap();
    let config = format!("--config-file={}", config.display());
    passes(again(folder, &["dbus-run-session", &config, "--", "sh", "-c", meets.script()]));
}

/// The folder of this test in its second run; the first one runs it once more on a bus of its own.
#[track_caller]
fn on_its_bus(meets: Meets) -> Option<PathBuf> {
    let found = inside();
    if found.is_none() {
        on_a_bus(meets, short_folder().path());
    }
    found
}

/// The same with a bus that takes connections and never answers.
#[track_caller]
fn on_a_silent_bus() -> Option<PathBuf> {
    let found = inside();
    if found.is_none() {
        let folder = short_folder();
        let socket = folder.path().join("bus");
        // Connections are taken by the system and stay without an answer.
        let _listener = UnixListener::bind(&socket).unwrap();
        let mut command = again(folder.path(), &[]);
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", socket.display()));
        passes(command);
    }
    found
}

/// A bus on which nothing is started unasked but what the test wants.
fn bus_config(meets: Meets, folder: &Path) -> String {
    let services = folder.join("services");
    fs::create_dir_all(&services).unwrap();
    if let Meets::NeverStarts = meets {
        // It lets go of the pipes that this test reads to their end.
        let starter = services.join("never");
        fs::write(&starter, "exec sleep 10 >/dev/null 2>&1").unwrap();
        let service = format!(
            "[D-BUS Service]\nName=org.freedesktop.secrets\nExec=/bin/sh {}\n",
            starter.display()
        );
        fs::write(services.join("org.freedesktop.secrets.service"), service).unwrap();
    }
    let (listen, services) = (folder.display(), services.display());
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
           "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
           <busconfig>
             <type>session</type>
             <listen>unix:dir={listen}</listen>
             <servicedir>{services}</servicedir>
             <policy context="default">
               <allow send_destination="*" eavesdrop="true"/>
               <allow eavesdrop="true"/>
               <allow own="*"/>
             </policy>
           </busconfig>"#
    )
}

/// A short path: it has to hold sockets.
fn short_folder() -> TempDir {
    tempfile::Builder::new().prefix("hubctl-kr-").tempdir_in("/tmp").unwrap()
}

fn make(sources: &KeySources) -> Created {
    create(sources, "store-1", &SystemRandom::new()).unwrap()
}

fn store(made: &Created, place: KeyPlace) -> StoreKey {
    StoreKey { store_id: "store-1".to_owned(), kept: Some(Kept { place, ..made.kept() }) }
}

#[track_caller]
fn falls_to_the_file(sources: &KeySources, reason: &str) -> Created {
    let made = make(sources);
    assert_eq!(made.place, KeyPlace::File, "{made:?}");
    let note = made.note.as_deref().unwrap();
    assert!(note.contains(reason) && note.contains("master.key"), "{note}");
    load(sources, &store(&made, KeyPlace::File)).unwrap();
    made
}

/// A look opens nothing: a locked keyring asks nobody for its password.
#[track_caller]
fn looks(folder: &Path, expected: &str) {
    let start = Instant::now();
    let looked = keyring::look(&sources(folder).keyring);
    let told = looked.map_or_else(|trouble| trouble.to_string(), |()| "open".to_owned());
    assert!(told.contains(expected), "{told}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[track_caller]
fn keyring_fails(sources: &KeySources, store: &StoreKey) {
    let error: HubError = load(sources, store).unwrap_err();
    assert_eq!(error.code().name, codes::KEYRING_FAILED.name, "{error:?}");
    assert!(error.hint_text().unwrap().contains("HUBCTL_MASTER_KEY_FILE"), "{error:?}");
}

#[test]
fn an_open_keyring_keeps_the_key() {
    let Some(folder) = on_its_bus(Meets::Unlocked) else { return };
    looks(&folder, "open");
    let sources = sources(&folder);
    let made = make(&sources);
    assert_eq!((made.place, &made.note), (KeyPlace::Keyring, &None));
    assert!(!sources.beside.exists());
    let found = load(&sources, &store(&made, KeyPlace::Keyring)).unwrap();
    assert_eq!((found.key.id(), found.place), (made.key.id(), KeyPlace::Keyring));
    assert_eq!(make(&sources).key.id(), made.key.id(), "an entry that is there is used again");

    // An independent reader finds it under the documented names.
    let lookup = ["lookup", "service", "hubctl", "username", "store-1"];
    let shown = Command::new("secret-tool").args(lookup).output().unwrap();
    assert_eq!(String::from_utf8(shown.stdout).unwrap().trim(), made.key.to_text().as_str());

    // Another key under the store's id is the wrong one; a missing entry is never replaced.
    let other = MasterKey::generate(&SystemRandom::new()).unwrap();
    keyring::set(&sources.keyring, "store-1", &other.to_text()).unwrap();
    let error = load(&sources, &store(&made, KeyPlace::Keyring)).unwrap_err();
    assert_eq!(error.code().name, codes::KEY_WRONG.name, "{error:?}");
    keyring::set(&sources.keyring, "store-1", "planted words").unwrap();
    for error in [
        load(&sources, &store(&made, KeyPlace::Keyring)).unwrap_err(),
        create(&sources, "store-1", &SystemRandom::new()).unwrap_err(),
    ] {
        assert_eq!(error.code().name, codes::KEY_MALFORMED.name, "{error:?}");
        assert!(!format!("{error:?}").contains("planted"), "{error:?}");
    }
    assert!(keyring::delete(&sources.keyring, "store-1").unwrap());
    assert!(!keyring::delete(&sources.keyring, "store-1").unwrap());
    let error = load(&sources, &store(&made, KeyPlace::Keyring)).unwrap_err();
    assert_eq!(error.code().name, codes::KEY_MISSING.name, "{error:?}");
    assert!(keyring::get(&sources.keyring, "store-1").unwrap().is_none());
}

#[test]
fn an_entry_that_its_store_did_not_keep_goes_again() {
    let Some(folder) = on_its_bus(Meets::Unlocked) else { return };
    let sources = sources(&folder);
    let made = make(&sources);
    assert!(made.is_new);
    assert!(!make(&sources).is_new, "one that is there is not this call's to take away");
    let other = MasterKey::generate(&SystemRandom::new()).unwrap();
    forget(&sources, "store-1", Kept { key_id: other.id(), ..made.kept() });
    assert!(keyring::get(&sources.keyring, "store-1").unwrap().is_some());
    forget(&sources, "store-1", made.kept());
    assert!(keyring::get(&sources.keyring, "store-1").unwrap().is_none());
}

#[test]
fn makers_at_the_same_time_share_the_entry() {
    let Some(folder) = on_its_bus(Meets::Unlocked) else { return };
    let sources = sources(&folder);
    let makers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| make(&sources))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let first = makers[0].key.id();
    assert!(makers.iter().all(|made| made.place == KeyPlace::Keyring && made.key.id() == first));
}

#[test]
fn a_bus_without_a_keyring_falls_to_the_file() {
    let Some(folder) = on_its_bus(Meets::EmptyBus) else { return };
    looks(&folder, "there is no system keyring");
    let sources = sources(&folder);
    let start = Instant::now();
    let made = falls_to_the_file(&sources, "keyring");
    keyring_fails(&sources, &store(&made, KeyPlace::Keyring));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[test]
fn a_service_that_never_starts_is_given_up_in_time() {
    let Some(folder) = on_its_bus(Meets::NeverStarts) else { return };
    looks(&folder, "did not answer");
    let start = Instant::now();
    falls_to_the_file(&sources(&folder), "did not answer");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[test]
fn a_keyring_without_a_collection_falls_to_the_file() {
    let Some(folder) = on_its_bus(Meets::NoCollection) else { return };
    looks(&folder, "locked");
    let sources = sources(&folder);
    falls_to_the_file(&sources, "keyring");
}

#[test]
fn a_locked_keyring_is_never_taken_for_an_empty_one() {
    let Some(folder) = inside() else {
        let folder = short_folder();
        // The same home twice: first open, then without its password.
        on_a_bus(Meets::Unlocked, folder.path());
        return on_a_bus(Meets::NoCollection, folder.path());
    };
    let (sources, made) = (sources(&folder), folder.join("made"));
    if let Ok(key_id) = fs::read_to_string(&made) {
        looks(&folder, "locked");
        let key_id = key_id.parse().unwrap();
        let kept = Kept { place: KeyPlace::Keyring, key_id, next: None };
        let store = StoreKey { store_id: "store-1".to_owned(), kept: Some(kept) };
        keyring_fails(&sources, &store);
        falls_to_the_file(&sources, "keyring");
    } else {
        let key = make(&sources);
        assert_eq!(key.place, KeyPlace::Keyring);
        fs::write(made, key.key.id().to_string()).unwrap();
    }
}

#[test]
fn a_bus_that_never_answers_is_given_up_in_time() {
    let Some(folder) = on_a_silent_bus() else { return };
    looks(&folder, "did not answer");
    let sources = sources(&folder);
    let start = Instant::now();
    let made = falls_to_the_file(&sources, "did not answer");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    let start = Instant::now();
    keyring_fails(&sources, &store(&made, KeyPlace::Keyring));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[test]
fn a_dead_bus_address_falls_to_the_file_at_once() {
    let Some(folder) = inside() else {
        let folder = short_folder();
        let mut command = again(folder.path(), &[]);
        let nowhere = folder.path().join("nothing-here");
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", nowhere.display()));
        return passes(command);
    };
    looks(&folder, "there is no system keyring");
    let sources = sources(&folder);
    let start = Instant::now();
    let made = falls_to_the_file(&sources, "no system keyring");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    keyring_fails(&sources, &store(&made, KeyPlace::Keyring));
}

#[test]
fn without_any_bus_the_file_is_used_at_once() {
    let Some(folder) = inside() else {
        let folder = short_folder();
        return passes(again(folder.path(), &[]));
    };
    let start = Instant::now();
    falls_to_the_file(&sources(&folder), "no system keyring");
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

/// A store in the home of this bus, opened as the program would.
fn hub(folder: &Path) -> Hub {
    let beside = folder.join("config/hubctl.key");
    let keys = KeySources { beside, ..sources(folder) };
    let clock = FixedClock::at(Timestamp::from_millis(1_780_315_200_000));
    let store = Store::sqlite(folder.join("config/hubctl.db"));
    let url = "http://127.0.0.1:4780".parse().unwrap();
    Hub::new(store, Arc::new(clock), Arc::new(SystemRandom::new()), keys, url)
}

#[test]
fn threat_33_the_key_in_a_keyring_is_changed_and_gone_on_with() {
    let Some(folder) = on_its_bus(Meets::Unlocked) else { return };
    let access = sources(&folder).keyring;
    let session = "session create --origin-owner-id acme";
    ends(&folder, session, &[], 0);
    // An independent reader: the entry has one key, and two while it is being changed.
    let entry = || -> Vec<String> {
        let search = ["search", "--all", "service", "hubctl"];
        let shown = Command::new("secret-tool").args(search).output().unwrap();
        let told = String::from_utf8([shown.stdout, shown.stderr].concat()).unwrap();
        let mut ids = told.lines().filter_map(|line| line.strip_prefix("attribute.username = "));
        // Former keys have an id of theirs behind that of the store.
        let id = ids.find(|id| !id.contains('.'));
        let text = keyring::get(&access, id.unwrap()).unwrap().unwrap();
        text.lines().map(str::to_owned).collect()
    };
    let first = entry();
    assert_eq!(first.len(), 1);
    for stop in 0..5 {
        block_on(async {
            let (hub, mut left) = (hub(&folder), stop);
            let caller = hub.local_caller(&"default".parse().unwrap()).await.unwrap();
            let die = |_: rotation::Step| {
                left -= 1;
                if left >= 0 { Ok(()) } else { Err(HubError::new(&codes::INTERRUPTED, "dies")) }
            };
            let died = rotation::rotate(&hub, &caller, &rotation::Wanted::default(), die).await;
            assert_eq!(died.unwrap_err().code().name, codes::INTERRUPTED.name);
        });
        assert_eq!(entry().len(), if stop < 4 { 2 } else { 1 }, "{stop}");
        ends(&folder, session, &[], 0);
        let (out, _) = ends(&folder, "store rotate-key --yes --json", &[], 0);
        let told: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(told["after"]["kept_in"], "keyring", "{told}");
        assert_eq!(told["resumed"], stop < 4, "{told}");
        assert_eq!(entry().len(), 1, "{stop}");
        ends(&folder, session, &[], 0);
    }
    assert_ne!(entry(), first);
    assert!(!folder.join("config/hubctl.key").exists(), "no key is left in a file");
    // The first key stays for older backups, and both entries are named.
    let (out, _) = ends(&folder, "store path --json", &[], 0);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    let id = told["keyring_entry"].as_str().unwrap();
    let old = MasterKey::parse(first[0].as_bytes()).unwrap().id();
    let kept = keyring::get(&access, &format!("{id}.{old}")).unwrap().unwrap();
    assert_eq!(*kept, first[0]);
    let lookup = ["lookup", "service", "hubctl", "username", id];
    let shown = Command::new("secret-tool").args(lookup).output().unwrap().stdout;
    assert_eq!(String::from_utf8(shown).unwrap().trim(), entry()[0], "as the README says");
    let (out, _) = ends(&folder, "store check --json", &[], 0);
    assert!(out.contains(&format!("the entry {id} of the service hubctl")), "{out}");
    // The old key alone opens nothing any more, and the entry is not touched by that.
    let old = folder.join("old.key");
    fs::write(&old, &first[0]).unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o600)).unwrap();
    let with_old = [("HUBCTL_MASTER_KEY_FILE", old.to_str().unwrap())];
    let (_, told) = ends(&folder, session, &with_old, 13);
    assert!(told.contains("key.wrong"), "{told}");
    ends(&folder, session, &[], 0);
}

/// Runs the program as a user of this bus would: its answer, and how long it took.
#[expect(clippy::disallowed_methods, reason = "the bus of this test is told by the environment")]
fn hubctl(folder: &Path, line: &str, env: &[(&str, &str)], input: &str) -> (Output, Duration) {
    let keyring = ["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "HOME"];
    let keyring = keyring.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut command = Command::new(env!("CARGO_BIN_EXE_hubctl"));
    command
        .args(line.split(' '))
        .env_clear()
        .envs(keyring)
        .env("HUBCTL_CONFIG_DIR", folder.join("config"))
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = [output.stdout.as_slice(), &output.stderr].concat();
    let told = String::from_utf8(told).unwrap();
    assert!(!told.contains(API_KEY), "{line}: {told}");
    (output, start.elapsed())
}

const API_KEY: &str = "v1.eu1.s3cret-of-this-test";
const LOGIN: &str = "auth login -P far --api-url https://hub.example.com --key-stdin --no-verify";
const STATUS: &str = "auth status -P far --offline --json";

#[track_caller]
fn ends(folder: &Path, line: &str, env: &[(&str, &str)], code: i32) -> (String, String) {
    let (output, took) = hubctl(folder, line, env, API_KEY);
    let (out, err) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(code), "{line}\n{out}\n{err}");
    assert!(took < Duration::from_secs(4), "{line}: {took:?}");
    (out, err)
}

/// The keyring can't be used: that is said, with the way out, and nothing is written in its place.
#[track_caller]
fn the_way_out_is_told(folder: &Path) {
    let (_, told) = ends(folder, LOGIN, &[], 13);
    assert!(told.contains("error[key.keyring]") && told.contains("--store file"), "{told}");
    assert!(!folder.join("config").join("config.toml").exists());
    assert!(!folder.join("config").join("keys").exists());
    ends(folder, &format!("{LOGIN} --store file"), &[], 0);
    ends(folder, STATUS, &[], 0);
    ends(folder, "config set key keyring -P far", &[], 0);
    the_environment_comes_first(folder);
}

/// A key that a profile says is there can't be read: that is not said to be missing.
#[track_caller]
fn the_key_can_not_be_read(folder: &Path) {
    let (_, told) = ends(folder, STATUS, &[], 13);
    assert!(told.contains("key.keyring") && told.contains("HUBCTL_API_KEY"), "{told}");
}

/// A key of the environment is used at once: the keyring, whatever it does, is not even opened.
#[track_caller]
fn the_environment_comes_first(folder: &Path) {
    let file = folder.join("env-key");
    fs::write(&file, API_KEY).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let file = file.to_str().unwrap();
    for env in [("HUBCTL_API_KEY", API_KEY), ("HUBCTL_API_KEY_FILE", file)] {
        let start = Instant::now();
        ends(folder, STATUS, &[env], 0);
        assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
    }
}

#[test]
fn an_api_key_is_kept_found_and_forgotten() {
    let Some(folder) = on_its_bus(Meets::Unlocked) else { return };
    ends(&folder, LOGIN, &[], 0);
    assert!(!folder.join("config/keys").exists());
    let text = fs::read_to_string(folder.join("config/config.toml")).unwrap();
    assert!(text.contains("key = \"keyring\"") && !text.contains("s3cret"), "{text}");
    let (status, _) = ends(&folder, STATUS, &[], 0);
    assert!(status.contains("\"key_source\":\"keyring\""), "{status}");
    // An independent reader finds it under the documented names, with what it is bound to.
    let lookup = ["lookup", "service", "hubctl", "username", "api-key/far"];
    let shown = Command::new("secret-tool").args(lookup).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains(API_KEY) && shown.contains("https://hub.example.com"), "{shown}");

    let (_, told) = ends(&folder, &format!("{STATUS} --api-url https://evil.example"), &[], 4);
    assert!(told.contains("auth.origin_mismatch"), "{told}");
    let (_, told) = ends(&folder, &format!("{STATUS} --project other"), &[], 4);
    assert!(told.contains("auth.origin_mismatch"), "{told}");
    the_environment_comes_first(&folder);

    // Moved to a file, it leaves the keyring; moved back, the file.
    ends(&folder, &format!("{LOGIN} --store file"), &[], 0);
    let access = sources(&folder).keyring;
    assert!(keyring::get(&access, "api-key/far").unwrap().is_none());
    ends(&folder, &format!("{LOGIN} --store keyring"), &[], 0);
    assert!(!folder.join("config/keys/far.json").exists());
    keyring::set(&access, "api-key/far", "planted words").unwrap();
    let (_, told) = ends(&folder, STATUS, &[], 4);
    assert!(told.contains("auth.key_malformed") && !told.contains("planted"), "{told}");
    ends(&folder, "auth logout -P far", &[], 0);
    assert!(keyring::get(&access, "api-key/far").unwrap().is_none());
    ends(&folder, STATUS, &[], 4);
    ends(&folder, LOGIN, &[], 0);
    ends(&folder, "profile delete far --yes", &[], 0);
    assert!(keyring::get(&access, "api-key/far").unwrap().is_none());
}

#[test]
fn an_api_key_in_a_locked_keyring_is_not_taken_for_missing() {
    let Some(folder) = inside() else {
        let folder = short_folder();
        // The same home twice: first open, then without its password.
        on_a_bus(Meets::Unlocked, folder.path());
        return on_a_bus(Meets::NoCollection, folder.path());
    };
    if !folder.join("config").exists() {
        ends(&folder, LOGIN, &[], 0);
        return;
    }
    let (_, told) = ends(&folder, STATUS, &[], 13);
    assert!(told.contains("key.keyring") && told.contains("unlock it"), "{told}");
    the_environment_comes_first(&folder);
    for line in ["auth logout -P far", "profile delete far --yes"] {
        let (_, told) = ends(&folder, line, &[], 13);
        assert!(told.contains("config unset key -P far"), "{told}");
    }
    let (_, told) = ends(&folder, &format!("{LOGIN} --store file"), &[], 0);
    assert!(told.contains("the old key stays in the keyring"), "{told}");
    ends(&folder, STATUS, &[], 0);
}

#[test]
fn without_a_keyring_an_api_key_goes_nowhere_unasked() {
    let Some(folder) = inside() else {
        for meets in [Meets::EmptyBus, Meets::NeverStarts] {
            on_a_bus(meets, short_folder().path());
        }
        let folder = short_folder();
        return passes(again(folder.path(), &[]));
    };
    the_way_out_is_told(&folder);
    the_key_can_not_be_read(&folder);
}

#[test]
fn a_keyring_without_a_collection_takes_no_api_key() {
    let Some(folder) = on_its_bus(Meets::NoCollection) else { return };
    the_way_out_is_told(&folder);
    // It answers that it has no such entry, which is true.
    let (_, told) = ends(&folder, STATUS, &[], 4);
    assert!(told.contains("auth.no_key"), "{told}");
}

#[test]
fn a_bus_that_never_answers_does_not_hold_a_login() {
    let Some(folder) = on_a_silent_bus() else { return };
    the_way_out_is_told(&folder);
    the_key_can_not_be_read(&folder);
    let (_, told) = ends(&folder, STATUS, &[], 13);
    assert!(told.contains("did not answer within 2s"), "{told}");
}
