//! `hubctl keys` and the settings of a project, as their users meet them.

use crate::support::cli::TestHome;

#[test]
fn kp_2_a_key_is_shown_by_its_create_only() {
    let home = TestHome::new();
    let made = home.run("keys create ci --expires-in 90d --json").code(0).json();
    let key = made["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("v1.local.1_"), "{key}");
    assert_eq!(made["scopes"].as_array().unwrap().len(), 5);
    assert!(!made["scopes"].to_string().contains("admin"));
    assert_eq!((&made["status"], &made["project_id"]), (&"active".into(), &"default".into()));
    for line in [
        "keys list --json",
        "keys list -o wide",
        "keys get ci --json",
        "keys get ci -o yaml",
        "keys disable ci --yes --json",
        "keys enable ci",
        "keys delete ci --yes --json",
    ] {
        let ended = home.run(line).code(0);
        let secret = key.split_once('_').unwrap().1;
        assert!(!format!("{}{}", ended.stdout, ended.stderr).contains(secret), "{ended:?}");
    }
    // In a pipe the row holds the key; one value alone can be taken too.
    let row = home.run("keys create second").code(0).stdout;
    assert!(row.starts_with("second\tv1.local.2_"), "{row}");
    let alone = home.run("keys create third --fields key -o value").code(0).stdout;
    assert!(alone.starts_with("v1.local.3_") && alone.lines().count() == 1, "{alone}");
}

#[test]
fn scopes_are_named_one_by_one_and_admin_is_never_given_unasked() {
    let home = TestHome::new();
    let made =
        home.run("keys create a --scope connectors:write,admin --scope platform:read --json");
    assert_eq!(
        made.code(0).json()["scopes"].to_string(),
        r#"["platform:read","connectors:write","admin"]"#
    );
    for line in ["keys create b --scope root", "keys create b --scope", "keys create b --scope ''"]
    {
        home.run(line).code(2);
    }
    home.run("keys create b --expires-in 0").code(2).tells("error[api_key.invalid]");
    home.run("keys create b --expires-in 11000d").code(2).tells("ten years");
    home.run("keys create -- -b").code(2);
    home.run("keys create a").code(6).tells("error[api_key.exists]");
    assert_eq!(home.run("keys list -o id").stdout.lines().count(), 1);
}

#[test]
fn stopping_a_key_needs_consent_and_starting_it_none() {
    let home = TestHome::new();
    home.run("keys create ci").code(0);
    home.run("keys create other").code(0);
    for verb in ["disable", "delete"] {
        let ended = home.run(&format!("keys {verb} ci --json")).code(7);
        assert!(ended.stdout.is_empty());
        let error = ended.error();
        assert_eq!(
            (&error["code"], &error["hint"]),
            (&"confirm.required".into(), &"add --yes".into())
        );
        let dry = home.run(&format!("keys {verb} ci --dry-run --json")).code(0).json();
        assert_eq!((&dry["dry_run"], &dry["operation_id"]), (&true.into(), &().into()));
    }
    let done = home.run("keys disable ci --yes --json").code(0).json();
    assert_eq!((&done["action"], &done["changed"]), (&"disable".into(), &true.into()));
    assert_eq!(
        (&done["before"]["status"], &done["after"]["status"]),
        (&"active".into(), &"disabled".into())
    );
    // What is disabled already needs no consent.
    assert_eq!(home.run("keys disable ci --json").code(0).json()["changed"], false);
    assert_eq!(home.run("keys enable ci --json").code(0).json()["changed"], true);
    let both = home.piped("keys delete - --yes --json", "ci\nnobody\nother\n").code(11).json();
    let told: Vec<_> = both.as_array().unwrap().iter().map(|one| one["ok"].clone()).collect();
    assert_eq!(told, [true, false, true]);
    assert_eq!(both[1]["error"]["code"], "api_key.not_found");
    assert_eq!(both[1]["resource"], "key/nobody");
    home.run("key show ci").code(3).tells("hint: hubctl keys list");
    assert_eq!(home.run("key ls --json").code(0).json().to_string(), "[]");
}

#[test]
fn a_part_of_a_new_key_is_printed_alone() {
    let home = TestHome::new();
    let key = home.run("keys create one --print key").code(0).stdout;
    assert!(key.starts_with("v1.local.1_") && key.lines().count() == 1, "{key}");
    let id = home.run("keys create two --print id").code(0).stdout;
    assert_eq!(home.run("keys get two --json").code(0).json()["id"], id.trim());
    let refused = home.run("keys create three --print key -n").code(2);
    refused.tells("--print can't be used with --dry-run: no key is made");
}

#[test]
fn a_person_is_asked_and_sees_the_key_with_a_warning() {
    let home = TestHome::new();
    let mut shown = home.terminal("keys create ci");
    shown.exp_string("keep the key now").unwrap();
    shown.exp_regex("API key +v1.local.1_").unwrap();
    shown.exp_eof().unwrap();
    let mut asked = home.terminal("keys disable ci");
    asked
        .exp_string("Disabling API key ci refuses whoever uses it (never used so far). Disable?")
        .unwrap();
    asked.send_line("n").unwrap();
    asked.exp_string("confirm.declined").unwrap();
    assert_eq!(home.run("keys get ci --json").json()["status"], "active");
}

#[test]
fn kp_8_the_list_of_addresses_is_set_and_cleared() {
    let home = TestHome::new();
    let list = "10.0.0.0/8,192.0.2.1-192.0.2.9";
    let done =
        home.run(&format!("projects update default --allow-ip {list} --allow-ip ::1 --json"));
    let done = done.code(0).json();
    assert_eq!(done["before"]["ip_allowlist"].to_string(), "[]");
    assert_eq!(
        done["after"]["ip_allowlist"].to_string(),
        r#"["10.0.0.0/8","192.0.2.1-192.0.2.9","::1"]"#
    );
    // The local administrator is not bound by it.
    home.run("keys create ci").code(0);
    home.run("projects get default -o yaml").code(0);
    for (bad, told) in [
        ("projects update default", "--allow-ip"),
        ("projects update default", "error[usage.input_needed]: nothing to change was given"),
        ("projects update default", "--log-retention, --display-name"),
        ("projects update default --allow-ip 10.0.0.1/8", "begins at 10.0.0.0"),
        ("projects update default --allow-ip localhost", "is not an address"),
        ("projects update default --allow-ip ::1 --clear-allow-ip", "cannot be used with"),
    ] {
        home.run(bad).code(2).tells(told);
    }
    let many: Vec<String> = (0..257).map(|n| format!("10.0.{}.{}", n / 256, n % 256)).collect();
    home.run(&format!("projects update default --allow-ip {}", many.join(",")))
        .code(2)
        .tells("at most 256");
    home.run("projects update missing --clear-allow-ip").code(3);
    assert_eq!(home.run("projects update default --clear-allow-ip --json").json()["changed"], true);
    assert_eq!(
        home.run("projects update default --clear-allow-ip --json").json()["changed"],
        false
    );
}

#[test]
fn kp_8_who_would_be_locked_out_has_to_say_so() {
    let home = TestHome::new();
    let key = home.key("ci", &["admin"]);
    let serving = home.serve("");
    let away = TestHome::new()
        .with("HUBCTL_API_KEY", &key)
        .with("HUBCTL_API_URL", format!("http://{}", serving.address));
    let line = "projects update default --allow-ip 10.0.0.0/8";
    let refused = away.run(&format!("{line} --json")).code(6).error();
    assert_eq!(refused["code"], "project.locks_out");
    assert!(refused["message"].as_str().unwrap().contains("127.0.0.1"), "{refused}");
    away.run(&format!("{line} --dry-run")).code(0).tells("127.0.0.1");
    away.run(&format!("{line} --yes")).code(0);
    let refused = away.run("projects get default --json").code(5).error();
    assert_eq!(refused["code"], "auth.address_refused");
    assert!(refused["message"].as_str().unwrap().contains("127.0.0.1"), "{refused}");
    // The store itself is never locked.
    home.run("projects update default --clear-allow-ip").code(0);
    away.run("projects get default --json").code(0);
    serving.stop();
}

#[test]
fn kp_8_who_would_lock_out_the_own_key_is_told_the_address_that_is_missing() {
    let home = TestHome::new();
    let key = home.key("ci", &["platform:read", "platform:write", "admin"]);
    let serving = home.serve("");
    let away = TestHome::new()
        .with("HUBCTL_API_URL", format!("http://{}", serving.address))
        .with("HUBCTL_API_KEY", key);
    let line = "projects update default --allow-ip 192.0.2.8";
    let refused = away.run(line).code(6);
    refused.tells("project.locks_out").tells("add --allow-ip 127.0.0.1, or --yes");
    assert_eq!(home.run("projects get default --json").json()["ip_allowlist"].to_string(), "[]");
    away.run(&format!("{line} --allow-ip 127.0.0.1")).code(0);
    serving.stop();
}
