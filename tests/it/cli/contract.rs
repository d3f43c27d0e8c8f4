//! Exit statuses, errors, targets, guards, consent and dry runs.

use crate::support::cli::TestHome;

fn linked(owners: &[&str]) -> TestHome {
    let home = TestHome::new();
    home.run("connectors enable hubspot bamboohr").code(0);
    for owner in owners {
        home.account("hubspot", owner, "--set access_key=x");
    }
    home
}

#[test]
fn an_error_is_one_line_of_json_wherever_json_was_asked_for() {
    let home = TestHome::new();
    for line in [
        "connectors enable nope --json",
        "connectors enable nope -o json",
        "connectors enable nope -ojson",
        "connectors enable nope -o=json",
        "connectors enable nope --output=jsonl",
        "connectors nope --json",
        "-o=json connectors nope",
        "-ojson connectors list --limit x",
        "--json",
        "connectors --jq . list --nope",
    ] {
        let ended = home.run(line);
        assert_ne!(ended.code, 0, "{line}");
        assert_eq!(ended.stdout, "", "{line}");
        assert_eq!(ended.stderr.lines().count(), 1, "{line}: {}", ended.stderr);
        ended.error();
    }
    let json = TestHome::new().with("HUBCTL_ERROR_FORMAT", "json");
    for line in ["connectors enable nope", "nope", "", "connectors list --limit -1"] {
        json.run(line).error();
    }
    let text = home.run("connectors enable nope");
    assert!(text.stderr.starts_with("error[auth_config.not_found]: "), "{text:?}");
}

#[test]
fn each_kind_of_failure_has_its_exit_status() {
    let home = linked(&["a"]);
    for (line, code) in [
        ("connectors list", 0),
        ("session create --expires-in 0", 2),
        ("connectors enable nope", 3),
        ("session get 99", 3),
        ("--project nope accounts list", 3),
        ("session create --provider salesforce", 6),
        ("connectors delete hubspot --yes", 6),
        ("connectors disable hubspot --yes --max-affected 0", 6),
        ("connectors disable hubspot", 7),
        ("connectors disable bamboohr nope --yes", 11),
        ("--profile nope connectors list", 3),
    ] {
        home.run(line).code(code);
    }
}

#[test]
fn one_thing_is_told_as_one() {
    let home = linked(&["a"]);
    let told = "1 linked account would become inactive, the limit given is 0";
    home.run("connectors disable hubspot --yes --max-affected 0").code(6).tells(told);
    home.account("hubspot", "b", "--set access_key=x");
    let told = "2 linked accounts would become inactive, the limit given is 1";
    home.run("connectors disable hubspot --yes --max-affected 1").code(6).tells(told);
}

#[test]
fn ac_10_a_default_that_is_disabled_is_told_of_before_and_after() {
    let home = TestHome::new();
    for line in [
        "connectors enable hubspot",
        "connectors add hubspot --name second",
        "session create --origin-owner-id a",
    ] {
        home.run(line).code(0);
    }
    let told = "new links of hubspot will use `second` unless their session names another auth \
                config; this touches 1 open session and 0 linked accounts";
    home.run("connectors make-default second").code(7).tells(told);
    home.run("connectors disable second --yes").code(0);
    let told = "hubspot leaves the hub page, since `second` is disabled; this touches 1 open \
                session and 0 linked accounts";
    home.run("connectors make-default second").code(7).tells(told);
    let told =
        "warning: it is disabled, so hubspot is not on the hub page until: hubctl connectors";
    home.run("connectors make-default second --yes").code(0).tells(told);
}

