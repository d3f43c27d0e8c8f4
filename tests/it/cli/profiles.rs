//! Profiles, settings and keys, as the built program handles them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use rexpect::process::WaitStatus;
use rexpect::session::PtySession;

use crate::support::cli::{Ended, TestHome};

const KEY: &str = "v1.eu1.s3cret-key-text";
const HUB: &str = "https://hub.example.com";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A file for the user alone.
fn private(home: &TestHome, name: &str, text: &str) {
    let path = home.file(name, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A home with a profile `far` that acts on `HUB` and keeps its key in a file.
fn logged_in() -> TestHome {
    let home = TestHome::new();
    home.run(&format!("profile create far --api-url {HUB} --project live")).code(0);
    home.piped("auth login -P far --key-stdin --store file --no-verify", KEY).code(0);
    home
}

fn code(mut session: PtySession) -> i32 {
    session.exp_eof().unwrap();
    match session.process().wait().unwrap() {
        WaitStatus::Exited(_, code) => code,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn no_secret(ended: &Ended) {
    assert!(!ended.stdout.contains("s3cret") && !ended.stderr.contains("s3cret"), "{ended:#?}");
}

#[test]
fn profiles_are_made_chosen_shown_and_deleted() {
    let home = TestHome::new();
    assert_eq!(home.run("profile list --json").code(0).stdout.trim(), "[]");
    let made = home.run(&format!("profile create prod --api-url {HUB} --protected --json"));
    let made = made.code(0).json();
    assert_eq!((made["place"].as_str(), made["protected"].as_bool()), (Some("remote"), Some(true)));
    home.run("profile create lab --local --project dev").code(0);
    home.run("profile create lab --local").code(6).tells("already");
    home.run("profile create x").code(2).tells("nothing says where");
    for bad in ["../x", "a.b", "-x", "a/b"] {
        let line = ["profile", "create", "--local", "--", bad];
        home.args(line).code(2);
    }
    assert_eq!(mode(&home.path().join("config.toml")), 0o600);
    assert_eq!(home.run("profile list -o id").code(0).stdout, "lab\nprod\n");
    home.run("profile use nope").code(3).tells("known profiles: lab, prod");
    home.run("profile use lab").code(0);
    assert_eq!(home.run("profile show -o id").code(0).stdout, "lab\n");
    assert_eq!(home.run("config get profile").code(0).stdout, "lab\n");
    assert_eq!(home.run("config get project").code(0).stdout, "dev\n");
    assert_eq!(home.run("profile use lab --json").code(0).json()["changed"], false);
    home.run("profile delete lab").code(7);
    home.run("profile delete lab --yes").code(0);
    assert_eq!(home.run("profile list -o id").code(0).stdout, "prod\n");
    home.run("config get profile").code(3);
    assert_eq!(home.run("profile get -o id").code(0).stdout, "default\n");
    home.run("profile show nope").code(3);
}

#[test]
fn a_store_of_a_profile_is_the_same_from_every_folder() {
    let home = TestHome::new();
    home.run("profile create lab --state lab.db --cacert ca.pem").code(0);
    let row = home.run("profile show lab --json").code(0).json();
    assert_eq!(row["state"].as_str(), home.path().join("lab.db").to_str());
    let cacert = home.run("config get cacert -P lab").code(0).stdout;
    assert_eq!(cacert.trim(), home.path().join("ca.pem").to_str().unwrap());
    home.run("config set state other.db -P lab").code(0);
    home.run("connectors enable hubspot -P lab").code(0);
    assert!(home.path().join("other.db").exists());
}

#[test]
fn a_key_from_the_environment_acts_in_no_other_project_than_the_one_named() {
    let served = TestHome::new();
    served.run("connectors enable hubspot").code(0);
    served.run("projects create live").code(0);
    let id = served.account("hubspot", "a", "--set access_key=x");
    let key = served.key("ci", &["platform:read", "platform:write"]);
    let serving = served.serve("");
    let away = || {
        TestHome::new()
            .with("HUBCTL_API_URL", format!("http://{}", serving.address))
            .with("HUBCTL_API_KEY", &key)
    };
    let update = format!("accounts update {id} --label OOPS --json");
    for project in ["live", "nope"] {
        let refused = away().run(&format!("{update} --project {project}")).code(4);
        assert_eq!(refused.error()["code"], "remote.other_project", "{refused:?}");
        assert!(refused.stderr.contains("--project default"), "{refused:?}");
        for line in ["accounts list", "events list", "api GET /accounts", "doctor"] {
            away().run(&format!("{line} --project {project}")).code(4);
        }
        let named = away().with("HUBCTL_PROJECT", project);
        named.run(&update).code(4).tells("remote.other_project");
        let profile = TestHome::new().with("HUBCTL_API_KEY", &key);
        profile.run(&format!(
            "profile create ci --api-url http://{} --project {project}",
            serving.address
        ));
        profile.run(&format!("{update} -P ci")).code(4).tells("remote.other_project");
    }
    let label = || served.run(&format!("accounts get {id} --json")).json()["label"].clone();
    assert_eq!(label(), serde_json::Value::Null);
    // Where it is the key's own, and where nobody names one, it works.
    away().run("accounts list --project default").code(0);
    away().run(&update).code(0);
    assert_eq!(label(), "OOPS");
    serving.stop();
}

#[test]
fn a_profile_that_is_not_there_yet_can_be_made_while_it_is_chosen() {
    let home = TestHome::new().with("HUBCTL_PROFILE", "ci");
    home.run("accounts list").code(3).tells("error[profile.missing]: no profile `ci`");
    home.run("profile list").code(0);
    home.run(&format!("auth login --api-url {HUB} --key-file k --no-verify")).code(2);
    private(&home, "k", KEY);
    let line = format!("auth login --api-url {HUB} --key-file k --store file --no-verify");
    home.run(&line).code(0);
    let row = home.run("profile show --json").code(0).json();
    assert_eq!((row["name"].as_str(), row["key"].as_str()), (Some("ci"), Some("file")));
    assert_eq!(row["api_url"], "https://hub.example.com/");
}

#[test]
fn settings_are_changed_with_their_comments_kept() {
    let home = TestHome::new();
    home.config("# mine\n[profiles.a]\nproject = 'x' # why\n\n[profiles.b]\n");
    home.run("config set project y -P a").code(0);
    home.run("config set retries 5 -P a").code(0);
    home.run("config set profiles.b.session.require_owner true").code(0);
    let again = home.run("config set retries 5 -P a --json").code(0);
    assert_eq!(again.json()["changed"], false);
    let text = fs::read_to_string(home.path().join("config.toml")).unwrap();
    assert!(
        text.starts_with("# mine\n[profiles.a]\nproject = \"y\" # why\nretries = 5\n"),
        "{text}"
    );
    let listed = home.run("config list").code(0).stdout;
    assert_eq!(
        listed,
        "profiles.a.project\ty\nprofiles.a.retries\t5\nprofiles.b.session.require_owner\ttrue\n"
    );
    home.run("config unset retries -P a").code(0);
    home.run("config get retries -P a").code(3);
    let path = home.run("config path").code(0).stdout;
    assert_eq!(Path::new(path.trim()), home.path().join("config.toml"));
    let before = fs::read_to_string(home.path().join("config.toml")).unwrap();
    home.run("config set project z -P a --dry-run").code(0);
    for (line, told) in [
        ("config set projct z", "did you mean `project`?"),
        ("config set project Z!", "is not a project name"),
        ("config set retries many", "is not a number from 0 to 20"),
        ("config set http_timeout 0", "is not a duration"),
        ("config set protected yes", "is not true or false"),
        ("config set api_url ftp://x", "must begin with http:// or https://"),
        ("config set api_url https://u:s3cret@h.example", "may not have a user name"),
        ("config set key elsewhere", "is not one of keyring, file, none"),
        ("config set profile nope", "no profile `nope`"),
        ("config set protected true -P prod", "hint: hubctl profile create prod --api-url URL"),
        ("config set profiles.prod.retries 3", "error[profile.missing]: no profile `prod`"),
        ("config set retries 3 -P no/name", "is not a profile's name"),
        ("config unset nonsense", "there is no setting `nonsense`"),
        ("config get https_proxy", "there is no setting"),
    ] {
        let ended = home.run(line).tells(told);
        assert!(matches!(ended.code, 2 | 3 | 13), "{ended:#?}");
        no_secret(&ended);
    }
    assert_eq!(fs::read_to_string(home.path().join("config.toml")).unwrap(), before);
}

#[test]
fn a_wrong_value_in_the_file_can_be_seen_and_corrected() {
    let home = TestHome::new();
    home.config("profile = 'gone'\n[profiles.a]\nproject = 'B X'\n[profiles.b]\nstate = 's'\napi_url = 'https://x.example'\n");
    home.run("accounts list").code(3).tells("no profile `gone`");
    home.run("accounts list -P a").code(13).tells("config set project VALUE -P a");
    home.run("accounts list -P b").code(13).tells("two places to act");
    home.run("config list").code(0);
    home.run("config set project ok -P a").code(0);
    home.run("config unset api_url -P b").code(0);
    home.run("config set api_url https://x.example -P b").code(6).tells("config unset state -P b");
    home.run("profile use a").code(0);
    assert_eq!(home.run("config explain project --json").code(0).json()["value"], "ok");
    // A file that can't be read is told of, and its place can be found.
    home.config("nonsense = 1\n");
    home.run("config path").code(0);
    for line in ["config list", "config set project x", "profile list", "config explain"] {
        home.run(line).code(13).tells("config.toml line 1: unknown field `nonsense`");
    }
    assert_eq!(fs::read_to_string(home.path().join("config.toml")).unwrap(), "nonsense = 1\n");
}

#[test]
fn changes_by_processes_at_the_same_time_are_all_kept() {
    let home = TestHome::new();
    home.config("# top\n");
    let children: Vec<_> = (0..8)
        .map(|number| {
            let line = ["profile", "create", &format!("p{number}"), "--local"].map(str::to_owned);
            home.command(line).spawn().unwrap()
        })
        .collect();
    for child in children {
        Ended::wait(child).code(0);
    }
    assert_eq!(home.run("profile list -o id").code(0).stdout.lines().count(), 8);
    let text = fs::read_to_string(home.path().join("config.toml")).unwrap();
    assert!(text.starts_with("# top\n"), "{text}");
}

#[test]
fn threat_34_settings_and_keys_open_to_others_are_refused() {
    let home = logged_in();
    let key = home.path().join("keys/far.json");
    assert_eq!((mode(&key), mode(key.parent().unwrap())), (0o600, 0o700));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    home.run("auth status -P far --offline").code(13).tells("chmod 600");
    home.piped("auth login -P far --key-stdin --no-verify", KEY).code(13).tells("chmod 600");
    fs::remove_file(&key).unwrap();
    symlink(home.file("elsewhere", "{}"), &key).unwrap();
    home.run("auth status -P far --offline").code(13).tells("symbolic link");
    home.piped("auth login -P far --key-stdin --no-verify", KEY).code(13).tells("symbolic link");
    assert_eq!(fs::read_to_string(home.path().join("elsewhere")).unwrap(), "{}");
    home.file("open-key", KEY);
    fs::set_permissions(home.path().join("open-key"), fs::Permissions::from_mode(0o644)).unwrap();
    home.run("auth login -P far --key-file open-key --no-verify").code(13).tells("chmod 600");
    let config = home.path().join("config.toml");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o640)).unwrap();
    for line in ["config set project x", "profile create y --local", "profile list"] {
        home.run(line).code(13).tells("chmod 600");
    }
    let home = home.with("HUBCTL_API_KEY_FILE", "open-key");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    home.run("auth status -P far --offline").code(13).tells("chmod 600");
}

/// As the kubelet mounts it: the folder is anybody's to write and sticky, the file a link.
#[test]
fn a_key_may_be_in_a_mounted_secret() {
    let home = TestHome::new();
    home.run(&format!("profile create far --api-url {HUB}")).code(0);
    private(&home, "mount/..2026/key", &format!("{KEY}\n"));
    let mount = home.path().join("mount");
    symlink("..2026", mount.join("..data")).unwrap();
    symlink("..data/key", mount.join("key")).unwrap();
    fs::set_permissions(&mount, fs::Permissions::from_mode(0o1777)).unwrap();
    let login = "auth login -P far --key-file mount/key --store file --no-verify";
    home.run(login).code(0);
    let named = home.with("HUBCTL_API_KEY_FILE", mount.join("key"));
    let status = named.run("auth status -P far --offline --json").code(0).json();
    assert_eq!(status["key_source"], "HUBCTL_API_KEY_FILE");
    // Where others could have laid the link, it is refused.
    fs::set_permissions(&mount, fs::Permissions::from_mode(0o777)).unwrap();
    named.run("auth status -P far --offline").code(13).tells("can be changed by others");
    named.run(login).code(13).tells("can be changed by others");
}

#[test]
fn a_key_may_come_through_a_pipe_of_the_shell() {
    let home = TestHome::new();
    home.run(&format!("profile create far --api-url {HUB}")).code(0);
    let login = "auth login -P far --key-file /dev/fd/0 --store file --no-verify";
    home.piped(login, KEY).code(0);
    home.run("auth status -P far --offline").code(0);
    let handed = home.with("HUBCTL_API_KEY_FILE", "/dev/fd/0");
    let status = handed.piped("auth status -P far --offline --json", KEY).code(0).json();
    assert_eq!(status["key_source"], "HUBCTL_API_KEY_FILE");
    assert_eq!(status["key_found"], true);
}

#[test]
fn threat_34_settings_and_keys_of_another_user_are_refused() {
    let home = logged_in();
    for (file, line) in
        [("keys/far.json", "auth status -P far --offline"), ("config.toml", "profile list")]
    {
        let path = home.path().join(file);
        // Only root can give a file away, and so only root can be shown one.
        if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
            let ended = home.run(line).code(13);
            ended.tells("store.permissions").tells("belongs to another user").tells("chown");
            std::os::unix::fs::chown(&path, Some(0), None).unwrap();
        }
        home.run(line).code(0);
    }
}

#[test]
fn threat_32_keys_and_passwords_are_never_shown() {
    let home = logged_in()
        .with("HTTPS_PROXY", "http://user:s3cret-proxy@proxy.example:3128")
        .with("HUBCTL_STATE", "postgres://hub:s3cret-db@127.0.0.1:1/hub");
    no_secret(&home.run("profile create db --state postgres://hub:s3cret-db@127.0.0.1:1/hub"));
    for line in [
        "auth status -P far --offline",
        "auth status",
        "config list",
        "config get state -P db",
        "config explain",
        "config explain -P far",
        "config explain -P far --api-url https://other.example",
        "accounts list -P far",
        "profile list",
        "profile show db",
        "profile show far",
        "accounts list -P far --api-url https://hub.example.com -v",
    ] {
        for format in ["", "--json", "-o wide", "-o yaml"] {
            no_secret(&home.run(&format!("{line} {format}")));
        }
    }
    let home = TestHome::new().with("HUBCTL_API_KEY", KEY).with("HUBCTL_API_URL", HUB);
    for line in ["config explain --json", "auth status --offline", "accounts list -v"] {
        no_secret(&home.run(line));
    }
    let status = home.run("auth status --offline --json").code(0).json();
    assert_eq!(status["key_source"], "HUBCTL_API_KEY");
    for bad in ["two s3cret words", "s3cret:", " "] {
        let home = TestHome::new().with("HUBCTL_API_KEY", bad).with("HUBCTL_API_URL", HUB);
        let ended = home.run("auth status --offline --json").code(4);
        no_secret(&ended);
        assert_eq!(ended.error()["code"], "auth.key_malformed");
    }
}

#[test]
fn a_stored_key_is_for_one_origin_and_project_only() {
    let home = logged_in();
    home.run("auth status -P far --offline").code(0);
    home.run("auth status -P far --offline --api-url https://HUB.example.com:443/api").code(0);
    for line in [
        "--api-url https://hub.example.com.evil.example",
        "--api-url http://hub.example.com",
        "--api-url https://hub.example.com:8443",
        "--project other",
    ] {
        let ended = home.run(&format!("auth status -P far --offline --json {line}")).code(4);
        assert_eq!(ended.error()["code"], "auth.origin_mismatch", "{line}");
        assert_eq!(ended.json()["key_found"], false);
    }
    // Whoever changes the profile's address does not get the key.
    home.run("config set api_url https://evil.example -P far").code(0);
    let ended = home.run("auth status -P far --offline --json").code(4);
    assert_eq!(ended.error()["code"], "auth.origin_mismatch");
    // A key of the environment is for the place that is named with it.
    let home = home.with("HUBCTL_API_KEY", KEY);
    home.run("auth status -P far --offline").code(0);
}

#[test]
fn keys_of_the_environment_come_first() {
    let home = logged_in();
    let source = |home: &TestHome| {
        home.run("auth status -P far --offline --json").json()["key_source"].clone()
    };
    assert_eq!(source(&home), "file");
    private(&home, "key", &format!("{KEY}\n"));
    let path = home.path().join("key");
    let home = home.with("HUBCTL_API_KEY_FILE", path);
    assert_eq!(source(&home), "HUBCTL_API_KEY_FILE");
    let status = home.run("auth status -P far --offline").code(0);
    assert!(!status.stderr.contains("white space"), "{status:#?}");
    private(&home, "key", &format!(" {KEY}\n"));
    let status = home.run("auth status -P far --offline").code(0);
    assert!(status.stderr.contains("white space"), "{status:#?}");
    let home = home.with("HUBCTL_API_KEY", KEY);
    assert_eq!(source(&home), "HUBCTL_API_KEY");
    home.piped("auth login -P far --key-stdin --no-verify", KEY)
        .code(0)
        .tells("is set, and is used");
    let gone = TestHome::new().with("HUBCTL_API_KEY_FILE", "gone").with("HUBCTL_API_URL", HUB);
    let ended = gone.run("auth status --offline --json").code(4);
    assert_eq!(ended.error()["code"], "auth.no_key");
}

#[test]
fn login_takes_a_key_apart_from_what_was_copied_with_it() {
    let home = TestHome::new();
    home.run(&format!("profile create far --api-url {HUB}")).code(0);
    let line = "auth login -P far --key-stdin --store file --no-verify";
    home.piped(line, format!("  {KEY} \r\n")).code(0).tells("white space around the key");
    let kept = fs::read_to_string(home.path().join("keys/far.json")).unwrap();
    assert!(kept.contains(&format!("\"{KEY}\"")), "{kept}");
    for bad in ["", "  \n", "two words", "a:b", "\u{e9}", &"x".repeat(5000), &"x".repeat(20_000)] {
        home.piped(line, bad).code(4);
    }
    assert_eq!(fs::read_to_string(home.path().join("keys/far.json")).unwrap(), kept);
    home.piped(line, b"\xff").code(2);
    home.run("auth login -P far --key-file gone --no-verify").code(2);
    home.run("auth login -P far --no-verify").code(2).tells("--key-stdin");
    home.piped("auth login --key-stdin --no-verify", KEY).code(2).tells("acts on a local store");
    let other = "auth login -P far --api-url https://other.example --key-stdin --no-verify";
    home.piped(other, KEY).code(6).tells("is for https://hub.example.com");
    // A dry run keeps nothing.
    home.run("auth logout -P far").code(0);
    home.piped(&format!("{line} --dry-run"), KEY).code(0);
    assert!(!home.path().join("keys/far.json").exists());
    let plain = "auth login -P plain --api-url http://hub.example.com --key-stdin --store none \
                 --no-verify";
    home.piped(plain, KEY).code(0).tells("is not encrypted");
    home.run("auth status -P plain --offline").code(4);
}

#[test]
fn login_without_a_keyring_says_the_ways_out_and_writes_no_file() {
    let home = TestHome::new();
    home.run(&format!("profile create far --api-url {HUB}")).code(0);
    for store in ["auto", "keyring"] {
        let line = format!("auth login -P far --key-stdin --no-verify --store {store} --json");
        let error = home.piped(&line, KEY).code(13).error();
        assert_eq!(error["code"], "key.keyring");
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.contains("--store file") && hint.contains("HUBCTL_API_KEY"), "{hint}");
    }
    assert!(!home.path().join("keys").exists());
    home.run("config set key keyring -P far").code(0);
    home.run("auth status -P far --offline").code(13).tells("--store file");
}

