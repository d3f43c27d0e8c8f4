//! Linked accounts.

use crate::api::accounts::{Account, AccountDetail, Explanation, Unusable};
use crate::api::check::Check;
use crate::api::write::{Revoked, Written};
use crate::catalog;
use crate::domain::caller::Caller;
use crate::domain::connector::Category;
use crate::domain::ids::AccountId;
use crate::error::HubError;
use crate::hub::accounts::Ask;
use crate::hub::connectors::{self, Summary};
use crate::hub::logs::Scope;
use crate::hub::write::{Guard, Outcome};
use crate::hub::{Hub, accounts};

use super::{Flow, Local, written};

impl Local {
    /// `accounts.list`; a brief one has no connector's name and categories either.
    pub async fn accounts(
        &self,
        filter: &accounts::Filter,
        mut each: impl FnMut(&Account<'_>) -> Flow,
    ) -> Result<(), HubError> {
        let (hub, caller) = self.parts();
        let names = Names::of(hub, caller).await?;
        accounts::list(hub, caller, filter, |row, unusable| {
            let (name, categories) =
                if filter.brief { (None, &[][..]) } else { names.get(row.provider) };
            let mut account = Account::new(row, name, categories);
            account.unusable = unusable.map(Unusable::from);
            each(&account)
        })
        .await
    }

    /// `accounts.list` with everything that `accounts.get` answers of each.
    pub async fn account_details(
        &self,
        filter: &accounts::Filter,
        mut each: impl FnMut(&AccountDetail) -> Flow,
    ) -> Result<(), HubError> {
        let (hub, caller) = self.parts();
        let names = Names::of(hub, caller).await?;
        accounts::list_views(hub, caller, filter, |view| each(&names.detail(view))).await
    }

    /// `accounts.get`
    pub async fn account(&self, id: &AccountId) -> Result<AccountDetail, HubError> {
        let (hub, caller) = self.parts();
        let view = accounts::get(hub, caller, id).await?;
        Ok(Names::of(hub, caller).await?.detail(&view))
    }

    /// `accounts.explain`
    pub async fn explain(&self, id: &AccountId) -> Result<Explanation, HubError> {
        let (hub, caller) = self.parts();
        let explained = accounts::explain(hub, caller, id).await?;
        let names = Names::of(hub, caller).await?;
        let provider = explained.view.account.provider.to_string();
        let (name, categories) = names.get(&provider);
        Ok(Explanation::new(explained, name, categories))
    }

    /// `accounts.check`
    pub async fn check_account(&self, id: &AccountId, ask: Ask) -> Result<Vec<Check>, HubError> {
        let (hub, caller) = self.parts();
        let all = accounts::check(hub, caller, id, ask).await?;
        Ok(all.into_iter().map(Check::from).collect())
    }

    /// `accounts.create`: the account, and whether it is new.
    pub async fn add_account(
        &self,
        new: accounts::New,
        guard: Guard,
    ) -> Result<(AccountDetail, bool), HubError> {
        let (hub, caller) = self.parts();
        let added = accounts::add(hub, caller, new, guard).await?;
        if let Some(scope) = Scope::current().filter(|_| !guard.dry_run) {
            scope.concerns(Some(&added.view.account.id), None);
        }
        let account = Names::of(hub, caller).await?.detail(&added.view);
        Ok((AccountDetail { created: Some(added.created), ..account }, added.created))
    }

    /// `accounts.update`
    pub async fn update_account(
        &self,
        id: &AccountId,
        changes: accounts::Changes,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = accounts::update(hub, caller, id, changes, guard).await?;
        self.account_written(id, outcome, guard).await
    }

    /// `accounts.suspend`
    pub async fn suspend(
        &self,
        id: &AccountId,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = accounts::suspend(hub, caller, id, guard).await?;
        self.account_written(id, outcome, guard).await
    }

    /// `accounts.resume`
    pub async fn resume(
        &self,
        id: &AccountId,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = accounts::resume(hub, caller, id, guard).await?;
        self.account_written(id, outcome, guard).await
    }

    /// `accounts.delete`
    pub async fn delete_account(
        &self,
        id: &AccountId,
        keep_remote: bool,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        let (hub, caller) = self.parts();
        let removed = accounts::delete(hub, caller, id, keep_remote, guard).await?;
        let revoked = removed.revoked.into_iter().map(Revoked::from).collect();
        let written = self.account_written(id, removed.outcome, guard).await?;
        Ok(Written { revoked, ..written })
    }

    /// `accounts.test`
    pub async fn test_account(
        &self,
        id: &AccountId,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = accounts::test(hub, caller, id, guard).await?;
        self.account_written(id, outcome, guard).await
    }

    /// `accounts.refresh`
    pub async fn refresh_account(
        &self,
        id: &AccountId,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        let (hub, caller) = self.parts();
        let outcome = accounts::refresh_now(hub, caller, id, guard).await?;
        self.account_written(id, outcome, guard).await
    }

    async fn account_written(
        &self,
        id: &AccountId,
        outcome: Outcome<accounts::View>,
        guard: Guard,
    ) -> Result<Written<AccountDetail>, HubError> {
        let (hub, caller) = self.parts();
        let names = Names::of(hub, caller).await?;
        Ok(written(format!("account/{id}"), outcome, guard, |view| names.detail(view)))
    }
}

/// Names and categories of connectors, for accounts.
pub(super) struct Names {
    own: Vec<Summary>,
}

impl Names {
    pub(super) async fn of(hub: &Hub, caller: &Caller) -> Result<Self, HubError> {
        Ok(Self { own: connectors::own(hub, caller).await? })
    }

    /// Of a single account, whose connector may be an own one.
    pub(super) fn with(own: Option<Summary>) -> Self {
        Self { own: own.into_iter().collect() }
    }

    pub(super) fn get(&self, provider: &str) -> (Option<&str>, &[Category]) {
        if let Some(own) = self.own.iter().find(|own| own.key.as_str() == provider) {
            return (Some(&own.name), &own.categories);
        }
        match catalog::find_entry(provider) {
            Some(entry) => (Some(entry.name), entry.categories),
            None => (None, &[]),
        }
    }

    fn detail(&self, view: &accounts::View) -> AccountDetail {
        let (name, categories) = self.get(view.account.provider.as_str());
        AccountDetail::new(view, name, categories)
    }
}
