//! What every way of linking has in common: what its calls need, proving credentials at the
//! provider, and storing the account. Whose account it is comes from the caller's side, never from
//! a browser (CS-41).

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use crate::domain::account::{self, Account, Link};
use crate::domain::auth_config::AuthConfig;
use crate::domain::caller::Caller;
use crate::domain::connector::form::SHOWN_TOKEN;
use crate::domain::connector::reach;
use crate::domain::connector::values::Checked;
use crate::domain::connector::{AuthMethod, Connector};
use crate::domain::credentials::{ACCESS_TOKEN, REFRESH_TOKEN, Tokens, Values};
use crate::domain::event::EventKind;
use crate::domain::ids::AccountId;
use crate::domain::refresh;
use crate::domain::refusal::Refusal;
use crate::domain::request_log::TRIAL;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::provider::{Revocation, Target};
use crate::store::accounts::{self, Credentials, TokenLife};
use crate::store::{Tx, auth_configs};

pub(super) use super::refuse::provider_error;

use super::Hub;
use super::accounts::{event_data, owned_by, unknown};
use super::auth_configs::{TRIGGER_TOKEN, bad_fields};
use super::connectors;
use super::logs::Purpose;
use super::oauth_apps;
use super::sealing::Spot;

/// An auth config with everything that calls through it need.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) config: AuthConfig,
    pub(super) connector: Arc<Connector>,
    pub(super) method: AuthMethod,
    /// The administrator's values, public and secret.
    pub(super) setup: Values,
    /// What providers are handed so that they can start actions (HB-19).
    pub(super) trigger_token: Option<Secret>,
}

impl Way {
    /// What calls with these values are for.
    pub(super) fn purpose<'a>(
        &'a self,
        caller: &Caller,
        account: Option<&'a AccountId>,
        values: &'a Values,
        action: &'a str,
    ) -> Purpose<'a> {
        let (project, provider) = (caller.project(), &self.config.connector);
        Purpose { project, account, provider, method: &self.method, values, action }
    }

    /// For a call with these values.
    pub(super) fn target<'a>(&'a self, values: &'a Values) -> Target<'a> {
        Target { connector: &self.connector, method: &self.method, values }
    }

    /// What an end user may see, which presets are filled from (HB-7).
    fn shown(&self) -> Values {
        let mut shown = Values::default();
        shown.extend_public(&self.config.setup);
        if let Some(token) = &self.trigger_token {
            shown.insert(SHOWN_TOKEN, token.clone());
        }
        shown
    }

    /// What may be shown besides a form that is filled in: with an account that is edited, also what
    /// it has stored.
    pub(super) fn known(&self, edited: Option<&Account>) -> Values {
        let mut known = self.shown();
        // What was filled in for another method is not in the place of the set-up of this one.
        let is_own = |key: &String| self.method.config_fields.iter().any(|field| field.key == *key);
        let stored = edited.iter().flat_map(|account| &account.setup);
        known.extend_public(stored.filter(|(key, _)| is_own(key)));
        known
    }

    /// The administrator's values and these, which are never in the place of one of those.
    pub(super) fn values_with(
        &self,
        public: &BTreeMap<String, String>,
        secret: &BTreeMap<String, Secret>,
    ) -> Values {
        let mut values = self.setup.clone();
        let is_set = |key: &str| {
            let mut fields = self.method.setup_fields.iter();
            fields.any(|field| field.key == key) && self.setup.get(key).is_some()
        };
        values.extend_public(public.iter().filter(|(key, _)| !is_set(key)));
        values.extend(secret.clone());
        values
    }

    /// The values with which an account was linked: of another auth config only its own.
    fn values_of(&self, account: &Account, secrets: &BTreeMap<String, Secret>) -> Values {
        if account.auth_config == self.config.id {
            return self.values_with(&account.setup, secrets);
        }
        let mut values = Values::from(secrets.clone());
        values.extend_public(&account.setup);
        values
    }
}

/// The method of an auth config, as its connector has it now.
///
/// # Errors
/// `auth_method.not_found` where the connector has it no more, or it can't be used.
pub(super) fn method_of<'c>(
    connector: &'c Connector,
    config: &AuthConfig,
) -> Result<&'c AuthMethod, HubError> {
    let Some(method) = connector.auth_method(&config.method) else {
        let text = format!("method `{}` is not in the connector any more", config.method);
        return Err(HubError::new(&codes::AUTH_METHOD_UNKNOWN, text));
    };
    let Some(reason) = &method.unavailable else { return Ok(method) };
    let text = format!("method `{}` can't be used: {reason}", method.key);
    Err(HubError::new(&codes::AUTH_METHOD_UNKNOWN, text))
}

