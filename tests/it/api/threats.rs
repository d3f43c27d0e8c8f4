//! Keys of others, keys with too few rights, guesses, and secrets that must not come back.

use std::time::Instant;

use base64::Engine as _;
use hubctl::api::{OPERATIONS, Operation};
use serde_json::{Value, json};

use crate::support::cli::TestHome;
use crate::support::hub::Dump;
use crate::support::serving::{Answer, PATIENCE};

use super::calls::{self, CREDENTIAL, Call, Things};
use super::{Api, SCOPES, each, text};

/// A refusal without what differs from one to the next; `name` is what was asked for.
fn comparable(answer: &Answer, name: &str) -> (u16, Value) {
    answer.problem();
    let text = answer.text().replace(name, "NAME");
    let mut body: Value = serde_json::from_str(&text).unwrap();
    for differs in ["timestamp", "request_id"] {
        body.as_object_mut().unwrap().remove(differs);
    }
    (answer.status, body)
}

/// A second project, and its key that may do everything.
fn second(home: &TestHome, api: &Api) -> Api {
    home.run("projects create second").code(0);
    let scopes = SCOPES.map(|scope| format!("--scope {scope}")).join(" ");
    let line = format!("--project second keys create second {scopes} --json");
    api.holding(&text(&home.run(&line).code(0).json(), "key"))
}

fn threat_13(home: &TestHome) {
    let (serving, everything) = Api::serve(home, "");
    let other = second(home, &everything);
    let theirs = Things::make(&other, "theirs");
    let own = Things::make(&everything, "own");
    // Whoever makes projects may know of all of them; this key may not.
    let api = everything.holding(&home.key("a", &SCOPES[..7]));
    let missing = Things::missing();
    let before = look(&other, &theirs);
    for operation in OPERATIONS {
        if operation.path.contains('{') {
            let [ours, none] = [&theirs, &missing].map(|things| {
                let answer = Call::of(operation, things, "fresh").send(&api);
                comparable(&answer, named(&things.path(operation), operation))
            });
            assert_eq!(ours, none, "{}", operation.id);
            let expected = if operation.id == "projects.delete" { 403 } else { 404 };
            assert_eq!(ours.0, expected, "{}", operation.id);
        } else if operation.method == "GET" {
            let shown = api.get(operation.path).status(200).text();
            assert!(!shown.contains(&theirs.request), "{}: {shown}", operation.id);
            if operation.id.contains("requests.") || operation.id == "logs.list" {
                // The log of one's own calls has the paths that one asked for.
                continue;
            }
            for name in theirs.names().into_iter().filter(|name| name.len() > 6) {
                assert!(!shown.contains(name), "{}: {name}", operation.id);
            }
            assert!(!shown.contains("theirs"), "{}: {shown}", operation.id);
        }
    }
    in_queries(&api, &theirs);
    in_bodies(&api, &own, &theirs, &missing);
    assert_eq!(look(&other, &theirs), before);
    serving.stop();
}

/// What stands in the path in place of a name.
fn named<'a>(path: &'a str, operation: &Operation) -> &'a str {
    let from = operation.path.find('{').unwrap();
    let behind = operation.path.len() - operation.path.find('}').unwrap() - 1;
    &path[from..path.len() - behind]
}

/// The whole of a project.
fn look(api: &Api, things: &Things) -> Vec<String> {
    let mut all: Vec<String> = [
        "/admin/auth_configs",
        "/admin/accounts",
        "/admin/connect_sessions",
        "/admin/projects/second",
        "/admin/connectors?search=own",
    ]
    .map(|path| api.get(path).status(200).text())
    .into();
    all.push(text(&api.get(&format!("/admin/keys/{}", things.key)).status(200).json(), "status"));
    all
}

fn in_queries(api: &Api, theirs: &Things) {
    let Things { account, config, tag, connector, .. } = theirs;
    for path in [
        format!("/accounts?account_ids={account}"),
        format!("/accounts?origin_owner_id=owner-{tag}"),
        format!("/admin/accounts?account_ids={account}"),
        format!("/admin/accounts?integration_ids={config}"),
    ] {
        assert_eq!(api.get(&path).status(200).json(), json!([]), "{path}");
    }
    // A position is no way to learn what is there.
    let [there, not] = [account, &Things::missing().account]
        .map(|id| api.get(&format!("/admin/accounts?after={id}")).status);
    assert_eq!(there, not);
    let page = format!("/auth_configs?connector_key={connector}");
    assert_eq!(api.get(&page).status(200).json()["total"], 0);
}

