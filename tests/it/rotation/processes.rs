//! The command and servers as processes of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hubctl::domain::time::{FixedClock, Timestamp};
use hubctl::hub::Hub;
use hubctl::hub::keyring::KeyringAccess;
use hubctl::hub::keysource::KeySources;
use hubctl::hub::random::SystemRandom;
use hubctl::hub::refresh::{self, Want};
use hubctl::hub::vault::MasterKey;
use hubctl::store::Store;
use serde_json::json;

use crate::support::cli::TestHome;
use crate::support::hub::block_on;
use crate::support::serving::{PATIENCE, Serving};

use super::{keys, write_keys};

const ROTATE: &str = "store rotate-key --yes --json";

fn hub_on(store: Store, file: Option<&Path>, beside: PathBuf) -> Hub {
    let keys =
        KeySources { file: file.map(Path::to_owned), keyring: KeyringAccess::none(), beside };
    let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_780_315_200_000)));
    let url = "http://127.0.0.1:4780".parse().unwrap();
    Hub::new(store, clock, Arc::new(SystemRandom::new()), keys, url)
}

/// Opens the credentials of these accounts of the default project.
fn open_all(hub: &Hub, ids: &[String]) {
    block_on(async {
        let caller = hub.local_caller(&"default".parse().unwrap()).await.unwrap();
        for id in ids {
            let usable =
                refresh::usable(hub, &caller, &id.parse().unwrap(), Want::Usable).await.unwrap();
            assert_eq!(usable.values.get("api_key"), Some("planted-key"));
        }
    });
}

/// Links accounts through a server until it is told to stop; answers those that it was promised.
fn link(
    serving: &Serving,
    key: &str,
    owner: &str,
    stop: &AtomicBool,
    count: &AtomicUsize,
) -> Vec<String> {
    let headers = format!("Authorization: Bearer {key}\r\n");
    let (mut client, mut ids) = (serving.connect(), Vec::new());
    while !stop.load(Ordering::Relaxed) || ids.len() < 5 {
        let body = json!({
            "provider": "bamboohr", "origin_owner_id": format!("{owner}-{}", ids.len()),
            "origin_owner_name": "Acme", "verify": false,
            "credentials": { "subdomain": "acme", "api_key": "planted-key" },
        });
        let made = client.post("/admin/accounts", &headers, &body.to_string()).status(201).json();
        ids.push(made["id"].as_str().unwrap().to_owned());
        count.fetch_add(1, Ordering::Relaxed);
        let session =
            json!({ "provider": "bamboohr", "origin_owner_id": owner, "origin_owner_name": "A" });
        client.post("/connect_sessions", &headers, &session.to_string()).status(201);
    }
    ids
}

fn wait_for_more(count: &AtomicUsize) {
    let (from, until) = (count.load(Ordering::Relaxed), Instant::now() + PATIENCE);
    while count.load(Ordering::Relaxed) < from + 8 {
        assert!(Instant::now() < until, "the writers stopped");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Writers at `servers` servers go on while `change` changes the keys.
fn under_load(home: &TestHome, servers: usize, change: impl FnOnce(&AtomicUsize)) -> Vec<String> {
    home.run("connectors enable bamboohr").code(0);
    let key = home.key("writer", &["platform:read", "platform:write", "connectors:read", "admin"]);
    let servers: Vec<Serving> = (0..servers).map(|_| home.serve("--rate-limit 0")).collect();
    let (stop, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let ids = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (serving, key) = (&servers[writer % servers.len()], key.as_str());
                let (stop, count) = (&stop, &count);
                scope.spawn(move || link(serving, key, &format!("writer-{writer}"), stop, count))
            })
            .collect();
        // Whatever happens, the writers end.
        let changed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| change(&count)));
        stop.store(true, Ordering::Relaxed);
        let ids: Vec<String> = writers.into_iter().flat_map(|one| one.join().unwrap()).collect();
        changed.unwrap();
        ids
    });
    for serving in servers {
        serving.stop();
    }
    ids
}

#[test]
fn threat_33_a_server_on_sqlite_goes_on_while_its_keys_are_changed() {
    let home = TestHome::new();
    let path = home.store().with_extension("key");
    let old = keys_when_made(&home, &path);
    let ids = under_load(&home, 1, |count| {
        for flags in ["", " --data-keys", ""] {
            wait_for_more(count);
            let done = home.run(&format!("{ROTATE}{flags}")).code(0).json();
            assert_eq!(done["changed"], true, "{done}");
            assert_ne!(done["before"]["key_id"], done["after"]["key_id"]);
            wait_for_more(count);
        }
    });
    open_all(&hub_on(Store::sqlite(home.store()), None, path.clone()), &ids);
    home.run("session create --provider bamboohr --origin-owner-id a").code(0);
    let new = fs::read(&path).unwrap();
    write_keys(&path, &[&old]);
    home.run("session create --provider bamboohr --origin-owner-id a").code(13).tells("key.wrong");
    fs::write(&path, new).unwrap();
    home.run("session create --provider bamboohr --origin-owner-id a").code(0);
}

