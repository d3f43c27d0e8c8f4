//! One of each thing, and for every operation a call that succeeds with them.

use hubctl::api::{OPERATIONS, Operation};
use serde_json::{Value, json};

use super::{Api, text};

/// What is planted as a credential; it must never be seen again.
pub(super) const CREDENTIAL: &str = "planted-credential/+x";

/// What is planted as the API key of the sample provider.
pub(super) const SAMPLE_KEY: &str = "sample-planted-key/+y";

/// One of each kind, in the project of a key.
#[derive(Debug, Clone)]
pub(super) struct Things {
    /// An auth config with a pin, through which the account is linked.
    pub(super) config: String,
    /// One that can be deleted.
    pub(super) spare: String,
    pub(super) account: String,
    /// An account that can be called, where there is a provider on this machine; else the other.
    pub(super) called: String,
    /// One that was linked by a login.
    pub(super) with_tokens: String,
    pub(super) session: String,
    pub(super) token: String,
    /// A connector of one's own.
    pub(super) connector: String,
    pub(super) project: String,
    pub(super) key: String,
    /// The id of a request that is in the log.
    pub(super) request: String,
    pub(super) webhook: String,
    /// One of it.
    pub(super) delivery: String,
    /// What tells these things from others.
    pub(super) tag: String,
}

/// A connector of one's own.
pub(super) fn connector(key: &str) -> Value {
    json!({
        "key": key, "name": "Own", "categories": ["crm"], "base_url": "https://own.example/api",
        "auth": [{
            "key": "api_key", "type": "api_key", "label": "API key",
            "config_fields": [{"key": "api_key", "label": "Key", "type": "password",
                               "required": true, "secret": true, "placeholder": "xyz"}],
            "authorization": {"type": "bearer", "token": "${api_key}"},
        }, {
            "key": "oauth2", "type": "oauth2_authorization_code", "label": "OAuth 2.0",
            "setup_fields": [
                {"key": "client_id", "label": "Client ID", "type": "text", "required": true},
                {"key": "client_secret", "label": "Client secret", "type": "password",
                 "required": true, "secret": true}
            ],
            "authorization_url": "https://own.example/authorize",
            "token_url": "https://own.example/token",
            "authorization": {"type": "bearer", "token": "${access_token}"},
        }],
        "verify_reason": "no light call",
    })
}

/// An account of this owner, linked through this auth config.
pub(super) fn account(owner: &str, config: &str) -> Value {
    json!({
        "provider": "hubspot", "integration_id": config, "origin_owner_id": owner,
        "origin_owner_name": format!("{owner} Inc"), "credentials": { "access_key": CREDENTIAL },
        "verify": false,
    })
}

/// A connect session for this owner.
pub(super) fn session(owner: &str) -> Value {
    json!({ "provider": "hubspot", "origin_owner_id": owner, "origin_owner_name": "A" })
}

impl Things {
    /// Makes them through the API; the tag tells them from others of the project.
    #[track_caller]
    pub(super) fn make(api: &Api, tag: &str) -> Self {
        Self::make_where(api, tag, |_| true)
    }

    /// The same for one operation: what is long in the making only where it is about that.
    #[track_caller]
    pub(super) fn make_for(api: &Api, tag: &str, operation: &Operation) -> Self {
        Self::make_where(api, tag, |about| operation.id.contains(about))
    }

