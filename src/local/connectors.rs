//! Connectors.

use serde_json::Value;

use crate::api::auth_configs::AuthConfig;
use crate::api::connectors::{Connector, ConnectorDetail};
use crate::api::write::Written;
use crate::domain::connector::Connector as Definition;
use crate::domain::connector::guide::{Audience, guide};
use crate::domain::names::ConnectorKey;
use crate::error::HubError;
use crate::hub::connectors::Redefined;
use crate::hub::write::Guard;
use crate::hub::{auth_configs, connectors};

use super::{Local, written};

impl Local {
    /// `connectors.list`
    pub async fn connectors(
        &self,
        filter: &connectors::Filter,
    ) -> Result<Vec<Connector>, HubError> {
        let (hub, caller) = self.parts();
        let found = connectors::available(hub, caller, filter).await?;
        Ok(found.into_iter().map(Connector::from).collect())
    }

    /// `connectors.get`
    pub async fn connector(&self, key: &ConnectorKey) -> Result<ConnectorDetail, HubError> {
        let (hub, caller) = self.parts();
        let found = connectors::get(hub, caller, key).await?;
        let configs = auth_configs::of_connector(hub, caller, key).await?;
        let configs = configs.map(|configs| configs.iter().map(AuthConfig::from).collect());
        Ok(ConnectorDetail::new(found, configs))
    }

    /// `connectors.guide`
    pub async fn guide(&self, key: &ConnectorKey, audience: Audience) -> Result<Value, HubError> {
        let (hub, caller) = self.parts();
        let found = connectors::get(hub, caller, key).await?;
        let guide = guide(&found.connector, audience, hub.public_url().as_str());
        value(&guide)
    }

    /// `connectors.import`
    pub async fn import_connectors(
        &self,
        connectors: &[Definition],
        guard: Guard,
    ) -> Result<Vec<Written<Connector>>, HubError> {
        let (hub, caller) = self.parts();
        let done = connectors::import(hub, caller, connectors, guard).await?;
        Ok(done.into_iter().map(|done| connector_written(done, guard)).collect())
    }

    /// `connectors.forget`
    pub async fn forget_connector(
        &self,
        key: &ConnectorKey,
        guard: Guard,
    ) -> Result<Written<Connector>, HubError> {
        let (hub, caller) = self.parts();
        Ok(connector_written(connectors::forget(hub, caller, key, guard).await?, guard))
    }
}

fn connector_written(done: Redefined, guard: Guard) -> Written<Connector> {
    let Redefined { outcome, exposure } = done;
    let summary = outcome.after.as_ref().or(outcome.before.as_ref());
    let key = summary.map(|summary| summary.key.clone());
    let deeds = key.as_ref().map(|key| exposure.deeds(key)).unwrap_or_default();
    let resource = format!("connector/{}", key.as_ref().map_or("", ConnectorKey::as_str));
    let warnings = deeds.into_iter().map(|deed| format!("it {deed}")).collect();
    Written { warnings, ..written(resource, outcome, guard, |summary| summary.clone().into()) }
}

fn value(answer: &impl serde::Serialize) -> Result<Value, HubError> {
    serde_json::to_value(answer).map_err(HubError::internal("an answer can't be written"))
}
