//! Connect sessions.

use crate::api::connect_sessions::{Batched, ConnectSession, CreatedSession};
use crate::api::write::Written;
use crate::domain::connect_session::NewSession;
use crate::domain::ids::SessionId;
use crate::error::HubError;
use crate::hub::connect_sessions::{self, expiry};
use crate::hub::write::Guard;

use super::{Flow, Local, written};

impl Local {
    /// `connect_sessions.create`
    pub async fn create_session(
        &self,
        new: NewSession,
        guard: Guard,
    ) -> Result<CreatedSession, HubError> {
        let (hub, caller) = self.parts();
        let created = connect_sessions::create(hub, caller, new, guard).await?;
        Ok(CreatedSession::new(&created, caller.project_name()))
    }

    /// `connect_sessions.create_batch`
    pub async fn create_sessions(
        &self,
        items: Vec<connect_sessions::BatchItem>,
        guard: Guard,
    ) -> Result<Vec<Batched>, HubError> {
        let (hub, caller) = self.parts();
        let all = connect_sessions::create_batch(hub, caller, items, guard).await?;
        let project = caller.project_name();
        Ok(all.iter().map(|(made, new)| Batched::new(made, *new, project)).collect())
    }

    /// `connect_sessions.get`
    pub async fn session(&self, id: SessionId) -> Result<ConnectSession, HubError> {
        let (hub, caller) = self.parts();
        let seen = connect_sessions::get(hub, caller, id).await?;
        Ok(ConnectSession::seen(&seen, caller.project_name()))
    }

    /// `connect_sessions.list`
    pub async fn sessions(
        &self,
        filter: connect_sessions::Filter,
        mut each: impl FnMut(&ConnectSession) -> Flow,
    ) -> Result<(), HubError> {
        let (hub, caller) = self.parts();
        let project = caller.project_name();
        connect_sessions::list(hub, caller, filter, |seen| {
            each(&ConnectSession::seen(seen, project))
        })
        .await
    }

    /// `connect_sessions.revoke`
    pub async fn revoke_session(
        &self,
        id: SessionId,
        guard: Guard,
    ) -> Result<Written<ConnectSession>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = connect_sessions::revoke(hub, caller, id, guard).await?;
        let project = caller.project_name();
        Ok(written(format!("session/{id}"), outcome, guard, |seen| {
            ConnectSession::seen(seen, project)
        }))
    }

    /// Does for a store that nobody may be serving what a served hub does by itself: emits
    /// `session.expired` for sessions that ended unused.
    pub async fn tell_of_expired_sessions(&self) -> Result<(), HubError> {
        expiry::round(self.parts().0).await.map(drop)
    }
}