    #[track_caller]
    fn make_where(api: &Api, tag: &str, is_about: impl Fn(&str) -> bool) -> Self {
        let config = |name: &str| {
            let body = json!({ "connector_key": "hubspot", "name": format!("{name}-{tag}") });
            let made = api.post("/admin/auth_configs", &body).status(201).json();
            text(&made["after"], "id")
        };
        let (main, spare) = (config("main"), config("spare"));
        let pin = format!("/connector_profiles/{main}/pinned_version");
        api.put(&pin, &json!({ "pinned_version": "latest" })).status(200);
        let body = account(&format!("owner-{tag}"), &main);
        let linked = api.post("/admin/accounts", &body).status(201).json();
        let called = (is_about("proxy") || is_about("accounts.test"))
            .then(|| sample_account(api, &format!("called-{tag}")));
        let called = called.flatten();
        let with_tokens = match is_about("refresh") {
            true => linked_by_login(api, tag),
            false => text(&linked, "id"),
        };
        let body = session(&format!("owner-{tag}"));
        let opened = api.post("/connect_sessions", &body).status(201).json();
        let key = format!("own-{tag}");
        let body = json!({ "connectors": [connector(&key)] });
        api.put("/admin/connectors", &body).status(200);
        let body = json!({ "client_id": "client-1", "client_secret": CREDENTIAL });
        api.put(&format!("/admin/oauth_apps/{key}"), &body).status(200);
        let project = format!("project-{tag}");
        api.post("/admin/projects", &json!({ "name": project })).status(201);
        let body = json!({ "name": format!("key-{tag}"), "scopes": ["platform:read"] });
        let made = api.post("/admin/keys", &body).status(201).json();
        let looked = api.get("/accounts?page_size=1").status(200);
        let request = looked.headers["x-request-id"].clone();
        let (webhook, delivery) = match is_about("webhooks") || is_about("deliveries") {
            true => tried_webhook(api, tag),
            false => Default::default(),
        };
        Self {
            config: main,
            spare,
            called: called.unwrap_or_else(|| text(&linked, "id")),
            account: text(&linked, "id"),
            with_tokens,
            session: text(&opened, "id"),
            token: text(&opened, "token"),
            connector: key,
            project,
            key: text(&made, "id"),
            request,
            webhook,
            delivery,
            tag: tag.to_owned(),
        }
    }

    /// Things of the same form that never were.
    pub(super) fn missing() -> Self {
        let id = |last: u8| format!("01999999-9999-7999-8999-99999999990{last}");
        Self {
            config: id(1),
            spare: id(2),
            account: id(3),
            called: id(3),
            with_tokens: id(3),
            session: "987654321".to_owned(),
            token: "hcs_1_neverneverneverneverneverneverneverneve".to_owned(),
            connector: "own-never".to_owned(),
            project: "project-never".to_owned(),
            key: id(4),
            request: "request-never".to_owned(),
            webhook: id(5),
            delivery: "987654321".to_owned(),
            tag: "never".to_owned(),
        }
    }

    /// The names by which the API knows them.
    pub(super) fn names(&self) -> [&str; 8] {
        [
            &self.config,
            &self.spare,
            &self.account,
            &self.session,
            &self.token,
            &self.connector,
            &self.project,
            &self.key,
        ]
    }

    /// The path of an operation with one of these things in it.
    pub(super) fn path(&self, operation: &Operation) -> String {
        let path = operation.path;
        let named = match operation.id {
            "auth_configs.delete" | "auth_configs.make_default" => &self.spare,
            // They ask the provider, which has to be on this machine.
            "accounts.proxy" | "accounts.test" => &self.called,
            _ if path.contains("/requests/") => &self.request,
            "accounts.refresh" => &self.with_tokens,
            _ if path.contains("/connect_sessions/") => &self.session,
            _ if path.contains("/accounts/") => &self.account,
            _ if path.contains("/connectors/") => &self.connector,
            _ if path.contains("/oauth_apps/") => &self.connector,
            _ if path.contains("/projects/") => &self.project,
            _ if path.contains("/keys/") => &self.key,
            _ if path.contains("/webhooks/") => &self.webhook,
            _ if path.contains("/deliveries/") => &self.delivery,
            _ => &self.config,
        };
        let (Some(from), Some(to)) = (path.find('{'), path.find('}')) else {
            return path.to_owned();
        };
        format!("{}{named}{}", &path[..from], &path[to + 1..])
    }
}

/// A call of an operation.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// Headers that it needs, beside the key.
    pub(super) headers: String,
}

impl Call {
    /// One that succeeds where these things are; `fresh` names what it makes.
    pub(super) fn of(operation: &Operation, things: &Things, fresh: &str) -> Self {
        let query = match operation.id {
            "auth_configs.impact" => "?action=disable",
            // Without it, a provider would be asked.
            "accounts.test" | "accounts.refresh" => "?dry_run=true",
            "accounts.check" => "?offline=true",
            _ => "",
        };
        let path = things.path(operation) + query;
        let headers = match operation.id {
            "platform.proxy" => format!("x-account-id: {}\r\n", things.called),
            "accounts.proxy" => "x-proxy-path: /me\r\n".to_owned(),
            _ => String::new(),
        };
        let body = body(operation.id, things, fresh);
        Self { method: operation.method, path, body, headers }
    }

    #[track_caller]
    pub(super) fn send(&self, api: &Api) -> crate::support::serving::Answer {
        let api = api.saying(&format!("{}{}", api.headers, self.headers));
        api.ask(self.method, &self.path, self.body.as_ref())
    }
}