#[test]
fn logout_forgets_the_key_of_one_profile_or_of_all() {
    let home = logged_in();
    let other =
        "auth login -P two --api-url https://two.example --key-stdin --store file --no-verify";
    home.piped(other, KEY).code(0);
    home.run("auth logout -P far").code(0);
    assert!(!home.path().join("keys/far.json").exists());
    assert!(home.path().join("keys/two.json").exists());
    assert_eq!(home.run("auth logout -P far --json").code(0).json()["changed"], false);
    let ended = home.run("auth status -P far --offline --json").code(4);
    assert_eq!(ended.error()["code"], "auth.no_key");
    home.run("auth logout --all").code(0);
    assert!(!home.path().join("keys/two.json").exists());
    assert_eq!(home.run("auth logout --all --json").code(0).stdout.trim(), "[]");
    home.run("auth logout --all")
        .code(0)
        .tells("note: no profile keeps a key: there is nothing to");
    home.piped(other, KEY).code(0);
    home.run("profile delete two --yes").code(0);
    assert!(!home.path().join("keys/two.json").exists());
    home.run("auth logout -P nope").code(3);
}

#[test]
fn a_key_is_typed_unseen() {
    let home = TestHome::new();
    home.run(&format!("profile create far --api-url {HUB}")).code(0);
    let mut session = home.terminal("auth login -P far --store file --no-verify");
    session.exp_string("API key for").unwrap();
    session.send_line(KEY).unwrap();
    let shown = session.exp_eof().unwrap();
    assert!(!shown.contains("s3cret") && shown.contains("Logged in"), "{shown}");
    home.run("auth status -P far --offline").code(0);
}

