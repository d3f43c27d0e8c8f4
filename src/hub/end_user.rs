//! The end user behind a session's token: what they may link, the form, and linking it.
//!
//! Whatever they may do is bound to their session: its project, owner, type, label and tags, and
//! in edit mode its account (CS-41, HB-14). None of these ever comes from the browser.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::domain::account::{Account, Status, same_link};
use crate::domain::auth_config::AuthConfig;
use crate::domain::caller::Caller;
use crate::domain::connect_session::{ConnectSession, serving};
use crate::domain::connector::form::{asked, check_filled};
use crate::domain::connector::values::{Editor, Mode};
use crate::domain::connector::{AuthMethod, Connector, Field};
use crate::domain::credentials::Values;
use crate::domain::event::EventKind;
use crate::domain::ids::{AccountId, AuthConfigId, ProjectNumber};
use crate::domain::names::ConnectorKey;
use crate::domain::project::Project;
use crate::domain::refusal::Refusal;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::store::{
    Tx, accounts, auth_configs, connect_sessions as sessions, own_connectors, projects,
};

use super::Hub;
use super::accounts::View;
use super::auth_configs::{Given, TRIGGER_TOKEN, bad_fields};
use super::linking::{self, Filled, Holder, Kept, Linked, Proof, Way};
use super::logs::Scope;
use super::{connect_sessions, connectors};

mod ended;

pub use ended::{Through, connector_name, linked_through, visit};

/// Somebody whose token opened a session.
#[derive(Debug, Clone)]
pub struct EndUser {
    /// Acts within the session's project; never with an administrator's rights.
    pub(super) caller: Caller,
    /// The session.
    pub session: ConnectSession,
    /// The project that the session belongs to, as it was when its door was opened.
    pub project: Project,
}

impl EndUser {
    /// Who acts, for what keeps the name of who did something.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(super) fn holder(&self) -> Holder {
        let session = &self.session;
        Holder {
            owner: session.owner.clone(),
            label: session.label.clone(),
            metadata: (!session.metadata.is_empty()).then(|| session.metadata.clone()),
            kind: session.kind,
            account: session.account.clone(),
            multiple: session.multiple,
            is_told: false,
        }
    }
}

/// A connector that the end user may pick.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The auth config that they would link through (HB-1).
    pub config: AuthConfig,
    /// Key, name, categories, version.
    pub connector: connectors::Summary,
    /// Where its logo is, if the definition names one.
    pub logo_url: Option<String>,
}

/// What a form is made of.
#[derive(Debug, Clone)]
pub struct Form {
    /// The auth config.
    pub config: AuthConfig,
    /// The connector, in the version that the config uses.
    pub connector: Arc<Connector>,
    /// The method.
    pub method: AuthMethod,
    /// What is asked, with presets evaluated and, in edit mode, stored values that are not secret
    /// as defaults (HB-7).
    pub fields: Vec<Field>,
    /// Edit mode: the account.
    pub account: Option<AccountId>,
    /// Edit mode: since when it is linked, while it works.
    pub works_since: Option<Timestamp>,
    /// Edit mode: keys of the secrets that are stored (SE-2, SE-4).
    pub stored_secrets: BTreeSet<String>,
    /// The session's token for providers that start actions (AC-51, HB-19).
    pub external_trigger_token: Option<Secret>,
}

impl Form {
    /// Whether linking means a login at the provider (OA-1).
    #[must_use]
    pub fn needs_browser(&self) -> bool {
        self.method.needs_browser()
    }
}

/// Opens the door for a session's token (CS-28, CS-40).
///
/// # Errors
/// `session.token_invalid`, the same for unknown, expired and revoked ones.
pub async fn enter(hub: &Hub, token: &str) -> Result<EndUser, HubError> {
    let (project, session) = connect_sessions::opened_by(hub, token).await?;
    behind(hub, project, session).await?.ok_or_else(connect_sessions::refused)
}

/// The end user of a session; none where its project is gone.
async fn behind(
    hub: &Hub,
    number: ProjectNumber,
    session: ConnectSession,
) -> Result<Option<EndUser>, HubError> {
    let mut tx = hub.store.begin_look().await?;
    let found = projects::by_number(&mut tx, number).await?;
    Ok(found.map(|project| {
        let caller = Caller::end_user(session.id, number, project.name.to_string());
        Scope::here(|scope| scope.belongs_to_end_user(&caller));
        EndUser { caller, session, project }
    }))
}

/// The account that this session edits: the one it names while that is its owner's (CS-12), or the
/// owner's own of its provider (CS-6, CS-7), but not with `multiple` (CS-10).
pub async fn existing(hub: &Hub, user: &EndUser) -> Result<Option<View>, HubError> {
    let mut tx = hub.store.begin_read().await?;
    match edited(&mut tx, user).await? {
        Some(account) => super::accounts::view(&mut tx, &user.caller, account).await.map(Some),
        None => Ok(None),
    }
}

