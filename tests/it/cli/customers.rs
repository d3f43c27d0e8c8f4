//! From a command to a linked account: a link is made and waited for, and a customer opens it. The
//! provider is the sample provider of a server on the same store.

use std::io::{BufRead as _, BufReader};
use std::process::Child;

use rexpect::process::WaitStatus;
use serde_json::Value;

use crate::support::cli::{Ended, TestHome};
use crate::support::customer::Customer;
use crate::support::serving::{Serving, free_url};

const OWNER: &str = "--provider sample --origin-owner-id acme-7 --origin-owner-name Acme";

/// A home whose store knows the sample provider, which `hubctl serve` serves meanwhile.
struct Place {
    home: TestHome,
    serving: Serving,
}

impl Place {
    fn on(home: TestHome) -> Self {
        let mut serving = home.serve("--with-sample-provider");
        let line = serving.wait_for(|line| line.contains("the sample provider is at"));
        let (_, rest) = line.split_once("http://").unwrap();
        let host = rest.split_once(':').unwrap().0;
        home.config(&format!(
            "[profiles.default]\npublic_url = \"http://{}\"\nallow_targets = \"{host}\"\n",
            serving.address
        ));
        Self { home, serving }
    }

    fn with_oauth(home: TestHome, client: &str) -> Self {
        let place = Self::on(home);
        place.home.file("secret", "sample-secret");
        let line = format!(
            "connectors add sample --auth oauth2 --set client_id={client} --set \
             client_secret=@secret --default"
        );
        place.home.run(&line).code(0);
        place
    }

    /// A link of the server, and the number of its session.
    fn link(&self) -> (String, String) {
        let made = self.home.run(&format!("link create {OWNER} --json")).code(0).json();
        (made["auth_link_url"].as_str().unwrap().to_owned(), made["id"].to_string())
    }

    fn start(&self, line: &str) -> Child {
        self.home.command(line.split_whitespace()).spawn().unwrap()
    }
}

/// The next line of what a command writes, while it goes on.
fn first_line(child: &mut Child) -> (String, BufReader<std::process::ChildStdout>) {
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    (line, reader)
}

/// One command takes an end user from nothing to a linked account.
fn one_command_links_an_account(home: TestHome) {
    let place = Place::on(home);
    // Nobody answers where links lead.
    place.home.run(&format!("config set public_url {}", free_url())).code(0);
    let mut child = place.start(&format!("session create {OWNER} --wait --timeout 60s -o jsonl"));
    let (line, mut more) = first_line(&mut child);
    let made: Value = serde_json::from_str(&line).unwrap();
    let link = made["auth_link_url"].as_str().unwrap();
    // The command itself answers: the link names another port than that of the server.
    assert!(!link.contains(&place.serving.address.to_string()), "{link}");
    Customer::with(link).give_key("sample-key");
    let mut line = String::new();
    more.read_line(&mut line).unwrap();
    let waited: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&waited["session_id"], &waited["status"]), (&made["id"], &"authenticated".into()));
    assert_eq!(waited["account"]["provider"], "sample");
    assert_eq!(Ended::wait(child).code, 0);
    let accounts = place.home.run("accounts list --json").json();
    assert_eq!(accounts[0]["id"], waited["account"]["id"]);
    assert_eq!(accounts[0]["status"], "active");
    // The same is told when it is asked for later, at once.
    let line = format!("session wait {} --json", made["id"]);
    assert_eq!(place.home.run(&line).code(0).json()["account"], waited["account"]);
}

#[test]
fn one_command_links_an_account_on_sqlite() {
    one_command_links_an_account(TestHome::new());
}

#[test]
fn one_command_links_an_account_on_postgres() {
    one_command_links_an_account(TestHome::postgres());
}

