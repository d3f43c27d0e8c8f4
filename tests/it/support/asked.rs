//! Requests as an administrator would make them, with everything optional left out.

use hubctl::domain::account::Owner;
use hubctl::domain::api_key::NewKey;
use hubctl::domain::auth_config::AuthConfig;
use hubctl::domain::caller::Caller;
use hubctl::domain::connect_session::{DEFAULT_LIFE_S, NewSession};
use hubctl::domain::ids::{AccountId, AuthConfigId};
use hubctl::domain::secret::Secret;
use hubctl::hub::accounts::{self, Tags};
use hubctl::hub::api_keys;
use hubctl::hub::auth_configs::{self, Given, IfExists};
use hubctl::hub::connect_sessions::{self, Created};
use hubctl::hub::write::Guard;

use super::hub::TestHub;

pub(crate) fn given(values: &[(&str, &str)]) -> Given {
    values.iter().map(|(key, value)| ((*key).to_owned(), Secret::new(*value))).collect()
}

pub(crate) fn config(connector: &str) -> auth_configs::New {
    auth_configs::New {
        connector: connector.parse().unwrap(),
        method: None,
        name: None,
        values: Given::new(),
        make_default: false,
        pin: None,
        if_exists: IfExists::Fail,
    }
}

pub(crate) fn named(connector: &str, name: &str) -> auth_configs::New {
    auth_configs::New { name: Some(name.to_owned()), ..config(connector) }
}

/// `HubSpot` with OAuth 2.0, whose client secret is `secret`.
pub(crate) fn oauth(name: &str, secret: &str) -> auth_configs::New {
    auth_configs::New {
        method: Some("oauth2".parse().unwrap()),
        values: given(&[("client_id", "client-1"), ("client_secret", secret)]),
        ..named("hubspot", name)
    }
}

pub(crate) fn owner(id: &str) -> Owner {
    Owner { id: id.to_owned(), name: format!("{id} Inc"), username: None }
}

pub(crate) fn session(owner_id: &str) -> NewSession {
    NewSession {
        owner: owner(owner_id),
        provider: None,
        auth_config: None,
        categories: Vec::new(),
        account: None,
        expires_in_s: DEFAULT_LIFE_S,
        label: None,
        metadata: serde_json::Map::new(),
        multiple: false,
        kind: None,
    }
}

pub(crate) fn session_with(owner_id: &str, provider: &str) -> NewSession {
    NewSession { provider: Some(provider.parse().unwrap()), ..session(owner_id) }
}

/// Credentials at hand: for `hubspot`, `bamboohr` and `freshdesk`, whose first method without set-up takes them.
pub(crate) fn account(provider: &str, owner_id: &str) -> accounts::New {
    let values = match provider {
        "hubspot" => given(&[("access_key", "planted-access-key")]),
        _ => given(&[("api_key", "planted-api-key"), ("subdomain", "acme")]),
    };
    accounts::New {
        provider: provider.parse().unwrap(),
        auth_config: None,
        owner: owner(owner_id),
        tags: Tags::default(),
        values,
        multiple: false,
        if_exists: IfExists::Update,
        verify: false,
    }
}

/// A key with these scopes, with spaces between them.
pub(crate) fn key(name: &str, scopes: &str) -> NewKey {
    let scopes = Some(scopes.parse().unwrap());
    NewKey { name: name.parse().unwrap(), scopes, expires_in_s: None }
}

impl TestHub {
    pub(crate) async fn key(&self, caller: &Caller, new: NewKey) -> api_keys::Created {
        api_keys::create(&self.hub, caller, new, Guard::default()).await.unwrap()
    }

    /// Whoever presents this key.
    pub(crate) async fn holder(&self, made: &api_keys::Created) -> Caller {
        let text = made.token.text().expose();
        api_keys::authenticate(&self.hub, text, None).await.unwrap()
    }

    pub(crate) async fn add(&self, caller: &Caller, new: auth_configs::New) -> AuthConfig {
        let outcome = auth_configs::add(&self.hub, caller, new, Guard::default()).await.unwrap();
        outcome.after.unwrap().config
    }

    pub(crate) async fn link(&self, caller: &Caller, new: accounts::New) -> AccountId {
        let added = accounts::add(&self.hub, caller, new, Guard::default()).await.unwrap();
        added.view.account.id
    }

    pub(crate) async fn open(&self, caller: &Caller, new: NewSession) -> Created {
        connect_sessions::create(&self.hub, caller, new, Guard::default()).await.unwrap()
    }

    /// The auth config as it is now.
    pub(crate) async fn config(&self, caller: &Caller, id: &AuthConfigId) -> AuthConfig {
        auth_configs::get(&self.hub, caller, id.as_str()).await.unwrap().view.config
    }

    /// The account as it is now.
    pub(crate) async fn account(
        &self,
        caller: &Caller,
        id: &AccountId,
    ) -> hubctl::domain::account::Account {
        accounts::get(&self.hub, caller, id).await.unwrap().account
    }

    /// Ids of the accounts that fit, in the order listed.
    pub(crate) async fn listed(&self, caller: &Caller, filter: &accounts::Filter) -> Vec<String> {
        let mut ids = Vec::new();
        let listing = accounts::list(&self.hub, caller, filter, |account, _| {
            ids.push(account.id.to_owned());
            Ok(std::ops::ControlFlow::Continue(()))
        });
        listing.await.unwrap();
        ids
    }

    pub(crate) async fn disable(&self, caller: &Caller, target: &str) -> u64 {
        let done = auth_configs::disable(&self.hub, caller, target, Guard::default()).await;
        done.unwrap().iter().map(|outcome| outcome.affected).sum()
    }

    pub(crate) async fn enable(&self, caller: &Caller, target: &str) -> u64 {
        let done = auth_configs::enable(&self.hub, caller, target, Guard::default()).await;
        done.unwrap().iter().map(|outcome| outcome.affected).sum()
    }
}