async fn edited(tx: &mut Tx, user: &EndUser) -> Result<Option<Account>, HubError> {
    if let Some(id) = &user.session.account {
        let found = accounts::by_id(tx, user.caller.project(), id).await?;
        return Ok(found.filter(|account| account.is_of(&user.session.owner.id)));
    }
    match &user.session.provider {
        Some(provider) => user.holder().known(tx, &user.caller, provider).await,
        None => Ok(None),
    }
}

/// The account that a browser names: the one that the session edits, else any of its owner's
/// (HB-14), since a page that embeds the component may name one (contract section 9.9). With
/// `multiple` there is none to edit (CS-10).
async fn reached(tx: &mut Tx, user: &EndUser, id: &AccountId) -> Result<Account, HubError> {
    let session = &user.session;
    let found = accounts::by_id(tx, user.caller.project(), id).await?;
    let is_reached = |account: &Account| match &session.account {
        Some(own) => account.id == *own && account.is_of(&session.owner.id),
        None => {
            let provider = session.provider.as_ref().unwrap_or(&account.provider);
            !session.multiple && same_link(account, &session.owner.id, provider)
        }
    };
    found.filter(is_reached).ok_or_else(|| super::accounts::unknown(id.as_str()))
}

/// What the end user may pick: the session's auth config alone, else the default of each connector
/// whose default is enabled, within the session's categories (HB-1 to HB-4, CS-20 to CS-22). With
/// `provider`, what serves the account that is edited stands in the place of that connector's
/// default, and first.
pub async fn choices(
    hub: &Hub,
    user: &EndUser,
    provider: Option<&ConnectorKey>,
) -> Result<Vec<Choice>, HubError> {
    let mut tx = hub.store.begin_read().await?;
    let (caller, session) = (&user.caller, &user.session);
    let mut configs = Vec::new();
    if let Some(id) = &session.auth_config {
        configs.extend(auth_configs::by_id(&mut tx, caller.project(), id).await?);
    } else if session.follows_defaults() {
        auth_configs::scan(&mut tx, caller.project(), |config| {
            if config.is_default {
                configs.push(config);
            }
            Ok::<_, HubError>(ControlFlow::Continue(()))
        })
        .await?;
        if let Some(provider) = provider {
            let known = user.holder().known(&mut tx, caller, provider).await?;
            let all = auth_configs::of_connector(&mut tx, caller.project(), provider).await?;
            configs.retain(|config| config.connector != *provider);
            configs.extend(serving(&all, known.as_ref()).cloned());
        }
    }
    let own = own_connectors::keys(&mut tx, caller.project()).await?;
    let mut choices = Vec::with_capacity(configs.len());
    for config in configs.into_iter().filter(AuthConfig::is_enabled) {
        let pin = config.pin.as_ref();
        let found = connectors::pick(&mut tx, caller, &own, &config.connector, pin).await?;
        let Some(found) = found.filter(|found| {
            session.covers(&found.summary.categories) && found.can_use(config.method.as_str())
        }) else {
            continue;
        };
        let connectors::Pick { summary, logo_url, .. } = found;
        choices.push(Choice { config, connector: summary, logo_url });
    }
    choices.sort_by_cached_key(|choice| {
        let is_first = provider.is_some_and(|wanted| choice.config.connector == *wanted);
        (!is_first, choice.connector.name.to_lowercase())
    });
    Ok(choices)
}

/// HB-1, HB-4: whether a session offers an auth config: the one that it names alone; else a
/// connector's default, and what an account of its owner was linked through.
async fn is_offered(tx: &mut Tx, user: &EndUser, config: &AuthConfig) -> Result<bool, HubError> {
    let session = &user.session;
    if let Some(named) = &session.auth_config {
        return Ok(config.id == *named);
    }
    if config.is_default || session.multiple {
        return Ok(config.is_default);
    }
    let (owner, provider) = (&session.owner.id, &config.connector);
    let all = accounts::of_owner(tx, user.caller.project(), owner, provider).await?;
    let through = |one: &Account| one.auth_config == config.id && same_link(one, owner, provider);
    Ok(all.iter().any(through))
}

fn not_offered() -> HubError {
    let text = "the session does not allow this connector or auth config";
    HubError::new(&codes::CONNECT_NOT_OFFERED, text)
}

/// What a session offers: a way to link, and the account that it would renew.
pub(super) struct Offer {
    pub(super) way: Way,
    pub(super) account: Option<Account>,
    kept: Kept,
    /// The fields as the definition has them.
    fields: Vec<Field>,
}

