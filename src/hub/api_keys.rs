//! Operations on API keys, and who a presented key is (KP-1 to KP-8).

use std::net::IpAddr;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::domain::api_key::{self, ApiKey, NewKey, NotAdmitted, USE_NOTED_EVERY_S};
use crate::domain::caller::{Caller, Permission};
use crate::domain::event::EventKind;
use crate::domain::ids::{ApiKeyId, KeyNumber};
use crate::domain::time::Timestamp;
use crate::domain::token::{KeyToken, RANDOM_BYTES, secret_part};
use crate::domain::words::escaped;
use crate::error::{HubError, codes};
use crate::store::{Tx, api_keys};

use super::Hub;
use super::write::{Guard, Outcome, Record};

/// What a key's secret part is hashed for.
const PURPOSE: &str = "API key";

/// A new key with its text, which is shown this once (KP-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The key.
    pub key: ApiKey,
    /// Its text.
    pub token: KeyToken,
}

/// A key and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The key.
    pub key: ApiKey,
    /// At which instant it was looked at.
    pub now: Timestamp,
}

fn unknown(text: &str) -> HubError {
    let shown = escaped(text, 80);
    HubError::new(&codes::API_KEY_UNKNOWN, format!("no API key `{shown}`")).hint("hubctl keys list")
}

async fn find(tx: &mut Tx, caller: &Caller, text: &str) -> Result<ApiKey, HubError> {
    // A key's own text is longer than any id or name; it must not come back in an error.
    let is_text = KeyToken::parse(text).is_ok();
    let found = match is_text {
        true => None,
        false => api_keys::by_id_or_name(tx, caller.project(), text).await?,
    };
    found.ok_or_else(|| unknown(if is_text { KeyToken::PREFIX } else { text }))
}

/// The facts of a key, for records and events.
fn facts(key: &ApiKey) -> Value {
    json!({
        "name": key.name.as_str(),
        "scopes": key.scopes.iter().map(Permission::as_str).collect::<Vec<_>>(),
        "expires_at": key.expires_at,
        "disabled_at": key.disabled_at,
    })
}

/// Makes a key, which may do at most what its maker may, and no longer.
///
/// # Errors
/// `api_key.exists`, `api_key.invalid`; `auth.forbidden` for scopes that the caller lacks, and for a
/// life that is longer than the caller's.
pub async fn create(
    hub: &Hub,
    caller: &Caller,
    new: NewKey,
    guard: Guard,
) -> Result<Created, HubError> {
    hub.require(caller, Permission::Administer)?;
    let now = hub.clock.now();
    let id: ApiKeyId = hub.random.uuid_v7(now)?.into();
    let mut key = api_key::make(new, id, caller, now)?;
    let mut tx = hub.begin(guard).await?;
    let hash_key = hub.hash_key(&mut tx).await?;
    let mut random = Zeroizing::new([0; RANDOM_BYTES]);
    hub.random.fill(random.as_mut_slice())?;
    let hash = hash_key.digest(PURPOSE, &secret_part(&random));
    let Some(number) = api_keys::insert(&mut tx, caller.project(), &key, &hash).await? else {
        let text = format!("API key `{}` exists", key.name);
        return Err(HubError::new(&codes::API_KEY_EXISTS, text)
            .hint(format!("hubctl keys get {}", key.name)));
    };
    key.number = number;
    write_down(hub, &mut tx, caller, now, "create", (None, Some(&key))).await?;
    guard.finish(tx).await?;
    let token = KeyToken::mint(number.0, &random);
    Ok(Created { key, token })
}

/// Records a change of a key, and tells of it in an event.
async fn write_down(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    now: Timestamp,
    action: &str,
    (before, after): (Option<&ApiKey>, Option<&ApiKey>),
) -> Result<Option<crate::domain::ids::OperationId>, HubError> {
    let Some(key) = after.or(before) else { return Ok(None) };
    let kind = match action {
        "create" => EventKind::KeyCreated,
        "disable" => EventKind::KeyDisabled,
        "enable" => EventKind::KeyEnabled,
        _ => EventKind::KeyDeleted,
    };
    let record = Record {
        action,
        resource: format!("key/{}", key.id),
        affected: 0,
        before: before.map(facts),
        after: after.map(facts),
    };
    let operation = hub.record(tx, caller, now, record).await?;
    let data = json!({ "name": key.name.as_str() });
    hub.emit(tx, caller, kind, key.id.as_str(), now, Some(data)).await?;
    Ok(Some(operation))
}

/// The project's keys, by name.
pub async fn list(hub: &Hub, caller: &Caller) -> Result<Vec<Seen>, HubError> {
    hub.require(caller, Permission::Administer)?;
    let now = hub.clock.now();
    let mut tx = hub.store.begin_read().await?;
    let keys = api_keys::list(&mut tx, caller.project()).await?;
    Ok(keys.into_iter().map(|key| Seen { key, now }).collect())
}

/// The key of this id or name.
///
/// # Errors
/// `api_key.not_found`.
pub async fn get(hub: &Hub, caller: &Caller, text: &str) -> Result<Seen, HubError> {
    hub.require(caller, Permission::Administer)?;
    let mut tx = hub.store.begin_read().await?;
    Ok(Seen { key: find(&mut tx, caller, text).await?, now: hub.clock.now() })
}

