//! What end users' browsers ask for: the hub API, the pages behind a link, and logins that come
//! back from the provider.

use hubctl::api::END_USER_OPERATIONS;
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::support::http::FakeHub;
use crate::support::serving::{Answer, Client};

use super::super::calls::SAMPLE_KEY;
use super::super::end_user::form_token;
use super::super::{Api, text};
use super::seen::Seen;
use super::{BAD_CODE, FORM_VALUE, GOOD_CODE};

/// Answers with this in their place are for the one browser that has the link.
pub(super) const PAGE: &str = "a page of a link";
/// Answers with this in their place give a browser what it must bring back.
pub(super) const BEGUN: &str = "a login is begun";

/// An end user's browser, and what it was shown.
struct Browser<'a> {
    api: &'a Api,
    seen: &'a mut Seen,
    /// States and cookies of logins.
    bound: Vec<String>,
}

/// What a login is bound by.
struct Begun {
    state: String,
    cookies: String,
    attempt: String,
}

/// Asks for everything once, well and badly; logins are by this auth config. Answers the secrets of
/// logins: what only the answer that begins one may have, and what nobody may see.
pub(super) fn drive(
    seen: &mut Seen,
    api: &Api,
    provider: &FakeHub,
    login: &str,
) -> (Vec<String>, Vec<String>) {
    let mut browser = Browser { api, seen, bound: Vec::new() };
    browser.asks_the_hub_api();
    browser.fills_in_forms();
    browser.logs_in(login);
    let verifiers = provider.asked().into_iter().filter_map(|asked| asked.form("code_verifier"));
    let verifiers: Vec<String> = verifiers.collect();
    assert_eq!(verifiers.len(), 2, "one for each code that was exchanged");
    (browser.bound, verifiers)
}

