//! The API over HTTP: the contract, its description, and what it withstands.

mod brand;
mod calls;
mod contract;
mod description;
mod end_user;
mod forms;
mod hostile;
mod hub_rules;
mod kill;
mod link_logs;
mod links;
mod lists;
mod page_cost;
mod pages;
mod planted;
mod request_logs;
mod rules;
mod sdk;
mod spellings;
mod threats;
mod told;

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::cli::{SCOPES, TestHome};
use crate::support::serving::{Answer, Client, Serving};

/// A served hub, as the holder of one key sees it.
#[derive(Debug, Clone)]
struct Api {
    address: SocketAddr,
    headers: String,
}

impl Api {
    /// A hub and a key that may do everything.
    fn serve(home: &TestHome, flags: &str) -> (Serving, Self) {
        let key = home.key("everything", &SCOPES);
        let serving = home.serve(&format!("--rate-limit 0 {flags}"));
        let api = Self::with(&serving, &key);
        (serving, api)
    }

    fn with(serving: &Serving, key: &str) -> Self {
        let headers = format!("Authorization: Bearer {key}\r\n");
        Self { address: serving.address, headers }
    }

    /// The same hub, asked with other headers.
    fn saying(&self, headers: &str) -> Self {
        Self { address: self.address, headers: headers.to_owned() }
    }

    /// The same hub, asked with another key.
    fn holding(&self, key: &str) -> Self {
        self.saying(&format!("Authorization: Bearer {key}\r\n"))
    }

    #[track_caller]
    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None)
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, Some(body))
    }

    #[track_caller]
    fn patch(&self, path: &str, body: &Value) -> Answer {
        self.ask("PATCH", path, Some(body))
    }

    #[track_caller]
    fn put(&self, path: &str, body: &Value) -> Answer {
        self.ask("PUT", path, Some(body))
    }

    #[track_caller]
    fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, None)
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let mut client = Client::to(self.address);
        client.send(self.request(method, path, body)).unwrap();
        client.answer().unwrap()
    }

    /// The bytes of a request.
    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> String {
        let (kind, text) = match body {
            Some(body) => ("Content-Type: application/json\r\n", body.to_string()),
            None => ("", String::new()),
        };
        let (length, headers) = (text.len(), &self.headers);
        format!(
            "{method} {path} HTTP/1.1\r\nHost: hub\r\n{kind}Content-Length: {length}\r\n\
             {headers}\r\n{text}"
        )
    }
}

/// A text of an answer.
#[track_caller]
fn text(value: &Value, key: &str) -> String {
    match &value[key] {
        Value::String(text) => text.clone(),
        Value::Null => panic!("no {key} in {value}"),
        other => other.to_string(),
    }
}

/// A member of each element of a list.
#[track_caller]
fn each(list: &Value, key: &str) -> Vec<String> {
    list.as_array().unwrap_or_else(|| panic!("{list}")).iter().map(|row| text(row, key)).collect()
}