#[test]
fn users_are_not_told_the_numbers_of_rules() {
    let home = TestHome::new();
    let number = regex::Regex::new(r"\b(AC|AL|AT|CS|HB|KP|OA|SE|WH)-[0-9]").unwrap();
    let mut texts = vec![home.run("explain-error -o json").code(0).stdout];
    texts.extend(
        ["exit-codes", "environment", "output"]
            .map(|topic| home.run(&format!("help {topic}")).code(0).stdout),
    );
    let types = home.run("schema --list -o id").code(0).stdout;
    assert!(types.lines().count() > 20, "{types}");
    texts.extend(types.lines().map(|name| home.run(&format!("schema {name}")).code(0).stdout));
    for text in texts {
        assert!(!number.is_match(&text), "{text}");
    }
}

#[test]
fn consent_is_needed_off_a_terminal_and_nothing_changes_without() {
    let home = linked(&["a", "b"]);
    let before = home.dump();
    let error = home.run("connectors disable hubspot --json").code(7).error();
    assert_eq!(error["code"], "confirm.required");
    assert_eq!(error["details"][0]["affected_accounts"], 2);
    assert_eq!(home.dump(), before);
    let done = home.run("connectors disable hubspot --yes --json").code(0).json();
    assert_eq!((&done["changed"], &done["affected_accounts"]), (&true.into(), &2.into()));
    let again = home.run("connectors disable hubspot --json").code(0).json();
    assert_eq!((&again["changed"], &again["operation_id"]), (&false.into(), &().into()));
}

#[test]
fn a_dry_run_of_any_write_leaves_the_store_as_it_is() {
    let home = linked(&["a"]);
    let account = home.account("hubspot", "z", "--set access_key=x");
    home.run("session create --provider hubspot").code(0);
    home.file("f.csv", "origin_owner_id\nq\n");
    let before = home.dump();
    for line in [
        "connectors enable salesforce",
        "connectors add hubspot --auth oauth2 --set client_id=a --set client_secret=b",
        "connectors edit hubspot --name New",
        "connectors disable hubspot bamboohr",
        "connectors delete bamboohr",
        "session create --provider hubspot",
        "session revoke 1",
        "link create --provider hubspot --origin-owner-id x",
        "link create --from f.csv",
        "accounts add --provider hubspot --origin-owner-id n --set access_key=y --no-verify",
        "accounts add --provider hubspot --origin-owner-id a --set access_key=y --no-verify",
        "accounts update ID --label L",
        "accounts suspend ID",
        "accounts resume ID",
        "accounts delete ID",
        "projects create other",
        "projects update default --allow-ip 10.0.0.1",
        "keys create new",
    ] {
        home.run(&format!("{} --dry-run", line.replace("ID", &account))).code(0);
        assert!(home.dump() == before, "changed by: {line}");
    }
}

#[test]
fn a_bound_on_accounts_holds_over_all_targets_together() {
    let home = linked(&["a", "b"]);
    for owner in ["c", "d"] {
        home.account("bamboohr", owner, "--set api_key=x --set subdomain=s");
    }
    let both = "connectors disable hubspot bamboohr --yes --json";
    let before = home.dump();
    for (most, more) in [(3, ""), (0, ""), (3, "--dry-run")] {
        let refused = home.run(&format!("{both} --max-affected {most} {more}")).code(6);
        let error = refused.error();
        assert_eq!(error["code"], "guard.too_many_affected");
        let told = format!(
            "4 linked accounts would be touched by all of these together, the limit given is {most}"
        );
        assert_eq!(error["message"], told);
    }
    assert!(home.dump() == before, "some were changed although all were too many");
    // What is not there touches nothing, and does not hide the rest.
    home.run(&format!("{both} nope --max-affected 3")).code(6);
    home.run(&format!("{both} --max-affected 4")).code(0);
}

