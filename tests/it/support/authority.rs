//! A third party that accounts are linked to: keys, logins with PKCE, rotating tokens, revocation.
//! It answers over real connections, and keeps count.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use hubctl::domain::caller::Caller;
use hubctl::domain::connector::{Connector, Field, FieldKind, Template};
use hubctl::domain::ids::ProjectNumber;
use hubctl::domain::time::Timestamp;
use hubctl::hub::Hub;
use hubctl::provider;
use hubctl::store::Store;
use hubctl::store::own_connectors::{self, OwnConnector};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::http::{Asked, FakeHub, Reply};
use super::hub::TestHub;

/// The key that it accepts.
pub(crate) const KEY: &str = "planted-good-key";

#[derive(Default)]
struct State {
    /// Challenge of the login that is under way.
    challenge: Option<String>,
    /// Tokens that work.
    access: BTreeSet<String>,
    refresh: BTreeSet<String>,
    count: u64,
    /// What to answer to token calls instead.
    instead: Option<Reply>,
    /// What to answer to the light call instead.
    instead_of_me: Option<Reply>,
    /// What to answer to whoever wants a session instead.
    instead_of_session: Option<Reply>,
    /// Where token calls wait before they answer: tells that one came, waits for the word to go on.
    gate: Option<(Sender<()>, Receiver<()>)>,
    /// The same for the light call.
    light_gate: Option<(Sender<()>, Receiver<()>)>,
    /// The same for whoever wants a token to be forgotten.
    revocation_gate: Option<(Sender<()>, Receiver<()>)>,
    /// The token that it does not forget.
    kept: Option<String>,
    rotates: bool,
    life_s: u64,
    /// The secret of its client.
    secret: String,
    /// Clients that asked for tokens.
    clients: Vec<String>,
}

/// The third party.
pub(crate) struct Authority {
    state: Arc<Mutex<State>>,
    server: FakeHub,
}

/// A call that waits.
pub(crate) struct Gate {
    came: Receiver<()>,
    go: Sender<()>,
}

impl Gate {
    /// Both sides of one.
    fn new() -> (Self, (Sender<()>, Receiver<()>)) {
        let ((came_in, came), (go, go_out)) = (channel(), channel());
        (Self { came, go }, (came_in, go_out))
    }

    /// Waits until the call has come.
    pub(crate) async fn wait(&mut self) {
        while self.came.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn open(&self) {
        _ = self.go.send(());
    }
}

impl Authority {
    pub(crate) fn start() -> Self {
        let state = State {
            rotates: true,
            life_s: 3600,
            secret: "planted-client-secret".to_owned(),
            ..State::default()
        };
        let state = Arc::new(Mutex::new(state));
        let own = Arc::clone(&state);
        let server = FakeHub::start(move |asked, _| answer(&own, asked));
        Self { state, server }
    }

    /// A hub that may call it, and where its connector `acme` is there to be set up.
    pub(crate) async fn welcome(&self, world: &mut TestHub, caller: &Caller) {
        self.welcome_as("acme", world, caller).await;
    }

    /// The same, by another key.
    pub(crate) async fn welcome_as(&self, key: &str, world: &mut TestHub, caller: &Caller) {
        world.hub = self.reached_by(world.hub.clone());
        self.put(key, world.hub.store(), caller.project()).await;
    }

    /// The same, where the end user names the host of the API, `host`, and whoever sets it up that
    /// of the tokens, `tokens`. Both are its own where nothing is given.
    pub(crate) async fn welcome_by_host(&self, world: &mut TestHub, caller: &Caller) {
        let mut connector = self.connector();
        connector.base_url = Template::new("http://${host}");
        for method in &mut connector.auth {
            let mut host = Field::optional_secret("host", "Host");
            (host.kind, host.secret) = (FieldKind::Text, false);
            host.default = Some(self.host());
            if method.kind.is_oauth2() {
                method.setup_fields.push(Field { key: "tokens".to_owned(), ..host.clone() });
                method.token_url = Some(Template::new("http://${tokens}/token"));
            }
            method.config_fields.push(host);
        }
        world.hub = self.reached_by(world.hub.clone());
        self.keep(connector, world.hub.store(), caller.project()).await;
    }

    /// The same, where each end user has a client of their own.
    pub(crate) async fn welcome_by_client(&self, world: &mut TestHub, caller: &Caller) {
        let mut connector = self.connector();
        for method in connector.auth.iter_mut().filter(|method| method.kind.is_oauth2()) {
            method.config_fields.append(&mut method.setup_fields);
        }
        world.hub = self.reached_by(world.hub.clone());
        self.keep(connector, world.hub.store(), caller.project()).await;
    }

    /// Its host and port.
    pub(crate) fn host(&self) -> String {
        self.server.url().strip_prefix("http://").unwrap().to_owned()
    }

