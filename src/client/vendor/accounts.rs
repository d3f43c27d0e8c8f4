//! Linked accounts of the platform (contract section 4).

use std::ops::ControlFlow;

use serde_json::Value;

use crate::api::accounts::{Account, AccountDetail};
use crate::api::requests::Query;
use crate::api::requests::accounts::ChangeAccount;
use crate::api::write::Written;
use crate::client::{Client, problem};
use crate::domain::account::{AccountType, Status};
use crate::domain::ids::AccountId;
use crate::domain::names::ConnectorKey;
use crate::domain::refusal::Touch;
use crate::error::{HubError, codes};
use crate::hub::accounts::{self as hub, Filter, Sort};
use crate::hub::write::Guard;

use super::wire::VendorAccount;
use super::{absent_as, all_pages};

/// The accounts that fit. The platform knows some filters; all are applied here as well, and so is
/// the order, which the platform does not promise.
pub(in crate::client) async fn list(
    client: &Client,
    filter: &Filter,
    mut each: impl FnMut(&Account<'_>) -> Result<ControlFlow<()>, HubError>,
) -> Result<(), HubError> {
    scan(client, filter, |account| each(&account.listed())).await
}

/// The same with what the platform tells of each beside that.
pub(in crate::client) async fn details(
    client: &Client,
    filter: &Filter,
    mut each: impl FnMut(&AccountDetail) -> Result<ControlFlow<()>, HubError>,
) -> Result<(), HubError> {
    scan(client, filter, |account| each(&account.detail())).await
}

async fn scan(
    client: &Client,
    filter: &Filter,
    mut each: impl FnMut(&VendorAccount) -> Result<ControlFlow<()>, HubError>,
) -> Result<(), HubError> {
    if !filter.auth_configs.is_empty() {
        let text = "StackOne does not tell which auth config an account was linked through";
        return Err(HubError::new(&codes::REMOTE_UNSUPPORTED, text)
            .hint("leave --auth-config out, or filter with --provider"));
    }
    let mut query = Query::default();
    query.push_all("providers", &filter.providers);
    query.push_opt("provider", filter.provider.as_ref());
    query.push_all("account_ids", &filter.ids);
    query.push_all("origin_owner_ids", &filter.owner_ids);
    query.push_opt("origin_owner_id", filter.owner_id.as_ref());
    query.push_all("status", filter.statuses.iter().map(|status| status.as_str()));
    let rows = all_pages(client, "platform.accounts.list", &query).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        found.push(read(client, row)?);
    }
    sort(&mut found, filter);
    let found = match &filter.after {
        Some(after) => {
            let at = found.iter().position(|account| account.id.text() == after.as_str());
            let at = at.ok_or_else(|| hub::unknown(after.as_str()))?;
            &found[at + 1..]
        }
        None => &found,
    };
    for account in found.iter().filter(|account| fits(account, filter)) {
        if each(account)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn read(client: &Client, row: Value) -> Result<VendorAccount, HubError> {
    serde_json::from_value(row).map_err(|_| {
        problem::bad_answer(
            &client.origin,
            "answered with an account that this version does not understand",
        )
    })
}

fn fits(account: &VendorAccount, filter: &Filter) -> bool {
    fn any<T>(wanted: &[T], is: impl Fn(&T) -> bool) -> bool {
        wanted.is_empty() || wanted.iter().any(is)
    }
    let id = account.id.text();
    any(&filter.providers, |key: &ConnectorKey| key.as_str() == account.provider)
        && filter.provider.as_ref().is_none_or(|key| key.as_str() == account.provider)
        && any(&filter.statuses, |status| status.as_str() == account.status)
        && any(&filter.owner_ids, |owner| *owner == account.origin_owner_id)
        && filter.owner_id.as_ref().is_none_or(|owner| *owner == account.origin_owner_id)
        && any(&filter.ids, |wanted| wanted.as_str() == id)
        && filter.kind.map(AccountType::as_str).is_none_or(|kind| kind == account.kind())
        && filter.updated_since.is_none_or(|since| account.updated_at >= since)
        && (!filter.is_unusable() || account.status != Status::Active.as_str())
}

fn sort(all: &mut [VendorAccount], filter: &Filter) {
    all.sort_by(|a, b| {
        let first = match filter.sort {
            Sort::Created => a.created_at.cmp(&b.created_at),
            Sort::Updated => a.updated_at.cmp(&b.updated_at),
            Sort::Provider => a.provider.cmp(&b.provider),
            Sort::Owner => a.origin_owner_id.cmp(&b.origin_owner_id),
            Sort::Status => a.status.cmp(&b.status),
        };
        let order = first.then_with(|| a.created_at.cmp(&b.created_at));
        let order = order.then_with(|| a.id.text().cmp(&b.id.text()));
        if filter.descending { order.reverse() } else { order }
    });
}

pub(in crate::client) async fn get(
    client: &Client,
    id: &AccountId,
) -> Result<AccountDetail, HubError> {
    let call = client.call("platform.accounts.get", &[id.as_str()])?;
    let found: VendorAccount =
        client.json(call).await.map_err(|error| absent_as(error, || hub::unknown(id.as_str())))?;
    Ok(found.detail())
}

pub(in crate::client) async fn update(
    client: &Client,
    id: &AccountId,
    changes: &ChangeAccount,
    guard: Guard,
) -> Result<Written<AccountDetail>, HubError> {
    let before = get(client, id).await?;
    let expected = changed(before.clone(), changes);
    // Tags can be written there and not read back.
    let changes_it = expected != before || changes.metadata.is_some();
    guard.check(u64::from(changes_it), Touch::Update)?;
    let after = if guard.dry_run || !changes_it {
        expected
    } else {
        let call = client.call("platform.accounts.update", &[id.as_str()])?.json(changes)?;
        let answer: VendorAccount = client.json(call).await?;
        answer.detail()
    };
    Ok(written(id, Some(before), Some(after), changes_it, guard))
}

/// What the account is with the changes made.
fn changed(mut account: AccountDetail, changes: &ChangeAccount) -> AccountDetail {
    if let Some(label) = &changes.label {
        account.label.clone_from(label);
    }
    if let Some(username) = &changes.origin_username {
        account.origin_username.clone_from(username);
    }
    if let Some(id) = &changes.origin_owner_id {
        account.origin_owner_id.clone_from(id);
    }
    if let Some(name) = &changes.origin_owner_name {
        account.origin_owner_name.clone_from(name);
    }
    if let Some(kind) = &changes.kind {
        account.kind = kind.clone().into();
    }
    if let Some(config) = changes.integration_id.as_ref().or(changes.connector_profile_id.as_ref())
    {
        account.integration_id.clone_from(config);
        account.connector_profile_id.clone_from(config);
    }
    match &changes.metadata {
        Some(Some(tags)) => {
            for (key, value) in tags {
                if value.is_null() {
                    account.metadata.remove(key);
                } else {
                    account.metadata.insert(key.clone(), value.clone());
                }
            }
        }
        Some(None) => account.metadata.clear(),
        None => {}
    }
    account
}

pub(in crate::client) async fn delete(
    client: &Client,
    id: &AccountId,
    guard: Guard,
) -> Result<Written<AccountDetail>, HubError> {
    let before = get(client, id).await?;
    guard.check(1, Touch::Delete)?;
    if !guard.dry_run {
        let call = client.call("platform.accounts.delete", &[id.as_str()])?;
        client.whole(call).await.map_err(|error| absent_as(error, || hub::unknown(id.as_str())))?;
    }
    Ok(written(id, Some(before), None, true, guard))
}

fn written(
    id: &AccountId,
    before: Option<AccountDetail>,
    after: Option<AccountDetail>,
    changed: bool,
    guard: Guard,
) -> Written<AccountDetail> {
    Written {
        resource: format!("account/{id}"),
        changed,
        dry_run: guard.dry_run,
        affected_accounts: u64::from(changed),
        operation_id: None,
        before,
        after,
        revoked: Vec::new(),
        warnings: Vec::new(),
    }
}