#[test]
fn targets_come_from_standard_input_one_a_line() {
    let home = linked(&[]);
    let results = home.piped("connectors disable - --yes --json", "hubspot\r\n\n nope \nbamboohr");
    let results = results.code(11).json();
    let told: Vec<_> = results.as_array().unwrap().iter().map(|r| r["ok"].clone()).collect();
    assert_eq!(told, [true, false, true]);
    assert_eq!(results[1]["error"]["exit_code"], 3);
    let nothing = home.piped("connectors enable - --json", "").code(0);
    assert_eq!((nothing.stdout.as_str(), nothing.stderr.as_str()), ("[]\n", ""));
    home.piped("connectors enable -", "\n").code(0).tells("names no target");
    home.piped("connectors delete - --yes", "").code(0).tells("names no target");
    home.piped("accounts delete - --yes --jq length", "").code(0).json().as_u64().unwrap();
    home.run("accounts delete --yes").code(2).tells("no target given");
    home.piped("connectors enable -", b"\xff\n").code(2);
    home.run("connectors enable hubspot hubspot --json").code(0);
}

#[test]
fn the_form_of_an_answer_hangs_on_the_line_alone() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    home.run("connectors add hubspot --name second").code(0);
    for (line, changed) in [
        ("connectors disable hubspot --yes", true),
        ("connectors disable hubspot --yes", false),
        ("connectors enable hubspot --dry-run", true),
        ("connectors enable hubspot", true),
    ] {
        let told = home.run(&format!("{line} --json")).code(0).json();
        assert_eq!(
            (&told["resource"], &told["changed"]),
            (&"connector/hubspot".into(), &changed.into())
        );
        assert_eq!(told["after"].as_array().map(Vec::len), Some(2), "{told}");
        assert!(told.get("ok").is_none(), "{told}");
    }
    home.run("connectors disable second --yes").code(0);
    // A list may have one target, and is one.
    let all = home.run("connectors enable --all --json").code(0).json();
    assert_eq!((&all[0]["changed"], all[1].is_null()), (&true.into(), true), "{all}");
    // The flag may stand wherever others may, and where nothing is disabled somebody is told so.
    for line in ["connectors enable --all", "--all connectors enable", "connectors --all enable"] {
        let told =
            home.run(line).code(0).tells("note: no auth config is disabled: there is nothing");
        assert_eq!(told.stdout, "", "{line}");
        assert_eq!(home.run(&format!("{line} --json")).code(0).stdout.trim(), "[]");
    }
    let listed = home.piped("connectors disable - --yes --json --fields ok", "second\n");
    assert_eq!(listed.code(0).stdout, "[\n{\"ok\":true}\n]\n");
    let failed = home.piped("connectors disable - --yes --json", "nope\n").code(3);
    assert_eq!(failed.json()[0]["ok"], false);
}

#[test]
fn accounts_that_are_there_are_shown_beside_those_that_are_not() {
    let home = linked(&["a", "b"]);
    let ids = home.run("accounts list -o id").code(0).stdout;
    let [first, second] = ids.lines().collect::<Vec<_>>()[..] else { panic!("{ids}") };
    let absent = "01999999-9999-7999-8999-999999999903";
    let line = format!("accounts get {first} {absent} {second}");
    let ended = home.run(&format!("{line} --json")).code(11);
    let shown = ended.json();
    let shown: Vec<_> = shown.as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(shown, [first, second]);
    let error = ended.error();
    assert_eq!(
        (&error["code"], &error["message"]),
        (&"result.partial".into(), &"1 of 3 targets failed".into())
    );
    let detail = &error["details"][0];
    assert_eq!(detail["target"], absent, "{error}");
    assert_eq!(detail["error"]["code"], "account.not_found", "{error}");
    let told = home.run(&line).code(11).tells(&format!("error[account.not_found]: {absent}: "));
    assert_eq!(told.stdout.lines().count(), 2, "{told:?}");
    let none = home.run(&format!("accounts get {absent} {absent}0 --json"));
    assert_eq!((none.code, none.stdout.as_str()), (3, ""), "{none:?}");
    assert_eq!(none.error()["details"].as_array().map(Vec::len), Some(2), "{none:?}");
}

