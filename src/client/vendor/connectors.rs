//! Connectors: the built-in catalog, with what of it is set up on the platform.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::Value;

use crate::api::connectors::{Connector, ConnectorDetail};
use crate::catalog;
use crate::client::Client;
use crate::domain::connector::Connector as Definition;
use crate::domain::connector::guide::{self, Audience};
use crate::domain::names::ConnectorKey;
use crate::error::HubError;
use crate::hub::auth_configs;
use crate::hub::connectors::{self as hub, Filter, Resolved};

pub(in crate::client) fn list(filter: &Filter) -> Vec<Connector> {
    hub::built_in(filter).map(Connector::from).collect()
}

fn definition(key: &ConnectorKey) -> Result<Arc<Definition>, HubError> {
    catalog::get(key).ok_or_else(|| hub::unknown(key.as_str()))
}

pub(in crate::client) async fn get(
    client: &Client,
    key: &ConnectorKey,
) -> Result<ConnectorDetail, HubError> {
    let connector = definition(key)?;
    let filter = auth_configs::Filter { connector: Some(key.clone()), ..Default::default() };
    let mut configs = Vec::new();
    super::auth_configs::list(client, &filter, |config| {
        configs.push(config.clone());
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    Ok(ConnectorDetail::new(Resolved { connector, own: false }, Some(configs)))
}

/// Callback addresses are those of the platform (AC-39).
pub(in crate::client) fn guide(
    client: &Client,
    key: &ConnectorKey,
    audience: Audience,
) -> Result<Value, HubError> {
    let connector = definition(key)?;
    let guide = guide::guide(&connector, audience, client.api_url.as_str());
    serde_json::to_value(&guide).map_err(HubError::internal("an answer can't be written"))
}