/// Reads what calls through an auth config need.
///
/// # Errors
/// `connector.not_found`, `auth_method.not_found`.
pub(super) async fn way(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    config: AuthConfig,
) -> Result<Way, HubError> {
    let pin = config.pin.as_ref();
    let resolved = connectors::resolve(tx, caller, &config.connector, pin).await?;
    let connector = resolved.ok_or_else(|| connectors::unfit(&config.connector, pin))?.connector;
    let method = method_of(&connector, &config)?.clone();
    let mut setup = Values::default();
    setup.extend_public(&config.setup);
    let mut trigger_token = None;
    if !config.secrets.is_empty()
        && let Some(sealed) = auth_configs::sealed(tx, caller.project(), &config.id).await?
    {
        let version = sealed.version;
        let spot = Spot { table: "auth_configs", id: config.id.as_str(), field: "setup", version };
        let mut secrets = hub.open(tx, caller, spot, &sealed.bytes).await?;
        trigger_token = secrets.remove(TRIGGER_TOKEN);
        setup.extend(secrets);
    }
    oauth_apps::complete(hub, tx, caller, &config, (&connector, &method), &mut setup).await?;
    Ok(Way { config, connector, method, setup, trigger_token })
}

/// What an account has stored: which credentials, and what they are.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) version: i64,
    pub(super) secrets: BTreeMap<String, Secret>,
}

pub(super) fn credentials_spot(id: &AccountId, version: i64) -> Spot<'_> {
    Spot { table: "account_credentials", id: id.as_str(), field: "credentials", version }
}

/// The credentials of an account; none where there are none.
pub(super) async fn kept(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    id: &AccountId,
) -> Result<Kept, HubError> {
    let stored = accounts::credentials(tx, caller.project(), id).await?;
    opened(hub, tx, caller, id, stored).await
}

/// The credentials of an account as far as a form may leave them out: none where they are another
/// auth config's, by whose definition they never went where they would go (threats 12, 14).
pub(super) async fn kept_for(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    way: &Way,
    account: &Account,
) -> Result<Kept, HubError> {
    let mut kept = kept(hub, tx, caller, &account.id).await?;
    let (is_own, used) = (account.auth_config == way.config.id, (&*way.connector, &way.method));
    if !is_own && !connectors::of_account(tx, caller, account, used).await?.is_empty() {
        kept.secrets.clear();
    }
    Ok(kept)
}

/// Opens the credentials that an account has stored.
pub(super) async fn opened(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    id: &AccountId,
    stored: Option<Credentials>,
) -> Result<Kept, HubError> {
    let Some(Credentials { version, sealed, .. }) = stored else {
        return Ok(Kept { version: 0, secrets: BTreeMap::new() });
    };
    let secrets = hub.open(tx, caller, credentials_spot(id, version), &sealed).await?;
    Ok(Kept { version, secrets })
}

/// What the provider said to credentials.
#[derive(Debug, Clone, Default)]
pub(super) struct Proof {
    /// Tokens that were obtained with them.
    pub(super) tokens: Option<Tokens>,
    /// When the light call went well; `None` where there is none.
    pub(super) verified_at: Option<Timestamp>,
}

/// Asks the provider whether credentials work, after getting tokens where the method needs some
/// (OA-17). No transaction may be open.
///
/// # Errors
/// As [`provider_error`].
pub(super) async fn prove(
    hub: &Hub,
    caller: &Caller,
    way: &Way,
    account: Option<&AccountId>,
    mut values: Values,
) -> Result<Proof, HubError> {
    let now = hub.clock.now();
    let mut proof = Proof::default();
    if !way.method.needs_browser() {
        let purpose = way.purpose(caller, account, &values, TRIAL);
        let obtained = hub.logging(purpose, hub.provider.obtain(way.target(&values), now));
        proof.tokens = obtained.await.map_err(provider_error)?;
        if let Some(tokens) = &proof.tokens {
            values.add_tokens(tokens);
        }
    }
    proof.verified_at = verify(hub, caller, way, account, &values).await?;
    Ok(proof)
}

/// The connector's light call: when it went well, `None` where there is none that did (OA-18).
///
/// # Errors
/// As [`provider_error`].
pub(super) async fn verify(
    hub: &Hub,
    caller: &Caller,
    way: &Way,
    account: Option<&AccountId>,
    values: &Values,
) -> Result<Option<Timestamp>, HubError> {
    let now = hub.clock.now();
    let purpose = way.purpose(caller, account, values, TRIAL);
    let answer = hub.logging(purpose, hub.provider.verify(way.target(values), now)).await;
    Ok(answer.map_err(provider_error)?.then_some(now))
}

