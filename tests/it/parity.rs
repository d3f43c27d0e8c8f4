//! The same commands on a local store and on a hub elsewhere: same output, same errors, same exit
//! codes.

use std::collections::HashMap;

use hubctl::cli::for_each_leaf;
use regex::Regex;
use serde_json::Value;

use crate::support::cli::{Ended, SCOPES, TestHome};

/// What is typed, in order. `NAME<PATH< COMMAND` keeps a value of the JSON answer for later lines,
/// where it is `{NAME}`.
pub(crate) const LINES: &str = r"
connectors available --category hris --json
connectors available --search no-such-thing
connectors available --auth oauth2_client_credentials -o id
connectors get hubspot --json
connectors get no-such-connector
connectors guide hubspot --json
connectors guide bamboohr --for end-user --json
connectors guide no-such-connector
connectors list
connectors enable no-such-connector
connectors enable airtable --dry-run --json
first<after/id< connectors enable bamboohr --json
connectors enable bamboohr --json
connectors enable bamboohr
second<after/id< connectors add bamboohr --name Second --json
connectors add bamboohr --name Second
connectors add bamboohr --name Second --if-exists skip --json
connectors add hubspot --auth oauth2
connectors add hubspot --auth oauth2 --set client_id=abc --set client_secret=hidden --default --json
connectors add hubspot --auth no-such-method --set a=b
connectors edit hubspot --name Spot --json
connectors edit hubspot --set client_id=abd --json
connectors edit bamboohr --name x
connectors edit {second} --name Other --json
connectors get Other --json
connectors get bamboohr --json
connectors list --json
connectors list --enabled --category hris -o id
connectors list --search spot
connectors list --fields id,name
connectors list --fields nonsense
connectors list --jq .[].name
connectors open hubspot --print
connectors import own.json --dry-run --json
connectors import own.json
connectors import own.json --json
connectors get own-one --json
connectors enable own-one --json
connectors forget own-one --yes
connectors delete own-one --yes --json
connectors forget own-one --yes --json
connectors make-default Other
connectors make-default Other --yes --dry-run --json
connectors make-default Other --yes --json
connectors make-default {first} --yes --json
connectors delete bamboohr --yes
connectors delete {first} --yes
connectors delete nobody --yes
connectors delete nobody --yes --if-missing skip
connectors delete {second} nobody --yes --json
connectors get ..
connectors delete . --yes --if-missing skip
connectors edit hubspot --name ..
connectors edit hubspot --set client_secret= --json
a<id< accounts add --provider bamboohr --origin-owner-id acme-1 --origin-owner-name Acme --set subdomain=acme --set api_key=hidden-1 --metadata team=x --json --no-verify
b<id< accounts add --provider bamboohr --origin-owner-id acme-2 --origin-owner-name Globex --set subdomain=glo --set api_key=hidden-2 --type test --json --no-verify
accounts add --provider bamboohr --origin-owner-id acme-2 --origin-owner-name Globex --set subdomain=glo --set api_key=hidden-3 --json --no-verify
accounts add --provider bamboohr --origin-owner-id acme-2 --set subdomain=glo --set api_key=hidden-4 --if-exists skip --json --no-verify
accounts add --provider bamboohr --origin-owner-id acme-2 --set subdomain=glo --set api_key=hidden-4 --if-exists fail --json --no-verify
accounts add --provider bamboohr --origin-owner-id acme-3 --origin-owner-name X --set subdomain=glo --no-verify
accounts add --provider airtable --origin-owner-id acme-3 --origin-owner-name X --set api_key=z --no-verify
accounts add --provider no-such --origin-owner-id acme-3 --origin-owner-name X --set api_key=z --no-verify
accounts list
accounts list --json
accounts list --provider bamboohr --status active --origin-owner-id acme-1 -o id
accounts list --type test --sort -owner -o jsonl
accounts list --sort updated --fields id,origin_owner_id
accounts list --auth-config {first} -o csv
accounts list --after {a} -o yaml
accounts list --status archived --json
accounts list --since 1h -o id
accounts list --limit 1 -o id
accounts get {a} --json
accounts get {a} {b}
accounts get no-such-account
accounts explain {a} --json
accounts explain no-such-account --json
accounts explain acme-1 --json
doctor account {a} --offline --json
doctor account {a} --offline
doctor account no-such-account --json
doctor account
accounts test no-such-account --json
accounts refresh {a}
accounts refresh no-such-account --json
accounts update {a} --label Prod --metadata tier=gold --json
accounts update {a} --label Prod --json
accounts update {a} --auth-config {a}
accounts update no-such-account --label x
accounts update {a} --set api_key= --json
accounts update {a} --set api_key=hidden-5 --no-verify --json
accounts update {a} --set api_key=hidden-5 --no-verify --json
accounts update {a} --label x --no-verify
accounts relink {a} --json
accounts relink {a} --print nonsense
accounts relink no-such-account
accounts wait {a} --json
accounts wait {a} --for status=error --timeout 1s
accounts wait {a} --for nonsense
accounts suspend {a}
accounts suspend {a} --yes --json
accounts suspend {a} {b} --yes --dry-run --json
accounts explain {a} --json
accounts list --status suspended --fields id,status
request GET /v1/employees --account {a}
request POST /v1/employees -F a=1 --account {a} --dry-run
request GET /v1/employees --account no-such-account
request TRACE / --account {a}
request GET / --account {a} -H Cookie:a=b
accounts resume {a} --json
accounts resume {a} nobody --yes --json
accounts export -o jsonl
accounts export --fields id,metadata,auth_config_name -o jsonl
accounts export -o csv
accounts export -o id
accounts export --fields nonsense
connectors disable bamboohr
connectors disable bamboohr --yes --max-affected 1
connectors disable bamboohr --yes --dry-run --json
connectors disable bamboohr --yes --json
accounts explain {b} --json
session create --provider bamboohr --origin-owner-id acme-7 --origin-owner-name Acme
connectors enable bamboohr --json
s<id< session create --provider bamboohr --origin-owner-id acme-7 --origin-owner-name Acme --expires-in 15m --label L --metadata k=v --json
session create --provider bamboohr --origin-owner-id acme-7 --origin-owner-name Acme --print auth_link_url
session create --provider airtable --origin-owner-id acme-7 --origin-owner-name Acme
session create --account no-such-account --origin-owner-id acme-7 --origin-owner-name Acme
session create --provider hubspot --auth-config {first} --origin-owner-id acme-7 --origin-owner-name Acme
session create --origin-owner-id acme-7 --origin-owner-name Acme --expires-in 31d
session get {s} --json
session get 99999
session list --json
session list --pending -o id
session list --expiring 1h
session list --status pending --provider bamboohr --origin-owner-id acme-1 --json
session list --status revoked --json
session list --status ended
session list --failed --json
session wait {s} --timeout 1s
session wait {s} --timeout 1s --json
session wait 99999
session revoke {s} --yes --json
session wait {s} --json
session revoke {s} --yes --json
session revoke 99999 --yes
link create --provider bamboohr --origin-owner-id acme-8 --origin-owner-name Acme --json
link create --from owners.csv --json
link create --from owners.csv --json
link create --from owners.csv --pending --json
accounts delete {b} --keep-remote
accounts delete {b} --yes --json
accounts delete {b} --yes
logs list --provider no-such --json
logs list --account no-such --status 4xx --since 1h -o id
logs list --provider no-such --failed --json
logs list --status nonsense
logs list --provider no-such --method BREW
logs list --provider no-such --since never
logs get no-such-request
logs get no-such-request --bodies --json
logs tail --json
connectors logs hubspot --method OPTIONS --json
connectors logs Other --status 599
accounts logs {a} --method OPTIONS --json
keys create ci --scope platform:read --expires-in 1h --json
keys create ci
keys create deploy --scope nonsense
keys get ci --fields name,scopes,status --json
keys get nobody
keys list --fields name,scopes,status
keys disable ci --yes --json
keys enable ci --json
keys delete ci
keys delete ci --yes --json
w<id< webhooks create --url https://a.example/?t=hidden --json
webhooks create --url https://a.example/?t=hidden --if-exists skip --json
webhooks create --url https://a.example/?t=hidden --if-exists fail
webhooks create --url https://b.example/ --events key.created,session.revoked --secret-file hook-secret --json
webhooks create --url http://127.0.0.1:1/
webhooks create --url https://169.254.169.254/ --json
webhooks create --url https://c.example/ --dry-run --json
webhooks list
webhooks list -o wide
webhooks get {w} --json
webhooks get 0199-none
webhooks update {w} --url https://d.example/ --json
webhooks update {w} --url https://d.example/ --json
webhooks update {w} --events account.deleted
webhooks rotate-secret {w} --activate --yes
webhooks rotate-secret {w} --json
webhooks rotate-secret {w} --json
webhooks rotate-secret {w} --yes --json
webhooks rotate-secret {w} --activate
webhooks rotate-secret {w} --activate --yes --json
webhooks rotate-secret {w} --activate --yes --json
webhooks rotate-secret {w} --finish --yes --json
webhooks rotate-secret {w} --now --yes --json
webhooks test {w} --dry-run --json
webhooks test 0199-none
webhooks disable {w}
webhooks disable {w} --yes --json
webhooks disable {w} --yes --json
webhooks enable {w} 0199-none --json
webhooks deliveries {w} --json
webhooks deliveries 0199-none
webhooks deliveries 99999
webhooks deliveries --since 1h --failed -o id
webhooks deliveries --since 1h --json
webhooks deliveries --since never
webhooks redeliver 99999
webhooks redeliver --since 1h --json
webhooks redeliver --since 1h --webhook 0199-none
webhooks delete {w}
webhooks delete {w} --yes --json
e<0/id< events list --type auth_config.created --limit 1 --json
events list --account {a} --json
events list --type account.created,account.deleted -o wide
events list --since 1h --type webhook.created --fields event,record_type
events list --after {e} --limit 2
events list --after 0199-none
events tail --after {e} --limit 2 -o jsonl
events tail --since 1h --limit 2 -o jsonl
events tail --since 0199-none
events tail --after 0199-none
webhooks listen --forward-to http://127.0.0.1:1/ --after {e} --limit 1 --secret-file hook-secret --fields event,record_id,status -o jsonl
projects list
projects create second --json
projects create second
projects create second --if-exists skip --json
projects create second --if-exists skip
projects create second --if-exists nonsense
projects get second --json
projects get third
projects update second --allow-ip 10.0.0.0/8 --json
projects update second --app-origin https://app.example --json
projects update second --app-origin nonsense
oauth-apps set hubspot --set client_id=a --set client_secret=hidden-9 --json
oauth-apps set no-such --set client_id=a --set client_secret=hidden-9
oauth-apps list --json
connectors add hubspot --auth oauth2 --name shared --json
oauth-apps delete hubspot --yes
connectors delete shared --yes --json
oauth-apps delete hubspot --yes --json
oauth-apps delete hubspot --yes
projects update second --allow-ip nonsense
projects update second --log-bodies errors --log-retention 30d --json
projects update second --log-bodies errors --log-retention 30d
projects update second --log-bodies some
projects update second --log-retention 36h
projects update second --log-retention 4000d
projects update second --display-name Acme --accent-color #0a7cff --logo @logo.svg --json
projects update second --display-name Acme --accent-color #0a7cff --logo @logo.svg
projects get second
projects update second --accent-color blue
projects update second --logo @own.json
projects update second --display-name= --logo= --dry-run
projects update second --display-name= --logo= --json
projects delete second
projects delete second --yes --json
projects delete third --yes
";