#[test]
fn two_places_to_act_contradict_each_other_unless_one_is_stronger() {
    let home = TestHome::new();
    home.run("connectors list --state x.db --api-url https://h.example")
        .code(2)
        .tells("two places");
    home.run("connectors list --api-url h.example").code(2).tells("--api-url: `h.example`");
    let home = home.with("HUBCTL_API_URL", HUB);
    home.run("connectors list --state x.db").code(0);
    home.run("connectors list").code(4).tells("there is no API key for https://hub.example.com");
    home.with("HUBCTL_STATE", "y.db").run("connectors list").code(2).tells("HUBCTL_STATE and");
    // A key alone does not say for which hub it is, and nothing is guessed.
    let home = TestHome::new().with("HUBCTL_API_KEY", KEY);
    home.run("connectors list").code(2).tells("HUBCTL_API_URL");
    home.run("connectors list --state x.db").code(0);
    home.run("version").code(0);
    home.run("profile create near --local").code(0);
    home.run("connectors list -P near").code(0);
}

/// A job that lacks its secret has the variable, and nothing in it.
#[test]
fn an_empty_variable_does_not_turn_a_command_to_another_place() {
    let with = |pairs: &[(&str, &str)]| {
        pairs.iter().fold(TestHome::new(), |home, (name, value)| home.with(name, value))
    };
    for name in [
        "HUBCTL_STATE",
        "HUBCTL_API_URL",
        "HUBCTL_API_KEY",
        "HUBCTL_API_KEY_FILE",
        "HUBCTL_MASTER_KEY_FILE",
        "HUBCTL_PROFILE",
        "HUBCTL_PROJECT",
    ] {
        let home = with(&[(name, "")]);
        for line in ["connectors enable hubspot", "connectors list", "store path", "auth status"] {
            let refused = home.run(line).code(2).tells(&format!("{name} is empty"));
            refused.tells(&format!("hint: unset {name} "));
        }
        home.run("doctor").code(2);
        assert!(!home.store().exists(), "{name}");
        // What acts nowhere goes on.
        home.run("version").code(0);
        let place = home.run("config explain place --json").code(0).json();
        assert_eq!(place["value"], format!("nowhere: {name} is empty"));
    }
    // What says the same thing otherwise is enough.
    with(&[("HUBCTL_STATE", "")]).run("connectors list --state x.db").code(0);
    with(&[("HUBCTL_PROJECT", "")]).run("connectors list --project default").code(0);
    with(&[("HUBCTL_STATE", "x.db"), ("HUBCTL_API_URL", "")]).run("connectors list").code(0);
    with(&[("HUBCTL_STATE", "x.db"), ("HUBCTL_API_KEY", "")]).run("connectors list").code(0);
    let far = with(&[("HUBCTL_API_URL", HUB), ("HUBCTL_API_KEY", "")]);
    far.run("connectors list").code(2).tells("HUBCTL_API_KEY is empty");
}

