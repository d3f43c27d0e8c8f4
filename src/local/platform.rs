//! What only the vendor's platform API offers, and what the hub says of itself.

use std::ops::ControlFlow;

use crate::api::accounts::Account;
use crate::api::auth_configs::AuthConfig;
use crate::api::connect_sessions::ConnectSession;
use crate::api::platform::{
    AccountMeta, Capabilities, ConnectorMeta, Page, Pin, Version, versions,
};
use crate::api::requests::Paging;
use crate::api::{OPERATIONS, Origin};
use crate::domain::caller::Permission;
use crate::domain::ids::AccountId;
use crate::domain::names::ConnectorKey;
use crate::domain::secret::Secret;
use crate::error::{HubError, codes};
use crate::hub::write::Guard;
use crate::hub::{accounts, auth_configs, connect_sessions, connectors};

use super::Local;
use super::accounts::Names;

impl Local {
    /// `capabilities.get`
    pub fn capabilities(&self) -> Capabilities {
        let (hub, caller) = self.parts();
        let own = OPERATIONS.iter().filter(|operation| operation.origin == Origin::Extension);
        let scopes = Permission::ALL.into_iter().filter(|scope| caller.may(*scope));
        Capabilities {
            server: "hubctl".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            project: caller.project_name().to_owned(),
            scopes: scopes.map(|scope| scope.as_str().to_owned()).collect(),
            operations: own.map(|operation| operation.id.to_owned()).collect(),
            public_url: hub.public_url().to_string(),
            time: hub.now(),
        }
    }

    /// `platform.connect_sessions.authenticate`
    pub async fn session_of_token(&self, token: &Secret) -> Result<ConnectSession, HubError> {
        let (hub, caller) = self.parts();
        let seen = connect_sessions::by_token(hub, caller, token.expose()).await?;
        Ok(ConnectSession::seen(&seen, caller.project_name()))
    }

    /// `platform.accounts.get`
    pub async fn plain_account(&self, id: &AccountId) -> Result<Account<'static>, HubError> {
        let (hub, caller) = self.parts();
        let (account, own) = accounts::get_plain(hub, caller, id).await?;
        let names = Names::with(own);
        let (name, categories) = names.get(account.provider.as_str());
        Ok(Account::of(&account, name, categories))
    }

    /// `platform.accounts.meta`
    pub async fn account_meta(&self, id: &AccountId) -> Result<AccountMeta, HubError> {
        let (hub, caller) = self.parts();
        let (account, own) = accounts::get_plain(hub, caller, id).await?;
        let names = Names::with(own);
        let (_, categories) = names.get(account.provider.as_str());
        Ok(AccountMeta {
            provider: account.provider.to_string(),
            category: categories.first().copied(),
            models: serde_json::Map::new(),
        })
    }

    /// `platform.connector_profiles.list`
    pub async fn auth_config_page(
        &self,
        filter: &auth_configs::Filter,
        paging: Paging,
    ) -> Result<Page<AuthConfig>, HubError> {
        let mut all = Vec::new();
        self.auth_configs(filter, |config| {
            all.push(config.clone());
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        Ok(Page::of(all, paging))
    }

    /// `platform.connector_profiles.versions`
    pub async fn connector_versions(&self, id: &str) -> Result<Vec<Version>, HubError> {
        let (hub, caller) = self.parts();
        let (config, known) = auth_configs::versions(hub, caller, id).await?;
        Ok(versions(&config, known))
    }

    /// `platform.connector_profiles.get_pin`
    ///
    /// # Errors
    /// `auth_config.not_pinned`, or as the hub reports them.
    pub async fn pin(&self, id: &str) -> Result<Pin, HubError> {
        let (hub, caller) = self.parts();
        let found = auth_configs::get(hub, caller, id).await?;
        Pin::of(&found.view).ok_or_else(|| {
            HubError::new(&codes::AUTH_CONFIG_UNPINNED, format!("auth config `{id}` has no pin"))
        })
    }

    /// `platform.connector_profiles.set_pin` and `delete_pin`; the pin afterwards.
    pub async fn set_pin(
        &self,
        id: &str,
        edit: auth_configs::Edit,
    ) -> Result<Option<Pin>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = auth_configs::edit(hub, caller, id, edit, Guard::default()).await?;
        Ok(outcome.after.and_then(|view| Pin::of(&view)))
    }

    /// `platform.connectors.list_meta`; those that are not enabled only where they are asked for.
    pub async fn connector_metas(
        &self,
        inactive: bool,
        resources: bool,
    ) -> Result<Vec<ConnectorMeta>, HubError> {
        let (hub, caller) = self.parts();
        let enabled = connectors::enabled(hub, caller).await?;
        let all = connectors::available(hub, caller, &connectors::Filter::default()).await?;
        let metas = all.into_iter().filter_map(|summary| {
            let active = enabled.contains(&summary.key);
            let logo = resources.then(|| auth_configs::logo_url(hub, summary.key.as_str()));
            (active || inactive).then(|| ConnectorMeta::new(summary, active, logo)).flatten()
        });
        Ok(metas.collect())
    }

    /// `platform.connectors.get_meta`
    ///
    /// # Errors
    /// `connector.not_found`, or as the hub reports them.
    pub async fn connector_meta(
        &self,
        key: &ConnectorKey,
        resources: bool,
    ) -> Result<ConnectorMeta, HubError> {
        let (hub, caller) = self.parts();
        let found = connectors::get(hub, caller, key).await?;
        let active = connectors::enabled(hub, caller).await?.contains(key);
        let logo = resources.then(|| auth_configs::logo_url(hub, key.as_str()));
        ConnectorMeta::new(found.summary(), active, logo).ok_or_else(|| {
            let text = format!("connector `{key}` has no category");
            HubError::new(&codes::CONNECTOR_UNKNOWN, text)
                .hint("hubctl connectors import FILE # with a category in its `categories`")
        })
    }
}
