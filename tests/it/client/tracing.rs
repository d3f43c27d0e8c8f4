//! The file of `--trace`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hubctl::client::{Client, Options};
use hubctl::domain::connector::guide::Audience;
use hubctl::error::HubError;
use hubctl::hub::accounts::Filter;
use hubctl::hub::write::Guard;
use serde_json::{Value, json};

use super::{KEY, options};
use crate::support::http::{FakeHub, Reply};
use crate::support::hub::block_on;

fn traced(hub: &FakeHub, path: &Path) -> Result<Client, HubError> {
    Client::new(Options { trace: Some(path.to_owned()), ..options(&hub.url()) })
}

fn records(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_exchange_is_one_line_for_the_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.jsonl");
    let busy = Reply::refusal(503, None, "busy");
    let lost = Reply::refusal(404, Some("project.not_found"), "no project");
    let hub = FakeHub::script(vec![Reply::no_answer(), busy, lost, Reply::list(&[])]);
    let client = traced(&hub, &path).unwrap();
    block_on(client.get_project(&"p".parse().unwrap())).unwrap_err();
    block_on(client.accounts(&Filter::default(), |_| unreachable!("there are none"))).unwrap();
    let records = records(&path);
    let statuses: Vec<_> =
        records.iter().map(|record| record["response"]["status"].as_u64()).collect();
    assert_eq!(statuses, [None, Some(503), Some(404), Some(200)]);
    let codes: Vec<_> = records.iter().map(|record| record["error"]["code"].as_str()).collect();
    assert_eq!(
        codes,
        [Some("remote.unreachable"), Some("remote.failed"), Some("project.not_found"), None]
    );
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(client.take_notes().is_empty());
}

#[test]
fn threat_34_a_file_open_to_others_takes_no_trace_and_nothing_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let hub = FakeHub::script(vec![Reply::list(&[])]);
    let path = folder.path().join("open");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("target"), &link).unwrap();
    for path in [path, link] {
        assert_eq!(traced(&hub, &path).unwrap_err().code().name, "store.permissions");
    }
    assert!(hub.asked().is_empty());
}

/// Everything secret that a hub and a client may say to each other.
#[test]
fn threat_32_planted_secrets_are_not_in_the_trace_in_any_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.jsonl");
    let token = "hcs_7_planted-session/token+1";
    let secrets = [
        "planted client secret",
        "planted&api=key",
        token,
        "v1.local.9_plantedplantedplanted",
        KEY,
    ];
    let hub = FakeHub::start(move |asked, _| match asked.route().as_str() {
        "POST /admin/connect_sessions" => Reply::json(
            201,
            &json!({
                "id": 7, "organization_id": "o", "project_id": "p", "token": token,
                "auth_link_url": format!("https://hub.example.com/connect/{token}"),
                "external_trigger_token": "planted client secret",
                "origin_owner_id": "a", "origin_owner_name": "A", "type": "production",
                "status": "pending", "created_at": "2026-06-01T12:00:00Z", "expires_at": "2026-06-01T12:30:00Z",
            }),
        ),
        "POST /admin/keys" => Reply::json(201, &json!({"key": "v1.local.9_plantedplantedplanted"})),
        // A hub that says back what it was sent, and in other spellings.
        _ => Reply::json(
            400,
            &json!({
                "message": format!("bad value planted client secret, {}", STANDARD.encode("planted client secret")),
                "code": "fields.invalid",
                "details": [String::from_utf8_lossy(&asked.body), asked.header("authorization"), KEY],
            }),
        ),
    });
    let client = traced(&hub, &path).unwrap();
    let values = [("client_secret", "planted client secret"), ("api_key", "planted&api=key")];
    let values =
        values.map(|(key, value)| (key.to_owned(), hubctl::domain::secret::Secret::new(value)));
    block_on(async {
        let new = hubctl::hub::accounts::New {
            provider: "hubspot".parse().unwrap(),
            auth_config: None,
            owner: hubctl::domain::account::Owner {
                id: "a".into(),
                name: "A".into(),
                username: None,
            },
            tags: hubctl::hub::accounts::Tags::default(),
            values: values.into_iter().collect(),
            multiple: false,
            if_exists: hubctl::hub::auth_configs::IfExists::Update,
            verify: true,
        };
        let error = client.add_account(new, Guard::default()).await.unwrap_err();
        assert!(!format!("{error:?}").contains(KEY), "{error:?}");
        let session = hubctl::domain::connect_session::NewSession {
            owner: hubctl::domain::account::Owner {
                id: "a".into(),
                name: "A".into(),
                username: None,
            },
            provider: None,
            auth_config: None,
            categories: Vec::new(),
            account: None,
            expires_in_s: 60,
            label: None,
            metadata: serde_json::Map::new(),
            multiple: false,
            kind: None,
        };
        client.create_session(session, Guard::default()).await.unwrap();
        let key = hubctl::domain::api_key::NewKey {
            name: "ci".parse().unwrap(),
            scopes: None,
            expires_in_s: None,
        };
        client.create_key(key, Guard::default()).await.unwrap_err();
        client.guide(&"hubspot".parse().unwrap(), Audience::Admin).await.unwrap_err();
    });
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(records(&path).len(), 4);
    for secret in secrets {
        let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let json = Value::from(secret).to_string();
        let forms = [
            secret,
            json.trim_matches('"'),
            &form,
            &form.replace('+', "%20"),
            &STANDARD.encode(secret),
            &STANDARD.encode(format!("{secret}:")),
        ]
        .map(str::to_owned);
        for form in forms {
            assert!(!text.contains(&form), "{form} is in {text}");
        }
    }
    assert!(!text.contains("planted"), "{text}");
    assert!(text.contains("hubspot") && text.contains("/admin/connect_sessions"), "{text}");
}
