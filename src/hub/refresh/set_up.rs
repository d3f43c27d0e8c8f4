//! The set-up that a provider is asked with: what is said of a former one counts for nothing.

use crate::domain::account::Account;
use crate::domain::auth_config::AuthConfig;
use crate::domain::ids::{AuthConfigId, ProjectNumber};
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::store::accounts::refresh::{self, Whose};
use crate::store::{Tx, auth_configs};

use super::note;

/// An auth config as it was when it was read. Its version rises with every edit, and with those of
/// the hub's own application where it uses that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::hub) struct SetUp {
    auth_config: AuthConfigId,
    version: i64,
}

impl SetUp {
    pub(super) fn of(config: &AuthConfig) -> Self {
        Self { auth_config: config.id.clone(), version: config.version }
    }

    /// Whether an account is still called with it.
    pub(in crate::hub) async fn is_still_of(
        &self,
        tx: &mut Tx,
        project: ProjectNumber,
        account: &Account,
    ) -> Result<bool, HubError> {
        if account.auth_config != self.auth_config {
            return Ok(false);
        }
        let config = auth_configs::by_id(tx, project, &self.auth_config).await?;
        Ok(config.is_some_and(|config| config.version == self.version))
    }
}

/// Forgets failures that were for an administrator to mend, now that one has changed the set-up:
/// calls may ask again, and so may the worker.
pub(in crate::hub) async fn mended(
    tx: &mut Tx,
    project: ProjectNumber,
    whose: Whose<'_>,
    now: Timestamp,
) -> Result<(), HubError> {
    let marks: Vec<String> = note::marks_to_mend().collect();
    Ok(refresh::forget_failures(tx, project, whose, &marks, now).await?)
}
