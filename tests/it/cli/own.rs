//! Own connectors: folders of files, hostile files, forgetting.

use crate::support::cli::TestHome;

const HUMAANS: &str = include_str!("../../../src/catalog/connectors/humaans.json");
const ACME: &str = include_str!("../../../src/domain/connector/read/yaml/testdata/acme.yaml");

/// A connector of one's own, with one part of its text replaced.
fn mine(from: &str, to: &str) -> String {
    let text = HUMAANS.replacen("\"key\": \"humaans\"", "\"key\": \"mine\"", 1);
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

#[test]
fn a_folder_of_connectors_and_partials_is_imported_used_and_forgotten() {
    let home = TestHome::new();
    home.file("own/mine.json", mine("Humaans", "My own"));
    home.file("own/below/acme.connector.s1.yaml", ACME);
    let partial = "- actionId: list\n  categories: [hris, internal]\n  steps: []\n";
    home.file("own/below/acme.employees.s1.partial.yaml", partial);
    home.file("own/below/acme.groups.connector.s1.partial.yaml", partial);
    home.file("own/README.md", "no connector");
    let clean = home.run("connectors lint own").code(0);
    assert_eq!(clean.stderr, "2 connectors: 0 errors, 1 warning\n");
    let before = home.run("connectors import own --dry-run --json").code(0).json();
    assert_eq!(before.as_array().unwrap().len(), 2);
    home.run("connectors get mine").code(3);
    home.run("connectors import own --json").code(0);
    let again = home.run("connectors import own --json").code(0).json();
    assert!(again.as_array().unwrap().iter().all(|result| result["changed"] == false), "{again}");
    let names = home.run("connectors available --search own --fields key,own --json").json();
    assert_eq!(names[0]["own"], true);
    home.run("connectors enable mine").code(0);
    home.run("connectors forget mine --yes").code(6).tells("connector.in_use");
    home.run("connectors forget acme").code(7);
    home.run("connectors forget acme nope --yes --json").code(11);
    home.run("connectors delete mine --yes").code(0);
    home.run("connectors forget mine --yes").code(0);
    home.run("connectors get mine").code(3);
}

#[test]
fn what_stands_in_two_files_is_found_before_it_is_imported() {
    let home = TestHome::new();
    home.file("own/a.json", mine("Humaans", "My own"));
    home.file("own/b.json", mine("Humaans", "My other"));
    let found = home.run("connectors lint own --json").code(2);
    let told = found.json();
    let [one] = &told.as_array().unwrap()[..] else { panic!("{found:?}") };
    assert_eq!(one["file"], "own/b.json");
    assert!(one["message"].as_str().unwrap().contains("stands in own/a.json, too"), "{one}");
    let refused = home.run("connectors import own --json").code(2).error();
    assert_eq!(refused["code"], "connector.invalid_file");
    let told = refused["details"].to_string();
    assert!(told.contains("own/b.json") && told.contains("own/a.json"), "{told}");
    assert_eq!(home.run("connectors available --search mine --json").json(), serde_json::json!([]));
}

/// An own connector with an account that is linked by it.
fn linked() -> TestHome {
    let home = TestHome::new();
    home.file("mine.json", mine("Humaans", "My own"));
    home.run("connectors import mine.json").code(0);
    home.run("connectors enable mine").code(0);
    home.run(
        "accounts add --provider mine --origin-owner-id a --set api_token=planted --no-verify",
    )
    .code(0);
    home
}

#[test]
fn ac_47_an_import_that_changes_linked_accounts_asks() {
    let home = linked();
    home.file("mine.json", mine("\"key\": \"api_key\"", "\"key\": \"other\""));
    let before = home.dump();
    let refused = home.run("connectors import mine.json").code(7);
    assert!(refused.stderr.contains("the calls of 1 linked account"), "{refused:?}");
    home.run("connectors import mine.json --yes --max-affected 0").code(6);
    assert!(home.dump() == before);
    let written = home.run("connectors import mine.json --yes --json").code(0).json();
    assert_eq!(written["affected_accounts"], 1, "{written}");
    // The same again changes nobody.
    home.run("connectors import mine.json").code(0);
}

#[test]
fn threat_12_an_import_that_takes_stored_secrets_elsewhere_says_where() {
    let home = linked();
    home.file("mine.json", mine("https://app.humaans.io/api", "https://hr.other.example/api"));
    let before = home.dump();
    let refused = home.run("connectors import mine.json").code(7);
    assert!(refused.stderr.contains("https://hr.other.example"), "{refused:?}");
    assert!(home.dump() == before);
    let tried = home.run("connectors import mine.json --dry-run").code(0);
    assert!(tried.stderr.contains("stored for `mine` to https://hr.other.example"), "{tried:?}");
    let done = home.run("connectors import mine.json --yes").code(0);
    assert!(done.stderr.contains("stored for `mine` to https://hr.other.example"), "{done:?}");
    let again = home.run("connectors import mine.json").code(0);
    assert!(!again.stderr.contains("hr.other.example"), "{again:?}");
}

#[test]
fn threat_35_a_connector_that_reaches_elsewhere_is_refused() {
    let home = TestHome::new();
    for (from, to) in [
        ("https://app.humaans.io/api", "https://*/api"),
        ("https://app.humaans.io/api", "https://*.humaans.io/api"),
        ("https://app.humaans.io/api", "http://app.humaans.io/api"),
        ("https://app.humaans.io/api", "https://${api_token}/api"),
        ("https://app.humaans.io/api", "https://user:x@app.humaans.io/api"),
        ("${api_token}", "${client_secret}"),
        ("${api_token}", "${env.HOME}"),
        ("/token-info", "//elsewhere.example/x"),
        ("/token-info", "/../../x"),
        ("\"key\": \"mine\"", "\"key\": \"../mine\""),
    ] {
        home.file("mine.json", mine(from, to));
        home.run("connectors import mine.json").code(2).tells("connector.invalid_file");
    }
    assert_eq!(home.run("connectors available --search mine --json").json(), serde_json::json!([]));
}

#[test]
fn threat_35_a_hostile_connector_file_is_refused_and_nothing_is_imported() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let before = home.dump();
    let deep = "[".repeat(100_000);
    let anchors = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n";
    for (name, text) in [
        ("x.json", "{}"),
        ("x.json", "not json"),
        ("x.json", "{\"key\":\"../../etc/passwd\"}"),
        ("x.json", &deep),
        ("x.connector.s1.yaml", "meta: {provider: x}\nbaseUrl: http://*/\n"),
        ("x.connector.s1.yaml", &deep),
        ("x.connector.s1.yaml", anchors),
        ("x.connector.s1.yaml", "a: !!binary x\n\t- y: ["),
    ] {
        let path = home.file(name, text);
        for verb in ["lint", "import"] {
            let line = format!("connectors {verb} {} --json", path.display());
            let ended = home.run(&line).code(2);
            assert!(ended.stderr.len() < 20_000, "{ended:?}");
            ended.error();
        }
    }
    home.file("binary.json", b"\xff\xfe\0");
    home.run("connectors import binary.json").code(2);
    std::fs::create_dir(home.path().join("empty")).unwrap();
    home.run("connectors import empty").code(2).tells("holds no connector files");
    home.run("connectors import /dev/zero").code(2);
    assert!(home.dump() == before);
}