fn keys_when_made(home: &TestHome, path: &Path) -> MasterKey {
    home.run("session create --origin-owner-id first").code(0);
    keys(path).remove(0)
}

#[test]
fn threat_33_replicas_on_postgresql_go_on_while_their_key_file_gets_another_key() {
    let url = crate::support::postgres::database();
    let home = TestHome::new().with("HUBCTL_STATE", &url);
    let path = home.path().join("master.key");
    let random = SystemRandom::new();
    let [old, new] = [(); 2].map(|()| MasterKey::generate(&random).unwrap());
    write_keys(&path, &[&old]);
    let home = home.with("HUBCTL_MASTER_KEY_FILE", &path);
    home.run("session create --origin-owner-id first").code(0);
    let ids = under_load(&home, 2, |count| {
        wait_for_more(count);
        // Both keys are at hand everywhere before anything is wrapped anew.
        write_keys(&path, &[&old, &new]);
        let done = home.run(&format!("{ROTATE} --data-keys")).code(0).tells("take key").json();
        assert_eq!(done["after"]["key_id"], new.id().to_string());
        assert_eq!(done["after"]["kept_in"], "external");
        wait_for_more(count);
        write_keys(&path, &[&new]);
        wait_for_more(count);
    });
    open_all(&hub_on(Store::postgres(&url).unwrap(), Some(&path), home.path().join("x")), &ids);
    write_keys(&path, &[&old]);
    home.run("session create --provider bamboohr --origin-owner-id a").code(13).tells("key.wrong");
}

/// The command is killed at moments that nobody chose.
#[test]
fn threat_33_kill_9_at_any_moment_leaves_a_store_that_opens() {
    let home = TestHome::new();
    let path = home.store().with_extension("key");
    keys_when_made(&home, &path);
    home.run("connectors enable bamboohr").code(0);
    let sets = "--origin-owner-name A --set subdomain=acme --set api_key=planted-key";
    let ids: Vec<String> =
        (0..3).map(|number| home.account("bamboohr", &format!("o{number}"), sets)).collect();
    let started = Instant::now();
    home.run(&format!("{ROTATE} --data-keys")).code(0);
    let usual = started.elapsed();
    for round in 0..24_u32 {
        let command = format!("{ROTATE} --data-keys");
        let mut child = home.command(command.split_whitespace()).spawn().unwrap();
        // From its first moment to its last one.
        std::thread::park_timeout(usual * round / 24);
        child.kill().unwrap();
        child.wait().unwrap();
        open_all(&hub_on(Store::sqlite(home.store()), None, path.clone()), &ids);
        home.run("session create --provider bamboohr --origin-owner-id a").code(0);
        assert!((1..=2).contains(&keys(&path).len()), "{round}");
    }
    home.run(&format!("{ROTATE} --data-keys")).code(0);
    // What is left of the last run that was killed, and nothing of those before.
    home.run(ROTATE).code(0);
    assert_eq!(keys(&path).len(), 1);
    open_all(&hub_on(Store::sqlite(home.store()), None, path), &ids);
}

