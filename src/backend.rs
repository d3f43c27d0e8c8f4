//! Where a command acts. No rules.

use std::sync::Arc;

use serde_json::Value;

use crate::api::accounts::{Account, AccountDetail, Explanation};
use crate::api::auth_configs::{AuthConfig, AuthConfigDetail, Impact};
use crate::api::check::Check;
use crate::api::connect_sessions::{Batched, ConnectSession, CreatedSession};
use crate::api::connectors::{Connector, ConnectorDetail};
use crate::api::events::{Event, NewEvents};
use crate::api::keys::{CreatedKey, Key};
use crate::api::oauth_apps::OAuthApp;
use crate::api::projects::Project;
use crate::api::proxy::{Pass, Passed};
use crate::api::request_logs::{LogRow, RequestLog};
use crate::api::requests::request_logs::Include;
use crate::api::webhooks::{
    CreatedWebhook, Delivery, DeliveryDetail, Redeliver, Redelivered, Webhook,
};
use crate::api::write::Written;
use crate::client::Client;
use crate::domain::api_key::NewKey;
use crate::domain::connect_session::NewSession;
use crate::domain::connector::Connector as Definition;
use crate::domain::connector::guide::Audience;
use crate::domain::ids::{AccountId, DeliveryId, SessionId, WebhookId};
use crate::domain::names::ConnectorKey;
use crate::domain::project::ProjectName;
use crate::domain::webhook::Rotation;
use crate::error::HubError;
use crate::hub::webhooks::deliveries;
use crate::hub::write::{Guard, IfThere};
use crate::hub::{
    Hub, accounts, auth_configs, connect_sessions, connectors, events, logs, oauth_apps, projects,
    webhooks,
};
use crate::local::{Flow, Local};

/// Where a command acts.
pub enum Backend {
    /// On a store, in this process.
    Local(Local),
    /// On a hub elsewhere.
    Remote(Box<Client>),
}

impl Backend {
    /// A backend on a store of one's own, as its administrator in a project.
    ///
    /// # Errors
    /// `project.not_found`, or as the store reports them.
    pub async fn local(hub: Hub, project: &ProjectName) -> Result<Self, HubError> {
        Ok(Self::Local(Local::administrator(Arc::new(hub), project).await?))
    }

    /// A backend on a hub elsewhere.
    #[must_use]
    pub fn remote(client: Client) -> Self {
        Self::Remote(Box::new(client))
    }

    /// Says whether a command that calls these operations can work here, before it begins.
    ///
    /// # Errors
    /// `remote.unsupported` with the place where it is done instead.
    pub fn offers(&self, operations: &[&str]) -> Result<(), HubError> {
        match self {
            Self::Local(_) => Ok(()),
            Self::Remote(client) => client.offers(operations),
        }
    }

    /// Facts for standard error that came up on the way: a store or a key that was made.
    pub fn take_notes(&self) -> Vec<String> {
        match self {
            Self::Local(local) => local.take_notes(),
            Self::Remote(client) => client.take_notes(),
        }
    }

    /// How many operations may go on at the same time: a store of one's own is asked for one after
    /// the other.
    pub fn at_once(&self) -> usize {
        match self {
            Self::Local(_) => 1,
            Self::Remote(client) => client.at_once(),
        }
    }

    /// The project that everything belongs to, for a sentence. Where nobody named one, a hub
    /// elsewhere knows it by the key.
    pub fn project(&self) -> &str {
        match self {
            Self::Local(local) => local.project(),
            Self::Remote(client) => client.project().unwrap_or("the key's project"),
        }
    }

    /// Its name. Where nobody named one, a hub elsewhere is asked; none where it does not tell.
    pub async fn project_name(&self) -> Option<ProjectName> {
        let name = match self {
            Self::Local(local) => local.project().to_owned(),
            Self::Remote(client) => match client.project() {
                Some(named) => named.to_owned(),
                None => client.capabilities().await.ok()?.project,
            },
        };
        name.parse().ok()
    }

    /// Where end users reach the hub.
    pub fn public_url(&self) -> &url::Url {
        match self {
            Self::Local(local) => local.public_url(),
            Self::Remote(client) => client.api_url(),
        }
    }
}

