//! Threat 32 over everything at once: secrets are planted in a store, every command and every
//! operation is driven once, and none is seen again but where it is shown this once.
//!
//! Commands and operations come from the lists that other tests keep, so that new ones are driven
//! too. A new kind of secret goes into `PLANTED` and into a line of `MORE`.

use std::path::Path;

use hubctl::api::OPERATIONS;
use regex::Regex;
use serde_json::json;

use crate::parity::{LINES, Side};
use crate::proxy::{CREDENTIAL, World, address};
use crate::support::cli::TestHome;
use crate::support::http::{Asked, FakeHub, Reply};

use super::calls::{self, Call, SAMPLE_KEY, Things};
use super::{Api, SCOPES};

/// Values that are given as secrets. The lines of other tests give `hidden`, `hidden-1`, ...
const PLANTED: [&str; 8] = [
    CREDENTIAL,
    SAMPLE_KEY,
    calls::CREDENTIAL,
    "Pl4nted+Hidden/Value=",
    "Pl4nted+Access/Token=",
    "Pl4nted+Trigger/Token=",
    "Pl4nted+Client/Secret=",
    "Pl4nted+Verbatim/Header=",
];

/// What other lists do not have: calls to providers, tokens that are renewed and refused.
const MORE: &[&str] = &[
    "request GET /fine --account {account}",
    "request GET /refused --account {account} -i",
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
];

/// A provider that repeats what it is given wherever it fails.
fn provider() -> FakeHub {
    FakeHub::start(|asked: &Asked, count| {
        let echo = json!({
            "error": "invalid_client",
            "error_description": String::from_utf8_lossy(&asked.body),
            "message": format!("{} {}", asked.header("authorization"), asked.path),
        });
        match asked.path.split('?').next().unwrap() {
            "/token" if count > 2 => Reply::json(401, &echo),
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

/// What was seen, and where.
#[derive(Default)]
struct Seen(Vec<(String, Vec<u8>)>);

impl Seen {
    fn add(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.into(), bytes.into()));
    }

    fn add_file(&mut self, path: &Path) {
        if let Ok(bytes) = std::fs::read(path) {
            self.add(path.display().to_string(), bytes);
        }
    }

    /// Keys and tokens that were made on the way: their secret parts.
    fn made(&self) -> Vec<String> {
        let form = Regex::new(r"(?:hcs|v1\.local\.|whsec|hct)_?\d*_[A-Za-z0-9_-]{20,}").unwrap();
        let mut made: Vec<String> = Vec::new();
        for (_, bytes) in &self.0 {
            for found in form.find_iter(&String::from_utf8_lossy(bytes)) {
                let secret = crate::support::secret_part(found.as_str());
                if secret.len() >= 20 && !made.iter().any(|known| known == secret) {
                    made.push(secret.to_owned());
                }
            }
        }
        made
    }

    fn assert_free_of(&self, secret: &str, may: impl Fn(&str) -> bool) {
        for spelling in super::threats::spellings(secret) {
            let bytes = spelling.as_bytes();
            for (place, seen) in self.0.iter().filter(|(place, _)| !may(place)) {
                let found = seen.windows(bytes.len()).position(|window| window == bytes);
                let around = found.map(|at| {
                    let (from, to) =
                        (at.saturating_sub(200), (at + bytes.len() + 50).min(seen.len()));
                    String::from_utf8_lossy(&seen[from..to]).into_owned()
                });
                assert!(found.is_none(), "{secret} as {spelling} in {place}: {around:?}");
            }
        }
    }
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

fn drive_commands(seen: &mut Seen, side: &mut Side, account: &str, flags: &str) {
    let lines = LINES.lines().filter(|line| !line.is_empty()).map(|line| {
        let line = line.replace("=hidden", "=Pl4nted+Hidden/Value=");
        let line = match line.contains("--no-verify") {
            true => line,
            false => line.replace("accounts add ", "accounts add --no-verify "),
        };
        line.replace("api_key=z", "api_key=Pl4nted+Hidden/Value=")
    });
    let more = MORE.iter().map(|line| line.replace("{account}", account));
    for line in more.chain(lines).collect::<Vec<_>>() {
        let (command, ended) = side.run(&line, flags);
        seen.add(format!("hubctl {command}"), format!("{}\n{}", ended.stdout, ended.stderr));
    }
}

#[test]
fn threat_32_planted_secrets_are_seen_nowhere() {
    let provider = provider();
    let mut seen = Seen::default();
    // Commands on a store of one's own.
    let world = World::with_tokens(address(&provider));
    let (account, own) = (world.account.clone(), world.home.path().to_owned());
    let mut side = Side::at(world.home);
    drive_commands(&mut seen, &mut side, &account, " -v");
    for name in ["hubctl.db", "hubctl.db-wal"] {
        seen.add_file(&own.join(name));
    }
    // The same on a hub elsewhere, with a trace, and every operation over HTTP.
    let world = World::with_tokens(address(&provider));
    let (serving, api) = Api::serve(
        &world.home,
        "--log-level trace --with-sample-provider --allow-target 127.0.0.0/8",
    );
    let key = world.home.key("away", &SCOPES);
    let away = TestHome::new()
        .with("HUBCTL_API_URL", format!("http://{}", serving.address))
        .with("HUBCTL_API_KEY", &key);
    let trace = away.path().join("trace.jsonl");
    let flags = format!(" -v --trace {}", trace.display());
    drive_commands(&mut seen, &mut Side::at(away), &world.account, &flags);
    for (number, operation) in OPERATIONS.iter().enumerate() {
        let things = Things::make_for(&api, &format!("n{number}"), operation);
        let mut call = Call::of(operation, &things, &format!("fresh-{number}"));
        let answer = call.send(&api);
        let place = format!("{} of {}", operation.id, call.path);
        seen.add(place, format!("{:?}\n{}", answer.headers, answer.text()));
        call.body = Some(json!({ "credentials": calls::CREDENTIAL, "values": [SAMPLE_KEY] }));
        let answer = call.send(&api);
        seen.add(format!("{} refused", operation.id), answer.text());
    }
    seen.add("/metrics", api.get("/metrics").text());
    seen.add("/openapi.json", api.get("/openapi.json").text());
    seen.add("the log", serving.stop().join("\n"));
    seen.add_file(&trace);
    for name in ["hubctl.db", "hubctl.db-wal"] {
        seen.add_file(&world.home.path().join(name));
    }
    assert!(seen.0.len() > 2 * OPERATIONS.len(), "{}", seen.0.len());
    for secret in PLANTED {
        // A session's answer has it for whoever opens the page (AC-51, HB-19).
        let is_handed_on = secret.contains("Trigger");
        seen.assert_free_of(secret, |place| is_handed_on && shows_once(place));
    }
    let made = seen.made();
    assert!(made.len() > 10, "{made:?}");
    for secret in made.iter().chain([&crate::support::secret_part(&key).to_owned()]) {
        seen.assert_free_of(secret, shows_once);
    }
}
