//! Connect sessions.

use std::ops::ControlFlow;

use crate::api::connect_sessions::{Batched, ConnectSession, CreatedSession};
use crate::api::requests::connect_sessions::{NewBatch, NewBatchItem, NewConnectSession, to_query};
use crate::api::write::Written;
use crate::client::{Client, vendor};
use crate::domain::connect_session::NewSession;
use crate::domain::ids::SessionId;
use crate::error::{HubError, codes};
use crate::hub::connect_sessions;
use crate::hub::write::Guard;

/// Most sessions of one request.
const LARGEST_BATCH: usize = 1_000;

impl Client {
    /// `connect_sessions.create`
    pub async fn create_session(
        &self,
        new: NewSession,
        guard: Guard,
    ) -> Result<CreatedSession, HubError> {
        let body = NewConnectSession::from(&new);
        if self.is_vendor {
            return vendor::connect_sessions::create(self, &new, &body, guard).await;
        }
        self.write_with("connect_sessions.create", &[], &body, guard).await
    }

    /// `connect_sessions.create_batch`: more than a thousand are made in steps, each of which is
    /// made whole or not at all.
    pub async fn create_sessions(
        &self,
        items: Vec<connect_sessions::BatchItem>,
        guard: Guard,
    ) -> Result<Vec<Batched>, HubError> {
        self.offers(&["connect_sessions.create_batch"])?;
        let mut all = Vec::with_capacity(items.len());
        for step in items.chunks(LARGEST_BATCH) {
            let items: Vec<_> = step.iter().map(NewBatchItem::from).collect();
            let body = NewBatch { items };
            let made: Vec<Batched> =
                self.write_with("connect_sessions.create_batch", &[], &body, guard).await?;
            if made.len() != step.len() {
                let what = "answered with another number of sessions than were asked for";
                let error = crate::client::problem::bad_answer(&self.origin, what);
                return Err(crate::client::problem::perhaps_done(error, !guard.dry_run));
            }
            all.extend(made);
        }
        Ok(all)
    }

    /// `connect_sessions.get`
    pub async fn session(&self, id: SessionId) -> Result<ConnectSession, HubError> {
        if self.is_vendor {
            return vendor::connect_sessions::get(self, id).await;
        }
        self.json(self.call("connect_sessions.get", &[&id.to_string()])?).await
    }

    /// `connect_sessions.list`
    ///
    /// # Errors
    /// `remote.unsupported` by a hub that lists others as well, where only sessions whose login
    /// failed are wanted.
    pub async fn sessions(
        &self,
        filter: connect_sessions::Filter,
        mut each: impl FnMut(&ConnectSession) -> Result<ControlFlow<()>, HubError>,
    ) -> Result<(), HubError> {
        let call = self.call("connect_sessions.list", &[])?.query(&to_query(&filter));
        self.rows(call, |session: ConnectSession| {
            let attempt = session.latest_connection_attempt.as_ref();
            if filter.failed && attempt.and_then(|one| one.status.as_deref()) != Some("error") {
                return Err(self.tells_no_logins());
            }
            each(&session)
        })
        .await
    }

    /// The error for a hub that does not know which logins failed.
    fn tells_no_logins(&self) -> HubError {
        let text = format!("the hub at {} does not tell whose login failed", self.origin);
        HubError::new(&codes::REMOTE_UNSUPPORTED, text)
            .hint("a newer hubctl there does; session get shows the login of one session")
    }

    /// `connect_sessions.revoke`
    pub async fn revoke_session(
        &self,
        id: SessionId,
        guard: Guard,
    ) -> Result<Written<ConnectSession>, HubError> {
        self.write("connect_sessions.revoke", &[&id.to_string()], guard).await
    }
}
