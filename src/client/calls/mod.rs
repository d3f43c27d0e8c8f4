//! One method per operation, as `local` has them: path, query, body, answer. No rules.

use serde::de::DeserializeOwned;

use crate::api::requests::Query;
use crate::error::HubError;
use crate::hub::write::Guard;

use super::Client;

mod accounts;
mod auth_configs;
mod connect_sessions;
mod connectors;
mod events;
mod keys;
mod oauth_apps;
mod projects;
mod proxy;
mod request_logs;
mod webhooks;

impl Client {
    /// A write without a body.
    async fn write<T: DeserializeOwned>(
        &self,
        id: &str,
        values: &[&str],
        guard: Guard,
    ) -> Result<T, HubError> {
        self.json(self.call(id, values)?.query(&Query::default().with_guard(guard))).await
    }

    /// A write with a body.
    async fn write_with<T: DeserializeOwned>(
        &self,
        id: &str,
        values: &[&str],
        body: &impl serde::Serialize,
        guard: Guard,
    ) -> Result<T, HubError> {
        let query = Query::default().with_guard(guard);
        self.json(self.call(id, values)?.query(&query).json(body)?).await
    }

    /// A write that may find what it should make: the thing, and whether it is new.
    async fn created_or_there<T: DeserializeOwned>(
        &self,
        id: &str,
        body: &impl serde::Serialize,
        guard: Guard,
    ) -> Result<(T, bool), HubError> {
        let query = Query::default().with_guard(guard);
        let call = self.call(id, &[])?.query(&query).json(body)?;
        let (thing, status) = self.json_and_status(call).await?;
        Ok((thing, status == 201))
    }

    /// A list that is small enough to be kept.
    async fn collected<T: DeserializeOwned>(
        &self,
        call: super::send::Call,
    ) -> Result<Vec<T>, HubError> {
        let mut all = Vec::new();
        self.rows(call, |row| {
            all.push(row);
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .await?;
        Ok(all)
    }

    /// Shows each element of a list to `each`.
    async fn rows<T: DeserializeOwned>(
        &self,
        call: super::send::Call,
        mut each: impl FnMut(T) -> Result<std::ops::ControlFlow<()>, HubError>,
    ) -> Result<(), HubError> {
        self.list(call, |element| each(self.element(element)?)).await
    }

    /// One element of a list.
    fn element<'a, T: serde::Deserialize<'a>>(&self, json: &'a [u8]) -> Result<T, HubError> {
        serde_json::from_slice(json).map_err(|error| {
            let what = "answered with a list whose rows this version does not understand";
            // The reader's own words may repeat values.
            let place = format!("column {}", error.column());
            super::problem::bad_answer(&self.origin, what).source(place)
        })
    }
}