    /// Puts its connector into a store: a file of it may not name this machine.
    pub(crate) async fn put(&self, key: &str, store: &Store, project: ProjectNumber) {
        let connector = Connector { key: key.parse().unwrap(), ..self.connector() };
        self.keep(connector, store, project).await;
    }

    async fn keep(&self, connector: Connector, store: &Store, project: ProjectNumber) {
        let row = OwnConnector {
            key: connector.key.clone(),
            version: connector.version.clone(),
            definition: serde_json::to_string(&connector).unwrap(),
            created_at: Timestamp::from_millis(1_780_315_200_000),
        };
        let mut tx = store.begin_write().await.unwrap();
        own_connectors::save(&mut tx, project, &row).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// It gave this refresh token out once, and it still works.
    pub(crate) fn gave(&self, refresh: &str) {
        self.change(|state| state.refresh.insert(refresh.to_owned()));
    }

    #[expect(clippy::unused_self, reason = "reads better beside `welcome`")]
    pub(crate) fn reached_by(&self, hub: Hub) -> Hub {
        let allowed = vec!["127.0.0.0/8".parse().unwrap()];
        hub.with_provider(provider::Options { allowed, ..provider::Options::default() })
    }

    pub(crate) fn connector(&self) -> Connector {
        let url = self.server.url();
        let oauth = json!({
            "authorization": {"type": "bearer", "token": "${access_token}"},
            "setup_fields": [
                {"key": "client_id", "label": "Client ID", "type": "text", "required": true},
                {"key": "client_secret", "label": "Client secret", "type": "password",
                 "required": true, "secret": true}
            ],
            "token_url": format!("{url}/token"), "token_auth_method": "post",
            "revocation_url": format!("{url}/revoke")
        });
        let with = |more: Value| {
            let mut method = oauth.clone();
            method.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            method
        };
        let definition = json!({
            "key": "acme", "name": "Acme", "categories": ["hris"], "base_url": url,
            "verify": {"method": "GET", "path": "/me", "expect_status": 200},
            "auth": [
                {"key": "api_key", "type": "api_key", "label": "API key",
                 "config_fields": [
                    {"key": "api_key", "label": "API key", "type": "password", "required": true,
                     "secret": true},
                    {"key": "site", "label": "Site", "type": "text", "default": "main"}
                 ],
                 "authorization": {"type": "header", "header": {"X-Api-Key": "${api_key}"}}},
                with(json!({"key": "oauth2", "type": "oauth2_authorization_code",
                    "label": "OAuth 2.0", "pkce": true, "refresh": true,
                    "issuer": "https://id.acme.example",
                    "config_fields": [
                        {"key": "site", "label": "Site", "type": "text", "default": "main"}
                    ],
                    "authorization_url": format!("{url}/authorize"),
                    "default_scopes": ["read"]})),
                with(json!({"key": "session", "type": "oauth2_authorization_code",
                    "label": "OAuth 2.0 with sessions", "pkce": true, "refresh": true,
                    "captured": [{"key": "session", "from": "lookup", "path": "session",
                        "url": format!("{url}/session?token=${{access_token}}")}],
                    "authorization_url": format!("{url}/authorize/session"),
                    "default_scopes": ["read"]})),
                with(json!({"key": "machine", "type": "oauth2_client_credentials",
                    "label": "Client credentials"}))
            ]
        });
        serde_json::from_value(definition).unwrap()
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// The login of this challenge is what the next code is for.
    pub(crate) fn challenged(&self, challenge: Option<String>) {
        self.change(|state| state.challenge = challenge);
    }

    /// What it answers to token calls from now on; `None` is the truth.
    pub(crate) fn answers(&self, instead: Option<Reply>) {
        self.change(|state| state.instead = instead);
    }

    pub(crate) fn answers_to_me(&self, instead: Option<Reply>) {
        self.change(|state| state.instead_of_me = instead);
    }

    /// What it answers to whoever wants a session for a token.
    pub(crate) fn answers_to_session(&self, instead: Option<Reply>) {
        self.change(|state| state.instead_of_session = instead);
    }

    pub(crate) fn rotates(&self, rotates: bool) {
        self.change(|state| state.rotates = rotates);
    }

    pub(crate) fn life_s(&self, life_s: u64) {
        self.change(|state| state.life_s = life_s);
    }

    /// The client has another secret from now on.
    pub(crate) fn accepts_secret(&self, secret: &str) {
        self.change(|state| secret.clone_into(&mut state.secret));
    }

    /// The clients that asked for tokens, in order.
    pub(crate) fn clients(&self) -> Vec<String> {
        self.change(|state| state.clients.clone())
    }

    /// The next token call waits.
    pub(crate) fn gate(&self) -> Gate {
        let (gate, other) = Gate::new();
        self.change(|state| state.gate = Some(other));
        gate
    }

    /// The next light call waits.
    pub(crate) fn light_gate(&self) -> Gate {
        let (gate, other) = Gate::new();
        self.change(|state| state.light_gate = Some(other));
        gate
    }

    /// The next revocation waits.
    pub(crate) fn revocation_gate(&self) -> Gate {
        let (gate, other) = Gate::new();
        self.change(|state| state.revocation_gate = Some(other));
        gate
    }

    pub(crate) fn works(&self, token: &str) -> bool {
        self.change(|state| state.access.contains(token))
    }

    /// It forgets this token for nobody.
    pub(crate) fn keeps(&self, token: &str) {
        self.change(|state| state.kept = Some(token.to_owned()));
    }

    /// This token works no more.
    pub(crate) fn forget(&self, token: &str) {
        self.change(|state| state.access.remove(token));
    }

    fn asked_at(&self, route: &str) -> usize {
        self.server.routes().iter().filter(|asked| *asked == route).count()
    }

    pub(crate) fn token_calls(&self) -> usize {
        self.asked_at("POST /token")
    }

    pub(crate) fn revocations(&self) -> usize {
        self.asked_at("POST /revoke")
    }

    /// How often its light call was asked for, by whomever.
    pub(crate) fn light_calls(&self) -> usize {
        self.asked_at("GET /me")
    }

    pub(crate) fn calls(&self) -> usize {
        self.server.asked().len()
    }
}

fn answer(state: &Mutex<State>, asked: &Asked) -> Reply {
    let form: Vec<(String, String)> =
        url::form_urlencoded::parse(&asked.body).into_owned().collect();
    let member = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    };
    match asked.route().as_str() {
        "GET /me" => {
            let gate = state.lock().unwrap().light_gate.take();
            let reply = me(&state.lock().unwrap(), asked);
            if let Some((came, go)) = gate {
                _ = came.send(());
                _ = go.recv();
            }
            reply
        }
        "GET /session" => {
            let state = state.lock().unwrap();
            let instead = state.instead_of_session.clone();
            instead.unwrap_or_else(|| Reply::json(200, &json!({"session": "s", "of": state.count})))
        }
        "POST /token" => {
            let gate = state.lock().unwrap().gate.take();
            if let Some((came, go)) = gate {
                // What is given out is decided when the call comes, as a real one does.
                let reply = token(&mut state.lock().unwrap(), &member);
                _ = came.send(());
                _ = go.recv();
                return reply;
            }
            token(&mut state.lock().unwrap(), &member)
        }
        "POST /revoke" => {
            let gate = state.lock().unwrap().revocation_gate.take();
            if let Some((came, go)) = gate {
                _ = came.send(());
                _ = go.recv();
            }
            let mut state = state.lock().unwrap();
            if state.kept.as_deref() == Some(member("token")) {
                return Reply::json(400, &json!({"error": "unsupported_token_type"}));
            }
            state.access.remove(member("token"));
            state.refresh.remove(member("token"));
            Reply::json(200, &json!({}))
        }
        _ => Reply::json(404, &json!({})),
    }
}

fn me(state: &State, asked: &Asked) -> Reply {
    if let Some(reply) = &state.instead_of_me {
        return reply.clone();
    }
    let token = asked.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
    match asked.header("x-api-key") == KEY || state.access.contains(token) {
        true => Reply::json(200, &json!({"name": "Acme"})),
        false => Reply::json(401, &json!({"message": "this key is not known here"})),
    }
}

fn token<'a>(state: &mut State, member: &impl Fn(&str) -> &'a str) -> Reply {
    if let Some(reply) = &state.instead {
        return reply.clone();
    }
    let refused = |code: &str| Reply::json(400, &json!({"error": code}));
    state.clients.push(member("client_id").to_owned());
    if member("client_secret") != state.secret {
        return Reply::json(401, &json!({"error": "invalid_client"}));
    }
    let gives_refresh = match member("grant_type") {
        "authorization_code" => {
            let proof = base64_url(&Sha256::digest(member("code_verifier")));
            if member("code") != "good" || state.challenge.take() != Some(proof) {
                return refused("invalid_grant");
            }
            true
        }
        "refresh_token" => {
            if !state.refresh.contains(member("refresh_token")) {
                return refused("invalid_grant");
            }
            if state.rotates {
                state.refresh.remove(member("refresh_token"));
            }
            state.rotates
        }
        "client_credentials" => false,
        _ => return refused("unsupported_grant_type"),
    };
    state.count += 1;
    let (access, refresh) = (format!("access-{}", state.count), format!("refresh-{}", state.count));
    state.access.insert(access.clone());
    let mut body = json!({
        "access_token": access, "token_type": "bearer", "expires_in": state.life_s,
    });
    if gives_refresh {
        state.refresh.insert(refresh.clone());
        body["refresh_token"] = refresh.into();
    }
    Reply::json(200, &body)
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