/// Makes two runs comparable: what differs by chance gets a number in the order of its appearance.
struct Eyes {
    chance: Regex,
    noise: Vec<(Regex, &'static str)>,
    seen: HashMap<String, usize>,
    home: String,
}

impl Eyes {
    fn of(home: &TestHome) -> Self {
        let noise = [
            (r#""(request_id|http_status|last_used_at)":("[^"]*"|\d+|null)"#, r#""$1":null"#),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
            (r"(hcs_\d+)_[\w-]{20,}", "${1}_<secret>"),
            (r"whsec_[\w+/=]{40,}", "<signing secret>"),
            (r"v1\.local\.(\d+)_[\w-]{20,}", "v1.local.${1}_<secret>"),
            (r"local administrator|api key (parity|[0-9a-f-]{36})", "<actor>"),
            // Told where links lead to this machine, and only there.
            (r"note: nothing answers at http://127.0.0.1:4780: .*\n", ""),
            // Whose key it is, nobody has named elsewhere.
            (r"note: events of (default|the key's project) go", "note: events of <project> go"),
            // On the store itself the next command makes the key.
            (r"note: the project has no key yet: .*\n", ""),
        ];
        Self {
            chance: Regex::new(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
                .unwrap(),
            noise: noise.map(|(from, to)| (Regex::new(from).unwrap(), to)).into(),
            seen: HashMap::new(),
            home: home.path().display().to_string(),
        }
    }

    fn see(&mut self, text: &str) -> String {
        let mut text = text.replace(&self.home, "<home>");
        for (from, to) in &self.noise {
            text = from.replace_all(&text, *to).into_owned();
        }
        let seen = &mut self.seen;
        let number = |found: &regex::Captures<'_>| {
            let next = seen.len() + 1;
            format!("<id {}>", seen.entry(found[0].to_owned()).or_insert(next))
        };
        self.chance.replace_all(&text, number).into_owned()
    }
}

/// A place to type at, and what it answered so far.
pub(crate) struct Side {
    home: TestHome,
    eyes: Eyes,
    kept: HashMap<String, String>,
}

impl Side {
    pub(crate) fn at(home: TestHome) -> Self {
        let own = r#"{"key": "own-one", "name": "Own", "categories": ["crm"],
            "base_url": "https://own.example/api", "verify_reason": "no light call",
            "auth": [{"key": "api_key", "type": "api_key", "label": "API key",
                "config_fields": [{"key": "api_key", "label": "Key", "type": "password",
                                   "required": true, "secret": true}],
                "authorization": {"type": "bearer", "token": "${api_key}"}}]}"#;
        home.file("own.json", own.replace('\n', " "));
        home.file("owners.csv", "origin_owner_id,provider\na,bamboohr\nb,bamboohr\n");
        home.file("logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
        home.file("hook-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let eyes = Eyes::of(&home);
        Self { home, eyes, kept: HashMap::new() }
    }

    /// Where it is typed.
    pub(crate) fn home(&self) -> &TestHome {
        &self.home
    }

    fn type_in(&mut self, line: &str) -> (i32, String, String) {
        let ended = self.run(line, "").1;
        (ended.code, self.eyes.see(&ended.stdout), self.eyes.see(&ended.stderr))
    }

    /// Types a line with more flags, and answers the command that it is and how it ended.
    pub(crate) fn run(&mut self, line: &str, flags: &str) -> (String, Ended) {
        let (keep, command) = match line.split_once("< ") {
            Some((keep, command)) => (keep.split_once('<'), command),
            None => (None, line),
        };
        let mut command = command.to_owned();
        for (name, value) in &self.kept {
            command = command.replace(&format!("{{{name}}}"), value);
        }
        let ended = self.home.run(&format!("{command}{flags}"));
        if let Some((name, path)) = keep {
            let answer: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
            let value = answer.pointer(&format!("/{path}"));
            let text = value.map(|value| value.to_string().trim_matches('"').to_owned());
            let text = text.unwrap_or_else(|| panic!("hubctl {command}: {ended:?}"));
            self.kept.insert(name.to_owned(), text);
        }
        (command, ended)
    }
}

fn compare(local: TestHome, served: &TestHome) {
    // Both have the key, and the store and its keys are there.
    let key = served.key("parity", &SCOPES);
    local.key("parity", &SCOPES);
    let serving = served.serve("--rate-limit 0 --public-url http://127.0.0.1:4780");
    let away = TestHome::new()
        .with("HUBCTL_API_URL", format!("http://{}", serving.address))
        .with("HUBCTL_API_KEY", key);
    let (mut here, mut there) = (Side::at(local), Side::at(away));
    let mut wrong = Vec::new();
    for line in LINES.lines().filter(|line| !line.is_empty()) {
        let (expected, found) = (here.type_in(line), there.type_in(line));
        if expected != found {
            wrong.push(format!("hubctl {line}\n  local:  {expected:?}\n  remote: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} lines differ:\n{}", wrong.len(), wrong.join("\n"));
    serving.stop();
}

#[test]
fn every_command_is_the_same_on_a_server_with_sqlite() {
    compare(TestHome::new(), &TestHome::new());
}

#[test]
fn every_command_is_the_same_on_a_server_with_postgres() {
    compare(TestHome::postgres(), &TestHome::postgres());
}

#[test]
fn every_command_that_asks_the_hub_is_compared() {
    let typed: Vec<&str> = LINES
        .lines()
        .map(|line| line.split_once("< ").map_or(line, |(_, command)| command))
        .collect();
    let mut missing = Vec::new();
    for_each_leaf(|words, _, operations| {
        let command = words.join(" ");
        let is_typed =
            typed.iter().any(|line| line.starts_with(&format!("{command} ")) || *line == command);
        // These speak about the hub or the way to it, not about what is in it.
        let is_about_the_way =
            matches!(words.first().map(AsRef::as_ref), Some("auth" | "doctor" | "api"));
        if !operations.is_empty() && !is_typed && !is_about_the_way {
            missing.push(command);
        }
    });
    assert!(missing.is_empty(), "{missing:#?}");
}
