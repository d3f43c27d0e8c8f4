//! API keys.

use crate::api::keys::{CreatedKey, Key};
use crate::api::write::Written;
use crate::domain::api_key::NewKey;
use crate::error::HubError;
use crate::hub::api_keys;
use crate::hub::write::{Guard, Outcome};

use super::{Local, written};

impl Local {
    /// `keys.list`
    pub async fn keys(&self) -> Result<Vec<Key>, HubError> {
        let (hub, caller) = self.parts();
        let all = api_keys::list(hub, caller).await?;
        Ok(all.iter().map(|seen| Key::seen(seen, caller.project_name())).collect())
    }

    /// `keys.get`
    pub async fn key(&self, target: &str) -> Result<Key, HubError> {
        let (hub, caller) = self.parts();
        let seen = api_keys::get(hub, caller, target).await?;
        Ok(Key::seen(&seen, caller.project_name()))
    }

    /// `keys.create`
    pub async fn create_key(&self, new: NewKey, guard: Guard) -> Result<CreatedKey, HubError> {
        let (hub, caller) = self.parts();
        let created = api_keys::create(hub, caller, new, guard).await?;
        Ok(CreatedKey::new(&created, caller.project_name()))
    }

    /// `keys.disable`
    pub async fn disable_key(&self, target: &str, guard: Guard) -> Result<Written<Key>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = api_keys::disable(hub, caller, target, guard).await?;
        Ok(key_written(outcome, guard, caller.project_name()))
    }

    /// `keys.enable`
    pub async fn enable_key(&self, target: &str, guard: Guard) -> Result<Written<Key>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = api_keys::enable(hub, caller, target, guard).await?;
        Ok(key_written(outcome, guard, caller.project_name()))
    }

    /// `keys.delete`
    pub async fn delete_key(&self, target: &str, guard: Guard) -> Result<Written<Key>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = api_keys::delete(hub, caller, target, guard).await?;
        Ok(key_written(outcome, guard, caller.project_name()))
    }
}

fn key_written(outcome: Outcome<api_keys::Seen>, guard: Guard, project: &str) -> Written<Key> {
    let seen = outcome.after.as_ref().or(outcome.before.as_ref());
    let id = seen.map(|seen| seen.key.id.to_string()).unwrap_or_default();
    written(format!("key/{id}"), outcome, guard, |seen| Key::seen(seen, project))
}
