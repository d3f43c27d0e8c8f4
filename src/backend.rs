//! Where a command acts: one method per operation, and no rules.

use std::ops::ControlFlow;

use serde_json::Value;

use crate::api::accounts::{Account, AccountDetail, Explanation};
use crate::api::auth_configs::{AuthConfig, AuthConfigDetail, Impact};
use crate::api::connect_sessions::{ConnectSession, CreatedSession};
use crate::api::connectors::{Connector, ConnectorDetail};
use crate::api::keys::{CreatedKey, Key};
use crate::api::projects::Project;
use crate::api::write::Written;
use crate::catalog;
use crate::domain::api_key::NewKey;
use crate::domain::caller::Caller;
use crate::domain::connect_session::NewSession;
use crate::domain::connector::guide::{Audience, guide};
use crate::domain::connector::{Category, Connector as Definition};
use crate::domain::ids::{AccountId, SessionId};
use crate::domain::names::ConnectorKey;
use crate::domain::project::ProjectName;
use crate::error::{HubError, codes};
use crate::hub::connectors::Summary;
use crate::hub::write::{Guard, Outcome};
use crate::hub::{Hub, accounts, api_keys, auth_configs, connect_sessions, connectors, projects};

type Flow = Result<ControlFlow<()>, HubError>;

/// A hub in this process, acting for one caller.
pub struct Local {
    hub: Hub,
    caller: Caller,
}

/// Where a command acts.
pub enum Backend {
    /// On a store, in this process.
    Local(Box<Local>),
}

impl Backend {
    /// A backend on a store of one's own, as its administrator in a project.
    ///
    /// # Errors
    /// `project.not_found`, or as the store reports them.
    pub async fn local(hub: Hub, project: &ProjectName) -> Result<Self, HubError> {
        let caller = hub.local_caller(project).await?;
        Ok(Self::Local(Box::new(Local { hub, caller })))
    }

    fn parts(&self) -> (&Hub, &Caller) {
        match self {
            Self::Local(local) => (&local.hub, &local.caller),
        }
    }

    /// Facts for standard error that came up on the way: a store or a key that was made.
    pub fn take_notes(&self) -> Vec<String> {
        let (hub, _) = self.parts();
        let store = hub.store();
        let made = store.is_new().then(|| format!("made a new store: {}", store.name()));
        made.into_iter().chain(hub.take_note()).collect()
    }

    /// The project that everything belongs to.
    pub fn project(&self) -> &str {
        self.parts().1.project_name()
    }

    /// Where end users reach the hub.
    pub fn public_url(&self) -> &url::Url {
        self.parts().0.public_url()
    }