/// Which of the things a body names.
type Named = fn(&Things) -> &String;

fn in_bodies(api: &Api, own: &Things, theirs: &Things, missing: &Things) {
    let with = |key: &'static str, id: &str| {
        let mut body = calls::session("x");
        body[key] = id.into();
        body.as_object_mut().unwrap().remove("provider");
        body
    };
    let mut asked: Vec<(&str, String, [Value; 2], Named)> = Vec::new();
    for path in ["/connect_sessions", "/admin/connect_sessions"] {
        let both = [&theirs.account, &missing.account].map(|id| with("account_id", id));
        asked.push(("POST", path.to_owned(), both, |things| &things.account));
        for key in ["integration_id", "connector_profile_id"] {
            let both = [&theirs.config, &missing.config].map(|id| with(key, id));
            asked.push(("POST", path.to_owned(), both, |things| &things.config));
        }
    }
    let both = [&theirs.account, &missing.account]
        .map(|id| json!({ "items": [{ "session": with("account_id", id) }] }));
    asked.push(("POST", "/admin/connect_sessions/batch".to_owned(), both, |t| &t.account));
    let both = [&theirs.config, &missing.config].map(|id| calls::account("x", id));
    asked.push(("POST", "/admin/accounts".to_owned(), both, |things| &things.config));
    for root in ["", "/admin"] {
        let both = [&theirs.config, &missing.config].map(|id| json!({ "integration_id": id }));
        asked.push(("PATCH", format!("{root}/accounts/{}", own.account), both, |t| &t.config));
    }
    let tokens = [&theirs.token, &missing.token].map(|token| json!({ "token": token }));
    asked.push(("POST", "/connect_sessions/authenticate".to_owned(), tokens, |t| &t.token));
    for (method, path, [there, not], name) in asked {
        let there = comparable(&api.ask(method, &path, Some(&there)), name(theirs));
        let not = comparable(&api.ask(method, &path, Some(&not)), name(missing));
        assert_eq!(there, not, "{method} {path}");
    }
}

#[test]
fn threat_13_things_of_another_project_are_like_things_that_never_were() {
    threat_13(&TestHome::new());
}

#[test]
fn threat_13_things_of_another_project_are_like_things_that_never_were_on_postgresql() {
    threat_13(&TestHome::postgres());
}

/// Everything in the store but when keys were used, which is noted now and then.
fn settled(home: &TestHome) -> (Dump, String) {
    let mut dump = home.dump();
    // That a call was refused is in the log of calls; how far deliveries were made is a matter of time.
    for table in ["api_keys", "request_logs", "log_numbers", "webhook_cursor"] {
        dump.remove(table).unwrap();
    }
    let keys = home.run("keys list --fields id,name,status,scopes --json").code(0).stdout;
    (dump, keys)
}

#[test]
fn threat_14_without_the_needed_scope_or_without_a_key_nothing_happens() {
    let home = TestHome::new();
    let (serving, api) = Api::serve(&home, "");
    let things = Things::make(&api, "x");
    let without = SCOPES.map(|scope| {
        // Whoever may read auth configs may read connectors.
        let wider = if scope == "connectors:read" { "platform:read" } else { scope };
        let others = SCOPES.into_iter().filter(|other| *other != scope && *other != wider);
        let others: Vec<&str> = others.collect();
        let name = format!("without-{}", scope.replace(':', "-"));
        (scope, api.holding(&home.key(&name, &others)))
    });
    let nobody = api.saying("");
    let before = settled(&home);
    for (number, operation) in OPERATIONS.iter().enumerate() {
        let call = Call::of(operation, &things, &format!("fresh-{number}"));
        let needed = operation.permission.as_str();
        let (_, lacking) = without.iter().find(|(scope, _)| *scope == needed).unwrap();
        if operation.id == "capabilities.get" {
            // A key may always ask what it may do: clients choose by it what they offer.
            let scopes = call.send(lacking).status(200).json()["scopes"].clone();
            assert!(!scopes.as_array().unwrap().contains(&json!(needed)), "{scopes}");
        } else {
            let refused = call.send(lacking).status(403);
            assert_eq!(refused.problem(), "auth.forbidden", "{}", operation.id);
            let message = refused.json()["message"].to_string();
            assert!(message.contains(needed), "{}: {message}", operation.id);
        }
        let refused = call.send(&nobody).status(401);
        assert_eq!(refused.problem(), "auth.missing", "{}", operation.id);
        assert!(refused.headers["www-authenticate"].starts_with("Basic "));
    }
    assert_eq!(settled(&home), before);
    serving.stop();
}