#[test]
fn why_a_target_failed_is_told_in_every_form() {
    let home = linked(&[]);
    let line = "connectors disable nope hubspot --yes";
    let why = "error[auth_config.not_found]: nope: ";
    for format in ["", "-o table", "-o csv"] {
        let told =
            home.run(&format!("{line} {format}")).code(11).tells(why).tells("\nhint: hubctl ");
        assert_eq!(told.stderr.matches("error[").count(), 2, "{told:?}");
        assert!(told.stdout.contains("auth_config.not_found: "), "{told:?}");
    }
    let row = home.run(line).stdout;
    assert!(
        row.starts_with("disable\tconnector/nope\tfalse\tfalse\tauth_config.not_found: "),
        "{row}"
    );
    let json = TestHome::new().with("HUBCTL_CONFIG_DIR", home.path());
    for (at, line) in [
        (&home, format!("{line} --json")),
        (&json.with("HUBCTL_ERROR_FORMAT", "json"), line.into()),
    ] {
        let told = at.run(&line).code(11);
        assert_eq!(told.error()["code"], "result.partial");
        assert!(!told.stderr.contains("hint: ") && !told.stderr.contains("error["), "{told:?}");
        assert!(told.stdout.contains("auth_config.not_found"), "{told:?}");
    }
    let none = home.run("connectors disable nope nada --yes").code(3).tells(why);
    assert!(
        none.stderr.ends_with("error[auth_config.not_found]: all 2 targets failed\n"),
        "{none:?}"
    );
    let mut shown = home.terminal(&format!("{line} --color never"));
    shown.exp_string(why).unwrap();
    shown.exp_string("hint: hubctl ").unwrap();
    let rest = shown.exp_eof().unwrap();
    assert_eq!(rest.matches("nope: ").count(), 0, "{rest}");
}

#[test]
fn a_line_that_is_too_long_is_not_cut_into_targets() {
    let home = linked(&[]);
    let before = home.dump();
    let input = format!("{}hubspot\n", "x".repeat(4096));
    home.piped("connectors disable - --yes", input).code(2).tells("line of more than");
    assert_eq!(home.dump(), before);
}

#[test]
fn an_owner_is_made_up_and_told_unless_the_profile_forbids_it() {
    let home = linked(&[]);
    let made = home.run("session create --provider hubspot --json").code(0);
    let owner = made.json()["origin_owner_id"].as_str().unwrap().to_owned();
    assert!(regex::Regex::new("^hubctl-[0-9a-f]{8}$").unwrap().is_match(&owner), "{owner}");
    assert!(made.stderr.contains(&format!("no origin owner given, using {owner}")));
    home.config("[profiles.default.session]\nrequire_owner = true\n");
    let refused = home.run("session create --provider hubspot --json").code(2);
    assert_eq!(refused.error()["code"], "session.owner_required");
    home.run("session create --provider hubspot --origin-owner-id a").code(0);
}

#[test]
fn one_part_of_a_session_is_printed_alone() {
    let home = linked(&[]);
    let token = home.run("session create --print token").code(0).stdout;
    assert!(token.starts_with("hcs_1_") && token.ends_with('\n'), "{token}");
    assert_eq!(home.run("session create --print id").code(0).stdout, "2\n");
    let link = home.run("link create --print auth_link_url --qr").code(0);
    assert!(link.stdout.starts_with("http://127.0.0.1:4780/connect/hcs_3_"));
    assert_eq!(link.stdout.lines().count(), 1);
    assert!(link.stderr.contains('█'));
}