    /// `connectors.list`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn connectors(
        &self,
        filter: &connectors::Filter,
    ) -> Result<Vec<Connector>, HubError> {
        let (hub, caller) = self.parts();
        let found = connectors::available(hub, caller, filter).await?;
        Ok(found.into_iter().map(Connector::from).collect())
    }

    /// `connectors.get`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn connector(&self, key: &ConnectorKey) -> Result<ConnectorDetail, HubError> {
        let (hub, caller) = self.parts();
        let found = connectors::get(hub, caller, key).await?;
        let filter = auth_configs::Filter { connector: Some(key.clone()), ..Default::default() };
        let mut configs = Vec::new();
        auth_configs::list(hub, caller, &filter, |view| {
            configs.push(AuthConfig::from(view));
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        Ok(ConnectorDetail::new(found, configs))
    }

    /// `connectors.guide`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn guide(&self, key: &ConnectorKey, audience: Audience) -> Result<Value, HubError> {
        let (hub, caller) = self.parts();
        let found = connectors::get(hub, caller, key).await?;
        let guide = guide(&found.connector, audience, hub.public_url().as_str());
        value(&guide)
    }

    /// `connectors.import`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn import_connectors(
        &self,
        connectors: &[Definition],
        guard: Guard,
    ) -> Result<Vec<Written<Connector>>, HubError> {
        let (hub, caller) = self.parts();
        let outcomes = connectors::import(hub, caller, connectors, guard).await?;
        Ok(outcomes.into_iter().map(|outcome| connector_written(outcome, guard)).collect())
    }

    /// `connectors.forget`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn forget_connector(
        &self,
        key: &ConnectorKey,
        guard: Guard,
    ) -> Result<Written<Connector>, HubError> {
        let (hub, caller) = self.parts();
        Ok(connector_written(connectors::forget(hub, caller, key, guard).await?, guard))
    }

    /// `auth_configs.list`
    ///
    /// # Errors
    /// As the hub or `each` reports them.
    pub async fn auth_configs(
        &self,
        filter: &auth_configs::Filter,
        mut each: impl FnMut(&AuthConfig) -> Flow,
    ) -> Result<(), HubError> {
        let (hub, caller) = self.parts();
        auth_configs::list(hub, caller, filter, |view| each(&view.into())).await
    }

    /// What a target names: its auth configs, or `None` for a connector that is not set up.
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn target(&self, text: &str) -> Result<Option<Vec<AuthConfig>>, HubError> {
        let (hub, caller) = self.parts();
        let found = auth_configs::target(hub, caller, text).await?;
        Ok(found.map(|views| views.iter().map(AuthConfig::from).collect()))
    }

    /// `auth_configs.get`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn auth_config(&self, target: &str) -> Result<AuthConfigDetail, HubError> {
        let (hub, caller) = self.parts();
        Ok((&auth_configs::get(hub, caller, target).await?).into())
    }

    /// `auth_configs.impact`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn impact(
        &self,
        target: &str,
        action: auth_configs::Action,
    ) -> Result<Impact, HubError> {
        let (hub, caller) = self.parts();
        Ok(auth_configs::impact(hub, caller, target, action).await?.into())
    }

    /// `auth_configs.create`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn add_auth_config(
        &self,
        new: auth_configs::New,
        guard: Guard,
    ) -> Result<Written<AuthConfigDetail>, HubError> {
        let (hub, caller) = self.parts();
        Ok(config_written(auth_configs::add(hub, caller, new, guard).await?, guard))
    }

    /// `auth_configs.update`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn edit_auth_config(
        &self,
        target: &str,
        edit: auth_configs::Edit,
        guard: Guard,
    ) -> Result<Written<AuthConfigDetail>, HubError> {
        let (hub, caller) = self.parts();
        Ok(config_written(auth_configs::edit(hub, caller, target, edit, guard).await?, guard))
    }

    /// `auth_configs.enable`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn enable(
        &self,
        target: &str,
        guard: Guard,
    ) -> Result<Vec<Written<AuthConfigDetail>>, HubError> {
        let (hub, caller) = self.parts();
        let outcomes = auth_configs::enable(hub, caller, target, guard).await?;
        Ok(outcomes.into_iter().map(|outcome| config_written(outcome, guard)).collect())
    }

    /// `auth_configs.disable`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn disable(
        &self,
        target: &str,
        guard: Guard,
    ) -> Result<Vec<Written<AuthConfigDetail>>, HubError> {
        let (hub, caller) = self.parts();
        let outcomes = auth_configs::disable(hub, caller, target, guard).await?;
        Ok(outcomes.into_iter().map(|outcome| config_written(outcome, guard)).collect())
    }

    /// `auth_configs.make_default`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn make_default(
        &self,
        target: &str,
        guard: Guard,
    ) -> Result<Written<AuthConfigDetail>, HubError> {
        let (hub, caller) = self.parts();
        Ok(config_written(auth_configs::make_default(hub, caller, target, guard).await?, guard))
    }

    /// `auth_configs.delete`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn delete_auth_config(
        &self,
        target: &str,
        guard: Guard,
    ) -> Result<Written<AuthConfigDetail>, HubError> {
        let (hub, caller) = self.parts();
        Ok(config_written(auth_configs::delete(hub, caller, target, guard).await?, guard))
    }

    /// `connect_sessions.create`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn create_session(
        &self,
        new: NewSession,
        guard: Guard,
    ) -> Result<CreatedSession, HubError> {
        let (hub, caller) = self.parts();
        let created = connect_sessions::create(hub, caller, new, guard).await?;
        Ok(CreatedSession::new(&created, caller.project_name()))
    }

    /// `connect_sessions.create_batch`: each session, and whether it is new.
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn create_sessions(
        &self,
        items: Vec<connect_sessions::BatchItem>,
        guard: Guard,
    ) -> Result<Vec<(CreatedSession, bool)>, HubError> {
        let (hub, caller) = self.parts();
        let all = connect_sessions::create_batch(hub, caller, items, guard).await?;
        let project = caller.project_name();
        Ok(all.iter().map(|(made, new)| (CreatedSession::new(made, project), *new)).collect())
    }

    /// `connect_sessions.get`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn session(&self, id: SessionId) -> Result<ConnectSession, HubError> {
        let (hub, caller) = self.parts();
        let seen = connect_sessions::get(hub, caller, id).await?;
        Ok(ConnectSession::seen(&seen, caller.project_name()))
    }

    /// `connect_sessions.list`
    ///
    /// # Errors
    /// As the hub or `each` reports them.
    pub async fn sessions(
        &self,
        filter: connect_sessions::Filter,
        mut each: impl FnMut(&ConnectSession) -> Flow,
    ) -> Result<(), HubError> {
        let (hub, caller) = self.parts();
        let project = caller.project_name();
        connect_sessions::list(hub, caller, filter, |seen| {
            each(&ConnectSession::seen(seen, project))
        })
        .await
    }

    /// `connect_sessions.revoke`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn revoke_session(
        &self,
        id: SessionId,
        guard: Guard,
    ) -> Result<Written<ConnectSession>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = connect_sessions::revoke(hub, caller, id, guard).await?;
        let project = caller.project_name();
        Ok(written(format!("session/{id}"), outcome, guard, |seen| {
            ConnectSession::seen(seen, project)
        }))
    }

    /// `accounts.list`; a brief one has no connector's name and categories either.
    ///
    /// # Errors
    /// As the hub or `each` reports them.
    pub async fn accounts(
        &self,
        filter: &accounts::Filter,
        mut each: impl FnMut(&Account<'_>) -> Flow,
    ) -> Result<(), HubError> {
        let (hub, caller) = self.parts();
        let names = Names::of(hub, caller).await?;
        accounts::list(hub, caller, filter, |row| {
            let (name, categories) =
                if filter.brief { (None, &[][..]) } else { names.get(row.provider) };
            each(&Account::new(row, name, categories))
        })
        .await
    }

    /// `accounts.get`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn account(&self, id: &AccountId) -> Result<AccountDetail, HubError> {
        let (hub, caller) = self.parts();
        let view = accounts::get(hub, caller, id).await?;
        Ok(Names::of(hub, caller).await?.detail(&view))
    }

    /// `accounts.explain`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn explain(&self, id: &AccountId) -> Result<Explanation, HubError> {
        let (hub, caller) = self.parts();
        let explained = accounts::explain(hub, caller, id).await?;
        let names = Names::of(hub, caller).await?;
        let provider = explained.view.account.provider.to_string();
        let (name, categories) = names.get(&provider);
        Ok(Explanation::new(explained, name, categories))
    }

    /// `accounts.create`: the account, and whether it is new.
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn add_account(
        &self,
        new: accounts::New,
        guard: Guard,
    ) -> Result<(AccountDetail, bool), HubError> {
        let (hub, caller) = self.parts();
        let added = accounts::add(hub, caller, new, guard).await?;
        Ok((Names::of(hub, caller).await?.detail(&added.view), added.created))
    }

    /// `accounts.update`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn update_account(
        &self,
        id: &AccountId,
        changes: accounts::Changes,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = accounts::update(hub, caller, id, changes, guard).await?;
        self.account_written(id, outcome, guard).await
    }

    /// `accounts.suspend`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn suspend(
        &self,
        id: &AccountId,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = accounts::suspend(hub, caller, id, guard).await?;
        self.account_written(id, outcome, guard).await
    }

    /// `accounts.resume`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn resume(
        &self,
        id: &AccountId,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = accounts::resume(hub, caller, id, guard).await?;
        self.account_written(id, outcome, guard).await
    }

    /// `accounts.delete`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn delete_account(
        &self,
        id: &AccountId,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = accounts::delete(hub, caller, id, guard).await?;
        self.account_written(id, outcome, guard).await
    }

    async fn account_written(
        &self,
        id: &AccountId,
        outcome: Outcome<accounts::View>,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        let (hub, caller) = self.parts();
        let names = Names::of(hub, caller).await?;
        Ok(written(format!("account/{id}"), outcome, guard, |view| names.detail(view)))
    }

    /// `projects.list`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn projects(&self) -> Result<Vec<Project>, HubError> {
        let (hub, caller) = self.parts();
        Ok(projects::list(hub, caller).await?.into_iter().map(Project::from).collect())
    }

    /// `projects.get`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn get_project(&self, name: &ProjectName) -> Result<Project, HubError> {
        let (hub, caller) = self.parts();
        Ok(projects::get(hub, caller, name).await?.into())
    }

    /// How many accounts a project has, for the question before it is deleted.
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn project_accounts(&self, name: &ProjectName) -> Result<u64, HubError> {
        let (hub, caller) = self.parts();
        projects::count_accounts(hub, caller, name).await
    }

    /// `projects.create`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn create_project(
        &self,
        name: &ProjectName,
        guard: Guard,
    ) -> Result<Project, HubError> {
        let (hub, caller) = self.parts();
        Ok(projects::create(hub, caller, name, guard).await?.into())
    }

    /// `projects.delete`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn delete_project(
        &self,
        name: &ProjectName,
        guard: Guard,
    ) -> Result<Written<Project>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = projects::delete(hub, caller, name, guard).await?;
        Ok(written(format!("project/{name}"), outcome, guard, |project| project.clone().into()))
    }

    /// `projects.update`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn update_project(
        &self,
        name: &ProjectName,
        changes: projects::Changes,
        guard: Guard,
    ) -> Result<Written<Project>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = projects::update(hub, caller, name, changes, guard).await?;
        Ok(written(format!("project/{name}"), outcome, guard, |project| project.clone().into()))
    }

    /// `keys.list`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn keys(&self) -> Result<Vec<Key>, HubError> {
        let (hub, caller) = self.parts();
        let all = api_keys::list(hub, caller).await?;
        Ok(all.iter().map(|seen| Key::seen(seen, caller.project_name())).collect())
    }

    /// `keys.get`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn key(&self, target: &str) -> Result<Key, HubError> {
        let (hub, caller) = self.parts();
        let seen = api_keys::get(hub, caller, target).await?;
        Ok(Key::seen(&seen, caller.project_name()))
    }

    /// `keys.create`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn create_key(&self, new: NewKey, guard: Guard) -> Result<CreatedKey, HubError> {
        let (hub, caller) = self.parts();
        let created = api_keys::create(hub, caller, new, guard).await?;
        Ok(CreatedKey::new(&created, caller.project_name()))
    }

    /// `keys.disable`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn disable_key(&self, target: &str, guard: Guard) -> Result<Written<Key>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = api_keys::disable(hub, caller, target, guard).await?;
        Ok(key_written(outcome, guard, caller.project_name()))
    }

    /// `keys.enable`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn enable_key(&self, target: &str, guard: Guard) -> Result<Written<Key>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = api_keys::enable(hub, caller, target, guard).await?;
        Ok(key_written(outcome, guard, caller.project_name()))
    }

    /// `keys.delete`
    ///
    /// # Errors
    /// As the hub reports them.
    pub async fn delete_key(&self, target: &str, guard: Guard) -> Result<Written<Key>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = api_keys::delete(hub, caller, target, guard).await?;
        Ok(key_written(outcome, guard, caller.project_name()))
    }
}

