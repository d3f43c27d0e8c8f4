//! New values for the fields of an account that is there, by an administrator.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::account::Account;
use crate::domain::caller::Caller;
use crate::domain::connector::form::check_form;
use crate::domain::connector::values::Mode;
use crate::domain::ids::AccountId;
use crate::error::HubError;
use crate::hub::Hub;
use crate::hub::auth_configs::{Given, bad_fields};
use crate::hub::linking::{self, Filled, Holder, Linked, Proof, Way};
use crate::hub::refresh;
use crate::hub::write::Guard;
use crate::store::Tx;

use super::prove::fields_at_hand;

/// An edit that its provider accepted.
pub(super) struct Edit {
    way: Way,
    filled: Filled,
    proof: Proof,
}

/// Checks new values against the fields, and at the provider; a dry run asks nobody.
///
/// # Errors
/// `account.not_found`, `fields.invalid`; as [`linking::prove`].
pub(super) async fn prepare(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
    given: &Given,
    guard: Guard,
) -> Result<Edit, HubError> {
    let mut tx = hub.store.begin_read().await?;
    let stored = refresh::load(hub, &mut tx, caller, id).await?;
    drop(tx);
    let (account, way, kept) = (stored.account, Arc::unwrap_or_clone(stored.way), stored.kept);
    let keys: BTreeSet<String> = account.setup.keys().chain(kept.secrets.keys()).cloned().collect();
    let fields = fields_at_hand(&way);
    let mode = Mode::Edit { stored: &keys };
    let checked = check_form(&fields, &way.known(Some(&account)), given, mode);
    let checked = checked.map_err(|problems| {
        bad_fields(&problems)
            .hint(format!("hubctl connectors guide {} --for end-user", way.connector.key))
    })?;
    let keeps_tokens = way.method.needs_browser();
    let filled = Filled { checked, edits: Some(account.id.clone()), keeps_tokens };
    let (public, secret) = filled.over(&way, Some(&account), &kept.secrets)?;
    let proof = match guard.dry_run {
        true => Proof::default(),
        false => {
            let values = way.values_with(&public, &secret);
            linking::prove(hub, caller, &way, Some(id), values).await?
        }
    };
    Ok(Edit { way, filled, proof })
}

/// Stores it: the account as it is then.
///
/// # Errors
/// As [`linking::store`].
pub(super) async fn store(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    account: Account,
    edit: Edit,
) -> Result<Account, HubError> {
    let holder = Holder {
        owner: account.owner,
        label: None,
        metadata: None,
        kind: account.kind,
        account: Some(account.id),
        multiple: false,
        is_told: true,
    };
    let Edit { way, filled, proof } = edit;
    let Linked { after, .. } =
        linking::store(hub, tx, caller, &way, holder, &filled, &proof).await?;
    Ok(after)
}
