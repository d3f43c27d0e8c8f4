//! Linked accounts.

use std::ops::ControlFlow;

use crate::api::accounts::{Account, AccountDetail, Explanation};
use crate::api::check::Check;
use crate::api::requests::Query;
use crate::api::requests::accounts::{ChangeAccount, DETAILS, NO_VERIFY, NewAccount, to_query};
use crate::api::write::Written;
use crate::client::{Client, vendor};
use crate::domain::ids::AccountId;
use crate::error::{HubError, codes};
use crate::hub::accounts::{self, Ask};
use crate::hub::write::Guard;

impl Client {
    /// `accounts.list`
    ///
    /// # Errors
    /// `remote.unsupported` by a hub that does not tell which accounts can't be used, where only
    /// those are wanted.
    pub async fn accounts(
        &self,
        filter: &accounts::Filter,
        mut each: impl FnMut(&Account<'_>) -> Result<ControlFlow<()>, HubError>,
    ) -> Result<(), HubError> {
        if self.is_vendor {
            return vendor::accounts::list(self, filter, each).await;
        }
        let call = self.call("accounts.list", &[])?.query(&to_query(filter));
        self.list(call, |row| {
            let account: Account<'_> = self.element(row)?;
            if filter.is_unusable() && account.unusable.is_none() {
                return Err(self.tells_no_why());
            }
            each(&account)
        })
        .await
    }

    /// The error for a hub that lists accounts without a word of why they can't be used.
    fn tells_no_why(&self) -> HubError {
        let text = format!("the hub at {} does not tell which accounts can't be used", self.origin);
        HubError::new(&codes::REMOTE_UNSUPPORTED, text)
            .hint("a newer hubctl there does; --status error lists what is known here")
    }

    /// `accounts.list` with everything that `accounts.get` answers of each.
    ///
    /// # Errors
    /// `remote.unsupported` by a hub that does not list it; as the hub, the way to it, or `each`
    /// reports them.
    pub async fn account_details(
        &self,
        filter: &accounts::Filter,
        mut each: impl FnMut(&AccountDetail) -> Result<ControlFlow<()>, HubError>,
    ) -> Result<(), HubError> {
        if self.is_vendor {
            return vendor::accounts::details(self, filter, each).await;
        }
        let mut query = to_query(filter);
        query.push(DETAILS, true);
        let call = self.call("accounts.list", &[])?.query(&query);
        self.rows(call, |account: AccountDetail| {
            // Every account has an auth config, and that a name.
            if account.auth_config_name.is_empty() {
                let text = format!("the hub at {} does not list the tags of accounts", self.origin);
                return Err(HubError::new(&codes::REMOTE_UNSUPPORTED, text)
                    .hint("a newer hubctl there does; -o csv leaves them out"));
            }
            each(&account)
        })
        .await
    }

    /// `accounts.get`
    pub async fn account(&self, id: &AccountId) -> Result<AccountDetail, HubError> {
        if self.is_vendor {
            return vendor::accounts::get(self, id).await;
        }
        self.json(self.call("accounts.get", &[id.as_str()])?).await
    }

    /// `accounts.explain`
    pub async fn explain(&self, id: &AccountId) -> Result<Explanation, HubError> {
        self.json(self.call("accounts.explain", &[id.as_str()])?).await
    }

    /// `accounts.check`
    pub async fn check_account(&self, id: &AccountId, ask: Ask) -> Result<Vec<Check>, HubError> {
        let mut query = Query::default();
        if ask == Ask::Nobody {
            query.push("offline", true);
        }
        self.json(self.call("accounts.check", &[id.as_str()])?.query(&query)).await
    }

    /// `accounts.create`: the account, and whether it is new.
    pub async fn add_account(
        &self,
        new: accounts::New,
        guard: Guard,
    ) -> Result<(AccountDetail, bool), HubError> {
        let body = NewAccount::from(&new);
        let (account, is_new): (AccountDetail, bool) =
            self.created_or_there("accounts.create", &body, guard).await?;
        Ok((AccountDetail { created: Some(is_new), ..account }, is_new))
    }

    /// `accounts.update`
    pub async fn update_account(
        &self,
        id: &AccountId,
        changes: accounts::Changes,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        let body = ChangeAccount::from(&changes);
        if self.is_vendor {
            // Whether the platform asks the provider is its own affair.
            return vendor::accounts::update(self, id, &body, guard).await;
        }
        let mut query = Query::default().with_guard(guard);
        if changes.no_verify {
            query.push(NO_VERIFY, true);
        }
        self.json(self.call("accounts.update", &[id.as_str()])?.query(&query).json(&body)?).await
    }

    /// `accounts.suspend`
    pub async fn suspend(
        &self,
        id: &AccountId,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        self.write("accounts.suspend", &[id.as_str()], guard).await
    }

    /// `accounts.resume`
    pub async fn resume(
        &self,
        id: &AccountId,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        self.write("accounts.resume", &[id.as_str()], guard).await
    }

    /// `accounts.delete`
    pub async fn delete_account(
        &self,
        id: &AccountId,
        keep_remote: bool,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        if self.is_vendor {
            // What the platform does with tokens is its own affair.
            return vendor::accounts::delete(self, id, guard).await;
        }
        let mut query = Query::default().with_guard(guard);
        if keep_remote {
            query.push("keep_remote", true);
        }
        self.json(self.call("accounts.delete", &[id.as_str()])?.query(&query)).await
    }

    /// `accounts.test`
    pub async fn test_account(
        &self,
        id: &AccountId,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        self.write("accounts.test", &[id.as_str()], guard).await
    }

    /// `accounts.refresh`
    pub async fn refresh_account(
        &self,
        id: &AccountId,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        self.write("accounts.refresh", &[id.as_str()], guard).await
    }
}
