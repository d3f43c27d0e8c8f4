//! The hub's own applications at providers.

use crate::api::oauth_apps::{NewOAuthApp, OAuthApp};
use crate::api::write::Written;
use crate::client::Client;
use crate::domain::names::ConnectorKey;
use crate::error::HubError;
use crate::hub::oauth_apps;
use crate::hub::write::Guard;

impl Client {
    /// `oauth_apps.list`
    pub async fn oauth_apps(&self) -> Result<Vec<OAuthApp>, HubError> {
        self.collected(self.call("oauth_apps.list", &[])?).await
    }

    /// `oauth_apps.set`
    pub async fn set_oauth_app(
        &self,
        new: oauth_apps::New,
        guard: Guard,
    ) -> Result<Written<OAuthApp>, HubError> {
        let body = NewOAuthApp::from(&new);
        self.write_with("oauth_apps.set", &[new.connector.as_str()], &body, guard).await
    }

    /// `oauth_apps.delete`
    pub async fn delete_oauth_app(
        &self,
        connector: &ConnectorKey,
        guard: Guard,
    ) -> Result<Written<OAuthApp>, HubError> {
        self.write("oauth_apps.delete", &[connector.as_str()], guard).await
    }
}
