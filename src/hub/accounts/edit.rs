//! New values for the fields of an account that is there, by an administrator.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::account::{Account, Status};
use crate::domain::caller::Caller;
use crate::domain::connector::form::check_filled;
use crate::domain::connector::values::{Checked, Editor, Mode};
use crate::domain::credentials::Values;
use crate::domain::ids::AccountId;
use crate::domain::refresh as rules;
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::hub::Hub;
use crate::hub::auth_configs::{Given, bad_fields};
use crate::hub::linking::{self, Filled, Holder, Linked, Proof, Way};
use crate::hub::refresh::{self, Stored};
use crate::hub::write::Guard;
use crate::store::{StoreError, Tx};

use super::Changes;
use super::prove::fields_at_hand;

/// An edit that its provider accepted.
pub(super) struct Edit {
    way: Arc<Way>,
    filled: Filled,
    proof: Proof,
}

/// Checks new values against the fields and, unless that is not wanted, at the provider; a dry run
/// asks nobody. Where the access token stays and has ended, it is renewed with the new values.
/// `None` where nothing would be stored: what is not new proves nothing.
///
/// # Errors
/// `account.not_found`, `fields.invalid`; as [`linking::prove`] and [`refresh::renew_with`].
pub(super) async fn prepare(
    hub: &Hub,
    caller: &Caller,
    id: &AccountId,
    changes: &Changes,
    guard: Guard,
) -> Result<Option<Edit>, HubError> {
    let given = &changes.credentials;
    let mut tx = hub.store.begin_read().await?;
    let stored = refresh::load(hub, &mut tx, caller, id).await?;
    drop(tx);
    let (account, way) = (&stored.account, Arc::clone(&stored.way));
    let keys = account.setup.keys().chain(stored.kept.secrets.keys());
    let keys: BTreeSet<String> = keys.cloned().collect();
    let fields = fields_at_hand(&way);
    let mode = Mode::Edit { stored: &keys, by: Editor::Administrator };
    let known = way.known(Some(account));
    let checked = check_filled(&way.connector, &way.method, &fields, &known, given, mode);
    let checked = checked.map_err(|problems| {
        bad_fields(&problems)
            .hint(format!("hubctl connectors guide {} --for end-user", way.connector.key))
    })?;
    if is_as_stored(&stored, given, &checked) {
        return Ok(None);
    }
    let keeps_tokens = way.method.needs_browser();
    let filled = Filled { checked, edits: Some(account.id.clone()), keeps_tokens };
    let (values, is_renewable) = over(&stored, &filled)?;
    let proof = match guard.dry_run || changes.no_verify {
        true => Proof::default(),
        false => match linking::prove(hub, caller, &way, Some(id), values).await {
            Err(error) if is_renewable && is_of_token(&stored, &error, hub.clock.now()) => {
                let tried = |stored: &Stored| over(stored, &filled).map(|(values, _)| values);
                let stored = refresh::renew_with(hub, caller, stored, tried).await?;
                let (values, _) = over(&stored, &filled)?;
                linking::prove(hub, caller, &stored.way, Some(id), values).await?
            }
            proven => proven?,
        },
    };
    Ok(Some(Edit { way, filled, proof }))
}

/// Whether no value was taken away, and all others are what is stored. What is given to an account
/// whose credentials were refused is tried anew: it may have been set right at the provider.
fn is_as_stored(stored: &Stored, given: &Given, checked: &Checked) -> bool {
    let Checked { public, secret, cleared } = checked;
    let (account, secrets) = (&stored.account, &stored.kept.secrets);
    let is_refused = matches!(account.status, Status::Error | Status::Expired);
    let is_tried = |key: &String| is_refused && given.contains_key(key);
    cleared.is_empty()
        && !public.keys().chain(secret.keys()).any(is_tried)
        && public.iter().all(|(key, value)| account.setup.get(key) == Some(value))
        && secret.iter().all(|(key, value)| secrets.get(key) == Some(value))
}

/// What is stored with the edited values in it, and whether that renews the tokens that stay.
///
/// # Errors
/// As [`Filled::over`].
fn over(stored: &Stored, filled: &Filled) -> Result<(Values, bool), HubError> {
    let Stored { account, way, kept, .. } = stored;
    let (public, secret) = filled.over(way, Some(account), &kept.secrets)?;
    let is_renewable = filled.leaves_tokens() && rules::can_renew(&way.method, &secret);
    Ok((way.values_with(&public, &secret), is_renewable))
}

/// Whether a failure may be that of the stored access token, and not of the edited values.
fn is_of_token(stored: &Stored, error: &HubError, now: Timestamp) -> bool {
    error.code().name == codes::PROVIDER_REFUSED.name
        || (stored.is_stale(now) && !error.retryable())
}

/// Stores it: the account as it is then.
///
/// # Errors
/// `conflict.stale` where it was moved meanwhile: the edit was proven for another auth config. As
/// [`linking::store`].
pub(super) async fn store(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    account: Account,
    edit: Edit,
) -> Result<Account, HubError> {
    if account.auth_config != edit.way.config.id {
        return Err(StoreError::Stale.into());
    }
    let holder = Holder {
        owner: account.owner,
        label: None,
        metadata: None,
        kind: None,
        account: Some(account.id),
        multiple: false,
        is_told: true,
    };
    let Edit { way, filled, proof } = edit;
    let Linked { after, .. } =
        linking::store(hub, tx, caller, &way, holder, &filled, &proof).await?;
    Ok(after)
}