#[test]
fn threat_14_who_reads_connectors_alone_sees_no_auth_config() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let (serving, api) = Api::serve(&home, "");
    let narrow = api.holding(&home.key("narrow", &["connectors:read"]));
    let usual = api.holding(&home.key("usual", &["platform:read"]));
    for path in ["/admin/connectors", "/admin/connectors/hubspot/guide", "/connectors/meta"] {
        assert_eq!(narrow.get(path).status(200).json(), usual.get(path).status(200).json());
    }
    let seen = usual.get("/admin/connectors/hubspot").status(200).json();
    assert_eq!(seen["auth_configs"].as_array().unwrap().len(), 1);
    let seen = narrow.get("/admin/connectors/hubspot").status(200).json();
    assert!(seen.get("auth_configs").is_none(), "{seen}");
    for path in ["/admin/auth_configs", "/auth_configs", "/accounts", "/admin/targets/hubspot"] {
        assert_eq!(narrow.get(path).status(403).problem(), "auth.forbidden", "{path}");
    }
    serving.stop();
}

#[test]
fn threat_12_a_key_for_connectors_has_no_stored_secret_sent_elsewhere() {
    let home = TestHome::new();
    let (serving, api) = Api::serve(&home, "");
    let own = |root: &str| {
        let mut own = calls::connector("own-hr");
        own["base_url"] = root.into();
        json!({ "connectors": [own] })
    };
    let narrow = api.holding(&home.key("narrow", &["connectors:write"]));
    narrow.put("/admin/connectors", &own("https://own.example/api")).status(200);
    home.run("connectors enable own-hr").code(0);
    let link = "accounts add --provider own-hr --origin-owner-id a --set api_key=planted";
    home.run(&format!("{link} --no-verify")).code(0);
    narrow.put("/admin/connectors", &own("https://own.example/v2")).status(200);
    let evil = own("https://evil.example/api");
    for path in ["/admin/connectors", "/admin/connectors?dry_run=true"] {
        let refused = narrow.put(path, &evil).status(403);
        assert_eq!(refused.problem(), "auth.forbidden");
        let message = text(&refused.json(), "message");
        assert!(message.contains("https://evil.example"), "{message}");
    }
    let both = api.holding(&home.key("both", &["connectors:write", "admin"]));
    let done = both.put("/admin/connectors", &evil).status(200).json();
    assert!(done[0]["warnings"][0].as_str().unwrap().contains("https://evil.example"), "{done}");
    serving.stop();
}

/// KP-3: what the description says is needed is enough.
#[test]
fn kp_3_the_scope_that_the_description_names_is_enough() {
    let home = TestHome::new();
    let (serving, api) = Api::serve(&home, "--with-sample-provider");
    for (number, operation) in OPERATIONS.iter().enumerate() {
        let things = Things::make_for(&api, &format!("n{number}"), operation);
        let call = Call::of(operation, &things, &format!("fresh-{number}"));
        let needed = operation.permission.as_str();
        let own = operation.path.contains("/projects/{") && needed == "admin";
        let call = if own {
            // Without the right to make projects, a key sees its own alone.
            let path = call.path.replace(&things.project, "default");
            Call { path, ..call }
        } else {
            call
        };
        let holder = api.holding(&home.key(&format!("only-{number}"), &[needed]));
        if operation.id == "keys.create" {
            // It hands on what it has and no more.
            call.send(&holder).status(403);
            let body = json!({ "name": "handed-on", "scopes": [needed] });
            holder.post("/admin/keys", &body).status(201);
            continue;
        }
        let answer = call.send(&holder);
        assert!(answer.status < 300, "{} with {needed}: {}", operation.id, answer.text());
    }
    serving.stop();
}