#[test]
fn links_of_a_file_tell_through_which_an_account_was_linked() {
    let place = Place::on(TestHome::new());
    let key = place.home.key("mailing", &["platform:read", "platform:write"]);
    let url = format!("http://{}", place.serving.address);
    let away = TestHome::new().with("HUBCTL_API_URL", &url).with("HUBCTL_API_KEY", key);
    for at in [&place.home, &away] {
        at.file("f.csv", "origin_owner_id,provider\nacme-7,sample\nglobex-1,sample\n");
    }
    let links = |at: &TestHome, flags: &str| {
        at.run(&format!("link create --from f.csv {flags} --json")).code(0).json()
    };
    let made = links(&place.home, "");
    assert_eq!(made[0]["status"], "pending");
    assert_eq!(made[0]["linked_account_id"], Value::Null);
    Customer::with(made[0]["auth_link_url"].as_str().unwrap()).give_key("sample-key");
    let account = place.home.run("accounts list -o id").code(0).stdout;
    for at in [&place.home, &away] {
        let again = links(at, "");
        assert_eq!(again[0]["auth_link_url"], made[0]["auth_link_url"]);
        assert_eq!((&again[0]["created"], &again[0]["status"]), (&false.into(), &"linked".into()));
        assert_eq!(again[0]["linked_account_id"], account.trim_end());
        let missing = links(at, "--pending");
        assert_eq!(missing.as_array().unwrap().len(), 1, "{missing}");
        assert_eq!(missing[0]["auth_link_url"], made[1]["auth_link_url"]);
    }
}

/// The link of a server of the store outlives the command that waits.
#[test]
fn a_wait_leaves_the_link_to_the_server_of_its_store() {
    for home in [TestHome::new(), TestHome::postgres()] {
        let place = Place::on(home);
        let ended = place.home.run(&format!("link create {OWNER} --wait --timeout 1s")).code(8);
        let link = ended.stdout.lines().next().unwrap().to_owned();
        assert!(link.starts_with(&format!("http://{}/connect/", place.serving.address)), "{link}");
        assert!(!ended.stderr.contains("as long as"), "{ended:?}");
        let ended = ended.tells("\nhint: hubctl session wait ");
        let (_, session) = ended.stderr.split_once("hubctl session wait ").unwrap();
        Customer::with(&link).give_key("sample-key");
        place.home.run(&format!("session wait {}", session.trim())).code(0);
    }
}

#[test]
fn a_login_is_waited_for_on_a_store_and_on_a_server() {
    let place = Place::with_oauth(TestHome::new(), "sample-app");
    let key = place.home.key("waiting", &["platform:read", "platform:write"]);
    let url = format!("http://{}", place.serving.address);
    let away = TestHome::new().with("HUBCTL_API_URL", &url).with("HUBCTL_API_KEY", key);
    for at in [&place.home, &away] {
        let (link, session) = place.link();
        let line = format!("session wait {session} --timeout 60s --json");
        let waiting = at.command(line.split_whitespace()).spawn().unwrap();
        Customer::with(&link).log_in("allow").status(200);
        let ended = Ended::wait(waiting).code(0).json();
        assert_eq!(ended["account"]["status"], "active");
        assert_eq!(ended["session_id"].to_string(), session);
    }
    // A hub elsewhere serves its links itself.
    let mut child = away
        .command(format!("link create {OWNER} --wait --timeout 60s --print account_id").split(' '))
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    let link = line.split_whitespace().last().unwrap();
    assert!(link.starts_with(&url), "{line}");
    Customer::with(link).log_in("allow").status(200);
    let ended = Ended::wait(child).code(0);
    let accounts = place.home.run("accounts list -o id");
    assert!(accounts.stdout.contains(ended.stdout.trim()), "{ended:?}");
}

#[test]
fn a_denied_login_fails_the_wait_at_its_end_or_at_once() {
    let place = Place::with_oauth(TestHome::new(), "sample-app");
    let (link, session) = place.link();
    Customer::with(&link).log_in("deny");
    for more in ["--timeout 1s", "--timeout 60s --fail-fast"] {
        let ended = place.home.run(&format!("session wait {session} {more} --json")).code(6);
        let error = ended.error();
        assert_eq!(error["code"], "session.login_failed", "{error}");
        assert!(error["message"].as_str().unwrap().contains("access_denied"), "{error}");
    }
    // The link works for another try, and the wait sees it.
    Customer::with(&link).log_in("allow");
    place.home.run(&format!("session wait {session} --timeout 60s")).code(0);
}

#[test]
fn cs_12_a_relinked_account_keeps_its_id() {
    let place = Place::on(TestHome::new());
    let (link, session) = place.link();
    Customer::with(&link).give_key("sample-key");
    let line = format!("session wait {session} -o id");
    let account = place.home.run(&line).code(0).stdout.trim().to_owned();
    let mut child =
        place.start(&format!("accounts relink {account} --wait --timeout 60s -o jsonl"));
    let (line, mut more) = first_line(&mut child);
    let made: Value = serde_json::from_str(&line).unwrap();
    let customer = Customer::with(made["auth_link_url"].as_str().unwrap());
    let body = serde_json::json!({
        "integration_id": customer.offered(), "credentials": { "api_key": "sample-other" },
    });
    let answer = customer.patch(&format!("/hub/accounts/{account}"), &body);
    assert!((200..300).contains(&answer.status), "{answer:?}");
    let mut line = String::new();
    more.read_line(&mut line).unwrap();
    let waited: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(waited["account"]["id"], account.as_str());
    assert_eq!(Ended::wait(child).code, 0);
}