#[test]
fn a_variable_does_not_silently_overrule_the_profile_that_a_flag_names() {
    let home = TestHome::new();
    home.run(&format!("profile create far --api-url {HUB}")).code(0);
    home.run("profile create lab --state lab.db").code(0);
    home.run("profile create near --local").code(0);
    let home = home.with("HUBCTL_STATE", "other.db");
    for (line, own) in [
        ("connectors list -P far", "https://hub.example.com and other.db"),
        ("auth status -P far", "https://hub.example.com and other.db"),
        ("connectors enable hubspot -P lab", "/lab.db and other.db"),
    ] {
        let ended = home.run(line).code(2).tells("HUBCTL_STATE name two places to act: ");
        ended.tells(own).tells("\nhint: unset HUBCTL_STATE # or leave --profile out\n");
    }
    assert!(!home.path().join("other.db").exists());
    // What a flag says of the place, it says knowingly; a profile without one has nothing to say.
    home.run("connectors list -P far --state other.db").code(0);
    home.run("connectors list -P near").code(0);
    home.run("connectors list").code(0);
    // Where it would act can be asked.
    let explained = home.run("config explain place -P far --json").code(0);
    let row = explained.json();
    assert_eq!((&row["value"], &row["origin"]), (&"other.db".into(), &"environment".into()));
    assert_eq!(row["source"], "HUBCTL_STATE");
    explained.tells("commands refuse this: --profile far and HUBCTL_STATE");
    let named = home.with("HUBCTL_PROFILE", "far");
    named.run("connectors list").code(0);
    // The same store, however it is written, is no other place.
    let home = named.with("HUBCTL_STATE", "lab.db");
    home.run("connectors list -P lab").code(0);
    let home = TestHome::new().with("HUBCTL_API_URL", "https://other.example");
    home.run(&format!("profile create far --api-url {HUB}")).code(0);
    home.run("accounts list -P far").code(2).tells("unset HUBCTL_API_URL");
    let home = home.with("HUBCTL_API_URL", format!("{HUB}/"));
    home.run("accounts list -P far").code(4).tells("there is no API key");
}

