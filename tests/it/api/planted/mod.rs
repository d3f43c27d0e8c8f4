//! Threat 32 over everything at once: secrets are planted in a store, every command, every
//! operation and every page is driven once, and none is seen again but where it is shown this once.
//!
//! Commands and operations come from the lists that other tests keep, so that new ones are driven
//! too. A new kind of secret goes into `PLANTED` and into a line of `MORE`.

mod end_users;
mod seen;

use hubctl::api::{END_USER_OPERATIONS, OPERATIONS};
use hubctl::cli::for_each_leaf;
use hubctl::domain::event::EventKind;
use serde_json::{Value, json};

use crate::parity::{LINES, Side};
use crate::proxy::{CREDENTIAL, ROOT, World, address, definition};
use crate::support::cli::TestHome;
use crate::support::hooks::wait_until;
use crate::support::http::{Asked, FakeHub, Reply};

use super::calls::{self, Call, SAMPLE_KEY, Things};
use super::{Api, SCOPES, text};
use end_users::{BEGUN, PAGE};
use seen::Seen;

/// What an end user types that is refused.
const FORM_VALUE: &str = "Pl4nted+Form/Value=";
/// What the provider sends a browser back with: it takes the one and refuses the other.
const GOOD_CODE: &str = "Pl4nted+Good/Code=";
const BAD_CODE: &str = "Pl4nted+Bad/Code=";
/// What it gives for the code.
const LOGIN_TOKENS: [&str; 2] = ["Pl4nted+Login/Access=", "Pl4nted+Login/Refresh="];

/// Values that are given as secrets. The lines of other tests give `hidden`, `hidden-1`, ...
const PLANTED: [&str; 13] = [
    CREDENTIAL,
    SAMPLE_KEY,
    calls::CREDENTIAL,
    "Pl4nted+Hidden/Value=",
    "Pl4nted+Access/Token=",
    "Pl4nted+Trigger/Token=",
    "Pl4nted+Client/Secret=",
    "Pl4nted+Verbatim/Header=",
    FORM_VALUE,
    GOOD_CODE,
    BAD_CODE,
    LOGIN_TOKENS[0],
    LOGIN_TOKENS[1],
];

/// What other lists do not have: calls to providers, tokens that are renewed and refused, and the
/// commands that speak of this machine.
const MORE: &[&str] = &[
    "projects update default --log-bodies all --json",
    "request GET /fine --account {account}",
    "request GET /refused --account {account} -i",
    "accounts refresh {account} --json",
    "request GET /moved --account {account} -i",
    "request POST /fine -F a=1 --account {account} --json",
    "request GET //evil.example --account {account}",
    "request GET /x -H X-Key:Pl4nted+Verbatim/Header= -H nothing --account {account}",
    "accounts explain {account} --json",
    "accounts get {account} -o yaml",
    "connectors add hubspot --name trigger --auth oauth2 --set client_id=a --set client_secret=Pl4nted+Client/Secret= --set external-trigger-token=Pl4nted+Trigger/Token= --json",
    "connectors edit trigger --set client_secret=Pl4nted+Client/Secret= --json",
    "connectors get trigger --json",
    "doctor --json",
    "doctor account {account} --json",
    "api GET /accounts",
    "api POST /admin/accounts -f credentials=Pl4nted+Hidden/Value=",
    "auth status --json",
    "auth login --key-file hook-secret --no-verify",
    "auth logout",
    "profile create place --local --json",
    "profile list --json",
    "profile get place --json",
    "profile use no-such",
    "profile delete place --yes --json",
    "config list --json",
    "config get allow_targets",
    "config set api_key Pl4nted+Hidden/Value=",
    "config unset no_such",
    "config path",
    "config explain --json",
    "store check --json",
    "store path",
    "store rotate-key --data-keys --yes --json",
    "connectors lint own.json --json",
    "webhooks verify own.json --secret-file hook-secret --signature t=1,v1=00",
    "commands --json",
    "schema --list",
    "explain-error auth.missing",
    "version --json",
];

/// Commands that are driven elsewhere, or read nothing but the program itself.
const NOT_HERE: [&str; 5] = ["serve", "demo", "completion", "man", "help"];