fn key_written(outcome: Outcome<api_keys::Seen>, guard: Guard, project: &str) -> Written<Key> {
    let seen = outcome.after.as_ref().or(outcome.before.as_ref());
    let id = seen.map(|seen| seen.key.id.to_string()).unwrap_or_default();
    written(format!("key/{id}"), outcome, guard, |seen| Key::seen(seen, project))
}

fn written<T, A>(
    resource: String,
    outcome: Outcome<T>,
    guard: Guard,
    show: impl Fn(&T) -> A,
) -> Written<A> {
    Written {
        resource,
        changed: outcome.changed,
        dry_run: guard.dry_run,
        affected_accounts: outcome.affected,
        operation_id: outcome.operation.filter(|_| !guard.dry_run).map(|id| id.to_string()),
        before: outcome.before.as_ref().map(&show),
        after: outcome.after.as_ref().map(&show),
    }
}

fn config_written(outcome: Outcome<auth_configs::View>, guard: Guard) -> Written<AuthConfigDetail> {
    let view = outcome.after.as_ref().or(outcome.before.as_ref());
    let id = view.map(|view| view.config.id.to_string()).unwrap_or_default();
    written(format!("auth_config/{id}"), outcome, guard, |view| view.into())
}

fn connector_written(outcome: Outcome<Summary>, guard: Guard) -> Written<Connector> {
    let summary = outcome.after.as_ref().or(outcome.before.as_ref());
    let key = summary.map(|summary| summary.key.to_string()).unwrap_or_default();
    written(format!("connector/{key}"), outcome, guard, |summary| summary.clone().into())
}

fn value(answer: &impl serde::Serialize) -> Result<Value, HubError> {
    serde_json::to_value(answer).map_err(|error| {
        HubError::new(&codes::INTERNAL, "an answer can't be written").source(error)
    })
}

/// Names and categories of connectors, for accounts.
struct Names {
    own: Vec<Summary>,
}

impl Names {
    async fn of(hub: &Hub, caller: &Caller) -> Result<Self, HubError> {
        Ok(Self { own: connectors::own(hub, caller).await? })
    }

    fn get(&self, provider: &str) -> (Option<&str>, &[Category]) {
        if let Some(own) = self.own.iter().find(|own| own.key.as_str() == provider) {
            return (Some(&own.name), &own.categories);
        }
        match catalog::find_entry(provider) {
            Some(entry) => (Some(entry.name), entry.categories),
            None => (None, &[]),
        }
    }

    fn detail(&self, view: &accounts::View) -> AccountDetail {
        let (name, categories) = self.get(view.account.provider.as_str());
        AccountDetail::new(view, name, categories)
    }
}