/// An account with tokens of a login.
#[track_caller]
fn linked_by_login(api: &Api, tag: &str) -> String {
    let is_served = api.get("/admin/connectors/sample").status == 200;
    let provider = if is_served { "sample" } else { "hubspot" };
    let body = json!({
        "connector_key": provider, "authentication_config_key": "oauth2",
        "name": format!("login-{tag}"),
        "values": { "client_id": "client-1", "client_secret": CREDENTIAL },
    });
    let login = api.post("/admin/auth_configs", &body).status(201).json();
    let body = json!({
        "provider": provider, "integration_id": text(&login["after"], "id"),
        "origin_owner_id": format!("login-{tag}"), "origin_owner_name": "A", "verify": false,
        "credentials": { "access_token": CREDENTIAL, "refresh_token": CREDENTIAL },
    });
    text(&api.post("/admin/accounts", &body).status(201).json(), "id")
}

/// A webhook, and a delivery of it.
#[track_caller]
fn tried_webhook(api: &Api, tag: &str) -> (String, String) {
    // Nobody has this name, so that the trial fails at once.
    let body = json!({ "url": format!("https://{tag}.invalid/hooks") });
    let webhook = text(&api.post("/admin/webhooks", &body).status(201).json(), "id");
    let tried = api.ask("POST", &format!("/admin/webhooks/{webhook}/test"), None);
    (webhook, text(&tried.status(200).json(), "id"))
}

/// An account of the sample provider, where that is served as well.
#[track_caller]
fn sample_account(api: &Api, owner: &str) -> Option<String> {
    if api.get("/admin/connectors/sample").status != 200 {
        return None;
    }
    let linked = json!({
        "provider": "sample", "origin_owner_id": owner, "origin_owner_name": "A",
        "credentials": { "api_key": SAMPLE_KEY },
    });
    Some(text(&api.post("/admin/accounts", &linked).status(201).json(), "id"))
}

fn body(id: &str, things: &Things, fresh: &str) -> Option<Value> {
    Some(match id {
        "platform.connect_sessions.create" | "connect_sessions.create" => session(fresh),
        "platform.proxy" => json!({ "path": "/me" }),
        "platform.connect_sessions.authenticate" => json!({ "token": things.token }),
        "platform.accounts.update" | "accounts.update" => json!({ "label": fresh }),
        "platform.connector_profiles.set_pin" => json!({ "pinned_version": "1.x.x" }),
        "auth_configs.create" => json!({
            "connector_key": "bamboohr", "authentication_config_key": "oauth2", "name": fresh,
            "values": { "client_id": "client-1", "client_secret": CREDENTIAL },
        }),
        "connectors.import" => {
            let key = format!("own-{}", fresh.to_ascii_lowercase());
            json!({ "connectors": [connector(&key)] })
        }
        "connect_sessions.create_batch" => json!({
            "items": [{ "session": session(fresh) }, { "occurrence": 1, "session": session(fresh) }],
        }),
        "accounts.create" => account(fresh, &things.config),
        "auth_configs.update" | "projects.create" => json!({ "name": fresh }),
        "oauth_apps.set" => json!({ "client_id": fresh, "client_secret": CREDENTIAL }),
        "projects.update" => json!({ "ip_allowlist": ["127.0.0.0/8", "::1"] }),
        "webhooks.create" => json!({ "url": "https://app.example.com/hooks" }),
        "webhooks.update" => json!({ "events": ["account.created", "key.deleted"] }),
        "webhooks.rotate_secret" => json!({ "step": "begin" }),
        "deliveries.redeliver_failed" => json!({ "since": "2026-06-01T00:00:00Z" }),
        "keys.create" => json!({ "name": fresh, "expires_in": 3600 }),
        _ => {
            let row = Operation::find(id).unwrap_or_else(|| panic!("no operation {id}"));
            let takes_none = row.method == "GET" || row.method == "DELETE";
            assert!(takes_none || row.path.contains('{'), "{id} needs a body here");
            return None;
        }
    })
}

#[test]
fn every_operation_has_a_call_with_a_whole_path() {
    for operation in OPERATIONS {
        let call = Call::of(operation, &Things::missing(), "fresh");
        assert!(!call.path.contains(['{', '}']), "{}: {}", operation.id, call.path);
        assert_eq!(
            call.path.contains("never")
                || call.path.contains("99999")
                || call.path.contains("87654"),
            operation.path.contains('{'),
            "{}: {}",
            operation.id,
            call.path
        );
    }
}