/// A connector by keys, by tokens without a browser, and by logins.
fn connector() -> Value {
    let mut definition = definition();
    let login = json!({
        "key": "oauth2", "type": "oauth2_authorization_code", "label": "OAuth 2.0", "pkce": true,
        "refresh": true,
        "setup_fields": [
            {"key": "client_id", "label": "Client ID", "type": "text", "required": true},
            {"key": "client_secret", "label": "Client secret", "type": "password",
             "required": true, "secret": true},
        ],
        "authorization_url": format!("{ROOT}/authorize"), "token_url": format!("{ROOT}/token"),
        "token_auth_method": "post",
        "authorization": {"type": "bearer", "token": "${access_token}"},
    });
    definition["auth"].as_array_mut().unwrap().push(login);
    definition
}

/// A provider that repeats what it is given wherever it fails.
fn provider() -> FakeHub {
    FakeHub::start(|asked: &Asked, count| {
        let echo = json!({
            "error": "invalid_client",
            "error_description": String::from_utf8_lossy(&asked.body),
            "message": format!("{} {}", asked.header("authorization"), asked.path),
        });
        let code = asked.form("code");
        match asked.path.split('?').next().unwrap() {
            "/token" if code.as_deref() == Some(GOOD_CODE) => Reply::json(
                200,
                &json!({"access_token": LOGIN_TOKENS[0], "refresh_token": LOGIN_TOKENS[1],
                        "token_type": "bearer", "expires_in": 3600}),
            ),
            "/token" if code.is_some() || count > 2 => Reply::json(401, &echo),
            "/token" => Reply::json(
                200,
                &json!({"access_token": "Pl4nted+Access/Token=", "token_type": "bearer",
                        "expires_in": 3600}),
            ),
            "/api/refused" => Reply::json(401, &json!({"error": "revoked"})),
            "/api/moved" => Reply::text(302, "text/plain", "")
                .header("location", format!("/x?token={}", asked.header("authorization"))),
            _ => Reply::json(200, &json!({"fine": true})),
        }
    })
}

/// A receiver of webhooks that repeats what it got, and refuses the first of it.
fn receiver() -> FakeHub {
    FakeHub::start(|asked, count| {
        let body = String::from_utf8_lossy(&asked.body);
        let echo = format!("{:?}\n{body}", asked.headers);
        Reply::text(if count < 2 { 500 } else { 200 }, "text/plain", echo)
    })
}

/// Whether the place shows what was made there this once.
fn shows_once(place: &str) -> bool {
    let shown = [
        "keys create",
        "session create",
        "link create",
        "accounts relink",
        "webhooks create",
        "webhooks rotate-secret",
        "connect_sessions.create",
        "keys.create",
        "webhooks.create",
        "webhooks.rotate_secret",
    ];
    shown.iter().any(|shown| place.contains(shown))
}

/// Whether the place is for the one browser that has the link.
fn is_page(place: &str) -> bool {
    [PAGE, BEGUN].contains(&place)
}

/// Every line, in order; `NAME<PATH< COMMAND` keeps a value as it does in their list.
fn lines() -> impl Iterator<Item = String> {
    let theirs = LINES.lines().filter(|line| !line.is_empty()).map(|line| {
        let line = line.replace("=hidden", "=Pl4nted+Hidden/Value=");
        let line = match line.contains("--no-verify") {
            true => line,
            false => line.replace("accounts add ", "accounts add --no-verify "),
        };
        line.replace("api_key=z", "api_key=Pl4nted+Hidden/Value=")
    });
    MORE.iter().map(|line| (*line).to_owned()).chain(theirs)
}

fn drive_commands(seen: &mut Seen, side: &mut Side, account: &str, flags: &str) {
    for line in lines() {
        let (command, ended) = side.run(&line.replace("{account}", account), flags);
        seen.add(format!("hubctl {command}"), format!("{}\n{}", ended.stdout, ended.stderr));
    }
}

fn drive_operations(seen: &mut Seen, api: &Api) {
    for (number, operation) in OPERATIONS.iter().enumerate() {
        let things = Things::make_for(api, &format!("n{number}"), operation);
        let mut call = Call::of(operation, &things, &format!("fresh-{number}"));
        seen.add_answer(format!("{} of {}", operation.id, call.path), &call.send(api));
        call.body = Some(json!({ "credentials": calls::CREDENTIAL, "values": [SAMPLE_KEY] }));
        seen.add_answer(format!("{} refused", operation.id), &call.send(api));
    }
    seen.add_answer("/metrics", &api.get("/metrics"));
    seen.add_answer("/openapi.json", &api.get("/openapi.json"));
}