macro_rules! dispatch {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)*) => {
        impl Backend {
            $(
                $(#[$doc])*
                pub async fn $name(&self, $($arg: $kind),*) -> Result<$answer, HubError> {
                    match self {
                        Self::Local(local) => {
                            local.as_command(stringify!($name), local.$name($($arg),*)).await
                        }
                        // Its state is large, and most commands never need it.
                        Self::Remote(client) => Box::pin(client.$name($($arg),*)).await,
                    }
                }
            )*
        }
    };
}

dispatch! {
    /// `connectors.list`
    fn connectors(filter: &connectors::Filter) -> Vec<Connector>;
    /// `connectors.get`
    fn connector(key: &ConnectorKey) -> ConnectorDetail;
    /// `connectors.guide`
    fn guide(key: &ConnectorKey, audience: Audience) -> Value;
    /// `connectors.import`
    fn import_connectors(connectors: &[Definition], guard: Guard) -> Vec<Written<Connector>>;
    /// `connectors.forget`
    fn forget_connector(key: &ConnectorKey, guard: Guard) -> Written<Connector>;
    /// `auth_configs.list`
    fn auth_configs(filter: &auth_configs::Filter, each: impl FnMut(&AuthConfig) -> Flow) -> ();
    /// What a target names: its auth configs, or `None` for a connector that is not set up.
    fn target(text: &str) -> Option<Vec<AuthConfig>>;
    /// `auth_configs.get`
    fn auth_config(target: &str) -> AuthConfigDetail;
    /// `auth_configs.impact`
    fn impact(target: &str, action: auth_configs::Action) -> Impact;
    /// `auth_configs.create`
    fn add_auth_config(new: auth_configs::New, guard: Guard) -> Written<AuthConfigDetail>;
    /// `auth_configs.update`
    fn edit_auth_config(target: &str, edit: auth_configs::Edit, guard: Guard) -> Written<AuthConfigDetail>;
    /// `auth_configs.enable`
    fn enable(target: &str, guard: Guard) -> Vec<Written<AuthConfigDetail>>;
    /// `auth_configs.disable`
    fn disable(target: &str, guard: Guard) -> Vec<Written<AuthConfigDetail>>;
    /// `auth_configs.make_default`
    fn make_default(target: &str, guard: Guard) -> Written<AuthConfigDetail>;
    /// `auth_configs.delete`
    fn delete_auth_config(target: &str, guard: Guard) -> Written<AuthConfigDetail>;
    /// `connect_sessions.create`
    fn create_session(new: NewSession, guard: Guard) -> CreatedSession;
    /// `connect_sessions.create_batch`: each session, and whether it is new.
    fn create_sessions(items: Vec<connect_sessions::BatchItem>, guard: Guard) -> Vec<Batched>;
    /// `connect_sessions.get`
    fn session(id: SessionId) -> ConnectSession;
    /// `connect_sessions.list`
    fn sessions(filter: connect_sessions::Filter, each: impl FnMut(&ConnectSession) -> Flow) -> ();
    /// `connect_sessions.revoke`
    fn revoke_session(id: SessionId, guard: Guard) -> Written<ConnectSession>;
    /// `accounts.list`; a brief one has no connector's name and categories either.
    fn accounts(filter: &accounts::Filter, each: impl FnMut(&Account<'_>) -> Flow) -> ();
    /// `accounts.list` with everything of each
    fn account_details(filter: &accounts::Filter, each: impl FnMut(&AccountDetail) -> Flow) -> ();
    /// `accounts.get`
    fn account(id: &AccountId) -> AccountDetail;
    /// `accounts.explain`
    fn explain(id: &AccountId) -> Explanation;
    /// `accounts.check`
    fn check_account(id: &AccountId, ask: accounts::Ask) -> Vec<Check>;
    /// `accounts.create`: the account, and whether it is new.
    fn add_account(new: accounts::New, guard: Guard) -> (AccountDetail, bool);
    /// `accounts.update`
    fn update_account(id: &AccountId, changes: accounts::Changes, guard: Guard) -> Written<AccountDetail>;
    /// `accounts.suspend`
    fn suspend(id: &AccountId, guard: Guard) -> Written<AccountDetail>;
    /// `accounts.resume`
    fn resume(id: &AccountId, guard: Guard) -> Written<AccountDetail>;
    /// `accounts.delete`
    fn delete_account(id: &AccountId, keep_remote: bool, guard: Guard) -> Written<AccountDetail>;
    /// `accounts.test`
    fn test_account(id: &AccountId, guard: Guard) -> Written<AccountDetail>;
    /// `accounts.refresh`
    fn refresh_account(id: &AccountId, guard: Guard) -> Written<AccountDetail>;
    /// `accounts.proxy`
    fn pass(account: &AccountId, pass: Pass) -> Passed;
    /// `logs.list`, the newest first or last.
    fn logs(filter: &logs::Filter, descending: bool, each: impl FnMut(&LogRow) -> Flow) -> ();
    /// `platform.requests.get`
    fn log(request: &str, include: Include) -> RequestLog;
    /// `projects.list`
    fn projects() -> Vec<Project>;
    /// `projects.get`
    fn get_project(name: &ProjectName) -> Project;
    /// How many accounts a project has, for the question before it is deleted.
    fn project_accounts(name: &ProjectName) -> u64;
    /// `projects.create`: the project, and whether it is new.
    fn create_project(name: &ProjectName, if_there: IfThere, guard: Guard) -> (Project, bool);
    /// `projects.delete`
    fn delete_project(name: &ProjectName, guard: Guard) -> Written<Project>;
    /// `projects.update`
    fn update_project(name: &ProjectName, changes: projects::Changes, guard: Guard) -> Written<Project>;
    /// `oauth_apps.list`
    fn oauth_apps() -> Vec<OAuthApp>;
    /// `oauth_apps.set`
    fn set_oauth_app(new: oauth_apps::New, guard: Guard) -> Written<OAuthApp>;
    /// `oauth_apps.delete`
    fn delete_oauth_app(connector: &ConnectorKey, guard: Guard) -> Written<OAuthApp>;
    /// `keys.list`
    fn keys() -> Vec<Key>;
    /// `keys.get`
    fn key(target: &str) -> Key;
    /// `keys.create`
    fn create_key(new: NewKey, guard: Guard) -> CreatedKey;
    /// `keys.disable`
    fn disable_key(target: &str, guard: Guard) -> Written<Key>;
    /// `keys.enable`
    fn enable_key(target: &str, guard: Guard) -> Written<Key>;
    /// `keys.delete`
    fn delete_key(target: &str, guard: Guard) -> Written<Key>;
    /// `events.list`
    fn events(filter: &events::Filter, each: impl FnMut(&Event<'_>) -> Flow) -> ();
    /// `events.follow`: what comes behind a place, waiting for it at most so many seconds.
    fn follow(place: &events::Place, filter: &events::Filter, wait_s: u64) -> NewEvents;
    /// `webhooks.list`
    fn webhooks() -> Vec<Webhook>;
    /// `webhooks.get`
    fn webhook(id: &WebhookId) -> Webhook;
    /// `webhooks.create`: the webhook, and whether it is new.
    fn create_webhook(new: webhooks::New, guard: Guard) -> (CreatedWebhook, bool);
    /// `webhooks.update`
    fn update_webhook(id: &WebhookId, changes: webhooks::Changes, guard: Guard) -> Written<Webhook>;
    /// `webhooks.enable`
    fn enable_webhook(id: &WebhookId, guard: Guard) -> Written<Webhook>;
    /// `webhooks.disable`
    fn disable_webhook(id: &WebhookId, guard: Guard) -> Written<Webhook>;
    /// `webhooks.delete`
    fn delete_webhook(id: &WebhookId, guard: Guard) -> Written<Webhook>;
    /// `webhooks.rotate_secret`
    fn rotate_secret(id: &WebhookId, step: Rotation, guard: Guard) -> CreatedWebhook;
    /// `webhooks.test`
    fn test_webhook(id: &WebhookId, guard: Guard) -> DeliveryDetail;
    /// `deliveries.list`
    fn deliveries(filter: &deliveries::Filter, each: impl FnMut(&Delivery) -> Flow) -> ();
    /// `deliveries.get`
    fn delivery(id: DeliveryId) -> DeliveryDetail;
    /// `deliveries.redeliver`
    fn redeliver(id: DeliveryId, guard: Guard) -> Written<Delivery>;
    /// `deliveries.redeliver_failed`
    fn redeliver_failed(asked: &Redeliver, guard: Guard) -> Redelivered;
}