/// Disables a key: whoever holds it is refused from now on.
///
/// # Errors
/// `api_key.not_found`.
pub async fn disable(
    hub: &Hub,
    caller: &Caller,
    text: &str,
    guard: Guard,
) -> Result<Outcome<Seen>, HubError> {
    switch(hub, caller, text, guard, "disable").await
}

/// Enables a disabled key.
///
/// # Errors
/// `api_key.not_found`.
pub async fn enable(
    hub: &Hub,
    caller: &Caller,
    text: &str,
    guard: Guard,
) -> Result<Outcome<Seen>, HubError> {
    switch(hub, caller, text, guard, "enable").await
}

async fn switch(
    hub: &Hub,
    caller: &Caller,
    text: &str,
    guard: Guard,
    action: &str,
) -> Result<Outcome<Seen>, HubError> {
    hub.require(caller, Permission::Administer)?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let before = find(&mut tx, caller, text).await?;
    let changed = match action {
        "disable" => before.disable(now),
        _ => before.enable(),
    };
    let Some(after) = changed else { return Ok(Outcome::unchanged(Seen { key: before, now })) };
    api_keys::set_disabled(&mut tx, caller.project(), &after).await?;
    let keys = (Some(&before), Some(&after));
    let operation = write_down(hub, &mut tx, caller, now, action, keys).await?;
    guard.finish(tx).await?;
    Ok(Outcome {
        before: Some(Seen { key: before, now }),
        after: Some(Seen { key: after, now }),
        changed: true,
        affected: 0,
        operation,
    })
}

/// Deletes a key for good.
///
/// # Errors
/// `api_key.not_found`.
pub async fn delete(
    hub: &Hub,
    caller: &Caller,
    text: &str,
    guard: Guard,
) -> Result<Outcome<Seen>, HubError> {
    hub.require(caller, Permission::Administer)?;
    let now = hub.clock.now();
    let mut tx = hub.begin(guard).await?;
    let before = find(&mut tx, caller, text).await?;
    api_keys::delete(&mut tx, caller.project(), before.number).await?;
    let operation = write_down(hub, &mut tx, caller, now, "delete", (Some(&before), None)).await?;
    guard.finish(tx).await?;
    let before = Some(Seen { key: before, now });
    Ok(Outcome { before, after: None, changed: true, affected: 0, operation })
}

/// Whether the store has a key at all, for whoever is about to serve it.
pub async fn any(hub: &Hub) -> Result<bool, HubError> {
    let mut tx = hub.store.begin_read().await?;
    Ok(api_keys::any(&mut tx).await?)
}

/// Who holds the key presented, coming from `source`.
///
/// Malformed, unknown, altered, disabled, expired and deleted keys get one answer, after the same
/// work (threat 15). The use is not noted here: see [`touch_used`].
///
/// # Errors
/// `auth.key_invalid`; `auth.address_refused` where the key is fine but the project admits other
/// addresses only (KP-8).
pub async fn authenticate(
    hub: &Hub,
    presented: &str,
    source: Option<IpAddr>,
) -> Result<Caller, HubError> {
    let refused = || HubError::new(&codes::KEY_INVALID, "the API key is not valid");
    let token = KeyToken::parse(presented).ok();
    // No row has the number 0, and no row's hash is that of an empty secret.
    let (row, secret) = token.as_ref().map_or((0, ""), |token| (token.row(), token.secret()));
    let mut tx = hub.store.begin_look().await?;
    let hash_key = hub.known_hash_key(&mut tx).await?.ok_or_else(refused)?;
    let found = api_keys::by_number(&mut tx, KeyNumber(row)).await?;
    drop(tx);
    let stored = found.as_ref().map_or(&[0; 32][..], |found| &found.hash);
    let fits = hash_key.matches(PURPOSE, secret, stored);
    let found = found.filter(|_| fits).ok_or_else(refused)?;
    match found.key.admits(hub.clock.now(), &found.allowlist, source) {
        Ok(()) => Ok(Caller::with_key(found.key.acting(), found.project, found.project_name)),
        Err(NotAdmitted::Disabled | NotAdmitted::Expired) => Err(refused()),
        Err(NotAdmitted::Address) => Err(address_refused(&found.project_name, source)),
    }
}

fn address_refused(project: &str, source: Option<IpAddr>) -> HubError {
    let seen = source.map_or("an unknown address".to_owned(), |ip| ip.to_canonical().to_string());
    let text = format!("the project does not admit callers from {seen}");
    HubError::new(&codes::ADDRESS_REFUSED, text).hint(format!(
        "hubctl projects update {project} --clear-allow-ip # on the hub's own store, or --allow-ip \
         with the whole list; a proxy's address: hubctl serve --trusted-proxy"
    ))
}

/// Notes that these keys were used, each at most once a minute; keys that are gone are passed
/// over. For a task beside the requests, which wait for nothing of it.
pub async fn touch_used(hub: &Hub, keys: &[KeyNumber]) -> Result<(), HubError> {
    let now = hub.clock.now();
    let mut tx = hub.store.begin_look().await?;
    let mut due =
        api_keys::unused_since(&mut tx, keys, now.plus_seconds(-USE_NOTED_EVERY_S)).await?;
    drop(tx);
    if due.is_empty() {
        return Ok(());
    }
    // In one order everywhere, so that two hubs never wait for one another in a circle.
    due.sort_unstable();
    // No other writer's decision hangs on it.
    let mut tx = hub.store.begin_append().await?;
    for number in due {
        api_keys::touch(&mut tx, number, now).await?;
    }
    tx.commit().await?;
    Ok(())
}