/// Asks the provider to forget the tokens among the values.
pub(super) async fn revoke(
    hub: &Hub,
    caller: &Caller,
    way: &Way,
    account: Option<&AccountId>,
    values: &Values,
) -> Vec<Revocation> {
    let revoked = hub.provider.revoke(way.target(values), hub.clock.now());
    let purpose = way.purpose(caller, account, values, "revoke_token");
    let Ok(revoked) = hub.logging(purpose, async { Ok::<_, Infallible>(revoked.await) }).await;
    revoked
}

/// Whose account a link makes or renews, and what it carries.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    pub(super) owner: account::Owner,
    pub(super) label: Option<String>,
    pub(super) metadata: Option<serde_json::Map<String, serde_json::Value>>,
    pub(super) kind: Option<account::AccountType>,
    /// The account to renew (CS-12); without it the match key decides (CS-5, CS-6).
    pub(super) account: Option<AccountId>,
    /// Always a new account (CS-10).
    pub(super) multiple: bool,
    /// Whether whoever links tells of it, in an event that covers more.
    pub(super) is_told: bool,
}

impl Holder {
    /// The account that a link of this connector would renew; one that is named, while it is the
    /// owner's.
    pub(super) async fn known(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        provider: &crate::domain::names::ConnectorKey,
    ) -> Result<Option<Account>, HubError> {
        let project = caller.project();
        if let Some(id) = &self.account {
            let found = owned_by(tx, caller, id, &self.owner.id).await?;
            if found.provider != *provider {
                let (named, actual) = (found.provider, provider.clone());
                return Err(Refusal::WrongConnector { named, actual }.into());
            }
            return Ok(Some(found));
        }
        if self.multiple {
            return Ok(None);
        }
        let all = accounts::of_owner(tx, project, &self.owner.id, provider).await?;
        Ok(all.into_iter().find(|known| account::same_link(known, &self.owner.id, provider)))
    }
}

/// Public and secret values of an account.
type Merged = (BTreeMap<String, String>, BTreeMap<String, Secret>);

/// What a form brought.
#[derive(Debug, Clone, Default)]
pub(super) struct Filled {
    pub(super) checked: Checked,
    /// The account whose stored values stand for what is missing (HB-10, SE-4).
    pub(super) edits: Option<AccountId>,
    /// Whether stored tokens stay, since nobody logs in anew.
    pub(super) keeps_tokens: bool,
}

impl Filled {
    /// Whether the stored tokens stay, all of them.
    pub(super) fn leaves_tokens(&self) -> bool {
        self.keeps_tokens
            && [ACCESS_TOKEN, REFRESH_TOKEN].iter().all(|name| self.checked.leaves(name))
    }

    /// All values of the form, with those of the edited account where none was given. Tokens are
    /// among them only where they stay.
    ///
    /// # Errors
    /// `fields.invalid` where a stored secret would go where it never went (threats 12, 14).
    pub(super) fn over(
        &self,
        way: &Way,
        account: Option<&Account>,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<Merged, HubError> {
        let Checked { public, secret, cleared } = &self.checked;
        let Some(account) = account.filter(|_| self.edits.is_some()) else {
            return Ok((public.clone(), secret.clone()));
        };
        let method = &way.method;
        let keys: BTreeSet<&str> =
            method.config_fields.iter().map(|field| field.key.as_str()).collect();
        let stays = |key: &String| keys.contains(key.as_str()) && !cleared.contains(key);
        let mut all_public: BTreeMap<_, _> =
            account.setup.iter().filter(|(key, _)| stays(key)).map(owned).collect();
        all_public.extend(public.clone());
        let stay = |key: &String| (self.keeps_tokens && !cleared.contains(key)) || stays(key);
        let mut all_secret: BTreeMap<_, _> =
            secrets.iter().filter(|(key, _)| stay(key)).map(owned).collect();
        all_secret.extend(secret.clone());
        let kept = method.secrets_of(&Values::from(all_secret.clone()));
        let kept = kept.iter().map(|(key, _)| key).filter(|key| !secret.contains_key(*key));
        let kept: Vec<&str> = kept.collect();
        let before = way.values_of(account, secrets);
        let after = way.values_with(&all_public, &all_secret);
        reach::may_keep(&way.connector, method, (&before, &after), &kept)
            .map_err(|problems| bad_fields(&problems))?;
        Ok((all_public, all_secret))
    }
}

fn owned<K: Clone, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (key.clone(), value.clone())
}

