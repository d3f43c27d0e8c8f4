//! API keys.

use crate::api::keys::{CreateKey, CreatedKey, Key};
use crate::api::write::Written;
use crate::client::Client;
use crate::domain::api_key::NewKey;
use crate::error::HubError;
use crate::hub::write::Guard;

impl Client {
    /// `keys.list`
    pub async fn keys(&self) -> Result<Vec<Key>, HubError> {
        self.collected(self.call("keys.list", &[])?).await
    }

    /// `keys.get`
    pub async fn key(&self, target: &str) -> Result<Key, HubError> {
        self.json(self.call("keys.get", &[target])?).await
    }

    /// `keys.create`
    pub async fn create_key(&self, new: NewKey, guard: Guard) -> Result<CreatedKey, HubError> {
        self.write_with("keys.create", &[], &CreateKey::from(&new), guard).await
    }

    /// `keys.disable`
    pub async fn disable_key(&self, target: &str, guard: Guard) -> Result<Written<Key>, HubError> {
        self.write("keys.disable", &[target], guard).await
    }

    /// `keys.enable`
    pub async fn enable_key(&self, target: &str, guard: Guard) -> Result<Written<Key>, HubError> {
        self.write("keys.enable", &[target], guard).await
    }

    /// `keys.delete`
    pub async fn delete_key(&self, target: &str, guard: Guard) -> Result<Written<Key>, HubError> {
        self.write("keys.delete", &[target], guard).await
    }
}
