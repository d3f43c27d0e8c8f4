//! Calls that are passed on to providers, against real servers on this machine.

mod bodies;
mod command;
mod logged;
mod outcomes;
mod refusals;
mod repeats;
mod streams;
mod waits;

use std::net::SocketAddr;
use std::sync::Arc;

use hubctl::api::proxy::PROVIDER_STATUS;
use hubctl::domain::project::ProjectName;
use hubctl::domain::time::{FixedClock, Timestamp};
use hubctl::hub::keyring::KeyringAccess;
use hubctl::hub::keysource::KeySources;
use hubctl::hub::random::SystemRandom;
use hubctl::hub::write::Guard;
use hubctl::hub::{Hub, connectors};
use serde_json::{Value, json};

use crate::support::cli::TestHome;
use crate::support::http::{Asked, FakeHub, Reply};
use crate::support::hub::block_on;
use crate::support::serving::{Answer, Client, Serving};

/// The credential of the account; it goes to the provider and nowhere else.
pub(crate) const CREDENTIAL: &str = "planted-credential/+x";
/// Where the connector is in the world, until it is moved to this machine.
pub(crate) const ROOT: &str = "https://acme.example";
/// Scopes that a key needs to call providers.
const SCOPES: [&str; 2] = ["unified:read", "unified:write"];

/// The connector: an API key, and tokens without a browser, which can be renewed.
pub(crate) fn definition() -> Value {
    json!({
        "key": "acme", "name": "Acme", "categories": ["crm"], "base_url": format!("{ROOT}/api"),
        "auth": [
            {
                "key": "api_key", "type": "api_key", "label": "API key",
                "config_fields": [{"key": "api_key", "label": "Key", "type": "password",
                                   "required": true, "secret": true, "placeholder": "xyz"}],
                "authorization": {"type": "bearer", "token": "${api_key}"},
            },
            {
                "key": "tokens", "type": "oauth2_client_credentials", "label": "Tokens",
                "config_fields": [
                    {"key": "client_id", "label": "Id", "type": "text", "required": true,
                     "secret": false, "placeholder": "id"},
                    {"key": "client_secret", "label": "Secret", "type": "password",
                     "required": true, "secret": true, "placeholder": "xyz"},
                ],
                "authorization": {"type": "bearer", "token": "${access_token}"},
                "token_url": format!("{ROOT}/token"), "token_auth_method": "post",
                "pkce": false, "scope_separator": " ", "default_scopes": [], "refresh": false,
                "token_extra": {},
            },
        ],
        "verify_reason": "no light call",
    })
}

/// A home whose store has the connector, for a provider at this address, and an account of it.
pub(crate) struct World {
    pub(crate) home: TestHome,
    pub(crate) account: String,
}

impl World {
    pub(crate) fn at(provider: SocketAddr) -> Self {
        let world = Self { home: TestHome::new(), account: String::new() };
        world.import(definition(), provider);
        world.home.run("connectors enable acme").code(0);
        let account = world.link("acme-1", &[]);
        Self { account, ..world }
    }

    /// The same with an account whose tokens can be renewed.
    pub(crate) fn with_tokens(provider: SocketAddr) -> Self {
        Self::with_tokens_of(definition(), provider)
    }

    /// The same with a token that was got a while ago.
    fn with_old_tokens(provider: SocketAddr) -> Self {
        let world = Self::with_tokens(provider);
        world.home.run(&format!("accounts refresh {}", world.account)).code(0);
        world.let_tokens_age();
        world
    }

    /// Makes its tokens two minutes older.
    fn let_tokens_age(&self) {
        let place = self.home.place();
        place.raw("update account_credentials set updated_at = updated_at - 120000");
    }

    /// The same by this definition.
    fn with_tokens_of(definition: Value, provider: SocketAddr) -> Self {
        Self::in_home(TestHome::new(), definition, provider)
    }

    /// The same in this home, where nothing is yet.
    pub(crate) fn in_home(home: TestHome, definition: Value, provider: SocketAddr) -> Self {
        let world = Self { home, account: String::new() };
        world.import(definition, provider);
        world.home.run("connectors add acme --auth tokens --default").code(0);
        let secret = format!("client_secret={CREDENTIAL}");
        let account = world.add("acme-1", &["--set", "client_id=me", "--set", &secret]);
        Self { account, ..world }
    }

