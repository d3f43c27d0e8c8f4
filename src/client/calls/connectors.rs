//! Connectors.

use serde::Serialize;
use serde_json::Value;

use crate::api::connectors::{Connector, ConnectorDetail};
use crate::api::requests::Query;
use crate::api::requests::connectors::to_query;
use crate::api::write::Written;
use crate::client::{Client, vendor};
use crate::domain::connector::Connector as Definition;
use crate::domain::connector::guide::Audience;
use crate::domain::names::ConnectorKey;
use crate::error::HubError;
use crate::hub::connectors;
use crate::hub::write::Guard;

/// Definitions on their way, borrowed.
#[derive(Serialize)]
struct Import<'a> {
    connectors: &'a [Definition],
}

impl Client {
    /// `connectors.list`
    pub async fn connectors(
        &self,
        filter: &connectors::Filter,
    ) -> Result<Vec<Connector>, HubError> {
        if self.is_vendor {
            return Ok(vendor::connectors::list(filter));
        }
        self.collected(self.call("connectors.list", &[])?.query(&to_query(filter))).await
    }

    /// `connectors.get`
    pub async fn connector(&self, key: &ConnectorKey) -> Result<ConnectorDetail, HubError> {
        if self.is_vendor {
            return vendor::connectors::get(self, key).await;
        }
        self.json(self.call("connectors.get", &[key.as_str()])?).await
    }

    /// `connectors.guide`
    pub async fn guide(&self, key: &ConnectorKey, audience: Audience) -> Result<Value, HubError> {
        if self.is_vendor {
            return vendor::connectors::guide(self, key, audience);
        }
        let mut query = Query::default();
        query.push(
            "for",
            match audience {
                Audience::Admin => "admin",
                Audience::EndUser => "end-user",
            },
        );
        self.json(self.call("connectors.guide", &[key.as_str()])?.query(&query)).await
    }

    /// `connectors.import`
    pub async fn import_connectors(
        &self,
        connectors: &[Definition],
        guard: Guard,
    ) -> Result<Vec<Written<Connector>>, HubError> {
        self.write_with("connectors.import", &[], &Import { connectors }, guard).await
    }

    /// `connectors.forget`
    pub async fn forget_connector(
        &self,
        key: &ConnectorKey,
        guard: Guard,
    ) -> Result<Written<Connector>, HubError> {
        self.write("connectors.forget", &[key.as_str()], guard).await
    }
}