/// Waits until the receiver was told of everything so far.
fn add_what_it_got(seen: &mut Seen, api: &Api, receiver: &FakeHub) {
    let last = api.post("/connect_sessions", &calls::session("last")).status(201).json();
    let last = text(&last, "id");
    let is_told = || receiver.told("record_id").contains(&last);
    wait_until(is_told, || format!("{:?}", receiver.told("event")));
    for asked in receiver.asked() {
        seen.add_message("what a receiver got", &asked.headers, &asked.body);
    }
}

/// Everything, with stores in homes of this kind.
fn threat_32(home: fn() -> TestHome) {
    let provider = provider();
    let mut seen = Seen::default();
    // Commands on a store of one's own.
    let world = World::in_home(home(), connector(), address(&provider));
    let mut side = Side::at(world.home);
    drive_commands(&mut seen, &mut side, &world.account, " -v");
    seen.add_store(side.home());
    // The same on a hub elsewhere, with a trace, and every operation over HTTP.
    let world = World::in_home(home(), connector(), address(&provider));
    let set = "--set client_id=the-hub --set client_secret=Pl4nted+Client/Secret=";
    let line = format!("connectors add acme --auth oauth2 --name login {set} --json");
    let login = text(&world.home.run(&line).code(0).json()["after"], "id");
    let (serving, api) = Api::serve(
        &world.home,
        "--log-level trace --with-sample-provider --allow-target 127.0.0.0/8",
    );
    let receiver = receiver();
    let hook = json!({ "url": receiver.url(), "events": EventKind::NAMES });
    seen.add_answer("webhooks.create", &api.post("/admin/webhooks", &hook).status(201));
    let (bound, verifiers) = end_users::drive(&mut seen, &api, &provider, &login);
    let key = world.home.key("away", &SCOPES);
    let away = TestHome::new()
        .with("HUBCTL_API_URL", format!("http://{}", serving.address))
        .with("HUBCTL_API_KEY", &key);
    let trace = away.path().join("trace.jsonl");
    let flags = format!(" -v --trace {}", trace.display());
    let mut side = Side::at(away);
    drive_commands(&mut seen, &mut side, &world.account, &flags);
    drive_operations(&mut seen, &api);
    add_what_it_got(&mut seen, &api, &receiver);
    let processes = serving.in_the_process_list();
    assert!(processes.iter().any(|(_, bytes)| bytes.ends_with(b"127.0.0.0/8\0")), "{processes:?}");
    for (place, bytes) in processes {
        seen.add(place, bytes);
    }
    seen.add("the log", serving.stop().join("\n"));
    seen.add_file(&trace);
    seen.add_store(&world.home);
    assert!(seen.len() > 2 * (OPERATIONS.len() + END_USER_OPERATIONS.len()), "{}", seen.len());

    let mut leaks = Vec::new();
    for secret in PLANTED {
        // A session's answer has it for whoever opens the page (AC-51, HB-19).
        let is_handed_on = secret.contains("Trigger");
        leaks.extend(seen.leaks(secret, |place| is_handed_on && shows_once(place)));
    }
    let made = seen.made();
    assert!(made.len() > 10, "{made:?}");
    for secret in made.iter().chain([&crate::support::secret_part(&key).to_owned()]) {
        // A link's own page leads on to itself.
        leaks.extend(seen.leaks(secret, |place| shows_once(place) || is_page(place)));
    }
    assert!(bound.len() > 5, "{bound:?}");
    leaks.extend(bound.iter().flat_map(|secret| seen.leaks(secret, |place| place == BEGUN)));
    leaks.extend(verifiers.iter().flat_map(|secret| seen.leaks(secret, |_| false)));
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

#[test]
fn threat_32_planted_secrets_are_seen_nowhere() {
    threat_32(TestHome::new);
}

#[test]
fn threat_32_planted_secrets_are_seen_nowhere_on_postgresql() {
    threat_32(TestHome::postgres);
}

#[test]
fn every_command_is_driven_with_planted_secrets() {
    let typed: Vec<String> = lines()
        .map(|line| line.split_once("< ").map_or(line.clone(), |(_, command)| command.to_owned()))
        .collect();
    for_each_leaf(|words, _, _| {
        let command = words.join(" ");
        let is_typed =
            typed.iter().any(|line| line.starts_with(&format!("{command} ")) || *line == command);
        let is_elsewhere = NOT_HERE.contains(&command.as_str());
        assert!(is_typed != is_elsewhere, "hubctl {command}: typed {is_typed}");
    });
}