/// Looks up what the end user may link through an auth config.
///
/// # Errors
/// As [`form`].
pub(super) async fn offer(
    hub: &Hub,
    tx: &mut Tx,
    user: &EndUser,
    id: &AuthConfigId,
) -> Result<Offer, HubError> {
    offer_for(hub, tx, user, id, None).await
}

/// The same for the account that the browser named, if it named one.
async fn offer_for(
    hub: &Hub,
    tx: &mut Tx,
    user: &EndUser,
    id: &AuthConfigId,
    named: Option<Account>,
) -> Result<Offer, HubError> {
    let caller = &user.caller;
    let config = super::accounts::auth_config(tx, caller, id).await?;
    Scope::here(|scope| scope.concerns(None, Some(&config.connector)));
    // Which connector it is decides what a disabled one is told as (threat 10).
    if !is_offered(tx, user, &config).await? {
        return Err(not_offered());
    }
    if !config.is_enabled() {
        let (connector, auth_config) = (config.connector, config.id);
        return Err(Refusal::Disabled { connector, auth_config }.into());
    }
    let way = linking::way(hub, tx, caller, config).await?;
    if !user.session.covers(&way.connector.categories) {
        return Err(not_offered());
    }
    let wanted = named.as_ref().map(|account| &account.id).or(user.session.account.as_ref());
    let wanted = wanted.cloned();
    let account = match named {
        Some(named) => Some(named),
        None => edited(tx, user).await?,
    };
    let account = account.filter(|account| account.provider == way.config.connector);
    if account.is_none()
        && let Some(gone) = wanted
    {
        return Err(super::accounts::unknown(gone.as_str()));
    }
    Scope::here(|scope| scope.concerns(account.as_ref().map(|account| &account.id), None));
    let kept = match &account {
        Some(account) => linking::kept_for(hub, tx, caller, &way, account).await?,
        None => Kept { version: 0, secrets: Given::new() },
    };
    // HB-19: what the session hands over is nobody's to fill in.
    let own = |field: Field| if field.key == TRIGGER_TOKEN { field.withheld() } else { field };
    let fields = way.method.config_fields.iter().cloned().map(own).collect();
    Ok(Offer { way, account, kept, fields })
}

impl Offer {
    /// Keys of the method's fields that have a stored value.
    fn stored(&self) -> BTreeSet<String> {
        let setup = self.account.iter().flat_map(|account| account.setup.keys());
        let stored: BTreeSet<&String> = setup.chain(self.kept.secrets.keys()).collect();
        let keys = self.fields.iter().map(|field| &field.key);
        keys.filter(|key| stored.contains(key)).cloned().collect()
    }

    /// Checks a filled form (HB-8 to HB-11, HB-19).
    ///
    /// # Errors
    /// `fields.invalid`.
    pub(super) fn check(&self, mut given: Given, edits: bool) -> Result<Filled, HubError> {
        if self.fields.iter().any(|field| field.key == TRIGGER_TOKEN) {
            given.remove(TRIGGER_TOKEN);
            given.extend(
                self.way.trigger_token.clone().map(|token| (TRIGGER_TOKEN.to_owned(), token)),
            );
        }
        let stored = self.stored();
        let account = self.account.as_ref().filter(|_| edits);
        let mode = match account {
            Some(_) => Mode::Edit { stored: &stored, by: Editor::EndUser },
            None => Mode::New,
        };
        let Way { connector, method, .. } = &self.way;
        let known = self.way.known(account);
        let checked = check_filled(connector, method, &self.fields, &known, &given, mode);
        let mut checked = checked.map_err(|problems| bad_fields(&problems))?;
        if checked.secret.contains_key(TRIGGER_TOKEN) {
            // An older link may have kept it where it is shown.
            checked.cleared.insert(TRIGGER_TOKEN.to_owned());
        }
        let edits = account.map(|account| account.id.clone());
        Ok(Filled { checked, edits, keeps_tokens: false })
    }

    /// Everything that calls need, before any token.
    ///
    /// # Errors
    /// As [`Filled::over`].
    pub(super) fn values(&self, filled: &Filled) -> Result<Values, HubError> {
        let account = self.account.as_ref();
        let (public, secret) = filled.over(&self.way, account, &self.kept.secrets)?;
        Ok(self.way.values_with(&public, &secret))
    }

    /// The form, with what is stored and may be shown.
    fn form(self) -> Form {
        let stored = self.stored();
        let Self { way, account, fields, .. } = self;
        let mut fields = asked(&fields, &way.known(account.as_ref()));
        let mut stored_secrets = BTreeSet::new();
        for field in &mut fields {
            if field.key == TRIGGER_TOKEN {
                continue;
            }
            if field.is_secret() {
                stored_secrets.extend(stored.get(&field.key).cloned());
            } else if let Some(value) =
                account.as_ref().and_then(|account| account.setup.get(&field.key))
                && (field.default.is_none() || !field.is_fixed())
            {
                field.default = Some(value.clone());
            }
        }
        let works = account.as_ref().filter(|account| account.shown_status() == Status::Active);
        Form {
            config: way.config,
            connector: way.connector,
            method: way.method,
            fields,
            works_since: works.map(|account| account.created_at),
            account: account.map(|account| account.id),
            stored_secrets,
            external_trigger_token: way.trigger_token,
        }
    }
}