#[test]
fn settings_come_from_flag_environment_and_profile_in_this_order() {
    let home = linked(&[]);
    home.run("projects create other").code(0);
    home.config(
        "profile = \"work\"\n[profiles.work]\nproject = \"other\"\noutput = \"json\"\n\
         public_url = \"https://hub.example.com/x/\"\norigin_owner_id = \"o\"\n[profiles.plain]\n",
    );
    assert_eq!(home.run("connectors list").code(0).json().as_array().unwrap().len(), 0);
    let link = home.run("link create").code(0).json();
    let url = link["auth_link_url"].as_str().unwrap();
    assert!(url.starts_with("https://hub.example.com/x/connect/hcs_"), "{url}");
    assert_eq!(link["origin_owner_id"], "o");
    assert_eq!(home.run("-P plain connectors list -o id").code(0).stdout.lines().count(), 2);
    assert_eq!(home.run("--project default connectors list -o id").stdout.lines().count(), 2);
    home.run("-P nope connectors list").code(3).tells("known profiles: plain, work");
    let home = home.with("HUBCTL_OUTPUT", "csv").with("HUBCTL_PROJECT", "default");
    assert!(home.run("connectors list").code(0).stdout.starts_with("id,connector,"));
    assert!(home.run("connectors list -o id").code(0).stdout.lines().count() == 2);
}

#[test]
fn a_bad_configuration_file_is_refused_with_its_place() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let home = TestHome::new();
    for (text, told) in [
        ("profile = \"x\"\nfoo = 1\n", "config.toml line 2: unknown field `foo`"),
        ("\n\n[profiles.a]\nx = 1\n", "config.toml line 4: unknown field `x`"),
        ("profile = \n", "config.toml line 1"),
        ("[profiles.default]\noutput = \"bad\"\n", "profile `default`, output"),
        ("[profiles.default]\nproject = \"B X\"\n", "profile `default`, project"),
        ("[profiles.default]\npublic_url = \"ftp://x\"\n", "public_url: `ftp://x`"),
    ] {
        home.config(text);
        home.run("connectors list").code(13).tells(told);
    }
    home.config("");
    let path = home.path().join("config.toml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    home.run("connectors list").code(13).tells("chmod 600");
    std::fs::remove_file(&path).unwrap();
    symlink("/nonexistent", &path).unwrap();
    home.run("connectors list").code(13).tells("symbolic link");
}

#[test]
fn nothing_of_one_project_is_seen_in_another() {
    let home = linked(&["a"]);
    let id = home.account("hubspot", "b", "--set access_key=x");
    home.run("session create --provider hubspot").code(0);
    home.run("projects create other").code(0);
    for line in ["accounts list --json", "connectors list --json", "session list --json"] {
        assert_eq!(home.run(&format!("{line} --project other")).code(0).stdout.trim(), "[]");
    }
    for line in [
        "accounts get ID",
        "accounts delete ID --yes",
        "session get 1",
        "accounts explain ID",
        "session revoke 1 --yes",
        "connectors disable hubspot-nope --yes",
    ] {
        home.run(&format!("--project other {}", line.replace("ID", &id))).code(3);
    }
}

#[test]
fn values_that_are_not_enough_are_held_against_the_method_that_they_are_for() {
    let home = TestHome::new();
    home.file("secret", "0123456789");
    let add = "connectors add zendesk --json --dry-run";
    let told = |sets: &str| {
        let error = home.run(&format!("{add} {sets}")).code(2).error();
        assert_eq!(error["code"], "fields.invalid", "{sets}");
        let text = |key: &str| error[key].as_str().unwrap().to_owned();
        (text("message"), text("hint"))
    };
    let hint = "hubctl connectors add zendesk --auth oauth2 --set client_id=VALUE \
                --set client_secret=@FILE";
    let given = "--set client_id=x --set client_secret=@secret";
    let (message, hinted) = told(&format!("--set subdomain=acme {given}"));
    assert_eq!(message, "method `oauth2` of zendesk: `subdomain` is not a field here");
    assert_eq!(hinted, hint);
    let (message, hinted) = told("--set client_id=x");
    assert_eq!(message, "method `oauth2` of zendesk: `client_secret` is required");
    assert_eq!(hinted, hint);
    // No method knows it: the first one that needs nothing is as good as any.
    let (message, _) = told("--set nonsense=x");
    assert_eq!(message, "method `api_token` of zendesk: `nonsense` is not a field here");
    home.run(&format!("{add} {given}")).code(0);
    home.run(add).code(0);
}