#[test]
fn the_status_of_a_key_ends_as_any_command_would() {
    let home = TestHome::new();
    home.run("auth status -P nosuch").code(3).tells("error[profile.missing]");
    home.run("auth status --offline").code(0);
    for name in ["HUBCTL_API_KEY", "HUBCTL_API_KEY_FILE"] {
        let home = TestHome::new().with(name, KEY);
        home.run("auth status --offline").code(2).tells("set HUBCTL_API_URL to the hub's address");
        home.run("auth status --offline --state x.db").code(0);
    }
}

#[test]
fn options_of_requests_are_checked_wherever_they_come_from() {
    let remote = "config explain --api-url https://h.example";
    let home = TestHome::new();
    for (flag, told) in [
        ("--retries x", "--retries: `x`"),
        ("--retries 21", "from 0 to 20"),
        ("--http-timeout soon", "--http-timeout: `soon`"),
        ("--max-wait -1", "--max-wait"),
        ("--concurrency 0", "from 1 to 64"),
    ] {
        home.run(&format!("connectors list --api-url https://h.example {flag}"))
            .code(2)
            .tells(told);
    }
    let home = home
        .with("HUBCTL_RETRIES", "7")
        .with("HUBCTL_HTTP_TIMEOUT", "5s")
        .with("SSL_CERT_FILE", "/etc/ca.pem")
        .with("https_proxy", "http://lower:1")
        .with("HTTPS_PROXY", "http://upper:1");
    home.config("[profiles.default]\nretries = 1\nconcurrency = 9\nmax_wait = '10s'\n");
    let rows = home.run(&format!("{remote} --http-timeout 7s --json")).code(0).json();
    let row = |key: &str| {
        let rows = rows.as_array().unwrap();
        let row = rows.iter().find(|row| row["key"] == key).unwrap();
        (row["value"].as_str(), row["origin"].as_str().unwrap(), row["source"].as_str())
    };
    assert_eq!(row("http_timeout"), (Some("7s"), "flag", Some("--http-timeout")));
    assert_eq!(row("retries"), (Some("7"), "environment", Some("HUBCTL_RETRIES")));
    assert_eq!(row("cacert"), (Some("/etc/ca.pem"), "environment", Some("SSL_CERT_FILE")));
    assert_eq!(row("https_proxy").2, Some("https_proxy"));
    assert_eq!((row("concurrency").0, row("concurrency").1), (Some("9"), "profile"));
    assert_eq!(row("max_wait").0, Some("10s"));
    assert_eq!(row("profile"), (Some("default"), "built-in", None));
    assert_eq!(row("api_url").1, "flag");
    assert_eq!(row("state"), (None, "built-in", None));
}

