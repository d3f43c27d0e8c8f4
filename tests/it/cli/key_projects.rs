//! Keys of another project than `default`, where nobody names one.

use crate::support::cli::TestHome;

#[test]
fn whoever_makes_a_project_from_elsewhere_is_told_where_its_first_key_is_made() {
    let served = TestHome::new();
    let key = served.key("ci", &["admin", "projects:write"]);
    let serving = served.serve("");
    let away = TestHome::new()
        .with("HUBCTL_API_URL", format!("http://{}", serving.address))
        .with("HUBCTL_API_KEY", key);
    let told = "hubctl --project shop keys create NAME";
    away.run("projects create shop").code(0).tells(told);
    away.run("keys create app --project shop").code(4).tells(told);
    let again = away.run("projects create shop --if-exists skip --json").code(0);
    assert_eq!(again.json()["name"], "shop");
    assert!(!again.stderr.contains(told), "{again:?}");
    served.run("--project shop keys create app").code(0);
    serving.stop();
}

#[test]
fn a_key_acts_in_its_own_project_where_nobody_names_one() {
    let served = TestHome::new();
    served.run("projects create prod").code(0);
    served.run("connectors enable hubspot --project prod").code(0);
    let id = served.account("hubspot", "a", "--set access_key=x --project prod");
    let key = served.key("ci --project prod", &["platform:read", "platform:write"]);
    let serving = served.serve("");
    let url = format!("http://{}", serving.address);
    let lines = ["accounts list -o id", "api GET /accounts --jq .[].id", "doctor --json"];

    let away =
        TestHome::new().with("HUBCTL_API_URL", url.as_str()).with("HUBCTL_API_KEY", key.as_str());
    for line in lines {
        let ended = away.run(line).code(0);
        assert!(line.starts_with("doctor") || ended.stdout.contains(&id), "{ended:#?}");
        // Whoever names a project means that one.
        away.run(&format!("{line} --project default")).code(4);
    }
    assert_eq!(away.run("auth status --json").code(0).json()["project"], "prod");
    // Where nobody asked the hub, no other project is named in its place.
    assert_eq!(away.run("auth status --json --offline").code(0).json()["project"], "");
    let named = away.run("auth status --json --offline --project prod").code(0).json();
    assert_eq!(named["project"], "prod");
    for (line, said) in [
        ("accounts list", "1 account in the key's project"),
        ("accounts list --project prod", "1 account in prod"),
        ("connectors list --disabled", "no auth configs in the key's project"),
        ("logs list --method DELETE", "no calls in the log of the key's project fit"),
    ] {
        let mut session = away.terminal(line);
        let shown = session.exp_eof().unwrap();
        assert!(shown.contains(said), "{line}: {shown}");
        assert!(!shown.contains("default"), "{line}: {shown}");
    }

    let home = TestHome::new();
    let login = format!("auth login -P far --api-url {url} --key-stdin --store file");
    home.piped(&format!("{login} --project default"), &key).code(4).tells("other_project");
    home.piped(&login, &key).code(0);
    let kept = std::fs::read_to_string(home.path().join("keys/far.json")).unwrap();
    assert!(kept.contains(r#""project":"prod""#), "{kept}");
    let row = home.run("profile show far --json").code(0).json();
    assert_eq!(row["project"], "prod");
    for line in lines {
        let ended = home.run(&format!("{line} -P far")).code(0);
        assert!(line.starts_with("doctor") || ended.stdout.contains(&id), "{ended:#?}");
    }
    home.run("accounts list -P far --project default").code(4).tells("auth.origin_mismatch");
    home.run("config unset project -P far").code(0);
    assert_eq!(home.run("accounts list -P far -o id").code(0).stdout.trim(), id);

    // A key that nobody asked about is for any project as long as none is named.
    let unasked = "auth login -P blind --key-stdin --store file --no-verify";
    let note = "note: nobody said whose the key is: it is kept for project `default`";
    home.piped(&format!("{unasked} --api-url {url}"), &key).code(0).tells(note);
    assert!(
        !home.piped(&format!("{unasked} --project default"), &key).code(0).stderr.contains(note)
    );
    assert_eq!(home.run("accounts list -P blind -o id").code(0).stdout.trim(), id);
    // A store of one's own has the project that is built in.
    assert_eq!(home.run("accounts list -o id").code(0).stdout, "");
    serving.stop();
}
