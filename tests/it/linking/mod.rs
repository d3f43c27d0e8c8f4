//! Linking against a real provider: the end user's door, logins, and tokens kept fresh.

mod administrator;
mod bounds;
mod checking;
mod door;
mod doubted;
mod edited;
mod failing;
mod given_away;
mod gone;
mod killed;
mod login;
mod lost;
mod mended;
mod moved;
mod oauth1;
mod overtaken;
mod put_off;
mod refresh;
mod replicas;
mod revoked;
mod set_back;
mod shared_app;
mod stale;
mod untold;

use hubctl::domain::account::Account;
use hubctl::domain::auth_config::AuthConfig;
use hubctl::domain::caller::Caller;
use hubctl::domain::connect_session::NewSession;
use hubctl::domain::ids::AccountId;
use hubctl::domain::secret::Secret;
use hubctl::hub::auth_configs::Given;
use hubctl::hub::end_user::EndUser;
use hubctl::hub::oauth::{Begun, Ended, Returned};
use hubctl::hub::write::Guard;
use hubctl::hub::{Hub, accounts, connect_sessions, end_user, oauth};

use crate::support::asked::{config, given, session_with};
use crate::support::authority::Authority;
use crate::support::hub::TestHub;

/// A hub where the connector of a provider is set up by one method.
pub(crate) async fn set_up(world: &mut TestHub, method: &str) -> (Caller, Authority, AuthConfig) {
    let (caller, authority) = (world.caller(), Authority::start());
    authority.welcome(world, &caller).await;
    let config = add(world, &caller, method).await;
    (caller, authority, config)
}

pub(crate) async fn add(world: &TestHub, caller: &Caller, method: &str) -> AuthConfig {
    add_to("acme", world, caller, method, method).await
}

pub(crate) async fn add_to(
    connector: &str,
    world: &TestHub,
    caller: &Caller,
    method: &str,
    name: &str,
) -> AuthConfig {
    let mut new = config(connector);
    new.method = Some(method.parse().unwrap());
    new.name = Some(name.to_owned());
    if method != "api_key" {
        new.values = given(&[("client_id", "the-hub"), ("client_secret", "planted-client-secret")]);
    }
    world.add(caller, new).await
}

pub(crate) async fn user(world: &TestHub, caller: &Caller, new: NewSession) -> EndUser {
    let created =
        connect_sessions::create(&world.hub, caller, new, Guard::default()).await.unwrap();
    end_user::enter(&world.hub, created.token.text().expose()).await.unwrap()
}

pub(crate) async fn user_of(world: &TestHub, caller: &Caller, owner: &str) -> EndUser {
    user_of_provider(world, caller, owner, "acme").await
}

pub(crate) async fn user_of_provider(
    world: &TestHub,
    caller: &Caller,
    owner: &str,
    provider: &str,
) -> EndUser {
    user(world, caller, session_with(owner, provider)).await
}

/// A login that comes back with this code.
pub(crate) async fn come_back(hub: &Hub, begun: &Begun, code: &str) -> Ended {
    let query = query(begun, &[("code", code)]);
    let returned = Returned { provider: "acme", query: &query, binding: Some(&begun.binding) };
    oauth::finish(hub, returned).await.unwrap()
}

pub(crate) fn member(begun: &Begun, name: &str) -> Option<String> {
    let mut pairs = begun.location.query_pairs();
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// What comes back to the callback, with the login's state.
pub(crate) fn query(begun: &Begun, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let state = member(begun, "state").unwrap();
    more.iter().copied().map(pair).chain([pair(("state", state.as_str()))]).collect()
}

/// Begins a login, and tells the provider of it.
pub(crate) async fn begin(
    hub: &Hub,
    authority: &Authority,
    user: &EndUser,
    config: &AuthConfig,
) -> Begun {
    let begun = oauth::begin(hub, user, &config.id, None, Given::new(), None).await.unwrap();
    authority.challenged(member(&begun, "code_challenge"));
    begun
}

/// An account linked by a login.
pub(crate) async fn log_in(
    world: &TestHub,
    authority: &Authority,
    caller: &Caller,
    config: &AuthConfig,
) -> AccountId {
    let user = user_of(world, caller, "acme-7").await;
    let begun = begin(&world.hub, authority, &user, config).await;
    let ended = come_back(&world.hub, &begun, "good").await;
    match ended.attempt.state {
        oauth::AttemptState::Authenticated { account } => account,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn account(world: &TestHub, caller: &Caller, id: &AccountId) -> Account {
    accounts::get(&world.hub, caller, id).await.unwrap().account
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text)
}

pub(crate) fn events(world: &TestHub, kind: &str) -> i64 {
    world.number(&format!("select count(*) from events where kind = '{kind}'"))
}
