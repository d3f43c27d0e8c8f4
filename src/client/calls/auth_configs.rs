//! Auth configs.

use std::ops::ControlFlow;

use serde::Deserialize;

use crate::api::auth_configs::{AuthConfig, AuthConfigDetail, Impact};
use crate::api::requests::Query;
use crate::api::requests::auth_configs::{EditAuthConfig, NewAuthConfig, to_query};
use crate::api::write::Written;
use crate::client::{Client, vendor};
use crate::error::HubError;
use crate::hub::auth_configs;
use crate::hub::write::Guard;

/// What a target names.
#[derive(Deserialize)]
struct Target {
    auth_configs: Option<Vec<AuthConfig>>,
}

impl Client {
    /// `auth_configs.list`
    pub async fn auth_configs(
        &self,
        filter: &auth_configs::Filter,
        mut each: impl FnMut(&AuthConfig) -> Result<ControlFlow<()>, HubError>,
    ) -> Result<(), HubError> {
        if self.is_vendor {
            return vendor::auth_configs::list(self, filter, each).await;
        }
        let call = self.call("auth_configs.list", &[])?.query(&to_query(filter));
        self.rows(call, |config| each(&config)).await
    }

    /// What a target names: its auth configs, or `None` for a connector that is not set up.
    pub async fn target(&self, text: &str) -> Result<Option<Vec<AuthConfig>>, HubError> {
        if self.is_vendor {
            return vendor::auth_configs::target(self, text).await;
        }
        let found: Target = self.json(self.call("auth_configs.target", &[text])?).await?;
        Ok(found.auth_configs)
    }

    /// `auth_configs.get`
    pub async fn auth_config(&self, target: &str) -> Result<AuthConfigDetail, HubError> {
        if self.is_vendor {
            return vendor::auth_configs::get(self, target).await;
        }
        self.json(self.call("auth_configs.get", &[target])?).await
    }

    /// `auth_configs.impact`
    pub async fn impact(
        &self,
        target: &str,
        action: auth_configs::Action,
    ) -> Result<Impact, HubError> {
        // What only comes before a write is refused as the write is.
        self.offers(&[match action {
            auth_configs::Action::Enable => "auth_configs.enable",
            auth_configs::Action::Disable => "auth_configs.disable",
            auth_configs::Action::MakeDefault => "auth_configs.make_default",
            auth_configs::Action::Delete => "auth_configs.delete",
        }])?;
        let mut query = Query::default();
        query.push("action", action.as_str());
        self.json(self.call("auth_configs.impact", &[target])?.query(&query)).await
    }

    /// `auth_configs.create`
    pub async fn add_auth_config(
        &self,
        new: auth_configs::New,
        guard: Guard,
    ) -> Result<Written<AuthConfigDetail>, HubError> {
        self.write_with("auth_configs.create", &[], &NewAuthConfig::from(&new), guard).await
    }

    /// `auth_configs.update`
    pub async fn edit_auth_config(
        &self,
        target: &str,
        edit: auth_configs::Edit,
        guard: Guard,
    ) -> Result<Written<AuthConfigDetail>, HubError> {
        if self.is_vendor {
            return vendor::auth_configs::edit(self, target, edit, guard).await;
        }
        self.write_with("auth_configs.update", &[target], &EditAuthConfig::from(&edit), guard).await
    }

    /// `auth_configs.enable`
    pub async fn enable(
        &self,
        target: &str,
        guard: Guard,
    ) -> Result<Vec<Written<AuthConfigDetail>>, HubError> {
        self.write("auth_configs.enable", &[target], guard).await
    }

    /// `auth_configs.disable`
    pub async fn disable(
        &self,
        target: &str,
        guard: Guard,
    ) -> Result<Vec<Written<AuthConfigDetail>>, HubError> {
        self.write("auth_configs.disable", &[target], guard).await
    }

    /// `auth_configs.make_default`
    pub async fn make_default(
        &self,
        target: &str,
        guard: Guard,
    ) -> Result<Written<AuthConfigDetail>, HubError> {
        self.write("auth_configs.make_default", &[target], guard).await
    }

    /// `auth_configs.delete`
    pub async fn delete_auth_config(
        &self,
        target: &str,
        guard: Guard,
    ) -> Result<Written<AuthConfigDetail>, HubError> {
        self.write("auth_configs.delete", &[target], guard).await
    }
}
