//! Hints: what is to be typed next, as it can be pasted, and what truly decided.

use crate::support::cli::TestHome;

#[test]
fn a_login_says_what_is_stronger_than_its_profile() {
    let home = TestHome::new();
    home.run("profile create far --api-url https://hub.example.com").code(0);
    home.run("auth login -P far --key-stdin --state x.db")
        .code(2)
        .tells("--state names a local store")
        .tells("\nhint: hubctl auth login -P far\n");
    assert!(!home.run("profile use far").code(0).stderr.contains("stronger"));
    let home = home.with("HUBCTL_STATE", "x.db");
    home.run("auth login -P far --key-stdin")
        .code(2)
        .tells("HUBCTL_STATE names a local store, which needs no API key, and is stronger")
        .tells("\nhint: unset HUBCTL_STATE; hubctl auth login -P far\n");
    home.run("profile use far").code(0).tells("warning: HUBCTL_STATE is set, and is stronger");
    let home = TestHome::new();
    home.run("auth login --key-stdin").code(2).tells("acts on a local store");
}

#[test]
fn a_refused_key_is_told_with_what_helps() {
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read"]);
    let serving = home.serve("");
    let url = format!("http://{}", serving.address);
    let away = || TestHome::new().with("HUBCTL_API_URL", &url);
    let narrow = away().with("HUBCTL_API_KEY", &key).run("keys list --json").code(5).error();
    assert_eq!(narrow["code"], "auth.forbidden");
    let hint = narrow["hint"].as_str().unwrap();
    // The key that was refused can't make one that may do more.
    let ask = "ask an administrator for a key: hubctl keys create NAME --scope admin ";
    assert!(hint.starts_with(ask), "{hint}");
    let wrong = away().with("HUBCTL_API_KEY", "nobody").run("accounts list --json").code(4).error();
    assert_eq!(wrong["code"], "auth.key_invalid");
    assert_eq!(wrong["hint"], "hubctl doctor # the key is from HUBCTL_API_KEY");
    let login = format!("auth login -P far --api-url {url} --key-stdin --store file");
    let home = TestHome::new();
    home.piped(&login, "nobody").code(4).tells("hint: hubctl auth login -P far #");
    home.piped(&format!("{login} --no-verify"), "nobody").code(0);
    home.run("accounts list -P far").code(4).tells("\nhint: hubctl auth login -P far\n");
}

#[test]
fn a_project_that_is_not_there_is_looked_for_before_it_is_made() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let other = home.run("projects get nope").code(3);
    other.tells("\nhint: hubctl projects list # or make it: hubctl projects create nope\n");
    // Where the project is named for all commands, the hint has to name another one.
    let home = home.with("HUBCTL_PROJECT", "nope");
    home.run("projects list").code(3).tells("\nhint: hubctl --project default projects list #");
    home.run("--project default projects list").code(0);
}