#[test]
fn threat_15_keys_that_ended_and_keys_in_addresses_are_refused() {
    let home = TestHome::new();
    let (serving, api) = Api::serve(&home, "");
    let other = second(&home, &api);
    let key = |name: &str, more: &str| {
        let line = format!("keys create {name} --scope platform:read {more} --json");
        api.holding(&text(&home.run(&line).code(0).json(), "key"))
    };
    let (disabled, deleted, expired) =
        (key("one", ""), key("two", ""), key("three", "--expires-in 2s"));
    for holder in [&disabled, &deleted, &other] {
        holder.get("/accounts").status(200);
    }
    api.ask("POST", "/admin/keys/one/disable", None).status(200);
    api.delete("/admin/keys/two").status(200);
    api.delete("/admin/projects/second").status(200);
    let until = Instant::now() + PATIENCE;
    while expired.get("/accounts").status == 200 {
        assert!(Instant::now() < until, "it does not expire");
    }
    let mut refusals = Vec::new();
    for holder in [&disabled, &deleted, &expired, &other] {
        for operation in OPERATIONS.iter().step_by(9) {
            let refused = Call::of(operation, &Things::missing(), "fresh").send(holder).status(401);
            refusals.push(comparable(&refused, "NAME"));
            // Refused ones count as guesses: others of this address are not held up by them.
            api.get("/accounts").status(200);
            if refusals.len() % 4 == 0 {
                break;
            }
        }
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1, "{refusals:#?}");
    api.ask("POST", "/admin/keys/one/enable", None).status(200);
    disabled.get("/accounts").status(200);
    for name in ["api_key", "key", "access_token", "Authorization", "x-api-key"] {
        let asked = api.get(&format!("/accounts?page=1&{name}=anything")).status(400);
        assert_eq!(asked.problem(), "auth.key_in_query", "{name}");
        assert!(!asked.text().contains("anything"), "{}", asked.text());
    }
    serving.stop();
}

#[test]
fn threat_08_guessed_session_tokens_get_one_answer_and_then_429() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let (serving, api) = Api::serve(&home, "");
    let token =
        text(&api.post("/connect_sessions", &calls::session("a")).status(201).json(), "token");
    let ask = |token: &str| api.post("/connect_sessions/authenticate", &json!({ "token": token }));
    let revoked = api.post("/connect_sessions", &calls::session("b")).status(201).json();
    let path = format!("/admin/connect_sessions/{}/revoke", text(&revoked, "id"));
    api.ask("POST", &path, None).status(200);
    let turned: String = {
        let last = token.chars().last().unwrap();
        token[..token.len() - 1].to_owned() + if last == 'A' { "B" } else { "A" }
    };
    let mut guesses = vec![
        turned,
        token[..token.len() - 1].to_owned(),
        format!("{token}x"),
        format!("{token}="),
        format!("{token} "),
        format!("{token}\u{1}"),
        format!(" {token}"),
        token.to_ascii_uppercase(),
        text(&revoked, "token"),
        String::new(),
        "x".repeat(100_000),
        "hcs_1_".to_owned(),
        "ä".repeat(30),
    ];
    for row in ["0", "-1", "2", "999999999999999999999"] {
        let mut parts: Vec<&str> = token.splitn(3, '_').collect();
        if let [_, number, _] = parts.as_mut_slice() {
            *number = row;
        }
        guesses.push(parts.join("_"));
    }
    let mut refusals = Vec::new();
    for guess in &guesses {
        refusals.push(comparable(&ask(guess).status(401), "NAME"));
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1, "{refusals:#?}");
    let until = Instant::now() + PATIENCE;
    let limited = loop {
        let answer = ask("hcs_1_guess");
        if answer.status == 429 {
            break answer;
        }
        assert!(Instant::now() < until, "guessing is never limited");
    };
    assert_eq!(limited.problem(), "rate.limited");
    let wait: u64 = limited.headers["retry-after"].parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    // Whoever has the token is not held up by those who guess.
    let found = ask(&token).status(201).json();
    assert_eq!(found["origin_owner_id"], "a");
    assert!(found.get("token").is_none(), "CS-4: {found}");
    serving.stop();
}

/// The spellings in which a secret could come back.
pub(super) fn spellings(secret: &str) -> Vec<String> {
    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE};
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let json = Value::from(secret).to_string();
    vec![
        secret.to_owned(),
        BASE64_STANDARD.encode(secret),
        BASE64_STANDARD_NO_PAD.encode(secret),
        BASE64_URL_SAFE.encode(secret),
        BASE64_STANDARD.encode(format!("{secret}:")),
        encoded,
        hex,
        json[1..json.len() - 1].to_owned(),
    ]
}

