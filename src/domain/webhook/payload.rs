//! The body of a delivery (contract section 3): flat, without credentials, in a fixed order.

use serde_json::{Map, Value};

use crate::domain::event::{ACTOR, EventKind};
use crate::domain::time::Timestamp;

/// The name of the event that a trial delivery carries.
pub const TRIAL: &str = "webhook.test";

/// What an account's payload takes over from the facts that its event keeps.
const ACCOUNT_FACTS: [&str; 5] =
    ["provider", "origin_owner_id", "origin_owner_name", "origin_username", "setup_information"];

/// What a body tells.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The project's name.
    pub project: &'a str,
    /// What happened.
    pub event: &'a str,
    /// When.
    pub at: Timestamp,
    /// Id of what it happened to.
    pub subject: &'a str,
    /// The facts that the event keeps.
    pub data: Option<&'a Value>,
}

/// The bytes to sign and send (WH-4). Facts that are missing or null are left out.
#[must_use]
pub fn body(told: &Told<'_>, sent_at: Timestamp) -> Vec<u8> {
    let record_type = match told.event.parse::<EventKind>() {
        Ok(kind) => kind.record_type(),
        Err(_) => told.event.split('.').next().unwrap_or_default(),
    };
    let is_account = record_type == "account";
    let mut out = Map::new();
    let mut put = |name: &str, value: &str| out.insert(name.to_owned(), value.into());
    put("project_id", told.project);
    if is_account {
        put("account_id", told.subject);
    }
    put("event", told.event);
    put("event_date", &told.at.to_string());
    put("record_type", record_type);
    put("record_id", told.subject);
    put("sent_at", &sent_at.to_string());
    match told.data {
        Some(Value::Object(facts)) if is_account => {
            let known = ACCOUNT_FACTS.iter().filter_map(|name| facts.get_key_value(*name));
            let known = known.filter(|(_, value)| !value.is_null());
            out.extend(known.map(|(name, value)| (name.clone(), value.clone())));
        }
        Some(Value::Object(facts)) => {
            let mut facts = facts.clone();
            facts.remove(ACTOR);
            if !facts.is_empty() {
                out.insert("data".to_owned(), Value::Object(facts));
            }
        }
        Some(facts) if !facts.is_null() => {
            out.insert("data".to_owned(), facts.clone());
        }
        _ => {}
    }
    Value::Object(out).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told<'a>(event: &'a str, data: Option<&'a Value>) -> Told<'a> {
        let at = "2026-06-02T10:15:00.000Z".parse().unwrap();
        Told { project: "acme-prod-10001", event, at, subject: "45355976281015164504", data }
    }

    fn sent_at() -> Timestamp {
        "2026-06-02T10:15:00.310Z".parse().unwrap()
    }

    #[test]
    fn wh_4_the_contracts_example_is_what_is_sent() {
        let data = json!({
            "provider": "bamboohr", "origin_owner_id": "org-42",
            "origin_owner_name": "Example Ltd", "origin_username": "ops@example.test",
            "setup_information": { "subdomain": "examplehr" },
        });
        let text = body(&told("account.updated", Some(&data)), sent_at());
        let expected = concat!(
            r#"{"project_id":"acme-prod-10001","account_id":"45355976281015164504","#,
            r#""event":"account.updated","event_date":"2026-06-02T10:15:00.000Z","#,
            r#""record_type":"account","record_id":"45355976281015164504","#,
            r#""sent_at":"2026-06-02T10:15:00.310Z","provider":"bamboohr","#,
            r#""origin_owner_id":"org-42","origin_owner_name":"Example Ltd","#,
            r#""origin_username":"ops@example.test","setup_information":{"subdomain":"examplehr"}}"#,
        );
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn wh_4_what_is_not_known_is_left_out_and_nothing_else_gets_in() {
        let data = json!({ "provider": "x", "origin_username": null, "credentials": "k" });
        let text = body(&told("account.deleted", Some(&data)), sent_at());
        let value: Value = serde_json::from_slice(&text).unwrap();
        let names: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            [
                "project_id",
                "account_id",
                "event",
                "event_date",
                "record_type",
                "record_id",
                "sent_at",
                "provider"
            ]
        );
    }

    #[test]
    fn wh_4_who_did_it_and_why_is_for_administrators() {
        let reasons = json!([{ "code": "credentials_refused" }]);
        let account = json!({ "provider": "x", "actor": "hub", "status_reasons": reasons });
        let config = json!({ "actor": "api key k" });
        let named = json!({ "actor": "api key k", "name": "Spot" });
        for (event, data, has_data) in [
            ("account.error", account, false),
            ("auth_config.disabled", config, false),
            ("auth_config.deleted", named, true),
        ] {
            let text = body(&told(event, Some(&data)), sent_at());
            let value: Value = serde_json::from_slice(&text).unwrap();
            assert_eq!(value.get("data").is_some(), has_data, "{value}");
            assert!(!value.to_string().contains("actor"), "{value}");
            assert!(!value.to_string().contains("reasons"), "{value}");
        }
    }

    #[test]
    fn other_events_keep_their_facts_together() {
        let data = json!({ "name": "ci" });
        let text = body(&told("key.created", Some(&data)), sent_at());
        let value: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!((&value["record_type"], &value["data"]["name"]), (&json!("key"), &json!("ci")));
        assert!(value.get("account_id").is_none());
        let trial: Value = serde_json::from_slice(&body(&told(TRIAL, None), sent_at())).unwrap();
        assert_eq!((&trial["record_type"], trial.get("data")), (&json!("webhook"), None));
    }
}
