//! An end user with a link: what their browser asks of the hub and of the sample provider, by hand.

use std::net::SocketAddr;

use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::Serializer;

use super::serving::{Answer, Client};

/// Pages that a login may lead through.
const MOST_PAGES: usize = 10;

/// A browser with a link.
pub(crate) struct Customer {
    hub: Url,
    token: String,
    cookies: Vec<String>,
}

fn address(url: &Url) -> SocketAddr {
    url.socket_addrs(|| None).unwrap()[0]
}

fn way(url: &Url) -> String {
    url[url::Position::BeforePath..].to_owned()
}

impl Customer {
    pub(crate) fn with(link: &str) -> Self {
        let hub: Url = link.trim().parse().unwrap_or_else(|error| panic!("{error}: {link}"));
        let token = hub.path_segments().unwrap().next_back().unwrap().to_owned();
        Self { hub, token, cookies: Vec::new() }
    }

    fn headers(&self) -> String {
        format!("x-hub-session-token: {}\r\n", self.token)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        Client::to(address(&self.hub)).get(path, &self.headers())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        let mut client = Client::to(address(&self.hub));
        client.post(path, &self.headers(), &body.to_string())
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answer {
        let (headers, body) = (self.headers(), body.to_string());
        let mut client = Client::to(address(&self.hub));
        let sent = client.send(format!(
            "PATCH {path} HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        ));
        sent.unwrap();
        client.answer().unwrap()
    }

    /// The auth config that the link offers.
    pub(crate) fn offered(&self) -> String {
        let offered = self.get("/hub/connectors").status(200).json();
        let id = offered["integrations"][0]["integration_id"].as_str();
        id.unwrap_or_else(|| panic!("{offered}")).to_owned()
    }

    /// Fills in the form of an API key.
    pub(crate) fn give_key(&self, key: &str) -> Answer {
        let credentials = json!({ "api_key": key });
        let body = json!({ "integration_id": self.offered(), "credentials": credentials });
        self.post("/hub/accounts", &body)
    }

    /// Logs in at the provider, decides there, and answers the last page.
    pub(crate) fn log_in(&mut self, decision: &str) -> Answer {
        let begun = self.post("/hub/connection_attempts", &json!({ "token": self.token }));
        let attempt = begun.json()["id"].as_str().unwrap().to_owned();
        let path = format!("/connect/oauth2/{}", self.offered());
        let mut at = self.hub.join(&path).unwrap();
        at.query_pairs_mut()
            .append_pair("token", &self.token)
            .append_pair("connection_attempt_id", &attempt);
        let mut answer = self.open(&at);
        for _ in 0..MOST_PAGES {
            if let Some(onward) = answer.headers.get("location") {
                at = at.join(onward).unwrap();
                answer = self.open(&at);
            } else if let Some(login) = login(&answer) {
                let form = [("login", login.as_str()), ("decision", decision)];
                let body = Serializer::new(String::new()).extend_pairs(form).finish();
                let length = body.len();
                let mut client = Client::to(address(&at));
                let sent = client.send(format!(
                    "POST /oauth/authorize HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\
                     Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}"
                ));
                sent.unwrap();
                answer = client.answer().unwrap();
            } else {
                return answer;
            }
        }
        panic!("the login leads nowhere: {at}");
    }

    fn open(&mut self, url: &Url) -> Answer {
        let is_hub = address(url) == address(&self.hub);
        let host = format!("{}", address(url));
        let cookies = match is_hub && !self.cookies.is_empty() {
            true => format!("Cookie: {}\r\n", self.cookies.join("; ")),
            false => String::new(),
        };
        let mut client = Client::to(address(url));
        let sent =
            client.send(format!("GET {} HTTP/1.1\r\nHost: {host}\r\n{cookies}\r\n", way(url)));
        sent.unwrap();
        let answer = client.answer().unwrap();
        if is_hub && let Some(cookie) = answer.headers.get("set-cookie") {
            self.cookies.push(cookie.split(';').next().unwrap().to_owned());
        }
        answer
    }
}

fn login(page: &Answer) -> Option<String> {
    let text = page.text();
    let (_, rest) = text.split_once("name=\"login\" value=\"")?;
    Some(rest.split_once('"')?.0.to_owned())
}