/// Sends secrets through every route that takes one, also wrong ones, and answers every answer
/// but those that show a new secret this once.
fn plant(api: &Api, things: &Things) -> (Vec<Answer>, Vec<String>) {
    let mut answers = Vec::new();
    let mut secrets = vec![CREDENTIAL.to_owned(), "planted-client-secret".to_owned()];
    let config = json!({
        "connector_key": "bamboohr", "authentication_config_key": "oauth2", "name": "planted",
        "values": { "client_id": "client-1", "client_secret": "planted-client-secret" },
    });
    let made = api.post("/admin/auth_configs", &config).status(201);
    let id = text(&made.json()["after"], "id");
    answers.push(made);
    answers.push(api.post("/admin/auth_configs", &config).status(409));
    let mut wrong = config.clone();
    wrong["name"] = "wrong".into();
    wrong["values"]["no_such_field"] = "planted-stray-value".into();
    wrong["values"]["client_secret"] = "planted-\u{7}-control".into();
    secrets.extend(["planted-stray-value".to_owned(), "planted-\u{7}-control".to_owned()]);
    answers.push(api.post("/admin/auth_configs", &wrong).status(400));
    wrong["values"] = "planted-instead-of-object".into();
    secrets.push("planted-instead-of-object".to_owned());
    answers.push(api.post("/admin/auth_configs", &wrong).status(400));
    let edit = json!({ "values": { "client_secret": "planted-second-secret" } });
    secrets.push("planted-second-secret".to_owned());
    answers.push(api.patch(&format!("/admin/auth_configs/{id}"), &edit).status(200));
    let mut account = calls::account("planted", &things.config);
    answers.push(api.post("/admin/accounts", &account).status(201));
    account["credentials"] = json!({ "access_key": ["planted-in-a-list"] });
    secrets.push("planted-in-a-list".to_owned());
    answers.push(api.post("/admin/accounts", &account).status(400));
    account["credentials"] = json!({ "acces_key": "planted-misspelled" });
    secrets.push("planted-misspelled".to_owned());
    answers.push(api.post("/admin/accounts", &account).status(400));
    let patch = json!({ "credentials": { "acces_key": "planted-patched" } });
    secrets.push("planted-patched".to_owned());
    let path = format!("/accounts/{}", things.account);
    answers.push(api.patch(&path, &patch).status(400));
    answers.push(api.patch(&format!("/admin{path}"), &patch).status(400));
    // Shown once, and kept out of all that comes later.
    let key =
        text(&api.post("/admin/keys", &json!({ "name": "planted" })).status(201).json(), "key");
    let session = api.post("/connect_sessions", &calls::session("planted")).status(201).json();
    let token = text(&session, "token");
    if let Some(trigger) = session["external_trigger_token"].as_str() {
        secrets.push(trigger.to_owned());
    }
    let body = json!({ "token": token });
    answers.push(api.post("/connect_sessions/authenticate", &body).status(201));
    answers.push(api.get(&format!("/connect_sessions/{}", text(&session, "id"))).status(200));
    for wrong in [json!({ "token": format!("{token}x") }), json!({ "token": [token] })] {
        answers.push(api.post("/connect_sessions/authenticate", &wrong));
    }
    answers.push(api.holding(&format!("{key}x")).get("/accounts").status(401));
    answers.push(api.get(&format!("/accounts?api_key={key}")).status(400));
    answers.push(api.get(&format!("/admin/keys/{key}")).status(404));
    answers.push(api.get(&format!("/connect/{token}x")).status(410));
    // The part behind the last `_` is the secret one.
    secrets.extend([key, token].map(|text| crate::support::secret_part(&text).to_owned()));
    (answers, secrets)
}

/// Every answer of every operation that reads.
fn read_all(api: &Api, things: &Things) -> Vec<Answer> {
    let reading = OPERATIONS.iter().filter(|operation| operation.method == "GET");
    reading.map(|operation| Call::of(operation, things, "x").send(api)).collect()
}

