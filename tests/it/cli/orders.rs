//! The eight commands of the order, then all others, each in a process of its own: the same on
//! both databases.

use std::collections::BTreeMap;

use crate::support::cli::{Ended, TestHome};

/// Takes down what every command answered, with ids, times and secrets numbered.
struct Journal {
    home: TestHome,
    text: String,
    names: BTreeMap<String, usize>,
    /// What differs from run to run.
    changing: regex::Regex,
}

impl Journal {
    fn of(home: TestHome) -> Self {
        let uuid = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}";
        let time = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z";
        let token = "(hcs_|v1[.]local[.])[0-9]+_[0-9A-Za-z_-]{43}|hubctl-[0-9a-f]{8}";
        let changing = format!("(?P<id>{uuid})|(?P<at>{time})|(?P<secret>{token})");
        let changing = regex::Regex::new(&changing).unwrap();
        Self { home, text: String::new(), names: BTreeMap::new(), changing }
    }

    fn run(&mut self, line: &str, code: i32) -> Ended {
        let ended = self.home.run(line).code(code);
        self.note(line, ended)
    }

    fn piped(&mut self, line: &str, input: &str) -> Ended {
        let ended = self.home.piped(line, input).code(0);
        self.note(line, ended)
    }

    fn note(&mut self, line: &str, ended: Ended) -> Ended {
        let answer = format!("$ {line}\n{}{}", ended.stdout, ended.stderr);
        let answer = answer.replace(self.home.path().to_str().unwrap(), "HOME");
        // A store elsewhere has another name, and its key is in another file.
        let is_of_store = |line: &&str| {
            ["made a new store", "there is no store"].iter().any(|text| line.contains(text))
        };
        let kept = answer.lines().filter(|line| !is_of_store(line));
        let kept = kept.filter(|line| !line.contains("master key"));
        for line in kept {
            let line = self.without_ids(line);
            self.text.push_str(&line);
            self.text.push('\n');
        }
        ended
    }

    fn without_ids(&mut self, line: &str) -> String {
        let names = &mut self.names;
        let named = self.changing.replace_all(line, |found: &regex::Captures<'_>| {
            if found.name("at").is_some() {
                return "TIME".to_owned();
            }
            let next = names.len();
            format!("<{}>", names.entry(found[0].to_owned()).or_insert(next))
        });
        named.into_owned()
    }
}

fn journal(home: TestHome) -> String {
    let mut journal = Journal::of(home);
    journal.home.file("secret.txt", "s3cret\n");
    journal.run("connectors available --category hris", 0);
    journal.run("connectors enable bamboohr", 0);
    journal.run(
        "connectors add hubspot --auth oauth2 --set client_id=abc --set client_secret=@secret.txt --default",
        0,
    );
    journal.run("session create --provider bamboohr --json", 0);
    journal.run("link create --provider hubspot --origin-owner-id a1 --origin-owner-name Acme", 0);
    let added = journal.piped(
        "accounts add --provider bamboohr --origin-owner-id a1 --set api_key=- --set subdomain=acme --no-verify --json",
        "k3y\n",
    );
    let account = added.json()["id"].as_str().unwrap().to_owned();
    journal.run("accounts list", 0);
    journal.run("accounts list --json", 0);
    journal.run("connectors disable bamboohr --yes --json", 0);
    others(&mut journal, &account);
    journal.text
}

fn others(journal: &mut Journal, account: &str) {
    let own = include_str!("../../../fuzz/Cargo.toml");
    journal.home.file("bad.json", own);
    for line in [
        "accounts explain ID --json",
        "connectors enable bamboohr --json",
        "connectors enable bamboohr --json",
        "accounts get ID --json",
        "accounts update ID --label L --metadata k=v --json",
        "accounts suspend ID --yes --json",
        "accounts suspend ID --yes --json",
        "accounts resume ID --json",
        "accounts export",
        "accounts list --sort -updated --since 1h -o csv",
        "accounts list --status active --type production -o id",
        "connectors list -o yaml",
        "connectors list --search hub --enabled -o wide",
        "connectors get bamboohr --json",
        "connectors guide bamboohr --for end-user",
        "connectors open bamboohr --print",
        "connectors edit hubspot --name Second --json",
        "connectors make-default hubspot --yes --json",
        "session list -o jsonl",
        "session list --pending --expiring 24h",
        "session get 1 --json",
        "session revoke 1 --yes --json",
        "session revoke 1 --yes --json",
        "keys list",
        "keys create ci --json",
        "keys create ops --scope admin,projects:write --expires-in 90d -o tsv",
        "keys list -o wide",
        "keys list --json",
        "keys get ops --json",
        "keys disable ci --yes --json",
        "keys disable ci --yes --json",
        "keys enable ci --json",
        "keys delete ci ops --yes --json",
        "projects update default --allow-ip 10.0.0.0/8,::1 --json",
        "projects update default --clear-allow-ip --json",
        "projects create second --json",
        "projects list",
        "projects get second --json",
        "--project second accounts list --json",
        "projects delete second --yes --json",
        "accounts delete ID --yes --json",
        "connectors delete hubspot --yes --json",
        "connectors delete hubspot --if-missing skip --yes --json",
        "commands --json",
        "explain-error guard.too_many_affected",
        "help exit-codes",
        "completion bash",
        "version",
    ] {
        journal.run(&line.replace("ID", account), 0);
    }
    journal.run("connectors delete hubspot --yes --json", 3);
    journal.run("connectors lint bad.json --json", 2);
    journal.run("connectors import bad.json --json", 2);
    journal.run("connectors forget bamboohr --yes --json", 3);
}

#[test]
fn every_command_answers_the_same_on_both_databases() {
    let sqlite = journal(TestHome::new());
    let postgres = journal(TestHome::postgres());
    for (here, there) in sqlite.lines().zip(postgres.lines()) {
        assert_eq!(here, there);
    }
    assert_eq!(sqlite.lines().count(), postgres.lines().count());
    assert!(!sqlite.contains("s3cret") && !sqlite.contains("k3y"));
}
