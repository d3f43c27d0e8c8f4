//! Auth configs.

use crate::api::auth_configs::{AuthConfig, AuthConfigDetail, Impact};
use crate::api::write::Written;
use crate::error::HubError;
use crate::hub::auth_configs;
use crate::hub::write::{Guard, Outcome};

use super::{Flow, Local, written};

impl Local {
    /// `auth_configs.list`
    pub async fn auth_configs(
        &self,
        filter: &auth_configs::Filter,
        mut each: impl FnMut(&AuthConfig) -> Flow,
    ) -> Result<(), HubError> {
        let (hub, caller) = self.parts();
        auth_configs::list(hub, caller, filter, |view| each(&view.into())).await
    }

    /// What a target names: its auth configs, or `None` for a connector that is not set up.
    pub async fn target(&self, text: &str) -> Result<Option<Vec<AuthConfig>>, HubError> {
        let (hub, caller) = self.parts();
        let found = auth_configs::target(hub, caller, text).await?;
        Ok(found.map(|views| views.iter().map(AuthConfig::from).collect()))
    }

    /// `auth_configs.get`
    pub async fn auth_config(&self, target: &str) -> Result<AuthConfigDetail, HubError> {
        let (hub, caller) = self.parts();
        Ok((&auth_configs::get(hub, caller, target).await?).into())
    }

    /// `auth_configs.impact`
    pub async fn impact(
        &self,
        target: &str,
        action: auth_configs::Action,
    ) -> Result<Impact, HubError> {
        let (hub, caller) = self.parts();
        Ok(auth_configs::impact(hub, caller, target, action).await?.into())
    }

    /// `auth_configs.create`
    pub async fn add_auth_config(
        &self,
        new: auth_configs::New,
        guard: Guard,
    ) -> Result<Written<AuthConfigDetail>, HubError> {
        let (hub, caller) = self.parts();
        Ok(config_written(auth_configs::add(hub, caller, new, guard).await?, guard))
    }

    /// `auth_configs.update`
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
    pub async fn make_default(
        &self,
        target: &str,
        guard: Guard,
    ) -> Result<Written<AuthConfigDetail>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = auth_configs::make_default(hub, caller, target, guard).await?;
        let warnings = outcome.after.as_ref().and_then(auth_configs::hidden).into_iter().collect();
        Ok(Written { warnings, ..config_written(outcome, guard) })
    }

    /// `auth_configs.delete`
    pub async fn delete_auth_config(
        &self,
        target: &str,
        guard: Guard,
    ) -> Result<Written<AuthConfigDetail>, HubError> {
        let (hub, caller) = self.parts();
        Ok(config_written(auth_configs::delete(hub, caller, target, guard).await?, guard))
    }
}

fn config_written(outcome: Outcome<auth_configs::View>, guard: Guard) -> Written<AuthConfigDetail> {
    let view = outcome.after.as_ref().or(outcome.before.as_ref());
    let id = view.map(|view| view.config.id.to_string()).unwrap_or_default();
    written(format!("auth_config/{id}"), outcome, guard, |view| view.into())
}