fn threat_32(home: &TestHome) {
    let (serving, api) = Api::serve(home, "--log-level trace --with-sample-provider");
    let things = Things::make(&api, "x");
    let (mut answers, mut secrets) = plant(&api, &things);
    let master = std::fs::read_dir(home.path()).unwrap();
    for file in master.map(|entry| entry.unwrap().path()) {
        // The master key is a file of one line.
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        if file.extension().is_some_and(|name| name == "key") {
            secrets.push(text.trim().to_owned());
        }
    }
    answers.extend(read_all(&api, &things));
    for operation in OPERATIONS.iter().filter(|operation| operation.method != "GET") {
        // What shows a secret this once was called in `plant`.
        if !operation.id.contains("create") {
            answers.push(Call::of(operation, &things, "later").send(&api));
        }
    }
    answers.push(api.get("/openapi.json").status(200));
    answers.push(api.get("/metrics").status(200));
    let shown: Vec<String> =
        answers.iter().map(|answer| format!("{:?}\n{}", answer.headers, answer.text())).collect();
    let log = serving.stop().join("\n");
    assert!(log.contains("\"status\":409") && shown.len() > 60, "{}", shown.len());
    for secret in secrets {
        for spelling in spellings(&secret) {
            let found = shown.iter().find(|text| text.contains(&spelling));
            assert!(found.is_none(), "{secret} as {spelling} in {found:?}");
            assert!(!log.contains(&spelling), "{secret} as {spelling} in the log");
        }
    }
}

#[test]
fn threat_32_no_answer_log_or_metric_shows_a_secret() {
    threat_32(&TestHome::new());
}

#[test]
fn threat_32_no_answer_log_or_metric_shows_a_secret_on_postgresql() {
    threat_32(&TestHome::postgres());
}

#[test]
fn threat_36_what_the_api_took_does_not_reach_a_terminal_as_it_is() {
    const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}evil\r\n";
    let home = TestHome::new();
    let (serving, api) = Api::serve(&home, "");
    let things = Things::make(&api, "x");
    let mut body = calls::account("x", &things.config);
    for key in ["origin_owner_id", "origin_owner_name", "origin_username", "label"] {
        body[key] = format!("{key}{HOSTILE}").into();
    }
    body["metadata"] = json!({ format!("key{HOSTILE}"): HOSTILE });
    let linked = api.post("/admin/accounts", &body).status(201).json();
    // The API gives back what it was given: escaping is for terminals.
    assert_eq!(linked["label"], body["label"]);
    let mut body = calls::session("x");
    for key in ["origin_owner_id", "origin_owner_name", "origin_username", "label"] {
        body[key] = format!("{key}{HOSTILE}").into();
    }
    let opened = api.post("/connect_sessions", &body).status(201).json();
    let (account, session) = (text(&linked, "id"), text(&opened, "id"));
    for line in [
        "accounts list -o table".to_owned(),
        "accounts list -o wide".to_owned(),
        "accounts list -o tsv".to_owned(),
        format!("accounts get {account}"),
        format!("accounts explain {account}"),
        format!("accounts suspend {account} --yes"),
        format!("accounts delete {account} --yes"),
        "session list -o wide".to_owned(),
        format!("session get {session}"),
        format!("session revoke {session} --yes"),
    ] {
        let ended = home.run(&line).code(0);
        let told = ended.stdout.clone() + ended.stderr.as_str();
        let raw = told.chars().find(|c| {
            c.is_control() && !matches!(c, '\n' | '\t') || matches!(c, '\u{202a}'..='\u{202e}')
        });
        assert_eq!(raw, None, "{line}: {told:?}");
    }
    serving.stop();
}

/// What the API stores is found again as it was sent, in the order of the contract.
#[test]
fn texts_of_every_script_come_back_as_they_were_sent() {
    for home in [TestHome::new(), TestHome::postgres()] {
        let (serving, api) = Api::serve(&home, "");
        let things = Things::make(&api, "x");
        for odd in ["Ä ö ß", "日本語", "👩‍👩‍👧", "' or 1=1 --", "%s %00", "\\u0041", "a\"b", "<script>"]
        {
            let mut body = calls::account(odd, &things.config);
            body["metadata"] = json!({ odd: odd });
            let linked = api.post("/admin/accounts", &body).status(201).json();
            assert_eq!(linked["origin_owner_id"], odd);
            assert_eq!(linked["metadata"][odd], odd);
            let encoded: String = url::form_urlencoded::byte_serialize(odd.as_bytes()).collect();
            let found = api.get(&format!("/accounts?origin_owner_ids[]={encoded}")).status(200);
            assert_eq!(each(&found.json(), "id"), [text(&linked, "id")], "{odd}");
        }
        serving.stop();
    }
}