/// What a link made.
#[derive(Debug, Clone)]
pub(super) struct Linked {
    pub(super) before: Option<Account>,
    pub(super) after: Account,
}

/// Stores a link: a new account, or new credentials for the one that the match key or the holder
/// names (CS-5 to CS-12), with its events. Every link goes through here, so that two at once make
/// one account.
///
/// # Errors
/// `account.not_found`, `account.state` for one that is archived; as [`Filled::over`].
pub(super) async fn store(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    way: &Way,
    holder: Holder,
    filled: &Filled,
    proof: &Proof,
) -> Result<Linked, HubError> {
    let now = hub.clock.now();
    let project = caller.project();
    // It may have been disabled, changed or deleted while the provider was asked (AT-8).
    let config = super::accounts::auth_config(tx, caller, &way.config.id).await?;
    let known = holder.known(tx, caller, &config.connector).await?;
    if known.as_ref().is_some_and(Account::is_archived) {
        return Err(Refusal::Archived.into());
    }
    config.may_link(known.as_ref().is_some_and(|known| known.auth_config == config.id))?;
    let stored = match (&filled.edits, &known) {
        (Some(edited), Some(known)) if known.id == *edited => {
            kept_for(hub, tx, caller, way, known).await?
        }
        // What the form left out can't be had from anywhere else.
        (Some(edited), _) => return Err(unknown(edited.as_str())),
        (None, _) => Kept { version: 0, secrets: BTreeMap::new() },
    };
    let (public, mut secrets) = filled.over(way, known.as_ref(), &stored.secrets)?;
    if let Some(tokens) = &proof.tokens {
        let mut all = Values::from(std::mem::take(&mut secrets));
        all.add_tokens(tokens);
        secrets = all.into();
    }
    let link = Link {
        owner: holder.owner,
        label: holder.label,
        metadata: holder.metadata,
        kind: holder.kind,
        setup: public,
        verified_at: proof.verified_at,
    };
    let before = known.clone();
    let after = match known {
        Some(known) => {
            let account = known.relink(&config, link, now);
            accounts::save(tx, project, &account).await?;
            Account { version: account.version + 1, ..account }
        }
        None => {
            let account = account::link_new(hub.random.uuid_v7(now)?.into(), &config, link, now);
            accounts::insert(tx, project, &account).await?;
            account
        }
    };
    if filled.leaves_tokens() && proof.tokens.is_none() {
        let version = stored.version + 1;
        let sealed = hub.seal(tx, caller, credentials_spot(&after.id, version), &secrets).await?;
        accounts::refresh::edit(tx, project, &after.id, version, &sealed).await?;
    } else {
        let life = life_of(&way.method, &secrets, proof.tokens.as_ref(), now);
        save_credentials(hub, tx, caller, &after.id, &secrets, life).await?;
    }
    let kind = match before {
        Some(_) => EventKind::AccountUpdated,
        None => EventKind::AccountCreated,
    };
    if !holder.is_told {
        let data = Some(event_data(&after));
        hub.emit(tx, caller, kind, after.id.as_str(), now, data).await?;
    }
    Ok(Linked { before, after })
}

/// How long tokens live, and when the worker renews them.
fn life_of(
    method: &AuthMethod,
    secrets: &BTreeMap<String, Secret>,
    tokens: Option<&Tokens>,
    now: Timestamp,
) -> TokenLife {
    let renewable = tokens.filter(|_| refresh::can_renew(method, secrets));
    TokenLife {
        expires_at: tokens.and_then(|tokens| tokens.expires_at),
        refresh_after: renewable.and_then(|tokens| refresh::due_of(tokens, now)),
    }
}

/// Seals new credentials; whoever refreshes the old ones at this moment is too late.
async fn save_credentials(
    hub: &Hub,
    tx: &mut Tx,
    caller: &Caller,
    id: &AccountId,
    secrets: &BTreeMap<String, Secret>,
    life: TokenLife,
) -> Result<(), HubError> {
    let stored = accounts::credentials(tx, caller.project(), id).await?;
    let version = stored.map_or(1, |stored| stored.version + 1);
    let sealed = hub.seal(tx, caller, credentials_spot(id, version), secrets).await?;
    let credentials = Credentials { version, sealed, updated_at: hub.clock.now() };
    accounts::save_credentials(tx, caller.project(), id, &credentials, life).await?;
    Ok(())
}