/// The commands of the README's section on the sample provider, from its text.
#[test]
fn the_sample_provider_is_tried_as_the_readme_says() {
    let home = TestHome::new();
    let mut serving = home.serve("--with-sample-provider");
    let told = serving.wait_for(|line| line.contains("allow_targets"));
    home.config(&format!("[profiles.default]\npublic_url = \"http://{}\"\n", serving.address));
    let readme = include_str!("../../../README.md");
    let (_, section) = readme.split_once("### A provider to try things with\n").unwrap();
    let section = section.split("\n### ").next().unwrap();
    let command = |begin: &str| {
        let line = section.lines().find(|line| line.starts_with(begin));
        line.unwrap_or_else(|| panic!("{begin}: {section}")).to_owned()
    };
    home.run(command("hubctl connectors add").strip_prefix("hubctl ").unwrap()).code(0);
    let line = command("hubctl link create").replace(" --open", " --timeout 60s");
    let mut child = home.command(line.split(' ').skip(1)).spawn().unwrap();
    let (link, _rest) = first_line(&mut child);
    Customer::with(&link).log_in("allow").status(200);
    Ended::wait(child).code(0);
    let account = home.run("accounts list -o id").code(0).stdout;
    let line = command("hubctl request").replace('\'', "").replace("ACCOUNT_ID", account.trim());
    let line = line.strip_prefix("hubctl ").unwrap();
    let allow = command("hubctl config set allow_targets");
    assert!(told.contains(&allow), "{told}");
    let refused = home.run(line).code(2).tells("provider.blocked");
    assert!(refused.stderr.contains(&format!("\nhint: {allow} # ")), "{refused:?}");
    home.run(allow.strip_prefix("hubctl ").unwrap()).code(0);
    let answered = home.run(line);
    assert!(!answered.stderr.contains("provider.blocked"), "{answered:?}");
}

#[test]
fn a_person_sees_how_the_wait_goes() {
    let place = Place::on(TestHome::new());
    let line = format!("link create {OWNER} --wait --timeout 60s");
    let mut terminal = place.home.terminal(&line);
    let (_, link) = terminal.exp_regex(r"http://127\.0\.0\.1:\d+/connect/[\w-]+").unwrap();
    terminal.exp_string("waiting for the end user").unwrap();
    Customer::with(&link).give_key("sample-key");
    terminal.exp_string("Linked     ").unwrap();
    terminal.exp_eof().unwrap();
    let WaitStatus::Exited(_, 0) = terminal.process().wait().unwrap() else { panic!() };
}

#[test]
fn the_demo_shows_all_of_it_and_leaves_nothing_behind() {
    let home = TestHome::new();
    let folder = home.path().join("tmp");
    std::fs::create_dir(&folder).unwrap();
    let home = home.with("TMPDIR", &folder).with("HUBCTL_API_URL", "http://not.used.example");
    let shown = home.run("demo").code(0);
    for line in [
        "$ hubctl serve --listen 127.0.0.1:0 --with-sample-provider",
        "$ hubctl connectors add sample --auth oauth2",
        "$ link=$(hubctl link create --provider sample",
        "the customer presses Allow",
        "$ hubctl accounts list",
        "$ hubctl request GET '/employees?page_size=2' --account ",
        "$ hubctl webhooks create --url http://127.",
        "; the signature fits",
        "$ hubctl webhooks deliveries",
        "$ hubctl logs list",
    ] {
        assert!(shown.stdout.contains(line), "{line}: {shown:#?}");
    }
    assert!(shown.stdout.contains("  the receiver got account.updated of "), "{shown:#?}");
    assert!(shown.stdout.contains("employee-2") && !shown.stdout.contains("employee-3"));
    assert!(shown.stdout.contains("acme-7") || shown.stdout.contains("Acme"), "{shown:#?}");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    assert!(!home.store().exists() && !home.path().join("config.toml").exists());
    let kept = home.run("demo --keep").code(0);
    let left = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    assert!(kept.stderr.contains(&left.display().to_string()), "{kept:#?}");
    assert!(left.join("hubctl.db").exists());
}
