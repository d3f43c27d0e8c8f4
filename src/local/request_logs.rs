//! The log of calls.

use crate::api::request_logs::{LogRow, Paged, PlatformLog, RequestLog, StepLog};
use crate::api::requests::Query;
use crate::api::requests::request_logs::{Include, PageOf, page};
use crate::domain::request_log::{Entry, Kind};
use crate::error::HubError;
use crate::hub::logs::{self, COMMAND, Errand, Filter, List};

use super::{Flow, Local};

impl Local {
    /// `logs.list`
    pub async fn logs(
        &self,
        filter: &Filter,
        descending: bool,
        mut each: impl FnMut(&LogRow) -> Flow,
    ) -> Result<(), HubError> {
        let (hub, caller) = self.parts();
        logs::scan(hub, caller, filter, descending, |entry| each(&LogRow::from(entry))).await
    }

    /// `platform.requests.get`
    ///
    /// # Errors
    /// `log.not_found`, or as the hub reports them.
    pub async fn log(&self, request: &str, include: Include) -> Result<RequestLog, HubError> {
        let (hub, caller) = self.parts();
        let found = logs::get(hub, caller, request, include.steps, include.bodies).await?;
        Ok(RequestLog::detail(&found, caller.project_name()))
    }

    /// `platform.requests.logs`
    ///
    /// # Errors
    /// `usage.bad_value`, or as the hub reports them.
    pub async fn request_log_page(&self, query: &Query) -> Result<Paged<RequestLog>, HubError> {
        let asked = self.asked(query, "logs", Some(Kind::Request))?;
        let include = Include::of(query)?;
        let project = self.project();
        let mut page =
            self.log_page(List::Logs, &asked, |entry| RequestLog::new(entry, project)).await?;
        if include.steps {
            for log in &mut page.data {
                let request = log.request_id.clone().unwrap_or_default();
                let steps = Include { steps: true, bodies: false };
                log.step_requests = self.log(&request, steps).await?.step_requests;
            }
        }
        Ok(page)
    }

    /// `platform.requests.steps`
    ///
    /// # Errors
    /// `usage.bad_value`, or as the hub reports them.
    pub async fn step_log_page(&self, query: &Query) -> Result<Paged<StepLog>, HubError> {
        let asked = self.asked(query, "steps", None)?;
        let project = self.project();
        self.log_page(List::Steps, &asked, |entry| StepLog::new(entry, project)).await
    }

    /// `platform.requests.platform_logs`
    ///
    /// # Errors
    /// `usage.bad_value`, or as the hub reports them.
    pub async fn platform_log_page(&self, query: &Query) -> Result<Paged<PlatformLog>, HubError> {
        let asked = self.asked(query, "platform", Some(Kind::Platform))?;
        let project = self.project();
        self.log_page(List::Logs, &asked, |entry| PlatformLog::new(entry, project)).await
    }

    fn asked(&self, query: &Query, list: &str, kind: Option<Kind>) -> Result<PageOf, HubError> {
        page(query, &format!("{list} of {}", self.caller().project().0), kind)
    }

    async fn log_page<T>(
        &self,
        list: List,
        asked: &PageOf,
        show: impl Fn(&Entry) -> T,
    ) -> Result<Paged<T>, HubError> {
        let (hub, caller) = self.parts();
        let PageOf { filter, order, size, behind, .. } = asked;
        let found = logs::page(hub, caller, list, filter, *order, behind.as_ref(), *size).await?;
        let next = found.next.as_ref().map(|cursor| asked.next(cursor));
        Ok(Paged { data: found.rows.iter().map(show).collect(), next })
    }

    /// Does a command's work. Where it calls providers, it is logged when it is done.
    ///
    /// # Errors
    /// As the work fails.
    pub async fn as_command<T>(
        &self,
        action: &str,
        work: impl Future<Output = Result<T, HubError>>,
    ) -> Result<T, HubError> {
        let (hub, caller) = self.parts();
        let errand = Errand { source: COMMAND, action, ..Errand::default() };
        let done = hub.log_errand(caller.project(), errand, work).await;
        // What the command came to is worth more than the log of it.
        if let Err(error) = hub.flush_logs().await {
            tracing::warn!(target: "hubctl::logs", "the command was not logged: {error}");
        }
        done
    }
}