/// The form of one of them.
///
/// # Errors
/// `auth_config.not_found` for one that is not this project's; `connect.not_offered` (403) for one
/// that the session does not allow, `connector.not_enabled` for a disabled one (threat 10).
pub async fn form(hub: &Hub, user: &EndUser, id: &AuthConfigId) -> Result<Form, HubError> {
    let mut tx = hub.store.begin_read().await?;
    Ok(offer(hub, &mut tx, user, id).await?.form())
}

/// An account that the browser names, and the form by which it is edited: that of the session's
/// auth config, else of what serves the account (HB-4, HB-14).
///
/// # Errors
/// `account.not_found` for one that the session does not reach; as [`form`].
pub async fn edited_by(
    hub: &Hub,
    user: &EndUser,
    id: &AccountId,
) -> Result<(Account, Form), HubError> {
    let mut tx = hub.store.begin_read().await?;
    let account = reached(&mut tx, user, id).await?;
    let config = match &user.session.auth_config {
        Some(named) => named.clone(),
        None => {
            let (project, connector) = (user.caller.project(), &account.provider);
            let all = auth_configs::of_connector(&mut tx, project, connector).await?;
            let found = serving(&all, Some(&account));
            found.map_or_else(|| account.auth_config.clone(), |config| config.id.clone())
        }
    };
    let offer = offer_for(hub, &mut tx, user, &config, Some(account.clone())).await?;
    Ok((account, offer.form()))
}

/// Links or re-links an account from a filled form, after the provider accepted it (HB-8 to HB-12,
/// OA-17, CS-5 to CS-12). `account` is the one that the browser says it edits; the session must
/// reach it (HB-14).
///
/// # Errors
/// `fields.invalid`; `provider.refused` (422) with the provider's reason, and nothing is stored;
/// `provider.unreachable`; as [`form`].
pub async fn link(
    hub: &Hub,
    user: &EndUser,
    id: &AuthConfigId,
    account: Option<&AccountId>,
    values: Given,
) -> Result<View, HubError> {
    let mut tx = hub.store.begin_read().await?;
    let named = match account {
        Some(wanted) => Some(reached(&mut tx, user, wanted).await?),
        None => None,
    };
    let offer = offer_for(hub, &mut tx, user, id, named).await?;
    drop(tx);
    if offer.way.method.needs_browser() {
        let text = format!("{} is linked by a login at the provider", offer.way.connector.name);
        return Err(HubError::new(&codes::FIELDS_INVALID, text));
    }
    let filled = offer.check(values, account.is_some())?;
    let values = offer.values(&filled)?;
    let proof = linking::prove(hub, &user.caller, &offer.way, account, values).await?;
    let mut tx = hub.store.begin_write().await?;
    let linked = finish(hub, &mut tx, user, &offer.way, &filled, &proof).await?;
    let view = super::accounts::view(&mut tx, &user.caller, linked.after).await?;
    tx.commit().await?;
    Ok(view)
}

/// Stores what a session linked, and notes it there.
///
/// # Errors
/// `session.token_invalid` where the session was revoked while the provider was asked;
/// `connect.not_offered` where its account was moved to another auth config.
pub(super) async fn finish(
    hub: &Hub,
    tx: &mut Tx,
    user: &EndUser,
    way: &Way,
    filled: &Filled,
    proof: &Proof,
) -> Result<Linked, HubError> {
    let (project, session) = (user.caller.project(), user.session.id);
    // What it is for may be something else by now (AT-16, AT-18).
    let found = sessions::by_id(tx, project, session).await?;
    let user = &EndUser { session: found.ok_or_else(connect_sessions::refused)?, ..user.clone() };
    if !user.session.still_allows(&way.config.id) {
        return Err(not_offered());
    }
    let mut holder = user.holder();
    // The form was that of this account: if it is gone, nothing else takes its place.
    holder.account = holder.account.or_else(|| filled.edits.clone());
    let linked = linking::store(hub, tx, &user.caller, way, holder, filled, proof).await?;
    Scope::here(|scope| scope.concerns(Some(&linked.after.id), None));
    if !sessions::set_linked(tx, project, session, &linked.after.id).await? {
        return Err(HubError::new(&codes::SESSION_TOKEN_INVALID, "the session was revoked"));
    }
    let kind = EventKind::SessionUsed;
    connect_sessions::emit(hub, tx, &user.caller, kind, &user.session).await?;
    Ok(linked)
}
