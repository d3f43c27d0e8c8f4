//! The hub's own applications at providers.

use crate::api::oauth_apps::OAuthApp;
use crate::api::write::Written;
use crate::domain::names::ConnectorKey;
use crate::error::HubError;
use crate::hub::oauth_apps;
use crate::hub::write::Guard;

use super::{Local, written};

impl Local {
    /// `oauth_apps.list`
    pub async fn oauth_apps(&self) -> Result<Vec<OAuthApp>, HubError> {
        let (hub, caller) = self.parts();
        let all = oauth_apps::list(hub, caller).await?;
        Ok(all.iter().map(OAuthApp::from).collect())
    }

    /// `oauth_apps.set`
    pub async fn set_oauth_app(
        &self,
        new: oauth_apps::New,
        guard: Guard,
    ) -> Result<Written<OAuthApp>, HubError> {
        let (hub, caller) = self.parts();
        let resource = format!("oauth_app/{}", new.connector);
        let outcome = oauth_apps::set(hub, caller, new, guard).await?;
        Ok(written(resource, outcome, guard, |app| OAuthApp::from(app)))
    }

    /// `oauth_apps.delete`
    pub async fn delete_oauth_app(
        &self,
        connector: &ConnectorKey,
        guard: Guard,
    ) -> Result<Written<OAuthApp>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = oauth_apps::delete(hub, caller, connector, guard).await?;
        Ok(written(format!("oauth_app/{connector}"), outcome, guard, |app| OAuthApp::from(app)))
    }
}
