//! The log of calls.

use std::ops::ControlFlow;

use crate::api::request_logs::{LogRow, One, RequestLog};
use crate::api::requests::Query;
use crate::api::requests::request_logs::{Include, to_own_query};
use crate::client::{Client, vendor};
use crate::error::HubError;
use crate::hub::logs::Filter;

impl Client {
    /// `logs.list`
    pub async fn logs(
        &self,
        filter: &Filter,
        descending: bool,
        mut each: impl FnMut(&LogRow) -> Result<ControlFlow<()>, HubError>,
    ) -> Result<(), HubError> {
        if self.is_vendor {
            return vendor::request_logs::list(self, filter, descending, each).await;
        }
        let call = self.call("logs.list", &[])?.query(&to_own_query(filter, descending));
        self.rows(call, |row: LogRow| each(&row)).await
    }

    /// `platform.requests.get`
    pub async fn log(&self, request: &str, include: Include) -> Result<RequestLog, HubError> {
        if self.is_vendor {
            return vendor::request_logs::get(self, request, include).await;
        }
        let mut query = Query::default();
        query.push_all("include", include.words());
        let call = self.call("platform.requests.get", &[request])?.query(&query);
        self.json::<One<RequestLog>>(call).await.map(|one| one.data)
    }
}
