//! Sessions of a batch, which can be asked for again: each has a key made of what was asked for.

use serde_json::json;
use zeroize::Zeroizing;

use crate::domain::account::AccountType;
use crate::domain::caller::{Caller, Permission};
use crate::domain::connect_session::{ConnectSession, NewSession};
use crate::domain::time::Timestamp;
use crate::domain::token::RANDOM_BYTES;
use crate::error::HubError;
use crate::hub::Hub;
use crate::hub::vault::HashKey;
use crate::hub::write::Guard;
use crate::store::{Tx, auth_configs, connect_sessions};

use super::{Created, decide, end, finish, store};

/// What the secrets of a batch's tokens are derived for.
const PURPOSE: &str = "session token of a batch";

/// One session of a batch: what is asked for, and which of several equal ones it is.
#[derive(Debug, Clone)]
pub struct BatchItem {
    /// What is asked for.
    pub new: NewSession,
    /// 0 for the first item with these values in the batch, 1 for the next.
    pub occurrence: u64,
}

/// Creates the sessions of one step of a batch in one transaction, so that all or none are there.
///
/// The same item asked for again gets the same session and token while that session is open: a
/// batch that was cut off is repeated from its beginning, and loses and doubles nothing. For that
/// the token's secret is drawn from the store's hash key instead of from fresh random bytes. A
/// session that leads nowhere any more is revoked, and another one takes its place.
///
/// # Errors
/// As [`super::create`].
pub async fn create_batch(
    hub: &Hub,
    caller: &Caller,
    items: Vec<BatchItem>,
    guard: Guard,
) -> Result<Vec<(Created, bool)>, HubError> {
    hub.require(caller, Permission::PlatformWrite)?;
    let mut tx = hub.begin(guard).await?;
    let hash_key = hub.hash_key(&mut tx).await?;
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        let identity = identity(caller, &item);
        let key = hash_key.digest(PURPOSE, &identity);
        let mut decided = decide(hub, &mut tx, caller, item.new).await?;
        let project = caller.project();
        if let Some(known) = connect_sessions::by_batch_key(&mut tx, project, &key).await? {
            let now = hub.clock.now();
            let is_open = known.is_open(now);
            if is_open && leads(&mut tx, caller, &known, &decided.session).await? {
                let random = Zeroizing::new(secret(&hash_key, &key, known.created_at));
                all.push((finish(hub, &mut tx, caller, known.into(), &random).await?, false));
                continue;
            }
            if is_open {
                end(hub, &mut tx, caller, &known, now).await?;
            }
            // The instant is part of what the secret is drawn from.
            let later = Timestamp::from_millis(known.created_at.as_millis() + 1);
            let created_at = &mut decided.session.created_at;
            *created_at = later.max(*created_at);
            connect_sessions::release_batch_key(&mut tx, project, known.id).await?;
        }
        let random = Zeroizing::new(secret(&hash_key, &key, decided.session.created_at));
        let batch_key = Some(key.as_slice());
        let created = store(hub, &mut tx, caller, decided, &random, &hash_key, batch_key).await?;
        all.push((created, true));
    }
    guard.finish(tx).await?;
    Ok(all)
}

/// Whether an open session still leads somewhere: what it links through is there and enabled.
/// Another default since does not end it: whoever has the link may use it (AC-8, CS-15).
async fn leads(
    tx: &mut Tx,
    caller: &Caller,
    known: &ConnectSession,
    asked: &ConnectSession,
) -> Result<bool, HubError> {
    // What is asked for now was found enabled.
    let other = known.auth_config.as_ref().filter(|own| Some(*own) != asked.auth_config.as_ref());
    let Some(other) = other else { return Ok(true) };
    let found = auth_configs::by_id(tx, caller.project(), other).await?;
    Ok(found.is_some_and(|config| config.is_enabled()))
}

/// Two items are the same where everything asked for is the same.
fn identity(caller: &Caller, item: &BatchItem) -> String {
    let BatchItem { new, occurrence } = item;
    // Links that were made when an absent type still meant `production` are found again.
    let kind = match new.kind {
        None => json!(AccountType::Production),
        Some(AccountType::Production) => json!([AccountType::Production]),
        Some(kind) => json!(kind),
    };
    json!([
        caller.project().0,
        occurrence,
        new.owner.id,
        new.owner.name,
        new.owner.username,
        new.provider,
        new.auth_config,
        new.categories,
        new.account,
        new.expires_in_s,
        new.label,
        new.metadata,
        new.multiple,
        kind,
    ])
    .to_string()
}

fn secret(hash_key: &HashKey, key: &[u8; 32], created_at: Timestamp) -> [u8; RANDOM_BYTES] {
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    hash_key.digest(PURPOSE, &format!("{hex} {}", created_at.as_millis()))
}