    /// Puts the definition into the store: a file of it may not name this machine.
    fn import(&self, definition: Value, provider: SocketAddr) {
        let beside = self.home.store().with_extension("key");
        let keys = KeySources { file: None, keyring: KeyringAccess::none(), beside };
        let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_780_315_200_000)));
        let random = Arc::new(SystemRandom::new());
        let store = self.home.place().store();
        let hub = Hub::new(store, clock, random, keys, "http://127.0.0.1:4780".parse().unwrap());
        let connector = serde_json::from_value(definition).unwrap();
        let default: ProjectName = "default".parse().unwrap();
        block_on(async {
            let caller = hub.local_caller(&default).await.unwrap();
            let place = (ROOT, provider);
            let done =
                connectors::import_on_loopback(&hub, &caller, &connector, place, Guard::default());
            done.await.unwrap();
        });
        self.home.run("config set allow_targets 127.0.0.0/8").code(0);
    }

    /// Links an account of this owner by the API key.
    fn link(&self, owner: &str, more: &[&str]) -> String {
        let key = format!("api_key={CREDENTIAL}");
        self.add(owner, &[&["--set", &key], more].concat())
    }

    fn add(&self, owner: &str, more: &[&str]) -> String {
        let line = format!(
            "accounts add --provider acme --origin-owner-id {owner} --origin-owner-name Acme \
             --no-verify --json"
        );
        let words = line.split_whitespace().chain(more.iter().copied());
        let made = self.home.args(words).code(0).json();
        made["id"].as_str().unwrap().to_owned()
    }

    fn serve(&self, flags: &str) -> Served<'_> {
        let key = self.home.key("proxy", &SCOPES);
        let serving = self.home.serve(&format!("--rate-limit 0 {flags}"));
        Served { world: self, serving, key }
    }
}

/// The hub of a world over HTTP, as the holder of one key sees it.
struct Served<'w> {
    world: &'w World,
    serving: Serving,
    key: String,
}

impl Served<'_> {
    fn headers(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.key)
    }

    /// `POST /unified/proxy` for the account.
    #[track_caller]
    fn ask(&self, call: &Value) -> Answer {
        self.ask_of(&self.world.account, call)
    }

    #[track_caller]
    fn ask_of(&self, account: &str, call: &Value) -> Answer {
        let headers = format!("{}x-account-id: {account}\r\n", self.headers());
        Client::to(self.serving.address).post("/unified/proxy", &headers, &call.to_string())
    }

    /// A call whose bodies are passed as they are.
    #[track_caller]
    fn pass(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let mut client = Client::to(self.serving.address);
        let mut request = self.head(method, path, headers, body.len()).into_bytes();
        request.extend_from_slice(body);
        client.send(request).unwrap();
        client.answer().unwrap()
    }

    fn head(&self, method: &str, path: &str, headers: &str, length: usize) -> String {
        let (account, own) = (&self.world.account, self.headers());
        format!(
            "POST /admin/accounts/{account}/proxy HTTP/1.1\r\nHost: hub\r\n{own}\
             x-proxy-method: {method}\r\nx-proxy-path: {path}\r\n\
             Content-Length: {length}\r\n{headers}\r\n"
        )
    }
}

/// What an answer in words of JSON says of the provider's.
#[track_caller]
fn told(answer: Answer) -> Value {
    let answer = answer.status(200);
    assert_eq!(answer.headers["content-type"], "application/json");
    answer.json()
}

/// The provider's status, where the answer is the provider's.
fn of_provider(answer: &Answer) -> Option<u16> {
    answer.headers.get(PROVIDER_STATUS)?.parse().ok()
}

pub(crate) fn address(provider: &FakeHub) -> SocketAddr {
    provider.url().strip_prefix("http://").unwrap().parse().unwrap()
}

/// A provider that answers every call with this.
fn always(reply: Reply) -> FakeHub {
    FakeHub::script(vec![reply])
}

/// A provider with a token end point: each token is new, and `answer` is told its number, which is
/// 0 for a call without one.
fn with_tokens(answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> FakeHub {
    let tokens = std::sync::atomic::AtomicUsize::new(0);
    FakeHub::start(move |asked, _| {
        if asked.path.starts_with("/token") {
            let number = tokens.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
            let body = json!({
                "access_token": format!("token-{number}"), "token_type": "bearer",
                "expires_in": 3600,
            });
            return Reply::json(200, &body);
        }
        let number = asked.header("authorization").strip_prefix("Bearer token-");
        answer(asked, number.and_then(|number| number.parse().ok()).unwrap_or_default())
    })
}
