//! Connectors.

use serde_json::Value;

use crate::api::auth_configs::AuthConfig;
use crate::api::connectors::{Connector, ConnectorDetail};
use crate::api::write::Written;
use crate::domain::connector::Connector as Definition;
use crate::domain::connector::guide::{Audience, guide};
use crate::domain::names::ConnectorKey;
use crate::error::{HubError, codes};
use crate::hub::connectors::Summary;
use crate::hub::write::{Guard, Outcome};
use crate::hub::{auth_configs, connectors};

use super::{Local, written};

impl Local {
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
        let configs = auth_configs::of_connector(hub, caller, key).await?;
        let configs = configs.map(|configs| configs.iter().map(AuthConfig::from).collect());
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
