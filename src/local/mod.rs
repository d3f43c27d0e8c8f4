//! The hub in this process, answering in the wire's words: one method per operation, no rules.
//!
//! The command line on a local store and the server both speak to the hub through it, so an
//! operation has one answer wherever it was asked for.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::api::write::Written;
use crate::domain::caller::Caller;
use crate::domain::project::ProjectName;
use crate::error::HubError;
use crate::hub::Hub;
use crate::hub::write::{Guard, Outcome};

mod accounts;
mod auth_configs;
mod connect_sessions;
mod connectors;
mod events;
mod keys;
mod oauth_apps;
mod platform;
mod projects;
mod proxy;
mod request_logs;
mod webhooks;

pub use proxy::Told;

/// Whether a list goes on.
pub type Flow = Result<ControlFlow<()>, HubError>;

/// A hub in this process, acting for one caller.
#[derive(Clone)]
pub struct Local {
    hub: Arc<Hub>,
    caller: Caller,
}

impl Local {
    /// The hub as its store's administrator in a project.
    ///
    /// # Errors
    /// `project.not_found`, or as the store reports them.
    pub async fn administrator(hub: Arc<Hub>, project: &ProjectName) -> Result<Self, HubError> {
        let caller = hub.local_caller(project).await?;
        Ok(Self { hub, caller })
    }

    /// The hub for a caller that was identified.
    pub fn of(hub: Arc<Hub>, caller: Caller) -> Self {
        Self { hub, caller }
    }

    /// The store's name, for people.
    pub fn store_name(&self) -> String {
        self.hub.store().name()
    }

    /// Whether it acts on a database without a store in it, as on an empty one.
    pub fn has_no_store(&self) -> bool {
        self.hub.store().is_missing()
    }

    /// Whether the store has keys; they open what it keeps sealed.
    ///
    /// # Errors
    /// `key.missing`, `key.wrong`, or as the store reports them.
    pub async fn keys_work(&self) -> Result<bool, HubError> {
        self.hub.keys_work().await
    }

    /// Whom it acts for.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The hub and its caller, to be shared.
    pub fn shared(&self) -> (Arc<Hub>, Caller) {
        (Arc::clone(&self.hub), self.caller.clone())
    }

    fn parts(&self) -> (&Hub, &Caller) {
        (&self.hub, &self.caller)
    }

    /// Facts for standard error that came up on the way: a store or a key that was made.
    pub fn take_notes(&self) -> Vec<String> {
        let (hub, _) = self.parts();
        let store = hub.store();
        let made = store.is_new().then(|| format!("made a new store: {}", store.name()));
        made.into_iter().chain(hub.take_note()).collect()
    }

    /// The project that everything belongs to.
    pub fn project(&self) -> &str {
        self.parts().1.project_name()
    }

    /// Where end users reach the hub.
    pub fn public_url(&self) -> &url::Url {
        self.parts().0.public_url()
    }
}

fn written<T, A>(
    resource: String,
    outcome: Outcome<T>,
    guard: Guard,
    show: impl Fn(&T) -> A,
) -> Written<A> {
    Written {
        resource,
        changed: outcome.changed,
        dry_run: guard.dry_run,
        affected_accounts: outcome.affected,
        operation_id: outcome.operation.filter(|_| !guard.dry_run).map(|id| id.to_string()),
        before: outcome.before.as_ref().map(&show),
        after: outcome.after.as_ref().map(&show),
        revoked: Vec::new(),
        warnings: Vec::new(),
    }
}