impl Browser<'_> {
    fn token(&mut self, about: &Value) -> String {
        let mut body = json!({ "origin_owner_id": "page-1", "origin_owner_name": "A" });
        body.as_object_mut().unwrap().extend(about.as_object().unwrap().clone());
        let made = self.api.post("/connect_sessions", &body).status(201);
        self.seen.add_answer("connect_sessions.create for an end user", &made);
        text(&made.json(), "token")
    }

    fn with(&self, token: &str) -> Api {
        self.api.saying(&format!("x-hub-session-token: {token}\r\n"))
    }

    /// The auth config that a session offers.
    fn offered(&self, token: &str) -> String {
        let listed = self.with(token).get("/hub/connectors").status(200).json();
        text(&listed["integrations"][0], "integration_id")
    }

    fn asks_the_hub_api(&mut self) {
        let token = self.token(&json!({ "provider": "sample" }));
        let (user, config) = (self.with(&token), self.offered(&token));
        let (mut account, mut attempt) = (String::new(), String::new());
        for operation in END_USER_OPERATIONS {
            let is_account = operation.id.starts_with("hub.accounts.");
            let id = if is_account { account.clone() } else { attempt.clone() };
            let fill = |path: &str| path.replace("{integration_id}", &config).replace("{id}", &id);
            let linked =
                |given: Value| Some(json!({ "integration_id": config, "credentials": given }));
            let (good, bad) = match operation.id {
                "hub.accounts.create" | "hub.accounts.update" => (
                    linked(json!({ "api_key": SAMPLE_KEY })),
                    vec![
                        linked(json!({ "api_key": FORM_VALUE })),
                        linked(json!({ "no_such": FORM_VALUE })),
                        linked(json!(FORM_VALUE)),
                    ],
                ),
                "hub.attempts.create" => {
                    (Some(json!({ "token": token })), vec![Some(json!({ "token": [FORM_VALUE] }))])
                }
                _ => (None, Vec::new()),
            };
            for bad in bad {
                let refused = user.ask(operation.method, &fill(operation.path), bad.as_ref());
                self.seen.add_answer(format!("{} refused", operation.id), &refused);
            }
            for path in [Some(operation.path.to_owned()), operation.old_path()].iter().flatten() {
                let answer = user.ask(operation.method, &fill(path), good.as_ref());
                assert!(answer.status < 300, "{}: {}", operation.id, answer.text());
                self.seen.add_answer(format!("{} at {path}", operation.id), &answer);
                match operation.id {
                    "hub.accounts.create" => account = text(&answer.json(), "id"),
                    "hub.attempts.create" => attempt = text(&answer.json(), "id"),
                    _ => {}
                }
            }
        }
        let (longer, nobody) = (self.with(&format!("{token}x")), self.api.saying(""));
        for (who, refused) in [("a guess", longer), ("nobody", nobody)] {
            let refused = refused.get("/hub/settings").status(401);
            self.seen.add_answer(format!("hub.settings.get by {who}"), &refused);
        }
    }

    fn open(&mut self, path: &str) -> Answer {
        let page = self.api.saying("").get(path);
        self.seen.add_answer(PAGE, &page);
        page
    }

    fn submit(&mut self, place: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let length = body.len();
        let mut client = Client::to(self.api.address);
        let sent = client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: hub\r\nContent-Length: {length}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}"
        ));
        sent.unwrap();
        let answer = client.answer().unwrap();
        self.seen.add_answer(place, &answer);
        answer
    }

    fn fills_in_forms(&mut self) {
        let about = json!({ "provider": "sample", "origin_owner_id": "page-2" });
        let token = self.token(&about);
        let (link, config) = (format!("/connect/{token}"), self.offered(&token));
        let path = format!("{link}/{config}");
        self.open(&link);
        let mark = form_token(&self.open(&path).status(200));
        let mark = ("form_token", mark.as_str());
        for (status, form) in [
            (422, vec![mark, ("v.api_key", FORM_VALUE)]),
            (400, vec![mark, ("v.api_key", ""), ("v.no_such", FORM_VALUE)]),
            (403, vec![("v.api_key", FORM_VALUE)]),
            (303, vec![mark, ("v.api_key", SAMPLE_KEY)]),
        ] {
            let answer = self.submit(PAGE, &path, &form).status(status);
            if let Some(onward) = answer.headers.get("location") {
                self.open(onward).status(200);
            }
        }
        // From here on, the form is that of an account whose key is stored.
        self.open(&path).status(200);
        self.open(&format!("{link}x")).status(410);
        self.open("/connect/");
    }

    /// Begins a login as the component's window does.
    fn begin(&mut self, token: &str, config: &str) -> Begun {
        let body = json!({ "token": token });
        let made = self.with(token).post("/hub/connection_attempts", &body).status(201);
        let attempt = text(&made.json(), "id");
        let path =
            format!("/connect/oauth2/{config}?token={token}&connection_attempt_id={attempt}");
        let begun = self.api.saying("").get(&path).status(302);
        self.seen.add_answer(BEGUN, &begun);
        let away: Url = begun.headers["location"].parse().unwrap();
        assert!(!away.as_str().contains(token), "the provider is told of the link");
        let state = away.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let (name, binding) = begun.headers["set-cookie"].split_once('=').unwrap();
        let binding = binding.split(';').next().unwrap();
        // The link's own page leaves this one as well.
        let page = name.replace("hubctl_login_", "hubctl_link_");
        let cookies = format!("Cookie: {name}={binding}; {page}={token}\r\n");
        self.bound.extend([state.clone(), binding.to_owned()]);
        Begun { state, cookies, attempt }
    }

    fn come_back(&mut self, cookies: &str, query: &[(&str, &str)]) -> Answer {
        let query = Serializer::new(String::new()).extend_pairs(query).finish();
        let path = format!("/connect/oauth2/acme/callback?{query}");
        let answer = self.api.saying(cookies).get(&path);
        self.seen.add_answer(PAGE, &answer);
        answer
    }

    fn logs_in(&mut self, config: &str) {
        let about =
            json!({ "provider": "acme", "integration_id": config, "origin_owner_id": "page-3" });
        let token = self.token(&about);
        for (more, status) in [
            ([("code", BAD_CODE), ("x", "")], "error"),
            ([("error", "access_denied"), ("error_description", "not today")], "error"),
            ([("code", GOOD_CODE), ("x", "")], "authenticated"),
        ] {
            let begun = self.begin(&token, config);
            let state = ("state", begun.state.as_str());
            let back = self.come_back(&begun.cookies, &[more[0], more[1], state]).status(303);
            self.open(&back.headers["location"]);
            // It is over: whoever sees the address later has nothing of it.
            self.come_back(&begun.cookies, &[more[0], state]).status(400);
            let path = format!("/hub/connection_attempts/{}", begun.attempt);
            let attempt = self.with(&token).get(&path).status(200);
            assert_eq!(attempt.json()["status"], status, "{}", attempt.text());
            self.seen.add_answer("the attempt", &attempt);
        }
        let begun = self.begin(&token, config);
        self.come_back("", &[("code", GOOD_CODE), ("state", &begun.state)]).status(403);
        self.come_back("", &[("code", GOOD_CODE), ("state", &format!("{}x", begun.state))]);
        // The page of the link leaves by a page of its own.
        let path = format!("/connect/{token}/{config}");
        let mark = form_token(&self.open(&path).status(200));
        self.submit(BEGUN, &path, &[("form_token", &mark)]).status(200);
    }
}