#[test]
fn the_command_asks_first_and_says_what_it_did() {
    let home = TestHome::new();
    home.run("store rotate-key --yes").code(13).tells("key.missing");
    let path = home.store().with_extension("key");
    let old = keys_when_made(&home, &path);
    let refused = home.run("store rotate-key --json").code(7).error();
    assert_eq!(refused["code"], "confirm.required");
    let former = format!("{}.{}", path.display(), old.id());
    assert!(refused["message"].as_str().unwrap().contains(&former), "{refused}");
    assert_eq!(keys(&path)[0].id(), old.id(), "nothing was done");
    assert_eq!(home.run("store path --json").json()["former_key_files"], json!([]));
    fs::copy(home.store(), home.path().join("backup.db")).unwrap();
    let told = home.run("store rotate-key --dry-run --data-keys --json").code(0).json();
    assert_eq!((&told["dry_run"], &told["rewrapped_keys"]), (&json!(true), &json!(1)));
    assert_eq!((&told["before"], &told["operation_id"]), (&told["after"], &json!(null)));
    assert_eq!(told["former_key_in"], former.as_str());
    home.run("store rotate-key --yes -o wide").code(0).tells("backups of the store").tells(&former);
    assert_eq!(home.run("store path --json").json()["former_key_files"], json!([former]));
    // The backup of before opens with it.
    let line = format!(
        "HUBCTL_STATE=backup.db HUBCTL_MASTER_KEY_FILE={former} $H session create \
         --origin-owner-id first"
    );
    home.shell(&line).code(0);
    home.run("store rotate-key --cancel --yes").code(0);
    home.run("store rotate-key --prepare --yes --quiet").code(0).tells("");
    assert_eq!(keys(&path).len(), 2);
    let given_up = home.run("store rotate-key --cancel --yes --json").code(0).json();
    assert_eq!(
        (&given_up["changed"], given_up["before"]["next_key_id"].is_string()),
        (&json!(true), true)
    );
    assert_eq!(keys(&path).len(), 1);
    home.run("store rotate-key --yes --new-key-file x.key")
        .code(2)
        .tells("leave --new-key-file out");
    assert!(!home.path().join("x.key").exists());
    home.run("store rotate-key --cancel --prepare").code(2);
    // A remote profile has no store.
    let away = TestHome::new()
        .with("HUBCTL_API_URL", "http://127.0.0.1:1")
        .with("HUBCTL_API_KEY", "v1.local.1_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    away.run("store rotate-key --yes").code(2).tells("needs a local store");
    let protected = home.run("store rotate-key --yes --confirm other").code(7);
    assert!(protected.stderr.contains("profile.protected"), "{protected:?}");
    assert!(!protected.stderr.contains(&*old.to_text()));
}

#[test]
fn threat_33_a_half_rotated_store_ends_commands_and_servers_with_13() {
    let home = TestHome::new();
    let path = home.store().with_extension("key");
    let old = keys_when_made(&home, &path);
    home.run("store rotate-key --prepare --yes").code(0);
    // As it is where a run was killed before it wrapped the first key anew.
    let store = rusqlite::Connection::open(home.store()).unwrap();
    store
        .execute_batch("update data_keys set next_master_key = null, next_wrapped = null")
        .unwrap();
    let both = keys(&path);
    assert_eq!(both[0].id(), old.id());
    write_keys(&path, &[&both[1]]);
    let lines = ["session create --origin-owner-id a", "serve --listen 127.0.0.1:0", "store check"];
    for line in lines {
        let ended = home.run(line).code(13);
        assert!(!ended.stderr.contains(&*both[1].to_text()), "{ended:?}");
    }
    home.run(lines[0]).code(13).tells("key.half_rotated").tells("hubctl store rotate-key");
    home.run("store rotate-key --yes").code(13).tells(&old.id().to_string());
    write_keys(&path, &[&both[0], &both[1]]);
    home.run("store check").code(0);
    let told = home.run("store check --json").code(0).json();
    assert_eq!((&told[1]["check"], &told[1]["status"]), (&json!("keys"), &json!("warning")));
    home.run("store rotate-key --yes").code(0);
    let told = home.run("store check --json").code(0).json();
    assert_eq!(told[1]["status"], "ok", "{told}");
    home.run(lines[0]).code(0);
}

#[test]
fn a_check_names_what_can_not_be_opened_and_where_the_store_is() {
    for home in [TestHome::new(), TestHome::postgres()] {
        home.run("connectors enable bamboohr").code(0);
        let sets = "--origin-owner-name A --set subdomain=acme --set api_key=planted-key";
        let ids = ["a", "b"].map(|owner| home.account("bamboohr", owner, sets));
        let told = home.run("store check --json").code(0).json();
        assert_eq!(told[2]["message"], "2 can be opened", "{told}");
        let shown = home.run("store path").code(0).stdout;
        if home.store().exists() {
            assert_eq!(shown.trim(), home.store().to_str().unwrap());
            let store = rusqlite::Connection::open(home.store()).unwrap();
            let sql = "update account_credentials set sealed = zeroblob(80) where account = ?1";
            store.execute(sql, [&ids[1]]).unwrap();
            let failed = home.run("store check").code(13);
            assert!(failed.stdout.contains(&ids[1]) && !failed.stdout.contains(&ids[0]));
            drop(store);
        } else {
            assert!(shown.starts_with("postgres://") && told[0]["status"] == "skipped", "{told}");
        }
    }
}

#[test]
fn a_key_file_of_ones_own_gets_a_neighbour_and_the_way_on_is_told() {
    let home = TestHome::new();
    let (old, new) = (home.path().join("old.key"), home.path().join("new.key"));
    write_keys(&old, &[&MasterKey::generate(&SystemRandom::new()).unwrap()]);
    let home = home.with("HUBCTL_MASTER_KEY_FILE", &old);
    home.run("session create --origin-owner-id first").code(0);
    home.run("store rotate-key --yes").code(2).tells("--new-key-file");
    let line = "store rotate-key --yes --new-key-file new.key";
    let content = fs::read(&old).unwrap();
    home.run(line).code(0).tells("set HUBCTL_MASTER_KEY_FILE to new.key").tells("made a new key");
    assert_eq!(fs::read(&old).unwrap(), content);
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o600);
    }
    home.run("session create --origin-owner-id first").code(13).tells("key.wrong");
    let again = home.run(&format!("{line} --json")).code(0).json();
    assert_eq!(again["changed"], false);
    let home = home.with("HUBCTL_MASTER_KEY_FILE", &new);
    home.run("session create --origin-owner-id first").code(0);
}
