//! The hub API's forms, held against what the vendor's component expects.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::*;
use crate::domain::connector::Connector;
use crate::domain::time::Timestamp;
use crate::hub::end_user::Form;

fn form(method: &str, editing: bool) -> Form {
    let connector: Connector = serde_json::from_value(json!({
        "key": "acme", "name": "Acme HR", "base_url": "https://api.acme.example",
        "support": {"link": "https://help.acme.example"},
        "auth": [
            {"key": "api_key", "type": "api_key", "label": "API key",
             "config_fields": [
                {"key": "api_key", "label": "API key", "type": "password", "required": true,
                 "pattern": "^k-", "pattern_error": "begins with k-"},
                {"key": "mail", "label": "Mail", "type": "text", "format": "email"},
                {"key": "odd", "label": "Odd", "type": "text", "pattern": "(?i)^x"},
                {"key": "where", "label": "Where", "type": "select", "default": "eu",
                 "options": [{"value": "eu", "label": "Europe"}]},
                {"key": "count", "label": "Count", "type": "number", "read_only": true}
             ],
             "notices": [
                {"key": "n", "form": "config", "type": "warning", "description": "Mind this",
                 "anchor": "where"},
                {"key": "s", "form": "setup", "type": "info", "description": "Not shown"}
             ],
             "authorization": {"type": "bearer", "token": "${api_key}"}},
            {"key": "oauth2", "type": "oauth2_authorization_code", "label": "OAuth 2.0",
             "authorization": {"type": "bearer", "token": "${access_token}"}},
            {"key": "client", "type": "oauth2_client_credentials", "label": "Client",
             "authorization": {"type": "bearer", "token": "${access_token}"}}
        ]
    }))
    .unwrap();
    let method = connector.auth_method(&method.parse().unwrap()).unwrap().clone();
    let stored = if editing { &["api_key".to_owned()][..] } else { &[] };
    let config = crate::domain::auth_config::create(
        &[],
        crate::domain::auth_config::NewAuthConfig {
            id: "c".parse().unwrap(),
            connector: connector.key.clone(),
            method: method.key.clone(),
            name: "c".to_owned(),
            make_default: true,
            pin: None,
            setup: BTreeMap::new(),
            secrets: BTreeSet::new(),
        },
        Timestamp::from_millis(0),
    );
    Form {
        config: config.after,
        fields: method.config_fields.clone(),
        connector: connector.into(),
        method,
        account: editing.then(|| "a".parse().unwrap()),
        works_since: None,
        stored_secrets: stored.iter().cloned().collect(),
        external_trigger_token: None,
    }
}

fn sent(method: &str, editing: bool) -> Value {
    serde_json::to_value(ConnectorForm::from(&form(method, editing))).unwrap()
}

#[test]
fn oa_1_hb_5_a_grant_is_named_or_left_out_and_never_null() {
    let config = |method| sent(method, false)["config"].clone();
    assert_eq!(config("api_key")["type"], "custom");
    assert!(!config("api_key").as_object().unwrap().contains_key("grantType"));
    let oauth = config("oauth2");
    let got = (&oauth["type"], &oauth["grantType"]);
    assert_eq!(got, (&json!("oauth2"), &json!("authorization_code")));
    assert_eq!(config("client")["grantType"], "client_credentials");
    assert!(!oauth.as_object().unwrap().contains_key("authentication"));
    assert_eq!(oauth["configFields"], json!([]));
}

#[test]
fn hb_6_every_field_says_what_it_is() {
    let sent = sent("api_key", false);
    let fields = sent["config"]["configFields"].as_array().unwrap().clone();
    for field in &fields {
        for member in ["secret", "required", "readOnly"] {
            assert!(field[member].is_boolean(), "{field}");
        }
        assert!(field["type"].is_string() && field["label"].is_string(), "{field}");
    }
    let expected = json!({"type": "html-pattern", "pattern": "^k-", "error": "begins with k-"});
    assert_eq!(fields[0]["validation"], expected);
    assert_eq!(fields[1]["validation"]["type"], "html-pattern");
    assert_eq!(fields[1]["validation"]["error"], "is not an e-mail address");
    assert!(fields[2].get("validation").is_none(), "browsers don't know it");
    assert_eq!(fields[3]["options"], json!([{"value": "eu", "label": "Europe"}]));
    assert_eq!(fields[3]["value"], "eu");
    assert_eq!(fields[4]["readOnly"], true);
    let notices = &sent["config"]["configNotices"];
    assert_eq!(notices.as_array().unwrap().len(), 1, "{notices}");
    assert_eq!(notices[0]["anchor"], "where");
}

#[test]
fn threat_12_a_stored_secret_is_a_fixed_mark_that_nothing_is_held_against() {
    let form = form("api_key", true);
    let sent = serde_json::to_value(ConnectorForm::from(&form)).unwrap();
    let fields = &sent["config"]["configFields"];
    assert!(fields[0].get("validation").is_none() && fields[0].get("value").is_none());
    assert!(fields[1].get("validation").is_some());
    assert_eq!(SECRET_PLACEHOLDER, "__secretvalue:**redacted**");
}

#[test]
fn a_submission_is_texts_whatever_json_it_comes_as() {
    let text = r#"{"integration_id": "c", "origin_owner_id": "other",
                   "credentials": {"a": "x", "n": 5, "f": true, "nothing": null}}"#;
    let submission: Submission = serde_json::from_str(text).unwrap();
    assert!(!format!("{submission:?}").contains('x'));
    let values = submission.values();
    let texts: Vec<_> = values.iter().map(|(k, v)| (k.as_str(), v.expose())).collect();
    assert_eq!(texts, [("a", "x"), ("f", "true"), ("n", "5")]);
}

#[test]
fn a_sign_is_drawn_from_the_name() {
    for (name, letters) in [
        ("BambooHR", "BH"),
        ("Google Drive", "GD"),
        ("Slack", "S"),
        ("360Learning", "3L"),
        ("<b>x", "BX"),
        ("", "K"),
    ] {
        assert_eq!(Logo::of("key", name).letters, letters, "{name}");
    }
    let url = Logo::of("key", "<Ä \"&").data_url();
    assert!(url.starts_with("data:image/svg+xml,%3Csvg"), "{url}");
    assert!(!url.contains(['<', '"', '&', '#']), "{url}");
    assert_eq!(Logo::of("hubspot", "A").color, Logo::of("hubspot", "B").color);
}

#[test]
fn an_attempt_is_told_in_the_components_words() {
    let new = Attempt::new("t".parse().unwrap(), Timestamp::from_millis(0));
    let attempt = |state| Attempt { state, ..new.clone() };
    let told = |state| serde_json::to_value(AttemptStatus::from(&attempt(state))).unwrap();
    let pending = json!({"status": "pending", "account": null, "error": null});
    assert_eq!(told(AttemptState::Pending), pending);
    let done = told(AttemptState::Authenticated { account: "a".parse().unwrap() });
    assert_eq!(done["account"], json!({"id": "a"}));
    let failed = AttemptState::Failed { code: "access_denied".to_owned(), description: None };
    let error = json!({"code": "access_denied", "description": null});
    assert_eq!(told(failed)["error"], error);
}