#[test]
fn writes_with_a_protected_profile_need_its_name() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    home.run("profile create prod --local --protected").code(0);
    let disable = "connectors disable hubspot --yes -P prod";
    for line in [disable, "connectors enable bamboohr -P prod", "session create -P prod"] {
        let error = home.run(&format!("{line} --json")).code(7).error();
        assert_eq!(error["code"], "profile.protected");
        assert_eq!(error["hint"], "add --confirm prod");
    }
    home.run(&format!("{disable} --confirm default")).code(7).tells("acts with profile `prod`");
    home.run("connectors list -P prod").code(0);
    home.run(&format!("{disable} --dry-run")).code(0);
    home.run("connectors disable hubspot -P prod --confirm prod").code(7).tells("add --yes");
    home.run("connectors enable hubspot --confirm prod").code(7);
    // hubctl's own files are not what is protected.
    home.run("config set project default -P prod").code(0);
    // Another place is not either, but the same place under another flag is.
    home.run("connectors enable hubspot -P prod --state other.db").code(0);
    home.run("profile create far --protected --api-url https://h.example").code(0);
    home.run("connectors enable hubspot -P far --api-url https://H.example:443/").code(7);
    home.run(&format!("{disable} --confirm prod")).code(0);

    home.run("connectors list -P far").code(4);

    let mut session = home.terminal("connectors enable hubspot -P prod");
    session.exp_string("Type its name").unwrap();
    session.send_line("yes").unwrap();
    assert_eq!(code(session), 7);
    let mut session = home.terminal("connectors enable hubspot -P prod");
    session.exp_string("Type its name").unwrap();
    session.send_line("prod").unwrap();
    assert_eq!(code(session), 0);
}
